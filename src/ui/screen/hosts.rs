//! Hosts: can they be reached, how far are their clocks off, is there room, and what runs there.

use ratatui::layout::Rect;

use crate::domain::feed::Link;
use crate::domain::id::{EnvName, HostName};
use crate::domain::run::Moment;
use crate::ui::choices;
use crate::ui::fleet::{self, hosts, link, state_of};
use crate::ui::keymap::Act;
use crate::ui::model::Model;
use crate::ui::theme::{Mark, State};
use crate::ui::widget::band::{self, Band, Tone};
use crate::ui::widget::bottom::{self, Bottom};
use crate::ui::widget::paint::{self, Frame, Paint, middle, wrap};
use crate::ui::words;

/// A column: its name, its width, and whether its numbers end in line.
type Column = (&'static str, u16, bool);

/// The columns; the host's grows with the names, the last takes what is left.
const WIDE: [Column; 8] = [
    ("environment", 13, false),
    ("host", 10, false),
    ("state", 10, false),
    ("answers in", 12, true),
    ("clock", 9, true),
    ("free", 9, true),
    ("roles", 18, false),
    ("runs", 20, false),
];
/// The columns of a narrow terminal.
const NARROW: [Column; 7] = [
    ("env", 12, false),
    ("host", 8, false),
    ("state", 9, false),
    ("ms", 5, true),
    ("clock", 9, true),
    ("free", 9, true),
    ("runs", 19, false),
];
/// The column of the host.
const HOST: usize = 1;
/// A clock that is off by more seconds than this is told with a warning.
const CLOCK_LIMIT: f64 = 2.0;
/// Free space in KiB below which a warning is told.
const SPACE_LIMIT: u64 = 512 * 1024;

/// Draws the hosts screen.
pub fn draw(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) {
    let areas = bottom::areas(area);
    let left = vec![
        ("golive".to_owned(), "text.strong"),
        (model.project.clone(), "text.title"),
        ("hosts".to_owned(), "text"),
    ];
    let right = vec![(now.format("%a %-d %b %H:%M").to_string(), "text.dim")];
    band::draw(
        paint,
        areas.band,
        &Band {
            env: String::new(),
            tone: Tone::Local,
            left,
            right,
        },
    );
    let all = hosts(model);
    let count = |wanted: State| {
        all.iter()
            .filter(|(env, host)| state_of(model, env, host) == wanted)
            .count()
    };
    let (up, down) = (count(State::Ok), count(State::Fail) + count(State::Lost));
    let text = format!("{up} of {} reached", words::count(all.len(), "host"));
    let used = paint.text(
        areas.standing.x + 1,
        areas.standing.y,
        areas.standing.width,
        &text,
        "text",
    );
    if down > 0 {
        let text = format!("{down} cannot be reached");
        paint.text(
            areas.standing.x + used + 4,
            areas.standing.y,
            areas.standing.width.saturating_sub(used + 5),
            &text,
            "state.fail",
        );
    }
    table(paint, areas.body, model, &all, now);
    let attention = fleet::attention(model, &all);
    let leave_out = leaving_out(model);
    let bottom = Bottom {
        attention: &[(&attention, "attention")],
        actions: &[
            (Act::LeaveOut, &leave_out),
            (Act::Refresh, "connect again"),
            (Act::Open, "all about the host"),
            (Act::ScreenHome, ""),
            (Act::ScreenRun, ""),
            (Act::ScreenLogs, ""),
            (Act::ScreenReleases, ""),
        ],
        keys: &[(Act::Down, ""), (Act::Up, ""), (Act::Back, "")],
    };
    bottom::draw(paint, areas.bottom, model, &bottom);
}

/// What the key that leaves the marked host out does.
fn leaving_out(model: &Model) -> String {
    choices::lost_host(model).map_or_else(
        |_| String::new(),
        |(_, host)| format!("leave {} out of the run", middle(host.as_str(), 12)),
    )
}

fn table(
    paint: &mut Paint<'_>,
    area: Rect,
    model: &Model,
    all: &[(EnvName, HostName)],
    now: Moment,
) {
    let place = format!(
        "{} of {}",
        model.host_cursor.min(all.len().saturating_sub(1)) + 1,
        all.len()
    );
    let inner = paint.panel(
        area,
        Frame {
            title: "Hosts",
            right: "4",
            bottom: if all.is_empty() { "" } else { &place },
            focus: model.dialogs.is_empty(),
            ..Frame::default()
        },
    );
    let wide = inner.width >= 96;
    let columns = columns_for(all, inner.width, wide);
    let heads: Vec<_> = columns
        .iter()
        .map(|(name, ..)| ((*name).to_owned(), "text.dim"))
        .collect();
    draw_cells(paint, inner, inner.y, &heads, &columns);
    let mut y = inner.y + 1;
    let height = usize::from(inner.height.saturating_sub(1));
    let top = model.host_cursor.saturating_sub(height.saturating_sub(4));
    for (at, (env, host)) in all.iter().enumerate().skip(top) {
        if y >= inner.bottom() {
            break;
        }
        let row = Rect {
            y,
            height: 1,
            ..inner
        };
        let cells = cells(model, env, host, wide, now);
        draw_cells(paint, inner, y, &cells, &columns);
        if at == model.host_cursor {
            paint.tint(row, "select");
            paint.mark(inner.x, y, Mark::Cursor, "text.strong");
        }
        y += 1;
        y = trouble(
            paint,
            inner,
            y,
            link(model, env, host).map(|(link, _)| link),
        );
        if let Some(said) = fleet::version_trouble(model, env, host) {
            y = told(paint, inner, y, &said, "state.warn");
        }
    }
    if all.is_empty() {
        paint.text(
            inner.x + 2,
            inner.y + 1,
            inner.width,
            "no hosts: everything runs on this machine",
            "text.dim",
        );
    }
}

/// The columns with as much room for the names of hosts as they need and there is.
fn columns_for(all: &[(EnvName, HostName)], width: u16, wide: bool) -> Vec<Column> {
    let mut columns = if wide { WIDE.to_vec() } else { NARROW.to_vec() };
    let taken: u16 = columns.iter().map(|(_, width, _)| width).sum();
    let longest = all
        .iter()
        .map(|(_, host)| paint::columns(host.as_str()) + 2)
        .max();
    let least = columns[HOST].1;
    let most = least + width.saturating_sub(taken + 2);
    columns[HOST].1 = (longest.unwrap_or(0) as u16).clamp(least, most.max(least));
    columns
}

fn draw_cells(
    paint: &mut Paint<'_>,
    inner: Rect,
    y: u16,
    cells: &[(String, &str)],
    columns: &[Column],
) {
    let mut x = inner.x + 2;
    for (at, ((text, role), (_, width, numbers))) in cells.iter().zip(columns).enumerate() {
        let width = (*width).min(inner.right().saturating_sub(x));
        let room = width.saturating_sub(2).max(width.min(4));
        if *numbers {
            paint.right(x + room, y, room, text, role);
        } else if at == HOST {
            paint.text(x, y, room, &middle(text, room), role);
        } else {
            paint.text(
                x,
                y,
                if at + 1 == columns.len() { width } else { room },
                text,
                role,
            );
        }
        x += width;
    }
}

fn cells<'a>(
    model: &Model,
    env: &EnvName,
    host: &HostName,
    wide: bool,
    now: Moment,
) -> Vec<(String, &'a str)> {
    let state = state_of(model, env, host);
    let word = word_of(model, env, host);
    let mut cells = vec![
        (env.as_str().to_uppercase(), "text.title"),
        (host.to_string(), "text"),
        (word, state.role()),
    ];
    let facts = match link(model, env, host) {
        Some((Link::Connected(facts), _)) => Some(facts),
        _ => None,
    };
    let blank = || (String::new(), "text");
    cells.push(facts.map_or_else(blank, |facts| {
        let ms = facts.latency.as_millis();
        (
            if wide {
                format!("{ms} ms")
            } else {
                ms.to_string()
            },
            "text",
        )
    }));
    cells.push(facts.map_or_else(blank, |facts| {
        let off = facts.clock_skew_s;
        (
            format!("{off:+.1} s"),
            if off.abs() > CLOCK_LIMIT {
                "state.warn"
            } else {
                "text.dim"
            },
        )
    }));
    cells.push(
        facts
            .and_then(|facts| facts.free_kb)
            .map_or_else(blank, |kib| {
                (
                    words::space(kib),
                    if kib < SPACE_LIMIT {
                        "state.warn"
                    } else {
                        "text"
                    },
                )
            }),
    );
    if wide {
        cells.push((fleet::roles(model, env, host), "text.dim"));
    }
    cells.push(runs(model, env, host, now));
    cells
}

/// What a host runs: what it says when that is not what was deployed, else what was deployed, else what it says.
fn runs<'a>(model: &Model, env: &EnvName, host: &HostName, now: Moment) -> (String, &'a str) {
    if let Some(version) = fleet::differing(model, env, host) {
        return (format!("{version} differs"), "state.warn");
    }
    let overview = model.overview.as_ref();
    let deployed = overview
        .and_then(|overview| overview.environments.iter().find(|of| of.env == *env))
        .and_then(|env| env.deployed.as_ref());
    if let Some(deployed) = deployed {
        let commit = deployed.commit.short();
        let when = words::when(deployed.at, now);
        return (format!("{commit} {when}"), "text.link");
    }
    // What was deployed elsewhere is not known here; the host itself may say what it runs.
    let says = fleet::version(model, env, host).and_then(|version| version.version.as_ref().ok());
    says.map_or_else(
        || ("not known".to_owned(), "text.dim"),
        |commit| (commit.short().to_owned(), "text.link"),
    )
}

/// The state of a host's connection, as glyph and word.
fn word_of(model: &Model, env: &EnvName, host: &HostName) -> String {
    let word = match link(model, env, host) {
        None => "not asked".to_owned(),
        Some((Link::Connecting, _)) => "asking ..".to_owned(),
        Some((Link::Connected(_), _)) => "✓ ok".to_owned(),
        Some((Link::Lost { .. }, _)) => "? LOST".to_owned(),
        Some((Link::Failed { .. }, _)) => "✗ FAIL".to_owned(),
    };
    word.replace('✓', model.theme.glyph(State::Ok))
        .replace('✗', model.theme.glyph(State::Fail))
}

/// Writes why a host is not there, and what can be done; returns the next free row.
fn trouble(paint: &mut Paint<'_>, inner: Rect, mut y: u16, link: Option<&Link>) -> u16 {
    let (why, help) = match link {
        Some(Link::Failed { why, help }) => (why.clone(), help.clone()),
        Some(Link::Lost { why, retry_in }) => (
            format!("{why}; next try in {}", words::span(retry_in.as_secs_f64())),
            None,
        ),
        _ => return y,
    };
    y = told(paint, inner, y, &why, "state.fail");
    for line in help.iter().flat_map(|help| help.lines()) {
        y = told(paint, inner, y, line, "text");
    }
    y
}

/// Writes a sentence below a host; returns the next free row.
fn told(paint: &mut Paint<'_>, inner: Rect, mut y: u16, text: &str, role: &str) -> u16 {
    for row in wrap(text, usize::from(inner.width.saturating_sub(18))) {
        if y < inner.bottom() {
            paint.text(inner.x + 15, y, inner.width.saturating_sub(16), &row, role);
            y += 1;
        }
    }
    y
}
