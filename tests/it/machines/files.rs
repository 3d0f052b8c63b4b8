//! A checklist that was changed, broken, removed or renamed while a run was unfinished.

use std::fs;

use super::{Ended, TWO, begun, goes_on};
use crate::support::workshop::{GATED, Workshop};

/// A run of which nobody knows how its first step goes: golive was killed.
async fn left(workshop: &Workshop) {
    begun(workshop).await.kill();
}

#[tokio::test]
async fn a_run_keeps_to_its_plan_and_the_difference_is_told() {
    let workshop = Workshop::with(TWO);
    left(&workshop).await;
    let changed = TWO
        .replace("step.sh switch", "step.sh other")
        .replace("[[stage]]", "[step.more]\nrun = \"true\"\n[[stage]]")
        .replace("\"switch\"]", "\"switch\", \"more\"]");
    workshop.write_checklist(&changed);
    let ended = goes_on(&workshop);
    assert_eq!(workshop.ran("other"), 0);
    let told = "releases.toml has changed; the run keeps to the plan it was started with\n  \
                here/switch: the command changed\n  here/more is new\n  \
                golive plan shows the file as it is now\n";
    assert!(ended.out.contains(told), "{ended:?}");
}

#[tokio::test]
async fn the_events_of_a_run_are_not_mixed_with_the_difference() {
    let workshop = Workshop::with(TWO);
    left(&workshop).await;
    workshop.write_checklist(&TWO.replace("step.sh switch", "step.sh other"));
    workshop.let_go("prepare");
    workshop.let_go("switch");
    let ended = Ended::of(&workshop.golive("resume --json")).done();
    assert!(
        ended.err.contains("here/switch: the command changed"),
        "{ended:?}"
    );
    for line in ended.out.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[tokio::test]
async fn nothing_is_told_about_a_file_that_decides_the_same() {
    let workshop = Workshop::with(TWO);
    left(&workshop).await;
    workshop.write_checklist(&format!("{TWO}\n# a comment\n"));
    let ended = goes_on(&workshop);
    assert!(!ended.out.contains("toml has changed"), "{ended:?}");
}

#[tokio::test]
async fn a_part_is_compared_with_the_same_part() {
    let workshop = Workshop::with(TWO);
    workshop.let_go("switch");
    let ended = Ended::of(&workshop.golive("deploy --from switch")).done();
    assert_eq!(ended.code, Some(0));
    let gated = Workshop::with(GATED);
    gated.let_go("prepare");
    let ended = Ended::of(&gated.golive("deploy --stage Here --stage Live"));
    assert_eq!(ended.code, Some(3), "{ended:?}");
    gated.write_checklist(&GATED.replace("[[stage]]\nname = \"Here\"", "[step.x]\nrun = \"true\"\n[[stage]]\nname = \"Before\"\nsteps = [\"x\"]\n[[stage]]\nname = \"Here\""));
    let ended = Ended::of(&gated.golive("resume"));
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(!ended.out.contains("toml has changed"), "{ended:?}");
}

#[tokio::test]
async fn a_broken_checklist_stops_no_run() {
    let workshop = Workshop::with(TWO);
    left(&workshop).await;
    workshop.write("project/releases.toml", "[project\nname = ");
    let listed = Ended::of(&workshop.golive("runs")).done();
    assert!(listed.out.contains("running"), "{listed:?}");
    let refused = Ended::of(&workshop.golive("deploy"));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let help = format!("help: golive resume {} goes on", workshop.run());
    assert!(refused.err.contains(&help), "{refused:?}");
    let ended = goes_on(&workshop);
    assert!(ended.out.contains("mistakes in "), "{ended:?}");
    let shown = Ended::of(&workshop.golive(&format!("runs show {}", workshop.run()))).done();
    assert!(shown.out.contains("here/switch@local"), "{shown:?}");
    let refused = Ended::of(&workshop.golive("deploy"));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(!refused.err.contains("resume"), "{refused:?}");
}

#[tokio::test]
async fn a_missing_checklist_stops_no_run() {
    let workshop = Workshop::with(TWO);
    left(&workshop).await;
    let project = workshop.path("project");
    fs::rename(project.join("releases.toml"), project.join("other.toml")).unwrap();
    let listed = Ended::of(&workshop.golive("runs")).done();
    assert!(listed.out.contains("running"), "{listed:?}");
    fs::create_dir(project.join("src")).unwrap();
    let below = workshop
        .command(env!("CARGO_BIN_EXE_golive"))
        .arg("runs")
        .current_dir(project.join("src"))
        .output()
        .unwrap();
    assert_eq!(Ended::of(&below).done().out, listed.out);
    // The other file stands in the same folder: it is the same project.
    let other = Ended::of(&workshop.golive("-f other.toml runs")).done();
    assert_eq!(other.out, listed.out);
    let ended = goes_on(&workshop);
    assert!(ended.out.contains("could not read"), "{ended:?}");
}

#[tokio::test]
async fn a_project_whose_name_was_changed_has_the_runs_of_both_names() {
    let workshop = Workshop::with(TWO);
    left(&workshop).await;
    let file = workshop.path("project/releases.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"workshop\"", "\"factory\"")).unwrap();
    let ended = goes_on(&workshop);
    assert!(
        ended
            .out
            .contains("[project]: its name workshop -> factory"),
        "{ended:?}"
    );
    Ended::of(&workshop.golive("deploy")).done();
    let listed = workshop.golive("runs --json");
    let runs: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let names: Vec<&str> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["project"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["factory", "workshop"]);
    assert_eq!(super::states(&workshop).len(), 1);
}

#[test]
fn where_nothing_ever_ran_the_file_is_what_is_missing() {
    let workshop = Workshop::with(TWO);
    fs::remove_file(workshop.path("project/releases.toml")).unwrap();
    for line in ["runs", "resume"] {
        let ended = Ended::of(&workshop.golive(line));
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("there is no releases.toml"), "{ended:?}");
    }
}

#[test]
fn hosts_and_gates_of_a_run_are_those_it_was_planned_with() {
    let workshop = Workshop::with(GATED);
    workshop.let_go("prepare");
    workshop.let_go("switch");
    let stopped = Ended::of(&workshop.golive("deploy"));
    assert_eq!(stopped.code, Some(3), "{stopped:?}");
    let file = workshop.path("project/releases.toml");
    let text = fs::read_to_string(&file).unwrap();
    // The gate is opened, and the host is another one.
    let changed = text
        .replace("via = \"local\"", "via = \"local\"\ngate = \"none\"")
        .replace("/host\"", "/elsewhere\"");
    fs::write(&file, changed).unwrap();
    let stopped = Ended::of(&workshop.golive("resume"));
    assert_eq!(stopped.code, Some(3), "{stopped:?}");
    for told in [
        "host one of live: reached as the folder ",
        "the stage Live: gate type -> none",
    ] {
        assert!(stopped.out.contains(told), "{stopped:?}");
    }
    fs::remove_file(&file).unwrap();
    let approved = format!("resume --approve live={}", workshop.commit());
    Ended::of(&workshop.golive(&approved)).done();
    assert_eq!(workshop.ran("switch"), 1);
    assert!(!workshop.path("elsewhere").exists());
}

#[tokio::test]
async fn a_console_goes_on_with_a_run_whose_checklist_is_broken() {
    let workshop = Workshop::with(TWO);
    left(&workshop).await;
    workshop.write("project/releases.toml", "[project\nname = ");
    let terminal = workshop.open("resume");
    terminal.shows("keeps to the plan it was started with");
    terminal.shows("mistakes in");
    workshop.let_go("prepare");
    workshop.let_go("switch");
    terminal.until("the run has ended", |_| {
        workshop.outcome().as_deref() == Some("succeeded")
    });
    assert_eq!(workshop.ran("prepare"), 1);
    assert_eq!(workshop.ran("switch"), 1);
}
