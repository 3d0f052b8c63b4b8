//! Texts for people: plurals, durations, ages, shortening, control signs made visible, similar names.
//!
//! Pure functions from values to short texts. Widths are columns of a terminal, never bytes or characters.
//! Nothing here knows colours or screens.

use std::fmt::Write as _;
use std::time::Duration;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// `1 step`, `2 steps`: a number with its noun, which gets an `s` for every number but one.
pub fn plural(noun: &str, count: usize) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// Names in a row, at most `most` of them: `web1, web2 and 38 more`.
pub fn few<T: AsRef<str>>(names: &[T], most: usize) -> String {
    let told: Vec<&str> = names.iter().take(most).map(AsRef::as_ref).collect();
    let told = told.join(", ");
    match names.len().saturating_sub(most) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

/// How long something took: `40 ms`, `5.2 s`, `42 s`, `1m04`, `2h03`, `3d04h`.
pub fn duration(time: Duration) -> String {
    let millis = time.as_millis();
    let seconds = (millis + 500) / 1000;
    match millis {
        0..100 => format!("{millis} ms"),
        100..9_950 => {
            let tenths = (millis + 50) / 100;
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
        9_950..59_500 => format!("{seconds} s"),
        59_500..3_599_500 => format!("{}m{:02}", seconds / 60, seconds % 60),
        3_599_500..86_399_500 => format!("{}h{:02}", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// How long ago something was, in two to four columns: `now`, `8s`, `5m`, `3h`, `2d`, `7w`, `2y`.
pub fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..2 => "now".to_owned(),
        2..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        86_400..1_209_600 => format!("{}d", seconds / 86_400),
        1_209_600..31_536_000 => format!("{}w", seconds / 604_800),
        _ => format!("{}y", seconds / 31_536_000),
    }
}

/// Bytes as text: what is no UTF-8 becomes `\xNN`, so that different bytes stay different.
pub fn of_bytes(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    // Almost all are right, which is seen quickest as a whole.
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// The longest subject of a commit or tag that is kept, in bytes.
pub const LONGEST_SUBJECT: usize = 2000;

/// The beginning of a text of at most so many bytes, and whether that is all of it. Never splits a character.
pub fn beginning(text: &str, most: usize) -> (&str, bool) {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (&text[..end], end == text.len())
}

/// A subject of a commit or tag: one line, which may be as long as somebody wrote it, cut with `…`.
pub fn subject(text: &str) -> String {
    match beginning(text, LONGEST_SUBJECT) {
        (all, true) => all.to_owned(),
        (part, false) => format!("{part}…"),
    }
}

/// The columns a text takes on a terminal.
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// Shortens a text to at most `columns` columns; what was cut is marked by `…`. Never splits a character.
pub fn ellipsis(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let wide = grapheme.width();
        if used + wide > columns - 1 {
            break;
        }
        used += wide;
        out.push_str(grapheme);
    }
    out.push('…');
    out
}

/// The text with every sign that a terminal would obey, or that hides something, shown instead: `␛`, `<U+202E>`.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_visible(&mut out, c);
    }
    out
}

/// Appends one character in its visible form, see [`visible`].
pub fn push_visible(out: &mut String, c: char) {
    match c {
        '\0'..='\x1f' => out.extend(char::from_u32(0x2400 + u32::from(c))),
        '\x7f' => out.push('␡'),
        _ if is_hidden(c) => {
            let _ = write!(out, "<U+{:04X}>", u32::from(c));
        }
        _ => out.push(c),
    }
}

/// Whether a character is invisible and changes how others are shown: C1 controls, bidirectional and zero-width signs.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// The candidate that is most like a mistyped name, when one is like enough to be meant.
pub fn similar<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (likeness(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// How alike two lower-case names are, from 0 to 1; names that only differ in an ending or a swap score high.
fn likeness(name: &str, candidate: &str) -> f64 {
    if name == candidate {
        return 1.0;
    }
    let edits = strsim::normalized_damerau_levenshtein(name, candidate);
    let starts = name.len() >= 3 && (candidate.starts_with(name) || name.starts_with(candidate));
    if starts && candidate.len() >= 3 {
        edits.max(0.7)
    } else {
        edits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_nothing_else() {
        assert_eq!(plural("step", 0), "0 steps");
        assert_eq!(plural("step", 1), "1 step");
        assert_eq!(plural("step", 2), "2 steps");
    }

    #[test]
    fn durations_never_show_sixty_of_anything() {
        let shown = |ms| duration(Duration::from_millis(ms));
        assert_eq!(shown(0), "0 ms");
        assert_eq!(shown(99), "99 ms");
        assert_eq!(shown(5_230), "5.2 s");
        assert_eq!(shown(9_949), "9.9 s");
        assert_eq!(shown(9_950), "10 s");
        assert_eq!(shown(59_499), "59 s");
        assert_eq!(shown(59_500), "1m00");
        assert_eq!(shown(64_000), "1m04");
        assert_eq!(shown(3_599_499), "59m59");
        assert_eq!(shown(3_599_500), "1h00");
        assert_eq!(shown(7_380_000), "2h03");
        assert_eq!(shown(86_399_499), "23h59");
        assert_eq!(shown(86_399_500), "1d00h");
    }

    #[test]
    fn ages_are_compact() {
        let shown = |s| age(Duration::from_secs(s));
        assert_eq!(shown(1), "now");
        assert_eq!(shown(59), "59s");
        assert_eq!(shown(3_599), "59m");
        assert_eq!(shown(86_400 * 13), "13d");
        assert_eq!(shown(86_400 * 15), "2w");
        assert_eq!(shown(86_400 * 800), "2y");
    }

    #[test]
    fn shortening_counts_columns_and_keeps_characters_whole() {
        assert_eq!(ellipsis("short", 5), "short");
        assert_eq!(ellipsis("longer", 5), "long…");
        assert_eq!(ellipsis("日本語", 4), "日…");
        assert_eq!(ellipsis("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(ellipsis("abc", 0), "");
    }

    #[test]
    fn control_signs_are_shown_not_obeyed() {
        assert_eq!(visible("\u{1b}[31m"), "␛[31m");
        assert_eq!(visible("a\u{202e}b"), "a<U+202E>b");
        assert_eq!(visible("\u{9b}1m\0\u{7f}"), "<U+009B>1m␀␡");
    }

    #[test]
    fn a_similar_name_is_found_and_a_strange_one_is_not() {
        let names = ["migrate", "reload", "code"];
        assert_eq!(similar("migrat", names), Some("migrate"));
        assert_eq!(similar("raload", names), Some("reload"));
        assert_eq!(similar("MIGRATE", names), Some("migrate"));
        assert_eq!(similar("xyzzy", names), None);
        assert_eq!(similar("", names), None);
    }

    #[test]
    fn of_many_names_the_first_are_told() {
        assert_eq!(few::<&str>(&[], 2), "");
        assert_eq!(few(&["a", "b"], 2), "a, b");
        assert_eq!(few(&["a", "b", "c", "d"], 2), "a, b and 2 more");
    }
}
