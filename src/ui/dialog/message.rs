//! Messages: something to read.

use super::sheet::{Line, Sheet, blank, text};
use crate::ui::widget::paint::columns;

/// Columns of the edge on both sides of a title.
const EDGE: usize = 4;
/// Something to read.
pub fn sheet(title: &str, lines: &[String], scroll: usize, width: u16) -> Sheet {
    let mut shown: Vec<Line> = vec![blank()];
    // What does not fit on the edge is said as a whole below it, and what is all that is said.
    let is_cut = lines.is_empty() || columns(title) + EDGE > usize::from(width);
    if is_cut {
        shown.extend(text(title, width, "text.strong"));
        if !lines.is_empty() {
            shown.push(blank());
        }
    }
    for (at, line) in lines.iter().enumerate() {
        // Above a piece of a file stands what is wrong with it: each begins a new paragraph.
        let heads = lines.get(at + 1).is_some_and(|next| next.trim() == "|");
        if line.is_empty() || (heads && at > 0) {
            shown.push(blank());
        }
        shown.extend(text(line, width, "text"));
    }
    shown.push(blank());
    let longest = shown
        .iter()
        .map(|line| {
            line.iter()
                .map(|(text, _)| text.chars().count())
                .sum::<usize>()
        })
        .max();
    Sheet {
        title: if is_cut { "" } else { title }.to_owned(),
        bottom: "Esc or Enter closes".to_owned(),
        moves: "j k scroll   ",
        lines: shown,
        scroll,
        width: (longest.unwrap_or(0).max(columns(title) + EDGE) as u16).clamp(40, width.max(40)),
        ..Sheet::default()
    }
}
