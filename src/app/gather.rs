//! Gathering: what the home screen says about a project, from git and from the journals on this machine.
//!
//! Asks everything at the same time and tolerates everything: no repository, no commits, nothing deployed,
//! damaged journals. What could not be found out stays unknown, or is said in `repository_trouble`.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::future::join_all;

use crate::domain::checklist::{Checklist, Gate};
use crate::domain::id::{Commit, EnvName};
use crate::domain::overview::{Changes, Deployed, EnvOverview, Overview, Repository};
use crate::domain::release::{ReleaseRules, TagPattern};
use crate::edge::git::history::End;
use crate::edge::git::tags::TagLine;
use crate::edge::git::{Git, GitError};
use crate::edge::journal::list::{Survey, survey};
use crate::edge::paths::ProjectPaths;

/// How many runs the overview reads.
const NEWEST_RUNS: usize = 100;

/// What is known about the project in `root` whose runs are kept in `project`.
pub async fn gather(root: &Path, checklist: &Checklist, project: &ProjectPaths) -> Overview {
    let git = Git::new(root);
    let project = project.clone();
    let journals = tokio::task::spawn_blocking(move || survey(&project, NEWEST_RUNS));
    let (found, journals) = tokio::join!(look(&git, &checklist.release), journals);
    // Runs that cannot be listed are like no runs here; `golive runs` says why.
    let Survey { runs, deployed } = journals.ok().and_then(Result::ok).unwrap_or_default();
    let (found, repository_trouble) = match found {
        Ok(found) => (Some(found), None),
        Err(why) => (None, Some(in_words(&why))),
    };
    let head = found
        .as_ref()
        .and_then(|found| found.repository.head.clone());
    let live = found.as_ref().and_then(|found| found.deployed.as_ref());
    let environments = environments(checklist, deployed, live);
    Overview {
        project: checklist.project.clone(),
        environments: count_behind(&git, head.as_ref(), environments).await,
        next: found.as_ref().and_then(|found| found.next.clone()),
        repository: found.map(|found| found.repository),
        repository_trouble,
        runs,
    }
}

/// Says that LIVE on the remote is not where it is on this machine, before a run is planned on a wrong idea of
/// what is live, or that there is no such remote. `None` when all is well, or there is nothing to compare: without an
/// `origin` the tags stay here. Asks the remote over the network.
pub async fn live_trouble(git: &Git, rules: &ReleaseRules) -> Result<Option<String>, GitError> {
    let Some(remote) = &rules.remote else {
        return Ok(None);
    };
    if !git.has_remote(remote).await? {
        return Ok((remote != "origin").then(|| {
            format!(
                "the tags cannot be pushed: there is no remote named {remote}; git remote add {remote} URL makes it"
            )
        }));
    }
    let Some(live) = &rules.live else {
        return Ok(None);
    };
    let (here, there) = tokio::try_join!(git.live(live), git.live_on(remote, live))?;
    let Some(there) = there else {
        return Ok(None);
    };
    if here
        .as_ref()
        .is_some_and(|here| here.commit == there.commit)
    {
        return Ok(None);
    }
    let here = here.as_ref().map(|here| &here.commit);
    Ok(Some(released_meanwhile(live, remote, here, &there.commit)))
}

/// What a plan warns of where the tag of what is live is another commit on the remote than here; `here` is `None` where it
/// is not set on this machine. Tells the command that brings it here.
pub fn released_meanwhile(
    live: &str,
    remote: &str,
    here: Option<&Commit>,
    there: &Commit,
) -> String {
    format!(
        "{live} is {} on this machine and {} on {remote}: somebody released meanwhile; \
         git fetch --tags {remote} +refs/tags/{live}:refs/tags/{live} brings it here",
        here.map_or("not set", Commit::short),
        there.short()
    )
}

/// What git says.
struct Found {
    repository: Repository,
    deployed: Option<Deployed>,
    next: Option<Changes>,
}

async fn look(git: &Git, rules: &ReleaseRules) -> Result<Found, GitError> {
    let live = async {
        match &rules.live {
            Some(name) => git.live(name).await,
            None => Ok(None),
        }
    };
    let (mut repository, live) = tokio::try_join!(git.state(), live)?;
    let live = live.map(|live| live.commit);
    let (tag, next) = tokio::try_join!(
        release_of(git, rules, live.as_ref()),
        next_release(git, rules, live.as_ref(), repository.head.as_ref()),
    )?;
    let pattern = TagPattern::of(rules);
    let named = |tag: &TagLine| pattern.matches(&tag.name).then(|| tag.name.clone());
    let deployed = live
        .clone()
        .zip(tag.as_ref())
        .map(|(commit, tag)| Deployed {
            commit,
            at: tag.at,
            by: tag.by.clone(),
            tag: named(tag),
            proof: None,
            behind: None,
        });
    repository.live = live;
    repository.live_tag = tag.as_ref().and_then(named);
    repository.live_at = tag.as_ref().map(|tag| tag.at);
    repository.live_by = tag.map(|tag| tag.by);
    Ok(Found {
        repository,
        deployed,
        next,
    })
}

/// The newest release tag on what is live; LIVE itself when there is none, to know at least when and who.
async fn release_of(
    git: &Git,
    rules: &ReleaseRules,
    live: Option<&Commit>,
) -> Result<Option<TagLine>, GitError> {
    let (Some(name), Some(commit)) = (&rules.live, live) else {
        return Ok(None);
    };
    let pattern = TagPattern::of(rules);
    match git.release_tag_at(commit, &pattern).await? {
        Some(tag) => Ok(Some(tag)),
        None => git.tag_line(name).await,
    }
}

async fn next_release(
    git: &Git,
    rules: &ReleaseRules,
    live: Option<&Commit>,
    head: Option<&Commit>,
) -> Result<Option<Changes>, GitError> {
    let Some(commit) = head else {
        return Ok(None);
    };
    let name = rules.live.as_deref().unwrap_or_default();
    let from = live.map(|commit| End { commit, name });
    let to = End {
        commit,
        name: "HEAD",
    };
    git.changes(from, to).await.map(Some)
}

fn environments(
    checklist: &Checklist,
    mut deployed: BTreeMap<EnvName, Deployed>,
    live: Option<&Deployed>,
) -> Vec<EnvOverview> {
    let released = checklist.released();
    checklist
        .environments
        .iter()
        .map(|env| {
            let journalled = deployed.remove(&env.name);
            let tagged = live.filter(|_| released == Some(&env.name)).cloned();
            EnvOverview {
                env: env.name.clone(),
                gated: env.gate != Gate::None,
                hosts: env.hosts.iter().map(|host| host.name.clone()).collect(),
                roles: env
                    .hosts
                    .iter()
                    .filter_map(|host| Some((host.name.clone(), host.roles.clone()?)))
                    .collect(),
                lock: None,
                deployed: match (tagged, journalled) {
                    // A proof is known to this machine only, when the release was made here.
                    (Some(tagged), Some(journalled)) if tagged.commit == journalled.commit => {
                        Some(Deployed {
                            proof: journalled.proof,
                            ..tagged
                        })
                    }
                    (tagged, journalled) => tagged.or(journalled),
                },
            }
        })
        .collect()
}

async fn count_behind(
    git: &Git,
    head: Option<&Commit>,
    environments: Vec<EnvOverview>,
) -> Vec<EnvOverview> {
    join_all(environments.into_iter().map(async |mut env| {
        if let (Some(head), Some(deployed)) = (head, &mut env.deployed) {
            // The commit may be unknown here: it was deployed from a clone, or its branch is gone.
            deployed.behind = git.count(&deployed.commit, head).await.ok();
        }
        env
    }))
    .await
}

fn in_words(why: &GitError) -> String {
    match why.help() {
        Some(help) => format!("{why}; {help}"),
        None => why.to_string(),
    }
}
