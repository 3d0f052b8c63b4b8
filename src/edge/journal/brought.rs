//! What the runs of this machine brought to environments, for the catalog of releases.
//!
//! An environment was reached by a run when all its stages in that run have ended, however the run itself ended. Reads
//! journals and never changes them; one that is damaged tells nothing.

use super::RunError;
use super::list::{fold, folders};
use crate::domain::catalog::Brought;
use crate::domain::id::EnvName;
use crate::domain::run::{Moment, Outcome, RunState, RunStatus};
use crate::edge::paths::ProjectPaths;

/// What the newest `limit` runs brought where, newest run first.
pub fn brought(project: &ProjectPaths, limit: usize) -> Result<Vec<Brought>, RunError> {
    let mut found = Vec::new();
    for folder in folders(project)?.iter().take(limit) {
        let Ok(stored) = folder.open_for_reading() else {
            continue;
        };
        let state = fold(folder.run(), &stored);
        let mut envs: Vec<&EnvName> = Vec::new();
        for env in state
            .plan
            .stages
            .iter()
            .filter_map(|stage| stage.env.as_ref())
        {
            if !envs.contains(&env) {
                envs.push(env);
            }
        }
        found.extend(envs.into_iter().filter_map(|env| reached(&state, env)));
    }
    Ok(found)
}

fn reached(state: &RunState, env: &EnvName) -> Option<Brought> {
    let stages = state.plan.stages.iter().zip(&state.stages);
    let mut at: Option<Moment> = None;
    for (_, stage) in stages.filter(|(planned, _)| planned.env.as_ref() == Some(env)) {
        at = at.max(Some(stage.ended?));
    }
    let outcome: Option<Outcome> = match state.status {
        RunStatus::Finished(outcome) => Some(outcome),
        _ => None,
    };
    let back = state.plan.rollback.as_ref().filter(|back| back.env == *env);
    let took = state.started.zip(state.ended);
    Some(Brought {
        env: env.clone(),
        commit: state.plan.commit.clone()?,
        at: at?,
        by: state.by.clone(),
        run: state.run.clone(),
        tag: state.tag.as_ref().and_then(|written| written.tag.clone()),
        outcome,
        took_s: took.map(|(from, to)| (to - from).as_seconds_f64().max(0.0)),
        left: back.map(|back| back.from.clone()),
        reason: state.reason.clone(),
    })
}
