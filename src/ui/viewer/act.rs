//! Acts: what keys of the log do. All of them only look.

use super::asking::Asked;
use super::{Standing, Times, Viewer};
use crate::domain::log::{Filters, Goal};
use crate::ui::keymap::Act;
use crate::ui::msg::LogWish;

/// A slow gap: a line that came so many milliseconds after the one before it.
const SLOW_MS: i64 = 2000;

/// The most lines around those that filters show.
const MOST_CONTEXT: u64 = 20;

impl Viewer {
    /// Does what a key of the log says; returns what has to be asked. `None` = the key means nothing to a viewer.
    pub fn act(&mut self, act: Act) -> Option<Vec<LogWish>> {
        if let Some(wishes) = self.act_move(act) {
            return Some(wishes);
        }
        Some(match act {
            Act::Next | Act::Previous => self.go(Goal::Match, act == Act::Previous),
            Act::NextError | Act::PreviousError => {
                self.go(Goal::Trouble, act == Act::PreviousError)
            }
            Act::Gap => self.go(Goal::Gap(SLOW_MS), false),
            Act::SectionBack | Act::SectionOn => self.words_of_golive(act == Act::SectionBack),
            Act::Wrap => {
                self.turn_wrap();
                vec![self.refresh()]
            }
            Act::Time => {
                self.times = self.times.next();
                let is_unseen = self.times != Times::Off && self.columns().time == 0;
                let room = if is_unseen { " (no room)" } else { "" };
                self.said = Some(format!("times: {}{room}", self.times.word()));
                self.settle();
                Vec::new()
            }
            Act::Clear => self.clear(),
            Act::SetMark => {
                self.mark();
                Vec::new()
            }
            Act::NextMark => self.next_mark(),
            Act::Select if self.selection.is_some() => self.unselect()?,
            Act::Select => {
                self.select();
                Vec::new()
            }
            Act::Copy => self.copy(),
            Act::Unfold => self.show_hidden(),
            Act::FiltersOff => {
                let filters = Filters {
                    off: !self.filters.off,
                    ..self.filters.clone()
                };
                self.set_filters(filters)
            }
            Act::ContextMore | Act::ContextFewer => {
                let context = if act == Act::ContextMore {
                    (self.filters.context + 1).min(MOST_CONTEXT)
                } else {
                    self.filters.context.saturating_sub(1)
                };
                let filters = Filters {
                    context,
                    ..self.filters.clone()
                };
                self.set_filters(filters)
            }
            Act::TabBack | Act::TabOn => self.next_owner(act == Act::TabBack),
            Act::Open => self.open()?,
            Act::Pager => vec![LogWish::Page(self.document)],
            Act::Close => self.close()?,
            _ => return None,
        })
    }

    fn act_move(&mut self, act: Act) -> Option<Vec<LogWish>> {
        let page = self.tall();
        let half = (page / 2).max(1);
        match act {
            Act::Bottom | Act::Follow => return Some(vec![self.follow()]),
            Act::Top => {
                self.stop();
                return Some(vec![self.ask(Asked::Top)]);
            }
            Act::Left | Act::Right => {
                self.aside(act == Act::Left);
                return Some(Vec::new());
            }
            Act::Down | Act::HalfDown | Act::PageDown if self.follows() => {
                return Some(Vec::new());
            }
            Act::Down | Act::Up | Act::HalfDown | Act::HalfUp | Act::PageDown | Act::PageUp => {}
            _ => return None,
        }
        if !self.stop() {
            return Some(Vec::new());
        }
        match act {
            Act::Down | Act::Up => self.line(act == Act::Up),
            Act::HalfDown => self.scroll(half),
            Act::HalfUp => self.scroll(-half),
            Act::PageDown => self.scroll(page),
            _ => self.scroll(-page),
        }
        // The answer to a question that was asked before belongs to where it stood then.
        self.waiting = None;
        Some(if self.is_short() {
            vec![self.ask(Asked::Hold)]
        } else {
            Vec::new()
        })
    }

    /// Leaves what is most in the way: the selection, the search. `None` = there is nothing to leave.
    fn close(&mut self) -> Option<Vec<LogWish>> {
        if let Some(wishes) = self.unselect() {
            return Some(wishes);
        }
        self.pattern()?;
        Some(self.search_for(None))
    }

    /// Goes from the lines of all owners to those of the next, and around.
    fn next_owner(&mut self, back: bool) -> Vec<LogWish> {
        let owners: Vec<usize> = self.labels.owners.keys().copied().collect();
        if owners.len() < 2 {
            return Vec::new();
        }
        let only = self.only_owner();
        let at = only.and_then(|only| owners.iter().position(|owner| *owner == only));
        let next = match (at, back) {
            (None, false) => Some(0),
            (None, true) => Some(owners.len() - 1),
            (Some(at), false) => Some(at + 1).filter(|at| *at < owners.len()),
            (Some(at), true) => at.checked_sub(1),
        };
        self.only(next.map(|at| owners[at]))
    }

    /// Goes to the next (or previous) line golive says.
    fn words_of_golive(&mut self, back: bool) -> Vec<LogWish> {
        if !self.stop() {
            return Vec::new();
        }
        let Standing::At { spot, .. } = self.standing else {
            return Vec::new();
        };
        let from = spot;
        let tries = 0;
        vec![self.ask(Asked::Words { back, from, tries })]
    }
}
