//! Plans: what a checklist is expanded to, what waits for what, and what is predicted.

mod bench;
mod forecasts;
mod graphs;
