//! Where the parts of the logs screen stand at each size. One place says it, so that the viewer is asked for exactly
//! the rows that are drawn.

use ratatui::layout::Rect;

use crate::ui::model::Model;
use crate::ui::panes;
use crate::ui::tail::{LogsPane, TailView};
use crate::ui::widget::{bottom, sources};

/// From this width on sources and histogram stand beside the log.
const WIDE: u16 = 100;
/// Columns of the sources.
const SIDE: u16 = 28;
/// Rows that the histogram's pane has at least: bars, times, and the frame.
const LOWER: u16 = 8;

/// The parts; those without room are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layout {
    /// The sources, with their frame.
    pub sources: Option<Rect>,
    /// The histogram and moments, with their frame.
    pub lower: Option<Rect>,
    /// The sources in one row.
    pub chips: Option<Rect>,
    /// The log, with its frame or the rule above it.
    pub log: Option<Rect>,
    /// The lines.
    pub lines: Option<Rect>,
}

/// The parts of the body of a screen.
pub fn parts(body: Rect, tail: &TailView) -> Layout {
    let alone = tail.zoom || tail.whole.is_some();
    if body.width >= WIDE {
        return beside(body, tail, alone);
    }
    let mut layout = Layout::default();
    match tail.pane {
        LogsPane::Sources => layout.sources = Some(body),
        LogsPane::Histogram if tail.whole.is_none() => layout.lower = Some(body),
        _ => {
            let mut rest = body;
            if !alone && body.height > 8 {
                layout.chips = Some(Rect { height: 1, ..body });
                rest = Rect {
                    y: body.y + 1,
                    height: body.height - 1,
                    ..body
                };
            }
            layout.log = Some(rest);
            layout.lines = Some(below_rule(rest));
        }
    }
    layout
}

fn beside(body: Rect, tail: &TailView, alone: bool) -> Layout {
    if alone && (tail.whole.is_some() || tail.pane == LogsPane::Log) {
        return framed(Layout::default(), body);
    }
    if alone {
        let mut layout = Layout::default();
        match tail.pane {
            LogsPane::Sources => layout.sources = Some(body),
            _ => layout.lower = Some(body),
        }
        return layout;
    }
    let side = Rect {
        width: SIDE,
        ..body
    };
    let wanted = sources::height(tail, SIDE - 2) + 2;
    let most = side.height.saturating_sub(LOWER);
    let upper = wanted.clamp(6, most.max(6)).min(side.height);
    let layout = Layout {
        sources: Some(Rect {
            height: upper,
            ..side
        }),
        lower: (side.height - upper >= 3).then_some(Rect {
            y: side.y + upper,
            height: side.height - upper,
            ..side
        }),
        ..Layout::default()
    };
    let log = Rect {
        x: body.x + SIDE,
        width: body.width - SIDE,
        ..body
    };
    framed(layout, log)
}

fn framed(layout: Layout, log: Rect) -> Layout {
    let lines = Rect {
        x: log.x + 1,
        y: log.y + 1,
        width: log.width.saturating_sub(2),
        height: log.height.saturating_sub(2),
    };
    Layout {
        log: Some(log),
        lines: Some(lines),
        ..layout
    }
}

fn below_rule(log: Rect) -> Rect {
    Rect {
        y: log.y + log.height.min(1),
        height: log.height.saturating_sub(1),
        ..log
    }
}

/// The lines of the small form: all but the band, the attention and the keys.
pub fn card_lines(area: Rect) -> Rect {
    Rect {
        y: area.y + area.height.min(1),
        height: area.height.saturating_sub(3),
        ..area
    }
}

/// Columns and rows of the lines on the screen as large as the terminal is; `None` = no line is shown.
pub fn viewer_size(model: &Model) -> Option<(u16, u16)> {
    let tail = model.tail.as_ref()?;
    let area = Rect::new(0, 0, model.size.0, model.size.1);
    let lines = if panes::is_card(model.size) {
        card_lines(area)
    } else {
        parts(bottom::areas(area).body, tail).lines?
    };
    Some((lines.width, lines.height))
}
