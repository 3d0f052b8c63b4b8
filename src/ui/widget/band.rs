//! The band: the first row of every screen, with what is looked at and in which environment.
//!
//! Production differs in shape and words, not only in colour: its word stands at both ends, between `!!`.

use ratatui::layout::Rect;

use super::paint::{Paint, columns, middle};
use crate::domain::id::EnvName;
use crate::domain::run::RunState;

/// How dangerous the place is that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// This machine.
    Local,
    /// An environment without a gate.
    Open,
    /// An environment behind a gate.
    Guarded,
}

impl Tone {
    /// The role its words are drawn in.
    pub fn role(self) -> &'static str {
        match self {
            Self::Local => "env.local",
            Self::Open => "env.staging",
            Self::Guarded => "env.production",
        }
    }
}

/// The tone of an environment of a run.
pub fn tone(state: &RunState, env: Option<&EnvName>) -> Tone {
    let Some(env) = env else {
        return Tone::Local;
    };
    let mut stages = state
        .plan
        .stages
        .iter()
        .filter(|stage| stage.env.as_ref() == Some(env));
    if stages.any(|stage| stage.gate != crate::domain::checklist::Gate::None) {
        Tone::Guarded
    } else {
        Tone::Open
    }
}

/// Columns that the name of a project keeps when others want room.
const LEAST_NAME: usize = 24;

/// What the band says.
#[derive(Debug, Clone)]
pub struct Band<'a> {
    /// The environment in capitals; empty = none.
    pub env: String,
    /// How dangerous it is.
    pub tone: Tone,
    /// On the left, most important first; what does not fit is left out.
    pub left: Vec<(String, &'a str)>,
    /// On the right, least important first; what does not fit is left out.
    pub right: Vec<(String, &'a str)>,
}

/// Draws the band over the first row of `area`.
pub fn draw(paint: &mut Paint<'_>, area: Rect, band: &Band<'_>) {
    let row = Rect {
        height: area.height.min(1),
        ..area
    };
    if row.is_empty() {
        return;
    }
    let guarded = band.tone == Tone::Guarded && !band.env.is_empty();
    let (mut start, mut end) = (area.x + 1, area.right().saturating_sub(1));
    if guarded {
        paint.fill(row, "env.production");
        let word = format!("!! {} !!", band.env);
        start += paint.text(start, area.y, row.width / 2, &word, "env.production") + 2;
        let short: String = if row.width >= 100 {
            band.env.clone()
        } else {
            band.env.chars().take(4).collect()
        };
        let last = format!("!! {short} !!");
        if columns(&last) + 24 < usize::from(row.width) {
            end = paint
                .right(end, area.y, row.width / 3, &last, "env.production")
                .saturating_sub(2);
        }
    }
    let role = |wanted: &'static str| if guarded { "env.production" } else { wanted };
    let mut right = band.right.clone();
    let badge = match (guarded, band.env.is_empty()) {
        (false, false) => columns(&band.env) + 4,
        _ => 0,
    };
    let first = band.left.first().map_or(0, |(text, _)| columns(text));
    let second = band.left.get(1).map_or(0, |(text, _)| columns(text) + 2);
    let needed = first.min(LEAST_NAME) + badge + second;
    let width = |pieces: &[(String, &str)]| {
        pieces
            .iter()
            .map(|(text, _)| columns(text) + 3)
            .sum::<usize>()
    };
    while !right.is_empty() && width(&right) + needed + 1 > usize::from(end.saturating_sub(start)) {
        right.remove(0);
    }
    for (text, wanted) in right.iter().rev() {
        let wanted = if guarded { "env.production" } else { wanted };
        end = paint
            .right(end, area.y, row.width, text, wanted)
            .saturating_sub(3);
    }
    if !guarded && !band.env.is_empty() {
        let badge = format!(" {} ", band.env);
        if let Some((first, wanted)) = band.left.first() {
            // Where it is dangerous stands before whose it is.
            let room = end.saturating_sub(start + columns(&badge) as u16 + 2);
            start += paint.text(start, area.y, room, &named(first, room), wanted) + 2;
        }
        start += paint.text(
            start,
            area.y,
            end.saturating_sub(start),
            &badge,
            band.tone.role(),
        ) + 2;
        left(
            paint,
            area.y,
            start,
            end,
            &band.left[1.min(band.left.len())..],
            role,
        );
    } else {
        left(paint, area.y, start, end, &band.left, role);
    }
}

/// The name of a project cut to `width` columns; golive's own name goes first.
fn named(text: &str, width: u16) -> String {
    let short = text.strip_prefix("golive  ").unwrap_or(text);
    if columns(text) <= usize::from(width) {
        text.to_owned()
    } else {
        middle(short, width)
    }
}

fn left(
    paint: &mut Paint<'_>,
    y: u16,
    mut x: u16,
    end: u16,
    pieces: &[(String, &str)],
    role: impl Fn(&'static str) -> &'static str,
) {
    // Room for the piece behind the name is worth more than the whole name.
    let all: usize = pieces
        .iter()
        .take(2)
        .map(|(text, _)| columns(text) + 2)
        .sum();
    let over = (all.saturating_sub(2)).saturating_sub(usize::from(end.saturating_sub(x)));
    for (at, (text, wanted)) in pieces.iter().enumerate() {
        let room = end.saturating_sub(x);
        if at > 0 && columns(text) > usize::from(room) {
            return;
        }
        let forced = role("");
        let wanted = if forced.is_empty() { wanted } else { forced };
        // The name of a project gives way, down to what is still a name.
        let width = match at {
            0 => columns(text).saturating_sub(over).max(LEAST_NAME) as u16,
            _ => room,
        };
        let text = if at == 0 { &named(text, width) } else { text };
        x += paint.text(x, y, room, text, wanted) + 2;
    }
}
