//! What going back means, as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::app::json;
use crate::app::plain::seconds;
use crate::app::releases::list::ago;
use crate::domain::catalog::{Meaning, Point};
use crate::domain::id::EnvName;
use crate::domain::plan::Plan;
use crate::domain::run::Moment;
use crate::domain::text::plural;

/// So many commits are listed.
const COMMITS: usize = 10;
/// So many migrations are listed.
const MIGRATIONS: usize = 10;

/// One end of going back: `v1.41 (9be0d11, 6d ago, by ada)`.
pub(super) fn point(point: &Point, now: Moment) -> String {
    let mut parts = Vec::new();
    if point.tag.is_some() {
        parts.push(point.commit.short().to_owned());
    }
    parts.extend(point.at.map(|at| ago(at, now)));
    parts.extend(point.by.as_ref().map(|by| format!("by {by}")));
    let name = point.tag.as_deref().unwrap_or(point.commit.short());
    if parts.is_empty() {
        name.to_owned()
    } else {
        format!("{name} ({})", parts.join(", "))
    }
}

/// What it means, for people.
pub(super) fn plain(meaning: &Meaning, now: Moment) -> String {
    let mut text = format!("going back in {}\n", meaning.env);
    let mut row = |name: &str, said: &str| {
        let _ = writeln!(text, "  {name:<11} {said}");
    };
    row("from", &point(&meaning.from, now));
    row("to", &point(&meaning.to, now));
    row("takes back", &commits(meaning));
    for commit in meaning.commits.iter().take(COMMITS) {
        let line = &commit.line;
        row(
            "",
            &format!("{} {} ({})", line.commit.short(), line.subject, line.author),
        );
    }
    let listed = meaning.commits.len().min(COMMITS);
    if let Some(more @ 1..) = meaning.commit_count.and_then(|all| all.checked_sub(listed)) {
        row("", &format!("and {}", plural("more commit", more)));
    }
    if let Some(new @ 1..) = meaning.new_commits {
        let said = format!("{} that what is live does not have", plural("commit", new));
        row("brings", &said);
    }
    if !meaning.is_told {
        row("migrations", "not known");
    } else if !meaning.migrations.is_empty() {
        let named = meaning.migrations.iter().take(MIGRATIONS);
        let named: Vec<&str> = named.map(String::as_str).collect();
        let rest = match meaning.migrations.len().saturating_sub(MIGRATIONS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        row("migrations", &format!("{}{rest}", named.join(", ")));
    }
    if !meaning.undone.is_empty() {
        row("undoes", &meaning.undone.join(", "));
    }
    if !meaning.without_undo.is_empty() {
        row("cannot undo", &meaning.without_undo.join(", "));
    }
    if !meaning.held.is_empty() {
        let hosts: Vec<String> = meaning
            .held
            .iter()
            .map(|(host, answer)| match answer {
                Ok(true) => format!("{host} yes"),
                Ok(false) => format!("{host} no"),
                Err(_) => format!("{host} ?"),
            })
            .collect();
        row("still held", &hosts.join(", "));
    }
    if let Some(took) = meaning.took_s {
        row(
            "took",
            &format!("{} when it was released", seconds(Some(took))),
        );
    }
    for warning in &meaning.warnings {
        let _ = writeln!(text, "! {warning}");
    }
    text
}

fn commits(meaning: &Meaning) -> String {
    match meaning.commit_count {
        Some(0) => "no commit".to_owned(),
        Some(count) => plural("commit", count),
        None => "commits that are not in this clone".to_owned(),
    }
}

/// What it means and what would run, as one JSON document.
pub(super) fn document(meaning: &Meaning, plan: &Plan) -> String {
    let commits: Vec<Value> = meaning
        .commits
        .iter()
        .map(|commit| {
            json!({
                "commit": commit.line.commit,
                "subject": commit.line.subject,
                "author": commit.line.author,
                "at": commit.line.at.to_rfc3339(),
            })
        })
        .collect();
    let held: Vec<Value> = meaning
        .held
        .iter()
        .map(|(host, answer)| {
            let why = answer.as_ref().err();
            json!({ "host": host, "held": answer.as_ref().ok(), "why": why })
        })
        .collect();
    let value = json!({
        "env": meaning.env,
        "from": end(&meaning.from),
        "to": end(&meaning.to),
        "commits": commits,
        "commit_count": meaning.commit_count,
        "new_commits": meaning.new_commits,
        "migrations": meaning.is_told.then_some(&meaning.migrations),
        "undone": meaning.undone,
        "without_undo": meaning.without_undo,
        "held": held,
        "took_s": meaning.took_s,
        "warnings": meaning.warnings,
        "plan": json::plan(plan),
    });
    format!("{}\n", json::line(&value))
}

fn end(point: &Point) -> Value {
    json!({
        "tag": point.tag,
        "commit": point.commit,
        "at": point.at.map(|at| at.to_rfc3339()),
        "by": point.by,
    })
}

/// That there is nothing to go back to, as one JSON document.
pub(super) fn nothing(env: &EnvName, why: &str) -> String {
    let value = json!({ "env": env, "from": null, "to": null, "why": why });
    format!("{}\n", json::line(&value))
}
