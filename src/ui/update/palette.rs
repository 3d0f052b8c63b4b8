//! The palette: what was typed becomes an action.
//!
//! Rows that cannot be done now stay, and say why. A row that changes a server needs its whole name typed.

use crate::domain::run::Moment;
use crate::ui::available::availability;
use crate::ui::keymap::{self, Act, Row};
use crate::ui::model::{Availability, Model};
use crate::ui::msg::Notice;

/// The rows of the palette for what was typed: first those that can be done now, then those that are off.
pub fn matching(model: &Model, query: &str) -> Vec<(&'static Row, Availability)> {
    let wanted = query.trim().to_lowercase();
    let named = |row: &&Row| row.group != "move" && row.act != Act::Palette;
    let fits = |row: &&Row| row.id.contains(&wanted) || row.words.to_lowercase().contains(&wanted);
    let mut rows: Vec<(&'static Row, Availability)> = keymap::table()
        .iter()
        .filter(named)
        .filter(fits)
        .map(|row| (row, availability(model, row.act)))
        .filter(|(_, state)| *state != Availability::Elsewhere)
        .collect();
    rows.sort_by_key(|(row, state)| {
        (
            *state != Availability::On,
            !row.id.starts_with(&wanted),
            row.id != wanted,
            wanted.is_empty() && !row.changes,
        )
    });
    rows
}

/// Takes the marked row. A row that changes a server needs its whole name typed.
pub(super) fn choose(model: &mut Model, query: &str, cursor: usize, now: Moment) -> Option<Act> {
    model.dialogs.pop();
    let found = matching(model, query);
    let chosen = found.get(cursor.min(found.len().saturating_sub(1)));
    let said = match chosen {
        None => format!("there is no action {}", query.trim()),
        Some((row, Availability::Off(why))) => format!("{} is off: {why}", row.id),
        Some((row, _)) if row.changes && query.trim() != row.id => {
            format!(
                "nothing was done: type the whole name, {}, then Enter",
                row.id
            )
        }
        Some((row, _)) => return Some(row.act),
    };
    model.notice = Some((Notice::line(said), now));
    None
}
