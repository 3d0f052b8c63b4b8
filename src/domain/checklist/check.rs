//! Following the names in `releases.toml` and collecting every problem.
//!
//! Names of steps and groups, environments, hosts and roles, `needs`: each must lead somewhere, and what they lead to must fit
//! together. `check_stage` checks what depends on the environment a step is used in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::draft::{Draft, DraftEnvironment, DraftStep, Used};
use super::{
    Checklist, On, RollbackRules, Selector, Stage, Step, check_log, check_rollback, check_secret,
    check_stage,
};
use crate::domain::id::{EnvName, HostName, RoleName, SecretName, StepName};
use crate::domain::source::{Located, Problems, Span};
use crate::domain::step::{BUILT_IN_TAG, Kind, tag};
use crate::domain::text::similar;

/// Follows every name. The checklist is only good when no problem was added.
pub(super) fn check(mut draft: Draft, problems: &mut Problems) -> Checklist {
    declare_built_in_tag(&mut draft);
    environments_apart(&draft, problems);
    steps_apart(&draft, problems);
    groups_apart(&draft, problems);
    groups(&draft, problems);
    follow_on(&mut draft, problems);
    check_log::check(&draft, problems);
    check_secret::check(&draft, problems);
    for step in &draft.steps {
        needs_lead_somewhere(step, &draft, problems);
    }
    let mut stages = Vec::with_capacity(draft.stages.len());
    for stage in &draft.stages {
        let whose = format!("the stage \"{}\"", stage.name.value);
        let used = expand(&stage.steps, &whose, &draft, problems);
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
    check_stage::ids_apart(&draft, problems);
    check_stage::tagged_once(&draft, &stages, problems);
    let rollback = check_rollback::check(&draft, problems);
    finish(draft, stages, rollback)
}

/// Puts the parts together.
fn finish(draft: Draft, stages: Vec<Stage>, rollback: RollbackRules) -> Checklist {
    let used = |step: &DraftStep| {
        let built_in = step.step.line == 0;
        !built_in
            || stages
                .iter()
                .any(|stage| stage.steps.contains(&step.step.name))
            || rollback.steps.contains(&step.step.name)
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
    let secrets = draft.secrets.into_iter();
    let secrets = secrets
        .map(|(name, source)| (SecretName::new(name.value), source))
        .collect();
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
        logs: draft.logs.into_iter().map(|log| log.log).collect(),
        secrets,
        rollback,
    }
}

/// Adds the step `tag`, which exists without being declared.
fn declare_built_in_tag(draft: &mut Draft) {
    if draft.step(BUILT_IN_TAG).is_some() {
        return;
    }
    let kind: Arc<dyn Kind> = Arc::new(tag::Tag);
    draft.steps.push(DraftStep {
        name: Located::new(BUILT_IN_TAG.to_owned(), Span::default()),
        on: Vec::new(),
        keys: BTreeMap::new(),
        needs: None,
        secrets: Vec::new(),
        step: Step::plain(StepName::new(BUILT_IN_TAG), kind),
    });
}

/// Environments that differ in case only would be taken for each other, at the gate too.
fn environments_apart(draft: &Draft, problems: &mut Problems) {
    for (at, env) in draft.environments.iter().enumerate() {
        let name = env.environment.name.as_str();
        let same =
            |other: &&DraftEnvironment| other.environment.name.as_str().eq_ignore_ascii_case(name);
        if let Some(first) = draft.environments[..at].iter().find(same) {
            let other = &first.environment.name;
            problems
                .add(
                    env.place,
                    format!("the environments `{other}` and `{name}` differ in case only"),
                )
                .expected("one would be taken for the other")
                .also(first.place, "the other one");
        }
    }
}

/// Steps that differ in case only would have the same task ids.
fn steps_apart(draft: &Draft, problems: &mut Problems) {
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
}

/// A name in a list must say whether a step or a group is meant.
fn groups_apart(draft: &Draft, problems: &mut Problems) {
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
        for step in steps
            .iter()
            .filter(|step| draft.step(&step.value).is_none())
        {
            if draft.group(&step.value).is_some() {
                let what = format!(
                    "the group `{}` holds the group `{}`",
                    group.value, step.value
                );
                let problem = problems.add(step.span, what);
                problem.expected("a group lists steps, not groups");
            } else {
                unknown_name(step, "step", draft.step_names(), problems);
            }
        }
    }
}

/// Reports a name of a step (or group) that leads nowhere.
fn unknown_name<'n>(
    name: &Located<String>,
    what: &str,
    names: impl Iterator<Item = &'n str>,
    problems: &mut Problems,
) {
    let near = similar(&name.value, names);
    let problem = problems.add(name.span, format!("no {what} is named `{}`", name.value));
    problem.expected(format!("expected the name of a {what}"));
    match near {
        Some(near) => problem.maybe(Some(near)),
        None => problem.help(format!("declare it: [step.{}]", name.value)),
    };
}

/// Turns the names in `on` of steps and logs into roles and hosts.
fn follow_on(draft: &mut Draft, problems: &mut Problems) {
    let hosts = || {
        draft
            .environments
            .iter()
            .flat_map(|env| &env.environment.hosts)
    };
    let listed = hosts().filter_map(|host| host.roles.as_ref()).flatten();
    let names = Names {
        roles: listed.map(ToString::to_string).collect(),
        hosts: hosts().map(|host| host.name.to_string()).collect(),
    };
    for step in draft.steps.iter_mut().filter(|step| !step.on.is_empty()) {
        let others = "expected \"local\", \"all\", a role or a host";
        step.step.on = names.follow(&step.on, others, problems);
    }
    for log in draft.logs.iter_mut().filter(|log| !log.on.is_empty()) {
        let others = "expected \"all\", a role or a host";
        log.log.on = names.follow(&log.on, others, problems);
    }
}

/// What a name in `on` may lead to.
struct Names {
    hosts: Vec<String>,
    roles: Vec<String>,
}

impl Names {
    fn follow(&self, on: &[Located<String>], expected: &str, problems: &mut Problems) -> On {
        // A host without roles plays every role; where no host has roles, any name of a role is as good as another.
        let any_role = self.roles.is_empty() && !self.hosts.is_empty();
        let mut selectors = Vec::new();
        for name in on {
            let is_host = self.hosts.contains(&name.value);
            let near = similar(
                &name.value,
                self.hosts.iter().chain(&self.roles).map(String::as_str),
            );
            let is_role =
                self.roles.contains(&name.value) || (any_role && !is_host && near.is_none());
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
                problem.expected(expected);
                problem.maybe(near);
            }
        }
        On::Some(selectors)
    }
}

/// `needs` names steps that exist, and not the step itself.
fn needs_lead_somewhere(step: &DraftStep, draft: &Draft, problems: &mut Problems) {
    for need in step.needs.iter().flatten() {
        if need.value == step.name.value {
            problems
                .add(need.span, format!("the step `{}` needs itself", need.value))
                .expected("expected another step");
        } else if draft.step(&need.value).is_some() {
            // It leads somewhere; whether it is in the stage is seen there.
        } else if draft.group(&need.value).is_some() {
            problems
                .add(need.span, format!("`{}` is a group", need.value))
                .expected("`needs` takes names of steps");
        } else {
            unknown_name(need, "step", draft.step_names(), problems);
        }
    }
}

/// The steps of a list with its groups expanded; a step that is there twice is reported and kept once.
pub(super) fn expand(
    list: &[Located<String>],
    whose: &str,
    draft: &Draft,
    problems: &mut Problems,
) -> Vec<Used> {
    let mut used: Vec<Used> = Vec::new();
    for entry in list {
        let group = draft.group(&entry.value);
        if group.is_none() && draft.step(&entry.value).is_none() {
            let groups = draft.groups.iter().map(|(name, _)| name.value.as_str());
            unknown_name(
                entry,
                "step or group",
                draft.step_names().chain(groups),
                problems,
            );
        }
        let via = group.map(|_| entry.value.clone());
        for name in group.unwrap_or(std::slice::from_ref(entry)) {
            let name = &name.value;
            // An unknown name inside a group was reported where the group is.
            if draft.step(name).is_none() {
                continue;
            }
            if let Some(first) = used.iter().find(|other| other.name == *name) {
                let what = format!("the step `{name}` is in {whose} twice");
                let problem = problems.add(entry.span, what);
                problem.expected(within("again", via.as_deref()));
                problem.also(first.place, within("first", first.group.as_deref()));
                continue;
            }
            used.push(Used {
                name: name.clone(),
                place: entry.span,
                group: via.clone(),
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
