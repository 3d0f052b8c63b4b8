//! Watching without a screen: the lines of a run that somebody else drives, and the exit code it ends with.
//!
//! Nothing is answered and nothing is stopped from here. When nobody drives the run any more, that is waited out for a
//! moment, in which a background runner may take over; then the process ends as if it had left the run there.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::{Driver, Face, aside};
use crate::app::report::{Code, Failure};
use crate::app::verdict::verdict;
use crate::app::watch::{News, Watcher};
use crate::domain::run::RunStatus;
use crate::engine::FeedReceiver;

/// How long a run may be driven by nobody before that is taken for the end.
const ALONE: Duration = Duration::from_secs(3);

impl<F: Face> Driver<F> {
    /// Shows what happens until the run ends, is left alone, or the operator has seen enough.
    pub async fn watch(
        &mut self,
        mut feed: FeedReceiver,
        mut watcher: Watcher,
        mut owner: Option<String>,
    ) -> Result<Code, Failure> {
        let broken = |error: std::io::Error| {
            Failure::new(
                Code::Failed,
                format!("could not listen to signals: {error}"),
            )
        };
        let mut interrupt = signal(SignalKind::interrupt()).map_err(broken)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(broken)?;
        loop {
            tokio::select! {
                update = feed.next() => match update {
                    Some(update) => self.take(update),
                    None => break,
                },
                Some(news) = watcher.next() => match news {
                    News::Owner(who) => {
                        let run = &self.state.run;
                        aside(&match &who {
                            Some(who) => format!("run {run} is driven by {who} now"),
                            None => format!("nobody drives run {run} any more"),
                        });
                        owner = who;
                    }
                    News::Broken(why) => return Err(Failure::new(Code::Failed, why)),
                },
                () = tokio::time::sleep(ALONE), if owner.is_none() => break,
                _ = interrupt.recv() => return Err(self.seen_enough(owner.as_deref())),
                _ = terminate.recv() => return Err(self.seen_enough(owner.as_deref())),
            }
        }
        self.flush_all();
        match self.state.status {
            RunStatus::Finished(_) => self.outcome(None),
            _ => verdict(&self.command, &self.state),
        }
    }

    fn seen_enough(&self, owner: Option<&str>) -> Failure {
        let who = owner.unwrap_or("nobody");
        let run = &self.state.run;
        Failure::new(
            Code::Stopped,
            format!(
                "run {run} is not watched any more; it is driven by {who}, and nothing was changed"
            ),
        )
        .help(format!("{} resume {run} watches it again", self.command))
    }
}
