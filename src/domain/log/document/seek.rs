//! Looking for a line: the next match, the next trouble, a pause, a time, a place.
//!
//! Only lines that rules and level show or that were opened by hand are found, context is passed. What was not read as
//! far as the next such line is no answer: whoever asks waits for it. Lines that have no places yet are found by time and
//! place only.

use super::super::bits::Bits;
use super::super::index::Block;
use super::super::line::{Spot, TrackId, Voice};
use super::super::look::{Found, Goal};
use super::SEARCH;
use super::walk::{Known, Step, Walk};

/// No line.
static NOTHING: Bits = Bits::new();

/// The lines of a block that match and show, when they are known and stand together.
fn whole_hits(block: &Block, decides: bool, which: Which) -> Option<&Bits> {
    let found = block.known(SEARCH)?;
    if which == Which::All {
        return (found.done == block.lines).then_some(&found.bits);
    }
    if found.done < block.lines || decides && block.shown.done < block.lines {
        return None;
    }
    match (block.hits, decides) {
        (0, _) => Some(&NOTHING),
        (_, false) => Some(&found.bits),
        (_, true) => None,
    }
}

/// Which lines are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Those that rules and level show.
    Shown,
    /// All of them: they were opened by hand.
    All,
}

impl Walk<'_> {
    /// The seat of a line, of the next one behind it when it was given up, or one near it when it is not known yet.
    pub(super) fn seat_of(&self, spot: Spot) -> u64 {
        self.found(spot)
            .or_else(|| self.reader.document.order.grave(spot.id))
            .unwrap_or(spot.place)
            .min(self.seats().saturating_sub(1))
    }

    /// The seat of a line; `None` = it is gone, or not known yet.
    fn found(&self, spot: Spot) -> Option<u64> {
        let id = spot.id;
        if let Some(at) = self.fresh.find(id) {
            return Some(self.placed() + at as u64);
        }
        let order = &self.reader.document.order;
        let line = match id.begin() {
            None => Some(id.line),
            Some(begin) => self.line_at(id.track, begin),
        };
        line.and_then(|line| order.find(id.track, line, spot.place))
    }

    /// The seat to begin with at a line; that of the next one behind it when it was given up, and there may be none.
    pub(super) fn first_seat(&self, spot: Spot) -> u64 {
        match self.reader.document.order.grave(spot.id) {
            Some(seat) => seat,
            None => self.seat_of(spot),
        }
    }

    /// The seat behind a line, also when it was given up.
    pub(super) fn behind(&self, spot: Spot) -> u64 {
        let gone = || self.reader.document.order.grave(spot.id);
        match self.found(spot) {
            Some(seat) => seat + 1,
            None => gone().unwrap_or(spot.place + 1),
        }
    }

    /// The number of the line that holds a byte.
    fn line_at(&self, id: TrackId, byte: u64) -> Option<u64> {
        let track = self.reader.document.tracks.get(usize::from(id.0))?;
        let at = track.blocks.partition_point(|block| block.end <= byte);
        let (base, block) = (track.base_of(at), track.blocks.get(at)?);
        let starts = |start: &u32| base + u64::from(*start) <= byte;
        let group = block.starts.partition_point(starts) as u64;
        let mut line = block.first + group * super::super::index::GROUP as u64;
        let end = block.first + u64::from(block.lines);
        while line < end && self.reader.line(id, line).end <= byte {
            line += 1;
        }
        Some(line)
    }

    /// Looks for a line.
    pub(super) fn seek(&self, from: Option<Spot>, back: bool, goal: Goal) -> (Option<Step>, Found) {
        let start = match (from, back) {
            (Some(spot), false) => Some(self.behind(spot)),
            (Some(spot), true) => self.seat_of(spot).checked_sub(1),
            (None, false) => Some(0),
            (None, true) => self.seats().checked_sub(1),
        };
        let unread = self.fresh.is_short
            || self.fresh.is_apart
            || self.fresh.lines.iter().any(|line| !line.is_open);
        let (found, is_later) = match goal {
            Goal::Match => (self.seek_bits(start, back, Self::match_of), unread),
            Goal::Trouble => (self.seek_bits(start, back, Self::trouble_of), unread),
            Goal::Gap(ms) => (start.and_then(|at| self.seek_gap(at, back, ms)), unread),
            Goal::Moment(at_ms) => (self.seek_moment(at_ms), self.fresh.is_short),
            Goal::Place(place) => {
                let found = (place < self.seats()).then(|| self.near(place)).flatten();
                (found, self.fresh.is_apart || self.fresh.is_short)
            }
        };
        let is_later = is_later && (!back || self.fresh.is_apart) || self.reader.is_unsure.get();
        match found {
            Some(found) => (Some(found), Found::Yes),
            None if is_later => (None, Found::NotYet),
            None => (None, Found::No),
        }
    }

    /// The line at a seat when it shows, else the next that does, else the one before.
    pub(super) fn near(&self, seat: u64) -> Option<Step> {
        if let Some(found) = self.from(seat, false) {
            return Some(found);
        }
        self.from(seat, true)
    }

    fn seek_bits(
        &self,
        start: Option<u64>,
        back: bool,
        pick: impl Fn(&Self, TrackId, (u64, u64), bool, Which) -> Option<u64>,
    ) -> Option<Step> {
        let start = start?;
        let last = self.placed().checked_sub(1)?;
        if !back && start > last {
            return None;
        }
        let start = start.min(last);
        let shown = self.pick(start, back, &|track, from, to| {
            pick(self, track, (from, to), back, Which::Shown)
        });
        let mut found = shown.map(|seat| Step {
            seat,
            is_context: false,
        });
        for opened in self.opened_seats(start, back) {
            let from = if back {
                opened.1.min(start)
            } else {
                opened.0.max(start)
            };
            let seat = self.pick(from, back, &|track, from, to| {
                let (low, high) = self.lines_of(opened, track)?;
                let (from, to) = (from.max(low), to.min(high));
                let lines = (from < to).then_some((from, to))?;
                pick(self, track, lines, back, Which::All)
            });
            // What nobody looked at yet may be nearer than what was found.
            if self.reader.is_unsure.get() {
                return None;
            }
            let is_nearer = |seat: &u64| {
                found.is_none_or(|found| {
                    if back {
                        *seat > found.seat
                    } else {
                        *seat < found.seat
                    }
                })
            };
            if let Some(seat) = seat.filter(is_nearer) {
                found = Some(Step {
                    seat,
                    is_context: true,
                });
            }
        }
        found
    }

    fn match_of(&self, id: TrackId, lines: (u64, u64), back: bool, which: Which) -> Option<u64> {
        self.reader.document.slots[SEARCH].as_ref()?;
        let track = self.reader.track(id);
        let decides = self.reader.document.active.is_some() && track.voice == Voice::Printed;
        let word = |number: usize, group: usize| {
            let block: &Block = &track.blocks[number];
            let found = block.known(SEARCH)?;
            let is_known = found.done == block.lines || (group + 1) * 64 <= found.done as usize;
            let word = found.bits.word(group);
            match (is_known, word) {
                (false, _) => None,
                (true, 0) => Some(0),
                (true, _) => Some(word & self.word_of(which, id, number, group)?),
            }
        };
        self.bits_of(
            id,
            lines,
            back,
            &Known {
                whole: &|block| whole_hits(block, decides, which),
                word: &word,
            },
        )
    }

    fn trouble_of(&self, id: TrackId, lines: (u64, u64), back: bool, which: Which) -> Option<u64> {
        let track = self.reader.track(id);
        if let Some((_, voices)) = &track.words {
            let mut failed =
                (lines.0..lines.1).filter(|line| voices[*line as usize] == Voice::Failed);
            return if back {
                failed.next_back()
            } else {
                failed.next()
            };
        }
        let word = |number: usize, group: usize| {
            let block: &Block = &track.blocks[number];
            let is_known = block.graded == block.lines || (group + 1) * 64 <= block.graded as usize;
            let grave = block.errors.word(group) | block.warnings.word(group);
            let heads = grave & !block.goes_on.word(group);
            match (is_known, heads) {
                (false, _) => None,
                (true, 0) => Some(0),
                (true, _) => Some(heads & self.word_of(which, id, number, group)?),
            }
        };
        self.bits_of(
            id,
            lines,
            back,
            &Known {
                whole: &|_| None,
                word: &word,
            },
        )
    }

    fn word_of(&self, which: Which, id: TrackId, number: usize, group: usize) -> Option<u64> {
        if which == Which::Shown && self.reader.track(id).voice == Voice::Printed {
            self.reader.word(id, number, group)
        } else {
            Some(u64::MAX)
        }
    }

    fn seek_gap(&self, start: u64, back: bool, ms: i64) -> Option<Step> {
        let order = &self.reader.document.order;
        let last = self.placed().checked_sub(1)?;
        if !back && start > last {
            return None;
        }
        let time = |place: u64| order.at(place).and_then(|stretch| stretch.run.key.at_ms());
        let is_gap = |before: u64, after: u64| {
            let times = time(before).zip(time(after));
            times.is_some_and(|(before, after)| after - before >= ms)
        };
        if back {
            let mut after = self.from(start.min(last), true)?;
            loop {
                // Lines of one run came together: only the first of it that shows can follow a gap.
                let run = order.at(after.seat)?;
                after = self.from(run.place, false)?;
                let before = self.from(after.seat.checked_sub(1)?, true)?;
                if is_gap(before.seat, after.seat) {
                    return Some(after);
                }
                after = before;
            }
        }
        let mut before = match start.checked_sub(1) {
            Some(seat) => self.from(seat, true).or_else(|| self.from(start, false))?,
            None => self.from(start, false)?,
        };
        loop {
            let next = order.at(before.seat)?.end().max(start);
            let after = self.from(next, false).filter(|step| step.seat <= last)?;
            // The line before it that shows may be of a run between.
            let near = self.from(after.seat - 1, true)?;
            if is_gap(near.seat, after.seat) {
                return Some(after);
            }
            before = after;
        }
    }

    fn seek_moment(&self, at_ms: i64) -> Option<Step> {
        let order = &self.reader.document.order;
        if let Some(place) = order.moment(at_ms) {
            return self.from(place, false);
        }
        let later = |at: Option<i64>| at.is_some_and(|at| at >= at_ms);
        let lines = &self.fresh.lines;
        let at = lines.iter().position(|line| later(line.key.at_ms()))?;
        self.from(self.placed() + at as u64, false)
    }
}
