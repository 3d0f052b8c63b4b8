//! Hints: what can be done now and with which key, drawn from the key table.
//!
//! Capitals stand first, then `|`, then keys that only look. What cannot be done now is not offered; what does not
//! fit is left out from the end. `?` stands first and the way back has its place kept, so that neither is ever cut.

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
    let mut x = area.x + 1;
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

/// Draws the last row: keys that only look, `?` first; the way back stands there however little room there is. Hints that
/// begin with `Esc` and know no way back are those of a field.
pub fn keys(paint: &mut Paint<'_>, area: Rect, hints: &[Hint<'_>]) {
    let back = hints.iter().position(|hint| hint.0 == Act::Back);
    let (before, after) = hints.split_at(back.unwrap_or(hints.len()));
    let kept = after
        .first()
        .map_or(0, |back| columns(&text(back)) as u16 + 2);
    let room = Rect {
        width: area.width.saturating_sub(kept),
        ..area
    };
    let mut x = area.x + 1;
    // Until a field that has the keys is left, `?`, `:` and `q` are text.
    let is_field = hints.first().is_some_and(|hint| hint.0 == Act::Close) && back.is_none();
    let first: &[Hint<'_>] = if is_field {
        &[]
    } else {
        &[(Act::Help, ""), (Act::Palette, "")]
    };
    for hint in first.iter().chain(before) {
        if !fits(room, x, hint) {
            break;
        }
        x = one(paint, room, x, hint, "text.key", 2);
    }
    for hint in after {
        x = one(paint, area, x, hint, "text.key", 2);
    }
}

/// How a hint reads.
fn text(hint: &Hint<'_>) -> String {
    let row = keymap::row(hint.0);
    let words = if hint.1.is_empty() { row.short } else { hint.1 };
    format!("{} {words}", row.keys[0])
}

fn fits(area: Rect, x: u16, hint: &Hint<'_>) -> bool {
    let room = area.right().saturating_sub(x + 1);
    area.height > 0 && columns(&text(hint)) <= usize::from(room)
}

fn one(paint: &mut Paint<'_>, area: Rect, x: u16, hint: &Hint<'_>, role: &str, gap: u16) -> u16 {
    let row = keymap::row(hint.0);
    let words = if hint.1.is_empty() { row.short } else { hint.1 };
    let room = area.right().saturating_sub(x + 1);
    if !fits(area, x, hint) {
        return area.right();
    }
    let used = paint.text(x, area.y, room, row.keys[0], role);
    let words = format!(" {words}");
    x + used + paint.text(x + used, area.y, room - used, &words, "text") + gap
}
