//! What settings, variables and odd commits of others must not change: what is listed, shown, and decided on.

use golive::domain::id::Commit;
use golive::edge::git::Git;
use golive::edge::git::history::End;
use serde_json::Value;

use crate::support::nasty::Nasty;

/// Settings that change what plain git commands print.
const SETTINGS: [(&str, &str); 10] = [
    ("color.ui", "always"),
    ("column.ui", "always"),
    ("diff.ignoreSubmodules", "all"),
    ("diff.noprefix", "true"),
    ("diff.orderFile", "/nowhere/order"),
    ("diff.relative", "true"),
    ("diff.renames", "false"),
    ("i18n.logOutputEncoding", "ISO-8859-1"),
    ("log.showRoot", "false"),
    ("log.showSignature", "true"),
];

/// Variables that lead to another repository, or change what paths mean.
const VARIABLES: [(&str, &str); 6] = [
    ("GIT_ALTERNATE_OBJECT_DIRECTORIES", "/nowhere"),
    ("GIT_CONFIG", "/nowhere"),
    ("GIT_DIFF_OPTS", "-u0"),
    ("GIT_DIR", "/nowhere"),
    ("GIT_LITERAL_PATHSPECS", "1"),
    ("GIT_OBJECT_DIRECTORY", "/nowhere"),
];

fn set(nasty: &Nasty) {
    for (key, value) in SETTINGS {
        nasty.git(&["config", key, value]);
    }
}

/// Two releases, the second of which changes files beside and below a folder.
fn two() -> Nasty {
    let mut nasty = Nasty::empty("");
    nasty.change("below/migrations/0001_first.sql", "first");
    nasty.release("DEPLOYED-2026-11-20/2101", "HEAD", "");
    nasty.change("migrations/0002_\u{1}.sql", "caf\u{e9} \u{1}\u{2}");
    nasty.change("below/other", "other");
    nasty.git(&["mv", "below/other", "below/another"]);
    nasty.change("beside", "moved");
    nasty.release("DEPLOYED-2026-11-20/2105", "HEAD", "");
    nasty.mark("LIVE", "HEAD");
    nasty
}

#[test]
fn settings_and_variables_of_the_operator_change_no_answer() {
    let nasty = two();
    let asked: [&[&str]; 6] = [
        &["releases", "--json"],
        &["releases", "show", "DEPLOYED-2026-11-20/2101", "--json"],
        &["releases", "show", "LIVE", "--json"],
        &["releases", "diff", "DEPLOYED-2026-11-20/2101", "LIVE"],
        &[
            "releases",
            "diff",
            "--stat",
            "DEPLOYED-2026-11-20/2101",
            "LIVE",
        ],
        &["releases", "verify", "--json"],
    ];
    let before = asked.map(|arguments| nasty.golive(arguments));
    set(&nasty);
    for (arguments, before) in asked.iter().zip(before) {
        let mut command = nasty.hermetic(env!("CARGO_BIN_EXE_golive"), &nasty.root());
        let after = command.args(*arguments).envs(VARIABLES).output().unwrap();
        let texts = [&before, &after].map(|output| {
            (
                output.status.code(),
                String::from_utf8_lossy(&output.stdout).into_owned(),
                String::from_utf8_lossy(&output.stderr).into_owned(),
            )
        });
        assert_eq!(texts[0], texts[1], "{arguments:?}");
    }
}

#[tokio::test]
async fn what_decides_on_steps_is_told_of_the_whole_repository_by_every_setting() {
    let nasty = two();
    let commit = |name: &str| Commit::new(nasty.git(&["rev-parse", &format!("{name}^{{commit}}")]));
    let (from, to) = (commit("DEPLOYED-2026-11-20/2101"), commit("LIVE"));
    // A project may stand in a folder of its repository.
    let git = Git::new(nasty.root().join("below"));
    let paths = git.changed_paths(&from, &to).await.unwrap();
    assert_eq!(
        paths,
        ["below/another", "beside", "migrations/0002_\u{1}.sql"]
    );
    set(&nasty);
    assert_eq!(git.changed_paths(&from, &to).await.unwrap(), paths);
    let ends = (
        End {
            commit: &from,
            name: "",
        },
        End {
            commit: &to,
            name: "",
        },
    );
    let changes = git.changes(Some(ends.0), ends.1).await.unwrap();
    assert_eq!(
        (changes.files, changes.commits[2].subject.as_str()),
        (3, "caf\u{e9} \u{1}\u{2}")
    );
    let marked = git.paths_by_commit(None, &to, 100).await.unwrap();
    assert_eq!(marked.len(), 4);
    assert_eq!(marked[&from], ["below/migrations/0001_first.sql"]);
    assert!(
        marked
            .values()
            .any(|paths| *paths == ["migrations/0002_\u{1}.sql"])
    );
}

#[test]
fn a_commit_of_the_year_ten_thousand_hides_no_others() {
    let mut nasty = two();
    let tree = nasty.git(&["rev-parse", "HEAD^{tree}"]);
    let parent = nasty.git(&["rev-parse", "HEAD"]);
    let text = format!(
        "tree {tree}\nparent {parent}\nauthor Eve\x02 <e@x> 253402300800 +9999\n\
         committer Eve <e@x> 253402300800 +9999\n\nodd\n"
    );
    let arguments = [
        "hash-object",
        "-t",
        "commit",
        "-w",
        "--stdin",
        "--literally",
    ];
    let odd = nasty.git_with(&arguments, text.as_bytes());
    nasty.git(&["reset", "--quiet", "--hard", &odd]);
    nasty.change("migrations/0003.sql", "after it");
    nasty.release("DEPLOYED-2026-11-20/2110", "HEAD", "");
    let output = nasty.golive(&["releases", "show", "DEPLOYED-2026-11-20/2110", "--json"]);
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    let subjects: Vec<&str> = shown["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|commit| commit["subject"].as_str().unwrap())
        .collect();
    assert_eq!(subjects, ["after it", "odd"]);
}

#[tokio::test]
async fn why_a_difference_cannot_be_told_is_always_said() {
    let nasty = two();
    let git = Git::new(nasty.root());
    let (none, to) = (
        Commit::new("1".repeat(40)),
        Commit::new(nasty.git(&["rev-parse", "HEAD"])),
    );
    // Its words and its end come at the same time, and in either order.
    for _ in 0..30 {
        let error = git.difference(Some(&none), &to, None).await.unwrap_err();
        assert!(error.to_string().contains("fatal: "), "{error}");
    }
}

#[test]
fn a_ref_whose_name_ends_like_live_is_not_live() {
    let mut nasty = two();
    let remote = nasty.beside("remote.git");
    let remote = remote.to_str().unwrap();
    nasty.git(&["init", "--quiet", "--bare", remote]);
    nasty.git(&["remote", "add", "origin", remote]);
    let was = nasty.git(&["rev-parse", "LIVE^{commit}"]);
    let other = nasty.commit("another");
    let alike = format!("{other}:refs/zz/refs/tags/LIVE");
    nasty.git(&["push", "--quiet", "origin", "refs/tags/LIVE", &alike]);
    let look = || {
        let script = include_str!("../../../src/domain/plan/still_live.sh");
        let mut command = nasty.hermetic("sh", &nasty.root());
        let command = command.args(["-c", script]).envs([
            ("GOLIVE_ENV", "production"),
            ("GOLIVE_LIVE", "LIVE"),
            ("GOLIVE_LIVE_WAS", &was),
            ("GOLIVE_REMOTE", "origin"),
        ]);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), said)
    };
    let (is_still, said) = look();
    assert!(is_still, "{said}");
    let moved = format!("{other}:refs/tags/LIVE");
    nasty.git(&["push", "--quiet", "--force", "origin", &moved]);
    let (is_still, said) = look();
    assert!(
        !is_still && said.contains("LIVE was moved on origin"),
        "{said}"
    );
}

#[test]
fn ssh_asks_nobody_on_the_terminal() {
    let nasty = two();
    nasty.git(&["remote", "add", "origin", "ssh://nowhere.invalid/shop"]);
    let file = nasty.beside("asked");
    let asks = |own: Option<&str>| {
        let mut command = nasty.hermetic(env!("CARGO_BIN_EXE_golive"), &nasty.root());
        let ssh = format!("env >'{}'; false", file.display());
        command
            .args(["releases", "--json"])
            .env("GIT_SSH_COMMAND", ssh);
        let output = command
            .envs(own.map(|own| ("SSH_ASKPASS", own)))
            .output()
            .unwrap();
        assert!(output.status.success());
        let text = std::fs::read_to_string(&file).unwrap();
        let asking = text.lines().filter(|line| line.starts_with("SSH_ASKPASS"));
        let mut asking: Vec<String> = asking.map(str::to_owned).collect();
        asking.sort();
        asking
    };
    assert_eq!(
        asks(None),
        ["SSH_ASKPASS=false", "SSH_ASKPASS_REQUIRE=force"]
    );
    assert_eq!(
        asks(Some("my-window")),
        ["SSH_ASKPASS=my-window", "SSH_ASKPASS_REQUIRE=force"]
    );
}
