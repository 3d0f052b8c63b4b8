//! Progress: a run in the numbers and sentences that every face shows.
//!
//! Derived from the state alone, so that the screen, the plain lines and the list of runs say the same.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::schedule;
use super::{GateState, Moment, Outcome, RunState, RunStatus, TaskState, TaskStatus};
use crate::domain::action::Action;
use crate::domain::checklist::{Downtime, OnFailure, Phase};
use crate::domain::id::{EnvName, HostName, TaskId};
use crate::domain::plan::Task;
use crate::domain::plan::still_live::looks_at_live;

/// Numbers over some tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All of them.
    pub total: usize,
    /// Ended well or skipped.
    pub done: usize,
    /// Running now.
    pub running: usize,
    /// Failed, with or without another try to come.
    pub failed: usize,
    /// Of unknown end.
    pub interrupted: usize,
}

/// Counts the tasks of the run, or of one stage.
pub fn counts(state: &RunState, stage: Option<usize>) -> Counts {
    let range = stage.map_or(0..state.tasks.len(), |stage| state.range(stage));
    let mut counts = Counts {
        total: range.len(),
        ..Counts::default()
    };
    for task in &state.tasks[range] {
        match task.status {
            TaskStatus::Succeeded | TaskStatus::Skipped(_) => counts.done += 1,
            TaskStatus::Running => counts.running += 1,
            TaskStatus::Failed | TaskStatus::Retrying(_) => counts.failed += 1,
            TaskStatus::Interrupted(_) => counts.interrupted += 1,
            TaskStatus::Waiting => {}
        }
    }
    counts
}

/// What the run waits for from the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// The gate before the stage with this index.
    Gate(usize),
    /// An answer to the question of this task.
    Answer(TaskId),
    /// A decision about failed tasks.
    Failure(Vec<TaskId>),
    /// A decision about tasks whose end is unknown.
    Interrupted(Vec<TaskId>),
}

/// All that the run waits for from the operator: unknown ends and failures first, then questions, then a gate.
/// Failures are told when nothing of the run is running any more, or at once with `eager`.
pub fn needs(state: &RunState, eager: bool) -> Vec<Need> {
    if !matches!(state.status, RunStatus::Active | RunStatus::Paused) {
        return Vec::new();
    }
    let tasks_where = |wanted: &dyn Fn(&TaskStatus, OnFailure) -> bool| -> Vec<TaskId> {
        state
            .each()
            .filter(|(planned, task)| wanted(&task.status, planned.on_failure))
            .map(|(planned, _)| planned.id.clone())
            .collect()
    };
    let mut needs = Vec::new();
    let interrupted = tasks_where(&|status, _| matches!(status, TaskStatus::Interrupted(_)));
    if !interrupted.is_empty() {
        needs.push(Need::Interrupted(interrupted));
    }
    let failed = tasks_where(&|status, on_failure| {
        *status == TaskStatus::Failed && on_failure == OnFailure::Ask
    });
    if !failed.is_empty() && (eager || is_quiet(state)) {
        needs.push(Need::Failure(failed));
    }
    let questions = state.each().filter(|(planned, task)| {
        task.status == TaskStatus::Running && matches!(planned.action, Action::Ask { .. })
    });
    needs.extend(questions.map(|(planned, _)| Need::Answer(planned.id.clone())));
    if let Some(stage) = gate_waiting(state) {
        needs.push(Need::Gate(stage));
    }
    needs
}

/// Whether nothing runs (open questions aside) and nothing is about to run again by itself.
pub fn is_quiet(state: &RunState) -> bool {
    state.each().all(|(planned, task)| match task.status {
        TaskStatus::Running => matches!(planned.action, Action::Ask { .. }),
        TaskStatus::Retrying(_) => false,
        _ => true,
    })
}

/// The stage whose gate waits for a decision.
pub fn gate_waiting(state: &RunState) -> Option<usize> {
    state
        .stages
        .iter()
        .position(|stage| matches!(stage.gate, GateState::Reached(_)) && stage.started.is_none())
}

/// The time in which a host may be down.
struct Window {
    env: EnvName,
    host: HostName,
    opened: Moment,
    /// When its last closing task ended; `None` = not yet.
    closed: Option<Moment>,
}

/// The windows that have opened, as it happened.
///
/// A window opens for all hosts of an environment when the first task that `begins` a downtime starts on any of
/// them, and closes for a host when its last task that `ends` it has ended (design/2, Forecast).
fn windows(state: &RunState) -> Vec<Window> {
    let mut opened: BTreeMap<&EnvName, Moment> = BTreeMap::new();
    let mut closing: BTreeMap<(&EnvName, &HostName), Option<Moment>> = BTreeMap::new();
    for position in 0..state.tasks.len() {
        let (stage, planned) = state.planned(position);
        let (Some(env), Some(host)) = (&state.plan.stages[stage].env, planned.site.host()) else {
            continue;
        };
        let task = &state.tasks[position];
        match (planned.downtime, task.started) {
            (Some(Downtime::Begins), Some(started)) => {
                let open = opened.entry(env).or_insert(started);
                *open = started.min(*open);
            }
            (Some(Downtime::Ends), _) => {
                let ended = task.status.is_settled().then_some(task.ended).flatten();
                let close = closing.entry((env, host)).or_insert(ended);
                *close = close.and_then(|close| ended.map(|ended| ended.max(close)));
            }
            _ => {}
        }
    }
    closing
        .into_iter()
        .filter_map(|((env, host), closed)| {
            let opened = *opened.get(env)?;
            let (env, host) = (env.clone(), host.clone());
            Some(Window {
                env,
                host,
                opened,
                closed,
            })
        })
        .collect()
}

/// Seconds each host may have been down, as it happened. Hosts whose window has not closed count until `now`, or
/// until the run ended.
pub fn downtime(state: &RunState, now: Moment) -> BTreeMap<(EnvName, HostName), f64> {
    let until = state.ended.unwrap_or(now);
    windows(state)
        .into_iter()
        .map(|window| {
            let down = (window.closed.unwrap_or(until) - window.opened).max(TimeDelta::zero());
            ((window.env, window.host), down.as_seconds_f64())
        })
        .collect()
}

/// Hosts that may be down now, and since when: their window has opened and not closed.
pub fn down_now(state: &RunState) -> Vec<(EnvName, HostName, Moment)> {
    let open = windows(state)
        .into_iter()
        .filter(|window| window.closed.is_none());
    open.map(|window| (window.env, window.host, window.opened))
        .collect()
}

/// Whether any activate task has started on a host of this environment.
pub fn is_touched(state: &RunState, env: &EnvName) -> bool {
    (0..state.tasks.len()).any(|position| {
        let (stage, planned) = state.planned(position);
        state.plan.stages[stage].env.as_ref() == Some(env)
            && planned.site.host().is_some()
            && planned.phase == Phase::Activate
            && state.tasks[position].attempt.0 > 0
    })
}

/// Where a run stands, in a few words: `at the production gate`, `failed: production/migrate@web1`.
pub fn standing(state: &RunState) -> String {
    let first = |wanted: &dyn Fn(&TaskStatus) -> bool| {
        state
            .each()
            .find(|(_, task)| wanted(&task.status))
            .map(|(planned, _)| planned.id.to_string())
    };
    // A failure that was passed over is not where the run stands.
    let failed = (0..state.tasks.len())
        .find(|at| state.tasks[*at].status == TaskStatus::Failed && !state.is_settled(*at))
        .map(|at| state.planned(at).1.id.to_string());
    match (state.status, failed) {
        (RunStatus::Finished(Outcome::Succeeded), _) => "succeeded".to_owned(),
        (RunStatus::Finished(Outcome::RolledBack), _) => "rolled back".to_owned(),
        (RunStatus::Finished(Outcome::Failed), Some(task)) => format!("failed: {task}"),
        (RunStatus::Finished(Outcome::Failed), None) => "failed".to_owned(),
        (RunStatus::Finished(Outcome::Stopped), _) => "stopped by the operator".to_owned(),
        (RunStatus::Prepared, _) => "not started".to_owned(),
        (_, Some(task)) => format!("failed: {task}, waits for a decision"),
        (RunStatus::Paused, None) => "paused".to_owned(),
        (RunStatus::Stopping, None) => "stopping".to_owned(),
        (RunStatus::Active, None) => standing_active(state, first),
    }
}

fn standing_active(
    state: &RunState,
    first: impl Fn(&dyn Fn(&TaskStatus) -> bool) -> Option<String>,
) -> String {
    if let Some(task) = first(&|status| matches!(status, TaskStatus::Interrupted(_))) {
        return format!("outcome unknown: {task}");
    }
    if let Some(stage) = gate_waiting(state) {
        let env = state.plan.stages[stage].env.as_ref();
        return env.map_or_else(
            || "at a gate".to_owned(),
            |env| format!("at the {env} gate"),
        );
    }
    let runs = |(planned, task): &(&Task, &TaskState)| {
        task.status == TaskStatus::Running && !matches!(planned.action, Action::Ask { .. })
    };
    if let Some((planned, _)) = state.each().find(runs) {
        return format!("running {}", planned.id);
    }
    // An open question runs nowhere: it waits for somebody.
    if let Some(task) = first(&|status| matches!(status, TaskStatus::Running)) {
        return format!("waits for an answer: {task}");
    }
    if let Some(task) = first(&|status| matches!(status, TaskStatus::Retrying(_))) {
        return format!("trying again: {task}");
    }
    let started = state.started;
    match started.and_then(|at| schedule::waits_for_lock(state, at)) {
        Some(env) => format!("before {env}: waits for its lock"),
        None => "between two steps".to_owned(),
    }
}

/// What users see of the environment that matters most.
enum Sight<'a> {
    /// Nothing is deployed anywhere.
    Nothing,
    /// These hosts may be down.
    Down(&'a EnvName, Vec<HostName>),
    /// What was there before.
    Before(&'a EnvName),
    /// One or the other, depending on the host.
    Either(&'a EnvName),
    /// The new release.
    After(&'a EnvName),
}

fn sight(state: &RunState) -> Sight<'_> {
    let stages = &state.plan.stages;
    let gated = stages.iter().find_map(|stage| {
        let guarded = stage.gate != crate::domain::checklist::Gate::None;
        stage.env.as_ref().filter(|_| guarded)
    });
    let Some(env) = gated.or_else(|| stages.iter().find_map(|stage| stage.env.as_ref())) else {
        return Sight::Nothing;
    };
    let down: Vec<HostName> = down_now(state)
        .into_iter()
        .filter(|(of, host, _)| {
            // Of a host that was left out something else is said.
            of == env && !state.left_out.contains_key(&(of.clone(), host.clone()))
        })
        .map(|(_, host, _)| host)
        .collect();
    if !down.is_empty() {
        return Sight::Down(env, down);
    }
    if !is_touched(state, env) {
        return Sight::Before(env);
    }
    let activate_open = (0..state.tasks.len()).any(|position| {
        let (stage, planned) = state.planned(position);
        stages[stage].env.as_ref() == Some(env)
            && planned.site.host().is_some()
            && planned.phase == Phase::Activate
            && !state.is_settled(position)
    });
    if activate_open {
        Sight::Either(env)
    } else {
        Sight::After(env)
    }
}

/// Hosts of an environment that do not get the release by this run: those without a task in it keep what they had;
/// those that were left out keep it too, or stand half way.
#[derive(Debug, Default)]
struct Behind {
    kept: Vec<HostName>,
    half: Vec<HostName>,
}

fn behind(state: &RunState, env: &EnvName) -> Behind {
    let others = state.plan.others.iter().filter(|host| host.env == *env);
    let mut behind = Behind {
        kept: others.map(|host| host.name.clone()).collect(),
        half: Vec::new(),
    };
    for (_, host) in state.left_out.keys().filter(|(of, _)| of == env) {
        let of_host = (0..state.tasks.len()).filter(|position| {
            let (stage, planned) = state.planned(*position);
            state.plan.stages[stage].env.as_ref() == Some(env)
                && planned.site.host() == Some(host)
                && planned.phase == Phase::Activate
                && planned.skip.is_none()
        });
        let (mut begun, mut done) = (false, true);
        for position in of_host {
            begun |= state.tasks[position].attempt.0 > 0;
            done &= state.tasks[position].status == TaskStatus::Succeeded;
        }
        match (begun, done) {
            (true, true) => {}
            (true, false) => behind.half.push(host.clone()),
            (false, _) => behind.kept.push(host.clone()),
        }
    }
    behind
}

impl Behind {
    /// What is said of them behind a sentence about the environment; empty = there are none.
    fn clause(&self) -> String {
        let verb = |hosts: &[HostName], one: &str, many: &str| match hosts {
            [] => String::new(),
            [host] => format!("; {host} {one}"),
            hosts => format!("; {} {many}", listed(hosts)),
        };
        let kept = verb(&self.kept, "keeps what it had", "keep what they had");
        let half = verb(
            &self.half,
            "was left out half way",
            "were left out half way",
        );
        format!("{kept}{half}")
    }

    /// The same in few words.
    fn in_short(&self) -> String {
        let hosts: Vec<HostName> = self.kept.iter().chain(&self.half).cloned().collect();
        match hosts.len() {
            0 => String::new(),
            1..=2 => format!(" (not on {})", listed(&hosts)),
            many => format!(" (not on {many} hosts)"),
        }
    }
}

/// The commits users may see: the one before the run and the one of the run.
fn commits(state: &RunState) -> (&str, &str) {
    let plan = &state.plan;
    let before = plan
        .previous
        .as_ref()
        .map_or("what was before", |commit| commit.short());
    let after = plan
        .commit
        .as_ref()
        .map_or("the new release", |commit| commit.short());
    (before, after)
}

/// Names in a row; of many only the first, and how many more.
fn listed(hosts: &[HostName]) -> String {
    let told = if hosts.len() > 5 { 3 } else { hosts.len() };
    let names: Vec<&str> = hosts[..told].iter().map(HostName::as_str).collect();
    match hosts.len() - told {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// Whether going back found that something else was live by then than when it was planned.
fn is_overtaken(state: &RunState) -> bool {
    state
        .each()
        .any(|(planned, task)| looks_at_live(planned) && task.status == TaskStatus::Failed)
}

/// What users of the service see now, in one sentence. The environment spoken of is the first one of the plan that
/// has a gate, else the first one at all.
pub fn users_see(state: &RunState) -> String {
    let (before, after) = commits(state);
    match sight(state) {
        Sight::Nothing => "this checklist touches no server".to_owned(),
        Sight::Down(env, hosts) => {
            let clause = behind(state, env).clause();
            format!(
                "users of {env} may see it down ({}){clause}",
                listed(&hosts)
            )
        }
        Sight::Before(env) if is_overtaken(state) => format!(
            "nothing users see has been changed on {env} by this run; what is live there now was released by somebody else"
        ),
        Sight::Before(env) => {
            format!("nothing users see has changed on {env}: they see {before}")
        }
        Sight::Either(env) => {
            let clause = behind(state, env).clause();
            format!("users of {env} see {before} or {after}, depending on the host{clause}")
        }
        Sight::After(env) => {
            let clause = behind(state, env).clause();
            format!("users of {env} see {after}{clause}")
        }
    }
}

/// [`users_see`] in few words, for a line that has more to say.
pub fn users_see_in_short(state: &RunState) -> String {
    let (before, after) = commits(state);
    match sight(state) {
        Sight::Nothing => "no server is touched".to_owned(),
        Sight::Down(_, hosts) if hosts.len() > 3 => {
            format!("users may see it down ({} hosts)", hosts.len())
        }
        Sight::Down(_, hosts) => format!("users may see it down ({})", listed(&hosts)),
        Sight::Before(_) if is_overtaken(state) => {
            "users see what somebody else released".to_owned()
        }
        Sight::Before(_) => format!("users see {before}"),
        Sight::Either(_) => format!("users see {before} or {after}"),
        Sight::After(env) => format!("users see {after}{}", behind(state, env).in_short()),
    }
}
