//! The state of the repository: branch, commit, uncommitted changes, what was not pushed, who would tag.

use super::{Git, GitError, LOCAL_LIMIT};
use crate::domain::id::Commit;
use crate::domain::overview::Repository;

impl Git {
    /// The repository's state, in one question. What is live is not part of it (see `tags`).
    pub async fn state(&self) -> Result<Repository, GitError> {
        let arguments = [
            "status",
            "--porcelain=v2",
            "--branch",
            "-z",
            "--untracked-files=normal",
        ];
        let text = self.text(&arguments).await?;
        read_status(&text).ok_or_else(|| GitError::Answer(arguments.join(" ")))
    }

    /// Whether git knows a remote of this name.
    pub async fn has_remote(&self, name: &str) -> Result<bool, GitError> {
        Ok(self
            .text(&["remote"])
            .await?
            .lines()
            .any(|line| line == name))
    }

    /// The address of a remote as it is set here; `None` = there is no such remote.
    pub async fn remote_address(&self, name: &str) -> Result<Option<String>, GitError> {
        if !self.has_remote(name).await? {
            return Ok(None);
        }
        let text = self.text(&["remote", "get-url", "--", name]).await?;
        Ok(text.lines().next().map(str::to_owned))
    }

    /// Whether git knows who tags (a tag has a name and a mail address in it). `Some` says what git misses.
    pub async fn missing_identity(&self) -> Result<Option<String>, GitError> {
        let output = self
            .run(&["var", "GIT_COMMITTER_IDENT"], LOCAL_LIMIT)
            .await?;
        Ok((!output.status.success()).then(|| {
            let said = String::from_utf8_lossy(&output.stderr);
            let line = said.lines().find(|line| line.starts_with("fatal: "));
            line.map_or("git does not know who you are", |line| &line[7..])
                .to_owned()
        }))
    }
}

/// Reads `git status --porcelain=v2 --branch -z`; `None` = not understood.
fn read_status(text: &str) -> Option<Repository> {
    let mut state = Repository::default();
    let mut fields = text.split('\0').filter(|field| !field.is_empty());
    while let Some(field) = fields.next() {
        let (kind, rest) = field.split_once(' ')?;
        match kind {
            "#" => read_header(&mut state, rest)?,
            "1" => state.dirty.push(short(rest, 7)?),
            "u" => state.dirty.push(short(rest, 9)?),
            "2" => {
                let now = short(rest, 8)?;
                let (marks, path) = now.split_at_checked(3)?;
                let before = fields.next()?;
                state.dirty.push(format!("{marks}{before} -> {path}"));
            }
            "?" => state.dirty.push(format!("?? {rest}")),
            _ => {}
        }
    }
    Some(state)
}

fn read_header(state: &mut Repository, rest: &str) -> Option<()> {
    let (key, value) = rest.split_once(' ')?;
    match key {
        "branch.oid" if value != "(initial)" => state.head = Some(Commit::new(value)),
        "branch.head" if value != "(detached)" => state.branch = Some(value.to_owned()),
        "branch.ab" => {
            state.unpushed = Some(value.split(' ').next()?.strip_prefix('+')?.parse().ok()?);
        }
        _ => {}
    }
    Some(())
}

/// An entry as `git status --short` prints it: two marks and the path, which is the field at `index`.
fn short(rest: &str, index: usize) -> Option<String> {
    let marks = rest.split(' ').next()?.replace('.', " ");
    let path = rest.splitn(index + 1, ' ').nth(index)?;
    Some(format!("{marks} {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_with_renames_and_strange_paths() {
        let text = "# branch.oid 9be0d11aa0c5d1e7f0b8a6c3d2e1f09876543210\0# branch.head main\0\
            # branch.upstream origin/main\0# branch.ab +2 -1\0\
            1 .M N... 100644 100644 100644 aaa bbb a b.txt\0\
            2 R. N... 100644 100644 100644 aaa bbb R100 new name\0old name\0\
            u UU N... 100644 100644 100644 100644 aaa bbb ccc both\0? x -> y\0";
        let state = read_status(text).unwrap();
        assert_eq!(state.branch.as_deref(), Some("main"));
        assert_eq!(state.unpushed, Some(2));
        assert_eq!(
            state.dirty,
            [
                " M a b.txt",
                "R  old name -> new name",
                "UU both",
                "?? x -> y"
            ]
        );
    }

    #[test]
    fn a_detached_head_and_an_unborn_branch_are_told() {
        let state = read_status("# branch.oid abc\0# branch.head (detached)\0").unwrap();
        assert_eq!((state.branch, state.head), (None, Some(Commit::new("abc"))));
        let state = read_status("# branch.oid (initial)\0# branch.head main\0").unwrap();
        assert_eq!(state.branch.as_deref(), Some("main"));
        assert_eq!((state.head, state.unpushed), (None, None));
    }
}
