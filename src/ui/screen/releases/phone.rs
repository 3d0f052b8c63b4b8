//! Past releases on a phone: the list, or the pane that was opened, one at a time.

use std::fmt::Write as _;

use ratatui::layout::Rect;

use crate::domain::catalog::RemoteTags;
use crate::domain::run::Moment;
use crate::ui::bays;
use crate::ui::model::Model;
use crate::ui::shelf::{Shelf, Tab, facts};
use crate::ui::widget::card;
use crate::ui::widget::paint::{Paint, middle, wrap};
use crate::ui::words;

use super::{commits, foot, head, part, tags};

/// Draws the small form.
pub fn draw(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) {
    if area.is_empty() {
        return;
    }
    let shelf = &model.shelf;
    let first = Rect { height: 1, ..area };
    match (shelf.typing || !shelf.find.is_empty(), shelf.focus()) {
        (true, None) => head::field(paint, first, model),
        (_, focus) => {
            let said = title(model, focus, area.width);
            paint.text(area.x, area.y, area.width, &said, "text.strong");
        }
    }
    if area.height < 5 {
        return;
    }
    let body = bays::card_body(area);
    match shelf.focus() {
        None => tags::draw(paint, body, model, false, now),
        Some(tab) => part(paint, body, model, tab, now),
    }
    let said = model
        .busy
        .as_ref()
        .map(|busy| (format!("{busy} .."), "state.run"));
    let noticed = || {
        let notice = model.notice.as_ref();
        notice.map(|(notice, _)| (notice.title.clone(), "notice"))
    };
    let (said, role) = said
        .or_else(noticed)
        .unwrap_or_else(|| foot::attention(model, area.width, now));
    // A notice is told whole, over the end of the body.
    let rows = if role == "notice" {
        wrap(&said, usize::from(area.width))
    } else {
        vec![said]
    };
    let rows = &rows[..rows.len().min(2)];
    for (y, said) in (area.bottom() - 1 - rows.len() as u16..).zip(rows) {
        let row = Rect {
            y,
            height: 1,
            ..area
        };
        paint.fill(row, "text");
        paint.text(area.x, y, area.width, said, role);
    }
    let keys = Rect {
        y: area.bottom() - 1,
        height: 1,
        ..area
    };
    card::keys(paint, keys, model);
}

/// What is looked at, and how much of it there is.
fn title(model: &Model, focus: Option<Tab>, width: u16) -> String {
    let shelf = &model.shelf;
    let name = |shelf: &Shelf| shelf.selected().map(|release| release.tag.clone());
    match focus {
        None => {
            let Some(catalog) = shelf.catalog() else {
                return middle(&model.project, width);
            };
            let all = catalog.total.max(catalog.releases.len());
            let mut count = words::count(all, "release");
            if matches!(catalog.remote, RemoteTags::Failed(_)) {
                count.push_str(", remote down");
            } else if let Some((said, "state.warn")) = facts::remote_in_short(catalog)
                && usize::from(width) >= count.len() + said.len() + 7
            {
                let _ = write!(count, ", {said}");
            }
            let room = width.saturating_sub(count.len() as u16 + 1);
            format!("{} {count}", middle(&model.project, room))
        }
        Some(Tab::Commits) => {
            let (title, count) = commits::title(model);
            let of = title.trim_start_matches("Commits  ");
            let count = match count.as_str() {
                "" => "commits".to_owned(),
                "1" => "1 commit".to_owned(),
                many => format!("{many} commits"),
            };
            let room = width.saturating_sub(count.len() as u16 + 1);
            format!("{count} {}", middle(of, room))
        }
        Some(Tab::Diff) if shelf.range.is_some() => "Diff of two releases".to_owned(),
        Some(tab) => {
            let tag = name(shelf).unwrap_or_else(|| model.reference_name().to_owned());
            let room = width.saturating_sub(tab.word().len() as u16 + 1);
            format!("{} {}", tab.word(), middle(&tag, room))
        }
    }
}
