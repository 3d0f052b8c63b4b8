//! A difference as another program draws it: delta or difftastic.
//!
//! What it prints went through the escape filter: text with colours, row by row, and nothing else. Bounded: long rows and
//! long prints are cut, and say so. Which program draws how is its own business, and its user's configuration.

use crate::domain::output::ansi::{self, Span, Style};

/// A longer row is cut, in bytes as printed.
const LONGEST_ROW: usize = 16 << 10;

/// A program that draws differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    /// <https://github.com/dandavison/delta>: reads a patch.
    Delta,
    /// <https://difftastic.wilfred.me.uk>: is called by git for each file.
    Difftastic,
}

impl Tool {
    /// All, in the order they are offered.
    pub const ALL: [Self; 2] = [Self::Delta, Self::Difftastic];

    /// What people call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Delta => "delta",
            Self::Difftastic => "difftastic",
        }
    }

    /// The name of its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Delta => "delta",
            Self::Difftastic => "difft",
        }
    }
}

/// What a program drew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drawn {
    /// Its rows, safe to show.
    pub rows: Vec<Vec<Span>>,
    /// Whether there was more.
    pub cut: bool,
}

impl Drawn {
    /// What was printed, made safe; `cut` = there was more.
    pub fn new(printed: &[u8], cut: bool) -> Self {
        let printed = printed.strip_suffix(b"\n").unwrap_or(printed);
        let rows = if printed.is_empty() {
            Vec::new()
        } else {
            printed.split(|byte| *byte == b'\n').map(row).collect()
        };
        Self { rows, cut }
    }
}

fn row(line: &[u8]) -> Vec<Span> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut spans = ansi::spans(&line[..line.len().min(LONGEST_ROW)]);
    if line.len() > LONGEST_ROW {
        spans.push(Span {
            text: " (cut)".to_owned(),
            style: Style::default(),
            control: true,
        });
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(row: &[Span]) -> String {
        row.iter().map(|span| span.text.as_str()).collect()
    }

    #[test]
    fn colours_stay_and_every_other_control_is_shown() {
        let drawn = Drawn::new(b"\x1b[31;41m-old\x1b[0K\x1b[m\r\n\x1b[2J\x07+new\n", false);
        assert_eq!(drawn.rows.len(), 2);
        assert_eq!(text(&drawn.rows[0]), "-old");
        assert!(drawn.rows[0][0].style.bg.is_some());
        assert_eq!(text(&drawn.rows[1]), "\u{241b}[2J^G+new");
        assert_eq!(Drawn::new(b"", false).rows.len(), 0);
    }

    #[test]
    fn a_row_of_megabytes_is_cut() {
        let drawn = Drawn::new(&vec![b'x'; 8 << 20], true);
        assert!(text(&drawn.rows[0]).len() < LONGEST_ROW + 10);
        assert!(text(&drawn.rows[0]).ends_with("(cut)") && drawn.cut);
    }
}
