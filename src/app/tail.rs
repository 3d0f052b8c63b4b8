//! `golive tail`: logs of servers, followed for every face.
//!
//! [`Tailing`] is the one beginning of all of them: the console's logs screen takes its updates as they come, the plain
//! and the JSON face merge them first. It has connections of its own, so that a deploy never waits for a log.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::project::Project;
use super::report::{Code, Failure};
use super::session;
use crate::domain::checklist::Environment;
use crate::domain::feed::TailUpdate;
use crate::domain::id::{EnvName, LogName};
use crate::domain::log::TailSource;
use crate::domain::plan::PlannedHost;
use crate::domain::text::similar;
use crate::edge::clock::SystemClock;
use crate::edge::ssh::Sites;
use crate::engine::tail::{self, Following};
use crate::port::TailStart;

/// Logs of an environment that are followed, until this is dropped.
pub struct Tailing {
    /// What is followed; updates name them by their place in here.
    pub sources: Vec<TailSource>,
    following: Following,
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
        let following = tail::follow(&sites, &clock, &sources, start, follow);
        Ok(Self {
            sources,
            following,
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
    pub async fn close(self) {
        let sites = Arc::clone(&self.sites);
        drop(self);
        sites.close().await;
    }
}

impl Drop for Tailing {
    fn drop(&mut self) {
        let sites = Arc::clone(&self.sites);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { sites.close().await });
        }
    }
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
        let message = format!("no log of this checklist is on a host of {}", env.name);
        let mut failure = Failure::new(Code::Usage, message);
        if logs.is_empty() {
            failure.message = "this checklist names no logs".to_owned();
        }
        return Err(
            failure.help("name one in releases.toml: [log.app], with `on` and `file` or `run`")
        );
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
