//! Output of attempts on disk.

pub mod store;
