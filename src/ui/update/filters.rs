//! Filters and prompts: a text is typed for the log and becomes a search, a filter or a file; filters are changed.
//!
//! While a text is typed the log shows at once what it finds, and is back where it was when the prompt is left.
//! Nothing here acts on a server.

use super::decide::push;
use super::releases;
use crate::domain::log::{Filters, Level, Pattern, Rule, Test};
use crate::domain::run::Moment;
use crate::ui::keymap::Act;
use crate::ui::model::{Dialog, Model, View};
use crate::ui::msg::{Cmd, LogWish, Notice};
use crate::ui::prompt::{About, Prompt};
use crate::ui::viewer::Viewer;

/// The levels from all to the gravest.
const LEVELS: [Level; 4] = [Level::Debug, Level::Info, Level::Warning, Level::Error];

/// Does what a key about filters or prompts says; `None` = it is none of them.
pub(super) fn perform(model: &mut Model, act: Act, now: Moment) -> Option<Vec<Cmd>> {
    match act {
        Act::Search if releases::finds(model) => {}
        Act::Search => prompt(model, Prompt::new(About::Search), now),
        Act::Keep => prompt(model, Prompt::new(About::Keep), now),
        Act::Drop => prompt(model, Prompt::new(About::Drop), now),
        Act::Save => {
            let name = proposed(model, now);
            let pattern = Pattern {
                text: name,
                regex: false,
            };
            prompt(model, Prompt::with(About::Save, pattern), now);
        }
        Act::Only => {
            model.names_source = true;
            let said = ". then a letter: only that; .. shows all";
            model.notice = Some((Notice::line(said), now));
        }
        Act::Filters => push(model, Dialog::Filters { cursor: 0 }, now),
        Act::FiltersOff => return Some(off(model, now)),
        Act::ContextMore | Act::ContextFewer => {
            return Some(on_viewer(model, |viewer| {
                viewer.act(act).unwrap_or_default()
            }));
        }
        Act::Toggle | Act::Delete => return Some(on_rule(model, act)),
        Act::LevelUp | Act::LevelDown => {
            return Some(change(model, |filters| {
                let grave = filters.level.max(Level::Debug);
                let at = LEVELS.iter().position(|level| *level == grave);
                let at = at.unwrap_or(0);
                let to = if act == Act::LevelUp {
                    (at + 1).min(LEVELS.len() - 1)
                } else {
                    at.saturating_sub(1)
                };
                filters.level = LEVELS[to];
            }));
        }
        _ => return None,
    }
    Some(Vec::new())
}

fn prompt(model: &mut Model, prompt: Prompt, now: Moment) {
    push(model, Dialog::Prompt(prompt), now);
}

/// Turns all filters off, or on again.
fn off(model: &mut Model, now: Moment) -> Vec<Cmd> {
    let none = model.viewer().is_none_or(|viewer| {
        let filters = viewer.filters();
        filters.rules.is_empty() && filters.level <= Level::Debug
    });
    if none {
        let said = "there is no filter: & keeps lines, - hides them, F is the list";
        model.notice = Some((Notice::line(said), now));
        return Vec::new();
    }
    change(model, |filters| filters.off = !filters.off)
}

/// Turns the rule that is looked at on or off, or deletes it.
fn on_rule(model: &mut Model, act: Act) -> Vec<Cmd> {
    let Some(Dialog::Filters { cursor }) = model.dialogs.last() else {
        return Vec::new();
    };
    let at = *cursor;
    let cmds = change(model, |filters| match (act, filters.rules.get_mut(at)) {
        (_, None) => {}
        (Act::Delete, _) => {
            filters.rules.remove(at);
        }
        (_, Some(rule)) => rule.on = !rule.on,
    });
    let left = model
        .viewer()
        .map_or(0, |viewer| viewer.filters().rules.len());
    if let Some(Dialog::Filters { cursor }) = model.dialogs.last_mut() {
        *cursor = (*cursor).min(left.saturating_sub(1));
    }
    cmds
}

/// Edits the rule that is looked at.
pub(super) fn edit(model: &mut Model, at: usize, now: Moment) {
    let rule = model
        .viewer()
        .and_then(|viewer| viewer.filters().rules.get(at));
    if let Some(Test::In(pattern) | Test::Out(pattern)) = rule.map(|rule| rule.test.clone()) {
        prompt(model, Prompt::with(About::Edit(at), pattern), now);
    }
}

fn change(model: &mut Model, change: impl FnOnce(&mut Filters)) -> Vec<Cmd> {
    on_viewer(model, |viewer| {
        let mut filters = viewer.filters().clone();
        change(&mut filters);
        viewer.set_filters(filters)
    })
}

/// Lets the viewer on screen do something; its wishes go out.
pub(super) fn on_viewer(
    model: &mut Model,
    deed: impl FnOnce(&mut Viewer) -> Vec<LogWish>,
) -> Vec<Cmd> {
    let wishes = model.viewer_mut().map(deed).unwrap_or_default();
    wishes.into_iter().map(Cmd::Log).collect()
}

/// What is typed has changed: the log shows what it finds.
pub(super) fn typed(model: &mut Model) -> Vec<Cmd> {
    let Some(Dialog::Prompt(prompt)) = model.dialogs.last_mut() else {
        return Vec::new();
    };
    prompt.check();
    if !prompt.is_pattern() {
        return Vec::new();
    }
    let pattern = prompt.pattern();
    if releases::search(model, pattern.as_ref()) {
        return Vec::new();
    }
    on_viewer(model, |viewer| viewer.search_typed(pattern))
}

/// What is typed is a regular expression now, or a text; of a file: all lines, or those that show.
pub(super) fn turn(model: &mut Model) -> Vec<Cmd> {
    if let Some(Dialog::Prompt(prompt)) = model.dialogs.last_mut() {
        if prompt.is_pattern() {
            prompt.regex = !prompt.regex;
        } else {
            prompt.whole = !prompt.whole;
        }
    }
    typed(model)
}

/// Walks through what was typed before.
pub(super) fn recall(model: &mut Model, older: bool) -> Vec<Cmd> {
    let earlier = model
        .viewer()
        .map_or_else(Vec::new, |viewer| viewer.searches().to_vec());
    if let Some(Dialog::Prompt(prompt)) = model.dialogs.last_mut()
        && prompt.is_pattern()
    {
        prompt.recall(&earlier, older);
    }
    typed(model)
}

/// Leaves a prompt: the log is as it was.
pub(super) fn cancel(model: &mut Model) -> Vec<Cmd> {
    model.dialogs.pop();
    releases::search(model, None);
    on_viewer(model, |viewer| viewer.search_ended(false))
}

/// Takes what was typed; a text that cannot be taken stays, with what is wrong with it.
pub(super) fn take(model: &mut Model, now: Moment) -> Vec<Cmd> {
    let Some(Dialog::Prompt(prompt)) = model.dialogs.last().cloned() else {
        return Vec::new();
    };
    if let Some(problem) = &prompt.problem {
        let said = format!("not taken: {problem}");
        model.notice = Some((Notice::line(said), now));
        return Vec::new();
    }
    let pattern = prompt.pattern();
    match (prompt.about, pattern) {
        (About::Save, _) => save(model, &prompt, now),
        (About::Search, Some(_)) => {
            model.dialogs.pop();
            on_viewer(model, |viewer| viewer.search_ended(true))
        }
        (About::Search, None) => {
            let mut cmds = cancel(model);
            cmds.extend(on_viewer(model, |viewer| viewer.search_for(None)));
            cmds
        }
        (About::Keep | About::Drop, None) => cancel(model),
        (about, pattern) => {
            let mut cmds = cancel(model);
            cmds.extend(change(model, |filters| rule(filters, about, pattern)));
            cmds
        }
    }
}

/// Adds a rule or changes one; without a text it is deleted.
fn rule(filters: &mut Filters, about: About, pattern: Option<Pattern>) {
    let test = match (about, pattern) {
        (About::Edit(at), None) => {
            if at < filters.rules.len() {
                filters.rules.remove(at);
            }
            return;
        }
        (About::Edit(at), Some(pattern)) => {
            if let Some(Rule { test, .. }) = filters.rules.get_mut(at) {
                let (Test::In(old) | Test::Out(old)) = test;
                *old = pattern;
            }
            return;
        }
        (About::Keep, Some(pattern)) => Test::In(pattern),
        (_, Some(pattern)) => Test::Out(pattern),
        (_, None) => return,
    };
    // A new filter is meant to be seen at work.
    filters.off = false;
    match filters.rules.iter_mut().find(|rule| rule.test == test) {
        Some(known) => known.on = true,
        None => filters.rules.push(Rule { test, on: true }),
    }
}

fn save(model: &mut Model, prompt: &Prompt, now: Moment) -> Vec<Cmd> {
    let path = prompt.typed.trim().to_owned();
    if path.is_empty() {
        let said = "nothing was written: a file name is needed";
        model.notice = Some((Notice::line(said), now));
        return Vec::new();
    }
    model.dialogs.pop();
    let shown = !prompt.whole;
    on_viewer(model, |viewer| {
        let document = viewer.document();
        vec![LogWish::Save {
            document,
            shown,
            path,
        }]
    })
}

/// The name of a file that tells what is in it.
fn proposed(model: &Model, now: Moment) -> String {
    let at = now.format("%Y-%m-%dT%H-%M-%S");
    let of = match (model.view, &model.tail, &model.run) {
        (View::Logs, Some(tail), _) => tail.env.to_string(),
        (_, _, Some(run)) => run.state.run.to_string(),
        _ => "log".to_owned(),
    };
    let name = format!("{}-{of}-{at}.log", model.project);
    let plain = |c: char| {
        if c.is_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    name.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Pattern {
        Pattern {
            text: text.to_owned(),
            regex: false,
        }
    }

    #[test]
    fn a_filter_is_added_once_changed_in_its_place_and_deleted_when_emptied() {
        let mut filters = Filters {
            off: true,
            ..Filters::default()
        };
        rule(&mut filters, About::Keep, Some(text("web")));
        rule(&mut filters, About::Drop, Some(text("/healthz")));
        filters.rules[0].on = false;
        rule(&mut filters, About::Keep, Some(text("web")));
        assert!(!filters.off && filters.rules.len() == 2 && filters.rules[0].on);
        rule(&mut filters, About::Edit(1), Some(text("/health")));
        let changed = Test::Out(text("/health"));
        assert_eq!(filters.rules[1].test, changed);
        rule(&mut filters, About::Edit(0), None);
        assert_eq!(filters.rules.len(), 1);
    }
}
