//! A line's bytes as they are shown, and as they are understood.
//!
//! `shown` obeys `\r` (the last text counts, with the number of times it was written over), passes the escape filter
//! and cuts what is too long for a screen. `bare` is what patterns, levels and times are looked for in: the last text
//! without the sequences of colours, otherwise the raw bytes. `whole` is a line opened by itself: JSON with one value
//! on each line. Invariant: what `shown` and `whole` give holds no control character. Nothing is wrapped here.

use std::borrow::Cow;

use super::super::output::ansi::{self, Span};
use super::super::output::lines::Lines;

/// Parameters of a sequence that the escape filter reads; more is no sequence of colours.
const MOST_PARAMETERS: usize = 126;

/// JSON is laid out up to so many bytes.
const LONGEST_JSON: usize = 1 << 20;

/// JSON is laid out up to so many levels: indentation must not grow beyond all bounds.
const DEEPEST_JSON: usize = 64;

/// A line as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// Its last text in pieces of one style, safe to show.
    pub spans: Vec<Span>,
    /// Bytes of the last text that are not in it.
    pub cut: u64,
    /// How many times it was written over.
    pub updates: u32,
}

/// A line (with its end or without) as it is shown. At most [`super::super::output::lines::LONGEST`] bytes of its last
/// text; never ends within a character or a sequence of colours because of that.
pub fn shown(line: &[u8]) -> Shown {
    let mut lines = Lines::default();
    lines.push(without_newline(line), |_| ());
    let Some(mut ended) = lines.finish() else {
        return Shown::default();
    };
    if ended.cut > 0 {
        let kept = complete(&ended.bytes);
        ended.cut += (ended.bytes.len() - kept) as u64;
        ended.bytes.truncate(kept);
    }
    Shown {
        spans: ansi::spans(&ended.bytes),
        cut: ended.cut,
        updates: ended.updates,
    }
}

/// What a line (with its end or without) is matched against: its last text without sequences of colours and without
/// its end; else its raw bytes.
pub fn bare(line: &[u8]) -> Cow<'_, [u8]> {
    let mut line = without_newline(line);
    while let Some((b'\r', rest)) = line.split_last() {
        line = rest;
    }
    if let Some(at) = memchr::memrchr(b'\r', line) {
        line = &line[at + 1..];
    }
    let Some(first) = memchr::memchr(0x1b, line) else {
        return Cow::Borrowed(line);
    };
    let mut kept = Vec::with_capacity(line.len());
    let (clean, mut rest) = line.split_at(first);
    kept.extend_from_slice(clean);
    while !rest.is_empty() {
        // `rest` begins with an escape character.
        let past = sequence(rest).unwrap_or_else(|| {
            kept.push(0x1b);
            1
        });
        let tail = &rest[past..];
        let next = memchr::memchr(0x1b, tail).unwrap_or(tail.len());
        kept.extend_from_slice(&tail[..next]);
        rest = &tail[next..];
    }
    Cow::Owned(kept)
}

/// A line opened by itself: JSON, also behind other text, with one value on each line; anything else as it is.
pub fn whole(line: &[u8]) -> Vec<String> {
    let text = bare(line);
    let Some((before, json)) = json_in(&text) else {
        return vec![last_text(line)];
    };
    let mut laid_out = Vec::new();
    if !before.is_empty() {
        laid_out.push(ansi::plain(before));
    }
    lay_out(json, &mut |line| laid_out.push(ansi::plain(line)));
    laid_out
}

/// The last text of a line, safe, and all of it.
fn last_text(line: &[u8]) -> String {
    let mut line = without_newline(line);
    while let Some((b'\r', rest)) = line.split_last() {
        line = rest;
    }
    let from = memchr::memrchr(b'\r', line).map_or(0, |at| at + 1);
    ansi::plain(&line[from..])
}

fn without_newline(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

/// How many bytes stand before a character or sequence that was cut through at the end of `bytes`.
fn complete(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(MOST_PARAMETERS + 2);
    if let Some(at) = memchr::memrchr(0x1b, &bytes[tail..]) {
        let rest = &bytes[tail + at..];
        let parameters = rest.iter().skip(2).all(|byte| is_parameter(*byte));
        if rest.get(1).is_none_or(|byte| *byte == b'[') && parameters {
            return tail + at;
        }
    }
    let last = bytes.len().saturating_sub(3)..bytes.len();
    for at in last.rev() {
        let width = match bytes[at] {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => break,
        };
        return if at + width > bytes.len() {
            at
        } else {
            bytes.len()
        };
    }
    bytes.len()
}

fn is_parameter(byte: u8) -> bool {
    matches!(byte, b'0'..=b';')
}

/// The length of the sequence at the beginning of `bytes` that the escape filter takes for colours and drops.
fn sequence(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'[' => {
            let body = &bytes[2..];
            let parameters = body.iter().take_while(|byte| is_parameter(**byte)).count();
            let ends = matches!(body.get(parameters), Some(b'm' | b'K'));
            (ends && parameters <= MOST_PARAMETERS).then_some(parameters + 3)
        }
        b'(' if bytes.get(2) == Some(&b'B') => Some(3),
        _ => None,
    }
}

/// The text before an object or list of JSON that fills the rest of the line, and that JSON.
fn json_in(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.trim_ascii();
    if text.len() > LONGEST_JSON || !matches!(text.last(), Some(b'}' | b']')) {
        return None;
    }
    let is_json = |json: &[u8]| {
        let valid = serde_json::from_slice::<serde::de::IgnoredAny>(json).is_ok();
        valid && depth(json) <= DEEPEST_JSON
    };
    if matches!(text.first(), Some(b'{' | b'[')) && is_json(text) {
        return Some((&text[..0], text));
    }
    // Only objects: brackets stand in many lines that hold no list.
    let at = memchr::memchr(b'{', text)?;
    let (before, json) = text.split_at(at);
    is_json(json).then_some((before.trim_ascii_end(), json))
}

/// How deep objects and lists of JSON may stand in each other, brackets in texts included.
fn depth(json: &[u8]) -> usize {
    let (mut now, mut deepest) = (0_usize, 0);
    for byte in json {
        match byte {
            b'{' | b'[' => now += 1,
            b'}' | b']' => now = now.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(now);
    }
    deepest
}

/// Hands over the lines of valid JSON, indented by two spaces; texts and numbers exactly as they were written.
fn lay_out(json: &[u8], line: &mut dyn FnMut(&[u8])) {
    let mut now = Vec::new();
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut escaped = false;
    let mut bytes = json.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if in_text {
            now.push(byte);
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'{' | b'[' => {
                now.push(byte);
                while bytes.next_if(u8::is_ascii_whitespace).is_some() {}
                if let Some(end) = bytes.next_if(|byte| matches!(byte, b'}' | b']')) {
                    now.push(end);
                } else {
                    depth += 1;
                    next_line(&mut now, depth, line);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                next_line(&mut now, depth, line);
                now.push(byte);
            }
            b',' => {
                now.push(byte);
                next_line(&mut now, depth, line);
            }
            b':' => now.extend_from_slice(b": "),
            byte => {
                in_text = byte == b'"';
                now.push(byte);
            }
        }
    }
    line(&now);
}

fn next_line(now: &mut Vec<u8>, depth: usize, line: &mut dyn FnMut(&[u8])) {
    line(now);
    now.clear();
    now.resize(depth * 2, b' ');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::output::lines::LONGEST;
    use super::*;

    fn text(shown: &Shown) -> String {
        shown.spans.iter().map(|span| span.text.as_str()).collect()
    }

    #[test]
    fn the_last_text_counts() {
        let progress = shown(b"10%\r20%\r\x1b[K30%\r\n");
        assert_eq!((text(&progress).as_str(), progress.updates), ("30%", 2));
        assert_eq!(text(&shown(b"abc\x08d\n")), "abd");
        assert_eq!(shown(b""), Shown::default());
        assert_eq!(shown(b"\n"), Shown::default());
    }

    #[test]
    fn colours_stay_and_controls_are_shown() {
        let line = shown(b"\x1b[31mred\x1b[0m\x1b]0;t\x07\n");
        assert_eq!(line.spans[0].text, "red");
        assert!(line.spans[0].style.fg.is_some());
        assert_eq!(text(&line), "red\u{241b}]0;t^G");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        for (end, kept) in [
            ("\u{20ac}xyz", LONGEST - 1),
            ("x\u{20ac}", LONGEST),
            ("\x1b[31mred", LONGEST - 1),
        ] {
            let mut line = "x".repeat(LONGEST - 1);
            line.push_str(end);
            let cut = shown(line.as_bytes());
            assert_eq!(text(&cut), "x".repeat(kept), "{end}");
            assert_eq!(cut.cut, (line.len() - kept) as u64, "{end}");
        }
        let line = "\u{20ac}".repeat(LONGEST);
        assert!(!text(&shown(line.as_bytes())).contains('\\'));
    }

    #[test]
    fn patterns_see_the_last_text_without_colours() {
        assert_eq!(&*bare(b"a\rb\x1b[1;31mc\x1b[m\x1b[K\x1b(Bd\r\n"), b"bcd");
        assert_eq!(&*bare(b"\x1b[2Jx\x1b"), b"\x1b[2Jx\x1b");
        assert_eq!(&*bare(b"\x1b\x1b[1mx\xff\0"), b"\x1bx\xff\0");
        assert!(matches!(bare(b"plain\r\n"), Cow::Borrowed(b"plain")));
    }

    #[test]
    fn json_is_laid_out_exactly() {
        let line = br#"{"a":1.50,"big":12345678901234567890,"l":[1,{}, [ ]],"t":"x: {\"y\"}, \u001b","t":2}"#;
        assert_eq!(
            whole(line),
            [
                "{",
                r#"  "a": 1.50,"#,
                r#"  "big": 12345678901234567890,"#,
                r#"  "l": ["#,
                "    1,",
                "    {},",
                "    []",
                "  ],",
                r#"  "t": "x: {\"y\"}, \u001b","#,
                r#"  "t": 2"#,
                "}",
            ]
        );
        assert_eq!(
            whole(b"\x1b[2m2026 INFO\x1b[0m {\"a\":\"\xe2\x80\xae\"}\n"),
            ["2026 INFO", "{", "  \"a\": \"<U+202E>\"", "}"]
        );
    }

    #[test]
    fn other_lines_stay_as_they_are() {
        assert_eq!(whole(b"10%\r{not json}\x07\r\n"), ["{not json}^G"]);
        assert_eq!(whole(b"[1] done [x]"), ["[1] done [x]"]);
        assert_eq!(whole(b""), [""]);
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        assert!(whole(deep.as_bytes()) == [deep]);
    }

    const PARTS: &[&[u8]] = &[
        b"a",
        b" ",
        b"\r",
        b"\x1b",
        b"\x1b[1m",
        b"\x1b[K",
        b"\x1b(B",
        b"[",
        b"31",
        b"m",
        b"\x08",
        b"\t",
        b"\0",
        b"\xff",
        b"\xc2\x9b",
        b"\xe2\x80",
        b"\xae",
        b"{\"a\":[",
        b"1,",
        b"\"b\":",
        b"]}",
        b"\"",
    ];

    /// Those that do not become something else when what stands between them goes.
    const WHOLE_PARTS: &[&[u8]] = &[
        b"a",
        b" ",
        b"\r",
        b"\x1b[1m",
        b"\x1b[31;1m",
        b"\x1b[K",
        b"\x1b(B",
        b"\x1b[2J",
        b"[",
        b"\t",
        b"\0",
        b"\xff",
        b"\xc2\x9b",
        b"\xe2\x80\xae",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn no_control_ever_comes_out(
            parts in prop::collection::vec(prop::sample::select(PARTS), 0..30),
            padding in prop::sample::select(vec![0, LONGEST - 12]),
        ) {
            let mut line = vec![b'x'; padding];
            line.extend(parts.concat());
            let safe = |text: &str| !text.chars().any(|c| c.is_control() || ansi::is_unseen(c));
            let shown = shown(&line);
            prop_assert!(shown.spans.iter().all(|span| safe(&span.text)));
            prop_assert!(whole(&line).iter().all(|line| safe(line)));
        }

        #[test]
        fn what_is_matched_is_what_is_shown(
            parts in prop::collection::vec(prop::sample::select(WHOLE_PARTS), 0..30),
        ) {
            let line = parts.concat();
            prop_assert_eq!(ansi::plain(&bare(&line)), text(&shown(&line)));
        }
    }
}
