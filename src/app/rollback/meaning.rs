//! What going back means: gathered from git, the checklist, the catalog and the hosts, told before anything is done.

use std::collections::BTreeMap;

use super::held;
use crate::app::session::Project;
use crate::domain::catalog::{Candidate, MarkedCommit, Meaning, Risk, risks};
use crate::domain::id::{Commit, HostName};
use crate::domain::overview::Changes;
use crate::domain::plan::rollback::Back;
use crate::domain::plan::undo::{UNDO, undone, without_undo};
use crate::domain::plan::{Plan, Task};
use crate::domain::text::plural;
use crate::edge::git::history::End;

/// So many paths are named in a warning.
const NAMED: usize = 4;
/// So many commits are marked.
const MOST_COMMITS: usize = 300;

/// What this plan means.
pub(super) async fn meaning(
    project: &Project,
    (live, to): (&Candidate, &Candidate),
    plan: &Plan,
    back: &Back,
) -> Meaning {
    let git = project.git();
    let (from, older) = (&live.point.commit, &to.point.commit);
    let (changes, paths, new_commits, is_shallow, held) = tokio::join!(
        git.changes(Some(end(older)), end(from)),
        git.paths_by_commit(Some(older), from, MOST_COMMITS),
        git.count(from, older),
        git.is_shallow(),
        held::held(project, plan)
    );
    let (changes, untold) = match changes {
        Ok(changes) => (Some(changes), None),
        Err(error) => (None, Some(error)),
    };
    let is_told = changes.is_some();
    let own_way = !project.checklist.rollback.steps.is_empty();
    let migrations = changes.as_ref().map(migrations).unwrap_or_default();
    let (undone, without_undo) = if own_way {
        (Vec::new(), Vec::new())
    } else {
        (
            undone_steps(plan, project, back),
            without_undo(&project.checklist, &back.env)
                .iter()
                .map(|step| step.name.to_string())
                .collect(),
        )
    };
    let mut warnings = plan.warnings.clone();
    warnings.extend(untold.map(|error| format!("what is taken back cannot be told: {error}")));
    warnings.extend(unsafe_migrations(
        &migrations,
        &undone,
        &without_undo,
        own_way,
    ));
    warnings.extend(held.iter().filter_map(not_held));
    // What is between two commits cannot be told from a part of the history.
    let is_shallow = is_shallow.unwrap_or_default();
    if is_shallow {
        warnings.push(
            "this clone is shallow: which commits are taken back cannot be told; git fetch --unshallow brings the rest"
                .to_owned(),
        );
    }
    Meaning {
        env: back.env.clone(),
        from: live.point.clone(),
        to: to.point.clone(),
        commit_count: changes
            .as_ref()
            .filter(|_| !is_shallow)
            .map(|changes| changes.commit_count),
        commits: changes
            .filter(|_| !is_shallow)
            .map(|changes| commits(changes, &paths.unwrap_or_default()))
            .unwrap_or_default(),
        new_commits: new_commits.ok().filter(|_| !is_shallow),
        is_told,
        migrations,
        undone,
        without_undo,
        held,
        took_s: to.took_s,
        warnings,
    }
}

/// A commit that needs no name here.
fn end(commit: &Commit) -> End<'_> {
    End { commit, name: "" }
}

/// Migrations that stay although the code that needs them goes.
fn unsafe_migrations(
    migrations: &[String],
    undone: &[String],
    without_undo: &[String],
    own_way: bool,
) -> Option<String> {
    if migrations.is_empty() || own_way {
        return None;
    }
    let count = plural("migration", migrations.len());
    if undone.is_empty() {
        let named: Vec<&str> = migrations.iter().take(NAMED).map(String::as_str).collect();
        return Some(format!(
            "{count} in between, and no step undoes anything: {}",
            named.join(", ")
        ));
    }
    (!without_undo.is_empty()).then(|| {
        format!(
            "{count} in between, and nothing undoes {}",
            without_undo.join(", ")
        )
    })
}

fn not_held((host, answer): &(HostName, Result<bool, String>)) -> Option<String> {
    match answer {
        Ok(true) => None,
        Ok(false) => Some(format!("{host} does not hold the release any more")),
        Err(why) => Some(format!(
            "whether {host} holds the release is not known: {why}"
        )),
    }
}

/// The steps that this plan takes back, in its order, each once.
fn undone_steps(plan: &Plan, project: &Project, back: &Back) -> Vec<String> {
    let runs = |task: &&Task| task.kind == UNDO && task.skip.is_none();
    let steps = undone(&project.checklist, &back.env);
    let planned = |name: &str| {
        plan.tasks()
            .filter(runs)
            .any(|task| task.step.as_str() == name)
    };
    steps
        .iter()
        .map(|step| step.name.to_string())
        .filter(|name| planned(name))
        .collect()
}

/// Paths that change the database.
fn migrations(changes: &Changes) -> Vec<String> {
    let paths = changes.paths.iter();
    paths
        .filter(|path| risks([path.as_str()]).contains(&Risk::Database))
        .cloned()
        .collect()
}

/// Commits with what is risky of them.
fn commits(changes: Changes, paths: &BTreeMap<Commit, Vec<String>>) -> Vec<MarkedCommit> {
    let commits = changes.commits.into_iter();
    commits
        .map(|line| {
            let paths = paths.get(&line.commit).into_iter().flatten();
            MarkedCommit {
                risks: risks(paths.map(String::as_str)),
                graph: Vec::new(),
                line,
            }
        })
        .collect()
}
