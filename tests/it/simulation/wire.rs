//! The wire: requests and answers on their way, and connections that output comes through.
//!
//! Requests arrive in any order, late, doubled or never; what was asked by a console that died may still arrive. A
//! connection delivers in order and may break anywhere. A request that got lost is noticed by whoever asked.

use golive::domain::action::Ending;
use golive::domain::id::{EnvName, HostName, LockId};
use golive::domain::lock::{Busy, Grant, Remains};
use golive::domain::run::{Identity, Place, Report, RunStatus};

use super::console::{Order, identity_of, lock_of, number_of, owner_of};
use super::hosts::{Claim, Key, Life};
use super::invariants::Promise;
use super::world::World;

/// A launch on its way.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    pub(super) key: Key,
    /// The host it runs on.
    pub(super) on: usize,
    pub(super) identity: Identity,
    pub(super) env: Option<EnvName>,
    /// The host and epoch it is claimed in.
    pub(super) fence: Option<(usize, u64)>,
}

/// What a host knows of an attempt.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    Never,
    /// Withdrawn; the host is in this boot.
    Void(u32),
    Running,
    Ended(Ending, usize),
    Unknown(&'static str),
}

/// What a unit hears.
#[derive(Debug, Clone)]
pub(super) enum News {
    Unreachable,
    Refused(&'static str),
    Fenced,
    Stands(Standing),
}

/// What is on its way.
#[derive(Debug, Clone)]
pub(super) enum Word {
    Hello(Place),
    Start(Launch, u32),
    /// A launch between its link into the epoch and its claim.
    Claim(Launch, u32),
    Status(Key, u32, usize),
    Follow(Key, u32, usize, usize),
    Cancel(Key, usize),
    Take(EnvName, Option<LockId>),
    Release(EnvName),
    /// An answer to the dispatcher.
    Tell(Report),
    /// An answer to a unit.
    Unit(Key, u32, News),
}

/// A word and who sent it, or who it is for.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub(super) op: usize,
    /// The process of that operator.
    pub(super) life: u32,
    /// A doubled request: nobody hears the answer.
    pub(super) is_echo: bool,
    pub(super) word: Word,
}

/// A connection that follows an attempt.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) life: u32,
    pub(super) key: Key,
    pub(super) serial: u32,
    pub(super) on: usize,
    /// The next byte to send.
    pub(super) at: usize,
}

impl Word {
    /// Whether it is on its way to a console.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self, Self::Tell(_) | Self::Unit(..))
    }
}

impl World {
    /// Sends from a living console.
    pub(super) fn send(&mut self, op: usize, word: Word) {
        let life = self.consoles[op].life;
        self.wire.push(Packet {
            op,
            life,
            is_echo: false,
            word,
        });
    }

    fn answer(&mut self, to: &Packet, word: Word) {
        if !to.is_echo {
            let (op, life) = (to.op, to.life);
            self.wire.push(Packet {
                op,
                life,
                is_echo: false,
                word,
            });
        }
    }

    /// Whether whoever sent this still lives.
    pub(super) fn is_current(&self, packet: &Packet) -> bool {
        let console = &self.consoles[packet.op];
        console.life == packet.life && console.process.is_some()
    }

    /// A request or answer gets lost; who waits for it notices.
    pub(super) fn lose(&mut self, packet: &Packet) {
        self.note(|| format!("lost: {:?}", packet.word));
        let why = || "no connection".to_owned();
        let word = match &packet.word {
            // These are asked again until they are answered.
            Word::Hello(_) | Word::Cancel(..) => packet.word.clone(),
            Word::Tell(Report::Identified { site, .. }) => Word::Hello(site.clone()),
            Word::Start(launch, serial) => Word::Unit(launch.key, *serial, News::Unreachable),
            Word::Status(key, serial, _)
            | Word::Follow(key, serial, ..)
            | Word::Unit(key, serial, _) => Word::Unit(*key, *serial, News::Unreachable),
            Word::Take(env, _)
            | Word::Tell(
                Report::Locked { env, .. }
                | Report::LockBusy { env, .. }
                | Report::LockOccupied { env, .. }
                | Report::LockFailed { env, .. },
            ) => Word::Tell(Report::LockFailed {
                env: env.clone(),
                why: why(),
            }),
            Word::Release(env) | Word::Tell(Report::Unlocked { env, .. }) => {
                Word::Tell(Report::Unlocked {
                    env: env.clone(),
                    left: [("h0".to_owned(), why())].into(),
                })
            }
            Word::Tell(_) | Word::Claim(..) => return self.deliver(packet),
        };
        if self.is_current(packet) {
            self.answer(packet, word);
        }
    }

    /// A word arrives.
    pub(super) fn deliver(&mut self, packet: &Packet) {
        self.note(|| format!("{} -> {:?}", packet.op, packet.word));
        match packet.word.clone() {
            Word::Tell(report) => {
                if self.is_current(packet)
                    && let Some(process) = &mut self.consoles[packet.op].process
                {
                    process.inbox.push(Order::Report(report));
                }
            }
            Word::Unit(key, serial, news) => {
                if self.is_current(packet) {
                    self.hear(key, serial, news);
                }
            }
            Word::Hello(site) => {
                let host = self.number(packet.op, &site);
                let identity = identity_of(host, self.hosts[host].boot);
                self.answer(packet, Word::Tell(Report::Identified { site, identity }));
            }
            Word::Start(launch, serial) => self.launch(packet, launch, serial),
            Word::Claim(launch, serial) => self.claim(packet, launch, serial),
            Word::Status(key, serial, host) => {
                let stands = News::Stands(self.standing(key, host));
                self.answer(packet, Word::Unit(key, serial, stands));
            }
            Word::Follow(key, serial, host, at) => self.connect(packet, (key, serial, host, at)),
            Word::Cancel(key, host) => self.hosts[host].cancel(key),
            Word::Take(env, steal) => self.take_lock(packet, &env, steal.as_ref()),
            Word::Release(env) => self.release_lock(packet, &env),
        }
    }

    /// What a host says of an attempt.
    pub(super) fn standing(&self, key: Key, host: usize) -> Standing {
        match self.hosts[host].claims.get(&key) {
            None => Standing::Never,
            Some(claim) => match &claim.life {
                Life::Running | Life::Orphan => Standing::Running,
                Life::Over(ending) => Standing::Ended(ending.clone(), claim.out.len()),
                Life::Void => Standing::Void(self.hosts[host].boot),
                Life::Lost(why) => Standing::Unknown(why),
            },
        }
    }

    fn connect(&mut self, packet: &Packet, (key, serial, on, at): (Key, u32, usize, usize)) {
        if self.is_current(packet) && !packet.is_echo {
            self.links.push(Link {
                life: packet.life,
                key,
                serial,
                on,
                at,
            });
        }
    }

    /// The launcher's `start`, up to the link into the epoch.
    fn launch(&mut self, packet: &Packet, launch: Launch, serial: u32) {
        let key = launch.key;
        let refuse = |news| Word::Unit(key, serial, news);
        if launch.identity != identity_of(launch.on, self.hosts[launch.on].boot) {
            let news = News::Refused("the machine was restarted since it said hello");
            return self.answer(packet, refuse(news));
        }
        let is_claimed = self.hosts[launch.on].claims.contains_key(&key);
        if is_claimed && self.scenario.laws.exclusive_claims {
            return self.connect(packet, (key, serial, launch.on, 0));
        }
        if let (Some(env), Some((host, number))) = (&launch.env, launch.fence) {
            let is_linked = self.hosts[host].link(env, number, key, launch.on);
            if !is_linked && self.scenario.laws.fenced_epochs {
                return self.answer(packet, refuse(News::Fenced));
            }
        }
        if self.chance.one_in(6) {
            let packet = packet.clone();
            self.wire.push(Packet {
                word: Word::Claim(launch, serial),
                ..packet
            });
        } else {
            self.claim(packet, launch, serial);
        }
    }

    /// The launcher's claim: exclusive, and then the script runs.
    fn claim(&mut self, packet: &Packet, launch: Launch, serial: u32) {
        let (key, on) = (launch.key, launch.on);
        if launch.identity != identity_of(on, self.hosts[on].boot) {
            // The launcher died with the machine.
            return self.answer(packet, Word::Unit(key, serial, News::Unreachable));
        }
        let is_claimed = self.hosts[on].claims.contains_key(&key);
        if !is_claimed || !self.scenario.laws.exclusive_claims {
            self.begin_script(launch);
        }
        self.connect(packet, (key, serial, on, 0));
    }

    fn begin_script(&mut self, launch: Launch) {
        let key = launch.key;
        self.note(|| format!("the script of {key:?} runs on host {}", launch.on));
        self.watch.script_begins(key, &self.consoles[key.0].shadow);
        if let Some(env) = launch
            .env
            .as_ref()
            .filter(|_| launch.on < self.scenario.hosts)
        {
            let hosts = self.hosts[..self.scenario.hosts].iter();
            let mut others = hosts.flat_map(|host| &host.claims);
            let other = others.find(|(other, claim)| {
                other.0 != key.0 && claim.life.is_alive() && claim.env.as_ref() == Some(env)
            });
            if let Some((other, _)) = other {
                let what = format!("{key:?} runs in {env} while {other:?} runs there");
                self.watch.broken(Promise::OneOperator, what);
            }
        }
        let fails = match self.scenario.first_try_fails {
            Some(fails) => fails && key.2 == 1,
            None => self.chance.one_in(if self.is_wild { 4 } else { 8 }),
        };
        let ending = match (fails, self.chance.below(4)) {
            (false, _) => Ending::Exited(0),
            (true, 0) => Ending::TimedOut,
            (true, _) => Ending::Exited(1),
        };
        let left = self.chance.below(4);
        let claim = Claim {
            life: Life::Running,
            env: launch.env,
            out: Vec::new(),
            left,
            ending,
            is_cancelled: false,
        };
        self.hosts[launch.on].claims.insert(key, claim);
    }

    /// Tries to take a lock on all hosts that keep it.
    fn take_lock(&mut self, packet: &Packet, env: &EnvName, steal: Option<&LockId>) {
        let op = packet.op;
        if !self.is_current(packet) {
            // A dead console's request takes it for a run that may not know any more: told apart at the end.
            self.disturbed.insert((op, env.clone()));
        }
        let keepers = self.scenario.keepers[env].clone();
        let mut taken = Vec::new();
        for host in &keepers {
            if self.fault(20) {
                self.note(|| format!("{op}: taking the lock stops before host {host}"));
                let (env, why) = (env.clone(), "no connection".to_owned());
                return self.answer(packet, Word::Tell(Report::LockFailed { env, why }));
            }
            let holder = self.hosts[*host].open(env).map(|open| open.holder);
            match holder {
                Some(holder) if holder == op => continue,
                Some(holder) if steal.is_some_and(|id| owner_of(id) == holder) => {
                    self.hosts[*host].end_epoch(env, holder);
                    self.disturbed.insert((holder, env.clone()));
                }
                Some(holder) => {
                    for host in taken {
                        let host: usize = host;
                        self.hosts[host].end_epoch(env, op);
                    }
                    return self.answer(packet, Word::Tell(busy(env, holder, *host)));
                }
                None => {}
            }
            self.hosts[*host].begin_epoch(env, op);
            taken.push(*host);
        }
        let remains = self.remains(env, &keepers);
        let report = if remains.is_empty() || !self.scenario.laws.fenced_epochs {
            Report::Locked {
                env: env.clone(),
                grant: self.grant(env, &keepers, op),
            }
        } else {
            Report::LockOccupied {
                env: env.clone(),
                remains,
            }
        };
        self.answer(packet, Word::Tell(report));
    }

    fn remains(&mut self, env: &EnvName, keepers: &[usize]) -> Vec<Remains> {
        let mut remains = Vec::new();
        for host in keepers {
            let attempts = self.hosts[*host].settle_closed(env, *host);
            if !attempts.is_empty() {
                remains.push(Remains {
                    host: name(*host),
                    attempts: attempts.iter().map(|key| format!("{key:?}")).collect(),
                });
            }
        }
        remains
    }

    fn grant(&self, env: &EnvName, keepers: &[usize], op: usize) -> Grant {
        let epochs = keepers.iter().filter_map(|host| {
            let number = self.hosts[*host].held_by(env, op)?;
            Some((name(*host), number))
        });
        Grant {
            epochs: epochs.collect(),
            ..Grant::default()
        }
    }

    fn release_lock(&mut self, packet: &Packet, env: &EnvName) {
        let op = packet.op;
        if !self.is_current(packet) {
            self.disturbed.insert((op, env.clone()));
        } else if self.believes_running(op, env) {
            let what = format!("{op} gives {env} back while its tasks run there");
            self.watch.broken(Promise::LocksAsRecorded, what);
        }
        let mut left = std::collections::BTreeMap::new();
        for host in self.scenario.keepers[env].clone() {
            if self.fault(20) {
                left.insert(format!("h{host}"), "no connection".to_owned());
            } else {
                self.hosts[host].end_epoch(env, op);
            }
        }
        let env = env.clone();
        self.answer(packet, Word::Tell(Report::Unlocked { env, left }));
    }

    /// The places of locks are told that their holder lives.
    pub(super) fn beat(&mut self, op: usize) {
        let console = &self.consoles[op];
        let Some(process) = console.process.as_ref().filter(|_| !console.is_frozen) else {
            return;
        };
        let state = process.conductor.state();
        let lost = state.locks.iter().find(|(env, grant)| {
            let mut epochs = grant.epochs.iter();
            epochs.any(|(host, number)| {
                let host = number_of(host.as_str());
                self.hosts[host].held_by(env, op) != Some(*number)
            })
        });
        let report = lost.map(|(env, grant)| Report::LockLost {
            env: env.clone(),
            grant: grant.clone(),
            why: "somebody took it over".to_owned(),
        });
        let goes_on = !matches!(state.status, RunStatus::Finished(_));
        if let Some(report) = report.filter(|_| goes_on) {
            self.send(op, Word::Tell(report));
        }
    }
}

fn name(host: usize) -> HostName {
    HostName::new(format!("h{host}"))
}

fn busy(env: &EnvName, holder: usize, host: usize) -> Report {
    Report::LockBusy {
        env: env.clone(),
        busy: Box::new(Busy {
            place: format!("h{host}"),
            id: lock_of(holder),
            holder: None,
            beat_s: None,
        }),
    }
}
