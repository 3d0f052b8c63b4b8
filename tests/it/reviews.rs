//! What hostile reviews found: each test is the experiment that once broke a promise.
//!
//! The real program, real OpenSSH servers where a host has to be slow, no sleeping: what must happen is waited for.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::fleet::Fleet;
use crate::support::small::Small;
use crate::support::wait_for;
use crate::support::workshop::Workshop;

/// A step here that waits for the test, then one on a real server.
const REMOTE: &str = r#"
[project]
name = "workshop"
[ssh]
config = "SSH_CONFIG"
[env.live]
gate = "none"
[env.live.hosts]
web1 = { ssh = "web1" }
[step.prepare]
run = "sh MARKS/step.sh prepare"
[step.switch]
run = "sh MARKS/step.sh switch"
on = "all"
[[stage]]
name = "Live"
env = "live"
steps = ["prepare", "switch"]
"#;

/// A workshop whose second step runs on the first host of the fleet.
fn on_a_server(fleet: &Fleet) -> Workshop {
    let workshop = Workshop::with("");
    let text = REMOTE
        .replace("SSH_CONFIG", &fleet.config().to_string_lossy())
        .replace("MARKS", &workshop.path("marks").to_string_lossy());
    workshop.write("project/releases.toml", &text);
    workshop
}

/// Who drives the newest run.
fn driver(workshop: &Workshop) -> String {
    let output = workshop.golive("runs --json");
    let runs: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    runs[0]["driver"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_console_left_while_it_takes_a_run_over_gives_it_back_to_a_background_runner() {
    let fleet = Fleet::up(1);
    let workshop = on_a_server(&fleet);
    let detached = workshop.golive("deploy --detach");
    assert_eq!(detached.status.code(), Some(0), "{detached:?}");
    wait_for("prepare runs", || workshop.ran("prepare") == 1);
    fleet.freeze(0);
    let mut terminal = workshop.open(&format!("resume {}", workshop.run()));
    wait_for("the console owns the run", || {
        driver(&workshop).starts_with("pid ")
    });
    terminal.keys("q");
    assert_eq!(terminal.ended(), 130);
    let said = terminal.text();
    assert!(said.contains("the run goes on in the background"), "{said}");
    fleet.thaw(0);
    assert!(
        driver(&workshop).starts_with("background runner"),
        "{}",
        driver(&workshop)
    );
    workshop.let_go("prepare");
    workshop.let_go("switch");
    wait_for("the run has succeeded", || {
        workshop.outcome().as_deref() == Some("succeeded")
    });
    assert_eq!((workshop.ran("prepare"), workshop.ran("switch")), (1, 1));
}

#[test]
fn a_run_that_keeps_a_lock_is_not_removed_for_nobody_could_give_it_back_any_more() {
    let workshop = Workshop::with(
        "[step.fails]\nrun = \"false\"\non = \"all\"\n[[stage]]\nname = \"Live\"\nenv = \"live\"\nsteps = [\"fails\"]\n",
    );
    let deploy = format!(
        "deploy --plain --keep-lock --approve live={}",
        workshop.commit()
    );
    assert_eq!(workshop.golive(&deploy).status.code(), Some(1));
    let run = workshop.run();
    let refused = workshop.golive(&format!("runs remove {run}"));
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("keeps the lock of live"), "{said}");
    assert!(said.contains("golive lock live --release"), "{said}");
    let released = workshop.golive("lock live --release");
    assert_eq!(released.status.code(), Some(0), "{released:?}");
    let removed = workshop.golive(&format!("runs remove {run}"));
    assert_eq!(removed.status.code(), Some(0), "{removed:?}");
}

#[test]
fn a_step_whose_host_was_lost_before_its_launch_does_not_start_after_the_run_was_stopped() {
    let mut fleet = Fleet::up(1);
    let workshop = on_a_server(&fleet);
    let golive = workshop
        .command(env!("CARGO_BIN_EXE_golive"))
        .args(["deploy", "--plain"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for("prepare runs", || workshop.ran("prepare") == 1);
    workshop.let_go("switch");
    fleet.stop(0);
    workshop.let_go("prepare");
    wait_for("the launch waits for its host", || {
        workshop.tasks_started().len() == 2
    });
    let console = Pid::from_raw(golive.id().cast_signed()).unwrap();
    kill_process(console, Signal::INT).unwrap();
    wait_for("the stop is recorded", || {
        !workshop.events("decision_taken").is_empty()
    });
    fleet.start(0);
    let ended = golive.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    assert_eq!(workshop.ran("switch"), 0);
}

#[test]
fn going_on_with_a_run_on_another_machine_of_the_same_name_is_told() {
    let steps = Small::default()
        .on_all("first", "true")
        .on_all("second", "[ -e @MARKS@/mended ]");
    let workshop = Workshop::with(&steps.of("live").text());
    let deploy = format!("deploy --plain --approve live={}", workshop.commit());
    assert_eq!(workshop.golive(&deploy).status.code(), Some(1));
    let resume = format!("resume {} --plain", workshop.run());
    let same = workshop.golive(&resume);
    let said = String::from_utf8(same.stderr).unwrap();
    assert!(!said.contains("another machine"), "{said}");
    std::fs::remove_dir_all(workshop.path("host/.golive")).unwrap();
    workshop.write("marks/mended", "");
    let other = workshop.golive(&resume);
    assert_eq!(other.status.code(), Some(0), "{other:?}");
    let said = String::from_utf8(other.stderr).unwrap();
    assert!(
        said.contains("one is another machine than the one live/second@one ran on"),
        "{said}"
    );
}

#[test]
fn a_tail_that_nobody_reads_any_more_ends_though_nothing_is_written_to_the_log() {
    let steps = Small::behind("[log.app]\non = \"all\"\nfile = \"app.log\"");
    let workshop = Workshop::with(&steps.on_all("switch", "true").of("live").text());
    workshop.write("host/app.log", "first\n");
    let mut golive = workshop
        .command(env!("CARGO_BIN_EXE_golive"))
        .args(["tail", "live", "--plain"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(golive.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.ends_with("first\n"), "{line}");
    // Its reader is gone now, as `head -1` is.
    let mut code = None;
    wait_for("it has ended", || {
        code = golive.try_wait().unwrap();
        code.is_some()
    });
    assert_eq!(code.unwrap().code(), Some(0));
}

#[test]
fn sources_of_secrets_that_never_end_are_refused_and_hold_nothing_up() {
    let step = Small::default()
        .secret("ENDLESS", r#"command = "yes no-secret-at-all""#)
        .secret(
            "LOUD",
            r#"command = "head -c 300000 /dev/zero >&2; echo long-enough""#,
        )
        .secret("PIPE", r#"file = "../pipe""#)
        .secret("FOLDER", r#"file = ".""#)
        .step("prepare", "sh @MARKS@/step.sh prepare")
        .told(&["ENDLESS", "LOUD", "PIPE", "FOLDER"]);
    let workshop = Workshop::with(&step.here().text());
    let pipe = workshop.path("pipe");
    let made = workshop.command("mkfifo").arg(pipe).status().unwrap();
    assert!(made.success());
    let output = workshop.golive("deploy --plain");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in [
        "3 secrets cannot be had, nothing was started",
        "gave nothing: it prints more than 64 KiB",
        "could not read ../pipe: it is no plain file",
        "could not read .: it is no plain file",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert_eq!(workshop.ran("prepare"), 0);
}

#[test]
fn a_secret_of_a_step_that_is_done_is_masked_after_going_on_as_well() {
    let steps = Small::default()
        .secret("TOKEN", r#"command = "cat ../token""#)
        .secret("GONE", r#"command = "cat ../gone""#)
        .step("keep", "printf %s \"$TOKEN\" > @MARKS@/kept")
        .told(&["TOKEN", "GONE"])
        .step("check", "[ -e @MARKS@/mended ]")
        .step("tell", "echo it is; cat @MARKS@/kept");
    let workshop = Workshop::with(&steps.here().text());
    workshop.write("token", "correct horse\n");
    workshop.write("gone", "battery staple\n");
    assert_eq!(
        workshop.golive("deploy --plain").status.code(),
        Some(1),
        "check fails"
    );
    workshop.write("marks/mended", "");
    // What no step needs any more, and cannot be had, stops nothing.
    std::fs::remove_file(workshop.path("gone")).unwrap();
    let output = workshop.golive(&format!("resume {} --plain", workshop.run()));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("*************"), "{said}");
    assert!(!said.contains("correct horse"), "{said}");
}
