//! The doors to the outside: the traits through which the engine launches, records and tells the time.
//!
//! Only signatures live here. `edge` implements them for real machines and files; the tests implement them
//! with fakes. Every future is `Send`, so that units can run on any thread.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::domain::action::{CommandLine, Ending};
use crate::domain::feed::HostFacts;
use crate::domain::id::{Attempt, EnvName, HostName, LockId, RunId, TaskId};
use crate::domain::lock::{Busy, Grant, Holder, Remains};
use crate::domain::log::TailSource;
pub use crate::domain::run::Place;
use crate::domain::run::{Identity, Moment, Record};
use crate::domain::secret::Vault;

/// What a place said of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Hello {
    /// Who it is, across reboots.
    pub identity: Identity,
    /// What the operator wants to know of it.
    pub facts: HostFacts,
}

/// One attempt to launch.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The run, as it is called on hosts.
    pub run: RunId,
    /// The task.
    pub task: TaskId,
    /// Which try.
    pub attempt: Attempt,
    /// Where.
    pub place: Place,
    /// The machine the intent was journalled for; another one refuses.
    pub identity: Identity,
    /// What to run, its environment complete (with `GOLIVE_RUN`, `GOLIVE_ATTEMPT`, `GOLIVE_RECORD`).
    pub command: CommandLine,
    /// The values of the secrets that the command names, for its own process only.
    pub secrets: Vault,
    /// Time limit in seconds, enforced where it runs.
    pub timeout_s: Option<u64>,
    /// Time between asking processes to end and killing them.
    pub grace_s: u64,
    /// The lock it runs under: it is launched only while that is held. `None` = it belongs to no environment.
    pub fence: Option<Fence>,
}

/// The lock an attempt runs under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// The project: environments of two projects may have the same name.
    pub project: String,
    /// The environment.
    pub env: EnvName,
    /// The lock's id.
    pub lock: LockId,
    /// The host whose epoch the attempt is claimed in: its own, or for a task of this machine one of the environment.
    pub host: HostName,
    /// The epoch.
    pub epoch: u64,
}

/// Which attempt, where.
#[derive(Debug, Clone)]
pub struct AttemptKey {
    /// The run, as it is called on hosts.
    pub run: RunId,
    /// The task.
    pub task: TaskId,
    /// Which try.
    pub attempt: Attempt,
    /// Where.
    pub place: Place,
}

/// What a place knows about an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It was never launched there (and could still be).
    Never,
    /// It was withdrawn before it started, and never will.
    Void,
    /// It runs.
    Running,
    /// It ended.
    Ended {
        /// How.
        ending: Ending,
        /// Bytes it printed.
        size: u64,
    },
    /// It started, and its end is not recorded: the supervisor was lost or the machine was restarted.
    Unknown(String),
}

/// Why a place could not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// There is no connection, or it broke. Trying again makes sense; the attempt may be running.
    #[error("no connection to {place}: {why}")]
    Unreachable {
        /// The host.
        place: String,
        /// What went wrong.
        why: String,
        /// What the operator can do.
        help: Option<String>,
    },
    /// The lock the attempt was to run under is not held any more. The attempt was not started, and never will be.
    #[error("{place} refused: {why}")]
    Fenced {
        /// The host.
        place: String,
        /// Who has it, as far as it is known.
        why: String,
    },
    /// The place refused: other machine, restarted, no space, missing tools. The attempt was not started.
    #[error("{place} refused: {why}")]
    Refused {
        /// The host, or `this machine`.
        place: String,
        /// Why.
        why: String,
        /// What the operator can do.
        help: Option<String>,
    },
}

impl LaunchError {
    /// What went wrong, without the place.
    pub fn why(&self) -> &str {
        let (Self::Unreachable { why, .. } | Self::Fenced { why, .. } | Self::Refused { why, .. }) =
            self;
        why
    }

    /// What the operator can do.
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Unreachable { help, .. } | Self::Refused { help, .. } => help.as_deref(),
            Self::Fenced { .. } => None,
        }
    }
}

/// Receives the output of an attempt in order. It must not wait for a screen.
pub trait Sink: Send {
    /// Takes the next bytes; they follow what was taken before. An error ends the following (disk full).
    fn take(&mut self, bytes: &[u8]) -> std::io::Result<()>;

    /// How many bytes were taken in all, also by earlier connections: where to follow from.
    fn offset(&self) -> u64;
}

/// Launches attempts on places and follows them.
pub trait Launcher: Send + Sync + 'static {
    /// Connects to a place (if it is not connected yet), makes it ready, and asks who it is.
    fn hello(&self, place: &Place) -> impl Future<Output = Result<Hello, LaunchError>> + Send;

    /// Launches an attempt and follows it to its end, in one exchange. When it ended, its output was
    /// given to `sink` completely. An attempt that was launched before is only followed, never run twice.
    fn start<S: Sink>(
        &self,
        launch: &Launch,
        sink: &mut S,
    ) -> impl Future<Output = Result<Standing, LaunchError>> + Send;

    /// Follows an attempt from `sink.offset()` to its end.
    fn follow<S: Sink>(
        &self,
        key: &AttemptKey,
        sink: &mut S,
    ) -> impl Future<Output = Result<Standing, LaunchError>> + Send;

    /// Asks what is known about an attempt.
    fn status(
        &self,
        key: &AttemptKey,
    ) -> impl Future<Output = Result<Standing, LaunchError>> + Send;

    /// Ends the processes of an attempt where they run: asks them, waits `grace`, kills them. Returns when this
    /// was begun; the end is seen by who follows. An attempt that never ran is made void.
    fn cancel(
        &self,
        key: &AttemptKey,
        grace: Duration,
    ) -> impl Future<Output = Result<(), LaunchError>> + Send;

    /// Removes what an attempt that is over has printed where it ran; that it ran stays known there. For output that
    /// may hold secrets and was received completely.
    fn drop_output(
        &self,
        key: &AttemptKey,
    ) -> impl Future<Output = Result<(), LaunchError>> + Send {
        let _ = key;
        std::future::ready(Ok(()))
    }
}

/// What an attempt to take a lock came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Taking {
    /// It is held now; also when it was held by the same id already.
    Taken(Grant),
    /// Somebody else has it. Nothing is held by this attempt.
    Busy(Box<Busy>),
    /// It is held, but what a former holder started still runs: ask again until that is over.
    Occupied(Vec<Remains>),
}

/// Takes and gives back the locks of environments, wherever they are kept.
pub trait Locks: Send + Sync + 'static {
    /// Takes the lock of an environment for `holder`. With `steal` the lock of that id is taken over, when it is
    /// still the one that is held. A place that does not answer is an error, unless the run does not touch it, or not
    /// any more: `spare` are hosts that were left out.
    fn take(
        &self,
        env: &EnvName,
        holder: &Holder,
        steal: Option<&LockId>,
        spare: &BTreeSet<HostName>,
    ) -> impl Future<Output = Result<Taking, LaunchError>> + Send;

    /// Tells the places that the holder is alive. `Some` = somebody ended the lock; the text says who.
    fn beat(
        &self,
        env: &EnvName,
        lock: &LockId,
        grant: &Grant,
    ) -> impl Future<Output = Result<Option<String>, LaunchError>> + Send;

    /// Gives the lock of this id back, wherever it is held. Returns the places that could not be told, and why;
    /// a lock that is not held any more, or by another id, is no trouble and is left alone.
    fn release(
        &self,
        env: &EnvName,
        lock: &LockId,
    ) -> impl Future<Output = std::collections::BTreeMap<String, String>> + Send;
}

/// Where a source is followed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TailStart {
    /// From so many lines before its end; 0 = only what comes.
    Lines(u64),
    /// From this byte of the file it was before; when it is another file by now, from what is left of that one. What a
    /// [`Tails::Memory`] knows goes before.
    Mark(FileMark),
}

/// A place in a file on a host: what a source goes on from after a break.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileMark {
    /// The file, whatever it is called by now.
    pub inode: u64,
    /// How many bytes of it were taken.
    pub offset: u64,
}

/// What a source that is followed gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TailPiece<'a> {
    /// It is open; what comes next stands here. Files only know where.
    Open(Option<FileMark>),
    /// Its next bytes.
    Bytes(Bytes),
    /// Its file was replaced by a new one, which is followed from its first byte; the old one was read to its end.
    Rotated,
    /// Its file was cut short and is followed from its first byte; what was printed between may be missing.
    Truncated {
        /// The first bytes of its new content came already, behind the old ones: what comes next goes on with them.
        goes_on: bool,
    },
    /// What is left of the file it was before was not found: lines between may be missing. A new one is followed from
    /// its first byte.
    Gap,
    /// There is no such file yet; it is waited for. The text says which.
    Missing(&'a str),
}

/// Takes what a source gives, in order.
pub trait TailSink: Send {
    /// Takes the next piece; may take its time: then the source waits on its host. An error ends the following.
    fn take(&mut self, piece: TailPiece<'_>) -> impl Future<Output = std::io::Result<()>> + Send;

    /// Where the source is to be opened again after a break; `None` = it never was open, or knows no places.
    fn mark(&self) -> Option<FileMark>;
}

/// Follows logs of servers. It only reads.
pub trait Tails: Send + Sync + 'static {
    /// What is known of a source and outlives a connection that breaks.
    type Memory: Default + Send;

    /// Opens a source on its host and gives what comes to `sink`, as long as `follow` and the connection lasts; without
    /// `follow` to the end that it had. Ends with an error when the connection broke (`Unreachable`: try again) or the
    /// source cannot be read (`Refused`). With the memory of the last time it goes on where that stopped.
    fn tail<S: TailSink>(
        &self,
        source: &TailSource,
        start: TailStart,
        follow: bool,
        memory: &mut Self::Memory,
        sink: &mut S,
    ) -> impl Future<Output = Result<(), LaunchError>> + Send;

    /// Compares the clock of a host with ours.
    fn clock(
        &self,
        env: &EnvName,
        host: &HostName,
    ) -> impl Future<Output = Result<Skew, LaunchError>> + Send;
}

/// How a host's clock differs from ours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Skew {
    /// How far it is ahead, in seconds; negative = behind.
    pub ahead_s: f64,
    /// Not known better than this, in seconds.
    pub error_s: f64,
    /// The host's time zone, in seconds east of UTC, when it tells.
    pub zone_s: Option<i32>,
}

/// Why the journal could not be written. After this nothing more may be launched.
#[derive(Debug, Clone, thiserror::Error)]
#[error("could not write the journal {path}: {why}")]
pub struct JournalError {
    /// The file.
    pub path: String,
    /// What went wrong.
    pub why: String,
}

/// The durable record of a run's facts.
pub trait Journal: Send + 'static {
    /// Appends records and returns when they are on disk (`fdatasync`).
    fn append(
        &mut self,
        records: &[Record],
    ) -> impl Future<Output = Result<(), JournalError>> + Send;
}

/// Where the output of attempts is kept.
pub trait LogStore: Send + Sync + 'static {
    /// Appends to one attempt's file.
    type Writer: LogWriter;

    /// Opens the file of an attempt for appending; it is made when it does not exist.
    fn open(&self, task: &TaskId, attempt: Attempt) -> std::io::Result<Self::Writer>;
}

/// Appends to the file of one attempt.
pub trait LogWriter: Send + 'static {
    /// Appends bytes that arrived at this moment.
    fn append(&mut self, bytes: &[u8], at: Moment) -> std::io::Result<()>;

    /// The length of the file.
    fn len(&self) -> u64;

    /// Whether nothing was written yet.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes at the end of the file, at most `limit`: what proofs are looked for in.
    fn tail(&self, limit: u64) -> std::io::Result<Vec<u8>>;
}

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now, with the local offset.
    fn now(&self) -> Moment;
}

/// Shared doors are doors.
impl<C: Clock> Clock for Arc<C> {
    fn now(&self) -> Moment {
        (**self).now()
    }
}
