//! `golive releases verify`: whether LIVE, the remote's tags and what each host says it runs are the same.
//!
//! Asks everything at the same time and changes nothing. Exit code 0 = all the same, 1 = something differs or could not
//! be compared, 5 = hosts were to be asked and none was reached, 130 = interrupted: nothing is waited for then.

use std::fmt::Write as _;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use super::past::Past;
use super::versions::{self, Answers};
use crate::app::args::Global;
use crate::app::json;
use crate::app::lock;
use crate::app::report::{Code, Failure, print, shown};
use crate::app::runs::table;
use crate::app::session::{self, Project};
use crate::domain::catalog::truth::{self, TwoSides};
use crate::domain::catalog::{Catalog, HostVersion, Signature};
use crate::domain::id::EnvName;
use crate::domain::plan::PlannedHost;
use crate::domain::release::TagPattern;
use crate::domain::text::{few, plural, similar};
use crate::edge::git::GitError;
use crate::edge::git::remote::Tags;
use crate::edge::git::tags::Live;
use crate::edge::ssh::Sites;

/// So many of the newest releases have their signatures verified.
const VERIFIED: usize = 20;
/// So many of those that were not are named.
const TOLD: usize = 3;
/// Why a signature was not verified after a program that hung.
const NOT_ASKED: &str = "what verifies did not answer for another tag, and was not asked again";
/// So many of them at once.
const AT_ONCE: usize = 8;

/// Carries out `golive releases verify [ENV]`.
pub async fn verify(
    project: &Project,
    env: Option<&str>,
    global: &Global,
) -> Result<Code, Failure> {
    let env = env.map(|name| known(project, name)).transpose()?;
    let mut interrupts = signal(SignalKind::interrupt()).map_err(|error| {
        Failure::new(
            Code::Failed,
            format!("could not listen for signals: {error}"),
        )
    })?;
    let past = Past::of(project);
    let catalog = tokio::select! {
        catalog = past.list() => catalog.map_err(|error| failed(&error))?,
        _ = interrupts.recv() => return Err(stopped()),
    };
    let sites = sites(project, env.as_ref())?;
    let asked = async {
        tokio::join!(
            compare_tags(project),
            ask_hosts(project, sites.as_ref(), env.as_ref(), &catalog),
            signatures(project, &catalog)
        )
    };
    let asked = tokio::select! {
        asked = asked => Some(asked),
        _ = interrupts.recv() => None,
    };
    if let Some(sites) = &sites {
        sites.close().await;
    }
    let (tags, hosts, signatures) = asked.ok_or_else(stopped)?;
    let truth = Truth {
        tags: tags.map_err(|error| failed(&error))?,
        hosts,
        signatures: signatures.map_err(|error| failed(&error))?,
        signs: project.checklist.release.sign,
        asks: project.checklist.release.version.is_some(),
        catalog,
    };
    if global.json {
        print(&format!("{}\n", json::line(&truth.document())))?;
    } else {
        print(&truth.text())?;
    }
    Ok(truth.code())
}

fn known(project: &Project, name: &str) -> Result<EnvName, Failure> {
    let names = project.checklist.environments.iter().map(|env| &env.name);
    if let Some(env) = names.clone().find(|env| env.as_str() == name) {
        return Ok(env.clone());
    }
    let names: Vec<&str> = names.map(EnvName::as_str).collect();
    let failure = Failure::new(
        Code::Usage,
        format!("there is no environment `{name}` in this checklist"),
    );
    Err(match similar(name, names.iter().copied()) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure.help(format!("there is: {}", names.join(", "))),
    })
}

fn failed(error: &GitError) -> Failure {
    let failure = Failure::from_error(Code::Usage, error);
    match error.help() {
        Some(help) => failure.help(help),
        None => failure,
    }
}

/// Nothing was changed, and nothing can be said.
fn stopped() -> Failure {
    Failure::new(
        Code::Stopped,
        "stopped before everything was compared: nothing was changed",
    )
}

/// The tags of releases here and there.
struct ComparedTags {
    remote: Option<String>,
    /// Why the remote could not be asked.
    failed: Option<String>,
    sides: Vec<TwoSides>,
    live: Option<String>,
}

async fn compare_tags(project: &Project) -> Result<ComparedTags, GitError> {
    let (git, rules) = (project.git(), &project.checklist.release);
    let here = git.tags_here().await?;
    let mut remote = rules.remote.clone();
    if let Some(name) = &remote
        && !git.has_remote(name).await?
    {
        remote = None;
    }
    let there = match &remote {
        Some(name) => git.tags_on(name).await.map_err(|error| error.to_string()),
        None => Ok(Tags::new()),
    };
    let pattern = TagPattern::of(rules);
    let counts = |name: &&String| rules.live.as_ref() == Some(*name) || pattern.matches(name);
    let none = Tags::new();
    let far = there.as_ref().unwrap_or(&none);
    let mut names: Vec<&String> = here.keys().chain(far.keys()).filter(counts).collect();
    names.sort_unstable();
    names.dedup();
    let side = |tag: Option<&Live>| tag.map(|tag| (tag.object.clone(), tag.commit.clone()));
    let sides = names.into_iter().map(|name| TwoSides {
        name: name.clone(),
        here: side(here.get(name)),
        there: side(far.get(name)),
    });
    Ok(ComparedTags {
        sides: sides.collect(),
        failed: there.as_ref().err().cloned(),
        remote,
        live: rules.live.clone(),
    })
}

/// The hosts that are asked; `None` = the checklist does not say how.
fn sites(project: &Project, env: Option<&EnvName>) -> Result<Option<Sites>, Failure> {
    if project.checklist.release.version.is_none() {
        return Ok(None);
    }
    let hosts: Vec<PlannedHost> = lock::all_hosts(project)
        .into_iter()
        .filter(|host| env.is_none_or(|env| host.env == *env))
        .collect();
    project.sites(&hosts, &session::nobody()).map(Some)
}

async fn ask_hosts(
    project: &Project,
    sites: Option<&Sites>,
    env: Option<&EnvName>,
    catalog: &Catalog,
) -> Answers {
    let Some(sites) = sites else {
        return Answers::default();
    };
    let answers = versions::ask(project, sites, env, catalog).await;
    // What is slow elsewhere keeps no connection open.
    sites.close().await;
    answers
}

/// What the signatures of the newest releases are worth, and of the one that is LIVE. A program that hangs is not asked
/// again: what it did not answer is unchecked.
async fn signatures(project: &Project, catalog: &Catalog) -> Result<Signatures, GitError> {
    let git = project.git();
    let mut all = Signatures::default();
    let newest = catalog.releases.iter().take(VERIFIED);
    let live = catalog
        .releases
        .iter()
        .skip(VERIFIED)
        .filter(|one| one.live);
    let tags: Vec<&str> = newest.chain(live).map(|one| one.tag.as_str()).collect();
    for some in tags.chunks(AT_ONCE) {
        let hangs = !all.unanswered.is_empty();
        let asked = some.iter().map(async |tag| {
            if hangs {
                return Ok(Signature::Unchecked);
            }
            git.signature(tag).await
        });
        for (tag, signature) in some.iter().zip(join_all(asked).await) {
            let signature = match signature {
                Err(GitError::Slow { limit_s, .. }) => {
                    all.limit_s = limit_s;
                    all.unanswered.push((*tag).to_owned());
                    Signature::unanswered(limit_s)
                }
                signature => signature?,
            };
            all.found.push(((*tag).to_owned(), signature));
        }
    }
    Ok(all)
}

/// What signatures are worth.
#[derive(Default)]
struct Signatures {
    found: Vec<(String, Signature)>,
    /// Tags whose verification did not end within its limit.
    unanswered: Vec<String>,
    /// That limit in seconds.
    limit_s: u64,
}

impl Signatures {
    /// That the program which verifies hangs.
    fn trouble(&self) -> Option<String> {
        (!self.unanswered.is_empty()).then(|| {
            format!(
                "signatures could not be verified: what verifies them did not answer in {} s ({})",
                self.limit_s,
                few(&self.unanswered, TOLD)
            )
        })
    }
}

/// All that was compared.
struct Truth {
    catalog: Catalog,
    tags: ComparedTags,
    hosts: Answers,
    signatures: Signatures,
    /// Whether releases are to be signed.
    signs: bool,
    /// Whether the checklist says how hosts are asked.
    asks: bool,
}

impl Truth {
    /// What differs, or could not be compared, one sentence each.
    fn differences(&self) -> Vec<String> {
        let tags = &self.tags;
        let mut all = match (&tags.remote, &tags.failed) {
            (Some(remote), Some(why)) => vec![format!("{remote} could not be asked: {why}")],
            (Some(remote), None) => truth::tag_sentences(&tags.sides, tags.live.as_deref(), remote),
            (None, _) => Vec::new(),
        };
        all.extend(truth::sentences(&self.hosts.versions));
        let live = self
            .catalog
            .live
            .as_ref()
            .and_then(|live| live.tag.as_ref());
        all.extend(self.signatures.trouble());
        all.extend(self.signatures.found.iter().filter_map(|(tag, signature)| {
            match signature {
                Signature::Wrong(why) => Some(format!("{tag} is not what it says: {why}")),
                // Only what is live: releases from before they were signed are no fault.
                Signature::None if self.signs && live == Some(tag) => {
                    Some(format!("{tag} is not signed, and [release] wants it to be"))
                }
                _ => None,
            }
        }));
        all
    }

    fn code(&self) -> Code {
        if self.hosts.reached == 0 && !self.hosts.versions.is_empty() {
            return Code::Unreachable;
        }
        if self.differences().is_empty() {
            Code::Done
        } else {
            Code::Failed
        }
    }

    fn text(&self) -> String {
        let tags = &self.tags;
        let mut rows: Vec<[String; 4]> = Vec::new();
        let live = tags
            .sides
            .iter()
            .find(|tag| Some(&tag.name) == tags.live.as_ref());
        if let Some(name) = &tags.live {
            let cell = |side: Option<&(String, _)>, place: &str| {
                let commit = side.map(|(_, commit): &(String, crate::domain::id::Commit)| commit);
                [
                    place.to_owned(),
                    name.clone(),
                    commit.map_or("not set", |commit| commit.short()).to_owned(),
                    commit
                        .and_then(|commit| self.tag_on(commit))
                        .unwrap_or_default(),
                ]
            };
            rows.push(cell(live.and_then(|live| live.here.as_ref()), "here"));
            if let Some(remote) = tags.remote.as_ref().filter(|_| tags.failed.is_none()) {
                rows.push(cell(live.and_then(|live| live.there.as_ref()), remote));
            }
        }
        rows.extend(self.hosts.versions.iter().map(|version| {
            [
                version.env.to_string(),
                version.host.to_string(),
                version
                    .version
                    .as_ref()
                    .map_or("?", |commit| commit.short())
                    .to_owned(),
                version.tag.clone().unwrap_or_default(),
            ]
        }));
        let mut text = table(&["where", "what", "commit", "release"], &rows);
        text.push('\n');
        let differences = self.differences();
        if differences.is_empty() {
            text.push_str("all the same\n");
        } else {
            let count = plural("difference", differences.len());
            let _ = writeln!(text, "{count}:");
            for difference in differences {
                let _ = writeln!(text, "  {}", shown(&difference));
            }
        }
        if tags.remote.is_none() {
            text.push_str("there is no remote to compare tags with\n");
        }
        if !self.asks {
            text.push_str(
                "hosts were not asked: `version` in [release] says which command prints their commit\n",
            );
        }
        text
    }

    /// The newest release on a commit.
    fn tag_on(&self, commit: &crate::domain::id::Commit) -> Option<String> {
        let mut releases = self.catalog.releases.iter();
        releases
            .find(|release| release.commit == *commit)
            .map(|release| release.tag.clone())
    }

    fn document(&self) -> Value {
        let tags = &self.tags;
        let side = |side: &Option<(String, crate::domain::id::Commit)>| {
            side.as_ref()
                .map(|(object, commit)| json!({"object": object, "commit": commit}))
        };
        let one = |tag: &TwoSides| {
            json!({
                "tag": tag.name,
                "live": Some(&tag.name) == tags.live.as_ref(),
                "here": side(&tag.here),
                "there": side(&tag.there),
            })
        };
        // Thousands of tags that are the same say nothing.
        let told = tags.sides.iter().filter(|tag| {
            Some(&tag.name) == tags.live.as_ref()
                || (tags.remote.is_some() && tags.failed.is_none() && tag.here != tag.there)
        });
        let host = |version: &HostVersion| {
            json!({
                "env": version.env,
                "host": version.host,
                "commit": version.version.as_ref().ok(),
                "tag": version.tag,
                "same": version.version.is_ok().then(|| version.differs.is_none()),
                "why": version.differs.as_ref().or(version.version.as_ref().err()),
            })
        };
        let signature = |(tag, signature): &(String, Signature)| {
            let (verified, by, why) = match signature {
                Signature::None => (None, None, None),
                Signature::Unchecked => (None, None, Some(NOT_ASKED)),
                Signature::Unverifiable(why) => (None, None, Some(why.as_str())),
                Signature::Good(by) => (Some(true), Some(by), None),
                Signature::Wrong(why) => (Some(false), None, Some(why.as_str())),
            };
            let signed = *signature != Signature::None;
            json!({"tag": tag, "signed": signed, "verified": verified, "by": by, "why": why})
        };
        json!({
            "remote": tags.remote,
            "remote_failed": tags.failed,
            "tags": told.map(one).collect::<Vec<_>>(),
            "signatures": self.signatures.found.iter().map(signature).collect::<Vec<_>>(),
            "hosts": self.hosts.versions.iter().map(host).collect::<Vec<_>>(),
            "differences": self.differences(),
        })
    }
}
