//! What `tail.sh` says on standard error: its words, told from whatever else is said there.
//!
//! A login shell may greet, `tail` may complain: only whole lines `golive:WORD … .` count, and what GNU tail says when it
//! goes back to the beginning of a file that was cut short. Lines are bounded; the last foreign one is kept for people.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::session::BEGIN_LINE;

/// The longest line that is read, in bytes.
const LONGEST: usize = 8 * 1024;

/// A word of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// There is no such file yet.
    Missing,
    /// What was left of the former file is gone.
    Gap,
    /// A command was started.
    Started,
    /// What comes next of the file stands there.
    Open {
        /// The file.
        inode: u64,
        /// From here.
        offset: u64,
        /// It was so long then.
        size: u64,
    },
    /// The file is so long by now.
    Size(u64),
    /// The path leads to another file.
    Rotated {
        /// This is where the former one ended.
        end: u64,
        /// What tells it from a later one with its inode: how many of its first bytes, and what they come to.
        sum: String,
    },
    /// The file was cut short.
    Truncated,
    /// It was renamed while it was opened.
    Moved,
    /// The command ended with this code, or everything that was there was read.
    Ended(i32),
    /// It cannot be read.
    Refused(String),
}

/// The words of one session.
pub(super) struct Words {
    said: mpsc::UnboundedReceiver<Word>,
    noise: Arc<Mutex<String>>,
    reader: AbortHandle,
}

impl Words {
    /// Reads them from a stream.
    pub(super) fn of(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let (sender, said) = mpsc::unbounded_channel();
        let noise = Arc::default();
        let reader = tokio::spawn(read(stream, sender, Arc::clone(&noise))).abort_handle();
        Self {
            said,
            noise,
            reader,
        }
    }

    /// The next word; `None` when the program said its last.
    pub(super) async fn next(&mut self) -> Option<Word> {
        self.said.recv().await
    }

    /// What was said last that is no word of the program. It may hold anything; faces escape it.
    pub(super) fn noise(&self) -> String {
        self.noise
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(
    mut stream: impl AsyncRead + Unpin,
    words: mpsc::UnboundedSender<Word>,
    noise: Arc<Mutex<String>>,
) {
    let mut line = Vec::new();
    let mut chunk = [0; 2048];
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        for byte in &chunk[..count] {
            if *byte != b'\n' {
                if line.len() < LONGEST {
                    line.push(*byte);
                }
                continue;
            }
            let text = String::from_utf8_lossy(&line).trim().to_owned();
            line.clear();
            if text == BEGIN_LINE {
                // What stands before it was a greeting.
                noise.lock().unwrap_or_else(PoisonError::into_inner).clear();
            } else if let Some(word) = word(&text) {
                if words.send(word).is_err() {
                    return;
                }
            } else if !text.is_empty() {
                *noise.lock().unwrap_or_else(PoisonError::into_inner) =
                    text.chars().take(200).collect();
            }
        }
    }
}

/// The word a line holds.
fn word(line: &str) -> Option<Word> {
    if line.starts_with("tail: ") && line.ends_with(": file truncated") {
        return Some(Word::Truncated);
    }
    let said = line.strip_prefix("golive:")?.strip_suffix(" .")?;
    let parts: Vec<&str> = said.split(' ').collect();
    let number = |at: usize| parts.get(at)?.parse::<u64>().ok();
    Some(match parts[0] {
        "missing" => Word::Missing,
        "gap" => Word::Gap,
        "open" if parts.len() == 1 => Word::Started,
        "open" => Word::Open {
            inode: number(1)?,
            offset: number(2)?,
            size: number(3)?,
        },
        "size" => Word::Size(number(1)?),
        "rotated" => Word::Rotated {
            end: number(2)?,
            sum: parts.get(3).copied().unwrap_or_default().to_owned(),
        },
        "truncated" => Word::Truncated,
        "moved" => Word::Moved,
        "ended" => Word::Ended(parts.get(1)?.parse().ok()?),
        "refused" => Word::Refused((*parts.get(1)?).to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn words_are_told_from_noise() {
        let said = b"Welcome!\r\n\ngolive:open 12 3 40 .\ntail: /var/log/a: file truncated\n\
            golive:open x 3 40 .\ngolive:size 7\ngolive:ended 3 .\nrest";
        let mut words = Words::of(&said[..]);
        let open = Word::Open {
            inode: 12,
            offset: 3,
            size: 40,
        };
        assert_eq!(words.next().await, Some(open));
        assert_eq!(words.next().await, Some(Word::Truncated));
        assert_eq!(words.next().await, Some(Word::Ended(3)));
        assert_eq!(words.next().await, None);
        assert_eq!(words.noise(), "golive:size 7");
    }
}
