//! The inflow of a document of servers' logs: bytes go into the spool first, then their lines into the document.
//!
//! The order of a source's bytes is kept, and every line is put in by its time at once. What had to be given up for new
//! lines is given up in the document too. Bytes that the spool could not take are not in the document either.

use std::io;
use std::sync::Arc;

use chrono::FixedOffset;

use super::desk::Desk;
use super::files::Paper;
use super::spool::Spool;
use crate::domain::log::TrackId;
use crate::domain::log::document::LineFact;
use crate::domain::log::intake::Intake;

/// A line is found by reading from at most so many lines before it: those have to be there.
const FOUND_FROM: u64 = 64;

/// Takes what sources give.
pub struct Inflow {
    desk: Arc<Desk>,
    spool: Spool,
    sources: Vec<Source>,
    facts: Vec<LineFact>,
}

struct Source {
    track: TrackId,
    intake: Intake,
    /// The last byte that came ended a line.
    is_between_lines: bool,
}

impl Inflow {
    /// So many sources come into a document; times without a zone are those of `offset`.
    pub fn new(desk: Arc<Desk>, spool: Spool, sources: usize, offset: FixedOffset) -> Self {
        let reader = spool.reader();
        let source = |owner| Source {
            track: desk.add(owner, Paper::Spool(reader.clone(), owner)),
            intake: Intake::new(offset).refining(),
            is_between_lines: true,
        };
        Self {
            sources: (0..sources).map(source).collect(),
            desk,
            spool,
            facts: Vec::new(),
        }
    }

    /// The clock of a source's host is ahead of ours by so many seconds; its times without a zone are those of `zone`.
    pub fn set_clock(&mut self, source: usize, ahead_s: f64, zone: Option<FixedOffset>) {
        if let Some(source) = self.sources.get_mut(source) {
            source.intake.set_skew(ahead_s);
            if let Some(zone) = zone {
                source.intake.set_offset(zone);
            }
        }
    }

    /// A source gave these bytes. Returns how many lines ended with them; an error means that they are not kept.
    pub fn take(&mut self, source: usize, at_ms: i64, bytes: &[u8]) -> io::Result<u64> {
        let Some(known) = self.sources.get_mut(source) else {
            return Ok(0);
        };
        let given_up = self.spool.append(source, bytes)?;
        let last = bytes.last();
        known.is_between_lines = last.map_or(known.is_between_lines, |byte| *byte == b'\n');
        let facts = &mut self.facts;
        known.intake.push(at_ms, bytes, &mut |taken| {
            facts.push(LineFact {
                len: taken.len,
                at_ms: taken.at_ms,
                level: taken.level,
                moved: taken.moved,
                goes_on: taken.goes_on,
            });
        });
        let count = facts.len() as u64;
        if count > 0 {
            self.desk.take(known.track, facts, at_ms);
            facts.clear();
        }
        for gone in given_up {
            if let Some(poorer) = self.sources.get(gone.source) {
                self.desk
                    .drop_before(poorer.track, gone.first_line + FOUND_FROM);
            }
        }
        Ok(count)
    }

    /// What a source gives next begins a line of its own.
    pub fn break_line(&mut self, source: usize, at_ms: i64) -> io::Result<u64> {
        match self.sources.get(source) {
            Some(known) if !known.is_between_lines => self.take(source, at_ms, b"\n"),
            _ => Ok(0),
        }
    }
}
