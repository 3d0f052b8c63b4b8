//! Where the lines of a track are: blocks of a megabyte, in each the offset of every 64th line.
//!
//! A line belongs to the block in which it ends. A block is scanned without its neighbours; only its place among them
//! makes its lines count. Lines that are long have their ends kept, so that nobody reads them to get past. A block also
//! holds what was found out of its lines: how grave they are, which match. Invariant: `begin` of a block is where the
//! last line before it ends.

use std::collections::{BTreeMap, VecDeque};

use memchr::{memchr_iter, memrchr};

use super::bits::Bits;
use super::line::{Level, Voice};
use super::order::Key;

/// Bytes of a block. Tests have small ones, so that a few lines meet their ends.
pub(super) const BLOCK: u64 = if cfg!(test) { 128 } else { 1 << 20 };
/// Bytes in which newlines are counted at once; much shorter than a long line.
const STEP: usize = if cfg!(test) { 8 } else { 1 << 10 };
/// Lines from one known offset to the next.
pub(super) const GROUP: usize = 64;
/// The ends of lines longer than this are kept.
pub(super) const LONG: u64 = if cfg!(test) { 40 } else { 32 << 10 };

/// Which lines of a block are something, as far as that was tested.
#[derive(Debug, Clone, Default)]
pub(super) struct Tested {
    /// Those that are.
    pub(super) bits: Bits,
    /// So many lines were tested.
    pub(super) done: u32,
    /// How many of them are.
    pub(super) count: u64,
}

/// Some bytes of a track, with the lines that end in them.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    /// The number of its first line.
    pub(super) first: u64,
    /// Its lines.
    pub(super) lines: u32,
    /// Where its first line begins.
    pub(super) begin: u64,
    /// Behind its last line.
    pub(super) end: u64,
    /// Where its 64th, 128th, ... line begins, counted from the beginning of the block.
    pub(super) starts: Vec<u32>,
    /// Long lines: number in the block and end, counted from the beginning of the block.
    pub(super) longs: Vec<(u32, u32)>,
    /// Errors.
    pub(super) errors: Bits,
    /// Warnings.
    pub(super) warnings: Bits,
    /// Debug lines.
    pub(super) debugs: Bits,
    /// Lines that go on the one before.
    pub(super) goes_on: Bits,
    /// Lines that say another time.
    pub(super) moved: Bits,
    /// So many lines have their level.
    pub(super) graded: u32,
    /// Its first lines, so many, go on a line of a block before, and are not known to be as grave yet.
    pub(super) lead: u32,
    /// What was asked of its lines, by slot.
    pub(super) tested: Vec<Tested>,
    /// Lines that rules and level show; `done` lines were decided.
    pub(super) shown: Tested,
    /// How many of them match what is searched for.
    pub(super) hits: u64,
}

impl Block {
    /// What was asked of its lines in a slot.
    pub(super) fn tested(&mut self, slot: usize) -> &mut Tested {
        if self.tested.len() <= slot {
            self.tested.resize_with(slot + 1, Tested::default);
        }
        &mut self.tested[slot]
    }

    /// What was found out of its first lines does not count any more.
    fn forget_before(&mut self, count: usize) {
        self.errors.clear_before(count);
        self.warnings.clear_before(count);
        for tested in &mut self.tested {
            tested.bits.clear_before(count);
            tested.count = tested.bits.total();
        }
    }

    /// What is known of a slot.
    pub(super) fn known(&self, slot: usize) -> Option<&Tested> {
        self.tested.get(slot)
    }

    /// Where a group of lines begins; `base` = where the block begins.
    pub(super) fn group_begin(&self, base: u64, group: usize) -> u64 {
        match group.checked_sub(1) {
            None => self.begin,
            Some(at) => self
                .starts
                .get(at)
                .map_or(self.end, |start| base + u64::from(*start)),
        }
    }
}

/// Bytes to be cut into lines.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    /// From here; the begin of a block, or where it was scanned to.
    pub(super) from: u64,
    /// To here, within the block.
    pub(super) to: u64,
    /// Lines of the block before `from`.
    pub(super) before: u32,
    /// Ends of pieces that arrived, within these bytes.
    pub(super) pieces: Vec<u64>,
    /// The bytes end the track: what is left is a line.
    pub(super) is_last: bool,
}

/// Bytes that were cut into lines.
#[derive(Debug, Clone)]
pub(super) struct Scanned {
    scan: Scan,
    lines: u32,
    starts: Vec<u32>,
    longs: Vec<(u32, u32)>,
    /// Behind the first newline and the last, from the beginning of the block.
    ends: Option<(u32, u32)>,
    /// Lines up to the end of each piece.
    cuts: Vec<u32>,
}

impl Scan {
    /// Cuts the bytes into lines.
    pub(super) fn run(self, bytes: &[u8]) -> Scanned {
        let skipped = (self.from % BLOCK) as u32;
        let mut done = Scanned {
            lines: 0,
            starts: Vec::with_capacity(bytes.len() / 4096),
            longs: Vec::new(),
            ends: None,
            cuts: Vec::with_capacity(self.pieces.len()),
            scan: self,
        };
        let pieces = done.scan.pieces.clone();
        let mut at = 0;
        for end in pieces {
            let until = ((end - done.scan.from) as usize).min(bytes.len());
            done.cut(bytes, at, until, skipped);
            at = until;
            done.cuts.push(done.lines);
        }
        done
    }
}

impl Scanned {
    /// Cuts a piece. Newlines are counted, which is several times faster than stopping at each; only where a group of
    /// lines or a long line may end is it looked where they are.
    fn cut(&mut self, bytes: &[u8], from: usize, to: usize, skipped: u32) {
        // Newlines were counted from here to there since it was last looked where one is.
        let mut counted: Option<(usize, usize)> = None;
        let mut at = from;
        while at < to {
            let until = (at + STEP).min(to);
            let count = memchr_iter(b'\n', &bytes[at..until]).count() as u32;
            if count > 0 {
                let lines = self.scan.before + self.lines;
                let last = counted.map(|(begin, _)| skipped + begin as u32);
                let last = last.or(self.ends.map(|(_, last)| last));
                let is_near =
                    last.is_some_and(|last| u64::from(skipped + until as u32 - last) <= LONG);
                if is_near && lines / GROUP as u32 == (lines + count) / GROUP as u32 {
                    self.lines += count;
                    counted = Some((at, until));
                } else {
                    self.settle(bytes, counted.take(), skipped);
                    self.cut_exactly(&bytes[at..until], skipped + at as u32);
                }
            }
            at = until;
        }
        self.settle(bytes, counted, skipped);
    }

    /// Looks where the last of the newlines is that were counted.
    fn settle(&mut self, bytes: &[u8], counted: Option<(usize, usize)>, skipped: u32) {
        if let Some((begin, end)) = counted
            && let Some(newline) = memrchr(b'\n', &bytes[begin..end])
            && let Some((_, last)) = &mut self.ends
        {
            *last = skipped + (begin + newline) as u32 + 1;
        }
    }

    /// Cuts bytes that begin at a place of the block, line by line.
    fn cut_exactly(&mut self, bytes: &[u8], begin: u32) {
        for newline in memchr_iter(b'\n', bytes) {
            let end = begin + newline as u32 + 1;
            let (_, last) = self.ends.get_or_insert((end, end));
            if u64::from(end - *last) > LONG {
                self.longs.push((self.scan.before + self.lines, end));
            }
            *last = end;
            self.lines += 1;
            if (self.scan.before + self.lines).is_multiple_of(GROUP as u32) {
                self.starts.push(end);
            }
        }
    }
}

/// A file of bytes in a document.
#[derive(Debug, Clone, Default)]
pub(super) struct Track {
    /// What it belongs to.
    pub(super) owner: usize,
    /// Who says it.
    pub(super) voice: Voice,
    /// Its bytes.
    pub(super) len: u64,
    /// No more come.
    pub(super) ended: bool,
    /// Bytes that were cut into lines, and have their places.
    pub(super) scanned: u64,
    /// Its lines so far: the number of the next.
    pub(super) lines: u64,
    /// Where the next line begins.
    pub(super) begin: u64,
    /// Lines that were given up.
    pub(super) dropped: u64,
    /// The highest key of its lines.
    pub(super) highest: Key,
    /// When its first line was taken.
    pub(super) began_ms: Option<i64>,
    /// Pieces that arrived and have no places yet: where they end, and the key of lines that end in them.
    pub(super) pieces: VecDeque<(u64, Key)>,
    /// The text, when golive says it, and who says each line.
    pub(super) words: Option<(Vec<u8>, Vec<Voice>)>,
    /// How grave the last line that was taken is.
    pub(super) grade: Level,
    /// The number of the first block that is kept.
    pub(super) base: u64,
    /// Its blocks.
    pub(super) blocks: VecDeque<Block>,
    /// Bytes up to here are cut or are being cut.
    pub(super) claimed: u64,
    /// Bytes that were cut before those before them.
    pub(super) waiting: BTreeMap<u64, Scanned>,
}

impl Track {
    /// Where a block begins.
    pub(super) fn base_of(&self, block: usize) -> u64 {
        (self.base + block as u64) * BLOCK
    }

    /// The block of a line, and its number there.
    pub(super) fn locate(&self, line: u64) -> Option<(usize, usize)> {
        let behind = |block: &Block| block.first + u64::from(block.lines) <= line;
        let at = self.blocks.partition_point(behind);
        let block = self.blocks.get(at)?;
        Some((at, line.checked_sub(block.first)? as usize))
    }

    /// The block in which a byte at the end of a line is; it is made when there is none.
    fn block_of(&mut self, last_byte: u64) -> usize {
        let number = last_byte / BLOCK;
        if self.blocks.is_empty() && self.lines == 0 {
            self.base = 0;
        }
        while self.base + self.blocks.len() as u64 <= number {
            self.blocks.push_back(Block {
                first: self.lines,
                begin: self.begin,
                end: self.begin,
                ..Block::default()
            });
        }
        (number - self.base) as usize
    }

    /// Adds the next line, of so many bytes.
    pub(super) fn add_line(&mut self, len: u64) -> (usize, usize) {
        let end = self.begin + len;
        let at = self.block_of(end - 1);
        let base = self.base_of(at);
        let block = &mut self.blocks[at];
        let line = block.lines;
        block.lines += 1;
        block.end = end;
        let place = (end - base) as u32;
        if len > LONG {
            block.longs.push((line, place));
        }
        if block.lines.is_multiple_of(GROUP as u32) {
            block.starts.push(place);
        }
        self.begin = end;
        self.lines += 1;
        self.len = self.len.max(end);
        (self.scanned, self.claimed) = (end, end);
        (at, line as usize)
    }

    /// The next bytes to be cut.
    pub(super) fn next_scan(&mut self) -> Option<Scan> {
        let from = self.claimed;
        let fresh = from.is_multiple_of(BLOCK);
        let rest = self.ended && self.claimed == self.len && self.begin < self.len;
        if from >= self.len && !rest || !fresh && from != self.scanned {
            return None;
        }
        if rest && (self.scanned != self.len || !self.waiting.is_empty()) {
            return None;
        }
        let to = self.len.min((from / BLOCK + 1) * BLOCK).max(from);
        let before = match self.blocks.back() {
            Some(block) if !fresh => block.lines,
            _ => 0,
        };
        let first = self.pieces.partition_point(|(end, _)| *end <= from);
        let inside = self.pieces.range(first..).map(|(end, _)| *end);
        let mut pieces: Vec<u64> = inside.take_while(|end| *end < to).collect();
        pieces.push(to);
        self.claimed = to;
        Some(Scan {
            from,
            to,
            before,
            pieces,
            is_last: self.ended && to == self.len,
        })
    }

    /// Takes bytes that were cut, and calls `place` with the key, number and count of lines that got their places.
    pub(super) fn take(&mut self, done: Scanned, place: &mut dyn FnMut(Key, u64, u64)) {
        self.waiting.insert(done.scan.from, done);
        while let Some(done) = self.waiting.remove(&self.scanned) {
            self.join(&done, place);
            if done.scan.is_last && done.scan.to == self.len && self.begin < self.len {
                self.close(place);
            }
            while self
                .pieces
                .front()
                .is_some_and(|(end, _)| *end <= self.scanned)
            {
                self.pieces.pop_front();
            }
        }
    }

    /// Makes what is left a line.
    fn close(&mut self, place: &mut dyn FnMut(Key, u64, u64)) {
        let number = self.lines;
        let key = self.key_at(self.len);
        self.add_line(self.len - self.begin);
        place(key, number, 1);
    }

    /// The key of lines that end with this byte.
    pub(super) fn key_at(&self, end: u64) -> Key {
        let at = self.pieces.partition_point(|(until, _)| *until < end);
        self.pieces.get(at).map_or(self.highest, |(_, key)| *key)
    }

    fn join(&mut self, done: &Scanned, place: &mut dyn FnMut(Key, u64, u64)) {
        let scan = &done.scan;
        self.scanned = scan.to;
        if scan.to == scan.from {
            return;
        }
        let at = self.block_of(scan.to - 1);
        let base = self.base_of(at);
        let begin = self.begin;
        let block = &mut self.blocks[at];
        if let Some((first, last)) = done.ends {
            if base + u64::from(first) - begin > LONG {
                block.longs.push((block.lines, first));
            }
            block.longs.extend_from_slice(&done.longs);
            block.starts.extend_from_slice(&done.starts);
            block.end = base + u64::from(last);
            self.begin = block.end;
        }
        block.lines += done.lines;
        let mut before = 0;
        for (end, lines) in scan.pieces.iter().zip(&done.cuts) {
            if *lines > before {
                let key = self.key_at(*end);
                place(key, self.lines, u64::from(lines - before));
                self.lines += u64::from(lines - before);
                before = *lines;
            }
        }
    }

    /// Gives up lines before this one, with the blocks that hold no others.
    pub(super) fn drop_before(&mut self, line: u64) {
        let line = line.min(self.lines);
        self.dropped = self.dropped.max(line);
        while self.blocks.len() > 1 && {
            let block = &self.blocks[0];
            block.first + u64::from(block.lines) <= line
        } {
            self.blocks.pop_front();
            self.base += 1;
        }
        if let Some(block) = self.blocks.front_mut() {
            block.forget_before(line.saturating_sub(block.first) as usize);
        }
    }
}
