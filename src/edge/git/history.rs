//! What differs between two commits: commits, files, lines, paths.

use super::{Git, GitError};
use crate::domain::id::Commit;
use crate::domain::overview::{Changes, CommitLine};
use crate::domain::run::Moment;
use crate::domain::text;

/// How many commits are listed; their number is counted apart.
const MOST_COMMITS: usize = 300;

/// One end of a comparison: a commit and how people call it (`LIVE`, a tag, a short hash).
#[derive(Debug, Clone)]
pub struct End<'a> {
    /// The commit.
    pub commit: &'a Commit,
    /// Its name for people.
    pub name: &'a str,
}

impl Git {
    /// How many commits `to` has that `from` has not.
    pub async fn count(&self, from: &Commit, to: &Commit) -> Result<usize, GitError> {
        self.count_of(&format!("{from}..{to}")).await
    }

    /// What differs between two commits; `from` = `None` is the beginning.
    pub async fn changes(&self, from: Option<End<'_>>, to: End<'_>) -> Result<Changes, GitError> {
        let range = match &from {
            Some(from) => format!("{}..{}", from.commit, to.commit),
            None => to.commit.to_string(),
        };
        let base = match &from {
            Some(from) => from.commit.to_string(),
            None => self.empty_tree().await?,
        };
        let (commits, commit_count, stat, paths) = tokio::try_join!(
            self.commits(&range),
            self.count_of(&range),
            self.diff("--shortstat", &base, to.commit),
            self.diff("--name-only", &base, to.commit),
        )?;
        let (files, insertions, deletions) = read_shortstat(&stat);
        Ok(Changes {
            from: from.map(|from| from.name.to_owned()).unwrap_or_default(),
            to: to.name.to_owned(),
            commits,
            commit_count,
            files,
            insertions,
            deletions,
            paths: paths
                .split('\0')
                .filter(|path| !path.is_empty())
                .map(str::to_owned)
                .collect(),
        })
    }

    /// The paths that differ between two commits.
    pub async fn changed_paths(&self, from: &Commit, to: &Commit) -> Result<Vec<String>, GitError> {
        let text = self.diff("--name-only", from.as_str(), to).await?;
        let paths = text.split('\0').filter(|path| !path.is_empty());
        Ok(paths.map(str::to_owned).collect())
    }

    async fn count_of(&self, range: &str) -> Result<usize, GitError> {
        let arguments = ["rev-list", "--count", "--end-of-options", range];
        let text = self.text(&arguments).await?;
        text.trim()
            .parse()
            .map_err(|_| GitError::Answer(arguments.join(" ")))
    }

    async fn commits(&self, range: &str) -> Result<Vec<CommitLine>, GitError> {
        let most = format!("--max-count={MOST_COMMITS}");
        let format = "--format=%H%x00%an%x00%cI%x00%s";
        let arguments = ["log", "-z", &most, format, "--end-of-options", range];
        let text = self.text(&arguments).await?;
        read_commits(&text).ok_or_else(|| GitError::Answer(arguments.join(" ")))
    }

    async fn diff(&self, what: &str, from: &str, to: &Commit) -> Result<String, GitError> {
        // With nobody's settings: steps run or not by what is said here.
        let mut arguments = vec![
            "diff",
            "-M",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "--no-relative",
            "--ignore-submodules=none",
            "-O/dev/null",
            "-z",
        ];
        arguments.extend([what, "--end-of-options", from, to.as_str(), "--"]);
        self.text(&arguments).await
    }

    /// The hash of the tree without files; it depends on the repository's kind of hash.
    pub(super) async fn empty_tree(&self) -> Result<String, GitError> {
        let text = self.text(&["hash-object", "-t", "tree", "--stdin"]).await?;
        Ok(text.trim().to_owned())
    }
}

/// A time as git writes it. One that cannot be, such as in the year 10000, is taken as 1970, as git itself does with
/// those that it cannot read: a single odd commit hides no others.
fn moment_of(text: &str) -> Moment {
    Moment::parse_from_rfc3339(text).unwrap_or_default()
}

fn read_commits(text: &str) -> Option<Vec<CommitLine>> {
    let fields: Vec<&str> = text.trim_end_matches('\0').split('\0').collect();
    if fields == [""] {
        return Some(Vec::new());
    }
    fields
        .chunks(4)
        .map(|fields| match fields {
            // A last subject that is empty was trimmed away with the ending zero.
            [hash, author, at, rest @ ..] => Some(CommitLine {
                commit: Commit::new(*hash),
                subject: text::subject(rest.first().copied().unwrap_or_default()),
                author: (*author).to_owned(),
                at: moment_of(at),
            }),
            _ => None,
        })
        .collect()
}

/// Files, lines added, lines removed, of ` 3 files changed, 10 insertions(+), 1 deletion(-)`.
fn read_shortstat(text: &str) -> (usize, usize, usize) {
    let number = |word: &str| {
        text.trim_matches(['\0', '\n'])
            .split(',')
            .find(|part| part.contains(word))
            .and_then(|part| part.split_whitespace().next()?.parse().ok())
            .unwrap_or(0)
    };
    (number("file"), number("insertion"), number("deletion"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_statistic_is_read_in_all_its_forms() {
        let text = " 3 files changed, 10 insertions(+), 1 deletion(-)\n";
        assert_eq!(read_shortstat(text), (3, 10, 1));
        assert_eq!(
            read_shortstat(" 1 file changed, 2 deletions(-)\n"),
            (1, 0, 2)
        );
        assert_eq!(read_shortstat(""), (0, 0, 0));
    }

    #[test]
    fn commits_without_a_subject_are_commits() {
        let text =
            "aaa\0Ada\x002026-11-20T20:12:00+01:00\0\0bbb\0Bob\x002026-11-20T20:12:00+01:00\0\0";
        let commits = read_commits(text).unwrap();
        assert_eq!(commits.len(), 2);
        assert_eq!(commits[1].subject, "");
    }
}
