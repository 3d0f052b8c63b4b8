//! Failures: which tasks, why, their last lines, and what can be decided.

use super::decide;
use super::sheet::{Line, Sheet, blank, text, users_see};
use crate::domain::action::Action;
use crate::domain::id::TaskId;
use crate::domain::log::{Level, level};
use crate::domain::run::Moment;
use crate::ui::model::{Model, RunView, Spot};
use crate::ui::widget::paint::{columns, middle};
use crate::ui::widget::plight;
use crate::ui::words;

/// How many tasks are told in full.
const TOLD: usize = 3;

/// What is said about failed tasks.
pub fn sheet(
    model: &Model,
    tasks: &[TaskId],
    spot: Spot,
    (width, height): (u16, u16),
    now: Moment,
) -> Sheet {
    let Some(view) = &model.run else {
        return Sheet::default();
    };
    let mut end = text(&users_see(&view.state, width), width, "attention");
    let users = end.len();
    end.push(blank());
    end.extend(decide::lines(
        model,
        view,
        (tasks, spot),
        (width, height),
        now,
    ));
    // Beside the end stand the frame and the rows around the dialog, and of each task 3 rows beside what it printed.
    let room = usize::from(height).saturating_sub(end.len() + 7);
    let told = tasks.len().min(TOLD).min((room / 4).max(1));
    let rows = (room.saturating_sub(3 * told) / told.max(1)).clamp(1, 8);
    // The one that is looked at stands first.
    let first = spot
        .about
        .saturating_sub(1)
        .min(tasks.len().saturating_sub(1));
    let order: Vec<&TaskId> = tasks[first..].iter().chain(&tasks[..first]).collect();
    let mut lines = vec![blank()];
    for task in &order[..told] {
        lines.extend(about(view, task, rows, width));
    }
    if tasks.len() > told {
        let others = &order[told..];
        let named: Vec<&str> = others.iter().take(2).map(|task| task.as_str()).collect();
        let more = match others.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let also = format!("also: {}{more}", named.join(", "));
        let also = text(&also, width, "state.fail");
        lines.extend(also.into_iter().take(2));
        lines.push(blank());
    }
    let kept = if width < 50 {
        end.len() - users
    } else {
        end.len()
    };
    lines.extend(end);
    Sheet {
        title: decide::counted(tasks, "A step failed", "failed"),
        bottom: decide::bottom(tasks, width),
        kept,
        lines,
        width,
        ..Sheet::default()
    }
}

fn about(view: &RunView, task: &TaskId, quoted_rows: usize, width: u16) -> Vec<Line> {
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
    lines.extend(quoted(view, position, quoted_rows));
    lines.push(blank());
    lines
}

/// The last lines that the newest attempt of a task printed.
pub fn quoted(view: &RunView, position: usize, rows: usize) -> Vec<Line> {
    let (_, planned) = view.state.planned(position);
    let attempt = view.state.tasks[position].attempt;
    let printed = view.quotes.last(&planned.id, attempt, rows).into_iter();
    let quoted = printed.map(|line| {
        let is_trouble = level::level(line.as_bytes()) >= Level::Warning;
        let role = if is_trouble { "log.error" } else { "log.info" };
        vec![("  | ".to_owned(), "border"), (line, role)]
    });
    quoted.collect()
}
