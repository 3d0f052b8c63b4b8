//! A host is restarted while a step runs there: nobody can know how the step ended, so somebody is asked.

use std::fs;

use super::console::Console;
use super::lane::Lane;
use crate::support::fleet::Fleet;

/// A step that waits on both hosts until it is let go, and one after it.
const WAITING: &str = r#"
[step.wait]
run = '''
NOTE
echo begun $GOLIVE_ATTEMPT; until [ -e ~/go ]; do sleep 0.02; done; echo over
'''
on = "all"
EXTRA
[step.last]
run = 'NOTE'
on = "all"
"#;

fn waiting(name: &str, fleet: &Fleet, extra: &str) -> Lane {
    let steps = WAITING.replace("NOTE", Lane::NOTE).replace("EXTRA", extra);
    Lane::with(name, fleet, &steps, "\"wait\", \"last\"")
}

fn begun(lane: &Lane, commit: &str) -> Console {
    let mut console = lane.start(&lane.deploy(commit));
    for host in ["web1", "web2"] {
        console.says(&format!("{host} wait | begun 1\n"));
    }
    console
}

fn let_go(lane: &Lane) {
    for number in [1, 2] {
        fs::write(lane.home(number).join("go"), "").unwrap();
    }
}

#[test]
fn a_step_whose_host_was_restarted_has_an_unknown_end_and_is_never_run_again_unasked() {
    let mut fleet = Fleet::up(2);
    let lane = waiting("restarted", &fleet, "");
    let commit = lane.commit();
    let mut console = begun(&lane, &commit);
    fleet.restart(0);
    console.says("LOST: web1");
    let_go(&lane);
    let ended = console.end();
    assert_eq!(ended.code, Some(6), "{}", ended.text);
    let run = lane.runs().into_keys().next().unwrap();
    for text in [
        "UNKNOWN",
        "live/wait@web1",
        "restarted",
        &format!("golive resume {run}"),
    ] {
        assert!(
            ended.text.contains(text),
            "`{text}` is not said: {}",
            ended.text
        );
    }
    // Nobody who goes on without deciding changes that.
    for _ in 0..2 {
        let again = lane.golive(&lane.resume(&run, &commit));
        assert_eq!(again.code, Some(6), "{}", again.text);
        assert_eq!(lane.ran(&run, 1), [format!("{run}/1/wait")]);
    }
    assert_eq!(lane.log(&run, "live/wait@web1", 1), b"begun 1\n");
    assert_eq!(lane.log(&run, "live/wait@web2", 1), b"begun 1\nover\n");
    lane.has_ended();
}

#[test]
fn a_step_that_may_be_repeated_runs_again_by_itself_when_its_host_was_restarted() {
    let mut fleet = Fleet::up(2);
    let lane = waiting("repeated", &fleet, "idempotent = true");
    let commit = lane.commit();
    let mut console = begun(&lane, &commit);
    fleet.restart(0);
    console.says("web1 wait | begun 2\n");
    let_go(&lane);
    let ended = console.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let run = lane.runs().into_keys().next().unwrap();
    let of = |attempts: &[&str]| -> Vec<String> {
        attempts.iter().map(|end| format!("{run}/{end}")).collect()
    };
    assert_eq!(lane.ran(&run, 1), of(&["1/wait", "2/wait", "1/last"]));
    assert_eq!(lane.ran(&run, 2), of(&["1/wait", "1/last"]));
    lane.is_tagged(&run, &commit);
    lane.has_ended();
}

#[test]
fn a_console_killed_before_its_host_was_restarted_leaves_the_question_to_the_next_one() {
    let mut fleet = Fleet::up(2);
    let lane = waiting("asked", &fleet, "");
    let commit = lane.commit();
    let mut console = begun(&lane, &commit);
    console.kill();
    console.end();
    fleet.restart(0);
    let_go(&lane);
    let run = lane.runs().into_keys().next().unwrap();
    let ended = lane.golive(&lane.resume(&run, &commit));
    assert_eq!(ended.code, Some(6), "{}", ended.text);
    assert!(ended.text.contains("UNKNOWN"), "{}", ended.text);
    assert_eq!(lane.ran(&run, 1), [format!("{run}/1/wait")]);
    assert!(lane.ran(&run, 2).contains(&format!("{run}/1/wait")));
    lane.has_ended();
}
