//! One release as a whole: its message and note, people, commits, files, hosts.

use std::collections::BTreeMap;

use super::Past;
use crate::domain::catalog::{self, Catalog, Detail, HostTimes, MarkedCommit, Tag};
use crate::domain::id::{Commit, EnvName, HostName, RunId};
use crate::domain::release::{ReleaseNote, message_of_people};
use crate::domain::text;
use crate::edge::git::GitError;
use crate::edge::journal::{RunFolder, list};
use crate::edge::paths::ProjectPaths;

/// So many commits of a release are told.
const MOST_COMMITS: usize = 300;
/// So many bytes of a tag's message are told: every face lays it out.
const MOST_MESSAGE: usize = 32 << 10;

impl Past {
    /// A release as a whole; `None` = the catalog has no such release.
    pub async fn show(&self, catalog: &Catalog, tag: &str) -> Result<Option<Detail>, GitError> {
        let mut filled = self.fill(catalog, &[tag.to_owned()]).await;
        let Some(mut release) = filled.pop() else {
            return Ok(None);
        };
        let place = catalog
            .releases
            .iter()
            .position(|release| release.tag == tag);
        let before = place.and_then(|place| catalog.releases.get(place + 1));
        let from = before.map(|before| &before.commit);
        let to = &release.commit.clone();
        let (said, commits, paths, people, files, is_shallow) = tokio::join!(
            self.said(tag),
            self.git.graph(from, to, MOST_COMMITS),
            self.git.paths_by_commit(from, to, MOST_COMMITS),
            self.git.people(from, to),
            self.git.file_changes(from, to),
            self.git.is_shallow(),
        );
        let is_shallow = is_shallow?;
        let said = said?;
        if release.untold {
            let committed = said.as_ref().and_then(|tag| tag.committed.as_ref());
            release.subject = committed.map_or_else(String::new, |says| says.subject.clone());
            release.untold = false;
        }
        let annotation = said.and_then(|tag| tag.annotation).unwrap_or_default();
        let (commits, paths) = (known(commits, is_shallow)?, known(paths, is_shallow)?);
        let (files, people) = (known(files, is_shallow)?, known(people, is_shallow)?);
        let journal = self.host_times(release.run.clone()).await;
        Ok(Some(Detail {
            before: before.map(|before| before.tag.clone()),
            message: bounded(
                message_of_people(&annotation.message, annotation.note.as_ref()),
                &release.object,
            ),
            commits: marked(commits, &paths),
            commit_count: release.commits,
            people,
            risks: catalog::risks(files.iter().map(|file| file.path.as_str())),
            files,
            run_is_here: journal.is_some(),
            hosts: hosts(annotation.note.as_ref(), journal),
            note: annotation.note,
            release,
        }))
    }

    /// What stands in a tag now.
    async fn said(&self, tag: &str) -> Result<Option<Tag>, GitError> {
        let refs = self.git.refs().await?;
        let Some(tag) = refs.tag(tag) else {
            return Ok(None);
        };
        Ok(self
            .git
            .read_tags(vec![tag.clone()])
            .await?
            .into_iter()
            .next())
    }

    /// The seconds that tasks of a run took on each host; `None` = its journal is not here.
    async fn host_times(&self, run: Option<RunId>) -> Option<HostSeconds> {
        let (run, paths) = (run?, self.paths.clone());
        let read = move || host_times(&paths, &run);
        tokio::task::spawn_blocking(read).await.ok()?
    }
}

/// A message that may be of any length, cut to what people read.
fn bounded(message: String, object: &str) -> String {
    let (read, is_all) = text::beginning(&message, MOST_MESSAGE);
    if is_all {
        return message;
    }
    let size = message.len().div_ceil(1024);
    format!(
        "{}\n\n(cut: the message has {size} KiB; git cat-file tag {object} prints all of it)",
        read.trim_end()
    )
}

/// Seconds by host.
type HostSeconds = BTreeMap<(EnvName, HostName), f64>;

/// What git told. In a shallow clone what lies between two releases may be missing; then it is told as far as it is here.
fn known<T: Default>(told: Result<T, GitError>, is_shallow: bool) -> Result<T, GitError> {
    match told {
        Err(GitError::Failed { .. }) if is_shallow => Ok(T::default()),
        told => told,
    }
}

fn host_times(paths: &ProjectPaths, run: &RunId) -> Option<HostSeconds> {
    let stored = RunFolder::find(paths, run).ok()?.open_for_reading().ok()?;
    let state = list::fold(run, &stored);
    let mut times = HostSeconds::new();
    for (index, stage) in state.plan.stages.iter().enumerate() {
        let Some(env) = &stage.env else {
            continue;
        };
        for (planned, task) in stage.tasks.iter().zip(&state.tasks[state.range(index)]) {
            let took = task.started.zip(task.ended);
            if let (Some(host), Some((from, to))) = (planned.site.host(), took) {
                let seconds = (to - from).as_seconds_f64().max(0.0);
                *times.entry((env.clone(), host.clone())).or_default() += seconds;
            }
        }
    }
    Some(times)
}

fn marked(
    mut commits: Vec<MarkedCommit>,
    paths: &BTreeMap<Commit, Vec<String>>,
) -> Vec<MarkedCommit> {
    for commit in &mut commits {
        if let Some(paths) = paths.get(&commit.line.commit) {
            commit.risks = catalog::risks(paths.iter().map(String::as_str));
        }
    }
    commits
}

/// What a run took of each host's time, from its journal and its note.
fn hosts(
    note: Option<&ReleaseNote>,
    journal: Option<HostSeconds>,
) -> BTreeMap<(EnvName, HostName), HostTimes> {
    let mut hosts: BTreeMap<(EnvName, HostName), HostTimes> = BTreeMap::new();
    for (host, worked_s) in journal.into_iter().flatten() {
        hosts.entry(host).or_default().worked_s = Some(worked_s);
    }
    for (name, down_s) in note.iter().flat_map(|note| &note.downtime_s) {
        if let Some((env, host)) = name.split_once('/') {
            let place = (EnvName::new(env), HostName::new(host));
            hosts.entry(place).or_default().down_s = Some(*down_s);
        }
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_megabytes_is_cut_and_says_so() {
        let long = bounded("é".repeat(5 << 20), "v1");
        assert!(long.len() < MOST_MESSAGE + 200);
        assert!(
            long.ends_with(
                "(cut: the message has 10240 KiB; git cat-file tag v1 prints all of it)"
            )
        );
        assert_eq!(bounded("short".to_owned(), "v1"), "short");
    }

    #[test]
    fn what_git_cannot_tell_is_told_as_that_but_for_a_part_of_the_history() {
        let failed = || {
            Err::<Vec<u8>, _>(GitError::Failed {
                command: "log".to_owned(),
                why: "bad object".to_owned(),
            })
        };
        assert!(known(failed(), false).is_err());
        assert_eq!(known(failed(), true).unwrap(), Vec::<u8>::new());
        assert!(known::<Vec<u8>>(Err(GitError::Missing), true).is_err());
    }
}
