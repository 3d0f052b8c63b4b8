//! What was received of a file last, kept to tell whether it still is what it was.
//!
//! Where a file is opened again, the bytes before that place have to be those that were received: else it was cut short
//! and has grown meanwhile. And `tail` itself goes on at the beginning of a file that shrank, so that the last bytes that
//! came may be the first ones of the new content: [`Recent`] finds the longest end of what came that is such a beginning.

use std::collections::VecDeque;

use bytes::Bytes;

/// How much is kept, in bytes.
pub(super) const KEPT: usize = 256 * 1024;
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

    /// Whether these were the last bytes that came.
    pub(super) fn ends_with(&self, bytes: &[u8]) -> bool {
        let Some(before) = self.len.checked_sub(bytes.len()) else {
            return false;
        };
        let came = self.pieces.iter().flat_map(Piece::bytes);
        came.skip(before).eq(bytes)
    }

    /// How many of the last bytes of what came, and `then` behind it, are the first ones of the content that begins with
    /// `beginning`: the most that can be, and at most `most`.
    pub(super) fn overlap(&self, then: &[u8], beginning: &[u8], most: usize) -> usize {
        let all = self.len + then.len();
        let most = most.min(self.len() + then.len());
        if beginning.is_empty() || most == 0 {
            return 0;
        }
        // The search of Knuth, Morris and Pratt, for what is found as a whole or at the very end.
        let mut borders = vec![0; beginning.len()];
        let mut length = 0;
        for at in 1..beginning.len() {
            while length > 0 && beginning[at] != beginning[length] {
                length = borders[length - 1];
            }
            length += usize::from(beginning[at] == beginning[length]);
            borders[at] = length;
        }
        let came = self.pieces.iter().flat_map(Piece::bytes).chain(then);
        let mut found = 0;
        for (at, byte) in came.enumerate().skip(all - most) {
            while found > 0 && beginning[found] != *byte {
                found = borders[found - 1];
            }
            found += usize::from(beginning[found] == *byte);
            if found == beginning.len() {
                return found + (all - at - 1);
            }
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
            came in "[ab]{0,20}", then in "[ab]{0,9}", beginning in "[ab]{0,12}", most in 0_usize..30,
        ) {
            let mut recent = Recent::default();
            for byte in came.as_bytes() {
                recent.push(&Bytes::copy_from_slice(&[*byte]));
            }
            let text = format!("{came}{then}");
            let fits = |length: &usize| {
                let end = &text[text.len() - length..];
                let known = beginning.len().min(*length);
                known > 0 && end[..known] == beginning[..known]
            };
            let expected = (0..=text.len().min(most)).rev().find(fits).unwrap_or(0);
            let found = recent.overlap(then.as_bytes(), beginning.as_bytes(), most);
            prop_assert_eq!(found, expected);
            prop_assert!(recent.ends_with(came.as_bytes()));
            prop_assert_eq!(recent.ends_with(then.as_bytes()), came.ends_with(&then));
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
            assert_eq!(recent.overlap(b"", b"abcd", KEPT), 3);
            assert_eq!(recent.overlap(b"dbc", b"abcd", KEPT), 6);
            assert_eq!(recent.overlap(b"", &vec![b'a'; 2 * KEPT], KEPT), 0);
            let held: usize = recent.pieces.iter().map(|piece| piece.bytes().len()).sum();
            assert!(held == recent.len && held <= KEPT + size.max(2 * WHOLE));
        }
    }
}
