//! All tags here, and all tags of a remote, as objects: what has to be the same in both.

use std::collections::BTreeMap;

use super::tags::Live;
use super::{Git, GitError, LOCAL_LIMIT, REMOTE_LIMIT, is_hash};
use crate::domain::id::Commit;
use crate::domain::release::check_ref_name;
use crate::domain::text;

/// Tags by name: the object each points to, and what that is on in the end.
pub type Tags = BTreeMap<String, Live>;

impl Git {
    /// All tags of this repository.
    pub async fn tags_here(&self) -> Result<Tags, GitError> {
        let format = "--format=%(objectname) %(*objectname) %(refname:strip=2)";
        let arguments = ["for-each-ref", format, "refs/tags"];
        let output = self.run(&arguments, LOCAL_LIMIT).await?;
        if !output.status.success() {
            return Err(self.failure(&arguments, &output));
        }
        let text = text::of_bytes(&output.stdout);
        let tags = text.lines().filter_map(|line| {
            let mut words = line.splitn(3, ' ');
            let (object, peeled, name) = (words.next()?, words.next()?, words.next()?);
            let commit = if peeled.is_empty() { object } else { peeled };
            Some((name.to_owned(), live(object, commit)?))
        });
        Ok(tags.collect())
    }

    /// All tags of a remote; asks it over the network.
    pub async fn tags_on(&self, remote: &str) -> Result<Tags, GitError> {
        check_ref_name(remote)?;
        let arguments = ["ls-remote", "--tags", "--", remote];
        let output = self.run(&arguments, REMOTE_LIMIT).await?;
        if !output.status.success() {
            return Err(self.failure(&arguments, &output));
        }
        Ok(read_listing(&text::of_bytes(&output.stdout)))
    }
}

fn live(object: &str, commit: &str) -> Option<Live> {
    (is_hash(object) && is_hash(commit)).then(|| Live {
        object: object.to_owned(),
        commit: Commit::new(commit),
    })
}

/// Reads `git ls-remote --tags`: after an annotated tag comes what it is on, as `NAME^{}`.
fn read_listing(text: &str) -> Tags {
    let mut tags = Tags::new();
    for (hash, name) in text.lines().filter_map(|line| line.split_once('\t')) {
        let Some(name) = name.strip_prefix("refs/tags/") else {
            continue;
        };
        match name.strip_suffix("^{}") {
            Some(name) => {
                if let Some(tag) = tags.get_mut(name).filter(|_| is_hash(hash)) {
                    tag.commit = Commit::new(hash);
                }
            }
            None => tags.extend(live(hash, hash).map(|tag| (name.to_owned(), tag))),
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remotes_tags_are_read_with_what_annotated_ones_are_on() {
        let (a, b, c) = ("a".repeat(40), "b".repeat(40), "c".repeat(40));
        let text = format!(
            "{a}\trefs/tags/LIVE\n{b}\trefs/tags/R-1\n{c}\trefs/tags/R-1^{{}}\n\
             {c}\trefs/heads/main\nnonsense\nshort\trefs/tags/x\n"
        );
        let tags = read_listing(&text);
        assert_eq!(tags.len(), 2);
        assert_eq!(tags["LIVE"].commit.as_str(), a);
        assert_eq!(
            (&tags["R-1"].object, tags["R-1"].commit.as_str()),
            (&b, &*c)
        );
    }
}
