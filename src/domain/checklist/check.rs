//! Following the names in `releases.toml` and collecting every problem.
//!
//! Names of steps and groups, environments, hosts and roles, `needs`: each must lead somewhere, and what they lead to must fit
//! together. `stage` checks what depends on the environment a step is used in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::draft::{Draft, DraftStage, DraftStep};
use super::{Checklist, On, Selector, Stage, Step, check_stage};
use crate::domain::id::{EnvName, HostName, RoleName, StepName};
use crate::domain::source::{Located, Problems, Span};
use crate::domain::step::{BUILT_IN_TAG, kind_row};
use crate::domain::text::similar;

/// A step of a stage: its name as it came out of the list, and where it was named (perhaps as a group).
#[derive(Debug, Clone)]
pub(super) struct Used {
    pub(super) name: String,
    pub(super) place: Span,
    pub(super) group: Option<String>,
}

/// Follows every name. The checklist is only good when no problem was added.
pub(super) fn check(mut draft: Draft, problems: &mut Problems) -> Checklist {
    declare_built_in_tag(&mut draft);
    names_apart(&draft, problems);
    groups(&draft, problems);
    follow_on(&mut draft, problems);
    for step in &draft.steps {
        needs_lead_somewhere(step, &draft, problems);
    }
    let mut stages = Vec::with_capacity(draft.stages.len());
    for stage in &draft.stages {
        let used = expand(stage, &draft, problems);
        check_stage::check(stage, &used, &draft, problems);
        stages.push(Stage {
            name: stage.name.value.clone(),
            env: stage
                .env
                .as_ref()
                .map(|env| EnvName::new(env.value.clone())),
            steps: used
                .iter()
                .map(|used| StepName::new(used.name.clone()))
                .collect(),
            order: stage.order,
        });
    }
    check_stage::across(&draft, &stages, problems);
    finish(draft, stages)
}

/// Puts the parts together.
fn finish(draft: Draft, stages: Vec<Stage>) -> Checklist {
    let used = |step: &DraftStep| {
        let built_in = step.step.line == 0;
        !built_in
            || stages
                .iter()
                .any(|stage| stage.steps.contains(&step.step.name))
    };
    let steps = draft.steps.into_iter().filter(used);
    let steps: BTreeMap<StepName, Step> = steps
        .map(|step| (step.step.name.clone(), step.step))
        .collect();
    let group = |(name, list): (Located<String>, Vec<Located<String>>)| {
        let list = list
            .into_iter()
            .map(|step| StepName::new(step.value))
            .collect();
        (name.value, list)
    };
    Checklist {
        project: draft.project,
        release: draft.release,
        ssh: draft.ssh,
        environments: draft
            .environments
            .into_iter()
            .map(|env| env.environment)
            .collect(),
        steps,
        groups: draft.groups.into_iter().map(group).collect(),
        stages,
    }
}

/// Adds the step `tag`, which exists without being declared.
fn declare_built_in_tag(draft: &mut Draft) {
    if draft
        .steps
        .iter()
        .any(|step| step.name.value == BUILT_IN_TAG)
    {
        return;
    }
    let kind: Arc<dyn crate::domain::step::Kind> = Arc::new(crate::domain::step::tag::Tag);
    draft.steps.push(DraftStep {
        name: Located::new(BUILT_IN_TAG.to_owned(), Span::default()),
        on: Vec::new(),
        keys: BTreeMap::new(),
        needs: None,
        step: Step::plain(StepName::new(BUILT_IN_TAG), kind),
    });
}

/// Steps that differ in case only would have the same task ids; a name must say whether a step or a group is meant.
fn names_apart(draft: &Draft, problems: &mut Problems) {
    for (at, step) in draft.steps.iter().enumerate() {
        let same = |other: &&DraftStep| other.name.value.eq_ignore_ascii_case(&step.name.value);
        if let Some(first) = draft.steps[..at].iter().find(same) {
            // The built-in `tag` stands last and nowhere in the file.
            let (place, other) = if step.step.line == 0 {
                (first, step)
            } else {
                (step, first)
            };
            let problem = problems.add(
                place.name.span,
                format!(
                    "the steps `{}` and `{}` differ in case only",
                    other.name.value, place.name.value
                ),
            );
            problem.expected("their tasks would have the same id");
            if other.step.line > 0 {
                problem.also(other.name.span, "the other one");
            }
        }
    }
    for (name, _) in &draft.groups {
        let same = |step: &&DraftStep| step.name.value.eq_ignore_ascii_case(&name.value);
        if let Some(step) = draft.steps.iter().find(same) {
            let problem =
                problems.add(name.span, format!("`{}` is a step and a group", name.value));
            problem.expected("a group needs a name of its own");
            if step.step.line > 0 {
                problem.also(step.name.span, "the step");
            }
        }
    }
}

/// A group lists steps that exist.
fn groups(draft: &Draft, problems: &mut Problems) {
    for (group, steps) in &draft.groups {
        for step in steps {
            if draft
                .groups
                .iter()
                .any(|(name, _)| name.value == step.value)
            {
                problems
                    .add(
                        step.span,
                        format!(
                            "the group `{}` holds the group `{}`",
                            group.value, step.value
                        ),
                    )
                    .expected("a group lists steps, not groups");
            } else if !draft
                .steps
                .iter()
                .any(|known| known.name.value == step.value)
            {
                let names = draft.steps.iter().map(|known| known.name.value.as_str());
                let near = similar(&step.value, names);
                problems
                    .add(step.span, format!("no step is named `{}`", step.value))
                    .expected("expected the name of a step")
                    .maybe(near);
            }
        }
    }
}

/// Turns the names in `on` into roles and hosts.
fn follow_on(draft: &mut Draft, problems: &mut Problems) {
    let hosts = || {
        draft
            .environments
            .iter()
            .flat_map(|env| &env.environment.hosts)
    };
    let host_names: Vec<String> = hosts().map(|host| host.name.to_string()).collect();
    let listed = hosts().filter_map(|host| host.roles.as_ref()).flatten();
    let roles: Vec<String> = listed.map(ToString::to_string).collect();
    // A host without roles plays every role; where no host has roles, any name of a role is as good as another.
    let any_role = roles.is_empty() && !host_names.is_empty();
    for step in &mut draft.steps {
        if step.on.is_empty() {
            continue;
        }
        let mut selectors = Vec::new();
        for name in &step.on {
            let is_host = host_names.contains(&name.value);
            let near = similar(
                &name.value,
                host_names.iter().chain(&roles).map(String::as_str),
            );
            let is_role = roles.contains(&name.value) || (any_role && !is_host && near.is_none());
            if is_host {
                selectors.push(Selector::Host(HostName::new(name.value.clone())));
            }
            if is_role {
                selectors.push(Selector::Role(RoleName::new(name.value.clone())));
            }
            if !is_host && !is_role {
                let problem = problems.add(
                    name.span,
                    format!("no host is named `{0}` or plays the role `{0}`", name.value),
                );
                problem.expected("expected \"local\", \"all\", a role or a host");
                problem.maybe(near);
            }
        }
        step.step.on = On::Some(selectors);
    }
}

/// `needs` names steps that exist, and not the step itself.
fn needs_lead_somewhere(step: &DraftStep, draft: &Draft, problems: &mut Problems) {
    for need in step.needs.iter().flatten() {
        if need.value == step.name.value {
            problems
                .add(need.span, format!("the step `{}` needs itself", need.value))
                .expected("expected another step");
        } else if draft
            .groups
            .iter()
            .any(|(name, _)| name.value == need.value)
        {
            problems
                .add(need.span, format!("`{}` is a group", need.value))
                .expected("`needs` takes names of steps");
        } else if !draft
            .steps
            .iter()
            .any(|known| known.name.value == need.value)
        {
            let near = similar(
                &need.value,
                draft.steps.iter().map(|known| known.name.value.as_str()),
            );
            problems
                .add(need.span, format!("no step is named `{}`", need.value))
                .expected("expected the name of a step")
                .maybe(near);
        }
    }
}

/// The steps of a stage with its groups expanded; a step that is there twice is reported and kept once.
fn expand(stage: &DraftStage, draft: &Draft, problems: &mut Problems) -> Vec<Used> {
    let mut used: Vec<Used> = Vec::new();
    for entry in &stage.steps {
        let group = draft
            .groups
            .iter()
            .find(|(name, _)| name.value == entry.value);
        let names: Vec<&str> = match group {
            Some((_, steps)) => steps.iter().map(|step| step.value.as_str()).collect(),
            None => vec![entry.value.as_str()],
        };
        for name in names {
            if !draft.steps.iter().any(|step| step.name.value == name) {
                // An unknown name inside a group was reported where the group is.
                if group.is_none() {
                    unknown_step(entry, draft, problems);
                }
                continue;
            }
            let via = group.map(|(name, _)| name.value.clone());
            if let Some(first) = used.iter().find(|other| other.name == name) {
                let problem = problems.add(
                    entry.span,
                    format!(
                        "the step `{name}` is in the stage \"{}\" twice",
                        stage.name.value
                    ),
                );
                problem.expected(within("again", via.as_deref()));
                problem.also(first.place, within("first", first.group.as_deref()));
                continue;
            }
            used.push(Used {
                name: name.to_owned(),
                place: entry.span,
                group: via,
            });
        }
    }
    used
}

/// Where in a stage's list a step was named: `first here` or `first here, in the group …`.
fn within(order: &str, group: Option<&str>) -> String {
    match group {
        Some(group) => format!("{order} here, in the group `{group}`"),
        None => format!("{order} here"),
    }
}

/// Reports a name in a stage's list that leads nowhere.
fn unknown_step(entry: &Located<String>, draft: &Draft, problems: &mut Problems) {
    let steps = draft.steps.iter().map(|step| step.name.value.as_str());
    let groups = draft.groups.iter().map(|(name, _)| name.value.as_str());
    let near = similar(&entry.value, steps.chain(groups));
    let problem = problems.add(
        entry.span,
        format!("no step or group is named `{}`", entry.value),
    );
    problem.expected("expected the name of a step or a group");
    match near {
        Some(near) => problem.maybe(Some(near)),
        None => problem.help(format!("declare it: [step.{}]", entry.value)),
    };
}

/// Whether a step's kind may run on hosts.
pub(super) fn on_hosts(step: &Step) -> bool {
    step.on != On::Local && kind_row(step.kind.label()).is_some_and(|row| row.on_hosts)
}
