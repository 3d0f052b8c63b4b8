//! The plan: the checklist expanded for one commit, every task in order, frozen with the run.
//!
//! A plan is plain data. It is made by `build`, gets its dependencies from `graph` and its predictions from
//! `forecast`; `digest` names its content. After a run has started nothing changes it: a changed
//! `releases.toml` makes another plan, with another digest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::action::{Action, Milestone, Site};
use super::checklist::{Downtime, Gate, OnFailure, Order, Phase, Reach, SshRules};
use super::id::{
    Commit, EnvName, HostName, RoleName, RunId, SecretName, StageName, StepName, TaskId,
};
use super::release::{Left, ReleaseRules};
use super::secret::SecretSource;
use select::Selection;

pub mod build;
pub mod difference;
pub mod digest;
pub mod forecast;
pub mod graph;
mod points;
pub mod problem;
pub mod rollback;
pub mod select;
pub mod still_live;
pub mod undo;

/// The version of the frozen form; a reader refuses one it does not know.
pub const PLAN_VERSION: u32 = 1;

/// The checklist expanded for one commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_VERSION`].
    pub version: u32,
    /// The project's name.
    pub project: String,
    /// What the operator asked to release (`HEAD`, a branch, a tag).
    #[serde(rename = "ref")]
    pub reference: String,
    /// What it was resolved to, once; `None` outside a git repository (then `tag` steps are refused).
    pub commit: Option<Commit>,
    /// The commit LIVE pointed to when the plan was made.
    pub previous: Option<Commit>,
    /// The object LIVE itself pointed to (a tag object or a commit): what the push leases against.
    pub previous_object: Option<String>,
    /// The name the release's tag will get; `None` when releases are not tagged.
    pub tag: Option<String>,
    /// How the release is recorded.
    pub release: ReleaseRules,
    /// How hosts are reached.
    pub ssh: SshRules,
    /// Uncommitted changes when the plan was made, as `git status --short` prints them.
    pub dirty: Vec<String>,
    /// What the operator should know before it starts, in sentences; not part of the digest.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Every host a task runs on, each once per environment.
    pub hosts: Vec<PlannedHost>,
    /// The other hosts of its environments: nothing runs there, but the lock is kept there as well, so that runs on
    /// other hosts of the environment exclude each other. Not part of the digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<PlannedHost>,
    /// The part of the checklist that was asked for, so that it can be planned again and compared. Not part of the
    /// digest.
    #[serde(default, skip_serializing_if = "Selection::is_all")]
    pub selection: Selection,
    /// Where the secrets that its steps name come from; never their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<SecretName, SecretSource>,
    /// What it goes back from, when it is a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Rollback>,
    /// Stages in order.
    pub stages: Vec<PlannedStage>,
    /// The predictions.
    pub forecast: Forecast,
    /// SHA-256 over what will be done (hexadecimal), see `digest`.
    pub digest: String,
}

impl Plan {
    /// All tasks in the order of the plan.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.stages.iter().flat_map(|stage| stage.tasks.iter())
    }

    /// The task with this id.
    pub fn task(&self, id: &TaskId) -> Option<&Task> {
        self.tasks().find(|task| task.id == *id)
    }

    /// What is typed at the gate of an environment: its name, and `rollback NAME` where the run goes back.
    pub fn gate_word(&self, env: &EnvName) -> String {
        match &self.rollback {
            Some(_) => format!("rollback {env}"),
            None => env.to_string(),
        }
    }
}

/// A plan that goes back to an older release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// Where.
    pub env: EnvName,
    /// What is left, and marked bad when the run has succeeded.
    pub from: Left,
    /// The release that is gone back to; `None` = its commit was brought there without a tag.
    pub to_tag: Option<String>,
    /// The releases that are taken back, newest first; what is left is the first of them. Empty with `[rollback] steps`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<Taken>,
    /// The newest epoch of the environment's lock on each host that runs of this machine knew; empty where tags tell what
    /// is live.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub epochs: BTreeMap<HostName, u64>,
}

/// A release that is taken back: what its undo commands are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Its tag.
    pub tag: Option<String>,
    /// Its commit.
    pub commit: Commit,
    /// The commit that ran there before it.
    pub previous: Option<Commit>,
    /// The run that made it; `None` = not known, and nothing of it is undone.
    pub run: Option<RunId>,
}

impl Taken {
    /// How people call it: its tag, else its commit.
    pub fn name(&self) -> &str {
        self.tag.as_deref().unwrap_or(self.commit.short())
    }
}

/// A host of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedHost {
    /// Its environment.
    pub env: EnvName,
    /// Its name.
    pub name: HostName,
    /// How it is reached.
    pub reach: Reach,
    /// Its roles; empty = it plays every role.
    pub roles: Vec<RoleName>,
}

/// A stage of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedStage {
    /// Its name.
    pub name: StageName,
    /// Its environment.
    pub env: Option<EnvName>,
    /// The order through its hosts.
    pub order: Order,
    /// The gate before its first task. `Gate::None` also when an earlier stage of the plan passed the
    /// gate of this environment already.
    pub gate: Gate,
    /// Tasks in order: by step, then by host.
    pub tasks: Vec<Task>,
}

impl PlannedStage {
    /// The steps of the stage in order, each with its tasks. Tasks of a step stand together.
    pub fn steps(&self) -> impl Iterator<Item = &[Task]> {
        self.tasks.chunk_by(|a, b| a.step == b.step)
    }
}

/// One step on one site: the unit that runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// `stage/step@site`.
    pub id: TaskId,
    /// Its step.
    pub step: StepName,
    /// One line for people.
    pub about: String,
    /// The kind of the step as written in the file (`run`, `ask`, `tag`): for people only.
    pub kind: String,
    /// Where it runs.
    pub site: Site,
    /// What it does.
    pub action: Action,
    /// Whether users can notice it.
    pub phase: Phase,
    /// Its part in the downtime.
    pub downtime: Option<Downtime>,
    /// Predicted duration in seconds; `None` = unknown.
    pub takes_s: Option<f64>,
    /// Tasks of the same stage that must have ended well before this one starts.
    pub after: Vec<TaskId>,
    /// Whether the step runs on one host only.
    pub once: bool,
    /// How many tasks of this step may run at once; `None` = all.
    pub parallel: Option<usize>,
    /// Automatic attempts after a failure.
    pub retry: u32,
    /// Seconds before each of them.
    pub retry_delay_s: f64,
    /// Time limit in seconds, enforced where it runs.
    pub timeout_s: Option<u64>,
    /// Seconds without output after which the screen warns.
    pub quiet_s: u64,
    /// May be started again without asking when its outcome is unknown.
    pub idempotent: bool,
    /// What happens at a failure.
    pub on_failure: OnFailure,
    /// Regular expression whose named groups are kept as evidence.
    pub proof: Option<String>,
    /// Why the task will not run (`when` does not hold); `None` = it runs.
    pub skip: Option<String>,
    /// What a success of this task means for the release.
    pub milestone: Option<Milestone>,
    /// The line of `releases.toml` its step is declared on; 0 = built in.
    pub line: usize,
}

/// Predictions. Unknown is `None`, and makes every sum it is part of unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Forecast {
    /// Seconds from the first to the last task, without time at gates.
    pub total_s: Option<f64>,
    /// Per environment.
    pub envs: BTreeMap<EnvName, EnvForecast>,
}

/// Predictions for an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct EnvForecast {
    /// Seconds before the first activate task on a host of it starts.
    pub prepare_s: Option<f64>,
    /// Seconds from there until the last task on a host of it ends.
    pub activate_s: Option<f64>,
    /// Seconds each host may be down.
    pub downtime_s: BTreeMap<HostName, Option<f64>>,
}
