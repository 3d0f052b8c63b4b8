//! What was received of a file that was cut short, kept to see where its new beginning was received already.
//!
//! `tail` itself goes on at the beginning of a file that shrank, so that the last bytes that came may be the first ones
//! of the new content. [`Recent`] finds the longest end of what came that is such a beginning.

use std::collections::VecDeque;

/// How much is kept, in bytes.
const KEPT: usize = 256 * 1024;

/// The last bytes that came.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<u8>);

impl Recent {
    /// Takes what came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(KEPT)..];
        let over = (self.0.len() + bytes.len()).saturating_sub(KEPT);
        self.0.drain(..over);
        self.0.extend(bytes);
    }

    /// How much is kept now.
    pub(super) fn len(&self) -> usize {
        self.0.len()
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
        let last = self.0.len().saturating_sub(beginning.len());
        let mut found = 0;
        for byte in self.0.range(last..) {
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
                recent.push(&[*byte]);
            }
            let expected = (0..=beginning.len())
                .rev()
                .find(|length| came.ends_with(&beginning[..*length]));
            prop_assert_eq!(Some(recent.overlap(beginning.as_bytes())), expected);
        }
    }

    #[test]
    fn only_the_last_bytes_are_kept() {
        let mut recent = Recent::default();
        recent.push(&vec![b'a'; KEPT]);
        recent.push(b"bc");
        assert_eq!(recent.len(), KEPT);
        assert_eq!(recent.overlap(b"abcd"), 3);
    }
}
