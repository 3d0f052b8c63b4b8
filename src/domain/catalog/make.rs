//! Making the catalog: tags and runs become releases in order, with LIVE, what was left, and what is not as it should be.
//!
//! Order: the time in the name, else the tag's own, else the commit's; then the number of a name that was taken, then the
//! tag's own time, then the name. A release that a rollback left is bad, and so are older ones on the same commit; a
//! newer release of that commit is not.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::{
    Annotation, Bad, Brought, Catalog, LiveTag, OnRemote, Release, RemoteTags, Signature, Tag,
};
use crate::domain::id::{Commit, EnvName, RunId};
use crate::domain::release::{Left, ReleaseNote, TagPattern, is_own_line};
use crate::domain::run::{Moment, Outcome};
use crate::domain::text::few;

/// What the catalog is made on, beside tags.
#[derive(Debug, Clone, Default)]
pub struct Ground {
    /// The name of the tag that is moved; `None` = none is wanted.
    pub live_name: Option<String>,
    /// Where it is; `None` = there is no such tag.
    pub live: Option<Commit>,
    /// The environment in which releases are tagged.
    pub released_in: Option<EnvName>,
    /// The branch that is checked out.
    pub branch: Option<String>,
    /// The commit of HEAD.
    pub head: Option<Commit>,
    /// Commits of HEAD that LIVE has not, and the other way round.
    pub apart: Option<(usize, usize)>,
    /// Whether the clone is shallow.
    pub is_shallow: bool,
    /// What runs of this machine brought to environments, newest first.
    pub brought: Vec<Brought>,
    /// How a remote stands to it before it was asked.
    pub remote: RemoteTags,
    /// How many releases there are, when not all of them were read.
    pub total: Option<usize>,
}

/// By what releases are ordered, newest first.
type Key = Reverse<(i64, u32, i64)>;

/// Whether the names of releases tell their order: then the newest are known before any tag is read.
pub fn told_by_name(pattern: &TagPattern, names: &[&str]) -> bool {
    names.iter().all(|name| pattern.time(name).is_some())
}

/// The places of the newest `count` of these names, by the times they say. Times of places are at most some hours apart
/// from each other, so a few more than asked for are told.
pub fn newest(pattern: &TagPattern, names: &[&str], count: usize) -> Vec<usize> {
    let key = |place: &usize| {
        let name = names[*place];
        let start = pattern.time(name).map(|time| time.start);
        Reverse((start, pattern.number(name)))
    };
    let mut places: Vec<usize> = (0..names.len()).collect();
    let count = (count + count / 4 + 4).min(places.len());
    if count < places.len() {
        places.select_nth_unstable_by_key(count, key);
        places.truncate(count);
    }
    places
}

/// The catalog of these tags, of which those that do not fit the pattern are left out.
pub fn make(tags: Vec<Tag>, pattern: &TagPattern, ground: Ground) -> Catalog {
    let runs: HashMap<&RunId, &Brought> = ground
        .brought
        .iter()
        .map(|brought| (&brought.run, brought))
        .collect();
    let mut made: Vec<(Key, Made)> = tags
        .into_iter()
        .filter(|tag| pattern.matches(&tag.name))
        .map(|tag| one(tag, pattern, &runs, ground.released_in.as_ref()))
        .collect();
    made.sort_by(|one, other| {
        let names = (&one.1.release.tag, &other.1.release.tag);
        one.0.cmp(&other.0).then_with(|| names.1.cmp(names.0))
    });
    let made: Vec<Made> = made.into_iter().map(|(_, made)| made).collect();
    let mut troubles = renamed(&made);
    let mut releases = judged(made, &ground.brought);
    let live = ground.live.clone().and_then(|commit| {
        let name = ground.live_name.clone()?;
        Some(live_tag(name, commit, &mut releases, ground.apart))
    });
    if let Some(live) = live
        .as_ref()
        .filter(|live| live.tag.is_none() && !releases.is_empty())
    {
        troubles.insert(
            0,
            format!(
                "{} is on {}, which is no release",
                live.name,
                live.commit.short()
            ),
        );
    }
    if let (None, Some(name), false) = (&live, &ground.live_name, releases.is_empty()) {
        troubles.insert(
            0,
            format!("there is no tag {name}: what is live cannot be told from the tags"),
        );
    }
    if ground.is_shallow {
        troubles.push(
            "this clone is shallow: commits between releases are not counted; git fetch --unshallow brings the rest"
                .to_owned(),
        );
    }
    Catalog {
        total: ground.total.unwrap_or(releases.len()),
        releases,
        live,
        branch: ground.branch,
        head: ground.head,
        remote: ground.remote,
        released_in: ground.released_in,
        brought: ground.brought,
        troubles,
    }
}

/// A release, and what it says of another one.
struct Made {
    release: Release,
    left: Option<Left>,
    reason: Option<String>,
}

fn one(
    tag: Tag,
    pattern: &TagPattern,
    runs: &HashMap<&RunId, &Brought>,
    released_in: Option<&EnvName>,
) -> (Key, Made) {
    let Annotation {
        made_as,
        by,
        at,
        subject,
        note,
        is_signed,
        ..
    } = tag.annotation.unwrap_or_default();
    let committed = tag.committed.unwrap_or_default();
    let own = at.or(committed.at).unwrap_or_default();
    let (at, start) = times(pattern, &tag.name, own);
    let note = note.unwrap_or_default();
    let brought = note.run.as_ref().and_then(|run| runs.get(run));
    let key = Reverse((
        start.timestamp(),
        pattern.number(&tag.name),
        own.timestamp(),
    ));
    let release = Release {
        subject: if subject.is_empty() || is_own_line(&subject, &note) {
            committed.subject
        } else {
            subject
        },
        by: Some(note.operator.clone())
            .filter(|operator| !operator.is_empty())
            .or(by)
            .unwrap_or(committed.by),
        at,
        live: false,
        envs: if note.envs.is_empty() {
            released_in.cloned().into_iter().collect()
        } else {
            note.envs.clone()
        },
        duration_s: Some(note.duration_s)
            .filter(|seconds| *seconds > 0.0)
            .or_else(|| brought.and_then(|brought| brought.took_s)),
        outcome: outcome(&note, brought.copied()),
        commits: None,
        remote: OnRemote::Unknown,
        signature: if is_signed {
            Signature::Unchecked
        } else {
            Signature::None
        },
        rolled_back: note.rolled_back.as_ref().map(|left| {
            left.tag
                .clone()
                .unwrap_or_else(|| left.commit.short().to_owned())
        }),
        bad: None,
        made_as: Some(made_as).filter(|made_as| !made_as.is_empty() && *made_as != tag.name),
        run: note.run,
        tag: tag.name,
        commit: tag.commit,
    };
    (
        key,
        Made {
            release,
            left: note.rolled_back,
            reason: note.reason,
        },
    )
}

/// When a release was made, and the time it is ordered by; `own` is the time of the tag, or of its commit.
fn times(pattern: &TagPattern, name: &str, own: Moment) -> (Moment, Moment) {
    let Some(time) = pattern.time(name) else {
        return (own, own);
    };
    let offset = time.offset.unwrap_or_else(|| *own.offset());
    let local = time.start.and_local_timezone(offset);
    let start = local.single().unwrap_or(own);
    // A tag knows its time better than its name does, when the two agree.
    let at = if time.holds(own) { own } else { start };
    (at, start)
}

/// How a release ended: as its run here did; a tag by golive alone says success.
fn outcome(note: &ReleaseNote, brought: Option<&Brought>) -> Option<Outcome> {
    let here = brought.and_then(|brought| brought.outcome);
    let said = note.run.as_ref().map(|_| match note.rolled_back {
        Some(_) => Outcome::RolledBack,
        None => Outcome::Succeeded,
    });
    here.or(said)
}

/// Marks what was left by rollbacks, as their tags and the runs of this machine say.
fn judged(made: Vec<Made>, brought: &[Brought]) -> Vec<Release> {
    let mut releases = Vec::with_capacity(made.len());
    let mut verdicts: Vec<(Moment, Left, Bad)> = Vec::new();
    for one in made {
        if let Some(left) = one.left {
            let bad = Bad {
                by_tag: Some(one.release.tag.clone()),
                by: one.release.by.clone(),
                at: one.release.at,
                reason: one.reason,
            };
            verdicts.push((one.release.at, left, bad));
        }
        releases.push(one.release);
    }
    for run in brought {
        let is_tagged = run.tag.as_ref().is_some_and(|tag| {
            verdicts
                .iter()
                .any(|(_, _, bad)| bad.by_tag.as_ref() == Some(tag))
        });
        if let Some(left) = run.left.clone().filter(|_| !is_tagged) {
            let bad = Bad {
                by_tag: run.tag.clone(),
                by: run.by.clone(),
                at: run.at,
                reason: run.reason.clone(),
            };
            verdicts.push((run.at, left, bad));
        }
    }
    // The newest verdict stands, so it comes last.
    verdicts.sort_by_key(|(at, ..)| *at);
    let mut on_commit: BTreeMap<Commit, Vec<usize>> = BTreeMap::new();
    if !verdicts.is_empty() {
        for (place, release) in releases.iter().enumerate() {
            on_commit
                .entry(release.commit.clone())
                .or_default()
                .push(place);
        }
    }
    for (at, left, bad) in verdicts {
        for place in on_commit.get(&left.commit).into_iter().flatten() {
            let release = &mut releases[*place];
            if release.at <= at && bad.by_tag.as_ref() != Some(&release.tag) {
                release.bad = Some(bad.clone());
            }
        }
    }
    releases
}

/// Where LIVE is, and marks the newest release there.
pub fn live_tag(
    name: String,
    commit: Commit,
    releases: &mut [Release],
    apart: Option<(usize, usize)>,
) -> LiveTag {
    let newest = releases.iter_mut().find(|release| release.commit == commit);
    let tag = newest.map(|release| {
        release.live = true;
        release.tag.clone()
    });
    LiveTag {
        name,
        commit,
        tag,
        ahead: apart.map(|(ahead, _)| ahead),
        behind: apart.map(|(_, behind)| behind),
    }
}

/// Says which tags were made under another name.
fn renamed(made: &[Made]) -> Vec<String> {
    let renamed: Vec<String> = made
        .iter()
        .filter_map(|one| {
            let made_as = one.release.made_as.as_ref()?;
            Some(format!("{} (made as {made_as})", one.release.tag))
        })
        .collect();
    if renamed.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "somebody gave another name to: {}",
        few(&renamed, 3)
    )]
}
