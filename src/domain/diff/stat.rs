//! Changed files as a table with bars, and their sum, as `git diff --stat` has them.
//!
//! Owns how bars are scaled and names shortened. Names are as they are: faces make them safe.

use super::super::catalog::FileChange;
use super::super::text;

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatRow {
    /// The name, shortened at its begin; of a rename both, `dir/{old => new}`.
    pub name: String,
    /// Lines that were added or removed; `None` = a binary file.
    pub count: Option<usize>,
    /// Signs of the bar for lines that were added.
    pub plus: usize,
    /// Signs for those that were removed.
    pub minus: usize,
}

/// A table of changed files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// One for each file, in order.
    pub rows: Vec<StatRow>,
    /// Columns of the names.
    pub name_columns: usize,
    /// Columns of the numbers.
    pub number_columns: usize,
}

/// The table, in so many columns.
pub fn table(files: &[FileChange], columns: usize) -> Table {
    let changes = |file: &FileChange| Some(file.insertions? + file.deletions.unwrap_or(0));
    let most = files.iter().filter_map(changes).max().unwrap_or(0);
    let names: Vec<String> = files.iter().map(name).collect();
    let longest = names.iter().map(|name| text::width(name)).max();
    let has_binary = files.iter().any(|file| file.insertions.is_none());
    let number = most.to_string().len().max(if has_binary { 3 } else { 1 });
    let columns = columns.max(16 + 6 + number);
    let (mut bar, mut wide) = (most, longest.unwrap_or(0));
    if wide + number + 6 + bar > columns {
        bar = bar.min((columns * 3 / 8).saturating_sub(number + 6).max(6));
        let room = columns - number - 6 - bar;
        if wide > room {
            wide = room;
        } else {
            bar = columns - number - 6 - wide;
        }
    }
    let row = |(file, name): (&FileChange, String)| {
        let (plus, minus) = scaled(
            file.insertions.unwrap_or(0),
            file.deletions.unwrap_or(0),
            bar,
            most,
        );
        StatRow {
            name: shortened(&name, wide),
            count: changes(file),
            plus,
            minus,
        }
    };
    Table {
        rows: files.iter().zip(names).map(row).collect(),
        name_columns: wide,
        number_columns: number,
    }
}

/// The sum: `3 files changed, 10 insertions(+), 1 deletion(-)`.
pub fn summary(files: &[FileChange]) -> String {
    let sum = |of: fn(&FileChange) -> Option<usize>| files.iter().filter_map(of).sum::<usize>();
    let (plus, minus) = (sum(|file| file.insertions), sum(|file| file.deletions));
    let some = |count: usize, noun: &str, sign: &str| {
        let end = if count == 1 { "" } else { "s" };
        format!("{count} {noun}{end}{sign}")
    };
    let mut parts = vec![some(files.len(), "file", " changed")];
    if files.is_empty() {
        return parts.remove(0);
    }
    if plus > 0 || minus == 0 {
        parts.push(some(plus, "insertion", "(+)"));
    }
    if minus > 0 || plus == 0 {
        parts.push(some(minus, "deletion", "(-)"));
    }
    parts.join(", ")
}

/// A bar of at most `bar` signs for so many lines, where the longest stands for `most`.
fn scaled(plus: usize, minus: usize, bar: usize, most: usize) -> (usize, usize) {
    if bar > most || most == 0 {
        return (plus, minus);
    }
    let scale = |lines: usize| match lines {
        0 => 0,
        _ => 1 + lines * (bar.saturating_sub(1)) / most,
    };
    let mut all = scale(plus + minus);
    if all < 2 && plus > 0 && minus > 0 {
        all = 2;
    }
    if plus < minus {
        (scale(plus), all - scale(plus))
    } else {
        (all - scale(minus), scale(minus))
    }
}

/// The name of a file; of a renamed one both names, with what they share once.
pub fn name(file: &FileChange) -> String {
    let Some(was) = file.was.as_deref() else {
        return file.path.clone();
    };
    let (old, new) = (was.as_bytes(), file.path.as_bytes());
    let begin = old.iter().zip(new).take_while(|(a, b)| a == b);
    let begin = begin.map(|(a, _)| *a).collect::<Vec<u8>>();
    let begin = begin
        .iter()
        .rposition(|byte| *byte == b'/')
        .map_or(0, |at| at + 1);
    // The slash before what differs may be the one after it as well: `a/{ => b}/c`.
    let floor = begin.saturating_sub(1);
    let most = old.len().min(new.len()) - floor.min(old.len()).min(new.len());
    let ends = old.iter().rev().zip(new.iter().rev()).take(most);
    let same = ends.take_while(|(a, b)| a == b).count();
    let end = (1..=same).rev().find(|end| old[old.len() - end] == b'/');
    let end = end.filter(|_| begin > 0 || same > 0).unwrap_or(0);
    if begin == 0 && end == 0 {
        return format!("{was} => {}", file.path);
    }
    let middle = |name: &str| {
        let to = name.len() - end;
        name.get(begin..to.max(begin))
            .unwrap_or_default()
            .to_owned()
    };
    format!(
        "{}{{{} => {}}}{}",
        &was[..begin],
        middle(was),
        middle(&file.path),
        &was[was.len() - end..]
    )
}

/// A name cut at its begin to so many columns, after a slash where there is one.
fn shortened(name: &str, columns: usize) -> String {
    if text::width(name) <= columns {
        return name.to_owned();
    }
    let room = columns.saturating_sub(3);
    let mut rest = name;
    while text::width(rest) > room {
        let Some(first) = rest.chars().next() else {
            break;
        };
        rest = &rest[first.len_utf8()..];
    }
    let rest = rest.find('/').map_or(rest, |at| &rest[at..]);
    format!("...{rest}")
}
