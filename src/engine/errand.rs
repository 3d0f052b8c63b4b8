//! Errands of the dispatcher that are no attempts: asking a place who it is, ending an attempt, locks.
//!
//! Each is a task of its own that ends with a report, or with nothing to tell. Places that do not answer are asked
//! again; the faces hear how that goes. Nothing here decides anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::leaving::LeftOut;
use super::{FeedSender, Order};
use crate::domain::feed::{Link, LockNews, Update};
use crate::domain::id::{EnvName, HostName, LockId};
use crate::domain::lock::{Grant, Holder};
use crate::domain::run::Report;
use crate::port::{AttemptKey, Launcher, Locks, Place, Taking};

/// Seconds between asking the processes of a step to end and killing them.
pub(super) const GRACE_S: u64 = 10;

/// A place that cannot be reached is tried again after this long.
pub(super) const RECONNECT: Duration = Duration::from_secs(4);

/// Asks a place who it is, again and again until it answers or is left out.
pub(super) async fn greet<L: Launcher>(
    launcher: Arc<L>,
    place: Place,
    mut left_out: LeftOut,
    feed: FeedSender,
    reports: UnboundedSender<Order>,
) {
    loop {
        match launcher.hello(&place).await {
            Ok(hello) => {
                tell(&feed, &place, Link::Connected(hello.facts));
                let report = Report::Identified {
                    site: place,
                    identity: hello.identity,
                };
                let _ = reports.send(Order::Report(report));
                return;
            }
            Err(error) => {
                let (why, retry_in) = (error.why().to_owned(), RECONNECT);
                match place {
                    Some(_) => tell(&feed, &place, Link::Lost { why, retry_in }),
                    None => feed.send(Update::Here { why, retry_in }),
                }
                tokio::select! {
                    () = tokio::time::sleep(RECONNECT) => {}
                    () = left_out.has(&place) => return,
                }
            }
        }
    }
}

/// Ends an attempt where it runs. A host that cannot be reached now is asked again until it answers, or the run is
/// left.
pub(super) async fn cancel<L: Launcher>(launcher: Arc<L>, key: AttemptKey) {
    let grace = Duration::from_secs(GRACE_S);
    while launcher.cancel(&key, grace).await.is_err() {
        tokio::time::sleep(RECONNECT).await;
    }
}

/// What is known of a lock before it is asked for.
pub(super) struct Before {
    /// Hosts that were left out.
    pub(super) left_out: BTreeSet<HostName>,
    /// Where it is held already, as it was recorded.
    pub(super) epochs: BTreeMap<HostName, u64>,
}

impl Before {
    /// The hosts that need not answer: those that were left out, and those that have it. Where one of these is silent
    /// it holds what was recorded: nobody else can have the lock without asking all of them, and what is not so any
    /// more the host's own fence refuses.
    fn spare(&self) -> BTreeSet<HostName> {
        self.left_out
            .iter()
            .chain(self.epochs.keys())
            .cloned()
            .collect()
    }

    fn complete(self, mut grant: Grant) -> Grant {
        for (host, epoch) in self.epochs {
            if !self.left_out.contains(&host) && grant.without.remove(host.as_str()).is_some() {
                grant.epochs.insert(host, epoch);
            }
        }
        grant
    }
}

/// Takes a lock, once; or asks for it again.
pub(super) async fn take_lock<K: Locks>(
    locks: Arc<K>,
    (env, holder, steal): (EnvName, Holder, Option<LockId>),
    before: Before,
    feed: FeedSender,
    reports: UnboundedSender<Order>,
) {
    let tell = |news| {
        let env = env.clone();
        feed.send(Update::Lock { env, news });
    };
    tell(LockNews::Taking);
    let report = match locks
        .take(&env, &holder, steal.as_ref(), &before.spare())
        .await
    {
        Ok(Taking::Taken(grant)) => Report::Locked {
            env: env.clone(),
            grant: before.complete(grant),
        },
        Ok(Taking::Busy(busy)) => {
            tell(LockNews::Busy(busy.clone()));
            Report::LockBusy {
                env: env.clone(),
                busy,
            }
        }
        Ok(Taking::Occupied(remains)) => {
            tell(LockNews::Occupied(remains.clone()));
            Report::LockOccupied {
                env: env.clone(),
                remains,
            }
        }
        Err(error) => {
            let why = error.why().to_owned();
            tell(LockNews::Failed {
                why: why.clone(),
                retry_in: RECONNECT,
            });
            Report::LockFailed {
                env: env.clone(),
                why,
            }
        }
    };
    let _ = reports.send(Order::Report(report));
}

/// Gives a lock back.
pub(super) async fn release_lock<K: Locks>(
    locks: Arc<K>,
    env: EnvName,
    id: LockId,
    reports: UnboundedSender<Order>,
) {
    let left = locks.release(&env, &id).await;
    let _ = reports.send(Order::Report(Report::Unlocked { env, left }));
}

/// Tells that the holder is alive, but for hosts that were left out; hears when it is the holder no more.
pub(super) async fn beat<K: Locks>(
    locks: Arc<K>,
    (env, id, grant): (EnvName, LockId, Grant),
    left_out: BTreeSet<HostName>,
    reports: UnboundedSender<Order>,
) {
    let mut told = grant.clone();
    told.epochs.retain(|host, _| !left_out.contains(host));
    // A place that does not answer now hears it the next time.
    if let Ok(Some(why)) = locks.beat(&env, &id, &told).await {
        let _ = reports.send(Order::Report(Report::LockLost { env, grant, why }));
    }
}

/// Tells the faces about the connection to a place; this machine has none.
fn tell(feed: &FeedSender, place: &Place, link: Link) {
    if let Some((env, host)) = place.clone() {
        feed.send(Update::Connection { env, host, link });
    }
}
