//! The processes of a demo: found by their mark, ended by their id.
//!
//! Everything a demo starts carries `GOLIVE_DEMO=<id>` in its environment and hands it down, however often it
//! detaches itself. At the end nothing with the mark is left. Nothing without the mark is ever signalled, so a
//! shell the operator opened inside a demo's folder is safe. Blocking; not for the async threads.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The variable that marks a demo's processes.
pub const MARK: &str = "GOLIVE_DEMO";

/// How long processes may take to end when asked; then they are killed.
const GRACE: Duration = Duration::from_secs(2);

/// How long to look for the killed ones; a process may be in the kernel's hands for a moment.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked whether they have ended.
const BEAT: Duration = Duration::from_millis(20);

/// Ids of the living processes of the demo with this id whose folder is `root`, without the caller's own.
pub fn of_demo(id: &str, root: &Path) -> Vec<i32> {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let mut found = listing(id, root);
    found.retain(|pid| *pid != own && *pid > 1);
    found
}

/// Ends every process of a demo, gently first; returns those that could not be ended.
pub fn end_all(id: &str, root: &Path) -> Vec<i32> {
    let started = Instant::now();
    loop {
        let left = of_demo(id, root);
        let waited = started.elapsed();
        if left.is_empty() || waited > GRACE + PATIENCE {
            return left;
        }
        let signal = if waited > GRACE {
            Signal::KILL
        } else {
            Signal::TERM
        };
        for pid in left {
            end(pid, id, signal);
        }
        std::thread::sleep(BEAT);
    }
}

/// Sends a signal through a handle of the process, so that a reused id is never hit.
#[cfg(target_os = "linux")]
fn end(pid: i32, id: &str, signal: Signal) {
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
    let Some(pid) = Pid::from_raw(pid) else {
        return;
    };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => {
            if carries(pid.as_raw_nonzero().get(), id) {
                let _ = pidfd_send_signal(&handle, signal);
            }
        }
        Err(rustix::io::Errno::SRCH) => {}
        // An old kernel or a sandbox without handles.
        Err(_) => {
            let _ = kill_process(pid, signal);
        }
    }
}

/// Sends a signal to a process that was listed a moment ago.
#[cfg(not(target_os = "linux"))]
fn end(pid: i32, _id: &str, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, signal);
    }
}

/// Every process whose environment carries the mark.
#[cfg(target_os = "linux")]
fn listing(id: &str, _root: &Path) -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| carries(*pid, id))
        .collect()
}

/// Whether a process has the mark. A zombie has no environment any more, so it is not alive here.
#[cfg(target_os = "linux")]
fn carries(pid: i32, id: &str) -> bool {
    let mark = format!("{MARK}={id}");
    std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| {
        environ
            .split(|byte| *byte == 0)
            .any(|entry| entry == mark.as_bytes())
    })
}

/// Where no environment can be read: what the hosts' own records name, if it still is what they say.
#[cfg(not(target_os = "linux"))]
fn listing(_id: &str, root: &Path) -> Vec<i32> {
    let mut found: Vec<i32> = records(root)
        .iter()
        .flat_map(|text| recorded(text))
        .filter(|pid| still_ours(*pid, root))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The texts in which a host's programs wrote their process ids.
#[cfg(not(target_os = "linux"))]
fn records(root: &Path) -> Vec<String> {
    let folders = |path: &Path| {
        std::fs::read_dir(path)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect::<Vec<_>>()
    };
    let mut texts = Vec::new();
    for home in folders(&root.join("hosts")) {
        texts.extend(std::fs::read_to_string(home.join("app/app.pid")));
        for attempt in folders(&home.join(".golive/run")) {
            texts.extend(std::fs::read_to_string(attempt.join("pid")));
            texts.extend(std::fs::read_to_string(attempt.join("start")));
        }
    }
    texts
}

/// Process ids in a record: a bare number, or the fields `pid=` and `sup=`.
#[cfg(any(not(target_os = "linux"), test))]
fn recorded(text: &str) -> Vec<i32> {
    text.split_whitespace()
        .filter_map(|word| {
            let number = word
                .strip_prefix("pid=")
                .or_else(|| word.strip_prefix("sup="))
                .unwrap_or(word);
            number.parse().ok()
        })
        .collect()
}

/// Whether the process of this id works on the demo's files.
#[cfg(not(target_os = "linux"))]
fn still_ours(pid: i32, root: &Path) -> bool {
    std::process::Command::new("ps")
        .args(["-o", "command=", "-p", &pid.to_string()])
        .output()
        .is_ok_and(|shown| {
            let command = String::from_utf8_lossy(&shown.stdout).into_owned();
            command.contains(&*root.to_string_lossy()) || command.contains(".golive/")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_names_its_processes() {
        assert_eq!(recorded("4711\n"), [4711]);
        assert_eq!(recorded(" v=1 sup=12 st=99x boot=ab t=x ."), [12]);
        assert_eq!(recorded(" v=1 pid=13 st=x ."), [13]);
    }

    #[test]
    fn a_detached_process_is_found_by_its_mark_and_ended() {
        let folder = tempfile::tempdir().unwrap();
        let id = format!("unit-{}", std::process::id());
        let mut shell = std::process::Command::new("/bin/sh")
            .args([
                "-c",
                "(trap '' HUP TERM; sleep 600; sleep 600) >/dev/null 2>&1 & echo",
            ])
            .env(MARK, &id)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        shell.wait().unwrap();
        assert!(!of_demo(&id, folder.path()).is_empty());
        assert_eq!(of_demo("another", folder.path()), Vec::<i32>::new());
        assert_eq!(end_all(&id, folder.path()), Vec::<i32>::new());
        assert_eq!(of_demo(&id, folder.path()), Vec::<i32>::new());
    }
}
