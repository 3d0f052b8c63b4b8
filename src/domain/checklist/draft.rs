//! The checklist as it was read, before any name in it is followed.
//!
//! `parse` fills it, `check` turns it into a [`Checklist`](super::Checklist). Names that must lead somewhere keep their place
//! in the file; everything else is final already.

use std::collections::BTreeMap;

use super::{Environment, LogSource, Order, SshRules, Step};
use crate::domain::id::StageName;
use crate::domain::release::ReleaseRules;
use crate::domain::secret::SecretSource;
use crate::domain::source::{Located, Span};

/// The file, read.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) project: String,
    pub(super) release: ReleaseRules,
    pub(super) ssh: SshRules,
    pub(super) environments: Vec<DraftEnvironment>,
    pub(super) steps: Vec<DraftStep>,
    pub(super) groups: Vec<(Located<String>, Vec<Located<String>>)>,
    pub(super) stages: Vec<DraftStage>,
    pub(super) rollback: DraftRollback,
    pub(super) logs: Vec<DraftLog>,
    pub(super) secrets: Vec<(Located<String>, SecretSource)>,
}

impl Draft {
    /// The step of this name.
    pub(super) fn step(&self, name: &str) -> Option<&DraftStep> {
        self.steps.iter().find(|step| step.name.value == name)
    }

    /// The names of all steps.
    pub(super) fn step_names(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|step| step.name.value.as_str())
    }

    /// The steps of the group of this name.
    pub(super) fn group(&self, name: &str) -> Option<&[Located<String>]> {
        let mut groups = self.groups.iter();
        groups
            .find(|(group, _)| group.value == name)
            .map(|(_, steps)| steps.as_slice())
    }
}

/// `[rollback]` with the names it refers to.
#[derive(Debug, Default)]
pub(super) struct DraftRollback {
    pub(super) steps: Vec<Located<String>>,
    pub(super) held: Option<String>,
}

/// An environment with the places of its names.
#[derive(Debug)]
pub(super) struct DraftEnvironment {
    pub(super) place: Span,
    pub(super) environment: Environment,
}

/// A step with the names it refers to.
#[derive(Debug)]
pub(super) struct DraftStep {
    pub(super) name: Located<String>,
    /// The names in `on`, without the words `local` and `all`.
    pub(super) on: Vec<Located<String>>,
    /// The places of its keys.
    pub(super) keys: BTreeMap<&'static str, Span>,
    /// The names in `needs`.
    pub(super) needs: Option<Vec<Located<String>>>,
    /// The names in `secrets`.
    pub(super) secrets: Vec<Located<String>>,
    /// Everything else; its `on` is `Local` or `All` until the names are followed.
    pub(super) step: Step,
}

impl DraftStep {
    /// Where a key of the step stands; the step's name when it is absent.
    pub(super) fn place(&self, key: &str) -> Span {
        self.keys.get(key).copied().unwrap_or(self.name.span)
    }
}

/// A stage with the names it refers to.
#[derive(Debug)]
pub(super) struct DraftStage {
    pub(super) place: Span,
    pub(super) name: Located<StageName>,
    pub(super) env: Option<Located<String>>,
    pub(super) steps: Vec<Located<String>>,
    pub(super) order: Order,
    pub(super) order_place: Option<Span>,
}

/// A log with the names it refers to.
#[derive(Debug)]
pub(super) struct DraftLog {
    pub(super) name: Located<String>,
    /// Where it says on which hosts.
    pub(super) place: Span,
    /// The names in `on`, without the words `local` and `all`.
    pub(super) on: Vec<Located<String>>,
    /// Everything else; its `on` holds no names until they are followed.
    pub(super) log: LogSource,
}

/// A step of a stage: its name as it came out of the list, and where it was named (perhaps as a group).
#[derive(Debug, Clone)]
pub(super) struct Used {
    pub(super) name: String,
    pub(super) place: Span,
    pub(super) group: Option<String>,
}
