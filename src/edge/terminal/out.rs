//! Out: bytes to the terminal, a whole frame at a time.
//!
//! Owns the only writer the screen uses. A frame is held back until it is complete and then leaves in one go between
//! the marks of a synchronized update, so that a terminal never shows half of one; a draw that panics has written
//! nothing. It goes round the lock of standard output, because the panic hook must be able to write at any moment.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// The writer below the screen: collects, and lets go of whole frames. Clones write into the same frame.
#[derive(Debug, Default, Clone)]
pub(super) struct Out(Arc<Mutex<Frame>>);

#[derive(Debug, Default)]
struct Frame {
    bytes: Vec<u8>,
    held: bool,
}

impl Out {
    /// From now on flushing only collects.
    pub(super) fn hold(&self) {
        self.frame().held = true;
    }

    /// Sends what was collected since [`Self::hold`], as one frame.
    pub(super) fn release(&self) -> io::Result<()> {
        self.frame().held = false;
        self.send()
    }

    /// Forgets what was collected: the frame will not be finished.
    pub(super) fn forget(&self) {
        *self.frame() = Frame::default();
    }

    fn frame(&self) -> MutexGuard<'_, Frame> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self) -> io::Result<()> {
        let mut frame = self.frame();
        if frame.held || frame.bytes.is_empty() {
            return Ok(());
        }
        let mut whole = Vec::with_capacity(frame.bytes.len() + BEGIN.len() + END.len());
        whole.extend_from_slice(BEGIN);
        whole.append(&mut frame.bytes);
        whole.extend_from_slice(END);
        let mut end = End { armed: true };
        write_all(io::stdout().as_fd(), &whole)?;
        end.armed = false;
        Ok(())
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame().bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

/// Ends a synchronized update that was cut off, whatever happened.
struct End {
    armed: bool,
}

impl Drop for End {
    fn drop(&mut self) {
        if self.armed {
            // The terminal may be gone; nothing more can be done for it.
            let _gone = write_all(io::stdout().as_fd(), END);
        }
    }
}

/// Writes all of `bytes`, also to a terminal that another program left in non-blocking mode.
pub(super) fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let mut doors = [PollFd::new(&to, PollFlags::OUT)];
                match poll(&mut doors, None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_frame_stays_and_a_forgotten_one_is_gone() {
        let mut out = Out::default();
        out.hold();
        out.write_all(b"half a frame").unwrap();
        out.flush().unwrap();
        assert_eq!(out.frame().bytes, b"half a frame");
        out.forget();
        assert!(out.frame().bytes.is_empty());
        out.release().unwrap();
    }

    #[test]
    fn everything_is_written_through_a_narrow_door() {
        let (reader, writer) = std::io::pipe().unwrap();
        let sent = vec![b'x'; 300_000];
        let count = std::thread::scope(|scope| {
            scope.spawn(|| {
                let writer = writer;
                write_all(writer.as_fd(), &sent).unwrap();
            });
            std::io::copy(&mut { reader }, &mut std::io::sink()).unwrap()
        });
        assert_eq!(count, 300_000);
    }
}
