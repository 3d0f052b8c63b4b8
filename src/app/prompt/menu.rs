//! The menu at a failure or an unknown end: what can be decided, and what each choice comes to.
//!
//! Pure: from a state to choices with their consequences, as `foresee` tells them, and from a choice to wishes. A
//! choice the run would refuse stands there with the reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::app::choices::{listed, step_of};
use crate::domain::id::{EnvName, HostName, TaskId};
use crate::domain::run::foresee::{Foresight, foresee};
use crate::domain::run::{Intent, Moment, Outcome, RunState, TaskStatus, schedule};
use crate::domain::text::plural;

/// What a choice is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    /// Run them again.
    Retry,
    /// Do not run them.
    Skip,
    /// Take them as done.
    Done,
    /// Run nothing more on this host.
    LeaveOut(EnvName, HostName),
    /// Decide about one of them alone.
    One,
    /// End the run.
    Stop,
    /// Ask hosts that do not answer again.
    Again,
    /// Leave the run as it is.
    GiveUp,
}

/// A line of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    /// What it is.
    pub(super) deed: Deed,
    /// In words.
    pub(super) text: String,
    /// What follows at once, or why it cannot be chosen.
    pub(super) then: Result<String, String>,
}

impl Deed {
    /// Whether a reason is kept with it.
    pub(super) fn needs_reason(&self) -> bool {
        matches!(self, Self::Skip | Self::Done | Self::LeaveOut(..))
    }

    /// The wish it comes to; `None` = it is only a way to another menu.
    pub(super) fn wish(&self, tasks: &[TaskId], reason: String) -> Option<Intent> {
        let tasks = tasks.to_vec();
        Some(match self {
            Self::Retry => Intent::Retry { tasks },
            Self::Skip => Intent::Skip { tasks, reason },
            Self::Done => Intent::CountAsDone { tasks, reason },
            Self::LeaveOut(env, host) => Intent::LeaveOut {
                env: env.clone(),
                host: host.clone(),
                reason,
            },
            Self::Stop => Intent::Stop {
                reason: Some(reason),
            },
            Self::One | Self::Again | Self::GiveUp => return None,
        })
    }
}

/// What can be decided about these tasks, which failed or whose end nobody knows.
pub(super) fn choices(state: &RunState, tasks: &[TaskId], now: Moment) -> Vec<Choice> {
    let unknown = tasks.iter().any(|task| {
        let status = state.task(task).map(|task| &task.status);
        matches!(status, Some(TaskStatus::Interrupted(_)))
    });
    let which = match tasks {
        [task] => task.to_string(),
        tasks => format!("all {}", plural("task", tasks.len())),
    };
    let again = if unknown { "run again" } else { "retry" };
    let mut deeds = vec![
        (Deed::Retry, format!("{again}: {which}")),
        (Deed::Skip, format!("skip: {which}")),
        (Deed::Done, format!("count as done: {which}")),
    ];
    if let Some((env, host)) = only_host(state, tasks) {
        let text = leaving_out(&env, &host);
        deeds.push((Deed::LeaveOut(env, host), text));
    }
    if tasks.len() > 1 {
        deeds.push((Deed::One, "decide about one of them alone".to_owned()));
    }
    deeds.push((Deed::Stop, "stop the run".to_owned()));
    let choice = |(deed, text): (Deed, String)| {
        let then = consequence(state, &deed, tasks, now);
        Choice { deed, text, then }
    };
    deeds.into_iter().map(choice).collect()
}

/// What can be decided when these hosts do not answer.
pub(super) fn unanswered(
    state: &RunState,
    hosts: &[(EnvName, HostName)],
    now: Moment,
) -> Vec<Choice> {
    let said = |deed: Deed, text: &str, then: &str| Choice {
        deed,
        text: text.to_owned(),
        then: Ok(then.to_owned()),
    };
    let leave_out = hosts.iter().map(|(env, host)| {
        let deed = Deed::LeaveOut(env.clone(), host.clone());
        Choice {
            text: leaving_out(env, host),
            then: consequence(state, &deed, &[], now),
            deed,
        }
    });
    std::iter::once(said(Deed::Again, "try again", "asks again"))
        .chain(leave_out)
        .chain([said(Deed::GiveUp, "give up", "nothing is changed")])
        .collect()
}

fn leaving_out(env: &EnvName, host: &HostName) -> String {
    format!("leave {host} of {env} out for the rest of the run")
}

fn consequence(
    state: &RunState,
    deed: &Deed,
    tasks: &[TaskId],
    now: Moment,
) -> Result<String, String> {
    let Some(wish) = deed.wish(tasks, "-".to_owned()) else {
        return Ok("the others wait for a decision of their own".to_owned());
    };
    match foresee(state, wish, &state.by, now) {
        Ok(seen) => Ok(told(state, &seen, *deed == Deed::Stop)),
        Err(refusal) => Err(refusal.to_string()),
    }
}

/// The host that all these tasks run on, when it is one.
fn only_host(state: &RunState, tasks: &[TaskId]) -> Option<(EnvName, HostName)> {
    let mut places = tasks.iter().map(|task| {
        let (stage, planned) = state.planned(state.position(task)?);
        schedule::place(&state.plan.stages[stage], planned)
    });
    let first = places.next()??;
    places
        .all(|place| place.as_ref() == Some(&first))
        .then_some(first)
}

/// What follows, in words.
fn told(state: &RunState, seen: &Foresight, asks_for_locks: bool) -> String {
    let mut parts = Vec::new();
    let started = by_step(&seen.starts);
    if !started.is_empty() {
        parts.push(format!("starts {started}"));
    } else if seen.ends.is_none() && seen.gate.is_none() {
        parts.push("starts nothing for now".to_owned());
    }
    let dropped = by_step(&seen.drops);
    if !dropped.is_empty() {
        parts.push(format!("never runs {dropped}"));
    }
    if let Some(env) = &seen.gate {
        parts.push(format!("then the gate of {env}"));
    }
    match seen.ends {
        Some(Outcome::Succeeded | Outcome::RolledBack) => {
            parts.push("the run ends well".to_owned());
        }
        Some(Outcome::Failed) => parts.push("the run ends as failed".to_owned()),
        Some(Outcome::Stopped) => parts.push("the run ends".to_owned()),
        None => {}
    }
    parts.extend(locks(state, seen, asks_for_locks));
    parts.join("; ")
}

fn locks(state: &RunState, seen: &Foresight, asks: bool) -> Vec<String> {
    let names = |envs: Vec<&EnvName>| {
        let names: Vec<&str> = envs.into_iter().map(EnvName::as_str).collect();
        names.join(", ")
    };
    let held: Vec<&EnvName> = state.locks.keys().collect();
    if asks && !held.is_empty() {
        return vec![format!("asks whether {} stays locked", names(held))];
    }
    let kept: Vec<&EnvName> = seen.locks.iter().collect();
    let freed: Vec<&EnvName> = held
        .into_iter()
        .filter(|env| !seen.locks.contains(env))
        .collect();
    let mut parts = Vec::new();
    if !kept.is_empty() {
        parts.push(format!("locked: {}", names(kept)));
    }
    if !freed.is_empty() {
        parts.push(format!("released: {}", names(freed)));
    }
    parts
}

/// Tasks in words: `live/switch on web1, web2 and live/smoke here`.
fn by_step(tasks: &[TaskId]) -> String {
    let mut steps: Vec<&str> = Vec::new();
    let mut sites: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for task in tasks {
        let step = step_of(task);
        if !sites.contains_key(step) {
            steps.push(step);
        }
        let site = task.as_str().rsplit_once('@').map_or("", |(_, site)| site);
        sites.entry(step).or_default().push(site);
    }
    let shown = steps.iter().map(|step| match sites[step].as_slice() {
        ["local"] => format!("{step} here"),
        sites => format!("{step} on {}", sites.join(", ")),
    });
    shown.collect::<Vec<_>>().join(" and ")
}

/// The menu as it is printed, numbers from 1.
pub(super) fn menu(choices: &[Choice]) -> String {
    let mut text = String::new();
    for (number, choice) in choices.iter().enumerate() {
        let then = match &choice.then {
            Ok(then) => format!("      then: {then}"),
            Err(why) => format!("      not now: {why}"),
        };
        let _ = writeln!(text, "  {} {}\n{then}", number + 1, choice.text);
    }
    text
}

/// What failed, or what nobody knows, one line each.
pub(super) fn heading(state: &RunState, tasks: &[TaskId]) -> String {
    let mut text = String::new();
    for id in tasks {
        let Some(task) = state.task(id) else { continue };
        let line = match &task.status {
            TaskStatus::Interrupted(why) => format!("nobody can tell how {id} ended: {why}"),
            _ => match &task.ending {
                Some(ending) => format!("{id} failed: {ending}"),
                None => format!("{id} failed"),
            },
        };
        text.push_str(&line);
        text.push('\n');
    }
    if text.is_empty() {
        text = format!("{}\n", listed(tasks));
    }
    text
}
