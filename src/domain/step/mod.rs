//! The kinds of steps, and how each is lowered to an [`Action`].
//!
//! A kind is one file of this folder and one row in [`KINDS`]. It reads the value of its own key in
//! `releases.toml` and turns itself into an action when a plan is made; after that nobody knows kinds.
//! A kind does no I/O and knows nothing of hosts, runs or screens.

use std::collections::BTreeMap;
use std::fmt;

use super::action::{Action, Milestone};
use super::release::ReleaseRules;

pub mod ask;
pub mod run;
pub mod tag;

/// What a kind needs to know of the plan when it is lowered.
#[derive(Debug)]
pub struct Lowering<'a> {
    /// The environment variables of the task, complete but for those that exist only at launch.
    pub env: BTreeMap<String, String>,
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
