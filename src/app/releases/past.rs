//! The past releases of a project, asked from git and from the journals of this machine: for every face.
//!
//! Answers what `ReleaseWish` asks, one async function each. Nothing here changes anything, and only `compare` asks the
//! network.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use crate::app::session::{self, Project};
use crate::domain::catalog::{self, Catalog, Ground, Release, RemoteTags, Signature, Tag};
use crate::domain::checklist::Checklist;
use crate::domain::id::Commit;
use crate::domain::release::TagPattern;
use crate::edge::git::annotated::{Depth, Listing};
use crate::edge::git::releases::{Refs, TagRef};
use crate::edge::git::{Git, GitError};
use crate::edge::journal::brought;
use crate::edge::paths::ProjectPaths;

/// So many runs of this machine are read.
const NEWEST_RUNS: usize = 200;
/// So many signatures are verified at the same time.
const AT_ONCE: usize = 4;
/// So long signatures are verified for one answer; those of older releases stay unverified then.
const PATIENCE: Duration = Duration::from_secs(3);

mod compare;
mod show;

/// Where the past of a project is kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Past {
    git: Git,
    checklist: Arc<Checklist>,
    paths: ProjectPaths,
    /// What of git's objects is kept for the next list.
    cache: PathBuf,
    /// What is being kept; it goes on also when nobody has this any more.
    keepings: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Past {
    /// The past of a project.
    pub fn of(project: &Project) -> Self {
        let cache = &project.folders.cache;
        Self::new(&project.root, &project.checklist, &project.paths, cache)
    }

    /// The past of the project in `root` whose runs are kept in `paths`; `cache` is golive's folder for what may be lost.
    pub fn new(
        root: &Path,
        checklist: &Arc<Checklist>,
        paths: &ProjectPaths,
        cache: &Path,
    ) -> Self {
        let name = paths.folder().file_name().unwrap_or_default();
        Self {
            git: Git::new(root),
            checklist: Arc::clone(checklist),
            paths: paths.clone(),
            cache: cache.join("objects").join(name),
            keepings: Arc::default(),
        }
    }

    /// The newest releases, about so many: what a screen shows first. `total` says how many there are. What runs of this
    /// machine tell is not in it, nor how far HEAD is from LIVE, nor whether the clone is shallow: rows do not wait for
    /// that. `None` = there are no more than that, or their names do not tell which are the newest.
    pub async fn newest(&self, count: usize) -> Result<Option<Catalog>, GitError> {
        let pattern = self.pattern();
        // Who reads the tags is started while their names come, and what else is asked while they are read: starting a
        // git takes as long as its answer.
        let reader = async { self.git.begin_tags() };
        let (refs, reader) = tokio::join!(self.git.refs_alone(), reader);
        let refs = refs?;
        let names = refs.tags.iter().map(|tag| tag.name.as_str());
        let Some(newest) = catalog::newest(&pattern, names, count) else {
            return Ok(None);
        };
        let mut tags: Vec<TagRef> = newest
            .places
            .into_iter()
            .map(|place| refs.tags[place].clone())
            .collect();
        with_live(self.live_of(&refs), &mut tags);
        let tags = self.git.read_begun(reader?, tags);
        let (tags, branch) = tokio::join!(tags, self.git.branch());
        let tags = tags?;
        let ground = Ground {
            live: self.live_in(&tags),
            branch: branch?,
            total: Some(newest.total),
            ..self.ground(&refs)
        };
        Ok(Some(catalog::make(tags, &pattern, ground)))
    }

    /// All releases, without what takes long to find out: counts, signatures, the remote.
    pub async fn list(&self) -> Result<Catalog, GitError> {
        let (catalog, listing) = self.read(Depth::Whole).await?;
        if let Some(listing) = listing {
            self.keep(listing).await;
        }
        Ok(catalog)
    }

    /// The same, in half the time where there are many: subjects that stand in commits are still to be read, with what
    /// comes with the catalog. Without that there are none.
    pub async fn rows(&self) -> Result<(Catalog, Option<Listing>), GitError> {
        let (catalog, listing) = self.read(Depth::Rows(session::now())).await?;
        if catalog.is_untold() {
            return Ok((catalog, listing));
        }
        if let Some(listing) = listing {
            self.keep(listing).await;
        }
        Ok((catalog, None))
    }

    /// Keeps what a list was made of for the next one.
    pub async fn keep(&self, listing: Listing) {
        let keeping = spawn_blocking(move || listing.keep());
        self.keepings.lock().await.push(keeping);
    }

    async fn read(&self, depth: Depth) -> Result<(Catalog, Option<Listing>), GitError> {
        let paths = self.paths.clone();
        let journals = spawn_blocking(move || brought::brought(&paths, NEWEST_RUNS));
        let reader = self.git.begin_list(&self.cache);
        let (refs, standing) = tokio::join!(self.git.refs(), self.git.standing());
        let (mut refs, standing) = (refs?, standing?);
        let pattern = self.pattern();
        let live = self.live_of(&refs).cloned();
        let mut tags = std::mem::take(&mut refs.tags);
        tags.retain(|tag| pattern.matches(&tag.name));
        with_live(live.as_ref(), &mut tags);
        let (tags, apart) = tokio::join!(
            self.git
                .read_list(reader, tags, depth, standing.is_replaced),
            self.apart(refs.head.as_ref(), live.as_ref()),
        );
        let (tags, listing) = tags?;
        let live = self.live_in(&tags);
        let ground = Ground {
            apart: apart.filter(|_| !standing.is_shallow && live.is_some()),
            live,
            branch: standing.branch,
            is_shallow: standing.is_shallow,
            is_brief: listing.is_some() && depth != Depth::Whole,
            // Runs that cannot be listed are like no runs here; `golive runs` says why.
            brought: journals.await.ok().and_then(Result::ok).unwrap_or_default(),
            ..self.ground(&refs)
        };
        Ok((catalog::make(tags, &pattern, ground), listing))
    }

    /// Returns when what was read is kept for the next time. Lists do not wait for it; who ends after one should.
    pub async fn settled(&self) {
        let keepings = std::mem::take(&mut *self.keepings.lock().await);
        join_all(keepings).await;
    }

    /// The names of all tags but LIVE, as they are.
    pub async fn tags(&self) -> Result<Vec<String>, GitError> {
        let live = self.checklist.release.live.as_deref();
        let tags = self.git.refs().await?.tags.into_iter();
        let others = tags.filter(|tag| Some(tag.name.as_str()) != live);
        Ok(others.map(|tag| tag.name).collect())
    }

    /// What is known without reading a tag.
    fn ground(&self, refs: &Refs) -> Ground {
        let rules = &self.checklist.release;
        Ground {
            live_name: rules.live.clone(),
            released_in: self.checklist.released().cloned(),
            head: refs.head.clone(),
            remote: if rules.remote.is_some() {
                RemoteTags::Waiting
            } else {
                RemoteTags::None
            },
            ..Ground::default()
        }
    }

    /// The commit of LIVE, which is none when it is on none.
    fn live_in(&self, tags: &[Tag]) -> Option<Commit> {
        let name = self.checklist.release.live.as_deref()?;
        let live = tags.iter().rev().find(|tag| tag.name == name)?;
        Some(live.commit.clone())
    }

    /// Commits of HEAD that LIVE has not, and the other way round; git refuses what is no commit.
    async fn apart(&self, head: Option<&Commit>, live: Option<&TagRef>) -> Option<(usize, usize)> {
        let (head, live) = (head?, Commit::new(live?.end()));
        if *head == live {
            return Some((0, 0));
        }
        self.git.apart(head, &live).await.ok()
    }

    /// These releases with their commits counted and their signatures verified, newest first and no longer than a moment:
    /// a list must not wait for thousands of them, nor for a program that hangs. Tags that the catalog does not have
    /// are left out.
    pub async fn fill(&self, catalog: &Catalog, tags: &[String]) -> Vec<Release> {
        self.filled(catalog, &places(catalog, tags)).await
    }

    /// All releases, filled.
    pub async fn fill_all(&self, catalog: &mut Catalog) {
        let places: Vec<usize> = (0..catalog.releases.len()).collect();
        catalog.releases = self.filled(catalog, &places).await;
    }

    async fn filled(&self, catalog: &Catalog, places: &[usize]) -> Vec<Release> {
        let releases = || places.iter().map(|place| catalog.releases[*place].clone());
        let (counts, signatures) = tokio::join!(
            self.counts(catalog, places),
            self.signatures(releases().collect()),
        );
        let filled = releases().zip(counts).zip(signatures);
        let filled = filled.map(|((release, commits), signature)| Release {
            commits,
            signature,
            ..release
        });
        filled.collect()
    }

    /// These releases with their commits counted and their subjects, which is quick.
    pub async fn count(&self, catalog: &Catalog, tags: &[String]) -> Vec<Release> {
        let places = places(catalog, tags);
        let releases = places.iter().map(|place| catalog.releases[*place].clone());
        let mut wanted = Catalog {
            releases: releases.collect(),
            ..Catalog::default()
        };
        let untold = wanted.untold();
        let (counts, subjects) =
            tokio::join!(self.counts(catalog, &places), self.git.subjects(&untold),);
        // What could not be read stays to be read.
        wanted.tell(&subjects.unwrap_or_default());
        for (release, commits) in wanted.releases.iter_mut().zip(counts) {
            release.commits = commits;
        }
        wanted.releases
    }

    /// These releases with their signatures verified, as far as a moment allows.
    pub async fn verify(&self, releases: Vec<Release>) -> Vec<Release> {
        let signatures = self.signatures(releases.clone()).await;
        let verified = releases.into_iter().zip(signatures);
        let verified = verified.map(|(release, signature)| Release {
            signature,
            ..release
        });
        verified.collect()
    }

    async fn counts(&self, catalog: &Catalog, places: &[usize]) -> Vec<Option<usize>> {
        let is_shallow = self.git.is_shallow().await.unwrap_or(true);
        if is_shallow || !self.checklist.release.is_tagged() {
            return vec![None; places.len()];
        }
        let is_part = catalog.releases.len() < catalog.total;
        let pair = |place: usize| {
            let before = catalog.releases.get(place + 1);
            let commit = catalog.releases[place].commit.clone();
            (before.map(|before| before.commit.clone()), commit)
        };
        // The oldest of a part has a release before it that is not here.
        let is_known = |place: &usize| !(is_part && place + 1 == catalog.releases.len());
        let counted: Vec<usize> = places.iter().copied().filter(is_known).collect();
        let pairs: Vec<_> = counted.iter().map(|place| pair(*place)).collect();
        let counts = self.git.counts(&pairs).await;
        let counts: BTreeMap<usize, Option<usize>> = counted.into_iter().zip(counts).collect();
        let each = places.iter();
        each.map(|place| counts.get(place).copied().flatten())
            .collect()
    }

    async fn signatures(&self, releases: Vec<Release>) -> Vec<Signature> {
        let deadline = Instant::now() + PATIENCE;
        let each = releases.into_iter().map(|release| async move {
            let known = release.signature;
            if known != Signature::Unchecked || Instant::now() >= deadline {
                return known;
            }
            let verified = self.git.signature_of(&release.tag, &release.object);
            let begun = Instant::now();
            match timeout_at(deadline, verified).await {
                Ok(Ok(signature)) => signature,
                Ok(Err(GitError::Slow { limit_s, .. })) => Signature::unanswered(limit_s),
                Ok(Err(_)) => known,
                // Who was asked late had no time to answer.
                Err(_) if begun.elapsed() < PATIENCE / 2 => known,
                Err(_) => Signature::unanswered(PATIENCE.as_secs()),
            }
        });
        futures_util::stream::iter(each)
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    /// The tags of releases that touch a file whose path holds `text`, without regard to capital letters.
    pub async fn find(&self, catalog: &Catalog, text: &str) -> Result<Vec<String>, GitError> {
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let releases = &catalog.releases;
        let pairs: Vec<(Commit, Commit)> = releases
            .windows(2)
            .map(|pair| (pair[1].commit.clone(), pair[0].commit.clone()))
            .collect();
        // The very first release brought all its files.
        let first = releases.last().map(|release| &release.commit);
        let touched = self.git.pairs_that_touch(&pairs, text);
        let (touched, in_first) = tokio::join!(touched, self.git.holds_path(first, text));
        let tag = |place: usize| releases[place].tag.clone();
        let mut found: Vec<String> = touched?.into_iter().map(tag).collect();
        if in_first? {
            found.extend(releases.last().map(|release| release.tag.clone()));
        }
        Ok(found)
    }

    fn pattern(&self) -> TagPattern {
        TagPattern::of(&self.checklist.release).at(session::now())
    }

    fn live_of<'a>(&self, refs: &'a Refs) -> Option<&'a TagRef> {
        refs.tag(self.checklist.release.live.as_deref()?)
    }
}

/// Adds LIVE to tags that are read, when it is none of them.
fn with_live(live: Option<&TagRef>, tags: &mut Vec<TagRef>) {
    if let Some(live) = live
        && tags.iter().all(|tag| tag.name != live.name)
    {
        tags.push(live.clone());
    }
}

/// Where these tags stand in a catalog.
fn places(catalog: &Catalog, tags: &[String]) -> Vec<usize> {
    let wanted: HashSet<&str> = tags.iter().map(String::as_str).collect();
    let releases = catalog.releases.iter().enumerate();
    releases
        .filter(|(_, release)| wanted.contains(release.tag.as_str()))
        .map(|(place, _)| place)
        .collect()
}
