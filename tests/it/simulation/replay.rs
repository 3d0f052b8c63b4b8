//! Replay: many seeds, and one again with everything told.
//!
//! A seed that breaks a promise is made smaller first: with as few faults as still break it. Then what happened is
//! told line by line, with the command that does it again.

use super::chance::Chance;
use super::invariants::Violation;
use super::scenario::Scenario;
use super::world::World;

/// How often something was tried.
pub(super) fn seeds() -> u64 {
    let asked = std::env::var("GOLIVE_SEEDS").ok();
    asked
        .and_then(|text| text.replace('_', "").parse().ok())
        .unwrap_or(10_000)
}

/// The one seed that is to be replayed.
pub(super) fn one_seed() -> Option<u64> {
    std::env::var("GOLIVE_SEED").ok()?.parse().ok()
}

/// The scenario of a seed, changed by whoever asks, and the chance that goes on from there.
fn of_seed(seed: u64, change: &dyn Fn(&mut Scenario)) -> (Scenario, Chance) {
    let mut chance = Chance::new(seed);
    let mut scenario = Scenario::random(&mut chance);
    change(&mut scenario);
    (scenario, chance)
}

/// What a seed breaks, if anything.
pub(super) fn broken_by(seed: u64, change: &dyn Fn(&mut Scenario)) -> Option<Violation> {
    let (scenario, chance) = of_seed(seed, change);
    World::new(scenario, chance, false).run()
}

/// Lets the seeds of one share happen; panics with the whole story when one breaks a promise.
pub(super) fn hold_for_seeds(share: u64, shares: u64) {
    if let Some(seed) = one_seed() {
        if seed % shares == share {
            hold(seed);
        }
        return;
    }
    for seed in (share..seeds()).step_by(shares as usize) {
        if broken_by(seed, &|_| {}).is_some() {
            hold(seed);
        }
    }
}

fn hold(seed: u64) {
    let few = (0..40).find(|few| broken_by(seed, &|scenario| scenario.faults = *few).is_some());
    let faults = few.unwrap_or(usize::MAX);
    let (mut scenario, chance) = of_seed(seed, &|_| {});
    scenario.faults = faults;
    let mut world = World::new(scenario, chance, true);
    let violation = world.run();
    tell(
        &world,
        violation,
        &format!("GOLIVE_SEED={seed} cargo test --test it simulation::seeds"),
    );
}

/// Lets a scenario happen as it is written; panics with the whole story when it breaks a promise.
pub(super) fn hold_as_written(scenario: &Scenario, seed: u64) -> usize {
    let mut world = World::new(scenario.clone(), Chance::new(seed), false);
    if world.run().is_none() {
        return world.points;
    }
    let mut world = World::new(scenario.clone(), Chance::new(seed), true);
    let violation = world.run();
    let again = format!(
        "cargo test --test it simulation:: (blows {:?})",
        scenario.blows
    );
    tell(&world, violation, &again);
    world.points
}

fn tell(world: &World, violation: Option<Violation>, again: &str) {
    let Some(violation) = violation else {
        return;
    };
    let plans: Vec<String> = world
        .scenario
        .plans
        .iter()
        .flat_map(|plan| plan.tasks())
        .map(|task| {
            format!(
                "  {} idempotent {} retry {} {:?} after {:?} skip {}",
                task.id,
                task.idempotent,
                task.retry,
                task.on_failure,
                task.after,
                task.skip.is_some()
            )
        })
        .collect();
    let story = world.trace.as_deref().unwrap_or_default();
    panic!(
        "{:?}: {}\nplans:\n{}\nwhat happened:\n  {}\nagain: {again}",
        violation.promise,
        violation.what,
        plans.join("\n"),
        story.join("\n  "),
    );
}
