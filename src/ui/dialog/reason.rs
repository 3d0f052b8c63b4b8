//! The field for the reason of a decision, with what the decision comes to.

use super::sheet::{Line, Sheet, blank, field, text, then};
use crate::domain::id::TaskId;
use crate::domain::run::Moment;
use crate::ui::choices::{consequences, steps};
use crate::ui::model::{Model, Wish};

/// What the dialog says.
pub fn sheet(model: &Model, wish: &Wish, typed: &str, width: u16, now: Moment) -> Sheet {
    let width = width.min(72);
    let (title, about) = match wish {
        Wish::Skip(tasks) => (
            "Skip".to_owned(),
            format!("{} will not run; what waits for it goes on.", named(tasks)),
        ),
        Wish::CountAsDone(tasks) => (
            "Count as done".to_owned(),
            format!("{} will count as done, and not run again.", named(tasks)),
        ),
        Wish::LeaveOut(env, host) => (
            format!("Leave {host} out"),
            format!("Nothing more runs on {host} of {env} in this run."),
        ),
    };
    let mut lines = vec![blank()];
    lines.extend(text(&about, width, "text.strong"));
    let intent = wish.clone().because("-".to_owned());
    let seen = model
        .run
        .as_ref()
        .and_then(|view| consequences(view, &intent, &model.by, now).ok());
    lines.extend(then(&seen.unwrap_or_default(), width));
    let before = lines.len();
    lines.push(blank());
    lines.push(field("Why: ", typed));
    lines.push(blank());
    let end: Vec<Line> = text(
        "Enter takes it, with the reason in the record.",
        width,
        "text.dim",
    );
    lines.extend(end);
    Sheet {
        title,
        bottom: "Esc goes back".to_owned(),
        kept: lines.len() - before,
        lines,
        width: width + 4,
        ..Sheet::default()
    }
}

fn named(tasks: &[TaskId]) -> String {
    steps(tasks)
}
