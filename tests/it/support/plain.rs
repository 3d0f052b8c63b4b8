//! golive without a terminal: what it prints and says goes into one file each, so that it can be waited for.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::wait_for;
use super::workshop::Workshop;

/// A golive that runs; it is killed when it is dropped before its end.
pub(crate) struct Plain {
    pub child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Plain {
    /// Starts it with the words of a line; `name` = that of its files.
    pub(crate) fn start(workshop: &Workshop, name: &str, line: &str) -> Self {
        let [out, err] = ["out", "err"].map(|end| workshop.path(&format!("{name}.{end}")));
        let child = workshop
            .command(env!("CARGO_BIN_EXE_golive"))
            .args(line.split_whitespace())
            .stdout(fs::File::create(&out).unwrap())
            .stderr(fs::File::create(&err).unwrap())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, out, err }
    }

    /// What it has printed and said so far.
    pub(crate) fn said(&self) -> (String, String) {
        let read = |file| fs::read_to_string(file).unwrap();
        (read(&self.out), read(&self.err))
    }

    /// What it has printed so far.
    pub(crate) fn out(&self) -> String {
        self.said().0
    }

    /// Waits until this is printed.
    #[track_caller]
    pub(crate) fn has_printed(&self, text: &str) {
        wait_for(&format!("`{text}` is printed"), || {
            self.out().contains(text)
        });
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, what: Signal) {
        let process = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(process, what).unwrap();
    }

    /// Waits for the end: the exit code, what was printed and what was said.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Option<i32>, String, String) {
        let mut status = None;
        wait_for("golive ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let (out, err) = self.said();
        (status.unwrap().code(), out, err)
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
