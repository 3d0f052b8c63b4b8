//! The part of the checklist that is planned: `--stage`, `--from`, `--host`.
//!
//! A selection only leaves out; it never changes order, gates or needs. A name in it that leads nowhere is a
//! problem with a near name, never an empty plan. What a selection leaves of a stage on hosts must still
//! touch one of them: a stage whose hosts were all left out is left out with its local steps, so that a
//! release which reached no host of production is not tagged as live there. Where some hosts were left out,
//! the tag is skipped (`left_out`).

use serde::{Deserialize, Serialize};

use super::super::checklist::{Checklist, Environment, Stage};
use super::super::id::{HostName, StepName};
use super::super::text;
use super::problem::BuildProblem;

/// A part of the checklist; every list that is empty means all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Selection {
    /// Stages by name or in kebab case.
    pub stages: Vec<String>,
    /// Everything before this step is left out; also `stage/step`. A step of several stages means the first.
    pub from: Option<StepName>,
    /// Steps on hosts run only on these.
    pub hosts: Vec<HostName>,
}

impl Selection {
    /// Whether nothing is left out.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether steps may run on this host.
    pub(super) fn has_host(&self, host: &HostName) -> bool {
        self.hosts.is_empty() || self.hosts.contains(host)
    }
}

/// What is left of a stage.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// The stage.
    pub(super) stage: &'a Stage,
    /// Its environment.
    pub(super) env: Option<&'a Environment>,
    /// The place of its first step that is not left out.
    pub(super) from: usize,
}

/// The stages of a selection in the order of the file; at least one.
pub(super) fn select<'a>(
    checklist: &'a Checklist,
    selection: &Selection,
) -> Result<Vec<Part<'a>>, Vec<BuildProblem>> {
    let mut problems = Vec::new();
    let mut parts = stages(checklist, selection, &mut problems);
    if problems.is_empty()
        && let Some(from) = &selection.from
    {
        match start(&parts, from) {
            Some((stage, step)) => {
                parts.drain(..stage);
                parts[0].from = step;
            }
            None => problems.push(unknown_step(checklist, &parts, from)),
        }
    }
    for host in &selection.hosts {
        problems.extend(unknown_host(checklist, &parts, host));
    }
    if !selection.hosts.is_empty() {
        parts.retain(|part| {
            part.env
                .is_none_or(|env| env.hosts.iter().any(|host| selection.has_host(&host.name)))
        });
    }
    if problems.is_empty() && parts.is_empty() {
        problems.push(BuildProblem::Nothing);
    }
    if problems.is_empty() {
        Ok(parts)
    } else {
        Err(problems)
    }
}

/// The hosts a selection leaves out of environments it does not leave out: `web1 of production`.
pub(super) fn left_out(parts: &[Part<'_>], selection: &Selection) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for env in parts.iter().filter_map(|part| part.env) {
        for host in &env.hosts {
            let name = format!("{} of {}", host.name, env.name);
            if !selection.has_host(&host.name) && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

fn stages<'a>(
    checklist: &'a Checklist,
    selection: &Selection,
    problems: &mut Vec<BuildProblem>,
) -> Vec<Part<'a>> {
    let is = |stage: &Stage, name: &str| stage.name.as_str() == name || stage.name.slug() == name;
    for name in &selection.stages {
        if !checklist.stages.iter().any(|stage| is(stage, name)) {
            let names = checklist.stages.iter().map(|stage| stage.name.as_str());
            problems.push(BuildProblem::UnknownStage {
                name: name.clone(),
                help: near(name, names, "the stages are"),
            });
        }
    }
    checklist
        .stages
        .iter()
        .filter(|stage| {
            selection.stages.is_empty() || selection.stages.iter().any(|name| is(stage, name))
        })
        .map(|stage| Part {
            stage,
            env: stage
                .env
                .as_ref()
                .and_then(|env| checklist.environment(env)),
            from: 0,
        })
        .collect()
}

/// The places of a stage and of a step in it.
fn start(parts: &[Part<'_>], from: &StepName) -> Option<(usize, usize)> {
    let (in_stage, name) = match from.as_str().rsplit_once('/') {
        Some((stage, step)) => (Some(stage), step),
        None => (None, from.as_str()),
    };
    parts.iter().enumerate().find_map(|(at, part)| {
        let name_of_stage = &part.stage.name;
        if in_stage.is_some_and(|s| s != name_of_stage.as_str() && s != name_of_stage.slug()) {
            return None;
        }
        let step = part
            .stage
            .steps
            .iter()
            .position(|step| step.as_str() == name)?;
        Some((at, step))
    })
}

fn unknown_step(checklist: &Checklist, parts: &[Part<'_>], from: &StepName) -> BuildProblem {
    let elsewhere = checklist
        .stages
        .iter()
        .find(|stage| stage.steps.contains(from));
    let mut names: Vec<&str> = Vec::new();
    for part in parts {
        for step in &part.stage.steps {
            if !names.contains(&step.as_str()) {
                names.push(step.as_str());
            }
        }
    }
    let help = match elsewhere {
        Some(stage) => Some(format!("it is a step of the stage `{}`", stage.name)),
        None => near(from.as_str(), names.into_iter(), "the steps are"),
    };
    BuildProblem::UnknownStep {
        name: from.clone(),
        help,
    }
}

fn unknown_host(
    checklist: &Checklist,
    parts: &[Part<'_>],
    host: &HostName,
) -> Option<BuildProblem> {
    let mut names: Vec<&str> = Vec::new();
    for env in parts.iter().filter_map(|part| part.env) {
        for known in &env.hosts {
            if known.name == *host {
                return None;
            }
            if !names.contains(&known.name.as_str()) {
                names.push(known.name.as_str());
            }
        }
    }
    let elsewhere = checklist
        .environments
        .iter()
        .find(|env| env.hosts.iter().any(|known| known.name == *host));
    let help = match elsewhere {
        Some(env) => Some(format!(
            "it is a host of `{}`, which is left out here",
            env.name
        )),
        None if names.is_empty() => Some("nothing of this runs on hosts".to_owned()),
        None => near(host.as_str(), names.into_iter(), "the hosts are"),
    };
    Some(BuildProblem::UnknownHost {
        name: host.clone(),
        help,
    })
}

/// The nearest of some names, else what names there are.
fn near<'a>(name: &str, names: impl Iterator<Item = &'a str>, are: &str) -> Option<String> {
    let names: Vec<&str> = names.collect();
    match text::similar(name, names.iter().copied()) {
        Some(known) => Some(format!("did you mean `{known}`?")),
        None if names.is_empty() => None,
        None => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            Some(format!("{are} {}", names.join(", ")))
        }
    }
}
