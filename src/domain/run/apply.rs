//! Apply: the only place where the state of a run changes.
//!
//! Folding the records of a journal from [`RunState::new`] yields the state of the run at any time. Records are
//! facts: nothing is refused or checked here, and a record about a task or stage the plan does not have changes
//! nothing but the sequence number.

use std::sync::Arc;

use super::event::{Decision, LeftOut};
use super::{
    Event, GateState, Moment, Outcome, Record, RunState, RunStatus, TagRecord, TaskState,
    TaskStatus,
};
use crate::domain::action::Ending;
use crate::domain::id::{EnvName, HostName, RunId, TaskId};
use crate::domain::lock::Grant;
use crate::domain::plan::Plan;

/// What is said of an attempt that was left behind with its host.
const UNKNOWN_END: &str = "how it ended is not known";

/// The state that the records of a run lead to.
pub fn fold(run: RunId, plan: Arc<Plan>, records: &[Record]) -> RunState {
    let mut state = RunState::new(run, plan);
    for record in records {
        apply(&mut state, record);
    }
    state
}

/// Takes one record into the state.
pub fn apply(state: &mut RunState, record: &Record) {
    state.seq = record.seq;
    let at = record.at;
    match &record.event {
        Event::RunStarted {
            by, reason, lock, ..
        } => {
            state.started = Some(at);
            state.lock.clone_from(lock);
            state.by.clone_from(by);
            state.reason.clone_from(reason);
            state.status = RunStatus::Active;
        }
        Event::StageStarted { stage } => {
            on_stage(state, stage, |stage| stage.started = Some(at));
        }
        Event::StageFinished { stage, .. } => {
            on_stage(state, stage, |stage| stage.ended = Some(at));
        }
        Event::GateReached { stage, .. } => {
            on_stage(state, stage, |stage| stage.gate = GateState::Reached(at));
        }
        Event::GateApproved {
            stage, by, reason, ..
        } => on_stage(state, stage, |stage| {
            stage.gate = GateState::Approved {
                at,
                by: by.clone(),
                reason: reason.clone(),
            };
        }),
        Event::GateRefused { .. } => {}
        Event::TagWritten {
            tag,
            live,
            commit,
            remote,
        } => {
            state.tag = Some(TagRecord {
                tag: tag.clone(),
                live: live.clone(),
                commit: commit.clone(),
                remote: remote.clone(),
            });
        }
        Event::LockTaken { env, grant, .. } => {
            state.locks.insert(env.clone(), grant.clone());
        }
        Event::LockReleased { env, .. } => {
            state.locks.remove(env);
        }
        Event::DecisionTaken {
            decision: Decision::LeaveOut,
            host: Some(LeftOut { env, host }),
            reason,
            ..
        } => leave_out(state, (env.clone(), host.clone()), reason.as_deref(), at),
        Event::DecisionTaken {
            decision,
            tasks,
            reason,
            ..
        } => decided(state, decision, tasks, reason.as_deref(), at),
        Event::RunFinished { outcome, .. } => {
            state.status = RunStatus::Finished(*outcome);
            state.ended = Some(at);
        }
        event => on_task(state, event, at),
    }
}

fn on_stage(state: &mut RunState, name: &str, change: impl FnOnce(&mut super::StageState)) {
    if let Some(stage) = state.stage_named(name) {
        change(&mut state.stages[stage]);
    }
}

fn task_mut<'a>(state: &'a mut RunState, task: &TaskId) -> Option<&'a mut TaskState> {
    let position = state.position(task)?;
    Some(&mut state.tasks[position])
}

/// Events about one task.
fn on_task(state: &mut RunState, event: &Event, at: Moment) {
    match event {
        Event::TaskStarted {
            task,
            attempt,
            identity,
        } => {
            let under = lock_of(state, task);
            if let Some(task) = task_mut(state, task) {
                *task = TaskState {
                    under,
                    status: TaskStatus::Running,
                    attempt: *attempt,
                    started: Some(at),
                    identity: identity.clone(),
                    tries: task.tries + 1,
                    unknown: std::mem::take(&mut task.unknown),
                    ..TaskState::default()
                };
            }
        }
        Event::TaskFinished {
            task,
            ending,
            evidence,
            output_size,
            ..
        } => {
            if let Some(task) = task_mut(state, task) {
                ended(task, TaskStatus::Succeeded, ending, *output_size, at);
                task.evidence.clone_from(evidence);
            }
        }
        Event::TaskFailed {
            task,
            ending,
            retry_at,
            output_size,
            ..
        } => {
            let left_out = left_out(state, task);
            if let Some(task) = task_mut(state, task) {
                let failed = || retry_at.map_or(TaskStatus::Failed, TaskStatus::Retrying);
                let status = left_out.map_or_else(failed, TaskStatus::Skipped);
                ended(task, status, ending, *output_size, at);
            }
        }
        Event::TaskInterrupted { task, attempt, why } => {
            let left_out = left_out(state, task);
            if let Some(task) = task_mut(state, task) {
                task.unknown.push(*attempt);
                task.is_left = left_out.is_some();
                task.status = match left_out {
                    Some(left_out) => TaskStatus::Skipped(format!("{left_out}; {UNKNOWN_END}")),
                    None => TaskStatus::Interrupted(why.clone()),
                };
                task.ended = Some(at);
            }
        }
        Event::TaskSkipped { task, why } => {
            if let Some(task) = task_mut(state, task) {
                task.status = TaskStatus::Skipped(why.clone());
                task.ended = Some(at);
            }
        }
        _ => {}
    }
}

/// The lock that is held of a task's environment.
fn lock_of(state: &RunState, task: &TaskId) -> Option<Grant> {
    let (stage, _) = state.planned(state.position(task)?);
    let env = state.plan.stages[stage].env.as_ref()?;
    state.locks.get(env).cloned()
}

/// Why a task's host was left out, when it was.
fn left_out(state: &RunState, task: &TaskId) -> Option<String> {
    let (stage, planned) = state.planned(state.position(task)?);
    let place = super::schedule::place(&state.plan.stages[stage], planned)?;
    state.left_out.get(&place).cloned()
}

fn ended(task: &mut TaskState, status: TaskStatus, ending: &Ending, size: Option<u64>, at: Moment) {
    task.status = status;
    task.ended = Some(at);
    task.ending = Some(ending.clone());
    task.output_size = size;
}

/// A decision about tasks or the run.
fn decided(
    state: &mut RunState,
    decision: &Decision,
    tasks: &[TaskId],
    reason: Option<&str>,
    at: Moment,
) {
    match decision {
        Decision::Retry => {
            each(state, tasks, |task| {
                task.status = TaskStatus::Waiting;
                task.tries = 0;
            });
            reopen(state);
        }
        Decision::Skip => {
            each(state, tasks, |task| {
                task.status = TaskStatus::Skipped(reason.unwrap_or("skipped").to_owned());
                task.ended.get_or_insert(at);
            });
            reopen(state);
        }
        Decision::CountAsDone => {
            each(state, tasks, |task| {
                task.status = TaskStatus::Succeeded;
                task.ended.get_or_insert(at);
                task.evidence
                    .insert("counted".to_owned(), "as done".to_owned());
            });
            reopen(state);
        }
        // About a host, which this record does not name.
        Decision::LeaveOut => {}
        Decision::KeepLock => state.keeps_locks = true,
        Decision::FreeLock => state.keeps_locks = false,
        Decision::Stop => state.status = RunStatus::Stopping,
        Decision::Kill => {
            state.status = RunStatus::Stopping;
            state.is_killing = true;
        }
        Decision::Pause => state.status = RunStatus::Paused,
        Decision::Continue => {
            state.status = RunStatus::Active;
            state.is_killing = false;
            state.ended = None;
        }
    }
}

fn each(state: &mut RunState, tasks: &[TaskId], change: impl Fn(&mut TaskState)) {
    for id in tasks {
        if let Some(task) = task_mut(state, id) {
            change(task);
        }
    }
}

/// A run that ended with these failures goes on with them.
fn reopen(state: &mut RunState) {
    if matches!(
        state.status,
        RunStatus::Finished(Outcome::Failed | Outcome::Stopped) | RunStatus::Stopping
    ) {
        state.status = RunStatus::Active;
        state.is_killing = false;
        state.ended = None;
    }
}

/// Nothing more is started on a host. What runs there is followed to its end, which then changes nothing.
fn leave_out(state: &mut RunState, place: (EnvName, HostName), reason: Option<&str>, at: Moment) {
    let why = format!(
        "{} was left out: {}",
        place.1,
        reason.unwrap_or("no reason")
    );
    state.left_out.insert(place, why.clone());
    for position in 0..state.tasks.len() {
        let is_open = !matches!(
            state.tasks[position].status,
            TaskStatus::Running | TaskStatus::Succeeded | TaskStatus::Skipped(_)
        );
        if is_open && state.is_left_out(position) {
            let task = &mut state.tasks[position];
            task.is_left = matches!(task.status, TaskStatus::Interrupted(_));
            let unknown = if task.is_left {
                format!("; {UNKNOWN_END}")
            } else {
                String::new()
            };
            task.status = TaskStatus::Skipped(format!("{why}{unknown}"));
            task.ended.get_or_insert(at);
        }
    }
    reopen(state);
}
