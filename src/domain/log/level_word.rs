//! Words that say how grave a line is, and whether one of them means it where it stands.
//!
//! Capital letters are taken nearly anywhere before the message; other words only where they begin a message, stand in
//! brackets, between tabs or before a colon. Words after `0` or `no` are denied.

use super::line::Level;

/// A word of a line: a run of letters.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    /// The line.
    pub(super) line: &'a [u8],
    /// Where it begins.
    pub(super) from: usize,
    /// Where it ends (exclusive).
    pub(super) to: usize,
    /// How many words of prose stand before it.
    pub(super) prose: usize,
}

impl Word<'_> {
    fn text(&self) -> &[u8] {
        &self.line[self.from..self.to]
    }

    fn before(&self) -> u8 {
        self.from.checked_sub(1).map_or(b' ', |at| self.line[at])
    }

    fn after(&self) -> u8 {
        self.line.get(self.to).copied().unwrap_or(b' ')
    }

    /// Whether it is a word of a sentence, and no name in a prefix.
    pub(super) fn is_prose(&self) -> bool {
        // `Nov 21` is none.
        let next = self.line.get(self.to + 1).copied().unwrap_or(b' ');
        self.to - self.from >= 2
            && self.after() == b' '
            && self.before() == b' '
            && !next.is_ascii_digit()
            && self.text().iter().any(u8::is_ascii_lowercase)
    }

    /// Whether it begins a line of `PostgreSQL` that belongs to the one before.
    pub(super) fn is_detail(&self) -> bool {
        self.after() == b':'
            && self.line[self.to..].starts_with(b":  ")
            && matches!(
                self.text(),
                b"DETAIL" | b"HINT" | b"STATEMENT" | b"CONTEXT" | b"QUERY" | b"LOCATION"
            )
    }

    /// Whether it is said that there is none of it: `0 failed`, `no error`, `failed: 0`.
    pub(super) fn is_denied(&self) -> bool {
        let before = self.line[..self.from].trim_ascii_end();
        let start = before
            .iter()
            .rposition(|byte| !byte.is_ascii_alphanumeric());
        let last = &before[start.map_or(0, |at| at + 1)..];
        let denied = [&b"0"[..], b"no", b"without", b"zero", b"not", b"any"];
        if denied.iter().any(|word| last.eq_ignore_ascii_case(word)) {
            return true;
        }
        let rest = &self.line[self.to..];
        let rest = rest.strip_prefix(b":").unwrap_or(rest).trim_ascii_start();
        rest.first() == Some(&b'0')
            && rest
                .get(1)
                .is_none_or(|byte| matches!(byte, b' ' | b',' | b';' | b')'))
    }
}

/// How grave the word says the line is, when it says so where it stands.
pub(super) fn of_word(word: &Word<'_>) -> Option<Level> {
    let text = word.text();
    let Some(level) = known(text) else {
        return other(word);
    };
    let (before, after) = (word.before(), word.after());
    let is_upper = text.iter().all(u8::is_ascii_uppercase);
    let is_space = |byte: u8| matches!(byte, b' ' | b'\t');
    let says = if text.eq_ignore_ascii_case(b"log") {
        is_upper && after == b':'
    } else if is_upper {
        matches!(
            before,
            b' ' | b'\t' | b'[' | b'(' | b'<' | b'|' | b':' | b'.' | b']' | b'>' | b'*'
        ) && matches!(
            after,
            b' ' | b'\t' | b']' | b')' | b'>' | b'|' | b':' | b',' | b'/' | b';' | b'!' | b'['
        )
    } else {
        let in_brackets = matches!((before, after), (b'[' | b':', b']') | (b'<', b'>'));
        let in_tabs = before == b'\t' && after == b'\t';
        let before_colon = after == b':' && is_space(before) && !is_about(text);
        let code = word.from == 0 && after == b'[';
        let begins = word.prose == 0 && (is_space(after) || after == b'!') && is_begin(word, level);
        in_brackets || in_tabs || before_colon || code || begins
    };
    (says && !(level >= Level::Warning && word.is_denied())).then_some(level)
}

/// Whether a word that is not in capitals means it when it begins the message.
fn is_begin(word: &Word<'_>, level: Level) -> bool {
    if !matches!(word.before(), b' ' | b'\t') {
        return false;
    }
    // Behind a time a level is a column; at the very start it may be the first word of a sentence.
    let behind_time = word.from > 0 && (word.line[0].is_ascii_digit() || word.line[0] == b'[');
    let is_plain = [
        &b"error"[..],
        b"fatal",
        b"failed",
        b"panic",
        b"warning",
        b"warn",
        b"cannot",
    ];
    let text = word.text();
    behind_time && !is_about(text)
        || is_plain
            .iter()
            .any(|plain| text.eq_ignore_ascii_case(plain))
        || (level == Level::Error && is_about(text))
}

/// Words that only mean something as the first of a message.
fn is_about(text: &[u8]) -> bool {
    let about = [&b"cannot"[..], b"exception", b"uncaught", b"unhandled"];
    about.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The level that a word names.
pub(super) fn known(word: &[u8]) -> Option<Level> {
    use Level::{Debug, Error, Info, Warning};
    if !(3..=11).contains(&word.len()) {
        return None;
    }
    let mut lower = [0; 11];
    let lower = &mut lower[..word.len()];
    for (to, from) in lower.iter_mut().zip(word) {
        *to = from | 0x20;
    }
    Some(match &*lower {
        b"err" | b"crit" | b"fail" | b"error" | b"fatal" | b"panic" | b"emerg" | b"alert"
        | b"severe" | b"failed" | b"failure" | b"cannot" | b"critical" | b"emergency"
        | b"exception" | b"uncaught" | b"unhandled" => Error,
        b"warn" | b"warning" => Warning,
        b"log" | b"info" | b"notice" | b"information" => Info,
        b"debug" | b"trace" | b"dbug" | b"trce" | b"verbose" => Debug,
        _ => return None,
    })
}

/// What other words at the start of a line say: names of exceptions, panics, the start of a traceback.
fn other(word: &Word<'_>) -> Option<Level> {
    let text = word.text();
    let rest = &word.line[word.to..];
    match text {
        b"panicked" if rest.starts_with(b" at") => return Some(Level::Error),
        b"Traceback" if rest.starts_with(b" (most recent") => return Some(Level::Error),
        b"goroutine" if rest.ends_with(b" [running]:") => return Some(Level::Error),
        b"Segmentation" if rest.starts_with(b" fault") => return Some(Level::Error),
        _ => {}
    }
    let ends = rest.is_empty() || rest.starts_with(b":");
    if !ends
        || word.prose > 0
        || !text[0].is_ascii_uppercase()
        || !matches!(word.before(), b' ' | b'.')
    {
        return None;
    }
    if text.len() > 7 && text.ends_with(b"Warning") {
        return Some(Level::Warning);
    }
    let is_named = text.len() > 5 && (text.ends_with(b"Error") || text.ends_with(b"Exception"));
    let path = &word.line[..word.from];
    let is_told = path.ends_with(b".errors.") || path.ends_with(b".exceptions.");
    (is_named || is_told).then_some(Level::Error)
}
