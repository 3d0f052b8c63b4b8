//! The one list of the keys of `releases.toml`: what each may be, what it is for, what it is when it is absent.
//!
//! The reader and the JSON Schema are both driven by these tables; a key that is not here does not exist.
//! The kinds of steps bring their own keys, see `step::KINDS`.

use serde::{Deserialize, Serialize};

use super::{Downtime, Gate, OnFailure, Order, Phase};
use crate::domain::source::shape::{Key, Keys, Shape, no_choice, words};
use crate::domain::step::KINDS;

/// How the hosts of an environment are reached.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default,
)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Over ssh.
    #[default]
    Ssh,
    /// Hosts are folders on this machine, for trying things out.
    Local,
}

macro_rules! keys {
    ($(#[$doc:meta])* $table:ident, $title:literal, like $like:literal, $one_of:expr, later $later:expr, { $($name:ident: $key:expr,)* }) => {
        $(pub(super) static $name: Key = $key;)*
        $(#[$doc])*
        pub static $table: Keys = Keys {
            title: $title,
            like: $like,
            keys: || vec![$(&$name),*],
            one_of: $one_of,
            later: $later,
        };
    };
}

keys!(
    /// The whole file.
    FILE, "the file", like "releases.toml", no_choice, later &[], {
    PROJECT: Key::new("project", Shape::Table(&PROJECT_KEYS), "The project.").required(),
    RELEASE: Key::new("release", Shape::Table(&RELEASE_KEYS), "How a release is recorded in git."),
    SSH: Key::new("ssh", Shape::Table(&SSH_KEYS), "How hosts are reached; without it exactly as `ssh` on this machine would."),
    ENV: Key::new("env", Shape::Map(&Shape::Table(&ENV_KEYS), "[env.NAME]"), "Environments: hosts, variables and a gate."),
    STEP: Key::new("step", Shape::Map(&Shape::Table(&STEP_KEYS), "[step.NAME]"), "Steps: the lines of the checklist."),
    GROUPS: Key::new("groups", Shape::Map(&Shape::SomeNames, "{ deploy = [\"one\", \"two\"] }"), "Names for lists of steps."),
    STAGE: Key::new("stage", Shape::Tables(&STAGE_KEYS), "The checklist, top to bottom.").required(),
    LOG: Key::new("log", Shape::Map(&Shape::Table(&LOG_KEYS), "[log.NAME]"), "Logs of servers, followed by `golive tail`."),
    ROLLBACK: Key::new("rollback", Shape::Table(&ROLLBACK_KEYS), "How one goes back to an older release; without it by the `undo` of steps, then the environment's stages for the older commit."),
    SECRET: Key::new("secret", Shape::Map(&Shape::Table(&SECRET_KEYS), "[secret.NAME]"), "Texts that steps need and nobody else may see; NAME is the environment variable that steps find it in."),
});

keys!(
    /// `[project]`.
    PROJECT_KEYS, "[project]", like "[project]", no_choice, later &[], {
    PROJECT_NAME: Key::new("name", Shape::Name, "The project's name.").required(),
});

keys!(
    /// `[release]`.
    RELEASE_KEYS, "[release]", like "[release]", no_choice, later &[], {
    LIVE: Key::new("live", Shape::OrFalse(&Shape::TagName), "The tag that is moved to the commit production runs; false = none.").or("\"LIVE\""),
    TAG: Key::new("tag", Shape::OrFalse(&Shape::TagPattern), "strftime pattern, local time, of the new tag of each production release; false = none.").or("\"DEPLOYED-%F/%H%M\""),
    MATCH: Key::new("match", Shape::TagGlobs, "Tags that are releases as well, made by others: a glob of their names, or a list of globs; `live` never is."),
    REMOTE: Key::new("remote", Shape::OrFalse(&Shape::Name), "The git remote the tags are pushed to; false = they stay local.").or("\"origin\""),
    SIGN: Key::new("sign", Shape::Flag, "Whether the release tag is signed (`git tag -s`).").or("false"),
    VERSION: Key::new("version", Shape::Text, "A command line that prints, on a host, the commit that runs there; it only looks."),
});

keys!(
    /// `[rollback]`.
    ROLLBACK_KEYS, "[rollback]", like "[rollback]", no_choice, later &[], {
    ROLLBACK_STEPS: Key::new("steps", Shape::SomeNames, "Names of steps and groups that are all that is done to go back; absent = the `undo` of steps in reverse, then the environment's stages for the older commit."),
    HELD: Key::new("held", Shape::Text, "A command line that succeeds on a host that still holds the release $GOLIVE_COMMIT; it only looks."),
});

keys!(
    /// `[ssh]`.
    SSH_KEYS, "[ssh]", like "[ssh]", no_choice, later &[], {
    CONFIG: Key::new("config", Shape::Line, "An ssh_config file (`ssh -F`), relative to the project; the environment variable GOLIVE_SSH_CONFIG goes before it."),
    CONNECT_TIMEOUT: Key::new("connect_timeout", Shape::Duration, "How long a connection may take to be made.").or("\"10s\""),
});

keys!(
    /// `[env.NAME]`.
    ENV_KEYS, "an environment", like "[env.NAME]", no_choice, later &[], {
    HOSTS: Key::new("hosts", Shape::Map(&HOST, "{ web = \"deploy@web.example.com\" }"), "Hosts: name = ssh destination, or a table.").required(),
    ENV_VARS: Key::new("vars", Shape::Vars, "Environment variables for every step in this environment."),
    GATE: Key::new("gate", Shape::Word(words::<Gate>), "What passes the pause before this environment; production, prod and live have \"type\" unless they say otherwise, others \"none\"."),
    VIA: Key::new("via", Shape::Word(words::<Via>), "How its hosts are reached.").or("\"ssh\""),
});

/// A host: an ssh destination or a table.
pub(super) static HOST: Shape = Shape::Either(&Shape::Destination, &Shape::Table(&HOST_KEYS));

keys!(
    /// A host that is written as a table.
    HOST_KEYS, "a host", like "{ ssh = \"…\", roles = [\"…\"] }", || vec!["ssh", "dir"], later &[], {
    HOST_SSH: Key::new("ssh", Shape::Destination, "Its ssh destination."),
    HOST_DIR: Key::new("dir", Shape::Line, "With `via = \"local\"`: the folder on this machine that plays the host's home, relative to the project."),
    ROLES: Key::new("roles", Shape::Names, "The roles it plays; without this key it plays every role."),
    HOST_VARS: Key::new("vars", Shape::Vars, "Environment variables for steps on this host."),
});

/// The keys that every kind of step may have.
macro_rules! step_keys {
    ($($name:ident: $key:expr,)*) => {
        $(pub(super) static $name: Key = $key;)*
        /// `[step.NAME]`: the keys of the kinds, then those for every kind.
        pub static STEP_KEYS: Keys = Keys {
            title: "a step",
            like: "[step.NAME]",
            keys: || {
                let mut keys: Vec<&'static Key> = KINDS.iter().map(|row| &row.key).collect();
                keys.extend([$(&$name),*]);
                keys
            },
            one_of: || KINDS.iter().map(|row| row.key.name).collect(),
            later: &["copy", "http", "ansible", "wait", "tty"],
        };
    };
}

step_keys! {
    ABOUT: Key::new("about", Shape::Line, "One line for people; without it the command itself."),
    ON: Key::new("on", Shape::NameOrNames, "\"local\", \"all\", a role, a host name, or a list of roles and host names.").or("\"local\""),
    ONCE: Key::new("once", Shape::Flag, "On the first matching host only, once per run.").or("false"),
    NEEDS: Key::new("needs", Shape::Names, "Steps of the stage that must have ended first; absent = the step before it in the list (a `tag` step: all before it), [] = none."),
    VARS: Key::new("vars", Shape::Vars, "More environment variables."),
    SECRETS: Key::new("secrets", Shape::SomeNames, "Names of secrets that this step finds in its environment, and no other."),
    CWD: Key::new("cwd", Shape::Line, "Working directory; absent = the project (this machine) or the home folder (hosts)."),
    TIMEOUT: Key::new("timeout", Shape::Duration, "Time limit, enforced where the step runs, also while the console is away."),
    RETRY: Key::new("retry", Shape::Count(0, 100), "Automatic attempts after a failure; never after an unknown outcome.").or("0"),
    RETRY_DELAY: Key::new("retry_delay", Shape::Duration, "The pause before each of them.").or("\"2s\""),
    QUIET: Key::new("quiet", Shape::Duration, "Warn on screen when the step printed nothing for this long.").or("\"5m\""),
    IDEMPOTENT: Key::new("idempotent", Shape::Flag, "May be started again without asking when its outcome is unknown.").or("false"),
    PHASE: Key::new("phase", Shape::Word(words::<Phase>), "Whether users can notice it.").or("\"activate\""),
    DOWNTIME: Key::new("downtime", Shape::Word(words::<Downtime>), "Its part in the service being down."),
    TAKES: Key::new("takes", Shape::Duration, "An estimate, used until there is history."),
    PARALLEL: Key::new("parallel", Shape::Count(1, 1000), "How many hosts at once; absent = all."),
    UNDO: Key::new("undo", Shape::Text, "The command line that takes the step back, where it ran; a rollback runs it with the GOLIVE_RUN and GOLIVE_COMMIT of the release that is left."),
    WHEN: Key::new("when", Shape::Table(&WHEN_KEYS), "Runs only under this condition."),
    PROOF: Key::new("proof", Shape::Regex, "Regular expression over the output; named groups of the last match are kept as evidence."),
    ON_FAILURE: Key::new("on_failure", Shape::Word(words::<OnFailure>), "What happens when it has failed and its retries are used up.").or("\"ask\""),
}

keys!(
    /// `when = { … }` of a step.
    WHEN_KEYS, "`when`", like "{ changed = [\"*/migrations/*\"] }", no_choice, later &[], {
    CHANGED: Key::new("changed", Shape::Globs, "Only if one of these paths differs from LIVE.").required(),
});

keys!(
    /// `[[stage]]`.
    STAGE_KEYS, "a stage", like "[[stage]]", no_choice, later &["rolling"], {
    STAGE_NAME: Key::new("name", Shape::Line, "The stage's name.").required(),
    STAGE_ENV: Key::new("env", Shape::Name, "Its environment; absent = this machine only."),
    STEPS: Key::new("steps", Shape::SomeNames, "Names of steps and groups, in order.").required(),
    ORDER: Key::new("order", Shape::Word(words::<Order>), "How its steps go through the hosts.").or("\"lockstep\""),
});

keys!(
    /// `[log.NAME]`.
    LOG_KEYS, "a log", like "[log.NAME]", || vec!["run", "file"], later &[], {
    LOG_RUN: Key::new("run", Shape::Text, "A command line on the host whose output is followed; it is started again when it ends."),
    LOG_FILE: Key::new("file", Shape::Line, "A file on the host that is followed, also when it is rotated; relative to the home folder."),
    LOG_ON: Key::new("on", Shape::NameOrNames, "\"all\", a role, a host name, or a list of roles and host names.").required(),
});

keys!(
    /// `[secret.NAME]`.
    SECRET_KEYS, "a secret", like "[secret.NAME]", || vec!["env", "command", "file", "ask"], later &[], {
    SECRET_ENV: Key::new("env", Shape::Line, "The environment variable of golive itself that holds it."),
    SECRET_COMMAND: Key::new("command", Shape::Text, "A command line on this machine, run in the project, whose output it is; one line end behind it is dropped."),
    SECRET_FILE: Key::new("file", Shape::Line, "The file that holds it, relative to the project; one line end behind it is dropped."),
    SECRET_ASK: Key::new("ask", Shape::True, "The operator is asked for it when a run begins, and when it is resumed."),
});

/// Every key of the file, of every table.
pub fn every_key() -> Vec<&'static Key> {
    let tables = [
        &FILE,
        &PROJECT_KEYS,
        &RELEASE_KEYS,
        &ROLLBACK_KEYS,
        &SSH_KEYS,
        &ENV_KEYS,
        &HOST_KEYS,
        &STEP_KEYS,
        &WHEN_KEYS,
        &STAGE_KEYS,
        &LOG_KEYS,
        &SECRET_KEYS,
    ];
    tables.iter().flat_map(|table| (table.keys)()).collect()
}
