//! The feed's channel: events always arrive, output only as long as the face keeps up.
//!
//! A slow face must neither slow a run nor fill the memory. Events are few and never dropped. Output is on disk
//! before it is sent; when more than [`LIMIT`] bytes wait unread, further output is not sent, and the face sees
//! from the offsets (and from the size in the final event) which part to read from the log file.
//!
//! What is sent together belongs together: the facts of one sync arrive as one batch, so that a face can tell a
//! state in the middle of them (failed, tried again at once) from a state the run rests in.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use crate::domain::feed::Update;

/// Bytes of output that may wait for a face.
pub const LIMIT: usize = 8 << 20;

/// The engine's end. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FeedSender {
    updates: mpsc::UnboundedSender<Vec<Update>>,
    waiting: Arc<AtomicUsize>,
}

/// A sender for those who outlive the engine: it does not keep the feed open.
#[derive(Debug, Clone)]
pub struct WeakFeedSender {
    updates: mpsc::WeakUnboundedSender<Vec<Update>>,
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
    updates: mpsc::UnboundedReceiver<Vec<Update>>,
    /// What is left of the batch that was begun.
    begun: VecDeque<Update>,
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
        begun: VecDeque::new(),
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
        let _ = self.updates.send(vec![update]);
    }

    /// Sends facts that were recorded together; a face sees all of them or none.
    pub fn send_together(&self, facts: Vec<Update>) {
        let _ = self.updates.send(facts);
    }
}

impl FeedReceiver {
    /// The next update; `None` when the engine has ended and everything was taken. Safe to give up half-way.
    pub async fn next(&mut self) -> Option<Update> {
        while self.begun.is_empty() {
            self.begun = self.updates.recv().await?.into();
        }
        self.taken()
    }

    /// The next update if one is there already.
    pub fn try_next(&mut self) -> Option<Update> {
        while self.begun.is_empty() {
            self.begun = self.updates.try_recv().ok()?.into();
        }
        self.taken()
    }

    /// Whether more of the facts that were recorded together with the last one is still to be taken.
    pub fn is_amid(&self) -> bool {
        !self.begun.is_empty()
    }

    /// Everything that was sent until now.
    pub fn sent(&mut self) -> Vec<Update> {
        let batches = self.updates.len();
        let mut updates: Vec<Update> = std::iter::from_fn(|| self.taken()).collect();
        for _ in 0..batches {
            self.begun = self.updates.try_recv().unwrap_or_default().into();
            updates.extend(std::iter::from_fn(|| self.taken()));
        }
        updates
    }

    fn taken(&mut self) -> Option<Update> {
        let update = self.begun.pop_front();
        if let Some(update) = &update {
            self.waiting.fetch_sub(weight(update), Ordering::Relaxed);
        }
        update
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(why: &str) -> Update {
        Update::JournalFailed(why.to_owned())
    }

    fn text(update: Option<Update>) -> String {
        match update {
            Some(Update::JournalFailed(why)) => why,
            other => format!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn facts_that_were_recorded_together_arrive_together() {
        let (sender, mut receiver) = feed();
        sender.send_together(vec![told("one"), told("two")]);
        sender.send(told("three"));
        assert_eq!(text(receiver.next().await), "one");
        assert!(receiver.is_amid());
        assert_eq!(text(receiver.next().await), "two");
        assert!(!receiver.is_amid());
        assert_eq!(text(receiver.try_next()), "three");
        assert!(receiver.try_next().is_none());
    }

    #[tokio::test]
    async fn everything_that_was_sent_can_be_taken_at_once() {
        let (sender, mut receiver) = feed();
        sender.send_together(vec![told("one"), told("two")]);
        assert_eq!(text(receiver.next().await), "one");
        sender.send(told("three"));
        let all: Vec<String> = receiver.sent().into_iter().map(|u| text(Some(u))).collect();
        assert_eq!(all, ["two", "three"]);
        drop(sender);
        assert!(receiver.sent().is_empty());
        assert!(receiver.next().await.is_none());
    }
}
