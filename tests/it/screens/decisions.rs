//! Decisions, locks, owners and a journal that cannot be written, as the operator meets them on the screen.

use golive::domain::feed::{LockNews, Update};
use golive::domain::id::TaskId;
use golive::domain::lock::{KeptAt, Remains};
use golive::domain::run::event::{Decision, LeftOut};
use golive::domain::run::progress;
use golive::ui::msg::Owner;

use super::fixture::connect;
use super::*;

/// The upload failed on both hosts.
fn both_failed() -> Story {
    let mut story = Story::planned();
    story.behind_gate();
    for (host, said) in [
        ("web1", "rsync: connection unexpectedly closed\n"),
        ("web2", "rsync: No space left on device (28)\n"),
    ] {
        let task = format!("production/upload@{host}");
        story.prints(&task, said).fails(&task, 11);
    }
    story.after(5);
    story
}

fn decide(story: &mut Story, decision: Decision, tasks: &[&str], reason: Option<&str>) {
    story.event(Event::DecisionTaken {
        decision,
        tasks: tasks.iter().map(|task| TaskId::new(*task)).collect(),
        host: None,
        by: "ana@laptop".into(),
        reason: reason.map(Into::into),
    });
}

/// web2 is left out, everything else is done.
fn without_web2() -> Story {
    let mut story = Story::planned();
    story.failed();
    story.event(Event::DecisionTaken {
        decision: Decision::LeaveOut,
        tasks: vec!["production/upload@web2".into()],
        host: Some(LeftOut {
            env: "production".into(),
            host: "web2".into(),
        }),
        by: "ana@laptop".into(),
        reason: Some("its disk is full".into()),
    });
    for step in ["migrate", "switch", "restart"] {
        let task = format!("production/{step}@web1");
        story.starts(&task).after(2).ends(&task, &[]);
    }
    story
}

pub(super) fn lock(model: &mut Model, news: LockNews, seconds: i64) -> Vec<Cmd> {
    let env = "production".into();
    tell(model, Msg::Feed(Update::Lock { env, news }), seconds)
}

/// Behind the gate, where somebody else has the lock.
pub(super) fn locked() -> Story {
    let mut story = Story::planned();
    story.reach_gate().after(20);
    story.event(Event::GateApproved {
        env: "production".into(),
        stage: "Production".into(),
        commit: Some(Commit::new(fixture::COMMIT)),
        digest: "5d1f".into(),
        by: "ana@laptop".into(),
        reason: None,
    });
    let now = story.now;
    lock(&mut story.model, LockNews::Taking, now);
    let busy = LockNews::Busy(Box::new(fixture::busy()));
    lock(&mut story.model, busy, now);
    story.after(2);
    story
}

/// The models of this file, for the tests that walk over all of them.
pub(super) fn models() -> Vec<Model> {
    let mut models = Vec::new();
    for keys in ["", "l", "ll", "jjj", "S", "C", "lO", "A", "AL", "AK", ":"] {
        let mut story = both_failed();
        press(&mut story.model, keys, 50_000);
        models.push(story.model);
    }
    for keys in ["", "j", "jj", "S", "A"] {
        let mut story = locked();
        press(&mut story.model, keys, 50_000);
        models.push(story.model);
    }
    models.push(without_web2().model);
    let mut story = Story::planned();
    story.down();
    let failed = Msg::Feed(Update::JournalFailed("no space left on device".into()));
    tell(&mut story.model, failed, story.now);
    models.push(story.model);
    models
}

#[test]
fn of_several_failures_one_or_all_are_decided_about_and_looking_decides_nothing() {
    let mut story = both_failed();
    let now = story.now;
    check("failure-two", &story.model, now);
    let model = &mut story.model;
    assert_eq!(press(model, "lljj", now), []);
    assert_eq!(tell(model, key(KeyCode::Enter), now), []);
    check("failure-one-of-two", model, now + 7);
    let tasks = vec![TaskId::new("production/upload@web2")];
    assert_eq!(
        press(model, "R", now + 8),
        [Cmd::Send(Intent::Retry { tasks })]
    );
}

#[test]
fn what_each_choice_makes_run_next_is_told_before_it_is_chosen() {
    let mut story = both_failed();
    let now = story.now;
    let shown = |story: &mut Story, keys: &str| {
        press(&mut story.model, keys, now);
        text(&story.model, 120, 36, now)
    };
    let all = shown(&mut story, "");
    assert!(
        all.contains("then: production/upload on web1, web2"),
        "{all}"
    );
    assert!(all.contains("staging and production stay locked"), "{all}");
    let one = shown(&mut story, "l");
    assert!(one.contains("then: production/upload on web1 "), "{one}");
    let skip = shown(&mut story, "hj");
    assert!(
        skip.contains("then: production/migrate on web1 ")
            && skip.contains("never runs: production/upload on web1, web2"),
        "{skip}"
    );
    let out = shown(&mut story, "jj");
    assert!(out.contains("off: choose one host first, with l"), "{out}");
}

#[test]
fn a_host_is_left_out_with_a_reason_and_keeps_what_it_had() {
    let mut story = both_failed();
    let (model, now) = (&mut story.model, story.now);
    press(model, "llO", now);
    press(model, "its disk is full", now + 1);
    check("reason-leave-out", model, now + 2);
    let intent = Intent::LeaveOut {
        env: "production".into(),
        host: "web2".into(),
        reason: "its disk is full".into(),
    };
    assert_eq!(
        tell(model, key(KeyCode::Enter), now + 3),
        [Cmd::Send(intent)]
    );
    let mut story = without_web2();
    assert_eq!(
        progress::users_see(story.state()),
        "users of production see 9be0d11; web2 keeps what it had"
    );
    assert_eq!(
        progress::users_see_in_short(story.state()),
        "users see 9be0d11 (not on web2)"
    );
    check("run-left-out", &story.model, story.now);
    story.event(Event::RunFinished {
        outcome: Outcome::Stopped,
        duration_s: 270.0,
        downtime_s: BTreeMap::new(),
    });
    check("run-stopped-locked", &story.model, story.now);
}

#[test]
fn a_host_that_was_left_out_half_way_is_told_so_and_hosts_that_were_not_selected_keep_what_they_had()
 {
    let mut story = Story::planned();
    story.asking();
    let run = story.model.run.as_mut().unwrap();
    let place = ("production".into(), "web2".into());
    run.state.left_out.insert(place, "web2 was left out".into());
    assert_eq!(
        progress::users_see(story.state()),
        "users of production see 9be0d11",
        "everything was done there before"
    );
    let run = story.model.run.as_mut().unwrap();
    let restart = run
        .state
        .position(&"production/restart@web2".into())
        .unwrap();
    let skipped = golive::domain::run::TaskStatus::Skipped("web2 was left out".into());
    run.state.tasks[restart].status = skipped;
    assert_eq!(
        progress::users_see(story.state()),
        "users of production see 9be0d11; web2 was left out half way"
    );
    let run = story.model.run.as_mut().unwrap();
    run.state.left_out.clear();
    let mut plan = (*run.state.plan).clone();
    let mut other = plan.hosts[1].clone();
    other.name = "web3".into();
    plan.others = vec![other];
    run.state.plan = Arc::new(plan);
    assert_eq!(
        progress::users_see(story.state()),
        "users of production see 9be0d11; web3 keeps what it had"
    );
}

#[test]
fn the_last_host_cannot_be_left_out_and_the_dialog_says_why() {
    let mut story = Story::planned();
    story.begin().end_stage("Prepare").locks("staging");
    story.stage("Staging").starts("staging/upload@stg");
    story.fails("staging/upload@stg", 1).after(5);
    let (model, now) = (&mut story.model, story.now);
    let shown = text(model, 120, 36, now);
    assert!(
        shown.contains("off: stg cannot be left out: it is the last host of staging"),
        "{shown}"
    );
    assert_eq!(press(model, "O", now + 1), []);
    assert!(matches!(model.dialogs.last(), Some(Dialog::Failure { .. })));
}

#[test]
fn a_failure_is_skipped_or_counted_as_done_only_with_a_reason() {
    for (key_of, name) in [("S", "skip"), ("C", "done")] {
        let mut story = Story::planned();
        story.failed();
        let (model, now) = (&mut story.model, story.now);
        press(model, key_of, now);
        assert_eq!(tell(model, key(KeyCode::Enter), now + 1), [], "{name}");
        press(model, "known", now + 2);
        let tasks = vec![TaskId::new("production/upload@web2")];
        let reason = "known".to_owned();
        let intent = match name {
            "skip" => Intent::Skip { tasks, reason },
            _ => Intent::CountAsDone { tasks, reason },
        };
        assert_eq!(
            tell(model, key(KeyCode::Enter), now + 3),
            [Cmd::Send(intent)]
        );
        assert!(model.dialogs.is_empty());
    }
}

#[test]
fn a_reason_that_does_not_fit_is_told_before_it_is_taken() {
    let mut story = Story::planned();
    story.failed();
    let (model, now) = (&mut story.model, story.now);
    press(model, "S", now);
    // Letters of two bytes count once, as people count them.
    press(model, &"\u{e4}".repeat(200), now + 1);
    let full = "the field is full: it holds 200 characters";
    assert!(!text(model, 120, 36, now + 1).contains(full));
    press(model, "x", now + 1);
    for (columns, rows) in [(120, 36), (80, 24)] {
        let shown = text(model, columns, rows, now + 1);
        assert!(shown.contains(full), "{shown}");
    }
    let cmds = tell(model, key(KeyCode::Enter), now + 2);
    let [Cmd::Send(Intent::Skip { reason, .. })] = cmds.as_slice() else {
        panic!("{cmds:?}");
    };
    assert_eq!(*reason, "\u{e4}".repeat(200));
}

#[test]
fn the_palette_decides_by_the_whole_name_of_the_choice() {
    let mut story = Story::planned();
    story.failed();
    let (model, now) = (&mut story.model, story.now);
    press(model, ":retry", now);
    let tasks = vec![TaskId::new("production/upload@web2")];
    assert_eq!(
        tell(model, key(KeyCode::Enter), now + 1),
        [Cmd::Send(Intent::Retry { tasks })]
    );
}

#[test]
fn the_dialog_about_the_rest_waits_until_all_that_follows_was_told() {
    let mut story = both_failed();
    let now = story.now;
    press(&mut story.model, "lR", now);
    let record = golive::domain::run::Record {
        seq: story.state().seq.next(),
        at: at(now),
        event: Event::DecisionTaken {
            decision: Decision::Retry,
            tasks: vec!["production/upload@web1".into()],
            host: None,
            by: "ana@laptop".into(),
            reason: None,
        },
    };
    tell(&mut story.model, Msg::Feed(Update::Event(record)), now);
    assert!(story.model.dialogs.is_empty(), "{:?}", story.model.dialogs);
}

#[test]
fn what_was_decided_stands_in_the_log_of_its_task() {
    let mut story = Story::planned();
    story.failed();
    let task = ["production/upload@web2"];
    decide(&mut story, Decision::Skip, &task, Some("not needed"));
    press(&mut story.model, "k", story.now);
    let shown = text(&story.model, 120, 36, story.now);
    assert!(shown.contains("ana skips it: not needed"), "{shown}");
}

#[test]
fn ending_a_run_says_what_it_leaves_and_first_sends_what_becomes_of_the_locks() {
    let mut story = Story::planned();
    story.down();
    let (model, now) = (&mut story.model, story.now);
    press(model, "A", now);
    press(model, "L", now + 1);
    check("abort-keep", model, now + 1);
    let keep = Cmd::Send(Intent::KeepLock { keep: true });
    let stop = Cmd::Send(Intent::Stop { reason: None });
    assert_eq!(press(model, "W", now + 2), [keep.clone(), stop.clone()]);
    press(model, "A", now + 3);
    press(model, "jj", now + 4);
    assert_eq!(tell(model, key(KeyCode::Enter), now + 5), []);
    press(model, "LK", now + 6);
    press(model, "production", now + 7);
    let kill = Cmd::Send(Intent::Kill { reason: None });
    assert_eq!(tell(model, key(KeyCode::Enter), now + 8), [keep, kill]);
    press(model, "A", now + 9);
    assert_eq!(tell(model, key(KeyCode::Enter), now + 10), [stop]);
}

#[test]
fn somebody_elses_lock_is_shown_with_its_holder_and_asked_for_again() {
    let mut story = locked();
    let (model, now) = (&mut story.model, story.now);
    check("locked", model, now);
    tell(model, key(KeyCode::Esc), now + 1);
    let shown = text(model, 120, 36, now + 1);
    assert!(
        shown.contains("! production is locked by tom@desk since 21:18"),
        "{shown}"
    );
    assert_eq!(press(model, "R", now + 2), [], "R shows it again");
    let intent = Intent::TakeLock {
        env: "production".into(),
        steal: None,
    };
    assert_eq!(press(model, "T", now + 4), [Cmd::Send(intent)]);
    assert!(model.dialogs.is_empty());
    let busy = LockNews::Busy(Box::new(fixture::busy()));
    lock(model, busy, now + 5);
    assert_eq!(model.dialogs.len(), 1, "still busy: it is shown again");
}

#[test]
fn a_lock_is_taken_over_only_by_the_typed_name_of_its_environment() {
    let mut story = locked();
    let (model, now) = (&mut story.model, story.now);
    assert_eq!(press(model, "S", now), []);
    press(model, "staging", now + 1);
    check("steal", model, now + 1);
    assert_eq!(tell(model, key(KeyCode::Enter), now + 2), []);
    let control_u = KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL);
    tell(model, Msg::Key(control_u), now + 3);
    tell(model, Msg::Paste("production".into()), now + 4);
    assert_eq!(tell(model, key(KeyCode::Enter), now + 5), []);
    press(model, "production", now + 6);
    let intent = Intent::TakeLock {
        env: "production".into(),
        steal: Some("7be1f0c2".into()),
    };
    assert_eq!(
        tell(model, key(KeyCode::Enter), now + 7),
        [Cmd::Send(intent)]
    );
    let left = Remains {
        host: "web1".into(),
        attempts: vec!["production/migrate@web1.1".into()],
    };
    lock(model, LockNews::Occupied(vec![left]), now + 8);
    let shown = text(model, 120, 36, now + 8);
    let waits = "waits for what tom@desk still runs on web1: production/migrate@web1.1, for 0:00.";
    assert!(shown.contains(waits), "{shown}");
}

#[test]
fn locks_are_told_at_home_and_at_the_gate() {
    let mut story = Story::planned();
    story.reach_gate();
    let mut overview = fixture::overview();
    let places = &mut overview.environments[1].lock.as_mut().unwrap().places;
    places[1].1 = KeptAt::Held(fixture::busy());
    let overview = Box::new(overview);
    tell(&mut story.model, Msg::Overview(overview), story.now);
    check("gate-locked", &story.model, story.now + 60);
    story.model.view = View::Home;
    check("home-locked", &story.model, story.now + 60);
}

#[test]
fn a_changed_checklist_is_shown_once_and_again_when_asked_for() {
    let mut story = Story::planned();
    story.behind_gate();
    let (model, now) = (&mut story.model, story.now);
    assert_eq!(press(model, "d", now), []);
    assert!(model.dialogs.is_empty());
    let lines = vec![
        "production/upload on web1, web2: the command changed".to_owned(),
        "production/smoke is new".to_owned(),
    ];
    tell(model, Msg::PlanDiffers(lines.clone()), now);
    check("plan-differs", model, now);
    tell(model, key(KeyCode::Esc), now + 1);
    tell(model, Msg::PlanDiffers(lines), now + 2);
    assert!(model.dialogs.is_empty(), "it is shown once");
    let shown = text(model, 80, 24, now + 2);
    assert!(shown.contains("releases.toml has changed  d"), "{shown}");
    press(model, "d", now + 3);
    assert_eq!(model.dialogs.len(), 1);
}

#[test]
fn a_run_in_the_background_is_taken_back_and_one_of_another_console_is_only_watched() {
    let mut story = Story::planned();
    story.down();
    let now = story.now + 10;
    let who = "background runner, pid 4711, ana@laptop".to_owned();
    let mut model = fixture::opened(&story, Owner::elsewhere(Some(who)));
    check("background", &model, now);
    assert_eq!(press(&mut model, "A", now), []);
    let run = RunId::new("20261120-2130-k3");
    assert_eq!(press(&mut model, "R", now + 1), [Cmd::ResumeRun(run)]);
    let mut model = fixture::opened(&story, Owner::elsewhere(Some("tom@desk, pid 12".into())));
    check("watching", &model, now);
    assert_eq!(press(&mut model, "RAPp", now + 1), []);
    assert!(model.dialogs.is_empty());
    tell(&mut model, Msg::OwnerChanged(Owner::Nobody), now + 2);
    let run = RunId::new("20261120-2130-k3");
    assert_eq!(press(&mut model, "R", now + 3), [Cmd::ResumeRun(run)]);
}

#[test]
fn a_journal_that_cannot_be_written_is_loud_and_nothing_can_be_decided() {
    let mut story = Story::planned();
    story.down();
    let failed = Msg::Feed(Update::JournalFailed("No space left on device".into()));
    let now = story.now;
    tell(&mut story.model, failed, now);
    check("journal-failed", &story.model, now);
    tell(&mut story.model, key(KeyCode::Esc), now + 1);
    check("journal-failed-closed", &story.model, now + 1);
    assert_eq!(press(&mut story.model, "p", now + 2), []);
    press(&mut story.model, "q", now + 3);
    let shown = text(&story.model, 120, 36, now + 3);
    assert!(
        shown.contains("what runs goes on to its end, nothing"),
        "{shown}"
    );
}

#[test]
fn long_names_and_many_failures_keep_the_choices_in_sight() {
    let many: Vec<String> = (0..14)
        .map(|number| format!("web{number}-a-host-with-a-long-name.example"))
        .collect();
    let hosts: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut story = Story::of(fixture::plan(&hosts, golive::domain::checklist::Gate::Type));
    story.begin().end_stage("Prepare").end_stage("Staging");
    story.locks("production").stage("Production");
    for host in &hosts {
        story.starts(&format!("production/upload@{host}"));
    }
    for host in &hosts {
        story.fails(&format!("production/upload@{host}"), 1);
    }
    story.after(5);
    check("failure-many", &story.model, story.now);
    press(&mut story.model, "lll", story.now);
    for (width, height) in [(120, 36), (80, 24), (40, 12)] {
        story.model.size = (width, height);
        let shown = text(&story.model, width, height, story.now);
        for word in ["retry", "skip", "count as done", "leave", "abort", "then:"] {
            assert!(shown.contains(word), "{word} in\n{shown}");
        }
    }
}

#[test]
fn a_connection_that_breaks_during_a_run_stands_on_the_attention_line_and_counts_down() {
    let mut story = Story::planned();
    story.down();
    let now = story.now;
    let link = Link::Lost {
        why: "the connection was reset".into(),
        retry_in: std::time::Duration::from_secs(4),
    };
    let update = Update::Connection {
        env: "production".into(),
        host: "web1".into(),
        link,
    };
    tell(&mut story.model, Msg::Feed(update), now);
    let shown = text(&story.model, 120, 36, now + 1);
    assert!(
        shown.contains("LOST web1, retry in 3 s (the connection was reset)"),
        "{shown}"
    );
}

#[test]
fn asking_for_a_lock_again_does_not_hide_what_is_waited_for() {
    let mut story = Story::planned();
    story.reach_gate();
    let (model, now) = (&mut story.model, story.now);
    let left = Remains {
        host: "web1".into(),
        attempts: vec!["production/migrate@web1.1".into()],
    };
    lock(model, LockNews::Occupied(vec![left]), now);
    lock(model, LockNews::Taking, now + 4);
    let run = model.run.as_ref().unwrap();
    let wanted = &run.wanted[&golive::domain::id::EnvName::from("production")];
    assert!(matches!(wanted.news, LockNews::Occupied(_)));
}

#[test]
fn what_was_decided_instead_of_a_result_is_a_warning_at_the_gate() {
    let mut story = Story::planned();
    story.begin().end_stage("Prepare").locks("staging");
    story.stage("Staging").starts("staging/upload@stg");
    story
        .ends("staging/upload@stg", &[])
        .starts("staging/migrate@stg");
    story.fails("staging/migrate@stg", 1);
    let task = ["staging/migrate@stg"];
    decide(&mut story, Decision::CountAsDone, &task, Some("by hand"));
    story
        .starts("staging/switch@stg")
        .fails("staging/switch@stg", 1);
    let task = ["staging/switch@stg"];
    decide(&mut story, Decision::Skip, &task, Some("not needed"));
    story.end_stage("Staging");
    story.event(Event::GateReached {
        env: "production".into(),
        stage: "Production".into(),
    });
    let shown = text(&story.model, 120, 36, story.now + 5);
    assert!(
        shown.contains("! Staging: migrate") && shown.contains("counted as done"),
        "{shown}"
    );
    assert!(
        shown.contains("! Staging: switch") && shown.contains("skipped: not needed"),
        "{shown}"
    );
}

#[test]
fn arrows_tab_and_enter_only_look_but_for_the_safest_line_of_the_abort_menu() {
    let codes = [
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::PageDown,
        KeyCode::End,
        KeyCode::Enter,
    ];
    for model in models() {
        for code in codes {
            let mut model = model.clone();
            let safest = matches!(model.dialogs.last(), Some(Dialog::Abort { choice: 0, .. }));
            for cmd in tell(&mut model, key(code), 100_000) {
                let stop = matches!(
                    cmd,
                    Cmd::Send(Intent::Stop { .. } | Intent::KeepLock { .. })
                );
                let allowed = safest && code == KeyCode::Enter && stop;
                assert!(
                    allowed || !matches!(cmd, Cmd::Send(_) | Cmd::ResumeRun(_) | Cmd::StartRun(_)),
                    "{code:?} sent {cmd:?}"
                );
            }
        }
    }
}

#[test]
fn a_host_that_is_asked_again_while_it_is_silent_can_still_be_left_out() {
    let mut story = Story::planned();
    story.behind_gate();
    let now = story.now;
    let model = &mut story.model;
    let lost = Link::Lost {
        why: "the connection was reset".into(),
        retry_in: std::time::Duration::from_secs(4),
    };
    connect(model, "production", "web2", lost.clone());
    connect(model, "production", "web2", Link::Connecting);
    assert_eq!(press(model, "O", now + 5), []);
    assert!(
        matches!(model.dialogs.last(), Some(Dialog::Reason { .. })),
        "{:?}",
        model.notice
    );
    connect(model, "production", "web2", lost);
    connect(model, "production", "web2", Link::Connecting);
    story.after(1);
    assert!(
        matches!(story.model.dialogs.last(), Some(Dialog::Reason { .. })),
        "the reason can be typed to its end"
    );
    let facts = golive::domain::feed::HostFacts::default();
    let model = &mut story.model;
    model.dialogs.clear();
    connect(model, "production", "web2", Link::Connected(facts));
    assert_eq!(press(model, "O", now + 9), []);
    assert!(model.dialogs.is_empty(), "it answers again");
}
