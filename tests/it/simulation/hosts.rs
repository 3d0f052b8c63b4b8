//! Hosts as the launcher leaves them: claims of attempts, their scripts and output, epochs of locks.
//!
//! Faithful to `launcher.sh` where it matters: a claim is exclusive and for ever, the boot is looked at before
//! anything else, an attempt is linked into the open epoch before it is claimed, a taker makes void what was linked
//! and not claimed, and waits for what runs. A power cut can lose a claim that was not synced. Taking an epoch is
//! taken to be synced.

use std::collections::BTreeMap;

use golive::domain::action::Ending;
use golive::domain::id::EnvName;

/// The name of an attempt: operator, place of the task in the plan, number of the try.
pub(super) type Key = (usize, usize, u32);

/// Where a claimed attempt stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Life {
    /// Its script runs under its supervisor.
    Running,
    /// Its script runs, its supervisor is gone.
    Orphan,
    /// It ended, and that is recorded.
    Over(Ending),
    /// It never ran and never will.
    Void,
    /// Its end was not recorded.
    Lost(&'static str),
}

impl Life {
    /// Whether its script runs.
    pub(super) fn is_alive(&self) -> bool {
        matches!(self, Self::Running | Self::Orphan)
    }
}

/// A claimed attempt.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) life: Life,
    /// The environment it belongs to.
    pub(super) env: Option<EnvName>,
    /// All it printed.
    pub(super) out: Vec<u8>,
    /// Bytes it has still to print.
    pub(super) left: usize,
    /// How it will end by itself.
    pub(super) ending: Ending,
    /// It was asked to end.
    pub(super) is_cancelled: bool,
}

/// An epoch of a lock on one host.
#[derive(Debug, Clone)]
pub(super) struct Epoch {
    pub(super) number: u64,
    /// The operator who opened it.
    pub(super) holder: usize,
    pub(super) is_open: bool,
    /// Attempts that were linked into it, and the host they run on.
    pub(super) linked: Vec<(Key, usize)>,
}

/// One host, or a machine of an operator.
#[derive(Debug, Clone, Default)]
pub(super) struct Host {
    pub(super) boot: u32,
    pub(super) claims: BTreeMap<Key, Claim>,
    pub(super) locks: BTreeMap<EnvName, Vec<Epoch>>,
}

impl Host {
    /// The open epoch of an environment.
    pub(super) fn open(&mut self, env: &EnvName) -> Option<&mut Epoch> {
        let epochs = self.locks.get_mut(env)?;
        epochs.iter_mut().find(|epoch| epoch.is_open)
    }

    /// The number of the epoch that an operator holds.
    pub(super) fn held_by(&self, env: &EnvName, operator: usize) -> Option<u64> {
        let epochs = self.locks.get(env)?;
        let held = |epoch: &&Epoch| epoch.is_open && epoch.holder == operator;
        epochs.iter().find(held).map(|epoch| epoch.number)
    }

    /// Opens the next epoch.
    pub(super) fn begin_epoch(&mut self, env: &EnvName, holder: usize) {
        let epochs = self.locks.entry(env.clone()).or_default();
        let number = epochs.last().map_or(1, |last| last.number + 1);
        epochs.push(Epoch {
            number,
            holder,
            is_open: true,
            linked: Vec::new(),
        });
    }

    /// Closes the open epoch when this operator has it.
    pub(super) fn end_epoch(&mut self, env: &EnvName, holder: usize) {
        if let Some(open) = self.open(env).filter(|open| open.holder == holder) {
            open.is_open = false;
        }
    }

    /// Links an attempt into an epoch; `false` = it is not open any more.
    pub(super) fn link(&mut self, env: &EnvName, number: u64, key: Key, on: usize) -> bool {
        let epochs = self.locks.get_mut(env);
        let epoch = epochs.and_then(|all| all.iter_mut().find(|epoch| epoch.number == number));
        let Some(epoch) = epoch.filter(|epoch| epoch.is_open) else {
            return false;
        };
        if !epoch.linked.contains(&(key, on)) {
            epoch.linked.push((key, on));
        }
        true
    }

    /// What runs that was begun in closed epochs. What was linked and not claimed is made void.
    pub(super) fn settle_closed(&mut self, env: &EnvName, own: usize) -> Vec<Key> {
        let epochs = self.locks.get(env).into_iter().flatten();
        let closed = epochs.filter(|epoch| !epoch.is_open);
        let linked: Vec<Key> = closed
            .flat_map(|epoch| &epoch.linked)
            .filter(|(_, on)| *on == own)
            .map(|(key, _)| *key)
            .collect();
        let mut remains = Vec::new();
        for key in linked {
            match self.claims.get(&key) {
                None => self.void(key),
                Some(claim) if claim.life.is_alive() => remains.push(key),
                Some(_) => {}
            }
        }
        remains
    }

    /// Takes the claim of an attempt, so that it never runs.
    pub(super) fn void(&mut self, key: Key) {
        self.claims.entry(key).or_insert(Claim {
            life: Life::Void,
            env: None,
            out: Vec::new(),
            left: 0,
            ending: Ending::Cancelled,
            is_cancelled: false,
        });
    }

    /// Asks an attempt to end; one that never ran never will.
    pub(super) fn cancel(&mut self, key: Key) {
        match self.claims.get_mut(&key) {
            None => self.void(key),
            Some(claim) if claim.life.is_alive() => claim.is_cancelled = true,
            Some(_) => {}
        }
    }
}
