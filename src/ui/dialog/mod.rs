//! Dialogs: what lies over a screen. Each says what happened, what each key does, and which way is safest.

use ratatui::layout::Rect;

use super::model::{Dialog, Model};
use super::widget::paint::{Frame, Paint};
use crate::domain::run::Moment;
use sheet::Sheet;

pub mod abort;
pub mod ask;
pub mod failure;
pub mod help;
pub mod message;
pub mod palette;
pub mod sheet;

/// Draws the topmost dialog over a screen.
pub fn draw(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) {
    let Some(dialog) = model.dialogs.last() else {
        return;
    };
    let width = area
        .width
        .saturating_sub(if area.width > 60 { 6 } else { 0 });
    let text = width.min(96).saturating_sub(4);
    let sheet = match dialog {
        Dialog::Ask { task } => ask::sheet(model, task, text, now),
        Dialog::Failure { tasks } => failure::failed(model, tasks, text, area.height),
        Dialog::Interrupted { tasks } => failure::interrupted(model, tasks, text),
        Dialog::Reason { tasks, typed } => failure::reason(tasks, typed, text),
        Dialog::Abort => abort::menu(model, text, now),
        Dialog::Kill { name, typed } => abort::kill(model, name, typed, text),
        Dialog::Leave => abort::leave(model, text),
        Dialog::Help { query, scroll } => help::sheet(model, query, *scroll),
        Dialog::Palette { query, cursor } => palette::sheet(model, query, *cursor, area.height),
        Dialog::Search { typed } => message::search(typed),
        Dialog::Message {
            title,
            lines,
            scroll,
        } => message::sheet(title, lines, *scroll, text),
    };
    place(paint, area, &sheet);
}

fn place(paint: &mut Paint<'_>, area: Rect, sheet: &Sheet) {
    let margin = if area.width > 60 { 6 } else { 0 };
    let width = (sheet.width + 4)
        .min(area.width.saturating_sub(margin))
        .max(area.width.min(20));
    let spare = if area.height > 20 { 4 } else { 0 };
    let height = (sheet.lines.len() as u16 + 2)
        .min(area.height.saturating_sub(spare))
        .max(area.height.min(3));
    let spot = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    // A blank edge on both sides lifts the dialog from what is below it.
    let halo = Rect {
        x: spot.x.saturating_sub(1).max(area.x),
        width: (spot.width + 2).min(area.width),
        ..spot
    };
    paint.fill(halo, "text");
    let frame = Frame {
        title: &sheet.title,
        right: &sheet.right,
        bottom: &sheet.bottom,
        focus: true,
        double: sheet.danger,
    };
    let inner = paint.panel(spot, frame);
    let top = sheet
        .scroll
        .min(sheet.lines.len().saturating_sub(usize::from(inner.height)));
    for (at, line) in sheet
        .lines
        .iter()
        .skip(top)
        .take(usize::from(inner.height))
        .enumerate()
    {
        let pieces: Vec<(&str, &str)> = line
            .iter()
            .map(|(text, role)| (text.as_str(), *role))
            .collect();
        paint.pieces(
            inner.x + 1,
            inner.y + at as u16,
            inner.width.saturating_sub(2),
            &pieces,
        );
    }
}
