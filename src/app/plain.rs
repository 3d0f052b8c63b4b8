//! The plain face: one line per change, words first, for pipes, CI and screen readers.
//!
//! Nothing is drawn twice and no control character gets out. The same state and sentences as on the screen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, FixedOffset};

use super::drive::{Face, Line};
use super::holders;
use crate::domain::feed::{Link, LockNews};
use crate::domain::id::{EnvName, HostName, TaskId};
use crate::domain::output::ansi;
use crate::domain::run::event::{Decision, LeftOut};
use crate::domain::run::{Event, Outcome, Record, RunState, progress};
use crate::domain::text::{duration, few, plural};

/// A duration in seconds as people read it; `?` when it is unknown.
pub fn seconds(seconds: Option<f64>) -> String {
    match seconds.and_then(|s| std::time::Duration::try_from_secs_f64(s).ok()) {
        Some(time) => duration(time),
        None => "?".to_owned(),
    }
}

/// So many names are told one by one.
const FEW: usize = 6;

/// The face of `--plain`.
#[derive(Debug, Default)]
pub struct PlainFace {
    /// Hosts whose loss was told.
    lost: BTreeSet<(EnvName, HostName)>,
    /// Why hosts could not be reached, as it was told last.
    failed: BTreeMap<(EnvName, HostName), String>,
    /// What was told last of the lock of each environment; of this machine under no name.
    told: BTreeMap<String, String>,
}

impl Face for PlainFace {
    const HOLDS_TEXT: bool = true;

    fn record(&mut self, record: &Record, state: &RunState) -> Vec<String> {
        let at = clock(record.at);
        sentences(&record.event, state)
            .into_iter()
            .map(|line| ansi::plain(format!("{at} {line}").as_bytes()))
            .collect()
    }

    fn output(&mut self, line: &Line<'_>, state: &RunState) -> Option<String> {
        let place = state
            .position(line.task)
            .map(|position| state.planned(position).1);
        let (site, step) =
            place.map_or(("?", "?"), |task| (task.site.as_str(), task.step.as_str()));
        Some(format!(
            "{} {site} {step} | {}",
            clock(line.at),
            ansi::plain(line.bytes)
        ))
    }

    fn link(&mut self, env: &EnvName, host: &HostName, link: &Link) -> Option<String> {
        let of = (env.clone(), host.clone());
        match link {
            Link::Lost { why, retry_in } => {
                self.lost.insert(of);
                Some(format!(
                    "LOST: {host} ({env}), {}; retry in {}",
                    ansi::plain(why.as_bytes()),
                    duration(*retry_in)
                ))
            }
            Link::Failed { why, .. } => {
                // Asked again and again, it is told once.
                let known = self.failed.insert(of, why.clone());
                (known.as_ref() != Some(why)).then(|| {
                    let why = ansi::plain(why.as_bytes());
                    format!("FAILED: connection to {host} ({env}): {why}")
                })
            }
            Link::Connected(_) if self.failed.remove(&of).is_some() | self.lost.remove(&of) => {
                Some(format!("BACK: {host} ({env})"))
            }
            Link::Connecting | Link::Connected(_) => None,
        }
    }

    fn lock(&mut self, env: &EnvName, news: &LockNews) -> Option<String> {
        let text = match news {
            LockNews::Taking => return None,
            LockNews::Busy(busy) => format!(
                "LOCKED: {env} by {}, {}; {}",
                holders::who(busy.holder.as_ref()),
                holders::facts(busy.holder.as_ref(), super::session::now()),
                holders::heard(busy)
            ),
            LockNews::Occupied(remains) => format!(
                "lock of {env}: waits for what the former holder started: {}",
                holders::remains(remains)
            ),
            LockNews::Failed { why, retry_in } => {
                format!("lock of {env}: {why}; {}", holders::again_in(*retry_in))
            }
        };
        let text = ansi::plain(text.as_bytes());
        // The same again every few seconds says nothing new.
        let told = self.told.insert(env.to_string(), text.clone());
        (told.as_ref() != Some(&text)).then_some(text)
    }

    fn here(&mut self, why: &str, retry_in: Duration) -> Option<String> {
        let why = ansi::plain(why.as_bytes());
        let told = self.told.insert(String::new(), why.clone());
        (told.as_ref() != Some(&why)).then(|| {
            let again = holders::again_in(retry_in);
            format!("this machine starts nothing: {why}; {again}")
        })
    }
}

fn clock(at: DateTime<FixedOffset>) -> String {
    at.format("%H:%M:%S").to_string()
}

fn numbered(state: &RunState, task: &TaskId) -> String {
    let place = state.position(task).map_or(0, |position| position + 1);
    format!("task {place} of {}, {task}", state.tasks.len())
}

fn sentences(event: &Event, state: &RunState) -> Vec<String> {
    match event {
        Event::RunStarted {
            run,
            project,
            reference,
            commit,
            by,
            reason,
            ..
        } => vec![format!(
            "run {run}: {project}, {} ({reference}), by {by}{}",
            commit.as_ref().map_or("no commit", |commit| commit.short()),
            because(reason.as_deref())
        )],
        Event::StageStarted { stage } => vec![format!("stage {stage}")],
        Event::StageFinished { stage, duration_s } => {
            vec![format!(
                "stage {stage} done in {}",
                seconds(Some(*duration_s))
            )]
        }
        Event::GateReached { env, .. } => gate_sentences(env, state),
        Event::GateApproved {
            env, by, reason, ..
        } => vec![format!(
            "gate of {env} approved by {by}{}",
            because(reason.as_deref())
        )],
        Event::GateRefused { why, .. } => vec![format!("REFUSED: {why}")],
        Event::TagWritten {
            tag,
            live,
            remote,
            commit,
        } => vec![tag_sentence(
            tag.as_deref(),
            live.as_deref(),
            remote.as_deref(),
            commit.short(),
        )],
        Event::DecisionTaken {
            decision,
            tasks,
            host,
            by,
            reason,
        } => {
            let about = (tasks.as_slice(), host.as_ref());
            vec![decision_sentence(decision, about, by, reason.as_deref())]
        }
        Event::LockTaken {
            env, grant, from, ..
        } => {
            let from = from.as_ref().map_or_else(String::new, |from| {
                format!(", taken over from {}", holders::who(Some(from)))
            });
            vec![format!(
                "lock: {env} taken{from}, {}",
                holders::kept_at(grant)
            )]
        }
        Event::LockReleased {
            env, left, lost, ..
        } => vec![lock_gone_sentence(env, left, lost.as_deref())],
        Event::RunFinished {
            outcome,
            duration_s,
            downtime_s,
        } => finish_sentences(state, *outcome, *duration_s, downtime_s),
        event => vec![task_sentence(event, state)],
    }
}

fn gate_sentences(env: &EnvName, state: &RunState) -> Vec<String> {
    let mut lines = vec![
        format!("GATE: {env} needs a decision before anything there starts"),
        progress::users_see(state),
    ];
    let dirty = state.plan.dirty.len();
    if dirty > 0 {
        let changes = plural("uncommitted change", dirty);
        lines.push(format!("{changes}: not part of the release"));
    }
    lines
}

fn task_sentence(event: &Event, state: &RunState) -> String {
    match event {
        Event::TaskStarted { task, attempt, .. } => {
            let again = if attempt.0 > 1 {
                format!(", attempt {attempt}")
            } else {
                String::new()
            };
            let planned = state.position(task).map(|at| state.planned(at).1);
            // A script of several lines is named by what it is about: its first line says nothing.
            let what = planned.map_or("", |task| match task.action.text().trim() {
                text if text.contains('\n') => &task.about,
                text => text,
            });
            let what = what.lines().next().unwrap_or_default();
            format!(
                "start: {}{again}: {}",
                numbered(state, task),
                ansi::plain(what.as_bytes())
            )
        }
        Event::TaskFinished {
            task,
            duration_s,
            evidence,
            ..
        } => {
            let proof: Vec<String> = evidence
                .iter()
                .map(|(key, value)| format!("{key} {}", ansi::plain(value.as_bytes())))
                .collect();
            let proof = if proof.is_empty() {
                String::new()
            } else {
                format!(" ({})", proof.join(", "))
            };
            format!(
                "ok: {} in {}{proof}",
                numbered(state, task),
                seconds(Some(*duration_s))
            )
        }
        Event::TaskFailed {
            task,
            ending,
            duration_s,
            retry_at,
            ..
        } => {
            let then =
                retry_at.map_or_else(String::new, |at| format!(", tried again at {}", clock(at)));
            format!(
                "FAILED: {}, {ending} after {}{then}",
                numbered(state, task),
                seconds(Some(*duration_s))
            )
        }
        Event::TaskInterrupted { task, why, .. } => {
            format!(
                "UNKNOWN: {}: {}",
                numbered(state, task),
                ansi::plain(why.as_bytes())
            )
        }
        Event::TaskSkipped { task, why } => format!("skip: {}: {why}", numbered(state, task)),
        _ => String::new(),
    }
}

fn tag_sentence(
    tag: Option<&str>,
    live: Option<&str>,
    remote: Option<&str>,
    commit: &str,
) -> String {
    let names: Vec<&str> = tag.into_iter().chain(live).collect();
    let names = if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(" and ")
    };
    let pushed = remote.map_or_else(
        || ", not pushed".to_owned(),
        |remote| format!(", pushed to {remote}"),
    );
    format!("tag: {names} on {commit}{pushed}")
}

fn lock_gone_sentence(
    env: &EnvName,
    left: &BTreeMap<String, String>,
    lost: Option<&str>,
) -> String {
    if let Some(why) = lost {
        return format!("LOCK LOST: {env}: {why}; nothing more is started there under it");
    }
    let left: Vec<String> = left
        .iter()
        .map(|(place, why)| format!("{place} ({why})"))
        .collect();
    if left.is_empty() {
        return format!("lock: {env} released");
    }
    format!("lock: {env} released, but not told to {}", few(&left, FEW))
}

/// A reason behind what it is the reason of.
fn because(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(" ({reason})"))
}

fn decision_sentence(
    decision: &Decision,
    (tasks, host): (&[TaskId], Option<&LeftOut>),
    by: &str,
    reason: Option<&str>,
) -> String {
    let what = match decision {
        Decision::Retry => "retry",
        Decision::CountAsDone => "count as done",
        Decision::Skip => "skip",
        Decision::LeaveOut => "leave out",
        Decision::KeepLock => "keep the locks when the run ends without success",
        Decision::FreeLock => "release the locks when the run ends",
        Decision::Stop => "stop when what runs has ended",
        Decision::Kill => "end what runs, and stop",
        Decision::Pause => "pause",
        Decision::Continue => "go on",
    };
    let tasks: Vec<&str> = tasks.iter().map(TaskId::as_str).collect();
    let about = match (host, tasks.as_slice()) {
        (Some(out), []) => format!(" {} of {}", out.host, out.env),
        (Some(out), tasks) => format!(
            " {} of {}, and with it {}",
            out.host,
            out.env,
            few(tasks, FEW)
        ),
        (None, []) => String::new(),
        (None, tasks) => format!(" {}", few(tasks, FEW)),
    };
    format!("decision: {what}{about}, by {by}{}", because(reason))
}

fn finish_sentences(
    state: &RunState,
    outcome: Outcome,
    duration_s: f64,
    downtime_s: &BTreeMap<EnvName, BTreeMap<HostName, f64>>,
) -> Vec<String> {
    let word = match outcome {
        Outcome::Succeeded => "DONE",
        Outcome::Failed => "FAILED",
        Outcome::Stopped => "STOPPED",
        Outcome::RolledBack => "ROLLED BACK",
    };
    let mut lines = vec![format!(
        "{word}: run {} after {}",
        state.run,
        seconds(Some(duration_s))
    )];
    for (env, hosts) in downtime_s {
        let hosts: Vec<String> = hosts
            .iter()
            .map(|(host, down)| format!("{host} {}", seconds(Some(*down))))
            .collect();
        lines.push(format!("down at most on {env}: {}", hosts.join(", ")));
    }
    for ((env, _), why) in &state.left_out {
        lines.push(format!("on {env} {why}"));
    }
    lines.push(progress::users_see(state));
    lines
}
