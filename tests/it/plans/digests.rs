//! The digest: which changes of a plan change its name, and which do not.

use std::time::Duration;

use golive::domain::checklist::{Checklist, Gate, OnFailure, Order, Reach, Step};
use golive::domain::id::{Commit, StepName};
use golive::domain::plan::build::{History, Selection, Target, build};
use golive::domain::plan::{Plan, digest};

use super::bench::{With, env, fleet, plan, production, select, step, target};

fn list() -> Checklist {
    production(
        fleet(2),
        Order::Lockstep,
        vec![step("code", 5), step("reload", 1), step("tag", 1).local()],
    )
}

fn with_step(change: impl FnOnce(&mut Step)) -> String {
    let mut list = list();
    change(list.steps.get_mut(&StepName::new("code")).unwrap());
    plan(&list).digest
}

fn with_target(change: impl FnOnce(&mut Target)) -> String {
    let mut target = target();
    change(&mut target);
    build(&list(), &target, &History::default(), &Selection::default())
        .unwrap()
        .digest
}

fn with_list(change: impl FnOnce(&mut Checklist)) -> String {
    let mut list = list();
    change(&mut list);
    plan(&list).digest
}

#[test]
fn a_digest_is_64_hexadecimal_digits() {
    let digest = plan(&list()).digest;
    assert_eq!(digest.len(), 64);
    assert!(
        digest
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
    );
}

#[test]
fn the_frozen_plan_has_the_digest_it_was_made_with() {
    let plan = plan(&list());
    let text = serde_json::to_string(&plan).unwrap();
    let again: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(again, plan);
    assert_eq!(digest::digest(&again), plan.digest);
}

#[test]
fn what_is_only_said_or_predicted_does_not_change_it() {
    let base = plan(&list()).digest;
    assert_eq!(
        with_step(|step| step.about = Some("The code".to_owned())),
        base
    );
    assert_eq!(with_step(|step| step.takes = None), base);
    assert_eq!(with_step(|step| step.quiet = Duration::from_secs(9)), base);
    assert_eq!(with_step(|step| step.line = 77), base);
    assert_eq!(
        with_target(|target| target.dirty = vec![" M src/a.rs".to_owned()]),
        base
    );
    let history = History([((StepName::new("code"), "web1".to_owned()), 99.0)].into());
    let plan = build(&list(), &target(), &history, &Selection::default()).unwrap();
    assert_eq!(plan.digest, base);
}

#[test]
fn what_is_done_changes_it() {
    let base = plan(&list()).digest;
    let others = [
        with_step(|step| step.timeout = Some(Duration::from_secs(60))),
        with_step(|step| step.retry = 1),
        with_step(|step| step.retry_delay = Duration::from_secs(9)),
        with_step(|step| step.idempotent = true),
        with_step(|step| step.on_failure = OnFailure::Continue),
        with_step(|step| step.proof = Some("x".to_owned())),
        with_step(|step| step.parallel = Some(1)),
        with_step(|step| step.once = true),
        with_step(|step| step.cwd = Some("app".to_owned())),
        with_step(|step| step.vars = [("A".to_owned(), "b".to_owned())].into()),
        with_step(|step| step.kind = super::bench::step("other", 1).kind),
        with_target(|target| target.commit = Some(Commit::new("0123"))),
        with_target(|target| target.previous = None),
        with_target(|target| target.previous_object = None),
        with_target(|target| target.tag = None),
        with_target(|target| target.reference = "v1".to_owned()),
        with_list(|list| list.release.remote = None),
        with_list(|list| list.ssh.config = Some("infra/ssh_config".to_owned())),
        with_list(|list| list.environments[0].gate = Gate::Key),
        with_list(|list| list.environments[0].hosts[1].reach = Reach::Folder("x".to_owned())),
        with_list(|list| list.environments = vec![env("production", fleet(3))]),
        with_list(|list| list.stages[0].order = Order::Serial),
        with_list(|list| list.stages[0].steps.swap(0, 1)),
        with_list(|list| list.stages[0].name = "Other".into()),
    ];
    for (at, other) in others.iter().enumerate() {
        assert_ne!(*other, base, "change {at}");
        assert_eq!(
            others.iter().filter(|digest| *digest == other).count(),
            1,
            "change {at}"
        );
    }
}

#[test]
fn a_skipped_step_changes_it() {
    let mut list = list();
    let code = list.steps.get_mut(&StepName::new("code")).unwrap();
    code.when_changed = Some(vec!["x".to_owned()]);
    let base = select(&list, &Selection::default()).unwrap().digest;
    let mut target = target();
    target.changed = Some(Vec::new());
    let skipped = build(&list, &target, &History::default(), &Selection::default()).unwrap();
    assert_ne!(skipped.digest, base);
}
