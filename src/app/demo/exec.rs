//! One command on a demo host: a process and a channel, tied together.
//!
//! Output flows with the channel's window, so that a command printing without end costs a few buffers, not memory.
//! Input is always taken off the connection at once, because a waiting channel would stop all others of it.
//! When the client goes away the direct process is hung up and nothing else: what it has detached lives on, as on
//! a real host. This file decides nothing about who may run what.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use russh::server::{Handle, Msg};
use russh::{Channel, ChannelId, ChannelMsg, ChannelReadHalf, Sig};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;

/// How much input may wait for a command that does not read, in bytes; beyond it the command is hung up.
const WAITING_INPUT: usize = 64 * 1024 * 1024;

/// How much output is read at once, in bytes.
const CHUNK: usize = 32 * 1024;

/// Whose commands run: the one user of a host.
#[derive(Debug)]
pub(super) struct Account {
    /// The folder a command starts in.
    pub(super) home: PathBuf,
    /// The whole environment of a command.
    pub(super) environment: Vec<(String, OsString)>,
}

/// Starts a command line in a process group of its own.
pub(super) fn start(account: &Account, command: &[u8]) -> std::io::Result<Child> {
    Command::new("/bin/sh")
        .arg("-c")
        .arg(OsStr::from_bytes(command))
        .env_clear()
        .envs(
            account
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .current_dir(&account.home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// Ties a started command to its channel until the command has ended or the client has gone.
pub(super) async fn serve(mut child: Child, channel: Channel<Msg>, session: Handle) {
    let id = channel.id();
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw);
    let (feed, input) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    tokio::spawn(write_input(child.stdin.take(), input, waiting.clone()));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (reader, writer) = channel.split();
    let output = async {
        tokio::join!(
            copy(stdout, writer.make_writer()),
            copy(stderr, writer.make_writer_ext(Some(1)))
        );
        child.wait().await
    };
    // The listener never ends while the client is there, so this picks the output unless the client leaves.
    let ended = tokio::select! {
        status = output => status.ok(),
        () = listen(reader, &feed, &waiting, pid) => None,
    };
    drop(feed);
    if let Some(status) = ended {
        report(&session, id, status).await;
        let _ = writer.eof().await;
        let _ = writer.close().await;
    } else {
        // The pipes were closed with `output`; reaping must go on until the process has really ended.
        if let Some(pid) = pid.filter(|_| child.id().is_some()) {
            let _ = kill_process(pid, Signal::HUP);
        }
        let _ = child.wait().await;
    }
}

/// What the client sent for standard input.
enum Input {
    /// Some of it.
    Bytes(Bytes),
    /// There is no more.
    End,
}

/// Takes what the client sends until it closes the channel, its connection ends, or too much input waits.
async fn listen(
    mut reader: ChannelReadHalf,
    feed: &mpsc::UnboundedSender<Input>,
    waiting: &AtomicUsize,
    group: Option<Pid>,
) {
    while let Some(message) = reader.wait().await {
        match message {
            ChannelMsg::Data { data } if feed.is_closed() => drop(data),
            ChannelMsg::Data { data } => {
                let size = data.len();
                if waiting.fetch_add(size, Ordering::Relaxed) + size > WAITING_INPUT {
                    return;
                }
                let _ = feed.send(Input::Bytes(data));
            }
            ChannelMsg::Eof => {
                let _ = feed.send(Input::End);
            }
            ChannelMsg::Signal { signal } => {
                if let (Some(group), Some(signal)) = (group, signal_of(&signal)) {
                    let _ = kill_process_group(group, signal);
                }
            }
            ChannelMsg::Close => return,
            _ => {}
        }
    }
}

/// Writes input to the command in its own time; closing the pipe is the command's end of file.
async fn write_input(
    stdin: Option<ChildStdin>,
    mut input: mpsc::UnboundedReceiver<Input>,
    waiting: Arc<AtomicUsize>,
) {
    let Some(mut stdin) = stdin else { return };
    while let Some(Input::Bytes(data)) = input.recv().await {
        if stdin.write_all(&data).await.is_err() {
            return;
        }
        waiting.fetch_sub(data.len(), Ordering::Relaxed);
    }
}

/// Copies output as fast as the client takes it.
async fn copy(from: Option<impl AsyncRead + Unpin>, mut to: impl AsyncWrite + Unpin) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; CHUNK];
    while let Ok(size) = from.read(&mut buffer).await {
        if size == 0 || to.write_all(&buffer[..size]).await.is_err() {
            return;
        }
    }
}

/// Tells the client how the command ended.
async fn report(session: &Handle, id: ChannelId, status: ExitStatus) {
    if let Some(code) = status.code() {
        let _ = session
            .exit_status_request(id, u32::try_from(code).unwrap_or(255))
            .await;
    } else if let Some(signal) = status.signal() {
        let name = signal_name(signal);
        let _ = session
            .exit_signal_request(id, name, status.core_dumped(), String::new(), String::new())
            .await;
    }
}

/// The signal a client asks for; `None` for one that SSH does not name.
fn signal_of(name: &Sig) -> Option<Signal> {
    Some(match name {
        Sig::ABRT => Signal::ABORT,
        Sig::ALRM => Signal::ALARM,
        Sig::HUP => Signal::HUP,
        Sig::INT => Signal::INT,
        Sig::KILL => Signal::KILL,
        Sig::QUIT => Signal::QUIT,
        Sig::TERM => Signal::TERM,
        Sig::USR1 => Signal::USR1,
        _ => return None,
    })
}

/// The name SSH has for a signal's number.
fn signal_name(number: i32) -> Sig {
    let known = [
        (Signal::ABORT, Sig::ABRT),
        (Signal::ALARM, Sig::ALRM),
        (Signal::FPE, Sig::FPE),
        (Signal::HUP, Sig::HUP),
        (Signal::ILL, Sig::ILL),
        (Signal::INT, Sig::INT),
        (Signal::KILL, Sig::KILL),
        (Signal::PIPE, Sig::PIPE),
        (Signal::QUIT, Sig::QUIT),
        (Signal::SEGV, Sig::SEGV),
        (Signal::TERM, Sig::TERM),
        (Signal::USR1, Sig::USR1),
    ];
    known
        .into_iter()
        .find(|(signal, _)| signal.as_raw() == number)
        .map_or_else(|| Sig::Custom(number.to_string()), |(_, name)| name)
}
