//! The palette: every action by name, and why one is off.

use super::sheet::{Line, Sheet, blank, field};
use crate::ui::keymap;
use crate::ui::model::{Availability, Model};
use crate::ui::update::palette::matching;

/// What the palette says.
pub fn sheet(model: &Model, query: &str, cursor: usize, height: u16) -> Sheet {
    let found = matching(model, query);
    let spare = if height < 20 { 5 } else { 10 };
    let room = usize::from(height.saturating_sub(spare)).clamp(3, 16);
    let top = cursor.saturating_sub(room - 1);
    let mut lines: Vec<Line> = vec![field(": ", query), blank()];
    for (at, (row, state)) in found.iter().enumerate().skip(top).take(room) {
        let marked = at == cursor.min(found.len().saturating_sub(1));
        let note = match state {
            Availability::Off(why) => format!("off: {why}"),
            _ => row.words.to_owned(),
        };
        let off = *state != Availability::On;
        let gap = " ".repeat(10_usize.saturating_sub(row.keys[0].len()));
        let sign = if row.changes { "! " } else { "  " };
        lines.push(vec![
            (if marked { "» " } else { "  " }.to_owned(), "text.strong"),
            (
                format!("{:<17}", row.id),
                if off { "text.dim" } else { "text.strong" },
            ),
            (
                row.keys[0].to_owned(),
                if row.changes {
                    "text.key.danger"
                } else {
                    "text.key"
                },
            ),
            (gap, "text"),
            (sign.to_owned(), "text.strong"),
            (note, if off { "text.dim" } else { "text" }),
        ]);
    }
    if found.is_empty() {
        lines.push(vec![("  no action is called that".to_owned(), "text.dim")]);
    }
    Sheet {
        title: "Commands".to_owned(),
        right: format!("{} of {}", found.len(), keymap::table().len()),
        bottom: if model.size.0 < 50 {
            "Enter runs, ! in full  Esc closes"
        } else {
            "Enter runs, ! by its whole name   Esc closes"
        }
        .to_owned(),
        lines,
        width: 88,
        ..Sheet::default()
    }
}
