//! The spool: what tailed sources gave, byte for byte, in files that live as long as their console.
//!
//! Each source is one row of bytes in several files (segments). Over all sources at most a limit is kept: then the
//! segment that was filled first is given up, never one that is still written, and its file is written over: that is
//! much cheaper than a new one. The folder is private and held by a lock; it goes with the spool, and what a dead process
//! left behind goes when the next spool is made.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustix::fs::FlockOperation;

use crate::edge::paths::make_private;

/// The most bytes that are kept over all sources.
pub const LIMIT: u64 = 256 << 20;
/// So much has to find room behind a source's last byte before it counts as kept again, in bytes.
const ROOM: usize = 1 << 20;
/// The file that is locked as long as its folder is used.
const HELD: &str = "held";

/// A piece of a source.
#[derive(Debug)]
struct Segment {
    path: PathBuf,
    file: Arc<File>,
    /// Where its first byte stands in the source.
    base: u64,
    length: u64,
    /// The number of the first line that begins in it.
    first_line: u64,
    /// Lines that end in it or before it.
    ended: u64,
    /// When it was filled, counted over all sources.
    filled: u64,
}

/// What is read of a source, and shared with those who read.
#[derive(Debug, Default)]
struct Shelf {
    sources: Vec<VecDeque<Segment>>,
}

/// Lines of a source that were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenUp {
    /// The source.
    pub source: usize,
    /// The first line that is still there as a whole.
    pub first_line: u64,
}

/// What came of appending.
#[derive(Debug)]
pub struct Appended {
    /// So many bytes of the beginning are kept.
    pub kept: usize,
    /// What had to be given up for them.
    pub given_up: Vec<GivenUp>,
    /// Why the rest is not.
    pub why: Option<io::Error>,
}

/// Keeps what sources give; the files go when this is dropped.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    shelf: Arc<RwLock<Shelf>>,
    limit: u64,
    segment: u64,
    kept: u64,
    made: u64,
    filled: u64,
    /// The file of a segment that was given up, and that nobody reads any more.
    spare: Option<(PathBuf, File)>,
    _held: File,
}

/// Reads what a spool keeps; also while it is written, and after it is gone.
#[derive(Debug, Clone)]
pub struct SpoolReader(Arc<RwLock<Shelf>>);

impl Spool {
    /// Makes a spool for so many sources in a folder of its own below `cache`, and removes those of dead processes.
    pub fn make(cache: &Path, sources: usize, limit: u64) -> io::Result<Self> {
        let place = cache.join("tail");
        make_private(&place).map_err(io::Error::other)?;
        let gate = hold(&place.join(HELD), FlockOperation::LockExclusive)?;
        sweep(&place);
        let (folder, held) = (0..u32::MAX)
            .map(|number| place.join(format!("{}-{number}", std::process::id())))
            .find(|folder| !folder.exists())
            .map(|folder| {
                make_private(&folder).map_err(io::Error::other)?;
                let held = hold(&folder.join(HELD), FlockOperation::NonBlockingLockExclusive)?;
                Ok::<_, io::Error>((folder, held))
            })
            .expect("invariant: no process has so many folders")?;
        drop(gate);
        let segments = 2 * sources.max(16) as u64;
        Ok(Self {
            folder,
            shelf: Arc::new(RwLock::new(Shelf {
                sources: (0..sources).map(|_| VecDeque::new()).collect(),
            })),
            limit,
            segment: (limit / segments).max(1),
            kept: 0,
            made: 0,
            filled: 0,
            spare: None,
            _held: held,
        })
    }

    /// For those who read.
    pub fn reader(&self) -> SpoolReader {
        SpoolReader(Arc::clone(&self.shelf))
    }

    /// How many bytes are kept now.
    pub fn kept(&self) -> u64 {
        self.kept
    }

    /// Appends bytes to a source, all of them or, when some find no room, as many as do. Whoever counts bytes of a
    /// source counts those that were kept.
    pub fn append(&mut self, source: usize, bytes: &[u8]) -> Appended {
        let (mut kept, mut why) = (0, None);
        while kept < bytes.len() {
            let (length, turn) = self.share(source, &bytes[kept..]);
            if let Err(error) = self.write(source, &bytes[kept..kept + length]) {
                why = Some(error);
                break;
            }
            kept += length;
            if turn {
                // Where no other can be made, the one that is full is written on.
                let _ = self.turn(source);
            }
        }
        Appended {
            kept,
            given_up: self.make_room(),
            why,
        }
    }

    /// Whether there is room again for more than the next few lines of a source: a full disk takes what is small where a
    /// block is not full. What is tried is written behind the last byte, where it counts for nothing and is written
    /// over, and the room is the source's from then on.
    pub fn has_room(&self, source: usize) -> bool {
        let shelf = self.shelf.read().unwrap_or_else(PoisonError::into_inner);
        let last = shelf.sources.get(source).and_then(VecDeque::back);
        last.is_some_and(|last| last.file.write_all_at(&vec![0; ROOM], last.length).is_ok())
    }

    /// How much goes into the segment that is written, and whether that is full then: it ends with a line, unless that
    /// is longer than a segment.
    fn share(&self, source: usize, bytes: &[u8]) -> (usize, bool) {
        let shelf = self.shelf.read().unwrap_or_else(PoisonError::into_inner);
        let length = shelf.sources[source].back().map_or(0, |last| last.length);
        if length + (bytes.len() as u64) < self.segment {
            return (bytes.len(), false);
        }
        let from = (self.segment.saturating_sub(length) as usize).min(bytes.len() - 1);
        match memchr::memchr(b'\n', &bytes[from..]) {
            Some(at) => (from + at + 1, true),
            None => (bytes.len(), length >= 2 * self.segment),
        }
    }

    fn write(&mut self, source: usize, bytes: &[u8]) -> io::Result<()> {
        let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
        if shelf.sources[source].is_empty() {
            let first = segment(self.spare.take(), &self.folder, &mut self.made, 0)?;
            shelf.sources[source].push_back(first);
        }
        let last = shelf.sources[source]
            .back_mut()
            .expect("invariant: it was made above");
        // Where a part of it finds room, it is written over by what finds room next.
        last.file.write_all_at(bytes, last.length)?;
        last.length += bytes.len() as u64;
        last.ended += memchr::memchr_iter(b'\n', bytes).count() as u64;
        self.kept += bytes.len() as u64;
        Ok(())
    }

    /// Begins the next segment of a source.
    fn turn(&mut self, source: usize) -> io::Result<()> {
        let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = shelf.sources[source].back_mut() else {
            return Ok(());
        };
        let (base, ended) = (last.base + last.length, last.ended);
        let goes_on = byte_before(last, base) != Some(b'\n');
        let mut next = segment(self.spare.take(), &self.folder, &mut self.made, base)?;
        last.filled = self.filled;
        self.filled += 1;
        next.ended = ended;
        next.first_line = ended + u64::from(goes_on);
        shelf.sources[source].push_back(next);
        Ok(())
    }

    /// Gives up the segments that were filled first until the limit is kept.
    fn make_room(&mut self) -> Vec<GivenUp> {
        let mut given_up: Vec<GivenUp> = Vec::new();
        while self.kept > self.limit {
            let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
            let full = shelf.sources.iter().enumerate();
            let oldest = full
                .filter(|(_, segments)| segments.len() > 1)
                .min_by_key(|(_, segments)| segments[0].filled)
                .map(|(source, _)| source);
            let Some(source) = oldest else {
                break;
            };
            let segments = &mut shelf.sources[source];
            if let Some(gone) = segments.pop_front() {
                self.kept -= gone.length;
                // Who still reads it reads what it was.
                match Arc::into_inner(gone.file).filter(|_| self.spare.is_none()) {
                    Some(free) => self.spare = Some((gone.path, free)),
                    None => drop(fs::remove_file(&gone.path)),
                }
            }
            let first_line = segments.front().map_or(0, |next| next.first_line);
            given_up.retain(|other| other.source != source);
            given_up.push(GivenUp { source, first_line });
        }
        given_up
    }
}

#[cfg(test)]
impl Spool {
    /// A source's file takes nothing more, or takes it again.
    pub(super) fn refuse(&mut self, source: usize, refuses: bool) {
        let mut shelf = self.shelf.write().unwrap();
        let last = shelf.sources[source].back_mut().unwrap();
        let mut how = OpenOptions::new();
        how.read(true).write(!refuses);
        last.file = Arc::new(how.open(&last.path).unwrap());
    }

    /// A source's file takes so many bytes more, as on a disk that is full but for a part of a block.
    pub(super) fn tighten(&mut self, source: usize, room: u64) {
        use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
        let mut shelf = self.shelf.write().unwrap();
        let last = shelf.sources[source].back_mut().unwrap();
        let mut kept = vec![0; last.length as usize];
        last.file.read_exact_at(&mut kept, 0).unwrap();
        let file = memfd_create("tight", MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&file, last.length + room).unwrap();
        fcntl_add_seals(&file, SealFlags::GROW).unwrap();
        last.file = Arc::new(File::from(file));
        last.file.write_all_at(&kept, 0).unwrap();
    }

    /// A source's file is one without an end.
    pub(super) fn widen(&mut self, source: usize) {
        let mut shelf = self.shelf.write().unwrap();
        let last = shelf.sources[source].back_mut().unwrap();
        let mut kept = vec![0; last.length as usize];
        last.file.read_exact_at(&mut kept, 0).unwrap();
        last.file = Arc::new(tempfile::tempfile().unwrap());
        last.file.write_all_at(&kept, 0).unwrap();
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl SpoolReader {
    /// At most `length` bytes of a source from `from` on; fewer at its end, zeros where they were given up.
    pub fn read(&self, source: usize, from: u64, length: usize) -> Vec<u8> {
        let parts = self.parts(source, from, length);
        let mut bytes = Vec::with_capacity(length.min(1 << 20));
        for (file, at, count) in parts {
            let begin = bytes.len();
            bytes.resize(begin + count, 0);
            if let Some(file) = file
                && file.read_exact_at(&mut bytes[begin..], at).is_err()
            {
                bytes.truncate(begin);
                break;
            }
        }
        bytes
    }

    /// The pieces of files that hold a range; no file = given up.
    fn parts(
        &self,
        source: usize,
        from: u64,
        length: usize,
    ) -> Vec<(Option<Arc<File>>, u64, usize)> {
        let shelf = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(segments) = shelf.sources.get(source) else {
            return Vec::new();
        };
        let mut parts = Vec::new();
        let (mut at, end) = (from, from.saturating_add(length as u64));
        if let Some(first) = segments.front()
            && at < first.base
        {
            let gone = first.base.min(end) - at;
            parts.push((None, 0, gone as usize));
            at += gone;
        }
        for segment in segments {
            let to = (segment.base + segment.length).min(end);
            if at < to && at >= segment.base {
                let file = Some(Arc::clone(&segment.file));
                parts.push((file, at - segment.base, (to - at) as usize));
                at = to;
            }
        }
        parts
    }
}

fn byte_before(segment: &Segment, end: u64) -> Option<u8> {
    let mut byte = [0];
    let at = (end - segment.base).checked_sub(1)?;
    segment.file.read_exact_at(&mut byte, at).ok()?;
    Some(byte[0])
}

/// An empty segment: in a spare file, else in a new one.
fn segment(
    spare: Option<(PathBuf, File)>,
    folder: &Path,
    made: &mut u64,
    base: u64,
) -> io::Result<Segment> {
    let (path, file) = if let Some(spare) = spare {
        spare
    } else {
        let path = folder.join(made.to_string());
        let mut how = OpenOptions::new();
        how.read(true).write(true).create_new(true).mode(0o600);
        let file = how.open(&path)?;
        *made += 1;
        (path, file)
    };
    Ok(Segment {
        path,
        file: Arc::new(file),
        base,
        length: 0,
        first_line: 0,
        ended: 0,
        filled: u64::MAX,
    })
}

/// Opens and locks a file.
fn hold(path: &Path, how: FlockOperation) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    rustix::fs::flock(&file, how)?;
    Ok(file)
}

/// Removes the spools whose processes are gone. The gate is held, so that nobody is about to lock a new one.
fn sweep(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir())
            && hold(&path.join(HELD), FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            let _ = fs::remove_dir_all(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    /// Appends what finds room; returns what was given up.
    fn keep(spool: &mut Spool, source: usize, bytes: &[u8]) -> Vec<GivenUp> {
        let appended = spool.append(source, bytes);
        assert!(appended.why.is_none() && appended.kept == bytes.len());
        appended.given_up
    }

    #[test]
    fn a_segment_is_written_on_where_no_other_can_be_made() {
        let cache = tempfile::tempdir().unwrap();
        let mut spool = Spool::make(cache.path(), 1, 3200).unwrap();
        keep(&mut spool, 0, b"first\n");
        fs::remove_dir_all(&spool.folder).unwrap();
        let lines = "a line of the log\n".repeat(30);
        keep(&mut spool, 0, lines.as_bytes());
        let all = spool.reader().read(0, 0, 9999);
        assert_eq!(all, format!("first\n{lines}").as_bytes());
        fs::create_dir(&spool.folder).unwrap();
        keep(&mut spool, 0, lines.as_bytes());
        assert!(spool.shelf.read().unwrap().sources[0].len() > 1);
        assert_eq!(spool.reader().read(0, 6, 9999), lines.repeat(2).as_bytes());
    }

    #[test]
    fn what_finds_no_room_is_not_counted() {
        let cache = tempfile::tempdir().unwrap();
        let mut spool = Spool::make(cache.path(), 2, 3200).unwrap();
        keep(&mut spool, 0, b"first\n");
        spool.refuse(0, true);
        let appended = spool.append(0, b"second\n");
        assert!(appended.why.is_some() && appended.kept == 0);
        keep(&mut spool, 1, b"of another\n");
        spool.refuse(0, false);
        keep(&mut spool, 0, b"third\n");
        assert_eq!(spool.reader().read(0, 0, 99), b"first\nthird\n");
        assert_eq!(spool.kept(), 6 + 6 + 11);
    }

    #[test]
    fn what_was_appended_is_read_across_segments() {
        let cache = tempfile::tempdir().unwrap();
        let mut spool = Spool::make(cache.path(), 2, 3200).unwrap();
        let mut all = Vec::new();
        for number in 0..200 {
            let line = format!("line {number}\n");
            keep(&mut spool, 1, line.as_bytes());
            all.extend_from_slice(line.as_bytes());
        }
        let reader = spool.reader();
        assert_eq!(reader.read(1, 0, 9999), all);
        assert_eq!(reader.read(1, 95, 40), all[95..135]);
        assert_eq!(reader.read(0, 0, 10), b"");
        assert_eq!(reader.read(7, 0, 10), b"");
        assert_eq!(spool.kept(), all.len() as u64);
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&spool.folder), 0o700);
        assert_eq!(mode(&spool.folder.join("0")), 0o600);
    }

    #[test]
    fn a_loud_source_gives_up_its_own_oldest_lines_and_a_quiet_one_none() {
        let cache = tempfile::tempdir().unwrap();
        let mut spool = Spool::make(cache.path(), 2, 3200).unwrap();
        keep(&mut spool, 0, b"quiet\n");
        let mut first = 0;
        for number in 0..2000 {
            let line = format!("line {number:05}\n");
            for gone in keep(&mut spool, 1, line.as_bytes()) {
                assert_eq!(gone.source, 1);
                assert!(gone.first_line > first);
                first = gone.first_line;
            }
            assert!(spool.kept() <= 3200);
        }
        assert!(first > 1500);
        let reader = spool.reader();
        assert_eq!(reader.read(0, 0, 99), b"quiet\n");
        let at = first * 11;
        assert_eq!(
            reader.read(1, at, 11),
            format!("line {first:05}\n").as_bytes()
        );
        assert_eq!(reader.read(1, at - 4, 5), b"\0\0\0\0l");
        let files = fs::read_dir(&spool.folder).unwrap().count();
        assert!(files < 40, "{files} files");
    }

    #[test]
    fn the_file_of_a_segment_that_was_given_up_is_written_over_unless_somebody_reads_it() {
        let cache = tempfile::tempdir().unwrap();
        let mut spool = Spool::make(cache.path(), 1, 3200).unwrap();
        let mut at = 0;
        let mut fill = |spool: &mut Spool, bytes: u64| {
            for _ in 0..bytes / 20 {
                keep(spool, 0, format!("the line at {at:07}\n").as_bytes());
                at += 20;
            }
            at
        };
        let end = fill(&mut spool, 40_000);
        let folder = spool.folder.clone();
        let files = || fs::read_dir(&folder).unwrap().count();
        let at_rest = files();
        let held = spool.reader().parts(0, end - 3000, 20);
        let before = spool.reader().read(0, end - 3000, 20);
        let end = fill(&mut spool, 40_000);
        assert_eq!(files(), at_rest);
        let (file, at, length) = &held[0];
        let mut told = vec![0; *length];
        file.as_ref()
            .unwrap()
            .read_exact_at(&mut told, *at)
            .unwrap();
        assert_eq!(told, before);
        let newest = spool.reader().read(0, end - 20, 99);
        assert_eq!(newest, format!("the line at {:07}\n", end - 20).as_bytes());
        let first = end - spool.kept();
        assert_eq!(
            spool.reader().read(0, first, 20),
            format!("the line at {first:07}\n").as_bytes()
        );
        assert!(spool.made < 80, "{} files were made", spool.made);
    }

    #[test]
    fn a_line_longer_than_a_segment_is_counted_once() {
        let cache = tempfile::tempdir().unwrap();
        let mut spool = Spool::make(cache.path(), 1, 3200).unwrap();
        for _ in 0..8 {
            keep(&mut spool, 0, &[b'x'; 90]);
        }
        keep(&mut spool, 0, b"\nsecond\nthird\n");
        let shelf = spool.shelf.read().unwrap();
        let segments = &shelf.sources[0];
        assert!(segments.len() > 1);
        let firsts: Vec<u64> = segments.iter().map(|segment| segment.first_line).collect();
        assert_eq!(firsts[0], 0);
        assert!(firsts[1..firsts.len() - 1].iter().all(|first| *first == 1));
        assert!(segments.back().unwrap().ended == 3);
        let text = SpoolReader(Arc::clone(&spool.shelf)).read(0, 0, 9999);
        assert_eq!(text.len(), 720 + 14);
    }

    #[test]
    fn the_files_go_with_the_spool_and_those_of_the_dead_with_the_next() {
        let cache = tempfile::tempdir().unwrap();
        let dead = cache.path().join("tail").join("1-0");
        fs::create_dir_all(&dead).unwrap();
        fs::write(dead.join("0.0"), "left").unwrap();
        let living = Spool::make(cache.path(), 1, 99).unwrap();
        assert!(!dead.exists());
        let second = Spool::make(cache.path(), 1, 99).unwrap();
        assert_ne!(living.folder, second.folder);
        assert!(living.folder.exists());
        let folder = second.folder.clone();
        drop(second);
        assert!(!folder.exists());
    }
}
