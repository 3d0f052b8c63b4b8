//! The shelf: where the operator stands among past releases, and what is known of them.
//!
//! Owns the list (all of it, or what was looked for), the cursor, which panes show, what is compared with what, and
//! the answers that came. `asking` says what is still to be asked, `again` what stays when the list comes again, `find`
//! what fits what was typed, `facts` what is said of a release. Everything here only looks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::diff::DiffView;
use super::words;
use crate::domain::catalog::{Catalog, Detail, HostVersion, Release, Signature};
use crate::domain::diff::Diff;
use crate::domain::id::Commit;
use crate::domain::release::full_name;
use crate::domain::text;

mod again;
pub mod asking;
pub mod drawn;
pub mod facts;
pub mod find;

use again::{are_the_same, carry, has_moved, holds, is_since_the_same};
pub use asking::Asking;
use drawn::Drawing;
use facts::Fact;

/// How many releases that were shown as a whole are kept.
const KEPT_DETAILS: usize = 24;

/// What the pane beside the list shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tab {
    /// The commits since the release before.
    #[default]
    Commits,
    /// What differs, line by line.
    Diff,
    /// What stands in the tag, and who made what.
    Notes,
    /// The run that made it.
    Runs,
    /// What it took of each host, and what hosts run now.
    Hosts,
}

impl Tab {
    /// All, in the order of the screen.
    pub const ALL: [Self; 5] = [
        Self::Commits,
        Self::Diff,
        Self::Notes,
        Self::Runs,
        Self::Hosts,
    ];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Commits => "Commits",
            Self::Diff => "Diff",
            Self::Notes => "Notes",
            Self::Runs => "Runs",
            Self::Hosts => "Hosts",
        }
    }
}

/// A row of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// The branch that is checked out: what the next release would be.
    Branch,
    /// A release, by its place in the catalog.
    Release(usize),
}

/// Two points that are compared: from and to, releases by the full names of their tags. An empty `from` is the beginning.
pub type Range = (String, String);

/// What differs, as far as it is known.
#[derive(Debug, Clone, Default)]
pub enum Compared {
    /// Nothing was asked.
    #[default]
    Nothing,
    /// It was asked.
    Waiting(Range),
    /// It is here.
    Here(Range, Box<DiffView>),
    /// There is none; the text says why.
    Failed(Range, String),
}

/// What the screen of past releases knows, and where the operator stands there.
#[derive(Debug, Clone)]
pub struct Shelf {
    catalog: Option<Arc<Catalog>>,
    /// Why there is no list, or why it could not be read again.
    pub trouble: Option<String>,
    /// What is looked for; empty = everything shows.
    pub find: String,
    /// The field has the keys.
    pub typing: bool,
    /// The releases that touch a file that is looked for.
    by_file: BTreeSet<String>,
    /// The places in the catalog that show; `None` = all.
    shown: Option<Vec<usize>>,
    /// Columns that the columns of the list want.
    widest: Widest,
    /// The release that was under the cursor when something was looked for.
    left: Option<String>,
    /// The release the cursor is to go to as soon as it is in the list.
    pub wanted: Option<String>,
    /// The end of the list was wanted before there was one.
    pub wants_end: bool,
    /// The row the cursor is on.
    pub cursor: usize,
    /// The first row that shows.
    pub top: usize,
    /// The list has the keys.
    pub list: bool,
    /// The pane that has the keys when the list has not; where there is room for one only, it shows.
    pub tab: Tab,
    /// What the lower pane shows where the commits have their own.
    pub part: Tab,
    /// The pane with the keys alone shows.
    pub zoom: bool,
    /// Commits are drawn as a graph.
    pub graph: bool,
    /// The cursor in the commits.
    pub commit: usize,
    /// The diff is that of the commit the cursor is on.
    pub of_commit: bool,
    /// The first row of notes, runs and hosts that shows.
    pub scroll: usize,
    /// The release that is marked, to be compared with another one.
    pub marked: Option<String>,
    /// Two points that are compared instead of what is selected and the one before.
    pub range: Option<Range>,
    /// What differs.
    pub compared: Compared,
    /// What differs, drawn by another program.
    pub drawing: Drawing,
    details: BTreeMap<String, Arc<Detail>>,
    /// What was asked, and when the next question is due.
    pub asking: Asking,
}

impl Default for Shelf {
    fn default() -> Self {
        Self {
            catalog: None,
            trouble: None,
            find: String::new(),
            typing: false,
            by_file: BTreeSet::new(),
            shown: None,
            widest: Widest::default(),
            left: None,
            wanted: None,
            wants_end: false,
            cursor: 0,
            top: 0,
            list: true,
            tab: Tab::Commits,
            part: Tab::Diff,
            zoom: false,
            graph: false,
            commit: 0,
            of_commit: false,
            scroll: 0,
            marked: None,
            range: None,
            compared: Compared::Nothing,
            drawing: Drawing::default(),
            details: BTreeMap::new(),
            asking: Asking::default(),
        }
    }
}

impl Shelf {
    /// What is known of past releases; `None` = nothing yet.
    pub fn catalog(&self) -> Option<&Catalog> {
        self.catalog.as_deref()
    }

    /// Whether releases or their messages are still to come, so that more may fit what is looked for.
    pub fn is_being_read(&self) -> bool {
        self.catalog
            .as_ref()
            .is_some_and(|catalog| catalog.releases.len() < catalog.total || catalog.is_untold())
    }

    /// How many rows the list has.
    pub fn len(&self) -> usize {
        let releases = match (&self.shown, &self.catalog) {
            (Some(shown), _) => shown.len(),
            (None, Some(catalog)) => catalog.releases.len(),
            (None, None) => 0,
        };
        releases + usize::from(self.has_branch())
    }

    /// Whether the list has no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the first row is the branch: while something is looked for it is not. What was typed since the list was made
    /// does not count, so that the row under the cursor stays what it was.
    pub fn has_branch(&self) -> bool {
        let has_head = |catalog: &Arc<Catalog>| catalog.head.is_some();
        self.shown.is_none() && self.catalog.as_ref().is_some_and(has_head)
    }

    /// The row at a place of the list.
    pub fn row(&self, at: usize) -> Option<Row> {
        if at >= self.len() {
            return None;
        }
        let behind = match (self.has_branch(), at) {
            (true, 0) => return Some(Row::Branch),
            (has, at) => at - usize::from(has),
        };
        let place = match &self.shown {
            Some(shown) => *shown.get(behind)?,
            None => behind,
        };
        Some(Row::Release(place))
    }

    /// Columns that the columns of the list want: they stay the same while it is scrolled.
    pub fn widest(&self) -> Widest {
        self.widest
    }

    /// A release by its place in the catalog.
    pub fn release(&self, place: usize) -> Option<&Release> {
        self.catalog.as_ref()?.releases.get(place)
    }

    /// The row under the cursor.
    pub fn selected_row(&self) -> Option<Row> {
        self.row(self.cursor)
    }

    /// The release under the cursor; `None` = the branch, or nothing.
    pub fn selected(&self) -> Option<&Release> {
        match self.selected_row()? {
            Row::Branch => None,
            Row::Release(place) => self.release(place),
        }
    }

    /// The release made before the one at a place, whether it shows or not.
    pub fn before(&self, place: usize) -> Option<&Release> {
        let release = self.release(place)?;
        let older = self.catalog.as_ref()?.releases.get(place + 1..)?;
        // Several tags on one commit are one step back.
        let other = older.iter().find(|older| older.commit != release.commit);
        other.or(older.first())
    }

    /// The selected release as a whole, when that is known.
    pub fn detail(&self) -> Option<&Detail> {
        let tag = &self.selected()?.tag;
        self.details.get(tag).map(Arc::as_ref)
    }

    /// How many files differ where a release is compared with the one before it; `None` = not known.
    pub fn files_in_all(&self) -> Option<usize> {
        let Row::Release(place) = self.selected_row()? else {
            return None;
        };
        let before = self.before(place).map(|before| &before.tag);
        let is_whole = self.range.is_none() && !self.of_commit;
        let detail = self.detail().filter(|_| is_whole)?;
        (detail.before.as_ref() == before).then_some(detail.files.len())
    }

    /// Whether a release is known as a whole.
    pub fn knows(&self, tag: &str) -> bool {
        self.details.contains_key(tag)
    }

    /// What `=` compares: the marked release with the one under the cursor, older first, else that with the one before.
    pub fn comparable(&self) -> Option<Range> {
        let Row::Release(place) = self.selected_row()? else {
            return None;
        };
        let here = self.release(place)?;
        let releases = &self.catalog.as_ref()?.releases;
        let name = |release: &Release| full_name(&release.tag);
        let marked = self.marked.as_ref().filter(|tag| **tag != here.tag);
        let other = marked.and_then(|tag| releases.iter().position(|other| other.tag == *tag));
        match other {
            Some(other) if other < place => Some((name(here), name(&releases[other]))),
            Some(other) => Some((name(&releases[other]), name(here))),
            None => Some((name(self.before(place)?), name(here))),
        }
    }

    /// The pane that has the keys.
    pub fn focus(&self) -> Option<Tab> {
        (!self.list).then_some(self.tab)
    }

    /// The diff on screen.
    pub fn diff(&self) -> Option<&DiffView> {
        match &self.compared {
            Compared::Here(range, view) if self.wanted_range().as_ref() == Some(range) => {
                Some(view)
            }
            _ => None,
        }
    }

    /// The diff on screen, to be changed.
    pub fn diff_mut(&mut self) -> Option<&mut DiffView> {
        let wanted = self.wanted_range();
        match &mut self.compared {
            Compared::Here(range, view) if wanted.as_ref() == Some(range) => Some(view),
            _ => None,
        }
    }

    /// Shows what differs between two points, and nothing beside it.
    pub fn compare(&mut self, from: String, to: String) {
        self.range = Some((from, to));
        (self.tab, self.part) = (Tab::Diff, Tab::Diff);
        (self.list, self.zoom) = (false, true);
    }

    /// Takes the list; what was counted before stays, and so does the release under the cursor.
    pub fn take(&mut self, mut catalog: Arc<Catalog>) {
        let selected = self.selected().map(|release| release.tag.clone());
        let on_branch = self.selected_row() == Some(Row::Branch);
        let first = self.catalog.is_none();
        // Whoever went to the end of a list that was still being read wants to be at its end.
        let is_part = |catalog: &Arc<Catalog>| catalog.releases.len() < catalog.total;
        let at_end = self.catalog.as_ref().is_some_and(is_part) && self.cursor + 1 == self.len();
        if let Some(old) = &self.catalog {
            carry(old, Arc::make_mut(&mut catalog));
            let is_so = |detail: &Arc<Detail>| is_since_the_same(old, &catalog, detail);
            self.details.retain(|_, detail| is_so(detail));
        }
        self.details.retain(|_, detail| holds(&catalog, detail));
        self.widest = Widest::of(&catalog);
        let old = self.catalog.replace(Arc::clone(&catalog));
        if let Some(old) = old {
            self.moved(&old, &catalog);
        }
        drop(catalog);
        self.trouble = None;
        self.asking.listed();
        self.filter_at(selected.clone());
        let at_end = at_end || std::mem::take(&mut self.wants_end);
        let wanted = self.wanted.as_ref().and_then(|tag| self.place(tag));
        if let Some(place) = wanted {
            (self.cursor, self.wanted) = (place, None);
        } else if at_end {
            self.cursor = self.len();
        } else if first {
            self.cursor = self.place_of_live().unwrap_or(0);
        } else if let Some(tag) = selected {
            self.cursor = self.place(&tag).unwrap_or(self.cursor);
        } else if on_branch {
            self.cursor = 0;
        }
        self.cursor = self.cursor.min(self.len().saturating_sub(1));
    }

    /// What differs is asked for again where one of its ends is somewhere else by now, and files that are looked for where
    /// there are other releases.
    fn moved(&mut self, old: &Catalog, new: &Catalog) {
        let range = match &self.compared {
            Compared::Nothing => None,
            Compared::Waiting(range) | Compared::Here(range, _) | Compared::Failed(range, _) => {
                Some(range)
            }
        };
        if range.is_some_and(|range| has_moved(range, old, new)) {
            self.compared = Compared::Nothing;
            self.drawing.forget();
        }
        if !are_the_same(old, new) {
            self.asking.find_again();
        }
    }

    /// The row a release stands in.
    fn place(&self, tag: &str) -> Option<usize> {
        (0..self.len()).find(|at| match self.row(*at) {
            Some(Row::Release(place)) => self
                .release(place)
                .is_some_and(|release| release.tag == tag),
            _ => false,
        })
    }

    /// The row the list opens on: the newest release, as a rule the one that is live.
    fn place_of_live(&self) -> Option<usize> {
        (self.len() > usize::from(self.has_branch())).then_some(usize::from(self.has_branch()))
    }

    /// What the pane of that name says of what is selected, and of what hosts run; nothing for commits and the diff.
    pub fn facts(&self, tab: Tab, versions: &[HostVersion]) -> Vec<Fact> {
        let Some(release) = self.selected() else {
            let text = match (tab, self.selected_row()) {
                (Tab::Commits | Tab::Diff, _) | (_, None) => return Vec::new(),
                (Tab::Notes, _) => "the branch has no tag yet: nothing stands in it",
                (Tab::Runs, _) => {
                    "the branch was not released yet; 0 shows the runs on this machine"
                }
                (Tab::Hosts, _) => "4 shows the hosts, and what they run",
            };
            return vec![Fact::new("", text, "text.dim")];
        };
        let detail = self.detail();
        match tab {
            Tab::Commits | Tab::Diff => Vec::new(),
            Tab::Notes => {
                let mut told = facts::notes(release, detail);
                told.extend(self.catalog().and_then(facts::no_remote));
                told
            }
            Tab::Runs => facts::runs(release, detail),
            Tab::Hosts => facts::hosts(release, detail, versions),
        }
    }

    /// Takes what was found out of rows. Everything else of them may have been told anew meanwhile.
    pub fn fill(&mut self, filled: Vec<Release>) {
        let Some(catalog) = &mut self.catalog else {
            return;
        };
        let catalog = Arc::make_mut(catalog);
        for release in filled {
            let known = catalog.releases.iter_mut();
            let same = |known: &&mut Release| known.tag == release.tag;
            if let Some(known) = known.into_iter().find(same)
                && known.object == release.object
            {
                known.commits = release.commits.or(known.commits);
                if release.signature != Signature::Unchecked {
                    known.signature = release.signature;
                }
                if known.untold && !release.untold {
                    (known.subject, known.untold) = (release.subject, false);
                }
            }
        }
    }

    /// Takes subjects that are the commits'. What is looked for may be in them.
    pub fn tell(&mut self, subjects: &[(Commit, String)]) {
        if let Some(catalog) = &mut self.catalog {
            Arc::make_mut(catalog).tell(subjects);
            self.filter();
        }
    }

    /// Takes a release as a whole, unless the list has another one of this name by now: it is asked for again then.
    pub fn show(&mut self, detail: Detail) {
        if !self.catalog().is_none_or(|catalog| holds(catalog, &detail)) {
            return;
        }
        if self.details.len() >= KEPT_DETAILS {
            let selected = self.selected().map(|release| release.tag.clone());
            self.details.retain(|tag, _| Some(tag) == selected.as_ref());
        }
        let tag = detail.release.tag.clone();
        self.details.insert(tag, Arc::new(detail));
    }

    /// Takes what differs, when it answers the newest question.
    pub fn differs(&mut self, serial: u64, diff: Result<Arc<Diff>, String>) {
        let Compared::Waiting(range) = &self.compared else {
            return;
        };
        if serial != self.asking.diff_serial() {
            return;
        }
        let range = range.clone();
        self.compared = match diff {
            Ok(diff) => Compared::Here(range, Box::new(DiffView::new(diff))),
            Err(why) => Compared::Failed(range, why),
        };
    }

    /// Takes the releases that touch a file that is looked for, when that is the newest question.
    pub fn found(&mut self, serial: u64, tags: Vec<String>) {
        if serial == self.asking.find_serial() {
            self.by_file = tags.into_iter().collect();
            self.filter();
        }
    }

    /// What is looked for has changed.
    pub fn looked_for(&mut self) {
        self.by_file.clear();
        self.filter();
    }

    /// Shows what fits what is looked for; the release under the cursor stays when it fits.
    fn filter(&mut self) {
        let selected = self.selected().map(|release| release.tag.clone());
        self.filter_at(selected);
    }

    /// The same, where the cursor is on this release.
    fn filter_at(&mut self, selected: Option<String>) {
        // Where nothing fits nothing is under the cursor: what was there before is there again afterwards.
        let selected = selected.or_else(|| self.left.take());
        self.left.clone_from(&selected);
        self.shown = match &self.catalog {
            Some(catalog) if !self.find.trim().is_empty() => {
                Some(find::matching(catalog, &self.find, &self.by_file))
            }
            _ => None,
        };
        let stays = selected.and_then(|tag| self.place(&tag));
        self.cursor = stays.unwrap_or(0).min(self.len().saturating_sub(1));
    }

    /// The cursor went to another row: what was looked at of the one before is left.
    pub fn go_to(&mut self, row: usize) {
        let row = row.min(self.len().saturating_sub(1));
        (self.left, self.wanted) = (None, None);
        if row != self.cursor {
            self.cursor = row;
            (self.commit, self.scroll, self.of_commit) = (0, 0, false);
            self.range = None;
        }
    }
}

/// Columns that the widest texts of a list take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Widest {
    /// Of names of tags.
    pub tag: u16,
    /// Of who made them.
    pub by: u16,
    /// Of what became of them.
    pub result: u16,
}

impl Widest {
    /// Of all releases.
    fn of(catalog: &Catalog) -> Self {
        let columns = |text: &str| text::width(&text::visible(text)).min(500) as u16;
        catalog
            .releases
            .iter()
            .fold(Self::default(), |widest, release| Self {
                tag: widest.tag.max(columns(&release.tag)),
                by: widest.by.max(columns(words::user(&release.by))),
                result: widest.result.max(columns(&facts::result(release).0)),
            })
    }
}
