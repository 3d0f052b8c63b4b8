//! What a checklist is expanded to: sites, variables, gates, selections, and why there is no plan.

use std::collections::BTreeMap;

use golive::domain::action::{Action, Milestone};
use golive::domain::checklist::{Checklist, Gate, Order, Reach};
use golive::domain::id::{HostName, StepName, TaskId};
use golive::domain::plan::Plan;
use golive::domain::plan::build::{BuildProblem, History, Selection, Target, build};

use super::bench::{With, after, checklist, env, host, ids, plan, select, stage, step, target};

/// Tests here, then staging with one server, then production with two and a database.
fn superlists() -> Checklist {
    let mut production = env(
        "production",
        vec![
            host("web1", &["web"]),
            host("web2", &["web"]),
            host("db1", &["db"]),
        ],
    );
    production
        .vars
        .insert("SERVER".to_owned(), "www.example.com".to_owned());
    production.vars.insert("WORKERS".to_owned(), "2".to_owned());
    production.hosts[1]
        .vars
        .insert("WORKERS".to_owned(), "8".to_owned());
    checklist(
        vec![env("staging", vec![host("stg", &[])]), production],
        vec![
            step("tests", 60).local(),
            step("code", 5).role("web").prepare(),
            step("migrate", 12).role("db").once(),
            step("reload", 1).role("web"),
            step("smoke", 3).local(),
            step("tag", 1).local(),
        ],
        vec![
            stage("Here", "", Order::Lockstep, &["tests"]),
            stage(
                "Staging",
                "staging",
                Order::Lockstep,
                &["code", "migrate", "reload", "smoke"],
            ),
            stage(
                "Go live!",
                "production",
                Order::Lockstep,
                &["code", "migrate", "reload", "smoke", "tag"],
            ),
        ],
    )
}

fn variables<'a>(plan: &'a Plan, task: &str) -> &'a BTreeMap<String, String> {
    match &plan.task(&task.into()).unwrap().action {
        Action::Exec(command) => &command.env,
        Action::Ask { .. } => panic!("{task} asks"),
    }
}

fn hosts(names: &[&str]) -> Selection {
    Selection {
        hosts: names.iter().map(|name| HostName::new(*name)).collect(),
        ..Selection::default()
    }
}

fn from(step: &str) -> Selection {
    Selection {
        from: Some(StepName::new(step)),
        ..Selection::default()
    }
}

fn only(stages: &[&str]) -> Selection {
    Selection {
        stages: stages.iter().map(|stage| (*stage).to_owned()).collect(),
        ..Selection::default()
    }
}

fn problems(result: Result<Plan, Vec<BuildProblem>>) -> Vec<(String, Option<String>)> {
    let problems = result.unwrap_err();
    problems
        .iter()
        .map(|problem| (problem.to_string(), problem.help()))
        .collect()
}

#[test]
fn roles_become_hosts_in_the_order_of_the_file() {
    assert_eq!(
        ids(&plan(&superlists())),
        [
            "here/tests@local",
            "staging/code@stg",
            "staging/migrate@stg",
            "staging/reload@stg",
            "staging/smoke@local",
            "go-live/code@web1",
            "go-live/code@web2",
            "go-live/migrate@db1",
            "go-live/reload@web1",
            "go-live/reload@web2",
            "go-live/smoke@local",
            "go-live/tag@local",
        ]
    );
}

#[test]
fn the_plan_names_every_host_with_its_reach_and_roles() {
    let plan = plan(&superlists());
    let names: Vec<&str> = plan.hosts.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["stg", "web1", "web2", "db1"]);
    assert_eq!(
        plan.hosts[1].reach,
        Reach::Ssh("deploy@web1.example.com".to_owned())
    );
    assert!(plan.hosts[0].roles.is_empty());
    assert_eq!(plan.hosts[1].roles[0].as_str(), "web");
}

#[test]
fn a_task_finds_the_variables_of_its_environment_host_and_step_in_this_order() {
    let mut list = superlists();
    let code = list.steps.get_mut(&StepName::new("code")).unwrap();
    code.vars
        .insert("SERVER".to_owned(), "step.example.com".to_owned());
    let plan = plan(&list);
    let web1 = variables(&plan, "go-live/code@web1");
    let web2 = variables(&plan, "go-live/code@web2");
    assert_eq!(
        (web1["WORKERS"].as_str(), web2["WORKERS"].as_str()),
        ("2", "8")
    );
    assert_eq!(web1["SERVER"], "step.example.com");
    assert_eq!(
        variables(&plan, "go-live/reload@web1")["SERVER"],
        "www.example.com"
    );
    for (name, value) in [
        ("CI", "1"),
        ("TERM", "dumb"),
        ("GOLIVE_COMMIT", "9be0d11aa3f2a1c0ffee1234567890abcdef0123"),
        (
            "GOLIVE_PREVIOUS",
            "3f2a1c0ffee1234567890abcdef01239be0d11aa",
        ),
        ("GOLIVE_REF", "main"),
        ("GOLIVE_TAG", "DEPLOYED-2026-11-20/2130"),
        ("GOLIVE_ENV", "production"),
        ("GOLIVE_STAGE", "Go live!"),
        ("GOLIVE_STEP", "code"),
        ("GOLIVE_HOST", "web1"),
        ("GOLIVE_ROLES", "web"),
    ] {
        assert_eq!(web1[name], value, "{name}");
    }
}

#[test]
fn a_host_that_plays_every_role_is_told_all_of_them() {
    let plan = plan(&superlists());
    assert_eq!(
        variables(&plan, "staging/code@stg")["GOLIVE_ROLES"],
        "db,web"
    );
}

#[test]
fn a_local_step_knows_the_environment_it_is_about() {
    let plan = plan(&superlists());
    let smoke = variables(&plan, "go-live/smoke@local");
    assert_eq!(smoke["SERVER"], "www.example.com");
    assert_eq!(
        (smoke["GOLIVE_ENV"].as_str(), smoke["GOLIVE_HOST"].as_str()),
        ("production", "")
    );
    assert_eq!(variables(&plan, "here/tests@local")["GOLIVE_ENV"], "");
}

#[test]
fn what_git_does_not_know_is_empty() {
    let mut list = superlists();
    list.stages[2].steps.pop();
    let target = Target {
        reference: "HEAD".to_owned(),
        ..Target::default()
    };
    let plan = build(&list, &target, &History::default(), &Selection::default()).unwrap();
    let env = variables(&plan, "staging/code@stg");
    for name in ["GOLIVE_COMMIT", "GOLIVE_PREVIOUS", "GOLIVE_TAG"] {
        assert_eq!(env[name], "", "{name}");
    }
}

#[test]
fn the_gate_stands_before_the_first_stage_of_its_environment() {
    let mut list = superlists();
    let mut second = list.stages[2].clone();
    second.name = "After".into();
    second.steps = vec![StepName::new("reload")];
    list.stages.push(second);
    let gates: Vec<Gate> = plan(&list).stages.iter().map(|stage| stage.gate).collect();
    assert_eq!(gates, [Gate::None, Gate::None, Gate::Type, Gate::None]);
    let alone = select(&list, &only(&["After"])).unwrap();
    assert_eq!(alone.stages[0].gate, Gate::Type);
}

#[test]
fn a_once_step_of_two_stages_runs_in_the_first_of_them_only() {
    let mut list = superlists();
    let mut second = list.stages[2].clone();
    second.name = "After".into();
    second.steps = vec!["code".into(), "migrate".into(), "reload".into()];
    list.stages.push(second);
    let plan = plan(&list);
    let migrations: Vec<&str> = ids(&plan)
        .into_iter()
        .filter(|id| id.contains("/migrate@"))
        .collect();
    assert_eq!(migrations, ["staging/migrate@stg", "go-live/migrate@db1"]);
    // What needed it needs what it needed.
    let reload = plan.task(&"after/reload@web1".into()).unwrap();
    let after: Vec<&str> = reload.after.iter().map(TaskId::as_str).collect();
    assert_eq!(after, ["after/code@web1", "after/code@web2"]);
}

#[test]
fn a_tag_step_needs_a_commit() {
    let target = Target::default();
    let result = build(
        &superlists(),
        &target,
        &History::default(),
        &Selection::default(),
    );
    let problems = problems(result);
    assert_eq!(problems.len(), 1);
    assert_eq!(
        problems[0].0,
        "the step `tag` of the stage `Go live!` tags a release, and there is no commit to tag"
    );
    assert!(problems[0].1.as_ref().unwrap().contains("git commit"));
}

#[test]
fn a_tag_step_is_the_milestone_of_the_release() {
    let plan = plan(&superlists());
    let tag = plan.task(&"go-live/tag@local".into()).unwrap();
    assert_eq!(tag.milestone, Some(Milestone::TagWritten));
}

#[test]
fn a_tag_waits_for_all_before_it_whatever_the_step_right_before_it_needs() {
    for order in [Order::Lockstep, Order::Free, Order::Serial] {
        let mut list = superlists();
        list.stages[2].order = order;
        let smoke = list.steps.get_mut(&StepName::new("smoke")).unwrap();
        smoke.needs = Some(Vec::new());
        let made = plan(&list);
        let waits = after(&made, "tag@local");
        for last in ["reload@web1", "reload@web2", "smoke@local"] {
            let is_waited_for = waits.contains(&last);
            // A serial stage goes host after host: the last host stands for the others.
            let is_implied = order == Order::Serial && last.ends_with("web1");
            assert!(is_waited_for || is_implied, "{order:?} {last}: {waits:?}");
        }
        // What it says it needs itself is all it needs.
        let tag = list.steps.get_mut(&StepName::new("tag")).unwrap();
        tag.needs = Some(vec![StepName::new("smoke")]);
        assert_eq!(after(&plan(&list), "tag@local"), ["smoke@local"]);
    }
}

#[test]
fn a_step_whose_paths_did_not_change_is_skipped_with_the_reason() {
    let mut list = superlists();
    let migrate = list.steps.get_mut(&StepName::new("migrate")).unwrap();
    migrate.when_changed = Some(vec!["*/migrations/*".to_owned()]);
    let with = |changed: Option<&[&str]>| {
        let mut target = target();
        target.changed = changed.map(|paths| paths.iter().map(|&path| path.to_owned()).collect());
        let plan = build(&list, &target, &History::default(), &Selection::default()).unwrap();
        plan.task(&"go-live/migrate@db1".into())
            .unwrap()
            .skip
            .clone()
    };
    assert_eq!(
        with(Some(&["src/lists/views.py"])).as_deref(),
        Some("nothing under `*/migrations/*` changed since LIVE (3f2a1c0)")
    );
    assert_eq!(with(Some(&["src/lists/migrations/0007.py"])), None);
    assert_eq!(with(None), None, "what is not known runs");
}

#[test]
fn a_stage_is_chosen_by_its_name_or_its_kebab_case() {
    for name in ["Go live!", "go-live"] {
        let plan = select(&superlists(), &only(&[name])).unwrap();
        assert_eq!(plan.stages.len(), 1);
        assert_eq!(plan.stages[0].name.as_str(), "Go live!");
    }
}

#[test]
fn a_step_to_begin_with_means_the_first_stage_that_has_it() {
    let plan = select(&superlists(), &from("reload")).unwrap();
    assert_eq!(
        ids(&plan)[..2],
        ["staging/reload@stg", "staging/smoke@local"]
    );
    assert!(after(&plan, "reload@stg").is_empty());
    let plan = select(&superlists(), &from("go-live/reload")).unwrap();
    assert_eq!(ids(&plan)[0], "go-live/reload@web1");
}

#[test]
fn chosen_hosts_leave_out_the_steps_and_stages_of_others() {
    let plan = select(&superlists(), &hosts(&["web2"])).unwrap();
    assert_eq!(
        ids(&plan),
        [
            "here/tests@local",
            "go-live/code@web2",
            "go-live/reload@web2",
            "go-live/smoke@local",
            "go-live/tag@local",
        ]
    );
    assert_eq!(after(&plan, "reload@web2"), ["code@web2"]);
}

#[test]
fn a_release_that_reaches_no_host_of_production_is_not_tagged_there() {
    let plan = select(&superlists(), &hosts(&["stg"])).unwrap();
    assert!(!ids(&plan).iter().any(|id| id.starts_with("go-live/")));
}

#[test]
fn a_release_that_leaves_out_hosts_of_production_is_not_tagged() {
    let skip = |names: &[&str]| {
        let plan = select(&superlists(), &hosts(names)).unwrap();
        plan.task(&"go-live/tag@local".into()).unwrap().skip.clone()
    };
    assert_eq!(
        skip(&["stg", "web2"]).unwrap(),
        "--host left out web1 of production, db1 of production; when they have it, \
         golive deploy --from tag tags the release"
    );
    assert_eq!(skip(&["web1", "web2", "db1"]), None);
    assert_eq!(skip(&[]), None);
}

#[test]
fn names_that_lead_nowhere_are_all_told_with_near_ones() {
    let selection = Selection {
        stages: vec!["Stagign".to_owned(), "Zzz".to_owned()],
        from: Some(StepName::new("migrat")),
        hosts: vec![HostName::new("web9")],
    };
    let problems = problems(select(&superlists(), &selection));
    assert_eq!(
        problems[..2],
        [
            (
                "there is no stage `Stagign`".to_owned(),
                Some("did you mean `Staging`?".to_owned())
            ),
            (
                "there is no stage `Zzz`".to_owned(),
                Some("the stages are `Here`, `Staging`, `Go live!`".to_owned())
            ),
        ]
    );
}

#[test]
fn a_step_or_host_outside_the_selection_is_told_where_it_is() {
    let mut selection = only(&["Staging"]);
    selection.from = Some(StepName::new("tests"));
    selection.hosts = vec![HostName::new("web1")];
    assert_eq!(
        problems(select(&superlists(), &selection)),
        [
            (
                "no stage here has a step `tests`".to_owned(),
                Some("it is a step of the stage `Here`".to_owned())
            ),
            (
                "no stage here runs on a host `web1`".to_owned(),
                Some("it is a host of `production`, which is left out here".to_owned())
            ),
        ]
    );
    assert_eq!(
        problems(select(&superlists(), &from("migrat")))[0]
            .1
            .as_deref(),
        Some("did you mean `migrate`?")
    );
}

#[test]
fn a_selection_that_leaves_nothing_is_told() {
    let mut selection = hosts(&["db1"]);
    selection.stages = vec!["Go live!".to_owned()];
    selection.from = Some(StepName::new("reload"));
    let problems = problems(select(&superlists(), &selection));
    assert_eq!(problems[0].0, "nothing is left of the checklist to run");
}

#[test]
fn an_estimate_is_used_until_there_is_history() {
    let history = History([((StepName::new("code"), "web1".to_owned()), 4.5)].into());
    let plan = build(&superlists(), &target(), &history, &Selection::default()).unwrap();
    let takes = |id: &str| plan.task(&id.into()).unwrap().takes_s;
    assert_eq!(takes("go-live/code@web1"), Some(4.5));
    assert_eq!(takes("go-live/code@web2"), Some(5.0));
}
