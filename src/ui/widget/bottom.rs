//! The bottom: what users see now, what can be done about it, and which keys look around.
//!
//! A notice takes the place of the action line for some seconds; the attention line is never covered.

use ratatui::layout::Rect;

use super::hints::{self, Hint};
use super::paint::{Paint, Piece};
use crate::ui::model::Model;

pub use crate::ui::panes::{Areas, areas};

/// What the last three rows say.
pub struct Bottom<'a> {
    /// What users see now, most important first.
    pub attention: &'a [Piece<'a>],
    /// What can be done.
    pub actions: &'a [Hint<'a>],
    /// Keys that look around.
    pub keys: &'a [Hint<'a>],
}

/// Draws the last three rows.
pub fn draw(paint: &mut Paint<'_>, area: Rect, model: &Model, bottom: &Bottom<'_>) {
    let row = |at: u16| Rect {
        y: area.y + at,
        height: 1,
        ..area
    };
    if area.height < 3 {
        return;
    }
    paint.pieces(
        area.x + 1,
        area.y,
        area.width.saturating_sub(2),
        bottom.attention,
    );
    match (&model.busy, &model.notice) {
        (Some(busy), _) => {
            let text = format!("{busy} ..");
            paint.text(
                area.x + 1,
                area.y + 1,
                area.width.saturating_sub(2),
                &text,
                "state.run",
            );
        }
        (None, Some((notice, _))) => {
            paint.text(
                area.x + 1,
                area.y + 1,
                area.width.saturating_sub(2),
                &format!(" {} ", notice.title),
                "notice",
            );
        }
        (None, None) => hints::actions(paint, row(1), model, bottom.actions),
    }
    hints::keys(paint, row(2), bottom.keys);
}
