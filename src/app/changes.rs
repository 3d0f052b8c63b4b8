//! Changes: what `releases.toml` says by now that a run does not do, told to whoever goes on with the run.
//!
//! The file is planned again for the commit and the part that the run was planned for, so that only its own changes
//! count. Nothing here changes the run: it keeps to its frozen plan, also when the file is wrong or missing.

use std::fmt::Write as _;

use super::project;
use super::report::{Failure, note, print, shown};
use super::session::Project;
use crate::domain::plan::Plan;
use crate::domain::plan::build::{History, Target, build};
use crate::domain::plan::difference::difference;
use crate::domain::text::plural;

/// How many changes are told one by one.
const SHOWN: usize = 6;

/// What the file says by now that this plan does not do, one line each; empty when it is all the same.
pub async fn since(project: &Project, frozen: &Plan) -> Vec<String> {
    let checklist = match project::read(&project.file) {
        Ok(checklist) => checklist,
        Err(failure) => return vec![failure.to_string()],
    };
    let target = target(project, frozen).await;
    match build(&checklist, &target, &History::default(), &frozen.selection) {
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
