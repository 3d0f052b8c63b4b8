//! The formats of times in logs: each reads one time at the beginning of some bytes.
//!
//! Written by hand, without memory. A format gives milliseconds since 1970 in UTC, or nothing when the bytes are no
//! such time or no possible date. What lies behind the time is not looked at but for a zone.

/// What is known besides the bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    /// The zone of times that name none: seconds east of UTC.
    pub(super) offset_s: i32,
    /// About when it was: milliseconds since 1970.
    pub(super) now_ms: i64,
}

/// A way to write a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `2026-11-21T04:00:00.123Z`, `2026/11/21 04:00:00`, `2026-11-21 04:00:00,123 UTC`.
    Iso,
    /// `21/Nov/2026:04:00:00 +0100`, `21 Nov 2026 04:00:00.123`.
    DayMonth,
    /// `Nov 21 04:00:00`, `Sep 09 10:42:29.902022 2011`.
    MonthDay,
    /// `E1121 04:00:00.123456`.
    Glog,
    /// Seconds, milli-, micro- or nanoseconds since 1970.
    Epoch,
}

impl Format {
    /// Reads the time at the beginning of `bytes`.
    pub(super) fn read(self, bytes: &[u8], context: Context) -> Option<i64> {
        let mut cursor = Cursor { bytes };
        match self {
            Self::Iso => iso(&mut cursor, context),
            Self::DayMonth => day_month(&mut cursor, context),
            Self::MonthDay => month_day(&mut cursor, context),
            Self::Glog => glog(&mut cursor, context),
            Self::Epoch => epoch(&mut cursor, context),
        }
    }
}

/// The rest of the bytes.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    bytes: &'a [u8],
}

impl Cursor<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(ahead).copied().unwrap_or(0)
    }

    fn skip(&mut self, count: usize) {
        self.bytes = self.bytes.get(count..).unwrap_or_default();
    }

    /// Takes one byte of several.
    fn one_of(&mut self, wanted: &[u8]) -> Option<u8> {
        let byte = *self.bytes.first()?;
        wanted.contains(&byte).then(|| self.skip(1))?;
        Some(byte)
    }

    /// Takes a number of exactly so many digits.
    fn digits(&mut self, count: usize) -> Option<u32> {
        let mut number = 0;
        for byte in self.bytes.get(..count)? {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            number = number * 10 + u32::from(digit);
        }
        self.skip(count);
        Some(number)
    }

    /// Takes a number of one or two digits.
    fn short(&mut self) -> Option<u32> {
        let two = self.peek(1).is_ascii_digit();
        self.digits(1 + usize::from(two))
    }

    /// Takes the English name of a month.
    fn month(&mut self) -> Option<u32> {
        const NAMES: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
        let name = self.bytes.get(..3)?;
        let at = NAMES.chunks_exact(3).position(|month| month == name)?;
        self.skip(3);
        Some(at as u32 + 1)
    }

    /// Takes `04:00:00` with or without a fraction, into a date.
    fn time(&mut self, civil: &mut Civil) -> Option<()> {
        self.second(civil)?;
        civil.milli = self.milli();
        Some(())
    }

    /// Takes `04:00:00`, into a date.
    fn second(&mut self, civil: &mut Civil) -> Option<()> {
        civil.hour = self.short()?;
        self.one_of(b":")?;
        civil.minute = self.digits(2)?;
        self.one_of(b":")?;
        civil.second = self.digits(2)?;
        Some(())
    }

    /// Takes a fraction of a second, when there is one; gives thousandths.
    fn milli(&mut self) -> u32 {
        if matches!(self.peek(0), b'.' | b',') && self.peek(1).is_ascii_digit() {
            self.skip(1);
            return self.fraction();
        }
        0
    }

    /// Takes the digits of a fraction; gives thousandths.
    fn fraction(&mut self) -> u32 {
        let (mut milli, mut scale) = (0, 100);
        while self.peek(0).is_ascii_digit() {
            milli += scale * u32::from(self.peek(0) - b'0');
            scale /= 10;
            self.skip(1);
        }
        milli
    }

    /// Takes a zone: seconds east of UTC. What is none stays.
    fn zone(&mut self) -> Option<i32> {
        let mut ahead = *self;
        let spaced = ahead.one_of(b" ").is_some();
        let zone = match ahead.peek(0) {
            b'Z' if !ahead.peek(1).is_ascii_alphanumeric() => {
                ahead.skip(1);
                0
            }
            b'+' | b'-' => ahead.signed(spaced)?,
            b'A'..=b'Z' => ahead.named()?,
            _ => return None,
        };
        *self = ahead;
        Some(zone)
    }

    fn signed(&mut self, spaced: bool) -> Option<i32> {
        let sign = if self.one_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(2)?;
        let colon = self.one_of(b":").is_some();
        let minutes = self.digits(2);
        // Behind a space a number of two digits is no zone.
        if minutes.is_none() && (colon || spaced) || self.peek(0).is_ascii_digit() {
            return None;
        }
        let minutes = hours * 60 + minutes.unwrap_or(0);
        (minutes <= 14 * 60).then(|| sign * minutes.cast_signed() * 60)
    }

    fn named(&mut self) -> Option<i32> {
        let length = self
            .bytes
            .iter()
            .take(6)
            .take_while(|byte| byte.is_ascii_uppercase())
            .count();
        let half_hours = match self.bytes.get(..length)? {
            b"UTC" | b"GMT" | b"WET" => 0,
            b"CET" | b"BST" | b"WEST" => 2,
            b"CEST" | b"EET" | b"SAST" => 4,
            b"EEST" | b"MSK" => 6,
            b"JST" | b"KST" => 18,
            b"EST" | b"CDT" => -10,
            b"EDT" => -8,
            b"CST" | b"MDT" => -12,
            b"MST" | b"PDT" => -14,
            b"PST" => -16,
            _ => return None,
        };
        if self.peek(length).is_ascii_alphanumeric() {
            return None;
        }
        self.skip(length);
        Some(half_hours * 1800)
    }
}

/// A date and time without zone.
#[derive(Debug, Clone, Copy, Default)]
struct Civil {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    milli: u32,
}

impl Civil {
    /// Milliseconds since 1970 in UTC, in a zone so many seconds east; `None` = impossible.
    fn ms(&self, offset_s: i32) -> Option<i64> {
        let is_leap = self.year.is_multiple_of(4)
            && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        let days = match self.month {
            2 => 28 + u32::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            _ => return None,
        };
        let possible = (1970..3000).contains(&self.year)
            && (1..=days).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            // A leap second.
            && self.second <= 60;
        if !possible {
            return None;
        }
        // Days from a year that begins in March, as the Gregorian calendar is usually counted.
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let of_era = year % 400;
        let month = i64::from((self.month + 9) % 12);
        let of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        let days =
            year / 400 * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        let seconds =
            i64::from(self.hour * 3600 + self.minute * 60 + self.second) - i64::from(offset_s);
        Some((days * 86_400 + seconds) * 1000 + i64::from(self.milli))
    }

    /// The same with the year that makes it nearest to now.
    fn nearest_ms(mut self, offset_s: i32, now_ms: i64) -> Option<i64> {
        // Years are counted roughly, and the next and the last one tried.
        let now = 1970 + now_ms.div_euclid(31_556_952_000);
        let years = (now - 1)..=(now + 1);
        let times = years.filter_map(|year| {
            self.year = u32::try_from(year).ok()?;
            self.ms(offset_s)
        });
        times.min_by_key(|ms| ms.abs_diff(now_ms))
    }
}

fn iso(cursor: &mut Cursor<'_>, context: Context) -> Option<i64> {
    let second = iso_second(cursor)?;
    Some(within(second, cursor, context))
}

/// Takes date and time to the second; gives what it is in UTC.
fn iso_second(cursor: &mut Cursor<'_>) -> Option<i64> {
    let mut civil = Civil {
        year: cursor.digits(4)?,
        ..Civil::default()
    };
    let separator = cursor.one_of(b"-/")?;
    civil.month = cursor.digits(2)?;
    cursor.one_of(&[separator])?;
    civil.day = cursor.digits(2)?;
    cursor.one_of(b"T t_")?;
    cursor.second(&mut civil)?;
    civil.ms(0)
}

/// Takes fraction and zone of a second.
fn within(second: i64, cursor: &mut Cursor<'_>, context: Context) -> i64 {
    let milli = i64::from(cursor.milli());
    let offset_s = cursor.zone().unwrap_or(context.offset_s);
    second - i64::from(offset_s) * 1000 + milli
}

/// How many bytes `2026-11-21T04:00:00` has.
const SECOND: usize = 19;

/// The second that was read last: the lines of a loud log say it over and over, and it is worked out once.
#[derive(Debug, Clone, Default)]
pub(super) struct LastSecond {
    /// Its text and what it is in UTC; `None` = none was read yet.
    known: Option<([u8; SECOND], i64)>,
}

impl LastSecond {
    /// The same as [`Format::read`].
    pub(super) fn read(&mut self, format: Format, bytes: &[u8], context: Context) -> Option<i64> {
        if format != Format::Iso {
            return format.read(bytes, context);
        }
        let Some((text, rest)) = bytes.split_first_chunk::<SECOND>() else {
            return format.read(bytes, context);
        };
        let ms = match self.known {
            Some((known, ms)) if known == *text => ms,
            _ => {
                let mut cursor = Cursor { bytes: text };
                let Some(ms) = iso_second(&mut cursor).filter(|_| cursor.bytes.is_empty()) else {
                    return format.read(bytes, context);
                };
                self.known = Some((*text, ms));
                ms
            }
        };
        Some(within(ms, &mut Cursor { bytes: rest }, context))
    }
}

fn day_month(cursor: &mut Cursor<'_>, context: Context) -> Option<i64> {
    let mut civil = Civil {
        day: cursor.short()?,
        ..Civil::default()
    };
    let separator = cursor.one_of(b"/- ")?;
    civil.month = cursor.month()?;
    cursor.one_of(&[separator])?;
    civil.year = cursor.digits(4)?;
    cursor.one_of(b": ")?;
    cursor.time(&mut civil)?;
    civil.ms(cursor.zone().unwrap_or(context.offset_s))
}

fn month_day(cursor: &mut Cursor<'_>, context: Context) -> Option<i64> {
    let mut civil = Civil {
        month: cursor.month()?,
        ..Civil::default()
    };
    cursor.one_of(b" ")?;
    cursor.one_of(b" ");
    civil.day = cursor.short()?;
    cursor.one_of(b" ")?;
    let mut year = cursor.year();
    if year.is_some() {
        cursor.one_of(b" ")?;
    }
    cursor.time(&mut civil)?;
    let offset = cursor.zone().unwrap_or(context.offset_s);
    if year.is_none() && cursor.one_of(b" ").is_some() {
        year = cursor.year();
    }
    match year {
        Some(year) => Civil { year, ..civil }.ms(offset),
        None => civil.nearest_ms(offset, context.now_ms),
    }
}

impl Cursor<'_> {
    /// Takes a year of our days, when there is one.
    fn year(&mut self) -> Option<u32> {
        let mut ahead = *self;
        let year = ahead.digits(4)?;
        let is_year = (1990..2100).contains(&year)
            && !matches!(ahead.peek(0), b'0'..=b'9' | b':' | b'.' | b'-');
        is_year.then(|| *self = ahead)?;
        Some(year)
    }
}

fn glog(cursor: &mut Cursor<'_>, context: Context) -> Option<i64> {
    cursor.one_of(b"IWEFD")?;
    let mut civil = Civil {
        month: cursor.digits(2)?,
        day: cursor.digits(2)?,
        ..Civil::default()
    };
    cursor.one_of(b" ")?;
    cursor.time(&mut civil)?;
    civil.nearest_ms(context.offset_s, context.now_ms)
}

fn epoch(cursor: &mut Cursor<'_>, context: Context) -> Option<i64> {
    let length = cursor
        .bytes
        .iter()
        .take(20)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let mut number = 0_i64;
    for byte in &cursor.bytes[..length] {
        number = number
            .checked_mul(10)?
            .checked_add(i64::from(byte - b'0'))?;
    }
    cursor.skip(length);
    let has_fraction = cursor.peek(0) == b'.' && cursor.peek(1).is_ascii_digit();
    let milli = if has_fraction {
        cursor.skip(1);
        i64::from(cursor.fraction())
    } else {
        0
    };
    if cursor.peek(0).is_ascii_alphanumeric() {
        return None;
    }
    let ms = match length {
        10 => number.checked_mul(1000)?.checked_add(milli)?,
        13 => number,
        16 => number / 1000,
        19 => number / 1_000_000,
        _ => return None,
    };
    // Other numbers of ten digits are more often no times: from 2001 to the day after tomorrow.
    let latest = context.now_ms.saturating_add(2 * 86_400_000);
    (ms >= 1_000_000_000_000 && ms <= latest).then_some(ms)
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};
    use proptest::prelude::*;

    use super::*;

    const CONTEXT: Context = Context {
        offset_s: 0,
        now_ms: 1_795_000_000_000,
    };

    proptest! {
        #[test]
        fn dates_are_those_of_the_calendar(ms in 0_i64..32_000_000_000_000) {
            let time = Utc.timestamp_millis_opt(ms).unwrap();
            for (format, text) in [
                (Format::Iso, time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()),
                (Format::DayMonth, time.format("%d/%b/%Y:%H:%M:%S%.3f +0000").to_string()),
            ] {
                prop_assert_eq!(format.read(text.as_bytes(), CONTEXT), Some(ms), "{}", text);
            }
        }

        #[test]
        fn only_possible_dates_are_read(year in 1960_u32..2110, month in 0_u32..14, day in 0_u32..33) {
            let text = format!("{year:04}-{month:02}-{day:02} 00:00:00");
            let date = chrono::NaiveDate::from_ymd_opt(year.cast_signed(), month, day);
            prop_assert_eq!(Format::Iso.read(text.as_bytes(), CONTEXT).is_some(), date.is_some() && year >= 1970);
        }

        #[test]
        fn a_second_that_is_known_reads_as_one_that_is_not(
            lines in proptest::collection::vec(
                ("2026[-/]11[-/]2[0-9][T ][0-9]{1,2}:0[0-9]:[0-9]{1,2}", "([.,][0-9]{1,7})?( ?(Z|UTC|CET|[+-]0[0-9]:?30))?[ a0]?"),
                1..20,
            ),
            offset_s in -50_000..50_000_i32,
        ) {
            let context = Context { offset_s, ..CONTEXT };
            let mut last = LastSecond::default();
            for (second, rest) in &lines {
                // Each twice: the first makes it known.
                for rest in [rest, "Z"] {
                    let line = format!("{second}{rest}");
                    let read = last.read(Format::Iso, line.as_bytes(), context);
                    prop_assert_eq!(read, Format::Iso.read(line.as_bytes(), context), "{}", line);
                }
            }
        }

        #[test]
        fn the_year_that_is_missing_is_the_nearest(now_ms in 100_000_000_000_i64..4_000_000_000_000, days in -170_i64..170) {
            let ms = (now_ms + days * 86_400_000) / 1000 * 1000;
            let time = Utc.timestamp_millis_opt(ms).unwrap();
            let text = time.format("%b %e %H:%M:%S").to_string();
            let context = Context { offset_s: 0, now_ms };
            // The 29th of February is only in leap years, and then it is the nearest there is.
            prop_assert_eq!(Format::MonthDay.read(text.as_bytes(), context), Some(ms), "{}", text);
        }
    }
}
