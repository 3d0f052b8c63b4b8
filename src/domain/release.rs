//! Releases: the names and bodies of their tags, and what a listing of tags says about past ones.
//!
//! A release is a commit that a run brought to an environment; it is named by its tag. Git itself is asked
//! by `edge::git`; here its answers are read and its arguments are made, as pure functions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, FixedOffset};
use regex::Regex;
use serde::{Deserialize, Serialize};

use super::id::{Commit, RunId};

/// How a release is recorded in git: the table `[release]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRules {
    /// The tag that is moved to the commit production runs; `None` = no such tag.
    pub live: Option<String>,
    /// strftime pattern (local time) of the tag a production release gets; `None` = no tag.
    pub tag: Option<String>,
    /// The remote the tags are pushed to; `None` = they stay local.
    pub remote: Option<String>,
    /// Whether the release tag is signed (`git tag -s`).
    pub sign: bool,
}

impl Default for ReleaseRules {
    fn default() -> Self {
        Self {
            live: Some("LIVE".to_owned()),
            tag: Some("DEPLOYED-%F/%H%M".to_owned()),
            remote: Some("origin".to_owned()),
            sign: false,
        }
    }
}

/// Why a pattern or a name cannot name a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTag {
    /// The pattern is not one of strftime.
    #[error("`{0}` is not a strftime pattern")]
    Pattern(String),
    /// Git would refuse the name, or a shell could misread it.
    #[error("`{name}` cannot be the name of a tag: {why}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A tag stands where the name needs a folder.
    #[error("the tag `{name}` cannot be made beside the tag `{other}`")]
    InTheWay {
        /// The name.
        name: String,
        /// The tag that is there.
        other: String,
    },
}

/// Checks that a text can be the name of a tag or a remote: what git allows (`git check-ref-format`), of
/// letters, digits and `- _ . / + @` only, so that it means the same in every shell and on every file system.
pub fn check_ref_name(name: &str) -> Result<(), BadTag> {
    let part_is_bad = |part: &str| {
        part.is_empty()
            || part.starts_with('.')
            || part.ends_with('.')
            || part.to_ascii_lowercase().strip_suffix(".lock").is_some()
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./+@".contains(c);
    let why = if name.is_empty() {
        "it is empty"
    } else if name.len() > 200 {
        "it is longer than 200 characters"
    } else if name.starts_with('-') {
        "it starts with `-`"
    } else if !name.chars().all(allowed) {
        "it may hold letters, digits, `-`, `_`, `.`, `/`, `+` and `@` only"
    } else if name.contains("..") || name == "@" || name == "HEAD" {
        "git reads it as something else"
    } else if name.split('/').any(part_is_bad) {
        "a part between its slashes is empty, starts or ends with `.`, or ends with `.lock`"
    } else {
        return Ok(());
    };
    Err(BadTag::Name {
        name: name.to_owned(),
        why,
    })
}

/// The name that `pattern` gives a release made then (local time), before it is known to be free.
pub fn planned_name(pattern: &str, at: DateTime<FixedOffset>) -> Result<String, BadTag> {
    let items: Vec<Item<'_>> = StrftimeItems::new(pattern).collect();
    // Formatting a bad item panics in chrono, so it is looked for before.
    if items.iter().any(|item| matches!(item, Item::Error)) {
        return Err(BadTag::Pattern(pattern.to_owned()));
    }
    let mut name = String::new();
    write!(name, "{}", at.format_with_items(items.iter()))
        .map_err(|_| BadTag::Pattern(pattern.to_owned()))?;
    check_ref_name(&name)?;
    Ok(name)
}

/// The first free one of `planned`, `planned-2`, `planned-3` …, where `tags` are the names that exist.
pub fn free_name<'a>(
    planned: &str,
    tags: impl IntoIterator<Item = &'a str>,
) -> Result<String, BadTag> {
    let tags: std::collections::BTreeSet<&str> = tags.into_iter().collect();
    for (at, _) in planned.match_indices('/') {
        if tags.contains(&planned[..at]) {
            return Err(BadTag::InTheWay {
                name: planned.to_owned(),
                other: planned[..at].to_owned(),
            });
        }
    }
    // A tag below the name takes it as well: git keeps it as a folder.
    let taken = |name: &str| {
        let folder = format!("{name}/");
        let below = tags.range(folder.as_str()..).next();
        tags.contains(name) || below.is_some_and(|tag| tag.starts_with(&folder))
    };
    let mut name = planned.to_owned();
    let mut number = 1;
    while taken(&name) {
        number += 1;
        name = format!("{planned}-{number}");
    }
    Ok(name)
}

/// Tells release tags from others by the pattern they were named by.
#[derive(Debug, Clone)]
pub struct TagPattern(Option<Regex>);

impl TagPattern {
    /// Reads a strftime pattern; `None` matches no tag.
    pub fn new(pattern: Option<&str>) -> Self {
        Self(pattern.and_then(|pattern| Regex::new(&regex_of(pattern)).ok()))
    }

    /// Whether a release could have this name.
    pub fn matches(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|regex| regex.is_match(name))
    }
}

fn regex_of(pattern: &str) -> String {
    let mut regex = "^".to_owned();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
            continue;
        }
        regex.push_str(match rest.next() {
            Some('F') => "[0-9]{4}-[0-9]{2}-[0-9]{2}",
            Some('Y' | 'G') => "[0-9]{4}",
            Some('m' | 'd' | 'H' | 'M' | 'S' | 'y' | 'g' | 'V' | 'U' | 'W' | 'C' | 'I') => {
                "[0-9]{2}"
            }
            Some('j') => "[0-9]{3}",
            Some('s') => "[0-9]+",
            Some('%') => "%",
            _ => ".+?",
        });
    }
    regex.push_str("(-[0-9]+)?$");
    regex
}

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

/// The line a note's keys begin after.
const NOTE_OPENING: &str = "golive: 1";
/// The environment of a command is limited, and a note is read by people.
const LONGEST_VALUE: usize = 200;
const MOST_EVIDENCE: usize = 200;

/// The body of a release's tag: a line for people, then `golive: 1` and one `key: value` a line.
///
/// The line `run: ID` is what a repeated tag step knows its own tag by.
pub fn body(note: &ReleaseNote) -> String {
    let short = note.commit.as_ref().map_or("-", Commit::short);
    let mut out = format!(
        "{} {short} is live, released by {} in {:.0} s\n\n{NOTE_OPENING}\n",
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
pub fn read_body(text: &str) -> Option<ReleaseNote> {
    let mut lines = text.lines().skip_while(|line| *line != NOTE_OPENING);
    lines.next()?;
    let mut note = ReleaseNote::default();
    for (key, value) in lines.map_while(|line| line.split_once(": ")) {
        let given = (value != "-").then(|| value.to_owned());
        match key {
            "run" => note.run = given.map(RunId::new),
            "commit" => note.commit = given.map(Commit::new),
            "previous" => note.previous = given.map(Commit::new),
            "plan" => value.clone_into(&mut note.plan),
            "operator" => value.clone_into(&mut note.operator),
            "reason" => note.reason = Some(value.to_owned()),
            "duration_s" => note.duration_s = value.parse().unwrap_or_default(),
            "downtime_s" => {
                if let Some((host, seconds)) = value.split_once(" = ")
                    && let Ok(seconds) = seconds.parse()
                {
                    note.downtime_s.insert(host.to_owned(), seconds);
                }
            }
            "evidence" => {
                if let Some((what, value)) = value.split_once(" = ") {
                    note.evidence.insert(what.to_owned(), value.to_owned());
                }
            }
            _ => {}
        }
    }
    Some(note)
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

/// A text as one line of limited length: it may come from a command's output.
fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let line: String = text.trim().chars().map(plain).take(LONGEST_VALUE).collect();
    if line.is_empty() {
        "-".to_owned()
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339("2026-11-20T21:30:05+01:00").expect("a time")
    }

    #[test]
    fn a_name_is_made_of_the_pattern_in_local_time() {
        let name = planned_name("DEPLOYED-%F/%H%M", at()).unwrap();
        assert_eq!(name, "DEPLOYED-2026-11-20/2130");
        assert!(TagPattern::new(Some("DEPLOYED-%F/%H%M")).matches(&name));
    }

    #[test]
    fn hostile_patterns_are_refused() {
        for pattern in [
            "%",
            "%Q",
            "-d%F",
            "a b",
            "%c",
            "..%F",
            "x/../y",
            "a//b",
            "/%F",
            "%F/",
            "x.lock",
            "a.lock/b",
            ".hidden",
            "$(id)",
            "`id`",
            "a;b",
            "a\nb",
            "a~1",
            "a^b",
            "a:b",
            "a?b",
            "a*b",
            "a[b",
            "a\\b",
            "@{-1}",
            "@",
            "HEAD",
            "",
            "é%F",
            "a\u{202e}b",
        ] {
            assert!(planned_name(pattern, at()).is_err(), "{pattern:?}");
        }
    }

    #[test]
    fn a_taken_name_gets_a_number() {
        let free = |tags: &[&str]| free_name("R-1/2130", tags.iter().copied());
        assert_eq!(free(&[]).unwrap(), "R-1/2130");
        assert_eq!(free(&["R-1/2130"]).unwrap(), "R-1/2130-2");
        assert_eq!(
            free(&["R-1/2130", "R-1/2130-2", "R-1/2130-4"]).unwrap(),
            "R-1/2130-3"
        );
        assert_eq!(free(&["R-1/2130/x"]).unwrap(), "R-1/2130-2");
        assert!(matches!(free(&["R-1"]), Err(BadTag::InTheWay { .. })));
    }

    #[test]
    fn release_tags_are_told_from_others() {
        let pattern = TagPattern::new(Some("DEPLOYED-%F/%H%M"));
        assert!(pattern.matches("DEPLOYED-2026-11-20/2130-2"));
        assert!(!pattern.matches("DEPLOYED-today/2130"));
        assert!(!pattern.matches("v1.0"));
        assert!(!pattern.matches("LIVE"));
        assert!(!TagPattern::new(None).matches("LIVE"));
    }

    fn note() -> ReleaseNote {
        ReleaseNote {
            project: "superlists".to_owned(),
            run: Some(RunId::new("20261120-2012-k3")),
            commit: Some(Commit::new("9be0d11aa0c5d1e7f0b8a6c3d2e1f09876543210")),
            previous: None,
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
        assert!(text.starts_with("superlists 9be0d11 is live, released by ada@laptop in 64 s\n\n"));
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
