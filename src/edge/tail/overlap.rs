//! What was received of a file that was cut short, kept to see where its new beginning was received already.
//!
//! `tail` itself goes on at the beginning of a file that shrank, so that the last bytes that came may be the first ones
//! of the new content. [`Recent`] finds the longest end of what came that is such a beginning.

use std::collections::VecDeque;

use bytes::Bytes;

/// How much is kept, in bytes.
const KEPT: usize = 256 * 1024;
/// Shorter pieces are copied: they would keep a whole block each.
const WHOLE: usize = 32 * 1024;

/// The last bytes that came.
#[derive(Debug, Default)]
pub(super) struct Recent {
    pieces: VecDeque<Piece>,
    len: usize,
}

/// Some bytes that came one after another.
#[derive(Debug)]
enum Piece {
    Whole(Bytes),
    Copied(Vec<u8>),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Copied(bytes) => bytes,
        }
    }
}

impl Recent {
    /// Takes what came.
    pub(super) fn push(&mut self, bytes: &Bytes) {
        self.len += bytes.len();
        match self.pieces.back_mut() {
            _ if bytes.len() >= WHOLE => self.pieces.push_back(Piece::Whole(bytes.clone())),
            Some(Piece::Copied(last)) if last.len() < WHOLE => last.extend_from_slice(bytes),
            _ => self.pieces.push_back(Piece::Copied(bytes.to_vec())),
        }
        while let Some(first) = self.pieces.front().map(|first| first.bytes().len())
            && self.len - first >= KEPT
        {
            self.pieces.pop_front();
            self.len -= first;
        }
    }

    /// How much is known now.
    pub(super) fn len(&self) -> usize {
        self.len.min(KEPT)
    }

    /// How many bytes of `beginning` are the last ones that came: the most that can be.
    pub(super) fn overlap(&self, beginning: &[u8]) -> usize {
        // The search of Knuth, Morris and Pratt, for what is found at the very end.
        let mut borders = vec![0; beginning.len()];
        let mut length = 0;
        for at in 1..beginning.len() {
            while length > 0 && beginning[at] != beginning[length] {
                length = borders[length - 1];
            }
            length += usize::from(beginning[at] == beginning[length]);
            borders[at] = length;
        }
        let came = self.pieces.iter().flat_map(Piece::bytes);
        let before = self.len.saturating_sub(beginning.len().min(KEPT));
        let mut found = 0;
        for byte in came.skip(before) {
            while found > 0 && (found == beginning.len() || beginning[found] != *byte) {
                found = borders[found - 1];
            }
            found += usize::from(!beginning.is_empty() && beginning[found] == *byte);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_overlap_is_the_longest_end_that_is_a_beginning(
            came in "[ab]{0,20}", beginning in "[ab]{0,12}",
        ) {
            let mut recent = Recent::default();
            for byte in came.as_bytes() {
                recent.push(&Bytes::copy_from_slice(&[*byte]));
            }
            let expected = (0..=beginning.len())
                .rev()
                .find(|length| came.ends_with(&beginning[..*length]));
            prop_assert_eq!(Some(recent.overlap(beginning.as_bytes())), expected);
        }
    }

    #[test]
    fn only_the_last_bytes_are_known_however_they_came() {
        for size in [1, 1000, WHOLE - 1, WHOLE, 2 * WHOLE, 3 * KEPT] {
            let mut recent = Recent::default();
            for piece in vec![b'a'; 3 * KEPT].chunks(size) {
                recent.push(&Bytes::copy_from_slice(piece));
            }
            recent.push(&Bytes::from_static(b"bc"));
            assert_eq!(recent.len(), KEPT);
            assert_eq!(recent.overlap(b"abcd"), 3);
            assert_eq!(recent.overlap(&vec![b'a'; 2 * KEPT]), 0);
            let held: usize = recent.pieces.iter().map(|piece| piece.bytes().len()).sum();
            assert!(held == recent.len && held <= KEPT + size.max(2 * WHOLE));
        }
    }
}
