//! Going back: what it means is read first, a plan opens, and the gate asks for more than the environment's name.

use chrono::TimeDelta;
use golive::domain::catalog::{HostVersion, MarkedCommit, Meaning, Point, Risk};
use golive::domain::checklist::Gate;
use golive::domain::id::{EnvName, HostName};
use golive::domain::overview::CommitLine;
use golive::domain::plan::{Plan, Rollback};
use golive::domain::release::Left;
use golive::ui::msg::{ReleaseNews, ReleaseWish};

use super::*;

fn point(commit: &str, tag: &str, days: i64, by: &str) -> Point {
    Point {
        tag: Some(tag.to_owned()),
        commit: Commit::new(commit),
        at: Some(at(0) - TimeDelta::days(days)),
        by: Some(by.to_owned()),
    }
}

fn commit(hash: &str, subject: &str, risks: &[Risk]) -> MarkedCommit {
    MarkedCommit {
        line: CommitLine {
            commit: Commit::new(hash),
            subject: subject.to_owned(),
            author: "ana".to_owned(),
            at: at(0) - TimeDelta::hours(3),
        },
        graph: Vec::new(),
        risks: risks.to_vec(),
    }
}

fn meaning() -> Meaning {
    Meaning {
        env: EnvName::new("production"),
        from: point(fixture::LIVE, "DEPLOYED-2026-11-17/1705", 3, "tom@desk"),
        to: point(
            fixture::COMMIT,
            "DEPLOYED-2026-11-10/0912",
            10,
            "ana@laptop",
        ),
        commits: vec![
            commit("51c02aa0000", "db: lists have owners", &[Risk::Database]),
            commit("77d10be0000", "deps: Django 5.2.4", &[Risk::Dependency]),
            commit("0a9e2f10000", "test: share \u{202e}by e-mail", &[]),
        ],
        commit_count: Some(23),
        new_commits: Some(0),
        is_told: true,
        migrations: vec!["src/lists/migrations/0007_owner.py".to_owned()],
        undone: vec!["migrate".to_owned()],
        without_undo: vec!["reindex".to_owned()],
        held: vec![
            (HostName::new("web1"), Ok(true)),
            (HostName::new("web2"), Ok(false)),
        ],
        took_s: Some(312.0),
        warnings: vec!["web2 does not hold the release any more".to_owned()],
    }
}

fn plan() -> Plan {
    Plan {
        rollback: Some(Rollback {
            env: EnvName::new("production"),
            from: Left {
                tag: Some("DEPLOYED-2026-11-17/1705".to_owned()),
                commit: Commit::new(fixture::LIVE),
            },
            to_tag: Some("DEPLOYED-2026-11-10/0912".to_owned()),
            taken: Vec::new(),
            epochs: BTreeMap::new(),
        }),
        ..fixture::plan(&["web1", "web2"], Gate::Type)
    }
}

fn means(model: &mut Model, seconds: i64) {
    let news = ReleaseNews::Meaning(Box::new(meaning()));
    tell(model, Msg::Releases(news), seconds);
}

fn planned(model: &mut Model, seconds: i64) -> Vec<Cmd> {
    let ready = Msg::PlanReady {
        run: RunId::new("20261120-2130-k3"),
        plan: Arc::new(plan()),
    };
    tell(model, ready, seconds)
}

fn read() -> Model {
    let mut model = home();
    let asked = press(&mut model, "B", 60);
    let wanted = Cmd::PrepareRollback {
        env: EnvName::new("production"),
        tag: None,
    };
    // Staging is marked first; production one line below.
    assert_eq!(asked.len(), 1);
    assert_ne!(asked[0], wanted);
    model.busy = None;
    press(&mut model, "j", 61);
    assert_eq!(press(&mut model, "B", 62), [wanted]);
    assert!(model.busy.is_some());
    means(&mut model, 63);
    assert!(model.busy.is_none());
    model
}

#[test]
fn what_going_back_means_is_read_first() {
    let mut model = read();
    check("rollback", &model, 64);
    press(&mut model, "lists were lost", 64);
    tell(&mut model, key(KeyCode::PageDown), 64);
    check("rollback-reason", &model, 64);
}

#[test]
fn enter_opens_the_plan_with_the_reason_and_starts_nothing() {
    let mut model = read();
    press(&mut model, "lists were lost", 64);
    // The plan comes behind its meaning: Enter waits for it.
    assert!(tell(&mut model, key(KeyCode::Enter), 64).is_empty());
    assert_eq!(model.view, View::Home);
    let cmds = planned(&mut model, 65);
    assert_eq!(cmds, [Cmd::GiveReason("lists were lost".to_owned())]);
    assert_eq!(model.view, View::Run);
    assert!(model.dialogs.is_empty());
    // A plan that is here already opens at once; without a reason none is given.
    let mut model = read();
    assert!(planned(&mut model, 64).is_empty());
    assert_eq!(model.view, View::Home);
    assert!(tell(&mut model, key(KeyCode::Enter), 65).is_empty());
    assert_eq!(model.view, View::Run);
    check("rollback-planned", &model, 66);
}

#[test]
fn a_key_from_before_it_could_be_read_opens_nothing_and_esc_leaves_everything() {
    let mut model = read();
    planned(&mut model, 63);
    tell(&mut model, key(KeyCode::Enter), 63);
    assert_eq!(model.view, View::Home);
    tell(&mut model, key(KeyCode::Esc), 65);
    assert!(model.dialogs.is_empty() && model.going_back.is_none());
    assert_eq!(model.view, View::Home);
}

#[test]
fn a_plan_that_comes_late_opens_for_nobody_and_never_for_another_release() {
    let mut model = read();
    tell(&mut model, key(KeyCode::Esc), 64);
    assert!(planned(&mut model, 65).is_empty());
    assert!(model.view == View::Home && model.run.is_none());
    let mut model = read();
    model.going_back.as_mut().unwrap().meaning.to.commit = Commit::new("77d10be0000");
    tell(&mut model, key(KeyCode::Enter), 65);
    assert!(planned(&mut model, 66).is_empty());
    assert!(model.view == View::Home && model.run.is_none());
    assert!(model.going_back.is_some_and(|back| back.prepared.is_none()));
}

#[test]
fn migrations_that_nobody_knows_of_are_not_said_to_be_none() {
    let mut model = read();
    let meaning = &mut model.going_back.as_mut().unwrap().meaning;
    (meaning.is_told, meaning.migrations) = (false, Vec::new());
    let text = text(&model, 120, 36, 64);
    assert!(text.contains("whether migrations are in between is not known"));
    assert!(!text.contains("no migration in between"));
}

#[test]
fn the_gate_of_a_rollback_asks_for_both_words() {
    let mut model = read();
    planned(&mut model, 64);
    tell(&mut model, key(KeyCode::Enter), 65);
    let mut story = Story::of(plan());
    story.model.going_back = model.going_back;
    story.reach_gate();
    let (model, now) = (&mut story.model, story.now + 2);
    tell(model, key(KeyCode::Tab), now);
    check("gate-rollback", model, now);
    while model.run.as_ref().unwrap().gate.panel != golive::ui::model::GATE_FIELD {
        tell(model, key(KeyCode::Tab), now);
    }
    press(model, "production", now);
    assert!(tell(model, key(KeyCode::Enter), now).is_empty());
    let said = model.run.as_ref().unwrap().gate.said.clone().unwrap();
    assert!(
        said.contains("production is not rollback production"),
        "{said}"
    );
    tell(
        model,
        Msg::Key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)),
        now + 1,
    );
    press(model, "rollback production", now + 2);
    check("gate-rollback-typed", model, now + 2);
    let sent = tell(model, key(KeyCode::Enter), now + 3);
    assert!(
        matches!(&sent[..], [Cmd::Send(Intent::Approve { env, .. })] if env.as_str() == "production"),
        "{sent:?}"
    );
}

#[test]
fn the_gate_of_a_rollback_says_which_proofs_are_too_old() {
    let mut story = Story::of(plan());
    story.reach_gate();
    let late = story.now + 20 * 60;
    check("gate-rollback-stale", &story.model, late);
    let shown = text(&story.model, 80, 24, late);
    assert!(
        shown.contains("older than 15 min: type to accept that, or A and go back anew"),
        "{shown}"
    );
}

#[test]
fn nothing_goes_back_while_a_run_goes_on() {
    let mut story = Story::planned();
    story.begin();
    let now = story.now + 1;
    assert!(press(&mut story.model, "B", now).is_empty());
    let (notice, _) = story.model.notice.clone().unwrap();
    assert!(
        notice.title.contains("A ends it, then B goes back"),
        "{notice:?}"
    );
}

#[test]
fn a_host_that_runs_something_else_is_told_on_home_and_asked_again_after_a_run() {
    let version = |host: &str, commit: &str, differs: Option<&str>| HostVersion {
        env: EnvName::new("production"),
        host: HostName::new(host),
        version: Ok(Commit::new(commit)),
        tag: None,
        differs: differs.map(str::to_owned),
    };
    let versions = vec![
        version("web1", fixture::LIVE, None),
        version(
            "web2",
            "c0ffee1aaaa",
            Some("web2 runs c0ffee1, LIVE is 3f2a1c0"),
        ),
    ];
    let mut model = home();
    let news = ReleaseNews::Versions(versions.clone());
    tell(&mut model, Msg::Releases(news), 60);
    check("home-differs", &model, 60);
    model.view = View::Hosts;
    check("hosts-differ", &model, 60);

    let mut story = Story::planned();
    story.model.versions = versions;
    story.begin();
    let ends = |stage: &str| Event::StageFinished {
        stage: stage.to_owned(),
        duration_s: 1.0,
    };
    let looks = [Cmd::Refresh, Cmd::Releases(ReleaseWish::Verify)];
    // What is done on this machine brings nothing anywhere.
    assert_eq!(story.event(ends("Prepare")), []);
    assert_eq!(story.event(ends("Staging")), looks);
    let cmds = story.event(Event::RunFinished {
        outcome: Outcome::Stopped,
        duration_s: 1.0,
        downtime_s: BTreeMap::new(),
    });
    assert!(
        cmds.contains(&Cmd::Releases(ReleaseWish::Verify)),
        "{cmds:?}"
    );
}

#[test]
fn a_host_that_does_not_say_what_it_runs_is_told_on_home_once_something_was_brought_there() {
    let mut model = home();
    let silent = |env: &str, host: &str| HostVersion {
        env: EnvName::new(env),
        host: HostName::new(host),
        version: Err("it printed `x`, which is no commit and no tag here".to_owned()),
        tag: None,
        differs: None,
    };
    let overview = model.overview.as_ref().unwrap();
    let env = overview
        .environments
        .iter()
        .find(|env| env.env == "production".into());
    let (env, host) = env
        .map(|env| (env.env.clone(), env.hosts[0].clone()))
        .unwrap();
    model.versions = vec![silent(env.as_str(), host.as_str())];
    let said = format!("! {host} does not say what it runs: it printed `x`, which is no commit");
    let shown = text(&model, 120, 36, 60);
    assert!(shown.contains(&said), "{shown}");
    // Where nothing was released yet there is nothing that it could say.
    let overview = model.overview.as_mut().unwrap();
    for env in &mut overview.environments {
        env.deployed = None;
    }
    assert!(!text(&model, 120, 36, 60).contains("does not say"));
}

#[test]
fn however_long_their_names_are_a_phone_shows_what_is_left_and_where_it_goes() {
    let mut model = read();
    let long = "shop-of-the-company-in-the-north-west-and-its-branches";
    let back = model.going_back.as_mut().unwrap();
    back.meaning.from.tag = Some(format!("{long}-2026-11-17/1705"));
    back.meaning.to.tag = Some(format!("{long}-2026-11-10/0912"));
    tell(&mut model, Msg::Resize(40, 12), 64);
    let shown = text(&model, 40, 12, 64);
    for said in ["leaves", "11-17/1705", "back to", "11-10/0912"] {
        assert!(shown.contains(said), "{said}\n{shown}");
    }
}
