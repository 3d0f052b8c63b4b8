//! golive as the contestant it is: engine, journal on disk and durable launcher over its own connections.
//!
//! Warm = inside this process with the connections open, from the intent to start to the end of the run, as when an
//! operator has looked at the plan before pressing the key. Cold = the whole program `golive deploy --plain`, from its
//! start to its exit, connections and git included.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;

use chrono::Local;
use golive::app::session;
use golive::domain::checklist;
use golive::domain::id::LockId;
use golive::domain::id::RunId;
use golive::domain::plan::Plan;
use golive::domain::plan::build::{History, Selection, Target, build};
use golive::domain::run::{Identities, Intent, Outcome, RunStatus};
use golive::domain::secret::Vault;
use golive::edge::journal::RunFolder;
use golive::edge::paths::{Folders, ProjectPaths};
use golive::edge::ssh::{LinkListener, SiteRules, Sites};

use super::contest::Contest;
use super::measure::{Taken, inside, masters_below, outside};

/// golive with its connections open.
pub(crate) struct Ready {
    sites: Arc<Sites>,
    plan: Plan,
    paths: ProjectPaths,
    identities: Identities,
    processes: Vec<i32>,
}

impl Ready {
    /// Reads the checklist, plans it, connects to the hosts and asks them who they are.
    pub(crate) async fn open(contest: &Contest) -> Self {
        let root = contest.project();
        let text = fs::read_to_string(root.join(session::FILE)).unwrap();
        let checklist = checklist::read(session::FILE, &text).unwrap();
        let plan = build(
            &checklist,
            &Target::default(),
            &History::default(),
            &Selection::default(),
        )
        .unwrap();
        let folders = Folders {
            config: contest.state(),
            state: contest.state(),
            cache: contest.state(),
            runtime: contest.sockets().join("warm"),
        };
        let paths = ProjectPaths::new(&folders, &checklist.project, &root).unwrap();
        let rules = SiteRules {
            project: root,
            local_launcher: paths.folder().join("launcher"),
            runtime: folders.runtime.clone(),
            ssh_config: Some(contest.config.clone()),
            connect_timeout: checklist.ssh.connect_timeout,
            patience: SiteRules::PATIENCE,
            hidden: Vec::new(),
        };
        let listener: LinkListener = Arc::new(|_, _, _| {});
        let sites = Arc::new(Sites::new(rules, &plan.hosts, &listener).unwrap());
        let places = session::places(&plan);
        let identities = session::greet(&sites, places, &listener).await;
        let Ok(identities) = identities else {
            panic!("a host does not answer");
        };
        Self {
            sites,
            plan,
            paths,
            identities,
            processes: masters_below(&folders.runtime),
        }
    }

    /// One run, from the intent to start to its end.
    pub(crate) async fn run(&self, contest: &Contest) -> Taken {
        let id = RunId::new(format!("bench-{}", Local::now().format("%H%M%S%6f")));
        let owned = RunFolder::create(&self.paths, &id, &self.plan, "bench").unwrap();
        let (sender, mut feed) = golive::engine::feed();
        let taken = inside(&self.processes, async {
            let first = (
                "bench",
                Some(Intent::Start {
                    reason: None,
                    lock: LockId::new("lock"),
                }),
            );
            let sites = Arc::clone(&self.sites);
            let driven = session::drive(
                owned,
                sites,
                self.identities.clone(),
                first,
                Vault::default(),
                sender,
            );
            while feed.next().await.is_some() {}
            let ended = driven.engine.await.unwrap();
            assert_eq!(
                ended.state.status,
                RunStatus::Finished(Outcome::Succeeded),
                "{contest_hosts} hosts",
                contest_hosts = contest.hosts.len()
            );
        });
        taken.await
    }

    /// Ends the connections.
    pub(crate) async fn close(self) {
        self.sites.close().await;
    }
}

/// One run of the whole program, from nothing to its exit.
pub(crate) async fn whole(contest: &Contest) -> Taken {
    let mut golive = contest.clean(Command::new(env!("CARGO_BIN_EXE_golive")));
    golive
        .args(["deploy", "--plain"])
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let mut golive = tokio::process::Command::from(golive);
    outside(async {
        let ended = golive.status().await.unwrap();
        assert!(ended.success(), "golive deploy ended with {ended}");
    })
    .await
}
