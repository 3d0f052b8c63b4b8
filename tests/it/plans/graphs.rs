//! What waits for what in the three orders.

use std::collections::{BTreeMap, BTreeSet};

use golive::domain::checklist::{Order, Step};
use golive::domain::id::TaskId;
use golive::domain::plan::{Plan, PlannedStage};
use proptest::prelude::*;

use super::bench::{With, after, fleet, host, plan, production, step};

const ORDERS: [Order; 3] = [Order::Lockstep, Order::Free, Order::Serial];

/// Every task with all tasks it waits for, directly or not; panics at a cycle.
fn closure(stage: &PlannedStage) -> BTreeMap<TaskId, BTreeSet<TaskId>> {
    let mut all: BTreeMap<TaskId, BTreeSet<TaskId>> = BTreeMap::new();
    while all.len() < stage.tasks.len() {
        let before = all.len();
        for task in &stage.tasks {
            if !all.contains_key(&task.id) && task.after.iter().all(|id| all.contains_key(id)) {
                let mut behind: BTreeSet<TaskId> = task.after.iter().cloned().collect();
                for id in &task.after {
                    behind.extend(all[id].iter().cloned());
                }
                all.insert(task.id.clone(), behind);
            }
        }
        assert!(
            all.len() > before,
            "a cycle, or a task that waits for nothing there is"
        );
    }
    all
}

fn waits(plan: &Plan, task: &str, on: &str) -> bool {
    let id = |text: &str| TaskId::new(format!("production/{text}"));
    closure(&plan.stages[0])[&id(task)].contains(&id(on))
}

#[test]
fn in_lockstep_a_step_starts_when_what_it_needs_has_ended_everywhere() {
    let steps = vec![
        step("code", 1),
        step("migrate", 1).once(),
        step("reload", 1),
    ];
    let plan = plan(&production(fleet(2), Order::Lockstep, steps));
    assert!(after(&plan, "code@web1").is_empty());
    assert_eq!(after(&plan, "migrate@web1"), ["code@web1", "code@web2"]);
    assert_eq!(after(&plan, "reload@web2"), ["migrate@web1"]);
}

#[test]
fn in_free_order_each_host_goes_on_by_itself() {
    let steps = vec![
        step("code", 1),
        step("install", 1),
        step("smoke", 1).local(),
    ];
    let plan = plan(&production(fleet(2), Order::Free, steps));
    assert_eq!(after(&plan, "install@web2"), ["code@web2"]);
    assert_eq!(
        after(&plan, "smoke@local"),
        ["install@web1", "install@web2"]
    );
}

#[test]
fn in_free_order_once_and_local_steps_are_barriers() {
    let steps = vec![
        step("code", 1),
        step("migrate", 1).once(),
        step("reload", 1),
        step("smoke", 1).local(),
        step("clean", 1),
    ];
    let plan = plan(&production(fleet(3), Order::Free, steps));
    assert_eq!(
        after(&plan, "migrate@web1"),
        ["code@web1", "code@web2", "code@web3"]
    );
    assert_eq!(after(&plan, "reload@web3"), ["migrate@web1"]);
    assert_eq!(after(&plan, "clean@web2"), ["smoke@local"]);
}

#[test]
fn in_free_order_the_border_of_the_phases_is_a_barrier() {
    let steps = vec![
        step("code", 1).prepare(),
        step("install", 1).prepare(),
        step("switch", 1),
        step("reload", 1),
    ];
    let plan = plan(&production(fleet(2), Order::Free, steps));
    assert_eq!(after(&plan, "install@web1"), ["code@web1"]);
    assert_eq!(
        after(&plan, "switch@web1"),
        ["install@web1", "install@web2"]
    );
    assert_eq!(after(&plan, "reload@web1"), ["switch@web1"]);
}

#[test]
fn the_border_reaches_through_steps_between() {
    // `note` is between and on another role: switch still waits for code on every host.
    let hosts = vec![
        host("web1", &["web"]),
        host("web2", &["web"]),
        host("db", &["db"]),
    ];
    let steps = vec![
        step("code", 1).role("web").prepare(),
        step("warm", 1).role("web").needs(&["code"]),
        step("switch", 1).role("web").needs(&["warm"]),
    ];
    let plan = plan(&production(hosts, Order::Free, steps));
    assert!(waits(&plan, "warm@web1", "code@web2"));
    assert!(waits(&plan, "switch@web1", "code@web2"));
}

#[test]
fn a_step_that_the_host_does_not_run_is_waited_for_everywhere() {
    let hosts = vec![
        host("web1", &["web"]),
        host("db1", &["db"]),
        host("db2", &["db"]),
    ];
    let steps = vec![step("backup", 1).role("db"), step("code", 1).role("web")];
    for order in ORDERS {
        let plan = plan(&production(hosts.clone(), order, steps.clone()));
        assert!(waits(&plan, "code@web1", "backup@db1"), "{order:?}");
        assert!(waits(&plan, "code@web1", "backup@db2"), "{order:?}");
    }
}

#[test]
fn host_after_host_means_all_of_one_before_the_next() {
    let steps = vec![
        step("code", 1),
        step("migrate", 1).once(),
        step("reload", 1),
    ];
    let plan = plan(&production(fleet(3), Order::Serial, steps));
    assert!(after(&plan, "code@web1").is_empty());
    assert_eq!(after(&plan, "migrate@web1"), ["code@web1"]);
    assert_eq!(after(&plan, "reload@web1"), ["migrate@web1"]);
    assert_eq!(after(&plan, "code@web2"), ["reload@web1"]);
    assert_eq!(after(&plan, "reload@web2"), ["code@web2"]);
    assert_eq!(after(&plan, "code@web3"), ["reload@web2"]);
}

#[test]
fn a_local_step_of_a_serial_stage_runs_once_when_all_hosts_are_ready_for_it() {
    let steps = vec![
        step("announce", 1).local(),
        step("code", 1),
        step("smoke", 1).local(),
        step("reload", 1),
        step("tag", 1).local(),
    ];
    let plan = plan(&production(fleet(2), Order::Serial, steps));
    assert_eq!(after(&plan, "code@web1"), ["announce@local"]);
    assert_eq!(after(&plan, "code@web2"), ["code@web1"]);
    assert_eq!(after(&plan, "smoke@local"), ["code@web2"]);
    assert_eq!(after(&plan, "reload@web1"), ["smoke@local"]);
    assert_eq!(after(&plan, "reload@web2"), ["reload@web1"]);
    assert_eq!(after(&plan, "tag@local"), ["reload@web2"]);
}

#[test]
fn a_serial_stage_divides_where_an_earlier_host_needs_a_later_one() {
    let hosts = vec![
        host("web1", &["web"]),
        host("web2", &["web"]),
        host("db", &["db"]),
    ];
    let steps = vec![
        step("code", 1).role("web"),
        step("migrate", 1).role("db").once(),
        step("reload", 1).role("web"),
    ];
    let plan = plan(&production(hosts, Order::Serial, steps));
    assert_eq!(after(&plan, "code@web2"), ["code@web1"]);
    assert_eq!(after(&plan, "migrate@db"), ["code@web2"]);
    assert_eq!(after(&plan, "reload@web1"), ["migrate@db"]);
    assert_eq!(after(&plan, "reload@web2"), ["reload@web1"]);
}

#[test]
fn no_needs_means_from_the_start() {
    let steps = vec![step("code", 1), step("backup", 1).needs(&[])];
    for order in [Order::Lockstep, Order::Free] {
        let plan = plan(&production(fleet(2), order, steps.clone()));
        assert!(after(&plan, "backup@web1").is_empty());
        assert!(after(&plan, "backup@web2").is_empty());
    }
}

#[test]
fn what_another_task_waits_for_already_is_not_named_again() {
    let steps = vec![
        step("code", 1),
        step("install", 1),
        step("reload", 1).needs(&["code", "install"]),
    ];
    let plan = plan(&production(fleet(2), Order::Lockstep, steps));
    assert_eq!(
        after(&plan, "reload@web1"),
        ["install@web1", "install@web2"]
    );
}

#[test]
fn many_hosts_and_steps_are_planned() {
    let steps: Vec<Step> = (0..10).map(|at| step(&format!("s{at}"), at % 3)).collect();
    for order in ORDERS {
        let plan = plan(&production(fleet(200), order, steps.clone()));
        assert_eq!(plan.tasks().count(), 2000);
    }
}

/// A step of a made-up checklist: where it runs, and which of the others it needs, by number.
type Sketch = (u8, bool, bool, Option<Vec<usize>>);

fn sketch() -> impl Strategy<Value = Vec<Sketch>> {
    let step = (
        0_u8..5,
        any::<bool>(),
        any::<bool>(),
        prop::option::of(prop::collection::vec(0_usize..9, 0..3)),
    );
    prop::collection::vec(step, 1..9)
}

/// The steps of a sketch. Half of the cases keep needs that lead to later steps, also in circles.
fn steps(sketch: &[Sketch], circles: bool) -> Vec<Step> {
    let name = |at: usize| format!("s{at}");
    let made = sketch
        .iter()
        .enumerate()
        .map(|(at, (site, once, prepare, needs))| {
            let mut made = step(&name(at), 1 + at as u64);
            made = match site {
                0 => made.local(),
                1 => made.role("web"),
                2 => made.role("db"),
                3 => made.role("cache"),
                _ => made,
            };
            if *once {
                made = made.once();
            }
            if *prepare {
                made = made.prepare();
            }
            if let Some(needs) = needs {
                let needs = needs
                    .iter()
                    .filter(|need| **need < sketch.len() && **need != at);
                let names: Vec<String> = needs
                    .filter(|need| circles || **need < at)
                    .map(|need| name(*need))
                    .collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                made = made.needs(&names);
            }
            made
        });
    made.collect()
}

proptest! {
    #[test]
    fn no_checklist_gives_a_cycle(sketch in sketch(), order in 0_usize..3, circles in any::<bool>()) {
        let hosts = vec![
            host("web1", &["web"]),
            host("db1", &["db", "cache"]),
            host("all", &[]),
            host("web2", &["web", "cache"]),
        ];
        let plan = plan(&production(hosts, ORDERS[order], steps(&sketch, circles)));
        closure(&plan.stages[0]);
        prop_assert!(plan.forecast.total_s.is_some());
    }

    #[test]
    fn every_need_is_kept_on_the_own_host_or_everywhere(sketch in sketch(), order in 0_usize..3) {
        let hosts = vec![
            host("web1", &["web"]),
            host("db1", &["db", "cache"]),
            host("all", &[]),
            host("web2", &["web", "cache"]),
        ];
        let steps = steps(&sketch, false);
        let plan = plan(&production(hosts, ORDERS[order], steps.clone()));
        let stage = &plan.stages[0];
        let behind = closure(stage);
        for (at, step) in steps.iter().enumerate() {
            let needs = step.needs.clone().unwrap_or_else(|| {
                at.checked_sub(1).map(|before| steps[before].name.clone()).into_iter().collect()
            });
            for task in stage.tasks.iter().filter(|task| task.step == step.name) {
                for need in &needs {
                    let needed: Vec<_> = stage.tasks.iter().filter(|t| t.step == *need).collect();
                    let same = needed.iter().find(|t| t.site == task.site);
                    for other in &needed {
                        let must = match (ORDERS[order], same) {
                            (Order::Lockstep, _) | (_, None) => true,
                            (_, Some(same)) => same.id == other.id,
                        };
                        prop_assert!(
                            !must || behind[&task.id].contains(&other.id),
                            "{} does not wait for {}", task.id, other.id
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn on_its_own_host_a_task_waits_for_all_its_step_needs_through_others(
        sketch in sketch(),
        order in 0_usize..3,
    ) {
        let hosts = vec![
            host("web1", &["web"]),
            host("db1", &["db", "cache"]),
            host("all", &[]),
            host("web2", &["web", "cache"]),
        ];
        let steps = steps(&sketch, false);
        let plan = plan(&production(hosts, ORDERS[order], steps.clone()));
        let stage = &plan.stages[0];
        let behind = closure(stage);
        let mut above: Vec<BTreeSet<usize>> = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            let place = |name| steps.iter().position(|step| step.name == name).unwrap();
            let needs: Vec<usize> = match step.needs.clone() {
                Some(needs) => needs.into_iter().map(place).collect(),
                None => at.checked_sub(1).into_iter().collect(),
            };
            let all = needs.iter().flat_map(|need| above[*need].clone()).chain(needs.clone());
            above.push(all.collect());
            for task in stage.tasks.iter().filter(|task| task.step == step.name) {
                for &need in &above[at] {
                    let name = &steps[need].name;
                    let same = stage.tasks.iter().find(|t| t.step == *name && t.site == task.site);
                    if let Some(same) = same {
                        prop_assert!(
                            behind[&task.id].contains(&same.id),
                            "{} does not wait for {}", task.id, same.id
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_serial_stage_never_works_on_two_hosts_at_once(sketch in sketch()) {
        let hosts = vec![host("db1", &["db"]), host("web1", &["web", "cache"]), host("all", &[])];
        let plan = plan(&production(hosts, Order::Serial, steps(&sketch, false)));
        let behind = closure(&plan.stages[0]);
        let tasks: Vec<_> =
            plan.tasks().filter(|task| task.site.host().is_some()).collect();
        for a in &tasks {
            for b in &tasks {
                prop_assert!(
                    a.site == b.site || behind[&a.id].contains(&b.id) || behind[&b.id].contains(&a.id)
                );
            }
        }
    }
}
