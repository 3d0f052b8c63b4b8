//! The detail pane: what the step under the cursor does, where, how it went, and what it waits for.

use std::ops::Range;

use ratatui::layout::Rect;

use super::paint::{Paint, wrap};
use crate::domain::action::Action;
use crate::domain::checklist::{OnFailure, Phase};
use crate::domain::plan::Task;
use crate::domain::run::{Moment, RunState, TaskState, TaskStatus};
use crate::ui::words;

/// A line of the pane: a word, its text, the text's role.
type Fact = (&'static str, String, &'static str);

/// Draws what is known of the step with these tasks.
pub fn draw(paint: &mut Paint<'_>, area: Rect, state: &RunState, tasks: Range<usize>, now: Moment) {
    let mut y = area.y;
    let width = usize::from(area.width.saturating_sub(10));
    for (word, text, role) in facts(state, tasks, now) {
        let most = if word == "runs" { 4 } else { 3 };
        for (at, row) in text
            .lines()
            .flat_map(|line| wrap(line, width))
            .take(most)
            .enumerate()
        {
            if y >= area.bottom() {
                return;
            }
            if at == 0 {
                paint.text(area.x + 1, y, 8, word, "text.dim");
            }
            paint.text(area.x + 9, y, area.width.saturating_sub(10), &row, role);
            y += 1;
        }
    }
}

fn facts(state: &RunState, tasks: Range<usize>, now: Moment) -> Vec<Fact> {
    let (_, planned) = state.planned(tasks.start);
    let word = match planned.action {
        Action::Exec(_) => "runs",
        Action::Ask { .. } => "asks",
    };
    let mut facts: Vec<Fact> = vec![(word, planned.action.text().to_owned(), "text.strong")];
    if let Action::Exec(command) = &planned.action
        && let Some(cwd) = &command.cwd
    {
        facts.push(("in", cwd.clone(), "text"));
    }
    facts.push(("on", sites(state, &tasks, planned), "text"));
    facts.push(("result", results(state, &tasks, now), "text"));
    let evidence = evidence(state, &tasks);
    if !evidence.is_empty() {
        facts.push(("proof", evidence, "state.ok"));
    }
    if let Some(why) = &planned.skip {
        facts.push(("skipped", why.clone(), "state.skip"));
    }
    let users = match planned.phase {
        Phase::Prepare => "notice nothing of it (prepare)",
        Phase::Activate if planned.site.host().is_some() => "may notice it (activate)",
        Phase::Activate => "notice nothing by themselves: runs on this machine",
    };
    facts.push(("users", users.to_owned(), "text.dim"));
    facts.push(("limits", limits(planned), "text.dim"));
    let needs = needs(state, planned);
    if !needs.is_empty() {
        facts.push(("needs", needs, "text.dim"));
    }
    if planned.line > 0 {
        facts.push((
            "from",
            format!("releases.toml:{}", planned.line),
            "text.dim",
        ));
    }
    facts
}

fn sites(state: &RunState, tasks: &Range<usize>, planned: &Task) -> String {
    let names: Vec<&str> = tasks
        .clone()
        .map(|position| state.planned(position).1.site.as_str())
        .collect();
    let shown = if names == ["local"] {
        "this machine".to_owned()
    } else if names.len() > 8 {
        format!("{} and {} more", names[..8].join(" "), names.len() - 8)
    } else {
        names.join(" ")
    };
    let how = match planned.parallel {
        _ if planned.once => "  (once)".to_owned(),
        Some(most) if tasks.len() > most => format!("  ({most} at a time)"),
        _ => String::new(),
    };
    format!("{shown}{how}")
}

/// How the tasks of a step stand: failures in words, and of more than a handful the others as numbers.
fn results(state: &RunState, tasks: &Range<usize>, now: Moment) -> String {
    let is_bad = |position: &usize| {
        let status = &state.tasks[*position].status;
        matches!(status, TaskStatus::Failed | TaskStatus::Interrupted(_))
    };
    let is_out = |position: usize| {
        let is_skipped = matches!(state.tasks[position].status, TaskStatus::Skipped(_));
        is_skipped && state.is_left_out(position)
    };
    let told = |position: usize| {
        let said = if state.tasks[position].is_left {
            "left behind, end not known".to_owned()
        } else if is_out(position) {
            "left out".to_owned()
        } else {
            result(&state.tasks[position], now)
        };
        if tasks.len() == 1 {
            return said;
        }
        format!("{} {said}", state.planned(position).1.site)
    };
    let mut texts: Vec<String> = tasks.clone().filter(is_bad).map(told).collect();
    let others = tasks.clone().filter(|position| !is_bad(position));
    if tasks
        .clone()
        .all(|position| state.tasks[position].status == TaskStatus::Waiting)
    {
        return "not started".to_owned();
    }
    if tasks.len() <= 6 {
        texts.extend(others.map(told));
        return texts.join("   ");
    }
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for position in others {
        let word = match state.tasks[position].status {
            TaskStatus::Succeeded => "ok",
            TaskStatus::Running => "running",
            TaskStatus::Retrying(_) => "to be tried again",
            TaskStatus::Skipped(_) if state.tasks[position].is_left => "of unknown end",
            TaskStatus::Skipped(_) if is_out(position) => "left out",
            TaskStatus::Skipped(_) => "skipped",
            _ => "not started",
        };
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    texts.extend(
        counts
            .into_iter()
            .map(|(word, count)| format!("{count} {word}")),
    );
    texts.join("   ")
}

fn result(task: &TaskState, now: Moment) -> String {
    let took = task
        .started
        .map(|started| (task.ended.unwrap_or(now) - started).as_seconds_f64());
    let took = took.map_or_else(String::new, words::span);
    let ending = task
        .ending
        .as_ref()
        .map_or_else(String::new, crate::ui::states::ending);
    match &task.status {
        TaskStatus::Waiting => "not started".to_owned(),
        TaskStatus::Running => format!("running {took}"),
        TaskStatus::Retrying(at) => format!(
            "{ending}, again in {}",
            words::clock((*at - now).as_seconds_f64())
        ),
        TaskStatus::Succeeded => format!("ok {took}"),
        TaskStatus::Failed => format!("{ending} after {took}"),
        TaskStatus::Interrupted(why) => format!("end not known: {why}"),
        TaskStatus::Skipped(why) => format!("skipped: {why}"),
    }
}

/// What the proofs of the step found, each fact once.
pub fn evidence(state: &RunState, tasks: &Range<usize>) -> String {
    let mut found: Vec<String> = Vec::new();
    for position in tasks.clone() {
        for (name, value) in &state.tasks[position].evidence {
            let text = format!("{name} {value}");
            if !found.contains(&text) {
                found.push(text);
            }
        }
    }
    found.join("  ")
}

fn limits(planned: &Task) -> String {
    let timeout = planned.timeout_s.map_or_else(
        || "no time limit".to_owned(),
        |seconds| format!("at most {}", words::span(seconds as f64)),
    );
    let retry = match planned.retry {
        0 => "no automatic retry".to_owned(),
        times => format!(
            "{} by itself after {}",
            words::count(times as usize, "retry").replace("retrys", "retries"),
            words::span(planned.retry_delay_s)
        ),
    };
    let failure = match planned.on_failure {
        OnFailure::Ask => "",
        OnFailure::Stop => ", a failure ends the run",
        OnFailure::Continue => ", a failure is passed over",
    };
    format!("{timeout}, {retry}{failure}")
}

fn needs(state: &RunState, planned: &Task) -> String {
    let mut steps: Vec<&str> = Vec::new();
    for id in &planned.after {
        if let Some(before) = state.plan.task(id)
            && !steps.contains(&before.step.as_str())
        {
            steps.push(before.step.as_str());
        }
    }
    steps.join(" ")
}
