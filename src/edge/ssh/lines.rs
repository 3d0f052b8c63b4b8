//! Lines: sessions of one host in which a launcher waits for the next start.
//!
//! A session costs two round trips, a login shell and a launcher each time; a line costs them once. Lines are made when
//! they are needed, one is made ready when a host has said hello, and a few are kept when their start was seen through.
//! They yield when a session is needed for something else. A line that was lost meanwhile loses nothing: the attempt is
//! asked for over a fresh session, as after every broken channel.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::channel::watched;
use super::failure::Failure;
use super::master::{Care, Master};
use super::pool::Pool;
use crate::edge::launcher::{Channel, Request};

/// Lines kept for the next start; a master has room for more sessions than that.
const KEPT: usize = 4;
/// A line that rested longer than this is used only when its master answers.
const FRESH: Duration = Duration::from_secs(1);

/// The lines of one host that rest.
pub(super) struct Lines {
    pool: Arc<Pool>,
    resting: Arc<Mutex<Vec<Line>>>,
}

/// One line.
struct Line {
    channel: Channel,
    master: Arc<Master>,
    /// Lets the watch over the master rest.
    busy: watch::Sender<bool>,
    since: Instant,
}

impl Lines {
    /// No lines yet.
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        Self {
            pool,
            resting: Arc::default(),
        }
    }

    /// A channel for one start: a line that rests, or a new one.
    pub(super) async fn take(&self) -> Result<Channel, Failure> {
        while let Some(line) = self.pop() {
            let usable = self.pool.holds(&line.master)
                && (line.since.elapsed() < FRESH || line.master.is_alive().await);
            if usable {
                return Ok(line.channel(Arc::clone(&self.resting)));
            }
        }
        let line = self.open().await?;
        Ok(line.channel(Arc::clone(&self.resting)))
    }

    /// Makes sure that a line rests, if there is room for it. A failure shows when a line is needed.
    pub(super) async fn prepare(&self) {
        let lives = |line: &Line| self.pool.holds(&line.master);
        if self.resting().iter().any(lives) || self.pool.is_full() {
            return;
        }
        if let Ok(line) = self.open().await {
            self.resting().push(line);
        }
    }

    /// Lets go of the lines when another session would need another connection.
    pub(super) fn make_room(&self) {
        if self.pool.is_full() {
            // Dropped without the lock: each gives its place in its master back.
            let lines = std::mem::take(&mut *self.resting());
            drop(lines);
        }
    }

    fn pop(&self) -> Option<Line> {
        self.resting().pop()
    }

    async fn open(&self) -> Result<Line, Failure> {
        let (lease, session) = self.pool.open(&Request::serve().line()).await?;
        let (busy, is_busy) = watch::channel(false);
        Ok(Line {
            master: Arc::clone(lease.master()),
            channel: watched(lease, session, is_busy, Care::Steady),
            busy,
            since: Instant::now(),
        })
    }

    fn resting(&self) -> MutexGuard<'_, Vec<Line>> {
        resting(&self.resting)
    }
}

impl Line {
    /// Its channel for one start, after which the line rests again.
    fn channel(self, lines: Arc<Mutex<Vec<Line>>>) -> Channel {
        let Self {
            mut channel,
            master,
            busy,
            ..
        } = self;
        busy.send_replace(true);
        channel.keep = Some(Box::new(move |channel| {
            busy.send_replace(false);
            let mut lines = resting(&lines);
            if lines.len() < KEPT {
                lines.push(Line {
                    channel,
                    master,
                    busy,
                    since: Instant::now(),
                });
            }
        }));
        channel
    }
}

fn resting(lines: &Mutex<Vec<Line>>) -> MutexGuard<'_, Vec<Line>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}
