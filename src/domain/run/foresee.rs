//! Foresee: what a wish would come to, without granting it.
//!
//! The operator sees before choosing what runs next, where, and which locks stay. It is no description of the rules
//! but the rules themselves: the wish is decided and everything that follows from it is applied to a copy.

use std::collections::BTreeMap;

use super::apply::apply;
use super::decide::decide;
use super::schedule::{about_to_end, locks_to_release, place, schedule, waits_for_lock};
use super::{
    Event, Identities, Identity, Intent, Moment, Outcome, Record, Refusal, RunState, TaskStatus,
};
use crate::domain::id::{EnvName, TaskId};
use crate::domain::lock::Grant;

/// What follows from a wish at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Foresight {
    /// The tasks that start at once, in the order of the plan. What runs already is not among them.
    pub starts: Vec<TaskId>,
    /// The tasks that will not run, although the plan has them.
    pub drops: Vec<TaskId>,
    /// The environment whose gate is reached at once.
    pub gate: Option<EnvName>,
    /// How the run ends, when it ends at once.
    pub ends: Option<Outcome>,
    /// The environments whose locks are held afterwards.
    pub locks: Vec<EnvName>,
}

/// What would follow if this wish of `by` were granted, or why it would not be.
pub fn foresee(
    state: &RunState,
    intent: Intent,
    by: &str,
    now: Moment,
) -> Result<Foresight, Refusal> {
    let mut copy = state.clone();
    let answer = decide(&copy, intent, by, now);
    if let Some(refusal) = answer.refusal {
        return Err(refusal);
    }
    let mut seen = Foresight::default();
    record(&mut copy, answer.events, now, &mut seen);
    let identities = everybody(&copy);
    loop {
        let events = schedule(&copy, &identities, now);
        if !events.is_empty() {
            record(&mut copy, events, now, &mut seen);
        } else if let Some(env) = waits_for_lock(&copy, now).cloned() {
            // Taken for granted: whether somebody else has it is told beside this.
            copy.locks.insert(env, Grant::default());
        } else if about_to_end(&copy).is_some() && !locks_to_release(&copy).is_empty() {
            for env in locks_to_release(&copy) {
                copy.locks.remove(&env);
            }
        } else {
            break;
        }
    }
    seen.locks = copy.locks.keys().cloned().collect();
    seen.drops = dropped(state, &copy);
    Ok(seen)
}

fn record(state: &mut RunState, events: Vec<Event>, at: Moment, seen: &mut Foresight) {
    for event in events {
        match &event {
            Event::TaskStarted { task, .. } => seen.starts.push(task.clone()),
            Event::GateReached { env, .. } => seen.gate = Some(env.clone()),
            Event::RunFinished { outcome, .. } => seen.ends = Some(*outcome),
            _ => {}
        }
        let seq = state.seq.next();
        apply(state, &Record { seq, at, event });
    }
}

/// Every place of the run, as if it had said who it is.
fn everybody(state: &RunState) -> Identities {
    let somebody = Identity {
        host: String::new(),
        boot: String::new(),
    };
    let places = state.plan.stages.iter().flat_map(|stage| {
        let tasks = stage.tasks.iter();
        tasks.map(move |task| place(stage, task))
    });
    let identities: BTreeMap<_, _> = places.map(|place| (place, somebody.clone())).collect();
    identities
}

/// Tasks that are skipped in one state and were not in the other.
fn dropped(before: &RunState, after: &RunState) -> Vec<TaskId> {
    let is_skipped = |status: &TaskStatus| matches!(status, TaskStatus::Skipped(_));
    let states = before.tasks.iter().zip(&after.tasks).enumerate();
    states
        .filter(|(_, (before, after))| !is_skipped(&before.status) && is_skipped(&after.status))
        .map(|(position, _)| after.planned(position).1)
        .filter(|planned| planned.skip.is_none())
        .map(|planned| planned.id.clone())
        .collect()
}
