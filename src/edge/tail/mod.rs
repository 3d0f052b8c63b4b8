//! Following logs where they are written: a small program for the host's own shell, and this side of its words.
//!
//! `tail.sh` is sent over standard input each time and installed nowhere: following a log changes nothing on a host.
//! Bytes of a log travel on standard output alone, words about it on standard error. How a host is reached is the
//! business of `ssh` and `process`. When to try again is the engine's.

mod blocks;
mod clock;
mod command;
mod file;
#[cfg(test)]
mod made;
mod memory;
mod overlap;
mod session;
mod words;

use self::file::Follower;
pub use self::memory::Memory;
use self::session::Host;
pub use self::session::Opens;
pub(crate) use self::session::{LOADER, Stream, begun};
use crate::domain::checklist::Followed;
use crate::domain::id::{EnvName, HostName};
use crate::domain::log::TailSource;
use crate::edge::ssh::Sites;
use crate::port::{LaunchError, Skew, TailSink, TailStart, Tails};

impl Tails for Sites {
    type Memory = Memory;

    async fn tail<S: TailSink>(
        &self,
        source: &TailSource,
        start: TailStart,
        follow: bool,
        memory: &mut Memory,
        sink: &mut S,
    ) -> Result<(), LaunchError> {
        let place = Host {
            sites: self,
            env: &source.env,
            name: &source.host,
        };
        follow_at(&place, &source.log.what, start, follow, memory, sink).await
    }

    async fn clock(&self, env: &EnvName, host: &HostName) -> Result<Skew, LaunchError> {
        let place = Host {
            sites: self,
            env,
            name: host,
        };
        clock::compare(&place).await
    }
}

/// Follows a file or a command at a place, see [`Tails::tail`].
pub async fn follow_at<S: TailSink>(
    place: &impl Opens,
    what: &Followed,
    start: TailStart,
    follow: bool,
    memory: &mut Memory,
    sink: &mut S,
) -> Result<(), LaunchError> {
    match what {
        Followed::File(path) => {
            let follower = Follower::new(place, path, follow, memory, sink);
            follower.go_on(start).await
        }
        Followed::Run(line) => command::run(place, line, follow, sink).await,
    }
}
