//! What tags say that cannot be so: marks of releases that are refuted by what was live afterwards.
//!
//! Anybody who can push can write a tag, and golive's note into it. A release is marked bad by another tag only when that
//! note agrees with the tag that it stands in, is of a time that has come, and what was left was not live again later. What
//! is not believed is told. Whoever wants proof signs.

use std::collections::HashSet;

use crate::domain::id::Commit;
use crate::domain::release::{Left, ReleaseNote};
use crate::domain::text::few;

/// So many names stand in a sentence.
const NAMED: usize = 3;

/// What the tag of a release says of what was live before it.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    /// What was left by going back.
    pub(super) left: Option<Left>,
    /// What was live when it was made.
    pub(super) previous: Option<Commit>,
    /// Whether the note agrees with its tag.
    agrees: bool,
}

impl Claim {
    /// What the note in a tag on `commit` claims; `is_to_come` = the tag is of a time that has not come.
    pub(super) fn of(note: &ReleaseNote, commit: &Commit, is_to_come: bool) -> Self {
        let is_its_own = note.commit.as_ref().is_none_or(|said| said == commit);
        let is_left = |left: &Left| {
            let was_live = note.previous.as_ref();
            left.commit != *commit && was_live.is_none_or(|was| *was == left.commit)
        };
        let left = note.rolled_back.clone();
        let agrees = !is_to_come && is_its_own && left.as_ref().is_none_or(is_left);
        Self {
            agrees,
            left,
            previous: note.previous.clone().filter(|_| agrees),
        }
    }
}

/// What is doubtful of claims, by their places.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Doubts {
    /// They mark nothing.
    pub(super) unbelieved: HashSet<usize>,
    /// They say that what LIVE is on was left. A clone's LIVE may be old, so they are believed all the same.
    pub(super) against_live: Vec<usize>,
}

/// What is doubtful of these claims, newest first with the commit of their release.
pub(super) fn doubts<'a>(
    claims: impl Iterator<Item = (&'a Commit, &'a Claim)>,
    live: Option<&Commit>,
) -> Doubts {
    let mut doubts = Doubts::default();
    // What was live later than the claim at hand, and was not released again in between.
    let mut stood: HashSet<&Commit> = HashSet::new();
    let mut live = live;
    for (place, (commit, claim)) in claims.enumerate() {
        if let Some(left) = &claim.left {
            if !claim.agrees || stood.contains(&left.commit) {
                doubts.unbelieved.insert(place);
            } else if live == Some(&left.commit) {
                doubts.against_live.push(place);
            }
        }
        stood.remove(commit);
        stood.extend(&claim.previous);
        live = live.filter(|live| *live != commit);
    }
    doubts
}

/// That these tags mark nothing.
pub(super) fn told(tags: &[&str]) -> Option<String> {
    (!tags.is_empty()).then(|| {
        format!(
            "what these tags say was left is not bad for that, because they contradict themselves or it was live afterwards: {}",
            few(tags, NAMED)
        )
    })
}

/// That these tags say that what LIVE is on was left.
pub(super) fn against_live(tags: &[&str], live: &str) -> Option<String> {
    (!tags.is_empty()).then(|| {
        format!(
            "{live} is on what was left by {}: it is old in this clone, or that is wrong; golive releases verify compares it",
            few(tags, NAMED)
        )
    })
}

/// That these tags are of a time that has not come.
pub(super) fn to_come(tags: &[&str]) -> Option<String> {
    (!tags.is_empty()).then(|| {
        format!(
            "tags of a time that has not come are ordered by when they were made: {}",
            few(tags, NAMED)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(commit: &str, previous: Option<&str>, left: Option<&str>) -> (Commit, Claim) {
        let note = ReleaseNote {
            commit: Some(Commit::new(commit)),
            previous: previous.map(Commit::new),
            rolled_back: left.map(|left| Left {
                tag: None,
                commit: Commit::new(left),
            }),
            ..ReleaseNote::default()
        };
        let commit = Commit::new(commit);
        let claim = Claim::of(&note, &commit, false);
        (commit, claim)
    }

    fn doubted(claims: &[(Commit, Claim)], live: &str) -> Doubts {
        let each = claims.iter().map(|(commit, claim)| (commit, claim));
        doubts(each, Some(&Commit::new(live)))
    }

    #[test]
    fn a_rollback_is_believed_until_what_it_left_was_live_afterwards() {
        let mut claims = vec![
            claim("c2", Some("c3"), Some("c3")),
            claim("c3", Some("c2"), None),
            claim("c2", None, None),
        ];
        assert_eq!(doubted(&claims, "c2"), Doubts::default());
        claims.insert(0, claim("c4", Some("c2"), None));
        assert_eq!(doubted(&claims, "c4"), Doubts::default());
        // The next release found what was left still live: nobody had gone back.
        claims[0] = claim("c4", Some("c3"), None);
        assert_eq!(doubted(&claims, "c4").unbelieved, HashSet::from([1]));
        // Unless it was released again in between.
        claims.insert(1, claim("c3", Some("c2"), None));
        assert_eq!(doubted(&claims, "c4"), Doubts::default());
    }

    #[test]
    fn a_note_that_does_not_agree_with_its_tag_marks_nothing() {
        let others = ReleaseNote {
            commit: Some(Commit::new("c1")),
            rolled_back: Some(Left {
                tag: None,
                commit: Commit::new("c3"),
            }),
            ..ReleaseNote::default()
        };
        let copied = Claim::of(&others, &Commit::new("c2"), false);
        let to_come = Claim::of(&others, &Commit::new("c1"), true);
        let claims = [
            claim("c2", Some("c1"), Some("c3")),
            claim("c3", Some("c3"), Some("c3")),
            (Commit::new("c2"), copied),
            (Commit::new("c1"), to_come),
        ];
        assert_eq!(
            doubted(&claims, "c9").unbelieved,
            HashSet::from([0, 1, 2, 3])
        );
    }

    #[test]
    fn that_live_is_on_what_was_left_is_told_and_the_mark_stays() {
        let claims = [claim("c2", Some("c3"), Some("c3")), claim("c3", None, None)];
        let doubts = doubted(&claims, "c3");
        assert_eq!(doubts.against_live, [0]);
        assert!(doubts.unbelieved.is_empty());
    }
}
