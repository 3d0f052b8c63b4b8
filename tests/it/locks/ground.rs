//! Operators of one project: each with its own clone, launcher folder and connections, all with one bare remote.

use golive::domain::secret::Vault;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use golive::domain::action::CommandLine;
use golive::domain::checklist::Reach;
use golive::domain::id::{Attempt, EnvName, HostName, LockId, RunId, TaskId};
use golive::domain::lock::{Busy, Grant, Holder, KeptAt, Remains};
use golive::domain::plan::{Plan, PlannedHost};
use golive::edge::lock::Keepers;
use golive::edge::ssh::{LinkListener, SiteRules, Sites};
use golive::port::{Fence, Launch, LaunchError, Launcher, Locks, Place, Sink, Standing, Taking};
use tempfile::TempDir;

use crate::support::plans;

/// The environment all tests lock.
pub(super) fn env() -> EnvName {
    EnvName::new("live")
}

/// A folder with a bare remote and clones of it.
pub(super) struct Project {
    pub(super) root: TempDir,
    pub(super) ssh: Option<PathBuf>,
}

/// Somebody at a machine of their own.
pub(super) struct Operator {
    pub(super) name: String,
    pub(super) sites: Arc<Sites>,
    pub(super) keepers: Arc<Keepers>,
    pub(super) project: PathBuf,
}

impl Project {
    pub(super) fn new() -> Self {
        let root = tempfile::Builder::new()
            .prefix("lk")
            .tempdir_in("/tmp")
            .unwrap();
        let project = Self { root, ssh: None };
        git(
            project.root.path(),
            &["init", "-q", "--bare", "-b", "main", "origin.git"],
        );
        project
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// A hook of the remote that refuses every push.
    pub(super) fn refuse_pushes(&self) {
        use std::os::unix::fs::PermissionsExt;
        let hook = self.path("origin.git/hooks/pre-receive");
        fs::write(&hook, "#!/bin/sh\necho 'nobody pushes here' >&2\nexit 1\n").unwrap();
        fs::set_permissions(hook, PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// The refs of locks on the remote.
    pub(super) fn refs(&self) -> String {
        let output = Command::new("git")
            .arg("-C")
            .arg(self.path("origin.git"))
            .args([
                "for-each-ref",
                "--format=%(refname) %(contents)",
                "refs/golive",
            ])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// An operator whose plan runs on `hosts` and keeps its lock on `others` too. A host is a name and where it is
    /// found: a folder of the project, or the name of an ssh host.
    pub(super) fn operator(&self, name: &str, hosts: &[&str], others: &[&str]) -> Operator {
        let project = self.path(name);
        fs::create_dir_all(&project).unwrap();
        if !project.join(".git").exists() {
            git(&project, &["init", "-q", "-b", "main"]);
            git(&project, &["remote", "add", "origin", "../origin.git"]);
        }
        let planned = |names: &[&str]| -> Vec<PlannedHost> {
            names.iter().map(|name| self.host(name)).collect()
        };
        let plan = Plan {
            hosts: planned(hosts),
            others: planned(others),
            ..plans::plan(Vec::new())
        };
        let rules = SiteRules {
            project: project.clone(),
            local_launcher: project.join("launcher"),
            runtime: project.join("run"),
            ssh_config: self.ssh.clone(),
            connect_timeout: Duration::from_secs(10),
            patience: Duration::from_secs(60),
            hidden: Vec::new(),
        };
        let listener: LinkListener = Arc::new(|_, _, _| {});
        let sites = Arc::new(Sites::new(rules, &plan.hosts, &listener).unwrap());
        let keepers = Arc::new(Keepers::of_plan(Arc::clone(&sites), &plan));
        Operator {
            name: name.to_owned(),
            sites,
            keepers,
            project,
        }
    }

    fn host(&self, name: &str) -> PlannedHost {
        let reach = if self.ssh.is_some() {
            Reach::Ssh(name.to_owned())
        } else {
            let folder = self.path(&format!("host-{name}"));
            if name != "gone" {
                fs::create_dir_all(&folder).unwrap();
            }
            Reach::Folder(folder.to_str().unwrap().to_owned())
        };
        PlannedHost {
            env: env(),
            name: HostName::new(name),
            reach,
            roles: Vec::new(),
        }
    }
}

impl Operator {
    pub(super) fn holder(&self) -> Holder {
        Holder {
            id: LockId::new(format!("id-{}", self.name)),
            by: format!("{0}@{0}-desk", self.name),
            run: Some(RunId::new(format!("run-{}", self.name))),
            since: "2026-11-20T20:12:00+01:00".parse().unwrap(),
            reason: Some("a hotfix".to_owned()),
        }
    }

    pub(super) async fn take(&self) -> Result<Taking, LaunchError> {
        self.keepers
            .take(&env(), &self.holder(), None, &BTreeSet::new())
            .await
    }

    pub(super) async fn steal(&self, id: &str) -> Result<Taking, LaunchError> {
        let id = LockId::new(id);
        self.keepers
            .take(&env(), &self.holder(), Some(&id), &BTreeSet::new())
            .await
    }

    pub(super) async fn granted(&self) -> Grant {
        granted(self.take().await)
    }

    pub(super) async fn release(&self) -> std::collections::BTreeMap<String, String> {
        self.keepers.release(&env(), &self.holder().id).await
    }

    pub(super) async fn beat(&self, grant: &Grant) -> Result<Option<String>, LaunchError> {
        self.keepers.beat(&env(), &self.holder().id, grant).await
    }

    /// Each place and what it says, in short.
    pub(super) async fn look(&self) -> Vec<String> {
        let view = self.keepers.look(&env()).await;
        let shown = view.places.iter().map(|(place, kept)| match kept {
            KeptAt::Free => format!("{place} free"),
            KeptAt::Held(busy) => format!("{place} {}", busy.id),
            KeptAt::Unknown(_) => format!("{place} ?"),
        });
        shown.collect()
    }

    /// A step at a place under this operator's lock, claimed on `host`.
    pub(super) async fn launch(
        &self,
        place: Place,
        (host, grant): (&str, &Grant),
        attempt: u32,
        script: &str,
    ) -> Launch {
        let host = HostName::new(host);
        Launch {
            run: RunId::new(format!("run-{}", self.name)),
            task: TaskId::new("go-live/code@web1"),
            attempt: Attempt(attempt),
            identity: self.sites.hello(&place).await.unwrap().identity,
            place,
            command: CommandLine {
                script: script.to_owned(),
                cwd: None,
                env: [].into(),
                record: false,
                secrets: Vec::new(),
            },
            secrets: Vault::default(),
            timeout_s: None,
            grace_s: 5,
            fence: Some(Fence {
                project: "shop".to_owned(),
                env: env(),
                lock: self.holder().id,
                epoch: grant.epochs[&host],
                host,
            }),
        }
    }

    pub(super) async fn start(&self, launch: &Launch) -> Result<Standing, LaunchError> {
        self.sites.start(launch, &mut Nothing(0)).await
    }
}

/// Takes output and keeps its length.
struct Nothing(u64);

impl Sink for Nothing {
    fn take(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0 += bytes.len() as u64;
        Ok(())
    }

    fn offset(&self) -> u64 {
        self.0
    }
}

pub(super) fn granted(taking: Result<Taking, LaunchError>) -> Grant {
    match taking.unwrap() {
        Taking::Taken(grant) => grant,
        other => panic!("{other:?}"),
    }
}

pub(super) fn busy(taking: Result<Taking, LaunchError>) -> Busy {
    match taking.unwrap() {
        Taking::Busy(busy) => *busy,
        other => panic!("{other:?}"),
    }
}

pub(super) fn occupied(taking: Result<Taking, LaunchError>) -> Vec<Remains> {
    match taking.unwrap() {
        Taking::Occupied(remains) => remains,
        other => panic!("{other:?}"),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a place of a launch")]
pub(super) fn place(host: &str) -> Place {
    Some((env(), HostName::new(host)))
}

pub(super) fn git(folder: &Path, words: &[&str]) {
    let status = Command::new("git")
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "git {words:?}");
}
