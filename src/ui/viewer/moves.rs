//! Moves: the cursor and the screen over the rows of the window, and which rows show.
//!
//! The cursor's line always shows. All counting is over rows near the screen, never over the document.

use super::asking::Asked;
use super::layout::{self, Row, Shape};
use super::words::came;
use super::{Columns, Sort, Standing, Viewer};
use crate::domain::log::{LineId, LogLine, Test};
use crate::ui::msg::LogWish;

/// The most columns a line can be scrolled sideways.
const WIDEST: usize = 16_384;

/// Columns of a step sideways.
const ASIDE: usize = 8;

impl Viewer {
    /// Columns and rows of the area it is drawn in; the line it stands on keeps its row.
    pub fn resize(&mut self, width: u16, height: u16) -> Vec<LogWish> {
        if self.size == (width, height) {
            return Vec::new();
        }
        let before = self.shape();
        let last_row = i64::from(self.size.1) - 1;
        self.size = (width, height);
        if let Standing::At { spot, row } = self.standing {
            let row = match self.at().map(|at| &self.window.lines[at]) {
                // It began above the screen: what stood in the first row stays there.
                Some(line) if row < 0 => -(self.same_text(line, before, -row)),
                // What stood at the bottom stays at the bottom.
                _ if row >= last_row && last_row > 0 => i64::from(height).max(1) - 1,
                _ => row.min(i64::from(height).max(1) - 1),
            };
            self.standing = Standing::At { spot, row };
            self.settle();
            self.show_whole();
        }
        vec![self.refresh()]
    }

    /// The row of a line in which stands what stood at the beginning of another row before the shape changed.
    fn same_text(&self, line: &LogLine, before: Shape, row: i64) -> i64 {
        let texts = |shape: &Shape| {
            let rows = layout::rows(line, shape).into_iter();
            let begins = rows.filter_map(|row| match row {
                Row::Text(part, _) => Some(part.start),
                Row::Hidden(_) => None,
            });
            begins.collect::<Vec<usize>>()
        };
        let begins = texts(&before);
        let row = usize::try_from(row).unwrap_or(0);
        let begin = begins.get(row).or(begins.last()).copied().unwrap_or(0);
        let after = texts(&self.shape());
        let behind = after.partition_point(|start| *start <= begin);
        i64::try_from(behind.saturating_sub(1)).unwrap_or(0)
    }

    /// The columns before texts.
    pub(in crate::ui) fn columns(&self) -> Columns {
        Columns::of(&self.labels, self.times, self.size.0)
    }

    /// What the rows of lines depend on.
    pub fn shape(&self) -> Shape {
        Shape {
            width: usize::from(self.size.0.saturating_sub(self.columns().before())).max(1),
            wrap: self.wraps(),
            sideways: self.sideways,
            tells_hidden: self.tells_hidden(),
            rules: self.labels.sort == Sort::Tail,
        }
    }

    /// Whether it is told between lines how many are hidden: not where only some lines are wanted anyway.
    fn tells_hidden(&self) -> bool {
        let filters = &self.filters;
        let picks = filters
            .rules
            .iter()
            .any(|rule| rule.on && matches!(rule.test, Test::In(_)));
        filters.hidden.is_empty() && !filters.off && (!picks || filters.context > 0)
    }

    /// The rows that show, from the top: which line of the window, and which row of it.
    pub fn visible(&self) -> Vec<(&LogLine, Row)> {
        let (shape, height) = (self.shape(), usize::from(self.size.1));
        let lines = &self.window.lines;
        let (at, above) = match self.standing {
            Standing::Follow => (lines.len(), height),
            Standing::At { row, .. } => match self.at() {
                None => return Vec::new(),
                Some(at) if row >= 0 => {
                    // The row that tells of hidden lines belongs to what is above the text.
                    let lead = usize::from(layout::lead(&lines[at], &shape) > 0);
                    let row = usize::try_from(row).unwrap_or(0);
                    let mut shown = self.up_from(at, row.saturating_sub(lead), &shape);
                    let mut own = layout::rows(&lines[at], &shape);
                    own.drain(..lead.saturating_sub(row));
                    shown.extend(own.into_iter().map(|row| (&lines[at], row)));
                    self.down_from(at + 1, height, &shape, &mut shown);
                    return shown;
                }
                Some(at) => {
                    let skip = usize::try_from(-row).unwrap_or(0);
                    let lead = usize::from(layout::lead(&lines[at], &shape) > 0);
                    let own = layout::rows(&lines[at], &shape).into_iter();
                    let own = own.skip(lead + skip);
                    let mut shown = own.map(|row| (&lines[at], row)).collect();
                    self.down_from(at + 1, height, &shape, &mut shown);
                    return shown;
                }
            },
        };
        self.up_from(at, above, &shape)
    }

    /// The last `rows` rows before a line, in order.
    fn up_from(&self, at: usize, rows: usize, shape: &Shape) -> Vec<(&LogLine, Row)> {
        let mut found = Vec::new();
        for line in self.window.lines[..at].iter().rev() {
            if found.len() >= rows {
                break;
            }
            let own = layout::rows(line, shape).into_iter().rev();
            found.extend(own.map(|row| (line, row)));
        }
        found.truncate(rows);
        found.reverse();
        found
    }

    /// Adds rows from a line on until there are `rows`.
    fn down_from<'a>(
        &'a self,
        at: usize,
        rows: usize,
        shape: &Shape,
        shown: &mut Vec<(&'a LogLine, Row)>,
    ) {
        for line in &self.window.lines[at.min(self.window.lines.len())..] {
            if shown.len() >= rows {
                break;
            }
            let own = layout::rows(line, shape).into_iter();
            shown.extend(own.map(|row| (line, row)));
        }
        shown.truncate(rows);
    }

    /// The row of the screen in which the text of a line begins, when it does.
    pub(super) fn screen_row(&self, id: LineId) -> Option<usize> {
        let visible = self.visible();
        let is_it = |(line, row): &(&LogLine, Row)| match row {
            Row::Text(part, _) => line.spot.id == id && (part.start == 0 || !self.wraps()),
            Row::Hidden(_) => false,
        };
        visible.iter().position(is_it)
    }

    /// Rows above the text of a line of the window, counted up to `most`.
    fn rows_above(&self, at: usize, most: i64) -> i64 {
        let shape = self.shape();
        let mut rows = layout::lead(&self.window.lines[at], &shape);
        for line in self.window.lines[..at].iter().rev() {
            if rows >= most {
                break;
            }
            rows += layout::height(line, &shape);
        }
        rows
    }

    /// Rows from the text of a line of the window on, counted up to `most`.
    fn rows_from(&self, at: usize, most: i64) -> i64 {
        let shape = self.shape();
        let mut rows = -(layout::lead(&self.window.lines[at], &shape));
        for line in &self.window.lines[at..] {
            if rows >= most {
                break;
            }
            rows += layout::height(line, &shape);
        }
        rows
    }

    /// The screen is full when there are lines for it: nothing empty above the first line, and below the last one
    /// only where all lines have room.
    pub(super) fn settle(&mut self) {
        let (Some(at), Standing::At { spot, row }) = (self.at(), self.standing) else {
            return;
        };
        let height = self.tall();
        let (line, shape) = (&self.window.lines[at], self.shape());
        // A line that came back may have fewer rows than when it was last seen: its last one shows at least.
        let own = layout::height(line, &shape) - layout::lead(line, &shape);
        let mut row = row.max(1 - own);
        if self.window.is_end {
            let below = self.rows_from(at, height + row.abs());
            row = row.max(height - below);
        }
        if self.window.is_top {
            row = row.min(self.rows_above(at, row.max(0)));
        }
        self.standing = Standing::At { spot, row };
    }

    /// All rows of the line it stands on show, where they have room: what was looked for may stand in its last one.
    pub(super) fn show_whole(&mut self) {
        let (Some(at), Standing::At { spot, row }) = (self.at(), self.standing) else {
            return;
        };
        let (line, shape) = (&self.window.lines[at], self.shape());
        let own = layout::height(line, &shape) - layout::lead(line, &shape);
        let lowest = self.tall() - own;
        if row > lowest.max(0) {
            let row = lowest.max(0);
            self.standing = Standing::At { spot, row };
        }
    }

    /// Stops following: what shows stays, the cursor is on the last line. Returns whether there is a line.
    pub(super) fn stop(&mut self) -> bool {
        if self.standing != Standing::Follow {
            return self.at().is_some();
        }
        let Some(last) = self.window.lines.last() else {
            return false;
        };
        let shape = self.shape();
        let spot = last.spot;
        let own = layout::height(last, &shape) - layout::lead(last, &shape);
        let row = self.tall() - own;
        self.standing = Standing::At { spot, row };
        self.settle();
        let facts = &self.window.facts;
        self.left_at = (facts.indexed >= facts.bytes).then_some(came(facts));
        true
    }

    /// Goes with the end again.
    pub(super) fn follow(&mut self) -> LogWish {
        self.standing = Standing::Follow;
        self.waiting = None;
        self.left_at = None;
        self.nth = None;
        self.ask(Asked::End)
    }

    /// Moves the cursor one line down or up; a line that is taller than the screen is scrolled through first.
    pub(super) fn line(&mut self, back: bool) {
        let (Some(at), Standing::At { spot, row }) = (self.at(), self.standing) else {
            return;
        };
        let shape = self.shape();
        let height = self.tall();
        let own = |line: &LogLine| layout::height(line, &shape) - layout::lead(line, &shape);
        let lines = &self.window.lines;
        let end = row + own(&lines[at]);
        if !back && end > height {
            self.standing = Standing::At { spot, row: row - 1 };
        } else if back && row < 0 {
            self.standing = Standing::At { spot, row: row + 1 };
        } else if let (false, Some(next)) = (back, lines.get(at + 1)) {
            let begin = end + layout::lead(next, &shape);
            let row = begin.min(height - 1);
            let spot = next.spot;
            self.standing = Standing::At { spot, row };
        } else if let (true, Some(before)) = (back, at.checked_sub(1).map(|at| &lines[at])) {
            let lead = layout::lead(&lines[at], &shape);
            // All of it shows; where it has no room, its last row.
            let tall = own(before);
            let least = if tall > height { 1 - tall } else { 0 };
            let begin = (row - lead - tall).max(least);
            let spot = before.spot;
            self.standing = Standing::At { spot, row: begin };
        }
        self.settle();
    }

    /// Moves screen and cursor by rows; where the log ends the cursor alone goes on.
    pub(super) fn scroll(&mut self, by: i64) {
        let (Some(at), Standing::At { row, .. }) = (self.at(), self.standing) else {
            return;
        };
        let height = self.tall();
        let on_screen = row.clamp(0, height - 1);
        // Rows of the window, counted from the text of the line it stands on.
        let top = -row;
        let reach = by.abs() + height + row.abs();
        let first = -self.rows_above(at, reach);
        let last = self.rows_from(at, reach) - 1;
        let wanted = top + by;
        let new_top = if by < 0 {
            wanted.max(first.min(top))
        } else {
            wanted.min((last + 1 - height).max(top))
        };
        let cursor = (top + on_screen + by).clamp(first, last.max(first));
        self.stand_on(at, cursor, new_top);
    }

    /// Stands on the line that has this row, counted from the text of the line at `at`, with `top` at the top.
    fn stand_on(&mut self, at: usize, cursor: i64, top: i64) {
        let shape = self.shape();
        let lines = &self.window.lines;
        let mut begin = -(layout::lead(&lines[at], &shape));
        let mut found = at;
        while cursor < begin && found > 0 {
            found -= 1;
            begin -= layout::height(&lines[found], &shape);
        }
        while found + 1 < lines.len() && cursor >= begin + layout::height(&lines[found], &shape) {
            begin += layout::height(&lines[found], &shape);
            found += 1;
        }
        let line = &lines[found];
        let text = begin + layout::lead(line, &shape);
        let spot = line.spot;
        let row = text - top;
        self.standing = Standing::At { spot, row };
        self.settle();
    }

    /// Scrolls to the side.
    pub(super) fn aside(&mut self, back: bool) {
        self.sideways = if back {
            self.sideways.saturating_sub(ASIDE)
        } else {
            (self.sideways + ASIDE).min(WIDEST)
        };
    }

    /// Wraps long lines or cuts them; the cursor's line begins in the row it stands in.
    pub(super) fn turn_wrap(&mut self) {
        self.wrap = !self.wrap;
        if let Standing::At { spot, row } = self.standing {
            let row = row.clamp(0, self.tall() - 1);
            self.standing = Standing::At { spot, row };
            self.settle();
        }
    }

    /// Whether there are not enough lines around for the next move.
    pub(super) fn is_short(&self) -> bool {
        let Some(at) = self.at() else {
            return self.standing != Standing::Follow;
        };
        // A page from a cursor at the other end of the screen.
        let (near, lines) = (self.height() * 2, self.window.lines.len());
        (at < near && !self.window.is_top) || (lines - at <= near && !self.window.is_end)
    }
}
