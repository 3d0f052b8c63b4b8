//! The demo: a complete playground on this machine.

pub mod project;
pub mod server;
