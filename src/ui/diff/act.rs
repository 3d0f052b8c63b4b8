//! Acts: what keys of a diff do. All of them only look.

use super::DiffView;
use crate::domain::diff::print;
use crate::domain::diff::rows::{Kind, Row};
use crate::ui::keymap::Act;
use crate::ui::msg::Cmd;

/// Columns that one key scrolls to the side.
const STEP: usize = 8;

impl DiffView {
    /// Does what a key says in an area of so many columns and rows; returns what has to be done outside (copying).
    /// `None` = the key means nothing here.
    pub fn act(&mut self, act: Act, size: (u16, u16)) -> Option<Vec<Cmd>> {
        self.fit(size);
        let mut commands = Vec::new();
        match act {
            Act::Down => self.step(1, false),
            Act::Up => self.step(1, true),
            Act::HalfDown | Act::HalfUp => self.page(size, 2, act == Act::HalfUp),
            Act::PageDown | Act::PageUp => self.page(size, 1, act == Act::PageUp),
            Act::Top => self.cursor = 0,
            Act::Bottom => self.cursor = self.rows.len().saturating_sub(1),
            Act::Left => self.left(),
            Act::Right => self.right(size),
            Act::Open => self.turn(),
            Act::SectionOn | Act::SectionBack => self.next_change(act == Act::SectionBack),
            Act::Next | Act::Previous if self.searches() => {
                self.next_match(act == Act::Previous);
            }
            Act::Next | Act::Previous => self.next_file(act == Act::Previous),
            Act::Wrap => {
                self.wrap = !self.wrap;
                self.above = 0;
            }
            Act::Sides => self.turn_sides(size.0),
            Act::Copy => commands.extend(self.copy()),
            Act::Close if self.searches() => self.search = None,
            _ => return None,
        }
        self.fit(size);
        Some(commands)
    }

    fn step(&mut self, rows: usize, back: bool) {
        self.cursor = if back {
            self.cursor.saturating_sub(rows)
        } else {
            (self.cursor + rows).min(self.rows.len().saturating_sub(1))
        };
    }

    /// Scrolls by a part of what shows; the cursor keeps its row on the screen.
    fn page(&mut self, size: (u16, u16), part: usize, back: bool) {
        let goal = (usize::from(size.1) / part).max(1);
        let columns = self.columns(size.0);
        let below = self.cursor.saturating_sub(self.top);
        let last = self.rows.len().saturating_sub(1);
        let (mut used, mut rows) = (0, 0);
        while used < goal {
            let at = if back {
                self.top.checked_sub(rows + 1)
            } else {
                Some(self.top + rows).filter(|at| *at < last)
            };
            let Some(row) = at.and_then(|at| self.rows.get(at)) else {
                break;
            };
            used += self.height(row, &columns);
            rows += 1;
        }
        if rows == 0 {
            self.cursor = if back { 0 } else { last };
            return;
        }
        self.top = if back {
            self.top - rows
        } else {
            self.top + rows
        };
        self.above = 0;
        self.cursor = (self.top + below).min(last);
        self.fill_up(size);
    }

    /// At the end of the diff the screen stays full.
    fn fill_up(&mut self, size: (u16, u16)) {
        let columns = self.columns(size.0);
        let tall = usize::from(size.1);
        let mut used = 0;
        let mut first = self.rows.len();
        while first > 0 && used < tall {
            let above = self.height(&self.rows[first - 1], &columns);
            if used + above > tall {
                break;
            }
            used += above;
            first -= 1;
        }
        self.top = self.top.min(first);
    }

    /// Scrolls back, else folds: the hunk of a line, the file of a hunk.
    fn left(&mut self) {
        if self.aside() > 0 {
            self.aside = self.aside.saturating_sub(STEP);
            return;
        }
        let Some(row) = self.row().copied() else {
            return;
        };
        match row.kind {
            Kind::Line { hunk, .. } | Kind::Pair { hunk, .. } => self.fold_hunk(row.file, hunk),
            Kind::Hunk(hunk) if !self.is_folded(&row) => self.fold_hunk(row.file, hunk),
            Kind::Hunk(_) | Kind::Words | Kind::File => {
                self.folds.files.insert(row.file);
                self.lay_out();
            }
            Kind::Cut => {}
        }
    }

    fn fold_hunk(&mut self, file: usize, hunk: usize) {
        self.folds.hunks.insert((file, hunk));
        self.lay_out();
        self.cursor = self.find(file, Some(hunk), None);
    }

    /// Unfolds, else scrolls, as far as what shows goes on.
    fn right(&mut self, size: (u16, u16)) {
        let Some(row) = self.row().copied() else {
            return;
        };
        if self.is_folded(&row) {
            self.turn();
        } else if !self.wrap && self.goes_on(size) {
            self.aside += STEP;
        }
    }

    /// Whether a line that shows goes on behind the edge.
    fn goes_on(&self, size: (u16, u16)) -> bool {
        let columns = self.columns(size.0);
        let cut = |row: &Row| {
            let Some(hunk) = self.hunk(row) else {
                return false;
            };
            let lines = match row.kind {
                Kind::Line { line, .. } => [Some(line), None],
                Kind::Pair { lines, .. } => lines,
                _ => [None, None],
            };
            let lines = lines.into_iter().flatten();
            let mut lines = lines.filter_map(|line| hunk.lines.get(line));
            lines.any(|line| {
                let shown = Self::shown(hunk, line);
                let (_, part, _) = shown.window(self.aside, usize::from(columns.text));
                part.end < shown.text.len()
            })
        };
        self.visible(size).iter().any(|(_, row, _)| cut(row))
    }

    /// Folds what the cursor is on, or unfolds it.
    fn turn(&mut self) {
        let Some(row) = self.row().copied() else {
            return;
        };
        match row.kind {
            Kind::File | Kind::Words => {
                if !self.folds.files.remove(&row.file) {
                    self.folds.files.insert(row.file);
                }
            }
            Kind::Hunk(hunk) => {
                let place = (row.file, hunk);
                if !self.folds.hunks.remove(&place) {
                    self.folds.hunks.insert(place);
                }
            }
            Kind::Line { hunk, .. } | Kind::Pair { hunk, .. } => {
                self.fold_hunk(row.file, hunk);
                return;
            }
            Kind::Cut => return,
        }
        self.lay_out();
    }

    /// Goes to the next (or previous) lines that differ, one behind the other.
    fn next_change(&mut self, back: bool) {
        let begins = |at: usize| {
            let is_change = |at: usize| self.rows[at].is_change(&self.diff);
            is_change(at) && (at == 0 || !is_change(at - 1))
        };
        let found = if back {
            (0..self.cursor).rev().find(|at| begins(*at))
        } else {
            (self.cursor + 1..self.rows.len()).find(|at| begins(*at))
        };
        if let Some(found) = found {
            self.cursor = found;
        }
    }

    /// Goes to the name of the next file; back: to the name of this one, then to the one before.
    fn next_file(&mut self, back: bool) {
        let is_file = |at: &usize| self.rows[*at].kind == Kind::File;
        let found = if back {
            (0..self.cursor).rev().find(is_file)
        } else {
            (self.cursor + 1..self.rows.len()).find(is_file)
        };
        if let Some(found) = found {
            self.cursor = found;
            // A file that begins is looked at from its begin.
            (self.top, self.above) = (found, 0);
        }
    }

    /// What is copied: the path of a file, a hunk with its header.
    fn copy(&self) -> Option<Cmd> {
        let row = self.row()?;
        let file = self.diff.files.get(row.file)?;
        let Some(hunk) = self.hunk(row) else {
            return Some(Cmd::Copy(file.path.clone()));
        };
        let mut text = print::hunk_header(hunk);
        for line in &hunk.lines {
            text.push('\n');
            text.push(print::sign(line.side));
            text.push_str(&line.text);
        }
        Some(Cmd::Copy(text))
    }
}
