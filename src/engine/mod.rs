//! The engine: drives one run from its first record to its last.

pub mod dispatcher;
pub mod unit;
