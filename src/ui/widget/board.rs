//! The board: the plan as rows of steps and columns of hosts.
//!
//! A step's cell says how its task on that host stands; `-` = the step is not for that host. With more hosts than
//! fit the cells become counts, failures first. Only rows that show are drawn.

use ratatui::layout::Rect;

use super::paint::{Paint, columns, middle};
use super::rail::stage_name;
use crate::domain::action::{Ending, Site};
use crate::domain::checklist::Gate;
use crate::domain::id::HostName;
use crate::domain::plan::Task;
use crate::domain::run::{GateState, Moment, RunState, RunStatus, TaskState, TaskStatus};
use crate::ui::model::{Pane, RunView};
use crate::ui::rows::{self, Row};
use crate::ui::states;
use crate::ui::theme::{Mark, State};
use crate::ui::words;

/// More hosts than this are counted instead of listed.
const MOST_COLUMNS: usize = 6;

/// Draws the rows of the plan that show around the cursor.
pub fn draw(paint: &mut Paint<'_>, area: Rect, view: &RunView, now: Moment) {
    let rows = rows::rows(view);
    let at = rows::current(view, &rows);
    let height = usize::from(area.height);
    // The cursor stays in the middle third, so that what comes next is seen.
    let top = at
        .saturating_sub(height * 2 / 3)
        .min(rows.len().saturating_sub(height));
    for (offset, row) in rows.iter().enumerate().skip(top).take(height) {
        let y = area.y + (offset - top) as u16;
        let line = Rect {
            y,
            height: 1,
            ..area
        };
        draw_row(paint, line, view, row, now);
        if offset == at {
            let role = if view.pane == Pane::Plan {
                "select"
            } else {
                "select.inactive"
            };
            paint.tint(line, role);
            paint.mark(line.x, y, Mark::Cursor, "text.strong");
        }
    }
}

fn draw_row(paint: &mut Paint<'_>, line: Rect, view: &RunView, row: &Row, now: Moment) {
    match row {
        Row::Gate(stage) => gate(paint, line, &view.state, *stage, now),
        Row::Stage(stage) => stage_head(paint, line, view, *stage),
        Row::Step {
            stage,
            tasks,
            number,
        } => {
            let shown = Step {
                view,
                stage: *stage,
                first: tasks.start,
                len: tasks.len(),
                number: *number,
            };
            shown.draw(paint, line, now);
        }
    }
}

fn gate(paint: &mut Paint<'_>, line: Rect, state: &RunState, stage: usize, now: Moment) {
    let env = state.plan.stages[stage].env.as_ref().map_or_else(
        || stage_name(state, stage),
        |env| env.as_str().to_uppercase(),
    );
    let (text, role) = match &state.stages[stage].gate {
        GateState::Ahead => (
            format!("GATE  asks you before anything touches {env}"),
            "text.dim",
        ),
        GateState::Reached(_) if matches!(state.status, RunStatus::Finished(_)) => {
            (format!("GATE  {env}: nobody has passed it"), "text.dim")
        }
        GateState::Reached(at) => (
            format!("GATE  {env} waits for you, for {}", words::since(*at, now)),
            "state.warn",
        ),
        GateState::Approved { by, at, .. } => (
            format!(
                "GATE  passed by {} at {}",
                words::user(by),
                at.format("%H:%M")
            ),
            "text.dim",
        ),
    };
    let rule = if paint.theme.ascii() { "-" } else { "─" };
    for x in line.x + 1..line.right() {
        paint.text(x, line.y, 1, rule, "border");
    }
    paint.text(
        line.x + 3,
        line.y,
        line.width.saturating_sub(6),
        &format!(" {text} "),
        role,
    );
}

fn stage_head(paint: &mut Paint<'_>, line: Rect, view: &RunView, stage: usize) {
    let state = &view.state;
    let mark = if view.folded.contains(&stage) {
        Mark::Shut
    } else {
        Mark::Open
    };
    paint.mark(line.x + 1, line.y, mark, "text.dim");
    let grid = Grid::aligned(state, stage, line);
    let (done, all) = states::steps_done(state, stage);
    let name = stage_name(state, stage);
    let room = grid.x.saturating_sub(line.x + 4);
    let shown = states::of_stage(state, stage);
    let mut x = line.x + 3;
    x += paint.text(x, line.y, room, &name, "text.title") + 1;
    let count = format!("{done}/{all}");
    paint.text(
        x,
        line.y,
        grid.x.saturating_sub(x + 1),
        &count,
        if shown == State::Wait {
            "text.dim"
        } else {
            shown.role()
        },
    );
    let env = state.plan.stages[stage].env.as_ref();
    let out = state.left_out.keys().filter(|(of, _)| Some(of) == env);
    let out: Vec<&HostName> = out.map(|(_, host)| host).collect();
    grid.heads(paint, line.y, &out);
}

/// The columns of a stage.
struct Grid {
    hosts: Vec<HostName>,
    x: u16,
    cell: u16,
    counts: bool,
}

impl Grid {
    fn of(state: &RunState, stage: usize, line: Rect) -> Self {
        let mut hosts: Vec<HostName> = Vec::new();
        let env = state.plan.stages[stage].env.as_ref();
        for host in state
            .plan
            .hosts
            .iter()
            .filter(|host| Some(&host.env) == env)
        {
            hosts.push(host.name.clone());
        }
        let longest = hosts
            .iter()
            .map(|host| columns(host.as_str()))
            .max()
            .unwrap_or(5);
        let letters = line.width < 46;
        let cell = if letters {
            3
        } else {
            (longest as u16 + 2).clamp(6, 9)
        };
        let wide = cell * hosts.len().max(1) as u16;
        let counts = hosts.len() > MOST_COLUMNS
            || (wide > line.width * 2 / 5 && hosts.len() > 2 && !letters);
        let width = if counts {
            14
        } else if hosts.is_empty() {
            6
        } else {
            wide
        }
        .min(line.width / 2);
        Self {
            hosts,
            x: line.right().saturating_sub(width),
            cell,
            counts,
        }
    }

    /// The grid of a stage, beginning where the widest of all stages begins, so that columns stand in line.
    fn aligned(state: &RunState, stage: usize, line: Rect) -> Self {
        let starts = (0..state.plan.stages.len()).map(|stage| Self::of(state, stage, line).x);
        let x = starts.min().unwrap_or(line.right());
        Self {
            x,
            ..Self::of(state, stage, line)
        }
    }

    fn heads(&self, paint: &mut Paint<'_>, y: u16, out: &[&HostName]) {
        if self.counts {
            let mut text = words::count(self.hosts.len(), "host");
            if !out.is_empty() {
                text = format!("{text} {} out", out.len());
            }
            paint.text(self.x, y, 14, &text, "text.dim");
            return;
        }
        for (at, host) in self.hosts.iter().enumerate() {
            let x = self.x + self.cell * at as u16;
            let width = self.cell.saturating_sub(1);
            let role = if out.contains(&host) {
                "state.skip"
            } else {
                "text.dim"
            };
            paint.text(x, y, width, &middle(host.as_str(), width), role);
        }
    }
}

struct Step<'a> {
    view: &'a RunView,
    stage: usize,
    first: usize,
    len: usize,
    number: usize,
}

impl Step<'_> {
    fn draw(&self, paint: &mut Paint<'_>, line: Rect, now: Moment) {
        let state = &self.view.state;
        let (_, planned) = state.planned(self.first);
        let shown = states::of_tasks(state, self.first..self.first + self.len);
        let grid = Grid::aligned(state, self.stage, line);
        let mut x = line.x + 1;
        x += paint.glyph(x, line.y, shown) + 1;
        x += paint.text(x, line.y, 3, &format!("{:>2} ", self.number), "text.dim");
        let time = self.time(shown, now);
        let time_end = grid.x.saturating_sub(2);
        let time_at = time_end.saturating_sub(6.max(columns(&time) as u16));
        let role = match shown {
            State::Wait | State::Skip => "text.dim",
            State::Fail | State::Lost => "text.strong",
            _ => "text",
        };
        let room = time_at.saturating_sub(x + 1);
        let used = paint.text(x, line.y, room, planned.step.as_str(), role);
        if planned.about != planned.step.as_str() && used + 3 < room {
            paint.text(
                x + used + 2,
                line.y,
                room - used - 2,
                &planned.about,
                "text.dim",
            );
        }
        paint.right(
            time_end,
            line.y,
            8,
            &time,
            if shown == State::Run {
                "state.run"
            } else {
                "text.dim"
            },
        );
        self.cells(paint, &grid, line);
    }

    /// How long it runs, ran, or may take.
    fn time(&self, shown: State, now: Moment) -> String {
        let state = &self.view.state;
        let mut longest: f64 = 0.0;
        let mut expected: Option<f64> = Some(0.0);
        for position in self.first..self.first + self.len {
            let task = &state.tasks[position];
            let (_, planned) = state.planned(position);
            expected = expected
                .zip(planned.takes_s)
                .map(|(one, other)| one.max(other));
            if let Some(started) = task.started {
                longest = longest.max((task.ended.unwrap_or(now) - started).as_seconds_f64());
            }
        }
        match shown {
            State::Wait => expected.map_or_else(String::new, |seconds| words::guess(Some(seconds))),
            State::Skip => String::new(),
            State::Run => words::clock(longest),
            _ => words::span(longest),
        }
    }

    fn cells(&self, paint: &mut Paint<'_>, grid: &Grid, line: Rect) {
        let state = &self.view.state;
        let tasks = self.first..self.first + self.len;
        let local = tasks
            .clone()
            .find(|position| state.planned(*position).1.site == Site::Local);
        if let Some(position) = local {
            let shown = states::of_task(state.planned(position).1, &state.tasks[position]);
            let role = if shown == State::Wait {
                "text.dim"
            } else {
                shown.role()
            };
            paint.text(grid.x, line.y, 6, "local", role);
            return;
        }
        if grid.counts {
            counts(paint, grid.x, line, state, tasks);
            return;
        }
        for (at, host) in grid.hosts.iter().enumerate() {
            let x = grid.x + grid.cell * at as u16;
            let found = tasks
                .clone()
                .find(|position| state.planned(*position).1.site.host() == Some(host));
            match found {
                None => {
                    paint.text(x, line.y, 1, "-", "text.dim");
                }
                Some(position) => {
                    let (_, planned) = state.planned(position);
                    let task = &state.tasks[position];
                    let shown = states::of_task(planned, task);
                    let out = shown == State::Skip && state.is_left_out(position);
                    let text = if out && grid.cell > 5 {
                        format!("{} out", paint.theme.glyph(shown))
                    } else {
                        cell_text(paint, planned, task, shown, grid.cell)
                    };
                    paint.text(x, line.y, grid.cell, &text, shown.role());
                }
            }
        }
    }
}

fn cell_text(
    paint: &Paint<'_>,
    planned: &Task,
    task: &TaskState,
    shown: State,
    cell: u16,
) -> String {
    let glyph = paint.theme.glyph(shown);
    match (&task.ending, shown) {
        (Some(Ending::Exited(code)), State::Fail) if cell > 4 => format!("{glyph} {code}"),
        (Some(Ending::TimedOut), State::Fail) if cell > 4 => format!("{glyph} time"),
        _ if matches!(task.status, TaskStatus::Retrying(_)) && cell > 4 => {
            format!("{glyph} {}/{}", task.tries, planned.retry + 1)
        }
        _ => glyph.to_owned(),
    }
}

/// Writes how many of the tasks stand how, failures first.
pub fn counts(
    paint: &mut Paint<'_>,
    x: u16,
    line: Rect,
    state: &RunState,
    tasks: std::ops::Range<usize>,
) {
    let order = [
        State::Fail,
        State::Lost,
        State::Warn,
        State::Run,
        State::Ok,
        State::Skip,
        State::Wait,
    ];
    let mut at = x;
    for wanted in order {
        let number = tasks
            .clone()
            .filter(|position| {
                states::of_task(state.planned(*position).1, &state.tasks[*position]) == wanted
            })
            .count();
        if number > 0 {
            let text = format!("{number}{} ", paint.theme.glyph(wanted));
            at += paint.text(
                at,
                line.y,
                line.right().saturating_sub(at),
                &text,
                wanted.role(),
            );
        }
    }
}

/// The gate of a stage in a word, for titles.
pub fn gate_word(gate: Gate) -> &'static str {
    match gate {
        Gate::Type => "typed name",
        Gate::Key => "one key",
        Gate::None => "no gate",
    }
}
