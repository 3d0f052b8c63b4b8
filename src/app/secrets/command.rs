//! A command that gives a secret: what it prints is the value.
//!
//! It is run by a shell in the project's folder, reads nothing, and has a limit. Whoever is given up is ended with all
//! that it started; who ends by itself may leave an agent behind, also one that holds its output open. What it says
//! when it fails is told with everything masked that it printed or that is known.

use std::os::fd::AsFd;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::{MOST, Trouble, without_line_end};
use crate::domain::output::ansi::plain_text;
use crate::domain::output::redact::Mask;
use crate::domain::secret::LONGEST;

/// Runs the command and returns what it printed, without its line end. `patience` = how long it may take.
pub(super) async fn ask(
    root: &Path,
    command: &str,
    known: &Mask,
    patience: Duration,
) -> Result<Vec<u8>, Trouble> {
    let failed = |why: String| Trouble {
        why: format!("the command `{command}` {why}"),
        help: Some(format!("run it by hand in {}", root.display())),
    };
    let ended = tokio::time::timeout(patience, printed(root, command)).await;
    let (status, value, stderr) = ended
        .map_err(|_| failed(format!("did not end within {} s", patience.as_secs())))?
        .map_err(|error| failed(format!("gave nothing: {error}")))?;
    let value = without_line_end(value);
    if status.success() {
        return Ok(value);
    }
    // What it printed may be the secret all the same, and it may have said it twice.
    let own = Mask::of_values([value.as_slice()]);
    let said = own.bytes(&known.bytes(&stderr));
    let said = plain_text(&String::from_utf8_lossy(&said).trim().replace('\n', " / "));
    let said = crate::domain::text::ellipsis(&said, 300);
    let how = status.code().map_or_else(
        || "was killed".to_owned(),
        |code| format!("failed with code {code}"),
    );
    Err(failed(if said.is_empty() {
        how
    } else {
        format!("{how}: {said}")
    }))
}

/// Runs a command that gives a secret: how it ended, and what it printed on both streams. Whoever prints more than a
/// secret can have is ended: an error.
async fn printed(root: &Path, command: &str) -> std::io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    let mut child = tokio::process::Command::new("/bin/sh")
        .args(["-c", command])
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (Some(mut stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(std::io::Error::other("it has no output"));
    };
    // Whoever is given up is ended with all that it started, while its pipes are open still: who dies of a broken one
    // leaves its children to others. What ends by itself may leave an agent behind.
    let mut started = Started(child.id());
    let (mut value, mut said) = (Vec::new(), Vec::new());
    let reading = async {
        let value = async {
            up_to_most(&mut stdout, &mut value).await?;
            if value.len() < MOST {
                return Ok(());
            }
            Err(too_much())
        };
        let said = async {
            up_to_most(&mut stderr, &mut said).await?;
            // What it says beyond that is of no interest, and must not hold it up.
            tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await
        };
        tokio::try_join!(value, said)
    };
    let ended = tokio::select! {
        biased;
        read = reading => {
            read?;
            None
        }
        status = child.wait() => Some(status?),
    };
    let status = if let Some(status) = ended {
        // What it started may hold its output open for ever; all that it printed itself is there.
        what_is_there(&stdout, &mut value)?;
        what_is_there(&stderr, &mut said)?;
        if value.len() >= MOST {
            return Err(too_much());
        }
        status
    } else {
        child.wait().await?
    };
    started.0 = None;
    Ok((status, value, said))
}

fn too_much() -> std::io::Error {
    std::io::Error::other(format!("it prints more than {} KiB", LONGEST / 1024))
}

/// Reads to the end, or until there is as much as a value may have.
async fn up_to_most(
    from: &mut (impl AsyncRead + Unpin),
    into: &mut Vec<u8>,
) -> std::io::Result<()> {
    while into.len() < MOST && from.read_buf(into).await? > 0 {}
    Ok(())
}

/// Reads what stands in a pipe and waits for nothing. The runtime is not asked: it may not have heard of it yet.
fn what_is_there(pipe: impl AsFd, into: &mut Vec<u8>) -> std::io::Result<()> {
    let mut piece = [0; 4096];
    while into.len() < MOST {
        match rustix::io::read(&pipe, &mut piece) {
            Ok(0) | Err(rustix::io::Errno::AGAIN) => break,
            Ok(count) => into.extend(&piece[..count]),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A command that runs, with all that it started: they are ended when this is dropped. It has no process group of its
/// own: it may ask at the terminal to be unlocked, which only the group in the foreground may do.
struct Started(Option<u32>);

impl Drop for Started {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        let Some(command) = self.0 else {
            return;
        };
        let parents = parents();
        let mut ended = vec![command];
        let mut at = 0;
        while let Some(parent) = ended.get(at).copied() {
            let children = parents.iter().filter(|(_, of)| *of == parent);
            ended.extend(children.map(|(child, _)| *child));
            at += 1;
        }
        for process in ended {
            let id = i32::try_from(process).ok().and_then(Pid::from_raw);
            if let Some(id) = id {
                // Who is gone already needs no end.
                let _ = kill_process(id, Signal::KILL);
            }
        }
    }
}

/// Every process with its parent, where the system tells.
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let processes = entries.flatten().filter_map(|entry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let about = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name stands in brackets and may hold any sign; behind it stand the state and the parent.
        let rest = &about[about.rfind(')')? + 1..];
        let parent = rest.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some((id, parent))
    });
    processes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough for any machine; a command that waits for ever is given up by a test's own limit.
    const LONG: Duration = Duration::from_secs(100);

    async fn asked(root: &Path, command: &str, patience: Duration) -> Result<Vec<u8>, String> {
        let asked = ask(root, command, &Mask::of_values([]), patience).await;
        asked.map_err(|trouble| trouble.why)
    }

    fn is_there(process: &str) -> bool {
        let about = std::fs::read_to_string(format!("/proc/{}/stat", process.trim()));
        about.is_ok_and(|about| !about.contains(") Z "))
    }

    // The clock stands still while somebody waits for the command to be there, and then goes to the limit at once.
    #[tokio::test(start_paused = true)]
    async fn who_takes_longer_than_the_limit_is_ended_with_all_that_it_started() {
        let root = tempfile::tempdir().unwrap();
        let command = "sleep 86400 & echo $! > part; mv part pid; wait";
        let pid = root.path().join("pid");
        let there = pid.clone();
        let runs = tokio::task::spawn_blocking(move || {
            let deadline = std::time::Instant::now() + LONG;
            while !there.exists() && std::time::Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let asked = asked(root.path(), command, Duration::from_secs(7)).await;
        runs.await.unwrap();
        let why = format!("the command `{command}` did not end within 7 s");
        assert_eq!(asked, Err(why));
        let pid = std::fs::read_to_string(pid).unwrap();
        let deadline = std::time::Instant::now() + LONG;
        while is_there(&pid) {
            assert!(std::time::Instant::now() < deadline, "{pid} goes on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[tokio::test]
    async fn an_agent_that_is_left_behind_holds_nothing_up_and_goes_on() {
        let root = tempfile::tempdir().unwrap();
        let command = "sleep 86400 & echo $! > pid; echo unlocking >&2; echo of a command";
        let asked = asked(root.path(), command, LONG).await;
        let pid = std::fs::read_to_string(root.path().join("pid")).unwrap();
        let is_there = is_there(&pid);
        let id = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
        assert_eq!(asked, Ok(b"of a command".to_vec()));
        assert!(is_there, "the agent was ended");
    }

    #[tokio::test]
    async fn what_it_says_when_it_fails_is_told_though_an_agent_is_left_behind() {
        let root = tempfile::tempdir().unwrap();
        let command = "sleep 86400 & echo $! > pid; echo locked >&2; exit 4";
        let asked = asked(root.path(), command, LONG).await;
        let pid = std::fs::read_to_string(root.path().join("pid")).unwrap();
        let id = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
        let why = format!("the command `{command}` failed with code 4: locked");
        assert_eq!(asked, Err(why));
    }

    #[tokio::test]
    async fn who_reads_gets_nothing_and_waits_for_nobody() {
        let root = tempfile::tempdir().unwrap();
        let command = "read -r typed; echo \"typed <$typed>, $?\"";
        let asked = asked(root.path(), command, LONG).await;
        assert_eq!(asked, Ok(b"typed <>, 1".to_vec()));
    }

    #[tokio::test]
    async fn a_megabyte_is_no_value_on_one_stream_and_no_matter_on_the_other() {
        let root = tempfile::tempdir().unwrap();
        let many = "head -c 1048576 /dev/zero | tr '\\0' x";
        let why = format!("the command `{many}` gave nothing: it prints more than 64 KiB");
        assert_eq!(asked(root.path(), many, LONG).await, Err(why));
        let said = format!("{{ {many}; }} >&2; echo of a command");
        let value = asked(root.path(), &said, LONG).await;
        assert_eq!(value, Ok(b"of a command".to_vec()));
        let most = format!("head -c {LONGEST} /dev/zero | tr '\\0' x; echo");
        let value = asked(root.path(), &most, LONG).await.unwrap();
        assert_eq!(value.len(), LONGEST);
    }
}
