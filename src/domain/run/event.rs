//! Events: the durable facts of a run, and the record that carries one in the journal.
//!
//! Events are written in past participle and never changed; keys are only ever added (design/3, JSON). The
//! same form is the journal's line, the `--json` stream and what the screen folds. `task_output` exists only
//! in the stream and is therefore not here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Identity, Moment};
use crate::domain::action::Ending;
use crate::domain::id::{Attempt, Commit, EnvName, HostName, LockId, RunId, Seq, TaskId};
use crate::domain::lock::{Grant, Holder};

/// A line of the journal without its checksum: when what happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its place in the journal.
    pub seq: Seq,
    /// When it was decided.
    pub at: Moment,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything of the plan was done.
    Succeeded,
    /// A step failed and the run ended with it.
    Failed,
    /// The operator ended it.
    Stopped,
    /// Everything of a plan that goes back was done.
    RolledBack,
}

impl Outcome {
    /// Whether everything of the plan was done.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Succeeded | Self::RolledBack)
    }
}

/// A choice of the operator about tasks or the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Run the task again, and nothing else.
    Retry,
    /// Do not run the task; what waits for it goes on.
    Skip,
    /// Take the task as done although it failed, or nobody knows how it ended.
    CountAsDone,
    /// Run nothing more on a host in this run.
    LeaveOut,
    /// Keep the locks when the run ends without success.
    KeepLock,
    /// Release the locks when the run ends.
    FreeLock,
    /// Start nothing more, and end the run when what runs has ended.
    Stop,
    /// End the processes of what runs, then the run.
    Kill,
    /// Start nothing more for now.
    Pause,
    /// Go on after a pause.
    Continue,
}

/// A host that a decision is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its environment.
    pub env: EnvName,
    /// Its name.
    pub host: HostName,
}

/// A durable fact of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run began; nothing was started before this was on disk.
    RunStarted {
        /// Its id.
        run: RunId,
        /// The project's name.
        project: String,
        /// What was asked for.
        #[serde(rename = "ref")]
        reference: String,
        /// What it was resolved to.
        commit: Option<Commit>,
        /// The digest of the frozen plan.
        digest: String,
        /// Who: `user@machine`.
        by: String,
        /// Why, when a reason was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The id of the locks it takes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lock: Option<LockId>,
    },
    /// The lock of an environment was taken: its tasks may start.
    LockTaken {
        /// The environment.
        env: EnvName,
        /// The lock's id.
        lock: LockId,
        /// Where it is kept.
        #[serde(flatten)]
        grant: Grant,
        /// Who had it, when it was taken over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Holder>,
    },
    /// The lock of an environment is not held any more.
    LockReleased {
        /// The environment.
        env: EnvName,
        /// The lock's id.
        lock: LockId,
        /// Places that could not be told and may still show it, and why.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        left: BTreeMap<String, String>,
        /// Somebody else ended it; the text says who.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lost: Option<String>,
    },
    /// The first task of a stage may start: what is before it ended, its gate was passed.
    StageStarted {
        /// The stage's name.
        stage: String,
    },
    /// An attempt of a task is about to be launched.
    TaskStarted {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
        /// The machine it is launched on; `None` for questions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity: Option<Identity>,
    },
    /// A task ended well.
    TaskFinished {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
        /// How it ended.
        ending: Ending,
        /// Seconds it ran.
        duration_s: f64,
        /// What its proof found; for a question, who answered.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        evidence: BTreeMap<String, String>,
        /// Bytes it printed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output_size: Option<u64>,
    },
    /// A task ended badly.
    TaskFailed {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
        /// How it ended.
        ending: Ending,
        /// Seconds it ran.
        duration_s: f64,
        /// When it is tried again by itself; `None` = a decision is needed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Moment>,
        /// Bytes it printed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output_size: Option<u64>,
    },
    /// A task was started and nobody can tell how it ended.
    TaskInterrupted {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
        /// What is known.
        why: String,
    },
    /// A task is not run because its `when` does not hold.
    TaskSkipped {
        /// The task.
        task: TaskId,
        /// Why.
        why: String,
    },
    /// The operator decided about tasks, or with an empty list about the run.
    DecisionTaken {
        /// What.
        decision: Decision,
        /// About which tasks.
        tasks: Vec<TaskId>,
        /// About which host: `env` and `host`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<LeftOut>,
        /// Who: `user@machine`.
        by: String,
        /// Why, when a reason was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Everything before the gate is done; a decision is needed.
    GateReached {
        /// The environment behind the gate.
        env: EnvName,
        /// The stage behind it.
        stage: String,
    },
    /// The gate was passed.
    GateApproved {
        /// The environment.
        env: EnvName,
        /// The stage.
        stage: String,
        /// What was approved.
        commit: Option<Commit>,
        /// The digest of the plan it was approved on.
        digest: String,
        /// Who: `user@machine`.
        by: String,
        /// Why, when a reason was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// An approval was refused: it named something else than what would run.
    GateRefused {
        /// The environment.
        env: EnvName,
        /// The stage.
        stage: String,
        /// Who: `user@machine`.
        by: String,
        /// What was wrong with it.
        why: String,
    },
    /// All tasks of a stage are done.
    StageFinished {
        /// The stage's name.
        stage: String,
        /// Seconds since it started.
        duration_s: f64,
    },
    /// The release's tags stand.
    TagWritten {
        /// The release's tag, when one is written.
        tag: Option<String>,
        /// The tag that was moved, when there is one.
        live: Option<String>,
        /// The commit.
        commit: Commit,
        /// The remote they were pushed to, when there is one.
        remote: Option<String>,
    },
    /// The run ended.
    RunFinished {
        /// How.
        outcome: Outcome,
        /// Seconds since it started.
        duration_s: f64,
        /// Seconds each host of each environment may have been down, as measured.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        downtime_s: BTreeMap<EnvName, BTreeMap<HostName, f64>>,
    },
}
