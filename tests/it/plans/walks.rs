//! The forecast against a clock that really walks the plan, and against every value of what is unknown.

use std::collections::BTreeMap;

use golive::domain::checklist::{Order, Step};
use golive::domain::id::TaskId;
use golive::domain::plan::{Plan, PlannedStage, forecast};
use proptest::prelude::*;

use super::bench::{With, host, plan, production, step};

const ORDERS: [Order; 3] = [Order::Lockstep, Order::Free, Order::Serial];

/// A step: its site, seconds, `parallel`, the steps before that it needs, `once`, phase, part in the downtime.
type Sketch = (u8, u64, usize, Option<Vec<usize>>, bool, bool, u8);

fn sketches() -> impl Strategy<Value = Vec<Sketch>> {
    let step = (
        0_u8..5,
        0_u64..20,
        0_usize..3,
        prop::option::of(prop::collection::vec(0_usize..8, 0..3)),
        prop::bool::weighted(0.2),
        any::<bool>(),
        0_u8..6,
    );
    prop::collection::vec(step, 1..8)
}

/// Seconds of 0 stay unknown when `unknown` says so.
fn steps(sketches: &[Sketch], unknown: bool) -> Vec<Step> {
    let name = |at: usize| format!("s{at}");
    let each = sketches.iter().enumerate();
    each.map(
        |(at, (site, seconds, parallel, needs, once, prepare, down))| {
            let seconds = if unknown { *seconds } else { seconds + 1 };
            let mut made = step(&name(at), seconds);
            made = match site {
                0 => made.local(),
                1 => made.role("web"),
                2 => made.role("db"),
                _ => made,
            };
            made.once = *once;
            if *prepare {
                made = made.prepare();
            }
            if *parallel > 0 {
                made = made.parallel(*parallel);
            }
            match down {
                0 if *site != 0 => made = made.begins(),
                1 if *site != 0 => made = made.ends(),
                _ => {}
            }
            if let Some(needs) = needs {
                let names: Vec<String> = needs
                    .iter()
                    .filter(|need| **need < at)
                    .map(|need| name(*need))
                    .collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                made = made.needs(&names);
            }
            made
        },
    )
    .collect()
}

fn made(sketches: &[Sketch], order: usize, unknown: bool) -> Plan {
    let hosts = vec![
        host("web1", &["web"]),
        host("db1", &["db"]),
        host("all", &[]),
        host("web2", &["web"]),
    ];
    plan(&production(hosts, ORDERS[order], steps(sketches, unknown)))
}

/// Starts tasks as a scheduler does: in the order of the plan whatever may start now. Returns the end.
fn clock(stage: &PlannedStage) -> BTreeMap<TaskId, f64> {
    let mut now = 0.0;
    let mut ends: BTreeMap<TaskId, f64> = BTreeMap::new();
    loop {
        let running = |ends: &BTreeMap<TaskId, f64>, step: &str| {
            let same = stage.tasks.iter().filter(|task| task.step.as_str() == step);
            same.filter(|task| ends.get(&task.id).is_some_and(|end| *end > now))
                .count()
        };
        for task in &stage.tasks {
            let ready = task
                .after
                .iter()
                .all(|id| ends.get(id).is_some_and(|end| *end <= now));
            let room = task
                .parallel
                .is_none_or(|limit| running(&ends, task.step.as_str()) < limit);
            if ready && room && !ends.contains_key(&task.id) {
                ends.insert(task.id.clone(), now + task.takes_s.unwrap());
            }
        }
        match ends
            .values()
            .copied()
            .filter(|end| *end > now)
            .min_by(f64::total_cmp)
        {
            Some(next) => now = next,
            None => return ends,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_known_plan_takes_what_a_scheduler_needs_for_it(sketches in sketches(), order in 0_usize..3) {
        let plan = made(&sketches, order, false);
        let ends = clock(&plan.stages[0]);
        prop_assert_eq!(ends.len(), plan.stages[0].tasks.len(), "everything ran");
        let spans = forecast::spans(&plan);
        for (task, end) in ends {
            prop_assert_eq!(spans[&task].end_s, Some(end), "{}", task);
        }
    }

    #[test]
    fn what_is_known_holds_for_every_value_of_what_is_not(
        sketches in sketches(),
        order in 0_usize..3,
        values in prop::collection::vec(prop_oneof![1_u32..5, 1_u32..40, 500_u32..1000], 40),
    ) {
        let unknown = made(&sketches, order, true);
        let mut filled = unknown.clone();
        let tasks = filled.stages[0].tasks.iter_mut();
        for (task, value) in tasks.filter(|task| task.takes_s.is_none()).zip(values) {
            task.takes_s = Some(f64::from(value));
        }
        let truth = forecast::forecast(&filled);
        let said = &unknown.forecast;
        prop_assert!(said.total_s.is_none() || said.total_s == truth.total_s);
        for (env, said) in &said.envs {
            let truth = &truth.envs[env];
            prop_assert!(said.prepare_s.is_none() || said.prepare_s == truth.prepare_s);
            prop_assert!(said.activate_s.is_none() || said.activate_s == truth.activate_s);
            for (host, down) in &said.downtime_s {
                prop_assert!(down.is_none() || *down == truth.downtime_s[host], "{}", host);
            }
        }
    }
}
