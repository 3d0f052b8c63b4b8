//! The timeline of an environment: what was brought there in order, and what of it is bad.
//!
//! Its releases tell, and where tags speak of another environment the runs of this machine. Nothing is left out or moved
//! here: what lies on the pile, and what can be gone back to, is told by `back`.

use std::collections::HashMap;

use super::{Bad, Brought, Catalog, Point, Release};
use crate::domain::id::{Commit, EnvName, RunId};

/// A release that was brought to the environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its tag, commit, time and operator.
    pub point: Point,
    /// The run that brought it there; `None` = not known.
    pub run: Option<RunId>,
    /// Seconds that run took.
    pub took_s: Option<f64>,
    /// Its place in the order of what was brought there, from the oldest. Times do not tell: two releases can be of one
    /// minute.
    pub(super) place: usize,
}

/// Something that was brought to the environment.
pub(super) struct Entry {
    /// What it is; its place is that in the timeline.
    pub(super) candidate: Candidate,
    /// Whether that was a rollback.
    pub(super) is_back: bool,
}

/// What was brought to the environment, oldest first: its releases, and where it has none the runs of this machine.
pub(super) fn timeline(catalog: &Catalog, env: &EnvName) -> Vec<Entry> {
    let runs = || {
        let brought = catalog.brought.iter().rev();
        brought.filter(|brought| brought.env == *env)
    };
    // Where tags speak of another environment, they tell only of those runs that came as far as there.
    let is_told_by_tags = catalog.released_in.as_ref() == Some(env) || runs().next().is_none();
    let releases = catalog.releases.iter().rev();
    let here = releases.filter(|release| is_told_by_tags && release.envs.contains(env));
    let mut timeline: Vec<Entry> = here.map(entry_of_release).collect();
    if timeline.is_empty() {
        timeline = runs().map(entry_of_run).collect();
    }
    for (place, entry) in timeline.iter_mut().enumerate() {
        entry.candidate.place = place;
    }
    timeline
}

fn entry_of_release(release: &Release) -> Entry {
    Entry {
        candidate: Candidate {
            point: Point {
                tag: Some(release.tag.clone()),
                commit: release.commit.clone(),
                at: Some(release.at),
                by: Some(release.by.clone()),
            },
            run: release.run.clone(),
            took_s: release.duration_s,
            place: 0,
        },
        is_back: release.rolled_back.is_some(),
    }
}

fn entry_of_run(brought: &Brought) -> Entry {
    Entry {
        candidate: Candidate {
            point: Point {
                tag: brought.tag.clone(),
                commit: brought.commit.clone(),
                at: Some(brought.at),
                by: Some(brought.by.clone()),
            },
            run: Some(brought.run.clone()),
            took_s: brought.took_s,
            place: 0,
        },
        is_back: brought.left.is_some(),
    }
}

/// The commit of the entry at a place.
pub(super) fn commit_at(timeline: &[Entry], place: usize) -> &Commit {
    &timeline[place].candidate.point.commit
}

/// What is known of commits: which must not be gone back to.
pub(super) struct Verdicts<'a> {
    /// The newest release of each commit.
    newest: HashMap<&'a Commit, &'a Release>,
    /// What runs of this machine brought to the environment, newest first.
    brought: Vec<&'a Brought>,
}

impl<'a> Verdicts<'a> {
    /// What the catalog knows of the commits of an environment.
    pub(super) fn of(catalog: &'a Catalog, env: &EnvName) -> Self {
        let oldest_first = catalog.releases.iter().rev();
        let brought = catalog.brought.iter();
        Self {
            newest: oldest_first
                .map(|release| (&release.commit, release))
                .collect(),
            brought: brought.filter(|brought| brought.env == *env).collect(),
        }
    }

    /// Why a commit must not be gone back to: the newest thing that is known of it is that it was left. A release of it
    /// after that makes it good again.
    pub(super) fn bad(&self, commit: &Commit) -> Option<Bad> {
        let newest = self.newest.get(commit);
        if let Some(bad) = newest.and_then(|release| release.bad.clone()) {
            return Some(bad);
        }
        let left = self.brought.iter().find(|brought| {
            let left = brought.left.as_ref();
            left.is_some_and(|left| left.commit == *commit)
        })?;
        let mut again = self
            .brought
            .iter()
            .filter(|brought| brought.commit == *commit);
        let is_good_again = again.any(|brought| brought.at > left.at)
            || newest.is_some_and(|release| release.at > left.at);
        (!is_good_again).then(|| Bad {
            by_tag: left.tag.clone(),
            by: left.by.clone(),
            at: left.at,
            reason: left.reason.clone(),
        })
    }
}
