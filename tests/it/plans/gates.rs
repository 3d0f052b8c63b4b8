//! What a gate shows: what was done and proven before it, and what will run behind it.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use golive::domain::action::Ending;
use golive::domain::checklist::{Checklist, OnFailure, Order};
use golive::domain::evidence::{EvidenceRow, Verdict, behind, evidence, gate_commands, gate_hosts};
use golive::domain::id::{RunId, TaskId};
use golive::domain::plan::Plan;
use golive::domain::run::{Moment, RunState, TaskStatus};

use super::bench::{With, checklist, env, fleet, host, plan, stage, step};

const PRODUCTION: usize = 2;

fn list() -> Checklist {
    checklist(
        vec![
            env("staging", vec![host("stg", &[])]),
            env("production", fleet(2)),
        ],
        vec![
            step("tests", 60).local(),
            step("code", 5),
            step("warm", 2).change(|step| step.on_failure = OnFailure::Continue),
            step("reload", 1).begins().ends(),
            step("tag", 1).local(),
        ],
        vec![
            stage("Here", "", Order::Lockstep, &["tests"]),
            stage(
                "Staging",
                "staging",
                Order::Lockstep,
                &["code", "warm", "reload"],
            ),
            stage(
                "Production",
                "production",
                Order::Lockstep,
                &["code", "reload", "tag"],
            ),
            stage("After", "production", Order::Lockstep, &["warm"]),
        ],
    )
}

fn at(minutes: i64) -> Moment {
    let start: Moment = "2026-11-20T20:00:00+01:00".parse().unwrap();
    start + TimeDelta::minutes(minutes)
}

/// A run whose tasks before the gate succeeded, one a minute.
fn done(plan: &Plan) -> RunState {
    let mut state = RunState::new(RunId::new("20261120-2000-k3"), Arc::new(plan.clone()));
    for position in 0..state.range(PRODUCTION).start {
        let task = &mut state.tasks[position];
        task.status = TaskStatus::Succeeded;
        task.ended = Some(at(i64::try_from(position).unwrap()));
        task.ending = Some(Ending::Exited(0));
    }
    state
}

fn set(state: &mut RunState, task: &str, status: TaskStatus) {
    let position = state.position(&TaskId::new(task)).unwrap();
    state.tasks[position].status = status;
}

fn row<'a>(rows: &'a [EvidenceRow], check: &str) -> &'a EvidenceRow {
    rows.iter().find(|row| row.check == check).unwrap()
}

fn said(row: &EvidenceRow) -> (Verdict, &str) {
    (row.state, &row.result)
}

#[test]
fn the_gate_shows_what_was_done_and_when() {
    let plan = plan(&list());
    let rows = evidence(&plan, &done(&plan), PRODUCTION, at(4));
    let all: Vec<(Verdict, &str, &str)> = rows
        .iter()
        .map(|row| (row.state, row.check.as_str(), row.result.as_str()))
        .collect();
    let digest = format!("{}, frozen with the run", &plan.digest[..12]);
    assert_eq!(
        all,
        [
            (Verdict::Pass, "Here steps", "1 of 1 ok"),
            (Verdict::Pass, "Staging steps", "3 of 3 ok"),
            (
                Verdict::Pass,
                "same commit as tested",
                "9be0d11 as on staging"
            ),
            (Verdict::Pass, "LIVE now", "3f2a1c0"),
            (Verdict::Pass, "plan", &digest),
        ]
    );
    assert_eq!(rows[0].age, Some(Duration::from_secs(4 * 60)));
    assert_eq!(rows[1].age, Some(Duration::from_secs(60)));
}

#[test]
fn proofs_stand_with_their_step_and_open_its_log() {
    let plan = plan(&list());
    let mut state = done(&plan);
    state.tasks[0].evidence = [("tests".to_owned(), "39".to_owned())].into();
    let rows = evidence(&plan, &state, PRODUCTION, at(4));
    let proof = row(&rows, "Here: tests");
    assert_eq!(said(proof), (Verdict::Pass, "tests 39"));
    assert_eq!(proof.task, Some(TaskId::new("here/tests@local")));
}

#[test]
fn hosts_that_prove_different_things_are_named() {
    let plan = plan(&list());
    let mut state = done(&plan);
    for position in state.range(PRODUCTION) {
        state.tasks[position].status = TaskStatus::Succeeded;
    }
    for (host, version) in [("web1", "1"), ("web2", "2")] {
        let task = TaskId::new(format!("production/code@{host}"));
        let position = state.position(&task).unwrap();
        state.tasks[position].evidence = [("version".to_owned(), version.to_owned())].into();
    }
    let rows = evidence(&plan, &state, 3, at(4));
    let proofs: Vec<&str> = rows
        .iter()
        .filter(|row| row.check == "Production: code")
        .map(|row| row.result.as_str())
        .collect();
    assert_eq!(proofs, ["version 1 on web1", "version 2 on web2"]);
}

#[test]
fn evidence_goes_stale_after_fifteen_minutes() {
    let plan = plan(&list());
    let state = done(&plan);
    let rows = evidence(&plan, &state, PRODUCTION, at(16));
    assert_eq!(row(&rows, "Here steps").state, Verdict::Stale);
    assert_eq!(row(&rows, "Staging steps").state, Verdict::Pass);
    // A clock that was set back makes nothing stale.
    let rows = evidence(&plan, &state, PRODUCTION, at(-600));
    assert_eq!(row(&rows, "Here steps").age, Some(Duration::ZERO));
}

#[test]
fn a_failure_that_is_passed_over_is_a_warning() {
    let plan = plan(&list());
    let mut state = done(&plan);
    set(&mut state, "staging/warm@stg", TaskStatus::Failed);
    let position = state.position(&TaskId::new("staging/warm@stg")).unwrap();
    state.tasks[position].ending = Some(Ending::Exited(7));
    let rows = evidence(&plan, &state, PRODUCTION, at(4));
    assert_eq!(
        said(row(&rows, "Staging steps")),
        (Verdict::Warn, "2 of 3 ok")
    );
    assert_eq!(
        said(row(&rows, "Staging: warm")),
        (Verdict::Warn, "exit 7 on stg, passed over")
    );
}

#[test]
fn an_unknown_end_is_never_shown_as_good() {
    let plan = plan(&list());
    for status in [
        TaskStatus::Interrupted("rebooted".to_owned()),
        TaskStatus::Waiting,
    ] {
        let mut state = done(&plan);
        set(&mut state, "staging/code@stg", status);
        let rows = evidence(&plan, &state, PRODUCTION, at(4));
        assert_eq!(
            said(row(&rows, "Staging steps")),
            (Verdict::Fail, "2 of 3 ok")
        );
    }
}

#[test]
fn skipped_steps_are_shown_with_their_reason_before_and_behind_the_gate() {
    let mut plan = plan(&list());
    for task in &mut plan.stages[PRODUCTION].tasks[..2] {
        task.skip = Some("nothing changed".to_owned());
    }
    let mut tasks = plan.stages.iter_mut().flat_map(|stage| &mut stage.tasks);
    let code = tasks.find(|task| task.id.as_str() == "staging/code@stg");
    code.unwrap().skip = Some("nothing changed".to_owned());
    let mut state = done(&plan);
    set(
        &mut state,
        "staging/code@stg",
        TaskStatus::Skipped("nothing changed".to_owned()),
    );
    let rows = evidence(&plan, &state, PRODUCTION, at(4));
    assert_eq!(
        row(&rows, "Staging: code").result,
        "skipped: nothing changed"
    );
    assert_eq!(
        row(&rows, "Production: code").result,
        "will be skipped: nothing changed"
    );
    assert_eq!(row(&rows, "Staging steps").result, "3 of 3 ok");
}

#[test]
fn what_the_operator_should_know_of_the_release_is_a_warning() {
    let mut plan = plan(&list());
    plan.dirty = vec![" M a".to_owned(), "?? b".to_owned()];
    plan.previous = None;
    let state = done(&plan);
    let rows = evidence(&plan, &state, PRODUCTION, at(4));
    assert_eq!(
        said(row(&rows, "working tree")),
        (
            Verdict::Warn,
            "2 uncommitted changes are not part of the release"
        )
    );
    assert_eq!(row(&rows, "LIVE now").state, Verdict::Warn);
    plan.previous = plan.commit.clone();
    let rows = evidence(&plan, &state, PRODUCTION, at(4));
    assert_eq!(
        said(row(&rows, "LIVE now")),
        (Verdict::Warn, "9be0d11 already: this releases it again")
    );
    // Without staging nothing was tested.
    let rows = evidence(&plan, &state, 1, at(4));
    assert_eq!(row(&rows, "same commit as tested").state, Verdict::Warn);
}

#[test]
fn the_exact_commands_behind_the_gate_are_grouped_by_step() {
    let plan = plan(&list());
    assert_eq!(behind(&plan, PRODUCTION), 2..4);
    assert_eq!(behind(&plan, 0), 0..2);
    let steps = gate_commands(&plan, PRODUCTION);
    let names: Vec<&str> = steps.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(names, ["code", "reload", "tag", "warm"]);
    assert_eq!(steps[0].commands.len(), 1);
    assert_eq!(steps[0].commands[0].text, "do code");
    assert_eq!(steps[0].commands[0].sites.len(), 2);
    assert_eq!(steps[0].takes_s, Some(5.0));
    let hosts: Vec<&str> = gate_hosts(&plan, PRODUCTION)
        .iter()
        .map(|host| host.name.as_str())
        .collect();
    assert_eq!(hosts, ["web1", "web2"]);
}
