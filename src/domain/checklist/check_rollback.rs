//! Checking `[rollback]`: its steps exist, find hosts, and can wait for each other.
//!
//! Its steps stand in one stage of the environment that goes back; whether they find hosts in that one is seen when a
//! rollback is planned. Here each has to find one somewhere.

use super::check::expand;
use super::check_stage::{runs_on, within};
use super::draft::{Draft, DraftStep, Used};
use super::{On, RollbackRules};
use crate::domain::id::StepName;
use crate::domain::source::Problems;

/// Follows the names of `[rollback] steps`.
pub(super) fn check(draft: &Draft, problems: &mut Problems) -> RollbackRules {
    let used = expand(&draft.rollback.steps, "[rollback]", draft, problems);
    for (at, used_here) in used.iter().enumerate() {
        let Some(step) = draft.step(&used_here.name) else {
            continue;
        };
        finds_a_host(used_here, step, draft, problems);
        needs(&used, at, step, problems);
    }
    RollbackRules {
        steps: used
            .into_iter()
            .map(|used| StepName::new(used.name))
            .collect(),
        held: draft.rollback.held.clone(),
    }
}

/// A step that runs on hosts finds one in an environment.
fn finds_a_host(used: &Used, step: &DraftStep, draft: &Draft, problems: &mut Problems) {
    let nowhere = matches!(&step.step.on, On::Some(selectors) if selectors.len() < step.on.len());
    let mut hosts = draft
        .environments
        .iter()
        .flat_map(|env| &env.environment.hosts);
    if step.step.on == On::Local || nowhere || hosts.any(|host| runs_on(&step.step, host)) {
        return;
    }
    problems
        .add(
            used.place,
            format!(
                "the step `{}` of [rollback] finds no host in any environment",
                used.name
            ),
        )
        .expected(within(used))
        .also(step.place("on"), "no host has this name or role");
}

/// What a step needs stands before it in the list.
fn needs(used: &[Used], at: usize, step: &DraftStep, problems: &mut Problems) {
    for need in step.needs.iter().flatten() {
        let after = used[at..].iter().find(|used| used.name == need.value);
        if let Some(after) = after.filter(|_| !problems.has_at(need.span)) {
            problems
                .add(
                    after.place,
                    format!(
                        "`{}` stands behind `{}` in [rollback], which needs it",
                        need.value, used[at].name
                    ),
                )
                .expected("expected it before")
                .also(need.span, format!("`{}` needs it", used[at].name));
        }
    }
}
