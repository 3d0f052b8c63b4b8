//! Many objects of the repository at once, through one `git cat-file --batch`, and those that are known already.
//!
//! Objects are asked for by hash only. Whoever asks makes sure that no hash is a file's: files may be of any size. What is
//! missing is no error. Headers and texts are taken apart here; what they mean is not known here.

use std::borrow::{Borrow, Cow};
use std::ops::Range;
use std::process::{Output, Stdio};

use tokio::process::Child;

use super::known::Known;
use super::{Git, GitError, LOCAL_LIMIT};
use crate::domain::run::Moment;
use crate::domain::text;

const ARGUMENTS: [&str; 3] = ["cat-file", "--batch", "--buffer"];
/// From so many on, how their bytes come is worth some thought.
const MANY: usize = 100;
/// As many bytes as tags and commits have.
const USUAL: usize = 600;

/// Objects in the order in which they were asked for.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) bytes: Vec<u8>,
    pub(super) spans: Vec<Span>,
}

/// What an object is, and where it stands among the bytes; `None` = there is none.
pub(super) type Span = Option<(Kind, Range<usize>)>;

/// Objects in the order in which they were wanted, some of them known before.
#[derive(Debug)]
pub(super) struct Found {
    wanted: Vec<String>,
    /// Which of those that were asked for; `None` = it was known.
    places: Vec<Option<usize>>,
    asked: Objects,
}

/// A git that was started and waits to be asked for objects; it ends when it is dropped.
pub(super) struct Reader(Child);

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
    /// The header says that the text is in the encoding that git once used, and not in UTF-8.
    is_latin: bool,
    /// The text after the header.
    pub(super) text: &'a [u8],
}

impl Git {
    /// Starts a git that reads objects, before it is known which ones are wanted.
    pub(super) fn reader(&self) -> Result<Reader, GitError> {
        Ok(Reader(self.start_with(&ARGUMENTS, Stdio::piped())?))
    }

    /// Reads these objects; each is a hash, which may be followed by `^{commit}`.
    pub(super) async fn objects<S: Borrow<str>>(
        &self,
        reader: Reader,
        wanted: &[S],
    ) -> Result<Objects, GitError> {
        let input = (wanted.join("\n") + "\n").into_bytes();
        let output = self.tell(reader.0, &ARGUMENTS, input, LOCAL_LIMIT).await?;
        self.understood(output, wanted.len())
    }

    /// The same for thousands.
    async fn many_objects(&self, wanted: &[&str]) -> Result<Objects, GitError> {
        let input = (wanted.join("\n") + "\n").into_bytes();
        let guess = wanted.len() * USUAL;
        let output = self.run_bulk(&ARGUMENTS, input, guess).await?;
        self.understood(output, wanted.len())
    }

    fn understood(&self, output: Output, wanted: usize) -> Result<Objects, GitError> {
        if !output.status.success() {
            return Err(self.failure(&ARGUMENTS, &output));
        }
        let spans =
            read(&output.stdout, wanted).ok_or_else(|| GitError::Answer(ARGUMENTS.join(" ")))?;
        Ok(Objects {
            bytes: output.stdout,
            spans,
        })
    }

    /// The same; only those that are not known are asked for.
    pub(super) async fn objects_beside(
        &self,
        known: &Known,
        wanted: Vec<String>,
    ) -> Result<Found, GitError> {
        let mut open = Vec::new();
        let mut places = Vec::with_capacity(wanted.len());
        for name in &wanted {
            let is_known = known.get(name).is_some();
            places.push((!is_known).then_some(open.len()));
            if !is_known {
                open.push(name.as_str());
            }
        }
        let asked = match open.len() {
            0 => Objects::default(),
            MANY.. => self.many_objects(&open).await?,
            _ => self.objects(self.reader()?, &open).await?,
        };
        Ok(Found {
            wanted,
            places,
            asked,
        })
    }
}

impl Found {
    /// The object that was wanted as the `index`th; `None` = there is none.
    pub(super) fn get<'a>(&'a self, known: &'a Known, index: usize) -> Option<(Kind, &'a [u8])> {
        match self.places.get(index)? {
            None => known.get(&self.wanted[index]),
            Some(place) => self.asked.get(*place),
        }
    }

    /// All objects with the names they were wanted by, and whether each was known before.
    pub(super) fn all<'a>(
        &'a self,
        known: &'a Known,
    ) -> impl Iterator<Item = (&'a str, Option<(Kind, &'a [u8])>, bool)> {
        let names = self.wanted.iter().enumerate();
        names.map(|(index, name)| {
            let is_known = self.places[index].is_none();
            (name.as_str(), self.get(known, index), is_known)
        })
    }
}

impl Objects {
    /// The name that git gave to what was asked for as the `place`th: its hash, also where a question led to it.
    pub(super) fn name(&self, place: usize) -> Option<&str> {
        let (_, span) = self.spans.get(place)?.as_ref()?;
        let before = &self.bytes[..span.start.checked_sub(1)?];
        let line = before.rsplit(|byte| *byte == b'\n').next()?;
        std::str::from_utf8(line).ok()?.split(' ').next()
    }

    pub(super) fn get(&self, place: usize) -> Option<(Kind, &[u8])> {
        let (kind, span) = self.spans.get(place)?.as_ref()?;
        Some((*kind, &self.bytes[span.clone()]))
    }
}

impl Kind {
    /// How git calls what is kept; `None` for anything else.
    pub(super) fn word(self) -> Option<&'static str> {
        match self {
            Self::Commit => Some("commit"),
            Self::Tag => Some("tag"),
            Self::Other => None,
        }
    }
}

/// Finds the objects in what `cat-file --batch` printed; `None` = not understood.
fn read(bytes: &[u8], wanted: usize) -> Option<Vec<Span>> {
    let mut at = 0;
    let mut spans = Vec::with_capacity(wanted);
    for _ in 0..wanted {
        let (_, span, next) = header(bytes, at)?;
        spans.push(span);
        at = next;
    }
    Some(spans)
}

/// Reads the line before an object, at `at`: the name, where the object is, and where the next line begins.
pub(super) fn header(bytes: &[u8], at: usize) -> Option<(&str, Span, usize)> {
    let line_end = at + memchr::memchr(b'\n', bytes.get(at..)?)?;
    let line = std::str::from_utf8(&bytes[at..line_end]).ok()?;
    let begin = line_end + 1;
    let mut words = line.split(' ');
    let (name, kind, size) = (words.next()?, words.next()?, words.next());
    // `HASH missing` and `HASH ambiguous` have no size and no object.
    let Some(size) = size else {
        return Some((name, None, begin));
    };
    let size: usize = size.parse().ok()?;
    let kind = match kind {
        "commit" => Kind::Commit,
        "tag" => Kind::Tag,
        _ => Kind::Other,
    };
    let end = begin.checked_add(size).filter(|end| *end < bytes.len())?;
    Some((name, Some((kind, begin..end)), end + 1))
}

impl<'a> Parts<'a> {
    /// Takes an object apart at its first empty line.
    pub(super) fn of(object: &'a [u8]) -> Self {
        let (head, text) = match memchr::memmem::find(object, b"\n\n") {
            Some(at) => (&object[..at], &object[at + 2..]),
            None => (object, &b""[..]),
        };
        let mut parts = Self {
            head,
            is_latin: false,
            text,
        };
        let names = [&b"ISO-8859-1"[..], b"latin1", b"ISO8859-1"];
        let encoding = parts.header("encoding");
        parts.is_latin = encoding
            .is_some_and(|encoding| names.iter().any(|name| name.eq_ignore_ascii_case(encoding)));
        parts
    }

    /// The value of a header.
    pub(super) fn header(&self, key: &str) -> Option<&'a [u8]> {
        let head = self.head;
        let ends = memchr::memchr_iter(b'\n', head).chain([head.len()]);
        let mut begin = 0;
        for end in ends {
            let line = &head[begin..end];
            begin = end + 1;
            let value = line.strip_prefix(key.as_bytes());
            if let Some(value) = value.and_then(|rest| rest.strip_prefix(b" ")) {
                return Some(value);
            }
        }
        None
    }

    /// A header as text.
    pub(super) fn word(&self, key: &str) -> Option<String> {
        Some(self.decoded(self.header(key)?).into_owned())
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
    pub(super) fn decoded<'b>(&self, bytes: &'b [u8]) -> Cow<'b, str> {
        if self.is_latin {
            bytes.iter().map(|byte| char::from(*byte)).collect()
        } else {
            text_of(bytes)
        }
    }
}

/// Bytes as text. Thousands of them are mostly right, and looking at them as a whole is quicker than letter by letter.
pub(super) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(text::of_bytes(bytes)),
    }
}

/// The first paragraph of a text as one line, as git tells subjects.
pub(super) fn subject(said: &str) -> String {
    let lines = said.lines().map(str::trim_end);
    let paragraph: Vec<&str> = lines
        .skip_while(|line| line.is_empty())
        .take_while(|line| !line.is_empty())
        .collect();
    text::subject(&paragraph.join(" "))
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
        let spans = read(bytes, 3).unwrap();
        assert_eq!(spans[0], Some((Kind::Tag, 9..12)));
        assert_eq!(spans[1], None);
        assert_eq!(spans[2], Some((Kind::Commit, 36..36)));
        assert!(read(b"aa tag 30\nx", 1).is_none());
        assert!(read(b"", 1).is_none());
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
        // Bytes that are no text stay apart from each other.
        assert_eq!(parts.decoded(b"caf\xe9 \xe8"), "caf\\xe9 \\xe8");
        let latin = Parts::of(b"encoding ISO-8859-1\n\ncaf\xe9");
        assert_eq!(latin.decoded(latin.text), "caf\u{e9}");
    }

    #[test]
    fn a_subject_is_the_first_paragraph() {
        assert_eq!(subject("\n\none\ntwo\n\nthree\n"), "one two");
        assert_eq!(subject(""), "");
    }
}
