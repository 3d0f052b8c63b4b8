//! Questions in the plain face, where a person sits at the terminal: typed words, never a single key.

use std::io::Write;

use futures_util::future::select_all;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::report::shown;
use crate::domain::id::TaskId;
use crate::domain::run::{RunState, progress};

/// A person at this terminal.
#[derive(Debug)]
pub struct Prompt {
    lines: UnboundedReceiver<String>,
}

impl Prompt {
    /// Asks the person at this terminal.
    pub fn person() -> Self {
        let (sender, lines) = unbounded_channel();
        // A thread of its own: a read from a terminal cannot be given up, and must not hold up the end.
        std::thread::spawn(move || {
            for line in std::io::stdin().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { lines }
    }

    /// Shows a text and reads one line. `None` at the end of the input and when golive is told to end: nobody answers.
    async fn read(&mut self, text: &str) -> Option<String> {
        // What was typed before the question was there answers nothing.
        while self.lines.try_recv().is_ok() {}
        let mut err = std::io::stderr();
        // A terminal that is gone answers nothing; that is seen when reading.
        let _ = err
            .write_all(shown(text).as_bytes())
            .and_then(|()| err.flush());
        tokio::select! {
            line = self.lines.recv() => line.map(|line| line.trim().to_owned()),
            () = told_to_end() => None,
        }
    }

    /// Asks a question of the checklist: done, not done, or nobody answers.
    pub async fn question(&mut self, question: &str) -> Option<bool> {
        loop {
            let text = format!("{question}\ntype yes when it is done, no when it will not be: ");
            match self.read(&text).await?.as_str() {
                "yes" => return Some(true),
                "no" => return Some(false),
                _ => {}
            }
        }
    }

    /// Whether failed tasks are run again.
    pub async fn retry(&mut self, tasks: &[TaskId]) -> bool {
        let names: Vec<&str> = tasks.iter().map(TaskId::as_str).collect();
        let text = format!(
            "failed: {}\n1 retry  2 stop the run\nnumber: ",
            names.join(", ")
        );
        loop {
            match self.read(&text).await.as_deref() {
                Some("1") => return true,
                Some("2") | None => return false,
                Some(_) => {}
            }
        }
    }

    /// Whether the gate before this stage is passed: the environment's name is typed. An empty line leaves it.
    pub async fn gate(&mut self, state: &RunState, stage: usize) -> bool {
        let Some(env) = &state.plan.stages[stage].env else {
            return false;
        };
        let commit = state
            .plan
            .commit
            .as_ref()
            .map_or("this", |commit| commit.short());
        let text = format!(
            "{}\ntype {env} to release {commit} there, nothing to leave the run at the gate: ",
            progress::users_see(state),
        );
        loop {
            match self.read(&text).await.as_deref() {
                Some("") | None => return false,
                Some(name) if name == env.as_str() => return true,
                Some(_) => {}
            }
        }
    }
}

/// Resolves when this process is told to end.
pub async fn told_to_end() {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    // A signal that cannot be listened to does what it always does.
    let mut signals: Vec<_> = kinds.into_iter().flat_map(signal).collect();
    if signals.is_empty() {
        return std::future::pending().await;
    }
    select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv()))).await;
}
