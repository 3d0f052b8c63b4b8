//! Past releases: what is live, since when, by whom, what was in each, and whether one can go back to it.
//!
//! The list stands left, what is said of the selected release below it; its commits and what it changed stand right.
//! Where there is less room they stand one below the other, and on a phone one at a time. Nothing here changes
//! anything.

use ratatui::layout::Rect;

use crate::domain::run::Moment;
use crate::ui::bays::{self, Parts};
use crate::ui::diff::DiffView;
use crate::ui::model::Model;
use crate::ui::shelf::{Compared, Shelf, Tab, facts};
use crate::ui::theme::Mark;
use crate::ui::widget::bottom;
use crate::ui::widget::diff;
use crate::ui::widget::drawn;
use crate::ui::widget::paint::{Frame, Paint, columns, safe};

mod commits;
mod foot;
mod head;
mod phone;
mod tags;

pub use phone::draw as card;

/// Draws the screen of past releases.
pub fn draw(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) {
    let areas = bottom::areas(area);
    head::band(paint, areas.band, model);
    head::find(paint, areas.standing, model);
    let parts = bays::parts(areas.body, &model.shelf);
    if let Some(area) = parts.list {
        list(paint, (area, &parts), model, now);
    }
    if let Some(area) = parts.commits {
        let (title, right) = commits::title_in(model, area.width);
        let inner = pane(paint, area, model, Tab::Commits, (&title, &right));
        commits::draw(paint, inner, model, now);
    }
    if let Some((tab, area)) = parts.part {
        let (title, right) = tabs(model, tab, parts.commits.is_some(), area.width);
        let inner = pane(paint, area, model, tab, (&title, &right));
        part(paint, inner, model, tab, now);
    }
    foot::draw(paint, areas.bottom, model, now);
}

fn list(paint: &mut Paint<'_>, (area, parts): (Rect, &Parts), model: &Model, now: Moment) {
    let shelf = &model.shelf;
    let bottom = if shelf.len() == usize::from(shelf.has_branch()) {
        ""
    } else {
        "v mark  = compare  Enter open"
    };
    let inner = paint.panel(
        area,
        Frame {
            title: "Releases",
            right: "3",
            bottom,
            focus: shelf.list && model.dialogs.is_empty(),
            ..Frame::default()
        },
    );
    let rows = bays::list_rows(parts).unwrap_or(inner);
    tags::draw(paint, rows, model, bays::has_heading(parts), now);
    let Some(below) = parts.facts.filter(|below| below.height > 2) else {
        return;
    };
    let Some(catalog) = shelf.catalog() else {
        return;
    };
    let overview = model.overview.as_deref();
    let environments = overview.map_or(&[][..], |known| &known.environments);
    let (name, about) = match shelf.selected() {
        Some(release) => (
            release.tag.as_str(),
            facts::about(release, shelf.detail(), environments, now),
        ),
        None if shelf.selected_row().is_some() => (
            catalog.branch.as_deref().unwrap_or("HEAD"),
            facts::ahead(catalog, overview),
        ),
        None => return,
    };
    rule(paint, below, name);
    let inside = Rect {
        x: below.x + 1,
        y: below.y + 1,
        width: below.width.saturating_sub(2),
        height: below.height - 1,
    };
    said(paint, inside, &about, 0);
}

/// A rule with a name in it.
fn rule(paint: &mut Paint<'_>, area: Rect, name: &str) {
    for x in area.x..area.right() {
        paint.mark(x, area.y, Mark::Link, "border");
    }
    let room = area.width.saturating_sub(4);
    let name = format!(" {} ", paint.shorten(name, room.saturating_sub(2)));
    paint.text(area.x + 1, area.y, room, &name, "text.title");
}

/// A pane with what stands on its edges; returns the area inside.
fn pane(
    paint: &mut Paint<'_>,
    area: Rect,
    model: &Model,
    tab: Tab,
    (title, right): (&str, &str),
) -> Rect {
    let wide = area.width >= 60;
    let room = area.width.saturating_sub(2);
    let shelf = &model.shelf;
    let has_log = shelf.detail().is_some_and(|detail| detail.run_is_here);
    let form;
    // Where nothing stands nothing can be done.
    let bottom = match tab {
        Tab::Commits if commits::is_empty(model) => "",
        Tab::Commits if wide => "i graph  Enter diff  y copy hash",
        Tab::Commits => "Enter diff",
        Tab::Diff if shelf.diff().is_none() => "",
        Tab::Diff if shelf.drawn_by().is_none() && shelf.diff().is_some_and(DiffView::searches) => {
            "n N match  } { change  Esc end"
        }
        Tab::Diff => {
            form = diff_keys(shelf, room, wide);
            &form
        }
        Tab::Runs if has_log => "l its log",
        Tab::Runs | Tab::Notes | Tab::Hosts => "",
    };
    let focus = shelf.focus() == Some(tab) && model.dialogs.is_empty();
    paint.panel(
        area,
        Frame {
            title,
            right,
            bottom,
            focus,
            ..Frame::default()
        },
    )
}

/// What can be done in a diff, and which form of it comes next.
fn diff_keys(shelf: &Shelf, room: u16, wide: bool) -> String {
    let own = match shelf.drawn_by() {
        Some(_) => "j k row",
        None => "n N file  } { change",
    };
    match shelf.next_form(room) {
        Some(next) if wide || shelf.drawn_by().is_some() => format!("{own}  | {next}"),
        _ => own.to_owned(),
    }
}

/// The tabs of a pane, and what is said of the one that shows.
fn tabs(model: &Model, shown: Tab, commits_elsewhere: bool, width: u16) -> (String, String) {
    let is_offered = |tab: &Tab| !(commits_elsewhere && *tab == Tab::Commits);
    let named: Vec<String> = Tab::ALL
        .into_iter()
        .filter(is_offered)
        .map(|tab| match tab == shown {
            true if tab == Tab::Diff => format!("[{}]", diff_name(&model.shelf)),
            true => format!("[{}]", tab.word()),
            false => tab.word().to_owned(),
        })
        .collect();
    let selected = || {
        let release = model.shelf.selected();
        release.map_or_else(String::new, |release| release.tag.clone())
    };
    let right = match shown {
        Tab::Diff if model.shelf.drawn_by().is_some() => model
            .shelf
            .drawing
            .place(bays::room(model.size, &model.shelf).size.1),
        Tab::Diff => {
            let all = model.shelf.files_in_all();
            let view = model.shelf.diff();
            view.map_or_else(String::new, |view| view.place(all))
        }
        Tab::Commits => {
            let (title, count) = commits::title(model);
            let of = title.strip_prefix("Commits  ").unwrap_or_default();
            let whole = format!("{of}  {count}");
            // The names of both ends may be long; how many there are always has room.
            if columns(&whole) + 46 > usize::from(width) {
                count
            } else {
                whole.trim().to_owned()
            }
        }
        _ => selected(),
    };
    (named.join("  "), safe(&right))
}

/// What the diff is of, when it is that of one commit; what is compared is told at the bottom.
fn diff_name(shelf: &Shelf) -> String {
    let range = shelf.wanted_range();
    let by = shelf
        .drawn_by()
        .map_or_else(String::new, |tool| format!(" by {}", tool.word()));
    match range.filter(|_| shelf.of_commit && shelf.range.is_none()) {
        Some((from, to)) if from == format!("{to}^") => {
            format!("Diff {}{by}", to.get(..7).unwrap_or(&to))
        }
        _ => format!("Diff{by}"),
    }
}

/// What stands in a pane beside the list.
fn part(paint: &mut Paint<'_>, area: Rect, model: &Model, tab: Tab, now: Moment) {
    match tab {
        Tab::Commits => commits::draw(paint, area, model, now),
        Tab::Diff => {
            let focus = model.shelf.focus() == Some(tab) && model.dialogs.is_empty();
            difference(paint, area, &model.shelf, focus);
        }
        _ => said(
            paint,
            margin(area),
            &model.shelf.facts(tab, &model.versions),
            model.shelf.scroll,
        ),
    }
}

fn difference(paint: &mut Paint<'_>, area: Rect, shelf: &Shelf, focus: bool) {
    let Some(wanted) = shelf.wanted_range() else {
        return;
    };
    match &shelf.compared {
        // What is there is of something else: the answer to what is looked at now has not come.
        Compared::Here(range, _) | Compared::Failed(range, _) if *range != wanted => {
            paint.wrapped(margin(area), "looking ..", "text.dim");
        }
        Compared::Nothing => {}
        Compared::Waiting(_) => paint.wrapped(margin(area), "looking ..", "text.dim"),
        Compared::Failed(_, why) => paint.wrapped(margin(area), why, "state.warn"),
        Compared::Here(_, view) => match shelf.drawn_by() {
            Some(tool) => drawn::draw(paint, area, &shelf.drawing, tool),
            None => diff::draw(paint, area, view, focus),
        },
    }
}

/// An area without its first and last column.
fn margin(area: Rect) -> Rect {
    Rect {
        x: area.x + area.width.min(1),
        width: area.width.saturating_sub(2),
        ..area
    }
}

/// Writes facts from a row on, as many as there is room for.
fn said(paint: &mut Paint<'_>, area: Rect, all: &[facts::Fact], from: usize) {
    let rows = bays::lay(all, area.width);
    let room = bays::LABEL.min(area.width);
    for (y, fact) in (area.y..area.bottom()).zip(rows.iter().skip(from)) {
        paint.text(area.x, y, room.saturating_sub(1), &fact.label, "text.dim");
        let rest = area.width - room;
        paint.text(area.x + room, y, rest, &fact.text, fact.role);
    }
    let more = rows.len().saturating_sub(from + usize::from(area.height));
    if more > 0 && area.height > 2 {
        // On a row of its own: it hides no half of a fact.
        let last = Rect {
            y: area.bottom() - 1,
            height: 1,
            ..area
        };
        paint.fill(last, "text");
        let text = format!("{} more", more + 1);
        paint.text(area.x, last.y, area.width, &text, "text.dim");
    }
}
