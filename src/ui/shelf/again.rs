//! Again: what of the past stays when the list comes once more, and what has to be found out anew.
//!
//! Everything is compared by what it was found out of: counts by the release before, signatures by the tag object, details by
//! the release as a whole, differences by the commits at their ends. Owns nothing.

use std::collections::HashMap;

use super::Range;
use crate::domain::catalog::{Catalog, Detail, OnRemote, Release, Signature};
use crate::domain::id::Commit;
use crate::domain::release::{as_said, full_name};

/// Whether an end of a range is on another commit by now; where either catalog does not tell, it is not.
pub(super) fn has_moved((from, to): &Range, old: &Catalog, new: &Catalog) -> bool {
    [from, to].into_iter().any(|word| {
        let ends = (end_of(old, word), end_of(new, word));
        matches!(ends, (Some(was), Some(is)) if was != is)
    })
}

/// Whether two catalogs have the same commits in the same order.
pub(super) fn are_the_same(old: &Catalog, new: &Catalog) -> bool {
    let (old, new) = (old.releases.iter(), new.releases.iter());
    old.map(|one| &one.commit).eq(new.map(|one| &one.commit))
}

/// The commit that a word of a range names by a catalog; `None` = it does not tell.
fn end_of<'a>(catalog: &'a Catalog, word: &str) -> Option<&'a Commit> {
    if word == "HEAD" {
        return catalog.head.as_ref();
    }
    let tag = as_said(word);
    if let Some(live) = catalog.live.as_ref().filter(|live| live.name == tag) {
        return Some(&live.commit);
    }
    let mut releases = catalog.releases.iter();
    let release = releases.find(|release| release.tag == tag)?;
    Some(&release.commit)
}

/// Whether the release before one that was told as a whole is on the same commit as it was.
pub(super) fn is_since_the_same(old: &Catalog, new: &Catalog, detail: &Detail) -> bool {
    let moved = |before: &String| has_moved(&(full_name(before), String::new()), old, new);
    !detail.before.as_ref().is_some_and(moved)
}

/// Whether what was told of a release as a whole is still so: it has not changed, and the same comes before it. What is
/// counted, verified, compared and read later beside it is no part of that.
pub(super) fn holds(catalog: &Catalog, detail: &Detail) -> bool {
    let of = |release: &Release| Release {
        subject: String::new(),
        untold: false,
        commits: None,
        signature: Signature::None,
        remote: OnRemote::Unknown,
        ..release.clone()
    };
    let mut releases = catalog.releases.iter();
    let Some(now) = releases.find(|release| release.tag == detail.release.tag) else {
        return false;
    };
    let before = releases.next().map(|before| &before.tag);
    let is_part = before.is_none() && catalog.releases.len() < catalog.total;
    of(now) == of(&detail.release) && (is_part || before == detail.before.as_ref())
}

/// What was found out of releases before still holds for those that are the same: commits counted with the same one before
/// them, signatures, and subjects until they are read again.
pub(super) fn carry(old: &Catalog, new: &mut Catalog) {
    let behind = |releases: &[Release], at: usize| {
        let next = releases.get(at + 1);
        next.map(|release| (release.tag.clone(), release.commit.clone()))
    };
    let found_out = |release: &Release| {
        let is_told = !release.untold && !release.subject.is_empty();
        release.commits.is_some() || release.signature != Signature::Unchecked || is_told
    };
    let places = old.releases.iter().enumerate();
    let known: HashMap<&str, usize> = places
        .filter(|(_, release)| found_out(release))
        .map(|(at, release)| (release.tag.as_str(), at))
        .collect();
    for at in 0..new.releases.len() {
        let Some(was) = known.get(new.releases[at].tag.as_str()) else {
            continue;
        };
        let is_before = behind(&new.releases, at) == behind(&old.releases, *was);
        let (release, known) = (&mut new.releases[at], &old.releases[*was]);
        if is_before && known.commit == release.commit {
            release.commits = release.commits.or(known.commits);
        }
        // A signature is that of one tag object: whoever made the tag anew on the same commit made another one.
        if known.object == release.object && release.signature == Signature::Unchecked {
            release.signature = known.signature.clone();
        }
        if known.object == release.object && release.untold {
            release.subject.clone_from(&known.subject);
        }
    }
}
