//! The story: records of the run are folded, told in the log in golive's own voice, and raise what needs an answer.

use crate::domain::id::{Attempt, TaskId};
use crate::domain::run::apply::apply;
use crate::domain::run::progress::{self, Need};
use crate::domain::run::{Event, Moment, Outcome, Record};
use crate::ui::model::{Dialog, GateView, Model, RunView, View};
use crate::ui::msg::{Cmd, Owner};
use crate::ui::{rows, states, words};

/// Takes a record of the run on screen.
pub(super) fn fold(model: &mut Model, record: &Record, now: Moment) -> Vec<Cmd> {
    let Some(run) = &mut model.run else {
        return Vec::new();
    };
    if record.seq <= run.state.seq {
        return Vec::new();
    }
    apply(&mut run.state, record);
    if let Event::TaskStarted { task, .. }
    | Event::TaskFailed { task, .. }
    | Event::TaskInterrupted { task, .. } = &record.event
    {
        run.put_off.remove(task);
    }
    tell(run, record);
    let mut cmds = raise(model, now);
    if let Event::RunFinished { outcome, .. } = &record.event {
        if let Some(run) = &mut model.run {
            run.follow = true;
        }
        model.dialogs.retain(|dialog| {
            !matches!(dialog, Dialog::Abort | Dialog::Leave | Dialog::Kill { .. })
        });
        model.view = if model.view == View::Gate {
            View::Run
        } else {
            model.view
        };
        cmds.push(Cmd::Refresh);
        if !model.focused {
            let word = if *outcome == Outcome::Succeeded {
                "succeeded"
            } else {
                "did not succeed"
            };
            cmds.push(Cmd::Alert(format!("{}: the run {word}", model.project)));
        }
    }
    cmds
}

/// Writes what happened to a task into its log.
fn tell(run: &mut RunView, record: &Record) {
    let (task, text, failed) = match &record.event {
        Event::TaskStarted { task, attempt, .. } => {
            run.logs.note(task, *attempt);
            if attempt.0 < 2 {
                return;
            }
            (task, format!("attempt {attempt}"), false)
        }
        Event::TaskFinished {
            task, duration_s, ..
        } => (
            task,
            format!("done after {}", words::span(*duration_s)),
            false,
        ),
        Event::TaskFailed {
            task,
            ending,
            duration_s,
            retry_at,
            ..
        } => {
            let again = retry_at.map_or_else(String::new, |at| {
                format!(", again at {}", at.format("%H:%M:%S"))
            });
            (
                task,
                format!(
                    "{} after {}{again}",
                    states::ending(ending),
                    words::span(*duration_s)
                ),
                true,
            )
        }
        Event::TaskInterrupted { task, why, .. } => (task, format!("end not known: {why}"), true),
        Event::TaskSkipped { task, why } => (task, format!("skipped: {why}"), false),
        _ => return,
    };
    let Some(position) = run.state.position(task) else {
        return;
    };
    let shelf = rows::shelf(&run.state, position);
    run.logs.say(shelf, position, Some(record.at), text, failed);
}

/// Takes the end of an attempt's output that was read from its file; returns whether it was recent enough.
pub(super) fn take_window(
    run: &mut RunView,
    task: &TaskId,
    attempt: Attempt,
    offset: u64,
    bytes: &[u8],
) -> bool {
    let Some(position) = run.state.position(task) else {
        return true;
    };
    let shelf = rows::shelf(&run.state, position);
    let end = offset + bytes.len() as u64;
    if !run
        .logs
        .replace(shelf, position, (task.clone(), attempt), end)
    {
        return false;
    }
    if offset > 0 {
        let text = format!(
            "{} before this are in the file; o opens it",
            words::space(offset / 1024)
        );
        run.logs.say(shelf, position, None, text, false);
    }
    run.logs.take(shelf, position, None, bytes);
    let state = &run.state.tasks[position];
    if let (Some(ending), true) = (&state.ending, state.attempt == attempt) {
        let (text, failed) = (ending.to_string(), !ending.is_success());
        run.logs.say(shelf, position, state.ended, text, failed);
    }
    true
}

/// Opens what the run waits for, and closes what it does not wait for any more.
pub(super) fn raise(model: &mut Model, now: Moment) -> Vec<Cmd> {
    let Some(run) = &mut model.run else {
        return Vec::new();
    };
    let needs = match run.owner {
        Owner::Here => progress::needs(&run.state, false),
        _ => Vec::new(),
    };
    let before = model.dialogs.len();
    model.dialogs.retain(|dialog| is_needed(dialog, &needs));
    if model.dialogs.len() != before {
        model.guard.restart(now);
    }
    if model.view == View::Gate && progress::gate_waiting(&run.state).is_none() {
        model.view = View::Run;
        run.gate = GateView::default();
        run.follow = true;
    }
    let open = model.dialogs.iter().any(is_decision);
    if open {
        return Vec::new();
    }
    for need in needs {
        let (dialog, alert) = match &need {
            Need::Answer(task) if !run.put_off.contains(task) => {
                (Dialog::Ask { task: task.clone() }, format!("{task} asks"))
            }
            Need::Failure(tasks) if !tasks.iter().all(|task| run.put_off.contains(task)) => (
                Dialog::Failure {
                    tasks: tasks.clone(),
                },
                format!("{} failed", tasks[0]),
            ),
            Need::Interrupted(tasks) if !tasks.iter().all(|task| run.put_off.contains(task)) => {
                let dialog = Dialog::Interrupted {
                    tasks: tasks.clone(),
                };
                (dialog, format!("the end of {} is not known", tasks[0]))
            }
            Need::Gate(stage) => {
                let reached = &mut run.gate;
                if model.view == View::Run && reached.reached != Some(*stage) {
                    *reached = GateView {
                        reached: Some(*stage),
                        ..GateView::default()
                    };
                    model.view = View::Gate;
                    model.guard.restart(now);
                    // What is live may have changed since the plan was made.
                    let mut cmds = alert_away(model, "a gate waits for you");
                    cmds.push(Cmd::Refresh);
                    return cmds;
                }
                continue;
            }
            _ => continue,
        };
        if model.view == View::Run || model.view == View::Gate {
            model.view = View::Run;
            model.dialogs.push(dialog);
            model.guard.restart(now);
        }
        return alert_away(model, &alert);
    }
    Vec::new()
}

fn alert_away(model: &Model, what: &str) -> Vec<Cmd> {
    if model.focused {
        return Vec::new();
    }
    vec![Cmd::Alert(format!("{}: {what}", model.project))]
}

fn is_decision(dialog: &Dialog) -> bool {
    matches!(
        dialog,
        Dialog::Ask { .. }
            | Dialog::Failure { .. }
            | Dialog::Interrupted { .. }
            | Dialog::Reason { .. }
    )
}

fn is_needed(dialog: &Dialog, needs: &[Need]) -> bool {
    match dialog {
        Dialog::Ask { task } => needs.contains(&Need::Answer(task.clone())),
        Dialog::Failure { tasks } => needs.contains(&Need::Failure(tasks.clone())),
        Dialog::Interrupted { tasks } | Dialog::Reason { tasks, .. } => {
            needs.contains(&Need::Interrupted(tasks.clone()))
        }
        _ => true,
    }
}
