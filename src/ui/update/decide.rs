//! Deciding: wishes about what failed, what asks, and the end of a run; each only from the dialog that shows it.

use super::gate;
use crate::domain::id::TaskId;
use crate::domain::run::{Intent, Moment};
use crate::ui::choices;
use crate::ui::keymap::Act;
use crate::ui::model::{Dialog, Model, RunView, View, Wish};
use crate::ui::msg::Cmd;

/// Puts a dialog over what is shown; nothing acts for a moment.
pub(super) fn push(model: &mut Model, dialog: Dialog, now: Moment) {
    model.dialogs.push(dialog);
    model.guard.restart(now);
}

/// Asks why tasks are passed over, taken as done, or a host is left out.
pub(super) fn reason(model: &mut Model, act: Act, now: Moment) {
    let Some((tasks, spot)) = choices::open_decision(model) else {
        if let (Act::LeaveOut, Ok((env, host))) = (act, choices::lost_host(model)) {
            let (wish, typed) = (Wish::LeaveOut(env, host), String::new());
            push(model, Dialog::Reason { wish, typed }, now);
        }
        return;
    };
    let tasks = spot.of(tasks).to_vec();
    let host = |run: &RunView| choices::host_of(&run.state, &tasks).ok();
    let wish = match act {
        Act::Skip => Some(Wish::Skip(tasks)),
        Act::CountAsDone => Some(Wish::CountAsDone(tasks)),
        _ => {
            let place = model.run.as_ref().and_then(host);
            place.map(|(env, host)| Wish::LeaveOut(env, host))
        }
    };
    if let Some(wish) = wish {
        let typed = String::new();
        push(model, Dialog::Reason { wish, typed }, now);
    }
}

pub(super) fn abort(model: &mut Model, now: Moment) {
    let keep = model.run.as_ref().is_some_and(|run| run.state.keeps_locks);
    push(model, Dialog::Abort { choice: 0, keep }, now);
}

/// Whether the locks stay, as the menu that ends the run says.
pub(super) fn keeps(model: &Model) -> bool {
    matches!(model.dialogs.last(), Some(Dialog::Abort { keep: true, .. }))
}

/// The wishes that end a run: first what becomes of its locks.
pub(super) fn ending(model: &Model, keep: bool, end: Intent) -> Vec<Cmd> {
    let known = model.run.as_ref().is_some_and(|run| run.state.keeps_locks);
    let locks = (keep != known).then_some(Cmd::Send(Intent::KeepLock { keep }));
    locks.into_iter().chain([Cmd::Send(end)]).collect()
}

/// What is typed to end everything: the environment something runs in, else the project's name.
pub(super) fn kill_name(model: &Model) -> String {
    let stage = model.run.as_ref().and_then(|run| {
        let stage = run.state.current_stage()?;
        run.state.plan.stages[stage].env.clone()
    });
    stage.map_or_else(|| model.project.clone(), |env| env.to_string())
}

/// In the failure's dialog runs the tasks again; elsewhere shows that dialog.
pub(super) fn retry(model: &mut Model, now: Moment) -> Vec<Cmd> {
    if let Some((tasks, spot)) = choices::open_decision(model) {
        let tasks = spot.of(tasks).to_vec();
        decided(model, &tasks, now);
        return vec![Cmd::Send(Intent::Retry { tasks })];
    }
    reopen(model, now);
    Vec::new()
}

/// Closes a dialog that was answered; it does not come back while the engine takes the answer in.
pub(super) fn decided(model: &mut Model, tasks: &[TaskId], now: Moment) {
    model.dialogs.clear();
    model.guard.restart(now);
    if let Some(run) = &mut model.run {
        run.put_off.extend(tasks.iter().cloned());
    }
}

/// Shows the dialogs again that were closed without a decision.
pub(super) fn reopen(model: &mut Model, now: Moment) -> bool {
    if let Some(run) = &mut model.run {
        run.put_off.clear();
        for wanted in run.wanted.values_mut() {
            wanted.put_off = false;
        }
    }
    super::story::raise(model, now);
    !model.dialogs.is_empty()
}

/// Answers the question that is open; yes passes a gate, too, and elsewhere shows a question that was put off.
pub(super) fn answer(model: &mut Model, yes: bool, now: Moment) -> Vec<Cmd> {
    if let Some(Dialog::Ask { task }) = model.dialogs.last().cloned() {
        decided(model, std::slice::from_ref(&task), now);
        let intent = if yes {
            Intent::Confirm { task }
        } else {
            Intent::Deny { task }
        };
        return vec![Cmd::Send(intent)];
    }
    match model.view {
        View::Gate if yes => return gate::press(model, now),
        View::Run if yes => {
            reopen(model, now);
        }
        _ => {}
    }
    Vec::new()
}
