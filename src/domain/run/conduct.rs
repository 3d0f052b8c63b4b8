//! The conductor: everything a driven run decides, without doing any of it.
//!
//! Wishes and reports go in, records to be written come out, and once those are written the effects that follow from
//! them. The engine's dispatcher carries this out in the real world, the simulation in a made-up one: both run this
//! same code. Its invariants: an effect that changes a host exists only after its fact was recorded; nothing is
//! decided any more once recording has failed; no effect is given twice while it is under way.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::apply::apply;
use super::decide::{decide, take_report};
use super::event::Decision;
use super::schedule::{
    about_to_end, locks_to_release, place, schedule, waits_for_identity, waits_for_lock, wake_at,
};
use super::{
    Effect, Event, Identities, Identity, Intent, Moment, Place, Record, Refusal, Report, RunState,
    RunStatus, TaskStatus,
};
use crate::domain::action::{Action, Ending};
use crate::domain::id::{Attempt, EnvName, LockId, TaskId};
use crate::domain::lock::{Busy, Grant, Holder};

/// Safety rules that a simulation can switch off, to show that it would notice. The program never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(hidden)]
pub struct Rules {
    /// Tasks of an environment start only under its lock.
    pub lock_before_start: bool,
    /// What is of unknown end is started again only when it is idempotent or somebody decides so.
    pub ask_about_unknown: bool,
    /// An attempt is launched only on the machine and boot it was recorded for.
    pub launch_where_recorded: bool,
}

impl Rules {
    /// All of them.
    pub const ALL: Self = Self {
        lock_before_start: true,
        ask_about_unknown: true,
        launch_where_recorded: true,
    };
}

/// The one owner of the state of a driven run.
#[derive(Debug, Clone)]
pub struct Conductor {
    state: RunState,
    identities: Identities,
    by: String,
    rules: Rules,
    /// Places being asked who they are.
    greeted: BTreeSet<Place>,
    /// Locks being taken or released.
    locking: BTreeSet<EnvName>,
    /// Locks that may be held although no record says so: an earlier process may have taken them and died, a taking
    /// may have failed half way, or what told that they are gone was late. They are given back before the run ends.
    uncertain: BTreeSet<EnvName>,
    /// Locks that an earlier process recorded as held. They are asked for again before anything starts under them:
    /// that changes nothing where they are held, and tells where they are not.
    unverified: BTreeSet<EnvName>,
    /// Locks that somebody else has: not asked for again before the operator says so.
    busy: BTreeMap<EnvName, Busy>,
    /// Whose lock is being taken over.
    stolen: BTreeMap<EnvName, Option<Holder>>,
    /// Locks to ask for again, over that of this holder.
    steal: BTreeMap<EnvName, LockId>,
    /// Locks that could not be taken or given back for now; asked again when the dispatcher says so.
    deferred: BTreeSet<EnvName>,
    /// Decided, not recorded yet.
    batch: Vec<Record>,
    is_broken: bool,
}

impl Conductor {
    /// A conductor for a run in this state: new, or folded from its journal. `by` is who acts: `user@machine`.
    pub fn new(state: RunState, identities: Identities, by: String) -> Self {
        // Between taking a lock and recording it an earlier process may have died, in any stage that was reached.
        let reached = match (state.status, state.current_stage()) {
            (RunStatus::Prepared, _) => 0,
            (_, current) => current.map_or(state.plan.stages.len(), |stage| stage + 1),
        };
        let uncertain = state.plan.stages[..reached]
            .iter()
            .filter_map(|stage| stage.env.clone())
            .filter(|env| !state.locks.contains_key(env))
            .collect();
        Self {
            unverified: state.locks.keys().cloned().collect(),
            state,
            identities,
            by,
            rules: Rules::ALL,
            greeted: BTreeSet::new(),
            locking: BTreeSet::new(),
            uncertain,
            busy: BTreeMap::new(),
            stolen: BTreeMap::new(),
            steal: BTreeMap::new(),
            deferred: BTreeSet::new(),
            batch: Vec::new(),
            is_broken: false,
        }
    }

    /// The same with rules switched off. For the simulation only.
    #[doc(hidden)]
    #[must_use]
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// The state with everything that was decided.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// The state, at the end.
    pub fn into_state(self) -> RunState {
        self.state
    }

    /// Whether the run has ended and that is recorded.
    pub fn is_over(&self) -> bool {
        matches!(self.state.status, RunStatus::Finished(_)) && self.batch.is_empty()
    }

    /// Whether recording failed: nothing is decided any more.
    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// What follows from the state this began with: attempts that run are followed again, and ended again where that
    /// was decided.
    pub fn resume(&self) -> Vec<Effect> {
        let running = self.running().into_iter();
        let mut effects: Vec<Effect> = running
            .map(|(task, attempt)| Effect::Follow { task, attempt })
            .collect();
        if self.state.is_killing {
            effects.extend(self.cancel_all());
        }
        effects
    }

    /// The machine and boot that a task's newest attempt was recorded for: any other one has to refuse it.
    pub fn identity(&self, task: &TaskId) -> Option<Identity> {
        let recorded = self.state.task(task)?.identity.clone();
        if self.rules.launch_where_recorded {
            return recorded;
        }
        self.identities.get(&self.place_of(task)?).cloned()
    }

    /// Takes a wish. What it comes to is to be recorded; a refusal changes nothing.
    pub fn wish(&mut self, intent: Intent, now: Moment) -> Option<Refusal> {
        if self.is_broken {
            return Some(unrecorded());
        }
        match &intent {
            // A machine nothing runs on may have been restarted meanwhile: it is asked again who it is.
            Intent::Retry { .. } if !self.state.is_anything_running() => self.identities.clear(),
            Intent::KeepLock { keep: true } if self.is_giving_back() => {
                return Some(Refusal::WrongState {
                    task: "the lock".to_owned(),
                    state: "is being given back already".to_owned(),
                });
            }
            Intent::TakeLock { env, steal } => {
                let busy = self.busy.remove(env);
                if let Some(id) = steal {
                    self.steal.insert(env.clone(), id.clone());
                    // The same wish again must not forget who it was.
                    if let Some(holder) = busy.and_then(|busy| busy.holder) {
                        self.stolen.insert(env.clone(), Some(holder));
                    }
                }
                return None;
            }
            _ => {}
        }
        let answer = decide(&self.state, intent, &self.by, now);
        self.add(answer.events, now);
        answer.refusal
    }

    /// Takes a report.
    pub fn report(&mut self, report: &Report, now: Moment) {
        if let Report::LockLost { env, grant, .. } = report
            && self.is_late(env, grant)
        {
            return;
        }
        self.learn(report);
        let mut events = take_report(&self.state, report, now);
        for event in &mut events {
            if let Event::LockTaken { env, from, .. } = event {
                *from = self.stolen.remove(env).flatten();
            }
        }
        if !self.rules.ask_about_unknown
            && let Report::Lost { task, .. } = report
            && events.len() == 1
        {
            events.push(again_unasked(task));
        }
        self.add(events, now);
    }

    /// Whether news that a lock is lost say nothing: it is being given back, and what is left of it is about to be told;
    /// or it was taken again since, and they are about the one before.
    fn is_late(&self, env: &EnvName, asked: &Grant) -> bool {
        let held = self.state.locks.get(env);
        self.locking.contains(env) || held.is_some_and(|held| held != asked)
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
            Report::Ended { .. } | Report::Fenced { .. } => {}
            Report::Locked { env, .. } | Report::Unlocked { env, .. } => {
                self.locking.remove(env);
                self.uncertain.remove(env);
                self.unverified.remove(env);
                self.steal.remove(env);
            }
            Report::LockBusy { env, busy } => {
                self.locking.remove(env);
                self.steal.remove(env);
                self.stolen.remove(env);
                if self.unverified.remove(env) {
                    // Where the other one has not come it may still be held.
                    self.uncertain.insert(env.clone());
                }
                self.busy.insert(env.clone(), (**busy).clone());
            }
            Report::LockOccupied { env, .. } | Report::LockFailed { env, .. } => {
                self.locking.remove(env);
                self.deferred.insert(env.clone());
                // It is held where it was reached; nothing records that before all of it is.
                self.uncertain.insert(env.clone());
            }
            Report::LockLost { env, .. } => {
                self.unverified.remove(env);
                self.uncertain.insert(env.clone());
            }
        }
    }

    /// Locks that could not be taken or given back are asked for again.
    pub fn try_locks_again(&mut self) {
        self.deferred.clear();
    }

    /// Whether a lock waits for [`Conductor::try_locks_again`].
    pub fn defers_locks(&self) -> bool {
        !self.deferred.is_empty()
    }

    /// Who has the locks that this run needs and somebody else holds.
    pub fn busy_locks(&self) -> &BTreeMap<EnvName, Busy> {
        &self.busy
    }

    /// What the places of its locks are told of it.
    pub fn holder(&self, now: Moment) -> Holder {
        Holder {
            id: self.state.lock_id(),
            by: self.by.clone(),
            run: Some(self.state.run.clone()),
            since: now,
            reason: self.state.reason.clone(),
        }
    }

    /// Lets everything follow that follows from what was taken; to be recorded.
    pub fn settle(&mut self, now: Moment) {
        while !self.is_broken {
            let mut events = schedule(&self.scheduled_state(), &self.identities, now);
            let locks = !self.locking.is_empty() || !self.locks_at_end().is_empty();
            if locks {
                // A lock that is under way is waited for: it would stay behind.
                events.retain(|event| !matches!(event, Event::RunFinished { .. }));
            }
            if events.is_empty() {
                break;
            }
            self.add(events, now);
        }
    }

    /// The state as the scheduler sees it; a copy only where it differs from what is recorded.
    fn scheduled_state(&self) -> Cow<'_, RunState> {
        let is_ruled = self.rules.lock_before_start;
        if is_ruled && self.unverified.is_empty() && !self.is_giving_back() {
            return Cow::Borrowed(&self.state);
        }
        let mut state = self.state.clone();
        // A lock that is being given back is none any more: what starts now would run when it is gone.
        let counts = |env: &EnvName| !self.locking.contains(env) && !self.unverified.contains(env);
        state.locks.retain(|env, _| counts(env));
        if !is_ruled {
            let envs = self.state.plan.stages.iter();
            for env in envs.filter_map(|stage| stage.env.clone()) {
                state.locks.entry(env).or_default();
            }
            state.keeps_locks = true;
        }
        Cow::Owned(state)
    }

    /// Whether a lock is on its way back: from then on nobody knows whether it is still held.
    fn is_giving_back(&self) -> bool {
        let mut held = self.state.locks.keys();
        held.any(|env| self.locking.contains(env) && !self.unverified.contains(env))
    }

    /// The locks to give back before the run ends, also those that may be held although no record says so.
    fn locks_at_end(&self) -> BTreeSet<EnvName> {
        let mut locks: BTreeSet<EnvName> = locks_to_release(&self.state).into_iter().collect();
        if about_to_end(&self.state).is_some() {
            locks.extend(self.uncertain.iter().cloned());
        }
        locks
    }

    /// The records to write now. They have to be answered with [`Conductor::recorded`] or [`Conductor::unrecorded`].
    pub fn take_batch(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.batch)
    }

    /// Records were written: what follows from them.
    pub fn recorded(&self, records: &[Record]) -> Vec<Effect> {
        let mut effects = Vec::new();
        for record in records {
            match &record.event {
                Event::TaskStarted { task, attempt, .. } if self.is_exec(task) => {
                    effects.push(Effect::Launch {
                        task: task.clone(),
                        attempt: *attempt,
                    });
                }
                Event::DecisionTaken {
                    decision: Decision::Kill,
                    ..
                } => effects.extend(self.cancel_all()),
                _ => {}
            }
        }
        effects
    }

    /// Records could not be written: nothing more is decided, what runs is followed to its end.
    pub fn unrecorded(&mut self) {
        self.is_broken = true;
    }

    /// What has to be asked of the world, with what was recorded so far; each of it once, until it is answered.
    pub fn asks(&mut self, now: Moment) -> Vec<Effect> {
        if self.is_broken {
            return Vec::new();
        }
        let mut effects = Vec::new();
        for place in waits_for_identity(&self.scheduled_state(), &self.identities, now) {
            if self.greeted.insert(place.clone()) {
                effects.push(Effect::Greet(place));
            }
        }
        if !self.rules.lock_before_start {
            return effects;
        }
        if let Some(env) = waits_for_lock(&self.scheduled_state(), now).cloned()
            && !self.busy.contains_key(&env)
            && !self.deferred.contains(&env)
            && self.locking.insert(env.clone())
        {
            let steal = self.steal.get(&env).cloned();
            effects.push(Effect::TakeLock { env, steal });
        }
        for env in self.locks_at_end() {
            if !self.deferred.contains(&env) && self.locking.insert(env.clone()) {
                effects.push(Effect::ReleaseLock { env });
            }
        }
        effects
    }

    /// When the scheduler has to be asked again by itself: the next automatic retry that becomes due.
    pub fn wake_at(&self, now: Moment) -> Option<Moment> {
        wake_at(&self.state, now).filter(|_| !self.is_broken)
    }

    /// Applies events and keeps their records for the next write.
    fn add(&mut self, events: Vec<Event>, at: Moment) {
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

    fn running(&self) -> Vec<(TaskId, Attempt)> {
        let tasks = self.state.each().filter(|(planned, task)| {
            task.status == TaskStatus::Running && matches!(planned.action, Action::Exec(_))
        });
        tasks
            .map(|(planned, task)| (planned.id.clone(), task.attempt))
            .collect()
    }

    fn cancel_all(&self) -> Vec<Effect> {
        let running = self.running().into_iter();
        running
            .map(|(task, attempt)| Effect::Cancel { task, attempt })
            .collect()
    }

    fn is_exec(&self, task: &TaskId) -> bool {
        self.state.position(task).is_some_and(|position| {
            matches!(self.state.planned(position).1.action, Action::Exec(_))
        })
    }

    fn place_of(&self, task: &TaskId) -> Option<Place> {
        let position = self.state.position(task)?;
        let (stage, planned) = self.state.planned(position);
        Some(place(&self.state.plan.stages[stage], planned))
    }
}

/// Why no wish is granted any more.
pub fn unrecorded() -> Refusal {
    Refusal::WrongState {
        task: "the run".to_owned(),
        state: "cannot be changed: its journal cannot be written".to_owned(),
    }
}

/// What must never happen: an attempt of unknown end is started again and nobody was asked.
fn again_unasked(task: &TaskId) -> Event {
    Event::DecisionTaken {
        decision: Decision::Retry,
        tasks: vec![task.clone()],
        host: None,
        by: "golive".to_owned(),
        reason: None,
    }
}
