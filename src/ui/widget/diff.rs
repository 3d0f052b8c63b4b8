//! A diff, drawn: the rows that show, and nothing of the others.
//!
//! One below the other or side by side, as the view says. What changed within a line stands out in it. No sign of a line
//! reaches a cell but through `Paint`.

use std::ops::Range;

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::paint::{Paint, columns, middle};
use crate::domain::catalog::MarkedCommit;
use crate::domain::diff::rows::{Kind, Row, words_of};
use crate::domain::diff::{Fate, FileDiff, Hunk, Side, print, words};
use crate::domain::text::plural;
use crate::ui::diff::DiffView;
use crate::ui::diff::layout::{Columns, Shown};
use crate::ui::theme::{Lines, Mark};

/// Draws what a view shows, in an area of any size; `focus` = its pane has the keys.
pub fn draw(paint: &mut Paint<'_>, area: Rect, view: &DiffView, focus: bool) {
    let area = area.intersection(paint.buffer.area);
    if area.is_empty() {
        return;
    }
    if view.is_empty() {
        paint.text(
            area.x + 1,
            area.y,
            area.width - 1,
            "nothing differs",
            "text.dim",
        );
        return;
    }
    let size = (area.width, area.height);
    let view = view.fitted(size);
    let pen = Pen {
        columns: view.columns(area.width),
        view: &view,
    };
    for (y, (at, row, part)) in (area.y..).zip(view.visible(size)) {
        let spot = Rect {
            y,
            height: 1,
            ..area
        };
        let is_cursor = at == view.cursor();
        match row.kind {
            Kind::File => pen.file(paint, spot, &row, is_cursor),
            Kind::Words => pen.words(paint, spot, &row),
            Kind::Hunk(_) => pen.hunk(paint, spot, &row),
            Kind::Line {
                line,
                numbers,
                partner,
                ..
            } => {
                let line = Piece {
                    line,
                    numbers,
                    partner,
                    part,
                    is_cursor,
                };
                pen.line(paint, spot, &row, &line);
            }
            Kind::Pair { lines, numbers, .. } => {
                pen.pair(paint, spot, &row, (lines, numbers, part, is_cursor));
            }
            Kind::Cut => {
                let said = "there is more: the rest was left out";
                paint.text(spot.x + 1, y, spot.width - 1, said, "state.warn");
            }
        }
        // Without the keys nothing is selected here, and a mark would only look as if it meant something.
        if is_cursor && focus {
            paint.tint_below(spot, "select");
            if part == 0 {
                paint.mark(spot.x, y, Mark::Cursor, "text.strong");
            }
        }
    }
}

/// Draws one row of the graph of a commit; returns the columns it took. The lines of each branch keep their colour.
pub fn graph(paint: &mut Paint<'_>, spot: Rect, commit: &MarkedCommit, row: usize) -> u16 {
    let Some(graph) = commit.graph.get(row) else {
        return 0;
    };
    let colors: Vec<Style> = (0..4).map(|at| paint.theme.graph(at)).collect();
    let mut used = 0;
    for (at, c) in graph.chars().enumerate() {
        let room = spot.width.saturating_sub(used);
        let mut letter = [0; 4];
        // Each branch has two columns.
        let style = match c {
            '*' => paint.theme.style("text.strong"),
            _ => colors[at / 2 % colors.len()],
        };
        let c = if c == '*' { 'o' } else { c };
        used += paint.styled(
            spot.x + used,
            spot.y,
            room,
            c.encode_utf8(&mut letter),
            style,
        );
    }
    used
}

/// A part of a line that is drawn.
struct Piece {
    line: usize,
    numbers: [usize; 2],
    partner: Option<usize>,
    part: usize,
    is_cursor: bool,
}

struct Pen<'a> {
    view: &'a DiffView,
    columns: Columns,
}

impl Pen<'_> {
    /// The name of a file, with what became of it and its numbers.
    fn file(&self, paint: &mut Paint<'_>, spot: Rect, row: &Row, is_cursor: bool) {
        let Some(file) = self.view.diff().files.get(row.file) else {
            return;
        };
        let folded = self.view.is_folded(row);
        let mark = if folded { Mark::Shut } else { Mark::Open };
        let (x, end) = (spot.x + 1, spot.right());
        paint.mark(x, spot.y, mark, "text.dim");
        let (plus, minus) = file.counts();
        let counts = if file.binary {
            "binary ".to_owned()
        } else if file.hunks.is_empty() {
            String::new()
        } else {
            format!("+{plus} -{minus} ")
        };
        let wide = columns(&counts) as u16 + 1;
        let room = spot.width.saturating_sub(3 + wide);
        let name = middle(&file.path, room);
        let used = paint.text(x + 2, spot.y, room, &name, "text.title");
        if let Some((from, to)) = self.found(&name) {
            let x = x + 2 + from as u16;
            paint.tint(
                Rect {
                    x,
                    width: (to - from) as u16,
                    ..spot
                },
                found_role(is_cursor),
            );
        }
        let fate = fate(file);
        let room = room.saturating_sub(used + 2);
        if !fate.is_empty() && room > 4 {
            paint.text(x + 4 + used, spot.y, room, &fate, "text.dim");
        }
        if file.binary || file.hunks.is_empty() || spot.width < wide + 8 {
            paint.right(end, spot.y, wide, &counts, "text.dim");
            return;
        }
        let start = end.saturating_sub(wide - 1);
        let (plus, minus) = (format!("+{plus}"), format!("-{minus}"));
        let pieces = [
            (plus.as_str(), "diff.add"),
            (" ", "text"),
            (minus.as_str(), "diff.del"),
        ];
        paint.pieces(start, spot.y, wide, &pieces);
    }

    /// Where in a name the first match is, in columns.
    fn found(&self, name: &str) -> Option<(usize, usize)> {
        let (from, to) = self.view.matcher()?.find(name).into_iter().next()?;
        let upto = |count: usize| columns(&name.chars().take(count).collect::<String>());
        Some((upto(from), upto(to)))
    }

    fn words(&self, paint: &mut Paint<'_>, spot: Rect, row: &Row) {
        let file = self.view.diff().files.get(row.file);
        let words = file.map(words_of).unwrap_or_default();
        paint.text(
            spot.x + 3,
            spot.y,
            spot.width.saturating_sub(3),
            &words,
            "text.dim",
        );
    }

    /// The header of a hunk: what it is in, and a rule behind it.
    fn hunk(&self, paint: &mut Paint<'_>, spot: Rect, row: &Row) {
        let Some(hunk) = self.view.hunk(row) else {
            return;
        };
        let said = if hunk.heading.is_empty() {
            format!("@@ line {}", hunk.new_start)
        } else {
            format!("@@ {}", hunk.heading)
        };
        let folded = self.view.is_folded(row);
        let mark = if folded { Mark::Shut } else { Mark::Link };
        let role = if folded { "text.dim" } else { "border" };
        paint.mark(spot.x + 1, spot.y, mark, role);
        let room = spot.width.saturating_sub(4);
        let mut used = 3 + paint.text(spot.x + 3, spot.y, room, &said, "diff.hunk") + 1;
        if folded {
            let lines = format!("  {}", plural("line", hunk.lines.len()));
            let room = spot.width.saturating_sub(used);
            paint.text(spot.x + used - 1, spot.y, room, &lines, "text.dim");
            return;
        }
        while used < spot.width {
            used += paint.mark(spot.x + used, spot.y, Mark::Link, "border");
        }
    }

    /// A line, one below the other.
    fn line(&self, paint: &mut Paint<'_>, spot: Rect, row: &Row, piece: &Piece) {
        let Some(hunk) = self.view.hunk(row) else {
            return;
        };
        let [old, new] = piece.numbers;
        let digits = usize::from(self.columns.digits);
        let number = |number: usize| match number {
            0 => " ".repeat(digits),
            _ => format!("{number:>digits$}"),
        };
        let gutter = match self.columns.numbers {
            2 => format!("{} {} ", number(old), number(new)),
            1 => format!("{} ", number(if new > 0 { new } else { old })),
            _ => String::new(),
        };
        if piece.part == 0 {
            paint.text(spot.x + 1, spot.y, spot.width - 1, &gutter, "text.dim");
        }
        self.text(paint, spot, hunk, piece);
    }

    /// Old and new, side by side.
    fn pair(
        &self,
        paint: &mut Paint<'_>,
        spot: Rect,
        row: &Row,
        (lines, numbers, part, is_cursor): ([Option<usize>; 2], [usize; 2], usize, bool),
    ) {
        let Some(hunk) = self.view.hunk(row) else {
            return;
        };
        let half = self.columns.half;
        let digits = usize::from(self.columns.digits);
        for side in 0..2_usize {
            let x = spot.x + side as u16 * (half + 1);
            let spot = Rect {
                x,
                width: half,
                ..spot
            };
            let Some(line) = lines[side] else {
                continue;
            };
            if part == 0 {
                let number = format!("{:>digits$}", numbers[side]);
                paint.text(x + 1, spot.y, half - 1, &number, "text.dim");
            }
            let partner = lines[1 - side].filter(|other| *other != line);
            let piece = Piece {
                line,
                numbers,
                partner,
                part,
                is_cursor,
            };
            self.text(paint, spot, hunk, &piece);
        }
        let bar = paint.theme.lines(Lines::Plain).vertical_left;
        paint.text(spot.x + half, spot.y, 1, bar, "border");
    }

    /// The sign and the text of a line, as much of it as shows.
    fn text(&self, paint: &mut Paint<'_>, spot: Rect, hunk: &Hunk, piece: &Piece) {
        let Some(line) = hunk.lines.get(piece.line) else {
            return;
        };
        let role = match line.side {
            Side::Both => "text",
            Side::Old => "diff.del",
            Side::New => "diff.add",
        };
        let Columns {
            before, text: room, ..
        } = self.columns;
        if before + 1 > spot.width {
            return;
        }
        let sign = print::sign(line.side).to_string();
        if piece.part == 0 {
            paint.text(spot.x + before - 2, spot.y, 1, &sign, role);
        }
        let shown = DiffView::shown(hunk, line);
        let (blank, part, goes_on) = if self.view.wraps() {
            let parts = shown.parts(usize::from(room));
            let Some(part) = parts.get(piece.part).cloned() else {
                return;
            };
            let last = piece.part + 1 == parts.len();
            (0, part, last && shown.left_out > 0)
        } else {
            shown.window(self.view.aside(), usize::from(room))
        };
        let style = paint.theme.style(role);
        let mut x = spot.x + before + blank as u16;
        let end = spot.x + before + room;
        for (piece, style) in self.pieces(paint, &shown, hunk, piece, style) {
            let from = piece.start.max(part.start);
            let to = piece.end.min(part.end);
            if from < to && x < end {
                x += paint.styled(x, spot.y, end - x, &shown.text[from..to], style);
            }
        }
        if goes_on {
            let spot = Rect {
                x: end - 1,
                width: 1,
                ..spot
            };
            paint.fill(spot, "text");
            paint.mark(end - 1, spot.y, Mark::Cut, "text.dim");
        } else if line.unended && x + 24 < end && part.end == shown.text.len() {
            paint.text(x + 2, spot.y, end - x - 2, "(no line end)", "text.dim");
        }
    }

    /// A line in pieces of one style each: what changed in it and what was found in it stand out.
    fn pieces(
        &self,
        paint: &Paint<'_>,
        shown: &Shown,
        hunk: &Hunk,
        piece: &Piece,
        style: Style,
    ) -> Vec<(Range<usize>, Style)> {
        let mut pieces = vec![(0..shown.text.len(), style)];
        let line = &hunk.lines[piece.line];
        if let Some(other) = piece.partner.and_then(|other| hunk.lines.get(other)) {
            let parts = match line.side {
                Side::Old => words::changed(&line.text, &other.text).0,
                _ => words::changed(&other.text, &line.text).1,
            };
            for part in parts {
                let strong = style.add_modifier(Modifier::REVERSED);
                lay(&mut pieces, &shown.part(&part), strong);
            }
        }
        if let Some(matcher) = self.view.matcher() {
            let found = paint.theme.style(found_role(piece.is_cursor));
            let starts: Vec<usize> = shown.text.char_indices().map(|(at, _)| at).collect();
            let byte = |at: usize| starts.get(at).copied().unwrap_or(shown.text.len());
            for (from, to) in matcher.find(&shown.text) {
                lay(&mut pieces, &(byte(from)..byte(to)), found);
            }
        }
        pieces
    }
}

fn found_role(is_cursor: bool) -> &'static str {
    if is_cursor { "match.current" } else { "match" }
}

/// Gives a part of a text another style.
fn lay(pieces: &mut Vec<(Range<usize>, Style)>, over: &Range<usize>, style: Style) {
    let mut laid = Vec::with_capacity(pieces.len() + 2);
    for (part, below) in pieces.drain(..) {
        let from = over.start.clamp(part.start, part.end);
        let to = over.end.clamp(from, part.end);
        let cuts = [
            (part.start..from, below),
            (from..to, style),
            (to..part.end, below),
        ];
        laid.extend(cuts.into_iter().filter(|(part, _)| !part.is_empty()));
    }
    *pieces = laid;
}

/// What became of a file, in words.
fn fate(file: &FileDiff) -> String {
    let was = file.was.as_deref().unwrap_or_default();
    match file.fate {
        Fate::Added => "new".to_owned(),
        Fate::Deleted => "deleted".to_owned(),
        Fate::Modified => String::new(),
        Fate::Renamed => format!("was {was}"),
        Fate::Copied => format!("copied from {was}"),
    }
}
