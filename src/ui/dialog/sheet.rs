//! Sheets: what a dialog says, made of texts, choices and fields that are spelled the same in all of them.

use crate::domain::run::{RunState, progress};
use crate::domain::text::ellipsis;
use crate::ui::widget::paint::wrap;

/// A line of a dialog: pieces of text with their roles.
pub type Line = Vec<(String, &'static str)>;

/// What a dialog says.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    /// On its edge.
    pub title: String,
    /// On its right edge.
    pub right: String,
    /// At its lower edge: how to close it.
    pub bottom: String,
    /// Before what stands at its lower edge, where not all of it shows: how to see the rest.
    pub moves: &'static str,
    /// Its text.
    pub lines: Vec<Line>,
    /// How many of its last lines are always shown: choices are never cut, what leads to them is.
    pub kept: usize,
    /// First line shown.
    pub scroll: usize,
    /// Columns it would like to have.
    pub width: u16,
    /// Whether it can act on a guarded environment: double lines.
    pub danger: bool,
}

/// An empty line.
pub fn blank() -> Line {
    Vec::new()
}

/// A text, broken into lines of at most `width` columns.
pub fn text(value: &str, width: u16, role: &'static str) -> Vec<Line> {
    let rows = value
        .lines()
        .flat_map(|line| wrap(line, usize::from(width)));
    rows.map(|row| vec![(row, role)]).collect()
}

/// What users see now, in few words where there is little room.
pub fn users_see(state: &RunState, width: u16) -> String {
    if width < 50 {
        progress::users_see_in_short(state)
    } else {
        progress::users_see(state)
    }
}

/// A choice: its key, what it does, and what that means.
pub fn choice(key: &str, words: &str, means: &str, marked: bool) -> Line {
    let gap = 4_usize.saturating_sub(key.chars().count());
    let acts = key.chars().next().is_some_and(char::is_uppercase) && key.chars().count() == 1;
    vec![
        (if marked { "» " } else { "  " }.to_owned(), "text.strong"),
        (
            key.to_owned(),
            if acts { "text.key.danger" } else { "text.key" },
        ),
        (format!("{:gap$}{words:<18}", ""), "text.strong"),
        (means.to_owned(), "text.dim"),
    ]
}

/// Choices where there is little room, two in a row without their explanations. Each is its key, its words, whether
/// it can be made and whether it is looked at.
pub fn choices_in_short(all: &[(&str, String, bool, bool)], width: u16) -> Vec<Line> {
    let half = usize::from(width / 2);
    let cell = |(key, words, on, marked): &(&str, String, bool, bool)| -> Line {
        let room = half.saturating_sub(4);
        let words = ellipsis(words, room);
        let (of_key, of_words) = if *on {
            ("text.key.danger", "text.strong")
        } else {
            ("text.dim", "text.dim")
        };
        vec![
            (if *marked { "» " } else { "  " }.to_owned(), "text.strong"),
            ((*key).to_owned(), of_key),
            (format!(" {words:<room$}"), of_words),
        ]
    };
    let rows = all.chunks(2);
    rows.map(|pair| pair.iter().flat_map(cell).collect())
        .collect()
}

/// A choice that would be refused, and why.
pub fn choice_off(key: &str, words: &str, why: &str, marked: bool) -> Line {
    let gap = 4_usize.saturating_sub(key.chars().count());
    vec![
        (if marked { "» " } else { "  " }.to_owned(), "text.strong"),
        (key.to_owned(), "text.dim"),
        (format!("{:gap$}{words:<18}", ""), "text.dim"),
        (format!("off: {why}"), "text.dim"),
    ]
}

/// What follows from the choice that is looked at, in rows of `width` columns; where there is little room each
/// sentence has one row, but the first, and the last, which tells of the locks.
pub fn then(said: &[String], width: u16) -> Vec<Line> {
    let narrow = width < 50;
    let mut lines = Vec::new();
    for (at, sentence) in said.iter().enumerate() {
        let most = match (narrow, at) {
            (false, _) => 3,
            (true, 0) => 2,
            (true, at) if at + 1 == said.len() => 2,
            (true, _) => 1,
        };
        let room = usize::from(width.saturating_sub(2));
        let mut rows = wrap(sentence, room);
        if rows.len() > most {
            let rest = rows.split_off(most - 1).join(" ");
            rows.push(ellipsis(&rest, room));
        }
        for (nth, row) in rows.into_iter().enumerate() {
            let role = if at == 0 { "text.strong" } else { "text" };
            let head = if at == 0 && nth == 0 { "" } else { "  " };
            lines.push(vec![(format!("{head}{row}"), role)]);
        }
    }
    lines
}

/// A text field.
pub fn field(label: &str, typed: &str) -> Line {
    vec![
        (label.to_owned(), "text.strong"),
        (typed.to_owned(), "input"),
        (" ".to_owned(), "cursor"),
    ]
}
