//! Who owns a run: an exclusive `flock` on the file `owner` of its folder, and who holds it as its text.
//!
//! The kernel gives the lock back when the owner dies, however it dies; nobody takes over by time. Only the lock counts,
//! so a text left behind by a dead owner means nothing. A background runner owns a run like a console does, and gives
//! it back to whoever asks: the file `wanted` beside `owner` is that wish. Deletes nothing of the run.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

const FILE: &str = "owner";
/// Somebody wants the run from its background runner.
const WANTED: &str = "wanted";
/// How the text of a background runner begins.
const RUNNER: &str = "background runner, ";
/// Others look for a moment whether a run is owned; a look must not be taken for an owner.
const LOOKS: u32 = 10;

/// Holds the lock of a run until it is dropped.
#[derive(Debug)]
pub struct Owner {
    _file: File,
}

/// As what a process owns a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An operator sits at it, or started it: it keeps the run.
    Console,
    /// It goes on alone, and hands the run over to whoever asks.
    Runner,
}

/// Whether the text that says who owns a run is that of a background runner.
pub fn is_runner(text: &str) -> bool {
    text.starts_with(RUNNER)
}

/// Asks the background runner of the run folder to hand the run over; `by` is told to people who look.
pub fn want(folder: &Path, by: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(folder.join(WANTED))?;
    file.write_all(format!("{by}\n").as_bytes())
}

/// Whether somebody asked the background runner to hand the run over.
pub fn is_wanted(folder: &Path) -> bool {
    folder.join(WANTED).exists()
}

/// Takes the wish back, or answers it. No wish is no error.
pub fn unwant(folder: &Path) {
    let _ = std::fs::remove_file(folder.join(WANTED));
}

/// Takes the lock of the run folder for `by` (`user@machine`). `Ok(Err(text))` = somebody else has it, and the
/// text says who: `pid 4711, ada@laptop`.
pub fn take(folder: &Path, by: &str, role: Role) -> io::Result<Result<Owner, String>> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(folder.join(FILE))?;
    for look in 0..LOOKS {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                let what = match role {
                    Role::Console => "",
                    Role::Runner => RUNNER,
                };
                let text = format!("{what}pid {}, {by}\n", std::process::id());
                file.rewind()?;
                file.set_len(0)?;
                file.write_all(text.as_bytes())?;
                return Ok(Ok(Owner { _file: file }));
            }
            Err(Errno::WOULDBLOCK) if look + 1 < LOOKS => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(Errno::WOULDBLOCK) => break,
            Err(why) => return Err(why.into()),
        }
    }
    Ok(Err(text_of(&mut file)))
}

/// Who owns the run folder now; `None` = nobody does.
pub fn owner(folder: &Path) -> io::Result<Option<String>> {
    let mut file = match File::open(folder.join(FILE)) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(None),
        Err(Errno::WOULDBLOCK) => Ok(Some(text_of(&mut file))),
        Err(why) => Err(why.into()),
    }
}

fn text_of(file: &mut File) -> String {
    let mut bytes = Vec::new();
    let mut start = file.take(300);
    // Who has the lock is decided; a text that cannot be read only makes the answer less telling.
    let _ = start.read_to_end(&mut bytes);
    let text: String = String::from_utf8_lossy(&bytes)
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    if text.is_empty() {
        "somebody else".to_owned()
    } else {
        text
    }
}
