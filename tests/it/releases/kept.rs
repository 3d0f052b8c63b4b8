//! What was read of many tags is kept, and what is listed is the same with it and without it, whatever happens to it.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::support::nasty::{Nasty, lines};

/// More than are read without keeping them.
const TAGS: usize = 300;

/// A git that writes down what it is asked, before it answers.
const TELLTALE: &str =
    "#!/bin/sh\nprintf '%s\\n' \"$*\" >>@LOG@\nPATH=@PATH@\nexport PATH\nexec git \"$@\"\n";

/// A repository with many tags: with golive's note, made by hand, lightweight.
pub(super) fn many() -> Nasty {
    with_tags(20)
}

/// The same, with very long tags among them, and some on tags and on folders.
pub(super) fn many_odd() -> Nasty {
    let nasty = with_tags(20_000);
    nasty.tag(
        "DEPLOYED-2026-11-20/2104",
        "refs/tags/DEPLOYED-2026-01-20/2001",
        "on a tag\n",
    );
    nasty.mark("DEPLOYED-2026-11-20/2105", "main^{tree}");
    nasty.tag("DEPLOYED-2026-11-20/2106", "main^{tree}", "on a folder\n");
    nasty.git(&["pack-refs", "--all"]);
    nasty
}

/// Tags, of which some are as long as this.
fn with_tags(longest: usize) -> Nasty {
    let nasty = Nasty::empty("");
    let mut text = String::new();
    for number in 0..TAGS {
        let who = format!("Ada <a@x> {} +0100", 1_795_204_800 + number * 60);
        let subject = format!("commit {number}");
        let name = format!(
            "DEPLOYED-2026-{:02}-20/2{}{:02}",
            1 + number / 180,
            number / 60 % 3,
            number % 60
        );
        let _ = write!(
            text,
            "commit refs/heads/main\nmark :{}\ncommitter {who}\ndata {}\n{subject}\n\
             M 100644 inline f\ndata 2\nx\n\n",
            number + 1,
            subject.len()
        );
        if number % 7 == 3 {
            let _ = write!(text, "reset refs/tags/{name}\nfrom :{}\n\n", number + 1);
            continue;
        }
        let body = match number % 5 {
            0 => format!("by hand {number}\n\n{}\n", "x".repeat(number % 2 * longest)),
            _ => format!(
                "nasty is live, released by ada@laptop in 6 s\n\ngolive: 1\nrun: run-{number}\n\
                 env: production\noperator: o{number}\n"
            ),
        };
        let _ = write!(
            text,
            "tag {name}\nfrom :{}\ntagger {who}\ndata {}\n{body}\n",
            number + 1,
            body.len()
        );
    }
    nasty.git_with(&["fast-import", "--quiet"], text.as_bytes());
    nasty.tag("LIVE", "main~3", "it is live\n");
    nasty.git(&["pack-refs", "--all"]);
    nasty
}

/// The list, and how many times git was asked for objects.
fn listed(nasty: &Nasty) -> (String, usize) {
    let (bin, log) = (nasty.beside("bin"), nasty.beside("asked"));
    let path = std::env::var("PATH").unwrap();
    fs::create_dir_all(&bin).unwrap();
    let script = TELLTALE
        .replace("@LOG@", &log.display().to_string())
        .replace("@PATH@", &format!("'{path}'"));
    // Written beside and moved: a program that is open for writing cannot be started.
    fs::write(bin.join("new"), script).unwrap();
    fs::set_permissions(bin.join("new"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(bin.join("new"), bin.join("git")).unwrap();
    let _ = fs::remove_file(&log);
    let path = format!("{}:{path}", bin.display());
    let output = nasty.golive_where(&[("PATH", &path)], &["releases", "--json"]);
    let asked = fs::read_to_string(log).unwrap();
    let objects = asked.lines().filter(|line| line.contains(" cat-file "));
    (lines(&output), objects.count())
}

/// The list of somebody who never listed it before.
fn anew(nasty: &Nasty) -> String {
    let cache = nasty.beside("other-cache");
    let _ = fs::remove_dir_all(&cache);
    let cache = cache.display().to_string();
    lines(&nasty.golive_where(&[("XDG_CACHE_HOME", &cache)], &["releases", "--json"]))
}

/// The file in which objects are kept.
fn file(nasty: &Nasty) -> PathBuf {
    let folder = nasty.beside("home/.cache/golive/objects");
    let mut files = fs::read_dir(folder).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none(), "nothing else is left there");
    file
}

#[test]
fn what_was_read_once_is_not_asked_again_and_new_tags_are() {
    let mut nasty = many();
    let (first, asked) = listed(&nasty);
    assert!(asked >= 4, "{asked}");
    assert_eq!(first.lines().count(), TAGS, "{first}");
    let mode = fs::metadata(file(&nasty)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (second, again) = listed(&nasty);
    assert_eq!(first, second);
    assert_eq!(again, 0);
    nasty.commit("one more");
    nasty.release("DEPLOYED-2026-12-01/2001", "HEAD", "");
    let old = "DEPLOYED-2026-01-20/2002";
    nasty.git(&[
        "tag",
        "--force",
        "--annotate",
        "--message=moved",
        old,
        "HEAD",
    ]);
    nasty.git(&["tag", "--delete", "DEPLOYED-2026-01-20/2004"]);
    let (third, _) = listed(&nasty);
    assert_eq!(third, anew(&nasty));
    assert!(third.contains("2026-12-01") && third.contains("moved"));
    assert!(!third.contains("DEPLOYED-2026-01-20/2004"));
}

#[test]
fn a_damaged_file_is_like_none_and_is_made_again() {
    let nasty = many_odd();
    let (whole, _) = listed(&nasty);
    let kept = fs::read(file(&nasty)).unwrap();
    let body = kept.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut turned = kept.clone();
    let at = turned.len() / 2;
    turned[at] ^= 1;
    let other_version = [&b"golive objects 0 "[..], &kept[17..]].concat();
    let of_another = [&kept[..body], &b"zz tag 1\nx\n"[..]].concat();
    for (what, bytes) in [
        ("a bit was turned", &turned[..]),
        ("it was cut", &kept[..kept.len() - 40]),
        ("it is empty", b""),
        ("it is all zeros", &[0; 4096]),
        ("it has another version", &other_version),
        ("it has another body", &of_another),
    ] {
        fs::write(file(&nasty), bytes).unwrap();
        assert_eq!(listed(&nasty).0, whole, "{what}");
        assert_eq!(fs::read(file(&nasty)).unwrap(), kept, "{what}");
    }
    // One that others could have written is not believed, and a folder that cannot be had is no trouble.
    fs::set_permissions(file(&nasty), fs::Permissions::from_mode(0o666)).unwrap();
    assert!(listed(&nasty).1 >= 4);
    fs::remove_dir_all(nasty.beside("home/.cache/golive/objects")).unwrap();
    fs::write(nasty.beside("home/.cache/golive/objects"), "a file").unwrap();
    assert_eq!(listed(&nasty).0, whole);
}

#[test]
fn objects_that_git_replaces_are_neither_kept_nor_taken_from_the_file() {
    let nasty = many();
    let (before, _) = listed(&nasty);
    let commit = nasty.git(&["rev-parse", "DEPLOYED-2026-01-20/2001^{commit}"]);
    let text = nasty.git(&["cat-file", "commit", &commit]);
    let other = text.replace("commit 1", "another subject");
    let arguments = ["hash-object", "-t", "commit", "-w", "--stdin"];
    let other = nasty.git_with(&arguments, other.as_bytes());
    nasty.git(&["replace", &commit, &other]);
    let (replaced, _) = listed(&nasty);
    assert!(replaced.contains("another subject"), "{replaced}");
    assert_eq!(replaced, anew(&nasty));
    nasty.git(&["replace", "--delete", &commit]);
    assert_eq!(listed(&nasty).0, before);
    fs::remove_file(file(&nasty)).unwrap();
    nasty.git(&["replace", &commit, &other]);
    assert_eq!(listed(&nasty).0, replaced);
    nasty.git(&["replace", "--delete", &commit]);
    assert_eq!(listed(&nasty).0, before);
}

#[test]
fn lists_made_at_the_same_time_are_all_right_and_what_is_kept_is_whole_or_like_none() {
    let nasty = many();
    let whole = anew(&nasty);
    std::thread::scope(|scope| {
        let lists: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| lines(&nasty.golive_where(&[], &["releases", "--json"]))))
            .collect();
        for list in lists {
            assert_eq!(list.join().unwrap(), whole);
        }
    });
    assert_eq!(listed(&nasty).0, whole);
    // Whatever came of it, it is whole by now.
    let (again, asked) = listed(&nasty);
    assert!(again == whole && asked == 0, "{asked} times");
}

#[test]
fn a_list_needs_no_home_and_no_room_for_what_is_kept() {
    let nasty = many();
    let (whole, _) = listed(&nasty);
    let folder = nasty.beside("elsewhere");
    fs::create_dir(&folder).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    let (state, config) = (path("state"), path("config"));
    for cache in [
        "/proc/golive".to_owned(),
        "/dev/null".to_owned(),
        path("new"),
    ] {
        let homeless = [
            ("HOME", ""),
            ("XDG_STATE_HOME", state.as_str()),
            ("XDG_CONFIG_HOME", config.as_str()),
            ("XDG_CACHE_HOME", cache.as_str()),
        ];
        let output = nasty.golive_where(&homeless, &["releases", "--json"]);
        assert_eq!(lines(&output), whole, "{cache}");
    }
}

#[test]
fn what_cannot_be_kept_leaves_nothing_behind_and_nothing_is_said_of_it() {
    let nasty = many();
    let (whole, _) = listed(&nasty);
    let kept = file(&nasty);
    let folder = kept.parent().unwrap();
    let beside = PathBuf::from(format!("{}.new", kept.display()));
    let is_right = |output: &std::process::Output, what: &str| {
        assert_eq!(lines(output), whole, "{what}");
        assert!(output.status.success(), "{what}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{what}");
    };
    let left = || fs::read_dir(folder).unwrap().count();
    fs::remove_file(&kept).unwrap();
    // The disk is full at once.
    std::os::unix::fs::symlink("/dev/full", &beside).unwrap();
    is_right(&nasty.golive(&["releases", "--json"]), "a full disk");
    assert_eq!(left(), 0);
    // It is full in the middle.
    let limited = "trap '' XFSZ; ulimit -f 16; exec \"$0\" releases --json";
    let golive = env!("CARGO_BIN_EXE_golive");
    let mut command = nasty.hermetic("sh", &nasty.root());
    let output = command.args(["-c", limited, golive]).output().unwrap();
    is_right(&output, "a limit for files");
    assert_eq!(left(), 0);
    // Something else stands there.
    fs::create_dir(&kept).unwrap();
    is_right(&nasty.golive(&["releases", "--json"]), "a folder");
    assert_eq!((left(), kept.is_dir()), (1, true));
    fs::remove_dir(&kept).unwrap();
    is_right(&nasty.golive(&["releases", "--json"]), "nothing");
    assert!(kept.is_file());
}
