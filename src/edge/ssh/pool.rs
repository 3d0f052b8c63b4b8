//! The connections to one host: which master takes the next session, and when another one is made.
//!
//! A master takes at most [`MOST_SESSIONS`] sessions, or fewer once the server has refused one more; then another
//! master is made beside it. One connection is made at a time per host, and at most [`SET_UPS`] at once overall.
//! Whoever waited for a connection that could not be made shares that failure instead of trying again. Masters
//! that are gone or frozen are dropped when that is noticed. It never decides what is run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex as Turn, Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::control::{Configuration, Control};
use super::failure::Failure;
use super::master::{Master, Refusal, Running};

/// Sessions in one connection; sshd allows 10 unless it is told otherwise, and two stay free for the operator.
const MOST_SESSIONS: usize = 8;
/// Connections made at once overall: sshd's `MaxStartups` begins to refuse at 10.
const SET_UPS: usize = 8;
/// How often opening one session is tried again on a master that is gone.
const TRIES: usize = 3;
/// How often a session that was refused is tried again; each time with other masters.
const REFUSALS: u32 = 12;
/// Sessions that just ended are counted by the server a moment longer.
const SETTLE: Duration = Duration::from_millis(20);
/// What giving up the connections that are being made may take.
const GIVING_UP: Duration = Duration::from_secs(3);

/// What all hosts share.
#[derive(Debug)]
pub(super) struct Shared {
    /// Where control sockets stand.
    pub(super) control: Control,
    /// What every connection is made with.
    configuration: Configuration,
    /// Bounds how many connections are made at once.
    set_ups: Semaphore,
    /// The number of the next master.
    serial: AtomicU64,
    /// Set when no connection is to be made any more.
    closing: watch::Sender<bool>,
}

impl Shared {
    /// Nothing is connected yet.
    pub(super) fn new(control: Control, configuration: Configuration) -> Self {
        Self {
            control,
            configuration,
            set_ups: Semaphore::new(SET_UPS),
            serial: AtomicU64::new(0),
            closing: watch::Sender::new(false),
        }
    }

    /// From now on no connection is made, and what is being connected is given up. A task that nobody waits for may be
    /// connecting at this moment; its master would come when all others have been ended, and outlive golive.
    pub(super) fn make_no_more(&self) {
        self.closing.send_replace(true);
    }

    /// Ends every connection, also one whose maker was given up after it stood. Comes after [`Self::make_no_more`].
    pub(super) async fn close(&self) {
        let all = u32::try_from(SET_UPS).unwrap_or(u32::MAX);
        let _none_is_made = timeout(GIVING_UP, self.set_ups.acquire_many(all)).await;
        self.control.end_masters().await;
    }

    /// Returns when no connection is to be made any more.
    async fn closed(&self) {
        let mut closing = self.closing.subscribe();
        // The sender lives as long as this.
        let _ = closing.wait_for(|closing| *closing).await;
    }
}

/// The connections to one host.
#[derive(Debug)]
pub(super) struct Pool {
    destination: String,
    shared: Arc<Shared>,
    masters: Mutex<Masters>,
    /// Held while a connection is made; remembers how the last one failed.
    making: Turn<Option<(Instant, Failure)>>,
}

#[derive(Debug)]
struct Masters {
    list: Vec<Slots>,
    /// How many sessions a master takes.
    most: usize,
}

#[derive(Debug)]
struct Slots {
    master: Arc<Master>,
    /// Sessions that are open or being opened.
    taken: usize,
    /// Sessions that the server has accepted.
    open: usize,
}

/// A session's place in a master; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    pool: Arc<Pool>,
    master: Arc<Master>,
    open: bool,
}

impl Lease {
    /// The master the session is in.
    pub(super) fn master(&self) -> &Arc<Master> {
        &self.master
    }

    /// The connections it belongs to.
    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.with_slots(&self.master, |slots| {
            slots.taken -= 1;
            slots.open -= usize::from(self.open);
        });
    }
}

impl Pool {
    /// Connections to `destination`; none is made yet.
    pub(super) fn new(destination: String, shared: Arc<Shared>) -> Self {
        Self {
            destination,
            shared,
            masters: Mutex::new(Masters {
                list: Vec::new(),
                most: MOST_SESSIONS,
            }),
            making: Turn::new(None),
        }
    }

    /// Starts a command on the host, over a connection that is there or a new one.
    pub(super) async fn open(self: &Arc<Self>, command: &str) -> Result<(Lease, Running), Failure> {
        let mut gone = 0;
        let mut refused = 0;
        loop {
            let mut lease = self.lease().await?;
            match lease.master.open(command).await {
                Ok(session) => {
                    lease.open = true;
                    self.with_slots(&lease.master, |slots| slots.open += 1);
                    return Ok((lease, session));
                }
                Err(Refusal::Full) => {
                    refused += 1;
                    if refused > REFUSALS {
                        return Err(refuses_sessions());
                    }
                    // Others that asked at the same time hear their answers first: then the count is right.
                    sleep(SETTLE * refused).await;
                    self.note_full(&lease.master);
                }
                Err(Refusal::Gone(why)) => {
                    gone += 1;
                    self.discard(&lease.master);
                    if gone >= TRIES {
                        return Err(Failure::passing(why));
                    }
                }
            }
        }
    }

    /// Whether a session beyond those that are open needs another connection.
    pub(super) fn is_full(&self) -> bool {
        let masters = self.masters();
        masters.list.iter().all(|slots| slots.taken >= masters.most)
    }

    /// Whether a master is among the connections, as far as anybody knows.
    pub(super) fn holds(&self, master: &Arc<Master>) -> bool {
        let masters = self.masters();
        masters
            .list
            .iter()
            .any(|slots| Arc::ptr_eq(&slots.master, master))
    }

    /// Whether a connection stands already, as far as its master knows.
    pub(super) async fn lives(&self) -> bool {
        let first = self
            .masters()
            .list
            .first()
            .map(|slots| Arc::clone(&slots.master));
        match first {
            Some(master) => master.is_alive().await,
            None => false,
        }
    }

    /// Makes sure that there is a connection, and that its master answers.
    pub(super) async fn reach(self: &Arc<Self>) -> Result<(), Failure> {
        loop {
            let lease = self.lease().await?;
            if lease.master.is_alive().await {
                return Ok(());
            }
            self.discard(&lease.master);
        }
    }

    /// Forgets a master that is gone or frozen; its end is seen to in the background.
    pub(super) fn discard(&self, master: &Arc<Master>) {
        let mut masters = self.masters();
        let before = masters.list.len();
        masters
            .list
            .retain(|slots| !Arc::ptr_eq(&slots.master, master));
        if masters.list.len() < before {
            let master = Arc::clone(master);
            tokio::spawn(async move { master.end().await });
        }
    }

    /// Ends every connection.
    pub(super) async fn close(&self) {
        let list = std::mem::take(&mut self.masters().list);
        futures_util::future::join_all(list.iter().map(|slots| slots.master.end())).await;
    }

    async fn lease(self: &Arc<Self>) -> Result<Lease, Failure> {
        let asked = Instant::now();
        if let Some(lease) = self.take() {
            return Ok(lease);
        }
        let mut making = self.making.lock().await;
        if let Some(lease) = self.take() {
            return Ok(lease);
        }
        if let Some((at, failure)) = &*making
            && *at > asked
        {
            return Err(failure.clone());
        }
        match self.connect().await {
            Ok(master) => {
                *making = None;
                self.masters().list.push(Slots {
                    master: Arc::clone(&master),
                    taken: 1,
                    open: 0,
                });
                Ok(Lease {
                    pool: Arc::clone(self),
                    master,
                    open: false,
                })
            }
            Err(failure) => {
                *making = Some((Instant::now(), failure.clone()));
                Err(failure)
            }
        }
    }

    async fn connect(&self) -> Result<Arc<Master>, Failure> {
        let shared = &self.shared;
        tokio::select! {
            biased;
            () = shared.closed() => Err(Failure::lasting("the connections are being ended", None)),
            made = self.connect_in_turn() => made,
        }
    }

    async fn connect_in_turn(&self) -> Result<Arc<Master>, Failure> {
        let shared = &self.shared;
        let _turn = shared.set_ups.acquire().await;
        let serial = shared.serial.fetch_add(1, Ordering::Relaxed);
        let master = Master::connect(
            &shared.control,
            serial,
            &self.destination,
            &shared.configuration,
        );
        master.await.map(Arc::new)
    }

    /// A place in the first master that has one: full connections first, so that those beyond fall idle.
    fn take(self: &Arc<Self>) -> Option<Lease> {
        let mut masters = self.masters();
        let most = masters.most;
        let slots = masters.list.iter_mut().find(|slots| slots.taken < most)?;
        slots.taken += 1;
        Some(Lease {
            pool: Arc::clone(self),
            master: Arc::clone(&slots.master),
            open: false,
        })
    }

    /// The server refused a session: from now on a master takes what this one holds.
    fn note_full(&self, master: &Arc<Master>) {
        let mut masters = self.masters();
        let open = masters
            .list
            .iter()
            .find(|slots| Arc::ptr_eq(&slots.master, master))
            .map_or(0, |slots| slots.open);
        if open > 0 {
            masters.most = masters.most.min(open);
        }
    }

    fn with_slots(&self, master: &Arc<Master>, change: impl FnOnce(&mut Slots)) {
        let mut masters = self.masters();
        if let Some(slots) = masters
            .list
            .iter_mut()
            .find(|slots| Arc::ptr_eq(&slots.master, master))
        {
            change(slots);
        }
    }

    fn masters(&self) -> MutexGuard<'_, Masters> {
        self.masters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refuses_sessions() -> Failure {
    Failure::lasting(
        "the host accepts the login and refuses to run commands",
        Some("see `MaxSessions` in its sshd_config".to_owned()),
    )
}
