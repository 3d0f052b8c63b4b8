//! Steps that fail: what still runs, what does not start, what a later process tries again.

use std::fs;

use super::ground::{Ground, NOTE, PAIR, is_alive, text, wait_until};
use crate::support::{far_limit, is_reached};

/// `web1` fails while `web2` still runs, unless it was mended.
const FAILING: &str = r#"
[step.migrate]
run = '''
NOTE
if [ $GOLIVE_HOST = web1 ]; then [ -e ~/mended ] || { echo broken; touch "$TRACE.failed"; exit 7; }
else until [ -e "$TRACE.failed" ]; do sleep 0.02; done; sleep 0.1; echo ended elsewhere; fi
'''
on = "all"
[step.reload]
run = 'NOTE'
on = "all"
[[stage]]
name = "Test"
env = "test"
steps = ["migrate", "reload"]
"#;

#[test]
fn a_failing_step_stops_what_needs_it_and_only_it_is_tried_again() {
    let ground = Ground::new(2, &format!("{PAIR}{}", FAILING.replace("NOTE", NOTE)));
    let failed = ground.ends(1, &["deploy"]);
    let run = ground.newest_run();
    failed.prints(&[
        "web1 migrate | broken",
        "web2 migrate | ended elsewhere",
        "exit 7",
    ]);
    failed.says(&[
        "test/migrate@web1",
        &format!("golive resume {run}"),
        &format!("golive runs logs {run}"),
    ]);
    let mut trace = ground.trace();
    trace.sort();
    assert_eq!(trace, ["Test/migrate@web1", "Test/migrate@web2"]);
    let expected = [
        ("test/migrate@web1", "FAIL"),
        ("test/migrate@web2", "ok"),
        ("test/reload@web1", "wait"),
        ("test/reload@web2", "wait"),
    ];
    let expected = expected.map(|(task, status)| (task.to_owned(), status.to_owned()));
    assert_eq!(ground.statuses(), expected);
    assert_eq!(text(&ground.runs()[0]["outcome"]), "failed");
    // Failing again is the same again; mended it goes on.
    ground.ends(1, &["resume", &run]);
    fs::write(ground.home(1).join("mended"), "").unwrap();
    ground.forget();
    ground.ends(0, &["resume", &run]);
    let mut trace = ground.trace();
    trace[1..].sort();
    assert_eq!(
        trace,
        ["Test/migrate@web1", "Test/reload@web1", "Test/reload@web2"]
    );
    let logs = ground.ends(0, &["runs", "logs", &run, "migrate", "web1"]);
    let attempts = [1, 2, 3].map(|number| format!("== test/migrate@web1 attempt {number}\n"));
    assert_eq!(
        logs.out,
        format!(
            "{}broken\n{}broken\n{}",
            attempts[0], attempts[1], attempts[2]
        )
    );
}

const FLAKY: &str = r#"
[step.flaky]
run = 'NOTE; echo try $GOLIVE_ATTEMPT; [ $GOLIVE_HOST != web1 ] || [ $GOLIVE_ATTEMPT -ge 3 ]'
on = "all"
retry = 2
retry_delay = "200ms"
[step.hopeless]
run = 'NOTE; false'
retry = 1
retry_delay = "100ms"
[[stage]]
name = "Test"
env = "test"
steps = ["flaky", "hopeless"]
"#;

fn moment(text: &serde_json::Value) -> chrono::DateTime<chrono::FixedOffset> {
    chrono::DateTime::parse_from_rfc3339(text.as_str().unwrap()).unwrap()
}

#[test]
fn a_step_is_tried_again_as_often_and_as_late_as_it_says() {
    let ground = Ground::new(2, &format!("{PAIR}{}", FLAKY.replace("NOTE", NOTE)));
    let ended = ground.ends(1, &["deploy", "--json"]);
    let failures = ended.events_of("task_failed", "test/flaky@web1");
    assert_eq!(failures.len(), 2);
    let starts = ended.events_of("task_started", "test/flaky@web1");
    for (failure, next) in failures.iter().zip(&starts[1..]) {
        let [failed, due] = [&failure["at"], &failure["retry_at"]].map(moment);
        assert!((due - failed).num_milliseconds() <= 200, "{failure}");
        assert!(moment(&next["at"]) >= due, "{failure}\n{next}");
    }
    assert_eq!(ended.events_of("task_failed", "test/flaky@web2").len(), 0);
    let tries = ended.events_of("task_output", "test/flaky@web1");
    let tries: Vec<String> = tries.iter().map(|line| text(&line["text"])).collect();
    assert_eq!(tries, ["try 1", "try 2", "try 3"]);
    let hopeless = ended.events_of("task_failed", "test/hopeless@local");
    assert_eq!(hopeless.len(), 2);
    assert!(hopeless[1]["retry_at"].is_null());
    assert_eq!(ground.trace().len(), 6);
}

const ENDLESS: &str = r#"
[step.hang]
run = 'sleep 600 & echo $! >"$TRACE"; sh -c "echo \$\$ >>\"$TRACE\"; while :; do sleep 600; done"'
on = "web1"
timeout = "LIMITs"
[[stage]]
name = "Test"
env = "test"
steps = ["hang"]
"#;

#[tokio::test]
async fn a_time_limit_ends_everything_the_step_has_started() {
    let limit = far_limit();
    let endless = ENDLESS.replace("LIMIT", &limit.to_string());
    let ground = Ground::new(2, &format!("{PAIR}{endless}"));
    let deploy = ground.start(&["deploy"]);
    // Both lines are whole: each is written at once.
    wait_until("the step has started all", || ground.trace().len() == 2);
    is_reached(limit).await;
    let ended = deploy.end();
    assert_eq!(ended.code, Some(1), "{ended}");
    ended.prints(&["timed out"]);
    let processes = ground.trace();
    wait_until("what the step has started has ended", || {
        processes.iter().all(|process| !is_alive(process))
    });
}

const CONSEQUENCES: &str = r#"
[step.minor]
run = 'NOTE; false'
on = "web1"
on_failure = "continue"
[step.fatal]
run = 'NOTE; [ -e "$TRACE.mended" ]'
on = "web2"
on_failure = "stop"
[step.last]
run = 'NOTE'
on = "all"
[[stage]]
name = "Test"
env = "test"
steps = ["minor", "fatal", "last"]
"#;

#[test]
fn a_failure_is_passed_over_or_ends_the_run_as_the_step_says() {
    let ground = Ground::new(2, &format!("{PAIR}{}", CONSEQUENCES.replace("NOTE", NOTE)));
    let ended = ground.ends(1, &["deploy"]);
    ended.says(&["test/fatal@web2"]);
    assert_eq!(ground.trace(), ["Test/minor@web1", "Test/fatal@web2"]);
    fs::write(ground.path("trace.mended"), "").unwrap();
    ground.ends(0, &["resume", &ground.newest_run()]);
    // What was passed over is not tried again.
    assert_eq!(ground.trace().len(), 5);
}

/// Left at the moment of the failure: nobody has decided about it yet.
#[test]
fn a_run_left_at_a_failure_goes_on_by_trying_it_again() {
    let checklist = "[step.fragile]\nrun = '[ -e \"$TRACE.mended\" ]'\n\
                     [[stage]]\nname = \"Here\"\nsteps = [\"fragile\"]\n";
    let ground = Ground::new(0, checklist);
    ground.ends(1, &["deploy"]);
    let run = ground.newest_run();
    let journal = ground.run_folders().pop().unwrap().join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let failed = text.find("task_failed").unwrap();
    let end = failed + text[failed..].find('\n').unwrap() + 1;
    fs::write(&journal, &text[..end]).unwrap();
    fs::write(ground.path("trace.mended"), "").unwrap();
    ground.ends(0, &["resume", &run]);
}

/// Steps whose supervisor is lost; the second one may be run again.
const LOST: &str = r#"
[step.once]
run = 'NOTE; if [ $GOLIVE_HOST = web1 ]; then kill -9 $PPID; kill -9 $$; fi; echo done'
on = "all"
[step.last]
run = 'NOTE'
on = "all"
[step.again]
run = 'NOTE; if [ $GOLIVE_ATTEMPT = 1 ]; then kill -9 $PPID; kill -9 $$; fi'
on = "web2"
idempotent = true
[[stage]]
name = "First"
env = "test"
steps = ["again"]
[[stage]]
name = "Second"
env = "test"
steps = ["once", "last"]
"#;

#[test]
fn what_nobody_knows_is_neither_ok_nor_failed_and_runs_again_only_when_it_may() {
    let ground = Ground::new(2, &format!("{PAIR}{}", LOST.replace("NOTE", NOTE)));
    let unknown = ground.ends(6, &["deploy"]);
    unknown.prints(&["UNKNOWN: task 2 of 5, second/once@web1", "ok: task 3 of 5"]);
    unknown.says(&[
        "nobody can tell how second/once@web1 ended",
        "golive resume",
    ]);
    let expected = [
        ("first/again@web2", "ok"),
        ("second/once@web1", "UNKNOWN"),
        ("second/once@web2", "ok"),
        ("second/last@web1", "wait"),
        ("second/last@web2", "wait"),
    ];
    let expected = expected.map(|(task, status)| (task.to_owned(), status.to_owned()));
    assert_eq!(ground.statuses(), expected);
    let mut trace = ground.trace();
    trace.sort();
    let done = [
        "First/again@web2",
        "First/again@web2",
        "Second/once@web1",
        "Second/once@web2",
    ];
    assert_eq!(trace, done);
    // Asking again changes nothing: it still has to be decided.
    ground.ends(6, &["resume"]);
    assert_eq!(ground.trace().len(), 4);
    assert!(ground.runs()[0]["outcome"].is_null());
}

const ALONE: &str = r#"
[step.one]
run = 'NOTE; [ $GOLIVE_HOST = web2 ]'
on = "all"
[step.two]
run = 'NOTE'
on = "all"
[step.three]
run = 'NOTE'
on = "all"
[step.beside]
run = 'NOTE'
needs = []
[step.behind]
run = 'NOTE'
needs = ["beside"]
[[stage]]
name = "Test"
env = "test"
order = "free"
steps = ["one", "two", "three", "beside", "behind"]
"#;

#[test]
fn what_does_not_need_the_failed_step_is_done_before_the_run_ends() {
    let ground = Ground::new(2, &format!("{PAIR}{}", ALONE.replace("NOTE", NOTE)));
    ground.ends(1, &["deploy"]);
    let mut trace = ground.trace();
    trace.sort();
    let done = [
        "behind@",
        "beside@",
        "one@web1",
        "one@web2",
        "three@web2",
        "two@web2",
    ];
    assert_eq!(trace, done.map(|task| format!("Test/{task}")));
}
