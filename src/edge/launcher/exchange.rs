//! Exchanges: one request over one channel, and the rule that decides when an attempt is over.
//!
//! An attempt is over when the launcher's trailer says so *and* as many bytes arrived as it announces. A channel that
//! ends before that means "connect again and follow from what was received", never "done". How to connect, and how
//! long to go on trying, is the transport's business ([`Channels`]). Every wait but the one for the step itself is
//! bounded here.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::answer::Answer;
use super::ask::Printed;
use super::request::{Base, Request};
use crate::domain::id::{Attempt, RunId, TaskId};
use crate::port::{AttemptKey, Launch, LaunchError, Sink, Standing};

/// How long a place may take to answer a short request, or to begin to answer a long one.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// How much output is taken at once.
const CHUNK: usize = 64 * 1024;
/// How much of standard error is kept: answers are short, noise is not kept.
const KEPT: usize = 16 * 1024;
/// How much noise of a login shell is endured before the output begins.
const NOISE: usize = 256 * 1024;
/// After so many exchanges that brought nothing new, an announced end is believed although bytes are missing there.
const FRUITLESS: u32 = 3;

/// A running command: its streams, and how to learn that it ended.
pub struct Channel {
    /// Its standard input. The payload is written to it, then it is closed.
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its standard output.
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// Its standard error.
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// Resolves to its exit code, when it is known. Owns whatever must live as long as the command; dropped to let go.
    pub exit: Pin<Box<dyn Future<Output = Option<i32>> + Send>>,
    /// The command serves one start after the other, and this takes the channel back when one was seen through.
    pub keep: Option<Keep>,
}

/// Takes a channel back whose command waits for the next request.
pub type Keep = Box<dyn FnOnce(Channel) + Send>;

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Channel")
    }
}

/// A place that can run the launcher, over whatever transport.
pub trait Channels: Send + Sync {
    /// Starts the command of a request, or, for a start, finds one that serves. The transport makes its connection when there is none, with its own limits
    /// and repetitions; an error is final for this call.
    fn open(&self, request: &Request) -> impl Future<Output = Result<Channel, LaunchError>> + Send;

    /// The place as people call it.
    fn name(&self) -> String;

    /// Hears that a channel ended before the attempt did, and why, before the next `open`. `fruitless` counts the
    /// channels in a row that brought nothing new, from 1 (0 = this one did). It waits as long as it sees fit, makes the
    /// launcher ready again (it may have been removed), or gives up with an error.
    fn broken(
        &self,
        why: &str,
        fruitless: u32,
    ) -> impl Future<Output = Result<(), LaunchError>> + Send;
}

/// Launches an attempt and follows it to its end, over as many channels as that takes. An attempt that was launched
/// before is only followed.
pub async fn start<S: Sink>(
    channels: &impl Channels,
    launch: &Launch,
    base: &Base,
    sink: &mut S,
) -> Result<Standing, LaunchError> {
    let first = if sink.offset() == 0 {
        Request::start(launch, base).map_err(|bad| LaunchError::Refused {
            place: channels.name(),
            why: bad.to_string(),
            help: None,
        })?
    } else {
        Request::follow(&launch.run, &launch.task, launch.attempt, sink.offset())
    };
    pursue(
        channels,
        first,
        (&launch.run, &launch.task, launch.attempt),
        sink,
    )
    .await
}

/// Follows an attempt from `sink.offset()` to its end, over as many channels as that takes.
pub async fn follow<S: Sink>(
    channels: &impl Channels,
    key: &AttemptKey,
    sink: &mut S,
) -> Result<Standing, LaunchError> {
    let first = Request::follow(&key.run, &key.task, key.attempt, sink.offset());
    pursue(channels, first, (&key.run, &key.task, key.attempt), sink).await
}

async fn pursue<S: Sink>(
    channels: &impl Channels,
    first: Request,
    (run, task, attempt): (&RunId, &TaskId, Attempt),
    sink: &mut S,
) -> Result<Standing, LaunchError> {
    let mut request = first.clone();
    let mut fruitless = 0;
    let mut again = false;
    loop {
        let before = sink.offset();
        let channel = channels.open(&request).await?;
        let received = match receive(channel, &request, channels, sink).await {
            // An earlier try may have launched it, on a machine that is no longer the same.
            Err(LaunchError::Refused { why, .. }) if again && request.is_start() => {
                return Ok(Standing::Unknown(why));
            }
            // Refused means never started, and that a refused follower does not know.
            Err(LaunchError::Refused { place, why, help }) if !request.is_start() => {
                return Err(LaunchError::Unreachable { place, why, help });
            }
            received => received?,
        };
        let mut next = Request::follow(run, task, attempt, sink.offset());
        let why = match received {
            // The launch was lost on its way. To send it again is safe: only one claim can succeed.
            Received::Over(Standing::Never) if first.is_start() => {
                next = first.clone();
                "the launch did not arrive".to_owned()
            }
            Received::Over(standing) => return Ok(standing),
            Received::Short(standing) if fruitless >= FRUITLESS && sink.offset() == before => {
                return Ok(with_size(standing, before));
            }
            Received::Short(_) => "the output ended early".to_owned(),
            Received::Broken(why) => why,
        };
        fruitless = if sink.offset() == before {
            fruitless + 1
        } else {
            0
        };
        // Whatever is wrong with the place now, it may have been launched there.
        channels
            .broken(&why, fruitless)
            .await
            .map_err(not_refused)?;
        again = first.is_start();
        request = next;
    }
}

/// Refused means never started, and that nobody knows any more once a launch was sent.
fn not_refused(error: LaunchError) -> LaunchError {
    match error {
        LaunchError::Refused { place, why, help } => LaunchError::Unreachable { place, why, help },
        other => other,
    }
}

/// How one channel of a pursuit ended.
#[derive(Debug)]
enum Received {
    /// The attempt is over (or was never there), and all it printed was given to the sink.
    Over(Standing),
    /// The attempt is over, and bytes are missing.
    Short(Standing),
    /// Nothing is known but what was received. The text says what happened to the channel.
    Broken(String),
}

async fn receive<S: Sink>(
    mut channel: Channel,
    request: &Request,
    channels: &impl Channels,
    sink: &mut S,
) -> Result<Received, LaunchError> {
    if let Some(keep) = channel.keep.take() {
        return served::receive(channel, keep, request, channels, sink).await;
    }
    let mut kept = Vec::new();
    let outcome = {
        let output = take_output(channel.stdout, request.id(), sink);
        let aside = async {
            tokio::join!(
                give(channel.stdin, request.payload()),
                keep_end(channel.stderr, &mut kept)
            )
        };
        tokio::pin!(output, aside);
        // The output alone decides when this ends: a payload that nobody reads must not hold it.
        let mut rest = true;
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = &mut output => break outcome,
                _ = &mut aside, if rest => rest = false,
            }
        };
        if rest && outcome.is_ok() {
            let _ = timeout(ANSWER_LIMIT, aside).await;
        }
        outcome
    };
    if let Err(halt) = outcome {
        return halt.told(channels);
    }
    let code = timeout(ANSWER_LIMIT, channel.exit).await.ok().flatten();
    let printed = Printed {
        out: String::new(),
        err: text(&kept),
        code,
    };
    judge(&printed, sink.offset(), channels)
}

fn judge(printed: &Printed, taken: u64, channels: &impl Channels) -> Result<Received, LaunchError> {
    let Some(answer) = Answer::last(&printed.err) else {
        return Ok(Received::Broken(printed.last_words()));
    };
    if let Some((code, why)) = answer.error() {
        return match code {
            CUT | AGAIN => Ok(Received::Broken(why.to_owned())),
            _ => Err(printed.refusal(channels)),
        };
    }
    Ok(match answer.standing() {
        Some(Standing::Running) => Received::Broken("the follower was ended".to_owned()),
        Some(standing @ (Standing::Never | Standing::Void)) => Received::Over(standing),
        Some(standing) if taken >= answer.size() => Received::Over(with_size(standing, taken)),
        Some(standing) => Received::Short(standing),
        None => Received::Broken(format!("it answered `{}`", answer.word)),
    })
}

/// A left-behind child of a step can go on printing after the step's end: what was received counts.
fn with_size(standing: Standing, size: u64) -> Standing {
    match standing {
        Standing::Ended { ending, .. } => Standing::Ended { ending, size },
        other => other,
    }
}

/// Exit codes of the launcher that leave everything as it was: the payload was cut short, or try again.
pub(super) const CUT: i32 = 65;
pub(super) const AGAIN: i32 = 75;
/// Exit code of the launcher when the lock is not held any more: the attempt never ran and never will.
pub(super) const FENCED: i32 = 68;
pub(super) const SILENT: &str = "it did not answer in time";

/// Why the taking of output was given up.
#[derive(Debug)]
enum Halt {
    /// The output did not begin in time.
    Silent,
    /// The channel could not be read.
    Read(std::io::Error),
    /// The sink could not take more.
    Sink(std::io::Error),
}

impl Halt {
    fn told(self, channels: &impl Channels) -> Result<Received, LaunchError> {
        match self {
            Self::Silent => Ok(Received::Broken(SILENT.to_owned())),
            Self::Read(error) => Ok(Received::Broken(error.to_string())),
            Self::Sink(error) => Err(LaunchError::Unreachable {
                place: channels.name(),
                why: format!("its output could not be kept on this machine: {error}"),
                help: Some("make room on this machine; the step goes on where it runs".to_owned()),
            }),
        }
    }
}

/// Gives the sink what follows the line `golive:out ID OFFSET`; what stands before it is a login shell's noise.
async fn take_output<S: Sink>(
    mut stdout: Box<dyn AsyncRead + Send + Unpin>,
    id: &str,
    sink: &mut S,
) -> Result<(), Halt> {
    let mut mark = Mark::new(id, sink.offset());
    let mut buffer = vec![0; CHUNK];
    let begun = timeout(ANSWER_LIMIT, async {
        loop {
            match stdout.read(&mut buffer).await.map_err(Halt::Read)? {
                0 => return Ok(None),
                count => {
                    if let Some(first) = mark.find(&buffer[..count]) {
                        return Ok(Some(first));
                    }
                }
            }
        }
    })
    .await;
    let Some(first) = begun.map_err(|_| Halt::Silent)?? else {
        return Ok(());
    };
    if !first.is_empty() {
        sink.take(&first).map_err(Halt::Sink)?;
    }
    loop {
        match stdout.read(&mut buffer).await.map_err(Halt::Read)? {
            0 => return Ok(()),
            count => sink.take(&buffer[..count]).map_err(Halt::Sink)?,
        }
    }
}

/// The line `golive:out ID OFFSET`, looked for in what comes before the output.
struct Mark {
    line: String,
    head: Vec<u8>,
}

impl Mark {
    fn new(id: &str, offset: u64) -> Self {
        Self {
            line: format!("golive:out {id} {offset}\n"),
            head: Vec::new(),
        }
    }

    /// Takes the next bytes; returns the first of the output once the line was seen.
    fn find(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.head.extend_from_slice(bytes);
        if let Some(at) = memchr::memmem::find(&self.head, self.line.as_bytes()) {
            return Some(self.head.split_off(at + self.line.len()));
        }
        if self.head.len() > NOISE {
            self.head.drain(..self.head.len() - self.line.len());
        }
        None
    }
}

/// Writes the payload and closes. A launcher that needs no payload may close first: that is no error.
pub(super) async fn give(mut stdin: Box<dyn AsyncWrite + Send + Unpin>, payload: &[u8]) {
    if stdin.write_all(payload).await.is_ok() {
        let _ = stdin.shutdown().await;
    }
}

/// Reads a stream to its end and keeps its last part.
pub(super) async fn keep_end(mut stream: Box<dyn AsyncRead + Send + Unpin>, kept: &mut Vec<u8>) {
    let mut buffer = vec![0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..count]);
        if kept.len() > 2 * KEPT {
            kept.drain(..kept.len() - KEPT);
        }
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

mod served;

#[cfg(test)]
mod tests;
