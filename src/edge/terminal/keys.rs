//! Keys: what is typed, pasted, resized and focused, read in a thread of its own.
//!
//! Owns the only reader of the terminal while golive has it. The reader of `crossterm` never returns once the terminal
//! has gone away: whoever waits for it there would wait for ever, deaf to the signal that says so. So it waits alone,
//! and hands over what it reads. Dropping the reader ends it; one that cannot be ended is left to the end of the process.

use std::io;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crossterm::event::{Event, EventStream};
use futures_util::StreamExt;
use tokio::sync::{mpsc, oneshot};

/// How long the end of the reader is waited for, so that it takes no key of whoever has the terminal next.
const END_LIMIT: Duration = Duration::from_millis(200);

/// The reader.
#[derive(Debug)]
pub struct Keys {
    events: mpsc::UnboundedReceiver<io::Result<Event>>,
    /// Dropped to end the thread.
    wanted: Option<oneshot::Sender<()>>,
    /// Closed when the thread has let go of the terminal.
    over: Receiver<()>,
}

impl Keys {
    /// Begins to read. Where no thread can be had nothing will come, and [`Keys::next`] says so.
    pub fn read() -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let (wanted, unwanted) = oneshot::channel();
        let (end, over) = channel::<()>();
        let read = move || {
            let executor = tokio::runtime::Builder::new_current_thread().build();
            if let Ok(executor) = executor {
                executor.block_on(hand_over(&sender, unwanted));
            }
            drop(end);
        };
        // What the thread would have had is dropped when it cannot be made.
        let _made = std::thread::Builder::new()
            .name("keys".to_owned())
            .spawn(read);
        Self {
            events,
            wanted: Some(wanted),
            over,
        }
    }

    /// The next key, size or paste; `None` when nothing more will come. May be dropped and asked again.
    pub async fn next(&mut self) -> Option<io::Result<Event>> {
        self.events.recv().await
    }
}

async fn hand_over(
    to: &mpsc::UnboundedSender<io::Result<Event>>,
    mut unwanted: oneshot::Receiver<()>,
) {
    let mut events = EventStream::new();
    loop {
        let event = tokio::select! {
            biased;
            _ = &mut unwanted => return,
            event = events.next() => event,
        };
        let Some(event) = event else { return };
        if to.send(event).is_err() {
            return;
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.wanted = None;
        let _ = self.over.recv_timeout(END_LIMIT);
    }
}
