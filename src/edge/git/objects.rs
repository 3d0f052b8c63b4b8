//! Many objects of the repository at once, through one `git cat-file --batch`.
//!
//! Objects are asked for by hash only. Whoever asks makes sure that no hash is a file's: files may be of any size. What is
//! missing is no error. Headers and texts are taken apart here; what they mean is not known here.

use std::ops::Range;

use super::{Git, GitError, LOCAL_LIMIT};
use crate::domain::run::Moment;

/// Objects in the order in which they were asked for.
pub(super) struct Objects {
    bytes: Vec<u8>,
    spans: Vec<Option<(Kind, Range<usize>)>>,
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A commit.
    Commit,
    /// An annotated tag.
    Tag,
    /// Files or folders.
    Other,
}

/// The header of a commit or a tag, and its text.
pub(super) struct Parts<'a> {
    head: &'a [u8],
    /// The text after the header.
    pub(super) text: &'a [u8],
}

impl Git {
    /// Reads these objects; each is a hash, which may be followed by `^{commit}`.
    pub(super) async fn objects(&self, wanted: &[String]) -> Result<Objects, GitError> {
        let arguments = ["cat-file", "--batch", "--buffer"];
        if wanted.is_empty() {
            return Ok(Objects {
                bytes: Vec::new(),
                spans: Vec::new(),
            });
        }
        let input = (wanted.join("\n") + "\n").into_bytes();
        let output = self.run_with(&arguments, input, LOCAL_LIMIT).await?;
        if !output.status.success() {
            return Err(self.failure(&arguments, &output));
        }
        let spans =
            read(&output.stdout, wanted).ok_or_else(|| GitError::Answer(arguments.join(" ")))?;
        Ok(Objects {
            bytes: output.stdout,
            spans,
        })
    }
}

impl Objects {
    /// The object that was asked for as the `index`th; `None` = there is none.
    pub(super) fn get(&self, index: usize) -> Option<(Kind, &[u8])> {
        let (kind, span) = self.spans.get(index)?.as_ref()?;
        Some((*kind, &self.bytes[span.clone()]))
    }
}

/// Finds the objects in what `cat-file --batch` printed; `None` = not understood.
fn read(bytes: &[u8], wanted: &[String]) -> Option<Vec<Option<(Kind, Range<usize>)>>> {
    let mut at = 0;
    let mut spans = Vec::with_capacity(wanted.len());
    for _ in wanted {
        let line_end = at + memchr::memchr(b'\n', bytes.get(at..)?)?;
        let line = std::str::from_utf8(&bytes[at..line_end]).ok()?;
        at = line_end + 1;
        let mut words = line.split(' ').skip(1);
        let (kind, size) = (words.next()?, words.next());
        // `HASH missing` and `HASH ambiguous` have no size and no object.
        let Some(size) = size else {
            spans.push(None);
            continue;
        };
        let size: usize = size.parse().ok()?;
        let kind = match kind {
            "commit" => Kind::Commit,
            "tag" => Kind::Tag,
            _ => Kind::Other,
        };
        if bytes.len() < at + size {
            return None;
        }
        spans.push(Some((kind, at..at + size)));
        at += size + 1;
    }
    Some(spans)
}

impl<'a> Parts<'a> {
    /// Takes an object apart at its first empty line.
    pub(super) fn of(object: &'a [u8]) -> Self {
        match memchr::memmem::find(object, b"\n\n") {
            Some(at) => Self {
                head: &object[..at],
                text: &object[at + 2..],
            },
            None => Self {
                head: object,
                text: b"",
            },
        }
    }

    /// The value of a header.
    pub(super) fn header(&self, key: &str) -> Option<&'a [u8]> {
        self.head.split(|byte| *byte == b'\n').find_map(|line| {
            line.strip_prefix(key.as_bytes())
                .and_then(|rest| rest.strip_prefix(b" "))
        })
    }

    /// A header as text.
    pub(super) fn word(&self, key: &str) -> Option<String> {
        Some(self.decoded(self.header(key)?))
    }

    /// Whose hand a header shows and when: `Name <mail> seconds offset`.
    pub(super) fn hand(&self, key: &str) -> Option<(String, Option<Moment>)> {
        let line = self.decoded(self.header(key)?);
        let (who, when) = line.rsplit_once('>').unwrap_or((&line, ""));
        let name = who.split_once('<').map_or(who, |(name, _)| name).trim();
        let mut words = when.split_whitespace();
        let at = words
            .next()
            .and_then(|seconds| moment(seconds, words.next().unwrap_or("+0000")));
        Some((name.to_owned(), at))
    }

    /// Bytes as text, in the encoding that the header names.
    pub(super) fn decoded(&self, bytes: &[u8]) -> String {
        let encoding = self.header("encoding").unwrap_or_default();
        let is_latin = [&b"ISO-8859-1"[..], b"latin1", b"ISO8859-1", b"iso8859-1"]
            .iter()
            .any(|name| name.eq_ignore_ascii_case(encoding));
        if is_latin {
            bytes.iter().map(|byte| char::from(*byte)).collect()
        } else {
            String::from_utf8_lossy(bytes).into_owned()
        }
    }
}

/// The first paragraph of a text as one line, as git tells subjects.
pub(super) fn subject(text: &str) -> String {
    let lines = text.lines().map(str::trim_end);
    let paragraph: Vec<&str> = lines
        .skip_while(|line| line.is_empty())
        .take_while(|line| !line.is_empty())
        .collect();
    paragraph.join(" ")
}

/// A moment of git's: seconds since 1970, and an offset such as `+0100`. An offset that cannot be is taken as none.
fn moment(seconds: &str, offset: &str) -> Option<Moment> {
    let seconds: i64 = seconds.parse().ok()?;
    let east = offset
        .parse::<i32>()
        .ok()
        .map(|number| (number / 100 * 60 + number % 100) * 60)
        .and_then(chrono::FixedOffset::east_opt)
        .or_else(|| chrono::FixedOffset::east_opt(0))?;
    let moment = chrono::DateTime::from_timestamp(seconds, 0)?;
    // Years of five digits cannot be written as RFC 3339.
    (chrono::Datelike::year(&moment) < 9999 && seconds >= 0).then(|| moment.with_timezone(&east))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_read_with_what_is_missing_in_it() {
        let bytes = b"aa tag 3\nx\ny\nbb missing\ncc commit 0\n\n";
        let wanted = ["aa", "bb", "cc"].map(str::to_owned);
        let spans = read(bytes, &wanted).unwrap();
        assert_eq!(spans[0], Some((Kind::Tag, 9..12)));
        assert_eq!(spans[1], None);
        assert_eq!(spans[2], Some((Kind::Commit, 36..36)));
        assert!(read(b"aa tag 30\nx", &wanted[..1]).is_none());
        assert!(read(b"", &wanted[..1]).is_none());
    }

    #[test]
    fn headers_are_read_also_when_they_are_strange() {
        let parts = Parts::of(b"object aa\ntagger A <b> C <a@x> 1700000000 +0130\n\none\n\ntwo\n");
        let (name, at) = parts.hand("tagger").unwrap();
        assert_eq!(name, "A");
        assert_eq!(at.unwrap().to_rfc3339(), "2023-11-14T23:43:20+01:30");
        assert_eq!(parts.text, b"one\n\ntwo\n");
        assert!(parts.hand("committer").is_none());
        for hand in [
            "",
            "A",
            "A <a@x>",
            "A <a@x> x +0000",
            "A <a@x> 99999999999999 +0",
        ] {
            let object = format!("tagger {hand}\n\n");
            let parts = Parts::of(object.as_bytes());
            assert!(parts.hand("tagger").unwrap().1.is_none(), "{hand}");
        }
        assert!(moment("1700000000", "+999999").is_some());
        let latin = Parts::of(b"encoding ISO-8859-1\n\ncaf\xe9");
        assert_eq!(latin.decoded(latin.text), "caf\u{e9}");
    }

    #[test]
    fn a_subject_is_the_first_paragraph() {
        assert_eq!(subject("\n\none\ntwo\n\nthree\n"), "one two");
        assert_eq!(subject(""), "");
    }
}
