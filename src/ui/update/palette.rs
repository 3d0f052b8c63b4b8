//! The palette and the search: what was typed becomes an action or a place in the log.

use crate::domain::run::Moment;
use crate::ui::available::availability;
use crate::ui::keymap::{self, Act, Row};
use crate::ui::model::{Availability, Model};
use crate::ui::msg::Notice;
use crate::ui::rows;

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

/// Goes to the next (or previous) line of the log that holds what is searched for, or that tells of an error.
pub(super) fn seek(model: &mut Model, back: bool, errors: bool, now: Moment) -> bool {
    let half = u64::from(model.size.1 / 3);
    let Some(run) = &mut model.run else {
        return false;
    };
    let Some((tasks, _)) = rows::log_tasks(run) else {
        return false;
    };
    let Some(log) = run.logs.step(tasks.start) else {
        return false;
    };
    let pattern = run.log.search.clone().unwrap_or_default();
    let hit = log.find(run.log.hit, back, run.log.only, &|line| {
        if errors {
            line.sort.is_trouble()
        } else {
            holds(&line.text, &pattern)
        }
    });
    let was_found = hit.is_some() || run.log.hit.is_none();
    // Behind the last one the search goes on at the other end.
    let hit = hit.or_else(|| {
        log.find(None, back, run.log.only, &|line| {
            if errors {
                line.sort.is_trouble()
            } else {
                holds(&line.text, &pattern)
            }
        })
    });
    let Some(hit) = hit else {
        return false;
    };
    if run.log.bottom.is_none() {
        run.log.left_at = log.end();
    }
    run.log.hit = Some(hit);
    run.log.bottom = Some((hit + half).min(log.end()));
    if !was_found {
        let end = if back { "end" } else { "top" };
        let said = format!("no more in this direction: went on at the {end}");
        model.notice = Some((Notice::line(said), now));
    }
    true
}

/// Searches for a text from the end of the log upwards.
pub(super) fn search(model: &mut Model, typed: &str, now: Moment) {
    if let Some(run) = &mut model.run {
        run.log.search = (!typed.is_empty()).then(|| typed.to_owned());
        run.log.hit = None;
    }
    if !typed.is_empty() {
        seek(model, true, false, now);
    }
}

/// Whether a line holds what is searched for; capital letters count when the pattern has one.
pub fn holds(text: &str, pattern: &str) -> bool {
    if pattern.is_empty() {
        return false;
    }
    if pattern.chars().any(char::is_uppercase) {
        text.contains(pattern)
    } else {
        text.to_lowercase().contains(pattern)
    }
}
