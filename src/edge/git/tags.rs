//! Tags: where LIVE is, here and on the remote, which release it is, and which name the next release gets.

use super::{Git, GitError, REMOTE_LIMIT, is_hash};
use crate::domain::id::Commit;
use crate::domain::release::{ReleaseRules, TagPattern, check_ref_name, free_name, planned_name};
use crate::domain::run::Moment;

/// A tag that is moved, as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// The object it points to: the commit, or an annotated tag.
    pub object: String,
    /// The commit in the end.
    pub commit: Commit,
}

/// A tag in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagLine {
    /// Its name.
    pub name: String,
    /// The commit it is on.
    pub commit: Commit,
    /// When it was tagged (an annotated tag) or committed.
    pub at: Moment,
    /// Who tagged it, or committed.
    pub by: String,
    /// The first line of its message, or of the commit's.
    pub subject: String,
}

const FORMAT: &str = "--format=%(refname:strip=2)%00%(objecttype)%00%(objectname)%00%(*objectname)%00\
    %(creatordate:iso-strict)%00%(taggername)%(committername)%00%(contents:subject)%00";

impl Git {
    /// Where the tag `name` is; `None` when there is no such tag.
    pub async fn live(&self, name: &str) -> Result<Option<Live>, GitError> {
        check_ref_name(name)?;
        let object = self.commit_of(&format!("refs/tags/{name}")).await?;
        let commit = self
            .commit_of(&format!("refs/tags/{name}^{{commit}}"))
            .await?;
        Ok(object.zip(commit).map(|(object, commit)| Live {
            object: object.to_string(),
            commit,
        }))
    }

    /// Where the tag `name` is on a remote; asks it over the network. `None` when it has no such tag.
    pub async fn live_on(&self, remote: &str, name: &str) -> Result<Option<Live>, GitError> {
        check_ref_name(remote)?;
        check_ref_name(name)?;
        let own = format!("refs/tags/{name}");
        let peeled = format!("{own}^{{}}");
        let arguments = ["ls-remote", "--", remote, own.as_str(), peeled.as_str()];
        let output = self.run(&arguments, REMOTE_LIMIT).await?;
        if !output.status.success() {
            return Err(self.failure(&arguments, &output));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let at = |wanted: &str| {
            text.lines()
                .filter_map(|line| line.split_once('\t'))
                .find(|(hash, name)| *name == wanted && is_hash(hash))
                .map(|(hash, _)| hash.to_owned())
        };
        Ok(at(&own).map(|object| Live {
            commit: Commit::new(at(&peeled).unwrap_or_else(|| object.clone())),
            object,
        }))
    }

    /// The newest release tag on a commit.
    pub async fn release_tag_at(
        &self,
        commit: &Commit,
        pattern: &TagPattern,
    ) -> Result<Option<TagLine>, GitError> {
        let points_at = format!("--points-at={commit}");
        let arguments = [
            "for-each-ref",
            "--sort=-creatordate",
            &points_at,
            FORMAT,
            "refs/tags",
        ];
        let lines = self.tag_lines(&arguments, pattern).await?;
        // As past releases are ordered: by the time that the name says, else by the tag's own.
        let key = |line: &TagLine| {
            let named = pattern.order(&line.name);
            named.unwrap_or_else(|| (line.at.naive_utc(), 1))
        };
        Ok(lines.into_iter().reduce(|newest, line| {
            let is_newer = key(&line) > key(&newest);
            if is_newer { line } else { newest }
        }))
    }

    /// One tag, whatever it is for; `None` when there is no such tag.
    pub async fn tag_line(&self, name: &str) -> Result<Option<TagLine>, GitError> {
        check_ref_name(name)?;
        let full = format!("refs/tags/{name}");
        let arguments = ["for-each-ref", FORMAT, &full];
        let text = self.text(&arguments).await?;
        let lines = read_tags(&text).ok_or_else(|| GitError::Answer(arguments.join(" ")))?;
        // A name is also asked for as a folder of names.
        Ok(lines.into_iter().find(|line| line.name == name))
    }

    /// The name the next release gets when it is made then; `None` when releases are not tagged.
    pub async fn next_tag(
        &self,
        rules: &ReleaseRules,
        at: Moment,
    ) -> Result<Option<String>, GitError> {
        let Some(pattern) = &rules.tag else {
            return Ok(None);
        };
        let planned = planned_name(pattern, at)?;
        let names = self
            .text(&["for-each-ref", "--format=%(refname:strip=2)", "refs/tags"])
            .await?;
        Ok(Some(free_name(&planned, names.lines())?))
    }

    async fn tag_lines(
        &self,
        arguments: &[&str],
        pattern: &TagPattern,
    ) -> Result<Vec<TagLine>, GitError> {
        let text = self.text(arguments).await?;
        let lines = read_tags(&text).ok_or_else(|| GitError::Answer(arguments.join(" ")))?;
        Ok(lines
            .into_iter()
            .filter(|line| pattern.matches(&line.name))
            .collect())
    }
}

/// Reads lines of [`FORMAT`]. Tags on something else than commits, or without a date, are left out.
fn read_tags(text: &str) -> Option<Vec<TagLine>> {
    let fields: Vec<&str> = text.split('\0').collect();
    let (records, rest) = fields.as_chunks::<7>();
    if rest != ["\n"] && rest != [""] {
        return None;
    }
    let line = |[name, kind, object, peeled, at, by, subject]: &[&str; 7]| {
        let commit = match *kind {
            "commit" => object,
            "tag" => peeled,
            _ => return None,
        };
        Some(TagLine {
            name: name.trim_start_matches('\n').to_owned(),
            commit: Commit::new(*commit),
            at: Moment::parse_from_rfc3339(at).ok()?,
            by: (*by).to_owned(),
            subject: (*subject).to_owned(),
        })
    };
    Some(records.iter().filter_map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_of_tags_is_read_and_odd_ones_are_left_out() {
        let text = "R-1\0tag\0ttt\0ccc\x002026-11-20T20:12:00+01:00\0Ada\0made by golive\0\n\
            tree\0tree\0eee\0\0\0\0\0\n\
            v1\0commit\0ddd\0\x002026-11-20T20:12:00+01:00\0Bob\0a commit\0\n";
        let tags = read_tags(text).unwrap();
        assert_eq!(tags.len(), 2);
        assert_eq!(tags[0].commit.as_str(), "ccc");
        assert_eq!((tags[1].name.as_str(), tags[1].by.as_str()), ("v1", "Bob"));
        assert!(read_tags("").unwrap().is_empty());
        assert!(read_tags("half a line\0").is_none());
    }
}
