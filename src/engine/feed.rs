//! The feed's channel: events always arrive, output only as long as the face keeps up.
//!
//! A slow face must neither slow a run nor fill the memory. Events are few and never dropped. Output is on disk
//! before it is sent; when more than [`LIMIT`] bytes wait unread, further output is not sent, and the face sees
//! from the offsets (and from the size in the final event) which part to read from the log file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use crate::domain::feed::Update;

/// Bytes of output that may wait for a face.
pub const LIMIT: usize = 8 << 20;

/// The engine's end. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FeedSender {
    updates: mpsc::UnboundedSender<Update>,
    waiting: Arc<AtomicUsize>,
}

/// A sender for those who outlive the engine: it does not keep the feed open.
#[derive(Debug, Clone)]
pub struct WeakFeedSender {
    updates: mpsc::WeakUnboundedSender<Update>,
    waiting: Arc<AtomicUsize>,
}

impl WeakFeedSender {
    /// Sends an update as long as the engine lives.
    pub fn send(&self, update: Update) {
        if let Some(updates) = self.updates.upgrade() {
            let waiting = Arc::clone(&self.waiting);
            FeedSender { updates, waiting }.send(update);
        }
    }
}

/// A face's end.
#[derive(Debug)]
pub struct FeedReceiver {
    updates: mpsc::UnboundedReceiver<Update>,
    waiting: Arc<AtomicUsize>,
}

/// Makes a feed.
pub fn feed() -> (FeedSender, FeedReceiver) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let ours = FeedSender {
        updates: sender,
        waiting: Arc::clone(&waiting),
    };
    let theirs = FeedReceiver {
        updates: receiver,
        waiting,
    };
    (ours, theirs)
}

fn weight(update: &Update) -> usize {
    match update {
        Update::Output { bytes, .. } => bytes.len(),
        _ => 0,
    }
}

impl FeedSender {
    /// A sender that does not keep the feed open.
    pub fn downgrade(&self) -> WeakFeedSender {
        WeakFeedSender {
            updates: self.updates.downgrade(),
            waiting: Arc::clone(&self.waiting),
        }
    }

    /// Sends an update, or drops it when it is output and the face is behind. A face that is gone is no error.
    pub fn send(&self, update: Update) {
        let weight = weight(&update);
        if weight > 0 && self.waiting.load(Ordering::Relaxed) > LIMIT {
            return;
        }
        self.waiting.fetch_add(weight, Ordering::Relaxed);
        let _ = self.updates.send(update);
    }
}

impl FeedReceiver {
    /// The next update; `None` when the engine has ended and everything was taken.
    pub async fn next(&mut self) -> Option<Update> {
        let update = self.updates.recv().await;
        self.taken(update)
    }

    /// The next update if one is there already.
    pub fn try_next(&mut self) -> Option<Update> {
        let update = self.updates.try_recv().ok();
        self.taken(update)
    }

    /// Everything that was sent until now.
    pub fn sent(&mut self) -> Vec<Update> {
        (0..self.updates.len())
            .filter_map(|_| self.try_next())
            .collect()
    }

    fn taken(&self, update: Option<Update>) -> Option<Update> {
        if let Some(update) = &update {
            self.waiting.fetch_sub(weight(update), Ordering::Relaxed);
        }
        update
    }
}
