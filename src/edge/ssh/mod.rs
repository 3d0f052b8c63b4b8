//! Launching on hosts over the system's OpenSSH.

mod control;
mod failure;
mod master;
mod mux;
pub mod pool;
