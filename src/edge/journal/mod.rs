//! The journal on disk: run folders, their journal, their owner, and the list of them.
//!
//! A run folder holds `plan.json` with `plan.sha256` beside it, `journal.jsonl`, `owner` and `logs/`; folders 0700,
//! files 0600. It is made by `create`, continued by `open_for_writing` (for one console at a time) and read by
//! anybody. The plan is on disk before the first record and never changes: what is read is what was written, or
//! an error. What the records mean is the domain's business.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::domain::id::RunId;
use crate::domain::plan::{PLAN_VERSION, Plan};
use crate::domain::run::{Event, Record};
use crate::edge::logs::Logs;
use crate::edge::paths::{PathError, ProjectPaths, hex, make_private};

pub mod brought;
pub mod format;
pub mod list;
mod order;
pub mod owner;
pub mod reader;
pub mod stir;
pub mod watch;
pub mod writer;

use order::Places;
pub use owner::{Owner, Role};
pub use reader::ReadError;
pub use writer::JournalWriter;

const PLAN: &str = "plan.json";
/// In the form of `sha256sum`, so that people can check it as well.
const PLAN_SUM: &str = "plan.sha256";
const JOURNAL: &str = "journal.jsonl";
const LOGS: &str = "logs";

/// Why a run's folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no such run.
    #[error("there is no run {0} of this project on this machine")]
    Unknown(String),
    /// The id is taken; another one has to be made.
    #[error("there is a run {0} already")]
    Exists(RunId),
    /// Another console owns it.
    #[error("run {run} is owned by another golive ({owner})")]
    Owned {
        /// The run.
        run: RunId,
        /// Who: `pid 4711, ada@laptop`.
        owner: String,
    },
    /// The folder cannot be made.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] ReadError),
    /// The plan cannot be read.
    #[error("could not read the plan {path}: {why}")]
    Plan {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file cannot be read or written.
    #[error("could not use {path}: {why}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
}

/// The folder of one run.
#[derive(Debug, Clone)]
pub struct RunFolder {
    run: RunId,
    path: PathBuf,
}

/// What is stored of a run.
#[derive(Debug, Clone)]
pub struct StoredRun {
    /// The frozen plan.
    pub plan: Arc<Plan>,
    /// The records, in order.
    pub records: Vec<Record>,
    /// Who owns the run now; `None` = nobody does.
    pub owner: Option<String>,
}

/// A run this process owns, until it is dropped.
#[derive(Debug)]
pub struct OwnedRun {
    /// Its folder.
    pub folder: RunFolder,
    /// The frozen plan.
    pub plan: Arc<Plan>,
    /// The records so far, in order.
    pub records: Vec<Record>,
    /// Appends the next ones.
    pub writer: JournalWriter,
    /// The lock; keep it as long as the writer.
    pub owner: Owner,
}

impl RunFolder {
    /// Makes the folder of a new run with its plan, and takes its lock for `by` (`user@machine`).
    ///
    /// When this returns, folder, plan and an empty journal are on disk.
    pub fn create(
        project: &ProjectPaths,
        run: &RunId,
        plan: &Plan,
        by: &str,
    ) -> Result<OwnedRun, RunError> {
        let path = project
            .run(run)
            .ok_or_else(|| RunError::Unknown(run.to_string()))?;
        make_private(&project.runs())?;
        let places = Places::read(project).map_err(|why| at(project.folder(), why))?;
        if places.has(run) {
            return Err(RunError::Exists(run.clone()));
        }
        if let Err(why) = DirBuilder::new().mode(0o700).create(&path) {
            return Err(match why.kind() {
                io::ErrorKind::AlreadyExists => RunError::Exists(run.clone()),
                _ => RunError::File { path, why },
            });
        }
        let folder = Self {
            run: run.clone(),
            path,
        };
        let owner = folder.take(by, Role::Console)?;
        make_private(&folder.path.join(LOGS))?;
        order::add(project, run).map_err(|why| at(project.folder(), why))?;
        // Before the plan: a plan without a journal is a run whose journal was lost.
        let journal = folder.path.join(JOURNAL);
        let file = private_file(&journal).map_err(|why| at(&journal, why))?;
        file.sync_all().map_err(|why| at(&journal, why))?;
        folder.write_plan(plan)?;
        // A file exists after a power cut only when its folder was synced as well, and so on upwards.
        for part in [&folder.path, &project.runs(), project.folder()] as [&Path; 3] {
            sync_folder(part)?;
        }
        Ok(OwnedRun {
            plan: Arc::new(plan.clone()),
            records: Vec::new(),
            writer: JournalWriter::new(&journal, file, format::Chain::default()),
            owner,
            folder,
        })
    }

    /// The folder of an existing run. One that has lost its journal or its plan is a damaged run; one without a plan
    /// and without a record was never prepared to its end, and is none.
    pub fn find(project: &ProjectPaths, run: &RunId) -> Result<Self, RunError> {
        project
            .run(run)
            .filter(|path| {
                let has_records = |facts: fs::Metadata| facts.len() > 0;
                path.join(PLAN).is_file() || fs::metadata(path.join(JOURNAL)).is_ok_and(has_records)
            })
            .map(|path| Self {
                run: run.clone(),
                path,
            })
            .ok_or_else(|| RunError::Unknown(run.to_string()))
    }

    /// The run's id.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The output of its attempts.
    pub fn logs(&self) -> Logs {
        Logs::new(self.path.join(LOGS))
    }

    /// The file that grows with every record.
    pub fn journal_file(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// How many bytes its journal has now: whether there is news, without reading it.
    pub fn recorded(&self) -> u64 {
        let journal = self.path.join(JOURNAL);
        std::fs::metadata(journal).map_or(0, |about| about.len())
    }

    /// Reads the run without owning it; a line that is being written just now is left out.
    pub fn open_for_reading(&self) -> Result<StoredRun, RunError> {
        let records = reader::read(&self.path.join(JOURNAL))?.records;
        let plan = self.read_plan(&records)?;
        let owner = owner::owner(&self.path).map_err(|why| at(&self.path, why))?;
        Ok(StoredRun {
            plan: Arc::new(plan),
            records,
            owner,
        })
    }

    /// Takes the lock for `by` (`user@machine`) and continues the journal; a torn last line is cut off.
    pub fn open_for_writing(&self, by: &str) -> Result<OwnedRun, RunError> {
        self.open_as(by, Role::Console)
    }

    /// The same as a console or as a background runner.
    pub fn open_as(&self, by: &str, role: Role) -> Result<OwnedRun, RunError> {
        let owner = self.take(by, role)?;
        let path = self.path.join(JOURNAL);
        // Read first: a journal that is missing must not be made anew, as if nothing had happened.
        let reading = reader::read(&path)?;
        let file = private_file(&path).map_err(|why| at(&path, why))?;
        let plan = self.read_plan(&reading.records)?;
        let length = file.metadata().map_err(|why| at(&path, why))?.len();
        if length > reading.valid {
            file.set_len(reading.valid).map_err(|why| at(&path, why))?;
        }
        // What was read may still be in memory only, and decisions are made on it from now on.
        file.sync_all().map_err(|why| at(&path, why))?;
        sync_folder(&self.path)?;
        make_private(&self.path.join(LOGS))?;
        Ok(OwnedRun {
            plan: Arc::new(plan),
            records: reading.records,
            writer: JournalWriter::new(&path, file, reading.chain),
            owner,
            folder: self.clone(),
        })
    }

    /// Deletes the run with its output. Refused while a console owns it.
    pub fn remove(self, by: &str) -> Result<(), RunError> {
        let _owner = self.take(by, Role::Console)?;
        // Renamed first: a folder that is half deleted must not look like a run. The dot hides it from lists.
        let hidden = self.path.with_file_name(format!(".removed-{}", self.run));
        fs::rename(&self.path, &hidden).map_err(|why| at(&self.path, why))?;
        fs::remove_dir_all(&hidden).map_err(|why| at(&hidden, why))
    }

    /// Who owns the run now; `None` = nobody does.
    pub fn owner(&self) -> Result<Option<String>, RunError> {
        owner::owner(&self.path).map_err(|why| at(&self.path, why))
    }

    fn take(&self, by: &str, role: Role) -> Result<Owner, RunError> {
        owner::take(&self.path, by, role)
            .map_err(|why| at(&self.path, why))?
            .map_err(|owner| RunError::Owned {
                run: self.run.clone(),
                owner,
            })
    }

    fn write_plan(&self, plan: &Plan) -> Result<(), RunError> {
        let path = self.path.join(PLAN);
        let written = || -> io::Result<()> {
            let bytes = serde_json::to_vec_pretty(plan)?;
            let mut sum = private_file(&self.path.join(PLAN_SUM))?;
            sum.write_all(sum_of(&bytes).as_bytes())?;
            sum.sync_all()?;
            let unfinished = self.path.join(".plan.json");
            let mut file = private_file(&unfinished)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)
        };
        written().map_err(|why| at(&path, why))
    }

    /// The plan as it was written, which the run of these records was started with.
    fn read_plan(&self, records: &[Record]) -> Result<Plan, RunError> {
        let path = self.path.join(PLAN);
        let whole = |path: PathBuf| {
            fs::read(&path).map_err(|why| RunError::Plan {
                path,
                why: why.to_string(),
            })
        };
        let bytes = whole(path.clone())?;
        let sum = whole(self.path.join(PLAN_SUM))?;
        let damaged = |why: String| RunError::Plan {
            path: path.clone(),
            why,
        };
        if sum != sum_of(&bytes).as_bytes() {
            return Err(damaged("its checksum does not fit".to_owned()));
        }
        let plan: Plan = serde_json::from_slice(&bytes).map_err(|why| damaged(why.to_string()))?;
        if plan.version != PLAN_VERSION {
            return Err(damaged(format!(
                "it has version {}, and this golive reads version {PLAN_VERSION}",
                plan.version
            )));
        }
        match records.first().map(|record| &record.event) {
            Some(Event::RunStarted { digest, .. }) if *digest != plan.digest => Err(damaged(
                "the journal is of a run of another plan".to_owned(),
            )),
            _ => Ok(plan),
        }
    }
}

fn sum_of(bytes: &[u8]) -> String {
    format!("{}  {PLAN}\n", hex(&Sha256::digest(bytes)))
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

fn sync_folder(path: &Path) -> Result<(), RunError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|why| at(path, why))
}

fn at(path: &Path, why: io::Error) -> RunError {
    RunError::File {
        path: path.to_owned(),
        why,
    }
}
