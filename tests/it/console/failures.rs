//! Steps that fail, ends that nobody knows, and checklists with mistakes: what the console shows and offers.

use rustix::process::Signal;

use crate::support::workshop::{GATED, Workshop};

/// Two steps beside each other: one fails until a file is there, the other notes each time it ran.
const FAILING: &str = r#"
[step.fine]
run = "echo fine >> @MARKS@/ran"
[step.shaky]
run = "echo shaky >> @MARKS@/ran; echo 'the disk of tide is full'; test -e @MARKS@/repaired"
needs = []
[step.last]
run = "echo last >> @MARKS@/ran"
needs = ["fine", "shaky"]
[[stage]]
name = "Here"
steps = ["fine", "shaky", "last"]
"#;

#[test]
fn a_failed_step_is_told_with_its_last_lines_and_retried_alone() {
    let workshop = Workshop::with(FAILING);
    let mut terminal = workshop.open("deploy");
    terminal.at("nothing has started yet", "D");
    terminal.shows("A step failed");
    terminal.shows("the disk of tide is full");
    terminal.shows("exit 1");
    // Again without a repair: the same dialog, the next attempt.
    terminal.at("retry", "R");
    terminal.until("the failure of the second attempt", |seen| {
        seen.shows("A step failed")
            && seen.shows("exit 1")
            && seen.shows("attempt 2")
            && workshop.ran("shaky") == 2
    });
    workshop.write("marks/repaired", "");
    terminal.at("A step failed", "R");
    terminal.shows("is released");
    assert_eq!(
        (
            workshop.ran("fine"),
            workshop.ran("shaky"),
            workshop.ran("last")
        ),
        (1, 3, 1)
    );
    assert_eq!(workshop.outcome().as_deref(), Some("succeeded"));
}

#[test]
fn a_run_ended_after_a_failure_goes_on_from_the_home_screen() {
    let workshop = Workshop::with(FAILING);
    let mut terminal = workshop.open("deploy");
    terminal.at("nothing has started yet", "D");
    terminal.at("A step failed", "A");
    terminal.at("End the run?", "W");
    terminal.shows("a step failed, and the run ended");
    assert_eq!(workshop.ran("last"), 0);
    terminal.keys("q");
    terminal.shows("q quit");
    terminal.keys("q");
    let code = terminal.ended();
    assert!(code == 1 || code == 130, "{code}");
    let run = workshop.run();
    assert!(terminal.text().contains(&format!("golive resume {run}")));
    // Another day: open it among the recent ones, and go on.
    workshop.write("marks/repaired", "");
    let mut terminal = workshop.open("");
    terminal.shows("failed: here/shaky");
    terminal.focus("Recent");
    terminal.keys("\r");
    terminal.at("a step failed, and the run ended", "R");
    terminal.shows("is released");
    assert_eq!(
        (
            workshop.ran("fine"),
            workshop.ran("shaky"),
            workshop.ran("last")
        ),
        (1, 2, 1)
    );
}

#[test]
fn a_run_that_failed_here_goes_on_at_once() {
    let workshop = Workshop::with(FAILING);
    let mut terminal = workshop.open("deploy");
    terminal.at("nothing has started yet", "D");
    terminal.at("A step failed", "A");
    terminal.at("End the run?", "W");
    workshop.write("marks/repaired", "");
    terminal.at("a step failed, and the run ended", "R");
    terminal.shows("is released");
    assert_eq!(
        (
            workshop.ran("fine"),
            workshop.ran("shaky"),
            workshop.ran("last")
        ),
        (1, 2, 1)
    );
    assert_eq!(workshop.events("run_started").len(), 1);
}

#[test]
fn a_step_of_unknown_end_is_asked_about_and_never_started_again_by_itself() {
    let workshop = Workshop::with(
        r#"
[step.prepare]
run = "echo $$ > @MARKS@/pid; exec sh @MARKS@/step.sh prepare"
[[stage]]
name = "Here"
steps = ["prepare"]
"#,
    );
    let mut terminal = workshop.started("deploy");
    terminal.signal(Signal::KILL);
    terminal.ended();
    // What runs on this machine is forgotten as by a crash: the launcher's notes are gone.
    let pid = std::fs::read_to_string(workshop.path("marks/pid")).unwrap();
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    for folder in folders_named(&workshop.path("home"), "launcher") {
        std::fs::remove_dir_all(folder).unwrap();
    }
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    let mut terminal = workshop.open("resume");
    terminal.shows("Nobody knows how it ended");
    terminal.at("count as done", "C");
    terminal.at("Count as done", "looked at it myself");
    terminal.shows("looked at it myself");
    terminal.keys("\r");
    terminal.shows("is released");
    assert_eq!(workshop.ran("prepare"), 1);
    assert!(
        workshop
            .journal()
            .iter()
            .any(|line| line.to_string().contains("looked at it myself"))
    );
}

fn folders_named(below: &std::path::Path, name: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut next = vec![below.to_owned()];
    while let Some(folder) = next.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                if path.file_name().is_some_and(|found| found == name) {
                    found.push(path);
                } else {
                    next.push(path);
                }
            }
        }
    }
    found
}

#[test]
fn a_checklist_that_was_broken_meanwhile_is_told_exactly_and_the_console_stays() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.open("");
    terminal.shows("D deploy");
    workshop.write_checklist(&GATED.replace("on = \"all\"", "onn = \"all\""));
    terminal.at("D deploy", "D");
    terminal.shows("1 mistake in");
    terminal.shows("onn = \"all\"");
    terminal.shows("releases.toml:");
    terminal.at("1 mistake in", "\x1b");
    terminal.hides("1 mistake in");
    // Repaired, it counts at once.
    workshop.write_checklist(GATED);
    terminal.at("D deploy", "D");
    terminal.shows("nothing has started yet");
    assert!(workshop.journal().is_empty());
}

#[test]
fn a_wide_broken_checklist_opens_no_console_at_all() {
    let workshop = Workshop::with(GATED);
    workshop.write_checklist("[step.x]\nrun = 1\n");
    let mut terminal = workshop.open("");
    assert_eq!(terminal.ended(), 2);
    terminal.is_restored();
    assert!(terminal.text().contains("releases.toml:"));
}
