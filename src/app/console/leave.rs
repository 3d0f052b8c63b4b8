//! Leaving the console: the terminal is given back, and the last lines say what ran and how to go on.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;

use super::super::deploy;
use super::super::handover::{self, Left};
use super::super::holders::standing;
use super::super::report::{Code, Failure, shown as shown_text};
use super::super::session::Project;
use super::errand::Answer;
use super::owned::Run;
use super::{Console, Exit};
use crate::domain::output::redact::Mask;
use crate::domain::run::progress::{self, Need};
use crate::domain::run::{Outcome, RunState, RunStatus};
use crate::domain::secret::Vault;
use crate::ui::model::{Dialog, Model};
use crate::ui::msg::Owner;

impl Console {
    /// Ends what belongs to the console and returns how the process ends. A run that is driven here goes on without it.
    pub(super) async fn close(mut self, exit: Exit) -> Result<Code, Failure> {
        self.events = None;
        crate::edge::terminal::give_back();
        self.watcher = None;
        // A run that was about to be opened may own its folder by now: nobody else would go on with it.
        let cut_short = self.last_answers().await;
        let view = self.model.run.take();
        let shown = view.filter(|view| view.owner == Owner::Here);
        let shown = shown.map(|view| view.state);
        let (state, sites, secrets) = match self.run.take() {
            Some(run) => {
                let (state, sites, secrets) = run.give_up().await;
                (state.or(shown), Some(sites), secrets)
            }
            None => (shown, None, Vault::default()),
        };
        let crash = match exit {
            Exit::Broken => Some(crash(&self.project, &known(&secrets, &self.model))),
            Exit::Asked | Exit::Signal => None,
        };
        let state = state.filter(|state| state.status != RunStatus::Prepared);
        // First of all: whoever ends this process may not have the patience to wait for connections.
        let left = match &state {
            Some(state) => {
                let decisions = self.advance.left();
                Some(handover::hand_over(&self.project, state, &decisions, &secrets).await)
            }
            None => None,
        };
        if let Some(sites) = sites {
            sites.close().await;
        }
        // Its spool is removed, its connections are let go.
        if let Some(tail) = self.papers.tail.take() {
            tail.close().await;
        }
        self.errands.close().await;
        let (Some(state), Some(left)) = (state, left) else {
            return match (crash.or(cut_short), exit) {
                (Some(failure), _) => Err(failure),
                (None, Exit::Asked) => Ok(Code::Done),
                (None, _) => Ok(Code::Stopped),
            };
        };
        let (state, goes_on, failure) = match left {
            Ok(Left::Rests(state)) => (*state, None, None),
            Ok(Left::GoesOn(who)) => (state, Some(who), None),
            Err(failure) => (state, None, Some(failure)),
        };
        let mut text = summary(&state, goes_on.as_deref(), &self.project);
        let locks = standing(&state, &BTreeMap::new(), &self.project.command);
        text.extend(locks.map(|line| line + "\n"));
        // A terminal that is gone reads nothing.
        let _ = super::super::report::print(&shown_text(&text));
        match failure.or(crash) {
            Some(failure) => Err(failure),
            None => Ok(code(&state)),
        }
    }
}

impl Console {
    /// Takes the runs that errands come back with after the console was left. Returns what went wrong with the last one.
    async fn last_answers(&mut self) -> Option<Failure> {
        let before = self.run.as_ref().map(|run| run.id().clone());
        let cut_short = self.errands.leave().await;
        let mut failed = None;
        while let Ok(answer) = self.answers.try_recv() {
            match answer {
                Answer::Driven(driven) => {
                    let (run, _, _) = Run::begin(*driven);
                    if let Some(old) = self.run.replace(run) {
                        self.errands.give_away(old);
                    }
                }
                Answer::Failed(failure) if cut_short => failed = Some(*failure),
                Answer::Page(file) => {
                    let _ = std::fs::remove_file(file);
                }
                Answer::Failed(_) | Answer::Msg(_) | Answer::Watched { .. } | Answer::Copied(_) => {
                }
            }
        }
        if self.run.as_ref().map(|run| run.id().clone()) != before {
            // What is on screen is another run than the one that is handed over.
            self.model.run = None;
        }
        // Those that were replaced.
        self.errands.leave().await;
        failed
    }
}

/// Every secret that the console knows, those that are being typed as well.
fn known(secrets: &Vault, model: &Model) -> Mask {
    let typed = model.dialogs.iter().filter_map(|dialog| match dialog {
        Dialog::Secret { typed, .. } if !typed.0.is_empty() => Some(typed.0.as_bytes()),
        _ => None,
    });
    let kept = secrets.each().map(|(_, secret)| secret.reveal());
    Mask::of_values(kept.chain(typed))
}

/// What is told when the console broke down, with the file that says where. A fault may quote what it was about: what
/// is known to be secret is masked.
fn crash(project: &Project, mask: &Mask) -> Failure {
    let words = crate::edge::terminal::last_panic().unwrap_or_default();
    let words = mask.text(&words);
    let first = words.lines().take(2).collect::<Vec<_>>().join(" ");
    let at = super::super::session::now().format("%Y%m%d-%H%M%S");
    let file = project.paths.folder().join(format!("crash-{at}.txt"));
    let written = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&file)
        .and_then(|mut out| out.write_all(words.as_bytes()));
    let mut failure = Failure::new(
        Code::Failed,
        "golive broke down over a fault of its own; the run was kept",
    );
    failure.causes.push(first);
    match written {
        Ok(()) => failure.help(format!("{} says where: please report it", file.display())),
        Err(_) => failure,
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
fn summary(state: &RunState, goes_on: Option<&str>, project: &Project) -> String {
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
    if let Some(who) = goes_on {
        text.push_str(&deploy::goes_on(project, &state.run, who));
        return text;
    }
    if state.is_anything_running() {
        text.push_str("what runs on its hosts goes on there; nothing new is started\n");
    }
    if !state.has_succeeded() {
        let command = &project.command;
        let _ = writeln!(text, "{command} resume {} goes on with it", state.run);
    }
    text
}
