//! Needs without a screen: decisions given in advance, questions asked of a person, or the run is left.
//!
//! A need is answered once: what a granted wish changed is taken before the next need is looked for, so that nobody
//! is asked twice and nothing is stopped that was just tried again.

use super::{Driver, Face, Left};
use crate::app::report::{Code, Failure};
use crate::domain::id::{EnvName, TaskId};
use crate::domain::run::progress::{Need, is_quiet, needs};
use crate::domain::run::{Intent, TaskStatus};
use crate::engine::FeedReceiver;

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
        let Some(need) = needs(&self.state, false).into_iter().next() else {
            return Answered::Nothing;
        };
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
                self.tell(intent).await
            }
            Need::Interrupted(tasks) => Answered::Left(Left::Unknown(self.unknown(&tasks))),
        }
    }

    async fn tell(&self, intent: Intent) -> Answered {
        match self.control.wish(intent).await {
            None => Answered::Granted,
            Some(_) => Answered::Nothing,
        }
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
        let message = format!(
            "run {} stopped at the {env} gate: it needs a decision",
            self.state.run
        );
        Answered::Left(Left::Gate(self.gate_failure(&env, &message)))
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
