//! Going back: what is live in an environment, what was live there before, and what of it can be gone back to.
//!
//! The releases of an environment are walked in the order of their time as a pile: a release is laid on it, a rollback
//! takes from it until the release lies open that it went back to. So a second rollback goes further back and never
//! forward, and what has to be undone is what lies above.

use std::collections::BTreeSet;

use super::{Bad, Brought, Catalog, Point, Release};
use crate::domain::id::{Commit, EnvName, RunId};
use crate::domain::run::Moment;

/// A release that was brought to the environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its tag, commit, time and operator.
    pub point: Point,
    /// The run that brought it there; `None` = not known.
    pub run: Option<RunId>,
    /// Seconds that run took.
    pub took_s: Option<f64>,
}

/// How one can go back in an environment.
#[derive(Debug, Clone, PartialEq)]
pub struct WayBack {
    /// The environment.
    env: EnvName,
    /// What is live there; `None` = nothing is known to be. Its tag is `None` when it is on no release.
    pub live: Option<Candidate>,
    /// What can be gone back to, newest first: each commit once.
    pub candidates: Vec<Candidate>,
    /// What lies on the pile, newest first; the first is what is live.
    pile: Vec<Candidate>,
}

/// Why a release cannot be gone back to.
#[derive(Debug, Clone, PartialEq)]
pub enum Refused {
    /// There is no release of this name, and nothing was brought there by this commit.
    Unknown,
    /// It is what is live.
    Live,
    /// It is newer than what is live, or was taken back together with what is.
    Newer,
    /// It was left by a rollback.
    Bad(Bad),
    /// It was never brought to the environment.
    Elsewhere,
}

impl WayBack {
    /// What would be taken back by going to `to`, newest first: what is live, and what was brought there before it and
    /// after `to`. Releases that were taken back already are not among them.
    pub fn taken_back(&self, to: &Candidate) -> Vec<&Candidate> {
        let is_above = |above: &&Candidate| {
            let is_newer = above.point.at.is_none() || above.point.at > to.point.at;
            above.point.commit != to.point.commit && is_newer
        };
        self.pile.iter().take_while(is_above).collect()
    }

    /// The candidate that is meant by a tag or (the beginning of) a commit, else why it is none.
    pub fn choose(&self, catalog: &Catalog, given: &str) -> Result<&Candidate, Refused> {
        let named = |candidate: &&Candidate| candidate.point.tag.as_deref() == Some(given);
        if let Some(candidate) = self.candidates.iter().find(named) {
            return Ok(candidate);
        }
        let is_hash = given.len() >= 4 && given.bytes().all(|byte| byte.is_ascii_hexdigit());
        let fits = |commit: &Commit| is_hash && commit.as_str().starts_with(&given.to_lowercase());
        let release = catalog
            .releases
            .iter()
            .find(|release| release.tag == given)
            .or_else(|| {
                catalog
                    .releases
                    .iter()
                    .find(|release| fits(&release.commit))
            });
        let brought = catalog.brought.iter().find(|brought| fits(&brought.commit));
        let live = self.live.as_ref().map(|live| &live.point.commit);
        let commit = release
            .map(|release| &release.commit)
            .or_else(|| brought.map(|brought| &brought.commit))
            .or_else(|| live.filter(|commit| fits(commit)))
            .ok_or(Refused::Unknown)?;
        let same = |candidate: &&Candidate| candidate.point.commit == *commit;
        if let Some(candidate) = self.candidates.iter().find(same) {
            return Ok(candidate);
        }
        if live == Some(commit) {
            return Err(Refused::Live);
        }
        let timeline = timeline(catalog, &self.env);
        if let Some(bad) = verdict(catalog, &self.env, commit) {
            return Err(Refused::Bad(bad));
        }
        let is_there = timeline
            .iter()
            .any(|entry| entry.candidate.point.commit == *commit);
        Err(if is_there {
            Refused::Newer
        } else {
            Refused::Elsewhere
        })
    }
}

/// Something that was brought to the environment.
struct Entry {
    candidate: Candidate,
    /// Whether that was a rollback.
    is_back: bool,
}

/// How one can go back in an environment, by what the catalog knows of it.
pub fn way_back(catalog: &Catalog, env: &EnvName) -> WayBack {
    let timeline = timeline(catalog, env);
    let mut pile: Vec<usize> = Vec::new();
    for place in 0..timeline.len() {
        if timeline[place].is_back {
            uncover(&timeline[..=place], &mut pile, place);
        } else if pile
            .last()
            .is_none_or(|top| commit_at(&timeline, *top) != commit_at(&timeline, place))
        {
            // Bringing there again what is there changes nothing; what was done is in the first run.
            pile.push(place);
        }
    }
    let mut stray = None;
    let live_tag = catalog.live.as_ref();
    if let Some(live) = live_tag.filter(|_| catalog.released_in.as_ref() == Some(env)) {
        let is_on_top = |top: &usize| *commit_at(&timeline, *top) == live.commit;
        if !pile.last().is_some_and(is_on_top) {
            let on_it = timeline
                .iter()
                .rposition(|entry| entry.candidate.point.commit == live.commit);
            match on_it {
                Some(place) => uncover(&timeline, &mut pile, place),
                None => stray = Some(unknown(&live.commit)),
            }
        }
    }
    let candidates = older(
        catalog,
        env,
        &timeline,
        pile.last().copied(),
        stray.as_ref(),
    );
    let shown = |place: &usize| timeline[*place].candidate.clone();
    let lying: Vec<Candidate> = stray
        .iter()
        .cloned()
        .chain(pile.iter().rev().map(shown))
        .collect();
    let live = lying.first().map(|first| {
        // The newest name of what is live is the one that people know.
        let same = |entry: &&Entry| entry.candidate.point.commit == first.point.commit;
        let named = timeline.iter().rev().find(same);
        named.map_or_else(|| first.clone(), |entry| entry.candidate.clone())
    });
    WayBack {
        env: env.clone(),
        live,
        candidates,
        pile: lying,
    }
}

/// Takes from the pile until that lies open which the entry at `place` went back to.
fn uncover(timeline: &[Entry], pile: &mut Vec<usize>, place: usize) {
    let commit = commit_at(timeline, place);
    if let Some(at) = pile
        .iter()
        .rposition(|lying| commit_at(timeline, *lying) == commit)
    {
        pile.truncate(at + 1);
        return;
    }
    // It was taken from the pile before; it lies again where it lay.
    let stood = timeline
        .iter()
        .rposition(|entry| !entry.is_back && entry.candidate.point.commit == *commit)
        .unwrap_or(place);
    while pile.last().is_some_and(|top| *top > stood) {
        pile.pop();
    }
    pile.push(stood);
}

/// What can be gone back to: what stood before the top of the pile, each commit once by its newest name.
fn older(
    catalog: &Catalog,
    env: &EnvName,
    timeline: &[Entry],
    top: Option<usize>,
    stray: Option<&Candidate>,
) -> Vec<Candidate> {
    let Some(top) = top else {
        return Vec::new();
    };
    let live = stray.map_or_else(|| commit_at(timeline, top), |stray| &stray.point.commit);
    let end = if stray.is_some() { timeline.len() } else { top };
    let mut seen: BTreeSet<&Commit> = BTreeSet::from([live]);
    let newest_first = timeline[..end].iter().rev();
    newest_first
        .filter(|entry| seen.insert(&entry.candidate.point.commit))
        .filter(|entry| verdict(catalog, env, &entry.candidate.point.commit).is_none())
        .map(|entry| entry.candidate.clone())
        .collect()
}

/// What was brought to the environment, oldest first: its releases, and where it has none the runs of this machine.
fn timeline(catalog: &Catalog, env: &EnvName) -> Vec<Entry> {
    let releases = catalog.releases.iter().rev();
    let here = releases.filter(|release| release.envs.contains(env));
    let tagged: Vec<Entry> = here.map(entry_of_release).collect();
    if !tagged.is_empty() {
        return tagged;
    }
    let brought = catalog.brought.iter().rev();
    brought
        .filter(|brought| brought.env == *env)
        .map(entry_of_run)
        .collect()
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
        },
        is_back: brought.left.is_some(),
    }
}

fn commit_at(timeline: &[Entry], place: usize) -> &Commit {
    &timeline[place].candidate.point.commit
}

/// What is live, and on no release.
fn unknown(commit: &Commit) -> Candidate {
    Candidate {
        point: Point {
            tag: None,
            commit: commit.clone(),
            at: None,
            by: None,
        },
        run: None,
        took_s: None,
    }
}

/// Why a commit must not be gone back to: the newest thing that is known of it is that it was left. A release of it after
/// that makes it good again.
fn verdict(catalog: &Catalog, env: &EnvName, commit: &Commit) -> Option<Bad> {
    let newest = catalog
        .releases
        .iter()
        .find(|release| release.commit == *commit);
    if let Some(bad) = newest.and_then(|release| release.bad.clone()) {
        return Some(bad);
    }
    let in_env = || catalog.brought.iter().filter(|brought| brought.env == *env);
    let left = in_env().find(|brought| {
        let left = brought.left.as_ref();
        left.is_some_and(|left| left.commit == *commit)
    })?;
    let later = |at: Moment| at > left.at;
    let is_good_again = in_env().any(|brought| brought.commit == *commit && later(brought.at))
        || newest.is_some_and(|release| later(release.at));
    (!is_good_again).then(|| Bad {
        by_tag: left.tag.clone(),
        by: left.by.clone(),
        at: left.at,
        reason: left.reason.clone(),
    })
}

/// What stands in each environment now, as far as tags and runs here tell: the environment, and what is live there.
pub fn standing(catalog: &Catalog) -> Vec<(EnvName, Point)> {
    let mut envs: Vec<&EnvName> = catalog.released_in.iter().collect();
    let more = catalog.brought.iter().map(|brought| &brought.env);
    for env in more {
        if !envs.contains(&env) {
            envs.push(env);
        }
    }
    envs.into_iter()
        .filter_map(|env| Some((env.clone(), way_back(catalog, env).live?.point)))
        .collect()
}
