//! `golive tail` on real OpenSSH servers: logs of several kinds, clocks that differ, files that are rotated and servers
//! that restart meanwhile. Every line comes once, in the order of its file, and stands at its true time.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::fleet::{Fleet, signal};
use crate::support::wait_until;
use crate::support::workshop::surroundings;

/// How far the clocks of the hosts are ahead, in seconds.
const SKEWS: [i64; 3] = [0, 30, -7];

/// How exactly a clock is known at least, with the whole seconds that nginx tells: much less than clocks are wrong here.
const VAGUE_S: f64 = 3.0;

/// Three servers, a checklist with their logs, and golive's surroundings.
struct Ground {
    fleet: Fleet,
    root: TempDir,
}

impl Ground {
    fn new() -> Self {
        let root = tempfile::Builder::new()
            .prefix("tl")
            .tempdir_in("/tmp")
            .unwrap();
        let bin = root.path().join("bin");
        fs::create_dir(&bin).unwrap();
        // The clock of a host is what its `date` says.
        let date = "#!/bin/sh\nread -r skew <\"$HOME/skew\"\nexec /bin/date -d \"now $skew seconds\" \"$@\"\n";
        // What its `ls` says of open files comes late while somebody holds it.
        let ls = "#!/bin/sh\ncase $2 in /proc/*) while [ -e \"$HOME/hold\" ]; do sleep 0.05; done ;; esac\n\
            exec /bin/ls \"$@\"\n";
        for (name, text) in [("date", date), ("ls", ls)] {
            fs::write(bin.join(name), text).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("SetEnv PATH={}:/usr/bin:/bin", bin.display());
        let fleet = Fleet::with(3, &[&path]);
        for (host, skew) in fleet.hosts().iter().zip(SKEWS) {
            fs::write(host.home.join("skew"), format!("{skew:+}\n")).unwrap();
        }
        for folder in ["home", "project", "run"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        let mut text = "[project]\nname = \"shop\"\n[ssh]\nconfig = \"".to_owned();
        let _ = writeln!(text, "{}\"", fleet.config().display());
        text.push_str("[env.live.hosts]\n");
        for (host, role) in fleet.hosts().iter().zip(["app", "proxy", "db"]) {
            let _ = writeln!(
                text,
                "{0} = {{ ssh = \"{0}\", roles = [\"{role}\"] }}",
                host.name
            );
        }
        text.push_str(
            "[step.nothing]\nrun = \"true\"\n[[stage]]\nname = \"Live\"\nenv = \"live\"\nsteps = [\"nothing\"]\n\
             [log.gunicorn]\non = \"app\"\nfile = \"gunicorn.log\"\n\
             [log.nginx]\non = \"proxy\"\nfile = \"logs/error.log\"\n\
             [log.postgres]\non = \"db\"\nfile = \"postgresql.log\"\n",
        );
        fs::write(root.path().join("project/releases.toml"), text).unwrap();
        for host in fleet.hosts() {
            fs::create_dir(host.home.join("logs")).unwrap();
        }
        let ground = Self { fleet, root };
        for source in 0..3 {
            ground.append(source, "");
        }
        ground
    }

    fn file(&self, source: usize) -> PathBuf {
        let name = ["gunicorn.log", "logs/error.log", "postgresql.log"][source];
        self.fleet.hosts()[source].home.join(name)
    }

    fn append(&self, source: usize, text: &str) {
        append(&self.file(source), text);
    }

    /// Writes line `number` of a source, with the time its host believes in.
    fn write(&self, source: usize, number: usize) {
        let at = Utc::now() + TimeDelta::seconds(SKEWS[source]);
        self.append(source, &line(source, number, at));
    }

    fn tail(&self, more: &str) -> Tail {
        self.tail_from(0, more)
    }

    fn tail_from(&self, lines: usize, more: &str) -> Tail {
        let mut child = Command::new(env!("CARGO_BIN_EXE_golive"))
            .args(format!("tail live --json --lines {lines} {more}").split_whitespace())
            .current_dir(self.root.path().join("project"))
            .env_clear()
            .envs(surroundings(self.root.path()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Tail {
            lines: gather(child.stdout.take().unwrap()),
            said: gather(child.stderr.take().unwrap()),
            child,
        }
    }
}

fn append(path: &Path, text: &str) {
    let mut options = fs::File::options();
    let mut file = options.create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn line(source: usize, number: usize, at: DateTime<Utc>) -> String {
    match source {
        0 => format!(
            "{} [311] [INFO] request {number} GET /cart\n",
            at.format("[%Y-%m-%d %H:%M:%S%.3f +0000]")
        ),
        1 => format!(
            "{} [error] 31#31: *7 upstream {number} timed out\n",
            at.format("%Y/%m/%d %H:%M:%S")
        ),
        _ => format!(
            "{} UTC [88] LOG:  duration {number} ms\n",
            at.format("%Y-%m-%d %H:%M:%S%.3f")
        ),
    }
}

fn gather(stream: impl std::io::Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&lines);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            into.lock().unwrap().push(line);
        }
    });
    lines
}

/// `golive tail` as it runs.
struct Tail {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Tail {
    /// The lines of logs so far.
    fn came(&self) -> Vec<Value> {
        let lines = self.lines.lock().unwrap();
        let parsed = lines.iter().map(|line| serde_json::from_str(line).unwrap());
        parsed
            .filter(|line: &Value| line["text"].is_string())
            .collect()
    }

    /// By how many seconds the clock of a host was said to be wrong, each time it was said.
    fn clock(&self, host: &str, way: &str) -> Vec<f64> {
        let (begin, end) = (format!("clock of {host}: "), format!(" s {way} ours"));
        let said = self.said.lock().unwrap();
        let told = said.iter().filter_map(|line| {
            let (_, rest) = line.split_once(&begin)?;
            rest.split_once(&end)?.0.parse().ok()
        });
        told.collect()
    }

    fn said(&self, text: &str) -> usize {
        let said = self.said.lock().unwrap();
        said.iter().filter(|line| line.contains(text)).count()
    }

    /// Waits until so many lines came, without those with the number 0.
    async fn has(&mut self, count: usize) {
        let mut over = None;
        wait_until(&format!("{count} lines have come"), || {
            over = self.child.try_wait().unwrap();
            assert!(over.is_none(), "it ended: {:?}", self.said.lock().unwrap());
            let numbers = self.numbers();
            let counted = numbers.values().flatten().filter(|number| **number > 0);
            counted.count() >= count
        })
        .await;
    }

    /// The numbers of the lines of each source, in the order they came.
    fn numbers(&self) -> BTreeMap<String, Vec<usize>> {
        let mut numbers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for line in self.came() {
            let number = number(&line);
            let source = line["source"].as_str().unwrap().to_owned();
            numbers.entry(source).or_default().push(number);
        }
        numbers
    }

    fn interrupt(mut self) -> i32 {
        signal(self.child.id().cast_signed(), Signal::INT);
        self.child.wait().unwrap().code().unwrap()
    }
}

/// The number that was written in a line.
fn number(line: &Value) -> usize {
    let mut words = line["text"].as_str().unwrap().split(' ');
    let before = ["request", "upstream", "duration"];
    words.find(|word| before.contains(word)).unwrap();
    words.next().unwrap().parse().unwrap()
}

/// Writes lines with the number 0 to each source until one comes: then all of them are followed.
async fn all_followed(ground: &Ground, tail: &Tail) {
    // With `--lines 0` only what is written from now on comes; nothing tells from outside when that begins.
    let mut last = std::time::Instant::now();
    wait_until("all sources are followed", || {
        let numbers = tail.numbers();
        if last.elapsed() > Duration::from_millis(100) {
            last = std::time::Instant::now();
            for (source, name) in ["gunicorn", "nginx", "postgres"].iter().enumerate() {
                if !numbers.contains_key(*name) {
                    ground.write(source, 0);
                }
            }
        }
        numbers.len() == 3
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_hosts_with_wrong_clocks_stand_at_their_true_times() {
    let ground = Ground::new();
    let mut tail = ground.tail("");
    all_followed(&ground, &tail).await;
    let mut written = Vec::new();
    let mut pace = tokio::time::interval(Duration::from_millis(40));
    for number in 1..=30 {
        pace.tick().await;
        let before = Utc::now();
        ground.write(number % 3, number);
        written.push((before, Utc::now()));
    }
    tail.has(30).await;
    let came = tail.came();
    for line in came.iter().filter(|line| number(line) > 0) {
        let number = number(line);
        let at: DateTime<Utc> = line["at"].as_str().unwrap().parse().unwrap();
        let (before, after) = written[number - 1];
        let vague = TimeDelta::milliseconds((VAGUE_S * 1000.0) as i64);
        let (from, to) = (before - vague, after + vague);
        assert!((from..=to).contains(&at), "not from {from} to {to}: {line}");
    }
    for numbers in tail.numbers().values() {
        let numbers: Vec<_> = numbers.iter().filter(|number| **number > 0).collect();
        assert_eq!(numbers.len(), 10);
        assert!(numbers.is_sorted(), "{numbers:?}");
    }
    // The busier the machine, the less is known of a clock.
    for (host, way, seconds) in [("web2", "ahead of", 30.0), ("web3", "behind", 7.0)] {
        let told = tail.clock(host, way);
        assert_eq!(told.len(), 1, "{host}: {told:?}");
        assert!((told[0] - seconds).abs() < VAGUE_S, "{host}: {told:?}");
    }
    assert_eq!(tail.interrupt(), 0);
    ground.fleet.is_left_alone();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotated_files_and_restarted_servers_lose_and_repeat_nothing() {
    let mut ground = Ground::new();
    let mut tail = ground.tail("");
    all_followed(&ground, &tail).await;
    let mut pace = tokio::time::interval(Duration::from_millis(30));
    for number in 1..=60 {
        pace.tick().await;
        for source in 0..3 {
            ground.write(source, number);
        }
        match number {
            10 => {
                let file = ground.file(0);
                fs::rename(&file, file.with_extension("log.1")).unwrap();
            }
            20 => {
                ground.fleet.stop(1);
                ground.fleet.cut(2);
            }
            25 => {
                // Rotated while nobody can see it.
                let file = ground.file(1);
                fs::rename(&file, file.with_extension("log.1")).unwrap();
            }
            30 => ground.fleet.start(1),
            45 => {
                tail.has(45 * 3).await;
                let file = ground.file(2);
                fs::copy(&file, file.with_extension("log.1")).unwrap();
                fs::write(&file, "").unwrap();
            }
            // Whatever is known of that by now.
            46 => ground.fleet.cut(2),
            _ => {}
        }
    }
    tail.has(180).await;
    let expected: Vec<usize> = (1..=60).collect();
    for (source, numbers) in tail.numbers() {
        let numbers: Vec<usize> = numbers.into_iter().filter(|number| *number > 0).collect();
        assert_eq!(numbers, expected, "{source}");
    }
    assert!(tail.said("LOST web2 nginx") > 0, "{:?}", tail.said.lock());
    assert_eq!(tail.said("BACK web2 nginx"), 1);
    assert_eq!(tail.interrupt(), 0);
    ground.fleet.is_left_alone();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_faster_than_the_word_about_it_holds_nothing_up() {
    const LINES: usize = 20_000;
    let ground = Ground::new();
    let hold = ground.fleet.hosts()[0].home.join("hold");
    fs::write(&hold, "").unwrap();
    let rest = "x".repeat(800);
    let mut text = String::new();
    for number in 1..=LINES {
        let _ = writeln!(text, "request {number} GET /{rest}");
    }
    ground.append(0, &text);
    let tail = ground.tail_from(LINES, "gunicorn");
    // ssh lets two megabytes be on their way for stream and words together: nobody waits for more of them here.
    wait_until("the host has sent more than is ever on its way", || {
        let read = ground.fleet.read_so_far("tail -c");
        read.iter().any(|read| *read > 6 << 20)
    })
    .await;
    assert_eq!(
        tail.lines.lock().unwrap().len(),
        0,
        "nobody knows yet of what file it is"
    );
    fs::remove_file(&hold).unwrap();
    wait_until("all lines have come", || {
        tail.lines.lock().unwrap().len() >= LINES
    })
    .await;
    let numbers = tail.numbers();
    assert!(numbers["gunicorn"].iter().copied().eq(1..=LINES));
    assert_eq!(tail.interrupt(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_the_following_stays_on_a_host_whose_reader_was_killed() {
    let ground = Ground::new();
    let tail = ground.tail("");
    all_followed(&ground, &tail).await;
    let follows = |line: &String| line.contains("golive") || line.contains("tail -c");
    let left = || -> Vec<String> {
        let lines = ground.fleet.processes();
        lines.into_iter().filter(follows).collect()
    };
    assert!(left().len() >= 3, "{:?}", left());
    signal(tail.child.id().cast_signed(), Signal::KILL);
    wait_until("nothing of it runs", || left().is_empty()).await;
    // Nothing was installed either.
    for host in ground.fleet.hosts() {
        assert!(!host.home.join(".golive").exists());
    }
}

#[test]
fn hosts_that_cannot_be_reached_end_it_with_code_5() {
    let mut ground = Ground::new();
    for index in 0..3 {
        ground.fleet.stop(index);
    }
    for more in ["", "--no-follow"] {
        let mut tail = ground.tail(more);
        assert_eq!(tail.child.wait().unwrap().code(), Some(5), "{more}");
    }
}
