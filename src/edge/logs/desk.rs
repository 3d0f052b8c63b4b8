//! A desk: a document over files, and the threads that read it.
//!
//! The document is behind a lock that is held for moments only: its work is done off the lock, a block at a time, by a
//! thread for every two processors. Threads are started when there is work for the first time, sleep until there is
//! more, and end with the desk. Who looks gets an answer from what was read so far.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::files::{Files, Paper};
use super::times::Arrival;
use crate::domain::log::document::{Document, LineFact};
use crate::domain::log::pattern::BadPattern;
use crate::domain::log::{Bucket, Filters, Look, Pattern, Spot, TrackId, Voice, Window};

/// A document that is read by threads of its own until this is dropped.
pub struct Desk {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    files: Files,
    changed: Box<dyn Fn() + Send + Sync>,
}

struct State {
    document: Document,
    workers: usize,
    /// Workers that sleep.
    idle: usize,
    is_over: bool,
}

impl Desk {
    /// A desk with an empty document; `changed` is called when something visible of it has changed, from any thread.
    pub fn new(changed: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    document: Document::new(),
                    workers: 0,
                    idle: 0,
                    is_over: false,
                }),
                work: Condvar::new(),
                files: Files::default(),
                changed: Box::new(changed),
            }),
        }
    }

    /// Adds a file that has `length` bytes, which arrived at these times; empty = nobody knows.
    pub fn add_file(&self, owner: usize, paper: Paper, length: u64, times: &[Arrival]) -> TrackId {
        let track = self.add(owner, paper);
        self.change(|document| {
            let first = times.first().map_or(length, |arrival| arrival.offset);
            document.grown(track, first, None);
            for (at, arrival) in times.iter().enumerate() {
                let end = times.get(at + 1).map_or(length, |next| next.offset);
                document.grown(track, end, Some(arrival.at_ms));
            }
        });
        track
    }

    /// Adds a track without bytes.
    pub fn add(&self, owner: usize, paper: Paper) -> TrackId {
        let track = self.shared.lock().document.add_track(owner, Voice::Printed);
        self.shared.files.add(track, paper);
        track
    }

    /// A track has `length` bytes now; the new ones arrived at this moment.
    pub fn grown(&self, track: TrackId, length: u64, at_ms: i64) {
        self.change(|document| document.grown(track, length, Some(at_ms)));
    }

    /// Lines whose bytes lie in their track already.
    pub fn take(&self, track: TrackId, lines: &[LineFact], now_ms: i64) {
        self.change(|document| document.take(track, lines, now_ms));
    }

    /// The lines of a track before this one are gone.
    pub fn drop_before(&self, track: TrackId, line: u64) {
        self.change(|document| document.drop_before(track, line));
    }

    /// golive says a line.
    pub fn say(&self, owner: usize, at_ms: i64, voice: Voice, text: &str) {
        self.change(|document| document.say(owner, at_ms, voice, text));
    }

    /// What shows from now on.
    pub fn set_filters(&self, filters: Filters) -> Result<(), BadPattern> {
        self.change(|document| document.set_filters(filters))
    }

    /// What is searched for from now on.
    pub fn set_search(
        &self,
        pattern: Option<Pattern>,
        from: Option<Spot>,
    ) -> Result<(), BadPattern> {
        self.change(|document| document.set_search(pattern, from))
    }

    /// Lines around one, from what was read so far.
    pub fn look(&self, look: Look) -> Window {
        let shared = &self.shared;
        shared.lock().document.look(&shared.files, look)
    }

    /// A line whole.
    pub fn whole(&self, spot: Spot) -> Vec<String> {
        let shared = &self.shared;
        shared.lock().document.whole(&shared.files, spot)
    }

    /// Lines over time.
    pub fn histogram(&self, span_ms: (i64, i64), buckets: usize) -> Vec<Bucket> {
        self.shared.lock().document.histogram(span_ms, buckets)
    }

    /// Changes the document, sees that its work is done, and tells that it changed.
    fn change<T>(&self, change: impl FnOnce(&mut Document) -> T) -> T {
        let mut state = self.shared.lock();
        let result = change(&mut state.document);
        if state.idle > 0 {
            self.shared.work.notify_all();
        } else if state.workers < most_workers() {
            state.workers += 1;
            let shared = Arc::clone(&self.shared);
            let worker = std::thread::Builder::new().name("golive logs".to_owned());
            if worker.spawn(move || shared.work()).is_err() {
                state.workers -= 1;
            }
        }
        drop(state);
        (self.shared.changed)();
        result
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.work.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the document's jobs until the desk is gone.
    fn work(&self) {
        let mut state = self.lock();
        while !state.is_over {
            let Some(job) = state.document.next_job() else {
                state.idle += 1;
                state = self
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                continue;
            };
            drop(state);
            let done = job.run(&self.files);
            state = self.lock();
            let visible = state.document.apply(done);
            if visible {
                drop(state);
                (self.changed)();
                state = self.lock();
            }
        }
    }
}

/// One for every two processors.
fn most_workers() -> usize {
    let processors = std::thread::available_parallelism();
    processors.map_or(1, |count| count.get().div_ceil(2))
}
