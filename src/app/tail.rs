//! `golive tail`: logs of servers, followed for every face.
//!
//! [`Tailing`] is the one beginning of all of them: the console's logs screen takes its updates as they come, the plain
//! and the JSON face (`stream`, `lines`) merge them first. It has connections of its own, so that a deploy never waits
//! for a log. `deeds` tells what is done to the environment meanwhile. Secrets whose values are there for the reading are
//! masked in what comes; nothing is run and nobody is asked for one only to look.

use std::io::IsTerminal;
use std::sync::Arc;

use chrono::Local;
use tokio::task::AbortHandle;

use tokio::sync::mpsc;

use self::lines::{Face, Lines};
use self::stream::{Stream, Wanted, aside};
use super::args::{ColorWhen, Global, Tail};
use super::project::Project;
use super::report::{Code, Failure};
use super::session;
use crate::domain::checklist::Environment;
use crate::domain::feed::TailUpdate;
use crate::domain::id::{EnvName, LogName};
use crate::domain::log::pattern::Matcher;
use crate::domain::log::{Pattern, TailSource};
use crate::domain::plan::PlannedHost;
use crate::domain::text::{plural, similar};
use crate::edge::clock::SystemClock;
use crate::edge::ssh::Sites;
use crate::edge::terminal::sense::{self, ColourWish, Colours};
use crate::engine::tail::{self, Following};
use crate::port::TailStart;

mod deeds;
mod lines;
mod stream;

/// Lines of each file at the beginning, unless it is said otherwise.
const LINES: u64 = 10;
/// Lines of each file that are looked at for those of a time.
const SINCE_LINES: u64 = 100_000;

/// Logs of an environment that are followed, until this is dropped.
pub struct Tailing {
    /// What is followed; updates name them by their place in here.
    pub sources: Vec<TailSource>,
    following: Following,
    deeds: AbortHandle,
    sites: Arc<Sites>,
}

impl Tailing {
    /// Begins to follow the logs of these names in an environment, all of them when none is named. Must be called inside
    /// a tokio runtime. Fails (code 2) for names that the checklist does not have and for an environment without logs.
    pub fn begin(
        project: &Project,
        env: &EnvName,
        names: &[LogName],
        start: TailStart,
        follow: bool,
    ) -> Result<Self, Failure> {
        let environment = environment(project, env.as_str())?;
        let sources = sources(project, environment, names)?;
        let hosts = hosts_of(environment, &sources);
        let sites = Arc::new(project.sites(&hosts, &session::nobody())?);
        let clock = Arc::new(SystemClock);
        let mask = super::secrets::for_looking(&project.root, &project.checklist.secrets);
        let following = tail::follow(&sites, &clock, &sources, &mask, start, follow);
        let voices = following.voices.clone();
        let open = voices.upgrade();
        let deeds = deeds::tell(project.paths.clone(), env.clone(), voices, open);
        Ok(Self {
            sources,
            following,
            deeds: tokio::spawn(deeds).abort_handle(),
            sites,
        })
    }

    /// The next update; `None` when every source has ended.
    pub async fn next(&mut self) -> Option<TailUpdate> {
        self.following.updates.recv().await
    }

    /// The updates themselves, for who waits for other things as well.
    pub fn updates(&mut self) -> &mut mpsc::Receiver<TailUpdate> {
        &mut self.following.updates
    }

    /// Ends the following and its connections. Dropping does the same, without waiting for it.
    pub async fn close(mut self) {
        // A connection that is being made must have stopped being made before all of them are ended.
        self.following.end().await;
        self.sites.close().await;
    }
}

impl Drop for Tailing {
    fn drop(&mut self) {
        self.deeds.abort();
        let sites = Arc::clone(&self.sites);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { sites.close().await });
        }
    }
}

/// The environment and the logs that are named on the command line. Fails (code 2) as following them would.
pub fn named(project: &Project, tail: &Tail) -> Result<(EnvName, Vec<LogName>), Failure> {
    let names: Vec<LogName> = tail.sources.iter().map(LogName::new).collect();
    let environment = environment(project, &tail.env)?;
    sources(project, environment, &names)?;
    Ok((environment.name.clone(), names))
}

/// `golive tail` without a screen.
pub async fn tail(project: &Project, tail: &Tail, global: &Global) -> Result<Code, Failure> {
    let matcher = tail.grep.as_deref().map(pattern).transpose()?;
    let env = EnvName::new(tail.env.clone());
    let names: Vec<LogName> = tail.sources.iter().map(LogName::new).collect();
    let now = session::now();
    let since = tail
        .since
        .and_then(|ago| chrono::TimeDelta::from_std(ago).ok());
    let since = since.map(|ago| lines::millis(now - ago));
    let usual = if since.is_some() { SINCE_LINES } else { LINES };
    let start = TailStart::Lines(tail.lines.unwrap_or(usual));
    let follow = !tail.no_follow;
    let mut tailing = Tailing::begin(project, &env, &names, start, follow)?;
    let hosts: std::collections::BTreeSet<_> =
        tailing.sources.iter().map(|source| &source.host).collect();
    aside(&format!(
        "golive: reading {} of {env} on {}; changes nothing",
        plural("log", tailing.sources.len()),
        plural("host", hosts.len())
    ));
    let face = if global.json {
        Face::Json
    } else {
        Face::Plain {
            colours: has_colours(global.color),
            today: Local::now().date_naive(),
        }
    };
    let wanted = Wanted {
        matcher,
        since_ms: since,
        deeds_ms: since.unwrap_or_else(|| lines::millis(now)),
        follow,
    };
    let stream = Stream::new(&tailing.sources, Lines::new(face, &tailing.sources), wanted);
    let code = stream.show(&mut tailing).await;
    tailing.close().await;
    code
}

/// A pattern of the command line.
fn pattern(text: &str) -> Result<Matcher, Failure> {
    let pattern = Pattern {
        text: text.to_owned(),
        regex: true,
    };
    Matcher::new(&pattern).map_err(|why| {
        let message = format!("could not search for `{text}`: {why}");
        Failure::new(Code::Usage, message)
    })
}

/// Whether lines may have colours: asked for, or on a terminal that has some.
pub fn has_colours(when: ColorWhen) -> bool {
    let wish = match when {
        ColorWhen::Always => ColourWish::Always,
        ColorWhen::Auto if std::io::stdout().is_terminal() => ColourWish::Auto,
        ColorWhen::Auto | ColorWhen::Never => ColourWish::Never,
    };
    sense::colours(wish, &sense::Env::of_process()) != Colours::None
}

/// The environment of this name.
fn environment<'p>(project: &'p Project, name: &str) -> Result<&'p Environment, Failure> {
    let known = &project.checklist.environments;
    let found = known.iter().find(|env| env.name.as_str() == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|env| env.name.as_str()).collect();
        let message = format!("there is no environment `{name}` in this checklist");
        unknown(message, name, &names)
    })
}

/// Whether the checklist names a log that is on a host of an environment; true when it does not know the environment.
pub fn has_logs(project: &Project, env: &EnvName) -> bool {
    let known = project.checklist.environment(env);
    known.is_none_or(|env| {
        let logs = &project.checklist.logs;
        logs.iter()
            .any(|log| env.hosts.iter().any(|host| log.on.picks(host)))
    })
}

/// What is followed: each log on each of its hosts, in the order of the checklist.
fn sources(
    project: &Project,
    env: &Environment,
    names: &[LogName],
) -> Result<Vec<TailSource>, Failure> {
    let logs = &project.checklist.logs;
    let known: Vec<&str> = logs.iter().map(|log| log.name.as_str()).collect();
    for name in names {
        if !known.contains(&name.as_str()) {
            let message = format!("there is no log `{name}` in this checklist");
            return Err(unknown(message, name.as_str(), &known));
        }
    }
    let mut sources = Vec::new();
    for log in logs {
        if !names.is_empty() && !names.contains(&log.name) {
            continue;
        }
        let hosts = env.hosts.iter().filter(|host| log.on.picks(host));
        sources.extend(hosts.map(|host| TailSource {
            env: env.name.clone(),
            host: host.name.clone(),
            log: log.clone(),
        }));
    }
    if sources.is_empty() {
        let message = if logs.is_empty() {
            "this checklist names no logs".to_owned()
        } else {
            format!("no log of this checklist is on a host of {}", env.name)
        };
        let help = "name one in releases.toml: [log.app], with `on` and `file` or `run`";
        return Err(Failure::new(Code::Usage, message).help(help));
    }
    Ok(sources)
}

/// The hosts of these sources as a plan names them.
fn hosts_of(env: &Environment, sources: &[TailSource]) -> Vec<PlannedHost> {
    let used = env
        .hosts
        .iter()
        .filter(|host| sources.iter().any(|source| source.host == host.name));
    let hosts = used.map(|host| PlannedHost {
        env: env.name.clone(),
        name: host.name.clone(),
        reach: host.reach.clone(),
        roles: host.roles.iter().flatten().cloned().collect(),
    });
    hosts.collect()
}

fn unknown(message: String, name: &str, known: &[&str]) -> Failure {
    let failure = Failure::new(Code::Usage, message);
    match similar(name, known.iter().copied()) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => failure,
        None => failure.help(format!("there is: {}", known.join(", "))),
    }
}
