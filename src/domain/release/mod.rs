//! Releases: how they are recorded in git, and the names of their tags.
//!
//! A release is a commit that a run brought to an environment; it is named by its tag. Git itself is asked
//! by `edge::git`; here its answers are read and its arguments are made, as pure functions. `pattern` tells release
//! tags from others, `digits` reads the times of usual names, `note` is what stands in their bodies.

use std::fmt::Write as _;

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

mod digits;
mod note;
mod pattern;

pub use note::{
    Left, ReleaseNote, body, is_own_line, message_of_people, read_body, read_outcome, read_row,
};
pub use pattern::{NamedTime, TagPattern};

/// How a release is recorded in git: the table `[release]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRules {
    /// The tag that is moved to the commit production runs; `None` = no such tag.
    pub live: Option<String>,
    /// strftime pattern (local time) of the tag a production release gets; `None` = no tag.
    pub tag: Option<String>,
    /// Globs of the names of tags that are releases as well, made by others; empty = only what `tag` names.
    #[serde(rename = "match", default, skip_serializing_if = "Vec::is_empty")]
    pub matching: Vec<String>,
    /// The remote the tags are pushed to; `None` = they stay local.
    pub remote: Option<String>,
    /// Whether the release tag is signed (`git tag -s`).
    pub sign: bool,
    /// The command that prints, on a host, the commit that runs there; `None` = hosts are not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl ReleaseRules {
    /// Whether releases have tags of their own, made here or by others.
    pub const fn is_tagged(&self) -> bool {
        self.tag.is_some() || !self.matching.is_empty()
    }
}

impl Default for ReleaseRules {
    fn default() -> Self {
        Self {
            live: Some("LIVE".to_owned()),
            tag: Some("DEPLOYED-%F/%H%M".to_owned()),
            matching: Vec::new(),
            remote: Some("origin".to_owned()),
            sign: false,
            version: None,
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

/// Where git keeps tags.
const TAGS: &str = "refs/tags/";

/// The name of a tag in full: git takes it for this tag and nothing else, neither for a branch nor for the beginning of a
/// commit.
pub fn full_name(tag: &str) -> String {
    format!("{TAGS}{tag}")
}

/// A word that names a commit, as people say it: of a tag in full only its name.
pub fn as_said(word: &str) -> &str {
    word.strip_prefix(TAGS).unwrap_or(word)
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
}
