//! Quotes: the last words of every task, for dialogs that tell what failed.
//!
//! Only a few kilobytes of the newest attempt are kept, as bytes; they become safe text when they are shown. The
//! whole output is in files, and is looked at through a viewer.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{Attempt, TaskId};
use crate::domain::output::{ansi, lines::Lines};
use crate::domain::run::Moment;

/// Bytes kept of a task.
const KEPT: usize = 8 * 1024;

/// The last words of every task.
#[derive(Debug, Clone, Default)]
pub struct Quotes {
    tasks: BTreeMap<TaskId, Quote>,
    /// Attempts whose output is here or was asked for.
    known: BTreeSet<(TaskId, Attempt)>,
}

#[derive(Debug, Clone)]
struct Quote {
    attempt: Attempt,
    bytes: Vec<u8>,
    /// Where in the attempt's output they end.
    end: u64,
    /// When they came; `None` = they were read from a file.
    heard: Option<Moment>,
}

impl Quotes {
    /// Notes that the output of an attempt is here or was asked for; returns whether that is news.
    pub fn note(&mut self, task: &TaskId, attempt: Attempt) -> bool {
        self.known.insert((task.clone(), attempt))
    }

    /// Takes bytes of an attempt that stand at `offset` of its output; what is known already is passed over.
    pub fn take(
        &mut self,
        task: &TaskId,
        attempt: Attempt,
        offset: u64,
        bytes: &[u8],
        at: Option<Moment>,
    ) {
        let fresh = Quote {
            attempt,
            bytes: Vec::new(),
            end: offset,
            heard: None,
        };
        let quote = self.tasks.entry(task.clone()).or_insert(fresh.clone());
        if quote.attempt != attempt {
            if quote.attempt > attempt {
                return;
            }
            *quote = fresh;
        }
        let known = usize::try_from(quote.end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let Some(news) = bytes.get(known..) else {
            return;
        };
        let newest = &news[news.len().saturating_sub(KEPT)..];
        quote.bytes.extend_from_slice(newest);
        let over = quote.bytes.len().saturating_sub(KEPT);
        quote.bytes.drain(..over);
        quote.end = offset + bytes.len() as u64;
        quote.heard = at.or(quote.heard);
    }

    /// When a task was heard of last.
    pub fn heard(&self, task: &TaskId) -> Option<Moment> {
        self.tasks.get(task)?.heard
    }

    /// The last lines a task printed in an attempt, safe to show, oldest first; at most `limit`.
    pub fn last(&self, task: &TaskId, attempt: Attempt, limit: usize) -> Vec<String> {
        let Some(quote) = self.tasks.get(task).filter(|q| q.attempt == attempt) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let mut lines = Lines::default();
        lines.push(&quote.bytes, |line| found.push(ansi::plain(&line.bytes)));
        found.extend(lines.finish().map(|line| ansi::plain(&line.bytes)));
        // The first one may have lost its beginning.
        if quote.bytes.len() == KEPT && found.len() > limit {
            found.remove(0);
        }
        found.drain(..found.len().saturating_sub(limit));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_words_are_kept_and_none_twice() {
        let task = TaskId::new("production/restart/web1");
        let mut quotes = Quotes::default();
        quotes.take(&task, Attempt(1), 0, b"one\ntwo\nth", None);
        quotes.take(&task, Attempt(1), 4, b"two\nthree\x1b[2J\n", None);
        assert_eq!(quotes.last(&task, Attempt(1), 2), ["two", "three␛[2J"]);
        quotes.take(&task, Attempt(2), 0, b"again\n", None);
        assert_eq!(quotes.last(&task, Attempt(2), 9), ["again"]);
        assert!(quotes.last(&task, Attempt(1), 9).is_empty());
        quotes.take(&task, Attempt(2), 6, &vec![b'x'; 3 * KEPT], None);
        assert_eq!(quotes.last(&task, Attempt(2), 9).concat().len(), KEPT);
    }
}
