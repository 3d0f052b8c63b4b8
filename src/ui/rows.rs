//! The rows of the plan as the cursor walks over them: stages, their steps, and the gates between.

use std::ops::Range;

use super::model::RunView;
use crate::domain::checklist::Gate;
use crate::domain::run::{GateState, RunState, TaskStatus};

/// A row of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// The gate before the stage with this index.
    Gate(usize),
    /// The head line of a stage.
    Stage(usize),
    /// A step.
    Step {
        /// The index of its stage.
        stage: usize,
        /// The places of its tasks in the run.
        tasks: Range<usize>,
        /// Its number in the plan, from 1.
        number: usize,
    },
}

/// All rows that show: steps of folded stages do not.
pub fn rows(view: &RunView) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut number = 0;
    for (stage, planned) in view.state.plan.stages.iter().enumerate() {
        if planned.gate != Gate::None {
            rows.push(Row::Gate(stage));
        }
        rows.push(Row::Stage(stage));
        let mut first = view.state.layout.starts[stage];
        for tasks in planned.steps() {
            number += 1;
            if !view.folded.contains(&stage) {
                rows.push(Row::Step {
                    stage,
                    tasks: first..first + tasks.len(),
                    number,
                });
            }
            first += tasks.len();
        }
    }
    rows
}

/// How many steps the plan has.
pub fn step_count(state: &RunState) -> usize {
    let stages = state.plan.stages.iter();
    stages.map(|stage| stage.steps().count()).sum()
}

/// The row the eye should be on: what needs a decision, else what runs, else what comes next, else the end.
pub fn focus_row(view: &RunView, rows: &[Row]) -> usize {
    let has = |row: &Row, wanted: &dyn Fn(&TaskStatus) -> bool| match row {
        Row::Step { tasks, .. } => view.state.tasks[tasks.clone()]
            .iter()
            .any(|task| wanted(&task.status)),
        _ => false,
    };
    let find = |wanted: &dyn Fn(&TaskStatus) -> bool| rows.iter().position(|row| has(row, wanted));
    let waiting_gate = || {
        rows.iter().position(|row| match row {
            Row::Gate(stage) => {
                matches!(view.state.stages[*stage].gate, GateState::Reached(_))
            }
            _ => false,
        })
    };
    find(&|status| matches!(status, TaskStatus::Failed | TaskStatus::Interrupted(_)))
        .or_else(|| find(&|status| *status == TaskStatus::Running))
        .or_else(|| find(&|status| matches!(status, TaskStatus::Retrying(_))))
        .or_else(waiting_gate)
        .or_else(|| find(&|status| *status == TaskStatus::Waiting))
        .unwrap_or(rows.len().saturating_sub(1))
}

/// The row under the cursor.
pub fn current(view: &RunView, rows: &[Row]) -> usize {
    if view.follow {
        focus_row(view, rows)
    } else {
        view.cursor.min(rows.len().saturating_sub(1))
    }
}

/// The tasks whose log shows: those of the step under the cursor, or of the step the eye should be on.
pub fn log_tasks(view: &RunView) -> Option<(Range<usize>, usize)> {
    let rows = rows(view);
    let at = current(view, &rows);
    let step = |row: &Row| match row {
        Row::Step { tasks, number, .. } => Some((tasks.clone(), *number)),
        _ => None,
    };
    step(rows.get(at)?)
        .or_else(|| rows[..at].iter().rev().find_map(step))
        .or_else(|| rows[at..].iter().find_map(step))
}

/// The place of the first task of a task's step.
pub fn step_of(state: &RunState, position: usize) -> usize {
    let (stage, _) = state.planned(position);
    let mut first = state.layout.starts[stage];
    for tasks in state.plan.stages[stage].steps() {
        if position < first + tasks.len() {
            return first;
        }
        first += tasks.len();
    }
    position
}
