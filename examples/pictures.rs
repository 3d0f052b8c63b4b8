//! Makes the pictures of `docs/pictures` from the real screens: `cargo run --release --example pictures`.
//!
//! Runs the demo in a pseudo-terminal with a home of its own, walks it by keys from the home screen to the pushed tag,
//! and draws what the terminal shows. Every step waits for words on the screen until a deadline. Nothing of this
//! machine gets into a picture: the operator and the machine have names of the demo's harbour, and a path that shows
//! is an error. Times, ports and hashes differ from run to run; the screens have the same shape.

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

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
    match pictures() {
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
    let mut screen = Screen::open(&program, folder.path())?;

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
    screen.picture("home", folder.path())?;
    screen.keys("1")?;
    screen.until("the evidence", |text| text.contains(" 0 fail"))?;
    screen.at("Type production to release there", "\t")?;
    screen.keys("production")?;
    screen.shows("Enter: production")?;
    screen.picture("gate", folder.path())?;
    screen.keys("\r")?;
    // Half of what the step prints on each of its hosts.
    screen.until("the log of production", |text| {
        text.contains("Log  10 code") && text.matches(" web2").count() > 8
    })?;
    screen.picture("run", folder.path())?;
    screen.shows("is released")?;
    screen.picture("finished", folder.path())?;
    screen.at("q back", "q")?;
    screen.at("q quit", "q")?;
    screen.ended()
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The demo in a terminal.
struct Screen {
    child: Box<dyn Child + Send + Sync>,
    /// Open for as long as the demo runs.
    _master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// The last bytes that came, to tell whether the screen is a whole frame.
    last: Vec<u8>,
}

impl Screen {
    /// Starts the demo with everything it keeps below `folder`.
    fn open(program: &Path, folder: &Path) -> Result<Self, Failure> {
        let size = PtySize {
            rows: ROWS,
            cols: COLUMNS,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size)?;
        let mut command = CommandBuilder::new(program);
        command.args(["demo", "--theme", "golive-dark"]);
        command.cwd(folder);
        command.env_clear();
        let path = std::env::var_os("PATH").unwrap_or_default();
        for (name, value) in [
            ("PATH", path.as_os_str()),
            ("HOME", folder.as_os_str()),
            ("TMPDIR", folder.as_os_str()),
            ("XDG_RUNTIME_DIR", folder.as_os_str()),
            ("USER", OsStr::new(OPERATOR)),
            ("TERM", OsStr::new("xterm-256color")),
            ("COLORTERM", OsStr::new("truecolor")),
            ("LANG", OsStr::new("C.UTF-8")),
            ("TZ", OsStr::new("UTC")),
            ("GIT_CONFIG_GLOBAL", OsStr::new("/dev/null")),
            ("GIT_CONFIG_NOSYSTEM", OsStr::new("1")),
        ] {
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
    fn picture(&self, name: &str, secret: &Path) -> Result<(), Failure> {
        let text = self.text();
        if text.contains(&*secret.to_string_lossy()) {
            return Err(format!("{name} shows a path of this machine:\n{text}").into());
        }
        let mut buffer = buffer(self.parser.screen());
        rename(&mut buffer);
        let folder = repository().join("docs/pictures");
        fs::create_dir_all(&folder)?;
        let svg = picture::svg(&buffer, &Theme::default(), "golive demo");
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
