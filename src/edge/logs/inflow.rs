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
    /// Bytes of some source found no room, and nothing has found as much as it takes since.
    is_full: bool,
}

struct Source {
    track: TrackId,
    intake: Intake,
    /// The last byte that was kept ended a line.
    is_between_lines: bool,
    /// So many bytes found no room since the gap began that was told.
    missing: u64,
    /// The last bytes that came are among them.
    is_torn: bool,
}

/// What came of bytes that a source gave.
#[derive(Debug)]
pub struct Came {
    /// So many lines ended with them.
    pub lines: u64,
    /// Bytes that found no room begin or end here. It ends when there is room again for more than what came: what small
    /// pieces find on a full disk is no end, and told once only.
    pub gap: Option<Gap>,
}

/// Where bytes of a source are missing.
#[derive(Debug)]
pub enum Gap {
    /// From here on, and why.
    Begins(io::Error),
    /// Up to here, and how many.
    Ends(u64),
}

impl Inflow {
    /// So many sources come into a document; times without a zone are those of `offset`.
    pub fn new(desk: Arc<Desk>, spool: Spool, sources: usize, offset: FixedOffset) -> Self {
        let reader = spool.reader();
        let source = |owner| Source {
            track: desk.add(owner, Paper::Spool(reader.clone(), owner)),
            intake: Intake::new(offset).refining(),
            is_between_lines: true,
            missing: 0,
            is_torn: false,
        };
        Self {
            sources: (0..sources).map(source).collect(),
            desk,
            spool,
            facts: Vec::new(),
            is_full: false,
        }
    }

    /// Whether bytes that come may find no room: whichever source met that, whichever meets that there is room again.
    pub fn is_full(&self) -> bool {
        self.is_full
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

    /// A source gave these bytes. What finds no room is missing, and what comes behind it begins a line of its own.
    pub fn take(&mut self, source: usize, at_ms: i64, bytes: &[u8]) -> Came {
        let Some(known) = self.sources.get(source) else {
            return Came {
                lines: 0,
                gap: None,
            };
        };
        let (missing, is_cut) = (known.missing, known.is_torn && !known.is_between_lines);
        let (mut lines, mut kept, mut why) = (0, 0, None);
        if is_cut {
            (lines, _, why) = self.put(source, at_ms, b"\n");
        }
        if why.is_none() {
            let more;
            (more, kept, why) = self.put(source, at_ms, bytes);
            lines += more;
        }
        let is_kept = why.is_none() && kept > 0;
        let is_full = self.is_full && !(is_kept && self.spool.has_room(source));
        let ends = is_kept && missing > 0 && !is_full;
        // Where others have found room meanwhile, it is told again.
        let begins = missing == 0 || !is_full;
        self.is_full = is_full || why.is_some();
        let known = &mut self.sources[source];
        known.is_torn = why.is_some() || known.is_torn && kept == 0;
        let gap = match why {
            None if ends => {
                known.missing = 0;
                Some(Gap::Ends(missing))
            }
            None => None,
            Some(why) => {
                known.missing += (bytes.len() - kept) as u64;
                begins.then_some(Gap::Begins(why))
            }
        };
        Came { lines, gap }
    }

    /// Keeps bytes of a source as far as there is room, and their lines. Returns how many lines ended, how many bytes
    /// are kept, and why the others are not.
    fn put(&mut self, source: usize, at_ms: i64, bytes: &[u8]) -> (u64, usize, Option<io::Error>) {
        let appended = self.spool.append(source, bytes);
        let bytes = &bytes[..appended.kept];
        let (known, facts) = (&mut self.sources[source], &mut self.facts);
        let last = bytes.last();
        known.is_between_lines = last.map_or(known.is_between_lines, |byte| *byte == b'\n');
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
        for gone in appended.given_up {
            if let Some(poorer) = self.sources.get(gone.source) {
                self.desk
                    .drop_before(poorer.track, gone.first_line + FOUND_FROM);
            }
        }
        (count, appended.kept, appended.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log::{Anchor, LogLine, Look, Open};

    #[test]
    fn lines_behind_missing_ones_are_read_as_they_came_and_the_gap_is_told_once() {
        let cache = tempfile::tempdir().unwrap();
        let desk = Arc::new(Desk::new(|| {}));
        let spool = Spool::make(cache.path(), 1, 1 << 20).unwrap();
        let utc = FixedOffset::east_opt(0).unwrap();
        let mut inflow = Inflow::new(Arc::clone(&desk), spool, 1, utc);
        let came = inflow.take(0, 1000, b"one\nhalf");
        assert!(came.lines == 1 && came.gap.is_none());
        inflow.spool.refuse(0, true);
        let begins = |came: &Came| matches!(came.gap, Some(Gap::Begins(_)));
        assert!(begins(&inflow.take(0, 2000, b" a line\nlost\n")));
        let came = inflow.take(0, 2001, b"lost too\n");
        assert!(came.lines == 0 && came.gap.is_none());
        inflow.spool.refuse(0, false);
        let came = inflow.take(0, 3000, b"two\nthree\n");
        assert_eq!(came.lines, 3);
        assert!(matches!(came.gap, Some(Gap::Ends(22))), "{came:?}");
        let came = inflow.take(0, 3001, b"four\n");
        assert!(came.lines == 1 && came.gap.is_none());
        let window = desk.look(&Look {
            anchor: Anchor::Top,
            above: 0,
            below: 20,
            open: Open::default(),
        });
        let texts: Vec<String> = window.lines.iter().map(LogLine::text).collect();
        assert_eq!(texts, ["one", "half", "two", "three", "four"]);
    }

    #[test]
    fn a_disk_that_takes_a_piece_now_and_then_is_told_once_and_once_that_it_is_over() {
        let cache = tempfile::tempdir().unwrap();
        let desk = Arc::new(Desk::new(|| {}));
        let spool = Spool::make(cache.path(), 1, 1 << 20).unwrap();
        let utc = FixedOffset::east_opt(0).unwrap();
        let mut inflow = Inflow::new(Arc::clone(&desk), spool, 1, utc);
        let mut told = Vec::new();
        let mut take = |inflow: &mut Inflow, bytes: &[u8]| match inflow.take(0, 1000, bytes).gap {
            Some(Gap::Begins(_)) => told.push("begins".to_owned()),
            Some(Gap::Ends(missing)) => told.push(format!("ends {missing}")),
            None => {}
        };
        take(&mut inflow, b"one\n");
        for _ in 0..3 {
            inflow.spool.tighten(0, 12);
            take(&mut inflow, b"short");
            take(&mut inflow, b" ones\n");
            take(&mut inflow, b"longer than the rest of a block\n");
        }
        inflow.spool.widen(0);
        take(&mut inflow, b"two\n");
        take(&mut inflow, b"three\n");
        assert_eq!(told, ["begins", "ends 96"]);
        let window = desk.look(&Look {
            anchor: Anchor::Top,
            above: 0,
            below: 20,
            open: Open::default(),
        });
        let texts: Vec<String> = window.lines.iter().map(LogLine::text).collect();
        let short = "short ones";
        assert_eq!(texts, ["one", short, short, short, "two", "three"]);
    }

    #[test]
    fn that_there_is_room_again_is_known_by_whichever_source_finds_it() {
        let cache = tempfile::tempdir().unwrap();
        let spool = Spool::make(cache.path(), 2, 1 << 20).unwrap();
        let utc = FixedOffset::east_opt(0).unwrap();
        let mut inflow = Inflow::new(Arc::new(Desk::new(|| {})), spool, 2, utc);
        inflow.take(0, 1000, b"one\n");
        inflow.take(1, 1000, b"one\n");
        assert!(!inflow.is_full());
        inflow.spool.refuse(0, true);
        inflow.spool.tighten(1, 12);
        inflow.take(0, 1000, b"lost\n");
        inflow.take(1, 1000, b"kept\n");
        assert!(inflow.is_full(), "what is small is kept on a full disk");
        inflow.spool.widen(1);
        assert!(inflow.take(1, 1000, b"two\n").gap.is_none());
        assert!(!inflow.is_full(), "the other one is quiet");
        inflow.spool.refuse(0, false);
        let came = inflow.take(0, 1000, b"two\n");
        assert!(matches!(came.gap, Some(Gap::Ends(5))), "{came:?}");
    }
}
