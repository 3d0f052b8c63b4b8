//! A workshop: a small project whose hosts are folders on this machine and whose steps wait for the test.
//!
//! Every step notes that it ran and ends when the test lets it go, so that a test decides what runs while a key is
//! pressed. Its environment is its own: home, XDG folders, git without configuration. Steps that still wait end by
//! themselves when the workshop is dropped.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::terminal::Terminal;

/// The size most tests use.
pub(crate) const USUAL: (u16, u16) = (120, 36);

/// A step here, then one on the host `one` of `live`, which has a gate.
pub(crate) const GATED: &str = r#"
[step.prepare]
run = "sh @MARKS@/step.sh prepare"
[step.switch]
run = "sh @MARKS@/step.sh switch"
on = "all"
[[stage]]
name = "Here"
steps = ["prepare"]
[[stage]]
name = "Live"
env = "live"
steps = ["switch"]
"#;

/// What a step does: note itself, wait until it is let go, say so.
const STEP: &str = r#"
echo "$1" >> "$(dirname "$0")/ran"
while [ ! -e "$(dirname "$0")/$1.go" ]; do
    [ -e "$0" ] || exit 8
    sleep 0.05
done
echo "$1 was let go"
"#;

/// A project with its surroundings.
pub(crate) struct Workshop {
    root: TempDir,
}

impl Workshop {
    /// A project with these steps and stages.
    pub(crate) fn with(steps: &str) -> Self {
        let root = tempfile::Builder::new()
            .prefix("ws")
            .tempdir_in("/tmp")
            .unwrap();
        let workshop = Self { root };
        for folder in ["home", "project", "marks", "host", "run"] {
            fs::create_dir(workshop.path(folder)).unwrap();
        }
        workshop.write("marks/step.sh", STEP);
        workshop.write_checklist(steps);
        for line in [
            "init -q -b main",
            "add -A",
            "-c user.name=Ada -c user.email=ada@example.org commit -q -m Begin",
        ] {
            let done = workshop
                .command("git")
                .args(line.split(' '))
                .status()
                .unwrap();
            assert!(done.success(), "git {line}");
        }
        workshop
    }

    /// A path below the workshop's own folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes a file below the workshop's folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Writes the checklist anew.
    pub(crate) fn write_checklist(&self, steps: &str) {
        let head = "[project]\nname = \"workshop\"\n[env.live]\nvia = \"local\"\n\
                    [env.live.hosts]\none = { dir = \"@ROOT@/host\" }\n";
        let text = format!("{head}{steps}")
            .replace("@MARKS@", &self.path("marks").to_string_lossy())
            .replace("@ROOT@", &self.root.path().to_string_lossy());
        self.write("project/releases.toml", &text);
    }

    /// The whole environment of what runs here.
    pub(crate) fn environment(&self) -> Vec<(String, OsString)> {
        surroundings(self.root.path())
    }

    /// A program in the project's folder, without a terminal.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.environment())
            .current_dir(self.path("project"))
            .stdin(Stdio::null());
        command
    }

    /// golive without a terminal, to its end.
    pub(crate) fn golive(&self, line: &str) -> Output {
        self.command(env!("CARGO_BIN_EXE_golive"))
            .args(line.split_whitespace())
            .output()
            .unwrap()
    }

    /// golive in a terminal of the usual size.
    pub(crate) fn open(&self, line: &str) -> Terminal {
        self.open_with(line, USUAL, &[])
    }

    /// golive in a terminal, with more variables.
    pub(crate) fn open_with(
        &self,
        line: &str,
        size: (u16, u16),
        variables: &[(&str, &str)],
    ) -> Terminal {
        let mut environment = self.environment();
        for (name, value) in variables {
            environment.retain(|(known, _)| known != name);
            environment.push(((*name).to_owned(), value.into()));
        }
        let mut words = vec![OsString::from(env!("CARGO_BIN_EXE_golive"))];
        words.extend(line.split_whitespace().map(OsString::from));
        Terminal::run(&words, &self.path("project"), &environment, size)
    }

    /// A console whose run has started; the step `prepare` waits to be let go.
    pub(crate) fn started(&self, line: &str) -> Terminal {
        let mut terminal = self.open(line);
        terminal.at("nothing has started yet", "D");
        terminal.until("prepare runs", |_| self.ran("prepare") == 1);
        terminal
    }

    /// Lets a step end.
    pub(crate) fn let_go(&self, step: &str) {
        self.write(&format!("marks/{step}.go"), "");
    }

    /// How often a step ran.
    pub(crate) fn ran(&self, step: &str) -> usize {
        let ran = fs::read_to_string(self.path("marks/ran")).unwrap_or_default();
        ran.lines().filter(|line| *line == step).count()
    }

    /// The lines of all journals, oldest run first.
    pub(crate) fn journal(&self) -> Vec<serde_json::Value> {
        journal_below(&self.path("home/.local/state"))
    }

    /// Every event of this name in the journals.
    pub(crate) fn events(&self, name: &str) -> Vec<serde_json::Value> {
        let mut lines = self.journal();
        lines.retain(|line| line["event"] == name);
        lines
    }

    /// The tasks that were started, in order.
    pub(crate) fn tasks_started(&self) -> Vec<String> {
        let events = self.events("task_started");
        events
            .iter()
            .map(|event| event["task"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The id of the newest run.
    pub(crate) fn run(&self) -> String {
        let output = self.golive("runs --json");
        let runs: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        runs[0]["run"].as_str().unwrap().to_owned()
    }

    /// The folder of the newest run.
    pub(crate) fn run_folder(&self) -> PathBuf {
        let projects = fs::read_dir(self.path("home/.local/state/golive")).unwrap();
        let mut runs = projects.flatten().filter_map(|project| {
            let run = project.path().join("runs").join(self.run());
            run.is_dir().then_some(run)
        });
        runs.next().expect("the run has a folder")
    }

    /// How the newest run ended; `None` = it has not.
    pub(crate) fn outcome(&self) -> Option<String> {
        let output = self.golive("runs --json");
        let runs: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        runs[0]["outcome"].as_str().map(str::to_owned)
    }

    /// The commit that is released.
    pub(crate) fn commit(&self) -> String {
        let output = self
            .command("git")
            .args(["rev-parse", "HEAD"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// The environment of somebody whose home is below this folder.
pub(crate) fn surroundings(root: &Path) -> Vec<(String, OsString)> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let below = |name: &str| root.join(name).into_os_string();
    [
        ("PATH", path),
        ("HOME", below("home")),
        ("USER", "ada".into()),
        ("LOGNAME", "ada".into()),
        ("SHELL", "/bin/sh".into()),
        ("TERM", "xterm-256color".into()),
        ("LANG", "C.UTF-8".into()),
        ("PAGER", "true".into()),
        ("TMPDIR", root.as_os_str().to_owned()),
        ("XDG_STATE_HOME", below("home/.local/state")),
        ("XDG_CONFIG_HOME", below("home/.config")),
        ("XDG_CACHE_HOME", below("home/.cache")),
        ("XDG_RUNTIME_DIR", below("run")),
        ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
        ("GIT_CONFIG_NOSYSTEM", "1".into()),
        ("GOLIVE_DEMO_PACE", "0".into()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// The lines of every journal below a folder.
pub(crate) fn journal_below(folder: &Path) -> Vec<serde_json::Value> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if path.file_stem().is_some_and(|name| name == "journal") {
                found.push(path);
            }
        }
    }
    found.sort();
    let texts = found
        .iter()
        .map(|path| fs::read_to_string(path).unwrap_or_default());
    texts
        .flat_map(|text| {
            let lines = text.lines().map(str::to_owned);
            lines.collect::<Vec<_>>()
        })
        .filter_map(|line| serde_json::from_str(&line).ok())
        .collect()
}
