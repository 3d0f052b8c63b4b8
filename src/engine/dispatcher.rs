//! The dispatcher: drives a run in the real world.
//!
//! It takes wishes and reports to the [`Conductor`], records what that decides, and only then carries out the effects
//! that follow: fact before act (design/5). Everything that is queued is decided together and recorded with one sync.
//! When the journal cannot be written nothing more is launched; what runs is followed to its end.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::errand::{Before, GRACE_S, RECONNECT};
use super::leaving::LeavingOut;
use super::{Doors, FeedSender, Order, Orders, errand, masking, unit};
use crate::domain::action::{Action, Ending};
use crate::domain::feed::Update;
use crate::domain::id::{Attempt, SecretName, TaskId};
use crate::domain::output::redact::Mask;
use crate::domain::run::conduct::unrecorded;
use crate::domain::run::schedule::place;
use crate::domain::run::{
    Conductor, Effect, Identities, Intent, Record, Refusal, Report, RunState, RunStatus,
};
use crate::domain::secret::Vault;
use crate::port::{
    AttemptKey, Clock, Fence, Journal, JournalError, Launch, Launcher, Locks, LogStore, Place,
};

/// How often the places of a lock hear that its holder is alive.
const BEAT: Duration = Duration::from_secs(30);

/// What a run starts from.
#[derive(Debug)]
pub struct Start {
    /// Its state: new, or folded from its journal.
    pub state: RunState,
    /// Machines that were asked already who they are.
    pub identities: Identities,
    /// Who acts: `user@machine`.
    pub by: String,
    /// The values of the secrets that tasks may still need.
    pub secrets: Vault,
    /// The wishes this process drives the run for: to begin it, or to go on after it had ended with failures. They are
    /// decided together, before anything follows from any of them.
    pub first: Vec<Intent>,
}

/// What became of a run that is not driven any more.
#[derive(Debug)]
pub struct Ended {
    /// Its state, as it is on disk unless `journal` says otherwise.
    pub state: RunState,
    /// Why the journal could not be written, when that ended it.
    pub journal: Option<JournalError>,
}

struct Dispatcher<L: Launcher, K: Locks, J: Journal, S: LogStore, C: Clock> {
    doors: Doors<L, K, J, S, C>,
    conductor: Conductor,
    feed: FeedSender,
    secrets: Vault,
    /// What must not be seen of them.
    mask: Mask,
    reports: mpsc::UnboundedSender<Order>,
    units: JoinSet<()>,
    /// Attempts whose report is still to come.
    followed: usize,
    /// The run is being stopped: units launch nothing that has not started yet.
    is_stopping: Arc<watch::Sender<bool>>,
    /// The hosts that were left out: what cannot be asked there is not waited for.
    left_out: LeavingOut,
    answers: Vec<(oneshot::Sender<Option<Refusal>>, Option<Refusal>)>,
    broken: Option<JournalError>,
    /// When locks that could not be had are asked for again.
    locks_again: Option<Instant>,
    /// When the places of locks are told again that their holder is alive.
    beat: Instant,
}

/// Drives a run until it ends, or until it is left. Attempts that run according to the state are followed again.
pub async fn run<L: Launcher, K: Locks, J: Journal, S: LogStore, C: Clock>(
    doors: Doors<L, K, J, S, C>,
    start: Start,
    mut orders: Orders,
    feed: FeedSender,
) -> Ended {
    let mut dispatcher = Dispatcher {
        doors,
        conductor: Conductor::new(start.state, start.identities, start.by),
        feed,
        mask: Mask::of(&start.secrets),
        secrets: start.secrets,
        reports: orders.sender.clone(),
        units: JoinSet::new(),
        followed: 0,
        is_stopping: Arc::default(),
        left_out: LeavingOut::default(),
        answers: Vec::new(),
        broken: None,
        locks_again: None,
        beat: Instant::now() + BEAT,
    };
    dispatcher.tell_units();
    for effect in dispatcher.conductor.resume() {
        dispatcher.carry_out(effect);
    }
    for intent in start.first {
        let now = dispatcher.doors.clock.now();
        let intent = masking::wish(intent, &dispatcher.mask);
        dispatcher.conductor.wish(intent, now);
    }
    dispatcher.settle().await;
    while !dispatcher.is_over() {
        let wake = dispatcher.until_wake();
        let order = tokio::select! {
            order = orders.receiver.recv() => order,
            () = tokio::time::sleep(wake.unwrap_or_default()), if wake.is_some() => None,
            Some(_) = dispatcher.units.join_next(), if !dispatcher.units.is_empty() => continue,
        };
        let mut next = order;
        while let Some(order) = next {
            if matches!(order, Order::Leave) {
                // What was decided before is kept; nothing new begins.
                dispatcher.record().await;
                return dispatcher.end().await;
            }
            dispatcher.take(order);
            next = orders.receiver.try_recv().ok();
        }
        dispatcher.wake();
        dispatcher.settle().await;
    }
    dispatcher.end().await
}

impl<L: Launcher, K: Locks, J: Journal, S: LogStore, C: Clock> Dispatcher<L, K, J, S, C> {
    fn is_over(&self) -> bool {
        // Hosts that do not answer are not waited for when nothing can be recorded any more.
        self.conductor.is_over() || (self.broken.is_some() && self.followed == 0)
    }

    /// Units only follow: ending them ends nothing on the sites. They are waited for, so that nothing is written to
    /// the run's files any more by the time somebody else may drive it.
    async fn end(mut self) -> Ended {
        self.units.shutdown().await;
        Ended {
            state: self.conductor.into_state(),
            journal: self.broken,
        }
    }

    /// How long until something is due by itself; `None` when nothing is.
    fn until_wake(&self) -> Option<Duration> {
        let now = self.doors.clock.now();
        let retry = self.conductor.wake_at(now);
        let retry = retry.map(|at| (at - now).to_std().unwrap_or_default());
        let holds = !self.conductor.state().locks.is_empty();
        let moments = [self.locks_again, holds.then_some(self.beat)];
        let due = moments.into_iter().flatten().min();
        let due = due.map(|at| at.saturating_duration_since(Instant::now()));
        retry.into_iter().chain(due).min()
    }

    /// Does what is due by itself.
    fn wake(&mut self) {
        let now = Instant::now();
        if self.locks_again.is_some_and(|at| at <= now) {
            self.locks_again = None;
            self.conductor.try_locks_again();
        }
        if self.beat <= now {
            self.beat = now + BEAT;
            self.tell_alive();
        }
    }

    /// Decides about one order. Nothing is on disk yet.
    fn take(&mut self, order: Order) {
        let now = self.doors.clock.now();
        match order {
            Order::Leave => {}
            Order::Wish(intent, answer) => {
                let intent = masking::wish(intent, &self.mask);
                let refusal = self.conductor.wish(intent, now);
                self.answers.push((answer, refusal));
            }
            Order::Report(report) => {
                if matches!(
                    report,
                    Report::Ended { .. } | Report::Lost { .. } | Report::Fenced { .. }
                ) {
                    self.followed -= 1;
                }
                let report = masking::report(report, &self.mask);
                self.conductor.report(&report, now);
                if self.conductor.defers_locks() && self.locks_again.is_none() {
                    self.locks_again = Some(Instant::now() + RECONNECT);
                }
            }
        }
    }

    /// Lets everything follow that follows, records it, and acts on what was recorded.
    async fn settle(&mut self) {
        self.conductor.settle(self.doors.clock.now());
        self.record().await;
        for effect in self.conductor.asks(self.doors.clock.now()) {
            self.carry_out(effect);
        }
    }

    /// Puts what was decided on disk, acts on it, and answers those who wished it.
    async fn record(&mut self) {
        let batch = self.conductor.take_batch();
        if !batch.is_empty() && self.broken.is_none() {
            match self.doors.journal.append(&batch).await {
                Ok(()) => self.act(batch),
                Err(error) => {
                    self.feed.send(Update::JournalFailed(error.to_string()));
                    self.conductor.unrecorded();
                    self.broken = Some(error);
                }
            }
        }
        if self.broken.is_none() {
            self.feed.send(Update::Settled);
        }
        for (answer, refusal) in self.answers.drain(..) {
            // What is not on disk was not granted.
            let broken = self.broken.is_some().then(unrecorded);
            let _ = answer.send(refusal.or(broken));
        }
    }

    /// Tells the faces, and does what the recorded events mean for the world.
    fn act(&mut self, records: Vec<Record>) {
        let effects = self.conductor.recorded(&records);
        self.tell_units();
        // Told first: what an attempt prints comes after its start.
        for record in records {
            self.feed.send(Update::Event(record));
        }
        for effect in effects {
            self.carry_out(effect);
        }
    }

    fn tell_units(&self) {
        let is_stopping = self.conductor.state().status == RunStatus::Stopping;
        self.is_stopping.send_replace(is_stopping);
        self.left_out.tell(&self.conductor.state().left_out);
    }

    fn carry_out(&mut self, effect: Effect) {
        let (feed, reports) = (self.feed.clone(), self.reports.clone());
        match effect {
            Effect::Launch { task, attempt } => self.launch(&task, attempt, unit::Begin::Launch),
            Effect::Follow { task, attempt } => {
                self.launch(&task, attempt, unit::Begin::FollowAgain);
            }
            Effect::Cancel { task, attempt } => {
                let Some(key) = self.key(&task, attempt) else {
                    return;
                };
                let launcher = Arc::clone(&self.doors.launcher);
                self.units.spawn(errand::cancel(launcher, key));
            }
            Effect::Greet(place) => {
                let launcher = Arc::clone(&self.doors.launcher);
                let left_out = self.left_out.listen();
                self.units
                    .spawn(errand::greet(launcher, place, left_out, feed, reports));
            }
            Effect::TakeLock { env, steal } => {
                let holder = self.conductor.holder(self.doors.clock.now());
                let locks = Arc::clone(&self.doors.locks);
                let before = self.conductor.state().locks.get(&env).cloned();
                let before = Before {
                    left_out: self.left_out.of(&env),
                    epochs: before.unwrap_or_default().epochs,
                };
                let errand = errand::take_lock(locks, (env, holder, steal), before, feed, reports);
                self.units.spawn(errand);
            }
            Effect::ReleaseLock { env } => {
                let id = self.conductor.state().lock_id();
                let locks = Arc::clone(&self.doors.locks);
                self.units
                    .spawn(errand::release_lock(locks, env, id, reports));
            }
        }
    }

    /// Tells the places of the locks that are held that their holder is alive.
    fn tell_alive(&mut self) {
        let state = self.conductor.state();
        for (env, grant) in &state.locks {
            let locks = Arc::clone(&self.doors.locks);
            let told = (env.clone(), state.lock_id(), grant.clone());
            let left_out = self.left_out.of(env);
            let reports = self.reports.clone();
            self.units
                .spawn(errand::beat(locks, told, left_out, reports));
        }
    }

    fn key(&self, task: &TaskId, attempt: Attempt) -> Option<AttemptKey> {
        Some(AttemptKey {
            run: self.conductor.state().name_on_hosts(),
            task: task.clone(),
            attempt,
            place: self.place(task)?,
        })
    }

    fn place(&self, task: &TaskId) -> Option<Place> {
        let state = self.conductor.state();
        let (stage, planned) = state.planned(state.position(task)?);
        Some(place(&state.plan.stages[stage], planned))
    }

    /// Starts the unit of a task's newest attempt.
    fn launch(&mut self, task: &TaskId, attempt: Attempt, begin: unit::Begin) {
        let (Some(place), Some(identity)) = (self.place(task), self.conductor.identity(task))
        else {
            return;
        };
        let state = self.conductor.state();
        let Some(position) = state.position(task) else {
            return;
        };
        let (_, planned) = state.planned(position);
        let Action::Exec(command) = &planned.action else {
            return;
        };
        let now = self.doors.clock.now();
        let secrets = match self.secrets.only(&command.secrets) {
            Ok(secrets) => secrets,
            Err(missing) => {
                let report = without(task.clone(), attempt, begin, &missing);
                self.followed += 1;
                let _ = self.reports.send(Order::Report(report));
                return;
            }
        };
        let launch = Launch {
            run: state.name_on_hosts(),
            task: task.clone(),
            attempt,
            place,
            identity,
            command: super::record::complete(command, state, attempt, now),
            secrets,
            timeout_s: planned.timeout_s,
            grace_s: GRACE_S,
            fence: fence(state, position),
        };
        let unit = unit::Unit {
            launcher: Arc::clone(&self.doors.launcher),
            logs: Arc::clone(&self.doors.logs),
            clock: Arc::clone(&self.doors.clock),
            launch,
            begin,
            unknown: state.tasks[position].unknown.clone(),
            is_stopping: Arc::clone(&self.is_stopping),
            left_out: self.left_out.listen(),
            proof: planned.proof.clone(),
            milestone: planned.milestone.clone(),
            mask: self.mask.clone(),
            feed: self.feed.clone(),
        };
        self.followed += 1;
        let reports = self.reports.clone();
        let task = task.clone();
        self.units.spawn(async move {
            // A fault in here must not leave the task running for ever: what became of it is not known.
            let report = AssertUnwindSafe(unit.run()).catch_unwind().await;
            let report = report.unwrap_or_else(|_| Report::Lost {
                task,
                attempt,
                why: "golive stopped following it over a fault of its own".to_owned(),
            });
            let _ = reports.send(Order::Report(report));
        });
    }
}

/// What is reported of a task whose secret this process does not know: it is not launched without it, and what it
/// prints is not followed unmasked.
fn without(task: TaskId, attempt: Attempt, begin: unit::Begin, missing: &SecretName) -> Report {
    let why = format!("the secret {missing} is not known here; resume the run to give it");
    match begin {
        unit::Begin::Launch => Report::Ended {
            task,
            attempt,
            ending: Ending::NotStarted(why),
            evidence: BTreeMap::new(),
            output_size: 0,
        },
        unit::Begin::FollowAgain => Report::Lost { task, attempt, why },
    }
}

/// The lock a task was recorded under, though it may be lost meanwhile: then the launch is refused. A task of this machine is claimed on a host of its environment.
fn fence(state: &RunState, position: usize) -> Option<Fence> {
    let (stage, planned) = state.planned(position);
    let env = state.plan.stages[stage].env.as_ref()?;
    let grant = state.tasks[position].under.as_ref()?;
    let (host, epoch) = match planned.site.host() {
        Some(host) => grant.epochs.get_key_value(host)?,
        // One that was left out may never answer.
        None => grant.epochs.iter().find(|(host, _)| {
            let place = (env.clone(), (*host).clone());
            !state.left_out.contains_key(&place)
        })?,
    };
    Some(Fence {
        project: state.plan.project.clone(),
        env: env.clone(),
        lock: state.lock_id(),
        host: host.clone(),
        epoch: *epoch,
    })
}
