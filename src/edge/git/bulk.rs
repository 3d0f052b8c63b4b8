//! Megabytes to and from one git, with as few wake-ups as there can be.
//!
//! Git writes into a pipe in pieces of 4096 bytes, and each of them wakes up whoever waits for it: of thousands of objects
//! that costs as much as a third of reading them. So the pipes are wide, threads of their own are at their ends, and who
//! reads lets some of it gather before the next look. A system that has no wide pipes is asked without a pause.
//! Nothing is decided here: what was printed is handed back whole, with how git ended.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Child;
use tokio::task::spawn_blocking;

use super::group::{Group, group_of};
use super::{Git, GitError, LOCAL_LIMIT, failed, slow};

/// How wide a pipe is: as much as a system allows to anybody.
const WIDE: usize = 1 << 20;
/// Who finds less than so much waits before the next look.
const WORTH_A_LOOK: usize = 1 << 17;
/// How long: git prints an eighth of a wide pipe meanwhile.
const PAUSE: Duration = Duration::from_millis(1);

/// A git that was started, before it is known what it is told.
pub(super) struct Bulk {
    child: Child,
    group: Group,
    telling: OwnedFd,
    answers: OwnedFd,
    /// The pipe of its answers is wide.
    gathers: bool,
}

impl Git {
    /// Starts a git that is told much and answers with much. It ends when it is dropped.
    pub(super) fn start_bulk(&self, arguments: &[&str]) -> Result<Bulk, GitError> {
        let no_pipe = |why: io::Error| failed(arguments, &why);
        let ((heard, telling), (answers, printed)) =
            (wide_pipe().map_err(no_pipe)?, wide_pipe().map_err(no_pipe)?);
        let gathers = printed.is_wide;
        let mut command = self.command(arguments, Stdio::from(heard));
        command.stdout(Stdio::from(printed.end));
        let child = command.spawn();
        // It holds ends of the pipes, which nobody else may: who reads would never come to an end.
        drop(command);
        let child = child.map_err(|why| match why.kind() {
            io::ErrorKind::NotFound => GitError::Missing,
            _ => failed(arguments, &why),
        })?;
        Ok(Bulk {
            group: group_of(&child),
            child,
            telling: telling.end,
            answers,
            gathers,
        })
    }
}

impl Bulk {
    /// Tells it `input` and hears all it answers: `guess` bytes or so. `arguments` are those it was started with.
    pub(super) async fn run(
        self,
        arguments: &[&str],
        input: Vec<u8>,
        guess: usize,
    ) -> Result<Output, GitError> {
        let tell = spawn_blocking(move || {
            // A git that ends before it has heard everything says why itself.
            let _ = File::from(self.telling).write_all(&input);
        });
        let hear = spawn_blocking(move || gather(&self.answers, guess, self.gathers));
        let all = async { tokio::join!(tell, hear, self.child.wait_with_output()) };
        let Ok((_, bytes, output)) = tokio::time::timeout(LOCAL_LIMIT, all).await else {
            return Err(slow(arguments, LOCAL_LIMIT));
        };
        let output = output.map_err(|why| failed(arguments, &why))?;
        self.group.has_ended();
        let stdout = bytes.map_err(io::Error::other).flatten();
        let stdout = stdout.map_err(|why| failed(arguments, &why))?;
        Ok(Output { stdout, ..output })
    }
}

/// The end of a pipe that is written to.
struct Inlet {
    end: OwnedFd,
    is_wide: bool,
}

fn wide_pipe() -> io::Result<(OwnedFd, Inlet)> {
    let (outlet, end) = io::pipe()?;
    #[cfg(target_os = "linux")]
    let is_wide = rustix::pipe::fcntl_setpipe_size(&end, WIDE).is_ok();
    #[cfg(not(target_os = "linux"))]
    let is_wide = false;
    let end = OwnedFd::from(end);
    Ok((outlet.into(), Inlet { end, is_wide }))
}

/// Reads to the end. Blocks.
fn gather(from: &OwnedFd, guess: usize, gathers: bool) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(guess);
    loop {
        bytes.reserve(WORTH_A_LOOK);
        let read = match rustix::io::read(from, rustix::buffer::spare_capacity(&mut bytes)) {
            Err(rustix::io::Errno::INTR) => continue,
            read => read?,
        };
        if read == 0 {
            return Ok(bytes);
        }
        if gathers && read < WORTH_A_LOOK {
            std::thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BATCH: [&str; 3] = ["cat-file", "--batch", "--buffer"];

    async fn repository() -> (tempfile::TempDir, Git) {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::new(folder.path());
        git.text(&["init", "--quiet"]).await.unwrap();
        (folder, git)
    }

    #[tokio::test]
    async fn more_than_pipes_hold_goes_in_and_comes_out_whole() {
        let (_folder, git) = repository().await;
        // Git answers while it is told more: both sides would wait for ever if one of us did both.
        let input = (0..60_000).fold(String::new(), |text, number| {
            text + &format!("{number:040x}\n")
        });
        let expected = input.replace('\n', " missing\n");
        let batch = git.start_bulk(&BATCH).unwrap();
        let output = batch.run(&BATCH, input.into_bytes(), 10).await.unwrap();
        assert!(output.status.success());
        assert!(output.stdout == expected.as_bytes());
    }

    #[tokio::test]
    async fn a_git_that_hears_nothing_says_why_itself() {
        let (_folder, git) = repository().await;
        let arguments = ["cat-file", "--no-such-option"];
        let bulk = git.start_bulk(&arguments).unwrap();
        let output = bulk.run(&arguments, vec![b'x'; 4 << 20], 0).await.unwrap();
        assert!(!output.status.success() && output.stdout.is_empty());
        assert!(String::from_utf8_lossy(&output.stderr).contains("no-such-option"));
        let nowhere = Git::new("/nowhere/at/all");
        let batch = nowhere.start_bulk(&BATCH).unwrap();
        let output = batch.run(&BATCH, Vec::new(), 0).await.unwrap();
        assert!(matches!(
            nowhere.failure(&BATCH, &output),
            GitError::NoFolder(_)
        ));
    }
}
