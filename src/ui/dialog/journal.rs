//! The journal that cannot be written: nothing more starts, what still runs, and what to do.

use super::sheet::{Sheet, blank, text, users_see};
use crate::domain::run::Moment;
use crate::ui::model::Model;
use crate::ui::widget::plight;
use crate::ui::words;

/// What the dialog says.
pub fn sheet(model: &Model, width: u16, now: Moment) -> Sheet {
    let Some(view) = &model.run else {
        return Sheet::default();
    };
    let width = width.min(74);
    let why = view.journal_failed.as_deref().unwrap_or_default();
    let mut lines = vec![blank()];
    lines.extend(text(why, width, "state.fail"));
    lines.extend(text(
        "Nothing more is started: what is not recorded could run twice.",
        width,
        "text.strong",
    ));
    lines.push(blank());
    let running = plight::running(&view.state);
    if running.is_empty() {
        lines.extend(text("Nothing runs any more.", width, "text"));
    } else {
        lines.extend(text(
            "These still run, to their end, with their logs:",
            width,
            "text",
        ));
        for (task, since) in running.iter().take(5) {
            lines.push(vec![
                (format!("  {task}"), "state.run"),
                (format!("  {}", words::since(*since, now)), "text.dim"),
            ]);
        }
        if running.len() > 5 {
            let more = format!("  and {} more", running.len() - 5);
            lines.push(vec![(more, "text.dim")]);
        }
    }
    lines.extend(text(&users_see(&view.state, width), width, "attention"));
    let before = lines.len();
    lines.push(blank());
    lines.extend(text(
        "What to do: make room, or its folder writable; then q, and:",
        width,
        "text",
    ));
    let resume = format!("  golive resume {}", view.state.run);
    lines.push(vec![(resume, "text.link")]);
    Sheet {
        title: "The journal cannot be written".to_owned(),
        bottom: "Esc or Enter closes".to_owned(),
        kept: lines.len() - before,
        lines,
        width: width + 2,
        ..Sheet::default()
    }
}
