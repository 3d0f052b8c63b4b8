//! The brief before a run, and the summary after it: what will happen, and what did.

use ratatui::layout::Rect;

use super::paint::{Paint, wrap};
use super::rail::stage_name;
use crate::domain::checklist::Gate;
use crate::domain::feed::Link;
use crate::domain::id::{EnvName, HostName};
use crate::domain::run::progress;
use crate::domain::run::{GateState, Moment, Outcome, RunState, RunStatus};
use crate::domain::text::width;
use crate::ui::choices;
use crate::ui::fleet;
use crate::ui::model::{Model, RunView};
use crate::ui::rows;
use crate::ui::states;
use crate::ui::theme::State;
use crate::ui::words;

/// A line: the state before it, a word, its text, the text's role.
type Fact = (Option<State>, String, String, &'static str);

/// Below this width the words before the facts are short.
const NARROW: u16 = 48;

/// The columns of a word before a fact.
const WORD: u16 = 11;

/// Draws the brief of a run that waits for its start, or the summary of one that is over.
pub fn draw(paint: &mut Paint<'_>, area: Rect, model: &Model, view: &RunView, now: Moment) {
    let facts = match view.state.status {
        RunStatus::Prepared => before(model, &view.state, now),
        _ => after(&view.state, now),
    };
    write(paint, area, &facts);
}

/// Writes facts from the top; where they do not fit, the empty lines between them go first.
fn write(paint: &mut Paint<'_>, area: Rect, facts: &[Fact]) {
    let narrow = area.width < NARROW;
    let (edge, indent) = if narrow { (0, 13) } else { (1, 15) };
    let width = area.width.saturating_sub(indent + 1);
    let rows = |text: &str| -> Vec<String> {
        let most = if narrow { 3 } else { 6 };
        wrap(text, usize::from(width))
            .into_iter()
            .take(most)
            .collect()
    };
    let all: usize = facts.iter().map(|(_, _, text, _)| rows(text).len()).sum();
    let tight = all > usize::from(area.height);
    let trouble = [State::Warn, State::Fail, State::Lost];
    let well = |state: &Option<State>| !state.is_some_and(|state| trouble.contains(&state));
    let mut facts: Vec<&Fact> = facts.iter().collect();
    if tight && !facts.is_empty() {
        // There is no room for all: first what it is, then what is not well.
        facts[1..].sort_by_key(|(state, ..)| well(state));
    }
    let mut y = area.y;
    for (state, word, text, role) in facts {
        if tight && text.is_empty() {
            continue;
        }
        for (at, row) in rows(text).iter().enumerate() {
            if y >= area.bottom() {
                return;
            }
            if at == 0 {
                if let Some(state) = state {
                    paint.glyph(area.x + edge, y, *state);
                }
                paint.text(area.x + edge + 2, y, WORD, word, "text.dim");
            }
            paint.text(area.x + indent, y, width, row, role);
            y += 1;
        }
    }
}

fn fact(state: Option<State>, word: &str, text: impl Into<String>, role: &'static str) -> Fact {
    (state, word.to_owned(), text.into(), role)
}

fn blank() -> Fact {
    fact(None, "", "", "text")
}

fn before(model: &Model, state: &RunState, now: Moment) -> Vec<Fact> {
    let plan = &state.plan;
    let commit = plan
        .commit
        .as_ref()
        .map_or("no commit", |commit| commit.short());
    let goes_back = plan.rollback.is_some();
    let mut facts = vec![fact(
        None,
        if goes_back { "back to" } else { "releases" },
        format!("{commit}  ({})", plan.reference),
        "text.strong",
    )];
    let live = plan
        .previous
        .as_ref()
        .map_or("nothing is tagged as live yet".to_owned(), |live| {
            live.short().to_owned()
        });
    let head = if goes_back { "leaves" } else { "instead of" };
    facts.push(fact(None, head, live, "text"));
    match &plan.tag {
        Some(tag) => facts.push(fact(None, "tag", format!("{tag}, at the end"), "text")),
        None => facts.push(fact(None, "tag", "none is written", "text.dim")),
    }
    let warnings = plan.warnings.iter();
    facts.extend(warnings.map(|said| fact(Some(State::Warn), "warning", said, "state.warn")));
    facts.push(blank());
    let steps = rows::step_count(state);
    facts.push(fact(
        None,
        "forecast",
        match plan.forecast.total_s {
            Some(total) => format!(
                "{}, ~{} without gates",
                words::count(steps, "step"),
                words::span(total)
            ),
            None => format!(
                "{}, time not known: {}",
                words::count(steps, "step"),
                unknown_steps(state)
            ),
        },
        "text",
    ));
    facts.extend(forecasts(state));
    facts.push(blank());
    facts.extend(gates(state));
    facts.extend(connections(model, state));
    facts.extend(locks_before(model, state, now));
    facts.push(blank());
    facts.extend(dirty(state));
    facts
}

/// The locks that the run will want, as far as they were looked at: who has one, or that all are free.
fn locks_before(model: &Model, state: &RunState, now: Moment) -> Vec<Fact> {
    let mut told: Vec<(&EnvName, State, String)> = Vec::new();
    for env in state
        .plan
        .stages
        .iter()
        .filter_map(|stage| stage.env.as_ref())
    {
        let line = fleet::lock_line(model, env, now);
        if let Some((shown, said)) = line.filter(|_| told.iter().all(|(of, ..)| *of != env)) {
            told.push((env, shown, said));
        }
    }
    if !told.is_empty() && told.iter().all(|(_, shown, _)| *shown == State::Ok) {
        let names: Vec<&str> = told.iter().map(|(env, ..)| env.as_str()).collect();
        let said = format!("free: {}", names.join(", "));
        return vec![fact(Some(State::Ok), "locks", said, "text")];
    }
    let troubles = told.into_iter().filter(|(_, shown, _)| *shown != State::Ok);
    troubles
        .map(|(env, shown, said)| {
            let is = if said.starts_with("lock free") {
                ""
            } else {
                "is "
            };
            fact(
                Some(shown),
                "lock",
                format!("{env} {is}{said}"),
                "state.warn",
            )
        })
        .collect()
}

/// Which steps nobody knows the duration of, in words.
fn unknown_steps(state: &RunState) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (planned, _) in state.each() {
        let unknown = planned.takes_s.is_none() && planned.skip.is_none();
        if unknown && !names.contains(&planned.step.as_str()) {
            names.push(planned.step.as_str());
        }
    }
    let more = names.len().saturating_sub(4);
    names.truncate(4);
    match (names.as_slice(), more) {
        ([], _) => "a step has no estimate".to_owned(),
        ([one], _) => format!("{one} has no estimate"),
        ([first @ .., last], 0) => {
            format!("{} and {last} have no estimate", first.join(", "))
        }
        (some, more) => format!("{} and {more} more have no estimate", some.join(", ")),
    }
}

/// How long each environment may take, and may be down.
fn forecasts(state: &RunState) -> Vec<Fact> {
    let plan = &state.plan;
    let mut facts = Vec::new();
    let mut told: Vec<&EnvName> = Vec::new();
    for env in plan.stages.iter().filter_map(|stage| stage.env.as_ref()) {
        let Some(forecast) = plan.forecast.envs.get(env).filter(|_| !told.contains(&env)) else {
            continue;
        };
        told.push(env);
        let down = forecast
            .downtime_s
            .values()
            .map(|down| down.unwrap_or(f64::NAN))
            .fold(0.0_f64, |one, other| {
                if one.is_nan() || other.is_nan() {
                    f64::NAN
                } else {
                    one.max(other)
                }
            });
        let down = if forecast.downtime_s.is_empty() {
            "no downtime".to_owned()
        } else if down.is_nan() {
            "? down".to_owned()
        } else {
            format!("~{} down", words::span(down))
        };
        let text = format!(
            "{} prepare, {} activate, {down}",
            words::guess(forecast.prepare_s),
            words::guess(forecast.activate_s)
        );
        facts.push(fact(None, env.as_str(), text, "text"));
    }
    facts
}

fn gates(state: &RunState) -> Vec<Fact> {
    let stages = state.plan.stages.iter().enumerate();
    stages
        .filter(|(_, planned)| planned.gate != Gate::None)
        .map(|(stage, planned)| {
            let how = super::board::gate_word(planned.gate);
            fact(
                Some(State::Wait),
                "gate",
                format!("before {}: {how}", stage_name(state, stage)),
                "text",
            )
        })
        .collect()
}

fn connections(model: &Model, state: &RunState) -> Vec<Fact> {
    let mut facts = Vec::new();
    let hosts = &state.plan.hosts;
    let link = |at: usize| {
        model
            .links
            .get(&(hosts[at].env.clone(), hosts[at].name.clone()))
            .map(|(link, _)| link)
    };
    let up = (0..hosts.len())
        .filter(|at| matches!(link(*at), Some(Link::Connected(_))))
        .count();
    if hosts.is_empty() {
        return vec![fact(
            None,
            "hosts",
            "none: everything runs on this machine",
            "text.dim",
        )];
    }
    let all = if up == hosts.len() {
        State::Ok
    } else {
        State::Wait
    };
    facts.push(fact(
        Some(all),
        "hosts",
        format!("{up} of {} reached", words::count(hosts.len(), "host")),
        "text",
    ));
    for (at, host) in hosts.iter().enumerate() {
        let why = match link(at) {
            Some(Link::Failed { why, help }) => {
                let help = help
                    .as_ref()
                    .map_or_else(String::new, |help| format!(". {help}"));
                format!("{why}{help}")
            }
            Some(Link::Lost { why, .. }) => why.clone(),
            _ => continue,
        };
        facts.push(fact(
            Some(states::of_link(link(at))),
            host.name.as_str(),
            why,
            "state.fail",
        ));
    }
    facts
}

fn dirty(state: &RunState) -> Vec<Fact> {
    let files = &state.plan.dirty;
    if files.is_empty() {
        return vec![fact(
            Some(State::Ok),
            "tree",
            "clean: what runs is what is committed",
            "text",
        )];
    }
    let commit = state
        .plan
        .commit
        .as_ref()
        .map_or("the commit", |commit| commit.short());
    let text = format!(
        "{} not committed. Local steps see them, {commit} does not hold them",
        words::count(files.len(), "change")
    );
    let mut facts = vec![fact(Some(State::Warn), "tree", text, "state.warn")];
    facts.extend(
        files
            .iter()
            .take(5)
            .map(|file| fact(None, "", file.clone(), "text.dim")),
    );
    if files.len() > 5 {
        facts.push(fact(
            None,
            "",
            format!("{} more", files.len() - 5),
            "text.dim",
        ));
    }
    facts
}

fn after(state: &RunState, now: Moment) -> Vec<Fact> {
    let commit = state
        .plan
        .commit
        .as_ref()
        .map_or("no commit", |commit| commit.short());
    let outcome = match state.status {
        RunStatus::Finished(outcome) => Some(outcome),
        _ => None,
    };
    let said = match outcome {
        Some(Outcome::Succeeded) => format!("{commit} is released"),
        Some(Outcome::RolledBack) => format!("{commit} is live again"),
        Some(Outcome::Failed) => "a step failed, and the run ended".to_owned(),
        Some(Outcome::Stopped) => "the operator ended the run".to_owned(),
        _ => states::word(state.status).to_owned(),
    };
    let shown = states::of_outcome(outcome);
    let mut facts = vec![fact(Some(shown), "outcome", said, "text.strong")];
    facts.extend(tags(state, outcome));
    facts.push(fact(None, "users", progress::users_see(state), "text"));
    facts.extend(locks(state, outcome));
    facts.extend(left_out(state));
    facts.push(blank());
    if let (Some(started), Some(ended)) = (state.started, state.ended) {
        let took = words::span((ended - started).as_seconds_f64());
        facts.push(fact(
            None,
            "took",
            format!(
                "{took}, from {} to {}",
                started.format("%H:%M:%S"),
                ended.format("%H:%M:%S")
            ),
            "text",
        ));
    }
    facts.extend(stages(state));
    facts.push(blank());
    facts.extend(downtime(state, now));
    facts
}

/// The locks that the run keeps behind its end; after a bad end also that it keeps none.
fn locks(state: &RunState, outcome: Option<Outcome>) -> Vec<Fact> {
    let kept = choices::held(state);
    if kept.is_empty() {
        let badly = state.lock.is_some() && !outcome.is_some_and(Outcome::is_success);
        let freed = fact(None, "locks", "none is kept", "text.dim");
        return badly.then_some(freed).into_iter().collect();
    }
    let named = match kept.as_slice() {
        [one] => one.as_str(),
        _ => "ENV",
    };
    let said = choices::about_locks(&kept, "stays locked", "stay locked");
    let said = said.map(|said| {
        let said = format!("{said}; golive lock {named} --release frees it");
        fact(Some(State::Warn), "locked", said, "state.warn")
    });
    said.into_iter().collect()
}

/// The hosts on which nothing more was run, and why.
fn left_out(state: &RunState) -> Vec<Fact> {
    let mut facts: Vec<Fact> = state
        .left_out
        .iter()
        .take(4)
        .map(|((env, host), why)| {
            let head = format!("{host} was left out: ");
            let why = why.strip_prefix(&head).unwrap_or(why);
            let said = format!("{host} of {env}: {why}");
            fact(Some(State::Skip), "left out", said, "state.warn")
        })
        .collect();
    if state.left_out.len() > 4 {
        let more = words::count(state.left_out.len() - 4, "more host");
        facts.push(fact(None, "", more, "text.dim"));
    }
    facts
}

/// What was tagged, or why nothing was.
fn tags(state: &RunState, outcome: Option<Outcome>) -> Vec<Fact> {
    let mut facts = Vec::new();
    match &state.tag {
        Some(tag) => {
            let name = tag.tag.as_deref().unwrap_or("no release tag");
            let pushed = tag.remote.as_ref().map_or_else(
                || "not pushed".to_owned(),
                |remote| format!("pushed to {remote}"),
            );
            facts.push(fact(
                Some(State::Ok),
                "tag",
                format!("{name}, {pushed}"),
                "text",
            ));
            if let Some(live) = &tag.live {
                facts.push(fact(
                    Some(State::Ok),
                    "live",
                    format!("{live} is {}", tag.commit.short()),
                    "text",
                ));
            }
        }
        None if outcome.is_some_and(Outcome::is_success) => {
            facts.push(fact(None, "tag", "none was written", "text.dim"));
        }
        None => facts.push(fact(
            Some(State::Skip),
            "tag",
            "none was written: tags come last, after success",
            "text",
        )),
    }
    facts
}

/// What failed, and how long each stage took.
fn stages(state: &RunState) -> Vec<Fact> {
    let mut facts = Vec::new();
    let failed = state
        .each()
        .filter(|(_, task)| task.status == crate::domain::run::TaskStatus::Failed);
    for (planned, task) in failed.take(6) {
        let ending = task
            .ending
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        facts.push(fact(
            Some(State::Fail),
            "failed",
            format!("{}: {ending}", planned.id),
            "state.fail",
        ));
    }
    for (stage, planned) in state.stages.iter().enumerate() {
        let Some((started, ended)) = planned.started.zip(planned.ended) else {
            continue;
        };
        let by = match &planned.gate {
            GateState::Approved { by, .. } => format!("   passed by {}", words::user(by)),
            _ => String::new(),
        };
        let text = format!("{}{by}", words::span((ended - started).as_seconds_f64()));
        let name = stage_name(state, stage);
        let (word, text) = if width(&name) <= usize::from(WORD) {
            (name, text)
        } else {
            // A tag that is cut off says nothing: long names stand among the facts, whole.
            let name = state.plan.stages[stage].name.as_str();
            let undo = name.strip_prefix("Undo ");
            let undo = undo.filter(|_| state.plan.rollback.is_some());
            let word = if undo.is_some() { "undo" } else { "stage" };
            (
                word.to_owned(),
                format!("{}   {text}", undo.unwrap_or(name)),
            )
        };
        let well = Some(states::of_stage(state, stage));
        facts.push(fact(well, &word, text, "text"));
    }
    facts
}

fn downtime(state: &RunState, now: Moment) -> Vec<Fact> {
    let measured = progress::downtime(state, now);
    if measured.is_empty() {
        return vec![fact(
            None,
            "downtime",
            "no step that was run begins one",
            "text.dim",
        )];
    }
    let mut envs: Vec<(EnvName, Vec<(HostName, f64)>)> = Vec::new();
    for ((env, host), seconds) in measured {
        match envs.last_mut() {
            Some((last, hosts)) if *last == env => hosts.push((host, seconds)),
            _ => envs.push((env, vec![(host, seconds)])),
        }
    }
    envs.into_iter()
        .map(|(env, hosts)| {
            let forecast = state.plan.forecast.envs.get(&env);
            let forecast = forecast.and_then(|env| {
                let each = env.downtime_s.values().copied();
                each.reduce(|one, other| Some(one?.max(other?))).flatten()
            });
            let said = if hosts.len() > 4 {
                let most = hosts
                    .iter()
                    .map(|(_, seconds)| *seconds)
                    .fold(0.0, f64::max);
                let many = words::count(hosts.len(), "host");
                format!("{many} at most {}", words::span(most))
            } else {
                let each = hosts.iter();
                let each = each.map(|(host, seconds)| format!("{host} {}", words::span(*seconds)));
                each.collect::<Vec<_>>().join(", ")
            };
            let text = format!("{env} {said}, forecast {}", words::guess(forecast));
            fact(None, "downtime", text, "text")
        })
        .collect()
}
