//! A lane: one project with its remote whose runs go to two hosts that other lanes may use as well.
//!
//! It knows what its steps print, so it can say of every run whether each step ran once and every byte arrived.
//! Everything here is its own: home, XDG folders, git configuration, names of project and environment.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use golive::domain::id::{Attempt, TaskId};
use golive::edge::paths::log_file_name;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::console::{Console, Ended, PATIENCE};
use crate::support::fleet::{Fleet, signal};

/// The steps on the hosts, in order, and the shell text that prints what [`printed`] says.
pub(super) const STEPS: [(&str, &str); 5] = [
    (
        "code",
        "i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo \"code line $i\"; [ $((i % 50)) -ne 0 ] || sleep 0.01; done",
    ),
    ("build", "seq 1 20000"),
    (
        "migrate",
        r"printf 'a\000b\377\n'; printf 'err\r' >&2; sleep 0.02; printf 'no end of line'",
    ),
    ("quiet", "sleep 0.01"),
    ("switch", "echo down; sleep 0.03; echo up"),
];

/// What a step prints on every host.
pub(super) fn printed(step: &str) -> Vec<u8> {
    let lines = |count: usize, line: &dyn Fn(usize) -> String| {
        let all: String = (1..=count).map(line).collect();
        all.into_bytes()
    };
    match step {
        "code" => lines(200, &|number| format!("code line {number}\n")),
        "build" => lines(20_000, &|number| format!("{number}\n")),
        "migrate" => b"a\0b\xff\nerr\rno end of line".to_vec(),
        "quiet" => Vec::new(),
        "switch" => b"down\nup\n".to_vec(),
        other => panic!("no step {other}"),
    }
}

/// A project on two hosts.
pub(super) struct Lane {
    /// Names the project and the environment.
    pub(super) name: String,
    homes: Vec<PathBuf>,
    config: PathBuf,
    folder: TempDir,
}

impl Lane {
    /// A project with the usual steps on the two hosts of a fleet.
    pub(super) fn new(name: &str, fleet: &Fleet) -> Self {
        let steps: Vec<String> = STEPS
            .iter()
            .map(|(step, script)| {
                let note = Self::NOTE;
                format!("[step.{step}]\nrun = '''\n{note}\n{script}\n'''\non = \"all\"\n")
            })
            .collect();
        let list: Vec<String> = STEPS
            .iter()
            .map(|(step, _)| format!("\"{step}\""))
            .collect();
        Self::with(name, fleet, &steps.concat(), &list.join(", "))
    }

    /// What a step does first: it notes that it runs.
    pub(super) const NOTE: &'static str =
        r#"echo "$GOLIVE_RUN/$GOLIVE_ATTEMPT/$GOLIVE_STEP" >>~/"$RAN""#;

    /// A project with these steps on the two hosts of a fleet: tests here, then they behind a gate, then the tag.
    pub(super) fn with(name: &str, fleet: &Fleet, steps: &str, list: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("ch")
            .tempdir_in("/tmp")
            .unwrap();
        for part in ["home", "project", "run"] {
            fs::create_dir(folder.path().join(part)).unwrap();
        }
        let lane = Self {
            name: name.to_owned(),
            homes: fleet.hosts().iter().map(|host| host.home.clone()).collect(),
            config: fleet.config(),
            folder,
        };
        let text = format!(
            r#"[project]
name = "{name}"
[env.{name}]
gate = "type"
hosts = {{ web1 = "web1", web2 = "web2" }}
vars = {{ RAN = "ran.{name}" }}
[step.tests]
run = 'echo "$GOLIVE_RUN/$GOLIVE_ATTEMPT/$GOLIVE_STEP" >>../ran; sleep 0.02; echo Ran 39 tests'
{steps}
[[stage]]
name = "Here"
steps = ["tests"]
[[stage]]
name = "Live"
env = "{name}"
steps = [{list}, "tag"]
"#
        );
        fs::write(lane.path("project/releases.toml"), text).unwrap();
        lane.git("init -q -b main");
        lane.git("config user.name Ada");
        lane.git("config user.email ada@example.com");
        lane.git("add -A");
        lane.git("commit -q -m first");
        lane.git("init -q --bare -b main ../origin.git");
        lane.git("remote add origin ../origin.git");
        lane.git("push -q -u origin main");
        lane
    }

    /// A path below the lane's own folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The home of the host with this number, counted from 1.
    pub(super) fn home(&self, number: usize) -> &Path {
        &self.homes[number - 1]
    }

    /// A program in the project's folder, with nothing but the lane's environment.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path("project"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("XDG_STATE_HOME", self.path("home/state"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GOLIVE_SSH_CONFIG", &self.config)
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        command
    }

    /// Runs git in the project; returns what it printed.
    pub(super) fn git(&self, line: &str) -> String {
        let output = self.command("git").args(line.split(' ')).output().unwrap();
        assert!(output.status.success(), "git {line}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A commit to be released.
    pub(super) fn commit(&self) -> String {
        self.git("commit -q --allow-empty -m next");
        self.git("rev-parse HEAD")
    }

    /// Starts golive, with words divided by spaces, in a session of its own.
    pub(super) fn start(&self, line: &str) -> Console {
        let mut command = self.command(env!("CARGO_BIN_EXE_golive"));
        command.args(line.split_whitespace());
        self.spawn(command)
    }

    /// Starts a program as a console.
    pub(super) fn spawn(&self, command: Command) -> Console {
        Console::start(command, self.ends())
    }

    /// The files for what the next console says.
    pub(super) fn ends(&self) -> [PathBuf; 2] {
        let number = fs::read_dir(self.folder.path()).unwrap().count();
        ["out", "err"].map(|end| self.path(&format!("{number}.{end}")))
    }

    /// Runs golive to its end.
    pub(super) fn golive(&self, line: &str) -> Ended {
        self.start(line).end()
    }

    /// The command that begins a run of this commit and passes its gate.
    pub(super) fn deploy(&self, commit: &str) -> String {
        format!("deploy --plain --approve {}={commit}", self.name)
    }

    /// The command that goes on with a run.
    pub(super) fn resume(&self, run: &str, commit: &str) -> String {
        format!("resume {run} --plain --approve {}={commit}", self.name)
    }

    /// The folders of runs that were made to their end, by id: with a plan, or with a record. A console that is killed
    /// between the empty journal and the plan leaves a folder that is no run.
    pub(super) fn runs(&self) -> BTreeMap<String, PathBuf> {
        let projects = fs::read_dir(self.path("home/state/golive"))
            .into_iter()
            .flatten()
            .flatten();
        projects
            .flat_map(|project| fs::read_dir(project.path().join("runs")))
            .flatten()
            .flatten()
            .map(|run| run.path())
            .filter(|run| run.join("plan.json").exists() || has_records(run))
            .map(|run| (run.file_name().unwrap().to_str().unwrap().to_owned(), run))
            .collect()
    }

    /// The run that was made after these.
    pub(super) fn new_run(&self, before: &BTreeMap<String, PathBuf>) -> Option<String> {
        let mut runs = self.runs().into_keys();
        runs.find(|run| !before.contains_key(run))
    }

    /// The facts of a run, in order.
    pub(super) fn journal(&self, run: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.runs()[run].join("journal.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    }

    /// What arrived of a step's output.
    pub(super) fn log(&self, run: &str, task: &str, attempt: u32) -> Vec<u8> {
        let name = log_file_name(&TaskId::new(task), Attempt(attempt));
        fs::read(self.runs()[run].join("logs").join(name)).unwrap_or_default()
    }

    /// What the steps of a run noted on a host, in order.
    pub(super) fn ran(&self, run: &str, number: usize) -> Vec<String> {
        let file = self.home(number).join(format!("ran.{}", self.name));
        of_run(&file, run)
    }

    /// Everything that must be so when a run is done.
    #[track_caller]
    pub(super) fn is_done(&self, run: &str, commit: &str) {
        let once: Vec<String> = STEPS
            .iter()
            .map(|(step, _)| format!("{run}/1/{step}"))
            .collect();
        for number in [1, 2] {
            assert_eq!(self.ran(run, number), once, "what ran on web{number}");
            for (step, _) in STEPS {
                let log = self.log(run, &format!("live/{step}@web{number}"), 1);
                let expected = printed(step);
                assert!(
                    log == expected,
                    "the log of {step}@web{number} has {} bytes instead of {} or differs",
                    log.len(),
                    expected.len()
                );
            }
        }
        assert_eq!(of_run(&self.path("ran"), run), [format!("{run}/1/tests")]);
        assert_eq!(self.log(run, "here/tests@local", 1), b"Ran 39 tests\n");
        self.is_told(run);
        self.is_tagged(run, commit);
    }

    /// The journal tells of one start and one end of every task, and of success.
    #[track_caller]
    pub(super) fn is_told(&self, run: &str) {
        let journal = self.journal(run);
        let told = |event: &str| {
            let mut tasks: Vec<String> = journal
                .iter()
                .filter(|record| record["event"] == event)
                .map(|record| record["task"].as_str().unwrap_or_default().to_owned())
                .collect();
            tasks.sort();
            tasks
        };
        let started = told("task_started");
        let mut once = started.clone();
        once.dedup();
        assert_eq!(started, once, "something was started twice");
        assert_eq!(told("task_finished"), started);
        assert_eq!(told("task_interrupted").len(), 0);
        assert_eq!(told("tag_written").len(), 1);
        let last = journal.last().unwrap();
        assert_eq!(
            (&last["event"], &last["outcome"]),
            (&"run_finished".into(), &"succeeded".into())
        );
    }

    /// The remote has one tag of this run, and LIVE at its commit.
    #[track_caller]
    pub(super) fn is_tagged(&self, run: &str, commit: &str) {
        let listed = self.git(
            "-C ../origin.git for-each-ref --format=%(refname:strip=2)%0a%(contents) refs/tags",
        );
        let wanted = format!("run: {run}");
        let tags = listed.lines().filter(|line| **line == wanted).count();
        assert_eq!(tags, 1, "{listed}");
        for place in ["../origin.git", "."] {
            let live = self.git(&format!("-C {place} rev-parse refs/tags/LIVE^{{commit}}"));
            assert_eq!(live, commit, "LIVE in {place}");
        }
    }

    /// What of golive runs for this lane on this machine: consoles, connections, launchers, steps.
    pub(super) fn processes(&self) -> Vec<String> {
        let home = format!("HOME={}\0", self.path("home").display());
        each_process(|process| {
            let environment = fs::read(format!("/proc/{process}/environ")).ok()?;
            memchr::memmem::find(&environment, home.as_bytes())?;
            Some(format!("{process}: {}", command_of(process)))
        })
    }

    /// The masters of this lane's connections.
    pub(super) fn masters(&self) -> Vec<i32> {
        let socket = format!("-S\0{}", self.folder.path().display());
        each_process(|process| {
            let line = fs::read(format!("/proc/{process}/cmdline")).ok()?;
            memchr::memmem::find(&line, socket.as_bytes())?;
            process.parse().ok()
        })
    }

    /// Sees that nothing runs any more.
    #[track_caller]
    pub(super) fn has_ended(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "left running: {left:#?}\nsockets: {:#?}",
                files_below(&self.path("run"))
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Ends what a failed test would leave.
impl Drop for Lane {
    fn drop(&mut self) {
        for process in self.processes() {
            if let Some(process) = process.split(':').next().and_then(|pid| pid.parse().ok()) {
                signal(process, Signal::KILL);
            }
        }
    }
}

/// Whether something was recorded of a run.
fn has_records(run: &Path) -> bool {
    fs::metadata(run.join("journal.jsonl")).is_ok_and(|journal| journal.len() > 0)
}

/// Every file below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let each = entries.flat_map(|entry| {
        let below = files_below(&entry.path());
        std::iter::once(entry.path()).chain(below)
    });
    each.collect()
}

/// The lines of a file that are about a run.
fn of_run(file: &Path, run: &str) -> Vec<String> {
    let text = match fs::read_to_string(file) {
        Err(why) if why.kind() == ErrorKind::NotFound => String::new(),
        read => read.unwrap_or_else(|why| panic!("{}: {why}", file.display())),
    };
    let lines = text.lines().filter(|line| line.starts_with(run));
    lines.map(str::to_owned).collect()
}

fn each_process<T>(wanted: impl Fn(&str) -> Option<T>) -> Vec<T> {
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .filter_map(|process| wanted(&process))
        .collect()
}

fn command_of(process: &str) -> String {
    let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ")
}
