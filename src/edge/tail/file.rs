//! Following a file on a host through rotation and truncation, every byte once.
//!
//! This side counts. A file that was rotated is left when all the bytes it had at its end were received, and the next one
//! is opened from its first byte: nobody has to be killed at the right moment. Of a file that was cut short, what was
//! received of its new beginning already is dropped. What breaks is an error: who asked opens again, with the same
//! [`Memory`], and what was to be done next is done then.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::memory::{Memory, Stand};
use super::overlap::KEPT;
use super::session::{Opens, Session, broken};
use super::words::Word;
use crate::port::{FileMark, LaunchError, TailPiece, TailSink, TailStart};

/// How long the program may take to open a file that is there.
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// How long the next of what is on its way may take to arrive when the program was asked to end.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);
/// How often a file may be renamed under the hands of the program before that counts as broken.
const MOVES: u32 = 20;
/// So many bytes before the place where a file is opened tell whether it still is what it was.
const BACK: usize = 4 * 1024;
/// The most that is held of a file that was cut short; it is what was on its way, and that is much less.
const HELD: usize = 64 << 20;

/// Why a session ended that did its work.
enum Over {
    /// All that was there was read.
    Ended,
    /// The file was left: the memory says how to go on.
    Next,
    /// The file was renamed while it was opened: the same again.
    Moved,
}

/// What a program said it opened.
#[derive(Clone, Copy)]
struct Opened {
    mark: FileMark,
    size: u64,
    was_cut: bool,
    has_gap: bool,
}

/// Follows a file.
pub(super) struct Follower<'a, O, S> {
    place: &'a O,
    path: &'a str,
    follow: bool,
    memory: &'a mut Memory,
    sink: &'a mut S,
}

impl<'a, O: Opens, S: TailSink> Follower<'a, O, S> {
    /// Goes on where `memory` ends.
    pub(super) fn new(
        place: &'a O,
        path: &'a str,
        follow: bool,
        memory: &'a mut Memory,
        sink: &'a mut S,
    ) -> Self {
        Self {
            place,
            path,
            follow,
            memory,
            sink,
        }
    }

    /// Follows until something breaks, or without following to the end that the file has.
    pub(super) async fn go_on(mut self, start: TailStart) -> Result<(), LaunchError> {
        let mut moves = 0;
        loop {
            match self.session(start).await? {
                Over::Ended => return Ok(()),
                Over::Next => moves = 0,
                Over::Moved if moves > MOVES => {
                    return Err(broken(self.place, "the file is renamed all the time"));
                }
                Over::Moved => moves += 1,
            }
        }
    }

    async fn session(&mut self, start: TailStart) -> Result<Over, LaunchError> {
        let (mut session, back) = self.begin(start).await?;
        let Some(opened) = self.opened(&mut session).await? else {
            return Ok(Over::Moved);
        };
        if opened.was_cut && !matches!(self.memory.stand, Stand::New) {
            self.memory.cut();
        }
        let is_same = !opened.has_gap && opened.mark.inode == self.memory.at.inode;
        match self.memory.stand {
            Stand::New => self.first(opened, back, &mut session).await?,
            Stand::Open if is_same => {
                if !self.is_what_it_was(back, &mut session).await? {
                    // It was cut short and has grown since.
                    self.memory.cut();
                    return Ok(Over::Next);
                }
                self.memory.seen = opened.size;
                self.give(TailPiece::Open(Some(opened.mark))).await?;
            }
            Stand::Cut(_) if is_same => self.anew(opened, &mut session).await?,
            Stand::Open | Stand::Left | Stand::Cut(_) => self.another(opened).await?,
        }
        self.pump(session).await
    }

    /// Starts the program. Returns how many bytes it prints before the place that it says at most.
    async fn begin(&mut self, start: TailStart) -> Result<(Session, usize), LaunchError> {
        let at = self.memory.at;
        let known = self.memory.recent.len().min(BACK);
        let (start, lines, inode, at, back) = match (&self.memory.stand, start) {
            (Stand::New, TailStart::Lines(lines)) => ("lines", lines, 0, 0, BACK),
            (Stand::New, TailStart::Mark(mark)) => ("mark", 0, mark.inode, mark.offset, 0),
            (Stand::Open, _) => ("mark", 0, at.inode, at.offset, known),
            (Stand::Left, _) => ("after", 0, at.inode, 0, 0),
            // The file itself, whatever it is called by now.
            (Stand::Cut(_), _) => ("mark", 0, at.inode, 0, 0),
        };
        let back = if self.follow { back } else { 0 };
        let asked = [
            ("g_mode", "file"),
            ("g_file", &rooted(self.path)),
            ("g_follow", if self.follow { "1" } else { "0" }),
            ("g_start", start),
            ("g_lines", &lines.to_string()),
            ("g_inode", &inode.to_string()),
            ("g_at", &at.to_string()),
            ("g_back", &back.to_string()),
            ("g_done", &self.memory.done()),
        ];
        Ok((Session::begin(self.place, &asked).await?, back))
    }

    /// Waits until a file is open. Nothing of it is given before that. `None` = it was renamed meanwhile.
    async fn opened(&mut self, session: &mut Session) -> Result<Option<Opened>, LaunchError> {
        let mut limit = OPEN_LIMIT;
        let (mut was_cut, mut has_gap) = (false, false);
        loop {
            let Ok(word) = timeout(limit, session.word()).await else {
                return Err(broken(self.place, "the host does not answer"));
            };
            match word {
                Some(Word::Missing) => {
                    // It may take days until it is there; a connection that breaks says so itself.
                    limit = Duration::MAX;
                    self.give_held().await?;
                    let text = format!("there is no {} yet", self.path);
                    self.give(TailPiece::Missing(&text)).await?;
                }
                Some(Word::Gap) => has_gap = true,
                Some(Word::Truncated) => was_cut = true,
                Some(Word::Moved) => return Ok(None),
                Some(Word::Refused(what)) => {
                    self.give_held().await?;
                    return Err(self.refused(&what));
                }
                Some(Word::Open {
                    inode,
                    offset,
                    size,
                }) => {
                    return Ok(Some(Opened {
                        mark: FileMark { inode, offset },
                        size,
                        was_cut,
                        has_gap,
                    }));
                }
                Some(Word::Started | Word::Size(_) | Word::Rotated { .. } | Word::Ended(_)) => {}
                None => return Err(broken(self.place, &last_words(session))),
            }
        }
    }

    /// The file is opened for the first time.
    async fn first(
        &mut self,
        opened: Opened,
        back: usize,
        session: &mut Session,
    ) -> Result<(), LaunchError> {
        let back = usize::try_from(opened.mark.offset).map_or(back, |at| back.min(at));
        let known = self.read(back, session).await?;
        self.memory.begin(opened.mark, opened.size);
        self.memory.recent.push(&known.into());
        if opened.was_cut {
            self.give(TailPiece::Truncated { goes_on: false }).await?;
        }
        if opened.has_gap {
            self.give(TailPiece::Gap).await?;
        }
        self.give(TailPiece::Open(Some(opened.mark))).await
    }

    /// Whether what stands before the place where the file was opened again is what came of it.
    async fn is_what_it_was(
        &mut self,
        back: usize,
        session: &mut Session,
    ) -> Result<bool, LaunchError> {
        let before = self.read(back, session).await?;
        Ok(self.memory.recent.ends_with(&before))
    }

    /// Another file is open, from its first byte.
    async fn another(&mut self, opened: Opened) -> Result<(), LaunchError> {
        self.give_held().await?;
        if matches!(self.memory.stand, Stand::Cut(_)) {
            self.give(TailPiece::Truncated { goes_on: false }).await?;
        }
        let was_left = matches!(self.memory.stand, Stand::Left);
        self.memory.begin(opened.mark, opened.size);
        let news = if was_left {
            TailPiece::Rotated
        } else {
            TailPiece::Gap
        };
        self.give(news).await?;
        self.give(TailPiece::Open(Some(opened.mark))).await
    }

    /// The file that was cut short is open from its first byte: gives what is left of its old content, and what was not
    /// received already of the new one.
    async fn anew(&mut self, opened: Opened, session: &mut Session) -> Result<(), LaunchError> {
        let most = self.memory.doubt(opened.size);
        let mut head = Bytes::from(self.read(most.min(KEPT), session).await?);
        let mut held = Bytes::from(self.memory.release());
        let overlap = self.memory.recent.overlap(&held, &head, most);
        // What is of the new content and was not given yet comes again.
        let known = overlap.saturating_sub(held.len());
        held.truncate(held.len() - (overlap - known));
        self.bytes(held).await?;
        let goes_on = known > 0;
        self.give(TailPiece::Truncated { goes_on }).await?;
        let mark = FileMark {
            offset: known as u64,
            ..opened.mark
        };
        let rest = head.split_off(known);
        self.memory.begin(mark, opened.size);
        self.memory.recent.push(&head);
        self.give(TailPiece::Open(Some(mark))).await?;
        self.bytes(rest).await
    }

    /// Gives what was held, for it cannot be compared with anything any more.
    async fn give_held(&mut self) -> Result<(), LaunchError> {
        let held = self.memory.release();
        self.bytes(held.into()).await
    }

    /// Exactly so many bytes that the file has, however slow the way is as long as some come.
    async fn read(&mut self, count: usize, session: &mut Session) -> Result<Vec<u8>, LaunchError> {
        let mut all = Vec::with_capacity(count);
        while all.len() < count {
            let most = BACK.min(count - all.len());
            match timeout(DRAIN_LIMIT, session.stdout.read_up_to(most)).await {
                Ok(Ok(read)) if read.len() == most => all.extend_from_slice(&read),
                _ => return Err(broken(self.place, "the file was cut short again")),
            }
        }
        Ok(all)
    }

    /// Gives what comes until the file is left or the session breaks.
    async fn pump(&mut self, mut session: Session) -> Result<Over, LaunchError> {
        let mut goal: Option<(u64, String)> = None;
        let mut told = true;
        let mut ended = false;
        let end = self.memory.seen;
        loop {
            if let Some((end, sum)) = &goal
                && self.memory.at.offset >= *end
            {
                self.memory.leave(sum);
                return Ok(Over::Next);
            }
            tokio::select! {
                // What is said of the file is heard before more of it is taken.
                biased;
                word = session.words.next(), if told => match word {
                    Some(Word::Size(size)) => self.memory.seen = size,
                    Some(Word::Rotated { end, sum }) => goal = Some((end, sum)),
                    Some(Word::Truncated) => return self.cut_short(session).await,
                    Some(Word::Ended(_)) => ended = true,
                    Some(_) => {}
                    None => told = false,
                },
                read = session.stdout.read() => match read {
                    Ok(bytes) if bytes.is_empty() => {
                        if !self.follow && self.memory.at.offset >= end {
                            return Ok(Over::Ended);
                        }
                        let why = if ended { "the file ended early".to_owned() } else { last_words(&session) };
                        return Err(broken(self.place, &why));
                    }
                    Ok(bytes) => self.bytes(bytes).await?,
                    Err(why) => return Err(broken(self.place, &why.to_string())),
                },
            }
        }
    }

    /// The file was cut short: what is on its way is held until its new content can be compared with it.
    async fn cut_short(&mut self, mut session: Session) -> Result<Over, LaunchError> {
        self.memory.cut();
        // The end of standard input ends the program, and with it the stream.
        session.stdin = Box::new(tokio::io::sink());
        while let Stand::Cut(cut) = &mut self.memory.stand {
            match timeout(DRAIN_LIMIT, session.stdout.read()).await {
                Ok(Ok(bytes)) if !bytes.is_empty() => cut.held.extend_from_slice(&bytes),
                Ok(_) => break,
                Err(_) => return Err(broken(self.place, "the host does not answer")),
            }
            if cut.held.len() > HELD {
                return Err(broken(self.place, "the host does not end it"));
            }
        }
        Ok(Over::Next)
    }

    async fn bytes(&mut self, bytes: Bytes) -> Result<(), LaunchError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.memory.at.offset += bytes.len() as u64;
        self.memory.recent.push(&bytes);
        self.give(TailPiece::Bytes(bytes)).await
    }

    async fn give(&mut self, piece: TailPiece<'_>) -> Result<(), LaunchError> {
        let taken = self.sink.take(piece).await;
        taken.map_err(|why| broken(self.place, &why.to_string()))
    }

    fn refused(&self, what: &str) -> LaunchError {
        let path = self.path;
        let (why, help) = match what {
            "missing" => (format!("there is no {path}"), None),
            "denied" => (
                format!("{path} may not be read by this login"),
                Some(
                    "give it the right to: logs of the system belong to the group `adm` or `systemd-journal`",
                ),
            ),
            "folder" => (
                format!("{path} is a folder"),
                Some("name a file in it, or use `run` with a command that follows several"),
            ),
            "odd" => (
                format!("{path} is no plain file"),
                Some("use `run` with a command that reads it"),
            ),
            _ => (
                format!("{path} cannot be looked at: `ls` there is not as POSIX says"),
                Some("use `run` with a command that follows it"),
            ),
        };
        LaunchError::Refused {
            place: self.place.name(),
            why,
            help: help.map(str::to_owned),
        }
    }
}

/// What a session said last that ended without an answer.
fn last_words(session: &Session) -> String {
    let noise = session.words.noise();
    if noise.is_empty() {
        "the connection ended".to_owned()
    } else {
        noise
    }
}

/// A path that cannot be taken for an option; relative ones start at the home folder.
fn rooted(path: &str) -> String {
    let path = path.strip_prefix("~/").unwrap_or(path);
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("./{path}")
    }
}

#[cfg(test)]
mod tests;
