//! Availability: which actions can be done now, and why the others cannot.
//!
//! One answer for keys, the palette and the action line, so that no screen offers what would be refused.

use super::choices;
use super::keymap::{Act, Place};
use super::model::{Availability, Dialog, HomePanel, Model, RunView, View};
use super::msg::Owner;
use super::shelf::{Shelf, Tab};
use super::tail::LogsPane;
use crate::domain::catalog::{Catalog, Release};
use crate::domain::feed::LockNews;
use crate::domain::id::EnvName;
use crate::domain::run::progress::{self, Need};
use crate::domain::run::{Outcome, RunStatus};

/// The places whose keys hold now, the innermost first.
pub fn places(model: &Model) -> Vec<Place> {
    places_with(model, model.dialogs.last())
}

/// The places whose keys hold once the help that lies over them is closed.
pub fn places_below_help(model: &Model) -> Vec<Place> {
    let is_help = |dialog: &&Dialog| matches!(dialog, Dialog::Help { .. });
    places_with(model, model.dialogs.iter().rev().find(|one| !is_help(one)))
}

fn places_with(model: &Model, dialog: Option<&Dialog>) -> Vec<Place> {
    if let Some(dialog) = dialog {
        return match dialog {
            Dialog::Ask { .. } => vec![Place::Ask, Place::All],
            Dialog::Failure { .. } | Dialog::Interrupted { .. } => vec![Place::Failure, Place::All],
            Dialog::Locked { .. } => vec![Place::Locked, Place::All],
            Dialog::Abort { .. } => vec![Place::Abort, Place::All],
            Dialog::Leave => vec![Place::Leave, Place::All],
            Dialog::Filters { .. } => vec![Place::Filters, Place::All],
            Dialog::Prompt(_) => vec![Place::Prompt, Place::All],
            _ => vec![Place::All],
        };
    }
    match model.view {
        View::Home => vec![Place::Home, Place::All],
        View::Hosts => vec![Place::Hosts, Place::All],
        View::Releases if model.shelf.focus() == Some(Tab::Diff) => {
            vec![Place::Diff, Place::Releases, Place::All]
        }
        View::Releases => vec![Place::Releases, Place::All],
        View::Logs => match model.tail.as_ref().map(|tail| tail.pane) {
            Some(LogsPane::Sources) => {
                vec![Place::Sources, Place::Log, Place::Logs, Place::All]
            }
            _ => vec![Place::Log, Place::Logs, Place::All],
        },
        View::Gate => vec![Place::Gate, Place::All],
        View::Run => match model.run.as_ref().map(|run| run.pane) {
            Some(super::model::Pane::Log) => vec![Place::Log, Place::Run, Place::All],
            _ => vec![Place::Run, Place::All],
        },
    }
}

/// Whether an action can be done now.
pub fn availability(model: &Model, act: Act) -> Availability {
    let off = |why: &str| Availability::Off(why.to_owned());
    let run = model.run.as_ref();
    if let Some(said) = of_releases(model, act) {
        return said;
    }
    if let Some(said) = of_logs(model, act) {
        return said;
    }
    match act {
        Act::Deploy if model.busy.is_some() => off("the plan is being made"),
        Act::Deploy if model.drives() => off("a run is going on; 1 shows it"),
        Act::Rollback => rollback(model),
        Act::Resume => resume(model),
        // The same key goes on with the run as a whole where no step of it can be decided about.
        Act::Retry if model.view == View::Run && run.is_some_and(can_go_on) => {
            Availability::Elsewhere
        }
        Act::Follow if run.is_some_and(|run| run.follow && run.log.follows()) => {
            off("it follows already")
        }
        Act::ScreenRun if run.is_none() => off("there is no run on screen; D plans one"),
        Act::Difference if run.is_none_or(|run| run.differs.is_empty()) => {
            if run.is_some() {
                off("nothing differs, as far as is known")
            } else {
                off("there is no run on screen")
            }
        }
        Act::Start
        | Act::Pause
        | Act::Continue
        | Act::Abort
        | Act::Retry
        | Act::Skip
        | Act::CountAsDone
        | Act::LeaveOut => run.map_or_else(
            || off("there is no run on screen"),
            |run| match on_run(run, act) {
                Availability::On => on_tasks(model, run, act),
                why => why,
            },
        ),
        Act::TryLock | Act::Steal
            if !matches!(choices::top(model), Some(Dialog::Locked { .. })) =>
        {
            off("no lock is wanted that somebody else has")
        }
        Act::Stop | Act::Kill | Act::KeepLock
            if !matches!(choices::top(model), Some(Dialog::Abort { .. })) =>
        {
            off("A opens the menu it is in")
        }
        Act::KeepLock if run.is_none_or(|run| run.state.locks.is_empty()) => {
            off("the run holds no lock now")
        }
        Act::Yes | Act::No if !matches!(choices::top(model), Some(Dialog::Ask { .. })) => {
            let shows = match model.view {
                View::Gate => true,
                View::Run => run.is_some_and(is_asked),
                _ => false,
            };
            if shows && act == Act::Yes {
                Availability::On
            } else {
                off("no question is open")
            }
        }
        Act::Leave if !matches!(choices::top(model), Some(Dialog::Leave)) => {
            off("q asks first when a run is going on")
        }
        _ => Availability::On,
    }
}

/// Whether what can be done with past releases can be done; `None` = it is not about them.
fn of_releases(model: &Model, act: Act) -> Option<Availability> {
    let off = |why: &str| Some(Availability::Off(why.to_owned()));
    let is_here = model.view == View::Releases;
    let shelf = &model.shelf;
    match act {
        Act::Graph | Act::Changes | Act::Choose | Act::Compare | Act::Browser if !is_here => {
            off("3 shows past releases")
        }
        _ if !is_here => None,
        Act::Search | Act::Next | Act::Previous | Act::Zoom => Some(Availability::On),
        Act::Wrap | Act::Sides if shelf.diff().is_some() => Some(Availability::On),
        Act::Choose | Act::Log if shelf.selected().is_none() => off("no release is marked"),
        Act::Log => {
            let is_here = shelf.detail().is_some_and(|detail| detail.run_is_here);
            match (shelf.selected().map(|release| &release.run), is_here) {
                (_, true) => Some(Availability::On),
                (Some(None), _) => off("golive has no record of how it was released"),
                _ => off("the record of its run is not on this machine"),
            }
        }
        Act::Compare if shelf.comparable().is_none() => {
            off("there is nothing to compare it with: v marks another release")
        }
        Act::Changes | Act::Browser | Act::Compare if shelf.is_empty() => {
            off("there is no release")
        }
        Act::Deploy | Act::Copy if shelf.selected_row().is_none() => off("there is no release"),
        Act::Rollback => back_to(shelf),
        Act::Resume => Some(Availability::Elsewhere),
        _ => None,
    }
}

/// Whether it can be asked what going back to the marked release would mean; `None` = nothing on this screen is against
/// it.
fn back_to(shelf: &Shelf) -> Option<Availability> {
    let off = |why: &str| Some(Availability::Off(why.to_owned()));
    match (shelf.catalog(), shelf.selected()) {
        (None, _) => off("past releases are not known yet"),
        (Some(catalog), _) if catalog.releases.is_empty() => off("nothing was released yet"),
        (_, Some(release)) if release.bad.is_some() => {
            off("it was left by a rollback: it is never gone back to")
        }
        (Some(catalog), Some(release)) if !release.live && is_live(catalog, release) => {
            off("its commit is what is live now")
        }
        (Some(catalog), Some(release)) if is_newer(catalog, release) => {
            off("it is newer than what is live: D deploys it")
        }
        _ => None,
    }
}

/// Whether what a release brought is what is live.
fn is_live(catalog: &Catalog, release: &Release) -> bool {
    let live = catalog.live.as_ref();
    live.is_some_and(|live| live.commit == release.commit)
}

/// Whether a release stands above what is live in the list.
fn is_newer(catalog: &Catalog, release: &Release) -> bool {
    let mut above = catalog.releases.iter().take_while(|above| !above.live);
    let has_live = catalog.releases.iter().any(|release| release.live);
    has_live && above.any(|above| above.tag == release.tag)
}

/// Whether what a log can do can be done; `None` = it is not about logs, or nothing special is to be said.
fn of_logs(model: &Model, act: Act) -> Option<Availability> {
    let off = |why: &str| Some(Availability::Off(why.to_owned()));
    let tail = model.tail.as_ref().filter(|_| model.view == View::Logs);
    match act {
        Act::Toggle | Act::Delete | Act::LevelUp | Act::LevelDown => {
            let is_list = matches!(model.dialogs.last(), Some(Dialog::Filters { .. }));
            let in_sources = tail.is_some_and(|tail| tail.pane == LogsPane::Sources);
            let is_on = is_list || (act == Act::Toggle && in_sources && model.dialogs.is_empty());
            let said = if is_on {
                Availability::On
            } else {
                Availability::Elsewhere
            };
            Some(said)
        }
        Act::Regex => Some(Availability::Elsewhere),
        Act::Search
        | Act::Next
        | Act::Previous
        | Act::NextError
        | Act::PreviousError
        | Act::Gap
        | Act::Keep
        | Act::Drop
        | Act::Filters
        | Act::FiltersOff
        | Act::ContextMore
        | Act::ContextFewer
        | Act::Unfold
        | Act::Only
        | Act::Wrap
        | Act::Time
        | Act::Clear
        | Act::SetMark
        | Act::NextMark
        | Act::Select
        | Act::Save
            if model.viewer().is_none() =>
        {
            off("there is no log on this screen; 2 shows those of servers")
        }
        Act::Sides => off("it is for a diff, on the screen of past releases"),
        Act::Histogram | Act::Environment if tail.is_none() => off("2 shows the logs of servers"),
        Act::Difference if tail.is_some() => Some(Availability::Elsewhere),
        Act::Follow => tail
            .filter(|tail| tail.viewer.follows())
            .map(|_| Availability::Off("it follows already".to_owned()))
            .or_else(|| tail.map(|_| Availability::On)),
        _ => None,
    }
}

/// Whether a decision about tasks would be granted for those that are looked at.
fn on_tasks(model: &Model, run: &RunView, act: Act) -> Availability {
    if !matches!(
        act,
        Act::Retry | Act::Skip | Act::CountAsDone | Act::LeaveOut
    ) {
        return Availability::On;
    }
    match choices::open_decision(model) {
        Some((tasks, spot)) => choices::refusal(run, act, spot.of(tasks), &model.by)
            .map_or(Availability::On, Availability::Off),
        None if act == Act::Retry => Availability::On,
        None if act == Act::LeaveOut => {
            choices::lost_refusal(model, run).map_or(Availability::On, Availability::Off)
        }
        None => Availability::Off("R shows what waits for a decision".to_owned()),
    }
}

/// Going back begins where nothing else is going on.
fn rollback(model: &Model) -> Availability {
    let off = |why: &str| Availability::Off(why.to_owned());
    let open = model.run.as_ref().filter(|_| model.view == View::Run);
    let status = open.map(|run| run.state.status);
    if model.busy.is_some() {
        off("a plan is being made")
    } else if model.drives() {
        off("a run is going on: A ends it, then B goes back")
    } else if !matches!(
        status,
        None | Some(RunStatus::Prepared | RunStatus::Finished(_))
    ) {
        off("the run on screen is not over; R goes on with it")
    } else if model.env_to_roll_back().is_none() {
        off("the checklist has no environment")
    } else {
        Availability::On
    }
}

fn resume(model: &Model) -> Availability {
    match (&model.run, model.view) {
        (Some(run), View::Run | View::Gate) if can_go_on(run) => Availability::On,
        (Some(run), View::Run | View::Gate) => match (run.state.status, &run.owner) {
            (RunStatus::Finished(Outcome::Failed | Outcome::Stopped), Owner::Elsewhere(who)) => {
                Availability::Off(format!("the run is driven by {who}"))
            }
            (RunStatus::Finished(_), _) => Availability::Off("the run is over".into()),
            _ => Availability::Elsewhere,
        },
        (Some(_), _) if model.drives() => Availability::Off("a run is going on; 1 shows it".into()),
        _ if model.to_go_on().is_some() => Availability::On,
        _ if model.home_panel == HomePanel::Recent => {
            Availability::Off("the marked run succeeded: there is nothing to go on with".into())
        }
        _ => Availability::Off("no run is unfinished; Tab to a failed one to go on with it".into()),
    }
}

/// Whether the run on screen can be taken up: nobody drives it, or it ended here, and something is left to do.
fn can_go_on(run: &RunView) -> bool {
    match (&run.owner, run.state.status) {
        (Owner::Elsewhere(_), _)
        | (
            _,
            RunStatus::Prepared | RunStatus::Finished(Outcome::Succeeded | Outcome::RolledBack),
        ) => false,
        (_, RunStatus::Finished(Outcome::Failed | Outcome::Stopped))
        | (Owner::Nobody | Owner::Background(_), _) => true,
        (Owner::Here, _) => false,
    }
}

fn on_run(run: &RunView, act: Act) -> Availability {
    let off = |why: String| Availability::Off(why);
    let status = run.state.status;
    match &run.owner {
        Owner::Elsewhere(who) => {
            return off(format!("the run is driven by {who}; here it is only shown"));
        }
        Owner::Background(_) if !matches!(status, RunStatus::Finished(_)) => {
            return off("the run goes on in the background; R takes it back here".into());
        }
        Owner::Nobody | Owner::Background(_) if !matches!(status, RunStatus::Prepared) => {
            return match status {
                RunStatus::Finished(Outcome::Failed | Outcome::Stopped) => {
                    off("the run is over; R goes on with it".into())
                }
                RunStatus::Finished(_) => off("the run is over".into()),
                _ => off("nobody drives the run; R goes on with it".into()),
            };
        }
        _ => {}
    }
    if run.journal_failed.is_some() {
        return off("the journal cannot be written; q leaves".into());
    }
    let going = matches!(status, RunStatus::Active | RunStatus::Paused);
    match act {
        Act::Start if status == RunStatus::Prepared => Availability::On,
        Act::Start => off("the run was started already".into()),
        Act::Pause if status == RunStatus::Active => Availability::On,
        Act::Continue if status == RunStatus::Paused => Availability::On,
        Act::Continue => off("the run is not paused".into()),
        Act::Abort if going || status == RunStatus::Stopping => Availability::On,
        Act::Retry if going && locked(run).is_some() => Availability::On,
        // Also a host that does not answer can be left out: which is seen where the operator looks.
        Act::LeaveOut if going => Availability::On,
        Act::Retry | Act::Skip | Act::CountAsDone | Act::LeaveOut
            if going && !failed(run).is_empty() =>
        {
            Availability::On
        }
        Act::Retry | Act::Skip | Act::CountAsDone | Act::LeaveOut => {
            off("no step waits for a decision".into())
        }
        _ => off(format!("the run is {}", super::states::word(status))),
    }
}

/// Whether the run driven here waits for the answer to a question.
fn is_asked(run: &RunView) -> bool {
    let is_question = |need: &Need| matches!(need, Need::Answer(_));
    run.owner == Owner::Here && progress::needs(&run.state, false).iter().any(is_question)
}

/// Tasks whose failure or unknown end waits for a decision.
pub fn failed(run: &RunView) -> Vec<crate::domain::id::TaskId> {
    let needs = progress::needs(&run.state, false).into_iter();
    needs
        .flat_map(|need| match need {
            Need::Failure(tasks) | Need::Interrupted(tasks) => tasks,
            _ => Vec::new(),
        })
        .collect()
}

/// The environment whose lock the run wants and somebody else has.
pub fn locked(run: &RunView) -> Option<&EnvName> {
    let mut wanted = run.wanted.iter();
    let busy = wanted.find(|(_, wanted)| matches!(wanted.news, LockNews::Busy(_)));
    busy.map(|(env, _)| env)
}
