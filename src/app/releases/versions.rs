//! What hosts say they run: asked with the command of `[release] version`, over the connections to them.
//!
//! The command only looks. Its answer is a commit, the beginning of one, or the name of a tag; what it is on is asked from
//! git here. A host that does not answer is no error: its version says why.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::app::session::Project;
use crate::domain::catalog::{Catalog, HostVersion, truth};
use crate::domain::checklist::{Environment, Host};
use crate::domain::id::{Commit, EnvName, HostName, RoleName};
use crate::domain::output::ansi;
use crate::domain::release::full_name;
use crate::domain::text::ellipsis;
use crate::edge::git::Git;
use crate::edge::inquiry::{self, Said};
use crate::edge::ssh::Sites;

/// So much of what a command complains about is told.
const COMPLAINT: usize = 120;

/// What hosts said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answers {
    /// Each host that was asked, in the order of the checklist.
    pub versions: Vec<HostVersion>,
    /// How many of them were reached.
    pub reached: usize,
}

/// Asks the hosts of an environment, or of all, what they run, and compares it with what the catalog says. `sites` are
/// at least these hosts. Empty when the checklist says no command for it.
pub async fn ask(
    project: &Project,
    sites: &Sites,
    env: Option<&EnvName>,
    catalog: &Catalog,
) -> Answers {
    let Some(command) = project.checklist.release.version.as_deref() else {
        return Answers::default();
    };
    let git = project.git();
    let wanted = project.checklist.environments.iter();
    let wanted = wanted.filter(|one| env.is_none_or(|env| one.name == *env));
    let hosts = wanted.flat_map(|env| env.hosts.iter().map(move |host| (env, host)));
    let asked = join_all(hosts.map(async |(env, host)| {
        let place = (env.name.clone(), host.name.clone());
        let variables = variables(env, host);
        let said = inquiry::ask(sites, &place, command, &variables).await;
        let reached = said.is_ok();
        let version = match said {
            Ok(said) => read(&git, &said).await,
            Err(error) => Err(error.why().to_owned()),
        };
        (version_of(place, version, catalog), reached)
    }))
    .await;
    let reached = asked.iter().filter(|(_, reached)| *reached).count();
    let mut versions: Vec<HostVersion> = asked.into_iter().map(|(version, _)| version).collect();
    truth::judge(&mut versions, catalog);
    Answers { versions, reached }
}

fn version_of(
    (env, host): (EnvName, HostName),
    version: Result<Commit, String>,
    catalog: &Catalog,
) -> HostVersion {
    let tag = version.as_ref().ok().and_then(|commit| {
        let mut releases = catalog.releases.iter();
        releases.find(|release| truth::is_same(&release.commit, commit))
    });
    HostVersion {
        env,
        host,
        tag: tag.map(|release| release.tag.clone()),
        version,
        differs: None,
    }
}

/// The commit that an answer names, as git knows it; a hash that git does not know stays as it is.
async fn read(git: &Git, said: &Said) -> Result<Commit, String> {
    if said.code != Some(0) {
        let text = String::from_utf8_lossy(&said.error);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty());
        let line = line.map(|line| format!(": {}", ellipsis(&ansi::plain_text(line), COMPLAINT)));
        let code = said.code.map_or_else(
            || "was ended".to_owned(),
            |code| format!("ended with exit code {code}"),
        );
        return Err(format!(
            "its version command {code}{}",
            line.unwrap_or_default()
        ));
    }
    let word = truth::read_version(&said.output)?;
    // The name of a tag may look like the beginning of a commit.
    if let Ok(commit) = git.resolve(&full_name(&word)).await {
        return Ok(commit);
    }
    if truth::is_hash(&word) {
        let known = git.resolve(&word).await;
        return Ok(known.unwrap_or_else(|_| Commit::new(word.to_ascii_lowercase())));
    }
    Err(format!(
        "it printed `{word}`, which is no commit and no tag here"
    ))
}

/// What the command finds in its environment: as a step on the host does, without what belongs to a run.
pub fn variables(env: &Environment, host: &Host) -> BTreeMap<String, String> {
    let roles: Vec<&str> = host.roles.iter().flatten().map(RoleName::as_str).collect();
    let own = [
        ("CI", "1"),
        ("TERM", "dumb"),
        ("GOLIVE_ENV", env.name.as_str()),
        ("GOLIVE_HOST", host.name.as_str()),
        ("GOLIVE_ROLES", &roles.join(",")),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut all = BTreeMap::from(own);
    all.extend(env.vars.clone());
    all.extend(host.vars.clone());
    all
}
