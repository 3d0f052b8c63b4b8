//! The logs of servers on screen: what comes is put into the spool and into a document at once.
//!
//! One task of its own takes what the sources give, so that neither keys nor frames wait for it; where it cannot keep
//! up, the sources wait on their hosts. It sleeps when nothing comes. Everything ends when [`Tail`] is dropped.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::{FixedOffset, Local};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::super::report::{Code, Failure};
use super::super::session::Project;
use super::super::tail::Tailing;
use super::errand::Answer;
use super::papers::{Bell, Sheet};
use crate::domain::feed::TailUpdate;
use crate::domain::id::{EnvName, LogName};
use crate::domain::log::{SourceNow, SourceState, TailSource, Voice};
use crate::domain::text::plural;
use crate::edge::logs::desk::Desk;
use crate::edge::logs::inflow::{Came, Gap, Inflow};
use crate::edge::logs::spool::{LIMIT, Spool};
use crate::port::TailStart;
use crate::ui::msg::{DocumentId, LogNews, Msg};

/// How many lines of the past are fetched.
const PAST: u64 = 200;
/// How often rates are told, as long as lines come.
const RATES: Duration = Duration::from_millis(500);
/// Over how many of these a rate is taken.
const STRETCHES: usize = 4;
/// How long leaving waits for connections.
const PATIENCE: Duration = Duration::from_secs(2);
/// The owner of what belongs to no source.
const NOBODY: usize = usize::MAX;

/// Logs of servers that are followed, until this is dropped.
pub(super) struct Tail {
    /// Their lines; owners are the places of sources.
    pub(super) sheet: Sheet,
    /// What is followed.
    pub(super) sources: Vec<TailSource>,
    pump: JoinHandle<()>,
    /// The pump goes on as long as this is there.
    goes_on: oneshot::Sender<()>,
}

impl Tail {
    /// Begins to follow the logs of these names (none = all) of an environment. What is heard of sources goes to
    /// `answers`. Must be called inside a tokio runtime.
    pub(super) fn begin(
        project: &Project,
        env: &EnvName,
        names: &[LogName],
        bell: &Bell,
        answers: mpsc::UnboundedSender<Answer>,
    ) -> Result<Self, Failure> {
        let tailing = Tailing::begin(project, env, names, TailStart::Lines(PAST), true)?;
        let sources = tailing.sources.clone();
        let spool = Spool::make(&project.folders.cache, sources.len(), LIMIT);
        let spool = spool.map_err(|error| {
            let text = format!("could not make room for the logs: {error}");
            Failure::new(Code::Failed, text)
        })?;
        let sheet = Sheet::new(DocumentId::Tail, bell);
        let mut pump = Pump::new(Arc::clone(&sheet.desk), spool, &sources, answers);
        pump.tell_sources();
        let (goes_on, end) = oneshot::channel();
        Ok(Self {
            sheet,
            sources,
            pump: tokio::spawn(pump.go_on(tailing, end)),
            goes_on,
        })
    }

    /// Ends the following; returns when its connections are gone, or at the latest after a short time.
    pub(super) async fn close(self) {
        drop(self.goes_on);
        let _ = tokio::time::timeout(PATIENCE, self.pump).await;
    }
}

/// Takes what the sources give.
struct Pump {
    desk: Arc<Desk>,
    inflow: Inflow,
    /// It was told that lines that come are not kept.
    is_unkept: bool,
    sources: Vec<Source>,
    answers: mpsc::UnboundedSender<Answer>,
}

/// One source while it is followed.
struct Source {
    now: SourceNow,
    /// Lines that came in the last stretches of time, the newest last.
    came: [u64; STRETCHES],
}

impl Pump {
    fn new(
        desk: Arc<Desk>,
        spool: Spool,
        sources: &[TailSource],
        answers: mpsc::UnboundedSender<Answer>,
    ) -> Self {
        let offset = *Local::now().offset();
        let source = |source: &TailSource| Source {
            now: SourceNow {
                source: source.clone(),
                state: SourceState::Opening,
                skew_s: None,
                rate: 0.0,
            },
            came: [0; STRETCHES],
        };
        Self {
            sources: sources.iter().map(source).collect(),
            inflow: Inflow::new(Arc::clone(&desk), spool, sources.len(), offset),
            is_unkept: false,
            desk,
            answers,
        }
    }

    async fn go_on(mut self, mut tailing: Tailing, mut end: oneshot::Receiver<()>) {
        let mut rates = tokio::time::interval(RATES);
        rates.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let is_lively =
                |source: &Source| source.now.rate > 0.0 || source.came != [0; STRETCHES];
            let is_lively = self.sources.iter().any(is_lively);
            tokio::select! {
                update = tailing.next() => match update {
                    Some(update) => self.take(update),
                    // All of it was told; nothing is followed any more.
                    None => return tailing.close().await,
                },
                _ = &mut end => return tailing.close().await,
                _ = rates.tick(), if is_lively => self.tell_rates(),
            }
        }
    }

    fn take(&mut self, update: TailUpdate) {
        match update {
            TailUpdate::Bytes { source, at, bytes } => {
                let at_ms = at.timestamp_millis();
                let taken = self.inflow.take(source, at_ms, &bytes);
                self.count(source, at_ms, taken);
            }
            TailUpdate::State { source, state } => {
                if let Some(known) = self.sources.get_mut(source) {
                    known.now.state = state;
                }
                self.tell_sources();
            }
            TailUpdate::Said { source, at, text } => {
                let at_ms = at.timestamp_millis();
                self.desk.say(source, at_ms, Voice::Golive, &text);
            }
            TailUpdate::Deed { at, voice, text } => {
                // It belongs to no source: nobody can hide it.
                self.desk.say(NOBODY, at.timestamp_millis(), voice, &text);
            }
            TailUpdate::Clock {
                source,
                skew_s,
                error_s,
                zone_s,
            } => {
                let zone = zone_s.and_then(FixedOffset::east_opt);
                // What may be the way of the question only is no difference.
                let ahead_s = if skew_s.abs() > error_s { skew_s } else { 0.0 };
                self.inflow.set_clock(source, ahead_s, zone);
                if let Some(known) = self.sources.get_mut(source) {
                    known.now.skew_s = Some((skew_s, error_s));
                }
                self.tell_sources();
            }
        }
    }

    /// Counts lines that came; says where some could not be kept.
    fn count(&mut self, source: usize, at_ms: i64, came: Came) {
        let known = self.sources.get_mut(source);
        if let Some(newest) = known.and_then(|known| known.came.last_mut()) {
            *newest += came.lines;
        }
        match came.gap {
            Some(Gap::Begins(error)) => {
                // The reason comes first: what has no room on screen is the end of a line.
                let why = not_kept(&error);
                let text = format!("{why}: lines are missing from here on");
                self.desk.say(source, at_ms, Voice::Failed, &text);
                self.is_unkept = true;
                self.tell(LogNews::Unkept(Some(why)));
            }
            Some(Gap::Ends(missing)) => {
                let text = format!(
                    "lines are kept again; missing above: {}",
                    plural("byte", missing as usize)
                );
                self.desk.say(source, at_ms, Voice::Golive, &text);
            }
            None => {}
        }
        // Whose lines were missing may be quiet for long.
        if self.is_unkept && !self.inflow.is_full() {
            self.is_unkept = false;
            self.tell(LogNews::Unkept(None));
        }
    }

    /// Works the rates out anew and tells them when they changed.
    fn tell_rates(&mut self) {
        let stretch = RATES.as_secs_f64() * STRETCHES as f64;
        let mut changed = false;
        for source in &mut self.sources {
            let rate = source.came.iter().sum::<u64>() as f64 / stretch;
            changed |= (rate - source.now.rate).abs() > f64::EPSILON;
            source.now.rate = rate;
            source.came.rotate_left(1);
            source.came[STRETCHES - 1] = 0;
        }
        if changed {
            self.tell_sources();
        }
    }

    fn tell_sources(&mut self) {
        let sources = self.sources.iter().map(|source| source.now.clone());
        self.tell(LogNews::Sources(sources.collect()));
    }

    fn tell(&self, news: LogNews) {
        let _ = self.answers.send(Answer::Msg(Box::new(Msg::Log(news))));
    }
}

/// Why lines could not be kept, in few words.
fn not_kept(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::StorageFull {
        return "disk full".to_owned();
    }
    let error = error.to_string();
    let why = error.split(" (os error").next().unwrap_or_default();
    why.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_lines_are_missing_is_told_in_few_words() {
        assert_eq!(not_kept(&io::Error::from_raw_os_error(28)), "disk full");
        let too_large = io::Error::from_raw_os_error(27);
        assert_eq!(not_kept(&too_large), "File too large");
    }
}
