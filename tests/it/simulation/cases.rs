//! Cases: what the simulation found, told by hand, so that each stays found.
//!
//! Each drives a conductor alone: wishes and reports in, effects out. Everything is on disk at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::DateTime;
use golive::domain::action::Ending;
use golive::domain::checklist::{Gate, OnFailure};
use golive::domain::id::{Attempt, EnvName, HostName, LockId, RunId, TaskId};
use golive::domain::lock::{Busy, Grant, Holder, Remains};
use golive::domain::plan::Plan;
use golive::domain::run::apply::fold;
use golive::domain::run::{
    Conductor, Effect, Event, Identities, Identity, Intent, Moment, Outcome, Record, Refusal,
    Report, RunState, RunStatus, TaskStatus,
};

use crate::support::plans::{plan, stage, with};

/// A conductor whose records are written at once.
struct Story {
    conductor: Conductor,
    disk: Vec<Record>,
    seconds: i64,
}

impl Story {
    /// A run of this plan has just begun.
    fn of(plan: Plan) -> Self {
        let state = RunState::new(RunId::new("run"), Arc::new(plan));
        let mut story = Self {
            conductor: Conductor::new(state, identities(), "ada@laptop".to_owned()),
            disk: Vec::new(),
            seconds: 0,
        };
        let lock = LockId::new("ours");
        let began = story.wish(Intent::Start { reason: None, lock });
        assert_eq!(began.unwrap(), [take(None)]);
        story
    }

    fn now(&self) -> Moment {
        let at = DateTime::from_timestamp(1_800_000_000 + self.seconds, 0).unwrap();
        at.fixed_offset()
    }

    fn wish(&mut self, intent: Intent) -> Result<Vec<Effect>, Refusal> {
        match self.conductor.wish(intent, self.now()) {
            Some(refusal) => Err(refusal),
            None => Ok(self.go_on()),
        }
    }

    fn hear(&mut self, report: &Report) -> Vec<Effect> {
        self.conductor.report(report, self.now());
        self.go_on()
    }

    fn go_on(&mut self) -> Vec<Effect> {
        self.seconds += 1;
        self.conductor.settle(self.now());
        let batch = self.conductor.take_batch();
        let mut effects = self.conductor.recorded(&batch);
        self.disk.extend(batch);
        effects.extend(self.conductor.asks(self.now()));
        effects
    }

    /// Tries locks again that could not be had.
    fn wait(&mut self) -> Vec<Effect> {
        self.conductor.try_locks_again();
        self.go_on()
    }

    /// The process dies; another one takes the run up.
    fn die(&mut self) -> Vec<Effect> {
        let state = self.conductor.state();
        let (run, plan) = (state.run.clone(), Arc::clone(&state.plan));
        let state = fold(run, plan, &self.disk);
        self.conductor = Conductor::new(state, identities(), "ada@laptop".to_owned());
        let mut effects = self.conductor.resume();
        effects.extend(self.go_on());
        effects
    }

    fn status(&self, task: &str) -> TaskStatus {
        let state = self.conductor.state();
        state.task(&TaskId::new(task)).unwrap().status.clone()
    }

    fn is_over(&self) -> bool {
        self.conductor.is_over()
    }
}

const ONE: &str = "production/one@h0";

/// One step on two hosts.
fn two_hosts() -> Plan {
    plan(vec![stage(
        "Production",
        Some("production"),
        Gate::None,
        &[("one", &["h0", "h1"])],
    )])
}

fn env() -> EnvName {
    EnvName::new("production")
}

fn identities() -> Identities {
    let who = |host: &str| Identity {
        host: host.to_owned(),
        boot: "boot".to_owned(),
    };
    let host = |name: &str| Some((env(), HostName::new(name)));
    [
        (None, who("here")),
        (host("h0"), who("h0")),
        (host("h1"), who("h1")),
    ]
    .into()
}

fn take(steal: Option<&str>) -> Effect {
    Effect::TakeLock {
        env: env(),
        steal: steal.map(LockId::new),
    }
}

fn give_back() -> Effect {
    Effect::ReleaseLock { env: env() }
}

fn launch(task: &str, attempt: u32) -> Effect {
    Effect::Launch {
        task: TaskId::new(task),
        attempt: Attempt(attempt),
    }
}

fn grant(epoch: u64) -> Grant {
    let hosts = ["h0", "h1"];
    Grant {
        epochs: hosts.map(|host| (HostName::new(host), epoch)).into(),
        ..Grant::default()
    }
}

fn locked(epoch: u64) -> Report {
    Report::Locked {
        env: env(),
        grant: grant(epoch),
    }
}

fn unlocked() -> Report {
    Report::Unlocked {
        env: env(),
        left: BTreeMap::new(),
    }
}

fn fenced(task: &str) -> Report {
    Report::Fenced {
        task: TaskId::new(task),
        attempt: Attempt(1),
        why: "somebody took it over".to_owned(),
    }
}

fn ended(task: &str, attempt: u32, code: i32) -> Report {
    Report::Ended {
        task: TaskId::new(task),
        attempt: Attempt(attempt),
        ending: Ending::Exited(code),
        evidence: BTreeMap::new(),
        output_size: 0,
    }
}

fn busy(holder: Option<Holder>) -> Report {
    Report::LockBusy {
        env: env(),
        busy: Box::new(Busy {
            place: "h0".to_owned(),
            id: LockId::new("theirs"),
            holder,
            beat_s: None,
        }),
    }
}

fn occupied() -> Report {
    Report::LockOccupied {
        env: env(),
        remains: vec![Remains {
            host: HostName::new("h0"),
            attempts: vec!["x.1".to_owned()],
        }],
    }
}

fn stop() -> Intent {
    Intent::Stop { reason: None }
}

fn retry(task: &str) -> Intent {
    Intent::Retry {
        tasks: vec![TaskId::new(task)],
    }
}

#[test]
fn a_lock_that_was_taken_over_and_waits_is_given_back_at_a_stop() {
    let mut story = Story::of(two_hosts());
    assert_eq!(story.hear(&occupied()), []);
    assert_eq!(story.wish(stop()).unwrap(), []);
    assert!(!story.is_over());
    assert_eq!(story.wait(), [give_back()]);
    assert_eq!(story.hear(&unlocked()), []);
    assert!(story.is_over());
}

#[test]
fn a_lock_that_was_taken_half_way_is_given_back_at_a_stop() {
    let mut story = Story::of(two_hosts());
    let failed = Report::LockFailed {
        env: env(),
        why: "h1 does not answer".to_owned(),
    };
    assert_eq!(story.hear(&failed), []);
    assert_eq!(story.wish(stop()).unwrap(), []);
    assert_eq!(story.wait(), [give_back()]);
}

#[test]
fn a_lock_half_taken_by_a_dead_process_is_given_back_though_somebody_else_has_the_rest() {
    let mut story = Story::of(two_hosts());
    assert_eq!(story.die(), [take(None)]);
    assert_eq!(story.hear(&busy(None)), []);
    assert_eq!(story.wish(stop()).unwrap(), [give_back()]);
}

#[test]
fn nothing_starts_under_a_lock_that_is_being_given_back() {
    let mut story = Story::of(two_hosts());
    story.hear(&locked(1));
    story.hear(&ended(ONE, 1, 1));
    story.hear(&ended("production/one@h1", 1, 0));
    assert_eq!(story.wish(stop()).unwrap(), [give_back()]);
    assert_eq!(story.wish(retry(ONE)).unwrap(), []);
    assert_eq!(story.hear(&unlocked()), [take(None)]);
    let place = Some((env(), HostName::new("h0")));
    assert_eq!(story.hear(&locked(2)), [Effect::Greet(place.clone())]);
    let identity = identities()[&place].clone();
    let site = place;
    let hello = Report::Identified { site, identity };
    assert_eq!(story.hear(&hello), [launch(ONE, 2)]);
}

#[test]
fn a_lock_that_is_being_given_back_cannot_be_kept_any_more() {
    let mut story = Story::of(two_hosts());
    story.hear(&locked(1));
    story.hear(&ended(ONE, 1, 1));
    story.hear(&ended("production/one@h1", 1, 0));
    story.wish(stop()).unwrap();
    let refusal = story.wish(Intent::KeepLock { keep: true }).unwrap_err();
    assert_eq!(refusal.to_string(), "the lock is being given back already");
}

#[test]
fn an_attempt_stays_under_the_lock_it_was_recorded_under() {
    let mut story = Story::of(two_hosts());
    story.hear(&locked(1));
    story.hear(&fenced(ONE));
    assert!(story.conductor.state().locks.is_empty());
    let effects = story.die();
    let other = TaskId::new("production/one@h1");
    let attempt = Attempt(1);
    let task = other.clone();
    assert!(effects.contains(&Effect::Follow { task, attempt }));
    let recorded = story.conductor.state().task(&other).unwrap();
    assert_eq!(recorded.under, Some(grant(1)));
}

#[test]
fn a_late_refusal_says_nothing_of_the_lock_that_was_taken_since() {
    let mut story = Story::of(two_hosts());
    story.hear(&locked(1));
    story.hear(&fenced(ONE));
    assert_eq!(story.wish(retry(ONE)).unwrap(), []);
    assert_eq!(story.wish(Intent::Continue).unwrap(), [take(None)]);
    assert_eq!(story.hear(&locked(2)), [launch(ONE, 2)]);
    story.hear(&fenced("production/one@h1"));
    assert_eq!(story.conductor.state().locks[&env()], grant(2));
}

#[test]
fn late_news_that_a_lock_is_lost_does_not_leave_it_behind() {
    let mut story = Story::of(two_hosts());
    story.hear(&locked(1));
    let lost = Report::LockLost {
        env: env(),
        grant: grant(1),
        why: "somebody took it over".to_owned(),
    };
    story.hear(&lost);
    story.hear(&ended(ONE, 1, 0));
    story.hear(&ended("production/one@h1", 1, 0));
    assert_eq!(story.wish(Intent::Continue).unwrap(), [give_back()]);
}

#[test]
fn a_run_whose_lock_was_lost_waits_for_the_operator_also_when_the_lock_is_free_again() {
    let mut story = Story::of(two_hosts());
    story.hear(&locked(1));
    let effects = story.hear(&Report::LockLost {
        env: env(),
        grant: grant(1),
        why: "bob@desk took it over".to_owned(),
    });
    assert_eq!(effects, []);
    assert_eq!(story.conductor.state().status, RunStatus::Paused);
    story.hear(&ended(ONE, 1, 1));
    assert_eq!(story.wish(retry(ONE)).unwrap(), []);
    assert_eq!(story.wish(Intent::Continue).unwrap(), [take(None)]);
}

#[test]
fn late_news_of_the_grant_before_do_not_pause_a_run_that_has_its_lock_again() {
    let mut story = Story::of(two_hosts());
    story.hear(&locked(1));
    story.hear(&fenced(ONE));
    story.wish(retry(ONE)).unwrap();
    story.wish(Intent::Continue).unwrap();
    story.hear(&locked(2));
    let lost_grant = |epoch| Report::LockLost {
        env: env(),
        grant: grant(epoch),
        why: "bob@desk took it over".to_owned(),
    };
    assert_eq!(story.hear(&lost_grant(1)), []);
    assert_eq!(story.conductor.state().status, RunStatus::Active);
    assert_eq!(story.conductor.state().locks[&env()], grant(2));
    story.hear(&lost_grant(2));
    assert_eq!(story.conductor.state().status, RunStatus::Paused);
    assert!(story.conductor.state().locks.is_empty());
}

#[test]
fn a_lock_that_an_earlier_process_recorded_is_asked_for_again_before_anything_starts() {
    let mut story = Story::of(two_hosts());
    story.hear(&locked(1));
    story.hear(&ended(ONE, 1, 1));
    story.hear(&ended("production/one@h1", 1, 0));
    story.die();
    assert_eq!(story.wish(retry(ONE)).unwrap(), [take(None)]);
    // It was held all the time: nothing to record.
    let before = story.disk.len();
    story.hear(&locked(1));
    let told = |record: &Record| matches!(record.event, Event::LockTaken { .. });
    assert!(!story.disk[before..].iter().any(told));
    assert_eq!(story.conductor.state().locks[&env()], grant(1));
}

#[test]
fn a_lock_that_somebody_took_between_two_processes_is_recorded_as_lost_and_waited_for() {
    let mut story = Story::of(two_hosts());
    story.hear(&locked(1));
    story.hear(&ended(ONE, 1, 1));
    story.hear(&ended("production/one@h1", 1, 0));
    story.die();
    story.wish(retry(ONE)).unwrap();
    assert_eq!(story.hear(&busy(None)), []);
    assert!(story.conductor.state().locks.is_empty());
    assert_eq!(story.conductor.busy_locks().len(), 1);
    assert!(
        story
            .disk
            .iter()
            .any(|record| matches!(&record.event, Event::LockReleased { lost: Some(_), .. }))
    );
    // Where the other one has not come it may still be held: it is given back at the end.
    assert_eq!(story.wish(stop()).unwrap(), [give_back()]);
}

#[test]
fn a_lock_that_is_given_back_was_not_lost() {
    let mut story = Story::of(two_hosts());
    story.hear(&locked(1));
    story.hear(&ended(ONE, 1, 0));
    story.hear(&ended("production/one@h1", 1, 0));
    story.hear(&Report::LockLost {
        env: env(),
        grant: grant(1),
        why: "nobody holds it".to_owned(),
    });
    story.hear(&unlocked());
    let lost = story.disk.iter().find_map(|record| match &record.event {
        Event::LockReleased { lost, .. } => Some(lost.clone()),
        _ => None,
    });
    assert_eq!(lost, Some(None));
    assert!(story.is_over());
}

#[test]
fn places_that_keep_a_lock_are_recorded_though_it_was_never_held() {
    let mut story = Story::of(two_hosts());
    story.hear(&occupied());
    story.wish(stop()).unwrap();
    story.wait();
    let left = BTreeMap::from([("h1".to_owned(), "no connection".to_owned())]);
    story.hear(&Report::Unlocked {
        env: env(),
        left: left.clone(),
    });
    assert!(story.is_over());
    let told = story.disk.iter().any(
        |record| matches!(&record.event, Event::LockReleased { left: told, .. } if *told == left),
    );
    assert!(told);
}

#[test]
fn a_wish_said_twice_does_not_forget_whose_lock_it_was() {
    let mut story = Story::of(two_hosts());
    let grace = Holder {
        id: LockId::new("theirs"),
        by: "grace@desk".to_owned(),
        run: None,
        since: story.now(),
        reason: None,
    };
    story.hear(&busy(Some(grace.clone())));
    let steal = Intent::TakeLock {
        env: env(),
        steal: Some(LockId::new("theirs")),
    };
    assert_eq!(story.wish(steal.clone()).unwrap(), [take(Some("theirs"))]);
    story.wish(steal).unwrap();
    story.hear(&locked(2));
    let from = story.disk.iter().find_map(|record| match &record.event {
        Event::LockTaken { from, .. } => Some(from.clone()),
        _ => None,
    });
    assert_eq!(from, Some(Some(grace)));
}

#[test]
fn what_was_passed_over_cannot_run_again_once_its_stage_has_ended() {
    let two = plan(vec![
        stage("Here", None, Gate::None, &[("build", &["local"])]),
        stage(
            "Production",
            Some("production"),
            Gate::Key,
            &[("one", &["h0"])],
        ),
    ]);
    let two = with(two, "here/build@local", |task| {
        task.on_failure = OnFailure::Continue;
    });
    let mut state = RunState::new(RunId::new("run"), Arc::new(two));
    state.status = RunStatus::Active;
    let mut story = Story {
        conductor: Conductor::new(state, identities(), "ada@laptop".to_owned()),
        disk: Vec::new(),
        seconds: 0,
    };
    assert_eq!(story.go_on(), [launch("here/build@local", 1)]);
    story.hear(&ended("here/build@local", 1, 1));
    assert_eq!(story.status("here/build@local"), TaskStatus::Failed);
    let refusal = story.wish(retry("here/build@local")).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "here/build@local failed and was passed over: its stage has ended"
    );
    let stopped = story.wish(stop()).unwrap();
    assert_eq!(stopped, []);
    let status = story.conductor.state().status;
    assert_eq!(status, RunStatus::Finished(Outcome::Stopped));
}
