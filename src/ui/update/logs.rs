//! The logs screen: which environment's logs are followed, what is heard of them, and its keys.
//!
//! Asking for logs only reads: no key of this screen changes a server.

use super::decide::push;
use super::filters::on_viewer;
use super::moves::shift;
use super::reading::told;
use crate::domain::id::EnvName;
use crate::domain::log::{Goal, SourceNow, SourceState};
use crate::domain::overview::EnvOverview;
use crate::domain::run::{Moment, RunStatus};
use crate::ui::keymap::Act;
use crate::ui::model::{Dialog, Model, View};
use crate::ui::msg::{Cmd, DocumentId, LogNews, LogWish, Notice};
use crate::ui::panes;
use crate::ui::tail::{Histogram, LATELY_MS, LogsPane, TailView};
use crate::ui::tiles::viewer_size;
use crate::ui::widget::{histogram, sources};
use crate::ui::words;

/// Stretches of the small histogram.
const LATELY: u32 = 20;
/// Milliseconds after which lines over time are asked for again.
const HISTOGRAM_MS: i64 = 1000;

/// Shows the logs: those that are followed, else those of the environment the run is in.
pub(super) fn open(model: &mut Model, now: Moment) -> Vec<Cmd> {
    let Some(env) = proposed(model) else {
        let said = if model.overview.is_some() {
            "releases.toml has no environment with hosts: there are no servers' logs"
        } else {
            "the project is still being read; press 2 again"
        };
        model.notice = Some((Notice::line(said), now));
        return Vec::new();
    };
    model.view = View::Logs;
    let stays = |tail: &TailView| tail.chosen || tail.env == env || stage_env(model).is_none();
    if model.tail.as_ref().is_some_and(stays) {
        return ask(model, now);
    }
    follow(model, env, now)
}

/// Follows the logs of an environment.
fn follow(model: &mut Model, env: EnvName, now: Moment) -> Vec<Cmd> {
    model.tail = Some(TailView::new(env.clone()));
    let mut cmds = vec![Cmd::Log(LogWish::Tail(env))];
    cmds.extend(ask(model, now));
    cmds
}

/// The environment whose logs `2` shows: that of the run's stage, else the last one behind a gate, else the last.
fn proposed(model: &Model) -> Option<EnvName> {
    let all = model.overview.iter();
    let all = all.flat_map(|overview| &overview.environments);
    let all: Vec<&EnvOverview> = all.filter(|env| !env.hosts.is_empty()).collect();
    let in_run = stage_env(model).filter(|env| all.iter().any(|known| known.env == *env));
    let gated = || all.iter().rfind(|env| env.gated).or(all.last());
    in_run.or_else(|| gated().map(|env| env.env.clone()))
}

/// The environment in which the run on screen is now.
fn stage_env(model: &Model) -> Option<EnvName> {
    let state = &model.run.as_ref()?.state;
    if matches!(state.status, RunStatus::Prepared | RunStatus::Finished(_)) {
        return None;
    }
    let stage = state.current_stage()?;
    state.plan.stages[stage].env.clone()
}

/// Takes what was heard about logs.
pub(super) fn hear(model: &mut Model, news: LogNews, now: Moment) -> Vec<Cmd> {
    let Some(tail) = &mut model.tail else {
        return Vec::new();
    };
    match news {
        LogNews::Sources(sources) => {
            tail.hear(sources);
            ask(model, now)
        }
        LogNews::Unkept(why) => {
            tail.unkept = why;
            Vec::new()
        }
        LogNews::Histogram {
            document: DocumentId::Tail,
            span_ms,
            buckets,
        } => {
            let is_whole = |whole: &&mut Histogram| whole.span_ms == span_ms;
            match tail.whole.as_mut().filter(is_whole) {
                Some(whole) => told_whole(whole, buckets),
                None if tail.lately.span_ms == span_ms => tail.lately.buckets = buckets,
                None => {}
            }
            Vec::new()
        }
        // Nobody looks: coming back asks again.
        LogNews::Changed(_) if model.view != View::Logs => Vec::new(),
        LogNews::Whole { .. } => Vec::new(),
        news => {
            let wishes = tail.viewer.hear(&news);
            let mut cmds = told(model, wishes, now);
            cmds.extend(ask(model, now));
            cmds
        }
    }
}

fn told_whole(whole: &mut Histogram, buckets: Vec<crate::domain::log::Bucket>) {
    // Where the cursor was before anything was told: at the end, where the newest lines are.
    if whole.buckets.is_empty() {
        whole.cursor = buckets.len().saturating_sub(1);
    }
    whole.buckets = buckets;
}

/// Where other lines of servers show from now on, lines over time are asked for again at once.
pub(super) fn filtered(model: &mut Model, cmds: &[Cmd], now: Moment) -> Vec<Cmd> {
    let is_filter = |cmd: &Cmd| {
        let document = DocumentId::Tail;
        matches!(cmd, Cmd::Log(LogWish::Filter { document: of, .. }) if *of == document)
    };
    let Some(tail) = model.tail.as_mut().filter(|_| cmds.iter().any(is_filter)) else {
        return Vec::new();
    };
    tail.asked = None;
    ask(model, now)
}

/// Asks for lines over time, at most once a second, and only while the screen shows.
pub(super) fn ask(model: &mut Model, now: Moment) -> Vec<Cmd> {
    let (view, size) = (model.view, model.size);
    let Some(tail) = model.tail.as_mut().filter(|_| view == View::Logs) else {
        return Vec::new();
    };
    let since = |asked: Moment| (now - asked).num_milliseconds();
    if tail
        .asked
        .is_some_and(|asked| (0..HISTOGRAM_MS).contains(&since(asked)))
    {
        return Vec::new();
    }
    tail.asked = Some(now);
    let stretch = LATELY_MS / i64::from(LATELY);
    let end = (now.timestamp_millis() / stretch + 1) * stretch;
    tail.lately.span_ms = (end - LATELY_MS, end);
    let wish = |buckets: usize, span_ms: (i64, i64)| {
        Cmd::Log(LogWish::Histogram {
            document: DocumentId::Tail,
            buckets,
            span_ms,
        })
    };
    let mut cmds = vec![wish(LATELY as usize, tail.lately.span_ms)];
    let span = tail.viewer.facts().span_ms;
    if let Some(whole) = &mut tail.whole
        && let Some((from, to)) = span
    {
        let buckets = usize::from(size.0.clamp(30, 200)) - 10;
        let to = to.max(from) + 1;
        // The cursor stays at its time when the log has grown meanwhile.
        if whole.span_ms != (from, to) && whole.cursor + 1 < whole.buckets.len() {
            let at = histogram::stretch(whole, whole.cursor).map_or(0, |(at, _)| at);
            let part = i128::from(at - from) * buckets as i128 / i128::from(to - from);
            whole.cursor = usize::try_from(part).unwrap_or(0).min(buckets - 1);
        } else if !whole.buckets.is_empty() {
            whole.cursor = whole.cursor.min(buckets - 1);
        }
        whole.span_ms = (from, to);
        cmds.push(wish(buckets, whole.span_ms));
    }
    cmds
}

/// Does what a key of the logs screen says; `None` = it is none of its own.
pub(super) fn act(model: &mut Model, act: Act, now: Moment) -> Option<Vec<Cmd>> {
    if model.view != View::Logs || !model.dialogs.is_empty() {
        return None;
    }
    let tail = model.tail.as_mut()?;
    match act {
        Act::FocusOn | Act::FocusBack => {
            tail.pane = next_pane(tail.pane, act == Act::FocusBack);
            return Some(Vec::new());
        }
        Act::Zoom => {
            tail.zoom = !tail.zoom;
            return Some(Vec::new());
        }
        Act::Histogram => return Some(turn_histogram(model, now)),
        Act::Refresh => return Some(again(tail)),
        Act::Environment => return Some(other(model, now)),
        Act::FiltersOff => return None,
        Act::Close if tail.whole.is_some() => {
            tail.whole = None;
            return Some(Vec::new());
        }
        _ => {}
    }
    if let Some(cmds) = in_pane(model, act, now) {
        return Some(cmds);
    }
    let wishes = model.viewer_mut()?.act(act);
    if wishes.is_none() && act == Act::Close {
        model.tail.as_mut()?.zoom = false;
        return Some(Vec::new());
    }
    Some(told(model, wishes?, now))
}

/// Follows the same logs from anew; what shows of them stays as it was set.
fn again(tail: &mut TailView) -> Vec<Cmd> {
    let filters = tail.viewer.filters().clone();
    let labels = tail.viewer.labels().clone();
    let mut wishes = vec![LogWish::Tail(tail.env.clone())];
    wishes.extend(tail.viewer.turn_to(DocumentId::Tail, labels));
    wishes.extend(tail.viewer.set_filters(filters));
    (tail.heard, tail.failed, tail.asked) = (false, None, None);
    wishes.into_iter().map(Cmd::Log).collect()
}

/// Does what a key says in the sources or the histogram.
fn in_pane(model: &mut Model, act: Act, now: Moment) -> Option<Vec<Cmd>> {
    let page = i64::from(model.size.1.max(8)) / 2;
    let tail = model.tail.as_mut()?;
    let by = match act {
        Act::Down | Act::Right => 1,
        Act::Up | Act::Left => -1,
        Act::HalfDown | Act::PageDown => page,
        Act::HalfUp | Act::PageUp => -page,
        Act::Top => -1_000_000,
        Act::Bottom => 1_000_000,
        Act::Open | Act::Toggle => 0,
        _ => return None,
    };
    match (tail.pane, &mut tail.whole) {
        (_, Some(_)) if act == Act::Open => return Some(jump(model, now)),
        (_, Some(whole)) => whole.cursor = shift(whole.cursor, by, whole.buckets.len()),
        (LogsPane::Sources, None) if act == Act::Toggle => {
            let at = tail.cursor;
            if at < tail.sources.len() {
                return Some(on_viewer(model, |viewer| viewer.toggle(at)));
            }
        }
        (LogsPane::Sources, None) if act == Act::Open => about(model, now),
        (LogsPane::Sources, None) => tail.cursor = shift(tail.cursor, by, tail.sources.len()),
        (LogsPane::Histogram, None) if act == Act::Open => return Some(turn_histogram(model, now)),
        (LogsPane::Histogram, None) => {}
        (LogsPane::Log, None) => return None,
    }
    Some(Vec::new())
}

fn next_pane(pane: LogsPane, back: bool) -> LogsPane {
    match (pane, back) {
        (LogsPane::Sources, false) | (LogsPane::Histogram, true) => LogsPane::Log,
        (LogsPane::Log, false) | (LogsPane::Sources, true) => LogsPane::Histogram,
        (LogsPane::Histogram, false) | (LogsPane::Log, true) => LogsPane::Sources,
    }
}

/// Shows lines over the whole time of the log, or the lines again.
fn turn_histogram(model: &mut Model, now: Moment) -> Vec<Cmd> {
    let Some(tail) = &mut model.tail else {
        return Vec::new();
    };
    if tail.whole.take().is_some() {
        return Vec::new();
    }
    tail.whole = Some(Histogram::default());
    tail.asked = None;
    ask(model, now)
}

/// Goes to the first line of the stretch under the cursor.
fn jump(model: &mut Model, now: Moment) -> Vec<Cmd> {
    let Some(tail) = &mut model.tail else {
        return Vec::new();
    };
    let whole = tail.whole.take().unwrap_or_default();
    tail.pane = LogsPane::Log;
    let Some((from, _)) = histogram::stretch(&whole, whole.cursor) else {
        return Vec::new();
    };
    // First the lines get their room: what is asked for there must be the last question.
    let mut cmds = turn(model, View::Logs);
    cmds.extend(on_viewer(model, |viewer| {
        viewer.go(Goal::Moment(from), false)
    }));
    cmds.extend(told(model, Vec::new(), now));
    cmds
}

/// Chooses another environment: the other one, or one of a list.
fn other(model: &mut Model, now: Moment) -> Vec<Cmd> {
    let all: Vec<EnvName> = environments(model);
    let shown = model.tail.as_ref().map(|tail| tail.env.clone());
    let at = all.iter().position(|env| Some(env) == shown.as_ref());
    if all.len() < 2 {
        let said = "there is no other environment";
        model.notice = Some((Notice::line(said), now));
        return Vec::new();
    }
    let cursor = at.map_or(0, |at| (at + 1) % all.len());
    push(model, Dialog::Environments { cursor }, now);
    Vec::new()
}

/// The environments of the checklist, in its order.
pub(super) fn environments(model: &Model) -> Vec<EnvName> {
    let all = model.overview.iter();
    let all = all.flat_map(|overview| &overview.environments);
    all.map(|env| env.env.clone()).collect()
}

/// Follows the environment that was chosen in the list.
pub(super) fn choose(model: &mut Model, cursor: usize, now: Moment) -> Vec<Cmd> {
    model.dialogs.pop();
    let Some(env) = environments(model).into_iter().nth(cursor) else {
        return Vec::new();
    };
    let is_shown = |tail: &TailView| tail.env == env;
    let cmds = if model.tail.as_ref().is_some_and(is_shown) {
        Vec::new()
    } else {
        follow(model, env, now)
    };
    if let Some(tail) = &mut model.tail {
        tail.chosen = true;
    }
    cmds
}

/// The key behind a `.`: shows only the source it names, or all.
pub(super) fn only(model: &mut Model, letter: Option<char>, now: Moment) -> Vec<Cmd> {
    model.names_source = false;
    model.notice = None;
    let owner = |letter| {
        let owners = &model.viewer()?.labels().owners;
        let mut owners = owners.iter();
        let named = owners.find(|(_, label)| label.letter == Some(letter));
        named.map(|(owner, _)| *owner)
    };
    match letter {
        None => Vec::new(),
        Some('.') => on_viewer(model, |viewer| viewer.only(None)),
        Some(letter) => {
            if let Some(source) = owner(letter) {
                return on_viewer(model, |viewer| viewer.only(Some(source)));
            }
            let said = format!("no source has the letter {letter}");
            model.notice = Some((Notice::line(said), now));
            Vec::new()
        }
    }
}

/// Tells all about the source under the cursor.
fn about(model: &mut Model, now: Moment) {
    let Some(tail) = &model.tail else {
        return;
    };
    let Some(source) = tail.sources.get(tail.cursor) else {
        return;
    };
    let title = format!("{} {}", source.source.host, source.source.log.name);
    let lines = all_about(source);
    let scroll = 0;
    let dialog = Dialog::Message {
        title,
        lines,
        scroll,
    };
    push(model, dialog, now);
}

fn all_about(now: &SourceNow) -> Vec<String> {
    use crate::domain::checklist::Followed;
    let mut lines = match &now.state {
        SourceState::Opening => vec!["it is being opened".to_owned()],
        SourceState::Waiting { why } => vec![
            why.clone(),
            "it is followed as soon as it is there".to_owned(),
        ],
        SourceState::Live => vec![format!("{} lines a second", sources::per_second(now.rate))],
        SourceState::Lost { why, retry_in } => vec![
            why.clone(),
            format!(
                "next try in {}; nothing of a file is lost meanwhile",
                words::span(retry_in.as_secs_f64())
            ),
        ],
        SourceState::Failed { why, help } => {
            let help = help.iter().flat_map(|help| help.lines().map(str::to_owned));
            let again = "r on the logs screen tries again".to_owned();
            let why = std::iter::once(why.clone());
            why.chain(help).chain([String::new(), again]).collect()
        }
        SourceState::Ended => vec!["all of it was read, and it has ended".to_owned()],
    };
    lines.push(String::new());
    lines.push(match &now.source.log.what {
        Followed::Run(line) => format!("runs     {line}"),
        Followed::File(path) => format!("follows  {path}"),
    });
    if let Some((skew, exact)) = now.skew_s {
        lines.push(format!(
            "clock    {skew:+.1} s against this machine, exact to {exact:.1} s"
        ));
    }
    lines
}

/// Tells the viewer of the logs how much room it has, and asks again when the operator comes back to it.
pub(super) fn turn(model: &mut Model, before: View) -> Vec<Cmd> {
    if model.view != View::Logs {
        return Vec::new();
    }
    let is_card = panes::is_card(model.size);
    let size = viewer_size(model);
    on_viewer(model, |viewer| {
        viewer.set_card(is_card);
        let mut wishes = size.map_or_else(Vec::new, |(width, height)| viewer.resize(width, height));
        if wishes.is_empty() && before != View::Logs {
            wishes.push(viewer.refresh());
        }
        wishes
    })
}
