//! Output of attempts on disk: one plain file per attempt, the exact bytes it printed.
//!
//! Owns the folder `logs` of a run. Output is not journal: it is not synced and not chained, and it may hold
//! anything. Nothing here loads a whole file.

pub mod desk;
pub mod files;
pub mod inflow;
pub mod spool;
pub mod store;
pub mod times;

pub use store::{LogFile, Logs};
