//! A viewer, drawn: the rows of a log that show, and nothing of the others.
//!
//! Before each text stand its time, its owner and, in a step's log, a sign; a bar at the edge marks errors and what
//! goes them on. Colours a program asked for are shown as far as the theme can show them well. No sign of a line
//! reaches a cell but through `Paint`.

use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::paint::{Paint, columns, middle};
use crate::domain::log::{Level, LogLine, Voice};
use crate::domain::run::Moment;
use crate::ui::theme::{Mark, Theme};
use crate::ui::viewer::layout::{self, Row};
use crate::ui::viewer::stamp;
use crate::ui::viewer::{Columns, Sort, Times, Viewer, thousands};

/// How far into a line its level is looked for, in bytes.
const LEVEL_WITHIN: usize = 120;

/// Words that say how grave a line is.
const LEVEL_WORDS: [(&str, Level); 16] = [
    ("error", Level::Error),
    ("err", Level::Error),
    ("fatal", Level::Error),
    ("critical", Level::Error),
    ("crit", Level::Error),
    ("panic", Level::Error),
    ("alert", Level::Error),
    ("emerg", Level::Error),
    ("severe", Level::Error),
    ("warn", Level::Warning),
    ("warning", Level::Warning),
    ("info", Level::Info),
    ("notice", Level::Info),
    ("log", Level::Info),
    ("debug", Level::Debug),
    ("trace", Level::Debug),
];

/// Draws what a viewer shows. Its size has to be that of the area, see [`Viewer::resize`].
pub fn draw(paint: &mut Paint<'_>, area: Rect, viewer: &Viewer, now: Moment) {
    if area.is_empty() {
        return;
    }
    let visible = viewer.visible();
    if visible.is_empty() {
        let area = Rect {
            x: area.x + 1,
            width: area.width.saturating_sub(2),
            ..area
        };
        paint.wrapped(area, viewer.empty_words(), "text.dim");
        return;
    }
    let mut pen = Pen {
        viewer,
        now,
        columns: viewer.columns(),
        before: None,
        above: visible.first().and_then(|(line, _)| viewer.above(line)),
    };
    for (y, (line, row)) in (area.y..area.bottom()).zip(&visible) {
        let spot = Rect {
            y,
            height: 1,
            ..area
        };
        match row {
            Row::Hidden(count) => pen.hidden(paint, spot, *count),
            Row::Text(part, is_more) => {
                pen.line(paint, spot, line, part, *is_more);
                pen.before = Some(line);
            }
        }
        if viewer.is_selected(line) && matches!(row, Row::Text(..)) {
            paint.tint_below(spot, "select");
        }
    }
}

struct Pen<'a> {
    viewer: &'a Viewer,
    now: Moment,
    columns: Columns,
    /// The line in the row above.
    before: Option<&'a LogLine>,
    /// The line above the screen.
    above: Option<&'a LogLine>,
}

impl Pen<'_> {
    /// The row that tells how many lines are hidden.
    fn hidden(&self, paint: &mut Paint<'_>, area: Rect, count: u64) {
        let noun = if count == 1 { "line" } else { "lines" };
        let said = format!(". . . {} {noun} hidden by filters . . .", thousands(count));
        let x = area.x + self.columns.before();
        let room = area.right().saturating_sub(x);
        let used = paint.text(x, area.y, room, &said, "text.dim");
        if room > used + 10 {
            paint.right(area.right(), area.y, 8, "x shows ", "text.dim");
        }
    }

    /// A row of a line's text, with what stands before it.
    fn line(
        &self,
        paint: &mut Paint<'_>,
        area: Rect,
        line: &LogLine,
        part: &Range<usize>,
        is_more: bool,
    ) {
        let is_tail = self.viewer.labels().sort == Sort::Tail;
        let row = Row::Text(part.clone(), is_more);
        if is_tail && line.voice != Voice::Printed {
            self.rule(paint, area, line);
            self.edge(paint, area, line, &row);
            return;
        }
        self.edge(paint, area, line, &row);
        let goes_on = part.start > 0 && self.viewer.wraps();
        let track = line.spot.id.track;
        let is_near = self
            .before
            .is_some_and(|before| before.spot.id.track == track);
        let is_told = goes_on || (line.goes_on && is_near && is_tail);
        if !is_told {
            self.names(paint, area, line);
        }
        if self.columns.sign > 0 {
            let (sign, role) = sign(line);
            let x = area.x + self.columns.before() - self.columns.sign;
            paint.text(x, area.y, area.right().saturating_sub(x), sign, role);
        }
        self.text(paint, area, line, part, is_more);
    }

    /// The first column: the cursor, a mark, or the bar of an error.
    fn edge(&self, paint: &mut Paint<'_>, area: Rect, line: &LogLine, row: &Row) {
        if self.viewer.is_cursor(line, row) {
            paint.mark(area.x, area.y, Mark::Cursor, "text.strong");
        } else if self.viewer.is_marked(line) && layout::begins(row, self.viewer.wraps()) {
            paint.text(area.x, area.y, 1, "'", "text.key");
        } else if is_trouble(line) && !line.is_context {
            paint.mark(area.x, area.y, Mark::Edge, role(line));
        }
    }

    /// Time and owner of a line.
    fn names(&self, paint: &mut Paint<'_>, area: Rect, line: &LogLine) {
        let Columns {
            time, letter, name, ..
        } = self.columns;
        let mut x = area.x + 1;
        if time > 0 {
            let said = self.time(line).unwrap_or_default();
            let room = area.right().saturating_sub(x).min(time - 1);
            paint.text(x, area.y, room, &said, "log.time");
            if line.moved || line.late {
                paint.text(x + time - 1, area.y, 1, "~", "state.warn");
            }
            x += time;
        }
        let Some(label) = self.viewer.label(line) else {
            return;
        };
        let style = paint.theme.host(label.color);
        let room = |x: u16| area.right().saturating_sub(x);
        if letter > 0 {
            let shown = label
                .letter
                .map_or_else(String::new, |letter| letter.to_string());
            paint.styled(x, area.y, room(x).min(1), &shown, style);
            // Where no times stand it is told all the same that a line is not where it came.
            if time == 0 && (line.moved || line.late) {
                paint.text(x + 1, area.y, room(x + 1).min(1), "~", "state.warn");
            }
            x += letter;
        }
        if name > 0 {
            let shown = middle(&label.name, name - 1);
            paint.styled(x, area.y, room(x).min(name - 1), &shown, style);
        }
    }

    /// The time of a line, as times are shown now.
    fn time(&self, line: &LogLine) -> Option<String> {
        let at_ms = line.at_ms?;
        let utc: DateTime<Utc> = DateTime::from_timestamp_millis(at_ms)?;
        let format = match (self.columns.hours, self.columns.millis) {
            (true, true) => "%H:%M:%S%.3f",
            (false, true) => "%M:%S%.3f",
            _ => "%H:%M:%S",
        };
        Some(match self.viewer.times() {
            Times::Off => return None,
            Times::Clock => utc
                .with_timezone(self.now.offset())
                .format(format)
                .to_string(),
            Times::Utc => format!("{}Z", utc.format(format)),
            Times::SinceStart => {
                let facts = self.viewer.facts();
                let start = self.viewer.labels().start_ms;
                let start = start.or(facts.span_ms.map(|(from, _)| from))?;
                seconds(at_ms - start)
            }
            Times::Gap => seconds(at_ms - self.before.or(self.above)?.at_ms?),
        })
    }

    /// golive's words between the lines of servers: a rule across.
    fn rule(&self, paint: &mut Paint<'_>, area: Rect, line: &LogLine) {
        let role = role(line);
        let dash = paint.theme.mark(Mark::Link);
        let rule = dash.repeat(usize::from(area.width));
        paint.text(area.x, area.y, area.width, &rule, "border");
        let time = self.time(line);
        let mut x = area.x + 1;
        let room = |x: u16| area.right().saturating_sub(x + 2);
        if let Some(time) = time.filter(|_| self.columns.time > 0) {
            let said = format!(" {time} ");
            x += paint.text(x, area.y, room(x), &said, "log.time") + 2;
        } else {
            x += 1;
        }
        let (text, _) = layout::text(line);
        let text = text.strip_prefix("golive: ").unwrap_or(&text);
        // Where there is little room for a rule, it is for what happened.
        let who = if area.width < 60 { "" } else { "golive: " };
        let of = self.viewer.label(line).map_or_else(String::new, |label| {
            let letter = label.letter.map_or_else(String::new, |c| format!("{c} "));
            format!("{letter}{} ", middle(&label.name, 20))
        });
        let mut said = format!(" {who}{of}{text} ");
        // Steps differ at both ends of what is said of them.
        if text.starts_with("step ") && columns(&said) > usize::from(room(x)) {
            said = format!("{} ", middle(&said, room(x).saturating_sub(1)));
        }
        paint.text(x, area.y, room(x), &said, role);
    }

    /// The text itself.
    fn text(
        &self,
        paint: &mut Paint<'_>,
        area: Rect,
        line: &LogLine,
        part: &Range<usize>,
        is_more: bool,
    ) {
        let (text, own) = layout::text(line);
        let mut x = area.x + self.columns.before();
        for piece in self.pieces(paint.theme, line, &text, own) {
            let from = piece.part.start.max(part.start);
            let to = piece.part.end.min(part.end);
            if from >= to || x >= area.right() {
                continue;
            }
            let room = area.right() - x;
            x += paint.styled(x, area.y, room, &text[from..to], piece.style);
        }
        if is_more && x > area.x {
            let at = x.min(area.right()) - 1;
            let at = if x < area.right() { x } else { at };
            // A match that nobody sees stands behind the cut.
            let is_hidden = |found: &Range<usize>| found.start >= part.end;
            let role = if bytes_of(&text, &line.matches).iter().any(is_hidden) {
                "match"
            } else {
                "text.dim"
            };
            let at = match layout::folded(line) {
                Some(folded) => {
                    let said = format!(" {folded} ");
                    let wide = (columns(&said) as u16).min(area.width / 2);
                    paint.right(area.right(), area.y, wide, &said, "text.dim") - 1
                }
                None => at,
            };
            paint.mark(at, area.y, Mark::Cut, role);
            return;
        }
        let hint = hint(line, self.viewer, part);
        let wide = columns(hint) as u16 + 1;
        if !hint.is_empty() && x + 2 + wide < area.right() {
            paint.right(area.right() - 1, area.y, wide, hint, "text.dim");
        }
    }

    /// The text in pieces of one style each, in order.
    fn pieces(&self, theme: &Theme, line: &LogLine, text: &str, own: usize) -> Vec<Piece> {
        let is_tail = self.viewer.labels().sort == Sort::Tail;
        let word = level_word(line, text, own);
        let whole = !is_tail || word.is_none();
        let base = match line {
            line if line.is_context => "text.dim",
            line if line.voice != Voice::Printed || whole => role(line),
            _ => "log.info",
        };
        let plain = line.goes_on && line.voice == Voice::Printed && !line.is_context;
        let base = if plain { "log.info" } else { base };
        let colored = base == "log.info" || base == "log.debug";
        let base = theme.style(base);
        let mut pieces = Vec::new();
        let mut at = 0;
        for span in &line.spans {
            let end = at + span.text.len();
            let style = if span.control {
                base.patch(theme.style("log.control"))
            } else if colored {
                base.patch(theme.printed(span.style))
            } else {
                base
            };
            pieces.push(Piece {
                part: at..end,
                style,
            });
            at = end;
        }
        pieces.push(Piece {
            part: own..text.len(),
            style: theme.style("text.dim"),
        });
        if let Some(end) = stamp::end(text) {
            pieces = lay(pieces, &(0..end.min(own)), theme.style("log.time"));
        }
        if let Some(word) = word.filter(|_| is_tail && !line.is_context) {
            let mut style = theme.style(role(line));
            // The eye finds what is wrong; that all is well is not worth a look.
            if line.level >= Level::Warning {
                style = style.add_modifier(Modifier::BOLD);
            }
            pieces = lay(pieces, &word, style);
        }
        let is_cursor = self
            .viewer
            .cursor()
            .is_some_and(|at| at.spot.id == line.spot.id);
        let found = if is_cursor { "match.current" } else { "match" };
        for part in bytes_of(text, &line.matches) {
            pieces = lay(pieces, &part, theme.style(found));
        }
        pieces
    }
}

/// A part of a text, in bytes, with its style.
struct Piece {
    part: Range<usize>,
    style: Style,
}

/// Lays a style over a part of a text.
fn lay(pieces: Vec<Piece>, over: &Range<usize>, style: Style) -> Vec<Piece> {
    let mut laid = Vec::with_capacity(pieces.len() + 2);
    for piece in pieces {
        let Piece { part, style: below } = piece;
        let from = over.start.clamp(part.start, part.end);
        let to = over.end.clamp(part.start, part.end);
        let cuts = [
            (part.start..from, below),
            (from..to, below.patch(style)),
            (to..part.end, below),
        ];
        for (part, style) in cuts {
            if !part.is_empty() {
                laid.push(Piece { part, style });
            }
        }
    }
    laid
}

/// Places given in characters, in bytes.
fn bytes_of(text: &str, places: &[(usize, usize)]) -> Vec<Range<usize>> {
    if text.is_ascii() || places.is_empty() {
        let end = text.len();
        let places = places.iter();
        return places
            .map(|(from, to)| *from.min(&end)..*to.min(&end))
            .collect();
    }
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let byte = |at: usize| starts.get(at).copied().unwrap_or(text.len());
    places
        .iter()
        .map(|(from, to)| byte(*from)..byte(*to))
        .collect()
}

/// Where in a line the word stands that says how grave it is.
fn level_word(line: &LogLine, text: &str, own: usize) -> Option<Range<usize>> {
    if line.goes_on || line.level == Level::Unknown {
        return None;
    }
    let mut begin = None;
    let within = text
        .char_indices()
        .take_while(|(at, _)| *at < own.min(LEVEL_WITHIN));
    let ends = within.chain(std::iter::once((own.min(text.len()), ' ')));
    for (at, c) in ends {
        if c.is_ascii_alphabetic() {
            begin = begin.or(Some(at));
        } else if let Some(from) = begin.take() {
            let word = text.get(from..at)?;
            let is_it = |(known, level): &(&str, Level)| {
                *level == line.level && known.eq_ignore_ascii_case(word)
            };
            if LEVEL_WORDS.iter().any(is_it) {
                return Some(from..at);
            }
        }
    }
    None
}

/// What Enter does with the line of the cursor, when there is more of it.
fn hint(line: &LogLine, viewer: &Viewer, part: &Range<usize>) -> &'static str {
    let is_cursor = viewer.is_cursor(line, &Row::Text(part.clone(), false));
    let begins = line.spans.first().map(|span| span.text.trim_start());
    if is_cursor && viewer.is_unfolded(line) {
        "Enter fold"
    } else if is_cursor && begins.is_some_and(|text| text.starts_with('{')) {
        "Enter pretty"
    } else {
        ""
    }
}

fn is_trouble(line: &LogLine) -> bool {
    line.level >= Level::Warning || line.voice == Voice::Failed
}

/// The sign of a step's line, and its role.
fn sign(line: &LogLine) -> (&'static str, &'static str) {
    match line.voice {
        Voice::Golive | Voice::Failed => ("=", role(line)),
        Voice::Printed if is_trouble(line) && !line.goes_on => ("!", role(line)),
        Voice::Printed => ("|", "border"),
    }
}

fn role(line: &LogLine) -> &'static str {
    match (line.voice, line.level) {
        (Voice::Failed, _) | (Voice::Printed, Level::Error) => "log.error",
        (Voice::Golive, _) => "log.golive",
        (_, Level::Warning) => "log.warn",
        (_, Level::Debug) => "log.debug",
        _ => "log.info",
    }
}

/// Seconds as a distance: `+12.3`, `+1:04:09`.
fn seconds(ms: i64) -> String {
    let sign = if ms < 0 { '-' } else { '+' };
    let time = TimeDelta::milliseconds(ms).abs();
    let whole = time.num_seconds();
    if whole < 3600 {
        let tenths = time.subsec_nanos() / 100_000_000;
        return format!("{sign}{whole}.{tenths}");
    }
    let (hours, minutes) = (whole / 3600, whole / 60 % 60);
    format!("{sign}{hours}:{minutes:02}:{:02}", whole % 60)
}
