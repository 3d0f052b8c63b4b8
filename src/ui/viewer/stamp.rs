//! The time a line begins with: where it ends, so that it can stand back behind what the line says.
//!
//! The time column says it already, corrected by the host's clock. It is not taken away: it is what the server wrote,
//! and what is searched for. Times further inside a line are left alone.

use chrono::FixedOffset;

use crate::domain::log::stamp::Recognizer;

/// No time is longer, in bytes.
const LONGEST: usize = 48;

/// How months and days of the week begin.
const NAMES: [&str; 19] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Mon",
    "Tue", "Wed", "Thu", "Fri", "Sat", "Sun",
];

/// How many bytes at the beginning of a text are its time; `None` = it does not begin with one.
pub fn end(text: &str) -> Option<usize> {
    let (mut end, mut at) = (0, 0);
    let mut has_clock = false;
    while let Some(word) = text[at..].split(' ').next() {
        let is_part = if has_clock {
            is_zone(word)
        } else {
            is_date_or_clock(word)
        };
        if !is_part && !(word.is_empty() && at > 0 && !has_clock) {
            break;
        }
        has_clock |= word.contains(':');
        at += word.len();
        if !word.is_empty() {
            end = at;
        }
        if at >= text.len() || at > LONGEST {
            break;
        }
        at += 1;
    }
    if !has_clock || end > LONGEST {
        return None;
    }
    let utc = FixedOffset::east_opt(0)?;
    let said = Recognizer::new(utc).read(text[..end].as_bytes(), 0);
    said.map(|_| end)
}

fn is_date_or_clock(word: &str) -> bool {
    let bare = word.trim_matches(['[', ']', '(', ')', ',']);
    let named = NAMES.iter().any(|name| bare == *name);
    let is_written = |c: char| c.is_ascii_digit() || ":.,/+-TZ".contains(c);
    let has_month = NAMES.iter().any(|name| bare.contains(&format!("/{name}/")));
    let digits = bare.chars().filter(char::is_ascii_digit).count();
    named || (digits > 0 && (bare.chars().all(is_written) || has_month))
}

fn is_zone(word: &str) -> bool {
    let bare = word.trim_matches(['[', ']', '(', ')', ',']);
    let is_offset = |bare: &str| {
        let digits = bare.strip_prefix(['+', '-']).unwrap_or_default();
        digits.len() >= 4 && digits.chars().all(|c| c.is_ascii_digit() || c == ':')
    };
    matches!(bare, "UTC" | "GMT" | "Z" | "CET" | "CEST") || is_offset(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(text: &str) -> &str {
        &text[..end(text).unwrap_or(0)]
    }

    #[test]
    fn the_time_a_line_begins_with_is_found_and_nothing_of_what_it_says() {
        for said in [
            "2026-11-21 06:05:04,632",
            "2026-11-21T06:05:04.632Z",
            "2026-11-21T06:05:04+01:00",
            "2026-11-21 06:06:49.244 UTC",
            "[2026-11-21 06:05:04 +0000]",
            "Nov 21 06:05:04",
            "Nov  1 06:05:04",
        ] {
            for rest in [" INFO shop.http", " [389] LOG:  7 rows", ""] {
                assert_eq!(stamp(&format!("{said}{rest}")), said);
            }
        }
    }

    #[test]
    fn numbers_are_no_times() {
        for text in [
            "",
            " ",
            "10.0.0.9 - - [21/Nov/2026:06:05:04 +0000] \"GET /\"",
            "200 rows in 12:34",
            "12:34",
            "4: lo: <UP>",
            "{\"ts\":\"2026-11-21T06:05:04Z\"}",
            "[INFO] 2026-11-21 06:05:04 up",
            "12:34:56:78:9a:bc is a device",
            "\u{6f22} 2026-11-21 06:05:04",
        ] {
            assert_eq!(end(text), None, "{text}");
        }
    }
}
