//! The list of past releases as lines: what stands in its columns, and how they fit a terminal.
//!
//! On a terminal nothing is wider than it; where there is little room some columns are left out. In a file or a pipe every
//! line is whole.

use std::fmt::Write as _;

use super::list::deployed;
use crate::app::plain::seconds;
use crate::app::report::shown;
use crate::app::runs::table;
use crate::domain::catalog::{Catalog, OnRemote, Point, Release, Signature};
use crate::domain::id::EnvName;
use crate::domain::run::{Moment, Outcome};
use crate::domain::text::{age, ellipsis, width};

/// As wide as `DEPLOYED-2026-11-20/2130-2`.
const USUAL_TAG: usize = 26;
/// A tag is not cut to less.
const LEAST_TAG: usize = 16;
/// At least so much room for the last column; before that is cut to less, columns go.
const LEAST_ROOM: usize = 12;
/// Columns that can be missed, the first first.
const DISPENSABLE: [&str; 4] = ["new", "by", "result", "age"];

/// The list, a line a release with what is the matter with it below. It fits `room` columns; `None` = nothing is cut.
pub(super) fn rows(
    catalog: &Catalog,
    here: &[(EnvName, Point)],
    now: Moment,
    room: Option<usize>,
) -> String {
    let widest_tag = room.map(tag_room);
    let widest_name = room.map(|room| (room / 6).max(6));
    let cells = catalog.releases.iter().map(|release| {
        let commits = release.commits.map(|count| count.to_string());
        vec![
            format!("{} {}", mark(release), middle(&release.tag, widest_tag)),
            short_age(release.at, now),
            cut(&release.by, widest_name),
            result(release),
            commits.unwrap_or_else(|| "-".to_owned()),
            shown(&what(release, &deployed(here, release))),
        ]
    });
    let mut cells: Vec<Vec<String>> = cells.collect();
    let mut headings = vec!["  tag", "age", "by", "result", "new", "what"];
    if let Some(room) = room {
        fit(&mut headings, &mut cells, room);
    }
    let table = table(&headings, &cells);
    let mut lines = table.lines();
    let mut out = lines
        .next()
        .map_or_else(String::new, |line| format!("{line}\n"));
    for (line, release) in lines.zip(&catalog.releases) {
        let _ = writeln!(out, "{line}");
        for note in notes(release) {
            let room = room.map(|room| room.saturating_sub(4));
            let _ = writeln!(out, "    {}", cut(&note, room));
        }
    }
    out
}

/// How wide a tag may be: a whole `DEPLOYED-…` where other columns can make way for it.
fn tag_room(room: usize) -> usize {
    let usual = room.saturating_sub(30).min(USUAL_TAG);
    (room * 3 / 8).max(usual).max(LEAST_TAG)
}

/// Cuts the last column to the room that is left; where that is too little, columns between go first.
fn fit(headings: &mut Vec<&'static str>, cells: &mut [Vec<String>], room: usize) {
    let mut left = remaining(headings, cells, room);
    for column in DISPENSABLE {
        if left >= LEAST_ROOM {
            break;
        }
        let Some(at) = headings.iter().position(|heading| *heading == column) else {
            continue;
        };
        headings.remove(at);
        for row in &mut *cells {
            row.remove(at);
        }
        left = remaining(headings, cells, room);
    }
    for row in cells {
        if let Some(last) = row.last_mut() {
            *last = ellipsis(last, left);
        }
    }
}

/// The room that all columns but the last leave.
fn remaining(headings: &[&'static str], cells: &[Vec<String>], room: usize) -> usize {
    let before = headings.len().saturating_sub(1);
    let widest = |column: usize| {
        let each = cells.iter().map(|row| width(&row[column]));
        each.chain([width(headings[column])]).max().unwrap_or(0)
    };
    let taken: usize = (0..before).map(|column| widest(column) + 2).sum();
    room.saturating_sub(taken).max(4)
}

/// A text that can be shown, cut at its end.
fn cut(text: &str, most: Option<usize>) -> String {
    let text = shown(text);
    most.map_or_else(|| text.clone(), |most| ellipsis(&text, most))
}

/// A name that can be shown, cut in its middle: names of releases begin alike, and end with the time.
fn middle(name: &str, most: Option<usize>) -> String {
    let name = shown(name);
    let Some(most) = most.filter(|most| width(&name) > *most) else {
        return name;
    };
    let half = most / 2;
    let mut taken = 0;
    let end = name.char_indices().rev().take_while(|(_, c)| {
        taken += width(c.encode_utf8(&mut [0; 4]));
        taken <= half
    });
    let end = end.last().map_or(name.len(), |(at, _)| at);
    format!(
        "{}{}",
        ellipsis(&name, most - width(&name[end..])),
        &name[end..]
    )
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
        Signature::Unchecked => {
            notes.push("signed, and not verified: there was no time".to_owned());
        }
        Signature::Unverifiable(why) => notes.push(format!("signed, and not verified: {why}")),
        Signature::None => {}
    }
    if let Some(made_as) = &release.made_as {
        notes.push(format!("made as {made_as}"));
    }
    notes
}

/// An age in one word.
pub(super) fn short_age(at: Moment, now: Moment) -> String {
    // A clock that is wrong, here or there, makes no age.
    (now - at).to_std().map_or_else(|_| "-".to_owned(), age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_end() {
        let name = "release/of-the-shop/2026-11-20/2130";
        let short = middle(name, Some(20));
        assert_eq!(width(&short), 20);
        assert!(
            short.ends_with("11-20/2130") && short.starts_with("release"),
            "{short}"
        );
        assert_eq!(middle(name, None), name);
        assert_eq!(middle("v1", Some(20)), "v1");
        assert!(width(&middle("\u{6e2f}\u{53e3}\u{6e2f}\u{53e3}\u{6e2f}", Some(5))) <= 5);
    }

    #[test]
    fn a_usual_tag_is_whole_from_56_columns_on() {
        let rooms = [20, 40, 50, 56, 80, 120].map(tag_room);
        assert_eq!(rooms, [16, 16, 20, 26, 30, 45]);
    }

    #[test]
    fn columns_go_before_what_a_release_brought_is_cut_to_nothing() {
        let row = |what: &str| {
            ["* R-1", "3h", "ada", "ok 2s", "12", what]
                .map(String::from)
                .to_vec()
        };
        for (room, left) in [(80, 6), (42, 6), (40, 5), (36, 4), (24, 3), (20, 2)] {
            let mut headings = vec!["  tag", "age", "by", "result", "new", "what"];
            let mut cells = vec![row(&"long ".repeat(30)), row("short")];
            fit(&mut headings, &mut cells, room);
            assert_eq!(headings.len(), left, "{room}");
            for line in table(&headings, &cells).lines() {
                assert!(width(line) <= room, "{room}: {line}");
            }
        }
    }
}
