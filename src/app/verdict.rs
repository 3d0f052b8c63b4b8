//! Leaving: how a process ends that leaves a run, from the run's state alone.
//!
//! For processes that did not drive the run to that state: they started it and left, or only watched.

use std::collections::BTreeMap;

use super::holders;
use super::report::{Code, Failure};
use crate::domain::run::progress::{self, Need};
use crate::domain::run::{Outcome, RunState, RunStatus};

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
        (_, Some(Need::Answer(_))) => (Code::Decision, "in a terminal asks about it"),
        (_, Some(Need::Failure(_))) => (Code::Failed, "tries the failed steps again"),
        (_, Some(Need::Interrupted(_))) => (Code::Unknown, "in a terminal decides about it"),
        (_, None) => (Code::Unknown, "goes on with it"),
    };
    Err(failure(code).help(format!("{command} resume {run} {help}")))
}
