//! What is known of a file that is followed, and outlives every session: where the next one begins.
//!
//! A connection may break at any moment, also between a file being cut short and being opened anew. So how to go on is
//! never what a session holds: it stands here before anything is asked of the host. What was received of the old content
//! and not given yet stands here as well, for it can be read nowhere else. One memory belongs to one source.

use super::overlap::Recent;
use crate::port::FileMark;

/// How many files that were read to their end are remembered.
const DONE: usize = 32;

/// What is known of a followed file. A new one knows nothing: then a file is opened where its caller says.
#[derive(Debug, Default)]
pub struct Memory {
    /// Where the next byte stands.
    pub(super) at: FileMark,
    /// How long the file was when it was looked at last.
    pub(super) seen: u64,
    /// What came of it last.
    pub(super) recent: Recent,
    /// Files that were read to their end, as the program is told.
    done: Vec<String>,
    pub(super) stand: Stand,
}

/// How the next session begins.
#[derive(Debug, Default)]
pub(super) enum Stand {
    /// Where the caller says: nothing was opened yet.
    #[default]
    New,
    /// Where the last one stopped.
    Open,
    /// With what came after the file that was read to its end.
    Left,
    /// With the first byte of the file, which was cut short.
    Cut(Cut),
}

/// A file was cut short.
#[derive(Debug, Default)]
pub(super) struct Cut {
    /// What was received and not given yet: the rest of the old content, and what may be of the new one behind it.
    pub(super) held: Vec<u8>,
    /// Not all that was seen of the old content had come: how much of what came is of the new one, its length cannot say.
    was_behind: bool,
}

impl Memory {
    /// Another file is read, from there.
    pub(super) fn begin(&mut self, at: FileMark, size: u64) {
        (self.at, self.seen) = (at, size);
        self.recent = Recent::default();
        self.stand = Stand::Open;
    }

    /// The file was read to its end; that is what tells it from later ones with its inode.
    pub(super) fn leave(&mut self, sum: &str) {
        self.done.push(format!("{}-{sum}", self.at.inode));
        let over = self.done.len().saturating_sub(DONE);
        self.done.drain(..over);
        self.stand = Stand::Left;
    }

    /// The file was cut short, and what comes next of it is held.
    pub(super) fn cut(&mut self) {
        if !matches!(self.stand, Stand::Cut(_)) {
            self.stand = Stand::Cut(Cut {
                held: Vec::new(),
                was_behind: self.at.offset < self.seen,
            });
        }
    }

    /// What is held; nothing is held any more then.
    pub(super) fn release(&mut self) -> Vec<u8> {
        match &mut self.stand {
            Stand::Cut(cut) => std::mem::take(&mut cut.held),
            _ => Vec::new(),
        }
    }

    /// How many of the last bytes that came, those that are held among them, may be of new content that is so long by
    /// now: what came beyond the length that was seen last may be, and nothing before it.
    pub(super) fn doubt(&self, size: u64) -> usize {
        let Stand::Cut(cut) = &self.stand else {
            return 0;
        };
        let came = self.recent.len() + cut.held.len();
        let beyond = (self.at.offset + cut.held.len() as u64).saturating_sub(self.seen);
        let most = if cut.was_behind { u64::MAX } else { beyond };
        usize::try_from(most.min(size)).map_or(came, |most| most.min(came))
    }

    /// Those that were read to their end, as the program is told.
    pub(super) fn done(&self) -> String {
        self.done.join(" ")
    }
}
