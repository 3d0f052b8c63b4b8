//! Going back where no tag tells what is live: only runs of this machine do, and somebody else may have released meanwhile.

use std::fs;

use super::ground::{Ground, STAGING, text};

/// Releases as somebody does whose machine knows nothing of the runs of this one.
fn releases_elsewhere(ground: &Ground, arguments: &[&str]) {
    let [here, aside] = ["home/.local/state", "home/.local/aside"].map(|name| ground.path(name));
    fs::rename(&here, &aside).unwrap();
    ground.ends(0, arguments);
    fs::remove_dir_all(&here).unwrap();
    fs::rename(&aside, &here).unwrap();
}

#[test]
fn what_a_colleague_released_is_not_taken_back_for_something_else_unless_somebody_says_so() {
    let ground = Ground::staging("none");
    for text in ["one", "two"] {
        ground.commit(text);
        ground.ends(0, &["deploy"]);
    }
    ground.commit("three");
    releases_elsewhere(&ground, &["deploy"]);
    let refused = ground.ends(1, &["rollback", "staging"]);
    refused.prints(&[
        "somebody else had the lock of staging since this was last known here, on: web1",
        "nothing was taken back",
    ]);
    assert_eq!(ground.served(), "three");
    assert!(ground.trace().is_empty(), "{:?}", ground.trace());
    // Another try says the same, and people may know better.
    let run = ground.newest_run();
    let task = refused
        .out
        .split_whitespace()
        .find_map(|word| {
            word.split_once("/nobody-since@local")
                .map(|(stage, _)| stage)
        })
        .map(|stage| format!("{stage}/nobody-since@local"))
        .unwrap();
    let same = ground.ends(1, &["resume", &run, "--retry", &task]);
    same.prints(&["somebody else had the lock"]);
    let decided = [
        "resume",
        &run,
        "--skip",
        &task,
        "--reason",
        "he only looked",
    ];
    ground.ends(0, &decided);
    assert_eq!(ground.served(), "one");
    // From here on it is known again.
    ground.commit("four");
    ground.ends(0, &["deploy"]);
    ground.ends(0, &["rollback", "staging"]);
    assert_eq!(ground.served(), "one");
}

#[test]
fn a_gate_held_open_while_a_colleague_releases_is_approved_for_nothing() {
    let ground = Ground::staging("type");
    let mut approvals = Vec::new();
    for text in ["one", "two", "three"] {
        approvals.push(format!("staging={}", ground.commit(text)));
        if text != "three" {
            ground.ends(0, &["deploy", "--approve", approvals.last().unwrap()]);
        }
    }
    ground.ends(3, &["rollback", "staging"]);
    let waiting = ground.newest_run();
    releases_elsewhere(&ground, &["deploy", "--approve", &approvals[2]]);
    let late = ground.ends(1, &["resume", &waiting, "--approve", &approvals[0]]);
    late.prints(&["somebody else had the lock of staging"]);
    assert_eq!(ground.served(), "three");
    assert!(ground.trace().is_empty(), "{:?}", ground.trace());
    assert_eq!(text(&ground.runs()[0]["outcome"]), "failed");
}

#[test]
fn a_run_of_ours_that_came_to_nothing_does_not_hide_what_a_colleague_released_before_it() {
    let guarded = STAGING.replace("steps = [\"code\"]", "steps = [\"guard\", \"code\"]");
    let guard = "[step.guard]\nrun = '[ ! -e \"$TRACE.broken\" ]'\n[[stage]]";
    let guarded = guarded.replace("[[stage]]", guard).replace("GATE", "none");
    let ground = Ground::new(1, &guarded);
    for text in ["one", "two"] {
        ground.commit(text);
        ground.ends(0, &["deploy"]);
    }
    ground.commit("three");
    releases_elsewhere(&ground, &["deploy"]);
    ground.commit("four");
    fs::write(ground.path("trace.broken"), "").unwrap();
    ground.ends(1, &["deploy"]);
    let refused = ground.ends(1, &["rollback", "staging"]);
    refused.prints(&["somebody else had the lock of staging since this was last known here"]);
    assert_eq!(ground.served(), "three");
    assert!(ground.trace().is_empty(), "{:?}", ground.trace());
}
