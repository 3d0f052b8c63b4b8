//! The plan as `golive plan` prints it: a table of steps × hosts, the exact commands, gates and the forecast.

use std::fmt::Write;

use super::plain::seconds;
use crate::domain::checklist::{Downtime, Gate, Order, Phase};
use crate::domain::id::SecretName;
use crate::domain::output::ansi;
use crate::domain::plan::{Plan, PlannedStage, Task};
use crate::domain::text::{ellipsis, plural, width};

/// The widest column of step names.
const WIDEST_STEP: usize = 32;

/// Scripts of more lines are named instead of shown, unless everything is wanted.
const LONGEST_SCRIPT: usize = 12;

/// The plan as text; `whole` = every line of every command.
pub fn plan(plan: &Plan, whole: bool) -> String {
    let commit = plan
        .commit
        .as_ref()
        .map_or("no commit", |commit| commit.short());
    let previous = plan
        .previous
        .as_ref()
        .map_or("nothing", |commit| commit.short());
    let live = plan.release.live.as_deref().unwrap_or("the release before");
    let mut lines = vec![format!(
        "{}  {commit} ({})  {live} is {previous}",
        plan.project, plan.reference
    )];
    lines.extend(warnings(plan).lines().map(str::to_owned));
    for stage in &plan.stages {
        lines.push(String::new());
        lines.extend(stage_table(stage, whole));
    }
    lines.push(String::new());
    lines.extend(forecast(plan));
    lines.push(String::new());
    lines.push(format!("plan {}", plan.digest));
    lines.join("\n") + "\n"
}

/// What the operator should know before it starts, one warning a line; empty = nothing.
pub fn warnings(plan: &Plan) -> String {
    let mut text = String::new();
    if !plan.dirty.is_empty() {
        let changes = plural("uncommitted change", plan.dirty.len());
        text = format!("! {changes}: not part of the release\n");
    }
    for warning in &plan.warnings {
        let _ = writeln!(text, "! {warning}");
    }
    text
}

fn stage_table(stage: &PlannedStage, whole: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Gate::Type | Gate::Key, Some(env)) = (stage.gate, &stage.env) {
        lines.push(format!("-- GATE -- asks you before anything touches {env}"));
    }
    let place = match (&stage.env, stage.order) {
        (None, _) => "this machine".to_owned(),
        (Some(env), Order::Lockstep) => format!("{env}, lockstep"),
        (Some(env), Order::Free) => format!("{env}, free"),
        (Some(env), Order::Serial) => format!("{env}, serial"),
    };
    lines.push(format!("{} ({place})", stage.name));
    let names = stage.steps().map(|tasks| width(tasks[0].step.as_str()));
    let columns = names.max().unwrap_or(0).min(WIDEST_STEP);
    lines.extend(
        stage
            .steps()
            .flat_map(|tasks| step_rows(tasks, columns, whole)),
    );
    lines
}

fn step_rows(tasks: &[Task], columns: usize, whole: bool) -> Vec<String> {
    let task = &tasks[0];
    let hosts: Vec<&str> = tasks.iter().map(|task| task.site.as_str()).collect();
    let phase = match (task.site.host(), task.phase) {
        (Some(_), Phase::Prepare) => "prepare",
        (Some(_), Phase::Activate) => "activate",
        (None, _) => "",
    };
    let known: Option<Vec<f64>> = tasks.iter().map(|task| task.takes_s).collect();
    let takes = seconds(known.map(|all| all.into_iter().fold(0.0, f64::max)));
    let mut notes = Vec::new();
    if task.once {
        notes.push("once".to_owned());
    }
    if let Some(limit) = task.parallel {
        notes.push(format!("{limit} at a time"));
    }
    match task.downtime {
        Some(Downtime::Begins) => notes.push("may be down from here".to_owned()),
        Some(Downtime::Ends) => notes.push("serves again".to_owned()),
        None => {}
    }
    let secrets: Vec<&str> = task
        .action
        .secrets()
        .iter()
        .map(SecretName::as_str)
        .collect();
    if !secrets.is_empty() {
        notes.push(format!("with {}", secrets.join(" ")));
    }
    notes.extend(skipped(tasks));
    let name = ellipsis(task.step.as_str(), columns);
    let name = format!("{name}{}", " ".repeat(columns.saturating_sub(width(&name))));
    let row = format!(
        "  {name}  {phase:8}  {takes:>7}  {}  {}",
        hosts.join(" "),
        notes.join(", ")
    );
    let mut lines = vec![row.trim_end().to_owned()];
    let indent = " ".repeat(columns);
    let texts: Vec<&str> = task.action.text().lines().collect();
    let shown = if whole || texts.len() <= LONGEST_SCRIPT {
        texts.len()
    } else {
        0
    };
    if shown < texts.len() {
        let count = plural("line", texts.len());
        lines.push(format!(
            "  {indent}  # {}: {count}, -v shows them",
            task.about
        ));
    }
    for (number, text) in texts.into_iter().take(shown).enumerate() {
        let sign = match (number, task.kind.as_str()) {
            (0, "ask") => '?',
            (0, _) => '$',
            _ => ' ',
        };
        lines.push(format!(
            "  {indent}  {sign} {}",
            ansi::plain(text.as_bytes())
        ));
    }
    lines
}

/// Why a step is skipped: everywhere, or with the hosts on which it is, a note for each reason.
fn skipped(tasks: &[Task]) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for task in tasks {
        let Some(why) = task.skip.as_deref() else {
            continue;
        };
        match reasons.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, hosts)) => hosts.push(task.site.as_str()),
            None => reasons.push((why, vec![task.site.as_str()])),
        }
    }
    let note = |(why, hosts): (&str, Vec<&str>)| {
        if hosts.len() == tasks.len() {
            format!("skipped: {why}")
        } else {
            format!("skipped on {}: {why}", hosts.join(" "))
        }
    };
    reasons.into_iter().map(note).collect()
}

fn forecast(plan: &Plan) -> Vec<String> {
    let total = seconds(plan.forecast.total_s);
    let mut lines = vec![format!("forecast: {total} in all, without time at gates")];
    for (env, forecast) in &plan.forecast.envs {
        let hosts = forecast.downtime_s.iter();
        let down: Vec<String> = hosts
            .map(|(host, down)| format!("{host} {}", seconds(*down)))
            .collect();
        let down = if down.is_empty() {
            "no downtime declared".to_owned()
        } else {
            format!("down {}", down.join(", "))
        };
        let prepare = seconds(forecast.prepare_s);
        let activate = seconds(forecast.activate_s);
        lines.push(format!(
            "  {env}: prepare {prepare}, activate {activate}, {down}"
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::super::domain::checklist::read;

    use super::super::super::domain::plan::build::{History, Selection, Target, build};
    use super::*;

    /// The row of a step on three hosts that is skipped on these.
    fn row(skips: &[(usize, &str)]) -> String {
        let file = "[project]\nname = \"shop\"\n[env.test]\n\
            hosts = { web1 = \"web1\", web2 = \"web2\", web3 = \"web3\" }\n\
            [step.code]\nrun = \"./code\"\non = \"all\"\n\
            [[stage]]\nname = \"Test\"\nenv = \"test\"\nsteps = [\"code\"]\n";
        let checklist = read("releases.toml", file).unwrap();
        let target = Target {
            reference: "main".to_owned(),
            ..Target::default()
        };
        let selection = Selection::default();
        let mut built = build(&checklist, &target, &History::default(), &selection).unwrap();
        for (at, why) in skips {
            built.stages[0].tasks[*at].skip = Some((*why).to_owned());
        }
        let text = plan(&built, false);
        let row = text
            .lines()
            .find(|line| line.starts_with("  code"))
            .unwrap();
        row.split_once("web1 web2 web3")
            .unwrap()
            .1
            .trim()
            .to_owned()
    }

    #[test]
    fn a_step_that_is_skipped_on_some_hosts_names_them() {
        assert_eq!(row(&[]), "");
        let all = [(0, "no change"), (1, "no change"), (2, "no change")];
        assert_eq!(row(&all), "skipped: no change");
        assert_eq!(
            row(&[(0, "it did not run there")]),
            "skipped on web1: it did not run there"
        );
        assert_eq!(
            row(&[(1, "no change"), (2, "no change")]),
            "skipped on web2 web3: no change"
        );
        assert_eq!(
            row(&[(0, "no change"), (2, "it did not run there")]),
            "skipped on web1: no change, skipped on web3: it did not run there"
        );
    }
}
