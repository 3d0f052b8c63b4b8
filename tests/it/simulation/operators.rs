//! Operators: what people wish, drawn at random.
//!
//! In wild times they also meddle: pause, stop, kill, leave hosts out, take locks over. Afterwards they answer what
//! is asked, and everything has to come to an end.

use golive::domain::id::{EnvName, TaskId};
use golive::domain::lock::Busy;
use golive::domain::run::progress::{Need, needs};
use golive::domain::run::{Intent, Outcome, RunState, RunStatus, TaskStatus};

use super::chance::Chance;
use super::console::{Order, owner_of};
use super::world::World;

impl World {
    /// An operator looks at the screen, and perhaps wishes something.
    pub(super) fn operate(&mut self, op: usize) {
        let Some(process) = &self.consoles[op].process else {
            return;
        };
        let state = process.conductor.state();
        let busy = process.conductor.busy_locks().iter().next();
        let may_steal = busy.is_none_or(|(_, busy)| self.is_wild || self.is_left(&busy.id));
        let meddles = self.is_wild && self.chance.one_in(8);
        let intent = if meddles {
            Some(meddle(&mut self.chance, state))
        } else {
            answer(&mut self.chance, state, busy, may_steal)
        };
        if let (Some(intent), Some(process)) = (intent, &mut self.consoles[op].process) {
            process.inbox.push(Order::Wish(intent));
        }
    }

    /// Whether nobody works under this lock any more.
    fn is_left(&self, lock: &golive::domain::id::LockId) -> bool {
        let console = &self.consoles[owner_of(lock)];
        console.process.is_none() && console.is_done()
    }

    /// Somebody starts a console for a run that is not driven.
    pub(super) fn take_up(&mut self, op: usize) {
        let console = &self.consoles[op];
        if !console.is_done() {
            return self.resume(op, None);
        }
        if !self.chance.one_in(6) {
            return;
        }
        let first = reopening(&mut self.chance, &self.consoles[op].shadow);
        self.consoles[op].reopened += 1;
        self.resume(op, Some(first));
    }
}

fn open_tasks(state: &RunState) -> Vec<TaskId> {
    let open = state.each().filter(|(_, task)| {
        matches!(
            task.status,
            TaskStatus::Failed | TaskStatus::Interrupted(_) | TaskStatus::Retrying(_)
        )
    });
    open.map(|(planned, _)| planned.id.clone()).collect()
}

fn reopening(chance: &mut Chance, state: &RunState) -> Intent {
    let open = open_tasks(state);
    let was_left = matches!(
        state.status,
        RunStatus::Finished(Outcome::Failed | Outcome::Stopped)
    );
    if open.is_empty() || !was_left || chance.one_in(3) {
        return Intent::Continue;
    }
    about(chance, state, open)
}

fn reason() -> String {
    "because".to_owned()
}

/// A decision about tasks that need one.
fn about(chance: &mut Chance, state: &RunState, tasks: Vec<TaskId>) -> Intent {
    let tasks = if chance.one_in(2) {
        vec![chance.pick(&tasks).clone()]
    } else {
        tasks
    };
    let tried = tasks.iter().filter_map(|task| state.task(task));
    let tried = tried.map(|task| task.attempt.0).max().unwrap_or_default();
    match chance.below(if tried > 3 { 3 } else { 8 }) {
        0 => Intent::Skip {
            tasks,
            reason: reason(),
        },
        1 => Intent::CountAsDone {
            tasks,
            reason: reason(),
        },
        2 if chance.one_in(2) => Intent::Stop { reason: None },
        2 | 3 => leave_out(chance, state).unwrap_or(Intent::Skip {
            tasks,
            reason: reason(),
        }),
        _ => Intent::Retry { tasks },
    }
}

fn leave_out(chance: &mut Chance, state: &RunState) -> Option<Intent> {
    let hosts = &state.plan.hosts;
    if hosts.is_empty() {
        return None;
    }
    let host = chance.pick(hosts);
    Some(Intent::LeaveOut {
        env: host.env.clone(),
        host: host.name.clone(),
        reason: reason(),
    })
    .filter(|_| chance.one_in(2))
}

/// What an operator answers to what the run waits for.
fn answer(
    chance: &mut Chance,
    state: &RunState,
    busy: Option<(&EnvName, &Busy)>,
    may_steal: bool,
) -> Option<Intent> {
    if state.status == RunStatus::Paused {
        return Some(Intent::Continue);
    }
    if let Some((env, busy)) = busy.filter(|_| state.status == RunStatus::Active) {
        let steal = (may_steal && chance.one_in(2)).then(|| busy.id.clone());
        return Some(match chance.below(12) {
            0 => Intent::Stop { reason: None },
            _ => Intent::TakeLock {
                env: env.clone(),
                steal,
            },
        });
    }
    let needs = needs(state, chance.one_in(3));
    if needs.is_empty() {
        return None;
    }
    match chance.pick(&needs).clone() {
        Need::Gate(_) if chance.one_in(12) => Some(Intent::Stop { reason: None }),
        Need::Gate(stage) => Some(Intent::Approve {
            env: state.plan.stages[stage].env.clone()?,
            commit: chance
                .one_in(4)
                .then(|| (*chance.pick(&["9be0d11", "1234567"])).to_owned()),
            reason: None,
        }),
        Need::Answer(task) if chance.one_in(4) => Some(Intent::Deny { task }),
        Need::Answer(task) => Some(Intent::Confirm { task }),
        Need::Failure(tasks) | Need::Interrupted(tasks) => Some(about(chance, state, tasks)),
    }
}

/// What nobody asked for.
fn meddle(chance: &mut Chance, state: &RunState) -> Intent {
    let tasks = vec![state.planned(chance.below(state.tasks.len())).1.id.clone()];
    let open = open_tasks(state);
    match chance.below(12) {
        0 | 1 => Intent::Pause,
        2 => Intent::Continue,
        3 => Intent::Stop { reason: None },
        4 => Intent::Kill { reason: None },
        5 => Intent::KeepLock {
            keep: chance.one_in(2),
        },
        6 => Intent::Retry { tasks },
        7 => Intent::Skip {
            tasks,
            reason: reason(),
        },
        8 if !state.plan.hosts.is_empty() => {
            let env = state.plan.hosts[0].env.clone();
            Intent::TakeLock { env, steal: None }
        }
        9 => leave_out(chance, state).unwrap_or(Intent::Pause),
        10 if !open.is_empty() => Intent::Retry { tasks: open },
        _ => Intent::CountAsDone {
            tasks,
            reason: String::new(),
        },
    }
}
