//! The lock of an environment: who holds it, and what taking it came to.
//!
//! One lock per environment, kept on every host of it and, where a git remote exists, in a ref there (design/5).
//! Plain data: how a lock is taken is the business of `edge`, when it is taken that of `run`. No clock decides
//! anything here; times are for people.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::id::{EnvName, HostName, LockId, RunId};

/// Who holds a lock. It travels to the hosts and the remote, and is shown to whoever meets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The lock's id.
    pub id: LockId,
    /// Who: `user@machine`.
    pub by: String,
    /// The run it is held for; `None` = it was taken by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Since when, by the holder's clock.
    pub since: DateTime<FixedOffset>,
    /// Why, when a reason was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What taking a lock came to where it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Grant {
    /// The epoch on each host that keeps it: tasks are launched there only while it is open.
    #[serde(default)]
    pub epochs: BTreeMap<HostName, u64>,
    /// The remote that keeps it as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// Where it could not be taken without anybody holding it, and why: a host the run does not touch, the remote.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub without: BTreeMap<String, String>,
}

/// Somebody else has the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy {
    /// Where that was seen: a host's name, or the remote's.
    pub place: String,
    /// The id that `--steal` names.
    pub id: LockId,
    /// Who; `None` = its record is not written yet, or cannot be read.
    pub holder: Option<Holder>,
    /// Seconds since the holder was last heard of there; `None` = not known.
    pub beat_s: Option<u64>,
}

/// What one place says about the lock of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptAt {
    /// Nobody holds it.
    Free,
    /// Somebody does.
    Held(Busy),
    /// The place cannot be asked; the text says why.
    Unknown(String),
}

/// The lock of an environment as its places tell it, in their order: the remote first, then hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockView {
    /// The environment.
    pub env: EnvName,
    /// Each place and what it says.
    pub places: Vec<(String, KeptAt)>,
}

impl LockView {
    /// Who holds it, as the first place that knows tells it; `None` = nobody, as far as places could be asked.
    pub fn held(&self) -> Option<&Busy> {
        self.places.iter().find_map(|(_, kept)| match kept {
            KeptAt::Held(busy) => Some(busy),
            _ => None,
        })
    }
}

/// Attempts of a former holder that still run, or may: the new one waits for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remains {
    /// The host.
    pub host: HostName,
    /// Their names there.
    pub attempts: Vec<String>,
}
