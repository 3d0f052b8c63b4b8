//! A desk: a document over files, and the threads that read it.
//!
//! The document is behind a lock that is held for moments only: its work is done off the lock, a block at a time, by a
//! thread for every two processors. Threads are started when there is work for the first time, sleep until there is
//! more, and end with the desk. Who looks gets an answer from what was read so far.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::files::{Files, Paper};
use crate::domain::log::document::{Document, LineFact, Part};
use crate::domain::log::pattern::BadPattern;
use crate::domain::log::{Bucket, Filters, Look, Open, Pattern, Spot, TrackId, Voice, Window};

/// How many bytes are read before the document is let go and they are handed over.
const TURN: usize = 1 << 20;

/// A document that is read by threads of its own until this is dropped.
pub struct Desk {
    shared: Arc<Shared>,
}

/// Something that happened to a document before it was looked at.
#[derive(Debug, Clone)]
pub enum Past {
    /// A track had so many bytes.
    Grown {
        /// The track.
        track: TrackId,
        /// Its bytes then.
        length: u64,
        /// When the new ones arrived, in milliseconds since 1970; `None` = nobody knows.
        at_ms: Option<i64>,
    },
    /// Nothing more came to the track.
    Ended(TrackId),
    /// golive said a line.
    Said {
        /// About whom.
        owner: usize,
        /// When, in milliseconds since 1970.
        at_ms: i64,
        /// Whether it was about a failure.
        voice: Voice,
        /// What.
        text: String,
    },
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    /// A job was done, or there is none any more.
    progress: Condvar,
    files: Files,
    changed: Box<dyn Fn() + Send + Sync>,
}

struct State {
    document: Document,
    workers: usize,
    /// Workers that sleep, and that nobody has called since.
    idle: usize,
    /// How often those who sleep were called.
    calls: u64,
    is_over: bool,
}

impl State {
    /// Whether all lines that are there now were counted, or nobody will count them.
    fn is_counted(&self) -> bool {
        let facts = self.document.facts();
        facts.indexed >= facts.bytes || self.idle == self.workers || self.is_over
    }
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
                    calls: 0,
                    is_over: false,
                }),
                work: Condvar::new(),
                progress: Condvar::new(),
                files: Files::default(),
                changed: Box::new(changed),
            }),
        }
    }

    /// Adds a track without bytes.
    pub fn add(&self, owner: usize, paper: Paper) -> TrackId {
        let track = self.shared.lock().document.add_track(owner, Voice::Printed);
        self.shared.files.add(track, paper);
        track
    }

    /// A track has `length` bytes now; the new ones arrived at this moment, if anybody knows.
    pub fn grown(&self, track: TrackId, length: u64, at_ms: Option<i64>) {
        self.change(|document| document.grown(track, length, at_ms));
    }

    /// Nothing more comes to a track.
    pub fn ended(&self, track: TrackId) {
        self.change(|document| document.ended(track));
    }

    /// Tells what happened before, in order, in one go.
    pub fn tell_past(&self, past: &[Past]) {
        self.change(|document| {
            for event in past {
                match event {
                    Past::Grown {
                        track,
                        length,
                        at_ms,
                    } => document.grown(*track, *length, *at_ms),
                    Past::Ended(track) => document.ended(*track),
                    Past::Said {
                        owner,
                        at_ms,
                        voice,
                        text,
                    } => document.say(*owner, *at_ms, *voice, text),
                }
            }
        });
    }

    /// Lines whose bytes lie in their track already.
    pub fn take(&self, track: TrackId, lines: &[LineFact], now_ms: i64) {
        let mut state = self.shared.lock();
        state.document.take(track, lines, now_ms);
        // All is known of such lines. As long as nobody asks for more, no thread is woken for each of many pieces.
        if state.document.is_asked() {
            self.shared.wake(&mut state);
        }
        drop(state);
        (self.shared.changed)();
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
    pub fn look(&self, look: &Look) -> Window {
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

    /// Calls `each` for the parts of lines from one to another (`None` = from the first, to the last), only those that show
    /// with what was opened by hand, or all of them, until it returns an error. Waits until lines are counted. The
    /// document is let go in between and while `each` has them, but within a line that is longer than a turn.
    pub fn each<E>(
        &self,
        range: (Option<Spot>, Option<Spot>),
        shown: Option<&Open>,
        each: &mut dyn FnMut(Part<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        // Between turns no line may get another number.
        self.shared.until_counted();
        let (mut from, mut is_again) = (range.0, false);
        let mut turn = Turn::default();
        loop {
            let (mut stopped, mut result) = (None, Ok(()));
            let state = self.shared.lock();
            let document = &state.document;
            let mut take = |part: Part<'_>| {
                // The line that the last turn ended with.
                if is_again && Some(part.spot.id) == from.map(|spot| spot.id) {
                    return true;
                }
                turn.take(part);
                if turn.is_full() && part.is_last {
                    stopped = Some(part.spot);
                } else if turn.is_full() {
                    result = turn.give(each);
                }
                result.is_ok() && stopped.is_none()
            };
            let range = (from, range.1);
            document.each(&self.shared.files, range, shown, &mut take);
            drop(state);
            result?;
            turn.give(each)?;
            let Some(spot) = stopped else {
                return Ok(());
            };
            (from, is_again) = (Some(spot), true);
        }
    }

    /// Changes the document, sees that its work is done, and tells that it changed.
    fn change<T>(&self, change: impl FnOnce(&mut Document) -> T) -> T {
        let mut state = self.shared.lock();
        let result = change(&mut state.document);
        self.shared.wake(&mut state);
        drop(state);
        (self.shared.changed)();
        result
    }
}

/// Parts of lines that were read together.
#[derive(Debug, Default)]
struct Turn {
    bytes: Vec<u8>,
    parts: Vec<Held>,
}

/// A part whose bytes end there.
#[derive(Debug)]
struct Held {
    spot: Spot,
    owner: usize,
    at_ms: Option<i64>,
    end: usize,
    is_last: bool,
}

impl Turn {
    fn take(&mut self, part: Part<'_>) {
        self.bytes.extend_from_slice(part.bytes);
        self.parts.push(Held {
            spot: part.spot,
            owner: part.owner,
            at_ms: part.at_ms,
            end: self.bytes.len(),
            is_last: part.is_last,
        });
    }

    fn is_full(&self) -> bool {
        self.bytes.len() + self.parts.len() * 64 > TURN
    }

    /// Hands all of them over.
    fn give<E>(&mut self, each: &mut dyn FnMut(Part<'_>) -> Result<(), E>) -> Result<(), E> {
        let mut begin = 0;
        for held in &self.parts {
            each(Part {
                spot: held.spot,
                owner: held.owner,
                at_ms: held.at_ms,
                bytes: &self.bytes[begin..held.end],
                is_last: held.is_last,
            })?;
            begin = held.end;
        }
        self.parts.clear();
        self.bytes.clear();
        Ok(())
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

    /// Sees that somebody looks for work.
    fn wake(self: &Arc<Self>, state: &mut State) {
        if state.idle > 0 {
            // From now on they work, also before they have woken: who waits for them must not find them asleep.
            state.idle = 0;
            state.calls += 1;
            self.work.notify_all();
        } else if state.workers < most_workers() {
            state.workers += 1;
            let shared = Arc::clone(self);
            let worker = std::thread::Builder::new().name("golive logs".to_owned());
            if worker.spawn(move || shared.work()).is_err() {
                state.workers -= 1;
            }
        }
    }

    /// Waits until all lines that are there now were counted; lines that are not are nobody's to hand over.
    fn until_counted(&self) {
        let mut state = self.lock();
        while !state.is_counted() {
            state = self
                .progress
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Does the document's jobs until the desk is gone.
    fn work(&self) {
        let _present = Present(self);
        let mut bytes = Vec::new();
        let mut state = self.lock();
        while !state.is_over {
            let Some(job) = state.document.next_job() else {
                // At rest nothing is kept for later.
                bytes = Vec::new();
                state.idle += 1;
                self.progress.notify_all();
                let calls = state.calls;
                while state.calls == calls && !state.is_over {
                    state = self
                        .work
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
                continue;
            };
            drop(state);
            let done = job.run(&self.files, &mut bytes);
            state = self.lock();
            let visible = state.document.apply(done);
            self.progress.notify_all();
            if visible {
                drop(state);
                (self.changed)();
                state = self.lock();
            }
        }
    }
}

/// A worker that is there. One that breaks is missed: nobody waits for what it had begun, and the next work starts another.
struct Present<'a>(&'a Shared);

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.lock().workers -= 1;
        self.0.progress.notify_all();
    }
}

/// One for every two processors.
fn most_workers() -> usize {
    let processors = std::thread::available_parallelism();
    processors.map_or(1, |count| count.get().div_ceil(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log::{Anchor, LineId};

    /// A desk over one file with these bytes.
    fn desk(bytes: &[u8]) -> (Desk, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        std::fs::write(&path, bytes).unwrap();
        let desk = Desk::new(|| ());
        let track = desk.add(0, Paper::File(path));
        desk.grown(track, bytes.len() as u64, None);
        desk.ended(track);
        (desk, folder)
    }

    /// All bytes as they are handed over, and how many parts there were.
    fn given(desk: &Desk, meanwhile: &dyn Fn()) -> (Vec<u8>, usize) {
        let (mut bytes, mut parts) = (Vec::new(), 0);
        let mut take = |part: Part<'_>| {
            bytes.extend_from_slice(part.bytes);
            if part.is_last {
                bytes.push(b'\n');
            }
            parts += 1;
            meanwhile();
            Ok::<(), ()>(())
        };
        desk.each((None, None), None, &mut take).unwrap();
        (bytes, parts)
    }

    #[test]
    fn who_takes_lines_may_look_at_the_document_meanwhile() {
        let bytes = b"one\ntwo\nthree\n";
        let (desk, _folder) = desk(bytes);
        let look = Look {
            anchor: Anchor::End,
            above: 1,
            below: 0,
            open: Open::default(),
        };
        let desk = Arc::new(desk);
        let (given, parts) = given(&desk, &|| {
            let (sender, seen) = std::sync::mpsc::channel();
            let (desk, look) = (Arc::clone(&desk), look.clone());
            std::thread::spawn(move || sender.send(desk.look(&look).lines.len()));
            let seen = seen.recv_timeout(std::time::Duration::from_secs(60));
            assert_eq!(seen, Ok(2), "the document is held while lines are taken");
        });
        assert_eq!((given.as_slice(), parts), (&bytes[..], 3));
    }

    #[test]
    fn lines_of_many_turns_and_lines_longer_than_one_are_handed_over_exactly() {
        let mut bytes = b"short\n".repeat(TURN / 32);
        bytes.extend(vec![b'x'; 3 * TURN + 7]);
        bytes.extend(b"\nthe last\n");
        let (desk, _folder) = desk(&bytes);
        let (given, parts) = given(&desk, &|| ());
        assert!(given == bytes, "{} of {}", given.len(), bytes.len());
        assert!(parts > TURN / 32);
    }

    #[test]
    fn lines_that_are_given_up_while_others_are_handed_over_take_none_of_the_rest_with_them() {
        let lines = TURN / 4;
        let bytes: Vec<u8> = (0..lines)
            .flat_map(|n| format!("{n:07}\n").into_bytes())
            .collect();
        let (desk, _folder) = desk(&bytes);
        let is_first = std::cell::Cell::new(true);
        let (given, _) = given(&desk, &|| {
            if is_first.replace(false) {
                desk.drop_before(TrackId(0), lines as u64 / 2);
            }
        });
        let text = String::from_utf8(given).unwrap();
        let told: Vec<usize> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert!(told.is_sorted() && told.last() == Some(&(lines - 1)));
        let rest = told.iter().filter(|line| **line >= lines / 2).count();
        assert_eq!(
            rest,
            lines - lines / 2,
            "lines that are there were left out"
        );
    }

    #[test]
    fn of_lines_that_were_given_up_nothing_else_is_handed_over() {
        let (desk, _folder) = desk("a line\n".repeat(300).as_bytes());
        desk.shared.until_counted();
        let spot = |line: u64| Spot {
            place: line,
            id: LineId {
                track: TrackId(0),
                line,
            },
        };
        desk.drop_before(TrackId(0), 100);
        let count = |from: u64, to: u64| {
            let mut count = 0;
            let range = (Some(spot(from)), Some(spot(to)));
            let mut take = |_: Part<'_>| {
                count += 1;
                Ok::<(), ()>(())
            };
            desk.each(range, None, &mut take).unwrap();
            count
        };
        assert_eq!(
            (count(10, 20), count(50, 109), count(100, 109)),
            (0, 10, 10)
        );
    }

    #[test]
    fn who_was_called_to_work_counts_as_awake_before_it_wakes() {
        let (desk, folder) = desk(b"one\ntwo\n");
        let mut state = desk.shared.lock();
        while state.idle == 0 {
            state = desk.shared.progress.wait(state).unwrap();
        }
        // Held all the time, so that the worker cannot wake.
        std::fs::write(folder.path().join("b.log"), "three\n").unwrap();
        let track = state.document.add_track(1, Voice::Printed);
        let paper = Paper::File(folder.path().join("b.log"));
        desk.shared.files.add(track, paper);
        state.document.grown(track, 6, None);
        desk.shared.wake(&mut state);
        assert!(!state.is_counted(), "what is missing would be left out");
        drop(state);
        desk.shared.until_counted();
        assert_eq!(given(&desk, &|| ()).0, b"one\ntwo\nthree\n");
    }

    #[test]
    fn nobody_waits_for_a_worker_that_broke() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let bytes = b"a line of it\n".repeat(TURN / 2);
        std::fs::write(&path, &bytes).unwrap();
        let desk = Arc::new(Desk::new(|| {
            if std::thread::current().name() == Some("golive logs") {
                std::panic::resume_unwind(Box::new("broken"));
            }
        }));
        let track = desk.add(0, Paper::File(path));
        desk.grown(track, bytes.len() as u64, None);
        let (sender, over) = std::sync::mpsc::channel();
        let waiting = Arc::clone(&desk);
        std::thread::spawn(move || sender.send(given(&waiting, &|| ()).1));
        let parts = over.recv_timeout(std::time::Duration::from_secs(60));
        assert!(parts.is_ok(), "it waits for ever");
    }
}
