//! The demo's project: a repository with a history, its remote, and hosts that already run what is LIVE.
//!
//! The files are in `assets/`; `HISTORY` says who committed what when, and which commits were released. Dates are
//! counted back from now, so that a demo made today looks like a project of today. Git is asked with an environment
//! of its own: nothing of the operator's configuration, hooks or signing keys takes part. Blocking.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use chrono::{DateTime, Duration, Local};

use super::DemoError;
use super::layout::Layout;

/// A file of the project: its path and its text.
type File = (&'static str, &'static str);

/// One commit of the history.
struct Change {
    author: &'static Author,
    hours_ago: i64,
    subject: &'static str,
    files: &'static [File],
    /// Whether it was released, some minutes after it was made.
    released: bool,
}

/// Somebody who works on the project.
struct Author {
    name: &'static str,
    email: &'static str,
}

const ADA: Author = Author {
    name: "Ada Marsh",
    email: "ada@harbour.example",
};
const BEN: Author = Author {
    name: "Ben Okoro",
    email: "ben@harbour.example",
};
const CLARA: Author = Author {
    name: "Clara Lind",
    email: "clara@harbour.example",
};

/// What the board says before anybody deploys: schema 2, as the LIVE release left it.
const BOARD: &str = "schema 2\nLow water today at 16:40|Ada\nThe ladder at berth 4 is being repaired|Ben\n\
                     Lost: one red glove, near the crane|Clara\nThe slipway is closed on Thursday|Ada\n";

macro_rules! asset {
    ($path:literal) => {
        ($path, include_str!(concat!("assets/", $path)))
    };
}

/// The page before it said which schema it shows.
const FIRST_PAGE: &str = "<!doctype html>\n<title>Harbour notices</title>\n<h1>Harbour notices</h1>\n<ul>\n{{notices}}</ul>\n\
                          <footer>version {{version}}</footer>\n";

/// The page before it was made ready for telephones.
const SECOND_PAGE: &str = "<!doctype html>\n<html lang=\"en\">\n<title>Harbour notices</title>\n\
                           <link rel=\"stylesheet\" href=\"/style.css\">\n<h1>Harbour notices</h1>\n<ul>\n{{notices}}</ul>\n\
                           <footer>version {{version}}, commit {{commit}}, schema {{schema}}</footer>\n</html>\n";

/// The style that pinned notices and dark months bring.
const WARM_STYLE: &str = "body { font-family: serif; margin: 2em auto; max-width: 40em; color: #322; background: #fdf8f0; }\n\
                          li { margin: 0.5em 0; }\nli.pinned { font-weight: bold; border-left: 4px solid #c60; padding-left: 0.5em; }\n\
                          em { color: #765; }\nsmall { color: #c60; }\nfooter { margin-top: 3em; font-size: small; color: #987; }\n";

/// What happened, oldest first. `releases.toml` is added to the change with the scripts, filled in.
const HISTORY: &[Change] = &[
    Change {
        author: &ADA,
        hours_ago: 1200,
        subject: "Serve one page of notices",
        files: &[
            ("VERSION", "1.0.0\n"),
            asset!("README.md"),
            ("pages/index.html", FIRST_PAGE),
            asset!("migrations/0001_notices.sh"),
        ],
        released: false,
    },
    Change {
        author: &ADA,
        hours_ago: 1190,
        subject: "Write down how a release goes, and script it",
        files: &[
            asset!("ops/lib.sh"),
            asset!("ops/build.sh"),
            asset!("ops/install.sh"),
            asset!("ops/migrate.sh"),
            asset!("ops/start.sh"),
            asset!("ops/stop.sh"),
            asset!("ops/switch.sh"),
        ],
        released: false,
    },
    Change {
        author: &BEN,
        hours_ago: 1148,
        subject: "Add a style",
        files: &[
            asset!("static/style.css"),
            ("pages/index.html", SECOND_PAGE),
        ],
        released: true,
    },
    Change {
        author: &CLARA,
        hours_ago: 940,
        subject: "Test the scripts and the migrations",
        files: &[asset!("tests/run.sh")],
        released: false,
    },
    Change {
        author: &BEN,
        hours_ago: 815,
        subject: "Say who pinned a notice",
        files: &[asset!("migrations/0002_authors.sh")],
        released: false,
    },
    Change {
        author: &ADA,
        hours_ago: 790,
        subject: "Version 1.1.0",
        files: &[("VERSION", "1.1.0\n")],
        released: true,
    },
    Change {
        author: &CLARA,
        hours_ago: 500,
        subject: "Ask the deployed application over HTTP",
        files: &[asset!("tests/functional.sh")],
        released: false,
    },
    Change {
        author: &ADA,
        hours_ago: 460,
        subject: "Make the page fit telephones",
        files: &[asset!("pages/index.html")],
        released: false,
    },
    Change {
        author: &ADA,
        hours_ago: 268,
        subject: "Version 1.2.0",
        files: &[("VERSION", "1.2.0\n")],
        released: true,
    },
    Change {
        author: &BEN,
        hours_ago: 148,
        subject: "Keep until when a notice stays pinned",
        files: &[asset!("migrations/0003_pinned_until.sh")],
        released: false,
    },
    Change {
        author: &CLARA,
        hours_ago: 77,
        subject: "Set pinned notices apart, in warmer colours",
        files: &[("static/style.css", WARM_STYLE)],
        released: false,
    },
    Change {
        author: &CLARA,
        hours_ago: 29,
        subject: "Explain pinning in the readme",
        files: &[(
            "README.md",
            concat!(
                include_str!("assets/README.md"),
                "\nA notice with a date stays on top until then.\n"
            ),
        )],
        released: false,
    },
    Change {
        author: &ADA,
        hours_ago: 2,
        subject: "Version 1.3.0",
        files: &[("VERSION", "1.3.0\n")],
        released: false,
    },
];

/// The database of a host, as its commands name it from their home folder.
pub(super) fn database_of(host: &str) -> &'static str {
    if host == "web2" {
        "../web1/db/board.db"
    } else {
        "db/board.db"
    }
}

/// Makes the repository, its remote, and hosts that have the LIVE release.
pub(super) fn make(layout: &Layout) -> Result<(), DemoError> {
    let git = Git {
        folder: &layout.project(),
    };
    super::layout::private_folder(git.folder)?;
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
    let live = history(layout, &git)?;
    let remote = layout.remote();
    let remote = remote.to_string_lossy();
    git.run(&["init", "-q", "--bare", &remote])?;
    let bare = format!("--git-dir={remote}");
    git.run(&[&bare, "symbolic-ref", "HEAD", "refs/heads/main"])?;
    git.run(&["remote", "add", "origin", &remote])?;
    git.run(&["push", "-q", "-u", "origin", "main", "--tags"])?;
    install(layout, &live)
}

/// Makes the commits and tags; returns the commit that is LIVE.
fn history(layout: &Layout, git: &Git<'_>) -> Result<String, DemoError> {
    let now = Local::now();
    let mut live = String::new();
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
        let at = now - Duration::hours(change.hours_ago);
        git.run(&["add", "-A"])?;
        git.dated(change.author, at, &["commit", "-q", "-m", change.subject])?;
        if change.released {
            live = git.run(&["rev-parse", "HEAD"])?;
            release(git, at + Duration::minutes(38), &live)?;
        }
    }
    Ok(live)
}

/// Tags the current commit as golive would have done.
fn release(git: &Git<'_>, at: DateTime<Local>, commit: &str) -> Result<(), DemoError> {
    let tag = at.format("DEPLOYED-%F/%H%M").to_string();
    let version = git.run(&["show", &format!("{commit}:VERSION")])?;
    let message = format!("Version {version} in production");
    git.dated(&ADA, at, &["tag", "-a", "-m", &message, &tag, commit])?;
    git.run(&["tag", "-f", "LIVE", commit]).map(drop)
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

/// Builds the LIVE release with the project's own script and puts it on every host, not started.
fn install(layout: &Layout, live: &str) -> Result<(), DemoError> {
    let artifacts = layout.artifacts();
    let folder = artifacts.to_string_lossy();
    output(script(&layout.project(), &["ops/build.sh", live, &folder]))?;
    let installer = artifacts.join(live).join("ops/install.sh");
    for host in layout.hosts() {
        let home = layout.home(&host.name);
        output(script(&home, &[&installer.to_string_lossy()]))?;
        let link = home.join("app/current");
        std::os::unix::fs::symlink(format!("releases/{live}"), &link)
            .map_err(DemoError::file(&link))?;
        let database = home.join(database_of(&host.name));
        if database.starts_with(&home) && !database_of(&host.name).starts_with("..") {
            put(&database, BOARD)?;
        }
    }
    Ok(())
}

/// Writes a file of the project.
fn put(path: &Path, text: &str) -> Result<(), DemoError> {
    if let Some(folder) = path.parent() {
        super::layout::private_folder(folder)?;
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
