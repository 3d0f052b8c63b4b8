//! The first task of a rollback: what is live is still what it was when the rollback was planned.
//!
//! Between a plan and its approval, and until the environment is locked, somebody else may release or go back. Where LIVE
//! speaks of the environment, it is looked at once more, here and on the remote (`still_live.sh`). Elsewhere only runs of
//! this machine tell what is live: then nobody else may have had the lock of the environment since the last of them
//! (`nobody_since.sh`), which its hosts count. Both scripts only look.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::super::action::{Action, CommandLine, Site};
use super::super::checklist::{Environment, OnFailure, Phase, Stage, Step};
use super::super::id::{Commit, HostName, StepName, TaskId};
use super::super::step::run::Run;
use super::build::Builder;
use super::rollback::part;
use super::{PlannedStage, Task};

/// The kind of the task, as people read it.
pub const CHECK: &str = "check";
/// The name of the step that looks at LIVE.
const STILL_LIVE: &str = "still-live";
/// The variable of a check that says which epochs of the lock are known: `HOST=EPOCH`, separated by spaces.
pub const EPOCHS_WERE: &str = "GOLIVE_EPOCHS_WERE";
/// The variable in which the same check is told at its launch which epochs it runs under.
pub const EPOCHS: &str = "GOLIVE_EPOCHS";
const NOBODY_SINCE: &str = "nobody-since";

/// A check that is put before everything else.
struct Check {
    step: &'static str,
    script: &'static str,
    about: String,
    variables: Vec<(String, String)>,
    takes_s: f64,
    on_failure: OnFailure,
}

/// Whether a task is the one that looks at LIVE: when it fails, something else is live than when this was planned.
pub fn looks_at_live(task: &Task) -> bool {
    task.kind == CHECK && task.step.as_str() == STILL_LIVE
}

/// Epochs of a lock as checks read them.
pub fn epochs_text(epochs: &BTreeMap<HostName, u64>) -> String {
    let mut text = String::new();
    for (host, epoch) in epochs {
        let _ = write!(text, "{host}={epoch} ");
    }
    text.trim_end().to_owned()
}

/// Puts a check of LIVE before everything else of a stage; where it is not there, one of who had the lock, by the epochs
/// that are known. `false` = neither can be looked at.
pub(super) fn check(
    builder: &Builder<'_>,
    stage: &mut PlannedStage,
    env: &Environment,
    epochs: &BTreeMap<HostName, u64>,
) -> bool {
    let rules = &builder.checklist.release;
    let is_released = builder.checklist.released() == Some(&env.name);
    let live = rules.live.as_ref().filter(|_| is_released);
    // A LIVE that is not there yet tells nothing, unless it comes.
    let is_told = live.is_some() && builder.target.previous_object.is_some();
    let of_lock = (!is_told && !epochs.is_empty()).then(|| of_lock(env, epochs));
    let of_live = live.map(|live| of_live(builder, live));
    let checks: Vec<Check> = of_lock.into_iter().chain(of_live).collect();
    let is_checked = !checks.is_empty();
    for check in checks {
        put_first(builder, stage, env, check);
    }
    is_checked
}

fn of_live(builder: &Builder<'_>, live: &str) -> Check {
    // Where there was no LIVE, there is to be none still: what is live was told by the releases then.
    let target = builder.target;
    let was = target
        .previous_object
        .as_ref()
        .and(target.previous.as_ref());
    let was = was.map_or("", Commit::as_str);
    let remote = builder.checklist.release.remote.as_deref();
    let variables = [
        ("GOLIVE_LIVE", live),
        ("GOLIVE_LIVE_WAS", was),
        ("GOLIVE_REMOTE", remote.unwrap_or_default()),
    ];
    Check {
        step: STILL_LIVE,
        script: include_str!("still_live.sh"),
        about: format!("{live} was not moved since this was planned"),
        variables: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        // It asks the remote once.
        takes_s: 1.0,
        on_failure: OnFailure::Stop,
    }
}

fn of_lock(env: &Environment, epochs: &BTreeMap<HostName, u64>) -> Check {
    Check {
        step: NOBODY_SINCE,
        script: include_str!("nobody_since.sh"),
        about: format!("nobody else had the lock of {} since", env.name),
        variables: vec![(EPOCHS_WERE.to_owned(), epochs_text(epochs))],
        takes_s: 0.0,
        // That somebody had the lock does not say that he changed anything: people know more than that.
        on_failure: OnFailure::Ask,
    }
}

fn put_first(builder: &Builder<'_>, stage: &mut PlannedStage, env: &Environment, check: Check) {
    let own = Stage {
        name: stage.name.clone(),
        env: stage.env.clone(),
        steps: Vec::new(),
        order: stage.order,
    };
    let name = StepName::new(check.step);
    let task = TaskId::of(&stage.name.slug(), &name, Site::Local.as_str());
    if stage.tasks.iter().any(|other| other.id == task) {
        return;
    }
    let kind = Arc::new(Run {
        script: check.script.to_owned(),
    });
    let step = Step::plain(name.clone(), kind);
    let mut variables = builder.variables(&part(&own, env), &step, None);
    variables.extend(check.variables);
    for other in stage.tasks.iter_mut().filter(|task| task.after.is_empty()) {
        other.after.push(task.clone());
    }
    let past = (name.clone(), Site::Local.as_str().to_owned());
    let first = Task {
        id: task,
        step: name,
        about: check.about,
        kind: CHECK.to_owned(),
        site: Site::Local,
        action: Action::Exec(CommandLine {
            script: check.script.to_owned(),
            cwd: None,
            env: variables,
            record: false,
            secrets: Vec::new(),
        }),
        phase: Phase::Prepare,
        downtime: None,
        takes_s: Some(
            builder
                .history
                .0
                .get(&past)
                .copied()
                .unwrap_or(check.takes_s),
        ),
        after: Vec::new(),
        once: false,
        parallel: None,
        retry: 0,
        retry_delay_s: step.retry_delay.as_secs_f64(),
        timeout_s: Some(60),
        quiet_s: step.quiet.as_secs_f64().ceil() as u64,
        idempotent: true,
        on_failure: check.on_failure,
        proof: None,
        skip: None,
        milestone: None,
        line: 0,
    };
    stage.tasks.insert(0, first);
}
