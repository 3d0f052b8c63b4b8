//! Asking: which window is asked for, and where an answer puts the viewer.
//!
//! Answers come before the next frame. Only the answer to the newest question counts. A place that is looked for and
//! not found yet is asked for again as the document is read on.

use super::words::came;
use super::{Standing, Viewer, layout};
use crate::domain::log::{Anchor, Found, Goal, Look, Spot, Voice, Window};
use crate::ui::msg::{LogNews, LogWish};

/// What a question was for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Asked {
    /// To follow the end.
    End,
    /// To see the first line that shows.
    Top,
    /// To stay on the line it stands on, in its row.
    Hold,
    /// To go somewhere.
    Seek(Seek),
    /// To find a line of golive's, from this one on; how many windows were looked through.
    Words { back: bool, from: Spot, tries: u8 },
}

/// A place that is looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seek {
    pub(super) from: Option<Spot>,
    pub(super) back: bool,
    pub(super) goal: Goal,
    /// It was looked for in the rest of the log already.
    pub(super) wrapped: bool,
    /// Nothing is said when there is none: the operator is still typing.
    pub(super) quiet: bool,
}

/// The most rows a window is asked for: taller screens do not exist.
const TALLEST: usize = 500;

/// How many lines are looked through at a time for golive's words, and how often.
const WORDS_LINES: usize = 4000;
const WORDS_TRIES: u8 = 25;

impl Viewer {
    /// Takes what was heard of a log; returns what has to be asked next.
    pub fn hear(&mut self, news: &LogNews) -> Vec<LogWish> {
        match news {
            LogNews::Window {
                document,
                serial,
                window,
            } if *document == self.document && *serial == self.serial => {
                self.take(window.as_ref().clone())
            }
            LogNews::Changed(document) if *document == self.document => vec![self.refresh()],
            _ => Vec::new(),
        }
    }

    /// Asks for the window of where it stands again; for what is looked for, when something is.
    pub fn refresh(&mut self) -> LogWish {
        if let Some(seek) = self.waiting {
            return self.ask(Asked::Seek(seek));
        }
        match self.standing {
            Standing::Follow => self.ask(Asked::End),
            Standing::At { .. } => self.ask(Asked::Hold),
        }
    }

    pub(super) fn height(&self) -> usize {
        usize::from(self.size.1).clamp(1, TALLEST)
    }

    /// Its height in rows, as a distance.
    pub(super) fn tall(&self) -> i64 {
        i64::from(self.size.1.max(1)).min(500)
    }

    pub(super) fn ask(&mut self, asked: Asked) -> LogWish {
        self.serial += 1;
        self.asked = asked;
        let near = self.height() * 4;
        let hold = match self.standing {
            Standing::At { spot, .. } => Anchor::At(spot),
            Standing::Follow => Anchor::End,
        };
        let (anchor, above, below) = match asked {
            Asked::End => (Anchor::End, near, 0),
            Asked::Top => match self.open.floor {
                Some(floor) => (Anchor::At(floor), 0, near + 1),
                None => (Anchor::Top, 0, near),
            },
            Asked::Hold => (hold, near, near),
            Asked::Seek(seek) => {
                let Seek {
                    from, back, goal, ..
                } = seek;
                (Anchor::Seek { from, back, goal }, near, near)
            }
            Asked::Words { back, from, .. } => {
                let (above, below) = if back {
                    (WORDS_LINES, 0)
                } else {
                    (0, WORDS_LINES)
                };
                (Anchor::At(from), above, below)
            }
        };
        LogWish::Look {
            document: self.document,
            serial: self.serial,
            look: Look {
                anchor,
                above,
                below,
                open: self.open.clone(),
            },
        }
    }

    fn take(&mut self, mut window: Window) -> Vec<LogWish> {
        self.open.traces.extend(window.unfolded);
        self.learn_places(&window);
        self.cut_floor(&mut window);
        let follow_on = match self.asked {
            Asked::End => {
                self.nth = None;
                self.window = window;
                Vec::new()
            }
            Asked::Top => {
                self.window = window;
                if let Some(first) = self.window.lines.first() {
                    let spot = first.spot;
                    let row = layout::lead(first, &self.shape());
                    self.standing = Standing::At { spot, row };
                    self.settle();
                }
                Vec::new()
            }
            Asked::Hold => {
                self.hold(window);
                Vec::new()
            }
            Asked::Seek(seek) => self.arrive(seek, window),
            Asked::Words { back, from, tries } => self.words(back, from, tries, &window),
        };
        let facts = &self.window.facts;
        let is_counted = facts.indexed >= facts.bytes;
        if self.follows() {
            self.left_at = None;
        } else if self.left_at.is_none() && is_counted {
            self.left_at = Some(came(facts));
        }
        follow_on
    }

    /// Stays on the line that was asked for, or on the nearest that shows.
    fn hold(&mut self, window: Window) {
        let found = window.at.and_then(|at| window.lines.get(at));
        let found = found.map(|line| line.spot);
        let search = window.facts.search.as_ref();
        self.nth = found
            .zip(search.and_then(|search| search.nth))
            .map(|(spot, nth)| (spot.id, nth));
        self.window = window;
        if let (Some(found), Standing::At { spot, row }) = (found, self.standing) {
            let row = if found.id == spot.id { row } else { row.max(0) };
            self.standing = Standing::At { spot: found, row };
            self.settle();
        }
    }

    /// Goes where a search, an error or a moment was found.
    fn arrive(&mut self, seek: Seek, window: Window) -> Vec<LogWish> {
        let line = window.at.and_then(|at| window.lines.get(at));
        match (window.found, line) {
            (Found::Yes, Some(line)) => {
                self.waiting = None;
                let spot = line.spot;
                if seek.wrapped && seek.from.is_none() && !seek.quiet {
                    let end = if seek.back { "end" } else { "top" };
                    self.said = Some(format!("no more in this direction: went on at the {end}"));
                }
                let row = self.screen_row(spot.id).unwrap_or(self.height() / 3);
                self.standing = Standing::At {
                    spot,
                    row: i64::try_from(row).unwrap_or(0),
                };
                self.hold(window);
                self.show_whole();
                Vec::new()
            }
            (Found::NotYet, _) => {
                self.waiting = Some(seek);
                self.window.facts = window.facts;
                Vec::new()
            }
            _ if seek.from.is_some() && !seek.wrapped => {
                let again = Seek {
                    from: None,
                    wrapped: true,
                    ..seek
                };
                vec![self.ask(Asked::Seek(again))]
            }
            _ => {
                self.waiting = None;
                self.window.facts = window.facts;
                if !seek.quiet {
                    self.said = Some(none(seek.goal).to_owned());
                }
                // What shows may be older than what was asked last.
                vec![self.refresh()]
            }
        }
    }

    /// Looks through a window for golive's words.
    fn words(&mut self, back: bool, from: Spot, tries: u8, window: &Window) -> Vec<LogWish> {
        let is_word = |line: &&crate::domain::log::LogLine| {
            line.voice != Voice::Printed && line.spot.id != from.id
        };
        let found = if back {
            window.lines.iter().rev().find(is_word)
        } else {
            window.lines.iter().find(is_word)
        };
        if let Some(found) = found {
            let spot = found.spot;
            let row = self.screen_row(spot.id).unwrap_or(self.height() / 3);
            let row = i64::try_from(row).unwrap_or(0);
            self.standing = Standing::At { spot, row };
            return vec![self.ask(Asked::Hold)];
        }
        let (edge, is_over) = if back {
            (window.lines.first(), window.is_top)
        } else {
            (window.lines.last(), window.is_end)
        };
        match edge.map(|line| line.spot) {
            Some(edge) if !is_over && edge.id != from.id && tries < WORDS_TRIES => {
                let tries = tries + 1;
                let from = edge;
                vec![self.ask(Asked::Words { back, from, tries })]
            }
            _ => {
                self.said = Some("no more words of golive that way".to_owned());
                vec![self.refresh()]
            }
        }
    }

    /// Takes away the lines that were hidden by hand.
    fn cut_floor(&self, window: &mut Window) {
        let Some(floor) = self.open.floor else {
            return;
        };
        // The line itself, where it shows; else where it stands now, not where it stood when lines were hidden.
        let mut lines = window.lines.iter();
        let own = lines.position(|line| line.spot.id == floor.id);
        let gone = own.map_or_else(
            || {
                let lines = &window.lines;
                lines.partition_point(|line| line.spot.place < window.floor)
            },
            |at| at + 1,
        );
        if gone == 0 {
            return;
        }
        window.lines.drain(..gone);
        window.is_top = true;
        let last = window.lines.len().checked_sub(1);
        window.at = window
            .at
            .map(|at| at.saturating_sub(gone))
            .and(last.map(|last| window.at.map_or(0, |at| at.saturating_sub(gone)).min(last)));
        if let Some(first) = window.lines.first_mut() {
            first.hidden_before = 0;
        }
    }
}

fn none(goal: Goal) -> &'static str {
    match goal {
        Goal::Match => "no match in this log",
        Goal::Trouble => "no error or warning in this log",
        Goal::Gap(_) => "no slow gap in this log",
        Goal::Moment(_) => "no line at that time or later",
        Goal::Place(_) => "no line there",
    }
}
