//! Leaving: how a process ends that leaves a run, from the run's state alone.
//!
//! For processes that did not drive the run to that state: they started it and left, or only watched.

use std::collections::BTreeMap;

use super::choices::step_of;
use super::holders;
use super::report::{Code, Failure};
use crate::domain::id::TaskId;
use crate::domain::run::progress::{self, Need};
use crate::domain::run::{Outcome, RunState, RunStatus};

/// So many tasks are decided about one by one; of more the commands name the steps.
const FEW: usize = 3;

/// The commands that decide about tasks of unknown end.
pub fn undecided(
    command: &str,
    state: &RunState,
    tasks: &[TaskId],
    mut failure: Failure,
) -> Failure {
    let run = &state.run;
    for task in short(tasks) {
        failure = failure
            .help(format!(
                "{command} resume {run} --retry {task} runs it again"
            ))
            .help(format!(
                "{command} resume {run} --done {task} --reason TEXT counts it as done"
            ));
    }
    failure.help(format!(
        "{command} resume {run} in a terminal shows what is known and asks"
    ))
}

/// The names to decide about these tasks with: each, or of many their steps.
pub fn short(tasks: &[TaskId]) -> Vec<String> {
    if tasks.len() <= FEW {
        return tasks.iter().map(TaskId::to_string).collect();
    }
    let mut steps: Vec<String> = tasks.iter().map(|task| step_of(task).to_owned()).collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

/// How a process ends that leaves a run in this state, which nobody has to drive. `command` is how golive was called.
pub fn verdict(command: &str, state: &RunState) -> Result<Code, Failure> {
    let run = &state.run;
    let locks = holders::standing(state, &BTreeMap::new(), command);
    let failure = |code| {
        let mut failure = Failure::new(code, format!("run {run}: {}", progress::standing(state)));
        failure.standing = locks.clone().map(Into::into);
        failure
    };
    let needs = progress::needs(state, true);
    let (code, help) = match (state.status, needs.first()) {
        (RunStatus::Finished(Outcome::Succeeded | Outcome::RolledBack), _) => {
            return Ok(Code::Done);
        }
        (RunStatus::Finished(Outcome::Failed), _) => (Code::Failed, "tries the failed steps again"),
        (RunStatus::Finished(Outcome::Stopped), _) => (Code::Stopped, "goes on with it"),
        (_, Some(Need::Gate(stage))) => {
            let env = state.plan.stages[*stage].env.as_ref();
            let env = env.map_or("ENV", |env| env.as_str());
            let commit = state
                .plan
                .commit
                .as_ref()
                .map_or("COMMIT", |commit| commit.short());
            let help = format!("{command} resume {run} --approve {env}={commit}");
            return Err(failure(Code::Decision).help(help));
        }
        (_, Some(Need::Answer(task))) => {
            let step = state.position(task).map(|at| &state.planned(at).1.step);
            let step = step.map_or("STEP", |step| step.as_str());
            let help = format!("{command} resume {run} --confirm {step} answers that it is done");
            return Err(failure(Code::Decision).help(help));
        }
        (_, Some(Need::Failure(_))) => (Code::Failed, "tries the failed steps again"),
        (_, Some(Need::Interrupted(tasks))) => {
            return Err(undecided(command, state, tasks, failure(Code::Unknown)));
        }
        (_, None) => (Code::Unknown, "goes on with it"),
    };
    Err(failure(code).help(format!("{command} resume {run} {help}")))
}
