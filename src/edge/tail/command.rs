//! Following what a command on a host prints.
//!
//! Its output is taken as it comes; where it began nobody knows, so that nothing can be gone on with after a break. When
//! this side leaves, the command's whole process group ends on the host.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::session::{Opens, Session, broken};
use super::words::Word;
use crate::port::{LaunchError, TailPiece, TailSink};

/// How long the host may take to start it.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Without following: so long may it take until the first bytes come …
const FIRST: Duration = Duration::from_secs(5);
/// … so long is waited for more …
const QUIET: Duration = Duration::from_secs(1);
/// … and so long is read what never rests. The time of who takes it does not count.
const MOST: Duration = Duration::from_secs(10);

/// Runs the command until it ends, something breaks, or without following until it is quiet.
pub(super) async fn run<S: TailSink>(
    place: &impl Opens,
    command: &str,
    follow: bool,
    sink: &mut S,
) -> Result<(), LaunchError> {
    let asked = [("g_mode", "run"), ("g_command", command)];
    let mut session = Session::begin(place, &asked).await?;
    let failed = |why: &str| broken(place, why);
    match timeout(START_LIMIT, session.words.next()).await {
        Ok(Some(_)) => {}
        Ok(None) => return Err(failed(&session.words.noise())),
        Err(_) => return Err(failed("the host does not answer")),
    }
    let taken = sink.take(TailPiece::Open(None)).await;
    taken.map_err(|why| failed(&why.to_string()))?;
    let mut patience = if follow { Duration::MAX } else { FIRST };
    let mut waited = Duration::ZERO;
    while follow || waited < MOST {
        let began = Instant::now();
        let read = timeout(patience, session.stdout.read()).await;
        waited += began.elapsed();
        match read {
            // It goes on, and nobody asked for that.
            Err(_) => return Ok(()),
            Ok(Ok(bytes)) if bytes.is_empty() => return ended(session, place, follow).await,
            Ok(Ok(bytes)) => {
                let taken = sink.take(TailPiece::Bytes(bytes)).await;
                taken.map_err(|why| failed(&why.to_string()))?;
            }
            Ok(Err(why)) => return Err(failed(&why.to_string())),
        }
        if !follow {
            patience = QUIET;
        }
    }
    Err(LaunchError::Refused {
        place: place.name(),
        why: format!(
            "the command goes on without a rest: no more of it was read after {} s",
            MOST.as_secs()
        ),
        help: Some(
            "follow it, or let the command of this log end by itself, as `tail -n 1000` does"
                .to_owned(),
        ),
    })
}

/// It printed all it will: whether that was its own end, and what that means.
async fn ended(mut session: Session, place: &impl Opens, follow: bool) -> Result<(), LaunchError> {
    let mut code = None;
    while let Ok(Some(word)) = timeout(QUIET, session.words.next()).await {
        if let Word::Ended(ended) = word {
            code = Some(ended);
        }
    }
    match code {
        None => Err(broken(place, "the connection ended")),
        Some(_) if !follow => Ok(()),
        Some(code) => Err(broken(
            place,
            &format!("the command ended with exit {code}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::made::{Program, Ready};
    use super::*;
    use crate::port::FileMark;

    /// Takes its time.
    struct Slow {
        pause: Duration,
        taken: usize,
    }

    impl TailSink for Slow {
        async fn take(&mut self, piece: TailPiece<'_>) -> std::io::Result<()> {
            if let TailPiece::Bytes(bytes) = piece {
                let _ = timeout(self.pause, std::future::pending::<()>()).await;
                self.taken += bytes.len();
            }
            Ok(())
        }

        fn mark(&self) -> Option<FileMark> {
            None
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_that_a_command_printed_comes_however_slowly_it_is_taken() {
        let printed = vec![b'x'; 700_000];
        let place = Ready::with([Program {
            words: "golive:open .\ngolive:ended 0 .\n",
            printed: printed.clone(),
            breaks: true,
            ..Program::default()
        }]);
        let mut sink = Slow {
            pause: MOST / 4,
            taken: 0,
        };
        assert_eq!(run(&place, "report", false, &mut sink).await, Ok(()));
        assert_eq!(sink.taken, printed.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_that_never_rests_is_left_and_that_is_told() {
        let place = Ready::with([Program {
            words: "golive:open .\n",
            never_rests: Some("tick\n"),
            ..Program::default()
        }]);
        let mut sink = Slow {
            pause: Duration::ZERO,
            taken: 0,
        };
        let error = run(&place, "ticker", false, &mut sink).await.unwrap_err();
        let why = "the command goes on without a rest: no more of it was read after 10 s";
        assert_eq!(error.why(), why);
        assert!(error.help().is_some());
        assert!((90..=110).contains(&sink.taken), "{}", sink.taken);
    }
}
