//! Plans: what a checklist is expanded to, what waits for what, what is predicted, and the plan's name.

#![expect(clippy::unwrap_used, reason = "the fixtures here are tests as well")]

mod bench;
mod builds;
mod digests;
mod forecasts;
mod gates;
mod graphs;
mod walks;
