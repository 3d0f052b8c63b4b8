//! The journal on disk: run folders, their list, their owner.

pub mod format;
pub mod reader;
pub mod writer;
