//! All integration tests in one binary; `support` holds what they share.

mod checklists;
mod journals;
mod tags;
mod themes;
mod remote;
mod support;
