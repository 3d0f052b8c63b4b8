//! Checking the stages: what depends on the list a step stands in and on the environment it is used in.
//!
//! Hosts for every host step, `needs` within the stage, no circle, downtime that begins and ends, one tag per release.

use super::draft::{Draft, DraftEnvironment, DraftStage, DraftStep, Used};
use super::{Downtime, Host, On, Selector, Stage, Step, cycle};
use crate::domain::source::{Located, Problems};
use crate::domain::step::BUILT_IN_TAG;
use crate::domain::text::similar;

/// Checks one stage with its expanded list.
pub(super) fn check(stage: &DraftStage, used: &[Used], draft: &Draft, problems: &mut Problems) {
    let env = environment(stage, draft, problems);
    let steps: Vec<&DraftStep> = used
        .iter()
        .filter_map(|used| draft.step(&used.name))
        .collect();
    for (used, step) in used.iter().zip(&steps) {
        if step.step.on == On::Local {
            continue;
        }
        match env {
            Some(env) => finds_a_host(used, step, env, problems),
            None if stage.env.is_none() => {
                problems
                    .add(
                        used.place,
                        format!(
                            "the step `{}` runs on hosts, but the stage \"{}\" has no `env`",
                            used.name, stage.name.value
                        ),
                    )
                    .expected(within(used))
                    .also(step.place("on"), "runs on hosts")
                    .help("give the stage an environment: env = \"…\"");
            }
            None => {}
        }
    }
    if let (None, Some(place)) = (&stage.env, stage.order_place) {
        problems
            .add(
                place,
                format!(
                    "`order` makes no sense in the stage \"{}\"",
                    stage.name.value
                ),
            )
            .expected("a stage without `env` has no hosts to go through");
    }
    needs(stage, used, &steps, problems);
    downtime(stage, used, &steps, problems);
}

/// The stage's environment; a name that leads nowhere is reported.
fn environment<'d>(
    stage: &DraftStage,
    draft: &'d Draft,
    problems: &mut Problems,
) -> Option<&'d DraftEnvironment> {
    let wanted = stage.env.as_ref()?;
    let mut environments = draft.environments.iter();
    let found = environments.find(|env| env.environment.name.as_str() == wanted.value);
    if found.is_none() {
        let names = draft
            .environments
            .iter()
            .map(|env| env.environment.name.as_str());
        let near = similar(&wanted.value, names);
        let problem = problems.add(
            wanted.span,
            format!("no environment is named `{}`", wanted.value),
        );
        problem.expected("expected the name of an environment");
        match near {
            Some(near) => problem.maybe(Some(near)),
            None => problem.help(format!("declare it: [env.{}]", wanted.value)),
        };
    }
    found
}

/// A step that runs on hosts finds one in this environment.
fn finds_a_host(used: &Used, step: &DraftStep, env: &DraftEnvironment, problems: &mut Problems) {
    let env_name = &env.environment.name;
    let hosts = &env.environment.hosts;
    // Names that lead nowhere at all, and environments without hosts, were reported already.
    let nowhere = matches!(&step.step.on, On::Some(selectors) if selectors.len() < step.on.len());
    if nowhere || hosts.is_empty() || hosts.iter().any(|host| runs_on(&step.step, host)) {
        return;
    }
    let names: Vec<String> = step
        .on
        .iter()
        .map(|name| format!("`{}`", name.value))
        .collect();
    problems
        .add(
            used.place,
            format!(
                "the step `{}` finds no host in the environment `{env_name}`",
                used.name
            ),
        )
        .expected(within(used))
        .also(
            step.place("on"),
            format!(
                "no host there has the name or the role {}",
                names.join(" or ")
            ),
        )
        .also(env.place, "the environment");
}

/// Whether a step runs on a host.
pub(super) fn runs_on(step: &Step, host: &Host) -> bool {
    match &step.on {
        On::Local => false,
        On::All => true,
        On::Some(selectors) => selectors.iter().any(|selector| match selector {
            Selector::Role(role) => host.plays(role),
            Selector::Host(name) => host.name == *name,
        }),
    }
}

/// What a step needs is in the stage, and nothing waits for itself.
fn needs(stage: &DraftStage, used: &[Used], steps: &[&DraftStep], problems: &mut Problems) {
    let position = |name: &str| used.iter().position(|used| used.name == name);
    let mut waits_for = Vec::with_capacity(steps.len());
    for (at, step) in steps.iter().enumerate() {
        let Some(needs) = &step.needs else {
            waits_for.push(at.checked_sub(1).into_iter().collect());
            continue;
        };
        let mut positions = Vec::new();
        for need in needs {
            match position(&need.value) {
                Some(found) if found != at => positions.push(found),
                Some(_) => {}
                None if known_elsewhere(&need.value, problems, step) => {}
                None => {
                    problems
                        .add(need.span, format!("the step `{}` needs `{}`, which is not in the stage \"{}\"", step.name.value, need.value, stage.name.value))
                        .expected("expected a step of the same stage")
                        .also(used[at].place, format!("`{}` is used here", step.name.value))
                        .help("stages run one after the other: what an earlier stage did has ended already");
                }
            }
        }
        waits_for.push(positions);
    }
    if let Some(circle) = cycle::find(&waits_for) {
        report_circle(&circle, used, steps, problems);
    }
}

/// Whether a missing need was reported already: it is no step at all.
fn known_elsewhere(need: &str, problems: &Problems, step: &DraftStep) -> bool {
    let place = step
        .needs
        .iter()
        .flatten()
        .find(|other| other.value == need);
    place.is_some_and(|place| problems.has_at(place.span))
}

/// Reports steps that wait for each other.
fn report_circle(circle: &[usize], used: &[Used], steps: &[&DraftStep], problems: &mut Problems) {
    let mut names: Vec<&str> = circle.iter().map(|at| used[*at].name.as_str()).collect();
    names.push(names[0]);
    let told = |at: usize| {
        let (name, next) = (&used[at].name, circle_next(circle, at));
        match &steps[at].needs {
            Some(_) => (
                steps[at].place("needs"),
                format!("`{name}` needs `{}`", used[next].name),
            ),
            None => (
                used[at].place,
                format!("`{name}` has no `needs`: it waits for the step before it"),
            ),
        }
    };
    let declared = circle.iter().position(|at| steps[*at].needs.is_some());
    let first = circle[declared.unwrap_or_default()];
    let (place, label) = told(first);
    let what = format!("these steps wait for each other: {}", names.join(" → "));
    let problem = problems.add(place, what);
    problem.expected(label);
    for at in circle.iter().filter(|at| **at != first) {
        let (place, label) = told(*at);
        problem.also(place, label);
    }
    problem.help("take one of them out of `needs`, or change the order of the list");
}

/// The position that this one of a circle waits for.
fn circle_next(circle: &[usize], at: usize) -> usize {
    let here = circle
        .iter()
        .position(|other| *other == at)
        .unwrap_or_default();
    circle[(here + 1) % circle.len()]
}

/// Downtime that begins in a stage ends in it, and the other way round.
fn downtime(stage: &DraftStage, used: &[Used], steps: &[&DraftStep], problems: &mut Problems) {
    let first = |wanted: Downtime| {
        let mut steps = used.iter().zip(steps);
        steps.find(|(_, step)| step.step.downtime == Some(wanted))
    };
    let (lonely, has, lacks) = match (first(Downtime::Begins), first(Downtime::Ends)) {
        (Some(begins), None) => (begins, "begins", "ends"),
        (None, Some(ends)) => (ends, "ends", "begins"),
        _ => return,
    };
    let (used, step) = lonely;
    problems
        .add(
            step.place("downtime"),
            format!(
                "downtime {has} in the stage \"{}\" and never {lacks}",
                stage.name.value
            ),
        )
        .expected(format!(
            "expected another step of the stage with downtime = \"{lacks}\""
        ))
        .also(used.place, format!("`{}` is used here", used.name));
}

/// Stages have ids of their own: their names in kebab case.
pub(super) fn ids_apart(draft: &Draft, problems: &mut Problems) {
    for (at, stage) in draft.stages.iter().enumerate() {
        let slug = stage.name.value.slug();
        let same = |other: &&DraftStage| other.name.value.slug() == slug;
        if let (false, Some(first)) = (slug.is_empty(), draft.stages[..at].iter().find(same)) {
            problems
                .add(
                    stage.name.span,
                    format!("two stages would have the id `{slug}`"),
                )
                .expected("expected another name")
                .also(first.name.span, "the other one");
        }
    }
}

/// A release gets its tags once, and there is a tag to write: LIVE can only say what one environment runs.
pub(super) fn tagged_once(draft: &Draft, stages: &[Stage], problems: &mut Problems) {
    let tags = |stage: &Stage| {
        let kind = |name: &&String| draft.step(name).map(|step| step.step.kind.label());
        let mut names: Vec<String> = stage.steps.iter().map(ToString::to_string).collect();
        names.retain(|name| kind(&name) == Some(BUILT_IN_TAG));
        names
    };
    let mut seen: Vec<(&Stage, &DraftStage, String)> = Vec::new();
    for (stage, written) in stages.iter().zip(&draft.stages) {
        for name in tags(stage) {
            if let Some((before, first, other)) = seen.first() {
                let place = |stage: &DraftStage, name: &str| {
                    let names = |step: &&Located<String>| {
                        let mut group = draft.group(&step.value).unwrap_or_default().iter();
                        step.value == name || group.any(|step| step.value == name)
                    };
                    let entry = stage.steps.iter().find(names);
                    entry.map_or(stage.place, |entry| entry.span)
                };
                let problem = problems.add(
                    place(written, &name),
                    format!("the release is tagged again by the step `{name}`"),
                );
                problem
                    .expected("a release gets its tags once")
                    .also(place(first, other), "first here");
                if before.env != stage.env {
                    problem.help("tags say what one environment runs: keep the one behind the environment that users see");
                }
            }
            seen.push((stage, written, name));
        }
    }
    let nothing = draft.release.live.is_none() && draft.release.tag.is_none();
    if let (true, Some((_, stage, name))) = (nothing, seen.first()) {
        let entry = stage.steps.iter().find(|step| step.value == *name);
        problems
            .add(
                entry.map_or(stage.place, |entry| entry.span),
                format!("the step `{name}` has no tag to write"),
            )
            .expected("[release] has live = false and tag = false");
    }
}

/// How the step came into the stage's list.
pub(super) fn within(used: &Used) -> String {
    match &used.group {
        Some(group) => format!("used here, in the group `{group}`"),
        None => "used here".to_owned(),
    }
}
