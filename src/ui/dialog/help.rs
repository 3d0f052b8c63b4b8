//! Help: the key table, grouped, searched by typing.

use super::sheet::{Line, Sheet, blank, field, text};
use crate::ui::available::availability;
use crate::ui::keymap::{self, Row};
use crate::ui::model::{Availability, Model};

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

/// What the help says.
pub fn sheet(model: &Model, query: &str, scroll: usize, width: u16) -> Sheet {
    let wanted = query.trim().to_lowercase();
    let mut lines = vec![field("search: ", query)];
    let mut found = 0;
    for (group, title) in GROUPS {
        let rows: Vec<&Row> = keymap::table()
            .iter()
            .filter(|row| row.group == group)
            .filter(|row| {
                wanted.is_empty()
                    || row.words.to_lowercase().contains(&wanted)
                    || row.id.contains(&wanted)
                    || row.keys.iter().any(|key| key.eq_ignore_ascii_case(&wanted))
            })
            .collect();
        if rows.is_empty() {
            continue;
        }
        found += rows.len();
        lines.push(blank());
        lines.extend(text(title, width, "text.title"));
        for row in rows {
            if width < NARROW {
                lines.extend(short(model, row, width));
            } else {
                lines.push(line(model, row));
            }
        }
    }
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
        width: 88,
        ..Sheet::default()
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

fn line(model: &Model, row: &Row) -> Line {
    let keys = row.keys.join(" ");
    let places = row
        .places
        .iter()
        .map(|place| place.word())
        .collect::<Vec<_>>()
        .join(", ");
    let places = if places == "all" {
        String::new()
    } else {
        format!("  ({places})")
    };
    vec![
        ("  ".to_owned(), "text"),
        (
            keys.clone(),
            if row.changes {
                "text.key.danger"
            } else {
                "text.key"
            },
        ),
        (" ".repeat(15_usize.saturating_sub(keys.len())), "text"),
        (row.words.to_owned(), role_of(model, row)),
        (places, "text.dim"),
    ]
}
