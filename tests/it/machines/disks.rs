//! Journals that are removed, moved and replaced under a run; disks that are full for journals and for output.

use std::fs;
use std::io::Write as _;

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

use super::{Ended, Started, TWO, begun, goes_on, run_folder};
use crate::support::terminal::Terminal;
use crate::support::wait_until;
use crate::support::workshop::{USUAL, Workshop};

/// Files of this process cannot grow beyond so many bytes, as on a full disk; `None` = as far as they like.
fn limit_files(started: &Started, most: Option<u64>) {
    limit_files_of(Pid::from_raw(started.pid()), most);
}

fn limit_files_of(process: Option<Pid>, most: Option<u64>) {
    let limit = Rlimit {
        current: most,
        maximum: None,
    };
    prlimit(process, Resource::Fsize, limit).unwrap();
}

/// What has to be said, and that the second step was not started.
fn ends_unrecorded(workshop: &Workshop, started: Started, why: &str) -> Ended {
    let ended = started.ended();
    assert_eq!(ended.code, Some(6), "{ended:?}");
    assert!(ended.err.contains("NOT RECORDED"), "{ended:?}");
    assert!(ended.err.contains(why), "{ended:?}");
    assert!(ended.out.contains("prepare was let go"), "{ended:?}");
    assert_eq!(workshop.ran("switch"), 0);
    ended
}

#[tokio::test]
async fn nothing_is_started_any_more_when_the_run_was_deleted() {
    let workshop = Workshop::with(TWO);
    let started = begun(&workshop).await;
    fs::remove_dir_all(run_folder(&workshop)).unwrap();
    workshop.let_go("prepare");
    let ended = ends_unrecorded(&workshop, started, "it was deleted");
    assert!(ended.err.contains("if it is lost"), "{ended:?}");
    assert_eq!(workshop.ran("prepare"), 1);
}

#[tokio::test]
async fn a_run_that_was_moved_away_goes_on_when_it_is_back() {
    let workshop = Workshop::with(TWO);
    let started = begun(&workshop).await;
    let folder = run_folder(&workshop);
    let away = workshop.path("away");
    fs::rename(&folder, &away).unwrap();
    workshop.let_go("prepare");
    let ended = ends_unrecorded(&workshop, started, "moved away");
    assert!(ended.err.contains("golive resume"), "{ended:?}");
    fs::rename(&away, &folder).unwrap();
    goes_on(&workshop);
}

#[tokio::test]
async fn a_journal_in_whose_place_a_copy_was_put_takes_nothing_more() {
    let workshop = Workshop::with(TWO);
    let started = begun(&workshop).await;
    let journal = run_folder(&workshop).join("journal.jsonl");
    let copy = workshop.path("copy");
    fs::copy(&journal, &copy).unwrap();
    fs::rename(&copy, &journal).unwrap();
    workshop.let_go("prepare");
    ends_unrecorded(&workshop, started, "another file was put in its place");
    goes_on(&workshop);
}

#[tokio::test]
async fn a_run_whose_journal_met_a_full_disk_goes_on_when_there_is_room() {
    let workshop = Workshop::with(TWO);
    let started = begun(&workshop).await;
    let journal = run_folder(&workshop).join("journal.jsonl");
    limit_files(&started, Some(fs::metadata(journal).unwrap().len() + 100));
    workshop.let_go("prepare");
    let ended = ends_unrecorded(&workshop, started, "File too large");
    assert!(ended.err.contains("golive resume"), "{ended:?}");
    goes_on(&workshop);
}

#[tokio::test]
async fn output_that_met_a_full_disk_is_fetched_when_there_is_room() {
    let workshop = Workshop::with(TWO);
    let started = begun(&workshop).await;
    limit_files(&started, Some(0));
    workshop.let_go("prepare");
    workshop.let_go("switch");
    // Nothing is decided on output that nobody has: the step is not over.
    let log = run_folder(&workshop).join("logs/here+prepare@local.1.log");
    let attempts = workshop.path("home/.local/state/golive");
    wait_until("the step has ended", || finished_attempts(&attempts) == 1).await;
    assert_eq!(fs::read(&log).unwrap_or_default(), b"");
    limit_files(&started, None);
    let ended = started.ended().done();
    assert_eq!(fs::read(&log).unwrap(), b"prepare was let go\n");
    assert_eq!(workshop.ran("prepare"), 1, "{ended:?}");
    assert_eq!(workshop.ran("switch"), 1, "{ended:?}");
}

/// A step that waits, and a log.
const LOGGED: &str = r#"
[step.prepare]
run = "sh @MARKS@/step.sh prepare"
[[stage]]
name = "Here"
steps = ["prepare"]
[log.app]
on = "all"
file = "app.log"
"#;

#[test]
fn logs_that_find_no_room_say_so_and_neither_screen_nor_run_minds() {
    let workshop = Workshop::with(LOGGED);
    workshop.write("host/app.log", "the first line\n");
    let words = ["sh", "-c", "trap '' 25; exec \"$0\" deploy"].map(Into::into);
    let words = [&words[..], &[env!("CARGO_BIN_EXE_golive").into()]].concat();
    let folder = workshop.path("project");
    let mut terminal = Terminal::run(&words, &folder, &workshop.environment(), USUAL);
    terminal.at("nothing has started yet", "D");
    terminal.until("prepare runs", |_| workshop.ran("prepare") == 1);
    terminal.keys("2");
    terminal.shows("the first line");
    let file = workshop.path("host/app.log");
    let mut file = fs::File::options().append(true).open(file).unwrap();
    let lines = "a line that is one of many\n".repeat(8000);
    file.write_all(lines.as_bytes()).unwrap();
    file.write_all(b"the last of many\n").unwrap();
    terminal.shows("the last of many");
    // What is kept of the log is longer than that already, the journal is not.
    limit_files_of(Some(terminal.pid()), Some(100_000));
    file.write_all(b"no room for this\n").unwrap();
    terminal.shows("File too large: lines are missing from here on");
    terminal.shows("File too large: lines that come are not kept");
    terminal.keys("g");
    terminal.shows("the first line");
    terminal.keys("G");
    terminal.shows("lines are missing from here on");
    workshop.let_go("prepare");
    terminal.until("the run has ended", |_| {
        workshop.events("run_finished").len() == 1
    });
    limit_files_of(Some(terminal.pid()), None);
    file.write_all(b"there is room again\n").unwrap();
    terminal.shows("lines are kept again");
    terminal.shows("there is room again");
    terminal.hides("no room for this");
    terminal.hides("lines that come are not kept");
    terminal.signal(Signal::TERM);
    terminal.ended();
    assert_eq!(workshop.outcome().as_deref(), Some("succeeded"));
}

/// How many attempts have printed their last line where they ran.
fn finished_attempts(folder: &std::path::Path) -> usize {
    let mut found = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.to_string_lossy().contains("/logs/")
                && fs::read_to_string(&path).is_ok_and(|text| text == "prepare was let go\n")
            {
                found += 1;
            }
        }
    }
    found
}
