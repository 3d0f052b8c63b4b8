//! The first task of a rollback: LIVE is still where it was when the rollback was planned.
//!
//! Between a plan and its approval, and until the environment is locked, somebody else may release or go back. So LIVE is
//! looked at once more, here and on the remote, before anything is taken back. The script only looks (`still_live.sh`).

use std::sync::Arc;

use super::super::action::{Action, CommandLine, Site};
use super::super::checklist::{Environment, OnFailure, Phase, Stage, Step};
use super::super::id::{Commit, StepName, TaskId};
use super::super::step::run::Run;
use super::build::Builder;
use super::rollback::part;
use super::{PlannedStage, Task};

/// The kind of the task, as people read it.
pub const CHECK: &str = "check";
/// The name of its step.
const STILL_LIVE: &str = "still-live";
const SCRIPT: &str = include_str!("still_live.sh");

/// Puts a check of LIVE before everything else of a stage: between the plan and its approval somebody else may have
/// released or gone back.
pub(super) fn check(builder: &Builder<'_>, stage: &mut PlannedStage, env: &Environment) {
    let rules = &builder.checklist.release;
    let Some(live) = &rules.live else {
        return;
    };
    let own = Stage {
        name: stage.name.clone(),
        env: stage.env.clone(),
        steps: Vec::new(),
        order: stage.order,
    };
    let name = StepName::new(STILL_LIVE);
    let task = TaskId::of(&stage.name.slug(), &name, Site::Local.as_str());
    if stage.tasks.iter().any(|other| other.id == task) {
        return;
    }
    let kind = Arc::new(Run {
        script: SCRIPT.to_owned(),
    });
    let step = Step::plain(name.clone(), kind);
    let mut variables = builder.variables(&part(&own, env), &step, None);
    let remote = rules.remote.clone().unwrap_or_default();
    // Where there was no LIVE, there is to be none still: what is live was told by the releases then.
    let target = builder.target;
    let was = target
        .previous_object
        .as_ref()
        .and(target.previous.as_ref());
    let was = was.map_or("", Commit::as_str).to_owned();
    variables.extend([
        ("GOLIVE_LIVE".to_owned(), live.clone()),
        ("GOLIVE_LIVE_WAS".to_owned(), was),
        ("GOLIVE_REMOTE".to_owned(), remote),
    ]);
    for other in stage.tasks.iter_mut().filter(|task| task.after.is_empty()) {
        other.after.push(task.clone());
    }
    let past = (name.clone(), Site::Local.as_str().to_owned());
    let check = Task {
        id: task,
        step: name,
        about: format!("{live} was not moved since this was planned"),
        kind: CHECK.to_owned(),
        site: Site::Local,
        action: Action::Exec(CommandLine {
            script: SCRIPT.to_owned(),
            cwd: None,
            env: variables,
            record: false,
            secrets: Vec::new(),
        }),
        phase: Phase::Prepare,
        downtime: None,
        // It asks the remote once.
        takes_s: Some(builder.history.0.get(&past).copied().unwrap_or(1.0)),
        after: Vec::new(),
        once: false,
        parallel: None,
        retry: 0,
        retry_delay_s: step.retry_delay.as_secs_f64(),
        timeout_s: Some(60),
        quiet_s: step.quiet.as_secs_f64().ceil() as u64,
        idempotent: true,
        on_failure: OnFailure::Stop,
        proof: None,
        skip: None,
        milestone: None,
        line: 0,
    };
    stage.tasks.insert(0, check);
}
