//! Decisions about tasks and hosts: run again, skip, count as done, leave out.
//!
//! Each means what it says: it is about the tasks it names, and everything that waits for them follows as the plan
//! has it. A decision that would leave work undone that nobody else does is refused with the reason.

use super::super::event::{Decision, LeftOut};
use super::super::{Event, Refusal, RunState, TaskStatus, schedule};
use super::{Answer, wrong};
use crate::domain::id::{EnvName, HostName, RoleName, StepName, TaskId};

/// Run failed or interrupted tasks again.
pub(super) fn retry(state: &RunState, tasks: Vec<TaskId>, by: &str) -> Answer {
    open_ones(state, &tasks)
        .or_else(|| passed_over(state, &tasks))
        .unwrap_or_else(|| about(Decision::Retry, tasks, by, None))
}

/// Why these tasks cannot run again: what comes after their stage has begun, and nothing ever goes back.
fn passed_over(state: &RunState, tasks: &[TaskId]) -> Option<Answer> {
    let is_over = |task: &&TaskId| {
        let stage = state.position(task).map(|at| state.planned(at).0);
        stage.is_some_and(|stage| state.stages[stage].ended.is_some())
    };
    let passed = tasks.iter().find(is_over)?;
    let why = "failed and was passed over: its stage has ended";
    Some(wrong(passed.to_string(), why).into())
}

/// Do not run failed or interrupted tasks, or take them as done.
pub(super) fn settle(
    state: &RunState,
    decision: Decision,
    tasks: Vec<TaskId>,
    reason: String,
    by: &str,
) -> Answer {
    open_ones(state, &tasks)
        .unwrap_or_else(|| with_reason(reason, |reason| about(decision, tasks, by, Some(reason))))
}

/// Why these tasks cannot be decided about: each must have failed, or have an end that nobody knows.
fn open_ones(state: &RunState, tasks: &[TaskId]) -> Option<Answer> {
    if state.has_succeeded() {
        return Some(Refusal::Ended.into());
    }
    let can = |status: &TaskStatus| {
        matches!(
            status,
            TaskStatus::Failed | TaskStatus::Retrying(_) | TaskStatus::Interrupted(_)
        )
    };
    let misfit = tasks
        .iter()
        .find(|id| !state.task(id).is_some_and(|task| can(&task.status)))?;
    Some(wrong(misfit.to_string(), "neither failed nor was interrupted").into())
}

fn with_reason(reason: String, decide: impl FnOnce(String) -> Answer) -> Answer {
    if reason.trim().is_empty() {
        return wrong("the decision", "needs a reason").into();
    }
    decide(reason)
}

fn about(decision: Decision, tasks: Vec<TaskId>, by: &str, reason: Option<String>) -> Answer {
    if tasks.is_empty() {
        return Refusal::NothingNamed.into();
    }
    Event::DecisionTaken {
        decision,
        tasks,
        host: None,
        by: by.to_owned(),
        reason,
    }
    .into()
}

/// Run nothing more on a host.
pub(super) fn leave_out(state: &RunState, out: LeftOut, reason: String, by: &str) -> Answer {
    if state.has_succeeded() {
        return Refusal::Ended.into();
    }
    let place = (out.env.clone(), out.host.clone());
    let is_known = state
        .plan
        .hosts
        .iter()
        .any(|host| host.env == out.env && host.name == out.host);
    if !is_known || state.left_out.contains_key(&place) {
        let state = if is_known {
            "is left out already"
        } else {
            "is no host of this run"
        };
        return wrong(format!("{} of {}", out.host, out.env), state).into();
    }
    if let Some(why) = needed_for(state, &place) {
        return Refusal::Needed {
            host: out.host,
            why,
        }
        .into();
    }
    with_reason(reason, |reason| {
        let tasks = tasks_of(state, &place);
        Event::DecisionTaken {
            decision: Decision::LeaveOut,
            tasks,
            host: Some(out),
            by: by.to_owned(),
            reason: Some(reason),
        }
        .into()
    })
}

/// The tasks of a host that are still to be done.
fn tasks_of(state: &RunState, place: &(EnvName, HostName)) -> Vec<TaskId> {
    (0..state.tasks.len())
        .filter(|at| !state.is_settled(*at) && place_of(state, *at).as_ref() == Some(place))
        .map(|at| state.planned(at).1.id.clone())
        .collect()
}

fn place_of(state: &RunState, at: usize) -> Option<(EnvName, HostName)> {
    let (stage, planned) = state.planned(at);
    schedule::place(&state.plan.stages[stage], planned)
}

/// What of the rest of the run only this host does, in words.
fn needed_for(state: &RunState, place: &(EnvName, HostName)) -> Option<String> {
    let stays = |env: &EnvName, host: &HostName| {
        let other = (env.clone(), host.clone());
        *env == place.0 && other != *place && !state.left_out.contains_key(&other)
    };
    let others: Vec<_> = state
        .plan
        .hosts
        .iter()
        .filter(|host| stays(&host.env, &host.name))
        .collect();
    if others.is_empty() {
        return Some(format!("it is the last host of {}", place.0));
    }
    let plays = |role: &RoleName| {
        let mut others = others.iter();
        others.any(|host| host.roles.is_empty() || host.roles.contains(role))
    };
    let own = state
        .plan
        .hosts
        .iter()
        .find(|host| (&host.env, &host.name) == (&place.0, &place.1))?;
    if let Some(role) = own.roles.iter().find(|role| !plays(role)) {
        return Some(format!("it is the last host of the role {role}"));
    }
    let step = step_only_here(state, place)?;
    Some(format!("{step} runs nowhere else, decide about it first"))
}

/// A step that is still to be done on this host and on no other.
fn step_only_here(state: &RunState, place: &(EnvName, HostName)) -> Option<StepName> {
    (0..state.tasks.len()).find_map(|at| {
        if state.is_settled(at) || place_of(state, at).as_ref() != Some(place) {
            return None;
        }
        let (stage, planned) = state.planned(at);
        let elsewhere = state.range(stage).any(|other| {
            let same = state.planned(other).1.step == planned.step;
            same && place_of(state, other).as_ref() != Some(place) && !state.is_left_out(other)
        });
        (!elsewhere).then(|| planned.step.clone())
    })
}
