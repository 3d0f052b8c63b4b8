//! The recorder: takes what an attempt prints to its file and to the feed, without the secrets in it.
//!
//! Masked before anything else sees it, with equal length, so that places in the output stay true. What may still become
//! a secret is held back here; it counts as taken and is in no file yet: a process that dies asks for it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::FeedSender;
use crate::domain::feed::Update;
use crate::domain::id::{Attempt, TaskId};
use crate::domain::output::redact::Redactor;
use crate::port::{Clock, LogWriter, Sink};

/// Takes output to its file and to the feed.
pub(super) struct Recorder<W, C> {
    pub(super) writer: W,
    pub(super) redactor: Redactor,
    pub(super) clock: Arc<C>,
    pub(super) feed: FeedSender,
    pub(super) task: TaskId,
    pub(super) attempt: Attempt,
    /// The faces were told that the file cannot be written.
    pub(super) failing: bool,
    /// Something was printed: the attempt has started.
    pub(super) begun: Arc<AtomicBool>,
}

impl<W: LogWriter, C: Clock> Recorder<W, C> {
    /// The end of the output: what was held back is written.
    pub(super) fn finish(&mut self) -> std::io::Result<()> {
        let rest = self.redactor.finish();
        self.keep(&rest)
    }

    /// Writes bytes that are masked.
    fn keep(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let (offset, at) = (self.writer.len(), self.clock.now());
        if let Err(error) = self.writer.append(bytes, at) {
            // What is not in the file is asked for again.
            self.redactor.forget();
            if !std::mem::replace(&mut self.failing, true) {
                self.feed.send(Update::OutputFailed {
                    task: self.task.clone(),
                    attempt: self.attempt,
                    why: error.to_string(),
                });
            }
            return Err(error);
        }
        self.failing = false;
        self.feed.send(Update::Output {
            task: self.task.clone(),
            attempt: self.attempt,
            at,
            offset,
            bytes: bytes.into(),
        });
        Ok(())
    }
}

impl<W: LogWriter, C: Clock> Sink for Recorder<W, C> {
    fn take(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.begun.store(true, Ordering::Relaxed);
        if self.redactor.is_idle() {
            return self.keep(bytes);
        }
        let settled = self.redactor.push(bytes);
        self.keep(&settled)
    }

    fn offset(&self) -> u64 {
        self.writer.len() + self.redactor.held() as u64
    }
}
