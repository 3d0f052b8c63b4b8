//! A document: lines of many tracks in one order, as they grow, with what is known of them.
//!
//! It holds no text: only where every 64th line begins, a bit for each line and question (grave? does a rule match?),
//! and the order of the lines. Bytes are read through [`Storage`]. Slow work is cut into jobs that run elsewhere:
//! `next_job`, [`Job::run`] without the document, `apply`. Looking never waits for them: what was not read yet is read
//! as far as a window needs it, from the end of a log as well, and jobs come in any order to the same result.

use super::filter::{Filters, Pattern};
use super::line::{Level, Spot, TrackId, Voice};
use super::look::{Bucket, Look, Window};
use super::pattern::BadPattern;

/// Where the bytes of tracks are.
pub trait Storage {
    /// Bytes of a track from an offset; fewer where it ends or cannot be read.
    fn read(&self, track: TrackId, from: u64, len: usize) -> Vec<u8>;
}

/// What is known of a line whose bytes were put into the storage already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineFact {
    /// Its bytes, with its end.
    pub len: u64,
    /// When, in milliseconds since 1970 in UTC, by our clock.
    pub at_ms: i64,
    /// How grave it says it is.
    pub level: Level,
    /// It says another time than `at_ms`: its host's clock is wrong.
    pub moved: bool,
    /// It goes on the line before it.
    pub goes_on: bool,
}

/// A part of a line, for those who copy, save or print lines: at most a megabyte of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// The line.
    pub spot: Spot,
    /// What its track belongs to.
    pub owner: usize,
    /// When, where it is known.
    pub at_ms: Option<i64>,
    /// Its bytes, exactly, without the `\n` at its end.
    pub bytes: &'a [u8],
    /// Nothing of the line comes after it.
    pub is_last: bool,
}

/// A document.
#[derive(Debug, Default)]
pub struct Document {}

/// A piece of work that needs no document.
#[derive(Debug)]
pub struct Job {}

/// What a job came to.
#[derive(Debug)]
pub struct Done {}

impl Document {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a track; `owner` is what it belongs to, see [`super::TrackFacts::owner`].
    pub fn add_track(&mut self, owner: usize, voice: Voice) -> TrackId {
        let _ = (owner, voice);
        TrackId(0)
    }

    /// The first `len` bytes of the track are in the storage; those that are new arrived at this time (`None` = nobody
    /// knows). Calls come in the order of what happened, with those of `say`.
    pub fn grown(&mut self, track: TrackId, len: u64, at_ms: Option<i64>) {
        let _ = (track, len, at_ms);
    }

    /// No more bytes come to the track: a last line without an end is a line.
    pub fn ended(&mut self, track: TrackId) {
        let _ = track;
    }

    /// golive says a line about an owner; it stands behind what its tracks printed until then.
    pub fn say(&mut self, owner: usize, at_ms: i64, voice: Voice, text: &str) {
        let _ = (owner, at_ms, voice, text);
    }

    /// Lines of a followed source, whose bytes are the next ones of the track in the storage. They are put into the
    /// order by their time; those that come late are marked, and those that are too late stand where they came. What
    /// is older than the first line taken of the track (`now_ms` then) is its past and never late.
    pub fn take(&mut self, track: TrackId, lines: &[LineFact], now_ms: i64) {
        let _ = (track, lines, now_ms);
    }

    /// Forgets the lines of a track before this number: their bytes are given up.
    pub fn drop_before(&mut self, track: TrackId, line: u64) {
        let _ = (track, line);
    }

    /// What shows from now on. What is known of rules that were there before stays known.
    pub fn set_filters(&mut self, filters: Filters) -> Result<(), BadPattern> {
        let _ = filters;
        Ok(())
    }

    /// What is searched for from now on, beginning around a line.
    pub fn set_search(
        &mut self,
        pattern: Option<Pattern>,
        from: Option<Spot>,
    ) -> Result<(), BadPattern> {
        let _ = (pattern, from);
        Ok(())
    }

    /// The most useful piece of work that nobody does yet; `None` = all is known.
    pub fn next_job(&mut self) -> Option<Job> {
        None
    }

    /// Takes the result of a job. Returns whether something changed that a viewer shows.
    pub fn apply(&mut self, done: Done) -> bool {
        let _ = done;
        false
    }

    /// The lines around one of them.
    pub fn look(&self, storage: &dyn Storage, look: Look) -> Window {
        let _ = (storage, look);
        Window::default()
    }

    /// A line opened by itself, see [`super::shown::whole`].
    pub fn whole(&self, storage: &dyn Storage, spot: Spot) -> Vec<String> {
        let _ = (storage, spot);
        Vec::new()
    }

    /// Lines over time: of each of `buckets` equal stretches between begin and end (milliseconds since 1970). Lines
    /// of hidden owners do not count; filters change nothing.
    pub fn histogram(&self, span_ms: (i64, i64), buckets: usize) -> Vec<Bucket> {
        let _ = span_ms;
        vec![Bucket::default(); buckets]
    }

    /// Calls `each` for all parts of all lines from one to another (`None` = from the first, to the last), as long as
    /// it returns true; only those that show, or all of them.
    pub fn each(
        &self,
        storage: &dyn Storage,
        range: (Option<Spot>, Option<Spot>),
        shown: bool,
        each: &mut dyn FnMut(Part<'_>) -> bool,
    ) {
        let _ = (storage, range, shown, each);
    }
}

impl Job {
    /// Does the work: reads the storage, takes at most a few milliseconds.
    pub fn run(&self, storage: &dyn Storage) -> Done {
        let _ = storage;
        Done {}
    }
}
