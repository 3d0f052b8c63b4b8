//! The log pane: the lines of a step that show, and nothing of the others.
//!
//! Lines of several hosts stand in the order they arrived, each with its host. A bar at the edge marks errors.

use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::paint::{Paint, columns, middle};
use crate::domain::output::ansi;
use crate::domain::run::RunState;
use crate::ui::logs::{Line, Look, Sort, StepLog};
use crate::ui::model::LogView;
use crate::ui::theme::color::contrast;
use crate::ui::theme::{Mark, Theme};
use crate::ui::update::palette::holds;

/// A line with its number and its rows: where in its characters each begins, and its text.
type Row<'a> = (u64, &'a Line, Vec<(usize, String)>);

/// What is drawn.
pub struct LogPane<'a> {
    /// The run, for the names of hosts.
    pub state: &'a RunState,
    /// The step's lines.
    pub log: &'a StepLog,
    /// How they are looked at.
    pub view: &'a LogView,
    /// The places of the step's tasks.
    pub tasks: std::ops::Range<usize>,
    /// Whether times are shown.
    pub times: bool,
}

impl LogPane<'_> {
    /// Draws the newest lines above the bottom of the view.
    pub fn draw(&self, paint: &mut Paint<'_>, area: Rect) {
        if area.is_empty() {
            return;
        }
        let open: Vec<Line> = match self.view.bottom {
            None => self
                .tasks
                .clone()
                .filter(|task| self.view.only.is_none_or(|only| only == *task))
                .filter_map(|task| self.log.open_line(task))
                .collect(),
            Some(_) => Vec::new(),
        };
        let mut rows: Vec<Row<'_>> = Vec::new();
        let mut y = area.bottom();
        for line in open.iter().rev() {
            let parts = self.parts(line, area.width);
            y = y.saturating_sub(parts.len() as u16).max(area.y);
            rows.push((u64::MAX, line, parts));
        }
        let mut number = self
            .view
            .bottom
            .unwrap_or(self.log.end())
            .min(self.log.end());
        while number > self.log.first() && y > area.y {
            number -= 1;
            if !self.log.shows(number, self.view.only) {
                continue;
            }
            let Some(line) = self.log.line(number) else {
                break;
            };
            let parts = self.parts(line, area.width);
            y = y.saturating_sub(parts.len() as u16).max(area.y);
            rows.push((number, line, parts));
        }
        // Above the first line there is nothing: the room that is left is for the lines after the bottom.
        let mut after = Vec::new();
        let mut number = self.view.bottom.unwrap_or(self.log.end());
        while number < self.log.end() && y > area.y {
            if self.log.shows(number, self.view.only)
                && let Some(line) = self.log.line(number)
            {
                let parts = self.parts(line, area.width);
                y = y.saturating_sub(parts.len() as u16).max(area.y);
                after.push((number, line, parts));
            }
            number += 1;
        }
        // A short log stands at the top, a long one ends at the bottom.
        let shown: usize = rows.iter().map(|(_, _, parts)| parts.len()).sum();
        let skip = shown.saturating_sub(usize::from(area.height));
        rows.reverse();
        rows.extend(after);
        self.rows(paint, area, &rows, skip);
    }

    /// Writes lines from the top of the area, without the first rows.
    fn rows(&self, paint: &mut Paint<'_>, area: Rect, rows: &[Row<'_>], mut skip: usize) {
        let mut y = area.y;
        for (number, line, parts) in rows {
            for (at, (from, part)) in parts.iter().enumerate() {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                if y >= area.bottom() {
                    return;
                }
                let row = Rect {
                    y,
                    height: 1,
                    ..area
                };
                self.row(paint, row, line, part, at > 0);
                self.looks(paint, row, line, *from, part);
                let search = self.view.search.as_deref();
                if self.view.hit == Some(*number) {
                    paint.tint(row, "match.current");
                } else if search.is_some_and(|wanted| holds(part, wanted)) {
                    self.matches(paint, y, area, part);
                }
                y += 1;
            }
        }
    }

    fn prefix(&self) -> u16 {
        let longest = self
            .tasks
            .clone()
            .map(|position| columns(self.state.planned(position).1.site.as_str()))
            .max();
        let host = if self.tasks.len() > 1 {
            longest.unwrap_or(0).min(12) as u16 + 1
        } else {
            0
        };
        1 + if self.times { 9 } else { 0 } + host + 2
    }

    /// The rows of a line: where in its characters each begins, and its text.
    fn parts(&self, line: &Line, width: u16) -> Vec<(usize, String)> {
        let room = usize::from(width.saturating_sub(self.prefix())).max(1);
        if !self.view.wrap {
            let from = self.view.sideways;
            return vec![(from, line.text.chars().skip(from).take(room + 1).collect())];
        }
        let mut parts = Vec::new();
        let mut part = String::new();
        let (mut used, mut from) = (0, 0);
        for (at, c) in line.text.chars().enumerate() {
            let wide = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
            if used + wide > room {
                // At a space when there is one in the second half, else in the word.
                let rest = part.rfind(' ').filter(|space| *space > part.len() / 2);
                let rest = rest.map_or_else(String::new, |space| part.split_off(space + 1));
                used = columns(&rest);
                let begin = at - rest.chars().count();
                parts.push((from, std::mem::replace(&mut part, rest)));
                from = begin;
            }
            used += wide;
            part.push(c);
        }
        parts.push((from, part));
        parts
    }

    /// Lays the colours a program asked for over a row, as far as the theme can show them well.
    fn looks(&self, paint: &mut Paint<'_>, row: Rect, line: &Line, first: usize, part: &str) {
        if line.sort.is_trouble() {
            return;
        }
        let start = row.x + self.prefix();
        for (from, to, look) in &line.styles {
            let skip = from.saturating_sub(first);
            let take = to.saturating_sub(first.max(*from));
            let before: String = part.chars().take(skip).collect();
            let inside: String = part.chars().skip(skip).take(take).collect();
            let x = start.saturating_add(columns(&before) as u16);
            if *to <= first || inside.is_empty() || x >= row.right() {
                continue;
            }
            let width = (columns(&inside) as u16).min(row.right() - x);
            let style = match look {
                Look::Control => paint.theme.style("log.control"),
                Look::Asked(style) => asked(paint.theme, *style),
            };
            paint.buffer.set_style(
                Rect { x, width, ..row }.intersection(paint.buffer.area),
                style,
            );
        }
    }

    fn row(&self, paint: &mut Paint<'_>, area: Rect, line: &Line, part: &str, goes_on: bool) {
        let (sign, role) = match line.sort {
            Sort::Plain => ("|", "log.info"),
            Sort::Warning => ("!", "log.warn"),
            Sort::Error => ("!", "log.error"),
            Sort::Golive => ("=", "log.golive"),
            Sort::Failed => ("=", "log.error"),
        };
        let mut x = area.x;
        if line.sort.is_trouble() {
            paint.mark(x, area.y, Mark::Edge, role);
        }
        x += 1;
        let room = |x: u16| area.right().saturating_sub(x);
        if self.times {
            if let (Some(at), false) = (line.at, goes_on) {
                let time = at.with_timezone(
                    &self
                        .state
                        .started
                        .map_or(*at.offset(), |started| *started.offset()),
                );
                paint.text(
                    x,
                    area.y,
                    room(x),
                    &time.format("%H:%M:%S").to_string(),
                    "log.time",
                );
            }
            x += 9;
        }
        if self.tasks.len() > 1 {
            let site = &self.state.planned(line.task).1.site;
            let width = self.prefix() - 3 - if self.times { 9 } else { 0 };
            if !goes_on {
                let style = paint.theme.host(line.task - self.tasks.start);
                let name = middle(site.as_str(), width.saturating_sub(1));
                paint.styled(x, area.y, room(x).min(width), &name, style);
            }
            x += width;
        }
        paint.text(
            x,
            area.y,
            room(x),
            sign,
            if line.sort == Sort::Plain {
                "border"
            } else {
                role
            },
        );
        x += 2;
        paint.text(x, area.y, room(x), part, role);
    }

    fn matches(&self, paint: &mut Paint<'_>, y: u16, area: Rect, part: &str) {
        let Some(wanted) = self.view.search.as_deref() else {
            return;
        };
        let lower = part.to_lowercase();
        let text = if wanted.chars().any(char::is_uppercase) {
            part
        } else {
            &lower
        };
        for (at, _) in text.match_indices(wanted) {
            let x = area.x + self.prefix() + columns(&text[..at]) as u16;
            if x < area.right() {
                let width = (columns(wanted) as u16).min(area.right() - x);
                paint.tint(
                    Rect {
                        x,
                        y,
                        width,
                        height: 1,
                    },
                    "match",
                );
            }
        }
    }
}

/// A style as a program asked for it, as far as the theme has colours and it can be read on the page.
fn asked(theme: &Theme, wanted: ansi::Style) -> Style {
    let mut style = Style::new();
    for (is_on, modifier) in [
        (wanted.bold, Modifier::BOLD),
        (wanted.dim, Modifier::DIM),
        (wanted.italic, Modifier::ITALIC),
        (wanted.underline, Modifier::UNDERLINED),
        (wanted.reverse, Modifier::REVERSED),
    ] {
        if is_on {
            style = style.add_modifier(modifier);
        }
    }
    let known = theme.style("state.ok").fg;
    let page = theme.style("page").bg;
    let color = match (wanted.fg, known) {
        (None, _) | (_, None | Some(Color::Reset)) => None,
        (Some(ansi::Color::Ansi16(number)), _) => Some(Color::Indexed(number)),
        (Some(ansi::Color::Indexed(number)), Some(Color::Rgb(..) | Color::Indexed(16..))) => {
            Some(Color::Indexed(number))
        }
        (Some(ansi::Color::Rgb(red, green, blue)), Some(Color::Rgb(..))) => match page {
            Some(Color::Rgb(r, g, b)) if contrast((red, green, blue), (r, g, b)) >= 3.0 => {
                Some(Color::Rgb(red, green, blue))
            }
            _ => None,
        },
        _ => None,
    };
    color.map_or(style, |color| style.fg(color))
}
