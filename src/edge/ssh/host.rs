//! One host over ssh: the launcher's channels on its connections, and the state of its link.
//!
//! A channel is a session in some master; while somebody waits for it, the master is asked now and then whether it
//! lives, because a frozen one hangs every pipe without a word. A lost connection is made again here, by one of
//! those who miss it, with growing pauses; the others wait for that. The link's state is published when it changes.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use openssh::ChildStdout;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Mutex as Turn, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::failure::{Failure, FailureKind};
use super::master::Running;
use super::pool::{Lease, Pool};
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
/// How often making a first connection is tried again when the server was only too busy to greet.
const BUSY_TRIES: u32 = 3;

/// One host of an environment, reached over ssh.
pub(super) struct Host {
    env: EnvName,
    name: HostName,
    pool: Arc<Pool>,
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
        self.publish(match &answer {
            Ok(hello) => Link::Connected(hello.facts.clone()),
            Err(
                LaunchError::Unreachable { why, help, .. }
                | LaunchError::Refused { why, help, .. },
            ) => Link::Failed {
                why: why.clone(),
                help: help.clone(),
            },
        });
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
    pub(super) fn channels(&self) -> HostChannels<'_> {
        HostChannels {
            host: self,
            patient: false,
            seen: AtomicU64::new(self.generation()),
            over: Mutex::new(None),
        }
    }

    /// Channels that make a lost connection again: for attempts that run.
    pub(super) fn patient_channels(&self) -> HostChannels<'_> {
        HostChannels {
            patient: true,
            ..self.channels()
        }
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    fn publish(&self, link: Link) {
        (self.listener)(&self.env, &self.name, link);
    }

    fn unreachable(&self, failure: Failure) -> LaunchError {
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
        })
    }

    fn given_up(&self) -> MutexGuard<'_, Option<Failure>> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner)
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

/// The launcher's channels on one host.
pub(super) struct HostChannels<'a> {
    host: &'a Host,
    patient: bool,
    /// The connection's generation that the last channel was opened in.
    seen: AtomicU64,
    /// Why the connection is not made again any more.
    over: Mutex<Option<Failure>>,
}

impl HostChannels<'_> {
    async fn mend(&self, why: &str) -> Result<(), Failure> {
        let seen = self.seen.load(Ordering::SeqCst);
        let mended = self.host.mend(seen, why).await;
        *self.over() = mended.as_ref().err().cloned();
        mended
    }

    fn over(&self) -> MutexGuard<'_, Option<Failure>> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channels for HostChannels<'_> {
    async fn open(&self, request: &Request) -> Result<Channel, LaunchError> {
        let line = request.line();
        loop {
            if let Some(failure) = self.over().clone() {
                return Err(self.host.unreachable(failure));
            }
            self.seen.store(self.host.generation(), Ordering::SeqCst);
            let failure = match self.host.pool.open(&line).await {
                Ok((lease, session)) => return Ok(channel(lease, session)),
                Err(failure) => failure,
            };
            if !self.patient || !failure.may_pass() {
                return Err(self.host.unreachable(failure));
            }
            // When it cannot be mended the next turn says so.
            let _ = self.mend(&failure.why).await;
        }
    }

    fn name(&self) -> String {
        self.host.name.to_string()
    }

    async fn broken(&self, why: &str) {
        if self.patient {
            // When it cannot be mended the next `open` says so.
            let _ = self.mend(why).await;
        }
    }
}

/// A session as the launcher wants it, with a watch over its master.
fn channel(lease: Lease, mut session: Running) -> Channel {
    let stdin = session.stdin().take();
    let stdout = session.stdout().take();
    let stderr = session.stderr().take();
    let (tell, lost) = watch::channel(false);
    let master = Arc::clone(lease.master());
    let pool = Arc::clone(lease.pool());
    let watch = Watch(tokio::spawn(async move {
        master.lost().await;
        pool.discard(&master);
        let _ = tell.send(true);
    }));
    let stdout = Watched::new(stdout, lost.clone());
    let stderr = Watched::new(stderr, lost.clone());
    let exit = async move {
        let code = tokio::select! {
            ended = session.wait() => exit_code(&ended),
            () = silence(lost) => None,
        };
        drop((lease, watch));
        code
    };
    Channel {
        stdin: stdin.map_or_else(
            || Box::new(tokio::io::sink()) as Box<dyn AsyncWrite + Send + Unpin>,
            |stdin| Box::new(stdin),
        ),
        stdout: Box::new(stdout),
        stderr: Box::new(stderr),
        exit: Box::pin(exit),
    }
}

/// The crate takes exit code 127 for an error of its own.
fn exit_code(ended: &Result<ExitStatus, openssh::Error>) -> Option<i32> {
    match ended {
        Ok(status) => status.code(),
        Err(openssh::Error::Remote(_)) => Some(127),
        Err(_) => None,
    }
}

/// Returns when the master was found gone or frozen, and never when the watch ended before.
async fn silence(mut lost: watch::Receiver<bool>) {
    if lost.wait_for(|lost| *lost).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The watch over a master for one channel; it ends with the channel.
struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A pipe of a session that breaks when the master was found gone or frozen.
struct Watched {
    pipe: Option<ChildStdout>,
    lost: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Watched {
    fn new(pipe: Option<ChildStdout>, lost: watch::Receiver<bool>) -> Self {
        Self {
            pipe,
            lost: Box::pin(silence(lost)),
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(pipe) = &mut self.pipe else {
            return Poll::Ready(Ok(()));
        };
        if let Poll::Ready(read) = Pin::new(pipe).poll_read(context, into) {
            return Poll::Ready(read);
        }
        self.lost.as_mut().poll(context).map(|()| {
            Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "the connection does not answer",
            ))
        })
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
            assert!(pause >= full.mul_f64(0.75) && pause <= full.mul_f64(1.25), "{pause:?}");
        }
    }
}
