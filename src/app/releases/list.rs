//! `golive releases`: the list, as text of 80 columns and as JSON.
//!
//! What is live and where HEAD stands to it comes first, then one line a release, newest first, then what is not as it
//! should be. Where releases are not tagged, what the runs of this machine brought where stands for them.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::past::Past;
use crate::app::args::Global;
use crate::app::json;
use crate::app::plain::seconds;
use crate::app::report::{Code, Failure, print, shown};
use crate::app::runs::table;
use crate::app::session::{self, Project};
use crate::domain::catalog::{
    Bad, Brought, Catalog, OnRemote, Point, Release, RemoteTags, Signature, standing,
};
use crate::domain::id::{Commit, EnvName};
use crate::domain::run::{Moment, Outcome};
use crate::domain::text::{age, ellipsis, plural, width};
use crate::edge::git::GitError;

/// The columns that the list has room in.
const COLUMNS: usize = 80;
/// The widest tag and the widest name before they are shortened.
const WIDEST_TAG: usize = 30;
const WIDEST_NAME: usize = 14;
/// At least so much room for the last column.
const LEAST_ROOM: usize = 12;

/// Carries out `golive releases`.
pub async fn list(project: &Project, global: &Global) -> Result<Code, Failure> {
    let past = Past::of(project);
    let mut catalog = past.list_compared().await.map_err(|error| failed(&error))?;
    past.fill_all(&mut catalog).await;
    if global.json {
        print(&format!("{}\n", json::line(&document(project, &catalog))))?;
        return Ok(Code::Done);
    }
    let others = if catalog.releases.is_empty() {
        past.tags().await.map_err(|error| failed(&error))?
    } else {
        Vec::new()
    };
    let now = session::now();
    let text = text(project, &catalog, &others, now, global.verbose);
    print(&shown(&text))?;
    Ok(Code::Done)
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
    let is_tagged = project.checklist.release.tag.is_some();
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
    whole: bool,
) -> String {
    let mut out = heading(catalog, now);
    if catalog.releases.is_empty() {
        out.push_str(&nothing(project, catalog, others, now));
    } else {
        out.push_str(&rows(catalog, &stands(project, catalog), now, whole));
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

fn rows(catalog: &Catalog, here: &[(EnvName, Point)], now: Moment, whole: bool) -> String {
    let cut = |text: &str, most: usize| {
        let text = shown(text);
        if whole { text } else { ellipsis(&text, most) }
    };
    let cells = catalog.releases.iter().map(|release| {
        let commits = release.commits.map(|count| count.to_string());
        [
            format!("{} {}", mark(release), cut(&release.tag, WIDEST_TAG)),
            short_age(release.at, now),
            cut(&release.by, WIDEST_NAME),
            result(release),
            commits.unwrap_or_else(|| "-".to_owned()),
            what(release, &deployed(here, release)),
        ]
    });
    let mut cells: Vec<[String; 6]> = cells.collect();
    let headings = ["  tag", "age", "by", "result", "new", "what"];
    let widest = |column: usize| {
        let each = cells.iter().map(|row| width(&row[column]));
        each.chain([width(headings[column])]).max().unwrap_or(0)
    };
    let taken: usize = (0..5).map(|column| widest(column) + 2).sum();
    let room = COLUMNS.saturating_sub(taken).max(LEAST_ROOM);
    for row in &mut cells {
        row[5] = cut(&row[5], room);
    }
    let table = table(&headings, &cells);
    let mut lines = table.lines();
    let mut out = lines
        .next()
        .map_or_else(String::new, |line| format!("{line}\n"));
    for (line, release) in lines.zip(&catalog.releases) {
        let _ = writeln!(out, "{line}");
        for note in notes(release) {
            let _ = writeln!(out, "    {}", cut(&note, COLUMNS - 4));
        }
    }
    out
}

/// What is live, and what was left, at the beginning of a line.
fn mark(release: &Release) -> char {
    match (release.live, &release.bad) {
        (true, _) => '*',
        (false, Some(_)) => 'x',
        (false, None) => ' ',
    }
}

/// How a release ended and how long its run took, as far as that is known.
fn result(release: &Release) -> String {
    let word = match (&release.bad, release.outcome) {
        (Some(_), _) => "left",
        (None, Some(Outcome::Succeeded)) => "ok",
        (None, Some(Outcome::RolledBack)) => "back",
        (None, Some(Outcome::Failed)) => "failed",
        (None, Some(Outcome::Stopped)) => "stopped",
        (None, None) => "-",
    };
    match release.duration_s {
        Some(took) => format!("{word} {}", seconds(Some(took))),
        None => word.to_owned(),
    }
}

/// Where it is, and what it brought.
fn what(release: &Release, deployed: &[&EnvName]) -> String {
    let live = release.live.then(|| "LIVE".to_owned());
    let places: Vec<String> = live
        .into_iter()
        .chain(deployed.iter().map(ToString::to_string))
        .collect();
    let subject: Vec<&str> = release.subject.split_whitespace().collect();
    let subject = subject.join(" ");
    if places.is_empty() {
        subject
    } else {
        format!("[{}] {subject}", places.join(" "))
    }
}

/// What is the matter with it, one line each.
fn notes(release: &Release) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    if let Some(bad) = &release.bad {
        let why = bad.reason.as_deref().unwrap_or("no reason given");
        notes.push(format!("bad: {why} ({} left it)", bad.by));
    }
    if let Some(left) = &release.rolled_back {
        notes.push(format!("went back from {left}"));
    }
    match release.remote {
        OnRemote::LocalOnly => notes.push("local only: the remote does not have it".to_owned()),
        OnRemote::Differs => notes.push("moved: the remote has another one".to_owned()),
        OnRemote::Same | OnRemote::Unknown => {}
    }
    match &release.signature {
        Signature::Wrong(why) => notes.push(format!("WRONG SIGNATURE: {why}")),
        Signature::Good(by) => notes.push(format!("signed by {by}")),
        Signature::Unchecked => notes.push("signed, and not verified here".to_owned()),
        Signature::None => {}
    }
    if let Some(made_as) = &release.made_as {
        notes.push(format!("made as {made_as}"));
    }
    notes
}

/// What there is instead of releases, and what to do.
fn nothing(project: &Project, catalog: &Catalog, others: &[String], now: Moment) -> String {
    let name = &project.checklist.project;
    let command = &project.command;
    let Some(pattern) = &project.checklist.release.tag else {
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
        return out;
    };
    let mut out = format!("no releases of {name} yet: no tag has a name like {pattern}\n");
    if catalog.head.is_none() {
        let _ = writeln!(out, "the repository has no commits yet");
        return out;
    }
    if let Some(other) = others.first() {
        let count = plural("other tag", others.len());
        let _ = writeln!(
            out,
            "there is {count}, such as {other}: if these are releases, say so by `tag` in [release] of releases.toml"
        );
    }
    let _ = writeln!(
        out,
        "{command} deploy makes the first; {command} plan shows what that would do"
    );
    out
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

fn short_age(at: Moment, now: Moment) -> String {
    // A clock that is wrong, here or there, makes no age.
    (now - at).to_std().map_or_else(|_| "-".to_owned(), age)
}

/// `3h ago`, `just now`; a date for what is not past.
pub(super) fn ago(at: Moment, now: Moment) -> String {
    match (now - at).to_std() {
        Ok(past) if past >= Duration::from_secs(2) => format!("{} ago", age(past)),
        Ok(_) => "just now".to_owned(),
        Err(_) => format!("on {}", at.format("%F %H:%M")),
    }
}
