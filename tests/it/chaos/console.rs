//! A console that runs without a terminal: started, waited for, killed.
//!
//! Moments of its life are told by the journal it writes, so they mean the same on a slow machine.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::dice::Moment;
use super::lane::Lane;

/// How long anything here may take before it counts as hanging.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// A console that runs.
pub(super) struct Console {
    child: Child,
    out: PathBuf,
    err: PathBuf,
    started: Instant,
    readers: Option<JoinHandle<()>>,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its exit code; `None` = it was killed.
    pub(super) code: Option<i32>,
    /// What it printed, standard error behind standard output.
    pub(super) text: String,
}

impl Console {
    /// Starts a program that writes what it says into these files, in a process group of its own.
    pub(super) fn start(mut command: Command, [out, err]: [PathBuf; 2]) -> Self {
        let child = command
            .stdout(fs::File::create(&out).unwrap())
            .stderr(fs::File::create(&err).unwrap())
            .process_group(0)
            .spawn()
            .unwrap();
        Self {
            child,
            out,
            err,
            started: Instant::now(),
            readers: None,
        }
    }

    /// The same for a program that cannot write into files: it has pipes.
    pub(super) fn piped(mut command: Command, [out, err]: [PathBuf; 2]) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let pipes = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let mut files = [&out, &err].map(|end| fs::File::create(end).unwrap());
        let readers = std::thread::spawn(move || {
            let [out, err] = &mut files;
            let (mut from_out, mut from_err) = pipes;
            std::thread::scope(|scope| {
                scope.spawn(|| std::io::copy(&mut from_out, out));
                scope.spawn(|| std::io::copy(&mut from_err, err));
            });
        });
        Self {
            child,
            out,
            err,
            started: Instant::now(),
            readers: Some(readers),
        }
    }

    /// Its process.
    pub(super) fn id(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Waits for a moment of its life. Returns whether it still lived then.
    ///
    /// It counts the lines of the journal that is written now: of the run that was not there `before`.
    pub(super) fn reaches(
        &mut self,
        lane: &Lane,
        moment: Moment,
        before: &BTreeMap<String, PathBuf>,
    ) -> bool {
        let mut since = moment.lines.is_none().then_some(self.started);
        let mut journal = Journal::default();
        let first = journal.lines(lane, before);
        loop {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if let (None, Some(lines)) = (since, moment.lines)
                && journal.lines(lane, before) >= first + lines
            {
                since = Some(Instant::now());
            }
            if since.is_some_and(|since| since.elapsed() >= moment.later) {
                return true;
            }
            assert!(
                self.started.elapsed() < PATIENCE,
                "golive hangs: {}",
                self.told()
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Kills it, and nothing else, without a chance to tidy up.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// What it has printed, without what is long and known.
    pub(super) fn told(&self) -> String {
        let said = self.said();
        let lines = said.lines();
        lines
            .filter(|line| !line.contains(" build | ") && !line.contains(" code | "))
            .fold(String::new(), |all, line| all + line + "\n")
    }

    /// What it has printed.
    pub(super) fn said(&self) -> String {
        [&self.out, &self.err]
            .map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned())
            .concat()
    }

    /// Waits until it has printed this.
    #[track_caller]
    pub(super) fn says(&mut self, text: &str) {
        loop {
            if self.said().contains(text) {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && self.started.elapsed() < PATIENCE,
                "`{text}` is not said: {}",
                self.told()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Lets it be until it has printed this once more or has ended, but for no longer than `most`.
    pub(super) fn says_or_ends(&mut self, text: &str, most: Duration) {
        let before = self.said().matches(text).count();
        let until = Instant::now() + most;
        while Instant::now() < until
            && self.said().matches(text).count() == before
            && self.child.try_wait().unwrap().is_none()
        {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end.
    #[track_caller]
    pub(super) fn end(mut self) -> Ended {
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // Whatever inherited the pipes ends with the connections.
                if let Some(readers) = self.readers.take() {
                    readers.join().unwrap();
                }
                return Ended {
                    code: status.code(),
                    text: self.told(),
                };
            }
            assert!(
                self.started.elapsed() < PATIENCE,
                "golive hangs: {}",
                self.told()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The journal of the run that is written now, found once.
#[derive(Default)]
struct Journal(Option<PathBuf>);

impl Journal {
    fn lines(&mut self, lane: &Lane, before: &BTreeMap<String, PathBuf>) -> usize {
        if self.0.is_none() {
            let mut runs = lane.runs().into_iter();
            self.0 = runs
                .find(|(run, _)| !before.contains_key(run))
                .map(|(_, folder)| folder.join("journal.jsonl"));
        }
        let text = self.0.as_ref().and_then(|file| fs::read(file).ok());
        text.map_or(0, |text| memchr::memchr_iter(b'\n', &text).count())
    }
}
