//! Asking: what of past releases is still to be asked, and when.
//!
//! While the cursor moves nothing is asked; once it rests for a moment the rows that show are filled in, the release
//! under it is asked for as a whole, and what it changed. Nothing is asked twice, and an answer that is older than
//! the newest question is dropped by its serial.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::{Compared, Range, Row, Shelf, Tab};
use crate::domain::catalog::Release;
use crate::domain::release::full_name;
use crate::domain::run::Moment;
use crate::ui::msg::ReleaseWish;

/// How long the cursor rests before anything is asked, in milliseconds.
const REST_MS: i64 = 90;

/// What was asked, and when the next question is due.
#[derive(Debug, Clone, Default)]
pub struct Asking {
    /// The list was asked for.
    list: bool,
    /// Rows that were asked for.
    filled: BTreeSet<String>,
    /// The release that was asked for as a whole.
    shown: Option<String>,
    find: (u64, String),
    diff: u64,
    /// What the operator looks at, and since when.
    glance: Option<(Glance, Moment)>,
    /// When to look again whether the cursor rests.
    due: Option<Moment>,
}

/// What the operator looks at: when it changes, the cursor does not rest.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Glance {
    top: usize,
    cursor: usize,
    commit: usize,
    find: String,
    range: Option<Range>,
}

impl Asking {
    /// The serial of the newest question for a diff.
    pub fn diff_serial(&self) -> u64 {
        self.diff
    }

    /// The serial of the newest question for files.
    pub fn find_serial(&self) -> u64 {
        self.find.0
    }

    /// When a message is wanted even though nothing happens; `None` = nothing is to be asked.
    pub fn due(&self) -> Option<Moment> {
        self.due
    }

    /// The list is to be asked for again.
    pub fn again(&mut self) {
        self.list = false;
    }

    /// Files that are looked for are to be looked for again.
    pub(super) fn find_again(&mut self) {
        self.find.1.clear();
    }

    /// A list came: what was asked about the one before may be asked again.
    pub(super) fn listed(&mut self) {
        self.filled.clear();
        self.shown = None;
    }
}

impl Shelf {
    /// What is to be asked now, where `rows` of the list show and the diff shows or not.
    pub fn ask(&mut self, rows: usize, shows_diff: bool, now: Moment) -> Vec<ReleaseWish> {
        let mut wishes = Vec::new();
        if !self.asking.list {
            self.asking.list = true;
            wishes.push(ReleaseWish::List);
        }
        if self.catalog.is_none() || !self.rests(now) {
            return wishes;
        }
        wishes.extend(self.ask_files());
        wishes.extend(self.ask_rows(rows));
        wishes.extend(self.ask_whole());
        wishes.extend(self.ask_difference(shows_diff));
        wishes
    }

    /// Whether the operator has looked at the same for a moment; the first look counts at once.
    fn rests(&mut self, now: Moment) -> bool {
        let glance = Glance {
            top: self.top,
            cursor: self.cursor,
            commit: self.commit,
            find: self.find.clone(),
            range: self.range.clone(),
        };
        let rest = TimeDelta::milliseconds(REST_MS);
        let since = match &self.asking.glance {
            Some((known, since)) if *known == glance => *since,
            Some(_) => now,
            None => now - rest,
        };
        self.asking.glance = Some((glance, since));
        // A clock that went back must not keep the questions waiting.
        let rests = now - since >= rest || now < since;
        self.asking.due = (!rests).then_some(since + rest);
        rests
    }

    fn ask_files(&mut self) -> Option<ReleaseWish> {
        let text = self.find.trim().to_owned();
        if text == self.asking.find.1 {
            return None;
        }
        self.asking.find = (self.asking.find.0 + 1, text.clone());
        // One letter is in nearly every path.
        (text.chars().count() > 1).then_some(ReleaseWish::Find {
            serial: self.asking.find.0,
            text,
        })
    }

    fn ask_rows(&mut self, rows: usize) -> Option<ReleaseWish> {
        let lacks = |release: &Release| {
            release.commits.is_none()
                || release.signature.is_open()
                || release.untold && release.subject.is_empty()
        };
        let visible = (self.top..self.top.saturating_add(rows)).map_while(|at| self.row(at));
        let wanted: Vec<String> = visible
            .filter_map(|row| match row {
                Row::Release(place) => self.release(place),
                Row::Branch => None,
            })
            .filter(|release| lacks(release) && !self.asking.filled.contains(&release.tag))
            .map(|release| release.tag.clone())
            .collect();
        self.asking.filled.extend(wanted.iter().cloned());
        (!wanted.is_empty()).then_some(ReleaseWish::Fill(wanted))
    }

    fn ask_whole(&mut self) -> Option<ReleaseWish> {
        let tag = self.selected()?.tag.clone();
        if self.knows(&tag) || self.asking.shown.as_ref() == Some(&tag) {
            return None;
        }
        self.asking.shown = Some(tag.clone());
        Some(ReleaseWish::Show(tag))
    }

    fn ask_difference(&mut self, shows: bool) -> Option<ReleaseWish> {
        let range = self.wanted_range()?;
        let known = match &self.compared {
            Compared::Nothing => None,
            Compared::Waiting(known) | Compared::Here(known, _) | Compared::Failed(known, _) => {
                Some(known)
            }
        };
        if !shows || known == Some(&range) {
            return None;
        }
        self.asking.diff += 1;
        self.compared = Compared::Waiting(range.clone());
        Some(ReleaseWish::Diff {
            serial: self.asking.diff,
            from: range.0,
            to: range.1,
            path: None,
        })
    }

    /// What the diff pane is about: what is compared, the commit under the cursor, or the release.
    pub fn wanted_range(&self) -> Option<Range> {
        if let Some(range) = &self.range {
            return Some(range.clone());
        }
        if self.of_commit
            && self.tab != Tab::Notes
            && let Some(commit) = self
                .detail()
                .and_then(|detail| detail.commits.get(self.commit))
        {
            let commit = commit.line.commit.as_str();
            return Some((format!("{commit}^"), commit.to_owned()));
        }
        match self.selected_row()? {
            Row::Branch => {
                let live = self.catalog()?.live.as_ref();
                let from = live.map_or_else(String::new, |live| full_name(&live.name));
                Some((from, "HEAD".to_owned()))
            }
            Row::Release(place) => {
                let from = self.before(place).map(|before| full_name(&before.tag));
                let to = full_name(&self.release(place)?.tag);
                Some((from.unwrap_or_default(), to))
            }
        }
    }
}
