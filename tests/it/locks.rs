//! The lock of an environment as a whole: on all its hosts and in a ref of the remote, between several operators.
//!
//! Each operator has a clone, a home and connections of its own. `folders` needs no server: its hosts are folders.
//! `servers` runs on real OpenSSH. `consoles` starts golive itself, many at
//! once, each at one of the `desks`; in `takeovers` its locks change hands.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

mod consoles;
mod desks;
mod folders;
mod ground;
mod servers;
mod takeovers;
