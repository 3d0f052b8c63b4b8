//! What stands where no line can: why, and what to do. Each case has its own words.

use ratatui::layout::Rect;

use crate::domain::log::{SourceNow, SourceState};
use crate::ui::tail::{TailView, letter};
use crate::ui::widget::paint::{Paint, middle, wrap};

/// What else can be written in the lines of the example.
const NOTES: [&str; 2] = [
    "                      # names of roles or hosts",
    "       # or: run = \"journalctl -f -u app\"",
];

/// Says why there are no lines; false = there may be some, and nothing was drawn.
pub(super) fn draw(paint: &mut Paint<'_>, area: Rect, tail: &TailView) -> bool {
    if area.is_empty() || tail.viewer.facts().lines > 0 {
        return false;
    }
    let mut rows = words(area, tail);
    // What is to be done stands at the end: it is the blank rows that go where there is little room.
    let over = rows.len().saturating_sub(usize::from(area.height));
    let mut gone = 0;
    rows.retain(|(text, _)| {
        let goes = text.is_empty() && gone < over;
        gone += usize::from(goes);
        !goes
    });
    let above = u16::from(usize::from(area.height) > rows.len() + 2);
    let shown = (area.y + above..area.bottom()).zip(&rows);
    for (y, (text, role)) in shown {
        paint.text(area.x + 2, y, area.width.saturating_sub(3), text, role);
    }
    true
}

/// The words, in rows that fit.
fn words(area: Rect, tail: &TailView) -> Vec<(String, &'static str)> {
    let env = &tail.env;
    let mut rows: Vec<(String, &str)> = Vec::new();
    let mut say = |text: &str, role: &'static str| {
        let width = usize::from(area.width.saturating_sub(4));
        rows.extend(wrap(text, width.max(1)).into_iter().map(|row| (row, role)));
    };
    if let Some(why) = &tail.failed {
        say(
            &format!("The logs of {env} cannot be followed: {why}."),
            "state.fail",
        );
        say("", "text");
        say("r tries again, a shows another environment.", "text.dim");
    } else if !tail.heard {
        say(
            &format!("Asking the hosts of {env} for their logs .."),
            "text",
        );
    } else if tail.sources.is_empty() {
        say(
            &format!("releases.toml names no log for the hosts of {env}. For example:"),
            "text.strong",
        );
        let notes = if area.width < 60 { ["", ""] } else { NOTES };
        say("", "text");
        say("[log.app]", "text.key");
        say(&format!("on = \"web\"{}", notes[0]), "text.key");
        say(
            &format!("file = \"/var/log/app.log\"{}", notes[1]),
            "text.key",
        );
        say("", "text");
        say(
            "Ctrl-e opens it in $EDITOR. Then r looks again, a shows another environment.",
            "text.dim",
        );
    } else if tail.is_dead() {
        say(
            &format!("No source of {env} comes, and none is tried again by itself."),
            "state.fail",
        );
        say("", "text");
        reasons(tail, &mut say);
        say(
            "r tries all again. Tab to the sources, then Enter tells more of one.",
            "text.dim",
        );
    } else if waits(tail) {
        waiting(tail, &mut say);
    } else if tail.is_lost() {
        say(&format!("Nothing comes from {env}."), "state.fail");
        say("", "text");
        reasons(tail, &mut say);
        say(
            "What is lost is tried again by itself, r tries all now.",
            "text.dim",
        );
    } else if tail
        .sources
        .iter()
        .any(|now| now.state == SourceState::Live)
    {
        say(
            "Nothing was written so far: lines show as they come.",
            "text.dim",
        );
    } else {
        say(&format!("The sources of {env} are being opened .."), "text");
    }
    rows
}

/// Why nothing comes, source by source.
fn reasons(tail: &TailView, say: &mut dyn FnMut(&str, &'static str)) {
    for (at, now) in tail.sources.iter().enumerate().take(8) {
        let (SourceState::Failed { why, .. }
        | SourceState::Lost { why, .. }
        | SourceState::Waiting { why }) = &now.state
        else {
            continue;
        };
        let host = middle(now.source.host.as_str(), 24);
        let log = middle(now.source.log.name.as_str(), 24);
        say(&format!("{} {host} {log}: {why}", letter(at)), "text");
    }
    say("", "text");
}

/// What is told where no file is there yet.
fn waiting(tail: &TailView, say: &mut dyn FnMut(&str, &'static str)) {
    let env = &tail.env;
    say(
        &format!("No source of {env} has a file yet."),
        "text.strong",
    );
    say("", "text");
    for (at, now) in tail.sources.iter().enumerate().take(8) {
        if let SourceState::Waiting { why } = &now.state {
            let host = middle(now.source.host.as_str(), 24);
            say(&format!("{} {host}: {why}", letter(at)), "text");
        }
    }
    say("", "text");
    say("Lines show as soon as a file is there.", "text.dim");
}

/// Whether every source waits for its file.
fn waits(tail: &TailView) -> bool {
    let waits = |now: &SourceNow| matches!(now.state, SourceState::Waiting { .. });
    tail.sources.iter().all(waits)
}
