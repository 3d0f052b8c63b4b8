//! Faults: what is wrong in a theme file, with the line, the place in it, and the nearest right name.
//!
//! Owns the one error of the theme room and the way from a byte offset to a line and column. It renders nothing
//! itself beyond one line and a snippet; only `app/report.rs` puts errors on a terminal. Text of the file is
//! shown with control characters replaced, since a theme may come from anywhere.

use thiserror::Error;
use unicode_width::UnicodeWidthStr;

/// Why a theme cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ThemeError {
    /// Something in the file is wrong.
    #[error(transparent)]
    File(Box<Fault>),
    /// There is no theme of that name.
    #[error("there is no theme `{name}`")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The nearest name there is, if one is near.
        similar: Option<String>,
    },
}

impl ThemeError {
    /// What to do next, for a `help:` line.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::File(fault) => fault.help.clone(),
            Self::Unknown {
                similar: Some(name),
                ..
            } => Some(format!("did you mean `{name}`?")),
            Self::Unknown { similar: None, .. } => Some("`golive themes` lists them".to_owned()),
        }
    }

    /// The line of the file with a caret under the place; empty where no file is at fault.
    pub fn snippet(&self) -> String {
        match self {
            Self::File(fault) => fault.snippet(),
            Self::Unknown { .. } => String::new(),
        }
    }
}

/// One thing wrong at one place of a theme file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path}:{line}:{column}: {what}")]
pub struct Fault {
    /// The file, as the operator knows it.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How many columns are underlined, at least 1.
    pub width: usize,
    /// What is wrong.
    pub what: String,
    /// What to do next.
    pub help: Option<String>,
    /// The line itself, without control characters.
    pub text: String,
}

impl Fault {
    /// The line with its number, and a line of carets under the place.
    pub fn snippet(&self) -> String {
        let number = self.line.to_string();
        let before: String = self.text.chars().take(self.column - 1).collect();
        let pad = " ".repeat(before.width());
        let gutter = " ".repeat(number.len());
        format!(
            "{number} | {}\n{gutter} | {pad}{}",
            self.text,
            "^".repeat(self.width)
        )
    }
}

/// A theme file's text with the name it is known by: makes faults out of byte offsets.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) path: String,
    pub(super) text: String,
}

impl Page {
    /// The fault at `span` (byte offsets into the text).
    pub(super) fn fault(&self, span: std::ops::Range<usize>, what: impl Into<String>) -> Fault {
        let start = self.floor(span.start);
        let head = &self.text[..start];
        let line_start = head.rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text[start..]
            .find('\n')
            .map_or(self.text.len(), |at| start + at);
        let end = self.floor(span.end).clamp(start, line_end);
        Fault {
            path: self.path.clone(),
            line: head.matches('\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            width: self.text[start..end].width().max(1),
            what: what.into(),
            help: None,
            text: visible(&self.text[line_start..line_end]),
        }
    }

    fn floor(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

impl From<Fault> for ThemeError {
    fn from(fault: Fault) -> Self {
        Self::File(Box::new(fault))
    }
}

impl Fault {
    /// The same fault with a help line.
    pub(super) fn help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

/// `did you mean …?`, when one of `names` is near enough to `wrong`.
pub(super) fn did_you_mean<'n>(
    wrong: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<String> {
    nearest(wrong, names).map(|name| format!("did you mean `{name}`?"))
}

/// The nearest of `names`, when it is near enough to be meant.
pub(super) fn nearest<'n>(
    wrong: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(wrong, name), name))
        .filter(|(near, _)| *near >= 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}

fn visible(line: &str) -> String {
    line.trim_end_matches('\r')
        .chars()
        .map(|letter| match letter {
            '\t' => ' ',
            letter if letter.is_control() => '\u{fffd}',
            letter => letter,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_place_even_after_wide_characters() {
        let page = Page {
            path: "t.toml".into(),
            text: "a = 1\n\"界\" = \"rot\"\n".into(),
        };
        let start = page.text.find("\"rot\"").unwrap();
        let fault = page.fault(start..start + 5, "not a colour");
        assert_eq!(fault.to_string(), "t.toml:2:7: not a colour");
        assert_eq!(fault.snippet(), "2 | \"界\" = \"rot\"\n  |        ^^^^^");
    }

    #[test]
    fn a_place_outside_the_text_is_the_end_and_control_characters_are_not_shown() {
        let page = Page {
            path: "t.toml".into(),
            text: "x = \"\u{1b}[2J\"".into(),
        };
        let fault = page.fault(400..500, "cut");
        assert_eq!((fault.line, fault.width), (1, 1));
        assert!(!fault.snippet().contains('\u{1b}'));
    }

    #[test]
    fn only_near_names_are_offered() {
        assert_eq!(
            did_you_mean("stat.ok", ["state.ok", "text"]),
            Some("did you mean `state.ok`?".into())
        );
        assert_eq!(did_you_mean("zzz", ["state.ok", "text"]), None);
    }
}
