//! Tags with real git: the script of the tag step against a bare remote, and what git tells of releases.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use golive::app::gather::{gather, live_trouble};
use golive::domain::action::Action;
use golive::domain::checklist::{
    Checklist, Environment, Gate, Host, On, OnFailure, Order, Phase, Reach, SshRules, Stage, Step,
};
use golive::domain::id::{Commit, EnvName, HostName, RunId, StageName, StepName};
use golive::domain::release::{
    ReleaseNote, ReleaseRules, TagPattern, body, read_body, read_outcome,
};
use golive::domain::run::Moment;
use golive::domain::step::tag::Tag;
use golive::domain::step::{Kind, Lowering};
use golive::edge::git::history::End;
use golive::edge::git::{Git, GitError};
use golive::edge::paths::{Folders, ProjectPaths};

const TAG: &str = "DEPLOYED-2026-11-20/2130";

/// A repository with one commit, and a bare remote beside it that has it.
struct Place {
    folder: tempfile::TempDir,
    /// What the script is run by.
    shell: &'static [&'static str],
}

/// What a tag step did.
struct Ended {
    ok: bool,
    text: String,
}

impl Ended {
    fn said(&self) -> BTreeMap<String, String> {
        read_outcome(self.text.as_bytes())
    }
}

impl Place {
    fn empty() -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
            shell: &["sh"],
        };
        fs::create_dir(place.here()).unwrap();
        place.git(&["init", "-q", "-b", "main"]);
        place.name_people(&place.here());
        place
    }

    fn without_remote() -> Self {
        let place = Self::empty();
        place.commit("first");
        place
    }

    fn new() -> Self {
        let place = Self::without_remote();
        let bare = place.bare();
        place.git(&["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
        place.git(&["remote", "add", "origin", bare.to_str().unwrap()]);
        place.git(&["push", "-q", "-u", "origin", "main"]);
        place
    }

    fn here(&self) -> PathBuf {
        self.folder.path().join("here")
    }

    fn bare(&self) -> PathBuf {
        self.folder.path().join("origin.git")
    }

    /// A second operator's clone.
    fn clone_of_another(&self) -> PathBuf {
        let path = self.folder.path().join("there");
        let bare = self.bare();
        self.git(&[
            "clone",
            "-q",
            bare.to_str().unwrap(),
            path.to_str().unwrap(),
        ]);
        self.name_people(&path);
        path
    }

    fn name_people(&self, path: &Path) {
        self.git_in(path, &["config", "user.name", "Ada"]);
        self.git_in(path, &["config", "user.email", "ada@example.com"]);
    }

    fn command(&self, program: &str, path: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(path)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        command
    }

    fn try_git(&self, path: &Path, arguments: &[&str]) -> Output {
        self.command("git", path).args(arguments).output().unwrap()
    }

    fn git_in(&self, path: &Path, arguments: &[&str]) -> String {
        let output = self.try_git(path, arguments);
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.git_in(&self.here(), arguments)
    }

    fn commit(&self, subject: &str) -> String {
        fs::write(self.here().join("file"), subject).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", subject]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Where a tag is in a repository; empty = nowhere.
    fn at(&self, path: &Path, tag: &str) -> String {
        let revision = format!("refs/tags/{tag}^{{commit}}");
        let output = self.try_git(path, &["rev-parse", "-q", "--verify", &revision]);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn hook(&self, script: &str) -> PathBuf {
        let path = self.bare().join("hooks/pre-receive");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Runs the tag step of a run in a repository, as lowered from these rules.
    fn tag_in(&self, path: &Path, run: &str, previous: &str, rules: &ReleaseRules) -> Ended {
        let commit = self.git_in(path, &["rev-parse", "HEAD"]);
        let note = ReleaseNote {
            project: "superlists".to_owned(),
            run: Some(RunId::new(run)),
            commit: Some(Commit::new(&*commit)),
            plan: "d1ge57".to_owned(),
            operator: "ada@laptop".to_owned(),
            duration_s: 64.0,
            ..ReleaseNote::default()
        };
        let tag = if rules.tag.is_some() { TAG } else { "" };
        let env = [
            ("GOLIVE_COMMIT", commit.as_str()),
            ("GOLIVE_PREVIOUS", previous),
            ("GOLIVE_TAG", tag),
        ];
        let lowered = Tag.lower(Lowering {
            secrets: Vec::new(),
            env: env
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            cwd: None,
            release: rules,
        });
        let Action::Exec(command) = lowered else {
            panic!("a tag is a command");
        };
        let output = self
            .command(self.shell[0], path)
            .args(&self.shell[1..])
            .args(["-c", &command.script])
            .envs(&command.env)
            .env("GOLIVE_RUN", run)
            .env("GOLIVE_RECORD", body(&note))
            .output()
            .unwrap();
        let mut text = String::from_utf8(output.stdout).unwrap();
        text.push_str(&String::from_utf8(output.stderr).unwrap());
        Ended {
            ok: output.status.success(),
            text,
        }
    }

    fn tag(&self, run: &str, previous: &str) -> Ended {
        self.tag_in(&self.here(), run, previous, &ReleaseRules::default())
    }

    /// A first release, and a commit after it; returns the released commit.
    fn release_and_commit(&self) -> String {
        let first = self.git(&["rev-parse", "HEAD"]);
        self.git(&["tag", "LIVE"]);
        self.git(&["push", "-q", "origin", "LIVE"]);
        self.commit("second");
        first
    }
}

fn ok(ended: &Ended) {
    assert!(ended.ok, "{}", ended.text);
}

fn refused(ended: &Ended, words: &[&str]) {
    assert!(!ended.ok, "{}", ended.text);
    for word in words {
        assert!(ended.text.contains(word), "no `{word}` in: {}", ended.text);
    }
    assert!(ended.said().is_empty(), "{}", ended.text);
}

#[test]
fn a_release_writes_and_pushes_both_tags() {
    let place = Place::new();
    let previous = place.release_and_commit();
    let ended = place.tag("run-1", &previous);
    ok(&ended);
    let head = place.git(&["rev-parse", "HEAD"]);
    for path in [place.here(), place.bare()] {
        assert_eq!(place.at(&path, "LIVE"), head);
        assert_eq!(place.at(&path, TAG), head);
    }
    let said = ended.said();
    assert_eq!(said["tag"], TAG);
    assert_eq!(said["live"], "LIVE");
    assert_eq!(said["commit"], head);
    assert_eq!(said["remote"], "origin");
    // LIVE stays what people make by hand: a lightweight tag.
    assert_eq!(place.git(&["cat-file", "-t", "refs/tags/LIVE"]), "commit");
    let text = place.git(&[
        "for-each-ref",
        "--format=%(contents)",
        &format!("refs/tags/{TAG}"),
    ]);
    assert_eq!(read_body(&text).unwrap().run, Some(RunId::new("run-1")));
}

#[test]
fn a_first_release_needs_no_tag_before_it() {
    let place = Place::new();
    ok(&place.tag("run-1", ""));
    let head = place.git(&["rev-parse", "HEAD"]);
    assert_eq!(place.at(&place.bare(), "LIVE"), head);
}

#[test]
fn running_it_again_changes_nothing() {
    let place = Place::new();
    let previous = place.release_and_commit();
    let first = place.tag("run-1", &previous);
    let tags = place.git(&["show-ref", "--tags"]);
    let again = place.tag("run-1", &previous);
    ok(&again);
    assert_eq!(first.said(), again.said());
    assert_eq!(place.git(&["show-ref", "--tags"]), tags);
}

#[test]
fn a_rejected_push_is_live_but_untagged_and_a_retry_finishes_it() {
    let place = Place::new();
    let previous = place.release_and_commit();
    let hook = place.hook("#!/bin/sh\necho not today >&2\nexit 1\n");
    refused(
        &place.tag("run-1", &previous),
        &["live but untagged on origin", "not today", "retry"],
    );
    assert_eq!(place.at(&place.bare(), "LIVE"), previous);
    assert_eq!(place.at(&place.bare(), TAG), "");
    // LIVE here does not say what the remote refused.
    assert_eq!(place.at(&place.here(), "LIVE"), previous);
    let made = place.git(&["rev-parse", &format!("refs/tags/{TAG}")]);

    fs::remove_file(hook).unwrap();
    let ended = place.tag("run-1", &previous);
    ok(&ended);
    assert_eq!(ended.said()["tag"], TAG);
    assert_eq!(place.git(&["rev-parse", &format!("refs/tags/{TAG}")]), made);
    let head = place.git(&["rev-parse", "HEAD"]);
    assert_eq!(place.at(&place.bare(), "LIVE"), head);
    assert_eq!(place.at(&place.here(), "LIVE"), head);
}

#[test]
fn a_push_that_refuses_one_tag_takes_neither() {
    let place = Place::new();
    let previous = place.release_and_commit();
    let update = place.hook("").with_file_name("update");
    fs::write(&update, "#!/bin/sh\ncase $1 in */LIVE) exit 1 ;; esac\n").unwrap();
    fs::set_permissions(&update, fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(place.bare().join("hooks/pre-receive")).unwrap();
    refused(
        &place.tag("run-1", &previous),
        &["live but untagged on origin"],
    );
    assert_eq!(place.at(&place.bare(), TAG), "");
}

#[test]
fn a_live_moved_on_this_machine_is_not_overwritten() {
    let place = Place::new();
    let previous = place.release_and_commit();
    let moved = place.commit("third");
    place.git(&["tag", "-f", "LIVE"]);
    place.git(&["tag", "-a", "-m", "by hand", "v3"]);
    place.commit("fourth");
    refused(
        &place.tag("run-1", &previous),
        &[
            "on this machine",
            &moved,
            "v3, Ada",
            "third",
            "update-ref",
            "nothing was overwritten",
        ],
    );
    assert_eq!(place.at(&place.here(), "LIVE"), moved);
    assert_eq!(place.at(&place.bare(), "LIVE"), previous);
    assert_eq!(place.at(&place.here(), TAG), "");
}

#[test]
fn a_live_moved_on_the_remote_is_not_overwritten_and_the_help_helps() {
    let place = Place::new();
    let previous = place.release_and_commit();
    place.git(&["push", "-q", "origin", "main"]);
    let other = place.clone_of_another();
    ok(&place.tag_in(&other, "run-of-bob", &previous, &ReleaseRules::default()));
    let theirs = place.at(&other, "LIVE");
    place.commit("third");

    let ended = place.tag("run-1", &previous);
    refused(
        &ended,
        &["on origin", &theirs, TAG, "Ada", "nothing was overwritten"],
    );
    assert_eq!(place.at(&place.bare(), "LIVE"), theirs);
    assert_eq!(place.at(&place.here(), "LIVE"), previous);

    let help = ended.text.split("help: ").nth(1).unwrap();
    let command = help
        .split_once(": ")
        .unwrap()
        .1
        .split_once(", then")
        .unwrap()
        .0;
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    place.git(&words);
    let ended = place.tag("run-1", &previous);
    ok(&ended);
    // The planned name was taken by the other release meanwhile.
    assert_eq!(ended.said()["tag"], format!("{TAG}-2"));
    let head = place.git(&["rev-parse", "HEAD"]);
    assert_eq!(place.at(&place.bare(), "LIVE"), head);
    assert_eq!(place.at(&place.here(), "LIVE"), head);
}

#[test]
fn a_live_that_moves_between_the_look_and_the_push_is_not_overwritten() {
    let place = Place::new();
    let previous = place.release_and_commit();
    place.git(&["push", "-q", "origin", "main"]);
    let head = place.git(&["rev-parse", "HEAD"]);
    let third = place.commit("third");
    place.git(&["push", "-q", "origin", "main"]);
    place.git(&["checkout", "-q", "--detach", &head]);
    // The hook that runs before a push plays the other operator.
    let hook = place.here().join(".git/hooks/pre-push");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let bare = place.bare();
    let script = format!(
        "#!/bin/sh\ngit --git-dir={} update-ref refs/tags/LIVE {third}\n",
        bare.display()
    );
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    refused(
        &place.tag("run-1", &previous),
        &["live but untagged on origin"],
    );
    assert_eq!(place.at(&place.bare(), "LIVE"), third);
    assert_eq!(place.at(&place.bare(), TAG), "");
}

#[test]
fn every_shell_does_the_same() {
    for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
        let place = Place {
            shell,
            ..Place::new()
        };
        let previous = place.release_and_commit();
        let hook = place.hook("#!/bin/sh\nexit 1\n");
        refused(
            &place.tag("run-1", &previous),
            &["live but untagged on origin", "retry"],
        );
        fs::remove_file(hook).unwrap();
        ok(&place.tag("run-1", &previous));
        let head = place.git(&["rev-parse", "HEAD"]);
        assert_eq!(place.at(&place.bare(), "LIVE"), head);
        place.commit("third");
        refused(&place.tag("run-2", &previous), &["on this machine", &head]);
        ok(&place.tag("run-3", &head));
        assert_eq!(place.at(&place.here(), &format!("{TAG}-2")).len(), 40);
    }
}

#[test]
fn a_signed_release_has_a_signature_and_is_known_again() {
    let place = Place::new();
    let previous = place.release_and_commit();
    let key = place.folder.path().join("key");
    let made = place
        .command("ssh-keygen", &place.here())
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status()
        .unwrap();
    assert!(made.success());
    place.git(&["config", "gpg.format", "ssh"]);
    place.git(&["config", "user.signingKey", key.to_str().unwrap()]);
    let rules = ReleaseRules {
        sign: true,
        ..ReleaseRules::default()
    };
    let first = place.tag_in(&place.here(), "run-1", &previous, &rules);
    ok(&first);
    let text = place.git(&["cat-file", "tag", &format!("refs/tags/{TAG}")]);
    assert!(text.contains("BEGIN SSH SIGNATURE"), "{text}");
    assert_eq!(read_body(&text).unwrap().operator, "ada@laptop");
    let again = place.tag_in(&place.here(), "run-1", &previous, &rules);
    ok(&again);
    assert_eq!(again.said(), first.said());
}

#[test]
fn without_a_name_for_the_tagger_nothing_is_written() {
    let place = Place::new();
    let previous = place.release_and_commit();
    place.git(&["config", "--unset", "user.name"]);
    place.git(&["config", "--unset", "user.email"]);
    place.git(&["config", "user.useConfigOnly", "true"]);
    refused(
        &place.tag("run-1", &previous),
        &["live but untagged", "user.email", "retry"],
    );
    assert_eq!(place.at(&place.here(), "LIVE"), previous);
    assert_eq!(place.at(&place.bare(), "LIVE"), previous);
}

#[test]
fn a_name_that_exists_gets_a_number() {
    let place = Place::new();
    let previous = place.release_and_commit();
    place.git(&["tag", "-a", "-m", "other", TAG, &previous]);
    let ended = place.tag("run-1", &previous);
    ok(&ended);
    assert_eq!(ended.said()["tag"], format!("{TAG}-2"));
    assert_eq!(place.at(&place.here(), TAG), previous);
    // Also when the other tag is on the same commit, but of another run.
    let ended = place.tag("run-2", &previous);
    ok(&ended);
    assert_eq!(ended.said()["tag"], format!("{TAG}-3"));
}

#[test]
fn without_a_remote_the_tags_stay_here() {
    let place = Place::without_remote();
    let ended = place.tag("run-1", "");
    ok(&ended);
    assert_eq!(ended.said()["remote"], "-");
    assert!(ended.text.contains("the tags stay on this machine"));
    let head = place.git(&["rev-parse", "HEAD"]);
    assert_eq!(place.at(&place.here(), "LIVE"), head);
}

#[test]
fn a_remote_that_was_named_and_is_missing_is_a_failure() {
    let place = Place::without_remote();
    let rules = ReleaseRules {
        remote: Some("upstream".to_owned()),
        ..ReleaseRules::default()
    };
    let ended = place.tag_in(&place.here(), "run-1", "", &rules);
    refused(&ended, &["no remote named upstream", "git remote add"]);
    assert_eq!(place.at(&place.here(), "LIVE"), "");
}

#[test]
fn a_remote_that_cannot_be_reached_is_live_but_untagged() {
    let place = Place::new();
    let previous = place.release_and_commit();
    fs::rename(place.bare(), place.folder.path().join("gone")).unwrap();
    refused(
        &place.tag("run-1", &previous),
        &["live but untagged", "retry"],
    );
    fs::rename(place.folder.path().join("gone"), place.bare()).unwrap();
    ok(&place.tag("run-1", &previous));
}

#[test]
fn a_detached_head_that_was_not_pushed_is_released_all_the_same() {
    let place = Place::new();
    let previous = place.release_and_commit();
    place.git(&["checkout", "-q", "--detach"]);
    let head = place.commit("detached");
    ok(&place.tag("run-1", &previous));
    assert_eq!(place.at(&place.bare(), TAG), head);
}

#[test]
fn an_annotated_live_of_another_tool_is_moved_when_it_did_not_move() {
    let place = Place::new();
    let previous = place.git(&["rev-parse", "HEAD"]);
    place.git(&["tag", "-a", "-m", "live", "LIVE"]);
    place.git(&["push", "-q", "origin", "LIVE"]);
    let head = place.commit("second");
    ok(&place.tag("run-1", &previous));
    for path in [place.here(), place.bare()] {
        assert_eq!(place.at(&path, "LIVE"), head);
        assert_eq!(
            place.git_in(&path, &["cat-file", "-t", "refs/tags/LIVE"]),
            "commit"
        );
    }
}

#[test]
fn every_part_can_be_switched_off() {
    for switched in 0..8_u8 {
        let place = Place::new();
        let previous = place.release_and_commit();
        let head = place.git(&["rev-parse", "HEAD"]);
        let wanted = |bit: u8| switched & bit == 0;
        let name = |bit: u8, name: &str| wanted(bit).then(|| name.to_owned());
        let rules = ReleaseRules {
            live: name(1, "LIVE"),
            tag: name(2, "DEPLOYED-%F/%H%M"),
            matching: Vec::new(),
            remote: name(4, "origin"),
            sign: false,
            version: None,
        };
        let ended = place.tag_in(&place.here(), "run-1", &previous, &rules);
        ok(&ended);
        let said = ended.said();
        assert_eq!(said["live"], if wanted(1) { "LIVE" } else { "-" });
        assert_eq!(said["tag"], if wanted(2) { TAG } else { "-" });
        assert_eq!(said["remote"], if wanted(4) { "origin" } else { "-" });
        let live = |moved| {
            if moved {
                head.clone()
            } else {
                previous.clone()
            }
        };
        let tag = |made| if made { head.clone() } else { String::new() };
        assert_eq!(place.at(&place.here(), "LIVE"), live(wanted(1)));
        assert_eq!(place.at(&place.here(), TAG), tag(wanted(2)));
        assert_eq!(
            place.at(&place.bare(), "LIVE"),
            live(wanted(1) && wanted(4))
        );
        assert_eq!(place.at(&place.bare(), TAG), tag(wanted(2) && wanted(4)));
    }
}

#[test]
fn settings_of_the_operator_do_not_change_what_is_pushed() {
    let place = Place::new();
    let previous = place.release_and_commit();
    place.git(&["tag", "-a", "-m", "private", "private"]);
    place.git(&["config", "push.followTags", "true"]);
    place.git(&["config", "push.default", "nothing"]);
    ok(&place.tag("run-1", &previous));
    assert_eq!(place.at(&place.bare(), "private"), "");
}

#[tokio::test]
async fn a_repository_without_commits_and_no_repository_are_told_apart() {
    let place = Place::empty();
    let git = Git::new(place.here());
    let state = git.state().await.unwrap();
    assert_eq!((state.branch.as_deref(), state.head), (Some("main"), None));
    assert!(matches!(
        git.resolve("HEAD").await,
        Err(GitError::NoCommits)
    ));
    assert!(matches!(
        git.resolve("main").await,
        Err(GitError::NoCommits)
    ));
    assert!(git.live("LIVE").await.unwrap().is_none());

    let outside = tempfile::tempdir().unwrap();
    let git = Git::new(outside.path());
    let why = git.state().await.unwrap_err();
    assert!(matches!(why, GitError::NotRepository(_)), "{why}");
    assert!(why.help().is_some());
    let why = git.resolve("HEAD").await.unwrap_err();
    assert!(matches!(why, GitError::NotRepository(_)), "{why}");
    let git = Git::new(outside.path().join("nowhere"));
    assert!(matches!(git.state().await, Err(GitError::NoFolder(_))));
    assert!(matches!(
        git.resolve("HEAD").await,
        Err(GitError::NoFolder(_))
    ));
}

#[tokio::test]
async fn an_unknown_name_comes_with_near_ones_and_options_are_no_names() {
    let place = Place::without_remote();
    let git = Git::new(place.here());
    let head = place.git(&["rev-parse", "HEAD"]);
    for name in ["HEAD", "main", &head, &head[..8], "main~0"] {
        assert_eq!(git.resolve(name).await.unwrap().as_str(), head);
    }
    let why = git.resolve("mian").await.unwrap_err();
    assert_eq!(why.help().as_deref(), Some("did you mean `main`?"));
    for name in ["", "--all", "a b", "a\nb", "-h"] {
        assert!(matches!(git.resolve(name).await, Err(GitError::BadName(_))));
    }
    assert!(git.live("--LIVE").await.is_err());
    assert!(git.live_on("--upload-pack=id", "LIVE").await.is_err());
}

#[tokio::test]
async fn git_tells_what_is_live_and_what_the_next_release_brings() {
    let place = Place::new();
    let first = place.git(&["rev-parse", "HEAD"]);
    ok(&place.tag("run-1", ""));
    let second = place.commit("second\u{1b}[31m");
    fs::write(place.here().join("a b"), "one\ntwo\n").unwrap();
    let third = place.commit("third");
    fs::write(place.here().join("new file"), "").unwrap();

    let git = Git::new(place.here());
    let state = git.state().await.unwrap();
    assert_eq!(state.dirty, ["?? new file"]);
    assert_eq!(state.unpushed, Some(2));
    assert!(git.has_remote("origin").await.unwrap());
    assert_eq!(git.missing_identity().await.unwrap(), None);

    let live = git.live("LIVE").await.unwrap().unwrap();
    assert_eq!((live.commit.as_str(), &live.object), (&*first, &first));
    assert_eq!(
        git.live_on("origin", "LIVE").await.unwrap(),
        Some(live.clone())
    );
    let pattern = TagPattern::new(Some("DEPLOYED-%F/%H%M"));
    let tag = git
        .release_tag_at(&live.commit, &pattern)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((tag.name.as_str(), tag.by.as_str()), (TAG, "Ada"));
    // Of several on one commit the newest by its name, as in the list of past releases, whatever git says first.
    for name in ["2031-01-01/0100", "2031-01-01/0100-10", "2030-12-31/2359"] {
        place.git(&["tag", &format!("DEPLOYED-{name}"), &second]);
    }
    let pair = Commit::new(&*second);
    let newest = git.release_tag_at(&pair, &pattern).await.unwrap().unwrap();
    assert_eq!(newest.name, "DEPLOYED-2031-01-01/0100-10");
    for name in ["2031-01-01/0100", "2031-01-01/0100-10", "2030-12-31/2359"] {
        place.git(&["tag", "-d", &format!("DEPLOYED-{name}")]);
    }
    let body = place.git(&["tag", "--list", "--format=%(contents)", TAG]);
    let note = read_body(&body).unwrap();
    assert_eq!(note.commit, Some(Commit::new(&*first)));

    let to = Commit::new(&*third);
    let end = |commit, name| End { commit, name };
    let changes = git
        .changes(Some(end(&live.commit, "LIVE")), end(&to, "HEAD"))
        .await
        .unwrap();
    assert_eq!(changes.commit_count, 2);
    assert_eq!(changes.commits[1].commit.as_str(), second);
    assert_eq!(changes.commits[1].subject, "second\u{1b}[31m");
    assert_eq!(changes.paths, ["a b", "file"]);
    assert_eq!(
        (changes.files, changes.insertions, changes.deletions),
        (2, 3, 1)
    );
    assert_eq!(git.count(&live.commit, &to).await.unwrap(), 2);
    let all = git.changes(None, end(&to, "HEAD")).await.unwrap();
    assert_eq!((all.commit_count, all.from.as_str()), (3, ""));
    assert_eq!(
        git.changed_paths(&live.commit, &to).await.unwrap(),
        ["a b", "file"]
    );

    let at = Moment::parse_from_rfc3339("2026-11-20T21:30:00+01:00").unwrap();
    let next = git.next_tag(&ReleaseRules::default(), at).await.unwrap();
    assert_eq!(next.unwrap(), format!("{TAG}-2"));
    let hostile = ReleaseRules {
        tag: Some("-d $(id)%F".to_owned()),
        ..ReleaseRules::default()
    };
    assert!(git.next_tag(&hostile, at).await.is_err());
}

/// A checklist that deploys to staging and production, and tags.
fn checklist() -> Checklist {
    let env = |name: &str, gate| Environment {
        name: EnvName::new(name),
        hosts: vec![Host {
            name: HostName::new("web1"),
            reach: Reach::Ssh("web1".to_owned()),
            roles: None,
            vars: BTreeMap::new(),
        }],
        vars: BTreeMap::new(),
        gate,
    };
    let stage = |name: &str, steps: &[&str]| Stage {
        name: StageName::new(name),
        env: Some(EnvName::new(name)),
        steps: steps.iter().copied().map(StepName::new).collect(),
        order: Order::Lockstep,
    };
    let name = StepName::new("tag");
    let tag = Step {
        name: name.clone(),
        kind: Arc::new(Tag),
        about: None,
        on: On::Local,
        once: false,
        vars: BTreeMap::new(),
        secrets: Vec::new(),
        cwd: None,
        timeout: None,
        quiet: Duration::from_secs(300),
        retry: 0,
        retry_delay: Duration::from_secs(2),
        idempotent: false,
        needs: None,
        phase: Phase::Activate,
        downtime: None,
        takes: None,
        parallel: None,
        undo: None,
        when_changed: None,
        proof: None,
        on_failure: OnFailure::Ask,
        line: 0,
    };
    Checklist {
        logs: Vec::new(),
        secrets: std::collections::BTreeMap::new(),
        rollback: golive::domain::checklist::RollbackRules::default(),
        project: "superlists".to_owned(),
        release: ReleaseRules::default(),
        ssh: SshRules::default(),
        environments: vec![env("staging", Gate::None), env("production", Gate::Type)],
        steps: BTreeMap::from([(name, tag)]),
        groups: BTreeMap::new(),
        stages: vec![stage("staging", &[]), stage("production", &["tag"])],
    }
}

fn paths(place: &Place, root: &Path) -> ProjectPaths {
    let home = place.folder.path().join("home");
    let folders = Folders::of(|name| (name == "HOME").then(|| home.clone().into())).unwrap();
    ProjectPaths::new(&folders, "superlists", root).unwrap()
}

#[tokio::test]
async fn the_overview_says_what_production_runs_and_what_comes_next() {
    let place = Place::new();
    ok(&place.tag("run-1", ""));
    let live = place.git(&["rev-parse", "HEAD"]);
    place.commit("second");
    let root = place.here();
    let overview = gather(&root, &checklist(), &paths(&place, &root)).await;
    assert_eq!(overview.repository_trouble, None);
    let repository = overview.repository.unwrap();
    assert_eq!(repository.live, Some(Commit::new(&*live)));
    assert_eq!(repository.live_tag.as_deref(), Some(TAG));
    assert_eq!(repository.live_by.as_deref(), Some("Ada"));
    assert_eq!(overview.next.unwrap().commit_count, 1);
    let staging = &overview.environments[0];
    assert_eq!((staging.gated, &staging.deployed), (false, &None));
    let production = overview.environments[1].deployed.as_ref().unwrap();
    assert_eq!(production.commit.as_str(), live);
    assert_eq!(production.tag.as_deref(), Some(TAG));
    assert_eq!(production.behind, Some(1));
}

#[tokio::test]
async fn the_overview_tolerates_a_live_without_a_release_and_no_repository_at_all() {
    let place = Place::new();
    place.git(&["tag", "LIVE"]);
    let root = place.here();
    let overview = gather(&root, &checklist(), &paths(&place, &root)).await;
    let repository = overview.repository.unwrap();
    assert_eq!(
        (repository.live_tag, repository.live_by.as_deref()),
        (None, Some("Ada"))
    );
    assert!(overview.environments[1].deployed.is_some());

    let empty = Place::empty();
    let root = empty.here();
    let overview = gather(&root, &checklist(), &paths(&empty, &root)).await;
    assert_eq!(overview.repository.unwrap().head, None);
    assert_eq!((overview.next, overview.repository_trouble), (None, None));

    let outside = tempfile::tempdir().unwrap();
    let overview = gather(outside.path(), &checklist(), &paths(&empty, outside.path())).await;
    assert!(overview.repository.is_none());
    assert!(overview.repository_trouble.unwrap().contains("git init"));
    assert_eq!(overview.environments.len(), 2);
}

#[tokio::test]
async fn a_live_that_differs_on_the_remote_is_said_before_a_run() {
    let place = Place::new();
    let previous = place.release_and_commit();
    let git = Git::new(place.here());
    let rules = ReleaseRules::default();
    assert_eq!(live_trouble(&git, &rules).await.unwrap(), None);
    place.git(&["push", "-q", "origin", "main"]);
    let other = place.clone_of_another();
    ok(&place.tag_in(&other, "run-of-bob", &previous, &rules));
    let said = live_trouble(&git, &rules).await.unwrap().unwrap();
    let command = said.split("git ").nth(1).unwrap();
    let words: Vec<&str> = command.split(' ').take(4).collect();
    place.git(&words);
    assert_eq!(live_trouble(&git, &rules).await.unwrap(), None);
    // Its release came with it.
    let tags = |path: &Path| place.git_in(path, &["tag", "--list"]);
    assert_eq!(tags(&place.here()), tags(&place.bare()));
}
