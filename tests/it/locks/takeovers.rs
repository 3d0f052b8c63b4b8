//! Locks that change hands, with golive itself at every desk: a holder that is killed, one that is frozen, one whose
//! step still runs; what a person decides at a lock; parts of a release that exclude each other.

use rustix::process::Signal;

use super::desks::{Console, Desk, Office, wait_until};
use crate::support::fleet::Fleet;

/// Two steps on both hosts of `live`.
const TWO: &str = r#"
[step.code]
run = {STEP}
on = "all"
[step.last]
run = {STEP}
on = "all"
[[stage]]
name = "Live"
env = "live"
steps = ["code", "last"]
"#;

/// A step here, then one on both hosts of `live`, then one in `test`.
const THREE: &str = r#"
[step.here]
run = "until [ -e $HOME/here.go ]; do sleep 0.02; done"
[step.code]
run = {STEP}
on = "all"
[[stage]]
name = "Here"
steps = ["here"]
[[stage]]
name = "Live"
env = "live"
steps = ["code"]
[[stage]]
name = "Test"
env = "test"
steps = ["code"]
"#;

/// Waits until so many lines were noted on the first hosts.
#[track_caller]
fn noted(office: &Office, hosts: std::ops::Range<usize>, lines: usize) {
    for host in hosts {
        wait_until(
            || format!("{lines} lines on host {host}: {:?}", office.trace(host)),
            || office.trace(host).len() >= lines,
        );
    }
}

/// A release whose first step runs on both hosts.
fn begun(office: &Office, desk: &Desk, line: &str) -> Console {
    let console = desk.start(line);
    noted(office, 0..2, 1);
    console
}

#[test]
fn the_lock_of_a_killed_console_stays_and_its_resume_goes_on_under_it() {
    let office = Office::of_folders(TWO);
    let [ada, bob] = ["ada", "bob"].map(|name| office.desk(name));
    let console = begun(&office, &ada, "deploy --plain --reason hotfix");
    let (run, id) = (ada.run(), bob.lock_id("live"));
    console.kill();
    for _ in 0..2 {
        bob.ends(4, "deploy --plain").says(&[
            "live is locked by ada@",
            "nothing was started",
            &format!("for run {run}, since "),
            "reason: hotfix",
            "last heard of",
            &format!("golive lock live --steal {id}"),
        ]);
    }
    assert_eq!(bob.runs(), Vec::<String>::new());
    ada.ends(4, "deploy --plain")
        .says(&[&format!("golive resume {run} goes on with that run")]);
    office.let_go("code");
    office.let_go("last");
    let resumed = ada.ends(0, &format!("resume {run} --plain"));
    assert!(
        resumed.text.ends_with("locks: live released\n"),
        "{}",
        resumed.text
    );
    for host in 0..2 {
        assert_eq!(office.in_turn(host), [run.clone(), run.clone()]);
    }
    office.is_free();
    bob.ends(0, "deploy --plain");
    office.is_free();
}

/// Bob takes over what Ada began, by hand, and releases himself. Returns Ada's run and his.
fn taken_over(office: &Office, [ada, bob, eve]: &[Desk; 3]) {
    let old = begun(office, ada, "deploy --plain --reason hotfix");
    let (run, id) = (ada.run(), bob.lock_id("live"));
    bob.ends(1, &format!("lock live --steal {id} --reason urgent"))
        .says(&[
            "nothing new of the former holder starts there",
            "may still run: ",
            ".1 on web1, ",
            ".1 on web2",
            "live is locked by bob@",
            "reason: urgent",
        ]);
    // Theirs was named, and it is not theirs any more.
    eve.ends(4, &format!("lock live --steal {id}"))
        .says(&["locked by bob@", "nothing was changed"]);
    eve.ends(4, "deploy --plain")
        .says(&["live is locked by bob@", "taken by hand"]);
    ada.ends(4, "lock live --release")
        .says(&["only they release it"]);
    bob.ends(4, "deploy --plain")
        .says(&["golive lock live --release gives it back: it was taken by hand here"]);
    bob.ends(0, "lock live --release");
    let new = bob.start("deploy --plain");
    new.has_printed("lock of live: waits for what the former holder started: ");
    assert_eq!(office.trace(0).len(), 1, "nothing began beside what runs");
    office.let_go("last");
    office.let_go("code");
    let ended = old.end();
    ended.is(4);
    ended.says(&[
        "LOCK LOST: live: ",
        "live lost to somebody else",
        &format!("golive resume {run}"),
    ]);
    new.end().is(0);
    let mine = bob.run();
    for host in 0..2 {
        assert_eq!(
            office.in_turn(host),
            [run.clone(), mine.clone(), mine.clone()]
        );
    }
    office.is_free();
    // What was kept from starting starts when she goes on with it, and what was done is not done again.
    ada.ends(0, &format!("resume {run} --plain"));
    for host in 0..2 {
        assert_eq!(office.in_turn(host), [&run[..], &mine, &mine, &run]);
    }
    office.is_free();
}

#[test]
fn an_environment_is_taken_over_by_hand_while_a_step_of_the_former_holder_runs() {
    let office = Office::of_folders(TWO);
    taken_over(
        &office,
        &["ada", "bob", "eve"].map(|name| office.desk(name)),
    );
}

#[test]
fn an_environment_on_servers_is_taken_over_by_hand_while_a_step_of_the_former_holder_runs() {
    let fleet = Fleet::up(2);
    let office = Office::of_servers(&fleet, TWO);
    let desks = ["ada", "bob", "eve"].map(|name| office.desk(name));
    // Operators who know of no remote.
    office.forget_the_remote(&desks);
    taken_over(&office, &desks);
    fleet.is_left_alone();
}

#[test]
fn a_console_that_slept_while_somebody_else_released_starts_nothing_when_it_wakes_up() {
    let office = Office::of_folders(TWO);
    let [ada, bob] = ["ada", "bob"].map(|name| office.desk(name));
    let old = begun(&office, &ada, "deploy --plain");
    let run = ada.run();
    old.signal(Signal::STOP);
    let id = bob.lock_id("live");
    office.let_go("code");
    office.let_go("last");
    noted(&office, 0..2, 2);
    let stolen = bob.golive(&format!("lock live --steal {id}"));
    assert!(matches!(stolen.code, Some(0 | 1)), "{}", stolen.text);
    bob.ends(0, "lock live --release");
    bob.ends(0, "deploy --plain");
    let mine = bob.run();
    office.is_free();
    old.signal(Signal::CONT);
    let ended = old.end();
    assert!(matches!(ended.code, Some(1 | 4)), "{}", ended.text);
    ended.says(&["LOCK LOST: live: ", &format!("golive resume {run}")]);
    for host in 0..2 {
        assert_eq!(office.in_turn(host), [&run[..], &mine, &mine]);
    }
    office.is_free();
    ada.ends(0, &format!("resume {run} --plain"));
    assert_eq!(office.in_turn(0), [&run[..], &mine, &mine, &run]);
    office.is_free();
}

#[test]
fn parts_of_a_release_to_different_hosts_exclude_each_other() {
    let office = Office::of_folders(TWO);
    let [ada, bob] = ["ada", "bob"].map(|name| office.desk(name));
    for knows_remote in [true, false] {
        let before = office.trace(0).len();
        let one = ada.start("deploy --plain --host web1");
        noted(&office, 0..1, before + 1);
        bob.ends(4, "deploy --plain --host web2")
            .says(&["live is locked by ada@"]);
        bob.ends(4, "deploy --plain --stage live")
            .says(&["live is locked by ada@"]);
        office.let_go("code");
        office.let_go("last");
        one.end().is(0);
        office.is_free();
        bob.ends(0, "deploy --plain --host web2");
        office.is_free();
        if knows_remote {
            office.forget_the_remote(&[&ada, &bob].map(Desk::clone));
            office.hold("code");
        }
    }
    assert_eq!((office.in_turn(0).len(), office.in_turn(1).len()), (4, 4));
}

#[test]
fn two_environments_are_released_to_at_once_also_on_the_same_host() {
    let office = Office::of_folders(THREE);
    let [ada, bob] = ["ada", "bob"].map(|name| office.desk(name));
    let live = ada.start("deploy --plain --stage live");
    noted(&office, 0..2, 1);
    let test = bob.start("deploy --plain --stage test");
    noted(&office, 1..2, 2);
    for env in ["live", "test"] {
        bob.lock_id(env);
    }
    office.let_go("code");
    live.end().is(0);
    test.end().is(0);
    office.is_free();
}

#[test]
fn a_person_at_a_lock_tries_again_leaves_it_and_takes_it_over() {
    let office = Office::of_folders(THREE);
    let [ada, bob] = ["ada", "bob"].map(|name| office.desk(name));
    office.let_go("code");
    let mut terminal = ada.terminal("deploy --plain");
    terminal.shows("here@local: until");
    bob.ends(0, "lock live --take --reason moving");
    let id = bob.lock_id("live");
    ada.write("home/here.go", "");
    for line in [
        "live is locked by bob@",
        "taken by hand",
        "reason: moving",
        "last heard of",
        "1 try again",
        "2 take it over",
        "3 leave it",
    ] {
        terminal.shows(line);
    }
    let asked = |terminal: &crate::support::terminal::Terminal, times: usize| {
        terminal.until("it is asked", |seen| {
            let raw = String::from_utf8_lossy(&seen.raw).into_owned();
            raw.matches("3 leave it\r\nnumber: ").count() == times
        });
    };
    asked(&terminal, 1);
    terminal.keys("1\r");
    asked(&terminal, 2);
    // Another name takes nothing over.
    terminal.keys("2\r");
    terminal.shows("type live to take its lock over, nothing goes back:");
    terminal.keys("test\r");
    asked(&terminal, 3);
    assert_eq!(bob.lock_id("live"), id);
    terminal.keys("3\r");
    assert_eq!(terminal.ended(), 4);
    let run = ada.run();
    terminal.shows(&format!("golive resume {run} goes on when it is free"));
    assert_eq!(office.trace(0), Vec::<String>::new());
    let mut terminal = ada.terminal(&format!("resume {run} --plain"));
    asked(&terminal, 1);
    terminal.keys("2\r");
    terminal.shows("nothing goes back:");
    terminal.keys("live\r");
    assert_eq!(terminal.ended(), 0);
    assert!(
        terminal.raw().contains("taken over from bob@"),
        "{}",
        terminal.raw()
    );
    office.in_turn(0);
    office.is_free();
    bob.ends(0, "lock live --release");
}
