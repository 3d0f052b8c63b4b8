//! Runs that go on without an operator, and come back: background runners, handing over, watching.
//!
//! The real program, real processes, no sleeping: what must happen is waited for in the journal, in `golive runs` and
//! among the processes. Every step notes that it ran, so that none can run twice unseen.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::plain::Plain;
use crate::support::wait_for;
use crate::support::workshop::{GATED, USUAL, Workshop};

/// What `golive runs --json` says of the newest run.
fn listed(workshop: &Workshop) -> serde_json::Value {
    let output = workshop.golive("runs --json");
    let runs: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    runs[0].clone()
}

/// Who drives the newest run.
fn driver(workshop: &Workshop) -> Option<String> {
    listed(workshop)["driver"].as_str().map(str::to_owned)
}

/// The process of the background runner that drives the newest run.
#[track_caller]
fn runner(workshop: &Workshop) -> i32 {
    let driver = driver(workshop).expect("somebody drives it");
    let (what, rest) = driver.split_once(", pid ").expect("a process");
    assert_eq!(what, "background runner");
    rest.split(',').next().unwrap().parse().unwrap()
}

fn signal(process: i32, what: Signal) {
    kill_process(Pid::from_raw(process).unwrap(), what).unwrap();
}

fn is_alive(process: i32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| {
        let rest = stat.rsplit(") ").next().unwrap_or("Z");
        !rest.starts_with('Z')
    })
}

/// Seconds of processor time a process has used.
fn used(process: i32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let rest = stat.rsplit(") ").next().unwrap().to_owned();
    let ticks = rest.split(' ').skip(11).take(2);
    ticks
        .map(|ticks| ticks.parse::<f64>().unwrap())
        .sum::<f64>()
        / 100.0
}

/// A run that a background runner drives; `prepare` waits to be let go.
fn in_the_background(workshop: &Workshop) -> i32 {
    let (code, out, err) = Plain::start(workshop, "detached", "deploy --detach").end();
    assert_eq!(code, Some(0), "{out}{err}");
    let run = workshop.run();
    assert!(out.contains("background runner, pid "), "{out}");
    assert!(
        out.contains(&format!("golive resume {run} comes back to it")),
        "{out}"
    );
    wait_for("prepare runs", || workshop.ran("prepare") == 1);
    runner(workshop)
}

/// Goes on to the end; every step has run once.
#[track_caller]
fn ends_well(workshop: &Workshop) {
    workshop.let_go("prepare");
    workshop.let_go("switch");
    let line = format!("resume --plain --approve live={}", workshop.commit());
    let (code, out, err) = Plain::start(workshop, "last", &line).end();
    assert_eq!(code, Some(0), "{out}{err}");
    ran_once(workshop);
}

#[track_caller]
fn ran_once(workshop: &Workshop) {
    assert_eq!((workshop.ran("prepare"), workshop.ran("switch")), (1, 1));
    assert_eq!(workshop.outcome().as_deref(), Some("succeeded"));
    assert_eq!(driver(workshop), None);
}

#[test]
fn a_run_left_on_screen_goes_on_without_anybody_until_its_gate() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.started("deploy");
    terminal.keys("q");
    terminal.at("Leave while the run is not over?", "L");
    assert_eq!(terminal.ended(), 6);
    terminal.is_restored();
    let run = workshop.run();
    let said = terminal.text();
    assert!(said.contains("goes on by itself"), "{said}");
    assert!(
        said.contains(&format!("golive resume {run} comes back to it")),
        "{said}"
    );
    let process = runner(&workshop);
    let table = workshop.golive("runs");
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(
        table.contains(&format!("driven by background runner, pid {process}, ada@")),
        "{table}"
    );
    workshop.let_go("prepare");
    wait_for("the gate is reached", || {
        workshop.events("gate_reached").len() == 1
    });
    wait_for("the runner is gone", || !is_alive(process));
    assert_eq!(driver(&workshop), None);
    let said = fs::read_to_string(workshop.run_folder().join("runner.log")).unwrap();
    assert!(said.contains("waits for a decision: left"), "{said}");
    // All that was printed while nobody looked is there.
    let mut terminal = workshop.open(&format!("resume {run}"));
    terminal.at("Type live to release there", "q");
    terminal.shows("prepare was let go");
    terminal.keys("q");
    terminal.at("Leave while the run is not over?", "L");
    assert_eq!(terminal.ended(), 3);
    ends_well(&workshop);
}

#[test]
fn coming_back_takes_the_run_from_its_runner_with_all_output() {
    let workshop = Workshop::with(GATED);
    let process = in_the_background(&workshop);
    let run = workshop.run();
    let mut terminal = workshop.open(&format!("resume {run}"));
    wait_for("the runner is gone", || !is_alive(process));
    let console = terminal.pid().as_raw_nonzero().get();
    wait_for("the console drives it", || {
        driver(&workshop).is_some_and(|who| who.starts_with(&format!("pid {console}, ")))
    });
    wait_for("the wish is taken back", || {
        !workshop.run_folder().join("wanted").exists()
    });
    workshop.let_go("prepare");
    terminal.at("Type live to release there", "\t");
    terminal.keys("live");
    terminal.shows("Enter: live");
    terminal.keys("\r");
    workshop.let_go("switch");
    terminal.shows("is released");
    terminal.keys("q");
    terminal.at("q quit", "q");
    assert_eq!(terminal.ended(), 0);
    ran_once(&workshop);
}

#[test]
fn a_run_in_the_background_is_looked_at_and_taken_back_on_screen() {
    let workshop = Workshop::with(GATED);
    let process = in_the_background(&workshop);
    let mut terminal = workshop.open("");
    terminal.shows("─ Unfinished");
    terminal.focus("Unfinished");
    terminal.keys("\r");
    terminal.shows("in the background");
    // Live, although nobody here drives it.
    fs::write(workshop.path("marks/prepare.go"), "").unwrap();
    terminal.shows("prepare was let go");
    wait_for("the runner is gone", || !is_alive(process));
    terminal.at("go on with this run", "R");
    terminal.at("Type live to release there", "\t");
    terminal.keys("live");
    terminal.shows("Enter: live");
    terminal.keys("\r");
    workshop.let_go("switch");
    terminal.shows("is released");
    ran_once(&workshop);
}

#[test]
fn a_closed_window_leaves_a_runner_that_uses_no_time_while_it_waits() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.started("deploy");
    let console = terminal.pid().as_raw_nonzero().get();
    terminal.close_window();
    terminal.ended();
    assert!(!is_alive(console));
    let process = runner(&workshop);
    let before = (used(process), Instant::now());
    wait_for("two seconds have passed", || {
        before.1.elapsed() > Duration::from_secs(2)
    });
    // Two seconds of spinning are hundreds of ticks of ten milliseconds.
    assert!(used(process) - before.0 < 0.3, "{}", used(process));
    ends_well(&workshop);
}

#[test]
fn a_fault_on_screen_gives_the_terminal_back_and_the_run_goes_on() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.open_with("deploy", USUAL, &[("GOLIVE_BREAK", "1")]);
    terminal.at("nothing has started yet", "D");
    wait_for("prepare runs", || workshop.ran("prepare") == 1);
    terminal.keys("\x1b[24~");
    assert_eq!(terminal.ended(), 1);
    terminal.is_restored();
    let said = terminal.text();
    assert!(
        said.contains("broke down over a fault of its own"),
        "{said}"
    );
    assert!(said.contains("goes on by itself"), "{said}");
    assert!(!said.contains("stack backtrace"), "{said}");
    let process = runner(&workshop);
    let files = fs::read_dir(workshop.run_folder().join("../..")).unwrap();
    let crash = files
        .flatten()
        .find(|file| file.file_name().to_string_lossy().starts_with("crash-"))
        .expect("a crash file");
    let text = fs::read_to_string(crash.path()).unwrap();
    assert!(text.contains("a fault that was asked for"), "{text}");
    assert!(is_alive(process));
    ends_well(&workshop);
}

#[test]
fn a_plain_deploy_whose_terminal_hangs_up_goes_on_in_the_background() {
    let workshop = Workshop::with(GATED);
    let deploy = Plain::start(&workshop, "deploy", "deploy --plain");
    wait_for("prepare runs", || workshop.ran("prepare") == 1);
    signal(deploy.child.id().cast_signed(), Signal::HUP);
    let (code, _, err) = deploy.end();
    assert_eq!(code, Some(6), "{err}");
    assert!(err.contains("goes on by itself"), "{err}");
    let process = runner(&workshop);
    workshop.let_go("prepare");
    wait_for("the runner is gone", || !is_alive(process));
    assert_eq!(workshop.events("gate_reached").len(), 1);
    ends_well(&workshop);
}

#[test]
fn decisions_given_in_advance_travel_with_the_run() {
    let workshop = Workshop::with(GATED);
    let line = format!(
        "deploy --detach --approve live={} --reason because",
        workshop.commit()
    );
    let (code, out, err) = Plain::start(&workshop, "detached", &line).end();
    assert_eq!(code, Some(0), "{out}{err}");
    workshop.let_go("prepare");
    workshop.let_go("switch");
    wait_for("the run has ended", || workshop.outcome().is_some());
    wait_for("nobody drives it", || driver(&workshop).is_none());
    ran_once(&workshop);
    let approved = workshop.events("gate_approved");
    assert_eq!(approved[0]["reason"], "because");
}

#[test]
fn a_run_that_waits_for_a_decision_gets_no_runner() {
    let workshop = Workshop::with(GATED);
    workshop.let_go("prepare");
    let (code, _, err) = Plain::start(&workshop, "deploy", "deploy --plain").end();
    assert_eq!(code, Some(3), "{err}");
    let (code, out, err) = Plain::start(&workshop, "detached", "resume --detach").end();
    assert_eq!(code, Some(3), "{out}{err}");
    assert!(err.contains("--approve live="), "{err}");
    assert!(!workshop.run_folder().join("runner.log").exists());
    assert_eq!(driver(&workshop), None);
    ends_well(&workshop);
}

#[test]
fn a_killed_runner_leaves_a_run_that_the_next_one_goes_on_with() {
    let workshop = Workshop::with(GATED);
    let process = in_the_background(&workshop);
    signal(process, Signal::KILL);
    wait_for("nobody drives it", || driver(&workshop).is_none());
    ends_well(&workshop);
}

#[test]
fn a_runner_whose_run_is_deleted_ends() {
    let workshop = Workshop::with(GATED);
    let process = in_the_background(&workshop);
    let refused = workshop.golive(&format!("runs remove {}", workshop.run()));
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    fs::remove_dir_all(workshop.run_folder()).unwrap();
    wait_for("the runner is gone", || !is_alive(process));
}

#[test]
fn a_second_console_shows_the_run_live_and_goes_on_when_the_first_is_killed() {
    let workshop = Workshop::with(GATED);
    let mut first = workshop.started("deploy");
    let console = first.pid().as_raw_nonzero().get();
    let run = workshop.run();
    let mut second = workshop.open(&format!("resume {run}"));
    second.shows("WATCHING");
    second.shows(&format!("pid {console}, ada@"));
    second.at("WATCHING", "A");
    second.shows("is driven by pid");
    workshop.let_go("prepare");
    second.shows("prepare was let go");
    first.shows("Type live to release there");
    wait_for("the gate is reached", || {
        workshop.events("gate_reached").len() == 1
    });
    assert_eq!(workshop.events("decision_taken").len(), 0);
    first.signal(Signal::KILL);
    first.ended();
    second.shows("nobody drives the run");
    second.read_first();
    second.keys("R");
    second.at("Type live to release there", "\t");
    second.keys("live");
    second.shows("Enter: live");
    second.keys("\r");
    workshop.let_go("switch");
    second.shows("is released");
    ran_once(&workshop);
}

#[test]
fn plain_and_json_watch_a_run_of_another_console_to_its_end() {
    let workshop = Workshop::with(GATED);
    let mut first = workshop.started("deploy");
    let run = workshop.run();
    let plain = Plain::start(&workshop, "plain", &format!("resume {run} --plain"));
    let json = Plain::start(&workshop, "json", &format!("resume {run} --json"));
    plain.has_printed(&format!("watching run {run}, driven by pid "));
    // Decisions are made where the run is driven.
    let line = format!("resume {run} --plain --approve live={}", workshop.commit());
    let (code, _, err) = Plain::start(&workshop, "wish", &line).end();
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("is driven by pid "), "{err}");
    workshop.let_go("prepare");
    first.at("Type live to release there", "\t");
    plain.has_printed("prepare was let go");
    json.has_printed("prepare was let go");
    first.keys("live");
    first.shows("Enter: live");
    first.keys("\r");
    workshop.let_go("switch");
    first.shows("is released");
    let (code, out, err) = plain.end();
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(out.matches("switch was let go").count(), 1, "{out}");
    let (code, out, err) = json.end();
    assert_eq!(code, Some(0), "{out}{err}");
    let events: Vec<serde_json::Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let numbers: Vec<u64> = events
        .iter()
        .filter_map(|line| line["seq"].as_u64())
        .collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "{numbers:?}"
    );
    assert_eq!(events.last().unwrap()["event"], "run_finished");
    first.keys("q");
    first.at("q quit", "q");
    assert_eq!(first.ended(), 0);
    ran_once(&workshop);
}

#[test]
fn of_several_that_come_back_at_once_one_drives_and_the_others_watch() {
    let workshop = Workshop::with(GATED);
    let process = in_the_background(&workshop);
    let run = workshop.run();
    let names = ["one", "two", "three"];
    let comers = names.map(|name| Plain::start(&workshop, name, &format!("resume {run} --plain")));
    wait_for("the runner is gone", || !is_alive(process));
    let watching = || {
        let said = comers.iter().map(|comer| comer.said().0);
        said.filter(|out| out.contains("watching run")).count()
    };
    wait_for("two watch", || watching() == 2);
    workshop.let_go("prepare");
    // All end at the gate: the one that drove it and, when nobody drives it any more, the others.
    for comer in comers {
        let (code, out, err) = comer.end();
        assert_eq!(code, Some(3), "{out}{err}");
        assert_eq!(out.matches("prepare was let go").count(), 1, "{out}");
    }
    ends_well(&workshop);
}

#[test]
fn a_runner_that_does_not_answer_is_named_with_what_can_be_done() {
    let workshop = Workshop::with(GATED);
    let process = in_the_background(&workshop);
    signal(process, Signal::STOP);
    let (code, _, err) = Plain::start(&workshop, "resume", "resume --plain").end();
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("does not give run"), "{err}");
    assert!(err.contains(&format!("kill {process} ends it")), "{err}");
    signal(process, Signal::CONT);
    ends_well(&workshop);
}

/// A step that counts until it is let go.
const COUNTING: &str = r#"
[step.count]
run = "echo count >> @MARKS@/ran; i=0; while [ ! -e @MARKS@/count.go ]; do i=$((i+1)); echo line $i; sleep 0.002; done"
[[stage]]
name = "Here"
steps = ["count"]
"#;

#[test]
fn a_run_that_changes_hands_often_loses_and_doubles_no_line() {
    let workshop = Workshop::with(COUNTING);
    let (code, out, err) = Plain::start(&workshop, "detached", "deploy --detach").end();
    assert_eq!(code, Some(0), "{out}{err}");
    wait_for("count runs", || workshop.ran("count") == 1);
    for round in 0..8 {
        // Two take it at once; the one that has it gives it to a runner again, or dies.
        let first = Plain::start(&workshop, &format!("first{round}"), "resume --detach");
        let mut second = Plain::start(&workshop, &format!("second{round}"), "resume --plain");
        let (code, out, err) = first.end();
        assert!(matches!(code, Some(0 | 1)), "{code:?} {out}{err}");
        second.has_printed("line ");
        let _ = second.child.kill();
        let _ = second.child.wait();
    }
    workshop.let_go("count");
    let (code, out, err) = Plain::start(&workshop, "last", "resume --plain").end();
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(workshop.ran("count"), 1);
    let log = workshop.golive(&format!("runs logs {} count", workshop.run()));
    let log = String::from_utf8(log.stdout).unwrap();
    let numbers: Vec<usize> = log
        .lines()
        .filter_map(|line| line.rsplit_once("line ")?.1.parse().ok())
        .collect();
    assert!(numbers.len() > 100, "{}", numbers.len());
    let expected: Vec<usize> = (1..=numbers.len()).collect();
    assert_eq!(numbers, expected);
    let seq = workshop.journal();
    let seq: Vec<u64> = seq
        .iter()
        .map(|line| line["seq"].as_u64().unwrap())
        .collect();
    assert!(seq.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{seq:?}");
}

#[test]
fn a_run_that_cannot_be_gone_on_with_here_goes_back_to_the_background() {
    let workshop = Workshop::with(GATED);
    let process = in_the_background(&workshop);
    // The host cannot be used: its folder is a file.
    fs::rename(workshop.path("host"), workshop.path("away")).unwrap();
    fs::write(workshop.path("host"), "").unwrap();
    let (code, out, err) = Plain::start(&workshop, "resume", "resume --plain").end();
    assert_eq!(code, Some(5), "{out}{err}");
    assert!(
        err.contains("goes on in the background, as before"),
        "{err}"
    );
    assert!(!is_alive(process));
    assert!(is_alive(runner(&workshop)));
    fs::remove_file(workshop.path("host")).unwrap();
    fs::rename(workshop.path("away"), workshop.path("host")).unwrap();
    ends_well(&workshop);
}
