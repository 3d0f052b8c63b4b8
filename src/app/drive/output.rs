//! Output without a screen: the bytes of each attempt into whole lines, every line exactly once.
//!
//! What the feed left out because the face was slow is read from the log file; what was shown by an earlier process
//! is left out. Lines are cut when they are very long, so that a step without line ends does not fill the memory.

use std::collections::BTreeMap;

use super::{Driver, Face, Line, aside};
use crate::domain::id::{Attempt, TaskId};
use crate::domain::run::{Event, Moment, Record, RunState, TaskStatus};
use crate::edge::logs::store::Logs;

/// Lines longer than this are cut into several. What a line becomes on its way out takes a multiple of it.
const LONGEST_LINE: usize = 256 << 10;
/// So much is read at once of what the feed left out.
const PIECE: u64 = 256 << 10;

/// What was received of one attempt's output.
#[derive(Debug, Default)]
pub(super) struct Received {
    offset: u64,
    partial: Vec<u8>,
}

impl Received {
    /// Everything before this byte is taken as received.
    pub(super) fn beginning(offset: u64) -> Self {
        let partial = Vec::new();
        Self { offset, partial }
    }
}

/// How much of each attempt's output was there before this process drove the run.
#[derive(Debug, Default)]
pub(super) struct Shown(pub(super) BTreeMap<(TaskId, Attempt), Received>);

impl Shown {
    /// What the log files of a run hold now. To be asked before its engine starts, which appends to them. The line
    /// that a running attempt has not ended yet counts as new: it is shown when it is whole.
    pub(super) fn now(state: &RunState, logs: &Logs) -> Self {
        let attempts = state.each().filter_map(|(task, state)| {
            let key = (task.id.clone(), state.attempt);
            let file = logs.read(&key.0, key.1).ok()??;
            let offset = file.len().ok()?;
            let mut received = Received::beginning(offset);
            if state.status == TaskStatus::Running {
                let from = offset.saturating_sub(LONGEST_LINE as u64);
                let last = file.from(from, offset - from).ok()?;
                let begin = memchr::memrchr(b'\n', &last).map_or(0, |end| end + 1);
                received.partial = last[begin..].to_vec();
            }
            Some((key, received))
        });
        Self(attempts.collect())
    }
}

impl<F: Face> Driver<F> {
    /// Takes bytes that stand at `offset` of an attempt's output.
    pub(super) fn take_output(
        &mut self,
        key: &(TaskId, Attempt),
        at: Moment,
        offset: u64,
        bytes: &[u8],
    ) {
        if offset > self.have(key) {
            self.read_missing(key, offset, at);
        }
        // What was read from the file already is not taken twice.
        let skip = self
            .have(key)
            .saturating_sub(offset)
            .min(bytes.len() as u64) as usize;
        self.receive(key, &bytes[skip..], at);
    }

    fn have(&self, key: &(TaskId, Attempt)) -> u64 {
        self.received.get(key).map_or(0, |received| received.offset)
    }

    /// At the end of an attempt everything it printed is shown before the end is told.
    pub(super) fn catch_up(&mut self, record: &Record) {
        let (task, attempt, size) = match &record.event {
            Event::TaskFinished {
                task,
                attempt,
                output_size,
                ..
            }
            | Event::TaskFailed {
                task,
                attempt,
                output_size,
                ..
            } => (task, *attempt, *output_size),
            Event::TaskInterrupted { task, attempt, .. } => (task, *attempt, None),
            _ => return,
        };
        let key = (task.clone(), attempt);
        if let Some(size) = size {
            self.read_missing(&key, size, record.at);
        }
        self.flush(&key, record.at);
    }

    /// Reads from the log file what the feed left out, up to the byte `until`.
    fn read_missing(&mut self, key: &(TaskId, Attempt), until: u64, at: Moment) {
        loop {
            let have = self.have(key);
            if have >= until {
                return;
            }
            let read = self.logs.read(&key.0, key.1).and_then(|file| {
                let limit = (until - have).min(PIECE);
                file.map_or(Ok(Vec::new()), |file| file.from(have, limit))
            });
            match read {
                Ok(bytes) if !bytes.is_empty() => self.receive(key, &bytes, at),
                gone => {
                    let why = gone
                        .err()
                        .map_or_else(String::new, |why| format!(": {why}"));
                    aside(&format!(
                        "could not read {} bytes of the output of {}{why}",
                        until - have,
                        key.0
                    ));
                    self.received.entry(key.clone()).or_default().offset = until;
                    return;
                }
            }
        }
    }

    pub(super) fn receive(&mut self, key: &(TaskId, Attempt), bytes: &[u8], at: Moment) {
        let received = self.received.entry(key.clone()).or_default();
        received.offset += bytes.len() as u64;
        let mut partial = std::mem::take(&mut received.partial);
        let mut lines = Vec::new();
        cut(&mut partial, bytes, &mut |text| {
            let line = Line {
                task: &key.0,
                attempt: key.1,
                at,
                bytes: text,
            };
            lines.extend(self.face.output(&line, &self.state));
        });
        if let Some(received) = self.received.get_mut(key) {
            received.partial = partial;
        }
        self.say(&lines);
    }

    pub(super) fn flush(&mut self, key: &(TaskId, Attempt), at: Moment) {
        let rest = self
            .received
            .get_mut(key)
            .map(|received| std::mem::take(&mut received.partial));
        if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
            let line = Line {
                task: &key.0,
                attempt: key.1,
                at,
                bytes: &rest,
            };
            let line = self.face.output(&line, &self.state);
            self.say(line.as_slice());
        }
    }

    /// Shows lines that have not ended yet: nothing more will come. What still runs goes on with its line in the
    /// events of whoever comes next.
    pub(super) fn flush_all(&mut self) {
        let Some(at) = self.state.ended.or(self.state.started) else {
            return;
        };
        let keys: Vec<_> = self.received.keys().cloned().collect();
        for key in &keys {
            let goes_on = self
                .state
                .task(&key.0)
                .is_some_and(|task| task.status == TaskStatus::Running && task.attempt == key.1);
            if F::HOLDS_TEXT || !goes_on {
                self.flush(key, at);
            }
        }
    }
}

/// Cuts bytes into lines; `partial` is the one that has begun, before and after.
fn cut(partial: &mut Vec<u8>, bytes: &[u8], line: &mut dyn FnMut(&[u8])) {
    let mut rest = bytes;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (text, tail) = (&rest[..end], &rest[end + 1..]);
        if partial.is_empty() {
            line(text.strip_suffix(b"\r").unwrap_or(text));
        } else {
            partial.extend_from_slice(text);
            line(partial.strip_suffix(b"\r").unwrap_or(partial));
            partial.clear();
        }
        rest = tail;
    }
    while !rest.is_empty() {
        let (now, later) =
            rest.split_at(rest.len().min(LONGEST_LINE.saturating_sub(partial.len())));
        partial.extend_from_slice(now);
        if partial.len() >= LONGEST_LINE {
            line(partial);
            partial.clear();
        }
        rest = later;
    }
    if partial.is_empty() {
        // What a long line needed is not kept.
        *partial = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of bytes that come in pieces, what is left, and the most that was held.
    fn lines(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>, usize) {
        let (mut partial, mut lines, mut most) = (Vec::new(), Vec::new(), 0);
        for piece in pieces {
            cut(&mut partial, piece, &mut |line| lines.push(line.to_vec()));
            most = most.max(partial.capacity());
        }
        (lines, partial, most)
    }

    #[test]
    fn pieces_become_whole_lines() {
        let (cut, rest, _) = lines(&[b"one\ntw", b"o\r\n\nth", b"ree"]);
        assert_eq!(cut, [&b"one"[..], b"two", b""]);
        assert_eq!(rest, b"three");
    }

    #[test]
    fn a_line_without_an_end_is_cut_and_never_held_as_a_whole() {
        let piece = vec![b'x'; 100_000];
        let pieces: Vec<&[u8]> = (0..100).map(|_| piece.as_slice()).collect();
        let (cut, rest, most) = lines(&pieces);
        assert!(cut.iter().all(|line| line.len() == LONGEST_LINE));
        assert_eq!(cut.len() * LONGEST_LINE + rest.len(), 100 * piece.len());
        assert!(most <= 2 * LONGEST_LINE, "{most} bytes were held");
    }
}
