//! The run: the plan on the left, on the right what the step under the cursor prints and does.
//!
//! Before the start the right side tells what will happen; after the end, what did.

use ratatui::layout::Rect;

use crate::domain::action::Action;
use crate::domain::run::progress;
use crate::domain::run::{Moment, Outcome, RunStatus};
use crate::ui::available;
use crate::ui::choices;
use crate::ui::keymap::Act;
use crate::ui::model::{Model, Pane, RunView};
use crate::ui::msg::Owner;
use crate::ui::panes;
use crate::ui::rows;
use crate::ui::states;
use crate::ui::viewer::{Viewer, thousands};
use crate::ui::widget::band::{self, Band, Tone};
use crate::ui::widget::bottom::{self, Bottom};
use crate::ui::widget::paint::{Frame, Paint, Piece, columns, middle};
use crate::ui::widget::{board, brief, detail, plight, rail, viewer};
use crate::ui::words;

/// Draws the run screen.
pub fn draw(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) {
    let areas = bottom::areas(area);
    let Some(view) = &model.run else {
        paint.text(
            area.x + 1,
            area.y,
            area.width,
            "there is no run on screen; q goes back",
            "text.dim",
        );
        return;
    };
    band::draw(paint, areas.band, &head(view, now));
    rail::draw(paint, areas.standing, &view.state, &eta(view, now));
    body(paint, areas.body, model, view, now);
    foot(paint, areas.bottom, model, view, now);
}

/// The band of a run, also for the gate.
pub fn head<'a>(view: &RunView, now: Moment) -> Band<'a> {
    let state = &view.state;
    let stage = state.started.and(state.current_stage());
    let env = stage.and_then(|stage| state.plan.stages[stage].env.clone());
    let tone = band::tone(state, env.as_ref());
    let waits = stage.is_some() && progress::gate_waiting(state).is_some();
    let env = if waits { None } else { env };
    let commit = state
        .plan
        .commit
        .as_ref()
        .map_or("no commit", |commit| commit.short());
    let counts = progress::counts(state, None);
    let mut left = vec![
        (format!("golive  {}", state.plan.project), "text.title"),
        (commit.to_owned(), "text.link"),
    ];
    if counts.failed > 0 {
        left.push((format!("{} failed", counts.failed), "state.fail"));
    }
    let mut right = vec![(state.run.to_string(), "text.dim")];
    let (done, all) = states::all_steps_done(&view.state);
    right.push((format!("step {} of {all}", (done + 1).min(all)), "text"));
    if let Some(started) = state.started {
        right.push((
            format!("run {}", words::since(started, state.ended.unwrap_or(now))),
            "text",
        ));
    }
    let role = match state.status {
        _ if view.journal_failed.is_some() => "danger",
        RunStatus::Active => "state.run",
        RunStatus::Finished(Outcome::Succeeded | Outcome::RolledBack) => "state.ok",
        RunStatus::Finished(Outcome::Failed) => "state.fail",
        _ => "text.strong",
    };
    if let (Owner::Elsewhere(who), false) =
        (&view.owner, matches!(state.status, RunStatus::Finished(_)))
    {
        right.push((format!("driven by {}", middle(who, 28)), "state.warn"));
    }
    right.push((word(view).to_owned(), role));
    Band {
        env: env.map_or_else(String::new, |env| env.as_str().to_uppercase()),
        tone: if waits { Tone::Local } else { tone },
        left,
        right,
    }
}

fn word(view: &RunView) -> &'static str {
    if view.journal_failed.is_some() {
        return "NO JOURNAL";
    }
    match (&view.owner, view.state.status) {
        (_, RunStatus::Prepared) => "PLAN",
        (_, RunStatus::Finished(Outcome::Succeeded)) => "DONE",
        (_, RunStatus::Finished(Outcome::Failed)) => "FAILED",
        (_, RunStatus::Finished(Outcome::Stopped)) => "STOPPED",
        (_, RunStatus::Finished(Outcome::RolledBack)) => "ROLLED BACK",
        (Owner::Elsewhere(_), _) => "WATCHING",
        (Owner::Background(_), _) => "BACKGROUND",
        (Owner::Nobody, _) => "WAITS",
        (_, RunStatus::Paused) => "PAUSED",
        (_, RunStatus::Stopping) => "STOPPING",
        (_, RunStatus::Active) => "LIVE",
    }
}

fn eta(view: &RunView, now: Moment) -> String {
    let forecast = view.state.plan.forecast.total_s;
    match (view.state.status, view.state.started, forecast) {
        (RunStatus::Prepared, _, Some(total)) => format!("expected ~{}", words::span(total)),
        (RunStatus::Active | RunStatus::Paused, Some(_), _)
            if progress::gate_waiting(&view.state).is_some() =>
        {
            "waits at the gate".to_owned()
        }
        (RunStatus::Active, Some(_), _) if !view.wanted.is_empty() => {
            "waits for the lock".to_owned()
        }
        (RunStatus::Active, Some(_), _) if waits_for_operator(view) => "waits for you".to_owned(),
        (RunStatus::Active, Some(started), Some(total)) => {
            let gates = waited(view, now);
            let left = total - ((now - started).as_seconds_f64() - gates);
            if left > 1.0 {
                format!("about {} to go", words::span(left))
            } else {
                "longer than expected".to_owned()
            }
        }
        _ => String::new(),
    }
}

fn waits_for_operator(view: &RunView) -> bool {
    let needs = progress::needs(&view.state, false);
    !needs.is_empty() && progress::is_quiet(&view.state)
}

/// Seconds the run has stood at gates.
fn waited(view: &RunView, _now: Moment) -> f64 {
    use crate::domain::run::GateState;
    let mut waited = 0.0;
    let mut before: Option<Moment> = None;
    for stage in &view.state.stages {
        if let (GateState::Approved { at, .. }, Some(before)) = (&stage.gate, before) {
            waited += (*at - before).as_seconds_f64();
        }
        before = stage.ended;
    }
    waited
}

fn body(paint: &mut Paint<'_>, area: Rect, model: &Model, view: &RunView, now: Moment) {
    let panes = panes::panes(view, area);
    if let Some(area) = panes.plan {
        plan(paint, area, model, view, now);
    }
    if let Some(area) = panes.brief {
        briefing(paint, area, model, view, now);
    }
    if let Some(area) = panes.log {
        log(paint, area, model, view, now);
    }
    if let Some(area) = panes.step {
        step(paint, area, view, now);
    }
}

fn plan(paint: &mut Paint<'_>, area: Rect, model: &Model, view: &RunView, now: Moment) {
    let (done, all) = states::all_steps_done(&view.state);
    let hosts = view.state.plan.hosts.len();
    let held = choices::held(&view.state);
    let held: Vec<&str> = held.iter().map(|env| env.as_str()).collect();
    let locks = match held.as_slice() {
        [] => String::new(),
        some => format!(", locked: {}", some.join(" ")),
    };
    let bottom = format!(
        "{done} of {}, {}{locks}",
        words::count(all, "step"),
        words::count(hosts, "host")
    );
    let right = match (view.follow, view.differs.is_empty()) {
        (true, true) => "",
        (false, true) => "f follow",
        (true, false) => "releases.toml has changed  d",
        (false, false) => "releases.toml has changed  d   f follow",
    };
    let focus = view.pane == Pane::Plan && model.dialogs.is_empty();
    let inner = paint.panel(
        area,
        Frame {
            title: "Plan",
            right,
            bottom: &bottom,
            focus,
            ..Frame::default()
        },
    );
    board::draw(paint, inner, view, now);
}

fn log(paint: &mut Paint<'_>, area: Rect, model: &Model, view: &RunView, now: Moment) {
    let Some((tasks, number)) = rows::log_tasks(view) else {
        paint.panel(
            area,
            Frame {
                title: "Log",
                ..Frame::default()
            },
        );
        return;
    };
    let (_, planned) = view.state.planned(tasks.start);
    let hosts = match view.log.only_owner() {
        _ if tasks.len() < 2 => planned.site.to_string(),
        None => "all hosts".to_owned(),
        Some(position) => view.state.planned(position).1.site.to_string(),
    };
    let title = format!("Log  {number} {}  {hosts}", planned.step);
    let room = usize::from(area.width).saturating_sub(columns(&title) + EDGES);
    let right = standing(&view.log, area.width, room);
    let mut bottom = view.log.bottom_words();
    if bottom.is_empty() {
        bottom = if tasks.len() > 1 {
            "[ ] host   / search   e error".to_owned()
        } else {
            "/ search   e error".to_owned()
        };
    }
    let focus = view.pane == Pane::Log && model.dialogs.is_empty();
    let inner = paint.panel(
        area,
        Frame {
            title: &title,
            right: &right,
            bottom: &bottom,
            focus,
            double: false,
        },
    );
    let facts = view.log.facts();
    if facts.lines > 0 || facts.bytes > 0 {
        viewer::draw(paint, inner, &view.log, now);
    } else {
        unprinted(paint, inner, model, view, tasks.start, now);
    }
}

/// Columns of a frame's upper edge that no text can have: corners, and the blanks around its two texts.
const EDGES: usize = 9;

/// Where in a log the operator is, when that is not its end; as much of it as has room, the last first.
fn standing(viewer: &Viewer, width: u16, room: usize) -> String {
    let mut said = Vec::new();
    let hidden = viewer.hidden_lines();
    if hidden > 0 {
        said.push(format!("{} hidden  F", thousands(hidden)));
    }
    if !viewer.follows() {
        let lines = viewer.line_words().filter(|_| width >= 90);
        said.extend(lines);
        let new = viewer.new_lines();
        said.push(if new > 0 {
            format!("not following  +{} new  f", thousands(new))
        } else {
            "not following  f".to_owned()
        });
    }
    while said.len() > 1 && columns(&said.join("   ")) > room {
        said.remove(0);
    }
    said.join("   ")
}

/// What stands in the log of a step that has printed nothing.
fn unprinted(
    paint: &mut Paint<'_>,
    inner: Rect,
    model: &Model,
    view: &RunView,
    first: usize,
    now: Moment,
) {
    let state = &view.state.tasks[first];
    let text_area = Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(2),
        ..inner
    };
    if state.attempt.0 == 0
        && let Some(said) = plight::held_up(model, view, now)
    {
        let said = format!("not started yet\n\n{said}");
        paint.wrapped(text_area, &said, "text");
        return;
    }
    let text = if matches!(view.state.planned(first).1.action, Action::Ask { .. }) {
        "a question for you: it prints nothing"
    } else if state.attempt.0 == 0 {
        "not started yet"
    } else {
        "has printed nothing so far"
    };
    paint.wrapped(text_area, text, "text.dim");
}

fn step(paint: &mut Paint<'_>, area: Rect, view: &RunView, now: Moment) {
    let Some((tasks, number)) = rows::log_tasks(view) else {
        return;
    };
    let (_, planned) = view.state.planned(tasks.start);
    let title = format!("Step {number}  {}", planned.about);
    let inner = paint.panel(
        area,
        Frame {
            title: &title,
            bottom: "y copy the command",
            ..Frame::default()
        },
    );
    detail::draw(paint, inner, &view.state, tasks, now);
}

fn briefing(paint: &mut Paint<'_>, area: Rect, model: &Model, view: &RunView, now: Moment) {
    let title = if view.state.status == RunStatus::Prepared {
        "Before it starts"
    } else {
        "What happened"
    };
    let inner = paint.panel(
        area,
        Frame {
            title,
            bottom: if area.width < 50 {
                ""
            } else {
                "move in the plan to see a step"
            },
            ..Frame::default()
        },
    );
    brief::draw(paint, inner, model, view, now);
}

/// What starting comes to.
fn start_words(view: &RunView) -> String {
    let plan = &view.state.plan;
    match (&plan.commit, &plan.rollback) {
        (None, _) => "start the run".to_owned(),
        (Some(commit), Some(_)) => format!("start going back to {}", commit.short()),
        (Some(commit), None) => format!("start the run of {}", commit.short()),
    }
}

fn foot(paint: &mut Paint<'_>, area: Rect, model: &Model, view: &RunView, now: Moment) {
    let said = plight::attention(model, view, now, area.width.saturating_sub(2));
    let pieces: Vec<Piece<'_>> = said
        .iter()
        .map(|(text, role)| (text.as_str(), *role))
        .collect();
    let start = start_words(view);
    let waits = progress::gate_waiting(&view.state).is_some()
        && !matches!(view.state.status, RunStatus::Finished(_));
    let go_on = match view.state.status {
        RunStatus::Active | RunStatus::Paused | RunStatus::Stopping
            if matches!(view.owner, Owner::Background(_)) =>
        {
            "take it back here"
        }
        RunStatus::Finished(Outcome::Failed) => "go on: what failed runs again",
        _ => "go on with this run",
    };
    let decide = if available::failed(view).is_empty() {
        "decide about the lock"
    } else {
        "decide about what failed"
    };
    let leave_out = choices::lost_host(model).map_or_else(
        |_| String::new(),
        |(_, host)| format!("leave {} out", middle(host.as_str(), 12)),
    );
    let mut actions = vec![
        (Act::Start, start.as_str()),
        (Act::Retry, decide),
        (Act::Resume, go_on),
        (Act::Continue, "go on"),
        (Act::Abort, ""),
    ];
    if !leave_out.is_empty() {
        actions.insert(2, (Act::LeaveOut, leave_out.as_str()));
    }
    // In the open question it is one of the answers.
    if model.dialogs.is_empty() {
        actions.insert(0, (Act::Yes, "answer"));
    }
    if waits {
        actions.push((Act::Open, "to the gate"));
    }
    actions.extend([
        (Act::Pause, ""),
        (Act::Follow, ""),
        (Act::Pager, ""),
        (Act::Copy, ""),
    ]);
    let leave = match (model.drives(), view.state.status) {
        (true, _) => "leave (asks)",
        (false, RunStatus::Prepared) => "back, nothing starts",
        _ => "back",
    };
    let keys = [
        (Act::FocusOn, ""),
        (Act::Back, leave),
        (Act::Search, ""),
        (Act::Zoom, ""),
        (Act::ScreenHome, ""),
        (Act::ScreenLogs, ""),
        (Act::ScreenReleases, ""),
        (Act::ScreenHosts, ""),
    ];
    bottom::draw(
        paint,
        area,
        model,
        &Bottom {
            attention: &pieces,
            actions: &actions,
            keys: &keys,
        },
    );
}
