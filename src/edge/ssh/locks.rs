//! Locks on hosts: requests about them, and claims of attempts that run on this machine for an environment.
//!
//! A task of this machine that belongs to an environment (ansible, docker over ssh) cannot be fenced where it runs: its
//! attempt is claimed in the open epoch of one of the environment's hosts before it is launched, so that whoever takes
//! the lock over sees it, and after that no other can be. Hosts are asked to say hello before their first request:
//! that installs the launcher.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Found, Site, Sites};
use crate::domain::id::{EnvName, HostName};
use crate::edge::launcher::{self, LockAnswer, LockRequest};
use crate::port::{AttemptKey, Hello, Launch, LaunchError, Launcher, Sink, Standing};

/// How long it may take to tell a host that a claim is not needed any more.
const UNCLAIM_LIMIT: Duration = Duration::from_secs(20);

type Key = (EnvName, HostName);

impl Site {
    async fn lock(&self, request: &LockRequest) -> Result<LockAnswer, LaunchError> {
        match self {
            Self::Folder(folder) => folder.lock(request).await,
            Self::Ssh(host) => launcher::ask_lock(&host.channels(), request).await,
        }
    }

    async fn hello(&self) -> Result<Hello, LaunchError> {
        match self {
            Self::Folder(folder) => folder.hello().await,
            Self::Ssh(host) => host.hello().await,
        }
    }
}

impl Sites {
    /// Asks a host about a lock that is kept there. It is connected and made ready when it is not; a connection that
    /// was lost is made again once.
    pub(crate) async fn lock(
        &self,
        env: &EnvName,
        host: &HostName,
        request: LockRequest,
    ) -> Result<LockAnswer, LaunchError> {
        let key = (env.clone(), host.clone());
        let site = self.keeper(&key)?;
        let greeted = self.is_greeted(&key);
        if !greeted {
            self.greet(&key, site).await?;
        }
        match site.lock(&request).await {
            Err(LaunchError::Unreachable { .. }) if greeted => {
                self.note_greeted(&key, false);
                self.greet(&key, site).await?;
                site.lock(&request.again()).await
            }
            answer => answer,
        }
    }

    /// Makes sure that the connection to a host answers before anything is asked over it: one that is frozen is given up
    /// and made again. Says nothing of hosts that cannot be reached; the question itself does.
    pub(crate) async fn freshen(&self, env: &EnvName, host: &HostName) {
        let key = (env.clone(), host.clone());
        if let Ok(Site::Ssh(host)) = self.keeper(&key).map(AsRef::as_ref) {
            let _unreachable = host.pool().reach().await;
        }
    }

    fn keeper(&self, key: &Key) -> Result<&Arc<Site>, LaunchError> {
        let others = || self.others.get()?.places.get(key);
        let found = self.planned.places.get(key).or_else(others);
        found.ok_or_else(|| LaunchError::Refused {
            place: format!("{}/{}", key.0, key.1),
            why: "there is no way to it".to_owned(),
            help: None,
        })
    }

    async fn greet(&self, key: &Key, site: &Site) -> Result<(), LaunchError> {
        site.hello().await?;
        self.note_greeted(key, true);
        Ok(())
    }

    fn is_greeted(&self, key: &Key) -> bool {
        let greeted = self.greeted.lock().unwrap_or_else(PoisonError::into_inner);
        greeted.contains(key)
    }

    pub(super) fn note_greeted(&self, key: &Key, is_greeted: bool) {
        let mut greeted = self.greeted.lock().unwrap_or_else(PoisonError::into_inner);
        if is_greeted {
            greeted.insert(key.clone());
        } else {
            greeted.remove(key);
        }
    }

    /// Claims an attempt in its lock's epoch, when that is not on the host it runs on.
    pub(super) async fn claim_from_afar(&self, launch: &Launch) -> Result<(), LaunchError> {
        let Some((fence, request)) = launch.fence.as_ref().zip(LockRequest::claim(launch)) else {
            return Ok(());
        };
        if launch.place.is_some() {
            return Ok(());
        }
        let request = request.map_err(|bad| LaunchError::Refused {
            place: fence.host.to_string(),
            why: bad.to_string(),
            help: None,
        })?;
        match self.lock(&fence.env, &fence.host, request).await {
            Ok(LockAnswer::Done) => Ok(()),
            Ok(_) => Err(LaunchError::Unreachable {
                place: fence.host.to_string(),
                why: "it did not say whether the lock is held".to_owned(),
                help: None,
            }),
            Err(error) => Err(error),
        }
    }

    /// An attempt of this machine whose lock is not held: it never runs, unless an earlier try had launched it.
    pub(super) async fn barred<S: Sink>(
        &self,
        launch: &Launch,
        fenced: LaunchError,
        sink: &mut S,
    ) -> Result<Standing, LaunchError> {
        let key = AttemptKey {
            run: launch.run.clone(),
            task: launch.task.clone(),
            attempt: launch.attempt,
            place: launch.place.clone(),
        };
        let Found::Local(local) = self.find(&launch.place)? else {
            return Err(fenced);
        };
        match local.void(&key).await? {
            Standing::Void => Err(fenced),
            _ => self.follow(&key, sink).await,
        }
    }

    /// Forgets the claim of an attempt that has ended. Nobody waits for it: a claim that stays is told to the next
    /// holder only when the lock is taken over.
    pub(super) fn unclaim_from_afar(&self, launch: &Launch) {
        let (None, Some(fence)) = (&launch.place, &launch.fence) else {
            return;
        };
        let key = (fence.env.clone(), fence.host.clone());
        let (Some(request), Ok(site)) = (LockRequest::unclaim(launch), self.keeper(&key)) else {
            return;
        };
        let site = Arc::clone(site);
        tokio::spawn(async move {
            let _ = tokio::time::timeout(UNCLAIM_LIMIT, site.lock(&request)).await;
        });
    }

    /// Who has the lock that an attempt was to run under.
    pub(super) async fn who_fenced(&self, launch: &Launch) -> Option<String> {
        let fence = launch.fence.as_ref()?;
        let look = LockRequest::look((&fence.project, &fence.env));
        let answer = self.lock(&fence.env, &fence.host, look).await.ok()?;
        Some(match answer {
            LockAnswer::Busy(held) if held.id != fence.lock => taken_over(&held),
            _ => format!("the lock of {} was released", fence.env),
        })
    }
}

/// Says who has a lock that another one had.
pub(crate) fn taken_over(held: &launcher::lock::Held) -> String {
    match &held.holder {
        Some(holder) => format!(
            "{} has the lock since {}",
            holder.by,
            holder.since.format("%Y-%m-%d %H:%M")
        ),
        None => format!("somebody else has the lock: {}", held.id),
    }
}
