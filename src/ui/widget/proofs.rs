//! Proofs: the rows of evidence at a gate, each with its state, what it found and how old it is.

use std::ops::Range;

use crate::domain::action::Action;
use crate::domain::feed::Link;
use crate::domain::run::{Moment, RunState, TaskStatus};
use crate::ui::model::Model;
use crate::ui::theme::State;
use crate::ui::widget::detail;
use crate::ui::words;

use super::rail::stage_name;

/// A row of evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// How good it is.
    pub state: State,
    /// What was looked at.
    pub check: String,
    /// What was found.
    pub found: String,
    /// When.
    pub at: Option<Moment>,
}

/// Seconds after which evidence is told as stale.
const STALE_SECONDS: i64 = 15 * 60;

/// The evidence for the gate before `stage`.
pub fn proofs(model: &Model, state: &RunState, stage: usize, now: Moment) -> Vec<Proof> {
    let mut proofs = Vec::new();
    for before in 0..stage {
        let (done, all) = crate::ui::states::steps_done(state, before);
        proofs.push(Proof {
            state: if done == all { State::Ok } else { State::Fail },
            check: stage_name(state, before),
            found: format!("{done} of {} ok", words::count(all, "step")),
            at: state.stages[before].ended,
        });
        steps(&mut proofs, state, before);
    }
    proofs.extend(tree(state));
    proofs.extend(hosts(model, state, stage));
    for proof in &mut proofs {
        let old = proof
            .at
            .is_some_and(|at| (now - at).num_seconds() > STALE_SECONDS);
        if old && proof.state == State::Ok {
            proof.state = State::Warn;
            proof.found.push_str("  (stale)");
        }
    }
    proofs
}

fn steps(proofs: &mut Vec<Proof>, state: &RunState, stage: usize) {
    let mut first = state.layout.starts[stage];
    for tasks in state.plan.stages[stage].steps() {
        let range: Range<usize> = first..first + tasks.len();
        first = range.end;
        let found = detail::evidence(state, &range);
        let ended = range
            .clone()
            .filter_map(|position| state.tasks[position].ended)
            .max();
        let check = format!("  {}", tasks[0].step);
        let failed = range
            .clone()
            .any(|position| state.tasks[position].status == TaskStatus::Failed);
        let skipped = range
            .clone()
            .find_map(|position| match &state.tasks[position].status {
                TaskStatus::Skipped(why) => Some(why.clone()),
                _ => None,
            });
        let row = |state, found| Proof {
            state,
            check: check.clone(),
            found,
            at: ended,
        };
        if failed {
            proofs.push(row(State::Warn, "failed, and was passed over".to_owned()));
        } else if let Some(why) = skipped {
            proofs.push(row(State::Skip, format!("skipped: {why}")));
        } else if matches!(tasks[0].action, Action::Ask { .. }) {
            proofs.push(row(
                State::Ok,
                if found.is_empty() {
                    "answered: done".to_owned()
                } else {
                    found
                },
            ));
        } else if !found.is_empty() {
            proofs.push(row(State::Ok, found));
        }
    }
}

fn tree(state: &RunState) -> Vec<Proof> {
    let plan = &state.plan;
    let commit = plan
        .commit
        .as_ref()
        .map_or("no commit", |commit| commit.short());
    let (shown, found) = match plan.dirty.len() {
        0 => (State::Ok, format!("{commit}, nothing uncommitted")),
        files => (
            State::Warn,
            format!(
                "{} not part of {commit}",
                words::count(files, "uncommitted file")
            ),
        ),
    };
    let mut rows = vec![Proof {
        state: shown,
        check: "same commit, clean tree".to_owned(),
        found,
        at: None,
    }];
    rows.push(Proof {
        state: State::Ok,
        check: "plan".to_owned(),
        found: format!(
            "{} frozen at the start",
            plan.digest.get(..12).unwrap_or(&plan.digest)
        ),
        at: state.started,
    });
    rows
}

fn hosts(model: &Model, state: &RunState, stage: usize) -> Option<Proof> {
    let env = state.plan.stages[stage].env.as_ref()?;
    let hosts: Vec<_> = state
        .plan
        .hosts
        .iter()
        .filter(|host| host.env == *env)
        .collect();
    let links: Vec<_> = hosts
        .iter()
        .filter_map(|host| model.links.get(&(env.clone(), host.name.clone())))
        .collect();
    let up = links
        .iter()
        .filter(|(link, _)| matches!(link, Link::Connected(_)))
        .count();
    let least = links.iter().filter_map(|(link, _)| match link {
        Link::Connected(facts) => facts.free_kb,
        _ => None,
    });
    let room = least.min().map_or_else(String::new, |kib| {
        format!(", at least {} free", words::space(kib))
    });
    let at = links.iter().map(|(_, at)| *at).min();
    Some(Proof {
        state: if up == hosts.len() {
            State::Ok
        } else {
            State::Warn
        },
        check: format!("{env} hosts reachable"),
        found: format!("{up} of {}{room}", hosts.len()),
        at,
    })
}
