//! The documents behind the logs on screen: one for each step that is or was looked at, one for the logs of servers.
//!
//! A step's document is made when it is looked at for the first time, from the files of its attempts and when their
//! bytes arrived; from then on it grows with the run. Nothing is read before somebody looks. A document tells once that
//! it has changed, and again only when it was looked at since: what nobody sees causes no frames.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use super::tailing::Tail;
use crate::domain::feed::Update;
use crate::domain::id::{Attempt, RunId, TaskId};
use crate::domain::log::{Look, TrackId, Voice, Window};
use crate::domain::run::{Event, RunState, TaskStatus};
use crate::edge::journal::RunFolder;
use crate::edge::logs::Logs;
use crate::edge::logs::desk::{Desk, Past};
use crate::edge::logs::files::Paper;
use crate::edge::paths::ProjectPaths;
use crate::ui::msg::DocumentId;

/// Tells which documents have changed.
#[derive(Debug, Clone)]
pub(super) struct Bell(mpsc::UnboundedSender<DocumentId>);

/// A document on screen.
pub(super) struct Sheet {
    /// The document.
    pub(super) desk: Arc<Desk>,
    told: Arc<AtomicBool>,
}

impl Sheet {
    /// An empty document; its changes are told once somebody has looked at it.
    pub(super) fn new(document: DocumentId, bell: &Bell) -> Self {
        let (told, bell) = (Arc::new(AtomicBool::new(true)), bell.clone());
        let again = Arc::clone(&told);
        let desk = Desk::new(move || {
            if !again.swap(true, Ordering::AcqRel) {
                let _ = bell.0.send(document);
            }
        });
        Self {
            desk: Arc::new(desk),
            told,
        }
    }

    /// Lines around one; what changes from now on is told.
    pub(super) fn look(&self, look: &Look) -> Window {
        // First: what changes while it is looked at may not be in the answer.
        self.told.store(false, Ordering::Release);
        self.desk.look(look)
    }
}

/// All documents of the console.
pub(super) struct Papers {
    paths: ProjectPaths,
    bell: Bell,
    changes: mpsc::UnboundedReceiver<DocumentId>,
    changed: BTreeSet<DocumentId>,
    run: Option<RunPapers>,
    /// The logs of servers.
    pub(super) tail: Option<Tail>,
}

/// The documents of the run on screen.
struct RunPapers {
    run: RunId,
    logs: Option<Logs>,
    steps: BTreeMap<usize, Step>,
    /// What golive said, by the first task of its step.
    said: BTreeMap<usize, Vec<Past>>,
}

/// The document of a step.
struct Step {
    sheet: Sheet,
    /// Its tracks, and how many bytes are known of each.
    tracks: HashMap<(usize, Attempt), (TrackId, u64)>,
}

impl Papers {
    /// No documents; runs are those in these folders.
    pub(super) fn new(paths: ProjectPaths) -> Self {
        let (sender, changes) = mpsc::unbounded_channel();
        Self {
            paths,
            bell: Bell(sender),
            changes,
            changed: BTreeSet::new(),
            run: None,
            tail: None,
        }
    }

    /// For documents made elsewhere.
    pub(super) fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Returns when a document that was looked at has changed.
    pub(super) async fn change(&mut self) {
        if let Some(document) = self.changes.recv().await {
            self.changed.insert(document);
        }
    }

    /// The documents that have changed since this was asked last.
    pub(super) fn take_changed(&mut self) -> BTreeSet<DocumentId> {
        while let Ok(document) = self.changes.try_recv() {
            self.changed.insert(document);
        }
        std::mem::take(&mut self.changed)
    }

    /// A run comes on screen; of the same one what is known is kept.
    fn turn_to(&mut self, run: &RunId) {
        if self.run.as_ref().is_none_or(|papers| papers.run != *run) {
            self.begin(run);
        }
    }

    /// A run comes on screen anew: its story is told again.
    pub(super) fn begin(&mut self, run: &RunId) {
        self.run = Some(RunPapers {
            run: run.clone(),
            logs: None,
            steps: BTreeMap::new(),
            said: BTreeMap::new(),
        });
    }

    /// The document, made when there is none yet; `None` = there cannot be one.
    pub(super) fn sheet(
        &mut self,
        document: DocumentId,
        state: Option<&RunState>,
    ) -> Option<&Sheet> {
        match document {
            DocumentId::Tail => self.tail.as_ref().map(|tail| &tail.sheet),
            DocumentId::Step(first) => {
                let state = state?;
                self.turn_to(&state.run);
                let (paths, bell) = (&self.paths, &self.bell);
                let papers = self.run.as_mut()?;
                papers.step(first, state, paths, bell)
            }
        }
    }

    /// golive says something in the log of a task's step.
    pub(super) fn say(
        &mut self,
        state: &RunState,
        task: usize,
        at_ms: i64,
        voice: Voice,
        text: &str,
    ) {
        self.turn_to(&state.run);
        let Some(papers) = self.run.as_mut() else {
            return;
        };
        let Some(tasks) = step_of(state, task) else {
            return;
        };
        if let Some(step) = papers.steps.get(&tasks.start) {
            step.sheet.desk.say(task, at_ms, voice, text);
        }
        papers
            .said
            .entry(tasks.start)
            .or_default()
            .push(Past::Said {
                owner: task,
                at_ms,
                voice,
                text: text.to_owned(),
            });
    }

    /// Takes what the run on screen says, before the screens do.
    pub(super) fn hear(&mut self, update: &Update, state: &RunState) {
        let Some(papers) = self.run.as_mut() else {
            return;
        };
        match update {
            Update::Output {
                task,
                attempt,
                at,
                offset,
                bytes,
            } => {
                let length = offset + bytes.len() as u64;
                papers.grown(state, task, *attempt, length, at.timestamp_millis());
            }
            Update::Event(record) => {
                if let Event::TaskFinished { task, attempt, .. }
                | Event::TaskFailed { task, attempt, .. }
                | Event::TaskInterrupted { task, attempt, .. } = &record.event
                {
                    papers.ended(state, task, *attempt, record.at.timestamp_millis());
                }
            }
            _ => {}
        }
    }

    /// Looks how far the files of running attempts are: a feed that was too slow leaves output out.
    pub(super) fn catch_up(&mut self, state: &RunState, now_ms: i64) {
        let Some(papers) = self.run.as_mut() else {
            return;
        };
        let looked_at = papers.steps.keys().copied();
        let tasks: Vec<usize> = looked_at
            .filter_map(|first| step_of(state, first))
            .flatten()
            .filter(|task| state.tasks[*task].status == TaskStatus::Running)
            .collect();
        for task in tasks {
            let (id, attempt) = (&state.planned(task).1.id, state.tasks[task].attempt);
            if let Some(length) = papers.length(id, attempt) {
                papers.grown(state, id, attempt, length, now_ms);
            }
        }
    }
}

impl RunPapers {
    fn logs(&mut self, paths: &ProjectPaths) -> Option<&Logs> {
        if self.logs.is_none() {
            // Before its start a run has no folder.
            let folder = RunFolder::find(paths, &self.run).ok();
            self.logs = folder.map(|folder| folder.logs());
        }
        self.logs.as_ref()
    }

    fn length(&self, task: &TaskId, attempt: Attempt) -> Option<u64> {
        let path = self.logs.as_ref()?.path(task, attempt);
        Some(std::fs::metadata(path).ok()?.len())
    }

    fn step(
        &mut self,
        first: usize,
        state: &RunState,
        paths: &ProjectPaths,
        bell: &Bell,
    ) -> Option<&Sheet> {
        let tasks = step_of(state, first)?;
        if !self.steps.contains_key(&tasks.start) {
            self.logs(paths);
            let said = self.said.get(&tasks.start);
            let step = Step::open(tasks.clone(), state, self.logs.as_ref(), said, bell);
            self.steps.insert(tasks.start, step);
        }
        self.steps.get(&tasks.start).map(|step| &step.sheet)
    }

    fn grown(
        &mut self,
        state: &RunState,
        task: &TaskId,
        attempt: Attempt,
        length: u64,
        at_ms: i64,
    ) {
        let Some((position, step)) = self.open_step(state, task) else {
            return;
        };
        if let Some((track, known)) = step.tracks.get_mut(&(position, attempt)) {
            if length > *known {
                *known = length;
                step.sheet.desk.grown(*track, length, Some(at_ms));
            }
            return;
        }
        let Some(path) = self.logs.as_ref().map(|logs| logs.path(task, attempt)) else {
            return;
        };
        let Some((position, step)) = self.open_step(state, task) else {
            return;
        };
        let track = step.sheet.desk.add(position, Paper::File(path));
        step.sheet.desk.grown(track, length, Some(at_ms));
        step.tracks.insert((position, attempt), (track, length));
    }

    /// All that an attempt printed is in its file.
    fn ended(&mut self, state: &RunState, task: &TaskId, attempt: Attempt, at_ms: i64) {
        if let Some(length) = self.length(task, attempt).filter(|length| *length > 0) {
            self.grown(state, task, attempt, length, at_ms);
        }
        if let Some((position, step)) = self.open_step(state, task)
            && let Some((track, _)) = step.tracks.get(&(position, attempt))
        {
            step.sheet.desk.ended(*track);
        }
    }

    /// The document that a task's output belongs to, when somebody has looked at it.
    fn open_step(&mut self, state: &RunState, task: &TaskId) -> Option<(usize, &mut Step)> {
        if self.steps.is_empty() {
            return None;
        }
        let position = state.position(task)?;
        let tasks = step_of(state, position)?;
        Some((position, self.steps.get_mut(&tasks.start)?))
    }
}

impl Step {
    /// The document of a step as it is now.
    fn open(
        tasks: Range<usize>,
        state: &RunState,
        logs: Option<&Logs>,
        said: Option<&Vec<Past>>,
        bell: &Bell,
    ) -> Self {
        let sheet = Sheet::new(DocumentId::Step(tasks.start), bell);
        let mut tracks = HashMap::new();
        let mut past = Vec::new();
        for task in tasks {
            let (id, newest) = (&state.planned(task).1.id, state.tasks[task].attempt);
            for attempt in (1..=newest.0).map(Attempt) {
                let Some(printed) = logs.and_then(|logs| Printed::read(logs, id, attempt)) else {
                    continue;
                };
                let track = sheet.desk.add(task, printed.paper.clone());
                tracks.insert((task, attempt), (track, printed.length));
                let is_over = attempt < newest || state.tasks[task].status != TaskStatus::Running;
                past.extend(printed.past(track, is_over));
            }
        }
        let words = said.into_iter().flatten().map(|word| match word {
            Past::Said { at_ms, .. } => (*at_ms, word.clone()),
            _ => (i64::MAX, word.clone()),
        });
        past.extend(words);
        // Stable: what was printed in the same millisecond stands before what golive said of it.
        past.sort_by_key(|(at_ms, _)| *at_ms);
        let past: Vec<Past> = past.into_iter().map(|(_, event)| event).collect();
        sheet.desk.tell_past(&past);
        Self { sheet, tracks }
    }
}

/// What an attempt printed so far.
struct Printed {
    paper: Paper,
    length: u64,
    times: Vec<crate::edge::logs::times::Arrival>,
    written_ms: i64,
}

impl Printed {
    fn read(logs: &Logs, task: &TaskId, attempt: Attempt) -> Option<Self> {
        let path = logs.path(task, attempt);
        let facts = std::fs::metadata(&path).ok()?;
        let written = facts.modified().ok()?;
        let written = written.duration_since(std::time::UNIX_EPOCH).ok()?;
        (facts.len() > 0).then(|| Self {
            paper: Paper::File(path),
            length: facts.len(),
            times: logs.times(task, attempt, facts.len()),
            written_ms: i64::try_from(written.as_millis()).unwrap_or(i64::MAX),
        })
    }

    /// How it came to be, each event with where it belongs in time.
    fn past(&self, track: TrackId, is_over: bool) -> Vec<(i64, Past)> {
        let mut past = Vec::with_capacity(self.times.len() + 2);
        // What nobody knows the time of was there when the rest came, at the latest when the file was written to.
        let mut now = self
            .times
            .first()
            .map_or(self.written_ms, |first| first.at_ms);
        let unknown = self.times.first().map_or(self.length, |first| first.offset);
        if unknown > 0 {
            let (length, at_ms) = (unknown, None);
            past.push((
                now,
                Past::Grown {
                    track,
                    length,
                    at_ms,
                },
            ));
        }
        for (at, arrival) in self.times.iter().enumerate() {
            // A clock that was set back must not turn the order of one file around.
            now = now.max(arrival.at_ms);
            let length = self
                .times
                .get(at + 1)
                .map_or(self.length, |next| next.offset);
            let at_ms = Some(arrival.at_ms);
            past.push((
                now,
                Past::Grown {
                    track,
                    length,
                    at_ms,
                },
            ));
        }
        if is_over {
            past.push((now, Past::Ended(track)));
        }
        past
    }
}

/// The places of all tasks of a task's step.
pub(super) fn step_of(state: &RunState, task: usize) -> Option<Range<usize>> {
    if task >= state.tasks.len() {
        return None;
    }
    let (stage, _) = state.planned(task);
    let mut first = state.layout.starts[stage];
    for tasks in state.plan.stages[stage].steps() {
        if task < first + tasks.len() {
            return Some(first..first + tasks.len());
        }
        first += tasks.len();
    }
    None
}
