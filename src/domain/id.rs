//! Names and numbers that identify things: steps, hosts, stages, runs, tasks, attempts, commits.
//!
//! Every identifier is its own type, so that a host can never be passed where a step is meant.
//! Names come from `releases.toml` and reach file names, shell variables and the screen; `Name::check`
//! holds the one rule for all of them. Nothing here knows where an identifier is used.

use std::fmt;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

/// Why a text cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// The text is empty.
    #[error("a name cannot be empty")]
    Empty,
    /// The text is longer than [`LONGEST_NAME`] bytes.
    #[error("a name has at most {LONGEST_NAME} characters")]
    TooLong,
    /// The text starts with a sign that programs take for an option or a hidden file.
    #[error("a name starts with a letter, a digit or `_`")]
    Start,
    /// The text holds a character that names do not have.
    #[error("`{0}` cannot be part of a name: use letters, digits, `-`, `_` and `.`")]
    Character(char),
}

/// The longest name in bytes: it becomes part of file names, with other names beside it.
pub const LONGEST_NAME: usize = 64;

/// Checks that `text` can be a name of a step, host, role or environment.
///
/// The rule keeps names safe as file names, ssh arguments and parts of a task id.
pub fn check_name(text: &str) -> Result<(), BadName> {
    let first = text.chars().next().ok_or(BadName::Empty)?;
    if text.len() > LONGEST_NAME {
        return Err(BadName::TooLong);
    }
    if !(first.is_ascii_alphanumeric() || first == '_') {
        return Err(BadName::Start);
    }
    match text
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
    {
        Some(c) => Err(BadName::Character(c)),
        None => Ok(()),
    }
}

/// Turns a free text into lower-case kebab case, as it stands in task ids: `Go live!` → `go-live`.
///
/// Returns an empty text when nothing of it can stay.
pub fn kebab(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct $type(String);

        impl $type {
            /// Takes a text as it is. Texts of people are checked with [`check_name`] where they are read.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

name!(
    /// The name of a step, the key after `step.` in `releases.toml`.
    StepName
);
name!(
    /// The name of a host, the key in an environment's `hosts`.
    HostName
);
name!(
    /// The name of a role, a set of hosts (`web`, `db`).
    RoleName
);
name!(
    /// The name of an environment, the key after `env.`.
    EnvName
);
name!(
    /// The name of a stage as people wrote it; may hold spaces. See [`kebab`] for its form in ids.
    StageName
);
name!(
    /// The name of a source of logs, the key after `log.`.
    LogName
);
name!(
    /// The name of a secret, the key after `secret.`: the environment variable that steps find it in.
    SecretName
);
name!(
    /// A run's id: the local time it was made and two random letters, `20261120-2012-k3`.
    RunId
);
name!(
    /// The id of a lock: short, random, made by its holder, the same everywhere the lock is kept.
    LockId
);
name!(
    /// A task's id: `stage/step@site` in lower-case kebab case, site = host name or `local`.
    TaskId
);
name!(
    /// A commit's full hash, lower-case hexadecimal.
    Commit
);

impl StageName {
    /// The stage's part of a task id: lower-case kebab case.
    pub fn slug(&self) -> String {
        kebab(self.as_str())
    }
}

impl RunId {
    /// Makes an id from the time a run is made and two random bytes that keep ids of one minute apart.
    pub fn make(at: DateTime<FixedOffset>, random: [u8; 2]) -> Self {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let letter = |byte: u8| char::from(LETTERS[usize::from(byte) % LETTERS.len()]);
        Self(format!(
            "{}-{}{}",
            at.format("%Y%m%d-%H%M"),
            letter(random[0]),
            letter(random[1])
        ))
    }
}

impl TaskId {
    /// Makes the id of the task of `step` in the stage with this slug on `site` (a host's name or `local`).
    pub fn of(stage_slug: &str, step: &StepName, site: &str) -> Self {
        Self(format!("{stage_slug}/{step}@{site}").to_lowercase())
    }
}

impl Commit {
    /// The first seven characters, as people read commits.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }

    /// Whether `prefix` (at least four characters, any case) names this commit.
    pub fn matches(&self, prefix: &str) -> bool {
        prefix.len() >= 4 && self.0.starts_with(&prefix.to_ascii_lowercase())
    }
}

/// The number of a try of a task, from 1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Attempt(pub u32);

impl Attempt {
    /// The try after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of a record in a run's journal, from 1, without gaps.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The place after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_programs_take_for_options_are_refused() {
        assert_eq!(check_name("-rf"), Err(BadName::Start));
        assert_eq!(check_name(".ssh"), Err(BadName::Start));
        assert_eq!(check_name("a b"), Err(BadName::Character(' ')));
        assert_eq!(check_name("web-1.example"), Ok(()));
    }

    #[test]
    fn a_task_id_is_kebab_case_with_the_site_behind_it() {
        let stage = StageName::new("Go live!");
        let id = TaskId::of(&stage.slug(), &StepName::new("Code"), "web1");
        assert_eq!(id.as_str(), "go-live/code@web1");
    }

    #[test]
    fn a_commit_is_matched_by_a_prefix_of_four_characters_or_more() {
        let commit = Commit::new("9be0d11aa");
        assert!(commit.matches("9BE0"));
        assert!(!commit.matches("9be"));
        assert!(!commit.matches("9be1"));
    }
}
