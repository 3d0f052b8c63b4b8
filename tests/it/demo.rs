//! The demo's hosts with the system's real `ssh`, and its application deployed by hand.
//!
//! Each test makes a demo of its own in a temporary folder, and ends it; what must not be left is looked for by the
//! demo's mark. Nothing here goes through golive's engine.

#![expect(
    clippy::unwrap_used,
    reason = "preparations of tests may panic as tests do"
)]

use golive::domain::secret::Vault;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use golive::app::demo::{Demo, DemoError, Pace, Settings, application, processes};
use golive::domain::action::CommandLine;
use golive::domain::id::{Attempt, RunId, TaskId};
use golive::domain::run::Identity;
use golive::edge::launcher::{self, Base, Channel, Channels, Request};
use golive::port::{Launch, LaunchError, Sink};

/// How long anything may take before a test gives up.
const DEADLINE: Duration = Duration::from_secs(30);

/// A demo whose servers are up, and the runtime they run on.
struct Playground {
    runtime: tokio::runtime::Runtime,
    demo: Option<Demo>,
    id: OsString,
    root: PathBuf,
}

impl Playground {
    fn start() -> Self {
        Self::of(Demo::make(&settings(None)).unwrap())
    }

    fn of(mut demo: Demo) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(demo.servers_up()).unwrap();
        let id = demo
            .environment()
            .into_iter()
            .find(|(name, _)| name == processes::MARK)
            .unwrap()
            .1;
        let root = demo.root().to_owned();
        Self {
            runtime,
            demo: Some(demo),
            id,
            root,
        }
    }

    fn demo(&self) -> &Demo {
        self.demo.as_ref().unwrap()
    }

    /// The system's ssh, told of this demo only.
    fn ssh(&self, words: &[&str]) -> Command {
        let mut command = Command::new("ssh");
        command
            .arg("-F")
            .arg(self.demo().ssh_config())
            .args(["-o", "BatchMode=yes"])
            .args(words)
            .env("HOME", &self.root)
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, host: &str, line: &str) -> Output {
        self.ssh(&[host, line]).output().unwrap()
    }

    fn text(&self, host: &str, line: &str) -> String {
        let output = self.run(host, line);
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn end(mut self) {
        self.runtime
            .block_on(self.demo.take().unwrap().shutdown())
            .unwrap();
        let left = processes::of_demo(self.id.to_str().unwrap(), &self.root);
        assert_eq!(left, Vec::<i32>::new());
    }
}

fn settings(dir: Option<PathBuf>) -> Settings {
    Settings {
        dir,
        pace: Pace::Fast,
        program: PathBuf::from(env!("CARGO_BIN_EXE_golive")),
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A shell line that prints this many numbers, 60,000 digits each.
fn printing(numbers: u32) -> String {
    format!("i=0; while [ $i -lt {numbers} ]; do printf '%060000d' $i; i=$((i+1)); done")
}

#[test]
fn a_command_runs_in_the_hosts_home_with_a_clean_environment() {
    let playground = Playground::start();
    let home = playground.root.join("hosts/web1");
    let text = playground.text("web1", "pwd; echo $HOME; echo err >&2");
    assert_eq!(text, format!("{0}\n{0}\n", home.display()));
    let names = playground.text("web1", "env | cut -d = -f 1 | sort");
    let expected =
        "GOLIVE_DEMO GOLIVE_DEMO_LOCK GOLIVE_DEMO_PACE HOME LANG LOGNAME PATH SHELL USER";
    let known: Vec<&str> = names
        .lines()
        .filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name))
        .collect();
    assert_eq!(known.join(" "), expected);
    playground.end();
}

#[test]
fn exit_status_and_signal_and_both_outputs_come_back() {
    let playground = Playground::start();
    let output = playground.run("web2", "echo out; echo err >&2; sh -c 'exit 7'");
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(
        (output.stdout.as_slice(), output.stderr.as_slice()),
        (b"out\n".as_slice(), b"err\n".as_slice())
    );
    // The ssh client exits with 255 when it was told of a signal instead of a status.
    assert_eq!(
        playground.run("web2", "kill -TERM $$").status.code(),
        Some(255)
    );
    assert_eq!(playground.run("web2", "exit 255").status.code(), Some(255));
    assert_eq!(playground.run("web2", ":").status.code(), Some(0));
    playground.end();
}

#[test]
fn input_ends_where_the_client_ends_it() {
    let playground = Playground::start();
    let mut child = playground
        .ssh(&["web1", "cat; echo end"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"payload\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"payload\nend\n");
    playground.end();
}

#[test]
fn much_input_and_much_output_at_once_arrive_whole() {
    let playground = Playground::start();
    let payload: Vec<u8> = (0..12_000_000_u32)
        .flat_map(|n| [n as u8, (n >> 8) as u8])
        .collect();
    let mut child = playground
        .ssh(&["web1", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let sent = payload.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&sent).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    assert!(output.stdout == payload);
    playground.end();
}

#[test]
fn thirty_megabytes_arrive_byte_for_byte_in_a_client_that_pauses() {
    let playground = Playground::start();
    let mut child = playground
        .ssh(&["web1", &printing(500)])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut received = vec![0; 60_000];
    stdout.read_exact(&mut received).unwrap();
    // Nobody reads for now: another session of the same host must not care.
    assert_eq!(playground.text("web1", "echo free"), "free\n");
    stdout.read_to_end(&mut received).unwrap();
    assert!(child.wait().unwrap().success());
    let expected: Vec<u8> = (0..500)
        .flat_map(|n| format!("{n:060000}").into_bytes())
        .collect();
    assert!(received == expected);
    playground.end();
}

#[test]
fn one_master_carries_many_sessions_and_keepalives() {
    let playground = Playground::start();
    let socket = playground.root.join("m");
    let socket = socket.to_str().unwrap();
    let mut master = playground
        .ssh(&[
            "-M",
            "-N",
            "-S",
            socket,
            "-o",
            "ServerAliveInterval=1",
            "web1",
        ])
        .spawn()
        .unwrap();
    wait_until("the master listens", || {
        let check = playground
            .ssh(&["-S", socket, "-O", "check", "web1"])
            .output();
        check.unwrap().status.success()
    });
    let gate = playground.root.join("hosts/web1/gate");
    let sessions: Vec<_> = (0..12)
        .map(|number| {
            let line =
                format!("until [ -e gate ]; do sleep 0.05; done; echo {number}; exit {number}");
            let mut session = playground.ssh(&["-S", socket, "web1", &line]);
            session.stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    wait_until("all sessions wait", || {
        playground
            .text("web1", "ps -e -o args | grep -c '^/bin/sh -c until'")
            .trim()
            == "12"
    });
    std::fs::write(gate, "").unwrap();
    for (number, session) in sessions.into_iter().enumerate() {
        let output = session.wait_with_output().unwrap();
        assert_eq!(output.status.code(), i32::try_from(number).ok());
        assert_eq!(output.stdout, format!("{number}\n").into_bytes());
    }
    let exit = playground
        .ssh(&["-S", socket, "-O", "exit", "web1"])
        .output()
        .unwrap();
    assert!(exit.status.success());
    master.wait().unwrap();
    playground.end();
}

#[test]
fn only_the_demos_key_is_let_in_and_only_the_demos_hosts_are_trusted() {
    let playground = Playground::start();
    let other = playground.root.join("keys/web1");
    let bare = |extra: &[&str]| {
        let config = std::fs::read_to_string(playground.demo().ssh_config()).unwrap();
        let port = config
            .split("Host web1\n  Port ")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap();
        let known = format!(
            "UserKnownHostsFile={}",
            playground.root.join("known_hosts").display()
        );
        let mut command = Command::new("ssh");
        command
            .args([
                "-F",
                "none",
                "-o",
                "BatchMode=yes",
                "-o",
                "IdentitiesOnly=yes",
                "-p",
                port,
            ])
            .args(["-o", "StrictHostKeyChecking=yes", "-o", &known])
            .args(extra)
            .args(["demo@127.0.0.1", "echo in"])
            .env("HOME", &playground.root)
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, said) = bare(&["-o", "HostKeyAlias=web1", "-i", other.to_str().unwrap()]);
    assert_eq!(code, Some(255));
    assert!(said.contains("Permission denied (publickey)"), "{said}");
    let client = playground.root.join("keys/client");
    let client = client.to_str().unwrap();
    let (code, said) = bare(&["-o", "HostKeyAlias=web2", "-i", client]);
    assert_eq!(code, Some(255));
    assert!(said.contains("Host key verification failed"), "{said}");
    let (code, _) = bare(&["-o", "HostKeyAlias=stranger", "-i", client]);
    assert_eq!(code, Some(255));
    assert_eq!(bare(&["-o", "HostKeyAlias=web1", "-i", client]).0, Some(0));
    playground.end();
}

#[test]
fn a_host_runs_commands_and_nothing_else() {
    let playground = Playground::start();
    let shell = playground.ssh(&["-T", "web1"]).output().unwrap();
    assert_ne!(shell.status.code(), Some(0));
    let sftp = playground.ssh(&["-s", "web1", "sftp"]).output().unwrap();
    assert_ne!(sftp.status.code(), Some(0));
    let terminal = playground.ssh(&["-tt", "web1", "tty"]).output().unwrap();
    assert!(
        !String::from_utf8_lossy(&terminal.stdout).contains("/dev/"),
        "{terminal:?}"
    );
    let forward = playground
        .ssh(&["-W", "127.0.0.1:1", "web1"])
        .output()
        .unwrap();
    assert_ne!(forward.status.code(), Some(0));
    let back = [
        "-N",
        "-R",
        "0:127.0.0.1:1",
        "-o",
        "ExitOnForwardFailure=yes",
        "web1",
    ];
    assert_ne!(
        playground.ssh(&back).output().unwrap().status.code(),
        Some(0)
    );
    playground.end();
}

#[test]
fn what_a_command_detached_outlives_its_client_and_not_the_demo() {
    let playground = Playground::start();
    // `wait` and no loop of programs: dash loses a signal that comes while it starts one.
    let line = "(trap '' HUP; while :; do sleep 1; done) >/dev/null 2>&1 </dev/null & echo $! >detached; \
                trap 'echo hung >hup; exit' HUP; echo ready; wait";
    let mut client = playground
        .ssh(&["web2", line])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0; 6];
    client
        .stdout
        .take()
        .unwrap()
        .read_exact(&mut ready)
        .unwrap();
    client.kill().unwrap();
    client.wait().unwrap();
    let home = playground.root.join("hosts/web2");
    wait_until("the command is hung up", || home.join("hup").exists());
    let detached = std::fs::read_to_string(home.join("detached")).unwrap();
    let detached: i32 = detached.trim().parse().unwrap();
    assert!(playground.demo().processes().contains(&detached));
    playground.end();
}

/// golive's launcher over the plain ssh client.
struct OverSsh<'a>(&'a Playground);

impl Channels for OverSsh<'_> {
    async fn open(&self, request: &Request) -> Result<Channel, LaunchError> {
        let mut command = tokio::process::Command::from(self.0.ssh(&["web1", &request.line()]));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Ok(Channel {
            stdin: Box::new(child.stdin.take().unwrap()),
            stdout: Box::new(child.stdout.take().unwrap()),
            stderr: Box::new(child.stderr.take().unwrap()),
            exit: Box::pin(async move { child.wait().await.ok()?.code() }),
            keep: None,
        })
    }

    fn name(&self) -> String {
        "web1".to_owned()
    }

    async fn broken(&self, why: &str, _fruitless: u32) -> Result<(), LaunchError> {
        panic!("the connection to a demo host broke: {why}");
    }
}

/// Output as it came.
struct Received(Vec<u8>);

impl Sink for Received {
    fn take(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn offset(&self) -> u64 {
        self.0.len() as u64
    }
}

fn launch(identity: &Identity, task: &str, script: &str) -> Launch {
    Launch {
        run: RunId::new("r1"),
        task: TaskId::new(task),
        attempt: Attempt(1),
        place: None,
        identity: identity.clone(),
        command: CommandLine {
            script: script.to_owned(),
            cwd: None,
            env: [("GREETING".to_owned(), "it's here".to_owned())].into(),
            record: false,
            secrets: Vec::new(),
        },
        secrets: Vault::default(),
        timeout_s: None,
        grace_s: 5,
        fence: None,
    }
}

#[test]
fn golives_launcher_works_on_a_demo_host_and_its_steps_end_with_the_demo() {
    let playground = Playground::start();
    let host = OverSsh(&playground);
    let mut received = Received(Vec::new());
    playground.runtime.block_on(async {
        let hello = launcher::ask_hello(&host).await.unwrap();
        let task = launch(
            &hello.identity,
            "staging/code@web1",
            "echo \"$GREETING\"; pwd; exit 3",
        );
        launcher::start(&host, &task, &Base::Home, &mut received)
            .await
            .unwrap();
        let home = playground.root.join("hosts/web1");
        let expected = format!("it's here\n{}\n", home.display());
        assert_eq!(String::from_utf8_lossy(&received.0), expected);
        let script = "echo $$ >pid.new; mv pid.new pid; while :; do sleep 1; done";
        let endless = launch(&hello.identity, "staging/wait@web1", script);
        let mut nothing = Received(Vec::new());
        let begun = async {
            while !home.join("pid").exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        // The follower is dropped in the middle, as a console that is closed drops it.
        tokio::select! {
            standing = launcher::start(&host, &endless, &Base::Home, &mut nothing) => panic!("{standing:?}"),
            () = begun => {}
        }
    });
    let pid = std::fs::read_to_string(playground.root.join("hosts/web1/pid")).unwrap();
    let pid: i32 = pid.trim().parse().unwrap();
    assert!(playground.demo().processes().contains(&pid));
    playground.end();
}

/// Runs a step's command on a host as a task would: in its home, with the step's variables.
fn step(playground: &Playground, host: &str, commit: &str, line: &str) -> String {
    let port = playground
        .demo()
        .sites()
        .into_iter()
        .find(|(name, _)| name == host)
        .unwrap()
        .1;
    let port = port
        .trim_end_matches('/')
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    let database = if host == "web2" {
        "../web1/db/board.db"
    } else {
        "db/board.db"
    };
    playground.text(
        host,
        &format!(
            "export PORT={port} DATABASE={database} GOLIVE_COMMIT={commit} GOLIVE_RUN=r1 ARTIFACTS={}/artifacts; {line}",
            playground.root.display()
        ),
    )
}

/// Runs a command of the checklist on this machine, in the project.
fn here(project: &Path, commit: &str, line: &str) -> Output {
    Command::new("sh")
        .args(["-c", line])
        .current_dir(project)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GOLIVE_DEMO_PACE", "0")
        .env("GOLIVE_COMMIT", commit)
        .output()
        .unwrap()
}

#[test]
fn the_application_is_served_and_a_deploy_by_hand_changes_it() {
    let playground = Playground::start();
    let project = playground.demo().project_root();
    let git = |line: &str| {
        let output = here(&project, "", line);
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let (head, live) = (git("git rev-parse HEAD"), git("git rev-parse LIVE^0"));
    let sites = playground.demo().sites();
    for (_, site) in &sites {
        let page = application::get(site).unwrap();
        assert!(
            page.contains("version 1.2.0") && page.contains("schema 2"),
            "{page}"
        );
        assert!(page.contains(&live[..12]), "{page}");
    }
    let tests = here(&project, &head, "sh tests/run.sh");
    assert!(tests.status.success(), "{tests:?}");
    let build = here(
        &project,
        &head,
        "sh ops/build.sh \"$GOLIVE_COMMIT\" ../artifacts",
    );
    assert!(build.status.success(), "{build:?}");
    for host in ["web1", "web2"] {
        step(
            &playground,
            host,
            &head,
            "sh \"$ARTIFACTS/$GOLIVE_COMMIT/ops/install.sh\"",
        );
    }
    step(
        &playground,
        "web1",
        &head,
        "sh app/releases/$GOLIVE_COMMIT/ops/migrate.sh db/board.db",
    );
    for host in ["web1", "web2"] {
        let said = step(
            &playground,
            host,
            &head,
            "sh app/releases/$GOLIVE_COMMIT/ops/switch.sh",
        );
        assert!(said.contains("serving 1.3.0"), "{said}");
    }
    for (name, site) in &sites {
        let page = application::get(site).unwrap();
        let (version, schema) = if name == "staging" {
            ("1.2.0", "2")
        } else {
            ("1.3.0", "3")
        };
        assert!(
            page.contains(&format!("version {version}")),
            "{name}: {page}"
        );
        assert!(page.contains(&format!("schema {schema}")), "{name}: {page}");
    }
    let addresses: Vec<&str> = sites[1..]
        .iter()
        .map(|(_, site)| site.trim_end_matches('/'))
        .collect();
    let line = format!("sh tests/functional.sh {}", addresses.join(" "));
    let functional = here(&project, &head, &line);
    let said = String::from_utf8_lossy(&functional.stdout);
    assert!(said.contains("12 checks passed, 0 failed"), "{said}");
    let wrong = here(
        &project,
        &head,
        &format!(
            "sh tests/functional.sh {}",
            sites[0].1.trim_end_matches('/')
        ),
    );
    assert_eq!(wrong.status.code(), Some(1));
    playground.end();
}

#[test]
fn the_project_has_a_history_and_everything_is_pushed() {
    let demo = Demo::make(&settings(None)).unwrap();
    let project = demo.project_root();
    let git = |line: &str| {
        let output = here(&project, "", line);
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(git("git status --porcelain"), "");
    assert_eq!(git("git rev-list --count HEAD"), "13\n");
    assert_eq!(git("git rev-list --count LIVE..HEAD"), "4\n");
    assert_eq!(git("git tag -l 'DEPLOYED-*'").lines().count(), 3);
    assert_eq!(
        git("git for-each-ref --format='%(objecttype)' 'refs/tags/DEPLOYED-*/*' | uniq"),
        "tag\n"
    );
    assert_eq!(git("git log --format=%an | sort -u").lines().count(), 3);
    let body =
        git("git tag -l --format='%(contents)' --sort=-taggerdate --points-at LIVE 'DEPLOYED-*'");
    let note = golive::domain::release::read_body(&body).unwrap();
    assert_eq!(
        note.commit.unwrap().as_str(),
        git("git rev-parse LIVE").trim()
    );
    assert_eq!(note.downtime_s.len(), 2);
    let local = git("git for-each-ref --format='%(objectname) %(refname)' refs/heads refs/tags");
    let remote = git("git ls-remote --refs origin | tr '\\t' ' '");
    assert_eq!(local, remote);
    let changed = git("git diff --name-only LIVE HEAD -- migrations");
    assert_eq!(changed, "migrations/0003_pinned_until.sh\n");
    let root = demo.root().to_owned();
    drop(demo);
    assert!(!root.exists());
}

#[test]
fn the_checklist_has_no_mistakes_and_names_this_demos_hosts() {
    let demo = Demo::make(&settings(None)).unwrap();
    let text = std::fs::read_to_string(demo.project_root().join("releases.toml")).unwrap();
    assert!(!text.contains('@'), "a place was not filled in: {text}");
    let checklist = golive::domain::checklist::parse::read("releases.toml", &text).unwrap();
    let hosts: Vec<&str> = checklist
        .environments
        .iter()
        .flat_map(|environment| &environment.hosts)
        .map(|host| host.name.as_str())
        .collect();
    assert_eq!(hosts, ["staging", "web1", "web2"]);
    drop(demo);
}

#[test]
fn a_kept_demo_is_opened_again_and_serves_what_was_live() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("kept");
    let first = Playground::of(Demo::make(&settings(Some(dir.clone()))).unwrap());
    let occupied = Demo::open(&dir, &settings(None));
    assert!(matches!(occupied, Err(DemoError::Running(_))));
    let again = Demo::make(&settings(Some(dir.clone())));
    assert!(matches!(again, Err(DemoError::NotEmpty(_))));
    let sites = first.demo().sites();
    first.end();
    assert!(application::get(&sites[1].1).is_err());
    let second = Playground::of(Demo::open(&dir, &settings(None)).unwrap());
    assert_eq!(second.demo().sites(), sites);
    assert!(
        application::get(&sites[1].1)
            .unwrap()
            .contains("version 1.2.0")
    );
    assert_eq!(second.text("staging", "echo up"), "up\n");
    second.end();
    assert!(dir.join("project/releases.toml").exists());
    let empty = Demo::open(folder.path(), &settings(None));
    assert!(matches!(empty, Err(DemoError::NoDemo(_))));
}
