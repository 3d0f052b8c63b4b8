//! The files of output: appended to by units, read in windows by faces.
//!
//! The length of an attempt's file is the offset its output is followed from after a break, so a write that
//! failed half-way is taken back or refuses everything after it. Reading holds at most one window in memory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::times::{self, Arrival, Keeper};
use crate::domain::id::{Attempt, TaskId};
use crate::domain::run::Moment;
use crate::edge::paths::log_file_name;
use crate::port::{LogStore, LogWriter};

const BLOCK: u64 = 64 * 1024;

/// The folder of a run's output.
#[derive(Debug, Clone)]
pub struct Logs {
    folder: PathBuf,
}

impl Logs {
    /// The output kept in `folder`, which exists.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The file of an attempt.
    pub fn path(&self, task: &TaskId, attempt: Attempt) -> PathBuf {
        self.folder.join(log_file_name(task, attempt))
    }

    /// Opens the output of an attempt for reading; `None` when it never printed.
    pub fn read(&self, task: &TaskId, attempt: Attempt) -> io::Result<Option<LogFile>> {
        match LogFile::open(&self.path(task, attempt)) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    /// When the first `length` bytes of an attempt's output arrived; empty when nobody knows.
    pub fn times(&self, task: &TaskId, attempt: Attempt, length: u64) -> Vec<Arrival> {
        times::read(&self.path(task, attempt), length)
    }
}

impl LogStore for Logs {
    type Writer = Appender;

    fn open(&self, task: &TaskId, attempt: Attempt) -> io::Result<Appender> {
        let path = self.path(task, attempt);
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)?;
        let length = file.metadata()?.len();
        Ok(Appender {
            file,
            length,
            times: Keeper::open(&path, length),
            broken: false,
        })
    }
}

/// Appends to the file of one attempt.
#[derive(Debug)]
pub struct Appender {
    file: File,
    length: u64,
    times: Keeper,
    broken: bool,
}

impl LogWriter for Appender {
    fn append(&mut self, bytes: &[u8], at: Moment) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other(
                "an earlier part of this output could not be written",
            ));
        }
        if let Err(why) = self.file.write_all(bytes) {
            // A part may have been written; the file must end where the next bytes belong.
            self.broken = self.file.set_len(self.length).is_err();
            return Err(why);
        }
        if !bytes.is_empty() {
            self.times.note(self.length, at.timestamp_millis());
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn len(&self) -> u64 {
        self.length
    }

    fn tail(&self, limit: u64) -> io::Result<Vec<u8>> {
        read_range(&self.file, self.length.saturating_sub(limit), self.length)
    }
}

/// A window of an output: whole lines, but for the first when it is longer than the window may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Where its first byte stands in the output.
    pub offset: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The output of an attempt, open for reading; it may grow meanwhile.
#[derive(Debug)]
pub struct LogFile {
    file: File,
}

impl LogFile {
    /// Opens the file at `path`.
    pub fn open(path: &Path) -> io::Result<Self> {
        fs::File::open(path).map(|file| Self { file })
    }

    /// Its length in bytes now.
    pub fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// When it was written to last.
    pub fn written(&self) -> io::Result<std::time::SystemTime> {
        self.file.metadata()?.modified()
    }

    /// Whether nothing was printed yet.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// The bytes from `offset` on, at most `limit`; empty at the end. To stream a whole output, ask again
    /// from where the answer ended.
    pub fn from(&self, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
        let end = self.len()?.min(offset.saturating_add(limit));
        read_range(&self.file, offset.min(end), end)
    }

    /// The last `lines` lines, of at most `limit` bytes together; read from the end in blocks. The newline at
    /// the end of the file does not begin another line.
    pub fn last_lines(&self, lines: usize, limit: u64) -> io::Result<Window> {
        let length = self.len()?;
        let floor = length.saturating_sub(limit);
        let mut start = length;
        let mut seen = 0;
        while start > floor && lines > 0 {
            let from = start.saturating_sub(BLOCK).max(floor);
            let block = read_range(&self.file, from, start)?;
            for at in memchr::memrchr_iter(b'\n', &block) {
                let after = from + at as u64 + 1;
                if after == length {
                    continue;
                }
                seen += 1;
                if seen == lines {
                    let bytes = read_range(&self.file, after, length)?;
                    return Ok(Window {
                        offset: after,
                        bytes,
                    });
                }
            }
            start = from;
        }
        let offset = if lines == 0 { length } else { floor };
        let bytes = read_range(&self.file, offset, length)?;
        Ok(Window { offset, bytes })
    }
}

/// The bytes of a range; fewer when the file ends before.
fn read_range(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(to - from).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut bytes[filled..], from + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn now() -> Moment {
        chrono::Local::now().fixed_offset()
    }

    fn log(text: &[u8]) -> (tempfile::TempDir, LogFile) {
        let folder = tempfile::tempdir().unwrap();
        let logs = Logs::new(folder.path());
        let task = TaskId::new("here/tests@local");
        let mut writer = logs.open(&task, Attempt(1)).unwrap();
        writer.append(text, now()).unwrap();
        let file = logs.read(&task, Attempt(1)).unwrap().unwrap();
        (folder, file)
    }

    #[test]
    fn appending_goes_on_where_the_file_ended() {
        let folder = tempfile::tempdir().unwrap();
        let logs = Logs::new(folder.path());
        let task = TaskId::new("staging/code@web1");
        let mut writer = logs.open(&task, Attempt(2)).unwrap();
        assert!(writer.is_empty());
        writer.append(b"one\n", now()).unwrap();
        drop(writer);
        let mut writer = logs.open(&task, Attempt(2)).unwrap();
        assert_eq!(writer.len(), 4);
        writer.append(b"two\n", now()).unwrap();
        assert_eq!(writer.tail(6).unwrap(), b"e\ntwo\n");
        assert_eq!(writer.tail(600).unwrap(), b"one\ntwo\n");
        let mode = fs::metadata(logs.path(&task, Attempt(2))).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(logs.read(&task, Attempt(1)).unwrap().is_none());
    }

    #[test]
    fn the_last_lines_are_found_across_blocks() {
        let mut text = Vec::new();
        for number in 0..40_000 {
            text.extend_from_slice(format!("line {number}\n").as_bytes());
        }
        let (_folder, file) = log(&text);
        let window = file.last_lines(20_000, u64::MAX).unwrap();
        assert!(window.bytes.starts_with(b"line 20000\n"));
        assert_eq!(&text[window.offset as usize..], &window.bytes[..]);
        assert_eq!(file.last_lines(1, 100).unwrap().bytes, b"line 39999\n");
        assert_eq!(file.last_lines(0, 100).unwrap().bytes, b"");
        assert_eq!(file.last_lines(50_000, u64::MAX).unwrap().bytes, text);
    }

    #[test]
    fn an_unfinished_last_line_is_a_line() {
        let (_folder, file) = log(b"a\nb\nc");
        assert_eq!(file.last_lines(2, 100).unwrap().bytes, b"b\nc");
        assert_eq!(file.last_lines(9, 3).unwrap().bytes, b"b\nc");
    }
}
