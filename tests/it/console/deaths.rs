//! The ways a terminal or a console ends while a run is going on: the terminal is given back, the run is kept.

use std::ffi::OsString;
use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::terminal::Terminal;
use crate::support::workshop::{GATED, USUAL, Workshop};

/// The run goes on without the console; another process takes it back, and no step runs twice.
fn goes_on_and_can_be_resumed(workshop: &Workshop) {
    let listed = workshop.golive("runs");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(
        listed.contains("driven by background runner, pid "),
        "{listed}"
    );
    can_be_resumed(workshop);
}

/// Another process goes on with the run, and no step runs twice.
fn can_be_resumed(workshop: &Workshop) {
    assert_eq!(workshop.outcome(), None);
    workshop.let_go("prepare");
    workshop.let_go("switch");
    let done = workshop.golive(&format!(
        "resume {} --plain --approve live={}",
        workshop.run(),
        workshop.commit()
    ));
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert_eq!((workshop.ran("prepare"), workshop.ran("switch")), (1, 1));
    assert_eq!(workshop.outcome().as_deref(), Some("succeeded"));
}

#[test]
fn a_signal_ends_the_screen_gives_the_terminal_back_and_keeps_the_run() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let workshop = Workshop::with(GATED);
        let mut terminal = workshop.started("deploy");
        terminal.signal(signal);
        assert_eq!(terminal.ended(), 6, "{signal:?}");
        terminal.is_restored();
        let text = terminal.text();
        assert!(text.contains("comes back to it"), "{signal:?}: {text}");
        goes_on_and_can_be_resumed(&workshop);
    }
}

#[test]
fn a_signal_before_anything_was_started_leaves_nothing() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.open("");
    terminal.shows("D deploy");
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.ended(), 130);
    terminal.is_restored();
    assert!(workshop.journal().is_empty());
}

#[test]
fn a_closed_window_ends_the_screen_and_keeps_the_run() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.started("deploy");
    terminal.close_window();
    terminal.ended();
    goes_on_and_can_be_resumed(&workshop);
}

#[test]
fn a_killed_console_leaves_a_run_that_goes_on_elsewhere() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.started("deploy");
    terminal.signal(Signal::KILL);
    terminal.ended();
    can_be_resumed(&workshop);
}

#[test]
fn ctrl_c_asks_and_a_kill_needs_the_typed_name() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.started("deploy");
    terminal.keys("\x03");
    terminal.at("End the run?", "\x1b");
    terminal.hides("End the run?");
    terminal.keys("\x03");
    terminal.at("End the run?", "K");
    terminal.shows("Kill what runs now");
    terminal.read_first();
    // The name of the project, because the step runs here.
    terminal.keys("live\r");
    terminal.shows("nothing was done");
    assert!(workshop.events("decision_taken").is_empty());
    terminal.keys("\x15workshop\r");
    terminal.until("the run has ended", |_| workshop.outcome().is_some());
    // The operator ended it: no step failed by itself.
    assert_eq!(workshop.outcome().as_deref(), Some("stopped"));
    assert_eq!(workshop.ran("switch"), 0);
}

/// A console started from a shell with job control, as operators have; its run is going on. And its process.
fn in_a_shell(workshop: &Workshop) -> (Terminal, i32) {
    let words: Vec<OsString> = ["dash", "-i"].map(OsString::from).into();
    let mut environment = workshop.environment();
    environment.push(("PS1".to_owned(), "shell> ".into()));
    environment.push(("GOLIVE".to_owned(), env!("CARGO_BIN_EXE_golive").into()));
    let mut terminal = Terminal::run(&words, &workshop.path("project"), &environment, USUAL);
    terminal.shows("shell>");
    terminal.keys("\"$GOLIVE\" deploy\r");
    terminal.at("nothing has started yet", "D");
    terminal.until("prepare runs", |_| workshop.ran("prepare") == 1);
    let console = child_of(terminal.pid().as_raw_nonzero().get());
    (terminal, console)
}

#[test]
fn a_suspended_console_gives_the_terminal_back_and_goes_on_where_it_was() {
    let workshop = Workshop::with(GATED);
    let (mut terminal, console) = in_a_shell(&workshop);
    terminal.keys("\x1a");
    terminal.until("the shell has the terminal", |seen| {
        !seen.screen().alternate_screen()
            && !seen.screen().hide_cursor()
            && !seen.screen().bracketed_paste()
    });
    terminal.until("the console stands still", |_| state_of(console) == 'T');
    // The step does not stand still.
    workshop.let_go("prepare");
    terminal.keys("fg\r");
    terminal.until("the screen again", |seen| seen.screen().alternate_screen());
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
    terminal.shows("tasks done, succeeded");
    terminal.keys("exit\r");
    assert_eq!(terminal.ended(), 0);
    terminal.is_restored();
    assert_eq!(workshop.ran("prepare"), 1);
}

#[test]
fn a_console_stopped_from_outside_takes_the_terminal_anew_when_it_is_continued() {
    let workshop = Workshop::with(GATED);
    let (mut terminal, console) = in_a_shell(&workshop);
    kill_process(Pid::from_raw(console).unwrap(), Signal::STOP).unwrap();
    terminal.until("the shell says so", |seen| seen.raw.ends_with(b"shell> "));
    // Ctrl-J: the console has left the terminal in raw mode.
    terminal.keys("stty sane; echo said > \"$TMPDIR/said\"\n");
    terminal.until("the shell has set its modes", |_| {
        workshop.path("said").exists()
    });
    terminal.keys("fg\r");
    terminal.until("it goes on", |_| state_of(console) != 'T');
    workshop.let_go("prepare");
    terminal.at("Type live to release there", "q");
    terminal.shows("waits at the gate");
    terminal.keys("q");
    terminal.at("Leave while the run is not over?", "L");
    terminal.until("the shell again", |seen| {
        seen.raw.ends_with(b"shell> ") && !seen.screen().alternate_screen()
    });
    terminal.keys("exit\r");
    terminal.ended();
    terminal.is_restored();
}

/// The state letter of a process, as the kernel tells it; `?` when it is gone.
fn state_of(pid: i32) -> char {
    stat(pid).map_or('?', |(state, _)| state)
}

/// A process's state and parent.
fn stat(pid: i32) -> Option<(char, i32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// The only child of a process.
fn child_of(parent: i32) -> i32 {
    let entries = fs::read_dir("/proc").unwrap();
    let mut pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let found = pids.find(|pid| stat(*pid).is_some_and(|(_, above)| above == parent));
    found.expect("the shell runs golive")
}
