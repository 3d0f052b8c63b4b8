//! Past releases: keys, what is heard of them, and what is to be asked next.
//!
//! Everything on this screen looks, except `D` and `B`, and these two only have a plan made.

use super::back;
use super::moves::shift;
use crate::domain::id::RunId;
use crate::domain::log::Pattern;
use crate::domain::overview::Overview;
use crate::domain::release::{as_said, full_name};
use crate::domain::run::Moment;
use crate::ui::bays::{self, WIDE};
use crate::ui::keymap::Act;
use crate::ui::model::{AskedFor, Model, Stirred, View};
use crate::ui::msg::{Cmd, Notice, Owner, ReleaseNews};
use crate::ui::panes;
use crate::ui::shelf::{Row, Shelf, Tab};
use crate::ui::theme::Shade;

/// Takes what was heard about past releases; what it is not about comes back.
pub(super) fn hear(model: &mut Model, news: ReleaseNews) -> Option<ReleaseNews> {
    let shelf = &mut model.shelf;
    match news {
        ReleaseNews::Catalog(catalog) => shelf.take(catalog),
        ReleaseNews::Trouble(why) => shelf.trouble = Some(why),
        ReleaseNews::Filled(releases) => shelf.fill(releases),
        ReleaseNews::Subjects(told) => shelf.tell(&told),
        ReleaseNews::Shown(detail) => shelf.show(*detail),
        ReleaseNews::Diff { serial, diff } => shelf.differs(serial, diff),
        ReleaseNews::Tools(installed) => shelf.drawing.installed = installed,
        ReleaseNews::Drawn { serial, drawn } => shelf.drawing.take(serial, drawn),
        ReleaseNews::Found { serial, tags } => shelf.found(serial, tags),
        news => return Some(news),
    }
    None
}

/// The project has changed.
pub(super) fn stirred(model: &mut Model, refs: bool) -> Vec<Cmd> {
    let stirred = if refs { Stirred::Refs } else { Stirred::Runs };
    model.stirred = model.stirred.max(stirred);
    Vec::new()
}

/// What has changed is looked at again as soon as a screen shows it. A run that is driven here says by itself
/// what it does, and at its end all is looked at.
pub(super) fn look_again(model: &mut Model) -> Vec<Cmd> {
    let shows = matches!(model.view, View::Home | View::Releases | View::Hosts);
    if model.stirred == Stirred::Nothing || !shows || model.drives() {
        return Vec::new();
    }
    if model.stirred == Stirred::Refs {
        model.shelf.asking.again();
    }
    model.stirred = Stirred::Nothing;
    vec![Cmd::Refresh]
}

/// The project was looked at again: when what is live or checked out has changed, or what became of a run, so have the
/// releases. When others did it, hosts are asked again what they run, and who holds locks.
pub(super) fn gathered(model: &mut Model, overview: &Overview) -> Vec<Cmd> {
    let now = told_by(overview);
    let listed = model.shelf.catalog().zip(overview.repository.as_ref());
    let is_listed = listed.is_none_or(|(catalog, repository)| {
        let live = catalog.live.as_ref().map(|live| &live.commit);
        catalog.head == repository.head && live == repository.live.as_ref()
    });
    let known = model.overview.as_ref().map(|known| told_by(known).over);
    if known.is_some_and(|over| over != now.over) || !is_listed {
        model.shelf.asking.again();
    }
    // The console asks once when it opens; at the end of a run that is driven here all is known that it changed.
    let Some(asked) = &mut model.asked_for else {
        model.asked_for = Some(now);
        return Vec::new();
    };
    let is_the_same = asked.live == now.live && now.over.is_subset(&asked.over);
    if is_the_same || model.drives() {
        return Vec::new();
    }
    model.asked_for = Some(now);
    vec![Cmd::ProbeHosts]
}

/// A run that was driven here is over, and hosts are asked what they run: for what it left.
pub(super) fn ended(model: &mut Model) {
    let (Some(view), Some(asked)) = (&model.run, &mut model.asked_for) else {
        return;
    };
    if view.owner != Owner::Here {
        return;
    }
    asked.over.insert(end_of(&view.state.run, view.state.ended));
    if let Some(tag) = view.state.tag.as_ref().filter(|tag| tag.live.is_some()) {
        asked.live = Some(tag.commit.clone());
    }
}

/// What an overview says that hosts are asked for.
fn told_by(overview: &Overview) -> AskedFor {
    let repository = overview.repository.as_ref();
    let over = overview.runs.iter().filter(|run| run.outcome.is_some());
    AskedFor {
        live: repository.and_then(|found| found.live.clone()),
        over: over.map(|run| end_of(&run.run, run.ended)).collect(),
    }
}

/// A run with the second of its end.
fn end_of(run: &RunId, ended: Option<Moment>) -> (RunId, Option<i64>) {
    (run.clone(), ended.map(|at| at.timestamp()))
}

/// After every message: what shows stays in sight, and what is not known of it is asked for.
pub(super) fn turn(model: &mut Model, now: Moment) -> Vec<Cmd> {
    if model.view != View::Releases {
        return Vec::new();
    }
    let shelf = &mut model.shelf;
    let room = bays::room(model.size, shelf);
    if room.list > 0 {
        let least = (shelf.cursor + 1).saturating_sub(room.list);
        shelf.top = shelf.top.clamp(least, shelf.cursor.max(least));
    }
    let light = match model.theme.shade() {
        Shade::Light => Some(true),
        Shade::Dark => Some(false),
        Shade::Any => None,
    };
    let shows_diff = room.part == Some(Tab::Diff);
    let mut wishes = shelf.ask(room.list, shows_diff, now);
    if shows_diff {
        wishes.extend(shelf.ask_drawing(room.size.0, light));
    }
    wishes.into_iter().map(Cmd::Releases).collect()
}

/// Moves the cursor of the pane that has the keys.
pub(super) fn walk(model: &mut Model, by: i64) {
    let room = bays::room(model.size, &model.shelf);
    let commits = commits(model);
    let shelf = &mut model.shelf;
    match shelf.focus() {
        // A move to the end is kept until there is a list, one to the beginning takes that back.
        None if shelf.catalog().is_none() => shelf.wants_end = by > i64::from(u16::MAX),
        None => {
            let to = shift(shelf.cursor, by, shelf.len());
            shelf.go_to(to);
        }
        Some(Tab::Commits) => {
            shelf.commit = shift(shelf.commit, by, commits);
            shelf.of_commit = true;
            shelf.range = None;
        }
        Some(Tab::Diff) => {}
        Some(tab) => {
            let rows = bays::lay(&shelf.facts(tab, &model.versions), room.size.0).len();
            let most = rows.saturating_sub(usize::from(room.size.1));
            shelf.scroll = shift(shelf.scroll, by, most + 1);
        }
    }
}

/// How many commits are listed of what is selected.
fn commits(model: &Model) -> usize {
    match model.shelf.selected_row() {
        Some(Row::Branch) => {
            let next = model
                .overview
                .as_ref()
                .and_then(|known| known.next.as_ref());
            next.map_or(0, |next| next.commits.len())
        }
        _ => model
            .shelf
            .detail()
            .map_or(0, |detail| detail.commits.len()),
    }
}

/// Does what a key says on the screen of past releases; `None` = it means nothing special here.
pub(super) fn act(model: &mut Model, act: Act, now: Moment) -> Option<Vec<Cmd>> {
    if model.view != View::Releases || !model.dialogs.is_empty() {
        return None;
    }
    if let Some(cmds) = in_diff(model, act, now) {
        return Some(cmds);
    }
    let is_wide = model.size.0 >= WIDE;
    let shelf = &mut model.shelf;
    match act {
        Act::FocusOn | Act::FocusBack => focus(shelf, act == Act::FocusBack, is_wide),
        Act::TabOn | Act::TabBack => {
            turn_tab(shelf, act == Act::TabBack, is_wide);
            // Only one of the two shows on a phone: the pane that was asked for.
            shelf.list &= !panes::is_card(model.size);
        }
        Act::Zoom => shelf.zoom = !shelf.zoom,
        Act::Graph => shelf.graph = !shelf.graph,
        Act::Next | Act::Previous => {
            let by = if act == Act::Next { 1 } else { -1 };
            walk(model, by);
        }
        Act::Refresh => return Some(refresh(model)),
        Act::Choose => choose(model, now),
        Act::Compare => {
            if let Some(range) = shelf.comparable() {
                shelf.range = Some(range);
                show(shelf, Tab::Diff);
            }
        }
        Act::Changes => {
            shelf.range = None;
            shelf.of_commit = shelf.focus() == Some(Tab::Commits);
            show(shelf, Tab::Diff);
        }
        Act::Open => return Some(open(model, now)),
        Act::Close => close(shelf),
        Act::Copy => return Some(copy(model)),
        Act::Browser => return Some(browse(model)),
        Act::Log => return Some(log(model)),
        Act::Deploy => return Some(deploy(model, now)),
        Act::Rollback => {
            // Going back from what is live, or from the branch, leads to the release before.
            let older = shelf.selected().filter(|release| !release.live);
            let tag = older.map(|release| release.tag.clone());
            return Some(back::ask(model, tag, now));
        }
        Act::Editor => return Some(vec![Cmd::EditChecklist { line: 0 }]),
        _ => return None,
    }
    Some(Vec::new())
}

/// Keys that only golive's own diff understands.
const IN_DIFF: [Act; 7] = [
    Act::Next,
    Act::Previous,
    Act::SectionOn,
    Act::SectionBack,
    Act::Open,
    Act::Wrap,
    Act::Copy,
];

/// The keys of the diff, while it has them.
fn in_diff(model: &mut Model, act: Act, now: Moment) -> Option<Vec<Cmd>> {
    let own = matches!(
        act,
        Act::TabOn | Act::TabBack | Act::FocusOn | Act::FocusBack | Act::Zoom
    );
    if own || model.shelf.focus() != Some(Tab::Diff) {
        return None;
    }
    let size = bays::room(model.size, &model.shelf).size;
    let tool = model.shelf.drawn_by();
    if act == Act::Sides {
        model.shelf.diff()?;
        model.shelf.turn_form(size.0);
        return Some(Vec::new());
    }
    let Some(tool) = tool else {
        return model.shelf.diff_mut()?.act(act, size);
    };
    if model.shelf.drawing.act(act, size.1) {
        return Some(Vec::new());
    }
    // Of what others draw it is not known where files and changes are.
    if !IN_DIFF.contains(&act) {
        return None;
    }
    let said = format!(
        "not in what {} draws: | leads to golive's own diff",
        tool.word()
    );
    model.notice = Some((Notice::line(said), now));
    Some(Vec::new())
}

/// Gives the keys to the next pane, or the one before.
fn focus(shelf: &mut Shelf, back: bool, is_wide: bool) {
    let is_part = shelf.focus().is_some_and(|tab| tab != Tab::Commits);
    match (is_wide, shelf.focus(), back) {
        (true, None, false) => show(shelf, Tab::Commits),
        (true, Some(Tab::Commits), false) | (true, None, true) => show(shelf, shelf.part),
        (true, Some(_), true) if is_part => show(shelf, Tab::Commits),
        (false, None, _) => show(shelf, shelf.tab),
        _ => shelf.list = true,
    }
}

/// Shows the next pane beside the list, or the one before.
fn turn_tab(shelf: &mut Shelf, back: bool, is_wide: bool) {
    // Where the commits have a pane of their own only the others take turns.
    let tabs = if is_wide && !shelf.zoom {
        &Tab::ALL[1..]
    } else {
        &Tab::ALL[..]
    };
    let shown = if is_wide && !shelf.zoom {
        shelf.part
    } else {
        shelf.tab
    };
    let at = tabs.iter().position(|tab| *tab == shown).unwrap_or(0);
    let step = if back { tabs.len() - 1 } else { 1 };
    let next = tabs[(at + step) % tabs.len()];
    let list = shelf.list;
    show(shelf, next);
    shelf.list = list;
}

/// Shows a pane and gives it the keys.
fn show(shelf: &mut Shelf, tab: Tab) {
    if shelf.tab != tab {
        shelf.scroll = 0;
    }
    shelf.tab = tab;
    shelf.list = false;
    if tab != Tab::Commits {
        shelf.part = tab;
    }
}

fn refresh(model: &mut Model) -> Vec<Cmd> {
    model.shelf.asking.again();
    vec![Cmd::Refresh, Cmd::ProbeHosts]
}

/// Marks the release under the cursor, or unmarks it.
fn choose(model: &mut Model, now: Moment) {
    let Some(tag) = model.shelf.selected().map(|release| release.tag.clone()) else {
        return;
    };
    let said = if model.shelf.marked.as_ref() == Some(&tag) {
        model.shelf.marked = None;
        format!("{tag} is not marked any more")
    } else {
        model.shelf.marked = Some(tag.clone());
        format!("{tag} is marked: = on another release compares the two")
    };
    model.notice = Some((Notice::line(said), now));
}

/// Opens what is marked: a release its commits, a commit its diff, a run its log.
fn open(model: &mut Model, now: Moment) -> Vec<Cmd> {
    let shelf = &mut model.shelf;
    match shelf.focus() {
        None if !shelf.is_empty() => show(shelf, Tab::Commits),
        Some(Tab::Commits) => {
            (shelf.of_commit, shelf.range) = (true, None);
            show(shelf, Tab::Diff);
        }
        Some(Tab::Runs) => {
            use crate::ui::available::availability;
            use crate::ui::model::Availability;
            return match availability(model, Act::Log) {
                Availability::On => log(model),
                Availability::Off(why) => {
                    model.notice = Some((Notice::line(why), now));
                    Vec::new()
                }
                Availability::Elsewhere => Vec::new(),
            };
        }
        _ => {}
    }
    Vec::new()
}

/// One step back: zoom, comparison, the pane, what was looked for.
fn close(shelf: &mut Shelf) {
    if shelf.zoom {
        shelf.zoom = false;
    } else if shelf.range.is_some() {
        shelf.range = None;
    } else if !shelf.list {
        shelf.list = true;
        shelf.of_commit = false;
    } else if !shelf.find.is_empty() {
        shelf.find.clear();
        shelf.looked_for();
    } else {
        shelf.marked = None;
    }
}

/// The commit that is marked: that of the list, or the one in the commits.
fn marked(model: &Model) -> Option<crate::domain::id::Commit> {
    let shelf = &model.shelf;
    if shelf.focus() == Some(Tab::Commits) {
        let lines: Option<&crate::domain::overview::CommitLine> = match shelf.selected_row()? {
            Row::Branch => {
                let next = model.overview.as_ref()?.next.as_ref()?;
                next.commits.get(shelf.commit)
            }
            Row::Release(_) => {
                let commits = &shelf.detail()?.commits;
                commits.get(shelf.commit).map(|commit| &commit.line)
            }
        };
        return lines.map(|line| line.commit.clone());
    }
    match shelf.selected_row()? {
        Row::Branch => shelf.catalog()?.head.clone(),
        Row::Release(place) => Some(shelf.release(place)?.commit.clone()),
    }
}

fn copy(model: &Model) -> Vec<Cmd> {
    let commit = marked(model);
    commit
        .map(|commit| Cmd::Copy(commit.to_string()))
        .into_iter()
        .collect()
}

fn browse(model: &Model) -> Vec<Cmd> {
    marked(model).map(Cmd::Browse).into_iter().collect()
}

/// Opens the run that made the release.
fn log(model: &mut Model) -> Vec<Cmd> {
    let run = model
        .shelf
        .selected()
        .and_then(|release| release.run.clone());
    let Some(run) = run else {
        return Vec::new();
    };
    model.busy = Some(format!("reading {run}"));
    vec![Cmd::OpenRun(run)]
}

/// Has the plan made that brings the marked release, or the branch, out again.
fn deploy(model: &mut Model, now: Moment) -> Vec<Cmd> {
    let reference = match model.shelf.selected() {
        Some(release) => full_name(&release.tag),
        None => model.reference.clone(),
    };
    model.busy = Some(format!("making the plan for {}", as_said(&reference)));
    model.guard.restart(now);
    vec![Cmd::PrepareDeploy { reference }]
}

/// `/` outside of the diff: what is typed next is looked for among the releases. True = it was taken.
pub(super) fn finds(model: &mut Model) -> bool {
    let is_here = model.view == View::Releases && model.dialogs.is_empty();
    let in_diff = model.shelf.focus() == Some(Tab::Diff) && model.shelf.diff().is_some();
    if is_here && !in_diff {
        model.shelf.typing = true;
        model.shelf.list = true;
        if model.shelf.zoom {
            model.shelf.zoom = false;
        }
    }
    is_here && !in_diff
}

/// What is looked for was typed on.
pub(super) fn typed(model: &mut Model) {
    if model.view == View::Releases && model.shelf.typing && model.dialogs.is_empty() {
        model.shelf.looked_for();
    }
}

/// Nothing is looked for any more.
pub(super) fn clear(model: &mut Model) {
    model.shelf.typing = false;
    model.shelf.find.clear();
    model.shelf.looked_for();
}

/// Looks for a text in the diff. False = it is not the diff that is searched.
pub(super) fn search(model: &mut Model, pattern: Option<&Pattern>) -> bool {
    if model.view != View::Releases {
        return false;
    }
    let size = bays::room(model.size, &model.shelf).size;
    // Only golive's own can be searched.
    model.shelf.drawing.tool = None;
    if let Some(view) = model.shelf.diff_mut() {
        view.search(pattern, size);
    }
    true
}
