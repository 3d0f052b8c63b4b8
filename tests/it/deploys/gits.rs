//! Git in trouble: each time a message that says what is, and a way on.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::ground::{Ground, NOTE};
use crate::support::fleet::Fleet;

/// A step here, then the tag.
fn local() -> String {
    format!(
        "[step.work]\nrun = '{NOTE}'\n[[stage]]\nname = \"Here\"\nsteps = [\"work\", \"tag\"]\n"
    )
}

#[test]
fn without_a_commit_nothing_is_tagged_and_nothing_started() {
    let ground = Ground::bare_of_git(Fleet::up(0), &local());
    let tell = |ground: &Ground| {
        ground
            .ends(2, &["deploy"])
            .says(&["tags a release, and there is no commit to tag", "git init"]);
        ground
            .ends(2, &["deploy", "--ref", "main"])
            .says(&["help: "]);
    };
    tell(&ground);
    ground.init();
    tell(&ground);
    assert_eq!(ground.trace(), Vec::<String>::new());
    // A checklist that tags nothing is walked without a repository.
    ground.write(&local().replace(", \"tag\"", ""));
    ground.ends(0, &["deploy"]).prints(&["no commit", "DONE"]);
}

#[test]
fn without_a_remote_the_tags_stay_here() {
    let ground = Ground::bare_of_git(Fleet::up(0), &local());
    ground.init();
    let head = ground.commit("first");
    let done = ground.ends(0, &["deploy"]);
    done.prints(&[
        "there is no remote named origin: the tags stay on this machine",
        "not pushed",
    ]);
    assert_eq!(ground.tag_at("project", "LIVE"), head);
    assert_eq!(ground.release_tags("project").len(), 1);
    // A remote that was asked for by name must be there.
    ground.write(&format!("[release]\nremote = \"backup\"\n{}", local()));
    ground
        .ends(1, &["deploy"])
        .prints(&["live but untagged", "git remote add backup"]);
}

#[test]
fn a_detached_head_and_a_dirty_tree_are_shown_and_do_not_matter() {
    let ground = Ground::new(0, &local());
    let first = ground.git(&["rev-parse", "HEAD"]);
    ground.commit("second");
    ground.git(&["checkout", "-q", "--detach", &first]);
    fs::write(ground.project().join("file"), "changed").unwrap();
    ground
        .ends(0, &["plan"])
        .prints(&["1 uncommitted change: not part of the release"]);
    let plan = ground.ends(0, &["plan", "--json"]);
    plan.prints(&["\"dirty\":[\" M file\"]"]);
    ground.ends(0, &["deploy"]);
    assert_eq!(ground.tag_at("origin.git", "LIVE"), first);
}

#[test]
fn two_releases_in_one_minute_get_two_names() {
    let ground = Ground::new(0, &format!("[release]\ntag = \"DEPLOYED-%Y\"\n{}", local()));
    ground.ends(0, &["deploy"]);
    let second = ground.commit("second");
    ground.ends(0, &["deploy"]);
    let tags = ground.release_tags("origin.git");
    assert_eq!(tags.len(), 2, "{tags:?}");
    assert_eq!(tags[1], format!("{}-2", tags[0]));
    assert_eq!(ground.tag_at("origin.git", &tags[1]), second);
    assert_eq!(ground.tag_at("origin.git", "LIVE"), second);
}

#[test]
fn a_remote_that_is_not_there_is_told_before_the_tag_fails_over_it() {
    let elsewhere = format!("[release]\nremote = \"upstream\"\n{}", local());
    let ground = Ground::new(0, &elsewhere);
    let warning = "the tags cannot be pushed: there is no remote named upstream";
    ground.ends(0, &["plan"]).prints(&[warning]);
    ground.git(&["remote", "add", "upstream", "../origin.git"]);
    let planned = ground.ends(0, &["plan"]);
    assert!(!planned.out.contains(warning), "{planned}");
    ground.ends(0, &["deploy"]);
    assert_eq!(ground.release_tags("origin.git").len(), 1);
    // Without an origin the tags stay here: that is no mistake.
    ground.git(&["remote", "remove", "upstream"]);
    ground.git(&["remote", "remove", "origin"]);
    ground.write(&local());
    let planned = ground.ends(0, &["plan"]);
    assert!(!planned.out.contains("no remote named"), "{planned}");
}

#[test]
fn a_rejected_push_leaves_it_live_but_untagged_and_is_tried_again_alone() {
    let ground = Ground::new(0, &local());
    let head = ground.git(&["rev-parse", "HEAD"]);
    let hook = ground.path("origin.git/hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\necho the freeze is on >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let failed = ground.ends(1, &["deploy"]);
    let run = ground.newest_run();
    failed.prints(&["the freeze is on", "live but untagged on origin"]);
    failed.says(&["here/tag@local", &format!("golive resume {run}")]);
    assert_eq!(ground.release_tags("origin.git"), Vec::<String>::new());
    assert_eq!(ground.tag_at("project", "LIVE"), "");
    fs::remove_file(&hook).unwrap();
    ground.ends(0, &["resume", &run]);
    assert_eq!(ground.trace().len(), 1);
    let tags = ground.release_tags("origin.git");
    assert_eq!(tags, ground.release_tags("project"));
    assert_eq!(tags.len(), 1);
    for folder in ["project", "origin.git"] {
        assert_eq!(ground.tag_at(folder, "LIVE"), head);
    }
}

#[test]
fn what_somebody_else_released_meanwhile_is_not_overwritten() {
    // The step is the time in which another operator, in a clone, releases something else.
    let meddling = local().replacen(
        NOTE,
        "cd ../there && git tag -f LIVE && git push -qf origin LIVE",
        1,
    );
    let ground = Ground::new(0, &meddling);
    let head = ground.git(&["rev-parse", "HEAD"]);
    ground.git(&["clone", "-q", "../origin.git", "../there"]);
    let person = ["-c", "user.name=Bob", "-c", "user.email=bob@example.com"];
    let commit = ["commit", "-q", "--allow-empty", "-m", "theirs"];
    ground.git_in("there", &[&person[..], &commit].concat());
    let theirs = ground.git_in("there", &["rev-parse", "HEAD"]);
    let failed = ground.ends(1, &["deploy"]);
    failed.prints(&[
        "LIVE was moved on origin meanwhile",
        &theirs,
        "live but untagged",
    ]);
    assert_eq!(ground.tag_at("origin.git", "LIVE"), theirs);
    assert_eq!(ground.release_tags("origin.git"), Vec::<String>::new());
    // The help names the command that makes this release LIVE all the same; then only the tag is left.
    let help = failed
        .out
        .lines()
        .find_map(|line| line.split_once("is to be LIVE: "));
    let command = help.unwrap().1.strip_suffix(", then retry").unwrap();
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    ground.git(&words);
    ground.ends(0, &["resume", &ground.newest_run()]);
    assert_eq!(ground.tag_at("origin.git", "LIVE"), head);
    assert_eq!(ground.release_tags("origin.git").len(), 1);
}
