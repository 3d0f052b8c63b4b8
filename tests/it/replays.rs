//! What somebody sees who comes back to a run without a screen: everything that happened, once, then how it goes on.
//!
//! The real program on hosts that are folders. A step prints numbered lines and waits for the test in the middle of one,
//! so that every line of it can be counted over the whole output of whoever comes.

use std::fs;

use rustix::process::Signal;

use crate::support::plain::Plain;
use crate::support::wait_for;
use crate::support::workshop::Workshop;

/// A step that ends, then one that waits for the test after 40 lines and a half.
const COUNTING: &str = r#"
[step.ready]
run = "echo made ready"
[step.count]
on = "all"
run = """
i=1
while [ $i -le 40 ]; do echo "line $i of many"; i=$((i+1)); done
printf 'half a '
echo count >> @MARKS@/ran
while [ ! -e @MARKS@/count.go ]; do sleep 0.05; done
echo line
while [ $i -le 60 ]; do echo "line $i of many"; i=$((i+1)); done
exit $(cat @MARKS@/count.go)
"""
[[stage]]
name = "Here"
steps = ["ready"]
[[stage]]
name = "Live"
env = "test"
steps = ["count"]
[env.test]
via = "local"
hosts = { one = { dir = "@ROOT@/host" } }
"#;

/// A run whose step `count` waits in the middle of a line, 40 of which its console has.
fn waiting(workshop: &Workshop, line: &str) -> Plain {
    let deploy = Plain::start(workshop, "first", line);
    wait_for("count waits", || workshop.ran("count") == 1);
    wait_for("its output has arrived", || {
        let log = log_of(workshop, "count");
        log.is_some_and(|log| log.ends_with("half a "))
    });
    deploy
}

/// What is kept here of the output of a step.
fn log_of(workshop: &Workshop, step: &str) -> Option<String> {
    let mut folders = vec![workshop.path("home/.local/state/golive")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if name.contains(step) && name.contains(".log") {
                return fs::read_to_string(entry.path()).ok();
            }
        }
    }
    None
}

/// The texts of the lines of the step `count`, in order.
fn counted(out: &str) -> Vec<&str> {
    let texts = out.lines().filter_map(|line| {
        let (head, text) = line.split_once(" one count | ")?;
        // The usual head: a time of day.
        assert_eq!(head.len(), 8, "{line}");
        Some(text)
    });
    texts.collect()
}

/// What the step prints in all.
fn whole() -> Vec<String> {
    let line = |number: u32| format!("line {number} of many");
    let half = std::iter::once("half a line".to_owned());
    (1..=40)
        .map(line)
        .chain(half)
        .chain((41..=60).map(line))
        .collect()
}

fn place(out: &str, text: &str) -> usize {
    let found: Vec<_> = out.match_indices(text).collect();
    assert_eq!(found.len(), 1, "`{text}` once in:\n{out}");
    found[0].0
}

#[test]
fn after_kill_9_in_mid_step_a_plain_resume_shows_every_line_once() {
    let workshop = Workshop::with(COUNTING);
    let deploy = waiting(&workshop, "deploy --plain");
    deploy.has_printed("line 40 of many");
    deploy.signal(Signal::KILL);
    deploy.end();
    let run = workshop.run();
    let resume = Plain::start(&workshop, "second", "resume --plain");
    resume.has_printed(&format!("run {run} goes on\n"));
    workshop.write("marks/count.go", "0");
    let (code, out, err) = resume.end();
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(counted(&out), whole());
    // What was done is one line, what was printed by it is not shown again.
    let so_far = place(&out, &format!("run {run} so far, since "));
    let ready = place(&out, "ok: task 1 of 2, here/ready@local in ");
    let lock = place(&out, "lock: test taken");
    let start = place(&out, "start: task 2 of 2, live/count@one");
    let goes_on = place(&out, &format!("run {run} goes on\n"));
    let more = place(&out, "line 41 of many");
    let ok = place(&out, "ok: task 2 of 2, live/count@one in ");
    assert!(so_far < ready && ready < lock && lock < start, "{out}");
    assert!(start < goes_on && goes_on < more && more < ok, "{out}");
    assert!(!out.contains("made ready"), "{out}");
    assert!(!out.contains("start: task 1"), "{out}");
    assert_eq!(workshop.ran("count"), 1);
}

#[test]
fn a_run_taken_back_from_the_background_shows_every_line_once() {
    let workshop = Workshop::with(COUNTING);
    let (code, out, err) = Plain::start(&workshop, "first", "deploy --detach").end();
    assert_eq!(code, Some(0), "{out}{err}");
    wait_for("count waits", || workshop.ran("count") == 1);
    let resume = Plain::start(&workshop, "second", "resume --plain");
    resume.has_printed("goes on\n");
    workshop.write("marks/count.go", "0");
    let (code, out, err) = resume.end();
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(counted(&out), whole());
}

#[test]
fn whoever_watches_sees_every_line_once() {
    let workshop = Workshop::with(COUNTING);
    let deploy = waiting(&workshop, "deploy --plain");
    let run = workshop.run();
    let watching = Plain::start(&workshop, "second", "resume --plain");
    watching.has_printed(&format!("watching run {run}, driven by pid "));
    workshop.write("marks/count.go", "0");
    for (who, golive) in [("the driver", deploy), ("who watches", watching)] {
        let (code, out, err) = golive.end();
        assert_eq!(code, Some(0), "{who}: {out}{err}");
        assert_eq!(counted(&out), whole(), "{who}");
    }
}

#[test]
fn readers_of_events_hear_what_is_new_and_no_half_lines() {
    let workshop = Workshop::with(COUNTING);
    let first = waiting(&workshop, "deploy --json");
    first.has_printed("line 40 of many");
    first.signal(Signal::TERM);
    let (code, first, err) = first.end();
    assert_eq!(code, Some(130), "{first}{err}");
    workshop.write("marks/count.go", "0");
    let (code, second, err) = Plain::start(&workshop, "second", "resume --json").end();
    assert_eq!(code, Some(0), "{second}{err}");
    let texts = |out: &str| -> Vec<String> {
        let events = out.lines().map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            event
        });
        events
            .filter(|event| event["task"] == "live/count@one" && event["event"] == "task_output")
            .map(|event| event["text"].as_str().unwrap().to_owned())
            .collect()
    };
    let both: Vec<String> = [texts(&first), texts(&second)].concat();
    assert_eq!(both, whole());
    assert!(!second.contains("run_started"), "{second}");
}

#[test]
fn what_failed_is_shown_with_its_output_and_the_decision_about_it() {
    let workshop = Workshop::with(COUNTING);
    workshop.write("marks/count.go", "7");
    let (code, out, err) = Plain::start(&workshop, "first", "deploy --plain").end();
    assert_eq!(code, Some(1), "{out}{err}");
    // Failing again: the next one sees both attempts, each whole and before its end.
    let again = format!("resume --plain {}", workshop.run());
    let (code, out, err) = Plain::start(&workshop, "second", &again).end();
    assert_eq!(code, Some(1), "{out}{err}");
    assert_eq!(counted(&out), [whole(), whole()].concat());
    workshop.write("marks/count.go", "0");
    let (code, out, err) = Plain::start(&workshop, "third", &again).end();
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(counted(&out), [whole(), whole(), whole()].concat());
    let decision = out.find("decision: retry live/count@one, by ada@").unwrap();
    let first = out.find("FAILED: task 2 of 2").unwrap();
    let second = place(&out, "start: task 2 of 2, live/count@one, attempt 2");
    assert!(first < decision && decision < second, "{out}");
    let (code, out, _) = Plain::start(&workshop, "fourth", &again).end();
    assert_eq!(code, Some(0), "{out}");
    assert!(
        out.ends_with("has succeeded already: nothing is left to do\n"),
        "{out}"
    );
}

#[test]
fn of_very_long_output_the_end_is_shown_and_what_is_left_out_is_counted() {
    let workshop = Workshop::with(
        &COUNTING
            .replace("-le 40 ]", "-le 40000 ]")
            .replace("of many", "of very very very many"),
    );
    let deploy = waiting(&workshop, "deploy --plain");
    deploy.signal(Signal::KILL);
    deploy.end();
    let run = workshop.run();
    let resume = Plain::start(&workshop, "second", "resume --plain");
    resume.has_printed("goes on\n");
    workshop.write("marks/count.go", "0");
    let (code, out, err) = resume.end();
    assert_eq!(code, Some(0), "{out}{err}");
    let left_out = out
        .lines()
        .find(|line| line.contains("left out here"))
        .unwrap();
    let head = "live/count@one attempt 1: ";
    let count = left_out
        .strip_prefix(head)
        .and_then(|rest| rest.split(' ').next());
    let count: usize = count.unwrap().parse().unwrap();
    assert!(
        left_out.ends_with(&format!("golive runs logs {run} live/count@one shows all")),
        "{left_out}"
    );
    let shown = counted(&out);
    assert_eq!(shown.len() + count, 40_001);
    assert_eq!(
        shown[0],
        format!("line {} of very very very many", count + 1)
    );
    let logs = workshop.golive(&format!("runs logs {run} live/count@one"));
    let text = String::from_utf8(logs.stdout).unwrap();
    assert_eq!(text.lines().count(), 40_001);
}
