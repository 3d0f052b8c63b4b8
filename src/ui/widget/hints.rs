//! Hints: what can be done now and with which key, drawn from the key table.
//!
//! Capitals stand first, then `|`, then keys that only look. What cannot be done now is not offered; what does not
//! fit is left out from the end, and `?` stands first so that it is never cut.

use ratatui::layout::Rect;

use super::paint::{Paint, columns};
use crate::ui::available::availability;
use crate::ui::keymap::{self, Act};
use crate::ui::model::{Availability, Model};

/// An action with the words it is offered with; empty = those of the table.
pub type Hint<'a> = (Act, &'a str);

/// Draws a row of actions: those that change something first.
pub fn actions(paint: &mut Paint<'_>, area: Rect, model: &Model, hints: &[Hint<'_>]) {
    let usable = |hint: &&Hint<'_>| availability(model, hint.0) == Availability::On;
    let changes = |hint: &&Hint<'_>| keymap::row(hint.0).changes;
    let first: Vec<&Hint<'_>> = hints.iter().filter(usable).filter(changes).collect();
    let rest: Vec<&Hint<'_>> = hints
        .iter()
        .filter(usable)
        .filter(|hint| !changes(hint))
        .collect();
    let mut x = area.x + 2;
    for hint in &first {
        x = one(paint, area, x, hint, "text.key.danger", 3);
    }
    if !first.is_empty() && !rest.is_empty() && x + 2 < area.right() {
        x += paint.text(x, area.y, 2, "| ", "border");
    }
    for hint in &rest {
        x = one(paint, area, x, hint, "text.key", 2);
    }
}

/// Draws the last row: keys that only look, `?` first.
pub fn keys(paint: &mut Paint<'_>, area: Rect, hints: &[Hint<'_>]) {
    let mut x = area.x + 1;
    for hint in [&(Act::Help, ""), &(Act::Palette, "")]
        .into_iter()
        .chain(hints)
    {
        x = one(paint, area, x, hint, "text.key", 2);
    }
}

fn one(paint: &mut Paint<'_>, area: Rect, x: u16, hint: &Hint<'_>, role: &str, gap: u16) -> u16 {
    let row = keymap::row(hint.0);
    let words = if hint.1.is_empty() { row.short } else { hint.1 };
    let text = format!("{} {words}", row.keys[0]);
    let room = area.right().saturating_sub(x + 1);
    if area.height == 0 || columns(&text) > usize::from(room) {
        return area.right();
    }
    let used = paint.text(x, area.y, room, row.keys[0], role);
    let words = format!(" {words}");
    x + used + paint.text(x + used, area.y, room - used, &words, "text") + gap
}
