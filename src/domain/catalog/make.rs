//! Making the catalog: tags and runs become releases in order, with LIVE, what was left, and what is not as it should be.
//!
//! Order: the time in the name, else the tag's own, else the commit's; then the number of a name that was taken, then the
//! tag's own time, then the name. A release that a rollback left is bad, and so are older ones on the same commit; a
//! newer release of that commit is not.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::doubt::{self, Claim, Doubts};
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
    /// Commits of which only the subject is wanted were not read.
    pub is_brief: bool,
}

/// By what releases are ordered, newest first.
type Key = Reverse<(i64, u32, i64)>;

/// The newest of many names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// Their places among the names, in no order; a few more than asked for, because times of places are at most some
    /// hours apart from each other.
    pub places: Vec<usize>,
    /// How many of the names are releases at all.
    pub total: usize,
}

/// The newest `count` releases of these names by the times they say, before any tag is read. `None` when there are not more
/// than that, or when a name says no time, so that only its tag tells its place.
pub fn newest<'a>(
    pattern: &TagPattern,
    names: impl Iterator<Item = &'a str>,
    count: usize,
) -> Option<Newest> {
    let mut keyed = Vec::new();
    for (place, name) in names.enumerate() {
        match pattern.order(name) {
            Some(order) => keyed.push((Reverse(order), place)),
            None if pattern.matches(name) => return None,
            None => {}
        }
    }
    let total = keyed.len();
    if total <= count {
        return None;
    }
    let wanted = count + count / 4 + 4;
    if wanted < total {
        keyed.select_nth_unstable(wanted);
        keyed.truncate(wanted);
    }
    let places = keyed.into_iter().map(|(_, place)| place).collect();
    Some(Newest { places, total })
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
        .map(|tag| one(tag, pattern, &runs, &ground))
        .collect();
    made.sort_by(|one, other| {
        let names = (&one.1.release.tag, &other.1.release.tag);
        one.0.cmp(&other.0).then_with(|| names.1.cmp(names.0))
    });
    let made: Vec<Made> = made.into_iter().map(|(_, made)| made).collect();
    let mut troubles = renamed(&made);
    let claims = made.iter().map(|one| (&one.release.commit, &one.claim));
    let doubts = doubt::doubts(claims, ground.live.as_ref());
    troubles.extend(doubted(&made, &doubts, ground.live_name.as_deref()));
    let mut releases = judged(made, &doubts, &ground.brought);
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
    claim: Claim,
    reason: Option<String>,
    /// Whether it says a time that has not come.
    is_to_come: bool,
}

fn one(
    tag: Tag,
    pattern: &TagPattern,
    runs: &HashMap<&RunId, &Brought>,
    ground: &Ground,
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
    let is_read = tag.committed.is_some();
    let committed = tag.committed.unwrap_or_default();
    let own = own_time(pattern, at, committed.at);
    let is_to_come = pattern.is_to_come(own) || pattern.says_to_come(&tag.name);
    let (at, start) = times(pattern, &tag.name, own);
    let note = note.unwrap_or_default();
    let claim = Claim::of(&note, &tag.commit, is_to_come);
    let brought = note.run.as_ref().and_then(|run| runs.get(run));
    let key = Reverse((
        start.timestamp(),
        pattern.number(&tag.name),
        own.timestamp(),
    ));
    let is_by_commit = subject.is_empty() || is_own_line(&subject, &note);
    let release = Release {
        subject: if is_by_commit {
            committed.subject
        } else {
            subject
        },
        untold: is_by_commit && !is_read && ground.is_brief,
        by: Some(note.operator.clone())
            .filter(|operator| !operator.is_empty())
            .or(by)
            .unwrap_or(committed.by),
        at,
        live: false,
        envs: if note.envs.is_empty() {
            ground.released_in.iter().cloned().collect()
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
        object: tag.object,
        commit: tag.commit,
    };
    (
        key,
        Made {
            release,
            claim,
            reason: note.reason,
            is_to_come,
        },
    )
}

/// The time of a tag, else of its commit: the first that has come.
fn own_time(pattern: &TagPattern, tagged: Option<Moment>, committed: Option<Moment>) -> Moment {
    let mut told = tagged.into_iter().chain(committed);
    let come = told.clone().find(|at| !pattern.is_to_come(*at));
    come.or_else(|| told.next()).unwrap_or_default()
}

/// When a release was made, and the time it is ordered by; `own` is the time of the tag, or of its commit.
fn times(pattern: &TagPattern, name: &str, own: Moment) -> (Moment, Moment) {
    if pattern.is_to_come(own) {
        // Nothing tells when it was made: it stands before all that is known, and is not what is live.
        return (own, Moment::default());
    }
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
fn judged(made: Vec<Made>, doubts: &Doubts, brought: &[Brought]) -> Vec<Release> {
    let mut releases = Vec::with_capacity(made.len());
    let mut verdicts: Vec<(Option<usize>, Left, Bad)> = Vec::new();
    for (place, one) in made.into_iter().enumerate() {
        let is_believed = !doubts.unbelieved.contains(&place);
        if let Some(left) = one.claim.left.filter(|_| is_believed) {
            let bad = Bad {
                by_tag: Some(one.release.tag.clone()),
                by: one.release.by.clone(),
                at: one.release.at,
                reason: one.reason,
            };
            verdicts.push((Some(place), left, bad));
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
            verdicts.push((None, left, bad));
        }
    }
    // The newest verdict stands, so it comes last.
    verdicts.sort_by_key(|(_, _, bad)| bad.at);
    let mut on_commit: BTreeMap<Commit, Vec<usize>> = BTreeMap::new();
    if !verdicts.is_empty() {
        for (place, release) in releases.iter().enumerate() {
            on_commit
                .entry(release.commit.clone())
                .or_default()
                .push(place);
        }
    }
    for (by, left, bad) in verdicts {
        for place in on_commit.get(&left.commit).into_iter().flatten() {
            let release = &mut releases[*place];
            // The order tells more than times do: a tag that was named a minute before it was written has the earlier one.
            let is_older = by.map_or(release.at <= bad.at, |by| *place > by);
            // Nor does the order tell more than names: what was left by name came before, whatever the clocks said then.
            let is_named = left.tag.as_ref() == Some(&release.tag);
            if (is_older || is_named) && bad.by_tag.as_ref() != Some(&release.tag) {
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

/// Says which tags are not believed, or only in part.
fn doubted(made: &[Made], doubts: &Doubts, live: Option<&str>) -> Vec<String> {
    let name = |place: &usize| made[*place].release.tag.as_str();
    let is_to_come = |place: &usize| made[*place].is_to_come;
    let to_come: Vec<&str> = (0..made.len())
        .filter(is_to_come)
        .map(|place| name(&place))
        .collect();
    let mut places: Vec<usize> = doubts.unbelieved.iter().copied().collect();
    places.sort_unstable();
    let unbelieved: Vec<&str> = places.iter().map(name).collect();
    let against: Vec<&str> = doubts.against_live.iter().map(name).collect();
    let told = [
        doubt::to_come(&to_come),
        doubt::told(&unbelieved),
        live.and_then(|live| doubt::against_live(&against, live)),
    ];
    told.into_iter().flatten().collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn newest_of(names: &[String], count: usize) -> Option<(Vec<&str>, usize)> {
        let pattern = TagPattern::new(Some("R-%Y-%m-%d/%H%M"));
        let newest = newest(&pattern, names.iter().map(String::as_str), count)?;
        let mut found: Vec<&str> = newest.places.iter().map(|at| names[*at].as_str()).collect();
        found.sort_unstable();
        Some((found, newest.total))
    }

    #[test]
    fn the_newest_are_told_by_their_names_alone_among_other_tags() {
        let mut names: Vec<String> = (1..=28)
            .flat_map(|day| [format!("R-2026-02-{day:02}/1200"), format!("other-{day}")])
            .collect();
        names.reverse();
        // A few more than were asked for, so that a list is not begun anew for the next row.
        let (found, total) = newest_of(&names, 8).unwrap();
        assert_eq!(total, 28);
        assert_eq!(found.len(), 14);
        assert_eq!(found[13], "R-2026-02-28/1200");
        assert_eq!(found[0], "R-2026-02-15/1200");
    }

    #[test]
    fn there_are_no_newest_of_a_short_list_or_of_names_without_a_time() {
        let names: Vec<String> = (1..=9)
            .map(|day| format!("R-2026-02-0{day}/1200"))
            .collect();
        assert_eq!(newest_of(&names, 9), None);
        assert_eq!(newest_of(&names, 8).unwrap().0.len(), 9);
        assert_eq!(newest_of(&[], 8), None);
        let pattern = TagPattern::of(&crate::domain::release::ReleaseRules {
            matching: vec!["v*".to_owned()],
            ..Default::default()
        });
        let names = ["v1", "v2", "v3"];
        assert!(newest(&pattern, names.into_iter(), 1).is_none());
    }
}
