//! Watching a run that somebody else drives: its journal and the output of what runs, as they grow.
//!
//! Yields the same updates as an engine does. Only whole, chained lines are taken, each once; the output of an attempt
//! comes before the record of its end. Reads only, and costs two questions to the file system when nothing changed. Who
//! drives the run is asked apart.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::format::{Chain, LineError};
use super::{JOURNAL, ReadError, RunError, RunFolder, reader};
use crate::domain::action::Action;
use crate::domain::feed::Update;
use crate::domain::id::{Attempt, TaskId};
use crate::domain::run::apply::fold;
use crate::domain::run::{Event, Moment, RunState, TaskStatus};
use crate::edge::logs::store::Logs;

/// Output is passed on in pieces of this size, in bytes.
const PIECE: u64 = 256 << 10;
/// More output than this at once is left out but for its end, in bytes: faces read it from the file.
const BACKLOG: u64 = 4 << 20;

/// Follows one run.
#[derive(Debug)]
pub struct Watch {
    journal: PathBuf,
    chain: Chain,
    /// Bytes of the journal up to here were taken.
    taken: u64,
    lines: usize,
    logs: Logs,
    /// What runs, and how much of its output was passed on.
    followed: BTreeMap<(TaskId, Attempt), u64>,
}

impl RunFolder {
    /// Begins to watch the run: its state now, who drives it, and what will say how it goes on. Output that was there
    /// before is not told again.
    pub fn watch(&self) -> Result<(RunState, Option<String>, Watch), RunError> {
        let journal = self.path.join(JOURNAL);
        let reading = match reader::read(&journal) {
            Err(ReadError::File { why, .. }) if why.kind() == io::ErrorKind::NotFound => {
                reader::Reading::default()
            }
            other => other?,
        };
        let plan = Arc::new(self.read_plan(&reading.records)?);
        let state = fold(self.run.clone(), plan, &reading.records);
        let mut watch = Watch {
            journal,
            chain: reading.chain,
            taken: reading.valid,
            lines: reading.records.len(),
            logs: self.logs(),
            followed: BTreeMap::new(),
        };
        for (planned, task) in state.each() {
            let runs =
                task.status == TaskStatus::Running && matches!(planned.action, Action::Exec(_));
            if runs {
                let key = (planned.id.clone(), task.attempt);
                let there = watch.length(&key);
                watch.followed.insert(key, there);
            }
        }
        Ok((state, self.owner()?, watch))
    }
}

impl Watch {
    /// What is new since it was asked last, in order; `now` is when output counts as arrived. An error says that the
    /// journal is damaged or gone: nothing more can be told.
    pub fn look(&mut self, now: Moment) -> Result<Vec<Update>, ReadError> {
        let mut updates = Vec::new();
        // Asked first: what is recorded as ended has printed everything.
        let fresh = self.fresh_lines()?;
        let running: Vec<_> = self.followed.keys().cloned().collect();
        for key in &running {
            self.pass_on(key, now, &mut updates);
        }
        let is_news = !fresh.is_empty();
        for line in fresh.split_inclusive(|byte| *byte == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            let record = self.chain.read(text).map_err(|why| self.damage(why))?;
            self.lines += 1;
            self.taken += line.len() as u64;
            if let Some(key) = ended(&record.event) {
                self.pass_on(&key, now, &mut updates);
                self.followed.remove(&key);
            }
            if let Event::TaskStarted { task, attempt, .. } = &record.event {
                self.followed.insert((task.clone(), *attempt), 0);
            }
            updates.push(Update::Event(record));
        }
        if is_news {
            updates.push(Update::Settled);
        }
        Ok(updates)
    }

    /// The whole lines of the journal that were not taken yet. A line that is being written is left for the next time.
    fn fresh_lines(&self) -> Result<Vec<u8>, ReadError> {
        let failed = |why| ReadError::File {
            path: self.journal.clone(),
            why,
        };
        let file = match File::open(&self.journal) {
            Err(why) if why.kind() == io::ErrorKind::NotFound && self.taken == 0 => {
                return Ok(Vec::new());
            }
            other => other.map_err(failed)?,
        };
        let length = file.metadata().map_err(failed)?.len();
        if length < self.taken {
            return Err(self.damage(LineError::Shape));
        }
        let size =
            usize::try_from(length - self.taken).map_err(|why| failed(io::Error::other(why)))?;
        let mut bytes = vec![0; size];
        let mut filled = 0;
        while filled < size {
            match file.read_at(&mut bytes[filled..], self.taken + filled as u64) {
                // A torn line was cut off just now.
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                Err(why) => return Err(failed(why)),
            }
        }
        let end = memchr::memrchr(b'\n', &bytes[..filled]).map_or(0, |at| at + 1);
        bytes.truncate(end);
        Ok(bytes)
    }

    fn damage(&self, why: LineError) -> ReadError {
        ReadError::Damage {
            path: self.journal.clone(),
            line: self.lines + 1,
            why,
        }
    }

    fn length(&self, key: &(TaskId, Attempt)) -> u64 {
        let file = self.logs.read(&key.0, key.1).ok().flatten();
        file.and_then(|file| file.len().ok()).unwrap_or(0)
    }

    /// Tells what an attempt has printed since the last time. What cannot be read now is read by the faces.
    fn pass_on(&mut self, key: &(TaskId, Attempt), now: Moment, updates: &mut Vec<Update>) {
        let Some(told) = self.followed.get_mut(key) else {
            return;
        };
        let Ok(Some(file)) = self.logs.read(&key.0, key.1) else {
            return;
        };
        let length = file.len().unwrap_or(0);
        if length > *told + BACKLOG {
            *told = length - PIECE;
        }
        while *told < length {
            let Ok(bytes) = file.from(*told, PIECE.min(length - *told)) else {
                return;
            };
            if bytes.is_empty() {
                return;
            }
            let offset = *told;
            *told += bytes.len() as u64;
            updates.push(Update::Output {
                task: key.0.clone(),
                attempt: key.1,
                at: now,
                offset,
                bytes: bytes.into(),
            });
        }
    }
}

/// The attempt whose end an event tells.
fn ended(event: &Event) -> Option<(TaskId, Attempt)> {
    match event {
        Event::TaskFinished { task, attempt, .. }
        | Event::TaskFailed { task, attempt, .. }
        | Event::TaskInterrupted { task, attempt, .. } => Some((task.clone(), *attempt)),
        _ => None,
    }
}
