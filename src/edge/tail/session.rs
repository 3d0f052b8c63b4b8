//! A session of `tail.sh` on a host: how the program gets there, and what it is asked for.
//!
//! The command line holds nothing but a loader that is the same in every login shell; program and words travel on
//! standard input, in counted lines, so that no process list shows them and nothing needs quoting twice. Standard input
//! stays open: its end tells the program that nobody listens any more.

use std::sync::LazyLock;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::words::Words;
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
     while [ \"$g_i\" -gt 0 ];do IFS= read -r g_l||exit 65;g_t=$g_t$g_n$g_l;g_i=$((g_i-1));done;eval \"$g_t\"";

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
    pub(super) stdout: Box<dyn AsyncRead + Send + Unpin>,
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
        if let Err(why) = sent.await {
            return Err(broken(place, &why.to_string()));
        }
        Ok(Self {
            stdout: channel.stdout,
            words: Words::of(channel.stderr),
            stdin,
            _exit: channel.exit,
        })
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
