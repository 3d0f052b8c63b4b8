//! `golive releases` on repositories that golive never touched, and that nobody should have.
//!
//! Each nasty repository is listed as JSON and kept as a snapshot; hashes and times in them are always the same. `agree`
//! compares with git itself on random histories, `kept` is about what is read only once.

use std::fs;

use serde_json::Value;

use crate::support::nasty::{Nasty, lines};

mod agree;
mod kept;
mod names;
mod rows;

const USUAL: &str = "";

mod settings;

fn shows(name: &str, nasty: &Nasty) {
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "snapshots" }, {
        insta::assert_snapshot!(format!("releases__{name}"), nasty.json());
    });
}

#[test]
fn tags_of_every_kind_are_releases() {
    let mut nasty = Nasty::empty(USUAL);
    nasty.commit("first");
    nasty.mark("DEPLOYED-2026-11-20/2101", "HEAD");
    nasty.commit("second");
    nasty.tag(
        "DEPLOYED-2026-11-20/2102",
        "HEAD",
        "made by hand\n\nwith a text\n",
    );
    nasty.commit("third");
    nasty.release("DEPLOYED-2026-11-20/2103", "HEAD", "");
    nasty.mark("LIVE", "HEAD");
    nasty.mark("v1.0", "HEAD");
    nasty.commit("fourth");
    shows("every_kind", &nasty);
    let plain = nasty.plain();
    assert!(
        plain.contains("LIVE is DEPLOYED-2026-11-20/2103"),
        "{plain}"
    );
    assert!(plain.contains("main is 1 commit ahead of LIVE"), "{plain}");
}

#[test]
fn live_may_be_on_no_release_or_not_be_there_or_not_be_wanted() {
    let mut nasty = Nasty::empty(USUAL);
    nasty.commit("first");
    nasty.release("DEPLOYED-2026-11-20/2101", "HEAD", "");
    let none = nasty.plain();
    assert!(none.contains("! there is no tag LIVE"), "{none}");
    nasty.commit("second");
    nasty.mark("LIVE", "HEAD");
    shows("live_on_none", &nasty);
    let on_none = nasty.plain();
    assert!(on_none.contains(", which is no release"), "{on_none}");
    let not_wanted = Nasty::empty("live = false");
    let mut not_wanted = not_wanted;
    not_wanted.commit("first");
    not_wanted.release("DEPLOYED-2026-11-20/2101", "HEAD", "");
    let plain = not_wanted.plain();
    assert!(!plain.contains("LIVE") && !plain.contains('!'), "{plain}");
}

#[test]
fn side_branches_several_tags_on_a_commit_and_two_in_a_minute_stand_in_order() {
    let mut nasty = Nasty::empty(USUAL);
    nasty.commit("base");
    nasty.git(&["checkout", "--quiet", "-b", "side"]);
    nasty.change("side", "on the side");
    nasty.release("DEPLOYED-2026-11-20/2102", "HEAD", "");
    nasty.git(&["checkout", "--quiet", "main"]);
    nasty.commit("on main");
    nasty.release("DEPLOYED-2026-11-20/2103", "HEAD", "");
    // The same minute; the second one was made from an older commit, without a time of its own.
    nasty.mark("DEPLOYED-2026-11-20/2103-2", "side");
    nasty.mark("DEPLOYED-2026-11-20/2103-10", "HEAD");
    nasty.git(&["merge", "--quiet", "--no-edit", "side"]);
    nasty.wait(60);
    nasty.release("DEPLOYED-2026-11-20/2204", "HEAD", "");
    nasty.mark("DEPLOYED-2026-11-20/2205", "HEAD");
    nasty.mark("LIVE", "HEAD");
    shows("branches", &nasty);
}

#[test]
fn patterns_of_other_teams_are_followed() {
    let mut nasty = Nasty::empty("tag = \"release/%Y.%m\"");
    nasty.commit("first");
    nasty.mark("release/2026.9", "HEAD");
    nasty.mark("release/2026.09", "HEAD");
    nasty.commit("second");
    nasty.tag("release/2026.11", "HEAD", "november\n");
    nasty.commit("third");
    nasty.tag("release/2026.11-2", "HEAD", "november again\n");
    nasty.mark("release/next", "HEAD");
    nasty.mark("DEPLOYED-2026-11-20/2102", "HEAD");
    shows("by_month", &nasty);
    let mut nasty = Nasty::empty("tag = \"v%-y.%-m.%-d\"\nlive = \"production\"");
    nasty.commit("first");
    // Not in the order of their names, and v1.2.30 is a day that is not.
    for name in ["v1.9.0", "v26.11.2", "v26.11.19", "v1.2.30", "v26.02.3"] {
        nasty.tag(name, "HEAD", name);
        nasty.commit(name);
    }
    nasty.mark("production", "v26.11.19");
    shows("versions", &nasty);
    let mut nasty = Nasty::empty("tag = \"build-%H%M\"");
    nasty.commit("first");
    nasty.tag("build-2300", "HEAD", "no time in the name\n");
    nasty.commit("second");
    nasty.tag("build-2300-2", "HEAD", "again\n");
    nasty.tag("build-0100", "HEAD", "another\n");
    shows("without_time", &nasty);
}

#[test]
fn tags_that_others_made_are_releases_by_globs() {
    let mut nasty = Nasty::empty("match = [\"v[0-9]*\", \"release/*\", \"L*\"]");
    nasty.commit("first");
    nasty.tag(
        "v1.10.0",
        "HEAD",
        "the first by its date, not by its name\n",
    );
    nasty.commit("second");
    nasty.tag("v1.9.0", "HEAD", "later\n");
    nasty.wait(5);
    nasty.commit("third");
    nasty.mark("release/2026-11", "HEAD");
    nasty.mark("vendor", "HEAD");
    nasty.commit("fourth");
    nasty.release("DEPLOYED-2026-11-20/2104", "HEAD", "");
    nasty.mark("v2;id", "HEAD");
    nasty.mark("LIVE", "v1.9.0");
    shows("by_globs", &nasty);
    let plain = nasty.plain();
    assert!(plain.contains("LIVE is v1.9.0 ("), "{plain}");
    let shown = nasty.golive(&["releases", "show", "v1.9.0"]);
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.status.success() && text.contains("second"), "{text}");
    let mut only = Nasty::empty("tag = false\nmatch = \"v*\"");
    only.commit("first");
    let plain = only.plain();
    assert!(plain.contains("no tag has a name like v*"), "{plain}");
    assert!(!plain.contains("deploy makes the first"), "{plain}");
    only.mark("v1", "HEAD");
    only.mark("w1", "HEAD");
    let plain = only.plain();
    assert!(plain.contains("  v1 ") && !plain.contains("w1"), "{plain}");
}

#[test]
fn nothing_is_cut_in_a_pipe() {
    let mut nasty = Nasty::empty("match = \"of-the-shop/*\"");
    let subject = "a subject that says at length what was done ".repeat(6);
    nasty.commit(subject.trim());
    let name = format!("of-the-shop/{}", "and-its-parts-".repeat(6));
    nasty.mark(&format!("{name}1"), "HEAD");
    let plain = nasty.plain();
    assert!(plain.contains(&format!("{name}1 ")), "{plain}");
    assert!(plain.contains(subject.trim()), "{plain}");
}

#[test]
fn times_that_contradict_each_other_are_told_by_the_name() {
    let mut nasty = Nasty::empty(USUAL);
    nasty.commit("first");
    nasty.tag("DEPLOYED-2026-11-20/0900", "HEAD", "made much later\n");
    nasty.travel("-0800");
    nasty.commit("second");
    nasty.tag("DEPLOYED-2026-11-20/1201", "HEAD", "in another zone\n");
    nasty.travel("+0000");
    nasty.commit("third");
    nasty.tag("DEPLOYED-2026-11-20/9999", "HEAD", "at no possible time\n");
    shows("times", &nasty);
}

#[test]
fn nothing_to_list_is_said_calmly() {
    let mut nasty = Nasty::empty(USUAL);
    assert_eq!(nasty.json(), "");
    let plain = nasty.plain();
    assert!(
        plain.contains("the repository has no commits yet"),
        "{plain}"
    );
    nasty.commit("first");
    nasty.mark("v1.2.3", "HEAD");
    let plain = nasty.plain();
    assert!(
        plain.contains("no tag has a name like DEPLOYED-%F/%H%M"),
        "{plain}"
    );
    assert!(
        plain.contains("there is 1 other tag, such as v1.2.3: match = \"v[0-9]*\" in [release]"),
        "{plain}"
    );
    assert!(plain.contains("golive deploy makes the first"), "{plain}");
    let untagged = Nasty::empty("tag = false");
    assert_eq!(untagged.json(), "");
    assert!(untagged.plain().contains("are not tagged"));
    let gone = Nasty::empty(USUAL);
    fs::remove_dir_all(gone.root().join(".git")).unwrap();
    let output = gone.golive(&["releases"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("is not in a git repository"), "{said}");
}

#[test]
fn a_shallow_clone_says_what_it_does_not_know() {
    let mut nasty = Nasty::empty(USUAL);
    for minute in 1..6 {
        nasty.commit("more");
        nasty.release(&format!("DEPLOYED-2026-11-20/210{minute}"), "HEAD", "");
    }
    nasty.mark("LIVE", "HEAD~1");
    let url = format!("file://{}", nasty.root().display());
    let clone = nasty.beside("clone");
    let to = clone.to_str().unwrap();
    nasty.git(&["clone", "--quiet", "--depth=2", &url, to]);
    fs::copy(
        nasty.root().join("releases.toml"),
        clone.join("releases.toml"),
    )
    .unwrap();
    let list: Value =
        serde_json::from_slice(&nasty.golive_in(&clone, &["releases", "--json"]).stdout).unwrap();
    let list = list.as_array().unwrap();
    assert!(!list.is_empty());
    assert!(list.iter().all(|release| release["commits"].is_null()));
    let output = nasty.golive_in(&clone, &["releases"]);
    let plain = String::from_utf8_lossy(&output.stdout);
    assert!(plain.contains("this clone is shallow"), "{plain}");
    let tag = list[0]["tag"].as_str().unwrap();
    let shown = nasty.golive_in(&clone, &["releases", "show", tag]);
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(
        shown.status.success() && text.contains("not known in this clone"),
        "{text}"
    );
}

#[test]
fn tags_that_differ_from_the_remotes_are_told() {
    let mut nasty = Nasty::empty(USUAL);
    nasty.commit("first");
    for name in [
        "DEPLOYED-2026-11-20/2101",
        "DEPLOYED-2026-11-20/2102",
        "DEPLOYED-2026-11-20/2103",
    ] {
        nasty.release(name, "HEAD", "");
    }
    nasty.mark("LIVE", "HEAD");
    let remote = nasty.beside("remote.git");
    nasty.git(&["init", "--quiet", "--bare", remote.to_str().unwrap()]);
    nasty.git(&["remote", "add", "origin", remote.to_str().unwrap()]);
    nasty.git(&["push", "--quiet", "--tags", "origin", "main"]);
    nasty.git(&["tag", "--delete", "DEPLOYED-2026-11-20/2102"]);
    nasty.commit("second");
    nasty.git(&["tag", "--force", "DEPLOYED-2026-11-20/2101", "HEAD"]);
    nasty.mark("DEPLOYED-2026-11-20/2104", "HEAD");
    nasty.git(&["tag", "--force", "LIVE", "HEAD"]);
    shows("remote", &nasty);
    let plain = nasty.plain();
    assert!(
        plain.contains("local only") && plain.contains("moved"),
        "{plain}"
    );
    fs::remove_dir_all(&remote).unwrap();
    let plain = nasty.plain();
    assert!(plain.contains("! not compared with the remote"), "{plain}");
    assert!(nasty.json().contains("\"local_only\":null"));
}

#[test]
fn tags_that_are_no_tags_of_commits_are_left_out_and_renamed_ones_are_told() {
    let mut nasty = Nasty::empty(USUAL);
    nasty.commit("first");
    let tree = nasty.git(&["rev-parse", "HEAD^{tree}"]);
    let blob = nasty.git_with(&["hash-object", "-w", "--stdin"], b"a file");
    nasty.mark("DEPLOYED-2026-11-20/2101", &tree);
    nasty.mark("DEPLOYED-2026-11-20/2102", &blob);
    nasty.tag("DEPLOYED-2026-11-20/2103", &blob, "a tag on a file\n");
    nasty.tag("inner", "HEAD", "the inner tag\n");
    nasty.tag(
        "DEPLOYED-2026-11-20/2104",
        "refs/tags/inner",
        "a tag on a tag\n",
    );
    nasty.tag("around", &tree, "a tag on a folder\n");
    nasty.tag(
        "DEPLOYED-2026-11-20/2105",
        "refs/tags/around",
        "a tag on a tag on a folder\n",
    );
    nasty.tag("other", "HEAD", "made under another name\n");
    let object = nasty.git(&["rev-parse", "refs/tags/other"]);
    nasty.git(&["update-ref", "refs/tags/DEPLOYED-2026-11-20/2106", &object]);
    nasty.mark("LIVE", &tree);
    shows("odd_objects", &nasty);
    let plain = nasty.plain();
    assert!(plain.contains("made as other"), "{plain}");
}

#[test]
fn hostile_bytes_reach_no_terminal() {
    let mut nasty = Nasty::empty(USUAL);
    nasty.commit("\u{1b}[2J\u{1b}]0;gone\u{7} \u{202e}subject");
    nasty.tag(
        "DEPLOYED-2026-11-20/2101",
        "HEAD",
        "\u{1b}[31mred\rmessage\n\n\u{9b}31m and \u{0}more\n"
            .replace('\0', " ")
            .as_str(),
    );
    let bytes = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor \x1b[1mA\xff <a@x> 1795204800 +0100\n\
        committer \x1b[1mA\xff <a@x> 1795204800 +0100\nencoding ISO-8859-1\n\ncaf\xe9 \x1b[5m\n";
    nasty.git_with(&["hash-object", "-t", "tree", "-w", "--stdin"], b"");
    let commit = nasty.git_with(
        &[
            "hash-object",
            "-t",
            "commit",
            "-w",
            "--stdin",
            "--literally",
        ],
        bytes,
    );
    nasty.mark("DEPLOYED-2026-11-20/2102", &commit);
    let tag = format!("object {commit}\ntype commit\ntag DEPLOYED-2026-11-20/2103\n\nno tagger\n");
    let object = nasty.git_with(
        &["hash-object", "-t", "tag", "-w", "--stdin", "--literally"],
        tag.as_bytes(),
    );
    nasty.git(&["update-ref", "refs/tags/DEPLOYED-2026-11-20/2103", &object]);
    nasty.mark("\u{202e}tag-\u{1f4a9}", "HEAD");
    shows("hostile", &nasty);
    for arguments in [
        &["releases"][..],
        &["releases", "show", "DEPLOYED-2026-11-20/2101"],
    ] {
        let output = nasty.golive(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let hidden = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(hidden), "{text:?}");
    }
}

#[test]
fn what_a_rollback_left_is_bad_in_every_clone() {
    let mut nasty = Nasty::empty(USUAL);
    let first = nasty.commit("first");
    nasty.release("DEPLOYED-2026-11-20/2101", "HEAD", "");
    let second = nasty.commit("second");
    nasty.release("DEPLOYED-2026-11-20/2102", "HEAD", "");
    nasty.wait(1);
    let left = format!("rolled_back: {second} DEPLOYED-2026-11-20/2102\nreason: carts are lost\n");
    nasty.release("DEPLOYED-2026-11-20/2103", &first, &left);
    nasty.mark("LIVE", &first);
    shows("rollback", &nasty);
    let clone = nasty.beside("clone");
    nasty.git(&[
        "clone",
        "--quiet",
        nasty.root().to_str().unwrap(),
        clone.to_str().unwrap(),
    ]);
    fs::copy(
        nasty.root().join("releases.toml"),
        clone.join("releases.toml"),
    )
    .unwrap();
    let here: Vec<Value> =
        serde_json::from_str(&format!("[{}]", nasty.json().replace('\n', ","))).unwrap();
    let there = lines(&nasty.golive_in(&clone, &["releases", "--json"]));
    let there: Vec<Value> =
        serde_json::from_str(&format!("[{}]", there.replace('\n', ","))).unwrap();
    let bad = |list: &[Value]| {
        list.iter()
            .map(|release| release["bad"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(bad(&here), bad(&there));
    assert_eq!(here[1]["bad"]["reason"], "carts are lost");
    assert_eq!(here[1]["bad"]["tag"], "DEPLOYED-2026-11-20/2103");
    assert!(nasty.plain().contains("bad: carts are lost"));
}

#[test]
fn one_release_is_shown_with_what_is_in_it() {
    let mut nasty = Nasty::empty(USUAL);
    nasty.commit("first");
    nasty.release("DEPLOYED-2026-11-20/2101", "HEAD", "");
    nasty.change("shop/migrations/0002_total.sql", "add the total");
    nasty.change("Cargo.lock", "update what is needed");
    nasty.change("a dir/\u{e9}\t.txt", "a strange file");
    nasty.release("DEPLOYED-2026-11-20/2104", "HEAD", "reason: a fix\n");
    nasty.mark("LIVE", "HEAD");
    let output = nasty.golive(&["releases", "show", "LIVE", "--json"]);
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "snapshots" }, {
        insta::assert_snapshot!("releases__show", serde_json::to_string_pretty(&shown).unwrap());
    });
    let output = nasty.golive(&["releases", "show", "DEPLOYED-2026-11-20/2104"]);
    let text = String::from_utf8_lossy(&output.stdout);
    for words in [
        "3 commits since DEPLOYED-2026-11-20/2101: Ada 3",
        "!db",
        "!dep",
        "here/tests@local tests: 39",
        "a fix",
        "down 2.5 s",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let output = nasty.golive(&["releases", "show", "DEPLOYED-2026-11-20/2105"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said.contains("did you mean `DEPLOYED-2026-11-20/210"),
        "{said}"
    );
}
