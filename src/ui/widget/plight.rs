//! The attention line: what needs the operator, and what users of the service see now.

use crate::domain::action::{Action, Ending};
use crate::domain::evidence::who_holds;
use crate::domain::feed::{Link, LockNews};
use crate::domain::id::{HostName, TaskId};
use crate::domain::lock::Remains;
use crate::domain::run::progress::{self, Need};
use crate::domain::run::{GateState, Moment, Outcome, RunState, RunStatus, TaskStatus};
use crate::domain::text::ellipsis;
use crate::ui::fleet;
use crate::ui::model::{Model, RunView};
use crate::ui::msg::Owner;
use crate::ui::widget::paint::columns;
use crate::ui::words;

/// More hosts than this are counted where a lock waits for them.
const MOST_HOSTS: usize = 3;

/// What stands on the attention line: text and role, most important first. What users see is never cut from a
/// line of `width` columns: it is said in fewer words, and then the sentence before it is shortened.
pub fn attention(
    model: &Model,
    view: &RunView,
    now: Moment,
    width: u16,
) -> Vec<(String, &'static str)> {
    let mut said = sentences(model, view, now);
    let width = usize::from(width);
    let over = |said: &[(String, &str)]| {
        let all: usize = said.iter().map(|(text, _)| columns(text)).sum();
        all.saturating_sub(width)
    };
    if over(&said) == 0 {
        return said;
    }
    if let Some((users, _)) = said.last_mut() {
        *users = progress::users_see_in_short(&view.state);
    }
    let over = over(&said);
    if over > 0 && said.len() > 1 {
        let first = &mut said[0].0;
        let room = columns(first.trim_end()).saturating_sub(over);
        *first = format!("{}  ", ellipsis(first.trim_end(), room));
    }
    said
}

/// That this machine cannot be used: until some time after the next try, which says so again if it fails.
fn here(view: &RunView, now: Moment) -> Option<String> {
    const GRACE_S: f64 = 3.0;
    let (why, at, retry_in) = view.here_failed.as_ref()?;
    let since = (now - *at).as_seconds_f64();
    (since < retry_in.as_secs_f64() + GRACE_S).then(|| {
        let again = left(*retry_in, *at, now);
        format!("! trouble on this machine, again in {again} s: {why}.")
    })
}

fn sentences(model: &Model, view: &RunView, now: Moment) -> Vec<(String, &'static str)> {
    let state = &view.state;
    let users = users(state, now);
    if let Some(why) = &view.journal_failed {
        let running = match running(state).len() {
            0 => "nothing runs".to_owned(),
            tasks => format!("{} still run", words::count(tasks, "task"))
                .replace("task still run", "task still runs"),
        };
        let said =
            format!("! NO JOURNAL: nothing more starts, {running}; q, then resume ({why}).  ");
        return vec![(said, "danger"), users];
    }
    let mut said = Vec::new();
    match &view.owner {
        Owner::Elsewhere(who) => said.push((format!("watching, driven by {who}.  "), "state.warn")),
        Owner::Background(_) if !matches!(state.status, RunStatus::Finished(_)) => said.push((
            "in the background; R takes it back.  ".to_owned(),
            "state.warn",
        )),
        Owner::Nobody if !matches!(state.status, RunStatus::Finished(_)) => {
            said.push((
                format!("nobody drives this run ({}).  ", progress::standing(state)),
                "state.warn",
            ));
        }
        _ => {}
    }
    let told = view.owner == Owner::Nobody && !said.is_empty();
    if let Some(trouble) = trouble(view, now).filter(|_| !told) {
        said.push((format!("{trouble}  "), "state.fail"));
    } else if let Some(wanted) = wanted(model, view, now) {
        let role = if wanted.starts_with('!') {
            "state.fail"
        } else {
            "state.warn"
        };
        said.push((format!("{wanted}  "), role));
    } else if let Some(here) = here(view, now) {
        said.push((format!("{here}  "), "state.fail"));
    } else if let Some(lost) = lost(model, view, now) {
        said.push((format!("{lost}  "), "state.lost"));
    } else if state.status == RunStatus::Prepared {
        said.push(("nothing has started yet.  ".to_owned(), "attention"));
    } else if state.status == RunStatus::Paused {
        said.push(("paused: nothing new starts.  ".to_owned(), "state.warn"));
    } else if state.status == RunStatus::Stopping {
        said.push((
            "stopping: waits for what runs, starts nothing more.  ".to_owned(),
            "state.warn",
        ));
    } else if let Some((ended, role)) = ended(state) {
        said.push((format!("{ended}  "), role));
    } else if let Some(silence) = silence(view, now) {
        said.push((format!("{silence}  "), "state.warn"));
    }
    said.push(users);
    said
}

/// How a run that did not succeed ended.
fn ended(state: &RunState) -> Option<(String, &'static str)> {
    match state.status {
        RunStatus::Finished(Outcome::Failed) => {
            let failed = state
                .each()
                .find(|(_, task)| task.status == TaskStatus::Failed);
            let what = failed.map_or("a step", |(planned, _)| short(&planned.id));
            Some((format!("the run ended: {what} FAILED."), "state.fail"))
        }
        RunStatus::Finished(Outcome::Stopped) => {
            Some(("the run was stopped.".to_owned(), "state.warn"))
        }
        _ => None,
    }
}

/// What users of the service see now.
pub fn users(state: &RunState, now: Moment) -> (String, &'static str) {
    let down = progress::down_now(state);
    let since = down.iter().map(|(_, _, since)| *since).min();
    let sentence = progress::users_see(state);
    match since {
        Some(since)
            if sentence.contains("down") && !matches!(state.status, RunStatus::Finished(_)) =>
        {
            (
                format!("{sentence} for {} now", words::since(since, now)),
                "danger",
            )
        }
        _ => (sentence, "attention"),
    }
}

/// What users see now, and what is ahead.
pub fn at_home(model: &Model, now: Moment) -> String {
    let Some(overview) = &model.overview else {
        return "looking what is live ..".to_owned();
    };
    if let Some(trouble) = &overview.repository_trouble {
        let short = trouble.split("; ").next().unwrap_or(trouble);
        return format!("{short}: nothing can be released or tagged from here");
    }
    let Some(env) = overview
        .environments
        .iter()
        .rev()
        .find(|env| env.gated)
        .or(overview.environments.last())
    else {
        return "this checklist touches no server".to_owned();
    };
    if let Some(differs) = fleet::difference(model) {
        return format!("! {differs}");
    }
    let ahead = overview.next.as_ref().map_or(0, |next| next.commit_count);
    let next = match ahead {
        0 => String::new(),
        ahead => format!("; {} ahead", words::count(ahead, "commit")),
    };
    let last = match overview.runs.first().and_then(|run| run.outcome) {
        Some(Outcome::Failed) => "; the last run failed",
        Some(Outcome::Stopped) => "; the last run was stopped",
        _ => "",
    };
    match &env.deployed {
        Some(deployed) => format!(
            "{} runs {} since {}{next}{last}",
            env.env,
            deployed.commit.short(),
            words::when(deployed.at, now)
        ),
        None => format!("it is not known what {} runs{next}{last}", env.env),
    }
}

/// The sentence about what failed, or waits for an answer.
fn trouble(view: &RunView, now: Moment) -> Option<String> {
    let state = &view.state;
    let first = progress::needs(state, true).into_iter().next();
    match first {
        Some(Need::Failure(tasks)) => {
            let task = state.task(&tasks[0])?;
            let ending = task
                .ending
                .as_ref()
                .map_or_else(|| "failed".to_owned(), ending);
            let more = if tasks.len() > 1 {
                format!(" and {} more", tasks.len() - 1)
            } else {
                String::new()
            };
            Some(format!("! {} FAILED{more}: {ending}.", short(&tasks[0])))
        }
        Some(Need::Interrupted(tasks)) => {
            Some(format!("? the end of {} is not known.", short(&tasks[0])))
        }
        Some(Need::Answer(task)) => Some(format!("! {} waits for your answer.", short(&task))),
        Some(Need::Gate(stage)) => {
            let env = state.plan.stages[stage].env.as_ref()?;
            let since = match &state.stages[stage].gate {
                GateState::Reached(at) => words::since(*at, now),
                _ => String::new(),
            };
            Some(format!("the gate of {env} waits for you, for {since}."))
        }
        None => None,
    }
}

/// A task without its stage, which the band tells already.
fn short(task: &TaskId) -> &str {
    let id = task.as_str();
    id.split_once('/').map_or(id, |(_, rest)| rest)
}

/// The tasks that run somewhere now, and since when; open questions run nowhere.
pub fn running(state: &RunState) -> Vec<(TaskId, Moment)> {
    let each = state.each().filter(|(planned, task)| {
        task.status == TaskStatus::Running && !matches!(planned.action, Action::Ask { .. })
    });
    each.filter_map(|(planned, task)| Some((planned.id.clone(), task.started?)))
        .collect()
}

/// The sentence about a lock that the run wants and does not have.
pub fn wanted(model: &Model, view: &RunView, now: Moment) -> Option<String> {
    let (env, wanted) = view.wanted.iter().next()?;
    let holder = wanted.holder.as_deref().unwrap_or("somebody");
    Some(match &wanted.news {
        LockNews::Taking => format!("asking for the lock of {env} .."),
        LockNews::Busy(busy) => match fleet::run_here(model, busy) {
            Some(run) => format!("! {env} is {}.", fleet::kept_by(run, env)),
            None => format!("! {env} is locked by {}.", who_holds(busy, now)),
        },
        LockNews::Occupied(remains) => {
            format!(
                "waits for what {holder} still runs on {}, for {}.",
                still_run(remains),
                words::since(wanted.at, now)
            )
        }
        LockNews::Failed { why, retry_in } => format!(
            "! no lock of {env}, again in {} s: {why}.",
            left(*retry_in, wanted.at, now)
        ),
    })
}

/// Why nothing of a stage starts, in full, while its lock is wanted: the attention line has no room for all of it.
pub fn held_up(model: &Model, view: &RunView, now: Moment) -> Option<String> {
    let (_, known) = view.wanted.iter().next()?;
    let said = wanted(model, view, now)?;
    let LockNews::Occupied(remains) = &known.news else {
        return Some(said);
    };
    let each = remains.iter().map(|left| {
        let names: Vec<String> = left
            .attempts
            .iter()
            .map(|name| words::attempt(name))
            .collect();
        format!("{}: {}", left.host, names.join(", "))
    });
    let each = each.collect::<Vec<_>>().join("\n");
    Some(format!(
        "{said}\n{each}\nIt goes on by itself once they have ended."
    ))
}

/// Where the former holder's attempts still run: `web1: migrate`, `web1, web2 (3 steps)`.
fn still_run(remains: &[Remains]) -> String {
    if let [Remains { host, attempts }] = remains
        && let [one] = attempts.as_slice()
    {
        return format!("{host}: {}", words::attempt(one));
    }
    let each = remains.iter().map(|left| match left.attempts.len() {
        1 => left.host.to_string(),
        all => format!("{} ({})", left.host, words::count(all, "step")),
    });
    let mut told: Vec<String> = each.collect();
    let more = told.len().saturating_sub(MOST_HOSTS);
    told.truncate(MOST_HOSTS);
    if more > 0 {
        told.push(format!("{more} more"));
    }
    told.join(", ")
}

/// The sentence about a connection that is lost while the run goes on.
fn lost(model: &Model, view: &RunView, now: Moment) -> Option<String> {
    let state = &view.state;
    if !matches!(state.status, RunStatus::Active | RunStatus::Stopping) {
        return None;
    }
    let stage = state.current_stage()?;
    let env = state.plan.stages[stage].env.as_ref()?;
    let of_run = |host: &&HostName| {
        let mut hosts = state.plan.hosts.iter();
        let known = hosts.any(|planned| planned.env == *env && planned.name == **host);
        known && !state.left_out.contains_key(&(env.clone(), (*host).clone()))
    };
    let gone: Vec<(&HostName, &Link, Moment)> = model
        .links
        .iter()
        .filter(|((of, host), (link, _))| {
            of == env && of_run(&host) && matches!(link, Link::Lost { .. } | Link::Failed { .. })
        })
        .map(|((_, host), (link, at))| (host, link, *at))
        .collect();
    let (host, link, at) = gone.first()?;
    let more = match gone.len() {
        1 => String::new(),
        all => format!(" and {} more", all - 1),
    };
    Some(match link {
        Link::Lost { why, retry_in } => {
            let seconds = left(*retry_in, *at, now);
            format!("LOST {host}{more}, retry in {seconds} s ({why}).")
        }
        Link::Failed { why, .. } => format!("! {host}{more} cannot be reached: {why}."),
        _ => return None,
    })
}

/// Seconds left of a time that began at `at`.
fn left(of: std::time::Duration, at: Moment, now: Moment) -> u64 {
    let gone = (now - at).to_std().unwrap_or_default();
    of.saturating_sub(gone).as_secs()
}

/// How an attempt ended, in a sentence.
pub fn ending(ending: &Ending) -> String {
    match ending {
        Ending::Exited(code) if *code > 128 => format!("ended by signal {}", code - 128),
        Ending::Exited(code) => format!("exit {code}"),
        Ending::TimedOut => "it took longer than its time limit".to_owned(),
        Ending::Cancelled => "it was cancelled".to_owned(),
        Ending::NotStarted(why) => why.clone(),
    }
}

/// A step that has printed nothing for longer than it should.
fn silence(view: &RunView, now: Moment) -> Option<String> {
    let state = &view.state;
    for position in 0..state.tasks.len() {
        let task = &state.tasks[position];
        if task.status != TaskStatus::Running {
            continue;
        }
        let (_, planned) = state.planned(position);
        if matches!(planned.action, Action::Ask { .. }) {
            continue;
        }
        let heard = view.quotes.heard(&planned.id);
        let since = heard.max(task.started)?;
        let quiet = (now - since).num_seconds();
        if planned.quiet_s > 0 && quiet.unsigned_abs() > planned.quiet_s && quiet > 0 {
            return Some(format!(
                "{} has printed nothing for {}.",
                planned.id,
                words::clock(quiet as f64)
            ));
        }
    }
    None
}
