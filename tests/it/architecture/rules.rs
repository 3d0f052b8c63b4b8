//! The rules of the house, as functions from sources to complaints.
//!
//! Each takes made-up sources as well as the real ones, so that a test can show that it finds what it is for. A
//! complaint names the file and the way out. What is allowed is said here, in tables, and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::scan::Source;

/// Which ring may name which.
const RINGS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("port", &["domain"]),
    ("engine", &["domain", "port"]),
    ("edge", &["domain", "port"]),
    ("ui", &["domain"]),
    ("app", &["domain", "port", "engine", "edge", "ui"]),
];

/// The rooms of `domain`: each names only those before it.
pub(super) const DOMAIN: &[&str] = &[
    "id",
    "lock",
    "text",
    "source",
    "secret",
    "release",
    "action",
    "step",
    "checklist",
    "plan",
    "run",
    "evidence",
    "output",
    "log",
    "overview",
    "catalog",
    "diff",
    "feed",
];

const FILES: &str = r"\bstd::fs\b";
const NETWORK: &str = r"\bstd::net\b";
const PROCESSES: &str = r"\bstd::process\b";
const ENVIRONMENT: &str = r"\bstd::env\b";
const THREADS: &str = r"\bstd::thread\b";
const ASYNC: &str = r"\btokio\b";
const ASYNC_DOORS: &str = r"\btokio::(fs|process|net)\b";
const NOW: &str = r"::now\(";
const CLOCK: &str = r"\b(Utc|Local|SystemTime)::now\(";
const SCREEN: &str = r"\b(ratatui|crossterm)\b";
const TERMINAL: &str =
    r"\bcrossterm::(terminal|cursor|clipboard|execute|queue|event::(read|poll|EventStream))\b";
const SSH: &str = r"\b(openssh|russh)\b";
const SYSTEM: &str = r"\brustix\b";

/// Words that a ring must not say.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "domain",
        &[
            FILES,
            NETWORK,
            PROCESSES,
            ENVIRONMENT,
            THREADS,
            ASYNC,
            NOW,
            SCREEN,
            SSH,
            SYSTEM,
        ],
    ),
    (
        "port",
        &[
            FILES,
            NETWORK,
            PROCESSES,
            ENVIRONMENT,
            THREADS,
            ASYNC_DOORS,
            NOW,
            SCREEN,
            SSH,
            SYSTEM,
        ],
    ),
    (
        "engine",
        &[
            FILES,
            NETWORK,
            PROCESSES,
            ENVIRONMENT,
            THREADS,
            ASYNC_DOORS,
            CLOCK,
            SCREEN,
            SSH,
            SYSTEM,
        ],
    ),
    (
        "ui",
        &[
            FILES,
            NETWORK,
            PROCESSES,
            ENVIRONMENT,
            THREADS,
            ASYNC,
            NOW,
            TERMINAL,
            SSH,
            SYSTEM,
        ],
    ),
];

/// Lines of `//!` at the top of a file.
const OPENING: std::ops::RangeInclusive<usize> = 1..=14;
/// The most lines of a file, without its tests.
const LONGEST_FILE: usize = 600;
/// The most lines of a function.
const LONGEST_FUNCTION: usize = 80;

fn ring(source: &Source) -> String {
    source.module().first().cloned().unwrap_or_default()
}

/// Rings name only the rings they may.
pub(super) fn rings(sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources {
        let own = ring(source);
        let Some((_, allowed)) = RINGS.iter().find(|(name, _)| *name == own) else {
            continue;
        };
        for path in source.paths() {
            let Some(other) = path
                .first()
                .filter(|other| RINGS.iter().any(|(name, _)| name == other))
            else {
                continue;
            };
            if *other != own && !allowed.contains(&other.as_str()) {
                wrong.push(format!(
                    "{}: `{own}` may not name `{}`",
                    source.path,
                    path.join("::")
                ));
            }
        }
    }
    wrong
}

/// Rooms of `domain` name only rooms before them.
pub(super) fn order(sources: &[Source]) -> Vec<String> {
    let place = |room: &str| DOMAIN.iter().position(|name| *name == room);
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|source| ring(source) == "domain") {
        let module = source.module();
        let Some(own) = module.get(1) else { continue };
        let Some(here) = place(own) else {
            wrong.push(format!("{}: the room `{own}` has no place in the order of domain (tests/it/architecture/rules.rs)", source.path));
            continue;
        };
        for path in source.paths().iter().filter(|path| path[0] == "domain") {
            if path
                .get(1)
                .and_then(|room| place(room))
                .is_some_and(|there| there > here)
            {
                wrong.push(format!(
                    "{}: `{own}` comes before `{}` in domain",
                    source.path,
                    path.join("::")
                ));
            }
        }
    }
    wrong
}

/// No ring says a word that is not for it.
pub(super) fn words(sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    let screen = Regex::new(SCREEN).unwrap();
    for source in sources {
        let own = ring(source);
        let words = FORBIDDEN
            .iter()
            .filter(|(name, _)| *name == own)
            .flat_map(|(_, words)| *words);
        for word in words {
            if let Some(found) = Regex::new(word).unwrap().find(&source.code) {
                let line = source.code[..found.start()].matches('\n').count() + 1;
                wrong.push(format!(
                    "{}:{line}: `{own}` must not use `{}`",
                    source.path,
                    found.as_str()
                ));
            }
        }
        if own == "edge"
            && !source.path.starts_with("src/edge/terminal")
            && screen.is_match(&source.code)
        {
            wrong.push(format!(
                "{}: only edge/terminal touches the screen",
                source.path
            ));
        }
    }
    wrong
}

/// No two rooms name each other, not even by way of others. The files of one room may: they are read together.
pub(super) fn cycles(sources: &[Source]) -> Vec<String> {
    let modules: BTreeSet<Vec<String>> = sources.iter().map(Source::module).collect();
    let room = |module: &[String]| {
        module
            .iter()
            .take(2)
            .cloned()
            .collect::<Vec<_>>()
            .join("::")
    };
    let mut rooms = Graph::new();
    for source in sources {
        let from = source.module();
        for path in source.paths() {
            let known = (1..=path.len()).rev().map(|count| &path[..count]);
            let Some(to) = known.into_iter().find(|part| modules.contains(*part)) else {
                continue;
            };
            if room(&from) != room(to) && from.len() > 1 && to.len() > 1 {
                rooms.entry(room(&from)).or_default().insert(room(to));
            }
        }
    }
    circle(&rooms)
        .map(|circle| format!("rooms name each other: {}", circle.join(" -> ")))
        .into_iter()
        .collect()
}

type Graph = BTreeMap<String, BTreeSet<String>>;

/// A circle in the graph, its first name repeated at the end.
fn circle(graph: &Graph) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    graph
        .keys()
        .find_map(|start| walk(graph, start, &mut Vec::new(), &mut done))
}

fn walk(
    graph: &Graph,
    at: &str,
    way: &mut Vec<String>,
    done: &mut BTreeSet<String>,
) -> Option<Vec<String>> {
    if let Some(first) = way.iter().position(|name| name == at) {
        let mut circle = way[first..].to_vec();
        circle.push(at.to_owned());
        return Some(circle);
    }
    if !done.insert(at.to_owned()) {
        return None;
    }
    way.push(at.to_owned());
    let found = graph
        .get(at)
        .into_iter()
        .flatten()
        .find_map(|next| walk(graph, next, way, done));
    way.pop();
    found
}

/// Every file says at its top what it is for.
pub(super) fn openings(sources: &[Source]) -> Vec<String> {
    let count = |source: &Source| {
        source
            .text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .count()
    };
    let wrong = sources
        .iter()
        .filter(|source| !OPENING.contains(&count(source)));
    wrong
        .map(|source| {
            format!(
                "{}: opens with {} lines of `//!`, not {OPENING:?}",
                source.path,
                count(source)
            )
        })
        .collect()
}

/// No file and no function is longer than can be read at once.
pub(super) fn sizes(sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources {
        let size = source.size();
        if size > LONGEST_FILE {
            wrong.push(format!(
                "{}: {size} lines without tests, at most {LONGEST_FILE}: split it",
                source.path
            ));
        }
        for (name, lines) in source
            .functions()
            .into_iter()
            .filter(|(_, lines)| *lines > LONGEST_FUNCTION)
        {
            wrong.push(format!(
                "{}: `{name}` has {lines} lines, at most {LONGEST_FUNCTION}",
                source.path
            ));
        }
    }
    wrong
}

/// No test is left out, and none sleeps, but between two looks at what it waits for.
pub(super) fn patience(sources: &[Source]) -> Vec<String> {
    let ignored = Regex::new(r"#\[ignore").unwrap();
    let sleeps = Regex::new(r"\b(thread|time)::sleep\(|\bsleep\(Duration|\bsleep_ms\(").unwrap();
    let mut wrong = Vec::new();
    for source in sources {
        if ignored.is_match(&source.code) || ignored.is_match(&source.tests) {
            wrong.push(format!(
                "{}: a test is ignored; repair or remove it",
                source.path
            ));
        }
        if sleeps.is_match(&source.without_loops()) && !source.path.starts_with("tests/it/support/")
        {
            wrong.push(format!(
                "{}: a test sleeps; wait for what it waits for",
                source.path
            ));
        }
    }
    wrong
}

/// No file holds a secret or a path of one machine.
pub(super) fn private(files: &[(String, String)]) -> Vec<String> {
    // In pieces, so that this file may be looked at too.
    let patterns = [
        (
            concat!("BEGIN [A-Z ]*PRIV", "ATE KEY-----\n[A-Za-z0-9+/]"),
            "a private key",
        ),
        (concat!(r"\bAKIA", "[0-9A-Z]{16}\\b"), "a cloud key"),
        (concat!(r"\bgh[pousr]_", "[A-Za-z0-9]{36}\\b"), "a token"),
        (concat!(r"\bxox[abp]-", "[0-9A-Za-z-]{10,}"), "a token"),
        (
            concat!("/tmp/", "trees|/tmp/", "brief"),
            "a path of one machine",
        ),
        (
            concat!(r#"(^|[\s"'`(=])/wo"#, "rk/"),
            "a path of one machine",
        ),
        (
            concat!(r#"(^|[\s"'`(=])/ro"#, "ot/[a-z.]"),
            "a path of one machine",
        ),
    ];
    let mut wrong = Vec::new();
    for (path, text) in files {
        for (pattern, what) in &patterns {
            if let Some(found) = Regex::new(pattern).unwrap().find(text) {
                let line = text[..found.start()].matches('\n').count() + 1;
                wrong.push(format!("{path}:{line}: holds {what}"));
            }
        }
    }
    wrong
}

/// Every file of a folder is a module of it, and named in its table (the text after `table`).
pub(super) fn table(folder: &str, table: &str, sources: &[Source]) -> Vec<String> {
    let Some(home) = sources
        .iter()
        .find(|source| source.path == format!("{folder}/mod.rs"))
    else {
        return vec![format!("{folder}: has no mod.rs")];
    };
    let Some(start) = home.code.find(table) else {
        return vec![format!("{folder}/mod.rs: has no table {table}")];
    };
    let rows = &home.code[start..];
    let rows = &rows[..rows.find("];").unwrap_or(rows.len())];
    let named = sources.iter().filter_map(|source| {
        source
            .path
            .strip_prefix(folder)?
            .strip_prefix('/')?
            .strip_suffix(".rs")
    });
    named
        .filter(|name| !name.contains('/') && *name != "mod" && *name != "tests")
        .filter(|name| !Regex::new(&format!(r"\b{name}::")).unwrap().is_match(rows))
        .map(|name| format!("{folder}/{name}.rs: is not in the table {table}"))
        .collect()
}
