//! Messages and the search field.

use super::sheet::{Line, Sheet, blank, field, text};

/// Something to read.
pub fn sheet(title: &str, lines: &[String], scroll: usize, width: u16) -> Sheet {
    let mut shown: Vec<Line> = vec![blank()];
    for line in lines {
        if line.is_empty() {
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
        title: title.to_owned(),
        bottom: "Esc or Enter closes".to_owned(),
        lines: shown,
        scroll,
        width: (longest.unwrap_or(0) as u16).clamp(40, width.max(40)),
        ..Sheet::default()
    }
}

/// The field of `/`.
pub fn search(typed: &str) -> Sheet {
    Sheet {
        title: "Search the log".to_owned(),
        bottom: "Enter searches upwards   n N go on   Esc closes".to_owned(),
        lines: vec![field("/ ", typed)],
        width: 60,
        ..Sheet::default()
    }
}
