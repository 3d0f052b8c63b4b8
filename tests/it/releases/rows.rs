//! Rows first, subjects after them: together they are the list that is read at once, in repositories of every kind.
//!
//! Also what reading thousands of objects meets: loose ones, other hashes, clones without files, and objects that are
//! missing, damaged or replaced.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use golive::app::releases::Past;
use golive::domain::catalog::Catalog;
use tokio::runtime::Runtime;

use super::agree::past;
use super::kept::{many, many_odd};
use crate::support::nasty::{Nasty, lines};
use crate::support::terminal::Terminal;
use crate::support::wait_until;

/// The rows of a list as they are before their subjects, and how they are with them.
async fn in_steps(past: &Past) -> (Catalog, Catalog) {
    let (rows, listing) = past.rows().await.unwrap();
    let mut whole = rows.clone();
    let mut listing = listing.expect("subjects are to be read");
    let untold = rows.untold();
    // Some first, as the screen asks for them.
    let (first, rest) = untold.split_at(untold.len().min(20));
    for commits in [first, rest] {
        whole.tell(&listing.subjects(commits).await.unwrap());
    }
    past.keep(listing).await;
    past.settled().await;
    (rows, whole)
}

/// Reads a repository in two steps and at once, with what was kept and without, and compares.
fn agree(nasty: &Nasty) -> Catalog {
    Runtime::new().unwrap().block_on(async {
        let past = past(nasty);
        let cache = nasty.beside("home/objects");
        let _ = fs::remove_dir_all(&cache);
        let at_once = past.list().await.unwrap();
        past.settled().await;
        assert!(!at_once.is_untold());
        let kept = in_steps(&past).await;
        let _ = fs::remove_dir_all(&cache);
        let anew = in_steps(&past).await;
        for (rows, whole) in [kept, anew, in_steps(&past).await] {
            assert!(rows.is_untold() && !whole.is_untold());
            assert_eq!(whole, at_once);
            let mut blank = at_once.clone();
            for (release, row) in blank.releases.iter_mut().zip(&rows.releases) {
                if row.untold {
                    (release.subject, release.untold) = (String::new(), true);
                }
            }
            // All but subjects is known at once: order, marks, people, results.
            assert_eq!(rows, blank);
        }
        assert_eq!(past.list().await.unwrap(), at_once);
        at_once
    })
}

#[test]
fn rows_and_then_their_subjects_are_the_list_that_is_read_at_once() {
    let nasty = many_odd();
    let head = nasty.git(&["rev-parse", "HEAD"]);
    let own = format!(
        "x is live, released by a\n\ngolive: 1\nrun: r-1\ncommit: {head}\noperator: ada@laptop\n"
    );
    let hand = "tagger Ada <a@x> 1795204800 +0100\n";
    let to_come = "tagger Ada <a@x> 99999999999 +0100\n";
    for (minute, tagger, text) in [
        (10, hand, own.as_str()),
        (11, to_come, own.as_str()),
        (12, "", own.as_str()),
        (13, "tagger nobody\n", own.as_str()),
        (14, hand, ""),
        (15, to_come, "by hand\n"),
        (
            16,
            hand,
            "x is live, released by a\n\ngolive: 1\nrun: r-2\n",
        ),
        (17, "", "x is live, released by a\n\ngolive: 1\nrun: r-2\n"),
        (18, hand, "x is live, released by a\n"),
    ] {
        let name = format!("DEPLOYED-2026-11-19/21{minute}");
        let object = format!("object {head}\ntype commit\ntag {name}\n{tagger}\n{text}");
        let arguments = ["hash-object", "-t", "tag", "-w", "--stdin", "--literally"];
        let object = nasty.git_with(&arguments, object.as_bytes());
        nasty.git(&["update-ref", &format!("refs/tags/{name}"), &object]);
    }
    let catalog = agree(&nasty);
    let said = |minute: usize| {
        let name = format!("DEPLOYED-2026-11-19/21{minute}");
        let mut releases = catalog.releases.iter();
        releases
            .find(|one| one.tag == name)
            .unwrap()
            .subject
            .as_str()
    };
    assert_eq!((said(10), said(14)), ("commit 299", "commit 299"));
    assert_eq!(
        (said(15), said(18)),
        ("by hand", "x is live, released by a")
    );
}

#[test]
fn what_was_read_is_kept_also_when_nobody_waits_for_it_any_more() {
    let nasty = many();
    // What is begun while the only thread for it has to wait stands in a queue.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let past = past(&nasty);
        let (rows, listing) = past.rows().await.unwrap();
        let mut listing = listing.unwrap();
        listing.subjects(&rows.untold()).await.unwrap();
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || gate.recv());
        past.keep(listing).await;
        // As the screens do: each question has a past of its own.
        drop(past);
        drop(open);
        busy.await.unwrap().unwrap_err();
        let after = tokio::task::spawn_blocking(|| ());
        after.await.unwrap();
        let kept = fs::read_dir(nasty.beside("home/objects")).unwrap();
        assert_eq!(kept.count(), 1);
    });
}

#[test]
fn rows_of_few_tags_come_with_their_subjects() {
    let mut nasty = Nasty::empty("");
    nasty.commit("first");
    nasty.release("DEPLOYED-2026-11-20/2101", "HEAD", "");
    Runtime::new().unwrap().block_on(async {
        let past = past(&nasty);
        let (rows, listing) = past.rows().await.unwrap();
        assert!(listing.is_none() && rows.releases[0].subject == "first");
        assert_eq!(rows, past.list().await.unwrap());
    });
}

#[test]
fn a_long_list_believes_no_more_of_what_tags_say_than_a_short_one() {
    let nasty = many();
    let name = "DEPLOYED-2026-01-20/2001";
    let commit = |word: &str| nasty.git(&["rev-parse", &format!("{word}^{{commit}}")]);
    let (left, live, head) = (commit(name), commit("LIVE"), commit("HEAD"));
    let body = format!(
        "n is live, released by a\n\ngolive: 1\nrun: r-1\ncommit: {head}\nprevious: {live}\n\
         rolled_back: {left} {name}\noperator: ada@laptop\n"
    );
    nasty.tag("DEPLOYED-2026-11-20/2000", "HEAD", &body);
    let catalog = agree(&nasty);
    let mut troubles = catalog.troubles.iter();
    // Something else was live than what it says it left.
    assert!(troubles.any(|said| said.starts_with("what these tags say was left is not bad")));
    assert!(catalog.releases.iter().all(|release| release.bad.is_none()));
}

#[test]
fn replaced_commits_are_told_as_git_tells_them_in_either_way() {
    let nasty = many();
    let before = agree(&nasty);
    let commit = nasty.git(&["rev-parse", "DEPLOYED-2026-01-20/2001^{commit}"]);
    let text = nasty.git(&["cat-file", "commit", &commit]);
    let other = text.replace("commit 1", "another subject");
    let arguments = ["hash-object", "-t", "commit", "-w", "--stdin"];
    let other = nasty.git_with(&arguments, other.as_bytes());
    // What was kept knows it as it was.
    nasty.git(&["replace", &commit, &other]);
    let replaced = agree(&nasty);
    assert_ne!(replaced, before);
    let is_other = |catalog: &Catalog| {
        let mut releases = catalog.releases.iter();
        releases.any(|release| release.subject == "another subject")
    };
    assert!(is_other(&replaced) && !is_other(&before));
}

#[test]
fn loose_objects_are_read_like_packed_ones() {
    let nasty = many();
    let packed = agree(&nasty);
    let packs = nasty.root().join(".git/objects/pack");
    let away = nasty.beside("packs");
    fs::rename(&packs, &away).unwrap();
    fs::create_dir(&packs).unwrap();
    for entry in fs::read_dir(&away).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "pack") {
            nasty.git_with(&["unpack-objects", "-q"], &fs::read(path).unwrap());
        }
    }
    fs::remove_dir_all(&away).unwrap();
    assert_eq!(fs::read_dir(&packs).unwrap().count(), 0);
    assert_eq!(agree(&nasty), packed);
}

#[test]
fn a_repository_of_longer_hashes_is_read_as_well() {
    let short = many();
    let history = short.git(&["fast-export", "--all", "--signed-tags=strip"]);
    let long = Nasty::empty("");
    fs::remove_dir_all(long.root().join(".git")).unwrap();
    long.git(&[
        "init",
        "--quiet",
        "--initial-branch=main",
        "--object-format=sha256",
    ]);
    long.git_with(&["fast-import", "--quiet"], (history + "\n\n\n").as_bytes());
    let (short, long) = (agree(&short), agree(&long));
    let told = |catalog: &Catalog| {
        let releases = catalog.releases.iter();
        let told =
            releases.map(|one| (one.tag.clone(), one.subject.clone(), one.by.clone(), one.at));
        told.collect::<Vec<_>>()
    };
    assert_eq!(told(&long), told(&short));
    assert!(
        long.releases
            .iter()
            .all(|one| one.commit.as_str().len() == 64)
    );
}

#[test]
fn clones_without_files_or_folders_are_listed_without_fetching_any() {
    let nasty = many();
    let whole = lines(&nasty.golive(&["releases", "--json"]));
    nasty.git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", nasty.root().display());
    for filter in ["blob:none", "tree:0"] {
        let clone = nasty.beside(&filter.replace(':', "-"));
        let to = clone.to_str().unwrap();
        let filter = format!("--filter={filter}");
        nasty.git(&["clone", "--quiet", "--no-checkout", &filter, &url, to]);
        let checklist = fs::read_to_string(nasty.root().join("releases.toml")).unwrap();
        let checklist = checklist.replace("[release]\n", "[release]\nremote = false\n");
        fs::write(clone.join("releases.toml"), checklist).unwrap();
        let trace = nasty.beside("trace");
        let _ = fs::remove_file(&trace);
        let mut command = nasty.hermetic(env!("CARGO_BIN_EXE_golive"), &clone);
        command.env("GIT_TRACE", &trace);
        let output = command.args(["releases", "--json"]).output().unwrap();
        let told = lines(&output);
        let subjects = |text: &str| {
            let each = text.lines().map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                (
                    line["tag"].clone(),
                    line["subject"].clone(),
                    line["commits"].clone(),
                )
            });
            each.collect::<Vec<_>>()
        };
        assert_eq!(subjects(&told), subjects(&whole), "{filter}");
        let asked = fs::read_to_string(&trace).unwrap();
        assert!(asked.contains("cat-file"), "{asked}");
        assert!(!asked.contains("fetch"), "{filter}: {asked}");
    }
}

/// The file of an object that is not packed.
fn loose(nasty: &Nasty, object: &str) -> PathBuf {
    let text = nasty.git(&["cat-file", "-t", object]);
    let file = nasty.root().join(".git/objects").join(&object[..2]);
    let file = file.join(&object[2..]);
    assert!(file.exists(), "{text} {object} is loose");
    file
}

/// Objects cannot be written to; the folder they are in can.
fn write_over(file: &Path, bytes: &[u8]) {
    fs::remove_file(file).unwrap();
    fs::write(file, bytes).unwrap();
}

/// Many releases by golive, each loose, on commits of their own.
fn many_loose() -> Nasty {
    let nasty = Nasty::empty("");
    let mut text = String::new();
    for number in 0..300 {
        let who = format!("Ada <a@x> {} +0100", 1_795_204_800 + number * 60);
        let subject = format!("commit {number}");
        let body = format!("n is live, released by a\n\ngolive: 1\nrun: r-{number}\noperator: o\n");
        let _ = write!(
            text,
            "commit refs/heads/main\nmark :{0}\ncommitter {who}\ndata {1}\n{subject}\n\n\
             tag DEPLOYED-2026-11-20/{2:02}{3:02}\nfrom :{0}\ntagger {who}\ndata {4}\n{body}\n",
            number + 1,
            subject.len(),
            number / 60,
            number % 60,
            body.len(),
        );
    }
    let loose = [
        "-c",
        "fastimport.unpackLimit=10000",
        "fast-import",
        "--quiet",
    ];
    nasty.git_with(&loose, text.as_bytes());
    nasty
}

#[test]
fn a_commit_that_is_missing_hides_no_release_and_no_other_subject() {
    let nasty = many_loose();
    let commit = nasty.git(&["rev-parse", "DEPLOYED-2026-11-20/0107^{commit}"]);
    let before = agree(&nasty);
    fs::remove_file(loose(&nasty, &commit)).unwrap();
    let after = agree(&nasty);
    // What is no object at all is like none.
    fs::write(
        nasty
            .root()
            .join(".git/objects")
            .join(&commit[..2])
            .join(&commit[2..]),
        b"?",
    )
    .unwrap();
    assert_eq!(agree(&nasty), after);
    assert_eq!(after.releases.len(), before.releases.len());
    for (after, before) in after.releases.iter().zip(&before.releases) {
        let is_it = before.commit.as_str() == commit;
        let expected = if is_it { "" } else { before.subject.as_str() };
        assert_eq!(after.subject, expected, "{}", before.tag);
        assert_eq!((&after.by, after.at), (&before.by, before.at));
    }
}

#[test]
fn a_commit_that_is_damaged_is_named_and_rows_come_without_it() {
    let nasty = many_loose();
    let commit = nasty.git(&["rev-parse", "DEPLOYED-2026-11-20/0107^{commit}"]);
    // Its beginning says what it is, and its end is lost.
    let file = loose(&nasty, &commit);
    let bytes = fs::read(&file).unwrap();
    write_over(&file, &bytes[..bytes.len() - 20]);
    Runtime::new().unwrap().block_on(async {
        let past = past(&nasty);
        let (rows, listing) = past.rows().await.unwrap();
        assert_eq!(rows.releases.len(), 300);
        let mut listing = listing.unwrap();
        let untold = rows.untold();
        let error = listing.subjects(&untold).await.unwrap_err().to_string();
        assert!(error.contains(&commit), "{error}");
        // All others can be told.
        let place = untold
            .iter()
            .position(|one| one.as_str() == commit)
            .unwrap();
        let told = listing.subjects(&untold[..place]).await.unwrap();
        let more = listing.subjects(&untold[place + 1..]).await.unwrap();
        assert_eq!(told.len() + more.len(), 299);
        assert!(
            told.iter()
                .chain(&more)
                .all(|(_, subject)| subject.starts_with("commit "))
        );
    });
    let output = nasty.golive(&["releases"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(&commit), "{said}");
}

#[test]
fn a_tag_that_is_missing_or_damaged_is_told_by_git_and_never_waited_for() {
    let nasty = many_loose();
    let object = nasty.git(&["rev-parse", "DEPLOYED-2026-11-20/0107"]);
    let file = loose(&nasty, &object);
    let bytes = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let output = nasty.golive(&["releases", "--json"]);
    // Git leaves it out of its list of tags, or says which it is.
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || said.contains("0107"), "{said}");
    fs::write(&file, &bytes[..bytes.len() - 20]).unwrap();
    let output = nasty.golive(&["releases", "--json"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || said.contains(&object), "{said}");
}

/// A git that answers questions for the held commits only once the gate is open.
const HELD: &str = "#!/bin/sh\nPATH=@PATH@\nexport PATH\ncase \" $* \" in\n*' cat-file '*)\n\
    cat >@IN@/asked.$$\nif grep -qxFf @IN@/held @IN@/asked.$$; then\n\
    while [ ! -e @IN@/open ]; do sleep 0.05; done\nfi\nexec git \"$@\" <@IN@/asked.$$ ;;\nesac\nexec git \"$@\"\n";

/// The screen of releases over a git that holds back what these commits say.
fn held(nasty: &Nasty, commits: &str) -> Terminal {
    let (bin, path) = (nasty.beside("bin"), std::env::var("PATH").unwrap());
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join("held"), commits).unwrap();
    let script = HELD.replace("@IN@", &bin.display().to_string());
    let script = script.replace("@PATH@", &format!("'{path}'"));
    fs::write(bin.join("new"), script).unwrap();
    fs::set_permissions(bin.join("new"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(bin.join("new"), bin.join("git")).unwrap();
    let words = [env!("CARGO_BIN_EXE_golive"), "releases"].map(OsString::from);
    let path = format!("{}:{path}", bin.display());
    let home = nasty.beside("home").display().to_string();
    let environment = [
        ("PATH", path.as_str()),
        ("HOME", &home),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("TERM", "xterm-256color"),
        ("LC_ALL", "C.UTF-8"),
        ("TZ", "UTC"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), OsString::from(value)));
    Terminal::run(&words, &nasty.root(), &environment, (120, 36))
}

/// Whether a process runs that was started by a path in this folder.
fn is_used(folder: &Path) -> bool {
    let folder = folder.display().to_string();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.into_iter().any(|process| {
        let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(&folder)
    })
}

#[test]
fn rows_show_while_subjects_are_read_and_leaving_waits_for_none() {
    let nasty = many();
    let peeled = nasty.git(&["show-ref", "--dereference", "--tags"]);
    let commits = peeled.lines().filter(|line| line.ends_with("^{}"));
    let commits: Vec<&str> = commits.map(|line| &line[..40]).collect();
    let commits = commits.join("\n") + "\n";
    let mut terminal = held(&nasty, &commits);
    terminal.shows("300 releases");
    terminal.keys("/commit 187");
    terminal.shows("0 of 300 releases so far");
    terminal.shows("messages are still being read");
    terminal.keys("\x03");
    assert_eq!(terminal.ended(), 0);
    terminal.is_restored();
    let bin = nasty.beside("bin");
    let ended = wait_until("everything that was started has ended", || !is_used(&bin));
    Runtime::new().unwrap().block_on(ended);
    let mut terminal = held(&nasty, &commits);
    terminal.shows("300 releases");
    terminal.keys("/commit 187");
    terminal.shows("0 of 300 releases so far");
    fs::write(bin.join("open"), "").unwrap();
    terminal.shows("1 of 300 releases");
    terminal.hides("so far");
    terminal.shows("DEPLOYED-2026-02-20/2007");
    terminal.keys("\x03");
    assert_eq!(terminal.ended(), 0);
}
