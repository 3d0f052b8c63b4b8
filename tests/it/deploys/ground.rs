//! A project with its remote, its hosts and the program, and what its runs left behind.
//!
//! Hermetic: own home, XDG folders, git and ssh configuration. Every program started here is waited for, and killed
//! by its process id when a test gives up. Steps write into one `trace` file: hosts share the file system, so its
//! order is the order in which things really happened, on all hosts together.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::fleet::{Fleet, signal};
use crate::support::small::Small;
use crate::support::terminal::Terminal;
use crate::support::workshop::surroundings;

/// How long anything here may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// A staging host and two production hosts with roles, behind a gate.
pub(super) const ENVIRONMENTS: &str = r#"
[env.staging]
hosts = { staging = "web3" }
vars = { TRACE = "TRACE_FILE" }
[env.production]
vars = { TRACE = "TRACE_FILE" }
[env.production.hosts]
web1 = { ssh = "web1", roles = ["web", "db"] }
web2 = { ssh = "web2", roles = ["web"] }
"#;

/// Two hosts without a gate.
pub(super) const PAIR: &str = r#"
[env.test]
hosts = { web1 = "web1", web2 = "web2" }
vars = { TRACE = "TRACE_FILE" }
"#;

/// Steps on both hosts of [`PAIR`], one after the other, each with its command, behind which `NOTE` stands for [`NOTE`].
pub(super) fn on_both(steps: &[(&str, &str)]) -> String {
    let add =
        |small: Small, (name, run): &(&str, &str)| small.on_all(name, &run.replace("NOTE", NOTE));
    steps
        .iter()
        .fold(Small::behind(PAIR), add)
        .of("test")
        .text()
}

/// The same: `one` fails on every host that was not mended, `two` follows it everywhere.
pub(super) const MENDED: &[(&str, &str)] = &[("one", "NOTE; [ -e ~/mended ]"), ("two", "NOTE")];

/// A command that notes in the trace that its step was done.
pub(super) const NOTE: &str = r#"echo "$GOLIVE_STAGE/$GOLIVE_STEP@$GOLIVE_HOST" >>"$TRACE""#;

/// A command that notes in the trace when its step begins and ends.
pub(super) const SPAN: &str = r#"echo "+$GOLIVE_STEP@$GOLIVE_HOST" >>"$TRACE"; sleep 0.05; echo "-$GOLIVE_STEP@$GOLIVE_HOST" >>"$TRACE""#;

/// A project on a fleet.
pub(super) struct Ground {
    pub(super) fleet: Fleet,
    config: PathBuf,
    folder: TempDir,
}

/// How a program ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

/// A program that runs.
pub(super) struct Running {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

/// What [`Ground::staging`] does.
pub(super) const STAGING: &str = r#"
[env.staging]
hosts = { web1 = "web1" }
gate = "GATE"
vars = { TRACE = "TRACE_FILE" }
[step.code]
on = "all"
run = 'git -C "$(dirname "$TRACE")/project" show "$GOLIVE_COMMIT:file" >served'
undo = 'echo "undo $GOLIVE_COMMIT" >>"$TRACE"'
[[stage]]
name = "Staging"
env = "staging"
steps = ["code"]
"#;

impl Ground {
    /// A project with this checklist (without `[project]`) on a new fleet, committed and pushed.
    pub(super) fn new(hosts: usize, checklist: &str) -> Self {
        Self::on(Fleet::up(hosts), checklist)
    }

    /// One host of an environment that no tag speaks of, with this gate; its application is a file that it fetches from git.
    pub(super) fn staging(gate: &str) -> Self {
        Self::new(1, &STAGING.replace("GATE", gate))
    }

    /// What the application of [`Ground::staging`] serves.
    pub(super) fn served(&self) -> String {
        fs::read_to_string(self.home(1).join("served")).unwrap()
    }

    /// The same as [`Ground::new`] on a fleet that is there.
    pub(super) fn on(fleet: Fleet, checklist: &str) -> Self {
        let ground = Self::bare_of_git(fleet, checklist);
        ground.init();
        ground.commit("first");
        ground.git(&["init", "-q", "--bare", "-b", "main", "../origin.git"]);
        ground.git(&["remote", "add", "origin", "../origin.git"]);
        ground.git(&["push", "-q", "-u", "origin", "main"]);
        ground
    }

    /// Another project on the hosts of this one.
    pub(super) fn beside(&self, checklist: &str) -> Self {
        let mut other = Self::new(0, checklist);
        other.config.clone_from(&self.config);
        // A checkout of the same project would share its locks.
        let file = other.project().join("releases.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(file, text.replacen("\"shop\"", "\"another\"", 1)).unwrap();
        other.commit("another project");
        other
    }

    /// The same without a repository.
    pub(super) fn bare_of_git(fleet: Fleet, checklist: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("gl")
            .tempdir_in("/tmp")
            .unwrap();
        for name in ["home", "project", "run"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let config = fleet.config();
        let ground = Self {
            fleet,
            config,
            folder,
        };
        ground.write(checklist);
        ground
    }

    /// Makes the project a repository with an author.
    pub(super) fn init(&self) {
        self.git(&["init", "-q", "-b", "main"]);
        self.git(&["config", "user.name", "Ada"]);
        self.git(&["config", "user.email", "ada@example.com"]);
    }

    /// Writes the checklist; `TRACE_FILE` in it becomes the place of the trace.
    pub(super) fn write(&self, checklist: &str) {
        let trace = self.path("trace");
        let text = checklist.replace("TRACE_FILE", trace.to_str().unwrap());
        let text = format!("[project]\nname = \"shop\"\n{text}");
        fs::write(self.project().join("releases.toml"), text).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn project(&self) -> PathBuf {
        self.path("project")
    }

    /// The home folder of the host with this number, counted from 1.
    pub(super) fn home(&self, number: usize) -> &Path {
        &self.fleet.hosts()[number - 1].home
    }

    /// A program with the surroundings of this ground and nothing else.
    pub(super) fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GOLIVE_SSH_CONFIG", &self.config)
            // Another folder than the one below HOME: that one would use the agent of whoever runs the tests.
            .env("GNUPGHOME", self.path("keys"))
            .env("TZ", "UTC")
            .env("TRACE", self.path("trace"))
            .stdin(Stdio::null());
        command
    }

    /// Runs git in a folder of the ground.
    pub(super) fn git_in(&self, folder: &str, arguments: &[&str]) -> String {
        let output = self.try_git(folder, arguments);
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(super) fn try_git(&self, folder: &str, arguments: &[&str]) -> Output {
        let folder = self.path(folder);
        self.command("git", &folder)
            .args(arguments)
            .output()
            .unwrap()
    }

    pub(super) fn git(&self, arguments: &[&str]) -> String {
        self.git_in("project", arguments)
    }

    /// Commits everything with a change in it; returns the commit.
    pub(super) fn commit(&self, subject: &str) -> String {
        fs::write(self.project().join("file"), subject).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", subject]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// The commit a tag of a repository points to; empty = there is no such tag.
    pub(super) fn tag_at(&self, folder: &str, tag: &str) -> String {
        let revision = format!("refs/tags/{tag}^{{commit}}");
        let output = self.try_git(folder, &["rev-parse", "-q", "--verify", &revision]);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The release tags of a repository.
    pub(super) fn release_tags(&self, folder: &str) -> Vec<String> {
        let listed = self.git_in(folder, &["tag", "--list", "DEPLOYED-*"]);
        listed.lines().map(str::to_owned).collect()
    }

    /// Starts golive in the project.
    pub(super) fn start(&self, arguments: &[&str]) -> Running {
        let number = fs::read_dir(self.folder.path()).unwrap().count();
        let [out, err] = ["out", "err"].map(|end| self.path(&format!("{number}.{end}")));
        let child = self
            .command(env!("CARGO_BIN_EXE_golive"), &self.project())
            .args(arguments)
            .stdout(fs::File::create(&out).unwrap())
            .stderr(fs::File::create(&err).unwrap())
            .spawn()
            .unwrap();
        Running { child, out, err }
    }

    /// Starts golive with its standard output in a pipe.
    pub(super) fn piped(&self, arguments: &[&str]) -> Child {
        self.told(arguments, Stdio::piped())
    }

    /// Starts golive with this standard output.
    pub(super) fn told(&self, arguments: &[&str], out: Stdio) -> Child {
        self.command(env!("CARGO_BIN_EXE_golive"), &self.project())
            .args(arguments)
            .stdout(out)
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// golive in a terminal of this size.
    pub(super) fn in_terminal(&self, arguments: &[&str], size: (u16, u16)) -> Terminal {
        let words: Vec<OsString> = std::iter::once(env!("CARGO_BIN_EXE_golive"))
            .chain(arguments.iter().copied())
            .map(OsString::from)
            .collect();
        let mut environment = surroundings(self.folder.path());
        for (name, value) in [
            ("GOLIVE_SSH_CONFIG", self.config.clone()),
            ("TRACE", self.path("trace")),
        ] {
            environment.push((name.to_owned(), value.into()));
        }
        Terminal::run(&words, &self.project(), &environment, size)
    }

    /// Runs golive to its end.
    pub(super) fn golive(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end()
    }

    /// Runs golive to its end, which must be this exit code.
    #[track_caller]
    pub(super) fn ends(&self, code: i32, arguments: &[&str]) -> Ended {
        let ended = self.golive(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended}");
        ended
    }

    /// The lines of the trace, in the order things happened.
    pub(super) fn trace(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("trace")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Forgets the trace.
    pub(super) fn forget(&self) {
        let _ = fs::remove_file(self.path("trace"));
    }

    /// `golive runs --json`.
    pub(super) fn runs(&self) -> Vec<Value> {
        let listed = self.ends(0, &["runs", "--json"]);
        serde_json::from_str(&listed.out).unwrap()
    }

    /// The id of the newest run.
    pub(super) fn newest_run(&self) -> String {
        let runs = self.runs();
        runs[0]["run"].as_str().unwrap().to_owned()
    }

    /// `golive runs show RUN --json`.
    pub(super) fn shown(&self, run: &str) -> Value {
        let shown = self.ends(0, &["runs", "show", run, "--json"]);
        serde_json::from_str(&shown.out).unwrap()
    }

    /// The status of every task of the newest run, by id.
    pub(super) fn statuses(&self) -> Vec<(String, String)> {
        let shown = self.shown(&self.newest_run());
        let tasks = shown["tasks"].as_array().unwrap().iter();
        tasks
            .map(|task| (text(&task["id"]), text(&task["status"])))
            .collect()
    }

    /// The folders of runs below the state folder.
    pub(super) fn run_folders(&self) -> Vec<PathBuf> {
        let state = self.path("home/.local/state/golive");
        let projects = fs::read_dir(state).into_iter().flatten().flatten();
        projects
            .flat_map(|project| fs::read_dir(project.path().join("runs")))
            .flatten()
            .flatten()
            .map(|run| run.path())
            .collect()
    }

    /// The master connections golive has open for this project, as the system shows them.
    pub(super) fn masters(&self) -> Vec<i32> {
        let socket = format!("-S\0{}", self.folder.path().display());
        processes(|line| line.contains(&socket))
    }

    /// Sees that every connection of this project has ended.
    pub(super) fn leaves_no_connection(&self) {
        wait_until("no connection is left", || self.masters().is_empty());
    }
}

impl Ended {
    /// The lines of standard output as JSON; every one must be.
    pub(super) fn events(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        self.out.lines().map(parse).collect()
    }

    /// The events of this name about this task (`""` = any).
    pub(super) fn events_of(&self, name: &str, task: &str) -> Vec<Value> {
        let wanted =
            |event: &Value| event["event"] == name && (task.is_empty() || event["task"] == task);
        self.events().into_iter().filter(wanted).collect()
    }

    /// Asserts that what was printed on standard error has these parts.
    #[track_caller]
    pub(super) fn says(&self, parts: &[&str]) -> &Self {
        for part in parts {
            assert!(self.err.contains(part), "`{part}` is not said: {self}");
        }
        self
    }

    /// Asserts that what was printed on standard output has these parts.
    #[track_caller]
    pub(super) fn prints(&self, parts: &[&str]) -> &Self {
        for part in parts {
            assert!(self.out.contains(part), "`{part}` is not printed: {self}");
        }
        self
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}\n{}\n{}", self.code, self.out, self.err)
    }
}

impl Running {
    pub(super) fn id(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Waits until standard output has this text.
    pub(super) fn has_printed(&self, text: &str) {
        wait_until(&format!("`{text}` is printed"), || {
            fs::read_to_string(&self.out).is_ok_and(|out| out.contains(text))
        });
    }

    /// Waits until standard error has this text.
    pub(super) fn has_said(&self, text: &str) {
        wait_until(&format!("`{text}` is said"), || {
            fs::read_to_string(&self.err).is_ok_and(|err| err.contains(text))
        });
    }

    pub(super) fn signal(&self, what: Signal) {
        signal(self.id(), what);
    }

    /// Waits for the end.
    pub(super) fn end(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                let [out, err] = [&self.out, &self.err].map(|file| read(file));
                panic!("golive hangs:\n{out}\n{err}");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Ended {
            code: status.code(),
            out: read(&self.out),
            err: read(&self.err),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn read(file: &Path) -> String {
    let mut bytes = Vec::new();
    fs::File::open(file)
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    String::from_utf8(bytes).expect("what golive prints is UTF-8")
}

/// A JSON text as a string.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Waits until something can be observed.
pub(super) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process is alive: it exists and is no zombie.
pub(super) fn is_alive(process: &str) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| {
        stat.rsplit(") ")
            .next()
            .is_some_and(|rest| !rest.starts_with('Z'))
    })
}

fn processes(wanted: impl Fn(&str) -> bool) -> Vec<i32> {
    let line = |process: &i32| {
        fs::read(format!("/proc/{process}/cmdline"))
            .is_ok_and(|line| wanted(&String::from_utf8_lossy(&line)))
    };
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(line)
        .collect()
}
