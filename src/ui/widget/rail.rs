//! The rail: the stages of a run and the gates between them, in one row.

use ratatui::layout::Rect;

use super::paint::{Paint, columns};
use crate::domain::checklist::Gate;
use crate::domain::run::RunState;
use crate::ui::states;
use crate::ui::theme::State;

struct Stop {
    state: State,
    name: String,
    count: String,
    is_here: bool,
}

/// Draws the rail over the first row of `area`; `right` stands at its end when there is room.
pub fn draw(paint: &mut Paint<'_>, area: Rect, state: &RunState, right: &str) {
    if area.is_empty() {
        return;
    }
    let stops = stops(state);
    let room = usize::from(area.width.saturating_sub(2));
    // From everything spelled out to initials: the first that fits.
    let forms: [(usize, bool, &str); 4] = [
        (40, true, " ── "),
        (40, false, " ─ "),
        (5, false, " ─ "),
        (3, false, " "),
    ];
    let form = forms.into_iter().find(|form| width(&stops, *form) <= room);
    let form = form.unwrap_or((2, false, " "));
    let (longest, counts, link) = form;
    let mut x = area.x + 1;
    for (at, stop) in stops.iter().enumerate() {
        let room = area.right().saturating_sub(x + 1);
        if room == 0 {
            break;
        }
        if at > 0 {
            let link = if paint.theme.ascii() {
                link.replace('─', "-")
            } else {
                link.to_owned()
            };
            x += paint.text(x, area.y, room, &link, "border");
        }
        x += paint.glyph(x, area.y, stop.state);
        let name: String = stop.name.chars().take(longest).collect();
        let role = if stop.is_here {
            "text.strong"
        } else if stop.state == State::Wait {
            "state.wait"
        } else {
            "text"
        };
        let gap = u16::from(longest > 5);
        x += gap;
        x += paint.text(x, area.y, area.right().saturating_sub(x + 1), &name, role);
        if (counts || stop.is_here) && !stop.count.is_empty() && longest > 5 {
            let count = format!(" {}", stop.count);
            x += paint.text(x, area.y, area.right().saturating_sub(x + 1), &count, role);
        }
    }
    let free = usize::from(area.right().saturating_sub(x + 1));
    if columns(right) + 3 <= free {
        paint.right(area.right() - 1, area.y, area.width, right, "text.dim");
    }
}

fn width(stops: &[Stop], (longest, counts, link): (usize, bool, &str)) -> usize {
    let each = stops.iter().map(|stop| {
        let count = if (counts || stop.is_here) && longest > 5 && !stop.count.is_empty() {
            stop.count.len() + 1
        } else {
            0
        };
        1 + usize::from(longest > 5) + stop.name.chars().count().min(longest) + count
    });
    each.sum::<usize>() + columns(link) * stops.len().saturating_sub(1)
}

fn stops(state: &RunState) -> Vec<Stop> {
    let current = state.started.and(state.current_stage());
    let mut stops = Vec::new();
    for (stage, planned) in state.plan.stages.iter().enumerate() {
        let gate = states::of_gate(state, stage);
        if planned.gate != Gate::None {
            stops.push(Stop {
                state: gate,
                name: if gate == State::Run { "GATE" } else { "gate" }.to_owned(),
                count: String::new(),
                is_here: gate == State::Run,
            });
        }
        let (done, all) = states::steps_done(state, stage);
        stops.push(Stop {
            state: states::of_stage(state, stage),
            name: stage_name(state, stage),
            count: format!("{done}/{all}"),
            is_here: current == Some(stage) && gate != State::Run,
        });
    }
    stops
}

/// A stage's name as it is shown: in capitals when it runs in an environment.
pub fn stage_name(state: &RunState, stage: usize) -> String {
    let planned = &state.plan.stages[stage];
    if planned.env.is_some() {
        planned.name.as_str().to_uppercase()
    } else {
        planned.name.to_string()
    }
}
