//! Reaching hosts: those that do not answer, keys that are not known, few sessions, many hosts.

use std::fmt::Write as _;
use std::fs;

use super::ground::{Ended, Ground, NOTE, PAIR};
use crate::support::fleet::Fleet;

fn noted() -> String {
    format!(
        r#"{PAIR}
[step.note]
run = '{NOTE}; touch ~/touched'
on = "all"
[step.here]
run = '{NOTE}'
needs = []
[[stage]]
name = "Test"
env = "test"
steps = ["here", "note"]
"#
    )
}

/// The deploy ended before anything was started anywhere, and no run is left to go on with.
#[track_caller]
fn nothing_was_started(ground: &Ground) -> Ended {
    let ended = ground.ends(5, &["deploy", "--json"]);
    ended.says(&["nothing was started", "web2"]);
    assert_eq!(ended.out, "");
    assert_eq!(ground.trace(), Vec::<String>::new());
    for number in [1, 2] {
        assert!(!ground.home(number).join("touched").exists());
    }
    assert_eq!(ground.run_folders(), Vec::<std::path::PathBuf>::new());
    ground.leaves_no_connection();
    ended
}

#[test]
fn with_a_host_that_cannot_be_reached_nothing_is_started_anywhere() {
    let mut ground = Ground::new(2, &noted());
    ground.fleet.stop(1);
    nothing_was_started(&ground).says(&[
        "refused",
        "ssh -F",
        "help: the same with --host web1 goes without web2\n",
    ]);
    // Without the host it goes, and with the host again.
    ground.ends(0, &["deploy", "--host", "web1"]);
    ground.fleet.start(1);
    ground.ends(0, &["deploy"]);
}

#[test]
fn an_unknown_host_key_is_told_with_its_fingerprint_and_never_enrolled() {
    let ground = Ground::new(2, &noted());
    let known = fs::read_to_string(ground.fleet.known_hosts()).unwrap();
    let first = known.lines().next().unwrap().to_owned() + "\n";
    fs::write(ground.fleet.known_hosts(), &first).unwrap();
    let port = ground.fleet.hosts()[1].port;
    nothing_was_started(&ground).says(&[
        &format!("the host key of [127.0.0.1]:{port} is not known"),
        "SHA256:",
        "StrictHostKeyChecking=ask web2 true",
    ]);
    assert_eq!(
        fs::read_to_string(ground.fleet.known_hosts()).unwrap(),
        first
    );
}

#[test]
fn a_changed_host_key_is_told_with_the_command_that_forgets_the_old_one() {
    let mut ground = Ground::new(2, &noted());
    let known = fs::read_to_string(ground.fleet.known_hosts()).unwrap();
    ground.fleet.stop(1);
    ground.fleet.change_key(1);
    ground.fleet.start(1);
    nothing_was_started(&ground).says(&["CHANGED", "ssh-keygen -f", "-R"]);
    assert_eq!(
        fs::read_to_string(ground.fleet.known_hosts()).unwrap(),
        known
    );
}

/// Steps that need nothing and end only when all of them have begun.
fn meeting(count: usize) -> String {
    let names: Vec<String> = (1..=count).map(|number| format!("s{number}")).collect();
    let mut text = "[env.test]\nhosts = { web1 = \"web1\" }\n".to_owned();
    for name in &names {
        write!(
            text,
            "[step.{name}]\non = \"all\"\nneeds = []\nrun = 'mkdir -p met; touch met/{name}; \
             until [ \"$(ls met | wc -l)\" -ge {count} ]; do sleep 0.05; done; echo met'\n"
        )
        .unwrap();
    }
    write!(
        text,
        "[[stage]]\nname = \"Test\"\nenv = \"test\"\nsteps = {names:?}\n"
    )
    .unwrap();
    text
}

#[test]
fn eleven_steps_run_at_once_where_ten_sessions_are_allowed() {
    let ground = Ground::new(1, &meeting(11));
    let ended = ground.ends(0, &["deploy", "--json"]);
    assert_eq!(ended.events_of("task_output", "").len(), 11);
    ground.leaves_no_connection();
}

#[test]
fn five_steps_run_at_once_where_two_sessions_are_allowed() {
    let ground = Ground::on(Fleet::with(1, &["MaxSessions 2"]), &meeting(5));
    let ended = ground.ends(0, &["deploy", "--json"]);
    assert_eq!(ended.events_of("task_output", "").len(), 5);
}

#[test]
fn thirty_two_hosts_go_in_lockstep() {
    let mut text = "[env.test]\nvars = { TRACE = \"TRACE_FILE\" }\n[env.test.hosts]\n".to_owned();
    for number in 1..=32 {
        writeln!(text, "web{number} = \"web{number}\"").unwrap();
    }
    for step in ["fetch", "switch"] {
        writeln!(
            text,
            "[step.{step}]\non = \"all\"\nrun = 'echo {step} >>\"$TRACE\"'"
        )
        .unwrap();
    }
    text.push_str("[[stage]]\nname = \"Test\"\nenv = \"test\"\nsteps = [\"fetch\", \"switch\"]\n");
    let ground = Ground::new(32, &text);
    ground.ends(0, &["deploy"]);
    let expected = [vec!["fetch"; 32], vec!["switch"; 32]].concat();
    assert_eq!(ground.trace(), expected);
    ground.leaves_no_connection();
}

#[test]
fn many_names_of_one_server_are_connected_without_knocking_too_often_at_once() {
    let mut text = "[env.test]\nvars = { TRACE = \"TRACE_FILE\" }\n[env.test.hosts]\n".to_owned();
    for number in 1..=24 {
        writeln!(text, "site{number} = \"web1\"").unwrap();
    }
    text.push_str(
        "[step.note]\non = \"all\"\nrun = 'echo $GOLIVE_HOST >>\"$TRACE\"'\n\
         [[stage]]\nname = \"Test\"\nenv = \"test\"\nsteps = [\"note\"]\n",
    );
    let ground = Ground::on(Fleet::with(1, &["MaxStartups 10:100:10"]), &text);
    ground.ends(0, &["deploy"]);
    let mut trace = ground.trace();
    trace.sort();
    trace.dedup();
    assert_eq!(trace.len(), 24);
    ground.leaves_no_connection();
}
