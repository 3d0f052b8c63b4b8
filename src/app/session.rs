//! A session: a project opened, a plan made for it, its hosts asked who they are, and a run driven.
//!
//! Every face begins here: the console, `deploy` and `resume` open, plan, greet and launch with the same functions.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use super::args::Selected;
use super::gather::live_trouble;
use super::report::{Code, Failure};
use crate::domain::action::Milestone;
use crate::domain::checklist::{self, Checklist};
use crate::domain::feed::{Link, Update};
use crate::domain::id::{HostName, LockId, RunId, StepName};
use crate::domain::plan::build::{BuildProblem, History, Selection, Target, build};
use crate::domain::plan::{Plan, PlannedHost};
use crate::domain::run::apply::fold;
use crate::domain::run::{Identities, Intent, Moment, RunState};
use crate::domain::text::plural;
use crate::edge::clock::SystemClock;
use crate::edge::git::{Git, GitError};
use crate::edge::journal::list;
use crate::edge::journal::{OwnedRun, Owner, RunError, RunFolder};
use crate::edge::lock::Keepers;
use crate::edge::logs::store::Logs;
use crate::edge::paths::{self, Folders, ProjectPaths};
use crate::edge::ssh::{LinkListener, SiteRules, Sites, ssh_config};
use crate::engine::{self, Control, Doors, Ended, FeedReceiver, FeedSender, Start, WeakFeedSender};
use crate::port::{Clock, Hello, LaunchError, Launcher, Place};

/// How long the remote is waited for while a plan is made.
const REMOTE_PATIENCE: Duration = Duration::from_secs(5);

/// The name of the checklist's file.
pub const FILE: &str = "releases.toml";

/// A project: a checklist and where it belongs.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder the checklist stands in.
    pub root: PathBuf,
    /// The checklist's file.
    pub file: PathBuf,
    /// The checklist.
    pub checklist: Arc<Checklist>,
    /// golive's folders.
    pub folders: Folders,
    /// The project's folder on this machine.
    pub paths: ProjectPaths,
    /// Who works here: `user@machine`.
    pub by: String,
    /// How golive has to be called to mean this project: `golive`, or `golive -f FILE`.
    pub command: String,
}

impl Project {
    /// Opens the checklist `file`, or the `releases.toml` here or in a parent folder.
    pub fn open(file: Option<&Path>) -> Result<Self, Failure> {
        let found = match file {
            Some(file) => file.to_owned(),
            None => search()?,
        };
        let usage = |error: &dyn std::error::Error| Failure::from_error(Code::Usage, error);
        let text = std::fs::read_to_string(&found).map_err(|error| {
            Failure::new(
                Code::Usage,
                format!("could not read {}: {error}", found.display()),
            )
        })?;
        let checklist =
            checklist::read(&found.display().to_string(), &text).map_err(|problems| {
                let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
                let count = plural("mistake", problems.len());
                Failure::new(Code::Usage, format!("{count} in {}", found.display()))
                    .details(shown.join("\n"))
            })?;
        let absolute = std::path::absolute(&found).map_err(|error| usage(&error))?;
        let root = absolute.parent().unwrap_or(Path::new("/")).to_owned();
        let folders = Folders::from_environment().map_err(|error| usage(&error))?;
        let paths = ProjectPaths::new(&folders, &checklist.project, &root)
            .map_err(|error| usage(&error))?;
        let command = file.map_or_else(
            || "golive".to_owned(),
            |file| {
                format!(
                    "golive -f {}",
                    super::report::shown(&quoted(&file.display().to_string()))
                )
            },
        );
        Ok(Self {
            root,
            file: absolute,
            checklist: Arc::new(checklist),
            folders,
            paths,
            by: paths::operator(),
            command,
        })
    }

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
    async fn warnings(&self, plan: &Plan) -> Vec<String> {
        if !plan
            .tasks()
            .any(|task| task.milestone == Some(Milestone::TagWritten))
        {
            return Vec::new();
        }
        let git = self.git();
        let questions =
            async { tokio::join!(git.missing_identity(), live_trouble(&git, &plan.release)) };
        let Ok((identity, live)) = tokio::time::timeout(REMOTE_PATIENCE, questions).await else {
            let remote = plan.release.remote.as_deref().unwrap_or("the remote");
            return vec![format!(
                "{remote} does not answer: whether LIVE was moved there is not known"
            )];
        };
        let identity = identity
            .ok()
            .flatten()
            .map(|what| format!("the tag cannot be written: {what}"));
        let live = live.unwrap_or_else(|error| Some(error.to_string()));
        identity.into_iter().chain(live).collect()
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

/// A text as one word of a shell command.
fn quoted(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
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

/// Looks for the checklist here and in the parent folders.
fn search() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir().map_err(|error| {
        Failure::new(
            Code::Usage,
            format!("could not tell the current folder: {error}"),
        )
    })?;
    let found = here
        .ancestors()
        .map(|folder| folder.join(FILE))
        .find(|file| file.is_file());
    found
        .map(|file| {
            file.strip_prefix(&here)
                .map_or(file.clone(), Path::to_owned)
        })
        .ok_or_else(|| {
            Failure::new(
                Code::Usage,
                format!("there is no {FILE} in {} or above it", here.display()),
            )
            .help("golive demo shows one at work; README.md has a first one to copy")
            .help("golive -f FILE names one elsewhere")
        })
}

fn git_failure(error: &GitError) -> Failure {
    let failure = Failure::from_error(Code::Usage, error);
    match error.help() {
        Some(help) => failure.help(help),
        None => failure,
    }
}

fn unbuildable(problems: &[BuildProblem]) -> Failure {
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
    let asked_here = places.contains(&None);
    let answers = join_all(places.iter().map(|place| greet_one(sites, place, listener))).await;
    let mut identities = Identities::new();
    let mut troubles: Vec<LaunchError> = Vec::new();
    for (place, answer) in places.into_iter().zip(answers) {
        match answer {
            Ok(hello) => {
                identities.insert(place, hello.identity);
            }
            Err(error) => troubles.push(error),
        }
    }
    if troubles.is_empty() {
        return Ok(identities);
    }
    let here = !identities.contains_key(&None) && asked_here;
    let hosts = troubles.len() - usize::from(here);
    let what = match (here, hosts) {
        (true, 0) => "this machine".to_owned(),
        (true, hosts) => format!("this machine and {}", plural("host", hosts)),
        (false, hosts) => plural("host", hosts),
    };
    let mut failure = Failure::new(
        Code::Unreachable,
        format!("{what} cannot be used, nothing was started"),
    );
    for trouble in troubles {
        failure.causes.push(trouble.to_string());
        let help = trouble.help().map(str::to_owned);
        failure
            .help
            .extend(help.filter(|help| !failure.help.contains(help)));
    }
    Err(failure)
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
        first: first.into_iter().collect(),
    };
    let (control, orders) = engine::control();
    let engine = tokio::spawn(engine::run(doors, start, orders, feed));
    Driven {
        state,
        control,
        logs,
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
