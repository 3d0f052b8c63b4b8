//! A unit: one running attempt, from launch to report.
//!
//! Output goes to its file first, then to the feed. A broken connection is no end: the unit asks what became of
//! the attempt and follows it again from the byte where the file ends. Only a known end, or the certainty that
//! nobody knows it, is reported. A unit never decides what happens next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::FeedSender;
use super::leaving::LeftOut;
use super::recorder::Recorder;
use crate::domain::action::{Ending, Milestone};
use crate::domain::feed::{Link, Update};
use crate::domain::id::{Attempt, TaskId};
use crate::domain::output::readers;
use crate::domain::output::redact::Mask;
use crate::domain::run::Report;
use crate::port::{
    AttemptKey, Clock, Launch, LaunchError, Launcher, LogStore, LogWriter, Sink, Standing,
};

/// Where proofs are looked for: the end of the output.
const PROOF_WINDOW: u64 = 1 << 20;

/// The first pause before a lost host is asked again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// After how long a log file that could not be opened is tried again.
const OPEN_AGAIN: Duration = Duration::from_secs(2);

/// How often a host that was left out is looked for while an attempt of it is followed.
const LOOK: Duration = Duration::from_secs(5);

/// How long a place may take to remove the output of an attempt that is over.
const CLEARING: Duration = Duration::from_secs(5);

/// How a unit begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// The attempt was just journalled: launch it.
    Launch,
    /// The attempt was journalled by an earlier process: ask what became of it; launch it if it never started.
    FollowAgain,
}

/// One running attempt.
pub(crate) struct Unit<L, S, C> {
    pub(crate) launcher: Arc<L>,
    pub(crate) logs: Arc<S>,
    pub(crate) clock: Arc<C>,
    pub(crate) launch: Launch,
    pub(crate) begin: Begin,
    /// Earlier attempts whose end nobody could tell: it is not launched beside one of them that runs.
    pub(crate) unknown: Vec<Attempt>,
    /// The run is being stopped: what never started is withdrawn.
    pub(crate) is_stopping: Arc<watch::Sender<bool>>,
    /// Whether its host was left out: then it is waited for no longer than it answers.
    pub(crate) left_out: LeftOut,
    pub(crate) proof: Option<String>,
    pub(crate) milestone: Option<Milestone>,
    /// The secrets of the run: masked in all that is printed.
    pub(crate) mask: Mask,
    pub(crate) feed: FeedSender,
}

impl<L: Launcher, S: LogStore, C: Clock> Unit<L, S, C> {
    /// Runs to the report.
    pub(crate) async fn run(self) -> Report {
        let (task, attempt) = (self.launch.task.clone(), self.launch.attempt);
        let mut recorder = match self.recorder().await {
            Ok(recorder) => recorder,
            Err(report) => return report,
        };
        match self.drive(&mut recorder).await {
            Err(why) => Report::Fenced { task, attempt, why },
            Ok(standing) => self.report(&recorder, standing),
        }
    }

    /// Opens the log file. That of an attempt which may be running is tried again and again: it has an end, which nobody
    /// would hear otherwise. An error is the report instead.
    async fn recorder(&self) -> Result<Recorder<S::Writer, C>, Report> {
        let (task, attempt) = (self.launch.task.clone(), self.launch.attempt);
        let mut failing = false;
        loop {
            let error = match self.logs.open(&task, attempt) {
                Ok(writer) => {
                    return Ok(Recorder {
                        writer,
                        redactor: self.mask.redactor(),
                        clock: Arc::clone(&self.clock),
                        feed: self.feed.clone(),
                        task,
                        attempt,
                        failing,
                        begun: Arc::default(),
                    });
                }
                Err(error) => error,
            };
            let why = format!("its log file could not be opened: {error}");
            if self.begin == Begin::Launch {
                let ending = Ending::NotStarted(why);
                return Err(ended(task, attempt, ending, BTreeMap::new(), 0));
            }
            if self.starts_no_more() {
                return Err(Report::Lost { task, attempt, why });
            }
            if !std::mem::replace(&mut failing, true) {
                self.feed.send(Update::OutputFailed {
                    task: task.clone(),
                    attempt,
                    why,
                });
            }
            self.until_less_is_wanted(OPEN_AGAIN).await;
        }
    }

    /// Waits, no longer than until the run is stopped or the host is left out.
    async fn until_less_is_wanted(&self, pause: Duration) {
        let (mut stopping, mut left_out) = (self.is_stopping.subscribe(), self.left_out.clone());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            Ok(_) = stopping.wait_for(|stopping| *stopping) => {}
            () = left_out.has(&self.launch.place) => {}
        }
    }

    fn report(&self, recorder: &Recorder<S::Writer, C>, standing: Standing) -> Report {
        let (task, attempt) = (self.launch.task.clone(), self.launch.attempt);
        match standing {
            Standing::Ended { ending, size } => {
                let tail = recorder.writer.tail(PROOF_WINDOW).unwrap_or_default();
                let evidence =
                    readers::evidence(self.proof.as_deref(), self.milestone.as_ref(), &tail);
                ended(task, attempt, ending, evidence, size)
            }
            Standing::Void => ended(task, attempt, Ending::withdrawn(), BTreeMap::new(), 0),
            Standing::Unknown(why) => Report::Lost { task, attempt, why },
            Standing::Never | Standing::Running => {
                let why = "the site does not tell what became of it".to_owned();
                Report::Lost { task, attempt, why }
            }
        }
    }

    /// Launches or follows until the end is known. An error says why the lock does not let it start.
    async fn drive(&self, recorder: &mut Recorder<S::Writer, C>) -> Result<Standing, String> {
        let mut asked = self.begin != Begin::Launch;
        let (mut pause, mut lost) = (FIRST_PAUSE, false);
        loop {
            let before = recorder.offset();
            let outcome = if asked {
                self.while_needed(self.ask_and_follow(lost, recorder)).await
            } else {
                self.while_needed(self.launch(recorder)).await
            };
            lost = matches!(outcome, Err(LaunchError::Unreachable { .. }));
            let outcome = match outcome {
                Ok(Standing::Void) | Err(LaunchError::Fenced { .. }) if asked => {
                    self.as_proven(outcome).await
                }
                outcome => outcome,
            };
            match outcome {
                Ok(standing) if standing != Standing::Running => {
                    // A file that cannot be written now is written when there is room again.
                    if recorder.finish().is_ok() {
                        self.clear_away(&standing).await;
                        return Ok(standing);
                    }
                }
                Err(LaunchError::Fenced { why, .. }) => return Err(why),
                Err(LaunchError::Refused { why, .. }) if !asked => {
                    return Ok(Standing::Ended {
                        ending: Ending::NotStarted(why),
                        size: 0,
                    });
                }
                Err(LaunchError::Refused { why, .. }) => return Ok(Standing::Unknown(why)),
                Err(LaunchError::Unreachable { why, .. })
                    if self.left_out.is(&self.launch.place) =>
                {
                    let why = format!("it was left behind on a host that does not answer ({why})");
                    return Ok(Standing::Unknown(why));
                }
                Err(LaunchError::Unreachable { why, .. }) => self.tell_lost(why, pause),
                Ok(_) => {}
            }
            // From here on nobody knows whether the launch arrived: the site is asked first.
            asked = true;
            if recorder.offset() > before {
                pause = FIRST_PAUSE;
            }
            let (mut left_out, place) = (self.left_out.clone(), &self.launch.place);
            let may_be_left = !left_out.is(place);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = left_out.has(place), if may_be_left => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Output of a run with secrets does not stay where the attempt ran; it is here, masked. What cannot be removed now
    /// stays readable for its owner only, until the launcher clears up.
    async fn clear_away(&self, standing: &Standing) {
        if self.mask.is_empty() || !matches!(standing, Standing::Ended { .. }) {
            return;
        }
        let key = self.key();
        let removed = async {
            // A connection that broke just now is made anew; what is refused stays refused.
            while let Err(LaunchError::Unreachable { .. }) = self.launcher.drop_output(&key).await {
                tokio::time::sleep(FIRST_PAUSE).await;
            }
        };
        let _ = tokio::time::timeout(CLEARING, removed).await;
    }

    /// Launches and follows. A launch that still waits for its host must not arrive there after the run was stopped: it
    /// is given up then, and whether it has arrived is to be asked.
    async fn launch(&self, recorder: &mut Recorder<S::Writer, C>) -> Result<Standing, LaunchError> {
        if let Some(former) = self.still_running().await? {
            let why = format!("attempt {former}, whose end was not known, still runs there");
            let ending = Ending::NotStarted(why);
            return Ok(Standing::Ended { ending, size: 0 });
        }
        let begun = Arc::clone(&recorder.begun);
        tokio::select! {
            outcome = self.launcher.start(&self.launch, recorder) => outcome,
            () = self.stopped_before(&begun) => Ok(Standing::Running),
        }
    }

    /// An earlier attempt of unknown end that runs, as its place tells now. One that never arrived there never will.
    async fn still_running(&self) -> Result<Option<Attempt>, LaunchError> {
        for former in &self.unknown {
            let key = AttemptKey {
                attempt: *former,
                ..self.key()
            };
            let mut standing = self.launcher.status(&key).await?;
            if standing == Standing::Never {
                let grace = Duration::from_secs(self.launch.grace_s);
                self.launcher.cancel(&key, grace).await?;
                standing = self.launcher.status(&key).await?;
            }
            if standing == Standing::Running {
                return Ok(Some(*former));
            }
        }
        Ok(None)
    }

    /// Returns when the run is being stopped and the attempt has printed nothing yet.
    async fn stopped_before(&self, begun: &AtomicBool) {
        let mut stopping = self.is_stopping.subscribe();
        let is_stopped = stopping.wait_for(|stopping| *stopping).await.is_ok();
        if !is_stopped || begun.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    /// "It never ran" is proof only by the boot it was recorded for: a power cut loses claims that were not synced,
    /// and what was withdrawn after that may have run before.
    async fn as_proven(
        &self,
        outcome: Result<Standing, LaunchError>,
    ) -> Result<Standing, LaunchError> {
        let hello = self.launcher.hello(&self.launch.place).await?;
        if hello.identity == self.launch.identity {
            return outcome;
        }
        let why = "it was withdrawn after the machine had been restarted";
        Ok(Standing::Unknown(why.to_owned()))
    }

    fn starts_no_more(&self) -> bool {
        *self.is_stopping.borrow() || self.left_out.is(&self.launch.place)
    }

    /// Tells the faces that the place does not answer and when it is asked again.
    fn tell_lost(&self, why: String, retry_in: Duration) {
        self.feed.send(match self.launch.place.clone() {
            Some((env, host)) => Update::Connection {
                env,
                host,
                link: Link::Lost { why, retry_in },
            },
            None => Update::Here { why, retry_in },
        });
    }

    /// Waits for an exchange, which outlives lost connections, no longer than the host answers once it is left out.
    async fn while_needed(
        &self,
        exchange: impl Future<Output = Result<Standing, LaunchError>>,
    ) -> Result<Standing, LaunchError> {
        let mut left_out = self.left_out.clone();
        let silence = async {
            left_out.has(&self.launch.place).await;
            loop {
                match self.launcher.status(&self.key()).await {
                    Err(error @ LaunchError::Unreachable { .. }) => return Err(error),
                    _ => tokio::time::sleep(LOOK).await,
                }
            }
        };
        tokio::select! {
            outcome = exchange => outcome,
            silence = silence => silence,
        }
    }

    fn key(&self) -> AttemptKey {
        AttemptKey {
            run: self.launch.run.clone(),
            task: self.launch.task.clone(),
            attempt: self.launch.attempt,
            place: self.launch.place.clone(),
        }
    }

    /// Asks what became of the attempt and follows it. A place that was lost is greeted first: the faces hear it.
    async fn ask_and_follow(
        &self,
        lost: bool,
        recorder: &mut Recorder<S::Writer, C>,
    ) -> Result<Standing, LaunchError> {
        if lost && self.launch.place.is_some() {
            self.launcher.hello(&self.launch.place).await?;
        }
        let key = self.key();
        match self.launcher.status(&key).await? {
            // Nothing starts any more, also when its host could not be reached until now.
            Standing::Never if self.starts_no_more() => {
                let grace = Duration::from_secs(self.launch.grace_s);
                self.launcher.cancel(&key, grace).await?;
                self.launcher.status(&key).await
            }
            Standing::Never => self.launch(recorder).await,
            Standing::Running | Standing::Ended { .. } => {
                self.launcher.follow(&key, recorder).await
            }
            standing => Ok(standing),
        }
    }
}

fn ended(
    task: TaskId,
    attempt: Attempt,
    ending: Ending,
    evidence: BTreeMap<String, String>,
    output_size: u64,
) -> Report {
    Report::Ended {
        task,
        attempt,
        ending,
        evidence,
        output_size,
    }
}
