//! Plans: what a checklist is expanded to, what waits for what, what is predicted, and the plan's name.

mod bench;
mod builds;
mod digests;
mod forecasts;
mod graphs;
