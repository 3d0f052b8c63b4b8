//! Decisions of the command line about what failed: names into the wishes a run is gone on with.
//!
//! Everything is looked up and tried on a copy of the run before anything is asked of it: a name that leads nowhere,
//! or a decision the run would refuse, is a usage error that changes nothing. What a decision means is the domain's.

use std::collections::BTreeMap;

use super::args::Decisions;
use super::report::{Code, Failure};
use crate::domain::id::{EnvName, HostName, TaskId};
use crate::domain::run::apply::apply;
use crate::domain::run::decide::decide;
use crate::domain::run::{Intent, Moment, Record, Refusal, RunState, RunStatus, TaskStatus};
use crate::domain::text::similar;

/// The wishes a run in this state is gone on with: what was decided, or `otherwise` when nothing was.
pub fn wishes(
    state: &RunState,
    decisions: &Decisions,
    otherwise: Option<Intent>,
    now: Moment,
) -> Result<Vec<Intent>, Failure> {
    let mut wishes = if decisions.choices.is_empty() {
        otherwise.into_iter().collect()
    } else {
        decided(state, decisions)?
    };
    // What was decided while the run was paused is to happen now.
    let goes_on = [Some(&Intent::Continue), None].contains(&wishes.first());
    if state.status == RunStatus::Paused && !goes_on {
        wishes.push(Intent::Continue);
    }
    if decisions.keep_lock {
        wishes.push(Intent::KeepLock { keep: true });
    }
    if !decisions.choices.is_empty() {
        try_on_copy(state, &wishes, now)?;
    }
    Ok(wishes)
}

fn decided(state: &RunState, decisions: &Decisions) -> Result<Vec<Intent>, Failure> {
    let given = &decisions.choices;
    let reason = || decisions.reason.clone().unwrap_or_default();
    let mut named: BTreeMap<TaskId, &str> = BTreeMap::new();
    let mut wishes = Vec::new();
    for (flag, names) in [
        ("--retry", &given.retry),
        ("--skip", &given.skip),
        ("--done", &given.done),
    ] {
        let mut tasks: Vec<TaskId> = Vec::new();
        for name in names {
            for task in tasks_named(state, flag, name)? {
                match named.insert(task.clone(), flag) {
                    None => tasks.push(task),
                    Some(other) if other == flag => {}
                    Some(other) => {
                        let message = format!("{task} is named by {other} and by {flag}");
                        return Err(Failure::new(Code::Usage, message));
                    }
                }
            }
        }
        if tasks.is_empty() {
            continue;
        }
        wishes.push(match flag {
            "--retry" => Intent::Retry { tasks },
            "--skip" => Intent::Skip {
                tasks,
                reason: reason(),
            },
            _ => Intent::CountAsDone {
                tasks,
                reason: reason(),
            },
        });
    }
    for name in &given.leave_out {
        let (env, host) = host_named(state, name)?;
        let reason = reason();
        wishes.push(Intent::LeaveOut { env, host, reason });
    }
    Ok(wishes)
}

/// Whether a decision about this task is possible.
fn is_open(status: &TaskStatus) -> bool {
    matches!(
        status,
        TaskStatus::Failed | TaskStatus::Retrying(_) | TaskStatus::Interrupted(_)
    )
}

/// Tasks that failed, or whose end nobody knows.
pub fn open_tasks(state: &RunState) -> Vec<TaskId> {
    let open = state.each().filter(|(_, task)| is_open(&task.status));
    open.map(|(planned, _)| planned.id.clone()).collect()
}

/// A task's stage and step: its id without the site.
pub fn step_of(task: &TaskId) -> &str {
    let id = task.as_str();
    id.rsplit_once('@').map_or(id, |(step, _)| step)
}

/// The open tasks that a name means.
fn tasks_named(state: &RunState, flag: &str, name: &str) -> Result<Vec<TaskId>, Failure> {
    let wanted = name.to_lowercase();
    let open = open_tasks(state);
    let meant: Vec<TaskId> = open
        .iter()
        .filter(|task| task.as_str() == wanted || step_of(task) == wanted)
        .cloned()
        .collect();
    if !meant.is_empty() {
        return Ok(meant);
    }
    let about = state
        .each()
        .find(|(planned, _)| planned.id.as_str() == wanted || step_of(&planned.id) == wanted);
    let failure = match about {
        Some((_, task)) => Failure::new(
            Code::Usage,
            format!("{flag} names {wanted}, which {}", how(&task.status)),
        ),
        None => Failure::new(
            Code::Usage,
            format!(
                "{flag} names `{name}`, which is no task of run {}",
                state.run
            ),
        ),
    };
    let known = open
        .iter()
        .flat_map(|task| [task.as_str(), step_of(task)])
        .chain(state.each().map(|(planned, _)| planned.id.as_str()));
    let near = similar(&wanted, known).filter(|_| about.is_none());
    let failure = match near {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure,
    };
    Err(failure.help(match open.as_slice() {
        [] => "nothing of this run waits for a decision".to_owned(),
        open => format!("a decision is needed about {}", listed(open)),
    }))
}

fn how(status: &TaskStatus) -> &'static str {
    match status {
        TaskStatus::Waiting => "has not been started",
        TaskStatus::Running => "was still running when it was last seen",
        TaskStatus::Succeeded => "has succeeded",
        TaskStatus::Skipped(_) => "is skipped already",
        TaskStatus::Failed | TaskStatus::Retrying(_) | TaskStatus::Interrupted(_) => "is open",
    }
}

/// Ids in a row.
pub fn listed(tasks: &[TaskId]) -> String {
    let names: Vec<&str> = tasks.iter().map(TaskId::as_str).collect();
    names.join(", ")
}

/// The host of the run that `HOST` or `ENV/HOST` means.
fn host_named(state: &RunState, name: &str) -> Result<(EnvName, HostName), Failure> {
    let hosts = &state.plan.hosts;
    let meant: Vec<_> = hosts
        .iter()
        .filter(|host| host.name.as_str() == name || format!("{}/{}", host.env, host.name) == name)
        .collect();
    if let [host] = meant.as_slice() {
        return Ok((host.env.clone(), host.name.clone()));
    }
    let message = if meant.is_empty() {
        format!(
            "--leave-out names `{name}`, which is no host of run {}",
            state.run
        )
    } else {
        format!("--leave-out names `{name}`, which is a host of several environments")
    };
    let failure = Failure::new(Code::Usage, message);
    let full = |host: &crate::domain::plan::PlannedHost| format!("{}/{}", host.env, host.name);
    let near = similar(name, hosts.iter().map(|host| host.name.as_str()));
    Err(match (meant.is_empty(), near) {
        (true, Some(near)) => failure.help(format!("did you mean `{near}`?")),
        (is_unknown, _) => {
            let names: Vec<String> = if is_unknown {
                hosts.iter().map(full).collect()
            } else {
                meant.into_iter().map(full).collect()
            };
            failure.help(format!("there is: {}", names.join(", ")))
        }
    })
}

/// How a host is named on the command line: with its environment where several have one of that name.
pub fn spelled_host(state: &RunState, env: &EnvName, host: &HostName) -> String {
    let mut hosts = state.plan.hosts.iter();
    if hosts.any(|other| other.name == *host && other.env != *env) {
        format!("{env}/{host}")
    } else {
        host.to_string()
    }
}

/// The state that these wishes would lead to at once, before anything follows; one that is refused changes nothing.
pub fn after(state: &RunState, wishes: &[Intent], at: Moment) -> RunState {
    let mut copy = state.clone();
    for wish in wishes {
        grant(&mut copy, wish.clone(), at);
    }
    copy
}

fn grant(copy: &mut RunState, wish: Intent, at: Moment) -> Option<Refusal> {
    let answer = decide(copy, wish, "", at);
    for event in answer.events {
        let seq = copy.seq.next();
        apply(copy, &Record { seq, at, event });
    }
    answer.refusal
}

/// Tries the wishes one after the other on a copy: one that is refused changes nothing.
fn try_on_copy(state: &RunState, wishes: &[Intent], at: Moment) -> Result<(), Failure> {
    let mut copy = state.clone();
    for wish in wishes {
        if let Some(refusal) = grant(&mut copy, wish.clone(), at) {
            let failure = Failure::new(Code::Usage, refusal.to_string());
            return Err(failure.help("nothing was changed"));
        }
    }
    Ok(())
}
