//! The card: what fits on a phone. One look tells the environment, the step, what failed and which key to press.

use std::ops::Range;

use ratatui::layout::Rect;

use super::band::{self, Tone};
use super::paint::{Paint, columns, middle, wrap};
use super::{board, brief, plight, viewer};
use crate::domain::run::progress::{self, Need};
use crate::domain::run::{Moment, RunState, RunStatus, TaskStatus};
use crate::domain::text::ellipsis;
use crate::ui::available::availability;
use crate::ui::keymap::{self, Act};
use crate::ui::model::{Availability, GATE_FIELD, Model, RunView, View};
use crate::ui::msg::Owner;
use crate::ui::panes;
use crate::ui::rows;
use crate::ui::shelf::Tab;
use crate::ui::states;
use crate::ui::tail::TailView;
use crate::ui::theme::State;
use crate::ui::viewer::Viewer;

mod still;

/// Draws the card, or one line when there is no room for more.
pub fn draw(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) {
    if area.is_empty() {
        return;
    }
    let head = head(model, now, area.width);
    let guarded = is_guarded(model);
    let row = Rect { height: 1, ..area };
    if guarded {
        paint.fill(row, "env.production");
    }
    paint.text(
        area.x,
        area.y,
        area.width,
        &head,
        if guarded {
            "env.production"
        } else {
            "text.strong"
        },
    );
    if area.height < 5 {
        return;
    }
    let body = panes::card_body(area);
    let said = match (&model.run, model.view) {
        (Some(view), View::Run) => {
            run(paint, body, model, view, now);
            said(model, view, now, area.width)
        }
        (Some(view), View::Gate) => gate(paint, body, model, view, now),
        (_, View::Hosts) => still::hosts(paint, body, model),
        _ => still::home(paint, body, model, now),
    };
    let (said, role) = model
        .notice
        .as_ref()
        .map_or((said, "attention"), |(notice, _)| {
            (notice.title.clone(), "notice")
        });
    let last = Rect {
        y: body.bottom(),
        height: area.bottom() - 1 - body.bottom(),
        ..area
    };
    let mut rows = wrap(&said, usize::from(area.width));
    if let Some(more) = rows
        .get(usize::from(last.height)..)
        .filter(|more| !more.is_empty())
    {
        // What has no room is told to be missing.
        let at = usize::from(last.height).saturating_sub(1);
        rows[at] = format!("{} {}", rows[at].trim_end(), more.concat());
    }
    for (at, row) in rows.iter().take(usize::from(last.height)).enumerate() {
        paint.text(last.x, last.y + at as u16, last.width, row, role);
    }
    keys(
        paint,
        Rect {
            y: area.bottom() - 1,
            height: 1,
            ..area
        },
        model,
    );
}

/// What is said first of a run: in one row what happened, in one what users see.
fn said(model: &Model, view: &RunView, now: Moment, width: u16) -> String {
    let said = plight::attention(model, view, now, u16::MAX);
    let said: Vec<String> = said.into_iter().map(|(text, _)| text).collect();
    let all = said.concat();
    // What is searched for or selected in the log has the first row as long as it lasts.
    let log = Some(&view.log).filter(|_| !panes::is_told(view));
    let width = usize::from(width);
    let is_long = said.len() > 1 && wrap(&all, width).len() > 2;
    let first = match log.and_then(Viewer::card_words) {
        Some(words) => words,
        None if is_long => said[0].trim_end().to_owned(),
        None => return all,
    };
    let first = ellipsis(&first, width);
    let room = width.saturating_sub(columns(&first));
    let users = progress::users_see_in_short(&view.state);
    format!("{first}{}{users}", " ".repeat(room + 1))
}

/// The first row: where, whose, how far. The name of the project gives way to what changes.
fn head(model: &Model, now: Moment, width: u16) -> String {
    let named = |project: &str, rest: &str| {
        let room = usize::from(width).saturating_sub(columns(rest) + 1);
        let project = middle(project, room.min(usize::from(width)) as u16);
        if room < 4 {
            rest.to_owned()
        } else {
            format!("{project} {rest}").trim().to_owned()
        }
    };
    let Some(view) = model
        .run
        .as_ref()
        .filter(|_| matches!(model.view, View::Run | View::Gate))
    else {
        let what = if model.view == View::Hosts {
            "hosts"
        } else {
            ""
        };
        return named(
            &model.project,
            format!("{what} {}", now.format("%H:%M")).trim(),
        );
    };
    let state = &view.state;
    let stage = state.current_stage().filter(|_| state.started.is_some());
    let env = stage
        .and_then(|stage| state.plan.stages[stage].env.as_ref())
        .map_or(String::new(), |env| env.as_str().to_uppercase());
    let counts = progress::counts(state, None);
    let failed = if counts.failed > 0 {
        format!(" FAIL {}", counts.failed)
    } else {
        String::new()
    };
    let (done, all) = states::all_steps_done(state);
    let standing = match state.status {
        RunStatus::Prepared | RunStatus::Finished(_) => format!("{done}/{all}{failed}"),
        _ => format!("{}/{all}{failed}", (done + 1).min(all)),
    };
    let word = match (state.status, &view.owner) {
        (RunStatus::Prepared, _) => "PLAN",
        (status @ RunStatus::Finished(_), _) | (status, Owner::Here) => states::word(status),
        (_, Owner::Elsewhere(_)) => "WATCHING",
        (_, Owner::Background(_)) => "BACKGROUND",
        (_, Owner::Nobody) => "nobody drives",
    };
    if model.view == View::Gate {
        let commit = state.plan.commit.as_ref();
        let commit = commit.map_or("", |commit| commit.short());
        let begin = format!("GATE {env} ");
        let room = usize::from(width).saturating_sub(columns(&begin) + columns(commit) + 1);
        return format!(
            "{begin}{} {commit}",
            middle(&state.plan.project, room as u16)
        );
    }
    let rest = format!("{env} {standing} {word}");
    named(&state.plan.project, rest.trim())
}

fn run(paint: &mut Paint<'_>, area: Rect, model: &Model, view: &RunView, now: Moment) {
    if panes::is_told(view) {
        brief::draw(paint, area, model, view, now);
        return;
    }
    let Some((tasks, number)) = rows::log_tasks(view) else {
        return;
    };
    let state = &view.state;
    let (_, planned) = state.planned(tasks.start);
    let mut x = area.x;
    x += paint.glyph(x, area.y, states::of_tasks(state, tasks.clone())) + 1;
    paint.text(
        x,
        area.y,
        area.right().saturating_sub(x),
        &format!("{number} {}  {}", planned.step, planned.about),
        "text.strong",
    );
    let second = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(2),
        height: 1,
    };
    if tasks.len() > 3 {
        board::counts(paint, second.x, second, state, tasks.clone());
    } else {
        sites(paint, second, state, tasks.clone());
    }
    let below = panes::card_log(area);
    if view.log.facts().lines > 0 {
        viewer::draw(paint, below, &view.log, now);
    } else if let Some(said) = plight::held_up(model, view, now) {
        paint.wrapped(below, &said, "text");
    }
}

/// Where the tasks run, and how each stands.
fn sites(paint: &mut Paint<'_>, area: Rect, state: &RunState, tasks: Range<usize>) {
    let mut x = area.x;
    for position in tasks {
        let (_, planned) = state.planned(position);
        let shown = states::of_task(planned, &state.tasks[position]);
        if x + 4 >= area.right() {
            break;
        }
        x += paint.text(
            x,
            area.y,
            area.right().saturating_sub(x),
            &middle(planned.site.as_str(), 18),
            "text",
        ) + 1;
        x += paint.glyph(x, area.y, shown) + 1;
        let word = match state.tasks[position].status {
            // The host may be well: what is not known is how the step ended.
            TaskStatus::Interrupted(_) => "unknown",
            _ => shown.word(),
        };
        let room = area.right().saturating_sub(x);
        x += paint.text(x, area.y, room, word, shown.role()) + 2;
    }
}

fn gate(paint: &mut Paint<'_>, area: Rect, model: &Model, view: &RunView, now: Moment) -> String {
    let Some(stage) = progress::gate_waiting(&view.state) else {
        return String::new();
    };
    let env = view.state.plan.stages[stage]
        .env
        .as_ref()
        .map_or_else(String::new, ToString::to_string);
    let proofs = super::proofs::proofs(model, &view.state, stage, now);
    let cost = wrap(&super::proofs::cost(view, stage), usize::from(area.width));
    let room = usize::from(area.height).saturating_sub(2 + cost.len().min(2));
    let width = usize::from(area.width.saturating_sub(2));
    let (mut y, mut told) = (area.y, 0);
    for proof in &proofs {
        let text = format!("{} {}", proof.check.trim(), proof.found);
        // What is not well is told in full.
        let rows = if proof.state == State::Ok {
            vec![text]
        } else {
            wrap(&text, width).into_iter().take(3).collect()
        };
        let more = usize::from(told + 1 < proofs.len());
        if usize::from(y - area.y) + rows.len() + more > room {
            break;
        }
        paint.glyph(area.x, y, proof.state);
        let role = match proof.state {
            State::Wait => "state.warn",
            _ => "text",
        };
        for row in rows {
            paint.text(area.x + 2, y, width as u16, &row, role);
            y += 1;
        }
        told += 1;
    }
    if told < proofs.len() && y < area.bottom() {
        let rest = &proofs[told..];
        let all = rest.iter().all(|proof| proof.state == State::Ok);
        let well = if all { " ok" } else { "" };
        let text = format!("{} more{well}", rest.len());
        paint.text(area.x + 2, y, width as u16, &text, "text.dim");
        y += 1;
    }
    for row in cost.iter().take(2) {
        paint.text(area.x, y, area.width, row, "text.dim");
        y += 1;
    }
    let stale = super::proofs::stale(&proofs);
    if stale > 0 && y + 1 < area.bottom() {
        let said = format!("{stale} stale: older than 15 min");
        paint.text(area.x, y, area.width, &said, "state.warn");
    }
    let y = area.bottom().saturating_sub(1);
    let field = view.gate.panel == GATE_FIELD;
    let word = view.state.plan.gate_word(&env.as_str().into());
    let ask = if field {
        format!("type {word}: {}_", view.gate.typed)
    } else {
        format!("Tab, type {word}, Enter")
    };
    let typed = format!("> {}_", view.gate.typed);
    let ask = if field && columns(&ask) > usize::from(area.width) {
        &typed
    } else {
        &ask
    };
    paint.text(area.x, y, area.width, ask, "text.strong");
    view.gate
        .said
        .clone()
        .unwrap_or_else(|| plight::users(&view.state, now).0)
}

/// What the last row offers where it can be done, the most wanted first.
fn offered(model: &Model) -> &'static [Act] {
    let needs = model
        .run
        .as_ref()
        .map(|view| progress::needs(&view.state, false))
        .unwrap_or_default();
    let run = model.run.as_ref().map(|view| view.state.status);
    match (model.view, run) {
        (View::Run, Some(RunStatus::Prepared)) => &[Act::Help, Act::Start, Act::Back],
        (View::Run, Some(RunStatus::Finished(_))) => &[Act::Help, Act::Resume, Act::Back],
        (View::Run, _) if needs.iter().any(|need| matches!(need, Need::Failure(_))) => {
            &[Act::Help, Act::Retry, Act::Resume, Act::Abort, Act::Back]
        }
        (View::Run, _) => &[
            Act::Help,
            Act::Yes,
            Act::Retry,
            Act::Resume,
            Act::Continue,
            Act::Abort,
            Act::Pause,
            Act::Back,
        ],
        (View::Gate, _) => &[Act::Help, Act::FocusOn, Act::Resume, Act::Abort, Act::Back],
        (View::Logs, _) if model.tail.as_ref().is_some_and(|tail| tail.whole.is_some()) => {
            &[Act::Left, Act::Right, Act::Open, Act::Back]
        }
        (View::Logs, _) if model.tail.as_ref().is_some_and(TailView::is_empty) => {
            &[Act::Help, Act::Editor, Act::Refresh, Act::Back]
        }
        (View::Logs, _) => &[Act::Help, Act::Search, Act::FocusOn, Act::Back, Act::Follow],
        // The field in the first row has the keys, and says which of them end it.
        (View::Releases, _) if model.shelf.typing => &[],
        (View::Releases, _) if model.shelf.focus().is_some() => {
            &[Act::Help, Act::TabOn, Act::FocusOn, Act::Search, Act::Back]
        }
        (View::Releases, _) if model.shelf.catalog().is_none() => {
            &[Act::Help, Act::Refresh, Act::Back]
        }
        (View::Releases, _) if model.shelf.selected_row().is_none() => {
            &[Act::Help, Act::Search, Act::Refresh, Act::Back]
        }
        (View::Releases, _) => &[
            Act::Help,
            Act::Deploy,
            Act::Rollback,
            Act::Open,
            Act::Search,
            Act::Back,
        ],
        (View::Hosts, _) => &[Act::Help, Act::Refresh, Act::Open, Act::Back],
        (View::Home, _) => &[
            Act::Help,
            Act::Deploy,
            Act::Resume,
            Act::Back,
            Act::ScreenHosts,
        ],
    }
}

pub(in crate::ui) fn keys(paint: &mut Paint<'_>, area: Rect, model: &Model) {
    let acts = offered(model);
    let on = |act: &&Act| availability(model, **act) == Availability::On;
    let word = |act: Act| word(model, act);
    let columns_of = |act: Act| columns(keymap::row(act).keys[0]) + 1 + columns(word(act));
    // The way back is never left out for another key.
    let back = acts.iter().position(|act| *act == Act::Back);
    let mut x = area.x;
    for (at, act) in acts.iter().enumerate().filter(|(_, act)| on(act)) {
        let row = keymap::row(*act);
        let word = word(*act);
        let kept = match back {
            Some(back) if at < back => columns_of(Act::Back) + 2,
            _ => 0,
        };
        let room = usize::from(area.right().saturating_sub(x));
        if x > area.x && room < columns_of(*act) + kept {
            continue;
        }
        let room = area.right().saturating_sub(x);
        let role = if row.changes {
            "text.key.danger"
        } else {
            "text.key"
        };
        let used = paint.text(x, area.y, room, row.keys[0], role) + 1;
        x += used;
        x += paint.text(x, area.y, area.right().saturating_sub(x), word, "text") + 2;
    }
}

/// What a key of the last row is called there.
fn word(model: &Model, act: Act) -> &'static str {
    match (model.view, act) {
        (View::Home, Act::Back) => "quit",
        (View::Logs, Act::Left) => "earlier",
        (View::Logs, Act::Right) => "later",
        (View::Logs, Act::Open) => "there",
        (View::Run, Act::Yes) => "answer",
        (View::Releases, Act::Search) if model.shelf.focus() != Some(Tab::Diff) => "find",
        (View::Releases, Act::TabOn) => "tab",
        (View::Releases, Act::FocusOn) => "list",
        (View::Releases, Act::Rollback) => "go back",
        _ => keymap::row(act).short,
    }
}

/// Whether what is shown can touch a guarded environment.
fn is_guarded(model: &Model) -> bool {
    let Some(view) = &model.run else {
        return false;
    };
    let stage = view
        .state
        .current_stage()
        .filter(|_| view.state.started.is_some());
    let env = stage.and_then(|stage| view.state.plan.stages[stage].env.as_ref());
    model.view == View::Gate
        || (model.view == View::Run && band::tone(&view.state, env) == Tone::Guarded)
}
