//! Following a log that grows: how soon a line is on screen, and what following costs; then a console that has nothing to do.
//!
//! The whole program runs in a pseudo-terminal, over a real sshd. A writer appends lines with running numbers at a steady
//! pace and notes when; a terminal emulator says which number stands on the screen after each frame. What counts for a
//! line is the first frame with its number or a later one. `ssh host tail -F` into a pipe is the limit.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::Local;
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::fleet::{Fleet, signal};
use super::machine::{CHECKLIST, at, memory_of, switches, used_by};

/// How often lines are written.
const BEAT: Duration = Duration::from_millis(1);
/// What comes before a line's number.
const MARK: &str = "seq #";
/// The end of a frame.
const FRAME: &[u8] = b"\x1b[?2026l";
/// How long a console is left alone.
const IDLE: Duration = Duration::from_secs(10);

/// Measures following for so many seconds at each pace, then rest and start.
pub(crate) fn run(seconds: u64, rounds: usize) {
    let fleet = Fleet::up(1);
    let ground = Ground::new(&fleet);
    println!("\nwritten on the host until seen, {seconds} s at each pace\n");
    println!(
        "| what | p50 ms | p99 ms | most ms | frames/s | cores | with its ssh | RSS MiB |\n\
         |---|---|---|---|---|---|---|---|"
    );
    for pace in [10_000, 100_000] {
        limit(&ground, pace, seconds);
        console(&ground, pace, seconds);
    }
    rest(&ground);
    starts(&ground, rounds);
}

/// A project, and the folders of a user who has nothing else.
struct Ground<'a> {
    fleet: &'a Fleet,
    folder: tempfile::TempDir,
    log: PathBuf,
}

impl<'a> Ground<'a> {
    fn new(fleet: &'a Fleet) -> Self {
        let folder = tempfile::Builder::new().prefix("live").tempdir_in("/tmp");
        let folder = folder.unwrap();
        for name in ["home", "run", "project"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let project = folder.path().join("project");
        fs::write(project.join("releases.toml"), CHECKLIST).unwrap();
        for line in [
            "init -q -b main",
            "add -A",
            "-c user.name=Ada -c user.email=ada@example.org commit -q -m Begin",
        ] {
            let mut git = Command::new("git");
            git.args(line.split(' ')).current_dir(&project);
            assert!(git.status().unwrap().success(), "git {line}");
        }
        let log = fleet.hosts()[0].home.join("app.log");
        Self { fleet, folder, log }
    }

    fn open(&self, words: &[&str]) -> Console {
        let mut line = vec![OsString::from(env!("CARGO_BIN_EXE_golive"))];
        line.extend(words.iter().map(OsString::from));
        let mut command = CommandBuilder::from_argv(line);
        command.env_clear();
        let below = |name: &str| self.folder.path().join(name).into_os_string();
        for (name, value) in [
            ("PATH", std::env::var_os("PATH").unwrap_or_default()),
            ("HOME", below("home")),
            ("SHELL", "/bin/sh".into()),
            ("TERM", "xterm-256color".into()),
            ("COLORTERM", "truecolor".into()),
            ("LANG", "C.UTF-8".into()),
            ("XDG_RUNTIME_DIR", below("run")),
            ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
            ("GIT_CONFIG_NOSYSTEM", "1".into()),
            ("GOLIVE_SSH_CONFIG", self.fleet.config().into_os_string()),
        ] {
            command.env(name, value);
        }
        command.cwd(self.folder.path().join("project"));
        Console::open(command)
    }
}

/// golive in a terminal.
struct Console {
    master: Box<dyn MasterPty + Send>,
    writer: Writer,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    seen: Arc<Mutex<Seen>>,
    begun: Instant,
}

/// Whoever types, or answers golive's question about the terminal.
type Writer = Arc<Mutex<Box<dyn Write + Send>>>;

/// What a terminal has shown.
#[derive(Default)]
struct Seen {
    text: String,
    /// When a frame was complete, and the highest number on it.
    frames: Vec<(Instant, u64)>,
}

impl Console {
    fn open(command: CommandBuilder) -> Self {
        let size = PtySize {
            rows: 36,
            cols: 120,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let begun = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (reader, heard) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&seen));
        let writer = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let answers = Arc::clone(&writer);
        std::thread::spawn(move || watch(reader, &heard, &answers));
        Self {
            writer,
            master: pair.master,
            child,
            seen,
            begun,
        }
    }

    fn until(&self, holds: impl Fn(&Seen) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !holds(&self.seen.lock().unwrap()) {
            let text = || self.seen.lock().unwrap().text.clone();
            assert!(Instant::now() < deadline, "never:\n{}", text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    fn leave(mut self) {
        self.writer.lock().unwrap().write_all(b"Q").unwrap();
        std::thread::sleep(Duration::from_millis(500));
        if self.child.try_wait().unwrap().is_none() {
            signal(self.pid().cast_signed(), rustix::process::Signal::TERM);
        }
        self.child.wait().unwrap();
        drop(self.master);
    }
}

/// Shows what comes to an emulator, and notes what stands there after each frame.
fn watch(mut reader: Box<dyn Read + Send>, seen: &Mutex<Seen>, writer: &Writer) {
    let size = |cells| NonZeroU16::new(cells).unwrap();
    let mut parser = vt100::Parser::new(size(36), size(120), 0);
    let (mut block, mut held) = (vec![0; 1 << 16], Vec::new());
    while let Ok(count @ 1..) = reader.read(&mut block) {
        let now = Instant::now();
        if memchr::memmem::find(&block[..count], b"\x1b[c").is_some() {
            writer.lock().unwrap().write_all(b"\x1b[?62;22c").unwrap();
        }
        held.extend_from_slice(&block[..count]);
        while let Some(at) = memchr::memmem::find(&held, FRAME) {
            let frame: Vec<u8> = held.drain(..at + FRAME.len()).collect();
            parser.process(&frame);
            let text = parser.screen().contents();
            let number = highest(text.as_bytes());
            let mut seen = seen.lock().unwrap();
            seen.frames.push((now, number));
            seen.text = text;
        }
    }
}

/// The highest number of a line among this text.
fn highest(text: &[u8]) -> u64 {
    let places = memchr::memmem::find_iter(text, MARK);
    let numbers = places.filter_map(|place| {
        let digits = text.get(place + MARK.len()..place + MARK.len() + 9)?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    });
    numbers.max().unwrap_or(0)
}

/// Appends lines at a pace until it is told to end; returns when each beat's last line was written.
fn write(log: &Path, pace: u64, end: &AtomicBool) -> Vec<Instant> {
    let mut file = File::options().append(true).create(true).open(log).unwrap();
    let each = pace / 1000;
    let (begun, mut written, mut text) = (Instant::now(), Vec::new(), String::new());
    let mut next = 1_u64;
    while !end.load(Ordering::Relaxed) {
        let due = begun + BEAT * written.len() as u32;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let time = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.3fZ");
        let time = time.to_string();
        text.clear();
        for number in next..next + each {
            let level = if number % 50 == 0 { "WARN " } else { "INFO " };
            let begin = text.len();
            let _ = write!(
                text,
                "{time} {level} {MARK}{number:09} GET /cart/{} ",
                number % 997
            );
            text.extend(std::iter::repeat_n('x', 124 - (text.len() - begin)));
            text.push('\n');
        }
        next += each;
        file.write_all(text.as_bytes()).unwrap();
        written.push(Instant::now());
    }
    written
}

/// Milliseconds from written to seen, of every beat but those of the first second.
fn latencies(written: &[Instant], frames: &[(Instant, u64)], pace: u64) -> Vec<f64> {
    let mut frames = frames.iter().peekable();
    let mut took = Vec::new();
    for (beat, at) in written.iter().enumerate() {
        let number = (beat as u64 + 1) * (pace / 1000);
        while frames.next_if(|(_, seen)| *seen < number).is_some() {}
        let Some((shown, _)) = frames.peek() else {
            break;
        };
        if beat >= 1000 {
            took.push(shown.saturating_duration_since(*at).as_secs_f64() * 1e3);
        }
    }
    assert!(took.len() + 2000 > written.len(), "lines were not seen");
    took
}

/// Whoever follows sees it grow; what it cost is measured from the second second on.
fn follow(
    ground: &Ground<'_>,
    pace: u64,
    seconds: u64,
    used: impl Fn() -> (Duration, Duration),
    seen: impl Fn() -> u64,
) -> (Vec<Instant>, [f64; 2]) {
    let end = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(&ground.log, pace, &end));
        std::thread::sleep(Duration::from_secs(1));
        let (begun, before) = (Instant::now(), used());
        std::thread::sleep(Duration::from_secs(seconds));
        let (after, span) = (used(), begun.elapsed().as_secs_f64());
        end.store(true, Ordering::Relaxed);
        let written = writer.join().unwrap();
        let last = written.len() as u64 * (pace / 1000);
        let deadline = Instant::now() + Duration::from_secs(30);
        while seen() < last {
            assert!(Instant::now() < deadline, "the last line was not seen");
            std::thread::sleep(Duration::from_millis(5));
        }
        let cores = |from: Duration, to: Duration| to.saturating_sub(from).as_secs_f64() / span;
        (
            written,
            [cores(before.0, after.0), cores(before.1, after.1)],
        )
    })
}

fn print(name: &str, took: &mut [f64], frames: f64, cores: [f64; 2], rss: u64) {
    println!(
        "| {name} | {:.1} | {:.1} | {:.1} | {frames:.0} | {:.3} | {:.3} | {} |",
        at(took, 0.5),
        at(took, 0.99),
        at(took, 1.0),
        cores[0],
        cores[0] + cores[1],
        rss / 1024
    );
}

fn console(ground: &Ground<'_>, pace: u64, seconds: u64) {
    File::create(&ground.log).unwrap();
    let console = ground.open(&["tail", "production"]);
    console.until(|seen| seen.text.contains("live"));
    // Until its first second is over it is still connecting and asking for clocks.
    std::thread::sleep(Duration::from_secs(2));
    let pid = console.pid();
    let masters = of_folder(&ground.folder.path().join("run"));
    let used = || (used_by(pid), masters.iter().map(|pid| used_by(*pid)).sum());
    let newest = || {
        let seen = console.seen.lock().unwrap();
        seen.frames.last().map_or(0, |(_, number)| *number)
    };
    let drawn = console.seen.lock().unwrap().frames.len();
    let (written, cores) = follow(ground, pace, seconds, used, newest);
    let frames = console.seen.lock().unwrap().frames.split_off(drawn);
    let mut took = latencies(&written, &frames, pace);
    let span = written[written.len() - 1].duration_since(written[0]);
    let rate = frames.len() as f64 / span.as_secs_f64();
    let name = format!("golive, {pace} lines/s");
    print(&name, &mut took, rate, cores, memory_of(pid, "VmRSS"));
    console.leave();
}

fn limit(ground: &Ground<'_>, pace: u64, seconds: u64) {
    File::create(&ground.log).unwrap();
    let mut ssh = Command::new("ssh");
    ssh.arg("-F").arg(ground.fleet.config());
    ssh.args(["web1", "tail -n +1 -F app.log"]);
    ssh.stdin(Stdio::null()).stderr(Stdio::null());
    let mut ssh = ssh.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(ssh.stdout.take().unwrap());
    let frames: Arc<Mutex<Vec<(Instant, u64)>>> = Arc::default();
    let heard = Arc::clone(&frames);
    std::thread::spawn(move || {
        let (mut block, mut held) = (vec![0; 1 << 16], Vec::new());
        while let Ok(count @ 1..) = out.read(&mut block) {
            let now = Instant::now();
            held.extend_from_slice(&block[..count]);
            let whole = memchr::memrchr(b'\n', &held).map_or(0, |at| at + 1);
            let number = highest(&held[whole.saturating_sub(200)..whole]);
            held.drain(..whole);
            heard.lock().unwrap().push((now, number));
        }
    });
    std::thread::sleep(Duration::from_secs(1));
    let pid = ssh.id();
    let used = || (Duration::ZERO, used_by(pid));
    let newest = || {
        frames
            .lock()
            .unwrap()
            .last()
            .map_or(0, |(_, number)| *number)
    };
    let (written, cores) = follow(ground, pace, seconds, used, newest);
    let mut took = latencies(&written, &frames.lock().unwrap(), pace);
    let name = format!("`ssh tail -F` into a pipe, {pace} lines/s");
    print(&name, &mut took, 0.0, cores, memory_of(pid, "VmRSS"));
    ssh.kill().unwrap();
    ssh.wait().unwrap();
}

/// How often a console that has nothing to do wakes up.
fn rest(ground: &Ground<'_>) {
    println!(
        "\n| at rest, {} s | wake-ups | of its ssh | processor ms | RSS MiB, of its own |\n|---|---|---|---|---|",
        IDLE.as_secs()
    );
    let mut file = File::create(&ground.log).unwrap();
    writeln!(file, "one line").unwrap();
    for words in [&[][..], &["tail", "production"][..]] {
        let console = ground.open(words);
        console.until(|seen| !seen.frames.is_empty());
        // Threads that did something once end after ten seconds; after fifteen a connection is asked seldom.
        std::thread::sleep(Duration::from_secs(20));
        until_quiet_minute();
        let (pid, masters) = (console.pid(), of_folder(&ground.folder.path().join("run")));
        let of_masters = || masters.iter().map(|pid| switches(*pid)).sum::<u64>();
        let before = (switches(pid), of_masters(), used_by(pid));
        std::thread::sleep(IDLE);
        println!(
            "| golive {} | {} | {} | {:.2} | {:.1} |",
            words.join(" "),
            switches(pid).saturating_sub(before.0),
            of_masters().saturating_sub(before.1),
            used_by(pid).saturating_sub(before.2).as_secs_f64() * 1e3,
            memory_of(pid, "RssAnon") as f64 / 1024.0,
        );
        console.leave();
    }
}

/// Waits until the next minute of the clock is further away than what is measured: with it the clock is drawn.
fn until_quiet_minute() {
    let now = Local::now().timestamp_millis().rem_euclid(60_000) as u64;
    if now < 1_000 || now + IDLE.as_millis() as u64 > 54_000 {
        std::thread::sleep(Duration::from_millis(61_000 - now));
    }
}

/// How long it takes from the start of the process to the end of its first frame.
fn starts(ground: &Ground<'_>, rounds: usize) {
    println!("\n| start to first frame | ms |\n|---|---|");
    for words in [&[][..], &["tail", "production"][..]] {
        let mut took = Vec::new();
        for _ in 0..rounds * 4 {
            let console = ground.open(words);
            console.until(|seen| !seen.frames.is_empty());
            let first = console.seen.lock().unwrap().frames[0].0;
            took.push(first.duration_since(console.begun).as_secs_f64() * 1e3);
            console.leave();
        }
        println!("| golive {} | {:.1} |", words.join(" "), at(&mut took, 0.5));
    }
}

/// The processes whose command names this folder: the connections of the console there.
fn of_folder(folder: &Path) -> Vec<u32> {
    let folder = folder.to_string_lossy().into_owned();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let named = processes.filter_map(|process| {
        let line = fs::read(process.path().join("cmdline")).ok()?;
        let names = memchr::memmem::find(&line, folder.as_bytes()).is_some();
        let pid = process.file_name().to_str()?.parse().ok()?;
        names.then_some(pid)
    });
    named.collect()
}
