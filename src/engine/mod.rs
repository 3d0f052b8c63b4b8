//! The engine: drives one run from its first record to its last.
//!
//! One task, the dispatcher, owns the run's state; a unit follows each running attempt; faces listen to the feed.
//! They talk by messages only, there is no lock around state. The engine acts through the ports and knows neither
//! files nor processes nor screens.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::domain::run::{Intent, Refusal, Report};
use crate::port::{Clock, Journal, Launcher, Locks, LogStore};

pub mod dispatcher;
mod errand;
pub mod feed;
mod leaving;
mod masking;
mod record;
mod recorder;
pub mod tail;
mod unit;

pub use dispatcher::{Ended, Start, run};
pub use feed::{FeedReceiver, FeedSender, WeakFeedSender, feed};

/// The doors a run acts through.
pub struct Doors<L: Launcher, K: Locks, J: Journal, S: LogStore, C: Clock> {
    /// Launches and follows attempts.
    pub launcher: Arc<L>,
    /// Takes and gives back locks.
    pub locks: Arc<K>,
    /// Records facts.
    pub journal: J,
    /// Keeps output.
    pub logs: Arc<S>,
    /// Tells the time.
    pub clock: Arc<C>,
}

/// What reaches the dispatcher.
#[derive(Debug)]
pub(crate) enum Order {
    /// A wish of the operator, and where to say whether it was granted.
    Wish(Intent, oneshot::Sender<Option<Refusal>>),
    /// What became of an attempt or a machine.
    Report(Report),
    /// Stop driving the run and leave it as it is: what runs on its sites goes on there.
    Leave,
}

/// Sends wishes to a running engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Control {
    orders: mpsc::UnboundedSender<Order>,
}

/// The receiving end of a [`Control`], handed to [`run`].
#[derive(Debug)]
pub struct Orders {
    sender: mpsc::UnboundedSender<Order>,
    receiver: mpsc::UnboundedReceiver<Order>,
}

/// Makes the line to an engine.
///
/// The channel is unbounded: wishes come from one person, and there are at most a few reports per task.
pub fn control() -> (Control, Orders) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let control = Control {
        orders: sender.clone(),
    };
    (control, Orders { sender, receiver })
}

impl Control {
    /// Tells the engine a wish. Resolves to the refusal, or `None` when it was granted and is on disk.
    /// When the engine has ended already the answer is [`Refusal::Ended`].
    pub async fn wish(&self, intent: Intent) -> Option<Refusal> {
        let (answer, answered) = oneshot::channel();
        if self.orders.send(Order::Wish(intent, answer)).is_err() {
            return Some(Refusal::Ended);
        }
        answered.await.unwrap_or(Some(Refusal::Ended))
    }

    /// Asks the engine to stop driving the run. What runs on its sites goes on there, and can be resumed.
    pub fn leave(&self) {
        // An engine that has ended already has left.
        let _ = self.orders.send(Order::Leave);
    }
}
