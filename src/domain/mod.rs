//! The domain: what golive knows, without doing anything.
//!
//! Pure: no files, processes, clocks, threads or terminals. A room imports only rooms listed before it.

pub mod action;
pub mod catalog;
pub mod checklist;
pub mod diff;
pub mod evidence;
pub mod feed;
pub mod id;
pub mod lock;
pub mod log;
pub mod output;
pub mod overview;
pub mod plan;
pub mod release;
pub mod run;
pub mod secret;
pub mod source;
pub mod step;
pub mod text;
