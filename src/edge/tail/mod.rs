//! Following logs where they are written: a small program for the host's own shell, and this side of its words.
//!
//! `tail.sh` is sent over standard input each time and installed nowhere: following a log changes nothing on a host.
//! Bytes of a log travel on standard output alone, words about it on standard error. How a host is reached is the
//! business of `ssh` and `process`.

use crate::domain::id::{EnvName, HostName};
use crate::domain::log::TailSource;
use crate::edge::ssh::Sites;
use crate::port::{LaunchError, Skew, TailSink, TailStart, Tails};

impl Tails for Sites {
    async fn tail<S: TailSink>(
        &self,
        source: &TailSource,
        _start: TailStart,
        _follow: bool,
        _sink: &mut S,
    ) -> Result<(), LaunchError> {
        Err(LaunchError::Unreachable {
            place: source.host.to_string(),
            why: "not yet".to_owned(),
            help: None,
        })
    }

    async fn clock(&self, _env: &EnvName, host: &HostName) -> Result<Skew, LaunchError> {
        Err(LaunchError::Unreachable {
            place: host.to_string(),
            why: "not yet".to_owned(),
            help: None,
        })
    }
}
