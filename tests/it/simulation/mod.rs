//! Simulation of the pure core: the conductor, driven by consoles that die, over hosts and wires that fail.
//!
//! Seeded and synchronous. `world` lets one thing happen after the other, `invariants` looks at each of them. It has
//! to hold for all seeds, and for every small plan with a blow at every point; and it has to fail when a rule is off.
//! `GOLIVE_SEEDS=100000` tries more, `GOLIVE_SEED=7` tells the story of one seed.

mod cases;
mod chance;
mod console;
mod hosts;
mod invariants;
mod operators;
mod replay;
mod scenario;
mod wire;
mod world;

use golive::domain::run::conduct::Rules;

use invariants::Promise;
use replay::{broken_by, hold_as_written, hold_for_seeds};
use scenario::{Blow, Scenario};

#[test]
fn seeds_of_the_first_quarter_keep_every_promise() {
    hold_for_seeds(0, 4);
}

#[test]
fn seeds_of_the_second_quarter_keep_every_promise() {
    hold_for_seeds(1, 4);
}

#[test]
fn seeds_of_the_third_quarter_keep_every_promise() {
    hold_for_seeds(2, 4);
}

#[test]
fn seeds_of_the_fourth_quarter_keep_every_promise() {
    hold_for_seeds(3, 4);
}

/// Lets a blow fall at every point of a scenario.
fn at_every_point(scenario: &Scenario, blow: Blow) {
    let points = hold_as_written(scenario, 1);
    for at in 1..=points {
        let mut scenario = scenario.clone();
        scenario.blows = vec![(at, blow)];
        hold_as_written(&scenario, 1);
    }
}

#[test]
fn small_plans_survive_a_crash_at_every_point() {
    for scenario in Scenario::small() {
        at_every_point(&scenario, Blow::Crash);
    }
}

#[test]
fn small_plans_survive_a_power_cut_at_every_point() {
    for scenario in Scenario::small() {
        at_every_point(&scenario, Blow::PowerCut);
    }
}

#[test]
fn the_smallest_plan_survives_two_blows_at_any_two_points() {
    for first_try_fails in [false, true] {
        let scenario = Scenario::smallest(first_try_fails);
        let points = hold_as_written(&scenario, 1);
        for first in 1..=points {
            // After the first one there are more points than before.
            for second in first..=points * 2 {
                for blow in [Blow::Crash, Blow::PowerCut] {
                    let mut scenario = scenario.clone();
                    scenario.blows = vec![(first, Blow::Crash), (second, blow)];
                    hold_as_written(&scenario, 1);
                }
            }
        }
    }
}

#[test]
fn a_rollback_survives_a_crash_and_a_power_cut_at_every_point() {
    for first_try_fails in [false, true] {
        for blow in [Blow::Crash, Blow::PowerCut] {
            at_every_point(&Scenario::going_back(first_try_fails), blow);
        }
    }
}

/// Asserts that some of the first seeds break this promise when something is switched off.
fn notices(promise: Promise, change: impl Fn(&mut Scenario)) {
    let broken = (0..3000)
        .find_map(|seed| broken_by(seed, &change).filter(|violation| violation.promise == promise));
    assert!(broken.is_some(), "nobody noticed: {promise:?}");
}

#[test]
fn it_notices_tasks_that_start_without_a_lock() {
    let rules = Rules {
        lock_before_start: false,
        ..Rules::ALL
    };
    notices(Promise::UnderLock, |scenario| scenario.rules = rules);
    notices(Promise::OneOperator, |scenario| {
        scenario.rules = rules;
        // What a journal says of locks is not looked at here, only what runs.
        scenario.looks_at_locks = false;
    });
}

#[test]
fn it_notices_unknown_ends_that_nobody_was_asked_about() {
    let rules = Rules {
        ask_about_unknown: false,
        ..Rules::ALL
    };
    notices(Promise::AskedBefore, |scenario| scenario.rules = rules);
}

#[test]
fn it_notices_launches_on_another_boot() {
    let rules = Rules {
        launch_where_recorded: false,
        ..Rules::ALL
    };
    notices(Promise::AttemptOnce, |scenario| scenario.rules = rules);
}

#[test]
fn it_notices_deeds_before_their_record() {
    notices(Promise::FactBeforeAct, |scenario| {
        scenario.laws.sync_before_act = false;
    });
}

#[test]
fn it_notices_claims_that_are_not_exclusive() {
    notices(Promise::AttemptOnce, |scenario| {
        scenario.laws.exclusive_claims = false;
    });
}

#[test]
fn it_notices_epochs_that_are_not_fenced() {
    notices(Promise::OneOperator, |scenario| {
        scenario.laws.fenced_epochs = false;
    });
}

#[test]
fn it_notices_withdrawals_that_prove_nothing() {
    notices(Promise::KnownEnd, |scenario| {
        scenario.laws.proof_of_void = false;
    });
}

#[test]
fn it_notices_rollbacks_that_do_not_wait_for_what_is_undone() {
    notices(Promise::GoesBack, |scenario| {
        for plan in &mut scenario.plans {
            let stages = &mut std::sync::Arc::make_mut(plan).stages;
            for task in stages.iter_mut().flat_map(|stage| &mut stage.tasks) {
                task.after.clear();
            }
        }
    });
}
