//! What going back means: gathered from git, the checklist, the catalog and the hosts, told before anything is done.

use super::held;
use crate::app::session::Project;
use crate::domain::catalog::{Candidate, MarkedCommit, Meaning};
use crate::domain::overview::Changes;
use crate::domain::plan::rollback::{Back, UNDO, undone, without_undo};
use crate::domain::plan::{Plan, Task};
use crate::domain::text::plural;
use crate::edge::git::history::End;

/// So many paths are named in a warning.
const NAMED: usize = 4;

/// What this plan means.
pub(super) async fn meaning(
    project: &Project,
    (live, to): (&Candidate, &Candidate),
    plan: &Plan,
    back: &Back,
) -> Meaning {
    let git = project.git();
    let (from, older) = (&live.point.commit, &to.point.commit);
    let ends = (
        End {
            commit: older,
            name: "",
        },
        End {
            commit: from,
            name: "",
        },
    );
    let (changes, new_commits, held) = tokio::join!(
        git.changes(Some(ends.0), ends.1),
        git.count(from, older),
        held::held(project, plan)
    );
    let changes = changes.ok();
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
    let mut warnings = Vec::new();
    if !migrations.is_empty() && undone.is_empty() && !own_way {
        let named: Vec<&str> = migrations.iter().take(NAMED).map(String::as_str).collect();
        warnings.push(format!(
            "{} in between, and no step undoes it: {}",
            plural("migration", migrations.len()),
            named.join(", ")
        ));
    }
    for (host, answer) in &held {
        match answer {
            Ok(true) => {}
            Ok(false) => warnings.push(format!("{host} does not hold the release any more")),
            Err(why) => warnings.push(format!(
                "whether {host} holds the release is not known: {why}"
            )),
        }
    }
    Meaning {
        env: back.env.clone(),
        from: live.point.clone(),
        to: to.point.clone(),
        commit_count: changes.as_ref().map(|changes| changes.commit_count),
        commits: changes.map(commits).unwrap_or_default(),
        new_commits: new_commits.ok(),
        migrations,
        undone,
        without_undo,
        held,
        took_s: to.took_s,
        warnings,
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
        .filter(|path| path.to_lowercase().contains("migrat"))
        .cloned()
        .collect()
}

fn commits(changes: Changes) -> Vec<MarkedCommit> {
    let commits = changes.commits.into_iter();
    commits
        .map(|line| MarkedCommit {
            line,
            graph: Vec::new(),
            risks: Vec::new(),
        })
        .collect()
}
