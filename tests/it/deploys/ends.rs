//! Ends before the end: Ctrl-C, a console that is killed, connections and servers that go away, two consoles.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use super::ground::{Ground, NOTE, PAIR, Running, is_alive, text, wait_until};
use crate::support::fleet::signal;

/// Counts until it is let go (at least to 30), then a second step.
fn counting() -> String {
    format!(
        r#"{PAIR}
[step.count]
run = '''
{NOTE}; echo $$ >>"$TRACE.processes"
i=0; until [ -e ~/go ] && [ $i -ge 30 ]; do i=$((i+1)); echo "line $i"; sleep 0.02; done; echo over
'''
on = "all"
[step.last]
run = '{NOTE}'
on = "all"
[[stage]]
name = "Test"
env = "test"
steps = ["count", "last"]
"#
    )
}

fn begun(ground: &Ground, arguments: &[&str]) -> Running {
    let running = ground.start(arguments);
    for host in ["web1", "web2"] {
        running.has_printed(&format!("{host} count | line 5\n"));
    }
    running
}

fn let_go(ground: &Ground) {
    for number in [1, 2] {
        fs::write(ground.home(number).join("go"), "").unwrap();
    }
}

/// Both logs of the counting step are complete and exact: `line 1` … `over`, each once.
#[track_caller]
fn counted(ground: &Ground, run: &str) {
    for host in ["web1", "web2"] {
        let log = ground.ends(0, &["runs", "logs", run, "count", host]).out;
        let last = log.lines().count() - 1;
        let lines = (1..=last).fold(String::new(), |all, line| format!("{all}line {line}\n"));
        assert!(last >= 30, "{log}");
        assert_eq!(log, lines + "over\n");
    }
}

#[track_caller]
fn done_once(ground: &Ground) {
    let mut trace = ground.trace();
    trace.sort();
    let tasks = ["count@web1", "count@web2", "last@web1", "last@web2"];
    assert_eq!(trace, tasks.map(|task| format!("Test/{task}")));
}

#[test]
fn interrupted_once_it_lets_end_what_runs_and_starts_nothing_more() {
    let ground = Ground::new(2, &counting());
    let running = begun(&ground, &["deploy"]);
    running.signal(Signal::INT);
    running.has_said("stopping when what runs has ended");
    let_go(&ground);
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended}");
    let run = ground.newest_run();
    ended
        .says(&[&format!("golive resume {run}")])
        .prints(&["web2 count | over", "STOPPED"]);
    assert_eq!(ground.trace().len(), 2);
    assert_eq!(text(&ground.runs()[0]["outcome"]), "stopped");
    ground.leaves_no_connection();
    ground.ends(0, &["resume", &run]);
    done_once(&ground);
    counted(&ground, &run);
}

#[test]
fn interrupted_twice_it_ends_what_runs_where_it_runs() {
    let ground = Ground::new(2, &counting());
    let running = begun(&ground, &["deploy"]);
    running.signal(Signal::INT);
    running.has_said("stopping when what runs has ended");
    running.signal(Signal::INT);
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended}");
    ended.prints(&["cancelled", "STOPPED"]);
    let processes = fs::read_to_string(ground.path("trace.processes")).unwrap();
    assert_eq!(processes.lines().count(), 2);
    assert!(
        !processes.lines().any(is_alive),
        "a step that was ended runs"
    );
    assert_eq!(text(&ground.runs()[0]["outcome"]), "stopped");
    // What was ended is run again, by a new attempt.
    let_go(&ground);
    ground.forget();
    ground.ends(0, &["resume", &ground.newest_run()]);
    done_once(&ground);
}

#[test]
fn interrupted_three_times_it_leaves_what_it_cannot_end() {
    let ground = Ground::new(2, &counting());
    let running = begun(&ground, &["deploy"]);
    ground.fleet.freeze(0);
    running.signal(Signal::INT);
    running.has_said("stopping when what runs has ended");
    running.signal(Signal::INT);
    running.has_said("ending what runs");
    running.signal(Signal::INT);
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended}");
    ended.says(&["goes on there"]);
    assert!(ground.runs()[0]["outcome"].is_null());
    ground.fleet.thaw(0);
}

#[test]
fn interrupted_while_it_connects_it_leaves_nothing_behind() {
    let ground = Ground::new(2, &counting());
    ground.fleet.freeze(0);
    let running = ground.start(&["deploy"]);
    wait_until("it connects to both", || ground.masters().len() == 2);
    running.signal(Signal::INT);
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended}");
    ended.says(&["nothing was started"]);
    ground.leaves_no_connection();
    ground.fleet.thaw(0);
    assert_eq!(ground.run_folders(), Vec::<&Path>::new());
    assert_eq!(ground.trace(), Vec::<String>::new());
}

#[test]
fn a_killed_console_is_followed_by_the_next_one() {
    let ground = Ground::new(2, &counting());
    let running = begun(&ground, &["deploy"]);
    running.signal(Signal::KILL);
    assert_eq!(running.end().code, None);
    let run = ground.newest_run();
    assert!(ground.runs()[0]["outcome"].is_null());
    // Killed again while it follows.
    let running = ground.start(&["resume"]);
    running.has_printed("web2 count | line");
    running.signal(Signal::KILL);
    running.end();
    let_go(&ground);
    let ended = ground.ends(0, &["resume", "--json"]);
    assert_eq!(ended.events_of("task_started", "test/count@web1").len(), 0);
    let finished = ended.events_of("task_finished", "test/count@web1");
    assert_eq!(finished[0]["attempt"], 1);
    done_once(&ground);
    counted(&ground, &run);
    // The connections of those that were killed are ended too.
    ground.leaves_no_connection();
}

#[test]
fn a_run_outlives_its_connections_and_the_servers() {
    let mut ground = Ground::new(2, &counting());
    let running = begun(&ground, &["deploy"]);
    for master in ground.masters() {
        signal(master, Signal::KILL);
    }
    ground.fleet.stop(1);
    running.has_printed("LOST: web2");
    ground.fleet.start(1);
    running.has_printed("BACK: web2");
    let_go(&ground);
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended}");
    done_once(&ground);
    counted(&ground, &ground.newest_run());
    ground.leaves_no_connection();
}

#[test]
fn one_run_has_one_console_and_two_projects_do_not_meet() {
    let ground = Ground::new(2, &counting());
    let other = ground.beside(&counting());
    let file = other.project().join("releases.toml");
    let renamed = fs::read_to_string(&file)
        .unwrap()
        .replace("\"shop\"", "\"cellar\"");
    fs::write(&file, renamed).unwrap();
    let running = begun(&ground, &["deploy"]);
    let beside = begun(&other, &["deploy"]);
    // A second console is told who drives the run, watches it, and changes nothing.
    let run = ground.newest_run();
    let refused = ground.ends(1, &["resume", &run, "--detach"]);
    refused.says(&[&format!("pid {}", running.id()), "nothing was changed"]);
    assert_eq!(ground.runs()[0]["owned"], true);
    let watching = ground.start(&["resume", &run]);
    watching.has_printed(&format!(
        "watching run {run}, driven by pid {}",
        running.id()
    ));
    let_go(&ground);
    let watched = watching.end();
    assert_eq!(watched.code, Some(0), "{watched}");
    for (running, ground) in [(running, &ground), (beside, &other)] {
        let ended = running.end();
        assert_eq!(ended.code, Some(0), "{ended}");
        done_once(ground);
        counted(ground, &ground.newest_run());
        assert_eq!(ground.runs().len(), 1);
        ground.leaves_no_connection();
    }
}

#[test]
fn told_to_end_or_without_a_terminal_it_leaves_the_run_to_the_next_one() {
    let ground = Ground::new(2, &counting());
    for (arguments, what) in [(&["deploy"][..], Signal::TERM), (&["resume"], Signal::HUP)] {
        let running = ground.start(arguments);
        running.has_printed("web2 count | line");
        running.signal(what);
        let ended = running.end();
        if what == Signal::TERM {
            assert_eq!(ended.code, Some(130), "{ended}");
            ended.says(&["what runs on its hosts goes on there", "golive resume"]);
            ground.leaves_no_connection();
        } else {
            // Nobody ended it: it does not need the terminal.
            assert_eq!(ended.code, Some(6), "{ended}");
            ended.says(&["goes on by itself", "golive resume"]);
        }
    }
    let running = ground.start(&["resume"]);
    running.has_printed("goes on");
    let_go(&ground);
    assert_eq!(running.end().code, Some(0));
    ground.leaves_no_connection();
    done_once(&ground);
    counted(&ground, &ground.newest_run());
}

#[test]
fn neither_a_reader_that_goes_away_nor_a_full_disk_below_it_stops_the_run() {
    let ground = Ground::new(2, &counting());
    let_go(&ground);
    let mut child = ground.piped(&["deploy", "--json"]);
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    done_once(&ground);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut child = ground.told(&["deploy"], full.into());
    assert!(child.wait().unwrap().success());
    assert_eq!(ground.trace().len(), 8);
}

const LATER: &str = r#"
[step.flaky]
run = 'NOTE; [ -e "$TRACE.mended" ]'
on = "web1"
retry = 1
retry_delay = "1h"
[[stage]]
name = "Test"
env = "test"
steps = ["flaky"]
"#;

#[test]
fn interrupted_before_a_retry_it_ends_and_goes_on_with_the_retry() {
    let ground = Ground::new(2, &format!("{PAIR}{}", LATER.replace("NOTE", NOTE)));
    let running = ground.start(&["deploy", "--reason", "\u{1b}[2Jhurry"]);
    running.has_printed("tried again at");
    running.signal(Signal::INT);
    let ended = running.end();
    assert_eq!(ended.code, Some(1), "{ended}");
    fs::write(ground.path("trace.mended"), "").unwrap();
    ground.ends(0, &["resume", &ground.newest_run()]);
    assert_eq!(ground.trace().len(), 2);
}
