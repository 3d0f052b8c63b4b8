//! Launching on every place of a plan: this machine, folders that play hosts, and hosts over the system's OpenSSH.
//!
//! [`Sites`] is the engine's door. It knows which place is reached how, and keeps the connections: `pool` holds those
//! to one host, `master` is one `ssh` process, `lines` holds sessions ready for the next start, `host` makes lost ones
//! again and publishes the state of the link, `locks` asks about locks, `control` owns the folder of the control
//! sockets, `failure` reads what ssh says. ssh does what the user configured (keys, agent, jump hosts, known hosts);
//! golive only makes sure that nothing ever asks on the terminal. It decides nothing about the run.

mod channel;
mod control;
mod failure;
mod host;
mod lines;
mod locks;
mod master;
mod mux;
mod pool;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use self::control::{Configuration, Control};
use self::host::Host;
pub use self::host::LinkListener;
use self::pool::{Pool, Shared};
use crate::domain::checklist::{Reach, SshRules};
use crate::domain::id::{EnvName, HostName};
use crate::domain::plan::PlannedHost;
use crate::edge::launcher::{self, Base};
use crate::edge::process::LocalLauncher;
use crate::port::{AttemptKey, Hello, Launch, LaunchError, Launcher, Place, Sink, Standing};

/// How often a launch is repeated whose connection broke before the host had it.
const LAUNCHES: u32 = 5;

/// What [`Sites`] are made from.
#[derive(Debug, Clone)]
pub struct SiteRules {
    /// The project's root: steps on this machine run there, relative paths start there. Absolute.
    pub project: PathBuf,
    /// Where the launcher keeps its files for steps on this machine. Absolute.
    pub local_launcher: PathBuf,
    /// golive's folder for sockets (`$XDG_RUNTIME_DIR/golive`).
    pub runtime: PathBuf,
    /// The file used as `ssh -F`, see [`ssh_config`]; `None` = the user's own configuration.
    pub ssh_config: Option<PathBuf>,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a connection that was lost under a running step is made again before the operator has to decide.
    pub patience: Duration,
    /// Environment variables of this process that hold secrets: nothing that is started inherits them.
    pub hidden: Vec<String>,
}

impl SiteRules {
    /// The patience that suits people: a server that restarts or a change of networks is waited for.
    pub const PATIENCE: Duration = Duration::from_secs(15 * 60);
}

/// Which file is used as `ssh -F`: the value of `GOLIVE_SSH_CONFIG` goes before the one in `releases.toml`. Relative
/// paths in the variable start at the current folder of the process, those in the file at the project's root.
pub fn ssh_config(
    rules: &SshRules,
    project: &Path,
    from_environment: Option<OsString>,
) -> Option<PathBuf> {
    from_environment
        .filter(|value| !value.is_empty())
        .map(|value| std::path::absolute(&value).unwrap_or_else(|_| value.into()))
        .or_else(|| rules.config.as_ref().map(|file| project.join(file)))
}

/// The places of a plan, and the connections to them.
pub struct Sites {
    rules: SiteRules,
    machine: LocalLauncher,
    planned: Hosts,
    /// Hosts on which nothing runs and locks are kept.
    others: OnceLock<Hosts>,
    /// Hosts that have said hello to this process, as far as their locks are concerned.
    greeted: Mutex<BTreeSet<(EnvName, HostName)>>,
    listener: LinkListener,
}

/// Hosts, and the connections to them.
#[derive(Default)]
struct Hosts {
    places: BTreeMap<(EnvName, HostName), Arc<Site>>,
    pools: Vec<Arc<Pool>>,
    /// `None` when no host is reached over ssh.
    shared: Option<Arc<Shared>>,
}

enum Site {
    Folder(LocalLauncher),
    Ssh(Host),
}

impl Hosts {
    /// Nothing is connected yet. `shared` is used when it is there, and made when it is needed.
    fn new(
        rules: &SiteRules,
        hosts: &[PlannedHost],
        listener: &LinkListener,
        mut shared: Option<Arc<Shared>>,
    ) -> io::Result<Self> {
        // Two environments may name one destination: its connections are shared.
        let mut pools: BTreeMap<&str, Arc<Pool>> = BTreeMap::new();
        let mut places = BTreeMap::new();
        for host in hosts {
            let key = (host.env.clone(), host.name.clone());
            let site = match &host.reach {
                Reach::Folder(folder) => Site::Folder(
                    LocalLauncher::folder(host.name.as_str(), rules.project.join(folder))
                        .without(&rules.hidden),
                ),
                Reach::Ssh(destination) => {
                    let shared = match &shared {
                        Some(shared) => shared,
                        None => shared.insert(self::shared(rules)?),
                    };
                    let pool = pools.entry(destination).or_insert_with(|| {
                        Arc::new(Pool::new(destination.clone(), Arc::clone(shared)))
                    });
                    let pool = Arc::clone(pool);
                    let listener = Arc::clone(listener);
                    Site::Ssh(Host::new(key.clone(), pool, listener, rules.patience))
                }
            };
            places.insert(key, Arc::new(site));
        }
        Ok(Self {
            places,
            pools: pools.into_values().collect(),
            shared,
        })
    }

    async fn close(&self) {
        if let Some(shared) = &self.shared {
            shared.make_no_more();
        }
        futures_util::future::join_all(self.pools.iter().map(|pool| pool.close())).await;
        if let Some(shared) = &self.shared {
            tokio::join!(shared.close(), shared.control.swept());
        }
    }
}

impl Sites {
    /// The places of a plan; nothing is connected yet. `listener` hears of every change of a link. Must be called
    /// inside a tokio runtime. Fails when a host is reached over ssh and there is no folder for the control sockets.
    pub fn new(
        rules: SiteRules,
        hosts: &[PlannedHost],
        listener: &LinkListener,
    ) -> io::Result<Self> {
        let planned = Hosts::new(&rules, hosts, listener, None)?;
        Ok(Self {
            machine: LocalLauncher::machine(rules.local_launcher.clone(), rules.project.clone())
                .without(&rules.hidden),
            planned,
            others: OnceLock::new(),
            greeted: Mutex::default(),
            listener: Arc::clone(listener),
            rules,
        })
    }

    /// The project's root.
    pub fn project(&self) -> &Path {
        &self.rules.project
    }

    /// Makes hosts places on which locks are kept and nothing runs; of their connections nobody hears. Once per value,
    /// inside a tokio runtime. Without a folder for the control sockets none of them can be reached.
    pub fn keep_locks_on(&self, others: &[PlannedHost]) {
        let silent: LinkListener = Arc::new(|_, _, _| {});
        self.others.get_or_init(|| {
            let shared = self.planned.shared.clone();
            Hosts::new(&self.rules, others, &silent, shared).unwrap_or_default()
        });
    }

    /// Ends every connection this process opened. Bounded in time; steps on the hosts go on.
    pub async fn close(&self) {
        if let Some(others) = self.others.get() {
            others.close().await;
        }
        self.planned.close().await;
    }

    /// A folder that plays a host is connected when its launcher answers: the operator sees it as any host.
    async fn hello_folder(
        &self,
        place: &Place,
        folder: &LocalLauncher,
    ) -> Result<Hello, LaunchError> {
        let answer = folder.hello().await;
        if let Some((env, host)) = place {
            (self.listener)(env, host, host::link_of(&answer));
        }
        answer
    }

    fn find(&self, place: &Place) -> Result<Found<'_>, LaunchError> {
        let Some(key) = place else {
            return Ok(Found::Local(&self.machine));
        };
        match self.planned.places.get(key).map(AsRef::as_ref) {
            Some(Site::Folder(launcher)) => Ok(Found::Local(launcher)),
            Some(Site::Ssh(host)) => Ok(Found::Remote(host)),
            None => Err(LaunchError::Refused {
                place: format!("{}/{}", key.0, key.1),
                why: "the plan has no such host".to_owned(),
                help: None,
            }),
        }
    }
}

/// Ends the connections that consoles left that were killed, for a process that opens none itself. `runtime` is
/// golive's folder for sockets. Bounded in time; what does not answer is left to the next one.
pub async fn sweep(runtime: &Path) {
    control::sweep(control::left_behind(runtime).unwrap_or_default()).await;
}

/// What the hosts over ssh share; also begins to sweep what consoles left that were killed.
fn shared(rules: &SiteRules) -> io::Result<Arc<Shared>> {
    let (control, abandoned) = Control::make(&rules.runtime)?;
    if !abandoned.is_empty() {
        control.sweeps(tokio::spawn(control::sweep(abandoned)));
    }
    let configuration = Configuration {
        file: rules.ssh_config.clone(),
        hidden: rules.hidden.clone(),
        connect_timeout: rules.connect_timeout,
    };
    Ok(Arc::new(Shared::new(control, configuration)))
}

/// How a place is reached.
enum Found<'a> {
    Local(&'a LocalLauncher),
    Remote(&'a Host),
}

impl Launcher for Sites {
    async fn hello(&self, place: &Place) -> Result<Hello, LaunchError> {
        let answer = match self.find(place)? {
            Found::Local(local) => self.hello_folder(place, local).await,
            Found::Remote(host) => host.hello().await,
        };
        if let Some(key) = place
            && answer.is_ok()
        {
            self.note_greeted(key, true);
        }
        answer
    }

    async fn start<S: Sink>(&self, launch: &Launch, sink: &mut S) -> Result<Standing, LaunchError> {
        let standing = match self.claim_from_afar(launch).await {
            Ok(()) => self.launch(launch, sink).await,
            Err(fenced @ LaunchError::Fenced { .. }) => self.barred(launch, fenced, sink).await,
            Err(error) => Err(error),
        };
        match standing {
            Ok(standing) => {
                if matches!(standing, Standing::Ended { .. } | Standing::Void) {
                    self.unclaim_from_afar(launch);
                }
                Ok(standing)
            }
            Err(LaunchError::Fenced { place, why }) => {
                let why = self.who_fenced(launch).await.unwrap_or(why);
                Err(LaunchError::Fenced { place, why })
            }
            Err(error) => Err(error),
        }
    }

    async fn follow<S: Sink>(
        &self,
        key: &AttemptKey,
        sink: &mut S,
    ) -> Result<Standing, LaunchError> {
        match self.find(&key.place)? {
            Found::Local(local) => local.follow(key, sink).await,
            Found::Remote(host) => launcher::follow(&host.patient_channels(), key, sink).await,
        }
    }

    async fn status(&self, key: &AttemptKey) -> Result<Standing, LaunchError> {
        match self.find(&key.place)? {
            Found::Local(local) => local.status(key).await,
            Found::Remote(host) => launcher::ask_status(&host.channels(), key).await,
        }
    }

    async fn cancel(&self, key: &AttemptKey, grace: Duration) -> Result<(), LaunchError> {
        match self.find(&key.place)? {
            Found::Local(local) => local.cancel(key, grace).await,
            Found::Remote(host) => launcher::ask_cancel(&host.channels(), key, grace).await,
        }
    }

    async fn drop_output(&self, key: &AttemptKey) -> Result<(), LaunchError> {
        match self.find(&key.place)? {
            Found::Local(local) => local.drop_output(key).await,
            Found::Remote(host) => launcher::ask_drop(&host.channels(), key).await,
        }
    }
}

impl Sites {
    /// Launches an attempt where it belongs, as often as the connection breaks before it arrived.
    async fn launch<S: Sink>(
        &self,
        launch: &Launch,
        sink: &mut S,
    ) -> Result<Standing, LaunchError> {
        let found = self.find(&launch.place)?;
        let mut standing = Standing::Never;
        for turn in 0..LAUNCHES {
            let launched = match &found {
                Found::Local(local) => local.start(launch, sink).await,
                Found::Remote(host) => {
                    launcher::start(&host.patient_channels(), launch, &Base::Home, sink).await
                }
            };
            standing = match launched {
                // A host that was sent the launch before and is another one now cannot say that it never ran.
                Err(LaunchError::Refused { why, .. }) if turn > 0 => Standing::Unknown(why),
                other => other?,
            };
            // The connection broke before the host had the launch: the same attempt again, which is never run twice.
            if standing != Standing::Never {
                break;
            }
        }
        Ok(standing)
    }
}
