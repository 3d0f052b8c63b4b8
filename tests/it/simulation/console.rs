//! A console: one operator's process with its journal and logs, as the engine's dispatcher and units have it.
//!
//! Its memory dies with the process; `disk` and `logs` stay. What it does follows `engine/dispatcher.rs` and
//! `engine/unit.rs` step by step, between two of which it may die.

use std::collections::BTreeMap;
use std::sync::Arc;

use golive::domain::action::{Action, Ending};
use golive::domain::id::{EnvName, LockId, RunId, TaskId};
use golive::domain::plan::Plan;
use golive::domain::run::foresee::{Foresight, foresee};
use golive::domain::run::schedule::place;
use golive::domain::run::{
    Conductor, Effect, Identities, Identity, Intent, Place, Record, Refusal, Report, RunState,
    RunStatus,
};

use super::hosts::Key;
use super::scenario::Blow;
use super::wire::{Launch, News, Standing, Word};
use super::world::World;

/// A wish or a report that waits to be taken.
#[derive(Debug)]
pub(super) enum Order {
    Wish(Intent),
    Report(Report),
}

/// One attempt that is being followed.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) launch: Launch,
    pub(super) task: TaskId,
    /// Its host has to be asked before anything else.
    pub(super) is_asked: bool,
    /// The newest request; answers to others are not heard.
    pub(super) serial: u32,
    /// The newest request asked where it stands.
    pub(super) is_status: bool,
}

/// A living process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) conductor: Conductor,
    pub(super) inbox: Vec<Order>,
    pub(super) units: BTreeMap<Key, Unit>,
    pub(super) followed: usize,
    pub(super) is_broken: bool,
}

/// One operator.
#[derive(Debug)]
pub(super) struct Console {
    pub(super) process: Option<Process>,
    /// How many processes there were: late answers to others are not heard.
    pub(super) life: u32,
    pub(super) disk: Vec<Record>,
    /// What the disk folds to.
    pub(super) shadow: RunState,
    pub(super) logs: BTreeMap<Key, Vec<u8>>,
    /// Seconds its clock is wrong.
    pub(super) skew: i64,
    pub(super) is_frozen: bool,
    /// How often it took up a run that had ended.
    pub(super) reopened: u32,
}

impl Console {
    pub(super) fn new(operator: usize, plan: Arc<Plan>) -> Self {
        Self {
            process: None,
            life: 0,
            disk: Vec::new(),
            shadow: RunState::new(RunId::new(format!("run{operator}")), plan),
            logs: BTreeMap::new(),
            skew: 0,
            is_frozen: false,
            reopened: 0,
        }
    }

    /// Whether its run ended, on disk.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.shadow.status, RunStatus::Finished(_))
    }
}

/// The id of an operator's locks.
pub(super) fn lock_of(operator: usize) -> LockId {
    LockId::new(format!("lock{operator}"))
}

/// Whose lock it is.
pub(super) fn owner_of(lock: &LockId) -> usize {
    usize::from(lock.as_str() != "lock0")
}

impl World {
    /// Starts a process that takes up the run where the disk has it.
    pub(super) fn resume(&mut self, op: usize, first: Option<Intent>) {
        let console = &mut self.consoles[op];
        let state = read_back(console);
        let state = match state {
            Ok(state) => state,
            Err(what) => {
                return self
                    .watch
                    .broken(super::invariants::Promise::FoldIsState, what);
            }
        };
        let first = match state.status {
            RunStatus::Prepared => Some(Intent::Start {
                reason: None,
                lock: lock_of(op),
            }),
            _ => first,
        };
        self.note(|| format!("{op}: a console starts, first {first:?}"));
        let identities = self.asked_before(op);
        let console = &mut self.consoles[op];
        console.life += 1;
        console.is_frozen = false;
        let conductor = Conductor::new(state, identities, format!("op{op}@laptop"))
            .with_rules(self.scenario.rules);
        let effects = conductor.resume();
        console.process = Some(Process {
            conductor,
            inbox: Vec::new(),
            units: BTreeMap::new(),
            followed: 0,
            is_broken: false,
        });
        if !self.carry_all(op, effects) {
            return;
        }
        let now = self.now(op);
        if let (Some(intent), Some(process)) = (first, &mut self.consoles[op].process) {
            process.conductor.wish(intent, now);
        }
        self.settle(op);
    }

    /// Who places are, of those that are asked before the run goes on.
    fn asked_before(&mut self, op: usize) -> Identities {
        let plan = Arc::clone(&self.consoles[op].shadow.plan);
        let mut asked = Identities::new();
        for host in &plan.hosts {
            if self.chance.one_in(2) {
                let at = Some((host.env.clone(), host.name.clone()));
                let number = self.number(op, &at);
                asked.insert(at, identity_of(number, self.hosts[number].boot));
            }
        }
        asked
    }

    /// A turn of the loop: takes some of what is queued, lets follow what follows, acts.
    pub(super) fn turn(&mut self, op: usize) {
        let now = self.now(op);
        let Some(queued) = self.consoles[op].process.as_ref().map(|p| p.inbox.len()) else {
            return;
        };
        let count = 1 + self.chance.below(queued);
        let process = self.consoles[op]
            .process
            .as_mut()
            .expect("it was just there");
        let orders: Vec<Order> = process.inbox.drain(..count.min(queued)).collect();
        let mut notes = Vec::new();
        for order in orders {
            match order {
                Order::Wish(intent) => {
                    let wished = self.trace.is_some().then(|| format!("{intent:?}"));
                    let looks = self.chance.one_in(8) && !process.is_broken;
                    let seen = looks.then(|| foreseen(process.conductor.state(), &intent, now));
                    let refusal = process.conductor.wish(intent, now);
                    if let Some(what) = seen.and_then(|seen| misleads(&seen, refusal.as_ref())) {
                        self.watch
                            .broken(super::invariants::Promise::Foreseen, what);
                    }
                    notes.extend(wished.map(|wish| format!("{op}: wishes {wish}: {refusal:?}")));
                }
                Order::Report(report) => {
                    if matches!(
                        report,
                        Report::Ended { .. } | Report::Lost { .. } | Report::Fenced { .. }
                    ) {
                        process.followed -= 1;
                    }
                    process.conductor.report(&report, now);
                    if self.trace.is_some() {
                        notes.push(format!("{op}: hears {report:?}"));
                    }
                }
            }
        }
        for note in notes {
            self.note(|| note);
        }
        self.settle(op);
    }

    /// What is due by itself.
    pub(super) fn wake(&mut self, op: usize) {
        if let Some(process) = &mut self.consoles[op].process {
            process.conductor.try_locks_again();
            self.settle(op);
        }
    }

    fn settle(&mut self, op: usize) {
        let now = self.now(op);
        let Some(process) = &mut self.consoles[op].process else {
            return;
        };
        process.conductor.settle(now);
        if !self.record(op) {
            return;
        }
        let Some(process) = &mut self.consoles[op].process else {
            return;
        };
        let effects = process.conductor.asks(now);
        if !self.carry_all(op, effects) {
            return;
        }
        let console = &mut self.consoles[op];
        let Some(process) = &console.process else {
            return;
        };
        if !process.is_broken
            && let Some(what) =
                super::invariants::difference(process.conductor.state(), &console.shadow)
        {
            self.watch.broken(
                super::invariants::Promise::FoldIsState,
                format!("the {what} of {op} is not what its journal says"),
            );
        }
        if process.conductor.is_over() || (process.is_broken && process.followed == 0) {
            console.process = None;
            self.note(|| format!("{op}: the console ends"));
        }
    }

    /// Puts what was decided on disk and acts on it. `false` = it died meanwhile.
    fn record(&mut self, op: usize) -> bool {
        let Some(process) = &mut self.consoles[op].process else {
            return false;
        };
        let batch = process.conductor.take_batch();
        if batch.is_empty() || process.is_broken {
            return true;
        }
        let effects = process.conductor.recorded(&batch);
        if !self.scenario.laws.sync_before_act && !self.carry_all(op, effects.clone()) {
            return false;
        }
        let full = self.fault(150);
        let kept = if full {
            self.chance.below(batch.len() + 1)
        } else {
            batch.len()
        };
        for record in &batch[..kept] {
            if self.dies(op) {
                return false;
            }
            self.keep(op, record);
        }
        if self.dies(op) {
            return false;
        }
        if full {
            self.note(|| format!("{op}: the journal cannot be written"));
            if let Some(process) = &mut self.consoles[op].process {
                process.conductor.unrecorded();
                process.is_broken = true;
            }
            return true;
        }
        !self.scenario.laws.sync_before_act || self.carry_all(op, effects)
    }

    /// A record reaches the disk.
    fn keep(&mut self, op: usize, record: &Record) {
        self.note(|| format!("{op}: records {:?}", record.event));
        let console = &mut self.consoles[op];
        let logs = &console.logs;
        self.watch
            .recorded(op, &console.shadow, &record.event, |key| {
                logs.get(&key).map_or(0, Vec::len)
            });
        golive::domain::run::apply::apply(&mut console.shadow, record);
        self.watch.applied(&console.shadow, &record.event);
        console.disk.push(record.clone());
    }

    fn carry_all(&mut self, op: usize, effects: Vec<Effect>) -> bool {
        for effect in effects {
            if self.dies(op) {
                return false;
            }
            self.carry_out(op, effect);
        }
        !self.dies(op)
    }

    /// Something may happen here: between two deeds of a console.
    fn dies(&mut self, op: usize) -> bool {
        self.points += 1;
        let here = self.points;
        let blow = self.scenario.blows.iter().find(|(at, _)| *at == here);
        match blow.map(|(_, blow)| *blow) {
            Some(Blow::PowerCut) => self.power_cut(0),
            Some(Blow::Crash) => self.crash(op),
            None if self.fault(60) => self.crash(op),
            None => {}
        }
        self.consoles[op].process.is_none()
    }

    fn carry_out(&mut self, op: usize, effect: Effect) {
        self.note(|| format!("{op}: does {effect:?}"));
        match effect {
            Effect::Launch { task, attempt } => self.begin(op, &task, attempt.0, false),
            Effect::Follow { task, attempt } => self.begin(op, &task, attempt.0, true),
            Effect::Cancel { task, attempt } => {
                let position = self.consoles[op].shadow.position(&task);
                if let Some(position) = position {
                    let key = (op, position, attempt.0);
                    let host = self.host_of(key);
                    self.send(op, Word::Cancel(key, host));
                }
            }
            Effect::Greet(place) => self.send(op, Word::Hello(place)),
            Effect::TakeLock { env, steal } => self.send(op, Word::Take(env, steal)),
            Effect::ReleaseLock { env } => self.send(op, Word::Release(env)),
        }
    }

    /// Starts the unit of an attempt.
    fn begin(&mut self, op: usize, task: &TaskId, attempt: u32, is_asked: bool) {
        let Some(process) = &self.consoles[op].process else {
            return;
        };
        let state = process.conductor.state();
        let Some(position) = state.position(task) else {
            return;
        };
        let Some(identity) = process.conductor.identity(task) else {
            return;
        };
        let key = (op, position, attempt);
        let (stage, planned) = state.planned(position);
        let at = place(&state.plan.stages[stage], planned);
        let env = state.plan.stages[stage].env.clone();
        let grant = state.tasks[position].under.as_ref();
        let fence = grant.and_then(|grant| match planned.site.host() {
            Some(host) => grant.epochs.get_key_value(host),
            None => grant.epochs.first_key_value(),
        });
        let fence = fence.map(|(host, epoch)| (number_of(host.as_str()), *epoch));
        let launch = Launch {
            key,
            on: self.number(op, &at),
            identity,
            env,
            fence,
        };
        let unit = Unit {
            launch: launch.clone(),
            task: task.clone(),
            is_asked,
            serial: 0,
            is_status: false,
        };
        let process = self.consoles[op]
            .process
            .as_mut()
            .expect("it was just there");
        process.followed += 1;
        process.units.insert(key, unit);
        if is_asked {
            self.ask(key);
        } else {
            self.start(key);
        }
    }

    fn unit(&mut self, key: Key) -> Option<&mut Unit> {
        self.consoles[key.0].process.as_mut()?.units.get_mut(&key)
    }

    fn ask(&mut self, key: Key) {
        if let Some(unit) = self.unit(key) {
            unit.serial += 1;
            (unit.is_asked, unit.is_status) = (true, true);
            let word = Word::Status(key, unit.serial, unit.launch.on);
            self.send(key.0, word);
        }
    }

    fn start(&mut self, key: Key) {
        if let Some(unit) = self.unit(key) {
            unit.serial += 1;
            unit.is_status = false;
            let word = Word::Start(unit.launch.clone(), unit.serial);
            self.send(key.0, word);
        }
    }

    fn follow(&mut self, key: Key) {
        let offset = self.consoles[key.0].logs.get(&key).map_or(0, Vec::len);
        if let Some(unit) = self.unit(key) {
            unit.serial += 1;
            unit.is_status = false;
            let word = Word::Follow(key, unit.serial, unit.launch.on, offset);
            self.send(key.0, word);
        }
    }

    /// A unit hears of its attempt.
    pub(super) fn hear(&mut self, key: Key, serial: u32, news: News) {
        let process = self.consoles[key.0].process.as_ref();
        let is_stopping =
            process.is_some_and(|process| process.conductor.state().status == RunStatus::Stopping);
        let needs_proof = self.scenario.laws.proof_of_void;
        let Some(unit) = self.unit(key).filter(|unit| unit.serial == serial) else {
            return;
        };
        let (task, attempt) = (unit.task.clone(), golive::domain::id::Attempt(key.2));
        let lost = |why: &str| Report::Lost {
            task: task.clone(),
            attempt,
            why: why.to_owned(),
        };
        let ended = |ending, size: usize| Report::Ended {
            task: task.clone(),
            attempt,
            ending,
            evidence: BTreeMap::new(),
            output_size: size as u64,
        };
        let report = match (news, unit.is_status) {
            (News::Unreachable, _) | (News::Stands(Standing::Running), false) => {
                return self.ask(key);
            }
            // Nothing starts any more: it is withdrawn, and asked again.
            (News::Stands(Standing::Never), true) if is_stopping => {
                self.send(key.0, Word::Cancel(key, self.host_of(key)));
                return self.ask(key);
            }
            (News::Stands(Standing::Never), true) => return self.start(key),
            (News::Stands(Standing::Running | Standing::Ended(..)), true) => {
                return self.follow(key);
            }
            (News::Refused(why), _) if unit.is_asked => lost(why),
            (News::Refused(why), _) => ended(Ending::NotStarted(why.to_owned()), 0),
            (News::Fenced, _) => Report::Fenced {
                task: task.clone(),
                attempt,
                why: "the lock is not held any more".to_owned(),
            },
            (News::Stands(Standing::Ended(ending, size)), false) => ended(ending, size),
            // Withdrawn after a restart: it may have run before, and its claim was lost with the power.
            (News::Stands(Standing::Void(boot)), _)
                if needs_proof && unit.launch.identity != identity_of(unit.launch.on, boot) =>
            {
                lost("it was withdrawn after the machine was restarted")
            }
            (News::Stands(Standing::Void(_)), _) => {
                ended(Ending::NotStarted("it was withdrawn".to_owned()), 0)
            }
            (News::Stands(Standing::Unknown(why)), _) => lost(why),
            (News::Stands(Standing::Never), false) => lost("the site does not tell"),
        };
        let process = self.consoles[key.0]
            .process
            .as_mut()
            .expect("its unit was just there");
        process.units.remove(&key);
        process.inbox.push(Order::Report(report));
    }

    /// The host an attempt runs on.
    pub(super) fn host_of(&self, key: Key) -> usize {
        let state = &self.consoles[key.0].shadow;
        let (stage, planned) = state.planned(key.1);
        let at = place(&state.plan.stages[stage], planned);
        self.number(key.0, &at)
    }

    /// The number of a place: machines of operators come after the hosts.
    pub(super) fn number(&self, op: usize, at: &Place) -> usize {
        match at {
            Some((_, host)) => number_of(host.as_str()),
            None => self.scenario.hosts + op,
        }
    }

    /// Whether a task of this environment runs according to a living console.
    pub(super) fn believes_running(&self, op: usize, env: &EnvName) -> bool {
        let Some(process) = &self.consoles[op].process else {
            return false;
        };
        let state = process.conductor.state();
        let stages = state.plan.stages.iter().enumerate();
        let mut positions = stages
            .filter(|(_, stage)| stage.env.as_ref() == Some(env))
            .flat_map(|(at, _)| state.range(at));
        positions.any(|at| {
            state.tasks[at].status == golive::domain::run::TaskStatus::Running
                && matches!(state.planned(at).1.action, Action::Exec(_))
        })
    }
}

/// What an operator is shown before the wish.
fn foreseen(
    state: &RunState,
    intent: &Intent,
    now: golive::domain::run::Moment,
) -> Result<Foresight, Refusal> {
    let foresight = foresee(state, intent.clone(), "op@laptop", now)?;
    let wrong = foresight.starts.iter().find(|task| {
        let position = state.position(task);
        position.is_none_or(|at| state.planned(at).1.skip.is_some() || state.is_left_out(at))
    });
    // What never runs must not be promised either; told as a refusal that no wish gets.
    match wrong {
        Some(_) => Err(Refusal::NothingNamed),
        None => Ok(foresight),
    }
}

/// In what a foresight was wrong: it foresees a refusal exactly when there is one.
fn misleads(seen: &Result<Foresight, Refusal>, refusal: Option<&Refusal>) -> Option<String> {
    // That a lock is on its way back is known to the one who drives the run only.
    let is_late = refusal.is_some_and(|why| why.to_string().contains("being given back"));
    (seen.is_err() != refusal.is_some() && !is_late)
        .then(|| format!("foreseen was {seen:?}, and it came to {refusal:?}"))
}

/// The number of a host's name.
pub(super) fn number_of(host: &str) -> usize {
    host[1..].parse().unwrap_or_default()
}

/// The identity a host tells.
pub(super) fn identity_of(host: usize, boot: u32) -> Identity {
    Identity {
        host: format!("id{host}"),
        boot: format!("boot{boot}"),
    }
}

/// The state as a new process reads it from disk: every record as its line of JSON.
fn read_back(console: &Console) -> Result<RunState, String> {
    let mut records = Vec::new();
    for record in &console.disk {
        let line = serde_json::to_string(record).map_err(|error| error.to_string())?;
        let back: Record = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        records.push(back);
    }
    let (run, plan) = (console.shadow.run.clone(), Arc::clone(&console.shadow.plan));
    let state = golive::domain::run::apply::fold(run, plan, &records);
    match super::invariants::difference(&state, &console.shadow) {
        None => Ok(state),
        Some(what) => Err(format!("the {what} read from disk is not what was written")),
    }
}
