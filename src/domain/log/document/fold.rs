//! Folding: lines that go on an error or a warning stand as one row with it, until they are opened.
//!
//! A *trace* is a line that is an error or a warning with the lines of its track that go it on. It is folded when its
//! first line shows by itself and at least two go it on; a trace whose first line does not show is no trace.
//! The last line of a Python trace (`ValueError: ...`) says what happened: it is an error by itself and no part of the
//! trace, so that it stands right below the row with its mark, is found, kept by filters and copied as what it is. Nothing
//! is kept of traces: where they begin and end is read from a bit that every line has. What was opened by hand, traces
//! and stretches that filters hide, shows whatever rules and level say.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::super::line::{Level, LineId, Spot, TrackId, Voice};
use super::super::look::{Anchor, Goal, Open};
use super::jobs::grade_of;
use super::walk::{Known, Step, Walk, by_itself};

/// A trace of fewer lines behind its first is not folded.
const LEAST: u64 = 2;
/// The most lines of a trace.
const MOST: u64 = 1 << 20;
/// Groups of lines that nobody graded yet, which one look may read to find the ends of traces.
const BUDGET: usize = 64;

/// What is folded in a walk, and what was opened.
#[derive(Debug, Default)]
pub(super) struct Folds {
    is_on: bool,
    /// The first lines of traces that are open.
    traces: BTreeSet<LineId>,
    /// Seats that show for being opened.
    opened: Vec<Opened>,
    /// The trace that was met last.
    met: Cell<Option<Trace>>,
    /// Lines that were passed for being folded.
    passed: Cell<u64>,
    read: Cell<usize>,
}

/// Seats that were opened by hand.
#[derive(Debug, Clone, Copy)]
struct Opened {
    from: u64,
    /// The last.
    to: u64,
    /// Only lines of this track.
    track: Option<TrackId>,
}

/// A line with those that go it on.
#[derive(Debug, Clone, Copy)]
struct Trace {
    track: TrackId,
    head: u64,
    /// Behind its last line.
    end: u64,
    /// Its first line shows by itself, and enough lines go it on.
    folds: bool,
}

impl Walk<'_> {
    /// Folds what is to be folded from now on.
    pub(super) fn open(&mut self, open: &Open) {
        self.folds.is_on = open.folds;
        self.folds.traces.clone_from(&open.traces);
        let seats = |(from, to): &(Spot, Spot)| {
            let (from, to) = (self.seat_of(*from), self.seat_of(*to));
            let track = None;
            Opened { from, to, track }
        };
        let mut opened: Vec<Opened> = open.stretches.iter().map(seats).collect();
        // Without filters every line of an open trace shows anyway.
        if self.reader.document.active.is_some() {
            opened.extend(open.traces.iter().filter_map(|head| self.opened(*head)));
        }
        self.folds.opened = opened;
    }

    /// The seats of the ends of the stretches that were opened by hand, in their order.
    pub(super) fn stretches(&self) -> Vec<(u64, u64)> {
        let opened = self.folds.opened.iter();
        let opened = opened.filter(|opened| opened.track.is_none());
        opened.map(|opened| (opened.from, opened.to)).collect()
    }

    /// The seats of an open trace.
    fn opened(&self, head: LineId) -> Option<Opened> {
        let track = head.track;
        // It may have been opened in another document.
        self.reader.document.tracks.get(usize::from(track.0))?;
        let trace = self.trace(track, head.line + 1)?;
        let order = &self.reader.document.order;
        let first = order.find(track, head.line, 0)?;
        let to = order.find(track, trace.end - 1, first).unwrap_or(first);
        (trace.folds && trace.head == head.line).then_some(Opened {
            from: first + 1,
            to,
            track: Some(track),
        })
    }

    /// The nearest line that shows from a seat on, forth or back; the seat itself counts.
    pub(super) fn from(&self, mut seat: u64, back: bool) -> Option<Step> {
        loop {
            let step = self.opened_from(seat, back)?;
            let Some(trace) = self.folded(step.seat) else {
                return Some(step);
            };
            // Lines that filters hide are not folded: under filters lines are passed one by one.
            let decides = self.reader.document.active.is_some();
            let stretch = self.reader.document.order.at(step.seat);
            let Some(stretch) = stretch.filter(|_| !decides) else {
                self.folds.passed.set(self.folds.passed.get() + 1);
                seat = if back {
                    step.seat.checked_sub(1)?
                } else {
                    step.seat + 1
                };
                continue;
            };
            let run = stretch.run;
            let low = run.first.max(trace.head + 1);
            let high = (run.first + run.count).min(trace.end);
            self.folds.passed.set(self.folds.passed.get() + high - low);
            seat = if back {
                (stretch.place + low - run.first).checked_sub(1)?
            } else {
                stretch.place + high - run.first
            };
        }
    }

    /// The stretches that were opened by hand and are not behind somebody who looks from a seat on, forth or back: the
    /// first seats and the last.
    pub(super) fn opened_seats(&self, seat: u64, back: bool) -> impl Iterator<Item = (u64, u64)> {
        let stretches = self.folds.opened.iter();
        let stretches = stretches.filter(|opened| opened.track.is_none());
        stretches
            .map(|opened| (opened.from, opened.to))
            .filter(move |(from, to)| if back { *from <= seat } else { *to >= seat })
    }

    /// The lines of a track between two seats: the first, and behind the last.
    pub(super) fn lines_of(&self, (from, to): (u64, u64), track: TrackId) -> Option<(u64, u64)> {
        let order = &self.reader.document.order;
        let first = order.first_from(from, track)?;
        let end = order.first_from(to + 1, track);
        Some((first, end.unwrap_or(u64::MAX)))
    }

    /// How many lines were passed for being folded since this was asked last.
    pub(super) fn take_passed(&self) -> u64 {
        self.folds.passed.take()
    }

    /// The nearest line that shows if nothing is folded.
    fn opened_from(&self, seat: u64, back: bool) -> Option<Step> {
        let shown = self.unfolded_from(seat, back);
        let opened = self.folds.opened.iter();
        let found = opened.filter_map(|opened| self.within(*opened, seat, back));
        let nearest = if back { found.max() } else { found.min() };
        match (shown, nearest) {
            (Some(shown), Some(seat)) => {
                let is_nearer = if back {
                    seat > shown.seat
                } else {
                    seat < shown.seat
                };
                Some(if is_nearer { as_context(seat) } else { shown })
            }
            (shown, nearest) => shown.or(nearest.map(as_context)),
        }
    }

    /// The nearest seat of those that were opened together.
    fn within(&self, opened: Opened, seat: u64, back: bool) -> Option<u64> {
        let last = opened.to.min(self.placed().checked_sub(1)?);
        let mut seat = if back {
            seat.min(last)
        } else {
            seat.max(opened.from)
        };
        while (opened.from..=last).contains(&seat) {
            let stretch = self.reader.document.order.at(seat)?;
            let track = stretch.run.key.track();
            if !self.is_hidden(track) && opened.track.is_none_or(|own| own == track) {
                return Some(seat);
            }
            seat = if back {
                stretch.place.checked_sub(1)?
            } else {
                stretch.end()
            };
        }
        None
    }

    /// Turns to the first line of a trace when the anchor is folded into it; what was searched for is unfolded instead.
    /// Returns the anchor and the first line of the trace that was unfolded.
    pub(super) fn unfold(
        &mut self,
        step: Option<Step>,
        anchor: Anchor,
    ) -> (Option<Step>, Option<LineId>) {
        self.take_passed();
        let wanted = match (step, anchor) {
            // Looking for a line passes those that are folded: it is its own trace that is wanted.
            (_, Anchor::At(spot)) if self.seats() > 0 => self.seat_of(spot),
            (Some(step), _) => step.seat,
            (None, _) => return (None, None),
        };
        // Of a source that is hidden not even that shows.
        let shows = |trace: &Trace| !self.is_hidden(trace.track);
        let Some(trace) = self.folded(wanted).filter(shows) else {
            return (step, None);
        };
        let head = LineId {
            track: trace.track,
            line: trace.head,
        };
        let goal = Goal::Match;
        if matches!(anchor, Anchor::Seek { goal: sought, .. } if sought == goal) {
            self.folds.traces.insert(head);
            let opened = self.opened(head);
            self.folds.opened.extend(opened);
            return (step, Some(head));
        }
        let seat = self.seat_of(Spot {
            place: wanted,
            id: head,
        });
        (Some(by_itself(seat)), None)
    }

    /// How many lines are folded into a line.
    pub(super) fn folded_into(&self, step: Step) -> u64 {
        if !self.folds.is_on || step.is_context {
            return 0;
        }
        let Some(head) = self.id_of(step.seat) else {
            return 0;
        };
        let trace = self.trace(head.track, head.line + 1);
        let trace = trace.filter(|trace| trace.folds && trace.head == head.line);
        match trace {
            Some(trace) if !self.folds.traces.contains(&head) => trace.end - trace.head - 1,
            _ => 0,
        }
    }

    /// The trace a line is folded into.
    fn folded(&self, seat: u64) -> Option<Trace> {
        if !self.folds.is_on {
            return None;
        }
        let id = self.id_of(seat)?;
        let trace = self.trace(id.track, id.line)?;
        let head = LineId {
            track: id.track,
            line: trace.head,
        };
        (trace.folds && !self.folds.traces.contains(&head)).then_some(trace)
    }

    /// The number of a line in its track, when it has one.
    fn id_of(&self, seat: u64) -> Option<LineId> {
        if let Some(stretch) = self.reader.document.order.at(seat) {
            let track = stretch.run.key.track();
            let line = stretch.run.first + seat - stretch.place;
            return Some(LineId { track, line });
        }
        let fresh = self.fresh.lines.get((seat - self.placed()) as usize)?;
        fresh.id.begin().is_none().then_some(fresh.id)
    }

    /// The trace that a line goes on; `None` = it goes on nothing, or nothing grave.
    fn trace(&self, track: TrackId, line: u64) -> Option<Trace> {
        let met = self.folds.met.get();
        let is_met = |met: &Trace| met.track == track && (met.head + 1..met.end).contains(&line);
        if let Some(met) = met.filter(is_met) {
            return Some(met);
        }
        if self.reader.track(track).voice != Voice::Printed || !self.goes_on(track, line)? {
            return None;
        }
        let head = self.head(track, line)?;
        let head = LineId { track, line: head };
        if self.level(head)? < Level::Warning {
            return None;
        }
        let end = self.end(head);
        let trace = Trace {
            track,
            head: head.line,
            end,
            folds: end - head.line > LEAST && self.shows_by_itself(head),
        };
        self.folds.met.set(Some(trace));
        Some(trace).filter(is_met)
    }

    /// How grave a line is that nobody counted yet, and whether it goes on the one before.
    fn fresh_grade(&self, id: LineId) -> Option<(Level, bool)> {
        let at = self.fresh.lines.iter().position(|line| line.id == id)?;
        Some(self.fresh.grade(at))
    }

    /// Whether a line goes on the one before.
    fn goes_on(&self, track: TrackId, line: u64) -> Option<bool> {
        let own = self.reader.track(track);
        if line >= own.lines {
            let id = LineId { track, line };
            return self.fresh_grade(id).map(|(_, goes_on)| goes_on);
        }
        let (block, local) = own.locate(line)?;
        let block = &own.blocks[block];
        Some(if local < block.graded as usize {
            block.goes_on.get(local)
        } else {
            self.reader.line(track, line).goes_on
        })
    }

    /// The last line before one that goes on nothing.
    fn head(&self, track: TrackId, line: u64) -> Option<u64> {
        let own = self.reader.track(track);
        let mut line = line;
        while line > own.lines {
            line -= 1;
            if !self.goes_on(track, line)? {
                return Some(line);
            }
        }
        let from = line.saturating_sub(MOST).max(own.dropped);
        self.alone(track, (from, line), true)
    }

    /// Behind the last line that goes on this one.
    fn end(&self, head: LineId) -> u64 {
        let (track, lines) = (head.track, self.reader.track(head.track).lines);
        let most = (head.line + 1).saturating_add(MOST);
        let mut line = head.line + 1;
        if line < lines {
            let until = lines.min(most);
            match self.alone(track, (line, until), false) {
                Some(end) => return end,
                None => line = until,
            }
        }
        while line >= lines && line < most && self.goes_on(track, line) == Some(true) {
            line += 1;
        }
        line
    }

    /// The first (or last) of these lines that goes on nothing. What nobody graded is read, within a budget.
    fn alone(&self, track: TrackId, range: (u64, u64), back: bool) -> Option<u64> {
        let own = self.reader.track(track);
        let word = |number: usize, group: usize| {
            let block = &own.blocks[number];
            if block.graded == block.lines || (group + 1) * 64 <= block.graded as usize {
                return Some(!block.goes_on.word(group));
            }
            let read = self.folds.read.get();
            if read >= BUDGET {
                return Some(u64::MAX);
            }
            self.folds.read.set(read + 1);
            let lines = &self.reader.group(track, number, group).lines;
            let alone = lines.iter().enumerate().filter(|(_, text)| !text.goes_on);
            Some(alone.fold(0, |word, (at, _)| word | 1 << at))
        };
        let known = Known {
            whole: &|_| None,
            word: &word,
        };
        self.bits_of(track, range, back, &known)
    }

    /// How grave the first line of a trace is.
    fn level(&self, head: LineId) -> Option<Level> {
        let own = self.reader.track(head.track);
        if head.line >= own.lines {
            return self.fresh_grade(head).map(|(level, _)| level);
        }
        let (block, local) = own.locate(head.line)?;
        let block = &own.blocks[block];
        Some(if local < block.graded as usize {
            grade_of(block, local)
        } else {
            self.reader.line(head.track, head.line).level
        })
    }

    /// Whether rules and level show the first line of a trace, which is not told of lines that are context.
    fn shows_by_itself(&self, head: LineId) -> bool {
        if self.reader.document.active.is_none() {
            return true;
        }
        if head.line < self.reader.track(head.track).lines {
            let shown = self.shown_of(head.track, head.line, head.line + 1, false);
            return shown == Some(head.line);
        }
        let at = self.fresh.find(head);
        at.is_some_and(|at| self.shows_fresh(self.placed() + at as u64))
    }
}

fn as_context(seat: u64) -> Step {
    Step {
        seat,
        is_context: true,
    }
}
