//! The sources of the logs screen: letter, host, log, lines a second, and what is wrong with those that do not come.
//!
//! A list with a cursor where there is room, chips in one row where there is none.

use ratatui::layout::Rect;

use super::paint::{Paint, columns, middle};
use crate::domain::log::{SourceNow, SourceState};
use crate::ui::tail::{self, TailView};
use crate::ui::theme::{Mark, State};
use crate::ui::words;

/// A host's clock that is off by more seconds than this is told with a warning.
const CLOCK_LIMIT: f64 = 1.0;
/// Columns of the last column: `✗ off`.
const RATE: u16 = 6;
/// Columns before the host: cursor, letter, and a space.
const HEAD: u16 = 4;

/// How a source is shown.
pub fn state_of(state: &SourceState) -> State {
    match state {
        SourceState::Opening | SourceState::Waiting { .. } => State::Wait,
        SourceState::Live => State::Run,
        SourceState::Lost { .. } => State::Lost,
        SourceState::Failed { .. } => State::Fail,
        SourceState::Ended => State::Ok,
    }
}

/// Draws the list, and below it the clocks of the hosts and how lines are merged.
pub fn draw(paint: &mut Paint<'_>, area: Rect, view: &TailView, focus: bool) {
    if area.height < 2 || area.width < 16 {
        return;
    }
    let clocks = clocks(view, area.width);
    // The list keeps most of the room; clocks have what is left, at most a third.
    let needed: u16 = 1 + rows_of(view);
    let spare = area.height.saturating_sub(needed.min(area.height * 2 / 3));
    let foot = (clocks.len() as u16 + 1).min(spare);
    let list = Rect {
        height: area.height - foot,
        ..area
    };
    let of_host = host_columns(view, area.width);
    paint.text(list.x + 2, list.y, 2, "#", "text.dim");
    paint.text(list.x + HEAD, list.y, of_host, "host", "text.dim");
    let log = list.x + HEAD + of_host + 1;
    let end = list.right();
    paint.text(
        log,
        list.y,
        end.saturating_sub(log + RATE),
        "log",
        "text.dim",
    );
    paint.right(end, list.y, RATE, "l/s", "text.dim");
    rows(
        paint,
        Rect {
            y: list.y + 1,
            height: list.height - 1,
            ..list
        },
        view,
        focus,
        of_host,
    );
    for (y, (text, role)) in (list.bottom() + 1..area.bottom()).zip(&clocks) {
        paint.text(area.x + 1, y, area.width - 1, text, role);
    }
}

/// Rows that the list and all below it would like to have in `width` columns.
pub fn height(view: &TailView, width: u16) -> u16 {
    1 + rows_of(view) + clocks(view, width).len() as u16 + 1
}

/// Rows that all sources take: one each, and one more for what is wrong.
fn rows_of(view: &TailView) -> u16 {
    let trouble = view.sources.iter().filter(|now| trouble(now).is_some());
    (view.sources.len() + trouble.count()) as u16
}

fn rows(paint: &mut Paint<'_>, area: Rect, view: &TailView, focus: bool, of_host: u16) {
    let height = usize::from(area.height);
    let top = first_shown(view, height);
    let mut y = area.y;
    for (at, now) in view.sources.iter().enumerate().skip(top) {
        if y >= area.bottom() {
            return;
        }
        let row = Rect {
            y,
            height: 1,
            ..area
        };
        source(paint, row, view, at, of_host);
        if at == view.cursor {
            paint.tint(row, if focus { "select" } else { "select.inactive" });
            if focus {
                paint.mark(row.x, y, Mark::Cursor, "text.strong");
            }
        }
        y += 1;
        if let Some(text) = trouble(now)
            && y < area.bottom()
        {
            let role = state_of(&now.state).role();
            paint.text(area.x + HEAD, y, area.width - HEAD, &text, role);
            y += 1;
        }
    }
}

/// The first source that is shown so that the one under the cursor is, with what is wrong with it.
fn first_shown(view: &TailView, height: usize) -> usize {
    let cursor = view.cursor.min(view.sources.len().saturating_sub(1));
    let mut room = height;
    for (at, now) in view.sources.iter().enumerate().take(cursor + 1).rev() {
        let needed = 1 + usize::from(trouble(now).is_some());
        if needed > room {
            return at + 1;
        }
        room -= needed;
    }
    0
}

fn source(paint: &mut Paint<'_>, row: Rect, view: &TailView, at: usize, of_host: u16) {
    let now = &view.sources[at];
    let hidden = view.viewer.filters().hidden.contains(&at);
    let colour = paint.theme.host(at);
    let letter = tail::letter(at);
    let host = middle(&tail::hosts(&view.sources)[at], of_host);
    if hidden {
        paint.text(row.x + 2, row.y, 1, &letter, "text.off");
        paint.text(row.x + HEAD, row.y, of_host, &host, "state.skip");
    } else {
        paint.styled(row.x + 2, row.y, 1, &letter, colour);
        paint.styled(row.x + HEAD, row.y, of_host, &host, colour);
    }
    let (text, role) = rate(paint, now, hidden);
    let end = paint.right(row.right(), row.y, RATE, &text, role);
    let x = row.x + HEAD + of_host + 1;
    let role = if hidden { "text.off" } else { "text" };
    let name = now.source.log.name.as_str();
    paint.text(x, row.y, end.saturating_sub(x + 1), name, role);
}

/// What stands at the end of a source: its lines a second, or how it is.
fn rate(paint: &Paint<'_>, now: &SourceNow, hidden: bool) -> (String, &'static str) {
    let state = state_of(&now.state);
    let word = match now.state {
        SourceState::Live if hidden => return ("hidden".to_owned(), "text.off"),
        SourceState::Live => {
            let role = if now.rate < 0.05 { "text.dim" } else { "text" };
            return (per_second(now.rate), role);
        }
        SourceState::Opening => "opens",
        SourceState::Waiting { .. } => "waits",
        SourceState::Lost { .. } => "lost",
        SourceState::Failed { .. } => "off",
        SourceState::Ended => "end",
    };
    if word.len() == 5 {
        return (word.to_owned(), state.role());
    }
    (format!("{} {word}", paint.theme.glyph(state)), state.role())
}

/// Lines a second: `0.4`, `12`, `1.2k`.
pub fn per_second(rate: f64) -> String {
    if rate > 0.0 && rate < 9.95 {
        format!("{rate:.1}")
    } else {
        words::many(rate.max(0.0).round() as u64)
    }
}

/// What is wrong with a source, in one row.
fn trouble(now: &SourceNow) -> Option<String> {
    match &now.state {
        SourceState::Lost { why, retry_in } => {
            let again = words::span(retry_in.as_secs_f64());
            Some(format!("again in {again}: {why}"))
        }
        SourceState::Waiting { why } | SourceState::Failed { why, .. } => Some(why.clone()),
        _ => None,
    }
}

/// The hosts' clocks, and by which time lines stand where they stand.
fn clocks(view: &TailView, width: u16) -> Vec<(String, &'static str)> {
    let mut told: Vec<(&str, f64)> = Vec::new();
    let hosts = tail::hosts(&view.sources);
    for (now, host) in view.sources.iter().zip(&hosts) {
        let host = host.as_str();
        if let (Some((skew, _)), false) = (now.skew_s, told.iter().any(|(known, _)| *known == host))
        {
            told.push((host, skew));
        }
    }
    let off = |skew: f64| skew.abs() > CLOCK_LIMIT;
    // Those that are wrong first: they are worth the row.
    told.sort_by_key(|(_, skew)| !off(*skew));
    let room = width.saturating_sub(16);
    let longest = told.iter().map(|(host, _)| columns(host) as u16).max();
    let room = longest.unwrap_or(0).min(room);
    let mut lines: Vec<(String, &'static str)> = Vec::new();
    let wrong = told.iter().filter(|(_, skew)| off(*skew)).count();
    for (at, (host, skew)) in told.iter().take(wrong.max(3)).enumerate() {
        let head = if at == 0 { "clock" } else { "" };
        let host = middle(host, room);
        let gap = usize::from(room).saturating_sub(columns(&host));
        let sign = if off(*skew) { " !" } else { "" };
        // No `-0.0`: it is nothing.
        let skew = if skew.abs() < 0.05 { 0.0 } else { *skew };
        let role = if off(skew) { "state.warn" } else { "text.dim" };
        lines.push((
            format!("{head:<6}{host}{:gap$} {skew:+.1}s{sign}", ""),
            role,
        ));
    }
    if view.sources.len() > 1 {
        lines.push(("merged by: line time,".to_owned(), "text.dim"));
        lines.push(("corrected for clock skew".to_owned(), "text.dim"));
    }
    lines
}

/// Columns of the hosts' names: as many as they need, and leave for the rest.
fn host_columns(view: &TailView, width: u16) -> u16 {
    let names = tail::hosts(&view.sources);
    let longest = names.iter().map(|host| columns(host) as u16).max();
    let most = (width.saturating_sub(HEAD + RATE + 2) * 3 / 5).max(4);
    longest.unwrap_or(4).clamp(4, most)
}

/// Draws the sources as chips in one row, at most `width` columns; returns the columns they took.
pub fn chips(paint: &mut Paint<'_>, x: u16, y: u16, width: u16, view: &TailView) -> u16 {
    let names = names(view);
    let end = x + width;
    let mut at = x;
    for (place, now) in view.sources.iter().enumerate() {
        let state = state_of(&now.state);
        let hidden = view.viewer.filters().hidden.contains(&place);
        let name = middle(&names[place], 14);
        let text = match now.state {
            SourceState::Live if !hidden => format!("[{} {name}]", tail::letter(place)),
            SourceState::Live => format!(" {} {name} ", tail::letter(place)),
            _ => format!("{}{} {name}", paint.theme.glyph(state), tail::letter(place)),
        };
        let needed = columns(&text) as u16;
        let rest = view.sources.len() - place;
        let tail = if rest > 1 {
            format!(" +{rest}")
        } else {
            String::new()
        };
        if at + needed + columns(&tail) as u16 > end {
            let more = format!("+{rest}");
            at += paint.text(at, y, end.saturating_sub(at), &more, "text.dim");
            break;
        }
        at += match (&now.state, hidden) {
            (_, true) => paint.text(at, y, needed, &text, "text.off"),
            (SourceState::Live, _) => {
                let style = paint.theme.host(place);
                paint.styled(at, y, needed, &text, style)
            }
            _ => paint.text(at, y, needed, &text, state.role()),
        } + 1;
    }
    at.min(end) - x
}

/// A name for each source that is as short as it can be: the host, with the log where a host has several.
pub fn names(view: &TailView) -> Vec<String> {
    let all = &view.sources;
    let one_log = all
        .windows(2)
        .all(|pair| pair[0].source.log.name == pair[1].source.log.name);
    let named = |(now, host): (&SourceNow, String)| {
        let log = now.source.log.name.as_str();
        let of_host = all
            .iter()
            .filter(|other| other.source.host == now.source.host);
        if one_log || of_host.count() < 2 {
            host
        } else {
            format!("{host} {log}")
        }
    };
    all.iter().zip(tail::hosts(all)).map(named).collect()
}
