//! Ending a run, and leaving the screen while it is not over: what exactly happens with each.

use super::sheet::{Line, Sheet, blank, choice, field, text, then, users_see};
use crate::domain::id::TaskId;
use crate::domain::run::progress;
use crate::domain::run::{Moment, RunStatus, TaskStatus};
use crate::ui::choices::{ABOUT_END, about_locks, held, steps};
use crate::ui::keymap::{self, Act};
use crate::ui::model::{Model, RunView};
use crate::ui::widget::plight;
use crate::ui::words;

/// The menu of `A`: `looked` is the choice under the cursor, `keep` what becomes of the locks.
pub fn menu(model: &Model, looked: usize, keep: bool, width: u16, now: Moment) -> Sheet {
    let Some(view) = &model.run else {
        return Sheet::default();
    };
    let width = width.min(74);
    let running = running(view, now);
    let mut lines = vec![blank()];
    let users = users_see(&view.state, width);
    lines.extend(text(&users, width, "attention"));
    lines.extend(running_lines(&running, width));
    let before = lines.len();
    lines.push(blank());
    for (at, act) in ABOUT_END.into_iter().enumerate() {
        let (word, means) = match act {
            Act::Stop if running.is_empty() => ("wait and stop", "end the run now  (safest)"),
            Act::Stop => ("wait and stop", "let what runs end first  (safest)"),
            Act::Pause if view.state.status == RunStatus::Paused => {
                ("pause instead", "it is paused already; P goes on")
            }
            Act::Pause => ("pause instead", "decide later; P goes on"),
            _ => ("kill now", "end what runs; asks for a typed name"),
        };
        let key = keymap::row(act).keys[0];
        lines.push(choice(key, word, means, at == looked));
    }
    if !held(&view.state).is_empty() {
        let (word, means) = if keep {
            ("locks: kept", "when the run ends; L frees them")
        } else {
            ("locks: freed", "when the run ends; L keeps them")
        };
        lines.push(choice("L", word, means, false));
    }
    lines.push(blank());
    let follows = |act: Act| then(&leaves(view, act, &running, keep), width);
    let height = ABOUT_END.into_iter().map(|act| follows(act).len()).max();
    let mut told = follows(ABOUT_END[looked.min(ABOUT_END.len() - 1)]);
    told.resize(height.unwrap_or(0), blank());
    lines.extend(told);
    Sheet {
        title: "End the run?".to_owned(),
        right: place(view),
        bottom: if width < 50 {
            "Esc goes back".to_owned()
        } else {
            "Enter takes the safest line   Esc goes back, the run continues".to_owned()
        },
        kept: lines.len() - before,
        lines,
        width: width + 2,
        ..Sheet::default()
    }
}

/// What each way to end the run does now, what it leaves behind, and what becomes of the locks.
fn leaves(view: &RunView, act: Act, running: &[String], keep: bool) -> Vec<String> {
    let state = &view.state;
    let mut said = Vec::new();
    match act {
        Act::Stop if running.is_empty() => said.push("then: the run ends at once".to_owned()),
        Act::Stop if running.len() == 1 => {
            said.push("then: what runs ends, then the run".to_owned());
        }
        Act::Stop => said.push("then: all that runs ends, then the run".to_owned()),
        Act::Pause => said.push("then: nothing new starts, what runs goes on".to_owned()),
        _ if running.is_empty() => said.push("then: the run ends at once".to_owned()),
        _ => said
            .push("then: asked to end where it runs, killed 10 s later; the run ends".to_owned()),
    }
    let waiting: Vec<TaskId> = (0..state.tasks.len())
        .filter(|at| {
            matches!(
                state.tasks[*at].status,
                TaskStatus::Waiting | TaskStatus::Retrying(_)
            )
        })
        .map(|at| state.planned(at).1)
        .filter(|planned| planned.skip.is_none())
        .map(|planned| planned.id.clone())
        .collect();
    match act {
        Act::Pause => said.push("leaves everything as it is".to_owned()),
        Act::Kill if !running.is_empty() => {
            said.push("leaves what it was doing half done".to_owned());
        }
        _ if waiting.is_empty() => {}
        _ => said.push(format!("not run: {}", steps(&waiting))),
    }
    let envs = held(state);
    said.extend(match (act, keep) {
        (Act::Pause, _) => about_locks(&envs, "stays locked meanwhile", "stay locked meanwhile"),
        (_, true) => {
            let told = about_locks(&envs, "stays locked", "stay locked");
            told.map(|told| format!("{told}: nobody else can deploy"))
        }
        (_, false) => {
            let told = about_locks(&envs, "is unlocked", "are unlocked");
            told.map(|told| format!("{told} when the run ends"))
        }
    });
    said
}

fn place(view: &RunView) -> String {
    let stage = view.state.current_stage();
    let env = stage.and_then(|stage| view.state.plan.stages[stage].env.as_ref());
    env.map_or_else(String::new, |env| env.as_str().to_uppercase())
}

fn running(view: &RunView, now: Moment) -> Vec<String> {
    let each = plight::running(&view.state).into_iter();
    each.map(|(task, since)| format!("{task} ({})", words::since(since, now)))
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
pub fn kill(model: &Model, (name, typed): (&str, &str), keep: bool, width: u16) -> Sheet {
    let width = width.min(74);
    let mut lines = vec![blank()];
    lines.extend(text("The processes of every running step are asked to end where they run, and killed ten seconds later. What they were doing stays half done.", width, "text"));
    if let Some(view) = &model.run {
        lines.extend(text(&users_see(&view.state, width), width, "attention"));
        let envs = held(&view.state);
        let said = if keep {
            about_locks(&envs, "stays locked", "stay locked")
        } else {
            about_locks(&envs, "is unlocked", "are unlocked")
        };
        lines.extend(text(&said.unwrap_or_default(), width, "text"));
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
    let running = plight::running(state).len();
    let waits = !progress::needs(state, false).is_empty() && progress::is_quiet(state);
    let mut lines = vec![blank()];
    let goes_on = if view.journal_failed.is_some() {
        "The journal cannot be written: what runs goes on to its end, nothing new starts."
    } else if waits {
        "Nothing runs now: the run waits for your decision."
    } else if running == 0 {
        "The run goes on by itself in the background, until it needs a decision."
    } else {
        "What runs goes on, and so does the run: in the background, until it needs a decision."
    };
    lines.extend(text(goes_on, width, "text.strong"));
    lines.extend(text(
        "This comes back to it, with all its output:",
        width,
        "text",
    ));
    lines.push(vec![(
        format!("  golive resume {}", state.run),
        "text.link",
    )]);
    lines.push(blank());
    lines.extend(text(&users_see(state, width), width, "attention"));
    let locked = about_locks(&held(state), "stays locked", "stay locked");
    if let Some(locked) = locked {
        lines.extend(text(&format!("{locked} for this run."), width, "text"));
    }
    let before = lines.len();
    lines.push(blank());
    let leave = if waits || view.journal_failed.is_some() {
        "the run waits until somebody goes on with it"
    } else {
        "the run goes on in the background"
    };
    let stay = if waits {
        "decide here"
    } else {
        "the run goes on here"
    };
    lines.push(choice("L", "leave", leave, false));
    lines.push(choice(
        "0",
        "home",
        "look at the home screen, the run stays here",
        false,
    ));
    lines.push(choice("Esc", "stay", stay, true));
    Sheet {
        title: "Leave while the run is not over?".to_owned(),
        kept: lines.len() - before,
        lines,
        width: width + 2,
        bottom: "Esc stays".to_owned(),
        ..Sheet::default()
    }
}
