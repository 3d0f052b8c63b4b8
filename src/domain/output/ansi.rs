//! The escape filter: bytes of a line from outside become text with colours, and nothing else.
//!
//! A state machine, not a pattern: it may be fed in pieces of any size. Only colours and attributes (SGR) keep
//! their meaning. Harmless leftovers of colouring (erase to the end of the line, ASCII charset) are dropped.
//! Every other control is shown as text: C0 as `^G`, escape as `␛`, C1 and bidi and zero-width characters
//! as `<U+202E>`, bytes that are not UTF-8 as `\x9b`. Invariant: no control character ever comes out, so that
//! what comes out may be printed anywhere (design/6, The log viewer). How colours look is the theme's business.

use std::sync::LazyLock;

use regex::Regex;
use unicode_width::UnicodeWidthChar;

use super::sgr;

pub use super::sgr::{Color, Style};

/// Tabs lead to the next multiple of this.
const TAB: usize = 8;

/// A longer sequence is not one of colours: it is shown as text.
const LONGEST_SEQUENCE: usize = 128;

/// More marks than this on one character are shown as text.
const MOST_MARKS: u8 = 4;

/// A piece of text in one style.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Span {
    /// The text, without any control character.
    pub text: String,
    /// How it was meant to look.
    pub style: Style,
    /// Whether it stands for controls instead of text.
    pub control: bool,
}

/// The spans of one whole line. A newline inside is shown as a control.
pub fn spans(line: &[u8]) -> Vec<Span> {
    let mut filter = Filter::default();
    filter.push(line);
    filter.end_line()
}

/// A line as plain text: no colours, and every other control as visible text.
pub fn plain(line: &[u8]) -> String {
    let printable = |byte: &u8| (0x20..0x7f).contains(byte);
    if line.iter().all(printable) {
        return String::from_utf8_lossy(line).into_owned();
    }
    spans(line).into_iter().map(|span| span.text).collect()
}

/// Text from outside that is not a log (host names, commit messages, error texts): as [`plain`].
pub fn plain_text(text: &str) -> String {
    plain(text.as_bytes())
}

/// Reads a line in pieces.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    spans: Vec<Span>,
    style: Style,
    state: State,
    /// Bytes of a sequence or of a character that is not complete.
    held: Vec<u8>,
    /// Columns of the line so far.
    column: usize,
    /// Marks on the last character.
    marks: u8,
}

/// What the bytes in `held` are the beginning of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Text; or of a character when something is held.
    #[default]
    Text,
    /// An escape character.
    Escape,
    /// The choice of a character set.
    Charset,
    /// A control sequence.
    Sequence,
}

impl Filter {
    /// Reads the next piece of the line.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((&byte, tail)) = rest.split_first() {
            if self.state == State::Text && self.held.is_empty() {
                let run = rest
                    .iter()
                    .take_while(|byte| (0x20..0x7f).contains(*byte))
                    .count();
                if run > 0 {
                    // Printable ASCII is valid UTF-8.
                    self.show(&String::from_utf8_lossy(&rest[..run]), false);
                    self.column += run;
                    self.marks = 0;
                    rest = &rest[run..];
                    continue;
                }
            }
            self.byte(byte);
            rest = tail;
        }
    }

    /// The spans of the line; the next line begins without style.
    pub fn end_line(&mut self) -> Vec<Span> {
        self.give_up();
        let spans = std::mem::take(&mut self.spans);
        *self = Self::default();
        spans
    }

    fn byte(&mut self, byte: u8) {
        match (self.state, byte) {
            (State::Text, _) => self.text(byte),
            (State::Escape, b'[') => self.hold(byte, State::Sequence),
            (State::Escape, b'(') => self.hold(byte, State::Charset),
            (State::Charset, b'B') => self.forget(),
            (State::Sequence, 0x20..=0x3f) if self.held.len() < LONGEST_SEQUENCE => {
                self.held.push(byte);
            }
            (State::Sequence, 0x40..=0x7e) => {
                self.held.push(byte);
                self.sequence();
            }
            _ => {
                self.give_up();
                self.text(byte);
            }
        }
    }

    fn hold(&mut self, byte: u8, state: State) {
        self.held.push(byte);
        self.state = state;
    }

    fn forget(&mut self) {
        self.held.clear();
        self.state = State::Text;
    }

    /// A complete control sequence: colours count, erasing is dropped, others are shown.
    fn sequence(&mut self) {
        let parameters = &self.held[2..self.held.len() - 1];
        let plain = parameters.iter().all(|byte| matches!(byte, b'0'..=b';'));
        match self.held.last() {
            Some(b'm') if plain => {
                sgr::apply(&mut self.style, parameters);
                self.forget();
            }
            Some(b'K') if plain => self.forget(),
            _ => self.give_up(),
        }
    }

    /// What is held is not what it seemed: it is shown.
    fn give_up(&mut self) {
        let held = std::mem::take(&mut self.held);
        if self.state == State::Text {
            for byte in held {
                self.stand_in(&format!("\\x{byte:02x}"));
            }
            return;
        }
        self.state = State::Text;
        let mut shown = String::new();
        for byte in held {
            match byte {
                0x1b => shown.push('\u{241b}'),
                printable => shown.push(char::from(printable)),
            }
        }
        if !shown.is_empty() {
            self.stand_in(&shown);
        }
    }

    /// A byte of text, possibly a part of a character.
    fn text(&mut self, byte: u8) {
        if self.held.is_empty() && byte < 0x80 {
            self.character(char::from(byte));
            return;
        }
        if !self.held.is_empty() && byte & 0xc0 != 0x80 {
            // The character before never came to its end.
            self.give_up();
            self.byte(byte);
            return;
        }
        self.held.push(byte);
        match std::str::from_utf8(&self.held) {
            Ok(text) => {
                let character = text.chars().next();
                self.held.clear();
                if let Some(character) = character {
                    self.character(character);
                }
            }
            Err(error) if error.error_len().is_some() => self.give_up(),
            Err(_) => {}
        }
    }

    fn character(&mut self, c: char) {
        match c {
            '\u{1b}' => self.hold(0x1b, State::Escape),
            '\t' => {
                let width = TAB - self.column % TAB;
                self.show(&" ".repeat(width), false);
                self.column += width;
                self.marks = 0;
            }
            '\u{8}' => self.backspace(),
            '\0'..='\u{1f}' => {
                let letter = char::from(c as u8 + b'@');
                self.stand_in(&format!("^{letter}"));
            }
            '\u{7f}' => self.stand_in("^?"),
            // They only choose between two looks of a sign, and terminals disagree about its width.
            '\u{fe0e}' | '\u{fe0f}' => {}
            c if is_unseen(c) || is_unassigned(c) => {
                self.stand_in(&format!("<U+{:04X}>", u32::from(c)));
            }
            c => {
                let width = c.width().unwrap_or(0);
                self.marks = if width == 0 {
                    self.marks.saturating_add(1)
                } else {
                    0
                };
                if self.marks > MOST_MARKS {
                    self.stand_in(&format!("<U+{:04X}>", u32::from(c)));
                } else {
                    self.show(c.encode_utf8(&mut [0; 4]), false);
                    self.column += width;
                }
            }
        }
    }

    /// Takes the last character back, as spinners and overstrikes mean it; controls stay.
    fn backspace(&mut self) {
        let Some(last) = self.spans.last_mut().filter(|span| !span.control) else {
            self.stand_in("^H");
            return;
        };
        if let Some(c) = last.text.pop() {
            self.column = self.column.saturating_sub(c.width().unwrap_or(0));
        }
        if last.text.is_empty() {
            self.spans.pop();
        }
        self.marks = 0;
    }

    /// Shows text that stands for a control.
    fn stand_in(&mut self, text: &str) {
        self.show(text, true);
        self.column += text.chars().count();
    }

    fn show(&mut self, text: &str, control: bool) {
        let style = self.style;
        match self.spans.last_mut() {
            Some(last) if last.style == style && last.control == control => {
                last.text.push_str(text);
            }
            _ => self.spans.push(Span {
                text: text.to_owned(),
                style,
                control,
            }),
        }
    }
}

/// Whether a character acts without being seen, or cannot be told from nothing: C1 controls, direction and zero-width
/// characters, fillers, line and paragraph separators, tags, and what will never be a character. The two signs that
/// only choose between looks (U+FE0E, U+FE0F) are not among them.
pub fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fdd0}'..='\u{fdef}'
        | '\u{fe00}'..='\u{fe0d}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// Whether nobody has given the character a meaning: terminals disagree about its width, and a later one may act on it.
fn is_unassigned(c: char) -> bool {
    // What nearly all text is made of is not looked up.
    if matches!(c, '\0'..='\u{377}' | '\u{400}'..='\u{52f}' | '\u{2010}'..='\u{2027}' | '\u{2190}'..='\u{23ff}'
        | '\u{2500}'..='\u{27bf}' | '\u{3041}'..='\u{3096}' | '\u{30a0}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{e000}'..='\u{f8ff}' | '\u{1f600}'..='\u{1f64f}')
    {
        return false;
    }
    UNASSIGNED.is_match(c.encode_utf8(&mut [0; 4]))
}

static UNASSIGNED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\p{Cn}").expect("invariant: a constant pattern"));

/// Output as text for patterns: without escape sequences and controls, with `\r\n` as newline; tabs and
/// newlines stay. Bytes that are not UTF-8 become U+FFFD.
pub fn strip(output: &[u8]) -> String {
    if memchr::memchr2(0x1b, b'\r', output).is_none() {
        let text = String::from_utf8_lossy(output);
        return text.chars().filter(|c| !is_dropped(*c)).collect();
    }
    let mut kept = Vec::with_capacity(output.len());
    let mut rest = output;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            0x1b => rest = &tail[sequence_length(tail)..],
            b'\r' if tail.first() == Some(&b'\n') => {}
            // A line that is written over is as good as a line that ended.
            b'\r' => kept.push(b'\n'),
            byte => kept.push(byte),
        }
    }
    let text = String::from_utf8_lossy(&kept);
    text.chars().filter(|c| !is_dropped(*c)).collect()
}

fn is_dropped(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || is_unseen(c)
}

/// How many bytes after an escape character belong to it.
fn sequence_length(after: &[u8]) -> usize {
    let until = |end: fn(&u8) -> bool| after.iter().position(end).map_or(after.len(), |at| at + 1);
    match after.first() {
        Some(b'[') => {
            let body = after[1..]
                .iter()
                .take_while(|byte| (0x20..0x40).contains(*byte))
                .count();
            let last = after
                .get(1 + body)
                .filter(|byte| (0x40..0x7f).contains(*byte));
            1 + body + usize::from(last.is_some())
        }
        // A string (title, link, clipboard) ends with BEL or with ESC \; never beyond the line.
        Some(b']' | b'P' | b'_' | b'^' | b'X') => {
            let end = until(|byte| matches!(byte, 0x07 | 0x1b | b'\n'));
            match after.get(end.wrapping_sub(1)) {
                Some(b'\n' | 0x1b) => end - 1,
                _ => end,
            }
        }
        Some(b'(' | b')') => 2.min(after.len()),
        Some(0x20..0x7f) => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
