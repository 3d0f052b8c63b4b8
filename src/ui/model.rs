//! The model: everything the screen knows and where the operator stands in it.
//!
//! It owns no truth: the run is folded from its records with the engine's own `apply`, the rest is told by
//! messages. Only `update` changes it; drawing reads it. Guards against acting by accident live in [`Guard`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;

use super::msg::{DocumentId, Notice, Owner};
use super::prompt::Prompt;
use super::quotes::Quotes;
use super::shelf::Shelf;
use super::tail::TailView;
use super::theme::Theme;
use super::viewer::{Labels, Viewer};
use crate::domain::catalog::{HostVersion, Meaning};
use crate::domain::feed::{Link, LockNews};
use crate::domain::id::{Commit, EnvName, HostName, LockId, RunId, SecretName, StepName, TaskId};
use crate::domain::lock::LockView;
use crate::domain::overview::Overview;
use crate::domain::plan::Plan;
use crate::domain::run::{Intent, Moment, Outcome, RunState, RunStatus};
use crate::domain::secret::Concealed;

/// How long after a dialog opened, or the window got the focus back, no key can act.
pub const DEAD_TIME_MS: i64 = 400;

/// Everything the screen knows.
#[derive(Debug, Clone)]
pub struct Model {
    /// How it looks.
    pub theme: Theme,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The project's name.
    pub project: String,
    /// Who sits here: `user@machine`.
    pub by: String,
    /// What `D` on the home screen releases.
    pub reference: String,
    /// Which screen shows.
    pub view: View,
    /// The screen that the run on screen was opened from: leaving it leads back there.
    pub behind: View,
    /// What is known about the project; `None` until it was gathered.
    pub overview: Option<Box<Overview>>,
    /// The newest word about each host, and when it came.
    pub links: BTreeMap<(EnvName, HostName), (Link, Moment)>,
    /// Hosts that stopped answering and have not answered since, also while they are asked again.
    pub silent: BTreeSet<(EnvName, HostName)>,
    /// Who holds the lock of each environment, and when that was looked at.
    pub locks: BTreeMap<EnvName, (LockView, Moment)>,
    /// What hosts said they run, when they were asked last.
    pub versions: Vec<HostVersion>,
    /// A rollback that was asked for: what it means, and its plan once that was made.
    pub going_back: Option<GoingBack>,
    /// The run on screen.
    pub run: Option<RunView>,
    /// The logs of servers; `None` until they were asked for.
    pub tail: Option<TailView>,
    /// Past releases.
    pub shelf: Shelf,
    /// What lies over the screen; the last one has the keys.
    pub dialogs: Vec<Dialog>,
    /// A line above the keys, and when it was said.
    pub notice: Option<(Notice, Moment)>,
    /// Against acting by accident.
    pub guard: Guard,
    /// Whether the window has the focus (unknown counts as yes).
    pub focused: bool,
    /// The panel of the home screen that has the keys.
    pub home_panel: HomePanel,
    /// The cursor in each panel of the home screen.
    pub home_cursor: [usize; 4],
    /// The cursor of the hosts screen.
    pub host_cursor: usize,
    /// A plan or run was asked for and has not come; in words.
    pub busy: Option<String>,
    /// The project has changed since it was looked at, and what of it: it is looked at again on the screens that show it.
    pub stirred: Stirred,
    /// For what hosts were asked last how they are; `None` = not yet.
    pub asked_for: Option<AskedFor>,
    /// A `.` was pressed: the next key names a source of the log.
    pub names_source: bool,
}

impl Model {
    /// A model that knows nothing yet; the home screen shows.
    pub fn new(project: &str, by: &str, reference: &str, theme: Theme) -> Self {
        Self {
            theme,
            size: (0, 0),
            project: project.to_owned(),
            by: by.to_owned(),
            reference: reference.to_owned(),
            view: View::Home,
            behind: View::Home,
            overview: None,
            links: BTreeMap::new(),
            silent: BTreeSet::new(),
            locks: BTreeMap::new(),
            versions: Vec::new(),
            going_back: None,
            run: None,
            tail: None,
            shelf: Shelf::default(),
            dialogs: Vec::new(),
            notice: None,
            guard: Guard::default(),
            focused: true,
            home_panel: HomePanel::Where,
            home_cursor: [0; 4],
            host_cursor: 0,
            busy: None,
            stirred: Stirred::Nothing,
            asked_for: None,
            names_source: false,
        }
    }

    /// What `D` releases, as people call it: the branch when that is what HEAD is.
    pub fn reference_name(&self) -> &str {
        let repository = self
            .overview
            .as_ref()
            .and_then(|overview| overview.repository.as_ref());
        match repository.and_then(|repository| repository.branch.as_deref()) {
            Some(branch) if self.reference == "HEAD" => branch,
            _ => &self.reference,
        }
    }

    /// Whether this console drives a run that is going on: leaving has consequences.
    pub fn drives(&self) -> bool {
        self.run.as_ref().is_some_and(|view| {
            view.owner == Owner::Here
                && !matches!(
                    view.state.status,
                    RunStatus::Prepared | RunStatus::Finished(_)
                )
        })
    }

    /// The viewer on screen.
    pub fn viewer(&self) -> Option<&Viewer> {
        match self.view {
            View::Logs => self.tail.as_ref().map(|tail| &tail.viewer),
            View::Run => self.run.as_ref().map(|run| &run.log),
            _ => None,
        }
    }

    /// The viewer on screen, to be changed.
    pub fn viewer_mut(&mut self) -> Option<&mut Viewer> {
        match self.view {
            View::Logs => self.tail.as_mut().map(|tail| &mut tail.viewer),
            View::Run => self.run.as_mut().map(|run| &mut run.log),
            _ => None,
        }
    }

    /// The environment that `B` goes back in: that of the run on screen, the one that is marked on the home screen, else
    /// the last one with a gate.
    pub fn env_to_roll_back(&self) -> Option<EnvName> {
        if let (View::Run | View::Gate, Some(run)) = (self.view, &self.run) {
            let mut stages = run.state.plan.stages.iter().rev();
            return stages.find_map(|stage| stage.env.clone());
        }
        let environments = &self.overview.as_ref()?.environments;
        let marked = environments.get(self.home_cursor[HomePanel::Where as usize]);
        let is_marked = self.view == View::Home && self.home_panel == HomePanel::Where;
        marked
            .filter(|_| is_marked)
            .or_else(|| environments.iter().rev().find(|env| env.gated))
            .or(environments.last())
            .map(|env| env.env.clone())
    }

    /// The run that `R` on the home screen goes on with: the marked one, be it unfinished or ended without
    /// success, else the newest unfinished one. `None` = there is nothing to go on with.
    pub fn to_go_on(&self) -> Option<&RunId> {
        let overview = self.overview.as_ref()?;
        let at = self.home_cursor[self.home_panel as usize];
        let mut runs = overview.runs.iter();
        match self.home_panel {
            HomePanel::Recent => {
                let marked = runs.filter(|run| run.outcome.is_some()).nth(at)?;
                let again = matches!(marked.outcome, Some(Outcome::Failed | Outcome::Stopped));
                again.then_some(&marked.run)
            }
            HomePanel::Unfinished => {
                let marked = runs.filter(|run| run.outcome.is_none()).nth(at)?;
                Some(&marked.run)
            }
            _ => runs.find(|run| run.outcome.is_none()).map(|run| &run.run),
        }
    }
}

/// What of the project has changed since it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stirred {
    /// Nothing.
    Nothing,
    /// Runs.
    Runs,
    /// Tags, branches or what is checked out.
    Refs,
}

/// What was so when hosts were asked last how they are and what they run: where it is not so any more they are asked again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedFor {
    /// What was live; `None` = nothing was known to be.
    pub live: Option<Commit>,
    /// The runs that were over, each with the second of its end: one that goes on and ends again has another.
    pub over: BTreeSet<(RunId, Option<i64>)>,
}

/// The screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// What is live where, what is ahead.
    Home,
    /// The plan and log of a run.
    Run,
    /// The decision before an environment.
    Gate,
    /// The logs of servers.
    Logs,
    /// Past releases.
    Releases,
    /// The hosts of the checklist.
    Hosts,
}

/// The panels of the home screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HomePanel {
    /// What runs where.
    Where,
    /// The commits of the next release.
    Next,
    /// Runs that are not over.
    Unfinished,
    /// Runs that are over.
    Recent,
}

/// The panes of the run screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// Steps × hosts.
    Plan,
    /// What the selected step prints.
    Log,
}

/// A run on screen.
#[derive(Debug, Clone)]
pub struct RunView {
    /// Its state, folded from its records.
    pub state: RunState,
    /// Who drives it.
    pub owner: Owner,
    /// The row of the plan the cursor is on.
    pub cursor: usize,
    /// The cursor goes with what runs.
    pub follow: bool,
    /// Stages whose steps are hidden.
    pub folded: BTreeSet<usize>,
    /// The pane that has the keys.
    pub pane: Pane,
    /// That pane alone is shown.
    pub zoom: bool,
    /// The last words of its tasks.
    pub quotes: Quotes,
    /// What the step that is looked at printed.
    pub log: Viewer,
    /// Failures whose dialog was closed without a decision.
    pub put_off: BTreeSet<TaskId>,
    /// Why the journal cannot be written: nothing more is launched.
    pub journal_failed: Option<String>,
    /// Why this machine could not be used the last time it was asked, when that was, and how long after it the next try is.
    pub here_failed: Option<(String, Moment, std::time::Duration)>,
    /// The locks that the run wants and does not have.
    pub wanted: BTreeMap<EnvName, Wanted>,
    /// What differs between its plan and `releases.toml` as it is now.
    pub differs: Vec<String>,
    /// The gate's screen.
    pub gate: GateView,
}

impl RunView {
    /// Looks at a run from its beginning.
    pub fn new(state: RunState, owner: Owner) -> Self {
        Self {
            state,
            owner,
            cursor: 0,
            follow: true,
            folded: BTreeSet::new(),
            pane: Pane::Plan,
            zoom: false,
            quotes: Quotes::default(),
            log: Viewer::new(DocumentId::Step(0), Labels::default()),
            put_off: BTreeSet::new(),
            journal_failed: None,
            here_failed: None,
            wanted: BTreeMap::new(),
            differs: Vec::new(),
            gate: GateView::default(),
        }
    }
}

/// A lock that is wanted and not held.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// How it is.
    pub news: LockNews,
    /// Since when.
    pub at: Moment,
    /// Who had it, as far as that was heard.
    pub holder: Option<String>,
    /// Its dialog was closed without a decision.
    pub put_off: bool,
}

/// A rollback that was asked for, before it is on the run screen. Its meaning stays while its run is there.
#[derive(Debug, Clone)]
pub struct GoingBack {
    /// What it would mean.
    pub meaning: Meaning,
    /// Its plan, with the id of its run; `None` = it is still being made.
    pub prepared: Option<(RunId, Arc<Plan>)>,
    /// The operator wants to see the plan as soon as it is there.
    pub wanted: bool,
}

/// The gate's screen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GateView {
    /// The stage whose gate was shown of its own accord; it is not shown so again.
    pub reached: Option<usize>,
    /// The panel with the keys: 0 evidence, 1 contents, 2 commands, 3 the field.
    pub panel: usize,
    /// First row shown in each panel.
    pub scroll: [usize; 3],
    /// What was typed.
    pub typed: String,
    /// What became of the last try, in words.
    pub said: Option<String>,
}

/// The panel of the gate that is the field.
pub const GATE_FIELD: usize = 3;

/// What lies over a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialog {
    /// A question of the checklist is open.
    Ask {
        /// The ask-step's task.
        task: TaskId,
    },
    /// Tasks failed.
    Failure {
        /// Which.
        tasks: Vec<TaskId>,
        /// Where the operator looks.
        spot: Spot,
    },
    /// Nobody knows how tasks ended.
    Interrupted {
        /// Which.
        tasks: Vec<TaskId>,
        /// Where the operator looks.
        spot: Spot,
    },
    /// Why something is decided so is typed.
    Reason {
        /// What is decided.
        wish: Wish,
        /// What was typed.
        typed: String,
    },
    /// How to end the run.
    Abort {
        /// The choice that is looked at.
        choice: usize,
        /// Whether its locks stay.
        keep: bool,
    },
    /// The environment's name is typed to end everything now.
    Kill {
        /// What has to be typed.
        name: String,
        /// What was typed.
        typed: String,
        /// Whether its locks stay.
        keep: bool,
    },
    /// Somebody else has a lock that the run wants.
    Locked {
        /// Of which environment.
        env: EnvName,
        /// The choice that is looked at.
        choice: usize,
    },
    /// The environment's name is typed to take its lock over.
    Steal {
        /// Which environment.
        env: EnvName,
        /// The lock that was seen.
        lock: LockId,
        /// What was typed.
        typed: String,
    },
    /// What going back would mean, with a field for the reason; the rest stands in [`Model::going_back`].
    Rollback {
        /// What was typed.
        typed: String,
        /// First row shown.
        scroll: usize,
    },
    /// A secret is typed that the run needs to start or to go on.
    Secret {
        /// Which.
        name: SecretName,
        /// The steps it is for.
        steps: Vec<StepName>,
        /// What was wrong with the one before.
        said: Option<String>,
        /// What was typed.
        typed: Concealed,
    },
    /// The journal cannot be written.
    Unrecorded,
    /// The screen is left while this console drives a run.
    Leave,
    /// The keys.
    Help {
        /// Show only rows with this text.
        query: String,
        /// First row shown.
        scroll: usize,
    },
    /// Every action by name.
    Palette {
        /// What was typed.
        query: String,
        /// The marked row.
        cursor: usize,
    },
    /// A text is typed for the log; in the last rows.
    Prompt(Prompt),
    /// The filters of the log.
    Filters {
        /// The rule that is looked at.
        cursor: usize,
    },
    /// Of which environment the logs are shown.
    Environments {
        /// The one that is looked at.
        cursor: usize,
    },
    /// Something to read.
    Message {
        /// What it is about.
        title: String,
        /// The text.
        lines: Vec<String>,
        /// First row shown.
        scroll: usize,
    },
}

/// Where the operator looks in a dialog with choices about tasks. Looking decides nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spot {
    /// The choice, from the top.
    pub choice: usize,
    /// What it is about: 0 = all tasks, else the place of one, from 1.
    pub about: usize,
}

impl Spot {
    /// The tasks that are looked at.
    pub fn of<'a>(&self, tasks: &'a [TaskId]) -> &'a [TaskId] {
        match self.about {
            0 => tasks,
            about => tasks.get(about - 1..about).unwrap_or(tasks),
        }
    }
}

/// A decision that needs a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Do not run these tasks.
    Skip(Vec<TaskId>),
    /// Take these tasks as done.
    CountAsDone(Vec<TaskId>),
    /// Run nothing more on this host.
    LeaveOut(EnvName, HostName),
}

impl Wish {
    /// The wish with its reason.
    pub fn because(self, reason: String) -> Intent {
        match self {
            Self::Skip(tasks) => Intent::Skip { tasks, reason },
            Self::CountAsDone(tasks) => Intent::CountAsDone { tasks, reason },
            Self::LeaveOut(env, host) => Intent::LeaveOut { env, host, reason },
        }
    }
}

/// Against acting by accident: for a while after something that can act has appeared, nothing acts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    since: Option<Moment>,
}

impl Guard {
    /// Something that can act appeared, the focus came back, or a key came too early: start again.
    pub fn restart(&mut self, now: Moment) {
        self.since = Some(now);
    }

    /// Whether keys may act. A clock that went back counts as too early.
    pub fn is_open(&self, now: Moment) -> bool {
        self.since.is_none_or(|since| {
            now.signed_duration_since(since) >= TimeDelta::milliseconds(DEAD_TIME_MS)
        })
    }
}

/// Why an action is off, or that it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Availability {
    /// It can be done now.
    On,
    /// It has no meaning here and is not offered.
    Elsewhere,
    /// It cannot be done now; the text says why.
    Off(String),
}
