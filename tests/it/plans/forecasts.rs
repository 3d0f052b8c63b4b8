//! The forecast: the reference table of the design, and what unknown durations do to it.

use golive::domain::checklist::{Host, Order, Step};
use golive::domain::id::{EnvName, HostName};
use golive::domain::plan::{EnvForecast, Plan, forecast};

use super::bench::{With, env, fleet, host, plan, production, step};

/// The seven steps of the reference table.
fn seven() -> Vec<Step> {
    vec![
        step("code", 5),
        step("install", 20),
        step("backup", 15),
        step("migrate", 12).begins(),
        step("collectstatic", 10),
        step("switch", 1),
        step("reload", 1).ends(),
    ]
}

fn change(steps: Vec<Step>, name: &str, how: impl Fn(Step) -> Step) -> Vec<Step> {
    let change = |step: Step| {
        if step.name.as_str() == name {
            how(step)
        } else {
            step
        }
    };
    steps.into_iter().map(change).collect()
}

fn there(plan: &Plan) -> &EnvForecast {
    &plan.forecast.envs[&EnvName::new("production")]
}

/// Downtime per host in file order.
fn down(plan: &Plan, hosts: &[Host]) -> Vec<Option<f64>> {
    hosts
        .iter()
        .map(|host| there(plan).downtime_s[&host.name])
        .collect()
}

fn known(seconds: &[f64]) -> Vec<Option<f64>> {
    seconds.iter().copied().map(Some).collect()
}

#[test]
fn host_after_host_the_last_one_is_down_the_longest() {
    let rows: [(usize, f64, &[f64]); 3] = [
        (2, 128.0, &[24.0, 88.0]),
        (3, 192.0, &[24.0, 88.0, 152.0]),
        (4, 256.0, &[24.0, 88.0, 152.0, 216.0]),
    ];
    for (count, total, downtime) in rows {
        let plan = plan(&production(fleet(count), Order::Serial, seven()));
        assert_eq!(plan.forecast.total_s, Some(total), "{count} hosts");
        assert_eq!(down(&plan, &fleet(count)), known(downtime), "{count} hosts");
    }
}

#[test]
fn in_lockstep_every_host_is_down_as_long_as_one() {
    for count in [2, 3, 8, 32] {
        let steps = change(seven(), "migrate", With::once);
        let plan = plan(&production(fleet(count), Order::Lockstep, steps));
        assert_eq!(plan.forecast.total_s, Some(64.0), "{count} hosts");
        assert_eq!(down(&plan, &fleet(count)), vec![Some(24.0); count]);
    }
}

#[test]
fn what_is_prepared_is_not_downtime() {
    let mut steps = change(seven(), "migrate", With::once);
    let statics = steps.remove(4);
    steps.insert(3, statics);
    for step in &mut steps[..4] {
        *step = step.clone().prepare();
    }
    for order in [Order::Lockstep, Order::Free] {
        let plan = plan(&production(fleet(2), order, steps.clone()));
        assert_eq!(plan.forecast.total_s, Some(64.0));
        assert_eq!(there(&plan).prepare_s, Some(50.0));
        assert_eq!(there(&plan).activate_s, Some(14.0));
        assert_eq!(down(&plan, &fleet(2)), known(&[14.0, 14.0]));
    }
}

/// The true order of the seven steps.
fn declared() -> Vec<Step> {
    let needs: [(&str, &[&str]); 6] = [
        ("backup", &[]),
        ("install", &["code"]),
        ("migrate", &["backup", "install"]),
        ("collectstatic", &["install"]),
        ("switch", &["migrate", "collectstatic"]),
        ("reload", &["switch"]),
    ];
    let mut steps = change(seven(), "migrate", With::once);
    for (name, needs) in needs {
        steps = change(steps, name, |step| step.needs(needs));
    }
    for name in ["code", "install", "backup"] {
        steps = change(steps, name, With::prepare);
    }
    steps
}

#[test]
fn the_true_order_takes_39_seconds_instead_of_64() {
    for count in [1, 2, 5, 32] {
        let plan = plan(&production(fleet(count), Order::Lockstep, declared()));
        assert_eq!(plan.forecast.total_s, Some(39.0), "{count} hosts");
        assert_eq!(there(&plan).prepare_s, Some(25.0));
        assert_eq!(there(&plan).activate_s, Some(14.0));
        assert_eq!(down(&plan, &fleet(count)), vec![Some(14.0); count]);
    }
}

#[test]
fn an_unknown_duration_makes_the_sums_it_is_part_of_unknown() {
    let steps = change(seven(), "code", |_| step("code", 0));
    let plan = plan(&production(fleet(2), Order::Lockstep, steps));
    assert_eq!(plan.forecast.total_s, None);
    assert_eq!(there(&plan).prepare_s, Some(0.0));
    assert_eq!(there(&plan).activate_s, None);
    assert_eq!(down(&plan, &fleet(2)), known(&[24.0, 24.0]));
}

#[test]
fn an_unknown_duration_inside_the_window_makes_the_downtime_unknown() {
    for name in ["migrate", "collectstatic", "switch", "reload"] {
        let steps = change(seven(), name, |known| {
            step(name, 0).change(|step| step.downtime = known.downtime)
        });
        let plan = plan(&production(fleet(2), Order::Lockstep, steps));
        assert_eq!(down(&plan, &fleet(2)), vec![None, None], "{name}");
    }
}

#[test]
fn an_unknown_step_before_the_window_does_not_hide_a_downtime_it_cannot_change() {
    // Collecting ends ten seconds after the install, the migration twelve after the backup or later.
    let unknown = |_| step("backup", 0).needs(&[]).prepare();
    let steps = change(declared(), "backup", unknown);
    let plan = plan(&production(fleet(2), Order::Lockstep, steps));
    assert_eq!(plan.forecast.total_s, None);
    assert_eq!(there(&plan).prepare_s, Some(25.0));
    assert_eq!(there(&plan).activate_s, None);
    assert_eq!(down(&plan, &fleet(2)), known(&[14.0, 14.0]));
}

#[test]
fn an_unknown_step_before_the_window_makes_it_unknown_when_it_can_change_it() {
    // Collecting takes longer than the migration: how much of it is downtime depends on the backup.
    let steps = change(declared(), "backup", |_| {
        step("backup", 0).needs(&[]).prepare()
    });
    let steps = change(steps, "collectstatic", |_| {
        step("collectstatic", 20).needs(&["install"])
    });
    let plan = plan(&production(fleet(2), Order::Lockstep, steps));
    assert_eq!(down(&plan, &fleet(2)), vec![None, None]);
}

#[test]
fn an_unknown_step_that_another_unknown_step_waits_for_does_not_count_twice() {
    // ask → code → migrate, and statics beside from the ask on: statics cannot end after code did.
    let steps = vec![
        step("ask", 0).local(),
        step("code", 0),
        step("migrate", 10).begins(),
        step("note", 3).local().needs(&["ask"]),
        step("reload", 1).needs(&["migrate", "note"]).ends(),
    ];
    let plan = plan(&production(fleet(2), Order::Lockstep, steps));
    assert_eq!(down(&plan, &fleet(2)), known(&[11.0, 11.0]));
}

#[test]
fn a_skipped_migration_takes_nothing_down() {
    let steps = change(seven(), "migrate", |step| {
        step.change(|step| step.when_changed = Some(vec!["*/migrations/*".to_owned()]))
    });
    let list = production(fleet(2), Order::Lockstep, steps);
    let mut target = super::bench::target();
    target.changed = Some(vec!["src/lists/views.py".to_owned()]);
    let plan = golive::domain::plan::build::build(
        &list,
        &target,
        &golive::domain::plan::build::History::default(),
        &golive::domain::plan::build::Selection::default(),
    )
    .unwrap();
    assert_eq!(plan.forecast.total_s, Some(52.0));
    assert_eq!(down(&plan, &fleet(2)), known(&[0.0, 0.0]));
}

#[test]
fn a_step_limited_to_some_hosts_at_once_takes_several_rounds() {
    for order in [Order::Lockstep, Order::Free] {
        let steps = vec![step("code", 5), step("reload", 2).parallel(2)];
        let plan = plan(&production(fleet(5), order, steps));
        assert_eq!(plan.forecast.total_s, Some(11.0));
    }
}

#[test]
fn history_goes_before_the_estimate_and_is_kept_per_host() {
    use golive::domain::id::StepName;
    use golive::domain::plan::build::{History, Selection, build};
    let list = production(
        fleet(2),
        Order::Free,
        vec![step("code", 5), step("reload", 1)],
    );
    let past = ((StepName::new("code"), "web2".to_owned()), 7.25);
    let history = History([past].into());
    let plan = build(
        &list,
        &super::bench::target(),
        &history,
        &Selection::default(),
    )
    .unwrap();
    assert_eq!(plan.forecast.total_s, Some(8.25));
}

#[test]
fn time_before_an_environment_is_not_part_of_its_forecast() {
    let mut list = production(fleet(2), Order::Lockstep, declared());
    list.environments
        .push(env("staging", vec![host("stg", &[])]));
    let mut staging = list.stages[0].clone();
    staging.name = "Staging".into();
    staging.env = Some(EnvName::new("staging"));
    list.stages.insert(0, staging);
    let plan = plan(&list);
    assert_eq!(plan.forecast.total_s, Some(78.0));
    assert_eq!(there(&plan).prepare_s, Some(25.0));
    let spans = forecast::spans(&plan);
    let reload = &spans[&"production/reload@web2".into()];
    assert_eq!((reload.start_s, reload.end_s), (Some(77.0), Some(78.0)));
}

#[test]
fn what_is_left_of_a_run_is_walked_with_what_is_left_of_its_tasks() {
    let plan = plan(&production(fleet(2), Order::Lockstep, declared()));
    let left = forecast::remaining(&plan, |task| match task.step.as_str() {
        "code" | "install" | "backup" => Some(0.0),
        "migrate" => Some(4.0),
        _ => task.takes_s,
    });
    assert_eq!(left, Some(12.0));
}

#[test]
fn a_host_without_a_step_that_ends_the_downtime_has_no_window() {
    let hosts = vec![host("db", &["db"]), host("web", &["web"])];
    let steps = vec![
        step("migrate", 12).role("db").begins(),
        step("reload", 1).role("web").ends(),
    ];
    let plan = plan(&production(hosts, Order::Lockstep, steps));
    let down = &there(&plan).downtime_s;
    assert_eq!(down.get(&HostName::new("web")), Some(&Some(13.0)));
    assert_eq!(down.len(), 1);
}
