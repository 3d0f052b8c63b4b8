//! The dispatcher: the only owner of a run's state.
//!
//! It takes wishes and reports, lets `decide` and `schedule` turn them into events, records the events, and only
//! then acts on them: fact before act (design/5). Everything that is queued is decided together and recorded
//! with one sync. When the journal cannot be written nothing more is launched; what runs is followed to its end.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::{Doors, FeedSender, Order, Orders, unit};
use crate::domain::action::{Action, Ending};
use crate::domain::feed::{Link, Update};
use crate::domain::id::TaskId;
use crate::domain::run::apply::apply;
use crate::domain::run::decide::{decide, take_report};
use crate::domain::run::event::Decision;
use crate::domain::run::schedule::{place, schedule, waits_for_identity, wake_at};
use crate::domain::run::{
    Event, Identities, Intent, Record, Refusal, Report, RunState, RunStatus, TaskStatus,
};
use crate::port::{
    AttemptKey, Clock, Journal, JournalError, Launch, LaunchError, Launcher, LogStore, Place,
};

/// Seconds between asking the processes of a step to end and killing them.
pub const GRACE_S: u64 = 10;

/// A place that cannot be reached is tried again after this long.
const RECONNECT: Duration = Duration::from_secs(4);

/// What a run starts from.
#[derive(Debug)]
pub struct Start {
    /// Its state: new, or folded from its journal.
    pub state: RunState,
    /// Machines that were asked already who they are.
    pub identities: Identities,
    /// Who acts: `user@machine`.
    pub by: String,
    /// The wish this process drives the run for: to begin it, or to go on after it had ended with failures.
    pub first: Option<Intent>,
}

/// What became of a run that is not driven any more.
#[derive(Debug)]
pub struct Ended {
    /// Its state, as it is on disk unless `journal` says otherwise.
    pub state: RunState,
    /// Why the journal could not be written, when that ended it.
    pub journal: Option<JournalError>,
}

struct Dispatcher<L: Launcher, J: Journal, S: LogStore, C: Clock> {
    doors: Doors<L, J, S, C>,
    state: RunState,
    identities: Identities,
    by: String,
    feed: FeedSender,
    reports: mpsc::UnboundedSender<Order>,
    units: JoinSet<()>,
    /// Attempts whose report is still to come.
    followed: usize,
    /// Places being asked who they are.
    greeted: BTreeSet<Place>,
    /// Decided, not on disk yet.
    batch: Vec<Record>,
    answers: Vec<(oneshot::Sender<Option<Refusal>>, Option<Refusal>)>,
    broken: Option<JournalError>,
}

/// Drives a run until it ends, or until it is left. Attempts that run according to the state are followed again.
pub async fn run<L: Launcher, J: Journal, S: LogStore, C: Clock>(
    doors: Doors<L, J, S, C>,
    start: Start,
    mut orders: Orders,
    feed: FeedSender,
) -> Ended {
    let mut dispatcher = Dispatcher {
        doors,
        state: start.state,
        identities: start.identities,
        by: start.by,
        feed,
        reports: orders.sender.clone(),
        units: JoinSet::new(),
        followed: 0,
        greeted: BTreeSet::new(),
        batch: Vec::new(),
        answers: Vec::new(),
        broken: None,
    };
    dispatcher.follow_again();
    if let Some(intent) = start.first {
        let now = dispatcher.doors.clock.now();
        let decided = decide(&dispatcher.state, intent, &dispatcher.by, now);
        dispatcher.add(decided.events);
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
                return dispatcher.end();
            }
            dispatcher.take(order);
            next = orders.receiver.try_recv().ok();
        }
        dispatcher.settle().await;
    }
    dispatcher.end()
}

impl<L: Launcher, J: Journal, S: LogStore, C: Clock> Dispatcher<L, J, S, C> {
    fn is_over(&self) -> bool {
        let finished = matches!(self.state.status, RunStatus::Finished(_));
        // Hosts that do not answer are not waited for when nothing can be recorded any more.
        finished || (self.broken.is_some() && self.followed == 0)
    }

    /// Units only follow: ending them ends nothing on the sites.
    fn end(mut self) -> Ended {
        self.units.abort_all();
        Ended {
            state: self.state,
            journal: self.broken,
        }
    }

    /// How long until an automatic retry is due; `None` when none is planned.
    fn until_wake(&self) -> Option<Duration> {
        let now = self.doors.clock.now();
        let at = wake_at(&self.state, now).filter(|_| self.broken.is_none())?;
        let left = at - now;
        Some(left.to_std().unwrap_or(Duration::ZERO))
    }

    /// Decides about one order. Nothing is on disk yet.
    fn take(&mut self, order: Order) {
        let now = self.doors.clock.now();
        match order {
            Order::Leave => {}
            Order::Wish(_, answer) if self.broken.is_some() => {
                let _ = answer.send(Some(unrecorded()));
            }
            Order::Wish(intent, answer) => {
                // A finished run that is told to go on needs to know its machines anew.
                if matches!(intent, Intent::Retry { .. }) {
                    self.forget_unused();
                }
                let decided = decide(&self.state, intent, &self.by, now);
                self.add(decided.events);
                self.answers.push((answer, decided.refusal));
            }
            Order::Report(report) => {
                if !matches!(report, Report::Identified { .. }) {
                    self.followed -= 1;
                }
                self.learn(&report);
                let events = take_report(&self.state, &report, now);
                self.add(events);
            }
        }
    }

    fn learn(&mut self, report: &Report) {
        match report {
            Report::Identified { site, identity } => {
                self.greeted.remove(site);
                self.identities.insert(site.clone(), identity.clone());
            }
            // A refused launch may mean another boot or machine: who it is has to be asked again.
            Report::Ended {
                task,
                ending: Ending::NotStarted(_),
                ..
            }
            | Report::Lost { task, .. } => {
                if let Some(place) = self.place_of(task) {
                    self.identities.remove(&place);
                }
            }
            Report::Ended { .. } => {}
        }
    }

    /// Before a retry: machines nothing runs on are asked again who they are, they may have been restarted.
    fn forget_unused(&mut self) {
        if !self.state.is_anything_running() {
            self.identities.clear();
        }
    }

    fn place_of(&self, task: &TaskId) -> Option<Place> {
        let position = self.state.position(task)?;
        let (stage, planned) = self.state.planned(position);
        Some(place(&self.state.plan.stages[stage], planned))
    }

    /// Applies events and keeps their records for the next sync.
    fn add(&mut self, events: Vec<Event>) {
        let at = self.doors.clock.now();
        for event in events {
            let record = Record {
                seq: self.state.seq.next(),
                at,
                event,
            };
            apply(&mut self.state, &record);
            self.batch.push(record);
        }
    }

    /// Lets everything follow that follows, records it, and acts on what was recorded.
    async fn settle(&mut self) {
        while self.broken.is_none() {
            let events = schedule(&self.state, &self.identities, self.doors.clock.now());
            if events.is_empty() {
                break;
            }
            self.add(events);
        }
        self.record().await;
        if self.broken.is_none() {
            for place in waits_for_identity(&self.state, &self.identities, self.doors.clock.now()) {
                self.greet(place);
            }
        }
    }

    /// Puts what was decided on disk, acts on it, and answers those who wished it.
    async fn record(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if !batch.is_empty() && self.broken.is_none() {
            match self.doors.journal.append(&batch).await {
                Ok(()) => self.act(batch),
                Err(error) => {
                    self.feed.send(Update::JournalFailed(error.to_string()));
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

    /// Tells the faces, and orders what the recorded events mean for the world.
    fn act(&mut self, records: Vec<Record>) {
        for record in records {
            // Told first: what an attempt prints comes after its start.
            self.feed.send(Update::Event(record.clone()));
            match &record.event {
                Event::TaskStarted { task, .. } => self.launch(task, unit::Begin::Launch),
                Event::DecisionTaken {
                    decision: Decision::Kill,
                    ..
                } => self.cancel_all(),
                _ => {}
            }
        }
    }

    /// Follows attempts again that ran when the run was last driven.
    fn follow_again(&mut self) {
        let running: Vec<TaskId> = self
            .state
            .each()
            .filter(|(_, task)| task.status == TaskStatus::Running)
            .map(|(planned, _)| planned.id.clone())
            .collect();
        for task in running {
            self.launch(&task, unit::Begin::FollowAgain);
        }
    }

    /// Starts the unit of a task's newest attempt; a question needs none.
    fn launch(&mut self, task: &TaskId, begin: unit::Begin) {
        let Some(position) = self.state.position(task) else {
            return;
        };
        let (stage, planned) = self.state.planned(position);
        let Action::Exec(command) = &planned.action else {
            return;
        };
        let current = &self.state.tasks[position];
        // The journalled identity: another boot or machine than that one refuses to launch.
        let Some(identity) = current.identity.clone() else {
            return;
        };
        let launch = Launch {
            run: self.state.run.clone(),
            task: task.clone(),
            attempt: current.attempt,
            place: place(&self.state.plan.stages[stage], planned),
            identity,
            command: super::record::complete(
                command,
                &self.state,
                current.attempt,
                self.doors.clock.now(),
            ),
            timeout_s: planned.timeout_s,
            grace_s: GRACE_S,
        };
        self.spawn_unit(position, launch, begin);
    }

    fn spawn_unit(&mut self, position: usize, launch: Launch, begin: unit::Begin) {
        let (_, planned) = self.state.planned(position);
        let unit = unit::Unit {
            launcher: Arc::clone(&self.doors.launcher),
            logs: Arc::clone(&self.doors.logs),
            clock: Arc::clone(&self.doors.clock),
            launch,
            begin,
            proof: planned.proof.clone(),
            milestone: planned.milestone.clone(),
            feed: self.feed.clone(),
        };
        self.followed += 1;
        let reports = self.reports.clone();
        let (task, attempt) = (unit.launch.task.clone(), unit.launch.attempt);
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

    fn cancel_all(&mut self) {
        for position in 0..self.state.tasks.len() {
            if self.state.tasks[position].status != TaskStatus::Running {
                continue;
            }
            let (stage, planned) = self.state.planned(position);
            if matches!(planned.action, Action::Ask { .. }) {
                continue;
            }
            let key = AttemptKey {
                run: self.state.run.clone(),
                task: planned.id.clone(),
                attempt: self.state.tasks[position].attempt,
                place: place(&self.state.plan.stages[stage], planned),
            };
            let launcher = Arc::clone(&self.doors.launcher);
            self.units.spawn(async move {
                // A host that cannot be reached now is asked again until it answers, or the run is left.
                while launcher
                    .cancel(&key, Duration::from_secs(GRACE_S))
                    .await
                    .is_err()
                {
                    tokio::time::sleep(RECONNECT).await;
                }
            });
        }
    }

    /// Asks a place who it is, again and again until it answers; the faces hear how that goes.
    fn greet(&mut self, place: Place) {
        if !self.greeted.insert(place.clone()) {
            return;
        }
        let launcher = Arc::clone(&self.doors.launcher);
        let feed = self.feed.clone();
        let reports = self.reports.clone();
        self.units.spawn(async move {
            loop {
                match launcher.hello(&place).await {
                    Ok(hello) => {
                        tell(&feed, &place, Link::Connected(hello.facts));
                        let report = Report::Identified {
                            site: place,
                            identity: hello.identity,
                        };
                        let _ = reports.send(Order::Report(report));
                        return;
                    }
                    Err(
                        LaunchError::Unreachable { why, .. } | LaunchError::Refused { why, .. },
                    ) => {
                        tell(
                            &feed,
                            &place,
                            Link::Lost {
                                why,
                                retry_in: RECONNECT,
                            },
                        );
                        tokio::time::sleep(RECONNECT).await;
                    }
                }
            }
        });
    }
}

/// Why no wish is granted any more.
fn unrecorded() -> Refusal {
    Refusal::WrongState {
        task: "the run".to_owned(),
        state: "cannot be changed: its journal cannot be written".to_owned(),
    }
}

/// Tells the faces about the connection to a place; this machine has none.
fn tell(feed: &FeedSender, place: &Place, link: Link) {
    if let Some((env, host)) = place.clone() {
        feed.send(Update::Connection { env, host, link });
    }
}
