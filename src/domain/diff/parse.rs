//! Reads what git prints of a difference (`diff-tree -p`) into plain data.
//!
//! Owns git's words: headers of files, quoted names, hunks by their counts. Any bytes are read without failing: what is
//! not understood is left out. Lines are counted as the hunk's header says, so that a text that looks like a header is a
//! line. A diff that was cut ends with its last whole line.

use super::{Diff, DiffLine, Fate, FileDiff, Hunk, Side};
use crate::domain::text::of_bytes as text;

/// Reads a diff; `cut` = the bytes are only its beginning.
pub fn parse(bytes: &[u8], cut: bool) -> Diff {
    let whole = match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(end) if cut => &bytes[..=end],
        _ => bytes,
    };
    let mut reader = Reader::default();
    for line in lines(whole) {
        reader.line(line);
    }
    Diff {
        files: reader.finish(),
        cut,
    }
}

/// The lines of a text without their ends.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let some = !bytes.is_empty();
    body.split(|byte| *byte == b'\n').filter(move |_| some)
}

/// Files as far as they were read.
#[derive(Default)]
struct Reader {
    files: Vec<FileDiff>,
    /// The file that is read.
    file: Option<FileDiff>,
    /// Its mode before and after, as far as its header says.
    modes: (Option<String>, Option<String>),
    /// Lines of the hunk that are still to come: of the old version, of the new one.
    ahead: (usize, usize),
}

impl Reader {
    fn line(&mut self, line: &[u8]) {
        if self.ahead != (0, 0) && self.hunk_line(line) {
            return;
        }
        self.ahead = (0, 0);
        if line.starts_with(b"\\ ") {
            self.unended();
        } else if let Some(names) = line.strip_prefix(b"diff --git ") {
            self.begin(names);
        } else if line.starts_with(b"@@ ") {
            self.hunk(&text(line));
        } else {
            self.header(line);
        }
    }

    /// A line of the hunk that is read; `false` = it cannot be one.
    fn hunk_line(&mut self, line: &[u8]) -> bool {
        let (side, rest) = match line.split_first() {
            // Some tools, and a setting of git, leave out the space before an empty line.
            None => (Side::Both, line),
            Some((b' ', rest)) => (Side::Both, rest),
            Some((b'-', rest)) => (Side::Old, rest),
            Some((b'+', rest)) => (Side::New, rest),
            Some((b'\\', _)) => {
                self.unended();
                return true;
            }
            Some(_) => return false,
        };
        let (old, new) = self.ahead;
        let (old, new) = match side {
            Side::Both => (old.checked_sub(1), new.checked_sub(1)),
            Side::Old => (old.checked_sub(1), Some(new)),
            Side::New => (Some(old), new.checked_sub(1)),
        };
        let (Some(old), Some(new)) = (old, new) else {
            return false;
        };
        let Some(hunk) = self.file.as_mut().and_then(|file| file.hunks.last_mut()) else {
            return false;
        };
        self.ahead = (old, new);
        hunk.lines.push(DiffLine {
            side,
            text: text(rest),
            unended: false,
        });
        true
    }

    /// The line before is the last of its file, and has no end.
    fn unended(&mut self) {
        let hunk = self.file.as_mut().and_then(|file| file.hunks.last_mut());
        if let Some(line) = hunk.and_then(|hunk| hunk.lines.last_mut()) {
            line.unended = true;
        }
    }

    fn begin(&mut self, names: &[u8]) {
        self.close();
        let (old, new) = two_names(names);
        self.file = Some(FileDiff {
            was: (old != new).then_some(old),
            path: new,
            fate: Fate::Modified,
            binary: false,
            modes: None,
            made: None,
            hunks: Vec::new(),
        });
    }

    fn close(&mut self) {
        let (before, after) = std::mem::take(&mut self.modes);
        let Some(mut file) = self.file.take() else {
            return;
        };
        file.modes = before.zip(after);
        if !matches!(file.fate, Fate::Renamed | Fate::Copied) {
            file.was = None;
        }
        self.files.push(file);
    }

    fn finish(mut self) -> Vec<FileDiff> {
        self.close();
        self.files
    }

    /// A line between `diff --git` and the first hunk.
    fn header(&mut self, line: &[u8]) {
        let Some(file) = self.file.as_mut() else {
            return;
        };
        let after = |word: &str| line.strip_prefix(word.as_bytes());
        if let Some(mode) = after("old mode ") {
            self.modes.0 = Some(text(mode));
        } else if let Some(mode) = after("new mode ") {
            self.modes.1 = Some(text(mode));
        } else if let Some(mode) = after("new file mode ") {
            file.fate = Fate::Added;
            file.made = Some(text(mode));
        } else if let Some(mode) = after("deleted file mode ") {
            file.fate = Fate::Deleted;
            file.made = Some(text(mode));
        } else if let Some(name) = after("rename from ").or_else(|| after("copy from ")) {
            file.was = Some(name_of(name));
        } else if let Some(name) = after("rename to ") {
            (file.fate, file.path) = (Fate::Renamed, name_of(name));
        } else if let Some(name) = after("copy to ") {
            (file.fate, file.path) = (Fate::Copied, name_of(name));
        } else if line.starts_with(b"Binary files ") || line == b"GIT binary patch" {
            file.binary = true;
        } else if let Some(name) = after("--- ").or_else(|| after("+++ ")) {
            // These are sure where the first line is not: names with spaces end with a tab here.
            if let Some(path) = side_name(name) {
                let is_new = line.starts_with(b"+++");
                if is_new || file.fate == Fate::Deleted {
                    file.path = path;
                }
            }
        }
    }

    fn hunk(&mut self, line: &str) {
        let Some(file) = self.file.as_mut() else {
            return;
        };
        let Some((old, new, heading)) = hunk_header(line) else {
            return;
        };
        self.ahead = (old.1, new.1);
        file.hunks.push(Hunk {
            old_start: old.0,
            new_start: new.0,
            heading: heading.to_owned(),
            lines: Vec::new(),
        });
    }
}

/// First line and number of lines of one version.
type Stretch = (usize, usize);

/// Reads `@@ -1,2 +3,4 @@ heading`.
fn hunk_header(line: &str) -> Option<(Stretch, Stretch, &str)> {
    let rest = line.strip_prefix("@@ -")?;
    let (old, rest) = rest.split_once(" +")?;
    let (new, heading) = rest.split_once(" @@")?;
    let stretch = |text: &str| -> Option<Stretch> {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    let heading = heading.strip_prefix(' ').unwrap_or(heading);
    Some((stretch(old)?, stretch(new)?, heading))
}

/// The two names of `a/old b/new`. Not sure only where they differ, and then other lines tell them.
fn two_names(bytes: &[u8]) -> (String, String) {
    if bytes.first() == Some(&b'"') {
        let (old, length) = unquote(bytes);
        let new = bytes.get(length + 1..).unwrap_or_default();
        return (without_side(&old), name_after_side(new));
    }
    // Without quotes both names have the same length when they are the same.
    let middle = bytes.len() / 2;
    let halves = (bytes.get(..middle), bytes.get(middle + 1..));
    if let (Some(old), Some(new)) = halves
        && bytes.get(middle) == Some(&b' ')
        && old.get(2..) == new.get(2..)
    {
        return (name_after_side(old), name_after_side(new));
    }
    let quoted = bytes.windows(2).position(|pair| pair == b" \"");
    let plain = bytes.windows(3).position(|three| three == b" b/");
    match quoted.or(plain) {
        Some(at) => (
            name_after_side(&bytes[..at]),
            name_after_side(&bytes[at + 1..]),
        ),
        None => (name_after_side(bytes), name_after_side(bytes)),
    }
}

/// The name in `--- a/name` or `+++ b/name`; `None` for `/dev/null`.
fn side_name(bytes: &[u8]) -> Option<String> {
    // Git ends a name with a tab when it holds a space.
    let bytes = bytes.strip_suffix(b"\t").unwrap_or(bytes);
    (bytes != b"/dev/null").then(|| name_after_side(bytes))
}

fn name_after_side(bytes: &[u8]) -> String {
    without_side(&name_bytes(bytes))
}

/// A name as git prints it, quoted or not.
fn name_of(bytes: &[u8]) -> String {
    text(&name_bytes(bytes))
}

fn name_bytes(bytes: &[u8]) -> Vec<u8> {
    if bytes.first() == Some(&b'"') {
        unquote(bytes).0
    } else {
        bytes.to_vec()
    }
}

/// Takes `a/` or `b/` away.
fn without_side(name: &[u8]) -> String {
    match name.get(..2) {
        Some(b"a/" | b"b/") => text(&name[2..]),
        _ => text(name),
    }
}

/// Reads a name in quotes as C has them; returns its bytes and how many it took, quotes included.
fn unquote(bytes: &[u8]) -> (Vec<u8>, usize) {
    let mut name = Vec::new();
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => return (name, at),
            b'\\' => {
                let rest = bytes.get(at..).unwrap_or_default();
                let (byte, took) = escaped(rest);
                name.extend(byte);
                at += took;
            }
            _ => name.push(byte),
        }
    }
    (name, at)
}

/// The byte that stands behind a backslash, and how many bytes name it.
fn escaped(rest: &[u8]) -> (Option<u8>, usize) {
    let octal = |byte: &u8| (b'0'..=b'7').contains(byte);
    if let Some(digits) = rest.get(..3).filter(|digits| digits.iter().all(octal)) {
        let value = digits
            .iter()
            .fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'));
        return (u8::try_from(value).ok(), 3);
    }
    let byte = match rest.first() {
        Some(b'a') => 7,
        Some(b'b') => 8,
        Some(b't') => b'\t',
        Some(b'n') => b'\n',
        Some(b'v') => 11,
        Some(b'f') => 12,
        Some(b'r') => b'\r',
        Some(other) => *other,
        None => return (None, 0),
    };
    (Some(byte), 1)
}
