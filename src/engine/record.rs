//! What a command learns only at launch: the run, the attempt, for a tag the record of the run so far, for a check of
//! who had a lock its epochs.

use std::collections::BTreeMap;

use crate::domain::action::CommandLine;
use crate::domain::id::{Attempt, EnvName};
use crate::domain::plan::still_live::{EPOCHS, EPOCHS_WERE, epochs_text};
use crate::domain::release::{self, ReleaseNote};
use crate::domain::run::{Moment, RunState, progress};

/// Completes the environment of a command for one attempt.
pub(crate) fn complete(
    command: &CommandLine,
    state: &RunState,
    attempt: Attempt,
    now: Moment,
) -> CommandLine {
    let mut command = command.clone();
    // What takes a release back is told the run that made it.
    let run = command.env.entry("GOLIVE_RUN".to_owned());
    run.or_insert_with(|| state.run.to_string());
    let mut set = |name: &str, value: String| command.env.insert(name.to_owned(), value);
    set("GOLIVE_ATTEMPT", attempt.to_string());
    if command.record {
        set("GOLIVE_RECORD", release::body(&note(state, now)));
    }
    // A check of who had the lock is told under which epochs it runs.
    if let (Some(back), true) = (&state.plan.rollback, command.env.contains_key(EPOCHS_WERE)) {
        let grant = state.locks.get(&back.env);
        let epochs = grant.map(|grant| epochs_text(&grant.epochs));
        command
            .env
            .insert(EPOCHS.to_owned(), epochs.unwrap_or_default());
    }
    command
}

/// What the release's tag says of the run so far.
fn note(state: &RunState, now: Moment) -> ReleaseNote {
    let downtime = progress::downtime(state, now).into_iter();
    let mut evidence = BTreeMap::new();
    for (planned, task) in state.each() {
        for (name, value) in &task.evidence {
            evidence.insert(format!("{} {name}", planned.id), value.clone());
        }
    }
    ReleaseNote {
        project: state.plan.project.clone(),
        run: Some(state.run.clone()),
        commit: state.plan.commit.clone(),
        previous: state.plan.previous.clone(),
        envs: envs(state),
        rolled_back: state.plan.rollback.as_ref().map(|back| back.from.clone()),
        plan: state.plan.digest.clone(),
        operator: state.by.clone(),
        reason: state.reason.clone(),
        duration_s: state
            .started
            .map_or(0.0, |started| (now - started).as_seconds_f64().max(0.0)),
        downtime_s: downtime
            .map(|((env, host), down)| (format!("{env}/{host}"), down))
            .collect(),
        evidence,
    }
}

/// The environments of the plan, in its order.
fn envs(state: &RunState) -> Vec<EnvName> {
    let mut envs: Vec<EnvName> = Vec::new();
    for env in state
        .plan
        .stages
        .iter()
        .filter_map(|stage| stage.env.as_ref())
    {
        if !envs.contains(env) {
            envs.push(env.clone());
        }
    }
    envs
}
