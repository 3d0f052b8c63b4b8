//! What is looked for in a diff: names of files, headings, lines, folded or not.
//!
//! All that matches is found at once, in the order of the diff; what is reached is unfolded.

use super::DiffView;
use crate::domain::diff::rows::{self, Folds, Kind, Row};
use crate::domain::log::Pattern;
use crate::domain::log::pattern::Matcher;

/// A place in a diff, in its order: file, hunk, line; hunks and lines from 1.
pub(super) type Key = (usize, usize, usize);

/// What is looked for, and where it is.
#[derive(Debug, Clone)]
pub(super) struct Search {
    pub matcher: Matcher,
    text: String,
    hits: Vec<Key>,
}

impl Search {
    /// Where it stands among what was found: `"saved": 2 of 7`.
    pub(super) fn words(&self, at: Key) -> String {
        let Self { text, hits, .. } = self;
        let before = hits.partition_point(|hit| *hit <= at);
        match hits.len() {
            0 => format!("no match for {text}"),
            all if before > 0 && hits[before - 1] == at => format!("{text}: {before} of {all}"),
            all => format!("{text}: {all}"),
        }
    }
}

/// The place of a row.
pub(super) fn key_of(row: &Row) -> Key {
    key(row.file, row.hunk(), row.line())
}

/// A place as a key.
pub(super) fn key(file: usize, hunk: Option<usize>, line: Option<usize>) -> Key {
    let from_one = |at: Option<usize>| at.map_or(0, |at| at + 1);
    (file, from_one(hunk), from_one(line))
}

impl DiffView {
    /// Looks for a pattern and goes to what is nearest behind the cursor; `None` = for nothing any more. A pattern that
    /// is none is looked for as a text.
    pub fn search(&mut self, pattern: Option<&Pattern>, size: (u16, u16)) {
        let ready = pattern.filter(|pattern| !pattern.text.is_empty());
        let ready = ready.and_then(|pattern| Some((pattern, Matcher::new(pattern).ok()?)));
        self.search = ready.map(|(pattern, matcher)| Search {
            matcher,
            text: pattern.text.clone(),
            hits: Vec::new(),
        });
        self.count();
        let at = self.key_of(self.cursor);
        let is_there = |search: &Search| search.hits.contains(&at);
        if self.search.as_ref().is_some_and(|search| !is_there(search)) {
            self.next_match(false);
        }
        self.fit(size);
    }

    /// Whether something is looked for: then `n` and `N` go through it instead of through files.
    pub fn searches(&self) -> bool {
        self.search.is_some()
    }

    /// Finds all that matches again, after rows were laid out anew.
    pub(super) fn count(&mut self) {
        let Some(search) = &self.search else {
            return;
        };
        let all = rows::rows(&self.diff, self.is_sided, &Folds::default());
        let hits = all.iter().filter(|row| self.matches(row, &search.matcher));
        let hits = hits.map(key_of).collect();
        if let Some(search) = &mut self.search {
            search.hits = hits;
        }
    }

    fn matches(&self, row: &Row, matcher: &Matcher) -> bool {
        let Some(file) = self.diff.files.get(row.file) else {
            return false;
        };
        let hunk = self.hunk(row);
        let line = |line: usize| {
            let line = hunk.and_then(|hunk| hunk.lines.get(line));
            line.is_some_and(|line| matcher.is_match(line.text.as_bytes()))
        };
        match row.kind {
            Kind::File => {
                let was = file.was.as_deref().unwrap_or_default();
                matcher.is_match(file.path.as_bytes()) || matcher.is_match(was.as_bytes())
            }
            Kind::Hunk(_) => hunk.is_some_and(|hunk| matcher.is_match(hunk.heading.as_bytes())),
            Kind::Line { line: at, .. } => line(at),
            Kind::Pair { lines, .. } => lines.into_iter().flatten().any(line),
            Kind::Words | Kind::Cut => false,
        }
    }

    /// Goes to the next (or previous) match, around the end.
    pub(super) fn next_match(&mut self, back: bool) {
        let Some(search) = &self.search else {
            return;
        };
        let at = self.key_of(self.cursor);
        let hits = &search.hits;
        let hit = if back {
            let before = hits.partition_point(|hit| *hit < at);
            before.checked_sub(1).or(hits.len().checked_sub(1))
        } else {
            let behind = hits.partition_point(|hit| *hit <= at);
            Some(if behind < hits.len() { behind } else { 0 })
        };
        let Some(&(file, hunk, line)) = hit.and_then(|hit| hits.get(hit)) else {
            return;
        };
        let (hunk, line) = (hunk.checked_sub(1), line.checked_sub(1));
        let mut unfolded = hunk.is_some() && self.folds.files.remove(&file);
        if let (Some(hunk), Some(_)) = (hunk, line) {
            unfolded |= self.folds.hunks.remove(&(file, hunk));
        }
        if unfolded {
            self.lay_out();
        }
        self.cursor = self.find(file, hunk, line);
    }
}
