//! A hostile log on a server, followed with every face, and the log of a past run in the viewer.
//!
//! What the viewer can do is done with it: to the top, sideways, wrapped, searched, filtered, copied, saved, paged. The
//! raw bytes of the terminal, the clipboard and the pager get text; a saved file gets what was written.

use std::io::Write;

use super::*;

/// A host whose log is still empty.
fn followed() -> Workshop {
    let steps = "[step.prepare]\nrun = \"true\"\n[[stage]]\nname = \"Here\"\nsteps = [\"prepare\"]\n\
                 [log.app]\non = \"all\"\nfile = \"app.log\"\n";
    let workshop = Workshop::with(steps);
    workshop.write("host/app.log", "the first line\n");
    workshop
}

/// A line in which the end of a piece halves a character, wherever it falls but in one place of three.
fn halves() -> Vec<u8> {
    let mut line = "\u{20ac}".repeat(300_000).into_bytes();
    line.push(b'\n');
    line
}

/// What is written while it is followed.
fn hostile(long: usize, empty: usize) -> Vec<u8> {
    let mut all = halves();
    all.resize(all.len() + long, b'x');
    all.push(b'\n');
    all.resize(all.len() + empty, b'\n');
    all.extend(CONTROLS);
    all.extend(b"the very end\n");
    all
}

/// Appends to the log in pieces that end within characters.
fn append(workshop: &Workshop, bytes: &[u8]) {
    let path = workshop.path("host/app.log");
    let mut file = fs::File::options().append(true).open(path).unwrap();
    for piece in bytes.chunks(65_537) {
        file.write_all(piece).unwrap();
    }
}

/// A pager that keeps what it is given.
fn pager(workshop: &Workshop) -> String {
    let kept = workshop.path("marks/paged").display().to_string();
    let script = format!("cat \"$1\" > {kept}.new\nmv {kept}.new {kept}\n");
    workshop.write("marks/pager.sh", &script);
    format!("sh {}", workshop.path("marks/pager.sh").display())
}

/// Does everything that only looks.
fn look_around(workshop: &Workshop, terminal: &mut Terminal) {
    terminal.keys("g");
    terminal.hides("the very end");
    terminal.keys("wlllhhhw");
    terminal.keys("/clip\r");
    for shown in [
        "]52;c;ZXZpbA==^G",
        "\u{241b}[?1049h",
        "\\x9b31m",
        "<U+202E>",
    ] {
        terminal.shows(shown);
    }
    terminal.keys("&clip\r");
    // While it is looked for, no line shows, and none would be copied.
    terminal.until("only one line shows", |seen| {
        seen.shows("clip \u{241b}]52;c;") && !seen.shows("1049h")
    });
    terminal.keys("y");
    terminal.until("the lines are copied", |seen| {
        let begin = memchr::memmem::find(&seen.raw, CLIPBOARD);
        let rest = begin.map(|begin| &seen.raw[begin + CLIPBOARD.len()..]);
        rest.is_some_and(|rest| memchr::memchr2(7, 0x1b, rest).is_some())
    });
    let copied = copies(&terminal.seen().raw).concat();
    let clip = "clip \u{241b}]52;c;ZXZpbA==^G title";
    assert!(copied.contains(clip), "{copied}");
    terminal.keys("o");
    let paged = workshop.path("marks/paged");
    terminal.until("the pager was opened", |_| paged.exists());
    let paged = fs::read_to_string(paged).unwrap();
    assert!(paged.contains(clip));
    is_text(&paged);
    terminal.shows("clip");
    terminal.read_first();
    let saved = workshop.path("saved");
    terminal.keys(&format!(">\u{15}{}\r", saved.display()));
    terminal.shows("written to");
    let saved = fs::read(saved).unwrap();
    let exact = b"clip \x1b]52;c;ZXZpbA==\x07 title";
    assert!(memchr::memmem::find(&saved, exact).is_some());
}

#[test]
fn a_hostile_log_of_a_server_is_text_on_the_logs_screen() {
    let workshop = followed();
    let pager = pager(&workshop);
    let mut terminal = workshop.open_with("tail live", (120, 36), &[("PAGER", &pager)]);
    terminal.shows("the first line");
    append(&workshop, &hostile(50_000_000, 1_000_000));
    terminal.shows("the very end");
    look_around(&workshop, &mut terminal);
    let most = peak(&terminal);
    assert!(most <= 160_000, "it needed {most} kB");
    terminal.signal(Signal::TERM);
    terminal.ended();
    terminal.is_restored();
    only_own_controls(&terminal.seen().raw);
}

#[test]
fn the_hostile_log_of_a_past_run_is_text_in_the_viewer() {
    let workshop = workshop(1_000_000, 5000);
    workshop.let_go("talk");
    let done = workshop.golive("deploy --plain");
    assert!(done.status.success());
    let pager = pager(&workshop);
    let line = format!("runs logs {} talk", workshop.run());
    let mut terminal = workshop.open_with(&line, (120, 36), &[("PAGER", &pager)]);
    terminal.shows("the very end");
    look_around(&workshop, &mut terminal);
    terminal.signal(Signal::TERM);
    terminal.ended();
    only_own_controls(&terminal.seen().raw);
}

fn without_a_screen(flag: &str, empty: usize) {
    let workshop = followed();
    append(&workshop, &hostile(50_000_000, empty));
    let mut terminal = workshop.open(&format!("tail live --lines 2000000 {flag}"));
    terminal.until("all was printed", |seen| {
        memchr::memmem::rfind(&seen.raw, b"the very end").is_some()
    });
    let most = peak(&terminal);
    assert!(most <= 100_000, "it needed {most} kB");
    terminal.signal(Signal::TERM);
    terminal.ended();
    only_own_controls(&terminal.seen().raw);
    assert!(terminal.raw().contains("the first line"));
}

#[test]
fn a_hostile_log_of_a_server_in_plain_lines_is_text() {
    without_a_screen("--plain", 1_000_000);
}

#[test]
fn a_hostile_log_of_a_server_in_json_is_escaped() {
    // Each of them is 130 bytes here.
    without_a_screen("--json", 20_000);
}
