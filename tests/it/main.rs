//! All integration tests in one binary; `support` holds what they share.

mod checklists;
mod demo;
mod journals;
mod plans;
mod remote;
mod runs;
mod support;
mod tags;
mod themes;
