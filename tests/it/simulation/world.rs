//! The world: everything that can happen next, one step at a time, chosen by chance.
//!
//! Words arrive, scripts print and end, consoles take their turns, operators decide, and things go wrong while it is
//! wild. Afterwards nothing goes wrong any more and everybody is patient: then every run has to end.

use std::collections::BTreeSet;

use chrono::{DateTime, FixedOffset, TimeDelta};
use golive::domain::action::Ending;
use golive::domain::id::EnvName;
use golive::domain::run::Moment;

use super::chance::Chance;
use super::console::Console;
use super::hosts::{Host, Life};
use super::invariants::{Promise, Violation, Watch};
use super::scenario::Scenario;
use super::wire::{Link, News, Packet, Standing};

/// Steps in which everything has to end once nothing goes wrong any more.
const PATIENCE: usize = 4000;

/// All there is.
pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) chance: Chance,
    pub(super) hosts: Vec<Host>,
    pub(super) consoles: Vec<Console>,
    pub(super) wire: Vec<Packet>,
    pub(super) links: Vec<Link>,
    pub(super) watch: Watch,
    /// Locks that somebody else ended, or that a dead console's request took or gave back.
    pub(super) disturbed: BTreeSet<(usize, EnvName)>,
    /// What happened, when it is to be told.
    pub(super) trace: Option<Vec<String>>,
    /// Things go wrong.
    pub(super) is_wild: bool,
    /// How many points between two deeds were passed.
    pub(super) points: usize,
    faults: usize,
    seconds: i64,
}

/// What may happen next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Word(usize),
    Link(usize),
    Script(usize, super::hosts::Key),
    Turn(usize),
    Operator(usize),
    Resume(usize),
    Beat(usize),
    Time,
    Trouble,
}

impl World {
    /// The world before anything happened.
    pub(super) fn new(scenario: Scenario, chance: Chance, is_told: bool) -> Self {
        let consoles: Vec<Console> = scenario
            .plans
            .iter()
            .enumerate()
            .map(|(op, plan)| Console::new(op, std::sync::Arc::clone(plan)))
            .collect();
        Self {
            hosts: vec![Host::default(); scenario.hosts + consoles.len()],
            consoles,
            chance,
            wire: Vec::new(),
            links: Vec::new(),
            watch: Watch::new(!scenario.looks_at_locks),
            disturbed: BTreeSet::new(),
            trace: is_told.then(Vec::new),
            is_wild: scenario.faults > 0,
            points: 0,
            faults: scenario.faults,
            seconds: 0,
            scenario,
        }
    }

    /// Lets everything happen to its end; what was broken, if anything.
    pub(super) fn run(&mut self) -> Option<Violation> {
        for _ in 0..self.scenario.wild_steps {
            self.step();
            if self.watch.violation.is_some() {
                return self.watch.violation.take();
            }
        }
        self.note(|| "from here on nothing goes wrong".to_owned());
        self.is_wild = false;
        for console in &mut self.consoles {
            (console.is_frozen, console.skew) = (false, 0);
        }
        for _ in 0..PATIENCE {
            if self.is_quiet() {
                break;
            }
            self.step();
            if self.watch.violation.is_some() {
                return self.watch.violation.take();
            }
        }
        if !self.is_quiet() {
            let stand: Vec<String> = self
                .consoles
                .iter()
                .map(|console| golive::domain::run::progress::standing(&console.shadow))
                .collect();
            self.watch
                .broken(Promise::Ends, format!("runs do not end: {stand:?}"));
        }
        self.check_locks();
        self.watch.violation.take()
    }

    fn is_quiet(&self) -> bool {
        self.wire.is_empty()
            && self
                .consoles
                .iter()
                .all(|console| console.process.is_none() && console.is_done())
    }

    /// At the end locks are held by those whose journals say so.
    fn check_locks(&mut self) {
        for op in 0..self.consoles.len() {
            for (env, keepers) in self.scenario.keepers.clone() {
                let console = &self.consoles[op];
                let says = console.shadow.locks.contains_key(&env);
                let was_told = console.disk.iter().any(|record| {
                    matches!(&record.event, golive::domain::run::Event::LockReleased { env: of, left, .. }
                        if *of == env && !left.is_empty())
                });
                let held = |host: &usize| self.hosts[*host].held_by(&env, op).is_some();
                if self.disturbed.contains(&(op, env.clone())) || was_told {
                    continue;
                }
                if says != keepers.iter().any(held) || says != keepers.iter().all(held) {
                    let what =
                        format!("the journal of {op} says {env} is held: {says}; it is not so");
                    self.watch.broken(Promise::LocksAsRecorded, what);
                }
            }
        }
    }

    /// Tells what happens, when somebody listens.
    pub(super) fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(what());
        }
    }

    /// The time by the clock of an operator.
    pub(super) fn now(&self, op: usize) -> Moment {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default();
        let zone = FixedOffset::east_opt(3600).expect("an hour is an offset");
        start.with_timezone(&zone) + TimeDelta::seconds(self.seconds + self.consoles[op].skew)
    }

    /// Whether something goes wrong that does so once in `count` times.
    pub(super) fn fault(&mut self, count: usize) -> bool {
        if !self.is_wild || self.faults == 0 || !self.chance.one_in(count) {
            return false;
        }
        self.faults -= 1;
        true
    }

    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::with_capacity(16);
        for (at, packet) in self.wire.iter().enumerate() {
            if !(packet.word.is_answer() && self.consoles[packet.op].is_frozen) {
                steps.push(Step::Word(at));
            }
        }
        for (at, link) in self.links.iter().enumerate() {
            if self.has_news(link) && !self.consoles[link.key.0].is_frozen {
                steps.extend([Step::Link(at), Step::Link(at)]);
            }
        }
        for (host, state) in self.hosts.iter().enumerate() {
            let alive = state
                .claims
                .iter()
                .filter(|(_, claim)| claim.life.is_alive());
            steps.extend(alive.map(|(key, _)| Step::Script(host, *key)));
        }
        for (op, console) in self.consoles.iter().enumerate() {
            match &console.process {
                Some(_) if console.is_frozen => {}
                Some(process) => {
                    if !process.inbox.is_empty() {
                        steps.extend([Step::Turn(op), Step::Turn(op)]);
                    }
                    steps.extend([Step::Operator(op), Step::Beat(op)]);
                }
                None if !console.is_done() || (self.is_wild && console.reopened < 2) => {
                    steps.push(Step::Resume(op));
                }
                None => {}
            }
        }
        steps.push(Step::Time);
        if self.is_wild && self.faults > 0 {
            steps.push(Step::Trouble);
        }
        steps
    }

    fn step(&mut self) {
        let steps = self.steps();
        match *self.chance.pick(&steps) {
            Step::Word(at) => {
                let packet = self.wire.swap_remove(at);
                if self.fault(25) {
                    return self.lose(&packet);
                }
                if !packet.word.is_answer()
                    && !matches!(
                        packet.word,
                        super::wire::Word::Take(..)
                            | super::wire::Word::Release(_)
                            | super::wire::Word::Claim(..)
                    )
                    && self.fault(40)
                {
                    self.wire.push(Packet {
                        is_echo: true,
                        ..packet.clone()
                    });
                }
                self.deliver(&packet);
            }
            Step::Link(at) => self.pour(at),
            Step::Script(host, key) => self.script(host, key),
            Step::Turn(op) => self.turn(op),
            Step::Operator(op) => self.operate(op),
            Step::Resume(op) => self.take_up(op),
            Step::Beat(op) => self.beat(op),
            Step::Time => self.time(),
            Step::Trouble => self.trouble(),
        }
    }

    fn has_news(&self, link: &Link) -> bool {
        let Some(claim) = self.hosts[link.on].claims.get(&link.key) else {
            return true;
        };
        claim.out.len() > link.at || !claim.life.is_alive()
    }

    /// A connection delivers the next bytes, or how it ended.
    fn pour(&mut self, at: usize) {
        let link = self.links[at].clone();
        let console = &self.consoles[link.key.0];
        if console.life != link.life || console.process.is_none() || self.fault(30) {
            return self.cut(at);
        }
        let out = self.hosts[link.on].claims.get(&link.key);
        let out = out.map_or(&[][..], |claim| &claim.out);
        if out.len() > link.at {
            let count = 1 + self.chance.below(out.len() - link.at);
            let bytes = out[link.at..link.at + count].to_vec();
            self.links[at].at += count;
            let log = self.consoles[link.key.0].logs.entry(link.key).or_default();
            log.extend(bytes);
            return self.watch.received(link.key, log);
        }
        self.links.swap_remove(at);
        let log = self.consoles[link.key.0].logs.get(&link.key);
        let received = log.map_or(0, Vec::len);
        let stands = match self.standing(link.key, link.on) {
            // The end counts only with all that it names.
            Standing::Ended(_, size) if size != received => News::Unreachable,
            stands => News::Stands(stands),
        };
        self.note(|| format!("{:?} is told {stands:?}", link.key));
        self.hear(link.key, link.serial, stands);
    }

    /// A connection breaks.
    fn cut(&mut self, at: usize) {
        let link = self.links.swap_remove(at);
        self.note(|| format!("the connection of {:?} breaks", link.key));
        if self.consoles[link.key.0].life == link.life {
            self.hear(link.key, link.serial, News::Unreachable);
        }
    }

    /// A script prints, or ends.
    fn script(&mut self, host: usize, key: super::hosts::Key) {
        let Some(claim) = self.hosts[host].claims.get_mut(&key) else {
            return;
        };
        if claim.left > 0 && !claim.is_cancelled {
            claim.left -= 1;
            let byte = (key.1 * 7 + claim.out.len() + key.2 as usize * 31) as u8;
            claim.out.push(byte);
            return self.watch.printed(key, byte);
        }
        if claim.life == Life::Orphan {
            claim.life = Life::Lost("its supervisor was lost");
            return;
        }
        let ending = if claim.is_cancelled {
            Ending::Cancelled
        } else {
            claim.ending.clone()
        };
        claim.life = Life::Over(ending.clone());
        self.note(|| format!("the script of {key:?} ends: {ending}"));
        self.watch.script_ended(key, ending);
    }

    fn time(&mut self) {
        self.seconds += self.chance.seconds(4);
        for op in 0..self.consoles.len() {
            if !self.consoles[op].is_frozen {
                self.wake(op);
            }
        }
    }

    /// A console dies. What it asked may still arrive.
    pub(super) fn crash(&mut self, op: usize) {
        self.note(|| format!("{op}: the console is killed"));
        // What was given back and not recorded may be on record as kept later: nobody can know.
        for env in self.consoles[op].shadow.locks.keys() {
            let mut keepers = self.scenario.keepers[env].iter();
            if keepers.any(|host| self.hosts[*host].held_by(env, op).is_none()) {
                self.disturbed.insert((op, env.clone()));
            }
        }
        self.consoles[op].process = None;
        self.links.retain(|link| link.key.0 != op);
        let keep = self.chance.one_in(2);
        self.wire
            .retain(|packet| packet.op != op || (keep && !packet.word.is_answer()));
    }

    /// A host loses its power: what runs there is gone, and perhaps what was not synced.
    pub(super) fn power_cut(&mut self, host: usize) {
        self.note(|| format!("host {host} loses its power"));
        let state = &mut self.hosts[host];
        state.boot += 1;
        let lost: Vec<_> = state.claims.keys().copied().collect();
        for key in lost {
            if self.chance.one_in(3) {
                state.claims.remove(&key);
            }
        }
        for claim in state.claims.values_mut() {
            if claim.life.is_alive() {
                claim.life = Life::Lost("the machine was restarted");
            }
        }
        while let Some(at) = self.links.iter().position(|link| link.on == host) {
            self.cut(at);
        }
    }

    fn trouble(&mut self) {
        if !self.fault(2) {
            return;
        }
        let op = self.chance.below(self.consoles.len());
        match self.chance.below(8) {
            0 | 1 => {
                if self.consoles[op].process.is_some() {
                    self.crash(op);
                }
            }
            2 => {
                let host = self.chance.below(self.scenario.hosts);
                self.power_cut(host);
            }
            3 => self.kill_supervisor(),
            4 | 5 => {
                self.consoles[op].is_frozen ^= true;
                let is_frozen = self.consoles[op].is_frozen;
                self.note(|| format!("{op}: frozen {is_frozen}"));
            }
            6 => self.consoles[op].skew = self.chance.seconds(7200) - 3600,
            _ => self.lose_machine(op),
        }
    }

    fn kill_supervisor(&mut self) {
        let host = self.chance.below(self.hosts.len());
        let mut claims = self.hosts[host].claims.iter_mut();
        if let Some((key, claim)) = claims.find(|(_, claim)| claim.life == Life::Running) {
            claim.life = Life::Orphan;
            let key = *key;
            self.note(|| format!("the supervisor of {key:?} is killed"));
        }
    }

    /// The operator's own machine loses its power: output that was not synced may be gone.
    fn lose_machine(&mut self, op: usize) {
        if self.consoles[op].process.is_some() {
            self.crash(op);
        }
        let console = &mut self.consoles[op];
        for (key, log) in &mut console.logs {
            let task = &console.shadow.tasks[key.1];
            let is_open = task.status == golive::domain::run::TaskStatus::Running;
            if is_open && task.attempt.0 == key.2 {
                log.truncate(self.chance.below(log.len() + 1));
            }
        }
        self.power_cut(self.scenario.hosts + op);
    }
}
