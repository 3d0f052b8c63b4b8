//! The background runner: golive without a terminal, going on with a run that was left.
//!
//! It drives the run exactly as resume does and asks nobody: it ends when the run has ended, when the run rests, or when
//! somebody wants it (a file in the run's folder; no signals). Its session is its own, so a terminal that goes away does
//! not reach it. Hosts that do not answer are asked until they do. What it says goes to a file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Read};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::advance::Advance;
use super::args::Runner as Arguments;
use super::drive::Face;
use super::plain::PlainFace;
use super::report::{Code, Failure, print};
use super::runs::unusable;
use super::secrets;
use super::session::{self, Project};
use crate::domain::feed::{Link, LockNews, Update};
use crate::domain::id::{EnvName, HostName, RunId};
use crate::domain::run::apply::apply;
use crate::domain::run::rest::rests;
use crate::domain::run::{Event, Identities, RunState, RunStatus};
use crate::edge::journal::{Role, RunFolder, owner};
use crate::engine::{Control, FeedReceiver};

/// How often is looked whether somebody wants the run.
const LOOK: Duration = Duration::from_millis(100);

/// Leaves the terminal's session; to be called before anything else is begun.
pub fn detach() {
    // It fails only for the leader of a process group, which has nothing to be told by a terminal but Ctrl-C.
    let _ = rustix::process::setsid();
}

/// Goes on with the run until it ends, rests or is wanted.
pub async fn run(project: &Project, arguments: &Arguments) -> Result<Code, Failure> {
    let mut signals = Ends::listen()
        .map_err(|error| Failure::new(Code::Failed, format!("could not listen: {error}")))?;
    let run = RunId::new(&arguments.run);
    let mut piped = Vec::new();
    // Whoever started this process closes the pipe behind the values.
    if !std::io::stdin().is_terminal() {
        let _ = std::io::stdin().read_to_end(&mut piped);
    }
    let given = secrets::from_pipe(&piped);
    drop(piped);
    let folder =
        RunFolder::find(&project.paths, &run).map_err(|error| unusable(project, &error))?;
    let owned = folder
        .open_as(&project.by, Role::Runner)
        .map_err(|error| unusable(project, &error))?;
    // A wish from before this runner was there; whoever still waits says it again.
    owner::unwant(folder.path());
    let (sender, mut feed, listener) = session::feed_with_links();
    let project = &project.for_run(&owned.plan);
    let wanted = secrets::of_run(&session::folded(&owned));
    let (secrets, to_ask) = secrets::find(project, &owned.plan, wanted.clone(), given).await?;
    let secrets = secrets::unless_needed(secrets, &to_ask, &project.command)?;
    let readable = secrets::left_readable(&owned.plan, &wanted, &secrets);
    let sites = Arc::new(project.sites(&owned.plan.hosts, &listener)?);
    let by = (project.by.as_str(), None);
    // Nobody is asked who it is here: the engine asks, again and again.
    let driven = session::drive(
        owned,
        Arc::clone(&sites),
        Identities::new(),
        by,
        secrets,
        sender,
    );
    let mut runner = Runner {
        state: driven.state.clone(),
        face: PlainFace::default(),
        advance: arguments.decisions.clone().into(),
        busy: BTreeSet::new(),
        links: BTreeMap::new(),
    };
    say(&format!(
        "going on with run {run}, pid {}",
        std::process::id()
    ));
    if let Some(readable) = readable {
        say(&format!("NOT MASKED: {readable}"));
    }
    let why = runner
        .follow(&driven.control, &mut feed, &folder, &mut signals)
        .await;
    driven.control.leave();
    let ended = driven.engine.await;
    while let Some(update) = feed.next().await {
        runner.take(update);
    }
    // What this process held is given up before the connections are ended: somebody waits for it.
    drop(driven.owner);
    say(why);
    sites.close().await;
    match ended {
        Ok(ended) => match ended.journal {
            Some(error) => Err(Failure::new(Code::Failed, error.to_string())),
            None => Ok(Code::Done),
        },
        Err(_) => Err(Failure::new(
            Code::Failed,
            "golive broke down over a fault of its own",
        )),
    }
}

struct Runner {
    state: RunState,
    face: PlainFace,
    advance: Advance,
    /// Locks that somebody else has.
    busy: BTreeSet<EnvName>,
    /// What was said of each host last.
    links: BTreeMap<(EnvName, HostName), String>,
}

impl Runner {
    /// Follows the run; the answer says why it is left.
    async fn follow(
        &mut self,
        control: &Control,
        feed: &mut FeedReceiver,
        folder: &RunFolder,
        signals: &mut Ends,
    ) -> &'static str {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                update = feed.next() => match update {
                    None => return "the run is not driven any more",
                    Some(Update::Settled) => {
                        self.decide(control, feed).await;
                        if self.is_over() {
                            continue;
                        }
                        if rests(&self.state, &self.busy, session::now()) {
                            return "the run waits for a decision: left";
                        }
                    }
                    Some(update) => self.take(update),
                },
                _ = look.tick() => {
                    if owner::is_wanted(folder.path()) {
                        return "somebody comes back to the run: handed over";
                    }
                    if !folder.path().exists() {
                        return "the folder of the run is gone: nothing can be kept any more";
                    }
                }
                () = signals.end() => return "told to end: the run is left as it is",
            }
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.state.status, RunStatus::Finished(_))
    }

    /// Gives the decisions that were made in advance, and takes what they change before anything else is looked at.
    async fn decide(&mut self, control: &Control, feed: &mut FeedReceiver) {
        loop {
            let wishes = self.advance.take(&self.state);
            if wishes.is_empty() {
                return;
            }
            for wish in wishes {
                if let Some(refusal) = control.wish(wish).await {
                    say(&format!("refused: {refusal}"));
                }
            }
            for update in feed.sent() {
                self.take(update);
            }
        }
    }

    fn take(&mut self, update: Update) {
        match update {
            Update::Event(record) => {
                apply(&mut self.state, &record);
                if let Event::LockTaken { env, .. } = &record.event {
                    self.busy.remove(env);
                }
                for line in self.face.record(&record, &self.state) {
                    say(&line);
                }
            }
            Update::Lock { env, news } => {
                if matches!(news, LockNews::Busy(_)) {
                    say(&format!("the lock of {env} is held by somebody else"));
                    self.busy.insert(env);
                } else {
                    self.busy.remove(&env);
                }
            }
            Update::Connection { env, host, link } => self.take_link(env, host, &link),
            Update::OutputFailed { task, why, .. } => {
                say(&format!("NOT KEPT: the output of {task}: {why}"));
            }
            Update::Here { why, .. } => say(&format!("this machine starts nothing: {why}")),
            Update::JournalFailed(why) => say(&format!("NOT RECORDED: {why}")),
            Update::Output { .. } | Update::Settled => {}
        }
    }

    /// A host that does not answer for days is told once.
    fn take_link(&mut self, env: EnvName, host: HostName, link: &Link) {
        let Some(line) = self.face.link(&env, &host, link) else {
            return;
        };
        let known = self.links.entry((env, host)).or_default();
        if *known != line {
            say(&line);
            *known = line;
        }
    }
}

/// A line in the file. A file that takes nothing more ends nothing.
fn say(line: &str) {
    let now = session::now().format("%Y-%m-%d %H:%M:%S");
    let _ = print(&format!("{now}  {line}\n"));
}

/// The signals of a process that no terminal belongs to.
struct Ends {
    terminate: Signal,
    ignored: [Signal; 3],
}

impl Ends {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            // Listened to, they do nothing.
            ignored: [
                signal(SignalKind::hangup())?,
                signal(SignalKind::interrupt())?,
                signal(SignalKind::quit())?,
            ],
        })
    }

    /// Waits until somebody wants this process to end.
    async fn end(&mut self) {
        let [hangup, interrupt, quit] = &mut self.ignored;
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = hangup.recv() => {}
                _ = interrupt.recv() => {}
                _ = quit.recv() => {}
            }
        }
    }
}
