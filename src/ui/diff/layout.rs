//! How a row of a diff is cut to the columns there are: its gutter, its text made safe, its parts when it wraps.
//!
//! Pure; drawing and moving agree on rows because both ask here. Very long lines are cut: nobody reads a packed script.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::domain::text;

/// So many bytes of a line are shown.
const MOST: usize = 16 << 10;
/// Tabs lead to the next multiple of this.
const TAB: usize = 8;
/// From so many columns on both numbers stand before a line.
const TWO_NUMBERS: u16 = 60;
/// From so many columns on one number does.
const ONE_NUMBER: u16 = 26;

/// A text as it is shown, and where in it the bytes of the real one are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Safe, tabs spread out.
    pub text: String,
    /// Where it came from, place by place: byte of the text, byte of what is shown. Only where they drift apart.
    places: Vec<(usize, usize)>,
    /// Bytes that are not shown.
    pub left_out: usize,
}

impl Shown {
    /// Makes a text ready.
    pub fn new(value: &str) -> Self {
        let mut end = value.len().min(MOST);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        let mut shown = Self {
            left_out: value.len() - end,
            ..Self::default()
        };
        let value = &value[..end];
        if value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            value.clone_into(&mut shown.text);
            return shown;
        }
        let mut column = 0;
        for (at, grapheme) in value.grapheme_indices(true) {
            let before = shown.text.len();
            if grapheme == "\t" {
                let stop = TAB - column % TAB;
                shown.text.extend(std::iter::repeat_n(' ', stop));
            } else {
                for c in grapheme.chars() {
                    text::push_visible(&mut shown.text, c);
                }
            }
            column += text::width(&shown.text[before..]);
            let drifts = shown.text.len() - before != grapheme.len();
            let drift = before.wrapping_sub(at);
            let known = shown
                .places
                .last()
                .map_or(0, |(from, to)| to.wrapping_sub(*from));
            if drift != known {
                shown.places.push((at, before));
            }
            if drifts {
                shown.places.push((at + grapheme.len(), shown.text.len()));
            }
        }
        shown
    }

    /// Where a part of the real text is in what is shown.
    pub fn part(&self, part: &Range<usize>) -> Range<usize> {
        let place = |at: usize| {
            let before = self.places.partition_point(|(from, _)| *from <= at);
            let (from, to) = match before.checked_sub(1) {
                Some(before) => self.places[before],
                None => (0, 0),
            };
            let mut place = (to + (at - from)).min(self.text.len());
            while !self.text.is_char_boundary(place) {
                place -= 1;
            }
            place
        };
        place(part.start)..place(part.end)
    }

    /// The rows it takes when it wraps in so many columns; at least one.
    pub fn parts(&self, columns: usize) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        let (mut from, mut used) = (0, 0);
        for (at, grapheme) in self.text.grapheme_indices(true) {
            let wide = grapheme.width();
            if used + wide > columns && at > from {
                parts.push(from..at);
                (from, used) = (at, 0);
            }
            used += wide;
        }
        parts.push(from..self.text.len());
        parts
    }

    /// What of it shows when it is scrolled by `aside` columns, and whether there is more behind it. A wide sign that is
    /// cut in two does not show; the spaces in its place are counted.
    pub fn window(&self, aside: usize, columns: usize) -> (usize, Range<usize>, bool) {
        let (mut used, mut from, mut blank) = (0, None, 0);
        for (at, grapheme) in self.text.grapheme_indices(true) {
            let wide = grapheme.width();
            if from.is_none() && used >= aside {
                from = Some(at);
                blank = used - aside;
            }
            if used + wide > aside + columns {
                let from = from.unwrap_or(at);
                return (blank, from..at.max(from), true);
            }
            used += wide;
        }
        let from = from.unwrap_or(self.text.len());
        (blank, from..self.text.len(), self.left_out > 0)
    }
}

/// The columns before a line's text, and how many there are for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    /// How many numbers stand before a line: 0, 1 or 2.
    pub numbers: u16,
    /// Columns of one.
    pub digits: u16,
    /// Columns before the text of a line, or of a half: cursor, numbers, sign and the spaces between them.
    pub before: u16,
    /// Columns of the text; of a half, when old and new stand side by side.
    pub text: u16,
    /// Columns of a half; 0 = one below the other.
    pub half: u16,
}

impl Columns {
    /// The columns of a view of this width, in which numbers have so many digits.
    pub fn new(width: u16, digits: u16, side_by_side: bool) -> Self {
        let numbers = match width {
            _ if side_by_side => 1,
            TWO_NUMBERS.. => 2,
            ONE_NUMBER.. => 1,
            _ => 0,
        };
        // The cursor, each number with a space, the sign with a space.
        let before = 1 + numbers * (digits + 1) + 2;
        let half = if side_by_side {
            width.saturating_sub(1) / 2
        } else {
            0
        };
        let room = if side_by_side { half } else { width };
        Self {
            numbers,
            digits,
            before,
            text: room.saturating_sub(before).max(1),
            half,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_text_are_found_in_what_is_shown() {
        let text = "\tif a\u{202e}b\x1b = 漢;";
        let shown = Shown::new(text);
        assert_eq!(shown.text, "        if a<U+202E>b␛ = 漢;");
        for word in ["if", "a", "b", "漢", ";"] {
            let at = text.find(word).unwrap();
            let part = shown.part(&(at..at + word.len()));
            assert_eq!(&shown.text[part], word);
        }
    }

    #[test]
    fn a_line_that_wraps_loses_nothing() {
        let shown = Shown::new("abc漢字def");
        let parts = shown.parts(4);
        let all: String = parts.iter().map(|part| &shown.text[part.clone()]).collect();
        assert_eq!(all, shown.text);
        assert!(
            parts
                .iter()
                .all(|part| text::width(&shown.text[part.clone()]) <= 4)
        );
        assert_eq!(Shown::new("").parts(4).len(), 1);
    }

    #[test]
    fn a_wide_sign_at_the_edge_does_not_show_in_half() {
        let shown = Shown::new("漢字x");
        assert_eq!(shown.window(1, 3), (1, 3..6, true));
        assert_eq!(shown.window(0, 5), (0, 0..7, false));
        assert_eq!(shown.window(9, 5), (0, 7..7, false));
    }

    #[test]
    fn a_packed_script_is_cut() {
        let long = "漢".repeat(20_000);
        let shown = Shown::new(&long);
        assert!(shown.text.len() <= MOST && shown.left_out > 0);
        assert!(shown.window(0, 10).2);
    }
}
