//! When a line was written, as it says itself.
//!
//! A source writes one format, so the one that worked last is tried first, at the place where it stood. Times are looked
//! for near the start of a line or in the fields that loggers put them in, as [`super::shown::bare`] gives the line. Times
//! without a zone are those of the source's host. Impossible dates are no times, and no bytes whatsoever make it
//! panic. The formats are in `stamp_format`.

use chrono::FixedOffset;
use memchr::{memchr, memchr_iter, memchr2};

use super::shown::bare;
use super::stamp_format::{Context, Format, LastSecond};

/// A time begins within so many bytes.
const HEAD: usize = 64;

/// A time in brackets (access logs: names and addresses come before it) begins within so many bytes.
const BRACKETS: usize = 160;

/// Fields are looked for in so many bytes.
const FIELDS: usize = 1024;

/// After so many words of prose a time is told, not said.
const MOST_PROSE: usize = 2;

/// Reads the times of one source.
#[derive(Debug, Clone)]
pub struct Recognizer {
    offset_s: i32,
    last: Option<Place>,
    second: LastSecond,
}

/// Where in a line a time stands, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    format: Format,
    at: usize,
    /// Where the name of its field begins, when it is in one.
    field: Option<usize>,
}

impl Recognizer {
    /// For a source whose times without a zone are those of this offset.
    pub fn new(offset: FixedOffset) -> Self {
        Self {
            offset_s: offset.local_minus_utc(),
            last: None,
            second: LastSecond::default(),
        }
    }

    /// Times without a zone are those of this offset from now on.
    pub fn set_offset(&mut self, offset: FixedOffset) {
        self.offset_s = offset.local_minus_utc();
    }

    /// When the line was written, in milliseconds since 1970 in UTC, as far as it says. `now_ms` is when it arrived:
    /// times without a year are those nearest to it.
    pub fn read(&mut self, line: &[u8], now_ms: i64) -> Option<i64> {
        if memchr2(0x1b, b'\r', line).is_some() {
            return self.read_bare(&bare(line), now_ms);
        }
        self.read_bare(line, now_ms)
    }

    /// The same for a line that holds no escapes and no `\r`.
    pub(super) fn read_bare(&mut self, line: &[u8], now_ms: i64) -> Option<i64> {
        let context = Context {
            offset_s: self.offset_s,
            now_ms,
        };
        if let Some(place) = self.last
            && let Some(ms) = again(place, line, context, &mut self.second)
        {
            return Some(ms);
        }
        let (place, ms) = search(line, context)?;
        self.last = Some(place);
        Some(ms)
    }
}

/// Reads a time where the last one stood.
fn again(place: Place, line: &[u8], context: Context, second: &mut LastSecond) -> Option<i64> {
    let before = place.at.checked_sub(1).map(|at| line.get(at).copied());
    match (before, place.field) {
        (Some(None), _) => None,
        (Some(Some(before)), None) if before.is_ascii_alphanumeric() => None,
        (Some(_), Some(field)) => {
            let name = line.get(field..place.at)?;
            let length = name.iter().take_while(|byte| is_name(**byte)).count();
            let binds = name[length..]
                .iter()
                .all(|byte| matches!(byte, b'"' | b':' | b'=' | b' '));
            (binds && is_time(&name[..length]))
                .then(|| second.read(place.format, &line[place.at..], context))?
        }
        _ => second.read(place.format, line.get(place.at..)?, context),
    }
}

/// Looks for a time of any format.
fn search(line: &[u8], context: Context) -> Option<(Place, i64)> {
    let start = line.len() - line.trim_ascii_start().len();
    if line.get(start) == Some(&b'{') {
        return in_json(line, context);
    }
    let head = in_head(line, context);
    head.or_else(|| match memchr(b'{', &line[..line.len().min(HEAD)]) {
        Some(at) if line.get(at + 1) == Some(&b'"') => in_json(line, context),
        _ => in_fields(line, context),
    })
}

/// Looks near the start of a line; in brackets also further on.
fn in_head(line: &[u8], context: Context) -> Option<(Place, i64)> {
    let end = line.len().min(HEAD);
    let (mut at, mut prose) = (0, 0);
    while at < end {
        let byte = line[at];
        if !byte.is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        let before = at.checked_sub(1).map_or(b' ', |before| line[before]);
        if (prose < MOST_PROSE || before != b' ')
            && let Some(found) = here(line, at, before, context)
        {
            return Some(found);
        }
        let from = at;
        at += line[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count();
        let is_word = at - from >= 3 && line[from..at].iter().all(u8::is_ascii_lowercase);
        prose += usize::from(is_word && line.get(at) == Some(&b' '));
    }
    let further = line.get(end..line.len().min(BRACKETS))?;
    memchr_iter(b'[', further).find_map(|bracket| here(line, end + bracket + 1, b'[', context))
}

/// Reads the time that begins here, when one does.
fn here(line: &[u8], at: usize, before: u8, context: Context) -> Option<(Place, i64)> {
    let format = guess(line, at, before)?;
    let ms = format.read(&line[at..], context)?;
    let field = None;
    Some((Place { format, at, field }, ms))
}

/// Which format may begin here, by the first bytes.
fn guess(line: &[u8], at: usize, before: u8) -> Option<Format> {
    let rest = &line[at..];
    let byte = |ahead: usize| rest.get(ahead).copied().unwrap_or(0);
    if byte(0).is_ascii_digit() {
        let digits = rest
            .iter()
            .take(20)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let next = byte(digits);
        return match digits {
            4 if matches!(next, b'-' | b'/') => Some(Format::Iso),
            1 | 2
                if matches!(next, b'-' | b'/' | b' ') && byte(digits + 1).is_ascii_uppercase() =>
            {
                Some(Format::DayMonth)
            }
            10 | 13 | 16 | 19 => {
                let starts = at == 0 || at == 1 && matches!(before, b'[' | b'(' | b'"');
                (starts || before == b'(' && next == b'.').then_some(Format::Epoch)
            }
            _ => None,
        };
    }
    let is_letter = |ahead: usize| byte(ahead).is_ascii_lowercase();
    if byte(0).is_ascii_uppercase() && is_letter(1) && is_letter(2) && byte(3) == b' ' {
        return Some(Format::MonthDay);
    }
    let is_glog =
        at == 0 && rest.len() > 5 && rest[1..5].iter().all(u8::is_ascii_digit) && rest[5] == b' ';
    is_glog.then_some(Format::Glog)
}

/// Looks at the fields of JSON.
fn in_json(line: &[u8], context: Context) -> Option<(Place, i64)> {
    let line = &line[..line.len().min(FIELDS)];
    memchr_iter(b'"', line).find_map(|quote| {
        let from = quote + 1;
        let length = line[from..]
            .iter()
            .take_while(|byte| is_name(**byte))
            .count();
        let to = from + length;
        if !is_time(&line[from..to]) || line.get(to) != Some(&b'"') {
            return None;
        }
        let binds = line[to + 1..]
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b':'));
        let value = to + 1 + binds.count();
        in_field(line, from, value, context)
    })
}

/// Looks at the fields of logfmt.
fn in_fields(line: &[u8], context: Context) -> Option<(Place, i64)> {
    let line = &line[..line.len().min(FIELDS)];
    memchr_iter(b'=', line).find_map(|equals| {
        let length = line[..equals]
            .iter()
            .rev()
            .take_while(|byte| is_name(**byte))
            .count();
        let from = equals - length;
        is_time(&line[from..equals]).then(|| in_field(line, from, equals + 1, context))?
    })
}

/// Reads the value of a field that holds a time.
fn in_field(line: &[u8], field: usize, value: usize, context: Context) -> Option<(Place, i64)> {
    let at = value + usize::from(line.get(value) == Some(&b'"'));
    let rest = line.get(at..)?;
    [
        Format::Iso,
        Format::Epoch,
        Format::DayMonth,
        Format::MonthDay,
    ]
    .into_iter()
    .find_map(|format| {
        let field = Some(field);
        let place = Place { format, at, field };
        Some((place, format.read(rest, context)?))
    })
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'@' | b'$' | b'.')
}

/// Whether a field of this name holds the time of its line.
fn is_time(name: &[u8]) -> bool {
    matches!(
        name,
        b"ts"
            | b"time"
            | b"timestamp"
            | b"@timestamp"
            | b"t"
            | b"@t"
            | b"asctime"
            | b"datetime"
            | b"date"
            | b"$date"
            | b"Timestamp"
            | b"time_local"
            | b"time_iso8601"
            | b"__REALTIME_TIMESTAMP"
    )
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    const HOUR: i32 = 3600;

    /// Lines as programs write them, and the time they say; the host is an hour east of UTC.
    const LINES: &[(&str, &str)] = &[
        ("2026-11-21T04:00:00Z x", "2026-11-21T04:00:00Z"),
        (
            "2026-11-21T04:00:00.123456789+05:30 x",
            "2026-11-21T04:00:00.123+05:30",
        ),
        (
            "2026-11-21 04:00:00,123 INFO x",
            "2026-11-21T04:00:00.123+01:00",
        ),
        (
            "2026-11-21 04:00:00,123 - root - INFO - x",
            "2026-11-21T04:00:00.123+01:00",
        ),
        (
            "[2026-11-21 04:00:00 +0000] [7] [INFO] Booting",
            "2026-11-21T04:00:00Z",
        ),
        ("[2026-11-21 04:00:00 -0330] x", "2026-11-21T04:00:00-03:30"),
        (
            "2026-11-21 04:00:00.123 UTC [311] LOG:  x",
            "2026-11-21T04:00:00.123Z",
        ),
        (
            "2026-11-21 04:00:00.123 CEST [311] LOG:  x",
            "2026-11-21T04:00:00.123+02:00",
        ),
        (
            "2026-11-21 04:00:00.123 XYZ [311] LOG:  x",
            "2026-11-21T04:00:00.123+01:00",
        ),
        ("2026-11-21 04:00:00 INFO x", "2026-11-21T04:00:00+01:00"),
        (
            "2026/11/21 04:00:00 [error] 31#31: x",
            "2026-11-21T04:00:00+01:00",
        ),
        (
            "10.0.0.9 - - [10/Oct/2000:13:55:36 -0700] \"GET /\"",
            "2000-10-10T13:55:36-07:00",
        ),
        (
            "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff - a-rather-long-name-of-a-user [10/Oct/2000:13:55:36 +0000] \"",
            "2000-10-10T13:55:36Z",
        ),
        (
            "[21/Nov/2026 04:00:00] \"GET / HTTP/1.1\" 200 1",
            "2026-11-21T04:00:00+01:00",
        ),
        (
            "[21-Nov-2026 04:00:00 UTC] PHP Warning:  x",
            "2026-11-21T04:00:00Z",
        ),
        (
            "1:M 21 Nov 2026 04:00:00.123 * Ready",
            "2026-11-21T04:00:00.123+01:00",
        ),
        ("Sat, 21 Nov 2026 04:00:00 +0000 x", "2026-11-21T04:00:00Z"),
        (
            "[Fri Sep 09 10:42:29.902022 2011] [core:error] x",
            "2011-09-09T10:42:29.902+01:00",
        ),
        ("Sat Nov 21 04:00:00 UTC 2026", "2026-11-21T04:00:00Z"),
        (
            "Nov 21 04:00:00 web1 app[12]: x",
            "2026-11-21T04:00:00+01:00",
        ),
        (
            "<34>Nov  1 04:00:00.5 web1 app[12]: x",
            "2026-11-01T04:00:00.500+01:00",
        ),
        (
            "Dec 31 23:59:60 web1 app[12]: x",
            "2027-01-01T00:00:00+01:00",
        ),
        (
            "Nov 21 2026 04:00:00: %ASA-6-302013: x",
            "2026-11-21T04:00:00+01:00",
        ),
        (
            "2026-11-21T04:00:00+0000 web1 app[12]: x",
            "2026-11-21T04:00:00Z",
        ),
        (
            "Sat 2026-11-21 04:00:00 CET web1 app[12]: x",
            "2026-11-21T04:00:00+01:00",
        ),
        (
            "<165>1 2026-11-21T04:00:00.003Z web1 app - - - x",
            "2026-11-21T04:00:00.003Z",
        ),
        (
            "E1121 04:00:00.123456       1 shop.go:12] x",
            "2026-11-21T04:00:00.123+01:00",
        ),
        ("1764000000 x", "2025-11-24T16:00:00Z"),
        ("1764000000.123 web1 app[12]: x", "2025-11-24T16:00:00.123Z"),
        ("1764000000123 x", "2025-11-24T16:00:00.123Z"),
        ("[1764000000123456] x", "2025-11-24T16:00:00.123Z"),
        ("1764000000123456789 x", "2025-11-24T16:00:00.123Z"),
        (
            "type=SYSCALL msg=audit(1764000000.243:24287): x",
            "2025-11-24T16:00:00.243Z",
        ),
        (
            "time=\"2026-11-21T04:00:00Z\" level=info",
            "2026-11-21T04:00:00Z",
        ),
        (
            "level=info ts=1764000000.5 msg=x",
            "2025-11-24T16:00:00.500Z",
        ),
        (
            "level=info msg=\"some longer words before the field of the time come\" t=2026-11-21T04:00:00Z",
            "2026-11-21T04:00:00Z",
        ),
        (
            "{\"level\":30,\"time\":1764000000123,\"msg\":\"x\"}",
            "2025-11-24T16:00:00.123Z",
        ),
        (
            "{\"build\":\"2020-01-01 00:00:00\",\"ts\": 1764000000.12345}",
            "2025-11-24T16:00:00.123Z",
        ),
        (
            "{\"@timestamp\":\"2026-11-21T04:00:00.1Z\"}",
            "2026-11-21T04:00:00.100Z",
        ),
        (
            "{\"t\":{\"$date\":\"2026-11-21T04:00:00.123+00:00\"},\"s\":\"I\"}",
            "2026-11-21T04:00:00.123Z",
        ),
        (
            "{\"__CURSOR\":\"s=1\",\"__REALTIME_TIMESTAMP\":\"1764000000123456\",\"MESSAGE\":\"x\"}",
            "2025-11-24T16:00:00.123Z",
        ),
        (
            "web_1  | 2026-11-21 04:00:00 x",
            "2026-11-21T04:00:00+01:00",
        ),
        ("web1 | {\"ts\":1764000000}", "2025-11-24T16:00:00Z"),
        (
            "\x1b[2m2026-11-21T04:00:00.123456Z\x1b[0m  INFO x",
            "2026-11-21T04:00:00.123Z",
        ),
        ("10%\r2026-11-21T04:00:00Z done\r\n", "2026-11-21T04:00:00Z"),
    ];

    fn ms(time: &str) -> i64 {
        DateTime::parse_from_rfc3339(time)
            .unwrap()
            .timestamp_millis()
    }

    fn now() -> i64 {
        ms("2026-11-21T12:00:00Z")
    }

    fn recognizer() -> Recognizer {
        Recognizer::new(FixedOffset::east_opt(HOUR).unwrap())
    }

    fn read(line: &str) -> Option<i64> {
        recognizer().read(line.as_bytes(), now())
    }

    #[test]
    fn times_are_read_as_programs_write_them() {
        for (line, time) in LINES {
            assert_eq!(read(line), Some(ms(time)), "{line}");
            let mut twice = recognizer();
            let _ = twice.read(line.as_bytes(), now());
            assert_eq!(
                twice.read(line.as_bytes(), now()),
                Some(ms(time)),
                "again: {line}"
            );
        }
    }

    #[test]
    fn a_source_may_change_its_format() {
        let mut recognizer = recognizer();
        for (line, time) in LINES.iter().chain(LINES.iter().rev()) {
            assert_eq!(
                recognizer.read(line.as_bytes(), now()),
                Some(ms(time)),
                "{line}"
            );
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for line in [
            "",
            "x",
            "2026-02-29 04:00:00 impossible",
            "2026-11-21 24:00:00 impossible",
            "2026-13-01 04:00:00",
            "0001-01-01T00:00:00Z",
            "Feb 30 04:00:00 web1",
            "Foo 21 04:00:00 web1",
            "2026-11-21",
            "4111111111 is a number",
            "0123456789",
            "176400000012 x",
            "restored the backup of 2026-11-21 04:00:00",
            "{\"msg\":\"2026-11-21 04:00:00\"}",
            "{\"msg\":\"time\"}",
            "time=",
            "[   12.345678] usb 1-1: x",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn zeros_where_a_time_stood_are_none() {
        let mut recognizer = recognizer();
        let line = b"2026-11-21T04:00:00Z x";
        assert!(recognizer.read(line, now()).is_some());
        // A hole, as in a file that was cut short while somebody went on writing far behind.
        assert_eq!(recognizer.read(&[0; 64], now()), None);
    }

    #[test]
    fn a_year_that_is_missing_is_the_nearest() {
        let read = |now: &str| {
            let line = b"Dec 31 23:59:59 web1 x";
            recognizer().read(line, ms(now)).unwrap()
        };
        assert_eq!(
            read("2027-01-01T00:00:01Z"),
            ms("2026-12-31T23:59:59+01:00")
        );
        assert_eq!(
            read("2026-12-31T22:59:58Z"),
            ms("2026-12-31T23:59:59+01:00")
        );
    }

    #[test]
    fn the_offset_of_the_host_can_be_set() {
        let mut recognizer = recognizer();
        recognizer.set_offset(FixedOffset::west_opt(5 * HOUR).unwrap());
        let line = b"2026-11-21 04:00:00 x";
        assert_eq!(
            recognizer.read(line, now()),
            Some(ms("2026-11-21T04:00:00-05:00"))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn no_bytes_are_too_odd(
            lines in prop::collection::vec((prop::sample::select(LINES), 0_usize..100, 0_usize..100), 1..4),
            noise in prop::collection::vec(any::<u8>(), 0..12),
            now in any::<i64>(),
        ) {
            let mut recognizer = recognizer();
            for ((text, _), at, to) in lines {
                let mut line = text.as_bytes().to_vec();
                let at = at.min(line.len());
                line.splice(at..at, noise.iter().copied());
                let _ = recognizer.read(&line, now);
                let _ = recognizer.read(&line[..to.min(line.len())], now);
            }
        }

        #[test]
        fn what_worked_last_changes_no_time(
            first in prop::sample::select(LINES),
            (line, time) in prop::sample::select(LINES),
        ) {
            let mut recognizer = recognizer();
            let _ = recognizer.read(first.0.as_bytes(), now());
            prop_assert_eq!(recognizer.read(line.as_bytes(), now()), Some(ms(time)));
        }
    }
}
