//! Help: the key table, searched by typing. What holds where the operator is stands first, in its groups; what holds
//! elsewhere stands behind it, with where.

use super::sheet::{Line, Sheet, blank, field, text};
use crate::ui::available::{availability, places_below_help};
use crate::ui::keymap::{self, Place, Row};
use crate::ui::model::{Availability, Model};
use crate::ui::widget::paint::wrap;

/// The groups in the order they are shown.
const GROUPS: [(&str, &str); 7] = [
    ("run", "RUN  capitals can change a server; each is guarded"),
    ("move", "MOVE"),
    ("focus", "SCREENS AND PANES"),
    ("find", "FIND"),
    ("view", "VIEW"),
    ("copy", "COPY AND OPEN"),
    ("app", "GOLIVE"),
];

/// Below this width a row shows its first key only.
const NARROW: u16 = 60;
/// The columns of the key there.
const KEYS: u16 = 11;
/// The columns of the keys elsewhere.
const WORDS: usize = 15;
/// Columns it takes at most.
const WIDEST: u16 = 88;

/// What the help says.
pub fn sheet(model: &Model, query: &str, scroll: usize, width: u16) -> Sheet {
    let wanted = query.trim().to_lowercase();
    let mut lines = vec![field("search: ", query)];
    let here = places_below_help(model);
    let is_here = |row: &Row| row.places.iter().any(|place| here.contains(place));
    let mut rows = keymap::table().iter().filter(|row| is_wanted(row, &wanted));
    let (near, far): (Vec<&Row>, Vec<&Row>) = rows.by_ref().partition(|row| is_here(row));
    let found = near.len() + far.len();
    for (group, title) in groups(&here) {
        let rows: Vec<&Row> = near
            .iter()
            .copied()
            .filter(|row| row.group == group)
            .collect();
        section(&mut lines, model, title, (&rows, true), width);
    }
    section(&mut lines, model, "ELSEWHERE", (&far, false), width);
    if found == 0 {
        lines.push(blank());
        lines.push(vec![("no key does that".to_owned(), "text.dim")]);
    }
    lines.push(blank());
    lines.extend(text(
        "Lower-case keys, arrows and pasted text only look. PRODUCTION asks for its name.",
        width,
        "text.dim",
    ));
    Sheet {
        title: "Help".to_owned(),
        right: format!("{found} keys"),
        bottom: if width < NARROW {
            "Down scrolls   Esc closes".to_owned()
        } else {
            "type to search   Down PgDn scroll   Esc closes".to_owned()
        },
        lines,
        scroll,
        width: WIDEST,
        ..Sheet::default()
    }
}

fn is_wanted(row: &Row, wanted: &str) -> bool {
    wanted.is_empty()
        || row.words.to_lowercase().contains(wanted)
        || row.id.contains(wanted)
        || row.keys.iter().any(|key| key.eq_ignore_ascii_case(wanted))
}

/// The groups in their order: in a log first what is done with lines.
fn groups(here: &[Place]) -> Vec<(&'static str, &'static str)> {
    let is_log = here.contains(&Place::Log);
    let mut groups = GROUPS.to_vec();
    groups.sort_by_key(|(group, _)| !(is_log && matches!(*group, "find" | "view" | "copy")));
    groups
}

/// Rows below their title; those that hold elsewhere say where.
fn section(
    lines: &mut Vec<Line>,
    model: &Model,
    title: &str,
    (rows, here): (&[&Row], bool),
    width: u16,
) {
    if rows.is_empty() {
        return;
    }
    lines.push(blank());
    lines.extend(text(title, width, "text.title"));
    for row in rows {
        if width < NARROW {
            lines.extend(short(model, row, width));
        } else {
            lines.extend(line(model, row, here, width));
        }
    }
}

/// A row where there is little room: its first key, and its words below each other.
fn short(model: &Model, row: &Row, width: u16) -> Vec<Line> {
    let role = role_of(model, row);
    let words = text(row.words, width.saturating_sub(KEYS), role);
    let key = if row.changes {
        "text.key.danger"
    } else {
        "text.key"
    };
    let keys = usize::from(KEYS);
    let mut first = Some(row.keys[0]);
    words
        .into_iter()
        .map(|words| {
            let head = first.take().unwrap_or_default();
            let gap = (" ".repeat(keys - 1 - head.len()), "text");
            let head = [(" ".to_owned(), "text"), (head.to_owned(), key), gap];
            head.into_iter().chain(words).collect()
        })
        .collect()
}

fn role_of(model: &Model, row: &Row) -> &'static str {
    if availability(model, row.act) == Availability::On {
        "text"
    } else {
        "text.dim"
    }
}

/// A row with all its keys; what it does takes as many lines as it needs.
fn line(model: &Model, row: &Row, here: bool, width: u16) -> Vec<Line> {
    let keys = row.keys.join(" ");
    let places = row
        .places
        .iter()
        .map(|place| place.word())
        .collect::<Vec<_>>()
        .join(", ");
    let places = if places == "all" || here {
        String::new()
    } else {
        format!("  ({places})")
    };
    let key = if row.changes {
        "text.key.danger"
    } else {
        "text.key"
    };
    let role = role_of(model, row);
    let room = usize::from(width.min(WIDEST)).saturating_sub(2 + WORDS);
    let mut rows = wrap(row.words, room);
    let last = rows.pop().unwrap_or_default();
    let head = |keys: &str| -> Line {
        let gap = WORDS.saturating_sub(keys.len());
        vec![
            ("  ".to_owned(), "text"),
            (keys.to_owned(), key),
            (" ".repeat(gap), "text"),
        ]
    };
    let mut heads = std::iter::once(keys.as_str()).chain(std::iter::repeat(""));
    let mut lines = Vec::new();
    for words in rows {
        let mut told = head(heads.next().unwrap_or_default());
        told.push((words, role));
        lines.push(told);
    }
    let mut told = head(heads.next().unwrap_or_default());
    told.extend([(last, role), (places, "text.dim")]);
    lines.push(told);
    lines
}
