//! A document as simple as it can be: all its lines in a list, every question answered by walking over all of them.
//!
//! It stands for the engine where screens are tested, and is what the viewer is compared with.

use std::collections::BTreeMap;

use golive::domain::log::level;
use golive::domain::log::pattern::Matcher;
use golive::domain::log::{
    Anchor, Bucket, Facts, Filters, Found, Goal, Level, LineId, LogLine, Look, Matches, Open,
    Pattern, Rule, Spot, Test, TrackFacts, TrackId, Voice, Window,
};
use golive::domain::output::{ansi, lines};
use golive::ui::msg::{DocumentId, LogNews, LogWish};

/// A document.
#[derive(Default)]
pub(crate) struct Paper {
    /// Its lines in order, with their owners.
    pub lines: Vec<(usize, LogLine)>,
    pub filters: Filters,
    pattern: Option<Pattern>,
    /// Of each track its owner, its next line, and the cutter of its bytes.
    tracks: Vec<Track>,
}

struct Track {
    key: (usize, u32),
    next: u64,
    cutter: lines::Lines,
    /// The line that has no end yet is the last but so many.
    open: Option<LineId>,
}

impl Paper {
    fn track(&mut self, key: (usize, u32)) -> usize {
        let known = self.tracks.iter().position(|track| track.key == key);
        known.unwrap_or_else(|| {
            self.tracks.push(Track {
                key,
                next: 0,
                cutter: lines::Lines::default(),
                open: None,
            });
            self.tracks.len() - 1
        })
    }

    /// Takes what an owner printed in an attempt.
    pub(crate) fn take(&mut self, key: (usize, u32), at_ms: Option<i64>, bytes: &[u8]) {
        let at = self.track(key);
        let mut cutter = std::mem::take(&mut self.tracks[at].cutter);
        if let Some(open) = self.tracks[at].open.take() {
            self.lines.retain(|(_, line)| line.spot.id != open);
            self.tracks[at].next -= 1;
        }
        let mut ended = Vec::new();
        cutter.push(bytes, |line| ended.push(line));
        for line in &ended {
            self.push(at, at_ms, line, Voice::Printed);
        }
        if let Some(line) = cutter.open() {
            let id = LineId {
                track: TrackId(at as u16),
                line: self.tracks[at].next,
            };
            self.push(at, at_ms, line, Voice::Printed);
            self.tracks[at].open = Some(id);
            self.lines.last_mut().unwrap().1.is_open = true;
        }
        self.tracks[at].cutter = cutter;
        self.number();
    }

    /// golive says something.
    pub(crate) fn say(&mut self, owner: usize, at_ms: Option<i64>, voice: Voice, text: &str) {
        let at = self.track((owner, u32::MAX));
        let line = lines::Line {
            bytes: text.as_bytes().to_vec(),
            ..lines::Line::default()
        };
        self.push(at, at_ms, &line, voice);
        self.number();
    }

    /// A line that comes late: it stands at a place before others.
    pub(crate) fn insert(&mut self, owner: usize, place: usize, text: &str) {
        self.take((owner, 7), None, format!("{text}\n").as_bytes());
        let late = self.lines.pop().unwrap();
        self.lines.insert(place.min(self.lines.len()), late);
        self.number();
    }

    fn push(&mut self, track: usize, at_ms: Option<i64>, line: &lines::Line, voice: Voice) {
        let id = LineId {
            track: TrackId(track as u16),
            line: self.tracks[track].next,
        };
        self.tracks[track].next += 1;
        let (mut level, goes_on) = match voice {
            Voice::Printed => level::read(&line.bytes),
            _ => (Level::Unknown, false),
        };
        let mut before = self.lines.iter().rev();
        if let (true, Some((_, before))) = (
            goes_on,
            before.find(|(_, other)| other.spot.id.track == id.track),
        ) {
            level = level.max(before.level);
        }
        let shown = LogLine {
            spot: Spot { place: 0, id },
            at_ms,
            level,
            voice,
            goes_on,
            spans: ansi::spans(&line.bytes),
            cut: line.cut,
            updates: line.updates,
            ..LogLine::default()
        };
        self.lines.push((self.tracks[track].key.0, shown));
    }

    fn number(&mut self) {
        for (place, (_, line)) in self.lines.iter_mut().enumerate() {
            line.spot.place = place as u64;
        }
    }

    fn matcher(&self) -> Option<Matcher> {
        Matcher::new(self.pattern.as_ref()?).ok()
    }

    /// The lines that show, ready to be shown.
    pub(crate) fn shown(&self) -> Vec<LogLine> {
        let matcher = self.matcher();
        let context = if self.filters.off {
            0
        } else {
            self.filters.context as usize
        };
        let owned: Vec<&(usize, LogLine)> = self
            .lines
            .iter()
            .filter(|(owner, _)| !self.filters.hidden.contains(owner))
            .collect();
        let fits: Vec<bool> = owned.iter().map(|(_, line)| self.fits(line)).collect();
        let mut found = Vec::new();
        let mut next = 0;
        for (at, (_, line)) in owned.iter().enumerate() {
            let near = at.saturating_sub(context)..(at + context + 1).min(fits.len());
            if !fits[near].contains(&true) {
                continue;
            }
            let mut line = line.clone();
            line.is_context = !fits[at];
            line.hidden_before = line.spot.place - next;
            next = line.spot.place + 1;
            if let Some(matcher) = &matcher {
                line.matches = matcher.find(&line.text());
            }
            found.push(line);
        }
        found
    }

    /// The first line of the trace of every line that goes on one.
    fn heads(&self) -> BTreeMap<LineId, LineId> {
        let mut own: Vec<&LogLine> = self.lines.iter().map(|(_, line)| line).collect();
        own.sort_by_key(|line| line.spot.id);
        let mut heads = BTreeMap::new();
        let mut head: Option<&LogLine> = None;
        for line in own {
            let is_other = |head: &LogLine| head.spot.id.track != line.spot.id.track;
            if !line.goes_on || head.is_some_and(is_other) {
                head = (!line.goes_on).then_some(line);
            } else if let Some(head) = head
                && head.level >= Level::Warning
                && line.voice == Voice::Printed
            {
                heads.insert(line.spot.id, head.spot.id);
            }
        }
        heads
    }

    /// The trace in which the match is that is looked for, when it is folded.
    fn sought_in_a_trace(&self, look: &Look) -> Option<LineId> {
        let Anchor::Seek { from, back, goal } = look.anchor else {
            return None;
        };
        if goal != Goal::Match || !look.open.folds {
            return None;
        }
        let all = self.shown();
        let at = Self::find(&all, from.map(|from| self.now(from)), back, goal, &|_| {
            false
        })?;
        let head = *self.heads().get(&all[at].spot.id)?;
        let shown = self.opened(&look.open);
        let is_there = shown.iter().any(|line| line.spot.id == all[at].spot.id);
        (!is_there).then_some(head)
    }

    /// The lines that show with what is folded and what was opened by hand.
    pub(crate) fn opened(&self, open: &Open) -> Vec<LogLine> {
        let shown = self.shown();
        let matcher = self.matcher();
        let heads = self.heads();
        let mut traces: BTreeMap<LineId, u64> = BTreeMap::new();
        for head in heads.values() {
            *traces.entry(*head).or_default() += 1;
        }
        let known: BTreeMap<LineId, &LogLine> =
            shown.iter().map(|line| (line.spot.id, line)).collect();
        let is_head = |id: &LineId| known.get(id).is_some_and(|line| !line.is_context);
        let trace = |id: LineId| traces.get(&id).copied().unwrap_or(0);
        let stretches = open.stretches.iter();
        let stretches = stretches.map(|(from, to)| self.now(*from).place..=self.now(*to).place);
        let stretches: Vec<_> = stretches.collect();
        let (mut found, mut next) = (Vec::new(), 0);
        for (owner, line) in &self.lines {
            let (id, place) = (line.spot.id, line.spot.place);
            let own = known.get(&id).copied();
            let head = heads.get(&id).copied();
            let head = head.filter(|head| is_head(head) && trace(*head) > 1);
            let is_open = head.is_some_and(|head| open.traces.contains(&head));
            let is_stretch = stretches.iter().any(|stretch| stretch.contains(&place));
            let is_opened = (is_stretch || is_open) && !self.filters.hidden.contains(owner);
            if open.folds && head.is_some() && !is_open {
                // It is folded, not hidden.
                next += u64::from(own.is_some() || is_opened);
                continue;
            }
            let mut line = match own {
                Some(own) => own.clone(),
                None if is_opened => {
                    let mut line = line.clone();
                    line.is_context = true;
                    if let Some(matcher) = &matcher {
                        line.matches = matcher.find(&line.text());
                    }
                    line
                }
                None => continue,
            };
            line.hidden_before = place.saturating_sub(next);
            let lines = trace(id);
            if open.folds && lines > 1 && !line.is_context && !open.traces.contains(&id) {
                line.folded = lines;
            }
            next = place + 1;
            found.push(line);
        }
        found
    }

    /// Whether a line is in a stretch that was opened by hand.
    pub(crate) fn is_opened(&self, open: &Open, line: &LogLine) -> bool {
        let place = line.spot.place;
        let mut stretches = open.stretches.iter();
        stretches.any(|(from, to)| (self.now(*from).place..=self.now(*to).place).contains(&place))
    }

    /// Whether rules and level show a line.
    fn fits(&self, line: &LogLine) -> bool {
        let filters = &self.filters;
        if filters.off || line.voice != Voice::Printed {
            return true;
        }
        let level = match line.level {
            Level::Unknown => Level::Info,
            level => level,
        };
        if filters.level > level {
            return false;
        }
        let is_match = |pattern: &Pattern| {
            Matcher::new(pattern).is_ok_and(|matcher| matcher.is_match(line.text().as_bytes()))
        };
        let (mut wanted, mut has_wish, mut refused) = (false, false, false);
        for rule in filters.rules.iter().filter(|rule| rule.on) {
            match &rule.test {
                Test::In(pattern) => {
                    has_wish = true;
                    wanted |= is_match(pattern);
                }
                Test::Out(pattern) => refused |= is_match(pattern),
            }
        }
        !refused && (wanted || !has_wish)
    }

    /// The line that shows at an anchor, by its place among those that show.
    /// Lines that were opened by hand are found whatever filters say.
    fn find(
        shown: &[LogLine],
        from: Option<Spot>,
        back: bool,
        goal: Goal,
        is_opened: &dyn Fn(&LogLine) -> bool,
    ) -> Option<usize> {
        let behind = |at: usize| match (from, back) {
            (None, _) => true,
            (Some(from), false) => shown[at].spot.place > from.place,
            (Some(from), true) => shown[at].spot.place < from.place,
        };
        let is_it = |at: &usize| {
            let line = &shown[*at];
            let finds = matches!(goal, Goal::Match | Goal::Trouble);
            if line.is_context && !(finds && is_opened(line)) {
                return false;
            }
            match goal {
                Goal::Match => !line.matches.is_empty(),
                Goal::Trouble => {
                    let trouble = line.level >= Level::Warning || line.voice == Voice::Failed;
                    trouble && !line.goes_on
                }
                Goal::Gap(ms) => {
                    let before = at.checked_sub(1).and_then(|at| shown[at].at_ms);
                    before
                        .zip(line.at_ms)
                        .is_some_and(|(before, at)| at - before >= ms)
                }
                Goal::Moment(ms) => line.at_ms.is_some_and(|at| at >= ms),
                Goal::Place(place) => line.spot.place >= place,
            }
        };
        let mut places = (0..shown.len()).filter(|at| behind(*at));
        if back {
            places.rfind(is_it)
        } else {
            places.find(is_it)
        }
    }

    pub(crate) fn look(&self, look: &Look) -> Window {
        let mut open = look.open.clone();
        let unfolded = self.sought_in_a_trace(look);
        open.traces.extend(unfolded);
        let shown = self.opened(&open);
        let heads = self.heads();
        let near = |spot: Spot| {
            let is_there = || shown.iter().any(|line| line.spot.id == spot.id);
            let head = heads.get(&spot.id).copied();
            let head = head.filter(|_| open.folds && !is_there());
            if let Some(at) = head.and_then(|head| {
                shown
                    .iter()
                    .position(|line| line.spot.id == head && line.folded > 0)
            }) {
                return Some(at);
            }
            let exact = shown.iter().position(|line| line.spot.id == spot.id);
            let next = || shown.iter().position(|line| line.spot.place >= spot.place);
            exact.or_else(next).or(shown.len().checked_sub(1))
        };
        let mut found = Found::Yes;
        let at = match look.anchor {
            Anchor::Top => (!shown.is_empty()).then_some(0),
            Anchor::End => shown.len().checked_sub(1),
            Anchor::At(spot) => near(self.now(spot)),
            Anchor::Seek { from, back, goal } => {
                let from = from.map(|from| self.now(from));
                let hit = Self::find(&shown, from, back, goal, &|line| {
                    self.is_opened(&open, line)
                });
                if hit.is_none() {
                    found = Found::No;
                }
                hit.or_else(|| near(from.unwrap_or_default()))
            }
        };
        let first = at.map_or(0, |at| at.saturating_sub(look.above));
        let end = at.map_or(0, |at| (at + look.below + 1).min(shown.len()));
        Window {
            lines: shown[first..end].to_vec(),
            at: at.map(|at| at - first),
            found,
            unfolded,
            floor: open.floor.map_or(0, |spot| self.now(spot).place + 1),
            stretches: open
                .stretches
                .iter()
                .map(|(from, to)| (self.now(*from).place, self.now(*to).place))
                .collect(),
            is_top: first == 0,
            is_end: end == shown.len(),
            facts: self.facts(&shown, at),
        }
    }

    /// Where a line stands now.
    fn now(&self, spot: Spot) -> Spot {
        let mut lines = self.lines.iter();
        let line = lines.find(|(_, line)| line.spot.id == spot.id);
        line.map_or(spot, |(_, line)| line.spot)
    }

    fn facts(&self, shown: &[LogLine], at: Option<usize>) -> Facts {
        let count = self.lines.len() as u64;
        let hits = |line: &&LogLine| !line.matches.is_empty() && !line.is_context;
        let is_hit = at.is_some_and(|at| hits(&&shown[at]));
        let search = self.pattern.as_ref().map(|_| Matches {
            lines: shown.iter().filter(hits).count() as u64,
            scanned: count,
            nth: at
                .filter(|_| is_hit)
                .map(|at| shown[..=at].iter().filter(hits).count() as u64),
            by_track: (0..self.tracks.len())
                .map(|track| {
                    let of = |line: &&LogLine| usize::from(line.spot.id.track.0) == track;
                    shown.iter().filter(hits).filter(of).count() as u64
                })
                .collect(),
        });
        let tracks = self.tracks.iter().enumerate();
        let of_level =
            |level: Level| self.lines.iter().filter(|l| l.1.level == level).count() as u64;
        let times = self.lines.iter().filter_map(|(_, line)| line.at_ms);
        Facts {
            lines: count,
            shown: shown.iter().filter(|line| !line.is_context).count() as u64,
            tested: count,
            bytes: count,
            indexed: count,
            dropped: 0,
            errors: of_level(Level::Error),
            warnings: of_level(Level::Warning),
            search,
            tracks: tracks
                .map(|(at, track)| TrackFacts {
                    track: TrackId(at as u16),
                    owner: track.key.0,
                    lines: track.next,
                    bytes: 0,
                    errors: 0,
                })
                .collect(),
            rules: self
                .filters
                .rules
                .iter()
                .map(|rule| self.of_rule(rule))
                .collect(),
            span_ms: times.clone().min().zip(times.max()),
        }
    }

    /// How many lines a rule matches.
    fn of_rule(&self, rule: &Rule) -> u64 {
        let (Test::In(pattern) | Test::Out(pattern)) = &rule.test;
        let lines = self.lines.iter();
        Matcher::new(pattern).map_or(0, |matcher| {
            let is_match = |line: &LogLine| matcher.is_match(line.text().as_bytes());
            lines.filter(|(_, line)| is_match(line)).count() as u64
        })
    }

    /// Its lines in equal stretches of a time.
    fn histogram(&self, buckets: usize, (from, to): (i64, i64)) -> Vec<Bucket> {
        let mut told = vec![Bucket::default(); buckets];
        for (owner, line) in &self.lines {
            if self.filters.hidden.contains(owner) {
                continue;
            }
            let Some(at) = line.at_ms.filter(|at| (from..to).contains(at)) else {
                continue;
            };
            let bucket =
                &mut told[((at - from) as u64 * buckets as u64 / (to - from) as u64) as usize];
            bucket.all += 1;
            bucket.warnings += u64::from(line.level == Level::Warning);
            bucket.errors += u64::from(line.level == Level::Error);
        }
        told
    }

    /// Answers a wish as the console does; `None` = it has no answer.
    pub(crate) fn answer(&mut self, wish: &LogWish) -> Option<LogNews> {
        match wish {
            LogWish::Look {
                document,
                serial,
                look,
            } => {
                return Some(LogNews::Window {
                    document: *document,
                    serial: *serial,
                    window: Box::new(self.look(look)),
                });
            }
            LogWish::Histogram {
                document,
                buckets,
                span_ms,
            } => {
                return Some(LogNews::Histogram {
                    document: *document,
                    span_ms: *span_ms,
                    buckets: self.histogram(*buckets, *span_ms),
                });
            }
            LogWish::Filter { filters, .. } => self.filters = filters.clone(),
            LogWish::Search { pattern, .. } => self.pattern.clone_from(pattern),
            LogWish::Whole { spot, .. } => {
                let mut lines = self.lines.iter();
                let line = lines.find(|(_, line)| line.spot.id == spot.id)?;
                return Some(LogNews::Whole {
                    spot: *spot,
                    lines: vec![line.1.text()],
                });
            }
            _ => {}
        }
        None
    }
}

/// Of which document a wish is.
pub(crate) fn document_of(wish: &LogWish) -> Option<DocumentId> {
    match wish {
        LogWish::Look { document, .. }
        | LogWish::Filter { document, .. }
        | LogWish::Search { document, .. }
        | LogWish::Histogram { document, .. }
        | LogWish::Whole { document, .. }
        | LogWish::Copy { document, .. }
        | LogWish::Save { document, .. }
        | LogWish::Page(document) => Some(*document),
        LogWish::Say { .. } | LogWish::Tail(_) => None,
    }
}
