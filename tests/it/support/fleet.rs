//! Real OpenSSH servers on loopback: as many hosts as a test wants, each with its own key, port and scratch home.
//!
//! The servers run with a stock configuration apart from ports, keys and paths. As root each has its own mount and
//! UTS namespace where that is allowed, so that its home is the scratch folder and its host name is its own;
//! otherwise `HOME` is set by the server. Everything a fleet starts it ends when it is dropped, by process id:
//! listeners, their sessions, and the steps that were launched on its hosts.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The boot id of a host that was never restarted.
const FIRST_BOOT: &str = "b0070000-0000-4000-8000-000000000001";
/// How long a server may take to answer on its port.
const PATIENCE: Duration = Duration::from_secs(20);

/// Hosts `web1` to `webN`.
pub(crate) struct Fleet {
    root: TempDir,
    hosts: Vec<Host>,
}

/// One server.
pub(crate) struct Host {
    /// `web1` …: its name in the ssh configuration, and its host name where namespaces are allowed.
    pub(crate) name: String,
    /// The port on 127.0.0.1 it listens on.
    pub(crate) port: u16,
    /// Its home folder.
    pub(crate) home: PathBuf,
    folder: PathBuf,
    server: Option<Child>,
    _hold: PortHold,
}

/// As long as it lives, no other fleet of this machine takes the port, in whichever process.
pub(crate) type PortHold = UnixListener;

static SSHD: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let places = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&places)
        .chain(["/usr/sbin", "/usr/local/sbin", "/usr/lib/ssh"].map(PathBuf::from))
        .map(|folder| folder.join("sshd"))
        .find(|program| program.is_file())
});

/// The server's program; every test that needs it says so when it is missing.
fn sshd() -> &'static Path {
    SSHD.as_deref()
        .expect("openssh-server is missing; ./test installs it")
}

static NAMESPACES: LazyLock<bool> = LazyLock::new(|| {
    is_root()
        && Command::new("unshare")
            .args(["--mount", "--uts", "true"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
});

impl Fleet {
    /// Starts `count` hosts with a stock configuration.
    pub(crate) fn up(count: usize) -> Self {
        Self::with(count, &[])
    }

    /// Starts `count` hosts; the lines go before the stock configuration, so they win.
    pub(crate) fn with(count: usize, sshd_lines: &[&str]) -> Self {
        sshd();
        if is_root() {
            let _ = fs::DirBuilder::new().mode(0o755).create("/run/sshd");
        }
        let root = tempfile::Builder::new()
            .prefix("fleet")
            .tempdir_in("/tmp")
            .unwrap();
        let hosts: Vec<Host> = (1..=count)
            .map(|number| Host::prepare(root.path(), &format!("web{number}")))
            .collect();
        let client = root.path().join("id_ed25519");
        let keys: Vec<Child> = std::iter::once(&client)
            .chain(&hosts.iter().map(Host::key).collect::<Vec<_>>())
            .map(|file| keygen(file))
            .collect();
        for mut key in keys {
            assert!(key.wait().unwrap().success(), "ssh-keygen failed");
        }
        let mut fleet = Self { root, hosts };
        for host in &mut fleet.hosts {
            host.configure(&client, sshd_lines);
            host.launch();
        }
        for index in 0..count {
            fleet.hosts[index].answer();
        }
        fleet.write_client_files(&fleet.ports());
        fleet
    }

    /// Has the hosts reached at these ports from now on: those of whatever stands before them.
    pub(crate) fn reach_at(&self, ports: &[u16]) {
        self.write_client_files(ports);
    }

    /// The ports the servers listen on.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.hosts.iter().map(|host| host.port).collect()
    }

    /// The file to be used as `ssh -F`.
    pub(crate) fn config(&self) -> PathBuf {
        self.root.path().join("ssh_config")
    }

    /// The known hosts file that [`Fleet::config`] names.
    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.root.path().join("known_hosts")
    }

    /// The hosts, `web1` first.
    pub(crate) fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Ends the server of a host with all its connections; steps on it go on.
    pub(crate) fn stop(&mut self, index: usize) {
        self.hosts[index].stop();
    }

    /// Ends the server of a host with all its connections and everything that runs there.
    pub(crate) fn die(&mut self, index: usize) {
        self.hosts[index].stop();
        self.hosts[index].end_steps();
    }

    /// Starts the server of a host again, on the same port with the same key.
    pub(crate) fn start(&mut self, index: usize) {
        self.hosts[index].launch();
        self.hosts[index].answer();
    }

    /// Cuts the connections of a host and keeps its server: what a network that forgets connections does.
    pub(crate) fn cut(&self, index: usize) {
        for session in self.hosts[index].sessions() {
            signal(session, Signal::KILL);
        }
    }

    /// Stops the clock of a host's server and connections: nothing answers, nothing is closed.
    pub(crate) fn freeze(&self, index: usize) {
        self.signal_all(index, Signal::STOP);
    }

    /// Lets a frozen host go on.
    pub(crate) fn thaw(&self, index: usize) {
        self.signal_all(index, Signal::CONT);
    }

    /// Restarts a machine: its server, connections, launchers and steps are gone at once, and it has another boot id.
    pub(crate) fn restart(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        host.stop();
        host.end_steps();
        host.boot_anew();
        self.start(index);
    }

    /// Gives a host another host key; takes effect when it is started again.
    pub(crate) fn change_key(&self, index: usize) {
        let key = self.hosts[index].key();
        fs::remove_file(&key).unwrap();
        fs::remove_file(key.with_extension("pub")).unwrap();
        assert!(keygen(&key).wait().unwrap().success());
    }

    /// The command lines of what runs on the hosts, as far as it is known to be theirs.
    pub(crate) fn processes(&self) -> Vec<String> {
        let hosts = self.hosts.iter();
        let of_hosts = hosts.flat_map(|host| processes_with_home(&host.folder));
        of_hosts.map(command_line).collect()
    }

    /// How far the processes of this program on the hosts have read their first own file, in bytes.
    pub(crate) fn read_so_far(&self, program: &str) -> Vec<u64> {
        let hosts = self.hosts.iter();
        let of_hosts = hosts.flat_map(|host| processes_with_home(&host.folder));
        let of_program = of_hosts.filter(|process| command_line(*process).starts_with(program));
        let read = |process: i32| {
            let about = fs::read_to_string(format!("/proc/{process}/fdinfo/3")).ok()?;
            about
                .lines()
                .next()?
                .strip_prefix("pos:")?
                .trim()
                .parse()
                .ok()
        };
        of_program.filter_map(read).collect()
    }

    /// Sees that no launcher runs on any host any more.
    #[track_caller]
    pub(crate) fn is_left_alone(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let of_hosts = self
                .hosts
                .iter()
                .flat_map(|host| processes_with_home(&host.folder));
            let left: Vec<String> = of_hosts
                .map(command_line)
                .filter(|line| line.contains("/.golive/"))
                .collect();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "left on the hosts: {left:#?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn signal_all(&self, index: usize, what: Signal) {
        let host = &self.hosts[index];
        for process in host.sessions().into_iter().chain(host.listener()) {
            signal(process, what);
        }
    }

    /// Writes the client's configuration; the hosts are reached at these ports.
    fn write_client_files(&self, ports: &[u16]) {
        let root = self.root.path().display();
        let mut config = String::new();
        let mut known = String::new();
        for (host, port) in self.hosts.iter().zip(ports) {
            let name = &host.name;
            let key = fs::read_to_string(host.key().with_extension("pub")).unwrap();
            writeln!(config, "Host {name}\n  HostName 127.0.0.1\n  Port {port}").unwrap();
            write!(known, "[127.0.0.1]:{port} {key}").unwrap();
        }
        write!(
            config,
            "Host *\n  User {user}\n  IdentityFile {root}/id_ed25519\n  IdentitiesOnly yes\n  IdentityAgent none\n  \
             UserKnownHostsFile {root}/known_hosts\n  GlobalKnownHostsFile /dev/null\n",
            user = user(),
        )
        .unwrap();
        fs::write(self.config(), config).unwrap();
        fs::write(self.known_hosts(), known).unwrap();
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for host in &mut self.hosts {
            host.stop();
            host.end_steps();
        }
    }
}

impl Host {
    fn prepare(root: &Path, name: &str) -> Self {
        let folder = root.join(name);
        let home = folder.join("home");
        let mut private = fs::DirBuilder::new();
        private.recursive(true).mode(0o700);
        private.create(home.join(".ssh")).unwrap();
        fs::write(home.join(".hushlogin"), "").unwrap();
        fs::write(folder.join("boot_id"), format!("{FIRST_BOOT}\n")).unwrap();
        let (port, hold) = free_port();
        Self {
            name: name.to_owned(),
            port,
            home,
            folder,
            server: None,
            _hold: hold,
        }
    }

    fn key(&self) -> PathBuf {
        self.folder.join("host_key")
    }

    fn configure(&self, client: &Path, extra: &[&str]) {
        let authorized = self.home.join(".ssh/authorized_keys");
        fs::copy(client.with_extension("pub"), &authorized).unwrap();
        fs::set_permissions(&authorized, fs::Permissions::from_mode(0o600)).unwrap();
        // The server reads the first line of its kind only.
        let is_variable = |line: &&&str| line.starts_with("SetEnv ");
        let variables: String = extra
            .iter()
            .filter(is_variable)
            .map(|line| line.trim_start_matches("SetEnv"))
            .collect();
        let rest: Vec<&str> = extra
            .iter()
            .filter(|line| !is_variable(line))
            .copied()
            .collect();
        let mut text = rest.join("\n");
        write!(
            text,
            "\nListenAddress 127.0.0.1\nPort {}\nHostKey {}\nPidFile none\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nPrintMotd no\n\
             AcceptEnv LANG LC_*\n",
            self.port,
            self.key().display()
        )
        .unwrap();
        if *NAMESPACES {
            text.push_str("UsePAM yes\n");
            if !variables.is_empty() {
                writeln!(text, "SetEnv{variables}").unwrap();
            }
        } else {
            let home = self.home.display();
            writeln!(
                text,
                "UsePAM no\nStrictModes no\nSetEnv HOME={home}{variables}\nAuthorizedKeysFile {}",
                authorized.display()
            )
            .unwrap();
        }
        fs::write(self.folder.join("sshd_config"), text).unwrap();
    }

    fn launch(&mut self) {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("sshd.log"))
            .unwrap();
        let mut command = if *NAMESPACES {
            let mut command = Command::new("unshare");
            command
                .args(["--mount", "--uts", "--propagation", "private", "sh", "-c"])
                .arg(
                    r#"hostname "$1" && mount --bind "$4" /proc/sys/kernel/random/boot_id &&
                    mount --bind "$2" "$3" && shift 4 && exec "$@""#,
                )
                .arg("sh")
                .arg(&self.name)
                .arg(&self.home)
                .arg(home_of_user())
                .arg(self.folder.join("boot_id"))
                .arg(sshd());
            command
        } else {
            Command::new(sshd())
        };
        let server = command
            .args(["-D", "-e", "-f"])
            .arg(self.folder.join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.server = Some(server);
    }

    /// Waits until the server greets on its port.
    fn answer(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
                let mut greeting = [0; 4];
                if stream.read_exact(&mut greeting).is_ok() && greeting == *b"SSH-" {
                    return;
                }
            }
            let ended = self
                .server
                .as_mut()
                .and_then(|server| server.try_wait().unwrap());
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "the server of {} did not come up: {}",
                self.name,
                fs::read_to_string(self.folder.join("sshd.log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn listener(&self) -> Option<i32> {
        self.server.as_ref().map(|server| server.id().cast_signed())
    }

    /// The processes that serve connections of this host (children of the listener, and theirs of the same kind).
    fn sessions(&self) -> Vec<i32> {
        let connections: Vec<i32> = self.listener().map(children).unwrap_or_default();
        let of_them = connections.iter().copied().flat_map(children);
        let servers = of_them
            .filter(|process| is_sshd(*process))
            .collect::<Vec<_>>();
        connections.into_iter().chain(servers).collect()
    }

    fn stop(&mut self) {
        let sessions = self.sessions();
        let Some(mut server) = self.server.take() else {
            return;
        };
        // The listener first, so that nobody reconnects in between.
        let _ = server.kill();
        let _ = server.wait();
        for session in sessions {
            signal(session, Signal::KILL);
        }
    }

    /// Ends everything that still runs on this host.
    fn end_steps(&self) {
        loop {
            let left = processes_with_home(&self.folder);
            if left.is_empty() {
                return;
            }
            for process in left {
                signal(process, Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The next boot id. Without namespaces all hosts have this machine's: then what ran belongs to an earlier boot.
    fn boot_anew(&self) {
        if *NAMESPACES {
            let file = self.folder.join("boot_id");
            let boot = fs::read_to_string(&file).unwrap();
            let (first, number) = boot.trim().rsplit_once('-').unwrap();
            let next = u64::from_str_radix(number, 16).unwrap() + 1;
            fs::write(&file, format!("{first}-{next:012x}\n")).unwrap();
            return;
        }
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let records = fs::read_dir(self.home.join(".golive/run"))
            .into_iter()
            .flatten();
        for record in records.flatten().map(|entry| entry.path()) {
            if record.extension().is_some_and(|kind| kind == "rec") {
                let text = fs::read_to_string(&record).unwrap();
                fs::write(&record, text.replace(boot.trim(), FIRST_BOOT)).unwrap();
            }
        }
    }
}

/// Processes whose environment names this host's folder or home: supervisors and steps that outlived their test.
fn processes_with_home(folder: &Path) -> Vec<i32> {
    let mark = folder.join("home");
    // A mount is listed relative to the root of its file system: the last three names are unlike any other.
    let mounted: PathBuf = mark.components().skip(2).collect();
    let inside_namespace = |process: &str| {
        fs::read_to_string(format!("/proc/{process}/mountinfo"))
            .is_ok_and(|mounts| mounted.to_str().is_some_and(|mark| mounts.contains(mark)))
    };
    let by_environment = |process: &str| {
        fs::read(format!("/proc/{process}/environ")).is_ok_and(|environment| {
            let home = format!("HOME={}\0", mark.display());
            environment
                .windows(home.len())
                .any(|part| part == home.as_bytes())
        })
    };
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|process| {
            if *NAMESPACES {
                inside_namespace(process)
            } else {
                by_environment(process)
            }
        })
        .filter_map(|process| process.parse().ok())
        .collect()
}

fn children(process: i32) -> Vec<i32> {
    let listed = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let text = listed.unwrap_or_else(|_| {
        let output = Command::new("pgrep")
            .args(["-P", &process.to_string()])
            .output();
        output.map_or_else(
            |_| String::new(),
            |output| String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    });
    text.split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

fn command_line(process: i32) -> String {
    let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ")
}

fn is_sshd(process: i32) -> bool {
    fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|name| name.starts_with("sshd"))
}

/// Sends a signal to one process; one that is gone already is fine.
pub(crate) fn signal(process: i32, what: Signal) {
    if let Some(pid) = Pid::from_raw(process) {
        let _ = kill_process(pid, what);
    }
}

fn keygen(file: &Path) -> Child {
    Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "fleet", "-f"])
        .arg(file)
        .stdin(Stdio::null())
        .spawn()
        .expect("openssh-client is missing; ./test installs it")
}

/// A port nobody listens on, and what keeps it for whoever has that. It is below the range of outgoing connections, so
/// that none takes it meanwhile.
fn free_port() -> (u16, PortHold) {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let spread = (std::process::id() % 97) as u16 * 113;
        let port = 20_000 + spread.wrapping_add(turn) % 11_000;
        // Held first: who looks whether it is free may find another one's port between two lives of its server.
        let Some(hold) = hold(port) else {
            continue;
        };
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return (port, hold);
        }
    }
}

/// Keeps a port; `None` = another fleet has it, whether its server runs or not. The name is no file: it ends with the process, however that ends.
pub(crate) fn hold(port: u16) -> Option<PortHold> {
    let name = format!("golive-test-port-{port}");
    let address = SocketAddr::from_abstract_name(name).unwrap();
    UnixListener::bind_addr(&address).ok()
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The home of the login user as the system knows it (not `$HOME`, which tests change).
fn home_of_user() -> PathBuf {
    let uid = rustix::process::getuid().as_raw().to_string();
    let users = fs::read_to_string("/etc/passwd").unwrap();
    users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2) == Some(&uid.as_str()))
        .map_or_else(|| PathBuf::from("/root"), |fields| PathBuf::from(fields[5]))
}
