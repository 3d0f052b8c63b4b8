//! The list of releases: one row each, newest first, with the branch above them. Only rows that show are made.

use ratatui::layout::Rect;

use crate::domain::catalog::{Catalog, Release};
use crate::domain::run::Moment;
use crate::ui::model::Model;
use crate::ui::shelf::{Row, Shelf, facts};
use crate::ui::theme::{Mark, State};
use crate::ui::widget::paint::{Paint, middle, wrap};
use crate::ui::words;

/// Columns before the name: the cursor and a mark.
const BEFORE: u16 = 3;
/// Columns that a name keeps before the columns of lesser use get any.
const LEAST_NAME: u16 = 24;

/// Columns from which on what was released is said in its own words.
const LEAST_SUBJECT: u16 = 24;

/// How wide the columns are; 0 = there is no room for it.
#[derive(Debug, Clone, Copy, Default)]
struct Widths {
    tag: u16,
    age: u16,
    place: u16,
    by: u16,
    result: u16,
    commits: u16,
}

/// Draws the list into `rows`; its heading stands in the row above when it has one.
pub(super) fn draw(
    paint: &mut Paint<'_>,
    rows: Rect,
    model: &Model,
    has_heading: bool,
    now: Moment,
) {
    let shelf = &model.shelf;
    let Some(catalog) = shelf.catalog() else {
        nothing_yet(paint, rows, shelf);
        return;
    };
    let height = usize::from(rows.height);
    let top = shelf.top.min(shelf.len());
    let hidden = shelf.len().saturating_sub(top + height);
    // The last row says how many more there are, unless the cursor is on it.
    let is_told = hidden > 0 && height > 3 && shelf.cursor + 1 < top + height;
    let end = (top + height - usize::from(is_told)).min(shelf.len());
    let widths = widths(shelf, rows.width);
    let is_empty = shelf.len() == usize::from(shelf.has_branch());
    if has_heading && !is_empty {
        heading(paint, rows, &widths);
    }
    for at in top..end {
        let row = Rect {
            y: rows.y + (at - top) as u16,
            height: 1,
            ..rows
        };
        match shelf.row(at) {
            Some(Row::Branch) => branch(paint, row, catalog),
            Some(Row::Release(place)) => {
                if let Some(one) = shelf.release(place) {
                    release(paint, row, model, (one, &widths), now);
                }
            }
            None => break,
        }
        if at == shelf.cursor {
            let role = if shelf.list {
                "select"
            } else {
                "select.inactive"
            };
            paint.tint(row, role);
            paint.mark(row.x, row.y, Mark::Cursor, "text.strong");
        }
    }
    if is_empty {
        let used = shelf.len() as u16;
        let below = Rect {
            y: rows.y + used.min(rows.height),
            height: rows.height.saturating_sub(used),
            ..rows
        };
        none(paint, below, shelf);
    } else if is_told {
        // The newest come first; until the others are there it is known how many they are.
        let to_come = if shelf.find.trim().is_empty() {
            catalog.total.saturating_sub(catalog.releases.len())
        } else {
            0
        };
        let text = format!("{} more", words::many((hidden + to_come + 1) as u64));
        let y = rows.bottom() - 1;
        paint.text(rows.x + BEFORE, y, rows.width, &text, "text.dim");
    }
}

/// What stands where the list has not come, or cannot.
fn nothing_yet(paint: &mut Paint<'_>, rows: Rect, shelf: &Shelf) {
    let (text, role) = shelf.trouble.as_ref().map_or_else(
        || {
            let text = "reading the tags of the repository ..";
            (text.to_owned(), "text.dim")
        },
        |why| {
            let text = format!("past releases cannot be told: {why}");
            (text, "state.warn")
        },
    );
    paint.wrapped(super::margin(rows), &text, role);
}

/// What stands where there is no release.
fn none(paint: &mut Paint<'_>, rows: Rect, shelf: &Shelf) {
    let area = super::margin(rows);
    let text = if shelf.find.trim().is_empty() {
        "no release yet\n\nD makes the plan of the first one; nothing starts before you say so there.\n\nA release is \
         a tag as [release] tag of releases.toml names it. A run that has brought a commit to the last environment \
         makes it."
            .to_owned()
    } else {
        let find = shelf.find.trim();
        if shelf.is_being_read() {
            let text = format!("messages are still being read; no release so far has {find}");
            paint.wrapped(area, &text, "text.dim");
            return;
        }
        format!("no release has {find} in its tag, author, message or files. Esc shows all")
    };
    paint.wrapped(area, fitting(&text, area), "text.dim");
}

/// As many paragraphs of a text as stand whole in an area, at least the first.
fn fitting(text: &str, area: Rect) -> &str {
    let rows = |text: &str| -> usize {
        let rows = text
            .lines()
            .map(|line| wrap(line, usize::from(area.width)).len());
        rows.sum()
    };
    let mut told = text;
    while rows(told) > usize::from(area.height)
        && let Some((before, _)) = told.rsplit_once("\n\n")
    {
        told = before;
    }
    told
}

/// Gives each column what it needs, the most telling first, as long as there is room.
fn widths(shelf: &Shelf, width: u16) -> Widths {
    let widest = shelf.widest();
    let (tag, by) = (widest.tag.max(8), widest.by.clamp(2, 12));
    let result = widest.result.clamp(6, 11);
    let room = width.saturating_sub(BEFORE);
    let mut widths = Widths {
        age: 4,
        ..Widths::default()
    };
    let mut free = room.saturating_sub(tag.min(LEAST_NAME) + 1 + widths.age);
    let mut take = |wanted: u16| {
        let given = if free > wanted { wanted } else { 0 };
        free -= given + u16::from(given > 0);
        given
    };
    widths.result = take(result);
    widths.place = take(4);
    widths.by = take(by);
    widths.commits = take(12);
    let others = [
        widths.age,
        widths.place,
        widths.by,
        widths.result,
        widths.commits,
    ];
    let taken: u16 = others
        .iter()
        .map(|width| width + u16::from(*width > 0))
        .sum();
    widths.tag = tag.min(room.saturating_sub(taken));
    widths
}

fn heading(paint: &mut Paint<'_>, rows: Rect, widths: &Widths) {
    let y = rows.y.saturating_sub(1);
    let mut x = rows.x + BEFORE;
    paint.text(x, y, widths.tag, "release", "text.dim");
    x += widths.tag + 1;
    paint.right(x + widths.age, y, widths.age, "age", "text.dim");
    x += widths.age + 1;
    let named = [
        (widths.place, "now"),
        (widths.by, "by"),
        (widths.result, "result"),
    ];
    for (width, name) in named.into_iter().filter(|(width, _)| *width > 0) {
        paint.text(x, y, width, name, "text.dim");
        x += width + 1;
    }
}

/// The row of the branch: what the next release would be.
fn branch(paint: &mut Paint<'_>, row: Rect, catalog: &Catalog) {
    let name = catalog.branch.as_deref().unwrap_or("HEAD");
    let live = catalog.live.as_ref();
    let said = match live.map(|live| (live.ahead, live.name.as_str())) {
        None => "nothing is live yet".to_owned(),
        Some((None, name)) => format!("not known how far from {name}"),
        Some((Some(0), name)) => format!("has nothing that {name} has not"),
        Some((Some(ahead), _)) => format!("{} not released", words::count(ahead, "commit")),
    };
    paint.text(row.x + 1, row.y, 1, "+", "state.changed");
    let room = row.width.saturating_sub(BEFORE);
    let shown = middle(name, (room / 2).max(4));
    let mut x = row.x + BEFORE;
    x += paint.text(x, row.y, room / 2, &shown, "text.title") + 2;
    paint.text(x, row.y, row.right().saturating_sub(x), &said, "text.dim");
}

fn release(
    paint: &mut Paint<'_>,
    row: Rect,
    model: &Model,
    (one, widths): (&Release, &Widths),
    now: Moment,
) {
    let y = row.y;
    mark(paint, (row.x + 1, y), &model.shelf, one);
    let role = match (one.live, one.bad.is_some()) {
        (true, _) => "text.strong",
        (false, true) => "text.dim",
        (false, false) => "text",
    };
    let mut x = row.x + BEFORE;
    let name = middle(&one.tag, widths.tag);
    paint.text(x, y, widths.tag, &name, role);
    x += widths.tag + 1;
    let age = words::age(one.at, now);
    paint.right(x + widths.age, y, widths.age, &age, "text.dim");
    x += widths.age + 1;
    let (result, result_role) = facts::result(one);
    let cells = [
        (widths.place, place(model, one), "text.strong"),
        (widths.by, words::user(&one.by).to_owned(), "text.dim"),
        (widths.result, result, result_role),
    ];
    for (width, text, role) in cells {
        if width > 0 {
            paint.text(x, y, width, &text, role);
            x += width + 1;
        }
    }
    if widths.commits > 0
        && let Some(count) = one.commits
    {
        let word = if count == 1 { "commit " } else { "commits" };
        let text = format!("{} {word}", words::many(count as u64));
        paint.right(x + widths.commits, y, widths.commits, &text, "text.dim");
        x += widths.commits + 2;
        let rest = row.right().saturating_sub(x);
        if rest >= LEAST_SUBJECT {
            paint.text(x, y, rest, &one.subject, "text.dim");
        }
    }
}

/// The mark before a release: chosen for comparing, left by a rollback, live.
fn mark(paint: &mut Paint<'_>, (x, y): (u16, u16), shelf: &Shelf, one: &Release) {
    if shelf.marked.as_ref() == Some(&one.tag) {
        paint.text(x, y, 1, "=", "state.run");
    } else if facts::is_bad(one) {
        paint.glyph(x, y, State::Fail);
    } else if one.live {
        paint.text(x, y, 1, "*", "state.ok");
    }
}

/// Where a release runs now, in four letters: `PROD`.
pub(super) fn place(model: &Model, one: &Release) -> String {
    let environments = model.overview.iter().flat_map(|known| &known.environments);
    let mut here = environments.filter(|env| facts::runs_in(one, env));
    let short = |name: &str| name.to_uppercase().chars().take(4).collect::<String>();
    // The last one is the one that users see.
    let named = here.next_back().map(|env| short(env.env.as_str()));
    named
        .or_else(|| one.live.then(|| "LIVE".to_owned()))
        .unwrap_or_default()
}
