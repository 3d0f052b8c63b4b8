//! Checklists made by hand, as short as the cases of the plan's tests are long.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use golive::domain::action::{Action, CommandLine, Milestone};
use golive::domain::checklist::{
    Checklist, Downtime, Environment, Gate, Host, On, OnFailure, Order, Phase, Reach, Selector,
    SshRules, Stage, Step,
};
use golive::domain::id::{Commit, EnvName, HostName, RoleName, StageName, StepName};
use golive::domain::plan::Plan;
use golive::domain::plan::build::{BuildProblem, History, Selection, Target, build};
use golive::domain::release::ReleaseRules;
use golive::domain::step::{Kind, Lowering};

/// A kind that runs its own text.
#[derive(Debug)]
struct Shell {
    script: String,
    tags: bool,
}

impl Kind for Shell {
    fn label(&self) -> &'static str {
        if self.tags { "tag" } else { "run" }
    }

    fn headline(&self) -> String {
        self.script.clone()
    }

    fn lower(&self, with: Lowering<'_>) -> Action {
        Action::Exec(CommandLine {
            script: self.script.clone(),
            cwd: with.cwd,
            env: with.env,
            record: self.tags,
            secrets: Vec::new(),
        })
    }

    fn milestone(&self) -> Option<Milestone> {
        self.tags.then_some(Milestone::TagWritten)
    }
}

/// A step on all hosts that takes so many seconds; 0 = unknown.
pub(crate) fn step(name: &str, seconds: u64) -> Step {
    Step {
        name: StepName::new(name),
        kind: Arc::new(Shell {
            script: format!("do {name}"),
            tags: name == "tag",
        }),
        about: None,
        on: On::All,
        once: false,
        vars: BTreeMap::new(),
        secrets: Vec::new(),
        cwd: None,
        timeout: None,
        quiet: Duration::from_secs(300),
        retry: 0,
        retry_delay: Duration::from_secs(2),
        idempotent: false,
        needs: None,
        phase: Phase::Activate,
        downtime: None,
        takes: (seconds > 0).then(|| Duration::from_secs(seconds)),
        parallel: None,
        undo: None,
        when_changed: None,
        proof: None,
        on_failure: OnFailure::Ask,
        line: 1,
    }
}

/// Short ways to change a step.
pub(crate) trait With: Sized {
    fn change(self, how: impl FnOnce(&mut Step)) -> Self;

    fn local(self) -> Self {
        self.change(|step| step.on = On::Local)
    }

    fn role(self, role: &str) -> Self {
        let role = Selector::Role(RoleName::new(role));
        self.change(|step| step.on = On::Some(vec![role]))
    }

    fn once(self) -> Self {
        self.change(|step| step.once = true)
    }

    fn needs(self, names: &[&str]) -> Self {
        let names = names.iter().map(|name| StepName::new(*name)).collect();
        self.change(|step| step.needs = Some(names))
    }

    fn prepare(self) -> Self {
        self.change(|step| step.phase = Phase::Prepare)
    }

    fn begins(self) -> Self {
        self.change(|step| step.downtime = Some(Downtime::Begins))
    }

    fn ends(self) -> Self {
        self.change(|step| step.downtime = Some(Downtime::Ends))
    }

    fn parallel(self, count: usize) -> Self {
        self.change(|step| step.parallel = Some(count))
    }
}

impl With for Step {
    fn change(mut self, how: impl FnOnce(&mut Step)) -> Self {
        how(&mut self);
        self
    }
}

/// A host; no roles = every role.
pub(crate) fn host(name: &str, roles: &[&str]) -> Host {
    let roles: Vec<RoleName> = roles.iter().map(|role| RoleName::new(*role)).collect();
    Host {
        name: HostName::new(name),
        reach: Reach::Ssh(format!("deploy@{name}.example.com")),
        roles: (!roles.is_empty()).then(|| roles.into_iter().collect()),
        vars: BTreeMap::new(),
    }
}

/// `web1`, `web2` and so on, each with every role.
pub(crate) fn fleet(count: usize) -> Vec<Host> {
    (1..=count)
        .map(|at| host(&format!("web{at}"), &[]))
        .collect()
}

pub(crate) fn env(name: &str, hosts: Vec<Host>) -> Environment {
    Environment {
        name: EnvName::new(name),
        hosts,
        vars: BTreeMap::new(),
        gate: if name == "production" {
            Gate::Type
        } else {
            Gate::None
        },
    }
}

pub(crate) fn stage(name: &str, env: &str, order: Order, steps: &[&str]) -> Stage {
    Stage {
        name: StageName::new(name),
        env: (!env.is_empty()).then(|| EnvName::new(env)),
        steps: steps.iter().map(|step| StepName::new(*step)).collect(),
        order,
    }
}

pub(crate) fn checklist(
    environments: Vec<Environment>,
    steps: Vec<Step>,
    stages: Vec<Stage>,
) -> Checklist {
    Checklist {
        logs: Vec::new(),
        secrets: std::collections::BTreeMap::new(),
        rollback: golive::domain::checklist::RollbackRules::default(),
        project: "superlists".to_owned(),
        release: ReleaseRules::default(),
        ssh: SshRules::default(),
        environments,
        steps: steps
            .into_iter()
            .map(|step| (step.name.clone(), step))
            .collect(),
        groups: BTreeMap::new(),
        stages,
    }
}

/// One stage `Production` with all these steps in order.
pub(crate) fn production(hosts: Vec<Host>, order: Order, steps: Vec<Step>) -> Checklist {
    let names: Vec<String> = steps.iter().map(|step| step.name.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let stage = stage("Production", "production", order, &names);
    checklist(vec![env("production", hosts)], steps, vec![stage])
}

pub(crate) fn target() -> Target {
    Target {
        reference: "main".to_owned(),
        commit: Some(Commit::new("9be0d11aa3f2a1c0ffee1234567890abcdef0123")),
        previous: Some(Commit::new("3f2a1c0ffee1234567890abcdef01239be0d11aa")),
        previous_object: Some("77d10be0ffee1234567890abcdef01239be0d11a".to_owned()),
        tag: Some("DEPLOYED-2026-11-20/2130".to_owned()),
        dirty: Vec::new(),
        changed: None,
    }
}

pub(crate) fn plan(checklist: &Checklist) -> Plan {
    build(
        checklist,
        &target(),
        &History::default(),
        &Selection::default(),
    )
    .unwrap()
}

pub(crate) fn select(
    checklist: &Checklist,
    selection: &Selection,
) -> Result<Plan, Vec<BuildProblem>> {
    build(checklist, &target(), &History::default(), selection)
}

/// The ids of all tasks in order.
pub(crate) fn ids(plan: &Plan) -> Vec<&str> {
    plan.tasks().map(|task| task.id.as_str()).collect()
}

/// What a task waits for, without the stage.
pub(crate) fn after<'a>(plan: &'a Plan, task: &str) -> Vec<&'a str> {
    let task = plan
        .tasks()
        .find(|found| found.id.as_str().ends_with(&format!("/{task}")))
        .unwrap();
    let short = |id: &'a str| id.split_once('/').unwrap().1;
    task.after.iter().map(|id| short(id.as_str())).collect()
}
