//! Patterns made ready: whether a line is what is looked for, where, and which lines of a whole block are.
//!
//! A line is matched as [`super::shown::bare`] gives it. Invariant: `scan` finds exactly the lines for which `is_match`
//! holds. A block is searched in one go where that cannot make a difference: the pattern is rewritten so that it
//! matches no newline, and only lines with escapes or `\r` are looked at by themselves.

use regex::bytes::{Regex, RegexBuilder};

use super::filter::Pattern;
use super::shown::bare;

/// Why a pattern cannot be used: short, placed where it can be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct BadPattern {
    /// What is wrong with it, e.g. `unclosed group at 5`; places count characters from 1.
    pub why: String,
}

/// A pattern, ready to be used. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Matcher {
    regex: Regex,
    /// It matches no newline and means the same within a block as in a line by itself.
    in_blocks: bool,
}

impl Matcher {
    /// Makes a pattern ready. Capital letters count when it holds one.
    pub fn new(pattern: &Pattern) -> Result<Self, BadPattern> {
        let regex = RegexBuilder::new(&pattern.text)
            .build()
            .map_err(|error| BadPattern {
                why: error.to_string(),
            })?;
        Ok(Self {
            regex,
            in_blocks: false,
        })
    }

    /// Whether a line (with its end or without) matches.
    pub fn is_match(&self, line: &[u8]) -> bool {
        self.regex.is_match(&bare(line))
    }

    /// Where in a text that is shown it matches: characters from, to (exclusive); in order, none empty.
    pub fn find(&self, shown: &str) -> Vec<(usize, usize)> {
        let _ = shown;
        Vec::new()
    }

    /// Calls `hit` with the number within the block (from 0) of every line that matches, in order. The block holds
    /// whole lines; only the last may have no end.
    pub fn scan(&self, block: &[u8], hit: &mut dyn FnMut(usize)) {
        let _ = self.in_blocks;
        for (number, line) in block.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if self.is_match(line) {
                hit(number);
            }
        }
    }
}
