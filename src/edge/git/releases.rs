//! The tags of releases: all their names at once, and which files each release touches.
//!
//! Names come from one `git show-ref` (with thousands of tags the quickest that git has). Everything after the names goes
//! by hash, so that no name can be taken for something else; what stands in tags is read by `annotated`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::objects::text_of;
use super::{Git, GitError, LOCAL_LIMIT, is_hash};
use crate::domain::id::Commit;

/// A tag as the list of refs tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRef {
    /// Its name.
    pub name: String,
    /// What it points to: a commit, an annotated tag, or something else.
    pub object: String,
    /// What an annotated tag is on in the end; `None` = it is not annotated, or that was not asked.
    pub peeled: Option<String>,
}

impl TagRef {
    /// The object it is on in the end.
    pub fn end(&self) -> &str {
        self.peeled.as_ref().unwrap_or(&self.object)
    }

    /// What git takes as a question for its commit only.
    pub(super) fn as_commit(&self) -> String {
        format!("{}^{{commit}}", self.end())
    }
}

/// All tags, and where HEAD is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refs {
    /// The commit of HEAD; `None` = there are no commits yet.
    pub head: Option<Commit>,
    /// The tags in the order of their names.
    pub tags: Vec<TagRef>,
}

/// How a repository is as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The branch that is checked out; `None` = detached HEAD.
    pub branch: Option<String>,
    /// Whether this clone holds only a part of the history.
    pub is_shallow: bool,
    /// Whether git shows other objects in place of some, as far as refs tell.
    pub is_replaced: bool,
}

impl Refs {
    /// The tag of this name.
    pub fn tag(&self, name: &str) -> Option<&TagRef> {
        self.tags.iter().find(|tag| tag.name == name)
    }
}

impl Git {
    /// All tags and HEAD.
    pub async fn refs(&self) -> Result<Refs, GitError> {
        self.shown_refs(&["show-ref", "--head", "--tags", "--dereference"])
            .await
    }

    /// The same in half the time: without what annotated tags are on in the end.
    pub async fn refs_alone(&self) -> Result<Refs, GitError> {
        self.shown_refs(&["show-ref", "--head", "--tags"]).await
    }

    async fn shown_refs(&self, arguments: &[&str]) -> Result<Refs, GitError> {
        let output = self.run(arguments, LOCAL_LIMIT).await?;
        // Nothing to show is code 1, as in a repository without commits.
        let is_empty = output.stdout.is_empty() && output.stderr.is_empty();
        if !output.status.success() && !is_empty {
            return Err(self.failure(arguments, &output));
        }
        Ok(read_refs(&text_of(&output.stdout)))
    }

    /// What a list has to know of the repository as a whole, in one question: starting a git takes longer than its answer.
    pub async fn standing(&self) -> Result<Standing, GitError> {
        let words = [
            "rev-parse",
            "--is-shallow-repository",
            "--symbolic-full-name",
            "--glob=refs/replace/*",
            "HEAD",
        ];
        let is_based_elsewhere = std::env::var_os("GIT_REPLACE_REF_BASE").is_some();
        let said = self.run(&words, LOCAL_LIMIT).await?;
        if !said.status.success() {
            // HEAD is on a branch without commits, or nowhere.
            let replaced = ["for-each-ref", "--count=1", "refs/replace"];
            let (branch, is_shallow, replaced) =
                tokio::join!(self.branch(), self.is_shallow(), self.text(&replaced));
            return Ok(Standing {
                branch: branch?,
                is_shallow: is_shallow?,
                is_replaced: is_based_elsewhere || !replaced?.is_empty(),
            });
        }
        let said = text_of(&said.stdout);
        let mut lines = said.lines();
        let is_shallow = lines.next() == Some("true");
        let is_replacement = |line: &&str| line.starts_with("refs/replace/");
        let (replaced, head): (Vec<&str>, Vec<&str>) = lines.partition(is_replacement);
        let branch = match head.as_slice() {
            ["HEAD"] => None,
            [full] => Some(full.strip_prefix("refs/heads/").unwrap_or(full).to_owned()),
            // A tag or a branch is called HEAD as well, and git names neither.
            _ => self.branch().await?,
        };
        Ok(Standing {
            branch,
            is_shallow,
            is_replaced: is_based_elsewhere || !replaced.is_empty(),
        })
    }

    /// The branch that is checked out; `None` = detached HEAD.
    pub async fn branch(&self) -> Result<Option<String>, GitError> {
        let head = ["symbolic-ref", "--quiet", "--short", "HEAD"];
        let branch = self.run(&head, LOCAL_LIMIT).await?;
        let name = || text_of(&branch.stdout).trim().to_owned();
        Ok(branch.status.success().then(name))
    }

    /// Whether this clone holds only a part of the history.
    pub async fn is_shallow(&self) -> Result<bool, GitError> {
        let text = self.text(&["rev-parse", "--is-shallow-repository"]).await?;
        Ok(text.trim() == "true")
    }

    /// Which of these pairs (an older commit, a newer one) differ in a file whose path holds `text`, without regard to
    /// capital letters; by their places.
    pub async fn pairs_that_touch(
        &self,
        pairs: &[(Commit, Commit)],
        text: &str,
    ) -> Result<Vec<usize>, GitError> {
        // Without the magic word `glob` a star goes over slashes as well.
        let spec = format!(":(top,icase)*{}*", glob_of(text));
        let arguments = [
            "diff-tree",
            "--stdin",
            "-r",
            "--name-only",
            "--no-renames",
            "--no-ext-diff",
            "-z",
            "--",
            &spec,
        ];
        let mut input = String::new();
        for (from, to) in pairs {
            let _ = writeln!(input, "{to} {from}");
        }
        let output = self
            .run_with(&arguments, input.into_bytes(), LOCAL_LIMIT)
            .await?;
        if !output.status.success() {
            return Err(self.failure(&arguments[..2], &output));
        }
        let said = String::from_utf8_lossy(&output.stdout);
        let touched: BTreeSet<&str> = said.split('\0').filter(|word| is_hash(word)).collect();
        let places = pairs.iter().enumerate();
        Ok(places
            .filter(|(_, (from, to))| from != to && touched.contains(to.as_str()))
            .map(|(place, _)| place)
            .collect())
    }

    /// Whether a commit holds a file whose path holds `text`, without regard to capital letters.
    pub async fn holds_path(&self, commit: Option<&Commit>, text: &str) -> Result<bool, GitError> {
        let Some(commit) = commit else {
            return Ok(false);
        };
        let commit = commit.to_string();
        let arguments = [
            "ls-tree",
            "-r",
            "-z",
            "--name-only",
            "--full-tree",
            "--end-of-options",
            &commit,
        ];
        let output = self.run(&arguments, LOCAL_LIMIT).await?;
        if !output.status.success() {
            return Err(self.failure(&arguments[..1], &output));
        }
        let wanted = text.to_lowercase();
        let names = String::from_utf8_lossy(&output.stdout).to_lowercase();
        Ok(names.split('\0').any(|path| path.contains(&wanted)))
    }

    /// The paths that each commit of a range touches; merges touch nothing of their own. `from` = `None` is the beginning.
    pub async fn paths_by_commit(
        &self,
        from: Option<&Commit>,
        to: &Commit,
        most: usize,
    ) -> Result<BTreeMap<Commit, Vec<String>>, GitError> {
        let range = range(from, to);
        let most = format!("--max-count={most}");
        let arguments = [
            "log",
            "-z",
            &most,
            "--format=%H",
            "--raw",
            "--no-renames",
            "--no-ext-diff",
            "--no-relative",
            "--ignore-submodules=none",
            "-O/dev/null",
            "--end-of-options",
            &range,
            "--",
        ];
        let text = self.text(&arguments).await?;
        Ok(read_raw(&text))
    }

    /// Who wrote the commits of a range and how many each, most first; `from` = `None` is the beginning.
    pub async fn people(
        &self,
        from: Option<&Commit>,
        to: &Commit,
    ) -> Result<Vec<(String, usize)>, GitError> {
        let range = range(from, to);
        let arguments = [
            "log",
            "-z",
            "--format=%aN",
            "--end-of-options",
            &range,
            "--",
        ];
        let text = self.text(&arguments).await?;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let names = text.split('\0').map(|name| name.trim_end_matches('\n'));
        for name in names.filter(|name| !name.is_empty()) {
            *counts.entry(name).or_default() += 1;
        }
        let mut people: Vec<(String, usize)> = counts
            .into_iter()
            .map(|(name, count)| (name.to_owned(), count))
            .collect();
        people.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        Ok(people)
    }
}

/// Reads `git log -z --raw --format=%H`: a hash, then what it touches. A path comes after a word that begins with a colon,
/// so that no path is taken for something else.
fn read_raw(text: &str) -> BTreeMap<Commit, Vec<String>> {
    let mut found: BTreeMap<Commit, Vec<String>> = BTreeMap::new();
    let mut commit = None;
    let mut words = text.split('\0');
    while let Some(word) = words.next() {
        let word = word.trim_start_matches('\n');
        if word.starts_with(':') {
            let paths = commit.clone().and_then(|commit| found.get_mut(&commit));
            if let (Some(paths), Some(path)) = (paths, words.next()) {
                paths.push(path.to_owned());
            }
        } else if is_hash(word) {
            found.entry(Commit::new(word)).or_default();
            commit = Some(Commit::new(word));
        }
    }
    found
}

fn range(from: Option<&Commit>, to: &Commit) -> String {
    match from {
        Some(from) => format!("{from}..{to}"),
        None => to.to_string(),
    }
}

/// A text that means itself in a glob.
fn glob_of(text: &str) -> String {
    let mut glob = String::new();
    for c in text.chars().filter(|c| *c != '\0') {
        if "*?[]\\".contains(c) {
            glob.push('\\');
        }
        glob.push(c);
    }
    glob
}

/// Reads `git show-ref --head --tags --dereference`.
fn read_refs(text: &str) -> Refs {
    let mut refs = Refs::default();
    for (hash, name) in text.lines().filter_map(|line| line.split_once(' ')) {
        if !is_hash(hash) {
            continue;
        }
        if name == "HEAD" {
            refs.head = Some(Commit::new(hash));
        } else if let Some(name) = name.strip_prefix("refs/tags/") {
            match name.strip_suffix("^{}") {
                Some(name) => {
                    if let Some(tag) = refs.tags.last_mut().filter(|tag| tag.name == name) {
                        tag.peeled = Some(hash.to_owned());
                    }
                }
                None => refs.tags.push(TagRef {
                    name: name.to_owned(),
                    object: hash.to_owned(),
                    peeled: None,
                }),
            }
        }
    }
    refs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_are_read_with_what_annotated_tags_are_on() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let text =
            format!("{a} HEAD\n{a} refs/tags/v1\n{b} refs/tags/v2\n{a} refs/tags/v2^{{}}\nx y\n");
        let refs = read_refs(&text);
        assert_eq!(refs.head, Some(Commit::new(a.as_str())));
        assert_eq!(refs.tags.len(), 2);
        assert_eq!(refs.tag("v1").unwrap().peeled, None);
        assert_eq!(refs.tag("v2").unwrap().peeled, Some(a));
    }

    #[tokio::test]
    async fn how_a_repository_stands_is_told_also_where_something_else_is_called_head() {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::new(folder.path());
        git.text(&["init", "--quiet", "--initial-branch=main"])
            .await
            .unwrap();
        let stands = async |branch: Option<&str>, is_replaced| {
            let standing = git.standing().await.unwrap();
            assert_eq!(standing.branch.as_deref(), branch);
            assert_eq!(
                (standing.is_shallow, standing.is_replaced),
                (false, is_replaced)
            );
        };
        stands(Some("main"), false).await;
        let tree = git.text(&["mktree"]).await.unwrap();
        let by = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
        let mut commit = by.to_vec();
        commit.extend(["commit-tree", "-m", "first", tree.trim()]);
        let commit = git.text(&commit).await.unwrap();
        let commit = commit.trim();
        let put = async |name: &str| {
            git.text(&["update-ref", name, commit]).await.unwrap();
        };
        put("refs/heads/main").await;
        stands(Some("main"), false).await;
        put("refs/tags/HEAD").await;
        stands(Some("main"), false).await;
        put(&format!("refs/replace/{}", "a".repeat(40))).await;
        stands(Some("main"), true).await;
        git.text(&["update-ref", "-d", "refs/tags/HEAD"])
            .await
            .unwrap();
        stands(Some("main"), true).await;
        git.text(&["update-ref", "--no-deref", "HEAD", commit])
            .await
            .unwrap();
        stands(None, true).await;
    }

    #[tokio::test]
    async fn tags_whose_names_are_no_text_stay_apart_here_and_on_a_remote() {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::new(folder.path());
        git.text(&["init", "--quiet"]).await.unwrap();
        let tree = git.text(&["mktree"]).await.unwrap();
        let by = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
        let mut commit = by.to_vec();
        commit.extend(["commit-tree", "-m", "first", tree.trim()]);
        let commit = git.text(&commit).await.unwrap();
        // Not every file system takes such names; git's list does.
        let mut packed = b"# pack-refs with: peeled fully-peeled sorted \n".to_vec();
        for name in [&b"v\xfe"[..], b"v\xff"] {
            packed.extend(commit.trim().as_bytes());
            packed.extend(b" refs/tags/");
            packed.extend(name);
            packed.push(b'\n');
        }
        std::fs::write(folder.path().join(".git/packed-refs"), packed).unwrap();
        let refs = git.refs().await.unwrap();
        let names: Vec<&str> = refs.tags.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(names, ["v\\xfe", "v\\xff"]);
        let here = git.tags_here().await.unwrap();
        assert!(here.keys().eq(&names), "{here:?}");
        let own = folder.path().display().to_string();
        git.text(&["remote", "add", "origin", &own]).await.unwrap();
        let there = git.tags_on("origin").await.unwrap();
        assert_eq!(there, here);
    }
}
