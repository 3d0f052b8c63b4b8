//! What stands in the tags of releases: annotated ones, and commits where a tag does not say everything.
//!
//! Objects are read by hash, through `objects`: some in one question that is begun before it is known which, thousands by
//! two processes at the same time, and those that `known` kept from the last time not at all. Tags on files or folders are
//! no releases. A list may be read in two steps: rows, for which the tags are enough, then the subjects of their commits.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::known::{Known, keep};
use super::objects::{Found, Kind, Parts, Reader, subject};
use super::releases::TagRef;
use super::{Git, GitError};
use crate::domain::catalog::{Annotation, Committed, Tag};
use crate::domain::id::Commit;
use crate::domain::release::{read_body, read_row};
use crate::domain::run::Moment;

/// From so many tags on, two processes read them, and what they said is kept.
const MANY: usize = 256;

/// A git that waits to be told which tags it reads.
pub struct TagReader(Reader);

/// How much of many tags is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// All that a list tells.
    Whole,
    /// Commits of which only the subject is wanted are left out. The moment is now: a tag that is made later does not know
    /// its time.
    Rows(Moment),
}

/// What was read for a list so far; subjects may still be to come.
pub struct Listing {
    git: Git,
    file: PathBuf,
    known: Arc<Known>,
    found: Vec<Found>,
    is_kept: bool,
}

impl Listing {
    /// The subjects of these commits; an empty one where there is no such commit, or it says nothing.
    pub async fn subjects(
        &mut self,
        commits: &[Commit],
    ) -> Result<Vec<(Commit, String)>, GitError> {
        let middle = if commits.len() < MANY {
            commits.len()
        } else {
            commits.len() / 2
        };
        let (first, second) = commits.split_at(middle);
        let ((mut told, found), (more, and)) = tokio::try_join!(
            self.git.read_subjects(first, &self.known),
            self.git.read_subjects(second, &self.known),
        )?;
        told.extend(more);
        if self.is_kept {
            self.found.extend([found, and]);
        }
        Ok(told)
    }

    /// Keeps what was read for the next time, when some of it was not known before. Of a list without all its subjects
    /// nothing is to be kept: it would be in place of what was. Blocks.
    pub fn keep(self) {
        if self.is_kept {
            keep(&self.file, &self.known, &self.found);
        }
    }
}

/// A list that was begun.
pub struct ListReader {
    file: PathBuf,
    known: JoinHandle<Known>,
}

impl Git {
    /// What stands in these tags; those that are on no commit are left out.
    pub async fn read_tags(&self, tags: Vec<TagRef>) -> Result<Vec<Tag>, GitError> {
        let reading = Reading::default();
        Ok(self.read_some(tags, &Known::default(), reading).await?.0)
    }

    /// Starts reading some tags, before it is known which.
    pub fn begin_tags(&self) -> Result<TagReader, GitError> {
        Ok(TagReader(self.reader()?))
    }

    /// The same as [`Git::read_tags`] for some tags, in the one question that was begun. What annotated ones are on in the
    /// end need not be known.
    pub async fn read_begun(
        &self,
        reader: TagReader,
        tags: Vec<TagRef>,
    ) -> Result<Vec<Tag>, GitError> {
        // What their commits say is asked without knowing whether it is needed. A tag may be on a file: only tags and
        // commits are asked for.
        let asked = |kind: &'static str| {
            let objects = tags.iter().map(|tag| tag.object.as_str());
            objects.map(move |object| format!("{object}^{{{kind}}}"))
        };
        let wanted: Vec<String> = asked("tag").chain(asked("commit")).collect();
        let told = self.objects(reader.0, &wanted).await?;
        let names = wanted.into_iter().enumerate();
        let names: Vec<String> = names
            .map(|(place, wanted)| told.name(place).map_or(wanted, str::to_owned))
            .collect();
        let end = |place: usize| told.name(tags.len() + place).map(str::to_owned);
        let tags: Vec<TagRef> = tags
            .iter()
            .enumerate()
            .map(|(place, tag)| TagRef {
                peeled: match told.get(place) {
                    Some((Kind::Tag, _)) => end(place),
                    _ => None,
                },
                ..tag.clone()
            })
            .collect();
        let known = Known::told(&names, told);
        Ok(self.read_some(tags, &known, Reading::default()).await?.0)
    }

    /// Begins a list of any length: what was kept in `file` is read while the caller finds out which tags there are.
    pub fn begin_list(&self, file: &Path) -> ListReader {
        let opened = file.to_owned();
        ListReader {
            file: file.to_owned(),
            known: tokio::task::spawn_blocking(move || Known::open(&opened)),
        }
    }

    /// The same as [`Git::read_tags`] for a list, without messages: what was kept is not asked again. What was read of many
    /// comes with it, to be kept; few are always read whole. Where git shows other objects in place of some (`is_replaced`)
    /// nothing is kept.
    pub async fn read_list(
        &self,
        reader: ListReader,
        tags: Vec<TagRef>,
        depth: Depth,
        is_replaced: bool,
    ) -> Result<(Vec<Tag>, Option<Listing>), GitError> {
        if tags.len() < MANY {
            return Ok((self.read_tags(tags).await?, None));
        }
        let unread = |_| GitError::Answer("cat-file".to_owned());
        let is_kept = !is_replaced;
        let known = reader.known.await.ok().filter(|_| is_kept);
        let known = Arc::new(known.unwrap_or_default());
        let reading = Reading {
            depth,
            is_list: true,
        };
        let mut first = tags;
        let second = first.split_off(first.len() / 2);
        let (git, same) = (self.clone(), Arc::clone(&known));
        // Beside this one, so that both are read and taken apart at the same time.
        let beside = tokio::spawn(async move { git.read_some(second, &same, reading).await });
        let (mut read, mut found) = self.read_some(first, &known, reading).await?;
        let (tags, more) = beside.await.map_err(unread)??;
        read.extend(tags);
        found.extend(more);
        let listing = Listing {
            git: self.clone(),
            file: reader.file,
            known,
            found,
            is_kept,
        };
        Ok((read, Some(listing)))
    }

    /// The subjects of some commits; an empty one where there is no such commit, or it says nothing.
    pub async fn subjects(&self, commits: &[Commit]) -> Result<Vec<(Commit, String)>, GitError> {
        Ok(self.read_subjects(commits, &Known::default()).await?.0)
    }

    async fn read_subjects(
        &self,
        commits: &[Commit],
        known: &Known,
    ) -> Result<(Vec<(Commit, String)>, Found), GitError> {
        let wanted = commits.iter().map(ToString::to_string).collect();
        let found = self.objects_beside(known, wanted).await?;
        let subjects = commits.iter().enumerate().map(|(place, commit)| {
            let subject = match found.get(known, place) {
                Some((Kind::Commit, object)) => subject_of(object),
                _ => String::new(),
            };
            (commit.clone(), subject)
        });
        Ok((subjects.collect(), found))
    }

    async fn read_some(
        &self,
        tags: Vec<TagRef>,
        known: &Known,
        reading: Reading,
    ) -> Result<(Vec<Tag>, Vec<Found>), GitError> {
        let annotated = tags.iter().filter(|tag| tag.peeled.is_some());
        let wanted: Vec<String> = annotated.map(|tag| tag.object.clone()).collect();
        let objects = self.objects_beside(known, wanted).await?;
        let mut next = 0;
        let mut found: Vec<(TagRef, Option<Annotated>)> = Vec::with_capacity(tags.len());
        for tag in tags {
            if tag.peeled.is_none() {
                found.push((tag, None));
                continue;
            }
            if let Some((Kind::Tag, object)) = objects.get(known, next) {
                found.push((tag, Some(Annotated::read(object, reading))));
            }
            next += 1;
        }
        // Only commits that are known to be some, or are asked for as such: a file could be of any size.
        let wanted: Vec<String> = found
            .iter()
            .filter_map(|(tag, annotated)| match (&tag.peeled, annotated) {
                (Some(peeled), Some(says)) if says.is_on_commit => {
                    says.lacks(reading.depth).then(|| peeled.clone())
                }
                _ => Some(tag.as_commit()),
            })
            .collect();
        let commits = self.objects_beside(known, wanted).await?;
        let mut next = 0;
        let mut read = Vec::with_capacity(found.len());
        for (tag, annotated) in found {
            let is_known = annotated.as_ref().is_some_and(|says| says.is_on_commit);
            let is_asked = annotated
                .as_ref()
                .is_none_or(|says| !says.is_on_commit || says.lacks(reading.depth));
            let mut committed = None;
            if is_asked {
                if let Some((Kind::Commit, object)) = commits.get(known, next) {
                    committed = Some(read_commit(object));
                }
                next += 1;
            }
            if !is_known && committed.is_none() {
                continue;
            }
            read.push(Tag {
                commit: Commit::new(tag.end()),
                name: tag.name,
                object: tag.object,
                annotation: annotated.map(|annotated| annotated.says),
                committed,
            });
        }
        Ok((read, vec![objects, commits]))
    }
}

/// How tags are read.
#[derive(Debug, Clone, Copy)]
struct Reading {
    depth: Depth,
    /// Messages are not wanted.
    is_list: bool,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            depth: Depth::Whole,
            is_list: false,
        }
    }
}

/// An annotated tag, taken apart.
struct Annotated {
    says: Annotation,
    /// Whether it is on a commit itself, and not on another tag.
    is_on_commit: bool,
}

impl Annotated {
    fn read(object: &[u8], reading: Reading) -> Self {
        let parts = Parts::of(object);
        let (by, at) = match parts.hand("tagger") {
            Some((by, at)) => (Some(by), at),
            None => (None, None),
        };
        let text = parts.decoded(parts.text);
        let signature = signature_at(&text);
        let message = &text[..signature.unwrap_or(text.len())];
        Self {
            is_on_commit: parts.header("type") == Some(b"commit"),
            says: Annotation {
                made_as: parts.word("tag").unwrap_or_default(),
                by,
                at,
                note: if reading.is_list {
                    read_row(message)
                } else {
                    read_body(message)
                },
                subject: subject(message),
                message: if reading.is_list {
                    String::new()
                } else {
                    message.to_owned()
                },
                is_signed: signature.is_some() || parts.header("gpgsig").is_some(),
            },
        }
    }

    /// Whether the commit has to tell what the tag does not.
    fn lacks(&self, depth: Depth) -> bool {
        let says = &self.says;
        let is_silent = says.by.is_none() || says.note.is_some() || says.subject.is_empty();
        let Some(at) = says.at else {
            return true;
        };
        match depth {
            Depth::Whole => is_silent,
            Depth::Rows(now) => {
                let is_by_nobody = || {
                    let note = says.note.as_ref();
                    says.by.is_none() && note.is_none_or(|note| note.operator.is_empty())
                };
                is_silent && (at > now || is_by_nobody())
            }
        }
    }
}

/// Where the signature begins in the text of a tag.
fn signature_at(text: &str) -> Option<usize> {
    memchr::memmem::find(text.as_bytes(), b"-----BEGIN ")?;
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

/// The subject of a commit alone.
fn subject_of(object: &[u8]) -> String {
    let parts = Parts::of(object);
    subject(&parts.decoded(parts.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_no_part_of_the_message() {
        let text = "notes\n-----BEGIN PGP SIGNATURE-----\nxx\n-----END PGP SIGNATURE-----\n";
        assert_eq!(signature_at(text), Some(6));
        assert_eq!(signature_at("-----BEGIN OF THE END-----\n"), None);
        let object = format!("object aa\ntype commit\ntag R-1\ntagger A <a@x> 1 +0000\n\n{text}");
        let tag = Annotated::read(object.as_bytes(), Reading::default());
        assert!(tag.says.is_signed && tag.is_on_commit && !tag.lacks(Depth::Whole));
        assert_eq!(
            (tag.says.message.as_str(), tag.says.made_as.as_str()),
            ("notes\n", "R-1")
        );
    }
}
