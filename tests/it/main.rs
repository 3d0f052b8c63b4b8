//! All integration tests in one binary; `support` holds what they share.
#![expect(
    clippy::unwrap_used,
    reason = "these are tests; the setting for them does not reach their helper functions"
)]

mod architecture;
mod checklists;
mod demo;
mod journals;
mod plans;
mod remote;
mod runs;
mod support;
mod tags;
mod themes;
