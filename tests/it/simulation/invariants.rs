//! Invariants: what must hold after every step, whatever went wrong.
//!
//! The watch sees everything: each script that really runs, each record that reached a disk, each byte that arrived.
//! It knows how attempts really ended, also when no host does any more. The first violation is kept.

use std::collections::{BTreeMap, BTreeSet};

use golive::domain::action::{Action, Ending};
use golive::domain::checklist::{Gate, OnFailure};
use golive::domain::id::TaskId;
use golive::domain::plan::Task;
use golive::domain::plan::undo::UNDO;
use golive::domain::run::event::Decision;
use golive::domain::run::{Event, GateState, Outcome, RunState, RunStatus, TaskStatus};

use super::hosts::Key;

/// A promise of design/5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// The script of an attempt runs at most once.
    AttemptOnce,
    /// What is not idempotent runs again only by a decision or its declared retry.
    AskedBefore,
    /// Two operators never both have running tasks in an environment.
    OneOperator,
    /// Tasks start only under the lock of their environment.
    UnderLock,
    /// The received output is the beginning of the printed one, and all of it at a recorded end.
    ExactLog,
    /// A recorded end is the real end.
    KnownEnd,
    /// Folding the journal gives the live state.
    FoldIsState,
    /// Nothing is launched before its start is on disk.
    FactBeforeAct,
    /// Gates, order, left out hosts and skipped steps are kept to.
    AsPlanned,
    /// After the end nothing starts.
    EndIsEnd,
    /// Locks are given back or kept, as recorded.
    LocksAsRecorded,
    /// What an operator is shown before a wish is what it comes to.
    Foreseen,
    /// Going back looks at LIVE first, undoes in the plan's order, and goes on only after what really was undone, or
    /// what somebody decided about; its success is that it went back.
    GoesBack,
    /// Once faults stop, every run ends.
    Ends,
}

/// What was broken, and how.
#[derive(Debug, Clone)]
pub(super) struct Violation {
    pub(super) promise: Promise,
    pub(super) what: String,
}

/// Sees everything.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub(super) violation: Option<Violation>,
    /// Attempts whose start reached a disk.
    started: BTreeSet<Key>,
    /// Attempts whose script ran.
    ran: BTreeSet<Key>,
    /// How scripts really ended, as far as that was recorded where they ran.
    ends: BTreeMap<Key, Ending>,
    /// All that scripts printed.
    printed: BTreeMap<Key, Vec<u8>>,
    /// Attempts that are on record as never started.
    never: BTreeSet<Key>,
    /// Tasks that may run again, by operator and place.
    allowed: BTreeSet<(usize, usize)>,
    /// Tasks somebody decided about so that what waits for them goes on, by operator and place.
    waived: BTreeSet<(usize, usize)>,
    /// A start without a recorded lock is no violation by itself.
    ignores_locks: bool,
}

impl Watch {
    /// Sees nothing yet. Starts without a recorded lock may be no violation by themselves.
    pub(super) fn new(ignores_locks: bool) -> Self {
        Self {
            ignores_locks,
            ..Self::default()
        }
    }

    /// Notes a violation; the first one counts.
    pub(super) fn broken(&mut self, promise: Promise, what: impl Into<String>) {
        let what = what.into();
        self.violation.get_or_insert(Violation { promise, what });
    }

    fn expect(&mut self, holds: bool, promise: Promise, what: impl FnOnce() -> String) {
        if !holds {
            self.broken(promise, what());
        }
    }

    /// A script begins to run. `state` is what is on the disk of its operator.
    pub(super) fn script_begins(&mut self, key: Key, state: &RunState) {
        let is_recorded = self.started.contains(&key);
        self.expect(is_recorded, Promise::FactBeforeAct, || {
            format!("{key:?} runs and its start is on no disk")
        });
        let is_first = self.ran.insert(key);
        self.expect(is_first, Promise::AttemptOnce, || {
            format!("the script of {key:?} runs a second time")
        });
        let is_open = !self.never.contains(&key);
        self.expect(is_open, Promise::KnownEnd, || {
            format!("{key:?} runs and is on record as never started")
        });
        let goes_on = !matches!(state.status, RunStatus::Finished(_));
        self.expect(goes_on, Promise::EndIsEnd, || {
            format!("{key:?} runs after its run ended")
        });
    }

    /// A script printed this.
    pub(super) fn printed(&mut self, key: Key, byte: u8) {
        self.printed.entry(key).or_default().push(byte);
    }

    /// A script ended, and its supervisor recorded it.
    pub(super) fn script_ended(&mut self, key: Key, ending: Ending) {
        self.ends.insert(key, ending);
    }

    /// Output arrived: this is all the operator has of it.
    pub(super) fn received(&mut self, key: Key, log: &[u8]) {
        let is_prefix = self.printed.entry(key).or_default().starts_with(log);
        self.expect(is_prefix, Promise::ExactLog, || {
            format!("the log of {key:?} is not what it printed")
        });
    }

    /// A record reached the disk. `before` is the state that the disk held until now.
    pub(super) fn recorded(
        &mut self,
        operator: usize,
        before: &RunState,
        event: &Event,
        log: impl Fn(Key) -> usize,
    ) {
        match event {
            Event::TaskStarted { task, attempt, .. } => {
                if let Some(position) = before.position(task) {
                    let key = (operator, position, attempt.0);
                    self.task_started(key, before);
                    self.goes_back(key, before);
                    self.started.insert(key);
                }
            }
            Event::TaskFinished {
                task,
                attempt,
                ending,
                ..
            } => self.task_ended(operator, before, (task, attempt.0, ending), &log),
            Event::TaskFailed {
                task,
                attempt,
                ending,
                retry_at,
                ..
            } => {
                self.task_ended(operator, before, (task, attempt.0, ending), &log);
                if let (Some(_), Some(position)) = (retry_at, before.position(task)) {
                    self.allowed.insert((operator, position));
                }
            }
            Event::DecisionTaken {
                decision: Decision::Retry,
                tasks,
                by,
                ..
            } => self.retried(operator, before, tasks, by == "golive"),
            Event::DecisionTaken {
                decision: Decision::Skip | Decision::CountAsDone | Decision::LeaveOut,
                tasks,
                host,
                by,
                ..
            } if by != "golive" => {
                let of_host = before.each().enumerate().filter(|(_, (planned, _))| {
                    host.is_some() && planned.site.host() == host.as_ref().map(|left| &left.host)
                });
                let places = of_host.map(|(position, _)| position);
                let named = tasks.iter().filter_map(|task| before.position(task));
                let waived: Vec<usize> = places.chain(named).collect();
                self.waived
                    .extend(waived.into_iter().map(|position| (operator, position)));
            }
            Event::RunFinished { outcome, .. } => self.run_finished(before, *outcome),
            _ => {}
        }
    }

    fn task_started(&mut self, key: Key, before: &RunState) {
        let (operator, position, _) = key;
        let (index, planned) = before.planned(position);
        let (stage, stages) = (&before.plan.stages[index], &before.stages);
        let status = &before.tasks[position].status;
        let is_due = matches!(status, TaskStatus::Waiting | TaskStatus::Retrying(_));
        let is_passed =
            stage.gate == Gate::None || matches!(stages[index].gate, GateState::Approved { .. });
        let is_turn = stages[..index].iter().all(|stage| stage.ended.is_some());
        let after = &before.layout.after[position];
        let wrong = [
            (!is_due || planned.skip.is_some(), "it is not to run"),
            (before.is_left_out(position), "its host was left out"),
            (before.status != RunStatus::Active, "the run does not go on"),
            (!is_passed, "its gate was not approved"),
            (!is_turn, "an earlier stage has not ended"),
            (
                !after.iter().all(|at| is_done(before, *at)),
                "what it needs is not done",
            ),
        ];
        for (_, why) in wrong.iter().filter(|(is_wrong, _)| *is_wrong) {
            self.broken(
                Promise::AsPlanned,
                format!("{} starts and {why}", planned.id),
            );
        }
        let is_locked = self.ignores_locks
            || stage
                .env
                .as_ref()
                .is_none_or(|env| before.locks.contains_key(env));
        self.expect(is_locked, Promise::UnderLock, || {
            format!("{} starts without the lock", planned.id)
        });
        let was_asked = self.allowed.remove(&(operator, position));
        let may = before.tasks[position].attempt.0 == 0 || planned.idempotent || was_asked;
        self.expect(may, Promise::AskedBefore, || {
            format!("{} starts again and nobody decided so", planned.id)
        });
    }

    /// A task of a rollback starts: everything before it that looks at LIVE or undoes has really been done.
    fn goes_back(&mut self, (operator, position, _): Key, before: &RunState) {
        if before.plan.rollback.is_none() {
            return;
        }
        let rank = |position: usize| {
            let (stage, planned) = before.planned(position);
            let tasks = &before.plan.stages[stage].tasks;
            let first = tasks.iter().position(|task| task.step == planned.step);
            (stage, first)
        };
        for earlier in (0..before.tasks.len()).filter(|at| rank(*at) < rank(position)) {
            let planned = before.planned(earlier).1;
            if planned.kind != UNDO && earlier != 0 {
                continue;
            }
            let task = &before.tasks[earlier];
            let really = self.ends.get(&(operator, earlier, task.attempt.0)).cloned();
            let is_done = really == Some(Ending::Exited(0)) && task.status == TaskStatus::Succeeded;
            let is_passed_over = planned.skip.is_some()
                || self.waived.contains(&(operator, earlier))
                || (task.status == TaskStatus::Failed && planned.on_failure == OnFailure::Continue);
            self.expect(is_done || is_passed_over, Promise::GoesBack, || {
                let next = &before.planned(position).1.id;
                format!(
                    "{next} starts, {} ended with {really:?} and nobody decided",
                    planned.id
                )
            });
        }
    }

    /// An end on record has to be the real one, with all its output.
    fn task_ended(
        &mut self,
        operator: usize,
        before: &RunState,
        (task, attempt, ending): (&TaskId, u32, &Ending),
        log: &impl Fn(Key) -> usize,
    ) {
        let Some(position) = before.position(task) else {
            return;
        };
        if matches!(before.planned(position).1.action, Action::Ask { .. }) {
            return;
        }
        let key = (operator, position, attempt);
        if matches!(ending, Ending::NotStarted(_)) {
            let ran = self.ran.contains(&key);
            self.never.insert(key);
            return self.expect(!ran, Promise::KnownEnd, || {
                format!("{task} is on record as never started, and it ran")
            });
        }
        let real = self.ends.get(&key).cloned();
        self.expect(real.as_ref() == Some(ending), Promise::KnownEnd, || {
            format!("{task} is on record with {ending}, really: {real:?}")
        });
        let printed = self.printed.get(&key).map_or(0, Vec::len);
        let received = log(key);
        self.expect(received == printed, Promise::ExactLog, || {
            format!("{task} printed {printed} bytes, {received} arrived before its end")
        });
    }

    fn retried(&mut self, operator: usize, before: &RunState, tasks: &[TaskId], by_itself: bool) {
        for position in tasks.iter().filter_map(|task| before.position(task)) {
            let planned = before.planned(position).1;
            let may = !by_itself || planned.idempotent;
            self.expect(may, Promise::AskedBefore, || {
                format!("{} is to run again and nobody was asked", planned.id)
            });
            self.allowed.insert((operator, position));
        }
    }

    fn run_finished(&mut self, before: &RunState, outcome: Outcome) {
        let running = before.each().find(|(planned, task)| {
            task.status == TaskStatus::Running && matches!(planned.action, Action::Exec(_))
        });
        let running = running.map(|(planned, _)| planned.id.clone());
        self.expect(running.is_none(), Promise::EndIsEnd, || {
            format!("the run ended while {running:?} ran")
        });
        let is_done = (0..before.tasks.len()).all(|at| is_done(before, at));
        let may = !outcome.is_success() || is_done;
        self.expect(may, Promise::AsPlanned, || {
            "the run succeeded and not all was done".to_owned()
        });
        let are_back = before.locks.is_empty();
        let went_back = outcome == Outcome::RolledBack;
        let may = !outcome.is_success() || went_back == before.plan.rollback.is_some();
        self.expect(may, Promise::GoesBack, || {
            format!("the run ended as {outcome:?}, and that is not what it did")
        });
        let may = are_back || (before.keeps_locks && !outcome.is_success());
        self.expect(may, Promise::LocksAsRecorded, || {
            "the run ended with locks that nobody wanted to keep".to_owned()
        });
    }

    /// A record was applied: what is of unknown end must be shown as that.
    pub(super) fn applied(&mut self, after: &RunState, event: &Event) {
        let Event::TaskInterrupted { task, .. } = event else {
            return;
        };
        let status = after.task(task).map(|task| &task.status);
        let is_shown = matches!(
            status,
            Some(TaskStatus::Interrupted(_) | TaskStatus::Skipped(_))
        );
        self.expect(is_shown, Promise::KnownEnd, || {
            format!("the end of {task} is not known and it is shown as {status:?}")
        });
    }
}

/// Whether what waits for a task may start, told independently of the core.
fn is_done(state: &RunState, position: usize) -> bool {
    let planned: &Task = state.planned(position).1;
    match state.tasks[position].status {
        TaskStatus::Succeeded | TaskStatus::Skipped(_) => true,
        TaskStatus::Failed => planned.on_failure == OnFailure::Continue,
        _ => false,
    }
}

/// In what two states differ; `None` = in nothing.
pub(super) fn difference(a: &RunState, b: &RunState) -> Option<&'static str> {
    let pairs = [
        (a.seq == b.seq, "seq"),
        (a.status == b.status, "status"),
        (a.tasks == b.tasks, "tasks"),
        (a.stages == b.stages, "stages"),
        (a.locks == b.locks, "locks"),
        (a.lock == b.lock, "lock"),
        (a.keeps_locks == b.keeps_locks, "keeps_locks"),
        (a.left_out == b.left_out, "left_out"),
        (a.is_killing == b.is_killing, "is_killing"),
        (a.started == b.started, "started"),
        (a.ended == b.ended, "ended"),
        (a.by == b.by && a.reason == b.reason, "by"),
        (a.tag == b.tag, "tag"),
    ];
    pairs
        .iter()
        .find(|(is_same, _)| !is_same)
        .map(|(_, what)| *what)
}
