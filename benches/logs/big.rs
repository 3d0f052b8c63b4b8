//! A big log: how soon it is on screen, indexed, searched and filtered, and what memory that needs.
//!
//! Driven through the console's own desk, with its threads. The file is in the page cache, for us and for those we are
//! compared with.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use golive::domain::log::{
    Anchor, Facts, Filters, Found, Goal, Look, Pattern, Rule, Test, TrackId, Window,
};
use golive::edge::logs::desk::{Desk, Past};
use golive::edge::logs::files::Paper;

use super::machine::{at, median, memory, used_by, used_of_ended};

/// What is searched for: one line of a thousand.
const REGEX: &str = r"upstream \w+ after [0-9]\.[0-9]s";
/// What is filtered for.
const WORD: &str = "checkout";

/// Measures everything about a log of so many lines.
pub(crate) fn run(lines: u64, rounds: usize) {
    let folder = tempfile::tempdir_in(target()).unwrap();
    let path = folder.path().join("big.log");
    write(&path, lines);
    let bytes = fs::metadata(&path).unwrap().len();
    println!("\n{lines} lines, {bytes} bytes, in the page cache; medians of {rounds}\n");
    // It reads the file into the cache as well.
    let grep = rival(&path, rounds);
    let mut table = Table::default();
    let before = memory("VmRSS");
    for round in 0..rounds {
        let open = Open::new(&path, bytes);
        table.note("first window (the end), ms", open.first * 1e3);
        open.index(bytes, &mut table);
        if round == 0 {
            table.note(
                "memory when indexed (RSS above the empty bench), MiB",
                above(before),
            );
        }
        open.windows(lines, &mut table);
        open.search(lines, &mut table);
        open.filter(lines, &mut table);
        open.grade(lines, &mut table);
        if round == 0 {
            table.note("memory after all of it, MiB", above(before));
            table.note(
                "most memory at any time, MiB",
                memory("VmHWM") as f64 / 1024.0,
            );
        }
    }
    table.print();
    println!("| {}, s | {:.3} |", grep.name, grep.wall);
    println!("| {}, processor s | {:.3} |", grep.name, grep.used);
}

fn above(before: u64) -> f64 {
    memory("VmRSS").saturating_sub(before) as f64 / 1024.0
}

/// A document that was just opened.
struct Open {
    desk: Desk,
    changes: mpsc::Receiver<()>,
    begun: Instant,
    /// The processor time until then.
    used: Duration,
    /// Seconds to the first window.
    first: f64,
}

/// The processor seconds of this process since then.
fn seconds(since: Duration) -> f64 {
    used_by(std::process::id())
        .saturating_sub(since)
        .as_secs_f64()
}

impl Open {
    fn new(path: &Path, length: u64) -> Self {
        let (sender, changes) = mpsc::channel();
        let (begun, used) = (Instant::now(), used_by(std::process::id()));
        let desk = Desk::new(move || {
            let _ = sender.send(());
        });
        let track: TrackId = desk.add(0, Paper::File(path.to_owned()));
        desk.tell_past(&[
            Past::Grown {
                track,
                length,
                at_ms: None,
            },
            Past::Ended(track),
        ]);
        let window = desk.look(&screen(Anchor::End));
        assert!(!window.lines.is_empty(), "nothing to see at once");
        Self {
            desk,
            changes,
            first: begun.elapsed().as_secs_f64(),
            begun,
            used,
        }
    }

    fn facts(&self) -> Facts {
        let look = Look {
            anchor: Anchor::End,
            above: 0,
            below: 0,
            open: golive::domain::log::Open::default(),
        };
        self.desk.look(&look).facts
    }

    fn until(&self, holds: impl Fn(&Facts) -> bool) {
        self.until_window(|| {
            let facts = self.facts();
            holds(&facts).then_some(())
        });
    }

    /// From the moment it was opened. What comes first is counted; nothing else is done meanwhile.
    fn index(&self, bytes: u64, table: &mut Table) {
        self.until(|facts| facts.indexed == bytes);
        table.note("indexed, s", self.begun.elapsed().as_secs_f64());
        table.note("indexed, processor s", seconds(self.used));
    }

    fn grade(&self, lines: u64, table: &mut Table) {
        self.until(|facts| facts.errors >= lines / 1000);
        let name = "graded (all levels known, with all of the above), s";
        table.note(name, self.begun.elapsed().as_secs_f64());
    }

    fn until_window<T>(&self, look: impl Fn() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < deadline, "never: {:?}", self.facts());
            let _ = self.changes.recv_timeout(Duration::from_millis(50));
        }
    }

    fn windows(&self, lines: u64, table: &mut Table) {
        let mut took = Vec::new();
        let mut place = 7_u64;
        for _ in 0..2000 {
            place = place
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let goal = Goal::Place((place >> 20) % lines);
            let begun = Instant::now();
            let window = self.desk.look(&screen(seek(goal, false)));
            took.push(begun.elapsed().as_secs_f64() * 1e3);
            assert!(window.lines.len() > 40);
        }
        table.note("window anywhere, p50, ms", at(&mut took, 0.5));
        table.note("window anywhere, p99, ms", at(&mut took, 0.99));
    }

    fn search(&self, lines: u64, table: &mut Table) {
        let pattern = Pattern {
            text: REGEX.to_owned(),
            regex: true,
        };
        let (begun, used) = (Instant::now(), used_by(std::process::id()));
        self.desk.set_search(Some(pattern), None).unwrap();
        self.until_window(|| {
            let window: Window = self.desk.look(&screen(seek(Goal::Match, true)));
            (window.found == Found::Yes).then_some(())
        });
        table.note(
            "search: first hit in a window, ms",
            begun.elapsed().as_secs_f64() * 1e3,
        );
        let found = self.until_window(|| {
            let search = self.facts().search?;
            (search.scanned >= lines).then_some(search.lines)
        });
        assert_eq!(found, lines / 1000);
        table.note("search: all, s", begun.elapsed().as_secs_f64());
        table.note("search: all, processor s", seconds(used));
        self.desk.set_search(None, None).unwrap();
    }

    fn filter(&self, lines: u64, table: &mut Table) {
        let pattern = Pattern {
            text: WORD.to_owned(),
            regex: false,
        };
        let rule = Rule {
            test: Test::In(pattern),
            on: true,
        };
        let filters = |off| Filters {
            rules: vec![rule.clone()],
            off,
            ..Filters::default()
        };
        let (begun, used) = (Instant::now(), used_by(std::process::id()));
        self.desk.set_filters(filters(false)).unwrap();
        let window = self.desk.look(&screen(Anchor::End));
        assert!(!window.lines.is_empty());
        table.note(
            "filter: first window, ms",
            begun.elapsed().as_secs_f64() * 1e3,
        );
        self.until_window(|| (self.facts().tested >= lines).then_some(()));
        table.note("filter: all lines tested, s", begun.elapsed().as_secs_f64());
        table.note("filter: all lines tested, processor s", seconds(used));
        let mut took = Vec::new();
        for round in 0..50 {
            let begun = Instant::now();
            self.desk.set_filters(filters(round % 2 == 0)).unwrap();
            let window = self.desk.look(&screen(Anchor::End));
            took.push(begun.elapsed().as_secs_f64() * 1e3);
            assert!(!window.lines.is_empty());
        }
        table.note(
            "filter: switched off or on, with its window, p99, ms",
            at(&mut took, 0.99),
        );
        let mut took = Vec::new();
        for number in 0..500 {
            let goal = Goal::Place(number * (lines / 500));
            let begun = Instant::now();
            self.desk.look(&screen(seek(goal, false)));
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        table.note("filter: window anywhere, p99, ms", at(&mut took, 0.99));
        self.desk.set_filters(Filters::default()).unwrap();
    }
}

fn seek(goal: Goal, back: bool) -> Anchor {
    Anchor::Seek {
        from: None,
        back,
        goal,
    }
}

/// Three screens, as the viewer asks for them.
fn screen(anchor: Anchor) -> Look {
    Look {
        anchor,
        above: 72,
        below: 72,
        open: golive::domain::log::Open {
            folds: true,
            ..Default::default()
        },
    }
}

/// The values of each row, in the order the rows came.
#[derive(Default)]
struct Table(Vec<(&'static str, Vec<f64>)>);

impl Table {
    fn note(&mut self, name: &'static str, value: f64) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => self.0.push((name, vec![value])),
        }
    }

    fn print(&mut self) {
        println!("| what | median |\n|---|---|");
        for (name, values) in &mut self.0 {
            println!("| {name} | {:.3} |", median(values));
        }
    }
}

/// What the tool that is there took for the same search.
struct Rival {
    name: String,
    wall: f64,
    used: f64,
}

fn rival(path: &Path, rounds: usize) -> Rival {
    let has_rg = Command::new("rg")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let (mut wall, mut used) = (Vec::new(), Vec::new());
    for _ in 0..=rounds {
        let mut command = if has_rg {
            let mut rg = Command::new("rg");
            rg.args(["--no-config", "-c", REGEX]);
            rg
        } else {
            let mut grep = Command::new("grep");
            grep.args(["-c", "-P", REGEX]);
            grep
        };
        let begun = Instant::now();
        let mut child = command.arg(path).stdout(Stdio::piped()).spawn().unwrap();
        used.push(used_of_ended(&child));
        wall.push(begun.elapsed().as_secs_f64());
        assert!(child.wait().unwrap().success());
    }
    // The first one filled the page cache.
    wall.remove(0);
    used.remove(0);
    let name = if has_rg { "`rg -c`" } else { "`grep -cP`" };
    Rival {
        name: format!("the same search by {name}"),
        wall: median(&mut wall),
        used: median(&mut used),
    }
}

fn target() -> PathBuf {
    let place = std::env::current_exe().unwrap();
    place.parent().unwrap().to_owned()
}

/// Lines of a web application, some 108 bytes each.
fn write(path: &Path, lines: u64) {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    for number in 0..lines {
        let (second, milli) = (number / 4000, number / 4 % 1000);
        let (hour, minute, second) = (second / 3600 % 24, second / 60 % 60, second % 60);
        let time = format_args!("2026-11-21T{hour:02}:{minute:02}:{second:02}.{milli:03}Z");
        let written = if number % 1000 == 999 {
            writeln!(
                out,
                "{time} ERROR web{} req {number:09} POST /checkout 502 upstream timeout after 5.0s, given up after 2 tries",
                number % 3
            )
        } else if number % 50 == 0 {
            writeln!(
                out,
                "{time} INFO  web{} req {number:09} POST /checkout 200 in 88ms agent=\"Mozilla/5.0 (X11; Linux)\" bytes=5120",
                number % 3
            )
        } else {
            writeln!(
                out,
                "{time} INFO  web{} req {number:09} GET /cart/{:05} 200 in {:03}ms agent=\"Mozilla/5.0 (X11; Linux)\" b={:04}",
                number % 3,
                number % 99_991,
                number % 997,
                number % 8191
            )
        };
        written.unwrap();
    }
    out.flush().unwrap();
}
