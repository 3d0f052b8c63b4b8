//! Readers: what is understood of a step's output. Pure functions over bytes.
//!
//! A `proof` is a regular expression whose named groups, in its last match, are kept as evidence. A tag step
//! says in its last line of a fixed form what it wrote. Output that says nothing gives no evidence, never an
//! error: whether a step succeeded is told by its exit code alone.

use std::collections::BTreeMap;

use regex::Regex;

use super::super::action::Milestone;
use super::ansi;

/// The longest value that is kept as evidence, in characters: it stands in a table and in the tag's body.
const LONGEST_VALUE: usize = 200;

/// What the line of a tag step begins with.
const TAG_LINE: &str = "golive:tag ";

/// What a step's output proves, by name.
///
/// For [`Milestone::TagWritten`] the keys `tag`, `live`, `commit` and `remote` are read from the last line
/// `golive:tag tag=NAME live=NAME commit=HASH remote=NAME`; a field that is missing or `-` has no key.
pub fn evidence(
    proof: Option<&str>,
    milestone: Option<&Milestone>,
    output: &[u8],
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if proof.is_none() && milestone.is_none() {
        return found;
    }
    let text = ansi::strip(output);
    if let Some(pattern) = proof {
        found.extend(groups(pattern, &text));
    }
    match milestone {
        Some(Milestone::TagWritten) => found.extend(tag_line(&text)),
        None => {}
    }
    found
}

/// The named groups of the last match. The check of the checklist refuses patterns that cannot be read.
fn groups(pattern: &str, text: &str) -> Vec<(String, String)> {
    let Ok(pattern) = Regex::new(pattern) else {
        return Vec::new();
    };
    let Some(last) = pattern.captures_iter(text).last() else {
        return Vec::new();
    };
    pattern
        .capture_names()
        .flatten()
        .filter_map(|name| Some((name.to_owned(), value(last.name(name)?.as_str()))))
        .collect()
}

/// The fields of the last tag line.
fn tag_line(text: &str) -> Vec<(String, String)> {
    let Some(line) = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix(TAG_LINE))
    else {
        return Vec::new();
    };
    line.split_whitespace()
        .filter_map(|field| field.split_once('='))
        .filter(|(key, value)| {
            matches!(*key, "tag" | "live" | "commit" | "remote") && *value != "-"
        })
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, found)| (key.to_owned(), value(found)))
        .collect()
}

/// A value in one line of bounded length.
fn value(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or("");
    let shown = ansi::plain_text(line);
    match shown.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => shown[..end].to_owned(),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn the_last_match_of_a_proof_counts() {
        let proof = Some(r"Ran (?<tests>\d+) tests");
        let output = b"Ran 3 tests\n...\n\x1b[32mRan 39 \x1b[1mtests\x1b[0m in 4s\r\n";
        assert_eq!(evidence(proof, None, output), of([("tests", "39")]));
        assert_eq!(evidence(proof, None, b"nothing"), of([]));
        assert_eq!(evidence(None, None, output), of([]));
    }

    #[test]
    fn a_group_that_did_not_take_part_is_no_evidence() {
        let proof = Some(r"(?<ok>ok)|(?<bad>bad) (\d)");
        assert_eq!(evidence(proof, None, b"bad 1\nok"), of([("ok", "ok")]));
    }

    #[test]
    fn a_pattern_that_cannot_be_read_proves_nothing() {
        assert_eq!(evidence(Some("("), None, b"("), of([]));
    }

    #[test]
    fn a_value_is_one_short_line() {
        let proof = Some("(?s)<(?<all>.*)>");
        let found = evidence(proof, None, b"<first\nsecond>");
        assert_eq!(found, of([("all", "first")]));
        let long = format!("<{}>", "x".repeat(500));
        assert_eq!(
            evidence(proof, None, long.as_bytes())["all"].len(),
            LONGEST_VALUE
        );
    }

    #[test]
    fn a_tag_step_tells_what_it_wrote() {
        let output = b"golive:tag tag=old\n To origin\ngolive:tag tag=DEPLOYED-2026-11-20/2130 \
                       live=LIVE commit=9be0d11 remote=- extra=1\ndone\n";
        let found = evidence(None, Some(&Milestone::TagWritten), output);
        let wanted = [
            ("tag", "DEPLOYED-2026-11-20/2130"),
            ("live", "LIVE"),
            ("commit", "9be0d11"),
        ];
        assert_eq!(found, of(wanted));
        assert_eq!(
            evidence(None, Some(&Milestone::TagWritten), b"failed"),
            of([])
        );
    }
}
