//! What the panels of the home screen share: their frame, the marked row, and the lists of runs.

use ratatui::layout::Rect;

use super::paint::{Frame, Paint};
use crate::domain::overview::RunSummary;
use crate::ui::model::{HomePanel, Model};
use crate::ui::theme::Mark;

/// The runs that are over, or those that are not.
pub fn runs(model: &Model, unfinished: bool) -> Vec<&RunSummary> {
    let all = model.overview.iter().flat_map(|overview| &overview.runs);
    all.filter(|run| run.outcome.is_none() == unfinished)
        .collect()
}

/// Draws the frame of a panel; returns the area inside.
pub fn panel(
    paint: &mut Paint<'_>,
    area: Rect,
    model: &Model,
    of: HomePanel,
    title: &str,
    bottom: &str,
) -> Rect {
    let focus = model.home_panel == of && model.dialogs.is_empty();
    paint.panel(
        area,
        Frame {
            title,
            bottom,
            focus,
            ..Frame::default()
        },
    )
}

/// Marks a row when the cursor of its panel is on it.
pub fn mark_row(paint: &mut Paint<'_>, row: Rect, model: &Model, panel: HomePanel, at: usize) {
    if model.home_panel == panel && model.home_cursor[panel as usize] == at {
        paint.tint(row, "select");
        paint.mark(row.x, row.y, Mark::Cursor, "text.strong");
    }
}
