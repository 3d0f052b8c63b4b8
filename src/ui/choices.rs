//! Choices: what can be decided in the dialogs, and what each would come to.
//!
//! The rules are those of the run itself: every consequence is foreseen by granting the wish to a copy, and a choice
//! that would be refused says why. Nothing here decides or sends anything.

use super::keymap::Act;
use super::model::{Dialog, Model, RunView, Spot, View};
use super::{fleet, rows};
use crate::domain::id::{EnvName, HostName, TaskId};
use crate::domain::run::decide::decide;
use crate::domain::run::foresee::{Foresight, foresee};
use crate::domain::run::schedule::place;
use crate::domain::run::{Intent, Moment, Outcome, RunState, RunStatus};
use crate::domain::text::plural;

/// What can be decided about tasks that failed or whose end is not known, from the top.
pub const ABOUT_TASKS: [Act; 5] = [
    Act::Retry,
    Act::Skip,
    Act::CountAsDone,
    Act::LeaveOut,
    Act::Abort,
];

/// What the menu that ends a run offers, from the top; the first is the safest.
pub const ABOUT_END: [Act; 3] = [Act::Stop, Act::Pause, Act::Kill];

/// What can be done about a lock that somebody else has, from the top.
pub const ABOUT_LOCK: [Act; 3] = [Act::TryLock, Act::Steal, Act::Abort];

/// More names than this are counted.
const MOST_NAMES: usize = 5;

/// More steps than this are counted.
const MOST_STEPS: usize = 3;

/// A dialog that waits for a decision about tasks: which, and where the operator looks.
pub fn open_decision(model: &Model) -> Option<(&[TaskId], Spot)> {
    match top(model)? {
        Dialog::Failure { tasks, spot } | Dialog::Interrupted { tasks, spot } => {
            Some((tasks, *spot))
        }
        _ => None,
    }
}

/// The topmost dialog that is no mere field or list of actions: what was chosen there is about this one.
pub fn top(model: &Model) -> Option<&Dialog> {
    let is_tool = |dialog: &&Dialog| {
        matches!(
            dialog,
            Dialog::Palette { .. } | Dialog::Help { .. } | Dialog::Prompt(_)
        )
    };
    model.dialogs.iter().rev().find(|dialog| !is_tool(dialog))
}

/// The wish that a choice about tasks stands for, with a reason to be given; an error says why there is none.
pub fn wish(state: &RunState, act: Act, tasks: &[TaskId]) -> Result<Intent, String> {
    let (tasks_named, reason) = (tasks.to_vec(), "-".to_owned());
    Ok(match act {
        Act::Retry => Intent::Retry { tasks: tasks_named },
        Act::Skip => Intent::Skip {
            tasks: tasks_named,
            reason,
        },
        Act::CountAsDone => Intent::CountAsDone {
            tasks: tasks_named,
            reason,
        },
        Act::LeaveOut => {
            let (env, host) = host_of(state, tasks)?;
            Intent::LeaveOut { env, host, reason }
        }
        _ => return Err("it is no decision about a step".to_owned()),
    })
}

/// The one host that tasks run on.
pub fn host_of(state: &RunState, tasks: &[TaskId]) -> Result<(EnvName, HostName), String> {
    let mut places = tasks.iter().map(|task| {
        let (stage, planned) = state.planned(state.position(task)?);
        place(&state.plan.stages[stage], planned)
    });
    let Some(first) = places.next() else {
        return Err("no task was named".to_owned());
    };
    if !places.all(|place| place == first) {
        return Err("choose one host first, with l".to_owned());
    }
    first.ok_or_else(|| "it runs on this machine".to_owned())
}

/// The host that does not answer and that the operator looks at: on the hosts screen the marked one, on the run screen
/// that of the step under the cursor. An error says why there is none.
pub fn lost_host(model: &Model) -> Result<(EnvName, HostName), String> {
    let is_gone = |key: &(EnvName, HostName)| model.silent.contains(key);
    match (model.view, &model.run) {
        (View::Hosts, Some(_)) => {
            let marked = fleet::hosts(model).into_iter().nth(model.host_cursor);
            let host = marked.ok_or("there are no hosts")?;
            if is_gone(&host) {
                return Ok(host);
            }
            Err(format!("{} has not stopped answering", host.1))
        }
        (View::Run, Some(run)) => {
            let (tasks, _) = rows::log_tasks(run).ok_or("there are no steps")?;
            let only = run
                .log
                .only_owner()
                .filter(|position| tasks.contains(position));
            let looked_at = only.map_or(tasks, |position| position..position + 1);
            let places = looked_at.filter_map(|position| {
                let (stage, planned) = run.state.planned(position);
                place(&run.state.plan.stages[stage], planned)
            });
            let gone: Vec<_> = places
                .filter(|place| is_gone(place) && !run.state.left_out.contains_key(place))
                .collect();
            match gone.as_slice() {
                [] => Err("every host of the marked step answers".to_owned()),
                [host] => Ok(host.clone()),
                _ => Err("several hosts do not answer: ] or 4 picks one".to_owned()),
            }
        }
        _ => Err("1 or 4, then a step or host that does not answer".to_owned()),
    }
}

/// Why leaving out the host that the operator looks at would be refused; `None` = it can be done.
pub fn lost_refusal(model: &Model, view: &RunView) -> Option<String> {
    let (env, host) = match lost_host(model) {
        Ok(place) => place,
        Err(why) => return Some(why),
    };
    let reason = "-".to_owned();
    let intent = Intent::LeaveOut { env, host, reason };
    let refusal = decide(&view.state, intent, &model.by, view.state.started?).refusal?;
    Some(refusal.to_string())
}

/// Why a choice about these tasks would be refused; `None` = it can be made.
pub fn refusal(view: &RunView, act: Act, tasks: &[TaskId], by: &str) -> Option<String> {
    let intent = match wish(&view.state, act, tasks) {
        Ok(intent) => intent,
        Err(why) => return Some(why),
    };
    let at = view.state.started?;
    let refusal = decide(&view.state, intent, by, at).refusal?;
    Some(refusal.to_string())
}

/// What a wish would come to, in sentences: what starts, what never runs, which locks are held then.
pub fn consequences(
    view: &RunView,
    intent: &Intent,
    by: &str,
    now: Moment,
) -> Result<Vec<String>, String> {
    let state = &view.state;
    let seen = foresee(state, intent.clone(), by, now).map_err(|refusal| refusal.to_string())?;
    let mut said = vec![then(state, intent, &seen)];
    if !seen.drops.is_empty() {
        said.push(format!("never runs: {}", steps(&seen.drops)));
    }
    said.extend(locks(state, &seen));
    Ok(said)
}

fn then(state: &RunState, intent: &Intent, seen: &Foresight) -> String {
    if !seen.starts.is_empty() {
        return format!("then: {}", steps(&seen.starts));
    }
    if let Some(env) = &seen.gate {
        return format!("then: the gate of {env} waits for you");
    }
    if let Some(outcome) = seen.ends {
        let how = match outcome {
            Outcome::Succeeded => "as succeeded",
            Outcome::Failed => "as failed",
            Outcome::Stopped => "as stopped",
            Outcome::RolledBack => "as rolled back",
        };
        return format!("then: the run ends {how}, nothing more runs");
    }
    if state.status == RunStatus::Paused {
        return "then: nothing starts, the run is paused; P goes on".to_owned();
    }
    if state.is_anything_running() {
        return "then: nothing new before what runs has ended".to_owned();
    }
    match intent {
        Intent::Stop { .. } | Intent::Kill { .. } => "then: nothing more starts".to_owned(),
        _ => "then: nothing starts before the rest is decided".to_owned(),
    }
}

fn locks(state: &RunState, seen: &Foresight) -> Option<String> {
    let held = |env: &EnvName| state.locks.contains_key(env);
    let in_order = |wanted: &dyn Fn(&EnvName) -> bool| environments(state, wanted);
    let after = |env: &EnvName| seen.locks.contains(env);
    let said: Vec<String> = [
        (
            in_order(&|env| after(env) && held(env)),
            "stays locked",
            "stay locked",
        ),
        (
            in_order(&|env| after(env) && !held(env)),
            "is locked first",
            "are locked first",
        ),
        (
            in_order(&|env| held(env) && !after(env)),
            "is unlocked",
            "are unlocked",
        ),
    ]
    .into_iter()
    .filter_map(|(names, one, many)| about_locks(&names, one, many))
    .collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// A sentence about the locks of some environments: `staging and production stay locked`.
pub fn about_locks(envs: &[&EnvName], one: &str, many: &str) -> Option<String> {
    let (last, first) = envs.split_last()?;
    if first.is_empty() {
        return Some(format!("{last} {one}"));
    }
    let first: Vec<&str> = first.iter().map(|env| env.as_str()).collect();
    Some(format!("{} and {last} {many}", first.join(", ")))
}

/// The environments whose locks the run holds, in the order of the plan.
pub fn held(state: &RunState) -> Vec<&EnvName> {
    environments(state, &|env| state.locks.contains_key(env))
}

/// The environments of the plan that are wanted, each once, in its order.
fn environments<'a>(state: &'a RunState, wanted: &dyn Fn(&EnvName) -> bool) -> Vec<&'a EnvName> {
    let mut names: Vec<&EnvName> = Vec::new();
    for env in state
        .plan
        .stages
        .iter()
        .filter_map(|stage| stage.env.as_ref())
    {
        if wanted(env) && !names.contains(&env) {
            names.push(env);
        }
    }
    names
}

/// Tasks by their steps: `production/migrate on web1, web2`; many are counted.
pub fn steps(tasks: &[TaskId]) -> String {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for task in tasks {
        let (step, site) = task.as_str().split_once('@').unwrap_or((task.as_str(), ""));
        match found.last_mut() {
            Some((last, sites)) if *last == step => sites.push(site),
            _ => found.push((step, vec![site])),
        }
    }
    let more = found.len().saturating_sub(MOST_STEPS);
    let told = found.iter().take(MOST_STEPS).map(|(step, sites)| {
        let on = match sites.as_slice() {
            ["local"] => return format!("{step} (local)"),
            many if many.len() > MOST_NAMES => format!("on {}", plural("host", many.len())),
            some => format!("on {}", some.join(", ")),
        };
        format!("{step} {on}")
    });
    let told = told.collect::<Vec<_>>().join("; ");
    match more {
        0 => told,
        more => format!("{told}; and {}", plural("more step", more)),
    }
}
