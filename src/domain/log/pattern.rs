//! Patterns made ready: whether a line is what is looked for, where, and which lines of a whole block are.
//!
//! A line is matched as [`super::shown::bare`] gives it. Invariant: `scan` finds exactly the lines for which `is_match`
//! holds. A block is searched in one go where that cannot make a difference: by a second form of the pattern that
//! matches no newline, and but for lines with escapes or `\r`, which are looked at by themselves.

use memchr::{memchr, memchr_iter, memchr2, memrchr};
use regex::bytes::{Regex, RegexBuilder};

use super::filter::Pattern;
use super::shown::bare;

/// A compiled pattern may take so many bytes.
const LARGEST: usize = 8 << 20;

/// Why a pattern cannot be used: short, placed where it can be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct BadPattern {
    /// What is wrong with it, e.g. `unclosed group at 5`; places count characters from 1.
    pub why: String,
}

/// A pattern, ready to be used. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Matcher {
    line: Regex,
    /// The same for whole blocks: it matches no newline. `None` = lines have to be looked at one by one.
    block: Option<Regex>,
}

impl Matcher {
    /// Makes a pattern ready. Capital letters count when it holds one.
    pub fn new(pattern: &Pattern) -> Result<Self, BadPattern> {
        let escaped;
        let (text, folds) = if pattern.regex {
            (pattern.text.as_str(), !asks_for_capitals(&pattern.text))
        } else {
            escaped = regex::escape(&pattern.text);
            let folds = !pattern.text.chars().any(char::is_uppercase);
            (escaped.as_str(), folds)
        };
        let line = compile(text, folds).map_err(|error| BadPattern { why: why(&error) })?;
        let block = within_lines(text).and_then(|text| compile(&text, folds).ok());
        Ok(Self { line, block })
    }

    /// Whether a line (with its end or without) matches.
    pub fn is_match(&self, line: &[u8]) -> bool {
        self.line.is_match(&bare(line))
    }

    /// Where in a text that is shown it matches: characters from, to (exclusive); in order, none empty.
    pub fn find(&self, shown: &str) -> Vec<(usize, usize)> {
        let bytes = shown.as_bytes();
        // A pattern of single bytes may end within a character: characters are counted by their first bytes.
        let count = |part: &[u8]| part.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        let (mut at, mut characters) = (0, 0);
        let mut found = Vec::new();
        for hit in self.line.find_iter(bytes) {
            let from = characters + count(&bytes[at..hit.start()]);
            let to = from + count(hit.as_bytes());
            (at, characters) = (hit.end(), to);
            if to > from {
                found.push((from, to));
            }
        }
        found
    }

    /// Calls `hit` with the number within the block (from 0) of every line that matches, in order. The block holds
    /// whole lines; only the last may have no end.
    pub fn scan(&self, block: &[u8], hit: &mut dyn FnMut(usize)) {
        let Some(regex) = &self.block else {
            let mut number = 0;
            each_line(block, |line| {
                if self.is_match(line) {
                    hit(number);
                }
                number += 1;
            });
            return;
        };
        let mut lines = Counter::new(block);
        let mut at = 0;
        while at < block.len() {
            let special = memchr2(0x1b, b'\r', &block[at..]).map(|found| at + found);
            let Some(special) = special else {
                return clean(regex, &mut lines, at, block.len(), hit);
            };
            let from = memrchr(b'\n', &block[at..special]).map_or(at, |found| at + found + 1);
            clean(regex, &mut lines, at, from, hit);
            at = memchr(b'\n', &block[special..]).map_or(block.len(), |found| special + found + 1);
            if self.is_match(&block[from..at]) {
                hit(lines.number(from));
            }
        }
    }
}

/// Searches a part of a block whose lines hold nothing special.
fn clean(
    regex: &Regex,
    lines: &mut Counter<'_>,
    from: usize,
    to: usize,
    hit: &mut dyn FnMut(usize),
) {
    let part = &lines.block[from..to];
    let mut at = 0;
    while at < part.len() {
        // No match holds a newline, so the line of its end is the line of the match.
        let Some(end) = regex.shortest_match_at(part, at) else {
            return;
        };
        if end == part.len() && part.ends_with(b"\n") {
            return; // Nothing, behind the last line.
        }
        hit(lines.number(from + end));
        match memchr(b'\n', &part[end..]) {
            Some(newline) => at = end + newline + 1,
            None => return,
        }
    }
}

/// Counts lines as far as somebody asks for it.
struct Counter<'a> {
    block: &'a [u8],
    at: usize,
    number: usize,
}

impl<'a> Counter<'a> {
    fn new(block: &'a [u8]) -> Self {
        Self {
            block,
            at: 0,
            number: 0,
        }
    }

    /// The number of the line in which this byte stands; only ever asked forwards.
    fn number(&mut self, at: usize) -> usize {
        self.number += memchr_iter(b'\n', &self.block[self.at..at]).count();
        self.at = at;
        self.number
    }
}

/// Calls `each` for every line of a block, with its end.
pub(super) fn each_line<'a>(block: &'a [u8], mut each: impl FnMut(&'a [u8])) {
    let mut from = 0;
    for newline in memchr_iter(b'\n', block) {
        each(&block[from..=newline]);
        from = newline + 1;
    }
    if from < block.len() {
        each(&block[from..]);
    }
}

fn compile(text: &str, folds: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text)
        .case_insensitive(folds)
        .multi_line(true)
        .size_limit(LARGEST)
        .build()
}

/// What is wrong with a pattern, in a few words, with the place the compiler points at.
fn why(error: &regex::Error) -> String {
    let regex::Error::Syntax(text) = error else {
        return "matches too many different texts".to_owned();
    };
    let message = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("error: "));
    let message = message.unwrap_or("no regular expression");
    // The pattern is quoted with four spaces before it, and a caret under the place.
    let caret = text
        .lines()
        .find(|line| line.trim_start().starts_with('^') && line.starts_with("    "))
        .and_then(|line| line.find('^'));
    match caret {
        Some(column) if text.lines().count() == 4 => format!("{message} at {}", column - 3),
        _ => message.to_owned(),
    }
}

/// Whether a regular expression holds a capital letter that stands for itself.
fn asks_for_capitals(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(unit(rest));
        rest = tail;
        if piece.starts_with("(?") {
            // Flags and names of groups.
            let end = rest.find([':', ')', '>']).map_or(rest.len(), |at| at + 1);
            rest = &rest[end..];
        } else if !piece.starts_with('\\') && piece.chars().any(char::is_uppercase) {
            return true;
        }
    }
    false
}

/// The length of the next piece of a regular expression: an escape with its name, the beginning of a group with flags,
/// a character.
fn unit(text: &str) -> usize {
    let mut chars = text.char_indices();
    let first = chars.next().map(|(_, c)| c);
    let second = chars.next().map(|(_, c)| c);
    let two = chars.offset();
    match (first, second) {
        (Some('\\'), Some('p' | 'P' | 'x' | 'u' | 'U')) if text[two..].starts_with('{') => {
            text.find('}').map_or(text.len(), |at| at + 1)
        }
        (Some('\\'), Some('p' | 'P')) => chars.next().map_or(two, |_| chars.offset()),
        (Some('\\'), Some(_)) | (Some('('), Some('?')) => two,
        (Some(c), _) => c.len_utf8(),
        (None, _) => 0,
    }
}

/// The length of a class in brackets at the beginning of `text`.
fn class(text: &str) -> usize {
    let mut at = 1 + usize::from(text[1..].starts_with('^'));
    at += usize::from(text[at..].starts_with(']'));
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        match c {
            ']' => return at + 1,
            '[' if rest.starts_with("[:") => {
                let named = rest.find(":]").map(|end| end + 2);
                let is_name = |part: &&usize| {
                    let name = rest[2..**part - 2].trim_start_matches('^');
                    name.bytes().all(|byte| byte.is_ascii_alphabetic())
                };
                at += named
                    .as_ref()
                    .filter(is_name)
                    .copied()
                    .unwrap_or_else(|| class(rest));
            }
            '[' => at += class(rest),
            _ => at += unit(rest),
        }
    }
    text.len()
}

/// A valid regular expression that finds in a block what this one finds in its lines: no class in it holds a newline.
/// `None` = there is none, or it would take more understanding than it is worth.
fn within_lines(text: &str) -> Option<String> {
    let mut within = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let length = if rest.starts_with('[') {
            class(rest)
        } else {
            unit(rest)
        };
        let (piece, tail) = rest.split_at(length);
        rest = tail;
        let mut chars = piece.chars();
        match (chars.next(), chars.next()) {
            (Some('['), _) | (Some('\\'), Some('s' | 'W' | 'D' | 'p' | 'P')) => {
                within.push('[');
                within.push_str(piece);
                within.push_str(r"--\n]");
            }
            // Ends of the whole text; ways to write a newline.
            (Some('\\'), Some('A' | 'z' | 'n' | 'x' | 'u' | 'U')) | (Some('\n'), _) => return None,
            (Some('('), Some('?')) => {
                let is_name = rest.starts_with(['<', 'P']);
                let flags = rest.find([':', ')']).map_or(rest, |end| &rest[..end]);
                if !is_name && flags.contains(['s', 'm', 'x']) {
                    return None;
                }
                within.push_str(piece);
            }
            _ => within.push_str(piece),
        }
    }
    Some(within)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Matcher {
        matcher(text, false).unwrap()
    }

    fn regex(text: &str) -> Matcher {
        matcher(text, true).unwrap()
    }

    fn matcher(text: &str, regex: bool) -> Result<Matcher, BadPattern> {
        let text = text.to_owned();
        Matcher::new(&Pattern { text, regex })
    }

    fn scanned(matcher: &Matcher, block: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        matcher.scan(block, &mut |line| found.push(line));
        found
    }

    fn one_by_one(matcher: &Matcher, block: &[u8]) -> Vec<usize> {
        let lines = block.split_inclusive(|byte| *byte == b'\n').enumerate();
        lines
            .filter(|(_, line)| matcher.is_match(line))
            .map(|(number, _)| number)
            .collect()
    }

    #[test]
    fn a_text_stands_for_itself() {
        assert!(text("[a.b]*").is_match(b"x [A.B]* y\n"));
        assert!(!text("a.b").is_match(b"axb"));
    }

    #[test]
    fn capitals_count_when_there_is_one() {
        assert!(text("error").is_match(b"an ERROR"));
        assert!(!text("Error").is_match(b"an ERROR"));
        assert!(regex(r"\Werror\b\PL\pL\p{Greek}?").is_match(b"an ERROR x"));
        assert!(regex(r"(?P<Name>error)").is_match(b"ERROR"));
        assert!(!regex("[A]b").is_match(b"ab"));
    }

    #[test]
    fn what_is_wrong_with_a_pattern_is_said_with_its_place() {
        let why = |text| matcher(text, true).unwrap_err().to_string();
        assert_eq!(why("abcd(ef"), "unclosed group at 5");
        assert_eq!(why("a[bc"), "unclosed character class at 2");
        assert_eq!(why("a)"), "unopened group at 2");
        assert_eq!(why("*a"), "repetition operator missing expression at 1");
        assert_eq!(why(r"\p{Nope}"), "Unicode property not found at 1");
        assert_eq!(why(r"(\w{900}){900}"), "matches too many different texts");
    }

    #[test]
    fn colours_and_what_was_written_over_are_not_matched() {
        let done = text("done 100%");
        assert!(done.is_match(b"10%\r\x1b[32mdone\x1b[0m 100%\r\n"));
        assert!(!text("10%").is_match(b"10%\rready\r\n"));
        assert!(!text("32").is_match(b"\x1b[32mgreen"));
        assert!(regex("^green$").is_match(b"\x1b[32mgreen\x1b[m\n"));
    }

    #[test]
    fn places_are_counted_in_characters() {
        assert_eq!(text("b").find("äb\u{20ac}b"), [(1, 2), (3, 4)]);
        assert_eq!(regex("x*").find("äxx"), [(1, 3)]);
        assert_eq!(regex(r"(?-u)\xc3").find("ä"), [(0, 1)]);
    }

    #[test]
    fn lines_of_a_block_are_found_by_their_number() {
        let block = b"a\nerror 1\n\n\x1b[31mer\x1b[0mror\nERROR\r\nlast error";
        assert_eq!(scanned(&text("error"), block), [1, 3, 4, 5]);
        assert_eq!(scanned(&regex("^$"), block), [2]);
        assert_eq!(scanned(&regex(""), b"a\n\n"), [0, 1]);
        assert_eq!(scanned(&regex("$"), b"a\nb"), [0, 1]);
        assert!(scanned(&regex(""), b"").is_empty());
        assert!(scanned(&regex(r"a\s+b"), b"a\nb\n").is_empty());
    }

    #[test]
    fn usual_patterns_are_searched_in_whole_blocks() {
        for pattern in [
            r"timeout\s+after \d+",
            r#""status":5\d\d"#,
            r"[^ ]+ (GET|POST) /[^?]*\?",
            r"[]a[:^alpha:][b-c&&[^x]]]+\W\p{Lu}\pL",
            r"(?i)x(?P<n>y)(?:z)\b{start}q",
        ] {
            assert!(regex(pattern).block.is_some(), "{pattern}");
        }
        for pattern in [r"\Aa", r"(?s)a.b", r"(?-m)^a", r"a\x0ab", r"\n"] {
            assert!(regex(pattern).block.is_none(), "{pattern}");
        }
    }

    /// Pieces that act near the ends of lines, and what binds them.
    const PIECES: &[&str] = &[
        "a",
        "b",
        "B",
        r"\s",
        r"\W",
        r"\D",
        r"\S",
        r"[^a]",
        r"[^a\n]",
        r"[\s]",
        r"[]a]",
        r"[^]a]",
        ".",
        "^",
        "$",
        r"\b",
        r"\B",
        r"\A",
        r"\z",
        "|",
        "(?s:.)",
        "(?-m:^)",
        "(?-m:$)",
        r"\n",
        "(a|b)",
        "a*",
        "[^b]*",
        r"\s*",
        "a+?",
        r"\PL",
        r"\p{Zs}",
        r"[[:space:]]",
        r"[[:^alpha:]x]",
        r"[^[^a]]",
        r"[\W--b]",
        r"(?-u:[^a])",
        r"(?R:$)",
        r"\x0a",
        "(?x: b )",
        "(?i:B)",
        r"\b{start}",
        r"\b{end-half}",
        "\u{1b}",
        r"\r",
    ];
    const BYTES: &[&[u8]] = &[
        b"a",
        b"b",
        b"ab",
        b" ",
        b"\n",
        b"\n\n",
        b"\r",
        b"\r\n",
        b"\x1b[1m",
        b"\x1b[K",
        b"\x1b",
        b"B",
        b"\xff",
        b"\0",
        "\u{e4}".as_bytes(),
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(700))]

        #[test]
        fn a_block_gives_the_lines_that_match_by_themselves(
            pieces in prop::collection::vec(prop::sample::select(PIECES), 1..5),
            bytes in prop::collection::vec(prop::sample::select(BYTES), 0..24),
        ) {
            let block = bytes.concat();
            if let Ok(matcher) = matcher(&pieces.concat(), true) {
                prop_assert_eq!(scanned(&matcher, &block), one_by_one(&matcher, &block));
            }
        }

        #[test]
        fn a_text_is_found_in_a_block_as_in_its_lines(
            wanted in "[aB\\[(. ]{0,3}",
            bytes in prop::collection::vec(prop::sample::select(BYTES), 0..24),
        ) {
            let (matcher, block) = (text(&wanted), bytes.concat());
            prop_assert_eq!(scanned(&matcher, &block), one_by_one(&matcher, &block));
        }

        #[test]
        fn places_lie_within_the_text(
            pieces in prop::collection::vec(prop::sample::select(PIECES), 1..4),
            shown in "[ab \u{e4}\u{20ac}]{0,12}",
        ) {
            if let Ok(matcher) = matcher(&pieces.concat(), true) {
                let mut end = 0;
                for (from, to) in matcher.find(&shown) {
                    prop_assert!(end <= from && from < to && to <= shown.chars().count());
                    end = to;
                }
            }
        }

        #[test]
        fn no_pattern_is_too_odd(pattern in "[\\\\\\[\\]()?*{}^|.:a-cP<>,\\-&]{0,14}") {
            let _ = matcher(&pattern, true);
        }
    }
}
