//! Evidence: what the operator decides on at a gate, and when it goes stale.
//!
//! Everything here is derived from the frozen plan and the run's state: nothing is measured again, and nothing
//! that is not known is called good. Rows that passed too long ago are stale; warnings and failures stay what
//! they are. The second half says exactly what will run behind the gate. Whether the gate opens is decided in
//! `run`, not here.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::action::{Action, Site};
use super::checklist::{Downtime, Gate, OnFailure, Phase};
use super::id::{EnvName, HostName, LockId, StepName, TaskId};
use super::lock::{Busy, KeptAt, LockView};
use super::plan::{Plan, PlannedHost, PlannedStage, Task};
use super::run::{Moment, RunState, TaskState, TaskStatus};
use super::text::plural;

/// Evidence older than this is stale.
pub const FRESH: Duration = Duration::from_secs(15 * 60);

/// What a row of evidence says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it should be.
    Pass,
    /// The operator should know it.
    Warn,
    /// It is not as it should be.
    Fail,
    /// It was as it should be, longer ago than [`FRESH`].
    Stale,
}

/// A row of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRow {
    /// What it says.
    pub state: Verdict,
    /// What was looked at.
    pub check: String,
    /// What was found.
    pub result: String,
    /// How long ago that was; `None` = it cannot grow old.
    pub age: Option<Duration>,
    /// The task whose log is the proof.
    pub task: Option<TaskId>,
}

/// What the gate before a stage shows: the stages before it, what they proved, what was skipped or passed
/// over, and what is about to be released.
pub fn evidence(
    plan: &Plan,
    state: &RunState,
    stage_index: usize,
    now: Moment,
) -> Vec<EvidenceRow> {
    let mut rows = Rows {
        rows: Vec::new(),
        now,
    };
    let before = || {
        let stages = plan.stages.iter().enumerate().take(stage_index);
        stages.map(|(at, stage)| (stage, &state.tasks[state.range(at)]))
    };
    for (stage, states) in before() {
        rows.stage(stage, states);
    }
    for (stage, states) in before() {
        rows.proofs(stage, states);
    }
    rows.same_commit(plan, stage_index);
    for (stage, states) in before() {
        rows.exceptions(stage, states);
    }
    rows.ahead(plan, stage_index);
    rows.release(plan);
    rows.rows
}

/// The row about the lock of an environment: free, ours, somebody else's, or not known. `own` is the id of the locks
/// that the run takes, `looked` how long ago the places were asked.
pub fn lock_row(
    env: &EnvName,
    lock: Option<&LockView>,
    own: &LockId,
    looked: Option<Duration>,
    now: Moment,
) -> EvidenceRow {
    let unknown = |places: &[(String, KeptAt)]| {
        places.iter().find_map(|(place, kept)| match kept {
            KeptAt::Unknown(why) => Some(format!("{place} cannot be asked: {why}")),
            _ => None,
        })
    };
    let (state, result) = match lock {
        None => (
            Verdict::Warn,
            "not looked at yet; it is taken before anything starts".to_owned(),
        ),
        Some(view) => match (view.held(), unknown(&view.places)) {
            (Some(busy), _) if busy.id == *own => (Verdict::Pass, "held by this run".to_owned()),
            (Some(busy), _) => (Verdict::Fail, format!("held by {}", who_holds(busy, now))),
            (None, Some(why)) => (Verdict::Warn, format!("free as far as is known; {why}")),
            (None, None) => (Verdict::Pass, "free".to_owned()),
        },
    };
    EvidenceRow {
        state,
        check: format!("{env} lock"),
        result,
        age: looked,
        task: None,
    }
}

/// Who holds a lock, since when, for which run and why, in one line.
pub fn who_holds(busy: &Busy, now: Moment) -> String {
    let Some(holder) = &busy.holder else {
        return format!("somebody who has not said who, seen on {}", busy.place);
    };
    let since = holder.since.with_timezone(now.offset());
    let since = if since.date_naive() == now.date_naive() {
        since.format("%H:%M")
    } else {
        since.format("%-d %b %H:%M")
    };
    let run = holder.run.as_ref();
    let run = run.map_or_else(
        || ", taken by hand".to_owned(),
        |run| format!(", run {run}"),
    );
    let reason = holder.reason.as_ref();
    let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
    format!("{} since {since}{run}{reason}", holder.by)
}

/// Rows as they are collected.
struct Rows {
    rows: Vec<EvidenceRow>,
    now: Moment,
}

impl Rows {
    fn add(&mut self, state: Verdict, check: impl Into<String>, result: impl Into<String>) {
        self.rows.push(EvidenceRow {
            state,
            check: check.into(),
            result: result.into(),
            age: None,
            task: None,
        });
    }

    /// Adds a row about something that ended at this time.
    fn add_aged(&mut self, state: Verdict, check: String, result: String, of: Source<'_>) {
        // A clock that was set back makes nothing older or younger than now.
        let age = of
            .ended
            .map(|ended| (self.now - ended).to_std().unwrap_or_default());
        let stale = state == Verdict::Pass && age.is_some_and(|age| age > FRESH);
        self.rows.push(EvidenceRow {
            state: if stale { Verdict::Stale } else { state },
            check,
            result,
            age,
            task: of.task.map(|task| task.id.clone()),
        });
    }

    /// How many of a stage's steps are done.
    fn stage(&mut self, stage: &PlannedStage, states: &[TaskState]) {
        let steps: Vec<Verdict> = step_states(stage, states)
            .map(|(_, tasks)| {
                let choices = tasks.into_iter().map(|(task, state)| verdict(task, state));
                choices
                    .max_by_key(|verdict| severity(*verdict))
                    .unwrap_or(Verdict::Pass)
            })
            .collect();
        let ok = steps
            .iter()
            .filter(|state| **state == Verdict::Pass)
            .count();
        let state = if steps.contains(&Verdict::Fail) {
            Verdict::Fail
        } else if ok < steps.len() {
            Verdict::Warn
        } else {
            Verdict::Pass
        };
        let of = Source {
            ended: states.iter().filter_map(|state| state.ended).max(),
            task: None,
        };
        let result = format!("{ok} of {} ok", steps.len());
        self.add_aged(state, format!("{} steps", stage.name), result, of);
    }

    /// What the steps of a stage proved, and who confirmed what.
    fn proofs(&mut self, stage: &PlannedStage, states: &[TaskState]) {
        for (step, tasks) in step_states(stage, states) {
            let mut found: BTreeMap<String, Vec<(&Task, &TaskState)>> = BTreeMap::new();
            for (task, state) in tasks {
                if state.status == TaskStatus::Succeeded && !state.evidence.is_empty() {
                    let pairs = state.evidence.iter();
                    let texts: Vec<String> = pairs
                        .map(|(name, value)| format!("{name} {value}"))
                        .collect();
                    found
                        .entry(texts.join(", "))
                        .or_default()
                        .push((task, state));
                }
            }
            let differs = found.len() > 1;
            for (text, tasks) in found {
                let result = if differs {
                    let tasks = tasks.iter().map(|(task, _)| task.site.as_str());
                    format!("{text} on {}", tasks.collect::<Vec<_>>().join(" "))
                } else {
                    text
                };
                let of = Source {
                    ended: tasks.iter().filter_map(|(_, state)| state.ended).min(),
                    task: tasks.first().map(|(task, _)| *task),
                };
                let worst = tasks.iter().map(|(task, state)| verdict(task, state));
                let state = worst.max_by_key(|verdict| severity(*verdict));
                let state = state.unwrap_or(Verdict::Pass);
                self.add_aged(state, named(stage, step), result, of);
            }
        }
    }

    /// Whether what is released is what went through the stages before.
    fn same_commit(&mut self, plan: &Plan, stage_index: usize) {
        let mut tested: Vec<&str> = Vec::new();
        for stage in &plan.stages[..stage_index] {
            if let Some(env) = &stage.env
                && !tested.contains(&env.as_str())
            {
                tested.push(env.as_str());
            }
        }
        if let (Some(rollback), Some(commit)) = (&plan.rollback, &plan.commit) {
            let tag = rollback.to_tag.as_ref();
            let was = tag.map_or_else(String::new, |tag| format!(" as {tag}"));
            let result = format!("{}{was}, in {}", commit.short(), rollback.env);
            return self.add(Verdict::Pass, "was live before", result);
        }
        let check = "same commit as tested";
        match (&plan.commit, tested.is_empty()) {
            (None, _) => self.add(Verdict::Warn, check, "there is no commit to compare"),
            (Some(commit), true) => {
                let result = format!("{} was in no environment before this one", commit.short());
                self.add(Verdict::Warn, check, result);
            }
            (Some(commit), false) => {
                let result = format!("{} as on {}", commit.short(), tested.join(", "));
                self.add(Verdict::Pass, check, result);
            }
        }
    }

    /// What was skipped, and failures that were passed over.
    fn exceptions(&mut self, stage: &PlannedStage, states: &[TaskState]) {
        for (step, tasks) in step_states(stage, states) {
            let mut skipped: BTreeMap<&str, Vec<&Task>> = BTreeMap::new();
            for (task, state) in tasks {
                match &state.status {
                    TaskStatus::Skipped(why) => skipped.entry(why).or_default().push(task),
                    TaskStatus::Failed => {
                        let ending = state.ending.as_ref();
                        let how = ending.map_or("failed".to_owned(), ToString::to_string);
                        let result = format!("{how} on {}, passed over", task.site);
                        let of = Source {
                            ended: state.ended,
                            task: Some(task),
                        };
                        self.add_aged(verdict(task, state), named(stage, step), result, of);
                    }
                    _ => {}
                }
            }
            for (why, tasks) in skipped {
                let decided = tasks.iter().any(|task| task.skip.is_none());
                let state = if decided {
                    Verdict::Warn
                } else {
                    Verdict::Pass
                };
                self.add(state, named(stage, step), format!("skipped: {why}"));
            }
        }
    }

    /// What will be skipped behind the gate.
    fn ahead(&mut self, plan: &Plan, stage_index: usize) {
        for stage in &plan.stages[behind(plan, stage_index)] {
            for tasks in stage.steps() {
                if let Some(why) = &tasks[0].skip {
                    let result = format!("will be skipped: {why}");
                    self.add(Verdict::Pass, named(stage, &tasks[0].step), result);
                }
            }
        }
    }

    /// What is about to be released, and over what.
    fn release(&mut self, plan: &Plan) {
        for warning in &plan.warnings {
            self.add(Verdict::Warn, "release", warning.clone());
        }
        if !plan.dirty.is_empty() {
            let changes = plural("uncommitted change", plan.dirty.len());
            let are = if plan.dirty.len() == 1 { "is" } else { "are" };
            let result = format!("{changes} {are} not part of the release");
            self.add(Verdict::Warn, "working tree", result);
        }
        if let Some(live) = &plan.release.live {
            let check = format!("{live} now");
            match &plan.previous {
                None => self.add(
                    Verdict::Warn,
                    check,
                    "not set: there is no release to go back to",
                ),
                Some(previous) if Some(previous) == plan.commit.as_ref() => {
                    let result = format!("{} already: this releases it again", previous.short());
                    self.add(Verdict::Warn, check, result);
                }
                Some(previous) => self.add(Verdict::Pass, check, previous.short()),
            }
        }
        let short = plan.digest.get(..12).unwrap_or(&plan.digest);
        self.add(
            Verdict::Pass,
            "plan",
            format!("{short}, frozen with the run"),
        );
    }
}

/// Where a row comes from.
#[derive(Clone, Copy)]
struct Source<'a> {
    ended: Option<Moment>,
    task: Option<&'a Task>,
}

/// The steps of a stage, each with its tasks and their states.
fn step_states<'a>(
    stage: &'a PlannedStage,
    states: &'a [TaskState],
) -> impl Iterator<Item = (&'a StepName, Vec<(&'a Task, &'a TaskState)>)> {
    let mut rest = states;
    stage.steps().map(move |tasks| {
        let (these, more) = rest.split_at(tasks.len().min(rest.len()));
        rest = more;
        (&tasks[0].step, tasks.iter().zip(these).collect())
    })
}

fn named(stage: &PlannedStage, step: &StepName) -> String {
    format!("{}: {step}", stage.name)
}

/// What the state of one task is worth. A failure that the checklist passes over is a mere warning; so is what the
/// operator decided instead of a result: skipped, counted as done, its host left out.
fn verdict(task: &Task, state: &TaskState) -> Verdict {
    match state.status {
        TaskStatus::Succeeded if state.evidence.contains_key("counted") => Verdict::Warn,
        TaskStatus::Skipped(_) if task.skip.is_none() => Verdict::Warn,
        TaskStatus::Succeeded | TaskStatus::Skipped(_) => Verdict::Pass,
        TaskStatus::Failed if task.on_failure == OnFailure::Continue => Verdict::Warn,
        _ => Verdict::Fail,
    }
}

fn severity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 0,
        Verdict::Stale => 1,
        Verdict::Warn => 2,
        Verdict::Fail => 3,
    }
}

/// A step behind a gate.
#[derive(Debug, Clone, PartialEq)]
pub struct GateStep<'a> {
    /// The stage it belongs to.
    pub stage: &'a PlannedStage,
    /// Its name.
    pub step: &'a StepName,
    /// One line for people.
    pub about: &'a str,
    /// Where it runs, in order.
    pub sites: Vec<&'a Site>,
    /// What runs; several when hosts differ.
    pub commands: Vec<GateCommand<'a>>,
    /// Whether users can notice it.
    pub phase: Phase,
    /// Its part in the downtime.
    pub downtime: Option<Downtime>,
    /// How many of its tasks run at once; `None` = all.
    pub parallel: Option<usize>,
    /// Seconds the slowest of its tasks is predicted to take; `None` = unknown.
    pub takes_s: Option<f64>,
    /// Why it will not run.
    pub skip: Option<&'a str>,
}

/// A command behind a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateCommand<'a> {
    /// The exact command, or the question.
    pub text: &'a str,
    /// Whether it is a question.
    pub asks: bool,
    /// Where it runs.
    pub sites: Vec<&'a Site>,
}

/// The stages that the gate before a stage opens: up to the next gate.
pub fn behind(plan: &Plan, stage_index: usize) -> Range<usize> {
    let end = plan.stages.len();
    let start = stage_index.min(end);
    let gated = |stage: &PlannedStage| stage.gate != Gate::None;
    let next = plan.stages[start..].iter().skip(1).position(gated);
    start..next.map_or(end, |next| start + 1 + next)
}

/// Exactly what will run behind the gate before a stage, step by step.
pub fn gate_commands(plan: &Plan, stage_index: usize) -> Vec<GateStep<'_>> {
    let stages = plan.stages[behind(plan, stage_index)].iter();
    stages
        .flat_map(|stage| stage.steps().map(move |tasks| gate_step(stage, tasks)))
        .collect()
}

fn gate_step<'a>(stage: &'a PlannedStage, tasks: &'a [Task]) -> GateStep<'a> {
    let mut commands: Vec<GateCommand<'a>> = Vec::new();
    for task in tasks {
        let text = task.action.text();
        match commands.iter_mut().find(|command| command.text == text) {
            Some(command) => command.sites.push(&task.site),
            None => commands.push(GateCommand {
                text,
                asks: matches!(task.action, Action::Ask { .. }),
                sites: vec![&task.site],
            }),
        }
    }
    let takes: Option<Vec<f64>> = tasks.iter().map(|task| task.takes_s).collect();
    let first = &tasks[0];
    GateStep {
        stage,
        step: &first.step,
        about: &first.about,
        sites: tasks.iter().map(|task| &task.site).collect(),
        commands,
        phase: first.phase,
        downtime: first.downtime,
        parallel: first.parallel,
        takes_s: takes.map(|takes| takes.into_iter().fold(0.0, f64::max)),
        skip: first.skip.as_deref(),
    }
}

/// The hosts that something runs on behind the gate before a stage, in the order of the plan.
pub fn gate_hosts(plan: &Plan, stage_index: usize) -> Vec<&PlannedHost> {
    let stages = &plan.stages[behind(plan, stage_index)];
    let runs = |host: &&PlannedHost| {
        stages.iter().any(|stage| {
            stage.env.as_ref() == Some(&host.env) && stage.tasks.iter().any(|t| on(t, &host.name))
        })
    };
    plan.hosts.iter().filter(runs).collect()
}

fn on(task: &Task, host: &HostName) -> bool {
    task.site.host() == Some(host) && task.skip.is_none()
}
