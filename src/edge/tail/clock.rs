//! Comparing a host's clock with ours.
//!
//! The host is asked for its time over a session that stands already, a few times; the quickest answer counts, because
//! nobody knows where within the round trip it was given.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::session::{Opens, Session, broken};
use crate::port::{LaunchError, Skew};

/// How often it is asked.
const QUESTIONS: usize = 4;
/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Compares the clocks.
pub(super) async fn compare(place: &impl Opens) -> Result<Skew, LaunchError> {
    let mut session = Session::begin(place, &[("g_mode", "clock")]).await?;
    let mut best: Option<Skew> = None;
    for _ in 0..QUESTIONS {
        let found = timeout(LIMIT, ask(&mut session)).await;
        let found = found.map_err(|_| broken(place, "the host does not answer"))?;
        let skew = found.map_err(|why| broken(place, &why.to_string()))?;
        if best.is_none_or(|best| skew.error_s < best.error_s) {
            best = Some(skew);
        }
    }
    best.ok_or_else(|| broken(place, "the host does not tell the time"))
}

async fn ask(session: &mut Session) -> std::io::Result<Skew> {
    let (began, wall) = (Instant::now(), seconds_now());
    session.stdin.write_all(b"\n").await?;
    session.stdin.flush().await?;
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        let bytes = session.stdout.read_up_to(1).await?;
        if bytes.is_empty() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line.len() > 100 {
            line.clear();
        }
        line.extend(bytes);
    }
    let half = began.elapsed().as_secs_f64() / 2.0;
    let told = time(&line)
        .ok_or_else(|| std::io::Error::other("the host's `date` does not tell the time"))?;
    Ok(Skew {
        ahead_s: told.seconds - (wall + half),
        error_s: half + told.vague,
        zone_s: told.zone_s,
    })
}

/// What a `date` told.
#[derive(Debug, PartialEq)]
struct Told {
    /// Since 1970.
    seconds: f64,
    /// Not known better than that.
    vague: f64,
    zone_s: Option<i32>,
}

/// Reads `SECONDS.NANOSECONDS ZONE`. Not every `date` knows parts of a second: it is in the middle then.
fn time(line: &[u8]) -> Option<Told> {
    let text = std::str::from_utf8(line).ok()?.trim();
    let (time, zone) = text.split_once(' ').unwrap_or((text, ""));
    let (whole, part) = time.split_once('.')?;
    let seconds: u32 = whole.parse().ok()?;
    let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    Some(Told {
        seconds: if is_number {
            time.parse().ok()?
        } else {
            f64::from(seconds) + 0.5
        },
        vague: if is_number { 0.0 } else { 0.5 },
        zone_s: self::zone(zone),
    })
}

/// Reads `+hhmm`.
fn zone(text: &str) -> Option<i32> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let number: i32 = (digits.len() == 4).then(|| digits.parse().ok())??;
    let seconds = sign * (number / 100 * 3600 + number % 100 * 60);
    (seconds.abs() < 86_400).then_some(seconds)
}

fn seconds_now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_without_parts_of_a_second_is_vague() {
        let told = |seconds, vague, zone_s| {
            Some(Told {
                seconds,
                vague,
                zone_s,
            })
        };
        let exact = told(1_700_000_000.25, 0.0, Some(3600));
        assert_eq!(time(b"1700000000.250000000 +0100\r"), exact);
        assert_eq!(
            time(b"1700000000.N -0330"),
            told(1_700_000_000.5, 0.5, Some(-12_600))
        );
        assert_eq!(time(b"1700000000.%N %z"), told(1_700_000_000.5, 0.5, None));
        assert_eq!(time(b"Sat Nov 21"), None);
    }
}
