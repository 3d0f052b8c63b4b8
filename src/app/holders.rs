//! Locks in words: who has one, what is kept and what was released, for every face and for errors.
//!
//! Pure. What comes from other machines is escaped where it is printed.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::report::{Code, Failure};
use crate::domain::id::{EnvName, HostName};
use crate::domain::lock::{Busy, Grant, Holder, KeptAt, LockView, Remains};
use crate::domain::run::{Moment, RunState, RunStatus};
use crate::domain::text::{age, duration};

/// Who it is: `ana@laptop`, or that nobody knows.
pub fn who(holder: Option<&Holder>) -> &str {
    holder.map_or("somebody who has not said who", |holder| &holder.by)
}

/// When and why a lock was taken: `for run …, since 21:03 (4m ago), because: hotfix`.
pub fn facts(holder: Option<&Holder>, now: Moment) -> String {
    let Some(holder) = holder else {
        return "its record cannot be read".to_owned();
    };
    let run = holder.run.as_ref().map_or_else(
        || "taken by hand".to_owned(),
        |run| format!("for run {run}"),
    );
    let past = (now - holder.since).to_std().unwrap_or_default();
    let since = holder.since.format("%Y-%m-%d %H:%M:%S");
    let reason = holder.reason.as_ref().map_or_else(
        || "no reason given".to_owned(),
        |reason| format!("reason: {reason}"),
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
        busy.id
    ))
}

/// Where a lock is kept: `kept at origin, web1, web2; not at web3 (why)`.
pub fn kept_at(grant: &Grant) -> String {
    let hosts = grant.epochs.keys().map(HostName::as_str);
    let places: Vec<&str> = grant.remote.as_deref().into_iter().chain(hosts).collect();
    let kept = if places.is_empty() {
        "kept nowhere else".to_owned()
    } else {
        format!("kept at {}", places.join(", "))
    };
    let without = grant.without.iter();
    let without: Vec<String> = without
        .map(|(place, why)| format!("{place} ({why})"))
        .collect();
    if without.is_empty() {
        return kept;
    }
    format!("{kept}; not at {}", without.join(", "))
}

/// What a former holder may still run, and where.
pub fn remains(remains: &[Remains]) -> String {
    let of = |remains: &Remains| format!("{}: {}", remains.host, remains.attempts.join(", "));
    remains.iter().map(of).collect::<Vec<_>>().join("; ")
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
                "{env} released, but {} could not be told and may still show it: {command} lock {env} --release",
                left.join(", ")
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
