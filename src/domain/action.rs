//! The narrow waist: what a task does, once every kind of step has been lowered.
//!
//! Kinds of steps exist only while a plan is made. The plan, the state machine, the scheduler, the journal,
//! the engine, the edge and the screens know [`Action`] and nothing of kinds. An action is plain data: it can
//! be shown before it runs, stored, and compared.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::{HostName, SecretName};

/// Where a task runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Site {
    /// This machine.
    Local,
    /// A host of the stage's environment.
    Host(HostName),
}

impl Site {
    /// The host, when the site is one.
    pub fn host(&self) -> Option<&HostName> {
        match self {
            Self::Local => None,
            Self::Host(host) => Some(host),
        }
    }

    /// The site's part of a task id: the host's name or `local`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Local => "local",
            Self::Host(host) => host.as_str(),
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A shell command line with all it needs to run on its site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandLine {
    /// The text given to `sh -c` on the site, exactly as shown to the operator.
    pub script: String,
    /// Working directory: relative to the project root (local) or the home folder (hosts); `None` = there.
    pub cwd: Option<String>,
    /// Environment variables, without those that only exist at launch (`GOLIVE_ATTEMPT`, `GOLIVE_RUN`,
    /// and `GOLIVE_RECORD` when [`CommandLine::record`] is set).
    pub env: BTreeMap<String, String>,
    /// Hand the run's record so far (the body of a release tag) to the command as `GOLIVE_RECORD`.
    pub record: bool,
    /// Secrets whose values the command finds in its environment, by these names. Their values are known only where
    /// it is launched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretName>,
}

/// What a task does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Runs a command line on the task's site; exit code 0 is success.
    Exec(CommandLine),
    /// Asks the operator to confirm something done by hand.
    Ask {
        /// The question as written.
        question: String,
    },
}

impl Action {
    /// The secrets it needs.
    pub fn secrets(&self) -> &[SecretName] {
        match self {
            Self::Exec(command) => &command.secrets,
            Self::Ask { .. } => &[],
        }
    }

    /// What the operator is shown: the command line or the question.
    pub fn text(&self) -> &str {
        match self {
            Self::Exec(command) => &command.script,
            Self::Ask { question } => question,
        }
    }
}

/// A success that is a fact of its own in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Milestone {
    /// The release's tags were written (and pushed, when a remote is set). Details are the task's evidence.
    TagWritten,
}

/// How an attempt ended, as reported by where it ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The command ended by itself with this exit code (128 + n for a signal n); 0 is success.
    Exited(i32),
    /// The time limit of the step was reached and its processes were ended where they ran.
    TimedOut,
    /// The operator stopped it, and its processes were ended where they ran.
    Cancelled,
    /// It never started, and never will: the launch was refused or withdrawn. The text says why.
    NotStarted(String),
}

/// Why an attempt did not start that was withdrawn.
const WITHDRAWN: &str = "it was withdrawn before it started";

impl Ending {
    /// It was withdrawn before it started.
    pub fn withdrawn() -> Self {
        Self::NotStarted(WITHDRAWN.to_owned())
    }

    /// Whether the attempt was withdrawn before it started.
    pub fn is_withdrawn(&self) -> bool {
        matches!(self, Self::NotStarted(why) if why == WITHDRAWN)
    }

    /// Whether the attempt did what it was for.
    pub fn is_success(&self) -> bool {
        *self == Self::Exited(0)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit {code}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::NotStarted(why) => write!(f, "not started: {why}"),
        }
    }
}
