//! Lines of several sources in one order, for those who cannot put a line in later: plain lines and JSON.
//!
//! A line is held back for a while, so that earlier ones of other sources can come before it. Then lines go in the
//! order of (time, source, place in the source). Nothing is lost, nothing is held longer than that, and the order within
//! a source is never changed. What comes too late goes at once and says so. Memory is bounded: when too much is
//! held, the earliest goes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::intake::Taken;
use super::line::Level;

/// The most bytes that are held back.
pub const MOST_HELD: usize = 8 << 20;

/// What holding a line takes besides its bytes.
const OVERHEAD: usize = 160;

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

/// Puts lines of several sources in one order. Call `release` after every batch that was pushed, and when
/// `next_release` says so.
#[derive(Debug)]
pub struct Merger {
    hold_ms: i64,
    held: BinaryHeap<Reverse<Held>>,
    /// When lines have to go, in the order they came; some of them went early.
    due: VecDeque<(i64, Turn)>,
    /// The last turn of each source: no line of it goes before.
    last: Vec<Option<i64>>,
    /// Lines up to this turn go with the next release, whatever the time is.
    overdue: Option<Turn>,
    /// The last turn that went, and the latest time of a line that went.
    gone: Option<(Turn, i64)>,
    bytes: usize,
    number: u64,
}

/// The place of a line in the order: its time, not before that of the line before it of its source; its source; its
/// number.
type Turn = (i64, usize, u64);

/// A line that is held back.
#[derive(Debug)]
struct Held {
    turn: Turn,
    line: Kept,
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.turn == other.turn
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.turn.cmp(&other.turn)
    }
}

impl Merger {
    /// For so many sources; lines are held back up to so many milliseconds, those of one source alone not at all.
    pub fn new(sources: usize, hold_ms: i64) -> Self {
        Self {
            hold_ms: if sources > 1 { hold_ms.max(0) } else { 0 },
            held: BinaryHeap::new(),
            due: VecDeque::new(),
            last: vec![None; sources],
            overdue: None,
            gone: None,
            bytes: 0,
            number: 0,
        }
    }

    /// Takes the next line of a source (counted from 0), which arrived then.
    pub fn push(&mut self, source: usize, line: Kept, arrival_ms: i64) {
        if source >= self.last.len() {
            self.last.resize(source + 1, None);
        }
        let last = &mut self.last[source];
        let time = last.map_or(line.at_ms, |last| last.max(line.at_ms));
        *last = Some(time);
        let turn = (time, source, self.number);
        self.number += 1;
        self.bytes += line.bytes.len() + OVERHEAD;
        if self.gone.is_some_and(|(gone, _)| turn < gone) {
            self.overdue = self.overdue.max(Some(turn));
        } else {
            // Clocks may be set back; nobody waits longer for that.
            let before = self.due.back().map_or(i64::MIN, |(due, _)| *due);
            self.due
                .push_back((arrival_ms.saturating_add(self.hold_ms).max(before), turn));
        }
        self.held.push(Reverse(Held { turn, line }));
    }

    /// Hands over the lines whose turn has come by now, in order.
    pub fn release(&mut self, now_ms: i64, take: &mut dyn FnMut(Merged)) {
        let mut until = self.overdue.take();
        while let Some((due, turn)) = self.due.front()
            && *due <= now_ms
        {
            until = until.max(Some(*turn));
            self.due.pop_front();
        }
        while let Some(Reverse(first)) = self.held.peek()
            && (Some(first.turn) <= until || self.bytes > MOST_HELD)
        {
            self.hand_over(take);
        }
        // Lines that went early need nobody to wake up for them.
        let gone = self.gone.map(|(turn, _)| turn);
        while self
            .due
            .front()
            .is_some_and(|(_, turn)| Some(*turn) <= gone)
        {
            self.due.pop_front();
        }
    }

    /// When `release` is due next, in milliseconds since 1970 (0 = at once); `None` = nothing is held.
    pub fn next_release(&self) -> Option<i64> {
        if self.overdue.is_some() || self.bytes > MOST_HELD {
            return Some(0);
        }
        self.due.front().map(|(due, _)| *due)
    }

    /// Hands over all that is held, in order: nothing more comes, or nobody waits for it.
    pub fn finish(&mut self, take: &mut dyn FnMut(Merged)) {
        while !self.held.is_empty() {
            self.hand_over(take);
        }
        self.due.clear();
        self.overdue = None;
    }

    fn hand_over(&mut self, take: &mut dyn FnMut(Merged)) {
        let Some(Reverse(Held { turn, line })) = self.held.pop() else {
            return;
        };
        self.bytes -= line.bytes.len() + OVERHEAD;
        let (gone, latest) = self.gone.unwrap_or((turn, line.at_ms));
        // A source whose own lines cross a little is not late.
        let late = turn < gone || line.at_ms.saturating_add(self.hold_ms) < latest;
        self.gone = Some((gone.max(turn), latest.max(line.at_ms)));
        take(Merged {
            source: turn.1,
            line,
            late,
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(at_ms: i64) -> Kept {
        Kept {
            bytes: b"x".to_vec(),
            len: 2,
            at_ms,
            stamped: true,
            moved: false,
            level: Level::Unknown,
            goes_on: false,
        }
    }

    fn released(merger: &mut Merger, now_ms: i64) -> Vec<(usize, i64, bool)> {
        let mut all = Vec::new();
        merger.release(now_ms, &mut |merged| {
            all.push((merged.source, merged.line.at_ms, merged.late));
        });
        all
    }

    #[test]
    fn lines_wait_for_earlier_ones_of_other_sources() {
        let mut merger = Merger::new(2, 300);
        merger.push(0, line(1_000), 1_010);
        assert_eq!(merger.next_release(), Some(1_310));
        merger.push(1, line(900), 1_200);
        merger.push(1, line(1_100), 1_250);
        assert!(released(&mut merger, 1_309).is_empty());
        assert_eq!(
            released(&mut merger, 1_310),
            [(1, 900, false), (0, 1_000, false)]
        );
        assert_eq!(merger.next_release(), Some(1_550));
        assert_eq!(released(&mut merger, 1_550), [(1, 1_100, false)]);
        assert_eq!(merger.next_release(), None);
    }

    #[test]
    fn what_comes_too_late_goes_at_once_and_says_so() {
        let mut merger = Merger::new(2, 300);
        merger.push(0, line(1_000), 1_010);
        released(&mut merger, 1_400);
        merger.push(1, line(900), 1_500);
        merger.push(1, line(1_450), 1_500);
        assert!(merger.next_release() <= Some(1_500));
        assert_eq!(released(&mut merger, 1_500), [(1, 900, true)]);
        assert_eq!(merger.next_release(), Some(1_800));
    }

    #[test]
    fn a_line_is_not_held_for_longer_because_its_time_is_later() {
        let mut merger = Merger::new(2, 300);
        merger.push(0, line(9_000_000), 1_000);
        merger.push(1, line(1_050), 1_100);
        assert_eq!(
            released(&mut merger, 1_300),
            [(1, 1_050, false), (0, 9_000_000, false)]
        );
    }

    #[test]
    fn one_source_alone_waits_for_nobody() {
        let mut merger = Merger::new(1, 300);
        merger.push(0, line(1_000), 1_010);
        merger.push(0, line(900), 1_010);
        assert_eq!(
            released(&mut merger, 1_010),
            [(0, 1_000, false), (0, 900, true)]
        );
    }

    #[test]
    fn when_too_much_is_held_the_earliest_goes() {
        let mut merger = Merger::new(2, i64::MAX);
        let mut big = line(5);
        big.bytes = vec![b'x'; MOST_HELD / 2];
        for at_ms in [7, 5, 6] {
            big.at_ms = at_ms;
            merger.push(at_ms as usize % 2, big.clone(), 0);
        }
        assert!(merger.next_release() <= Some(0));
        assert_eq!(released(&mut merger, 0).len(), 2);
        assert_eq!(merger.next_release(), Some(i64::MAX));
        let mut rest = 0;
        merger.finish(&mut |_| rest += 1);
        assert_eq!((rest, merger.next_release()), (1, None));
    }

    /// What happens: a line of a source whose time is off by so much comes, after so many milliseconds; or a release.
    type Deed = (usize, i64, i64, bool);

    fn deeds() -> impl Strategy<Value = Vec<Deed>> {
        prop::collection::vec(
            (0_usize..3, -600_i64..600, 0_i64..200, any::<bool>()),
            0..60,
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn nothing_is_lost_and_sources_keep_their_order(deeds in deeds(), hold_ms in 0_i64..500) {
            let mut merger = Merger::new(3, hold_ms);
            let (mut now, mut out, mut put) = (10_000, Vec::new(), Vec::new());
            for (number, (source, off, pause, releases)) in deeds.iter().enumerate() {
                now += pause;
                let mut line = line(now + off);
                line.len = number as u64;
                put.push((*source, line.len, now));
                merger.push(*source, line, now);
                if *releases {
                    merger.release(now, &mut |merged| out.push((merged, now)));
                    prop_assert!(merger.next_release().is_none_or(|next| next > now));
                }
            }
            merger.finish(&mut |merged| out.push((merged, now)));
            for source in 0..3 {
                let came: Vec<u64> = put.iter().filter(|put| put.0 == source).map(|put| put.1).collect();
                let went = out.iter().filter(|(merged, _)| merged.source == source);
                prop_assert_eq!(went.map(|(merged, _)| merged.line.len).collect::<Vec<_>>(), came);
            }
        }

        #[test]
        fn nobody_waits_longer_than_the_hold(deeds in deeds(), hold_ms in 0_i64..500) {
            let mut merger = Merger::new(3, hold_ms);
            let mut now = 10_000;
            let mut waiting = std::collections::BTreeMap::new();
            for (number, (source, off, pause, _)) in deeds.iter().enumerate() {
                now += pause;
                let mut line = line(now + off);
                line.len = number as u64;
                waiting.insert(line.len, now);
                merger.push(*source, line, now);
                merger.release(now, &mut |merged| {
                    waiting.remove(&merged.line.len);
                });
                prop_assert!(waiting.values().all(|came| came + hold_ms > now));
            }
        }

        #[test]
        fn lines_that_come_in_time_stand_in_the_order_of_their_times(
            times in prop::collection::vec((0_usize..3, 0_i64..300), 0..60),
        ) {
            // Each line comes less than the hold after its time, and sources keep to the clock.
            let mut merger = Merger::new(3, 300);
            let mut last = [0; 3];
            let mut now = 10_000;
            let mut out = Vec::new();
            let mut put = Vec::new();
            for (number, (source, delay)) in times.iter().enumerate() {
                now += 20;
                let at_ms = (now - delay).max(last[*source]);
                last[*source] = at_ms;
                put.push((at_ms, *source, number));
                let mut line = line(at_ms);
                line.len = number as u64;
                merger.push(*source, line, now);
                merger.release(now, &mut |merged| out.push(merged));
            }
            merger.finish(&mut |merged| out.push(merged));
            put.sort_unstable();
            prop_assert!(out.iter().all(|merged| !merged.late));
            let went: Vec<_> = out.iter().map(|m| (m.line.at_ms, m.source, m.line.len as usize)).collect();
            prop_assert_eq!(went, put);
        }
    }
}
