//! The naive model of a document: all lines in a list, filtered and looked at one by one.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::super::filter::{Filters, Pattern, Rule, Test};
use super::super::super::level;
use super::super::super::line::{Level, LineId, TrackId, Voice};
use super::super::super::look::{Anchor, Look, Open, Window};
use super::super::super::pattern::Matcher;
use super::super::{Document, Done, Job, Storage};

#[derive(Debug, Default)]
pub(super) struct Memory(pub(super) Vec<Vec<u8>>);

impl Storage for Memory {
    fn read(&self, track: TrackId, from: u64, len: usize) -> Vec<u8> {
        let bytes = &self.0[usize::from(track.0)];
        let from = (from as usize).min(bytes.len());
        bytes[from..(from + len).min(bytes.len())].to_vec()
    }
}

/// A line of the model.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) id: LineId,
    pub(super) at_ms: Option<i64>,
    pub(super) bytes: Vec<u8>,
    pub(super) level: Level,
    pub(super) goes_on: bool,
    pub(super) voice: Voice,
    pub(super) owner: usize,
}

/// A document and its model.
#[derive(Debug, Default)]
pub(super) struct Bench {
    pub(super) document: Document,
    pub(super) memory: Memory,
    /// Ends of pieces and when they arrived, of each track.
    pub(super) pieces: Vec<Vec<(usize, Option<i64>)>>,
    pub(super) said: Vec<(i64, Voice, String)>,
    pub(super) filters: Filters,
    pub(super) search: Option<Pattern>,
    pub(super) jobs: Vec<Job>,
    pub(super) dones: Vec<Done>,
    pub(super) now: i64,
}

#[derive(Debug, Clone)]
pub(super) enum Deed {
    Append(usize, Vec<u8>, i64),
    Say(bool, String),
    Filter(Vec<(bool, bool, &'static str)>, Level, u64, bool, bool),
    Search(Option<&'static str>),
    Fetch,
    Run(usize),
    Apply(usize),
}

pub(super) const TRACKS: usize = 3;

impl Bench {
    pub(super) fn new(tracks: usize) -> Self {
        let mut bench = Self::default();
        for owner in 0..tracks {
            bench.document.add_track(owner, Voice::Printed);
            bench.memory.0.push(Vec::new());
            bench.pieces.push(Vec::new());
        }
        bench
    }

    pub(super) fn act(&mut self, deed: Deed) {
        let tracks = self.pieces.len();
        match deed {
            Deed::Append(track, bytes, later) => {
                let track = track % tracks;
                self.now += later;
                if bytes.is_empty() {
                    return;
                }
                let at = (later < 9).then_some(self.now);
                self.memory.0[track].extend(bytes);
                let len = self.memory.0[track].len();
                self.pieces[track].push((len, at));
                self.document.grown(TrackId(track as u16), len as u64, at);
            }
            Deed::Say(failed, text) => {
                self.now += 1;
                let voice = if failed { Voice::Failed } else { Voice::Golive };
                self.document.say(0, self.now, voice, &text);
                self.said.push((self.now, voice, text));
                self.now += 1;
            }
            Deed::Filter(rules, level, context, off, hide) => {
                let rules = rules.into_iter().map(|(is_in, on, text)| {
                    let pattern = pattern(text);
                    let test = if is_in {
                        Test::In(pattern)
                    } else {
                        Test::Out(pattern)
                    };
                    Rule { test, on }
                });
                self.filters = Filters {
                    rules: rules.collect(),
                    level,
                    hidden: if hide {
                        BTreeSet::from([1])
                    } else {
                        BTreeSet::new()
                    },
                    context,
                    off,
                };
                self.document.set_filters(self.filters.clone()).unwrap();
            }
            Deed::Search(text) => {
                self.search = text.map(pattern);
                self.document.set_search(self.search.clone(), None).unwrap();
            }
            Deed::Fetch => self.jobs.extend(self.document.next_job()),
            Deed::Run(at) => {
                if !self.jobs.is_empty() {
                    let job = self.jobs.swap_remove(at % self.jobs.len());
                    self.dones.push(job.run(&self.memory, &mut Vec::new()));
                }
            }
            Deed::Apply(at) => {
                if !self.dones.is_empty() {
                    let done = self.dones.swap_remove(at % self.dones.len());
                    self.document.apply(done);
                }
            }
        }
    }

    pub(super) fn finish(&mut self) {
        loop {
            self.act(Deed::Fetch);
            if self.jobs.is_empty() && self.dones.is_empty() {
                return;
            }
            self.act(Deed::Run(0));
            self.act(Deed::Apply(0));
        }
    }

    pub(super) fn look(&self, anchor: Anchor, above: usize, below: usize) -> Window {
        self.look_with(Open::default(), anchor, above, below)
    }

    pub(super) fn look_with(
        &self,
        open: Open,
        anchor: Anchor,
        above: usize,
        below: usize,
    ) -> Window {
        let look = Look {
            anchor,
            above,
            below,
            open,
        };
        self.document.look(&self.memory, &look)
    }

    /// All lines that have an end, in order, then those that have none.
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (track, bytes) in self.memory.0.iter().enumerate() {
            let (mut at, mut before) = (0, Level::Unknown);
            for (number, piece) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
                at += piece.len();
                let mut at_ms = None;
                for (end, piece_ms) in &self.pieces[track] {
                    at_ms = at_ms.max(*piece_ms);
                    if *end >= at {
                        break;
                    }
                }
                let goes_on = level::goes_on(piece);
                before = if goes_on { before } else { level::level(piece) };
                lines.push(Line {
                    id: id(track, number),
                    at_ms,
                    bytes: piece.to_vec(),
                    level: before,
                    goes_on,
                    voice: Voice::Printed,
                    owner: track,
                });
            }
        }
        for (number, (at_ms, voice, text)) in self.said.iter().enumerate() {
            lines.push(Line {
                id: id(self.pieces.len(), number),
                at_ms: Some(*at_ms),
                bytes: format!("{text}\n").into_bytes(),
                level: Level::Unknown,
                goes_on: false,
                voice: *voice,
                owner: 0,
            });
        }
        lines.sort_by_key(|line| (!line.bytes.ends_with(b"\n"), line.at_ms, line.id));
        lines
    }

    /// Whether each line shows by itself, and whether it shows at all.
    pub(super) fn shown(&self, lines: &[Line]) -> (Vec<bool>, Vec<bool>) {
        let matchers: Vec<Matcher> = self
            .filters
            .rules
            .iter()
            .map(|rule| match &rule.test {
                Test::In(pattern) | Test::Out(pattern) => Matcher::new(pattern).unwrap(),
            })
            .collect();
        let hidden = |line: &Line| self.filters.hidden.contains(&line.owner);
        let core = |line: &Line| {
            if hidden(line) {
                return false;
            }
            if self.filters.off || line.voice != Voice::Printed {
                return true;
            }
            let (mut ins, mut any, mut out) = (false, false, false);
            for (rule, matcher) in self.filters.rules.iter().zip(&matchers) {
                let matches = matcher.is_match(&line.bytes);
                match &rule.test {
                    _ if !rule.on => {}
                    Test::In(_) => (any, ins) = (true, ins || matches),
                    Test::Out(_) => out |= matches,
                }
            }
            let level = line.level.max(if line.level == Level::Unknown {
                Level::Info
            } else {
                Level::Unknown
            });
            (!any || ins) && !out && level >= self.filters.level
        };
        let core: Vec<bool> = lines.iter().map(core).collect();
        let closed = lines
            .iter()
            .filter(|line| line.bytes.ends_with(b"\n"))
            .count();
        let near: Vec<usize> = (0..closed).filter(|at| !hidden(&lines[*at])).collect();
        let mut shown = core.clone();
        let wide = self.filters.context as usize;
        for (rank, at) in near.iter().enumerate() {
            let from = rank.saturating_sub(wide);
            let to = (rank + wide + 1).min(near.len());
            shown[*at] |= near[from..to].iter().any(|other| core[*other]);
        }
        (core, shown)
    }
}

pub(super) fn id(track: usize, line: usize) -> LineId {
    LineId {
        track: TrackId(track as u16),
        line: line as u64,
    }
}

pub(super) fn pattern(text: &str) -> Pattern {
    Pattern {
        text: text.to_owned(),
        regex: false,
    }
}

/// Whether a line is read whole.
pub(super) fn is_short(line: &[u8]) -> bool {
    line.len() as u64 <= super::super::super::index::LONG
}

pub(super) fn texts(window: &Window) -> Vec<String> {
    window
        .lines
        .iter()
        .map(super::super::super::line::LogLine::text)
        .collect()
}

pub(super) const WORDS: &[&str] = &[
    "alpha\n",
    "beta\n",
    "\n",
    "ERROR: alpha broke\n",
    "  at frame beta\n",
    "WARN beta slow\n",
    "DEBUG alpha\n",
    "no end ",
    "10%\r20%\r30% beta\n",
    "a line that is long enough to have its end kept alpha\n",
    "\tindented\n",
    "x\n\n\ny\n",
];

pub(super) fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let text = prop::sample::select(&["alpha", "beta", "e", "zzz"][..]);
    let words = prop::collection::vec(prop::sample::select(WORDS), 0..12);
    let append = (0..TRACKS, words, 0..10_i64)
        .prop_map(|(track, words, later)| Deed::Append(track, words.concat().into_bytes(), later));
    let level =
        prop::sample::select(&[Level::Unknown, Level::Info, Level::Warning, Level::Error][..]);
    let rules = prop::collection::vec((any::<bool>(), any::<bool>(), text.clone()), 0..3);
    let filter = (rules, level, 0..3_u64, any::<bool>(), any::<bool>()).prop_map(
        |(rules, level, context, off, hide)| Deed::Filter(rules, level, context, off, hide),
    );
    let deed = prop_oneof![
        6 => append,
        1 => ("[a-c]{1,4}", any::<bool>()).prop_map(|(text, failed)| Deed::Say(failed, text)),
        1 => filter,
        1 => prop::option::of(text).prop_map(Deed::Search),
        4 => Just(Deed::Fetch),
        4 => (0..4_usize).prop_map(Deed::Run),
        4 => (0..4_usize).prop_map(Deed::Apply),
    ];
    prop::collection::vec(deed, 1..40)
}
