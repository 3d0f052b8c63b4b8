//! The checklist: the whole of `releases.toml`, typed, after every reference in it was checked.
//!
//! `parse` reads the text with its spans, `check` follows the names and collects every problem; only a text
//! without problems becomes a [`Checklist`]. Everything behind this room may therefore rely on: names exist,
//! groups are expanded, every host step finds a host in each environment it is used in, `needs` has no cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::id::{EnvName, HostName, LogName, RoleName, SecretName, StageName, StepName};
use super::release::ReleaseRules;
use super::secret::SecretSource;
use super::step::Kind;

pub mod check;
mod check_log;
mod check_rollback;
mod check_secret;
mod check_stage;
mod cycle;
mod draft;
pub mod keys;
pub mod parse;
mod parse_hosts;
mod parse_log;
mod parse_secret;
mod parse_step;
pub mod schema;

pub use parse::read;

/// A checklist without mistakes.
#[derive(Debug, Clone)]
pub struct Checklist {
    /// The project's name.
    pub project: String,
    /// How a release is recorded in git.
    pub release: ReleaseRules,
    /// How hosts are reached.
    pub ssh: SshRules,
    /// Environments in the order of the file.
    pub environments: Vec<Environment>,
    /// Every step, by name; includes `tag` when a stage uses it without declaring it.
    pub steps: BTreeMap<StepName, Step>,
    /// Groups as written, for display.
    pub groups: BTreeMap<String, Vec<StepName>>,
    /// Stages in order, groups expanded.
    pub stages: Vec<Stage>,
    /// Logs of servers, in the order of the file.
    pub logs: Vec<LogSource>,
    /// Secrets, by name.
    pub secrets: BTreeMap<SecretName, SecretSource>,
    /// How one goes back to an older release.
    pub rollback: RollbackRules,
}

/// How one goes back to an older release: the table `[rollback]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RollbackRules {
    /// What is done instead of the environment's stages, groups expanded; empty = its stages are walked again for the
    /// older commit, after the `undo` of its steps in reverse.
    pub steps: Vec<StepName>,
    /// A command that succeeds on a host that still holds the release `$GOLIVE_COMMIT`; `None` = hosts are not asked.
    pub held: Option<String>,
}

/// A log of servers: the table `[log.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSource {
    /// Its name.
    pub name: LogName,
    /// On which hosts; never this machine.
    pub on: On,
    /// What is followed.
    pub what: Followed,
}

/// What is followed of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// The output of this command line on the host (both standard output and error).
    Run(String),
    /// This file on the host; relative paths start at the home folder, `~/` too.
    File(String),
}

impl Checklist {
    /// The environment of this name.
    pub fn environment(&self, name: &EnvName) -> Option<&Environment> {
        self.environments.iter().find(|env| env.name == *name)
    }

    /// The environment whose releases get the tags, and the step that writes them: it stands in a stage of that
    /// environment or in one after it. `None` = nothing is tagged.
    pub fn tagged(&self) -> Option<(&EnvName, &StepName)> {
        let tags = |name: &&StepName| {
            let step = self.steps.get(*name);
            step.is_some_and(|step| step.kind.milestone().is_some())
        };
        let mut stages = self.stages.iter().enumerate();
        let (at, step) =
            stages.find_map(|(at, stage)| Some((at, stage.steps.iter().find(tags)?)))?;
        let mut before = self.stages[..=at].iter().rev();
        let env = before.find_map(|stage| stage.env.as_ref())?;
        Some((env, step))
    }

    /// The environment that LIVE speaks of: the one that is tagged; without a step for that the only gated one.
    pub fn released(&self) -> Option<&EnvName> {
        if let Some((env, _)) = self.tagged() {
            return Some(env);
        }
        let gates = |env: &&Environment| env.gate != Gate::None;
        let mut gated = self.environments.iter().filter(gates);
        let first = gated.next()?;
        gated.next().is_none().then_some(&first.name)
    }
}

/// How hosts are reached: the table `[ssh]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshRules {
    /// An `ssh -F` file, relative to the project root; `None` = the user's own configuration.
    pub config: Option<String>,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
}

impl Default for SshRules {
    fn default() -> Self {
        Self {
            config: None,
            connect_timeout: Duration::from_secs(10),
        }
    }
}

/// A set of hosts with variables and a gate: the table `[env.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: EnvName,
    /// Hosts in the order of the file; at least one.
    pub hosts: Vec<Host>,
    /// Variables for every step in this environment.
    pub vars: BTreeMap<String, String>,
    /// What the operator must do before the first task of this environment starts.
    pub gate: Gate,
}

/// A server, or with `via = "local"` a folder on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name in the checklist.
    pub name: HostName,
    /// How it is reached.
    pub reach: Reach,
    /// Its roles; `None` = it plays every role.
    pub roles: Option<BTreeSet<RoleName>>,
    /// Variables for steps on this host.
    pub vars: BTreeMap<String, String>,
}

impl Host {
    /// Whether the host plays this role.
    pub fn plays(&self, role: &RoleName) -> bool {
        self.roles.as_ref().is_none_or(|roles| roles.contains(role))
    }
}

/// How a host is reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// An ssh destination, as given to `ssh`.
    Ssh(String),
    /// A folder on this machine that plays the host's home folder; relative to the project root.
    Folder(String),
}

/// What passes the gate of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// The environment's name (or the release) is typed.
    Type,
    /// One capital key.
    Key,
    /// There is no gate.
    None,
}

/// The order in which the tasks of a stage go through its hosts.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default,
)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// A step starts when what it needs has ended on all hosts.
    #[default]
    Lockstep,
    /// Each host goes on by itself; `once` steps and the border between the phases are barriers.
    Free,
    /// Host after host.
    Serial,
}

/// Whether users can notice a step.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    Default,
)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Cannot be noticed by users.
    Prepare,
    /// May be noticed by users.
    #[default]
    Activate,
}

/// A step's part in a service being down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Downtime {
    /// From its start the service may be down on all hosts of the environment.
    Begins,
    /// When it has ended on a host, that host serves again.
    Ends,
}

/// What happens when a step has failed and its retries are used up.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default,
)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The operator decides.
    #[default]
    Ask,
    /// The run ends.
    Stop,
    /// The run goes on as if the step had succeeded; the failure stays on record.
    Continue,
}

/// Which sites a step runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// This machine.
    Local,
    /// Every host of the stage's environment.
    All,
    /// The hosts that have one of these names or play one of these roles.
    Some(Vec<Selector>),
}

impl On {
    /// Whether a host is one of them.
    pub fn picks(&self, host: &Host) -> bool {
        match self {
            Self::Local => false,
            Self::All => true,
            Self::Some(selectors) => selectors.iter().any(|selector| match selector {
                Selector::Role(role) => host.plays(role),
                Selector::Host(name) => host.name == *name,
            }),
        }
    }
}

/// A name in `on`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// All hosts that play this role.
    Role(RoleName),
    /// One host.
    Host(HostName),
}

/// A step: one line of the checklist.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name.
    pub name: StepName,
    /// What kind of step it is, with that kind's own settings.
    pub kind: Arc<dyn Kind>,
    /// One line for people; `None` = the command itself.
    pub about: Option<String>,
    /// Where it runs.
    pub on: On,
    /// On the first matching host only, once per run.
    pub once: bool,
    /// Variables of its own.
    pub vars: BTreeMap<String, String>,
    /// Secrets that it finds in its environment as well.
    pub secrets: Vec<SecretName>,
    /// Working directory.
    pub cwd: Option<String>,
    /// Time limit, enforced where it runs.
    pub timeout: Option<Duration>,
    /// Warn when nothing was printed for this long.
    pub quiet: Duration,
    /// Automatic attempts after a failure.
    pub retry: u32,
    /// Pause before each of them.
    pub retry_delay: Duration,
    /// May be started again without asking when its outcome is unknown.
    pub idempotent: bool,
    /// Steps that must have ended first; `None` = the step before it in the stage.
    pub needs: Option<Vec<StepName>>,
    /// Whether users can notice it.
    pub phase: Phase,
    /// Its part in the downtime.
    pub downtime: Option<Downtime>,
    /// The operator's estimate, used until there is history.
    pub takes: Option<Duration>,
    /// How many hosts at once; `None` = all.
    pub parallel: Option<usize>,
    /// The command line that takes it back, where the step ran; used by rollbacks.
    pub undo: Option<String>,
    /// Only if one of these path patterns differs from LIVE; `None` = always.
    pub when_changed: Option<Vec<String>>,
    /// Regular expression whose named groups are kept as evidence.
    pub proof: Option<String>,
    /// What happens at a failure.
    pub on_failure: OnFailure,
    /// The line of the file it is declared on, from 1; 0 for the built-in `tag`.
    pub line: usize,
}

impl Step {
    /// A step of this kind on this machine with the value of every other key as if it were absent.
    pub fn plain(name: StepName, kind: Arc<dyn Kind>) -> Self {
        Self {
            name,
            kind,
            about: None,
            on: On::Local,
            once: false,
            vars: BTreeMap::new(),
            secrets: Vec::new(),
            cwd: None,
            timeout: None,
            quiet: Duration::from_secs(300),
            retry: 0,
            retry_delay: Duration::from_secs(2),
            idempotent: false,
            needs: None,
            phase: Phase::default(),
            downtime: None,
            takes: None,
            parallel: None,
            undo: None,
            when_changed: None,
            proof: None,
            on_failure: OnFailure::default(),
            line: 0,
        }
    }
}

/// A named part of the checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its name.
    pub name: StageName,
    /// Its environment; `None` = this machine only.
    pub env: Option<EnvName>,
    /// Steps in order, groups expanded; no step twice.
    pub steps: Vec<StepName>,
    /// The order through the hosts.
    pub order: Order,
}
