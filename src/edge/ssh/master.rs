//! One master: an `ssh` process that holds one connection, and the sessions opened in it.
//!
//! The process is started here and not by the `openssh` crate, which cannot pass what a full-screen console needs:
//! options that hold for jump hosts (they travel in a file given as `-F`), no terminal of its own, no forwardings
//! of the user's that a second master would fail to bind, a time limit. The crate attaches to its control socket.
//! `ssh -f` returns when the connection stands, and the process behind ends by itself when it was idle for long.
//!
//! Every call has a time limit: a frozen master takes requests and never answers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use openssh::{Child, Session};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::control::{Configuration, Control, configuration_text};
use super::failure::{self, Failure};
use super::mux;

/// How long a connection without sessions stays open, in seconds.
const IDLE_FOR: u32 = 600;
/// What opening a session may take: two round trips of the network.
const SESSION_LIMIT: Duration = Duration::from_secs(10);
/// What a living master needs at most to say so; it needs no network for that.
const ALIVE_LIMIT: Duration = Duration::from_secs(3);
/// Between two such questions while somebody waits for output.
const ALIVE_EVERY: Duration = Duration::from_secs(3);
/// Between two of those of a session that may rest for hours.
const ALIVE_SELDOM: Duration = Duration::from_secs(60);
/// What a master may take to end before it is killed.
const END_LIMIT: Duration = Duration::from_millis(500);

/// A session of a master: a command that runs on the host, with its pipes.
pub(super) type Running = Child<Arc<Session>>;

/// How closely a master is watched for one of its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// Always: a run waits for it.
    Steady,
    /// Ever less often as long as it answers: who only reads may rest, and so does the machine.
    Easing,
}

/// How long it is waited for the next question after one was answered.
fn next_pause(pause: Duration, care: Care) -> Duration {
    match care {
        Care::Steady => ALIVE_EVERY,
        Care::Easing => (pause * 4).min(ALIVE_SELDOM),
    }
}

/// Why a session could not be opened.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The server has as many sessions in this connection as it allows.
    Full,
    /// The master or its connection is gone, or does not answer.
    Gone(String),
}

/// A connection that stands.
#[derive(Debug)]
pub(super) struct Master {
    session: Arc<Session>,
    socket: PathBuf,
    process: i32,
}

impl Master {
    /// Connects to `destination`. `serial` names the control socket, and is used once.
    pub(super) async fn connect(
        control: &Control,
        serial: u64,
        destination: &str,
        wanted: &Configuration,
    ) -> Result<Self, Failure> {
        let text = configuration_text(wanted).map_err(|why| unreadable(&why, wanted))?;
        let config = control.write_configuration(&text).map_err(|why| {
            Failure::passing(format!(
                "the folder for ssh's sockets cannot be written: {why}"
            ))
        })?;
        let attempt = Attempt {
            socket: control.socket(serial),
            log: control.log(serial),
            config,
            destination,
        };
        let made = attempt.make(wanted, false).await;
        let made = match made {
            // Only its debug output tells the fingerprint of an unknown key, and what a jump host had to say.
            Err(failure) if failure.kind.has_more_to_say() => attempt.make(wanted, true).await,
            other => other,
        };
        let _ = fs::remove_file(&attempt.log);
        made?;
        let socket = attempt.socket;
        let process = timeout(ALIVE_LIMIT, mux::alive(&socket)).await;
        let Ok(Ok(process)) = process else {
            return Err(Failure::passing("the connection was lost at once"));
        };
        Ok(Self {
            session: Arc::new(Session::resume_mux(socket.clone().into(), None)),
            socket,
            process,
        })
    }

    /// Starts a command for the shell of the host, with three pipes.
    pub(super) async fn open(&self, command: &str) -> Result<Running, Refusal> {
        let mut wanted = Arc::clone(&self.session).arc_raw_command(command);
        wanted
            .stdin(openssh::Stdio::piped())
            .stdout(openssh::Stdio::piped())
            .stderr(openssh::Stdio::piped());
        match timeout(SESSION_LIMIT, wanted.spawn()).await {
            Ok(Ok(child)) => Ok(child),
            Ok(Err(why)) => Err(refusal(&why)),
            Err(_) => Err(Refusal::Gone("the connection does not answer".to_owned())),
        }
    }

    /// Whether the process answers.
    pub(super) async fn is_alive(&self) -> bool {
        matches!(
            timeout(ALIVE_LIMIT, mux::alive(&self.socket)).await,
            Ok(Ok(_))
        )
    }

    /// Returns when the master is gone or frozen, which its pipes do not always tell; never before. It is asked only
    /// while `busy` holds.
    pub(super) async fn lost(&self, busy: &mut watch::Receiver<bool>, care: Care) {
        let mut pause = ALIVE_EVERY;
        loop {
            // Who let go of the other end leaves it as it was.
            if busy.wait_for(|busy| *busy).await.is_err() {
                std::future::pending::<()>().await;
            }
            sleep(pause).await;
            if *busy.borrow() && !self.is_alive().await {
                return;
            }
            pause = next_pause(pause, care);
        }
    }

    /// Ends the master and every session in it: it is asked, and killed when it does not answer.
    pub(super) async fn end(&self) {
        // An answer that is an error means that nobody is there, which is what was wanted.
        let asked = timeout(END_LIMIT, mux::terminate(&self.socket)).await;
        if asked.is_ok() {
            return;
        }
        // Only while somebody listens at the socket, in a folder of ours, is the number still that of the master.
        let listens = timeout(END_LIMIT, UnixStream::connect(&self.socket)).await;
        if let (Ok(Ok(_)), Some(process)) = (listens, Pid::from_raw(self.process)) {
            let _ = kill_process(process, Signal::KILL);
        }
        let _ = fs::remove_file(&self.socket);
    }
}

/// What one connection is made with.
struct Attempt<'a> {
    socket: PathBuf,
    log: PathBuf,
    config: PathBuf,
    destination: &'a str,
}

impl Attempt<'_> {
    /// Runs `ssh` until its connection stands and it has gone to the background.
    async fn make(&self, wanted: &Configuration, debug: bool) -> Result<(), Failure> {
        let log = fs::File::create(&self.log)
            .map_err(|why| Failure::passing(format!("the control folder is lost: {why}")))?;
        let mut ssh = self.command(debug);
        for name in &wanted.hidden {
            ssh.env_remove(name);
        }
        ssh.stderr(log);
        let ended = timeout(wanted.connect_timeout, ssh.status()).await;
        let said =
            || String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned();
        match ended {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(_)) => Err(failure::read(
                &said(),
                self.destination,
                wanted.file.as_deref(),
            )),
            Ok(Err(why)) if why.kind() == io::ErrorKind::NotFound => Err(Failure::lasting(
                "the program `ssh` is not installed",
                Some("install the OpenSSH client".to_owned()),
            )),
            Ok(Err(why)) => Err(Failure::passing(format!("ssh could not be started: {why}"))),
            Err(_) => {
                let mut failure = failure::read(
                    "Connection timed out",
                    self.destination,
                    wanted.file.as_deref(),
                );
                failure.why = format!(
                    "no connection within {} s",
                    wanted.connect_timeout.as_secs_f32()
                );
                Err(failure)
            }
        }
    }

    fn command(&self, debug: bool) -> Command {
        let mut ssh = Command::new("ssh");
        if let Some(setsid) = &*SETSID {
            // Without a terminal of its own nothing below ssh (a proxy command, an agent's helper) can ask there.
            ssh = Command::new(setsid);
            ssh.arg("ssh");
        } else {
            // Outside the terminal's foreground group a question stops the process, and the time limit ends it.
            ssh.process_group(0);
        }
        ssh.env_remove("SSH_ASKPASS")
            .env("SSH_ASKPASS_REQUIRE", "never")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        ssh.arg("-F").arg(&self.config);
        ssh.arg("-S").arg(&self.socket);
        ssh.args(["-M", "-N", "-f", "-T"]);
        if debug {
            // Not the log level alone: a persistent master silences its jump hosts unless this is given.
            ssh.arg("-v");
        }
        for option in [
            "ClearAllForwardings=yes",
            "ExitOnForwardFailure=no",
            "RemoteCommand=none",
            if debug {
                "LogLevel=DEBUG1"
            } else {
                "LogLevel=INFO"
            },
        ] {
            ssh.arg("-o").arg(option);
        }
        ssh.arg("-o").arg(format!("ControlPersist={IDLE_FOR}"));
        ssh.arg("--").arg(self.destination);
        ssh
    }
}

static SETSID: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let places = std::env::var_os("PATH")?;
    std::env::split_paths(&places)
        .map(|folder| folder.join("setsid"))
        .find(|program| program.is_file())
});

fn unreadable(why: &io::Error, wanted: &Configuration) -> Failure {
    // Only a file that the user named is read here.
    let file = wanted.file.as_deref().unwrap_or(Path::new(""));
    Failure::lasting(
        format!(
            "the ssh configuration {} cannot be read: {why}",
            file.display()
        ),
        Some("see `[ssh] config` in releases.toml and GOLIVE_SSH_CONFIG".to_owned()),
    )
}

fn refusal(why: &openssh::Error) -> Refusal {
    let cause = std::error::Error::source(why).map_or_else(|| why.to_string(), ToString::to_string);
    // What a master says when the server answers `open failed`: `MaxSessions` is reached.
    if cause.contains("Session open refused by peer") {
        Refusal::Full
    } else {
        Refusal::Gone(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_only_reads_asks_ever_less_often_and_a_run_always_as_often() {
        let mut pauses = vec![ALIVE_EVERY];
        for _ in 0..4 {
            pauses.push(next_pause(pauses[pauses.len() - 1], Care::Easing));
        }
        let seconds: Vec<u64> = pauses.iter().map(Duration::as_secs).collect();
        assert_eq!(seconds, [3, 12, 48, 60, 60]);
        assert_eq!(next_pause(ALIVE_SELDOM, Care::Steady), ALIVE_EVERY);
    }
}
