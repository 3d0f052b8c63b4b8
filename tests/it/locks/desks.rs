//! An office: operators with a clone, a home and a golive of their own, who release one project to the same hosts.
//!
//! Here golive is the program itself. Every step notes in a file on its host that it begins and that it ends, and ends
//! when it is let go, so that two at once would be seen. Hosts are folders, or the servers of a fleet.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::fleet::{Fleet, signal};
use crate::support::terminal::Terminal;
use crate::support::workshop::{journal_below, surroundings};

/// How long anything here may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a step notes, and until when it runs: one whose test failed ends with its host.
const STEP: &str = r#"echo "begin $GOLIVE_STEP $GOLIVE_RUN" >>~/trace
until [ -e ~/"$GOLIVE_STEP.go" ]; do [ -d ~ ] || exit 8; sleep 0.02; done
echo "end $GOLIVE_STEP $GOLIVE_RUN" >>~/trace"#;

/// A project with its hosts, a bare remote, and room for desks.
pub(super) struct Office {
    root: TempDir,
    ssh: Option<PathBuf>,
    /// The home folder of each host, `web1` first.
    pub(super) hosts: Vec<PathBuf>,
}

/// Somebody at a machine of their own.
#[derive(Clone)]
pub(super) struct Desk {
    folder: PathBuf,
    name: String,
    ssh: Option<PathBuf>,
}

/// golive at a desk, while it runs.
pub(super) struct Console {
    child: Child,
    out: PathBuf,
}

/// How golive ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    /// What it printed, on both outputs.
    pub(super) text: String,
}

impl Office {
    /// Two hosts that are folders. `{STEP}` in the checklist's steps is what a step does.
    pub(super) fn of_folders(steps: &str) -> Self {
        let root = folder();
        let hosts = ["web1", "web2"].map(|name| root.path().join(name));
        for host in &hosts {
            fs::create_dir(host).unwrap();
        }
        let named = |number: usize| format!("{{ dir = \"{}\" }}", hosts[number].display());
        let head = head("via = \"local\"\n", [named(0), named(1)]);
        let office = Self {
            root,
            ssh: None,
            hosts: hosts.into(),
        };
        office.commit(&head, steps);
        office
    }

    /// Two servers of a fleet.
    pub(super) fn of_servers(fleet: &Fleet, steps: &str) -> Self {
        let hosts = fleet.hosts().iter().map(|host| host.home.clone());
        let office = Self {
            root: folder(),
            ssh: Some(fleet.config()),
            hosts: hosts.collect(),
        };
        let named = ["web1", "web2"].map(|name| format!("{name:?}"));
        office.commit(&head("", named), steps);
        office
    }

    fn commit(&self, head: &str, steps: &str) {
        let seed = self.root.path().join("seed");
        fs::create_dir(&seed).unwrap();
        let steps = steps.replace("{STEP}", &format!("'''\n{STEP}\n'''"));
        fs::write(seed.join("releases.toml"), format!("{head}{steps}")).unwrap();
        self.git("init -q -b main seed");
        self.git("-C seed add -A");
        self.git("-C seed -c user.name=Ada -c user.email=ada@example.org commit -q -m first");
        self.git("clone -q --bare seed origin.git");
    }

    fn git(&self, line: &str) -> String {
        let output = Command::new("git")
            .args(line.split(' '))
            .current_dir(self.root.path())
            .env_clear()
            .envs(surroundings(self.root.path()))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "git {line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Somebody with a clone.
    pub(super) fn desk(&self, name: &str) -> Desk {
        let desk = Desk {
            folder: self.root.path().join(name),
            name: name.to_owned(),
            ssh: self.ssh.clone(),
        };
        for part in ["home", "run"] {
            fs::create_dir_all(desk.folder.join(part)).unwrap();
        }
        self.git(&format!("clone -q origin.git {name}/project"));
        desk
    }

    /// Eight of them.
    pub(super) fn eight(&self) -> Vec<Desk> {
        let desks = (1..=8).map(|number| self.desk(&format!("desk{number}")));
        desks.collect()
    }

    /// From now on nobody knows of a remote.
    pub(super) fn forget_the_remote(&self, desks: &[Desk]) {
        for desk in desks {
            self.git(&format!("-C {}/project remote remove origin", desk.name));
        }
    }

    /// The refs of locks on the remote.
    pub(super) fn refs(&self) -> String {
        self.git("-C origin.git for-each-ref refs/golive")
    }

    /// Lets a step end on all hosts.
    pub(super) fn let_go(&self, step: &str) {
        for host in &self.hosts {
            fs::write(host.join(format!("{step}.go")), "").unwrap();
        }
    }

    /// Has a step wait again.
    pub(super) fn hold(&self, step: &str) {
        for host in &self.hosts {
            fs::remove_file(host.join(format!("{step}.go"))).unwrap();
        }
    }

    /// What was noted on a host.
    pub(super) fn trace(&self, host: usize) -> Vec<String> {
        let text = fs::read_to_string(self.hosts[host].join("trace")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The runs that began a step on a host, in order; sees that none began before the one before had ended.
    #[track_caller]
    pub(super) fn in_turn(&self, host: usize) -> Vec<String> {
        let trace = self.trace(host);
        for pair in trace.chunks(2) {
            let begun = pair[0].strip_prefix("begin ");
            let ended = pair.get(1).and_then(|line| line.strip_prefix("end "));
            assert!(begun.is_some() && begun == ended, "overlap: {trace:#?}");
        }
        let begun = trace.iter().step_by(2);
        let run = |line: &String| line.rsplit(' ').next().unwrap().to_owned();
        begun.map(run).collect()
    }

    /// Sees that no lock is held anywhere, and that nothing is left of those who had it: of every environment each host
    /// keeps the closed epoch of the highest number, without claims that are not over.
    #[track_caller]
    pub(super) fn is_free(&self) {
        assert_eq!(self.refs(), "", "a lock is left on the remote");
        for host in &self.hosts {
            let locks = host.join(".golive/lock");
            for lock in fs::read_dir(locks).into_iter().flatten().flatten() {
                let epochs = names(&lock.path());
                let [epoch] = &epochs[..] else {
                    panic!("{}: {epochs:?}", lock.path().display());
                };
                assert!(epoch.ends_with(".closed"), "{epoch}");
                for claim in names(&lock.path().join(epoch)) {
                    let is_ended = claim.starts_with('.')
                        || fs::read_to_string(
                            host.join(".golive/run").join(format!("{claim}.rec")),
                        )
                        .is_ok_and(|record| record.contains("\n rc="));
                    assert!(is_ended, "{}: {claim}", lock.path().display());
                }
            }
        }
    }
}

impl Desk {
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.environment())
            .current_dir(self.folder.join("project"))
            .stdin(Stdio::null());
        command
    }

    fn environment(&self) -> Vec<(String, OsString)> {
        let mut environment = surroundings(&self.folder);
        environment.retain(|(name, _)| name != "USER" && name != "LOGNAME");
        let mut more = vec![("USER", OsString::from(&self.name))];
        if let Some(ssh) = &self.ssh {
            more.push(("GOLIVE_SSH_CONFIG", ssh.into()));
        }
        let more = more
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        environment.extend(more);
        environment
    }

    /// Writes a file below its folder.
    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).unwrap();
    }

    /// Starts golive.
    pub(super) fn start(&self, line: &str) -> Console {
        let number = fs::read_dir(&self.folder).unwrap().count();
        let out = self.folder.join(format!("{number}.out"));
        let file = fs::File::options()
            .create_new(true)
            .append(true)
            .open(&out)
            .unwrap();
        let child = self
            .command(env!("CARGO_BIN_EXE_golive"))
            .args(line.split(' '))
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Console { child, out }
    }

    /// Runs golive to its end.
    pub(super) fn golive(&self, line: &str) -> Ended {
        self.start(line).end()
    }

    /// Runs golive to its end, which must be this exit code.
    #[track_caller]
    pub(super) fn ends(&self, code: i32, line: &str) -> Ended {
        let ended = self.golive(line);
        ended.is(code);
        ended
    }

    /// golive in a terminal.
    pub(super) fn terminal(&self, line: &str) -> Terminal {
        let mut words = vec![OsString::from(env!("CARGO_BIN_EXE_golive"))];
        words.extend(line.split(' ').map(OsString::from));
        let folder = self.folder.join("project");
        Terminal::run(&words, &folder, &self.environment(), (150, 60))
    }

    /// `golive lock ENV --json`.
    pub(super) fn lock(&self, env: &str) -> Value {
        let output = self
            .command(env!("CARGO_BIN_EXE_golive"))
            .args(["lock", env, "--json"])
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// The id of a lock that somebody holds.
    pub(super) fn lock_id(&self, env: &str) -> String {
        let lock = self.lock(env);
        assert_eq!(lock["held"], true, "{lock}");
        lock["id"].as_str().unwrap().to_owned()
    }

    /// The lines of all its journals.
    pub(super) fn journal(&self) -> Vec<Value> {
        journal_below(&self.folder.join("home/.local/state"))
    }

    /// The outcomes of its runs that have ended, and how many have not.
    pub(super) fn outcomes(&self) -> (Vec<String>, usize) {
        let journal = self.journal();
        let begun = journal.iter().filter(|line| line["seq"] == 1).count();
        let ended = journal
            .iter()
            .filter(|line| line["event"] == "run_finished");
        let ended: Vec<String> = ended
            .map(|line| line["outcome"].as_str().unwrap().to_owned())
            .collect();
        let unfinished = begun - ended.len();
        (ended, unfinished)
    }

    /// The runs it ever began, in no order.
    pub(super) fn runs(&self) -> Vec<String> {
        let state = self.folder.join("home/.local/state/golive");
        let projects = fs::read_dir(state).into_iter().flatten().flatten();
        let runs = projects.map(|project| project.path().join("runs"));
        runs.flat_map(|runs| names(&runs)).collect()
    }

    /// Who works here.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The only run it ever began.
    #[track_caller]
    pub(super) fn run(&self) -> String {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }
}

impl Console {
    /// What it has printed so far.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.out).unwrap()).into_owned()
    }

    /// Waits until it has printed this.
    #[track_caller]
    pub(super) fn has_printed(&self, text: &str) {
        wait_until(
            || format!("{text:?} is printed:\n{}", self.text()),
            || self.text().contains(text),
        );
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, what: Signal) {
        signal(self.child.id().cast_signed(), what);
    }

    /// Kills it.
    pub(super) fn kill(mut self) {
        signal(self.child.id().cast_signed(), Signal::KILL);
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub(super) fn end(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        while !self.has_ended() {
            assert!(Instant::now() < deadline, "golive hangs:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(5));
        }
        Ended {
            code: self.child.wait().unwrap().code(),
            text: self.text(),
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Ended {
    /// Asserts how it ended.
    #[track_caller]
    pub(super) fn is(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}", self.text);
    }

    /// Asserts that these parts were printed.
    #[track_caller]
    pub(super) fn says(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.text.contains(part), "no {part:?} in:\n{}", self.text);
        }
    }
}

fn folder() -> TempDir {
    let builder = &mut tempfile::Builder::new();
    builder.prefix("dk").tempdir_in("/tmp").unwrap()
}

fn head(via: &str, [web1, web2]: [String; 2]) -> String {
    format!(
        "[project]\nname = \"shop\"\n[env.live]\n{via}gate = \"none\"\nhosts = {{ web1 = {web1}, web2 = {web2} }}\n\
         [env.test]\n{via}gate = \"none\"\nhosts = {{ web2 = {web2} }}\n"
    )
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Waits until something can be observed.
#[track_caller]
pub(super) fn wait_until(what: impl Fn() -> String, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {}", what());
        std::thread::sleep(Duration::from_millis(10));
    }
}
