//! Hosts that are left out, as those hear of it who wait for a host.
//!
//! The dispatcher tells, whenever the run's state changes; units and errands listen. A host that was left out and
//! answers is listened to as before; one that does not is not waited for. Nothing here decides anything.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::watch;

use crate::domain::id::{EnvName, HostName};
use crate::port::Place;

type Hosts = BTreeSet<(EnvName, HostName)>;

/// Tells which hosts were left out.
#[derive(Debug, Default)]
pub(super) struct LeavingOut(watch::Sender<Hosts>);

impl LeavingOut {
    /// Tells those that the state of the run has now.
    pub(super) fn tell(&self, left_out: &BTreeMap<(EnvName, HostName), String>) {
        self.0.send_if_modified(|known| {
            let is_news = known.len() != left_out.len();
            if is_news {
                *known = left_out.keys().cloned().collect();
            }
            is_news
        });
    }

    /// Those of an environment.
    pub(super) fn of(&self, env: &EnvName) -> BTreeSet<HostName> {
        let known = self.0.borrow();
        let of_env = known.iter().filter(|(of, _)| of == env);
        of_env.map(|(_, host)| host.clone()).collect()
    }

    /// To be heard by somebody who waits.
    pub(super) fn listen(&self) -> LeftOut {
        LeftOut(self.0.subscribe())
    }
}

/// Hears which hosts were left out.
#[derive(Debug, Clone)]
pub(crate) struct LeftOut(watch::Receiver<Hosts>);

impl LeftOut {
    /// Whether a place is left out.
    pub(super) fn is(&self, place: &Place) -> bool {
        place
            .as_ref()
            .is_some_and(|host| self.0.borrow().contains(host))
    }

    /// Resolves when a place is left out; never when it is not.
    pub(super) async fn has(&mut self, place: &Place) {
        let told = self.0.wait_for(|known| {
            let place = place.as_ref();
            place.is_some_and(|host| known.contains(host))
        });
        if told.await.is_err() {
            // Nobody tells any more.
            std::future::pending::<()>().await;
        }
    }
}
