//! What is ahead: the commits that the next release would bring.

use ratatui::layout::Rect;

use super::home_panel::{mark_row, panel};
use super::paint::{Paint, columns, wrap};
use crate::domain::overview::{Changes, CommitLine};
use crate::domain::run::Moment;
use crate::ui::model::{HomePanel, Model};
use crate::ui::words;

/// Draws the panel of the next release.
pub fn draw(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) {
    let changes = model
        .overview
        .as_ref()
        .and_then(|overview| overview.next.as_ref());
    let title = changes.map_or_else(
        || "Next release".to_owned(),
        |changes| {
            let from = if changes.from.is_empty() {
                "the beginning"
            } else {
                &changes.from
            };
            format!("Next release  {from}..{}", named(model, &changes.to))
        },
    );
    let bottom = if changes.is_some_and(|changes| changes.commit_count > 0) {
        "y copy the hash"
    } else {
        ""
    };
    let inner = panel(paint, area, model, HomePanel::Next, &title, bottom);
    let inner = Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(2),
        ..inner
    };
    let Some(changes) = changes else {
        unknown(paint, inner, model);
        return;
    };
    if changes.commit_count == 0 {
        let branch = named(model, &changes.to);
        let said = [
            format!("nothing: {branch} is what is live"),
            String::new(),
            format!("Commits that {branch} has and LIVE has not will stand here, newest first."),
            format!("D releases {branch} again, for example to a host that is new."),
        ];
        told(paint, inner, &said);
        return;
    }
    sum(paint, inner, changes);
    let height = usize::from(inner.height.saturating_sub(1));
    let at = model.home_cursor[HomePanel::Next as usize];
    let top = at.saturating_sub(height.saturating_sub(1));
    let shown = changes.commits.iter().skip(top).take(height);
    let longest = shown.map(|line| columns(words::user(&line.author))).max();
    let authors = longest.unwrap_or(0).min(10) as u16;
    for (offset, line) in changes.commits.iter().enumerate().skip(top).take(height) {
        let y = inner.y + 1 + (offset - top) as u16;
        commit(paint, (inner, y), line, authors, now);
        let row = Rect {
            x: inner.x.saturating_sub(1),
            y,
            width: inner.width + 1,
            height: 1,
        };
        mark_row(paint, row, model, HomePanel::Next, offset);
    }
    let hidden = changes.commit_count.saturating_sub(top + height);
    if hidden > 0 && height > 1 {
        let y = inner.bottom() - 1;
        paint.fill(
            Rect {
                y,
                height: 1,
                ..inner
            },
            "text",
        );
        paint.text(
            inner.x,
            y,
            inner.width,
            &format!("{} more", hidden + 1),
            "text.dim",
        );
    }
}

/// Says why it is not known what is ahead.
fn unknown(paint: &mut Paint<'_>, inner: Rect, model: &Model) {
    let trouble = model
        .overview
        .as_ref()
        .and_then(|overview| overview.repository_trouble.clone());
    let text = match (&model.overview, trouble) {
        (_, Some(trouble)) => trouble,
        (None, None) => "looking ..".to_owned(),
        (Some(_), None) => {
            "not known: git could not say what the next release would bring".to_owned()
        }
    };
    told(
        paint,
        inner,
        &text.split("; ").map(str::to_owned).collect::<Vec<_>>(),
    );
}

/// Writes sentences one below the other; the first says what is, the others what can be done.
pub(super) fn told(paint: &mut Paint<'_>, inner: Rect, said: &[String]) {
    let rows = said.iter().enumerate().flat_map(|(at, text)| {
        let role = if at == 0 { "text" } else { "text.dim" };
        wrap(text, usize::from(inner.width))
            .into_iter()
            .map(move |row| (row, role))
    });
    for (y, (row, role)) in (inner.y..inner.bottom()).zip(rows) {
        paint.text(inner.x, y, inner.width, &row, role);
    }
}

/// Writes how much differs.
fn sum(paint: &mut Paint<'_>, inner: Rect, changes: &Changes) {
    let sum = format!(
        "{}  {}",
        words::count(changes.commit_count, "commit"),
        words::count(changes.files, "file")
    );
    let used = paint.text(inner.x, inner.y, inner.width, &sum, "text");
    let plus = format!("  +{}", changes.insertions);
    let minus = format!(" -{}", changes.deletions);
    paint.pieces(
        inner.x + used,
        inner.y,
        inner.width.saturating_sub(used),
        &[(&plus, "diff.add"), (&minus, "diff.del")],
    );
}

/// Writes a commit.
fn commit(
    paint: &mut Paint<'_>,
    (inner, y): (Rect, u16),
    line: &CommitLine,
    authors: u16,
    now: Moment,
) {
    let author = paint.shorten(words::user(&line.author), authors);
    let age = words::age(line.at, now);
    let mut x = inner.x;
    x += paint.text(x, y, 8, line.commit.short(), "text.link") + 1;
    let room = inner.right().saturating_sub(x + authors + 6);
    paint.text(x, y, room, &line.subject, "text");
    let at = inner.right().saturating_sub(authors + 5);
    paint.text(at, y, authors, &author, "text.dim");
    paint.right(inner.right(), y, 4, &age, "text.dim");
}

/// A reference as people call it: the branch when HEAD is meant.
fn named<'a>(model: &'a Model, reference: &'a str) -> &'a str {
    if reference == model.reference {
        model.reference_name()
    } else {
        reference
    }
}
