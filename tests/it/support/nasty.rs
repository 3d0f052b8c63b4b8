//! Nasty repositories: everything that teams do to tags, and some things that nobody should.
//!
//! Every repository is made with fixed names and times, so that even its hashes are always the same. Git reads no
//! configuration of anybody's.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A checklist that tags what it brings to production; `@RELEASE@` = the table `[release]`.
const CHECKLIST: &str = r#"
[project]
name = "nasty"
[release]
@RELEASE@
[env.production]
via = "local"
gate = "type"
hosts = { web1 = { dir = "host" } }
[step.go]
run = "true"
on = "all"
[step.tag]
tag = true
[[stage]]
name = "Live"
env = "production"
steps = ["go", "tag"]
"#;

/// A repository with a checklist in it.
pub(crate) struct Nasty {
    folder: TempDir,
    /// Seconds since 1970, for what is made next.
    now: i64,
    zone: &'static str,
}

impl Nasty {
    /// A repository without commits; `release` = the lines of `[release]`.
    pub(crate) fn empty(release: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "project"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let text = CHECKLIST.replace("@RELEASE@", release);
        fs::write(folder.path().join("project/releases.toml"), text).unwrap();
        let nasty = Self {
            folder,
            // 2026-11-20 20:00:00 UTC.
            now: 1_795_204_800,
            zone: "+0100",
        };
        nasty.git(&["init", "--quiet", "--initial-branch=main"]);
        nasty.git(&["config", "user.name", "Ada"]);
        nasty.git(&["config", "user.email", "ada@example.com"]);
        nasty
    }

    /// The folder of the project.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// A folder beside the project.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lets minutes pass.
    pub(crate) fn wait(&mut self, minutes: i64) {
        self.now += minutes * 60;
    }

    /// From now on clocks show this offset.
    pub(crate) fn travel(&mut self, zone: &'static str) {
        self.zone = zone;
    }

    /// What a git command prints; fails when it fails.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_with(arguments, b"")
    }

    /// The same for one that reads this.
    pub(crate) fn git_with(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut child = self
            .hermetic("git", &self.root())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// A commit that changes one file; a minute passes. Returns its hash.
    pub(crate) fn commit(&mut self, subject: &str) -> String {
        self.change("file", subject)
    }

    /// A commit that changes this file.
    pub(crate) fn change(&mut self, path: &str, subject: &str) -> String {
        let file = self.root().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, format!("{subject}\n{}\n", self.now)).unwrap();
        self.git(&["add", "--", path]);
        self.git(&["commit", "--quiet", "--message", subject]);
        self.now += 60;
        self.git(&["rev-parse", "HEAD"])
    }

    /// A lightweight tag.
    pub(crate) fn mark(&self, name: &str, on: &str) {
        self.git(&["tag", "--", name, on]);
    }

    /// An annotated tag.
    pub(crate) fn tag(&self, name: &str, on: &str, message: &str) {
        let arguments = [
            "tag",
            "--annotate",
            "--cleanup=verbatim",
            "--file=-",
            "--",
            name,
            on,
        ];
        self.git_with(&arguments, message.as_bytes());
    }

    /// An annotated tag with golive's note in it.
    pub(crate) fn release(&self, name: &str, on: &str, more: &str) {
        let commit = self.git(&["rev-parse", on]);
        let message = format!(
            "nasty {} is live, released by ada@laptop in 64 s\n\ngolive: 1\nrun: run-{}\ncommit: {commit}\n\
             env: production\nplan: d1ge57\noperator: ada@laptop\nduration_s: 64.5\n\
             downtime_s: production/web1 = 2.5\nevidence: here/tests@local tests = 39\n{more}",
            &commit[..7],
            self.now,
        );
        self.tag(name, on, &message);
    }

    /// Golive, in the project's folder, without a terminal.
    pub(crate) fn golive(&self, arguments: &[&str]) -> Output {
        self.golive_in(&self.root(), arguments)
    }

    /// The same in another folder.
    pub(crate) fn golive_in(&self, folder: &Path, arguments: &[&str]) -> Output {
        self.hermetic(env!("CARGO_BIN_EXE_golive"), folder)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The same in the project's folder, where these variables are set.
    pub(crate) fn golive_where(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
        self.hermetic(env!("CARGO_BIN_EXE_golive"), &self.root())
            .envs(variables.iter().copied())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The list of releases, one compact line of JSON each.
    pub(crate) fn json(&self) -> String {
        lines(&self.golive(&["releases", "--json"]))
    }

    /// The list of releases as people read it, and what it complains about.
    pub(crate) fn plain(&self) -> String {
        let output = self.golive(&["releases"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        String::from_utf8_lossy(&output.stdout).into_owned() + &said
    }

    /// A program with nothing of anybody's around it.
    pub(crate) fn hermetic(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        let date = format!("{} {}", self.now, self.zone);
        command
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path().join("home"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8");
        command
    }
}

/// A JSON list, one compact line an entry.
pub(crate) fn lines(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let list: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let lines: Vec<String> = list.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
