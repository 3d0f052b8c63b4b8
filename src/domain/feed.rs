//! The feed: what the engine tells the faces (screen, plain lines, JSON) about a run, as it happens.
//!
//! Faces only listen. They fold the events with the same function as the engine and keep no truth of their own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::id::{Attempt, EnvName, HostName, TaskId};
use super::lock::{Busy, Remains};
use super::log::{SourceState, Voice};
use super::run::{Moment, Record};

/// One thing a face hears.
#[derive(Debug, Clone)]
pub enum Update {
    /// A fact; it is on disk.
    Event(Record),
    /// Everything that follows from the events before was told: now it can be seen what the run waits for.
    Settled,
    /// Bytes an attempt printed; they are in its log file already.
    Output {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
        /// When they arrived.
        at: Moment,
        /// Where in the attempt's output they stand.
        offset: u64,
        /// The bytes, exactly.
        bytes: Arc<[u8]>,
    },
    /// The state of a connection changed.
    Connection {
        /// The host's environment.
        env: EnvName,
        /// The host.
        host: HostName,
        /// How it is now.
        link: Link,
    },
    /// This machine cannot be used for now; it is asked again.
    Here {
        /// What went wrong.
        why: String,
        /// Until the next try.
        retry_in: Duration,
    },
    /// The lock of an environment is wanted and not held; facts about locks come as events.
    Lock {
        /// The environment.
        env: EnvName,
        /// How it is.
        news: LockNews,
    },
    /// What an attempt printed could not be written to its log file. It waits where the attempt runs, and is read
    /// again from there. Told once until writing succeeds again.
    OutputFailed {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
        /// What went wrong.
        why: String,
    },
    /// The journal could not be written: nothing more is launched. The text says why.
    JournalFailed(String),
}

/// The state of the connection to a host.
#[derive(Debug, Clone, PartialEq)]
pub enum Link {
    /// Being made.
    Connecting,
    /// There.
    Connected(HostFacts),
    /// It was lost and is made again after this time; the text says why.
    Lost {
        /// What went wrong.
        why: String,
        /// Until the next try.
        retry_in: Duration,
    },
    /// It cannot be made; nobody tries again by themselves.
    Failed {
        /// What went wrong.
        why: String,
        /// What the operator can do.
        help: Option<String>,
    },
}

/// What a host said of itself when the connection was made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostFacts {
    /// Round trip of a request.
    pub latency: Duration,
    /// How far its clock is ahead of ours, in seconds; negative = behind.
    pub clock_skew_s: f64,
    /// Free space where golive keeps its files there, in KiB.
    pub free_kb: Option<u64>,
    /// Its own name for itself.
    pub hostname: Option<String>,
}

/// How a lock is that is wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum LockNews {
    /// It is being taken.
    Taking,
    /// Somebody else has it: the operator has to decide.
    Busy(Box<Busy>),
    /// It was taken over, and what the former holder started is waited for.
    Occupied(Vec<Remains>),
    /// A place does not answer; it is asked again after this time.
    Failed {
        /// What went wrong.
        why: String,
        /// Until the next try.
        retry_in: Duration,
    },
}

/// What those hear who follow logs of servers. Sources are named by their place in the list that was asked for.
#[derive(Debug, Clone)]
pub enum TailUpdate {
    /// Bytes of a source, in order; where a source was opened again they go on where they stopped, but for sources
    /// that are commands.
    Bytes {
        /// The source.
        source: usize,
        /// When they arrived.
        at: Moment,
        /// The bytes, exactly.
        bytes: Bytes,
    },
    /// How a source is changed.
    State {
        /// The source.
        source: usize,
        /// How it is now.
        state: SourceState,
    },
    /// golive has something to say about a source, in words: its file was rotated, lines may be missing.
    Said {
        /// The source.
        source: usize,
        /// When.
        at: Moment,
        /// What.
        text: String,
    },
    /// The clock of a source's host was compared with ours.
    Clock {
        /// The source.
        source: usize,
        /// How far it is ahead, in seconds; negative = behind.
        skew_s: f64,
        /// Half the round trip of the question, in seconds: it is not known better than that.
        error_s: f64,
        /// The host's time zone, in seconds east of UTC, when it tells: that of times without one in its logs.
        zone_s: Option<i32>,
    },
    /// A moment of a deploy to the environment whose logs are followed, in golive's words.
    Deed {
        /// When.
        at: Moment,
        /// Whether it is about a failure.
        voice: Voice,
        /// What happened.
        text: String,
    },
}
