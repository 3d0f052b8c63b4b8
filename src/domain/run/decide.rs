//! Decide: a wish of the operator or a report from a site becomes events, or is refused.
//!
//! This is the only place that says what may happen to a run. It never acts: the events it returns are facts
//! once they are in the journal, and everything else follows from them. Reports about attempts that are over
//! (lost, doubled and late answers) yield nothing.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::event::Decision;
use super::intent::{Intent, Refusal, Report};
use super::{Event, GateState, Moment, Outcome, RunState, RunStatus, TaskState, TaskStatus};
use crate::domain::action::{Action, Ending, Milestone};
use crate::domain::id::{Attempt, Commit, EnvName, TaskId};
use crate::domain::plan::Task;

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
        Intent::Start { reason } => start(state, reason, by),
        Intent::Retry { tasks } => retry(state, tasks, by),
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
        Intent::CountAsDone { tasks, reason } => count_as_done(state, tasks, reason, by),
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

fn start(state: &RunState, reason: Option<String>, by: &str) -> Answer {
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

fn retry(state: &RunState, tasks: Vec<TaskId>, by: &str) -> Answer {
    if state.status == RunStatus::Finished(Outcome::Succeeded) {
        return Refusal::Ended.into();
    }
    let misfit = misfit(state, &tasks, |status| {
        matches!(
            status,
            TaskStatus::Failed | TaskStatus::Retrying(_) | TaskStatus::Interrupted(_)
        )
    });
    match misfit {
        Some(task) => wrong(task, "neither failed nor was interrupted").into(),
        None => about_tasks(Decision::Retry, tasks, by, None),
    }
}

fn count_as_done(state: &RunState, tasks: Vec<TaskId>, reason: String, by: &str) -> Answer {
    let misfit = misfit(state, &tasks, |status| {
        matches!(status, TaskStatus::Interrupted(_))
    });
    match misfit {
        Some(task) => wrong(task, "has an end that is known").into(),
        None => about_tasks(Decision::CountAsDone, tasks, by, Some(reason)),
    }
}

/// The first of the tasks that a decision cannot be about.
fn misfit(state: &RunState, tasks: &[TaskId], can: impl Fn(&TaskStatus) -> bool) -> Option<String> {
    tasks
        .iter()
        .find(|id| !state.task(id).is_some_and(|task| can(&task.status)))
        .map(ToString::to_string)
}

fn about_tasks(decision: Decision, tasks: Vec<TaskId>, by: &str, reason: Option<String>) -> Answer {
    if tasks.is_empty() {
        return Refusal::NothingNamed.into();
    }
    Event::DecisionTaken {
        decision,
        tasks,
        by: by.to_owned(),
        reason,
    }
    .into()
}

/// Decides about a report from a site. Reports about anything but a running attempt yield nothing.
pub fn take_report(state: &RunState, report: &Report, now: Moment) -> Vec<Event> {
    match report {
        Report::Identified { .. } => Vec::new(),
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
        Report::Lost { task, attempt, why } => {
            let Some((planned, current)) = running(state, task, *attempt) else {
                return Vec::new();
            };
            let lost = Event::TaskInterrupted {
                task: task.clone(),
                attempt: *attempt,
                why: why.clone(),
            };
            // Never more often than the step may be retried: a host that forgets every attempt must not loop.
            let again = (planned.idempotent
                && current.tries <= planned.retry + 1
                && state.status == RunStatus::Active)
                .then(|| Event::DecisionTaken {
                    decision: Decision::Retry,
                    tasks: vec![task.clone()],
                    by: "golive".to_owned(),
                    reason: Some("the step is idempotent".to_owned()),
                });
            std::iter::once(lost).chain(again).collect()
        }
    }
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
    let may = matches!(ending, Ending::Exited(_) | Ending::TimedOut)
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
