//! Dialogs: what lies over a screen. Each says what happened, what each key does, and which way is safest.

use ratatui::layout::Rect;

use super::model::{Dialog, Model};
use super::viewer::Viewer;
use super::widget::paint::{Frame, Paint, columns};
use super::widget::prompt as prompt_row;
use crate::domain::run::Moment;
use sheet::{Line, Sheet};

pub mod abort;
pub mod ask;
pub mod decide;
pub mod environments;
pub mod failure;
pub mod filters;
pub mod help;
pub mod journal;
pub mod lock;
pub mod message;
pub mod palette;
pub mod reason;
pub mod rollback;
pub mod secret;
pub mod sheet;
pub mod unknown;

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
        Dialog::Failure { tasks, spot } => {
            failure::sheet(model, tasks, *spot, (text, area.height), now)
        }
        Dialog::Interrupted { tasks, spot } => {
            unknown::sheet(model, tasks, *spot, (text, area.height), now)
        }
        Dialog::Reason { wish, typed } => reason::sheet(model, wish, typed, text, now),
        Dialog::Abort { choice, keep } => abort::menu(model, *choice, *keep, text, now),
        Dialog::Kill { name, typed, keep } => abort::kill(model, (name, typed), *keep, text),
        Dialog::Locked { env, choice } => lock::busy(model, env, *choice, text, now),
        Dialog::Steal { env, typed, .. } => lock::steal(model, env, typed, text),
        Dialog::Rollback { typed, scroll } => rollback::sheet(model, typed, *scroll, text, now),
        Dialog::Secret {
            name,
            steps,
            said,
            typed,
        } => secret::sheet(name, steps, said.as_deref(), typed.0.chars().count(), text),
        Dialog::Unrecorded => journal::sheet(model, text, now),
        Dialog::Leave => abort::leave(model, text),
        Dialog::Help { query, scroll } => help::sheet(model, query, *scroll, text),
        Dialog::Palette { query, cursor } => palette::sheet(model, query, *cursor, area.height),
        Dialog::Prompt(prompt) => {
            let facts = model.viewer().map(Viewer::facts);
            return prompt_row::draw(paint, area, prompt, facts);
        }
        Dialog::Filters { cursor } => {
            let Some(viewer) = model.viewer() else {
                return;
            };
            let size = (text, area.height);
            filters::sheet(viewer.filters(), viewer.facts(), *cursor, size)
        }
        Dialog::Environments { cursor } => environments::sheet(model, *cursor, text),
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
    // What users see now, and the two rows of the band, stay in sight.
    let (above, below) = if area.height > 20 { (2, 3) } else { (0, 0) };
    let height = (sheet.lines.len() as u16 + 2)
        .min(area.height.saturating_sub(above + below))
        .max(area.height.min(3));
    let spot = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + above + (area.height - above - below - height) / 2,
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
    // On a phone two rows above the keys tell what users see: half of that says nothing.
    if area.width < 60 && spot.bottom() + 2 == area.bottom() {
        let y = spot.bottom();
        paint.fill(
            Rect {
                y,
                height: 1,
                ..area
            },
            "text",
        );
    }
    let is_cut = sheet.lines.len() + 2 > usize::from(height);
    let moves = if is_cut { sheet.moves } else { "" };
    let frame = Frame {
        title: &sheet.title,
        right: &sheet.right,
        bottom: &format!("{moves}{}", sheet.bottom),
        focus: true,
        double: sheet.danger,
    };
    let inner = paint.panel(spot, frame);
    let shown = showing(sheet, usize::from(inner.height));
    for (y, line) in (inner.y..inner.bottom()).zip(shown) {
        let mut pieces: Vec<(&str, &str)> = line
            .iter()
            .map(|(text, role)| (text.as_str(), *role))
            .collect();
        let long: usize = pieces.iter().map(|(text, _)| columns(text)).sum();
        if area.width < 60 && pieces.len() >= CHOICE && long + 2 > usize::from(inner.width) {
            // The key and its word tell enough; half an explanation does not.
            pieces.pop();
        }
        paint.pieces(inner.x + 1, y, inner.width.saturating_sub(2), &pieces);
    }
}

/// The pieces of a choice: mark, key, word, explanation; a line with as many ends in an explanation.
const CHOICE: usize = 4;

/// The lines of a sheet that are shown in `height` rows: from its first shown line on, or, when its end is kept,
/// the beginning and the end.
fn showing(sheet: &Sheet, height: usize) -> Vec<&Line> {
    let lines = &sheet.lines;
    if sheet.kept == 0 || lines.len() <= height {
        let top = sheet.scroll.min(lines.len().saturating_sub(height));
        return lines.iter().skip(top).take(height).collect();
    }
    // Empty lines go first, from the top, as many as have to; then what stands before the choices.
    let mut over = lines.len() - height;
    let mut fits = |line: &&Line| {
        let goes = line.is_empty() && over > 0;
        over -= usize::from(goes);
        !goes
    };
    let (text, end) = lines.split_at(lines.len() - sheet.kept.min(lines.len()));
    let text: Vec<&Line> = text.iter().filter(&mut fits).collect();
    let end: Vec<&Line> = end.iter().filter(&mut fits).collect();
    let room = height.saturating_sub(end.len());
    let top = sheet.scroll.min(text.len().saturating_sub(room));
    text.into_iter()
        .skip(top)
        .take(room)
        .chain(end)
        .take(height)
        .collect()
}
