//! The memory that what sources give is read into, and handed on in without a copy.
//!
//! A block is filled, given away, and filled again when everybody has let go of it: who follows a loud log does not ask
//! the system for fresh memory 64 KiB at a time. Nobody waits here: when all blocks are still held, a new one is made.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// How much is read at once, in bytes.
const BLOCK: usize = 64 * 1024;
/// So many blocks are kept to be filled again: what may be on its way, and what is remembered.
const KEPT: usize = 24;

/// Blocks of one source.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// Those that were given away, the oldest first.
    given: VecDeque<Bytes>,
}

impl Blocks {
    /// What comes next of a stream; no bytes at its end. Nothing is lost when this is given up before it answers.
    pub(super) async fn read(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> std::io::Result<Bytes> {
        let mut block = self.next();
        stream.read_buf(&mut block).await?;
        let bytes = block.freeze();
        if self.given.len() < KEPT {
            self.given.push_back(bytes.clone());
        }
        Ok(bytes)
    }

    /// An empty block.
    fn next(&mut self) -> BytesMut {
        let oldest = self.given.pop_front().map(Bytes::try_into_mut);
        match oldest {
            Some(Ok(mut free)) => {
                free.clear();
                // It has the room already, in front or behind.
                free.reserve(BLOCK);
                return free;
            }
            Some(Err(held)) => self.given.push_front(held),
            None => {}
        }
        BytesMut::with_capacity(BLOCK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_block_is_filled_again_only_when_everybody_has_let_go_of_it() {
        let mut blocks = Blocks::default();
        let text = vec![b'x'; 3 * BLOCK];
        let mut stream = &text[..];
        let first = blocks.read(&mut stream).await.unwrap();
        let place = first.as_ptr();
        assert_eq!(first.len(), BLOCK);
        let held = first.slice(7..9);
        drop(first);
        let second = blocks.read(&mut stream).await.unwrap();
        assert_ne!(second.as_ptr(), place);
        assert_eq!(&held[..], b"xx");
        drop(held);
        let third = blocks.read(&mut &b"short"[..]).await.unwrap();
        assert_eq!((&third[..], third.as_ptr()), (&b"short"[..], place));
        drop(third);
        let fourth = blocks.read(&mut stream).await.unwrap();
        assert_eq!(
            fourth.len(),
            BLOCK,
            "a block that was not full is whole again"
        );
        assert_eq!(second.len(), BLOCK);
        assert!(blocks.read(&mut stream).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn no_more_blocks_are_kept_than_are_needed() {
        let mut blocks = Blocks::default();
        let text = vec![b'x'; 2 * KEPT * BLOCK];
        let mut stream = &text[..];
        let mut held = Vec::new();
        for _ in 0..2 * KEPT {
            held.push(blocks.read(&mut stream).await.unwrap());
        }
        assert_eq!(blocks.given.len(), KEPT);
    }
}
