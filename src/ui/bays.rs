//! Where the panes of past releases stand at each size. One place says it, so that keys move by exactly the rows
//! that are drawn, and facts take as many rows as they have. Pure arithmetic; nothing is drawn here.

use ratatui::layout::Rect;

use crate::ui::panes;
use crate::ui::shelf::facts::Fact;
use crate::ui::shelf::{Shelf, Tab};
use crate::ui::widget::paint::wrap;

/// From this width on the list stands beside the commits and the diff.
pub const WIDE: u16 = 100;
/// Rows that are kept for what is said of the selected release below the list.
const FACTS: u16 = 16;

/// The panes, each with its frame; those without room are not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts {
    /// The list.
    pub list: Option<Rect>,
    /// What is said of the selected release, within the frame of the list.
    pub facts: Option<Rect>,
    /// A pane by what it shows.
    pub commits: Option<Rect>,
    /// The pane whose tabs can be changed.
    pub part: Option<(Tab, Rect)>,
}

/// Cuts the body of a screen into panes.
pub fn parts(body: Rect, shelf: &Shelf) -> Parts {
    let alone = |tab| match tab {
        None => Parts {
            list: Some(body),
            ..Parts::default()
        },
        Some(Tab::Commits) if body.width >= WIDE => Parts {
            commits: Some(body),
            ..Parts::default()
        },
        Some(tab) => Parts {
            part: Some((tab, body)),
            ..Parts::default()
        },
    };
    if shelf.zoom {
        return alone(shelf.focus());
    }
    if body.width >= WIDE {
        return beside(body, shelf);
    }
    // One below the other; the list is no longer than it has to be.
    let rows = u16::try_from(shelf.len()).unwrap_or(u16::MAX);
    // Where there is no release, or one, it is said what to do.
    let least = if rows < 2 { 10 } else { 5 };
    let upper = (body.height / 2).min(rows.saturating_add(2).max(least));
    Parts {
        list: Some(Rect {
            height: upper,
            ..body
        }),
        part: Some((
            shelf.tab,
            Rect {
                y: body.y + upper,
                height: body.height - upper,
                ..body
            },
        )),
        ..Parts::default()
    }
}

fn beside(body: Rect, shelf: &Shelf) -> Parts {
    let left = Rect {
        width: body.width * 45 / 100,
        ..body
    };
    let right = Rect {
        x: body.x + left.width,
        width: body.width - left.width,
        ..body
    };
    let below = FACTS.min(left.height / 2);
    let upper = (right.height * 2 / 5).max(6).min(right.height);
    Parts {
        list: Some(left),
        facts: Some(Rect {
            x: left.x + 1,
            y: left.bottom().saturating_sub(below + 1),
            width: left.width - 2,
            height: below,
        }),
        commits: Some(Rect {
            height: upper,
            ..right
        }),
        part: Some((
            shelf.part,
            Rect {
                y: right.y + upper,
                height: right.height - upper,
                ..right
            },
        )),
    }
}

/// The body of the small form: all but the first row, the attention and the keys.
pub fn card_body(area: Rect) -> Rect {
    Rect {
        y: area.y + area.height.min(1),
        height: area.height.saturating_sub(3),
        ..area
    }
}

/// The inside of a frame.
pub fn inside(area: Rect) -> Rect {
    Rect {
        x: area.x + area.width.min(1),
        y: area.y + area.height.min(1),
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    }
}

/// Whether the columns of the list are named: where rows are few they are not.
pub fn has_heading(parts: &Parts) -> bool {
    parts.list.is_some_and(|list| list.height >= 12)
}

/// The rows of the list within its pane: all but its heading and what is said below.
pub fn list_rows(parts: &Parts) -> Option<Rect> {
    let inner = inside(parts.list?);
    let end = parts.facts.map_or(inner.bottom(), |facts| facts.y);
    let top = inner.y + u16::from(has_heading(parts));
    Some(Rect {
        y: top,
        height: end.saturating_sub(top),
        ..inner
    })
}

/// What shows on a terminal of that size: rows of the list, of the commits, and columns and rows of the lower pane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Rows of the list; 0 = it does not show.
    pub list: usize,
    /// Rows of the commits; 0 = they do not show.
    pub commits: usize,
    /// What the lower pane shows.
    pub part: Option<Tab>,
    /// Its columns and rows.
    pub size: (u16, u16),
}

/// The room on a terminal of that size.
pub fn room(size: (u16, u16), shelf: &Shelf) -> Room {
    let area = Rect::new(0, 0, size.0, size.1);
    if panes::is_card(size) {
        let body = card_body(area);
        let rows = usize::from(body.height);
        return match shelf.focus() {
            None => Room {
                list: rows,
                ..Room::default()
            },
            Some(tab) => Room {
                commits: if tab == Tab::Commits { rows } else { 0 },
                part: Some(tab),
                size: (body.width, body.height),
                ..Room::default()
            },
        };
    }
    let parts = parts(panes::areas(area).body, shelf);
    let lower = parts.part.map(|(tab, area)| (tab, inside(area)));
    let own = parts.commits.map(inside);
    let shared = lower.filter(|(tab, _)| *tab == Tab::Commits);
    let commits = own.or(shared.map(|(_, area)| area));
    Room {
        list: list_rows(&parts).map_or(0, |rows| usize::from(rows.height)),
        commits: commits.map_or(0, |area| usize::from(area.height)),
        part: lower.map(|(tab, _)| tab),
        size: lower.map_or((0, 0), |(_, area)| (area.width, area.height)),
    }
}

/// Columns of what a fact is about.
pub const LABEL: u16 = 9;

/// The facts as rows of at most `width` columns, what they are about included.
pub fn lay(facts: &[Fact], width: u16) -> Vec<Fact> {
    let room = usize::from(width.saturating_sub(LABEL)).max(8);
    let mut rows = Vec::new();
    for fact in facts {
        for (at, text) in wrap(&fact.text, room).into_iter().enumerate() {
            let label = if at == 0 { fact.label.as_str() } else { "" };
            rows.push(Fact::new(label, text, fact.role));
        }
    }
    rows
}
