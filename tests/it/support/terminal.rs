//! A terminal with golive in it: a real pseudo-terminal, keys in, screen and raw bytes out.
//!
//! What golive writes is read by a thread of its own and shown by a terminal emulator. Tests wait for conditions on
//! that screen, never for time; the one pause there is ([`Terminal::read_first`]) is the operator's, who reads before
//! pressing a key that acts. The program is killed, by its id, when the terminal is dropped.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::ffi::OsString;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use golive::ui::model::DEAD_TIME_MS;
use portable_pty::{Child, CommandBuilder, MasterPty, PtyPair, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take before a test gives up.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// What the terminal was told.
pub(crate) struct Seen {
    parser: vt100::Parser,
    /// Every byte, in order.
    pub(crate) raw: Vec<u8>,
    /// The beginning of a frame whose end has not come.
    held: Vec<u8>,
    /// Nobody has the other side open any more.
    closed: bool,
    /// The reader is to end at the next byte.
    ending: bool,
}

/// The marks of a synchronized update.
const FRAME: (&[u8], &[u8]) = (b"\x1b[?2026h", b"\x1b[?2026l");

impl Seen {
    /// Shows bytes, but of a frame all or nothing, as terminals do that know synchronized updates.
    fn show(&mut self, bytes: &[u8], all: bool) {
        self.held.extend_from_slice(bytes);
        let find = |mark: &[u8]| {
            let mut places = self.held.windows(mark.len());
            places.rposition(|window| window == mark)
        };
        let open = find(FRAME.0).filter(|begin| find(FRAME.1) < Some(*begin));
        let broken_mark =
            (1..FRAME.0.len()).rfind(|length| self.held.ends_with(&FRAME.0[..*length]));
        let whole = self.held.len() - broken_mark.unwrap_or(0);
        let until = if all {
            self.held.len()
        } else {
            open.unwrap_or(whole)
        };
        let shown: Vec<u8> = self.held.drain(..until).collect();
        self.parser.process(&shown);
    }

    /// The screen as text, one line a row.
    pub(crate) fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Whether the text stands on the screen.
    pub(crate) fn shows(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// The emulator's screen, for its modes.
    pub(crate) fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }
}

/// A terminal with a program in it.
pub(crate) struct Terminal {
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    modes: String,
    exit: Option<u32>,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

/// Opens a terminal that no other process holds. Between its opening and the mark that keeps it to this process a test
/// beside this one may have started a program: that would keep the terminal open as long as it lives.
fn open_alone(size: PtySize) -> PtyPair {
    let mut shared = Vec::new();
    loop {
        let pair = native_pty_system().openpty(size).unwrap();
        let name = pair.master.tty_name().unwrap();
        if !is_held_elsewhere(&name) {
            return pair;
        }
        // Kept until there is another one, which would have the same name otherwise.
        shared.push(pair);
        assert!(shared.len() < 20, "every terminal is held by somebody else");
    }
}

/// Whether another process has either end of a terminal open.
fn is_held_elsewhere(name: &Path) -> bool {
    let number = name.file_name().and_then(|number| number.to_str());
    let index = format!("tty-index:\t{}\n", number.unwrap());
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    // `self` is in there, too.
    let others = processes.filter(|process| {
        let number = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        number.is_some_and(|number: u32| number != std::process::id())
    });
    let files = others.flat_map(|process| {
        let files = std::fs::read_dir(process.path().join("fd"));
        files.into_iter().flatten().flatten()
    });
    files.map(|file| file.path()).any(|file| {
        let Ok(target) = std::fs::read_link(&file) else {
            return false;
        };
        let is_other_end = || {
            let process = file.parent().and_then(Path::parent);
            let facts = process.zip(file.file_name());
            let facts = facts.map(|(process, number)| process.join("fdinfo").join(number));
            facts.is_some_and(|facts| {
                std::fs::read_to_string(facts).is_ok_and(|facts| facts.contains(&index))
            })
        };
        target == name || target.ends_with("ptmx") && is_other_end()
    })
}

impl Terminal {
    /// Runs the words in a terminal of this size, with exactly this environment.
    pub(crate) fn run(
        words: &[OsString],
        folder: &Path,
        environment: &[(String, OsString)],
        (columns, rows): (u16, u16),
    ) -> Self {
        let pair = open_alone(size(columns, rows));
        let mut command = CommandBuilder::from_argv(words.to_vec());
        command.env_clear();
        for (name, value) in environment {
            command.env(name, value);
        }
        command.cwd(folder);
        let modes = format!("{:?}", pair.master.get_termios());
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let seen = Arc::new((
            Mutex::new(Seen {
                parser: vt100::Parser::new(at_least_one(rows), at_least_one(columns), 0),
                raw: Vec::new(),
                held: Vec::new(),
                closed: false,
                ending: false,
            }),
            Condvar::new(),
        ));
        let reader = pair.master.try_clone_reader().unwrap();
        let heard = Arc::clone(&seen);
        std::thread::spawn(move || listen(reader, &heard));
        Self {
            writer: Some(pair.master.take_writer().unwrap()),
            master: Some(pair.master),
            child,
            seen,
            modes,
            exit: None,
        }
    }

    /// What the terminal was told so far.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.0.lock().unwrap()
    }

    /// Every byte the program wrote so far, as text.
    pub(crate) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.seen().raw).into_owned()
    }

    /// The screen as text.
    pub(crate) fn text(&self) -> String {
        self.seen().text()
    }

    /// Waits until a condition holds; fails with the screen when it does not within [`DEADLINE`].
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut(&Seen) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = self.seen();
        while !holds(&seen) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let text = seen.text();
                // The reader must not find the lock poisoned.
                drop(seen);
                panic!("not within {DEADLINE:?}: {what}\n{text}");
            }
            // Conditions about files change without a byte on the screen: look again now and then.
            let beat = left.min(Duration::from_millis(20));
            seen = self.seen.1.wait_timeout(seen, beat).unwrap().0;
        }
    }

    /// Waits until the text stands on the screen.
    pub(crate) fn shows(&self, text: &str) {
        self.until(&format!("{text:?} on the screen"), |seen| seen.shows(text));
    }

    /// Waits until the text does not stand on the screen any more.
    pub(crate) fn hides(&self, text: &str) {
        self.until(&format!("{text:?} gone"), |seen| !seen.shows(text));
    }

    /// Waits until this question stands last on the screen, and nothing was typed yet.
    pub(crate) fn asks(&self, question: &str) {
        self.until(&format!("{question:?} last on the screen"), |seen| {
            seen.text().trim_end().ends_with(question)
        });
    }

    /// Sends keys as a terminal would.
    pub(crate) fn keys(&mut self, keys: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Lets the time pass in which nothing acts, as an operator does who reads what appeared.
    #[expect(
        clippy::unused_self,
        reason = "it is the operator at this terminal who reads"
    )]
    pub(crate) fn read_first(&self) {
        std::thread::sleep(Duration::from_millis(DEAD_TIME_MS.unsigned_abs() + 100));
    }

    /// Waits for the text, reads it, then presses the key.
    pub(crate) fn at(&mut self, text: &str, key: &str) {
        self.shows(text);
        self.read_first();
        self.keys(key);
    }

    /// Presses Tab until the panel of this title has the keys; its frame is heavy then.
    pub(crate) fn focus(&mut self, panel: &str) {
        while heavy(&self.text()).is_none_or(|title| !title.starts_with(panel)) {
            self.tab();
        }
    }

    /// Presses Tab until no panel has the keys: at the gate they go to the field then.
    pub(crate) fn focus_field(&mut self) {
        while heavy(&self.text()).is_some() {
            self.tab();
        }
    }

    fn tab(&mut self) {
        let before = heavy(&self.text());
        self.keys("\t");
        self.until("something else has the keys", |seen| {
            heavy(&seen.text()) != before
        });
    }

    /// Gives the terminal another size; the emulator follows.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let mut seen = self.seen();
        seen.parser
            .screen_mut()
            .set_size(at_least_one(rows), at_least_one(columns));
        drop(seen);
        self.resize_unseen(columns, rows);
    }

    /// Gives the terminal another size, without showing what becomes of it.
    pub(crate) fn resize_unseen(&self, columns: u16, rows: u16) {
        let master = self.master.as_ref().unwrap();
        master.resize(size(columns, rows)).unwrap();
    }

    /// The program's process.
    pub(crate) fn pid(&self) -> Pid {
        let id = self.child.process_id().unwrap();
        Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Closes the window: the terminal is gone for the program.
    pub(crate) fn close_window(&mut self) {
        self.seen().ending = true;
        drop(self.writer.take());
        // The reader has the terminal open, too, until it hears something: a new size makes golive draw.
        self.resize_unseen(79, 23);
        self.until("the reader ends", |seen| seen.closed);
        drop(self.master.take());
    }

    /// Waits until the program has ended and everything it wrote was shown; returns its exit code.
    pub(crate) fn ended(&mut self) -> u32 {
        let deadline = Instant::now() + DEADLINE;
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.exit_code();
            }
            assert!(
                Instant::now() < deadline,
                "it has not ended within {DEADLINE:?}\n{}",
                self.seen().text()
            );
            std::thread::sleep(Duration::from_millis(10));
        };
        self.exit = Some(code);
        self.until("the end of what it wrote", |seen| seen.closed);
        code
    }

    /// Checks that the terminal is as it was before: modes, screen, cursor.
    pub(crate) fn is_restored(&self) {
        let master = self.master.as_ref().unwrap();
        assert_eq!(self.modes, format!("{:?}", master.get_termios()));
        let screen = self.seen().screen().clone();
        assert!(
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste(),
            "{}",
            screen.contents()
        );
        let raw = self.raw();
        assert!(
            raw.rfind("\x1b[?1004l") >= raw.rfind("\x1b[?1004h"),
            "focus events are still reported"
        );
        assert!(raw.rfind("\x1b[?2026l") >= raw.rfind("\x1b[?2026h"));
    }
}

/// The title of the panel that has the keys.
fn heavy(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("┏━ ")?;
    let title = rest.split('━').next().unwrap_or(rest);
    Some(title.to_owned())
}

/// The emulator cannot be smaller than a letter.
fn at_least_one(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).unwrap_or(NonZeroU16::MIN)
}

fn listen(mut reader: Box<dyn Read + Send>, seen: &(Mutex<Seen>, Condvar)) {
    let mut bytes = [0; 16 << 10];
    loop {
        // A terminal that the other side has closed reads as an error.
        let count = reader.read(&mut bytes).unwrap_or(0);
        let mut guard = seen.0.lock().unwrap();
        guard.raw.extend_from_slice(&bytes[..count]);
        let over = count == 0 || guard.ending;
        guard.show(&bytes[..count], over);
        if over {
            drop(reader);
            guard.closed = true;
            seen.1.notify_all();
            return;
        }
        seen.1.notify_all();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.exit.is_none() && matches!(self.child.try_wait(), Ok(None)) {
            // A test that failed half-way; its program must not stay.
            let _ = kill_process(self.pid(), Signal::CONT);
            let _ = kill_process(self.pid(), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
