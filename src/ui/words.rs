//! Words: how the screen spells times, ages, durations and sizes.
//!
//! Unknown is `?`, never zero. Ages are told from `now`, which is always an argument.

use chrono::{Datelike, TimeDelta};

use crate::domain::run::Moment;

/// A running time as a clock: `0:04`, `12:31`, `1:02:03`.
pub fn clock(seconds: f64) -> String {
    let all = seconds.max(0.0) as u64;
    let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// The time from `since` until `now` as a clock.
pub fn since(since: Moment, now: Moment) -> String {
    clock((now - since).as_seconds_f64())
}

/// A duration as people say it: `0.4 s`, `14 s`, `1m04`, `2h05`.
pub fn span(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    if seconds < 9.95 && (seconds - seconds.round()).abs() > 0.05 {
        return format!("{seconds:.1} s");
    }
    let all = seconds.round() as u64;
    match all {
        0..60 => format!("{all} s"),
        60..3600 => format!("{}m{:02}", all / 60, all % 60),
        _ => format!("{}h{:02}", all / 3600, all / 60 % 60),
    }
}

/// The name of an attempt as a host lists it, cut to the part that people read; as it is when it has no such part.
pub fn attempt(name: &str) -> String {
    let is_hash = |text: &str| text.len() == 16 && text.chars().all(|c| c.is_ascii_hexdigit());
    let mut parts = name.split('.');
    let middle = parts.nth(1).and_then(|task| task.rsplit_once('-'));
    match middle {
        Some((task, hash)) if is_hash(hash) && !task.is_empty() => task.to_owned(),
        _ => name.to_owned(),
    }
}

/// A prediction: `~14 s`, or `?` when it is unknown.
pub fn guess(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "?".to_owned(), |seconds| format!("~{}", span(seconds)))
}

/// How long ago, in one unit and at most four columns: `now`, `5m`, `2h`, `3d`, `4y`.
pub fn age(at: Moment, now: Moment) -> String {
    let seconds = (now - at).num_seconds();
    match seconds {
        ..60 => "now".to_owned(),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        86_400..86_400_000 => format!("{}d", seconds / 86_400),
        _ => format!("{}y", seconds / (365 * 86_400)),
    }
}

/// A day and time, short: `today 20:12`, `Tue 17:05`, `3 Nov 17:05`, `2025-11-03`.
pub fn when(at: Moment, now: Moment) -> String {
    let at = at.with_timezone(now.offset());
    if at.date_naive() == now.date_naive() {
        at.format("today %H:%M").to_string()
    } else if now - at < TimeDelta::days(6) {
        at.format("%a %H:%M").to_string()
    } else if at.year() == now.year() {
        at.format("%-d %b %H:%M").to_string()
    } else {
        at.format("%Y-%m-%d").to_string()
    }
}

/// `1 step`, `3 steps`, `10,000 releases`.
pub fn count(number: usize, word: &str) -> String {
    if number == 1 {
        format!("1 {word}")
    } else {
        format!("{} {word}s", thousands(number as u64))
    }
}

/// A number with its thousands apart: `96,404`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number in at most four columns: `410`, `1.2k`, `88k`, `9.6M`.
pub fn many(number: u64) -> String {
    let (unit, letter) = match number {
        0..1000 => return number.to_string(),
        1000..1_000_000 => (1000, 'k'),
        1_000_000..1_000_000_000 => (1_000_000, 'M'),
        _ => (1_000_000_000, 'G'),
    };
    let tenths = number / (unit / 10);
    if tenths < 100 {
        format!("{}.{}{letter}", tenths / 10, tenths % 10)
    } else {
        format!("{}{letter}", (tenths / 10).min(999))
    }
}

/// A size of free space given in KiB: `812 MB`, `41 GB`.
pub fn space(kib: u64) -> String {
    let mib = kib / 1024;
    match mib {
        0 => format!("{kib} KB"),
        1..10_240 => format!("{mib} MB"),
        _ => format!("{} GB", mib / 1024),
    }
}

/// The user of `user@machine`.
pub fn user(by: &str) -> &str {
    by.split('@').next().unwrap_or(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_take_four_columns_at_most_however_old() {
        let now = Moment::parse_from_rfc3339("2026-11-20T21:30:00+00:00").unwrap();
        let days = |days| age(now - TimeDelta::days(days), now);
        assert_eq!([days(999), days(1000), days(4000)], ["999d", "2y", "10y"]);
        assert_eq!(count(10_000, "release"), "10,000 releases");
    }

    #[test]
    fn durations_are_spelled_in_the_unit_people_use() {
        assert_eq!(span(0.4), "0.4 s");
        assert_eq!(span(14.0), "14 s");
        assert_eq!(span(64.2), "1m04");
        assert_eq!(span(7500.0), "2h05");
        assert_eq!(clock(271.9), "4:31");
        assert_eq!(guess(None), "?");
    }

    #[test]
    fn numbers_are_told_in_four_columns() {
        let told = [410, 1234, 88_120, 9_999_999, u64::MAX].map(many);
        assert_eq!(told, ["410", "1.2k", "88k", "9.9M", "999G"]);
    }
}
