//! Leaving the console: the terminal is given back, and the last lines say what ran and how to go on.

use std::fmt::Write as _;

use super::super::report::{Code, Failure, shown};
use super::{Console, Exit};
use crate::domain::run::progress::{self, Need};
use crate::domain::run::{Outcome, RunState, RunStatus};
use crate::ui::msg::Owner;

impl Console {
    /// Ends what belongs to the console and returns how the process ends.
    pub(super) async fn close(mut self, exit: Exit) -> Result<Code, Failure> {
        self.events = None;
        crate::edge::terminal::give_back();
        let view = self
            .model
            .run
            .take()
            .filter(|view| view.owner == Owner::Here);
        if let Some(run) = self.run.take() {
            run.leave().await;
        }
        self.errands.close().await;
        let state = view
            .map(|view| view.state)
            .filter(|state| state.status != RunStatus::Prepared);
        let Some(state) = state else {
            return match exit {
                Exit::Asked => Ok(Code::Done),
                Exit::Signal => Ok(Code::Stopped),
            };
        };
        // A terminal that is gone reads nothing.
        let _ = super::super::report::print(&shown(&summary(&state, &self.project.command)));
        Ok(code(&state))
    }
}

/// How the process ends with the run in this state.
fn code(state: &RunState) -> Code {
    match state.status {
        RunStatus::Finished(Outcome::Succeeded | Outcome::RolledBack) => Code::Done,
        RunStatus::Finished(Outcome::Failed) => Code::Failed,
        RunStatus::Finished(Outcome::Stopped) | RunStatus::Prepared => Code::Stopped,
        _ => match progress::needs(state, true).first() {
            Some(Need::Gate(_) | Need::Answer(_)) => Code::Decision,
            Some(Need::Failure(_)) => Code::Failed,
            Some(Need::Interrupted(_)) | None => Code::Unknown,
        },
    }
}

/// What ran, what users see, and how to go on.
fn summary(state: &RunState, command: &str) -> String {
    let counts = progress::counts(state, None);
    let commit = state
        .plan
        .commit
        .as_ref()
        .map_or("no commit", |commit| commit.short());
    let mut text = format!(
        "run {}: {} {commit}, {} of {} tasks done, {}\n{}\n",
        state.run,
        state.plan.project,
        counts.done,
        counts.total,
        progress::standing(state),
        progress::users_see(state)
    );
    if let Some(tag) = state.tag.as_ref().and_then(|tag| tag.tag.as_ref()) {
        let _ = writeln!(text, "tagged {tag}");
    }
    if state.is_anything_running() {
        text.push_str("what runs on its hosts goes on there; nothing new is started\n");
    }
    if state.status != RunStatus::Finished(Outcome::Succeeded) {
        let _ = writeln!(text, "{command} resume {} goes on with it", state.run);
    }
    text
}
