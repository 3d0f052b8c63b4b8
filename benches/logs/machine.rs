//! What the machine is and how busy, and what this process needs of it.

use std::fs;
use std::process::Child;
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// A project with one log on one host.
pub(crate) const CHECKLIST: &str = r#"
[project]
name = "bench"
[env.production]
hosts = { web1 = "web1" }
[log.app]
on = "all"
file = "app.log"
[step.nothing]
run = "true"
on = "all"
[[stage]]
name = "Production"
env = "production"
steps = ["nothing"]
"#;

/// Processors and system.
pub(crate) fn name() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let system = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{count} processors ({model}), Linux {}", system.trim())
}

/// How busy it was.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    format!("load at the end: {}", load.join(" "))
}

/// A line of this process's status, in KiB: `VmRSS`, `VmHWM`.
pub(crate) fn memory(what: &str) -> u64 {
    memory_of(std::process::id(), what)
}

/// The same of any process.
pub(crate) fn memory_of(process: u32, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    let number = line.and_then(|line| line.trim_start_matches(':').split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The processor time of a process so far, of all its threads.
pub(crate) fn used_by(process: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let times = threads
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse().ok()
        });
    times.map(Duration::from_nanos).sum()
}

/// Waits until a process has ended and returns its processor seconds, in hundredths. It is still to be waited for.
pub(crate) fn used_of_ended(child: &Child) -> f64 {
    let pid = Pid::from_child(child);
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(pid), options).unwrap();
    let facts = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    let behind_name = facts.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = behind_name.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// How often the threads of a process were put to sleep or aside so far.
pub(crate) fn switches(process: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let counts = threads.into_iter().flatten().flatten().map(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        let lines = status
            .lines()
            .filter_map(|line| line.split_once("ctxt_switches:"));
        lines
            .filter_map(|(_, count)| count.trim().parse::<u64>().ok())
            .sum::<u64>()
    });
    counts.sum()
}

/// The middle of some values.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    at(values, 0.5)
}

/// The value that this share of the values is not above.
pub(crate) fn at(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = ((values.len() as f64 * share).ceil() as usize).clamp(1, values.len());
    values[place - 1]
}
