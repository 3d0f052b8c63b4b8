//! Locks and runs as home, the plan and the attention line tell them: who has what, and what to do next.

use std::time::Duration;

use golive::domain::feed::LockNews;
use golive::domain::lock::{Busy, KeptAt, Remains};
use golive::domain::overview::Overview;
use golive::ui::msg::Owner;

use super::decisions::{lock, locked};
use super::*;

/// The lock of production is held for the unfinished run that the overview lists first.
fn held_for_own_run() -> (Overview, Busy) {
    let mut overview = fixture::overview();
    let mut busy = fixture::busy();
    if let Some(holder) = &mut busy.holder {
        holder.by = "ana@laptop".into();
        holder.run = Some(overview.runs[0].run.clone());
        holder.reason = None;
    }
    let places = &mut overview.environments[1].lock.as_mut().unwrap().places;
    places[1].1 = KeptAt::Held(busy.clone());
    (overview, busy)
}

#[test]
fn home_names_who_drives_an_unfinished_run() {
    let mut model = home();
    let mut overview = fixture::overview();
    overview.runs[0].owned = true;
    overview.runs[0].driver = Some("background runner, pid 4711, ana@laptop".into());
    tell(&mut model, Msg::Overview(Box::new(overview)), 60);
    check("home-driven", &model, 60);
}

#[test]
fn a_lock_of_an_unfinished_run_of_this_machine_is_told_as_such() {
    let (overview, busy) = held_for_own_run();
    let mut model = home();
    tell(&mut model, Msg::Overview(Box::new(overview.clone())), 60);
    check("home-own-lock", &model, 60);
    let mut story = locked();
    tell(
        &mut story.model,
        Msg::Overview(Box::new(overview)),
        story.now,
    );
    lock(&mut story.model, LockNews::Busy(Box::new(busy)), story.now);
    check("locked-own", &story.model, story.now + 1);
}

#[test]
fn a_plan_tells_before_its_start_who_has_a_lock_it_needs() {
    let mut model = Story::planned().model;
    let mut overview = fixture::overview();
    let places = &mut overview.environments[1].lock.as_mut().unwrap().places;
    places[1].1 = KeptAt::Held(fixture::busy());
    tell(&mut model, Msg::Overview(Box::new(overview)), 1);
    check("run-planned-locked", &model, 2);
}

#[test]
fn what_a_run_waits_for_at_a_lock_is_one_sentence_with_a_time() {
    let mut story = locked();
    let (model, now) = (&mut story.model, story.now);
    let left = |host: &str| Remains {
        host: host.into(),
        attempts: vec![
            "r20261120-2118-q7_7be1f0c2.production_migrate_web1-0123456789abcdef.1".into(),
        ],
    };
    let remains = vec![left("web1"), left("web2")];
    lock(model, LockNews::Occupied(remains), now);
    check("lock-occupied", model, now + 75);
    let why = "web1 does not answer: connection timed out".to_owned();
    let retry_in = Duration::from_secs(8);
    lock(model, LockNews::Failed { why, retry_in }, now + 80);
    check("lock-failed", model, now + 83);
}

#[test]
fn a_failed_run_that_nobody_drives_is_gone_on_with_on_a_phone_too() {
    let mut story = Story::planned();
    story.failed();
    let model = fixture::opened(&story, Owner::Nobody);
    let keys = |(width, height): (u16, u16)| {
        let shown = text(&model, width, height, story.now);
        let last = shown.lines().rev().take(2).collect::<Vec<_>>();
        last.join("\n")
    };
    assert!(keys((120, 36)).contains("R go on with this run"));
    let small = keys((40, 12));
    assert!(small.contains("R go on"), "{small}");
}
