//! The gate against everything that is not a decision: wrong, empty, pasted, early and held input.

use std::time::Duration;

use rustix::process::Signal;

use crate::support::terminal::Terminal;
use crate::support::workshop::{GATED, Workshop};

const GATE: &str = "Type live to release there";

/// A console at the gate of `live`.
fn at_the_gate() -> (Workshop, Terminal) {
    let workshop = Workshop::with(GATED);
    let terminal = workshop.started("deploy");
    workshop.let_go("prepare");
    terminal.shows(GATE);
    (workshop, terminal)
}

/// Nothing beyond the gate was started, and nobody passed it.
fn nothing_acted(workshop: &Workshop) {
    assert!(workshop.events("gate_passed").is_empty());
    assert_eq!(workshop.tasks_started(), ["here/prepare@local"]);
    assert_eq!(workshop.ran("switch"), 0);
}

/// Waits until every key so far was taken: keys are taken in order, and help is opened by the last one.
fn all_keys_are_taken(terminal: &mut Terminal) {
    terminal.keys("\x1b");
    terminal.read_first();
    terminal.keys("?");
    terminal.shows("Help");
    terminal.keys("\x1b");
    terminal.hides("Help");
}

/// The gate still works for an operator who reads and types.
fn passes(workshop: &Workshop, terminal: &mut Terminal) {
    all_keys_are_taken(terminal);
    terminal.shows(GATE);
    terminal.focus_field();
    terminal.read_first();
    terminal.keys("\x15live");
    terminal.shows("Enter: live");
    terminal.keys("\r");
    terminal.until("switch runs", |_| workshop.ran("switch") == 1);
    workshop.let_go("switch");
    terminal.shows("is released");
}

#[test]
fn a_wrong_name_an_empty_one_and_a_pasted_one_start_nothing() {
    let (workshop, mut terminal) = at_the_gate();
    terminal.read_first();
    terminal.keys("\t\r");
    terminal.shows("Enter alone does nothing");
    terminal.read_first();
    for wrong in ["Live", "liv", "live ", "staging"] {
        terminal.keys(&format!("{wrong}\r"));
        terminal.shows(&format!("refused: {wrong}"));
        terminal.read_first();
        terminal.keys("\x15");
        terminal.hides("refused: ");
    }
    terminal.keys("\x1b[200~live\x1b[201~");
    terminal.shows("pasted text is refused here");
    terminal.read_first();
    terminal.keys("\r");
    terminal.shows("Enter alone does nothing");
    terminal.read_first();
    terminal.keys("\x1b[200~live\r\x1b[201~");
    terminal.shows("pasted text is refused here");
    nothing_acted(&workshop);
    passes(&workshop, &mut terminal);
}

#[test]
fn no_lower_case_key_and_no_symbol_acts_at_the_gate() {
    let (workshop, mut terminal) = at_the_gate();
    terminal.read_first();
    // `q` looks around, `o` and Ctrl-e open other programs; all the others are pressed where the gate is.
    for key in "abcdefghijklmnprstuvwxyz[]{}'.,;-+*=<>|&%$#!~^_()5678 ".chars() {
        terminal.keys(&key.to_string());
    }
    terminal.keys("\r\r\x1b[A\x1b[B\x1b[C\x1b[D");
    all_keys_are_taken(&mut terminal);
    terminal.shows("GATE");
    nothing_acted(&workshop);
}

#[test]
fn a_name_typed_while_a_step_still_ran_does_not_pass_the_gate() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.started("deploy");
    terminal.keys("\tlive\r\tlive\r\tlive\r");
    workshop.let_go("prepare");
    terminal.shows(GATE);
    all_keys_are_taken(&mut terminal);
    nothing_acted(&workshop);
    passes(&workshop, &mut terminal);
}

#[test]
fn keys_queued_while_the_gate_opens_do_not_pass_it() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.started("deploy");
    // The console sleeps, the step ends, keys wait in the terminal: all of it arrives at once.
    terminal.signal(Signal::STOP);
    terminal.keys("\tlive\r\tlive\r\tlive\r");
    workshop.let_go("prepare");
    terminal.signal(Signal::CONT);
    terminal.shows(GATE);
    all_keys_are_taken(&mut terminal);
    nothing_acted(&workshop);
    passes(&workshop, &mut terminal);
}

#[test]
fn a_held_enter_never_acts_and_letting_go_makes_the_gate_usable() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.started("deploy");
    workshop.let_go("prepare");
    // As a keyboard repeats: before, while and after the gate opens.
    let mut pressed_at_the_gate = 0;
    while pressed_at_the_gate < 20 {
        terminal.keys("\r");
        std::thread::sleep(Duration::from_millis(30));
        pressed_at_the_gate += usize::from(terminal.text().contains(GATE));
    }
    all_keys_are_taken(&mut terminal);
    nothing_acted(&workshop);
    passes(&workshop, &mut terminal);
}

#[test]
fn within_the_dead_time_nothing_acts_and_the_focus_starts_it_again() {
    let (workshop, mut terminal) = at_the_gate();
    terminal.read_first();
    terminal.keys("\tlive");
    terminal.shows("Enter: live");
    // The window comes to the front with a click or a key that was meant for another one.
    terminal.keys("\x1b[O\x1b[I\r");
    terminal.shows("too early: nothing was done");
    nothing_acted(&workshop);
    // Each early key starts the time anew.
    terminal.keys("\r\r\r\r");
    nothing_acted(&workshop);
    terminal.read_first();
    terminal.keys("\r");
    terminal.until("switch runs", |_| workshop.ran("switch") == 1);
    workshop.let_go("switch");
    terminal.shows("is released");
}
