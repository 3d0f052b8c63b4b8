//! What the tests of following share: a place in one shell, and what came of a source.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use golive::domain::checklist::Followed;
use golive::edge::process::LocalLauncher;
use golive::edge::tail::{Memory, follow_at};
use golive::port::{FileMark, LaunchError, TailPiece, TailSink, TailStart};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::launcher::find_shell;
use crate::support::wait_until;

/// A place with a home of its own, in one shell.
pub(super) struct World {
    pub(super) home: PathBuf,
    place: LocalLauncher,
    _root: TempDir,
}

impl World {
    pub(super) fn new(shell: &str) -> Self {
        let root = TempDir::new().unwrap();
        let (shell, path) = find_shell(shell, root.path());
        let home = root.path().join("home of web1");
        fs::create_dir(&home).unwrap();
        let mut place = LocalLauncher::folder("web1", home.clone())
            .with_shell(shell)
            .with_variable("GOLIVE_TAIL_PACE", "0.15");
        if let Some(path) = path {
            place = place.with_variable("PATH", path);
        }
        Self {
            home,
            place,
            _root: root,
        }
    }

    /// Appends to a file of the home folder, which is made when it is missing.
    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.home.join(name);
        let mut file = fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.home.join(from), self.home.join(to)).unwrap();
    }

    /// Begins to follow a file.
    pub(super) fn follow(&self, name: &str, start: TailStart) -> Came {
        self.begin(Followed::File(name.to_owned()), start, true)
    }

    /// Follows a file again that was left, with what is remembered of it.
    pub(super) fn again(&self, name: &str, left: Left) -> Came {
        self.open(
            Followed::File(name.to_owned()),
            left.mark,
            true,
            left.memory,
        )
    }

    pub(super) fn begin(&self, what: Followed, start: TailStart, follow: bool) -> Came {
        self.open(what, start, follow, Arc::default())
    }

    fn open(
        &self,
        what: Followed,
        start: TailStart,
        follow: bool,
        memory: Arc<tokio::sync::Mutex<Memory>>,
    ) -> Came {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut sink = Collecting(Arc::clone(&seen));
        let place = self.place.clone();
        let known = Arc::clone(&memory);
        let task = tokio::spawn(async move {
            let mut memory = known.lock().await;
            follow_at(&place, &what, start, follow, &mut memory, &mut sink).await
        });
        Came { seen, task, memory }
    }
}

/// What came of a source so far.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) text: String,
    /// Everything but bytes.
    pub(super) news: Vec<&'static str>,
    pub(super) mark: Option<FileMark>,
}

/// A source that is followed, until this is dropped.
pub(super) struct Came {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<Result<(), LaunchError>>,
    memory: Arc<tokio::sync::Mutex<Memory>>,
}

/// A source that was left, as it is when a connection breaks.
pub(super) struct Left {
    /// Where to go on.
    pub(super) mark: TailStart,
    memory: Arc<tokio::sync::Mutex<Memory>>,
}

impl Drop for Came {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Came {
    pub(super) fn seen<T>(&self, read: impl FnOnce(&Seen) -> T) -> T {
        read(&self.seen.lock().unwrap())
    }

    pub(super) fn text(&self) -> String {
        self.seen(|seen| seen.text.clone())
    }

    pub(super) fn news(&self) -> Vec<&'static str> {
        self.seen(|seen| seen.news.clone())
    }

    /// Waits until exactly this came.
    pub(super) async fn is(&self, expected: &str) {
        wait_until(&format!("{expected:?} has come"), || {
            let text = self.text();
            assert!(
                expected.starts_with(&text) && !self.task.is_finished(),
                "{text:?} came of {expected:?}; over: {}",
                self.task.is_finished()
            );
            text == expected
        })
        .await;
    }

    /// Waits until this was told.
    pub(super) async fn told(&self, news: &'static str) {
        wait_until(&format!("{news} was told"), || self.news().contains(&news)).await;
    }

    /// Waits for its end.
    pub(super) async fn end(&mut self) -> Result<(), LaunchError> {
        (&mut self.task).await.unwrap()
    }

    /// Leaves, as a connection does that breaks.
    pub(super) fn leave(self) -> Left {
        Left {
            mark: TailStart::Mark(self.seen(|seen| seen.mark).unwrap()),
            memory: Arc::clone(&self.memory),
        }
    }
}

struct Collecting(Arc<Mutex<Seen>>);

impl TailSink for Collecting {
    async fn take(&mut self, piece: TailPiece<'_>) -> std::io::Result<()> {
        let mut seen = self.0.lock().unwrap();
        match piece {
            TailPiece::Bytes(bytes) => {
                seen.text.push_str(&String::from_utf8_lossy(&bytes));
                if let Some(mark) = &mut seen.mark {
                    mark.offset += bytes.len() as u64;
                }
            }
            TailPiece::Open(mark) => {
                seen.mark = mark;
                seen.news.push("open");
            }
            TailPiece::Rotated => seen.news.push("rotated"),
            TailPiece::Truncated { .. } => seen.news.push("truncated"),
            TailPiece::Gap => seen.news.push("gap"),
            TailPiece::Missing(_) => seen.news.push("missing"),
        }
        Ok(())
    }

    fn mark(&self) -> Option<FileMark> {
        self.0.lock().unwrap().mark
    }
}

/// Runs each case in each shell.
macro_rules! in_every_shell {
    ($($name:ident)*) => {
        in_every_shell! { @ dash "dash" $($name)* }
        in_every_shell! { @ bash "bash" $($name)* }
        in_every_shell! { @ busybox "busybox" $($name)* }
    };
    (@ $module:ident $shell:literal $($name:ident)*) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name($crate::tails::ground::World::new($shell)).await;
                }
            )*
        }
    };
}
pub(super) use in_every_shell;
