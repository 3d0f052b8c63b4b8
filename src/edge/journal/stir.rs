//! Stir: sleeps until something happens to the runs of a project, so that nobody has to ask the disk again and again.
//!
//! The folder of runs, those of some runs, or what is there of the way to them are watched by the kernel (inotify). It
//! does not say what happened: whoever waits looks for himself. Where nothing can be watched it returns after a short
//! time each time, and now and then anyway. It changes nothing.

use std::path::Path;
use std::time::Duration;

/// How long at most is slept where the kernel tells of changes: it does not know those of other machines.
const LONGEST: Duration = Duration::from_secs(60);
/// How long is slept where it does not.
const BLIND: Duration = Duration::from_millis(300);

/// Watches folders.
#[derive(Debug)]
pub struct Stir {
    watched: Option<watched::Watched>,
}

impl Stir {
    /// Watches nothing yet. Must be called inside a tokio runtime.
    pub fn new() -> Self {
        Self {
            watched: watched::Watched::new().ok(),
        }
    }

    /// Watches these folders from now on, too; one that is not there yet by the nearest above it.
    pub fn watch<'a>(&mut self, folders: impl IntoIterator<Item = &'a Path>) {
        let Some(watched) = &self.watched else {
            return;
        };
        for folder in folders {
            let there = folder.ancestors().find(|folder| watched.add(folder));
            if there.is_none() {
                self.watched = None;
                return;
            }
        }
    }

    /// Whether the kernel tells of nothing here, so that each wait is a short one.
    pub fn is_blind(&self) -> bool {
        self.watched.is_none()
    }

    /// Sleeps until something has happened in them since this was asked last, or some time has passed.
    pub async fn wait(&mut self) {
        match &mut self.watched {
            Some(watched) => {
                let _ = tokio::time::timeout(LONGEST, watched.wait()).await;
            }
            None => tokio::time::sleep(BLIND).await,
        }
    }
}

impl Default for Stir {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(target_os = "linux")]
mod watched {
    use std::io;
    use std::os::fd::AsFd;
    use std::path::Path;

    use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
    use tokio::io::AsyncReadExt;
    use tokio::net::unix::pipe::Receiver;

    /// An inotify instance: what happens is read from it as from a pipe.
    #[derive(Debug)]
    pub(super) struct Watched(Receiver);

    impl Watched {
        pub(super) fn new() -> io::Result<Self> {
            let events = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
            Ok(Self(Receiver::from_owned_fd_unchecked(events)?))
        }

        /// Whether it is watched now.
        pub(super) fn add(&self, folder: &Path) -> bool {
            let flags = WatchFlags::CREATE
                | WatchFlags::MODIFY
                | WatchFlags::MOVED_TO
                | WatchFlags::DELETE
                | WatchFlags::ONLYDIR;
            add_watch(self.0.as_fd(), folder, flags).is_ok()
        }

        pub(super) async fn wait(&mut self) {
            let mut events = [0; 4096];
            if self.0.read(&mut events).await.is_err() {
                return std::future::pending().await;
            }
            // What happened is of no interest: all of it is taken, so that only what is new wakes again.
            while self.0.try_read(&mut events).is_ok_and(|count| count > 0) {}
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod watched {
    use std::io;
    use std::path::Path;

    /// Nothing can be watched here.
    #[derive(Debug)]
    pub(super) struct Watched;

    impl Watched {
        pub(super) fn new() -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(super) fn add(&self, _: &Path) -> bool {
            false
        }

        pub(super) async fn wait(&mut self) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_made_and_written_wakes_who_waits() {
        let place = tempfile::tempdir().unwrap();
        let runs = place.path().join("project").join("runs");
        let mut stir = Stir::new();
        stir.watch([runs.as_path()]);
        std::fs::create_dir_all(&runs).unwrap();
        stir.wait().await;
        stir.watch([runs.as_path()]);
        std::fs::write(runs.join("journal"), "first").unwrap();
        stir.wait().await;
        std::fs::write(runs.join("journal"), "second").unwrap();
        stir.wait().await;
    }

    #[tokio::test(start_paused = true)]
    async fn where_nothing_happens_it_sleeps_for_long_and_not_for_ever() {
        let place = tempfile::tempdir().unwrap();
        let mut stir = Stir::new();
        stir.watch([place.path()]);
        let before = tokio::time::Instant::now();
        stir.wait().await;
        assert!(before.elapsed() >= BLIND);
    }
}
