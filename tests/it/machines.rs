//! What happens to the machine golive runs on: journals that vanish, full disks, clocks that jump, projects that are
//! changed, broken, moved or cloned meanwhile. The real program, on a workshop whose steps wait for the test.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

mod clocks;
mod disks;
mod files;
mod moves;
mod surroundings;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};

use crate::support::wait_until;
use crate::support::workshop::Workshop;

/// Two steps on this machine, one after the other.
const TWO: &str = r#"
[step.prepare]
run = "sh @MARKS@/step.sh prepare"
on = "local"
[step.switch]
run = "sh @MARKS@/step.sh switch"
on = "local"
[[stage]]
name = "Here"
steps = ["prepare", "switch"]
"#;

/// golive as it is started in the background.
struct Started {
    child: Option<Child>,
}

impl Started {
    /// golive in the workshop's project. Going over a limit of the system is an error there, not a signal.
    fn new(workshop: &Workshop, line: &str) -> Self {
        let mut command = workshop.command("sh");
        command
            .args(["-c", r#"trap "" 25; exec "$0" "$@""#])
            .arg(env!("CARGO_BIN_EXE_golive"))
            .args(line.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self {
            child: Some(command.spawn().unwrap()),
        }
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.child.as_ref().unwrap().id()).unwrap()
    }

    /// Kills it on the spot.
    fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Its exit code and what it printed.
    fn ended(mut self) -> Ended {
        Ended::of(&self.child.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// How golive ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// Asserts that it was well, and says what was not.
    fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}

/// A run of [`TWO`] whose first step runs and waits.
async fn begun(workshop: &Workshop) -> Started {
    let started = Started::new(workshop, "deploy");
    wait_until("prepare runs", || workshop.ran("prepare") == 1).await;
    started
}

/// The folders of the project's state; one for each place the project was in.
fn states(workshop: &Workshop) -> Vec<PathBuf> {
    let all = fs::read_dir(workshop.path("home/.local/state/golive")).unwrap();
    all.map(|entry| entry.unwrap().path()).collect()
}

/// The folder of the only run.
fn run_folder(workshop: &Workshop) -> PathBuf {
    let runs = fs::read_dir(states(workshop)[0].join("runs")).unwrap();
    runs.map(|entry| entry.unwrap().path()).next().unwrap()
}

/// Goes on with the only run to its end: both steps are let go.
fn goes_on(workshop: &Workshop) -> Ended {
    workshop.let_go("prepare");
    workshop.let_go("switch");
    let ended = Ended::of(&workshop.golive("resume")).done();
    assert_eq!(workshop.ran("prepare"), 1, "{ended:?}");
    assert_eq!(workshop.ran("switch"), 1, "{ended:?}");
    assert_eq!(workshop.outcome().as_deref(), Some("succeeded"));
    ended
}
