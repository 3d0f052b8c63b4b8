//! Intents: the wishes of the operator; reports: what the sites answer; refusals: why a wish is not granted.
//!
//! Nothing here has happened. `decide` turns both into events, and only those are facts.

use super::Identity;
use crate::domain::action::Ending;
use crate::domain::id::{Attempt, EnvName, HostName, TaskId};

/// A wish of the operator about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// Begin the run.
    Start {
        /// Kept with the run.
        reason: Option<String>,
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
    /// Take interrupted tasks as done.
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
    /// Nothing to decide about was named.
    #[error("no task was named")]
    NothingNamed,
}
