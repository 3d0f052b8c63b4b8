//! Mistakes in the syntax of TOML, said for people.
//!
//! The parser goes on behind a mistake and reports what it stumbles over next; of one line only the first counts. The usual
//! mistakes (a text without quotes, a key that is there twice) get words of their own.

use super::{Problems, Span};

/// Adds the parser's mistakes and drops the problems that may only be their consequences.
pub fn report(mistakes: &[toml::de::Error], problems: &mut Problems) {
    let end = problems.source().text().len();
    let mut found: Vec<(Span, &str)> = mistakes
        .iter()
        .map(|mistake| (mistake.span().unwrap_or(end..end).into(), mistake.message()))
        .collect();
    found.sort_by_key(|(span, _)| *span);
    found.dedup_by_key(|(span, _)| problems.source().place(span.start).0);
    let places: Vec<Span> = found.iter().map(|(span, _)| *span).collect();
    problems.without_consequences(&places);
    for (span, message) in found {
        mistake(span, message, problems);
    }
}

/// Adds one mistake.
fn mistake(span: Span, message: &str, problems: &mut Problems) {
    if let Some((key, value)) = bare_text(problems.source().line(span.start)) {
        let (what, help) = (
            format!("the value of `{key}` is not in quotes"),
            format!(
                "write {key} = \"{}\"",
                value.replace('\\', "\\\\").replace('"', "\\\"")
            ),
        );
        problems
            .add(span, what)
            .expected("texts stand in quotes")
            .help(help);
    } else if message == "duplicate key" {
        let what = format!("`{}` is there twice", problems.source().part(span));
        problems
            .add(span, what)
            .expected("a name stands in a table once");
    } else {
        let (what, expected) = message.split_once(", expected ").unwrap_or((message, ""));
        let problem = problems.add(span, format!("this is no TOML: {what}"));
        if !expected.is_empty() {
            problem.expected(format!("expected {expected}"));
        }
    }
}

/// The key and the value of a line whose value looks like a text without quotes.
fn bare_text(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim(), value.split(" #").next().unwrap_or(value).trim());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let first = value.chars().next()?;
    let known = ["true", "false", "inf", "nan"].contains(&value);
    let text = first.is_alphabetic() || "./~$%@*!(".contains(first);
    let whole = !value.contains(|c: char| "\"'{}[]=".contains(c));
    (!key.is_empty() && key.chars().all(plain) && text && whole && !known).then_some((key, value))
}

#[cfg(test)]
mod tests {
    use super::bare_text;

    #[test]
    fn a_text_without_quotes_is_told_from_other_mistakes() {
        assert_eq!(bare_text("run = ./test # all"), Some(("run", "./test")));
        assert_eq!(bare_text("on = web"), Some(("on", "web")));
        for line in [
            "a = true",
            "a = 1 2",
            "a = \"x",
            "a = { b = 1",
            "[a = b",
            "a",
            "a = ",
        ] {
            assert_eq!(bare_text(line), None, "{line}");
        }
    }
}
