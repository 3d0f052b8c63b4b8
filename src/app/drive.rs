//! Driving a run without a screen: the feed into lines, needs into decisions given in advance or asked for.
//!
//! The plain and the JSON face share it. Output the feed left out because the face was slow is read from the log
//! file, so every line comes out exactly once. Nothing here decides about the run: every need is answered with an
//! intent, or the run is left as it is with the command that goes on.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

mod answers;
mod output;
mod past;
mod watch;

use output::Received;
pub use past::Past;

use super::args::{Approval, Decisions};
use super::holders::{self, Gone};
use super::prompt::Prompt;
use super::report::{Code, Failure};
use crate::domain::feed::{Link, LockNews, Update};
use crate::domain::id::{Attempt, EnvName, HostName, TaskId};
use crate::domain::lock::Busy;
use crate::domain::run::{
    Event, Intent, Moment, Outcome, Record, RunState, RunStatus, apply::apply,
};
use crate::edge::logs::store::Logs;
use crate::engine::{Control, FeedReceiver};

/// A line an attempt printed, without its end.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// The task.
    pub task: &'a TaskId,
    /// Which try.
    pub attempt: Attempt,
    /// When its last bytes arrived.
    pub at: Moment,
    /// The line, exactly.
    pub bytes: &'a [u8],
}

/// Turns what happens into lines of text. Lines hold no control characters and no line ends.
pub trait Face {
    /// Whether its lines are for people; otherwise what is for people goes to standard error.
    const HOLDS_TEXT: bool;
    /// A fact; `state` has it already.
    fn record(&mut self, record: &Record, state: &RunState) -> Vec<String>;
    /// A line of output.
    fn output(&mut self, line: &Line<'_>, state: &RunState) -> Option<String>;
    /// The connection to a host changed.
    fn link(&mut self, env: &EnvName, host: &HostName, link: &Link) -> Option<String>;
    /// A lock that is wanted cannot be had for now, or it is being taken.
    fn lock(&mut self, _env: &EnvName, _news: &LockNews) -> Option<String> {
        None
    }
    /// This machine cannot be used for now.
    fn here(&mut self, _why: &str, _retry_in: Duration) -> Option<String> {
        None
    }
}

/// Drives one run to its end, or to a need nobody answers.
pub struct Driver<F: Face> {
    face: F,
    state: RunState,
    control: Control,
    logs: Logs,
    decisions: Decisions,
    /// `golive` as it was called, with `-f`, for the commands it prints.
    command: String,
    prompt: Option<Prompt>,
    received: BTreeMap<(TaskId, Attempt), Received>,
    /// Standard output takes no more.
    mute: bool,
    interrupts: u32,
    used: Vec<Approval>,
    /// How the connections to hosts are.
    links: BTreeMap<(EnvName, HostName), Link>,
    /// Who has the locks this run needs and could not have.
    busy: BTreeMap<EnvName, Busy>,
    /// Locks that were given back or lost since this process drives the run.
    gone: BTreeMap<EnvName, Gone>,
    /// The run was ended because somebody else has a lock it needs.
    locked: Option<Failure>,
    /// The terminal went away.
    hung_up: bool,
}

/// Why the driving ended before the run did.
enum Left {
    Gate(Failure),
    Unknown(Failure),
    Locked(Failure),
    Signal,
}

impl<F: Face> Driver<F> {
    /// A driver for a run in this state.
    pub fn new(
        face: F,
        state: RunState,
        control: Control,
        logs: Logs,
        decisions: Decisions,
    ) -> Self {
        Self {
            face,
            state,
            control,
            logs,
            decisions,
            command: "golive".to_owned(),
            prompt: None,
            received: BTreeMap::new(),
            mute: false,
            interrupts: 0,
            used: Vec::new(),
            links: BTreeMap::new(),
            busy: BTreeMap::new(),
            gone: BTreeMap::new(),
            locked: None,
            hung_up: false,
        }
    }

    /// Questions may be asked on this terminal.
    #[must_use]
    pub fn with_prompt(mut self, prompt: Option<Prompt>) -> Self {
        self.prompt = prompt;
        self
    }

    /// How golive was called, for the commands it prints.
    #[must_use]
    pub fn called_as(mut self, command: String) -> Self {
        self.command = command;
        self
    }

    /// Drives until the engine ends or a need is left open. Returns the code to end with.
    pub async fn drive(&mut self, mut feed: FeedReceiver) -> Result<Code, Failure> {
        let listening = (|| {
            let interrupt = signal(SignalKind::interrupt())?;
            let terminate = signal(SignalKind::terminate())?;
            Ok((interrupt, terminate, signal(SignalKind::hangup())?))
        })();
        let (mut interrupt, mut terminate, mut hangup) = listening.map_err(|error| {
            self.control.leave();
            let why: std::io::Error = error;
            Failure::new(Code::Failed, format!("could not listen to signals: {why}"))
        })?;
        let mut left = None;
        loop {
            if left.is_some() {
                self.control.leave();
            }
            tokio::select! {
                update = feed.next() => match update {
                    Some(update) => {
                        // Between the facts of one moment the run may seem to wait for somebody.
                        let settled = matches!(update, Update::Settled);
                        self.take(update);
                        if settled && left.is_none() {
                            left = tokio::select! {
                                biased;
                                left = self.answer_needs(&mut feed) => left,
                                // It came just before the question began to listen.
                                _ = terminate.recv() => Some(Left::Signal),
                            };
                        }
                    }
                    None => break,
                },
                // A run that is being left is not stopped any more.
                _ = interrupt.recv(), if left.is_none() => left = self.interrupted().await,
                _ = terminate.recv() => left = left.or(Some(Left::Signal)),
                _ = hangup.recv() => {
                    self.hung_up = true;
                    left = left.or(Some(Left::Signal));
                }
            }
        }
        if matches!(left, Some(Left::Signal))
            && let Some(gate) = self.at_gate()
        {
            left = Some(gate);
        }
        self.flush_all();
        let standing = holders::standing(&self.state, &self.gone, &self.command);
        match self.outcome(left) {
            Ok(code) => {
                if let Some(standing) = standing {
                    self.last(&standing);
                }
                Ok(code)
            }
            Err(mut failure) => {
                failure.standing = standing.map(Into::into);
                Err(failure)
            }
        }
    }

    /// The last line: among the others, or beside a stream that holds nothing but events.
    fn last(&mut self, text: &str) {
        if F::HOLDS_TEXT && !self.mute {
            self.say(&[super::report::shown(text)]);
        } else {
            aside(text);
        }
    }

    /// The decisions that are left, when the run was left because the terminal went away: it goes on without it.
    pub fn abandoned(&self) -> Option<Decisions> {
        let mut decisions = self.decisions.clone();
        decisions.approve.retain(|given| !self.used.contains(given));
        self.hung_up.then_some(decisions)
    }

    fn outcome(&self, left: Option<Left>) -> Result<Code, Failure> {
        let again = format!("{} resume {} goes on with it", self.command, self.state.run);
        match (left, self.state.status) {
            (_, RunStatus::Finished(Outcome::Succeeded | Outcome::RolledBack)) => Ok(Code::Done),
            (_, RunStatus::Finished(Outcome::Stopped)) if self.locked.is_some() => {
                Err(self.locked.clone().unwrap_or_else(|| self.unknown(&[])))
            }
            (_, RunStatus::Finished(Outcome::Failed)) => Err(self.failed()),
            (_, RunStatus::Finished(Outcome::Stopped)) if !self.unknown_ends().is_empty() => {
                Err(self.unknown(&self.unknown_ends()))
            }
            (_, RunStatus::Finished(Outcome::Stopped)) => Err(Failure::new(
                Code::Stopped,
                format!("run {} was stopped", self.state.run),
            )
            .help(again)),
            (Some(Left::Gate(failure) | Left::Unknown(failure) | Left::Locked(failure)), _) => {
                Err(failure)
            }
            (Some(Left::Signal), _) => Err(Failure::new(
                Code::Stopped,
                format!(
                    "run {} was left: what runs on its hosts goes on there",
                    self.state.run
                ),
            )
            .help(again)),
            (None, _) => Err(Failure::new(
                Code::Unknown,
                format!("run {} is left without a result", self.state.run),
            )
            .help(again)),
        }
    }

    fn take_all(&mut self, updates: Vec<Update>) {
        for update in updates {
            self.take(update);
        }
    }

    /// Takes one update: folds it, prints it.
    fn take(&mut self, update: Update) {
        match update {
            Update::Event(record) => {
                self.catch_up(&record);
                apply(&mut self.state, &record);
                self.note_lock(&record.event);
                let lines = self.face.record(&record, &self.state);
                self.say(&lines);
            }
            Update::Output {
                task,
                attempt,
                at,
                offset,
                bytes,
            } => self.take_output(&(task, attempt), at, offset, &bytes),
            Update::Settled => {}
            Update::Lock { env, news } => {
                let line = self.face.lock(&env, &news);
                self.say(line.as_slice());
                match news {
                    LockNews::Busy(busy) => self.busy.insert(env, *busy),
                    _ => self.busy.remove(&env),
                };
            }
            Update::Here { why, retry_in } => {
                let line = self.face.here(&why, retry_in);
                self.say(line.as_slice());
            }
            Update::Connection { env, host, link } => {
                let line = self.face.link(&env, &host, &link);
                self.say(line.as_slice());
                self.links.insert((env, host), link);
            }
            Update::OutputFailed { task, why, .. } => aside(&format!(
                "NOT KEPT: the output of {task}: {why}; it waits where the step runs until there is room here"
            )),
            Update::JournalFailed(why) => {
                aside(&format!("NOT RECORDED: {why}; nothing more is started"));
            }
        }
    }

    fn note_lock(&mut self, event: &Event) {
        match event {
            Event::LockTaken { env, .. } => {
                self.busy.remove(env);
                self.gone.remove(env);
            }
            Event::LockReleased {
                env, left, lost, ..
            } => {
                let gone = match lost {
                    Some(_) => Gone::Lost,
                    None => Gone::Released(left.keys().cloned().collect()),
                };
                self.gone.insert(env.clone(), gone);
            }
            _ => {}
        }
    }

    /// Prints lines. A reader that went away, or a full disk behind it, ends the printing, never the run.
    fn say(&mut self, lines: &[String]) {
        if lines.is_empty() || self.mute {
            return;
        }
        let mut text = String::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        if let Err(failure) = super::report::print(&text) {
            self.mute = true;
            aside(&format!(
                "{failure}; the run goes on, {} runs logs {} shows what is missing here",
                self.command, self.state.run
            ));
        }
    }

    /// Ctrl-C: once ends the run when what runs has ended, twice ends what runs, and a third time leaves it where it
    /// cannot be ended: on hosts that do not answer.
    async fn interrupted(&mut self) -> Option<Left> {
        self.interrupts += 1;
        let reason = Some("Ctrl-C".to_owned());
        let (intent, text) = match self.interrupts {
            1 => (
                Intent::Stop { reason },
                "stopping when what runs has ended; Ctrl-C again ends it now",
            ),
            2 => (
                Intent::Kill { reason },
                "ending what runs; Ctrl-C again leaves it",
            ),
            _ => return Some(Left::Signal),
        };
        aside(text);
        self.control.wish(intent).await;
        None
    }
}

/// A line for people beside the output. Nobody is left to tell when standard error is gone.
fn aside(text: &str) {
    let text = super::report::shown(&format!("{text}\n"));
    let _ = std::io::stderr().write_all(text.as_bytes());
}
