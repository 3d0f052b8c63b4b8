//! The terminal: taken over, and always given back.
//!
//! Owns the modes of the terminal (raw, alternate screen, hidden cursor, bracketed paste, focus events) and the one
//! [`Screen`] there is. However golive ends or pauses (return, error, panic, signal, Ctrl-Z, an editor), [`give_back`]
//! is called; it may be called from anywhere and any number of times. Decides nothing about the run, draws nothing of
//! its own, and uses no mode that an action would need.
//!
//! Kitty's key protocol, the mouse and the window title are left alone: nothing depends on them, and what is not
//! changed need not be restored.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use ratatui::Frame;
use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, CrosstermBackend};
use rustix::process::{Signal, kill_current_process_group};
use thiserror::Error;

pub mod keys;
mod out;
pub mod query;
pub mod say;
pub mod sense;
pub mod signals;

use out::Out;

/// Alternate screen, cursor hidden, bracketed paste, focus events.
const TAKE: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1004h\x1b[2J";
/// All of it undone, with the end of a synchronized update and of every attribute before.
const GIVE: &[u8] = b"\x1b[?2026l\x1b[0m\x1b[?1004l\x1b[?2004l\x1b[?25h\x1b[?1049l";

/// Whether the terminal is ours now.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether an editor or a pager has the terminal.
static OUTSIDE: AtomicBool = AtomicBool::new(false);
/// The thread that draws: only its panic ends the screen.
static OWNER: Mutex<Option<ThreadId>> = Mutex::new(None);
/// What other threads said when they panicked, until there is a place to print it.
static LAST_WORDS: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// Whether a panic of the drawing thread is caught and told by the app.
static CAUGHT: AtomicBool = AtomicBool::new(false);
/// What the drawing thread said when it panicked, until it is asked for.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Why there is no screen.
#[derive(Debug, Error)]
pub enum TerminalError {
    /// Standard input or output is a pipe or a file.
    #[error("standard input and output are not both a terminal")]
    NoTerminal,
    /// The terminal refused.
    #[error("could not set up the terminal")]
    Refused(#[from] io::Error),
}

/// The terminal while it shows golive's screens. There is one at a time; dropping it gives the terminal back.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Out>>,
    out: Out,
}

impl Screen {
    /// Takes the terminal over. Call [`query::ask`] before, and start the event reader after.
    pub fn take() -> Result<Self, TerminalError> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(TerminalError::NoTerminal);
        }
        install_hook();
        // Otherwise crossterm drops bold and reverse together with the colours when NO_COLOR is set.
        crossterm::style::force_color_output(true);
        take()?;
        let out = Out::default();
        match Terminal::new(CrosstermBackend::new(out.clone())) {
            Ok(terminal) => Ok(Self { terminal, out }),
            Err(error) => {
                give_back();
                Err(error.into())
            }
        }
    }

    /// Draws one frame: all of it reaches the terminal, or none.
    pub fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        own();
        // A frame that a panic cut off is still there.
        self.out.forget();
        self.out.hold();
        if let Err(error) = self.terminal.draw(render) {
            self.out.forget();
            return Err(error);
        }
        self.out.release()
    }

    /// Wipes the terminal and forgets what it showed, so that the next frame is drawn in full.
    ///
    /// Not `Terminal::clear`: that asks the terminal for its cursor and fails while something else reads.
    pub fn wipe(&mut self) -> io::Result<()> {
        self.terminal.backend_mut().clear_region(ClearType::All)?;
        self.terminal.swap_buffers();
        self.terminal.autoresize()
    }

    /// The size in columns and rows.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Sends bytes made by [`say`]: a copy or a notice.
    pub fn send(&mut self, bytes: &str) -> io::Result<()> {
        out::write_all(io::stdout().as_fd(), bytes.as_bytes())
    }

    /// Gives the terminal back and stops this process, as Ctrl-Z does everywhere; returns when it is continued.
    ///
    /// The event reader must be stopped before, and the next frame must be drawn after. Steps are not stopped: each
    /// has a session of its own. The signal is `SIGTSTP` to the own process group, which the kernel ignores where
    /// nobody could continue it (no shell with job control), while `SIGSTOP` would freeze golive there for good.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        kill_current_process_group(Signal::TSTP)?;
        // Another thread may have taken the signal: give it the moment in which the process really stops, or the
        // terminal would be taken again before the shell has it. When stopped, this goes on after the stop.
        std::thread::sleep(Duration::from_millis(30));
        self.back()
    }

    /// Takes the terminal anew after somebody else stopped and continued this process: the shell had it meanwhile, and
    /// may have set modes of its own. Does nothing when the terminal is not ours.
    pub fn continued(&mut self) -> io::Result<()> {
        if !is_taken() {
            return Ok(());
        }
        // Otherwise the raw mode counts as set still.
        crossterm::terminal::disable_raw_mode()?;
        self.back()
    }

    /// Gives the terminal to `program` (an editor, a pager, a shell) and takes it again when that returns.
    ///
    /// The event reader must be stopped before; the next frame must be drawn after. Until then
    /// [`signals::Signals::next`] keeps quiet about interrupts, which are meant for the program.
    pub fn outside<T>(&mut self, program: impl FnOnce() -> T) -> io::Result<T> {
        give_back();
        OUTSIDE.store(true, Ordering::SeqCst);
        let guard = Inside;
        let result = program();
        drop(guard);
        self.back()?;
        Ok(result)
    }

    fn back(&mut self) -> io::Result<()> {
        // A shell may still be setting its own modes when it continues us.
        let mut tries = 0;
        while let Err(error) = take() {
            tries += 1;
            if tries == 5 {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.wipe()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // What ratatui still wants to say when it is dropped would reach a terminal that is no longer ours.
        self.out.hold();
        give_back();
    }
}

/// Ends the time outside, also when the program's closure panics.
struct Inside;

impl Drop for Inside {
    fn drop(&mut self) {
        OUTSIDE.store(false, Ordering::SeqCst);
    }
}

fn take() -> io::Result<()> {
    crossterm::terminal::enable_raw_mode()?;
    own();
    TAKEN.store(true, Ordering::SeqCst);
    let taken = out::write_all(io::stdout().as_fd(), TAKE);
    if taken.is_err() {
        give_back();
    }
    taken
}

/// Gives the terminal back if it is ours; does nothing otherwise. Never fails: a terminal that is gone needs nothing.
pub fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _gone = out::write_all(io::stdout().as_fd(), GIVE);
        let _gone = crossterm::terminal::disable_raw_mode();
        *OWNER.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let words: Vec<String> =
            std::mem::take(&mut LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner));
        for line in words {
            let _gone = out::write_all(io::stderr().as_fd(), format!("{line}\n").as_bytes());
        }
    }
}

/// Whether the terminal is ours now, so that nothing else may write to it.
pub fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

/// Whether the terminal has gone away (its window closed, its line dropped) although nobody said so.
pub fn is_gone() -> bool {
    rustix::termios::tcgetattr(io::stdout()).is_err_and(|error| error == rustix::io::Errno::IO)
}

fn own() {
    *OWNER.lock().unwrap_or_else(PoisonError::into_inner) = Some(std::thread::current().id());
}

/// From now on panics of the drawing thread are caught by the caller, who asks [`last_panic`] and tells it; nothing is
/// printed over what the shell shows.
pub fn catch_panics() {
    CAUGHT.store(true, Ordering::SeqCst);
}

/// What the drawing thread said when it panicked while it had the terminal, with where; told once.
pub fn last_panic() -> Option<String> {
    PANIC.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// A panic of the drawing thread gives the terminal back before anything is printed, or is told by who catches it. One of another thread (a unit
/// that fails alone) must not end the screen nor write over it: its words are kept until the terminal is given back.
fn install_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let owner = OWNER.try_lock().map_or(None, |owner| *owner);
            if is_taken() && owner.is_some_and(|owner| owner != std::thread::current().id()) {
                LAST_WORDS
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(format!("golive: {info}"));
                return;
            }
            let caught = is_taken() && CAUGHT.load(Ordering::SeqCst);
            give_back();
            if !caught {
                before(info);
                return;
            }
            // Who catches it tells it, and keeps the whole of it in a file.
            let trace = std::backtrace::Backtrace::force_capture();
            *PANIC.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(format!("{info}\n\n{trace}\n"));
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_that_is_taken_is_given_back() {
        let modes = |bytes: &[u8], end: char| -> std::collections::BTreeSet<String> {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.split("\x1b[?")
                .skip(1)
                .filter_map(|part| part.split_once(end))
                .map(|(mode, _)| mode.to_owned())
                .filter(|mode| mode.chars().all(|digit| digit.is_ascii_digit()))
                .collect()
        };
        let (mut set, reset) = (modes(TAKE, 'h'), modes(GIVE, 'l'));
        assert!(set.contains("1049") && reset.contains("2026"));
        // The cursor is the one mode that is taken by switching it off.
        assert!(
            String::from_utf8_lossy(TAKE).contains("\x1b[?25l")
                && String::from_utf8_lossy(GIVE).contains("\x1b[?25h")
        );
        set.retain(|mode| !reset.contains(mode));
        assert!(set.is_empty(), "{set:?}");
    }

    #[test]
    fn giving_back_what_was_never_taken_does_nothing() {
        give_back();
        assert!(!is_taken());
    }
}
