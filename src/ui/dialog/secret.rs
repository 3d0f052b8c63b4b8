//! The field for a secret that has to be typed: a dot for each character, and nothing else of it.

use super::sheet::{Line, Sheet, blank, field, text};
use crate::domain::id::{SecretName, StepName};

/// So many dots are shown at most: how long a secret is, is nobody's business either.
const DOTS: usize = 24;

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
    let leave = if names.is_empty() {
        "Esc leaves it readable"
    } else {
        "Esc starts nothing"
    };
    let mut lines: Vec<Line> = vec![blank()];
    lines.extend(text(&about, width, "text"));
    if let Some(said) = said {
        lines.push(blank());
        lines.extend(text(said, width, "text.strong"));
    }
    let before = lines.len();
    lines.push(blank());
    lines.push(field(
        &format!("{name}: "),
        &"\u{2022}".repeat(typed.min(DOTS)),
    ));
    lines.push(blank());
    Sheet {
        title: "A secret is needed".to_owned(),
        bottom: format!("Enter takes it   Ctrl-U clears   {leave}"),
        kept: lines.len() - before,
        lines,
        width: width + 4,
        ..Sheet::default()
    }
}
