//! The engine that follows sources, with made-up hosts and a paused clock.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use golive::domain::checklist::{Followed, LogSource, On};
use golive::domain::feed::TailUpdate;
use golive::domain::id::{EnvName, HostName, LogName};
use golive::domain::log::{SourceState, TailSource};
use golive::domain::output::redact::Mask;
use golive::engine::tail::{Following, follow};
use golive::port::{FileMark, LaunchError, Skew, TailPiece, TailSink, TailStart, Tails};
use tokio::time::Instant;

use crate::support::fakes::FakeClock;

/// What a session does before it ends.
enum Session {
    /// Opens there, gives these bytes, and breaks.
    Opens(FileMark, &'static [u8]),
    /// The same, after it was cut short: what came last was of its new content already, or not.
    Cut(bool, FileMark, &'static [u8]),
    /// Cannot be made.
    Unreachable,
    /// Has no file yet, then one with these bytes, and breaks.
    Waits(&'static [u8]),
    /// Is refused.
    Refused,
    /// Gives bytes without an end.
    Endless,
}

/// Hosts whose sessions are told beforehand; after them a session stays open without a word.
#[derive(Default)]
struct Made {
    sessions: Mutex<VecDeque<Session>>,
    /// When each was asked for, and from where.
    asked: Mutex<Vec<(Instant, TailStart)>>,
}

impl Tails for Made {
    type Memory = ();

    async fn tail<S: TailSink>(
        &self,
        _source: &TailSource,
        start: TailStart,
        _follow: bool,
        _memory: &mut (),
        sink: &mut S,
    ) -> Result<(), LaunchError> {
        self.asked.lock().unwrap().push((Instant::now(), start));
        let session = self.sessions.lock().unwrap().pop_front();
        let (place, why, help) = ("web1".to_owned(), "it broke".to_owned(), None);
        match session {
            None => std::future::pending().await,
            Some(Session::Cut(goes_on, mark, bytes)) => {
                sink.take(TailPiece::Truncated { goes_on }).await.unwrap();
                sink.take(TailPiece::Open(Some(mark))).await.unwrap();
                sink.take(TailPiece::Bytes(bytes.into())).await.unwrap();
                Err(LaunchError::Unreachable { place, why, help })
            }
            Some(Session::Opens(mark, bytes)) => {
                sink.take(TailPiece::Open(Some(mark))).await.unwrap();
                sink.take(TailPiece::Bytes(bytes.into())).await.unwrap();
                Err(LaunchError::Unreachable { place, why, help })
            }
            Some(Session::Waits(bytes)) => {
                let mark = FileMark {
                    inode: 7,
                    offset: 0,
                };
                sink.take(TailPiece::Missing("there is no app.log yet"))
                    .await
                    .unwrap();
                sink.take(TailPiece::Open(Some(mark))).await.unwrap();
                sink.take(TailPiece::Bytes(bytes.into())).await.unwrap();
                Err(LaunchError::Unreachable { place, why, help })
            }
            Some(Session::Unreachable) => Err(LaunchError::Unreachable { place, why, help }),
            Some(Session::Refused) => Err(LaunchError::Refused { place, why, help }),
            Some(Session::Endless) => loop {
                let bytes = vec![b'x'; 1024].into();
                sink.take(TailPiece::Bytes(bytes)).await.unwrap();
                self.asked.lock().unwrap().push((Instant::now(), start));
            },
        }
    }

    async fn clock(&self, _env: &EnvName, _host: &HostName) -> Result<Skew, LaunchError> {
        Ok(Skew {
            ahead_s: 2.5,
            error_s: 0.001,
            zone_s: Some(3600),
        })
    }
}

fn begin(sessions: impl IntoIterator<Item = Session>) -> (Arc<Made>, Following) {
    begin_of(Followed::File("app.log".to_owned()), sessions)
}

fn begin_of(what: Followed, sessions: impl IntoIterator<Item = Session>) -> (Arc<Made>, Following) {
    let made = Arc::new(Made::default());
    made.sessions.lock().unwrap().extend(sessions);
    let source = TailSource {
        env: EnvName::new("live"),
        host: HostName::new("web1"),
        log: LogSource {
            name: LogName::new("app"),
            on: On::All,
            what,
        },
    };
    let clock = Arc::new(FakeClock::new());
    let values: [&[u8]; 1] = [b"correct horse"];
    let mask = Mask::of_values(values);
    let following = follow(&made, &clock, &[source], &mask, TailStart::Lines(10), true);
    (made, following)
}

/// Lets made-up time pass.
async fn pass(time: Duration) {
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}

/// Updates until a source was lost (or failed) so often.
async fn states(following: &mut Following, count: usize) -> Vec<String> {
    let mut told = Vec::new();
    while told.len() < count {
        match following.updates.recv().await.unwrap() {
            TailUpdate::State { state, .. } => told.push(match state {
                SourceState::Opening => "opening".to_owned(),
                SourceState::Waiting { .. } => "waiting".to_owned(),
                SourceState::Live => "live".to_owned(),
                SourceState::Lost { retry_in, .. } => format!("lost {}", retry_in.as_millis()),
                SourceState::Failed { .. } => "failed".to_owned(),
                SourceState::Ended => "ended".to_owned(),
            }),
            TailUpdate::Bytes { bytes, .. } => {
                told.push(String::from_utf8_lossy(&bytes).into_owned());
            }
            TailUpdate::Clock { skew_s, zone_s, .. } => {
                assert_eq!((skew_s, zone_s), (2.5, Some(3600)));
                told.push("clock".to_owned());
            }
            TailUpdate::Said { text, .. } | TailUpdate::Deed { text, .. } => told.push(text),
        }
    }
    told
}

/// Of what was told what is no state.
fn printed(told: &[String]) -> Vec<&str> {
    let states = ["opening", "live", "lost", "clock"];
    let is_state = |told: &&str| states.iter().any(|state| told.starts_with(state));
    let told = told.iter().map(String::as_str);
    told.filter(|told| !is_state(told)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_source_that_breaks_goes_on_where_it_stopped_after_growing_pauses() {
    let mark = |offset| FileMark { inode: 7, offset };
    let (made, mut following) = begin([
        Session::Opens(mark(100), b"one\n"),
        Session::Unreachable,
        Session::Refused,
        Session::Opens(mark(104), b"two\n"),
    ]);
    let mut told = states(&mut following, 10).await;
    // The clock is asked beside the source.
    let clock = told.iter().position(|what| what == "clock").unwrap();
    assert!(clock < told.iter().position(|what| what == "one\n").unwrap());
    told.remove(clock);
    let expected = [
        "opening",
        "live",
        "one\n",
        "lost 500",
        "lost 1000",
        "lost 2000",
        "live",
        "two\n",
        "lost 4000",
    ];
    assert_eq!(told, expected);
    // The one after the last pause.
    pass(Duration::from_secs(5)).await;
    let asked = made.asked.lock().unwrap();
    let starts: Vec<TailStart> = asked.iter().map(|(_, start)| *start).collect();
    let again = TailStart::Mark(mark(104));
    assert_eq!(
        starts,
        [
            TailStart::Lines(10),
            again,
            again,
            again,
            TailStart::Mark(mark(108))
        ]
    );
    assert!(asked[3].0 - asked[0].0 >= Duration::from_millis(3500));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_ends_again_and_again_says_once_that_lines_may_be_missing() {
    let ends = || {
        let mark = FileMark {
            inode: 7,
            offset: 0,
        };
        Session::Opens(mark, b"one\n")
    };
    let what = Followed::Run("app log".to_owned());
    let (_, mut following) = begin_of(what, [ends(), ends(), ends()]);
    let mut told = states(&mut following, 12).await;
    told.retain(|what| what != "clock" && what != "one\n" && what != "live");
    let again = "is started again: lines may be missing or come twice";
    assert_eq!(
        told,
        ["opening", again, "lost 500", "lost 1000", "lost 2000"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_there_yet_is_waited_for_and_not_lost() {
    let (_, mut following) = begin([Session::Waits(b"one\n")]);
    let mut told = states(&mut following, 6).await;
    told.retain(|what| what != "clock");
    assert_eq!(told, ["opening", "waiting", "live", "one\n", "lost 500"]);
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_masked_though_the_connection_breaks_within_it() {
    let mark = |inode, offset| FileMark { inode, offset };
    let (made, mut following) = begin([
        Session::Opens(mark(7, 0), b"password=correct"),
        Session::Opens(mark(7, 16), b" horse\nhalf a correct h"),
        // The other file is not the rest of it.
        Session::Opens(mark(8, 0), b"orse\n"),
    ]);
    let told = states(&mut following, 12).await;
    let expected = [
        "password=",
        "*************\nhalf a ",
        "correct h",
        "\n",
        "orse\n",
    ];
    assert_eq!(printed(&told), expected);
    let asked = made.asked.lock().unwrap();
    assert_eq!(asked[1].1, TailStart::Mark(mark(7, 16)));
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_masked_though_its_file_is_known_to_be_cut_short_only_within_it() {
    let mark = |offset| FileMark { inode: 7, offset };
    let (_, mut following) = begin([
        Session::Opens(mark(50), b"old\npassword=correct"),
        Session::Cut(true, mark(16), b" horse\n"),
    ]);
    let told = states(&mut following, 9).await;
    let cut = "was cut short: lines written just before may be missing";
    let expected = ["old\npassword=", cut, "*************\n"];
    assert_eq!(printed(&told), expected);
}

#[tokio::test(start_paused = true)]
async fn a_line_without_an_end_is_none_with_the_first_of_what_does_not_go_on_with_it() {
    let mark = |inode, offset| FileMark { inode, offset };
    let (_, mut following) = begin([
        Session::Opens(mark(7, 0), b"one\nhal"),
        Session::Opens(mark(7, 7), b"f\nan end"),
        Session::Cut(false, mark(7, 0), b"new\nit"),
        Session::Opens(mark(8, 0), b"next\n"),
    ]);
    let told = states(&mut following, 17).await;
    let text = printed(&told).concat();
    let text = text.replace(
        "was cut short: lines written just before may be missing",
        "",
    );
    assert_eq!(text, "one\nhalf\nan end\nnew\nit\nnext\n");
    let what = Followed::Run("app log".to_owned());
    let (_, mut following) = begin_of(what, [Session::Opens(mark(7, 0), b"one\nhal")]);
    let told = states(&mut following, 7).await;
    let ended = told.iter().position(|what| what == "\n");
    assert!(
        ended < told.iter().position(|what| what.starts_with("lost")),
        "{told:?}"
    );
    assert!(ended.is_some(), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_was_never_open_and_is_refused_is_not_tried_again() {
    let (made, mut following) = begin([Session::Refused]);
    let mut told = Vec::new();
    while let Some(update) = following.updates.recv().await {
        if let TailUpdate::State { state, .. } = update {
            told.push(state);
        }
    }
    let failed = SourceState::Failed {
        why: "it broke".to_owned(),
        help: None,
    };
    assert_eq!(told, [SourceState::Opening, failed]);
    assert_eq!(made.asked.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_holds_the_source_up() {
    let (made, following) = begin([Session::Endless]);
    pass(Duration::from_secs(60)).await;
    let taken = made.asked.lock().unwrap().len();
    assert!((10..=70).contains(&taken), "{taken}");
    drop(following);
    pass(Duration::from_secs(1)).await;
    assert_eq!(Arc::strong_count(&made), 1);
}
