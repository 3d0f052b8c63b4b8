//! The folder with the control sockets of this process, and the configuration every connection is made with.
//!
//! The folder is ours alone (0700, owner checked) and its path is short and plain: socket paths are limited to
//! 108 bytes, and ssh expands `%`, `~` and `${}` in them. It is locked while its owner lives, whoever that is;
//! folders without an owner are swept when a new one is made and when its owner ends, their masters ended.
//!
//! The configuration goes before the user's: options that hold for jump hosts too must stand in a file, because
//! `ssh -J` hands its children `-F` but no `-o`. The user's own file is included (or, given as `-F`, copied behind
//! ours: `Include` would refuse a file of the project that is writable for a group, `-F` does not).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::ops::BitAnd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::mux;

/// The longest path of the folder: ssh adds a name of ours, and 17 bytes of its own while it binds.
const LONGEST_FOLDER: usize = 70;

/// What a master that nobody knows may take to answer.
const BUSY_LIMIT: Duration = Duration::from_secs(3);

/// The control folder of one [`super::Sites`]; it is removed with it.
#[derive(Debug)]
pub(super) struct Control {
    folder: PathBuf,
    /// Held open: its lock tells others that the folder has an owner.
    _lock: File,
    sweeping: Mutex<Option<JoinHandle<()>>>,
}

/// What the user chose with `-F`, and the limits of a connection.
#[derive(Debug, Clone)]
pub(super) struct Configuration {
    /// A file used instead of the user's own configuration; `None` = the user's and the system's.
    pub(super) file: Option<PathBuf>,
    /// How long a connection may take to be made.
    pub(super) connect_timeout: Duration,
    /// Environment variables of this process that ssh does not inherit.
    pub(super) hidden: Vec<String>,
}

impl Control {
    /// Makes the folder under `runtime` (golive's own folder for sockets), or under the temporary folder when
    /// that does not fit, and collects the folders that have lost their owner (see [`sweep`]).
    pub(super) fn make(runtime: &Path) -> io::Result<(Self, Vec<Abandoned>)> {
        let parent = parent_folder(runtime)?;
        let turn = turn(&parent)?;
        let abandoned = abandoned(&parent);
        let folder = fresh_folder(&parent)?;
        let lock = open_locked(
            &folder.join("owner"),
            FlockOperation::NonBlockingLockExclusive,
        )?;
        drop(turn);
        Ok((
            Self {
                folder,
                _lock: lock,
                sweeping: Mutex::default(),
            },
            abandoned,
        ))
    }

    /// Where the control socket of master number `serial` stands.
    pub(super) fn socket(&self, serial: u64) -> PathBuf {
        self.folder.join(serial.to_string())
    }

    /// Where master number `serial` writes what it has to say.
    pub(super) fn log(&self, serial: u64) -> PathBuf {
        self.folder.join(format!("{serial}.log"))
    }

    /// Ends every master with a socket here, also one whose maker was dropped before it knew of it.
    pub(super) async fn end_masters(&self) {
        end_masters(&self.folder).await;
    }

    /// Keeps the task that sweeps, so that it is waited for.
    pub(super) fn sweeps(&self, task: JoinHandle<()>) {
        *self.sweeping.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// Returns when what other consoles left is swept: who ends before leaves it running. Bounded in time.
    pub(super) async fn swept(&self) {
        let task = self
            .sweeping
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(task) = task {
            let _ = task.await;
        }
        // A program that a killed console was just starting holds its lock a moment longer; a master that did not
        // answer then may answer now.
        if let Some(parent) = self.folder.parent() {
            sweep(left_in(parent).unwrap_or_default()).await;
        }
    }

    /// Writes the configuration of the next connection.
    pub(super) fn write_configuration(&self, text: &[u8]) -> io::Result<PathBuf> {
        let path = self.folder.join("config");
        let next = self.folder.join(format!("config.{}", unlike()));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&next)?;
        file.write_all(text)?;
        fs::rename(&next, &path)?;
        Ok(path)
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let is_answered =
            |socket: PathBuf| !mux::dismiss(&socket).is_err_and(|why| mux::is_late(&why));
        // Without its folder nobody could ever end a master that does not answer now: the next console sweeps it.
        let folder = set_aside(std::mem::take(&mut self.folder));
        let mut answers = sockets(&folder).map(is_answered);
        if answers.by_ref().fold(true, BitAnd::bitand) {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

/// The configuration of the next connection, made anew each time: the user may have mended theirs. An error when theirs
/// cannot be read.
pub(super) fn configuration_text(wanted: &Configuration) -> io::Result<Vec<u8>> {
    let seconds = wanted.connect_timeout.as_secs().max(1);
    let mut text = format!(
        "# Written by golive for each connection. The first value of an option holds.\n\
         BatchMode yes\n\
         StrictHostKeyChecking yes\n\
         ServerAliveInterval 5\n\
         ServerAliveCountMax 3\n\
         ConnectTimeout {seconds}\n\
         PermitLocalCommand no\n\
         ForwardX11 no\n"
    )
    .into_bytes();
    match &wanted.file {
        Some(file) => text.extend(fs::read(file)?),
        None => {
            text.extend_from_slice(b"Include ~/.ssh/config\nInclude /etc/ssh/ssh_config\n");
        }
    }
    Ok(text)
}

/// A folder whose owner is gone, with masters that may still run.
#[derive(Debug)]
pub(super) struct Abandoned {
    folder: PathBuf,
    /// Held until it is swept, so that nobody else does it too.
    _lock: File,
}

/// The folders under `runtime` that have lost their owner, for a process that makes none itself.
pub(super) fn left_behind(runtime: &Path) -> io::Result<Vec<Abandoned>> {
    left_in(&parent_folder(runtime)?)
}

fn left_in(parent: &Path) -> io::Result<Vec<Abandoned>> {
    let _turn = turn(parent)?;
    Ok(abandoned(parent))
}

/// Whoever makes or sweeps folders holds this lock, so that a folder is never seen before it has its owner.
fn turn(parent: &Path) -> io::Result<File> {
    open_locked(&parent.join("turn"), FlockOperation::LockExclusive)
}

/// Ends the masters of abandoned folders and removes the folders. A folder with a master that does not answer stays
/// for the next time: its socket is the only way to end it.
pub(super) async fn sweep(abandoned: Vec<Abandoned>) {
    let sweeps = abandoned
        .into_iter()
        .map(|Abandoned { folder, _lock }| async move {
            let folder = set_aside(folder);
            if end_masters(&folder).await {
                let _ = fs::remove_dir_all(&folder);
            }
        });
    futures_util::future::join_all(sweeps).await;
}

/// Gives a folder another name and returns it. An ssh that outlived its console and is still connecting finds no place
/// for its socket then, and ends; otherwise its socket could come after those that are here were looked for, and be
/// removed with the folder, and nobody could end it any more.
fn set_aside(folder: PathBuf) -> PathBuf {
    let aside = folder.with_file_name(unlike());
    // A name that is taken by a folder with something in it is refused.
    match fs::rename(&folder, &aside) {
        Ok(()) => aside,
        Err(_) => folder,
    }
}

/// Ends the masters with a socket in this folder; whether all of them have answered. On a busy machine one that just
/// went to the background takes its time.
async fn end_masters(folder: &Path) -> bool {
    let ends = sockets(folder)
        .map(|socket| async move { timeout(BUSY_LIMIT, mux::terminate(&socket)).await });
    let ends = futures_util::future::join_all(ends).await;
    ends.iter().all(Result::is_ok)
}

fn sockets(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket()))
        .map(|entry| entry.path())
}

fn abandoned(parent: &Path) -> Vec<Abandoned> {
    fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| {
            let folder = entry.path();
            let lock = open_locked(
                &folder.join("owner"),
                FlockOperation::NonBlockingLockExclusive,
            )
            .ok()?;
            Some(Abandoned {
                folder,
                _lock: lock,
            })
        })
        .collect()
}

fn parent_folder(runtime: &Path) -> io::Result<PathBuf> {
    let owner = rustix::process::getuid().as_raw();
    let name = format!("golive-{owner}");
    let candidates = [
        runtime.to_owned(),
        std::env::temp_dir().join(&name),
        Path::new("/tmp").join(&name),
    ];
    let mut refusal = io::Error::new(io::ErrorKind::InvalidInput, "every path is too long");
    for folder in candidates.into_iter().filter(|folder| is_plain(folder)) {
        match private_folder(&folder, owner) {
            Ok(()) => return Ok(folder),
            Err(why) => refusal = why,
        }
    }
    Err(refusal)
}

/// Whether ssh takes the path as it is: short, absolute, without signs it expands or splits at.
fn is_plain(path: &Path) -> bool {
    path.is_absolute()
        && path.as_os_str().len() <= LONGEST_FOLDER - 10
        && path.to_str().is_some_and(|text| {
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'))
        })
}

/// Makes the folder, or checks that the one that is there is a folder of ours that nobody else can enter.
fn private_folder(folder: &Path, owner: u32) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(why) if why.kind() != io::ErrorKind::AlreadyExists => return Err(why),
        _ => {}
    }
    let found = fs::symlink_metadata(folder)?;
    if !found.is_dir() || found.uid() != owner || found.mode() & 0o077 != 0 {
        let why = format!("{} is not a private folder of this user", folder.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    Ok(())
}

fn fresh_folder(parent: &Path) -> io::Result<PathBuf> {
    loop {
        let folder = parent.join(unlike());
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
            Err(why) => return Err(why),
        }
    }
}

fn open_locked(path: &Path, operation: FlockOperation) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    flock(&file, operation)?;
    Ok(file)
}

/// A short name that is unlike the others made here: it only has to be rarely equal, whoever needs it unique checks.
fn unlike() -> String {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let mixed = u64::from(since.subsec_nanos()) ^ (u64::from(std::process::id()) << 24);
    format!("{:08x}", mixed & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_control_folders_of_one_parent_do_not_meet_and_none_is_abandoned() {
        let runtime = tempfile::tempdir_in("/tmp").unwrap();
        let (one, _) = Control::make(&runtime.path().join("run")).unwrap();
        let (two, abandoned) = Control::make(&runtime.path().join("run")).unwrap();
        assert_ne!(one.folder, two.folder);
        assert!(abandoned.is_empty());
    }

    #[tokio::test]
    async fn a_folder_without_an_owner_is_swept() {
        let runtime = tempfile::tempdir_in("/tmp").unwrap();
        let left = runtime.path().join("run/left");
        let (first, _) = Control::make(&runtime.path().join("run")).unwrap();
        fs::create_dir(&left).unwrap();
        fs::write(left.join("7"), "").unwrap();
        let (_second, abandoned) = Control::make(&runtime.path().join("run")).unwrap();
        assert_eq!(abandoned.len(), 1);
        sweep(abandoned).await;
        assert!(!left.exists());
        assert!(first.folder.exists());
    }

    #[tokio::test(start_paused = true)]
    async fn a_folder_whose_master_does_not_answer_stays_for_the_next_sweep() {
        let runtime = tempfile::tempdir_in("/tmp").unwrap();
        let left = runtime.path().join("left");
        fs::create_dir(&left).unwrap();
        let frozen = std::os::unix::net::UnixListener::bind(left.join("0")).unwrap();
        let folders = || {
            let entries = fs::read_dir(runtime.path()).unwrap().flatten();
            entries.map(|entry| entry.path()).collect::<Vec<_>>()
        };
        sweep(abandoned(runtime.path())).await;
        // Under another name: an ssh that is still connecting finds no place for its socket.
        assert!(!left.exists());
        assert!(folders()[0].join("0").exists());
        drop(frozen);
        sweep(abandoned(runtime.path())).await;
        assert!(folders().is_empty());
    }

    #[test]
    fn a_runtime_folder_that_ssh_would_expand_or_that_is_too_long_is_passed_over() {
        assert!(is_plain(Path::new("/run/user/1000/golive")));
        assert!(!is_plain(Path::new("/run/user/%h/golive")));
        assert!(!is_plain(Path::new("/run user/golive")));
        assert!(!is_plain(&Path::new("/run").join("x".repeat(70))));
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        let parent = tempfile::tempdir_in("/tmp").unwrap();
        let open = parent.path().join("open");
        DirBuilder::new().mode(0o755).create(&open).unwrap();
        assert!(private_folder(&open, rustix::process::getuid().as_raw()).is_err());
    }

    #[test]
    fn our_options_go_before_the_file_of_the_user() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let file = folder.path().join("ssh_config");
        fs::write(&file, "BatchMode no\n").unwrap();
        let text = configuration_text(&Configuration {
            file: Some(file),
            connect_timeout: Duration::from_secs(3),
            hidden: Vec::new(),
        })
        .unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.find("BatchMode yes") < text.find("BatchMode no"));
        assert!(text.contains("ConnectTimeout 3\n"));
    }
}
