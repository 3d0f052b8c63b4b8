//! Output: bytes from outside, made safe to show and understood line by line.

pub mod ansi;
pub mod lines;
pub mod readers;
mod sgr;
