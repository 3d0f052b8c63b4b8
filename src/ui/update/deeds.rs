//! Deeds: what an action does once it is known to be possible and not too early.

use super::decide::push;
use super::{back as going_back, decide, filters, locks, logs};
use crate::domain::action::Action;
use crate::domain::run::progress;
use crate::domain::run::{Intent, Moment, RunStatus};
use crate::ui::fleet;
use crate::ui::keymap::Act;
use crate::ui::model::{Dialog, HomePanel, Model, Pane, RunView, View};
use crate::ui::msg::{Cmd, DocumentId, LogWish, Notice};
use crate::ui::rows::{self, Row};

/// Does it; returns what has to be done outside.
pub(super) fn perform(model: &mut Model, act: Act, now: Moment) -> Vec<Cmd> {
    match act {
        Act::ScreenRun
        | Act::ScreenHome
        | Act::ScreenHosts
        | Act::ScreenLogs
        | Act::ScreenReleases => {
            return screen(model, act, now);
        }
        Act::Open => return open(model, now),
        Act::Close => close(model, now),
        Act::Back | Act::Interrupt => return back(model, act, now),
        Act::Help => push(
            model,
            Dialog::Help {
                query: String::new(),
                scroll: 0,
            },
            now,
        ),
        Act::Palette => push(
            model,
            Dialog::Palette {
                query: String::new(),
                cursor: 0,
            },
            now,
        ),
        Act::Redraw => return vec![Cmd::Redraw],
        Act::Suspend => return vec![Cmd::Suspend],
        Act::Refresh => return vec![Cmd::Refresh, Cmd::ProbeHosts],
        Act::Zoom | Act::Follow => return look(model, act),
        Act::Log => {
            if let Some(run) = &mut model.run {
                run.follow = true;
            }
            model.view = View::Run;
        }
        Act::Difference => super::story::show_difference(model, now),
        Act::Copy => return copy(model),
        Act::Pager => return pager(model, now),
        Act::Editor => return editor(model),
        _ => return change(model, act, now),
    }
    Vec::new()
}

fn change(model: &mut Model, act: Act, now: Moment) -> Vec<Cmd> {
    match act {
        Act::Deploy => {
            let reference = model.reference.clone();
            model.busy = Some(format!("making the plan for {reference}"));
            model.guard.restart(now);
            vec![Cmd::PrepareDeploy { reference }]
        }
        Act::Rollback => going_back::ask(model, None, now),
        Act::Start => {
            model.guard.restart(now);
            let run = model.run.as_ref().map(|run| run.state.run.clone());
            run.map(Cmd::StartRun).into_iter().collect()
        }
        Act::Resume => resume(model, now),
        Act::Pause => {
            model.dialogs.clear();
            vec![Cmd::Send(Intent::Pause)]
        }
        Act::Continue => {
            model.guard.restart(now);
            vec![Cmd::Send(Intent::Continue)]
        }
        Act::Retry => decide::retry(model, now),
        Act::Skip | Act::CountAsDone | Act::LeaveOut => {
            decide::reason(model, act, now);
            Vec::new()
        }
        Act::TryLock | Act::Steal => locks::take(model, act == Act::Steal, now),
        Act::KeepLock => {
            if let Some(Dialog::Abort { keep, .. }) = model.dialogs.last_mut() {
                *keep = !*keep;
            }
            Vec::new()
        }
        Act::Abort => {
            decide::abort(model, now);
            Vec::new()
        }
        Act::Stop => {
            let keep = decide::keeps(model);
            model.dialogs.clear();
            decide::ending(model, keep, Intent::Stop { reason: None })
        }
        Act::Kill => {
            let (name, keep) = (decide::kill_name(model), decide::keeps(model));
            model.dialogs.pop();
            let typed = String::new();
            push(model, Dialog::Kill { name, typed, keep }, now);
            Vec::new()
        }
        Act::Yes | Act::No => decide::answer(model, act == Act::Yes, now),
        Act::Leave => vec![Cmd::Leave],
        _ => Vec::new(),
    }
}

fn resume(model: &mut Model, now: Moment) -> Vec<Cmd> {
    let on_screen = matches!(model.view, View::Run | View::Gate);
    let shown = model
        .run
        .as_ref()
        .filter(|_| on_screen)
        .map(|run| run.state.run.clone());
    let marked = || model.to_go_on().cloned();
    let Some(run) = shown.or_else(marked) else {
        return Vec::new();
    };
    model.busy = Some(format!("going on with {run}"));
    model.guard.restart(now);
    vec![Cmd::ResumeRun(run)]
}

fn screen(model: &mut Model, act: Act, now: Moment) -> Vec<Cmd> {
    model.dialogs.clear();
    match act {
        Act::ScreenHosts => {
            model.view = View::Hosts;
            return if model.links.is_empty() {
                vec![Cmd::ProbeHosts]
            } else {
                Vec::new()
            };
        }
        Act::ScreenHome => (model.view, model.behind) = (View::Home, View::Home),
        Act::ScreenReleases => model.view = View::Releases,
        Act::ScreenLogs => return logs::open(model, now),
        _ => {
            let gate = model
                .run
                .as_ref()
                .is_some_and(|run| progress::gate_waiting(&run.state).is_some());
            model.view = if gate && model.view != View::Gate {
                View::Gate
            } else {
                View::Run
            };
            model.guard.restart(now);
            super::story::raise(model, now);
        }
    }
    Vec::new()
}

fn open(model: &mut Model, now: Moment) -> Vec<Cmd> {
    match model.dialogs.last() {
        Some(Dialog::Abort { choice: 0, .. }) => return change(model, Act::Stop, now),
        Some(Dialog::Abort { .. }) => return not_by_enter(model, "only the safest line", now),
        Some(
            Dialog::Failure { .. }
            | Dialog::Interrupted { .. }
            | Dialog::Locked { .. }
            | Dialog::Ask { .. },
        ) => return not_by_enter(model, "nothing here", now),
        Some(Dialog::Message { .. } | Dialog::Unrecorded) => {
            close(model, now);
            return Vec::new();
        }
        Some(Dialog::Filters { cursor }) => {
            let at = *cursor;
            filters::edit(model, at, now);
            return Vec::new();
        }
        Some(Dialog::Environments { cursor }) => {
            let at = *cursor;
            return logs::choose(model, at, now);
        }
        Some(_) => return Vec::new(),
        None => {}
    }
    match model.view {
        View::Home => return open_home(model, now),
        View::Hosts => host_message(model, now),
        View::Run => open_row(model, now),
        View::Gate | View::Logs | View::Releases => {}
    }
    Vec::new()
}

/// Says that Enter does not decide: the capital of the line does.
fn not_by_enter(model: &mut Model, takes: &str, now: Moment) -> Vec<Cmd> {
    let said = format!("nothing was done: Enter takes {takes}. Press the capital of the line");
    model.notice = Some((Notice::line(said), now));
    Vec::new()
}

fn open_home(model: &mut Model, now: Moment) -> Vec<Cmd> {
    let at = model.home_cursor[model.home_panel as usize];
    match model.home_panel {
        HomePanel::Where => return screen(model, Act::ScreenHosts, now),
        HomePanel::Next => {}
        HomePanel::Unfinished | HomePanel::Recent => {
            let unfinished = model.home_panel == HomePanel::Unfinished;
            let run = model.overview.as_ref().and_then(|overview| {
                let mut runs = overview
                    .runs
                    .iter()
                    .filter(|run| run.outcome.is_none() == unfinished);
                runs.nth(at).map(|run| run.run.clone())
            });
            let Some(run) = run else {
                return Vec::new();
            };
            if model.drives()
                && model
                    .run
                    .as_ref()
                    .is_some_and(|shown| shown.state.run == run)
            {
                return screen(model, Act::ScreenRun, now);
            }
            if model.drives() {
                let said = "a run is going on; its screen cannot be given to another one now";
                model.notice = Some((Notice::line(said), now));
                return Vec::new();
            }
            model.busy = Some(format!("reading {run}"));
            return vec![Cmd::OpenRun(run)];
        }
    }
    Vec::new()
}

fn host_message(model: &mut Model, now: Moment) {
    let Some(overview) = &model.overview else {
        return;
    };
    let mut hosts = overview.environments.iter().flat_map(|env| {
        env.hosts
            .iter()
            .map(move |host| (env.env.clone(), host.clone()))
    });
    let Some(key) = hosts.nth(model.host_cursor) else {
        return;
    };
    let lines = fleet::about(model, &key.0, &key.1, now);
    let title = format!("{} {}", key.0, key.1);
    push(
        model,
        Dialog::Message {
            title,
            lines,
            scroll: 0,
        },
        now,
    );
}

fn open_row(model: &mut Model, now: Moment) {
    let Some(run) = &mut model.run else {
        return;
    };
    let rows = rows::rows(run);
    let at = rows::current(run, &rows);
    match rows.get(at) {
        Some(Row::Gate(stage)) if progress::gate_waiting(&run.state) == Some(*stage) => {
            model.view = View::Gate;
            model.guard.restart(now);
        }
        Some(Row::Stage(stage)) => {
            if !run.folded.remove(stage) {
                run.folded.insert(*stage);
            }
            run.follow = false;
            run.cursor = at;
        }
        Some(Row::Step { .. }) if run.pane == Pane::Plan => {
            if !decide::reopen(model, now)
                && let Some(run) = &mut model.run
            {
                run.pane = Pane::Log;
            }
        }
        _ => {}
    }
}

fn close(model: &mut Model, now: Moment) {
    let Some(run) = &mut model.run else {
        model.dialogs.pop();
        return;
    };
    match model.dialogs.pop() {
        Some(Dialog::Ask { task }) => {
            run.put_off.insert(task);
        }
        Some(Dialog::Failure { tasks, .. } | Dialog::Interrupted { tasks, .. }) => {
            run.put_off.extend(tasks);
        }
        Some(Dialog::Locked { env, .. }) => {
            if let Some(wanted) = run.wanted.get_mut(&env) {
                wanted.put_off = true;
            }
        }
        Some(_) => {}
        None if model.view == View::Run => {
            run.zoom = false;
            return;
        }
        None => return,
    }
    model.guard.restart(now);
}

fn back(model: &mut Model, act: Act, now: Moment) -> Vec<Cmd> {
    if !model.dialogs.is_empty() {
        close(model, now);
        return Vec::new();
    }
    let going = model.drives();
    if act == Act::Interrupt {
        let is_recorded = |run: &RunView| run.journal_failed.is_none();
        if going && model.run.as_ref().is_some_and(is_recorded) {
            decide::abort(model, now);
            return Vec::new();
        }
        if going {
            push(model, Dialog::Leave, now);
            return Vec::new();
        }
        return vec![Cmd::Leave];
    }
    match model.view {
        View::Gate => model.view = View::Run,
        View::Hosts | View::Logs | View::Releases => {
            model.view = if going { View::Run } else { View::Home }
        }
        View::Home | View::Run if going => push(model, Dialog::Leave, now),
        View::Home => return vec![Cmd::Leave],
        View::Run => {
            model.view = std::mem::replace(&mut model.behind, View::Home);
            let prepared = model
                .run
                .as_ref()
                .is_some_and(|run| run.state.status == RunStatus::Prepared);
            if prepared {
                model.run = None;
            }
            return vec![Cmd::Refresh];
        }
    }
    Vec::new()
}

fn look(model: &mut Model, act: Act) -> Vec<Cmd> {
    let Some(run) = &mut model.run else {
        return Vec::new();
    };
    if act == Act::Zoom {
        run.zoom = !run.zoom;
        return Vec::new();
    }
    run.follow = true;
    let mut wishes = run.log.only(None);
    wishes.extend(run.log.act(Act::Follow).unwrap_or_default());
    wishes.into_iter().map(Cmd::Log).collect()
}

fn copy(model: &Model) -> Vec<Cmd> {
    let text = match model.view {
        View::Home => {
            let commits = model
                .overview
                .as_ref()
                .and_then(|overview| overview.next.as_ref());
            let at = model.home_cursor[HomePanel::Next as usize];
            commits
                .and_then(|next| next.commits.get(at))
                .map(|line| line.commit.to_string())
        }
        View::Gate => model.run.as_ref().map(|run| {
            let commit = run
                .state
                .plan
                .commit
                .as_ref()
                .map_or("", |commit| commit.as_str());
            format!("{} {} {commit}", run.state.plan.project, run.state.run)
        }),
        View::Run => copy_run(model),
        View::Hosts | View::Logs | View::Releases => None,
    };
    text.map(Cmd::Copy).into_iter().collect()
}

fn copy_run(model: &Model) -> Option<String> {
    let run = model.run.as_ref()?;
    let (tasks, _) = rows::log_tasks(run)?;
    let (_, planned) = run.state.planned(tasks.start);
    Some(planned.action.text().to_owned())
}

/// Opens the log of the step that is looked at in the pager.
fn pager(model: &mut Model, now: Moment) -> Vec<Cmd> {
    let found = model.run.as_ref().and_then(|run| {
        let (mut tasks, _) = rows::log_tasks(run)?;
        let first = tasks.start;
        let printed = |position: usize| {
            let is_program = matches!(run.state.planned(position).1.action, Action::Exec(_));
            is_program && run.state.tasks[position].attempt.0 > 0
        };
        tasks.any(printed).then_some(DocumentId::Step(first))
    });
    if let Some(document) = found {
        return vec![Cmd::Log(LogWish::Page(document))];
    }
    model.notice = Some((Notice::line("this step has printed nothing yet"), now));
    Vec::new()
}

fn editor(model: &Model) -> Vec<Cmd> {
    let line = model.run.as_ref().and_then(|run| {
        let (tasks, _) = rows::log_tasks(run)?;
        Some(run.state.planned(tasks.start).1.line)
    });
    vec![Cmd::EditChecklist {
        line: line.unwrap_or(0),
    }]
}
