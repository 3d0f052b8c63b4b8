//! The remote's part in a lock: a ref that changes by compare-and-swap.
//!
//! It is where operators with different hosts meet. It fences nothing: a holder learns with the next beat that it was
//! taken over. A remote that does not answer within seconds, or lets nobody push there, keeps no locks; that is told
//! and holds nobody up.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::id::{EnvName, LockId};
use crate::domain::lock::{Busy, Holder};
use crate::edge::git::lock::{Deadline, LockRef, Swap};
use crate::edge::git::{Git, GitError};
use crate::edge::launcher::lock::{holder_json, read_holder};

/// How long the remote is waited for.
const LIMIT: Duration = Duration::from_secs(10);
/// How often a lock that moves while it is taken is looked at again.
const TRIES: u32 = 5;

/// A remote that keeps locks.
pub(super) struct Remote {
    git: Git,
    name: String,
    /// What this process pushed.
    pushed: Mutex<BTreeMap<EnvName, String>>,
}

/// What taking a lock on the remote came to.
pub(super) enum Taken {
    /// There is no such remote.
    NoRemote,
    /// It is held there; `true` = since now.
    Held(bool),
    /// Somebody else has it.
    Busy(Busy),
    /// It could not be taken; the text says why. `true` = it may be held all the same.
    Failed(String, bool),
}

impl Remote {
    pub(super) fn new(git: Git, name: &str) -> Self {
        Self {
            git,
            name: name.to_owned(),
            pushed: Mutex::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the repository knows the remote. Without a repository there is none.
    async fn exists(&self) -> bool {
        self.git.has_remote(&self.name).await.unwrap_or(false)
    }

    pub(super) async fn take(
        &self,
        env: &EnvName,
        holder: &Holder,
        steal: Option<&LockId>,
    ) -> Taken {
        if !self.exists().await {
            return Taken::NoRemote;
        }
        let deadline = Deadline::after(LIMIT);
        // Most of the time nobody has it: pushed without a look, it costs one connection. Only a lock that is to be taken
        // over, or may be held already, is looked at first.
        let mut seen = None;
        if steal.is_some() || self.known().contains_key(env) {
            seen = match self.git.lock_on(&self.name, env, deadline).await {
                Ok(seen) => seen,
                Err(error) => return Taken::Failed(shown(&error), false),
            };
        }
        let message = holder_json(holder);
        for _ in 0..TRIES {
            if let Some(busy) = seen.as_ref().map(|seen| self.busy(seen)) {
                if busy.id == holder.id {
                    self.note(env, seen.map(|seen| seen.object));
                    return Taken::Held(false);
                }
                if Some(&busy.id) != steal {
                    return Taken::Busy(busy);
                }
            }
            let expected = seen.as_ref().map(|seen| seen.object.as_str());
            let place = (self.name.as_str(), env);
            match self
                .git
                .swap_lock(place, expected, &message, deadline)
                .await
            {
                Ok(Swap::Done(object)) => {
                    self.note(env, object);
                    return Taken::Held(true);
                }
                Ok(Swap::Moved(now)) => seen = now,
                Err(error) => {
                    let unsure = matches!(error, GitError::Slow { .. });
                    return Taken::Failed(shown(&error), unsure);
                }
            }
        }
        Taken::Failed("it changes too often".to_owned(), false)
    }

    /// Who holds it there; `Ok(None)` = nobody, or there is no such remote.
    pub(super) async fn look(&self, env: &EnvName) -> Option<Result<Option<Busy>, String>> {
        if !self.exists().await {
            return None;
        }
        let deadline = Deadline::after(LIMIT);
        let seen = self.git.lock_on(&self.name, env, deadline).await;
        Some(
            seen.map(|seen| seen.map(|seen| self.busy(&seen)))
                .map_err(|error| shown(&error)),
        )
    }

    /// Gives the lock back when this id has it.
    pub(super) async fn release(&self, env: &EnvName, lock: &LockId) -> Result<(), String> {
        if !self.exists().await {
            return Ok(());
        }
        let deadline = Deadline::after(LIMIT);
        let told = |error: GitError| shown(&error);
        let place = (self.name.as_str(), env);
        let pushed = self.known().remove(env);
        let mut object = match pushed {
            Some(object) => object,
            None => match self
                .git
                .lock_on(&self.name, env, deadline)
                .await
                .map_err(told)?
            {
                Some(seen) if self.busy(&seen).id == *lock => seen.object,
                _ => return Ok(()),
            },
        };
        loop {
            let dropped = self.git.drop_lock(place, &object, deadline).await;
            match dropped.map_err(told)? {
                Swap::Moved(Some(seen)) if self.busy(&seen).id == *lock => object = seen.object,
                Swap::Done(_) | Swap::Moved(_) => return Ok(()),
            }
        }
    }

    /// Who has it instead of this id; `None` = this id has it.
    pub(super) async fn lost(
        &self,
        env: &EnvName,
        lock: &LockId,
    ) -> Result<Option<Option<Busy>>, String> {
        let deadline = Deadline::after(LIMIT);
        let told = |error: GitError| shown(&error);
        let place = (self.name.as_str(), env);
        let pushed = self.known().get(env).cloned();
        if let Some(object) = pushed {
            let stands = self.git.lock_stands_at(place, &object, deadline).await;
            if stands.map_err(told)? {
                return Ok(None);
            }
        }
        let seen = self.git.lock_on(&self.name, env, deadline).await;
        Ok(match seen.map_err(told)? {
            None => Some(None),
            Some(seen) => {
                let busy = self.busy(&seen);
                if busy.id == *lock {
                    self.note(env, Some(seen.object));
                    None
                } else {
                    Some(Some(busy))
                }
            }
        })
    }

    fn busy(&self, seen: &LockRef) -> Busy {
        let holder = read_holder(seen.message.as_bytes());
        let unread = || LockId::new(format!("ref-{}", &seen.object[..12]));
        Busy {
            place: self.name.clone(),
            id: holder
                .as_ref()
                .map_or_else(unread, |holder| holder.id.clone()),
            holder,
            beat_s: None,
        }
    }

    fn note(&self, env: &EnvName, object: Option<String>) {
        match object {
            Some(object) => self.known().insert(env.clone(), object),
            None => self.known().remove(env),
        };
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<EnvName, String>> {
        self.pushed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What git said, in one line.
fn shown(error: &GitError) -> String {
    let GitError::Failed { why, .. } = error else {
        return error.to_string();
    };
    let lines: Vec<&str> = why.lines().map(str::trim).collect();
    let refused = lines.iter().find(|line| line.starts_with("! ["));
    let said = lines
        .iter()
        .find(|line| line.starts_with("remote:") || line.starts_with("fatal:"));
    let line = refused.or(said).or(lines.first()).copied();
    let line = line.unwrap_or_default().trim_start_matches("! ");
    let words: Vec<&str> = line.split_whitespace().collect();
    words.join(" ").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_remote_refuses_is_told_in_one_line() {
        let failed = |why: &str| {
            shown(&GitError::Failed {
                command: "push".to_owned(),
                why: why.to_owned(),
            })
        };
        let hook = "remote: not allowed here\nTo /srv/x.git\n ! [remote rejected] 12ab -> refs/golive/lock/live (pre-receive hook declined)\nerror: failed to push some refs";
        assert!(failed(hook).contains("pre-receive hook declined"));
        assert_eq!(
            failed("fatal: could not read from it\n\nmore"),
            "fatal: could not read from it"
        );
        assert_eq!(failed(""), "");
    }
}
