//! What is ahead: the commits that the next release would bring.

use ratatui::layout::Rect;

use super::home_panel::{mark_row, panel};
use super::paint::{Paint, wrap};
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
    let inner = panel(
        paint,
        area,
        model,
        HomePanel::Next,
        &title,
        "y copy the hash",
    );
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
        paint.text(
            inner.x,
            inner.y,
            inner.width,
            &format!("nothing: {} is what is live", named(model, &changes.to)),
            "text.dim",
        );
        return;
    }
    sum(paint, inner, changes);
    let height = usize::from(inner.height.saturating_sub(1));
    let at = model.home_cursor[HomePanel::Next as usize];
    let top = at.saturating_sub(height.saturating_sub(1));
    for (offset, line) in changes.commits.iter().enumerate().skip(top).take(height) {
        let y = inner.y + 1 + (offset - top) as u16;
        commit(paint, inner, y, line, now);
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
    for (at, row) in wrap(&text, usize::from(inner.width))
        .iter()
        .enumerate()
        .take(usize::from(inner.height))
    {
        paint.text(inner.x, inner.y + at as u16, inner.width, row, "text.dim");
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
fn commit(paint: &mut Paint<'_>, inner: Rect, y: u16, line: &CommitLine, now: Moment) {
    let author = paint.shorten(&line.author, 10);
    let age = words::age(line.at, now);
    let mut x = inner.x;
    x += paint.text(x, y, 8, line.commit.short(), "text.link") + 1;
    let room = inner.right().saturating_sub(x + 16);
    paint.text(x, y, room, &line.subject, "text");
    paint.text(inner.right().saturating_sub(15), y, 10, &author, "text.dim");
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
