//! Driving a run without a screen: the feed into lines, needs into decisions given in advance or asked for.
//!
//! The plain and the JSON face share it. Output the feed left out because the face was slow is read from the log
//! file, so every line comes out exactly once. Nothing here decides about the run: every need is answered with an
//! intent, or the run is left as it is with the command that goes on.

use std::collections::BTreeMap;
use std::io::Write;

use tokio::signal::unix::{SignalKind, signal};

use super::args::{Approval, Decisions};
use super::prompt::Prompt;
use super::report::{Code, Failure};
use crate::domain::feed::{Link, Update};
use crate::domain::id::{Attempt, EnvName, HostName, TaskId};
use crate::domain::run::progress::{Need, is_quiet, needs};
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
    /// A fact; `state` has it already.
    fn record(&mut self, record: &Record, state: &RunState) -> Vec<String>;
    /// A line of output.
    fn output(&mut self, line: &Line<'_>, state: &RunState) -> Option<String>;
    /// The connection to a host changed.
    fn link(&mut self, env: &EnvName, host: &HostName, link: &Link) -> Option<String>;
}

/// What was received of one attempt's output.
#[derive(Default)]
struct Received {
    offset: u64,
    partial: Vec<u8>,
}

/// Lines longer than this are cut into several, so that a step without line ends does not fill the memory.
const LONGEST_LINE: usize = 1 << 20;

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
    interrupts: u32,
    used: Vec<Approval>,
}

/// Why the driving ended before the run did.
enum Left {
    Gate(Failure),
    Unknown(Failure),
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
            interrupts: 0,
            used: Vec::new(),
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

    /// Skips the output of attempts that ended before this process came: it was shown then.
    pub fn skip_shown(&mut self) {
        for (task, state) in self.state.each() {
            let key = (task.id.clone(), state.attempt);
            let size = self.logs.read(&key.0, key.1).ok().flatten();
            let size = size.and_then(|file| file.len().ok()).unwrap_or(0);
            let received = Received {
                offset: size,
                partial: Vec::new(),
            };
            self.received.insert(key, received);
        }
    }

    /// Drives until the engine ends or a need is left open. Returns the code to end with.
    pub async fn drive(&mut self, mut feed: FeedReceiver) -> Result<Code, Failure> {
        let broken = |error: std::io::Error| {
            Failure::new(
                Code::Failed,
                format!("could not listen to signals: {error}"),
            )
        };
        let mut interrupt = signal(SignalKind::interrupt()).map_err(broken)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(broken)?;
        let mut hangup = signal(SignalKind::hangup()).map_err(broken)?;
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
                        self.take(update)?;
                        if settled && left.is_none() {
                            left = self.answer_needs().await;
                        }
                    }
                    None => break,
                },
                _ = interrupt.recv() => left = left.or(self.interrupted().await),
                _ = terminate.recv() => left = left.or(Some(Left::Signal)),
                _ = hangup.recv() => left = left.or(Some(Left::Signal)),
            }
        }
        self.flush_all()?;
        self.outcome(left)
    }

    fn outcome(&self, left: Option<Left>) -> Result<Code, Failure> {
        match (left, self.state.status) {
            (_, RunStatus::Finished(Outcome::Succeeded | Outcome::RolledBack)) => Ok(Code::Done),
            (_, RunStatus::Finished(Outcome::Failed)) => {
                let failed = crate::domain::run::progress::standing(&self.state);
                Err(
                    Failure::new(Code::Failed, format!("run {} {failed}", self.state.run))
                        .help(format!(
                            "{} runs logs {} shows what every step printed",
                            self.command, self.state.run
                        ))
                        .help(format!(
                            "{} resume {} tries the failed steps again",
                            self.command, self.state.run
                        )),
                )
            }
            (_, RunStatus::Finished(Outcome::Stopped)) => Err(Failure::new(
                Code::Stopped,
                format!("run {} was stopped", self.state.run),
            )
            .help(format!(
                "{} resume {} goes on with it",
                self.command, self.state.run
            ))),
            (Some(Left::Gate(failure) | Left::Unknown(failure)), _) => Err(failure),
            (Some(Left::Signal), _) => Err(Failure::new(
                Code::Stopped,
                format!(
                    "run {} was left: what runs on its hosts goes on there",
                    self.state.run
                ),
            )
            .help(format!(
                "{} resume {} goes on with it",
                self.command, self.state.run
            ))),
            (None, _) => Err(Failure::new(
                Code::Unknown,
                format!(
                    "run {} ended without a result: its journal could not be written",
                    self.state.run
                ),
            )
            .help(format!(
                "free some space, then {} resume {}",
                self.command, self.state.run
            ))),
        }
    }

    /// Takes one update: folds it, prints it.
    fn take(&mut self, update: Update) -> Result<(), Failure> {
        match update {
            Update::Event(record) => {
                self.catch_up(&record)?;
                apply(&mut self.state, &record);
                let lines = self.face.record(&record, &self.state);
                say(&lines)
            }
            Update::Output {
                task,
                attempt,
                at,
                offset,
                bytes,
            } => {
                let key = (task, attempt);
                let have = self.received.entry(key.clone()).or_default().offset;
                if offset > have {
                    self.read_missing(&key, offset, at)?;
                }
                // What was read from the file already is not taken twice.
                let have = self
                    .received
                    .get(&key)
                    .map_or(0, |received| received.offset);
                let skip = have.saturating_sub(offset).min(bytes.len() as u64) as usize;
                self.receive(&key, &bytes[skip..], at)
            }
            Update::Settled => Ok(()),
            Update::Connection { env, host, link } => {
                let line = self.face.link(&env, &host, &link);
                say(line.as_slice())
            }
            Update::JournalFailed(why) => {
                let text = super::report::shown(&format!(
                    "NOT RECORDED: {why}; nothing more is started\n"
                ));
                let _ = std::io::stderr().write_all(text.as_bytes());
                Ok(())
            }
        }
    }

    /// At the end of an attempt everything it printed is shown before the end is told.
    fn catch_up(&mut self, record: &Record) -> Result<(), Failure> {
        let (task, attempt, size) = match &record.event {
            Event::TaskFinished {
                task,
                attempt,
                output_size,
                ..
            }
            | Event::TaskFailed {
                task,
                attempt,
                output_size,
                ..
            } => (task, *attempt, *output_size),
            _ => return Ok(()),
        };
        let key = (task.clone(), attempt);
        if let Some(size) = size {
            self.read_missing(&key, size, record.at)?;
        }
        self.flush(&key, record.at)
    }

    fn read_missing(
        &mut self,
        key: &(TaskId, Attempt),
        until: u64,
        at: Moment,
    ) -> Result<(), Failure> {
        let unreadable = |error: std::io::Error| {
            Failure::new(
                Code::Failed,
                format!("could not read the output of {}: {error}", key.0),
            )
        };
        loop {
            let have = self.received.entry(key.clone()).or_default().offset;
            if have >= until {
                return Ok(());
            }
            let Some(file) = self.logs.read(&key.0, key.1).map_err(unreadable)? else {
                return Ok(());
            };
            let bytes = file
                .from(have, (until - have).min(1 << 20))
                .map_err(unreadable)?;
            if bytes.is_empty() {
                return Ok(());
            }
            self.receive(key, &bytes, at)?;
        }
    }

    fn receive(
        &mut self,
        key: &(TaskId, Attempt),
        bytes: &[u8],
        at: Moment,
    ) -> Result<(), Failure> {
        let received = self.received.entry(key.clone()).or_default();
        received.offset += bytes.len() as u64;
        received.partial.extend_from_slice(bytes);
        let mut lines = Vec::new();
        let mut begin = 0;
        let buffer = std::mem::take(&mut received.partial);
        let mut ends = memchr::memchr_iter(b'\n', &buffer);
        loop {
            let end = match ends.next() {
                Some(end) => end,
                None if buffer.len() - begin >= LONGEST_LINE => buffer.len(),
                None => break,
            };
            let text = buffer.get(begin..end).unwrap_or_default();
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let line = Line {
                task: &key.0,
                attempt: key.1,
                at,
                bytes: text,
            };
            lines.extend(self.face.output(&line, &self.state));
            begin = (end + 1).min(buffer.len());
            if begin == buffer.len() {
                break;
            }
        }
        if let Some(received) = self.received.get_mut(key) {
            received.partial = buffer[begin..].to_vec();
        }
        say(&lines)
    }

    fn flush(&mut self, key: &(TaskId, Attempt), at: Moment) -> Result<(), Failure> {
        let rest = self
            .received
            .get_mut(key)
            .map(|received| std::mem::take(&mut received.partial));
        match rest {
            Some(rest) if !rest.is_empty() => {
                let line = Line {
                    task: &key.0,
                    attempt: key.1,
                    at,
                    bytes: &rest,
                };
                let line = self.face.output(&line, &self.state);
                say(line.as_slice())
            }
            _ => Ok(()),
        }
    }

    fn flush_all(&mut self) -> Result<(), Failure> {
        let Some(at) = self.state.ended.or(self.state.started) else {
            return Ok(());
        };
        let keys: Vec<_> = self.received.keys().cloned().collect();
        keys.iter().try_for_each(|key| self.flush(key, at))
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
        let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
        self.control.wish(intent).await;
        None
    }

    /// Answers what the run waits for. `Some` = nobody can, the run has to be left.
    ///
    /// It is left only when nothing runs any more: what runs is let end, and told.
    async fn answer_needs(&mut self) -> Option<Left> {
        let left = self.answer_first_need().await;
        left.filter(|_| is_quiet(&self.state))
    }

    async fn answer_first_need(&mut self) -> Option<Left> {
        let need = needs(&self.state, false).into_iter().next()?;
        match need {
            Need::Gate(stage) => self.answer_gate(stage).await,
            Need::Answer(task) => self.answer_question(&task).await,
            Need::Failure(tasks) => {
                let again = match &mut self.prompt {
                    Some(prompt) => prompt.retry(&tasks).await,
                    None => false,
                };
                let intent = if again {
                    Intent::Retry { tasks }
                } else {
                    Intent::Stop {
                        reason: Some("a step failed".to_owned()),
                    }
                };
                self.control.wish(intent).await;
                None
            }
            Need::Interrupted(tasks) => Some(Left::Unknown(self.unknown(&tasks))),
        }
    }

    fn unknown(&self, tasks: &[TaskId]) -> Failure {
        let names: Vec<&str> = tasks.iter().map(TaskId::as_str).collect();
        Failure::new(
            Code::Unknown,
            format!("nobody can tell how {} ended", names.join(", ")),
        )
        .help(format!(
            "{} resume {} in a terminal decides about it",
            self.command, self.state.run
        ))
    }

    async fn answer_gate(&mut self, stage: usize) -> Option<Left> {
        let env = self.state.plan.stages[stage].env.clone()?;
        let given = self
            .decisions
            .approve
            .iter()
            .find(|approval| approval.env == env.as_str());
        let reason = self.decisions.reason.clone();
        if let Some(given) = given.filter(|given| !self.used.contains(given)).cloned() {
            // An approval is used once: a gate that refuses it is not asked with it for ever.
            self.used.push(given.clone());
            let intent = Intent::Approve {
                env: env.clone(),
                commit: Some(given.commit),
                reason,
            };
            let refusal = self.control.wish(intent).await?;
            return Some(Left::Gate(self.gate_failure(&env, &refusal.to_string())));
        }
        if let Some(prompt) = &mut self.prompt
            && prompt.gate(&self.state, stage).await
        {
            let intent = Intent::Approve {
                env: env.clone(),
                commit: None,
                reason,
            };
            self.control.wish(intent).await;
            return None;
        }
        let message = format!(
            "run {} stopped at the {env} gate: it needs a decision",
            self.state.run
        );
        Some(Left::Gate(self.gate_failure(&env, &message)))
    }

    fn gate_failure(&self, env: &EnvName, message: &str) -> Failure {
        let commit = self
            .state
            .plan
            .commit
            .as_ref()
            .map_or("COMMIT", |commit| commit.short());
        Failure::new(Code::Decision, message).help(format!(
            "{} resume {} --approve {env}={commit}",
            self.command, self.state.run
        ))
    }

    async fn answer_question(&mut self, task: &TaskId) -> Option<Left> {
        let position = self.state.position(task)?;
        let question = self.state.planned(position).1.action.text().to_owned();
        let step = self.state.planned(position).1.step.to_string();
        let answer = match &mut self.prompt {
            _ if self.decisions.confirm.contains(&step) => Some(true),
            Some(prompt) => prompt.question(&question).await,
            None => None,
        };
        let task = task.clone();
        let intent = match answer {
            Some(true) => Intent::Confirm { task },
            Some(false) => Intent::Deny { task },
            None => {
                let asks = format!("{task} asks: {}", super::report::shown(&question));
                let help = format!(
                    "{} resume {} --confirm {step} answers that it is done",
                    self.command, self.state.run
                );
                return Some(Left::Gate(Failure::new(Code::Decision, asks).help(help)));
            }
        };
        self.control.wish(intent).await;
        None
    }
}

/// Prints lines. A reader that went away ends the printing, never the run.
fn say(lines: &[String]) -> Result<(), Failure> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut text = String::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    super::report::print(&text)
}
