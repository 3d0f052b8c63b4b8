//! Whose logs: the environments of the checklist, one of which is chosen.

use super::sheet::{Line, Sheet};
use crate::ui::model::Model;
use crate::ui::words;

/// What the list says.
pub fn sheet(model: &Model, cursor: usize, width: u16) -> Sheet {
    let all = model
        .overview
        .iter()
        .flat_map(|overview| &overview.environments);
    let shown = model.tail.as_ref().map(|tail| &tail.env);
    let longest = all
        .clone()
        .map(|env| env.env.as_str().len())
        .max()
        .unwrap_or(0);
    let longest = longest.min(usize::from(width / 2));
    let lines: Vec<Line> = all
        .enumerate()
        .map(|(at, env)| {
            let name = crate::domain::text::ellipsis(env.env.as_str(), longest);
            let here = if shown == Some(&env.env) {
                "  on screen now"
            } else {
                ""
            };
            vec![
                (
                    if at == cursor { "» " } else { "  " }.to_owned(),
                    "text.strong",
                ),
                (format!("{name:<longest$}"), "text.strong"),
                (
                    format!("  {}  ", words::count(env.hosts.len(), "host")),
                    "text.dim",
                ),
                (
                    if env.gated { "gated" } else { "" }.to_owned(),
                    "state.warn",
                ),
                (here.to_owned(), "text.dim"),
            ]
        })
        .collect();
    Sheet {
        title: "Logs of which environment?".to_owned(),
        bottom: if width < 48 {
            "Enter shows   Esc closes".to_owned()
        } else {
            "Enter shows its logs (reads only)   Esc closes".to_owned()
        },
        lines,
        width: 56,
        ..Sheet::default()
    }
}
