//! The note of a release: the body of its annotated tag, which tells any clone what golive knows of it.
//!
//! A line for people, then `golive: 1` and one `key: value` a line. Keys are only ever added: an older golive leaves out
//! those that it does not know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::id::{Commit, EnvName, RunId, check_name};

/// What a release's tag says of it: the body of the annotated tag.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReleaseNote {
    /// The project's name; stands in the first line only and is not read back.
    pub project: String,
    /// The run that made it.
    pub run: Option<RunId>,
    /// What was released.
    pub commit: Option<Commit>,
    /// What was live before.
    pub previous: Option<Commit>,
    /// The environments that the run brought it to.
    pub envs: Vec<EnvName>,
    /// The release that was left by going back to this one.
    pub rolled_back: Option<Left>,
    /// The digest of the plan.
    pub plan: String,
    /// Who started the run: `user@machine`.
    pub operator: String,
    /// The reason that was given.
    pub reason: Option<String>,
    /// Seconds from the start of the run to its tag.
    pub duration_s: f64,
    /// Seconds each host may have been down, as measured; the key is `environment/host`.
    pub downtime_s: BTreeMap<String, f64>,
    /// What was proven; the key is `task name`, such as `staging/functional@local tests`.
    pub evidence: BTreeMap<String, String>,
}

/// A release that was left by a rollback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Its tag; `None` = what was live had none.
    pub tag: Option<String>,
    /// Its commit.
    pub commit: Commit,
}

impl Left {
    /// How people call it: its tag, else its commit.
    pub fn name(&self) -> &str {
        self.tag.as_deref().unwrap_or(self.commit.short())
    }
}

/// What the first line of a release's tag says of how it went live.
const RELEASED_BY: &str = "released by";
/// The same of a rollback, before the name of what was left.
const WENT_BACK: &str = "gone back from ";
/// The line a note's keys begin after.
const NOTE_OPENING: &str = "golive: 1";
/// The environment of a command is limited, and a note is read by people.
const LONGEST_VALUE: usize = 200;
const MOST_EVIDENCE: usize = 200;
const MOST_ENVS: usize = 50;
/// No run takes longer: ten years.
const LONGEST_S: f64 = 315_576_000.0;

/// The body of a release's tag: a line for people, then `golive: 1` and one `key: value` a line.
///
/// The line `run: ID` is what a repeated tag step knows its own tag by.
pub fn body(note: &ReleaseNote) -> String {
    let short = note.commit.as_ref().map_or("-", Commit::short);
    let how = match &note.rolled_back {
        Some(left) => format!("{WENT_BACK}{} by", one_line(left.name())),
        None => RELEASED_BY.to_owned(),
    };
    let mut out = format!(
        "{} {short} is live, {how} {} in {:.0} s\n\n{NOTE_OPENING}\n",
        one_line(&note.project),
        one_line(&note.operator),
        note.duration_s
    );
    let mut line = |key: &str, value: &str| {
        out.push_str(key);
        out.push_str(": ");
        out.push_str(&one_line(value));
        out.push('\n');
    };
    line("run", note.run.as_ref().map_or("-", RunId::as_str));
    line("commit", note.commit.as_ref().map_or("-", Commit::as_str));
    line(
        "previous",
        note.previous.as_ref().map_or("-", Commit::as_str),
    );
    for env in &note.envs {
        line("env", env.as_str());
    }
    if let Some(left) = &note.rolled_back {
        let tag = left.tag.as_deref().unwrap_or("-");
        line("rolled_back", &format!("{} {tag}", left.commit));
    }
    line("plan", &note.plan);
    line("operator", &note.operator);
    if let Some(reason) = &note.reason {
        line("reason", reason);
    }
    line("duration_s", &thousandths(note.duration_s));
    for (host, seconds) in &note.downtime_s {
        line("downtime_s", &format!("{host} = {}", thousandths(*seconds)));
    }
    for (what, value) in note.evidence.iter().take(MOST_EVIDENCE) {
        line("evidence", &format!("{what} = {value}"));
    }
    out
}

/// Reads the body of a release's tag; `None` when golive did not write it. Unknown keys are left out, and a
/// signature may follow.
///
/// Anybody who can push can write a body: what could not have been written by golive (a run that is no name, a commit
/// that is no hash, a time that is no number) is left out, and texts are as long as golive writes them at most.
pub fn read_body(text: &str) -> Option<ReleaseNote> {
    read(text, &[])
}

/// The same without what plays no part in a list: the plan, downtime, evidence. Of thousands of tags that is half of all that
/// stands in them.
pub fn read_row(text: &str) -> Option<ReleaseNote> {
    read(text, &["plan", "downtime_s", "evidence"])
}

fn read(text: &str, unwanted: &[&str]) -> Option<ReleaseNote> {
    let mut lines = text.lines().skip_while(|line| *line != NOTE_OPENING);
    lines.next()?;
    let mut note = ReleaseNote::default();
    for (key, value) in lines.map_while(|line| line.split_once(": ")) {
        let name = || check_name(value).is_ok().then(|| value.to_owned());
        match key {
            _ if unwanted.contains(&key) => {}
            "run" => note.run = name().map(RunId::new),
            "commit" => note.commit = hash(value),
            "previous" => note.previous = hash(value),
            "env" if note.envs.len() < MOST_ENVS => note.envs.extend(name().map(EnvName::new)),
            "rolled_back" => {
                note.rolled_back = value.split_once(' ').and_then(|(commit, tag)| {
                    Some(Left {
                        tag: (tag != "-").then(|| one_line(tag)),
                        commit: hash(commit)?,
                    })
                });
            }
            "plan" => note.plan = one_line(value),
            "operator" => note.operator = one_line(value),
            "reason" => note.reason = Some(one_line(value)),
            "duration_s" => note.duration_s = told_seconds(value).unwrap_or_default(),
            "downtime_s" if note.downtime_s.len() < MOST_EVIDENCE => {
                if let Some((host, seconds)) = value.split_once(" = ")
                    && let Some(seconds) = told_seconds(seconds)
                {
                    note.downtime_s.insert(one_line(host), seconds);
                }
            }
            "evidence" if note.evidence.len() < MOST_EVIDENCE => {
                if let Some((what, value)) = value.split_once(" = ") {
                    note.evidence.insert(one_line(what), one_line(value));
                }
            }
            _ => {}
        }
    }
    Some(note)
}

/// Whether a tag's first line is the one that golive wrote for people, which says nothing of what was released.
pub fn is_own_line(line: &str, note: &ReleaseNote) -> bool {
    let is_written = note.run.is_some() || note.commit.is_some();
    let how = line.split_once(" is live, ").map(|(_, how)| how);
    let is_said = |how: &str| how.starts_with(RELEASED_BY) || how.starts_with(WENT_BACK);
    is_written && how.is_some_and(is_said)
}

/// What people wrote in a tag's message: all of it but golive's line and note.
pub fn message_of_people(message: &str, note: Option<&ReleaseNote>) -> String {
    let Some(note) = note else {
        return message.trim_end().to_owned();
    };
    let lines = message.lines().take_while(|line| *line != NOTE_OPENING);
    let told: Vec<&str> = lines.filter(|line| !is_own_line(line, note)).collect();
    told.join("\n").trim().to_owned()
}

/// What the last `golive:tag` line of a tag step's output says: `tag`, `live`, `commit`, `remote`, each `-` when
/// there is none. Empty when there is no such line.
pub fn read_outcome(output: &[u8]) -> BTreeMap<String, String> {
    String::from_utf8_lossy(output)
        .lines()
        .rev()
        .find_map(|line| line.trim_end().strip_prefix("golive:tag "))
        .map(|line| {
            line.split(' ')
                .filter_map(|pair| pair.split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect()
        })
        .unwrap_or_default()
}

/// Seconds to the millisecond.
fn thousandths(seconds: f64) -> String {
    ((seconds * 1000.0).round() / 1000.0).to_string()
}

/// The hash of a commit in full; anything else is none.
fn hash(text: &str) -> Option<Commit> {
    let is_hash =
        matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| Commit::new(text.to_ascii_lowercase()))
}

/// A time that something can have taken.
fn told_seconds(text: &str) -> Option<f64> {
    let seconds: f64 = text.parse().ok()?;
    (0.0..LONGEST_S).contains(&seconds).then_some(seconds)
}

/// A text as one line of limited length: it may come from a command's output.
fn one_line(text: &str) -> String {
    let text = text.trim();
    let is_plain = |byte: u8| byte.is_ascii() && !byte.is_ascii_control();
    // Of thousands of values nearly all are so.
    if !text.is_empty() && text.len() <= LONGEST_VALUE && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let line: String = text.chars().map(plain).take(LONGEST_VALUE).collect();
    if line.is_empty() {
        "-".to_owned()
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note() -> ReleaseNote {
        ReleaseNote {
            project: "superlists".to_owned(),
            run: Some(RunId::new("20261120-2012-k3")),
            commit: Some(Commit::new("9be0d11aa0c5d1e7f0b8a6c3d2e1f09876543210")),
            previous: None,
            envs: vec![EnvName::new("production")],
            rolled_back: Some(Left {
                tag: Some("R-7".to_owned()),
                commit: Commit::new("c0ffee1aa0c5d1e7f0b8a6c3d2e1f09876543210"),
            }),
            plan: "d1ge57".to_owned(),
            operator: "ada@laptop".to_owned(),
            reason: Some("a fix: at last".to_owned()),
            duration_s: 64.25,
            downtime_s: BTreeMap::from([("production/web1".to_owned(), 24.0)]),
            evidence: BTreeMap::from([("here/tests@local tests".to_owned(), "39".to_owned())]),
        }
    }

    #[test]
    fn a_body_is_read_as_it_was_written() {
        let text = body(&note());
        assert!(text.starts_with(
            "superlists 9be0d11 is live, gone back from R-7 by ada@laptop in 64 s\n\n"
        ));
        assert!(text.contains("\nrun: 20261120-2012-k3\n"));
        let signed = format!("{text}-----BEGIN PGP SIGNATURE-----\nrun: other\n");
        let expected = ReleaseNote {
            project: String::new(),
            ..note()
        };
        assert_eq!(read_body(&signed), Some(expected));
        assert_eq!(read_body("a tag made by hand\n"), None);
    }

    #[test]
    fn the_line_for_people_is_known_however_it_went_live() {
        let released = ReleaseNote {
            rolled_back: None,
            ..note()
        };
        for (note, how) in [(note(), "gone back from R-7 by"), (released, "released by")] {
            let text = body(&note);
            let line = text.lines().next().expect("a first line");
            assert!(
                line.contains(&format!("is live, {how} ada@laptop")),
                "{line}"
            );
            assert!(is_own_line(line, &note));
        }
        assert!(!is_own_line("it is live, at last", &note()));
    }

    #[test]
    fn what_golive_cannot_have_written_is_left_out_of_a_forged_body() {
        let long = "x".repeat(100_000);
        let forged = format!(
            "x\n\ngolive: 1\nrun: ../../etc\ncommit: HEAD\nprevious: \u{e9}\nenv: a b\nenv: production\n\
             rolled_back: main R-1\noperator: \u{1b}[2J{long}\nreason: \u{7}{long}\nduration_s: inf\n\
             downtime_s: production/web1 = NaN\ndowntime_s: production/web2 = -1\n"
        );
        let read = read_body(&forged).expect("a body");
        assert_eq!(
            (&read.run, &read.commit, &read.previous),
            (&None, &None, &None)
        );
        assert_eq!(read.envs, [EnvName::new("production")]);
        assert_eq!(read.rolled_back, None);
        assert_eq!(read.operator.chars().count(), LONGEST_VALUE);
        assert!(read.operator.starts_with(" [2J") || read.operator.starts_with("[2J"));
        assert!(
            read.reason
                .is_some_and(|reason| reason.len() == LONGEST_VALUE)
        );
        assert!(read.duration_s.abs() < f64::EPSILON);
        assert!(read.downtime_s.is_empty());
    }

    #[test]
    fn what_was_proven_cannot_add_lines_to_a_body() {
        let mut forged = note();
        forged
            .evidence
            .insert("x".to_owned(), "1\nrun: other\u{1b}[2J".to_owned());
        let read = read_body(&body(&forged)).expect("a body");
        assert_eq!(read.run, note().run);
        assert_eq!(read.evidence["x"], "1 run: other [2J");
    }

    #[test]
    fn the_last_line_of_the_tag_step_is_understood() {
        let said = read_outcome(b"x\ngolive:tag tag=R-1 live=- commit=abc remote=origin\n\n");
        assert_eq!(said["tag"], "R-1");
        assert_eq!(said["live"], "-");
        assert!(read_outcome(b"\xff\n").is_empty());
    }
}
