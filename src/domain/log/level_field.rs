//! Fields that say how grave a line is: of JSON, of logfmt, the status in the line of a request.

use memchr::{memchr, memchr_iter};

use super::level::of_severity;
use super::level_word::known;
use super::line::Level;

/// Fields are looked for in so many bytes.
const FIELDS: usize = 1024;

/// What a field of JSON in a line that begins with it says.
pub(super) fn in_json(line: &[u8]) -> Option<Level> {
    let line = &line[..line.len().min(FIELDS)];
    let mut of_status = None;
    let mut at = 0;
    while let Some((from, to)) = quoted(line, at) {
        at = to + 1;
        let rest = line[at..].trim_ascii_start();
        let Some(value) = rest.strip_prefix(b":") else {
            continue;
        };
        let value = value.trim_ascii_start();
        match of_field(&line[from..to], value) {
            Some(Field::Level(level)) => return Some(level),
            Some(Field::Status(level)) => of_status = level,
            None => {}
        }
        if value.first() == Some(&b'"') {
            // A text is no key, whatever comes behind it.
            let start = line.len() - value.len();
            at = quoted(line, start)?.1 + 1;
        }
    }
    of_status
}

/// Where the next text in quotes stands, without its quotes.
fn quoted(line: &[u8], at: usize) -> Option<(usize, usize)> {
    let from = at + memchr(b'"', line.get(at..)?)? + 1;
    let mut to = from;
    loop {
        to += memchr(b'"', &line[to..])?;
        let escapes = line[from..to]
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\')
            .count();
        if escapes % 2 == 0 {
            return Some((from, to));
        }
        to += 1;
    }
}

/// What a field of logfmt in a line says.
pub(super) fn in_fields(line: &[u8]) -> Option<Level> {
    let line = &line[..line.len().min(FIELDS)];
    let mut of_status = None;
    for equals in memchr_iter(b'=', line) {
        let is_name =
            |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'@');
        let length = line[..equals].iter().rev().take_while(is_name).count();
        match of_field(&line[equals - length..equals], &line[equals + 1..]) {
            Some(Field::Level(level)) => return Some(level),
            Some(Field::Status(level)) => of_status = level,
            None => {}
        }
    }
    of_status
}

/// What the status of a request says: `"GET / HTTP/1.1" 502 `.
pub(super) fn in_request(line: &[u8]) -> Option<Level> {
    let mut at = 0;
    let line = &line[..line.len().min(8 * FIELDS)];
    let (from, to) = quoted(line, at)?;
    at = to + 1;
    let request = &line[from..to];
    let method = request
        .iter()
        .take_while(|byte| byte.is_ascii_uppercase())
        .count();
    if !(3..=7).contains(&method) || request.get(method) != Some(&b' ') {
        return None;
    }
    let status = line.get(at..at + 4)?;
    let ends = line.get(at + 4).is_none_or(|byte| *byte == b' ');
    let is_error = status.starts_with(b" 5") && status[2..].iter().all(u8::is_ascii_digit);
    (is_error && ends).then_some(Level::Error)
}

/// What a field says.
enum Field {
    Level(Level),
    /// The status of a request counts when nothing else says a level.
    Status(Option<Level>),
}

fn of_field(name: &[u8], value: &[u8]) -> Option<Field> {
    match name {
        b"level" | b"lvl" | b"severity" | b"levelname" | b"log.level" | b"loglevel"
        | b"log_level" | b"@level" | b"Level" | b"logLevel" | b"at" | b"s" | b"PRIORITY"
        | b"priority" => of_value(value).map(Field::Level),
        b"status" | b"status_code" => {
            let is_error =
                value.len() >= 3 && value[0] == b'5' && value[1..3].iter().all(u8::is_ascii_digit);
            let ends = value
                .get(3)
                .is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'.');
            Some(Field::Status((is_error && ends).then_some(Level::Error)))
        }
        _ => None,
    }
}

/// The level that the value of a field names, in words, letters or numbers.
fn of_value(value: &[u8]) -> Option<Level> {
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    let length = value
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    let value = &value[..length];
    if let Some(level) = known(value) {
        return Some(level);
    }
    match value {
        b"E" | b"F" => Some(Level::Error),
        b"W" => Some(Level::Warning),
        b"I" => Some(Level::Info),
        b"D" | b"D1" | b"D2" => Some(Level::Debug),
        _ => {
            let number: u16 = std::str::from_utf8(value).ok()?.parse().ok()?;
            Some(match number {
                0..=7 => of_severity(number),
                // Those of pino and bunyan.
                50.. => Level::Error,
                40.. => Level::Warning,
                30.. => Level::Info,
                _ => Level::Debug,
            })
        }
    }
}
