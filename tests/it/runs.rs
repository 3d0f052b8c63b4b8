//! Runs driven by the real engine against a scripted world, with paused time.

use golive::domain::secret::{Secret, Vault};
use std::sync::Arc;

use golive::domain::checklist::{Downtime, Gate, OnFailure};
use golive::domain::feed::Update;
use golive::domain::id::LockId;
use golive::domain::id::{RunId, SecretName, TaskId};
use golive::domain::plan::Plan;
use golive::domain::run::apply::apply;
use golive::domain::run::decide::take_report;
use golive::domain::run::progress::{Need, downtime, needs};
use golive::domain::run::{
    Event, Identities, Identity, Intent, Outcome, Refusal, Report, RunState, RunStatus, TaskStatus,
};
use golive::engine::{Control, Doors, Ended, FeedReceiver, Start, control, feed, run};

use crate::support::fakes::{
    Asked, Deed, FakeClock, FakeJournal, FakeLauncher, FakeLocks, FakeLogs, World,
};
use crate::support::plans::{COMMIT, plan, stage, usual, with};

/// A run being driven, with the face folding its events as a screen does.
struct Driven {
    world: Arc<World>,
    control: Control,
    feed: FeedReceiver,
    face: RunState,
    engine: tokio::task::JoinHandle<Ended>,
}

impl Driven {
    fn of(world: &Arc<World>, state: RunState, first: Option<Intent>) -> Self {
        Self::with_secrets(world, state, first, Vault::default())
    }

    fn with_secrets(
        world: &Arc<World>,
        state: RunState,
        first: Option<Intent>,
        secrets: Vault,
    ) -> Self {
        let (control, orders) = control();
        let (sender, receiver) = feed();
        let doors = Doors {
            launcher: Arc::new(FakeLauncher(Arc::clone(world))),
            locks: Arc::new(FakeLocks(Arc::clone(world))),
            journal: FakeJournal(Arc::clone(world)),
            logs: Arc::new(FakeLogs(Arc::clone(world))),
            clock: Arc::new(FakeClock::new()),
        };
        let face = state.clone();
        let start = Start {
            state,
            identities: Identities::new(),
            by: "ada@laptop".to_owned(),
            secrets,
            first: first.into_iter().collect(),
        };
        let engine = tokio::spawn(run(doors, start, orders, sender));
        Self {
            world: Arc::clone(world),
            control,
            feed: receiver,
            face,
            engine,
        }
    }

    fn start(world: &Arc<World>, plan: Plan) -> Self {
        let state = RunState::new(RunId::new("20261120-2130-k3"), Arc::new(plan));
        Self::of(
            world,
            state,
            Some(Intent::Start {
                reason: None,
                lock: LockId::new("lock"),
            }),
        )
    }

    async fn wish(&self, intent: Intent) -> Option<Refusal> {
        self.control.wish(intent).await
    }

    /// Takes updates until the run needs something; the need is returned.
    async fn until_need(&mut self) -> Need {
        loop {
            if let Some(need) = needs(&self.face, false).into_iter().next() {
                return need;
            }
            self.step()
                .await
                .expect("the run ended before it needed anything");
        }
    }

    /// Takes one update; `None` when the engine has ended.
    async fn step(&mut self) -> Option<()> {
        let update = self.feed.next().await?;
        if let Update::Event(record) = update {
            apply(&mut self.face, &record);
        }
        Some(())
    }

    async fn until(&mut self, wanted: impl Fn(&RunState) -> bool) {
        while !wanted(&self.face) {
            self.step()
                .await
                .expect("the run ended before that happened");
        }
    }

    /// Takes updates until something was printed.
    async fn until_output(&mut self) {
        loop {
            match self.feed.next().await.expect("nothing was printed") {
                Update::Event(record) => apply(&mut self.face, &record),
                Update::Output { .. } => return,
                _ => {}
            }
        }
    }

    /// Takes everything until the engine ends, and checks that journal, face and engine agree.
    async fn end(mut self) -> RunState {
        while self.step().await.is_some() {}
        let ended = self.engine.await.unwrap();
        let records = self.world.records.lock().unwrap().clone();
        let mut folded = RunState::new(ended.state.run.clone(), Arc::clone(&ended.state.plan));
        for record in &records {
            apply(&mut folded, record);
        }
        if ended.journal.is_none() {
            assert_eq!(format!("{folded:?}"), format!("{:?}", ended.state));
            assert_eq!(format!("{:?}", self.face), format!("{:?}", ended.state));
        }
        ended.state
    }
}

fn status<'a>(state: &'a RunState, task: &str) -> &'a TaskStatus {
    &state
        .task(&TaskId::new(task))
        .expect("the plan has the task")
        .status
}

fn ids(names: &[&str]) -> Vec<TaskId> {
    names.iter().map(|name| TaskId::new(*name)).collect()
}

fn approve() -> Intent {
    Intent::Approve {
        env: "production".into(),
        commit: Some(COMMIT[..7].to_owned()),
        reason: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_walks_its_stages_and_waits_at_the_gate() {
    let world = World::new();
    let mut driven = Driven::start(&world, usual());
    assert_eq!(driven.until_need().await, Need::Gate(2));
    assert_eq!(
        world.launched(),
        ["here/tests@local", "staging/code@stg", "staging/reload@stg"]
    );
    assert_eq!(driven.wish(approve()).await, None);
    let state = driven.end().await;
    assert_eq!(state.status, RunStatus::Finished(Outcome::Succeeded));
    assert_eq!(world.launched().len(), 7);
}

#[test]
fn two_runs_that_made_the_same_id_are_not_one_on_a_host() {
    let named = |lock: Option<&str>| {
        let mut state = RunState::new(RunId::new("20261120-2130-k3"), Arc::new(usual()));
        state.lock = lock.map(LockId::new);
        state.name_on_hosts()
    };
    assert_ne!(named(Some("5f3a")), named(Some("77c0")));
    assert_eq!(named(Some("5f3a")).as_str(), "20261120-2130-k3.5f3a");
    // What was launched before there were locks is found again.
    assert_eq!(named(None).as_str(), "20261120-2130-k3");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_launched_before_its_start_is_on_disk() {
    let world = World::new();
    let mut driven = Driven::start(&world, usual());
    driven.until_need().await;
    driven.wish(approve()).await;
    driven.end().await;
    let asked = world.asked();
    for (place, launched) in asked.iter().enumerate() {
        let Asked::Launched(task) = launched else {
            continue;
        };
        let recorded = Asked::Recorded(format!("task_started {task}"));
        assert!(
            asked[..place].contains(&recorded),
            "{task} was launched before it was recorded"
        );
    }
    let gate = asked
        .iter()
        .position(|a| *a == Asked::Recorded("gate_approved Production".to_owned()));
    let first = asked
        .iter()
        .position(|a| *a == Asked::Launched("production/code@web1".to_owned()));
    assert!(gate.unwrap() < first.unwrap());
}

#[tokio::test(start_paused = true)]
async fn in_lockstep_a_step_starts_when_the_one_before_ended_on_all_hosts() {
    let world = World::new();
    world.does("s/code@web1", Deed::Exit(0, "", 1));
    world.does("s/code@web2", Deed::Exit(0, "", 30));
    let plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1", "web2"]), ("reload", &["web1", "web2"])],
    )]);
    let state = Driven::start(&world, plan).end().await;
    let ended = |task: &str| state.task(&TaskId::new(task)).unwrap().ended.unwrap();
    let started = |task: &str| state.task(&TaskId::new(task)).unwrap().started.unwrap();
    assert!(started("s/reload@web1") >= ended("s/code@web2"));
    assert_eq!((ended("s/code@web2") - FakeClock::zero()).num_seconds(), 30);
}

#[tokio::test(start_paused = true)]
async fn what_needs_a_skipped_step_waits_for_what_that_step_needs() {
    let world = World::new();
    world.does("s/code@web1", Deed::Exit(0, "", 30));
    let steps: &[(&str, &[&str])] = &[
        ("code", &["web1"]),
        ("migrate", &["web1"]),
        ("switch", &["web1"]),
    ];
    let plan = plan(vec![stage("S", Some("staging"), Gate::None, steps)]);
    let plan = with(plan, "s/migrate@web1", |task| {
        task.skip = Some("nothing changed".to_owned());
    });
    let state = Driven::start(&world, plan).end().await;
    assert_eq!(world.launched(), ["s/code@web1", "s/switch@web1"]);
    let task = |id: &str| state.task(&TaskId::new(id)).unwrap();
    assert!(task("s/switch@web1").started >= task("s/code@web1").ended);
    assert!(task("s/code@web1").ended.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_failing_step_stops_what_depends_on_it_and_asks_when_the_rest_has_ended() {
    let world = World::new();
    world.does("s/code@web1", Deed::Exit(3, "no space\n", 0));
    world.does("s/code@web2", Deed::Exit(0, "", 60));
    let plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1", "web2"]), ("reload", &["web1", "web2"])],
    )]);
    let mut driven = Driven::start(&world, plan);
    let need = driven.until_need().await;
    assert_eq!(need, Need::Failure(ids(&["s/code@web1"])));
    assert_eq!(*status(&driven.face, "s/code@web2"), TaskStatus::Succeeded);
    assert_eq!(world.launched(), ["s/code@web1", "s/code@web2"]);
    assert_eq!(world.log("s/code@web1", 1), "no space\n");

    let refusal = driven
        .wish(Intent::Retry {
            tasks: ids(&["s/code@web2"]),
        })
        .await;
    assert!(matches!(refusal, Some(Refusal::WrongState { .. })));
    assert_eq!(
        driven
            .wish(Intent::Retry {
                tasks: ids(&["s/code@web1"])
            })
            .await,
        None
    );
    let state = driven.end().await;
    assert_eq!(state.status, RunStatus::Finished(Outcome::Succeeded));
    let launched = world.launched();
    assert_eq!(
        launched[2..],
        ["s/code@web1", "s/reload@web1", "s/reload@web2"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_failed_can_be_retried_later_and_goes_on() {
    let world = World::new();
    world.does("s/code@web1", Deed::Exit(1, "", 0));
    let plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1"])],
    )]);
    let mut driven = Driven::start(&world, plan);
    driven.until_need().await;
    driven.wish(Intent::Stop { reason: None }).await;
    let state = driven.end().await;
    assert_eq!(state.status, RunStatus::Finished(Outcome::Failed));
    let again = Intent::Retry {
        tasks: ids(&["s/code@web1"]),
    };
    let state = Driven::of(&world, state, Some(again)).end().await;
    assert_eq!(state.status, RunStatus::Finished(Outcome::Succeeded));
    assert_eq!(world.launched().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn retries_wait_their_delay_and_then_the_run_asks() {
    let world = World::new();
    for _ in 0..3 {
        world.does("s/code@web1", Deed::Exit(1, "", 0));
    }
    let plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1"])],
    )]);
    let plan = with(plan, "s/code@web1", |task| {
        task.retry = 2;
        task.retry_delay_s = 5.0;
    });
    let mut driven = Driven::start(&world, plan);
    assert_eq!(
        driven.until_need().await,
        Need::Failure(ids(&["s/code@web1"]))
    );
    let task = driven.face.task(&TaskId::new("s/code@web1")).unwrap();
    assert_eq!(task.attempt.0, 3);
    assert_eq!((task.ended.unwrap() - FakeClock::zero()).num_seconds(), 10);
    driven.wish(Intent::Stop { reason: None }).await;
    assert_eq!(
        driven.end().await.status,
        RunStatus::Finished(Outcome::Failed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_timeout_asks_and_never_skips() {
    let world = World::new();
    world.does("s/code@web1", Deed::TimeOut);
    let plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1"]), ("reload", &["web1"])],
    )]);
    let mut driven = Driven::start(&world, plan);
    assert_eq!(
        driven.until_need().await,
        Need::Failure(ids(&["s/code@web1"]))
    );
    assert_eq!(*status(&driven.face, "s/reload@web1"), TaskStatus::Waiting);
    driven.control.leave();
    driven.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_gate_refuses_another_commit_and_records_it() {
    let world = World::new();
    let mut driven = Driven::start(&world, usual());
    driven.until_need().await;
    let wrong = Intent::Approve {
        env: "production".into(),
        commit: Some("deadbee".to_owned()),
        reason: None,
    };
    assert!(matches!(
        driven.wish(wrong).await,
        Some(Refusal::OtherCommit { .. })
    ));
    let other = Intent::Approve {
        env: "staging".into(),
        commit: None,
        reason: None,
    };
    assert_eq!(
        driven.wish(other).await,
        Some(Refusal::NoGate("staging".into()))
    );
    assert!(
        world
            .asked()
            .contains(&Asked::Recorded("gate_refused Production".to_owned()))
    );
    assert!(
        !world
            .launched()
            .iter()
            .any(|task| task.starts_with("production"))
    );
    driven.control.leave();
    assert_eq!(driven.end().await.status, RunStatus::Active);
}

#[tokio::test(start_paused = true)]
async fn a_question_is_answered_once_and_a_no_fails_it() {
    let world = World::new();
    let plan = plan(vec![stage(
        "S",
        None,
        Gate::None,
        &[("ask-support", &["local"]), ("go", &["local"])],
    )]);
    let mut driven = Driven::start(&world, plan);
    let task = TaskId::new("s/ask-support@local");
    assert_eq!(driven.until_need().await, Need::Answer(task.clone()));
    assert_eq!(driven.wish(Intent::Deny { task: task.clone() }).await, None);
    driven
        .until(|state| *status(state, "s/ask-support@local") == TaskStatus::Failed)
        .await;
    assert!(
        driven
            .wish(Intent::Confirm { task: task.clone() })
            .await
            .is_some()
    );
    driven
        .wish(Intent::Retry {
            tasks: vec![task.clone()],
        })
        .await;
    driven
        .until(|state| *status(state, "s/ask-support@local") == TaskStatus::Running)
        .await;
    assert_eq!(driven.wish(Intent::Confirm { task }).await, None);
    let state = driven.end().await;
    assert_eq!(state.status, RunStatus::Finished(Outcome::Succeeded));
    assert_eq!(world.launched(), ["s/go@local"]);
}

#[tokio::test(start_paused = true)]
async fn on_failure_stop_ends_the_run_and_continue_goes_on() {
    for (on_failure, outcome, launched) in [
        (OnFailure::Stop, Outcome::Failed, 1),
        (OnFailure::Continue, Outcome::Succeeded, 2),
    ] {
        let world = World::new();
        world.does("s/code@web1", Deed::Exit(1, "", 0));
        let plan = plan(vec![stage(
            "S",
            Some("staging"),
            Gate::None,
            &[("code", &["web1"]), ("reload", &["web1"])],
        )]);
        let plan = with(plan, "s/code@web1", |task| task.on_failure = on_failure);
        let state = Driven::start(&world, plan).end().await;
        assert_eq!(state.status, RunStatus::Finished(outcome));
        assert_eq!(world.launched().len(), launched);
        assert_eq!(*status(&state, "s/code@web1"), TaskStatus::Failed);
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_tasks_of_a_step_run_at_once_than_it_allows() {
    let world = World::new();
    let hosts = ["web1", "web2", "web3", "web4", "web5"];
    let mut plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &hosts)],
    )]);
    for host in hosts {
        world.does(&format!("s/code@{host}"), Deed::Exit(0, "", 10));
        plan = with(plan, &format!("s/code@{host}"), |task| {
            task.parallel = Some(2);
        });
    }
    let state = Driven::start(&world, plan).end().await;
    assert_eq!(world.most_at_once(), 2);
    assert_eq!((state.ended.unwrap() - FakeClock::zero()).num_seconds(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_broken_journal_launches_nothing_more_and_lets_running_tasks_end() {
    let world = World::new();
    // Two appends are needed until the first task runs; its end is the third.
    world.does("here/tests@local", Deed::Exit(0, "ran\n", 20));
    *world.journal_breaks_at.lock().unwrap() = Some(2);
    let driven = Driven::start(&world, usual());
    let ended = driven.engine.await.unwrap();
    assert_eq!(ended.journal.unwrap().why, "disk full");
    assert_eq!(world.launched(), ["here/tests@local"]);
    assert_eq!(world.log("here/tests@local", 1), "ran\n");
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_is_followed_again_from_the_byte_where_the_log_ends() {
    let world = World::new();
    world.does("s/code@web1", Deed::Break("one\nt", "wo\nthree\n", 0));
    let plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1"])],
    )]);
    let state = Driven::start(&world, plan).end().await;
    assert_eq!(state.status, RunStatus::Finished(Outcome::Succeeded));
    assert_eq!(world.log("s/code@web1", 1), "one\ntwo\nthree\n");
    assert_eq!(world.launched(), ["s/code@web1"]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_end_is_never_shown_as_ok_or_failed_and_asks() {
    let world = World::new();
    world.does("s/code@web1", Deed::Forget);
    let plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1"])],
    )]);
    let mut driven = Driven::start(&world, plan);
    assert_eq!(
        driven.until_need().await,
        Need::Interrupted(ids(&["s/code@web1"]))
    );
    let why = "the host was restarted".to_owned();
    assert_eq!(
        *status(&driven.face, "s/code@web1"),
        TaskStatus::Interrupted(why)
    );
    let done = Intent::CountAsDone {
        tasks: ids(&["s/code@web1"]),
        reason: "looked at the host".to_owned(),
    };
    assert_eq!(driven.wish(done).await, None);
    let state = driven.end().await;
    assert_eq!(state.status, RunStatus::Finished(Outcome::Succeeded));
    assert_eq!(world.launched(), ["s/code@web1"]);
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_did_not_arrive_before_a_stop_never_runs() {
    let world = World::new();
    world.does("s/code@web1", Deed::Miss);
    let plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1"])],
    )]);
    let mut driven = Driven::start(&world, plan);
    driven.until(RunState::is_anything_running).await;
    assert_eq!(driven.wish(Intent::Stop { reason: None }).await, None);
    let state = driven.end().await;
    let ending = state.tasks[0].ending.clone().unwrap();
    assert!(
        matches!(ending, golive::domain::action::Ending::NotStarted(_)),
        "{ending}"
    );
    assert_eq!(world.launched(), ["s/code@web1"]);
}

/// What becomes of an attempt that was withdrawn while nobody was connected.
async fn withdrawn(is_restarted: bool) -> Need {
    let world = World::new();
    world.does("s/code@web1", Deed::Withdraw { is_restarted });
    let plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1"])],
    )]);
    Driven::start(&world, plan).until_need().await
}

#[tokio::test(start_paused = true)]
async fn withdrawn_is_proof_only_without_a_restart_in_between() {
    let task = ids(&["s/code@web1"]);
    assert_eq!(withdrawn(false).await, Need::Failure(task.clone()));
    // A power cut loses claims: it may have run before it was withdrawn.
    assert_eq!(withdrawn(true).await, Need::Interrupted(task));
}

#[tokio::test(start_paused = true)]
async fn only_idempotent_steps_of_unknown_end_run_again_by_themselves() {
    let world = World::new();
    world.does("s/code@web1", Deed::Forget);
    let plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1"])],
    )]);
    let plan = with(plan, "s/code@web1", |task| task.idempotent = true);
    let state = Driven::start(&world, plan).end().await;
    assert_eq!(state.status, RunStatus::Finished(Outcome::Succeeded));
    assert_eq!(world.launched(), ["s/code@web1", "s/code@web1"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_launch_fails_the_task_and_is_not_retried_by_itself() {
    let world = World::new();
    world.does("s/code@web1", Deed::Refuse("no space left"));
    let plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1"])],
    )]);
    let plan = with(plan, "s/code@web1", |task| task.retry = 5);
    let mut driven = Driven::start(&world, plan);
    assert_eq!(
        driven.until_need().await,
        Need::Failure(ids(&["s/code@web1"]))
    );
    assert_eq!(world.launched().len(), 1);
    driven.control.leave();
    driven.end().await;
}

#[tokio::test(start_paused = true)]
async fn leaving_keeps_the_run_as_it_is_and_a_later_engine_follows_it() {
    let world = World::new();
    world.does("s/code@web1", Deed::Hang);
    let plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1"]), ("reload", &["web1"])],
    )]);
    let mut driven = Driven::start(&world, plan);
    driven
        .until(|state| *status(state, "s/code@web1") == TaskStatus::Running)
        .await;
    driven.control.leave();
    let state = driven.end().await;
    assert_eq!(*status(&state, "s/code@web1"), TaskStatus::Running);
    // The fake site forgot the hanging attempt: it says it never ran, so it is launched, once.
    let later = Driven::of(&world, state, None);
    let state = later.end().await;
    assert_eq!(state.status, RunStatus::Finished(Outcome::Succeeded));
    assert_eq!(
        world.launched(),
        ["s/code@web1", "s/code@web1", "s/reload@web1"]
    );
}

#[tokio::test(start_paused = true)]
async fn killing_ends_what_runs_where_it_runs_and_then_the_run() {
    let world = World::new();
    world.does("s/code@web1", Deed::Hang);
    let plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1"]), ("reload", &["web1"])],
    )]);
    let mut driven = Driven::start(&world, plan);
    driven
        .until(|state| *status(state, "s/code@web1") == TaskStatus::Running)
        .await;
    assert_eq!(driven.wish(Intent::Kill { reason: None }).await, None);
    let state = driven.end().await;
    assert!(
        world
            .asked()
            .contains(&Asked::Cancelled("s/code@web1".to_owned()))
    );
    // The operator ended it (exit code 130); no step failed by itself (exit code 1).
    assert_eq!(state.status, RunStatus::Finished(Outcome::Stopped));
    assert_eq!(*status(&state, "s/reload@web1"), TaskStatus::Waiting);
}

#[tokio::test(start_paused = true)]
async fn a_paused_run_starts_nothing_until_it_goes_on() {
    let world = World::new();
    world.does("s/code@web1", Deed::Exit(0, "", 10));
    let plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1"]), ("reload", &["web1"])],
    )]);
    let mut driven = Driven::start(&world, plan);
    driven
        .until(|state| *status(state, "s/code@web1") == TaskStatus::Running)
        .await;
    assert_eq!(driven.wish(Intent::Pause).await, None);
    driven
        .until(|state| *status(state, "s/code@web1") == TaskStatus::Succeeded)
        .await;
    assert_eq!(world.launched(), ["s/code@web1"]);
    assert_eq!(driven.wish(Intent::Continue).await, None);
    let state = driven.end().await;
    assert_eq!(state.status, RunStatus::Finished(Outcome::Succeeded));
}

#[test]
fn late_and_doubled_reports_change_nothing() {
    let plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1"])],
    )]);
    let state = RunState::new(RunId::new("r"), Arc::new(plan));
    let report = Report::Ended {
        task: TaskId::new("s/code@web1"),
        attempt: golive::domain::id::Attempt(1),
        ending: golive::domain::action::Ending::Exited(0),
        evidence: std::collections::BTreeMap::new(),
        output_size: 0,
    };
    assert_eq!(take_report(&state, &report, FakeClock::zero()), Vec::new());
    let mut running = state;
    let started = golive::domain::run::Record {
        seq: golive::domain::id::Seq(1),
        at: FakeClock::zero(),
        event: Event::TaskStarted {
            task: TaskId::new("s/code@web1"),
            attempt: golive::domain::id::Attempt(2),
            identity: Some(Identity {
                host: "h".to_owned(),
                boot: "b".to_owned(),
            }),
        },
    };
    apply(&mut running, &started);
    assert_eq!(
        take_report(&running, &report, FakeClock::zero()),
        Vec::new()
    );
}

fn one_step() -> Plan {
    plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1"]), ("reload", &["web1"])],
    )])
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_could_not_be_recorded_is_not_granted() {
    let world = World::new();
    let mut driven = Driven::start(&world, usual());
    driven.until_need().await;
    *world.journal_breaks_at.lock().unwrap() = Some(0);
    let refusal = driven.wish(approve()).await.unwrap();
    assert!(
        refusal.to_string().contains("journal cannot be written"),
        "{refusal}"
    );
    driven.end().await;
    assert!(!world.launched().iter().any(|t| t.starts_with("production")));
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_a_follower_leaves_an_unknown_end_and_not_a_step_that_runs_for_ever() {
    let world = World::new();
    world.does("s/code@web1", Deed::Panic);
    let mut driven = Driven::start(&world, one_step());
    assert_eq!(
        driven.until_need().await,
        Need::Interrupted(ids(&["s/code@web1"]))
    );
    driven.control.leave();
    driven.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ended_between_two_tries_goes_on_with_the_next() {
    let world = World::new();
    world.does("s/code@web1", Deed::Exit(1, "", 0));
    let plan = with(one_step(), "s/code@web1", |task| {
        task.retry = 1;
        task.retry_delay_s = 60.0;
    });
    let mut driven = Driven::start(&world, plan);
    driven
        .until(|state| matches!(status(state, "s/code@web1"), TaskStatus::Retrying(_)))
        .await;
    driven.wish(Intent::Stop { reason: None }).await;
    let ended = driven.end().await;
    assert_eq!(ended.status, RunStatus::Finished(Outcome::Failed));
    let again = Driven::of(&world, ended, Some(Intent::Continue));
    assert_eq!(
        again.end().await.status,
        RunStatus::Finished(Outcome::Succeeded)
    );
}

#[tokio::test(start_paused = true)]
async fn everything_that_follows_from_the_first_wish_is_told_before_the_engine_says_so() {
    let world = World::new();
    world.does("s/code@web1", Deed::Exit(1, "", 0));
    let mut driven = Driven::start(&world, one_step());
    driven.until_need().await;
    driven.control.leave();
    let state = driven.end().await;
    world.does("s/code@web1", Deed::Hang);
    let tasks = ids(&["s/code@web1"]);
    let mut driven = Driven::of(&world, state, Some(Intent::Retry { tasks }));
    loop {
        match driven
            .feed
            .next()
            .await
            .expect("the engine says when it has settled")
        {
            Update::Event(record) => apply(&mut driven.face, &record),
            Update::Settled => break,
            _ => {}
        }
    }
    assert_ne!(*status(&driven.face, "s/code@web1"), TaskStatus::Failed);
    assert_eq!(needs(&driven.face, false), []);
    driven.control.leave();
    driven.engine.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn output_that_cannot_be_kept_is_told_once_and_kept_when_there_is_room() {
    let world = World::new();
    world.does("s/code@web1", Deed::Exit(0, "one\ntwo\n", 0));
    *world.full_disk.lock().unwrap() = 3;
    let mut driven = Driven::start(&world, one_step());
    let mut told = 0;
    while let Some(update) = driven.feed.next().await {
        match update {
            Update::Event(record) => apply(&mut driven.face, &record),
            Update::OutputFailed { task, why, .. } => {
                assert_eq!(task, TaskId::new("s/code@web1"));
                assert_eq!(why, "no space left");
                told += 1;
            }
            _ => {}
        }
    }
    assert_eq!(told, 1);
    assert_eq!(driven.face.status, RunStatus::Finished(Outcome::Succeeded));
    assert_eq!(world.log("s/code@web1", 1), "one\ntwo\n");
    assert_eq!(world.launched()[0], "s/code@web1");
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_due_and_finds_no_place_waits_quietly() {
    let world = World::new();
    world.does("s/code@web1", Deed::Exit(1, "", 0));
    world.does("s/code@web2", Deed::Exit(0, "", 600));
    let mut plan = plan(vec![stage(
        "S",
        Some("staging"),
        Gate::None,
        &[("code", &["web1", "web2"])],
    )]);
    for task in ["s/code@web1", "s/code@web2"] {
        plan = with(plan, task, |task| {
            task.parallel = Some(1);
            task.retry = 1;
            task.retry_delay_s = 2.0;
        });
    }
    let mut driven = Driven::start(&world, plan);
    let mut settled = 0;
    while let Some(update) = driven.feed.next().await {
        match update {
            Update::Event(record) => apply(&mut driven.face, &record),
            Update::Settled => settled += 1,
            _ => {}
        }
        assert!(settled < 50, "the engine does not rest");
    }
    assert_eq!(driven.face.status, RunStatus::Finished(Outcome::Succeeded));
    assert_eq!(
        world.launched(),
        ["s/code@web1", "s/code@web2", "s/code@web1"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_skipped_step_that_ends_a_downtime_closes_it_when_its_turn_comes() {
    let world = World::new();
    world.does("s/migrate@web1", Deed::Exit(0, "", 10));
    world.does("s/warm@web1", Deed::Exit(0, "", 50));
    let steps: &[(&str, &[&str])] = &[
        ("migrate", &["web1"]),
        ("switch", &["web1"]),
        ("warm", &["web1"]),
    ];
    let plan = plan(vec![stage("S", Some("staging"), Gate::None, steps)]);
    let plan = with(plan, "s/migrate@web1", |task| {
        task.downtime = Some(Downtime::Begins);
    });
    let plan = with(plan, "s/switch@web1", |task| {
        task.downtime = Some(Downtime::Ends);
        task.skip = Some("nothing changed".to_owned());
    });
    let state = Driven::start(&world, plan).end().await;
    let ended = state.ended.unwrap();
    let down: Vec<f64> = downtime(&state, ended).into_values().collect();
    assert_eq!(down, [10.0]);
    assert_eq!((ended - FakeClock::zero()).num_seconds(), 60);
}

#[tokio::test(start_paused = true)]
async fn what_runs_is_waited_for_when_its_log_file_cannot_be_opened() {
    let world = World::new();
    world.does("s/code@web1", Deed::Break("one\n", "two\n", 0));
    world.does("s/code@web1", Deed::Exit(0, "", 0));
    let mut idempotent = one_step();
    idempotent.stages[0].tasks[0].idempotent = true;
    let mut driven = Driven::start(&world, idempotent);
    driven.until_output().await;
    driven.control.leave();
    let state = driven.end().await;
    *world.closed_logs.lock().unwrap() = 5;
    let mut later = Driven::of(&world, state, None);
    let mut told = Vec::new();
    while let Some(update) = later.feed.next().await {
        match update {
            Update::Event(record) => apply(&mut later.face, &record),
            Update::OutputFailed { why, .. } => told.push(why),
            _ => {}
        }
    }
    assert_eq!(
        told,
        ["its log file could not be opened: too many open files"]
    );
    assert_eq!(later.face.status, RunStatus::Finished(Outcome::Succeeded));
    assert_eq!(world.launched(), ["s/code@web1", "s/reload@web1"]);
    assert_eq!(world.log("s/code@web1", 1), "one\ntwo\n");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_does_not_wait_for_a_log_file() {
    let world = World::new();
    world.does("s/code@web1", Deed::Break("one\n", "two\n", 0));
    let mut driven = Driven::start(&world, one_step());
    driven.until_output().await;
    driven.control.leave();
    let state = driven.end().await;
    *world.closed_logs.lock().unwrap() = u32::MAX;
    let later = Driven::of(&world, state, Some(Intent::Stop { reason: None }));
    let state = later.end().await;
    assert_eq!(state.status, RunStatus::Finished(Outcome::Stopped));
    assert!(matches!(
        status(&state, "s/code@web1"),
        TaskStatus::Interrupted(_)
    ));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_launched_beside_an_attempt_of_unknown_end_that_runs() {
    let world = World::new();
    world.does("s/code@web1", Deed::PanicBeside);
    let mut driven = Driven::start(&world, one_step());
    assert!(matches!(driven.until_need().await, Need::Interrupted(_)));
    let again = || Intent::Retry {
        tasks: ids(&["s/code@web1"]),
    };
    for attempt in 2..4 {
        assert_eq!(driven.wish(again()).await, None);
        driven
            .until(|state| {
                let task = state.task(&TaskId::new("s/code@web1")).unwrap();
                task.attempt.0 == attempt && task.status == TaskStatus::Failed
            })
            .await;
    }
    assert_eq!(world.launched().len(), 1);
    world.ends("s/code@web1#1");
    assert_eq!(driven.wish(again()).await, None);
    let state = driven.end().await;
    assert_eq!(state.status, RunStatus::Finished(Outcome::Succeeded));
    let launched = world.launched();
    assert_eq!(launched, ["s/code@web1", "s/code@web1", "s/reload@web1"]);
}

#[tokio::test(start_paused = true)]
async fn output_with_secrets_is_removed_where_it_ran_though_the_connection_breaks_meanwhile() {
    let started = || Intent::Start {
        reason: None,
        lock: LockId::new("lock"),
    };
    for (silent, removed) in [(0, 2), (3, 2), (u32::MAX, 0)] {
        let world = World::new();
        *world.silent_drops.lock().unwrap() = silent;
        let state = RunState::new(RunId::new("20261120-2130-k3"), Arc::new(one_step()));
        let mut secrets = Vault::default();
        let secret = Secret::new(b"correct horse".to_vec()).unwrap();
        secrets.put(SecretName::new("TOKEN"), secret);
        let driven = Driven::with_secrets(&world, state, Some(started()), secrets);
        // A host that stays silent holds nothing up for long.
        let state = driven.end().await;
        assert_eq!(state.status, RunStatus::Finished(Outcome::Succeeded));
        let asked = world.asked();
        let dropped = asked.iter().filter(|a| matches!(a, Asked::Dropped(_)));
        assert_eq!(dropped.count(), removed);
    }
}
