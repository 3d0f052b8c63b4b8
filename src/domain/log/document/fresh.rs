//! Lines that have no places yet: their bytes are there, and nobody counted them.
//!
//! While they are few, all of them are read, and they have their numbers already. When they are many (a large log was
//! just opened), only those around the anchor are: they are named by the byte they begin with, and stand apart from the
//! lines that have places. Lines without an end stand behind all others.

use super::super::index::LONG;
use super::super::level;
use super::super::line::{Level, LineId, TrackId};
use super::super::order::Key;
use super::jobs::grade_of;
use super::read::{Reader, Text};

/// So many bytes are read at once.
const FEW: u64 = if cfg!(test) { 100 } else { 256 << 10 };
/// The most bytes that are read of a track around an anchor, each way.
const FAR: u64 = if cfg!(test) { 90 } else { 512 << 10 };

/// A line without a place.
#[derive(Debug, Clone)]
pub(super) struct FreshLine {
    pub(super) track: TrackId,
    pub(super) id: LineId,
    pub(super) key: Key,
    pub(super) text: Text,
    /// Its end has not come yet.
    pub(super) is_open: bool,
}

/// Lines without places, in order.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    pub(super) lines: Vec<FreshLine>,
    /// Others stand between the lines that have places and these.
    pub(super) is_apart: bool,
    /// Others stand behind these.
    pub(super) is_short: bool,
    /// What is added to the number of a seat of them: bytes before it, when they stand apart.
    pub(super) skipped: Vec<u64>,
}

/// What is looked at while lines are not counted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Around {
    /// Only lines that have places.
    Placed,
    /// The last.
    End,
    /// This byte of a track.
    Byte(TrackId, u64),
}

impl Fresh {
    /// Reads them.
    pub(super) fn gather(reader: &Reader<'_>, around: Around) -> Self {
        let tracks = &reader.document.tracks;
        let ids = (0..tracks.len()).map(|at| TrackId(at as u16));
        let pending: u64 = tracks.iter().map(|track| track.len - track.scanned).sum();
        if pending <= FEW {
            let mut lines: Vec<FreshLine> = ids.flat_map(|id| few(reader, id)).collect();
            lines.sort_by_key(|line| (line.is_open, line.key));
            return Self {
                lines,
                ..Self::default()
            };
        }
        let mut fresh = match around {
            Around::Placed => Self {
                is_short: true,
                is_apart: true,
                ..Self::default()
            },
            Around::End => Self::apart(reader, Key::LAST, None),
            Around::Byte(track, byte) => {
                let key = reader.track(track).key_at(byte + 1);
                Self::apart(reader, key, Some((track, byte)))
            }
        };
        fresh.count_skipped(pending);
        fresh
    }

    /// Reads lines around a key and a byte.
    fn apart(reader: &Reader<'_>, key: Key, byte: Option<(TrackId, u64)>) -> Self {
        let mut fresh = Self::default();
        let (mut low, mut high) = (Key::default(), Key::LAST);
        for (at, track) in reader.document.tracks.iter().enumerate() {
            let id = TrackId(at as u16);
            let middle = match byte {
                Some((own, byte)) if own == id => byte,
                _ => {
                    let behind = track.pieces.partition_point(|(_, piece)| *piece <= key);
                    let piece = behind.checked_sub(1).and_then(|at| track.pieces.get(at));
                    piece.map_or(track.begin, |(end, _)| *end)
                }
            };
            if track.begin == track.len {
                continue;
            }
            let middle = middle.clamp(track.begin, track.len);
            let (from, to) = (
                middle.saturating_sub(FAR).max(track.begin),
                (middle + FAR).min(track.len),
            );
            let lines = cut(reader, id, from, to);
            if from > track.begin {
                low = lines.first().map_or(low, |line| low.max(line.key));
            }
            if to < track.len {
                high = lines.last().map_or(high, |line| high.min(line.key));
            }
            fresh.is_apart |= from > track.begin;
            fresh.is_short |= to < track.len;
            fresh.lines.extend(lines);
        }
        // Of a track that was not read to its begin nobody knows what stands before its first line.
        fresh
            .lines
            .retain(|line| low <= line.key && line.key <= high);
        fresh.lines.sort_by_key(|line| (line.is_open, line.key));
        fresh
    }

    /// Numbers seats by bytes, so that they are in order among all windows of lines that stand apart.
    fn count_skipped(&mut self, pending: u64) {
        let mut before = pending;
        if let Some(last) = self.lines.last().filter(|_| self.is_short) {
            before = before.min(last.text.end);
        }
        self.skipped = vec![0; self.lines.len()];
        for (at, line) in self.lines.iter().enumerate().rev() {
            before = before.saturating_sub(line.text.end - line.text.begin);
            self.skipped[at] = before.saturating_sub(at as u64);
        }
    }

    /// The number of a line among these.
    pub(super) fn find(&self, id: LineId) -> Option<usize> {
        if let Some(found) = self.lines.iter().position(|line| line.id == id) {
            return Some(found);
        }
        let byte = id.begin()?;
        self.lines.iter().position(|line| {
            line.track == id.track && (line.text.begin..line.text.end).contains(&byte)
        })
    }
}

/// All lines of a track without places, when they are few.
fn few(reader: &Reader<'_>, id: TrackId) -> Vec<FreshLine> {
    let track = reader.track(id);
    if track.begin >= track.len {
        return Vec::new();
    }
    let bytes = reader.bytes(id, track.scanned, track.len);
    let mut ends: Vec<u64> = memchr::memchr_iter(b'\n', &bytes)
        .map(|at| track.scanned + at as u64 + 1)
        .collect();
    let closed = ends.len();
    if ends.last().copied().unwrap_or(track.begin) < track.len {
        ends.push(track.len);
    }
    let mut begin = track.begin;
    let mut lines = Vec::with_capacity(ends.len());
    for (at, end) in ends.into_iter().enumerate() {
        let text = if end - begin > LONG {
            reader.long(id, begin, end)
        } else {
            let bytes = if begin >= track.scanned {
                let from = (begin - track.scanned) as usize;
                let to = (end - track.scanned) as usize;
                bytes.get(from..to).unwrap_or_default().to_vec()
            } else {
                reader.bytes(id, begin, end)
            };
            Text {
                begin,
                end,
                bytes,
                ..Text::default()
            }
        };
        lines.push(FreshLine {
            track: id,
            id: LineId {
                track: id,
                line: track.lines + at as u64,
            },
            key: track.key_at(end),
            text,
            is_open: at >= closed && !track.ended,
        });
        begin = end;
    }
    let last = track.blocks.iter().rev().find(|block| block.lines > 0);
    let before = last
        .filter(|block| block.graded == block.lines)
        .map_or(Level::Unknown, |block| {
            grade_of(block, block.lines as usize - 1)
        });
    grade(&mut lines, before);
    lines
}

/// The lines of a track within these bytes; but for the begin of the track, the first one is not known to be whole and
/// left out.
fn cut(reader: &Reader<'_>, id: TrackId, from: u64, to: u64) -> Vec<FreshLine> {
    let track = reader.track(id);
    let bytes = reader.bytes(id, from, to);
    let mut lines = Vec::new();
    let mut at = 0;
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        let (begin, end) = (from + at as u64, from + (at + piece.len()) as u64);
        let has_end = piece.ends_with(b"\n");
        let is_whole = (at > 0 || from == track.begin) && (has_end || to == track.len);
        let is_only = piece.len() == bytes.len();
        at += piece.len();
        if !is_whole && !is_only {
            continue;
        }
        let text = if piece.len() as u64 > LONG {
            reader.long(id, begin, end)
        } else {
            Text {
                begin,
                end,
                bytes: piece.to_vec(),
                ..Text::default()
            }
        };
        lines.push(FreshLine {
            track: id,
            id: LineId::uncounted(id, begin),
            key: track.key_at(end),
            text,
            is_open: !has_end && !track.ended,
        });
    }
    grade(&mut lines, Level::Unknown);
    lines
}

fn grade(lines: &mut [FreshLine], mut before: Level) {
    for line in lines {
        let text = &mut line.text;
        text.goes_on = level::goes_on(&text.bytes);
        text.level = if text.goes_on {
            before
        } else {
            level::level(&text.bytes)
        };
        before = text.level;
    }
}
