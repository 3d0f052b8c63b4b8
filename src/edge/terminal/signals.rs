//! Signals: what the world tells the process, in words of its own.
//!
//! Owns the listening for the signals that end, hang up, interrupt or continue golive. What to do about one is the
//! app's business: give the terminal back, leave the steps alone, say how to go on. Listening replaces the default
//! action of each of them, so a listener must be asked as long as it exists.

use std::io;
use std::sync::atomic::Ordering;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Somebody wants golive to end (`SIGTERM`).
    Terminate,
    /// The terminal is gone (`SIGHUP`).
    HangUp,
    /// Somebody interrupts from outside (`SIGINT`, `SIGQUIT`); in raw mode Ctrl-C is a key and never comes this way.
    Interrupt,
    /// The process was stopped and goes on (`SIGCONT`): the screen must be wiped and drawn again.
    Continued,
}

impl Signal {
    /// Whether golive should end now.
    pub fn ends(self) -> bool {
        self != Self::Continued
    }
}

/// The listener.
#[derive(Debug)]
pub struct Signals {
    terminate: Stream,
    hang_up: Stream,
    interrupt: Stream,
    quit: Stream,
    continued: Stream,
}

impl Signals {
    /// Begins to listen; needs a running tokio runtime.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            continued: signal(SignalKind::from_raw(Signal::CONTINUED))?,
        })
    }

    /// Waits for the next signal; may be dropped and asked again. Interrupts meant for an editor are passed over.
    pub async fn next(&mut self) -> Signal {
        loop {
            let signal = tokio::select! {
                _ = self.terminate.recv() => Signal::Terminate,
                _ = self.hang_up.recv() => Signal::HangUp,
                _ = self.interrupt.recv() => Signal::Interrupt,
                _ = self.quit.recv() => Signal::Interrupt,
                _ = self.continued.recv() => Signal::Continued,
            };
            if signal != Signal::Interrupt || !super::OUTSIDE.load(Ordering::SeqCst) {
                return signal;
            }
        }
    }
}

impl Signal {
    /// The number of `SIGCONT`, which tokio has no name for.
    const CONTINUED: i32 = rustix::process::Signal::CONT.as_raw();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn signals_arrive_by_name() {
        let mut signals = Signals::listen().unwrap();
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::HUP).unwrap();
        assert_eq!(signals.next().await, Signal::HangUp);
        rustix::process::kill_process(own, rustix::process::Signal::CONT).unwrap();
        let continued = signals.next().await;
        assert_eq!(continued, Signal::Continued);
        assert!(!continued.ends() && Signal::HangUp.ends());
    }
}
