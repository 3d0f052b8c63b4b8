//! Secrets: texts that steps need and nobody else may see.
//!
//! [`Secret`] holds a value and shows it to nobody: not to `Debug`, not to `Display`, not to serde. Where it comes from
//! ([`SecretSource`]) is plain data, part of the checklist and of the plan. Nothing here reads a source.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::SecretName;

/// Shorter secrets are refused: masking them would mask half of every log (design/5, Hostile and broken input).
pub const SHORTEST: usize = 8;

/// Longer secrets are refused: no process can be given them as an environment variable everywhere.
pub const LONGEST: usize = 64 * 1024;

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
    /// Too long for an environment variable.
    #[error("it is longer than {} KiB: no step could be given it", LONGEST / 1024)]
    Long,
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
        if value.len() > LONGEST {
            return Err(BadSecret::Long);
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

/// A secret while it is typed. Shows nothing to `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Concealed(pub String);

impl fmt::Debug for Concealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Concealed(********)")
    }
}

/// The values of secrets by name: the one place in memory that holds them. Cheap to clone; shows nothing to anybody.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Vault(Arc<BTreeMap<SecretName, Secret>>);

impl Vault {
    /// Whether it holds no value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it holds the value of this secret.
    pub fn has(&self, name: &SecretName) -> bool {
        self.0.contains_key(name)
    }

    /// Every value with its name, in the order of the names.
    pub fn each(&self) -> impl Iterator<Item = (&SecretName, &Secret)> {
        self.0.iter()
    }

    /// The same with one more value; one of the same name is replaced.
    pub fn put(&mut self, name: SecretName, secret: Secret) {
        Arc::make_mut(&mut self.0).insert(name, secret);
    }

    /// The values of these secrets only; a name without a value is an error that tells it.
    pub fn only(&self, names: &[SecretName]) -> Result<Self, SecretName> {
        let mut some = Self::default();
        for name in names {
            let secret = self.0.get(name).ok_or_else(|| name.clone())?;
            some.put(name.clone(), secret.clone());
        }
        Ok(some)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_to_nobody() {
        let mut vault = Vault::default();
        vault.put(
            SecretName::new("TOKEN"),
            Secret::new(b"correct horse".to_vec()).unwrap(),
        );
        let shown = format!("{vault:?} {:?}", vault.each().collect::<Vec<_>>());
        assert!(
            shown.contains("TOKEN") && !shown.contains("correct"),
            "{shown}"
        );
    }

    #[test]
    fn what_cannot_be_masked_or_carried_is_refused() {
        assert_eq!(Secret::new(b"short".to_vec()), Err(BadSecret::Short));
        assert_eq!(Secret::new(b"nul\0 inside".to_vec()), Err(BadSecret::Nul));
        assert_eq!(
            Secret::new(b"\xff\xfe not text".to_vec()),
            Err(BadSecret::NotText)
        );
        assert_eq!(Secret::new(vec![b'a'; LONGEST + 1]), Err(BadSecret::Long));
        assert!(Secret::new("päßwörd".into()).is_ok());
    }
}
