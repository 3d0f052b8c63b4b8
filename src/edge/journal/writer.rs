//! Writing a journal: append a batch, wait until it is on disk, refuse for ever after a failure.
//!
//! After a failed write or sync nobody knows what is on disk, and a second sync may claim success for bytes the
//! kernel has dropped; so the first failure is final, and so is an append that was given up half-way. A journal that
//! is not in its place any more is a failure as well: what is written there is lost. Waiting for the disk happens on a
//! blocking thread, never on the threads of the async runtime.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::Chain;
use crate::domain::run::Record;
use crate::port::{Journal, JournalError};

/// Appends to one journal. Whoever has it owns the run (see `owner`).
#[derive(Debug)]
pub struct JournalWriter {
    path: PathBuf,
    file: Arc<File>,
    chain: Chain,
    failed: Option<String>,
}

impl JournalWriter {
    /// Continues the journal `file` at `path`, positioned at its end, after the line `chain` stands for.
    pub(super) fn new(path: &Path, file: File, chain: Chain) -> Self {
        Self {
            path: path.to_owned(),
            file: Arc::new(file),
            chain,
            failed: None,
        }
    }

    fn error(&self, why: impl Into<String>) -> JournalError {
        JournalError {
            path: self.path.display().to_string(),
            why: why.into(),
        }
    }

    async fn store(&self, bytes: Vec<u8>) -> Result<(), String> {
        let file = Arc::clone(&self.file);
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || {
            (&*file).write_all(&bytes)?;
            file.sync_data()?;
            check_place(&file, &path)
        })
        .await
        .map_err(|_| "the writing thread ended".to_owned())?
        .map_err(|why| why.to_string())
    }
}

/// Checks that the journal is where the next process will look for it: a file that was removed or moved away still
/// takes records, and loses them.
fn check_place(file: &File, path: &Path) -> io::Result<()> {
    let lost = |what: &str| {
        Err(io::Error::other(format!(
            "{what} while the run went on; what runs is followed to its end"
        )))
    };
    let ours = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Err(why) if ours.nlink() == 0 || is_missing(&why) => match ours.nlink() {
            0 => lost("it was deleted"),
            _ => lost("it or its folder was moved away"),
        },
        Err(why) => Err(why),
        Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => Ok(()),
        Ok(_) => lost("another file was put in its place"),
    }
}

fn is_missing(why: &io::Error) -> bool {
    matches!(
        why.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

impl Journal for JournalWriter {
    async fn append(&mut self, records: &[Record]) -> Result<(), JournalError> {
        if let Some(why) = &self.failed {
            return Err(self.error(why.clone()));
        }
        let mut chain = self.chain.clone();
        let mut bytes = Vec::new();
        for record in records {
            if let Err(why) = chain.write(record, &mut bytes) {
                self.failed = Some(format!("a record does not fit: {why}"));
                return Err(self.error(format!("a record does not fit: {why}")));
            }
        }
        // Stands while the disk is waited for, so that an append that is dropped half-way is a failure too.
        self.failed = Some("an earlier record was given up half-way".to_owned());
        let stored = self.store(bytes).await;
        self.failed = stored.as_ref().err().cloned();
        match stored {
            Ok(()) => {
                self.chain = chain;
                Ok(())
            }
            Err(why) => Err(self.error(why)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Seq;
    use crate::domain::run::{Event, Moment};

    fn record(seq: u64) -> Record {
        Record {
            seq: Seq(seq),
            at: Moment::parse_from_rfc3339("2026-11-20T20:12:00+01:00").unwrap(),
            event: Event::StageStarted {
                stage: "Here".to_owned(),
            },
        }
    }

    #[tokio::test]
    async fn after_a_full_disk_nothing_is_written_any_more() {
        let path = Path::new("/dev/full");
        let file = File::options().write(true).open(path).unwrap();
        let mut writer = JournalWriter::new(path, file, Chain::default());
        let first = writer.append(&[record(1)]).await.unwrap_err();
        assert!(first.to_string().contains("/dev/full"), "{first}");
        // As if there were space again.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        writer.file = Arc::new(File::create(&path).unwrap());
        writer.append(&[record(1)]).await.unwrap_err();
        writer.append(&[]).await.unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }

    #[tokio::test]
    async fn an_append_that_was_given_up_is_a_failure() {
        // A pipe that nobody reads takes less than this record, so the append waits.
        let (reader, pipe) = std::io::pipe().unwrap();
        let file = File::from(std::os::fd::OwnedFd::from(pipe));
        let mut writer = JournalWriter::new(Path::new("pipe"), file, Chain::default());
        let mut long = record(1);
        long.event = Event::StageStarted {
            stage: "x".repeat(1 << 20),
        };
        {
            let records = [long];
            let append = std::pin::pin!(writer.append(&records));
            assert!(futures_util::poll!(append).is_pending());
        }
        let why = writer.append(&[record(1)]).await.unwrap_err();
        assert!(why.to_string().contains("half-way"), "{why}");
        drop(reader);
    }
}
