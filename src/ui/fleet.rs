//! The fleet: the hosts of the checklist, and what is known of each, as every screen tells it.
//!
//! Derived from the overview and the newest word about each connection; nothing here asks a host.

use crate::domain::catalog::{HostVersion, Meaning};
use crate::domain::evidence::who_holds;
use crate::domain::feed::Link;
use crate::domain::id::{EnvName, HostName, RoleName};
use crate::domain::lock::{Busy, KeptAt};
use crate::domain::overview::{EnvOverview, RunSummary};
use crate::domain::run::Moment;
use crate::ui::model::{Model, RunView};
use crate::ui::states;
use crate::ui::theme::State;
use crate::ui::words;

/// Every host of the checklist, in its order.
pub fn hosts(model: &Model) -> Vec<(EnvName, HostName)> {
    let environments = model
        .overview
        .iter()
        .flat_map(|overview| &overview.environments);
    environments
        .flat_map(|env| env.hosts.iter().map(|host| (env.env.clone(), host.clone())))
        .collect()
}

/// The newest word about a host, and when it came.
pub fn link<'a>(model: &'a Model, env: &EnvName, host: &HostName) -> Option<&'a (Link, Moment)> {
    model.links.get(&(env.clone(), host.clone()))
}

/// How the connection to a host is.
pub fn state_of(model: &Model, env: &EnvName, host: &HostName) -> State {
    states::of_link(link(model, env, host).map(|(link, _)| link))
}

/// The roles a host plays, in words.
pub fn roles(model: &Model, env: &EnvName, host: &HostName) -> String {
    let environments = model
        .overview
        .iter()
        .flat_map(|overview| &overview.environments);
    let found = environments
        .filter(|of| of.env == *env)
        .find_map(|of| of.roles.get(host));
    found.map_or_else(
        || "every role".to_owned(),
        |roles| {
            let names: Vec<&str> = roles.iter().map(RoleName::as_str).collect();
            names.join(" ")
        },
    )
}

/// What a host says it runs, when it was asked.
pub fn version<'a>(model: &'a Model, env: &EnvName, host: &HostName) -> Option<&'a HostVersion> {
    let mut versions = model.versions.iter();
    versions.find(|version| version.env == *env && version.host == *host)
}

/// The short commit that a host runs and should not.
pub fn differing(model: &Model, env: &EnvName, host: &HostName) -> Option<String> {
    let version = version(model, env, host)?;
    version.differs.as_ref()?;
    let commit = version.version.as_ref().ok()?;
    Some(commit.short().to_owned())
}

/// How many hosts of an environment run something else than they should.
pub fn differing_hosts(model: &Model, env: &EnvOverview) -> usize {
    let differs = |host: &&HostName| differing(model, &env.env, host).is_some();
    env.hosts.iter().filter(differs).count()
}

/// What a connected host says otherwise than it should, or why it says nothing.
pub fn version_trouble(model: &Model, env: &EnvName, host: &HostName) -> Option<String> {
    let version = version(model, env, host)?;
    let is_there = matches!(link(model, env, host), Some((Link::Connected(_), _)));
    let silent = || {
        let why = version.version.as_ref().err().filter(|_| is_there)?;
        Some(format!("does not say what it runs: {why}"))
    };
    version.differs.clone().or_else(silent)
}

/// What differs between hosts and what is said to be live, in a sentence; else which host that something was brought to
/// does not say what it runs. `None` = nothing, as far as is known.
pub fn difference(model: &Model) -> Option<String> {
    let versions = || model.versions.iter();
    let differs = versions().filter_map(|version| version.differs.clone());
    let silent = versions().filter(|version| version.differs.is_none());
    let silent = silent.filter_map(|version| {
        let mut environments = model.overview.as_ref()?.environments.iter();
        environments.find(|env| env.env == version.env && env.deployed.is_some())?;
        let said = version_trouble(model, &version.env, &version.host)?;
        Some(format!("{} {said}", version.host))
    });
    let mut all = differs.chain(silent);
    let first = all.next()?;
    Some(match all.count() {
        0 => first,
        more => format!("{first}, and {more} more"),
    })
}

/// What the run on screen takes back, when it is a rollback that was planned here.
pub fn meaning<'a>(model: &'a Model, view: &RunView) -> Option<&'a Meaning> {
    let rollback = view.state.plan.rollback.as_ref()?;
    let meaning = &model.going_back.as_ref()?.meaning;
    let is_it = meaning.env == rollback.env
        && meaning.from.commit == rollback.from.commit
        && Some(&meaning.to.commit) == view.state.plan.commit.as_ref();
    is_it.then_some(meaning)
}

/// What is known of a host, line by line.
pub fn about(model: &Model, env: &EnvName, host: &HostName, now: Moment) -> Vec<String> {
    let link = model
        .links
        .get(&(env.clone(), host.clone()))
        .map(|(link, _)| link);
    let mut lines = match link {
        None | Some(Link::Connecting) => {
            vec!["it was not heard of yet; r asks it again".to_owned()]
        }
        Some(Link::Failed { why, help }) => {
            let help = help.iter().flat_map(|help| help.lines().map(str::to_owned));
            std::iter::once(why.clone()).chain(help).collect()
        }
        Some(Link::Lost { why, retry_in }) => vec![
            why.clone(),
            format!("next try in {}", words::span(retry_in.as_secs_f64())),
        ],
        Some(Link::Connected(facts)) => vec![
            format!("answers in   {} ms", facts.latency.as_millis()),
            format!(
                "clock        {:+.1} s against this machine",
                facts.clock_skew_s
            ),
            facts.free_kb.map_or_else(
                || "free space   not known".to_owned(),
                |kib| format!("free space   {}", words::space(kib)),
            ),
        ],
    };
    if matches!(link, Some(Link::Failed { .. } | Link::Lost { .. })) {
        lines.push(String::new());
    }
    lines.push(format!("plays        {}", roles(model, env, host)));
    let environments = model
        .overview
        .iter()
        .flat_map(|overview| &overview.environments);
    let mut deployed = environments
        .filter(|of| of.env == *env)
        .filter_map(|of| of.deployed.as_ref());
    lines.push(deployed.next().map_or_else(
        || "runs         not known: nothing was deployed from here".to_owned(),
        |deployed| {
            format!(
                "runs         {} since {}, by {}",
                deployed.commit.short(),
                words::when(deployed.at, now),
                words::user(&deployed.by)
            )
        },
    ));
    if let Some(version) = version(model, env, host) {
        lines.push(match &version.version {
            Ok(commit) => {
                let tag = version.tag.as_ref().map(|tag| format!("  {tag}"));
                format!("says it runs {}{}", commit.short(), tag.unwrap_or_default())
            }
            Err(why) => format!("says not what it runs: {why}"),
        });
        lines.extend(version.differs.clone());
    }
    lines
}

/// What is known of the lock of an environment, in a line; `None` = nothing yet.
pub fn lock_line(model: &Model, env: &EnvName, now: Moment) -> Option<(State, String)> {
    let (view, _) = model.locks.get(env)?;
    let own = model.run.as_ref().map(|run| run.state.lock_id());
    Some(match view.held() {
        Some(busy) if own.as_ref() == Some(&busy.id) => {
            (State::Ok, "locked by the run on screen".to_owned())
        }
        Some(busy) => {
            let said = run_here(model, busy).map_or_else(
                || format!("locked by {}", who_holds(busy, now)),
                |run| kept_by(run, env),
            );
            (State::Warn, said)
        }
        None => {
            let unknown = view.places.iter().find_map(|(place, kept)| match kept {
                KeptAt::Unknown(why) => Some(format!("{place} cannot be asked: {why}")),
                _ => None,
            });
            match unknown {
                Some(why) => (State::Warn, format!("lock free as far as is known; {why}")),
                None => (State::Ok, "lock free".to_owned()),
            }
        }
    })
}

/// The run of this machine that holds a lock; `None` = it is not known here.
pub fn run_here<'a>(model: &'a Model, busy: &Busy) -> Option<&'a RunSummary> {
    let held_for = busy.holder.as_ref()?.run.as_ref()?;
    let mut runs = model.overview.iter().flat_map(|overview| &overview.runs);
    runs.find(|run| run.run == *held_for && run.damaged.is_none())
}

/// Why a run of this machine has the lock of an environment, and what gives it back.
pub fn kept_by(run: &RunSummary, env: &EnvName) -> String {
    match (run.outcome, &run.driver) {
        (Some(_), _) => format!("kept for your run {}: golive lock {env} --release", run.run),
        (None, Some(driver)) => format!("locked for your run {}, {driver}", run.run),
        (None, None) => format!("locked for your unfinished run {}", run.run),
    }
}

/// Who else than this run had the lock of an environment when it was looked at.
pub fn held(model: &Model, run: &RunView, env: &str) -> Option<String> {
    let (view, _) = model.locks.get(&EnvName::from(env))?;
    let busy = view.held()?;
    let is_ours = busy.id == run.state.lock_id();
    let holder = busy.holder.as_ref();
    let who = holder.map_or_else(|| "somebody".to_owned(), |holder| holder.by.clone());
    (!is_ours).then_some(who)
}

/// What the hosts mean for the next release.
pub fn attention(model: &Model, all: &[(EnvName, HostName)]) -> String {
    let down = all
        .iter()
        .find(|(env, host)| matches!(state_of(model, env, host), State::Fail | State::Lost));
    match down {
        Some((env, host)) => {
            format!("{host} of {env} cannot be reached: no run that needs it can start")
        }
        None if all.is_empty() => "the checklist has no hosts".to_owned(),
        None if difference(model).is_some() => {
            format!("! {}", difference(model).unwrap_or_default())
        }
        None if all
            .iter()
            .all(|(env, host)| state_of(model, env, host) == State::Ok) =>
        {
            "all hosts answer".to_owned()
        }
        None => "asking the hosts ..".to_owned(),
    }
}
