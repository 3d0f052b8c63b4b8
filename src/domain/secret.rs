//! Secrets: texts that steps need and nobody else may see.
//!
//! [`Secret`] holds a value and shows it to nobody: not to `Debug`, not to `Display`, not to serde. Where it comes from
//! ([`SecretSource`]) is plain data, part of the checklist and of the plan. Nothing here reads a source.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Shorter secrets are refused: masking them would mask half of every log (design/5, Hostile and broken input).
pub const SHORTEST: usize = 8;

/// Where the value of a secret comes from: the table `[secret.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// An environment variable of golive itself.
    Env(String),
    /// The output of a command line on this machine, run in the project's folder; one newline at its end is dropped.
    Command(String),
    /// A file, relative to the project's folder; one newline at its end is dropped.
    File(String),
    /// The operator is asked.
    Ask,
}

/// The value of a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// Why a text cannot be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// Too short to be masked.
    #[error("it is shorter than {SHORTEST} bytes: golive could not mask it in logs")]
    Short,
    /// No environment variable can hold it.
    #[error("it holds a NUL byte")]
    Nul,
    /// No shell can carry it.
    #[error("it is not UTF-8")]
    NotText,
}

impl Secret {
    /// Takes a value as it is.
    pub fn new(value: Vec<u8>) -> Result<Self, BadSecret> {
        if value.contains(&0) {
            return Err(BadSecret::Nul);
        }
        if std::str::from_utf8(&value).is_err() {
            return Err(BadSecret::NotText);
        }
        if value.len() < SHORTEST {
            return Err(BadSecret::Short);
        }
        Ok(Self(value))
    }

    /// The value, for the launcher's payload and for the mask only.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(********)")
    }
}
