//! What shows of a document: rules and the search, compiled and kept; which lines they leave.
//!
//! Each pattern has a slot, and each block the lines that match it, so that a rule is switched by putting words of bits
//! together. Rules that are no longer asked for stay known for a while.

use super::super::bits;
use super::super::filter::{Filters, Pattern, Test};
use super::super::index::Block;
use super::super::line::{Level, Spot, Voice};
use super::super::pattern::{BadPattern, Matcher};
use super::{Document, SEARCH};

/// The most patterns that are kept, with the search.
const KEPT: usize = 33;

/// A pattern that blocks are tested by.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) pattern: Pattern,
    pub(super) matcher: Matcher,
    /// Results of another one are of no use.
    pub(super) generation: u64,
    /// When it was asked for last.
    used: u64,
}

/// What decides whether a line shows, beyond its owner. Rules are named by their slots.
#[derive(Debug, Default)]
pub(super) struct Active {
    /// One of them has to match, when there are any.
    pub(super) ins: Vec<usize>,
    /// None of them may match.
    pub(super) outs: Vec<usize>,
    /// Only lines that are at least so grave.
    pub(super) level: Option<Level>,
}

impl Active {
    /// The slots of all rules that are on.
    pub(super) fn slots(&self) -> Vec<usize> {
        self.ins.iter().chain(&self.outs).copied().collect()
    }

    /// How many lines of a block were tested by all that decides.
    fn done(&self, block: &Block) -> u32 {
        let slots = self.ins.iter().chain(&self.outs);
        let rules = slots.map(|slot| block.known(*slot).map_or(0, |known| known.done));
        let level = self.level.map(|_| block.graded);
        rules.chain(level).min().unwrap_or(block.lines)
    }

    /// Which of 64 lines of a block show.
    fn word(&self, block: &Block, at: usize) -> u64 {
        let found = |slot: &usize| block.known(*slot).map_or(0, |known| known.bits.word(at));
        let any = |slots: &[usize]| slots.iter().map(found).fold(0, |all, word| all | word);
        let ins = if self.ins.is_empty() {
            u64::MAX
        } else {
            any(&self.ins)
        };
        let grave = match self.level {
            None => u64::MAX,
            Some(Level::Warning) => block.errors.word(at) | block.warnings.word(at),
            Some(Level::Error) => block.errors.word(at),
            Some(_) => !block.debugs.word(at),
        };
        ins & !any(&self.outs) & grave
    }
}

/// Whether a line that is so grave shows when only those at least as grave as `least` do.
pub(super) fn is_grave(level: Level, least: Level) -> bool {
    let level = if level == Level::Unknown {
        Level::Info
    } else {
        level
    };
    level >= least
}

impl Document {
    /// What shows from now on. What is known of rules that were there before stays known.
    pub fn set_filters(&mut self, filters: Filters) -> Result<(), BadPattern> {
        let mut ready = Vec::new();
        for rule in &filters.rules {
            let (Test::In(pattern) | Test::Out(pattern)) = &rule.test;
            let known = self.slot_of(pattern).is_some();
            ready.push(if known {
                None
            } else {
                Some(Matcher::new(pattern)?)
            });
        }
        let mut active = Active::default();
        self.clock += 1;
        self.rule_slots.clear();
        for (rule, matcher) in filters.rules.iter().zip(ready) {
            let (Test::In(pattern) | Test::Out(pattern)) = &rule.test;
            let slot = if rule.on {
                self.keep(pattern, matcher)
            } else {
                self.slot_of(pattern)
            };
            self.rule_slots.push(slot);
            let counts = rule.on && !filters.off;
            match (&rule.test, slot.filter(|_| counts)) {
                (Test::In(_), Some(slot)) => active.ins.push(slot),
                (Test::Out(_), Some(slot)) => active.outs.push(slot),
                (_, None) => {}
            }
        }
        let grave = filters.level > Level::Debug && !filters.off;
        active.level = grave.then_some(filters.level);
        let decides = !active.ins.is_empty() || !active.outs.is_empty() || grave;
        self.active = decides.then_some(active);
        self.filters = filters;
        self.compose_all();
        Ok(())
    }

    /// What is searched for from now on, beginning around a line.
    pub fn set_search(
        &mut self,
        pattern: Option<Pattern>,
        from: Option<Spot>,
    ) -> Result<(), BadPattern> {
        let matcher = pattern.as_ref().map(Matcher::new).transpose()?;
        self.search_from = from.map(|spot| spot.place);
        let before = self.slots[SEARCH].as_ref().map(|kept| &kept.pattern);
        if before == pattern.as_ref() {
            return Ok(());
        }
        self.clock += 1;
        let clock = self.clock;
        self.slots[SEARCH] = pattern.zip(matcher).map(|(pattern, matcher)| Kept {
            pattern,
            matcher,
            generation: clock,
            used: clock,
        });
        self.forget(SEARCH);
        Ok(())
    }

    fn slot_of(&self, pattern: &Pattern) -> Option<usize> {
        let rules = self.slots.iter().enumerate().skip(SEARCH + 1);
        let mut found = rules.filter_map(|(at, kept)| Some((at, kept.as_ref()?)));
        found
            .find(|(_, kept)| kept.pattern == *pattern)
            .map(|(at, _)| at)
    }

    /// The slot of a rule; that of the rule that was not asked for longest is given up for it.
    fn keep(&mut self, pattern: &Pattern, matcher: Option<Matcher>) -> Option<usize> {
        let clock = self.clock;
        if let Some(at) = self.slot_of(pattern) {
            if let Some(kept) = &mut self.slots[at] {
                kept.used = clock;
            }
            return Some(at);
        }
        let kept = Kept {
            pattern: pattern.clone(),
            matcher: matcher.or_else(|| Matcher::new(pattern).ok())?,
            generation: clock,
            used: clock,
        };
        if self.slots.len() < KEPT {
            self.slots.push(Some(kept));
            return Some(self.slots.len() - 1);
        }
        let used = |at: &usize| self.slots[*at].as_ref().map_or(0, |kept| kept.used);
        let oldest = (SEARCH + 1..self.slots.len()).min_by_key(used)?;
        if used(&oldest) == clock {
            // More rules are on than are kept.
            self.slots.push(Some(kept));
            return Some(self.slots.len() - 1);
        }
        self.forget(oldest);
        self.slots[oldest] = Some(kept);
        Some(oldest)
    }

    /// Forgets what is known of a slot.
    fn forget(&mut self, slot: usize) {
        for block in self.tracks.iter_mut().flat_map(|track| &mut track.blocks) {
            if let Some(known) = block.tested.get_mut(slot) {
                *known = super::super::index::Tested::default();
            }
            if slot == SEARCH {
                block.hits = 0;
            }
        }
    }

    fn compose_all(&mut self) {
        for track in 0..self.tracks.len() {
            for block in 0..self.tracks[track].blocks.len() {
                self.compose(track, block);
            }
        }
    }

    /// Puts together which lines of a block show, and how many of them match.
    pub(super) fn compose(&mut self, track: usize, number: usize) {
        let track = &mut self.tracks[track];
        let is_printed = track.voice == Voice::Printed;
        let block = &mut track.blocks[number];
        let lines = block.lines as usize;
        let active = self.active.as_ref().filter(|_| is_printed);
        if let Some(active) = active {
            let done = active.done(block);
            let mut count = 0;
            for (at, mask) in bits::words(0..done as usize) {
                let word = active.word(block, at) & mask;
                block.shown.bits.put_word(at, word);
                count += u64::from(word.count_ones());
            }
            (block.shown.done, block.shown.count) = (done, count);
        } else {
            (block.shown.done, block.shown.count) = (block.lines, lines as u64);
        }
        block.hits = match block.known(SEARCH) {
            None => 0,
            Some(found) => bits::words(0..lines.min(block.shown.done as usize))
                .map(|(at, mask)| {
                    let shown = if active.is_some() {
                        block.shown.bits.word(at)
                    } else {
                        u64::MAX
                    };
                    u64::from((found.bits.word(at) & shown & mask).count_ones())
                })
                .sum(),
        };
    }
}
