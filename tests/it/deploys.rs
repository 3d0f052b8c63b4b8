//! Whole runs: the real program without a terminal, real git, real OpenSSH servers.
//!
//! Each test is a project of its own on a fleet of its own, and sees what an operator sees: exit codes, what is
//! printed, what happened on the hosts, in git and in the journal. Nothing here calls golive's code.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

mod colleagues;
mod dead;
mod decisions;
mod ends;
mod failures;
mod gits;
mod ground;
mod hostile;
mod orders;
mod outputs;
mod parts;
mod plans;
mod reaches;
mod rollbacks;
mod shells;
mod signatures;
mod truths;
mod walks;
