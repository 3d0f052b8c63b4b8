//! Sources of servers' logs: what is followed where, and how each of them is now.

use std::time::Duration;

use super::super::checklist::LogSource;
use super::super::id::{EnvName, HostName};

/// One source on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailSource {
    /// The environment.
    pub env: EnvName,
    /// The host.
    pub host: HostName,
    /// What is followed there.
    pub log: LogSource,
}

/// How a source is now.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceState {
    /// It is being opened.
    Opening,
    /// There is no such file yet; it is looked for all the time.
    Waiting {
        /// What is not there.
        why: String,
    },
    /// Its lines come.
    Live,
    /// It broke and is opened again after this time.
    Lost {
        /// What went wrong.
        why: String,
        /// Until the next try.
        retry_in: Duration,
    },
    /// It cannot be opened, and nobody tries again by themselves.
    Failed {
        /// What went wrong.
        why: String,
        /// What the operator can do.
        help: Option<String>,
    },
    /// All of it was read, and no more was asked for.
    Ended,
}

/// A source as screens tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceNow {
    /// Which.
    pub source: TailSource,
    /// How it is.
    pub state: SourceState,
    /// How far its host's clock is ahead of ours, in seconds, and how exact that is; `None` = not measured.
    pub skew_s: Option<(f64, f64)>,
    /// Lines a second over the last seconds.
    pub rate: f64,
}
