//! The runs of a project on this machine: their list, what each came to, and how long steps took.
//!
//! Reads journals and never changes them. A run whose journal is damaged stays in the list and says so;
//! it never hides the others.

use std::collections::BTreeMap;
use std::io;

use super::brought::leaves_out;
use super::order::Places;
use super::{RunError, RunFolder, StoredRun, owner};
use crate::domain::id::{EnvName, RunId, StepName};
use crate::domain::overview::{Deployed, RunSummary};
use crate::domain::plan::Plan;
use crate::domain::plan::undo::{UNDO, undo_of};
use crate::domain::run::apply;
use crate::domain::run::{Event, GateState, Record, RunState, RunStatus, progress};
use crate::edge::paths::ProjectPaths;

/// Past durations in seconds: the median of a step's newest successes on a site (host name or `local`).
pub type History = BTreeMap<(StepName, String), f64>;

/// How many runs tell how long steps take.
pub const HISTORY_RUNS: usize = 8;

/// The folders of all runs of a project, newest first. No folder at all means no runs.
pub fn folders(project: &ProjectPaths) -> Result<Vec<RunFolder>, RunError> {
    let path = project.runs();
    let entries = match std::fs::read_dir(&path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|why| RunError::File {
            path: path.clone(),
            why,
        })?,
    };
    let mut runs: Vec<RunId> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .map(RunId::new)
        .collect();
    let places = Places::read(project).map_err(|why| RunError::File {
        path: project.folder().to_owned(),
        why,
    })?;
    places.sort(&mut runs);
    // A folder without plan and journal is a run that was never prepared to its end: nothing was started for it.
    Ok(runs
        .iter()
        .filter_map(|run| RunFolder::find(project, run).ok())
        .collect())
}

/// The runs of a project, newest first.
pub fn summaries(project: &ProjectPaths) -> Result<Vec<RunSummary>, RunError> {
    Ok(survey(project, usize::MAX)?.runs)
}

/// What the runs of a project tell together.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// Their list, newest first.
    pub runs: Vec<RunSummary>,
    /// What was brought to each environment last: by the newest run in which all its stages ended. How many
    /// commits it is behind is left open.
    pub deployed: BTreeMap<EnvName, Deployed>,
}

/// Reads the newest `limit` runs of a project.
pub fn survey(project: &ProjectPaths, limit: usize) -> Result<Survey, RunError> {
    let mut found = Survey::default();
    for folder in folders(project)?.iter().take(limit) {
        let row = match folder.open_for_reading() {
            Ok(stored) => {
                let state = fold(folder.run(), &stored);
                bring(&mut found.deployed, &state);
                summarize(&state, stored.owner.clone())
            }
            Err(why) => unreadable(folder, &why),
        };
        found.runs.push(row);
    }
    Ok(found)
}

/// What a run came to, also when it is damaged.
pub fn summary(folder: &RunFolder) -> RunSummary {
    match folder.open_for_reading() {
        Ok(stored) => summarize(&fold(folder.run(), &stored), stored.owner.clone()),
        Err(why) => unreadable(folder, &why),
    }
}

/// The state that the records of a run lead to.
pub fn fold(run: &RunId, stored: &StoredRun) -> RunState {
    apply::fold(run.clone(), stored.plan.clone(), &stored.records)
}

fn unreadable(folder: &RunFolder, why: &RunError) -> RunSummary {
    let driver = owner::owner(folder.path()).ok().flatten();
    RunSummary {
        run: folder.run().clone(),
        project: String::new(),
        reference: String::new(),
        commit: None,
        started: None,
        ended: None,
        outcome: None,
        stage: None,
        by: String::new(),
        standing: "cannot be read".to_owned(),
        owned: driver.is_some(),
        driver,
        damaged: Some(why.to_string()),
    }
}

/// The median durations of steps over the newest [`HISTORY_RUNS`] runs that can be read.
pub fn history(project: &ProjectPaths) -> Result<History, RunError> {
    let stored = folders(project)?
        .into_iter()
        .filter_map(|folder| folder.open_for_reading().ok())
        .take(HISTORY_RUNS);
    let mut all: BTreeMap<(StepName, String), Vec<f64>> = BTreeMap::new();
    for run in stored {
        for (key, seconds) in durations(&run.plan, &run.records) {
            all.entry(key).or_default().push(seconds);
        }
    }
    Ok(all
        .into_iter()
        .filter_map(|(key, seconds)| Some((key, median(seconds)?)))
        .collect())
}

/// Adds what a run brought to environments that no newer run reached.
fn bring(found: &mut BTreeMap<EnvName, Deployed>, state: &RunState) {
    for env in state
        .plan
        .stages
        .iter()
        .filter_map(|stage| stage.env.as_ref())
    {
        if !found.contains_key(env)
            && let Some(deployed) = brought(state, env)
        {
            found.insert(env.clone(), deployed);
        }
    }
}

fn brought(state: &RunState, env: &EnvName) -> Option<Deployed> {
    if leaves_out(&state.plan, env) {
        return None;
    }
    let mut at = None;
    let mut proof = None;
    for (index, stage) in state.plan.stages.iter().enumerate() {
        if stage.env.as_ref() == Some(env) {
            at = at.max(Some(state.stages[index].ended?));
            let tasks = state.tasks[state.range(index)].iter();
            proof = tasks
                .filter_map(|task| proof_of(&task.evidence))
                .next_back()
                .or(proof);
        }
    }
    Some(Deployed {
        commit: state.plan.commit.clone()?,
        at: at?,
        by: state.by.clone(),
        tag: state.tag.as_ref().and_then(|written| written.tag.clone()),
        proof,
        behind: None,
    })
}

/// What a task proved, in words: `39 tests`.
fn proof_of(evidence: &BTreeMap<String, String>) -> Option<String> {
    let (name, value) = evidence.iter().next()?;
    value
        .parse::<u64>()
        .ok()
        .map(|number| format!("{number} {name}"))
}

fn durations(plan: &Plan, records: &[Record]) -> Vec<((StepName, String), f64)> {
    let tasks: BTreeMap<_, _> = plan.tasks().map(|task| (&task.id, task)).collect();
    records
        .iter()
        .filter_map(|record| match &record.event {
            Event::TaskFinished {
                task,
                ending,
                duration_s,
                ..
            } if ending.is_success() && duration_s.is_finite() => {
                let task = tasks.get(task)?;
                // What a rollback does of the checklist says little of a deploy; how long an undo takes is of use.
                let step = match (task.kind.as_str(), &plan.rollback) {
                    (UNDO, _) => undo_of(&task.step),
                    (_, Some(_)) => return None,
                    (_, None) => task.step.clone(),
                };
                let key = (step, task.site.as_str().to_owned());
                Some((key, *duration_s))
            }
            _ => None,
        })
        .collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 {
        upper
    } else {
        f64::midpoint(values[middle - 1], upper)
    })
}

/// The row of a run in the list.
fn summarize(state: &RunState, driver: Option<String>) -> RunSummary {
    let plan = &state.plan;
    // After the end the stage that was begun last, before it the one that is next.
    let begun = state
        .stages
        .iter()
        .rposition(|stage| stage.started.is_some());
    let gate = state
        .stages
        .iter()
        .rposition(|stage| matches!(stage.gate, GateState::Reached(_)));
    let stage = gate
        .max(begun)
        .map(|index| plan.stages[index].name.to_string());
    RunSummary {
        run: state.run.clone(),
        project: plan.project.clone(),
        reference: plan.reference.clone(),
        commit: plan.commit.clone(),
        started: state.started,
        ended: state.ended,
        outcome: match state.status {
            RunStatus::Finished(outcome) => Some(outcome),
            _ => None,
        },
        standing: progress::standing(state),
        stage,
        by: state.by.clone(),
        owned: driver.is_some(),
        driver,
        damaged: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }
}
