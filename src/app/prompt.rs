//! Questions in the plain face, where a person sits at the terminal: typed words, never a single key.

use std::fmt::Write as _;
use std::io::Write;

use futures_util::future::select_all;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::report::shown;
use crate::domain::id::{EnvName, HostName, LockId, TaskId};
use crate::domain::run::{Intent, Moment, RunState, progress};

mod menu;

use menu::Deed;

/// Why nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// The input has ended.
    Nobody,
    /// Ctrl-C.
    Interrupted,
    /// golive was told to end.
    ToldToEnd,
}

/// What is decided about hosts that do not answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Unanswered {
    /// They are asked again.
    Again,
    /// The run goes on with this.
    Wish(Intent),
    /// The run is left as it is.
    GiveUp,
}

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

    /// Shows a text and reads one line; blanks around it do not count.
    async fn read(&mut self, text: &str) -> Result<String, Silence> {
        let line = self.line(text).await?;
        Ok(line.trim().to_owned())
    }

    /// Shows a text and reads one line exactly, which the terminal does not show.
    pub async fn hidden(&mut self, text: &str) -> Result<String, Silence> {
        let _hush = Hush::begin();
        let line = self.line(text).await;
        say("\n");
        line
    }

    async fn line(&mut self, text: &str) -> Result<String, Silence> {
        // What was typed before the question was there answers nothing.
        while self.lines.try_recv().is_ok() {}
        // Before the question is seen: whoever sees it may end it at once.
        let ended = end_wanted();
        let mut err = std::io::stderr();
        // A terminal that is gone answers nothing; that is seen when reading.
        let _ = err
            .write_all(shown(text).as_bytes())
            .and_then(|()| err.flush());
        tokio::select! {
            line = self.lines.recv() => match line {
                Some(line) => Ok(line),
                None => Err(Silence::Nobody),
            },
            kind = ended => Err(if kind == SignalKind::interrupt() {
                Silence::Interrupted
            } else {
                Silence::ToldToEnd
            }),
        }
    }

    /// Asks a question of the checklist: done, not done, or nobody answers.
    pub async fn question(&mut self, question: &str) -> Option<bool> {
        let text = format!("{question}\ntype yes when it is done, no when it will not be: ");
        self.yes_or_no(&text).await.ok()
    }

    async fn yes_or_no(&mut self, text: &str) -> Result<bool, Silence> {
        loop {
            match self.read(text).await?.as_str() {
                "yes" => return Ok(true),
                "no" => return Ok(false),
                _ => {}
            }
        }
    }

    /// Decides about tasks that failed, or whose end nobody knows; `known` is what is known of them beyond the state.
    /// Returns the wishes to tell, in order.
    pub async fn decide(
        &mut self,
        state: &RunState,
        tasks: &[TaskId],
        known: &str,
        now: Moment,
    ) -> Result<Vec<Intent>, Silence> {
        let mut about = tasks.to_vec();
        loop {
            let choices = menu::choices(state, &about, now);
            let head = menu::heading(state, &about);
            let seen = progress::users_see(state);
            let text = format!("\n{head}{known}{seen}\n{}number: ", menu::menu(&choices));
            let answer = self.read(&text).await?;
            let picked = answer.parse::<usize>().ok();
            let Some(choice) = picked.and_then(|number| choices.get(number.checked_sub(1)?)) else {
                // Back from a part to the whole; anything else is asked again.
                about = tasks.to_vec();
                continue;
            };
            if let Err(why) = &choice.then {
                say(&format!("that cannot be chosen: {why}\n"));
                continue;
            }
            match &choice.deed {
                Deed::One => about = self.one_of(tasks).await?,
                Deed::Stop => return self.stop(state).await,
                deed => {
                    let reason = self.reason_for(deed).await?;
                    if let Some(reason) = reason {
                        return Ok(deed.wish(&about, reason).into_iter().collect());
                    }
                }
            }
        }
    }

    /// Decides about hosts that do not answer; `told` says why. `state` is the run with what was decided already.
    pub async fn unanswered(
        &mut self,
        state: &RunState,
        hosts: &[(EnvName, HostName)],
        told: &str,
        now: Moment,
    ) -> Result<Unanswered, Silence> {
        let choices = menu::unanswered(state, hosts, now);
        let text = format!("\n{told}{}number: ", menu::menu(&choices));
        loop {
            let picked = self.read(&text).await?.parse::<usize>().ok();
            let Some(choice) = picked.and_then(|number| choices.get(number.checked_sub(1)?)) else {
                continue;
            };
            match (&choice.deed, &choice.then) {
                (_, Err(why)) => say(&format!("that cannot be chosen: {why}\n")),
                (Deed::Again, _) => return Ok(Unanswered::Again),
                (Deed::GiveUp, _) => return Ok(Unanswered::GiveUp),
                (deed, _) => {
                    let reason = self.reason_for(deed).await?;
                    let wish = reason.and_then(|reason| deed.wish(&[], reason));
                    if let Some(wish) = wish {
                        return Ok(Unanswered::Wish(wish));
                    }
                }
            }
        }
    }

    /// Why it is gone back to an older release; `None` = nothing was said.
    pub async fn why_back(&mut self) -> Option<String> {
        let asked =
            self.read("why it is gone back (one line; it marks the release that is left as bad): ");
        asked.await.ok().filter(|reason| !reason.is_empty())
    }

    /// The reason of a decision; `None` = taken back.
    async fn reason_for(&mut self, deed: &Deed) -> Result<Option<String>, Silence> {
        if !deed.needs_reason() {
            return Ok(Some(String::new()));
        }
        let reason = self.read("why (kept with the run; nothing goes back): ");
        Ok(Some(reason.await?).filter(|reason| !reason.is_empty()))
    }

    /// One task alone; all of them when none of the numbers was typed.
    async fn one_of(&mut self, tasks: &[TaskId]) -> Result<Vec<TaskId>, Silence> {
        let mut text = String::new();
        for (number, task) in tasks.iter().enumerate() {
            let _ = writeln!(text, "  {} {task}", number + 1);
        }
        let answer = self
            .read(&format!("{text}number (nothing goes back): "))
            .await?;
        let picked = answer.parse::<usize>().ok();
        let task = picked.and_then(|number| tasks.get(number.checked_sub(1)?));
        Ok(task.map_or_else(|| tasks.to_vec(), |task| vec![task.clone()]))
    }

    /// Ends the run; what becomes of its locks is asked when it holds any.
    async fn stop(&mut self, state: &RunState) -> Result<Vec<Intent>, Silence> {
        let held: Vec<&str> = state.locks.keys().map(EnvName::as_str).collect();
        let mut wishes = Vec::new();
        if !held.is_empty() {
            let text = format!("keep {} locked? yes or no: ", held.join(", "));
            let keep = self.yes_or_no(&text).await?;
            wishes.push(Intent::KeepLock { keep });
        }
        let reason = Some("a step failed".to_owned());
        wishes.push(Intent::Stop { reason });
        Ok(wishes)
    }

    /// Decides about a lock that somebody else has: try again, take it over (its environment's name is typed), or
    /// `None` = leave it.
    pub async fn busy(&mut self, env: &EnvName, told: &str, id: &LockId) -> Option<Intent> {
        let text = format!(
            "\n{told}  1 try again\n  2 take it over: what they started goes on until it ends, nothing new of theirs starts\n  \
             3 leave it\nnumber: "
        );
        loop {
            let steal = match self.read(&text).await.ok()?.as_str() {
                "1" => None,
                "2" => {
                    let ask = format!("type {env} to take its lock over, nothing goes back: ");
                    if self.read(&ask).await.ok()? != env.as_str() {
                        continue;
                    }
                    Some(id.clone())
                }
                "3" => return None,
                _ => continue,
            };
            let env = env.clone();
            return Some(Intent::TakeLock { env, steal });
        }
    }

    /// Whether the gate before this stage is passed: the plan's word for it is typed. An empty line leaves it.
    pub async fn gate(&mut self, state: &RunState, stage: usize) -> bool {
        let Some(env) = &state.plan.stages[stage].env else {
            return false;
        };
        let commit = state
            .plan
            .commit
            .as_ref()
            .map_or("this", |commit| commit.short());
        let word = state.plan.gate_word(env);
        let deed = match state.plan.rollback {
            Some(_) => format!("go back to {commit} there"),
            None => format!("release {commit} there"),
        };
        let text = format!(
            "{}\ntype {word} to {deed}, nothing to leave the run at the gate: ",
            progress::users_see(state),
        );
        loop {
            match self.read(&text).await.as_deref() {
                Ok("") | Err(_) => return false,
                Ok(typed) if typed == word => return true,
                Ok(_) => {}
            }
        }
    }
}

/// The terminal does not show what is typed, until this is dropped.
struct Hush(Option<rustix::termios::Termios>);

impl Hush {
    fn begin() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let Ok(before) = tcgetattr(std::io::stdin()) else {
            return Self(None);
        };
        let mut hushed = before.clone();
        hushed.local_modes.remove(LocalModes::ECHO);
        let done = tcsetattr(std::io::stdin(), OptionalActions::Drain, &hushed);
        Self(done.is_ok().then_some(before))
    }
}

impl Drop for Hush {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(before) = &self.0 {
            // A terminal that is gone shows nothing anyway.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, before);
        }
    }
}

/// Something to read before the next question.
fn say(text: &str) {
    // A terminal that is gone reads nothing.
    let _ = std::io::stderr().write_all(shown(text).as_bytes());
}

/// Resolves when this process is told to end. It is listened to from the call on: what runs beside it may be polled
/// first, and a signal that comes then is not to kill golive while it connects.
pub fn told_to_end() -> impl Future<Output = ()> {
    let wanted = end_wanted();
    async move {
        wanted.await;
    }
}

/// Resolves to the signal that tells this process to end. It is listened to from the call on, not from the first wait.
fn end_wanted() -> impl Future<Output = SignalKind> {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    // A signal that cannot be listened to does what it always does.
    let mut signals: Vec<_> = kinds
        .into_iter()
        .filter_map(|kind| Some((kind, signal(kind).ok()?)))
        .collect();
    async move {
        if signals.is_empty() {
            return std::future::pending().await;
        }
        let waits = signals.iter_mut().map(|(kind, signal)| {
            let kind = *kind;
            Box::pin(async move {
                signal.recv().await;
                kind
            })
        });
        select_all(waits).await.0
    }
}
