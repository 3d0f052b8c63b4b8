//! Ending a run, and leaving the screen while it is not over: what exactly happens with each.

use super::sheet::{Line, Sheet, blank, choice, field, text, users_see};
use crate::domain::run::{Moment, RunStatus, TaskStatus};
use crate::ui::model::{Model, RunView};
use crate::ui::words;

/// The menu of `A`.
pub fn menu(model: &Model, width: u16, now: Moment) -> Sheet {
    let Some(view) = &model.run else {
        return Sheet::default();
    };
    let running = running(view, now);
    let mut lines = vec![blank()];
    let users = users_see(&view.state, width);
    lines.extend(text(&users, width.min(74), "attention"));
    lines.extend(running_lines(&running, width.min(74)));
    let before = lines.len();
    lines.push(blank());
    let wait = if running.is_empty() {
        "start nothing more, end the run"
    } else {
        "let what runs end, then end the run  (safest)"
    };
    lines.push(choice("W", "wait and stop", wait, true));
    let pause = if view.state.status == RunStatus::Paused {
        "it is paused already; P goes on"
    } else {
        "start nothing new for now; P goes on"
    };
    lines.push(choice("p", "pause instead", pause, false));
    lines.push(choice(
        "K",
        "kill now",
        "end what runs where it runs; asks for a typed name",
        false,
    ));
    lines.push(blank());
    lines.extend(text(
        "Enter takes the marked line. Nothing is taken back by itself.",
        width.min(74),
        "text.dim",
    ));
    Sheet {
        title: "End the run?".to_owned(),
        right: place(view),
        bottom: "Esc goes back, the run continues".to_owned(),
        kept: lines.len() - before,
        lines,
        width: width.min(78),
        ..Sheet::default()
    }
}

fn place(view: &RunView) -> String {
    let stage = view.state.current_stage();
    let env = stage.and_then(|stage| view.state.plan.stages[stage].env.as_ref());
    env.map_or_else(String::new, |env| env.as_str().to_uppercase())
}

fn running(view: &RunView, now: Moment) -> Vec<String> {
    let each = view
        .state
        .each()
        .filter(|(_, task)| task.status == TaskStatus::Running);
    each.map(|(planned, task)| {
        let since = task
            .started
            .map_or_else(String::new, |since| words::since(since, now));
        format!("{} ({since})", planned.id)
    })
    .collect()
}

fn running_lines(running: &[String], width: u16) -> Vec<Line> {
    if running.is_empty() {
        return text("nothing is running now", width, "text");
    }
    let shown = running
        .iter()
        .take(4)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    let more = if running.len() > 4 {
        format!(" and {} more", running.len() - 4)
    } else {
        String::new()
    };
    text(&format!("running: {shown}{more}"), width, "text")
}

/// The typed name that ends everything now.
pub fn kill(model: &Model, name: &str, typed: &str, width: u16) -> Sheet {
    let width = width.min(74);
    let mut lines = vec![blank()];
    lines.extend(text("The processes of every running step are asked to end where they run, and killed ten seconds later. What they were doing stays half done.", width, "text"));
    if let Some(view) = &model.run {
        lines.extend(text(&users_see(&view.state, width), width, "attention"));
    }
    let before = lines.len();
    lines.push(blank());
    lines.push(field(&format!("Type {name}, then Enter: "), typed));
    if !name.starts_with(typed) {
        lines.extend(text("the name does not match", width, "input.bad"));
    }
    Sheet {
        title: "Kill what runs now".to_owned(),
        bottom: "Esc goes back".to_owned(),
        kept: lines.len() - before,
        lines,
        width: width + 2,
        danger: true,
        ..Sheet::default()
    }
}

/// What leaving means now.
pub fn leave(model: &Model, width: u16) -> Sheet {
    let Some(view) = &model.run else {
        return Sheet::default();
    };
    let width = width.min(74);
    let state = &view.state;
    let running = state
        .each()
        .filter(|(planned, task)| {
            task.status == TaskStatus::Running && planned.site.host().is_some()
        })
        .count();
    let local = state
        .each()
        .filter(|(planned, task)| {
            task.status == TaskStatus::Running && planned.site.host().is_none()
        })
        .count();
    let mut lines = vec![blank()];
    let goes_on = match (running, local) {
        (0, 0) => "Nothing is running now.".to_owned(),
        (hosts, 0) => format!(
            "{} on hosts goes on there to its end, with its log.",
            words::count(hosts, "running task")
        ),
        (hosts, local) => format!(
            "{} goes on to its end, with its log.",
            words::count(hosts + local, "running task")
        ),
    };
    lines.extend(text(&goes_on, width, "text.strong"));
    lines.extend(text(
        "Nothing new starts until somebody goes on:",
        width,
        "text",
    ));
    lines.push(vec![(
        format!("  golive resume {}", state.run),
        "text.link",
    )]);
    lines.push(blank());
    lines.extend(text(&users_see(state, width), width, "attention"));
    let before = lines.len();
    lines.push(blank());
    lines.push(choice("L", "leave", "the run waits, as said above", false));
    lines.push(choice(
        "0",
        "home",
        "look at the home screen, the run goes on here",
        false,
    ));
    lines.push(choice("Esc", "stay", "the run goes on here", true));
    Sheet {
        title: "Leave while the run is not over?".to_owned(),
        kept: lines.len() - before,
        lines,
        width: width + 2,
        bottom: "Esc stays".to_owned(),
        ..Sheet::default()
    }
}
