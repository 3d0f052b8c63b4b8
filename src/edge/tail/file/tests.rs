//! A file is followed through programs that were made ready before: they hold every moment that a real one passes
//! through too quickly to be met.

use std::fmt::Write as _;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, watch};

use super::super::made::{Program, Ready};
use super::*;

fn program(words: &'static str, printed: &str) -> Program {
    Program {
        words,
        printed: printed.into(),
        ..Program::default()
    }
}

/// One whose connection breaks.
fn breaks(words: &'static str, printed: &str) -> Program {
    Program {
        breaks: true,
        ..program(words, printed)
    }
}

/// One whose file of eight bytes is cut short when this came of it, and that prints the other when it is asked to end.
fn cut_short(printed: &str, more: &str) -> Program {
    Program {
        then: "golive:truncated .\n",
        more: vec![more.into()],
        ..program(TWO, printed)
    }
}

/// What came, with what was told of it in brackets.
#[derive(Default)]
struct Told {
    text: String,
    mark: Option<FileMark>,
    taken: watch::Sender<usize>,
}

impl TailSink for Told {
    async fn take(&mut self, piece: TailPiece<'_>) -> std::io::Result<()> {
        match piece {
            TailPiece::Bytes(bytes) => {
                self.text.push_str(&String::from_utf8_lossy(&bytes));
                let mark = self.mark.as_mut().unwrap();
                mark.offset += bytes.len() as u64;
                self.taken.send_modify(|taken| *taken += bytes.len());
            }
            TailPiece::Open(mark) => {
                self.mark = mark;
                self.text.push_str("[open]");
            }
            TailPiece::Rotated => self.text.push_str("[rotated]"),
            TailPiece::Truncated { goes_on: false } => self.text.push_str("[cut]"),
            TailPiece::Truncated { goes_on: true } => self.text.push_str("[cut before]"),
            TailPiece::Gap => self.text.push_str("[gap]"),
            TailPiece::Missing(_) => self.text.push_str("[missing]"),
        }
        Ok(())
    }

    fn mark(&self) -> Option<FileMark> {
        self.mark
    }
}

/// Follows through all programs, opened again as often as the connection breaks; what the last one does is waited for.
/// Returns what came, and what each program was asked.
async fn followed(programs: impl IntoIterator<Item = Program>) -> (String, Vec<String>) {
    let place = Ready::with(programs);
    let mut memory = Memory::default();
    let mut told = Told {
        taken: place.taken.clone(),
        ..Told::default()
    };
    loop {
        let start = told.mark.map_or(TailStart::Lines(0), TailStart::Mark);
        let follower = Follower::new(&place, "/var/log/a", true, &mut memory, &mut told);
        // The clock stands: only who waits for nothing but time is left.
        let over = timeout(OPEN_LIMIT / 2, follower.go_on(start)).await;
        if over.is_err() || place.programs.lock().unwrap().is_empty() {
            break;
        }
    }
    if let Some(mark) = told.mark {
        assert_eq!(memory.at, mark);
    }
    let asked = place.asked.lock().unwrap().clone();
    (told.text, asked)
}

/// The words of a question: how to start, the file, from where.
fn is_asked(asked: &str, start: &str, inode: u64, at: u64) {
    for word in [
        format!("g_start='{start}'"),
        format!("g_inode='{inode}'"),
        format!("g_at='{at}'"),
    ] {
        assert!(asked.contains(&word), "no {word} in {asked}");
    }
}

const TWO: &str = "golive:open 7 0 8 .\n";

/// Takes nothing before its gate opens, as a pager does that nobody scrolls.
struct Slow {
    gate: Arc<Semaphore>,
    taken: Arc<Mutex<Vec<u8>>>,
}

impl TailSink for Slow {
    async fn take(&mut self, piece: TailPiece<'_>) -> std::io::Result<()> {
        if let TailPiece::Bytes(bytes) = piece {
            let _open = self.gate.acquire().await;
            self.taken.lock().unwrap().extend_from_slice(&bytes);
        }
        Ok(())
    }

    fn mark(&self) -> Option<FileMark> {
        None
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_when_a_file_is_cut_short_waits_for_who_is_slow() {
    let place = Ready::with([
        cut_short("", "one\ntwo\n"),
        program("golive:open 7 0 4 .\n", "new\n"),
    ]);
    let (gate, taken) = (Arc::new(Semaphore::new(0)), Arc::default());
    let mut sink = Slow {
        gate: Arc::clone(&gate),
        taken: Arc::clone(&taken),
    };
    let mut memory = Memory::default();
    let follower = Follower::new(&place, "/var/log/a", true, &mut memory, &mut sink);
    let mut following = pin!(follower.go_on(TailStart::Lines(0)));
    let early = timeout(3 * DRAIN_LIMIT, &mut following).await;
    assert!(early.is_err(), "it gave up: {early:?}");
    gate.add_permits(1);
    assert!(timeout(OPEN_LIMIT, following).await.is_err());
    let taken = taken.lock().unwrap();
    assert_eq!(String::from_utf8_lossy(&taken), "one\ntwo\nnew\n");
}

#[tokio::test(start_paused = true)]
async fn what_came_of_new_content_before_the_connection_broke_comes_once() {
    // That it was cut short is known only after the break.
    let (came, asked) = followed([
        breaks(TWO, "one\ntwo\nnew\n"),
        program("golive:truncated .\ngolive:open 7 0 9 .\n", "new\nmore\n"),
    ])
    .await;
    assert_eq!(came, "[open]one\ntwo\nnew\n[cut before][open]more\n");
    is_asked(&asked[1], "mark", 7, 12);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_cut_short_before_a_break_is_gone_on_with_after_it() {
    let (came, asked) = followed([
        cut_short("one\n", "two\nnew\n"),
        breaks("", ""),
        breaks("golive:open 7 0 9 .\n", "n"),
        program("golive:open 7 0 9 .\n", "new\nmore\n"),
    ])
    .await;
    assert_eq!(came, "[open]one\ntwo\n[cut][open]new\nmore\n");
    for asked in &asked[1..] {
        is_asked(asked, "mark", 7, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_break_on_the_way_to_a_cut_files_end_repeats_nothing() {
    // The rest of what was on its way never comes.
    let lost = Program {
        hangs: true,
        ..cut_short("one\n", "two\nnew\n")
    };
    let again = program("golive:open 7 0 9 .\n", "new\nmore\n");
    let (came, _) = followed([lost, again]).await;
    assert_eq!(came, "[open]one\ntwo\n[cut][open]new\nmore\n");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_cut_short_and_is_longer_again_after_a_break_is_told_from_one_that_grew() {
    let grown = "golive:open 7 8 16 .\n";
    let (came, asked) = followed([
        breaks(TWO, "one\ntwo\n"),
        program(grown, "1\n2\n3\n4\n5\n6\n7\n8\n"),
        program("golive:open 7 0 16 .\n", "1\n2\n3\n4\n5\n6\n7\n8\n"),
    ])
    .await;
    let anew = "1\n2\n3\n4\n5\n6\n7\n8\n";
    assert_eq!(came, format!("[open]one\ntwo\n[cut][open]{anew}"));
    is_asked(&asked[1], "mark", 7, 8);
    assert!(asked[1].contains("g_back='8'"), "{}", asked[1]);
    is_asked(&asked[2], "mark", 7, 0);
    let (came, _) = followed([
        breaks(TWO, "one\ntwo\n"),
        program(grown, "one\ntwo\nthree\n"),
    ])
    .await;
    assert_eq!(came, "[open]one\ntwo\n[open]three\n");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_nothing_came_of_yet_is_known_again_as_well() {
    let lines = "golive:open 7 8 8 .\n";
    let (came, asked) = followed([
        breaks(lines, "one\ntwo\n"),
        program("golive:open 7 8 16 .\n", "1\n2\n3\n4\n5\n6\n7\n8\n"),
        program("golive:open 7 0 16 .\n", "1\n2\n3\n4\n5\n6\n7\n8\n"),
    ])
    .await;
    assert_eq!(came, "[open][cut][open]1\n2\n3\n4\n5\n6\n7\n8\n");
    is_asked(&asked[2], "mark", 7, 0);
}

#[tokio::test(start_paused = true)]
async fn new_content_that_overtakes_old_content_that_was_never_read_comes_once() {
    // It had been 1000 bytes long when it was cut: the program had read only four of them.
    let (came, _) = followed([
        Program {
            words: "golive:open 7 0 1000 .\n",
            ..cut_short("one\n", "new\n")
        },
        program("golive:open 7 0 9 .\n", "new\nmore\n"),
    ])
    .await;
    assert_eq!(came, "[open]one\n[cut][open]new\nmore\n");
}

#[tokio::test(start_paused = true)]
async fn megabytes_of_new_content_on_their_way_come_once() {
    let lines = |range: std::ops::Range<usize>| {
        let mut text = String::new();
        for number in range {
            let _ = writeln!(text, "line {number} of it");
        }
        text
    };
    let (new, more) = (lines(0..90_000), lines(90_000..91_000));
    let whole = Program {
        words: "golive:open 7 0 9000000 .\n",
        printed: format!("{new}{more}").into(),
        ..Program::default()
    };
    let cut = cut_short("one\ntwo\n", &new);
    let (came, _) = followed([cut, whole]).await;
    assert!(came == format!("[open]one\ntwo\n[cut][open]{new}{more}"));
}

#[tokio::test(start_paused = true)]
async fn new_content_is_compared_however_slow_its_way_is() {
    let line = "a line of it\n";
    let cut = Program {
        words: "golive:open 7 0 1000000 .\n",
        ..cut_short("one\n", &line.repeat(25_000))
    };
    let slow = Program {
        words: "golive:open 7 0 400000 .\n",
        never_rests: Some(line.repeat(1_200).leak()),
        ..Program::default()
    };
    let (came, _) = followed([cut, slow]).await;
    let begin = format!("[open]one\n[cut][open]{line}");
    assert!(came.starts_with(&begin), "{}", came.len());
}

#[tokio::test(start_paused = true)]
async fn equal_lines_of_new_content_are_not_taken_for_old_ones() {
    let (came, _) = followed([
        cut_short("tic\ntic\n", ""),
        program("golive:open 7 0 4 .\n", "tic\n"),
    ])
    .await;
    assert_eq!(came, "[open]tic\ntic\n[cut][open]tic\n");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_gone_after_it_was_cut_short_loses_nothing_that_came() {
    let (came, asked) = followed([
        cut_short("one\n", "two\nnew\n"),
        breaks("golive:missing .\n", ""),
        program("golive:gap .\ngolive:open 9 0 4 .\n", "new\n"),
    ])
    .await;
    let expected = "[open]one\ntwo\nnew\n[missing][cut][gap][open]new\n";
    assert_eq!(came, expected);
    is_asked(&asked[2], "mark", 7, 0);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_read_to_its_end_before_a_break_is_left_for_good() {
    let (came, asked) = followed([
        program(
            "golive:open 7 0 8 .\ngolive:rotated 7 8 8-123 .\n",
            "one\ntwo\n",
        ),
        breaks("", ""),
        program("golive:open 9 0 4 .\n", "new\n"),
    ])
    .await;
    assert_eq!(came, "[open]one\ntwo\n[rotated][open]new\n");
    is_asked(&asked[2], "after", 7, 0);
    assert!(asked[2].contains("g_done='7-8-123'"), "{}", asked[2]);
}
