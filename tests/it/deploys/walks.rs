//! The main job: from the first stage over the gate to the pushed tag, and decisions without a terminal.

use std::fs;

use super::ground::{ENVIRONMENTS, Ground, NOTE, text};

/// Tests here, three steps on the hosts of two environments, a proof, the tag.
fn release() -> String {
    format!(
        r#"{ENVIRONMENTS}
[step.tests]
run = "echo Ran 39 tests"
proof = 'Ran (?<tests>\d+) tests'
[step.code]
run = '{NOTE}; echo "$GOLIVE_COMMIT" >"$HOME/code"; echo "$GOLIVE_ROLES"'
on = "web"
phase = "prepare"
[step.migrate]
run = '{NOTE}'
on = ["web", "db"]
once = true
downtime = "begins"
[step.reload]
run = '{NOTE}'
on = "web"
downtime = "ends"
[step.check]
run = "echo checked"
[groups]
deploy = ["code", "migrate", "reload"]
[[stage]]
name = "Here"
steps = ["tests"]
[[stage]]
name = "Staging"
env = "staging"
steps = ["deploy", "check"]
[[stage]]
name = "Production"
env = "production"
steps = ["deploy", "check", "tag"]
"#
    )
}

#[test]
fn a_release_stops_at_the_gate_refuses_another_commit_and_goes_on_to_the_pushed_tag() {
    let ground = Ground::new(3, &release());
    let first = ground.git(&["rev-parse", "HEAD"]);
    let head = ground.commit("second");
    fs::write(ground.project().join("notes"), "").unwrap();
    let stopped = ground.ends(3, &["deploy", "--json"]);
    let run = ground.newest_run();
    let short = &head[..7];
    let go_on = format!("help: golive resume {run} --approve production={short}");
    stopped.says(&[&go_on, "production"]);
    assert_eq!(stopped.events_of("gate_reached", "").len(), 1);
    assert_eq!(
        ground.trace(),
        [
            "Staging/code@staging",
            "Staging/migrate@staging",
            "Staging/reload@staging"
        ]
    );
    assert_eq!(
        text(&ground.runs()[0]["standing"]),
        "at the production gate"
    );
    assert!(ground.runs()[0]["outcome"].is_null());
    // Another commit is refused at the gate, with the same way on; nothing is started.
    let wrong = format!("production={}", &first[..7]);
    let refused = ground.ends(3, &["resume", "--approve", &wrong]);
    refused.says(&[&go_on, &first[..7]]).prints(&["REFUSED"]);
    // And before a new run is begun at all.
    ground
        .ends(3, &["deploy", "--approve", &wrong])
        .says(&[&first[..7], short]);
    assert_eq!(ground.trace().len(), 3);
    assert_eq!(ground.runs().len(), 1);
    let right = format!("production={short}");
    let done = ground.ends(0, &["resume", "--approve", &right, "--reason", "sprint 12"]);
    done.prints(&["DONE", "gate of production approved by"]);
    done.prints(&["production/tag@local: write the release's tags\n"]);
    let mut production = ground.trace().split_off(3);
    production[..2].sort();
    production[3..].sort();
    let expected = [
        "code@web1",
        "code@web2",
        "migrate@web1",
        "reload@web1",
        "reload@web2",
    ];
    assert_eq!(
        production,
        expected.map(|task| format!("Production/{task}"))
    );
    for number in 1..=3 {
        let code = fs::read_to_string(ground.home(number).join("code")).unwrap();
        assert_eq!(code.trim(), head);
    }
    tagged(&ground, &head, &run);
    // A run that is done is done.
    ground
        .ends(0, &["resume", &run])
        .prints(&["nothing is left to do"]);
    ground.ends(2, &["resume"]).says(&["no unfinished run"]);
    ground.leaves_no_connection();
}

/// Both tags are here and on the remote, and the release's tag says what was done.
fn tagged(ground: &Ground, head: &str, run: &str) {
    let tags = ground.release_tags("origin.git");
    assert_eq!(tags.len(), 1, "{tags:?}");
    for folder in ["project", "origin.git"] {
        assert_eq!(ground.tag_at(folder, "LIVE"), head);
        assert_eq!(ground.tag_at(folder, &tags[0]), head);
    }
    let body = ground.git_in("origin.git", &["cat-file", "tag", &tags[0]]);
    for line in [
        "type commit",
        "tagger Ada <ada@example.com>",
        &format!("run: {run}"),
        &format!("commit: {head}"),
        "here/tests@local tests",
        "production/web1",
        "production/web2",
    ] {
        assert!(body.contains(line), "`{line}` is not in:\n{body}");
    }
    let shown = ground.shown(run);
    assert_eq!(text(&shown["tag"]), tags[0]);
    let events = shown["events"].as_array().unwrap();
    let approval = events
        .iter()
        .find(|event| event["event"] == "gate_approved");
    assert_eq!(text(&approval.unwrap()["reason"]), "sprint 12");
    let roles = ground.ends(0, &["runs", "logs", run, "code", "web1"]);
    assert_eq!(roles.out, "db,web\n");
}

const QUESTION: &str = r#"
[env.test]
hosts = { web1 = "web1" }
vars = { TRACE = "TRACE_FILE" }
[step.before]
run = 'NOTE'
on = "all"
[step.announce]
ask = "Told the support channel?"
[step.after]
run = 'NOTE'
on = "all"
[[stage]]
name = "Test"
env = "test"
steps = ["before", "announce", "after"]
"#;

#[test]
fn a_question_without_a_terminal_is_answered_by_a_flag() {
    let ground = Ground::new(1, &QUESTION.replace("NOTE", NOTE));
    let asked = ground.ends(3, &["deploy"]);
    let run = ground.newest_run();
    let go_on = format!("golive resume {run} --confirm announce");
    asked.says(&[
        "test/announce@local asks: Told the support channel?",
        &go_on,
    ]);
    assert_eq!(ground.trace().len(), 1);
    // An answer to a question that is not there is a mistake, not an answer.
    ground
        .ends(2, &["resume", "--confirm", "other"])
        .says(&["--confirm names `other`", "there is: announce"]);
    assert_eq!(ground.trace().len(), 1);
    let done = ground.ends(0, &["resume", "--confirm", "announce", "--json"]);
    let answered = done.events_of("task_finished", "test/announce@local");
    assert!(!text(&answered[0]["evidence"]["confirmed by"]).is_empty());
    assert_eq!(ground.trace().len(), 2);
    // Given in advance it is not asked at all.
    ground.ends(0, &["deploy", "--confirm", "announce"]);
    assert_eq!(ground.trace().len(), 4);
}

/// A step that runs beside the question and ends when it is let go.
const BESIDE: &str = r#"
[env.test]
hosts = { web1 = "web1" }
[step.long]
run = 'echo up; until [ -e ~/go ]; do sleep 0.02; done; echo over'
on = "all"
[step.announce]
ask = "Told the support channel?"
needs = []
[[stage]]
name = "Test"
env = "test"
steps = ["long", "announce"]
"#;

#[test]
fn a_question_nobody_answers_is_left_only_when_what_runs_beside_it_has_ended() {
    let ground = Ground::new(1, BESIDE);
    let running = ground.start(&["deploy"]);
    running.has_printed("| up");
    fs::write(ground.home(1).join("go"), "").unwrap();
    let ended = running.end();
    assert_eq!(ended.code, Some(3), "{ended}");
    ended.prints(&["| over", "ok: task 1"]);
    ground.ends(0, &["resume", "--confirm", "announce"]);
}

const FOLDERS: &str = r#"
[env.try]
via = "local"
hosts = { one = { dir = "TRACE_FILE.one" }, two = { dir = "TRACE_FILE.two" } }
vars = { TRACE = "TRACE_FILE", LEVEL = "environment" }
[step.here]
run = 'NOTE; pwd; echo $LEVEL'
on = "all"
vars = { LEVEL = "step" }
[[stage]]
name = "Try"
env = "try"
steps = ["here"]
"#;

#[test]
fn hosts_can_be_folders_of_this_machine_and_the_checklist_can_stand_elsewhere() {
    let ground = Ground::new(0, &FOLDERS.replace("NOTE", NOTE));
    for name in ["trace.one", "trace.two"] {
        fs::create_dir(ground.path(name)).unwrap();
    }
    let elsewhere = ground.path("my checklist.toml");
    fs::copy(ground.project().join("releases.toml"), &elsewhere).unwrap();
    ground.ends(0, &["deploy"]);
    let run = ground.newest_run();
    let log = ground.ends(0, &["runs", "logs", &run, "here", "two"]).out;
    assert_eq!(
        log,
        format!("{}\nstep\n", ground.path("trace.two").display())
    );
    assert_eq!(ground.trace().len(), 2);
    // Every command that is named says how this checklist is meant.
    let text = fs::read_to_string(&elsewhere)
        .unwrap()
        .replace("pwd", "false");
    fs::write(&elsewhere, text.replace("echo $LEVEL", "false")).unwrap();
    let file = elsewhere.to_str().unwrap();
    let failed = ground.ends(1, &["-f", file, "deploy"]);
    failed.says(&[&format!("golive -f '{file}' resume ")]);
}

#[test]
fn going_on_needs_the_hosts_that_are_left_and_only_those() {
    let mut ground = Ground::new(3, &release());
    ground.ends(3, &["deploy"]);
    let approval = format!("production={}", ground.git(&["rev-parse", "HEAD"]));
    ground.fleet.stop(1);
    let cut_off = ground.ends(5, &["resume", "--approve", &approval]);
    cut_off.says(&["1 host cannot be used, nothing was started", "web2"]);
    ground.fleet.start(1);
    // Staging is done: its host may be gone.
    ground.fleet.stop(2);
    ground.ends(0, &["resume", "--approve", &approval]);
    let usage = ground.ends(2, &["deploy", "--approve", "prod=abcdef0"]);
    usage.says(&["`prod`", "did you mean `production`?"]);
}
