//! The rules of single texts: names, durations, patterns, destinations, variables, tag names.
//!
//! Each rule takes the text as written and returns it (or what it means), or a [`Refusal`] that says why not.
//! The rules protect what comes behind them: file names, `ssh` arguments, shell variables, git refs.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::NaiveDate;
use chrono::format::{Item, StrftimeItems};

use super::{Problems, Span};
use crate::domain::id::check_name;

/// A duration as a regular expression, for editors.
pub(super) const DURATION_PATTERN: &str = "^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$";
/// The longest duration that is taken: a step or a pause of more than 30 days is a slip of the pen.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// Why a text is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What is wrong, to stand behind the name of the key: "is empty".
    pub(super) what: String,
    /// What was expected, beside the caret.
    pub(super) expected: String,
    /// What to do.
    pub(super) help: Option<String>,
    /// The offset in the text where it goes wrong.
    at: Option<usize>,
}

impl Refusal {
    /// A refusal of the whole text.
    pub(super) fn new(what: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            expected: expected.into(),
            help: None,
            at: None,
        }
    }

    /// The same with a line that says what to do.
    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The place of the mistake: one character of the value where it is known and nothing in it is escaped.
    pub(super) fn within(&self, source: &str, span: Span) -> Span {
        let written = source.get(span.start..span.end).unwrap_or_default();
        let quotes = if written.starts_with("\"\"\"") || written.starts_with("'''") {
            3
        } else {
            1
        };
        // A value without quotes comes from a parser that went on behind a mistake.
        let quoted = written.starts_with(['"', '\'']);
        let plain = written.starts_with('\'') || !written.contains('\\');
        let start = self.at.map(|at| span.start + quotes + at);
        let sign = start.and_then(|start| source.get(start..span.end)?.chars().next());
        match (start, sign) {
            (Some(start), Some(sign)) if quoted && plain && !written.contains('\n') => Span {
                start,
                end: start + sign.len_utf8(),
            },
            _ => span,
        }
    }
}

/// A text that is not empty.
pub(super) fn text(text: &str) -> Result<String, Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::new("is empty", "expected a text"));
    }
    if text.contains('\0') {
        return Err(Refusal::new(
            "holds a NUL character",
            "expected a text without it",
        ));
    }
    if let Some(at) = text.find(turns_around) {
        let what = "holds a character that changes the direction of text";
        return Err(Refusal {
            at: Some(at),
            ..Refusal::new(what, "what is shown would not be what it is")
        });
    }
    Ok(text.to_owned())
}

/// Whether a character makes a terminal or an editor show what follows in another order (CVE-2021-42574).
fn turns_around(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text of one line.
pub(super) fn line(line: &str) -> Result<String, Refusal> {
    text(line)?;
    match line.find(char::is_control) {
        Some(at) => Err(Refusal {
            at: Some(at),
            ..Refusal::new(
                "holds a line break or another control character",
                "expected one plain line",
            )
        }),
        None => Ok(line.to_owned()),
    }
}

/// A name; the error is the reason.
pub(super) fn name(text: &str) -> Result<String, String> {
    check_name(text)
        .map(|()| text.to_owned())
        .map_err(|why| why.to_string())
}

/// An ssh destination that cannot be taken for an option or split into words.
pub(super) fn destination(destination: &str) -> Result<String, Refusal> {
    text(destination)?;
    let host = destination.rsplit('@').next().unwrap_or(destination);
    if destination.starts_with('-') || host.starts_with('-') {
        let what = "has a part that starts with `-`";
        return Err(Refusal::new(what, "a program could take it for an option"));
    }
    match destination.find(|c: char| c.is_whitespace() || c.is_control()) {
        Some(at) => Err(Refusal {
            at: Some(at),
            ..Refusal::new(
                "holds a blank or a control character",
                "expected one ssh destination",
            )
            .help("options of ssh belong into an ssh_config, see `config` in [ssh]")
        }),
        None => Ok(destination.to_owned()),
    }
}

/// A regular expression.
pub(super) fn regex(pattern: &str) -> Result<String, Refusal> {
    text(pattern)?;
    regex_syntax_error(pattern)?;
    Ok(pattern.to_owned())
}

/// Compiles a regular expression; what is wrong with it is the last line of the crate's own message.
fn regex_syntax_error(pattern: &str) -> Result<(), Refusal> {
    let Err(error) = regex::Regex::new(pattern) else {
        return Ok(());
    };
    let message = error.to_string();
    let last = message.lines().last().unwrap_or_default();
    let why = last.trim().trim_start_matches("error: ").to_owned();
    let caret = message.lines().find_map(|line| {
        let blanks = line.len() - line.trim_start().len();
        line.trim_start().starts_with('^').then_some(blanks)
    });
    // The crate shows the pattern behind four blanks, its caret below it; both only when it has one line.
    let at = caret
        .and_then(|blanks| blanks.checked_sub(4))
        .and_then(|column| pattern.char_indices().nth(column).map(|(offset, _)| offset));
    Err(Refusal {
        at,
        ..Refusal::new("is no regular expression", why)
    })
}

/// A path pattern.
pub(super) fn glob(pattern: &str) -> Result<String, Refusal> {
    line(pattern)?;
    globset::Glob::new(pattern)
        .map_err(|why| Refusal::new("is no path pattern", why.kind().to_string()))?;
    Ok(pattern.to_owned())
}

/// A glob of names of tags; one that no tag can have is a slip of the pen.
pub(super) fn tag_glob(pattern: &str) -> Result<String, Refusal> {
    line(pattern)?;
    globset::Glob::new(pattern)
        .map_err(|why| Refusal::new("is no glob", why.kind().to_string()))?;
    match pattern.find(|c: char| c.is_whitespace() || c == '~' || c == ':') {
        Some(at) => Err(Refusal {
            at: Some(at),
            ..Refusal::new("fits no tag", "a tag cannot hold blanks, ~ or :")
        }),
        None => Ok(pattern.to_owned()),
    }
}

/// The name of an environment variable that people may set.
pub(super) fn variable(name: &str) -> Result<String, Refusal> {
    let first = name.chars().next();
    let starts = first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !starts || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Refusal::new(
            "cannot be set",
            "expected letters, digits and `_`, no digit first",
        ));
    }
    if name.starts_with("GOLIVE_") {
        return Err(Refusal::new(
            "cannot be set",
            "names with GOLIVE_ are set by golive itself",
        ));
    }
    Ok(name.to_owned())
}

/// A duration: numbers with units, the larger unit first: `1h30m`, `90s`, `250ms`, `1.5s`.
pub(super) fn duration(text: &str) -> Result<Duration, Refusal> {
    let units = "expected a number and a unit: ms, s, m, h or d, like \"90s\" or \"1h30m\"";
    let wrong = || Refusal::new("is no duration", units);
    let mut rest = text;
    let mut total = 0.0_f64;
    let mut smallest = f64::INFINITY;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(rest.len());
        let (number, behind) = rest.split_at(digits);
        let letters = behind
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(behind.len());
        let (unit, next) = behind.split_at(letters);
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            "" if number == text && !number.is_empty() => {
                let help = format!("write the unit: \"{text}s\" or \"{text}m\"");
                return Err(Refusal::new("is a number without a unit", units).help(help));
            }
            _ => return Err(wrong()),
        };
        if number.starts_with('.') || number.ends_with('.') || seconds >= smallest {
            return Err(wrong());
        }
        total += number.parse::<f64>().map_err(|_| wrong())? * seconds;
        smallest = seconds;
        rest = next;
    }
    if text.is_empty() {
        return Err(wrong());
    }
    if total > LONGEST.as_secs_f64() {
        return Err(Refusal::new("is longer than 30 days", units));
    }
    let time = Duration::from_millis((total * 1000.0).round() as u64);
    if time.is_zero() {
        return Err(Refusal::new(
            "is no time at all",
            "expected more than nothing",
        ));
    }
    Ok(time)
}

/// The name of a git tag, by the rules of `git check-ref-format`.
pub(super) fn tag_name(name: &str) -> Result<String, Refusal> {
    text(name)?;
    match illegal_ref(name) {
        Some(why) => Err(Refusal::new("is no name that git allows for a tag", why)),
        None => Ok(name.to_owned()),
    }
}

/// A strftime pattern whose every result is the name of a git tag.
pub(super) fn tag_pattern(pattern: &str) -> Result<String, Refusal> {
    text(pattern)?;
    let items: Vec<Item<'_>> = StrftimeItems::new(pattern).collect();
    if items.iter().any(|item| matches!(item, Item::Error)) {
        return Err(Refusal::new(
            "is no strftime pattern",
            "expected signs like %F (date) and %H%M (time)",
        ));
    }
    // Two moments that differ in every field: one-digit, blank-padded fields show in the first.
    let moments = [(2026, 1, 2, 3, 4, 5), (2031, 11, 20, 21, 30, 45)];
    let mut results = Vec::new();
    for (year, month, day, hour, minute, second) in moments {
        let date = NaiveDate::from_ymd_opt(year, month, day).expect("invariant: the date exists");
        let time = date
            .and_hms_opt(hour, minute, second)
            .expect("invariant: the time exists");
        let mut result = String::new();
        let shown = write!(
            result,
            "{}",
            time.and_utc()
                .fixed_offset()
                .format_with_items(items.iter())
        );
        if shown.is_err() {
            return Err(Refusal::new(
                "is no strftime pattern",
                "it cannot be written for every time",
            ));
        }
        if let Some(why) = illegal_ref(&result) {
            return Err(Refusal::new(
                format!("gives `{result}`, no name that git allows for a tag"),
                why,
            ));
        }
        results.push(result);
    }
    if results[0] == results[1] {
        return Err(Refusal::new(
            "gives every release the same name",
            "expected the date and time in it",
        )
        .help(
            "a tag that moves is `live`; `tag` is a new one for each release: \"DEPLOYED-%F/%H%M\"",
        ));
    }
    Ok(pattern.to_owned())
}

/// Whether git would take a part of a ref for one of its lock files; in any case, for file systems that ignore it.
fn lock_file(part: &str) -> bool {
    part.to_ascii_lowercase().as_bytes().ends_with(b".lock")
}

/// Why git does not allow this as the name of a tag; `None` = it does. Source: git-check-ref-format(1).
fn illegal_ref(name: &str) -> Option<&'static str> {
    if name.starts_with('-') {
        return Some("a tag cannot start with `-`");
    }
    if name.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Some("a tag cannot hold blanks or control characters");
    }
    if name.contains(|c: char| "~^:?*[\\".contains(c)) {
        return Some("a tag cannot hold ~ ^ : ? * [ or \\");
    }
    if name.contains("..") || name.contains("@{") || name == "@" || name.ends_with('.') {
        return Some("a tag cannot hold `..` or `@{`, or end with `.`");
    }
    if name.starts_with('/') || name.ends_with('/') || name.contains("//") {
        return Some("a tag cannot start or end with `/`, or hold `//`");
    }
    if name
        .split('/')
        .any(|part| part.starts_with('.') || lock_file(part))
    {
        return Some("no part of a tag can start with `.` or end with `.lock`");
    }
    if name.len() > 200 {
        return Some("a tag has at most 200 characters here");
    }
    (name == "HEAD").then_some("`HEAD` is git's own")
}

/// Turns the refusal of a rule into a problem.
pub(super) fn settle<T, U>(
    whose: &str,
    span: Span,
    read: Result<U, Refusal>,
    problems: &mut Problems,
) -> Option<T>
where
    T: From<U>,
{
    match read {
        Ok(value) => Some(value.into()),
        Err(refusal) => {
            let place = refusal.within(problems.source().text(), span);
            let problem = problems.add(place, format!("{whose} {}", refusal.what));
            problem.expected(refusal.expected);
            if let Some(help) = refusal.help {
                problem.help(help);
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_the_larger_first() {
        let millis = |text| duration(text).map(|time| time.as_millis()).ok();
        assert_eq!(millis("5m"), Some(300_000));
        assert_eq!(millis("90s"), Some(90_000));
        assert_eq!(millis("1h30m"), Some(5_400_000));
        assert_eq!(millis("250ms"), Some(250));
        assert_eq!(millis("1.5s"), Some(1_500));
        for wrong in [
            "", "5", "m", "5 m", "-5m", "5min", "30m1h", "5m5m", "0s", "1..5s", "999d", "1e3s",
            "５s",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tag_names_follow_the_rules_of_git() {
        for good in [
            "LIVE",
            "live/production",
            "v1.2.3",
            "DEPLOYED-2026-11-20/2130",
        ] {
            assert!(tag_name(good).is_ok(), "{good}");
        }
        for bad in [
            "-f", "a b", "a..b", "a~1", "a:b", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "@",
            "a@{1}", "a.", "HEAD", "a\u{7}",
        ] {
            assert!(tag_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_tag_pattern_must_give_a_new_legal_name_each_time() {
        for good in ["DEPLOYED-%F/%H%M", "v%Y.%m.%d-%H%M", "release-%s"] {
            assert!(tag_pattern(good).is_ok(), "{good}");
        }
        for bad in ["LIVE", "R-%T", "R-%c", "R-%", "R-%Q", "R %F", "%e", "%F/"] {
            assert!(tag_pattern(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_ssh_destination_is_one_word_and_no_option() {
        for good in [
            "web1",
            "deploy@web1.example.com",
            "ssh://a@[2001:db8::1]:22",
            "web-1",
        ] {
            assert!(destination(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-v",
            "a@-oProxyCommand=x",
            "web 22",
            "web\n",
            "web\t",
            " web",
        ] {
            assert!(destination(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_place_of_a_mistake_is_only_told_where_it_is_sure() {
        let refusal = text("日\u{202e}").unwrap_err();
        let place = |source: &str| refusal.within(source, (0..source.len()).into());
        assert_eq!(place("\"日\u{202e}\""), (4..7).into());
        for unsure in [
            "日\u{202e}",
            "\"\\u65e5\u{202e}\"",
            "\"\"\"\n日\u{202e}\"\"\"",
            "",
            "'",
        ] {
            assert_eq!(place(unsure), (0..unsure.len()).into(), "{unsure}");
        }
    }

    #[test]
    fn a_text_that_is_shown_in_another_order_than_it_runs_is_refused() {
        assert!(text("echo \u{202e}x").is_err());
        assert!(
            text("echo \u{5d0}\u{5d1}").is_ok(),
            "Hebrew is text like any other"
        );
    }

    #[test]
    fn the_place_of_a_mistake_in_a_regular_expression_is_found() {
        let refusal = regex("Ran (?<tests>\\d+ tests").unwrap_err();
        assert_eq!(refusal.at, Some(4));
        assert_eq!(refusal.expected, "unclosed group");
    }
}
