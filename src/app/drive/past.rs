//! What happened before this process came, told to people before the run goes on.
//!
//! The journal's facts in the sentences they were told with at the time, and everything that was printed by attempts
//! of tasks that are not done: what runs, failed, or has an unknown end. Their lines carry the moment at which the last
//! of them arrived, since none is kept with each. What is shown here counts as received, so that the lines that follow
//! join it without a gap and without a doubled line, also when one was printed half so far. Of very long output only
//! the end is shown. Nothing here changes the run, and programs that read events are told only what is new.

use std::collections::BTreeSet;
use std::io;

use chrono::{DateTime, Local};

use super::output::{Received, Shown};
use super::{Driver, Face, aside};
use crate::app::report::shown;
use crate::domain::id::{Attempt, TaskId};
use crate::domain::run::apply::apply;
use crate::domain::run::{Event, Moment, Record, RunState};
use crate::domain::text::{age, plural};
use crate::edge::logs::store::{LogFile, Logs};

/// Of the output of one attempt at most so many bytes are shown again.
const MOST: u64 = 1 << 20;
/// How much of it is read at once.
const PIECE: u64 = 256 << 10;

/// What happened before this process came.
#[derive(Debug)]
pub struct Past {
    records: Vec<Record>,
    shown: Shown,
}

impl Past {
    /// The past of a run that is in this state. To be asked before its engine starts, which adds to it.
    pub fn of(state: &RunState, mut records: Vec<Record>, logs: &Logs) -> Self {
        records.retain(|record| record.seq <= state.seq);
        let shown = Shown::now(state, logs);
        Self { records, shown }
    }
}

impl<F: Face> Driver<F> {
    /// Begins where the past ends. People are told the past, then how it goes on; readers of events hear only news.
    pub fn begin_after(&mut self, past: Past, now: Moment, goes_on: &str) {
        if F::HOLDS_TEXT {
            self.tell_past(&past.records, now);
            self.say(&[shown(goes_on)]);
        } else {
            self.received = past.shown.0;
        }
    }

    /// Tells what these records say and what was printed so far; `now` says how long ago the run began.
    fn tell_past(&mut self, records: &[Record], now: Moment) {
        let Some(first) = records.first() else {
            return;
        };
        let past = (now - first.at).to_std().unwrap_or_default();
        let began = first.at.format("%Y-%m-%d %H:%M:%S");
        let ago = match age(past).as_str() {
            "now" => String::new(),
            age => format!(" ({age} ago)"),
        };
        let run = &self.state.run;
        self.say(&[shown(&format!("run {run} so far, since {began}{ago}:"))]);
        let open = self.open_tasks();
        let mut then = RunState::new(self.state.run.clone(), self.state.plan.clone());
        let mut running: Vec<(TaskId, Attempt)> = Vec::new();
        for record in records {
            if let Some(key) = ended(&record.event) {
                running.retain(|running| *running != key);
                if open.contains(&key.0) {
                    self.show_again(&key, record.at);
                    self.flush(&key, record.at);
                }
            }
            apply(&mut then, record);
            if let Event::TaskStarted { task, attempt, .. } = &record.event {
                // How a step ended says that it was started.
                if !open.contains(task) {
                    continue;
                }
                running.push((task.clone(), *attempt));
            }
            let lines = self.face.record(record, &then);
            self.say(&lines);
        }
        for key in running {
            self.show_again(&key, now);
        }
    }

    /// Tasks that are not done: what they printed is needed to understand how they stand.
    fn open_tasks(&self) -> BTreeSet<TaskId> {
        let positions = 0..self.state.tasks.len();
        let open = positions.filter(|at| !self.state.is_settled(*at));
        open.map(|at| self.state.planned(at).1.id.clone()).collect()
    }

    /// Shows what an attempt printed so far. An attempt that printed nothing has no file.
    fn show_again(&mut self, key: &(TaskId, Attempt), until: Moment) {
        let shown = match self.logs.read(&key.0, key.1) {
            Ok(Some(file)) => self.show_file(key, &file, until),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(why) = shown {
            aside(&format!("could not read the output of {}: {why}", key.0));
        }
    }

    fn show_file(
        &mut self,
        key: &(TaskId, Attempt),
        file: &LogFile,
        until: Moment,
    ) -> io::Result<()> {
        let length = file.len()?;
        let written: Moment = DateTime::<Local>::from(file.written()?).fixed_offset();
        let at = written.min(until);
        let cut = cut(file, length)?;
        if let Some(what) = cut.left_out() {
            let (task, attempt) = (&key.0, key.1);
            let (command, run) = (&self.command, &self.state.run);
            let text = format!(
                "{task} attempt {attempt}: {what} left out here; {command} runs logs {run} {task} shows all"
            );
            self.say(&[shown(&text)]);
        }
        self.received
            .insert(key.clone(), Received::beginning(cut.offset));
        let mut offset = cut.offset;
        while offset < length {
            let bytes = file.from(offset, PIECE.min(length - offset))?;
            if bytes.is_empty() {
                break;
            }
            offset += bytes.len() as u64;
            self.receive(key, &bytes, at);
        }
        Ok(())
    }
}

/// Where the shown part of an output begins.
struct Cut {
    offset: u64,
    /// Whole lines before it.
    lines: usize,
    /// It begins in the middle of a line.
    is_within: bool,
}

impl Cut {
    /// What is not shown, in words; `None` = nothing.
    fn left_out(&self) -> Option<String> {
        let lines = plural("earlier line", self.lines);
        match (self.lines, self.is_within) {
            (0, false) => None,
            (0, true) => Some("the beginning of this line is".to_owned()),
            (1, false) => Some(format!("{lines} is")),
            (_, false) => Some(format!("{lines} are")),
            (_, true) => Some(format!("{lines} and the beginning of this one are")),
        }
    }
}

fn cut(file: &LogFile, length: u64) -> io::Result<Cut> {
    let least = length.saturating_sub(MOST);
    let (mut offset, mut lines) = (0, 0);
    while least > 0 && offset < length {
        let bytes = file.from(offset, PIECE.min(length - offset))?;
        if bytes.is_empty() {
            break;
        }
        for end in memchr::memchr_iter(b'\n', &bytes) {
            let after = offset + end as u64 + 1;
            // A line that is longer than all that is shown has only its end shown.
            if after == length {
                break;
            }
            lines += 1;
            if after >= least {
                return Ok(Cut {
                    offset: after,
                    lines,
                    is_within: false,
                });
            }
        }
        offset += bytes.len() as u64;
    }
    Ok(Cut {
        offset: least,
        lines,
        is_within: least > 0,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_of(text: &[u8]) -> (Cut, Option<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, text).unwrap();
        let cut = cut(&LogFile::open(&path).unwrap(), text.len() as u64).unwrap();
        let words = cut.left_out();
        (cut, words)
    }

    #[test]
    fn what_is_short_is_shown_whole() {
        let most = usize::try_from(MOST).unwrap();
        for text in [Vec::new(), b"one\ntwo\n".to_vec(), vec![b'a'; most]] {
            let (cut, words) = cut_of(&text);
            assert_eq!((cut.offset, words), (0, None));
        }
    }

    #[test]
    fn of_long_output_whole_lines_are_left_out_and_counted() {
        let text: Vec<u8> = (0..200_000)
            .flat_map(|number| format!("line {number:06}\n").into_bytes())
            .collect();
        let (cut, words) = cut_of(&text);
        let length = text.len() as u64;
        assert!(length - cut.offset <= MOST && length - cut.offset > MOST - 20);
        let begin = usize::try_from(cut.offset).unwrap();
        let first = format!("line {:06}\n", cut.lines);
        assert!(text[begin..].starts_with(first.as_bytes()));
        assert_eq!(words, Some(format!("{} earlier lines are", cut.lines)));
    }

    #[test]
    fn of_a_line_that_is_too_long_the_end_is_shown() {
        let mut text = vec![b'a'; 3 << 20];
        let (cut, words) = cut_of(&text);
        assert_eq!(cut.offset, 2 << 20);
        assert_eq!(words.unwrap(), "the beginning of this line is");
        text.splice(0..0, *b"one\ntwo\n");
        text.push(b'\n');
        let (cut, words) = cut_of(&text);
        assert_eq!(cut.offset, text.len() as u64 - MOST);
        let said = "2 earlier lines and the beginning of this one are";
        assert_eq!(words.unwrap(), said);
    }
}
