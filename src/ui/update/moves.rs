//! Moves: cursors, scrolling, folding and focus. None of them does anything but look.

use crate::ui::choices;
use crate::ui::keymap::Act;
use crate::ui::model::{Dialog, GATE_FIELD, HomePanel, Model, Pane, RunView, View};
use crate::ui::rows::{self, Row};

/// Moves what has the keys; returns whether the action was a move.
pub(super) fn moves(model: &mut Model, act: Act) -> bool {
    let page = i64::from(model.size.1.max(8)) - 8;
    let by = match act {
        Act::Down => 1,
        Act::Up => -1,
        Act::HalfDown => page / 2,
        Act::HalfUp => -page / 2,
        Act::PageDown => page.max(1),
        Act::PageUp => -page.max(1),
        Act::Top => -1_000_000,
        Act::Bottom => 1_000_000,
        Act::Left | Act::Right | Act::SectionBack | Act::SectionOn | Act::TabBack | Act::TabOn => {
            if let (Some(run), View::Run, true) =
                (&mut model.run, model.view, model.dialogs.is_empty())
            {
                sideways(run, act);
            }
            return true;
        }
        Act::AboutBack | Act::AboutOn => {
            about(model, act == Act::AboutBack);
            return true;
        }
        Act::FocusOn | Act::FocusBack if !model.dialogs.is_empty() => {
            about(model, act == Act::FocusBack);
            return true;
        }
        Act::FocusOn | Act::FocusBack => {
            focus(model, act == Act::FocusBack);
            return true;
        }
        _ => return false,
    };
    if model.dialogs.is_empty() && model.view == View::Releases {
        super::releases::walk(model, by);
    } else if model.dialogs.is_empty() {
        on_screen(model, by);
    } else {
        in_dialog(model, by);
    }
    true
}

pub(super) fn shift(at: usize, by: i64, len: usize) -> usize {
    let by_rows = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
    let to = if by < 0 {
        at.saturating_sub(by_rows)
    } else {
        at.saturating_add(by_rows)
    };
    to.min(len.saturating_sub(1))
}

fn in_dialog(model: &mut Model, by: i64) {
    let palette_len = match model.dialogs.last() {
        Some(Dialog::Palette { query, .. }) => super::palette::matching(model, query).len(),
        _ => 0,
    };
    let rules = model
        .viewer()
        .map_or(0, |viewer| viewer.filters().rules.len());
    let environments = super::logs::environments(model).len();
    match model.dialogs.last_mut() {
        Some(Dialog::Help { scroll, .. }) => *scroll = shift(*scroll, by, 200),
        Some(Dialog::Rollback { scroll, .. }) => *scroll = shift(*scroll, by, 500),
        Some(Dialog::Message { scroll, lines, .. }) => *scroll = shift(*scroll, by, lines.len()),
        Some(Dialog::Palette { cursor, .. }) => *cursor = shift(*cursor, by, palette_len),
        Some(Dialog::Failure { spot, .. } | Dialog::Interrupted { spot, .. }) => {
            spot.choice = shift(spot.choice, by, choices::ABOUT_TASKS.len());
        }
        Some(Dialog::Filters { cursor }) => *cursor = shift(*cursor, by, rules),
        Some(Dialog::Environments { cursor }) => *cursor = shift(*cursor, by, environments),
        Some(Dialog::Abort { choice, .. }) => {
            *choice = shift(*choice, by, choices::ABOUT_END.len());
        }
        Some(Dialog::Locked { choice, .. }) => {
            *choice = shift(*choice, by, choices::ABOUT_LOCK.len());
        }
        _ => {}
    }
}

/// Looks at the next of several tasks that are decided about, then at all of them, and around.
fn about(model: &mut Model, back: bool) {
    if let Some(Dialog::Failure { tasks, spot } | Dialog::Interrupted { tasks, spot }) =
        model.dialogs.last_mut()
        && tasks.len() > 1
    {
        let all = tasks.len() + 1;
        spot.about = (spot.about + if back { all - 1 } else { 1 }) % all;
    }
}

fn on_screen(model: &mut Model, by: i64) {
    match model.view {
        View::Home => {
            let panel = model.home_panel as usize;
            let len = home_len(model, model.home_panel);
            model.home_cursor[panel] = shift(model.home_cursor[panel], by, len);
        }
        View::Hosts => {
            let len = model.overview.as_ref().map_or(0, |overview| {
                overview
                    .environments
                    .iter()
                    .map(|env| env.hosts.len())
                    .sum()
            });
            model.host_cursor = shift(model.host_cursor, by, len);
        }
        View::Logs | View::Releases => {}
        View::Gate => {
            if let Some(run) = &mut model.run {
                let panel = run.gate.panel.min(2);
                run.gate.scroll[panel] = shift(run.gate.scroll[panel], by, 400);
            }
        }
        View::Run => {
            if let Some(run) = &mut model.run {
                // The keys of the log are the viewer's.
                in_plan(run, by);
            }
        }
    }
}

/// How many rows a panel of the home screen has.
pub(super) fn home_len(model: &Model, panel: HomePanel) -> usize {
    let Some(overview) = &model.overview else {
        return 0;
    };
    let unfinished = overview
        .runs
        .iter()
        .filter(|run| run.outcome.is_none())
        .count();
    match panel {
        HomePanel::Where => overview.environments.len(),
        HomePanel::Next => overview.next.as_ref().map_or(0, |next| next.commits.len()),
        HomePanel::Unfinished => unfinished,
        HomePanel::Recent => overview.runs.len() - unfinished,
    }
}

fn in_plan(run: &mut RunView, by: i64) {
    let rows = rows::rows(run);
    let at = shift(rows::current(run, &rows), by, rows.len());
    go_to_row(run, at);
}

fn go_to_row(run: &mut RunView, at: usize) {
    run.cursor = at;
    run.follow = false;
}

fn sideways(run: &mut RunView, act: Act) {
    let rows = rows::rows(run);
    let at = rows::current(run, &rows);
    let stage = match rows.get(at) {
        Some(Row::Gate(stage) | Row::Stage(stage) | Row::Step { stage, .. }) => *stage,
        None => return,
    };
    match (act, run.pane) {
        (Act::Left, Pane::Plan) => {
            run.folded.insert(stage);
            let head = rows::rows(run)
                .iter()
                .position(|row| *row == Row::Stage(stage));
            go_to_row(run, head.unwrap_or(0));
        }
        (Act::Right, Pane::Plan) => {
            run.folded.remove(&stage);
        }
        (Act::SectionBack, _) => {
            let is_head = |row: &Row| !matches!(row, Row::Step { .. });
            let to = rows[..at].iter().rposition(is_head);
            go_to_row(run, to.unwrap_or(0));
        }
        (Act::SectionOn, _) => {
            let is_head = |row: &Row| !matches!(row, Row::Step { .. });
            let to = rows.iter().skip(at + 1).position(is_head);
            go_to_row(
                run,
                to.map_or(rows.len().saturating_sub(1), |to| at + 1 + to),
            );
        }
        _ => {}
    }
}

fn focus(model: &mut Model, back: bool) {
    match model.view {
        View::Home => {
            let order = [
                HomePanel::Where,
                HomePanel::Next,
                HomePanel::Unfinished,
                HomePanel::Recent,
            ];
            let shown: Vec<HomePanel> = order
                .into_iter()
                .filter(|panel| *panel != HomePanel::Unfinished || home_len(model, *panel) > 0)
                .collect();
            let at = shown
                .iter()
                .position(|panel| *panel == model.home_panel)
                .unwrap_or(0);
            let step = if back { shown.len() - 1 } else { 1 };
            model.home_panel = shown[(at + step) % shown.len()];
        }
        View::Run => {
            if let Some(run) = &mut model.run {
                run.pane = if run.pane == Pane::Plan {
                    Pane::Log
                } else {
                    Pane::Plan
                };
            }
        }
        View::Gate => {
            if let Some(run) = &mut model.run {
                // From the evidence the field comes first, so that one Tab is enough to decide.
                const ORDER: [usize; 4] = [0, GATE_FIELD, 1, 2];
                let at = ORDER
                    .iter()
                    .position(|panel| *panel == run.gate.panel)
                    .unwrap_or(0);
                run.gate.panel = ORDER[(at + if back { 3 } else { 1 }) % 4];
                run.gate.typed.clear();
                run.gate.said = None;
            }
        }
        View::Hosts | View::Logs | View::Releases => {}
    }
}
