//! A session of `tail.sh` on a host: how the program gets there, and what it is asked for.
//!
//! The command line holds nothing but a loader that is the same in every login shell; program and words travel on
//! standard input, in counted lines, so that no process list shows them and nothing needs quoting twice. Standard input
//! stays open: its end tells the program that nobody listens any more. What a login shell prints before the program
//! begins is no part of what the program says.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use super::blocks::Blocks;
use super::words::{Word, Words};
use crate::domain::id::{EnvName, HostName};
use crate::edge::launcher::{Channel, quote};
use crate::edge::process::LocalLauncher;
use crate::edge::ssh::Sites;
use crate::port::LaunchError;

/// The program without what only people read.
static PROGRAM: LazyLock<String> = LazyLock::new(|| {
    let lines = include_str!("tail.sh").lines();
    let kept: Vec<&str> = lines.filter(|line| !line.starts_with('#')).collect();
    kept.join("\n")
});

/// Reads as many lines of standard input as it is told, and becomes the program they are. Free of single quotes and of
/// anything a foreign login shell would touch inside single quotes.
pub(crate) const LOADER: &str = "g_n=$(printf \"\\n_\");g_n=${g_n%_};g_t=;g_i=$1;\
     while [ \"$g_i\" -gt 0 ];do IFS= read -r g_l||exit 65;g_t=$g_t$g_n$g_l;g_i=$((g_i-1));done;\
     printf \"\\ngolive:begin .\\n\";printf \"\\ngolive:begin .\\n\" >&2;eval \"$g_t\"";
/// What [`LOADER`] says on both streams before the program begins.
const BEGIN: &[u8] = b"\ngolive:begin .\n";
/// The line of it.
pub(super) const BEGIN_LINE: &str = "golive:begin .";
/// How much noise of a login shell is endured, in bytes.
const NOISE: usize = 1 << 20;
/// How much of it is kept for people.
const KEPT: usize = 4096;
/// How many blocks of the stream are kept aside while a word about it is waited for: some 64 MB. What comes until the host
/// has said what it opened is less by far, but for a log that is very fast on a host that is very slow.
const AHEAD: usize = 1024;
/// How long a login shell may take to run a command.
const SHELL_LIMIT: Duration = Duration::from_secs(30);

/// A stream of a host.
pub(crate) type Stream = Box<dyn AsyncRead + Send + Unpin>;

/// Reads a stream of [`LOADER`] as far as the program begins. When it never does: the last of what came instead.
pub(crate) async fn begun(stream: Stream) -> Result<Stream, Vec<u8>> {
    let mut stream = BufReader::new(stream);
    let (mut noise, mut passed) = (Vec::new(), 0);
    while let Ok(byte) = stream.read_u8().await {
        noise.push(byte);
        passed += 1;
        if noise.ends_with(BEGIN) {
            return Ok(Box::new(stream));
        }
        if passed > NOISE {
            break;
        }
        if noise.len() > 2 * KEPT {
            noise.drain(..KEPT);
        }
    }
    Err(noise)
}

/// A place where sessions can be opened.
pub trait Opens: Sync {
    /// Starts the shell of the place with [`LOADER`] and this word.
    fn open(&self, word: &str) -> impl Future<Output = Result<Channel, LaunchError>> + Send;

    /// The place as people call it.
    fn name(&self) -> String;
}

/// A host of an environment.
pub(super) struct Host<'a> {
    pub(super) sites: &'a Sites,
    pub(super) env: &'a EnvName,
    pub(super) name: &'a HostName,
}

impl Opens for Host<'_> {
    async fn open(&self, word: &str) -> Result<Channel, LaunchError> {
        let place = (self.env.clone(), self.name.clone());
        self.sites.session(&place, LOADER, word).await
    }

    fn name(&self) -> String {
        self.name.to_string()
    }
}

impl Opens for LocalLauncher {
    async fn open(&self, word: &str) -> Result<Channel, LaunchError> {
        self.session(LOADER, word)
    }

    fn name(&self) -> String {
        crate::edge::launcher::Channels::name(self)
    }
}

/// What the program is asked for: words with their values.
pub(super) type Asked<'a> = [(&'a str, &'a str)];

/// A program that runs.
pub(super) struct Session {
    pub(super) stdout: Printed,
    pub(super) words: Words,
    /// Its end is the end of the program.
    pub(super) stdin: Box<dyn AsyncWrite + Send + Unpin>,
    /// Owns the connection's part of it.
    _exit: std::pin::Pin<Box<dyn Future<Output = Option<i32>> + Send>>,
}

impl Session {
    /// Starts the program and asks it.
    pub(super) async fn begin(place: &impl Opens, asked: &Asked<'_>) -> Result<Self, LaunchError> {
        let (lines, payload) = payload(asked);
        let channel = place.open(&lines.to_string()).await?;
        let mut stdin = channel.stdin;
        let sent = async {
            stdin.write_all(&payload).await?;
            stdin.flush().await
        };
        // A shell that ends without reading says why on its output.
        let sent = sent.await;
        let words = Words::of(channel.stderr);
        let stdout = match (timeout(SHELL_LIMIT, begun(channel.stdout)).await, sent) {
            (Ok(Ok(stdout)), Ok(())) => stdout,
            (Ok(Ok(_)), Err(why)) => return Err(broken(place, &why.to_string())),
            (Ok(Err(noise)), _) => return Err(broken(place, &no_command(&noise, &words.noise()))),
            (Err(_), _) => {
                let why = "its login shell takes too long to run a command";
                return Err(broken(place, why));
            }
        };
        Ok(Self {
            stdout: Printed::of(stdout),
            words,
            stdin,
            _exit: channel.exit,
        })
    }

    /// The next word; `None` when there comes no other. What is printed meanwhile is kept aside: both share one way, and
    /// what nobody reads of the one would let nothing of the other through.
    pub(super) async fn word(&mut self) -> Option<Word> {
        loop {
            tokio::select! {
                biased;
                word = self.words.next() => return word,
                kept = self.stdout.keep(), if self.stdout.may_keep() => {
                    // Else the connection broke.
                    kept.ok()?;
                }
            }
        }
    }
}

/// What a program prints.
pub(super) struct Printed {
    stream: Stream,
    blocks: Blocks,
    /// What was kept aside.
    early: VecDeque<Bytes>,
    /// Nothing more comes.
    is_over: bool,
}

impl Printed {
    fn of(stream: Stream) -> Self {
        Self {
            stream,
            blocks: Blocks::default(),
            early: VecDeque::new(),
            is_over: false,
        }
    }

    fn may_keep(&self) -> bool {
        !self.is_over && self.early.len() < AHEAD
    }

    /// Waits for what comes next and keeps it aside. Nothing is lost when this is given up before it answers.
    async fn keep(&mut self) -> std::io::Result<()> {
        let bytes = self.blocks.read(&mut self.stream).await?;
        self.is_over = bytes.is_empty();
        self.early.extend((!bytes.is_empty()).then_some(bytes));
        Ok(())
    }

    /// What comes next; no bytes at the end. Nothing is lost when this is given up before it answers.
    pub(super) async fn read(&mut self) -> std::io::Result<Bytes> {
        match self.early.pop_front() {
            Some(bytes) => Ok(bytes),
            None if self.is_over => Ok(Bytes::new()),
            None => self.blocks.read(&mut self.stream).await,
        }
    }

    /// So many bytes of what comes next, or fewer at the end.
    pub(super) async fn read_up_to(&mut self, most: usize) -> std::io::Result<Vec<u8>> {
        let mut head = Vec::with_capacity(most);
        while head.len() < most {
            let mut bytes = self.read().await?;
            if bytes.is_empty() {
                break;
            }
            let rest = bytes.split_off(bytes.len().min(most - head.len()));
            head.extend_from_slice(&bytes);
            if !rest.is_empty() {
                self.early.push_front(rest);
            }
        }
        Ok(head)
    }
}

/// Why no command ran: what the login shell said last, when it said anything.
fn no_command(noise: &[u8], error: &str) -> String {
    let noise = String::from_utf8_lossy(noise);
    let last = noise.lines().map(str::trim).rfind(|line| !line.is_empty());
    match last.filter(|_| error.is_empty()).unwrap_or(error) {
        "" => "the connection ended".to_owned(),
        last => {
            let last: String = last.chars().take(200).collect();
            format!("its login shell runs no command: {last}")
        }
    }
}

/// The words and the program, and how many lines they are.
fn payload(asked: &Asked<'_>) -> (usize, Vec<u8>) {
    let mut text = Vec::new();
    for (name, value) in asked {
        text.extend_from_slice(name.as_bytes());
        text.push(b'=');
        text.extend_from_slice(&quote(value.as_bytes()));
        text.push(b'\n');
    }
    text.extend_from_slice(PROGRAM.as_bytes());
    text.push(b'\n');
    let lines = memchr::memchr_iter(b'\n', &text).count();
    (lines, text)
}

/// The connection broke: trying again makes sense.
pub(super) fn broken(place: &impl Opens, why: &str) -> LaunchError {
    LaunchError::Unreachable {
        place: place.name(),
        why: why.to_owned(),
        help: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_means_the_same_in_every_login_shell() {
        assert!(
            !LOADER.contains(['\'', '!', '\n']) && !LOADER.contains("\\\\"),
            "{LOADER}"
        );
    }

    #[tokio::test]
    async fn what_a_login_shell_prints_before_the_program_is_no_part_of_it() {
        let mut text = vec![b'w'; 20_000];
        text.extend_from_slice(b"golive:begin .\nno end\ngolive:begin .\n\ngolive:begin .\nlog");
        let stream: Stream = Box::new(std::io::Cursor::new(text));
        let mut rest = String::new();
        let mut stream = begun(stream).await.unwrap_or_else(|_| panic!("it begins"));
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "\ngolive:begin .\nlog");
        let stream: Stream = Box::new(&b"Welcome!\nThis account is not available.\n\n"[..]);
        let noise = begun(stream).await.err().unwrap();
        let why = "its login shell runs no command: This account is not available.";
        assert_eq!(no_command(&noise, ""), why);
        assert_eq!(no_command(b"", ""), "the connection ended");
    }

    #[test]
    fn values_of_any_kind_are_one_shell_word_and_their_lines_are_counted() {
        let (lines, text) = payload(&[("g_command", "echo 'a'\necho b"), ("g_mode", "run")]);
        let text = String::from_utf8(text).unwrap();
        assert!(
            text.starts_with("g_command='echo '\\''a'\\''\necho b'\ng_mode='run'\n"),
            "{text}"
        );
        assert_eq!(lines, text.lines().count());
    }
}
