//! All integration tests in one binary; `support` holds what they share.

mod demo;
mod checklists;
mod journals;
mod remote;
mod runs;
mod support;
mod tags;
mod themes;
mod plans;
