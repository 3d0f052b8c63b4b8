//! A session: a plan made for a project, its hosts asked who they are, and a run driven.
//!
//! Every face begins here: the console, `deploy` and `resume` plan, greet and launch with the same functions.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use super::args::Selected;
use super::gather::live_trouble;
pub use super::project::{FILE, Project};
use super::report::{Code, Failure};
use crate::domain::action::Milestone;

use crate::domain::feed::{Link, Update};
use crate::domain::id::{HostName, LockId, RunId, StepName};
use crate::domain::plan::build::{BuildProblem, History, Selection, Target, build};
use crate::domain::plan::{Plan, PlannedHost};
use crate::domain::run::apply::fold;
use crate::domain::run::{Identities, Intent, Moment, RunState};
use crate::domain::secret::{SecretSource, Vault};
use crate::domain::text::plural;
use crate::edge::clock::SystemClock;
use crate::edge::git::{Git, GitError};
use crate::edge::journal::list;
use crate::edge::journal::{OwnedRun, Owner, RunError, RunFolder};
use crate::edge::lock::Keepers;
use crate::edge::logs::store::Logs;
use crate::edge::paths;
use crate::edge::ssh::{LinkListener, SiteRules, Sites, ssh_config};
use crate::engine::{self, Control, Doors, Ended, FeedReceiver, FeedSender, Start, WeakFeedSender};
use crate::port::{Clock, Hello, LaunchError, Launcher, Place};

/// How long the remote is waited for while a plan is made.
const REMOTE_PATIENCE: Duration = Duration::from_secs(5);

impl Project {
    /// The repository of the project.
    pub fn git(&self) -> Git {
        Git::new(&self.root)
    }

    /// The plan for what was selected.
    pub async fn plan(&self, selected: &Selected, now: Moment) -> Result<Plan, Failure> {
        let target = self.target(&selected.reference, now).await?;
        let history = list::history(&self.paths).unwrap_or_default();
        let selection = Selection {
            stages: selected.stage.clone(),
            from: selected.from.as_deref().map(StepName::from),
            hosts: selected
                .host
                .iter()
                .map(|host| HostName::from(host.as_str()))
                .collect(),
        };
        let mut plan = build(&self.checklist, &target, &History(history), &selection)
            .map_err(|problems| unbuildable(&problems))?;
        plan.warnings = self.warnings(&plan).await;
        Ok(plan)
    }

    /// What would make the tag step fail at the very end, told before anything starts.
    pub async fn warnings(&self, plan: &Plan) -> Vec<String> {
        if !plan
            .tasks()
            .any(|task| task.milestone == Some(Milestone::TagWritten))
        {
            return Vec::new();
        }
        let git = self.git();
        let signing = async {
            let asked = plan.release.sign.then(|| git.cannot_sign());
            match asked {
                Some(asked) => asked.await,
                None => Ok(None),
            }
        };
        let questions = async {
            tokio::join!(
                git.missing_identity(),
                live_trouble(&git, &plan.release),
                signing
            )
        };
        let remote = plan.release.remote.as_deref().unwrap_or("the remote");
        let name = plan.release.live.as_deref().unwrap_or("LIVE");
        let Ok((identity, live, signing)) = tokio::time::timeout(REMOTE_PATIENCE, questions).await
        else {
            return vec![format!(
                "{remote} does not answer: whether {name} was moved there is not known"
            )];
        };
        let identity = identity
            .ok()
            .flatten()
            .map(|what| format!("the tag cannot be written: {what}"));
        let live = live.unwrap_or_else(|error| {
            let why = error.to_string();
            let why = match &error {
                GitError::Failed { why, .. } => why,
                _ => &why,
            };
            // What git says below that is advice for those who called it.
            let why = why.lines().next().unwrap_or_default();
            Some(format!(
                "whether {name} was moved on {remote} is not known: {why}"
            ))
        });
        let signing = signing
            .ok()
            .flatten()
            .map(|why| format!("the tag cannot be signed (`sign = true`): {why}"));
        identity.into_iter().chain(signing).chain(live).collect()
    }

    /// What is released, and what git says about it. Without a repository there is no commit.
    async fn target(&self, reference: &str, now: Moment) -> Result<Target, Failure> {
        let git = self.git();
        let commit = match git.resolve(reference).await {
            Ok(commit) => commit,
            Err(GitError::NotRepository(_) | GitError::NoCommits | GitError::Missing)
                if reference == "HEAD" =>
            {
                return Ok(Target {
                    reference: reference.to_owned(),
                    ..Target::default()
                });
            }
            Err(error) => return Err(git_failure(&error)),
        };
        let rules = &self.checklist.release;
        let failed = |error: GitError| git_failure(&error);
        let live = match &rules.live {
            Some(name) => git.live(name).await.map_err(failed)?,
            None => None,
        };
        let changed = match &live {
            Some(live) => git.changed_paths(&live.commit, &commit).await.ok(),
            None => None,
        };
        let state = git.state().await.map_err(failed)?;
        Ok(Target {
            reference: reference.to_owned(),
            commit: Some(commit),
            previous: live.as_ref().map(|live| live.commit.clone()),
            previous_object: live.map(|live| live.object),
            tag: git.next_tag(rules, now).await.map_err(failed)?,
            dirty: state.dirty,
            changed,
        })
    }

    /// The environment variables of this process that hold secrets: what it starts does not inherit them.
    fn hidden(&self) -> Vec<String> {
        let sources = self.checklist.secrets.values();
        sources
            .filter_map(|source| match source {
                SecretSource::Env(variable) => Some(variable.clone()),
                _ => None,
            })
            .collect()
    }

    /// The places of these hosts; changes of their links are told to `listener`.
    pub fn sites(&self, hosts: &[PlannedHost], listener: &LinkListener) -> Result<Sites, Failure> {
        let rules = SiteRules {
            project: self.root.clone(),
            local_launcher: self.paths.folder().join("launcher"),
            runtime: self.folders.runtime.clone(),
            ssh_config: ssh_config(
                &self.checklist.ssh,
                &self.root,
                std::env::var_os("GOLIVE_SSH_CONFIG"),
            ),
            connect_timeout: self.checklist.ssh.connect_timeout,
            patience: SiteRules::PATIENCE,
            hidden: self.hidden(),
        };
        Sites::new(rules, hosts, listener).map_err(|error| {
            Failure::new(
                Code::Failed,
                format!("could not make a folder for ssh's sockets: {error}"),
            )
        })
    }

    /// A new run of this plan, owned by this process.
    pub fn create(&self, plan: &Plan, now: Moment) -> Result<OwnedRun, Failure> {
        self.remember(plan);
        // Two runs of one minute get different letters; a taken id is made anew.
        for _ in 0..8 {
            let run = RunId::make(now, random());
            match RunFolder::create(&self.paths, &run, plan, &self.by) {
                Err(RunError::Exists(_)) => {}
                Err(error) => return Err(Failure::from_error(Code::Failed, &error)),
                Ok(owned) => return Ok(owned),
            }
        }
        Err(Failure::new(
            Code::Failed,
            "could not find a free id for the run",
        ))
    }
}

/// A new id for the locks of a run.
pub fn lock_id() -> LockId {
    let bytes = [random(), random(), random(), random()].concat();
    LockId::new(paths::hex(&bytes))
}

/// Two random bytes of the system.
pub fn random() -> [u8; 2] {
    let mut bytes = [0; 2];
    let read = std::fs::File::open("/dev/urandom")
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes));
    if read.is_err() {
        // Ids only have to differ; a taken one is noticed when its folder is made.
        bytes = (std::process::id() as u16).to_le_bytes();
    }
    bytes
}

/// What git could not do, before anything was started.
pub fn git_failure(error: &GitError) -> Failure {
    let failure = Failure::from_error(Code::Usage, error);
    match error.help() {
        Some(help) => failure.help(help),
        None => failure,
    }
}

/// Why there is no plan.
pub fn unbuildable(problems: &[BuildProblem]) -> Failure {
    let mut texts = problems.iter().map(ToString::to_string);
    let first = texts
        .next()
        .unwrap_or_else(|| "there is no plan".to_owned());
    let mut failure = Failure::new(Code::Usage, first);
    let rest: Vec<String> = texts.collect();
    if !rest.is_empty() {
        failure = failure.details(rest.join("\n"));
    }
    failure
        .help
        .extend(problems.iter().filter_map(BuildProblem::help));
    failure
}

/// Tells changes of links to a feed, as long as its engine lives.
pub fn tell(feed: WeakFeedSender) -> LinkListener {
    Arc::new(move |env, host, link| {
        feed.send(Update::Connection {
            env: env.clone(),
            host: host.clone(),
            link,
        });
    })
}

/// Asks all these places who they are. Nothing was started anywhere when this fails: exit code 5.
/// `listener` hears of each place as soon as it is known.
pub async fn greet(
    sites: &Sites,
    places: Vec<Place>,
    listener: &LinkListener,
) -> Result<Identities, Failure> {
    let (identities, silent) = ask_all(sites, places, listener).await;
    if silent.is_empty() {
        return Ok(identities);
    }
    Err(unusable(&silent))
}

/// Places that did not say who they are, and why.
pub type Silent = Vec<(Place, LaunchError)>;

/// Asks all these places who they are: who answered, and who did not and why. `listener` hears of each place as soon as
/// it is known.
pub async fn ask_all(
    sites: &Sites,
    places: Vec<Place>,
    listener: &LinkListener,
) -> (Identities, Silent) {
    let answers = join_all(places.iter().map(|place| greet_one(sites, place, listener))).await;
    let mut identities = Identities::new();
    let mut silent = Silent::new();
    for (place, answer) in places.into_iter().zip(answers) {
        match answer {
            Ok(hello) => {
                identities.insert(place, hello.identity);
            }
            Err(error) => silent.push((place, error)),
        }
    }
    (identities, silent)
}

/// Places that did not answer, as a failure: nothing was started, exit code 5.
pub fn unusable(silent: &Silent) -> Failure {
    let here = silent.iter().any(|(place, _)| place.is_none());
    let hosts = silent.len() - usize::from(here);
    let what = match (here, hosts) {
        (true, 0) => "this machine".to_owned(),
        (true, hosts) => format!("this machine and {}", plural("host", hosts)),
        (false, hosts) => plural("host", hosts),
    };
    let mut failure = Failure::new(
        Code::Unreachable,
        format!("{what} cannot be used, nothing was started"),
    );
    for (_, trouble) in silent {
        failure.causes.push(trouble.to_string());
        let help = trouble.help().map(str::to_owned);
        failure
            .help
            .extend(help.filter(|help| !failure.help.contains(help)));
    }
    failure
}

async fn greet_one(
    sites: &Sites,
    place: &Place,
    listener: &LinkListener,
) -> Result<Hello, LaunchError> {
    let answer = sites.hello(place).await;
    if let Some((env, host)) = place {
        let link = match &answer {
            Ok(hello) => Link::Connected(hello.facts.clone()),
            Err(error) => Link::Failed {
                why: error.why().to_owned(),
                help: error.help().map(str::to_owned),
            },
        };
        listener(env, host, link);
    }
    answer
}

/// All places of a plan: its hosts and this machine.
pub fn places(plan: &Plan) -> Vec<Place> {
    let hosts = plan
        .hosts
        .iter()
        .map(|host| Some((host.env.clone(), host.name.clone())));
    std::iter::once(None).chain(hosts).collect()
}

/// A run being driven by this process.
pub struct Driven {
    /// Its state when the driving began.
    pub state: RunState,
    /// Takes wishes.
    pub control: Control,
    /// Its output.
    pub logs: Logs,
    /// The values of its secrets.
    pub secrets: Vault,
    /// Ends with the driving.
    pub engine: JoinHandle<Ended>,
    /// The right to drive it; given back when dropped.
    pub owner: Owner,
}

/// The state that the records of an owned run lead to.
pub fn folded(owned: &OwnedRun) -> RunState {
    let run = owned.folder.run().clone();
    fold(run, Arc::clone(&owned.plan), &owned.records)
}

/// Starts the engine on an owned run.
pub fn drive(
    owned: OwnedRun,
    sites: Arc<Sites>,
    identities: Identities,
    (by, first): (&str, impl IntoIterator<Item = Intent>),
    secrets: Vault,
    feed: FeedSender,
) -> Driven {
    let state = folded(&owned);
    let logs = owned.folder.logs();
    let doors = Doors {
        locks: Arc::new(Keepers::of_plan(Arc::clone(&sites), &owned.plan)),
        launcher: sites,
        journal: owned.writer,
        logs: Arc::new(logs.clone()),
        clock: Arc::new(SystemClock),
    };
    let start = Start {
        state: state.clone(),
        identities,
        by: by.to_owned(),
        secrets: secrets.clone(),
        first: first.into_iter().collect(),
    };
    let (control, orders) = engine::control();
    let engine = tokio::spawn(engine::run(doors, start, orders, feed));
    Driven {
        state,
        control,
        logs,
        secrets,
        engine,
        owner: owned.owner,
    }
}

/// Now, as the real clock tells it.
pub fn now() -> Moment {
    SystemClock.now()
}

/// A listener who tells nobody.
pub fn nobody() -> LinkListener {
    Arc::new(|_, _, _| {})
}

/// A feed with a listener for the links of hosts.
pub fn feed_with_links() -> (FeedSender, FeedReceiver, LinkListener) {
    let (sender, receiver) = engine::feed();
    let listener = tell(sender.downgrade());
    (sender, receiver, listener)
}
