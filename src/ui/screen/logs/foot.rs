//! The rows at the bottom of the logs screen: what is looked for, how the stream stands, what can be done.

use ratatui::layout::Rect;

use crate::domain::log::{SourceNow, SourceState};
use crate::ui::keymap::Act;
use crate::ui::model::Model;
use crate::ui::tail::{LogsPane, TailView, letter};
use crate::ui::viewer::thousands;
use crate::ui::widget::hints::{self, Hint};
use crate::ui::widget::paint::{Paint, columns, middle};
use crate::ui::widget::prompt::share;
use crate::ui::widget::sources;
use crate::ui::words;

/// Why the first source that was lost does not come, behind what must not be cut: its own row has no room for it.
fn reason(tail: &TailView) -> String {
    let is_lost = |now: &&SourceNow| matches!(now.state, SourceState::Lost { .. });
    tail.sources
        .iter()
        .find(is_lost)
        .map_or_else(String::new, why)
}

/// Why a source does not come; empty where that has been said by saying what it waits for.
fn why(now: &SourceNow) -> String {
    match &now.state {
        SourceState::Lost { why, .. } | SourceState::Failed { why, .. } => {
            let why: Vec<&str> = why.split_whitespace().collect();
            format!("   ({})", why.join(" "))
        }
        _ => String::new(),
    }
}

/// What is said first: why nothing comes, what is lost, or that the screen stands still.
pub(super) fn attention(tail: &TailView, narrow: bool) -> (String, &'static str) {
    let env = &tail.env;
    if narrow && tail.heard && !tail.sources.is_empty() {
        return in_short(tail);
    }
    if tail.failed.is_some() {
        let said = format!("the logs of {env} cannot be followed.   r tries again");
        return (said, "state.fail");
    }
    if !tail.heard {
        let said = format!("asking the hosts of {env} for their logs ..");
        return (said, "attention");
    }
    if tail.is_empty() {
        let said = if narrow {
            "no log is named: Ctrl-e, then r".to_owned()
        } else {
            format!("no log is named for the hosts of {env}")
        };
        return (said, "state.warn");
    }
    if tail.is_dead() {
        let said = format!("nothing comes from {env}: Tab, then Enter tells why.  r tries again");
        return (said, "state.fail");
    }
    if let Some(why) = &tail.unkept {
        let said =
            format!("{why}: lines that come are not kept.   They are as soon as there is room");
        return (said, "state.fail");
    }
    if !tail.viewer.follows() {
        let new = tail.viewer.new_lines();
        let said = match new {
            0 => "paused while you scroll.   G or f: back to live".to_owned(),
            1 => "paused while you scroll: 1 new line below.   G or f: back to live".to_owned(),
            new => format!(
                "paused while you scroll: {} new lines below.   G or f: back to live",
                thousands(new)
            ),
        };
        return (said, "attention");
    }
    if tail.is_lost() {
        let count = words::count(tail.sources.len(), "source");
        let (again, why) = (again(tail), reason(tail));
        let said = format!("nothing comes from {count} of {env}{again}{why}");
        return (said, "state.fail");
    }
    missing(tail)
}

/// Which sources do not come, the worst first; that all do, when all do.
fn missing(tail: &TailView) -> (String, &'static str) {
    let env = &tail.env;
    let mut bad: Vec<(usize, &SourceNow)> = tail.sources.iter().enumerate().collect();
    bad.sort_by_key(|(_, now)| match &now.state {
        SourceState::Failed { .. } => 0,
        SourceState::Lost { .. } => 1,
        _ => 2,
    });
    let lost = bad.into_iter().filter_map(|(at, now)| {
        let name = || {
            let host = middle(now.source.host.as_str(), 20);
            let log = middle(now.source.log.name.as_str(), 20);
            format!("{} {host} {log}", letter(at))
        };
        let said = match &now.state {
            SourceState::Lost { retry_in, .. } => {
                let again = words::span(retry_in.as_secs_f64());
                format!("{} is lost, again in {again}", name())
            }
            SourceState::Failed { .. } => format!("{} does not come", name()),
            SourceState::Waiting { .. } => format!("{} has no file yet", name()),
            _ => return None,
        };
        Some((said, why(now)))
    });
    let lost: Vec<(String, String)> = lost.collect();
    match lost.as_slice() {
        [] => {
            let clock = if tail.sources.len() > 1 {
                ", by the time in their lines"
            } else {
                ""
            };
            let count = words::count(tail.sources.len(), "source");
            let word = if is_opening(tail) { "opening" } else { "live" };
            (format!("{word}: {count} of {env}{clock}"), "attention")
        }
        [(one, why)] if tail.live().0 == 0 => (format!("{one}{why}"), "state.warn"),
        [(one, why)] => (format!("{one}.   The others are live{why}"), "state.warn"),
        [(one, why), rest @ ..] => {
            let said = format!("{one}, and {} more{why}", rest.len());
            (said, "state.warn")
        }
    }
}

/// The same where there is little room.
pub(super) fn in_short(tail: &TailView) -> (String, &'static str) {
    let (live, all) = (tail.live().0, tail.sources.len());
    match (tail.viewer.follows(), tail.viewer.new_lines()) {
        _ if tail.is_dead() => (
            "nothing comes: Tab, Enter tells why".to_owned(),
            "state.fail",
        ),
        _ if tail.unkept.is_some() => {
            let why = tail.unkept.as_deref().unwrap_or_default();
            (format!("not kept: {why}"), "state.fail")
        }
        (false, new) if tail.viewer.pattern().is_some() || tail.viewer.selected().is_some() => {
            let said = tail.viewer.card_words().unwrap_or_default();
            let new = if new > 0 {
                format!("  +{new}")
            } else {
                String::new()
            };
            (format!("{said}{new}"), "attention")
        }
        (false, 0) => ("paused   G: back to live".to_owned(), "attention"),
        (false, new) => {
            let new = thousands(new);
            (format!("paused, {new} new   G: live"), "attention")
        }
        _ if tail.is_lost() => (format!("nothing comes{}", again(tail)), "state.fail"),
        _ if is_opening(tail) => (
            format!("opening: {}", words::count(all, "source")),
            "attention",
        ),
        _ if tail.waits() => ("no file yet: Tab shows which".to_owned(), "state.warn"),
        _ if live < all => {
            let off = words::count(all - live, "source");
            (format!("live, {off} not: Tab shows them"), "state.warn")
        }
        _ => match (tail.viewer.card_words(), tail.viewer.hidden_lines()) {
            (Some(said), _) => (said, "text"),
            (None, 0) => (
                format!("live: {}", words::count(all, "source")),
                "attention",
            ),
            (None, hidden) => (
                format!("live, {} hidden   F: filters", thousands(hidden)),
                "attention",
            ),
        },
    }
}

/// Whether no source was ever live so far.
fn is_opening(tail: &TailView) -> bool {
    let opens = |now: &SourceNow| now.state == SourceState::Opening;
    tail.live().0 == 0 && tail.sources.iter().all(opens)
}

/// When the next of the lost sources is tried again.
fn again(tail: &TailView) -> String {
    let waits = tail.sources.iter().filter_map(|now| match &now.state {
        SourceState::Lost { retry_in, .. } => Some(retry_in.as_secs_f64()),
        _ => None,
    });
    let next = waits.min_by(f64::total_cmp);
    next.map_or_else(String::new, |next| {
        format!(": lost, again in {}", words::span(next))
    })
}

/// `41 matches: web1 39  pdb1 2   scanned 80 %`: what is searched for, and where it was found.
pub(super) fn search_line(tail: &TailView) -> Option<String> {
    let pattern = tail.viewer.pattern()?;
    let facts = tail.viewer.facts();
    let kind = if pattern.regex { "regex" } else { "text" };
    let case = if pattern.text.chars().any(char::is_uppercase) {
        "exact case"
    } else {
        "any case"
    };
    let shown = crate::domain::text::ellipsis(&pattern.text, 30);
    let Some(found) = &facts.search else {
        return Some(format!("/ {shown}   {kind}, {case}"));
    };
    let names = sources::names(tail);
    let mut by_source = vec![0; names.len()];
    for (track, lines) in facts.tracks.iter().zip(&found.by_track) {
        if let Some(sum) = by_source.get_mut(track.owner) {
            *sum += lines;
        }
    }
    let mut most: Vec<(usize, u64)> = by_source.into_iter().enumerate().collect();
    most.retain(|(_, lines)| *lines > 0);
    most.sort_by_key(|(at, lines)| (u64::MAX - lines, *at));
    let per: Vec<String> = most
        .iter()
        .take(6)
        .map(|(at, lines)| format!("{} {}", middle(&names[*at], 16), thousands(*lines)))
        .collect();
    let noun = if found.lines == 1 { "match" } else { "matches" };
    let colon = if per.is_empty() { "" } else { ": " };
    Some(format!(
        "/ {shown}   {kind}, {case}   {} {noun}{colon}{}{}",
        thousands(found.lines),
        per.join("  "),
        share(found.scanned, facts.lines)
    ))
}

pub(super) fn foot(paint: &mut Paint<'_>, area: Rect, model: &Model, tail: &TailView) {
    if area.height < 3 {
        return;
    }
    let row = |at: u16| Rect {
        y: area.y + at,
        height: 1,
        ..area
    };
    let (said, role) = attention(tail, false);
    let room = area.width.saturating_sub(2);
    paint.text(area.x + 1, area.y, room, &said, role);
    let y = area.y + 1;
    match (&model.notice, search_line(tail)) {
        (Some((notice, _)), _) => {
            let said = format!(" {} ", notice.title);
            paint.text(area.x + 1, y, room, &said, "notice");
        }
        (None, Some(search)) if tail.whole.is_none() => {
            let hint = "n next  N previous  Esc ends it";
            let used = paint.text(area.x + 1, y, room, &search, "text");
            if usize::from(used) + columns(hint) + 4 < usize::from(room) {
                paint.text(area.x + used + 4, y, room - used - 3, hint, "text.dim");
            }
        }
        (None, _) => hints::actions(paint, row(1), model, actions(tail)),
    }
    hints::keys(paint, row(2), keys(tail));
}

/// What can be done with the pane that has the keys.
fn actions(tail: &TailView) -> &'static [Hint<'static>] {
    match (tail.pane, tail.whole.is_some()) {
        _ if tail.is_empty() => &[
            (Act::Editor, "name one in releases.toml"),
            (Act::Refresh, "look again"),
            (Act::Environment, "other environment"),
        ],
        (_, true) => &[
            (Act::Open, "to the lines there"),
            (Act::Histogram, "back"),
            (Act::Left, "earlier"),
            (Act::Right, "later"),
        ],
        (LogsPane::Sources, _) => &[
            (Act::Toggle, "show/hide"),
            (Act::Open, "all about it"),
            (Act::Only, "and a letter: only that"),
            (Act::Refresh, "connect again"),
            (Act::Environment, "other environment"),
        ],
        (LogsPane::Histogram, _) => &[
            (Act::Histogram, "whole time"),
            (Act::NextMark, ""),
            (Act::Environment, "other environment"),
        ],
        (LogsPane::Log, _) => &[
            (Act::Only, "and a letter: only that"),
            (Act::SetMark, ""),
            (Act::Select, ""),
            (Act::Clear, ""),
            (Act::Histogram, ""),
            (Act::Refresh, "connect again"),
            (Act::Environment, "other environment"),
            (Act::FocusOn, "sources"),
        ],
    }
}

fn keys(tail: &TailView) -> &'static [Hint<'static>] {
    match (tail.pane, tail.whole.is_some()) {
        _ if tail.is_empty() => &[
            (Act::ScreenHome, ""),
            (Act::ScreenReleases, ""),
            (Act::ScreenHosts, ""),
            (Act::Back, ""),
        ],
        (_, true) => &[(Act::Close, "back to the lines"), (Act::Back, "")],
        (LogsPane::Sources, _) => &[
            (Act::FocusOn, "to the lines"),
            (Act::Search, ""),
            (Act::Filters, ""),
            (Act::Zoom, ""),
            (Act::ScreenHome, ""),
            (Act::Back, ""),
        ],
        (LogsPane::Histogram, _) => &[
            (Act::FocusOn, "to the sources"),
            (Act::Search, ""),
            (Act::Filters, ""),
            (Act::Zoom, ""),
            (Act::ScreenHome, ""),
            (Act::Back, ""),
        ],
        (LogsPane::Log, _) => &[
            (Act::Search, ""),
            (Act::Keep, ""),
            (Act::Drop, ""),
            (Act::NextError, "error"),
            (Act::Gap, "gap"),
            (Act::Wrap, ""),
            (Act::Time, ""),
            (Act::Copy, ""),
            (Act::Save, ""),
            (Act::Pager, ""),
            (Act::Zoom, ""),
            (Act::Back, ""),
        ],
    }
}
