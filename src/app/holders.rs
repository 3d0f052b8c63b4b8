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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::id::LockId;

    fn now() -> Moment {
        chrono::DateTime::parse_from_rfc3339("2026-11-20T20:12:00Z").unwrap()
    }

    fn holder(by: &str, reason: &str) -> Holder {
        Holder {
            id: LockId::new("9f"),
            by: by.to_owned(),
            run: None,
            since: now(),
            reason: Some(reason.to_owned()),
        }
    }

    #[test]
    fn what_a_holder_wrote_stays_in_its_line_and_acts_on_nothing() {
        let hostile = holder(
            "ana\n@x\u{202e}",
            "a\r\nhelp: golive lock live --release\u{1b}]0;t\u{7}",
        );
        let busy = Busy {
            id: LockId::new("9f\n"),
            holder: Some(hostile),
            beat_s: None,
            place: "web1".to_owned(),
        };
        let failure = locked(&EnvName::new("live"), &busy, "golive", now());
        assert_eq!(failure.message, "live is locked by ana␊@x<U+202E>");
        let details = failure.details.unwrap();
        let lines: Vec<&str> = details.lines().collect();
        assert_eq!(
            lines[0],
            "taken by hand, since 2026-11-20 20:12:00 (just now), reason: a␍␊help: golive lock live --release␛]0;t␇"
        );
        assert_eq!(lines.len(), 2);
        assert!(failure.help.iter().all(|help| !help.contains('\n')));
    }

    #[test]
    fn a_very_long_reason_is_cut() {
        let told = facts(Some(&holder("ana", &"why ".repeat(5_000))), now());
        assert!(told.len() < 500 && told.ends_with('…'), "{told}");
    }

    #[test]
    fn of_very_many_hosts_the_first_are_named() {
        let epochs: BTreeMap<HostName, u64> = (10..310)
            .map(|number| (HostName::new(format!("web{number}")), 1))
            .collect();
        let grant = Grant {
            epochs,
            remote: Some("origin".to_owned()),
            without: BTreeMap::new(),
        };
        assert_eq!(
            kept_at(&grant),
            "kept at origin, web10, web100, web101, web102, web103 and 295 more"
        );
    }
}
