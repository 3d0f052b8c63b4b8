//! The difference between two plans, in words: what a changed `releases.toml` would do otherwise.
//!
//! A run keeps to the plan it was started with; this tells the operator what the file says by now. Both plans are for
//! the same commit and the same part of the checklist, so that only the file's changes count. What decides nothing
//! (texts, estimates, lines) is no change. Changes that are the same on several hosts are told once. Pure; which
//! plans are compared, and where it is shown, is `app`'s business.

use std::collections::BTreeMap;
use std::fmt;

use super::super::action::{Action, CommandLine};
use super::super::checklist::{Downtime, Gate, OnFailure, Order, Phase, Reach};
use super::super::id::{EnvName, HostName, RoleName, StepName};
use super::{Plan, PlannedHost, PlannedStage, Task};

/// One thing that the current plan does otherwise than the frozen one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is about: `production/code on web1`, `host web1 of production`, `[ssh]`.
    pub what: String,
    /// What is different about it.
    pub how: How,
}

/// What became of a thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// Only the current plan has it.
    New,
    /// Only the frozen plan has it.
    Gone,
    /// Both have it; the text says what differs.
    Differs(String),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.how {
            How::New => write!(f, "{} is new", self.what),
            How::Gone => write!(f, "{} is gone", self.what),
            How::Differs(text) => write!(f, "{}: {text}", self.what),
        }
    }
}

/// What `current` would do otherwise than `frozen`, in the order of the file; empty when both do the same.
pub fn difference(frozen: &Plan, current: &Plan) -> Vec<Change> {
    let mut changes = Vec::new();
    if frozen.digest == current.digest {
        return changes;
    }
    rules(frozen, current, &mut changes);
    let hosts = hosts(frozen, current, &mut changes);
    let names = |plan: &Plan| -> Vec<String> {
        let names = plan.stages.iter().map(|stage| stage.name.to_string());
        names.collect()
    };
    let (old, new) = (names(frozen), names(current));
    for stage in &current.stages {
        match frozen.stages.iter().find(|other| other.name == stage.name) {
            None => changes.push(change(format!("the stage {}", stage.name), How::New)),
            Some(before) => stages(before, stage, &hosts, &mut changes),
        }
    }
    for name in old.iter().filter(|name| !new.contains(name)) {
        changes.push(change(format!("the stage {name}"), How::Gone));
    }
    if is_reordered(&old, &new) {
        changes.push(differs("the stages", "they are in another order"));
    }
    changes
}

fn change(what: impl Into<String>, how: How) -> Change {
    Change {
        what: what.into(),
        how,
    }
}

fn differs(what: impl Into<String>, text: impl Into<String>) -> Change {
    change(what, How::Differs(text.into()))
}

/// `name old -> new` when they differ.
fn moved<T: Copy + PartialEq>(
    name: &str,
    old: T,
    new: T,
    word: impl Fn(T) -> String,
) -> Option<String> {
    (old != new).then(|| format!("{name} {} -> {}", word(old), word(new)))
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or("none").to_owned()
}

fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

/// Whether what both lists have stands in another order.
fn is_reordered<T: PartialEq>(old: &[T], new: &[T]) -> bool {
    let kept = old.iter().filter(|name| new.contains(name));
    !kept.eq(new.iter().filter(|name| old.contains(name)))
}

/// What holds for the whole run.
fn rules(frozen: &Plan, current: &Plan, changes: &mut Vec<Change>) {
    let project = moved(
        "its name",
        frozen.project.as_str(),
        current.project.as_str(),
        str::to_owned,
    );
    changes.extend(project.map(|how| differs("[project]", how)));
    let (old, new) = (&frozen.release, &current.release);
    let release = [
        moved("live", old.live.as_deref(), new.live.as_deref(), text),
        moved("tag", old.tag.as_deref(), new.tag.as_deref(), text),
        moved("remote", old.remote.as_deref(), new.remote.as_deref(), text),
        moved("sign", old.sign, new.sign, yes),
        moved(
            "version",
            old.version.as_deref(),
            new.version.as_deref(),
            text,
        ),
    ];
    let release = release.into_iter().flatten();
    changes.extend(release.map(|how| differs("[release]", how)));
    let (old, new) = (&frozen.ssh, &current.ssh);
    let ssh = [
        moved("config", old.config.as_deref(), new.config.as_deref(), text),
        moved(
            "connect_timeout",
            old.connect_timeout,
            new.connect_timeout,
            |time| seconds(time.as_secs_f64()),
        ),
    ];
    changes.extend(ssh.into_iter().flatten().map(|how| differs("[ssh]", how)));
}

/// The hosts both plans have, by environment.
type Kept = Vec<(EnvName, HostName)>;

/// Hosts that came, went, or are reached otherwise. Returns those that stayed.
fn hosts(frozen: &Plan, current: &Plan, changes: &mut Vec<Change>) -> Kept {
    let all = |plan: &Plan| -> Vec<PlannedHost> {
        let hosts = plan.hosts.iter().chain(&plan.others);
        hosts.cloned().collect()
    };
    // Those of a stage that came or went are told with it.
    let enters = |plan: &Plan, env: &EnvName| {
        let mut stages = plan.stages.iter();
        stages.any(|stage| stage.env.as_ref() == Some(env))
    };
    let same = |a: &PlannedHost, b: &PlannedHost| a.env == b.env && a.name == b.name;
    let (old, new) = (all(frozen), all(current));
    let mut kept = Vec::new();
    for host in &new {
        let what = format!("host {} of {}", host.name, host.env);
        let Some(before) = old.iter().find(|other| same(other, host)) else {
            if enters(frozen, &host.env) {
                changes.push(change(what, How::New));
            }
            continue;
        };
        kept.push((host.env.clone(), host.name.clone()));
        let reach = moved("reached as", &before.reach, &host.reach, reach);
        let roles = moved("roles", &before.roles, &host.roles, |roles| {
            let names: Vec<&str> = roles.iter().map(RoleName::as_str).collect();
            if names.is_empty() {
                "all".to_owned()
            } else {
                names.join(", ")
            }
        });
        let both = reach.into_iter().chain(roles);
        changes.extend(both.map(|how| differs(what.clone(), how)));
    }
    for host in old
        .iter()
        .filter(|host| !new.iter().any(|other| same(host, other)))
    {
        if enters(current, &host.env) {
            changes.push(change(
                format!("host {} of {}", host.name, host.env),
                How::Gone,
            ));
        }
    }
    kept
}

fn reach(reach: &Reach) -> String {
    match reach {
        Reach::Ssh(destination) => destination.clone(),
        Reach::Folder(folder) => format!("the folder {folder}"),
    }
}

/// The stage itself, then its steps.
fn stages(old: &PlannedStage, new: &PlannedStage, hosts: &Kept, changes: &mut Vec<Change>) {
    let what = format!("the stage {}", new.name);
    let env = |env: Option<&EnvName>| text(env.map(EnvName::as_str));
    let own = [
        moved("env", old.env.as_ref(), new.env.as_ref(), env),
        moved("order", old.order, new.order, order),
        moved("gate", old.gate, new.gate, gate),
    ];
    changes.extend(
        own.into_iter()
            .flatten()
            .map(|how| differs(what.clone(), how)),
    );
    let steps = |stage: &PlannedStage| -> Vec<StepName> {
        let steps = stage.steps().filter_map(|tasks| tasks.first());
        steps.map(|task| task.step.clone()).collect()
    };
    let (before, now) = (steps(old), steps(new));
    // What waits for what follows from the list; it is told only where nothing else explains it.
    let ids = old.tasks.iter().map(|task| &task.id);
    let is_same_list = ids.eq(new.tasks.iter().map(|task| &task.id)) && old.order == new.order;
    for tasks in new.steps() {
        let name = &tasks[0].step;
        let what = format!("{}/{name}", new.name.slug());
        match old.steps().find(|other| other[0].step == *name) {
            None => changes.push(change(what, How::New)),
            Some(others) => step(
                &what,
                (others, tasks),
                is_same_list,
                |task| {
                    let host = task.site.host();
                    new.env == old.env
                        && host.is_none_or(|host| {
                            let mut kept = hosts.iter();
                            kept.any(|(env, name)| Some(env) == new.env.as_ref() && name == host)
                        })
                },
                changes,
            ),
        }
    }
    for name in before.iter().filter(|name| !now.contains(name)) {
        changes.push(change(format!("{}/{name}", new.name.slug()), How::Gone));
    }
    if is_reordered(&before, &now) {
        changes.push(differs(what, "its steps are in another order"));
    }
}

/// The tasks of one step. A host that came or went altogether (`is_kept` says no) is told elsewhere.
fn step(
    what: &str,
    (old, new): (&[Task], &[Task]),
    is_same_list: bool,
    is_kept: impl Fn(&Task) -> bool,
    changes: &mut Vec<Change>,
) {
    let mut found: BTreeMap<How, Vec<&str>> = BTreeMap::new();
    let mut both = 0;
    for task in new {
        let site = task.site.as_str();
        match old.iter().find(|other| other.site == task.site) {
            Some(before) => {
                both += 1;
                for how in deeds(before, task, is_same_list) {
                    found.entry(How::Differs(how)).or_default().push(site);
                }
            }
            None if is_kept(task) => found.entry(How::New).or_default().push(site),
            None => {}
        }
    }
    for task in old.iter().filter(|task| is_kept(task)) {
        if !new.iter().any(|other| other.site == task.site) {
            found.entry(How::Gone).or_default().push(task.site.as_str());
        }
    }
    for (how, sites) in found {
        let everywhere = matches!(how, How::Differs(_)) && sites.len() == both;
        let what = if everywhere && (both > 1 || sites == ["local"]) {
            what.to_owned()
        } else {
            format!("{what} on {}", sites.join(", "))
        };
        changes.push(change(what, how));
    }
}

/// What a task does otherwise.
fn deeds(old: &Task, new: &Task, is_same_list: bool) -> Vec<String> {
    let count = |count: Option<usize>| count.map_or("all".to_owned(), |count| count.to_string());
    let limit = |limit: Option<u64>| {
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds of a time limit are few"
        )]
        limit.map_or("none".to_owned(), |limit| seconds(limit as f64))
    };
    let mut found = actions(&old.action, &new.action);
    let skip = match (&old.skip, &new.skip) {
        (Some(_), None) => Some("it runs now".to_owned()),
        (None, Some(why)) => Some(format!("it does not run: {why}")),
        _ => None,
    };
    let settings = [
        skip,
        moved("timeout", old.timeout_s, new.timeout_s, limit),
        moved("retry", old.retry, new.retry, |count| count.to_string()),
        moved("retry_delay", old.retry_delay_s, new.retry_delay_s, seconds),
        moved("parallel", old.parallel, new.parallel, count),
        moved("once", old.once, new.once, yes),
        moved("idempotent", old.idempotent, new.idempotent, yes),
        moved("on_failure", old.on_failure, new.on_failure, on_failure),
        moved("proof", old.proof.as_deref(), new.proof.as_deref(), text),
        moved("phase", old.phase, new.phase, phase),
        moved("downtime", old.downtime, new.downtime, downtime),
    ];
    found.extend(settings.into_iter().flatten());
    if found.is_empty() && is_same_list && old.after != new.after {
        found.push("it waits for other steps".to_owned());
    }
    found
}

fn actions(old: &Action, new: &Action) -> Vec<String> {
    match (old, new) {
        (Action::Exec(old), Action::Exec(new)) => commands(old, new),
        (Action::Ask { question: old }, Action::Ask { question: new }) if old == new => Vec::new(),
        (Action::Ask { .. }, Action::Ask { .. }) => vec!["the question changed".to_owned()],
        (Action::Exec(_), Action::Ask { .. }) => vec!["it is a question now".to_owned()],
        (Action::Ask { .. }, Action::Exec(_)) => vec!["it is a command now".to_owned()],
    }
}

fn commands(old: &CommandLine, new: &CommandLine) -> Vec<String> {
    let mut found = Vec::new();
    if old.script != new.script {
        found.push("the command changed".to_owned());
    }
    found.extend(moved("cwd", old.cwd.as_deref(), new.cwd.as_deref(), text));
    let mut names: Vec<&String> = old.env.keys().chain(new.env.keys()).collect();
    names.sort_unstable();
    names.dedup();
    // Golive's own follow from stages, hosts and the release, which are told themselves. Values may be long.
    names.retain(|name| !name.starts_with("GOLIVE_") && old.env.get(*name) != new.env.get(*name));
    if !names.is_empty() {
        let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
        found.push(format!("the value of {} changed", names.join(", ")));
    }
    found
}

fn seconds(seconds: f64) -> String {
    format!("{seconds} s")
}

fn order(order: Order) -> String {
    match order {
        Order::Lockstep => "lockstep",
        Order::Free => "free",
        Order::Serial => "serial",
    }
    .to_owned()
}

fn gate(gate: Gate) -> String {
    match gate {
        Gate::Type => "type",
        Gate::Key => "key",
        Gate::None => "none",
    }
    .to_owned()
}

fn phase(phase: Phase) -> String {
    match phase {
        Phase::Prepare => "prepare",
        Phase::Activate => "activate",
    }
    .to_owned()
}

fn downtime(downtime: Option<Downtime>) -> String {
    match downtime {
        Some(Downtime::Begins) => "begins",
        Some(Downtime::Ends) => "ends",
        None => "none",
    }
    .to_owned()
}

fn on_failure(what: OnFailure) -> String {
    match what {
        OnFailure::Ask => "ask",
        OnFailure::Stop => "stop",
        OnFailure::Continue => "continue",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::super::checklist;
    use super::super::super::id::Commit;
    use super::super::build::{History, Selection, Target, build};
    use super::*;

    const FILE: &str = r#"
[project]
name = "shop"
[env.production]
hosts = { web1 = "web1", web2 = "web2" }
[step.code]
run = "fetch"
on = "all"
[step.reload]
run = "reload"
on = "all"
timeout = "60s"
[[stage]]
name = "Go Live"
env = "production"
steps = ["code", "reload"]
"#;

    fn plan(text: &str, selection: &Selection) -> Plan {
        let checklist = checklist::read("releases.toml", text).unwrap();
        let target = Target {
            reference: "HEAD".to_owned(),
            commit: Some(Commit::new("9be0d11aa0000000000000000000000000000000")),
            ..Target::default()
        };
        build(&checklist, &target, &History::default(), selection).unwrap()
    }

    /// The changes when these texts of the file are replaced.
    fn changed(replaced: &[(&str, &str)]) -> Vec<String> {
        of_part(replaced, &Selection::default())
    }

    fn of_part(replaced: &[(&str, &str)], selection: &Selection) -> Vec<String> {
        let mut text = FILE.to_owned();
        for (old, new) in replaced {
            assert!(text.contains(old), "{old}");
            text = text.replace(old, new);
        }
        let changes = difference(&plan(FILE, selection), &plan(&text, selection));
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_that_decides_the_same_is_no_change() {
        let about = "on = \"all\"\nabout = \"the code\"\ntakes = \"3s\"";
        assert_eq!(changed(&[("on = \"all\"", about)]), [""; 0]);
    }

    #[test]
    fn a_change_on_every_host_is_told_once() {
        assert_eq!(
            changed(&[("run = \"fetch\"", "run = \"fetch --all\""), ("60s", "2m")]),
            [
                "go-live/code: the command changed",
                "go-live/reload: timeout 60 s -> 120 s"
            ]
        );
    }

    #[test]
    fn a_change_on_one_host_names_it() {
        let host = "web2 = { ssh = \"web2\", vars = { COLOR = \"red\" } }";
        assert_eq!(
            changed(&[("web2 = \"web2\"", host)]),
            [
                "go-live/code on web2: the value of COLOR changed",
                "go-live/reload on web2: the value of COLOR changed",
            ]
        );
    }

    #[test]
    fn hosts_come_and_go_without_their_tasks_being_told_as_well() {
        assert_eq!(
            changed(&[("web2 = \"web2\"", "web3 = \"web3\"")]),
            [
                "host web3 of production is new",
                "host web2 of production is gone"
            ]
        );
    }

    #[test]
    fn a_host_that_is_reached_otherwise_is_told() {
        let host = "web1 = \"ada@web1.example\"";
        assert_eq!(
            changed(&[("web1 = \"web1\"", host)]),
            ["host web1 of production: reached as web1 -> ada@web1.example"]
        );
    }

    #[test]
    fn steps_that_come_go_and_change_places_are_told() {
        let smoke = "[step.smoke]\nrun = \"curl\"\n[[stage]]";
        assert_eq!(
            changed(&[
                ("[[stage]]", smoke),
                ("\"reload\"]", "\"reload\", \"smoke\"]")
            ]),
            ["go-live/smoke is new"]
        );
        assert_eq!(
            changed(&[("[\"code\", \"reload\"]", "[\"reload\", \"code\"]")]),
            ["the stage Go Live: its steps are in another order"]
        );
        assert_eq!(
            changed(&[("[\"code\", \"reload\"]", "[\"code\"]")]),
            ["go-live/reload is gone"]
        );
        assert_eq!(
            changed(&[(
                "run = \"reload\"\non = \"all\"",
                "run = \"reload\"\non = \"web1\""
            )]),
            ["go-live/reload on web2 is gone"]
        );
    }

    #[test]
    fn stages_and_their_gates_are_told() {
        assert_eq!(
            changed(&[(
                "env = \"production\"",
                "env = \"production\"\norder = \"serial\""
            )]),
            ["the stage Go Live: order lockstep -> serial"]
        );
        let more = "[[stage]]\nname = \"After\"\nsteps = [\"code\"]\nenv = \"production\"\n[[stage]]\nname = \"Go";
        assert_eq!(
            changed(&[("[[stage]]\nname = \"Go", more)])[0],
            "the stage After is new"
        );
        let gated = changed(&[("[env.production]", "[env.production]\ngate = \"key\"")]);
        assert_eq!(gated, ["the stage Go Live: gate type -> key"]);
    }

    #[test]
    fn a_part_is_compared_with_the_same_part() {
        let one = Selection {
            hosts: vec![HostName::from("web1")],
            ..Selection::default()
        };
        assert_eq!(of_part(&[], &one), [""; 0]);
        assert_eq!(
            of_part(&[("60s", "2m")], &one),
            ["go-live/reload on web1: timeout 60 s -> 120 s"]
        );
        let from = Selection {
            from: Some(StepName::from("reload")),
            ..Selection::default()
        };
        assert_eq!(
            of_part(&[("run = \"fetch\"", "run = \"other\"")], &from),
            [""; 0]
        );
    }
}
