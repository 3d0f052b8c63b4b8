//! `golive runs logs` without a screen: what steps printed, exactly; on a terminal without control characters.
//!
//! Nothing here loads a whole log. Times are printed before lines where they were kept and asked for.

use std::io::{self, IsTerminal, Write};

use chrono::{Local, TimeZone};

use super::super::report::{Code, Failure};
use super::super::session::Project;
use super::stored;
use crate::domain::id::{Attempt, TaskId};
use crate::domain::output::ansi;
use crate::edge::logs::Logs;
use crate::edge::logs::store::LogFile;
use crate::edge::logs::times::Arrival;

/// Longer lines than this are cut into several where they are not printed exactly.
const LONGEST_LINE: usize = 256 << 10;
/// So much is read at once.
const PIECE: u64 = 256 << 10;

/// Output that was asked for.
#[derive(Debug)]
pub struct Wanted {
    logs: Logs,
    /// Tasks with how often they were tried.
    tasks: Vec<(TaskId, u32)>,
}

impl Wanted {
    /// The output of a run, of a step (its name or a task's id), on a host (`local` = this machine). Fails (code 2) for
    /// what the run does not have.
    pub fn find(
        project: &Project,
        run: &str,
        step: Option<&str>,
        host: Option<&str>,
    ) -> Result<Self, Failure> {
        let (folder, _, state) = stored(project, run)?;
        let tasks: Vec<(TaskId, u32)> = state
            .each()
            .filter(|(planned, _)| {
                step.is_none_or(|step| planned.step.as_str() == step || planned.id.as_str() == step)
            })
            .filter(|(planned, _)| host.is_none_or(|host| planned.site.as_str() == host))
            .map(|(planned, task)| (planned.id.clone(), task.attempt.0))
            .collect();
        if tasks.is_empty() {
            let what = [step, host].into_iter().flatten();
            let what = what.collect::<Vec<_>>().join(" on ");
            let failure = Failure::new(Code::Usage, format!("run {run} has no step {what}"));
            let command = &project.command;
            return Err(failure.help(format!("{command} runs show {run} lists its steps")));
        }
        let logs = folder.logs();
        Ok(Self { logs, tasks })
    }

    /// Prints it, with the time before each line when that is asked for.
    pub fn print(self, with_times: bool) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let terminal = out.is_terminal();
        match self.write(&mut out, terminal, with_times) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| {
                Failure::new(Code::Failed, format!("could not show the output: {error}"))
            }),
        }
    }

    fn write(self, out: &mut impl Write, terminal: bool, with_times: bool) -> io::Result<()> {
        let several = self.tasks.iter().map(|(_, attempts)| attempts).sum::<u32>() > 1;
        for (task, attempts) in self.tasks {
            for attempt in (1..=attempts).map(Attempt) {
                let Some(file) = self.logs.read(&task, attempt)? else {
                    continue;
                };
                if several {
                    writeln!(out, "== {task} attempt {attempt}")?;
                }
                let times = if with_times {
                    self.logs.times(&task, attempt, file.len()?)
                } else {
                    Vec::new()
                };
                if terminal || with_times {
                    copy_lines(&file, &times, terminal, out)?;
                } else {
                    copy(&file, out)?;
                }
            }
        }
        out.flush()
    }
}

/// Copies a log exactly.
fn copy(file: &LogFile, out: &mut impl Write) -> io::Result<()> {
    let mut offset = 0;
    loop {
        let bytes = file.from(offset, PIECE)?;
        if bytes.is_empty() {
            return Ok(());
        }
        offset += bytes.len() as u64;
        out.write_all(&bytes)?;
    }
}

/// Copies a log line by line, each with when it came, as far as that is known.
fn copy_lines(
    file: &LogFile,
    times: &[Arrival],
    is_safe: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let (mut offset, mut printed) = (0, 0);
    let mut rest: Vec<u8> = Vec::new();
    loop {
        let bytes = file.from(offset, PIECE)?;
        offset += bytes.len() as u64;
        rest.extend_from_slice(&bytes);
        let end = match memchr::memrchr(b'\n', &rest) {
            _ if bytes.is_empty() => rest.len(),
            Some(end) => end + 1,
            // A line without end must not fill the memory.
            None if rest.len() >= LONGEST_LINE => rest.len(),
            None => 0,
        };
        for line in rest[..end].split_inclusive(|byte| *byte == b'\n') {
            printed += line.len() as u64;
            if !times.is_empty() {
                write!(out, "{} ", when(times, printed))?;
            }
            if is_safe {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                writeln!(out, "{}", ansi::plain(line))?;
            } else {
                out.write_all(line)?;
            }
        }
        rest.drain(..end);
        if bytes.is_empty() {
            return Ok(());
        }
    }
}

/// When the last byte before `end` came, in local time; blank when nobody knows.
fn when(times: &[Arrival], end: u64) -> String {
    let after = times.partition_point(|arrival| arrival.offset < end);
    let arrival = after.checked_sub(1).and_then(|at| times.get(at));
    let moment = arrival.and_then(|arrival| Local.timestamp_millis_opt(arrival.at_ms).single());
    moment.map_or_else(
        || " ".repeat("2026-11-21 04:00:00.000".len()),
        |moment| moment.format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_time_of_its_last_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.1.log");
        std::fs::write(&path, b"one\ntwo\x1b[2J\nthr").unwrap();
        let file = LogFile::open(&path).unwrap();
        let arrival = |offset, at_ms| Arrival { offset, at_ms };
        let times = [arrival(2, 1000), arrival(5, 2000)];
        let mut out = Vec::new();
        copy_lines(&file, &times, true, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let zero = |ms| {
            let moment = Local.timestamp_millis_opt(ms).unwrap();
            moment.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
        };
        assert_eq!(lines[0], format!("{} one", zero(1000)));
        assert!(lines[1].starts_with(&format!("{} two", zero(2000))));
        assert!(!text.contains('\x1b'));
        assert_eq!(lines[2], format!("{} thr", zero(2000)));
        assert_eq!(when(&times, 2).trim(), "");
    }
}
