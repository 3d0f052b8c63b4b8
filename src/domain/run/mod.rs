//! A run: one execution of the checklist for one commit, as a fold over its events.
//!
//! `decide` turns a wish of the operator or a report from a task into events or a refusal; `apply` is the only
//! place where [`RunState`] changes; `schedule` says what has to happen next. The live engine, a resumed run
//! and the view of a past run use these same functions, and so does the screen. Time is an argument: there is
//! no clock, no randomness and no I/O in this room.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, FixedOffset};

use super::action::Ending;
use super::checklist::OnFailure;
use super::id::{Attempt, Commit, EnvName, HostName, LockId, RunId, Seq, TaskId};
use super::lock::Grant;
use super::plan::{Plan, Task};

pub mod apply;
pub mod conduct;
pub mod decide;
pub mod effect;
pub mod event;
pub mod foresee;
pub mod intent;
pub mod progress;
pub mod rest;
pub mod schedule;

pub use conduct::Conductor;
pub use effect::Effect;
pub use event::{Event, Outcome, Record};
pub use intent::{Intent, Refusal, Report};

/// A moment, with the offset of the clock that told it.
pub type Moment = DateTime<FixedOffset>;

/// The state of a run: what its journal says so far.
#[derive(Debug, Clone)]
pub struct RunState {
    /// Its id.
    pub run: RunId,
    /// What it executes.
    pub plan: Arc<Plan>,
    /// The last record that was applied.
    pub seq: Seq,
    /// When it was started; `None` before its first record.
    pub started: Option<Moment>,
    /// Who started it: `user@machine`.
    pub by: String,
    /// The reason given at the start.
    pub reason: Option<String>,
    /// Where it stands as a whole.
    pub status: RunStatus,
    /// Per stage of the plan, in its order.
    pub stages: Vec<StageState>,
    /// Per task, in the order of [`Plan::tasks`].
    pub tasks: Vec<TaskState>,
    /// Where tasks stand and what they wait for, by index.
    pub layout: Arc<Layout>,
    /// The id of the locks it takes; `None` in journals from before there were locks.
    pub lock: Option<LockId>,
    /// The locks it holds.
    pub locks: BTreeMap<EnvName, Grant>,
    /// Whether it keeps them when it ends without success.
    pub keeps_locks: bool,
    /// Hosts on which nothing more runs, and why.
    pub left_out: BTreeMap<(EnvName, HostName), String>,
    /// What runs is to be ended where it runs.
    pub is_killing: bool,
    /// The tag, once it was written.
    pub tag: Option<TagRecord>,
    /// When it ended.
    pub ended: Option<Moment>,
}

/// The plan's tasks by index: made once, so that scheduling compares numbers instead of names.
#[derive(Debug, Default)]
pub struct Layout {
    /// The index of each task in [`RunState::tasks`].
    pub index: BTreeMap<TaskId, usize>,
    /// For each stage the index of its first task, and behind the last stage the number of tasks.
    pub starts: Vec<usize>,
    /// For each task the tasks it waits for.
    pub after: Vec<Vec<usize>>,
}

impl RunState {
    /// Whether it has ended, and everything of its plan was done.
    pub fn has_succeeded(&self) -> bool {
        matches!(self.status, RunStatus::Finished(outcome) if outcome.is_success())
    }

    /// The state of a run before its first record.
    pub fn new(run: RunId, plan: Arc<Plan>) -> Self {
        let layout = Arc::new(Layout::of(&plan));
        Self {
            run,
            seq: Seq::default(),
            started: None,
            by: String::new(),
            reason: None,
            status: RunStatus::Prepared,
            stages: vec![StageState::default(); plan.stages.len()],
            tasks: vec![TaskState::default(); layout.after.len()],
            layout,
            lock: None,
            locks: BTreeMap::new(),
            keeps_locks: false,
            left_out: BTreeMap::new(),
            is_killing: false,
            tag: None,
            ended: None,
            plan,
        }
    }

    /// The place of a task in [`RunState::tasks`].
    pub fn position(&self, task: &TaskId) -> Option<usize> {
        self.layout.index.get(task).copied()
    }

    /// The state of a task.
    pub fn task(&self, task: &TaskId) -> Option<&TaskState> {
        self.position(task).map(|position| &self.tasks[position])
    }

    /// The planned task at a place, with the index of its stage.
    pub fn planned(&self, position: usize) -> (usize, &Task) {
        let stage = self
            .layout
            .starts
            .partition_point(|start| *start <= position)
            - 1;
        let task = &self.plan.stages[stage].tasks[position - self.layout.starts[stage]];
        (stage, task)
    }

    /// The places of a stage's tasks.
    pub fn range(&self, stage: usize) -> std::ops::Range<usize> {
        self.layout.starts[stage]..self.layout.starts[stage + 1]
    }

    /// Planned tasks with their states, in the order of the plan.
    pub fn each(&self) -> impl Iterator<Item = (&Task, &TaskState)> {
        self.plan.tasks().zip(&self.tasks)
    }

    /// Whether tasks that wait for this one may start: it ended well, does not run, or its failure is passed over.
    pub fn is_settled(&self, position: usize) -> bool {
        match self.tasks[position].status {
            TaskStatus::Succeeded | TaskStatus::Skipped(_) => true,
            TaskStatus::Failed => self.planned(position).1.on_failure == OnFailure::Continue,
            _ => false,
        }
    }

    /// The first stage that has not ended.
    pub fn current_stage(&self) -> Option<usize> {
        self.stages.iter().position(|stage| stage.ended.is_none())
    }

    /// The index of the stage with this name.
    pub fn stage_named(&self, name: &str) -> Option<usize> {
        self.plan
            .stages
            .iter()
            .position(|stage| stage.name.as_str() == name)
    }

    /// The id of the locks it takes. A run from before there were locks has its own.
    pub fn lock_id(&self) -> LockId {
        let own = || LockId::new(self.run.as_str());
        self.lock.clone().unwrap_or_else(own)
    }

    /// What the run is called on its hosts. Ids of runs are short, for people, and two machines or projects may make
    /// the same one in the same minute: one would take what the other did for its own. The lock's id is unlike any
    /// other's. A run from before there were locks is called as it was.
    pub fn name_on_hosts(&self) -> RunId {
        match &self.lock {
            Some(lock) => RunId::new(format!("{}.{lock}", self.run)),
            None => self.run.clone(),
        }
    }

    /// Whether nothing more runs on the site of the task at this place.
    pub fn is_left_out(&self, position: usize) -> bool {
        let (stage, planned) = self.planned(position);
        let place = schedule::place(&self.plan.stages[stage], planned);
        place.is_some_and(|place| self.left_out.contains_key(&place))
    }

    /// Whether any attempt runs.
    pub fn is_anything_running(&self) -> bool {
        self.tasks
            .iter()
            .any(|task| task.status == TaskStatus::Running)
    }
}

impl Layout {
    fn of(plan: &Plan) -> Self {
        let index: BTreeMap<TaskId, usize> = plan
            .tasks()
            .enumerate()
            .map(|(position, task)| (task.id.clone(), position))
            .collect();
        let mut starts = vec![0];
        for stage in &plan.stages {
            starts.push(starts.last().copied().unwrap_or(0) + stage.tasks.len());
        }
        let after = plan
            .tasks()
            .map(|task| {
                task.after
                    .iter()
                    .filter_map(|id| index.get(id).copied())
                    .collect()
            })
            .collect();
        Self {
            index,
            starts,
            after,
        }
    }
}

/// Where a run stands as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// Its plan is there, its first record is not.
    Prepared,
    /// Tasks are started as the plan allows.
    Active,
    /// Nothing new is started until the operator says so.
    Paused,
    /// Nothing new is started; when what runs has ended, the run ends.
    Stopping,
    /// It ended.
    Finished(Outcome),
}

/// Where a stage stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StageState {
    /// When its first task could start (after its gate).
    pub started: Option<Moment>,
    /// When its last task ended.
    pub ended: Option<Moment>,
    /// Its gate.
    pub gate: GateState,
}

/// Where a gate stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum GateState {
    /// Not reached yet, or there is none.
    #[default]
    Ahead,
    /// Waits for a decision since then.
    Reached(Moment),
    /// Passed.
    Approved {
        /// When.
        at: Moment,
        /// By whom.
        by: String,
        /// The reason given.
        reason: Option<String>,
    },
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskState {
    /// Its status.
    pub status: TaskStatus,
    /// The newest attempt; 0 before the first.
    pub attempt: Attempt,
    /// When the newest attempt started.
    pub started: Option<Moment>,
    /// When the newest attempt ended.
    pub ended: Option<Moment>,
    /// How the newest attempt ended.
    pub ending: Option<Ending>,
    /// What its `proof` found, and what the operator answered.
    pub evidence: BTreeMap<String, String>,
    /// The size of the newest attempt's output in bytes, once it ended.
    pub output_size: Option<u64>,
    /// The machine the newest attempt was journalled for; `None` for questions.
    pub identity: Option<Identity>,
    /// The attempts since the last decision, for automatic retries.
    pub tries: u32,
    /// The lock its newest attempt was recorded under: whenever it is launched, only while that one is held.
    pub under: Option<Grant>,
    /// Its host was left out and nobody knows how its newest attempt ended: it is settled, and neither well nor not.
    pub is_left: bool,
    /// Attempts whose end nobody could tell: before another one is launched their place is asked whether they run.
    pub unknown: Vec<Attempt>,
}

/// The status of a task.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TaskStatus {
    /// Has not been started.
    #[default]
    Waiting,
    /// An attempt runs; for an ask-step: the question is open.
    Running,
    /// Failed, and is started again then.
    Retrying(Moment),
    /// Ended well.
    Succeeded,
    /// Failed, retries are used up: waits for a decision, or the run goes on or ends as `on_failure` says.
    Failed,
    /// Started, and nobody knows how it ended. The text says what is known.
    Interrupted(String),
    /// Does not run. The text says why.
    Skipped(String),
}

impl TaskStatus {
    /// Whether tasks that need this one may start.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Skipped(_))
    }
}

/// The tags of the release, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRecord {
    /// The release's tag, when one was written.
    pub tag: Option<String>,
    /// The tag that was moved to the commit, when there is one.
    pub live: Option<String>,
    /// The commit.
    pub commit: Commit,
    /// The remote they were pushed to, when there is one.
    pub remote: Option<String>,
}

/// What identifies a machine across reboots, told by the launcher's hello.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Identity {
    /// Random id of the launcher's folder on that machine.
    pub host: String,
    /// The id of this boot of it.
    pub boot: String,
}

/// A place where tasks run, complete with the environment it belongs to. `None` is this machine.
pub type Place = Option<(EnvName, HostName)>;

/// What has to be known about sites before tasks can start there: the identity of each connected host.
/// The key `None` is this machine.
pub type Identities = BTreeMap<Place, Identity>;
