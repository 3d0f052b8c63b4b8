//! The locks of environments, kept on their hosts and in a ref of the remote.
//!
//! [`Keepers`] asks every place that keeps the lock of an environment, in one order for everybody: the remote, then
//! the hosts by name, the first alone. Whoever gets the first gets the rest, so that two who ask at once never hold a
//! half each. `hosts` asks the hosts, `remote` the remote. Nothing here decides when a lock is taken, and no clock
//! decides who has it. What other people wrote into a lock is passed on as it is: faces escape it.

mod hosts;
mod remote;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use self::hosts::{Outcome, busy_at};
use self::remote::{Remote, Taken};
use crate::domain::id::{EnvName, HostName, LockId};
use crate::domain::lock::{Busy, Grant, Holder, KeptAt, LockView, Remains};
use crate::domain::plan::{Plan, PlannedHost};
use crate::edge::git::Git;
use crate::edge::launcher::lock::Kept;
use crate::edge::ssh::Sites;
use crate::port::{LaunchError, Locks, Taking};

/// Everything that keeps the locks of a project's environments.
pub struct Keepers {
    sites: Arc<Sites>,
    project: String,
    /// The hosts of each environment; `true` = it has to answer, `false` = it is only noted when it does not.
    hosts: BTreeMap<EnvName, BTreeMap<HostName, bool>>,
    remote: Option<Remote>,
    /// Places that could not keep a lock that this process took.
    without: Mutex<BTreeMap<EnvName, BTreeSet<String>>>,
}

/// What one call took, to be given back when it does not get everything.
#[derive(Default)]
struct Fresh {
    remote: bool,
    hosts: Vec<HostName>,
}

impl Keepers {
    /// The keepers of a project's locks. `hosts` have to answer when a lock is taken; `others` are noted when they do
    /// not. Both have to be among the places of `sites`. `git` is the repository whose `remote` keeps locks as well.
    pub fn new(
        sites: Arc<Sites>,
        project: &str,
        (hosts, others): (&[PlannedHost], &[PlannedHost]),
        git: Git,
        remote: Option<&str>,
    ) -> Self {
        let mut kept: BTreeMap<EnvName, BTreeMap<HostName, bool>> = BTreeMap::new();
        let all = others.iter().map(|host| (host, false));
        for (host, needed) in all.chain(hosts.iter().map(|host| (host, true))) {
            let of_env = kept.entry(host.env.clone()).or_default();
            of_env.insert(host.name.clone(), needed);
        }
        Self {
            sites,
            project: project.to_owned(),
            hosts: kept,
            remote: remote.map(|remote| Remote::new(git, remote)),
            without: Mutex::default(),
        }
    }

    /// The keepers of the locks of a plan's environments. Makes its other hosts places of `sites` too.
    pub fn of_plan(sites: Arc<Sites>, plan: &Plan) -> Self {
        sites.keep_locks_on(&plan.others);
        let git = Git::new(sites.project());
        let remote = plan.release.remote.as_deref();
        let hosts = (plan.hosts.as_slice(), plan.others.as_slice());
        Self::new(sites, &plan.project, hosts, git, remote)
    }

    /// What the places of an environment's lock say: the remote first, then its hosts by name. Places that do not
    /// answer within seconds are told as unknown. Takes nothing and changes nothing.
    pub async fn look(&self, env: &EnvName) -> LockView {
        let remote = async {
            let remote = self.remote.as_ref()?;
            let kept = match remote.look(env).await? {
                Ok(None) => KeptAt::Free,
                Ok(Some(busy)) => KeptAt::Held(busy),
                Err(why) => KeptAt::Unknown(why),
            };
            Some((remote.name().to_owned(), kept))
        };
        let (remote, hosts) = tokio::join!(remote, self.look_at_hosts(env));
        LockView {
            env: env.clone(),
            places: remote.into_iter().chain(hosts).collect(),
        }
    }

    /// Gives back what a call took that did not get everything.
    async fn give_back(&self, env: &EnvName, lock: &LockId, fresh: &Fresh) {
        self.free_hosts(env, lock, fresh.hosts.iter()).await;
        if let Some(remote) = self.remote.as_ref().filter(|_| fresh.remote) {
            let _ = remote.release(env, lock).await;
        }
    }

    /// What is known only on hosts is added to what the remote says: when its holder was last heard of.
    async fn with_beat(&self, env: &EnvName, mut busy: Busy) -> Busy {
        for (_, kept) in self.look_at_hosts(env).await {
            if let KeptAt::Held(seen) = kept
                && seen.id == busy.id
            {
                busy.beat_s = busy.beat_s.or(seen.beat_s);
                busy.holder = busy.holder.or(seen.holder);
            }
        }
        busy
    }

    fn note_without(&self, env: &EnvName, places: BTreeSet<String>) {
        let mut without = self.without.lock().unwrap_or_else(PoisonError::into_inner);
        without.insert(env.clone(), places);
    }

    fn is_without(&self, env: &EnvName, place: &str) -> bool {
        let without = self.without.lock().unwrap_or_else(PoisonError::into_inner);
        without
            .get(env)
            .is_some_and(|places| places.contains(place))
    }

    /// All hosts hold it, or could not be asked and need not be.
    fn granted(
        &self,
        env: &EnvName,
        outcomes: Vec<(HostName, Outcome)>,
        mut grant: Grant,
        spare: &BTreeSet<HostName>,
    ) -> Taking {
        let mut remains = Vec::new();
        for (host, outcome) in outcomes {
            match outcome {
                Outcome::Taken(kept) => {
                    grant.epochs.insert(host.clone(), kept.epoch);
                    grant.without.extend(far(&kept));
                    if !kept.left.is_empty() {
                        let attempts = kept.left;
                        remains.push(Remains { host, attempts });
                    }
                }
                Outcome::Silent(why) => {
                    grant.without.insert(host.to_string(), why);
                }
                Outcome::Busy(_) | Outcome::Failed(_) => {}
            }
        }
        // A host that was left out may have it from before: it is told when that one cannot be told of the end.
        let spared = |place: &&String| spare.iter().any(|host| host.as_str() == place.as_str());
        let without = grant.without.keys().filter(|place| !spared(place));
        self.note_without(env, without.cloned().collect());
        if remains.is_empty() {
            Taking::Taken(grant)
        } else {
            Taking::Occupied(remains)
        }
    }
}

/// Attempts of a former holder that may still run on its machine.
fn far(kept: &Kept) -> Option<(String, String)> {
    if kept.far.is_empty() {
        return None;
    }
    let by = kept.whose.as_ref().map(|holder| holder.by.as_str());
    let machine = by.map(|by| by.rsplit_once('@').map_or(by, |(_, machine)| machine));
    Some((
        format!("steps on {}", machine.unwrap_or("another machine")),
        format!(
            "{} started there before the lock was taken over, and may still run: {}",
            by.unwrap_or("the former holder"),
            kept.far.join(", ")
        ),
    ))
}

impl Locks for Keepers {
    async fn take(
        &self,
        env: &EnvName,
        holder: &Holder,
        steal: Option<&LockId>,
        spare: &BTreeSet<HostName>,
    ) -> Result<Taking, LaunchError> {
        let mut fresh = Fresh::default();
        let mut grant = Grant::default();
        if let Some(remote) = &self.remote {
            match remote.take(env, holder, steal).await {
                Taken::NoRemote => {}
                Taken::Held(since_now) => {
                    fresh.remote = since_now;
                    grant.remote = Some(remote.name().to_owned());
                }
                Taken::Busy(busy) => {
                    return Ok(Taking::Busy(Box::new(self.with_beat(env, busy).await)));
                }
                Taken::Failed(why, unsure) => {
                    fresh.remote = unsure;
                    grant.without.insert(remote.name().to_owned(), why);
                }
            }
        }
        let outcomes = self.take_hosts(env, holder, steal, spare).await?;
        for (host, outcome) in &outcomes {
            if outcome.is_fresh() {
                fresh.hosts.push(host.clone());
            }
        }
        let mut failed = None;
        for (host, outcome) in &outcomes {
            let stopped = match outcome {
                Outcome::Busy(held) => Ok(Taking::Busy(Box::new(busy_at(host, held)))),
                Outcome::Failed(error) => Err(error.clone()),
                _ => continue,
            };
            // That somebody has it says more than that a host does not answer.
            if failed.as_ref().is_none_or(Result::is_err) {
                failed = Some(stopped);
            }
        }
        if let Some(failed) = failed {
            self.give_back(env, &holder.id, &fresh).await;
            return failed;
        }
        let nobody = grant.remote.is_none()
            && !outcomes
                .iter()
                .any(|(_, outcome)| matches!(outcome, Outcome::Taken(_)));
        match self.granted(env, outcomes, grant, spare) {
            Taking::Taken(grant) if nobody && !grant.without.is_empty() => {
                let whys: Vec<String> = grant
                    .without
                    .iter()
                    .map(|(place, why)| format!("{place}: {why}"))
                    .collect();
                Err(LaunchError::Unreachable {
                    place: env.to_string(),
                    why: format!("no place could keep its lock ({})", whys.join("; ")),
                    help: None,
                })
            }
            taking => Ok(taking),
        }
    }

    async fn beat(
        &self,
        env: &EnvName,
        lock: &LockId,
        grant: &Grant,
    ) -> Result<Option<String>, LaunchError> {
        let remote = async {
            let remote = self.remote.as_ref().filter(|_| grant.remote.is_some())?;
            Some((remote.name(), remote.lost(env, lock).await))
        };
        let (hosts, remote) = tokio::join!(self.beat_hosts(env, lock, grant), remote);
        let on_remote = match remote {
            None => Ok(None),
            Some((name, Ok(lost))) => Ok(lost.map(|busy| match busy {
                Some(busy) => hosts::told(&busy),
                None => format!("the lock was removed from {name}"),
            })),
            Some((name, Err(why))) => Err(LaunchError::Unreachable {
                place: name.to_owned(),
                why,
                help: None,
            }),
        };
        match (hosts, on_remote) {
            (Ok(Some(lost)), _) | (_, Ok(Some(lost))) => Ok(Some(lost)),
            (hosts, on_remote) => hosts.and(on_remote),
        }
    }

    async fn release(&self, env: &EnvName, lock: &LockId) -> BTreeMap<String, String> {
        let hosts = self.hosts.get(env).into_iter().flat_map(BTreeMap::keys);
        let mut left = self.free_hosts(env, lock, hosts).await;
        if let Some(remote) = &self.remote
            && let Err(why) = remote.release(env, lock).await
        {
            left.insert(remote.name().to_owned(), why);
        }
        // Where it was never had it does not stay behind.
        left.retain(|place, _| !self.is_without(env, place));
        left
    }
}
