//! Building the plan of a rollback: the same checklist for an older commit, after the `undo` of what is left.
//!
//! With `[rollback] steps` these are all that is done. Stages before the environment are not walked again. The first task
//! checks that what is live did not change since the plan was made: nothing is taken back twice. What is undone is planned
//! in `undo`; which release is gone back to is decided in `catalog`; nothing is looked up here.

use std::collections::BTreeMap;

use super::super::checklist::{Checklist, Environment, Gate, Order, Stage};
use super::super::id::{EnvName, HostName, StageName, StepName};
use super::super::release::Left;
use super::build::{BuildProblem, Builder, History, Target};
use super::select::{Part, Selection};
use super::undo::{self, TakenBack};
use super::{Plan, Rollback, still_live};

/// What is gone back from, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// Where.
    pub env: EnvName,
    /// What is left.
    pub from: Left,
    /// The tag of the release that is gone back to; `None` = it has none.
    pub to_tag: Option<String>,
    /// The releases that are taken back, newest first.
    pub taken: Vec<TakenBack>,
    /// The newest epoch of the environment's lock on each host, as runs of this machine know it. Empty = they do not tell
    /// what is live.
    pub epochs: BTreeMap<HostName, u64>,
}

/// Plans going back: `target.commit` is the older commit, `target.previous` what is live.
pub fn build(
    checklist: &Checklist,
    target: &Target,
    history: &History,
    back: &Back,
) -> Result<Plan, Vec<BuildProblem>> {
    let selection = Selection::default();
    let mut builder = Builder::new(checklist, target, history, &selection);
    let to = back.to_tag.clone().unwrap_or_default();
    builder.common = BTreeMap::from([
        ("GOLIVE_ROLLBACK".to_owned(), "1".to_owned()),
        ("GOLIVE_ROLLBACK_TO".to_owned(), to),
    ]);
    let Some(env) = checklist.environment(&back.env) else {
        return Err(vec![BuildProblem::Nothing]);
    };
    let mut warnings = Vec::new();
    let own_way = own_way(checklist, env);
    let mut stages = Vec::new();
    if let Some(stage) = &own_way {
        finds_hosts(&mut builder, stage, env);
        stages.extend(builder.stage(&part(stage, env)));
    } else {
        stages = undo::stages(&mut builder, env, &back.taken, &mut warnings);
        let again = again(checklist, &back.env);
        stages.extend(again.iter().filter_map(|part| builder.stage(part)));
    }
    for stage in &mut stages {
        // A single key is not enough here: what is taken back is said in full.
        if stage.gate == Gate::Key {
            stage.gate = Gate::Type;
        }
    }
    if let Some(first) = stages.first_mut()
        && !still_live::check(&builder, first, env, &back.epochs)
    {
        warnings.push(format!(
            "whether somebody else releases in {} before this begins cannot be told: no tag says what is live, and it was not released from this machine",
            env.name
        ));
    }
    let taken = back.taken.iter().map(|taken| taken.release.clone());
    let rollback = Rollback {
        env: back.env.clone(),
        from: back.from.clone(),
        to_tag: back.to_tag.clone(),
        taken: taken.collect(),
        epochs: back.epochs.clone(),
    };
    let mut plan = builder.finish(stages, Some(rollback))?;
    plan.warnings = warnings;
    Ok(plan)
}

/// The stage of `[rollback] steps`, with the step that writes the tags where releases are tagged; `None` without them.
fn own_way(checklist: &Checklist, env: &Environment) -> Option<Stage> {
    let mut steps = checklist.rollback.steps.clone();
    if steps.is_empty() {
        return None;
    }
    let is_tag = |name: &StepName| {
        let step = checklist.steps.get(name);
        step.is_some_and(|step| step.kind.milestone().is_some())
    };
    match checklist.tagged() {
        Some((tagged, step)) if *tagged == env.name => {
            if !steps.iter().any(is_tag) {
                steps.push(step.clone());
            }
        }
        // The tags speak of another environment.
        _ => steps.retain(|name| !is_tag(name)),
    }
    Some(Stage {
        name: StageName::new("Roll back"),
        env: Some(env.name.clone()),
        steps,
        order: Order::Lockstep,
    })
}

/// Every step of `[rollback]` does something: what it says is all that is done.
fn finds_hosts(builder: &mut Builder<'_>, stage: &Stage, env: &Environment) {
    for name in &stage.steps {
        let step = builder.checklist.steps.get(name);
        if step.is_some_and(|step| builder.sites(step, Some(env)).is_empty()) {
            builder.problems.push(BuildProblem::NoHost {
                step: name.clone(),
                env: env.name.clone(),
            });
        }
    }
}

pub(super) fn part<'a>(stage: &'a Stage, env: &'a Environment) -> Part<'a> {
    Part {
        stage,
        env: Some(env),
        from: 0,
    }
}

/// The environment's own stages, and those of this machine that follow them before another environment.
fn again<'a>(checklist: &'a Checklist, env: &EnvName) -> Vec<Part<'a>> {
    let mut is_here = false;
    let mut parts = Vec::new();
    for stage in &checklist.stages {
        if let Some(other) = &stage.env {
            is_here = other == env;
        }
        if is_here {
            parts.push(Part {
                stage,
                env: stage
                    .env
                    .as_ref()
                    .and_then(|env| checklist.environment(env)),
                from: 0,
            });
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::super::action::Action;
    use super::super::super::checklist::{Downtime, OnFailure};
    use super::super::super::id::{Commit, TaskId};
    use super::super::Taken;
    use super::super::undo::UNDO;
    use super::*;
    use crate::domain::checklist::read;
    use crate::domain::id::RunId;
    use crate::domain::plan::build::build as plan_deploy;

    const SHOP: &str = r#"
[project]
name = "shop"
[env.staging]
hosts = { stage = "stage" }
[env.production]
gate = "key"
[env.production.hosts]
web1 = { ssh = "web1", roles = ["web", "db"] }
web2 = { ssh = "web2", roles = ["web"] }
[step.tests]
run = "./test"
undo = "never"
[step.migrate]
run = "./migrate"
on = "db"
once = true
downtime = "begins"
when = { changed = ["migrations/*"] }
undo = "./migrate back"
cwd = "app"
timeout = "60s"
[step.code]
run = "./code"
on = "web"
undo = "./code back"
[step.assets]
run = "./assets"
on = "web"
downtime = "ends"
when = { changed = ["assets/*"] }
[step.note]
run = "./note"
[[stage]]
name = "Here"
steps = ["tests"]
[[stage]]
name = "Staging"
env = "staging"
steps = ["code"]
[[stage]]
name = "Production"
env = "production"
steps = ["migrate", "code", "assets"]
[[stage]]
name = "After"
steps = ["note", "tag"]
"#;

    fn taken(tag: &str, run: Option<&str>, changed: &[&str]) -> TakenBack {
        TakenBack {
            release: Taken {
                tag: Some(tag.to_owned()),
                commit: Commit::new(format!("c-{tag}")),
                previous: Some(Commit::new(format!("before-{tag}"))),
                run: run.map(RunId::new),
            },
            changed: Some(changed.iter().map(|path| (*path).to_owned()).collect()),
            done: None,
        }
    }

    fn back(env: &str, taken: Vec<TakenBack>) -> Back {
        Back {
            env: EnvName::new(env),
            from: Left {
                tag: Some("R-3".to_owned()),
                commit: Commit::new("c-R-3"),
            },
            to_tag: Some("R-1".to_owned()),
            taken,
            epochs: BTreeMap::new(),
        }
    }

    fn target() -> Target {
        Target {
            reference: "R-1".to_owned(),
            commit: Some(Commit::new("c-R-1")),
            previous: Some(Commit::new("c-R-3")),
            tag: Some("R-4".to_owned()),
            changed: Some(vec!["migrations/1".to_owned()]),
            ..Target::default()
        }
    }

    fn planned(file: &str, back: &Back) -> Plan {
        let checklist = read("releases.toml", file).unwrap();
        build(&checklist, &target(), &History::default(), back).unwrap()
    }

    fn ids(plan: &Plan) -> Vec<&str> {
        plan.tasks().map(|task| task.id.as_str()).collect()
    }

    fn variable<'a>(plan: &'a Plan, id: &str, name: &str) -> &'a str {
        let task = plan.task(&TaskId::new(id)).unwrap();
        let Action::Exec(command) = &task.action else {
            panic!("{id} runs a command");
        };
        command.env.get(name).map_or("", String::as_str)
    }

    #[test]
    fn what_is_left_is_undone_in_reverse_then_the_stages_are_walked_for_the_older_commit() {
        let releases = vec![
            taken("R-3", Some("run-3"), &["migrations/2"]),
            taken("R-2", Some("run-2"), &["src/a"]),
        ];
        let plan = planned(SHOP, &back("production", releases));
        assert_eq!(
            ids(&plan),
            [
                "undo-r-3/still-live@local",
                "undo-r-3/code@web1",
                "undo-r-3/code@web2",
                "undo-r-3/migrate@web1",
                "undo-r-2/code@web1",
                "undo-r-2/code@web2",
                "undo-r-2/migrate@web1",
                "production/migrate@web1",
                "production/code@web1",
                "production/code@web2",
                "production/assets@web1",
                "production/assets@web2",
                "after/note@local",
                "after/tag@local",
            ]
        );
        let undo = plan.task(&TaskId::new("undo-r-3/migrate@web1")).unwrap();
        assert_eq!(undo.kind, UNDO);
        assert_eq!(undo.action.text(), "./migrate back");
        assert_eq!(undo.timeout_s, Some(60));
        assert_eq!(undo.downtime, Some(Downtime::Begins));
        assert_eq!(undo.skip, None);
        let skipped = plan.task(&TaskId::new("undo-r-2/migrate@web1")).unwrap();
        let why = "nothing under `migrations/*` changed in R-2";
        assert_eq!(skipped.skip.as_deref(), Some(why));
        let after: Vec<&str> = undo.after.iter().map(TaskId::as_str).collect();
        assert_eq!(after, ["undo-r-3/code@web1", "undo-r-3/code@web2"]);
        let first = plan.task(&TaskId::new("undo-r-3/code@web2")).unwrap();
        assert_eq!(first.after[0].as_str(), "undo-r-3/still-live@local");
        for (name, of_undo, of_again) in [
            ("GOLIVE_RUN", "run-3", ""),
            ("GOLIVE_COMMIT", "c-R-3", "c-R-1"),
            ("GOLIVE_TAG", "R-3", "R-4"),
            ("GOLIVE_PREVIOUS", "before-R-3", "c-R-3"),
            ("GOLIVE_ROLLBACK", "1", "1"),
            ("GOLIVE_ROLLBACK_TO", "R-1", "R-1"),
        ] {
            assert_eq!(variable(&plan, "undo-r-3/migrate@web1", name), of_undo);
            assert_eq!(variable(&plan, "production/migrate@web1", name), of_again);
        }
    }

    #[test]
    fn the_gate_stands_first_and_asks_for_more_than_a_key() {
        let plan = planned(
            SHOP,
            &back("production", vec![taken("R-3", Some("run-3"), &[])]),
        );
        let gates: Vec<Gate> = plan.stages.iter().map(|stage| stage.gate).collect();
        assert_eq!(gates, [Gate::Type, Gate::None, Gate::None]);
        assert_eq!(
            plan.gate_word(&EnvName::new("production")),
            "rollback production"
        );
    }

    #[test]
    fn nothing_of_a_release_of_an_unknown_run_is_undone() {
        let plan = planned(SHOP, &back("production", vec![taken("R-3", None, &[])]));
        assert_eq!(plan.stages[0].name.as_str(), "Production");
        assert_eq!(plan.stages[0].gate, Gate::Type);
        assert_eq!(ids(&plan)[0], "production/still-live@local");
        assert_eq!(
            plan.warnings,
            ["nothing of R-3 is undone: which run made it is not known"]
        );
    }

    #[test]
    fn an_environment_without_tags_writes_none_and_checks_none() {
        let plan = planned(
            SHOP,
            &back("staging", vec![taken("R-3", Some("run-3"), &[])]),
        );
        assert_eq!(ids(&plan), ["undo-r-3/code@stage", "staging/code@stage"]);
        assert_eq!(plan.stages[0].gate, Gate::None);
    }

    #[test]
    fn where_only_runs_of_this_machine_tell_what_is_live_nobody_else_may_have_had_the_lock() {
        let known = Back {
            epochs: BTreeMap::from([(HostName::new("stage"), 7)]),
            ..back("staging", vec![taken("R-3", Some("run-3"), &[])])
        };
        let plan = planned(SHOP, &known);
        let first = plan.tasks().next().unwrap();
        assert_eq!(first.id.as_str(), "undo-r-3/nobody-since@local");
        assert_eq!(first.on_failure, OnFailure::Ask);
        assert_eq!(
            variable(&plan, first.id.as_str(), "GOLIVE_EPOCHS_WERE"),
            "stage=7"
        );
        assert_eq!(plan.warnings, [""; 0]);
        // LIVE tells it where there is one, and without either it is said that it cannot be told.
        let live = planned(SHOP, &back("production", Vec::new()));
        assert!(live.warnings.is_empty());
        let unknown = planned(SHOP, &back("staging", Vec::new()));
        let said = &unknown.warnings[0];
        assert!(
            said.contains("in staging before this begins cannot be told"),
            "{said}"
        );
    }

    #[test]
    fn steps_of_its_own_are_all_that_is_done_besides_the_tag() {
        let file = format!("{SHOP}[rollback]\nsteps = [\"note\", \"code\"]\n");
        let releases = || vec![taken("R-3", Some("run-3"), &[])];
        let plan = planned(&file, &back("production", releases()));
        assert_eq!(
            ids(&plan),
            [
                "roll-back/still-live@local",
                "roll-back/note@local",
                "roll-back/code@web1",
                "roll-back/code@web2",
                "roll-back/tag@local",
            ]
        );
        let staging = planned(&file, &back("staging", releases()));
        assert_eq!(
            ids(&staging),
            ["roll-back/note@local", "roll-back/code@stage"]
        );
    }

    #[test]
    fn a_step_of_its_own_that_finds_no_host_is_a_problem() {
        let file = SHOP.replace(
            "[step.note]",
            "[step.cold]\nrun = \"x\"\non = \"stage\"\n[step.note]",
        );
        let file = format!("{file}[rollback]\nsteps = [\"cold\"]\n");
        let checklist = read("releases.toml", &file).unwrap();
        let back = back("production", Vec::new());
        let problems = build(&checklist, &target(), &History::default(), &back).unwrap_err();
        assert_eq!(
            problems[0].to_string(),
            "the step `cold` of [rollback] finds no host in `production`"
        );
    }

    #[test]
    fn going_back_is_part_of_the_digest_and_a_deploy_has_the_one_it_had() {
        let checklist = read("releases.toml", SHOP).unwrap();
        let deploy = plan_deploy(
            &checklist,
            &target(),
            &History::default(),
            &Selection::default(),
        )
        .unwrap();
        let mut changed = deploy.clone();
        changed.rollback = planned(SHOP, &back("production", Vec::new())).rollback;
        assert_ne!(super::super::digest::digest(&changed), deploy.digest);
        assert_eq!(super::super::digest::digest(&deploy), deploy.digest);
    }

    #[test]
    fn two_releases_whose_names_read_the_same_have_stages_of_their_own() {
        let releases = vec![
            taken("R/3", Some("a"), &[]),
            taken("R-3", Some("b"), &[]),
            taken(&"long".repeat(40), Some("c"), &[]),
        ];
        let plan = planned(SHOP, &back("production", releases));
        let names: Vec<&str> = plan
            .stages
            .iter()
            .map(|stage| stage.name.as_str())
            .collect();
        assert_eq!(names[..2], ["Undo R/3", "Undo R-3 2"]);
        assert!(names[2].len() < 20, "{names:?}");
    }
}
