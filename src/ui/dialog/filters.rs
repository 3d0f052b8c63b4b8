//! The filters of a log: which there are, which are on, how many lines each matches, and the least level.

use super::sheet::{Line, Sheet, blank, text};
use crate::domain::log::{Facts, Filters, Level, Rule, Test};
use crate::ui::viewer::thousands;
use crate::ui::words;

/// Columns of the list.
const WIDTH: u16 = 84;

/// What the list says; `cursor` is the place of a rule.
pub fn sheet(
    filters: &Filters,
    facts: &Facts,
    cursor: usize,
    (width, height): (u16, u16),
) -> Sheet {
    let width = width.min(WIDTH - 4);
    let narrow = width < 56;
    let values = usize::from(width.saturating_sub(16)).min(28);
    let mut lines: Vec<Line> = Vec::new();
    let value = |name: &str, value: String, keys: &str| -> Line {
        vec![
            (format!("  {name:<9}"), "text.dim"),
            (format!("{value:<values$}"), "text.strong"),
            (keys.to_owned(), "text.key"),
        ]
    };
    lines.push(value("level", level(filters.level).to_owned(), "< >"));
    let around = match filters.context {
        0 => "no lines around".to_owned(),
        lines => format!("{} around", words::count(lines as usize, "line")),
    };
    lines.push(value("context", around, "_ +"));
    lines.push(blank());
    // Rows beside the rules: level, context, two blanks, the sums, the hint, the frame and what stays in sight.
    let room = usize::from(height.saturating_sub(if narrow { 8 } else { 13 })).max(2);
    let cursor = cursor.min(filters.rules.len().saturating_sub(1));
    let top = cursor.saturating_sub(room - 1);
    let rules = filters.rules.iter().enumerate();
    for (at, rule) in rules.skip(top).take(room) {
        lines.push(line(
            rule,
            facts.rules.get(at),
            at == cursor,
            (width, filters.off),
        ));
    }
    if filters.rules.is_empty() {
        let said = "No filters yet: & keeps only lines with a text, - hides them.";
        lines.extend(text(said, width, "text.dim"));
    }
    lines.push(blank());
    let hidden = facts.lines.saturating_sub(facts.shown);
    let sums = if filters.off {
        "All filters are off for now: Ctrl-f turns them on.".to_owned()
    } else {
        let around = if filters.context > 0 && hidden > 0 {
            ", but for those around others"
        } else {
            ""
        };
        format!(
            "Hidden: {} of {} lines{around}.",
            thousands(hidden),
            thousands(facts.lines)
        )
    };
    lines.extend(text(
        &sums,
        width,
        if filters.off { "state.warn" } else { "text" },
    ));
    if !narrow {
        let said =
            "Shown: lines with one of the + texts, if there are any, and none of the - texts.";
        lines.extend(text(said, width, "text.dim"));
    }
    Sheet {
        title: "Filters".to_owned(),
        right: counts(filters),
        bottom: keys(filters.rules.is_empty(), narrow).to_owned(),
        lines,
        width: WIDTH,
        ..Sheet::default()
    }
}

/// The keys that do something here.
fn keys(is_empty: bool, narrow: bool) -> &'static str {
    match (is_empty, narrow) {
        (true, _) => "& - add  Esc closes",
        (false, true) => "Space on/off  x delete  Esc",
        (false, false) => "Space on/off  Enter edit  x delete  & - add  Ctrl-f all  Esc closes",
    }
}

fn line(rule: &Rule, lines: Option<&u64>, marked: bool, (width, off): (u16, bool)) -> Line {
    let (sign, pattern) = match &rule.test {
        Test::In(pattern) => ("+", pattern),
        Test::Out(pattern) => ("-", pattern),
    };
    let on = rule.on && !off;
    let role = if on { "text.strong" } else { "text.off" };
    let count = lines.map_or_else(String::new, |lines| format!("{:>12}", thousands(*lines)));
    let kind = if pattern.regex { "regex" } else { "text" };
    let room = width.saturating_sub(2 + 4 + 2 + 8 + 13);
    let shown = crate::domain::text::ellipsis(
        &crate::domain::text::visible(&pattern.text),
        usize::from(room),
    );
    let gap = usize::from(room).saturating_sub(crate::domain::text::width(&shown));
    vec![
        (if marked { "» " } else { "  " }.to_owned(), "text.strong"),
        (if rule.on { "[x] " } else { "[ ] " }.to_owned(), role),
        (format!("{sign} "), role),
        (format!("{shown}{:gap$}", ""), role),
        (format!("  {kind:<5}"), "text.dim"),
        (count, "text.dim"),
    ]
}

/// How many rules are on and off: `3 on, 1 off`.
pub fn counts(filters: &Filters) -> String {
    let level = usize::from(filters.level > Level::Debug);
    let on = filters.rules.iter().filter(|rule| rule.on).count() + level;
    let off = filters.rules.len() + level - on;
    match (on, off) {
        (0, 0) => "none".to_owned(),
        _ if filters.off => format!("{} off", on + off),
        (on, 0) => format!("{on} on"),
        (on, off) => format!("{on} on, {off} off"),
    }
}

/// The least level that shows, in words.
pub fn level(level: Level) -> &'static str {
    match level {
        Level::Unknown | Level::Debug => "all levels",
        Level::Info => "info and graver",
        Level::Warning => "warnings and errors",
        Level::Error => "errors only",
    }
}

/// The filters that are on, as one line: `+level>=info  -/healthz  +re:"GET /a"`.
pub fn in_short(filters: &Filters) -> String {
    let grave = match filters.level {
        Level::Unknown | Level::Debug => None,
        Level::Info => Some("+level>=info".to_owned()),
        Level::Warning => Some("+level>=warn".to_owned()),
        Level::Error => Some("+level>=error".to_owned()),
    };
    let rules = filters.rules.iter().filter(|rule| rule.on).map(|rule| {
        let (sign, pattern) = match &rule.test {
            Test::In(pattern) => ('+', pattern),
            Test::Out(pattern) => ('-', pattern),
        };
        let shown = crate::domain::text::ellipsis(&crate::domain::text::visible(&pattern.text), 24);
        match (pattern.regex, shown.contains(' ')) {
            (true, true) => format!("{sign}re:\"{shown}\""),
            (true, false) => format!("{sign}re:{shown}"),
            (false, true) => format!("{sign}\"{shown}\""),
            (false, false) => format!("{sign}{shown}"),
        }
    });
    let around = (filters.context > 0).then(|| format!("context {}", filters.context));
    let all: Vec<String> = grave.into_iter().chain(rules).chain(around).collect();
    all.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log::Pattern;

    #[test]
    fn filters_are_told_in_one_line_with_those_that_are_on() {
        let rule = |test, on| Rule { test, on };
        let pattern = |text: &str, regex| Pattern {
            text: text.to_owned(),
            regex,
        };
        let mut filters = Filters {
            rules: vec![
                rule(Test::Out(pattern("/healthz", false)), true),
                rule(Test::Out(pattern("GET /assets", true)), true),
                rule(Test::In(pattern("web", false)), false),
            ],
            level: Level::Info,
            ..Filters::default()
        };
        assert_eq!(
            in_short(&filters),
            "+level>=info  -/healthz  -re:\"GET /assets\""
        );
        assert_eq!(counts(&filters), "3 on, 1 off");
        filters.off = true;
        assert_eq!(counts(&filters), "4 off");
        assert_eq!(counts(&Filters::default()), "none");
    }
}
