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
/// … and of what never rests so much is taken.
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
    let began = Instant::now();
    while follow || began.elapsed() < MOST {
        match timeout(patience, session.stdout.read()).await {
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
    Ok(())
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
