//! Looking: what a viewer asks of a document, and the window it gets.

use std::collections::BTreeSet;

use super::line::{LineId, LogLine, Spot, TrackId};

/// Where a viewer wants to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// At the first line that shows.
    Top,
    /// At the last line that shows.
    End,
    /// At this line; when it does not show, at the next one that does, else at the last before it.
    At(Spot),
    /// At the next (or previous) line that shows and is what is looked for. `from` itself does not count; `None` = from
    /// before the first line, or behind the last when going back.
    Seek {
        /// From here.
        from: Option<Spot>,
        /// Towards the top.
        back: bool,
        /// What is looked for.
        goal: Goal,
    },
}

/// What a viewer looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// A line with the text that is searched for.
    Match,
    /// An error or a warning, or a failure golive told; of lines that belong together the first.
    Trouble,
    /// A line that came at least so many milliseconds after the one shown before it.
    Gap(i64),
    /// The first line at this time or later (milliseconds since 1970).
    Moment(i64),
    /// The line at this place of the order.
    Place(u64),
}

/// What of a document is folded, and what was opened by hand. The default folds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Open {
    /// Lines that go on an error or a warning (a stack trace) are folded into it.
    pub folds: bool,
    /// The first lines of traces that are not folded, and of which every line shows.
    pub traces: BTreeSet<LineId>,
    /// Stretches of which every line shows, whatever rules and level say: the first line and the last.
    pub stretches: Vec<(Spot, Spot)>,
    /// Lines up to this one were hidden by hand. They come all the same, see [`Window::floor`].
    pub floor: Option<Spot>,
}

/// What a viewer asks for: lines around one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Where.
    pub anchor: Anchor,
    /// How many lines that show before it.
    pub above: usize,
    /// How many lines that show after it.
    pub below: usize,
    /// What is folded and what is not.
    pub open: Open,
}

/// What became of the anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Found {
    /// The line is there.
    #[default]
    Yes,
    /// There is none: the window is where it was looked from.
    No,
    /// Not as far as it was read; more is being read. The window is where it was looked from.
    NotYet,
}

/// Lines of a document around one of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Window {
    /// Lines that show, in order, without gaps.
    pub lines: Vec<LogLine>,
    /// Which of them is the anchor; `None` when no line shows.
    pub at: Option<usize>,
    /// What became of the anchor.
    pub found: Found,
    /// The place behind [`Open::floor`] as it is now, also when its line was given up; 0 = there is none.
    pub floor: u64,
    /// The places of both ends of [`Open::stretches`] as they are now, in the same order.
    pub stretches: Vec<(u64, u64)>,
    /// The first line of the trace that had to be unfolded because what was looked for is in it.
    pub unfolded: Option<LineId>,
    /// Nothing that shows stands before the first.
    pub is_top: bool,
    /// Nothing that shows stands after the last.
    pub is_end: bool,
    /// What is known of the whole.
    pub facts: Facts,
}

/// What is known of a whole document.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// Lines, as far as they were counted.
    pub lines: u64,
    /// Of them, lines that no filter hides, without context; as far as that was tested.
    pub shown: u64,
    /// Lines that were tested by every filter that is on.
    pub tested: u64,
    /// Bytes.
    pub bytes: u64,
    /// Bytes whose lines were counted; less than `bytes` while the index is made.
    pub indexed: u64,
    /// Older lines that were given up to keep within the limit.
    pub dropped: u64,
    /// Errors, and warnings, as far as levels were looked at.
    pub errors: u64,
    /// Warnings.
    pub warnings: u64,
    /// The search, when something is searched for.
    pub search: Option<Matches>,
    /// Its tracks, by their number.
    pub tracks: Vec<TrackFacts>,
    /// How many lines each filter rule matched, in the order of the rules.
    pub rules: Vec<u64>,
    /// The time of the first line and the last, where they have one.
    pub span_ms: Option<(i64, i64)>,
}

/// What a search came to so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matches {
    /// Lines that match and that no filter hides.
    pub lines: u64,
    /// Lines that were looked at.
    pub scanned: u64,
    /// Which of the matches the anchor is, from 1, when it is one and all before it were looked at.
    pub nth: Option<u64>,
    /// Matching lines of each track.
    pub by_track: Vec<u64>,
}

/// What is known of a track.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrackFacts {
    /// The track.
    pub track: TrackId,
    /// What it belongs to: the place of a task in its run, or of a source in its tail. Filters by source and letters
    /// go by it: several attempts of a task are one owner.
    pub owner: usize,
    /// Its lines.
    pub lines: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Its errors.
    pub errors: u64,
}

/// Lines of a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bucket {
    /// All.
    pub all: u64,
    /// Of them warnings.
    pub warnings: u64,
    /// Of them errors.
    pub errors: u64,
}
