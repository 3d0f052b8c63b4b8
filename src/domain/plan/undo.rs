//! What a rollback takes back: a stage of `undo` commands for each release that is left, newest first.
//!
//! Owns which steps are undone on which sites, in which order, and what an undo command is told. What did not run, or ran
//! for paths that did not change, is skipped and says why. Which releases are taken back is decided in `catalog`.

use std::collections::BTreeSet;

use super::super::action::{Action, CommandLine, Site};
use super::super::checklist::{
    Checklist, Downtime, Environment, Host, OnFailure, Order, Phase, Stage, Step,
};
use super::super::id::{Commit, EnvName, HostName, LONGEST_NAME, StageName, StepName, TaskId};
use super::build::Builder;
use super::graph::{self, Listed};
use super::select::Part;
use super::{PlannedStage, Taken, Task};

/// The kind of a task that takes a step back, as people read it.
pub const UNDO: &str = "undo";

/// A release that is taken back, with the paths it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// It.
    pub release: Taken,
    /// Paths that differ between the commit before it and its own; `None` = not known.
    pub changed: Option<Vec<String>>,
    /// The steps that its run did in the environment, each with its site (a host's name or `local`); `None` = not known.
    pub done: Option<Done>,
}

/// Steps and the sites they ran on.
pub type Done = BTreeSet<(StepName, String)>;

/// The name under which the durations of a step's undo are kept in a history.
pub fn undo_of(step: &StepName) -> StepName {
    StepName::new(format!("{UNDO} {step}"))
}

/// The steps of an environment that have an `undo`, in the order they would be undone.
pub fn undone<'a>(checklist: &'a Checklist, env: &EnvName) -> Vec<&'a Step> {
    steps_of(checklist, env)
        .into_iter()
        .rev()
        .filter(|step| step.undo.is_some())
        .collect()
}

/// The steps of an environment that run only when some paths change, and cannot be undone.
pub fn without_undo<'a>(checklist: &'a Checklist, env: &EnvName) -> Vec<&'a Step> {
    steps_of(checklist, env)
        .into_iter()
        .filter(|step| step.undo.is_none() && step.when_changed.is_some())
        .collect()
}

/// The steps of an environment's stages in order, each once.
fn steps_of<'a>(checklist: &'a Checklist, env: &EnvName) -> Vec<&'a Step> {
    let mut seen = BTreeSet::new();
    let stages = checklist.stages.iter();
    stages
        .filter(|stage| stage.env.as_ref() == Some(env))
        .flat_map(|stage| &stage.steps)
        .filter(|name| seen.insert(*name))
        .filter_map(|name| checklist.steps.get(name))
        .collect()
}

/// A stage for each release that is taken back, newest first.
pub(super) fn stages<'a>(
    builder: &mut Builder<'a>,
    env: &'a Environment,
    releases: &[TakenBack],
    warnings: &mut Vec<String>,
) -> Vec<PlannedStage> {
    let steps = undone(builder.checklist, &env.name);
    if steps.is_empty() {
        return Vec::new();
    }
    let mut names: BTreeSet<String> = builder
        .checklist
        .stages
        .iter()
        .map(|stage| stage.name.slug())
        .collect();
    let mut stages = Vec::new();
    for taken in releases {
        if taken.release.run.is_none() {
            warnings.push(format!(
                "nothing of {} is undone: which run made it is not known",
                taken.release.name()
            ));
            continue;
        }
        warnings.extend(lost(builder.checklist, env, taken));
        let stage = Stage {
            name: stage_name(&taken.release, &mut names),
            env: Some(env.name.clone()),
            steps: steps.iter().map(|step| step.name.clone()).collect(),
            order: Order::Lockstep,
        };
        stages.extend(undo_stage(builder, &stage, env, taken, &steps));
    }
    stages
}

/// `Undo TAG`, in a form no other stage has.
fn stage_name(release: &Taken, names: &mut BTreeSet<String>) -> StageName {
    let mut name = StageName::new(format!("Undo {}", release.name()));
    if name.slug().len() > LONGEST_NAME {
        name = StageName::new(format!("Undo {}", release.commit.short()));
    }
    let plain = name.to_string();
    let mut number = 1;
    while !names.insert(name.slug()) {
        number += 1;
        name = StageName::new(format!("{plain} {number}"));
    }
    name
}

fn undo_stage<'a>(
    builder: &mut Builder<'a>,
    stage: &Stage,
    env: &'a Environment,
    taken: &TakenBack,
    steps: &[&'a Step],
) -> Option<PlannedStage> {
    let mut tasks = Vec::new();
    for step in steps {
        let unchanged = unchanged(builder, step, taken);
        for host in sites(builder, step, env, taken) {
            let skip = not_done(step, host, taken).or_else(|| unchanged.clone());
            let part = Part {
                stage,
                env: Some(env),
                from: 0,
            };
            tasks.push(undo_task(builder, &part, step, host, taken, skip.clone()));
        }
    }
    if tasks.is_empty() {
        return None;
    }
    let list: Vec<Listed> = steps
        .iter()
        .map(|step| Listed {
            step: step.name.clone(),
            needs: None,
        })
        .collect();
    let order: Vec<HostName> = env.hosts.iter().map(|host| host.name.clone()).collect();
    graph::connect(stage.order, &list, &order, &mut tasks);
    Some(PlannedStage {
        name: stage.name.clone(),
        env: stage.env.clone(),
        order: stage.order,
        gate: builder.gate(Some(env)),
        tasks,
    })
}

/// Where a step is undone: where it ran, when it runs once; else where it would run, as far as it did.
fn sites<'a>(
    builder: &Builder<'a>,
    step: &Step,
    env: &'a Environment,
    taken: &TakenBack,
) -> Vec<Option<&'a Host>> {
    if let (true, Some(done)) = (step.once, &taken.done) {
        let ran = |host: &&Host| done.contains(&(step.name.clone(), host.name.to_string()));
        let hosts: Vec<Option<&Host>> = env.hosts.iter().filter(ran).map(Some).collect();
        if !hosts.is_empty() {
            return hosts;
        }
    }
    builder.sites(step, Some(env))
}

/// Why there is nothing to undo on a site: the run of that release is known, and did not do the step there.
fn not_done(step: &Step, host: Option<&Host>, taken: &TakenBack) -> Option<String> {
    let done = taken.done.as_ref()?;
    let site = host.map_or("local", |host| host.name.as_str());
    let ran = done.contains(&(step.name.clone(), site.to_owned()));
    (!ran).then(|| format!("it did not run there in {}", taken.release.name()))
}

/// What a release did that the checklist does not know any more, so that it stays as it is.
fn lost(checklist: &Checklist, env: &Environment, taken: &TakenBack) -> Vec<String> {
    let known = |step: &StepName| checklist.steps.contains_key(step);
    let is_there =
        |site: &str| site == "local" || env.hosts.iter().any(|host| host.name.as_str() == site);
    let done = taken.done.iter().flatten();
    let gone: BTreeSet<String> = done
        .filter_map(|(step, site)| match (known(step), is_there(site)) {
            (false, _) => Some(format!("the step {step}")),
            (true, false) => Some(format!("the host {site}")),
            (true, true) => None,
        })
        .collect();
    let each = gone.into_iter();
    each.map(|what| {
        let name = taken.release.name();
        format!("{name} ran with {what}, which is not in the checklist any more: nothing of it is undone")
    })
    .collect()
}

/// Why a step was not done in that release, so that there is nothing to undo. What is not known was done.
fn unchanged(builder: &mut Builder<'_>, step: &Step, taken: &TakenBack) -> Option<String> {
    let patterns = step.when_changed.as_ref()?;
    let globs = builder.globs(step, patterns)?;
    let changed = taken.changed.as_ref()?;
    if changed.iter().any(|path| globs.is_match(path)) {
        return None;
    }
    let names: Vec<String> = patterns.iter().map(|name| format!("`{name}`")).collect();
    Some(format!(
        "nothing under {} changed in {}",
        names.join(", "),
        taken.release.name()
    ))
}

fn undo_task(
    builder: &Builder<'_>,
    part: &Part<'_>,
    step: &Step,
    host: Option<&Host>,
    taken: &TakenBack,
    skip: Option<String>,
) -> Task {
    let script = step.undo.clone().unwrap_or_default();
    let release = &taken.release;
    let mut env = builder.variables(part, step, host);
    let commit = |commit: Option<&Commit>| commit.map_or("", Commit::as_str).to_owned();
    let run = release.run.as_ref();
    env.extend([
        (
            "GOLIVE_RUN".to_owned(),
            run.map(ToString::to_string).unwrap_or_default(),
        ),
        ("GOLIVE_COMMIT".to_owned(), release.commit.to_string()),
        (
            "GOLIVE_TAG".to_owned(),
            release.tag.clone().unwrap_or_default(),
        ),
        (
            "GOLIVE_PREVIOUS".to_owned(),
            commit(release.previous.as_ref()),
        ),
    ]);
    let site = host.map_or(Site::Local, |host| Site::Host(host.name.clone()));
    let past = (undo_of(&step.name), site.as_str().to_owned());
    let begins = step.downtime == Some(Downtime::Begins);
    Task {
        id: TaskId::of(&part.stage.name.slug(), &step.name, site.as_str()),
        step: step.name.clone(),
        about: format!("take back {} of {}", step.name, release.name()),
        kind: UNDO.to_owned(),
        site,
        action: Action::Exec(CommandLine {
            script,
            cwd: step.cwd.clone(),
            env,
            record: false,
            secrets: step.secrets.clone(),
        }),
        phase: Phase::Activate,
        downtime: begins.then_some(Downtime::Begins),
        takes_s: builder.history.0.get(&past).copied(),
        after: Vec::new(),
        once: step.once,
        parallel: step.parallel,
        retry: 0,
        retry_delay_s: step.retry_delay.as_secs_f64(),
        timeout_s: step.timeout.map(|limit| limit.as_secs_f64().ceil() as u64),
        quiet_s: step.quiet.as_secs_f64().ceil() as u64,
        idempotent: false,
        on_failure: OnFailure::Ask,
        proof: None,
        skip,
        milestone: None,
        line: step.line,
    }
}
