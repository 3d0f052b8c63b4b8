//! Clocks, processor time, medians, and the table they come to.
//!
//! Processor time is what the kernel accounts to threads in nanoseconds (`schedstat`), because a short run is less than
//! a tick of `getrusage` on many systems. The ssh masters, which go to the background, are counted by their pid.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::contest::Contest;

/// What one run of one contestant took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// Wall time.
    pub(crate) wall: Duration,
    /// Processor time of the contestant itself; `None` = not told apart.
    pub(crate) own: Option<Duration>,
    /// Processor time of its ssh masters.
    pub(crate) masters: Option<Duration>,
}

/// Measures a run of a contestant that lives in this process and has masters.
pub(crate) async fn inside<F: Future<Output = ()>>(masters: &[i32], run: F) -> Taken {
    let before = (
        used_here(),
        masters.iter().map(|pid| used_by(*pid)).sum::<Duration>(),
    );
    let start = Instant::now();
    run.await;
    let wall = start.elapsed();
    let after: Duration = masters.iter().map(|pid| used_by(*pid)).sum();
    Taken {
        wall,
        own: Some(used_here().saturating_sub(before.0)),
        masters: Some(after.saturating_sub(before.1)),
    }
}

/// Measures a run of a contestant that is another process.
pub(crate) async fn outside<F: Future<Output = ()>>(run: F) -> Taken {
    let start = Instant::now();
    run.await;
    Taken {
        wall: start.elapsed(),
        own: None,
        masters: None,
    }
}

/// The processor time of this process so far.
fn used_here() -> Duration {
    used_by(std::process::id().cast_signed())
}

/// The processor time of the living threads of a process so far.
fn used_by(process: i32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    threads
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse().ok()
        })
        .map(Duration::from_nanos)
        .sum()
}

/// The ssh processes with a control socket below a folder.
pub(crate) fn masters_below(folder: &Path) -> Vec<i32> {
    let socket = format!("-S\0{}", folder.display());
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process| {
            let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&socket)
        })
        .collect()
}

/// The results of one contest.
pub(crate) struct Table {
    rows: Vec<(&'static str, Vec<Taken>)>,
    ideal: f64,
    host_steps: f64,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(contest: &Contest) -> Self {
        Self {
            rows: Vec::new(),
            ideal: contest.steps.ideal,
            host_steps: contest.host_steps() as f64,
        }
    }

    /// Adds a run.
    pub(crate) fn add(&mut self, name: &'static str, taken: Taken) {
        if let Some((_, row)) = self.rows.iter_mut().find(|(known, _)| *known == name) {
            row.push(taken);
        } else {
            self.rows.push((name, vec![taken]));
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| {:34} | median s | least | most | to the limit | over the ideal | own ms/host-step | with masters |",
            format!("ideal {:.3} s, {} host-steps", self.ideal, self.host_steps)
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|")?;
        let limit = self
            .rows
            .iter()
            .find(|(name, _)| name.starts_with("limit"))
            .map(|(_, row)| median(row.iter().map(|taken| taken.wall.as_secs_f64())));
        for (name, row) in &self.rows {
            let walls = || row.iter().map(|taken| taken.wall.as_secs_f64());
            let wall = median(walls());
            let ratio = limit.map_or("-".to_owned(), |limit| format!("{:.2}", wall / limit));
            let each = |time: &dyn Fn(&Taken) -> Option<Duration>| {
                let all: Option<Vec<f64>> = row
                    .iter()
                    .map(|taken| Some(time(taken)?.as_secs_f64() * 1e3))
                    .collect();
                all.map_or("-".to_owned(), |all| {
                    format!("{:.2}", median(all.into_iter()) / self.host_steps)
                })
            };
            writeln!(
                f,
                "| {name:34} | {wall:.3} | {:.3} | {:.3} | {ratio} | {:.3} | {} | {} |",
                walls().fold(f64::INFINITY, f64::min),
                walls().fold(0.0, f64::max),
                wall - self.ideal,
                each(&|taken| taken.own),
                each(&|taken| Some(taken.own? + taken.masters?)),
            )?;
        }
        Ok(())
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// The machine, the date and the load, for the README.
pub(crate) fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let ssh = std::process::Command::new("ssh").arg("-V").output();
    let ssh = ssh.map(|said| String::from_utf8_lossy(&said.stderr).trim().to_owned());
    format!(
        "{} · {cores} cores of {model} · Linux {} · {} · {}",
        chrono::Local::now().format("%Y-%m-%d %H:%M"),
        kernel.trim(),
        ssh.unwrap_or_default(),
        load()
    )
}

/// What else runs here.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "load {}",
        load.split(' ').take(3).collect::<Vec<_>>().join(" ")
    )
}
