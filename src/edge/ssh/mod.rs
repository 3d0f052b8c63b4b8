//! Launching on hosts over the system's OpenSSH.

pub mod pool;
