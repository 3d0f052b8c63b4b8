//! The commits of what is selected, as a list or as git draws them into a graph. Only rows that show are made.

use ratatui::layout::Rect;

use crate::domain::catalog::MarkedCommit;
use crate::domain::overview::{Changes, CommitLine};
use crate::domain::run::Moment;
use crate::ui::model::Model;
use crate::ui::shelf::{Row, Shelf, Tab};
use crate::ui::theme::Mark;
use crate::ui::widget::diff;
use crate::ui::widget::paint::{Paint, columns, safe};
use crate::ui::words;

/// A commit with what is told beside it.
struct Told<'a> {
    line: &'a CommitLine,
    marked: Option<&'a MarkedCommit>,
}

impl Told<'_> {
    /// Rows that git draws of it.
    fn graph(&self) -> &[String] {
        self.marked.map_or(&[], |marked| &marked.graph)
    }
}

/// How the columns of the commits stand.
#[derive(Clone, Copy)]
struct Columns {
    is_graph: bool,
    graph: u16,
    author: u16,
}

/// The same in a pane of `width` columns: where both ends have no room only the later one is named, whole.
pub(super) fn title_in(model: &Model, width: u16) -> (String, String) {
    let (title, count) = title(model);
    let room = usize::from(width).saturating_sub(6);
    match title.rsplit_once("..") {
        Some((_, name)) if columns(&title) > room => (format!("Commits  {name}"), count),
        _ => (title, count),
    }
}

/// What the pane is about, and how many commits that are.
pub(super) fn title(model: &Model) -> (String, String) {
    let shelf = &model.shelf;
    let untold = ("Commits".to_owned(), String::new());
    match shelf.selected_row() {
        None => untold,
        Some(Row::Branch) => ahead(model).map_or(untold, |next| {
            let from = if next.from.is_empty() {
                "the beginning"
            } else {
                &next.from
            };
            let title = format!("Commits  {from}..{}", model.reference_name());
            (safe(&title), next.commit_count.to_string())
        }),
        Some(Row::Release(place)) => {
            let release = shelf.release(place);
            let name = release.map_or("", |release| release.tag.as_str());
            let before = shelf.detail().and_then(|detail| detail.before.as_deref());
            let title = match before {
                Some(before) => format!("Commits  {before}..{name}"),
                None => format!("Commits  {name}"),
            };
            (safe(&title), count(shelf))
        }
    }
}

fn count(shelf: &Shelf) -> String {
    let detail = shelf.detail();
    let known = detail.and_then(|detail| detail.commit_count);
    let known = known.or_else(|| shelf.selected().and_then(|release| release.commits));
    known.map_or_else(String::new, |count| count.to_string())
}

fn ahead(model: &Model) -> Option<&Changes> {
    model.overview.as_ref()?.next.as_ref()
}

/// The commits of what is selected.
fn told(model: &Model) -> Vec<Told<'_>> {
    if model.shelf.selected_row() == Some(Row::Branch) {
        let lines = ahead(model).into_iter().flat_map(|next| &next.commits);
        let plain = |line| Told { line, marked: None };
        return lines.map(plain).collect();
    }
    let detail = model.shelf.detail().into_iter();
    let commits = detail.flat_map(|detail| &detail.commits);
    commits
        .map(|marked| Told {
            line: &marked.line,
            marked: Some(marked),
        })
        .collect()
}

/// Whether no commit is known of what is selected.
pub(super) fn is_empty(model: &Model) -> bool {
    told(model).is_empty()
}

/// Draws the commits.
pub(super) fn draw(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) {
    let shelf = &model.shelf;
    let all = told(model);
    if all.is_empty() {
        empty(paint, area, shelf);
        return;
    }
    let is_graph = shelf.graph && all.iter().any(|told| !told.graph().is_empty());
    let rows = |told: &Told<'_>| {
        if is_graph {
            told.graph().len().max(1)
        } else {
            1
        }
    };
    let widest = all.iter().flat_map(Told::graph).map(|row| columns(row));
    let most = usize::from(area.width / 4).max(1);
    let authors = all.iter().map(|told| columns(&safe(&told.line.author)));
    let widths = Columns {
        is_graph,
        graph: if is_graph {
            widest.max().unwrap_or(0).clamp(1, most) as u16
        } else {
            1
        },
        author: authors.max().unwrap_or(0).clamp(4, 10) as u16,
    };
    let height = usize::from(area.height);
    let top = first(&all, shelf.commit, height, rows);
    let (mut y, mut shown) = (area.y, 0);
    for (at, told) in all.iter().enumerate().skip(top) {
        if y >= area.bottom() {
            break;
        }
        let row = Rect {
            y,
            height: 1,
            ..area
        };
        commit(paint, row, told, widths, now);
        if at == shelf.commit && shelf.focus() == Some(Tab::Commits) {
            paint.tint(row, "select");
            paint.mark(row.x, row.y, Mark::Cursor, "text.strong");
        }
        (y, shown) = (y + 1, shown + 1);
        for rest in 1..rows(told) {
            if y < area.bottom() {
                lanes(paint, (area, y), told, (widths.graph, rest));
                y += 1;
            }
        }
    }
    more(paint, area, all.len().saturating_sub(top + shown));
}

/// The first commit that shows, so that the one under the cursor does.
fn first(
    all: &[Told<'_>],
    cursor: usize,
    height: usize,
    rows: impl Fn(&Told<'_>) -> usize,
) -> usize {
    let mut top = cursor.min(all.len() - 1);
    let mut used = 1;
    while top > 0 && used + rows(&all[top - 1]) < height {
        top -= 1;
        used += rows(&all[top]);
    }
    top
}

fn empty(paint: &mut Paint<'_>, area: Rect, shelf: &Shelf) {
    let said = match (shelf.selected_row(), shelf.detail()) {
        (None, _) => "",
        (Some(Row::Branch), _) => "nothing: every commit of it is live",
        (_, None) => "looking ..",
        (_, Some(detail)) if detail.commit_count.is_none() => {
            "not known: this clone does not reach back so far"
        }
        _ => "none: what the release before had is all it has",
    };
    paint.wrapped(super::margin(area), said, "text.dim");
}

fn commit(paint: &mut Paint<'_>, row: Rect, told: &Told<'_>, widths: Columns, now: Moment) {
    let mut x = row.x + 1;
    if widths.is_graph {
        lanes(paint, (row, row.y), told, (widths.graph, 0));
    } else {
        paint.text(x, row.y, 1, "o", "border");
    }
    x += widths.graph + 1;
    let line = told.line;
    x += paint.text(x, row.y, 8, line.commit.short(), "text.link") + 1;
    let risks: Vec<&str> = told
        .marked
        .iter()
        .flat_map(|marked| &marked.risks)
        .map(|risk| risk.mark())
        .collect();
    let risks = risks.join(" ");
    let narrow = row.width < 50;
    let risk_room = match (risks.is_empty(), narrow) {
        (true, true) => 0,
        _ => columns(&risks).clamp(4, 13) as u16,
    };
    let mut end = row.right();
    if risk_room > 0 {
        end = end.saturating_sub(risk_room);
        paint.text(end, row.y, risk_room, &risks, "state.warn");
        end = end.saturating_sub(1);
    }
    paint.right(end, row.y, 4, &words::age(line.at, now), "text.dim");
    end = end.saturating_sub(5);
    if !narrow {
        let author = widths.author;
        end = end.saturating_sub(author);
        let name = paint.shorten(&line.author, author);
        paint.text(end, row.y, author, &name, "text.dim");
        end = end.saturating_sub(1);
    }
    let room = end.saturating_sub(x);
    paint.text(x, row.y, room, &line.subject, "text");
}

/// A row of the graph, in the columns that it has.
fn lanes(
    paint: &mut Paint<'_>,
    (area, y): (Rect, u16),
    told: &Told<'_>,
    (width, row): (u16, usize),
) {
    let spot = Rect {
        x: area.x + 1,
        y,
        width,
        height: 1,
    };
    if let Some(marked) = told.marked {
        diff::graph(paint, spot, marked, row);
    }
}

/// Says how many more there are than fit.
fn more(paint: &mut Paint<'_>, area: Rect, hidden: usize) {
    if hidden == 0 || area.height < 3 {
        return;
    }
    let row = Rect {
        y: area.bottom() - 1,
        height: 1,
        ..area
    };
    paint.fill(row, "text");
    let text = format!("{} more", words::many((hidden + 1) as u64));
    paint.text(area.x + 3, row.y, area.width, &text, "text.dim");
}
