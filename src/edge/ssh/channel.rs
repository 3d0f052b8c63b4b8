//! A session in a master as the launcher wants it: a channel.
//!
//! While somebody waits for a channel, its master is asked now and then whether it lives, because a frozen one hangs
//! every pipe without a word. When it is found gone or frozen, all of the channel's waits end, and the master is
//! given up. The session's place in its master is free again when the channel is let go.

use std::future::Future;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::master::{Care, Running};
use super::pool::Lease;
use crate::edge::launcher::Channel;

/// How many bytes of a session's output may wait for us; any user may have pipes of a megabyte.
#[cfg(target_os = "linux")]
const AHEAD: usize = 512 * 1024;

/// A session as the launcher wants it, with a watch over its master, as close as is said.
pub(super) fn channel(lease: Lease, session: Running, care: Care) -> Channel {
    watched(lease, session, watch::channel(true).1, care)
}

/// The same, with a watch that rests while nothing is asked of the channel.
pub(super) fn watched(
    lease: Lease,
    mut session: Running,
    mut busy: watch::Receiver<bool>,
    care: Care,
) -> Channel {
    let stdin = session.stdin().take();
    let stdout = session.stdout().take();
    stdout.as_ref().inspect(|stdout| widen(stdout));
    let stderr = session.stderr().take();
    let (tell, lost) = watch::channel(false);
    let master = Arc::clone(lease.master());
    let pool = Arc::clone(lease.pool());
    let watch = Watch(tokio::spawn(async move {
        master.lost(&mut busy, care).await;
        pool.discard(&master);
        let _ = tell.send(true);
    }));
    let stdout = Watched::new(stdout, lost.clone());
    let stderr = Watched::new(stderr, lost.clone());
    let exit = async move {
        let code = tokio::select! {
            ended = session.wait() => exit_code(&ended),
            () = silence(lost) => None,
        };
        drop((lease, watch));
        code
    };
    Channel {
        stdin: stdin.map_or_else(
            || Box::new(tokio::io::sink()) as Box<dyn AsyncWrite + Send + Unpin>,
            |stdin| Box::new(stdin),
        ),
        stdout: Box::new(stdout),
        stderr: Box::new(stderr),
        exit: Box::pin(exit),
        keep: None,
    }
}

/// Lets ssh run ahead of what is made of its output: with the usual pipe each waits for the other. A system that has no
/// such pipes, or allows no more of them, keeps the usual one.
fn widen(pipe: impl AsFd) {
    #[cfg(target_os = "linux")]
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, AHEAD);
    #[cfg(not(target_os = "linux"))]
    let _ = pipe;
}

/// The crate takes exit code 127 for an error of its own.
fn exit_code(ended: &Result<ExitStatus, openssh::Error>) -> Option<i32> {
    match ended {
        Ok(status) => status.code(),
        Err(openssh::Error::Remote(_)) => Some(127),
        Err(_) => None,
    }
}

/// Returns when the master was found gone or frozen, and never when the watch ended before.
async fn silence(mut lost: watch::Receiver<bool>) {
    if lost.wait_for(|lost| *lost).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The watch over a master for one channel; it ends with the channel.
struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A pipe of a session that breaks when the master was found gone or frozen.
struct Watched<R> {
    pipe: Option<R>,
    lost: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<R> Watched<R> {
    fn new(pipe: Option<R>, lost: watch::Receiver<bool>) -> Self {
        Self {
            pipe,
            lost: Box::pin(silence(lost)),
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(pipe) = &mut self.pipe else {
            return Poll::Ready(Ok(()));
        };
        if let Poll::Ready(read) = Pin::new(pipe).poll_read(context, into) {
            return Poll::Ready(read);
        }
        self.lost.as_mut().poll(context).map(|()| {
            Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "the connection does not answer",
            ))
        })
    }
}
