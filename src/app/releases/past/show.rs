//! One release as a whole: its message and note, people, commits, files, hosts.

use std::collections::BTreeMap;

use super::Past;
use crate::domain::catalog::{self, Catalog, Detail, HostTimes, MarkedCommit, Tag};
use crate::domain::id::{Commit, EnvName, HostName, RunId};
use crate::domain::release::{ReleaseNote, message_of_people};
use crate::edge::git::GitError;
use crate::edge::journal::{RunFolder, list};
use crate::edge::paths::ProjectPaths;

/// So many commits of a release are told.
const MOST_COMMITS: usize = 300;

impl Past {
    /// A release as a whole; `None` = the catalog has no such release.
    pub async fn show(&self, catalog: &Catalog, tag: &str) -> Result<Option<Detail>, GitError> {
        let mut filled = self.fill(catalog, &[tag.to_owned()]).await;
        let Some(release) = filled.pop() else {
            return Ok(None);
        };
        let place = catalog
            .releases
            .iter()
            .position(|release| release.tag == tag);
        let before = place.and_then(|place| catalog.releases.get(place + 1));
        let from = before.map(|before| &before.commit);
        let to = &release.commit;
        let (said, commits, paths, people, files, is_shallow) = tokio::join!(
            self.said(tag),
            self.git.graph(from, to, MOST_COMMITS),
            self.git.paths_by_commit(from, to, MOST_COMMITS),
            self.git.people(from, to),
            self.git.file_changes(from, to),
            self.git.is_shallow(),
        );
        let is_shallow = is_shallow?;
        let annotation = said?.and_then(|tag| tag.annotation).unwrap_or_default();
        let (commits, paths) = (known(commits, is_shallow)?, known(paths, is_shallow)?);
        let (files, people) = (known(files, is_shallow)?, known(people, is_shallow)?);
        let journal = self.host_times(release.run.clone()).await;
        Ok(Some(Detail {
            before: before.map(|before| before.tag.clone()),
            message: message_of_people(&annotation.message, annotation.note.as_ref()),
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
