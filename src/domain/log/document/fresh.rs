//! Lines that have no places yet: their bytes are there, and nobody counted them.
//!
//! While they are few, all of them are read, and they have their numbers already. When they are many (a large log was
//! just opened), only those around the anchor are: they are named by the byte they begin with, and stand apart from the
//! lines that have places. Lines without an end stand behind all others. Of a large log a window reads no more than it
//! shows, and how grave a line is is found out when somebody asks: the document is held meanwhile.

use std::cell::Cell;

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
/// Bytes that are read first, each way, when it is known how many lines are wanted: twice as many until that will do.
const NEAR: u64 = if cfg!(test) { 20 } else { 32 << 10 };

/// A line without a place.
#[derive(Debug, Clone)]
pub(super) struct FreshLine {
    pub(super) track: TrackId,
    pub(super) id: LineId,
    pub(super) key: Key,
    pub(super) text: Text,
    /// Its end has not come yet.
    pub(super) is_open: bool,
    /// How grave it is and whether it goes on the line before, once somebody has asked.
    grade: Cell<Option<(Level, bool)>>,
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
    /// How grave the line before the first of a track is, where that is known.
    before: Vec<(TrackId, Level)>,
}

/// So many lines before and after an anchor are wanted; `None` = all that can be read.
pub(super) type Wanted = Option<(usize, usize)>;

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
    pub(super) fn gather(reader: &Reader<'_>, around: Around, wanted: Wanted) -> Self {
        let tracks = &reader.document.tracks;
        let ids = (0..tracks.len()).map(|at| TrackId(at as u16));
        let pending: u64 = tracks.iter().map(|track| track.len - track.scanned).sum();
        if pending <= FEW {
            let mut lines: Vec<FreshLine> = ids.clone().flat_map(|id| few(reader, id)).collect();
            lines.sort_by_key(|line| (line.is_open, line.key));
            return Self {
                lines,
                before: ids.map(|id| (id, last_grade(reader, id))).collect(),
                ..Self::default()
            };
        }
        let mut fresh = match around {
            Around::Placed => Self {
                is_short: true,
                is_apart: true,
                ..Self::default()
            },
            Around::End => Self::as_wanted(reader, Key::LAST, None, wanted),
            Around::Byte(track, byte) => {
                let key = reader.track(track).key_at(byte + 1);
                Self::as_wanted(reader, key, Some((track, byte)), wanted)
            }
        };
        fresh.count_skipped(pending);
        fresh
    }

    /// Reads as many lines around a key and a byte as are wanted.
    fn as_wanted(
        reader: &Reader<'_>,
        key: Key,
        byte: Option<(TrackId, u64)>,
        wanted: Wanted,
    ) -> Self {
        let mut far = if wanted.is_some() { NEAR } else { FAR };
        loop {
            let (fresh, is_torn) = Self::apart(reader, key, byte, far);
            let will_do = wanted.is_none_or(|wanted| !is_torn && fresh.has(byte, wanted));
            if will_do || far >= FAR {
                return fresh;
            }
            far = (2 * far).min(FAR);
        }
    }

    /// Whether so many lines stand before and after the byte, or the end, as far as there are any.
    fn has(&self, byte: Option<(TrackId, u64)>, (above, below): (usize, usize)) -> bool {
        let middle = match byte {
            None => self.lines.len().checked_sub(1),
            Some((track, byte)) => self.find(LineId::uncounted(track, byte)),
        };
        middle.is_some_and(|at| {
            (!self.is_apart || at > above) && (!self.is_short || self.lines.len() - at > below + 1)
        })
    }

    /// Reads lines around a key and a byte, so far each way, and says whether one of them is a piece of a longer one.
    fn apart(
        reader: &Reader<'_>,
        key: Key,
        byte: Option<(TrackId, u64)>,
        far: u64,
    ) -> (Self, bool) {
        let (mut fresh, mut is_torn) = (Self::default(), false);
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
                middle.saturating_sub(far).max(track.begin),
                (middle + far).min(track.len),
            );
            let (lines, is_piece) = cut(reader, id, from, to);
            is_torn |= is_piece;
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
        (fresh, is_torn)
    }

    /// How grave a line is, and whether it goes on the one before it.
    pub(super) fn grade(&self, at: usize) -> (Level, bool) {
        let own = &self.lines[at];
        // Those before it that nobody asked for yet, as long as they go on others.
        let (mut unknown, mut before) = (Vec::new(), None);
        for line in self.lines[..=at].iter().rev() {
            if line.track != own.track {
                continue;
            }
            if let Some((level, _)) = line.grade.get() {
                before = Some(level);
                break;
            }
            let (level, goes_on) = level::read(&line.text.bytes);
            if !goes_on {
                line.grade.set(Some((level, false)));
                before = Some(level);
                break;
            }
            unknown.push(line);
        }
        let known = || self.before.iter().find(|(track, _)| *track == own.track);
        let level = before.or_else(|| known().map(|(_, level)| *level));
        let level = level.unwrap_or_default();
        for line in unknown {
            line.grade.set(Some((level, true)));
        }
        own.grade.get().unwrap_or((level, false))
    }

    /// A line's text, with how grave it is.
    pub(super) fn text(&self, at: usize) -> Text {
        let (level, goes_on) = self.grade(at);
        Text {
            level,
            goes_on,
            ..self.lines[at].text.clone()
        }
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
            grade: Cell::default(),
        });
        begin = end;
    }
    lines
}

/// How grave the last line of a track is that has a place.
fn last_grade(reader: &Reader<'_>, id: TrackId) -> Level {
    let blocks = reader.track(id).blocks.iter();
    let last = blocks.rev().find(|block| block.lines > 0);
    last.filter(|block| block.graded == block.lines)
        .map_or(Level::Unknown, |block| {
            grade_of(block, block.lines as usize - 1)
        })
}

/// The lines of a track within these bytes; but for the begin of the track, the first one is not known to be whole and
/// left out. Also whether the only one is a piece of a longer line.
fn cut(reader: &Reader<'_>, id: TrackId, from: u64, to: u64) -> (Vec<FreshLine>, bool) {
    let track = reader.track(id);
    let bytes = reader.bytes(id, from, to);
    let (mut lines, mut is_piece) = (Vec::new(), false);
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
        is_piece |= !is_whole;
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
            grade: Cell::default(),
        });
    }
    (lines, is_piece)
}
