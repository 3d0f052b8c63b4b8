//! A problem as plain text: file, line and column, the source line, a caret, what was expected, help.
//!
//! The caret stands under the right character whatever precedes it: tabs, wide characters, control signs. A long line
//! is cut to a window around the caret. No control sign of the file reaches the terminal.

use std::fmt;

use unicode_width::UnicodeWidthStr;

use super::{Problem, SourceText, Span};
use crate::domain::text::{push_visible, visible};

/// The most columns of a source line that are shown.
const WINDOW: usize = 100;
/// Tabs are shown as blanks up to the next multiple of this.
const TAB: usize = 4;

/// Writes the whole message of a problem, without a newline at its end.
pub(super) fn problem(problem: &Problem, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let source = &problem.source;
    let (line, column) = problem.place();
    let path = visible(&source.path);
    let what = visible(&problem.what);
    writeln!(f, "{path}:{line}:{column}: {what}")?;
    let last = problem
        .also
        .iter()
        .map(|(span, _)| source.place(span.start).0);
    let gutter = last.chain([line]).max().unwrap_or(line).to_string().len();
    write!(f, "{:gutter$} |", "")?;
    let label = problem.label.as_deref().unwrap_or_default();
    snippet(source, problem.span, label, gutter, f)?;
    for (span, label) in &problem.also {
        if source.place(span.start).0 == line {
            underline(source, *span, label, gutter, f)?;
        } else {
            write!(f, "\n{:gutter$} :", "")?;
            snippet(source, *span, label, gutter, f)?;
        }
    }
    for line in &problem.help {
        write!(f, "\nhelp: {}", visible(line))?;
    }
    Ok(())
}

/// Writes the line of a span and its underline, each after a newline.
fn snippet(
    source: &SourceText,
    span: Span,
    label: &str,
    gutter: usize,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let (number, _) = source.place(span.start);
    write!(f, "\n{number:gutter$} | {}", Shown::of(source, span).text)?;
    underline(source, span, label, gutter, f)
}

/// Writes the underline of a span with its label, after a newline.
fn underline(
    source: &SourceText,
    span: Span,
    label: &str,
    gutter: usize,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let shown = Shown::of(source, span);
    let (blanks, carets) = (" ".repeat(shown.blanks), "^".repeat(shown.carets));
    write!(f, "\n{:gutter$} | {blanks}{carets}", "")?;
    if label.is_empty() {
        Ok(())
    } else {
        write!(f, " {}", visible(label))
    }
}

/// A source line as it is shown.
struct Shown {
    text: String,
    blanks: usize,
    carets: usize,
}

impl Shown {
    /// Lays out the line where a span begins.
    fn of(source: &SourceText, span: Span) -> Self {
        let start = source.floor(span.start);
        let from = source.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = source.line(start);
        let end = source.floor(span.end.max(start));
        Self::line(line, start - from, end - from)
    }

    /// Lays out a line; `start` and `end` are the underlined bytes of it (`end` may lie behind the line).
    fn line(line: &str, start: usize, end: usize) -> Self {
        let cells = cells(line);
        let total: usize = cells.iter().map(|cell| cell.width).sum();
        let column = |offset: usize| -> usize {
            let before = cells.iter().take_while(|cell| cell.offset < offset);
            before.map(|cell| cell.width).sum()
        };
        let (first, last) = (column(start), column(end));
        let carets = last.saturating_sub(first).max(1);
        if total <= WINDOW {
            let text: String = cells.iter().map(|cell| cell.text.as_str()).collect();
            return Self {
                text: text.trim_end().to_owned(),
                blanks: first,
                carets,
            };
        }
        let left = first.saturating_sub(WINDOW / 3);
        let mut text = String::new();
        let (mut at, mut skipped) = (0, 0);
        for cell in &cells {
            if at >= left && at + cell.width <= left + WINDOW {
                text.push_str(&cell.text);
            } else if at < left {
                skipped = at + cell.width;
            }
            at += cell.width;
        }
        let mark = if skipped > 0 { "…" } else { "" };
        let blanks = first.saturating_sub(skipped) + mark.width();
        let more = if total > left + WINDOW { "…" } else { "" };
        let room = (left + WINDOW).saturating_sub(first).max(1);
        Self {
            text: format!("{mark}{text}{more}"),
            blanks,
            carets: carets.min(room),
        }
    }
}

/// A character as it is shown.
struct Cell {
    offset: usize,
    text: String,
    width: usize,
}

/// The characters of a line as they are shown, with their widths.
fn cells(line: &str) -> Vec<Cell> {
    let mut at = 0;
    let mut cells = Vec::with_capacity(line.len());
    for (offset, c) in line.char_indices() {
        let mut text = String::new();
        if c == '\t' {
            text.extend(std::iter::repeat_n(' ', TAB - at % TAB));
        } else {
            push_visible(&mut text, c);
        }
        let width = text.width();
        at += width;
        cells.push(Cell {
            offset,
            text,
            width,
        });
    }
    cells
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Problems;
    use super::*;

    fn shown(text: &str, part: &str) -> String {
        let start = text.find(part).unwrap();
        let mut problems = Problems::of(Arc::new(SourceText::new("releases.toml", text)));
        problems
            .add(start..start + part.len(), "wrong")
            .expected("this");
        problems.sorted()[0].to_string()
    }

    #[test]
    fn the_caret_stands_under_the_part_behind_tabs_and_wide_characters() {
        assert_eq!(
            shown("a = 1\n\t日本 = X\n", "X"),
            "releases.toml:2:7: wrong\n  |\n2 |     日本 = X\n  |            ^ this"
        );
    }

    #[test]
    fn control_signs_of_the_file_are_shown_as_signs() {
        let message = shown("a = \"\u{1b}]0;x\u{7}\" # X", "X");
        assert!(message.contains("␛]0;x␇"), "{message}");
        assert!(!message.contains('\u{1b}'));
    }

    #[test]
    fn a_long_line_is_cut_to_a_window_around_the_caret() {
        let text = format!("a = '{}X{}'", "x".repeat(300), "y".repeat(300));
        let message = shown(&text, "X");
        let lines: Vec<&str> = message.lines().collect();
        assert!(lines[2].chars().count() < 120, "{message}");
        let caret = lines[3].find('^').unwrap();
        assert_eq!(lines[2].chars().nth(caret), Some('X'), "{message}");
    }

    #[test]
    fn a_part_of_several_lines_is_underlined_on_its_first() {
        let message = shown("a = '''one\ntwo'''", "'''one\ntwo'''");
        assert_eq!(
            message,
            "releases.toml:1:5: wrong\n  |\n1 | a = '''one\n  |     ^^^^^^ this"
        );
    }
}
