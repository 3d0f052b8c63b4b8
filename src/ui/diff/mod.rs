//! The diff view: where the operator stands in a diff, and what of it is folded, wrapped, found.
//!
//! Pure state over a [`Diff`] that never changes. A position is a row and a part of it, never a row of the whole on the
//! screen, so that wrapping costs what shows. Owns no file, no program and no key: `act` is told what a key means.
//! Whoever shows it draws it with `widget::diff`, at any size: rows are laid out anew where they do not fit.

use std::borrow::Cow;
use std::sync::Arc;

use crate::domain::diff::rows::{self, Folds, Kind, Row};
use crate::domain::diff::{Diff, DiffLine, FileDiff, Hunk, Side};
use crate::domain::log::pattern::Matcher;

mod act;
pub mod layout;
mod search;

use layout::{Columns, Shown};

/// From so many columns on old and new stand side by side, unless somebody said otherwise.
const WIDE: u16 = 116;
/// In fewer columns than this they never do.
const NARROW: u16 = 60;

/// A diff as it is looked at.
#[derive(Debug, Clone)]
pub struct DiffView {
    diff: Arc<Diff>,
    folds: Folds,
    rows: Vec<Row>,
    /// Whether `rows` are those of old and new side by side.
    is_sided: bool,
    /// What was said about it; `None` = as the width allows.
    sides: Option<bool>,
    wrap: bool,
    /// Columns that the text is scrolled to the side.
    aside: usize,
    /// The row of the cursor.
    cursor: usize,
    /// The first row that shows.
    top: usize,
    /// The rows of this one that are above the screen, when it wraps.
    above: usize,
    search: Option<search::Search>,
    /// Digits of the largest number of a line.
    digits: u16,
}

impl DiffView {
    /// A view that stands at the top. Very long files are folded.
    pub fn new(diff: Arc<Diff>) -> Self {
        let folds = Folds::at_first(&diff);
        let rows = rows::rows(&diff, false, &folds);
        let last = |hunk: &Hunk| hunk.old_start.max(hunk.new_start) + hunk.lines.len();
        let hunks = diff.files.iter().flat_map(|file| &file.hunks);
        let largest = hunks.map(last).max().unwrap_or(0);
        let mut view = Self {
            folds,
            rows,
            is_sided: false,
            sides: None,
            wrap: false,
            aside: 0,
            cursor: 0,
            top: 0,
            above: 0,
            search: None,
            digits: largest.to_string().len().max(3) as u16,
            diff,
        };
        // The first file's name stands in the title of the pane: what changed is worth more.
        view.cursor = usize::from(view.rows.len() > 1);
        view
    }

    /// The diff.
    pub fn diff(&self) -> &Arc<Diff> {
        &self.diff
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Lays it out for an area of so many columns and rows. Called by `act`; only needed by itself to save time.
    pub fn fit(&mut self, size: (u16, u16)) {
        let sided = self.goes_sided(size.0);
        if sided != self.is_sided {
            self.is_sided = sided;
            self.lay_out();
        }
        self.keep_in_view(size);
    }

    /// The view as it fits an area: itself, or a copy that was laid out anew.
    pub(in crate::ui) fn fitted(&self, size: (u16, u16)) -> Cow<'_, Self> {
        let mut view = Cow::Borrowed(self);
        if self.goes_sided(size.0) != self.is_sided || !self.shows_cursor(size) {
            view.to_mut().fit(size);
        }
        view
    }

    /// Goes to a file and unfolds it; nothing happens when the diff has none of this path.
    pub fn go_to(&mut self, path: &str) {
        let Some(file) = self.diff.files.iter().position(|file| file.path == path) else {
            return;
        };
        if self.folds.files.remove(&file) {
            self.lay_out();
        }
        self.cursor = self.find(file, None, None);
        (self.top, self.above) = (self.cursor, 0);
    }

    /// The path of the file it stands in, for the title of a pane; empty without files. It may be hostile: paint it.
    pub fn title(&self) -> String {
        let file = self.file();
        file.map(|file| file.path.clone()).unwrap_or_default()
    }

    /// What stands right of the title: `+18 -6  file 1 of 2`, and what is searched for. `all` = how many files there are,
    /// where that is known: of a diff that was cut not all came.
    pub fn place(&self, all: Option<usize>) -> String {
        if let Some(search) = &self.search {
            return search.words(self.key_of(self.cursor));
        }
        let Some(file) = self.file() else {
            return String::new();
        };
        let at = self.row().map_or(0, |row| row.file) + 1;
        let (plus, minus) = file.counts();
        let came = self.diff.files.len();
        let of = match all.filter(|all| *all >= came) {
            Some(all) if self.diff.cut => all.to_string(),
            None if self.diff.cut => format!("{came}+"),
            _ => came.to_string(),
        };
        format!("+{plus} -{minus}  file {at} of {of}")
    }

    /// Whether long lines wrap.
    pub fn wraps(&self) -> bool {
        self.wrap
    }

    /// Whether old and new stand side by side in so many columns.
    pub fn goes_sided(&self, width: u16) -> bool {
        width >= NARROW && self.sides.unwrap_or(width >= WIDE)
    }

    /// Whether old and new could stand otherwise in so many columns.
    pub fn can_turn(&self, width: u16) -> bool {
        width >= NARROW
    }

    /// Whether old and new stand otherwise than the width alone would have it.
    pub fn is_turned(&self, width: u16) -> bool {
        self.goes_sided(width) != (width >= WIDE)
    }

    /// Old and new side by side, or not any more.
    pub fn turn_sides(&mut self, width: u16) {
        self.sides = Some(!self.goes_sided(width));
    }

    /// Old and new stand as the width has it.
    pub fn as_at_first(&mut self) {
        self.sides = None;
    }

    /// What is looked for, made ready.
    pub(in crate::ui) fn matcher(&self) -> Option<&Matcher> {
        self.search.as_ref().map(|search| &search.matcher)
    }

    /// The columns of an area of this width.
    pub(in crate::ui) fn columns(&self, width: u16) -> Columns {
        Columns::new(width, self.digits, self.is_sided)
    }

    /// The rows that show in an area, each with which of its parts; the number of its row beside it.
    pub(in crate::ui) fn visible(&self, size: (u16, u16)) -> Vec<(usize, Row, usize)> {
        let columns = self.columns(size.0);
        let mut shown = Vec::new();
        let mut part = self.above;
        for (at, row) in self.rows.iter().enumerate().skip(self.top) {
            let tall = self.height(row, &columns);
            for part in part..tall {
                if shown.len() >= usize::from(size.1) {
                    return shown;
                }
                shown.push((at, *row, part));
            }
            part = 0;
        }
        shown
    }

    /// The row under the cursor.
    pub(in crate::ui) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Columns that texts are scrolled to the side.
    pub(in crate::ui) fn aside(&self) -> usize {
        if self.wrap { 0 } else { self.aside }
    }

    /// Whether a file or a hunk is folded.
    pub(in crate::ui) fn is_folded(&self, row: &Row) -> bool {
        match row.kind {
            Kind::File => self.folds.files.contains(&row.file),
            Kind::Hunk(hunk) => self.folds.hunks.contains(&(row.file, hunk)),
            _ => false,
        }
    }

    /// A hunk of the file of a row.
    pub(in crate::ui) fn hunk(&self, row: &Row) -> Option<&Hunk> {
        self.diff.files.get(row.file)?.hunks.get(row.hunk()?)
    }

    /// A line as it is shown. The mark that Windows ends lines with shows only where others have none.
    pub(in crate::ui) fn shown(hunk: &Hunk, line: &DiffLine) -> Shown {
        let Some(text) = line.text.strip_suffix('\r') else {
            return Shown::new(&line.text);
        };
        // More than the lines around a change need not be asked.
        let mut others = hunk.lines.iter().take(100);
        let both = others.find(|line| line.side == Side::Both);
        if both.is_some_and(|both| both.text.ends_with('\r')) {
            Shown::new(text)
        } else {
            Shown::new(&line.text)
        }
    }

    fn row(&self) -> Option<&Row> {
        self.rows.get(self.cursor)
    }

    fn file(&self) -> Option<&FileDiff> {
        let at = self.row()?.file;
        self.diff.files.get(at).or(self.diff.files.last())
    }

    /// Lays the rows out anew; the cursor stays where it is, or on the header of what it was in.
    fn lay_out(&mut self) {
        let (file, hunk, line) = self.place_of(self.cursor);
        let (top_file, top_hunk, top_line) = self.place_of(self.top);
        self.rows = rows::rows(&self.diff, self.is_sided, &self.folds);
        self.cursor = self.find(file, hunk, line);
        self.top = self.find(top_file, top_hunk, top_line);
        self.above = 0;
        self.count();
    }

    fn place_of(&self, row: usize) -> (usize, Option<usize>, Option<usize>) {
        let row = self.rows.get(row);
        row.map_or((0, None, None), |row| (row.file, row.hunk(), row.line()))
    }

    /// The last row that does not stand behind this place.
    fn find(&self, file: usize, hunk: Option<usize>, line: Option<usize>) -> usize {
        let key = search::key(file, hunk, line);
        let before = self.rows.partition_point(|row| search::key_of(row) <= key);
        let mut at = before.saturating_sub(1);
        // Words about a file stand at the same place as its name.
        while hunk.is_none() && at > 0 && matches!(self.rows[at].kind, Kind::Words) {
            at -= 1;
        }
        at
    }

    fn key_of(&self, row: usize) -> search::Key {
        self.rows.get(row).map(search::key_of).unwrap_or_default()
    }

    /// How many rows of the screen a row takes.
    fn height(&self, row: &Row, columns: &Columns) -> usize {
        if !self.wrap {
            return 1;
        }
        let Some(hunk) = self.hunk(row) else {
            return 1;
        };
        let tall = |line: usize| {
            let line = hunk.lines.get(line);
            let parts = |line| {
                Self::shown(hunk, line)
                    .parts(usize::from(columns.text))
                    .len()
            };
            line.map_or(1, parts)
        };
        match row.kind {
            Kind::Line { line, .. } => tall(line),
            Kind::Pair { lines, .. } => lines.into_iter().flatten().map(tall).max().unwrap_or(1),
            _ => 1,
        }
    }

    fn shows_cursor(&self, size: (u16, u16)) -> bool {
        let shown = self.visible(size);
        let cursor = shown.iter().position(|(at, ..)| *at == self.cursor);
        cursor.is_some() || self.rows.is_empty() || size.1 == 0
    }

    /// Scrolls as little as it takes for the cursor to show.
    fn keep_in_view(&mut self, size: (u16, u16)) {
        self.cursor = self.cursor.min(self.rows.len().saturating_sub(1));
        self.top = self.top.min(self.rows.len().saturating_sub(1));
        let tall = usize::from(size.1).max(1);
        if self.cursor <= self.top {
            if self.cursor < self.top || self.above > 0 {
                (self.top, self.above) = (self.cursor, 0);
            }
            return;
        }
        // From the cursor upwards: how far the top may be away.
        let columns = self.columns(size.0);
        let mut first = self.cursor;
        let mut used = self
            .rows
            .get(first)
            .map_or(0, |row| self.height(row, &columns));
        while first > self.top {
            let above = self.height(&self.rows[first - 1], &columns);
            if used + above > tall {
                break;
            }
            used += above;
            first -= 1;
        }
        if first > self.top {
            (self.top, self.above) = (first, 0);
        }
    }
}

#[cfg(test)]
mod tests;
