//! What steps print: every byte on disk, every line in both faces, nothing that acts on a terminal.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Command;

use serde_json::Value;

use super::ground::{Ground, text, wait_until};

/// A hundred megabytes in lines of a thousand bytes, each with its number.
const HUGE: &str = "seq -f %0999.0f 1 100000";
const HUGE_LINES: usize = 100_000;

const ONE_HOST: &str = r#"
[env.test]
hosts = { web1 = "web1" }
[step.talk]
run = '''
SCRIPT
'''
on = "all"
[[stage]]
name = "Test"
env = "test"
steps = ["talk"]
"#;

/// The log of the newest run's only step.
fn log(ground: &Ground) -> std::path::PathBuf {
    let mut runs = ground.run_folders();
    runs.sort();
    let logs = fs::read_dir(runs.pop().unwrap().join("logs")).unwrap();
    // Beside it stands when its bytes came.
    let mut files = logs.map(|entry| entry.unwrap().path());
    files
        .find(|path| path.extension().is_some_and(|kind| kind == "log"))
        .unwrap()
}

/// Runs golive with somebody who reads its lines; returns how many kilobytes of memory it needed at most.
fn read_by(ground: &Ground, arguments: &[&str], mut each: impl FnMut(&str)) -> u64 {
    let mut child = ground.piped(arguments);
    let status = format!("/proc/{}/status", child.id());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut peak, mut count) = (0, 0);
    while let Some(line) = lines.next().transpose().unwrap() {
        each(&line);
        count += 1;
        // The peak never falls, and a pipe holds some sixty lines: the last reading is close to the end.
        if count % 5000 == 4950 {
            let now = fs::read_to_string(&status).unwrap_or_default();
            let line = now.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            peak = number.unwrap_or(peak);
        }
    }
    assert!(child.wait().unwrap().success());
    peak
}

#[test]
fn a_hundred_megabytes_are_on_disk_exactly_and_told_completely() {
    let ground = Ground::new(1, &ONE_HOST.replace("SCRIPT", HUGE));
    let same = |log: &std::path::Path| {
        let script = format!("{HUGE} | cmp - \"$0\"");
        let compared = Command::new("sh").arg("-c").arg(script).arg(log).status();
        assert!(compared.unwrap().success(), "the log differs");
    };
    // Lines as JSON, each with the next number, to somebody who reads on only when everything is on disk.
    let mut number = 0;
    let peak = read_by(&ground, &["deploy", "--json"], |line| {
        if line.contains("\"task_output\"") {
            if number == 0 {
                let all = || fs::metadata(log(&ground)).unwrap().len() == 100_000_000;
                wait_until("everything is on disk", all);
            }
            number += 1;
            let end = format!("{number:0999}\"");
            assert!(line.contains(&end), "line {number} is {line}");
        }
    });
    assert_eq!(number, HUGE_LINES);
    assert!((1..=96_000).contains(&peak), "it needed {peak} kB");
    same(&log(&ground));
    let mut number = 0;
    let peak = read_by(&ground, &["deploy", "--plain"], |line| {
        if line.contains(" web1 talk | ") {
            number += 1;
            let end = format!("{number:0999}");
            assert!(line.ends_with(&end), "line {number} is {line}");
        }
    });
    assert_eq!(number, HUGE_LINES);
    assert!((1..=96_000).contains(&peak), "it needed {peak} kB");
    let log = log(&ground);
    same(&log);
    let mut number = 0;
    read_by(&ground, &["runs", "logs", &ground.newest_run()], |_| {
        number += 1;
    });
    assert_eq!(number, HUGE_LINES);
}

/// Controls of all kinds, broken UTF-8, NUL, text that turns around, a progress bar, no newline at the end.
const HOSTILE: &str = r"
printf 'bell\007 title\033]0;owned\007 clear\033[2J\033[31mred\033[0m nul\000 c1\302\233 bad\377\376\n'
printf 'turn\342\200\256around zero\342\200\213width tag\363\240\201\201\n'
printf 'progress 1%%\rprogress 2%%\rdone\n'
printf 'crlf\r\nlast, without an end'
";

#[test]
fn hostile_output_reaches_the_disk_as_it_is_and_the_terminal_as_text() {
    let ground = Ground::new(1, &ONE_HOST.replace("SCRIPT", HOSTILE));
    let told = ground.ends(0, &["deploy", "--json"]);
    let plain = ground.ends(0, &["deploy", "--plain"]);
    for text in [&told.out, &plain.out] {
        let acts =
            |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{200b}\u{e0041}".contains(c));
        assert_eq!(text.chars().find(|c| acts(*c)), None, "{text}");
    }
    let lines = told.events_of("task_output", "test/talk@web1");
    let lines: Vec<String> = lines.iter().map(|line| text(&line["text"])).collect();
    assert_eq!(lines.len(), 5, "{lines:#?}");
    assert_eq!(
        lines[1],
        "turn\u{202e}around zero\u{200b}width tag\u{e0041}"
    );
    assert_eq!(lines[3..], ["crlf", "last, without an end"]);
    plain.prints(&["| crlf\n", "| last, without an end\n"]);
    // `printf` here is the host's own.
    let exact = Command::new("sh").args(["-c", HOSTILE]).output().unwrap();
    assert_eq!(fs::read(log(&ground)).unwrap(), exact.stdout);
    let run = ground.newest_run();
    let shown = ground.piped(&["runs", "logs", &run, "talk", "web1"]);
    assert_eq!(shown.wait_with_output().unwrap().stdout, exact.stdout);
}

#[test]
fn every_line_of_json_has_the_keys_of_the_contract_in_unbroken_order() {
    let ground = Ground::new(
        1,
        &ONE_HOST.replace("SCRIPT", "echo one; echo two >&2; exit 3"),
    );
    let told = ground.ends(1, &["deploy", "--json"]);
    let events = told.events();
    let recorded: Vec<&Value> = events
        .iter()
        .filter(|event| event["event"] != "task_output")
        .collect();
    for (number, event) in recorded.iter().enumerate() {
        assert_eq!(event["seq"], number as u64 + 1, "{event}");
    }
    for event in &events {
        let at = event["at"].as_str().unwrap();
        chrono::DateTime::parse_from_rfc3339(at).unwrap();
        let name = event["event"].as_str().unwrap();
        if name.starts_with("task_") {
            assert_eq!(event["task"], "test/talk@web1", "{event}");
            assert_eq!(event["attempt"], 1, "{event}");
        }
    }
    let names: Vec<String> = events.iter().map(|event| text(&event["event"])).collect();
    assert_eq!(
        names,
        [
            "run_started",
            "lock_taken",
            "stage_started",
            "task_started",
            "task_output",
            "task_output",
            "task_failed",
            "decision_taken",
            "lock_released",
            "run_finished"
        ]
    );
    assert_eq!(events.last().unwrap()["outcome"], "failed");
    let run = text(&events[0]["run"]);
    // The stored run is the same records.
    let shown = ground.shown(&run);
    let stored: Vec<&Value> = shown["events"].as_array().unwrap().iter().collect();
    assert_eq!(stored, recorded);
    let listed = &ground.runs()[0];
    for key in [
        "run", "project", "ref", "commit", "started", "ended", "outcome", "stage", "by",
    ] {
        assert!(!listed[key].is_null(), "{key}: {listed}");
        assert_eq!(listed[key], shown[key], "{key}");
    }
    assert_eq!(listed["commit"], ground.git(&["rev-parse", "HEAD"]));
    let logs = ground.ends(0, &["runs", "logs", &run, "talk", "web1"]);
    assert_eq!(logs.out, "one\ntwo\n");
    ground
        .ends(2, &["runs", "logs", &run, "talk", "web2"])
        .says(&["runs show"]);
    ground
        .ends(2, &["runs", "show", "nosuch"])
        .says(&["golive runs lists"]);
    ground.ends(0, &["runs", "remove", &run]);
    assert_eq!(ground.runs().len(), 0);
}

#[test]
fn a_line_without_an_end_is_cut_and_nothing_of_it_is_lost() {
    let script = "head -c 3000000 /dev/zero | tr '\\0' x";
    let ground = Ground::new(1, &ONE_HOST.replace("SCRIPT", script));
    let told = ground.ends(0, &["deploy", "--json"]);
    let lines = told.events_of("task_output", "test/talk@web1");
    let lengths = lines
        .iter()
        .map(|line| line["text"].as_str().unwrap().len());
    assert_eq!(lengths.sum::<usize>(), 3_000_000);
    assert!(lines.len() >= 3);
    assert_eq!(fs::metadata(log(&ground)).unwrap().len(), 3_000_000);
}
