//! The terminal is always given back: after a return, a panic, a signal, an editor and Ctrl-Z, in a real pseudo-terminal.
//!
//! A shell in the pseudo-terminal runs this very test binary again, with one test that is the program
//! ([`program`]); afterwards it says how the program ended and whether the line is in its own mode again. What the
//! terminal shows is what a terminal would make of the bytes (vt100).

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::io::{Read, Write};
use std::num::NonZero;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use golive::edge::terminal::signals::{Signal, Signals};
use golive::edge::terminal::{Screen, is_taken};
use portable_pty::{CommandBuilder, NativePtySystem, PtyPair, PtySize, PtySystem};
use ratatui::widgets::Paragraph;

const PATIENCE: Duration = Duration::from_secs(60);
const ROWS: NonZero<u16> = NonZero::new(24).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(100).unwrap();
const PART: &str = "GOLIVE_TEST_PART";

/// The program in the terminal. As a test of its own it has nothing to do: only the others give it a part.
#[test]
fn program() {
    let Ok(part) = std::env::var(PART) else {
        return;
    };
    let mut screen = Screen::take().unwrap();
    show(&mut screen, "one");
    key();
    match part.as_str() {
        "leave" => {}
        "panic" => panic!("broken on purpose"),
        "other" => {
            std::thread::spawn(|| panic!("a unit broke"))
                .join()
                .unwrap_err();
            assert!(is_taken());
            show(&mut screen, "two");
            key();
        }
        "signal" => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let signal = runtime.block_on(async {
                let mut signals = Signals::listen().unwrap();
                show(&mut screen, "two");
                signals.next().await
            });
            assert_eq!(signal, Signal::Terminate);
        }
        "outside" => {
            let line = "printf 'out%s\\n' side; read answer; printf '\\033[2J'";
            screen
                .outside(|| Command::new("sh").args(["-c", line]).status().unwrap())
                .unwrap();
            show(&mut screen, "two");
            key();
        }
        "suspend" => {
            screen.suspend().unwrap();
            show(&mut screen, "two");
            key();
        }
        part => panic!("no such part: {part}"),
    }
    drop(screen);
    assert!(!is_taken());
}

fn show(screen: &mut Screen, word: &str) {
    let line = format!("screen {word}, process {}.", std::process::id());
    screen
        .draw(|frame| frame.render_widget(Paragraph::new(line), frame.area()))
        .unwrap();
}

fn key() {
    std::io::stdin().read_exact(&mut [0]).unwrap();
}

/// A shell in a pseudo-terminal, and what its terminal shows.
struct Window {
    pair: PtyPair,
    keys: Box<dyn Write + Send>,
    shown: Arc<Mutex<vt100::Parser>>,
    shell: Box<dyn portable_pty::Child + Send + Sync>,
}

impl Window {
    fn open(part: &str) -> Self {
        let size = PtySize {
            rows: ROWS.get(),
            cols: COLUMNS.get(),
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = NativePtySystem::default().openpty(size).unwrap();
        let mut command = CommandBuilder::new("bash");
        command.args(["--norc", "--noprofile", "-i"]);
        let home = std::env::temp_dir();
        for (key, value) in [
            ("PS1", "ready> "),
            ("TERM", "xterm"),
            (PART, part),
            ("HISTFILE", "/dev/null"),
            ("RUST_BACKTRACE", "0"),
        ] {
            command.env(key, value);
        }
        command.env("HOME", &home);
        command.env("PROGRAM", std::env::current_exe().unwrap());
        command.cwd(home);
        let shell = pair.slave.spawn_command(command).unwrap();
        let shown = Arc::new(Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 0)));
        let (mut reader, sink) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut piece) {
                sink.lock().unwrap().process(&piece[..count]);
            }
        });
        let keys = pair.master.take_writer().unwrap();
        let mut window = Self {
            pair,
            keys,
            shown,
            shell,
        };
        window.wait_until("ready>");
        window.press("\"$PROGRAM\" --exact terminal::program --nocapture --quiet; echo ended=$? $(stty -a | grep -o -e '-*icanon')\r");
        window.wait_until("screen one");
        window.assert_taken();
        window
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn text(&self) -> String {
        self.shown.lock().unwrap().screen().contents()
    }

    #[track_caller]
    fn wait_until(&self, text: &str) {
        let started = Instant::now();
        while !self.text().contains(text) {
            assert!(
                started.elapsed() < PATIENCE,
                "waited in vain for `{text}`:\n{}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn modes(&self) -> (bool, bool, bool) {
        let parser = self.shown.lock().unwrap();
        let screen = parser.screen();
        (
            screen.alternate_screen(),
            screen.hide_cursor(),
            screen.bracketed_paste(),
        )
    }

    #[track_caller]
    fn assert_taken(&self) {
        assert_eq!(self.modes(), (true, true, true));
    }

    /// The program's process, as it says on its screen.
    fn process(&self) -> String {
        let text = self.text();
        let rest = text.split_once("process ").unwrap().1;
        rest.split_once('.').unwrap().0.to_owned()
    }

    /// The program ended with `code`, and the terminal is as it was before.
    #[track_caller]
    fn given_back(mut self, code: i32) -> String {
        self.wait_until(&format!("ended={code} icanon"));
        let (alternate, hidden, _) = self.modes();
        assert!(!alternate && !hidden, "{}", self.text());
        let text = self.text();
        self.press("exit\r");
        self.shell.wait().unwrap();
        drop(self.pair);
        text
    }
}

#[test]
fn the_terminal_is_given_back_at_the_end() {
    let mut window = Window::open("leave");
    window.press("x");
    let text = window.given_back(0);
    assert!(!text.contains("screen one"), "{text}");
}

#[test]
fn the_terminal_is_given_back_before_a_panic_speaks() {
    let mut window = Window::open("panic");
    window.press("x");
    assert!(window.given_back(101).contains("broken on purpose"));
}

#[test]
fn the_panic_of_another_thread_waits_for_the_end_of_the_screen() {
    let mut window = Window::open("other");
    window.press("x");
    window.wait_until("screen two");
    window.assert_taken();
    assert!(!window.text().contains("a unit broke"));
    window.press("x");
    assert!(window.given_back(0).contains("a unit broke"));
}

#[test]
fn the_terminal_is_given_back_on_a_signal() {
    let mut window = Window::open("signal");
    window.press("x");
    window.wait_until("screen two");
    assert!(
        Command::new("kill")
            .args(["-TERM", &window.process()])
            .status()
            .unwrap()
            .success()
    );
    window.given_back(0);
}

#[test]
fn an_editor_has_the_terminal_to_itself_and_the_screen_comes_back() {
    let mut window = Window::open("outside");
    window.press("x");
    window.wait_until("outside");
    let (alternate, hidden, _) = window.modes();
    assert!(!alternate && !hidden, "{}", window.text());
    window.press("\r");
    window.wait_until("screen two");
    window.assert_taken();
    window.press("x");
    window.given_back(0);
}

#[test]
fn a_suspended_screen_leaves_the_shell_alone_and_comes_back() {
    let mut window = Window::open("suspend");
    window.press("x");
    window.wait_until("Stopped");
    let (alternate, hidden, _) = window.modes();
    assert!(!alternate && !hidden, "{}", window.text());
    window.press("fg\r");
    window.wait_until("screen two");
    window.assert_taken();
    window.press("x");
    window.wait_until("ready>");
    let (alternate, hidden, _) = window.modes();
    assert!(!alternate && !hidden, "{}", window.text());
    window.press("echo again=$(stty -a | grep -o -e '-*icanon'); exit\r");
    window.wait_until("again=icanon");
    window.shell.wait().unwrap();
}
