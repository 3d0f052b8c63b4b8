//! `golive releases`: what is live, since when, by whom, what was in it.
//!
//! `past` asks git and the journals, for every face; what is printed without a screen is made in the other files.

pub mod diff;
pub mod list;
pub mod past;
mod rows;
pub mod show;
pub mod verify;
pub mod versions;

pub use past::Past;
