//! The console as an operator meets it: the real program in a real terminal, keys in, screen out.
//!
//! Each test has a home, a project and hosts of its own, and waits for conditions on the screen, in files or in the
//! journal. What must not have happened is looked up in the journal, which is written before anything is started.

mod deaths;
mod demo;
mod failures;
mod gates;
mod leaving;
mod looks;
mod shelf;
