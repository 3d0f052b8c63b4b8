//! The gate: the evidence, what the release contains, the exact commands that will run, and the decision.
//!
//! The box of the decision is the only one with double lines in the program, and the environment's word is in it.

use ratatui::layout::Rect;

use super::run;
use crate::domain::checklist::Gate;
use crate::domain::evidence::{GateCommand, GateStep, gate_commands};
use crate::domain::overview::Changes;
use crate::domain::run::progress;
use crate::domain::run::{GateState, Moment};
use crate::domain::text::ellipsis;
use crate::ui::dialog::rollback;
use crate::ui::fleet;
use crate::ui::keymap::Act;
use crate::ui::model::{GATE_FIELD, Model, RunView};
use crate::ui::theme::State;
use crate::ui::widget::band::{self, Tone};
use crate::ui::widget::bottom::{self, Bottom};
use crate::ui::widget::paint::{Frame, Paint, columns, wrap};
use crate::ui::widget::{plight, proofs, rail};
use crate::ui::words;

mod decide;

/// What stands beside the first row of a command: its step, itself, and whether it is the step's first.
type Head<'a> = (&'a GateStep<'a>, &'a GateCommand<'a>, bool);

/// Rows of the decision's box.
const DECIDE: u16 = 5;
/// A script of more lines is told whole only behind the last step.
const LONGEST_SCRIPT: usize = 12;

/// Draws the gate that waits.
pub fn draw(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) {
    let Some(view) = &model.run else {
        return;
    };
    let Some(stage) = progress::gate_waiting(&view.state) else {
        return run::draw(paint, area, model, now);
    };
    let areas = bottom::areas(area);
    let mut head = run::head(view, now);
    let env = env_word(view, stage);
    head.env = env.to_uppercase();
    head.tone = Tone::Guarded;
    let state = &view.state;
    let to = state
        .plan
        .commit
        .as_ref()
        .map_or("no commit", |commit| commit.short());
    let from = state
        .plan
        .previous
        .as_ref()
        .map_or(String::new(), |live| format!("{} -> ", live.short()));
    head.left = vec![
        (state.plan.project.clone(), "text.title"),
        (format!("{from}{to}"), "text.title"),
        (
            if progress::is_touched(state, &env.as_str().into()) {
                "GATE"
            } else {
                "GATE: nothing has touched it yet"
            }
            .to_owned(),
            "text",
        ),
    ];
    head.right.retain(|(text, _)| text.starts_with("run "));
    band::draw(paint, areas.band, &head);
    let waiting = match &state.stages[stage].gate {
        GateState::Reached(at) => format!("waiting {}", words::since(*at, now)),
        _ => String::new(),
    };
    rail::draw(paint, areas.standing, state, &waiting);
    let decide = DECIDE.min(areas.body.height);
    let upper = Rect {
        height: areas.body.height - decide,
        ..areas.body
    };
    if area.width >= 100 {
        wide(paint, upper, model, view, stage, now);
    } else {
        pages(paint, upper, model, view, stage, now);
    }
    let lower = Rect {
        y: upper.bottom(),
        height: decide,
        ..areas.body
    };
    decide::decision(paint, lower, model, view, stage, now);
    foot(paint, areas.bottom, model, view, now);
}

fn env_word(view: &RunView, stage: usize) -> String {
    let planned = &view.state.plan.stages[stage];
    planned
        .env
        .as_ref()
        .map_or_else(|| planned.name.to_string(), ToString::to_string)
}

fn wide(
    paint: &mut Paint<'_>,
    area: Rect,
    model: &Model,
    view: &RunView,
    stage: usize,
    now: Moment,
) {
    let steps = gate_commands(&view.state.plan, stage);
    let commands_of = steps.iter().flat_map(|step| &step.commands);
    let rows: usize = commands_of
        .map(|command| command.text.lines().count())
        .sum();
    let lower = (rows as u16).saturating_add(2).max(5).min(area.height / 2);
    let top = Rect {
        height: area.height - lower,
        ..area
    };
    let left = Rect {
        width: area.width * 11 / 20,
        ..top
    };
    let right = Rect {
        x: left.right(),
        width: area.width - left.width,
        ..top
    };
    evidence(paint, left, model, view, stage, now);
    contents(paint, right, model, view, now);
    commands(
        paint,
        Rect {
            y: top.bottom(),
            height: lower,
            ..area
        },
        model,
        view,
        stage,
    );
}

fn pages(
    paint: &mut Paint<'_>,
    area: Rect,
    model: &Model,
    view: &RunView,
    stage: usize,
    now: Moment,
) {
    let summary = 2.min(area.height);
    let page = Rect {
        height: area.height - summary,
        ..area
    };
    match view.gate.panel {
        1 => contents(paint, page, model, view, now),
        2 => commands(paint, page, model, view, stage),
        _ => evidence(paint, page, model, view, stage, now),
    }
    let (changes, cost) = sums(model, view, stage);
    for (at, text) in [changes, cost]
        .iter()
        .enumerate()
        .take(usize::from(summary))
    {
        paint.text(
            area.x + 1,
            page.bottom() + at as u16,
            area.width.saturating_sub(2),
            text,
            "text",
        );
    }
}

/// What the release is made of and what it costs, in two sentences.
fn sums(model: &Model, view: &RunView, stage: usize) -> (String, String) {
    let changes = model
        .overview
        .as_ref()
        .and_then(|overview| overview.next.as_ref());
    let meaning = fleet::meaning(model, view);
    let taken = meaning.and_then(|meaning| meaning.commit_count);
    // Where the panel that tells it has no room, this is all that is said of the database.
    let migrations = match meaning.map_or(0, |meaning| meaning.migrations.len()) {
        0 => String::new(),
        many => format!(", {} in between", words::count(many, "migration")),
    };
    let goes_back = view.state.plan.rollback.is_some();
    let contains = changes.filter(|_| !goes_back).map_or_else(
        || match (goes_back, taken) {
            (true, Some(taken)) => {
                format!("{} taken back{migrations}", words::count(taken, "commit"))
            }
            (true, None) => "it goes back".to_owned(),
            _ => "what it contains is not known".to_owned(),
        },
        |changes| {
            format!(
                "{}, {}",
                words::count(changes.commit_count, "commit"),
                words::count(changes.files, "file")
            )
        },
    );
    let steps = gate_commands(&view.state.plan, stage).len();
    let steps = words::count(steps, "step");
    (
        format!("{contains}.  {steps} will run"),
        proofs::cost(view, stage),
    )
}

fn frame<'a>(
    model: &Model,
    view: &RunView,
    panel: usize,
    title: &'a str,
    right: &'a str,
    bottom: &'a str,
) -> Frame<'a> {
    let focus = view.gate.panel == panel && model.dialogs.is_empty();
    Frame {
        title,
        right,
        bottom,
        focus,
        double: false,
    }
}

fn evidence(
    paint: &mut Paint<'_>,
    area: Rect,
    model: &Model,
    view: &RunView,
    stage: usize,
    now: Moment,
) {
    let rows = proofs::proofs(model, &view.state, stage, now);
    let count = |wanted: State| rows.iter().filter(|row| row.state == wanted).count();
    let stale = match proofs::stale(&rows) {
        0 => String::new(),
        rows => format!("  {rows} stale"),
    };
    let right = format!(
        "{} pass  {} warn  {} fail{stale}",
        count(State::Ok),
        count(State::Warn),
        count(State::Fail)
    );
    let hidden = rows
        .len()
        .saturating_sub(usize::from(area.height.saturating_sub(2)));
    let bottom = match hidden {
        0 => "l steps and logs".to_owned(),
        more => format!("j {more} more   l steps and logs"),
    };
    let inner = paint.panel(area, frame(model, view, 0, "Evidence", &right, &bottom));
    proofs::draw(paint, inner, &rows, view.gate.scroll[0]);
}

/// What a rollback takes back.
fn taken_back(paint: &mut Paint<'_>, area: Rect, model: &Model, view: &RunView, now: Moment) {
    let rollback = view.state.plan.rollback.as_ref();
    let from = rollback.map_or("", |rollback| {
        let commit = rollback.from.commit.short();
        rollback.from.tag.as_deref().unwrap_or(commit)
    });
    let title = format!("What it takes back  {from}");
    let inner = paint.panel(area, frame(model, view, 1, &title, "", ""));
    let width = inner.width.saturating_sub(2);
    let lines = match fleet::meaning(model, view) {
        Some(meaning) => rollback::takes_back(meaning, width, now),
        None => vec![vec![(
            "golive rollback --dry-run says what going back means".to_owned(),
            "text.dim",
        )]],
    };
    let height = usize::from(inner.height);
    let top = view.gate.scroll[1].min(lines.len().saturating_sub(height));
    for (y, line) in (inner.y..inner.bottom()).zip(lines.iter().skip(top)) {
        let pieces: Vec<(&str, &str)> = line
            .iter()
            .map(|(text, role)| (text.as_str(), *role))
            .collect();
        paint.pieces(inner.x + 1, y, width, &pieces);
    }
}

fn contents(paint: &mut Paint<'_>, area: Rect, model: &Model, view: &RunView, now: Moment) {
    if view.state.plan.rollback.is_some() {
        return taken_back(paint, area, model, view, now);
    }
    let changes = model
        .overview
        .as_ref()
        .and_then(|overview| overview.next.as_ref());
    let at = changes.map_or("LIVE", |changes| changes.from.as_str());
    let from = if at.is_empty() { "the beginning" } else { at };
    let title = format!("What it contains  since {from}");
    let inner = paint.panel(area, frame(model, view, 1, &title, "", ""));
    let inner = Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(2),
        ..inner
    };
    let Some(changes) = changes else {
        paint.text(
            inner.x,
            inner.y,
            inner.width,
            "not known: git could not say",
            "state.warn",
        );
        return;
    };
    let mut lines = changed(paint, changes, now);
    let head = model
        .overview
        .as_ref()
        .and_then(|overview| overview.repository.as_ref()?.head.as_ref());
    if let (Some(head), Some(commit)) = (head, &view.state.plan.commit)
        && head != commit
    {
        let text = format!(
            "up to {}, which is not the {} of this run",
            head.short(),
            commit.short()
        );
        lines.insert(0, (text, String::new(), "state.warn"));
    }
    let sum = format!(
        "{}  {}  ",
        words::count(changes.commit_count, "commit"),
        words::count(changes.files, "file")
    );
    let (plus, minus) = (
        format!("+{}", changes.insertions),
        format!(" -{}", changes.deletions),
    );
    paint.pieces(
        inner.x,
        inner.y,
        inner.width,
        &[(&sum, "text"), (&plus, "diff.add"), (&minus, "diff.del")],
    );
    let height = usize::from(inner.height.saturating_sub(1));
    let top = view.gate.scroll[1].min(lines.len().saturating_sub(height));
    for (at, (text, right, role)) in lines.iter().skip(top).take(height).enumerate() {
        let y = inner.y + 1 + at as u16;
        let end = if right.is_empty() {
            inner.right()
        } else {
            paint.right(inner.right(), y, 16, right, "text.dim")
        };
        paint.text(inner.x, y, end.saturating_sub(inner.x + 1), text, role);
    }
}

/// Commits and paths that differ: text, what stands at the right, role.
fn changed(
    paint: &Paint<'_>,
    changes: &Changes,
    now: Moment,
) -> Vec<(String, String, &'static str)> {
    let mut lines: Vec<(String, String, &'static str)> = Vec::new();
    for line in &changes.commits {
        lines.push((
            format!("{} {}", line.commit.short(), line.subject),
            format!(
                "{} {:>3}",
                paint.shorten(&line.author, 10),
                words::age(line.at, now)
            ),
            "text",
        ));
    }
    if changes.commit_count > changes.commits.len() {
        lines.push((
            format!("{} more", changes.commit_count - changes.commits.len()),
            String::new(),
            "text.dim",
        ));
    }
    if !changes.paths.is_empty() {
        lines.push((String::new(), String::new(), "text"));
        lines.extend(
            changes
                .paths
                .iter()
                .map(|path| (path.clone(), String::new(), "text.dim")),
        );
    }
    lines
}

fn commands(paint: &mut Paint<'_>, area: Rect, model: &Model, view: &RunView, stage: usize) {
    let env = env_word(view, stage);
    let title = format!("What will run on {env}, exactly");
    let right = if area.width >= 100 {
        proofs::cost(view, stage)
    } else {
        String::new()
    };
    let steps = gate_commands(&view.state.plan, stage);
    let bottom = match view.gate.panel {
        2 => "j k scroll",
        _ => "Tab here to scroll",
    };
    let inner = paint.panel(area, frame(model, view, 2, &title, &right, bottom));
    let longest = steps.iter().map(|step| columns(step.step.as_str())).max();
    let names = longest.unwrap_or(8).clamp(8, 20) as u16;
    let room = usize::from(inner.width.saturating_sub(names + 34)).max(20);
    let lines = command_rows(&steps, room);
    let height = usize::from(inner.height);
    let top = view.gate.scroll[2].min(lines.len().saturating_sub(height));
    for (at, (head, row)) in lines.iter().skip(top).take(height).enumerate() {
        let (x, y) = (inner.x + 1, inner.y + at as u16);
        if let Some((step, command, first)) = head {
            command_head(paint, (x, y), names, step, command, *first);
        }
        let x = x + 30 + names;
        paint.text(x, y, inner.right().saturating_sub(x + 1), row, "text");
    }
    if lines.len() > top + height && height > 0 {
        let hidden = format!(" {} more ", words::count(lines.len() - top - height, "row"));
        paint.text(inner.x + 1, inner.bottom(), 20, &hidden, "text.dim");
    }
}

/// The rows of all commands: each at its place, but long scripts told in one row there and whole behind the last step,
/// so that the first look shows every step.
fn command_rows<'a>(steps: &'a [GateStep<'a>], room: usize) -> Vec<(Option<Head<'a>>, String)> {
    let (mut lines, mut scripts) = (Vec::new(), Vec::new());
    for step in steps {
        for (nth, command) in step.commands.iter().enumerate() {
            let head = (step, command, nth == 0);
            let length = command.text.lines().count();
            if length > LONGEST_SCRIPT {
                let said = format!("# {}: {length} lines, below", step.about);
                lines.push((Some(head), ellipsis(&said, room)));
                scripts.push(head);
            } else {
                lines.extend(rows_of(head, room));
            }
        }
    }
    if !scripts.is_empty() {
        lines.push((None, String::new()));
    }
    lines.extend(scripts.into_iter().flat_map(|head| rows_of(head, room)));
    lines
}

fn rows_of(head: Head<'_>, room: usize) -> impl Iterator<Item = (Option<Head<'_>>, String)> {
    let rows = head.1.text.lines().flat_map(move |line| wrap(line, room));
    rows.enumerate()
        .map(move |(at, row)| ((at == 0).then_some(head), row))
}

/// Writes the step, the hosts and the forecast beside the first row of a command.
fn command_head(
    paint: &mut Paint<'_>,
    (x, y): (u16, u16),
    names: u16,
    step: &GateStep<'_>,
    command: &GateCommand<'_>,
    first: bool,
) {
    if first {
        let state = if step.skip.is_some() {
            State::Skip
        } else {
            State::Wait
        };
        paint.glyph(x, y, state);
        paint.text(x + 2, y, names, step.step.as_str(), "text.strong");
        let takes = words::guess(step.takes_s);
        paint.text(x + 20 + names, y, 9, &takes, "text.dim");
    }
    let hosts: Vec<&str> = command.sites.iter().map(|site| site.as_str()).collect();
    let hosts = if hosts.len() > 3 {
        words::count(hosts.len(), "host")
    } else {
        hosts.join(" ")
    };
    paint.text(x + 3 + names, y, 16, &hosts, "text.dim");
}

fn foot(paint: &mut Paint<'_>, area: Rect, model: &Model, view: &RunView, now: Moment) {
    let (users, role) = plight::users(&view.state, now);
    let mut actions = vec![(Act::Abort, ""), (Act::Resume, "go on with this run")];
    if model.run.as_ref().is_some_and(|run| {
        progress::gate_waiting(&run.state)
            .is_some_and(|stage| run.state.plan.stages[stage].gate == Gate::Key)
    }) {
        actions.insert(0, (Act::Yes, "release"));
    }
    actions.extend([(Act::Log, ""), (Act::Copy, "")]);
    let typing = view.gate.panel == GATE_FIELD;
    if typing {
        actions = Vec::new();
    }
    let keys = if typing {
        vec![
            (Act::Close, "leave the field"),
            (Act::FocusOn, "next panel"),
        ]
    } else {
        vec![
            (Act::FocusOn, "next panel"),
            (Act::Down, "scroll"),
            (Act::Back, "look around, the gate waits"),
        ]
    };
    bottom::draw(
        paint,
        area,
        model,
        &Bottom {
            attention: &[(&users, role)],
            actions: &actions,
            keys: &keys,
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::checklist::{Order, Phase};
    use crate::domain::id::{StageName, StepName};
    use crate::domain::plan::PlannedStage;

    #[test]
    fn a_long_script_stands_whole_behind_the_last_step_and_hides_none() {
        let stage = PlannedStage {
            name: StageName::new("Production"),
            env: None,
            order: Order::Lockstep,
            gate: Gate::None,
            tasks: Vec::new(),
        };
        let script = "echo moved\n".repeat(40);
        let names = [StepName::new("still-live"), StepName::new("switch")];
        let texts = [script.as_str(), "ln -sfn new current"];
        let steps: Vec<GateStep<'_>> = names
            .iter()
            .zip(texts)
            .map(|(step, text)| GateStep {
                stage: &stage,
                step,
                about: "LIVE was not moved",
                sites: Vec::new(),
                commands: vec![GateCommand {
                    text,
                    asks: false,
                    sites: Vec::new(),
                }],
                phase: Phase::Activate,
                downtime: None,
                parallel: None,
                takes_s: None,
                skip: None,
            })
            .collect();
        let rows = command_rows(&steps, 60);
        let texts: Vec<&str> = rows.iter().map(|(_, row)| row.as_str()).collect();
        assert_eq!(
            texts[..4],
            [
                "# LIVE was not moved: 40 lines, below",
                "ln -sfn new current",
                "",
                "echo moved"
            ]
        );
        assert_eq!(rows.len(), 43);
        assert!(rows[3].0.is_some() && rows[4].0.is_none());
    }
}
