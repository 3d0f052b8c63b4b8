//! The hosts' part in a lock: each is asked with a time limit, in the order of names.
//!
//! A host that nothing runs on is waited for a few seconds only. What a request came to is told as an [`Outcome`]; what
//! that means for the lock as a whole is decided by `super`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use super::Keepers;
use crate::domain::id::{EnvName, HostName, LockId};
use crate::domain::lock::{Busy, Grant, Holder, KeptAt};
use crate::edge::launcher::lock::{BadLockId, Held, Kept};
use crate::edge::launcher::{LockAnswer, LockRequest};
use crate::port::LaunchError;

/// How long a host is waited for that need not answer.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long a host is waited for that has to answer.
const LIMIT: Duration = Duration::from_secs(45);
/// How long a host that had to answer is asked to give the lock back: a connection that froze is noticed and made again
/// within that.
const PARTING: Duration = Duration::from_secs(24);
/// The pause before a host is asked again to give a lock back.
const PAUSE: Duration = Duration::from_millis(500);

/// What taking the lock on one host came to.
pub(super) enum Outcome {
    /// It is held there.
    Taken(Kept),
    /// Somebody else has it.
    Busy(Held),
    /// It did not answer, and need not.
    Silent(String),
    /// It did not answer, or refused.
    Failed(LaunchError),
}

impl Outcome {
    /// Whether this call may have taken it there.
    pub(super) fn is_fresh(&self) -> bool {
        match self {
            Self::Taken(kept) => kept.fresh,
            Self::Busy(_) => false,
            Self::Silent(_) | Self::Failed(_) => true,
        }
    }

    /// Whether this host says who has the lock.
    fn arbitrates(&self) -> bool {
        !matches!(self, Self::Silent(_))
    }
}

impl Keepers {
    /// Takes the lock on every host of the environment: on the first that answers alone, then on the rest at once.
    /// When the first does not give it the rest is not asked. Hosts of `spare` need not answer.
    pub(super) async fn take_hosts(
        &self,
        env: &EnvName,
        holder: &Holder,
        steal: Option<&LockId>,
        spare: &BTreeSet<HostName>,
    ) -> Result<Vec<(HostName, Outcome)>, LaunchError> {
        let lock = (self.project.as_str(), env);
        let request = LockRequest::take(lock, holder, steal).map_err(|bad| refused(env, bad))?;
        let mut outcomes = Vec::new();
        let hosts = self.hosts.get(env).into_iter().flatten();
        let mut hosts = hosts.map(|(host, needed)| (host, *needed && !spare.contains(host)));
        for (host, needed) in hosts.by_ref() {
            let outcome = self.take_on(env, host, needed, &request).await;
            let arbitrates = outcome.arbitrates();
            let is_taken = matches!(outcome, Outcome::Taken(_));
            outcomes.push((host.clone(), outcome));
            if arbitrates && !is_taken {
                return Ok(outcomes);
            }
            if arbitrates {
                break;
            }
        }
        let rest = hosts.map(|(host, needed)| {
            let request = &request;
            async move { (host.clone(), self.take_on(env, host, needed, request).await) }
        });
        outcomes.extend(join_all(rest).await);
        Ok(outcomes)
    }

    async fn take_on(
        &self,
        env: &EnvName,
        host: &HostName,
        needed: bool,
        request: &LockRequest,
    ) -> Outcome {
        let limit = if needed { LIMIT } else { PATIENCE };
        match self.ask(env, host, request, limit).await {
            Ok(LockAnswer::Taken(kept)) => Outcome::Taken(kept),
            Ok(LockAnswer::Busy(held)) => Outcome::Busy(held),
            Ok(LockAnswer::Free | LockAnswer::Done) => Outcome::Failed(silent(host, limit)),
            Err(error) if needed => Outcome::Failed(error),
            Err(error) => Outcome::Silent(error.why().to_owned()),
        }
    }

    /// Gives the lock back on these hosts where this id has it. Returns those that could not be told, and why.
    pub(super) async fn free_hosts(
        &self,
        env: &EnvName,
        lock: &LockId,
        hosts: impl Iterator<Item = &HostName>,
    ) -> BTreeMap<String, String> {
        let request = match LockRequest::free((&self.project, env), lock) {
            Ok(request) => request,
            Err(bad) => return [(env.to_string(), bad.to_string())].into(),
        };
        let told = hosts.map(|host| {
            let request = &request;
            async move {
                let why = self.free_on(env, host, request).await.err()?;
                Some((host.to_string(), why.why().to_owned()))
            }
        });
        join_all(told).await.into_iter().flatten().collect()
    }

    async fn free_on(
        &self,
        env: &EnvName,
        host: &HostName,
        request: &LockRequest,
    ) -> Result<(), LaunchError> {
        let of_env = self.hosts.get(env);
        let needed = of_env.and_then(|hosts| hosts.get(host)) == Some(&true);
        let most = if needed { PARTING } else { PATIENCE };
        let patience = Instant::now() + most;
        loop {
            let left = patience.saturating_duration_since(Instant::now());
            // What just ended may have left a connection that broke or froze unnoticed.
            let answer = async {
                self.sites.freshen(env, host).await;
                self.sites.lock(env, host, request.clone()).await
            };
            let answer = timeout(left.min(PATIENCE), answer).await;
            match answer.unwrap_or_else(|_| Err(silent(host, most))) {
                // A connection that just broke is made again within seconds.
                Err(LaunchError::Unreachable { .. }) if Instant::now() + PAUSE < patience => {
                    sleep(PAUSE).await;
                }
                answer => return answer.map(|_| ()),
            }
        }
    }

    /// Tells the hosts of a grant that its holder is alive; `Some` = it is the holder no more on one of them.
    pub(super) async fn beat_hosts(
        &self,
        env: &EnvName,
        lock: &LockId,
        grant: &Grant,
    ) -> Result<Option<String>, LaunchError> {
        let request = LockRequest::beat((&self.project, env), lock);
        let request = request.map_err(|bad| refused(env, bad))?;
        let asked = grant.epochs.iter().map(|(host, epoch)| {
            let request = &request;
            async move {
                let answer = self.ask(env, host, request, LIMIT).await?;
                Ok(match answer {
                    LockAnswer::Busy(held) if held.id == *lock && held.epoch == *epoch => None,
                    LockAnswer::Busy(held) if held.id == *lock => {
                        Some(format!("the lock was taken over on {host} meanwhile"))
                    }
                    LockAnswer::Busy(held) => Some(told(&busy_at(host, &held))),
                    _ => Some(format!("the lock was released on {host}")),
                })
            }
        });
        let mut failed = None;
        for answer in join_all(asked).await {
            match answer {
                Ok(Some(lost)) => return Ok(Some(lost)),
                Ok(None) => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// What each host says of the lock.
    pub(super) async fn look_at_hosts(&self, env: &EnvName) -> Vec<(String, KeptAt)> {
        let request = LockRequest::look((&self.project, env));
        let hosts = self.hosts.get(env).into_iter().flat_map(BTreeMap::keys);
        let asked = hosts.map(|host| {
            let request = &request;
            async move {
                let kept = match self.ask(env, host, request, PATIENCE).await {
                    Ok(LockAnswer::Busy(held)) => KeptAt::Held(busy_at(host, &held)),
                    Ok(_) => KeptAt::Free,
                    Err(error) => KeptAt::Unknown(error.why().to_owned()),
                };
                (host.to_string(), kept)
            }
        });
        join_all(asked).await
    }

    async fn ask(
        &self,
        env: &EnvName,
        host: &HostName,
        request: &LockRequest,
        limit: Duration,
    ) -> Result<LockAnswer, LaunchError> {
        let answer = self.sites.lock(env, host, request.clone());
        timeout(limit, answer)
            .await
            .unwrap_or_else(|_| Err(silent(host, limit)))
    }
}

fn silent(host: &HostName, limit: Duration) -> LaunchError {
    LaunchError::Unreachable {
        place: host.to_string(),
        why: format!("it did not answer in {} s", limit.as_secs().max(1)),
        help: None,
    }
}

fn refused(env: &EnvName, bad: BadLockId) -> LaunchError {
    LaunchError::Refused {
        place: env.to_string(),
        why: bad.to_string(),
        help: None,
    }
}

/// What a host said, with its name.
pub(super) fn busy_at(host: &HostName, held: &Held) -> Busy {
    Busy {
        place: host.to_string(),
        id: held.id.clone(),
        holder: held.holder.clone(),
        beat_s: held.beat_s,
    }
}

/// Says who took a lock over.
pub(super) fn told(busy: &Busy) -> String {
    match &busy.holder {
        Some(holder) => format!(
            "{} took the lock over at {}",
            holder.by,
            holder.since.format("%Y-%m-%d %H:%M")
        ),
        None => format!("somebody took the lock over: {}", busy.id),
    }
}
