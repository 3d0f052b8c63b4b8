//! Following logs of servers: one task for each source, and one for each host's clock.
//!
//! A source that breaks is opened again from where it stopped, after pauses that grow. What comes goes into one bounded
//! channel: when nobody reads, the sources wait on their hosts, and nothing else does. Secrets whose values are known are
//! masked here, before anybody sees or keeps a byte. Everything ends when [`Following`] is dropped. It only reads.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::domain::checklist::Followed;
use crate::domain::feed::TailUpdate;
use crate::domain::id::{EnvName, HostName};
use crate::domain::log::{SourceState, TailSource};
use crate::domain::output::redact::{Mask, Redactor};
use crate::port::{Clock, FileMark, LaunchError, Skew, TailPiece, TailSink, TailStart, Tails};

/// Updates that may wait for who reads; each holds at most some 64 KiB. More is of no use: a source runs ahead in the
/// pipe of its ssh.
const WAITING: usize = 16;
/// The first pause before a source is opened again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// Whose lines came for so long has recovered: its next pause is the first again.
const RECOVERED: Duration = Duration::from_secs(10);
/// How often clocks are compared.
const CLOCK_EVERY: Duration = Duration::from_secs(5 * 60);
/// How soon a clock is asked again that could not be.
const CLOCK_AGAIN: Duration = Duration::from_secs(15);
/// A clock that is off by no more than this beyond the error of the comparison is right, in seconds: starting `date` on
/// a busy host takes as long.
const NO_SKEW: f64 = 0.05;

/// How long the first lines of a source wait until its host's clock is known.
const CLOCK_WAIT: Duration = Duration::from_secs(2);

/// Sources that are followed, until this is dropped.
#[derive(Debug)]
pub struct Following {
    /// What comes; ends when every source has ended or failed and nothing is tried again.
    pub updates: mpsc::Receiver<TailUpdate>,
    /// For others who have something to say in the same stream; it does not keep the stream open.
    pub voices: mpsc::WeakSender<TailUpdate>,
    tasks: Vec<JoinHandle<()>>,
}

impl Following {
    /// Ends everything, and returns when nothing of it is left: what a task was about to open stays behind otherwise.
    pub async fn end(&mut self) {
        let tasks = std::mem::take(&mut self.tasks);
        for task in &tasks {
            task.abort();
        }
        for task in tasks {
            // It was ended, or has failed: it is gone.
            let _ = task.await;
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Follows these sources, with what `mask` knows hidden. Must be called inside a tokio runtime.
pub fn follow<T: Tails, C: Clock>(
    tails: &Arc<T>,
    clock: &Arc<C>,
    sources: &[TailSource],
    mask: &Mask,
    start: TailStart,
    follow: bool,
) -> Following {
    let (sender, updates) = mpsc::channel(WAITING);
    let voices = sender.downgrade();
    let mut tasks = Vec::new();
    let mut hosts: BTreeMap<(EnvName, HostName), (Vec<usize>, watch::Sender<bool>)> =
        BTreeMap::new();
    for (place, source) in sources.iter().enumerate() {
        let host = (source.env.clone(), source.host.clone());
        let (of_host, is_known) = hosts
            .entry(host)
            .or_insert_with(|| (Vec::new(), watch::channel(false).0));
        of_host.push(place);
        let one = One {
            sink: Taking {
                place,
                clock: Arc::clone(clock),
                updates: sender.clone(),
                skew_known: Some(is_known.subscribe()),
                mark: None,
                mask: mask.clone(),
                redactor: mask.redactor(),
                is_within_line: false,
                goes_on: false,
                was_live: false,
                live_since: None,
            },
            tails: Arc::clone(tails),
            source: source.clone(),
        };
        tasks.push(tokio::spawn(one.go_on(start, follow)));
    }
    for (host, (sources, known)) in hosts {
        let compared = Compared {
            tails: Arc::clone(tails),
            host,
            sources,
            known,
            updates: voices.clone(),
        };
        tasks.push(tokio::spawn(compared.go_on(follow)));
    }
    Following {
        updates,
        voices,
        tasks,
    }
}

/// One source.
struct One<T, C> {
    sink: Taking<C>,
    tails: Arc<T>,
    source: TailSource,
}

impl<T: Tails, C: Clock> One<T, C> {
    async fn go_on(mut self, start: TailStart, follow: bool) {
        let (mut pause, mut was_told) = (FIRST_PAUSE, false);
        let mut memory = T::Memory::default();
        self.sink.state(SourceState::Opening).await;
        loop {
            let from = self.sink.mark.map_or(start, TailStart::Mark);
            let followed = self
                .tails
                .tail(&self.source, from, follow, &mut memory, &mut self.sink)
                .await;
            let live = self.sink.live_since.take();
            if live.is_some_and(|since| since.elapsed() >= RECOVERED) {
                (pause, was_told) = (FIRST_PAUSE, false);
            }
            let error = match followed {
                Ok(()) => return self.sink.end(SourceState::Ended).await,
                Err(error) => error,
            };
            // What was read before is tried again whatever happened to it: a network that is gone looks like a name that
            // leads nowhere, and a file may be made readable again.
            let lasts = matches!(error, LaunchError::Refused { .. }) && !self.sink.was_live;
            if lasts || !follow {
                if matches!(error, LaunchError::Refused { .. }) {
                    // The host was reached, and its clock's answer says so: it is heard first.
                    self.sink.skew().await;
                }
                let state = self.failed(&error);
                return self.sink.end(state).await;
            }
            if live.is_some() && matches!(self.source.log.what, Followed::Run(_)) {
                // It cannot be gone on with where it stopped; one that ends at once each time would say nothing else.
                let _ = self.sink.part().await;
                if !was_told {
                    let text = "is started again: lines may be missing or come twice";
                    self.sink.say(text.to_owned()).await;
                    was_told = true;
                }
            }
            let state = SourceState::Lost {
                why: self.sink.mask.text(error.why()),
                retry_in: pause,
            };
            self.sink.state(state).await;
            if self.sink.updates.is_closed() {
                return;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn failed(&self, error: &LaunchError) -> SourceState {
        SourceState::Failed {
            why: self.sink.mask.text(error.why()),
            help: error.help().map(str::to_owned),
        }
    }
}

/// What comes of one source, on its way into the channel.
struct Taking<C> {
    place: usize,
    clock: Arc<C>,
    updates: mpsc::Sender<TailUpdate>,
    /// Becomes true when the host's clock was compared; taken when that was waited for.
    skew_known: Option<watch::Receiver<bool>>,
    /// Where to go on. What the redactor holds back counts as taken.
    mark: Option<FileMark>,
    mask: Mask,
    redactor: Redactor,
    /// The last byte that was given ended no line.
    is_within_line: bool,
    /// Though it is opened elsewhere, what comes next goes on with what came.
    goes_on: bool,
    /// It was open once.
    was_live: bool,
    live_since: Option<Instant>,
}

impl<C: Clock> Taking<C> {
    async fn state(&mut self, state: SourceState) {
        let source = self.place;
        // Who is gone hears nothing.
        let _ = self.updates.send(TailUpdate::State { source, state }).await;
    }

    /// Waits until the host's clock was compared, once. Lines are put in order by it; without it they count as they are.
    async fn skew(&mut self) {
        if let Some(mut known) = self.skew_known.take() {
            let _ = timeout(CLOCK_WAIT, known.wait_for(|known| *known)).await;
        }
    }

    /// The end of it: what is held back goes before its last state.
    async fn end(&mut self, state: SourceState) {
        let _ = self.settle().await;
        self.state(state).await;
    }

    /// Gives what is held back and ends its line: what comes next is no continuation of it.
    async fn part(&mut self) -> io::Result<()> {
        self.settle().await?;
        if self.is_within_line {
            self.give(Bytes::from_static(b"\n")).await?;
        }
        Ok(())
    }

    /// Gives what is held back.
    async fn settle(&mut self) -> io::Result<()> {
        let rest = self.redactor.finish();
        self.give(rest.into()).await
    }

    async fn give(&mut self, bytes: Bytes) -> io::Result<()> {
        let Some(last) = bytes.last() else {
            return Ok(());
        };
        self.is_within_line = *last != b'\n';
        let update = TailUpdate::Bytes {
            source: self.place,
            at: self.clock.now(),
            bytes,
        };
        let sent = self.updates.send(update).await;
        sent.map_err(|_| io::Error::other("nobody listens"))
    }

    async fn say(&mut self, text: String) {
        let (source, at) = (self.place, self.clock.now());
        let said = TailUpdate::Said { source, at, text };
        let _ = self.updates.send(said).await;
    }
}

impl<C: Clock> TailSink for Taking<C> {
    async fn take(&mut self, piece: TailPiece<'_>) -> io::Result<()> {
        match piece {
            TailPiece::Open(mark) => {
                let is_known = mark.is_some() && mark == self.mark;
                if !std::mem::take(&mut self.goes_on) && !is_known {
                    self.part().await?;
                }
                self.mark = mark;
                if self.live_since.is_none() {
                    self.live_since = Some(Instant::now());
                    self.was_live = true;
                    self.state(SourceState::Live).await;
                }
            }
            TailPiece::Bytes(bytes) => {
                self.skew().await;
                if let Some(mark) = &mut self.mark {
                    mark.offset += bytes.len() as u64;
                }
                // Where nothing is masked they are handed on as they are.
                let settled = if self.redactor.is_idle() {
                    bytes
                } else {
                    self.redactor.push(&bytes).into()
                };
                self.give(settled).await?;
            }
            TailPiece::Rotated => {
                self.part().await?;
                let text = "was rotated: the next file is followed from its first line";
                self.say(text.to_owned()).await;
            }
            TailPiece::Truncated { goes_on } => {
                self.goes_on = goes_on;
                if !goes_on {
                    self.part().await?;
                }
                let text = "was cut short: lines written just before may be missing";
                self.say(text.to_owned()).await;
            }
            TailPiece::Gap => {
                self.part().await?;
                let text = "was rotated meanwhile and the former file is gone: lines between may be missing";
                self.say(text.to_owned()).await;
            }
            TailPiece::Missing(why) => {
                self.skew().await;
                let why = self.mask.text(why);
                // What comes when it is there is told again.
                self.live_since = None;
                self.state(SourceState::Waiting { why }).await;
            }
        }
        Ok(())
    }

    fn mark(&self) -> Option<FileMark> {
        self.mark
    }
}

/// The clock of one host, compared with ours as long as one of its sources is followed.
struct Compared<T> {
    tails: Arc<T>,
    host: (EnvName, HostName),
    sources: Vec<usize>,
    known: watch::Sender<bool>,
    updates: mpsc::WeakSender<TailUpdate>,
}

impl<T: Tails> Compared<T> {
    async fn go_on(self, again: bool) {
        loop {
            let answer = self.tails.clock(&self.host.0, &self.host.1).await;
            let Some(updates) = self.updates.upgrade() else {
                return;
            };
            if let Ok(skew) = answer {
                for source in &self.sources {
                    let update = TailUpdate::Clock {
                        source: *source,
                        skew_s: noticeable(&skew),
                        error_s: skew.error_s,
                        zone_s: skew.zone_s,
                    };
                    if updates.send(update).await.is_err() {
                        return;
                    }
                }
            }
            drop(updates);
            self.known.send_replace(true);
            if !again {
                return;
            }
            let pause = if answer.is_ok() {
                CLOCK_EVERY
            } else {
                CLOCK_AGAIN
            };
            sleep(pause).await;
        }
    }
}

/// By how much times of a host are corrected, in seconds: a difference that may come of the comparison is none.
fn noticeable(skew: &Skew) -> f64 {
    if skew.ahead_s.abs() <= skew.error_s + NO_SKEW {
        0.0
    } else {
        skew.ahead_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_that_the_comparison_may_have_made_is_no_skew() {
        let skew = |ahead_s, error_s| {
            let zone_s = None;
            noticeable(&Skew {
                ahead_s,
                error_s,
                zone_s,
            })
        };
        let is_none = |found: f64| found.abs() < f64::EPSILON;
        assert!(is_none(skew(0.001, 0.002)));
        assert!(is_none(skew(-0.049, 0.0)));
        assert!(is_none(skew(-0.54, 0.5)));
        assert!((skew(0.06, 0.002) - 0.06).abs() < f64::EPSILON);
        assert!((skew(-2.4, 0.1) + 2.4).abs() < f64::EPSILON);
    }
}
