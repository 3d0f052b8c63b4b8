//! Themes: roles to styles. (Stand-in until the theme room lands.)

use ratatui::style::{Modifier, Style};

/// A state, as glyph, letter and word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "stand-in")]
pub enum State {
    Ok,
    Run,
    Wait,
    Fail,
    Warn,
    Skip,
    Lost,
    Changed,
}

/// Roles to styles.
#[derive(Debug, Clone)]
pub struct Theme {
    ascii: bool,
}

impl Theme {
    /// A stand-in.
    pub fn stand_in(ascii: bool) -> Self {
        Self { ascii }
    }
    /// The style of a role.
    pub fn style(&self, role: &str) -> Style {
        match role {
            "select" | "text.title" => Style::new().add_modifier(Modifier::BOLD),
            "env.production" | "cursor" => Style::new().add_modifier(Modifier::REVERSED),
            _ => Style::new(),
        }
    }
    /// The glyph of a state, one column wide.
    pub fn glyph(&self, state: State) -> &'static str {
        let (unicode, ascii) = match state {
            State::Ok => ("✓", "+"),
            State::Run => ("▸", ">"),
            State::Wait => ("◌", "."),
            State::Fail => ("✗", "X"),
            State::Warn => ("!", "!"),
            State::Skip => ("⊘", "/"),
            State::Lost => ("?", "?"),
            State::Changed => ("~", "~"),
        };
        if self.ascii { ascii } else { unicode }
    }
    /// Whether only ASCII may be drawn.
    pub fn ascii(&self) -> bool {
        self.ascii
    }
}
