//! State folders that cannot be used, a missing home, runs that lost a part of themselves.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{Ended, TWO, begun, run_folder, states};
use crate::support::workshop::Workshop;

#[test]
fn without_a_home_it_is_said_what_to_set() {
    let workshop = Workshop::with(TWO);
    for line in ["runs", "deploy", "resume"] {
        let mut command = workshop.command(env!("CARGO_BIN_EXE_golive"));
        for name in [
            "HOME",
            "XDG_STATE_HOME",
            "XDG_CONFIG_HOME",
            "XDG_CACHE_HOME",
        ] {
            command.env_remove(name);
        }
        let ended = Ended::of(&command.arg(line).output().unwrap());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("help: set HOME"), "{ended:?}");
    }
}

#[test]
fn a_state_folder_that_is_none_starts_nothing() {
    let workshop = Workshop::with(TWO);
    fs::create_dir_all(workshop.path("home/.local/state")).unwrap();
    workshop.write("home/.local/state/golive", "a file");
    for line in ["runs", "deploy"] {
        let ended = Ended::of(&workshop.golive(line));
        assert_ne!(ended.code, Some(0), "{ended:?}");
        assert!(ended.err.contains("home/.local/state/golive"), "{ended:?}");
    }
    assert_eq!(workshop.ran("prepare"), 0);
}

#[tokio::test]
async fn runs_in_a_folder_that_others_can_write_are_not_trusted() {
    let workshop = Workshop::with(TWO);
    workshop.let_go("prepare");
    workshop.let_go("switch");
    Ended::of(&workshop.golive("deploy")).done();
    let runs = states(&workshop)[0].join("runs");
    fs::set_permissions(&runs, fs::Permissions::from_mode(0o777)).unwrap();
    let ended = Ended::of(&workshop.golive("deploy"));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("open to others"), "{ended:?}");
    assert_eq!(workshop.ran("prepare"), 1);
}

#[tokio::test]
async fn a_run_without_its_journal_is_not_begun_anew() {
    let workshop = Workshop::with(TWO);
    begun(&workshop).await.kill();
    workshop.let_go("prepare");
    let folder = run_folder(&workshop);
    fs::remove_file(folder.join("journal.jsonl")).unwrap();
    let run = folder.file_name().unwrap().to_str().unwrap().to_owned();
    let listed = Ended::of(&workshop.golive("runs")).done();
    assert!(listed.out.contains("journal.jsonl"), "{listed:?}");
    let ended = Ended::of(&workshop.golive(&format!("resume {run}")));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.err.contains("could not read the journal"),
        "{ended:?}"
    );
    assert!(!folder.join("journal.jsonl").exists());
    assert_eq!(workshop.ran("prepare"), 1);
}

#[tokio::test]
async fn a_run_of_a_newer_golive_is_refused_clearly() {
    let workshop = Workshop::with(TWO);
    begun(&workshop).await.kill();
    let folder = run_folder(&workshop);
    let journal = folder.join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let newer = text.replace("{\"v\":1,", "{\"v\":2,");
    fs::write(&journal, &newer).unwrap();
    let run = folder.file_name().unwrap().to_str().unwrap().to_owned();
    let ended = Ended::of(&workshop.golive(&format!("resume {run}")));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("format version 2"), "{ended:?}");
    assert!(ended.err.contains("reads version 1"), "{ended:?}");
    assert_eq!(fs::read_to_string(&journal).unwrap(), newer);
}

#[tokio::test]
async fn the_record_of_where_a_project_is_may_be_lost() {
    let workshop = Workshop::with(TWO);
    begun(&workshop).await.kill();
    let record = states(&workshop)[0].join("project.json");
    for text in ["", "{", "{\"version\":2}"] {
        fs::write(&record, text).unwrap();
        let listed = Ended::of(&workshop.golive("runs")).done();
        assert!(listed.out.contains("running"), "{listed:?}");
    }
    super::goes_on(&workshop);
}
