//! Projects that were moved, linked and cloned.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Ended, TWO, begun, states};
use crate::support::wait_until;
use crate::support::workshop::Workshop;

/// golive in another folder of the workshop.
fn golive_in(workshop: &Workshop, folder: &Path, line: &str) -> Ended {
    let mut command: Command = workshop.command(env!("CARGO_BIN_EXE_golive"));
    command.args(line.split_whitespace()).current_dir(folder);
    Ended::of(&command.output().unwrap())
}

#[tokio::test]
async fn a_project_that_was_moved_under_a_running_step_goes_on_in_its_new_place() {
    let workshop = Workshop::with(TWO);
    begun(&workshop).await.kill();
    let new = workshop.path("elsewhere");
    fs::rename(workshop.path("project"), &new).unwrap();
    let listed = golive_in(&workshop, &new, "runs").done();
    assert!(listed.err.contains("was in"), "{listed:?}");
    assert!(listed.out.contains("running"), "{listed:?}");
    let listed = golive_in(&workshop, &new, "runs").done();
    assert_eq!(listed.err, "", "it is said once");
    workshop.let_go("prepare");
    workshop.let_go("switch");
    let ended = golive_in(&workshop, &new, "resume").done();
    assert_eq!(workshop.ran("prepare"), 1, "{ended:?}");
    assert_eq!(workshop.ran("switch"), 1, "{ended:?}");
    assert_eq!(states(&workshop).len(), 1);
}

#[tokio::test]
async fn a_run_whose_project_is_moved_under_golive_starts_nothing_in_the_wrong_place() {
    let workshop = Workshop::with(TWO);
    let started = begun(&workshop).await;
    let new = workshop.path("elsewhere");
    fs::rename(workshop.path("project"), &new).unwrap();
    workshop.let_go("prepare");
    workshop.let_go("switch");
    let ended = started.ended();
    assert_ne!(ended.code, Some(0), "{ended:?}");
    assert_eq!(workshop.ran("switch"), 0, "{ended:?}");
    assert!(
        ended
            .out
            .contains("golive: cannot go to the working directory"),
        "{ended:?}"
    );
    let run = super::run_folder(&workshop);
    let run = run.file_name().unwrap().to_string_lossy().into_owned();
    golive_in(&workshop, &new, &format!("resume {run}")).done();
    assert_eq!(workshop.ran("prepare"), 1);
    assert_eq!(workshop.ran("switch"), 1);
}

#[tokio::test]
async fn a_project_reached_through_a_link_is_the_same_project() {
    let workshop = Workshop::with(TWO);
    workshop.let_go("prepare");
    workshop.let_go("switch");
    Ended::of(&workshop.golive("deploy")).done();
    let link = workshop.path("link");
    std::os::unix::fs::symlink(workshop.path("project"), &link).unwrap();
    let file = link.join("releases.toml");
    let line = format!("-f {} runs", file.display());
    let listed = golive_in(&workshop, &workshop.path("marks"), &line).done();
    assert!(listed.out.contains("succeeded"), "{listed:?}");
    assert_eq!(states(&workshop).len(), 1);
}

#[tokio::test]
async fn two_clones_never_share_their_runs() {
    let workshop = Workshop::with(TWO);
    workshop.let_go("prepare");
    workshop.let_go("switch");
    Ended::of(&workshop.golive("deploy")).done();
    let clone = workshop.path("clone");
    let cloned = workshop
        .command("git")
        .args(["clone", "-q", "."])
        .arg(&clone)
        .status()
        .unwrap();
    assert!(cloned.success());
    let listed = golive_in(&workshop, &clone, "runs").done();
    assert!(listed.out.contains("no runs"), "{listed:?}");
    golive_in(&workshop, &clone, "deploy").done();
    assert_eq!(states(&workshop).len(), 2);
}

#[tokio::test]
async fn a_clone_in_place_of_a_project_that_is_gone_has_its_runs() {
    let workshop = Workshop::with(TWO);
    workshop.let_go("prepare");
    workshop.let_go("switch");
    Ended::of(&workshop.golive("deploy")).done();
    let clone = workshop.path("clone");
    let cloned = workshop
        .command("git")
        .args(["clone", "-q", "."])
        .arg(&clone)
        .status()
        .unwrap();
    assert!(cloned.success());
    fs::remove_dir_all(workshop.path("project")).unwrap();
    let listed = golive_in(&workshop, &clone, "runs").done();
    assert!(listed.out.contains("succeeded"), "{listed:?}");
    assert!(listed.err.contains("was in"), "{listed:?}");
}

/// Two runs of one project, each in its own environment.
#[tokio::test]
async fn two_environments_are_deployed_to_at_once() {
    let workshop = Workshop::with(TWO);
    let text = format!(
        "[project]\nname = \"workshop\"\n\
         [env.one]\nvia = \"local\"\nhosts = {{ a = {{ dir = \"{root}/host\" }} }}\ngate = \"none\"\n\
         [env.two]\nvia = \"local\"\nhosts = {{ b = {{ dir = \"{root}/other\" }} }}\ngate = \"none\"\n\
         [step.prepare]\nrun = \"sh {root}/marks/step.sh prepare\"\non = \"all\"\n\
         [step.switch]\nrun = \"sh {root}/marks/step.sh switch\"\non = \"all\"\n\
         [[stage]]\nname = \"One\"\nenv = \"one\"\nsteps = [\"prepare\"]\n\
         [[stage]]\nname = \"Two\"\nenv = \"two\"\nsteps = [\"switch\"]\n",
        root = workshop.path("").display()
    );
    fs::create_dir(workshop.path("other")).unwrap();
    workshop.write("project/releases.toml", &text);
    let one = super::Started::new(&workshop, "deploy --stage One");
    let two = super::Started::new(&workshop, "deploy --stage Two");
    wait_until("both run", || {
        workshop.ran("prepare") == 1 && workshop.ran("switch") == 1
    })
    .await;
    workshop.let_go("prepare");
    workshop.let_go("switch");
    one.ended().done();
    two.ended().done();
    let finished = workshop.events("run_finished");
    assert_eq!(finished.len(), 2);
    assert!(finished.iter().all(|event| event["outcome"] == "succeeded"));
}
