//! What the runs of this machine brought to environments, for the catalog of releases.
//!
//! An environment was reached by a run when all its stages in that run have ended, however the run itself ended, and no
//! host of it was left out from the beginning. Reads journals and never changes them; one that is damaged tells nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::list::{fold, folders};
use super::{RunError, RunFolder};
use crate::domain::catalog::Brought;
use crate::domain::id::{Commit, EnvName, HostName, RunId, StepName};
use crate::domain::plan::Plan;
use crate::domain::plan::still_live::CHECK;
use crate::domain::run::{Event, Moment, Outcome, Record, RunState, RunStatus, progress};
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

/// The steps that a run of this machine began in an environment, with their sites; `None` = its journal is not here, cannot
/// be read, or is of another commit than is said.
pub fn done(
    project: &ProjectPaths,
    run: &RunId,
    commit: &Commit,
    env: &EnvName,
) -> Option<BTreeSet<(StepName, String)>> {
    let folder = RunFolder::find(project, run).ok()?;
    let state = fold(run, &folder.open_for_reading().ok()?);
    if state.plan.commit.as_ref() != Some(commit) {
        return None;
    }
    let began = (0..state.tasks.len()).filter_map(|position| {
        let (stage, planned) = state.planned(position);
        let is_here = state.plan.stages[stage].env.as_ref() == Some(env);
        let ran = state.tasks[position].started.is_some();
        (is_here && ran).then(|| (planned.step.clone(), planned.site.as_str().to_owned()))
    });
    Some(began.collect())
}

/// Up to which epoch only runs of this machine had an environment's lock on each host, since `run` brought there what is
/// live; the newest `limit` runs are looked at. Empty when `run` is not among them: then others released there since.
pub fn epochs(
    project: &ProjectPaths,
    run: &RunId,
    env: &EnvName,
    limit: usize,
) -> BTreeMap<HostName, u64> {
    let mut since: BTreeMap<HostName, u64> = BTreeMap::new();
    // Where that run did not have the lock, what is known from before counts.
    let mut before: BTreeMap<HostName, u64> = BTreeMap::new();
    let mut ours: BTreeSet<(HostName, u64)> = BTreeSet::new();
    let mut is_ours = false;
    for folder in folders(project).unwrap_or_default().iter().take(limit) {
        let Ok(stored) = folder.open_for_reading() else {
            continue;
        };
        let is_it = folder.run() == run;
        is_ours |= is_it;
        for (host, epoch) in stored.records.iter().flat_map(|record| taken(record, env)) {
            ours.insert((host.clone(), epoch));
            let known = if is_it { &mut since } else { &mut before };
            let known = known.entry(host.clone()).or_default();
            *known = (*known).max(epoch);
        }
    }
    if !is_ours {
        return BTreeMap::new();
    }
    for (host, epoch) in before {
        since.entry(host).or_insert(epoch);
    }
    // A later run of ours says nothing of who had the lock before it.
    for (host, epoch) in &mut since {
        while ours.contains(&(host.clone(), *epoch + 1)) {
            *epoch += 1;
        }
    }
    since
}

/// The epochs of an environment's lock that a record says were taken.
fn taken<'a>(
    record: &'a Record,
    env: &EnvName,
) -> impl Iterator<Item = (&'a HostName, u64)> + use<'a> {
    let grant = match &record.event {
        Event::LockTaken { env: of, grant, .. } if of == env => Some(grant),
        _ => None,
    };
    let epochs = grant.into_iter().flat_map(|grant| &grant.epochs);
    epochs.map(|(host, epoch)| (host, *epoch))
}

/// A run that began something in an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Its id.
    pub run: RunId,
    /// What it was to bring there.
    pub commit: Option<Commit>,
    /// Whether it goes back.
    pub is_back: bool,
    /// Where it stands, in words.
    pub standing: String,
    /// The hosts of the environment that it was for, when it has succeeded on some of them only; else none.
    pub only: Vec<HostName>,
}

/// The newest run of this machine that changed something in an environment, when it did not come to its end, or was for some
/// of its hosts only.
pub fn unfinished(project: &ProjectPaths, env: &EnvName, limit: usize) -> Option<Begun> {
    for folder in folders(project).ok()?.iter().take(limit) {
        let Ok(stored) = folder.open_for_reading() else {
            continue;
        };
        let state = fold(folder.run(), &stored);
        let changed = (0..state.tasks.len()).any(|position| {
            let (stage, planned) = state.planned(position);
            state.plan.stages[stage].env.as_ref() == Some(env)
                && planned.kind != CHECK
                && state.tasks[position].started.is_some()
        });
        if changed {
            let has_succeeded = state.has_succeeded();
            let is_part = leaves_out(&state.plan, env);
            let hosts = state.plan.hosts.iter().filter(|host| host.env == *env);
            let only = hosts.filter(|_| has_succeeded && is_part);
            return (!has_succeeded || is_part).then(|| Begun {
                only: only.map(|host| host.name.clone()).collect(),
                run: state.run.clone(),
                commit: state.plan.commit.clone(),
                is_back: state.plan.rollback.is_some(),
                standing: progress::standing(&state),
            });
        }
    }
    None
}

/// Whether only some hosts of an environment were asked for: what the others run is something else, so it was not brought
/// there as a whole.
pub(super) fn leaves_out(plan: &Plan, env: &EnvName) -> bool {
    let asked = &plan.selection.hosts;
    let mut others = plan.others.iter().filter(|host| host.env == *env);
    !asked.is_empty() && others.any(|host| !asked.contains(&host.name))
}

fn reached(state: &RunState, env: &EnvName) -> Option<Brought> {
    if leaves_out(&state.plan, env) {
        return None;
    }
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
