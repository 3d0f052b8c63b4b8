//! Lines of a document with their bytes, as far as one look needs them.
//!
//! Bytes are read by groups of 64 lines, and kept until the look is over. Of long lines only the beginning and the end
//! are read. What jobs have not tested yet is tested here, within a budget, so that a window never waits for them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use memchr::{memchr, memrchr};

use super::super::bits;
use super::super::index::{Block, GROUP, LONG};
use super::super::level;
use super::super::line::{Level, TrackId, Voice};
use super::filter::is_grave;
use super::jobs::grade_of;
use super::{Document, Storage, Track};

/// Groups that one look may test by itself.
const BUDGET: usize = 64;

/// A line's bytes, as far as a screen needs them.
#[derive(Debug, Clone, Default)]
pub(super) struct Text {
    /// Where it begins.
    pub(super) begin: u64,
    /// Behind it, with its end.
    pub(super) end: u64,
    /// Its bytes, or some of them.
    pub(super) bytes: Vec<u8>,
    /// Bytes of its last text that are not there.
    pub(super) cut: u64,
    /// How grave it is, with what it goes on.
    pub(super) level: Level,
    /// It goes on the line before.
    pub(super) goes_on: bool,
}

/// Lines that were read together.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) lines: Vec<Text>,
}

/// Reads lines for one look.
pub(super) struct Reader<'a> {
    pub(super) document: &'a Document,
    pub(super) storage: &'a dyn Storage,
    groups: RefCell<BTreeMap<(TrackId, u64, usize), Rc<Group>>>,
    words: RefCell<BTreeMap<(TrackId, u64, usize), u64>>,
    budget: Cell<usize>,
    /// Lines were met of which nobody knows yet whether they show.
    pub(super) is_unsure: Cell<bool>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(document: &'a Document, storage: &'a dyn Storage) -> Self {
        Self {
            document,
            storage,
            groups: RefCell::default(),
            words: RefCell::default(),
            budget: Cell::new(BUDGET),
            is_unsure: Cell::new(false),
        }
    }

    /// For one who reads many lines and waits for each.
    pub(super) fn patient(self) -> Self {
        self.budget.set(usize::MAX);
        self
    }

    /// Gives up what was read when it is much.
    pub(super) fn trim(&self) {
        if self.groups.borrow().len() > 64 {
            self.groups.borrow_mut().clear();
            self.words.borrow_mut().clear();
        }
    }

    pub(super) fn track(&self, id: TrackId) -> &'a Track {
        &self.document.tracks[usize::from(id.0)]
    }

    /// Bytes of a track, also of golive's own words.
    pub(super) fn bytes(&self, id: TrackId, from: u64, to: u64) -> Vec<u8> {
        match &self.track(id).words {
            Some((text, _)) => {
                let end = (to as usize).min(text.len());
                text[(from as usize).min(end)..end].to_vec()
            }
            None => self
                .storage
                .read(id, from, to.saturating_sub(from) as usize),
        }
    }

    /// A line of a track.
    pub(super) fn line(&self, id: TrackId, line: u64) -> Text {
        let Some((block, local)) = self.track(id).locate(line) else {
            return Text::default();
        };
        let group = self.group(id, block, local / GROUP);
        group.lines.get(local % GROUP).cloned().unwrap_or_default()
    }

    /// Lines that were read together.
    pub(super) fn group(&self, id: TrackId, block: usize, group: usize) -> Rc<Group> {
        let key = (id, self.track(id).base + block as u64, group);
        if let Some(found) = self.groups.borrow().get(&key) {
            return Rc::clone(found);
        }
        let read = Rc::new(self.read(id, block, group));
        self.groups.borrow_mut().insert(key, Rc::clone(&read));
        read
    }

    /// Reads a group of lines.
    fn read(&self, id: TrackId, number: usize, group: usize) -> Group {
        let track = self.track(id);
        let (block, base) = (&track.blocks[number], track.base_of(number));
        let from = group * GROUP;
        let to = (from + GROUP).min(block.lines as usize);
        let begin = block.group_begin(base, group);
        let end = if to < block.lines as usize {
            block.group_begin(base, group + 1)
        } else {
            block.end
        };
        let longs: Vec<(usize, u64)> = block
            .longs
            .iter()
            .map(|(line, end)| (*line as usize, base + u64::from(*end)))
            .filter(|(line, _)| (from..to).contains(line))
            .collect();
        let mut lines = Vec::with_capacity(to - from);
        let mut at = begin;
        let mut next = from;
        for (long, long_end) in longs.iter().copied().chain([(to, end)]) {
            // The lines before a long one are short: together they are at most two megabytes.
            let short = long - next;
            if short > 0 {
                let most = (end - at).min(short as u64 * (LONG + 1));
                let bytes = self.bytes(id, at, at + most);
                at = split(&bytes, at, short, end, &mut lines);
            }
            if long < to {
                lines.push(self.long(id, at, long_end));
                at = long_end;
            }
            next = long + 1;
        }
        Self::grade(track, block, from, &mut lines);
        Group { lines }
    }

    /// A long line: its last text when that is near its end, else its beginning.
    pub(super) fn long(&self, id: TrackId, begin: u64, end: u64) -> Text {
        let mut text = Text {
            begin,
            end,
            ..Text::default()
        };
        let tail = self.bytes(id, end.saturating_sub(LONG).max(begin), end);
        let trimmed = tail.strip_suffix(b"\n").unwrap_or(&tail);
        let trimmed = trimmed.trim_ascii_end();
        if let Some(at) = memrchr(b'\r', trimmed) {
            text.bytes = tail[at..].to_vec();
        } else {
            text.bytes = self.bytes(id, begin, end.min(begin + LONG));
            text.cut = (end - begin).saturating_sub(LONG);
        }
        text
    }

    /// Says of lines how grave they are: as jobs found out, else as they say.
    fn grade(track: &Track, block: &Block, from: usize, lines: &mut [Text]) {
        if track.voice != Voice::Printed {
            return;
        }
        let mut before = match from.checked_sub(1) {
            Some(line) => grade_of(block, line),
            None => Level::Unknown,
        };
        for (at, text) in lines.iter_mut().enumerate() {
            let line = from + at;
            let is_graded = line < block.graded as usize && line >= block.lead as usize;
            (text.level, text.goes_on) = if is_graded {
                (grade_of(block, line), block.goes_on.get(line))
            } else if level::goes_on(&text.bytes) {
                (before, true)
            } else {
                (level::level(&text.bytes), false)
            };
            if is_graded && text.level == Level::Unknown && !text.goes_on {
                text.level = level::level(&text.bytes);
            } else if is_graded && text.level == Level::Unknown {
                text.level = before;
            }
            before = text.level;
        }
    }

    /// Which lines of a group rules and level show; `None` when nobody knows and the budget is spent.
    pub(super) fn word(&self, id: TrackId, number: usize, group: usize) -> Option<u64> {
        let track = self.track(id);
        let block = &track.blocks[number];
        let lines = (block.lines as usize).saturating_sub(group * GROUP);
        let Some(active) = &self.document.active else {
            return Some(bits::below(lines));
        };
        let done = block.shown.done as usize;
        if (group + 1) * GROUP <= done || done == block.lines as usize {
            return Some(block.shown.bits.word(group));
        }
        let key = (id, track.base + number as u64, group);
        if let Some(word) = self.words.borrow().get(&key) {
            return Some(*word);
        }
        let left = self.budget.get().checked_sub(1)?;
        self.budget.set(left);
        let mut word = 0;
        for (at, text) in self.group(id, number, group).lines.iter().enumerate() {
            if self.shows(active, &text.bytes, || text.level) {
                word |= 1 << at;
            }
        }
        self.words.borrow_mut().insert(key, word);
        Some(word)
    }

    /// Whether rules and level show a line; how grave it is is asked only where that decides.
    pub(super) fn shows(
        &self,
        active: &super::filter::Active,
        bytes: &[u8],
        level: impl FnOnce() -> Level,
    ) -> bool {
        let matches = |slot: &usize| {
            let kept = self.document.slots[*slot].as_ref();
            kept.is_some_and(|kept| kept.matcher.is_match(bytes))
        };
        (active.ins.is_empty() || active.ins.iter().any(matches))
            && !active.outs.iter().any(matches)
            && active.level.is_none_or(|least| is_grave(level(), least))
    }
}

/// Cuts bytes into lines; a last one without a newline ends at `end`. Returns where the next line begins.
fn split(bytes: &[u8], from: u64, count: usize, end: u64, lines: &mut Vec<Text>) -> u64 {
    let mut at = 0;
    for _ in 0..count {
        let rest = &bytes[at.min(bytes.len())..];
        let (length, until) = match memchr(b'\n', rest) {
            Some(newline) => (newline + 1, from + (at + newline) as u64 + 1),
            None => (rest.len(), end),
        };
        lines.push(Text {
            begin: from + at as u64,
            end: until,
            bytes: rest[..length].to_vec(),
            ..Text::default()
        });
        at += length;
        if rest.is_empty() {
            break;
        }
    }
    lines.last().map_or(from, |line| line.end)
}
