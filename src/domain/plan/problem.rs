//! Why a checklist cannot be planned: the problems of `build` and of the selection, with what to do next.
//!
//! Mistakes in the file itself are found before, with their line and column; these here come from what the
//! operator selected and from what git says.

use super::super::id::{EnvName, HostName, StepName};

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildProblem {
    /// A stage of the selection does not exist.
    #[error("there is no stage `{name}`")]
    UnknownStage {
        /// As given.
        name: String,
        /// A near name, or all names.
        help: Option<String>,
    },
    /// The step to begin with does not exist in the selection.
    #[error("no stage here has a step `{name}`")]
    UnknownStep {
        /// As given.
        name: StepName,
        /// A near name, or all names.
        help: Option<String>,
    },
    /// A host of the selection does not exist in it.
    #[error("no stage here runs on a host `{name}`")]
    UnknownHost {
        /// As given.
        name: HostName,
        /// A near name, or all names.
        help: Option<String>,
    },
    /// Nothing is left to do.
    #[error("nothing is left of the checklist to run")]
    Nothing,
    /// A step writes the release's tags, and there is no commit they could stand on.
    #[error(
        "the step `{step}` of the stage `{stage}` tags a release, and there is no commit to tag"
    )]
    NoCommit {
        /// The step.
        step: StepName,
        /// Its stage.
        stage: String,
    },
    /// A step of `[rollback]` runs on hosts that the environment does not have.
    #[error("the step `{step}` of [rollback] finds no host in `{env}`")]
    NoHost {
        /// The step.
        step: StepName,
        /// The environment that is rolled back.
        env: EnvName,
    },
    /// A pattern of `when` cannot be read.
    #[error("the pattern `{pattern}` in `when` of the step `{step}` cannot be read: {why}")]
    Pattern {
        /// The step.
        step: StepName,
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
}

impl BuildProblem {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::UnknownStage { help, .. }
            | Self::UnknownStep { help, .. }
            | Self::UnknownHost { help, .. } => help.clone(),
            Self::Nothing => Some("choose fewer of --stage, --from and --host".to_owned()),
            Self::NoCommit { step, .. } => Some(format!(
                "make a first commit (`git init`, `git add`, `git commit`), \
                 or take `{step}` out of the stage's steps"
            )),
            Self::NoHost { .. } => {
                Some("give one of its hosts the role, or the step another `on`".to_owned())
            }
            Self::Pattern { .. } => None,
        }
    }
}
