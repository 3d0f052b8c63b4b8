//! Panes: where what stands on a screen, and on the run screen in particular. Drawing and moving have to agree on how
//! many rows the log has. Pure arithmetic over rectangles; nothing is drawn here.

use ratatui::layout::Rect;

use super::model::{Model, Pane, RunView};
use super::rows;
use crate::domain::run::RunStatus;

/// The narrowest terminal that shows a whole screen; below it the card shows.
pub const LEAST: (u16, u16) = (60, 18);

/// From this width on panes stand beside each other.
const BESIDE: u16 = 100;

/// The areas of a screen.
#[derive(Debug, Clone, Copy)]
pub struct Areas {
    /// The first row.
    pub band: Rect,
    /// The second row.
    pub standing: Rect,
    /// Everything between.
    pub body: Rect,
    /// The last three rows.
    pub bottom: Rect,
}

/// Cuts a screen into its areas.
pub fn areas(area: Rect) -> Areas {
    let bottom = 3.min(area.height.saturating_sub(2));
    let row = |y: u16| Rect {
        y: area.y + y,
        height: 1.min(area.height.saturating_sub(y)),
        ..area
    };
    Areas {
        band: row(0),
        standing: row(1),
        body: Rect {
            y: area.y + 2.min(area.height),
            height: area.height.saturating_sub(2 + bottom),
            ..area
        },
        bottom: Rect {
            y: area.bottom() - bottom,
            height: bottom,
            ..area
        },
    }
}

/// The panes of the run screen, with their borders; `None` = it does not show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Panes {
    /// Steps and hosts.
    pub plan: Option<Rect>,
    /// What the step prints.
    pub log: Option<Rect>,
    /// What the step is.
    pub step: Option<Rect>,
    /// What will happen, or what did.
    pub brief: Option<Rect>,
}

/// Cuts the body of the run screen into its panes.
pub fn panes(view: &RunView, body: Rect) -> Panes {
    let mut panes = Panes::default();
    if view.zoom {
        match view.pane {
            Pane::Plan => panes.plan = Some(body),
            Pane::Log => panes.log = Some(body),
        }
        return panes;
    }
    let told = is_told(view);
    if body.width >= BESIDE {
        let left = body.width / 2;
        let right = Rect {
            x: body.x + left,
            width: body.width - left,
            ..body
        };
        panes.plan = Some(Rect {
            width: left,
            ..body
        });
        if told {
            panes.brief = Some(right);
            return panes;
        }
        let lower = 13.min(body.height * 2 / 5);
        panes.log = Some(Rect {
            height: body.height - lower,
            ..right
        });
        panes.step = Some(Rect {
            y: right.bottom() - lower,
            height: lower,
            ..right
        });
        return panes;
    }
    let rows = rows::rows(view).len() as u16 + 2;
    let part = if told { 8 } else { 11 };
    let upper = (body.height * part / 20).min(rows);
    panes.plan = Some(Rect {
        height: upper,
        ..body
    });
    let below = Rect {
        y: body.y + upper,
        height: body.height - upper,
        ..body
    };
    if told {
        panes.brief = Some(below);
    } else {
        panes.log = Some(below);
    }
    panes
}

/// Whether the run is told as a whole: before it starts, and after its end.
pub fn is_told(view: &RunView) -> bool {
    let whole = matches!(
        view.state.status,
        RunStatus::Prepared | RunStatus::Finished(_)
    );
    whole && view.follow
}

/// Whether the terminal is so small that the card shows.
pub fn is_card(size: (u16, u16)) -> bool {
    size.0 < LEAST.0 || size.1 < LEAST.1
}

/// The part of a terminal that the body of the card has.
pub fn card_body(area: Rect) -> Rect {
    let rest = if area.height > 7 { 4 } else { 3 };
    Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(rest),
        ..area
    }
}

/// Where the log of a step stands on the card, below what says which step it is.
pub fn card_log(body: Rect) -> Rect {
    Rect {
        y: body.y + 2,
        height: body.height.saturating_sub(2),
        ..body
    }
}

/// The room for the lines of the run's log, also while something else stands in its place.
pub fn log_room(model: &Model, view: &RunView) -> Rect {
    let area = Rect::new(0, 0, model.size.0, model.size.1);
    if is_card(model.size) {
        return card_log(card_body(area));
    }
    let body = areas(area).body;
    let log = panes(view, body).log.unwrap_or(body);
    Rect {
        x: log.x + 1,
        y: log.y + 1,
        width: log.width.saturating_sub(2),
        height: log.height.saturating_sub(2),
    }
}
