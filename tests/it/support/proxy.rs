//! A network between two programs on loopback: it can be cut, fall silent, and be slow.
//!
//! Connections to its port are passed on to another one. Everything it started ends when it is dropped.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::fleet::Fleet;

/// Passes connections on to one port.
pub(crate) struct Proxy {
    /// The port on 127.0.0.1 it listens on.
    pub(crate) port: u16,
    line: Arc<Line>,
}

#[derive(Default)]
struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    silent: bool,
    over: bool,
    slow: Option<Duration>,
    open: Vec<TcpStream>,
}

impl Proxy {
    /// A network of its own for each host of a fleet; they are reached through it from now on.
    pub(crate) fn before(fleet: &Fleet) -> Vec<Self> {
        let proxies: Vec<Self> = fleet.ports().into_iter().map(Self::to).collect();
        let doors: Vec<u16> = proxies.iter().map(|proxy| proxy.port).collect();
        fleet.reach_at(&doors);
        proxies
    }

    /// A proxy for what listens on `target`.
    pub(crate) fn to(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = Arc::new(Line::default());
        let of_all = Arc::clone(&line);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if of_all.state().over {
                    return;
                }
                of_all.join(&client, target);
            }
        });
        Self { port, line }
    }

    /// Ends every connection, in the middle of whatever it carries. New ones are accepted.
    pub(crate) fn cut(&self) {
        for stream in self.line.state().open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Passes nothing on any more: connections stay open, new ones are accepted, and nobody says a word.
    pub(crate) fn silence(&self) {
        self.line.state().silent = true;
    }

    /// Passes on again, also what came meanwhile.
    pub(crate) fn speak(&self) {
        self.line.state().silent = false;
        self.line.changed.notify_all();
    }

    /// Holds every part of what it carries back for so long.
    pub(crate) fn slow(&self, by: Duration) {
        self.line.state().slow = Some(by);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.line.state().over = true;
        self.line.changed.notify_all();
        self.cut();
        // Whoever accepts sees that it is over.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Line {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Connects a client, and carries both ways until one side ends.
    fn join(self: &Arc<Self>, client: &TcpStream, target: u16) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else {
            let _ = client.shutdown(Shutdown::Both);
            return;
        };
        let ends = [client, &server].map(|end| end.try_clone().unwrap());
        self.state().open.extend(ends);
        for (from, to) in [(client, &server), (&server, client)] {
            let _ = from.set_nodelay(true);
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            let line = Arc::clone(self);
            std::thread::spawn(move || line.carry(from, to));
        }
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if !self.lets_through() || to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        // A silent network does not tell that somebody has gone.
        self.lets_through();
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    /// Waits as long as the line is silent, and as long as it is slow. Returns whether it goes on at all.
    fn lets_through(&self) -> bool {
        let state = self.state();
        let state = self
            .changed
            .wait_while(state, |state| state.silent && !state.over)
            .unwrap();
        let (over, slow) = (state.over, state.slow);
        drop(state);
        if let Some(slow) = slow {
            std::thread::sleep(slow);
        }
        !over
    }
}
