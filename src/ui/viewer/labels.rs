//! Labels: how the owners of lines are called, and which columns stand before a line's text.

use std::collections::BTreeMap;

use unicode_width::UnicodeWidthStr;

/// What kind of log is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// The output of a step: a sign before each line, golive's words as lines of their own.
    #[default]
    Step,
    /// Logs of servers: letters, milliseconds, golive's words as rules across.
    Tail,
}

/// How an owner of lines is called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Label {
    /// One letter, for `.` and narrow screens.
    pub letter: Option<char>,
    /// Its name: a host.
    pub name: String,
    /// The place of its colour in the theme's list.
    pub color: usize,
}

/// How all owners of a document are called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    /// What kind of log it is.
    pub sort: Sort,
    /// By the owner's number, see [`crate::domain::log::TrackFacts::owner`].
    pub owners: BTreeMap<usize, Label>,
    /// When the step began, in milliseconds since 1970: times may be shown since then.
    pub start_ms: Option<i64>,
}

/// Which times stand before lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Times {
    /// None.
    Off,
    /// Of the clock here.
    #[default]
    Clock,
    /// Since the step began.
    SinceStart,
    /// Since the line shown before.
    Gap,
    /// Of the clock in UTC.
    Utc,
}

impl Times {
    /// The next kind, and around.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Clock => Self::SinceStart,
            Self::SinceStart => Self::Gap,
            Self::Gap => Self::Utc,
            Self::Utc => Self::Off,
            Self::Off => Self::Clock,
        }
    }

    /// It in words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Clock => "clock",
            Self::SinceStart => "since the start",
            Self::Gap => "since the line before",
            Self::Utc => "UTC",
        }
    }
}

/// Columns before a line's text, each with the space behind it; 0 = not shown. One more, at the edge, is always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Columns {
    /// The time.
    pub time: u16,
    /// Whether times tell milliseconds.
    pub millis: bool,
    /// Whether times tell hours.
    pub hours: bool,
    /// The letter of the owner.
    pub letter: u16,
    /// The name of the owner.
    pub name: u16,
    /// The sign of a step's line.
    pub sign: u16,
}

/// Narrower than this no times are shown.
const TIMES_FROM: u16 = 56;

/// From this on there is room for names beside letters and for whole times.
const WIDE: u16 = 88;

impl Columns {
    /// The columns for lines of `labels` in an area of this width.
    pub fn of(labels: &Labels, times: Times, width: u16) -> Self {
        let tail = labels.sort == Sort::Tail;
        let wide = width >= WIDE;
        let clock = match (tail, wide) {
            (false, _) => 8,
            (true, true) => 12,
            (true, false) => 9,
        };
        let time = match times {
            Times::Off => 0,
            _ if width < TIMES_FROM => 0,
            Times::Clock => clock,
            Times::Utc => clock + 1,
            Times::SinceStart | Times::Gap => 8,
        };
        let names = labels.owners.values().map(|label| label.name.width());
        let longest = names.max().unwrap_or(0).min(12) as u16;
        let has_letters = labels.owners.values().any(|label| label.letter.is_some());
        let several = labels.owners.len() > 1;
        Self {
            time: if time > 0 { time + 1 } else { 0 },
            millis: tail,
            hours: !tail || wide,
            letter: if several && has_letters { 2 } else { 0 },
            name: if several && (wide || !has_letters) {
                longest + 1
            } else {
                0
            },
            sign: if tail { 0 } else { 2 },
        }
    }

    /// All columns before the text.
    pub fn before(&self) -> u16 {
        1 + self.time + self.letter + self.name + self.sign
    }
}
