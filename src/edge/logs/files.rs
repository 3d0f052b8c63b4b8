//! Bytes of a document's tracks, read where they lie: in log files and in the spool.
//!
//! Files are opened when they are first read, and not all at once kept open: a step may have run on hundreds of hosts.
//! A file that cannot be read has no bytes. Nothing here keeps bytes.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::spool::SpoolReader;
use crate::domain::log::TrackId;
use crate::domain::log::document::Storage;

/// The most files that are open at once.
const MOST_OPEN: usize = 64;

/// Where the bytes of a track lie.
#[derive(Debug, Clone)]
pub enum Paper {
    /// In a file of its own.
    File(PathBuf),
    /// In a spool, as this source.
    Spool(SpoolReader, usize),
}

/// The bytes of the tracks of one document.
#[derive(Debug, Default)]
pub struct Files {
    papers: RwLock<HashMap<TrackId, Paper>>,
    open: Mutex<HashMap<TrackId, Arc<File>>>,
}

impl Files {
    /// Says where the bytes of a track lie.
    pub fn add(&self, track: TrackId, paper: Paper) {
        let mut papers = self.papers.write().unwrap_or_else(PoisonError::into_inner);
        papers.insert(track, paper);
    }

    fn file(&self, track: TrackId, path: &PathBuf) -> Option<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&track) {
            return Some(Arc::clone(file));
        }
        if open.len() >= MOST_OPEN {
            open.clear();
        }
        let file = Arc::new(File::open(path).ok()?);
        open.insert(track, Arc::clone(&file));
        Some(file)
    }
}

impl Storage for Files {
    fn read(&self, track: TrackId, from: u64, len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.read_into(track, from, len, &mut bytes);
        bytes
    }

    fn read_into(&self, track: TrackId, from: u64, len: usize, bytes: &mut Vec<u8>) {
        let paper = {
            let papers = self.papers.read().unwrap_or_else(PoisonError::into_inner);
            papers.get(&track).cloned()
        };
        match paper {
            None => bytes.clear(),
            Some(Paper::Spool(reader, source)) => *bytes = reader.read(source, from, len),
            Some(Paper::File(path)) => match self.file(track, &path) {
                Some(file) => read(&file, from, len, bytes),
                None => bytes.clear(),
            },
        }
    }
}

/// Bytes of a file from `from` on; fewer at its end.
fn read(file: &File, from: u64, len: usize, bytes: &mut Vec<u8>) {
    // Who asks for more than there is gets no memory for it.
    let there = file.metadata().map_or(0, |facts| facts.len());
    let len = len.min(usize::try_from(there.saturating_sub(from)).unwrap_or(usize::MAX));
    bytes.resize(len, 0);
    let mut filled = 0;
    while filled < len {
        match file.read_at(&mut bytes[filled..], from + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(why) if why.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    bytes.truncate(filled);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_files_than_may_be_open_are_read_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::default();
        for number in 0..200 {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, format!("file {number}\n")).unwrap();
            files.add(TrackId(number), Paper::File(path));
        }
        for _ in 0..2 {
            for number in 0..200 {
                let text = format!("file {number}\n");
                assert_eq!(files.read(TrackId(number), 0, 1 << 30), text.as_bytes());
                assert_eq!(files.read(TrackId(number), 5, 1), text.as_bytes()[5..6]);
                assert_eq!(files.read(TrackId(number), 99, 1), b"");
            }
            assert!(files.open.lock().unwrap().len() <= MOST_OPEN);
        }
    }

    #[test]
    fn what_is_not_there_has_no_bytes() {
        let files = Files::default();
        assert_eq!(files.read(TrackId(3), 0, 10), b"");
        files.add(TrackId(3), Paper::File("/nowhere/at/all".into()));
        assert_eq!(files.read(TrackId(3), 0, 10), b"");
    }
}
