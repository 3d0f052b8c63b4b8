//! What was: runs that are not over, and those that are.

use ratatui::layout::Rect;

use super::ahead;
use super::home_panel::{mark_row, panel, runs};
use super::paint::Paint;
use crate::domain::overview::RunSummary;
use crate::domain::run::Moment;
use crate::ui::model::{HomePanel, Model};
use crate::ui::states;
use crate::ui::theme::State;
use crate::ui::words;

/// Draws the panels of runs; that of unfinished ones is `open_height` high, 0 = there is none.
pub fn draw(paint: &mut Paint<'_>, area: Rect, open_height: u16, model: &Model, now: Moment) {
    let open = Rect {
        height: open_height.min(area.height),
        ..area
    };
    if open_height > 0 {
        draw_open(paint, open, model, now);
    }
    let rest = Rect {
        y: area.y + open.height,
        height: area.height - open.height,
        ..area
    };
    draw_over(paint, rest, model, now);
}

fn draw_open(paint: &mut Paint<'_>, open: Rect, model: &Model, now: Moment) {
    let inner = panel(
        paint,
        open,
        model,
        HomePanel::Unfinished,
        &match runs(model, true).len() {
            1 => "Unfinished".to_owned(),
            all => format!("Unfinished  {all} runs"),
        },
        if model.drives() {
            "Enter look"
        } else {
            "R go on  Enter look"
        },
    );
    let shown = usize::from(inner.height / 2).max(1);
    let marked = match model.home_panel {
        HomePanel::Unfinished => model.home_cursor[HomePanel::Unfinished as usize],
        _ => 0,
    };
    let top = (marked + 1).saturating_sub(shown);
    for (at, run) in runs(model, true).iter().enumerate().skip(top) {
        let y = inner.y + (at - top) as u16 * 2;
        if y >= inner.bottom() {
            break;
        }
        unfinished(
            paint,
            Rect {
                y,
                height: 2.min(inner.bottom() - y),
                ..inner
            },
            (run, is_driven_here(model, run)),
            now,
        );
        mark_row(
            paint,
            Rect {
                y,
                height: 1,
                ..inner
            },
            model,
            HomePanel::Unfinished,
            at,
        );
    }
}

fn draw_over(paint: &mut Paint<'_>, rest: Rect, model: &Model, now: Moment) {
    let finished = runs(model, false);
    let chosen = model.home_panel == HomePanel::Recent && model.to_go_on().is_some();
    let bottom = match (finished.is_empty(), chosen) {
        (true, _) => "",
        (_, true) => "R go on  Enter open",
        _ => "Enter open",
    };
    let inner = panel(paint, rest, model, HomePanel::Recent, "Recent", bottom);
    if finished.is_empty() {
        let inner = Rect {
            x: inner.x + 1,
            width: inner.width.saturating_sub(2),
            ..inner
        };
        ahead::told(paint, inner, &nothing_yet(model));
    }
    let height = usize::from(inner.height);
    let top =
        model.home_cursor[HomePanel::Recent as usize].saturating_sub(height.saturating_sub(1));
    for (at, run) in finished.iter().enumerate().skip(top).take(height) {
        let row = Rect {
            y: inner.y + (at - top) as u16,
            height: 1,
            ..inner
        };
        recent(paint, row, run, now);
        mark_row(paint, row, model, HomePanel::Recent, at);
    }
}

/// What is said where no run has ended yet.
fn nothing_yet(model: &Model) -> Vec<String> {
    if model.overview.is_none() {
        return vec!["looking ..".to_owned()];
    }
    let first = "no run has ended on this machine yet".to_owned();
    if !runs(model, true).is_empty() {
        return vec![first];
    }
    vec![
        first,
        String::new(),
        "D makes the plan of a release: every step, where it runs, how long it may take. \
         Nothing starts before D is pressed there again."
            .to_owned(),
        String::new(),
        "Every run leaves its record here: what it did, what each host printed, what was tagged. \
         Enter opens it, R goes on with one that failed."
            .to_owned(),
    ]
}

/// Whether the run is the one on this console's own screen, and driven from there.
pub fn is_driven_here(model: &Model, run: &RunSummary) -> bool {
    let shown = model.run.as_ref();
    model.drives() && shown.is_some_and(|view| view.state.run == run.run)
}

/// A run that is not over, and who drives it; `here` = this console.
fn unfinished(paint: &mut Paint<'_>, area: Rect, (run, here): (&RunSummary, bool), now: Moment) {
    let state = match (run.damaged.is_some(), here || run.owned) {
        (true, _) => State::Lost,
        (_, true) => State::Run,
        // Nothing goes on by itself.
        _ => State::Warn,
    };
    let mut x = area.x + 1;
    x += paint.glyph(x, area.y, state) + 1;
    let room = area.right().saturating_sub(x);
    let started = run
        .started
        .map_or_else(String::new, |at| words::when(at, now));
    x += paint.text(x, area.y, room, run.run.as_str(), "text") + 2;
    let room = area.right().saturating_sub(x + 1);
    let what = run.damaged.as_deref().unwrap_or(&run.standing);
    let end = paint.right(
        area.right() - 1,
        area.y,
        12,
        words::user(&run.by),
        "text.dim",
    );
    paint.text(
        x,
        area.y,
        room.min(end.saturating_sub(x + 1)),
        what,
        "state.warn",
    );
    if area.height > 1 {
        let text = format!("{}; since {started}", driven_by(run, here));
        paint.text(
            area.x + 3,
            area.y + 1,
            area.width.saturating_sub(4),
            &text,
            "text.dim",
        );
    }
}

/// Who drives a run that is not over; `here` = this console.
pub fn driven_by(run: &RunSummary, here: bool) -> String {
    match (&run.driver, here) {
        (_, true) => "this console drives it, 1 shows it".to_owned(),
        (Some(who), false) if who.starts_with("background") => who.clone(),
        (Some(who), false) => format!("driven by {who}"),
        (None, false) if run.owned => "another console drives it".to_owned(),
        (None, false) => "nobody drives it".to_owned(),
    }
}

fn recent(paint: &mut Paint<'_>, row: Rect, run: &RunSummary, now: Moment) {
    let mut x = row.x + 1;
    let state = if run.damaged.is_some() {
        State::Lost
    } else {
        states::of_outcome(run.outcome)
    };
    x += paint.glyph(x, row.y, state) + 1;
    let started = run
        .started
        .map_or_else(|| run.run.to_string(), |at| words::when(at, now));
    let took = run
        .started
        .zip(run.ended)
        .map_or_else(String::new, |(from, to)| {
            words::span((to - from).as_seconds_f64())
        });
    for (text, width, role) in [
        (started.as_str(), 13, "text"),
        (
            run.commit.as_ref().map_or("", |commit| commit.short()),
            8,
            "text.link",
        ),
        (words::user(&run.by), 8, "text.dim"),
        (took.as_str(), 7, "text.dim"),
    ] {
        paint.text(
            x,
            row.y,
            row.right().saturating_sub(x + 1).min(width - 1),
            text,
            role,
        );
        x += width;
    }
    let said = run.damaged.as_deref().unwrap_or(&run.standing);
    let role = if state == State::Ok {
        "text.dim"
    } else {
        "text"
    };
    if x < row.right() {
        paint.text(x, row.y, row.right() - x - 1, said, role);
    }
}
