//! Going back: what it means is shown first, then its plan; the gate of the environment decides.
//!
//! Nothing here changes a server. The plan opens on the run screen like any other, and waits there for its start.

use std::sync::Arc;

use super::{early, show_run};
use crate::domain::id::RunId;
use crate::domain::plan::{Plan, Rollback};
use crate::domain::run::{Moment, RunState};
use crate::ui::model::{Dialog, GoingBack, Model, RunView};
use crate::ui::msg::{Cmd, Notice, Owner, ReleaseNews};

/// Asks what going back to a release would mean; `None` = to the newest one that can be gone back to.
pub(super) fn ask(model: &mut Model, tag: Option<String>, now: Moment) -> Vec<Cmd> {
    let Some(env) = model.env_to_roll_back() else {
        return Vec::new();
    };
    model.busy = Some(format!("looking what going back in {env} would mean"));
    model.going_back = None;
    model.guard.restart(now);
    vec![Cmd::PrepareRollback { env, tag }]
}

/// Hears what belongs to going back, and what hosts run.
pub(super) fn hear(model: &mut Model, news: ReleaseNews, now: Moment) -> Vec<Cmd> {
    match news {
        ReleaseNews::Versions(versions) => model.versions = versions,
        ReleaseNews::Meaning(meaning) => {
            model.busy = None;
            model.going_back = Some(GoingBack {
                meaning: *meaning,
                prepared: None,
                wanted: false,
            });
            model.dialogs.push(Dialog::Rollback {
                typed: String::new(),
                scroll: 0,
            });
            model.guard.restart(now);
        }
        _ => {}
    }
    Vec::new()
}

/// Whether a plan belongs to the rollback whose meaning is being read.
pub(super) fn waits(model: &Model, plan: &Plan) -> bool {
    let is_read = |dialog: &Dialog| matches!(dialog, Dialog::Rollback { .. });
    // The one asked for before may still be under way, and leads elsewhere.
    let is_it = |rollback: &Rollback| {
        let meaning = model.going_back.as_ref().map(|back| &back.meaning);
        meaning.is_some_and(|meaning| {
            meaning.env == rollback.env
                && meaning.from.commit == rollback.from.commit
                && Some(&meaning.to.commit) == plan.commit.as_ref()
        })
    };
    plan.rollback.as_ref().is_some_and(is_it) && model.dialogs.iter().any(is_read)
}

/// The plan was made: it opens when it is waited for.
pub(super) fn planned(model: &mut Model, prepared: (RunId, Arc<Plan>), now: Moment) -> Vec<Cmd> {
    let Some(back) = &mut model.going_back else {
        return Vec::new();
    };
    back.prepared = Some(prepared);
    if !back.wanted {
        return Vec::new();
    }
    let typed = model.dialogs.iter().rev().find_map(|dialog| match dialog {
        Dialog::Rollback { typed, .. } => Some(typed.trim().to_owned()),
        _ => None,
    });
    show(model, &typed.unwrap_or_default(), now)
}

/// Opens the plan with what was typed as its reason, or as soon as it is there.
pub(super) fn open(model: &mut Model, reason: &str, now: Moment) -> Vec<Cmd> {
    if !model.guard.is_open(now) {
        return early::too_early(model, now);
    }
    match &mut model.going_back {
        Some(back) if back.prepared.is_none() => {
            back.wanted = true;
            let said = "the plan is being made; it opens by itself";
            model.notice = Some((Notice::line(said), now));
            Vec::new()
        }
        _ => show(model, reason, now),
    }
}

fn show(model: &mut Model, reason: &str, now: Moment) -> Vec<Cmd> {
    let prepared = model
        .going_back
        .as_ref()
        .and_then(|back| back.prepared.clone());
    let Some((run, plan)) = prepared else {
        model.dialogs.pop();
        return Vec::new();
    };
    let given = (!reason.is_empty()).then(|| Cmd::GiveReason(reason.to_owned()));
    let view = RunView::new(RunState::new(run, plan), Owner::Here);
    let mut cmds: Vec<Cmd> = given.into_iter().collect();
    cmds.extend(show_run(model, view, now));
    cmds
}
