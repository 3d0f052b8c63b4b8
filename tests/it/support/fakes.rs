//! Doors to a world that is only data: what a site does is scripted, what was asked of it is written down.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta};
use golive::domain::action::Ending;
use golive::domain::feed::HostFacts;
use golive::domain::id::{Attempt, EnvName, HostName, LockId, TaskId};
use golive::domain::lock::{Busy, Grant, Holder};
use golive::domain::run::{Identity, Moment, Record};
use golive::port::{
    AttemptKey, Clock, Hello, Journal, JournalError, Launch, LaunchError, Launcher, Locks,
    LogStore, LogWriter, Place, Sink, Standing, Taking,
};

/// What a site does with one attempt.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    /// Prints this and ends with this code after this many seconds.
    Exit(i32, &'static str, u64),
    /// Ends because of its time limit.
    TimeOut,
    /// Runs until it is cancelled.
    Hang,
    /// The follower itself breaks down.
    Panic,
    /// The same, and the attempt goes on until [`World::ends`].
    PanicBeside,
    /// Refuses the launch.
    Refuse(&'static str),
    /// The connection breaks after this output; the attempt goes on and ends with this code.
    Break(&'static str, &'static str, i32),
    /// The connection breaks, and afterwards the site does not know what became of the attempt.
    Forget,
    /// The connection breaks before the launch arrives.
    Miss,
    /// The connection breaks, and afterwards the attempt is withdrawn; the machine may have been restarted before.
    Withdraw {
        /// It was.
        is_restarted: bool,
    },
}

/// What was asked of the world, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    Recorded(String),
    Launched(String),
    Followed(String),
    Cancelled(String),
    Dropped(String),
    Locked(String),
    Unlocked(String),
}

/// A world.
#[derive(Default)]
pub(crate) struct World {
    deeds: Mutex<BTreeMap<String, VecDeque<Deed>>>,
    pub(crate) asked: Mutex<Vec<Asked>>,
    broken: Mutex<BTreeMap<String, Deed>>,
    is_restarted: Mutex<bool>,
    /// Attempts whose launch did not arrive, and whether they were withdrawn then.
    missed: Mutex<BTreeMap<String, bool>>,
    cancelled: tokio::sync::Notify,
    /// Who holds the locks of environments.
    pub(crate) holders: Mutex<BTreeMap<EnvName, LockId>>,
    /// From this many appends on, the journal cannot be written.
    pub(crate) journal_breaks_at: Mutex<Option<usize>>,
    pub(crate) records: Mutex<Vec<Record>>,
    /// So many writes to log files fail.
    pub(crate) full_disk: Mutex<u32>,
    /// So many log files cannot be opened.
    pub(crate) closed_logs: Mutex<u32>,
    /// So many times the output of an attempt that is over cannot be removed.
    pub(crate) silent_drops: Mutex<u32>,
    logs: Mutex<BTreeMap<(TaskId, Attempt), Vec<u8>>>,
    most_at_once: Mutex<(usize, usize)>,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// The next attempt of a task does this; without a deed it ends well at once.
    pub(crate) fn does(&self, task: &str, deed: Deed) {
        self.deeds
            .lock()
            .unwrap()
            .entry(task.to_owned())
            .or_default()
            .push_back(deed);
    }

    /// An attempt (`task#number`) that went on unseen is over.
    pub(crate) fn ends(&self, attempt: &str) {
        self.broken
            .lock()
            .unwrap()
            .insert(attempt.to_owned(), Deed::Forget);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn launched(&self) -> Vec<String> {
        let asked = self.asked();
        let launched = asked.into_iter().filter_map(|asked| match asked {
            Asked::Launched(task) => Some(task),
            _ => None,
        });
        launched.collect()
    }

    pub(crate) fn log(&self, task: &str, attempt: u32) -> String {
        let key = (TaskId::new(task), Attempt(attempt));
        String::from_utf8(
            self.logs
                .lock()
                .unwrap()
                .get(&key)
                .cloned()
                .unwrap_or_default(),
        )
        .unwrap()
    }

    /// The most attempts that ran at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.most_at_once.lock().unwrap().1
    }

    fn note(&self, asked: Asked) {
        self.asked.lock().unwrap().push(asked);
    }

    async fn perform<S: Sink>(
        &self,
        launch: &Launch,
        sink: &mut S,
    ) -> Result<Standing, LaunchError> {
        let name = format!("{}#{}", launch.task, launch.attempt);
        let deed = self
            .deeds
            .lock()
            .unwrap()
            .get_mut(launch.task.as_str())
            .and_then(VecDeque::pop_front)
            .unwrap_or(Deed::Exit(0, "", 0));
        let ended = |ending, size: u64| Ok(Standing::Ended { ending, size });
        match deed {
            Deed::Exit(code, text, seconds) => {
                if sink.take(text.as_bytes()).is_err() {
                    let rest = Deed::Break("", text, code);
                    self.broken.lock().unwrap().insert(name, rest);
                    return Err(unreachable());
                }
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                ended(Ending::Exited(code), text.len() as u64)
            }
            Deed::TimeOut => ended(Ending::TimedOut, 0),
            Deed::Hang => {
                self.cancelled.notified().await;
                ended(Ending::Cancelled, 0)
            }
            Deed::PanicBeside => {
                let goes_on = Deed::Break("", "", 0);
                self.broken.lock().unwrap().insert(name, goes_on);
                panic!("a fault of the follower, not of the step")
            }
            Deed::Panic => panic!("a fault of the follower"),
            Deed::Refuse(why) => Err(LaunchError::Refused {
                place: "web1".to_owned(),
                why: why.to_owned(),
                help: None,
            }),
            Deed::Break(text, _, _) => {
                sink.take(text.as_bytes()).unwrap();
                self.broken.lock().unwrap().insert(name, deed);
                Err(unreachable())
            }
            Deed::Miss => {
                self.missed.lock().unwrap().insert(name, false);
                Err(unreachable())
            }
            Deed::Forget | Deed::Withdraw { .. } => {
                let is_restarted = matches!(deed, Deed::Withdraw { is_restarted: true });
                *self.is_restarted.lock().unwrap() |= is_restarted;
                self.broken.lock().unwrap().insert(name, deed);
                Err(unreachable())
            }
        }
    }
}

fn unreachable() -> LaunchError {
    LaunchError::Unreachable {
        place: "web1".to_owned(),
        why: "connection lost".to_owned(),
        help: None,
    }
}

/// The launcher of a world.
pub(crate) struct FakeLauncher(pub(crate) Arc<World>);

impl Launcher for FakeLauncher {
    async fn hello(&self, place: &Place) -> Result<Hello, LaunchError> {
        let host = place
            .as_ref()
            .map_or("here".to_owned(), |(_, host)| host.to_string());
        let is_restarted = *self.0.is_restarted.lock().unwrap();
        let identity = Identity {
            host,
            boot: if is_restarted { "later" } else { "boot" }.to_owned(),
        };
        Ok(Hello {
            identity,
            facts: HostFacts::default(),
        })
    }

    async fn start<S: Sink>(&self, launch: &Launch, sink: &mut S) -> Result<Standing, LaunchError> {
        self.0.note(Asked::Launched(launch.task.to_string()));
        {
            let mut count = self.0.most_at_once.lock().unwrap();
            count.0 += 1;
            count.1 = count.1.max(count.0);
        }
        let standing = self.0.perform(launch, sink).await;
        self.0.most_at_once.lock().unwrap().0 -= 1;
        standing
    }

    async fn follow<S: Sink>(
        &self,
        key: &AttemptKey,
        sink: &mut S,
    ) -> Result<Standing, LaunchError> {
        self.0.note(Asked::Followed(key.task.to_string()));
        let name = format!("{}#{}", key.task, key.attempt);
        let deed = self.0.broken.lock().unwrap().get(&name).cloned();
        match deed {
            Some(Deed::Break(before, after, code)) => {
                let whole = format!("{before}{after}");
                let from = usize::try_from(sink.offset()).unwrap();
                if sink.take(&whole.as_bytes()[from..]).is_err() {
                    return Err(unreachable());
                }
                Ok(Standing::Ended {
                    ending: Ending::Exited(code),
                    size: whole.len() as u64,
                })
            }
            _ => Ok(Standing::Ended {
                ending: Ending::Exited(0),
                size: sink.offset(),
            }),
        }
    }

    async fn status(&self, key: &AttemptKey) -> Result<Standing, LaunchError> {
        let name = format!("{}#{}", key.task, key.attempt);
        if self.0.missed.lock().unwrap().get(&name) == Some(&true) {
            return Ok(Standing::Void);
        }
        Ok(match self.0.broken.lock().unwrap().get(&name) {
            Some(Deed::Withdraw { .. }) => Standing::Void,
            Some(Deed::Forget) => Standing::Unknown("the host was restarted".to_owned()),
            Some(_) => Standing::Running,
            None => Standing::Never,
        })
    }

    async fn cancel(&self, key: &AttemptKey, _grace: Duration) -> Result<(), LaunchError> {
        self.0.note(Asked::Cancelled(key.task.to_string()));
        self.0.cancelled.notify_waiters();
        let name = format!("{}#{}", key.task, key.attempt);
        if let Some(is_withdrawn) = self.0.missed.lock().unwrap().get_mut(&name) {
            *is_withdrawn = true;
        }
        Ok(())
    }

    async fn drop_output(&self, key: &AttemptKey) -> Result<(), LaunchError> {
        let mut silent = self.0.silent_drops.lock().unwrap();
        if let Some(left) = silent.checked_sub(1) {
            *silent = left;
            return Err(unreachable());
        }
        self.0.note(Asked::Dropped(key.task.to_string()));
        Ok(())
    }
}

/// The locks of a world: somebody else may have them.
pub(crate) struct FakeLocks(pub(crate) Arc<World>);

impl Locks for FakeLocks {
    async fn take(
        &self,
        env: &EnvName,
        holder: &Holder,
        steal: Option<&LockId>,
        _spare: &BTreeSet<HostName>,
    ) -> Result<Taking, LaunchError> {
        let mut holders = self.0.holders.lock().unwrap();
        match holders.get(env).cloned() {
            Some(other) if other != holder.id && steal != Some(&other) => {
                return Ok(Taking::Busy(Box::new(Busy {
                    place: "web1".to_owned(),
                    id: other,
                    holder: None,
                    beat_s: Some(7),
                })));
            }
            _ => {}
        }
        holders.insert(env.clone(), holder.id.clone());
        self.0.note(Asked::Locked(env.to_string()));
        Ok(Taking::Taken(Grant::default()))
    }

    async fn beat(
        &self,
        env: &EnvName,
        lock: &LockId,
        _grant: &Grant,
    ) -> Result<Option<String>, LaunchError> {
        let holders = self.0.holders.lock().unwrap();
        let other = holders.get(env).filter(|held| *held != lock);
        Ok(other.map(|other| format!("taken over by {other}")))
    }

    async fn release(&self, env: &EnvName, lock: &LockId) -> BTreeMap<String, String> {
        let mut holders = self.0.holders.lock().unwrap();
        if holders.get(env) == Some(lock) {
            holders.remove(env);
        }
        self.0.note(Asked::Unlocked(env.to_string()));
        BTreeMap::new()
    }
}

/// The journal of a world.
pub(crate) struct FakeJournal(pub(crate) Arc<World>);

impl Journal for FakeJournal {
    async fn append(&mut self, records: &[Record]) -> Result<(), JournalError> {
        let mut breaks_at = self.0.journal_breaks_at.lock().unwrap();
        match breaks_at.as_mut() {
            Some(0) => {
                return Err(JournalError {
                    path: "journal".to_owned(),
                    why: "disk full".to_owned(),
                });
            }
            Some(left) => *left -= 1,
            None => {}
        }
        for record in records {
            let value = serde_json::to_value(record).unwrap();
            let about = value
                .get("task")
                .or(value.get("stage"))
                .and_then(|about| about.as_str());
            let name = value["event"].as_str().unwrap();
            self.0.note(Asked::Recorded(match about {
                Some(about) => format!("{name} {about}"),
                None => name.to_owned(),
            }));
            self.0.records.lock().unwrap().push(record.clone());
        }
        Ok(())
    }
}

/// The log files of a world.
pub(crate) struct FakeLogs(pub(crate) Arc<World>);

/// One of them.
pub(crate) struct FakeLog {
    world: Arc<World>,
    key: (TaskId, Attempt),
}

impl LogStore for FakeLogs {
    type Writer = FakeLog;

    fn open(&self, task: &TaskId, attempt: Attempt) -> std::io::Result<FakeLog> {
        let mut closed = self.0.closed_logs.lock().unwrap();
        if *closed > 0 {
            *closed -= 1;
            return Err(std::io::Error::other("too many open files"));
        }
        let key = (task.clone(), attempt);
        self.0.logs.lock().unwrap().entry(key.clone()).or_default();
        Ok(FakeLog {
            world: Arc::clone(&self.0),
            key,
        })
    }
}

impl LogWriter for FakeLog {
    fn append(&mut self, bytes: &[u8], _at: Moment) -> std::io::Result<()> {
        let mut full = self.world.full_disk.lock().unwrap();
        if *full > 0 {
            *full -= 1;
            return Err(std::io::Error::other("no space left"));
        }
        self.world
            .logs
            .lock()
            .unwrap()
            .get_mut(&self.key)
            .unwrap()
            .extend_from_slice(bytes);
        Ok(())
    }

    fn len(&self) -> u64 {
        self.world.logs.lock().unwrap()[&self.key].len() as u64
    }

    fn tail(&self, limit: u64) -> std::io::Result<Vec<u8>> {
        let logs = self.world.logs.lock().unwrap();
        let log = &logs[&self.key];
        Ok(log[log.len().saturating_sub(usize::try_from(limit).unwrap())..].to_vec())
    }
}

/// A clock that follows tokio's paused time.
pub(crate) struct FakeClock {
    begin: tokio::time::Instant,
}

impl FakeClock {
    pub(crate) fn new() -> Self {
        Self {
            begin: tokio::time::Instant::now(),
        }
    }

    /// The moment the clock starts at.
    pub(crate) fn zero() -> Moment {
        DateTime::<FixedOffset>::parse_from_rfc3339("2026-11-20T21:30:00+01:00").unwrap()
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Moment {
        Self::zero() + TimeDelta::from_std(self.begin.elapsed()).unwrap()
    }
}
