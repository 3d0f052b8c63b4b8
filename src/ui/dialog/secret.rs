//! The field for a secret that has to be typed: an asterisk for each character, and nothing else of it.

use super::sheet::{Line, Sheet, blank, field, text};
use crate::domain::id::{SecretName, StepName};

/// So many of them are shown at most: how long a secret is, is nobody's business either.
const MOST: usize = 24;

/// What the dialog says.
pub fn sheet(
    name: &SecretName,
    steps: &[StepName],
    said: Option<&str>,
    typed: usize,
    width: u16,
) -> Sheet {
    let width = width.min(72);
    let names: Vec<&str> = steps.iter().map(StepName::as_str).collect();
    let about = if names.is_empty() {
        "The steps that need it are done. Typed again, it is masked in what the others print; golive keeps it in memory only.".to_owned()
    } else {
        format!(
            "{} needs it. It is handed to the step and masked in what comes back; golive keeps it in memory only.",
            names.join(", ")
        )
    };
    // What Esc comes to is never cut.
    let keys = match (names.is_empty(), width < 50) {
        (true, false) => "Enter takes it   Ctrl-U clears   Esc leaves it readable",
        (false, false) => "Enter takes it   Ctrl-U clears   Esc starts nothing",
        (true, true) => "Enter takes   Esc leaves readable",
        (false, true) => "Enter takes it  Esc starts nothing",
    };
    let mut lines: Vec<Line> = vec![blank()];
    lines.extend(text(&about, width, "text"));
    if let Some(said) = said {
        lines.push(blank());
        lines.extend(text(&sentence(said), width, "text.strong"));
    }
    let before = lines.len();
    lines.push(blank());
    lines.push(field(&format!("{name}: "), &"*".repeat(typed.min(MOST))));
    lines.push(blank());
    Sheet {
        title: "A secret is needed".to_owned(),
        bottom: keys.to_owned(),
        kept: lines.len() - before,
        lines,
        width: width + 4,
        ..Sheet::default()
    }
}

/// A text that follows other words elsewhere, on its own.
fn sentence(said: &str) -> String {
    let mut rest = said.chars();
    let first = rest.next().map(|first| first.to_uppercase().to_string());
    let end = if said.ends_with('.') { "" } else { "." };
    format!("{}{}{end}", first.unwrap_or_default(), rest.as_str())
}
