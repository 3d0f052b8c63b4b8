//! States: the glyph, the word and the letter that carry meaning without colour.
//!
//! Owns the one table of states that every screen, the plain face and the help draw from. No theme can change it:
//! a bad theme may be ugly, but a failure stays readable as a failure. Every glyph is one column wide in every
//! terminal (East Asian Width neutral or narrow), which a test holds.

use ratatui::symbols::border;

/// What can be said of a step, a task, a host or a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It is done, and well.
    Ok,
    /// It is running now.
    Run,
    /// It has not begun.
    Wait,
    /// It failed.
    Fail,
    /// It is done, but somebody should look.
    Warn,
    /// It was left out, on purpose.
    Skip,
    /// The host cannot be reached, or the outcome is unknown.
    Lost,
    /// It is done, and something is different now.
    Changed,
}

impl State {
    /// Every state, in the order of the help.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::Run,
        Self::Wait,
        Self::Fail,
        Self::Warn,
        Self::Skip,
        Self::Lost,
        Self::Changed,
    ];

    /// The glyph of one column; `ascii` for terminals that can show nothing else.
    pub const fn glyph(self, ascii: bool) -> &'static str {
        match (self, ascii) {
            (Self::Ok, false) => "✓",
            (Self::Ok, true) => "+",
            (Self::Run, false) => "▸",
            (Self::Run, true) => ">",
            (Self::Wait, false) => "◌",
            (Self::Wait, true) => ".",
            (Self::Fail, false) => "✗",
            (Self::Fail, true) => "X",
            (Self::Warn, _) => "!",
            (Self::Skip, false) => "⊘",
            (Self::Skip, true) => "/",
            (Self::Lost, _) => "?",
            (Self::Changed, _) => "~",
        }
    }

    /// The word for people who see no glyphs; loud where somebody must act.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Run => "run",
            Self::Wait => "wait",
            Self::Fail => "FAIL",
            Self::Warn => "warn",
            Self::Skip => "skip",
            Self::Lost => "LOST",
            Self::Changed => "changed",
        }
    }

    /// One ASCII character for the narrowest boards.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Ok => "k",
            Self::Run => "r",
            Self::Wait => ".",
            Self::Fail => "F",
            Self::Warn => "W",
            Self::Skip => "s",
            Self::Lost => "L",
            Self::Changed => "~",
        }
    }

    /// The role whose style the state is drawn in.
    pub const fn role(self) -> &'static str {
        match self {
            Self::Ok => "state.ok",
            Self::Run => "state.run",
            Self::Wait => "state.wait",
            Self::Fail => "state.fail",
            Self::Warn => "state.warn",
            Self::Skip => "state.skip",
            Self::Lost => "state.lost",
            Self::Changed => "state.changed",
        }
    }

    /// The key of the state in a theme's `[glyph]` table.
    pub fn key(self) -> &'static str {
        self.role().strip_prefix("state.").unwrap_or_default()
    }
}

/// Which lines a box is drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lines {
    /// A pane.
    Plain,
    /// The pane with the focus.
    Heavy,
    /// The one box in which a decision about production is made.
    Double,
}

const ASCII_PLAIN: border::Set<'static> = ascii_set("+", "|", "-");
const ASCII_HEAVY: border::Set<'static> = ascii_set("#", "#", "=");
const ASCII_DOUBLE: border::Set<'static> = ascii_set("*", "*", "*");

const fn ascii_set(
    corner: &'static str,
    vertical: &'static str,
    horizontal: &'static str,
) -> border::Set<'static> {
    border::Set {
        top_left: corner,
        top_right: corner,
        bottom_left: corner,
        bottom_right: corner,
        vertical_left: vertical,
        vertical_right: vertical,
        horizontal_top: horizontal,
        horizontal_bottom: horizontal,
    }
}

impl Lines {
    /// The pieces of the box.
    pub const fn set(self, ascii: bool) -> border::Set<'static> {
        match (self, ascii) {
            (Self::Plain, false) => border::PLAIN,
            (Self::Heavy, false) => border::THICK,
            (Self::Double, false) => border::DOUBLE,
            (Self::Plain, true) => ASCII_PLAIN,
            (Self::Heavy, true) => ASCII_HEAVY,
            (Self::Double, true) => ASCII_DOUBLE,
        }
    }
}

/// A mark that golive draws for itself, with its ASCII form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Before the row under the cursor.
    Cursor,
    /// Before a section that is folded open.
    Open,
    /// Before a section that is folded shut.
    Shut,
    /// The edge beside a line that belongs to an error.
    Edge,
    /// Where a text was cut.
    Cut,
    /// Between two phases of the rail.
    Link,
}

impl Mark {
    /// The mark, one column wide.
    pub const fn text(self, ascii: bool) -> &'static str {
        match (self, ascii) {
            (Self::Cursor, false) => "»",
            (Self::Open, false) => "▾",
            (Self::Edge, false) => "▌",
            (Self::Cut, false) => "…",
            (Self::Link, false) => "─",
            (Self::Shut, false) => "▸",
            (Self::Cursor | Self::Shut, true) => ">",
            (Self::Open, true) => "v",
            (Self::Edge, true) => "|",
            (Self::Cut, true) => "~",
            (Self::Link, true) => "-",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn every_glyph_is_one_column_even_where_ambiguous_is_wide() {
        for state in State::ALL {
            for ascii in [false, true] {
                assert_eq!(state.glyph(ascii).width_cjk(), 1, "{state:?}");
            }
            assert_eq!(state.letter().width(), 1);
            assert!(state.glyph(true).is_ascii() && state.word().is_ascii());
        }
    }

    #[test]
    fn states_differ_in_glyph_in_ascii_in_letter_and_in_word() {
        let distinct = |of: fn(State) -> &'static str| {
            State::ALL
                .into_iter()
                .map(of)
                .collect::<BTreeSet<_>>()
                .len()
        };
        assert_eq!(distinct(|state| state.glyph(false)), State::ALL.len());
        assert_eq!(distinct(|state| state.glyph(true)), State::ALL.len());
        assert_eq!(distinct(State::letter), State::ALL.len());
        assert_eq!(distinct(State::word), State::ALL.len());
        assert_eq!(distinct(State::key), State::ALL.len());
    }
}
