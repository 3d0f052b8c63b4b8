//! Searching: a text is looked for while it is typed, from where the operator was, and the next and previous of it.

use super::asking::{Asked, Seek};
use super::opening::nowhere;
use super::{Standing, Viewer};
use crate::domain::log::{Goal, Pattern, Spot};
use crate::ui::msg::LogWish;

/// Earlier searches that are remembered.
const REMEMBERED: usize = 50;

/// What is searched for.
#[derive(Debug, Clone, Default)]
pub(super) struct Search {
    pattern: Option<Pattern>,
    /// Earlier ones, the newest last.
    earlier: Vec<Pattern>,
    /// While a text is typed: where the operator was, and what was searched for.
    typing: Option<Box<(Standing, Option<Pattern>)>>,
}

impl Search {
    pub(super) fn pattern(&self) -> Option<&Pattern> {
        self.pattern.as_ref()
    }

    /// Takes over what is searched for in another document.
    pub(super) fn keep(&mut self, before: Self) {
        self.pattern = before.pattern;
        self.earlier = before.earlier;
    }
}

impl Viewer {
    /// Earlier searches, the newest last.
    pub fn searches(&self) -> &[Pattern] {
        &self.search.earlier
    }

    /// Searches for what is being typed, from where the operator was when typing began; `None` = nothing (yet).
    pub fn search_typed(&mut self, pattern: Option<Pattern>) -> Vec<LogWish> {
        let before = (self.standing, self.search.pattern.clone());
        let begun = self.search.typing.get_or_insert_with(|| Box::new(before));
        let standing = begun.0;
        self.search.pattern = pattern;
        self.standing = standing;
        self.waiting = None;
        let from = self.spot();
        let mut wishes = self.search_wish(from);
        if self.search.pattern.is_none() {
            wishes.push(self.refresh());
            return wishes;
        }
        // At the end the newest is wanted, else the next from here on, here included.
        let back = standing == Standing::Follow;
        let seek = Seek {
            from: if back { None } else { self.before() },
            back,
            goal: Goal::Match,
            wrapped: false,
            quiet: true,
        };
        wishes.push(self.ask(Asked::Seek(seek)));
        wishes
    }

    /// Typing is over: the search stays, or the operator is back where he was and what he searched for before.
    pub fn search_ended(&mut self, keep: bool) -> Vec<LogWish> {
        let Some(begun) = self.search.typing.take() else {
            return Vec::new();
        };
        if keep {
            if let Some(pattern) = self.search.pattern.clone() {
                self.search.earlier.retain(|earlier| *earlier != pattern);
                self.search.earlier.push(pattern);
                let over = self.search.earlier.len().saturating_sub(REMEMBERED);
                self.search.earlier.drain(..over);
            }
            if let Some(seek) = &mut self.waiting {
                seek.quiet = false;
            } else if self.search.pattern.is_some()
                && self.window.facts.search.as_ref().is_some_and(|found| {
                    found.lines == 0 && found.scanned >= self.window.facts.lines
                })
            {
                self.said = Some("no match in this log".to_owned());
            }
            return Vec::new();
        }
        let (standing, pattern) = *begun;
        self.standing = standing;
        self.search.pattern = pattern;
        self.waiting = None;
        let from = self.spot();
        let mut wishes = self.search_wish(from);
        wishes.push(self.refresh());
        wishes
    }

    /// Whether a text to search for is being typed.
    pub fn is_typing(&self) -> bool {
        self.search.typing.is_some()
    }

    /// Searches for something at once, or for nothing any more.
    pub fn search_for(&mut self, pattern: Option<Pattern>) -> Vec<LogWish> {
        if pattern.is_none() {
            self.search.pattern = None;
            self.waiting = None;
            let mut wishes = self.search_wish(None);
            wishes.push(self.refresh());
            return wishes;
        }
        let mut wishes = self.search_typed(pattern);
        wishes.extend(self.search_ended(true));
        wishes
    }

    /// Goes to the next (or previous) place of a kind, from the cursor.
    pub fn go(&mut self, goal: Goal, back: bool) -> Vec<LogWish> {
        if goal == Goal::Match && self.search.pattern.is_none() {
            self.said = Some("nothing is searched for; / searches".to_owned());
            return Vec::new();
        }
        let seek = Seek {
            from: match goal {
                Goal::Moment(_) | Goal::Place(_) => None,
                _ => self.spot(),
            },
            back,
            goal,
            wrapped: false,
            quiet: false,
        };
        vec![self.ask(Asked::Seek(seek))]
    }

    pub(super) fn search_wish(&self, from: Option<Spot>) -> Vec<LogWish> {
        vec![LogWish::Search {
            document: self.document,
            pattern: self.search.pattern.clone(),
            from,
        }]
    }

    /// The line the cursor is on.
    pub(super) fn spot(&self) -> Option<Spot> {
        match self.standing {
            Standing::Follow => None,
            Standing::At { spot, .. } => Some(spot),
        }
    }

    /// The place before the line the cursor is on: what is folded into a line above it is not sought.
    fn before(&self) -> Option<Spot> {
        let at = self.at()?;
        let (own, before) = (self.window.lines[at].spot, at.checked_sub(1)?);
        if own.id.begin().is_none() {
            return own.place.checked_sub(1).map(nowhere);
        }
        self.window.lines.get(before).map(|line| line.spot)
    }
}
