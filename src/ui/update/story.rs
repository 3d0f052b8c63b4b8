//! The story: records of the run are folded, told in the log in golive's own voice, and raise what needs an answer.

use std::collections::BTreeMap;

use super::releases;
use crate::domain::feed::LockNews;
use crate::domain::id::{EnvName, HostName, TaskId};
use crate::domain::log::Voice;
use crate::domain::run::apply::apply;
use crate::domain::run::event::Decision;
use crate::domain::run::progress::{self, Need};
use crate::domain::run::{Event, Moment, Outcome, Record};
use crate::ui::model::{Dialog, GateView, Model, RunView, Spot, View, Wanted, Wish};
use crate::ui::msg::{Cmd, LogWish, Notice, Owner, ReleaseWish};
use crate::ui::{states, words};

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
    if let Event::LockTaken { env, .. } | Event::LockReleased { env, .. } = &record.event {
        run.wanted.remove(env);
    }
    if matches!(&record.event, Event::RunFinished { .. }) {
        run.wanted.clear();
    }
    let mut cmds: Vec<Cmd> = tell(run, record).into_iter().collect();
    cmds.extend(tell_decision(run, record));
    if let Some(said) = about_lock(&record.event) {
        model.notice = Some((Notice::line(said), now));
    }
    if let Event::StageFinished { stage, .. } = &record.event
        && model
            .run
            .as_ref()
            .is_some_and(|run| belongs_somewhere(run, stage))
    {
        cmds.extend(ask_what_runs(model));
    }
    // What the run waits for is seen when all that follows from this was told.
    withdraw(model, now);
    if let Event::RunFinished { outcome, .. } = &record.event {
        if let Some(run) = &mut model.run {
            run.follow = true;
        }
        model.dialogs.retain(|dialog| {
            !matches!(
                dialog,
                Dialog::Abort { .. } | Dialog::Leave | Dialog::Kill { .. } | Dialog::Steal { .. }
            )
        });
        model.view = if model.view == View::Gate {
            View::Run
        } else {
            model.view
        };
        releases::ended(model);
        cmds.extend(ask_what_runs(model));
        if !model.focused {
            let word = match outcome {
                Outcome::Succeeded => "succeeded",
                Outcome::RolledBack => "went back",
                Outcome::Failed | Outcome::Stopped => "did not succeed",
            };
            cmds.push(Cmd::Alert(format!("{}: the run {word}", model.project)));
        }
    }
    cmds
}

/// Whether a stage belongs to an environment: when it ends, something else runs there.
fn belongs_somewhere(run: &RunView, stage: &str) -> bool {
    let stages = &run.state.plan.stages;
    stages
        .iter()
        .any(|planned| planned.name.as_str() == stage && planned.env.is_some())
}

/// What runs where is looked at again; hosts that said it before are asked again.
fn ask_what_runs(model: &Model) -> Vec<Cmd> {
    let mut cmds = vec![Cmd::Refresh];
    if !model.versions.is_empty() {
        cmds.push(Cmd::Releases(ReleaseWish::Verify));
    }
    cmds
}

/// Writes what happened to a task into its log.
fn tell(run: &mut RunView, record: &Record) -> Option<Cmd> {
    let (task, text, failed) = match &record.event {
        Event::TaskStarted { task, attempt, .. } => {
            run.quotes.note(task, *attempt);
            if attempt.0 < 2 {
                return None;
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
        _ => return None,
    };
    say(run, task, record.at, text, failed)
}

/// Says something in the log of a task.
fn say(run: &RunView, task: &TaskId, at: Moment, text: String, failed: bool) -> Option<Cmd> {
    Some(Cmd::Log(LogWish::Say {
        task: run.state.position(task)?,
        at,
        voice: if failed { Voice::Failed } else { Voice::Golive },
        text,
    }))
}

/// How the tasks of a run that was read from its journal ended, said in their logs.
pub(super) fn endings(run: &RunView) -> Vec<Cmd> {
    let ended = run.state.tasks.iter().enumerate();
    let said = ended.filter_map(|(position, task)| {
        let (ending, at) = (task.ending.as_ref()?, task.ended?);
        let (_, planned) = run.state.planned(position);
        let failed = !ending.is_success();
        say(run, &planned.id, at, ending.to_string(), failed)
    });
    said.collect()
}

/// Writes what was decided about tasks into their logs: what, by whom, why.
fn tell_decision(run: &RunView, record: &Record) -> Vec<Cmd> {
    let Event::DecisionTaken {
        decision,
        tasks,
        by,
        reason,
        ..
    } = &record.event
    else {
        return Vec::new();
    };
    let what = match decision {
        Decision::Retry => "runs it again",
        Decision::Skip => "skips it",
        Decision::CountAsDone => "counts it as done",
        Decision::LeaveOut => "leaves its host out",
        _ => return Vec::new(),
    };
    let why = reason.as_ref();
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    let text = format!("{} {what}{why}", words::user(by));
    let tasks = tasks.iter();
    let said = tasks.filter_map(|task| say(run, task, record.at, text.clone(), false));
    said.collect()
}

/// What the operator should know of a lock at once.
fn about_lock(event: &Event) -> Option<String> {
    match event {
        Event::LockReleased {
            env,
            lost: Some(why),
            ..
        } => Some(format!("the lock of {env} is lost: {why}")),
        Event::LockReleased { env, left, .. } => {
            let (place, why) = left.iter().next()?;
            Some(format!(
                "the lock of {env} may still show on {place}: {why}"
            ))
        }
        Event::LockTaken {
            env,
            from: Some(from),
            ..
        } => Some(format!("the lock of {env} was taken over from {}", from.by)),
        _ => None,
    }
}

/// What the run waits for that can be decided here.
fn needs(run: &RunView) -> Vec<Need> {
    match run.owner {
        Owner::Here if run.journal_failed.is_none() => progress::needs(&run.state, false),
        _ => Vec::new(),
    }
}

/// Closes what the run does not wait for any more.
fn withdraw(model: &mut Model, now: Moment) {
    let Some(run) = &mut model.run else {
        return;
    };
    let needs = needs(run);
    let before = model.dialogs.len();
    let wanted = &run.wanted;
    let silent = &model.silent;
    let is_lost = |env: &EnvName, host: &HostName| silent.contains(&(env.clone(), host.clone()));
    model
        .dialogs
        .retain(|dialog| is_needed(dialog, &needs, wanted, &is_lost));
    if model.dialogs.len() != before {
        model.guard.restart(now);
    }
    if model.view == View::Gate && progress::gate_waiting(&run.state).is_none() {
        model.view = View::Run;
        run.gate = GateView::default();
        run.follow = true;
    }
}

/// Opens what the run waits for, and closes what it does not wait for any more.
pub(super) fn raise(model: &mut Model, now: Moment) -> Vec<Cmd> {
    withdraw(model, now);
    if model.dialogs.iter().any(is_decision) {
        return Vec::new();
    }
    if let Some(cmds) = raise_lock(model, now) {
        return cmds;
    }
    let Some(run) = &mut model.run else {
        return Vec::new();
    };
    let needs = needs(run);
    for need in needs {
        let (dialog, alert) = match &need {
            Need::Answer(task) if !run.put_off.contains(task) => {
                (Dialog::Ask { task: task.clone() }, format!("{task} asks"))
            }
            Need::Failure(tasks) if !tasks.iter().all(|task| run.put_off.contains(task)) => (
                Dialog::Failure {
                    tasks: tasks.clone(),
                    spot: Spot::default(),
                },
                format!("{} failed", tasks[0]),
            ),
            Need::Interrupted(tasks) if !tasks.iter().all(|task| run.put_off.contains(task)) => {
                let dialog = Dialog::Interrupted {
                    tasks: tasks.clone(),
                    spot: Spot::default(),
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

/// Shows who has a lock that the run driven here wants; `None` = nobody has, or it was put off.
fn raise_lock(model: &mut Model, now: Moment) -> Option<Vec<Cmd>> {
    let run = model.run.as_ref()?;
    let is_busy = |wanted: &Wanted| matches!(wanted.news, LockNews::Busy(_)) && !wanted.put_off;
    let (env, _) = run.wanted.iter().find(|(_, wanted)| is_busy(wanted))?;
    if run.owner != Owner::Here || run.journal_failed.is_some() {
        return None;
    }
    let env = env.clone();
    let alert = format!("{env} is locked by somebody else");
    if matches!(model.view, View::Run | View::Gate) {
        model.view = View::Run;
        model.dialogs.push(Dialog::Locked { env, choice: 0 });
        model.guard.restart(now);
    }
    Some(alert_away(model, &alert))
}

/// Shows, once, what differs between the run's plan and `releases.toml` as it is now.
pub(super) fn differs(model: &mut Model, lines: Vec<String>, now: Moment) -> Vec<Cmd> {
    let Some(run) = &mut model.run else {
        return Vec::new();
    };
    let is_news = run.differs != lines && !lines.is_empty();
    run.differs = lines;
    if is_news {
        show_difference(model, now);
    }
    Vec::new()
}

/// Somebody else drives the run on screen now, or nobody does.
pub(super) fn driven_by(model: &mut Model, owner: Owner, now: Moment) -> Vec<Cmd> {
    if let Some(run) = &mut model.run {
        run.owner = owner;
    }
    raise(model, now)
}

/// Shows what differs.
pub(super) fn show_difference(model: &mut Model, now: Moment) {
    let Some(run) = &model.run else {
        return;
    };
    let mut lines = vec![
        "This run keeps to the plan it was started with. A new run would take these changes:"
            .to_owned(),
        String::new(),
    ];
    lines.extend(run.differs.iter().cloned());
    model.dialogs.push(Dialog::Message {
        title: "releases.toml has changed".to_owned(),
        lines,
        scroll: 0,
    });
    model.guard.restart(now);
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
            | Dialog::Locked { .. }
            | Dialog::Steal { .. }
    )
}

fn is_needed(
    dialog: &Dialog,
    needs: &[Need],
    wanted: &BTreeMap<EnvName, Wanted>,
    is_lost: &dyn Fn(&EnvName, &HostName) -> bool,
) -> bool {
    let is_open = |task: &TaskId| {
        needs.iter().any(|need| match need {
            Need::Failure(tasks) | Need::Interrupted(tasks) => tasks.contains(task),
            _ => false,
        })
    };
    match dialog {
        Dialog::Ask { task } => needs.contains(&Need::Answer(task.clone())),
        Dialog::Failure { tasks, .. } => needs.contains(&Need::Failure(tasks.clone())),
        Dialog::Interrupted { tasks, .. } => needs.contains(&Need::Interrupted(tasks.clone())),
        Dialog::Reason { wish, .. } => match wish {
            Wish::Skip(tasks) | Wish::CountAsDone(tasks) => tasks.iter().all(is_open),
            Wish::LeaveOut(env, host) => {
                let decides = |need: &Need| matches!(need, Need::Failure(_) | Need::Interrupted(_));
                needs.iter().any(decides) || is_lost(env, host)
            }
        },
        Dialog::Locked { env, .. } | Dialog::Steal { env, .. } => wanted
            .get(env)
            .is_some_and(|wanted| matches!(wanted.news, LockNews::Busy(_))),
        _ => true,
    }
}
