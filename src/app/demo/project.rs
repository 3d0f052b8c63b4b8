//! The demo's project: a repository with a history, its remote, and hosts that already run what is LIVE.
//!
//! What is committed stands in `history`. Git is asked with an environment
//! of its own: nothing of the operator's configuration, hooks or signing keys takes part. Blocking.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use chrono::{DateTime, Local, TimeDelta};

use super::failure::DemoError;
use super::history::{ADA, Author, HISTORY, Took};
use super::layout::{Layout, private_folder};
use crate::domain::id::{Commit, EnvName, RunId};
use crate::domain::release::{self, ReleaseNote};

/// What the board says before anybody deploys: schema 2, as the LIVE release left it.
const BOARD: &str = "schema 2\nLow water today at 16:40|Ada\nThe ladder at berth 4 is being repaired|Ben\n\
                     Lost: one red glove, near the crane|Clara\nThe slipway is closed on Thursday|Ada\n";

/// What the board said before the release that brought authors.
const FIRST_BOARD: &str =
    "schema 1\nLow water today at 16:40\nLost: one red glove, near the crane\n";

/// The place among the releases of the one that brought the second schema.
const SECOND_SCHEMA: usize = 1;

/// The database of a host, as its commands name it from their home folder.
pub(super) fn database_of(host: &str) -> &'static str {
    if host == "web2" {
        "../web1/db/board.db"
    } else {
        "db/board.db"
    }
}

/// Makes the repository, its remote, the secret of its checklist, and hosts that have the LIVE release.
pub(super) fn make(layout: &Layout) -> Result<(), DemoError> {
    let git = Git {
        folder: &layout.project(),
    };
    private_folder(git.folder)?;
    git.run(&["init", "-q"])?;
    git.run(&["symbolic-ref", "HEAD", "refs/heads/main"])?;
    for (key, value) in [
        ("user.name", ADA.name),
        ("user.email", ADA.email),
        ("commit.gpgSign", "false"),
        ("tag.gpgSign", "false"),
        ("core.hooksPath", ".git/hooks"),
    ] {
        git.run(&["config", key, value])?;
    }
    let key = format!("key-of-the-office-{}", layout.id());
    put(&layout.root().join("office-key"), &format!("{key}\n"))?;
    let releases = history(layout, &git)?;
    let remote = layout.remote();
    let remote = remote.to_string_lossy();
    git.run(&["init", "-q", "--bare", &remote])?;
    let bare = format!("--git-dir={remote}");
    git.run(&[&bare, "symbolic-ref", "HEAD", "refs/heads/main"])?;
    git.run(&["remote", "add", "origin", &remote])?;
    git.run(&["push", "-q", "-u", "origin", "main", "--tags"])?;
    install(layout, &releases)
}

/// A release of the past: its commit, and the run that made it.
struct Past {
    commit: Commit,
    run: RunId,
}

/// Makes the commits and tags; returns the releases, oldest first. The last one is LIVE.
fn history(layout: &Layout, git: &Git<'_>) -> Result<Vec<Past>, DemoError> {
    let now = Local::now();
    let mut releases: Vec<Past> = Vec::new();
    for change in HISTORY {
        for (path, text) in change.files {
            put(&layout.project().join(path), text)?;
        }
        if change
            .files
            .iter()
            .any(|(path, _)| *path == "ops/switch.sh")
        {
            put(&layout.project().join("releases.toml"), &checklist(layout))?;
        }
        let at = change.made.seen_from(now);
        git.run(&["add", "-A"])?;
        git.dated(change.author, at, &["commit", "-q", "-m", change.subject])?;
        if let Some(took) = &change.released {
            let commit = Commit::new(git.run(&["rev-parse", "HEAD"])?);
            let before = releases.last().map(|release| release.commit.clone());
            let note = note(took, at, commit.clone(), before);
            release(git, at + TimeDelta::minutes(38), &note, &commit)?;
            let run = note.run.unwrap_or_else(|| RunId::new("-"));
            releases.push(Past { commit, run });
        }
    }
    Ok(releases)
}

/// What golive would have written down of a release.
fn note(took: &Took, at: DateTime<Local>, commit: Commit, previous: Option<Commit>) -> ReleaseNote {
    let started = (at + TimeDelta::minutes(37)).fixed_offset();
    let down = |host: &str, seconds| (format!("production/{host}"), seconds);
    let proof = |what: &str, value: u32| (what.to_owned(), value.to_string());
    ReleaseNote {
        project: "harbour-notices".to_owned(),
        run: Some(RunId::make(started, [took.tests as u8, took.run_s as u8])),
        commit: Some(commit),
        previous,
        envs: ["staging", "production"].map(EnvName::new).into(),
        rolled_back: None,
        plan: String::new(),
        operator: "ada@quay".to_owned(),
        reason: None,
        duration_s: took.run_s,
        downtime_s: [down("web1", took.down_s[0]), down("web2", took.down_s[1])].into(),
        evidence: [
            proof("here/tests@local tests", took.tests),
            proof("staging/functional@local checks", 6),
            proof("production/functional@local checks", 12),
        ]
        .into(),
    }
}

/// Tags a commit as golive would have done.
fn release(
    git: &Git<'_>,
    at: DateTime<Local>,
    note: &ReleaseNote,
    commit: &Commit,
) -> Result<(), DemoError> {
    let tag = at.format("DEPLOYED-%F/%H%M").to_string();
    let body = release::body(note);
    git.dated(&ADA, at, &["tag", "-a", "-m", &body, &tag, commit.as_str()])?;
    git.run(&["tag", "-f", "LIVE", commit.as_str()]).map(drop)
}

/// The checklist with this demo's folder and ports.
fn checklist(layout: &Layout) -> String {
    let mut text =
        include_str!("assets/releases.toml").replace("@ROOT@", &layout.root().to_string_lossy());
    for host in layout.hosts() {
        let place = format!("@PORT_{}@", host.name);
        text = text.replace(&place, &host.app_port.to_string());
    }
    text
}

/// Builds the releases with the project's own script and puts them on every host, the last one as current, not started.
/// Beside each database lies what the backup step of the release with the second schema has left.
fn install(layout: &Layout, releases: &[Past]) -> Result<(), DemoError> {
    let artifacts = layout.artifacts();
    let folder = artifacts.to_string_lossy();
    for release in releases {
        let commit = release.commit.as_str();
        output(script(
            &layout.project(),
            &["ops/build.sh", commit, &folder],
        ))?;
        let installer = artifacts.join(commit).join("ops/install.sh");
        for host in layout.hosts() {
            let home = layout.home(&host.name);
            output(script(&home, &[&installer.to_string_lossy()]))?;
        }
    }
    let Some(live) = releases.last() else {
        return Ok(());
    };
    for host in layout.hosts() {
        let home = layout.home(&host.name);
        let link = home.join("app/current");
        std::os::unix::fs::symlink(format!("releases/{}", live.commit), &link)
            .map_err(DemoError::file(&link))?;
        let database = home.join(database_of(&host.name));
        if database.starts_with(&home) && !database_of(&host.name).starts_with("..") {
            put(&database, BOARD)?;
            if let Some(second) = releases.get(SECOND_SCHEMA) {
                let mut backup = database.into_os_string();
                backup.push(format!(".{}", second.run));
                put(Path::new(&backup), FIRST_BOARD)?;
            }
        }
    }
    Ok(())
}

/// Writes a file of the project.
fn put(path: &Path, text: &str) -> Result<(), DemoError> {
    if let Some(folder) = path.parent() {
        private_folder(folder)?;
    }
    fs::write(path, text).map_err(DemoError::file(path))
}

/// A script of the project, without its pauses.
fn script(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(words).current_dir(folder);
    quiet_git(&mut command);
    command.env("GOLIVE_DEMO_PACE", "0");
    command
}

/// Takes the operator's git configuration, and a repository a hook may have named, out of the environment.
fn quiet_git(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0");
}

/// The git of the demo's repository.
struct Git<'a> {
    folder: &'a Path,
}

impl Git<'_> {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.args(words).current_dir(self.folder);
        quiet_git(&mut command);
        command
    }

    fn run(&self, words: &[&str]) -> Result<String, DemoError> {
        output(self.command(words))
    }

    /// Runs git as somebody at some time.
    fn dated(
        &self,
        who: &Author,
        at: DateTime<Local>,
        words: &[&str],
    ) -> Result<String, DemoError> {
        let date = at.to_rfc3339();
        let mut command = self.command(words);
        command
            .env("GIT_AUTHOR_NAME", who.name)
            .env("GIT_AUTHOR_EMAIL", who.email)
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_NAME", who.name)
            .env("GIT_COMMITTER_EMAIL", who.email)
            .env("GIT_COMMITTER_DATE", &date);
        output(command)
    }
}

/// Runs a command to its end and returns what it printed, trimmed.
fn output(mut command: Command) -> Result<String, DemoError> {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let failed = |said: String| DemoError::Command {
        command: words.join(" "),
        said,
    };
    let ended = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if ended.status.success() {
        Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())
    } else {
        Err(failed(
            String::from_utf8_lossy(&ended.stderr).trim().to_owned(),
        ))
    }
}
