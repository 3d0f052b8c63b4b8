//! Walking over the lines that show, in their order.
//!
//! A line shows by itself when rules and level show it and its owner is not hidden; near such a line others show as
//! context. What nobody tested yet ends a walk, and the reader says so. *Seats* are places of the order; behind them
//! stand the lines that have no places yet.

use super::super::bits::{self, Bits};
use super::super::index::Block;
use super::super::line::{TrackId, Voice};
use super::super::order::Stretch;
use super::fold::Folds;
use super::fresh::Fresh;
use super::read::{Reader, Text};

/// The most lines of context that are looked for.
const WIDEST: u64 = 1000;
/// Runs that are passed one by one before tracks are asked as a whole.
const NEAR: usize = if cfg!(test) { 3 } else { 64 };

/// A line that shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// Where it is.
    pub(super) seat: u64,
    /// It shows only because another one does.
    pub(super) is_context: bool,
}

/// What is known of the lines of a track.
pub(super) struct Known<'a> {
    /// The bits of all lines of a block, when they are known and stand together.
    pub(super) whole: &'a dyn Fn(&Block) -> Option<&Bits>,
    /// The bits of 64 lines of a block, when they are known.
    pub(super) word: &'a dyn Fn(usize, usize) -> Option<u64>,
}

/// Walks over a document, with the lines that have no places yet.
pub(super) struct Walk<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) fresh: Fresh,
    pub(super) folds: Folds,
}

impl Walk<'_> {
    /// How many lines have places.
    pub(super) fn placed(&self) -> u64 {
        self.reader.document.order.len()
    }

    /// The track of a line, its time and its text.
    pub(super) fn text_at(&self, seat: u64) -> (TrackId, Option<i64>, Text) {
        let Some(stretch) = self.reader.document.order.at(seat) else {
            let fresh = &self.fresh.lines[(seat - self.placed()) as usize];
            return (fresh.track, fresh.key.at_ms(), fresh.text.clone());
        };
        let run = stretch.run;
        let line = run.first + seat - stretch.place;
        let track = run.key.track();
        (track, run.key.at_ms(), self.reader.line(track, line))
    }

    /// How many seats there are.
    pub(super) fn seats(&self) -> u64 {
        self.placed() + self.fresh.lines.len() as u64
    }

    /// Whether the lines of a track never show.
    pub(super) fn is_hidden(&self, track: TrackId) -> bool {
        let owner = self.reader.track(track).owner;
        self.reader.document.filters.hidden.contains(&owner)
    }

    /// The nearest line that rules, level and owners show from a seat on, forth or back; the seat itself counts.
    pub(super) fn unfolded_from(&self, seat: u64, back: bool) -> Option<Step> {
        if back {
            if let Some(found) = self.fresh_back(seat) {
                return Some(found);
            }
            if self.fresh.is_apart {
                self.reader.is_unsure.set(true);
                return None;
            }
            let last = self.placed().checked_sub(1)?;
            return self.placed_from(seat.min(last), true);
        }
        if seat < self.placed() {
            if let Some(found) = self.placed_from(seat, false) {
                return Some(found);
            }
            if self.reader.is_unsure.get() || self.fresh.is_apart {
                self.reader.is_unsure.set(true);
                return None;
            }
        }
        (seat.max(self.placed())..self.seats())
            .find(|seat| self.shows_fresh(*seat))
            .map(by_itself)
    }

    fn fresh_back(&self, seat: u64) -> Option<Step> {
        let last = seat.min(self.seats().checked_sub(1)?);
        (self.placed()..=last)
            .rev()
            .find(|seat| self.shows_fresh(*seat))
            .map(by_itself)
    }

    /// Whether a line without a place shows.
    pub(super) fn shows_fresh(&self, seat: u64) -> bool {
        let at = (seat - self.placed()) as usize;
        let fresh = &self.fresh.lines[at];
        !self.is_hidden(fresh.track)
            && match &self.reader.document.active {
                None => true,
                Some(active) => {
                    let level = || self.fresh.grade(at).0;
                    self.reader.shows(active, &fresh.text.bytes, level)
                }
            }
    }

    fn placed_from(&self, place: u64, back: bool) -> Option<Step> {
        let context = self.reader.document.filters.context.min(WIDEST);
        if context == 0 || self.reader.document.active.is_none() {
            return self.core(place, back).map(by_itself);
        }
        let near = self.neighbour(place, back)?;
        if self.is_core(near) {
            return Some(by_itself(near));
        }
        let as_context = |seat| Step {
            seat,
            is_context: true,
        };
        if self.is_near_core(near, context) {
            return Some(as_context(near));
        }
        let core = self.core(near, back)?;
        let mut at = core;
        for _ in 0..context {
            let next = if back {
                self.neighbour(at + 1, false)
            } else {
                at.checked_sub(1).and_then(|at| self.neighbour(at, true))
            };
            let passed = |next: u64| if back { next > near } else { next < near };
            match next {
                Some(next) if !passed(next) => at = next,
                _ => break,
            }
        }
        Some(if at == core {
            by_itself(core)
        } else {
            as_context(at)
        })
    }

    /// The nearest line, this one included, whose owner is not hidden.
    fn neighbour(&self, place: u64, back: bool) -> Option<u64> {
        let order = &self.reader.document.order;
        let mut stretch = order.at(place)?;
        if !self.is_hidden(stretch.run.key.track()) {
            return Some(place);
        }
        loop {
            stretch = self.beside(&stretch, back)?;
            if !self.is_hidden(stretch.run.key.track()) {
                return Some(if back {
                    stretch.end() - 1
                } else {
                    stretch.place
                });
            }
        }
    }

    fn beside(&self, stretch: &Stretch, back: bool) -> Option<Stretch> {
        let order = &self.reader.document.order;
        if back {
            order.previous(stretch)
        } else {
            order.next(stretch)
        }
    }

    fn is_near_core(&self, place: u64, context: u64) -> bool {
        let side = |back: bool| {
            let mut at = place;
            for _ in 0..context {
                let next = if back {
                    at.checked_sub(1)
                } else {
                    Some(at + 1)
                };
                let Some(next) = next.and_then(|next| self.neighbour(next, back)) else {
                    return false;
                };
                if self.is_core(next) {
                    return true;
                }
                at = next;
            }
            false
        };
        side(true) || side(false)
    }

    /// Whether a line shows by itself.
    fn is_core(&self, place: u64) -> bool {
        let Some(stretch) = self.reader.document.order.at(place) else {
            return false;
        };
        let line = stretch.run.first + place - stretch.place;
        self.shown_of(stretch.run.key.track(), line, line + 1, false) == Some(line)
    }

    /// The nearest line that shows by itself.
    pub(super) fn core(&self, place: u64, back: bool) -> Option<u64> {
        self.pick(place, back, &|track, from, to| {
            self.shown_of(track, from, to, back)
        })
    }

    /// The nearest line of those that `pick` finds first (or last) among lines of a track whose owner is not hidden.
    pub(super) fn pick(
        &self,
        place: u64,
        back: bool,
        pick: &dyn Fn(TrackId, u64, u64) -> Option<u64>,
    ) -> Option<u64> {
        let mut stretch = self.reader.document.order.at(place)?;
        let (mut from, mut to) = (stretch.place, stretch.end());
        if back {
            to = place + 1;
        } else {
            from = place;
        }
        for _ in 0..NEAR {
            let run = stretch.run;
            let track = run.key.track();
            if !self.is_hidden(track) {
                let line = |place: u64| run.first + place - stretch.place;
                if let Some(found) = pick(track, line(from), line(to)) {
                    return Some(stretch.place + found - run.first);
                }
                if self.reader.is_unsure.get() {
                    return None;
                }
            }
            stretch = self.beside(&stretch, back)?;
            (from, to) = (stretch.place, stretch.end());
        }
        self.pick_far(if back { to - 1 } else { from }, back, pick)
    }

    /// As `pick`, for lines that are far away: each track is asked by itself, and the nearest of its answers taken.
    fn pick_far(
        &self,
        place: u64,
        back: bool,
        pick: &dyn Fn(TrackId, u64, u64) -> Option<u64>,
    ) -> Option<u64> {
        let document = self.reader.document;
        let mut nearest = None;
        for (at, track) in document.tracks.iter().enumerate() {
            let id = TrackId(at as u16);
            if self.is_hidden(id) {
                continue;
            }
            let from = |place: u64| document.order.first_from(place, id).unwrap_or(track.lines);
            let (from, to) = if back {
                (track.dropped, from(place + 1))
            } else {
                (from(place), track.lines)
            };
            let found = if from < to { pick(id, from, to) } else { None };
            if self.reader.is_unsure.get() {
                return None;
            }
            let found = found.and_then(|line| document.order.find(id, line, place));
            nearest = match (nearest, found) {
                (Some(one), Some(other)) if back => Some(other.max(one)),
                (Some(one), Some(other)) => Some(other.min(one)),
                (one, other) => one.or(other),
            };
        }
        nearest
    }

    /// The first (or last) of these lines of a track that rules and level show.
    pub(super) fn shown_of(&self, id: TrackId, from: u64, to: u64, back: bool) -> Option<u64> {
        let nearest = if back { to - 1 } else { from };
        if self.reader.document.active.is_none() || self.reader.track(id).voice != Voice::Printed {
            return Some(nearest);
        }
        self.bits_of(
            id,
            (from, to),
            back,
            &Known {
                whole: &|block| (block.shown.done == block.lines).then_some(&block.shown.bits),
                word: &|block, group| self.reader.word(id, block, group),
            },
        )
    }

    /// The first (or last) of these lines of a track whose bit is set. When the bits of a group are not known, the walk
    /// ends there.
    pub(super) fn bits_of(
        &self,
        id: TrackId,
        (mut from, mut to): (u64, u64),
        back: bool,
        known: &Known<'_>,
    ) -> Option<u64> {
        let track = self.reader.track(id);
        while from < to {
            let (number, local) = track.locate(if back { to - 1 } else { from })?;
            let first = track.blocks[number].first;
            let (low, high) = if back {
                (from.max(first), to)
            } else {
                let end = first + u64::from(track.blocks[number].lines);
                (from, to.min(end))
            };
            debug_assert!(low <= first + local as u64 && first + (local as u64) < high);
            let range = (low - first) as usize..(high - first) as usize;
            if let Some(bits) = (known.whole)(&track.blocks[number]) {
                if let Some(found) = bits.nearest(range, back) {
                    return Some(first + found as u64);
                }
                (from, to) = if back { (from, low) } else { (high, to) };
                continue;
            }
            let mut words = bits::words(range);
            while let Some((at, mask)) = if back {
                words.next_back()
            } else {
                words.next()
            } {
                let Some(found) = (known.word)(number, at) else {
                    self.reader.is_unsure.set(true);
                    return None;
                };
                let found = found & mask;
                if found != 0 {
                    let bit = if back {
                        found.ilog2()
                    } else {
                        found.trailing_zeros()
                    };
                    return Some(first + at as u64 * 64 + u64::from(bit));
                }
            }
            (from, to) = if back { (from, low) } else { (high, to) };
        }
        None
    }
}

/// A line that shows by itself.
pub(super) fn by_itself(seat: u64) -> Step {
    Step {
        seat,
        is_context: false,
    }
}
