//! Decide: a wish of the operator or a report from a site becomes events, or is refused.
//!
//! This is the only place that says what may happen to a run. It never acts: the events it returns are facts
//! once they are in the journal, and everything else follows from them. Reports about attempts that are over
//! (lost, doubled and late answers) yield nothing.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::event::{Decision, LeftOut};
use super::intent::{Intent, Refusal, Report};
use super::{Event, GateState, Moment, Outcome, RunState, RunStatus, TaskState, TaskStatus};
use crate::domain::action::{Action, Ending, Milestone};
use crate::domain::id::{Attempt, Commit, EnvName, LockId, TaskId};
use crate::domain::lock::Grant;
use crate::domain::plan::Task;

mod about;

/// What an intent comes to: facts to record, and perhaps a refusal to tell the operator.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// Facts; a refused approval is one too.
    pub events: Vec<Event>,
    /// Why the wish was not granted.
    pub refusal: Option<Refusal>,
}

impl From<Event> for Answer {
    fn from(event: Event) -> Self {
        Self {
            events: vec![event],
            refusal: None,
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self {
            events: Vec::new(),
            refusal: Some(refusal),
        }
    }
}

/// Decides about a wish of the operator `by` (`user@machine`).
pub fn decide(state: &RunState, intent: Intent, by: &str, now: Moment) -> Answer {
    match intent {
        Intent::Start { reason, lock } => start(state, reason, lock, by),
        Intent::Retry { tasks } => about::retry(state, tasks, by),
        Intent::Skip { tasks, reason } => about::settle(state, Decision::Skip, tasks, reason, by),
        Intent::CountAsDone { tasks, reason } => {
            about::settle(state, Decision::CountAsDone, tasks, reason, by)
        }
        Intent::LeaveOut { env, host, reason } => {
            about::leave_out(state, LeftOut { env, host }, reason, by)
        }
        _ if matches!(state.status, RunStatus::Finished(_)) && !is_reopening(state, &intent) => {
            Refusal::Ended.into()
        }
        Intent::Approve {
            env,
            commit,
            reason,
        } => approve(state, &env, commit, reason, by),
        Intent::Confirm { task } => answer(state, task, by, now, true),
        Intent::Deny { task } => answer(state, task, by, now, false),
        Intent::KeepLock { keep } if keep == state.keeps_locks => Answer::default(),
        Intent::KeepLock { keep: true } => decision(Decision::KeepLock, by, None).into(),
        Intent::KeepLock { keep: false } => decision(Decision::FreeLock, by, None).into(),
        // An order to the edge; what comes of it is told by a report.
        Intent::TakeLock { .. } => Answer::default(),
        Intent::Stop { .. } if state.status == RunStatus::Stopping => {
            wrong("the run", "is being stopped already").into()
        }
        Intent::Stop { reason } => decision(Decision::Stop, by, reason).into(),
        Intent::Kill { reason } => decision(Decision::Kill, by, reason).into(),
        Intent::Pause if state.status == RunStatus::Active => {
            decision(Decision::Pause, by, None).into()
        }
        Intent::Pause => wrong("the run", "is not going on, so it cannot be paused").into(),
        Intent::Continue if matches!(state.status, RunStatus::Paused | RunStatus::Finished(_)) => {
            decision(Decision::Continue, by, None).into()
        }
        Intent::Continue => wrong("the run", "is not paused").into(),
    }
}

/// A run that was stopped, or ended while a step waited for its next try, can simply go on.
fn is_reopening(state: &RunState, intent: &Intent) -> bool {
    let ended_early = RunStatus::Finished(Outcome::Stopped) == state.status
        || RunStatus::Finished(Outcome::Failed) == state.status;
    *intent == Intent::Continue && ended_early
}

fn decision(decision: Decision, by: &str, reason: Option<String>) -> Event {
    Event::DecisionTaken {
        decision,
        tasks: Vec::new(),
        host: None,
        by: by.to_owned(),
        reason,
    }
}

fn wrong(task: impl Into<String>, state: &str) -> Refusal {
    Refusal::WrongState {
        task: task.into(),
        state: state.to_owned(),
    }
}

fn start(state: &RunState, reason: Option<String>, lock: LockId, by: &str) -> Answer {
    if state.status != RunStatus::Prepared {
        return Refusal::StartedAlready.into();
    }
    Event::RunStarted {
        run: state.run.clone(),
        project: state.plan.project.clone(),
        reference: state.plan.reference.clone(),
        commit: state.plan.commit.clone(),
        digest: state.plan.digest.clone(),
        by: by.to_owned(),
        reason,
        lock: Some(lock),
    }
    .into()
}

fn approve(
    state: &RunState,
    env: &EnvName,
    given: Option<String>,
    reason: Option<String>,
    by: &str,
) -> Answer {
    let waiting = state
        .plan
        .stages
        .iter()
        .zip(&state.stages)
        .find(|(planned, stage)| {
            planned.env.as_ref() == Some(env) && matches!(stage.gate, GateState::Reached(_))
        });
    let Some((planned, _)) = waiting else {
        return Refusal::NoGate(env.clone()).into();
    };
    let stage = planned.name.to_string();
    let commit = state.plan.commit.clone();
    let named = given.filter(|text| !commit.as_ref().is_some_and(|commit| commit.matches(text)));
    if let Some(given) = named {
        let refusal = Refusal::OtherCommit {
            env: env.clone(),
            given,
            commit: commit.map_or_else(|| "no commit".to_owned(), |c| c.short().to_owned()),
        };
        let event = Event::GateRefused {
            env: env.clone(),
            stage,
            by: by.to_owned(),
            why: refusal.to_string(),
        };
        return Answer {
            events: vec![event],
            refusal: Some(refusal),
        };
    }
    Event::GateApproved {
        env: env.clone(),
        stage,
        commit,
        digest: state.plan.digest.clone(),
        by: by.to_owned(),
        reason,
    }
    .into()
}

fn answer(state: &RunState, task: TaskId, by: &str, now: Moment, done: bool) -> Answer {
    let Some(position) = state.position(&task) else {
        return wrong(task.to_string(), "is not in the plan").into();
    };
    let current = &state.tasks[position];
    let (_, planned) = state.planned(position);
    if current.status != TaskStatus::Running || !matches!(planned.action, Action::Ask { .. }) {
        return wrong(task.to_string(), "is not an open question").into();
    }
    let duration_s = seconds_since(current, now);
    let attempt = current.attempt;
    if done {
        let evidence = BTreeMap::from([("confirmed by".to_owned(), by.to_owned())]);
        let ending = Ending::Exited(0);
        return Event::TaskFinished {
            task,
            attempt,
            ending,
            duration_s,
            evidence,
            output_size: None,
        }
        .into();
    }
    let ending = Ending::NotStarted(format!("{by} answered that it is not done"));
    Event::TaskFailed {
        task,
        attempt,
        ending,
        duration_s,
        retry_at: None,
        output_size: None,
    }
    .into()
}

/// Decides about a report from a site. Reports about anything but a running attempt yield nothing.
pub fn take_report(state: &RunState, report: &Report, now: Moment) -> Vec<Event> {
    match report {
        // Their news are orders to the edge: the conductor keeps them.
        Report::Identified { .. } | Report::LockOccupied { .. } | Report::LockFailed { .. } => {
            Vec::new()
        }
        Report::Locked { env, grant } => locked(state, env, grant),
        Report::LockLost { env, why, .. } => taken_over(state, env, why),
        // A run that is gone on with meets whoever took its lock over meanwhile; it waits for the lock.
        Report::LockBusy { env, busy } => {
            let holder = busy.holder.as_ref();
            let who = holder.map_or(busy.id.as_str(), |holder| holder.by.as_str());
            released(state, env, BTreeMap::new(), Some(format!("{who} has it")))
        }
        Report::Unlocked { env, left } => released(state, env, left.clone(), None),
        Report::Fenced { task, attempt, why } => fenced(state, task, *attempt, why, now),
        Report::Ended {
            task,
            attempt,
            ending,
            evidence,
            output_size,
        } => {
            let Some((planned, current)) = running(state, task, *attempt) else {
                return Vec::new();
            };
            let duration_s = seconds_since(current, now);
            let (task, attempt, ending) = (task.clone(), *attempt, ending.clone());
            let output_size = Some(*output_size);
            if !ending.is_success() {
                let retry_at = retry_time(state, planned, current, &ending, now);
                return vec![Event::TaskFailed {
                    task,
                    attempt,
                    ending,
                    duration_s,
                    retry_at,
                    output_size,
                }];
            }
            let tag = planned
                .milestone
                .as_ref()
                .and_then(|milestone| tag_written(milestone, evidence, state.plan.commit.as_ref()));
            let evidence = evidence.clone();
            let finished = Event::TaskFinished {
                task,
                attempt,
                ending,
                duration_s,
                evidence,
                output_size,
            };
            std::iter::once(finished).chain(tag).collect()
        }
        Report::Lost { task, attempt, why } => lost(state, task, *attempt, why),
    }
}

fn locked(state: &RunState, env: &EnvName, grant: &Grant) -> Vec<Event> {
    // Asked for again, and held all the time.
    if state.locks.get(env) == Some(grant) {
        return Vec::new();
    }
    vec![Event::LockTaken {
        env: env.clone(),
        lock: state.lock_id(),
        grant: grant.clone(),
        from: None,
    }]
}

fn released(
    state: &RunState,
    env: &EnvName,
    left: BTreeMap<String, String>,
    lost: Option<String>,
) -> Vec<Event> {
    // What was never recorded as taken needs no record of its end, unless it stays somewhere.
    if !state.locks.contains_key(env) && left.is_empty() {
        return Vec::new();
    }
    vec![Event::LockReleased {
        env: env.clone(),
        lock: state.lock_id(),
        left,
        lost,
    }]
}

/// Somebody ended our lock. Whoever that was may have changed what the plan was made for: nothing more is started
/// before the operator says so, also when the lock is free again.
fn taken_over(state: &RunState, env: &EnvName, why: &str) -> Vec<Event> {
    let mut events = released(state, env, BTreeMap::new(), Some(why.to_owned()));
    if !events.is_empty() && state.status == RunStatus::Active {
        let reason = format!("the lock of {env} was lost: {why}");
        events.push(decision(Decision::Pause, "golive", Some(reason)));
    }
    events
}

/// An attempt that its host refused because the lock is gone: it never ran, and nothing more may.
fn fenced(state: &RunState, task: &TaskId, attempt: Attempt, why: &str, now: Moment) -> Vec<Event> {
    let Some((_, current)) = running(state, task, attempt) else {
        return Vec::new();
    };
    let failed = Event::TaskFailed {
        task: task.clone(),
        attempt,
        ending: Ending::NotStarted(why.to_owned()),
        duration_s: seconds_since(current, now),
        retry_at: None,
        output_size: Some(0),
    };
    let position = state.position(task);
    let env = position.and_then(|position| {
        let (stage, _) = state.planned(position);
        state.plan.stages[stage].env.clone()
    });
    // The lock may have been lost and taken again since: the one that is held now is another.
    let env = env.filter(|env| state.locks.get(env) == current.under.as_ref());
    let lost = env.map(|env| taken_over(state, &env, why));
    std::iter::once(failed)
        .chain(lost.unwrap_or_default())
        .collect()
}

fn lost(state: &RunState, task: &TaskId, attempt: Attempt, why: &str) -> Vec<Event> {
    let Some((planned, current)) = running(state, task, attempt) else {
        return Vec::new();
    };
    let lost = Event::TaskInterrupted {
        task: task.clone(),
        attempt,
        why: why.to_owned(),
    };
    // Never more often than the step may be retried: a host that forgets every attempt must not loop.
    let again = planned.idempotent
        && current.tries <= planned.retry + 1
        && state.status == RunStatus::Active
        && !state.position(task).is_some_and(|at| state.is_left_out(at));
    let again = again.then(|| Event::DecisionTaken {
        decision: Decision::Retry,
        tasks: vec![task.clone()],
        host: None,
        by: "golive".to_owned(),
        reason: Some("the step is idempotent".to_owned()),
    });
    std::iter::once(lost).chain(again).collect()
}

fn running<'a>(
    state: &'a RunState,
    task: &TaskId,
    attempt: Attempt,
) -> Option<(&'a Task, &'a TaskState)> {
    let position = state.position(task)?;
    let current = &state.tasks[position];
    (current.status == TaskStatus::Running && current.attempt == attempt)
        .then(|| (state.planned(position).1, current))
}

fn seconds_since(task: &TaskState, now: Moment) -> f64 {
    let started = task.started.unwrap_or(now);
    (now - started).max(TimeDelta::zero()).as_seconds_f64()
}

/// When a failed task is tried again by itself; never after the operator ended it or it was refused.
fn retry_time(
    state: &RunState,
    planned: &Task,
    current: &TaskState,
    ending: &Ending,
    now: Moment,
) -> Option<Moment> {
    let is_left_out = || {
        let position = state.position(&planned.id);
        position.is_some_and(|at| state.is_left_out(at))
    };
    let may = matches!(ending, Ending::Exited(_) | Ending::TimedOut)
        && !is_left_out()
        && current.tries <= planned.retry
        && matches!(state.status, RunStatus::Active | RunStatus::Paused);
    let delay = TimeDelta::milliseconds((planned.retry_delay_s * 1000.0) as i64);
    may.then(|| now + delay)
}

fn tag_written(
    milestone: &Milestone,
    evidence: &BTreeMap<String, String>,
    commit: Option<&Commit>,
) -> Option<Event> {
    let Milestone::TagWritten = milestone;
    let said = |key: &str| evidence.get(key).filter(|value| *value != "-").cloned();
    let commit = said("commit")
        .map(Commit::new)
        .or_else(|| commit.cloned())?;
    Some(Event::TagWritten {
        tag: said("tag"),
        live: said("live"),
        commit,
        remote: said("remote"),
    })
}
