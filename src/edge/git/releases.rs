//! The tags of releases: all their names at once, then what stands in those that are wanted.
//!
//! Names come from one `git show-ref` (with thousands of tags the quickest that git has), tags and commits from
//! `git cat-file`, in two processes. Everything after the names goes by hash, so that no name can be taken for something
//! else. Tags on files or folders are no releases. Also what tells of releases: which files each of them touches.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::objects::{Kind, Parts, subject};
use super::{Git, GitError, LOCAL_LIMIT, is_hash};
use crate::domain::catalog::{Annotation, Committed, Tag};
use crate::domain::id::Commit;
use crate::domain::release::read_body;

/// From so many tags on, two processes read them.
const MANY: usize = 256;

/// A tag as the list of refs tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRef {
    /// Its name.
    pub name: String,
    /// What it points to: a commit, an annotated tag, or something else.
    pub object: String,
    /// What an annotated tag is on in the end; `None` = it is not annotated.
    pub peeled: Option<String>,
}

/// All tags, and where HEAD is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refs {
    /// The commit of HEAD; `None` = there are no commits yet.
    pub head: Option<Commit>,
    /// The branch that is checked out; `None` = detached HEAD.
    pub branch: Option<String>,
    /// The tags in the order of their names.
    pub tags: Vec<TagRef>,
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
        let all = ["show-ref", "--head", "--tags", "--dereference"];
        let head = ["symbolic-ref", "--quiet", "--short", "HEAD"];
        let (output, branch) =
            tokio::join!(self.run(&all, LOCAL_LIMIT), self.run(&head, LOCAL_LIMIT));
        let output = output?;
        // Nothing to show is code 1, as in a repository without commits.
        let is_empty = output.stdout.is_empty() && output.stderr.is_empty();
        if !output.status.success() && !is_empty {
            return Err(self.failure(&all, &output));
        }
        let mut refs = read_refs(&String::from_utf8_lossy(&output.stdout));
        let branch = branch?;
        if branch.status.success() {
            let name = String::from_utf8_lossy(&branch.stdout).trim().to_owned();
            refs.branch = Some(name);
        }
        Ok(refs)
    }

    /// What stands in these tags; those that are on no commit are left out.
    pub async fn read_tags(&self, tags: Vec<TagRef>) -> Result<Vec<Tag>, GitError> {
        if tags.len() < MANY {
            return self.read_some(&tags).await;
        }
        let mut first = tags;
        let second = first.split_off(first.len() / 2);
        let git = self.clone();
        // Beside this one, so that both are read and taken apart at the same time.
        let beside = tokio::spawn(async move { git.read_some(&second).await });
        let mut read = self.read_some(&first).await?;
        match beside.await {
            Ok(rest) => read.extend(rest?),
            Err(_) => return Err(GitError::Answer("cat-file".to_owned())),
        }
        Ok(read)
    }

    async fn read_some(&self, tags: &[TagRef]) -> Result<Vec<Tag>, GitError> {
        let annotated = tags.iter().filter(|tag| tag.peeled.is_some());
        let wanted: Vec<String> = annotated.map(|tag| tag.object.clone()).collect();
        let objects = self.objects(&wanted).await?;
        let mut next = 0;
        let mut found: Vec<(&TagRef, Option<Annotated>)> = Vec::with_capacity(tags.len());
        for tag in tags {
            if tag.peeled.is_none() {
                found.push((tag, None));
                continue;
            }
            if let Some((Kind::Tag, object)) = objects.get(next) {
                found.push((tag, Some(Annotated::read(object))));
            }
            next += 1;
        }
        // Only commits that are known to be some, or are asked for as such: a file could be of any size.
        let wanted: Vec<String> = found
            .iter()
            .filter_map(|(tag, annotated)| match (&tag.peeled, annotated) {
                (Some(peeled), Some(known)) if known.is_on_commit => {
                    known.lacks_something().then(|| peeled.clone())
                }
                (Some(peeled), _) => Some(format!("{peeled}^{{commit}}")),
                (None, _) => Some(format!("{}^{{commit}}", tag.object)),
            })
            .collect();
        let commits = self.objects(&wanted).await?;
        let mut next = 0;
        let mut read = Vec::with_capacity(found.len());
        for (tag, annotated) in found {
            let is_known = annotated.as_ref().is_some_and(|known| known.is_on_commit);
            let is_asked = annotated
                .as_ref()
                .is_none_or(|known| !known.is_on_commit || known.lacks_something());
            let mut committed = None;
            if is_asked {
                if let Some((Kind::Commit, object)) = commits.get(next) {
                    committed = Some(read_commit(object));
                }
                next += 1;
            }
            if !is_known && committed.is_none() {
                continue;
            }
            read.push(Tag {
                name: tag.name.clone(),
                object: tag.object.clone(),
                commit: Commit::new(tag.peeled.as_ref().unwrap_or(&tag.object).as_str()),
                annotation: annotated.map(|annotated| annotated.says),
                committed,
            });
        }
        Ok(read)
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

/// An annotated tag, taken apart.
struct Annotated {
    says: Annotation,
    /// Whether it is on a commit itself, and not on another tag.
    is_on_commit: bool,
}

impl Annotated {
    fn read(object: &[u8]) -> Self {
        let parts = Parts::of(object);
        let (by, at) = match parts.hand("tagger") {
            Some((by, at)) => (Some(by), at),
            None => (None, None),
        };
        let text = parts.decoded(parts.text);
        let signature = signature_at(&text);
        let message = signature.map_or(text.as_str(), |at| &text[..at]);
        Self {
            is_on_commit: parts.header("type") == Some(b"commit"),
            says: Annotation {
                made_as: parts.word("tag").unwrap_or_default(),
                by,
                at,
                note: read_body(message),
                subject: subject(message),
                message: message.to_owned(),
                is_signed: signature.is_some() || parts.header("gpgsig").is_some(),
            },
        }
    }

    /// Whether the commit has to tell what the tag does not.
    fn lacks_something(&self) -> bool {
        let says = &self.says;
        says.at.is_none() || says.by.is_none() || says.note.is_some() || says.subject.is_empty()
    }
}

/// Where the signature begins in the text of a tag.
fn signature_at(text: &str) -> Option<usize> {
    let mut at = 0;
    let mut found = None;
    for line in text.split_inclusive('\n') {
        let words = line.strip_prefix("-----BEGIN ");
        if words.is_some_and(|words| {
            [
                "PGP SIGNATURE",
                "PGP MESSAGE",
                "SSH SIGNATURE",
                "SIGNED MESSAGE",
            ]
            .iter()
            .any(|kind| {
                words
                    .strip_prefix(kind)
                    .is_some_and(|rest| rest.starts_with("-----"))
            })
        }) {
            found = Some(at);
        }
        at += line.len();
    }
    found
}

fn read_commit(object: &[u8]) -> Committed {
    let parts = Parts::of(object);
    let (by, at) = parts.hand("committer").unwrap_or_default();
    Committed {
        by,
        at,
        subject: subject(&parts.decoded(parts.text)),
    }
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

    #[test]
    fn a_signature_is_no_part_of_the_message() {
        let text = "notes\n-----BEGIN PGP SIGNATURE-----\nxx\n-----END PGP SIGNATURE-----\n";
        assert_eq!(signature_at(text), Some(6));
        assert_eq!(signature_at("-----BEGIN OF THE END-----\n"), None);
        let object = format!("object aa\ntype commit\ntag R-1\ntagger A <a@x> 1 +0000\n\n{text}");
        let tag = Annotated::read(object.as_bytes());
        assert!(tag.says.is_signed && tag.is_on_commit && !tag.lacks_something());
        assert_eq!(
            (tag.says.message.as_str(), tag.says.made_as.as_str()),
            ("notes\n", "R-1")
        );
    }
}
