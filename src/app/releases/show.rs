//! `golive releases show TAG`: one release as a whole, as text and as JSON.
//!
//! Everything that comes from git, names and messages of people, is printed without control characters.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::list::{ago, deployed, failed, stands, value};
use super::past::Past;
use crate::app::args::Global;
use crate::app::json;
use crate::app::plain::seconds;
use crate::app::report::{Code, Failure, print, shown};
use crate::app::runs::table;
use crate::app::session::{self, Project};
use crate::domain::catalog::{Catalog, Detail, FileChange, MarkedCommit, Risk, Signature};
use crate::domain::id::EnvName;
use crate::domain::run::Moment;
use crate::domain::text::{ellipsis, few, plural, similar};

/// So many commits and files are printed, unless everything is wanted.
const MOST: usize = 40;
/// The widest columns of paths and subjects.
const WIDEST: usize = 60;

/// Carries out `golive releases show TAG`.
pub async fn show(project: &Project, tag: &str, global: &Global) -> Result<Code, Failure> {
    let past = Past::of(project);
    let catalog = past.list_compared().await.map_err(|error| failed(&error))?;
    let tag = meant(&catalog, tag);
    let found = past.show(&catalog, &tag).await;
    let Some(detail) = found.map_err(|error| failed(&error))? else {
        return Err(unknown(project, &catalog, &tag));
    };
    let here = stands(project, &catalog);
    let envs = deployed(&here, &detail.release);
    if global.json {
        print(&format!("{}\n", json::line(&document(&detail, &envs))))?;
    } else {
        let text = text(project, &detail, &envs, session::now(), global.verbose);
        print(&shown(&text))?;
    }
    Ok(Code::Done)
}

/// The name of the release that is meant, when there is one; else a failure that says what there is.
pub async fn named(project: &Project, tag: &str) -> Result<String, Failure> {
    let catalog = Past::of(project).list().await;
    let catalog = catalog.map_err(|error| failed(&error))?;
    let tag = meant(&catalog, tag);
    let mut names = catalog.releases.iter().map(|release| &release.tag);
    if names.any(|name| *name == tag) {
        return Ok(tag);
    }
    Err(unknown(project, &catalog, &tag))
}

/// The release that is meant: by its tag, or by the name of the tag that is live.
fn meant(catalog: &Catalog, given: &str) -> String {
    let live = catalog.live.as_ref().filter(|live| live.name == given);
    let tag = live.and_then(|live| live.tag.clone());
    tag.unwrap_or_else(|| given.to_owned())
}

fn unknown(project: &Project, catalog: &Catalog, tag: &str) -> Failure {
    let failure = Failure::new(Code::Usage, format!("there is no release `{tag}`"));
    let names = catalog.releases.iter().map(|release| release.tag.as_str());
    let failure = match similar(tag, names) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure,
    };
    failure.help(format!("{} releases lists what there is", project.command))
}

fn document(detail: &Detail, deployed: &[&EnvName]) -> Value {
    let mut document = value(&detail.release, deployed);
    let note = detail.note.clone().unwrap_or_default();
    let people = detail.people.iter();
    let people: Vec<Value> = people
        .map(|(name, commits)| json!({"name": name, "commits": commits}))
        .collect();
    let hosts = detail.hosts.iter();
    let hosts: Vec<Value> = hosts
        .map(|((env, host), times)| {
            json!({"env": env, "host": host, "worked_s": times.worked_s, "downtime_s": times.down_s})
        })
        .collect();
    let more = json!({
        "before": detail.before,
        "message": detail.message,
        "reason": note.reason,
        "previous": note.previous,
        "plan": Some(note.plan).filter(|plan| !plan.is_empty()),
        "evidence": note.evidence,
        "people": people,
        "changes": detail.commits.iter().map(change).collect::<Vec<_>>(),
        "files": detail.files.iter().map(file).collect::<Vec<_>>(),
        "risks": detail.risks.iter().map(|risk| word(*risk)).collect::<Vec<_>>(),
        "hosts": hosts,
        "run_is_here": detail.run_is_here,
    });
    if let (Some(document), Value::Object(more)) = (document.as_object_mut(), more) {
        document.extend(more);
    }
    document
}

fn change(commit: &MarkedCommit) -> Value {
    json!({
        "commit": commit.line.commit,
        "at": commit.line.at,
        "author": commit.line.author,
        "subject": commit.line.subject,
        "risks": commit.risks.iter().map(|risk| word(*risk)).collect::<Vec<_>>(),
    })
}

fn file(file: &FileChange) -> Value {
    json!({
        "path": file.path,
        "was": file.was,
        "insertions": file.insertions,
        "deletions": file.deletions,
    })
}

/// A risk as JSON tells it.
fn word(risk: Risk) -> &'static str {
    match risk {
        Risk::Database => "database",
        Risk::Dependency => "dependency",
        Risk::Configuration => "configuration",
    }
}

fn text(
    project: &Project,
    detail: &Detail,
    deployed: &[&EnvName],
    now: Moment,
    whole: bool,
) -> String {
    let mut out = facts(project, detail, deployed, now);
    if !detail.message.is_empty() {
        let _ = write!(out, "\n{}\n", detail.message);
    }
    let most = if whole { usize::MAX } else { MOST };
    out.push_str(&commits(detail, most, whole));
    out.push_str(&files(detail, most, whole));
    out.push_str(&evidence(detail));
    if let (Some(run), true) = (&detail.release.run, detail.run_is_here) {
        let command = &project.command;
        let _ = write!(
            out,
            "\n{command} runs show {run} tells every step of its run\n\
             {command} runs logs {run} tells what they printed\n"
        );
    }
    out
}

/// The first lines: what, when, by whom, where, how.
fn facts(project: &Project, detail: &Detail, deployed: &[&EnvName], now: Moment) -> String {
    let release = &detail.release;
    let live = if release.live {
        format!(
            "  {}",
            project.checklist.release.live.as_deref().unwrap_or("LIVE")
        )
    } else {
        String::new()
    };
    let mut out = format!("{}{live}\n", release.tag);
    let mut line = |name: &str, text: &str| {
        let _ = writeln!(out, "  {name:9} {text}");
    };
    line(
        "commit",
        &format!("{}  {}", release.commit, release.subject),
    );
    line(
        "released",
        &format!(
            "{} ({}) by {}",
            release.at.format("%F %H:%M %:z"),
            ago(release.at, now),
            release.by
        ),
    );
    if !release.envs.is_empty() {
        line("brought", &format!("to {}", few(&release.envs, 8)));
    }
    if !deployed.is_empty() {
        line("runs", &format!("in {} now", few(deployed, 8)));
    }
    if let Some(run) = &release.run {
        let took = release.duration_s.map_or_else(String::new, |took| {
            format!(", took {}", seconds(Some(took)))
        });
        let here = if detail.run_is_here {
            ""
        } else {
            ", not on this machine"
        };
        line("run", &format!("{run}{took}{here}"));
    }
    if let Some(reason) = detail.note.as_ref().and_then(|note| note.reason.as_ref()) {
        line("reason", reason);
    }
    if let Some(left) = &release.rolled_back {
        line("went back", &format!("from {left}"));
    }
    if let Some(bad) = &release.bad {
        let why = bad.reason.as_deref().unwrap_or("no reason given");
        line(
            "bad",
            &format!("{} left it, {}: {why}", bad.by, ago(bad.at, now)),
        );
    }
    match &release.signature {
        Signature::None => {}
        Signature::Unchecked => line("signed", "not verified: there was no time"),
        Signature::Unverifiable(why) => line("signed", &format!("not verified: {why}")),
        Signature::Good(by) => line("signed", &format!("by {by}")),
        Signature::Wrong(why) => line("signed", &format!("WRONG: {why}")),
    }
    if let Some(made_as) = &release.made_as {
        line("made as", made_as);
    }
    for ((env, host), times) in &detail.hosts {
        let worked = times
            .worked_s
            .map(|took| format!("worked {}", seconds(Some(took))));
        let down = times
            .down_s
            .map(|took| format!("down {}", seconds(Some(took))));
        let told: Vec<String> = worked.into_iter().chain(down).collect();
        line("host", &format!("{env}/{host}: {}", told.join(", ")));
    }
    out
}

fn commits(detail: &Detail, most: usize, whole: bool) -> String {
    let since = detail.before.as_ref().map_or_else(
        || "in the first release".to_owned(),
        |tag| format!("since {tag}"),
    );
    let Some(count) = detail.commit_count else {
        return format!("\nhow many commits {since}: not known in this clone\n");
    };
    let people: Vec<String> = detail
        .people
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    let by = if people.is_empty() {
        String::new()
    } else {
        format!(": {}", few(&people, 6))
    };
    let mut out = format!("\n{} {since}{by}\n", plural("commit", count));
    for commit in detail.commits.iter().take(most) {
        let subject = commit.line.subject.clone();
        let subject = if whole {
            subject
        } else {
            ellipsis(&shown(&subject), WIDEST)
        };
        let marks: Vec<&str> = commit.risks.iter().map(|risk| risk.mark()).collect();
        let line = format!(
            "  {} {subject}  {}",
            commit.line.commit.short(),
            marks.join(" ")
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let told = detail.commits.len().min(most);
    if told < count {
        let _ = writeln!(out, "  and {} more", count - told);
    }
    out
}

fn files(detail: &Detail, most: usize, whole: bool) -> String {
    if detail.files.is_empty() {
        return String::new();
    }
    let sum = |part: fn(&FileChange) -> Option<usize>| -> usize {
        detail.files.iter().filter_map(part).sum()
    };
    let mut out = format!(
        "\n{}, +{} -{}\n",
        plural("file", detail.files.len()),
        sum(|file| file.insertions),
        sum(|file| file.deletions)
    );
    let number = |sign: char, count: Option<usize>| {
        count.map_or_else(|| "binary".to_owned(), |count| format!("{sign}{count}"))
    };
    let rows: Vec<[String; 4]> = detail
        .files
        .iter()
        .take(most)
        .map(|file| {
            let path = match &file.was {
                Some(was) => format!("{was} -> {}", file.path),
                None => file.path.clone(),
            };
            let path = shown(&path);
            let marks = crate::domain::catalog::risks([file.path.as_str()]);
            [
                format!("  {}", if whole { path } else { ellipsis(&path, WIDEST) }),
                number('+', file.insertions),
                number('-', file.deletions),
                marks
                    .iter()
                    .map(|risk| risk.mark())
                    .collect::<Vec<_>>()
                    .join(" "),
            ]
        })
        .collect();
    let listed = table(&["", "", "", ""], &rows);
    out.push_str(listed.strip_prefix('\n').unwrap_or(&listed));
    if detail.files.len() > most {
        let _ = writeln!(out, "  and {} more", detail.files.len() - most);
    }
    out
}

fn evidence(detail: &Detail) -> String {
    let Some(note) = detail
        .note
        .as_ref()
        .filter(|note| !note.evidence.is_empty())
    else {
        return String::new();
    };
    let mut out = "\nproven\n".to_owned();
    for (what, value) in &note.evidence {
        let _ = writeln!(out, "  {what}: {value}");
    }
    out
}
