//! All integration tests in one binary; `support` holds what they share.

mod architecture;
mod checklists;
mod demo;
mod faces;
mod journals;
mod launcher;
mod plans;
mod remote;
mod runs;
mod screens;
mod support;
mod tags;
mod terminal;
mod themes;
