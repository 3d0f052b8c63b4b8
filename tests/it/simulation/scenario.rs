//! Scenarios: the plans two operators run at once, and what goes wrong meanwhile.
//!
//! Random ones for seeds, and all small ones. A scenario is plain data: with the same one and the same seed the same
//! things happen in the same order.

use std::collections::BTreeMap;
use std::sync::Arc;

use golive::domain::checklist::{Gate, OnFailure, Reach};
use golive::domain::id::{Commit, EnvName, HostName, RunId};
use golive::domain::plan::undo::UNDO;
use golive::domain::plan::{Plan, PlannedHost, PlannedStage, Rollback, Taken, Task};
use golive::domain::release::Left;
use golive::domain::run::conduct::Rules;

use super::chance::Chance;
use crate::support::plans::{COMMIT, plan, stage};

/// What the made-up world keeps, as the real one does. Switched off to show that the simulation notices.
#[derive(Debug, Clone, Copy)]
pub(super) struct Laws {
    /// The driver acts on records only once they are on disk.
    pub(super) sync_before_act: bool,
    /// An attempt can be claimed once.
    pub(super) exclusive_claims: bool,
    /// Nothing can be launched in a closed epoch.
    pub(super) fenced_epochs: bool,
    /// What was withdrawn is proof only in the boot it was recorded for.
    pub(super) proof_of_void: bool,
}

impl Laws {
    /// All of them.
    pub(super) const ALL: Self = Self {
        sync_before_act: true,
        exclusive_claims: true,
        fenced_epochs: true,
        proof_of_void: true,
    };
}

/// What is done at a chosen point between two deeds of a console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blow {
    /// The console is killed.
    Crash,
    /// The first host loses its power.
    PowerCut,
}

/// What happens in one simulation.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    /// The plan of each operator.
    pub(super) plans: Vec<Arc<Plan>>,
    /// The hosts of each environment, which keep its lock, by number.
    pub(super) keepers: BTreeMap<EnvName, Vec<usize>>,
    /// How many hosts there are.
    pub(super) hosts: usize,
    /// Steps in which things go wrong by chance.
    pub(super) wild_steps: usize,
    /// How many things may go wrong by chance.
    pub(super) faults: usize,
    /// What goes wrong on purpose: after so many points.
    pub(super) blows: Vec<(usize, Blow)>,
    /// Every script fails at its first try; otherwise chance decides.
    pub(super) first_try_fails: Option<bool>,
    /// The rules of the core.
    pub(super) rules: Rules,
    /// The laws of the world.
    pub(super) laws: Laws,
    /// Whether a start without a recorded lock is a violation by itself.
    pub(super) looks_at_locks: bool,
}

impl Scenario {
    /// The scenario of a seed.
    pub(super) fn random(chance: &mut Chance) -> Self {
        let hosts = 2 + chance.below(2);
        let all: Vec<usize> = (0..hosts).collect();
        let keepers = BTreeMap::from([
            (EnvName::new("staging"), vec![0]),
            (EnvName::new("production"), all),
        ]);
        let operators = if chance.one_in(3) { 1 } else { 2 };
        let plans = (0..operators)
            .map(|_| {
                let goes_back = chance.one_in(4);
                let make = if goes_back {
                    random_rollback
                } else {
                    random_plan
                };
                Arc::new(make(chance, hosts))
            })
            .collect();
        Self {
            plans,
            keepers,
            hosts,
            wild_steps: 20 + chance.below(140),
            faults: usize::MAX,
            blows: Vec::new(),
            first_try_fails: None,
            rules: Rules::ALL,
            laws: Laws::ALL,
            looks_at_locks: true,
        }
    }

    /// All small scenarios without a fault: one to three tasks on one or two hosts, in a row or at once.
    pub(super) fn small() -> Vec<Self> {
        let mut all = Vec::new();
        for bits in 0..96_usize {
            let (tasks, bits) = (1 + bits % 3, bits / 3);
            let flag = |at: usize| bits >> at & 1 == 1;
            let hosts = 1 + usize::from(flag(0));
            if tasks == 1 && flag(1) {
                continue;
            }
            let gate = if flag(2) { Gate::Key } else { Gate::None };
            let plan = small_plan(tasks, hosts, flag(1), gate, flag(3));
            all.push(Self {
                plans: vec![Arc::new(plan)],
                keepers: BTreeMap::from([(EnvName::new("production"), (0..hosts).collect())]),
                hosts,
                wild_steps: 0,
                faults: 0,
                blows: Vec::new(),
                first_try_fails: Some(flag(4)),
                rules: Rules::ALL,
                laws: Laws::ALL,
                looks_at_locks: true,
            });
        }
        all
    }

    /// A small rollback without a fault: LIVE is looked at, two releases are undone, one step brings the older one.
    pub(super) fn going_back(first_try_fails: bool) -> Self {
        let mut small = Self::small().swap_remove(0);
        small.plans = vec![Arc::new(rollback(1, Gate::Key, &["migrate"]))];
        small.first_try_fails = Some(first_try_fails);
        small
    }

    /// The smallest scenario: one task on one host.
    pub(super) fn smallest(first_try_fails: bool) -> Self {
        let mut smallest = Self::small().swap_remove(0);
        smallest.first_try_fails = Some(first_try_fails);
        smallest
    }
}

const HOSTS: [&str; 3] = ["h0", "h1", "h2"];

fn small_plan(tasks: usize, hosts: usize, at_once: bool, gate: Gate, idempotent: bool) -> Plan {
    let sites: Vec<&str> = (0..tasks).map(|at| HOSTS[at % hosts]).collect();
    let names = ["one", "two", "three"];
    let steps: Vec<(&str, &[&str])> = (0..tasks).map(|at| (names[at], &sites[at..=at])).collect();
    let mut stage = stage("Production", Some("production"), gate, &steps);
    for task in &mut stage.tasks {
        task.idempotent = idempotent;
        if at_once {
            task.after.clear();
        }
    }
    finished(vec![stage])
}

fn random_plan(chance: &mut Chance, hosts: usize) -> Plan {
    let mut stages = Vec::new();
    if chance.one_in(3) {
        stages.push(stage("Here", None, Gate::None, &[("build", &["local"])]));
    }
    if chance.one_in(3) {
        let steps: [(&str, &[&str]); 2] = [("code", &["h0"]), ("reload", &["h0"])];
        let count = 1 + chance.below(2);
        stages.push(stage(
            "Staging",
            Some("staging"),
            Gate::None,
            &steps[..count],
        ));
    }
    let first = usize::from(chance.one_in(4));
    let gate = *chance.pick(&[Gate::None, Gate::Key, Gate::Type]);
    let mut steps: Vec<(&str, &[&str])> = vec![("migrate", &HOSTS[first..hosts])];
    match chance.below(5) {
        0 => steps.push(("ask", &["local"])),
        1 => steps.push(("ansible", &["local"])),
        2 => steps.push(("reload", &HOSTS[..1])),
        3 => steps.push(("reload", &HOSTS[..hosts])),
        _ => {}
    }
    stages.push(stage("Production", Some("production"), gate, &steps));
    for task in stages.iter_mut().flat_map(|stage| &mut stage.tasks) {
        vary(task, chance);
    }
    finished(stages)
}

/// A plan that goes back as `domain::plan::rollback` makes it: LIVE is looked at, the steps of two releases are undone in
/// reverse, then the environment's own are walked.
fn rollback(hosts: usize, gate: Gate, steps: &[&str]) -> Plan {
    let env = "production";
    let all = &HOSTS[..hosts];
    let sites = |step: &str| if step == "migrate" { &all[..1] } else { all };
    let undone: Vec<(&str, &[&str])> = steps
        .iter()
        .rev()
        .map(|step| (*step, sites(step)))
        .collect();
    let mut first: Vec<(&str, &[&str])> = vec![("still-live", &["local"])];
    first.extend(&undone);
    let own: Vec<(&str, &[&str])> = steps.iter().map(|step| (*step, sites(step))).collect();
    let mut stages = vec![
        stage("Undo r2", Some(env), gate, &first),
        stage("Undo r1", Some(env), Gate::None, &undone),
        stage("Production", Some(env), Gate::None, &own),
    ];
    let check = &mut stages[0].tasks[0];
    (check.idempotent, check.on_failure) = (true, OnFailure::Stop);
    for task in stages[..2].iter_mut().flat_map(|stage| &mut stage.tasks) {
        if task.step.as_str() != "still-live" {
            UNDO.clone_into(&mut task.kind);
        }
    }
    let mut plan = finished(stages);
    let taken = |name: &str| Taken {
        tag: Some(name.to_owned()),
        commit: Commit::new(COMMIT),
        previous: None,
        run: Some(RunId::new(name)),
    };
    plan.rollback = Some(Rollback {
        env: EnvName::new(env),
        from: Left {
            tag: Some("r2".to_owned()),
            commit: Commit::new(COMMIT),
        },
        to_tag: Some("r0".to_owned()),
        taken: vec![taken("r2"), taken("r1")],
        epochs: BTreeMap::new(),
    });
    plan
}

fn random_rollback(chance: &mut Chance, hosts: usize) -> Plan {
    let gate = *chance.pick(&[Gate::None, Gate::Key, Gate::Type]);
    let choices: [&[&str]; 3] = [&["migrate"], &["migrate", "reload"], &["reload"]];
    let steps = chance.pick(&choices);
    let mut plan = rollback(hosts, gate, steps);
    let tasks = plan.stages.iter_mut().flat_map(|stage| &mut stage.tasks);
    for task in tasks.skip(1) {
        vary(task, chance);
    }
    plan
}

fn vary(task: &mut Task, chance: &mut Chance) {
    task.idempotent = chance.one_in(3);
    task.retry = chance.below(2) as u32;
    task.on_failure = match chance.below(6) {
        0 => OnFailure::Stop,
        1 => OnFailure::Continue,
        _ => OnFailure::Ask,
    };
    task.parallel = chance.one_in(4).then_some(1);
    task.skip = chance
        .one_in(12)
        .then(|| "its condition does not hold".to_owned());
}

/// The plan of these stages, its hosts named.
fn finished(stages: Vec<PlannedStage>) -> Plan {
    let mut plan = plan(stages);
    for stage in &plan.stages {
        for host in stage.tasks.iter().filter_map(|task| task.site.host()) {
            let env = stage.env.clone().unwrap();
            let is_known = |known: &PlannedHost| known.env == env && known.name == *host;
            if !plan.hosts.iter().any(is_known) {
                plan.hosts.push(PlannedHost {
                    env,
                    name: HostName::new(host.as_str()),
                    reach: Reach::Ssh(host.to_string()),
                    roles: Vec::new(),
                });
            }
        }
    }
    plan
}
