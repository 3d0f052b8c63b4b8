//! Plans made by hand, for tests of what happens to a plan.

use std::collections::BTreeMap;

use golive::domain::action::{Action, CommandLine, Site};
use golive::domain::checklist::{Gate, OnFailure, Order, Phase, SshRules};
use golive::domain::id::{Commit, EnvName, HostName, StageName, StepName, TaskId};
use golive::domain::plan::{Forecast, PLAN_VERSION, Plan, PlannedStage, Task};
use golive::domain::release::ReleaseRules;

/// The commit every plan made here releases.
pub(crate) const COMMIT: &str = "9be0d11aa0000000000000000000000000000000";

/// A stage with the tasks of `steps`, each `(step, sites)`; every step needs the one before on all its sites.
pub(crate) fn stage(
    name: &str,
    env: Option<&str>,
    gate: Gate,
    steps: &[(&str, &[&str])],
) -> PlannedStage {
    let name = StageName::new(name);
    let mut tasks: Vec<Task> = Vec::new();
    let mut before: Vec<TaskId> = Vec::new();
    for (step, sites) in steps {
        let made: Vec<Task> = sites
            .iter()
            .map(|site| task(&name.slug(), step, site, before.clone()))
            .collect();
        before = made.iter().map(|task| task.id.clone()).collect();
        tasks.extend(made);
    }
    PlannedStage {
        name,
        env: env.map(EnvName::new),
        order: Order::Lockstep,
        gate,
        tasks,
    }
}

/// A task that runs `run STEP`; a step named `ask…` is a question.
pub(crate) fn task(slug: &str, step: &str, site: &str, after: Vec<TaskId>) -> Task {
    let step = StepName::new(step);
    let action = if step.as_str().starts_with("ask") {
        Action::Ask {
            question: format!("Is {step} done?"),
        }
    } else {
        Action::Exec(CommandLine {
            script: format!("run {step}"),
            cwd: None,
            env: BTreeMap::new(),
            record: false,
            secrets: Vec::new(),
        })
    };
    Task {
        id: TaskId::of(slug, &step, site),
        about: step.to_string(),
        kind: "run".to_owned(),
        site: match site {
            "local" => Site::Local,
            host => Site::Host(HostName::new(host)),
        },
        step,
        action,
        phase: Phase::Activate,
        downtime: None,
        takes_s: None,
        after,
        once: false,
        parallel: None,
        retry: 0,
        retry_delay_s: 2.0,
        timeout_s: None,
        quiet_s: 300,
        idempotent: false,
        on_failure: OnFailure::Ask,
        proof: None,
        skip: None,
        milestone: None,
        line: 1,
    }
}

/// A plan of these stages.
pub(crate) fn plan(stages: Vec<PlannedStage>) -> Plan {
    Plan {
        secrets: std::collections::BTreeMap::new(),
        rollback: None,
        version: PLAN_VERSION,
        project: "shop".to_owned(),
        reference: "HEAD".to_owned(),
        commit: Some(Commit::new(COMMIT)),
        previous: None,
        previous_object: None,
        tag: None,
        release: ReleaseRules::default(),
        ssh: SshRules::default(),
        dirty: Vec::new(),
        warnings: Vec::new(),
        hosts: Vec::new(),
        others: Vec::new(),
        selection: golive::domain::plan::build::Selection::default(),
        stages,
        forecast: Forecast::default(),
        digest: "digest".to_owned(),
    }
}

/// Changes one task of a plan.
pub(crate) fn with(mut plan: Plan, id: &str, change: impl Fn(&mut Task)) -> Plan {
    let mut found = false;
    for task in plan.stages.iter_mut().flat_map(|stage| &mut stage.tasks) {
        if task.id.as_str() == id {
            change(task);
            found = true;
        }
    }
    assert!(found, "the plan has no task {id}");
    plan
}

/// Local build, then two hosts of staging, then the gated production with two hosts.
pub(crate) fn usual() -> Plan {
    plan(vec![
        stage("Here", None, Gate::None, &[("tests", &["local"])]),
        stage(
            "Staging",
            Some("staging"),
            Gate::None,
            &[("code", &["stg"]), ("reload", &["stg"])],
        ),
        stage(
            "Production",
            Some("production"),
            Gate::Type,
            &[("code", &["web1", "web2"]), ("reload", &["web1", "web2"])],
        ),
    ])
}
