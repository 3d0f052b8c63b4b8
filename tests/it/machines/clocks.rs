//! Clocks that jump between and during runs.

use golive::domain::secret::Vault;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use golive::domain::action::Ending;
use golive::domain::checklist::{Downtime, Gate};
use golive::domain::id::{Attempt, LockId, RunId, TaskId};
use golive::domain::run::{Event, Identities, Intent, Moment, Outcome, Record, RunState};
use golive::edge::journal::{RunError, RunFolder};
use golive::edge::paths::{Folders, ProjectPaths};
use golive::engine::{Doors, Start, control, feed, run};
use golive::port::{Clock, Journal};

use super::{Ended, TWO};
use crate::support::fakes::{
    Deed, FakeClock, FakeJournal, FakeLauncher, FakeLocks, FakeLogs, World,
};
use crate::support::plans::{plan, stage, usual, with};
use crate::support::workshop::Workshop;

/// A clock that jumps when it is asked for the n-th time.
struct Jumping {
    clock: FakeClock,
    asked: Mutex<u32>,
    at: u32,
    by: TimeDelta,
}

impl Clock for Jumping {
    fn now(&self) -> Moment {
        let mut asked = self.asked.lock().unwrap();
        *asked += 1;
        let jump = if *asked > self.at {
            self.by
        } else {
            TimeDelta::zero()
        };
        self.clock.now() + jump
    }
}

/// The records of a run with a retry and a downtime, under a clock that jumps at the n-th look.
async fn records(at: u32, by: TimeDelta) -> Vec<Record> {
    let world = World::new();
    world.does("s/code@web1", Deed::Exit(1, "", 3));
    world.does("s/reload@web1", Deed::Exit(0, "", 2));
    let steps: &[(&str, &[&str])] = &[("code", &["web1"]), ("reload", &["web1"])];
    let plan = plan(vec![stage("S", Some("staging"), Gate::None, steps)]);
    let plan = with(plan, "s/code@web1", |task| {
        task.retry = 1;
        task.retry_delay_s = 60.0;
        task.downtime = Some(Downtime::Begins);
    });
    let plan = with(plan, "s/reload@web1", |task| {
        task.downtime = Some(Downtime::Ends);
    });
    let (_control, orders) = control();
    let (sender, mut receiver) = feed();
    let doors = Doors {
        launcher: Arc::new(FakeLauncher(Arc::clone(&world))),
        locks: Arc::new(FakeLocks(Arc::clone(&world))),
        journal: FakeJournal(Arc::clone(&world)),
        logs: Arc::new(FakeLogs(Arc::clone(&world))),
        clock: Arc::new(Jumping {
            clock: FakeClock::new(),
            asked: Mutex::new(0),
            at,
            by,
        }),
    };
    let start = Start {
        state: RunState::new(RunId::new("20261120-2130-k3"), Arc::new(plan)),
        identities: Identities::new(),
        by: "ada@laptop".to_owned(),
        secrets: Vault::default(),
        first: vec![Intent::Start {
            reason: None,
            lock: LockId::new("lock"),
        }],
    };
    let began = tokio::time::Instant::now();
    let engine = tokio::spawn(run(doors, start, orders, sender));
    while receiver.next().await.is_some() {}
    engine.await.unwrap();
    let took = began.elapsed().as_secs();
    assert!(took <= 180, "a retry was stuck for {took} s, jump at {at}");
    let records = world.records.lock().unwrap();
    records.clone()
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_during_a_run_holds_up_nothing_and_makes_no_time_negative() {
    for by in [-86_400, -3600, -30, 30, 3600, 86_400].map(TimeDelta::seconds) {
        for at in 0..40 {
            let records = records(at, by).await;
            let last = &records.last().unwrap().event;
            let Event::RunFinished {
                outcome,
                duration_s,
                downtime_s,
            } = last
            else {
                panic!("{last:?}, jump of {by} at {at}");
            };
            assert_eq!(*outcome, Outcome::Succeeded, "jump of {by} at {at}");
            assert!(*duration_s >= 0.0, "{duration_s}");
            let down = downtime_s.values().flat_map(BTreeMap::values);
            assert!(down.copied().all(|down| down >= 0.0), "{downtime_s:?}");
            for (record, seq) in records.iter().zip(1..) {
                assert_eq!(record.seq.0, seq);
                if let Event::TaskFinished { duration_s, .. }
                | Event::StageFinished { duration_s, .. } = &record.event
                {
                    assert!(*duration_s >= 0.0, "{record:?}, jump of {by} at {at}");
                }
            }
        }
    }
}

fn paths(workshop: &Workshop) -> ProjectPaths {
    let all: BTreeMap<String, OsString> = workshop.environment().into_iter().collect();
    let folders = Folders::of(|name| all.get(name).cloned()).unwrap();
    ProjectPaths::new(&folders, "workshop", &workshop.path("project")).unwrap()
}

fn at(hours: i64) -> Moment {
    FakeClock::zero() + TimeDelta::hours(hours)
}

/// A run whose clock showed these hours when it began and when its only step began and ended.
async fn run_at(workshop: &Workshop, id: &str, hours: [i64; 3]) {
    let run = RunId::new(id);
    let plan = usual();
    let task = TaskId::new("here/tests@local");
    let mut owned = RunFolder::create(&paths(workshop), &run, &plan, "ada@laptop").unwrap();
    let events = [
        Event::RunStarted {
            run,
            project: "workshop".to_owned(),
            reference: "HEAD".to_owned(),
            commit: plan.commit.clone(),
            digest: plan.digest.clone(),
            by: "ada@laptop".to_owned(),
            reason: None,
            lock: None,
        },
        Event::StageStarted {
            stage: "Here".to_owned(),
        },
        Event::TaskStarted {
            task: task.clone(),
            attempt: Attempt(1),
            identity: None,
        },
        Event::TaskFinished {
            task,
            attempt: Attempt(1),
            ending: Ending::Exited(0),
            duration_s: 1.0,
            evidence: BTreeMap::new(),
            output_size: Some(0),
        },
        Event::RunFinished {
            outcome: Outcome::Stopped,
            duration_s: 0.0,
            downtime_s: BTreeMap::new(),
        },
    ];
    let times = [hours[0], hours[0], hours[1], hours[2], hours[2]];
    let records: Vec<Record> = events
        .into_iter()
        .zip(times)
        .zip(1..)
        .map(|((event, hour), seq)| Record {
            seq: golive::domain::id::Seq(seq),
            at: at(hour),
            event,
        })
        .collect();
    owned.writer.append(&records).await.unwrap();
}

#[tokio::test]
async fn runs_stand_in_the_order_they_were_made_in_whatever_their_clocks_said() {
    let workshop = Workshop::with(TWO);
    let made = ["20261120-2130-zz", "20241120-0300-aa", "20281120-0400-mm"];
    run_at(&workshop, made[0], [0, 1, 2]).await;
    run_at(&workshop, made[1], [-20_000, -20_001, -20_002]).await;
    run_at(&workshop, made[2], [20_000, 0, -20_000]).await;
    let listed = Ended::of(&workshop.golive("runs")).done();
    let ids: Vec<&str> = listed
        .out
        .lines()
        .skip(1)
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(ids, [made[2], made[1], made[0]]);
    assert!(!listed.out.contains(" -"), "{listed:?}");
    let shown = Ended::of(&workshop.golive(&format!("runs show {} --json", made[2]))).done();
    let value: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    assert!(value["tasks"][0]["duration_s"].as_f64().unwrap() >= 0.0);
    assert_eq!(value["tasks"][0]["status"], "ok");
}

#[tokio::test]
async fn an_id_is_never_given_twice_not_even_after_its_run_was_removed() {
    let workshop = Workshop::with(TWO);
    let id = "20261120-2130-zz";
    run_at(&workshop, id, [0, 1, 2]).await;
    Ended::of(&workshop.golive(&format!("runs remove {id}"))).done();
    let again = RunFolder::create(&paths(&workshop), &RunId::new(id), &usual(), "ada@laptop");
    assert!(matches!(again, Err(RunError::Exists(_))), "{again:?}");
}
