//! Layout: the rows a line takes. Pure arithmetic over one line; only lines near the screen are laid out.

use std::fmt::Write as _;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::thousands;
use crate::domain::log::{LogLine, Voice};

/// What rows depend on besides the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Columns for the text.
    pub width: usize,
    /// Long lines go on in the next row.
    pub wrap: bool,
    /// Columns scrolled to the right; counts only without wrapping.
    pub sideways: usize,
    /// Lines that are hidden before a line are told.
    pub tells_hidden: bool,
    /// golive's words are rules across: one row each.
    pub rules: bool,
}

/// A row of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// So many lines are hidden before the line.
    Hidden(u64),
    /// A part of the text, as bytes of [`text`]; whether text was left out behind it.
    Text(Range<usize>, bool),
}

/// The text of a line with what golive says about it, and how many bytes of it are the line's own.
pub fn text(line: &LogLine) -> (String, usize) {
    let mut text = line.text();
    let own = text.len();
    if line.updates > 0 {
        let _ = write!(text, "  ({} updates folded)", line.updates);
    }
    if line.cut > 0 {
        let _ = write!(text, "  +{} KB  o opens", line.cut.div_ceil(1024));
    }
    if let Some(folded) = folded(line) {
        let _ = write!(text, "  {folded}");
    }
    (text, own)
}

/// What is said of lines that are folded into one.
pub fn folded(line: &LogLine) -> Option<String> {
    (line.folded > 0).then(|| format!("+{} lines  Enter", thousands(line.folded)))
}

/// How many rows a line takes before its text: 1 when it tells how many lines are hidden before it.
pub fn lead(line: &LogLine, shape: &Shape) -> i64 {
    i64::from(shape.tells_hidden && line.hidden_before > 0)
}

/// Whether a row is the first of its line's text.
pub fn begins(row: &Row, wrap: bool) -> bool {
    matches!(row, Row::Text(part, _) if part.start == 0 || !wrap)
}

/// The rows of a line.
pub fn rows(line: &LogLine, shape: &Shape) -> Vec<Row> {
    let mut rows = Vec::new();
    if lead(line, shape) > 0 {
        rows.push(Row::Hidden(line.hidden_before));
    }
    let (text, own) = text(line);
    let width = shape.width.max(1);
    if shape.rules && line.voice != Voice::Printed {
        rows.push(Row::Text(0..text.len(), false));
    } else if shape.wrap {
        let parts = wrap_with(&text, own, width);
        rows.extend(parts.into_iter().map(|part| Row::Text(part, false)));
    } else {
        rows.push(cut(&text, shape.sideways, width));
    }
    rows
}

/// How many rows a line takes.
pub fn height(line: &LogLine, shape: &Shape) -> i64 {
    let is_rule = shape.rules && line.voice != Voice::Printed;
    if !shape.wrap || is_rule {
        return 1 + lead(line, shape);
    }
    i64::try_from(rows(line, shape).len()).unwrap_or(i64::MAX)
}

/// The part of a text from a column on that fits.
fn cut(text: &str, from: usize, width: usize) -> Row {
    if text.is_ascii() {
        let begin = from.min(text.len());
        let end = (begin + width).min(text.len());
        return Row::Text(begin..end, end < text.len());
    }
    let mut column = 0;
    let mut begin = None;
    let mut end = text.len();
    let mut is_more = false;
    for (at, grapheme) in text.grapheme_indices(true) {
        let wide = grapheme.width();
        if begin.is_none() && column >= from {
            begin = Some((at, column));
        }
        if let Some((_, first)) = begin
            && column + wide > first + width
        {
            (end, is_more) = (at, true);
            break;
        }
        column += wide;
    }
    let begin = begin.map_or(text.len(), |(at, _)| at);
    Row::Text(begin..end, is_more)
}

/// Breaks a text into rows. What is said behind the `own` part of it stays together in one row, where that is wide enough.
fn wrap_with(text: &str, own: usize, width: usize) -> Vec<Range<usize>> {
    let (line, said) = text.split_at(own);
    let mut parts = wrap(line, width);
    if said.is_empty() {
        return parts;
    }
    let told = said.trim_start();
    match parts.last_mut() {
        Some(last) if text[last.start..own].width() + said.width() <= width => {
            last.end = text.len();
        }
        _ if own > 0 && told.width() <= width => parts.push(text.len() - told.len()..text.len()),
        _ => return wrap(text, width),
    }
    parts
}

/// Breaks a text into rows: at a space when there is one in the second half of the row, else anywhere.
fn wrap(text: &str, width: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut begin, mut used) = (0, 0);
    // Where the row could end behind a space, and the columns up to there.
    let mut space = None;
    let mut place = |at: usize, end: usize, wide: usize, is_space: bool| {
        if used + wide > width && at > begin {
            match space.take() {
                Some((behind, columns)) if columns * 2 > width && behind < at => {
                    parts.push(begin..behind);
                    (begin, used) = (behind, used - columns);
                }
                _ => {
                    parts.push(begin..at);
                    (begin, used) = (at, 0);
                }
            }
        }
        used += wide;
        if is_space {
            space = Some((end, used));
        }
    };
    if text.is_ascii() {
        for (at, byte) in text.bytes().enumerate() {
            place(at, at + 1, 1, byte == b' ');
        }
    } else {
        for (at, grapheme) in text.grapheme_indices(true) {
            place(at, at + grapheme.len(), grapheme.width(), grapheme == " ");
        }
    }
    parts.push(begin..text.len());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, width: usize) -> Vec<&str> {
        let parts = wrap(text, width).into_iter();
        parts.map(|part| &text[part]).collect()
    }

    #[test]
    fn rows_break_at_spaces_and_long_words_are_cut() {
        assert_eq!(wrapped("one two three", 8), ["one two ", "three"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrapped("", 3), [""]);
    }

    #[test]
    fn what_is_said_of_a_line_stays_together() {
        let parts = |text: &str, own: usize, width: usize| -> Vec<String> {
            let parts = wrap_with(text, own, width).into_iter();
            parts.map(|part| text[part].to_owned()).collect()
        };
        let text = "one two  +2 lines  Enter";
        assert_eq!(parts(text, 7, 30), [text]);
        assert_eq!(parts(text, 7, 20), ["one two", "+2 lines  Enter"]);
        assert_eq!(parts(text, 7, 5), wrapped(text, 5));
        assert_eq!(parts("one two", 7, 5), ["one ", "two"]);
        let said = "  +2 lines  Enter";
        assert_eq!(parts(said, 0, 8), wrapped(said, 8));
    }

    #[test]
    fn wide_signs_are_never_split_even_where_there_is_no_room() {
        assert_eq!(wrapped("漢字漢", 3), ["漢", "字", "漢"]);
        assert_eq!(wrapped("漢字", 1), ["漢", "字"]);
        assert_eq!(wrapped("e\u{301}e\u{301}", 1), ["e\u{301}", "e\u{301}"]);
    }

    #[test]
    fn a_row_is_cut_by_columns_and_says_so() {
        assert_eq!(cut("abcdef", 2, 3), Row::Text(2..5, true));
        assert_eq!(cut("abc", 0, 3), Row::Text(0..3, false));
        assert_eq!(cut("漢字漢字", 2, 3), Row::Text(3..6, true));
        assert_eq!(cut("abc", 9, 3), Row::Text(3..3, false));
    }
}
