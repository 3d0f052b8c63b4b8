//! When output arrived: a small file beside each log file.
//!
//! Records of 16 bytes: the offset of the first byte that arrived, then the moment in milliseconds since 1970, both
//! little-endian. One is added when bytes come in a new millisecond. The file only helps: it may be missing, torn or
//! damaged, and then moments are not known. Nothing here is ever an error for who writes or reads a log.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The length of a record.
const RECORD: usize = 16;
/// The most records that are read; older output than that of a log this long has no times.
const MOST: usize = 4 << 20;

/// Bytes from an offset on arrived at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The first of them.
    pub offset: u64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
}

/// The file of times of a log file.
pub fn path_of(log: &Path) -> PathBuf {
    log.with_extension("times")
}

/// Adds times while a log is written.
#[derive(Debug)]
pub(super) struct Keeper {
    file: Option<File>,
    last_ms: Option<i64>,
}

impl Keeper {
    /// Opens the times of the log file at `log`, which has `length` bytes. A torn or foreign end is cut off.
    pub(super) fn open(log: &Path, length: u64) -> Self {
        let path = path_of(log);
        let good = read_file(&path, length).len() as u64 * RECORD as u64;
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .ok()
            .filter(|file| {
                let long = file.metadata().is_ok_and(|facts| facts.len() != good);
                !long || file.set_len(good).is_ok()
            });
        Self {
            file,
            last_ms: None,
        }
    }

    /// Bytes from `offset` on arrived at this moment. After a write that failed nothing more is kept.
    pub(super) fn note(&mut self, offset: u64, at_ms: i64) {
        if self.last_ms == Some(at_ms) {
            return;
        }
        if let Some(file) = &mut self.file {
            let mut record = [0; RECORD];
            record[..8].copy_from_slice(&offset.to_le_bytes());
            record[8..].copy_from_slice(&at_ms.to_le_bytes());
            if file.write_all(&record).is_err() {
                self.file = None;
            }
            self.last_ms = Some(at_ms);
        }
    }
}

/// When the output in the log file at `log`, of `length` bytes, arrived, in the order of the offsets; empty = unknown.
pub fn read(log: &Path, length: u64) -> Vec<Arrival> {
    read_file(&path_of(log), length)
}

/// The longest good beginning of a file of times.
fn read_file(path: &Path, length: u64) -> Vec<Arrival> {
    let mut bytes = Vec::new();
    // A pipe or a device in its place would never end.
    let is_plain = std::fs::symlink_metadata(path).is_ok_and(|facts| facts.is_file());
    if !is_plain {
        return Vec::new();
    }
    let Ok(file) = File::open(path) else {
        return Vec::new();
    };
    if file
        .take((MOST * RECORD) as u64)
        .read_to_end(&mut bytes)
        .is_err()
    {
        return Vec::new();
    }
    let number = |part: &[u8]| part.iter().rev().fold(0, |n, b| (n << 8) | u64::from(*b));
    let mut next = 0;
    bytes
        .chunks_exact(RECORD)
        .map(|record| Arrival {
            offset: number(&record[..8]),
            at_ms: number(&record[8..]).cast_signed(),
        })
        .take_while(|arrival| {
            let good = arrival.offset >= next && arrival.offset < length;
            next = arrival.offset + 1;
            good
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(offset: u64, at_ms: i64) -> Arrival {
        Arrival { offset, at_ms }
    }

    #[test]
    fn one_record_is_kept_for_each_millisecond() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("a.1.log");
        let mut keeper = Keeper::open(&log, 0);
        keeper.note(0, 1000);
        keeper.note(5, 1000);
        keeper.note(9, 1001);
        assert_eq!(read(&log, 20), [arrival(0, 1000), arrival(9, 1001)]);
        // The log is shorter than its times say.
        assert_eq!(read(&log, 9), [arrival(0, 1000)]);
    }

    #[test]
    fn a_torn_record_is_cut_and_what_follows_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("a.1.log");
        Keeper::open(&log, 0).note(0, -5);
        let mut file = OpenOptions::new().append(true).open(path_of(&log)).unwrap();
        file.write_all(&[1, 2, 3]).unwrap();
        assert_eq!(read(&log, 9), [arrival(0, -5)]);
        Keeper::open(&log, 3).note(3, 7);
        assert_eq!(read(&log, 9), [arrival(0, -5), arrival(3, 7)]);
    }

    #[test]
    fn times_that_are_missing_or_no_file_are_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("a.1.log");
        assert_eq!(read(&log, 9), []);
        std::fs::create_dir(path_of(&log)).unwrap();
        assert_eq!(read(&log, 9), []);
        let mut keeper = Keeper::open(&log, 0);
        keeper.note(0, 1);
        assert_eq!(read(&log, 9), []);
    }

    #[test]
    fn offsets_that_go_back_end_what_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("a.1.log");
        let mut keeper = Keeper::open(&log, 0);
        keeper.note(7, 1);
        keeper.note(3, 2);
        assert_eq!(read(&log, 20), [arrival(7, 1)]);
    }
}
