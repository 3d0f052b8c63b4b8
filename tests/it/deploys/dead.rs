//! Dead hosts: a run goes on without a host that does not answer, when the operator says so, and tells what is true.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use super::ground::{Ended, Ground, MENDED, NOTE, PAIR, on_both, text, wait_until};

/// `one` waits on `web2` until a file is there, `two` follows on both hosts, `here` on this machine.
const STEPS: &str = r#"
[step.one]
run = 'NOTE; [ $GOLIVE_HOST = web1 ] || until [ -e ~/go ]; do sleep 0.05; done'
on = "all"
[step.two]
run = 'NOTE'
on = "all"
[step.here]
run = 'NOTE'
[[stage]]
name = "Test"
env = "test"
steps = ["one", "two", "here"]
"#;

fn ground(steps: &str) -> Ground {
    Ground::new(2, &format!("{PAIR}{}", steps.replace("NOTE", NOTE)))
}

/// A run that failed on both hosts; `web1` is mended since, `web2` is dead.
fn failed() -> (Ground, String) {
    let mut ground = Ground::new(2, &on_both(MENDED));
    ground.ends(1, &["deploy"]);
    let run = ground.newest_run();
    ground.forget();
    fs::write(ground.home(1).join("mended"), "").unwrap();
    ground.fleet.die(1);
    (ground, run)
}

/// A run whose console was killed while `one` was running on `web2`, which is dead since.
fn abandoned() -> (Ground, String) {
    let mut ground = ground(STEPS);
    let running = ground.start(&["deploy"]);
    both_run(&ground);
    running.signal(Signal::KILL);
    drop(running);
    let run = ground.newest_run();
    ground.fleet.die(1);
    ground.forget();
    (ground, run)
}

/// Waits until `one` has ended on `web1` and runs on `web2`.
fn both_run(ground: &Ground) {
    wait_until("web2 has begun", || {
        ground.trace().contains(&"Test/one@web2".to_owned())
    });
    wait_until("web1 is done", || {
        ground.run_folders().first().is_some_and(|folder| {
            let journal = fs::read_to_string(folder.join("journal.jsonl")).unwrap_or_default();
            journal.contains("task_finished")
        })
    });
}

fn journal(ground: &Ground) -> String {
    let folder = ground.run_folders().pop().unwrap();
    fs::read_to_string(folder.join("journal.jsonl")).unwrap()
}

fn records(ground: &Ground, event: &str) -> Vec<Value> {
    let journal = journal(ground);
    let records = journal.lines().map(serde_json::from_str::<Value>);
    let records = records.map(Result::unwrap);
    records.filter(|record| record["event"] == event).collect()
}

/// What `golive runs show` says of a task.
fn status(ground: &Ground, task: &str) -> String {
    let statuses = ground.statuses();
    let found = statuses.into_iter().find(|(id, _)| id == task);
    found.unwrap().1
}

/// What is true after a run went on without `web2` in the middle of its step.
#[track_caller]
fn went_on_without_web2(ground: &Ground) {
    assert_eq!(ground.trace(), ["Test/two@web1", "Test/here@"]);
    assert_eq!(status(ground, "test/one@web2"), "UNKNOWN");
    assert_eq!(status(ground, "test/two@web2"), "skip");
    assert_eq!(status(ground, "test/two@web1"), "ok");
    let left = records(ground, "task_interrupted");
    assert_eq!(left.len(), 1);
    assert!(text(&left[0]["why"]).contains("left behind"), "{left:?}");
    let released = records(ground, "lock_released").pop().unwrap();
    assert!(released["left"]["web2"].is_string(), "{released}");
    assert!(released["left"]["web1"].is_null(), "{released}");
}

const WITHOUT: [&str; 4] = ["--leave-out", "web2", "--reason", "its disk died"];

fn without<'a>(run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["resume", run], &WITHOUT[..], more].concat()
}

#[test]
fn a_run_is_gone_on_with_without_a_host_that_does_not_answer() {
    let (ground, run) = failed();
    let before = journal(&ground);
    ground.ends(5, &["resume", &run]).says(&[
        "refused",
        &format!("golive resume {run} --leave-out web2 --reason TEXT goes on without it"),
    ]);
    assert_eq!(journal(&ground), before, "nothing was changed");
    let ended = ground.ends(0, &without(&run, &["--retry", "test/one@web1"]));
    ended.prints(&[
        "leave out",
        "its disk died",
        "DONE",
        "web2 was left out",
        "could not be told and may still show it",
    ]);
    assert_eq!(ground.trace(), ["Test/one@web1", "Test/two@web1"]);
    assert_eq!(status(&ground, "test/one@web2"), "skip");
    ground.leaves_no_connection();
}

#[test]
fn a_host_whose_name_leads_nowhere_is_left_out_as_well() {
    let (ground, run) = failed();
    let config = fs::read_to_string(ground.fleet.config()).unwrap();
    let at = config.find("Host web2").unwrap();
    let (head, tail) = config.split_at(at);
    let tail = tail.replacen("127.0.0.1", "web2..invalid", 1);
    fs::write(ground.fleet.config(), format!("{head}{tail}")).unwrap();
    ground.ends(0, &without(&run, &["--retry", "test/one@web1"]));
    assert_eq!(ground.trace(), ["Test/one@web1", "Test/two@web1"]);
}

#[test]
fn the_last_host_cannot_be_left_out_and_the_reason_is_told() {
    let (mut ground, run) = failed();
    ground.fleet.die(0);
    let before = journal(&ground);
    let ended = ground.ends(5, &["resume", &run]);
    ended.says(&["2 hosts cannot be used", "last host of test"]);
    assert!(!ended.err.contains("--leave-out"), "{ended}");
    let ended = ground.ends(5, &without(&run, &[]));
    ended.says(&["1 host cannot be used", "last host of test"]);
    assert_eq!(journal(&ground), before, "nothing was changed");
}

#[test]
fn what_ran_on_a_host_that_died_is_left_behind_as_unknown() {
    let (mut ground, run) = abandoned();
    ground
        .ends(5, &["resume", &run])
        .says(&["--leave-out web2"]);
    let ended = ground.ends(0, &without(&run, &[]));
    ended.prints(&[
        "UNKNOWN: task 2 of 5, test/one@web2",
        "locks: test released, but web2 could not be told and may still show it: golive lock test --release",
    ]);
    went_on_without_web2(&ground);
    // Back again it still shows the lock, and the command that was named gives it back.
    ground.fleet.start(1);
    let shown = ground.golive(&["lock", "test"]);
    assert!(shown.out.contains("web2"), "{shown}");
    ground.ends(0, &["lock", "test", "--release"]);
    ground.ends(0, &["lock", "test"]).prints(&["free"]);
}

#[test]
fn a_host_that_dies_in_the_middle_is_asked_for_until_the_third_ctrl_c() {
    let mut ground = ground(STEPS);
    let running = ground.start(&["deploy"]);
    both_run(&ground);
    ground.fleet.die(1);
    running.has_printed("LOST: web2");
    running.signal(Signal::INT);
    running.has_said("stopping when what runs has ended");
    running.signal(Signal::INT);
    running.has_said("ending what runs");
    running.signal(Signal::INT);
    let ended: Ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended}");
    ended.says(&["what runs on its hosts goes on there", "locks: test kept"]);
    let run = ground.newest_run();
    ground.forget();
    ground.ends(0, &without(&run, &[]));
    went_on_without_web2(&ground);
}

#[test]
fn the_console_opens_a_run_with_a_dead_host_and_goes_on_without_it() {
    let (ground, run) = abandoned();
    let mut terminal = ground.in_terminal(&["resume", &run], (120, 36));
    terminal.shows("LOST web2");
    terminal.at("leave web2 out", "O");
    terminal.at("Leave web2 out", "its disk died");
    terminal.shows("its disk died");
    terminal.keys("\r");
    terminal.shows("DONE");
    terminal.keys("q");
    terminal.at("q quit", "q");
    assert_eq!(terminal.ended(), 0);
    went_on_without_web2(&ground);
}

#[test]
fn a_host_that_dies_on_screen_can_be_left_out_while_its_step_runs() {
    let mut ground = ground(STEPS);
    let mut terminal = ground.in_terminal(&["deploy"], (120, 36));
    terminal.at("nothing has started yet", "D");
    both_run(&ground);
    // A host that answers stays.
    terminal.keys("O");
    terminal.shows("every host of the marked step answers");
    ground.forget();
    ground.fleet.die(1);
    terminal.shows("LOST web2");
    terminal.keys("4");
    terminal.shows("hosts reached");
    terminal.keys("j");
    terminal.at("leave web2 out of the run", "O");
    terminal.at("Leave web2 out", "its disk died");
    terminal.keys("\r");
    terminal.keys("1");
    terminal.shows("DONE");
    went_on_without_web2(&ground);
}

#[test]
fn a_person_is_asked_what_becomes_of_a_host_that_does_not_answer() {
    let (mut ground, run) = failed();
    let line = ["resume", run.as_str(), "--plain"];
    let mut terminal = ground.in_terminal(&line, (120, 50));
    terminal.shows("1 try again");
    terminal.shows("2 leave web2 of test out");
    terminal.at("3 give up", "3\r");
    assert_eq!(terminal.ended(), 5);
    let mut terminal = ground.in_terminal(&line, (120, 50));
    terminal.at("3 give up", "2\r");
    terminal.at("why (kept with the run", "its disk died\r");
    terminal.shows("DONE");
    assert_eq!(terminal.ended(), 0);
    assert_eq!(ground.trace(), ["Test/one@web1", "Test/two@web1"]);
    ground.fleet.start(1);
}
