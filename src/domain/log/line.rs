//! A line of a document, as a viewer gets it.

use super::super::output::ansi::Span;

/// One file of bytes in a document: what a task printed in one attempt, a source of a server, golive's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TrackId(pub u16);

/// A line by its own track: never changes, whatever comes in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LineId {
    /// The track.
    pub track: TrackId,
    /// The number of the line in its track, from 0.
    pub line: u64,
}

/// Numbers from here on are none: the lines before it were not counted yet.
const UNCOUNTED: u64 = 1 << 63;

impl LineId {
    /// A line whose number is not known yet, by the byte it begins with. Looking at it finds it also when it was
    /// counted since, and then gives its number.
    pub fn uncounted(track: TrackId, begin: u64) -> Self {
        let line = UNCOUNTED | begin;
        Self { track, line }
    }

    /// The byte the line begins with, when it was not counted.
    pub fn begin(self) -> Option<u64> {
        (self.line & UNCOUNTED != 0).then_some(self.line & !UNCOUNTED)
    }
}

/// Where a line stands in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Spot {
    /// Its place in the document's order, from 0. Late lines that are put in before it move it. Where lines were not
    /// counted yet ([`LineId::begin`]) it only orders them.
    pub place: u64,
    /// The line.
    pub id: LineId,
}

/// How grave a line is, as far as it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// It does not say.
    #[default]
    Unknown,
    /// Trace and debug.
    Debug,
    /// Info and notice.
    Info,
    /// Warnings.
    Warning,
    /// Errors and worse.
    Error,
}

/// Who says a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Voice {
    /// A program printed it.
    #[default]
    Printed,
    /// golive.
    Golive,
    /// golive, about a failure: errors are looked for here, too.
    Failed,
}

/// A line as it is shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogLine {
    /// Where it stands.
    pub spot: Spot,
    /// When: milliseconds since 1970 in UTC; what the line says, corrected by its host's clock, else when it arrived.
    pub at_ms: Option<i64>,
    /// Its host's clock was wrong by so much that the line stands elsewhere than it says.
    pub moved: bool,
    /// It came so late that lines with a later time were shown before it.
    pub late: bool,
    /// How grave it is; lines that go on (stack traces) are as grave as what they belong to.
    pub level: Level,
    /// Who says it.
    pub voice: Voice,
    /// It goes on what stands before it of the same track (a stack trace, an indented line).
    pub goes_on: bool,
    /// Its text, safe to show, in pieces of one style; `\r` has been obeyed. At most
    /// [`crate::domain::output::lines::LONGEST`] bytes of it.
    pub spans: Vec<Span>,
    /// Where in the text (characters, from, to) what is searched for stands.
    pub matches: Vec<(usize, usize)>,
    /// Bytes of it that are only on disk.
    pub cut: u64,
    /// How many times it was written over (`\r`).
    pub updates: u32,
    /// It is shown only because a line near it is: context.
    pub is_context: bool,
    /// Its end has not come yet.
    pub is_open: bool,
    /// Lines that filters hide between the line shown before it and this one.
    pub hidden_before: u64,
    /// Lines that go it on and are folded into it.
    pub folded: u64,
}

impl LogLine {
    /// Its text without styles.
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }
}
