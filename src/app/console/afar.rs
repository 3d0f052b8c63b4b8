//! What others do to the project while the console stands open: releases, rollbacks, fetched tags, commits, runs.
//!
//! The kernel wakes it (`edge::journal::stir`), so that a console at rest costs nothing. Many changes at once are one,
//! and what stands in folders is compared before anything is said: what git writes beside its refs says nothing. It
//! does not know what happened: whoever hears of it looks anew. What golive itself changes is told like the rest.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::super::session::Project;
use crate::edge::git::Git;
use crate::edge::git::stand::{RefPlaces, Stand};
use crate::edge::journal::stir::Stir;
use crate::edge::journal::{RunFolder, list};
use crate::edge::paths::ProjectPaths;

/// What belongs together comes within this time.
const TOGETHER: Duration = Duration::from_millis(100);
/// A console is told at most this often.
const PAUSE: Duration = Duration::from_secs(1);
/// How long is waited more where the kernel tells of nothing.
const BLIND: Duration = Duration::from_secs(5);
/// A change this long ago is no part of one that is still going on: more than a tick of any clock of files.
const TICK: Duration = Duration::from_millis(40);
/// So often is looked again while things are changed.
const LOOKS: u32 = 5;
/// So many of the newest runs are looked at.
const NEWEST: usize = 5;

/// Watches until it is dropped.
#[derive(Debug)]
pub(super) struct Afar {
    stirred: mpsc::Receiver<Stirred>,
    task: AbortHandle,
}

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stirred {
    /// Tags, branches or what is checked out; else runs only.
    pub(super) refs: bool,
}

impl Afar {
    /// Begins to watch. What is known of the project was asked for no earlier than now.
    pub(super) fn watch(project: &Project) -> Self {
        // What is not taken yet is as good as new: the taker looks at all of it.
        let (sender, stirred) = mpsc::channel(1);
        let watching = Watching {
            git: Git::new(&project.root),
            paths: project.paths.clone(),
            sender,
        };
        let task = tokio::spawn(watching.go_on(SystemTime::now())).abort_handle();
        Self { stirred, task }
    }

    /// The next change; never when nothing can be told any more.
    pub(super) async fn next(&mut self) -> Stirred {
        match self.stirred.recv().await {
            Some(stirred) => stirred,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Afar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Watching {
    git: Git,
    paths: ProjectPaths,
    sender: mpsc::Sender<Stirred>,
}

/// How everything was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    refs: Stand,
    runs: Stand,
}

impl Look {
    fn is_younger_than(&self, moment: SystemTime) -> bool {
        self.refs.is_younger_than(moment) || self.runs.is_younger_than(moment)
    }
}

impl Watching {
    async fn go_on(self, asked: SystemTime) {
        // A folder without a repository may still have runs.
        let refs = self.git.ref_places().await.ok();
        let mut stir = Stir::new();
        let mut known: Option<Look> = None;
        loop {
            let Some(look) = self.look(refs.as_ref(), &mut stir).await else {
                return;
            };
            let changed = if let Some(known) = &known {
                (known.refs != look.refs, known.runs != look.runs)
            } else {
                // What happened before this was watched may have been asked about before it happened.
                let asked = asked - TICK;
                (
                    look.refs.is_younger_than(asked),
                    look.runs.is_younger_than(asked),
                )
            };
            known = Some(look);
            if changed.0 || changed.1 {
                let stirred = Stirred { refs: changed.0 };
                if self.sender.send(stirred).await.is_err() {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
            }
            stir.wait().await;
            let blind = stir.is_blind().then_some(BLIND);
            tokio::time::sleep(blind.unwrap_or(TOGETHER)).await;
        }
    }

    /// How everything is now. What is changed right now is looked at again, so that the next change is told from it.
    async fn look(&self, refs: Option<&RefPlaces>, stir: &mut Stir) -> Option<Look> {
        let mut left = LOOKS;
        loop {
            let (places, paths) = (refs.cloned(), self.paths.clone());
            let find = move || {
                let of_refs = places.as_ref().map(RefPlaces::folders).unwrap_or_default();
                (of_refs, Runs::find(&paths))
            };
            let (of_refs, runs) = tokio::task::spawn_blocking(find).await.ok()?;
            // Before they are looked at: what happens during it wakes.
            let folders = of_refs.iter().chain(&runs.folders);
            stir.watch(folders.map(PathBuf::as_path));
            let places = refs.cloned();
            let look = move || Look {
                refs: places.map_or_else(Stand::default, |places| places.stand(&of_refs)),
                runs: runs.stand(),
            };
            let look = tokio::task::spawn_blocking(look).await.ok()?;
            left -= 1;
            if left == 0 || !look.is_younger_than(SystemTime::now() - TICK) {
                return Some(look);
            }
            tokio::time::sleep(TICK).await;
        }
    }
}

/// The newest runs.
struct Runs {
    /// The folder of all runs, and theirs.
    folders: Vec<PathBuf>,
    journals: Vec<PathBuf>,
}

impl Runs {
    fn find(paths: &ProjectPaths) -> Self {
        let mut found = list::folders(paths).unwrap_or_default();
        found.truncate(NEWEST);
        let folders = found.iter().filter_map(|run| paths.run(run.run()));
        Self {
            folders: std::iter::once(paths.runs()).chain(folders).collect(),
            journals: found.iter().map(RunFolder::journal_file).collect(),
        }
    }

    /// Which there are, and how far their journals go.
    fn stand(&self) -> Stand {
        let mut stand = Stand::default();
        for path in self.folders.iter().take(1).chain(&self.journals) {
            stand.note(path);
        }
        stand
    }
}
