//! The digest: a name for what a plan will do.
//!
//! SHA-256 over everything that decides what happens: the release, hosts, stages, gates, tasks with their
//! commands and variables, what waits for what, limits and retries. Not part of it: forecasts and estimates,
//! texts for people, line numbers, uncommitted changes, where the values of secrets come from. Two plans of one digest do the same; an approval
//! names the digest it was given for.

use std::fmt::Write as _;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::super::action::{Action, Milestone, Site};
use super::super::checklist::{Gate, OnFailure, Order, SshRules};
use super::super::id::{Commit, EnvName, StageName, StepName, TaskId};
use super::super::release::ReleaseRules;
use super::{Plan, PlannedHost, PlannedStage, Rollback, Task};

/// The digest of a plan, 64 hexadecimal digits. The digest it carries already plays no part.
pub fn digest(plan: &Plan) -> String {
    let deeds = Deeds {
        version: plan.version,
        project: &plan.project,
        reference: &plan.reference,
        commit: plan.commit.as_ref(),
        previous: plan.previous.as_ref(),
        previous_object: plan.previous_object.as_deref(),
        tag: plan.tag.as_deref(),
        release: &plan.release,
        ssh: &plan.ssh,
        hosts: &plan.hosts,
        rollback: plan.rollback.as_ref(),
        stages: plan.stages.iter().map(StageDeeds::of).collect(),
    };
    let text = serde_json::to_vec(&deeds).expect("invariant: deeds are plain data with text keys");
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(&text) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// What a plan does. The order of the fields is part of the digest.
#[derive(Serialize)]
struct Deeds<'a> {
    version: u32,
    project: &'a str,
    reference: &'a str,
    commit: Option<&'a Commit>,
    previous: Option<&'a Commit>,
    previous_object: Option<&'a str>,
    tag: Option<&'a str>,
    release: &'a ReleaseRules,
    ssh: &'a SshRules,
    hosts: &'a [PlannedHost],
    // Absent where nothing is gone back from, so that digests from before there were rollbacks stay what they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    rollback: Option<&'a Rollback>,
    stages: Vec<StageDeeds<'a>>,
}

/// What a stage does.
#[derive(Serialize)]
struct StageDeeds<'a> {
    name: &'a StageName,
    env: Option<&'a EnvName>,
    order: Order,
    gate: Gate,
    tasks: Vec<TaskDeeds<'a>>,
}

impl<'a> StageDeeds<'a> {
    fn of(stage: &'a PlannedStage) -> Self {
        Self {
            name: &stage.name,
            env: stage.env.as_ref(),
            order: stage.order,
            gate: stage.gate,
            tasks: stage.tasks.iter().map(TaskDeeds::of).collect(),
        }
    }
}

/// What a task does.
#[derive(Serialize)]
struct TaskDeeds<'a> {
    id: &'a TaskId,
    step: &'a StepName,
    site: &'a Site,
    action: &'a Action,
    after: &'a [TaskId],
    once: bool,
    parallel: Option<usize>,
    retry: u32,
    retry_delay_s: f64,
    timeout_s: Option<u64>,
    idempotent: bool,
    on_failure: OnFailure,
    proof: Option<&'a str>,
    runs: bool,
    milestone: Option<&'a Milestone>,
}

impl<'a> TaskDeeds<'a> {
    fn of(task: &'a Task) -> Self {
        Self {
            id: &task.id,
            step: &task.step,
            site: &task.site,
            action: &task.action,
            after: &task.after,
            once: task.once,
            parallel: task.parallel,
            retry: task.retry,
            retry_delay_s: task.retry_delay_s,
            timeout_s: task.timeout_s,
            idempotent: task.idempotent,
            on_failure: task.on_failure,
            proof: task.proof.as_deref(),
            runs: task.skip.is_none(),
            milestone: task.milestone.as_ref(),
        }
    }
}
