//! Journals on real disks: run folders, their owner, cut and damaged files, the frozen version 1.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use golive::domain::action::Ending;
use golive::domain::id::{Attempt, Commit, EnvName, LockId, RunId, Seq, StepName, TaskId};
use golive::domain::plan::Plan;
use golive::domain::run::{Event, Identity, Moment, Outcome, Record};
use golive::edge::journal::format::{Chain, LineError};
use golive::edge::journal::{RunError, RunFolder, list, reader};
use golive::edge::paths::{Folders, ProjectPaths};
use golive::port::Journal;
use proptest::prelude::*;

const BY: &str = "ada@laptop";
const COMMIT: &str = "9be0d11aa0c5d1e7f0b8a6c3d2e1f09876543210";

fn moment(second: u32) -> Moment {
    Moment::parse_from_rfc3339("2026-11-20T20:12:00.123456789+01:00").unwrap()
        + chrono::Duration::seconds(i64::from(second))
}

fn project(home: &Path) -> ProjectPaths {
    let home = home.to_owned();
    let folders =
        Folders::of(|name| (name == "HOME").then(|| home.clone().into_os_string())).unwrap();
    ProjectPaths::new(&folders, "superlists", &home).unwrap()
}

/// The frozen plan of version 1; that it can be read is a part of every test here.
fn plan() -> Plan {
    serde_json::from_slice(include_bytes!("../journals/v1/plan.json")).unwrap()
}

/// A run that tested on staging and waits at the gate of production.
fn records() -> Vec<Record> {
    let tests = TaskId::new("staging/tests@local");
    let events = vec![
        Event::RunStarted {
            run: RunId::new("20261120-2012-k3"),
            project: "superlists".to_owned(),
            reference: "HEAD".to_owned(),
            commit: Some(Commit::new(COMMIT)),
            digest: "d1ge57".to_owned(),
            by: BY.to_owned(),
            reason: Some("a \"quoted\" reason\nin two lines, \u{1b}[31m and ü".to_owned()),
            // The frozen journal is of a time without locks.
            lock: None,
        },
        Event::StageStarted {
            stage: "Staging".to_owned(),
        },
        Event::TaskStarted {
            task: tests.clone(),
            attempt: Attempt(1),
            identity: Some(Identity {
                host: "4fd1".to_owned(),
                boot: "b007".to_owned(),
            }),
        },
        Event::TaskFinished {
            task: tests,
            attempt: Attempt(1),
            ending: Ending::Exited(0),
            duration_s: 12.345_678_901_234_567,
            evidence: BTreeMap::from([("tests".to_owned(), "39".to_owned())]),
            output_size: Some(4711),
        },
        Event::StageFinished {
            stage: "Staging".to_owned(),
            duration_s: 12.5,
        },
        Event::GateReached {
            env: EnvName::new("production"),
            stage: "Production".to_owned(),
        },
    ];
    events
        .into_iter()
        .zip(1..)
        .map(|(event, seq)| Record {
            seq: Seq(seq),
            at: moment(u32::try_from(seq).unwrap()),
            event,
        })
        .collect()
}

fn journal_bytes() -> Vec<u8> {
    let mut chain = Chain::default();
    let mut bytes = Vec::new();
    for record in records() {
        chain.write(&record, &mut bytes).unwrap();
    }
    bytes
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}

#[tokio::test]
async fn what_was_appended_is_read_again_and_the_journal_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let project = project(home.path());
    let run = RunId::new("20261120-2012-k3");
    let all = records();
    let mut owned = RunFolder::create(&project, &run, &plan(), BY).unwrap();
    owned.writer.append(&all[..2]).await.unwrap();
    owned.writer.append(&[]).await.unwrap();
    owned.writer.append(&all[2..4]).await.unwrap();
    drop(owned);

    let folder = RunFolder::find(&project, &run).unwrap();
    let mut owned = folder.open_for_writing(BY).unwrap();
    assert_eq!(owned.records, all[..4]);
    assert_eq!(*owned.plan, plan());
    owned.writer.append(&all[4..]).await.unwrap();
    let stored = folder.open_for_reading().unwrap();
    assert_eq!(stored.records, all);
    assert!(stored.owner.unwrap().contains(BY));
}

#[tokio::test]
async fn nobody_else_can_read_a_run() {
    let home = tempfile::tempdir().unwrap();
    let project = project(home.path());
    let run = RunId::new("20261120-2012-k3");
    let owned = RunFolder::create(&project, &run, &plan(), BY).unwrap();
    let path = owned.folder.path();
    for entry in fs::read_dir(path).unwrap() {
        let facts = entry.unwrap().metadata().unwrap();
        let mode = if facts.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(facts.mode() & 0o777, mode);
    }
    assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn a_run_has_one_owner_and_others_hear_who_it_is() {
    let home = tempfile::tempdir().unwrap();
    let project = project(home.path());
    let run = RunId::new("20261120-2012-k3");
    let owned = RunFolder::create(&project, &run, &plan(), BY).unwrap();
    let folder = owned.folder.clone();
    let refused = folder.open_for_writing("bob@desk").unwrap_err().to_string();
    assert!(refused.contains(BY), "{refused}");
    assert!(
        refused.contains(&format!("pid {}", std::process::id())),
        "{refused}"
    );
    assert!(matches!(
        folder.clone().remove(BY),
        Err(RunError::Owned { .. })
    ));
    drop(owned);
    assert_eq!(folder.open_for_reading().unwrap().owner, None);
    folder.open_for_writing("bob@desk").unwrap();
}

#[test]
fn an_id_is_taken_once_and_a_removed_run_is_gone() {
    let home = tempfile::tempdir().unwrap();
    let project = project(home.path());
    let run = RunId::new("20261120-2012-k3");
    drop(RunFolder::create(&project, &run, &plan(), BY).unwrap());
    assert!(matches!(
        RunFolder::create(&project, &run, &plan(), BY),
        Err(RunError::Exists(_))
    ));
    let folder = RunFolder::find(&project, &run).unwrap();
    folder.remove(BY).unwrap();
    assert!(matches!(
        RunFolder::find(&project, &run),
        Err(RunError::Unknown(_))
    ));
    assert!(list::folders(&project).unwrap().is_empty());
}

#[tokio::test]
async fn a_torn_last_line_is_cut_before_the_journal_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let project = project(home.path());
    let run = RunId::new("20261120-2012-k3");
    let owned = RunFolder::create(&project, &run, &plan(), BY).unwrap();
    let folder = owned.folder.clone();
    drop(owned);
    let bytes = journal_bytes();
    let path = folder.path().join("journal.jsonl");
    fs::write(&path, &bytes[..bytes.len() - 20]).unwrap();
    let all = records();
    let mut owned = folder.open_for_writing(BY).unwrap();
    assert_eq!(owned.records, all[..5]);
    owned.writer.append(&all[5..]).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn after_a_record_that_does_not_fit_nothing_is_written_any_more() {
    let home = tempfile::tempdir().unwrap();
    let project = project(home.path());
    let run = RunId::new("20261120-2012-k3");
    let all = records();
    let mut owned = RunFolder::create(&project, &run, &plan(), BY).unwrap();
    owned.writer.append(&all[1..]).await.unwrap_err();
    owned.writer.append(&all).await.unwrap_err();
    assert!(owned.folder.open_for_reading().unwrap().records.is_empty());
}

#[test]
fn damage_before_the_tail_names_the_line() {
    let mut bytes = journal_bytes();
    let third = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .take(2)
        .map(<[u8]>::len)
        .sum::<usize>();
    bytes[third + 40] ^= 1;
    let (line, _) = reader::parse(&bytes).unwrap_err();
    assert_eq!(line, 3);
}

#[test]
fn a_missing_line_is_damage() {
    let bytes = journal_bytes();
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    lines.remove(1);
    let (line, why) = reader::parse(&lines.concat()).unwrap_err();
    assert_eq!((line, why), (2, LineError::Checksum));
}

#[test]
fn a_journal_of_another_version_says_so() {
    let bytes = b"{\"v\":2,\"seq\":1}\n";
    assert_eq!(reader::parse(bytes), Err((1, LineError::Version(2))));
}

#[tokio::test]
async fn the_list_says_where_runs_stand_newest_first() {
    let home = tempfile::tempdir().unwrap();
    let project = project(home.path());
    let all = records();
    for (run, count) in [("20261120-2012-k3", 6), ("20261121-0900-aa", 3)] {
        let mut owned = RunFolder::create(&project, &RunId::new(run), &plan(), BY).unwrap();
        owned.writer.append(&all[..count]).await.unwrap();
    }
    let damaged = RunFolder::create(&project, &RunId::new("20261119-0000-aa"), &plan(), BY);
    let damaged = damaged.unwrap().folder;
    fs::write(damaged.path().join("journal.jsonl"), "nonsense\n").unwrap();

    let rows = list::summaries(&project).unwrap();
    assert_eq!(rows.len(), 3);
    let row = |run: &str| {
        rows.iter()
            .find(|row| row.run.as_str() == run)
            .unwrap_or_else(|| panic!("no {run}"))
    };
    let waiting = row("20261120-2012-k3");
    assert_eq!(waiting.standing, "at the production gate");
    assert_eq!(waiting.stage.as_deref(), Some("Production"));
    assert_eq!((waiting.outcome, waiting.owned), (None, false));
    assert_eq!(
        row("20261121-0900-aa").standing,
        "running staging/tests@local"
    );
    let broken = row("20261119-0000-aa").damaged.as_ref().unwrap();
    assert!(broken.contains("line 1"), "{broken}");
}

#[tokio::test]
async fn past_runs_tell_durations_and_what_is_deployed() {
    let home = tempfile::tempdir().unwrap();
    let project = project(home.path());
    for (run, seconds) in [("20261120-2012-k3", 10.0), ("20261121-0900-aa", 20.0)] {
        let mut all = records();
        if let Event::TaskFinished { duration_s, .. } = &mut all[3].event {
            *duration_s = seconds;
        }
        let mut owned = RunFolder::create(&project, &RunId::new(run), &plan(), BY).unwrap();
        owned.writer.append(&all).await.unwrap();
    }
    let history = list::history(&project).unwrap();
    let key = (StepName::new("tests"), "local".to_owned());
    assert_eq!(history, BTreeMap::from([(key, 15.0)]));

    let deployed = list::survey(&project, 10).unwrap().deployed;
    let staging = &deployed[&EnvName::new("staging")];
    assert_eq!(staging.commit.as_str(), COMMIT);
    assert_eq!(staging.proof.as_deref(), Some("39 tests"));
    assert_eq!(staging.by, BY);
    assert!(!deployed.contains_key(&EnvName::new("production")));
}

#[test]
fn the_frozen_journal_of_version_1_stays_readable() {
    let bytes: &[u8] = include_bytes!("../journals/v1/journal.jsonl");
    let reading = reader::parse(bytes).unwrap();
    assert_eq!(reading.records, records());
    assert_eq!(reading.valid, bytes.len() as u64);
    // The same records are still written as the same bytes.
    assert_eq!(bytes, journal_bytes());
}

#[test]
fn the_id_of_a_runs_locks_is_kept_in_its_journal() {
    let mut record = records().remove(0);
    if let Event::RunStarted { lock, .. } = &mut record.event {
        *lock = Some(LockId::new("3f0a9c1e"));
    }
    let mut bytes = Vec::new();
    Chain::default().write(&record, &mut bytes).unwrap();
    assert_eq!(reader::parse(&bytes).unwrap().records, [record]);
}

#[test]
fn the_frozen_run_of_version_1_can_be_opened() {
    let home = tempfile::tempdir().unwrap();
    let project = project(home.path());
    let run = RunId::new("20261120-2012-k3");
    let folder = project.run(&run).unwrap();
    fs::create_dir_all(&folder).unwrap();
    for name in ["plan.json", "plan.sha256", "journal.jsonl"] {
        let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals/v1");
        fs::copy(frozen.join(name), folder.join(name)).unwrap();
    }
    let folder = RunFolder::find(&project, &run).unwrap();
    assert_eq!(folder.open_for_writing(BY).unwrap().records, records());
}

#[tokio::test]
async fn a_plan_that_was_changed_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let project = project(home.path());
    let run = RunId::new("20261120-2012-k3");
    let mut owned = RunFolder::create(&project, &run, &plan(), BY).unwrap();
    owned.writer.append(&records()).await.unwrap();
    let folder = owned.folder.clone();
    drop(owned);
    let path = folder.path().join("plan.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"true\"", "\"rm -rf .\"")).unwrap();
    let why = folder.open_for_writing(BY).unwrap_err().to_string();
    assert!(why.contains("checksum"), "{why}");
    let rows = list::summaries(&project).unwrap();
    assert!(rows[0].damaged.is_some());
}

#[tokio::test]
async fn a_run_whose_plan_was_lost_is_shown_as_damaged_and_can_be_removed() {
    let home = tempfile::tempdir().unwrap();
    let project = project(home.path());
    let run = RunId::new("20261120-2012-k3");
    let mut owned = RunFolder::create(&project, &run, &plan(), BY).unwrap();
    owned.writer.append(&records()).await.unwrap();
    let path = owned.folder.path().join("plan.json");
    drop(owned);
    fs::remove_file(&path).unwrap();
    let rows = list::summaries(&project).unwrap();
    assert_eq!(rows.len(), 1);
    let why = rows[0].damaged.clone().unwrap();
    assert!(why.contains("plan.json"), "{why}");
    let folder = RunFolder::find(&project, &run).unwrap();
    assert!(folder.open_for_writing(BY).is_err());
    folder.remove(BY).unwrap();
    assert!(list::summaries(&project).unwrap().is_empty());
}

#[tokio::test]
async fn a_journal_of_another_plan_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let project = project(home.path());
    let run = RunId::new("20261120-2012-k3");
    let mut other = plan();
    other.digest = "another".to_owned();
    let mut owned = RunFolder::create(&project, &run, &other, BY).unwrap();
    owned.writer.append(&records()).await.unwrap();
    let folder = owned.folder.clone();
    drop(owned);
    let why = folder.open_for_writing(BY).unwrap_err().to_string();
    assert!(why.contains("another plan"), "{why}");
}

proptest! {
    #[test]
    fn a_journal_cut_anywhere_is_a_valid_prefix(cut in 0_usize..3000) {
        let bytes = journal_bytes();
        let cut = cut.min(bytes.len());
        let reading = reader::parse(&bytes[..cut]).unwrap();
        let whole = newlines(&bytes[..cut]);
        prop_assert_eq!(reading.records, &records()[..whole]);
    }

    #[test]
    fn a_journal_with_a_flipped_bit_never_yields_a_wrong_record(at in 0_usize..1_000_000, bit in 0_u8..8) {
        let mut bytes = journal_bytes();
        let at = at % bytes.len();
        let line = newlines(&bytes[..at]) + 1;
        bytes[at] ^= 1 << bit;
        // A flip is noticed, and blamed on the line it is in (or on the one it was joined with).
        let (named, _) = reader::parse(&bytes).unwrap_err();
        prop_assert_eq!(named, line);
    }

    #[test]
    fn nonsense_is_never_a_record(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(reading) = reader::parse(&bytes) {
            prop_assert!(reading.records.is_empty());
        }
    }

    #[test]
    fn a_cut_and_flipped_journal_is_a_prefix_or_an_error(cut in 0_usize..3000, at in 0_usize..3000, byte: u8) {
        let mut bytes = journal_bytes();
        bytes.truncate(cut.max(1).min(bytes.len()));
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(reading) = reader::parse(&bytes) {
            prop_assert_eq!(&reading.records[..], &records()[..reading.records.len()]);
        }
    }
}

/// Outcomes have fixed names in the journal, for ever.
#[test]
fn outcomes_are_written_as_designed() {
    let names: Vec<String> = [
        Outcome::Succeeded,
        Outcome::Failed,
        Outcome::Stopped,
        Outcome::RolledBack,
    ]
    .iter()
    .map(|outcome| serde_json::to_string(outcome).unwrap())
    .collect();
    assert_eq!(
        names,
        [
            "\"succeeded\"",
            "\"failed\"",
            "\"stopped\"",
            "\"rolled_back\""
        ]
    );
}
