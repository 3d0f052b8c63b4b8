//! Filters and searches as plain data: what the operator wants to see.

use std::collections::BTreeSet;

use super::line::Level;

/// A text or regular expression. Smart case: capital letters count when it holds one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pattern {
    /// As typed.
    pub text: String,
    /// It is a regular expression, not a text.
    pub regex: bool,
}

/// A rule of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it tests.
    pub test: Test,
    /// It counts.
    pub on: bool,
}

/// What a rule tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// Only lines that match show; of several such rules one has to match.
    In(Pattern),
    /// Lines that match do not show.
    Out(Pattern),
}

/// What shows of a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filters {
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// Only lines that are at least so grave; those that do not say count as info. golive's own words always show.
    pub level: Level,
    /// Owners whose lines do not show, see [`super::TrackFacts::owner`].
    pub hidden: BTreeSet<usize>,
    /// Lines shown before and after each line that rules and level show.
    pub context: u64,
    /// All rules and the level are off for now; hidden owners stay hidden.
    pub off: bool,
}

impl Filters {
    /// Whether every line shows.
    pub fn shows_all(&self) -> bool {
        let rules = self.rules.iter().any(|rule| rule.on) || self.level > Level::Debug;
        self.hidden.is_empty() && (self.off || !rules)
    }
}
