//! The two requests of OpenSSH's multiplexing protocol that the `openssh` crate does not offer.
//!
//! `alive` tells the process id of a master, `terminate` ends it at once (`ssh -O exit`); the crate only asks it
//! to stop listening. The protocol is OpenSSH's `PROTOCOL.mux`, version 4: every packet is its length and a
//! type, both big endian. The asynchronous calls have no time limit of their own: callers put one around them,
//! because a frozen master accepts a connection and never answers.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const HELLO: u32 = 0x0000_0001;
const VERSION: u32 = 4;
const ALIVE_CHECK: u32 = 0x1000_0004;
const TERMINATE: u32 = 0x1000_0005;
const ALIVE: u32 = 0x8000_0005;
/// Answers are a few words; anything longer is not this protocol.
const LONGEST_ANSWER: usize = 4096;
/// What the end of a master is waited for where waiting blocks.
const MOMENT: Duration = Duration::from_secs(2);

/// Asks the master at this control socket whether it is alive. Returns its process id.
pub(super) async fn alive(socket: &Path) -> io::Result<i32> {
    let mut master = greet(socket).await?;
    send(&mut master, &[ALIVE_CHECK, 0]).await?;
    let answer = receive(&mut master).await?;
    match answer[..] {
        [ALIVE, _, pid] => i32::try_from(pid).map_err(|_| strange()),
        _ => Err(strange()),
    }
}

/// Ends the master at this control socket with every session in it. Returns when it has agreed or is gone.
pub(super) async fn terminate(socket: &Path) -> io::Result<()> {
    let mut master = greet(socket).await?;
    send(&mut master, &[TERMINATE, 0]).await?;
    match receive(&mut master).await {
        Ok(_) => Ok(()),
        Err(gone) if gone.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        Err(other) => Err(other),
    }
}

/// Ends the master at this control socket from where nothing can be awaited; returns after [`MOMENT`] at the latest.
pub(super) fn dismiss(socket: &Path) -> io::Result<()> {
    let mut master = std::os::unix::net::UnixStream::connect(socket)?;
    let mut packets = packet(&[HELLO, VERSION])?;
    packets.extend(packet(&[TERMINATE, 0])?);
    io::Write::write_all(&mut master, &packets)?;
    // It takes one packet at a time and gives up on who hung up: its end is waited for.
    master.set_read_timeout(Some(MOMENT))?;
    io::Read::read_to_end(&mut master, &mut Vec::new()).map(|_| ())
}

/// Whether this is no answer within the time, which says nothing about the master.
pub(super) fn is_late(why: &io::Error) -> bool {
    matches!(
        why.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

async fn greet(socket: &Path) -> io::Result<UnixStream> {
    let mut master = UnixStream::connect(socket).await?;
    send(&mut master, &[HELLO, VERSION]).await?;
    match receive(&mut master).await?[..] {
        [HELLO, VERSION, ..] => Ok(master),
        _ => Err(strange()),
    }
}

async fn send(master: &mut UnixStream, words: &[u32]) -> io::Result<()> {
    master.write_all(&packet(words)?).await
}

fn packet(words: &[u32]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(words.len() * 4).map_err(|_| strange())?;
    let mut packet = length.to_be_bytes().to_vec();
    packet.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    Ok(packet)
}

/// Reads one packet as words; a text in it is cut to whole words, which is enough to see the type.
async fn receive(master: &mut UnixStream) -> io::Result<Vec<u32>> {
    let length = master.read_u32().await? as usize;
    if length > LONGEST_ANSWER {
        return Err(strange());
    }
    let mut packet = vec![0; length];
    master.read_exact(&mut packet).await?;
    Ok(packet
        .as_chunks::<4>()
        .0
        .iter()
        .map(|word| u32::from_be_bytes(*word))
        .collect())
}

fn strange() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the ssh master gave a strange answer",
    )
}
