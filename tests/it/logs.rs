//! Logs as documents: files of attempts with the times of their bytes, looked at while they are read; past runs on
//! the screen.

mod files;
mod past;
