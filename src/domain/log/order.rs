//! The order of a document's lines: runs of lines of one track, by time.
//!
//! A run takes 16 bytes; lines that follow each other with the same key are one run. Runs stand in blocks, so that
//! lines can be put in anywhere. Invariants: runs of one track keep the order of their lines; but for strays, keys
//! never go down. A stray stands where it came, later than its own time: it is not looked at when others are put in.

use super::graves::{Grave, Graves};
use super::line::{LineId, TrackId};

/// The most runs of a block.
const BLOCK: usize = 512;
/// The most lines of a run.
const LONGEST: u64 = (1 << 22) - 1;
/// Bits of the number of a run's first line.
const FIRST_BITS: u32 = 40;
const LATE: u64 = 1 << 63;
const STRAY: u64 = 1 << 62;
/// Times from here on cannot be told apart.
const LATEST: i64 = (1 << 46) - 2;

/// Where lines stand: their time, before or behind others of the same millisecond, their track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Key(u64);

/// What stands first within a millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// What golive says before anything was printed.
    Before,
    /// What was printed.
    Printed,
    /// What golive says behind it.
    Behind,
}

impl Key {
    /// Behind all others.
    pub(super) const LAST: Self = Self(u64::MAX);

    /// The key of lines of a track; without a time they stand before all that have one.
    pub(super) fn new(at_ms: Option<i64>, rank: Rank, track: TrackId) -> Self {
        let time = at_ms.map_or(0, |at| at.clamp(0, LATEST) as u64 + 1);
        Self(time << 18 | (rank as u64) << 16 | u64::from(track.0))
    }

    /// The time, where there is one.
    pub(super) fn at_ms(self) -> Option<i64> {
        (self.0 >> 18).checked_sub(1).map(u64::cast_signed)
    }

    /// The track.
    pub(super) fn track(self) -> TrackId {
        TrackId(self.0 as u16)
    }
}

/// Lines of one track that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Where they stand.
    pub(super) key: Key,
    /// The number of the first in its track.
    pub(super) first: u64,
    /// How many.
    pub(super) count: u64,
    /// They came so late that others with a later time were there.
    pub(super) late: bool,
    /// They stand where they came, not where their time is.
    pub(super) stray: bool,
}

/// A run as it is kept.
#[derive(Debug, Clone, Copy)]
struct Packed {
    key: Key,
    rest: u64,
}

impl Packed {
    fn new(run: Run) -> Self {
        let flags = if run.late { LATE } else { 0 } | if run.stray { STRAY } else { 0 };
        Self {
            key: run.key,
            rest: flags | run.count << FIRST_BITS | run.first,
        }
    }

    fn count(self) -> u64 {
        (self.rest & !(LATE | STRAY)) >> FIRST_BITS
    }

    fn first(self) -> u64 {
        self.rest & ((1 << FIRST_BITS) - 1)
    }

    fn is_stray(self) -> bool {
        self.rest & STRAY != 0
    }

    fn run(self) -> Run {
        Run {
            key: self.key,
            first: self.first(),
            count: self.count(),
            late: self.rest & LATE != 0,
            stray: self.is_stray(),
        }
    }
}

/// Some runs that follow each other.
#[derive(Debug, Clone, Default)]
struct Block {
    runs: Vec<Packed>,
    lines: u64,
    /// The place of its first line.
    start: u64,
    /// The highest key of it that is no stray's.
    highest: Option<Key>,
    /// The tracks in it, each with its first line here.
    tracks: Vec<(TrackId, u64)>,
}

impl Block {
    fn refresh(&mut self) {
        self.lines = self.runs.iter().map(|run| run.count()).sum();
        self.highest = self
            .runs
            .iter()
            .rev()
            .find(|run| !run.is_stray())
            .map(|run| run.key);
        self.tracks.clear();
        for at in 0..self.runs.len() {
            let run = self.runs[at];
            self.meet(run.key.track(), run.first());
        }
    }

    fn meet(&mut self, track: TrackId, first: u64) {
        match self.tracks.iter_mut().find(|(met, _)| *met == track) {
            Some((_, known)) => *known = first.min(*known),
            None => self.tracks.push((track, first)),
        }
    }
}

/// A run of the order, and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    /// The run.
    pub(super) run: Run,
    /// The place of its first line.
    pub(super) place: u64,
    block: usize,
    at: usize,
}

impl Stretch {
    /// The place behind its last line.
    pub(super) fn end(&self) -> u64 {
        self.place + self.run.count
    }
}

/// The order of lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    blocks: Vec<Block>,
    lines: u64,
    graves: Graves,
}

impl Order {
    /// How many lines stand in it.
    pub(super) fn len(&self) -> u64 {
        self.lines
    }

    /// The highest key of lines that stand by their time.
    pub(super) fn highest(&self) -> Option<Key> {
        self.blocks.iter().rev().find_map(|block| block.highest)
    }

    /// Puts lines in: behind all that stand there with the same key or a lower one.
    pub(super) fn put(&mut self, run: Run) {
        let mut left = run;
        while left.count > 0 {
            let part = left.count.min(LONGEST);
            self.put_one(
                run.key,
                Run {
                    count: part,
                    ..left
                },
            );
            left.first += part;
            left.count -= part;
        }
    }

    /// Puts lines in that stand by another key than their own.
    pub(super) fn put_stray(&mut self, stand: Key, run: Run) {
        self.put_one(stand, Run { stray: true, ..run });
    }

    fn put_one(&mut self, stand: Key, run: Run) {
        let (block, at) = self.behind(stand);
        let is_last = self
            .blocks
            .get(block)
            .is_none_or(|own| block + 1 == self.blocks.len() && at == own.runs.len());
        if is_last {
            let (track, line) = (run.key.track(), run.first);
            self.graves.follow(LineId { track, line });
        }
        self.lines += run.count;
        if self.blocks.is_empty() {
            self.blocks.push(Block::default());
        }
        if !self.widened(block, at, run) {
            self.insert(block, at, run);
        }
        // What was put in may be at the end of the block before.
        let from = block.saturating_sub(1);
        let mut start = self.blocks[from].start;
        for block in &mut self.blocks[from..] {
            block.start = start;
            start += block.lines;
        }
    }

    /// Where lines with this key go: before the first that has a higher one and is no stray.
    fn behind(&self, key: Key) -> (usize, usize) {
        let higher = |found: Option<Key>| found.is_some_and(|found| found > key);
        let Some(last) = self.blocks.len().checked_sub(1) else {
            return (0, 0);
        };
        if !higher(self.highest()) {
            return (last, self.blocks[last].runs.len());
        }
        // Blocks of strays only have no key; those before them tell.
        let mut block = self.blocks.partition_point(|block| !higher(block.highest));
        if self.blocks.iter().any(|block| block.highest.is_none()) {
            block = self
                .blocks
                .iter()
                .position(|block| higher(block.highest))
                .unwrap_or(last);
        }
        let runs = &self.blocks[block].runs;
        let at = runs
            .iter()
            .position(|run| !run.is_stray() && run.key > key)
            .unwrap_or(runs.len());
        (block, at)
    }

    /// Makes the run before it longer when the lines go on it.
    fn widened(&mut self, block: usize, at: usize, run: Run) -> bool {
        let (block, at) = match at.checked_sub(1) {
            Some(at) => (block, at),
            None => match block.checked_sub(1) {
                Some(before) => (before, self.blocks[before].runs.len() - 1),
                None => return false,
            },
        };
        let block = &mut self.blocks[block];
        let Some(before) = block.runs.get_mut(at) else {
            return false;
        };
        let wide = before.run();
        let goes_on = wide.key == run.key
            && wide.first + wide.count == run.first
            && (wide.late, wide.stray) == (run.late, run.stray)
            && wide.count + run.count <= LONGEST;
        if goes_on {
            *before = Packed::new(Run {
                count: wide.count + run.count,
                ..wide
            });
            block.lines += run.count;
        }
        goes_on
    }

    fn insert(&mut self, at_block: usize, at: usize, run: Run) {
        let block = &mut self.blocks[at_block];
        block.runs.insert(at, Packed::new(run));
        block.lines += run.count;
        block.meet(run.key.track(), run.first);
        if !run.stray {
            block.highest = block.highest.max(Some(run.key));
        }
        if block.runs.len() > BLOCK {
            // Behind the end blocks stay full.
            let keep = if at + 1 == block.runs.len() {
                BLOCK
            } else {
                BLOCK / 2
            };
            let mut next = Block {
                runs: block.runs.split_off(keep),
                ..Block::default()
            };
            next.refresh();
            block.refresh();
            self.blocks.insert(at_block + 1, next);
        }
    }

    /// The run of the line at this place.
    pub(super) fn at(&self, place: u64) -> Option<Stretch> {
        if place >= self.lines {
            return None;
        }
        let block = self.blocks.partition_point(|block| block.start <= place) - 1;
        let mut start = self.blocks[block].start;
        for (at, run) in self.blocks[block].runs.iter().enumerate() {
            if place < start + run.count() {
                return Some(Stretch {
                    run: run.run(),
                    place: start,
                    block,
                    at,
                });
            }
            start += run.count();
        }
        None
    }

    /// The run behind one.
    pub(super) fn next(&self, stretch: &Stretch) -> Option<Stretch> {
        let (mut block, mut at) = (stretch.block, stretch.at + 1);
        if at == self.blocks[block].runs.len() {
            (block, at) = (block + 1, 0);
        }
        let run = self.blocks.get(block)?.runs.get(at)?.run();
        Some(Stretch {
            run,
            place: stretch.end(),
            block,
            at,
        })
    }

    /// The run before one.
    pub(super) fn previous(&self, stretch: &Stretch) -> Option<Stretch> {
        let (block, at) = if let Some(at) = stretch.at.checked_sub(1) {
            (stretch.block, at)
        } else {
            let block = stretch.block.checked_sub(1)?;
            (block, self.blocks[block].runs.len() - 1)
        };
        let run = self.blocks[block].runs[at].run();
        Some(Stretch {
            run,
            place: stretch.place - run.count,
            block,
            at,
        })
    }

    /// The place of a line; fast when it is near `hint`.
    pub(super) fn find(&self, track: TrackId, line: u64, hint: u64) -> Option<u64> {
        let within = |stretch: &Stretch| {
            let run = &stretch.run;
            let is_here =
                run.key.track() == track && (run.first..run.first + run.count).contains(&line);
            is_here.then(|| stretch.place + line - run.first)
        };
        if let Some(found) = self.at(hint).as_ref().and_then(within) {
            return Some(found);
        }
        let begins = |block: &Block| {
            let known = block.tracks.iter().find(|(met, _)| *met == track);
            known.is_some_and(|(_, first)| *first <= line)
        };
        let block = self.blocks.iter().rposition(begins)?;
        let mut place = self.blocks[block].start;
        for (at, run) in self.blocks[block].runs.iter().enumerate() {
            let run = run.run();
            let stretch = Stretch {
                run,
                place,
                block,
                at,
            };
            if let Some(found) = within(&stretch) {
                return Some(found);
            }
            place += run.count;
        }
        None
    }

    /// The first line of a track at a place or behind it.
    pub(super) fn first_from(&self, place: u64, track: TrackId) -> Option<u64> {
        let stretch = self.at(place)?;
        let skipped = place - stretch.place;
        let runs = &self.blocks[stretch.block].runs[stretch.at..];
        let mut own = runs.iter().enumerate();
        let here = own.find(|(_, run)| run.key.track() == track);
        if let Some((at, run)) = here {
            return Some(run.first() + if at == 0 { skipped } else { 0 });
        }
        self.blocks[stretch.block + 1..].iter().find_map(|block| {
            let known = block.tracks.iter().find(|(met, _)| *met == track);
            known.map(|(_, first)| *first)
        })
    }

    /// The place of the first line, of those that stand by their time, that has this time or a later one.
    pub(super) fn moment(&self, at_ms: i64) -> Option<u64> {
        let later = |key: Key| key.at_ms().is_some_and(|at| at >= at_ms);
        let block = self
            .blocks
            .iter()
            .position(|block| block.highest.is_some_and(later))?;
        let mut place = self.blocks[block].start;
        for run in &self.blocks[block].runs {
            if !run.is_stray() && later(run.key) {
                return Some(place);
            }
            place += run.count();
        }
        None
    }

    /// Takes the lines of a track before this number out.
    pub(super) fn drop_before(&mut self, track: TrackId, line: u64) {
        let gone = self.graves_before(track, line);
        self.graves.bury(track, line, &gone);
        let mut start = 0;
        for block in &mut self.blocks {
            if block
                .tracks
                .iter()
                .any(|(met, first)| *met == track && *first < line)
            {
                block.runs.retain_mut(|packed| {
                    let run = packed.run();
                    if run.key.track() != track || run.first >= line {
                        return true;
                    }
                    let gone = (line - run.first).min(run.count);
                    *packed = Packed::new(Run {
                        first: run.first + gone,
                        count: run.count - gone,
                        ..run
                    });
                    run.count > gone
                });
                block.refresh();
            }
            block.start = start;
            start += block.lines;
        }
        self.blocks.retain(|block| !block.runs.is_empty());
        self.lines = start;
    }

    /// The lines of a track before this number, each with what stands behind it of those that stay.
    fn graves_before(&self, track: TrackId, line: u64) -> Vec<Grave> {
        let goes = |block: &Block| {
            let mut tracks = block.tracks.iter();
            tracks.any(|(met, first)| *met == track && *first < line)
        };
        let Some(last) = self.blocks.iter().rposition(goes) else {
            return Vec::new();
        };
        let first = self.blocks.iter().position(goes).unwrap_or(last);
        let begin = |run: &Packed| LineId {
            track: run.key.track(),
            line: run.first(),
        };
        let behind = self.blocks.get(last + 1);
        let mut next = behind.and_then(|block| block.runs.first()).map(begin);
        let mut gone: Vec<Grave> = Vec::new();
        let runs = self.blocks[first..=last].iter().rev();
        for run in runs.flat_map(|block| block.runs.iter().rev()) {
            if run.key.track() != track || run.first() >= line {
                next = Some(begin(run));
                continue;
            }
            let end = run.first() + run.count();
            let until = end.min(line);
            if until < end {
                next = Some(LineId { track, line });
            }
            if gone.last().is_none_or(|grave| grave.next != next) {
                gone.push(Grave { until, next });
            }
        }
        gone.reverse();
        gone
    }

    /// The place of the first line behind one that was given up; `None` = it was not.
    pub(super) fn grave(&self, id: LineId) -> Option<u64> {
        let next = self.graves.of(id)?.next;
        let place = next.and_then(|next| self.find(next.track, next.line, 0));
        Some(place.unwrap_or(self.lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(at_ms: i64, track: u16, first: u64, count: u64) -> Run {
        Run {
            key: Key::new(Some(at_ms), Rank::Printed, TrackId(track)),
            first,
            count,
            late: false,
            stray: false,
        }
    }

    fn lines(order: &Order) -> Vec<(u16, u64)> {
        let mut found = Vec::new();
        let mut next = order.at(0);
        while let Some(stretch) = next {
            assert_eq!(stretch.place, found.len() as u64);
            let track = stretch.run.key.track().0;
            found.extend((0..stretch.run.count).map(|n| (track, stretch.run.first + n)));
            next = order.next(&stretch);
        }
        found
    }

    proptest::proptest! {
        #[test]
        fn lines_that_were_given_up_stand_where_they_stood(
            first in proptest::collection::vec((0_u16..3, 0_i64..40, 1_u64..4), 1..40),
            drops in proptest::collection::vec((0_u16..3, 0_u64..40, 0_u16..3, 0_u64..3), 0..12),
        ) {
            let mut order = Order::default();
            let (mut next, mut highest) = ([0; 3], [0; 3]);
            let mut put = |order: &mut Order, track: u16, at_ms: i64, count: u64| {
                let own = usize::from(track);
                highest[own] = at_ms.max(highest[own]);
                order.put(run(highest[own], track, next[own], count));
                next[own] += count;
            };
            for (track, at_ms, count) in first {
                put(&mut order, track, at_ms, count);
            }
            // All lines in their order, with those that were given up.
            let (mut all, mut dropped) = (lines(&order), [0; 3]);
            for (at_ms, (track, line, later, count)) in (100..).zip(drops) {
                let own = usize::from(track);
                let known = all.iter().filter(|(known, _)| *known == track).count() as u64;
                dropped[own] = line.min(known).max(dropped[own]);
                order.drop_before(TrackId(track), dropped[own]);
                let is_there = |(track, line): &(u16, u64)| *line >= dropped[usize::from(*track)];
                if count > 0 {
                    put(&mut order, later, at_ms, count);
                    all.extend(lines(&order).into_iter().rev().take(count as usize).rev());
                }
                let mut before = 0;
                for (track, line) in &all {
                    let id = LineId { track: TrackId(*track), line: *line };
                    if is_there(&(*track, *line)) {
                        proptest::prop_assert_eq!(order.grave(id), None);
                        before += 1;
                    } else {
                        proptest::prop_assert_eq!(order.grave(id), Some(before));
                    }
                }
                proptest::prop_assert_eq!(before, order.len());
            }
            // As many entries as lines of others stand between, and no more.
            for (track, graves) in order.graves.tracks() {
                let others = all.iter().filter(|(other, _)| *other != track.0).count();
                proptest::prop_assert!(graves.len() <= others + 1);
            }
        }
    }

    #[test]
    fn runs_stand_by_time_and_track_in_whatever_order_they_come() {
        let runs = [
            run(5, 0, 0, 2),
            run(5, 1, 0, 1),
            run(6, 0, 2, 1),
            run(9, 1, 1, 1),
        ];
        let mut forth = Order::default();
        for run in &runs {
            forth.put(*run);
        }
        let mut back = Order::default();
        for run in runs.iter().rev() {
            back.put(*run);
        }
        assert_eq!(lines(&forth), [(0, 0), (0, 1), (1, 0), (0, 2), (1, 1)]);
        assert_eq!(lines(&back), lines(&forth));
    }

    #[test]
    fn lines_of_the_same_moment_take_no_more_room() {
        let mut order = Order::default();
        for line in 0..1000 {
            order.put(run(5, 0, line, 1));
        }
        assert_eq!(order.at(0).unwrap().run.count, 1000);
        order.put(run(5, 0, 1000, 2 * LONGEST));
        assert_eq!(order.len(), 1000 + 2 * LONGEST);
        assert_eq!(order.find(TrackId(0), LONGEST, 0), Some(LONGEST));
    }

    #[test]
    fn every_line_is_found_among_many_blocks_also_after_some_were_dropped() {
        let mut order = Order::default();
        for n in 0..3000_u64 {
            order.put(run(n.cast_signed() * 2, (n % 3) as u16, n / 3, 1));
        }
        order.drop_before(TrackId(1), 900);
        let all = lines(&order);
        assert_eq!(all.len(), 2100);
        for (place, (track, line)) in all.iter().enumerate() {
            let found = order.find(TrackId(*track), *line, 7);
            assert_eq!(found, Some(place as u64));
        }
        assert_eq!(order.find(TrackId(1), 899, 0), None);
        let last = order.at(order.len() - 1).unwrap();
        assert_eq!(order.previous(&last).unwrap().end(), order.len() - 1);
    }

    #[test]
    fn a_stray_moves_nobody() {
        let mut order = Order::default();
        order.put(run(10, 0, 0, 1));
        order.put_stray(order.highest().unwrap(), run(1, 1, 0, 1));
        order.put(run(12, 0, 1, 1));
        order.put(run(11, 2, 0, 1));
        assert_eq!(lines(&order), [(0, 0), (1, 0), (2, 0), (0, 1)]);
        assert_eq!(order.moment(11), Some(2));
        assert_eq!(order.moment(13), None);
    }
}
