//! Schedule: what has to happen next in a run, as facts that are to be recorded now.
//!
//! It is asked after every change and answers with the events that follow from the state alone; the dispatcher
//! records and applies them and asks again until nothing follows. What an event means for the world (launching,
//! cancelling) follows from the recorded event, never from here.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::progress;
use super::{
    Event, GateState, Identities, Moment, Outcome, Place, RunState, RunStatus, TaskStatus,
};
use crate::domain::action::{Action, Ending, Site};
use crate::domain::checklist::{Gate, OnFailure};
use crate::domain::id::{EnvName, HostName};
use crate::domain::plan::{PlannedStage, Task};

/// The facts to record now. Empty = nothing follows until a report, a wish or [`wake_at`].
///
/// Tasks start only on machines whose identity is known; see [`waits_for_identity`].
pub fn schedule(state: &RunState, identities: &Identities, now: Moment) -> Vec<Event> {
    if let Some(outcome) = about_to_end(state) {
        return match locks_to_release(state) {
            locks if locks.is_empty() => vec![finished(state, outcome, now)],
            _ => Vec::new(),
        };
    }
    match (state.status, state.current_stage()) {
        (RunStatus::Active, Some(stage)) if !must_stop(state) => {
            on_stage(state, stage, identities, now)
        }
        _ => Vec::new(),
    }
}

/// How the run is going to end, when nothing is left but to give its locks back.
pub fn about_to_end(state: &RunState) -> Option<Outcome> {
    match state.status {
        RunStatus::Prepared | RunStatus::Paused | RunStatus::Finished(_) => None,
        RunStatus::Active if state.current_stage().is_none() => Some(match state.plan.rollback {
            Some(_) => Outcome::RolledBack,
            None => Outcome::Succeeded,
        }),
        RunStatus::Active if !must_stop(state) => None,
        RunStatus::Active | RunStatus::Stopping => outcome_when_quiet(state),
    }
}

/// The locks to give back before the run ends: all of them, or none when it ends badly and keeps them.
pub fn locks_to_release(state: &RunState) -> Vec<EnvName> {
    match about_to_end(state) {
        None => Vec::new(),
        Some(outcome) if state.keeps_locks && !outcome.is_success() => Vec::new(),
        Some(_) => state.locks.keys().cloned().collect(),
    }
}

/// The environment whose lock is needed before anything more can start.
pub fn waits_for_lock(state: &RunState, now: Moment) -> Option<&EnvName> {
    if state.status != RunStatus::Active || must_stop(state) {
        return None;
    }
    let index = state.current_stage()?;
    let (planned, stage) = (&state.plan.stages[index], &state.stages[index]);
    let env = planned.env.as_ref()?;
    if state.locks.contains_key(env) {
        return None;
    }
    let due = if stage.started.is_none() {
        planned.gate == Gate::None || matches!(stage.gate, GateState::Approved { .. })
    } else {
        let tasks = state.range(index).zip(&planned.tasks);
        tasks
            .into_iter()
            .any(|(position, task)| is_ready(state, position, task, now))
    };
    due.then_some(env)
}

/// Whether tasks could start now and only wait for a place to say who it is, or for a lock: the run does not rest.
pub fn could_start(state: &RunState, now: Moment) -> bool {
    waits_for_lock(state, now).is_some()
        || !waits_for_identity(state, &Identities::new(), now).is_empty()
}

/// When the scheduler has to be asked again by itself: the next automatic retry that becomes due. One that is due
/// and not started waits for something else, of which the scheduler will hear.
pub fn wake_at(state: &RunState, now: Moment) -> Option<Moment> {
    if state.status != RunStatus::Active {
        return None;
    }
    state
        .tasks
        .iter()
        .filter_map(|task| match task.status {
            TaskStatus::Retrying(at) if at > now => Some(at),
            _ => None,
        })
        .min()
}

/// Whether a failure ends the run by itself.
fn must_stop(state: &RunState) -> bool {
    state.each().any(|(planned, task)| {
        task.status == TaskStatus::Failed && planned.on_failure == OnFailure::Stop
    })
}

/// How a run ends that starts nothing more; `None` while anything runs.
fn outcome_when_quiet(state: &RunState) -> Option<Outcome> {
    // An open question runs nowhere: the run ends over it.
    let asks_only = state.each().all(|(planned, task)| {
        task.status != TaskStatus::Running || matches!(planned.action, Action::Ask { .. })
    });
    if !asks_only {
        return None;
    }
    let failed = state.each().any(|(planned, task)| {
        matches!(task.status, TaskStatus::Failed | TaskStatus::Retrying(_))
            && planned.on_failure != OnFailure::Continue
            // What the operator ended has not failed, and neither has what the stop came before.
            && task.ending != Some(Ending::Cancelled)
            && !(state.status == RunStatus::Stopping
                && task.ending.as_ref().is_some_and(Ending::is_withdrawn))
    });
    Some(if failed {
        Outcome::Failed
    } else {
        Outcome::Stopped
    })
}

fn finished(state: &RunState, outcome: Outcome, now: Moment) -> Event {
    let mut downtime_s: BTreeMap<EnvName, BTreeMap<HostName, f64>> = BTreeMap::new();
    for ((env, host), seconds) in progress::downtime(state, now) {
        downtime_s.entry(env).or_default().insert(host, seconds);
    }
    Event::RunFinished {
        outcome,
        duration_s: seconds(state.started, now),
        downtime_s,
    }
}

fn seconds(since: Option<Moment>, now: Moment) -> f64 {
    since.map_or(0.0, |since| {
        (now - since).max(TimeDelta::zero()).as_seconds_f64()
    })
}

fn on_stage(state: &RunState, index: usize, identities: &Identities, now: Moment) -> Vec<Event> {
    let planned = &state.plan.stages[index];
    let stage = &state.stages[index];
    let name = || planned.name.to_string();
    if stage.started.is_none() {
        return match (&planned.env, planned.gate, &stage.gate) {
            (Some(env), Gate::Type | Gate::Key, GateState::Ahead) => {
                vec![Event::GateReached {
                    env: env.clone(),
                    stage: name(),
                }]
            }
            (Some(_), Gate::Type | Gate::Key, GateState::Reached(_)) => Vec::new(),
            _ if !is_locked(state, planned) => Vec::new(),
            _ => vec![Event::StageStarted { stage: name() }],
        };
    }
    let mut events: Vec<Event> = skipped(state, index).collect();
    if is_locked(state, planned) {
        events.extend(startable(state, index, identities, now));
    }
    if events.is_empty()
        && state
            .range(index)
            .all(|position| state.is_settled(position))
    {
        let duration_s = seconds(stage.started, now);
        return vec![Event::StageFinished {
            stage: name(),
            duration_s,
        }];
    }
    events
}

/// Whether tasks of a stage may start as far as its environment's lock is concerned.
fn is_locked(state: &RunState, stage: &PlannedStage) -> bool {
    let held = |env| state.locks.contains_key(env);
    stage.env.as_ref().is_none_or(held)
}

/// Tasks that are not to run, each once what it needs has ended: what needs *it* still waits for all of that.
fn skipped(state: &RunState, stage: usize) -> impl Iterator<Item = Event> + '_ {
    state.range(stage).filter_map(move |position| {
        let task = state.planned(position).1;
        let why = task.skip.clone()?;
        let due = state.tasks[position].status == TaskStatus::Waiting
            && state.layout.after[position]
                .iter()
                .all(|before| state.is_settled(*before));
        due.then(|| Event::TaskSkipped {
            task: task.id.clone(),
            why,
        })
    })
}

/// Tasks of the stage that may start now, as events.
fn startable(state: &RunState, stage: usize, identities: &Identities, now: Moment) -> Vec<Event> {
    let planned_stage = &state.plan.stages[stage];
    let mut running: BTreeMap<&str, usize> = BTreeMap::new();
    for position in state.range(stage) {
        if state.tasks[position].status == TaskStatus::Running {
            *running
                .entry(state.planned(position).1.step.as_str())
                .or_default() += 1;
        }
    }
    let mut events = Vec::new();
    for (position, task) in state.range(stage).zip(&planned_stage.tasks) {
        if !is_ready(state, position, task, now) {
            continue;
        }
        let identity = match &task.action {
            Action::Ask { .. } => None,
            Action::Exec(_) => match identities.get(&place(planned_stage, task)) {
                Some(identity) => Some(identity.clone()),
                None => continue,
            },
        };
        let count = running.entry(task.step.as_str()).or_default();
        if task.parallel.is_some_and(|limit| *count >= limit) {
            continue;
        }
        *count += 1;
        events.push(Event::TaskStarted {
            task: task.id.clone(),
            attempt: state.tasks[position].attempt.next(),
            identity,
        });
    }
    events
}

fn is_ready(state: &RunState, position: usize, task: &Task, now: Moment) -> bool {
    let current = &state.tasks[position];
    let due = match current.status {
        TaskStatus::Waiting => task.skip.is_none(),
        // A clock that was set back must not hold up the next try.
        TaskStatus::Retrying(at) => at <= now || current.ended.is_some_and(|ended| now < ended),
        _ => false,
    };
    due && state.layout.after[position]
        .iter()
        .all(|before| state.is_settled(*before))
}

/// The place of a task: `None` is this machine.
pub fn place(stage: &PlannedStage, task: &Task) -> Place {
    match (&task.site, &stage.env) {
        (Site::Host(host), Some(env)) => Some((env.clone(), host.clone())),
        _ => None,
    }
}

/// Places whose identity is missing for tasks that could start now otherwise.
pub fn waits_for_identity(state: &RunState, identities: &Identities, now: Moment) -> Vec<Place> {
    let Some(stage) = state.current_stage() else {
        return Vec::new();
    };
    if state.status != RunStatus::Active || state.stages[stage].started.is_none() {
        return Vec::new();
    }
    let planned = &state.plan.stages[stage];
    if !is_locked(state, planned) {
        return Vec::new();
    }
    let mut places: Vec<_> = state
        .range(stage)
        .zip(&planned.tasks)
        .filter(|(position, task)| {
            matches!(task.action, Action::Exec(_)) && is_ready(state, *position, task, now)
        })
        .map(|(_, task)| place(planned, task))
        .filter(|place| !identities.contains_key(place))
        .collect();
    places.sort();
    places.dedup();
    places
}
