//! Reading logs: the viewer is turned to what is looked at, hears what it asked for, and gets the keys of its pane.

use crate::domain::run::Moment;
use crate::ui::keymap::Act;
use crate::ui::model::{Dialog, Model, Pane, RunView, View};
use crate::ui::msg::{Cmd, DocumentId, LogNews, LogWish, Notice};
use crate::ui::viewer::{Label, Labels, Sort, Viewer};
use crate::ui::{panes, rows};

/// Turns the viewer of the run to the step that is looked at, and tells it how much room it has.
pub(super) fn turn(model: &mut Model, before: View) -> Vec<Cmd> {
    if model.view != View::Run {
        return Vec::new();
    }
    let Some(run) = &model.run else {
        return Vec::new();
    };
    let room = panes::log_room(model, run);
    let is_card = panes::is_card(model.size);
    let Some(run) = &mut model.run else {
        return Vec::new();
    };
    let Some((tasks, _)) = rows::log_tasks(run) else {
        return Vec::new();
    };
    let (document, labels) = (DocumentId::Step(tasks.start), labels(run, tasks));
    let mut wishes = Vec::new();
    if run.log.document() != document {
        wishes = run.log.turn_to(document, labels);
    } else if *run.log.labels() != labels {
        run.log.set_labels(labels);
    }
    run.log.set_card(is_card);
    let resized = run.log.resize(room.width, room.height);
    if resized.is_empty() && wishes.is_empty() && before != View::Run {
        wishes.push(run.log.refresh());
    }
    wishes.extend(resized);
    wishes.into_iter().map(Cmd::Log).collect()
}

/// The hosts of a step.
fn labels(run: &RunView, tasks: std::ops::Range<usize>) -> Labels {
    let first = tasks.start;
    let started = tasks.clone().filter_map(|at| run.state.tasks[at].started);
    let start_ms = started.min().map(|at| at.timestamp_millis());
    let owners = tasks.map(|position| {
        let label = Label {
            letter: None,
            name: run.state.planned(position).1.site.to_string(),
            color: position - first,
        };
        (position, label)
    });
    Labels {
        sort: Sort::Step,
        owners: owners.collect(),
        start_ms,
    }
}

/// Takes what was heard of a log.
pub(super) fn hear(model: &mut Model, news: &LogNews, now: Moment) -> Vec<Cmd> {
    if let LogNews::Whole { lines, .. } = news {
        model.dialogs.push(Dialog::Message {
            title: "The whole line".to_owned(),
            lines: lines.clone(),
            scroll: 0,
        });
        model.guard.restart(now);
        return Vec::new();
    }
    let wishes = match &mut model.run {
        Some(run) => run.log.hear(news),
        None => Vec::new(),
    };
    told(model, wishes, now)
}

/// Gives an action to the log when it is for it; `None` = it is not.
pub(super) fn act(model: &mut Model, act: Act, now: Moment) -> Option<Vec<Cmd>> {
    if !model.dialogs.is_empty() || model.view != View::Run {
        return None;
    }
    let run = model.run.as_mut()?;
    let in_log = run.pane == Pane::Log;
    let is_for_it = match act {
        Act::Next
        | Act::Previous
        | Act::NextError
        | Act::PreviousError
        | Act::TabBack
        | Act::TabOn
        | Act::Close => true,
        Act::SectionBack | Act::SectionOn | Act::Pager | Act::FiltersOff => false,
        Act::Follow => in_log && !run.log.follows(),
        _ => in_log,
    };
    if !is_for_it {
        return None;
    }
    let wishes = run.log.act(act)?;
    Some(told(model, wishes, now))
}

/// What the viewer on screen asks for, and what it has to say.
pub(super) fn told(model: &mut Model, wishes: Vec<LogWish>, now: Moment) -> Vec<Cmd> {
    if let Some(said) = model.viewer_mut().and_then(Viewer::take_said) {
        model.notice = Some((Notice::line(said), now));
    }
    wishes.into_iter().map(Cmd::Log).collect()
}
