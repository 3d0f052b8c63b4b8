//! Logs as documents: files of attempts with the times of their bytes, looked at while they are read.

mod files;
