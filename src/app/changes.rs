//! Changes: what `releases.toml` says by now that a run does not do, and which hosts are other machines by now; told to
//! whoever goes on with the run.
//!
//! The file is planned again for the commit and the part that the run was planned for, so that only its own changes
//! count. Nothing here changes the run: it keeps to its frozen plan, also when the file is wrong or missing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use futures_util::future::join_all;

use super::project;
use super::releases::Past;
use super::report::{Code, Failure, note, print, shown};
use super::session::Project;
use crate::domain::catalog::way_back;
use crate::domain::id::EnvName;
use crate::domain::plan::build::{History, Target, build};
use crate::domain::plan::difference::difference;
use crate::domain::plan::rollback::{self, Back};
use crate::domain::plan::still_live::looks_at_live;
use crate::domain::plan::undo::TakenBack;
use crate::domain::plan::{Plan, Rollback, Taken};
use crate::domain::run::{Identities, RunState, schedule};
use crate::domain::text::plural;
use crate::edge::journal::brought;

/// How many changes are told one by one.
const SHOWN: usize = 6;

/// What the file says by now that this plan does not do, one line each; empty when it is all the same.
pub async fn since(project: &Project, frozen: &Plan) -> Vec<String> {
    let checklist = match project::read(&project.file) {
        Ok(checklist) => checklist,
        Err(failure) => return vec![failure.to_string()],
    };
    let target = target(project, frozen).await;
    let history = History::default();
    let current = match &frozen.rollback {
        Some(rollback) => {
            let back = taken_back(project, rollback).await;
            rollback::build(&checklist, &target, &history, &back)
        }
        None => build(&checklist, &target, &history, &frozen.selection),
    };
    match current {
        Ok(current) => {
            let changes = difference(frozen, &current);
            changes.iter().map(ToString::to_string).collect()
        }
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// Tells it before a run goes on: beside the events when those are read by a program.
pub async fn tell(project: &Project, frozen: &Plan, json: bool) -> Result<(), Failure> {
    let changes = since(project, frozen).await;
    if changes.is_empty() {
        return Ok(());
    }
    let mut text =
        "releases.toml has changed; the run keeps to the plan it was started with\n".to_owned();
    for change in changes.iter().take(SHOWN) {
        let _ = writeln!(text, "  {change}");
    }
    if let Some(more @ 1..) = changes.len().checked_sub(SHOWN) {
        let _ = writeln!(text, "  and {} more", plural("change", more));
    }
    let _ = writeln!(
        text,
        "  {} plan shows the file as it is now",
        project.command
    );
    if json {
        note(text.trim_end());
        return Ok(());
    }
    print(&shown(&text))
}

/// The hosts that are not the machines any more on which steps of the run ran before, one line each. A name can lead to
/// another machine after a change of the network or of ssh's configuration, and a machine can be made anew.
pub fn strangers(state: &RunState, identities: &Identities) -> Vec<String> {
    let mut last = BTreeMap::new();
    for position in 0..state.tasks.len() {
        let (stage, planned) = state.planned(position);
        let place = schedule::place(&state.plan.stages[stage], planned);
        let task = &state.tasks[position];
        if let (Some((_, host)), Some(identity)) = (&place, &task.identity)
            && last
                .get(&place)
                .is_none_or(|(_, _, at, _)| *at <= task.started)
        {
            let known = (host.clone(), &planned.id, task.started, &identity.host);
            last.insert(place.clone(), known);
        }
    }
    let differs = last.into_iter().filter(|(place, (_, _, _, before))| {
        let now = identities.get(place);
        now.is_some_and(|now| now.host != **before)
    });
    differs
        .map(|(_, (host, task, _, _))| {
            format!(
                "{host} is another machine than the one {task} ran on, or its ~/.golive was replaced"
            )
        })
        .collect()
}

/// Refuses to begin a rollback that was planned when something else was live: while it waited for its decision, somebody
/// may have gone back already. Where LIVE speaks of the environment, the run looks at it under the lock.
pub async fn not_overtaken(project: &Project, state: &RunState) -> Result<(), Failure> {
    let Some(back) = &state.plan.rollback else {
        return Ok(());
    };
    let mut tasks = state.plan.tasks();
    let is_checked = tasks.any(looks_at_live);
    let has_begun = state.tasks.iter().any(|task| task.started.is_some());
    // Without the checklist of then it is not known what tags say of the environment.
    let is_unknown = project.checklist.environment(&back.env).is_none();
    if is_checked || has_begun || is_unknown {
        return Ok(());
    }
    // What cannot be told refuses nothing.
    let catalog = Past::of(project).list().await.unwrap_or_default();
    let Some(live) = way_back(&catalog, &back.env).live else {
        return Ok(());
    };
    if live.point.commit == back.from.commit {
        return Ok(());
    }
    let point = &live.point;
    let now = point.tag.as_deref().unwrap_or(point.commit.short());
    let (env, was) = (&back.env, back.from.name());
    let text = format!(
        "{env} was to go back from {was}, but {now} is live there by now: nothing was taken back"
    );
    let command = &project.command;
    let help = format!("{command} rollback {env} plans it anew, from what is live now");
    Err(Failure::new(Code::Failed, text).help(help))
}

/// What a rollback was planned to go back from and to.
async fn taken_back(project: &Project, rollback: &Rollback) -> Back {
    Back {
        env: rollback.env.clone(),
        from: rollback.from.clone(),
        to_tag: rollback.to_tag.clone(),
        taken: changed(project, &rollback.env, rollback.taken.clone()).await,
        epochs: rollback.epochs.clone(),
    }
}

/// The releases that are taken back, with what each changed and what its run did, where that is known here.
pub async fn changed(project: &Project, env: &EnvName, taken: Vec<Taken>) -> Vec<TakenBack> {
    let git = project.git();
    let git = &git;
    join_all(taken.into_iter().map(async |release| {
        let changed = match &release.previous {
            Some(previous) => git.changed_paths(previous, &release.commit).await.ok(),
            None => None,
        };
        let run = release.run.as_ref();
        let done = run.and_then(|run| brought::done(&project.paths, run, &release.commit, env));
        TakenBack {
            release,
            changed,
            done,
        }
    }))
    .await
}

/// What the run was planned for.
async fn target(project: &Project, frozen: &Plan) -> Target {
    let changed = match (&frozen.previous, &frozen.commit) {
        (Some(previous), Some(commit)) => {
            let git = project.git();
            git.changed_paths(previous, commit).await.ok()
        }
        _ => None,
    };
    Target {
        reference: frozen.reference.clone(),
        commit: frozen.commit.clone(),
        previous: frozen.previous.clone(),
        previous_object: frozen.previous_object.clone(),
        tag: frozen.tag.clone(),
        dirty: frozen.dirty.clone(),
        changed,
    }
}
