//! Following a file on a host through rotation and truncation, every byte once.
//!
//! This side counts. A file that was rotated is left when all the bytes it had at its end were received, and the next one
//! is opened from its first byte: nobody has to be killed at the right moment. Of a file that was cut short, what was
//! received of its new beginning already is dropped. What breaks is an error: who asked opens again, from the sink's mark.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::overlap::Recent;
use super::session::{Opens, Session, broken};
use super::words::Word;
use crate::port::{FileMark, LaunchError, TailPiece, TailSink, TailStart};

/// How long the program may take to open a file that is there.
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// How long the next of what is on its way may take to arrive when the program was asked to end.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);
/// How often a file may be renamed under the hands of the program before that counts as broken.
const MOVES: u32 = 20;
/// How many files that were read to their end are remembered.
const DONE: usize = 32;

/// How the next session begins.
#[derive(Clone, Copy)]
enum Begin {
    Start(TailStart),
    /// With what came after the file with this inode.
    After(u64),
    /// With the first byte of a file that was cut short, of which at most so many bytes were received already.
    Top(usize),
}

/// Why a session ended that did its work.
enum Over {
    /// All that was there was read.
    Ended,
    /// The file was left: the next one begins so.
    Next(Begin),
    /// The file was renamed while it was opened: the same again.
    Moved,
}

/// Follows a file.
pub(super) struct Follower<'a, O, S> {
    pub(super) place: &'a O,
    pub(super) path: &'a str,
    pub(super) follow: bool,
    pub(super) sink: &'a mut S,
    /// Where the next byte stands.
    at: FileMark,
    /// How long the file was when it was looked at last.
    seen: u64,
    recent: Recent,
    /// Files that were read to their end.
    done: Vec<u64>,
}

impl<'a, O: Opens, S: TailSink> Follower<'a, O, S> {
    pub(super) fn new(place: &'a O, path: &'a str, follow: bool, sink: &'a mut S) -> Self {
        let at = FileMark {
            inode: 0,
            offset: 0,
        };
        Self {
            place,
            path,
            follow,
            sink,
            at,
            seen: 0,
            recent: Recent::default(),
            done: Vec::new(),
        }
    }

    /// Follows until something breaks, or without following to the end that the file has.
    pub(super) async fn go_on(mut self, start: TailStart) -> Result<(), LaunchError> {
        let mut begin = Begin::Start(start);
        let mut moves = 0;
        loop {
            match self.session(begin).await? {
                Over::Ended => return Ok(()),
                Over::Next(next) => (begin, moves) = (next, 0),
                Over::Moved if moves > MOVES => {
                    return Err(broken(self.place, "the file is renamed all the time"));
                }
                Over::Moved => moves += 1,
            }
        }
    }

    async fn session(&mut self, begin: Begin) -> Result<Over, LaunchError> {
        let mut session = self.begin(begin).await?;
        if !self.opened(begin, &mut session).await? {
            return Ok(Over::Moved);
        }
        if let Begin::Top(most) = begin {
            self.drop_overlap(most, &mut session).await?;
        }
        self.pump(session).await
    }

    async fn begin(&mut self, begin: Begin) -> Result<Session, LaunchError> {
        let (start, lines, inode, at) = match begin {
            Begin::Start(TailStart::Lines(lines)) => ("lines", lines, 0, 0),
            Begin::Start(TailStart::Mark(mark)) => ("mark", 0, mark.inode, mark.offset),
            Begin::After(inode) => ("after", 0, inode, 0),
            Begin::Top(_) => ("top", 0, 0, 0),
        };
        let done: Vec<String> = self.done.iter().map(ToString::to_string).collect();
        let asked = [
            ("g_mode", "file"),
            ("g_file", &rooted(self.path)),
            ("g_follow", if self.follow { "1" } else { "0" }),
            ("g_start", start),
            ("g_lines", &lines.to_string()),
            ("g_inode", &inode.to_string()),
            ("g_at", &at.to_string()),
            ("g_done", &done.join(" ")),
        ];
        Session::begin(self.place, &asked).await
    }

    /// Waits until the file is open. Nothing of it is given before that. `false` = it was renamed meanwhile.
    async fn opened(&mut self, begin: Begin, session: &mut Session) -> Result<bool, LaunchError> {
        let mut limit = OPEN_LIMIT;
        let mut truncated = matches!(begin, Begin::Top(_));
        let mut gap = false;
        loop {
            let Ok(word) = timeout(limit, session.word()).await else {
                return Err(broken(self.place, "the host does not answer"));
            };
            match word {
                Some(Word::Missing) => {
                    // It may take days until it is there; a connection that breaks says so itself.
                    limit = Duration::MAX;
                    let text = format!("there is no {} yet", self.path);
                    self.give(TailPiece::Missing(&text)).await?;
                }
                Some(Word::Gap) => gap = true,
                Some(Word::Truncated) => truncated = true,
                Some(Word::Moved) => return Ok(false),
                Some(Word::Refused(what)) => return Err(self.refused(&what)),
                Some(Word::Open {
                    inode,
                    offset,
                    size,
                }) => {
                    self.at = FileMark { inode, offset };
                    self.seen = size;
                    if truncated {
                        self.give(TailPiece::Truncated).await?;
                    }
                    if gap {
                        self.give(TailPiece::Gap).await?;
                    }
                    if matches!(begin, Begin::After(_)) {
                        self.give(TailPiece::Rotated).await?;
                    }
                    if !matches!(begin, Begin::Top(_)) {
                        self.give(TailPiece::Open(Some(self.at))).await?;
                    }
                    return Ok(true);
                }
                Some(Word::Started | Word::Size(_) | Word::Rotated(_) | Word::Ended(_)) => {}
                None => return Err(broken(self.place, &last_words(session))),
            }
        }
    }

    /// Reads the new beginning of a file that was cut short, and gives what was not received already.
    async fn drop_overlap(
        &mut self,
        most: usize,
        session: &mut Session,
    ) -> Result<(), LaunchError> {
        let most = most.min(self.recent.len());
        let most = usize::try_from(self.seen).map_or(most, |size| most.min(size));
        let read = timeout(DRAIN_LIMIT, session.stdout.read_up_to(most)).await;
        let Some(head) = read
            .ok()
            .and_then(Result::ok)
            .filter(|head| head.len() == most)
        else {
            return Err(broken(self.place, "the file was cut short again"));
        };
        let known = self.recent.overlap(&head);
        self.recent = Recent::default();
        self.at.offset = known as u64;
        self.give(TailPiece::Open(Some(self.at))).await?;
        let mut head_known = Bytes::from(head);
        let rest = head_known.split_off(known);
        self.recent.push(&head_known);
        self.bytes(rest).await
    }

    /// Gives what comes until the file is left or the session breaks.
    async fn pump(&mut self, mut session: Session) -> Result<Over, LaunchError> {
        let mut goal = None;
        let mut told = true;
        let mut ended = false;
        let end = self.seen;
        loop {
            if goal.is_some_and(|goal| self.at.offset >= goal) {
                self.done.push(self.at.inode);
                let over = self.done.len().saturating_sub(DONE);
                self.done.drain(..over);
                return Ok(Over::Next(Begin::After(self.at.inode)));
            }
            tokio::select! {
                read = session.stdout.read() => match read {
                    Ok(bytes) if bytes.is_empty() => {
                        if !self.follow && self.at.offset >= end {
                            return Ok(Over::Ended);
                        }
                        let why = if ended { "the file ended early".to_owned() } else { last_words(&session) };
                        return Err(broken(self.place, &why));
                    }
                    Ok(bytes) => self.bytes(bytes).await?,
                    Err(why) => return Err(broken(self.place, &why.to_string())),
                },
                word = session.words.next(), if told => match word {
                    Some(Word::Size(size)) => self.seen = size,
                    Some(Word::Rotated(size)) => goal = Some(size),
                    Some(Word::Truncated) => return self.cut_short(session).await,
                    Some(Word::Ended(_)) => ended = true,
                    Some(_) => {}
                    None => told = false,
                },
            }
        }
    }

    /// The file was cut short: what is on its way is given, then it is opened anew.
    async fn cut_short(&mut self, mut session: Session) -> Result<Over, LaunchError> {
        // The end of standard input ends the program, and with it the stream.
        session.stdin = Box::new(tokio::io::sink());
        loop {
            // Only the host has a limit: who takes the bytes may take his time.
            let read = session.stdout.read();
            match timeout(DRAIN_LIMIT, read).await {
                Ok(Ok(bytes)) if !bytes.is_empty() => self.bytes(bytes).await?,
                Ok(_) => break,
                Err(_) => return Err(broken(self.place, "the host does not answer")),
            }
        }
        // What came beyond the length that was seen last may be of the new content, and nothing before it.
        let beyond = self.at.offset.saturating_sub(self.seen);
        let beyond = usize::try_from(beyond).unwrap_or(usize::MAX);
        Ok(Over::Next(Begin::Top(beyond)))
    }

    async fn bytes(&mut self, bytes: Bytes) -> Result<(), LaunchError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.at.offset += bytes.len() as u64;
        self.recent.push(&bytes);
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
mod tests {
    use std::collections::VecDeque;
    use std::pin::pin;
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::edge::launcher::Channel;

    /// A place whose programs were made ready before.
    struct Ready(Mutex<VecDeque<Channel>>);

    impl Opens for Ready {
        async fn open(&self, _: &str) -> Result<Channel, LaunchError> {
            let next = self.0.lock().unwrap().pop_front();
            next.ok_or_else(|| broken(self, "no more programs"))
        }

        fn name(&self) -> String {
            "web1".to_owned()
        }
    }

    /// A program that says these words and prints these bytes, and more when it is asked to end.
    fn program(words: &str, printed: &[u8], more: Vec<&'static [u8]>) -> Channel {
        let begin = "\ngolive:begin .\n";
        let (stdin, mut asked) = duplex(1 << 20);
        let (mut out, stdout): (DuplexStream, DuplexStream) = duplex(1 << 20);
        let first = [begin.as_bytes(), printed].concat();
        let said = format!("{begin}{words}").into_bytes();
        tokio::spawn(async move {
            out.write_all(&first).await.unwrap();
            let _ = tokio::io::copy(&mut asked, &mut tokio::io::sink()).await;
            for piece in more {
                out.write_all(piece).await.unwrap();
                out.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        Channel {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(std::io::Cursor::new(said)),
            exit: Box::pin(std::future::pending()),
            keep: None,
        }
    }

    /// Takes nothing before its gate opens, as a pager does that nobody scrolls.
    struct Slow {
        gate: Arc<Semaphore>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl TailSink for Slow {
        async fn take(&mut self, piece: TailPiece<'_>) -> std::io::Result<()> {
            if let TailPiece::Bytes(bytes) = piece {
                let _open = self.gate.acquire().await;
                self.taken.lock().unwrap().extend_from_slice(&bytes);
            }
            Ok(())
        }

        fn mark(&self) -> Option<FileMark> {
            None
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_on_its_way_when_a_file_is_cut_short_waits_for_who_is_slow() {
        let cut = "golive:open 7 0 8 .\ngolive:truncated .\n";
        let anew = "golive:open 7 0 4 .\n";
        let place = Ready(Mutex::new(VecDeque::from([
            program(cut, b"", vec![b"one\n", b"two\n"]),
            program(anew, b"new\n", Vec::new()),
        ])));
        let (gate, taken) = (Arc::new(Semaphore::new(0)), Arc::default());
        let mut sink = Slow {
            gate: Arc::clone(&gate),
            taken: Arc::clone(&taken),
        };
        let follower = Follower::new(&place, "/var/log/a", true, &mut sink);
        let mut following = pin!(follower.go_on(TailStart::Lines(0)));
        let early = timeout(3 * DRAIN_LIMIT, &mut following).await;
        assert!(early.is_err(), "it gave up: {early:?}");
        gate.add_permits(1);
        assert!(timeout(OPEN_LIMIT, following).await.is_err());
        let taken = taken.lock().unwrap();
        assert_eq!(String::from_utf8_lossy(&taken), "one\ntwo\nnew\n");
    }
}
