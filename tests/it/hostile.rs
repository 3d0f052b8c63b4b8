//! Hostile bytes from a step to the disk, the screen, plain lines and JSON, as a terminal gets them.
//!
//! The steps print what attacks terminals and readers; the raw bytes of the terminal may hold golive's own controls and
//! nothing else, and the file on disk holds every byte as it was printed.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::fs;
use std::path::PathBuf;

use golive::domain::output::ansi::is_unseen;
use rustix::process::Signal;

use crate::support::terminal::Terminal;
use crate::support::workshop::Workshop;

mod tails;
mod texts;

/// What acts on terminals: clipboard, title, clear, screens, colours, C1 in both forms, direction, zero width, NUL,
/// a progress bar, broken UTF-8, a link, a question to the terminal, what tmux and sixel take.
const CONTROLS: &[u8] = b"clip \x1b]52;c;ZXZpbA==\x07 title \x1b]0;owned\x1b\\ clear \x1b[2J\x1b[3J\x1b[H\x1bc\n\
    alt \x1b[?1049h\x1b[?1049l \x1b[31mred\x1b[0m link \x1b]8;;http://x\x1b\\y\x1b]8;;\x1b\\ ask \x1b[6n\x1b[c\x1bZ\n\
    c1 \x9b31m\x9d0;t\x9c \xc2\x9b2J \xc2\x9d52;c;x\xc2\x9c nul \0 del \x7f bell \x07 back \x08 shift \x0e\x0f\n\
    turn \xe2\x80\xae\xe2\x81\xa6around\xe2\x81\xa9 zero \xe2\x80\x8b\xef\xbb\xbf tag \xf3\xa0\x81\x81 nel \xc2\x85 ls \xe2\x80\xa8 fill \xe3\x85\xa4\n\
    bad \xff\xfe\xc0\xaf \xed\xa0\x80 \xf5\x80\x80\x80 tmux \x1bPtmux;\x1b\x1b]52;c;x\x07\x1b\\ sixel \x1bPq#0\x1b\\\n\
    1%\r2%\r\x1b[K3%\r\n";

/// A character whose halves come apart, again and again.
const HALVES: usize = 5;

/// A step that prints hostile bytes, a line of so many bytes and so many empty lines, then waits to be let go.
fn workshop(long: usize, empty: usize) -> Workshop {
    let steps = "[step.talk]\nrun = \"sh @MARKS@/talk.sh\"\n[[stage]]\nname = \"Here\"\nsteps = [\"talk\"]\n";
    let workshop = Workshop::with(steps);
    fs::write(workshop.path("marks/controls"), CONTROLS).unwrap();
    let script = format!(
        "cd \"$(dirname \"$0\")\"\ncat controls\n\
         for i in 1 2 3 4 5; do printf 'half \\342\\202'; sleep 0.02; printf '\\254\\n'; done\n\
         head -c {long} /dev/zero | tr '\\0' x; echo\n\
         yes '' | head -n {empty}\n\
         echo 'the very end'\n\
         exec sh ./step.sh talk\n"
    );
    workshop.write("marks/talk.sh", &script);
    workshop
}

/// What it prints until it waits.
fn printed(long: usize, empty: usize) -> Vec<u8> {
    let mut all = CONTROLS.to_vec();
    all.extend("half \u{20ac}\n".repeat(HALVES).as_bytes());
    all.resize(all.len() + long, b'x');
    all.push(b'\n');
    all.resize(all.len() + empty, b'\n');
    all.extend(b"the very end\n");
    all
}

/// The only log there is.
fn log(workshop: &Workshop) -> PathBuf {
    let mut folders = vec![workshop.path("home/.local/state")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "log") {
                return path;
            }
        }
    }
    panic!("there is no log")
}

/// Checks that the log is what was printed, byte for byte, and what the step said at last.
#[track_caller]
fn is_exact(workshop: &Workshop, mut wanted: Vec<u8>) {
    wanted.extend(b"talk was let go\n");
    let kept = fs::read(log(workshop)).unwrap();
    let differs = kept.iter().zip(&wanted).position(|(kept, one)| kept != one);
    assert_eq!((kept.len(), differs), (wanted.len(), None));
}

/// Checks that a terminal was told nothing but text and what golive itself says with it.
#[track_caller]
fn only_own_controls(raw: &[u8]) {
    let own: [&[u8]; 3] = [b"\x1b]11;?\x1b\\", b"\x1b[c", b"\x1b[6n"];
    for text in &copies(raw) {
        is_text(text);
    }
    let mut rest = raw;
    while let Some(at) = memchr::memchr(0x1b, rest) {
        rest = &rest[at..];
        if let Some(known) = own.iter().find(|known| rest.starts_with(known)) {
            rest = &rest[known.len()..];
            continue;
        }
        if rest.starts_with(CLIPBOARD) {
            // It was looked at above; here only its end is passed, which may be an escape sequence, too.
            let end = rest
                .iter()
                .skip(1)
                .position(|byte| matches!(byte, 7 | 0x1b));
            let end = 1 + end.expect("a copy ends");
            rest = rest[end..].strip_prefix(b"\x1b\\").unwrap_or(&rest[end..]);
            continue;
        }
        let end = rest
            .iter()
            .skip(2)
            .position(|byte| (0x40..0x7f).contains(byte));
        let sequence = &rest[..end.map_or(rest.len(), |end| end + 3)];
        let shown = String::from_utf8_lossy(sequence);
        assert!(
            sequence.starts_with(b"\x1b["),
            "a terminal was told {shown:?}"
        );
        let body = &sequence[2..sequence.len() - 1];
        let is_own = match sequence[sequence.len() - 1] {
            b'h' | b'l' => ["?1049", "?25", "?2004", "?1004", "?2026"]
                .iter()
                .any(|mode| mode.as_bytes() == body),
            b'm' | b'H' | b'J' | b'K' | b'A'..=b'D' | b'G' => {
                body.iter().all(|byte| matches!(byte, b'0'..=b';'))
            }
            _ => false,
        };
        assert!(is_own, "a terminal was told {shown:?}");
        rest = &rest[sequence.len()..];
    }
    let text = std::str::from_utf8(raw).expect("a terminal is told UTF-8");
    is_text(&text.replace(['\u{1b}', '\u{7}'], ""));
}

/// How golive begins to write to the clipboard.
const CLIPBOARD: &[u8] = b"\x1b]52;c;";

/// What was sent to the clipboard, decoded.
#[track_caller]
fn copies(raw: &[u8]) -> Vec<String> {
    let begins = memchr::memmem::find_iter(raw, CLIPBOARD);
    let texts = begins.map(|at| {
        let rest = &raw[at + CLIPBOARD.len()..];
        let end = rest.iter().position(|byte| matches!(byte, 7 | 0x1b));
        let coded = &rest[..end.expect("a copy ends")];
        // One group of four characters at a time; a decoder is not worth a dependency.
        let digit = |byte: &u8| match byte {
            b'A'..=b'Z' => u32::from(byte - b'A'),
            b'a'..=b'z' => u32::from(byte - b'a') + 26,
            b'0'..=b'9' => u32::from(byte - b'0') + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => 0,
            other => panic!("{other} is no base64"),
        };
        let groups = coded.chunks(4).flat_map(|group| {
            let bits = group.iter().fold(0, |bits, byte| bits << 6 | digit(byte));
            let padding = memchr::memchr_iter(b'=', group).count();
            bits.to_be_bytes()[1..4 - padding].to_vec()
        });
        String::from_utf8(groups.collect()).expect("a copy is UTF-8")
    });
    texts.collect()
}

/// Checks that a text holds nothing that acts on a terminal but line ends.
#[track_caller]
fn is_text(text: &str) {
    let acts = |c: char| !"\r\n".contains(c) && (c.is_control() || is_unseen(c));
    let found = text.char_indices().find(|(_, c)| acts(*c));
    assert_eq!(found, None);
}

/// The most memory a process had, in kilobytes.
fn peak(terminal: &Terminal) -> u64 {
    let status = format!("/proc/{}/status", terminal.pid().as_raw_nonzero());
    let status = fs::read_to_string(status).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn a_hostile_log_on_the_run_screen_is_text_and_on_disk_is_exact() {
    const LONG: usize = 50_000_000;
    const EMPTY: usize = 1_000_000;
    let workshop = workshop(LONG, EMPTY);
    let mut terminal = workshop.open("deploy");
    terminal.at("nothing has started yet", "D");
    terminal.until("all is printed", |_| workshop.ran("talk") == 1);
    terminal.shows("the very end");
    let most = peak(&terminal);
    assert!(most <= 160_000, "it needed {most} kB");
    workshop.let_go("talk");
    terminal.until("the run has ended", |_| workshop.outcome().is_some());
    terminal.signal(Signal::TERM);
    terminal.ended();
    terminal.is_restored();
    only_own_controls(&terminal.seen().raw);
    assert_eq!(workshop.outcome().as_deref(), Some("succeeded"));
    is_exact(&workshop, printed(LONG, EMPTY));
}

#[test]
fn hostile_beginnings_of_a_log_are_text_on_the_run_screen() {
    let workshop = workshop(10, 0);
    let mut terminal = workshop.open("deploy");
    terminal.at("nothing has started yet", "D");
    terminal.until("all is printed", |_| workshop.ran("talk") == 1);
    terminal.shows("the very end");
    for shown in [
        "]52;c;ZXZpbA==^G",
        "\u{241b}[?1049h",
        "\\x9b31m",
        "<U+202E>",
        "half \u{20ac}",
    ] {
        terminal.shows(shown);
    }
    workshop.let_go("talk");
    terminal.until("the run has ended", |_| workshop.outcome().is_some());
    terminal.signal(Signal::TERM);
    terminal.ended();
    only_own_controls(&terminal.seen().raw);
    is_exact(&workshop, printed(10, 0));
}

fn without_a_screen(line: &str) {
    let workshop = workshop(1_000_000, 5000);
    workshop.let_go("talk");
    let mut terminal = workshop.open(line);
    assert_eq!(terminal.ended(), 0, "{}", terminal.text());
    only_own_controls(&terminal.seen().raw);
    assert!(terminal.raw().contains("the very end"));
    is_exact(&workshop, printed(1_000_000, 5000));
    let run = workshop.run();
    let mut terminal = workshop.open(&format!("runs logs {run} --plain"));
    assert_eq!(terminal.ended(), 0, "{}", terminal.text());
    only_own_controls(&terminal.seen().raw);
}

#[test]
fn a_hostile_log_in_plain_lines_is_text() {
    without_a_screen("deploy --plain");
}

#[test]
fn a_hostile_log_in_json_is_escaped() {
    without_a_screen("deploy --json");
}
