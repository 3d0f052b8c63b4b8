//! One start over a launcher that serves many: its channel stays open when the attempt is over.
//!
//! Nothing ends here that could mean "over": the launcher says `golive:served ID` on standard error after its answer,
//! and the answer says how many bytes of output there are. Only a channel on which both were seen, for an attempt that
//! ended, is given back; every other one is let go, and what became of the attempt is asked over a fresh one.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until};

use super::super::answer::Answer;
use super::super::ask::Printed;
use super::super::request::Request;
use super::{
    ANSWER_LIMIT, CHUNK, Channel, Channels, Halt, KEPT, Keep, Mark, Received, judge, text,
};
use crate::port::{LaunchError, Sink, Standing};

/// Sends the request, takes its output, and gives the channel back when it can serve again.
pub(super) async fn receive<S: Sink>(
    mut channel: Channel,
    keep: Keep,
    request: &Request,
    channels: &impl Channels,
    sink: &mut S,
) -> Result<Received, LaunchError> {
    let mut said = Said::new(request.id());
    let complete = match exchange(&mut channel, request, &mut said, sink).await {
        Ok(complete) => complete,
        Err(halt) => return halt.told(channels),
    };
    let printed = Printed {
        out: String::new(),
        err: said.answer(),
        code: None,
    };
    let received = judge(&printed, sink.offset(), channels);
    if complete && matches!(received, Ok(Received::Over(Standing::Ended { .. }))) {
        keep(channel);
    }
    received
}

/// Returns whether the launcher waits for the next request; otherwise its streams have ended, or bytes are missing.
async fn exchange<S: Sink>(
    channel: &mut Channel,
    request: &Request,
    said: &mut Said,
    sink: &mut S,
) -> Result<bool, Halt> {
    let mut mark = Some(Mark::new(request.id(), sink.offset()));
    let mut buffer = vec![0; CHUNK];
    // The beginning and the rest are waited for so long; the step itself may take its time.
    let mut deadline = Some(Instant::now() + ANSWER_LIMIT);
    let mut size = None;
    let mut asking = true;
    let aside = ask(&mut channel.stdin, &mut channel.stderr, request, said);
    tokio::pin!(aside);
    loop {
        if size.is_some_and(|size| sink.offset() >= size) {
            return Ok(true);
        }
        let late = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let count = tokio::select! {
            biased;
            answered = &mut aside, if asking => {
                asking = false;
                size = answered;
                deadline = Some(Instant::now() + ANSWER_LIMIT);
                continue;
            }
            read = channel.stdout.read(&mut buffer) => read.map_err(Halt::Read)?,
            () = late => return if mark.is_some() { Err(Halt::Silent) } else { Ok(false) },
        };
        if count == 0 {
            // Its last words come after its output.
            if asking {
                let _ = tokio::time::timeout(ANSWER_LIMIT, &mut aside).await;
            }
            return Ok(false);
        }
        if let Some(looking) = &mut mark {
            let Some(first) = looking.find(&buffer[..count]) else {
                continue;
            };
            mark = None;
            deadline = size.and(deadline);
            if !first.is_empty() {
                sink.take(&first).map_err(Halt::Sink)?;
            }
        } else {
            sink.take(&buffer[..count]).map_err(Halt::Sink)?;
        }
    }
}

/// Sends the request and reads the answer. Returns how much output there is; `None` when the launcher has ended.
async fn ask(
    stdin: &mut (impl AsyncWrite + Unpin),
    stderr: &mut (impl AsyncRead + Unpin),
    request: &Request,
    said: &mut Said,
) -> Option<u64> {
    // A launcher that is gone is noticed by its silence.
    if stdin.write_all(&request.served()).await.is_ok() {
        let _ = stdin.flush().await;
    }
    let mut buffer = vec![0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        if said.take(&buffer[..count]) {
            return said.size();
        }
    }
    None
}

/// What came on standard error.
struct Said {
    bytes: Vec<u8>,
    /// The line that ends a request.
    last: String,
}

impl Said {
    fn new(id: &str) -> Self {
        Self {
            bytes: Vec::new(),
            last: format!("\ngolive:served {id} .\n"),
        }
    }

    /// Takes the next bytes. Returns whether the request was seen through.
    fn take(&mut self, bytes: &[u8]) -> bool {
        self.bytes.extend_from_slice(bytes);
        if let Some(at) = memchr::memmem::find(&self.bytes, self.last.as_bytes()) {
            self.bytes.truncate(at + 1);
            return true;
        }
        if self.bytes.len() > 2 * KEPT {
            self.bytes.drain(..self.bytes.len() - KEPT);
        }
        false
    }

    fn size(&self) -> Option<u64> {
        Some(Answer::last(&self.answer())?.size())
    }

    /// The answer, with whatever noise there was.
    fn answer(&self) -> String {
        text(&self.bytes)
    }
}
