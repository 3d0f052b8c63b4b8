//! Intents: the wishes of the operator; reports: what the sites answer; refusals: why a wish is not granted.
//!
//! Nothing here has happened. `decide` turns both into events, and only those are facts.

use super::Identity;
use crate::domain::action::Ending;
use crate::domain::id::{Attempt, EnvName, HostName, LockId, TaskId};
use crate::domain::lock::{Busy, Grant, Remains};

/// A wish of the operator about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// Begin the run.
    Start {
        /// Kept with the run.
        reason: Option<String>,
        /// The id of the locks it takes: random, made for this run.
        lock: LockId,
    },
    /// Pass the gate of an environment.
    Approve {
        /// The environment whose gate it is.
        env: EnvName,
        /// What the operator named: the commit or a prefix of it (`--approve ENV=COMMIT`); `None` when the
        /// environment's name was typed in front of the evidence.
        commit: Option<String>,
        /// Kept with the approval.
        reason: Option<String>,
    },
    /// Answer an open question with "done".
    Confirm {
        /// The ask-step's task.
        task: TaskId,
    },
    /// Answer an open question with "not done": the task fails.
    Deny {
        /// The ask-step's task.
        task: TaskId,
    },
    /// Run failed or interrupted tasks again, and nothing else.
    Retry {
        /// Which.
        tasks: Vec<TaskId>,
    },
    /// Do not run failed or interrupted tasks; what waits for them goes on.
    Skip {
        /// Which.
        tasks: Vec<TaskId>,
        /// Kept with the decision.
        reason: String,
    },
    /// Run nothing more on a host in this run.
    LeaveOut {
        /// Its environment.
        env: EnvName,
        /// Its name.
        host: HostName,
        /// Kept with the decision.
        reason: String,
    },
    /// Whether locks stay when the run ends without success.
    KeepLock {
        /// They stay.
        keep: bool,
    },
    /// Try again to take the lock of an environment that somebody else had.
    TakeLock {
        /// The environment.
        env: EnvName,
        /// Take it over from the holder of this id, as it was seen.
        steal: Option<LockId>,
    },
    /// Take failed or interrupted tasks as done.
    CountAsDone {
        /// Which.
        tasks: Vec<TaskId>,
        /// Kept with the decision.
        reason: String,
    },
    /// Start nothing more; end the run when what runs has ended.
    Stop {
        /// Kept with the decision.
        reason: Option<String>,
    },
    /// End what runs where it runs, then the run.
    Kill {
        /// Kept with the decision.
        reason: Option<String>,
    },
    /// Start nothing more for now.
    Pause,
    /// Go on after a pause.
    Continue,
}

/// What became of an attempt, or of a machine; told by the units of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// A site is connected and told who it is; tasks may be launched there.
    Identified {
        /// `None` is this machine.
        site: Option<(EnvName, HostName)>,
        /// Who it is.
        identity: Identity,
    },
    /// An attempt ended, and all its output is on disk here.
    Ended {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
        /// How.
        ending: Ending,
        /// What its proof found in the output.
        evidence: std::collections::BTreeMap<String, String>,
        /// Bytes of output.
        output_size: u64,
    },
    /// An attempt was not started: the lock it was to run under is not held any more.
    Fenced {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
        /// What the host said.
        why: String,
    },
    /// The lock of an environment was taken.
    Locked {
        /// The environment.
        env: EnvName,
        /// Where it is kept.
        grant: Grant,
    },
    /// Somebody else has the lock of an environment.
    LockBusy {
        /// The environment.
        env: EnvName,
        /// Who.
        busy: Box<Busy>,
    },
    /// The lock was taken over, and what the former holder started still runs: it has to be asked again.
    LockOccupied {
        /// The environment.
        env: EnvName,
        /// What runs where.
        remains: Vec<Remains>,
    },
    /// The lock could not be taken for now: a place did not answer. It has to be asked again.
    LockFailed {
        /// The environment.
        env: EnvName,
        /// What went wrong.
        why: String,
    },
    /// Somebody else ended our lock.
    LockLost {
        /// The environment.
        env: EnvName,
        /// The grant that was asked about: news of another one than is held are late, and say nothing.
        grant: Grant,
        /// Who, as far as it is known.
        why: String,
    },
    /// The lock of an environment was given back.
    Unlocked {
        /// The environment.
        env: EnvName,
        /// Places that could not be told, and why.
        left: std::collections::BTreeMap<String, String>,
    },
    /// Nobody can tell how an attempt ended.
    Lost {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
        /// What is known.
        why: String,
    },
}

/// Why a wish is not granted. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The run ended.
    #[error("the run has ended")]
    Ended,
    /// The run is going on already.
    #[error("the run was started already")]
    StartedAlready,
    /// There is no such gate waiting.
    #[error("no gate of {0} is waiting")]
    NoGate(EnvName),
    /// The approval named another commit than the run's.
    #[error("the gate of {env} was approved for {given}, but the run releases {commit}")]
    OtherCommit {
        /// The environment.
        env: EnvName,
        /// What the operator named.
        given: String,
        /// What the run releases.
        commit: String,
    },
    /// The task is not in the state the wish is about.
    #[error("{task} {state}")]
    WrongState {
        /// The task, or what was named.
        task: String,
        /// How it is instead, to follow the name: "is still running".
        state: String,
    },
    /// Leaving a host out would leave work undone that no other host does.
    #[error("{host} cannot be left out: {why}")]
    Needed {
        /// The host.
        host: HostName,
        /// What only it does.
        why: String,
    },
    /// Nothing to decide about was named.
    #[error("no task was named")]
    NothingNamed,
}
