//! Reading a journal: the longest valid prefix, or an error that names the line.
//!
//! A last line without its newline was torn while it was written: its append never returned, so nothing was
//! done on its strength, and it is left out. Everything else that does not fit is damage: a record that
//! somebody relied on may be lost, so it is an error and never a guess.

use std::io;
use std::path::{Path, PathBuf};

use super::format::{Chain, LineError};
use crate::domain::run::Record;

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("could not read the journal {path}: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// A line is damaged.
    #[error("the journal {path} is damaged at line {line}: {why}")]
    Damage {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: LineError,
    },
}

/// What a journal says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// Its records in order.
    pub records: Vec<Record>,
    /// Where the next record continues.
    pub chain: Chain,
    /// Bytes up to here are valid; more bytes than these are a torn last line.
    pub valid: u64,
}

/// Reads the journal at `path`.
pub fn read(path: &Path) -> Result<Reading, ReadError> {
    let bytes = std::fs::read(path).map_err(|why| ReadError::File {
        path: path.to_owned(),
        why,
    })?;
    parse(&bytes).map_err(|(line, why)| ReadError::Damage {
        path: path.to_owned(),
        line,
        why,
    })
}

/// Reads the bytes of a journal; an error is the number of the damaged line, from 1, and what is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<Reading, (usize, LineError)> {
    let mut reading = Reading::default();
    let mut rest = bytes;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let record = reading
            .chain
            .read(&rest[..end])
            .map_err(|why| (reading.records.len() + 1, why))?;
        reading.records.push(record);
        reading.valid += end as u64 + 1;
        rest = &rest[end + 1..];
    }
    // A whole line whose newline became another byte was written to its end: that is damage, not tearing.
    if let Some((_, line)) = rest.split_last()
        && reading.chain.clone().read(line).is_ok()
    {
        return Err((reading.records.len() + 1, LineError::Shape));
    }
    Ok(reading)
}
