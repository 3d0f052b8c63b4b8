//! The plain and the JSON face of the real binary on a project whose hosts are folders: what comes out, with which
//! exit code, and what happens when nobody can read or answer.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::process::Signal;

use crate::support::terminal::Terminal;

const CHECKLIST: &str = r#"
[project]
name = "folders"
[release]
remote = false
[env.staging]
via = "local"
hosts = { stg = { dir = "hosts/stg" } }
[env.production]
via = "local"
hosts = { web1 = { dir = "hosts/web1" } }
[step.tests]
run = "echo tested; test ! -e ../fail"
[step.code]
run = "echo code on $GOLIVE_HOST"
on = "all"
[step.told]
ask = "Told everybody?"
[[stage]]
name = "Here"
steps = ["tests"]
[[stage]]
name = "Staging"
env = "staging"
steps = ["code"]
[[stage]]
name = "Production"
env = "production"
steps = ["told", "code", "tag"]
"#;

struct Folders {
    _root: tempfile::TempDir,
    root: PathBuf,
    commit: String,
}

impl Folders {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let mut project = Self {
            _root: folder,
            root,
            commit: String::new(),
        };
        for part in ["home", "run", "project/hosts/stg", "project/hosts/web1"] {
            fs::create_dir_all(project.root.join(part)).unwrap();
        }
        fs::write(project.path("project/releases.toml"), CHECKLIST).unwrap();
        for arguments in [
            &["init", "-q", "-b", "main"][..],
            &["config", "user.name", "Ada"],
            &["config", "user.email", "ada@example.com"],
            &["add", "releases.toml"],
            &["commit", "-qm", "first"],
        ] {
            assert!(
                project
                    .command("git")
                    .args(arguments)
                    .status()
                    .unwrap()
                    .success()
            );
        }
        let head = project
            .command("git")
            .args(["rev-parse", "HEAD"])
            .output()
            .unwrap();
        String::from_utf8(head.stdout)
            .unwrap()
            .trim()
            .clone_into(&mut project.commit);
        project
    }

    fn path(&self, part: &str) -> PathBuf {
        self.root.join(part)
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path("project"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::null());
        command
    }

    fn golive(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_golive"));
        command.args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.golive(arguments).output().unwrap()
    }

    /// The only run's folder.
    fn run_folder(&self) -> PathBuf {
        let projects = self.path("home/.local/state/golive");
        let project = only(&projects, |_| true);
        only(&project.join("runs"), |_| true)
    }

    fn run_id(&self) -> String {
        let folder = self.run_folder();
        folder.file_name().unwrap().to_str().unwrap().to_owned()
    }
}

fn only(folder: &Path, wanted: impl Fn(&Path) -> bool) -> PathBuf {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut entries: Vec<PathBuf> = entries.filter(|path| wanted(path)).collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.remove(0)
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_decision_that_the_run_never_asks_for_is_a_usage_error_and_starts_nothing() {
    let project = Folders::new();
    for (arguments, says) in [
        (
            ["--approve", "staging=abcdef0"],
            "--approve names `staging`, which is not a gate of this run",
        ),
        (
            ["--approve", "produktion=abcdef0"],
            "did you mean `production`?",
        ),
        (
            ["--confirm", "code"],
            "--confirm names `code`, which is not a question of this run",
        ),
    ] {
        let output = project.run(&[&["deploy"][..], &arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{}", err(&output));
        assert!(err(&output).contains(says), "{}", err(&output));
    }
    assert!(out(&project.run(&["runs"])).contains("no runs"));
    let wrong = project.run(&["deploy", "--approve", "production=deadbeef"]);
    assert_eq!(wrong.status.code(), Some(3), "{}", err(&wrong));
    assert!(out(&project.run(&["runs"])).contains("no runs"));
}

#[test]
fn a_resumed_run_knows_the_names_of_its_decisions_too() {
    let project = Folders::new();
    assert_eq!(project.run(&["deploy"]).status.code(), Some(3));
    let wrong = project.run(&["resume", "--confirm", "tolt"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        err(&wrong).contains("did you mean `told`?"),
        "{}",
        err(&wrong)
    );
    let approval = format!("production={}", &project.commit[..7]);
    let asked = project.run(&["resume", "--approve", &approval]);
    assert_eq!(asked.status.code(), Some(3), "{}", err(&asked));
    assert!(err(&asked).contains("--confirm told"), "{}", err(&asked));
    let done = project.run(&["resume", "--confirm", "told"]);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    // Nothing is left to do, and a stream of events says so by being empty.
    let run = project.run_id();
    let again = project.run(&["resume", &run, "--json"]);
    assert_eq!((again.status.code(), out(&again)), (Some(0), String::new()));
}

#[test]
fn a_full_disk_behind_standard_output_ends_the_printing_and_not_the_run() {
    let project = Folders::new();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let approval = format!("production={}", project.commit);
    let output = project
        .golive(&["deploy", "--approve", &approval, "--confirm", "told"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(err(&output).contains("the run goes on"), "{}", err(&output));
}

#[test]
fn a_step_that_failed_before_its_golive_died_is_tried_again_by_a_resume() {
    let project = Folders::new();
    fs::write(project.path("fail"), "").unwrap();
    assert_eq!(project.run(&["deploy"]).status.code(), Some(1));
    // As if it had been killed when the failure was recorded and nothing decided yet.
    let journal = project.run_folder().join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let kept: Vec<&str> = text
        .split_inclusive('\n')
        .take_while(|line| !line.contains("decision_taken"))
        .collect();
    assert!(kept.last().unwrap().contains("task_failed"), "{text}");
    fs::File::create(&journal)
        .unwrap()
        .write_all(kept.concat().as_bytes())
        .unwrap();
    fs::remove_file(project.path("fail")).unwrap();
    let resumed = project.run(&["resume"]);
    assert_eq!(
        resumed.status.code(),
        Some(3),
        "{}{}",
        out(&resumed),
        err(&resumed)
    );
    assert!(
        out(&resumed).contains("GATE: production"),
        "{}",
        out(&resumed)
    );
    assert!(
        !out(&resumed).contains("decision: stop"),
        "{}",
        out(&resumed)
    );
}

#[test]
fn a_question_on_a_terminal_ends_when_golive_is_told_to_end() {
    let project = Folders::new();
    let words = [env!("CARGO_BIN_EXE_golive"), "deploy", "--plain"].map(Into::into);
    let environment: Vec<(String, std::ffi::OsString)> = [
        ("PATH", std::env::var_os("PATH").unwrap()),
        ("TERM", "xterm".into()),
        ("HOME", project.path("home").into()),
        ("XDG_RUNTIME_DIR", project.path("run").into()),
        ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
        ("GIT_CONFIG_NOSYSTEM", "1".into()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let mut terminal = Terminal::run(&words, &project.path("project"), &environment, (120, 36));
    terminal.shows("nothing to leave the run at the gate");
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.ended(), 3);
    let resumed = project.run(&["runs"]);
    assert!(out(&resumed).contains("at the production gate"));
}

#[test]
fn a_run_with_a_step_that_may_be_running_is_not_deleted() {
    let project = Folders::new();
    assert_eq!(project.run(&["deploy"]).status.code(), Some(3));
    let (run, folder) = (project.run_id(), project.run_folder());
    // As if it had been killed while its first step ran.
    let journal = folder.join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let started = lines.iter().position(|line| line.contains("task_started"));
    fs::write(&journal, lines[..=started.unwrap()].concat()).unwrap();
    let kept = project.run(&["runs", "remove", &run]);
    assert_eq!(kept.status.code(), Some(1));
    assert!(
        err(&kept).contains("may still be running"),
        "{}",
        err(&kept)
    );
    assert!(folder.is_dir());
    // At its gate nothing runs.
    assert_eq!(project.run(&["resume", &run]).status.code(), Some(3));
    assert!(project.run(&["runs", "remove", &run]).status.success());
    assert!(!folder.exists());
}

/// A step that fails until it is mended, on two hosts that are folders; then one more.
const FRAGILE: &str = r#"
[project]
name = "folders"
[release]
remote = false
[env.live]
via = "local"
gate = "none"
hosts = { one = { dir = "hosts/stg" }, two = { dir = "hosts/web1" } }
[step.code]
run = "echo trying; test -e ~/mended"
on = "all"
[step.last]
run = "echo last on $GOLIVE_HOST"
on = "all"
[[stage]]
name = "Live"
env = "live"
steps = ["code", "last"]
"#;

impl Folders {
    fn with(checklist: &str) -> Self {
        let project = Self::new();
        fs::write(project.path("project/releases.toml"), checklist).unwrap();
        project
    }

    /// golive in a terminal, without a screen.
    fn terminal(&self, arguments: &[&str]) -> Terminal {
        let mut words = vec![env!("CARGO_BIN_EXE_golive").into()];
        words.extend(arguments.iter().map(std::ffi::OsString::from));
        let environment: Vec<(String, std::ffi::OsString)> = [
            ("PATH", std::env::var_os("PATH").unwrap()),
            ("TERM", "xterm".into()),
            ("HOME", self.path("home").into()),
            ("XDG_RUNTIME_DIR", self.path("run").into()),
            ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
            ("GIT_CONFIG_NOSYSTEM", "1".into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        Terminal::run(&words, &self.path("project"), &environment, (150, 60))
    }

    fn journal(&self) -> String {
        fs::read_to_string(self.run_folder().join("journal.jsonl")).unwrap()
    }
}

#[test]
fn at_a_failure_a_person_sees_what_each_choice_comes_to() {
    let project = Folders::with(FRAGILE);
    let mut terminal = project.terminal(&["deploy", "--plain"]);
    terminal.asks("number:");
    for line in [
        "live/code@one failed: exit 1",
        "1 retry: all 2 tasks",
        "then: starts live/code on one, two; locked: live",
        "2 skip: all 2 tasks",
        "then: starts live/last on one, two; never runs live/code on one, two; locked: live",
        "4 decide about one of them alone",
        "5 stop the run",
        "then: the run ends as failed; asks whether live stays locked",
    ] {
        terminal.shows(line);
    }
    // One of them alone: its host may be left out.
    terminal.keys("4\r");
    terminal.asks("number (nothing goes back):");
    terminal.keys("2\r");
    terminal.shows("4 leave two of live out for the rest of the run");
    terminal.shows("then: starts nothing for now; never runs live/code on two and live/last on two; locked: live");
    terminal.asks("number:");
    terminal.keys("4\r");
    terminal.asks("why (kept with the run; nothing goes back):");
    terminal.keys("its disk is full\r");
    terminal.shows("decision: leave out two of live, and with it live/code@two, live/last@two");
    // The other one is asked about on its own, and is the last host there is.
    terminal.shows("not now: one cannot be left out: it is the last host of live");
    terminal.shows("1 retry: live/code@one");
    terminal.asks("number:");
    terminal.keys("2\r");
    terminal.asks("why (kept with the run; nothing goes back):");
    terminal.keys("not today\r");
    terminal.shows("last on one");
    assert_eq!(terminal.ended(), 0);
    terminal.shows("locks: live released");
    let journal = project.journal();
    assert!(journal.contains("\"decision\":\"leave_out\""), "{journal}");
    assert!(
        journal.contains("\"reason\":\"its disk is full\""),
        "{journal}"
    );
    assert!(journal.contains("\"decision\":\"skip\""), "{journal}");
}

#[test]
fn a_run_that_is_stopped_by_a_person_keeps_its_locks_when_they_say_so() {
    let project = Folders::with(FRAGILE);
    let mut terminal = project.terminal(&["deploy", "--plain"]);
    terminal.shows("5 stop the run");
    terminal.keys("5\r");
    terminal.shows("keep live locked? yes or no:");
    terminal.keys("yes\r");
    assert_eq!(terminal.ended(), 1);
    terminal.shows("locks: live kept, golive lock live --release gives it back");
    let looked = project.run(&["lock", "live"]);
    assert_eq!(looked.status.code(), Some(0), "{}", err(&looked));
    let run = project.run_id();
    assert!(
        out(&looked).contains(&format!("for run {run}")),
        "{}",
        out(&looked)
    );
    let released = project.run(&["lock", "live", "--release"]);
    assert_eq!(released.status.code(), Some(0), "{}", err(&released));
    assert!(
        out(&released).contains("live is not locked"),
        "{}",
        out(&released)
    );
}

#[test]
fn an_unknown_end_is_asked_about_with_what_is_known() {
    let lost = FRAGILE.replace(
        "echo trying; test -e ~/mended",
        "echo halfway there; if [ $GOLIVE_HOST = one ] && [ $GOLIVE_ATTEMPT = 1 ]; then kill -9 $PPID; kill -9 $$; fi",
    );
    let project = Folders::with(&lost);
    let mut terminal = project.terminal(&["deploy", "--plain"]);
    for line in [
        "nobody can tell how live/code@one ended:",
        "ago",
        "its last lines:",
        "| halfway there",
        "1 run again: live/code@one",
        "3 count as done: live/code@one",
    ] {
        terminal.shows(line);
    }
    terminal.keys("3\r");
    terminal.asks("nothing goes back):");
    terminal.keys("it says so itself\r");
    terminal.shows("last on two");
    assert_eq!(terminal.ended(), 0);
    assert!(project.journal().contains("count_as_done"));
}

/// The launcher of this machine is broken by the first attempt of a step that may be run again.
const BREAKING: &str = r#"
[project]
name = "folders"
[release]
remote = false
[step.breaks]
run = '''
[ $GOLIVE_ATTEMPT = 1 ] || { echo mended; exit 0; }
cd "$HOME"/.local/state/golive/*/
mv launcher launcher.gone; echo >launcher
kill -9 $PPID; kill -9 $$
'''
idempotent = true
[[stage]]
name = "Here"
steps = ["breaks"]
"#;

#[test]
fn a_machine_that_starts_nothing_says_so_and_goes_on_when_it_can() {
    let project = Folders::with(BREAKING);
    let mut terminal = project.terminal(&["deploy", "--plain"]);
    terminal.shows("this machine starts nothing: ");
    terminal.shows("asked again in ");
    let state = only(&project.path("home/.local/state/golive"), |_| true);
    // At once: where nothing is golive would make a launcher anew.
    let [broken, whole] = ["launcher", "launcher.gone"].map(|name| state.join(name));
    renameat_with(CWD, broken, CWD, whole, RenameFlags::EXCHANGE).unwrap();
    terminal.shows("breaks | mended");
    assert_eq!(terminal.ended(), 0);
}
