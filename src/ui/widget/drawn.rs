//! A difference as another program drew it: the rows that show, in its colours.
//!
//! It knows nothing of what the rows mean. No sign reaches a cell but through `Paint`.

use ratatui::layout::Rect;

use super::paint::Paint;
use crate::domain::diff::drawn::Tool;
use crate::domain::output::ansi::Span;
use crate::domain::text::width;
use crate::ui::shelf::drawn::{Drawing, Sketch};
use crate::ui::theme::Mark;

/// Draws what a program drew, in an area of any size.
pub fn draw(paint: &mut Paint<'_>, area: Rect, drawing: &Drawing, tool: Tool) {
    let area = area.intersection(paint.buffer.area);
    let inner = Rect {
        x: area.x + area.width.min(1),
        width: area.width.saturating_sub(2),
        ..area
    };
    let drawn = match drawing.sketch() {
        None | Some(Sketch::Waiting) => {
            let said = format!("{} draws ..", tool.word());
            return paint.wrapped(inner, &said, "text.dim");
        }
        Some(Sketch::Failed(why)) => {
            let said = format!("{why}\n\n| shows golive's own diff");
            return paint.wrapped(inner, &said, "state.warn");
        }
        Some(Sketch::Here(drawn)) => drawn,
    };
    if drawn.rows.is_empty() {
        let said = format!("{} printed nothing", tool.word());
        return paint.wrapped(inner, &said, "text.dim");
    }
    let rows = drawn.rows.iter().skip(drawing.top);
    let mut y = area.y;
    for spans in rows.take(usize::from(area.height)) {
        row(
            paint,
            Rect {
                y,
                height: 1,
                ..area
            },
            spans,
            drawing.aside,
        );
        y += 1;
    }
    if drawn.cut && y < area.bottom() {
        let said = "there is more: the rest was left out";
        paint.text(inner.x, y, inner.width, said, "state.warn");
    }
}

fn row(paint: &mut Paint<'_>, spot: Rect, spans: &[Span], aside: usize) {
    let mut before = 0;
    let mut x = spot.x;
    for span in spans {
        let text = behind(&span.text, aside.saturating_sub(before));
        before += width(&span.text);
        let style = if span.control {
            paint.theme.style("log.control")
        } else {
            paint.theme.drawn(span.style)
        };
        let room = spot.right().saturating_sub(x);
        if room == 0 {
            if !text.is_empty() {
                paint.mark(spot.right() - 1, spot.y, Mark::Cut, "text.dim");
            }
            return;
        }
        x += paint.styled(x, spot.y, room, text, style);
    }
}

/// A text without its first columns.
fn behind(text: &str, columns: usize) -> &str {
    if columns == 0 {
        return text;
    }
    let mut used = 0;
    for (at, c) in text.char_indices() {
        if used >= columns {
            return &text[at..];
        }
        used += width(c.encode_utf8(&mut [0; 4]));
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_scrolled_by_columns() {
        assert_eq!(behind("abc", 0), "abc");
        assert_eq!(behind("abc", 2), "c");
        assert_eq!(behind("漢字c", 2), "字c");
        assert_eq!(behind("漢", 8), "");
    }
}
