//! Login shells that print, that run no command, and servers that allow fewer sessions than there are logs.

use std::fmt::Write as _;
use std::fs;

use super::ground::Ground;
use crate::support::fleet::Fleet;

/// A login shell whose profile greets on both streams, with escapes and without an end of line, as if it were golive.
const LOUD: &str = concat!(
    "ForceCommand printf 'Welcome!\\ngolive:hello v=9 .\\n\\033]52;c;aGk=\\007\\033[2J last login'; ",
    "printf 'golive:open 1 2 3 .\\ngreeted \\033[2J' >&2; exec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\""
);

/// A login shell that ends: that of somebody who may not log in.
const NONE: &str = "ForceCommand echo 'This account is currently not available.'; exit 1";

const LOGGED: &str = r#"
[env.test]
hosts = { web1 = "web1" }
vars = { TRACE = "TRACE_FILE" }
[step.speak]
run = 'echo spoken; echo "$GOLIVE_STEP" >>"$TRACE"'
on = "all"
[[stage]]
name = "Test"
env = "test"
steps = ["speak"]
[log.app]
on = "all"
file = "app.log"
[log.clock]
on = "all"
run = "echo tick"
"#;

#[test]
fn what_a_login_shell_prints_is_in_no_output_no_log_and_no_answer() {
    let ground = Ground::on(Fleet::with(1, &[LOUD]), LOGGED);
    fs::write(ground.home(1).join("app.log"), "one\ntwo\nthree\n").unwrap();
    let ended = ground.ends(0, &["deploy", "--json"]);
    let output = ended.events_of("task_output", "");
    assert_eq!(output.len(), 1, "{ended}");
    assert!(output[0].to_string().contains("spoken"), "{ended}");
    assert_eq!(ground.trace(), ["speak"]);
    let texts = |arguments: &[&str]| -> Vec<String> {
        let ended = ground.ends(0, arguments);
        let mut texts: Vec<String> = ended
            .events()
            .iter()
            .map(|line| line["text"].as_str().unwrap().to_owned())
            .collect();
        texts.sort();
        texts
    };
    let all = ["tail", "test", "--no-follow", "--json"];
    assert_eq!(texts(&all), ["one", "three", "tick", "two"]);
    let last = ["tail", "test", "app", "--no-follow", "--json", "--lines=1"];
    assert_eq!(texts(&last), ["three"]);
    ground.ends(0, &["lock", "test", "--take", "--reason", "by hand"]);
    ground.ends(4, &["deploy"]).says(&["by hand"]);
    ground.ends(0, &["lock", "test", "--release"]);
    ground.ends(0, &["deploy"]);
}

#[test]
fn a_login_that_runs_no_command_is_told_in_its_own_words() {
    let ground = Ground::on(Fleet::with(1, &[NONE]), LOGGED);
    let why = "This account is currently not available.";
    let ended = ground.ends(5, &["deploy"]);
    ended.says(&["nothing was started", "web1", why]);
    ground
        .ends(5, &["tail", "test", "--no-follow"])
        .says(&["web1", why]);
    ground
        .ends(0, &["lock", "test", "--take"])
        .says(&["kept at origin; not at web1", why]);
    assert_eq!(ground.trace(), Vec::<String>::new());
}

#[test]
fn more_logs_are_followed_than_a_server_allows_sessions() {
    for allowed in [1, 10] {
        let mut text = LOGGED.to_owned();
        for number in 1..=12 {
            let on = "on = \"all\"";
            writeln!(text, "[log.l{number}]\n{on}\nfile = \"{number}.log\"").unwrap();
        }
        let sessions = format!("MaxSessions {allowed}");
        let ground = Ground::on(Fleet::with(1, &[&sessions]), &text);
        for number in 1..=12 {
            let file = ground.home(1).join(format!("{number}.log"));
            fs::write(file, format!("line of {number}\n")).unwrap();
        }
        fs::write(ground.home(1).join("app.log"), "line of app\n").unwrap();
        let tail = ground.start(&["tail", "test", "--plain"]);
        for number in 1..=12 {
            tail.has_printed(&format!("line of {number}\n"));
        }
        tail.has_printed("line of app\n");
        tail.has_printed("tick\n");
        // A deploy has connections of its own.
        ground.ends(0, &["deploy"]);
        let file = ground.home(1).join("12.log");
        let mut file = fs::File::options().append(true).open(file).unwrap();
        std::io::Write::write_all(&mut file, b"after it\n").unwrap();
        tail.has_printed("after it\n");
        tail.signal(rustix::process::Signal::INT);
        assert_eq!(tail.end().code, Some(0));
        ground.leaves_no_connection();
    }
}

/// A login shell whose profile takes its time, and that goes on as another shell.
const SLOW: &str = "ForceCommand sleep 2; exec /bin/bash -c \"$SSH_ORIGINAL_COMMAND\"";

/// A login shell whose profile goes on as another shell, which knows nothing of the command and reads instead.
const OTHER: &str = "ForceCommand exec /bin/sh";

#[test]
fn a_login_shell_that_takes_its_time_is_waited_for() {
    let ground = Ground::on(Fleet::with(1, &[SLOW]), LOGGED);
    fs::write(ground.home(1).join("app.log"), "one\n").unwrap();
    ground.ends(0, &["deploy"]);
    assert_eq!(ground.trace(), ["speak"]);
    let tail = ground.ends(0, &["tail", "test", "--no-follow", "--json"]);
    assert_eq!(tail.events().len(), 2, "{tail}");
    ground.ends(0, &["lock", "test", "--take"]);
    ground.ends(0, &["lock", "test", "--release"]);
}

#[test]
fn a_login_shell_that_goes_on_as_another_is_told_and_runs_nothing() {
    let ground = Ground::on(Fleet::with(1, &[OTHER]), LOGGED);
    fs::write(ground.home(1).join("app.log"), "one\n").unwrap();
    let why = "its login shell goes on as another shell, which gets no command";
    ground
        .ends(5, &["deploy"])
        .says(&["nothing was started", "web1", why]);
    ground.ends(5, &["tail", "test", "--no-follow"]).says(&[
        "web1 app: its login shell runs no command: it goes on as another shell, which gets none",
        "web1 clock: its login shell runs no command: it goes on as another shell, which gets none",
    ]);
    ground
        .ends(0, &["lock", "test", "--take"])
        .says(&["kept at origin; not at web1", why]);
    assert_eq!(ground.trace(), Vec::<String>::new());
}
