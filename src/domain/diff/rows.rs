//! The rows a diff is shown in: one below the other, or old and new side by side; without what is folded away.
//!
//! Rows only name what they show: a diff of a hundred thousand lines is laid out whole in some milliseconds. Owns which
//! old line stands beside which new one. How wide a row is, and how it is drawn, is none of its business.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Diff, DiffLine, Fate, FileDiff, Side};

/// A longer file is folded at first, when it is not the only one.
const LONG: usize = 1200;

/// What of a diff is folded away, by places in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folds {
    /// Files of which only the name shows.
    pub files: BTreeSet<usize>,
    /// Hunks of which only the header shows: file and hunk.
    pub hunks: BTreeSet<(usize, usize)>,
}

impl Folds {
    /// What is folded before anybody said anything: very long files beside others, such as lists of dependencies.
    pub fn at_first(diff: &Diff) -> Self {
        let long = |file: &FileDiff| {
            let lines = file.hunks.iter().map(|hunk| hunk.lines.len());
            diff.files.len() > 1 && lines.sum::<usize>() > LONG
        };
        let files = diff.files.iter().enumerate();
        Self {
            files: files
                .filter(|(_, file)| long(file))
                .map(|(at, _)| at)
                .collect(),
            hunks: BTreeSet::new(),
        }
    }
}

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The file it belongs to; one more than the last for the row that says that the diff was cut.
    pub file: usize,
    /// What it shows.
    pub kind: Kind,
}

/// What a row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The name of a file.
    File,
    /// What is to be said of a file in words, see [`words_of`].
    Words,
    /// The header of a hunk.
    Hunk(usize),
    /// A line, one below the other.
    Line {
        /// Its hunk.
        hunk: usize,
        /// Which line of it.
        line: usize,
        /// Its numbers before and after, from 1; 0 = it is not in that version.
        numbers: [usize; 2],
        /// The line of the other version that it took the place of, or that took its place.
        partner: Option<usize>,
    },
    /// Two lines side by side, one of which may be missing.
    Pair {
        /// Their hunk.
        hunk: usize,
        /// Which line of it stands on the old side, and on the new side; the same one when it is in both.
        lines: [Option<usize>; 2],
        /// Their numbers, from 1; 0 = there is none.
        numbers: [usize; 2],
    },
    /// The diff is longer, but was cut.
    Cut,
}

impl Row {
    /// The hunk it belongs to.
    pub fn hunk(&self) -> Option<usize> {
        match self.kind {
            Kind::Hunk(hunk) | Kind::Line { hunk, .. } | Kind::Pair { hunk, .. } => Some(hunk),
            Kind::File | Kind::Words | Kind::Cut => None,
        }
    }

    /// The first line of the hunk that it shows.
    pub fn line(&self) -> Option<usize> {
        match self.kind {
            Kind::Line { line, .. } => Some(line),
            Kind::Pair { lines, .. } => lines[0].or(lines[1]),
            _ => None,
        }
    }

    /// Whether it shows a line that differs.
    pub fn is_change(&self, diff: &Diff) -> bool {
        let lines = self
            .hunk()
            .and_then(|hunk| diff.files.get(self.file)?.hunks.get(hunk))
            .map(|hunk| &hunk.lines);
        let line = self.line().and_then(|line| lines?.get(line));
        line.is_some_and(|line| line.side != Side::Both)
    }
}

/// All rows of a diff, in order.
pub fn rows(diff: &Diff, side_by_side: bool, folds: &Folds) -> Vec<Row> {
    let mut rows = Vec::new();
    for (at, file) in diff.files.iter().enumerate() {
        let mut push = |kind| rows.push(Row { file: at, kind });
        push(Kind::File);
        if folds.files.contains(&at) {
            continue;
        }
        if !words_of(file).is_empty() {
            push(Kind::Words);
        }
        for (number, hunk) in file.hunks.iter().enumerate() {
            push(Kind::Hunk(number));
            if folds.hunks.contains(&(at, number)) {
                continue;
            }
            let start = [hunk.old_start, hunk.new_start];
            for piece in pieces(&hunk.lines, start) {
                if side_by_side {
                    pairs(number, piece, &mut push);
                } else {
                    below(number, piece, &mut push);
                }
            }
        }
    }
    if diff.cut {
        rows.push(Row {
            file: diff.files.len(),
            kind: Kind::Cut,
        });
    }
    rows
}

/// A piece of a hunk, with the numbers before and after of its first lines.
enum Piece {
    /// A line that is in both versions.
    Same { line: usize, numbers: [usize; 2] },
    /// Lines that were removed, and those that came in their place.
    Changed {
        gone: Range<usize>,
        came: Range<usize>,
        numbers: [usize; 2],
    },
}

/// The pieces of a hunk whose first lines have the numbers `start`, in order.
fn pieces(lines: &[DiffLine], start: [usize; 2]) -> impl Iterator<Item = Piece> {
    let ([mut old, mut new], mut from) = (start, 0);
    let run = |from: usize, side: Side| {
        let same = lines[from..].iter().take_while(|line| line.side == side);
        from..from + same.count()
    };
    std::iter::from_fn(move || {
        let numbers = [old, new];
        if lines.get(from)?.side == Side::Both {
            let line = from;
            (old, new, from) = (old + 1, new + 1, from + 1);
            return Some(Piece::Same { line, numbers });
        }
        let gone = run(from, Side::Old);
        let came = run(gone.end, Side::New);
        (old, new, from) = (old + gone.len(), new + came.len(), came.end);
        Some(Piece::Changed {
            gone,
            came,
            numbers,
        })
    })
}

fn below(hunk: usize, piece: Piece, push: &mut impl FnMut(Kind)) {
    let mut put = |line, numbers, partner| {
        push(Kind::Line {
            hunk,
            line,
            numbers,
            partner,
        });
    };
    match piece {
        Piece::Same { line, numbers } => put(line, numbers, None),
        Piece::Changed {
            gone,
            came,
            numbers: [old, new],
        } => {
            for (at, line) in gone.clone().enumerate() {
                put(line, [old + at, 0], came.clone().nth(at));
            }
            for (at, line) in came.enumerate() {
                put(line, [0, new + at], gone.clone().nth(at));
            }
        }
    }
}

fn pairs(hunk: usize, piece: Piece, push: &mut impl FnMut(Kind)) {
    let mut put = |lines, numbers| {
        push(Kind::Pair {
            hunk,
            lines,
            numbers,
        });
    };
    match piece {
        Piece::Same { line, numbers } => put([Some(line); 2], numbers),
        Piece::Changed {
            gone,
            came,
            numbers: [old, new],
        } => {
            for at in 0..gone.len().max(came.len()) {
                let lines = [gone.clone().nth(at), came.clone().nth(at)];
                let number = |first: usize, line: Option<usize>| line.map_or(0, |_| first + at);
                put(lines, [number(old, lines[0]), number(new, lines[1])]);
            }
        }
    }
}

/// What is to be said of a file besides its lines: `mode 100644 to 100755`, `binary`. Empty = nothing.
pub fn words_of(file: &FileDiff) -> String {
    let mut words = Vec::new();
    if let Some((before, after)) = &file.modes {
        words.push(format!("mode {before} to {after}"));
    }
    let made = file.made.as_deref().filter(|mode| *mode != "100644");
    match (file.fate, made) {
        (Fate::Added | Fate::Deleted, Some("120000")) => words.push("a symbolic link".to_owned()),
        (Fate::Added | Fate::Deleted, Some("160000")) => words.push("a submodule".to_owned()),
        (Fate::Added | Fate::Deleted, Some(mode)) => words.push(format!("mode {mode}")),
        _ => {}
    }
    if file.binary {
        words.push("binary: no lines to show".to_owned());
    } else if file.hunks.is_empty() {
        match file.fate {
            Fate::Added | Fate::Deleted => words.push("an empty file".to_owned()),
            Fate::Renamed | Fate::Copied => words.push("the same content".to_owned()),
            Fate::Modified => {}
        }
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    const TEXT: &[u8] = b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -3,4 +3,5 @@ fn f()\n a\n-b\n-c\n+B\n+C\n+D\n e\n";

    #[test]
    fn lines_stand_one_below_the_other_with_their_numbers() {
        let diff = parse(TEXT, false);
        let rows = rows(&diff, false, &Folds::default());
        let numbers: Vec<[usize; 2]> = rows
            .iter()
            .filter_map(|row| match row.kind {
                Kind::Line { numbers, .. } => Some(numbers),
                _ => None,
            })
            .collect();
        assert_eq!(
            numbers,
            [[3, 3], [4, 0], [5, 0], [0, 4], [0, 5], [0, 6], [6, 7]]
        );
        let partners: Vec<Option<usize>> = rows
            .iter()
            .filter_map(|row| match row.kind {
                Kind::Line { partner, .. } => Some(partner),
                _ => None,
            })
            .collect();
        assert_eq!(
            partners,
            [None, Some(3), Some(4), Some(1), Some(2), None, None]
        );
    }

    #[test]
    fn changed_lines_stand_side_by_side() {
        let diff = parse(TEXT, false);
        let rows = rows(&diff, true, &Folds::default());
        let pairs: Vec<[Option<usize>; 2]> = rows
            .iter()
            .filter_map(|row| match row.kind {
                Kind::Pair { lines, .. } => Some(lines),
                _ => None,
            })
            .collect();
        assert_eq!(
            pairs,
            [
                [Some(0), Some(0)],
                [Some(1), Some(3)],
                [Some(2), Some(4)],
                [None, Some(5)],
                [Some(6), Some(6)]
            ]
        );
    }

    #[test]
    fn of_a_folded_file_the_name_shows_and_of_a_folded_hunk_its_header() {
        let diff = parse(TEXT, false);
        let hunk = Folds {
            hunks: BTreeSet::from([(0, 0)]),
            ..Folds::default()
        };
        assert_eq!(rows(&diff, false, &hunk).len(), 2);
        let file = Folds {
            files: BTreeSet::from([0]),
            ..Folds::default()
        };
        assert_eq!(rows(&diff, true, &file).len(), 1);
    }

    #[test]
    fn very_long_files_are_folded_at_first_when_there_are_others() {
        use std::fmt::Write as _;
        let mut text =
            String::from("diff --git a/lock b/lock\n--- a/lock\n+++ b/lock\n@@ -0,0 +1,5000 @@\n");
        for line in 0..5000 {
            let _ = writeln!(text, "+{line}");
        }
        assert_eq!(
            Folds::at_first(&parse(text.as_bytes(), false)),
            Folds::default()
        );
        text.push_str(&String::from_utf8_lossy(TEXT));
        let folds = Folds::at_first(&parse(text.as_bytes(), false));
        assert_eq!(folds.files, BTreeSet::from([0]));
    }
}
