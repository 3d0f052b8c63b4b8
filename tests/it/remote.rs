//! Launching on real OpenSSH servers, through `Sites`, as the engine does it.
//!
//! Everything that can happen to a connection happens here to a real one: servers that end, masters that are killed
//! or frozen, too few sessions, keys that are unknown or have changed. What counts each time: the step runs once, and
//! its output arrives completely and exactly.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use golive::domain::secret::Vault;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use golive::domain::action::{CommandLine, Ending};
use golive::domain::checklist::{Reach, SshRules};
use golive::domain::feed::Link;
use golive::domain::id::{Attempt, EnvName, HostName, RunId, TaskId};
use golive::domain::plan::PlannedHost;
use golive::edge::inquiry;
use golive::edge::ssh::{LinkListener, SiteRules, Sites, ssh_config};
use golive::port::{AttemptKey, Hello, Launch, LaunchError, Launcher, Sink, Standing};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::fleet::{Fleet, hold, signal};
use crate::support::proxy::Proxy;
use crate::support::{far_limit, is_reached};

/// How long anything here may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// A fleet with one `Sites` on it.
struct Ground {
    fleet: Fleet,
    sites: Arc<Sites>,
    links: Arc<Mutex<Vec<(String, Link)>>>,
    folder: TempDir,
}

impl Ground {
    fn new(fleet: Fleet) -> Self {
        let config = fleet.config();
        Self::with_config(fleet, config)
    }

    fn with_config(fleet: Fleet, config: PathBuf) -> Self {
        Self::within(fleet, config, tempfile::tempdir_in("/tmp").unwrap())
    }

    fn within(fleet: Fleet, config: PathBuf, folder: TempDir) -> Self {
        let links: Arc<Mutex<Vec<(String, Link)>>> = Arc::default();
        let heard = Arc::clone(&links);
        let listener: LinkListener = Arc::new(move |_: &EnvName, host: &HostName, link| {
            heard.lock().unwrap().push((host.to_string(), link));
        });
        let hosts: Vec<PlannedHost> = fleet
            .hosts()
            .iter()
            .map(|host| planned(&host.name))
            .chain([planned("nowhere.invalid")])
            .collect();
        let rules = SiteRules {
            project: folder.path().to_owned(),
            local_launcher: folder.path().join("launcher"),
            runtime: folder.path().join("run"),
            ssh_config: Some(config),
            connect_timeout: Duration::from_secs(20),
            patience: PATIENCE,
            hidden: Vec::new(),
        };
        let sites = Arc::new(Sites::new(rules, &hosts, &listener).unwrap());
        Self {
            fleet,
            sites,
            links,
            folder,
        }
    }

    async fn hello(&self, host: &str) -> Hello {
        self.sites.hello(&Some(place(host))).await.unwrap()
    }

    /// Why a host cannot be reached, and what the operator is told to do.
    async fn refusal(&self, host: &str) -> (String, String) {
        match self.sites.hello(&Some(place(host))).await {
            Err(LaunchError::Unreachable { why, help, .. }) => (why, help.unwrap_or_default()),
            other => panic!("{host} should be unreachable: {other:?}"),
        }
    }

    /// Launches `script` on `host` as attempt 1 of a task and follows it to its end, in the background.
    async fn start(&self, host: &str, task: &str, script: &str) -> Step {
        self.launch(host, task, script, None).await
    }

    async fn launch(&self, host: &str, task: &str, script: &str, timeout_s: Option<u64>) -> Step {
        let hello = self.hello(host).await;
        let launch = launch(host, task, script, timeout_s, &hello);
        let sites = Arc::clone(&self.sites);
        let taken = Arc::new(AtomicU64::new(0));
        let mut sink = Memory {
            bytes: Vec::new(),
            taken: Arc::clone(&taken),
        };
        let end = tokio::spawn(async move {
            let standing = sites.start(&launch, &mut sink).await;
            (standing, sink.bytes)
        });
        Step { taken, end }
    }

    /// The masters of this `Sites`, as the system shows them.
    fn masters(&self) -> Vec<i32> {
        masters_below(self.folder.path())
    }

    fn was_lost(&self) -> bool {
        let links = self.links.lock().unwrap();
        links
            .iter()
            .any(|(_, link)| matches!(link, Link::Lost { .. }))
    }

    fn is_connected(&self, host: &str) -> bool {
        let links = self.links.lock().unwrap();
        let last = links.iter().rev().find(|(name, _)| name == host);
        matches!(last, Some((_, Link::Connected(_))))
    }

    /// Ends the connections, and sees that none is left.
    async fn close(self) {
        self.sites.close().await;
        wait_until("the masters end", || self.masters().is_empty()).await;
    }
}

/// A step that runs in the background.
struct Step {
    taken: Arc<AtomicU64>,
    end: tokio::task::JoinHandle<(Result<Standing, LaunchError>, Vec<u8>)>,
}

impl Step {
    async fn has_printed(&self, bytes: u64) {
        wait_until("output arrives", || {
            self.taken.load(Ordering::SeqCst) >= bytes
        })
        .await;
    }

    async fn end(self) -> (Standing, Vec<u8>) {
        let (standing, bytes) = tokio::time::timeout(PATIENCE, self.end)
            .await
            .expect("the step hangs")
            .unwrap();
        (standing.unwrap(), bytes)
    }

    /// The end of a step that must have ended well; returns what it printed.
    async fn printed(self) -> String {
        let (standing, bytes) = self.end().await;
        assert_eq!(standing, ended(0, bytes.len()));
        String::from_utf8(bytes).unwrap()
    }
}

#[derive(Debug)]
struct Memory {
    bytes: Vec<u8>,
    taken: Arc<AtomicU64>,
}

impl Sink for Memory {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        self.taken.store(self.bytes.len() as u64, Ordering::SeqCst);
        Ok(())
    }

    fn offset(&self) -> u64 {
        self.bytes.len() as u64
    }
}

struct Disk {
    file: fs::File,
    taken: u64,
}

impl Sink for Disk {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.taken += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn offset(&self) -> u64 {
        self.taken
    }
}

/// The `ssh` processes that have a control socket below this folder.
fn masters_below(folder: &Path) -> Vec<i32> {
    let socket = format!("-S\0{}", folder.display());
    let is_master = |pid: &i32| {
        fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&socket))
    };
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(is_master)
        .collect()
}

fn planned(name: &str) -> PlannedHost {
    PlannedHost {
        env: EnvName::new("test"),
        name: HostName::new(name),
        reach: Reach::Ssh(name.to_owned()),
        roles: Vec::new(),
    }
}

fn place(host: &str) -> (EnvName, HostName) {
    (EnvName::new("test"), HostName::new(host))
}

fn launch(host: &str, task: &str, script: &str, timeout_s: Option<u64>, hello: &Hello) -> Launch {
    Launch {
        run: RunId::new("20261120-2012-k3"),
        task: TaskId::new(task),
        attempt: Attempt(1),
        place: Some(place(host)),
        identity: hello.identity.clone(),
        command: CommandLine {
            script: script.to_owned(),
            cwd: None,
            env: [("GREETING".to_owned(), "it's \"me\"\n$HOME".to_owned())].into(),
            record: false,
            secrets: Vec::new(),
        },
        secrets: Vault::default(),
        timeout_s,
        grace_s: 5,
        fence: None,
    }
}

fn key(host: &str, task: &str) -> AttemptKey {
    AttemptKey {
        run: RunId::new("20261120-2012-k3"),
        task: TaskId::new(task),
        attempt: Attempt(1),
        place: Some(place(host)),
    }
}

fn ended(code: i32, size: usize) -> Standing {
    Standing::Ended {
        ending: Ending::Exited(code),
        size: size as u64,
    }
}

/// A step that counts up to `last` with a pause of a tenth of a second, and notes each time it is begun.
fn counting(last: u32) -> String {
    format!(
        "echo x >>~/begun; i=0; while [ $i -lt {last} ]; do i=$((i+1)); echo line $i; sleep 0.1; done"
    )
}

fn counted(last: u32) -> String {
    (1..=last).fold(String::new(), |text, line| format!("{text}line {line}\n"))
}

async fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_says_who_it_is_when_it_is_connected() {
    let ground = Ground::new(Fleet::up(1));
    let first = ground.hello("web1").await;
    let again = ground.hello("web1").await;
    assert_eq!(first.identity, again.identity);
    assert!(first.facts.free_kb.is_some());
    assert!(first.facts.clock_skew_s.abs() < 5.0, "{:?}", first.facts);
    assert!(first.facts.hostname.is_some());
    assert_eq!(ground.masters().len(), 1);
    let links = ground.links.lock().unwrap().clone();
    assert!(matches!(links[0], (_, Link::Connecting)), "{links:?}");
    assert!(matches!(links[1], (_, Link::Connected(_))), "{links:?}");
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_runs_on_a_host_and_is_only_followed_when_it_is_started_again() {
    let ground = Ground::new(Fleet::up(1));
    let script = "echo x >>~/begun; printf '%s|' \"$GREETING\"; pwd; exit 7";
    let (standing, bytes) = ground.start("web1", "a/b@web1", script).await.end().await;
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("it's \"me\"\n$HOME|/"), "{text}");
    assert_eq!(standing, ended(7, text.len()));
    let (again, bytes) = ground.start("web1", "a/b@web1", script).await.end().await;
    assert_eq!((again, bytes.len()), (standing.clone(), text.len()));
    assert_eq!(
        ground.sites.status(&key("web1", "a/b@web1")).await,
        Ok(standing)
    );
    assert_eq!(
        ground.sites.status(&key("web1", "other")).await,
        Ok(Standing::Never)
    );
    let begun = ground.fleet.hosts()[0].home.join("begun");
    assert_eq!(fs::read_to_string(begun).unwrap(), "x\n");
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_cancelled_where_it_runs() {
    let ground = Ground::new(Fleet::up(1));
    let step = ground.start("web1", "a/b@web1", "echo up; sleep 600").await;
    step.has_printed(3).await;
    let key = key("web1", "a/b@web1");
    assert_eq!(ground.sites.status(&key).await, Ok(Standing::Running));
    let grace = Duration::from_secs(5);
    ground.sites.cancel(&key, grace).await.unwrap();
    let (standing, _) = step.end().await;
    let cancelled = Ending::Cancelled;
    assert!(
        matches!(&standing, Standing::Ended { ending, .. } if *ending == cancelled),
        "{standing:?}"
    );
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_limit_holds_where_the_step_runs() {
    let ground = Ground::new(Fleet::up(1));
    let limit = far_limit();
    let step = ground.launch("web1", "a/b@web1", "echo up; sleep 600", Some(limit));
    let step = step.await;
    step.has_printed(3).await;
    is_reached(limit).await;
    let (standing, bytes) = step.end().await;
    assert_eq!(bytes, b"up\n");
    let late = Ending::TimedOut;
    assert!(
        matches!(&standing, Standing::Ended { ending, .. } if *ending == late),
        "{standing:?}"
    );
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_arrive_byte_for_byte() {
    let ground = Ground::new(Fleet::up(1));
    let count = "seq -w 1 12500000";
    let hello = ground.hello("web1").await;
    let path = ground.folder.path().join("log");
    let mut sink = Disk {
        file: fs::File::create(&path).unwrap(),
        taken: 0,
    };
    let launch = launch("web1", "a/b@web1", count, None, &hello);
    let standing = ground.sites.start(&launch, &mut sink).await;
    assert_eq!(standing, Ok(ended(0, 112_500_000)));
    let compared = Command::new("sh")
        .arg("-c")
        .arg(format!("{count} | cmp - \"$0\""))
        .arg(&path)
        .status()
        .unwrap();
    assert!(compared.success());
    ground.close().await;
}

/// Steps that all end only when all of them have begun.
async fn all_at_once(ground: &Ground, count: usize) {
    let script = format!(
        "mkdir -p ~/here; touch ~/here/x$$; \
         while [ \"$(ls ~/here | wc -l)\" -lt {count} ]; do sleep 0.05; done; echo met"
    );
    ground.hello("web1").await;
    let mut steps = Vec::new();
    for number in 0..count {
        steps.push(
            ground
                .start("web1", &format!("a/{number}@web1"), &script)
                .await,
        );
    }
    for step in steps {
        assert_eq!(step.printed().await, "met\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eleven_steps_run_at_once_on_a_host_that_allows_ten_sessions() {
    let ground = Ground::new(Fleet::up(1));
    all_at_once(&ground, 11).await;
    assert_eq!(ground.masters().len(), 2);
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seven_steps_run_at_once_on_a_host_that_allows_two_sessions() {
    let ground = Ground::new(Fleet::with(1, &["MaxSessions 2"]));
    all_at_once(&ground, 7).await;
    assert!(ground.masters().len() >= 4);
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_hosts_run_a_step_at_once() {
    let ground = Ground::new(Fleet::up(32));
    let names: Vec<String> = ground
        .fleet
        .hosts()
        .iter()
        .map(|host| host.name.clone())
        .collect();
    let all = names
        .iter()
        .map(|name| ground.start(name, "a/b@x", "echo done"));
    for step in futures_util::future::join_all(all).await {
        assert_eq!(step.printed().await, "done\n");
    }
    assert_eq!(ground.masters().len(), 32);
    ground.close().await;
}

#[test]
fn the_port_of_a_host_is_no_other_fleets_also_while_its_server_is_down() {
    let mut fleet = Fleet::up(1);
    let port = fleet.hosts()[0].port;
    assert!(hold(port).is_none());
    fleet.stop(0);
    assert!(hold(port).is_none());
    fleet.start(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_host_key_comes_with_its_fingerprint_and_the_command_that_enrols_it() {
    let ground = Ground::new(Fleet::up(1));
    fs::write(ground.fleet.known_hosts(), "").unwrap();
    let (why, help) = ground.refusal("web1").await;
    let port = ground.fleet.hosts()[0].port;
    assert_eq!(
        why,
        format!("the host key of [127.0.0.1]:{port} is not known")
    );
    assert!(help.contains("SHA256:"), "{help}");
    let config = ground.fleet.config();
    let command = format!(
        "ssh -F {} -o StrictHostKeyChecking=ask web1 true",
        config.display()
    );
    assert!(help.contains(&command), "{help}");
    let links = ground.links.lock().unwrap().clone();
    assert!(matches!(&links[1], (_, Link::Failed { .. })), "{links:?}");
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_host_key_is_a_warning_with_the_command_that_forgets_the_old_one() {
    let mut fleet = Fleet::up(1);
    fleet.stop(0);
    fleet.change_key(0);
    fleet.start(0);
    let ground = Ground::new(fleet);
    let (why, help) = ground.refusal("web1").await;
    assert!(why.contains("CHANGED"), "{why}");
    let known = ground.fleet.known_hosts();
    let port = ground.fleet.hosts()[0].port;
    let command = format!("ssh-keygen -f {} -R '[127.0.0.1]:{port}'", known.display());
    assert!(help.contains(&command), "{help}");
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn login_name_port_and_silence_are_told_apart() {
    let mut fleet = Fleet::up(3);
    fs::write(fleet.hosts()[0].home.join(".ssh/authorized_keys"), "").unwrap();
    fleet.stop(1);
    fleet.stop(2);
    // Somebody who accepts and never says a word.
    let silent = TcpListener::bind(("127.0.0.1", fleet.hosts()[2].port)).unwrap();
    let config = fleet.config();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text + "  ConnectTimeout 1\n").unwrap();
    let ground = Ground::new(fleet);
    let (login, help) = ground.refusal("web1").await;
    assert!(login.contains("Permission denied (publickey)"), "{login}");
    assert!(help.contains("ssh-add"), "{help}");
    let (name, _) = ground.refusal("nowhere.invalid").await;
    assert!(name.starts_with("could not resolve hostname"), "{name}");
    let (port, _) = ground.refusal("web2").await;
    assert!(port.contains("refused"), "{port}");
    let silence = ground.refusal("web3");
    let (silence, _) = tokio::time::timeout(PATIENCE, silence).await.unwrap();
    assert!(silence.contains("within"), "{silence}");
    drop(silent);
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_behind_a_jump_host_is_reached_with_the_configuration_of_the_project() {
    let fleet = Fleet::up(2);
    let config = fleet.config();
    let text = fs::read_to_string(&config).unwrap();
    // Files of a repository are often writable for a group; `ssh -F` takes them, and so must golive.
    fs::write(&config, format!("Host web2\n  ProxyJump web1\n{text}")).unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o664)).unwrap();
    let ground = Ground::with_config(fleet, config.clone());
    let step = ground.start(
        "web2",
        "a/b@web2",
        "echo \"${SSH_CONNECTION%% *}\"; echo behind >~/was",
    );
    assert_eq!(step.await.printed().await, "127.0.0.1\n");
    assert!(ground.fleet.hosts()[1].home.join("was").exists());
    // What is asked of the host holds for the jump host too: nobody is asked about its key.
    ground.sites.close().await;
    let Ground { fleet, folder, .. } = ground;
    let ground = Ground::within(fleet, config, folder);
    let known = fs::read_to_string(ground.fleet.known_hosts()).unwrap();
    let second = known.lines().nth(1).unwrap().to_owned();
    fs::write(ground.fleet.known_hosts(), second + "\n").unwrap();
    let (why, _) = ground.refusal("web2").await;
    let port = ground.fleet.hosts()[0].port;
    assert_eq!(
        why,
        format!("the host key of [127.0.0.1]:{port} is not known")
    );
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_followed_to_its_end_when_the_server_is_restarted_under_it() {
    let mut ground = Ground::new(Fleet::up(1));
    let step = ground.start("web1", "a/b@web1", &counting(30)).await;
    step.has_printed(20).await;
    ground.fleet.stop(0);
    wait_until("the loss is noticed", || ground.was_lost()).await;
    ground.fleet.start(0);
    assert_eq!(step.printed().await, counted(30));
    assert!(ground.is_connected("web1"));
    let begun = ground.fleet.hosts()[0].home.join("begun");
    assert_eq!(fs::read_to_string(begun).unwrap(), "x\n");
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_followed_to_its_end_when_its_connection_is_cut_again_and_again() {
    let ground = Ground::new(Fleet::up(1));
    let step = ground.start("web1", "a/b@web1", &counting(40)).await;
    for bytes in [20, 80, 140] {
        step.has_printed(bytes).await;
        ground.fleet.cut(0);
    }
    assert_eq!(step.printed().await, counted(40));
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_followed_to_its_end_when_the_master_is_killed() {
    let ground = Ground::new(Fleet::up(1));
    let step = ground.start("web1", "a/b@web1", &counting(20)).await;
    step.has_printed(20).await;
    for master in ground.masters() {
        signal(master, Signal::KILL);
    }
    wait_until("the loss is noticed", || ground.was_lost()).await;
    assert_eq!(step.printed().await, counted(20));
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_master_is_noticed_and_replaced() {
    let ground = Ground::new(Fleet::up(1));
    let step = ground.start("web1", "a/b@web1", &counting(20)).await;
    step.has_printed(20).await;
    let frozen = ground.masters();
    assert_eq!(frozen.len(), 1);
    for master in &frozen {
        signal(*master, Signal::STOP);
    }
    assert_eq!(step.printed().await, counted(20));
    wait_until("the frozen master is ended", || {
        ground
            .masters()
            .iter()
            .all(|master| !frozen.contains(master))
    })
    .await;
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_falls_silent_is_noticed_and_followed_again_when_it_speaks() {
    let ground = Ground::new(Fleet::up(1));
    let step = ground.start("web1", "a/b@web1", &counting(20)).await;
    step.has_printed(20).await;
    ground.fleet.freeze(0);
    wait_until("the silence is noticed", || ground.was_lost()).await;
    ground.fleet.thaw(0);
    assert_eq!(step.printed().await, counted(20));
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_ends_a_frozen_master_too() {
    let ground = Ground::new(Fleet::up(1));
    ground.hello("web1").await;
    for master in ground.masters() {
        signal(master, Signal::STOP);
    }
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_gives_up_what_is_being_connected() {
    let fleet = Fleet::up(1);
    let networks = Proxy::before(&fleet);
    let ground = Ground::new(fleet);
    networks[0].silence();
    let sites = Arc::clone(&ground.sites);
    let asked = tokio::spawn(async move { sites.hello(&Some(place("web1"))).await });
    wait_until("ssh connects", || !ground.masters().is_empty()).await;
    ground.sites.close().await;
    networks[0].speak();
    let refusal = asked.await.unwrap().unwrap_err();
    assert_eq!(refusal.why(), "the connections are being ended");
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_sites_leave_no_master_behind() {
    let ground = Ground::new(Fleet::up(1));
    ground.hello("web1").await;
    let Ground {
        fleet,
        sites,
        links,
        folder,
    } = ground;
    assert_eq!(masters_below(folder.path()).len(), 1);
    drop(sites);
    wait_until("the master ends", || {
        masters_below(folder.path()).is_empty()
    })
    .await;
    drop((fleet, links));
}

#[tokio::test(flavor = "multi_thread")]
async fn masters_of_a_console_that_was_killed_are_swept_by_the_next_one() {
    let fleet = Fleet::up(1);
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    // What a killed console leaves: a folder whose owner's lock nobody holds, and a master that listens in it.
    let left = folder.path().join("run/left");
    let mut private = fs::DirBuilder::new();
    private.recursive(true).mode(0o700).create(&left).unwrap();
    let master = Command::new("ssh")
        .arg("-F")
        .arg(fleet.config())
        .args(["-o", "ControlPersist=600", "-M", "-N", "-f", "-S"])
        .arg(left.join("0"))
        .arg("web1")
        .stderr(Stdio::null())
        .status();
    assert!(master.unwrap().success());
    assert_eq!(masters_below(folder.path()).len(), 1);
    let config = fleet.config();
    let ground = Ground::within(fleet, config, folder);
    wait_until("the master is swept", || {
        ground.masters().is_empty() && !left.exists()
    })
    .await;
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_ssh_configuration_is_named() {
    let fleet = Fleet::up(1);
    let missing = fleet.config().with_extension("missing");
    let ground = Ground::with_config(fleet, missing.clone());
    let (why, help) = ground.refusal("web1").await;
    assert!(why.contains(missing.to_str().unwrap()), "{why}");
    assert!(help.contains("GOLIVE_SSH_CONFIG"), "{help}");
    ground.close().await;
}

#[test]
fn the_configuration_of_the_environment_goes_before_the_one_of_the_project() {
    let rules = SshRules {
        config: Some("infra/ssh_config".to_owned()),
        ..SshRules::default()
    };
    let project = Path::new("/project");
    let of = |value: Option<&str>| ssh_config(&rules, project, value.map(Into::into));
    assert_eq!(of(None), Some(project.join("infra/ssh_config")));
    assert_eq!(of(Some("")), Some(project.join("infra/ssh_config")));
    assert_eq!(of(Some("/mine")), Some(PathBuf::from("/mine")));
    assert_eq!(ssh_config(&SshRules::default(), project, None), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_consoles_do_not_disturb_each_other() {
    let fleet = Fleet::up(2);
    let config = fleet.config();
    let one = Ground::new(fleet);
    let other = Ground::with_config(Fleet::up(1), config);
    let first = one.start("web1", "a/b@web1", &counting(10)).await;
    let second = other.start("web1", "c/d@web1", &counting(10)).await;
    first.has_printed(10).await;
    second.has_printed(10).await;
    assert_eq!(first.printed().await, counted(10));
    one.sites.close().await;
    assert_eq!(second.printed().await, counted(10));
    one.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_with_what_it_prints_and_how_it_ends() {
    let ground = Ground::new(Fleet::up(1));
    let place = place("web1");
    fs::write(ground.fleet.hosts()[0].home.join("mark"), "at home").unwrap();
    let variables = BTreeMap::from([("SAID".to_owned(), "it's $HOME\ntwo".to_owned())]);
    let asked = |command: &'static str| inquiry::ask(&ground.sites, &place, command, &variables);
    let said = asked("printf %s \"$SAID\"; cat mark >&2; cat; exit 3")
        .await
        .unwrap();
    assert_eq!(said.code, Some(3));
    assert_eq!(said.output, b"it's $HOME\ntwo");
    assert_eq!(said.error, b"at home");
    // Only the beginning of what comes is kept, all of it is read.
    let long = asked("head -c 300000 /dev/zero").await.unwrap();
    assert_eq!((long.code, long.output.len()), (Some(0), 4096));
    // Nothing is installed for it.
    assert!(!ground.fleet.hosts()[0].home.join(".golive").exists());
    ground.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_not_answered_is_given_up_and_its_shell_ended() {
    let ground = Ground::new(Fleet::up(1));
    let home = ground.fleet.hosts()[0].home.clone();
    // The connection is made before, so that the limit is about the answer.
    ground.hello("web1").await;
    let command = "echo $$ >pid; exec sleep 600";
    let mut limit = Duration::from_millis(500);
    let none = BTreeMap::new();
    let pid = loop {
        let place = place("web1");
        let asked = inquiry::ask_within(limit, &ground.sites, &place, command, &none);
        let error = asked.await.unwrap_err();
        assert!(error.why().contains("did not answer in"), "{error}");
        let told = fs::read_to_string(home.join("pid")).unwrap_or_default();
        if let Ok(pid) = told.trim().parse::<i32>() {
            break pid;
        }
        // On a busy machine a limit may pass before the program has begun.
        limit *= 2;
        assert!(limit < PATIENCE);
    };
    let stat = PathBuf::from(format!("/proc/{pid}/stat"));
    wait_until("the command is ended", || !stat.exists()).await;
    let nowhere = place("nowhere.invalid");
    let asked = inquiry::ask(&ground.sites, &nowhere, "true", &none).await;
    assert!(matches!(
        asked,
        Err(LaunchError::Unreachable { .. } | LaunchError::Refused { .. })
    ));
    ground.close().await;
}
