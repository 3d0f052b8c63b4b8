//! Decisions about what failed or is unknown, without a screen: each means what it says, and is a fact with who and why.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use super::ground::{Ended, Ground, MENDED, NOTE, PAIR, is_alive, on_both, text, wait_until};

fn noted(steps: &str) -> String {
    format!("{PAIR}{}", steps.replace("NOTE", NOTE))
}

/// A run in which `one` has failed on both hosts.
fn failed() -> (Ground, String) {
    let ground = Ground::new(2, &on_both(MENDED));
    ground.ends(1, &["deploy"]);
    let run = ground.newest_run();
    ground.forget();
    (ground, run)
}

fn journal(ground: &Ground) -> String {
    let folder = ground.run_folders().pop().unwrap();
    fs::read_to_string(folder.join("journal.jsonl")).unwrap()
}

/// The decisions in the journal: which, why.
fn decisions(ground: &Ground) -> Vec<(String, String)> {
    let journal = journal(ground);
    let records = journal.lines().map(serde_json::from_str::<Value>);
    let taken = records
        .map(Result::unwrap)
        .filter(|record| record["event"] == "decision_taken");
    taken
        .map(|record| (text(&record["decision"]), text(&record["reason"])))
        .collect()
}

fn sorted(ground: &Ground) -> Vec<String> {
    let mut trace = ground.trace();
    trace.sort();
    trace
}

#[test]
fn a_retry_runs_the_named_task_again_and_nothing_else() {
    let (ground, run) = failed();
    for number in [1, 2] {
        fs::write(ground.home(number).join("mended"), "").unwrap();
    }
    let ended = ground.ends(1, &["resume", &run, "--retry", "test/one@web1"]);
    assert_eq!(ground.trace(), ["Test/one@web1"]);
    ended.says(&[
        "failed: test/one@web2",
        &format!("golive resume {run} --retry test/one@web2"),
        "locks: test released",
    ]);
    assert!(!ended.err.contains("--retry test/one@web1"), "{ended}");
    // A step's name means all its hosts where it is open.
    ground.forget();
    ground.ends(0, &["resume", &run, "--retry", "test/one"]);
    let done = ["Test/one@web2", "Test/two@web1", "Test/two@web2"];
    assert_eq!(sorted(&ground), done);
}

#[test]
fn what_is_skipped_does_not_run_and_what_waits_for_it_does() {
    let (ground, run) = failed();
    let skip = [
        "resume",
        &run,
        "--skip",
        "test/one",
        "--reason",
        "not needed",
    ];
    ground.ends(0, &skip).prints(&[
        "decision: skip test/one@web1, test/one@web2",
        "(not needed)",
    ]);
    assert_eq!(sorted(&ground), ["Test/two@web1", "Test/two@web2"]);
    let taken = decisions(&ground).pop().unwrap();
    assert_eq!(taken, ("skip".to_owned(), "not needed".to_owned()));
    let statuses = ground.statuses();
    assert_eq!(statuses[0], ("test/one@web1".to_owned(), "skip".to_owned()));
    assert_eq!(statuses[2], ("test/two@web1".to_owned(), "ok".to_owned()));
}

#[test]
fn several_decisions_are_one_and_each_is_kept_with_its_reason() {
    let (ground, run) = failed();
    fs::write(ground.home(1).join("mended"), "").unwrap();
    let both = [
        "resume",
        &run,
        "--retry",
        "test/one@web1",
        "--done",
        "TEST/one@web2",
        "--reason",
        "by hand",
    ];
    ground.ends(0, &both);
    let done = ["Test/one@web1", "Test/two@web1", "Test/two@web2"];
    assert_eq!(sorted(&ground), done);
    let taken = decisions(&ground);
    let last: Vec<&str> = taken
        .iter()
        .rev()
        .take(2)
        .map(|(what, _)| what.as_str())
        .collect();
    assert_eq!(last, ["count_as_done", "retry"]);
}

#[test]
fn a_host_that_is_left_out_runs_nothing_more_and_the_last_one_cannot_be() {
    let (ground, run) = failed();
    fs::write(ground.home(1).join("mended"), "").unwrap();
    let leave = |host: &'static str| {
        [
            "resume",
            run.as_str(),
            "--leave-out",
            host,
            "--reason",
            "disk",
            "--retry",
            "test/one@web1",
        ]
        .map(str::to_owned)
    };
    let leave_out = |host| {
        let words = leave(host);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        ground.golive(&words)
    };
    let before = journal(&ground);
    // Both at once would leave nobody.
    let words = [
        "resume",
        &run,
        "--leave-out",
        "web1",
        "test/web2",
        "--reason",
        "x",
    ];
    let refused = ground.ends(2, &words);
    refused.says(&[
        "cannot be left out: it is the last host of test",
        "nothing was changed",
    ]);
    assert_eq!(journal(&ground), before);
    let ended = leave_out("web2");
    assert_eq!(ended.code, Some(0), "{ended}");
    ended.prints(&[
        "leave out web2 of test, and with it test/one@web2, test/two@web2",
        "on test web2 was left out: disk",
    ]);
    assert_eq!(ground.trace(), ["Test/one@web1", "Test/two@web1"]);
}

#[test]
fn a_name_that_means_nothing_changes_nothing() {
    let (ground, run) = failed();
    let before = journal(&ground);
    let refused = |flags: &[&str], says: &[&str]| {
        let words = [&["resume", run.as_str()][..], flags].concat();
        ground.ends(2, &words).says(says);
        assert_eq!(journal(&ground), before);
    };
    refused(
        &["--retry", "test/one@web3"],
        &[
            "--retry names `test/one@web3`",
            "did you mean `test/one@web",
        ],
    );
    refused(
        &["--skip", "test/two@web1", "--reason", "x"],
        &[
            "--skip names test/two@web1, which has not been started",
            "a decision is needed about test/one@web1, test/one@web2",
        ],
    );
    refused(&["--done", "test/one"], &["--reason"]);
    refused(
        &["--done", "test/one", "--reason", " "],
        &["needs a reason"],
    );
    refused(
        &[
            "--done",
            "test/one",
            "--reason",
            "x",
            "--retry",
            "test/one@web2",
        ],
        &["test/one@web2 is named by --retry and by --done"],
    );
    refused(
        &["--leave-out", "wep1", "--reason", "x"],
        &["--leave-out names `wep1`", "did you mean `web1`?"],
    );
    assert_eq!(ground.trace(), Vec::<String>::new());
}

/// On `web1` the supervisor of the step is lost.
const LOST: &[(&str, &str)] = &[
    (
        "once",
        "NOTE; echo halfway; if [ $GOLIVE_HOST = web1 ] && [ $GOLIVE_ATTEMPT = 1 ]; then kill -9 $PPID; kill -9 $$; fi",
    ),
    ("last", "NOTE"),
];

fn lost() -> (Ground, String, Ended) {
    let ground = Ground::new(2, &on_both(LOST));
    let ended = ground.ends(6, &["deploy"]);
    let run = ground.newest_run();
    ground.forget();
    (ground, run, ended)
}

#[test]
fn an_unknown_end_is_told_with_the_commands_that_decide_about_it() {
    let (ground, run, ended) = lost();
    ended.says(&[
        "nobody can tell how test/once@web1 ended",
        &format!("golive resume {run} --retry test/once@web1"),
        &format!("golive resume {run} --done test/once@web1 --reason TEXT"),
        "locks: test kept for this run, golive lock test --release gives it back",
    ]);
    let done = [
        "resume",
        &run,
        "--done",
        "test/once@web1",
        "--reason",
        "seen there",
    ];
    ground.ends(0, &done);
    assert_eq!(sorted(&ground), ["Test/last@web1", "Test/last@web2"]);
}

#[test]
fn an_unknown_end_runs_again_when_that_was_decided() {
    let (ground, run, _) = lost();
    ground.ends(0, &["resume", &run, "--retry", "test/once@web1"]);
    let done = ["Test/last@web1", "Test/last@web2", "Test/once@web1"];
    assert_eq!(sorted(&ground), done);
}

#[test]
fn locks_are_kept_at_a_failure_when_that_was_decided_and_released_by_hand() {
    let ground = Ground::new(2, &on_both(MENDED));
    let ended = ground.ends(1, &["deploy", "--keep-lock"]);
    ended.says(&["locks: test kept, golive lock test --release gives it back"]);
    let held = ended.err.trim_end().lines().last().unwrap();
    assert!(held.starts_with("locks: "), "{ended}");
}

/// A step that does not end when it is asked to.
const STUBBORN: &str = r#"
[step.stubborn]
run = '''
trap "" TERM
echo $$ >"$TRACE.process"; echo begun
while :; do sleep 0.1; done
'''
on = "web1"
[[stage]]
name = "Test"
env = "test"
steps = ["stubborn"]
"#;

#[test]
fn a_step_that_will_not_end_is_reported_when_it_is_gone() {
    let ground = Ground::new(2, &noted(STUBBORN));
    let running = ground.start(&["deploy"]);
    running.has_printed("stubborn | begun");
    running.signal(Signal::INT);
    running.has_said("stopping when what runs has ended");
    running.signal(Signal::INT);
    running.has_said("ending what runs");
    let process = fs::read_to_string(ground.path("trace.process")).unwrap();
    let process = process.trim().to_owned();
    // As long as it lives nothing is said of its end.
    let journal = || {
        let folder = ground.run_folders().pop().unwrap();
        fs::read_to_string(folder.join("journal.jsonl")).unwrap()
    };
    wait_until("the step is gone or its end is told", || {
        let told = journal().contains("task_failed");
        let lives = is_alive(&process);
        assert!(!(told && lives), "its end is told while it runs");
        told
    });
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended}");
    ended.prints(&["cancelled", "STOPPED"]);
    ended.says(&["locks: test released"]);
}

/// Waits in a first environment until it is let go, then goes to a second one.
const ENVIRONMENTS: &str = r#"
[env.first]
hosts = { web1 = "web1" }
vars = { TRACE = "TRACE_FILE" }
[env.second]
hosts = { web1 = "web2" }
vars = { TRACE = "TRACE_FILE" }
GATE
[step.wait]
run = 'NOTE; until [ -e ~/go ]; do sleep 0.02; done'
on = "all"
[step.last]
run = 'NOTE'
on = "all"
[[stage]]
name = "First"
env = "first"
steps = ["wait"]
[[stage]]
name = "Second"
env = "second"
steps = ["last"]
"#;

fn in_two(gate: &str) -> String {
    ENVIRONMENTS.replace("GATE", gate).replace("NOTE", NOTE)
}

/// Somebody else who works on the same project: the same hosts and the same remote, another machine.
fn colleague(ground: &Ground, checklist: &str) -> Ground {
    let other = ground.beside(checklist);
    // The same project: one of its name, which another one beside it does not have.
    other.write(checklist);
    let origin = ground.path("origin.git");
    other.git(&["remote", "set-url", "origin", origin.to_str().unwrap()]);
    other
}

fn lock_of(ground: &Ground, env: &str) -> Value {
    let looked = ground.ends(0, &["lock", env, "--json"]);
    serde_json::from_str(&looked.out).unwrap()
}

#[test]
fn an_environment_somebody_deploys_to_is_told_with_all_that_is_known_and_leaves_no_run_behind() {
    let checklist = in_two("");
    let ground = Ground::new(2, &checklist);
    let other = colleague(&ground, &checklist);
    let running = ground.start(&["deploy", "--reason", "hot\u{1b}[2Jfix"]);
    running.has_printed("start: task 1 of 2");
    let run = ground.newest_run();
    let lock = lock_of(&other, "first");
    assert_eq!(lock["held"], true, "{lock}");
    assert_eq!(text(&lock["run"]), run);
    assert_eq!(text(&lock["reason"]), "hot\u{1b}[2Jfix");
    let id = text(&lock["id"]);
    let places = lock["places"].as_array().unwrap();
    let on_host = places
        .iter()
        .find(|place| place["place"] == "web1")
        .unwrap();
    assert_eq!(
        (&on_host["state"], &on_host["run"]),
        (&"held".into(), &lock["run"])
    );
    let busy = other.ends(4, &["deploy"]);
    busy.says(&[
        "first is locked by ",
        "nothing was started",
        &format!("for run {run}, since "),
        "reason: hot␛[2Jfix",
        "last heard of",
        "golive lock first shows where it is held",
        &format!("golive lock first --steal {id}"),
    ]);
    assert!(other.run_folders().is_empty());
    assert_eq!(lock_of(&other, "second")["held"], false);
    fs::write(ground.home(1).join("go"), "").unwrap();
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended}");
    ended.prints(&["lock: first taken, kept at ", "lock: first released"]);
    let last = ended.out.trim_end().lines().last().unwrap();
    assert_eq!(last, "locks: first released; second released");
    other.ends(0, &["deploy"]);
}

#[test]
fn a_lock_taken_by_hand_keeps_deploys_out_until_its_holder_releases_it() {
    let checklist = in_two("");
    let ground = Ground::new(2, &checklist);
    let other = colleague(&ground, &checklist);
    let near = ground.ends(2, &["lock", "frist"]);
    near.says(&["there is no environment `frist`", "did you mean `first`?"]);
    ground
        .ends(0, &["lock", "first"])
        .prints(&["first is not locked", "web1", "free"]);
    let taken = ground.ends(
        0,
        &["lock", "first", "--take", "--reason", "disk is replaced"],
    );
    taken.prints(&[
        "first is locked by ",
        "by hand from here",
        "taken by hand",
        "reason: disk is replaced",
        "held",
    ]);
    // Twice is once.
    ground.ends(0, &["lock", "first", "--take"]);
    let own = ground.ends(4, &["deploy"]);
    own.says(&["golive lock first --release gives it back: it was taken by hand here"]);
    other
        .ends(4, &["lock", "first", "--take"])
        .says(&["disk is replaced"]);
    other
        .ends(4, &["lock", "first", "--release"])
        .says(&["only they release it", "--steal "]);
    assert_eq!(lock_of(&ground, "first")["held"], true);
    ground
        .ends(0, &["lock", "first", "--release"])
        .says(&["first is released"]);
    ground
        .ends(0, &["lock", "first", "--release"])
        .says(&["locked by nobody"]);
    assert_eq!(lock_of(&other, "first")["held"], false);
}

#[test]
fn a_lock_is_taken_over_only_from_the_holder_that_is_named() {
    let checklist = in_two("");
    let ground = Ground::new(2, &checklist);
    let other = colleague(&ground, &checklist);
    ground.ends(0, &["lock", "first", "--take"]);
    let id = text(&lock_of(&other, "first")["id"]);
    other.ends(4, &["lock", "first", "--steal", "0123456789abcdef"]);
    assert_eq!(text(&lock_of(&other, "first")["id"]), id);
    other.ends(
        0,
        &["lock", "first", "--steal", &id, "--reason", "they are away"],
    );
    let now = lock_of(&ground, "first");
    assert_ne!(text(&now["id"]), id);
    assert_eq!(text(&now["reason"]), "they are away");
    // It is not theirs any more, and named again it means nobody.
    ground.ends(4, &["lock", "first", "--release"]);
    ground.ends(4, &["lock", "first", "--steal", &id]);
    other.ends(0, &["lock", "first", "--release"]);
    assert_eq!(lock_of(&ground, "first")["held"], false);
}

#[test]
fn a_run_that_meets_a_lock_on_its_way_is_left_there_and_goes_on_when_it_is_free() {
    let checklist = in_two("");
    let ground = Ground::new(2, &checklist);
    let other = colleague(&ground, &checklist);
    let running = ground.start(&["deploy"]);
    running.has_printed("start: task 1 of 2");
    other.ends(0, &["lock", "second", "--take", "--reason", "moving"]);
    fs::write(ground.home(1).join("go"), "").unwrap();
    let ended = running.end();
    assert_eq!(ended.code, Some(4), "{ended}");
    let run = ground.newest_run();
    ended.prints(&["LOCKED: second by "]).says(&[
        "second is locked by ",
        "reason: moving",
        &format!("golive resume {run} goes on when it is free"),
        "locks: first kept for this run",
    ]);
    assert!(ground.runs()[0]["outcome"].is_null());
    other.ends(0, &["lock", "second", "--release"]);
    ground.ends(0, &["resume", &run]);
    assert_eq!(ground.trace(), ["First/wait@web1", "Second/last@web1"]);
    assert_eq!(lock_of(&other, "first")["held"], false);
}

#[test]
fn a_lock_lost_in_a_race_before_anything_was_started_ends_the_run() {
    let checklist = in_two("gate = \"type\"");
    let ground = Ground::new(2, &checklist);
    let other = colleague(&ground, &checklist);
    ground
        .ends(3, &["deploy", "--stage", "Second"])
        .says(&["locks: none is held"]);
    other.ends(0, &["lock", "second", "--take"]);
    let commit = ground.git(&["rev-parse", "HEAD"]);
    let ended = ground.ends(4, &["resume", "--approve", &format!("second={commit}")]);
    ended.says(&["second is locked by ", "locks: none is held"]);
    assert_eq!(text(&ground.runs()[0]["outcome"]), "stopped");
    assert_eq!(ground.trace(), Vec::<String>::new());
}

#[test]
fn a_kept_lock_is_released_by_hand_and_the_run_takes_it_again() {
    let ground = Ground::new(2, &on_both(MENDED));
    let other = colleague(&ground, &on_both(MENDED));
    ground.ends(1, &["deploy", "--keep-lock"]);
    let run = ground.newest_run();
    other
        .ends(4, &["deploy"])
        .says(&[&format!("for run {run}")]);
    ground
        .ends(4, &["deploy"])
        .says(&[&format!("golive resume {run} goes on with that run")]);
    ground
        .ends(0, &["lock", "test", "--release"])
        .says(&["test is released"]);
    assert!(journal(&ground).contains("lock_released"));
    assert_eq!(lock_of(&other, "test")["held"], false);
    for number in [1, 2] {
        fs::write(ground.home(number).join("mended"), "").unwrap();
    }
    ground
        .ends(0, &["resume", &run])
        .says(&[])
        .prints(&["lock: test taken"]);
}
