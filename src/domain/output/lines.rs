//! Bytes to lines, as they come.
//!
//! A line ends with `\n` or `\r\n`. A lone `\r` writes over the line: the last text is kept, with the number
//! of times it was written over, so that a progress bar is one line. A line holds at most [`LONGEST`] bytes of
//! its last text; how many more there were is counted, and the log on disk has them. Memory is bounded for any
//! input. What the bytes mean is not looked at here.

/// The most bytes of one line that are kept for the screen.
pub const LONGEST: usize = 16 * 1024;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// Its last text, without the end of the line; at most [`LONGEST`] bytes.
    pub bytes: Vec<u8>,
    /// Bytes of the last text that are only on disk.
    pub cut: u64,
    /// How many times the line was written over.
    pub updates: u32,
    /// Where in the output the line begins, with all that was written over.
    pub start: u64,
    /// Where it ends, behind the end of the line.
    pub end: u64,
    /// Whether its end was seen.
    pub complete: bool,
}

/// Cuts output into lines.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    line: Line,
    /// A `\r` was seen, and nothing after it yet.
    returned: bool,
}

impl Lines {
    /// For output that is read from this offset.
    pub fn at(offset: u64) -> Self {
        let line = Line {
            start: offset,
            end: offset,
            ..Line::default()
        };
        Self {
            line,
            returned: false,
        }
    }

    /// Reads more output and hands over every line that ended.
    pub fn push(&mut self, bytes: &[u8], mut ended: impl FnMut(Line)) {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            let run = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            if run > 0 {
                self.text(&rest[..run]);
                rest = &rest[run..];
                continue;
            }
            self.line.end += 1;
            rest = &rest[1..];
            if first == b'\r' {
                self.returned = true;
            } else {
                self.line.complete = true;
                ended(self.take());
            }
        }
    }

    /// The line that has begun and not ended; `None` between lines.
    pub fn open(&self) -> Option<&Line> {
        (self.line.end > self.line.start).then_some(&self.line)
    }

    /// The rest of the output, when its last line has no end.
    pub fn finish(&mut self) -> Option<Line> {
        self.open()?;
        Some(self.take())
    }

    fn take(&mut self) -> Line {
        let next = Self::at(self.line.end);
        std::mem::replace(self, next).line
    }

    fn text(&mut self, text: &[u8]) {
        if std::mem::take(&mut self.returned) {
            if !self.line.bytes.is_empty() {
                self.line.updates = self.line.updates.saturating_add(1);
            }
            self.line.bytes.clear();
            self.line.cut = 0;
        }
        let room = LONGEST - self.line.bytes.len();
        let kept = text.len().min(room);
        self.line.bytes.extend_from_slice(&text[..kept]);
        self.line.cut += (text.len() - kept) as u64;
        self.line.end += text.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(bytes: &[u8], size: usize) -> Vec<Line> {
        let mut lines = Lines::default();
        let mut all = Vec::new();
        for piece in bytes.chunks(size) {
            lines.push(piece, |line| all.push(line));
        }
        all.extend(lines.finish());
        all
    }

    fn texts(bytes: &[u8]) -> Vec<String> {
        let lines = lines(bytes, bytes.len().max(1));
        lines
            .into_iter()
            .map(|line| String::from_utf8(line.bytes).unwrap())
            .collect()
    }

    #[test]
    fn lines_end_in_both_ways() {
        assert_eq!(texts(b"a\nb\r\n\r\nc"), ["a", "b", "", "c"]);
        assert!(texts(b"").is_empty());
        assert_eq!(texts(b"\n"), [""]);
        assert_eq!(texts(b"a\r\r\n"), ["a"]);
    }

    #[test]
    fn a_progress_bar_is_one_line_with_its_last_text() {
        let all = lines(b"10%\r20%\r100%\r\nnext\n", 100);
        assert_eq!(all[0].bytes, b"100%");
        assert_eq!(all[0].updates, 2);
        assert_eq!((all[0].start, all[0].end), (0, 14));
        assert_eq!((all[1].start, all[1].end), (14, 19));
        assert!(all[1].complete);
    }

    #[test]
    fn an_open_line_can_be_seen() {
        let mut lines = Lines::at(7);
        lines.push(b"50%\r", |_| panic!("no line has ended"));
        let open = lines.open().unwrap();
        assert_eq!((open.bytes.as_slice(), open.start), (&b"50%"[..], 7));
        assert!(!open.complete);
        lines.push(b"\n", |_| ());
        assert!(lines.open().is_none());
    }

    #[test]
    fn a_very_long_line_is_cut_and_counted() {
        let mut bytes = vec![b'x'; LONGEST + 10];
        bytes.extend(b"\nnext");
        let all = lines(&bytes, 1000);
        assert_eq!((all[0].bytes.len(), all[0].cut), (LONGEST, 10));
        assert_eq!(all[1].bytes, b"next");
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same(
            bytes in prop::collection::vec(prop::sample::select(b"ab\r\n".to_vec()), 0..60),
            size in 1_usize..9,
        ) {
            let whole = lines(&bytes, 100);
            prop_assert_eq!(&lines(&bytes, size), &whole);
            let mut at = 0;
            for line in &whole {
                prop_assert_eq!(line.start, at);
                at = line.end;
            }
            prop_assert_eq!(at, bytes.len() as u64);
        }
    }
}
