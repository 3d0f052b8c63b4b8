//! The logs of servers on screen: what comes is put into the spool and into a document at once.
//!
//! One task of its own takes what the sources give, so that neither keys nor frames wait for it; where it cannot keep
//! up, the sources wait on their hosts. It sleeps when nothing comes. Everything ends when [`Tail`] is dropped.

use std::sync::Arc;
use std::time::Duration;

use chrono::Local;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::super::report::{Code, Failure};
use super::super::session::Project;
use super::super::tail::Tailing;
use super::errand::Answer;
use super::papers::{Bell, Sheet};
use crate::domain::checklist::Followed;
use crate::domain::feed::TailUpdate;
use crate::domain::id::{EnvName, LogName};
use crate::domain::log::document::LineFact;
use crate::domain::log::intake::Intake;
use crate::domain::log::{SourceNow, SourceState, TailSource, TrackId, Voice};
use crate::edge::logs::desk::Desk;
use crate::edge::logs::files::Paper;
use crate::edge::logs::spool::{LIMIT, Spool};
use crate::port::TailStart;
use crate::ui::msg::{DocumentId, LogNews, Msg};

/// How many lines of the past are fetched.
const PAST: u64 = 200;
/// How often rates are told, as long as lines come.
const RATES: Duration = Duration::from_millis(500);
/// Over how many of these a rate is taken.
const STRETCHES: usize = 4;

/// Logs of servers that are followed, until this is dropped.
pub(super) struct Tail {
    /// Their lines; owners are the places of sources.
    pub(super) sheet: Sheet,
    /// What is followed.
    pub(super) sources: Vec<TailSource>,
    pump: AbortHandle,
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.pump.abort();
    }
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
        let pump = tokio::spawn(pump.go_on(tailing)).abort_handle();
        Ok(Self {
            sheet,
            sources,
            pump,
        })
    }
}

/// Takes what the sources give.
struct Pump {
    desk: Arc<Desk>,
    spool: Spool,
    sources: Vec<Source>,
    answers: mpsc::UnboundedSender<Answer>,
    facts: Vec<LineFact>,
    /// The spool could not be written, and that was said.
    is_failing: bool,
}

/// One source while it is followed.
struct Source {
    now: SourceNow,
    track: TrackId,
    intake: Intake,
    /// The last byte that came ended a line.
    is_between_lines: bool,
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
        let reader = spool.reader();
        let offset = *Local::now().offset();
        let source = |(owner, source): (usize, &TailSource)| Source {
            now: SourceNow {
                source: source.clone(),
                state: SourceState::Opening,
                skew_s: None,
                rate: 0.0,
            },
            track: desk.add(owner, Paper::Spool(reader.clone(), owner)),
            intake: Intake::new(offset),
            is_between_lines: true,
            came: [0; STRETCHES],
        };
        Self {
            sources: sources.iter().enumerate().map(source).collect(),
            desk,
            spool,
            answers,
            facts: Vec::new(),
            is_failing: false,
        }
    }

    async fn go_on(mut self, mut tailing: Tailing) {
        let mut rates = tokio::time::interval(RATES);
        rates.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let is_lively = self.sources.iter().any(|source| source.now.rate > 0.0);
            let came = self
                .sources
                .iter()
                .any(|source| source.came != [0; STRETCHES]);
            tokio::select! {
                update = tailing.next() => match update {
                    Some(update) => self.take(update),
                    None => return std::future::pending().await,
                },
                _ = rates.tick(), if is_lively || came => self.tell_rates(),
            }
        }
    }

    fn take(&mut self, update: TailUpdate) {
        match update {
            TailUpdate::Bytes { source, at, bytes } => {
                self.printed(source, at.timestamp_millis(), &bytes);
            }
            TailUpdate::State { source, state } => {
                if let Some(known) = self.sources.get_mut(source) {
                    let what = &known.now.source.log.what;
                    let goes_on_exactly = matches!(what, Followed::File(_));
                    let is_cut = state != SourceState::Live && !known.is_between_lines;
                    known.now.state = state;
                    if is_cut && !goes_on_exactly {
                        // What comes next begins a line of its own.
                        let now_ms = Local::now().timestamp_millis();
                        self.printed(source, now_ms, b"\n");
                    }
                }
                self.tell_sources();
            }
            TailUpdate::Said { source, at, text } => {
                let at_ms = at.timestamp_millis();
                self.desk.say(source, at_ms, Voice::Golive, &text);
            }
            TailUpdate::Deed { at, voice, text } => {
                // It belongs to no source: nobody can hide it.
                self.desk
                    .say(usize::MAX, at.timestamp_millis(), voice, &text);
            }
            TailUpdate::Clock {
                source,
                skew_s,
                error_s,
            } => {
                if let Some(known) = self.sources.get_mut(source) {
                    known.now.skew_s = Some((skew_s, error_s));
                    known.intake.set_skew(skew_s);
                }
                self.tell_sources();
            }
        }
    }

    /// Puts bytes into the spool first, then their lines into the document.
    fn printed(&mut self, source: usize, at_ms: i64, bytes: &[u8]) {
        let Some(known) = self.sources.get_mut(source) else {
            return;
        };
        let given_up = match self.spool.append(source, bytes) {
            Ok(given_up) => given_up,
            Err(error) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    let text = format!("lines are missing here: could not keep them: {error}");
                    self.desk.say(source, at_ms, Voice::Failed, &text);
                }
                return;
            }
        };
        self.is_failing = false;
        known.is_between_lines = bytes.last().map_or(known.is_between_lines, |b| *b == b'\n');
        let facts = &mut self.facts;
        known.intake.push(at_ms, bytes, &mut |taken| {
            facts.push(LineFact {
                len: taken.len,
                at_ms: taken.at_ms,
                level: taken.level,
                moved: taken.moved,
                goes_on: taken.goes_on,
            });
        });
        if let Some(newest) = known.came.last_mut() {
            *newest += facts.len() as u64;
        }
        if !facts.is_empty() {
            self.desk.take(known.track, facts, at_ms);
            facts.clear();
        }
        for gone in given_up {
            if let Some(poorer) = self.sources.get(gone.source) {
                self.desk.drop_before(poorer.track, gone.first_line);
            }
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
        let news = LogNews::Sources(sources.collect());
        let _ = self.answers.send(Answer::Msg(Box::new(Msg::Log(news))));
    }
}
