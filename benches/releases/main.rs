//! The catalog of releases with thousands of tags, against `git for-each-ref` and tig in the same run.
//!
//! Makes a repository of its own (annotated tags with golive's note, each on its own commit), asks every contestant in
//! turn, and prints medians. Reads no configuration of anybody's.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::any::Any;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use golive::app::releases::Past;
use golive::domain::checklist;
use golive::edge::paths::{Folders, ProjectPaths};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

const CHECKLIST: &str = r#"
[project]
name = "bench"
[release]
remote = false
[env.production]
via = "local"
gate = "type"
hosts = { web1 = { dir = "host" } }
[step.tag]
tag = true
[[stage]]
name = "Live"
env = "production"
steps = ["tag"]
"#;

/// Every field of the rows, as plainly as git gives them.
const FULL: &str = "--format=%(refname:lstrip=2)%00%(objectname)%00%(*objectname)%00%(taggerdate:raw)%00\
    %(taggername)%00%(*contents:subject)%00%(contents)";

fn main() {
    let number = |name: &str, usual: usize| {
        let mut words = std::env::args().skip_while(|word| word != name).skip(1);
        words
            .next()
            .and_then(|word| word.parse().ok())
            .unwrap_or(usual)
    };
    let (tags, rounds) = (number("--tags", 10_000), number("--rounds", 11));
    let mut words = std::env::args().skip_while(|word| word != "--only").skip(1);
    let only = words.next().unwrap_or_default();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    make(root, tags);
    let past = past(root);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    println!("{tags} annotated tags, medians of {rounds}");
    let report = |name: &str, before: &dyn Fn(), deed: &mut dyn FnMut() -> Box<dyn Any>| {
        if !name.contains(&only) {
            return;
        }
        before();
        deed();
        let mut times: Vec<Duration> = (0..rounds)
            .map(|_| {
                before();
                let begin = Instant::now();
                let came = deed();
                let took = begin.elapsed();
                // The console keeps it: to give it back is no part of the work.
                drop(came);
                took
            })
            .collect();
        times.sort_unstable();
        println!(
            "{:9.1} ms  {name}",
            times[rounds / 2].as_secs_f64() * 1000.0
        );
    };
    let nothing = || {};
    report("golive: the newest 50", &nothing, &mut || {
        let catalog = runtime.block_on(past.newest(50)).unwrap().unwrap();
        assert!(catalog.releases.len() >= 50.min(tags) && catalog.total == tags);
        Box::new(catalog)
    });
    let kept = root.join(".state/objects");
    let forget = || {
        // What the last one keeps is none of this one's work.
        runtime.block_on(past.settled());
        let _ = std::fs::remove_dir_all(&kept);
    };
    let rows = || {
        let (catalog, listing) = runtime.block_on(past.rows()).unwrap();
        assert_eq!(catalog.releases.len(), tags);
        (catalog, listing)
    };
    report(
        "golive: the rows of all, for the first time",
        &forget,
        &mut || Box::new(rows()),
    );
    report(
        "golive: the rows of all and then their subjects, for the first time",
        &forget,
        &mut || {
            let (mut catalog, listing) = rows();
            if let Some(mut listing) = listing {
                let untold = catalog.untold();
                let told = runtime.block_on(listing.subjects(&untold));
                catalog.tell(&told.unwrap());
            }
            assert!(!catalog.is_untold());
            Box::new(catalog)
        },
    );
    let all = || {
        let catalog = runtime.block_on(past.list()).unwrap();
        assert_eq!(catalog.releases.len(), tags);
        catalog
    };
    report(
        "golive: all at once, for the first time",
        &forget,
        &mut || Box::new(all()),
    );
    all();
    let settle = || runtime.block_on(past.settled());
    report(
        "golive: the rows of all, with what is kept",
        &settle,
        &mut || Box::new(rows()),
    );
    report(
        "golive: all at once, with what is kept",
        &settle,
        &mut || Box::new(all()),
    );
    report(
        "golive: all, with the commits of each counted",
        &settle,
        &mut || {
            let mut catalog = all();
            runtime.block_on(past.fill_all(&mut catalog));
            let mut releases = catalog.releases.iter();
            assert!(releases.all(|release| release.commits == Some(1)));
            Box::new(catalog)
        },
    );
    let peer = |name: &str, words: &[&str]| {
        report(name, &nothing, &mut || {
            git(root, words, b"");
            Box::new(())
        });
    };
    let names = ["for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags"];
    peer("git for-each-ref: names", &names);
    let fields = ["for-each-ref", FULL, "refs/tags"];
    peer("git for-each-ref: the same fields", &fields);
    let sorted = ["for-each-ref", "--sort=-creatordate", FULL, "refs/tags"];
    peer("git for-each-ref: the same fields, sorted by date", &sorted);
    if Command::new("tig").arg("--version").output().is_ok() {
        report(
            "tig refs: from its start to its first rows",
            &nothing,
            &mut || {
                tig(root);
                Box::new(())
            },
        );
    } else {
        println!("            tig is not installed: no row of it");
    }
}

/// Runs tig in a terminal of its own until it shows a release, and ends it.
fn tig(root: &Path) {
    let size = PtySize {
        rows: 36,
        cols: 120,
        ..PtySize::default()
    };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new("tig");
    command.arg("refs");
    command.cwd(root);
    for (name, value) in [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("TIGRC_USER", "/dev/null"),
        ("TERM", "xterm-256color"),
    ] {
        command.env(name, value);
    }
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let cells = |count: u16| NonZero::new(count).unwrap();
    let mut screen = vt100::Parser::new(cells(36), cells(120), 0);
    let mut buffer = [0; 1 << 14];
    while !screen.screen().contents().contains("DEPLOYED-") {
        let count = reader.read(&mut buffer).unwrap_or_default();
        assert!(count > 0, "tig ended before it showed a release");
        screen.process(&buffer[..count]);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn git(root: &Path, arguments: &[&str], input: &[u8]) {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
}

fn make(root: &Path, tags: usize) {
    std::fs::write(root.join("releases.toml"), CHECKLIST).unwrap();
    git(root, &["init", "--quiet", "--initial-branch=main"], b"");
    let start = chrono::DateTime::parse_from_rfc3339("2020-01-01T00:00:00+01:00").unwrap();
    let mut text = String::new();
    for number in 0..tags {
        let at = start + chrono::TimeDelta::minutes(i64::try_from(number).unwrap() * 181);
        let who = format!("Ada <ada@example.com> {} +0100", at.timestamp());
        let subject = format!("commit {number}");
        let body = format!(
            "bench {number:07x} is live, released by ada@laptop in 64 s\n\ngolive: 1\nrun: run-{number}\n\
             commit: {number:040x}\nprevious: {number:040x}\nenv: staging\nenv: production\nplan: {number:064x}\n\
             operator: ada@laptop\nduration_s: 64.25\ndowntime_s: production/web1 = 24\n\
             evidence: here/tests@local tests = 39\n"
        );
        let _ = write!(
            text,
            "commit refs/heads/main\nmark :{0}\ncommitter {who}\ndata {1}\n{subject}\n\
             M 100644 inline f{2}\ndata 1\nx\ntag {3}\nfrom :{0}\ntagger {who}\ndata {4}\n{body}\n",
            number + 1,
            subject.len(),
            number % 50,
            at.format("DEPLOYED-%F/%H%M"),
            body.len(),
        );
    }
    git(root, &["fast-import", "--quiet"], text.as_bytes());
    git(root, &["tag", "LIVE", "main"], b"");
    git(root, &["pack-refs", "--all"], b"");
}

fn past(root: &Path) -> Past {
    let checklist = checklist::read("releases.toml", CHECKLIST).unwrap();
    let state = root.join(".state");
    let folders = Folders {
        config: state.clone(),
        state: state.clone(),
        cache: state.clone(),
        runtime: state,
    };
    let paths = ProjectPaths::new(&folders, "bench", root).unwrap();
    Past::new(root, &Arc::new(checklist), &paths, &folders.cache)
}
