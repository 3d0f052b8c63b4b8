//! Chaos: whole runs on real OpenSSH servers while something dies at random moments.
//!
//! No step here may be run twice: each notes its attempt on its host and prints a known amount of output. Whatever is
//! killed, frozen, cut or full, in the end every step ran exactly once, every log is exact to the byte, the tag was
//! written once, and nothing of golive is left running. Moments are thrown with a seed that every failure names:
//! `GOLIVE_CHAOS_SEED` throws them again, `GOLIVE_CHAOS_RUNS` sets how many runs are killed.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

mod console;
mod dice;
mod disks;
mod kills;
mod lane;
mod links;
mod restarts;
