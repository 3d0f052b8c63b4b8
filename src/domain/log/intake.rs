//! What a followed source sends, taken line by line, with time and level.
//!
//! Bytes come in pieces of any size. A line has the time it says, corrected by how wrong its host's clock is; else the
//! time of the line before it of the same source, unless that came long before it; else when it arrived. Memory is
//! bounded: of an endless line only the beginning of its last text is kept, the rest is counted. Who keeps the bytes
//! is not its business.

use std::borrow::Cow;

use chrono::FixedOffset;
use memchr::{memchr, memchr2};

use super::super::output::lines::LONGEST;
use super::level;
use super::line::Level;
use super::shown::bare;
use super::stamp::Recognizer;

/// A line without a time that comes so long after one with a time does not belong to it: milliseconds.
const BELONGS_MS: i64 = 5_000;

/// A clock that is wrong by so many milliseconds moves lines.
const MOVES_MS: i64 = 500;
const SECOND_MS: i64 = 1000;
/// A line that arrives so soon after the second it says began was written just now.
const SOON_MS: i64 = 1500;

/// A line that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken<'a> {
    /// Its bytes without its end, at most [`LONGEST`]; of a longer line the beginning of its last text.
    pub bytes: &'a [u8],
    /// How many bytes it has in all, with its end.
    pub len: u64,
    /// When, in milliseconds since 1970 in UTC, by our clock.
    pub at_ms: i64,
    /// It says so itself.
    pub stamped: bool,
    /// It says another time: its host's clock is wrong by half a second or more.
    pub moved: bool,
    /// How grave it is.
    pub level: Level,
    /// It goes on the line before it.
    pub goes_on: bool,
}

/// Takes what one source sends.
#[derive(Debug, Clone)]
pub struct Intake {
    open: OpenLine,
    clock: LineClock,
}

impl Intake {
    /// For a source whose times without a zone are those of this offset.
    pub fn new(offset: FixedOffset) -> Self {
        Self {
            open: OpenLine::default(),
            clock: LineClock {
                recognizer: Recognizer::new(offset),
                skew_ms: 0,
                refines: false,
                last: None,
            },
        }
    }

    /// Lines that say the second and no more stand within it where they arrived: so lines of several sources keep the
    /// order in which they were written, as far as anybody knows it.
    #[must_use]
    pub fn refining(mut self) -> Self {
        self.clock.refines = true;
        self
    }

    /// The clock of the source's host is ahead of ours by so many seconds; negative = behind.
    pub fn set_skew(&mut self, seconds: f64) {
        self.clock.skew_ms = (seconds * 1000.0).round() as i64;
    }

    /// Times without a zone are those of this offset from now on.
    pub fn set_offset(&mut self, offset: FixedOffset) {
        self.clock.recognizer.set_offset(offset);
    }

    /// Takes bytes that arrived then and hands over every line that ended, in order.
    pub fn push(&mut self, arrival_ms: i64, bytes: &[u8], take: &mut dyn FnMut(Taken<'_>)) {
        let mut rest = bytes;
        while let Some(newline) = memchr(b'\n', rest) {
            let (line, tail) = rest.split_at(newline + 1);
            rest = tail;
            if self.open.len == 0 && line.len() <= LONGEST {
                // Nearly every line: it is whole, and nothing has to be copied.
                take(self.clock.taken(arrival_ms, line, line.len() as u64));
            } else {
                self.open.push(line);
                self.end(arrival_ms, take);
            }
        }
        self.open.push(rest);
    }

    /// Hands over the last line when it has no end: the source goes no further.
    pub fn finish(&mut self, arrival_ms: i64, take: &mut dyn FnMut(Taken<'_>)) {
        if self.open.len > 0 {
            self.end(arrival_ms, take);
        }
    }

    fn end(&mut self, arrival_ms: i64, take: &mut dyn FnMut(Taken<'_>)) {
        take(
            self.clock
                .taken(arrival_ms, &self.open.bytes, self.open.len),
        );
        let mut bytes = std::mem::take(&mut self.open.bytes);
        bytes.clear();
        bytes.shrink_to(LONGEST);
        self.open = OpenLine {
            bytes,
            ..OpenLine::default()
        };
    }
}

/// A line whose end has not come yet.
#[derive(Debug, Clone, Default)]
struct OpenLine {
    /// All of it with what was written over, as long as that is short enough; else the beginning of its last text.
    bytes: Vec<u8>,
    /// All its bytes.
    len: u64,
    /// Only the last text is kept.
    is_long: bool,
    /// A `\r` was seen, and nothing after it yet; of long lines only.
    returned: bool,
}

impl OpenLine {
    fn push(&mut self, piece: &[u8]) {
        self.len += piece.len() as u64;
        if !self.is_long && self.bytes.len() + piece.len() <= LONGEST {
            self.bytes.extend_from_slice(piece);
            return;
        }
        if !std::mem::replace(&mut self.is_long, true) {
            let before = std::mem::take(&mut self.bytes);
            self.push_long(&before);
        }
        self.push_long(piece);
    }

    fn push_long(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some(&first) = rest.first() {
            let run = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            if run == 0 {
                self.returned |= first == b'\r';
                rest = &rest[1..];
                continue;
            }
            if std::mem::take(&mut self.returned) {
                self.bytes.clear();
            }
            let room = LONGEST - self.bytes.len();
            self.bytes.extend_from_slice(&rest[..run.min(room)]);
            rest = &rest[run..];
        }
    }
}

/// The time of lines.
#[derive(Debug, Clone)]
struct LineClock {
    recognizer: Recognizer,
    skew_ms: i64,
    /// Whole seconds are told apart by when lines arrived.
    refines: bool,
    /// The time of the last line that said one, and when a line of that time arrived.
    last: Option<(i64, i64)>,
}

impl LineClock {
    /// A time that a line says, by our clock.
    fn refined(&self, said: i64, arrival_ms: i64) -> i64 {
        let at_ms = said.saturating_sub(self.skew_ms);
        let since = arrival_ms.saturating_sub(at_ms);
        if self.refines && said % SECOND_MS == 0 && (0..SOON_MS).contains(&since) {
            return at_ms + since.min(SECOND_MS - 1);
        }
        at_ms
    }

    fn taken<'a>(&mut self, arrival_ms: i64, line: &'a [u8], len: u64) -> Taken<'a> {
        let bytes = line.strip_suffix(b"\n").unwrap_or(line);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let text = if memchr2(0x1b, b'\r', bytes).is_some() {
            bare(bytes)
        } else {
            Cow::Borrowed(bytes)
        };
        let (level, goes_on) = level::of_bare(&text);
        // A time within what goes on is told, not said.
        let is_indented = goes_on && matches!(text.first(), Some(b' ' | b'\t'));
        let said = if is_indented {
            None
        } else {
            self.recognizer.read_bare(&text, arrival_ms)
        };
        let at_ms = match (said, self.last) {
            (Some(said), _) => self.refined(said, arrival_ms),
            (None, Some((before, arrived))) if arrival_ms.saturating_sub(arrived) <= BELONGS_MS => {
                before
            }
            (None, _) => arrival_ms,
        };
        match &mut self.last {
            Some((before, arrived)) if said.is_some() || *before == at_ms => {
                (*before, *arrived) = (at_ms, arrival_ms);
            }
            Some(_) => self.last = None,
            None => self.last = said.map(|_| (at_ms, arrival_ms)),
        }
        Taken {
            bytes,
            len,
            at_ms,
            stamped: said.is_some(),
            moved: said.is_some() && self.skew_ms.abs() >= MOVES_MS,
            level,
            goes_on,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What was taken, with its own bytes.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Line {
        text: String,
        len: u64,
        at_ms: i64,
        stamped: bool,
    }

    fn own(taken: Taken<'_>) -> Line {
        Line {
            text: String::from_utf8_lossy(taken.bytes).into_owned(),
            len: taken.len,
            at_ms: taken.at_ms,
            stamped: taken.stamped,
        }
    }

    fn intake() -> Intake {
        Intake::new(FixedOffset::east_opt(0).unwrap())
    }

    fn push(intake: &mut Intake, arrival_ms: i64, bytes: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        intake.push(arrival_ms, bytes, &mut |taken| lines.push(own(taken)));
        lines
    }

    fn in_pieces(bytes: &[u8], size: usize) -> Vec<Line> {
        let mut intake = intake();
        let mut lines = Vec::new();
        for piece in bytes.chunks(size) {
            lines.extend(push(&mut intake, 7, piece));
        }
        intake.finish(7, &mut |taken| lines.push(own(taken)));
        lines
    }

    const NOON: i64 = 1_795_262_400_000;

    #[test]
    fn lines_that_say_only_the_second_stand_within_it_where_they_arrived() {
        let line = b"2026-11-21 12:00:00 up\n  and its detail\n";
        let at = |intake: Intake, arrival: i64| {
            let mut intake = intake;
            let lines = push(&mut intake, NOON + arrival, line);
            lines
                .iter()
                .map(|line| line.at_ms - NOON)
                .collect::<Vec<_>>()
        };
        for (arrival, stands) in [(0, 0), (700, 700), (1300, 999), (9000, 0), (-50, 0)] {
            assert_eq!(at(intake().refining(), arrival), [stands, stands]);
            assert_eq!(at(intake(), arrival), [0, 0]);
        }
    }

    #[test]
    fn a_line_has_the_time_it_says_by_our_clock() {
        let mut intake = intake();
        intake.set_skew(-2.4);
        let mut moved = Vec::new();
        intake.push(NOON, b"2026-11-21T12:00:00Z a\nb\n", &mut |taken| {
            moved.push((taken.at_ms, taken.stamped, taken.moved));
        });
        assert_eq!(
            moved,
            [(NOON + 2_400, true, true), (NOON + 2_400, false, false)]
        );
        intake.set_skew(0.1);
        let lines = push(&mut intake, NOON, b"2026-11-21T12:00:00Z a\n");
        assert_eq!(lines[0].at_ms, NOON - 100);
    }

    #[test]
    fn a_line_without_time_has_that_of_the_line_before_or_its_arrival() {
        let mut intake = intake();
        let times =
            |lines: Vec<Line>| -> Vec<i64> { lines.iter().map(|line| line.at_ms).collect() };
        assert_eq!(times(push(&mut intake, NOON + 5, b"a\n")), [NOON + 5]);
        assert_eq!(times(push(&mut intake, NOON + 9, b"b\n")), [NOON + 9]);
        let said = b"2026-11-21T12:00:00Z c\n  told 2026-11-21T10:00:00Z\nd\n";
        assert_eq!(times(push(&mut intake, NOON + 10, said)), [NOON; 3]);
        assert_eq!(times(push(&mut intake, NOON + 4_000, b"e\n")), [NOON]);
        assert_eq!(
            times(push(&mut intake, NOON + 60_000, b"f\n")),
            [NOON + 60_000]
        );
        assert_eq!(
            times(push(&mut intake, NOON + 60_001, b"g\n")),
            [NOON + 60_001]
        );
    }

    #[test]
    fn levels_and_stacks_are_told() {
        let mut intake = intake();
        let mut said = Vec::new();
        intake.push(NOON, b"\x1b[31mERROR\x1b[0m a\r\n\tat b\n", &mut |taken| {
            said.push((taken.bytes.len(), taken.level, taken.goes_on));
        });
        assert_eq!(said, [(16, Level::Error, false), (5, Level::Unknown, true)]);
    }

    #[test]
    fn an_endless_line_is_kept_in_part_and_counted() {
        let mut intake = intake();
        for _ in 0..1000 {
            assert!(push(&mut intake, 0, &[b'x'; 1000]).is_empty());
        }
        assert_eq!(intake.open.len, 1_000_000);
        assert!(intake.open.bytes.capacity() <= 2 * LONGEST);
        let lines = push(&mut intake, 0, b"y\nnext\n");
        assert_eq!((lines[0].text.len(), lines[0].len), (LONGEST, 1_000_002));
        assert_eq!((lines[1].text.as_str(), lines[1].len), ("next", 5));
    }

    #[test]
    fn of_an_endless_progress_bar_the_last_text_is_kept() {
        let mut intake = intake();
        for percent in 0..10_000 {
            push(&mut intake, 0, format!("{percent} of 10000\r").as_bytes());
        }
        let lines = push(&mut intake, 0, b"\ndone\n");
        assert!(
            lines[0]
                .text
                .trim_end_matches('\r')
                .ends_with("9999 of 10000")
        );
        assert!(lines[0].len > 100_000);
        assert_eq!(lines[1].text, "done");
    }

    const PARTS: &[&[u8]] = &[
        b"a",
        b"2026-11-21T12:00:00Z",
        b"\r",
        b"\n",
        b"\r\n",
        b" b",
        b"\xff",
    ];

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same(
            parts in prop::collection::vec(prop::sample::select(PARTS), 0..40),
            size in 1_usize..9,
        ) {
            let bytes = parts.concat();
            let whole = in_pieces(&bytes, bytes.len().max(1));
            prop_assert_eq!(&in_pieces(&bytes, size), &whole);
            let lens: u64 = whole.iter().map(|line| line.len).sum();
            prop_assert_eq!(lens, bytes.len() as u64);
        }

        #[test]
        fn of_a_line_that_is_too_long_the_beginning_of_its_last_text_is_kept(
            parts in prop::collection::vec((prop::sample::select(b"abc\r".to_vec()), 0..2 * LONGEST), 1..6),
            size in 1000_usize..40_000,
        ) {
            let mut bytes: Vec<u8> = parts.iter().flat_map(|(byte, count)| vec![*byte; *count]).collect();
            bytes.push(b'\n');
            let lines = in_pieces(&bytes, size);
            prop_assert_eq!(lines.len(), 1);
            prop_assert_eq!(lines[0].len, bytes.len() as u64);
            prop_assert!(lines[0].text.len() <= LONGEST);
            let shown = bare(lines[0].text.as_bytes()).into_owned();
            let last = bare(&bytes);
            prop_assert!(shown == last[..last.len().min(LONGEST)]);
        }
    }
}
