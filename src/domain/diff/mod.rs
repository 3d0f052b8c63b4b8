//! What differs between two commits, file by file and line by line, as `git diff` prints it.
//!
//! A diff is read once into plain data, and laid out as rows by whoever shows it: one below the other, or side by side.
//! Text is as it is in the files, bytes that are no text written `\xNN`; faces escape it.

use super::catalog::FileChange;

pub mod drawn;
pub mod graph;
mod parse;
pub mod print;
pub mod rows;
pub mod stat;
pub mod words;

pub use parse::parse;

/// A whole diff.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// Files in git's order.
    pub files: Vec<FileDiff>,
    /// Whether it was cut because it is too long to look at.
    pub cut: bool,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    /// Its path; after a rename the new one.
    pub path: String,
    /// Its path before, when that was another one.
    pub was: Option<String>,
    /// What became of it.
    pub fate: Fate,
    /// Whether it is no text; then it has no hunks.
    pub binary: bool,
    /// Its modes before and after, when they differ.
    pub modes: Option<(String, String)>,
    /// The mode it was made with, or had when it was deleted.
    pub made: Option<String>,
    /// Where it differs.
    pub hunks: Vec<Hunk>,
}

impl FileDiff {
    /// Lines that were added, and lines that were removed.
    pub fn counts(&self) -> (usize, usize) {
        let lines = || self.hunks.iter().flat_map(|hunk| &hunk.lines);
        let of = |side: Side| lines().filter(|line| line.side == side).count();
        (of(Side::New), of(Side::Old))
    }

    /// What `--stat` says of it.
    pub fn change(&self) -> FileChange {
        let (insertions, deletions) = self.counts();
        FileChange {
            path: self.path.clone(),
            was: self.was.clone(),
            insertions: (!self.binary).then_some(insertions),
            deletions: (!self.binary).then_some(deletions),
        }
    }
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// It has other content or another mode.
    Modified,
    /// It has another path, and perhaps other content.
    Renamed,
    /// It was copied from another one.
    Copied,
}

/// Lines that differ, with some around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// The first line before, from 1.
    pub old_start: usize,
    /// The first line after, from 1.
    pub new_start: usize,
    /// What git says it is in (`fn refund_total(…)`); may be empty.
    pub heading: String,
    /// Its lines.
    pub lines: Vec<DiffLine>,
}

/// A line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffLine {
    /// What became of it.
    pub side: Side,
    /// Its text without line end.
    pub text: String,
    /// Whether the file ends with it and without a line end.
    pub unended: bool,
}

/// Which version a line is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// In both.
    Both,
    /// Only in the old one.
    Old,
    /// Only in the new one.
    New,
}
