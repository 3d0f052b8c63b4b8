//! Facts: what is said of a release, in words. Each pane and each size takes of them what it has room for.
//!
//! What is not known is left out or said to be unknown; it never looks like nothing. Texts are as they came from git:
//! whoever draws them escapes them.

use std::collections::BTreeMap;

use crate::domain::catalog::{
    Catalog, Detail, HostVersion, OnRemote, Release, RemoteTags, Risk, Signature,
};
use crate::domain::id::EnvName;
use crate::domain::overview::{EnvOverview, Overview};
use crate::domain::run::{Moment, Outcome};
use crate::domain::text;
use crate::ui::words;

/// Paths of files that are told of a release, at most.
const MOST_FILES: usize = 400;

/// Columns of the subject that are told of a release, at most.
const LONGEST_SUBJECT: usize = 120;

/// Columns in which the names of hosts stand below each other.
const WIDEST_HOST: usize = 28;

/// A fact with what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about, in a word; empty = it belongs to the one above.
    pub label: String,
    /// The fact.
    pub text: String,
    /// The role it is drawn in.
    pub role: &'static str,
}

impl Fact {
    /// A fact.
    pub fn new(label: &str, text: impl Into<String>, role: &'static str) -> Self {
        Self {
            label: label.to_owned(),
            text: text.into(),
            role,
        }
    }
}

/// Whether a release is marked as failed in lists: it was left by a rollback, its run failed, its signature is wrong.
pub fn is_bad(release: &Release) -> bool {
    release.bad.is_some()
        || release.outcome == Some(Outcome::Failed)
        || matches!(release.signature, Signature::Wrong(_))
}

/// What became of a release, in at most ten columns, with its role.
pub fn result(release: &Release) -> (String, &'static str) {
    let length = || release.duration_s.map(words::span);
    if release.bad.is_some() {
        return ("ROLLED BACK".to_owned(), "state.fail");
    }
    match (&release.signature, release.remote) {
        (Signature::Wrong(_), _) => return ("SIGNATURE".to_owned(), "state.fail"),
        (_, OnRemote::Differs) => return ("MOVED".to_owned(), "state.warn"),
        _ => {}
    }
    let (word, role) = match outcome(release) {
        Some(told) => told,
        None if release.remote == OnRemote::LocalOnly => return local_only(),
        None => return ("-".to_owned(), "text.dim"),
    };
    match length().filter(|_| word == "ok") {
        Some(length) => (format!("{word} {length}"), role),
        None => (word.to_owned(), role),
    }
}

/// How the run ended that made a release; `None` = nothing is known of it.
fn outcome(release: &Release) -> Option<(&'static str, &'static str)> {
    Some(match release.outcome {
        Some(Outcome::Failed) => ("failed", "state.fail"),
        Some(Outcome::Stopped) => ("stopped", "state.warn"),
        Some(Outcome::RolledBack) => ("went back", "state.changed"),
        Some(Outcome::Succeeded) => ("ok", "state.ok"),
        None if release.rolled_back.is_some() => ("went back", "state.changed"),
        None if release.run.is_some() => ("ok", "state.ok"),
        None => return None,
    })
}

fn local_only() -> (String, &'static str) {
    ("only here".to_owned(), "state.warn")
}

/// What is said of a release as such; `environments` tell where it runs now.
pub fn about(
    release: &Release,
    detail: Option<&Detail>,
    environments: &[EnvOverview],
    now: Moment,
) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(bad) = &release.bad {
        let when = words::when(bad.at, now);
        let by = words::user(&bad.by);
        let text = format!("left {when} by {by}: it is never gone back to");
        facts.push(Fact::new("BAD", text, "state.fail"));
        let reason = bad.reason.as_deref().unwrap_or("no reason was given");
        facts.push(Fact::new("", reason, "text"));
    }
    let at = release.at.format("%Y-%m-%d %H:%M");
    let by = words::user(&release.by);
    facts.push(Fact::new("tagged", format!("{at} by {by}"), "text"));
    facts.extend(signature(&release.signature));
    // What matters more follows: a subject that goes on and on is read among the commits.
    let subject = text::ellipsis(&release.subject, LONGEST_SUBJECT);
    let commit = format!("{} {subject}", release.commit.short());
    facts.push(Fact::new("commit", commit, "text"));
    facts.extend(places(release, environments));
    if let Some(left) = &release.rolled_back {
        let text = format!("by going back from {left}");
        facts.push(Fact::new("came", text, "state.changed"));
    }
    facts.push(run_in_short(release, detail));
    facts.extend(remote(release.remote));
    if let Some(detail) = detail {
        facts.extend(changes(release, detail));
        facts.extend(hosts_in_short(detail));
        facts.extend(message(detail));
    } else {
        facts.push(Fact::new("", "looking ..", "text.dim"));
    }
    facts
}

/// Whether a release is what runs in an environment now.
pub fn runs_in(release: &Release, env: &EnvOverview) -> bool {
    env.deployed.as_ref().is_some_and(|deployed| {
        let is_it = |tag: &String| *tag == release.tag;
        deployed.commit == release.commit && deployed.tag.as_ref().is_none_or(is_it)
    })
}

/// Where it was brought, as its tag says, and apart from that what it is now: of what was brought somewhere nobody should read
/// that it runs there.
fn places(release: &Release, environments: &[EnvOverview]) -> Vec<Fact> {
    let mut facts = Vec::new();
    if !release.envs.is_empty() {
        let envs: Vec<&str> = release.envs.iter().map(EnvName::as_str).collect();
        let text = format!("to {}", envs.join(", "));
        facts.push(Fact::new("brought", text, "text"));
    }
    let here = environments.iter().filter(|env| runs_in(release, env));
    let here: Vec<&str> = here.map(|env| env.env.as_str()).collect();
    let runs = (!here.is_empty()).then(|| format!("runs in {}", here.join(", ")));
    let live = release.live.then(|| "LIVE".to_owned());
    let told: Vec<String> = live.into_iter().chain(runs).collect();
    if !told.is_empty() {
        let role = if release.live { "state.ok" } else { "text" };
        facts.push(Fact::new("now", told.join(", "), role));
    }
    facts
}

/// What was released, and how long that took.
fn run_in_short(release: &Release, detail: Option<&Detail>) -> Fact {
    let length = release.duration_s.map(words::span);
    let Some(run) = &release.run else {
        let text = "golive has no record of how it was released";
        return Fact::new("run", text, "text.dim");
    };
    let (word, role) = outcome(release).unwrap_or(("ok", "text"));
    // That it was left later is told elsewhere, in its own colour.
    let role = if release.bad.is_some() { "text" } else { role };
    let length = length.map_or_else(String::new, |length| format!(" {length}"));
    let here = detail.is_some_and(|detail| detail.run_is_here);
    let here = if here { ", log here" } else { "" };
    Fact::new("run", format!("{run} {word}{length}{here}"), role)
}

fn signature(signature: &Signature) -> Option<Fact> {
    let (text, role) = match signature {
        Signature::None => return None,
        Signature::Unchecked => ("not verified yet".to_owned(), "text.dim"),
        Signature::Unverifiable(why) => (format!("not verified: {why}"), "text.dim"),
        Signature::Good(who) => (format!("good, {who}"), "state.ok"),
        Signature::Wrong(why) => (format!("WRONG: {why}"), "state.fail"),
    };
    Some(Fact::new("signed", text, role))
}

fn remote(remote: OnRemote) -> Option<Fact> {
    let text = match remote {
        OnRemote::Unknown | OnRemote::Same => return None,
        OnRemote::LocalOnly => "the tag is only on this machine",
        OnRemote::Differs => "the remote has another tag of this name",
    };
    Some(Fact::new("remote", text, "state.warn"))
}

/// How much a release changed, and what of it is risky.
fn changes(release: &Release, detail: &Detail) -> Vec<Fact> {
    let commits = detail.commit_count.or(release.commits);
    let commits = commits.map_or_else(
        || "commits not known".to_owned(),
        |count| words::count(count, "commit"),
    );
    let added: usize = detail.files.iter().filter_map(|file| file.insertions).sum();
    let removed: usize = detail.files.iter().filter_map(|file| file.deletions).sum();
    let files = words::count(detail.files.len(), "file");
    let since = detail.before.as_deref().map_or_else(
        || ", the first release".to_owned(),
        |before| format!(" since {before}"),
    );
    let mut facts = vec![Fact::new(
        "changes",
        format!("{commits}, {files} +{added} -{removed}{since}"),
        "text",
    )];
    if !detail.risks.is_empty() {
        let mut risks: Vec<&str> = detail.risks.iter().map(|risk| risk_word(*risk)).collect();
        risks.dedup();
        facts.push(Fact::new("touches", risks.join(", "), "state.warn"));
    }
    if !detail.people.is_empty() {
        let each = detail.people.iter().take(6);
        let people: Vec<String> = each
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        facts.push(Fact::new("people", people.join(", "), "text"));
    }
    facts
}

fn risk_word(risk: Risk) -> &'static str {
    match risk {
        Risk::Database => "database !db",
        Risk::Dependency => "dependencies !dep",
        Risk::Configuration => "configuration !cfg",
    }
}

fn hosts_in_short(detail: &Detail) -> Option<Fact> {
    let each = detail.hosts.iter();
    let down: Vec<String> = each
        .filter_map(|((_, host), times)| {
            let down = times.down_s.filter(|down| *down > 0.0)?;
            Some(format!("{host} {}", words::span(down)))
        })
        .collect();
    (!down.is_empty()).then(|| Fact::new("down", down.join(", "), "text"))
}

fn message(detail: &Detail) -> Vec<Fact> {
    let lines = detail.message.trim().lines().enumerate();
    lines
        .map(|(at, line)| Fact::new(if at == 0 { "notes" } else { "" }, line, "text"))
        .collect()
}

/// What stands in the tag, who made what, and the files.
pub fn notes(release: &Release, detail: Option<&Detail>) -> Vec<Fact> {
    let Some(detail) = detail else {
        return vec![Fact::new("", "looking ..", "text.dim")];
    };
    let mut facts = Vec::new();
    if detail.message.trim().is_empty() {
        let text = "the tag has no message of its own";
        facts.push(Fact::new("notes", text, "text.dim"));
    }
    facts.extend(message(detail));
    facts.extend(remote(release.remote));
    facts.extend(signature(&release.signature));
    facts.extend(changes(release, detail));
    for (at, file) in detail.files.iter().take(MOST_FILES).enumerate() {
        let counts = match (file.insertions, file.deletions) {
            (Some(added), Some(removed)) => format!("+{added} -{removed}"),
            _ => "binary".to_owned(),
        };
        let was = file.was.as_ref();
        let was = was.map_or_else(String::new, |was| format!(" (was {was})"));
        let label = if at == 0 { "files" } else { "" };
        let text = format!("{counts:<11} {}{was}", file.path);
        facts.push(Fact::new(label, text, "text"));
    }
    let more = detail.files.len().saturating_sub(MOST_FILES);
    if more > 0 {
        facts.push(Fact::new("", format!("{more} more"), "text.dim"));
    }
    facts
}

/// What is said of the branch: what the next release would be.
pub fn ahead(catalog: &Catalog, overview: Option<&Overview>) -> Vec<Fact> {
    let branch = catalog.branch.as_deref().unwrap_or("HEAD");
    let mut facts = Vec::new();
    if let Some(head) = &catalog.head {
        let text = format!("{} on {branch}", head.short());
        facts.push(Fact::new("commit", text, "text"));
    }
    let Some(overview) = overview else {
        return facts;
    };
    if let Some(next) = &overview.next {
        let commits = words::count(next.commit_count, "commit");
        let files = words::count(next.files, "file");
        let text = format!(
            "{commits}, {files} +{} -{} since {}",
            next.insertions,
            next.deletions,
            if next.from.is_empty() {
                "the beginning"
            } else {
                &next.from
            }
        );
        facts.push(Fact::new("changes", text, "text"));
    }
    for (at, env) in overview.environments.iter().enumerate() {
        let label = if at == 0 { "runs" } else { "" };
        let (text, role) = match env.deployed.as_ref().map(|deployed| deployed.behind) {
            None => ("nothing known yet".to_owned(), "text.dim"),
            Some(None) => ("a commit not found here".to_owned(), "state.warn"),
            Some(Some(0)) => (format!("the same as {branch}"), "state.ok"),
            Some(Some(behind)) => {
                let behind = words::count(behind, "commit");
                (format!("{behind} behind"), "state.changed")
            }
        };
        facts.push(Fact::new(label, format!("{}: {text}", env.env), role));
    }
    facts
}

/// The run that made a release, as its note and this machine tell it.
pub fn runs(release: &Release, detail: Option<&Detail>) -> Vec<Fact> {
    let Some(detail) = detail else {
        return vec![Fact::new("", "looking ..", "text.dim")];
    };
    let mut facts = vec![run_in_short(release, Some(detail))];
    if release.run.is_some() && !detail.run_is_here {
        let text = "its steps and logs are not on this machine; the tag tells what is below";
        facts.push(Fact::new("", text, "text.dim"));
    }
    let Some(note) = &detail.note else {
        return facts;
    };
    facts.push(Fact::new("by", note.operator.clone(), "text"));
    if let Some(reason) = &note.reason {
        facts.push(Fact::new("reason", reason.clone(), "text"));
    }
    if let Some(previous) = &note.previous {
        facts.push(Fact::new(
            "before",
            previous.short().to_owned(),
            "text.link",
        ));
    }
    for (at, (what, value)) in note.evidence.iter().enumerate() {
        let label = if at == 0 { "proven" } else { "" };
        facts.push(Fact::new(label, format!("{what}: {value}"), "text"));
    }
    if !note.plan.is_empty() {
        let digest: String = note.plan.chars().take(12).collect();
        facts.push(Fact::new("plan", digest, "text.dim"));
    }
    facts
}

/// What a release took of each host, and what hosts say they run now.
pub fn hosts(release: &Release, detail: Option<&Detail>, versions: &[HostVersion]) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut now: BTreeMap<(&str, &str), &HostVersion> = versions
        .iter()
        .map(|version| ((version.env.as_str(), version.host.as_str()), version))
        .collect();
    let took = detail.iter().flat_map(|detail| detail.hosts.keys());
    let took = took.map(|(env, host)| (env.as_str(), host.as_str()));
    let names = took.chain(now.keys().copied());
    let widest = names.map(|(env, host)| env.len() + host.len() + 1).max();
    let widest = widest.unwrap_or(0).min(WIDEST_HOST);
    for ((env, host), times) in detail.iter().flat_map(|detail| &detail.hosts) {
        let mut said = Vec::new();
        if let Some(worked) = times.worked_s {
            said.push(format!("worked {}", words::span(worked)));
        }
        if let Some(down) = times.down_s {
            said.push(format!("down {}", words::span(down)));
        }
        if let Some(version) = now.remove(&(env.as_str(), host.as_str())) {
            said.push(runs_now(version));
        }
        let name = format!("{env}/{host}");
        let text = format!("{name:<widest$}  {}", said.join(", "));
        let label = if facts.is_empty() { "hosts" } else { "" };
        facts.push(Fact::new(label, text, "text"));
    }
    for version in now.into_values() {
        let role = match &version.version {
            Ok(commit) if *commit == release.commit => "state.ok",
            Ok(_) => "text",
            Err(_) => "state.warn",
        };
        let name = format!("{}/{}", version.env, version.host);
        let text = format!("{name:<widest$}  {}", runs_now(version));
        let label = if facts.is_empty() { "hosts" } else { "" };
        facts.push(Fact::new(label, text, role));
    }
    if facts.is_empty() {
        let text = if detail.is_some() {
            "nothing is known of its hosts; [release] version asks them what they run"
        } else {
            "looking .."
        };
        facts.push(Fact::new("", text, "text.dim"));
    }
    facts
}

/// What a host runs now, in words.
fn runs_now(version: &HostVersion) -> String {
    match (&version.version, &version.tag) {
        (Ok(_), Some(tag)) => format!("runs {tag} now"),
        (Ok(commit), None) => format!("runs {} now", commit.short()),
        (Err(why), _) => format!("not known what it runs: {why}"),
    }
}

/// Why the tags could not be compared with those of the remote.
pub fn no_remote(catalog: &Catalog) -> Option<Fact> {
    match &catalog.remote {
        RemoteTags::Failed(why) => Some(Fact::new("remote", why, "state.warn")),
        _ => None,
    }
}

/// How the tags here stand to those of the remote, in words.
pub fn remote_in_short(catalog: &Catalog) -> Option<(String, &'static str)> {
    let count = |wanted: OnRemote| {
        let releases = catalog.releases.iter();
        releases.filter(|release| release.remote == wanted).count()
    };
    let said = match &catalog.remote {
        RemoteTags::None => return None,
        RemoteTags::Waiting => ("asking the remote ..".to_owned(), "text.dim"),
        RemoteTags::Failed(_) => ("remote not reached".to_owned(), "state.warn"),
        RemoteTags::Compared => match (count(OnRemote::LocalOnly), count(OnRemote::Differs)) {
            (0, 0) => ("same as the remote".to_owned(), "text.dim"),
            (here, 0) => (format!("{here} only here"), "state.warn"),
            (0, moved) => (format!("{moved} moved on the remote"), "state.warn"),
            (here, moved) => (format!("{here} only here, {moved} moved"), "state.warn"),
        },
    };
    Some(said)
}
