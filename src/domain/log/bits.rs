//! A bit for each of some lines.
//!
//! Lines that were never set are 0, also behind the end: nobody has to say how many there are. Runs are skipped 64
//! lines a step.

use std::ops::Range;

/// Bits, by the number of a line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Bits {
    words: Vec<u64>,
    /// How many are set: every look wants to know of all blocks.
    count: u64,
}

impl Bits {
    /// None is set.
    pub(super) const fn new() -> Self {
        Self {
            words: Vec::new(),
            count: 0,
        }
    }

    /// Sets the bit of a line.
    pub(super) fn set(&mut self, line: usize) {
        self.or_word(line / 64, 1 << (line % 64));
    }

    /// Sets bits of the 64 lines that begin at `64 * at`.
    pub(super) fn or_word(&mut self, at: usize, bits: u64) {
        if self.words.len() <= at {
            self.words.resize(at + 1, 0);
        }
        self.count += u64::from((bits & !self.words[at]).count_ones());
        self.words[at] |= bits;
    }

    /// Replaces the bits of the 64 lines that begin at `64 * at`.
    pub(super) fn put_word(&mut self, at: usize, bits: u64) {
        self.or_word(at, 0);
        self.count -= u64::from(self.words[at].count_ones());
        self.count += u64::from(bits.count_ones());
        self.words[at] = bits;
    }

    /// The bits of the 64 lines that begin at `64 * at`.
    pub(super) fn word(&self, at: usize) -> u64 {
        self.words.get(at).copied().unwrap_or(0)
    }

    /// The bit of a line.
    pub(super) fn get(&self, line: usize) -> bool {
        self.word(line / 64) >> (line % 64) & 1 == 1
    }

    /// Clears the bits of the first lines.
    pub(super) fn clear_before(&mut self, count: usize) {
        for (at, word) in self.words.iter_mut().enumerate() {
            let gone = *word & mask(at, 0, count);
            self.count -= u64::from(gone.count_ones());
            *word ^= gone;
        }
    }

    /// How many bits are set in a range.
    pub(super) fn count(&self, range: Range<usize>) -> u64 {
        words(range)
            .map(|(at, mask)| u64::from((self.word(at) & mask).count_ones()))
            .sum()
    }

    /// The first (or last) line of a range whose bit is set.
    pub(super) fn nearest(&self, range: Range<usize>, back: bool) -> Option<usize> {
        let end = range.end.min(self.words.len() * 64);
        let mut words = words(range.start..end).map(|(at, mask)| (at, self.words[at] & mask));
        if back {
            let (at, word) = words.rfind(|(_, word)| *word != 0)?;
            Some(at * 64 + word.ilog2() as usize)
        } else {
            let (at, word) = words.find(|(_, word)| *word != 0)?;
            Some(at * 64 + word.trailing_zeros() as usize)
        }
    }

    /// How many bits are set.
    pub(super) fn total(&self) -> u64 {
        self.count
    }
}

/// The words of a range of lines, each with the mask of those of its lines that are in the range.
pub(super) fn words(range: Range<usize>) -> impl DoubleEndedIterator<Item = (usize, u64)> {
    let Range { start, end } = range;
    let last = if start < end { end.div_ceil(64) } else { 0 };
    (start / 64..last).map(move |at| (at, mask(at, start, end)))
}

/// The lines of a word that are in a range.
pub(super) fn mask(at: usize, start: usize, end: usize) -> u64 {
    let low = start.saturating_sub(at * 64).min(64);
    let high = end.saturating_sub(at * 64).min(64);
    below(high) & !below(low)
}

/// The `count` lowest bits.
pub(super) fn below(count: usize) -> u64 {
    if count >= 64 {
        u64::MAX
    } else {
        (1 << count) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_in_any_range() {
        let mut bits = Bits::default();
        for line in [0, 63, 64, 130, 200] {
            bits.set(line);
        }
        for start in 0..210 {
            for end in 0..220 {
                let naive = (start..end).filter(|line| bits.get(*line)).count() as u64;
                assert_eq!(bits.count(start..end), naive, "{start}..{end}");
            }
        }
        for start in 0..210 {
            for end in 0..300 {
                let mut naive = (start..end).filter(|line| bits.get(*line));
                assert_eq!(bits.nearest(start..end, true), naive.clone().next_back());
                assert_eq!(bits.nearest(start..end, false), naive.next());
            }
        }
        assert_eq!(bits.total(), 5);
        assert!(!bits.get(100_000));
        bits.set(63);
        bits.or_word(1, 0b101);
        bits.put_word(3, 0b11);
        assert_eq!((bits.total(), bits.count(0..300)), (7, 7));
        bits.clear_before(65);
        assert_eq!((bits.total(), bits.count(0..300)), (4, 4));
    }

    #[test]
    fn words_of_a_range_hold_its_lines_only() {
        assert_eq!(words(3..3).count(), 0);
        assert_eq!(words(62..66).collect::<Vec<_>>(), [(0, 3 << 62), (1, 3)]);
        assert_eq!(words(64..128).collect::<Vec<_>>(), [(1, u64::MAX)]);
    }
}
