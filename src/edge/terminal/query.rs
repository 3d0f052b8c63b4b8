//! Query: asks the terminal what its page looks like, and how wide its ambiguous letters are.
//!
//! One question, written at once: the column after a box line (CPR), the background (OSC 11), and last a question
//! every terminal answers (DA1), so that a terminal that knows none of it costs no waiting. It must run before
//! anything else reads from the terminal, and it waits 200 ms at most.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What a terminal said of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Answer {
    /// Its background, each of red, green and blue from 0 to 1.
    pub background: Option<(f64, f64, f64)>,
    /// Whether letters of ambiguous width, box lines among them, take two columns.
    pub wide_lines: bool,
}

/// The line drawn, the column asked for, the line wiped; the background; the end.
const QUESTION: &[u8] = b"\r\xe2\x94\x82\x1b[6n\r\x1b[K\x1b]11;?\x1b\\\x1b[c";
const PATIENCE: Duration = Duration::from_millis(200);
/// No honest answer is longer.
const MOST: usize = 1024;

/// Asks the terminal on standard input and output. An empty answer when it says nothing in time.
pub fn ask() -> io::Result<Answer> {
    let was_raw = crossterm::terminal::is_raw_mode_enabled()?;
    crossterm::terminal::enable_raw_mode()?;
    let reply = exchange();
    if !was_raw {
        crossterm::terminal::disable_raw_mode()?;
    }
    Ok(read(&reply?))
}

fn exchange() -> io::Result<Vec<u8>> {
    let (input, output) = (io::stdin(), io::stdout());
    super::out::write_all(output.as_fd(), QUESTION)?;
    let until = Instant::now() + PATIENCE;
    let mut reply = Vec::new();
    while !ended(&reply) && reply.len() < MOST {
        let left = until.saturating_duration_since(Instant::now());
        let wait = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let mut doors = [PollFd::new(&input, PollFlags::IN)];
        match poll(&mut doors, Some(&wait)) {
            Ok(0) => break,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        let mut piece = [0; 256];
        match rustix::io::read(input.as_fd(), &mut piece) {
            Ok(0) => break,
            Ok(count) => reply.extend_from_slice(&piece[..count]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(reply)
}

/// Whether the answer to the last question (`ESC [ ? … c`) has come.
fn ended(reply: &[u8]) -> bool {
    let Some(start) = reply.windows(3).position(|window| window == b"\x1b[?") else {
        return false;
    };
    let rest = &reply[start + 3..];
    rest.iter()
        .find(|byte| !(byte.is_ascii_digit() || **byte == b';'))
        == Some(&b'c')
}

/// Reads all answers out of the bytes; what is malformed counts as not said.
fn read(reply: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(reply);
    let background = text.split_once("\x1b]11;").and_then(|(_, rest)| {
        let value = rest.split(['\x1b', '\x07']).next()?;
        let mut channels = value
            .strip_prefix("rgb:")
            .or_else(|| value.strip_prefix("rgba:"))?
            .split('/')
            .map(channel);
        Some((channels.next()??, channels.next()??, channels.next()??))
    });
    let column = text
        .split("\x1b[")
        .filter_map(|part| part.split_once('R'))
        .find_map(|(position, _)| {
            let (row, column) = position.split_once(';')?;
            row.parse::<u16>().ok()?;
            column.parse::<u16>().ok()
        });
    Answer {
        background,
        wide_lines: column == Some(3),
    }
}

/// One to four hexadecimal digits, as a part of the largest such number.
fn channel(digits: &str) -> Option<f64> {
    if digits.is_empty() || digits.len() > 4 {
        return None;
    }
    let most = (1_u32 << (4 * digits.len())) - 1;
    u32::from_str_radix(digits, 16)
        .ok()
        .map(|value| f64::from(value) / f64::from(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_are_read_in_every_notation() {
        let dark = read(b"\x1b[12;2R\x1b]11;rgb:1111/1515/1c1c\x1b\\\x1b[?62;4c");
        let (red, _, blue) = dark.background.unwrap();
        assert!(red < 0.07 && blue > 0.1 && !dark.wide_lines);
        assert_eq!(
            read(b"\x1b]11;rgb:ff/ff/ff\x07\x1b[?1c").background,
            Some((1.0, 1.0, 1.0))
        );
        assert_eq!(
            read(b"\x1b]11;rgba:ffff/ffff/ffff/8000\x1b\\").background,
            Some((1.0, 1.0, 1.0))
        );
        assert!(read(b"\x1b[1;3R\x1b[?1c").wide_lines);
    }

    #[test]
    fn litter_counts_as_not_said() {
        for reply in [
            &b""[..],
            b"\x1b[?1;2c",
            b"\x1b]11;rgb:zz/zz/zz\x07",
            b"\x1b]11;rgb:11/22\x07",
            b"jjj\xff\xfe",
            b"\x1b]11;rgb:12345/1/1\x07",
        ] {
            assert_eq!(read(reply), Answer::default(), "{reply:?}");
        }
    }

    #[test]
    fn the_last_answer_ends_the_waiting() {
        assert!(ended(b"\x1b]11;rgb:0/0/0\x1b\\\x1b[?62;22c"));
        for open in [&b""[..], b"\x1b[12;2R", b"\x1b[?62;", b"\x1b[?62u"] {
            assert!(!ended(open), "{open:?}");
        }
    }
}
