//! The demo: a complete playground on this machine.

mod exec;
pub mod project;
pub mod server;
