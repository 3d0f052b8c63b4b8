//! The logs of servers on screen: which environment, its sources, what of them shows, lines over time.
//!
//! Owns where the operator stands on the logs screen and what was told about sources. The lines themselves are the
//! viewer's. Everything here only looks; servers are read, never changed.

use std::collections::BTreeSet;

use crate::domain::id::EnvName;
use crate::domain::log::{Bucket, SourceNow, SourceState};
use crate::domain::run::Moment;
use crate::ui::msg::DocumentId;
use crate::ui::viewer::{Label, Labels, Sort, Viewer};

/// How long the small histogram reaches back, in milliseconds.
pub const LATELY_MS: i64 = 15 * 60 * 1000;

/// The panes of the logs screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogsPane {
    /// The sources.
    Sources,
    /// The lines.
    Log,
    /// Lines over time.
    Histogram,
}

/// The logs of an environment on screen.
#[derive(Debug, Clone)]
pub struct TailView {
    /// The environment.
    pub env: EnvName,
    /// The lines.
    pub viewer: Viewer,
    /// The sources; their places are the owners of lines.
    pub sources: Vec<SourceNow>,
    /// Something was heard of the sources.
    pub heard: bool,
    /// Why lines that come cannot be kept; `None` = they are.
    pub unkept: Option<String>,
    /// Why its logs cannot be followed at all.
    pub failed: Option<String>,
    /// The pane that has the keys.
    pub pane: LogsPane,
    /// That pane alone is shown.
    pub zoom: bool,
    /// The cursor in the sources.
    pub cursor: usize,
    /// The last minutes.
    pub lately: Histogram,
    /// The whole time of the log, when it is looked at.
    pub whole: Option<Histogram>,
    /// When lines over time were asked for last.
    pub asked: Option<Moment>,
    /// The operator chose the environment.
    pub chosen: bool,
}

/// Lines over time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Begin and end in milliseconds since 1970.
    pub span_ms: (i64, i64),
    /// Equal stretches of it, oldest first; empty = not told yet.
    pub buckets: Vec<Bucket>,
    /// The stretch the cursor is on.
    pub cursor: usize,
}

impl TailView {
    /// An environment whose logs are asked for.
    pub fn new(env: EnvName) -> Self {
        Self {
            env,
            viewer: Viewer::new(DocumentId::Tail, labels(&[])),
            sources: Vec::new(),
            heard: false,
            unkept: None,
            failed: None,
            pane: LogsPane::Log,
            zoom: false,
            cursor: 0,
            lately: Histogram::default(),
            whole: None,
            asked: None,
            chosen: false,
        }
    }

    /// Sources whose lines come, and lines a second of all of them.
    pub fn live(&self) -> (usize, f64) {
        let live = |now: &&SourceNow| now.state == SourceState::Live;
        let live = self.sources.iter().filter(live);
        live.fold((0, 0.0), |(count, rate), now| (count + 1, rate + now.rate))
    }

    /// Takes what was told of the sources.
    pub fn hear(&mut self, sources: Vec<SourceNow>) {
        let named = |sources: &[SourceNow]| -> Vec<_> {
            sources.iter().map(|now| now.source.clone()).collect()
        };
        if named(&sources) != named(&self.sources) {
            self.viewer.set_labels(labels(&sources));
        }
        self.sources = sources;
        self.heard = true;
        self.failed = None;
        self.cursor = self.cursor.min(self.sources.len().saturating_sub(1));
    }

    /// Nothing comes, what came before broke, and golive tries again by itself.
    pub fn is_lost(&self) -> bool {
        let lost = |now: &SourceNow| matches!(now.state, SourceState::Lost { .. });
        self.live().0 == 0 && self.sources.iter().any(lost)
    }

    /// Nothing comes so far, because a file is not there yet.
    pub fn waits(&self) -> bool {
        let waits = |now: &SourceNow| matches!(now.state, SourceState::Waiting { .. });
        self.live().0 == 0 && self.sources.iter().any(waits)
    }

    /// No log is named for the hosts of the environment.
    pub fn is_empty(&self) -> bool {
        self.heard && self.sources.is_empty()
    }

    /// Nothing comes any more, and nobody tries by themselves.
    pub fn is_dead(&self) -> bool {
        let dead = |now: &SourceNow| matches!(now.state, SourceState::Failed { .. });
        !self.sources.is_empty() && self.sources.iter().all(dead)
    }
}

/// The hosts of sources, without the domain when they are told apart without it.
pub fn hosts(sources: &[SourceNow]) -> Vec<String> {
    let whole = || sources.iter().map(|now| now.source.host.as_str());
    let first = |host: &'_ str| host.split('.').next().unwrap_or(host).to_owned();
    let is_number = |host: &str| host.chars().all(|c| c.is_ascii_digit() || c == '.');
    let short: BTreeSet<String> = whole().map(first).collect();
    let all: BTreeSet<&str> = whole().collect();
    if short.len() == all.len() && !short.contains("") && !all.iter().any(|host| is_number(host)) {
        whole().map(first).collect()
    } else {
        whole().map(str::to_owned).collect()
    }
}

/// How the lines of sources are called: by letter and host.
fn labels(sources: &[SourceNow]) -> Labels {
    let hosts = hosts(sources);
    let label = |(place, name): (usize, String)| {
        let label = Label {
            letter: letter(place).chars().next(),
            name,
            color: place,
        };
        (place, label)
    };
    Labels {
        sort: Sort::Tail,
        owners: hosts.into_iter().enumerate().map(label).collect(),
        start_ms: None,
    }
}

/// The letter of a source: `a` to `z`, then `A` to `Z`, then digits; those behind them share `*`.
pub fn letter(place: usize) -> String {
    let mut letters = ('a'..='z').chain('A'..='Z').chain('0'..='9');
    letters.nth(place).unwrap_or('*').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::checklist::{Followed, LogSource, On};
    use crate::domain::id::{HostName, LogName};
    use crate::domain::log::TailSource;

    fn on(names: &[&str]) -> Vec<String> {
        let source = |host: &&str| SourceNow {
            source: TailSource {
                env: EnvName::from("production"),
                host: HostName::from(*host),
                log: LogSource {
                    name: LogName::from("app"),
                    on: On::All,
                    what: Followed::File("app.log".to_owned()),
                },
            },
            state: SourceState::Live,
            skew_s: None,
            rate: 0.0,
        };
        hosts(&names.iter().map(source).collect::<Vec<_>>())
    }

    #[test]
    fn hosts_lose_their_domain_when_they_are_told_apart_without_it() {
        assert_eq!(
            on(&["web1.example.org", "web2.example.org"]),
            ["web1", "web2"]
        );
        assert_eq!(
            on(&["web1.example.org", "web1.example.org"]),
            ["web1", "web1"]
        );
        assert_eq!(on(&["web1.eu", "web1.us"]), ["web1.eu", "web1.us"]);
        assert_eq!(on(&["10.0.0.1", "10.0.0.2"]), ["10.0.0.1", "10.0.0.2"]);
    }
}
