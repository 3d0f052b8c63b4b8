//! Output: bytes from outside, made safe to show and understood line by line.

pub mod ansi;
pub mod forms;
pub mod lines;
pub mod readers;
pub mod redact;
mod sgr;
