//! States: how tasks, steps, stages, gates and hosts are shown, as one of the few states every screen uses.

use std::ops::Range;

use super::theme::State;
use crate::domain::action::{Action, Ending};
use crate::domain::feed::Link;
use crate::domain::plan::Task;
use crate::domain::run::{GateState, Outcome, RunState, RunStatus, TaskState, TaskStatus};

/// How a task is shown.
pub fn of_task(planned: &Task, task: &TaskState) -> State {
    match &task.status {
        TaskStatus::Waiting if planned.skip.is_some() => State::Skip,
        TaskStatus::Waiting => State::Wait,
        TaskStatus::Running if matches!(planned.action, Action::Ask { .. }) => State::Warn,
        TaskStatus::Running => State::Run,
        TaskStatus::Retrying(_) => State::Warn,
        TaskStatus::Succeeded => State::Ok,
        TaskStatus::Failed => State::Fail,
        TaskStatus::Interrupted(_) => State::Lost,
        TaskStatus::Skipped(_) if task.is_left => State::Lost,
        TaskStatus::Skipped(_) => State::Skip,
    }
}

/// How some tasks are shown as one: the state that needs the eye most.
pub fn of_tasks(state: &RunState, tasks: Range<usize>) -> State {
    let mut found = [false; 8];
    for position in tasks {
        let (_, planned) = state.planned(position);
        found[rank(of_task(planned, &state.tasks[position]))] = true;
    }
    let order = [State::Fail, State::Lost, State::Warn, State::Run];
    if let Some(loud) = order.into_iter().find(|state| found[rank(*state)]) {
        return loud;
    }
    match (found[rank(State::Wait)], found[rank(State::Ok)]) {
        (true, true) => State::Run,
        (true, false) => State::Wait,
        (false, true) => State::Ok,
        (false, false) => State::Skip,
    }
}

fn rank(state: State) -> usize {
    match state {
        State::Ok => 0,
        State::Run => 1,
        State::Wait => 2,
        State::Fail => 3,
        State::Warn => 4,
        State::Skip => 5,
        State::Lost => 6,
        State::Changed => 7,
    }
}

/// How a stage is shown; one without tasks is done when its turn has passed.
pub fn of_stage(state: &RunState, stage: usize) -> State {
    let range = state.range(stage);
    if range.is_empty() {
        let over = state.stages[stage].ended.is_some();
        return if over { State::Ok } else { State::Wait };
    }
    match of_tasks(state, range) {
        // Between two of its steps a stage still runs.
        State::Run if state.stages[stage].started.is_none() => State::Wait,
        shown => shown,
    }
}

/// How the gate before a stage is shown.
pub fn of_gate(state: &RunState, stage: usize) -> State {
    match state.stages[stage].gate {
        GateState::Ahead => State::Wait,
        GateState::Reached(_) => State::Run,
        GateState::Approved { .. } => State::Ok,
    }
}

/// Steps of a stage that are over and well, and all of them.
pub fn steps_done(state: &RunState, stage: usize) -> (usize, usize) {
    let mut first = state.layout.starts[stage];
    let (mut done, mut all) = (0, 0);
    for tasks in state.plan.stages[stage].steps() {
        let range = first..first + tasks.len();
        all += 1;
        done += usize::from(range.clone().all(|position| state.is_settled(position)));
        first = range.end;
    }
    (done, all)
}

/// Steps of the whole run that are over and well, and all of them.
pub fn all_steps_done(state: &RunState) -> (usize, usize) {
    let stages = 0..state.plan.stages.len();
    stages.fold((0, 0), |(done, all), stage| {
        let (more, of) = steps_done(state, stage);
        (done + more, all + of)
    })
}

/// How a connection is shown.
pub fn of_link(link: Option<&Link>) -> State {
    match link {
        None | Some(Link::Connecting) => State::Wait,
        Some(Link::Connected(_)) => State::Ok,
        Some(Link::Lost { .. }) => State::Lost,
        Some(Link::Failed { .. }) => State::Fail,
    }
}

/// How a run of a list is shown.
pub fn of_outcome(outcome: Option<Outcome>) -> State {
    match outcome {
        None => State::Run,
        Some(Outcome::Succeeded) => State::Ok,
        Some(Outcome::Failed) => State::Fail,
        Some(Outcome::Stopped) => State::Skip,
        Some(Outcome::RolledBack) => State::Changed,
    }
}

/// How an attempt ended, in few words that "after 5 s" can follow.
pub fn ending(ending: &Ending) -> String {
    match ending {
        Ending::NotStarted(why) => why.clone(),
        ended => ended.to_string(),
    }
}

/// A run's status in a word.
pub fn word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Prepared => "planned, not started",
        RunStatus::Active => "running",
        RunStatus::Paused => "paused",
        RunStatus::Stopping => "stopping",
        RunStatus::Finished(Outcome::Succeeded) => "succeeded",
        RunStatus::Finished(Outcome::Failed) => "failed",
        RunStatus::Finished(Outcome::Stopped) => "stopped",
        RunStatus::Finished(Outcome::RolledBack) => "rolled back",
    }
}
