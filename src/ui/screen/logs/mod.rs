//! The logs of servers: every source of an environment in one stream, as it is written.
//!
//! Read-only, and says so: no key here changes a server. Sources, their clocks and lines over time stand beside the
//! lines, or take their place where there is little room.

use ratatui::layout::Rect;

use crate::domain::log::Voice;
use crate::domain::run::Moment;
use crate::ui::dialog::filters;
use crate::ui::model::Model;
use crate::ui::tail::{LogsPane, TailView, letter};
use crate::ui::theme::{Lines, State};
use crate::ui::tiles as layout;
use crate::ui::viewer::stamp;
use crate::ui::viewer::{Viewer, thousands};
use crate::ui::widget::band::{self, Band, Tone};
use crate::ui::widget::bottom;
use crate::ui::widget::card as small;
use crate::ui::widget::paint::{Frame, Paint, columns, middle};
use crate::ui::widget::{histogram, sources, viewer};
use crate::ui::words;

mod empty;
mod foot;

/// Bytes of lines that are kept; older ones are given up.
const KEPT: u64 = 256 << 20;

/// Draws the logs screen.
pub fn draw(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) {
    let areas = bottom::areas(area);
    let Some(tail) = &model.tail else {
        let said = "no logs were asked for; 2 asks for them";
        paint.text(area.x + 1, area.y, area.width, said, "text.dim");
        return;
    };
    band::draw(paint, areas.band, &head(model, tail, area.width));
    filter_line(paint, areas.standing, tail);
    let layout = layout::parts(areas.body, tail);
    let focus = |pane| tail.pane == pane && model.dialogs.is_empty();
    if let Some(area) = layout.sources {
        let inner = paint.panel(
            area,
            Frame {
                title: "Sources",
                right: &tail.sources.len().to_string(),
                bottom: "Space show/hide",
                focus: focus(LogsPane::Sources),
                ..Frame::default()
            },
        );
        sources::draw(paint, inner, tail, focus(LogsPane::Sources));
    }
    if let Some(area) = layout.lower {
        lower(paint, area, tail, focus(LogsPane::Histogram), now);
    }
    if let Some(area) = layout.chips {
        let width = area.width.saturating_sub(2);
        let bars = histogram::errors_width(tail.lately.buckets.len()).min(width / 6);
        let y = area.y;
        let room = width.saturating_sub(bars + 2);
        sources::chips(paint, area.x + 1, y, room, tail);
        histogram::errors(paint, area.right() - 1, y, bars, &tail.lately);
    }
    if let Some(area) = layout.log {
        let lines = layout.lines.unwrap_or(area);
        log(paint, (area, lines), model, tail, now);
    }
    foot::foot(paint, areas.bottom, model, tail);
}

/// Whether an environment is behind a gate.
fn tone(model: &Model, tail: &TailView) -> Tone {
    let all = model.overview.iter();
    let mut all = all.flat_map(|overview| &overview.environments);
    match all.find(|env| env.env == tail.env) {
        Some(env) if env.gated => Tone::Guarded,
        _ => Tone::Open,
    }
}

fn head<'a>(model: &Model, tail: &TailView, width: u16) -> Band<'a> {
    let (live, rate) = tail.live();
    let all = tail.sources.len();
    let bytes = tail.viewer.facts().bytes;
    let wide = width >= 100;
    let mut right = Vec::new();
    if wide {
        let mb = |bytes: u64| bytes.div_ceil(1 << 20);
        right.push((format!("{} of {} MB", mb(bytes), mb(KEPT)), "text.dim"));
    }
    let per_second = sources::per_second(rate);
    let role = match (live, all) {
        (0, 1..) if tail.is_dead() => "state.fail",
        (live, all) if live < all => "state.warn",
        _ => "text",
    };
    if wide {
        right.push((format!("{per_second} lines/s"), "text"));
        right.push((format!("{live} of {all} sources live"), role));
    } else {
        right.push((format!("{live}/{all} {per_second}/s"), role));
    }
    let (word, role) = state(tail);
    right.push((word.to_owned(), role));
    Band {
        env: tail.env.as_str().to_uppercase(),
        tone: tone(model, tail),
        left: if wide {
            vec![
                (format!("golive  {}", model.project), "text.title"),
                ("logs (read only)".to_owned(), "text"),
            ]
        } else {
            vec![
                (model.project.clone(), "text.title"),
                ("(read only)".to_owned(), "text"),
            ]
        },
        right,
    }
}

/// Whether lines come, in a word.
fn state(tail: &TailView) -> (&'static str, &'static str) {
    let (live, _) = tail.live();
    match (live, tail.viewer.follows()) {
        (_, false) => ("PAUSED", "state.warn"),
        (1.., true) => ("LIVE", "state.run"),
        _ if tail.is_dead() || tail.failed.is_some() => ("DEAD", "state.fail"),
        _ if tail.is_lost() => ("LOST", "state.fail"),
        _ if tail.waits() => ("WAITING", "state.warn"),
        _ if tail.heard && tail.sources.is_empty() => ("NO LOGS", "state.warn"),
        _ => ("OPENING", "text.dim"),
    }
}

fn filter_line(paint: &mut Paint<'_>, area: Rect, tail: &TailView) {
    let set = tail.viewer.filters();
    let facts = tail.viewer.facts();
    let counts = filters::counts(set);
    let mut x = area.x + 1;
    let end = area.right().saturating_sub(1);
    if counts == "none" && set.hidden.is_empty() {
        let said = "every line shows";
        x += paint.text(x, area.y, area.width, said, "text.dim") + 3;
        for (key, said) in [("&", "keep"), ("-", "hide"), ("F", "filters")] {
            x += paint.text(x, area.y, end.saturating_sub(x), key, "text.key") + 1;
            x += paint.text(x, area.y, end.saturating_sub(x), said, "text.dim") + 2;
        }
        return;
    }
    let wide = area.width >= 100;
    let only_sources = counts == "none";
    let mut sums = counts;
    if !set.hidden.is_empty() {
        let hidden = words::count(set.hidden.len(), "source");
        sums = format!("{sums}, {hidden} hidden").replace("none, ", "");
    }
    let hides = facts.lines.saturating_sub(facts.shown);
    let hides = match (set.off, wide) {
        (true, _) if set.hidden.is_empty() => "hides nothing".to_owned(),
        (_, true) => format!("hides {} of {}", thousands(hides), thousands(facts.lines)),
        (_, false) => format!("hides {}", thousands(hides)),
    };
    let keys = match (wide, set.off) {
        _ if only_sources => "   .. shows all",
        (true, false) => "   F edit   Ctrl-f off",
        (true, true) => "   F edit   Ctrl-f on",
        _ => "  F edit",
    };
    let tail_text = format!("{sums}   {hides}{keys}");
    let from = paint.right(end, area.y, area.width, &tail_text, "text.dim");
    let said = filters::in_short(set);
    if wide && !said.is_empty() {
        x += paint.text(x, area.y, 8, "filter", "text.dim") + 2;
    }
    let role = if set.off { "text.off" } else { "text.strong" };
    paint.text(x, area.y, from.saturating_sub(x + 2), &said, role);
}

/// The histogram of the last minutes, golive's moments that show, and the marks.
fn lower(paint: &mut Paint<'_>, area: Rect, tail: &TailView, focus: bool, now: Moment) {
    let inner = paint.panel(
        area,
        Frame {
            title: "Last 15 min",
            right: "i zoom",
            focus,
            ..Frame::default()
        },
    );
    if inner.is_empty() {
        return;
    }
    let inner = Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(1),
        ..inner
    };
    let y = bars(paint, inner, tail, now);
    let time = |at_ms: Option<i64>| {
        at_ms.map_or_else(
            || "        ".to_owned(),
            |at| histogram::time(at, now, "%H:%M:%S"),
        )
    };
    let mut rows = vec![("deploys in view".to_owned(), "text.dim")];
    let seen = moments(&tail.viewer);
    let marks = tail.viewer.marks();
    // How it ended says most: where not all fit, the first deeds are left out, and some of the marks.
    let below = if marks.is_empty() {
        1
    } else {
        3 + marks.len().min(2)
    };
    let fits = usize::from(inner.bottom().saturating_sub(y)).saturating_sub(below);
    let left_out = seen.len().saturating_sub(fits.max(1));
    let room = usize::from(inner.width).saturating_sub(columns("| 00:00:00 "));
    rows.extend(seen.iter().skip(left_out).map(|(at, text, role)| {
        let (sign, deed) = deed(paint, text, room);
        (format!("{sign} {} {deed}", time(*at)), *role)
    }));
    if seen.is_empty() {
        rows.clear();
    } else {
        rows.push((String::new(), "text"));
    }
    rows.push(("marks  ' here  u next".to_owned(), "text.dim"));
    rows.extend(marks.iter().map(|mark| {
        // Its own time is told already.
        let own = stamp::end(&mark.text).unwrap_or(0);
        let text = format!("{} \"{}\"", time(mark.at_ms), mark.text[own..].trim_start());
        (text, "text")
    }));
    for (y, (text, role)) in (y..inner.bottom()).zip(rows) {
        paint.text(inner.x, y, inner.width, &text, role);
    }
}

/// Draws the last minutes as tall as there is room; returns the row below them.
fn bars(paint: &mut Paint<'_>, inner: Rect, tail: &TailView, now: Moment) -> u16 {
    if inner.width < 60 {
        histogram::small(paint, inner, &tail.lately, now);
        return inner.y + 5;
    }
    let height = inner.height * 2 / 3;
    histogram::large(paint, Rect { height, ..inner }, &tail.lately, now);
    inner.y + height + 1
}

/// A deed in few columns: without what all of them begin with.
fn in_short(text: &str) -> String {
    let text = text.strip_prefix("step ").unwrap_or(text);
    let of_run = text
        .strip_prefix("run ")
        .and_then(|rest| rest.split_once(' '));
    match of_run {
        Some((run, what)) if run.ends_with(':') => what.to_owned(),
        Some((_, what)) => format!("run {what}"),
        None => text.to_owned(),
    }
}

/// A deed in `room` columns, behind a sign. Where there is little room the sign says what became of a step, so that its
/// name and host stay.
fn deed(paint: &Paint<'_>, text: &str, room: usize) -> (&'static str, String) {
    let short = in_short(text);
    if columns(&short) <= room {
        return ("|", short);
    }
    let ends = [
        (" started on ", State::Run),
        (" ended on ", State::Ok),
        (" FAILED on ", State::Fail),
    ];
    let told = ends.iter().find_map(|(verb, state)| {
        let (step, rest) = short.split_once(verb)?;
        let host = rest.split([',', ':']).next()?;
        Some((paint.theme.glyph(*state), step, host))
    });
    match told {
        Some((sign, step, host)) => {
            let left = room.saturating_sub(columns(step) + 1).max(room / 2);
            let host = middle(host, left as u16);
            let left = room.saturating_sub(columns(&host) + 1);
            (sign, format!("{} {host}", middle(step, left as u16)))
        }
        None => ("|", short),
    }
}

/// What golive did, as it stands in the lines that show; what it says of a source is no deed.
fn moments(viewer: &Viewer) -> Vec<(Option<i64>, String, &'static str)> {
    let mut found = Vec::new();
    let mut last = None;
    for (line, _) in viewer.visible() {
        let is_deed = line.voice != Voice::Printed && viewer.label(line).is_none();
        if is_deed && last != Some(line.spot.id) {
            let role = match line.voice {
                Voice::Failed => "log.error",
                _ => "log.golive",
            };
            found.push((line.at_ms, line.text(), role));
            last = Some(line.spot.id);
        }
    }
    found
}

fn log(
    paint: &mut Paint<'_>,
    (area, lines): (Rect, Rect),
    model: &Model,
    tail: &TailView,
    now: Moment,
) {
    let whole = tail.whole.as_ref();
    let title = match whole {
        Some(_) => "Lines over the whole time".to_owned(),
        None => title(tail),
    };
    let place = match whole {
        Some(_) => "Enter jumps there   i back".to_owned(),
        None => place(&tail.viewer),
    };
    let bottom = if whole.is_some() {
        String::new()
    } else {
        tail.viewer.bottom_words()
    };
    let focus = (tail.pane == LogsPane::Log || whole.is_some()) && model.dialogs.is_empty();
    if lines.x > area.x {
        let frame = Frame {
            title: &title,
            right: &place,
            bottom: &bottom,
            focus,
            ..Frame::default()
        };
        paint.panel(area, frame);
    } else {
        rule(paint, area, &title, &place, &bottom);
    }
    if let Some(whole) = whole {
        let lines = Rect {
            x: lines.x + 1,
            width: lines.width.saturating_sub(2),
            ..lines
        };
        histogram::whole(paint, lines, whole, now);
    } else if !empty::draw(paint, lines, tail) {
        viewer::draw(paint, lines, &tail.viewer, now);
    }
}

/// Whose lines stand here: those that are not hidden, whether or not more of them come.
fn title(tail: &TailView) -> String {
    let names = sources::names(tail);
    let is_hidden = |at: &usize| tail.viewer.filters().hidden.contains(at);
    let mut shown = (0..names.len()).filter(|at| !is_hidden(at));
    match (shown.next(), shown.count(), names.len()) {
        (None, ..) => "Log".to_owned(),
        (Some(only), 0, _) => {
            let now = &tail.sources[only].source;
            let host = middle(now.host.as_str(), 24);
            format!("Log  {} {host} {}", letter(only), now.log.name)
        }
        (Some(_), more, all) if more + 1 < all => {
            format!("Merged log  {} of {all} sources", more + 1)
        }
        (Some(_), _, all) => format!("Merged log  {}", words::count(all, "source")),
    }
}

/// `line 96,204 of 96,404  -00:00:14`: where the cursor is, and how long before the last line.
fn place(viewer: &Viewer) -> String {
    let Some(line) = viewer.line_words() else {
        return String::new();
    };
    let at = viewer.cursor().and_then(|line| line.at_ms);
    let last = viewer.facts().span_ms.map(|(_, last)| last);
    let behind = at.zip(last).map(|(at, last)| (last - at) / 1000);
    match behind.filter(|behind| *behind > 0) {
        Some(behind) => format!(
            "{line}  -{:02}:{:02}:{:02}",
            behind / 3600,
            behind / 60 % 60,
            behind % 60
        ),
        None => line,
    }
}

/// The row above the lines where there is no room for a frame.
fn rule(paint: &mut Paint<'_>, area: Rect, title: &str, place: &str, bottom: &str) {
    let row = Rect {
        height: area.height.min(1),
        ..area
    };
    if row.is_empty() {
        return;
    }
    let line = paint.theme.lines(Lines::Plain).horizontal_top;
    let all = line.repeat(usize::from(row.width));
    paint.text(row.x, row.y, row.width, &all, "border");
    let title = format!(" {title} ");
    let used = paint.text(row.x + 1, row.y, row.width, &title, "text.title");
    let said = if bottom.is_empty() { place } else { bottom };
    let room = row.width.saturating_sub(used + 5);
    if !said.is_empty() && columns(said) + 2 <= usize::from(room) {
        let said = format!(" {said} ");
        paint.right(row.right() - 1, row.y, room, &said, "text.dim");
    }
}

/// Draws the small form: the band, the lines, what is said first, and the keys.
pub fn card(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) {
    let Some(tail) = &model.tail else {
        return;
    };
    if area.is_empty() {
        return;
    }
    let (live, rate) = tail.live();
    let env = tail.env.as_str().to_uppercase();
    let guarded = tone(model, tail) == Tone::Guarded;
    let (word, _) = state(tail);
    let rest = format!(
        " logs {live}/{} {}/s {word}",
        tail.sources.len(),
        sources::per_second(rate)
    );
    let marks = if guarded { 6 } else { 0 };
    let room = usize::from(area.width)
        .saturating_sub(columns(&rest) + marks)
        .max(4);
    let env = middle(&env, room as u16);
    let head = if guarded {
        format!("!! {env} !!{rest}")
    } else {
        format!("{env}{rest}")
    };
    let band = Rect { height: 1, ..area };
    let role = if guarded {
        "env.production"
    } else {
        "text.strong"
    };
    if guarded {
        paint.fill(band, role);
    }
    paint.text(area.x, area.y, area.width, &head, role);
    if area.height < 4 {
        return;
    }
    let lines = layout::card_lines(area);
    if let Some(whole) = &tail.whole {
        histogram::whole(paint, lines, whole, now);
    } else if tail.pane == LogsPane::Sources {
        sources::draw(paint, lines, tail, true);
    } else if tail.pane == LogsPane::Histogram {
        histogram::large(paint, lines, &tail.lately, now);
    } else if !empty::draw(paint, lines, tail) {
        viewer::draw(paint, lines, &tail.viewer, now);
    }
    let (said, role) = match &model.notice {
        Some((notice, _)) => (notice.title.clone(), "notice"),
        None => foot::attention(tail, true),
    };
    let y = area.bottom() - 2;
    paint.text(area.x, y, area.width, &said, role);
    let last = Rect {
        x: area.x,
        y: area.bottom() - 1,
        height: 1,
        ..area
    };
    small::keys(paint, last, model);
}
