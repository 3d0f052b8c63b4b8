//! `golive releases`: the list, as text and as JSON.
//!
//! What is live and where HEAD stands to it comes first, then one line a release, newest first, then what is not as it
//! should be. Where releases are not tagged, what the runs of this machine brought where stands for them.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::past::Past;
use super::rows::{rows, short_age};
use crate::app::args::Global;
use crate::app::json;
use crate::app::report::{Code, Failure, print, shown};
use crate::app::runs::table;
use crate::app::session::{self, Project};
use crate::domain::catalog::{
    Bad, Brought, Catalog, OnRemote, Point, Release, RemoteTags, Signature, standing,
};
use crate::domain::id::{Commit, EnvName};
use crate::domain::release::check_ref_name;
use crate::domain::run::Moment;
use crate::domain::text::{age, few, plural};
use crate::edge::git::GitError;

/// Carries out `golive releases`.
pub async fn list(project: &Project, global: &Global) -> Result<Code, Failure> {
    let past = Past::of(project);
    let mut catalog = past.list_compared().await.map_err(|error| failed(&error))?;
    past.fill_all(&mut catalog).await;
    if global.json {
        print(&format!("{}\n", json::line(&document(project, &catalog))))?;
        past.settled().await;
        return Ok(Code::Done);
    }
    let others = if catalog.releases.is_empty() {
        past.tags().await.map_err(|error| failed(&error))?
    } else {
        Vec::new()
    };
    let now = session::now();
    let room = terminal_columns().filter(|_| !global.verbose);
    let text = text(project, &catalog, &others, now, room);
    print(&shown(&text))?;
    past.settled().await;
    Ok(Code::Done)
}

/// How wide the terminal is that is printed to; `None` = nothing has to fit: a file or a pipe.
fn terminal_columns() -> Option<usize> {
    let columns = crossterm::terminal::size().ok().map(|(columns, _)| columns);
    columns
        .filter(|_| std::io::stdout().is_terminal())
        .map(|columns| usize::from(columns).max(20))
}

/// A failure of git, with what can be done about it.
pub(super) fn failed(error: &GitError) -> Failure {
    let failure = Failure::from_error(Code::Usage, error);
    match error.help() {
        Some(help) => failure.help(help),
        None => failure,
    }
}

/// The list as one JSON document: releases, and where they are not tagged the runs that stand for them.
fn document(project: &Project, catalog: &Catalog) -> Value {
    let here = stands(project, catalog);
    let is_tagged = project.checklist.release.is_tagged();
    if catalog.releases.is_empty() && !is_tagged {
        let runs = released(catalog).map(|brought| run_value(catalog, brought));
        return Value::Array(runs.collect());
    }
    let each = catalog.releases.iter();
    Value::Array(
        each.map(|release| value(release, &deployed(&here, release)))
            .collect(),
    )
}

/// A release as JSON; `deployed` = the environments in which it is now.
pub(super) fn value(release: &Release, deployed: &[&EnvName]) -> Value {
    let (verified, signature) = match &release.signature {
        Signature::None => (None, Value::Null),
        Signature::Unchecked => (None, json!({"state": "unchecked"})),
        Signature::Unverifiable(why) => (None, json!({"state": "unchecked", "why": why})),
        Signature::Good(by) => (Some(true), json!({"state": "good", "by": by})),
        Signature::Wrong(why) => (Some(false), json!({"state": "wrong", "why": why})),
    };
    json!({
        "tag": release.tag,
        "commit": release.commit,
        "at": release.at,
        "by": release.by,
        "live": release.live,
        "env": release.envs.last(),
        "run": release.run,
        "commits": release.commits,
        "subject": release.subject,
        "verified": verified,
        "signature": signature,
        "envs": release.envs,
        "deployed": deployed,
        "result": release.outcome,
        "duration_s": release.duration_s,
        "local_only": flag(release.remote, OnRemote::LocalOnly),
        "moved": flag(release.remote, OnRemote::Differs),
        "rolled_back": release.rolled_back,
        "bad": release.bad.as_ref().map(bad_value),
        "made_as": release.made_as,
    })
}

/// Whether a tag stands so to the remote; `null` = it was not compared.
fn flag(remote: OnRemote, wanted: OnRemote) -> Option<bool> {
    (remote != OnRemote::Unknown).then_some(remote == wanted)
}

fn bad_value(bad: &Bad) -> Value {
    json!({"tag": bad.by_tag, "by": bad.by, "at": bad.at, "reason": bad.reason})
}

fn run_value(catalog: &Catalog, brought: &Brought) -> Value {
    let live = catalog.live.as_ref();
    json!({
        "tag": brought.tag,
        "commit": brought.commit,
        "at": brought.at,
        "by": brought.by,
        "live": live.is_some_and(|live| live.commit == brought.commit),
        "env": brought.env,
        "run": brought.run,
        "commits": null,
        "subject": null,
        "verified": null,
        "result": brought.outcome,
        "duration_s": brought.took_s,
    })
}

/// What runs of this machine brought where releases are made; where that is not known, everywhere.
fn released(catalog: &Catalog) -> impl Iterator<Item = &Brought> {
    let env = catalog.released_in.as_ref();
    let brought = catalog.brought.iter();
    brought.filter(move |brought| env.is_none_or(|env| brought.env == *env))
}

/// What stands in each environment. Without the tag that says what is live that is not told of where it is wanted.
pub(super) fn stands(project: &Project, catalog: &Catalog) -> Vec<(EnvName, Point)> {
    let is_missing = project.checklist.release.live.is_some() && catalog.live.is_none();
    let untold = catalog.released_in.as_ref().filter(|_| is_missing);
    let here = standing(catalog).into_iter();
    here.filter(|(env, _)| untold != Some(env)).collect()
}

/// The environments in which a release is now.
pub(super) fn deployed<'a>(here: &'a [(EnvName, Point)], release: &Release) -> Vec<&'a EnvName> {
    let is_it = |point: &Point| match &point.tag {
        Some(tag) => *tag == release.tag,
        None => point.commit == release.commit,
    };
    here.iter()
        .filter(|(_, point)| is_it(point))
        .map(|(env, _)| env)
        .collect()
}

fn text(
    project: &Project,
    catalog: &Catalog,
    others: &[String],
    now: Moment,
    room: Option<usize>,
) -> String {
    let mut out = heading(catalog, now);
    if catalog.releases.is_empty() {
        out.push_str(&nothing(project, catalog, others, now));
    } else {
        out.push_str(&rows(catalog, &stands(project, catalog), now, room));
    }
    let mut troubles: Vec<String> = catalog.troubles.clone();
    if let RemoteTags::Failed(why) = &catalog.remote {
        let why = why.lines().next().unwrap_or_default();
        troubles.push(format!("not compared with the remote: {why}"));
    }
    if !troubles.is_empty() {
        out.push('\n');
    }
    for trouble in troubles {
        let _ = writeln!(out, "! {trouble}");
    }
    out
}

/// What is live, and how HEAD stands to it.
fn heading(catalog: &Catalog, now: Moment) -> String {
    let Some(live) = &catalog.live else {
        return String::new();
    };
    let release = catalog.releases.iter().find(|release| release.live);
    let what = release.map_or_else(
        || format!("{} is {}", live.name, live.commit.short()),
        |release| {
            format!(
                "{} is {} ({}), {} by {}",
                live.name,
                release.tag,
                live.commit.short(),
                ago(release.at, now),
                release.by
            )
        },
    );
    let head = catalog.branch.as_deref().unwrap_or("HEAD");
    let name = &live.name;
    let stands = match (live.ahead, live.behind) {
        (Some(0), Some(0)) => format!("{head} is {name}"),
        (Some(ahead), Some(0)) => {
            format!(
                "{head} is {} ahead of {name}: not released yet",
                plural("commit", ahead)
            )
        }
        (Some(0), Some(behind)) => format!("{head} is {} behind {name}", plural("commit", behind)),
        (Some(ahead), Some(behind)) => format!(
            "{head} is {} ahead of {name} and {behind} behind it",
            plural("commit", ahead)
        ),
        _ => return format!("{what}\n\n"),
    };
    format!("{what}\n{stands}\n\n")
}

/// What there is instead of releases, and what to do.
fn nothing(project: &Project, catalog: &Catalog, others: &[String], now: Moment) -> String {
    let name = &project.checklist.project;
    let command = &project.command;
    let rules = &project.checklist.release;
    if !rules.is_tagged() {
        let mut out = format!("releases of {name} are not tagged ([release] tag = false)\n");
        let runs: Vec<[String; 5]> = released(catalog)
            .map(|brought| run_row(brought, now))
            .collect();
        if runs.is_empty() {
            let _ = writeln!(
                out,
                "no run on this machine brought one anywhere: {command} deploy does"
            );
        } else {
            out.push_str("what runs of this machine brought:\n\n");
            out.push_str(&table(&["commit", "env", "age", "by", "run"], &runs));
        }
        out.push_str(&hint(others));
        return out;
    }
    let names: Vec<&str> = rules
        .tag
        .iter()
        .chain(&rules.matching)
        .map(String::as_str)
        .collect();
    let mut out = format!(
        "no releases of {name} yet: no tag has a name like {}\n",
        few(&names, 4)
    );
    if catalog.head.is_none() {
        let _ = writeln!(out, "the repository has no commits yet");
        return out;
    }
    out.push_str(&hint(others));
    if rules.tag.is_some() {
        let _ = writeln!(
            out,
            "{command} deploy makes the first; {command} plan shows what that would do"
        );
    }
    out
}

/// How tags that are there become releases.
fn hint(others: &[String]) -> String {
    let Some(other) = others.first() else {
        return String::new();
    };
    let like = format!("such as {other}: match = \"{}\"", glob_of(other));
    match others.len() {
        1 => format!(
            "there is 1 other tag, {like} in [release] of releases.toml makes it a release\n"
        ),
        count => format!(
            "there are {count} other tags, {like} in [release] of releases.toml makes those like it releases\n"
        ),
    }
}

/// A glob that fits a name and others like it: `v[0-9]*` for `v1.2.3`.
fn glob_of(name: &str) -> String {
    let start = |end: usize| &name[..end];
    let is_plain = |text: &str| check_ref_name(text.trim_end_matches('/')).is_ok();
    match name.find(|c: char| c.is_ascii_digit()) {
        Some(0) => "[0-9]*".to_owned(),
        Some(digit) if is_plain(start(digit)) => format!("{}[0-9]*", start(digit)),
        _ => match name.rfind('/') {
            Some(slash) if is_plain(start(slash)) => format!("{}*", start(slash + 1)),
            _ => "NAME*".to_owned(),
        },
    }
}

fn run_row(brought: &Brought, now: Moment) -> [String; 5] {
    [
        Commit::short(&brought.commit).to_owned(),
        brought.env.to_string(),
        short_age(brought.at, now),
        brought.by.clone(),
        brought.run.to_string(),
    ]
}

/// `3h ago`, `just now`; a date for what is not past.
pub fn ago(at: Moment, now: Moment) -> String {
    match (now - at).to_std() {
        Ok(past) if past >= Duration::from_secs(2) => format!("{} ago", age(past)),
        Ok(_) => "just now".to_owned(),
        Err(_) => format!("on {}", at.format("%F %H:%M")),
    }
}
