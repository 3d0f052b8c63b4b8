//! The kinds of steps, and how each is lowered to an [`Action`].
//!
//! A kind is one file of this folder and one row in [`KINDS`]. It reads the value of its own key in
//! `releases.toml` and turns itself into an action when a plan is made; after that nobody knows kinds.
//! A kind does no I/O and knows nothing of hosts, runs or screens.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::action::{Action, Milestone};
use super::id::SecretName;
use super::release::ReleaseRules;
use super::source::shape::{Key, Shape, Value};

pub mod ask;
pub mod run;
pub mod tag;

/// What a kind needs to know of the plan when it is lowered.
#[derive(Debug)]
pub struct Lowering<'a> {
    /// The environment variables of the task, complete but for those that exist only at launch.
    pub env: BTreeMap<String, String>,
    /// The secrets the step finds in its environment.
    pub secrets: Vec<SecretName>,
    /// The step's working directory.
    pub cwd: Option<String>,
    /// How releases are recorded.
    pub release: &'a ReleaseRules,
}

/// A kind of step, with the settings of one step of it.
pub trait Kind: fmt::Debug + Send + Sync {
    /// The key that says in the file that a step is of this kind.
    fn label(&self) -> &'static str;

    /// What stands for the step where it has no `about`: the command, the question.
    fn headline(&self) -> String;

    /// What a task of this step does.
    fn lower(&self, with: Lowering<'_>) -> Action;

    /// What the success of such a task means for the release.
    fn milestone(&self) -> Option<Milestone> {
        None
    }
}

/// A row of [`KINDS`]: all that the checklist knows of a kind.
pub struct KindRow {
    /// The key that says in the file that a step is of this kind, and what its value may be.
    pub key: Key,
    /// Whether such a step may run on hosts; otherwise it always runs on this machine.
    pub on_hosts: bool,
    /// Keys for every kind that make no sense with this one.
    pub refuses: &'static [&'static str],
    /// Why they make no sense, in one line.
    pub because: &'static str,
    /// Makes the kind from the value of its key, which was read by the key's shape.
    pub read: fn(Value) -> Option<Arc<dyn Kind>>,
}

impl KindRow {
    /// The name of the kind: its key.
    pub fn name(&self) -> &'static str {
        self.key.name
    }
}

/// Every kind of step that can be written. A new kind is a file of this folder and a row here.
pub static KINDS: &[KindRow] = &[
    KindRow {
        key: Key::new(
            "run",
            Shape::Text,
            "A shell command line (`sh -c`), on this machine or on hosts.",
        ),
        on_hosts: true,
        refuses: &[],
        because: "",
        read: run::read,
    },
    KindRow {
        key: Key::new(
            "ask",
            Shape::Line,
            "The operator confirms something done by hand; who and when is journalled.",
        ),
        on_hosts: false,
        refuses: &[
            "on",
            "once",
            "vars",
            "secrets",
            "cwd",
            "timeout",
            "quiet",
            "retry",
            "retry_delay",
            "idempotent",
            "downtime",
            "parallel",
            "undo",
            "proof",
        ],
        because: "an `ask` step runs no command",
        read: ask::read,
    },
    KindRow {
        key: Key::new(
            "tag",
            Shape::True,
            "Writes the release's tags and pushes them; the step named `tag` exists without being declared.",
        ),
        on_hosts: false,
        refuses: &[
            "on", "once", "secrets", "cwd", "downtime", "parallel", "undo", "proof",
        ],
        because: "a `tag` step runs git once, in the project on this machine",
        read: |_| Some(Arc::new(tag::Tag)),
    },
];

/// Keys of kinds that the format has and this version does not know yet.
pub const LATER_KINDS: &[&str] = &["copy", "http", "ansible", "wait"];

/// The name of the step that exists without being declared.
pub const BUILT_IN_TAG: &str = "tag";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_row_that_makes_it() {
        let files: Vec<&str> = include_str!("mod.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
            .collect();
        let rows: Vec<&str> = KINDS.iter().map(KindRow::name).collect();
        let mut sorted = (files.clone(), rows.clone());
        sorted.0.sort_unstable();
        sorted.1.sort_unstable();
        assert_eq!(sorted.0, sorted.1, "a kind is one file and one row");
        for row in KINDS {
            let value = match row.key.shape {
                Shape::True => Value::Flag(true),
                _ => Value::Text("text".to_owned()),
            };
            let kind = (row.read)(value).expect("a kind reads what its shape gives");
            assert_eq!(kind.label(), row.name());
            assert!(
                row.refuses.is_empty() || !row.because.is_empty(),
                "{}",
                row.name()
            );
            assert!(!LATER_KINDS.contains(&row.name()));
        }
    }
}
