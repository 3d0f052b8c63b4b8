//! Apply: the only place where the state of a run changes.
//!
//! Folding the records of a journal from [`RunState::new`] yields the state of the run at any time. Records are
//! facts: nothing is refused or checked here, and a record about a task or stage the plan does not have changes
//! nothing but the sequence number.

use std::sync::Arc;

use super::event::Decision;
use super::{
    Event, GateState, Moment, Outcome, Record, RunState, RunStatus, TagRecord, TaskState,
    TaskStatus,
};
use crate::domain::action::Ending;
use crate::domain::id::{RunId, TaskId};
use crate::domain::plan::Plan;

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
        Event::RunStarted { by, reason, .. } => {
            state.started = Some(at);
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
        Event::DecisionTaken {
            decision, tasks, ..
        } => decided(state, decision, tasks, at),
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
            if let Some(task) = task_mut(state, task) {
                *task = TaskState {
                    status: TaskStatus::Running,
                    attempt: *attempt,
                    started: Some(at),
                    identity: identity.clone(),
                    tries: task.tries + 1,
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
            if let Some(task) = task_mut(state, task) {
                let status = retry_at.map_or(TaskStatus::Failed, TaskStatus::Retrying);
                ended(task, status, ending, *output_size, at);
            }
        }
        Event::TaskInterrupted { task, why, .. } => {
            if let Some(task) = task_mut(state, task) {
                task.status = TaskStatus::Interrupted(why.clone());
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

fn ended(task: &mut TaskState, status: TaskStatus, ending: &Ending, size: Option<u64>, at: Moment) {
    task.status = status;
    task.ended = Some(at);
    task.ending = Some(ending.clone());
    task.output_size = size;
}

/// A decision about tasks or the run.
fn decided(state: &mut RunState, decision: &Decision, tasks: &[TaskId], at: Moment) {
    match decision {
        Decision::Retry => {
            for id in tasks {
                if let Some(task) = task_mut(state, id) {
                    task.status = TaskStatus::Waiting;
                    task.tries = 0;
                }
            }
            // A run that ended with these failures goes on with them.
            if matches!(
                state.status,
                RunStatus::Finished(Outcome::Failed | Outcome::Stopped) | RunStatus::Stopping
            ) {
                state.status = RunStatus::Active;
                state.ended = None;
            }
        }
        Decision::CountAsDone => {
            for id in tasks {
                if let Some(task) = task_mut(state, id) {
                    task.status = TaskStatus::Succeeded;
                    task.ended.get_or_insert(at);
                    task.evidence
                        .insert("counted".to_owned(), "as done".to_owned());
                }
            }
        }
        Decision::Stop | Decision::Kill => state.status = RunStatus::Stopping,
        Decision::Pause => state.status = RunStatus::Paused,
        Decision::Continue => {
            state.status = RunStatus::Active;
            state.ended = None;
        }
    }
}
