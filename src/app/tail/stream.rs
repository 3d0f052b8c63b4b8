//! `golive tail` without a screen: updates of sources into lines, merged by time, until there is nothing more.
//!
//! Lines come on standard output, everything golive says about sources on standard error. When nobody reads, the
//! sources wait on their hosts.

use std::collections::VecDeque;
use std::io::Write as _;
use std::time::Duration;

use chrono::{FixedOffset, Local, Offset as _};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use super::super::report::{Code, Failure, shown};
use super::lines::{Lines, millis};
use super::{Tailing, session};
use crate::domain::feed::TailUpdate;
use crate::domain::log::intake::Intake;
use crate::domain::log::merge::{Kept, Merged, Merger};
use crate::domain::log::pattern::Matcher;
use crate::domain::log::{Level, SourceState, TailSource, Voice};
use crate::domain::run::Moment;
use crate::domain::text::{duration, plural};

/// Lines are held back so long for earlier ones of other sources, in milliseconds.
const HOLD: i64 = 300;
/// A clock that is wrong by more is told, in seconds.
const WRONG: f64 = 0.5;
/// So much is made before it is written.
const BATCH: usize = 256 * 1024;
/// So many updates are taken before somebody else has a turn: of a loud log nothing may match, and then nothing is made.
const TURN: usize = 32;

/// How long the end may take when the operator wants it.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is to be shown of what comes.
pub(super) struct Wanted {
    /// Only lines that match.
    pub(super) matcher: Option<Matcher>,
    /// Only lines from then on, in milliseconds since 1970.
    pub(super) since_ms: Option<i64>,
    /// Deeds from then on.
    pub(super) deeds_ms: i64,
    /// Whether it ends when what is there was shown.
    pub(super) follow: bool,
}

/// Takes updates and writes lines.
pub(super) struct Stream {
    lines: Lines,
    wanted: Wanted,
    sources: Vec<One>,
    merger: Merger,
    /// Moments of deploys that wait for their turn; to the merger they are one more source.
    deeds: VecDeque<(Moment, Voice, String)>,
    out: Vec<u8>,
}

/// What is known of a source.
struct One {
    source: TailSource,
    intake: Intake,
    /// When the lines arrived that are held back.
    arrivals: VecDeque<i64>,
    state: SourceState,
    was_live: bool,
    /// Its host's clock was compared: the host was reached.
    answered: bool,
}

/// Why a stream goes no further.
enum Over {
    /// Everything was shown, or the operator ended it, or nobody reads any more.
    Done,
    /// No host was reached.
    Alone,
}

impl Stream {
    pub(super) fn new(sources: &[TailSource], lines: Lines, wanted: Wanted) -> Self {
        let one = |source: &TailSource| One {
            source: source.clone(),
            intake: Intake::new(Local::now().offset().fix()),
            arrivals: VecDeque::new(),
            state: SourceState::Opening,
            was_live: false,
            answered: false,
        };
        Self {
            lines,
            wanted,
            sources: sources.iter().map(one).collect(),
            merger: Merger::new(sources.len(), HOLD),
            deeds: VecDeque::new(),
            out: Vec::new(),
        }
    }

    /// Shows what comes until it ends. Returns the code to end with.
    pub(super) async fn show(mut self, tailing: &mut Tailing) -> Result<Code, Failure> {
        let mut signals = Signals::listen()?;
        let mut unread = std::pin::pin!(unread());
        let over = loop {
            let due = self.merger.next_release();
            tokio::select! {
                update = tailing.next() => match update {
                    Some(update) => self.take_all(update, tailing.updates()),
                    None => break Over::Done,
                },
                () = until(due), if due.is_some() => {}
                () = signals.any() => break Over::Done,
                () = &mut unread => break Over::Done,
            }
            self.release();
            if !self.write()? {
                break Over::Done;
            }
            if self.is_alone() {
                break Over::Alone;
            }
        };
        self.finish();
        self.write()?;
        self.code(&over)
    }

    /// Takes an update, and those that wait behind it as long as they are not too many.
    fn take_all(&mut self, first: TailUpdate, waiting: &mut mpsc::Receiver<TailUpdate>) {
        self.take(first);
        for _ in 0..TURN {
            if self.out.len() >= BATCH {
                return;
            }
            match waiting.try_recv() {
                Ok(update) => self.take(update),
                Err(_) => return,
            }
            self.release();
        }
    }

    fn take(&mut self, update: TailUpdate) {
        match update {
            TailUpdate::Bytes { source, at, bytes } => self.bytes(source, millis(at), &bytes),
            TailUpdate::State { source, state } => self.state(source, state),
            TailUpdate::Said { source, text, .. } => {
                aside(&format!("{}: {text}", self.lines.name(source)));
            }
            TailUpdate::Clock {
                source,
                skew_s,
                zone_s,
                ..
            } => self.clock(source, skew_s, zone_s),
            TailUpdate::Deed { at, voice, text } => {
                if millis(at) >= self.wanted.deeds_ms {
                    let turn = Kept {
                        bytes: Vec::new(),
                        len: 0,
                        at_ms: millis(at),
                        stamped: true,
                        moved: false,
                        level: Level::Unknown,
                        goes_on: false,
                    };
                    let now = millis(session::now());
                    self.merger.push(self.sources.len(), turn, now);
                    self.deeds.push_back((at, voice, text));
                }
            }
        }
    }

    fn bytes(&mut self, source: usize, arrived_ms: i64, bytes: &[u8]) {
        let one = &mut self.sources[source];
        let (merger, wanted, arrivals) = (&mut self.merger, &self.wanted, &mut one.arrivals);
        one.intake.push(arrived_ms, bytes, &mut |line| {
            if wanted.takes(line.at_ms, line.bytes) {
                arrivals.push_back(arrived_ms);
                merger.push(source, Kept::from(line), arrived_ms);
            }
        });
    }

    fn state(&mut self, source: usize, state: SourceState) {
        let name = self.lines.name(source);
        let one = &mut self.sources[source];
        match &state {
            SourceState::Lost { why, retry_in } => {
                let again = duration(*retry_in);
                aside(&format!("LOST {name}: {why}, retry in {again}"));
            }
            SourceState::Failed { why, help } => {
                aside(&format!("FAILED {name}: {why}"));
                if let Some(help) = help {
                    aside(&format!("help: {help}"));
                }
            }
            SourceState::Waiting { why } => aside(&format!("WAITING {name}: {why}")),
            SourceState::Live => {
                if matches!(
                    one.state,
                    SourceState::Lost { .. } | SourceState::Waiting { .. }
                ) {
                    aside(&format!("BACK {name}"));
                }
                one.was_live = true;
            }
            SourceState::Opening | SourceState::Ended => {}
        }
        one.state = state;
    }

    fn clock(&mut self, source: usize, skew_s: f64, zone_s: Option<i32>) {
        let one = &mut self.sources[source];
        one.intake.set_skew(skew_s);
        if let Some(zone) = zone_s.and_then(FixedOffset::east_opt) {
            one.intake.set_offset(zone);
        }
        let (first, host) = (!one.answered, one.source.host.clone());
        one.answered = true;
        let of_host = |one: &One| one.source.host == host;
        if first && skew_s.abs() >= WRONG && self.sources.iter().position(of_host) == Some(source) {
            let way = if skew_s > 0.0 { "ahead of" } else { "behind" };
            let by = skew_s.abs();
            aside(&format!(
                "clock of {host}: {by:.1} s {way} ours; its lines are put where they belong"
            ));
        }
    }

    /// Writes the lines whose turn has come.
    fn release(&mut self) {
        let mut turns = Vec::new();
        self.merger
            .release(millis(session::now()), &mut |merged| turns.push(merged));
        self.put(&turns);
    }

    fn put(&mut self, turns: &[Merged]) {
        for merged in turns {
            let line = match self.sources.get_mut(merged.source) {
                Some(one) => {
                    let arrived = one.arrivals.pop_front().unwrap_or(merged.line.at_ms);
                    self.lines.line(merged, arrived)
                }
                None => match self.deeds.pop_front() {
                    Some((at, voice, text)) => self.lines.deed(at, voice, &text),
                    None => continue,
                },
            };
            self.out.extend_from_slice(line.as_bytes());
        }
    }

    /// Writes what is left: nothing more comes.
    fn finish(&mut self) {
        let now = millis(session::now());
        for (source, one) in self.sources.iter_mut().enumerate() {
            let (merger, wanted, arrivals) = (&mut self.merger, &self.wanted, &mut one.arrivals);
            one.intake.finish(now, &mut |line| {
                if wanted.takes(line.at_ms, line.bytes) {
                    arrivals.push_back(now);
                    merger.push(source, Kept::from(line), now);
                }
            });
        }
        let mut turns = Vec::new();
        self.merger.finish(&mut |merged| turns.push(merged));
        self.put(&turns);
    }

    /// Gives what was made to standard output. `false` = nobody reads it any more.
    fn write(&mut self) -> Result<bool, Failure> {
        if self.out.is_empty() {
            return Ok(true);
        }
        let mut out = std::io::stdout().lock();
        let written = out.write_all(&self.out).and_then(|()| out.flush());
        self.out.clear();
        match written {
            Err(why) if why.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
            Err(why) => Err(Failure::new(
                Code::Failed,
                format!("could not write to standard output: {why}"),
            )),
            Ok(()) => Ok(true),
        }
    }

    /// Whether every source was tried and no host was reached.
    fn is_alone(&self) -> bool {
        self.sources.iter().all(|one| {
            let tried = matches!(
                one.state,
                SourceState::Lost { .. } | SourceState::Failed { .. }
            );
            tried && !one.was_live && !one.answered
        })
    }

    fn code(&self, over: &Over) -> Result<Code, Failure> {
        let failed: Vec<&One> = self
            .sources
            .iter()
            .filter(|one| {
                // Without following all that is there was asked for: a part of it is not all.
                let counts = !one.was_live || !self.wanted.follow;
                matches!(one.state, SourceState::Failed { .. }) && counts
            })
            .collect();
        if matches!(over, Over::Alone)
            || (!failed.is_empty() && failed.iter().all(|one| !one.answered && !one.was_live))
        {
            let all = self.sources.len();
            let silent = self.sources.iter().filter(|one| !one.answered).count();
            let what = if silent == all {
                "no host could be reached".to_owned()
            } else {
                let logs = plural("log", failed.len());
                format!("{logs} could not be followed: no connection")
            };
            return Err(Failure::new(Code::Unreachable, what));
        }
        let all_failed = failed.len() == self.sources.len();
        if !failed.is_empty() && (all_failed || !self.wanted.follow) {
            let what = plural("log", failed.len());
            let partly = failed.iter().all(|one| one.was_live);
            let end = if partly { " to the end" } else { "" };
            return Err(Failure::new(
                Code::Failed,
                format!("{what} could not be read{end}"),
            ));
        }
        Ok(Code::Done)
    }
}

impl Wanted {
    fn takes(&self, at_ms: i64, line: &[u8]) -> bool {
        self.since_ms.is_none_or(|since| at_ms >= since)
            && self
                .matcher
                .as_ref()
                .is_none_or(|matcher| matcher.is_match(line))
    }
}

/// Says something beside the lines, on standard error.
pub(super) fn aside(text: &str) {
    // Nobody is left to tell when standard error is gone.
    let _ = std::io::stderr().write_all(shown(&format!("{text}\n")).as_bytes());
}

/// Returns at this time, in milliseconds since 1970.
async fn until(due: Option<i64>) {
    let wait = due.map_or(0, |due| due - millis(session::now()));
    let wait = u64::try_from(wait).unwrap_or_default();
    tokio::time::sleep(Duration::from_millis(wait)).await;
}

/// Returns when nobody reads standard output any more: a log in which nothing is written would never tell.
async fn unread() {
    let (tell, unread) = oneshot::channel();
    // Sleeps in the kernel, and ends with the process at the latest.
    std::thread::spawn(move || {
        let out = std::io::stdout();
        let mut watched = [PollFd::new(&out, PollFlags::empty())];
        while poll(&mut watched, None) == Err(Errno::INTR) {}
        let gone = PollFlags::ERR | PollFlags::HUP;
        if watched[0].revents().intersects(gone) {
            let _ = tell.send(());
        }
    });
    if unread.await.is_err() {
        // What cannot be watched is written to until that fails.
        std::future::pending::<()>().await;
    }
}

/// What ends the following from outside.
struct Signals([Signal; 3]);

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen = || {
            Ok([
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
            ])
        };
        let broken = |why: std::io::Error| {
            Failure::new(Code::Failed, format!("could not listen to signals: {why}"))
        };
        let mut impatient = Self(listen().map_err(broken)?);
        // A reader that stands still holds the writing up, and must not hold up the end.
        tokio::spawn(async move {
            impatient.any().await;
            tokio::time::sleep(PATIENCE).await;
            std::process::exit(Code::Done as i32);
        });
        listen().map(Self).map_err(broken)
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::Face;
    use super::*;
    use crate::domain::checklist::{Followed, LogSource, On};
    use crate::domain::id::{EnvName, HostName, LogName};
    use crate::domain::log::Pattern;

    fn source() -> TailSource {
        TailSource {
            env: EnvName::new("production"),
            host: HostName::new("web1"),
            log: LogSource {
                name: LogName::new("app"),
                on: On::All,
                what: Followed::File("app.log".to_owned()),
            },
        }
    }

    #[test]
    fn a_host_whose_log_was_read_in_part_was_reached_though_its_clock_never_answered() {
        let sources = [source()];
        let wanted = Wanted {
            matcher: None,
            since_ms: None,
            deeds_ms: 0,
            follow: false,
        };
        let mut stream = Stream::new(&sources, Lines::new(Face::Json, &sources), wanted);
        stream.state(0, SourceState::Live);
        let (why, help) = ("the connection ended".to_owned(), None);
        stream.state(0, SourceState::Failed { why, help });
        let failure = stream.code(&Over::Done).err().unwrap();
        assert_eq!(failure.message, "1 log could not be read to the end");
    }

    #[test]
    fn a_loud_log_of_which_nothing_is_wanted_lets_others_have_their_turn() {
        let pattern = Pattern {
            text: "never there".to_owned(),
            regex: false,
        };
        let wanted = Wanted {
            matcher: Matcher::new(&pattern).ok(),
            since_ms: None,
            deeds_ms: 0,
            follow: true,
        };
        let sources = [source()];
        let mut stream = Stream::new(&sources, Lines::new(Face::Json, &sources), wanted);
        let update = || TailUpdate::Bytes {
            source: 0,
            at: session::now(),
            bytes: b"a line\n".repeat(9).into(),
        };
        let (sender, mut waiting) = mpsc::channel(8 * TURN);
        while sender.try_send(update()).is_ok() {}
        stream.take_all(update(), &mut waiting);
        assert!(!waiting.is_empty(), "nobody else is heard");
        assert!(stream.out.is_empty());
    }
}
