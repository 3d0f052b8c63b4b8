//! Prints a diff as a patch again: what `git apply` understands, for other programs and for whoever pipes it on.
//!
//! Says all that was read. Left out are only the lines that name objects and likeness (`index`, `similarity`).

use std::fmt::Write as _;

use super::{Diff, DiffLine, Fate, FileDiff, Hunk, Side};

/// The whole diff as a patch.
pub fn patch(diff: &Diff) -> String {
    let mut out = String::new();
    for file in &diff.files {
        for line in header(file) {
            let _ = writeln!(out, "{line}");
        }
        for hunk in &file.hunks {
            let _ = writeln!(out, "{}", hunk_header(hunk));
            for line in &hunk.lines {
                let _ = writeln!(out, "{}{}", sign(line.side), line.text);
                if line.unended {
                    out.push_str("\\ No newline at end of file\n");
                }
            }
        }
    }
    out
}

/// The sign before a line: a space, `-` or `+`.
pub fn sign(side: Side) -> char {
    match side {
        Side::Both => ' ',
        Side::Old => '-',
        Side::New => '+',
    }
}

/// The header of a hunk: `@@ -1,2 +3,4 @@ heading`.
pub fn hunk_header(hunk: &Hunk) -> String {
    let (old, new) = counts(&hunk.lines);
    let stretch = |start: usize, count: usize| match count {
        1 => start.to_string(),
        _ => format!("{start},{count}"),
    };
    let space = if hunk.heading.is_empty() { "" } else { " " };
    format!(
        "@@ -{} +{} @@{space}{}",
        stretch(hunk.old_start, old),
        stretch(hunk.new_start, new),
        hunk.heading
    )
}

/// How many of these lines are in the old version, and in the new one.
pub fn counts(lines: &[DiffLine]) -> (usize, usize) {
    let within = |side: Side| lines.iter().filter(|line| line.side != side).count();
    (within(Side::New), within(Side::Old))
}

/// The lines before the hunks of a file.
pub fn header(file: &FileDiff) -> Vec<String> {
    let old = file.was.as_deref().unwrap_or(&file.path);
    let side = |side: char, path: &str| quoted(&format!("{side}/{path}"));
    let (a, b) = (side('a', old), side('b', &file.path));
    let mut lines = vec![format!("diff --git {a} {b}")];
    if let Some((before, after)) = &file.modes {
        lines.push(format!("old mode {before}"));
        lines.push(format!("new mode {after}"));
    }
    let made = file.made.as_deref().unwrap_or("100644");
    let moved = match file.fate {
        Fate::Added => {
            lines.push(format!("new file mode {made}"));
            None
        }
        Fate::Deleted => {
            lines.push(format!("deleted file mode {made}"));
            None
        }
        Fate::Modified => None,
        Fate::Renamed => Some("rename"),
        Fate::Copied => Some("copy"),
    };
    if let Some(word) = moved {
        lines.push(format!("{word} from {}", quoted(old)));
        lines.push(format!("{word} to {}", quoted(&file.path)));
    }
    let none = "/dev/null".to_owned();
    let (before, after) = match file.fate {
        Fate::Added => (&none, &b),
        Fate::Deleted => (&a, &none),
        _ => (&a, &b),
    };
    if file.binary {
        lines.push(format!("Binary files {before} and {after} differ"));
    } else if !file.hunks.is_empty() {
        let ended = |name: &str| {
            let tab = if name.contains(' ') { "\t" } else { "" };
            format!("{name}{tab}")
        };
        lines.push(format!("--- {}", ended(before)));
        lines.push(format!("+++ {}", ended(after)));
    }
    lines
}

/// A name as git prints it: in quotes as C has them when it holds a quote, a backslash or a control.
fn quoted(name: &str) -> String {
    let odd = |c: char| c == '"' || c == '\\' || c.is_ascii_control();
    if !name.contains(odd) {
        return name.to_owned();
    }
    let mut out = String::from("\"");
    for c in name.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\x0b' => out.push_str("\\v"),
            '\x0c' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c.is_ascii_control() => {
                let _ = write!(out, "\\{:03o}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
