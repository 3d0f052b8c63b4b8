//! The histogram: errors, warnings and all lines over time, as bars.
//!
//! Small beside a log (the last minutes, one row each), or alone over the whole time, with a cursor that says what a
//! stretch holds. Each kind has its own scale: one error is seen beside a million lines.

use chrono::{DateTime, TimeZone};
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::paint::{Paint, columns};
use crate::domain::log::Bucket;
use crate::domain::run::Moment;
use crate::ui::tail::Histogram;
use crate::ui::viewer::thousands;
use crate::ui::words;

/// A kind of lines: its name, its role, and how many of them a stretch has.
type Kind = (&'static str, &'static str, fn(&Bucket) -> u64);

/// The kinds that are told, most important first.
const KINDS: [Kind; 3] = [
    ("err", "log.error", |bucket| bucket.errors),
    ("warn", "log.warn", |bucket| bucket.warnings),
    ("all", "text", |bucket| bucket.all),
];
/// Columns before the bars.
const LABEL: u16 = 5;

/// The eight heights of a bar's top cell.
const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// The same for terminals that can show nothing else.
const ASCII_BARS: [&str; 8] = [".", ".", ":", ":", "=", "=", "#", "#"];

/// Draws one row for each kind, and below them the times of both ends.
pub fn small(paint: &mut Paint<'_>, area: Rect, histogram: &Histogram, now: Moment) {
    if area.height == 0 || area.width <= LABEL + 4 {
        return;
    }
    if histogram.buckets.is_empty() {
        paint.text(area.x, area.y, area.width, "no lines yet", "text.dim");
        return;
    }
    let shown = fit(&histogram.buckets, area.width - LABEL);
    for (y, (name, role, of)) in (area.y..area.bottom()).zip(KINDS) {
        paint.text(area.x, y, LABEL, name, "text.dim");
        row(paint, (area.x + LABEL, y), &shown, role, of);
    }
    let y = area.y + KINDS.len() as u16;
    if y < area.bottom() {
        let (from, to) = histogram.span_ms;
        let bars = shown.len() as u16;
        paint.text(area.x + LABEL, y, 5, &time(from, now, "%H:%M"), "text.dim");
        if bars >= 12 {
            let end = area.x + LABEL + bars;
            paint.right(end, y, 5, &time(to, now, "%H:%M"), "text.dim");
        }
    }
}

/// Draws the errors as one row that ends at column `right`; returns where it begins.
pub fn errors(paint: &mut Paint<'_>, right: u16, y: u16, width: u16, histogram: &Histogram) -> u16 {
    let shown = fit(&histogram.buckets, width.saturating_sub(4));
    if shown.is_empty() {
        return right;
    }
    let x = right.saturating_sub(shown.len() as u16);
    let (_, role, of) = KINDS[0];
    row(paint, (x, y), &shown, role, of);
    paint.right(x.saturating_sub(1), y, 3, "err", "text.dim")
}

/// Draws tall bars over all the room there is, and below them the times of both ends.
pub fn large(paint: &mut Paint<'_>, area: Rect, histogram: &Histogram, now: Moment) {
    if area.height < 7 || area.width <= LABEL + 4 || histogram.buckets.is_empty() {
        small(paint, area, histogram, now);
        return;
    }
    let room = area.width - LABEL;
    let each = usize::from(room) / histogram.buckets.len();
    let shown: Vec<Bucket> = if each > 1 {
        let wide = histogram.buckets.iter();
        wide.flat_map(|bucket| std::iter::repeat_n(*bucket, each))
            .collect()
    } else {
        fit(&histogram.buckets, room)
    };
    let bars = area.height - 1;
    bands(
        paint,
        Rect {
            height: bars,
            ..area
        },
        &shown,
    );
    let (from, to) = histogram.span_ms;
    let (y, left) = (area.y + bars, area.x + LABEL);
    paint.text(left, y, 5, &time(from, now, "%H:%M"), "text.dim");
    let end = left + shown.len() as u16;
    paint.right(end, y, 5, &time(to, now, "%H:%M"), "text.dim");
}

/// The kinds below each other, each with its name and its most.
fn bands(paint: &mut Paint<'_>, area: Rect, shown: &[Bucket]) {
    let mut y = area.y;
    for (at, (name, role, of)) in KINDS.into_iter().enumerate() {
        // The last kind has what is left.
        let height = if at == 2 {
            area.bottom() - y
        } else {
            area.height / 3
        };
        let band = Rect {
            x: area.x + LABEL,
            y,
            width: area.width - LABEL,
            height: height.saturating_sub(u16::from(at < 2 && height > 2)),
        };
        paint.text(area.x, y, LABEL, name, "text.dim");
        let most = shown.iter().map(of).max().unwrap_or(0);
        if band.height > 1 {
            paint.text(area.x, y + 1, LABEL - 1, &words::many(most), "text.dim");
        }
        tall(paint, band, shown, role, of);
        y += height;
    }
}

/// Draws the whole time with tall bars, and what the stretch under the cursor holds.
pub fn whole(paint: &mut Paint<'_>, area: Rect, histogram: &Histogram, now: Moment) {
    if area.height < 5 || area.width <= LABEL + 4 {
        return;
    }
    if histogram.buckets.is_empty() {
        let said = "no lines with a time yet";
        paint.text(area.x + 1, area.y + 1, area.width, said, "text.dim");
        return;
    }
    let room = area.width - LABEL;
    let shown = fit(&histogram.buckets, room);
    let cursor = place(histogram, shown.len());
    let bars = area.height - 2;
    bands(
        paint,
        Rect {
            height: bars,
            ..area
        },
        &shown,
    );
    let column = Rect {
        x: area.x + LABEL + cursor as u16,
        y: area.y,
        width: 1,
        height: bars,
    };
    // Turned around, a full bar would look like none: there the sign below says where the cursor is.
    if !paint
        .theme
        .style("select")
        .add_modifier
        .contains(Modifier::REVERSED)
    {
        paint.tint(column, "select");
    }
    axis(paint, area, bars, (cursor, shown.len()), histogram, now);
    let y = area.bottom() - 1;
    let told = told(histogram, now, area.width);
    paint.text(area.x, y, area.width, &told, "text.strong");
}

/// The times of both ends and of the cursor.
fn axis(
    paint: &mut Paint<'_>,
    area: Rect,
    bars: u16,
    (cursor, len): (usize, usize),
    histogram: &Histogram,
    now: Moment,
) {
    let y = area.y + bars;
    let (from, to) = histogram.span_ms;
    let (left, end) = (area.x + LABEL, area.x + LABEL + len as u16);
    let mark = left + cursor as u16;
    // The times give way to the cursor.
    let after = if mark < left + 9 { mark + 2 } else { left };
    let before = if mark + 9 >= end {
        mark.saturating_sub(1)
    } else {
        end
    };
    if before >= after + 8 {
        paint.text(after, y, 8, &time(from, now, "%H:%M:%S"), "text.dim");
    }
    if before >= after + 18 {
        paint.right(before, y, 8, &time(to, now, "%H:%M:%S"), "text.dim");
    }
    let sign = if paint.theme.ascii() { "^" } else { "▲" };
    paint.text(mark, y, 1, sign, "text.strong");
}

/// What the stretch under the cursor holds, in words.
fn told(histogram: &Histogram, now: Moment, width: u16) -> String {
    let Some((from, to)) = stretch(histogram, histogram.cursor) else {
        return String::new();
    };
    let bucket = histogram.buckets[histogram.cursor.min(histogram.buckets.len() - 1)];
    let counts = format!(
        "{} err  {} warn  {} {}",
        thousands(bucket.errors),
        thousands(bucket.warnings),
        thousands(bucket.all),
        if bucket.all == 1 { "line" } else { "lines" },
    );
    let (from, to) = (time(from, now, "%H:%M:%S"), time(to, now, "%H:%M:%S"));
    let whole = format!("{from} to {to}   {counts}");
    if columns(&whole) <= usize::from(width) {
        whole
    } else {
        format!("{from}   {counts}")
    }
}

/// Begin and end of a stretch, in milliseconds since 1970; `None` = there are none.
pub fn stretch(histogram: &Histogram, at: usize) -> Option<(i64, i64)> {
    let len = i64::try_from(histogram.buckets.len())
        .ok()
        .filter(|len| *len > 0)?;
    let (from, to) = histogram.span_ms;
    let at = i64::try_from(at).unwrap_or(0).min(len - 1);
    let edge = |at: i64| from + (to - from).max(0) * at / len;
    Some((edge(at), edge(at + 1)))
}

/// The column of the cursor when the stretches are drawn in `len` columns.
fn place(histogram: &Histogram, len: usize) -> usize {
    let all = histogram.buckets.len().max(1);
    (histogram.cursor.min(all - 1) * len / all).min(len.saturating_sub(1))
}

fn row(
    paint: &mut Paint<'_>,
    (x, y): (u16, u16),
    shown: &[Bucket],
    role: &str,
    of: fn(&Bucket) -> u64,
) {
    let most = shown.iter().map(of).max().unwrap_or(0);
    let signs = if paint.theme.ascii() {
        ASCII_BARS
    } else {
        BARS
    };
    for (x, bucket) in (x..).zip(shown) {
        match of(bucket) {
            0 => paint.text(x, y, 1, ".", "text.dim"),
            lines => {
                let height = eighths(lines, most, 1);
                paint.text(x, y, 1, signs[height as usize - 1], role)
            }
        };
    }
}

fn tall(paint: &mut Paint<'_>, area: Rect, shown: &[Bucket], role: &str, of: fn(&Bucket) -> u64) {
    let most = shown.iter().map(of).max().unwrap_or(0);
    let signs = if paint.theme.ascii() {
        ASCII_BARS
    } else {
        BARS
    };
    for (x, bucket) in (area.x..area.right()).zip(shown) {
        let mut left = match of(bucket) {
            0 => 0,
            lines => eighths(lines, most, area.height),
        };
        for y in (area.y..area.bottom()).rev() {
            if left == 0 {
                break;
            }
            let here = left.min(8);
            paint.text(x, y, 1, signs[here as usize - 1], role);
            left -= here;
        }
    }
}

/// How many eighths of a row a bar is high in `rows` rows; at least one.
fn eighths(lines: u64, most: u64, rows: u16) -> u64 {
    let full = u64::from(rows) * 8;
    let part = u128::from(lines) * u128::from(full) / u128::from(most.max(1));
    u64::try_from(part).unwrap_or(full).clamp(1, full.max(1))
}

/// The stretches put together so that they fit into `width` columns.
fn fit(buckets: &[Bucket], width: u16) -> Vec<Bucket> {
    let width = usize::from(width);
    if buckets.len() <= width || width == 0 {
        return buckets.iter().take(width).copied().collect();
    }
    let mut shown = vec![Bucket::default(); width];
    for (at, bucket) in buckets.iter().enumerate() {
        let sum = &mut shown[at * width / buckets.len()];
        sum.all += bucket.all;
        sum.warnings += bucket.warnings;
        sum.errors += bucket.errors;
    }
    shown
}

/// A time of a log as the operator's clock shows it.
pub fn time(at_ms: i64, now: Moment, format: &str) -> String {
    let at = DateTime::from_timestamp_millis(at_ms)
        .map(|at| now.offset().from_utc_datetime(&at.naive_utc()));
    at.map_or_else(|| "?".to_owned(), |at| at.format(format).to_string())
}

/// Columns that [`errors`] takes for so many stretches.
pub fn errors_width(stretches: usize) -> u16 {
    (stretches + columns("err ")) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(all: u64) -> Bucket {
        Bucket {
            all,
            ..Bucket::default()
        }
    }

    #[test]
    fn stretches_that_do_not_fit_are_put_together_and_none_is_lost() {
        let buckets: Vec<Bucket> = (0..100).map(lines).collect();
        for width in 1..130 {
            let shown = fit(&buckets, width);
            assert!(shown.len() <= usize::from(width).min(100));
            let sum: u64 = shown.iter().map(|bucket| bucket.all).sum();
            assert_eq!(sum, 4950);
        }
    }

    #[test]
    fn one_line_beside_a_million_is_seen() {
        assert_eq!(eighths(1, 1_000_000, 4), 1);
        assert_eq!(eighths(1_000_000, 1_000_000, 4), 32);
        assert_eq!(eighths(u64::MAX, u64::MAX, 1), 8);
    }

    #[test]
    fn the_stretches_cover_the_time_without_gaps() {
        let histogram = Histogram {
            span_ms: (1000, 1100),
            buckets: vec![lines(1); 7],
            cursor: 0,
        };
        let mut end = 1000;
        for at in 0..7 {
            let (from, to) = stretch(&histogram, at).unwrap();
            assert_eq!(from, end);
            end = to;
        }
        assert_eq!(end, 1100);
        assert_eq!(stretch(&histogram, 99), stretch(&histogram, 6));
    }
}
