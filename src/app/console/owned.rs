//! The run this console drives: its engine, its connections, and the right to drive it.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::errand::NowDriven;
use crate::edge::journal::Owner as Right;
use crate::edge::ssh::Sites;
use crate::engine::{Control, Ended, FeedReceiver};
use crate::ui::msg::{Msg, Owner};

/// A run driven by this console.
pub(super) struct Run {
    control: Control,
    engine: Option<JoinHandle<Ended>>,
    right: Option<Right>,
    sites: Arc<Sites>,
}

impl Run {
    /// Takes over; returns what the run says from now on, and the news for the screens.
    pub(super) fn begin(now: NowDriven) -> (Self, FeedReceiver, Msg) {
        let msg = Msg::RunOpened {
            state: Box::new(now.driven.state),
            owner: Owner::Here,
        };
        let run = Self {
            control: now.driven.control,
            engine: Some(now.driven.engine),
            right: Some(now.driven.owner),
            sites: now.sites,
        };
        (run, now.feed, msg)
    }

    /// Takes wishes.
    pub(super) fn control(&self) -> Control {
        self.control.clone()
    }

    /// After the engine has ended: gives the right back. Returns why the journal could not be written.
    pub(super) async fn finish(&mut self) -> Option<String> {
        let ended = self.engine.take()?.await.ok();
        self.right = None;
        ended
            .and_then(|ended| ended.journal)
            .map(|error| error.to_string())
    }

    /// Stops driving the run, which stays as it is, and closes its connections.
    pub(super) async fn leave(mut self) {
        self.control.leave();
        self.finish().await;
        self.sites.close().await;
    }
}
