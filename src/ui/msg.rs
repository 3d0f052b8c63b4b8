//! What the screen hears and what it asks for: `Msg` in, `Cmd` out.
//!
//! Both are plain data. `app::console` turns keys, the engine's feed and answers of the edge into messages and
//! carries out the commands; it decides nothing about the run. A message travels with the moment it *arrived*
//! (not when it is handled), so that keys from before a dialog opened can be told from those after it.

use std::sync::Arc;

use crossterm::event::KeyEvent;

use crate::domain::catalog::{Catalog, Detail, HostVersion, Meaning, Release};
use crate::domain::diff::Diff;
use crate::domain::diff::drawn::{Drawn, Tool};
use crate::domain::feed::Update;
use crate::domain::id::{Attempt, Commit, EnvName, RunId, SecretName, StepName, TaskId};
use crate::domain::lock::LockView;
use crate::domain::log::{Bucket, Filters, Look, Open, Pattern, SourceNow, Spot, Voice, Window};
use crate::domain::overview::Overview;
use crate::domain::plan::Plan;
use crate::domain::run::{Intent, Moment, RunState};
use crate::domain::secret::Concealed;

/// Something the screen hears.
#[derive(Debug, Clone)]
pub enum Msg {
    /// A key, as the terminal reported it.
    Key(KeyEvent),
    /// Pasted text; only text fields that change nothing take it.
    Paste(String),
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
    /// The terminal window got the focus.
    FocusGained,
    /// The terminal window lost the focus.
    FocusLost,
    /// Time went on; the model forgets what has expired.
    Tick,
    /// The engine said something about the run on screen; also host connections outside of a run.
    Feed(Update),
    /// What is known about the project was gathered (again).
    Overview(Box<Overview>),
    /// The repository or the runs of the project have changed, whoever did it.
    Stirred {
        /// Tags, branches or what is checked out have changed; else runs only.
        refs: bool,
    },
    /// A plan was made and waits for `D`.
    PlanReady {
        /// The run's id.
        run: RunId,
        /// What it would do.
        plan: Arc<Plan>,
    },
    /// A run was read from its journal.
    RunOpened {
        /// Its state after the last record.
        state: Box<RunState>,
        /// Who drives it.
        owner: Owner,
    },
    /// The end of an attempt's output, read from its file.
    LogWindow {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
        /// Bytes of the file before these; more than 0 = the file is longer than this window.
        offset: u64,
        /// The bytes, exactly.
        bytes: Arc<[u8]>,
    },
    /// `releases.toml` has changed since the run on screen was planned: what differs, one line each. The run keeps to
    /// its own plan.
    PlanDiffers(Vec<String>),
    /// Somebody else drives the run on screen now, or nobody does any more.
    OwnerChanged(Owner),
    /// The places of these environments said who holds their locks.
    Locks(Vec<LockView>),
    /// A wish was not granted; the text says why.
    Refused(String),
    /// Something to tell.
    Notice(Notice),
    /// Something about a log.
    Log(LogNews),
    /// Something about past releases.
    Releases(ReleaseNews),
    /// A run that is to start or to go on needs a secret that has to be typed; answered with `Cmd::Secret`.
    SecretWanted {
        /// Which.
        name: SecretName,
        /// The steps it is for.
        steps: Vec<StepName>,
        /// What was wrong with the one before.
        said: Option<String>,
    },
}

/// A document of lines, see [`crate::domain::log`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentId {
    /// The output of a step of the run on screen, on all its hosts; the number is that of its first task in the run.
    Step(usize),
    /// The logs of servers that are followed now.
    Tail,
}

/// What the screen hears about logs.
#[derive(Debug, Clone)]
pub enum LogNews {
    /// A window that was asked for.
    Window {
        /// Of which document.
        document: DocumentId,
        /// The serial of the question: older answers than the newest question are of no use.
        serial: u64,
        /// The lines.
        window: Box<Window>,
    },
    /// A document has grown, or a search or filter has got on, since the last window; told at most once a frame.
    Changed(DocumentId),
    /// How the sources that are followed are now.
    Sources(Vec<SourceNow>),
    /// Why lines of servers that come cannot be kept; `None` = they are kept again.
    Unkept(Option<String>),
    /// Lines over time, oldest first, of equal stretches of the time asked for.
    Histogram {
        /// Of which document.
        document: DocumentId,
        /// Begin and end in milliseconds since 1970.
        span_ms: (i64, i64),
        /// The stretches.
        buckets: Vec<Bucket>,
    },
    /// A line whole, made readable (JSON on several lines), or as much of it as fits.
    Whole {
        /// Which.
        spot: Spot,
        /// Its text, line by line, safe to show.
        lines: Vec<String>,
    },
}

/// What the screen asks of logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogWish {
    /// A window; answered with `LogNews::Window` before the next frame.
    Look {
        /// Of which document.
        document: DocumentId,
        /// Comes back with the answer.
        serial: u64,
        /// Which window.
        look: Look,
    },
    /// What shows of a document from now on.
    Filter {
        /// Of which document.
        document: DocumentId,
        /// What shows.
        filters: Filters,
    },
    /// What is searched for in a document; `None` = nothing any more. Cancels the search before.
    Search {
        /// In which document.
        document: DocumentId,
        /// What.
        pattern: Option<Pattern>,
        /// The search begins around here.
        from: Option<Spot>,
    },
    /// golive says something in a step's log.
    Say {
        /// The task, by its place in the run.
        task: usize,
        /// When.
        at: Moment,
        /// Whether it is about a failure.
        voice: Voice,
        /// What.
        text: String,
    },
    /// Lines over time; answered with `LogNews::Histogram`.
    Histogram {
        /// Of which document.
        document: DocumentId,
        /// Into how many stretches.
        buckets: usize,
        /// Begin and end in milliseconds since 1970.
        span_ms: (i64, i64),
    },
    /// A line whole; answered with `LogNews::Whole`.
    Whole {
        /// Of which document.
        document: DocumentId,
        /// Which line.
        spot: Spot,
    },
    /// Put lines that show on the clipboard, from here to here; answered with a notice that says where they went.
    Copy {
        /// Of which document.
        document: DocumentId,
        /// The first.
        from: Spot,
        /// The last.
        to: Spot,
        /// What was opened by hand shows, too.
        open: Open,
    },
    /// Write lines to a file; answered with a notice that names it.
    Save {
        /// Of which document.
        document: DocumentId,
        /// Only lines that show; else all of them.
        shown: bool,
        /// The file, as typed; relative to the folder golive was started in.
        path: String,
    },
    /// Show the whole document in the pager, safe to print.
    Page(DocumentId),
    /// Follow the logs of an environment's hosts (again); what was followed before is let go.
    Tail(EnvName),
}

/// What the screen hears about past releases.
#[derive(Debug, Clone)]
pub enum ReleaseNews {
    /// What is known of them (again), newest first. The first one may hold the newest releases only.
    Catalog(Arc<Catalog>),
    /// It could not be read; the text says why.
    Trouble(String),
    /// Subjects of commits, for releases that were told without.
    Subjects(Vec<(Commit, String)>),
    /// Rows that were filled in: the release with what was counted and verified.
    Filled(Vec<Release>),
    /// One release as a whole.
    Shown(Box<Detail>),
    /// What differs between two points.
    Diff {
        /// That of the question: older answers than the newest question are of no use.
        serial: u64,
        /// It, or why there is none.
        diff: Result<Arc<Diff>, String>,
    },
    /// The programs that are installed here and draw differences.
    Tools(Vec<Tool>),
    /// What differs, drawn by one of them.
    Drawn {
        /// That of the question: older answers than the newest question are of no use.
        serial: u64,
        /// It, or why there is none.
        drawn: Result<Arc<Drawn>, String>,
    },
    /// The releases that touch a file whose path holds the text that is looked for.
    Found {
        /// That of the question.
        serial: u64,
        /// Their tags.
        tags: Vec<String>,
    },
    /// What hosts say they run.
    Versions(Vec<HostVersion>),
    /// What going back would mean; nothing was done yet. The plan for it follows as `PlanReady`.
    Meaning(Box<Meaning>),
}

/// What the screen asks of past releases. Nothing of it changes anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseWish {
    /// The catalog, first as far as tags here tell, then compared with the remote; answered with `Catalog`, twice, and
    /// with `Tools`.
    List,
    /// Count and verify these releases; answered with `Filled`.
    Fill(Vec<String>),
    /// A release as a whole; answered with `Shown`.
    Show(String),
    /// What differs; answered with `Diff`.
    Diff {
        /// Comes back with the answer.
        serial: u64,
        /// A tag or a commit; empty = the beginning.
        from: String,
        /// A tag or a commit.
        to: String,
        /// Only this file; `None` = all.
        path: Option<String>,
    },
    /// What differs, drawn by another program; answered with `Drawn`.
    Draw {
        /// Comes back with the answer.
        serial: u64,
        /// A tag or a commit; empty = the beginning.
        from: String,
        /// A tag or a commit.
        to: String,
        /// The program.
        tool: Tool,
        /// The columns it has.
        columns: u16,
        /// What stands behind it, where that is known: light?
        light: Option<bool>,
    },
    /// The releases that touch a file with this text in its path; answered with `Found`.
    Find {
        /// Comes back with the answer.
        serial: u64,
        /// The text.
        text: String,
    },
    /// Ask the hosts what they run; answered with `Versions`.
    Verify,
}

/// Who drives a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// This console.
    Here,
    /// Another one; it can only be watched from here. The text says which.
    Elsewhere(String),
    /// golive itself, in the background: it hands the run over when asked. The text says which process.
    Background(String),
    /// Nobody: it is over, or waits for somebody to go on.
    Nobody,
}

/// How the text of an owner begins that hands over when asked.
const BACKGROUND: &str = "background runner";

impl Owner {
    /// Who drives a run that is not driven here, from the text that its owner left; `None` = nobody.
    pub fn elsewhere(text: Option<String>) -> Self {
        match text {
            None => Self::Nobody,
            Some(text) if text.starts_with(BACKGROUND) => Self::Background(text),
            Some(text) => Self::Elsewhere(text),
        }
    }
}

/// How loud a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loudness {
    /// One line above the keys for some seconds (`copied 12 lines`).
    Line,
    /// A dialog that has to be closed (`could not read releases.toml`).
    Dialog,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How loud.
    pub loudness: Loudness,
    /// What, in one line.
    pub title: String,
    /// More, line by line: cause, help, a source snippet.
    pub lines: Vec<String>,
}

impl Notice {
    /// A line that goes away by itself.
    pub fn line(title: impl Into<String>) -> Self {
        Self {
            loudness: Loudness::Line,
            title: title.into(),
            lines: Vec::new(),
        }
    }

    /// A dialog with a title and a text.
    pub fn dialog(title: impl Into<String>, lines: Vec<String>) -> Self {
        Self {
            loudness: Loudness::Dialog,
            title: title.into(),
            lines,
        }
    }
}

/// Something the screen asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cmd {
    /// Tell the engine the operator's wish about the run on screen.
    Send(Intent),
    /// Make a plan for this commit, branch or tag; answered with `PlanReady` or a notice.
    PrepareDeploy {
        /// What to release.
        reference: String,
    },
    /// Say what going back would mean, and make a plan for it; answered with `Meaning` and `PlanReady`, or a notice.
    PrepareRollback {
        /// Where.
        env: EnvName,
        /// The release; `None` = the newest one that can be gone back to.
        tag: Option<String>,
    },
    /// The reason of the prepared run, kept with it, its lock and its release.
    GiveReason(String),
    /// Start the prepared run on screen, and no other one that was prepared meanwhile.
    StartRun(RunId),
    /// Read a run from its journal, to look at it; answered with `RunOpened`.
    OpenRun(RunId),
    /// Drive an unfinished run that nobody drives, or that is asked back from the background; answered with
    /// `RunOpened` and the feed.
    ResumeRun(RunId),
    /// Gather the overview again; answered with `Overview`.
    Refresh,
    /// Connect to all hosts of the checklist; answered with `Feed(Connection)`.
    ProbeHosts,
    /// Read the end of an attempt's output from its file; answered with `LogWindow`.
    ReadLog {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
    },
    /// Put this text on the clipboard; answered with a notice that says where it went.
    Copy(String),
    /// Open the checklist in the editor.
    EditChecklist {
        /// The line to stand on; 0 = the top.
        line: usize,
    },
    /// Tell an operator who looks elsewhere (bell, desktop notification) when the window has no focus.
    Alert(String),
    /// Stop the screen as the shell's Ctrl-Z does; the run goes on.
    Suspend,
    /// Something about a log.
    Log(LogWish),
    /// Something about past releases.
    Releases(ReleaseWish),
    /// Show a commit in a browser, where the remote has a web address; answered with a notice.
    Browse(crate::domain::id::Commit),
    /// The secret that was wanted; `None` = the operator does not give it, and nothing is started.
    Secret(Option<Concealed>),
    /// Draw everything anew.
    Redraw,
    /// Leave the screen. A run that this console drives goes on in the background until it needs a decision.
    Leave,
}
