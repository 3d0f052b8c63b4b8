//! Locks in words: who has one, what is kept and what was released, for every face and for errors.
//!
//! Pure. What comes from other machines is escaped where it is printed.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::report::{Code, Failure};
use crate::domain::id::{EnvName, HostName};
use crate::domain::lock::{Busy, Grant, Holder, KeptAt, LockView, Remains};
use crate::domain::run::{Moment, RunState, RunStatus};
use crate::domain::text::{age, duration, ellipsis, few, visible};

/// So many names of places are told one by one.
const FEW: usize = 6;
/// Longer reasons are cut, in columns.
const LONGEST_REASON: usize = 300;

/// Who it is: `ana@laptop`, or that nobody knows. In one line, whatever was written there.
pub fn who(holder: Option<&Holder>) -> String {
    holder.map_or_else(
        || "somebody who has not said who".to_owned(),
        |holder| one_line(&holder.by),
    )
}

/// A text from another machine in one line, so that it cannot pass for a line of golive's own.
fn one_line(text: &str) -> String {
    ellipsis(&visible(text), LONGEST_REASON)
}

/// When and why a lock was taken: `for run …, since 21:03 (4m ago), because: hotfix`.
pub fn facts(holder: Option<&Holder>, now: Moment) -> String {
    let Some(holder) = holder else {
        return "its record cannot be read".to_owned();
    };
    let run = holder.run.as_ref().map_or_else(
        || "taken by hand".to_owned(),
        |run| format!("for run {}", one_line(run.as_str())),
    );
    let past = (now - holder.since).to_std().unwrap_or_default();
    let since = holder.since.format("%Y-%m-%d %H:%M:%S");
    let reason = holder.reason.as_ref().map_or_else(
        || "no reason given".to_owned(),
        |reason| format!("reason: {}", one_line(reason)),
    );
    format!("{run}, since {since} ({}), {reason}", ago(past))
}

fn ago(past: std::time::Duration) -> String {
    match age(past).as_str() {
        "now" => "just now".to_owned(),
        age => format!("{age} ago"),
    }
}

/// When the holder was last heard of, and where that was seen.
pub fn heard(busy: &Busy) -> String {
    let heard = busy.beat_s.map_or_else(
        || "when it was last heard of is not known".to_owned(),
        |beat| {
            format!(
                "last heard of {}",
                ago(std::time::Duration::from_secs(beat))
            )
        },
    );
    format!("{heard}, seen at {}", busy.place)
}

/// Who holds a lock, with what its places know together: a remote does not know when the holder was last heard of.
pub fn best_known(view: &LockView) -> Option<Busy> {
    let mut known = view.held()?.clone();
    for (_, kept) in &view.places {
        if let KeptAt::Held(busy) = kept
            && busy.id == known.id
        {
            known.holder = known.holder.or_else(|| busy.holder.clone());
            if let Some(beat) = busy.beat_s
                && known.beat_s.is_none_or(|best| beat < best)
            {
                known.beat_s = Some(beat);
                known.place.clone_from(&busy.place);
            }
        }
    }
    Some(known)
}

/// Somebody else has the lock of an environment: exit code 4.
pub fn locked(env: &EnvName, busy: &Busy, command: &str, now: Moment) -> Failure {
    let holder = busy.holder.as_ref();
    Failure::new(
        Code::Locked,
        format!("{env} is locked by {}", who(holder)),
    )
    .details(format!("{}\n{}", facts(holder, now), heard(busy)))
    .help(format!("{command} lock {env} shows where it is held"))
    .help(format!(
        "{command} lock {env} --steal {} takes it over: nothing new of theirs starts there any more",
        one_line(busy.id.as_str())
    ))
}

/// Where a lock is kept: `kept at origin, web1, web2; not at web3 (why)`.
pub fn kept_at(grant: &Grant) -> String {
    let hosts = grant.epochs.keys().map(HostName::as_str);
    let places: Vec<&str> = grant.remote.as_deref().into_iter().chain(hosts).collect();
    let kept = if places.is_empty() {
        "kept nowhere else".to_owned()
    } else {
        format!("kept at {}", few(&places, FEW))
    };
    let without = grant.without.iter();
    let without: Vec<String> = without
        .map(|(place, why)| format!("{place} ({why})"))
        .collect();
    if without.is_empty() {
        return kept;
    }
    format!("{kept}; not at {}", few(&without, FEW))
}

/// What a former holder may still run, and where.
pub fn remains(remains: &[Remains]) -> String {
    let of = |remains: &Remains| {
        let attempts: Vec<String> = remains.attempts.iter().map(|name| one_line(name)).collect();
        format!("{} on {}", few(&attempts, FEW), remains.host)
    };
    few(&remains.iter().map(of).collect::<Vec<_>>(), FEW)
}

/// A pause before the next try.
pub fn again_in(time: std::time::Duration) -> String {
    format!("asked again in {}", duration(time))
}

/// What became of a run's locks, in one line: which were released while this process drove it, and which are kept.
/// `None` = the run has nothing to do with locks.
pub fn standing(
    state: &RunState,
    ended: &BTreeMap<EnvName, Gone>,
    command: &str,
) -> Option<String> {
    let envs: BTreeSet<&EnvName> = state
        .plan
        .stages
        .iter()
        .filter_map(|stage| stage.env.as_ref())
        .collect();
    if envs.is_empty() {
        return None;
    }
    let mut parts = Vec::new();
    for (env, gone) in ended
        .iter()
        .filter(|(env, _)| !state.locks.contains_key(*env))
    {
        parts.push(match gone {
            Gone::Released(left) if left.is_empty() => format!("{env} released"),
            Gone::Released(left) => format!(
                "{env} released, but {} could not be told and may still show it: {command} lock {env} --release tells them",
                few(left, FEW)
            ),
            Gone::Lost => format!("{env} lost to somebody else"),
        });
    }
    let has_ended = matches!(state.status, RunStatus::Finished(_));
    for env in state.locks.keys() {
        let why = if has_ended {
            "kept"
        } else {
            "kept for this run"
        };
        parts.push(format!(
            "{env} {why}, {command} lock {env} --release gives it back"
        ));
    }
    if parts.is_empty() {
        parts.push("none is held".to_owned());
    }
    Some(format!("locks: {}", parts.join("; ")))
}

/// How a lock that was held is not held any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gone {
    /// It was given back; these places could not be told.
    Released(Vec<String>),
    /// Somebody else ended it.
    Lost,
}
