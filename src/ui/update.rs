//! Update: a message changes the model and says what has to be done outside.
//!
//! The order of a key: text fields first, then the key table for the place, then availability, then the guard for
//! everything that changes something, then the deed. Nothing acts twice, and nothing acts too early.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};

use super::available::{availability, places};
use super::keymap::{self, Act};
use super::model::{Availability, Dialog, Model, RunView, View};
use super::msg::{Cmd, Loudness, Msg, Notice, Owner};
use crate::domain::feed::{Link, Update};
use crate::domain::id::{SecretName, StepName};
use crate::domain::lock::LockView;
use crate::domain::run::{Moment, TaskStatus};
use crate::domain::secret::Concealed;

mod back;
mod decide;
mod deeds;
mod early;
mod filters;
mod gate;
mod locks;
mod logs;
mod moves;
pub mod palette;
mod reading;
mod releases;
mod story;
mod typing;

/// Seconds a line notice stays.
const NOTICE_SECONDS: i64 = 6;

/// Takes a message that arrived at `now`; returns what has to be done outside, in order.
pub fn update(model: &mut Model, msg: Msg, now: Moment) -> Vec<Cmd> {
    let before = model.view;
    // Not only at a tick: where lines come all the time there is none.
    forget(model, now);
    // What is printed does not change which log is looked at, and may come often.
    let is_output = matches!(msg, Msg::Feed(Update::Output { .. }) | Msg::Log(_));
    let mut cmds = take(model, msg, now);
    if !is_output {
        cmds.extend(reading::turn(model, before));
    }
    cmds.extend(logs::turn(model, before));
    cmds.extend(releases::look_again(model));
    cmds.extend(releases::turn(model, now));
    cmds.extend(reading::told(model, Vec::new(), now));
    cmds.extend(logs::filtered(model, &cmds, now));
    cmds
}

fn take(model: &mut Model, msg: Msg, now: Moment) -> Vec<Cmd> {
    match msg {
        Msg::Key(key) => on_key(model, key, now),
        Msg::Paste(text) => typing::paste(model, &text, now),
        Msg::Resize(width, height) => {
            model.size = (width, height);
            Vec::new()
        }
        Msg::FocusGained => {
            model.focused = true;
            model.guard.restart(now);
            Vec::new()
        }
        Msg::FocusLost => {
            model.focused = false;
            Vec::new()
        }
        Msg::Tick => logs::ask(model, now),
        Msg::Feed(update) => on_feed(model, update, now),
        Msg::Overview(overview) => {
            let locks = overview.environments.iter();
            let locks: Vec<LockView> = locks.filter_map(|env| env.lock.clone()).collect();
            locks::looked(model, locks, now);
            let cmds = releases::gathered(model, &overview);
            model.overview = Some(overview);
            cmds
        }
        Msg::Stirred { refs } => releases::stirred(model, refs),
        Msg::Locks(locks) => locks::looked(model, locks, now),
        Msg::Releases(news) => match releases::hear(model, news) {
            Some(news) => back::hear(model, news, now),
            None => Vec::new(),
        },
        Msg::PlanDiffers(lines) => story::differs(model, lines, now),
        Msg::OwnerChanged(owner) => story::driven_by(model, owner, now),
        Msg::PlanReady { run, plan } if back::waits(model, &plan) => {
            back::planned(model, (run, plan), now)
        }
        // Who closed what it would mean does not want to go back any more.
        Msg::PlanReady { plan, .. } if plan.rollback.is_some() => Vec::new(),
        Msg::PlanReady { run, plan } => {
            let state = crate::domain::run::RunState::new(run, plan);
            show_run(model, RunView::new(state, Owner::Here), now)
        }
        Msg::RunOpened { state, owner } => {
            let run = RunView::new(*state, owner);
            let mut cmds = story::endings(&run);
            cmds.extend(show_run(model, run, now));
            cmds
        }
        Msg::LogWindow {
            task,
            attempt,
            offset,
            bytes,
        } => {
            if let Some(run) = &mut model.run {
                run.quotes.take(&task, attempt, offset, &bytes, None);
            }
            Vec::new()
        }
        Msg::Refused(why) => {
            refused(model, why, now);
            Vec::new()
        }
        Msg::Log(news) => {
            let cmds = reading::hear(model, &news, now);
            cmds.into_iter()
                .chain(logs::hear(model, news, now))
                .collect()
        }
        Msg::SecretWanted { name, steps, said } => ask_secret(model, (name, steps), said, now),
        Msg::Notice(notice) => {
            model.busy = None;
            on_notice(model, notice, now);
            Vec::new()
        }
    }
}

/// Forgets a notice that has stood long enough.
fn forget(model: &mut Model, now: Moment) {
    let gone = |(_, at): &(Notice, Moment)| (now - *at).num_seconds() >= NOTICE_SECONDS;
    if model.notice.as_ref().is_some_and(gone) {
        model.notice = None;
    }
}

/// Says why a wish was not granted, where the operator looks.
fn refused(model: &mut Model, why: String, now: Moment) {
    model.busy = None;
    match (&mut model.run, model.view) {
        (Some(run), View::Gate) => run.gate.said = Some(why),
        _ => model.notice = Some((Notice::line(format!("refused: {why}")), now)),
    }
}

/// Asks for a secret that a run needs.
fn ask_secret(
    model: &mut Model,
    (name, steps): (SecretName, Vec<StepName>),
    said: Option<String>,
    now: Moment,
) -> Vec<Cmd> {
    model.dialogs.push(Dialog::Secret {
        name,
        steps,
        said,
        typed: Concealed::default(),
    });
    model.guard.restart(now);
    Vec::new()
}

fn on_notice(model: &mut Model, notice: Notice, now: Moment) {
    match notice.loudness {
        Loudness::Line => model.notice = Some((notice, now)),
        Loudness::Dialog => {
            model.dialogs.push(Dialog::Message {
                title: notice.title,
                lines: notice.lines,
                scroll: 0,
            });
            model.guard.restart(now);
        }
    }
}

fn show_run(model: &mut Model, run: RunView, now: Moment) -> Vec<Cmd> {
    model.busy = None;
    model.run = Some(run);
    model.behind = match model.view {
        View::Releases => View::Releases,
        _ => View::Home,
    };
    model.view = View::Run;
    model.dialogs.clear();
    model.guard.restart(now);
    let mut cmds = story::raise(model, now);
    cmds.extend(read_log(model));
    cmds
}

fn on_feed(model: &mut Model, update: Update, now: Moment) -> Vec<Cmd> {
    match update {
        Update::Event(record) => story::fold(model, &record, now),
        Update::Settled => story::raise(model, now),
        Update::Lock { env, news } => locks::news(model, env, news, now),
        Update::Output {
            task,
            attempt,
            at,
            offset,
            bytes,
        } => {
            if let Some(run) = &mut model.run {
                run.quotes.note(&task, attempt);
                run.quotes.take(&task, attempt, offset, &bytes, Some(at));
            }
            Vec::new()
        }
        Update::Connection { env, host, link } => {
            let place = (env, host);
            match &link {
                Link::Connected(_) => {
                    model.silent.remove(&place);
                }
                Link::Lost { .. } | Link::Failed { .. } => {
                    model.silent.insert(place.clone());
                }
                Link::Connecting => {}
            }
            model.links.insert(place, (link, now));
            Vec::new()
        }
        Update::Here { why, retry_in } => {
            if let Some(run) = &mut model.run {
                run.here_failed = Some((why, now, retry_in));
            }
            Vec::new()
        }
        Update::OutputFailed { task, why, .. } => {
            let text = format!("the output of {task} cannot be kept here, it waits there: {why}");
            on_notice(model, Notice::line(text), now);
            Vec::new()
        }
        Update::JournalFailed(why) => {
            if let Some(run) = &mut model.run {
                run.journal_failed = Some(why);
            }
            model.dialogs.push(Dialog::Unrecorded);
            model.guard.restart(now);
            vec![Cmd::Alert("the journal cannot be written".to_owned())]
        }
    }
}

fn on_key(model: &mut Model, key: KeyEvent, now: Moment) -> Vec<Cmd> {
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    if model.names_source && model.dialogs.is_empty() {
        let letter = match key.code {
            KeyCode::Char(letter) => Some(letter),
            _ => None,
        };
        return logs::only(model, letter, now);
    }
    match typing::key(model, key, now) {
        Some(typing::Typed::Taken(cmds)) => return cmds,
        Some(typing::Typed::Chosen(act)) => return act_on(model, act, now),
        None => {}
    }
    let acts = keymap::acts(key, &places(model));
    // A key means what can be done now; when nothing can, the first of its actions says why.
    let states = || acts.iter().map(|act| (*act, availability(model, *act)));
    let known = states().find(|(_, state)| *state == Availability::On);
    let known = known.or_else(|| states().find(|(_, state)| *state != Availability::Elsewhere));
    let Some((act, _)) = known else {
        return Vec::new();
    };
    if key.kind == KeyEventKind::Repeat && keymap::row(act).group != "move" {
        return Vec::new();
    }
    let cmds = act_on(model, act, now);
    cmds.into_iter().chain(read_log(model)).collect()
}

/// Does what an action says, when it can be done and is not too early.
fn act_on(model: &mut Model, act: Act, now: Moment) -> Vec<Cmd> {
    if let Availability::Off(why) = availability(model, act) {
        let row = keymap::row(act);
        let said = format!("{} {} is off: {why}", row.keys[0], row.short);
        model.notice = Some((Notice::line(said), now));
        return Vec::new();
    }
    let picks = act == Act::Open && matches!(model.dialogs.last(), Some(Dialog::Abort { .. }));
    if (keymap::row(act).changes || picks) && !model.guard.is_open(now) {
        return early::too_early(model, now);
    }
    let in_log = logs::act(model, act, now).or_else(|| reading::act(model, act, now));
    if let Some(cmds) = in_log {
        return cmds;
    }
    if let Some(cmds) = releases::act(model, act, now) {
        return cmds;
    }
    if moves::moves(model, act) {
        return Vec::new();
    }
    if let Some(cmds) = filters::perform(model, act, now) {
        return cmds;
    }
    deeds::perform(model, act, now)
}

/// Asks for the last words of what failed when they are not here.
fn read_log(model: &mut Model) -> Vec<Cmd> {
    let Some(run) = &mut model.run else {
        return Vec::new();
    };
    let mut cmds = Vec::new();
    for position in 0..run.state.tasks.len() {
        let status = &run.state.tasks[position].status;
        if !matches!(status, TaskStatus::Failed | TaskStatus::Interrupted(_)) {
            continue;
        }
        let attempt = run.state.tasks[position].attempt;
        let (_, planned) = run.state.planned(position);
        let is_command = matches!(planned.action, crate::domain::action::Action::Exec(_));
        let task = planned.id.clone();
        if attempt.0 > 0 && is_command && run.quotes.note(&task, attempt) {
            cmds.push(Cmd::ReadLog { task, attempt });
        }
    }
    cmds
}
