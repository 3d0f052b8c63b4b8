//! A window: the lines that show around an anchor, and what is known of the whole.

use std::sync::atomic::Ordering;

use super::super::bits;
use super::super::line::{LineId, LogLine, Spot, TrackId, Voice};
use super::super::look::{Anchor, Facts, Found, Goal, Look, Matches, TrackFacts, Window};
use super::super::order::Run;
use super::super::shown;
use super::fresh::{Around, Fresh, Wanted};
use super::read::{Reader, Text};
use super::walk::{Step, Walk};
use super::{Document, SEARCH, Storage, Track};

impl Document {
    /// The lines around one of them.
    pub fn look(&self, storage: &dyn Storage, look: &Look) -> Window {
        let mut walk = self.walk(storage, around(look.anchor), self.wanted(look));
        walk.open(&look.open);
        let (anchor, found) = walk.anchor(look.anchor);
        let (anchor, unfolded) = walk.unfold(anchor, look.anchor);
        let mut window = Window {
            found,
            unfolded,
            floor: look.open.floor.map_or(0, |floor| walk.behind(floor)),
            stretches: walk.stretches(),
            facts: self.facts(),
            ..Window::default()
        };
        let Some(anchor) = anchor else {
            let nothing = !walk.reader.is_unsure.get() && !walk.fresh.is_apart;
            (window.is_top, window.is_end) = (nothing, nothing);
            return window;
        };
        self.looked.store(anchor.seat, Ordering::Relaxed);
        walk.fill(&mut window, anchor, look);
        let nth = self.nth(anchor, window.at.and_then(|at| window.lines.get(at)));
        if let Some(search) = &mut window.facts.search {
            search.nth = nth;
        }
        window
    }

    /// How many lines without places a look can need, where that is known: all of them show, and none is looked for.
    fn wanted(&self, look: &Look) -> Wanted {
        let is_plain = self.active.is_none() && self.filters.hidden.is_empty();
        let stays = matches!(look.anchor, Anchor::End | Anchor::At(_));
        (is_plain && stays).then_some((look.above, look.below))
    }

    pub(super) fn walk<'a>(
        &'a self,
        storage: &'a dyn Storage,
        around: Around,
        wanted: Wanted,
    ) -> Walk<'a> {
        let reader = Reader::new(self, storage);
        // A line that was counted since has its place.
        let around = match around {
            Around::Byte(track, byte)
                if self
                    .tracks
                    .get(usize::from(track.0))
                    .is_none_or(|track| byte < track.begin) =>
            {
                Around::Placed
            }
            around => around,
        };
        let fresh = Fresh::gather(&reader, around, wanted);
        let folds = super::fold::Folds::default();
        Walk {
            reader,
            fresh,
            folds,
        }
    }

    /// What is known of the whole.
    pub fn facts(&self) -> Facts {
        let mut facts = Facts {
            span_ms: self.span_ms(),
            rules: vec![0; self.filters.rules.len()],
            search: self.slots[SEARCH].as_ref().map(|_| Matches::default()),
            ..Facts::default()
        };
        for (at, track) in self.tracks.iter().enumerate() {
            let is_hidden = self.filters.hidden.contains(&track.owner);
            self.add_track_facts(&mut facts, TrackId(at as u16), track, is_hidden);
        }
        facts
    }

    fn add_track_facts(&self, facts: &mut Facts, id: TrackId, track: &Track, is_hidden: bool) {
        let open = u64::from(track.scanned == track.len && track.begin < track.len);
        let lines = track.lines - track.dropped + open;
        facts.lines += lines;
        facts.bytes += track.len;
        facts.indexed += track.scanned;
        facts.dropped += track.dropped;
        let counts = self.active.is_some() && track.voice == Voice::Printed;
        let (mut shown, mut tested) = (lines, lines);
        if counts {
            let blocks = track.blocks.iter();
            (shown, tested) = blocks.fold((0, 0), |(shown, tested), block| {
                (
                    shown + block.shown.count,
                    tested + u64::from(block.shown.done),
                )
            });
        }
        facts.tested += tested.min(lines);
        facts.shown += if is_hidden { 0 } else { shown.min(lines) };
        let errors = track.blocks.iter().map(|block| block.errors.total()).sum();
        let warnings = track.blocks.iter().map(|block| block.warnings.total());
        facts.warnings += warnings.sum::<u64>();
        facts.errors += errors;
        for (count, slot) in facts.rules.iter_mut().zip(&self.rule_slots) {
            let known = |slot: usize| {
                track
                    .blocks
                    .iter()
                    .filter_map(move |block| block.known(slot))
            };
            *count += slot.map_or(0, |slot| known(slot).map(|known| known.count).sum());
        }
        if let Some(search) = &mut facts.search {
            let hits = track.blocks.iter().map(|block| block.hits).sum();
            let hits = if is_hidden { 0 } else { hits };
            search.lines += hits;
            search.by_track.push(hits);
            let known = track.blocks.iter().filter_map(|block| block.known(SEARCH));
            search.scanned += known.map(|known| u64::from(known.done)).sum::<u64>();
        }
        facts.tracks.push(TrackFacts {
            track: id,
            owner: track.owner,
            lines,
            bytes: track.len,
            errors,
        });
    }

    /// The time of the first line and the last that have one.
    fn span_ms(&self) -> Option<(i64, i64)> {
        let first = self.order.at(self.order.moment(i64::MIN)?)?;
        let last = self.order.highest()?;
        Some((first.run.key.at_ms()?, last.at_ms()?))
    }

    /// Which of the matches the anchor is.
    fn nth(&self, anchor: Step, line: Option<&LogLine>) -> Option<u64> {
        let own = line?.spot.id;
        if anchor.seat >= self.order.len() || anchor.is_context {
            return None;
        }
        let mut count = 0;
        for (at, track) in self.tracks.iter().enumerate() {
            let id = TrackId(at as u16);
            let until = self
                .order
                .first_from(anchor.seat, id)
                .unwrap_or(track.lines);
            if !self.filters.hidden.contains(&track.owner) {
                count += self.hits_before(track, until)?;
            }
            if id == own.track {
                let is_hit =
                    self.hits_before(track, own.line + 1)? > self.hits_before(track, own.line)?;
                is_hit.then_some(())?;
            }
        }
        Some(count + 1)
    }

    /// How many lines of a track before one match and show; `None` when they were not all looked at.
    fn hits_before(&self, track: &Track, line: u64) -> Option<u64> {
        let mut count = 0;
        for block in track.blocks.iter().take_while(|block| block.first < line) {
            if block.lines == 0 {
                continue;
            }
            let lines = (line - block.first).min(u64::from(block.lines)) as usize;
            let found = block.known(SEARCH)?;
            let counts = self.active.is_some() && track.voice == Voice::Printed;
            let shown_done = if counts {
                block.shown.done
            } else {
                block.lines
            };
            if (found.done.min(shown_done) as usize) < lines {
                return None;
            }
            if lines == block.lines as usize {
                count += block.hits;
                continue;
            }
            for (at, mask) in bits::words(0..lines) {
                let shown = if counts {
                    block.shown.bits.word(at)
                } else {
                    u64::MAX
                };
                count += u64::from((found.bits.word(at) & shown & mask).count_ones());
            }
        }
        Some(count)
    }
}

/// What has to be read when lines are not counted.
fn around(anchor: Anchor) -> Around {
    let spot = |spot: Spot| match spot.id.begin() {
        Some(byte) => Around::Byte(spot.id.track, byte),
        None => Around::Placed,
    };
    match anchor {
        Anchor::End
        | Anchor::Seek {
            from: None,
            back: true,
            ..
        } => Around::End,
        Anchor::At(at)
        | Anchor::Seek {
            from: Some(at),
            goal: Goal::Match | Goal::Trouble | Goal::Gap(_) | Goal::Moment(_) | Goal::Place(_),
            ..
        } => spot(at),
        Anchor::Top | Anchor::Seek { .. } => Around::Placed,
    }
}

impl Walk<'_> {
    /// The line a window stands on.
    fn anchor(&self, anchor: Anchor) -> (Option<Step>, Found) {
        let last = self.seats().saturating_sub(1);
        let step = match anchor {
            Anchor::Top => self.from(0, false),
            Anchor::End => self.from(last, true),
            Anchor::At(spot) => self.near(self.seat_of(spot)),
            Anchor::Seek { from, back, goal } => {
                let (step, found) = self.seek(from, back, goal);
                if step.is_some() {
                    return (step, found);
                }
                let stay = match from {
                    Some(spot) => self.near(self.seat_of(spot)),
                    None if back => self.from(last, true),
                    None => self.from(0, false),
                };
                return (stay, found);
            }
        };
        let is_later = self.reader.is_unsure.get() || self.fresh.is_apart || self.fresh.is_short;
        let found = match step {
            Some(_) => Found::Yes,
            None if is_later => Found::NotYet,
            None => Found::No,
        };
        (step, found)
    }

    /// Puts the lines around the anchor into a window.
    fn fill(&self, window: &mut Window, anchor: Step, look: &Look) {
        // Of each line how many before it are folded into others.
        let mut steps = vec![(anchor, 0)];
        let mut before = None;
        while let Some((at, folded)) = steps.last_mut() {
            let Some(seat) = at.seat.checked_sub(1) else {
                break;
            };
            let step = self.from(seat, true);
            *folded = self.take_passed();
            let Some(step) = step else {
                break;
            };
            if steps.len() > look.above {
                before = Some(step.seat);
                break;
            }
            steps.push((step, 0));
        }
        let is_apart = |seat: u64| self.fresh.is_apart && seat >= self.placed();
        let reached = steps.last().map_or(0, |(step, _)| step.seat);
        window.is_top = before.is_none() && !self.reader.is_unsure.get() && !is_apart(reached);
        window.at = Some(steps.len() - 1);
        steps.reverse();
        window.is_end = loop {
            let seat = steps.last().map_or(0, |(step, _)| step.seat + 1);
            let step = self.from(seat, false);
            let folded = self.take_passed();
            let Some(step) = step else {
                break !self.reader.is_unsure.get() && !self.fresh.is_short;
            };
            if steps.len() > window.at.unwrap_or(0) + look.below {
                break false;
            }
            steps.push((step, folded));
        };
        for (step, folded) in steps {
            let mut line = self.log_line(step);
            let behind = before.map_or(0, |before: u64| before + 1);
            let first_apart = before.is_none() && (is_apart(step.seat) || !window.is_top);
            line.hidden_before = if first_apart {
                0
            } else {
                (step.seat - behind).saturating_sub(folded)
            };
            line.folded = self.folded_into(step);
            before = Some(step.seat);
            window.lines.push(line);
        }
    }

    /// A line, ready to be shown.
    pub(super) fn log_line(&self, step: Step) -> LogLine {
        let (mut line, text) = match self.placed_line(step.seat) {
            Some(found) => found,
            None => self.fresh_line(step.seat),
        };
        let shown = shown::shown(&text.bytes);
        line.is_context = step.is_context;
        line.level = text.level;
        line.goes_on = text.goes_on;
        line.cut = shown.cut + text.cut;
        line.updates = shown.updates;
        line.spans = shown.spans;
        if let Some(search) = &self.reader.document.slots[SEARCH] {
            line.matches = search.matcher.find(&line.text());
        }
        line
    }

    /// Where a line stands.
    pub(super) fn spot(&self, seat: u64) -> Spot {
        let Some(stretch) = self.reader.document.order.at(seat) else {
            let at = (seat - self.placed()) as usize;
            let skipped = self.fresh.skipped.get(at).copied().unwrap_or(0);
            return Spot {
                place: seat + skipped,
                id: self.fresh.lines[at].id,
            };
        };
        let track = stretch.run.key.track();
        let line = stretch.run.first + seat - stretch.place;
        Spot {
            place: seat,
            id: LineId { track, line },
        }
    }

    fn placed_line(&self, seat: u64) -> Option<(LogLine, Text)> {
        let stretch = self.reader.document.order.at(seat)?;
        let Run {
            key, first, late, ..
        } = stretch.run;
        let (id, line) = (key.track(), first + seat - stretch.place);
        let track = self.reader.track(id);
        let voice = match &track.words {
            Some((_, voices)) => voices[line as usize],
            None => track.voice,
        };
        let moved = track
            .locate(line)
            .is_some_and(|(block, local)| track.blocks[block].moved.get(local));
        let found = LogLine {
            spot: self.spot(seat),
            at_ms: key.at_ms(),
            moved,
            late,
            voice,
            ..LogLine::default()
        };
        Some((found, self.reader.line(id, line)))
    }

    fn fresh_line(&self, seat: u64) -> (LogLine, Text) {
        let at = (seat - self.placed()) as usize;
        let fresh = &self.fresh.lines[at];
        let line = LogLine {
            spot: self.spot(seat),
            at_ms: fresh.key.at_ms(),
            voice: self.reader.track(fresh.track).voice,
            is_open: fresh.is_open,
            ..LogLine::default()
        };
        (line, self.fresh.text(at))
    }
}
