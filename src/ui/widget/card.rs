//! The card: what fits on a phone. One look tells the environment, the step, what failed and which key to press.

use ratatui::layout::Rect;

use super::band::{self, Tone};
use super::log::LogPane;
use super::paint::{Paint, wrap};
use super::plight;
use crate::domain::run::progress::{self, Need};
use crate::domain::run::{Moment, RunStatus};
use crate::ui::keymap::{self, Act};
use crate::ui::model::{GATE_FIELD, Model, RunView, View};
use crate::ui::rows;
use crate::ui::states;
use crate::ui::words;

/// Draws the card, or one line when there is no room for more.
pub fn draw(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) {
    if area.is_empty() {
        return;
    }
    let head = head(model, now);
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
    let body = Rect {
        y: area.y + 1,
        height: area.height - if area.height > 7 { 4 } else { 3 },
        ..area
    };
    let said = match (&model.run, model.view) {
        (Some(view), View::Run) => {
            run(paint, body, view, now);
            plight::attention(view, now, area.width.saturating_mul(2).saturating_sub(4))
                .into_iter()
                .map(|(text, _)| text)
                .collect::<String>()
        }
        (Some(view), View::Gate) => gate(paint, body, model, view, now),
        _ => home(paint, body, model, now),
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
    for (at, row) in wrap(&said, usize::from(area.width))
        .iter()
        .take(usize::from(last.height))
        .enumerate()
    {
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

fn head(model: &Model, now: Moment) -> String {
    let Some(view) = model
        .run
        .as_ref()
        .filter(|_| matches!(model.view, View::Run | View::Gate))
    else {
        return format!("{} {}", model.project, now.format("%H:%M"));
    };
    let state = &view.state;
    let stage = state.current_stage().filter(|_| state.started.is_some());
    let env = stage
        .and_then(|stage| state.plan.stages[stage].env.as_ref())
        .map_or(String::new(), |env| {
            format!(" {}", env.as_str().to_uppercase())
        });
    let counts = progress::counts(state, None);
    let commit = state
        .plan
        .commit
        .as_ref()
        .map_or("", |commit| commit.short());
    let failed = if counts.failed > 0 {
        format!(" FAIL {}", counts.failed)
    } else {
        String::new()
    };
    let gate = if model.view == View::Gate { "GATE" } else { "" };
    format!(
        "{gate}{env} {} {commit} {}/{}{failed} {}",
        state.plan.project,
        counts.done,
        counts.total,
        states::word(state.status)
    )
    .trim()
    .to_owned()
}

fn run(paint: &mut Paint<'_>, area: Rect, view: &RunView, now: Moment) {
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
    let mut x = area.x + 2;
    for position in tasks.clone() {
        let (_, planned) = state.planned(position);
        let shown = states::of_task(planned, &state.tasks[position]);
        if x + 4 >= area.right() {
            break;
        }
        x += paint.text(
            x,
            area.y + 1,
            area.right().saturating_sub(x),
            planned.site.as_str(),
            "text",
        ) + 1;
        x += paint.glyph(x, area.y + 1, shown) + 1;
        x += paint.text(
            x,
            area.y + 1,
            area.right().saturating_sub(x),
            shown.word(),
            shown.role(),
        ) + 2;
    }
    let _ = now;
    let below = Rect {
        y: area.y + 2,
        height: area.height.saturating_sub(2),
        ..area
    };
    if let Some(log) = view.logs.step(tasks.start) {
        LogPane {
            state,
            log,
            view: &view.log,
            tasks,
            times: false,
        }
        .draw(paint, below);
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
    let room = usize::from(area.height.saturating_sub(3));
    for (y, proof) in (area.y..).zip(proofs.iter().take(room)) {
        paint.glyph(area.x, y, proof.state);
        paint.text(
            area.x + 2,
            y,
            area.width.saturating_sub(2),
            &format!("{} {}", proof.check.trim(), proof.found),
            "text",
        );
    }
    let y = area.bottom().saturating_sub(2);
    let field = view.gate.panel == GATE_FIELD;
    let ask = if field {
        format!("type {env}: {}_", view.gate.typed)
    } else {
        format!("Tab, then type {env}, Enter")
    };
    paint.text(area.x, y, area.width, &ask, "text.strong");
    view.gate
        .said
        .clone()
        .unwrap_or_else(|| plight::users(&view.state, now).0)
}

fn home(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) -> String {
    let Some(overview) = &model.overview else {
        return "looking ..".to_owned();
    };
    let mut y = area.y;
    for env in &overview.environments {
        if y >= area.bottom() {
            break;
        }
        let said = env.deployed.as_ref().map_or_else(
            || "not known".to_owned(),
            |deployed| {
                let behind = deployed
                    .behind
                    .map_or_else(String::new, |behind| format!(" -{behind}"));
                format!(
                    "{} {}{behind}",
                    deployed.commit.short(),
                    words::when(deployed.at, now)
                )
            },
        );
        paint.text(
            area.x,
            y,
            area.width,
            &format!("{:<11} {said}", env.env.as_str().to_uppercase()),
            "text",
        );
        y += 1;
    }
    let ahead = overview.next.as_ref().map_or_else(String::new, |next| {
        words::count(next.commit_count, "commit")
    });
    for row in wrap(&format!("next release: {ahead}"), usize::from(area.width)) {
        if y < area.bottom() && !ahead.is_empty() {
            paint.text(area.x, y, area.width, &row, "text.dim");
            y += 1;
        }
    }
    let open = overview
        .runs
        .iter()
        .filter(|run| run.outcome.is_none())
        .count();
    if open > 0 {
        format!("{} unfinished", words::count(open, "run"))
    } else {
        overview.repository_trouble.clone().unwrap_or_default()
    }
}

fn keys(paint: &mut Paint<'_>, area: Rect, model: &Model) {
    let needs = model
        .run
        .as_ref()
        .map(|view| progress::needs(&view.state, false))
        .unwrap_or_default();
    let run = model.run.as_ref().map(|view| view.state.status);
    let acts: &[Act] = match (model.view, run) {
        (View::Run, Some(RunStatus::Prepared)) => &[Act::Help, Act::Start, Act::Back],
        (View::Run, Some(RunStatus::Finished(_))) => &[Act::Help, Act::Back],
        (View::Run, _) if needs.iter().any(|need| matches!(need, Need::Failure(_))) => {
            &[Act::Help, Act::Retry, Act::Abort, Act::Back]
        }
        (View::Run, _) => &[Act::Help, Act::Abort, Act::Pause, Act::Back],
        (View::Gate, _) => &[Act::Help, Act::FocusOn, Act::Abort, Act::Back],
        _ => &[Act::Help, Act::Deploy, Act::Resume, Act::Back],
    };
    let mut x = area.x;
    for act in acts {
        let row = keymap::row(*act);
        let room = area.right().saturating_sub(x);
        let role = if row.changes {
            "text.key.danger"
        } else {
            "text.key"
        };
        let used = paint.text(x, area.y, room, row.keys[0], role) + 1;
        x += used;
        x += paint.text(x, area.y, area.right().saturating_sub(x), row.short, "text") + 2;
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
