//! Tasks whose end nobody knows: everything that is known of each, and what can be decided.

use super::decide;
use super::failure::quoted;
use super::sheet::{Line, Sheet, blank, text, users_see};
use crate::domain::feed::Link;
use crate::domain::id::TaskId;
use crate::domain::run::schedule::place;
use crate::domain::run::{Moment, TaskState, TaskStatus};
use crate::ui::model::{Model, RunView, Spot};
use crate::ui::widget::paint::{columns, middle};
use crate::ui::words;

/// How many tasks are told in full.
const TOLD: usize = 2;

/// What the dialog says.
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
    let width = width.min(84);
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
    // The one that is looked at stands first.
    let first = spot
        .about
        .saturating_sub(1)
        .min(tasks.len().saturating_sub(1));
    let order = tasks[first..].iter().chain(&tasks[..first]);
    let told = tasks.len().min(TOLD);
    let spare = usize::from(height).saturating_sub(end.len() + 6 + 5 * told);
    let rows = (spare / told.max(1)).min(6);
    let mut lines = vec![blank()];
    for task in order.take(told) {
        lines.extend(known(model, view, task, rows, width, now));
    }
    if tasks.len() > told {
        let more = format!("and {}", words::count(tasks.len() - told, "more task"));
        lines.push(vec![(more, "state.lost")]);
    }
    lines.extend(text(
        "It may have done its work, or a part of it. Look at the host before you decide.",
        width,
        "text.dim",
    ));
    let kept = if width < 50 {
        end.len() - users
    } else {
        end.len()
    };
    lines.extend(end);
    Sheet {
        title: decide::counted(tasks, "Nobody knows how it ended", "of unknown end"),
        bottom: decide::bottom(tasks, width),
        kept,
        lines,
        width,
        ..Sheet::default()
    }
}

/// What is known of one task.
fn known(
    model: &Model,
    view: &RunView,
    task: &TaskId,
    rows: usize,
    width: u16,
    now: Moment,
) -> Vec<Line> {
    let state = &view.state;
    let Some(position) = state.position(task) else {
        return Vec::new();
    };
    let found = &state.tasks[position];
    if width < decide::NARROW {
        return in_short(found, task, width, now);
    }
    let mut lines = vec![vec![(middle(task.as_str(), width), "state.lost")]];
    if let TaskStatus::Interrupted(why) = &found.status {
        let room = width.saturating_sub(8);
        for (at, row) in text(why, room, "text.strong")
            .into_iter()
            .take(3)
            .enumerate()
        {
            let head = if at == 0 { "  why   " } else { "        " };
            let head = (head.to_owned(), "text.dim");
            lines.push(std::iter::once(head).chain(row).collect());
        }
    }
    if let Some(started) = found.started {
        let (_, planned) = state.planned(position);
        let heard = view.quotes.heard(&planned.id);
        let heard = heard.filter(|at| *at >= started);
        let until = heard.map_or_else(
            || "nothing was heard of it".to_owned(),
            |at| {
                let ran = (at - started).as_seconds_f64();
                format!("last heard of after {}", words::span(ran))
            },
        );
        let since = started.with_timezone(now.offset()).format("%H:%M:%S");
        let said = format!("since {since}, {until}");
        lines.push(vec![("  ran   ".to_owned(), "text.dim"), (said, "text")]);
    }
    let (stage, planned) = state.planned(position);
    if let Some(key) = place(&state.plan.stages[stage], planned) {
        let (said, role) = link(model.links.get(&key).map(|(link, _)| link));
        let said = format!("{} {said}", key.1);
        lines.push(vec![("  host  ".to_owned(), "text.dim"), (said, role)]);
    }
    lines.extend(quoted(view, position, rows));
    lines.push(blank());
    lines
}

/// What has to be known of a task even on a phone: which, since when, why nobody knows.
fn in_short(found: &TaskState, task: &TaskId, width: u16, now: Moment) -> Vec<Line> {
    let since = found.started.map_or_else(String::new, |started| {
        let since = started.with_timezone(now.offset());
        format!(" since {}", since.format("%H:%M:%S"))
    });
    let id = task.as_str();
    let short = id.split_once('/').map_or(id, |(_, rest)| rest);
    let room = width.saturating_sub(columns(&since) as u16);
    let mut lines = vec![vec![
        (middle(short, room), "state.lost"),
        (since, "text.strong"),
    ]];
    if let TaskStatus::Interrupted(why) = &found.status {
        lines.extend(text(why, width, "text").into_iter().take(2));
    }
    lines
}

fn link(link: Option<&Link>) -> (String, &'static str) {
    match link {
        Some(Link::Connected(facts)) => (
            format!("answers, in {} ms", facts.latency.as_millis()),
            "state.ok",
        ),
        Some(Link::Connecting) => ("is being connected".to_owned(), "text"),
        Some(Link::Lost { why, retry_in }) => (
            format!("is LOST: {why}, again in {} s", retry_in.as_secs()),
            "state.lost",
        ),
        Some(Link::Failed { why, .. }) => (format!("cannot be reached: {why}"), "state.fail"),
        None => ("is not connected".to_owned(), "text"),
    }
}
