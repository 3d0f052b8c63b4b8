//! What golive is measured against: the bare loop over the mux protocol, and `ssh` in a shell loop.
//!
//! The bare loop is the limit: nothing that opens one session per step and waits for all hosts after each can be
//! faster. It keeps nothing, records nothing, and loses everything when it dies.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use futures_util::future::join_all;
use openssh::Session;

use super::contest::Contest;
use super::measure::{Taken, inside, masters_below, outside};

/// What the control sockets of the rivals begin with.
const PREFIX: &str = "rival-";

/// One open connection per host.
pub(crate) struct Masters {
    sessions: Vec<Session>,
    processes: Vec<i32>,
}

impl Masters {
    /// Opens the connections.
    pub(crate) async fn open(contest: &Contest) -> Self {
        let opened = contest.hosts.iter().map(|host| async move {
            let socket = socket(contest, host);
            let mut ssh = tokio::process::Command::new("ssh");
            ssh.args(["-M", "-N", "-f", "-o", "ControlPersist=600", "-F"])
                .arg(&contest.config)
                .arg("-S")
                .arg(&socket)
                .arg(host)
                // A master holds the standard error it was given for as long as it lives.
                .stderr(Stdio::null());
            let ended = ssh.status().await.unwrap();
            assert!(ended.success(), "no connection to {host}");
            Session::resume_mux(socket.into(), None)
        });
        Self {
            sessions: join_all(opened).await,
            processes: masters_below(&contest.sockets().join(PREFIX)),
        }
    }

    /// One session per step and host, a barrier after each step.
    pub(crate) async fn limit(&self, contest: &Contest) -> Taken {
        inside(&self.processes, async {
            for (command, once) in contest.steps.commands() {
                let hosts = if once { 1 } else { self.sessions.len() };
                let step = self.sessions[..hosts].iter().map(|session| async {
                    let mut session = session.raw_command(&command);
                    let ended = session.status().await.unwrap();
                    assert!(ended.success());
                });
                join_all(step).await;
            }
        })
        .await
    }

    /// `ssh` once per step and host, over the open connections.
    pub(crate) async fn shell_loop(&self, contest: &Contest) -> Taken {
        let folder = contest.sockets().display().to_string();
        shell(contest, &format!("-S {folder}/{PREFIX}$host")).await
    }

    /// Ends the connections.
    pub(crate) async fn close(self, contest: &Contest) {
        drop(self.sessions);
        for host in &contest.hosts {
            let mut ssh = tokio::process::Command::new("ssh");
            ssh.args(["-q", "-O", "exit", "-F"])
                .arg(&contest.config)
                .arg("-S")
                .arg(socket(contest, host))
                .arg(host)
                .stderr(Stdio::null());
            ssh.status().await.unwrap();
        }
    }
}

fn socket(contest: &Contest, host: &str) -> PathBuf {
    contest.sockets().join(format!("{PREFIX}{host}"))
}

/// `ssh` once per step and host, each with a connection of its own.
pub(crate) async fn cold_loop(contest: &Contest) -> Taken {
    shell(contest, "-S none").await
}

async fn shell(contest: &Contest, options: &str) -> Taken {
    let all = contest.hosts.join(" ");
    let config = contest.config.display();
    let mut text = String::from("set -e\n");
    for (command, once) in contest.steps.commands() {
        let hosts = if once {
            contest.hosts[0].as_str()
        } else {
            &all
        };
        writeln!(
            text,
            "for host in {hosts}; do ssh -n -F {config} {options} $host '{command}' & done; wait"
        )
        .unwrap();
    }
    let mut bash = tokio::process::Command::from(contest.clean(Command::new("bash")));
    bash.arg("-c").arg(text);
    outside(async {
        assert!(bash.status().await.unwrap().success());
    })
    .await
}
