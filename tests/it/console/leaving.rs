//! Leaving the screen while a run is not over, and going on with it later.

use rustix::process::Signal;

use crate::support::workshop::{GATED, Workshop};

#[test]
fn leaving_asks_first_keeps_the_step_going_and_a_later_process_goes_on() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.started("deploy");
    terminal.keys("q");
    terminal.at("Leave while the run is not over?", "\x1b");
    terminal.hides("Leave while");
    terminal.keys("q");
    terminal.at("Leave while the run is not over?", "L");
    assert_eq!(terminal.ended(), 6);
    terminal.is_restored();
    let run = workshop.run();
    let said = terminal.text();
    assert!(
        said.contains(&format!("golive resume {run} comes back to it")),
        "{said}"
    );
    assert!(said.contains("goes on by itself"), "{said}");
    // The step was not stopped: it ends when it is let go, with nobody watching.
    workshop.let_go("prepare");
    workshop.let_go("switch");
    let commit = &workshop.commit()[..12];
    let stopped = workshop.golive(&format!("resume {run} --plain"));
    assert_eq!(stopped.status.code(), Some(3), "{stopped:?}");
    let wrong = workshop.golive(&format!("resume {run} --plain --approve live=0123456789ab"));
    assert_eq!(wrong.status.code(), Some(3), "{wrong:?}");
    assert_eq!(workshop.ran("switch"), 0);
    let done = workshop.golive(&format!("resume {run} --plain --approve live={commit}"));
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert_eq!((workshop.ran("prepare"), workshop.ran("switch")), (1, 1));
    assert_eq!(workshop.outcome().as_deref(), Some("succeeded"));
}

#[test]
fn a_run_left_at_its_gate_comes_back_to_the_gate() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.started("deploy");
    workshop.let_go("prepare");
    terminal.at("Type live to release there", "q");
    terminal.shows("waits at the gate");
    terminal.keys("q");
    terminal.at("Leave while the run is not over?", "L");
    assert_eq!(terminal.ended(), 3);
    terminal.is_restored();
    assert_eq!(workshop.outcome(), None);
    let run = workshop.run();
    let mut terminal = workshop.open(&format!("resume {run}"));
    terminal.at("Type live to release there", "\t");
    terminal.keys("live");
    terminal.shows("Enter: live");
    terminal.keys("\r");
    terminal.until("switch runs", |_| workshop.ran("switch") == 1);
    workshop.let_go("switch");
    terminal.shows("is released");
    terminal.keys("q");
    terminal.shows("q quit");
    terminal.keys("q");
    assert_eq!(terminal.ended(), 0);
    assert_eq!((workshop.ran("prepare"), workshop.ran("switch")), (1, 1));
}

#[test]
fn a_run_left_during_a_step_is_followed_again_on_screen_without_starting_it_twice() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.started("deploy");
    terminal.keys("q");
    terminal.at("Leave while the run is not over?", "L");
    assert_eq!(terminal.ended(), 6);
    // Opened to look at it first; it goes on in the background.
    let mut terminal = workshop.open("");
    terminal.shows("─ Unfinished");
    terminal.focus("Unfinished");
    terminal.keys("\r");
    terminal.at("take it back here", "q");
    terminal.hides("take it back here");
    terminal.focus("Unfinished");
    terminal.keys("\r");
    terminal.at("take it back here", "R");
    terminal.shows("LIVE");
    workshop.let_go("prepare");
    terminal.at("Type live to release there", "\t");
    terminal.keys("live");
    terminal.shows("Enter: live");
    terminal.keys("\r");
    terminal.until("switch runs", |_| workshop.ran("switch") == 1);
    workshop.let_go("switch");
    terminal.shows("is released");
    assert_eq!((workshop.ran("prepare"), workshop.ran("switch")), (1, 1));
}

#[test]
fn an_approval_on_the_command_line_counts_on_screen_too_and_for_its_commit_only() {
    let workshop = Workshop::with(GATED);
    workshop.let_go("prepare");
    let stopped = workshop.golive("deploy --plain");
    assert_eq!(stopped.status.code(), Some(3), "{stopped:?}");
    let run = workshop.run();
    let mut terminal = workshop.open(&format!("resume {run} --approve live=0123456789ab"));
    terminal.shows("was approved for 0123456789ab");
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.ended(), 3);
    assert_eq!(workshop.ran("switch"), 0);
    workshop.let_go("switch");
    let approved = format!("resume {run} --approve live={}", workshop.commit());
    let mut terminal = workshop.open(&approved);
    terminal.shows("is released");
    terminal.keys("q");
    terminal.at("q quit", "q");
    assert_eq!(terminal.ended(), 0);
    assert_eq!((workshop.ran("prepare"), workshop.ran("switch")), (1, 1));
    assert_eq!(workshop.outcome().as_deref(), Some("succeeded"));
}

#[test]
fn a_plan_that_was_not_started_leaves_no_run() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.open("deploy");
    terminal.at("nothing has started yet", "q");
    terminal.shows("D deploy");
    terminal.keys("q");
    assert_eq!(terminal.ended(), 0);
    terminal.is_restored();
    assert!(workshop.journal().is_empty());
    assert_eq!(workshop.ran("prepare"), 0);
}
