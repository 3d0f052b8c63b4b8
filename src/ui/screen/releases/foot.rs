//! The rows at the bottom of the releases screen: what users see, what is marked, what can be done with it.

use ratatui::layout::Rect;

use crate::domain::catalog::{Catalog, Release};
use crate::domain::release::as_said;
use crate::domain::run::Moment;
use crate::domain::text::ellipsis;
use crate::ui::available::availability;
use crate::ui::keymap::Act;
use crate::ui::model::{Availability, Model};
use crate::ui::shelf::{Row, Tab};
use crate::ui::widget::bottom::{self, Bottom};
use crate::ui::widget::hints::Hint;
use crate::ui::widget::paint::{Paint, columns, middle, safe};
use crate::ui::words;

/// Below this width the name of what is marked stands elsewhere, and is not said again.
const PHONE: u16 = 60;

/// What is not typed into the field that finds.
const TYPING: &[Hint<'static>] = &[(Act::Close, "all releases"), (Act::Open, "keep these")];

/// Draws them.
pub(super) fn draw(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) {
    let (said, role) = attention(model, area.width.saturating_sub(2), now);
    let (find, copy) = match model.shelf.focus() {
        Some(Tab::Diff) => ("search", "copy"),
        _ => ("find", "copy hash"),
    };
    let branch = model.shelf.selected_row() == Some(Row::Branch);
    let deploy = if branch {
        "deploy it"
    } else {
        "deploy this release"
    };
    let actions: &[Hint<'_>] = &[
        (Act::Deploy, deploy),
        (Act::Rollback, "go back"),
        (Act::Changes, ""),
        (Act::Compare, ""),
        (Act::Log, "log of its run"),
        (Act::Copy, copy),
        (Act::Browser, ""),
    ];
    let keys: &[Hint<'_>] = &[
        (Act::FocusOn, ""),
        (Act::TabOn, "next tab"),
        (Act::Search, find),
        (Act::Zoom, ""),
        (Act::Refresh, ""),
        (Act::ScreenHome, ""),
        (Act::ScreenRun, ""),
        (Act::ScreenLogs, ""),
        (Act::ScreenHosts, ""),
        (Act::Back, ""),
    ];
    let shown = Bottom {
        attention: &[(said.as_str(), role)],
        // Letters that are typed act on nothing, and nothing can be done with what was not found.
        actions: if model.shelf.typing || model.shelf.selected_row().is_none() {
            &[]
        } else {
            actions
        },
        keys: if model.shelf.typing { TYPING } else { keys },
    };
    bottom::draw(paint, area, model, &shown);
}

/// What is said first in `width` columns: what is not as it should be, else what the marked release is.
pub(super) fn attention(model: &Model, width: u16, now: Moment) -> (String, &'static str) {
    let shelf = &model.shelf;
    let short = width < PHONE;
    let Some(catalog) = shelf.catalog() else {
        let said = match &shelf.trouble {
            Some(_) => "r tries again",
            None if short => "reading the tags ..",
            None => "past releases are told by the tags of the repository alone",
        };
        return (said.to_owned(), "attention");
    };
    // Nothing else on the screen says what is compared, and what is not as it should be is there again afterwards.
    if let Some((from, to)) = &shelf.range {
        let from = if from.is_empty() {
            "the beginning"
        } else {
            as_said(from)
        };
        let to = as_said(to);
        let said = if short {
            format!("Esc ends it: {from} to {to}")
        } else {
            format!("comparing {from} with {to}.   Esc: back to what is selected")
        };
        return (said, "attention");
    }
    if let Some(said) = trouble(model, catalog, width) {
        return (said, "state.warn");
    }
    match shelf.selected() {
        Some(release) if short => in_short(release, now),
        Some(release) if release.bad.is_some() => (bad(release, now), "state.fail"),
        Some(release) => (about(model, release, width, now), "attention"),
        None if short => {
            let live = catalog.releases.iter().find(|release| release.live);
            let said = live.map_or_else(
                || "nothing is live yet".to_owned(),
                |release| format!("LIVE {}", middle(&release.tag, 34)),
            );
            (said, "attention")
        }
        None => (live(catalog, now), "attention"),
    }
}

/// What is not as it should be; how many more such things there are.
fn trouble(model: &Model, catalog: &Catalog, width: u16) -> Option<String> {
    let shelf = &model.shelf;
    let mut all: Vec<String> = shelf.trouble.iter().cloned().collect();
    all.extend(crate::domain::catalog::truth::sentences(&model.versions));
    all.extend(catalog.troubles.iter().cloned());
    let first = all.first()?.clone();
    let more = all.len() - 1;
    Some(if more == 0 {
        first
    } else {
        let more = format!("; {more} more");
        // How many more there are is never cut off.
        let room = usize::from(width).saturating_sub(more.len());
        format!("{}{more}", ellipsis(&safe(&first), room))
    })
}

fn bad(release: &Release, now: Moment) -> String {
    let tag = middle(&release.tag, 40);
    let bad = release.bad.as_ref();
    let when = bad.map_or_else(String::new, |bad| words::when(bad.at, now));
    let reason = bad.and_then(|bad| bad.reason.as_deref());
    let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    format!("{tag} was rolled back {when}{reason}")
}

fn about(model: &Model, release: &Release, width: u16, now: Moment) -> String {
    let tag = middle(&release.tag, 40);
    let when = words::when(release.at, now);
    let by = words::user(&release.by);
    if release.live {
        return format!("users see {tag} since {when}, released by {by}");
    }
    let said = format!("{tag} was released {when} by {by}");
    // Where there is room for one of these, it says what can be done next.
    let is_on = |act| availability(model, act) == Availability::On;
    let next: &[&str] = if is_on(Act::Rollback) {
        &[
            "B tells first what going back to it would mean",
            "B: what going back means",
            "B goes back",
        ]
    } else if is_on(Act::Deploy) {
        &["D only makes a plan for it", "D makes a plan"]
    } else {
        &[]
    };
    let room = usize::from(width).saturating_sub(columns(&safe(&said)) + 4);
    let fitting = next.iter().find(|next| columns(next) <= room);
    fitting.map_or_else(|| said.clone(), |next| format!("{said}.   {next}"))
}

/// The same of the marked release for a phone: its name is in sight.
fn in_short(release: &Release, now: Moment) -> (String, &'static str) {
    let when = words::when(release.at, now);
    if let Some(bad) = &release.bad {
        let reason = bad.reason.as_deref().unwrap_or("no reason given");
        return (format!("rolled back: {reason}"), "state.fail");
    }
    let by = words::user(&release.by);
    let live = if release.live { "LIVE " } else { "" };
    (format!("{live}{when} by {by}"), "attention")
}

/// What users see now.
fn live(catalog: &Catalog, now: Moment) -> String {
    let release = catalog.releases.iter().find(|release| release.live);
    match (release, &catalog.live) {
        (Some(release), _) => {
            let when = words::when(release.at, now);
            format!("users see {} since {when}", middle(&release.tag, 40))
        }
        (None, Some(live)) => {
            let commit = live.commit.short();
            format!("{} is on {commit}, which no release names", live.name)
        }
        (None, None) => "nothing was released yet".to_owned(),
    }
}
