//! The name of an attempt in the launcher's folder.
//!
//! It is short, safe as a file name and as a word of any shell, readable by a person who looks into the folder, and
//! different for different attempts: a hash over all its parts stands in it. Nothing is ever parsed back out of it.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::domain::id::{Attempt, RunId, TaskId};

/// How much of the run's id and of the task's id stays readable.
const READABLE: (usize, usize) = (32, 48);

/// Makes the file name of an attempt: `<run>.<task, made safe>-<hash>.<attempt>`.
///
/// At most 112 bytes of `A-Z a-z 0-9 . _ -`, starting with a letter or digit and ending with the attempt's number.
/// The hash has 64 bits and covers run and task exactly, so that what was made safe cannot make two names equal.
pub fn file_name(run: &RunId, task: &TaskId, attempt: Attempt) -> String {
    let mut hash = Sha256::new();
    hash.update((run.as_str().len() as u64).to_le_bytes());
    hash.update(run.as_str());
    hash.update(task.as_str());
    let hash = hex(&hash.finalize(), 16);
    format!(
        "r{}.{}-{hash}.{attempt}",
        safe(run.as_str(), READABLE.0),
        safe(task.as_str(), READABLE.1)
    )
}

/// The first `limit` characters of a text, with everything replaced that is not safe in a file name.
pub(super) fn safe(text: &str, limit: usize) -> String {
    text.chars()
        .take(limit)
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' || c == '_' {
                c
            } else {
                '_'
            }
        })
        .collect()
}

/// The first `digits` hexadecimal digits of some bytes.
pub(super) fn hex(bytes: &[u8], digits: usize) -> String {
    let mut out = bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    });
    out.truncate(digits);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(run: &str, task: &str, attempt: u32) -> String {
        file_name(&RunId::new(run), &TaskId::new(task), Attempt(attempt))
    }

    #[test]
    fn a_file_name_is_short_and_safe_whatever_the_ids_hold() {
        let long = "x/".repeat(500);
        for task in [
            "go-live/code@web1",
            "größe/été@web",
            "a b'\n$(x)/..@-",
            &long,
            "",
        ] {
            let name = name("20261120-2012-k3", task, 3);
            assert!(name.len() <= 112, "{name}");
            assert!(name.ends_with(".3"), "{name}");
            assert!(
                name.chars()
                    .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)),
                "{name}"
            );
        }
    }

    #[test]
    fn different_attempts_have_different_file_names() {
        let names = [
            name("r", "a/b@c", 1),
            name("r", "a/b@c", 2),
            name("r", "a/b_c", 1),
            name("r", "a_b@c", 1),
            name("ra", "/b@c", 1),
            name("r", "é", 1),
            name("r", "è", 1),
        ];
        let set: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(set.len(), names.len());
    }
}
