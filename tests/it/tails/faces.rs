//! `golive tail` as it is called: what it prints, what it refuses, and how it ends.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::process::Output;

use chrono::{Local, TimeDelta};
use serde_json::Value;

use crate::support::small::Small;
use crate::support::workshop::Workshop;

/// Two logs on the host `one` of `live`.
const LOGS: &str = r#"
[log.application]
on = "one"
file = "app.log"
[log.clock]
on = "all"
run = "echo tick; printf 'TOCK\\033[31m\\n'"
"#;

/// A step that is done at once, and these logs.
fn checklist(logs: &str) -> String {
    let steps = Small::behind(logs).on_all("switch", "true");
    steps.of("live").text()
}

fn workshop() -> Workshop {
    let workshop = Workshop::with(&checklist(LOGS));
    let now = Local::now();
    let line = |minutes: i64, text: &str| {
        let at = now - TimeDelta::minutes(minutes);
        format!("{} {text}\n", at.format("%Y-%m-%dT%H:%M:%S%.3f%:z"))
    };
    let text = [
        line(300, "INFO an old one"),
        line(2, "INFO a new one"),
        line(1, "ERROR \u{1b}]52;c;aGk=\u{7} a bad \u{202e}one"),
    ];
    workshop.write("host/app.log", &text.concat());
    workshop
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn texts(output: &Output) -> Vec<String> {
    text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .map(|line: Value| line["text"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn plain_lines_have_time_host_and_log_and_no_control_character() {
    let output = workshop().golive("tail live --no-follow --lines 2 --plain");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let out = text(&output.stdout);
    assert!(
        !out.chars()
            .any(|c| c.is_control() && c != '\n' || c == '\u{202e}'),
        "{out:?}"
    );
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 4, "{out}");
    let application = |line: &&&str| line.contains(" one application  20");
    let clock = |line: &&&str| line.contains(" one clock        ");
    assert_eq!(lines.iter().filter(application).count(), 2, "{out}");
    assert_eq!(lines.iter().filter(clock).count(), 2, "{out}");
    assert_eq!(
        text(&output.stderr),
        "golive: reading 2 logs of live on 1 host; changes nothing\n"
    );
}

#[test]
fn json_lines_have_the_keys_of_the_contract_and_the_exact_text() {
    let output = workshop().golive("tail live application --no-follow --lines 1 --json");
    assert!(output.status.success());
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let at = line["at"].as_str().unwrap();
    let said = line["text"].as_str().unwrap();
    assert!(said.starts_with(&at[..16]), "{line}");
    assert!(said.ends_with("ERROR \u{1b}]52;c;aGk=\u{7} a bad \u{202e}one"));
    assert_eq!(
        (&line["host"], &line["source"]),
        (&"one".into(), &"application".into())
    );
    assert_eq!(line["late"], false);
    assert!(line["arrived_at"].is_string());
    assert!(output.stdout.is_ascii(), "{}", text(&output.stdout));
}

#[test]
fn lines_are_chosen_by_pattern_time_and_number() {
    let workshop = workshop();
    let of =
        |flags: &str| texts(&workshop.golive(&format!("tail live --no-follow --json {flags}")));
    assert_eq!(of("application").len(), 3);
    assert_eq!(of("application --lines 0").len(), 0);
    assert_eq!(of("application --since 10m").len(), 2);
    assert_eq!(of("application --since 10m --grep bad").len(), 1);
    // Smart case: capital letters count where there is one.
    assert_eq!(of("clock --grep t[io]ck").len(), 2);
    assert_eq!(of("clock --grep T[IO]CK").len(), 1);
}

#[test]
fn what_cannot_be_meant_ends_with_code_2() {
    let workshop = workshop();
    for (line, message, help) in [
        (
            "tail lice",
            "there is no environment `lice`",
            "did you mean `live`?",
        ),
        (
            "tail live aplication",
            "there is no log `aplication`",
            "did you mean `application`?",
        ),
        ("tail live --grep (", "could not search for `(`", ""),
        ("tail live --since 10", "a number and a unit", ""),
    ] {
        let output = workshop.golive(line);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert!(
            said.contains(message) && said.contains(help),
            "{line}: {said}"
        );
        assert!(output.stdout.is_empty());
    }
    workshop.write_checklist(&checklist(""));
    let output = workshop.golive("tail live");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("this checklist names no logs"));
}

#[test]
fn a_log_that_cannot_be_read_is_told_and_the_others_are_shown() {
    let workshop = workshop();
    std::fs::remove_file(workshop.path("host/app.log")).unwrap();
    let output = workshop.golive("tail live --no-follow --plain");
    let (out, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(out.contains("tick"), "{out}");
    assert!(
        said.contains("FAILED one application: there is no app.log"),
        "{said}"
    );
    // A host that answers was reached, also when none of its logs is there.
    let output = workshop.golive("tail live application --no-follow");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("1 log could not be read"), "{said}");
    std::fs::remove_dir_all(workshop.path("host")).unwrap();
    let output = workshop.golive("tail live --no-follow");
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
}

#[test]
fn what_was_done_to_the_environment_stands_in_the_stream() {
    let workshop = workshop();
    let approve = format!("deploy --plain --approve live={}", workshop.commit());
    let done = workshop.golive(&approve);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let output = workshop.golive("tail live clock --no-follow --plain --since 1h");
    let out = text(&output.stdout);
    for expected in [
        "gate of live passed by ada@",
        "stage Live started, ",
        "step switch started on one",
        "step switch ended on one, ",
        " succeeded",
    ] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
    // Between lines that match they stand as well, as on screen.
    let output = workshop.golive("tail live --no-follow --plain --since 1h --grep tick");
    let out = text(&output.stdout);
    assert!(out.contains("tick") && !out.contains("tock"), "{out}");
    assert!(out.contains("step switch ended on one, "), "{out}");
}
