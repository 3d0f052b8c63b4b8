//! All integration tests in one binary; `support` holds what they share.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod architecture;
mod chaos;
mod checklists;
mod console;
mod demo;
mod deploys;
mod diffs;
mod documents;
mod faces;
mod fuzz;
mod hostile;
mod journals;
mod launcher;
mod locks;
mod logs;
mod machines;
mod plans;
mod releases;
mod remote;
mod replays;
mod reviews;
mod runners;
mod runs;
mod screens;
mod secrets;
mod simulation;
mod support;
mod tags;
mod tails;
mod terminal;
mod themes;
mod viewer;
