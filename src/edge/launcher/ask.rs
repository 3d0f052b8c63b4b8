//! Short requests: who are you, what is known of this attempt, end it, clear up.
//!
//! Each is one command whose one answer is awaited within [`ANSWER_LIMIT`]. What has no answer of the kind that was
//! asked for is an error that says what the place said instead.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, timeout};

use super::answer::{Answer, help_for};
use super::exchange::{
    AGAIN, ANSWER_LIMIT, CUT, Channel, Channels, FENCED, SILENT, give, keep_end, text,
};
use super::request::Request;
use crate::port::{AttemptKey, Hello, LaunchError, Standing};

/// Makes the place ready and asks who it is.
pub async fn ask_hello(channels: &impl Channels) -> Result<Hello, LaunchError> {
    let request = Request::hello();
    let channel = channels.open(&request).await?;
    let (asked, wall) = (Instant::now(), seconds_now());
    let printed = collect(channel, &request, channels).await?;
    let took = asked.elapsed();
    Answer::last(&printed.out)
        .and_then(|answer| answer.hello(took, wall + took.as_secs_f64() / 2.0))
        .ok_or_else(|| printed.refusal(channels))
}

/// Asks what is known about an attempt.
pub async fn ask_status(
    channels: &impl Channels,
    key: &AttemptKey,
) -> Result<Standing, LaunchError> {
    ask_standing(channels, &Request::status(key)).await
}

/// Makes sure that an attempt that never ran never will. Returns `Void`, or where it stands when it is too late.
pub async fn ask_void(channels: &impl Channels, key: &AttemptKey) -> Result<Standing, LaunchError> {
    ask_standing(channels, &Request::void(key)).await
}

/// Begins to end an attempt.
pub async fn ask_cancel(
    channels: &impl Channels,
    key: &AttemptKey,
    grace: Duration,
) -> Result<(), LaunchError> {
    ask_standing(channels, &Request::cancel(key, grace.as_secs()))
        .await
        .map(|_| ())
}

/// Removes the output of an attempt that is over.
pub async fn ask_drop(channels: &impl Channels, key: &AttemptKey) -> Result<(), LaunchError> {
    ask_standing(channels, &Request::drop_output(key))
        .await
        .map(|_| ())
}

/// Removes the output of attempts that ended more than `days` days ago. Returns how many were cleared.
pub async fn ask_gc(channels: &impl Channels, days: u32) -> Result<u64, LaunchError> {
    let request = Request::gc(days);
    let channel = channels.open(&request).await?;
    let printed = collect(channel, &request, channels).await?;
    Answer::last(&printed.out)
        .filter(|answer| answer.word == "gc")
        .and_then(|answer| answer.field("cleared")?.parse().ok())
        .ok_or_else(|| printed.refusal(channels))
}

async fn ask_standing(
    channels: &impl Channels,
    request: &Request,
) -> Result<Standing, LaunchError> {
    let channel = channels.open(request).await?;
    let printed = collect(channel, request, channels).await?;
    Answer::last(&printed.out)
        .and_then(|answer| answer.standing())
        .ok_or_else(|| printed.refusal(channels))
}

/// What a short command printed.
#[derive(Debug)]
pub(super) struct Printed {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) code: Option<i32>,
}

pub(super) async fn collect(
    channel: Channel,
    request: &Request,
    channels: &impl Channels,
) -> Result<Printed, LaunchError> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let all = async {
        tokio::join!(
            give(channel.stdin, request.payload()),
            keep_end(channel.stdout, &mut out),
            keep_end(channel.stderr, &mut err)
        );
        channel.exit.await
    };
    match timeout(ANSWER_LIMIT, all).await {
        Ok(code) => Ok(Printed {
            out: text(&out),
            err: text(&err),
            code,
        }),
        Err(_) => Err(LaunchError::Unreachable {
            place: channels.name(),
            why: SILENT.to_owned(),
            help: None,
        }),
    }
}

impl Printed {
    /// Why there is no answer of the kind that was asked for.
    pub(super) fn refusal(&self, channels: &impl Channels) -> LaunchError {
        let place = channels.name();
        let error = Answer::last(&self.err).and_then(|answer| {
            let (code, why) = answer.error()?;
            Some((code, why.to_owned()))
        });
        match error {
            Some((code @ (CUT | AGAIN), why)) => LaunchError::Unreachable {
                place,
                why,
                help: help_for(code),
            },
            Some((FENCED, why)) => LaunchError::Fenced { place, why },
            Some((code, why)) => LaunchError::Refused {
                place,
                why,
                help: help_for(code),
            },
            None => LaunchError::Unreachable {
                place,
                why: self.last_words(),
                help: None,
            },
        }
    }

    /// What the command said last, for people. It may hold anything; faces escape it.
    pub(super) fn last_words(&self) -> String {
        match (last_line(&self.err), self.code) {
            (Some(line), _) => line,
            // A login that may run nothing says so on its output.
            (None, Some(code)) => match last_line(&self.out) {
                Some(line) if !line.starts_with("golive:") => {
                    format!("it ended with exit {code} and without an answer: {line}")
                }
                _ => format!("it ended with exit {code} and without an answer"),
            },
            (None, None) => "the connection ended".to_owned(),
        }
    }
}

/// The last line that is not empty, cut.
fn last_line(text: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim);
    let line = lines.rfind(|line| !line.is_empty())?;
    Some(line.chars().take(200).collect())
}

fn seconds_now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
