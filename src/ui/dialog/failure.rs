//! Failures and unknown ends: which tasks, why, their last lines, and what can be done.

use super::sheet::{Line, Sheet, blank, choice, field, text, users_see};
use crate::domain::action::Action;
use crate::domain::id::TaskId;
use crate::domain::run::TaskStatus;
use crate::ui::logs::Sort;
use crate::ui::model::{Model, RunView};
use crate::ui::rows;
use crate::ui::widget::paint::{columns, middle};
use crate::ui::widget::plight;
use crate::ui::words;

/// How many tasks are told in full.
const TOLD: usize = 3;

/// What is said about failed tasks.
pub fn failed(model: &Model, tasks: &[TaskId], width: u16, height: u16) -> Sheet {
    let Some(view) = &model.run else {
        return Sheet::default();
    };
    let told = tasks.len().min(TOLD);
    // Frame, users, choices and the empty lines around them take 12 rows, each task 3 beside what it printed.
    let spare = usize::from(height).saturating_sub(12 + 3 * told);
    let quoted = (spare / told.max(1)).clamp(1, 8);
    let mut lines = vec![blank()];
    for task in tasks.iter().take(told) {
        lines.extend(about(view, task, quoted, width));
    }
    if tasks.len() > told {
        let names: Vec<&str> = tasks[told..].iter().map(TaskId::as_str).collect();
        lines.extend(text(
            &format!("also: {}", names.join(", ")),
            width,
            "state.fail",
        ));
        lines.push(blank());
    }
    let before = lines.len();
    lines.extend(text(&users_see(&view.state, width), width, "attention"));
    lines.push(blank());
    let asked = |task: &TaskId| {
        let planned = view.state.plan.task(task);
        planned.is_some_and(|planned| matches!(planned.action, Action::Ask { .. }))
    };
    let what = if tasks.iter().all(asked) {
        "asks again"
    } else if tasks.len() == 1 {
        "the step again on this host, nothing else"
    } else {
        "these again, nothing else"
    };
    lines.push(choice("R", "retry", what, false));
    lines.push(choice("A", "abort", "the menu that ends the run", false));
    if !tasks.iter().all(asked) {
        lines.push(choice("o", "full log", "in $PAGER", false));
    }
    let title = if tasks.len() == 1 {
        "A step failed".to_owned()
    } else {
        format!("{} failed", words::count(tasks.len(), "task"))
    };
    Sheet {
        title,
        bottom: "Esc looks around, nothing happens meanwhile".to_owned(),
        kept: lines.len() - before,
        lines,
        width,
        ..Sheet::default()
    }
}

fn about(view: &RunView, task: &TaskId, quoted: usize, width: u16) -> Vec<Line> {
    let state = &view.state;
    let Some(position) = state.position(task) else {
        return Vec::new();
    };
    let (_, planned) = state.planned(position);
    let found = &state.tasks[position];
    let ending = found
        .ending
        .as_ref()
        .map_or_else(|| "failed".to_owned(), plight::ending);
    let took = found
        .started
        .zip(found.ended)
        .map_or_else(String::new, |(from, to)| {
            format!(" after {}", words::span((to - from).as_seconds_f64()))
        });
    let again = if found.attempt.0 > 1 {
        format!("  attempt {}", found.attempt)
    } else {
        String::new()
    };
    let said = format!("  {ending}{took}");
    let mut lines = vec![vec![(middle(task.as_str(), width), "state.fail")]];
    let told = vec![(said, "text.strong"), (again, "text.dim")];
    let long = told.iter().map(|(text, _)| columns(text)).sum::<usize>();
    if columns(task.as_str()) + long > usize::from(width) {
        lines.push(told);
    } else {
        lines[0].extend(told);
    }
    let verb = match planned.action {
        Action::Exec(_) => "  runs  ",
        Action::Ask { .. } => "  asks  ",
    };
    lines.push(vec![
        (verb.to_owned(), "text.dim"),
        (
            planned
                .action
                .text()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
            "text",
        ),
    ]);
    let shelf = rows::shelf(state, position);
    if let Some(log) = view.logs.step(shelf.step) {
        let mut printed = log.last_of(position, quoted + 1);
        printed.retain(|line| line.sort != Sort::Failed);
        // What an earlier attempt printed is in the log.
        let of_last = printed.iter().rposition(|line| line.sort == Sort::Golive);
        printed.drain(..of_last.map_or(0, |at| at + 1));
        let skipped = printed.len().saturating_sub(quoted);
        for line in &printed[skipped..] {
            let role = if line.sort.is_trouble() {
                "log.error"
            } else {
                "log.info"
            };
            lines.push(vec![
                ("  | ".to_owned(), "border"),
                (line.text.clone(), role),
            ]);
        }
    }
    lines.push(blank());
    lines
}

/// What is said about tasks whose end is not known.
pub fn interrupted(model: &Model, tasks: &[TaskId], width: u16) -> Sheet {
    let Some(view) = &model.run else {
        return Sheet::default();
    };
    let mut lines = vec![blank()];
    for task in tasks.iter().take(6) {
        let why = match view.state.task(task).map(|task| &task.status) {
            Some(TaskStatus::Interrupted(why)) => why.as_str(),
            _ => "",
        };
        lines.push(vec![
            (task.to_string(), "state.lost"),
            (format!("  {why}"), "text"),
        ]);
    }
    lines.push(blank());
    let before = lines.len();
    lines.extend(text(
        "It may have done its work, or a part of it. Look at the host before you decide.",
        width,
        "text",
    ));
    lines.extend(text(&users_see(&view.state, width), width, "attention"));
    lines.push(blank());
    lines.push(choice(
        "R",
        "retry",
        "it runs again from its beginning",
        false,
    ));
    lines.push(choice(
        "C",
        "count as done",
        "the run goes on behind it; asks why",
        false,
    ));
    lines.push(choice("A", "abort", "the menu that ends the run", false));
    lines.push(choice(
        "o",
        "full log",
        "what is known of it, in $PAGER",
        false,
    ));
    Sheet {
        title: "Nobody knows how it ended".to_owned(),
        bottom: "Esc looks around, nothing happens meanwhile".to_owned(),
        kept: lines.len() - before,
        lines,
        width: width.min(84),
        ..Sheet::default()
    }
}

/// The field for the reason.
pub fn reason(tasks: &[TaskId], typed: &str, width: u16) -> Sheet {
    let names: Vec<&str> = tasks.iter().map(TaskId::as_str).collect();
    let mut lines = vec![blank()];
    lines.extend(text(
        &format!(
            "{} will count as done and never run again in this run.",
            names.join(", ")
        ),
        width.min(72),
        "text",
    ));
    lines.push(blank());
    lines.push(field("Why: ", typed));
    lines.push(blank());
    lines.extend(text(
        "Enter takes it, with the reason in the record.",
        width.min(72),
        "text.dim",
    ));
    Sheet {
        title: "Count as done".to_owned(),
        bottom: "Esc goes back".to_owned(),
        lines,
        width: width.min(76),
        ..Sheet::default()
    }
}
