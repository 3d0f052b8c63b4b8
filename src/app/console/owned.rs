//! The run this console drives: its engine, its connections, and the right to drive it.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::errand::NowDriven;
use crate::domain::id::RunId;
use crate::domain::run::RunState;
use crate::domain::secret::Vault;
use crate::edge::journal::Owner as Right;
use crate::edge::ssh::Sites;
use crate::engine::{Control, Ended, FeedReceiver};
use crate::ui::msg::{Msg, Owner};

/// A run driven by this console.
pub(super) struct Run {
    id: RunId,
    control: Control,
    engine: Option<JoinHandle<Ended>>,
    right: Option<Right>,
    sites: Arc<Sites>,
    secrets: Vault,
}

impl Run {
    /// Takes over; returns what the run says from now on, and the news for the screens.
    pub(super) fn begin(now: NowDriven) -> (Self, FeedReceiver, Msg) {
        let id = now.driven.state.run.clone();
        let msg = Msg::RunOpened {
            state: Box::new(now.driven.state),
            owner: Owner::Here,
        };
        let run = Self {
            id,
            control: now.driven.control,
            engine: Some(now.driven.engine),
            right: Some(now.driven.owner),
            sites: now.sites,
            secrets: now.driven.secrets,
        };
        (run, now.feed, msg)
    }

    /// Takes wishes.
    pub(super) fn control(&self) -> Control {
        self.control.clone()
    }

    /// Its id.
    pub(super) fn id(&self) -> &RunId {
        &self.id
    }

    /// Whether it is driven still.
    pub(super) fn is_driven(&self) -> bool {
        self.engine.is_some()
    }

    /// After the engine has ended: gives the right back. Returns what became of the run; `None` = that was told before,
    /// or the engine broke down.
    pub(super) async fn finish(&mut self) -> Option<Ended> {
        let ended = self.engine.take()?.await.ok();
        self.right = None;
        ended
    }

    /// Stops driving the run, which stays as it is. Returns its state, its connections, which are still open, and its
    /// secrets.
    pub(super) async fn give_up(mut self) -> (Option<RunState>, Arc<Sites>, Vault) {
        self.control.leave();
        let ended = self.finish().await;
        (ended.map(|ended| ended.state), self.sites, self.secrets)
    }
}
