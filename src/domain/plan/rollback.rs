//! Building the plan of a rollback: the same checklist for an older commit, after the `undo` of what is left.
//!
//! Owns which steps are undone, in which order, and what an undo command is told. With `[rollback] steps` these are all
//! that is done. Stages before the environment are not walked again. Where LIVE speaks of the environment, the first task
//! checks that it was not moved since the plan was made: nothing is taken back twice. Which release is gone back to is
//! decided in `catalog`; nothing is looked up here.

use std::collections::{BTreeMap, BTreeSet};

use super::super::action::{Action, CommandLine, Site};
use super::super::checklist::{
    Checklist, Downtime, Environment, Gate, Host, OnFailure, Order, Phase, Stage, Step,
};
use super::super::id::{Commit, EnvName, HostName, LONGEST_NAME, StageName, StepName, TaskId};
use super::super::release::Left;
use super::build::{BuildProblem, Builder, History, Target};
use super::graph::{self, Listed};
use super::select::{Part, Selection};
use super::{Plan, PlannedStage, Rollback, Taken, Task};

/// The kind of a task that takes a step back, as people read it.
pub const UNDO: &str = "undo";
/// The kind of the task that checks LIVE.
const CHECK: &str = "check";
/// The name of the step that checks LIVE.
const STILL_LIVE: &str = "still-live";
const STILL_LIVE_SCRIPT: &str = include_str!("still_live.sh");

/// What is gone back from, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// Where.
    pub env: EnvName,
    /// What is left.
    pub from: Left,
    /// The tag of the release that is gone back to; `None` = it has none.
    pub to_tag: Option<String>,
    /// The releases that are taken back, newest first.
    pub taken: Vec<TakenBack>,
}

/// A release that is taken back, with the paths it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// It.
    pub release: Taken,
    /// Paths that differ between the commit before it and its own; `None` = not known.
    pub changed: Option<Vec<String>>,
}

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

/// Plans going back: `target.commit` is the older commit, `target.previous` what is live.
pub fn build(
    checklist: &Checklist,
    target: &Target,
    history: &History,
    back: &Back,
) -> Result<Plan, Vec<BuildProblem>> {
    let selection = Selection::default();
    let mut builder = Builder::new(checklist, target, history, &selection);
    let to = back.to_tag.clone().unwrap_or_default();
    builder.common = BTreeMap::from([
        ("GOLIVE_ROLLBACK".to_owned(), "1".to_owned()),
        ("GOLIVE_ROLLBACK_TO".to_owned(), to),
    ]);
    let Some(env) = checklist.environment(&back.env) else {
        return Err(vec![BuildProblem::Nothing]);
    };
    let mut warnings = Vec::new();
    let own_way = own_way(checklist, env);
    let mut stages = Vec::new();
    if let Some(stage) = &own_way {
        finds_hosts(&mut builder, stage, env);
        stages.extend(builder.stage(&part(stage, env)));
    } else {
        stages = undo_stages(&mut builder, env, back, &mut warnings);
        let again = again(checklist, &back.env);
        stages.extend(again.iter().filter_map(|part| builder.stage(part)));
    }
    for stage in &mut stages {
        // A single key is not enough here: what is taken back is said in full.
        if stage.gate == Gate::Key {
            stage.gate = Gate::Type;
        }
    }
    if let (Some(first), true) = (stages.first_mut(), checklist.released() == Some(&env.name)) {
        check_live(&builder, first, env);
    }
    let taken = back.taken.iter().map(|taken| taken.release.clone());
    let rollback = Rollback {
        env: back.env.clone(),
        from: back.from.clone(),
        to_tag: back.to_tag.clone(),
        taken: taken.collect(),
    };
    let mut plan = builder.finish(stages, Some(rollback))?;
    plan.warnings = warnings;
    Ok(plan)
}

/// The stage of `[rollback] steps`, with the step that writes the tags where releases are tagged; `None` without them.
fn own_way(checklist: &Checklist, env: &Environment) -> Option<Stage> {
    let mut steps = checklist.rollback.steps.clone();
    if steps.is_empty() {
        return None;
    }
    let is_tag = |name: &StepName| {
        let step = checklist.steps.get(name);
        step.is_some_and(|step| step.kind.milestone().is_some())
    };
    match checklist.tagged() {
        Some((tagged, step)) if *tagged == env.name => {
            if !steps.iter().any(is_tag) {
                steps.push(step.clone());
            }
        }
        // The tags speak of another environment.
        _ => steps.retain(|name| !is_tag(name)),
    }
    Some(Stage {
        name: StageName::new("Roll back"),
        env: Some(env.name.clone()),
        steps,
        order: Order::Lockstep,
    })
}

/// Every step of `[rollback]` does something: what it says is all that is done.
fn finds_hosts(builder: &mut Builder<'_>, stage: &Stage, env: &Environment) {
    for name in &stage.steps {
        let step = builder.checklist.steps.get(name);
        if step.is_some_and(|step| builder.sites(step, Some(env)).is_empty()) {
            builder.problems.push(BuildProblem::NoHost {
                step: name.clone(),
                env: env.name.clone(),
            });
        }
    }
}

fn part<'a>(stage: &'a Stage, env: &'a Environment) -> Part<'a> {
    Part {
        stage,
        env: Some(env),
        from: 0,
    }
}

/// The environment's own stages, and those of this machine that follow them before another environment.
fn again<'a>(checklist: &'a Checklist, env: &EnvName) -> Vec<Part<'a>> {
    let mut is_here = false;
    let mut parts = Vec::new();
    for stage in &checklist.stages {
        if let Some(other) = &stage.env {
            is_here = other == env;
        }
        if is_here {
            parts.push(Part {
                stage,
                env: stage
                    .env
                    .as_ref()
                    .and_then(|env| checklist.environment(env)),
                from: 0,
            });
        }
    }
    parts
}

/// A stage for each release that is taken back, newest first.
fn undo_stages<'a>(
    builder: &mut Builder<'a>,
    env: &'a Environment,
    back: &Back,
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
    for taken in &back.taken {
        if taken.release.run.is_none() {
            warnings.push(format!(
                "nothing of {} is undone: which run made it is not known",
                taken.release.name()
            ));
            continue;
        }
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
        let skip = unchanged(builder, step, taken);
        for host in builder.sites(step, Some(env)) {
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

/// Puts a check of LIVE before everything else of a stage: between the plan and its approval somebody else may have
/// released or gone back.
fn check_live(builder: &Builder<'_>, stage: &mut PlannedStage, env: &Environment) {
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
    let kind = std::sync::Arc::new(super::super::step::run::Run {
        script: STILL_LIVE_SCRIPT.to_owned(),
    });
    let step = Step::plain(name.clone(), kind);
    let mut variables = builder.variables(&part(&own, env), &step, None);
    let remote = rules.remote.clone().unwrap_or_default();
    variables.extend([
        ("GOLIVE_LIVE".to_owned(), live.clone()),
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
            script: STILL_LIVE_SCRIPT.to_owned(),
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
