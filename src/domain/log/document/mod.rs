//! A document: lines of many tracks in one order, as they grow, with what is known of them.
//!
//! It holds no text: only where every 64th line begins, a bit for each line and question (grave? does a rule match?),
//! and the order of the lines. Bytes are read through [`Storage`]. Slow work is cut into jobs that run elsewhere:
//! `next_job`, [`Job::run`] without the document, `apply`. Looking never waits for them: what was not read yet is read
//! as far as a window needs it, from the end of a log as well, and jobs come in any order to the same result.

mod filter;
mod fresh;
mod grow;
mod jobs;
mod look;
mod read;
mod seek;
mod walk;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;

use super::filter::Filters;
use super::index::Track;
use super::line::{Level, Spot, TrackId};
use super::order::Order;

pub use jobs::{Done, Job};

/// The slot of what is searched for.
const SEARCH: usize = 0;

/// Where the bytes of tracks are.
pub trait Storage {
    /// Bytes of a track from an offset; fewer where it ends or cannot be read.
    fn read(&self, track: TrackId, from: u64, len: usize) -> Vec<u8>;

    /// The same into memory that is there already; what was in it is gone.
    fn read_into(&self, track: TrackId, from: u64, len: usize, bytes: &mut Vec<u8>) {
        *bytes = self.read(track, from, len);
    }
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
#[derive(Debug)]
pub struct Document {
    tracks: Vec<Track>,
    order: Order,
    filters: Filters,
    /// Rules and level, when they decide anything.
    active: Option<filter::Active>,
    /// The slot of each rule of the filters.
    rule_slots: Vec<Option<usize>>,
    /// Patterns that blocks are tested by: the search, then rules.
    slots: Vec<Option<filter::Kept>>,
    /// The place around which the search began.
    search_from: Option<u64>,
    /// The place that was looked at last: what is near it is tested first.
    looked: AtomicU64,
    /// Blocks that jobs test.
    busy: BTreeSet<(TrackId, u64)>,
    /// Counts what was asked for, so that old results are known.
    clock: u64,
    /// The tracks of golive's own words, by owner.
    words: BTreeMap<usize, TrackId>,
}

impl Default for Document {
    fn default() -> Self {
        Self {
            tracks: Vec::new(),
            order: Order::default(),
            filters: Filters::default(),
            active: None,
            rule_slots: Vec::new(),
            slots: vec![None],
            search_from: None,
            looked: AtomicU64::new(0),
            busy: BTreeSet::new(),
            clock: 0,
            words: BTreeMap::new(),
        }
    }
}

impl Document {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether lines are tested by a search, by rules or by level: then lines that are taken make work.
    pub fn is_asked(&self) -> bool {
        self.active.is_some() || self.slots[SEARCH].is_some()
    }
}

#[cfg(test)]
mod tests;
