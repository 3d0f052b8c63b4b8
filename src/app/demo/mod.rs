//! The demo: a complete playground on this machine.
//!
//! A folder with a project and its history, a remote, an artifact store, and hosts: embedded SSH servers that run
//! commands in home folders of their own. [`Demo::make`] builds it, [`Demo::servers_up`] starts the hosts with the
//! release that is LIVE on them, [`Demo::shutdown`] ends every process of it and removes a folder nobody asked to
//! keep. The console reaches the hosts as it reaches any: through the system's `ssh`. Nothing here knows of runs.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub mod application;
mod board;
mod exec;
mod failure;
mod history;
pub mod layout;
pub mod processes;
pub mod project;
pub mod server;
mod traffic;

pub use failure::DemoError;
use layout::Layout;
use server::{HostSettings, SshServer};

/// The programs a host finds besides the demo's own.
const HOST_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin";

/// How long a host's application may take to start with the host.
const BOOT: Duration = Duration::from_secs(20);

/// How long the removal of a temporary demo's folder is tried.
const REMOVAL: Duration = Duration::from_secs(2);

/// How fast the demo's scripts go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// With small pauses, so that output can be read on screen.
    #[default]
    Readable,
    /// As fast as the machine.
    Fast,
}

impl Pace {
    /// The value of `GOLIVE_DEMO_PACE`.
    pub fn value(self) -> &'static str {
        match self {
            Self::Readable => "1",
            Self::Fast => "0",
        }
    }
}

/// What a demo is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder to make it in and to keep; `None` = a temporary one, removed at the end.
    pub dir: Option<PathBuf>,
    /// How fast its scripts go.
    pub pace: Pace,
    /// The golive binary that serves the application.
    pub program: PathBuf,
}

/// A demo; while it exists nobody else can open its folder. Dropping it ends its processes, too.
#[derive(Debug)]
pub struct Demo {
    layout: Layout,
    kept: bool,
    pace: Pace,
    servers: Vec<SshServer>,
    /// Held for as long as the demo; its applications end by themselves when it is released.
    _lock: fs::File,
    ended: bool,
}

impl Demo {
    /// Makes a demo. Blocks for a second or so: git runs a few dozen times.
    pub fn make(settings: &Settings) -> Result<Self, DemoError> {
        let layout = Layout::make(settings.dir.as_deref())?;
        let mut demo = Self::hold(layout, settings.dir.is_some(), settings.pace)?;
        demo.layout.link_program(&settings.program)?;
        demo.layout.note_ports(&[0; layout::HOSTS.len()])?;
        project::make(&demo.layout)?;
        Ok(demo)
    }

    /// Opens the demo kept in `dir`.
    pub fn open(dir: &Path, settings: &Settings) -> Result<Self, DemoError> {
        let demo = Self::hold(Layout::open(dir)?, true, settings.pace)?;
        demo.layout.link_program(&settings.program)?;
        Ok(demo)
    }

    fn hold(layout: Layout, kept: bool, pace: Pace) -> Result<Self, DemoError> {
        let path = layout.lock();
        let lock = fs::File::create(&path).map_err(DemoError::file(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                layout,
                kept,
                pace,
                servers: Vec::new(),
                _lock: lock,
                ended: false,
            }),
            Err(fs::TryLockError::WouldBlock) => Err(DemoError::Running(layout.root().to_owned())),
            Err(fs::TryLockError::Error(source)) => Err(DemoError::File(path, source)),
        }
    }

    /// Starts the hosts, each with the release that is current on it.
    pub async fn servers_up(&mut self) -> Result<(), DemoError> {
        let client = self.layout.client_key()?;
        for host in self.layout.hosts() {
            let settings = |port| -> Result<HostSettings, DemoError> {
                Ok(HostSettings {
                    name: host.name.clone(),
                    home: self.layout.home(&host.name),
                    environment: self.host_environment(&host.name),
                    key: self.layout.host_key(&host.name)?,
                    client: client.clone(),
                    port,
                })
            };
            // The port of last time, so that open terminals go on working; another one where it is taken.
            let server = match SshServer::start(settings(host.ssh_port)?).await {
                Ok(server) => server,
                Err(_) => SshServer::start(settings(0)?).await?,
            };
            self.servers.push(server);
        }
        let ports: Vec<u16> = self.servers.iter().map(SshServer::port).collect();
        self.layout.note_ports(&ports)?;
        self.boot().await
    }

    /// Starts the application of every host that has one, as a host does when it is switched on.
    async fn boot(&self) -> Result<(), DemoError> {
        let starts = self.layout.hosts().iter().map(|host| {
            let mut command = tokio::process::Command::new("/bin/sh");
            command
                .args(["-c", "[ ! -e app/current ] || sh app/current/ops/start.sh"])
                .env_clear()
                .envs(self.host_environment(&host.name))
                .env("PORT", host.app_port.to_string())
                .env("DATABASE", project::database_of(&host.name))
                .current_dir(self.layout.home(&host.name))
                .process_group(0);
            let name = host.name.clone();
            async move {
                let failed = |said: String| DemoError::Command {
                    command: format!("app/current/ops/start.sh on {name}"),
                    said,
                };
                match tokio::time::timeout(BOOT, command.output()).await {
                    Ok(Ok(output)) if output.status.success() => Ok(()),
                    Ok(Ok(output)) => Err(failed(
                        String::from_utf8_lossy(&output.stderr).trim().to_owned(),
                    )),
                    Ok(Err(error)) => Err(failed(error.to_string())),
                    Err(_) => Err(failed(format!("not ready after {} s", BOOT.as_secs()))),
                }
            }
        });
        futures_util::future::try_join_all(starts).await.map(drop)
    }

    /// The whole environment of a host's commands.
    fn host_environment(&self, host: &str) -> Vec<(String, OsString)> {
        let mut path = self.layout.programs().into_os_string();
        path.push(":");
        path.push(HOST_PATH);
        let entry = |name: &str, value: OsString| (name.to_owned(), value);
        vec![
            entry("PATH", path),
            entry("HOME", self.layout.home(host).into_os_string()),
            entry("USER", "demo".into()),
            entry("LOGNAME", "demo".into()),
            entry("SHELL", "/bin/sh".into()),
            entry("LANG", "C.UTF-8".into()),
            entry(processes::MARK, self.layout.id().into()),
            entry(
                application::LOCK_VARIABLE,
                self.layout.lock().into_os_string(),
            ),
            entry("GOLIVE_DEMO_PACE", self.pace.value().into()),
        ]
    }

    /// The folder of the whole demo.
    pub fn root(&self) -> &Path {
        self.layout.root()
    }

    /// The repository with `releases.toml`: where golive is opened.
    pub fn project_root(&self) -> PathBuf {
        self.layout.project()
    }

    /// The configuration for `ssh -F`; valid once the servers are up.
    pub fn ssh_config(&self) -> PathBuf {
        self.layout.ssh_config()
    }

    /// Where golive's runs are kept, so that the operator's own state is not touched.
    pub fn state_home(&self) -> PathBuf {
        self.layout.state_home()
    }

    /// Each host with the address its application is served on.
    pub fn sites(&self) -> Vec<(String, String)> {
        let hosts = self.layout.hosts().iter();
        hosts
            .map(|host| {
                (
                    host.name.clone(),
                    format!("http://127.0.0.1:{}/", host.app_port),
                )
            })
            .collect()
    }

    /// Variables for whatever works in the demo: golive in this process or in another, steps on this machine.
    pub fn environment(&self) -> Vec<(String, OsString)> {
        vec![
            (
                "GOLIVE_SSH_CONFIG".to_owned(),
                self.ssh_config().into_os_string(),
            ),
            (
                "XDG_STATE_HOME".to_owned(),
                self.state_home().into_os_string(),
            ),
            ("GOLIVE_DEMO_PACE".to_owned(), self.pace.value().into()),
            (processes::MARK.to_owned(), self.layout.id().into()),
        ]
    }

    /// Ids of the demo's living processes, this one not among them.
    pub fn processes(&self) -> Vec<i32> {
        processes::of_demo(self.layout.id(), self.layout.root())
    }

    /// Ends the hosts and every process of the demo, and removes the folder unless it is to be kept.
    pub async fn shutdown(mut self) -> Result<(), DemoError> {
        futures_util::future::join_all(self.servers.drain(..).map(SshServer::stop)).await;
        tokio::task::spawn_blocking(move || self.end())
            .await
            .unwrap_or_else(|_| Err(DemoError::Left(Vec::new())))
    }

    fn end(&mut self) -> Result<(), DemoError> {
        self.ended = true;
        let left = processes::end_all(self.layout.id(), self.layout.root());
        if !self.kept {
            remove(self.layout.root())?;
        }
        if left.is_empty() {
            Ok(())
        } else {
            Err(DemoError::Left(left))
        }
    }
}

/// Removes a folder; something that ends just now may still put a file into it, so it is looked at again for a while.
fn remove(root: &Path) -> Result<(), DemoError> {
    let started = Instant::now();
    loop {
        match fs::remove_dir_all(root) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound && !root.exists() => return Ok(()),
            Err(error) if started.elapsed() > REMOVAL => return Err(DemoError::file(root)(error)),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if !self.ended {
            // A panic or an error on the way up; there is nobody left to tell.
            let _ = self.end();
        }
    }
}
