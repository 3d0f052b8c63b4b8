//! The log viewer: where the operator stands in a document of lines, and what is asked of it next.
//!
//! One viewer serves the run screen, past runs and the logs of servers. It never holds a document: it asks for a
//! window of some screens around the line it stands on, and lays out what it gets. Its place is a line (by its own
//! track) and the row of the screen that line stands in, so that neither lines that come late nor a resize move what
//! is read. Pure: wishes go out, news come in. Acts only look; nothing here changes a server.

use crate::domain::log::{Facts, Filters, LineId, LogLine, Open, Pattern, Spot, Window};
use crate::ui::msg::{DocumentId, LogWish};

mod act;
mod asking;
mod labels;
pub mod layout;
mod moves;
mod opening;
mod search;
mod select;
pub mod stamp;
mod words;

pub use labels::{Columns, Label, Labels, Sort, Times};
pub use select::Marked;

pub(crate) use crate::ui::words::thousands;

use asking::Asked;

/// A viewer of one document.
#[derive(Debug, Clone)]
pub struct Viewer {
    document: DocumentId,
    labels: Labels,
    /// Columns and rows of the area it is drawn in.
    size: (u16, u16),
    standing: Standing,
    wrap: bool,
    /// On a card lines are always wrapped.
    is_card: bool,
    /// Columns scrolled to the right.
    sideways: usize,
    times: Times,
    filters: Filters,
    /// What is folded, and what was opened by hand.
    open: Open,
    search: search::Search,
    marks: Vec<Marked>,
    selection: Option<select::Selection>,
    window: Window,
    /// The newest question.
    serial: u64,
    asked: Asked,
    /// A place that is looked for, and was not found as far as the document was read.
    waiting: Option<asking::Seek>,
    /// How many lines had come when following stopped, once all were counted.
    left_at: Option<u64>,
    /// Which match the line with this id is.
    nth: Option<(LineId, u64)>,
    /// Something to tell the operator once.
    said: Option<String>,
}

/// Where a viewer stands.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Standing {
    /// At the end, whatever comes.
    Follow,
    /// On a line; the row of the screen its first row stands in, less than 0 when that is above the screen.
    At { spot: Spot, row: i64 },
}

impl Viewer {
    /// A viewer that follows the end of a document. It has no size yet, see [`Viewer::resize`].
    pub fn new(document: DocumentId, labels: Labels) -> Self {
        Self {
            document,
            labels,
            size: (0, 0),
            standing: Standing::Follow,
            wrap: false,
            is_card: false,
            sideways: 0,
            times: Times::default(),
            filters: Filters::default(),
            open: Open {
                folds: true,
                ..Open::default()
            },
            search: search::Search::default(),
            marks: Vec::new(),
            selection: None,
            window: Window::default(),
            serial: 0,
            asked: Asked::End,
            waiting: None,
            left_at: None,
            nth: None,
            said: None,
        }
    }

    /// Turns to another document; what is searched for, wrapping and times stay.
    pub fn turn_to(&mut self, document: DocumentId, labels: Labels) -> Vec<LogWish> {
        let before = std::mem::replace(self, Self::new(document, labels));
        self.size = before.size;
        self.wrap = before.wrap;
        self.is_card = before.is_card;
        self.times = before.times;
        self.serial = before.serial;
        self.search.keep(before.search);
        let mut wishes = vec![LogWish::Filter {
            document,
            filters: self.filters.clone(),
        }];
        wishes.extend(self.search_wish(None));
        wishes.push(self.refresh());
        wishes
    }

    /// Which document it shows.
    pub fn document(&self) -> DocumentId {
        self.document
    }

    /// Who the lines are of.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Who a line is of; `None` = nobody in particular.
    pub(in crate::ui) fn label(&self, line: &LogLine) -> Option<&Label> {
        let tracks = &self.window.facts.tracks;
        let track = tracks
            .iter()
            .find(|facts| facts.track == line.spot.id.track)?;
        self.labels.owners.get(&track.owner)
    }

    /// Other names, or more of them.
    pub fn set_labels(&mut self, labels: Labels) {
        self.labels = labels;
    }

    /// What is known of the whole document.
    pub fn facts(&self) -> &Facts {
        &self.window.facts
    }

    /// Whether it goes with the end.
    pub fn follows(&self) -> bool {
        self.standing == Standing::Follow
    }

    /// Whether long lines go on in the next row.
    pub fn wraps(&self) -> bool {
        self.wrap || self.is_card
    }

    /// Whether it stands on a card, where lines are always wrapped. A resize has to follow.
    pub fn set_card(&mut self, is_card: bool) {
        self.is_card = is_card;
    }

    /// Which times stand before lines.
    pub fn times(&self) -> Times {
        self.times
    }

    /// What shows.
    pub fn filters(&self) -> &Filters {
        &self.filters
    }

    /// Changes what shows; the line it stands on stays where it is as long as it shows.
    pub fn set_filters(&mut self, filters: Filters) -> Vec<LogWish> {
        if filters == self.filters {
            return Vec::new();
        }
        self.filters = filters;
        // Other lines are hidden now.
        self.open.stretches.clear();
        self.keep_row();
        let filter = LogWish::Filter {
            document: self.document,
            filters: self.filters.clone(),
        };
        vec![filter, self.refresh()]
    }

    /// Keeps the line it stands on on the screen: the row that told of hidden lines may be gone.
    fn keep_row(&mut self) {
        if let Standing::At { spot, row } = self.standing {
            let row = row.min(self.tall() - 1);
            self.standing = Standing::At { spot, row };
        }
    }

    /// Shows only the lines of one owner, or of all.
    pub fn only(&mut self, owner: Option<usize>) -> Vec<LogWish> {
        let mut filters = self.filters.clone();
        filters.hidden = match owner {
            None => std::collections::BTreeSet::new(),
            Some(owner) => {
                let owners = self.labels.owners.keys().copied();
                owners.filter(|other| *other != owner).collect()
            }
        };
        self.set_filters(filters)
    }

    /// The owner whose lines alone show.
    pub fn only_owner(&self) -> Option<usize> {
        let owners = self.labels.owners.keys().copied();
        let mut shown = owners.filter(|owner| !self.filters.hidden.contains(owner));
        let first = shown.next().filter(|_| !self.filters.hidden.is_empty())?;
        shown.next().is_none().then_some(first)
    }

    /// Shows or hides the lines of an owner.
    pub fn toggle(&mut self, owner: usize) -> Vec<LogWish> {
        let mut filters = self.filters.clone();
        if !filters.hidden.remove(&owner) {
            filters.hidden.insert(owner);
        }
        self.set_filters(filters)
    }

    /// What is searched for.
    pub fn pattern(&self) -> Option<&Pattern> {
        self.search.pattern()
    }

    /// The line the cursor is on; `None` while it follows.
    pub fn cursor(&self) -> Option<&LogLine> {
        let at = self.at()?;
        self.window.lines.get(at)
    }

    /// Something to tell the operator, once.
    pub fn take_said(&mut self) -> Option<String> {
        self.said.take()
    }

    /// The line that shows before a line of the window.
    pub(in crate::ui) fn above(&self, line: &LogLine) -> Option<&LogLine> {
        let lines = &self.window.lines;
        let at = lines.iter().position(|own| own.spot.id == line.spot.id)?;
        at.checked_sub(1).map(|before| &lines[before])
    }

    /// The place of the line it stands on among the lines of its window.
    fn at(&self) -> Option<usize> {
        let Standing::At { spot, .. } = self.standing else {
            return None;
        };
        let lines = &self.window.lines;
        let near = lines.partition_point(|line| line.spot.place < spot.place);
        let is_it = |at: &usize| lines.get(*at).is_some_and(|line| line.spot.id == spot.id);
        Some(near)
            .filter(is_it)
            .or_else(|| lines.iter().position(|line| line.spot.id == spot.id))
    }
}
