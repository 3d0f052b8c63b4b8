//! The runs of a project on this machine: their list, what each came to, and how long steps took.
//!
//! Reads journals and never changes them. A run whose journal is damaged stays in the list and says so;
//! it never hides the others.

use std::collections::BTreeMap;
use std::io;

use super::{RunError, RunFolder, StoredRun, owner};
use crate::domain::id::{EnvName, RunId, StepName, TaskId};
use crate::domain::overview::{Deployed, RunSummary};
use crate::domain::plan::Plan;
use crate::domain::run::{Event, Outcome, Record};
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
    // An id begins with the time it was made.
    runs.sort_by(|a, b| b.cmp(a));
    // A folder without a plan is a run that was never prepared to its end: nothing was started for it.
    Ok(runs
        .iter()
        .filter_map(|run| RunFolder::find(project, run).ok())
        .collect())
}

/// The runs of a project, newest first.
pub fn summaries(project: &ProjectPaths) -> Result<Vec<RunSummary>, RunError> {
    let mut list: Vec<RunSummary> = folders(project)?.iter().map(summary).collect();
    list.sort_by(|a, b| (b.started, &b.run).cmp(&(a.started, &a.run)));
    Ok(list)
}

/// What a run came to, also when it is damaged.
pub fn summary(folder: &RunFolder) -> RunSummary {
    match folder.open_for_reading() {
        Ok(stored) => summarize(folder.run(), &stored),
        Err(why) => RunSummary {
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
            owned: owner::owner(folder.path()).is_ok_and(|owner| owner.is_some()),
            damaged: Some(why.to_string()),
        },
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

/// What was brought to each environment last: by the newest of `runs` in which all its stages ended.
/// The count of commits behind is left open. `runs` are newest first.
pub fn deployed(runs: &[StoredRun]) -> BTreeMap<EnvName, Deployed> {
    let mut found = BTreeMap::new();
    for run in runs {
        for stage in &run.plan.stages {
            if let Some(env) = &stage.env
                && !found.contains_key(env)
                && let Some(deployed) = deployed_by(run, env)
            {
                found.insert(env.clone(), deployed);
            }
        }
    }
    found
}

fn deployed_by(run: &StoredRun, env: &EnvName) -> Option<Deployed> {
    let ended = |name: &str| {
        run.records.iter().rev().find_map(|record| {
            matches!(&record.event, Event::StageFinished { stage, .. } if stage == name)
                .then_some(record.at)
        })
    };
    let stages = run.plan.stages.iter();
    let mine = stages.filter(|stage| stage.env.as_ref() == Some(env));
    let mut at = None;
    let mut proof = None;
    for stage in mine {
        at = at.max(Some(ended(stage.name.as_str())?));
        for task in &stage.tasks {
            proof = proof_of(&run.records, task.id.as_str()).or(proof);
        }
    }
    let (by, tag) =
        run.records
            .iter()
            .fold((None, None), |(by, tag), record| match &record.event {
                Event::RunStarted { by, .. } => (Some(by.clone()), tag),
                Event::TagWritten { tag, .. } => (by, tag.clone()),
                _ => (by, tag),
            });
    Some(Deployed {
        commit: run.plan.commit.clone()?,
        at: at?,
        by: by?,
        tag,
        proof,
        behind: None,
    })
}

/// What a task proved, in words: `39 tests`.
fn proof_of(records: &[Record], id: &str) -> Option<String> {
    records.iter().rev().find_map(|record| match &record.event {
        Event::TaskFinished { task, evidence, .. } if task.as_str() == id => {
            let (name, value) = evidence.iter().next()?;
            value
                .parse::<u64>()
                .is_ok()
                .then(|| format!("{value} {name}"))
        }
        _ => None,
    })
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
                let key = (task.step.clone(), task.site.as_str().to_owned());
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

fn ending_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "done",
        Outcome::Failed => "failed",
        Outcome::Stopped => "stopped",
        Outcome::RolledBack => "rolled back",
    }
}

/// Folds the records of a run into its row of the list.
fn summarize(run: &RunId, stored: &StoredRun) -> RunSummary {
    let plan = &stored.plan;
    let mut row = RunSummary {
        run: run.clone(),
        project: plan.project.clone(),
        reference: plan.reference.clone(),
        commit: plan.commit.clone(),
        started: None,
        ended: None,
        outcome: None,
        stage: None,
        by: String::new(),
        standing: "was not started".to_owned(),
        owned: stored.owner.is_some(),
        damaged: None,
    };
    let mut troubles: BTreeMap<&TaskId, &str> = BTreeMap::new();
    for record in &stored.records {
        match &record.event {
            Event::RunStarted { by, .. } => {
                row.started = Some(record.at);
                row.by.clone_from(by);
                "started".clone_into(&mut row.standing);
            }
            Event::StageStarted { stage } => {
                row.stage = Some(stage.clone());
                row.standing = format!("in {stage}");
            }
            Event::GateReached { env, stage } => {
                row.stage = Some(stage.clone());
                row.standing = format!("at the {} gate", env.as_str().to_uppercase());
            }
            Event::GateApproved { stage, .. } => row.standing = format!("in {stage}"),
            Event::TaskStarted { task, .. } | Event::TaskFinished { task, .. } => {
                troubles.remove(task);
            }
            Event::TaskFailed { task, .. } => {
                troubles.insert(task, "failed");
            }
            Event::TaskInterrupted { task, .. } => {
                troubles.insert(task, "unknown");
            }
            Event::DecisionTaken { tasks, .. } => troubles.retain(|task, _| !tasks.contains(task)),
            Event::RunFinished { outcome, .. } => {
                row.ended = Some(record.at);
                row.outcome = Some(*outcome);
                ending_of(*outcome).clone_into(&mut row.standing);
            }
            _ => {}
        }
    }
    if let Some((task, trouble)) = troubles.first_key_value()
        && !matches!(row.outcome, Some(Outcome::Succeeded | Outcome::Stopped))
    {
        row.standing = format!("{trouble}: {task}");
    }
    row
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
