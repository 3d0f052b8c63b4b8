//! Needs without a screen: decisions given in advance, questions asked of a person, or the run is left.
//!
//! A need is answered once: what a granted wish changed is taken before the next need is looked for, so that nobody
//! is asked twice and nothing is stopped that was just tried again.

use std::fmt::Write as _;

use super::{Driver, Face, Left};
use crate::app::holders;
use crate::app::prompt::Silence;
use crate::app::report::{Code, Failure};
use crate::app::session;
use crate::app::verdict::{short, undecided};
use crate::domain::action::Action;
use crate::domain::feed::Link;
use crate::domain::id::{EnvName, TaskId};
use crate::domain::lock::Busy;
use crate::domain::run::progress::{self, Need, is_quiet, needs};
use crate::domain::run::schedule::{could_start, place, waits_for_lock};
use crate::domain::run::{Intent, Moment, RunStatus, TaskStatus};
use crate::domain::text::{duration, few};
use crate::engine::FeedReceiver;

/// How many lines of an output are shown where a decision about it is needed.
const LAST_LINES: usize = 5;
/// How many bytes of them.
const LAST_BYTES: u64 = 4 << 10;
/// So many tasks are named one by one.
const LISTED: usize = 12;

/// What became of looking for a need.
enum Answered {
    /// Nothing is needed, or the engine did not take the answer.
    Nothing,
    /// A wish was granted; what it changed is in the feed.
    Granted,
    /// Nobody answers: the run has to be left.
    Left(Left),
}

impl<F: Face> Driver<F> {
    /// Answers what the run waits for. `Some` = nobody can, the run has to be left.
    ///
    /// It is left only when nothing runs any more: what runs is let end, and told.
    pub(super) async fn answer_needs(&mut self, feed: &mut FeedReceiver) -> Option<Left> {
        loop {
            match self.answer_next().await {
                Answered::Nothing => return None,
                Answered::Left(left) => return is_quiet(&self.state).then_some(left),
                Answered::Granted => self.take_all(feed.sent()),
            }
        }
    }

    async fn answer_next(&mut self) -> Answered {
        let now = session::now();
        let busy = waits_for_lock(&self.state, now)
            .and_then(|env| Some((env.clone(), self.busy.get(env)?.clone())));
        if let Some((env, busy)) = busy {
            return self.answer_busy(env, &busy, now).await;
        }
        let need = needs(&self.state, false).into_iter().next();
        let asks = self.prompt.is_some() && need.is_some();
        if self.state.status == RunStatus::Paused && is_quiet(&self.state) && !asks {
            return Answered::Left(Left::Gate(self.paused()));
        }
        let Some(need) = need else {
            return Answered::Nothing;
        };
        match need {
            Need::Gate(stage) => self.answer_gate(stage).await,
            Need::Answer(task) => self.answer_question(&task).await,
            // What was just decided begins first.
            Need::Failure(_) | Need::Interrupted(_) if could_start(&self.state, now) => {
                Answered::Nothing
            }
            // What runs besides is told first, and may fail too.
            Need::Failure(_) if self.prompt.is_some() && self.is_at_work() => Answered::Nothing,
            Need::Failure(tasks) => {
                if self.prompt.is_some() {
                    return self.ask_about(&tasks).await;
                }
                let reason = Some("a step failed".to_owned());
                self.tell(Intent::Stop { reason }).await
            }
            // What runs besides is told first.
            Need::Interrupted(_) if self.prompt.is_some() && !is_quiet(&self.state) => {
                Answered::Nothing
            }
            Need::Interrupted(tasks) if self.prompt.is_some() => self.ask_about(&tasks).await,
            Need::Interrupted(tasks) => Answered::Left(Left::Unknown(self.unknown(&tasks))),
        }
    }

    /// Nobody pauses a run here: it pauses when its lock was lost, until an operator goes on with it.
    fn paused(&self) -> Failure {
        let run = &self.state.run;
        Failure::new(
            Code::Locked,
            format!("run {run} is paused: it does not hold its lock any more"),
        )
        .help(format!(
            "{} resume {run} takes the lock again and goes on, once you know what was done meanwhile",
            self.command
        ))
    }

    /// Asks the person what to do about tasks that failed, or whose end nobody knows.
    async fn ask_about(&mut self, tasks: &[TaskId]) -> Answered {
        let now = session::now();
        let known: String = tasks.iter().map(|task| self.known(task, now)).collect();
        let Some(prompt) = &mut self.prompt else {
            return Answered::Nothing;
        };
        let stop = |reason: &str| {
            let reason = Some(reason.to_owned());
            vec![Intent::Stop { reason }]
        };
        let wishes = match prompt.decide(&self.state, tasks, &known, now).await {
            Ok(wishes) => wishes,
            Err(Silence::ToldToEnd) => return Answered::Left(Left::Signal),
            Err(Silence::Interrupted) => stop("Ctrl-C"),
            // Nobody is there any more: as without a terminal.
            Err(Silence::Nobody) => {
                self.prompt = None;
                return Answered::Granted;
            }
        };
        for wish in wishes {
            if let Some(refusal) = self.control.wish(wish).await {
                super::aside(&format!("refused: {refusal}"));
                return Answered::Nothing;
            }
        }
        // Whoever decides about the tasks of a paused run wants it to go on.
        if self.state.status == RunStatus::Paused {
            self.control.wish(Intent::Continue).await;
        }
        Answered::Granted
    }

    /// What is known of a task of unknown end, besides why: when it started, how its host is, its last lines.
    fn known(&self, task: &TaskId, now: Moment) -> String {
        let Some(position) = self.state.position(task) else {
            return String::new();
        };
        let current = &self.state.tasks[position];
        if !matches!(current.status, TaskStatus::Interrupted(_)) {
            return String::new();
        }
        let mut text = String::new();
        if let Some(started) = current.started {
            let past = (now - started).to_std().unwrap_or_default();
            let at = started.format("%H:%M:%S");
            let _ = writeln!(text, "  started {at}, {} ago", duration(past));
        }
        let (stage, planned) = self.state.planned(position);
        let place = place(&self.state.plan.stages[stage], planned);
        if let Some(key) = place {
            let host = &key.1;
            let _ = match self.links.get(&key) {
                Some(Link::Connected(_)) => writeln!(text, "  {host} is connected"),
                Some(Link::Connecting) => writeln!(text, "  {host} is being connected"),
                Some(Link::Lost { why, .. } | Link::Failed { why, .. }) => {
                    writeln!(text, "  {host} cannot be reached: {why}")
                }
                None => Ok(()),
            };
        }
        let file = self.logs.read(task, current.attempt).ok().flatten();
        let window = file.and_then(|file| file.last_lines(LAST_LINES, LAST_BYTES).ok());
        match window {
            Some(window) if !window.bytes.is_empty() => {
                text.push_str("  its last lines:\n");
                for line in String::from_utf8_lossy(&window.bytes).lines() {
                    let _ = writeln!(text, "  | {line}");
                }
            }
            _ => text.push_str("  it printed nothing\n"),
        }
        text
    }

    /// Somebody else has a lock that is needed now.
    async fn answer_busy(&mut self, env: EnvName, busy: &Busy, now: Moment) -> Answered {
        let failure = holders::locked(&env, busy, &self.command, now);
        if !is_quiet(&self.state) {
            return Answered::Nothing;
        }
        if let Some(prompt) = &mut self.prompt {
            let told = format!(
                "{}\n  {}\n  {}\n",
                failure.message,
                holders::facts(busy.holder.as_ref(), now),
                holders::heard(busy)
            );
            if let Some(wish) = prompt.busy(&env, &told, &busy.id).await {
                self.busy.remove(&env);
                return self.tell(wish).await;
            }
        }
        let begun = self.state.tasks.iter().any(|task| task.attempt.0 > 0);
        if begun {
            let help = format!(
                "{} resume {} goes on when it is free",
                self.command, self.state.run
            );
            return Answered::Left(Left::Locked(failure.help(help)));
        }
        // Nothing was started: there is nothing to go on with.
        self.locked = Some(failure);
        let reason = Some(format!("{env} is locked by somebody else"));
        self.tell(Intent::Stop { reason }).await
    }

    async fn tell(&self, intent: Intent) -> Answered {
        match self.control.wish(intent).await {
            None => Answered::Granted,
            Some(_) => Answered::Nothing,
        }
    }

    /// Whether a step runs; an open question does not.
    fn is_at_work(&self) -> bool {
        self.state.each().any(|(planned, task)| {
            task.status == TaskStatus::Running && matches!(planned.action, Action::Exec(_))
        })
    }

    /// Tasks that nobody can tell the end of.
    pub(super) fn unknown_ends(&self) -> Vec<TaskId> {
        let unknown = self
            .state
            .each()
            .filter(|(_, task)| matches!(task.status, TaskStatus::Interrupted(_)));
        unknown.map(|(planned, _)| planned.id.clone()).collect()
    }

    /// What the operator is told about tasks of unknown end.
    pub(super) fn unknown(&self, tasks: &[TaskId]) -> Failure {
        let message = format!("nobody can tell how {} ended", listed(tasks));
        let failure = Failure::new(Code::Unknown, message);
        undecided(&self.command, &self.state, tasks, failure)
    }

    /// What the operator is told about a run that ended with failures.
    pub(super) fn failed(&self) -> Failure {
        let (command, run) = (&self.command, &self.state.run);
        let standing = progress::standing(&self.state);
        let mut failure = Failure::new(Code::Failed, format!("run {run} {standing}"))
            .help(format!(
                "{command} runs logs {run} shows what every step printed"
            ))
            .help(format!(
                "{command} resume {run} tries the failed steps again"
            ));
        let open = (0..self.state.tasks.len()).filter(|at| {
            let is_failed = self.state.tasks[*at].status == TaskStatus::Failed;
            is_failed && !self.state.is_settled(*at)
        });
        let open: Vec<TaskId> = open.map(|at| self.state.planned(at).1.id.clone()).collect();
        if open.len() > 1 {
            failure = failure.details(format!("failed: {}", listed(&open)));
        }
        for task in short(&open) {
            failure = failure.help(format!(
                "{command} resume {run} --retry {task}, or --skip or --done {task} --reason TEXT"
            ));
        }
        failure
    }

    async fn answer_gate(&mut self, stage: usize) -> Answered {
        let Some(env) = self.state.plan.stages[stage].env.clone() else {
            return Answered::Nothing;
        };
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
            return match self.control.wish(intent).await {
                None => Answered::Granted,
                Some(refusal) => {
                    Answered::Left(Left::Gate(self.gate_failure(&env, &refusal.to_string())))
                }
            };
        }
        if let Some(prompt) = &mut self.prompt
            && prompt.gate(&self.state, stage).await
        {
            let intent = Intent::Approve {
                env: env.clone(),
                commit: None,
                reason,
            };
            return self.tell(intent).await;
        }
        Answered::Left(Left::Gate(self.stays_at(&env)))
    }

    /// A run that is told to end while nothing but its gate is open stays there.
    pub(super) fn at_gate(&self) -> Option<Left> {
        let stage = progress::gate_waiting(&self.state).filter(|_| !self.hung_up)?;
        let env = self.state.plan.stages[stage].env.clone()?;
        Some(Left::Gate(self.stays_at(&env)))
    }

    fn stays_at(&self, env: &EnvName) -> Failure {
        let run = &self.state.run;
        let message = format!("run {run} stopped at the {env} gate: it needs a decision");
        self.gate_failure(env, &message)
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

    async fn answer_question(&mut self, task: &TaskId) -> Answered {
        let Some(position) = self.state.position(task) else {
            return Answered::Nothing;
        };
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
                let asks = format!("{task} asks: {}", crate::app::report::shown(&question));
                let help = format!(
                    "{} resume {} --confirm {step} answers that it is done",
                    self.command, self.state.run
                );
                let failure = Failure::new(Code::Decision, asks).help(help);
                return Answered::Left(Left::Gate(failure));
            }
        };
        self.tell(intent).await
    }
}

/// Ids in a row; of very many the first.
fn listed(tasks: &[TaskId]) -> String {
    let names: Vec<&str> = tasks.iter().map(TaskId::as_str).collect();
    few(&names, LISTED)
}
