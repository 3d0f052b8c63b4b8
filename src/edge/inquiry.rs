//! Short questions to hosts: a command line that only looks, its answer bounded in time and size.
//!
//! Asked over the connections that are there for everything else, in the host's home folder, with variables as a step
//! finds them. Program and question travel on standard input. Nothing is installed or recorded on the host, and the
//! shell of a command that does not end is ended when nobody waits for it any more. What an answer means is not decided here.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::launcher::quote;
use super::ssh::Sites;
use super::tail::{LOADER, Stream, begun};
use crate::domain::id::{EnvName, HostName};
use crate::port::LaunchError;

/// How long a host may take to answer.
pub const LIMIT: Duration = Duration::from_secs(10);
/// How much of each stream is kept; the rest is read and forgotten.
const KEPT: usize = 4096;

/// The question as a program: the command in the background, so that the end of standard input can end it, with all that
/// it started where there is `setsid`. Its own standard input is empty, as that of a step.
const PROGRAM: &str = "cd \"$HOME\" || exit 70
exec 3<&0
g_s=; command -v setsid >/dev/null 2>&1 && g_s=setsid
$g_s sh -c \"$g_command\" </dev/null 3<&- & g_p=$!
( read -r g_x <&3; kill -- \"-$g_p\" || kill \"$g_p\" ) >/dev/null 2>&1 & g_w=$!
wait \"$g_p\"; g_c=$?
kill \"$g_w\" 2>/dev/null
exit \"$g_c\"
";

/// What a command said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its exit code; `None` = it was ended by a signal, or the connection broke.
    pub code: Option<i32>,
    /// The first 4 KiB of its standard output, as they are.
    pub output: Vec<u8>,
    /// The first 4 KiB of its standard error.
    pub error: Vec<u8>,
}

/// Runs a short command line that only looks on a host, with these variables. Fails when the host cannot be reached, or
/// does not answer within [`LIMIT`].
pub async fn ask(
    sites: &Sites,
    place: &(EnvName, HostName),
    command: &str,
    variables: &BTreeMap<String, String>,
) -> Result<Said, LaunchError> {
    ask_within(LIMIT, sites, place, command, variables).await
}

/// The same with another limit.
pub async fn ask_within(
    limit: Duration,
    sites: &Sites,
    place: &(EnvName, HostName),
    command: &str,
    variables: &BTreeMap<String, String>,
) -> Result<Said, LaunchError> {
    let broken = |why: String| LaunchError::Unreachable {
        place: place.1.to_string(),
        why,
        help: None,
    };
    let asking = async {
        let (lines, payload) = payload(command, variables);
        let mut channel = sites.session(place, LOADER, &lines.to_string()).await?;
        let exchange = async {
            channel.stdin.write_all(&payload).await?;
            channel.stdin.flush().await?;
            tokio::try_join!(answer(channel.stdout), answer(channel.stderr))
        };
        let (output, error) = exchange.await.map_err(|why| broken(why.to_string()))?;
        let code = channel.exit.await;
        Ok(Said {
            code,
            output,
            error,
        })
    };
    timeout(limit, asking).await.unwrap_or_else(|_| {
        Err(broken(format!(
            "it did not answer in {} s",
            limit.as_secs_f64()
        )))
    })
}

/// What the program says on a stream; when it never began, what came instead of it.
async fn answer(stream: Stream) -> std::io::Result<Vec<u8>> {
    match begun(stream).await {
        Ok(mut stream) => read(&mut stream).await,
        Err(mut noise) => {
            noise.truncate(KEPT);
            Ok(noise)
        }
    }
}

/// The first bytes of a stream, which is read to its end.
async fn read(stream: &mut (dyn AsyncRead + Send + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let count = stream.read(&mut piece).await?;
        if count == 0 {
            return Ok(kept);
        }
        let room = KEPT - kept.len();
        kept.extend_from_slice(&piece[..count.min(room)]);
    }
}

/// The question for the loader, and how many lines it is.
fn payload(command: &str, variables: &BTreeMap<String, String>) -> (usize, Vec<u8>) {
    let mut text = Vec::new();
    for (name, value) in variables {
        text.extend_from_slice(format!("export {name}=").as_bytes());
        text.extend_from_slice(&quote(value.as_bytes()));
        text.push(b'\n');
    }
    text.extend_from_slice(b"g_command=");
    text.extend_from_slice(&quote(command.as_bytes()));
    text.push(b'\n');
    text.extend_from_slice(PROGRAM.as_bytes());
    let lines = memchr::memchr_iter(b'\n', &text).count();
    (lines, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_of_several_lines_is_counted_as_it_is_sent() {
        let variables = BTreeMap::from([("A".to_owned(), "it's\ntwo".to_owned())]);
        let (lines, text) = payload("echo 'x'\necho y", &variables);
        let text = String::from_utf8(text).unwrap();
        assert_eq!(lines, text.lines().count());
        assert!(
            text.starts_with("export A='it'\\''s\ntwo'\ng_command='echo '\\''x'\\''\necho y'\n")
        );
    }
}
