//! The log book: the last lines every step printed, for the log pane.
//!
//! Lines of all tasks of a step stand in one ring in the order they arrived, so that the merged view costs nothing
//! to draw. The whole output is on disk; what falls out of a ring is only forgotten here. Bytes become safe text
//! on the way in: no control byte ever stands in a line.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;

use crate::domain::id::{Attempt, TaskId};
use crate::domain::output::ansi::{self, Style};
use crate::domain::output::lines::{self, Lines};
use crate::domain::run::Moment;

/// Lines kept per task of a step.
pub const LINES_PER_TASK: usize = 10_000;

/// The most characters of a line that are shown.
const LONGEST_LINE: usize = 4096;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Printed by the step.
    Plain,
    /// Printed, and looks like a warning.
    Warning,
    /// Printed, and looks like an error.
    Error,
    /// Said by golive.
    Golive,
    /// Said by golive about a failure.
    Failed,
}

impl Sort {
    /// Whether `e` stops at it.
    pub fn is_trouble(self) -> bool {
        matches!(self, Self::Warning | Self::Error | Self::Failed)
    }
}

/// A line of a step's log.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Which task of the run.
    pub task: usize,
    /// When it arrived; `None` = read from a file.
    pub at: Option<Moment>,
    /// What it is.
    pub sort: Sort,
    /// Its text, safe to show.
    pub text: String,
    /// Where it is meant to look special: characters from, to (exclusive), and how. Empty = plain.
    pub styles: Vec<(usize, usize, Look)>,
}

/// How a part of a line is meant to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As the program asked.
    Asked(Style),
    /// Stands for a control sign that was not obeyed.
    Control,
}

/// The last lines of a step.
#[derive(Debug, Clone, Default)]
pub struct StepLog {
    lines: VecDeque<Line>,
    first: u64,
    open: BTreeMap<usize, Lines>,
}

impl StepLog {
    /// The number of the oldest line kept.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The number behind the newest line.
    pub fn end(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    /// The line with this number.
    pub fn line(&self, number: u64) -> Option<&Line> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.lines.get(at)
    }

    /// What a task has printed of its next line so far; `None` between lines.
    pub fn open_line(&self, task: usize) -> Option<Line> {
        let line = self.open.get(&task)?.open()?;
        Some(printed(task, None, line))
    }

    /// The newest lines of a task, oldest first; at most `limit`.
    pub fn last_of(&self, task: usize, limit: usize) -> Vec<&Line> {
        let newest = self.lines.iter().rev().filter(|line| line.task == task);
        let mut found: Vec<&Line> = newest.take(limit).collect();
        found.reverse();
        found
    }

    /// Goes from `from` over `by` lines that show (of all tasks or of one), up or down; stays within the log.
    pub fn walk(&self, from: u64, by: i64, only: Option<usize>) -> u64 {
        let mut at = from.clamp(self.first, self.end());
        let mut left = by.unsigned_abs();
        while left > 0
            && (if by < 0 {
                at > self.first
            } else {
                at < self.end()
            })
        {
            let passed = if by < 0 { at - 1 } else { at };
            at = if by < 0 { at - 1 } else { at + 1 };
            left -= u64::from(self.shows(passed, only));
        }
        at
    }

    /// Whether a line shows when only this task is looked at.
    pub fn shows(&self, number: u64, only: Option<usize>) -> bool {
        self.line(number)
            .is_some_and(|line| only.is_none_or(|task| line.task == task))
    }

    /// The nearest line after (or before) `from` that shows and that `wanted` picks; `from` itself is not looked at.
    pub fn find(
        &self,
        from: Option<u64>,
        back: bool,
        only: Option<usize>,
        wanted: &dyn Fn(&Line) -> bool,
    ) -> Option<u64> {
        let fits =
            |number: &u64| self.shows(*number, only) && self.line(*number).is_some_and(wanted);
        if back {
            let before = from.unwrap_or(self.end()).clamp(self.first, self.end());
            (self.first..before).rev().find(fits)
        } else {
            let after = from.map_or(self.first, |from| from + 1).max(self.first);
            (after..self.end()).find(fits)
        }
    }

    fn push(&mut self, line: Line, limit: usize) {
        self.lines.push_back(line);
        while self.lines.len() > limit {
            self.lines.pop_front();
            self.first += 1;
        }
    }
}

/// Where a line belongs: the first task of its step, and how many tasks the step has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shelf {
    /// The place of the step's first task in the run.
    pub step: usize,
    /// How many tasks the step has.
    pub width: usize,
}

/// The last lines of every step.
#[derive(Debug, Clone, Default)]
pub struct LogBook {
    steps: BTreeMap<usize, StepLog>,
    /// Attempts whose output is here or was asked for.
    known: BTreeSet<(TaskId, Attempt)>,
    /// Where in an attempt's output stands what was taken last.
    ends: BTreeMap<(TaskId, Attempt), u64>,
}

impl LogBook {
    /// The log of the step whose first task stands here.
    pub fn step(&self, first: usize) -> Option<&StepLog> {
        self.steps.get(&first)
    }

    /// Notes that the output of an attempt is here or was asked for; returns whether that is news.
    pub fn note(&mut self, task: &TaskId, attempt: Attempt) -> bool {
        self.known.insert((task.clone(), attempt))
    }

    /// How many of these bytes were taken before: a window of the file and the live output may overlap.
    pub fn overlap(&mut self, task: &TaskId, attempt: Attempt, offset: u64, len: usize) -> usize {
        let end = self.ends.entry((task.clone(), attempt)).or_insert(offset);
        let known = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        *end = (*end).max(offset + len as u64);
        known.min(len)
    }

    /// Prepares for a window of the file that stands for everything taken of the attempt so far. Returns whether
    /// the window is good: one that ends before what was taken live has to be read again.
    pub fn replace(&mut self, shelf: Shelf, task: usize, key: (TaskId, Attempt), end: u64) -> bool {
        let taken = self.ends.get(&key).copied();
        if taken.is_some_and(|taken| taken > end) {
            return false;
        }
        if taken.is_some()
            && let Some(log) = self.steps.get_mut(&shelf.step)
        {
            log.lines.retain(|line| line.task != task);
            log.open.remove(&task);
        }
        self.ends.insert(key, end);
        true
    }

    /// Takes bytes a task printed.
    pub fn take(&mut self, shelf: Shelf, task: usize, at: Option<Moment>, bytes: &[u8]) {
        let log = self.steps.entry(shelf.step).or_default();
        let limit = LINES_PER_TASK * shelf.width.clamp(1, 8);
        let mut lines = log.open.remove(&task).unwrap_or_default();
        let mut ended = Vec::new();
        lines.push(bytes, |line| ended.push(line));
        for line in ended {
            log.push(printed(task, at, &line), limit);
        }
        log.open.insert(task, lines);
    }

    /// Says something about a task in golive's own voice; an unfinished line of it is finished first.
    pub fn say(
        &mut self,
        shelf: Shelf,
        task: usize,
        at: Option<Moment>,
        text: String,
        failed: bool,
    ) {
        let log = self.steps.entry(shelf.step).or_default();
        let limit = LINES_PER_TASK * shelf.width.clamp(1, 8);
        if let Some(rest) = log.open.remove(&task).and_then(|mut lines| lines.finish()) {
            log.push(printed(task, at, &rest), limit);
        }
        let sort = if failed { Sort::Failed } else { Sort::Golive };
        let styles = Vec::new();
        log.push(
            Line {
                task,
                at,
                sort,
                text,
                styles,
            },
            limit,
        );
    }
}

fn printed(task: usize, at: Option<Moment>, line: &lines::Line) -> Line {
    let mut text = String::new();
    let mut styles = Vec::new();
    let mut from = 0;
    for span in ansi::spans(&line.bytes) {
        let room = LONGEST_LINE.saturating_sub(from);
        let to = from + span.text.chars().take(room).count();
        text.extend(span.text.chars().take(room));
        if span.control {
            styles.push((from, to, Look::Control));
        } else if span.style != Style::default() {
            styles.push((from, to, Look::Asked(span.style)));
        }
        from = to;
    }
    if line.updates > 0 {
        let _ = write!(text, "  ({} updates folded)", line.updates);
    }
    if line.cut > 0 || from >= LONGEST_LINE {
        text.push_str("  (goes on, o opens the whole log)");
    }
    Line {
        task,
        at,
        sort: sort_of(&text),
        text,
        styles,
    }
}

fn sort_of(text: &str) -> Sort {
    let start: String = text.chars().take(160).collect::<String>().to_lowercase();
    let word = |wanted: &str| {
        start.match_indices(wanted).any(|(at, _)| {
            let before = start[..at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric())
        })
    };
    let clean = ["0 error", "0 fail", "no error", "0 warn"];
    if clean.iter().any(|clean| start.contains(clean)) {
        return Sort::Plain;
    }
    if ["error", "fatal", "panic", "traceback", "failed", "cannot "]
        .iter()
        .any(|w| word(w))
    {
        Sort::Error
    } else if word("warn") {
        Sort::Warning
    } else {
        Sort::Plain
    }
}
