//! The demo by keys, from the home screen to the pushed tag.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use golive::app::demo::layout::Layout;
use golive::app::demo::{application, processes};

use crate::support::terminal::Terminal;
use crate::support::workshop::{USUAL, journal_below, surroundings};

/// A demo of its own in a terminal.
struct Shown {
    folder: tempfile::TempDir,
    terminal: Terminal,
}

impl Shown {
    /// A demo that is kept, so that it can be looked at afterwards.
    fn open() -> Self {
        Self::with(&["--dir", "kept"])
    }

    fn with(flags: &[&str]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("dm")
            .tempdir_in("/tmp")
            .unwrap();
        for name in ["home", "run"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let mut words: Vec<OsString> = vec![env!("CARGO_BIN_EXE_golive").into(), "demo".into()];
        words.extend(flags.iter().map(OsString::from));
        let terminal = Terminal::run(&words, folder.path(), &surroundings(folder.path()), USUAL);
        Self { folder, terminal }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("kept")
    }

    fn layout(&self) -> Layout {
        Layout::open(&self.root()).unwrap()
    }

    /// The page a host serves.
    fn page(&self, host: &str) -> String {
        let layout = self.layout();
        let host = layout.hosts().iter().find(|known| known.name == host);
        application::get(&format!("http://127.0.0.1:{}/", host.unwrap().app_port)).unwrap()
    }

    /// Asks the remote, which is bare.
    fn remote(&self, line: &str) -> String {
        let layout = self.layout();
        let mut words = vec![
            "--git-dir".to_owned(),
            layout.remote().display().to_string(),
        ];
        words.extend(line.split(' ').map(str::to_owned));
        self.output("git", &words)
    }

    fn golive(&self, line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        self.output(env!("CARGO_BIN_EXE_golive"), &words)
    }

    fn output(&self, program: &str, words: &[String]) -> String {
        let layout = self.layout();
        let output = Command::new(program)
            .args(words)
            .env_clear()
            .envs(surroundings(self.folder.path()))
            .env("XDG_STATE_HOME", layout.state_home())
            .current_dir(layout.project())
            .output()
            .unwrap();
        assert!(output.status.success(), "{program} {words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Whether a task of production was started.
    fn production_was_touched(&self) -> bool {
        touched(&self.layout().state_home(), "production/")
    }
}

fn touched(state: &Path, prefix: &str) -> bool {
    journal_below(state).iter().any(|line| {
        line["event"] == "task_started"
            && line["task"]
                .as_str()
                .is_some_and(|task| task.starts_with(prefix))
    })
}

#[test]
fn the_whole_demo_is_walked_by_keys_from_home_to_the_pushed_tag() {
    let mut shown = Shown::open();
    let terminal = &mut shown.terminal;
    terminal.shows("4 commits behind");
    terminal.until("every host was reached", |seen| {
        seen.text().matches('✓').count() >= 3
    });
    terminal.keys("4");
    terminal.until("the hosts screen with all hosts reached", |seen| {
        let text = seen.text();
        text.contains("Hosts")
            && ["staging", "web1", "web2"].iter().all(|host| {
                text.lines()
                    .any(|line| line.contains(host) && line.contains('✓'))
            })
    });
    terminal.keys("0");
    terminal.at("D deploy", "D");
    terminal.at("nothing has started yet", "D");
    terminal.at("Told the harbour office", "Y");
    terminal.shows("Type production to release there");
    let (before, after) = {
        let layout = shown.layout();
        let git = |what: &str| {
            let words =
                ["-C", layout.project().to_str().unwrap(), "rev-parse", what].map(str::to_owned);
            shown.output("git", &words).trim().to_owned()
        };
        (git("LIVE^0"), git("HEAD"))
    };
    let terminal = &mut shown.terminal;
    // Refused: Enter alone, a wrong name, a pasted one.
    terminal.read_first();
    terminal.keys("\t");
    terminal.keys("\r");
    terminal.shows("Enter alone does nothing");
    terminal.read_first();
    terminal.keys("staging\r");
    terminal.shows("refused: staging is not production");
    terminal.read_first();
    terminal.keys("\x15");
    terminal.hides("staging is not");
    terminal.keys("\x1b[200~production\r\x1b[201~");
    terminal.shows("pasted text is refused here");
    assert!(!shown.production_was_touched());
    assert!(shown.page("web1").contains("version 1.2.0"));
    let terminal = &mut shown.terminal;
    terminal.read_first();
    terminal.keys("production");
    terminal.shows("Enter: production");
    terminal.keys("\r");
    terminal.shows("is released");
    // Users see it.
    for host in ["web1", "web2"] {
        let page = shown.page(host);
        assert!(page.contains("version 1.3.0"), "{host}: {page}");
        assert!(page.contains(&after[..12]), "{host}: {page}");
    }
    // The remote has it.
    assert_eq!(shown.remote("rev-parse LIVE^0").trim(), after);
    let tags = shown.remote("tag --points-at HEAD --list DEPLOYED-*");
    assert_eq!(tags.lines().count(), 1, "{tags}");
    let body = shown.remote(&format!("tag --list --format=%(contents) {}", tags.trim()));
    assert!(body.contains(&after) && body.contains(&before), "{body}");
    let terminal = &mut shown.terminal;
    terminal.keys("q");
    terminal.shows("q quit");
    terminal.keys("q");
    assert_eq!(terminal.ended(), 0);
    terminal.is_restored();
    let text = terminal.text();
    assert!(text.contains("16 of 16 tasks done"), "{text}");
    assert!(text.contains(&format!("tagged {}", tags.trim())), "{text}");
    let layout = shown.layout();
    assert_eq!(
        processes::of_demo(layout.id(), &shown.root()),
        Vec::<i32>::new()
    );
    let runs = shown.golive("runs --json");
    assert!(runs.contains("\"outcome\":\"succeeded\""), "{runs}");
}

#[test]
fn a_demo_whose_window_is_closed_during_a_run_leaves_no_process() {
    let mut shown = Shown::open();
    let terminal = &mut shown.terminal;
    terminal.at("D deploy", "D");
    terminal.at("nothing has started yet", "D");
    terminal.shows("Told the harbour office");
    let layout = shown.layout();
    let processes = || processes::of_demo(layout.id(), layout.root());
    assert!(!processes().is_empty());
    shown.terminal.close_window();
    shown.terminal.ended();
    assert_eq!(processes(), Vec::<i32>::new());
    // What it was doing is kept, because its folder is.
    let runs = shown.golive("runs --json");
    assert!(runs.contains("\"outcome\":null"), "{runs}");
}

#[test]
fn a_demo_that_is_left_says_what_becomes_of_its_run_and_leaves_nothing() {
    let mut shown = Shown::with(&[]);
    let terminal = &mut shown.terminal;
    terminal.at("D deploy", "D");
    terminal.at("nothing has started yet", "D");
    terminal.at("Told the harbour office", "\x1b");
    terminal.hides("yes, done");
    terminal.keys("q");
    terminal.at("Leave while the run is not over?", "L");
    assert_eq!(terminal.ended(), 3);
    terminal.is_restored();
    let text = terminal.text();
    assert!(text.contains("the playground is gone"), "{text}");
    assert!(!text.contains("error"), "{text}");
    let left = std::fs::read_dir(shown.folder.path()).unwrap();
    let mut names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["home", "run"]);
}

#[test]
fn the_demo_goes_back_by_keys_and_the_old_page_is_served() {
    let mut shown = Shown::open();
    let terminal = &mut shown.terminal;
    terminal.until("every host was reached", |seen| {
        seen.text().matches('✓').count() >= 3
    });
    let layout = shown.layout();
    let git = |what: &str| {
        let folder = layout.project();
        let words = ["-C", folder.to_str().unwrap(), "rev-parse", what].map(str::to_owned);
        shown.output("git", &words).trim().to_owned()
    };
    let left = git("LIVE^0");
    let terminal = &mut shown.terminal;
    // Staging is marked; production is below it.
    terminal.keys("j");
    terminal.shows("»PRODUCTION");
    terminal.keys("B");
    terminal.shows("Roll back production");
    terminal.shows("still on web1, web2");
    terminal.keys("the colours are too warm");
    terminal.read_first();
    terminal.keys("\r");
    terminal.shows("nothing has started yet");
    terminal.at("nothing has started yet", "D");
    terminal.shows("Type rollback production to go back");
    assert!(!shown.production_was_touched());
    assert!(shown.page("web1").contains("version 1.2.0"));
    let terminal = &mut shown.terminal;
    terminal.read_first();
    terminal.keys("\t");
    terminal.read_first();
    terminal.keys("production\r");
    terminal.shows("production is not rollback production");
    terminal.read_first();
    terminal.keys("\x15rollback production");
    terminal.shows("Enter: rollback production");
    terminal.keys("\r");
    terminal.until("the run has ended", |seen| {
        let text = seen.text();
        text.contains("is live again") || text.contains("FAILED")
    });
    for host in ["web1", "web2"] {
        let page = shown.page(host);
        assert!(page.contains("version 1.1.0"), "{host}: {page}");
    }
    let live = shown.remote("rev-parse LIVE^0").trim().to_owned();
    let tags = shown.remote(&format!("tag --points-at {live} --list DEPLOYED-*"));
    assert_eq!(tags.lines().count(), 2, "{tags}");
    let newest = tags.lines().last().unwrap();
    let body = shown.remote(&format!("tag --list --format=%(contents) {newest}"));
    assert!(
        body.contains(&format!("rolled_back: {left} DEPLOYED-")),
        "{body}"
    );
    assert!(body.contains("reason: the colours are too warm"), "{body}");
    let verified = shown.golive("releases verify");
    assert!(verified.contains("all the same"), "{verified}");
    let terminal = &mut shown.terminal;
    terminal.keys("q");
    terminal.shows("q quit");
    terminal.keys("q");
    assert_eq!(terminal.ended(), 0);
    assert_eq!(
        processes::of_demo(layout.id(), &shown.root()),
        Vec::<i32>::new()
    );
}

/// The schema of the database on web1.
fn schema(layout: &Layout) -> String {
    let database = layout.home("web1").join("db/board.db");
    let text = std::fs::read_to_string(database).unwrap();
    text.lines().next().unwrap().to_owned()
}

#[test]
fn the_demo_goes_back_to_its_first_release_and_its_database_with_it() {
    let mut shown = Shown::open();
    shown.terminal.shows("4 commits behind");
    let layout = shown.layout();
    assert_eq!(schema(&layout), "schema 2");
    let terminal = &mut shown.terminal;
    terminal.keys("3");
    terminal.shows("same as the remote");
    // The oldest one.
    terminal.keys("G");
    terminal.shows("Add a style");
    terminal.keys("B");
    terminal.shows("Roll back production");
    terminal.shows("0002_authors.sh");
    terminal.shows("first, in this order: migrate");
    terminal.shows("6 commits are taken back");
    terminal.keys("authors are lost");
    terminal.read_first();
    terminal.keys("\r");
    terminal.at("nothing has started yet", "D");
    terminal.shows("Type rollback production to go back");
    assert_eq!(schema(&layout), "schema 2");
    terminal.read_first();
    terminal.keys("\trollback production");
    terminal.at("Enter: rollback production", "\r");
    terminal.shows("is live again");
    for host in ["web1", "web2"] {
        let page = shown.page(host);
        assert!(page.contains("version 1.0.0"), "{host}: {page}");
        assert!(page.contains("schema 1"), "{host}: {page}");
    }
    let verified = shown.golive("releases verify");
    assert!(verified.contains("all the same"), "{verified}");
    let runs = shown.golive("runs --json");
    assert!(runs.contains("\"outcome\":\"rolled_back\""), "{runs}");
    // Nothing is older than the first one, and what was left is not gone back to.
    let nothing = shown.golive("rollback production");
    assert!(nothing.contains("nothing to go back to"), "{nothing}");
    let terminal = &mut shown.terminal;
    terminal.keys("q");
    terminal.at("q quit", "q");
    assert_eq!(terminal.ended(), 0);
}
