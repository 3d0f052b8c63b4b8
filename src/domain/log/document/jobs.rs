//! Work on a document, cut into pieces that need no document.
//!
//! What somebody waits for comes first: new bytes, then the search, from where it began outwards, then rules and levels
//! that decide what shows around the viewport, then the rest of the bytes, then the rest of the levels. A job reads at
//! most a few megabytes. Results come back in any order; those of a pattern that is no longer asked for are dropped.

use std::sync::atomic::Ordering;

use memchr::memchr;

use super::super::bits::{self, Bits};
use super::super::index::{BLOCK, Block, GROUP, Scan, Scanned};
use super::super::level;
use super::super::line::{Level, TrackId, Voice};
use super::super::order::{Run, Stretch};
use super::super::pattern::Matcher;
use super::{Document, SEARCH, Storage};

/// The most bytes of a line that are tested when it does not fit a block.
const TESTED: u64 = BLOCK;
/// Runs that are looked at to see where other tracks are at a place.
const NEAR: usize = 512;

/// A piece of work that needs no document.
#[derive(Debug)]
pub struct Job {
    track: TrackId,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Scan(Scan),
    Test(Test),
}

/// Lines of a block to be tested.
#[derive(Debug, Clone)]
struct Test {
    block: u64,
    /// The first line, of a group.
    from: u32,
    to: u32,
    begin: u64,
    end: u64,
    /// The first line is so long that it is tested by its beginning only; it ends here.
    long: Option<u64>,
    grades: bool,
    patterns: Vec<(usize, u64, Matcher)>,
    /// The bytes, when no storage has them.
    words: Option<Vec<u8>>,
}

/// What a job came to.
#[derive(Debug)]
pub struct Done {
    track: TrackId,
    came: Came,
}

#[derive(Debug)]
enum Came {
    Scanned(Scanned),
    Tested {
        block: u64,
        from: u32,
        to: u32,
        grades: Option<Grades>,
        patterns: Vec<(usize, u64, Bits)>,
    },
}

/// How grave lines are, from the first of a job.
#[derive(Debug, Default)]
struct Grades {
    errors: Bits,
    warnings: Bits,
    debugs: Bits,
    goes_on: Bits,
    /// So many lines at the beginning go on one before.
    lead: u32,
}

impl Grades {
    fn set(&mut self, line: usize, level: Level) {
        match level {
            Level::Error => self.errors.set(line),
            Level::Warning => self.warnings.set(line),
            Level::Debug => self.debugs.set(line),
            Level::Info | Level::Unknown => {}
        }
    }
}

impl Job {
    /// Does the work: reads the storage, takes at most some milliseconds. `bytes` is memory to read into; who keeps it
    /// for the next job need not get and clear a megabyte each time.
    pub fn run(&self, storage: &dyn Storage, bytes: &mut Vec<u8>) -> Done {
        let came = match &self.work {
            Work::Scan(scan) => {
                let length = (scan.to - scan.from) as usize;
                storage.read_into(self.track, scan.from, length, bytes);
                Came::Scanned(scan.clone().run(bytes))
            }
            Work::Test(test) => test.run(self.track, storage, bytes),
        };
        Done {
            track: self.track,
            came,
        }
    }
}

impl Test {
    fn run(&self, track: TrackId, storage: &dyn Storage, bytes: &mut Vec<u8>) -> Came {
        let mut grades = self.grades.then(Grades::default);
        let new =
            |(slot, generation, _): &(usize, u64, Matcher)| (*slot, *generation, Bits::default());
        let mut patterns: Vec<_> = self.patterns.iter().map(new).collect();
        let mut test = |bytes: &[u8], first: usize| {
            if let Some(grades) = &mut grades {
                grade(bytes, first, grades);
            }
            for ((_, _, matcher), (_, _, found)) in self.patterns.iter().zip(&mut patterns) {
                matcher.scan(bytes, &mut |line| found.set(first + line));
            }
        };
        let read = |from: u64, to: u64, bytes: &mut Vec<u8>| {
            storage.read_into(track, from, (to - from) as usize, bytes);
        };
        if let Some(words) = &self.words {
            test(words, 0);
        } else if let Some(end) = self.long {
            read(self.begin, self.begin + TESTED, bytes);
            test(&bytes[..memchr(b'\n', bytes).unwrap_or(bytes.len())], 0);
            read(end, self.end, bytes);
            test(bytes, 1);
        } else {
            read(self.begin, self.end, bytes);
            test(bytes, 0);
        }
        Came::Tested {
            block: self.block,
            from: self.from,
            to: self.to,
            grades,
            patterns,
        }
    }
}

/// Finds out how grave lines are; those that go on take the level of the line before.
fn grade(bytes: &[u8], first: usize, grades: &mut Grades) {
    let mut before = None;
    level::scan(bytes, &mut |line, level, goes_on| {
        let line = first + line;
        if goes_on {
            grades.goes_on.set(line);
            match before {
                Some(level) => grades.set(line, level),
                None => grades.lead += 1,
            }
        } else {
            before = Some(level);
            grades.set(line, level);
        }
    });
}

impl Document {
    /// The most useful piece of work that nobody does yet; `None` = all is known, or being found out.
    pub fn next_job(&mut self) -> Option<Job> {
        self.scan_job(true)
            .or_else(|| self.search_job())
            .or_else(|| self.filter_job())
            .or_else(|| self.scan_job(false))
            .or_else(|| self.grade_job())
    }

    fn scan_job(&mut self, only_new: bool) -> Option<Job> {
        let waits = |track: &super::Track| {
            let rest = track.len - track.scanned.min(track.len);
            !only_new || rest < BLOCK
        };
        let oldest = |track: &super::Track| track.pieces.front().map(|(_, key)| *key);
        let mut order: Vec<usize> = (0..self.tracks.len())
            .filter(|at| waits(&self.tracks[*at]))
            .collect();
        order.sort_by_key(|at| oldest(&self.tracks[*at]));
        order.into_iter().find_map(|at| {
            let scan = self.tracks[at].next_scan()?;
            Some(Job {
                track: TrackId(at as u16),
                work: Work::Scan(scan),
            })
        })
    }

    fn search_job(&mut self) -> Option<Job> {
        self.slots[SEARCH].as_ref()?;
        let focus = self
            .search_from
            .unwrap_or_else(|| self.looked.load(Ordering::Relaxed));
        let wants = |block: &Block, _: bool| {
            block.known(SEARCH).map_or(0, |known| known.done) < block.lines
        };
        let (track, block) = self.nearest(focus, &wants)?;
        Some(self.test_job(track, block, &[SEARCH], false))
    }

    fn filter_job(&mut self) -> Option<Job> {
        let active = self.active.as_ref()?;
        let (slots, grades) = (active.slots(), active.level.is_some());
        let wants = |block: &Block, is_printed: bool| {
            let slot =
                |slot: &usize| block.known(*slot).map_or(0, |known| known.done) < block.lines;
            is_printed && (grades && block.graded < block.lines || slots.iter().any(slot))
        };
        let (track, block) = self.nearest(self.looked.load(Ordering::Relaxed), &wants)?;
        Some(self.test_job(track, block, &slots, grades))
    }

    fn grade_job(&mut self) -> Option<Job> {
        let wants = |block: &Block, is_printed: bool| is_printed && block.graded < block.lines;
        let (track, block) = self.nearest(self.looked.load(Ordering::Relaxed), &wants)?;
        Some(self.test_job(track, block, &[], true))
    }

    /// The block nearest to a place of those that want something and that nobody is at.
    fn nearest(
        &self,
        place: u64,
        wants: &dyn Fn(&Block, bool) -> bool,
    ) -> Option<(TrackId, usize)> {
        let lines = self.lines_near(place);
        let mut best: Option<(usize, TrackId, usize)> = None;
        for (at, track) in self.tracks.iter().enumerate() {
            let id = TrackId(at as u16);
            let middle = lines[at]
                .and_then(|line| track.locate(line))
                .map_or(track.blocks.len().saturating_sub(1), |(block, _)| block);
            let is_printed = track.voice == Voice::Printed;
            for block in outwards(middle, track.blocks.len()) {
                let far = block.abs_diff(middle);
                if best.is_some_and(|(nearest, _, _)| nearest <= far) {
                    break;
                }
                let is_free = !self.busy.contains(&(id, track.base + block as u64));
                if is_free && wants(&track.blocks[block], is_printed) {
                    best = Some((far, id, block));
                    break;
                }
            }
        }
        best.map(|(_, track, block)| (track, block))
    }

    /// Where each track is near a place, as far as a short look tells.
    fn lines_near(&self, place: u64) -> Vec<Option<u64>> {
        let mut lines = vec![None; self.tracks.len()];
        let last = self.order.len().saturating_sub(1);
        let Some(middle) = self.order.at(place.min(last)) else {
            return lines;
        };
        let mut note = |run: &Run, line: u64| {
            lines[usize::from(run.key.track().0)].get_or_insert(line);
        };
        let inside = place.min(last) - middle.place;
        note(&middle.run, middle.run.first + inside);
        let mut after: Option<Stretch> = self.order.next(&middle);
        let mut before = self.order.previous(&middle);
        for _ in 0..NEAR {
            if let Some(stretch) = after.take() {
                note(&stretch.run, stretch.run.first);
                after = self.order.next(&stretch);
            }
            if let Some(stretch) = before.take() {
                note(&stretch.run, stretch.run.first + stretch.run.count - 1);
                before = self.order.previous(&stretch);
            }
        }
        lines
    }

    fn test_job(&mut self, id: TrackId, at: usize, slots: &[usize], grades: bool) -> Job {
        let track = &self.tracks[usize::from(id.0)];
        let block = &track.blocks[at];
        let slot = |slot: &usize| self.slots[*slot].as_ref().map(|kept| (*slot, kept));
        let patterns: Vec<_> = slots
            .iter()
            .filter_map(slot)
            .filter(|(slot, _)| block.known(*slot).map_or(0, |known| known.done) < block.lines)
            .map(|(slot, kept)| (slot, kept.generation, kept.matcher.clone()))
            .collect();
        let done = patterns
            .iter()
            .map(|(slot, _, _)| block.known(*slot).map_or(0, |known| known.done));
        let grades = grades && block.graded < block.lines;
        let first = done
            .chain(grades.then_some(block.graded))
            .min()
            .unwrap_or(0);
        let group = first as usize / GROUP;
        let begin = block.group_begin(track.base_of(at), group);
        let long = block
            .longs
            .first()
            .filter(|(line, _)| *line == 0 && group == 0);
        let long = long
            .map(|(_, end)| track.base_of(at) + u64::from(*end))
            .filter(|end| end - begin > TESTED);
        let number = track.base + at as u64;
        let test = Test {
            block: number,
            from: (group * GROUP) as u32,
            to: block.lines,
            begin,
            end: block.end,
            long,
            grades,
            patterns,
            words: track.words.as_ref().map(|(text, _)| {
                let end = (block.end as usize).min(text.len());
                text[begin as usize..end].to_vec()
            }),
        };
        self.busy.insert((id, number));
        Job {
            track: id,
            work: Work::Test(test),
        }
    }

    /// Takes the result of a job. Returns whether something changed that a viewer shows.
    pub fn apply(&mut self, done: Done) -> bool {
        let Done { track: id, came } = done;
        let at = usize::from(id.0);
        match came {
            Came::Scanned(scanned) => {
                let order = &mut self.order;
                self.tracks[at].take(scanned, &mut |key, first, count| {
                    order.put(Run {
                        key,
                        first,
                        count,
                        late: false,
                        stray: false,
                    });
                });
                true
            }
            Came::Tested {
                block: number,
                from,
                to,
                grades,
                patterns,
            } => {
                self.busy.remove(&(id, number));
                let Some(block) = number.checked_sub(self.tracks[at].base) else {
                    return false;
                };
                let block = block as usize;
                for (slot, generation, bits) in patterns {
                    let kept = self.slots[slot].as_ref();
                    if kept.is_some_and(|kept| kept.generation == generation) {
                        let tested = self.tracks[at].blocks[block].tested(slot);
                        tested.done = tested.done.max(to);
                        put(&mut tested.bits, &bits, from, to);
                        tested.count = tested.bits.total();
                    }
                }
                if let Some(grades) = grades {
                    self.grade(at, block, (from, to), &grades);
                }
                self.compose(at, block);
                true
            }
        }
    }

    fn grade(&mut self, at: usize, number: usize, (from, to): (u32, u32), grades: &Grades) {
        let block = &mut self.tracks[at].blocks[number];
        if block.graded >= to {
            return;
        }
        put(&mut block.errors, &grades.errors, from, to);
        put(&mut block.warnings, &grades.warnings, from, to);
        put(&mut block.debugs, &grades.debugs, from, to);
        put(&mut block.goes_on, &grades.goes_on, from, to);
        block.graded = to;
        let lead = grades.lead.min(to - from);
        if from == 0 || block.lead >= from {
            block.lead = from + lead;
        } else if lead > 0 {
            let level = grade_of(block, from as usize - 1);
            (from..from + lead).for_each(|line| set_grade(block, line as usize, level));
        }
        self.lead(at, number);
    }

    /// Tells lines at the beginning of a block, and of those behind it, how grave the line before them is.
    fn lead(&mut self, at: usize, number: usize) {
        for number in number..self.tracks[at].blocks.len() {
            let blocks = &mut self.tracks[at].blocks;
            if blocks[number].lead == 0 && blocks[number].graded == 0 && blocks[number].lines > 0 {
                return;
            }
            if blocks[number].lead > 0 {
                let before = (0..number).rev().find(|at| blocks[*at].lines > 0);
                let level = match before.map(|at| &blocks[at]) {
                    None => Level::Unknown,
                    Some(block) if block.graded < block.lines || block.lead > 0 => return,
                    Some(block) => grade_of(block, block.lines as usize - 1),
                };
                let block = &mut blocks[number];
                (0..block.lead).for_each(|line| set_grade(block, line as usize, level));
                block.lead = 0;
                self.compose(at, number);
            }
        }
    }
}

/// How grave a line of a block is, as far as it matters for others.
pub(super) fn grade_of(block: &Block, line: usize) -> Level {
    if block.errors.get(line) {
        Level::Error
    } else if block.warnings.get(line) {
        Level::Warning
    } else if block.debugs.get(line) {
        Level::Debug
    } else {
        Level::Unknown
    }
}

/// Says how grave a line of a block is.
pub(super) fn set_grade(block: &mut Block, line: usize, level: Level) {
    match level {
        Level::Error => block.errors.set(line),
        Level::Warning => block.warnings.set(line),
        Level::Debug => block.debugs.set(line),
        Level::Info | Level::Unknown => {}
    }
}

/// Puts bits that begin with the line `from` to the others; those of lines behind `to` do not count.
fn put(bits: &mut Bits, found: &Bits, from: u32, to: u32) {
    for (at, mask) in bits::words(from as usize..to as usize) {
        let word = found.word(at - from as usize / 64) & mask;
        if word != 0 {
            bits.or_word(at, word);
        }
    }
}

/// Numbers below `end`, from the middle outwards.
fn outwards(middle: usize, end: usize) -> impl Iterator<Item = usize> {
    let far = middle.max(end.saturating_sub(middle + 1));
    (0..=far)
        .flat_map(move |by| {
            let after = middle.checked_add(by);
            let before = if by > 0 { middle.checked_sub(by) } else { None };
            [after, before]
        })
        .flatten()
        .filter(move |at| *at < end)
}
