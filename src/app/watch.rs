//! Watching a run that somebody else drives: its updates through a feed like the engine's, and who drives it.
//!
//! One task looks several times a second and says something only when something has changed. It ends with the run, or
//! when nobody listens any more. Nothing here changes the run.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::session;
use crate::domain::run::{RunState, RunStatus};
use crate::edge::journal::watch::Watch;
use crate::edge::journal::{RunError, RunFolder};
use crate::edge::logs::store::Logs;
use crate::engine::{self, FeedReceiver, FeedSender};

/// How often is looked for news.
const LOOK: Duration = Duration::from_millis(150);
/// Who drives the run is asked every so many looks.
const ASK_OWNER: u32 = 3;

/// What is said beside the run's own updates.
#[derive(Debug)]
pub enum News {
    /// Somebody else drives the run now; `None` = nobody does.
    Owner(Option<String>),
    /// Nothing more can be told; the text says why.
    Broken(String),
}

/// A run that is watched, until this is dropped.
#[derive(Debug)]
pub struct Watched {
    /// Its state when the watching began.
    pub state: RunState,
    /// Who drove it then; `None` = nobody did.
    pub owner: Option<String>,
    /// Its output.
    pub logs: Logs,
    /// What happens from then on; ends with the run.
    pub feed: FeedReceiver,
    /// Who drives it.
    pub watcher: Watcher,
}

/// The watching itself; ends when it is dropped.
#[derive(Debug)]
pub struct Watcher {
    news: mpsc::UnboundedReceiver<News>,
    task: AbortHandle,
}

impl Watcher {
    /// The next news; `None` when nothing more is told.
    pub async fn next(&mut self) -> Option<News> {
        self.news.recv().await
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Begins to watch a run.
pub fn watch(folder: &RunFolder) -> Result<Watched, RunError> {
    let (state, owner, watch) = folder.watch()?;
    let (feed, receiver) = engine::feed();
    let (sender, news) = mpsc::unbounded_channel();
    let looking = Looking {
        folder: folder.clone(),
        owner: owner.clone(),
        feed,
        news: sender,
        over: matches!(state.status, RunStatus::Finished(_)),
    };
    let task = tokio::spawn(looking.go_on(watch)).abort_handle();
    Ok(Watched {
        state,
        owner,
        logs: folder.logs(),
        feed: receiver,
        watcher: Watcher { news, task },
    })
}

struct Looking {
    folder: RunFolder,
    owner: Option<String>,
    feed: FeedSender,
    news: mpsc::UnboundedSender<News>,
    over: bool,
}

impl Looking {
    async fn go_on(mut self, mut watch: Watch) {
        let mut looks: u32 = 0;
        // A run that has ended and is driven may be about to go on.
        while !self.over || self.owner.is_some() {
            tokio::time::sleep(LOOK).await;
            let looked = tokio::task::spawn_blocking(move || {
                let updates = watch.look(session::now());
                (watch, updates)
            });
            let Ok((same, updates)) = looked.await else {
                return;
            };
            watch = same;
            match updates {
                Ok(updates) => self.tell(updates),
                Err(error) => {
                    let _ = self.news.send(News::Broken(error.to_string()));
                    return;
                }
            }
            looks = looks.wrapping_add(1);
            if (looks.is_multiple_of(ASK_OWNER) || self.over) && !self.ask_owner() {
                return;
            }
        }
    }

    fn tell(&mut self, updates: Vec<crate::domain::feed::Update>) {
        use crate::domain::feed::Update;
        use crate::domain::run::Event;
        for update in updates {
            if let Update::Event(record) = &update {
                self.over = matches!(record.event, Event::RunFinished { .. });
            }
            self.feed.send(update);
        }
    }

    /// Tells when somebody else drives the run; false = nobody listens.
    fn ask_owner(&mut self) -> bool {
        let Ok(owner) = self.folder.owner() else {
            return true;
        };
        if owner == self.owner {
            return !self.news.is_closed();
        }
        self.owner.clone_from(&owner);
        self.news.send(News::Owner(owner)).is_ok()
    }
}
