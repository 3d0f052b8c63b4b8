//! One host over ssh: the launcher's channels on its connections, and the state of its link.
//!
//! A lost connection is made again here, by one of those who miss it, with growing pauses; the others wait for that.
//! The link's state is published when it changes. Questions do not wait: they fail, and the operator sees why.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Mutex as Turn;
use tokio::time::sleep;

use super::channel::channel;
use super::failure::{Failure, FailureKind};
use super::lines::Lines;
use super::master::Care;
use super::pool::Pool;
use crate::domain::feed::Link;
use crate::domain::id::{EnvName, HostName};
use crate::edge::launcher::{self, Channel, Channels, Request};
use crate::port::{Hello, LaunchError};

/// Who hears how a connection is.
pub type LinkListener = Arc<dyn Fn(&EnvName, &HostName, Link) + Send + Sync>;

/// The first pause before a connection is made again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// After so many channels in a row that brought nothing new, over connections that stood, an attempt is given up.
const FRUITLESS: u32 = 20;
/// How often making a first connection is tried again when the server was only too busy to greet.
const BUSY_TRIES: u32 = 3;

/// One host of an environment, reached over ssh.
pub(super) struct Host {
    env: EnvName,
    name: HostName,
    pool: Arc<Pool>,
    /// Launchers that wait for the next start.
    lines: Lines,
    listener: LinkListener,
    /// How long a lost connection is made again before the operator has to decide.
    patience: Duration,
    /// Counts the connections that were made again; who saw an older number finds a fresh one.
    generation: AtomicU64,
    /// Held by the one who makes a lost connection again.
    mending: Turn<()>,
    /// Why the last one who mended gave up.
    given_up: Mutex<Option<Failure>>,
}

impl Host {
    /// A host without connections.
    pub(super) fn new(
        (env, name): (EnvName, HostName),
        pool: Arc<Pool>,
        listener: LinkListener,
        patience: Duration,
    ) -> Self {
        Self {
            env,
            name,
            lines: Lines::new(Arc::clone(&pool)),
            pool,
            listener,
            patience,
            generation: AtomicU64::new(0),
            mending: Turn::new(()),
            given_up: Mutex::new(None),
        }
    }

    /// Connects when there is no connection, makes the host ready and asks who it is.
    pub(super) async fn hello(&self) -> Result<Hello, LaunchError> {
        self.publish(Link::Connecting);
        let answer = match self.reach().await {
            Ok(()) => launcher::ask_hello(&self.channels()).await,
            Err(failure) => Err(self.unreachable(failure)),
        };
        self.publish(link_of(&answer));
        if answer.is_ok() {
            self.lines.prepare().await;
        }
        answer
    }

    /// Connects; a server that was only too busy to greet is asked again.
    async fn reach(&self) -> Result<(), Failure> {
        let mut tries = 0;
        loop {
            match self.pool.reach().await {
                Err(failure) if failure.kind == FailureKind::Busy && tries < BUSY_TRIES => {
                    sleep(pause(tries)).await;
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    /// Channels that fail at once when there is no connection: for questions.
    pub(super) fn channels(&self) -> impl Channels {
        Prompt(self)
    }

    /// Channels that make a lost connection again: for attempts that run.
    pub(super) fn patient_channels(&self) -> impl Channels {
        Patient {
            host: self,
            seen: AtomicU64::new(self.generation()),
        }
    }

    /// A channel for a request; a start is served by a launcher that waits for it.
    async fn open(&self, request: &Request) -> Result<Channel, Failure> {
        if request.is_start() {
            return self.lines.take().await;
        }
        self.lines.make_room();
        let (lease, session) = self.pool.open(&request.line()).await?;
        Ok(channel(lease, session, Care::Steady))
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    fn publish(&self, link: Link) {
        (self.listener)(&self.env, &self.name, link);
    }

    /// The connections to it.
    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Its name.
    pub(super) fn name(&self) -> &HostName {
        &self.name
    }

    /// The failure of a connection that may be made again.
    pub(super) fn unreachable(&self, failure: Failure) -> LaunchError {
        LaunchError::Unreachable {
            place: self.name.to_string(),
            why: failure.why,
            help: failure.help,
        }
    }

    /// Makes the connection again that was lost after generation `seen`. Fails when only the operator can mend it,
    /// or when patience ended.
    async fn mend(&self, seen: u64, why: &str) -> Result<(), Failure> {
        let _turn = self.mending.lock().await;
        if self.generation() != seen {
            return self.given_up().clone().map_or(Ok(()), Err);
        }
        let outcome = self.connect_again(why).await;
        *self.given_up() = outcome.as_ref().err().cloned();
        self.generation.fetch_add(1, Ordering::SeqCst);
        if let Err(failure) = &outcome {
            self.publish(Link::Failed {
                why: failure.why.clone(),
                help: failure.help.clone(),
            });
        }
        outcome
    }

    async fn connect_again(&self, why: &str) -> Result<(), Failure> {
        let lost = Instant::now();
        let mut why = why.to_owned();
        let mut tries = 0;
        loop {
            let retry_in = pause(tries);
            self.publish(Link::Lost { why, retry_in });
            sleep(retry_in).await;
            tries += 1;
            let failure = match self.greet().await {
                Ok(hello) => {
                    self.publish(Link::Connected(hello.facts));
                    return Ok(());
                }
                Err(failure) => failure,
            };
            if !failure.may_pass() || lost.elapsed() > self.patience {
                return Err(failure);
            }
            why = failure.why;
        }
    }

    async fn greet(&self) -> Result<Hello, Failure> {
        self.pool.reach().await?;
        let answer = launcher::ask_hello(&self.channels()).await;
        answer.map_err(|error| match error {
            LaunchError::Unreachable { why, help, .. } => Failure {
                help,
                ..Failure::passing(why)
            },
            LaunchError::Refused { why, help, .. } => Failure::lasting(why, help),
            LaunchError::Fenced { why, .. } => Failure::lasting(why, None),
        })
    }

    fn given_up(&self) -> MutexGuard<'_, Option<Failure>> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of a link after a hello that was answered so.
pub(super) fn link_of(answer: &Result<Hello, LaunchError>) -> Link {
    match answer {
        Ok(hello) => Link::Connected(hello.facts.clone()),
        Err(error) => Link::Failed {
            why: error.why().to_owned(),
            help: error.help().map(str::to_owned),
        },
    }
}

/// The pause before try number `tries`, spread by a quarter so that many hosts do not come back as one.
fn pause(tries: u32) -> Duration {
    let full = FIRST_PAUSE
        .saturating_mul(1 << tries.min(8))
        .min(LONGEST_PAUSE);
    let nanos = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    let spread = f64::from(nanos.wrapping_mul(2_654_435_761) >> 16) / f64::from(u16::MAX);
    full.mul_f64(0.75 + spread / 2.0)
}

/// Channels that fail at once when there is no connection: for questions.
struct Prompt<'a>(&'a Host);

impl Channels for Prompt<'_> {
    async fn open(&self, request: &Request) -> Result<Channel, LaunchError> {
        self.0.lines.make_room();
        let opened = self.0.pool.open(&request.line()).await;
        let (lease, session) = opened.map_err(|failure| self.0.unreachable(failure))?;
        Ok(channel(lease, session, Care::Steady))
    }

    fn name(&self) -> String {
        self.0.name.to_string()
    }

    async fn broken(&self, why: &str, _fruitless: u32) -> Result<(), LaunchError> {
        Err(self.0.unreachable(Failure::passing(why)))
    }
}

/// Channels that make a lost connection again: for attempts that run.
struct Patient<'a> {
    host: &'a Host,
    /// The connection's generation that the last channel was opened in.
    seen: AtomicU64,
}

impl Patient<'_> {
    async fn mend(&self, why: &str) -> Result<(), LaunchError> {
        let mended = self.host.mend(self.seen.load(Ordering::SeqCst), why).await;
        mended.map_err(|failure| self.host.unreachable(failure))
    }
}

impl Channels for Patient<'_> {
    async fn open(&self, request: &Request) -> Result<Channel, LaunchError> {
        loop {
            self.seen.store(self.host.generation(), Ordering::SeqCst);
            match self.host.open(request).await {
                Ok(channel) => return Ok(channel),
                Err(failure) if failure.may_pass() => self.mend(&failure.why).await?,
                Err(failure) => return Err(self.host.unreachable(failure)),
            }
        }
    }

    fn name(&self) -> String {
        self.host.name.to_string()
    }

    async fn broken(&self, why: &str, fruitless: u32) -> Result<(), LaunchError> {
        if fruitless > FRUITLESS {
            return Err(self.host.unreachable(Failure::passing(why)));
        }
        // A channel can end although the connection lives: the session was killed, the launcher removed.
        if self.host.pool.lives().await {
            sleep(FIRST_PAUSE * fruitless.saturating_sub(1)).await;
            if self.host.greet().await.is_ok() {
                return Ok(());
            }
        }
        self.mend(why).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_are_spread_by_a_quarter() {
        for tries in [0, 3, 8, 40] {
            let full = FIRST_PAUSE
                .saturating_mul(1 << tries.min(8))
                .min(LONGEST_PAUSE);
            let pause = pause(tries);
            assert!(
                pause >= full.mul_f64(0.75) && pause <= full.mul_f64(1.25),
                "{pause:?}"
            );
        }
    }
}
