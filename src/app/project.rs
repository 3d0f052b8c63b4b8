//! A project: what belongs to its folder, and its checklist.
//!
//! Owns where a project is looked for: its `releases.toml` here or above, or a folder that had runs. Runs have all they
//! need frozen in their plans, so a project can be opened for them when its file is missing or wrong, also after its
//! folder was moved. Nothing is planned or started here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::report::{Code, Failure};
use crate::domain::checklist::{self, Checklist, RollbackRules, SshRules};
use crate::domain::id::Commit;
use crate::domain::plan::Plan;
use crate::domain::release::ReleaseRules;
use crate::domain::text::plural;
use crate::edge::git::Git;
use crate::edge::journal::list;
use crate::edge::paths::{self, Folders, PathError, ProjectPaths};
use crate::edge::roots;

/// The name of the checklist's file.
pub const FILE: &str = "releases.toml";

/// How many runs are looked through for an unfinished one.
const NEWEST_RUNS: usize = 20;

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
        let found = file.map_or_else(search, |file| Ok(file.to_owned()));
        let read = found.and_then(|found| Ok((read(&found)?, found)));
        let (checklist, found) = read.map_err(|failure| with_run_left(failure, file))?;
        Self::of(&found, file, Some(checklist))
    }

    /// The same for what needs no checklist: runs have all they need in their plans. Where it cannot be read, the
    /// project has no hosts and no steps. Fails over it only where nothing ever ran.
    pub fn open_for_runs(file: Option<&Path>) -> Result<Self, Failure> {
        let found = match file {
            Some(file) => file.to_owned(),
            None => match (search(), root_of_runs()?) {
                // A folder that had runs, below one with a file, is a project whose file is missing.
                (Ok(found), Some(root)) if !is_above(&root, &found) => found,
                (Err(failure), None) => return Err(failure),
                (Ok(found), None) => found,
                (_, Some(root)) => root.join(FILE),
            },
        };
        let (checklist, trouble) = match read(&found) {
            Ok(checklist) => (Some(checklist), None),
            Err(failure) => (None, Some(failure)),
        };
        let project = Self::of(&found, file, checklist)?;
        match trouble {
            Some(failure) if !project.paths.folder().exists() => Err(failure),
            _ => Ok(project),
        }
    }

    /// The project of the file `found`, which was asked for as `file`.
    fn of(
        found: &Path,
        file: Option<&Path>,
        checklist: Option<Checklist>,
    ) -> Result<Self, Failure> {
        let usage = |error: &dyn std::error::Error| Failure::from_error(Code::Usage, error);
        let absolute = std::path::absolute(found).map_err(|error| usage(&error))?;
        let root = absolute.parent().unwrap_or(Path::new("/")).to_owned();
        let folders = Folders::from_environment().map_err(|error| no_folders(&error))?;
        let name = checklist.as_ref().map(|checklist| &*checklist.project);
        let git = Git::new(&root);
        let found = roots::find(&folders, &root, name, |commit| knows(&git, commit))
            .map_err(|error| usage(&error))?;
        if let Some(from) = &found.moved_from {
            super::report::note(&format!(
                "this project was in {} before: its runs are found here from now on",
                from.display()
            ));
        }
        let command = file.map_or_else(
            || "golive".to_owned(),
            |file| {
                format!(
                    "golive -f {}",
                    super::report::shown(&quoted(&file.display().to_string()))
                )
            },
        );
        let checklist = checklist.unwrap_or_else(|| nothing(found.project));
        Ok(Self {
            root,
            file: absolute,
            checklist: Arc::new(checklist),
            folders,
            paths: found.paths,
            by: paths::operator(),
            command,
        })
    }

    /// The project as a run of this plan needs it: with the rules that were frozen with it.
    #[must_use]
    pub fn for_run(&self, plan: &Plan) -> Self {
        let checklist = Checklist {
            project: plan.project.clone(),
            release: plan.release.clone(),
            ssh: plan.ssh.clone(),
            secrets: plan.secrets.clone(),
            ..Checklist::clone(&self.checklist)
        };
        Self {
            checklist: Arc::new(checklist),
            ..self.clone()
        }
    }

    /// Records which project folder its runs belong to. Without it they are still found by this folder's path.
    pub fn remember(&self, plan: &Plan) {
        let commit = plan.commit.as_ref().map(Commit::as_str);
        if paths::make_private(self.paths.folder()).is_ok() {
            let _ = roots::keep(&self.paths, &self.root, Some(&plan.project), commit);
        }
    }
}

/// Reads a checklist.
pub(super) fn read(file: &Path) -> Result<Checklist, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::new(
            Code::Usage,
            format!("could not read {}: {error}", file.display()),
        )
    })?;
    checklist::read(&file.display().to_string(), &text).map_err(|problems| {
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let count = plural("mistake", problems.len());
        Failure::new(Code::Usage, format!("{count} in {}", file.display()))
            .details(shown.join("\n"))
    })
}

/// The failure to read a checklist, with the run that does not need it.
fn with_run_left(failure: Failure, file: Option<&Path>) -> Failure {
    let Ok(project) = Project::open_for_runs(file) else {
        return failure;
    };
    let runs = list::survey(&project.paths, NEWEST_RUNS)
        .unwrap_or_default()
        .runs;
    let left = runs
        .iter()
        .find(|run| run.outcome.is_none() && run.damaged.is_none());
    match left {
        Some(run) => failure.help(format!(
            "{} resume {} goes on with the unfinished run all the same",
            project.command, run.run
        )),
        None => failure,
    }
}

/// A checklist that says nothing but the project's name.
fn nothing(project: Option<String>) -> Checklist {
    Checklist {
        project: project.unwrap_or_else(|| "this project".to_owned()),
        release: ReleaseRules::default(),
        ssh: SshRules::default(),
        environments: Vec::new(),
        steps: BTreeMap::new(),
        groups: BTreeMap::new(),
        stages: Vec::new(),
        logs: Vec::new(),
        secrets: BTreeMap::new(),
        rollback: RollbackRules::default(),
    }
}

fn no_folders(error: &PathError) -> Failure {
    Failure::from_error(Code::Usage, error)
        .help("set HOME, or XDG_STATE_HOME to the folder golive keeps its runs in")
}

/// Whether the repository has this commit. Asked about projects that are gone from where they were.
fn knows(git: &Git, commit: &str) -> bool {
    let asked = tokio::runtime::Handle::try_current();
    asked.is_ok_and(|runtime| {
        tokio::task::block_in_place(|| runtime.block_on(git.resolve(commit)).is_ok())
    })
}

/// The folder here or above that has runs.
fn root_of_runs() -> Result<Option<PathBuf>, Failure> {
    let folders = Folders::from_environment().map_err(|error| no_folders(&error))?;
    let here = std::env::current_dir().map_err(|error| {
        Failure::new(
            Code::Usage,
            format!("could not tell the current folder: {error}"),
        )
    })?;
    roots::nearest(&folders, &here).map_err(|error| Failure::from_error(Code::Failed, &error))
}

/// Whether `file` stands above `root`.
fn is_above(root: &Path, file: &Path) -> bool {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    absolute
        .parent()
        .is_some_and(|folder| folder != root && root.starts_with(folder))
}

/// A text as one word of a shell command.
fn quoted(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
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
