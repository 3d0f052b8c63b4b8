//! Makes the pictures of `docs/pictures` from the real screens: `cargo run --release --example pictures`.
//!
//! Runs the demo in a pseudo-terminal with a home of its own, walks it by keys from the home screen to the pushed tag and
//! to the past releases, and draws what the terminal shows; the logs are those of servers that are folders, written
//! meanwhile. Every step waits for words on the screen until a deadline. Nothing of this machine gets into a picture: the
//! operator and the machine have names of the demo's harbour, and a path that shows is an error. Times, ports and hashes
//! differ from run to run; the screens have the same shape.

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use golive::ui::model::DEAD_TIME_MS;
use golive::ui::picture;
use golive::ui::theme::Theme;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

type Failure = Box<dyn Error>;

const ROWS: u16 = 36;
const COLUMNS: u16 = 120;

/// How long the demo may take to show what comes next.
const PATIENCE: Duration = Duration::from_secs(90);

/// What golive writes when a frame is complete (DEC private mode 2026, reset).
const END_OF_FRAME: &[u8] = b"\x1b[?2026l";

/// Who makes the release in the pictures.
const OPERATOR: &str = "ada";

/// What the machine is called there, as long as its real name is: nothing on the screen moves.
const MACHINES: [&str; 6] = [
    "m",
    "pc",
    "bay",
    "quay",
    "wharf",
    "quay-by-the-harbour-behind-the-lighthouse-on-the-left",
];

fn main() -> ExitCode {
    // Called with words, this is golive: the demo starts itself again for the console and for its application.
    if std::env::args_os().len() > 1 {
        return golive::app::main();
    }
    match logs().and_then(|()| pictures()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn pictures() -> Result<(), Failure> {
    let program = std::env::current_exe()?;
    let folder = tempfile::Builder::new().prefix("gl").tempdir()?;
    let mut screen = Screen::open(&program, folder.path(), folder.path(), &["demo"])?;

    screen.until("home, every host reached", |text| {
        text.contains("Next release") && text.matches(" ms").count() >= 3
    })?;
    screen.at("D deploy", "D")?;
    screen.at("nothing has started yet", "D")?;
    screen.at("Told the harbour office", "Y")?;
    screen.at("Type production to release there", "0")?;
    screen.at("Next release", "r")?;
    screen.until("home, with what was brought to staging", |text| {
        text.contains("same as main")
            && text.contains("this console drives it")
            && text.matches(" ms").count() >= 3
    })?;
    screen.picture("home", "golive demo", folder.path())?;
    screen.keys("1")?;
    screen.until("the evidence", |text| text.contains(" 0 fail"))?;
    screen.at("Type production to release there", "\t")?;
    screen.keys("production")?;
    screen.shows("Enter: production")?;
    screen.picture("gate", "golive demo", folder.path())?;
    screen.keys("\r")?;
    // Half of what the step prints on each of its hosts.
    screen.until("the log of production", |text| {
        text.contains("Log  10 code") && text.matches(" web2").count() > 8
    })?;
    screen.picture("run", "golive demo", folder.path())?;
    screen.shows("is released")?;
    screen.picture("finished", "golive demo", folder.path())?;
    releases(&mut screen, folder.path())?;
    screen.at("q quit", "q")?;
    screen.ended()
}

/// The releases that the demo has by then, and what going back to the one before means.
fn releases(screen: &mut Screen, folder: &Path) -> Result<(), Failure> {
    screen.at("0 home", "0")?;
    screen.at("q quit", "3")?;
    screen.until("the newest release with its files", |text| {
        text.contains("4 releases")
            && text.contains("same as the remote")
            && text.contains("touches  database")
            && text.contains("file 1 of 4")
    })?;
    screen.picture("releases", "golive releases", folder)?;
    screen.at("D deploy this release", "j")?;
    screen.at("B tells first what going back to it would mean", "B")?;
    screen.until("what going back means", |text| {
        text.contains("4 commits are taken back") && text.contains("still on web1, web2")
    })?;
    screen.picture("rollback", "golive rollback production", folder)?;
    screen.at("Esc leaves everything as it is", "\x1b")?;
    screen.at("q back", "q")
}

/// The checklist behind the picture of the logs.
const HARBOUR: &str = r#"
[project]
name = "harbour"
[env.production]
via = "local"
hosts.web1 = { dir = "../web1", roles = ["web"] }
hosts.web2 = { dir = "../web2", roles = ["web"] }
hosts.db1 = { dir = "../db1", roles = ["db"] }
[step.code]
run = "sleep 0.2"
on = "web"
phase = "prepare"
[step.switch]
run = "sleep 0.2"
on = "web"
[[stage]]
name = "Production"
env = "production"
steps = ["code", "switch"]
[log.app]
on = "web"
file = "app.log"
[log.nginx]
on = "web"
file = "access.log"
[log.postgres]
on = "db"
file = "postgres.log"
"#;

/// The logs of an environment: two hosts and a database, with a deploy while they are looked at.
fn logs() -> Result<(), Failure> {
    let program = std::env::current_exe()?;
    let folder = tempfile::Builder::new().prefix("gl").tempdir()?;
    let (root, project) = (folder.path(), folder.path().join("harbour"));
    for name in ["harbour", "web1", "web2", "db1"] {
        fs::create_dir(root.join(name))?;
    }
    fs::write(project.join("releases.toml"), HARBOUR)?;
    for words in [
        "init -q -b main",
        "add .",
        "-c user.name=Ada -c user.email=ada@harbour.example commit -q -m Harbour",
    ] {
        let mut git = Command::new("git");
        run(git.args(words.split(' ')).current_dir(&project), root)?;
    }
    let now = Utc::now();
    for second in (1..=600).rev() {
        write(root, second, now - TimeDelta::seconds(second))?;
    }
    let mut screen = Screen::open(&program, root, &project, &["tail", "production"])?;
    screen.shows("5 of 5 sources live")?;
    let over = Arc::new(AtomicBool::new(false));
    let writer = {
        let (over, root) = (Arc::clone(&over), root.to_owned());
        std::thread::spawn(move || {
            for second in (0..=100).rev().cycle() {
                if over.load(Ordering::Relaxed) || write(&root, second, Utc::now()).is_err() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        })
    };
    let taken = (|| {
        let mut deploy = Command::new(&program);
        deploy.args(["deploy", "--plain", "--approve"]);
        let commit = Command::new("git")
            .args(["rev-parse", "HEAD"])
            .current_dir(&project)
            .output()?;
        deploy.arg(format!(
            "production={}",
            String::from_utf8(commit.stdout)?.trim()
        ));
        run(deploy.current_dir(&project), root)?;
        screen.at("every line shows", "-")?;
        screen.at("hide", "healthz\r")?;
        screen.at("hides", "/")?;
        screen.keys("upstream\r")?;
        screen.shows(" matches: ")?;
        screen.picture("logs", "golive tail production", root)
    })();
    over.store(true, Ordering::Relaxed);
    writer.join().map_err(|_| "the writer broke down")?;
    taken?;
    screen.keys("qq")?;
    screen.ended()
}

/// Runs a program with everything it keeps below `home`.
fn run(command: &mut Command, home: &Path) -> Result<(), Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().envs(surroundings(&path, home));
    command.stdin(Stdio::null());
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?} ended with {}: {said}", output.status).into())
}

/// Writes what the servers have to say in a second of the harbour.
fn write(root: &Path, second: i64, at: DateTime<Utc>) -> Result<(), Failure> {
    let host = if second % 2 == 0 { "web1" } else { "web2" };
    let iso = at.format("%Y-%m-%d %H:%M:%S,%3f");
    let clf = at.format("%d/%b/%Y:%H:%M:%S +0000");
    let ship = 100 + second * 37 % 900;
    let (path, status) = match second % 7 {
        0 | 3 => ("/healthz".to_owned(), 200),
        5 if second % 5 == 0 => (format!("/ships/{ship}/berth"), 502),
        _ => (format!("/ships/{ship}"), 200),
    };
    let client = second * 13 % 250;
    let access = format!("10.0.0.{client} - - [{clf}] \"GET {path} HTTP/1.1\" {status} 512\n");
    append(&root.join(host).join("access.log"), &access)?;
    let app = match (second % 3, status) {
        (_, 502) => {
            format!("{iso} ERROR harbour.berths: ship {ship}: upstream timed out after 5.0 s\n")
        }
        (0, _) => format!("{iso} INFO harbour.ships: ship {ship} entered\n"),
        (1, _) if second % 25 == 1 => {
            format!("{iso} WARNING harbour.berths: waiting for a berth since 2.1 s\n")
        }
        _ => return Ok(()),
    };
    append(&root.join(host).join("app.log"), &app)?;
    if second % 4 == 1 {
        let zone = at.format("%Y-%m-%d %H:%M:%S%.3f UTC");
        let line = format!("{zone} [311] LOG:  checkpoint complete: wrote {ship} buffers (0.2%)\n");
        append(&root.join("db1/postgres.log"), &line)?;
    }
    Ok(())
}

fn append(file: &Path, text: &str) -> Result<(), Failure> {
    let mut file = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// The environment of everything that is started: a home below `home`, and nothing of this machine but its programs.
fn surroundings<'a>(path: &'a OsStr, home: &'a Path) -> [(&'static str, &'a OsStr); 12] {
    [
        ("PATH", path),
        ("HOME", home.as_os_str()),
        ("TMPDIR", home.as_os_str()),
        ("XDG_RUNTIME_DIR", home.as_os_str()),
        ("USER", OsStr::new(OPERATOR)),
        ("TERM", OsStr::new("xterm-256color")),
        ("COLORTERM", OsStr::new("truecolor")),
        ("LANG", OsStr::new("C.UTF-8")),
        ("TZ", OsStr::new("UTC")),
        ("GIT_CONFIG_GLOBAL", OsStr::new("/dev/null")),
        ("GIT_CONFIG_NOSYSTEM", OsStr::new("1")),
        ("GOLIVE_THEME", OsStr::new("golive-dark")),
    ]
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// golive in a terminal.
struct Screen {
    child: Box<dyn Child + Send + Sync>,
    /// Open for as long as it runs.
    _master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// The last bytes that came, to tell whether the screen is a whole frame.
    last: Vec<u8>,
}

impl Screen {
    /// Starts golive with everything it keeps below `home`.
    fn open(program: &Path, home: &Path, folder: &Path, words: &[&str]) -> Result<Self, Failure> {
        let size = PtySize {
            rows: ROWS,
            cols: COLUMNS,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size)?;
        let mut command = CommandBuilder::new(program);
        command.args(words);
        command.cwd(folder);
        command.env_clear();
        let path = std::env::var_os("PATH").unwrap_or_default();
        for (name, value) in surroundings(&path, home) {
            command.env(name, value);
        }
        let (rows, columns) = NonZero::new(ROWS)
            .zip(NonZero::new(COLUMNS))
            .ok_or("no rows or columns")?;
        let child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader()?;
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 1 << 13];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            writer: pair.master.take_writer()?,
            _master: pair.master,
            output,
            parser: vt100::Parser::new(rows, columns, 0),
            last: Vec::new(),
        })
    }

    fn keys(&mut self, keys: &str) -> Result<(), Failure> {
        self.writer.write_all(keys.as_bytes())?;
        Ok(self.writer.flush()?)
    }

    fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Takes in what the terminal got.
    fn take(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
        self.last.extend_from_slice(bytes);
        let old = self.last.len().saturating_sub(END_OF_FRAME.len());
        self.last.drain(..old);
    }

    /// Waits until the screen shows these words.
    fn shows(&mut self, words: &str) -> Result<(), Failure> {
        self.until(words, |text| text.contains(words))
    }

    /// Waits for the words, reads them, then presses the keys: what comes sooner than an operator reads is refused.
    fn at(&mut self, words: &str, keys: &str) -> Result<(), Failure> {
        self.shows(words)?;
        let read = Instant::now() + Duration::from_millis(DEAD_TIME_MS.unsigned_abs() + 100);
        while let Ok(bytes) = self
            .output
            .recv_timeout(read.saturating_duration_since(Instant::now()))
        {
            self.take(&bytes);
        }
        self.keys(keys)
    }

    /// Waits until a whole frame was drawn and its text is as wanted.
    fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        while !self.last.ends_with(END_OF_FRAME) || !wanted(&self.text()) {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(bytes) = self.output.recv_timeout(left) else {
                let text = self.text();
                return Err(format!("did not see {what}; the screen:\n{text}").into());
            };
            self.take(&bytes);
        }
        Ok(())
    }

    /// Draws the screen into `docs/pictures/NAME.svg`. `secret` must not be seen on it.
    fn picture(&self, name: &str, title: &str, secret: &Path) -> Result<(), Failure> {
        let text = self.text();
        if text.contains(&*secret.to_string_lossy()) {
            return Err(format!("{name} shows a path of this machine:\n{text}").into());
        }
        let mut buffer = buffer(self.parser.screen());
        rename(&mut buffer);
        let folder = repository().join("docs/pictures");
        fs::create_dir_all(&folder)?;
        let svg = picture::svg(&buffer, &Theme::default(), title);
        fs::write(folder.join(format!("{name}.svg")), svg)?;
        writeln!(std::io::stderr(), "docs/pictures/{name}.svg")?;
        Ok(())
    }

    /// Waits until the demo has ended.
    fn ended(mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(_) => {}
                // The terminal is closed when its last process has ended.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => return Err("the demo does not end".into()),
            }
        }
        let status = self.child.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the demo ended with {status}").into())
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A demo that has ended already is not there to be ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The cells of the terminal as a buffer.
fn buffer(screen: &vt100::Screen) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, COLUMNS, ROWS));
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let Some(cell) = screen.cell(row, column) else {
                continue;
            };
            let drawn = &mut buffer[(column, row)];
            if cell.has_contents() {
                drawn.set_symbol(cell.contents());
            }
            drawn.set_style(style(cell));
        }
    }
    buffer
}

fn style(cell: &vt100::Cell) -> Style {
    let mut style = Style::default()
        .fg(color(cell.fgcolor()))
        .bg(color(cell.bgcolor()));
    for (is, modifier) in [
        (cell.bold(), Modifier::BOLD),
        (cell.dim(), Modifier::DIM),
        (cell.italic(), Modifier::ITALIC),
        (cell.underline(), Modifier::UNDERLINED),
        (cell.inverse(), Modifier::REVERSED),
    ] {
        if is {
            style = style.add_modifier(modifier);
        }
    }
    style
}

fn color(color: vt100::Color) -> Color {
    match color {
        vt100::Color::Default => Color::Reset,
        vt100::Color::Idx(index) => Color::Indexed(index),
        vt100::Color::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
    }
}

/// Gives the machine the name it has in the pictures, letter by letter.
fn rename(buffer: &mut Buffer) {
    let system = rustix::system::uname();
    let real = system.nodename().to_string_lossy();
    let shown: Vec<String> = format!("{OPERATOR}@{real}")
        .chars()
        .map(String::from)
        .collect();
    let name = MACHINES.iter().find(|name| name.len() >= real.len());
    let name = name
        .or(MACHINES.last())
        .into_iter()
        .flat_map(|name| name.chars().cycle());
    let wanted: Vec<String> = OPERATOR
        .chars()
        .chain(['@'])
        .chain(name)
        .map(String::from)
        .take(shown.len())
        .collect();
    for row in 0..ROWS {
        for start in 0..COLUMNS {
            let here = |at: usize| (start + at as u16, row);
            let found = usize::from(COLUMNS - start) >= shown.len()
                && shown
                    .iter()
                    .enumerate()
                    .all(|(at, letter)| buffer[here(at)].symbol() == letter);
            if found {
                for (at, letter) in wanted.iter().enumerate() {
                    buffer[here(at)].set_symbol(letter);
                }
            }
        }
    }
}
