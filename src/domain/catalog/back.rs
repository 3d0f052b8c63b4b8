//! Going back: what is live in an environment, what was live there before, and what of it can be gone back to.
//!
//! The releases of an environment are walked in the order of their time as a pile: a release is laid on it, a rollback
//! takes from it until the release lies open that it went back to. So a second rollback goes further back and never
//! forward, and what has to be undone is what lies above.

use std::collections::BTreeSet;

use super::timeline::{Candidate, Entry, Verdicts, commit_at, timeline};
use super::{Bad, Catalog, Point};
use crate::domain::id::{Commit, EnvName};

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
    /// So many commits begin like this.
    Ambiguous(usize),
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
        let is_above =
            |above: &&Candidate| above.point.commit != to.point.commit && above.place > to.place;
        self.pile.iter().take_while(is_above).collect()
    }

    /// What lies under something on the pile: what ran there before it.
    pub fn under(&self, release: &Candidate) -> Option<&Candidate> {
        let at = self.pile.iter().position(|lying| lying == release)?;
        self.pile.get(at + 1)
    }

    /// The candidate that is meant by a tag or (the beginning of) a commit, else why it is none.
    pub fn choose(&self, catalog: &Catalog, given: &str) -> Result<&Candidate, Refused> {
        let named = |candidate: &&Candidate| candidate.point.tag.as_deref() == Some(given);
        if let Some(candidate) = self.candidates.iter().find(named) {
            return Ok(candidate);
        }
        let live = self.live.as_ref().map(|live| &live.point.commit);
        let named = catalog.releases.iter().find(|release| release.tag == given);
        let is_live_tag = catalog.live.as_ref().is_some_and(|live| live.name == given);
        let commit = match named.map(|release| &release.commit) {
            Some(commit) => commit,
            None if is_live_tag => live.ok_or(Refused::Unknown)?,
            None => self.commit(catalog, given)?,
        };
        let same = |candidate: &&Candidate| candidate.point.commit == *commit;
        if let Some(candidate) = self.candidates.iter().find(same) {
            return Ok(candidate);
        }
        if live == Some(commit) {
            return Err(Refused::Live);
        }
        let timeline = timeline(catalog, &self.env);
        if let Some(bad) = Verdicts::of(catalog, &self.env).bad(commit) {
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

    /// The only known commit that begins like this.
    fn commit<'a>(&'a self, catalog: &'a Catalog, given: &str) -> Result<&'a Commit, Refused> {
        if given.len() < 4 || !given.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Refused::Unknown);
        }
        let start = given.to_lowercase();
        let released = catalog.releases.iter().map(|release| &release.commit);
        let brought = catalog.brought.iter().map(|brought| &brought.commit);
        let live = self.live.iter().map(|live| &live.point.commit);
        let known = released.chain(brought).chain(live);
        let fits: BTreeSet<&Commit> = known
            .filter(|commit| commit.as_str().starts_with(&start))
            .collect();
        match fits.len() {
            1 => fits.first().copied().ok_or(Refused::Unknown),
            0 => Err(Refused::Unknown),
            many => Err(Refused::Ambiguous(many)),
        }
    }
}

/// How one can go back in an environment, by what the catalog knows of it.
pub fn way_back(catalog: &Catalog, env: &EnvName) -> WayBack {
    let timeline = timeline(catalog, env);
    let (pile, stray) = piled(catalog, env, &timeline);
    let candidates = older(
        catalog,
        env,
        &timeline,
        pile.last().copied(),
        stray.as_ref(),
    );
    let shown = |place: &usize| timeline[*place].candidate.clone();
    let lying = stray.iter().cloned().chain(pile.iter().rev().map(shown));
    WayBack {
        env: env.clone(),
        live: on_top(&timeline, &pile, stray.as_ref()),
        candidates,
        pile: lying.collect(),
    }
}

/// What lies on the pile now, oldest first, by places in the timeline; and what is live and was never laid on it.
fn piled(catalog: &Catalog, env: &EnvName, timeline: &[Entry]) -> (Vec<usize>, Option<Candidate>) {
    let mut pile: Vec<usize> = Vec::new();
    for place in 0..timeline.len() {
        let same = |top: &usize| commit_at(timeline, *top) == commit_at(timeline, place);
        if timeline[place].is_back {
            uncover(&timeline[..=place], &mut pile, place);
        } else if !pile.last().is_some_and(same) {
            // Bringing there again what is there changes nothing; what was done is in the first run.
            pile.push(place);
        }
    }
    let speaks = catalog.released_in.as_ref() == Some(env);
    let Some(live) = catalog.live.as_ref().filter(|_| speaks) else {
        return (pile, None);
    };
    let is_live = |place: &usize| *commit_at(timeline, *place) == live.commit;
    if pile.last().is_some_and(is_live) {
        return (pile, None);
    }
    match (0..timeline.len()).rfind(is_live) {
        Some(place) => {
            uncover(timeline, &mut pile, place);
            (pile, None)
        }
        None => (pile, Some(unknown(&live.commit))),
    }
}

/// What is live. The newest name of it is the one that people know.
fn on_top(timeline: &[Entry], pile: &[usize], stray: Option<&Candidate>) -> Option<Candidate> {
    if let Some(stray) = stray {
        return Some(stray.clone());
    }
    let commit = commit_at(timeline, *pile.last()?);
    let mut newest_first = timeline.iter().rev();
    let named = newest_first.find(|entry| entry.candidate.point.commit == *commit)?;
    Some(named.candidate.clone())
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
    let verdicts = Verdicts::of(catalog, env);
    let newest_first = timeline[..end].iter().rev();
    newest_first
        .filter(|entry| seen.insert(&entry.candidate.point.commit))
        .filter(|entry| verdicts.bad(&entry.candidate.point.commit).is_none())
        .map(|entry| entry.candidate.clone())
        .collect()
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
        place: usize::MAX,
    }
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
        .filter_map(|env| {
            let timeline = timeline(catalog, env);
            let (pile, stray) = piled(catalog, env, &timeline);
            Some((env.clone(), on_top(&timeline, &pile, stray.as_ref())?.point))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Annotation, Brought, Ground, Tag, make};
    use super::*;
    use crate::domain::id::RunId;
    use crate::domain::release::{Left, ReleaseNote, TagPattern};
    use crate::domain::run::{Moment, Outcome};

    fn moment(minute: i64) -> Moment {
        let start = Moment::parse_from_rfc3339("2026-11-20T10:00:00+01:00").unwrap();
        start + chrono::TimeDelta::minutes(minute)
    }

    /// Tags `R-HHMM` in minutes from ten o'clock, each on a commit; some went back from a commit.
    fn catalog(tags: &[(i64, &str, Option<&str>)], live: Option<&str>) -> Catalog {
        catalog_by(&TagPattern::new(Some("R-%F/%H%M")), tags, live)
    }

    fn catalog_by(
        pattern: &TagPattern,
        tags: &[(i64, &str, Option<&str>)],
        live: Option<&str>,
    ) -> Catalog {
        let name = |minute: i64| moment(minute).format("R-%F/%H%M").to_string();
        let of = |commit: &str| tags.iter().find(|(_, other, _)| *other == commit);
        let each = tags.iter().map(|(minute, commit, left)| Tag {
            name: name(*minute),
            object: String::new(),
            commit: Commit::new(*commit),
            annotation: Some(Annotation {
                at: Some(moment(*minute)),
                by: Some("ada".to_owned()),
                note: Some(ReleaseNote {
                    run: Some(RunId::new(format!("run-{minute}"))),
                    envs: vec![EnvName::new("production")],
                    rolled_back: left.map(|left| Left {
                        tag: of(left).map(|(minute, ..)| name(*minute)),
                        commit: Commit::new(left),
                    }),
                    reason: left.map(|_| "carts are lost".to_owned()),
                    ..ReleaseNote::default()
                }),
                ..Annotation::default()
            }),
            committed: None,
        });
        let ground = Ground {
            live_name: Some("LIVE".to_owned()),
            live: live.map(Commit::new),
            released_in: Some(EnvName::new("production")),
            ..Ground::default()
        };
        make(each.collect(), pattern, ground)
    }

    fn back(catalog: &Catalog) -> WayBack {
        way_back(catalog, &EnvName::new("production"))
    }

    fn commits<'a>(candidates: impl IntoIterator<Item = &'a Candidate>) -> String {
        let each = candidates.into_iter();
        let each: Vec<&str> = each.map(|one| one.point.commit.as_str()).collect();
        each.join(" ")
    }

    #[test]
    fn what_is_older_than_what_is_live_can_be_gone_back_to() {
        let catalog = catalog(
            &[(1, "c1", None), (2, "c2", None), (3, "c3", None)],
            Some("c3"),
        );
        let back = back(&catalog);
        assert_eq!(back.live.as_ref().unwrap().point.commit.as_str(), "c3");
        assert_eq!(commits(&back.candidates), "c2 c1");
        assert_eq!(commits(back.taken_back(&back.candidates[0])), "c3");
        assert_eq!(commits(back.taken_back(&back.candidates[1])), "c3 c2");
    }

    #[test]
    fn a_commit_is_meant_only_when_no_other_begins_like_it() {
        let tags = [(1, "abcd1", None), (2, "abcd2", None), (3, "eeee3", None)];
        let catalog = catalog(&tags, Some("eeee3"));
        let back = back(&catalog);
        assert_eq!(back.choose(&catalog, "abcd"), Err(Refused::Ambiguous(2)));
        assert_eq!(commits(back.choose(&catalog, "ABCD1")), "abcd1");
        assert_eq!(back.choose(&catalog, "abc"), Err(Refused::Unknown));
        assert_eq!(back.choose(&catalog, "LIVE"), Err(Refused::Live));
    }

    #[test]
    fn what_was_left_by_name_is_bad_also_when_a_clock_was_late() {
        // Who went back had a clock that was an hour late: the record stands before the release it names.
        let tags = [
            (1, "c1", None),
            (2, "c2", None),
            (62, "c3", None),
            (5, "c2", Some("c3")),
            (70, "c4", None),
        ];
        let catalog = catalog(&tags, Some("c4"));
        assert_eq!(commits(&back(&catalog).candidates), "c2 c1");
        // Released again, it is good again.
        let again = [tags.as_slice(), &[(65, "c3", None)]].concat();
        let catalog = self::catalog(&again, Some("c4"));
        assert_eq!(commits(&back(&catalog).candidates), "c3 c2 c1");
    }

    #[test]
    fn a_second_rollback_goes_further_back_and_never_forward() {
        let tags = [
            (1, "c1", None),
            (2, "c2", None),
            (3, "c3", None),
            (4, "c2", Some("c3")),
        ];
        let catalog = catalog(&tags, Some("c2"));
        let back = back(&catalog);
        let live = back.live.as_ref().unwrap();
        assert_eq!(live.point.tag.as_deref(), Some("R-2026-11-20/1004"));
        assert_eq!(commits(&back.candidates), "c1");
        // What is taken back is the release of then, with its run, and not the going back to it.
        let taken = back.taken_back(&back.candidates[0]);
        assert_eq!(commits(taken.clone()), "c2");
        assert_eq!(taken[0].run, Some(RunId::new("run-2")));
        let bad = catalog
            .releases
            .iter()
            .find(|release| release.commit.as_str() == "c3");
        let bad = bad.unwrap().bad.as_ref().unwrap();
        assert_eq!(bad.by_tag.as_deref(), Some("R-2026-11-20/1004"));
        assert_eq!(bad.reason.as_deref(), Some("carts are lost"));
        assert!(matches!(
            back.choose(&catalog, "R-2026-11-20/1003"),
            Err(Refused::Bad(_))
        ));
        assert_eq!(
            back.choose(&catalog, "R-2026-11-20/1002"),
            Err(Refused::Live)
        );
        assert_eq!(back.choose(&catalog, "v1"), Err(Refused::Unknown));
    }

    #[test]
    fn what_was_left_is_no_candidate_until_it_is_released_again() {
        let mut tags = vec![
            (1, "c1", None),
            (2, "c2", None),
            (3, "c1", Some("c2")),
            (4, "c3", None),
        ];
        let left = catalog(&tags, Some("c3"));
        assert_eq!(commits(&back(&left).candidates), "c1");
        let named = back(&left).candidates[0].point.tag.clone();
        assert_eq!(named.as_deref(), Some("R-2026-11-20/1003"));
        tags.extend([(5, "c2", None), (6, "c4", None)]);
        let again = catalog(&tags, Some("c4"));
        assert_eq!(commits(&back(&again).candidates), "c2 c3 c1");
        assert!(back(&again).choose(&again, "R-2026-11-20/1002").is_ok());
    }

    #[test]
    fn what_was_taken_back_is_not_taken_back_again() {
        let tags = [
            (1, "c1", None),
            (2, "c2", None),
            (3, "c3", None),
            (4, "c1", Some("c3")),
            (5, "c4", None),
        ];
        let catalog = catalog(&tags, Some("c4"));
        let back = back(&catalog);
        assert_eq!(commits(&back.candidates), "c1 c2");
        assert_eq!(commits(back.taken_back(&back.candidates[0])), "c4");
        assert_eq!(commits(back.taken_back(&back.candidates[1])), "c4");
    }

    #[test]
    fn live_on_no_release_is_live_all_the_same() {
        let catalog = catalog(&[(1, "c1", None), (2, "c2", None)], Some("ffff"));
        let back = back(&catalog);
        assert_eq!(back.live.as_ref().unwrap().point.tag, None);
        assert_eq!(commits(&back.candidates), "c2 c1");
        assert_eq!(commits(back.taken_back(&back.candidates[1])), "ffff c2");
        assert_eq!(catalog.troubles, ["LIVE is on ffff, which is no release"]);
    }

    #[test]
    fn live_moved_by_hand_to_an_older_release_stands_there() {
        let catalog = catalog(
            &[(1, "c1", None), (2, "c2", None), (3, "c3", None)],
            Some("c2"),
        );
        let back = back(&catalog);
        assert_eq!(commits(&back.candidates), "c1");
        assert_eq!(
            back.choose(&catalog, "R-2026-11-20/1003"),
            Err(Refused::Newer)
        );
    }

    #[test]
    fn a_tag_of_a_time_that_has_not_come_is_neither_live_nor_marks_anything() {
        let tags = [
            (1, "c1", None),
            (2, "c2", None),
            (3, "c3", None),
            (1_000_000, "c1", Some("c3")),
        ];
        let now = TagPattern::new(Some("R-%F/%H%M")).at(moment(5));
        let catalog = catalog_by(&now, &tags, None);
        let back = back(&catalog);
        assert_eq!(back.live.as_ref().unwrap().point.commit.as_str(), "c3");
        assert_eq!(commits(&back.candidates), "c2 c1");
        assert!(catalog.releases.iter().all(|release| release.bad.is_none()));
        let told = catalog.troubles.join("\n");
        assert!(told.contains("of a time that has not come"), "{told}");
        // Clocks differ by some hours.
        let late = catalog_by(&now, &[(1, "c1", None), (300, "c2", None)], None);
        assert_eq!(late.releases[0].commit.as_str(), "c2");
        assert!(!late.troubles.join(" ").contains("has not come"));
    }

    #[test]
    fn a_rollback_whose_tag_was_written_a_minute_after_it_was_named_marks_what_it_left() {
        let tag = |name: &str, commit: &str, second: i64, left: Option<&str>| Tag {
            name: name.to_owned(),
            object: String::new(),
            commit: Commit::new(commit),
            annotation: Some(Annotation {
                at: Some(moment(3) + chrono::TimeDelta::seconds(second)),
                note: Some(ReleaseNote {
                    envs: vec![EnvName::new("production")],
                    rolled_back: left.map(|left| Left {
                        tag: None,
                        commit: Commit::new(left),
                    }),
                    ..ReleaseNote::default()
                }),
                ..Annotation::default()
            }),
            committed: None,
        };
        let tags = vec![
            tag("R-2026-11-20/1003", "c2", 40, None),
            tag("R-2026-11-20/1003-2", "c3", 50, None),
            tag("R-2026-11-20/1003-3", "c2", 61, Some("c3")),
        ];
        let pattern = TagPattern::new(Some("R-%F/%H%M"));
        let catalog = make(tags, &pattern, Ground::default());
        assert_eq!(catalog.releases[1].commit.as_str(), "c3");
        assert!(catalog.releases[1].bad.is_some());
    }

    #[test]
    fn an_environment_without_tags_has_what_runs_here_brought() {
        let brought = |minute: i64, commit: &str, left: Option<&str>| Brought {
            env: EnvName::new("staging"),
            commit: Commit::new(commit),
            at: moment(minute),
            by: "ada".to_owned(),
            run: RunId::new(format!("run-{minute}")),
            tag: None,
            outcome: Some(Outcome::Succeeded),
            took_s: Some(60.0),
            left: left.map(|left| Left {
                tag: None,
                commit: Commit::new(left),
            }),
            reason: None,
        };
        let catalog = Catalog {
            brought: vec![
                brought(4, "c2", Some("c3")),
                brought(3, "c3", None),
                brought(2, "c2", None),
                brought(1, "c1", None),
            ],
            ..Catalog::default()
        };
        let env = EnvName::new("staging");
        let back = way_back(&catalog, &env);
        assert_eq!(back.live.as_ref().unwrap().point.commit.as_str(), "c2");
        assert_eq!(commits(&back.candidates), "c1");
        assert!(matches!(back.choose(&catalog, "c3"), Err(Refused::Unknown)));
        assert_eq!(standing(&catalog)[0].1.commit.as_str(), "c2");
        assert!(
            way_back(&catalog, &EnvName::new("production"))
                .live
                .is_none()
        );
    }
}
