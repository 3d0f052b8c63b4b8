//! Paint: the only way text reaches a cell.
//!
//! It clips to the buffer, counts columns, expands tabs and shows every control, bidirectional or invisible sign as
//! text, so that bytes from outside can never move the cursor or hide a word. Nothing here can panic at any size.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::domain::text;
use crate::ui::theme::{Lines, Mark, State, Theme};

/// A buffer with the theme it is painted in.
pub struct Paint<'a> {
    /// Where to.
    pub buffer: &'a mut Buffer,
    /// How.
    pub theme: &'a Theme,
}

/// A run of text with its role.
pub type Piece<'a> = (&'a str, &'a str);

/// What stands on the edges of a panel.
#[derive(Debug, Clone, Copy, Default)]
pub struct Frame<'a> {
    /// Top left.
    pub title: &'a str,
    /// Top right.
    pub right: &'a str,
    /// Bottom right.
    pub bottom: &'a str,
    /// Whether it has the keys.
    pub focus: bool,
    /// The box of a decision: double lines.
    pub double: bool,
}

impl Paint<'_> {
    /// Writes a text from `x` over at most `width` columns; returns the columns it took. What is too long is cut
    /// with a mark.
    pub fn text(&mut self, x: u16, y: u16, width: u16, value: &str, role: &str) -> u16 {
        let style = self.theme.style(role);
        self.styled(x, y, width, value, style)
    }

    /// As [`Paint::text`], with a style.
    pub fn styled(&mut self, x: u16, y: u16, width: u16, value: &str, style: Style) -> u16 {
        let shown = self.shorten(value, width);
        let mut at = x;
        for grapheme in shown.graphemes(true) {
            let wide = grapheme.width() as u16;
            if wide == 0 {
                continue;
            }
            let area = self.buffer.area;
            if y < area.y || y >= area.bottom() || at < area.x || at + wide > area.right() {
                break;
            }
            self.buffer[(at, y)].set_symbol(grapheme).set_style(style);
            for rest in 1..wide {
                // It belongs to the sign before it: no symbol, the same page.
                let page = self.theme.style("page");
                let cell = &mut self.buffer[(at + rest, y)];
                cell.reset();
                cell.set_style(page.patch(style));
            }
            at += wide;
        }
        at - x
    }

    /// Writes several pieces one behind the other; returns the columns they took.
    pub fn pieces(&mut self, x: u16, y: u16, width: u16, pieces: &[Piece<'_>]) -> u16 {
        let mut used = 0;
        for (value, role) in pieces {
            if used >= width {
                break;
            }
            used += self.text(x + used, y, width - used, value, role);
        }
        used
    }

    /// Writes a text from the top of an area, broken into its rows; what does not fit is left out.
    pub fn wrapped(&mut self, area: Rect, text: &str, role: &str) {
        let rows = text
            .lines()
            .flat_map(|line| wrap(line, usize::from(area.width)));
        for (y, row) in (area.y..area.bottom()).zip(rows) {
            self.text(area.x, y, area.width, &row, role);
        }
    }

    /// Writes a text that ends at column `right` (exclusive), at most `width` columns; returns where it begins.
    pub fn right(&mut self, right: u16, y: u16, width: u16, value: &str, role: &str) -> u16 {
        let shown = self.shorten(value, width);
        let start = right.saturating_sub(columns(&shown) as u16);
        self.text(start, y, width, &shown, role);
        start
    }

    /// A text made safe and cut to `width` columns.
    pub fn shorten(&self, value: &str, width: u16) -> String {
        let safe = safe(value);
        if self.theme.ascii() {
            let plain: String = safe.chars().map(ascii_of).collect();
            return text::ellipsis(&plain, usize::from(width)).replace('…', "~");
        }
        text::ellipsis(&safe, usize::from(width))
    }

    /// Gives an area the style of a role and empties it.
    pub fn fill(&mut self, area: Rect, role: &str) {
        // A role without a background stands on the page, not on what the terminal has below it.
        let style = self.theme.style("page").patch(self.theme.style(role));
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                self.buffer[(x, y)].reset();
                self.buffer[(x, y)].set_style(style);
            }
        }
    }

    /// Lays the style of a role over what stands in an area.
    pub fn tint(&mut self, area: Rect, role: &str) {
        let style = self.theme.style(role);
        self.buffer
            .set_style(area.intersection(self.buffer.area), style);
    }

    /// Lays the style of a role under what stands in an area: what has a background of its own, such as a match, keeps
    /// its colours, or dark letters would stand on dark ground.
    pub fn tint_below(&mut self, area: Rect, role: &str) {
        let page = self.theme.style("page").bg.unwrap_or(Color::Reset);
        let style = self.theme.style(role);
        let kept = Style {
            fg: None,
            bg: None,
            ..style
        };
        for spot in area.intersection(self.buffer.area).positions() {
            let cell = &mut self.buffer[spot];
            let is_page = cell.bg == page || cell.bg == Color::Reset;
            cell.set_style(if is_page { style } else { kept });
        }
    }

    /// Draws a box and what stands on its edges; returns the area inside.
    pub fn panel(&mut self, area: Rect, frame: Frame<'_>) -> Rect {
        let area = area.intersection(self.buffer.area);
        if area.width < 2 || area.height < 2 {
            return Rect::new(area.x, area.y, 0, 0);
        }
        let (lines, role) = match (frame.double, frame.focus) {
            (true, _) => (Lines::Double, "border.danger"),
            (false, true) => (Lines::Heavy, "border.focus"),
            (false, false) => (Lines::Plain, "border"),
        };
        let (set, style) = (self.theme.lines(lines), self.theme.style(role));
        let (left, right, top, bottom) = (area.x, area.right() - 1, area.y, area.bottom() - 1);
        let mut put = |x: u16, y: u16, symbol: &str| {
            self.buffer[(x, y)].set_symbol(symbol).set_style(style);
        };
        for x in left..=right {
            put(x, top, set.horizontal_top);
            put(x, bottom, set.horizontal_bottom);
        }
        for y in top..=bottom {
            put(left, y, set.vertical_left);
            put(right, y, set.vertical_right);
        }
        put(left, top, set.top_left);
        put(right, top, set.top_right);
        put(left, bottom, set.bottom_left);
        put(right, bottom, set.bottom_right);
        self.edges(area, frame);
        Rect::new(left + 1, top + 1, area.width - 2, area.height - 2)
    }

    fn edges(&mut self, area: Rect, frame: Frame<'_>) {
        let room = area.width.saturating_sub(4);
        let mut used = 0;
        if !frame.title.is_empty() && room > 2 {
            let title = format!(" {} ", self.shorten(frame.title, room - 2));
            let role = if frame.focus || frame.double {
                "text.strong"
            } else {
                "text.title"
            };
            used = self.text(area.x + 2, area.y, room, &title, role);
        }
        let room_right = room.saturating_sub(used + 1);
        if !frame.right.is_empty() && usize::from(room_right) >= columns(frame.right) + 2 {
            let right = format!(" {} ", frame.right);
            self.right(area.right() - 2, area.y, room_right, &right, "text.dim");
        }
        if !frame.bottom.is_empty() && room > 2 {
            let bottom = format!(" {} ", self.shorten(frame.bottom, room - 2));
            self.right(
                area.right() - 2,
                area.bottom() - 1,
                room,
                &bottom,
                "text.dim",
            );
        }
    }

    /// Writes the glyph of a state; returns 1.
    pub fn glyph(&mut self, x: u16, y: u16, state: State) -> u16 {
        let glyph = self.theme.glyph(state);
        self.text(x, y, 1, glyph, state.role())
    }

    /// Writes one of golive's marks; returns 1.
    pub fn mark(&mut self, x: u16, y: u16, mark: Mark, role: &str) -> u16 {
        let mark = self.theme.mark(mark);
        self.text(x, y, 1, mark, role)
    }
}

/// The columns a text takes.
pub fn columns(value: &str) -> usize {
    text::width(value)
}

/// A name cut in its middle to `width` columns: names of hosts differ at their ends.
pub fn middle(value: &str, width: u16) -> String {
    let letters: Vec<char> = safe(value).chars().collect();
    let width = usize::from(width);
    if columns(value) <= width || width < 4 {
        return letters.into_iter().collect();
    }
    let end = (width - 1) / 2;
    let begin = width - 1 - end;
    let mut cut: String = letters[..begin.min(letters.len())].iter().collect();
    cut.push('…');
    cut.extend(&letters[letters.len().saturating_sub(end)..]);
    cut
}

/// A text from outside, safe to show: tabs become spaces, everything that acts or hides is spelled out.
pub fn safe(value: &str) -> String {
    if !value.contains(|c: char| c == '\t' || !is_plain(c)) {
        return value.to_owned();
    }
    let mut out = String::with_capacity(value.len());
    // What stands in it is measured once: a text may be tabs by the thousand.
    let (mut column, mut measured) = (0, 0);
    for c in value.chars() {
        if c == '\t' {
            column += columns(&out[measured..]);
            let stop = 8 - column % 8;
            out.extend(std::iter::repeat_n(' ', stop));
            column += stop;
            measured = out.len();
        } else {
            text::push_visible(&mut out, c);
        }
    }
    out
}

fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' | '\u{2500}'..='\u{257f}')
}

fn ascii_of(c: char) -> char {
    match c {
        '…' => '…',
        _ if c.is_ascii() => c,
        '─' => '-',
        '→' | '»' => '>',
        // Control characters as pictures: `^[31m` tells more than `?[31m`.
        '\u{2400}'..='\u{2421}' => '^',
        _ => '?',
    }
}

/// Breaks a text at spaces into rows of at most `width` columns; words that are longer are cut.
pub fn wrap(value: &str, width: usize) -> Vec<String> {
    let mut rows = Vec::new();
    let mut row = String::new();
    for word in safe(value).split_inclusive(' ') {
        let wide = columns(word.trim_end());
        if columns(&row) + wide > width && !row.is_empty() {
            rows.push(std::mem::take(&mut row).trim_end().to_owned());
        }
        let rest = if wide > width && width > 0 {
            let (whole, rest) = cut(word, width);
            rows.extend(whole);
            rest
        } else {
            word
        };
        row.push_str(rest);
    }
    if !row.trim_end().is_empty() || rows.is_empty() {
        rows.push(row.trim_end().to_owned());
    }
    rows
}

/// A word in rows of at most `width` columns, and what is left for the next one. Each sign is measured once: a word may
/// be as long as a file.
fn cut(word: &str, width: usize) -> (Vec<String>, &str) {
    let (mut rows, mut from, mut used) = (Vec::new(), 0, 0);
    for (at, grapheme) in word.grapheme_indices(true) {
        let wide = grapheme.width();
        if used + wide > width && at > from && grapheme != " " {
            let end = joint(&word[from..], at - from).map_or(at, |joint| from + joint);
            rows.push(word[from..end].to_owned());
            used = columns(&word[end..at]);
            from = end;
        }
        used += wide;
    }
    (rows, &word[from..])
}

/// Where a name that ends right behind `at` is better broken, so that no comma and no single letter stands alone.
fn joint(word: &str, at: usize) -> Option<usize> {
    const ALONE: usize = 3;
    let few = word[at..].trim_end().chars().take(ALONE + 1).count() <= ALONE;
    let before = word[..at].trim_end_matches(['/', '-', '.', '_']);
    let joint = before.rfind(['/', '-', '.', '_']).filter(|_| few)?;
    (joint * 2 > at).then_some(joint + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_one_column_too_long_takes_its_comma_along() {
        let rows = wrap("users see DEPLOYED-2026-11-17/1705, since today", 24);
        assert_eq!(
            rows,
            ["users see", "DEPLOYED-2026-11-17/", "1705, since today"]
        );
        // What goes on for longer is broken where the row ends, and what has no joint, too.
        assert_eq!(wrap("aaaa/bbbbbbbbbb", 6), ["aaaa/b", "bbbbbb", "bbb"]);
        assert_eq!(wrap("aaaaaaa,", 7), ["aaaaaaa", ","]);
    }

    #[test]
    fn nothing_from_outside_can_act_on_the_terminal() {
        let shown = safe("a\u{1b}[31mb\u{202e}c\td\u{9b}");
        assert!(
            shown.chars().all(|c| !c.is_control() && c != '\u{202e}'),
            "{shown}"
        );
        assert!(shown.contains('␛') && shown.contains("<U+202E>"));
    }

    #[test]
    fn a_text_is_cut_at_the_edge_of_the_buffer_and_never_splits_a_wide_sign() {
        let theme = Theme::default();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 5, 1));
        let mut paint = Paint {
            buffer: &mut buffer,
            theme: &theme,
        };
        paint.text(0, 0, 5, "ab漢字xyz", "text");
        paint.text(3, 7, 5, "outside", "text");
        assert_eq!(buffer.area.width, 5);
    }

    #[test]
    fn what_is_chosen_is_seen_on_the_page_of_every_theme_and_a_match_keeps_its_ground() {
        let look = crate::ui::theme::Look {
            depth: crate::ui::theme::Depth::True,
            ascii: false,
        };
        for name in ["golive-dark", "golive-light"] {
            let theme = crate::ui::theme::Catalog::shipped()
                .load(name, look)
                .unwrap();
            let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
            let mut paint = Paint {
                buffer: &mut buffer,
                theme: &theme,
            };
            let row = Rect::new(0, 0, 8, 1);
            paint.fill(row, "page");
            paint.text(0, 0, 4, "line", "text");
            paint.text(4, 0, 4, "here", "match");
            paint.tint_below(row, "select");
            let ground = theme.style("select").bg.unwrap();
            assert_eq!(buffer[(0, 0)].bg, ground, "{name}");
            assert_eq!(buffer[(4, 0)].bg, theme.style("match").bg.unwrap());
        }
    }

    #[test]
    fn what_is_filled_with_a_role_without_background_stands_on_the_page() {
        let look = crate::ui::theme::Look {
            depth: crate::ui::theme::Depth::True,
            ascii: false,
        };
        let theme = crate::ui::theme::Catalog::shipped()
            .load("golive-light", look)
            .unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
        let mut paint = Paint {
            buffer: &mut buffer,
            theme: &theme,
        };
        paint.fill(Rect::new(0, 0, 4, 1), "text");
        paint.text(0, 0, 4, "漢", "text");
        let page = theme.style("page").bg.unwrap();
        assert!((0..4).all(|x| buffer[(x, 0)].bg == page));
    }

    #[test]
    fn a_long_name_keeps_both_of_its_ends() {
        assert_eq!(middle("staging-host-1", 14), "staging-host-1");
        assert_eq!(middle("staging-host-1", 9), "stag…st-1");
    }

    #[test]
    fn rows_break_at_spaces_and_long_words_are_cut() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("abc def", 3), ["abc", "def"]);
        assert_eq!(wrap("a bcdef g", 3), ["a", "bcd", "ef", "g"]);
        assert_eq!(wrap("漢字漢", 1), ["漢", "字", "漢"]);
        assert_eq!(wrap("ab\tc", 80), ["ab      c"]);
    }

    #[test]
    fn a_text_as_long_as_a_file_is_measured_once() {
        // Where each row, or each tab, measured all of it these would not end.
        assert_eq!(wrap(&"x".repeat(4 << 20), 64).len(), (4 << 20) / 64);
        assert_eq!(safe(&"a\t".repeat(1 << 20)).len(), 8 << 20);
        assert_eq!(safe("ab漢\tc\t\td"), "ab漢    c               d");
    }
}
