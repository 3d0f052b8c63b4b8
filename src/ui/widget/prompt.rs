//! A prompt in the last two rows: what is typed for the log, what it comes to so far, and the keys of the field.

use ratatui::layout::Rect;

use super::paint::{Paint, columns};
use crate::domain::log::Facts;
use crate::ui::prompt::{About, Prompt};
use crate::ui::viewer::thousands;

/// Draws the prompt; `facts` are those of the log with what was typed searched for.
pub fn draw(paint: &mut Paint<'_>, area: Rect, prompt: &Prompt, facts: Option<&Facts>) {
    if area.height < 2 || area.width < 8 {
        return;
    }
    let rows = Rect {
        y: area.bottom() - 2,
        height: 2,
        ..area
    };
    paint.fill(rows, "page");
    let narrow = area.width < 70;
    let label = label(prompt.about, narrow);
    let room = area.width - 2;
    let (said, role) = match &prompt.problem {
        Some(problem) if narrow => (problem.clone(), "input.bad"),
        Some(problem) => (format!("not a regular expression: {problem}"), "input.bad"),
        None => (outcome(prompt, facts, narrow), "text.dim"),
    };
    let mut x = area.x + 1;
    x += paint.text(x, rows.y, room, label, "text.strong");
    // What was typed last stays in sight, with the cursor behind it.
    let kept = if narrow {
        0
    } else {
        columns(&said).min(48) + 3
    };
    let left = (area.right().saturating_sub(x + 2)) as usize;
    let field = left.saturating_sub(kept).max(left.min(12));
    let shown = tail(&prompt.typed, field);
    let bad = if prompt.problem.is_some() {
        "input.bad"
    } else {
        "input"
    };
    x += paint.text(x, rows.y, field as u16, &shown, bad);
    paint.text(x, rows.y, 1, " ", "cursor");
    x += 3;
    paint.text(x, rows.y, area.right().saturating_sub(x + 1), &said, role);
    keys(paint, rows, prompt);
}

fn keys(paint: &mut Paint<'_>, rows: Rect, prompt: &Prompt) {
    let regex = if prompt.regex { "as text" } else { "as regex" };
    let whole = if prompt.whole {
        "only what shows"
    } else {
        "all lines"
    };
    let hints: &[(&str, &str)] = match prompt.about {
        About::Search => &[
            ("Enter", "stay here"),
            ("Esc", "back"),
            ("Ctrl-r", regex),
            ("Up", "earlier"),
        ],
        About::Save => &[
            ("Enter", "write"),
            ("Esc", "back"),
            ("Tab", whole),
            ("Ctrl-u", "clear"),
        ],
        _ => &[
            ("Enter", "take it"),
            ("Esc", "back"),
            ("Ctrl-r", regex),
            ("Up", "earlier"),
        ],
    };
    let y = rows.y + 1;
    let mut x = rows.x + 1;
    // What is no pattern is not taken.
    let hints = &hints[usize::from(prompt.problem.is_some())..];
    for (key, words) in hints {
        if x + (columns(key) + columns(words)) as u16 + 2 > rows.right() {
            return;
        }
        x += paint.text(x, y, rows.width, key, "text.key") + 1;
        x += paint.text(x, y, rows.width, words, "text") + 2;
    }
}

fn label(about: About, narrow: bool) -> &'static str {
    match (about, narrow) {
        (About::Search, _) => "/ ",
        (About::Keep, true) => "& ",
        (About::Keep, false) => "show only lines with: ",
        (About::Drop, true) => "- ",
        (About::Drop, false) => "hide lines with: ",
        (About::Edit(_), true) => "= ",
        (About::Edit(_), false) => "change the filter to: ",
        (About::Save, true) => "> ",
        (About::Save, false) => "save as: ",
    }
}

/// What the text comes to so far.
fn outcome(prompt: &Prompt, facts: Option<&Facts>, narrow: bool) -> String {
    let kind = if prompt.regex { "regex" } else { "text" };
    let case = if prompt.typed.chars().any(char::is_uppercase) {
        "exact case"
    } else {
        "any case"
    };
    let lines = |count: u64| format!("{} lines", thousands(count));
    let found = facts
        .and_then(|facts| facts.search.as_ref())
        .filter(|_| !prompt.typed.is_empty());
    if prompt.about == About::Save {
        let shown = facts.map_or(0, |facts| facts.shown);
        let all = facts.map_or(0, |facts| facts.lines);
        return if prompt.whole {
            format!("all, {}", lines(all))
        } else {
            format!("what shows, {}", lines(shown))
        };
    }
    let (Some(found), Some(facts)) = (found, facts) else {
        return if narrow {
            kind.to_owned()
        } else {
            format!("{kind}  {case}")
        };
    };
    let count = thousands(found.lines);
    let hidden = match prompt.about {
        About::Drop => found.lines,
        _ => facts.shown.saturating_sub(found.lines),
    };
    let part = share(found.scanned, facts.lines);
    match prompt.about {
        _ if narrow => format!("{kind}: {count}"),
        About::Keep | About::Drop => format!(
            "{kind}  would hide {} of {}{part}",
            thousands(hidden),
            thousands(facts.shown)
        ),
        _ => format!(
            "{kind}  {case}   {count} {}{part}",
            if found.lines == 1 { "match" } else { "matches" }
        ),
    }
}

/// How much was looked at, when that is not all: `, scanned 41 %`.
pub fn share(scanned: u64, lines: u64) -> String {
    if scanned >= lines {
        return String::new();
    }
    let part = u128::from(scanned) * 100 / u128::from(lines.max(1));
    format!("   scanned {part} %")
}

/// The end of a text in at most `width` columns.
fn tail(text: &str, width: usize) -> String {
    let safe = super::paint::safe(text);
    let mut from = 0;
    while columns(&safe[from..]) > width {
        from += safe[from..].chars().next().map_or(1, char::len_utf8);
    }
    safe[from..].to_owned()
}
