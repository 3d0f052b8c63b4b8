//! What differs between two commits, line by line: asked of git in a form that no configuration changes.
//!
//! Plumbing (`diff-tree`) is asked, with every setting that shapes its answer given. What is longer than people look at
//! is read only so far, and the diff says that it was cut. Names are commits by now: nothing typed comes here.

use super::{Git, GitError, LOCAL_LIMIT};
use crate::domain::catalog::{FileChange, MarkedCommit};
use crate::domain::diff::{self, Diff, graph};
use crate::domain::id::Commit;

/// At most so many bytes of a diff are read.
const MOST_BYTES: usize = 16 << 20;

/// What every question about a difference is asked with: renames found as `git diff` does, and no settings of
/// anybody's.
pub(super) const ASKED: [&str; 13] = [
    "diff-tree",
    "-r",
    "-M",
    "--no-commit-id",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-relative",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--submodule=short",
    "--ignore-submodules=none",
    "-O/dev/null",
];

impl Git {
    /// What differs between two commits, `from` = `None` is the beginning; only in the file of this `path`, when there
    /// is one. What is longer than can be looked at is cut, see [`Diff::cut`].
    pub async fn difference(
        &self,
        from: Option<&Commit>,
        to: &Commit,
        path: Option<&str>,
    ) -> Result<Diff, GitError> {
        let (bytes, cut) = self.difference_bytes(from, to, path, MOST_BYTES).await?;
        Ok(diff::parse(&bytes, cut))
    }

    /// The same as git prints it: at most so many bytes, and whether there is more.
    pub async fn difference_bytes(
        &self,
        from: Option<&Commit>,
        to: &Commit,
        path: Option<&str>,
        most: usize,
    ) -> Result<(Vec<u8>, bool), GitError> {
        let from = self.beginning(from).await?;
        let path = path.map(|path| format!(":(top,literal){path}"));
        let mut arguments = vec!["-c", "diff.suppressBlankEmpty=false"];
        arguments.extend(ASKED);
        arguments.extend(["-p", "-U3", "--inter-hunk-context=0"]);
        arguments.extend(["--end-of-options", &from, to.as_str(), "--"]);
        arguments.extend(path.as_deref());
        self.most(&arguments, LOCAL_LIMIT, most).await
    }

    /// The files that differ between two commits, with how many lines; `from` = `None` is the beginning.
    pub async fn file_changes(
        &self,
        from: Option<&Commit>,
        to: &Commit,
    ) -> Result<Vec<FileChange>, GitError> {
        let from = self.beginning(from).await?;
        let mut arguments = ASKED.to_vec();
        arguments.extend(["--numstat", "-z"]);
        arguments.extend(["--end-of-options", &from, to.as_str(), "--"]);
        let text = self.text(&arguments).await?;
        read_numstat(&text).ok_or_else(|| GitError::Answer("diff-tree --numstat".to_owned()))
    }

    /// The commits that `to` has and `from` has not, newest first, as git draws them: at most so many.
    pub async fn graph(
        &self,
        from: Option<&Commit>,
        to: &Commit,
        most: usize,
    ) -> Result<Vec<MarkedCommit>, GitError> {
        let range = match from {
            Some(from) => format!("{from}..{to}"),
            None => to.to_string(),
        };
        let most = format!("--max-count={most}");
        let format = "--format=%x01%H%x00%cI%x00%an%x00%s";
        let arguments = [
            "log",
            "--graph",
            "--no-color",
            &most,
            format,
            "--end-of-options",
            &range,
        ];
        let text = self.text(&arguments).await?;
        graph::read(&text).ok_or_else(|| GitError::Answer("log --graph".to_owned()))
    }

    pub(super) async fn beginning(&self, from: Option<&Commit>) -> Result<String, GitError> {
        match from {
            Some(from) => Ok(from.to_string()),
            None => self.empty_tree().await,
        }
    }
}

/// Reads `12\t3\tpath\0`, of a rename `12\t3\t\0old\0new\0`; of a binary file both numbers are `-`.
fn read_numstat(text: &str) -> Option<Vec<FileChange>> {
    let mut parts = text.split('\0');
    let mut files = Vec::new();
    while let Some(part) = parts.next().filter(|part| !part.is_empty()) {
        let mut fields = part.splitn(3, '\t');
        let (insertions, deletions) = (fields.next()?, fields.next()?);
        let (was, path) = match fields.next()? {
            "" => (Some(parts.next()?.to_owned()), parts.next()?),
            path => (None, path),
        };
        files.push(FileChange {
            path: path.to_owned(),
            was,
            insertions: insertions.parse().ok(),
            deletions: deletions.parse().ok(),
        });
    }
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_files_are_read_with_renames_and_binary_ones() {
        let files = read_numstat("1\t2\ta b\x00-\t-\tx\x003\t0\t\x00old\x00new\x00").unwrap();
        assert_eq!(files.len(), 3);
        assert_eq!(
            (files[0].insertions, files[0].deletions),
            (Some(1), Some(2))
        );
        assert_eq!(files[1].insertions, None);
        assert_eq!(files[2].was.as_deref(), Some("old"));
        assert_eq!(files[2].path, "new");
        assert_eq!(read_numstat("").unwrap(), []);
    }
}
