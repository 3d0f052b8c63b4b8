//! Help: the key table, grouped, searched by typing.

use super::sheet::{Line, Sheet, blank, field};
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

/// What the help says.
pub fn sheet(model: &Model, query: &str, scroll: usize) -> Sheet {
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
        lines.push(vec![(title.to_owned(), "text.title")]);
        lines.extend(rows.into_iter().map(|row| line(model, row)));
    }
    if found == 0 {
        lines.push(blank());
        lines.push(vec![("no key does that".to_owned(), "text.dim")]);
    }
    lines.push(blank());
    lines.push(vec![(
        "Lower-case keys, arrows and pasted text only look. PRODUCTION asks for its name."
            .to_owned(),
        "text.dim",
    )]);
    Sheet {
        title: "Help".to_owned(),
        right: format!("{found} keys"),
        bottom: "type to search   Down PgDn scroll   Esc closes".to_owned(),
        lines,
        scroll,
        width: 88,
        ..Sheet::default()
    }
}

fn line(model: &Model, row: &Row) -> Line {
    let keys = row.keys.join(" ");
    let on = availability(model, row.act) == Availability::On;
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
        (
            format!("  {keys:<15}"),
            if row.changes {
                "text.key.danger"
            } else {
                "text.key"
            },
        ),
        (row.words.to_owned(), if on { "text" } else { "text.off" }),
        (places, "text.dim"),
    ]
}
