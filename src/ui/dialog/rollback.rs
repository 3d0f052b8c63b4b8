//! What going back would mean, before anything is done: what is left and where to, what is taken back with it, whether it
//! can be undone, and a field for the reason.

use super::sheet::{Line, Sheet, blank, field, text};
use crate::domain::catalog::{MarkedCommit, Meaning, Point};
use crate::domain::output::ansi::plain_text;
use crate::domain::run::Moment;
use crate::domain::text::{ellipsis, few};
use crate::ui::model::Model;
use crate::ui::widget::paint::{columns, middle, wrap};
use crate::ui::words;

/// So many commits are told one by one.
const TOLD_COMMITS: usize = 12;
/// So many names stand in a sentence.
const TOLD_NAMES: usize = 4;
/// Columns that the author of a commit has at most.
const AUTHOR: usize = 14;
/// Columns before the facts.
const HEAD: usize = 9;

/// What the dialog says.
pub fn sheet(model: &Model, typed: &str, scroll: usize, width: u16, now: Moment) -> Sheet {
    let Some(back) = &model.going_back else {
        return Sheet::default();
    };
    let meaning = &back.meaning;
    let width = width.min(84);
    let mut lines = vec![blank()];
    lines.extend(point("leaves", &meaning.from, width, now));
    lines.extend(point("back to", &meaning.to, width, now));
    for warning in &meaning.warnings {
        // What git says comes in several lines.
        let words: Vec<&str> = warning.split_whitespace().collect();
        lines.extend(fact("!", &words.join(" "), width, "state.warn"));
    }
    lines.push(blank());
    lines.extend(takes_back(meaning, width, now));
    let before = lines.len();
    lines.push(blank());
    lines.push(field("Why: ", typed));
    let end = match (back.wanted, width < 50) {
        (true, _) => "the plan is being made ..".to_owned(),
        (false, true) => "Enter opens the plan, starts nothing".to_owned(),
        (false, false) => format!(
            "Enter opens the plan; nothing starts before you start it and pass the gate of {}.",
            meaning.env
        ),
    };
    lines.extend(text(&end, width, "text.dim"));
    Sheet {
        title: format!("Roll back {}", meaning.env),
        right: if width < 50 {
            ""
        } else {
            "nothing was done yet"
        }
        .to_owned(),
        bottom: if width < 50 {
            "PgDn more  Esc leaves it".to_owned()
        } else {
            "PgDn PgUp scroll   Esc leaves everything as it is".to_owned()
        },
        kept: lines.len() - before,
        lines,
        scroll,
        width: width + 2,
        danger: true,
        ..Sheet::default()
    }
}

/// What is taken back: the database, steps that are undone, the hosts that have the release, how long it took, commits.
pub fn takes_back(meaning: &Meaning, width: u16, now: Moment) -> Vec<Line> {
    let mut lines = undone(meaning, width);
    lines.extend(held(meaning, width));
    if let Some(seconds) = meaning.took_s {
        let said = format!("{} when it was released", words::span(seconds));
        lines.extend(fact("took", &said, width, "text"));
    }
    lines.push(blank());
    lines.extend(commits(meaning, width, now));
    lines
}

/// A fact with its head, over as many rows as it takes.
fn fact(head: &str, said: &str, width: u16, role: &'static str) -> Vec<Line> {
    let room = usize::from(width).saturating_sub(HEAD).max(10);
    let rows = wrap(said, room).into_iter().enumerate();
    rows.map(|(at, row)| {
        let head = if at == 0 { head } else { "" };
        vec![(format!("{head:<HEAD$}"), "text.dim"), (row, role)]
    })
    .collect()
}

fn point(head: &str, point: &Point, width: u16, now: Moment) -> Vec<Line> {
    let mut said = vec![point.commit.short().to_owned()];
    let narrow = width < 50;
    // Where there is little room a name takes a row and no more: both points are in sight.
    let room = width.saturating_sub(HEAD as u16);
    let tag = point.tag.as_ref();
    said.extend(tag.map(|tag| {
        if narrow {
            middle(tag, room)
        } else {
            tag.clone()
        }
    }));
    if let Some(at) = point.at.filter(|_| !narrow) {
        said.push(words::when(at, now));
    }
    if let Some(by) = point.by.as_ref().filter(|_| !narrow) {
        said.push(format!("by {}", words::user(by)));
    }
    fact(head, &said.join("  "), width, "text.strong")
}

/// Migrations in between, and what can be undone of the steps.
fn undone(meaning: &Meaning, width: u16) -> Vec<Line> {
    let mut lines = Vec::new();
    match meaning.migrations.len() {
        _ if !meaning.is_told => {
            let said = "whether migrations are in between is not known";
            lines.extend(fact("database", said, width, "state.warn"));
        }
        0 => lines.extend(fact("database", "no migration in between", width, "text")),
        all => {
            let names: Vec<&str> = meaning
                .migrations
                .iter()
                .map(|path| path.rsplit('/').next().unwrap_or(path))
                .collect();
            let said = format!(
                "{} in between: {}",
                words::count(all, "migration"),
                few(&names, TOLD_NAMES)
            );
            lines.extend(fact("database", &said, width, "state.warn"));
        }
    }
    if meaning.undone.is_empty() {
        lines.extend(fact("undo", "no step is undone", width, "text"));
    } else {
        let said = format!("first, in this order: {}", meaning.undone.join(", "));
        lines.extend(fact("undo", &said, width, "text"));
    }
    if !meaning.without_undo.is_empty() {
        let said = format!("{} cannot be undone", meaning.without_undo.join(", "));
        let role = if meaning.migrations.is_empty() {
            "text"
        } else {
            "state.fail"
        };
        lines.extend(fact("no undo", &said, width, role));
    }
    lines
}

/// Which hosts still have the release.
fn held(meaning: &Meaning, width: u16) -> Vec<Line> {
    if meaning.held.is_empty() {
        return Vec::new();
    }
    let named = |wanted: Result<bool, ()>| -> Vec<&str> {
        let hosts = meaning.held.iter();
        let hosts =
            hosts.filter(|(_, held)| held.as_ref().map(|held| *held).map_err(|_| ()) == wanted);
        hosts.map(|(host, _)| host.as_str()).collect()
    };
    let mut said = Vec::new();
    for (wanted, words) in [
        (Ok(true), "still on"),
        (Ok(false), "no longer on"),
        (Err(()), "not known of"),
    ] {
        let hosts = named(wanted);
        if !hosts.is_empty() {
            said.push(format!("{words} {}", few(&hosts, TOLD_NAMES)));
        }
    }
    let all = meaning.held.iter().all(|(_, held)| *held == Ok(true));
    let role = if all { "state.ok" } else { "state.warn" };
    fact("release", &said.join(", "), width, role)
}

fn commits(meaning: &Meaning, width: u16, now: Moment) -> Vec<Line> {
    let count = meaning.commit_count.map_or_else(
        || "commits are taken back, nobody knows how many".to_owned(),
        |count| match count {
            0 => "no commit is taken back".to_owned(),
            1 => "1 commit is taken back".to_owned(),
            count => format!("{count} commits are taken back"),
        },
    );
    let mut lines = text(&count, width, "text.strong");
    if let Some(new) = meaning.new_commits.filter(|new| *new > 0) {
        let said = format!(
            "and {} come along: it stands on another branch",
            words::count(new, "commit")
        );
        lines.extend(text(&said, width, "state.warn"));
    }
    let shown = || meaning.commits.iter().take(TOLD_COMMITS);
    let author = |commit: &MarkedCommit| columns(&plain_text(words::user(&commit.line.author)));
    let authors = shown().map(author).max().unwrap_or(0).min(AUTHOR);
    let marks = shown().map(|commit| marks_of(commit).len()).max();
    let widths = (width, authors, marks.unwrap_or(0));
    lines.extend(shown().map(|commit| commit_line(commit, widths, now)));
    let told = meaning.commits.len().min(TOLD_COMMITS);
    if let Some(more) = meaning.commit_count.and_then(|all| all.checked_sub(told))
        && more > 0
        && told > 0
    {
        lines.extend(text(&format!("{more} more"), width, "text.dim"));
    }
    lines
}

/// One commit: what it says, who and when as the list of commits tells it, and its marks.
fn commit_line(
    commit: &MarkedCommit,
    (width, authors, marks): (u16, usize, usize),
    now: Moment,
) -> Line {
    let line = &commit.line;
    let who = if width < 50 {
        String::new()
    } else {
        let author = ellipsis(&plain_text(words::user(&line.author)), authors);
        let gap = " ".repeat(authors.saturating_sub(columns(&author)));
        format!(" {author}{gap} {:>4}", words::age(line.at, now))
    };
    let marks = if marks == 0 {
        String::new()
    } else {
        format!(" {:<marks$}", marks_of(commit))
    };
    let room = usize::from(width).saturating_sub(8 + columns(&who) + marks.len());
    let subject = ellipsis(&plain_text(&line.subject), room);
    let gap = " ".repeat(room.saturating_sub(columns(&subject)));
    vec![
        (line.commit.short().to_owned(), "text.link"),
        (format!(" {subject}{gap}"), "text"),
        (who, "text.dim"),
        (marks, "state.warn"),
    ]
}

fn marks_of(commit: &MarkedCommit) -> String {
    let marks: Vec<&str> = commit.risks.iter().map(|risk| risk.mark()).collect();
    marks.join(" ")
}
