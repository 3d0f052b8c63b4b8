//! The choices about tasks that wait for a decision: which tasks, what can be done, and what exactly follows.
//!
//! The choice under the cursor tells its consequences; one that would be refused is grey and says why.

use super::sheet::{Line, blank, choice, choice_off, choices_in_short, then};
use crate::domain::action::Action;
use crate::domain::id::TaskId;
use crate::domain::run::Moment;
use crate::ui::choices::{ABOUT_TASKS, consequences, host_of, refusal, wish};
use crate::ui::keymap::{self, Act};
use crate::ui::model::{Model, RunView, Spot};
use crate::ui::widget::paint::{columns, middle};
use crate::ui::words;

/// Below this width choices stand two in a row.
pub const NARROW: u16 = 50;

/// From this height on there is room for rows that only keep things in place.
const ROOMY: u16 = 30;

/// The lines of the choices about some tasks.
pub fn lines(
    model: &Model,
    view: &RunView,
    (tasks, spot): (&[TaskId], Spot),
    (width, height): (u16, u16),
    now: Moment,
) -> Vec<Line> {
    let chosen = spot.of(tasks);
    let mut lines = Vec::new();
    if tasks.len() > 1 {
        lines.push(about(tasks, spot, width));
    }
    let by = &model.by;
    let follows = |act: Act| -> Vec<String> {
        if act == Act::Abort {
            return vec!["then: the menu that ends the run; nothing is decided yet".to_owned()];
        }
        wish(&view.state, act, chosen)
            .and_then(|intent| consequences(view, &intent, by, now))
            .unwrap_or_else(|why| vec![format!("off: {why}")])
    };
    let mut short = Vec::new();
    for (at, act) in ABOUT_TASKS.into_iter().enumerate() {
        let key = keymap::row(act).keys[0];
        let (word, means) = spelled(view, act, chosen);
        let marked = at == spot.choice;
        let off = match act {
            Act::Abort => None,
            _ => refusal(view, act, chosen, by),
        };
        short.push((key, word.clone(), off.is_none(), marked));
        lines.push(match off {
            Some(why) => choice_off(key, &word, &why, marked),
            None => choice(key, &word, means, marked),
        });
    }
    if width < NARROW {
        // What leads to the decision is worth more here than an explanation of each choice.
        lines.truncate(lines.len() - short.len());
        lines.extend(choices_in_short(&short, width));
    }
    lines.push(blank());
    let rows = |act: Act| then(&follows(act), width);
    let looked = ABOUT_TASKS[spot.choice.min(ABOUT_TASKS.len() - 1)];
    let mut told = rows(looked);
    if height >= ROOMY {
        // The dialog keeps its height while the operator looks from choice to choice.
        let most = ABOUT_TASKS.into_iter().map(|act| rows(act).len()).max();
        told.resize(most.unwrap_or(0), blank());
    }
    lines.extend(told);
    lines
}

/// A choice in words.
fn spelled(view: &RunView, act: Act, tasks: &[TaskId]) -> (String, &'static str) {
    let asks = |task: &TaskId| {
        let planned = view.state.plan.task(task);
        planned.is_some_and(|planned| matches!(planned.action, Action::Ask { .. }))
    };
    let (word, means) = match act {
        Act::Retry if tasks.iter().all(asks) => ("retry", "asks again"),
        Act::Retry if tasks.len() == 1 => ("retry", "the step again on this host, nothing else"),
        Act::Retry => ("retry", "these again, nothing else"),
        Act::Skip => ("skip", "what waits for it goes on; asks why"),
        Act::CountAsDone => ("count as done", "as if it had worked; asks why"),
        Act::LeaveOut => ("leave host out", "nothing more runs there; asks why"),
        _ => ("abort", "the menu that ends the run"),
    };
    if act == Act::LeaveOut
        && let Ok((_, host)) = host_of(&view.state, tasks)
    {
        return (format!("leave {} out", middle(host.as_str(), 8)), means);
    }
    (word.to_owned(), means)
}

/// Which of several tasks the choices are about.
fn about(tasks: &[TaskId], spot: Spot, width: u16) -> Line {
    let short = |task: &TaskId| {
        let id = task.as_str();
        let id = id.split_once('/').map_or(id, |(_, rest)| rest);
        let same = |other: &TaskId| step(other) == step(&tasks[0]);
        if tasks.iter().all(same) {
            id.split_once('@').map_or(id, |(_, site)| site).to_owned()
        } else {
            id.to_owned()
        }
    };
    let all = format!("all {}", tasks.len());
    let names: Vec<String> = std::iter::once(all)
        .chain(tasks.iter().map(short))
        .collect();
    let head = "about  ".to_owned();
    let long: usize = names.iter().map(|name| columns(name) + 4).sum();
    let mut line = vec![(head, "text.dim")];
    if long + 12 > usize::from(width) {
        let at = spot.about.min(names.len() - 1);
        let room = width.saturating_sub(30).max(8);
        line.push((format!(" {} ", middle(&names[at], room)), "select"));
        let place = match at {
            0 => String::new(),
            at => format!("  {at} of {}", tasks.len()),
        };
        line.push((format!("{place}  h l"), "text.dim"));
        return line;
    }
    for (at, name) in names.into_iter().enumerate() {
        let role = if at == spot.about { "select" } else { "text" };
        line.push((format!(" {name} "), role));
        line.push((" ".to_owned(), "text"));
    }
    line.push(("h l".to_owned(), "text.dim"));
    line
}

fn step(task: &TaskId) -> &str {
    let id = task.as_str();
    id.split_once('@').map_or(id, |(step, _)| step)
}

/// What stands on the edge of a dialog with such choices.
pub fn bottom(tasks: &[TaskId], width: u16) -> String {
    match (width < 50, tasks.len() > 1) {
        (true, _) => "j k look  Esc later".to_owned(),
        (false, false) => "j k look at a choice   Esc looks around".to_owned(),
        (false, true) => "j k look at a choice   h l at a host   Esc looks around".to_owned(),
    }
}

/// How many tasks, for a title.
pub fn counted(tasks: &[TaskId], one: &str, many: &str) -> String {
    match tasks.len() {
        1 => one.to_owned(),
        all => format!("{} {many}", words::count(all, "task")),
    }
}
