//! What differs within a line that was changed: the words of the old one that are gone, those of the new one that came.
//!
//! Owns how lines are cut into words and when two lines are too different to say more than that. Bounded: long lines are
//! compared at their ends only.

use std::ops::Range;

/// More words than this in the middle of a line are not compared one by one.
const MOST_WORDS: usize = 160;

/// Lines of more bytes than this are changed as a whole.
const LONGEST: usize = 1 << 16;

/// Which bytes of `old` are not in `new`, and the other way round, in order and on the bounds of characters. Both empty
/// when the lines are the same, or have so little in common that all of them is changed.
pub fn changed(old: &str, new: &str) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    if old == new || old.len().max(new.len()) > LONGEST {
        return (Vec::new(), Vec::new());
    }
    let (was, is) = (words(old), words(new));
    let same = |a: &Range<usize>, b: &Range<usize>| old[a.clone()] == new[b.clone()];
    let begin = was.iter().zip(&is).take_while(|(a, b)| same(a, b)).count();
    let (was_rest, is_rest) = (&was[begin..], &is[begin..]);
    let ends = was_rest.iter().rev().zip(is_rest.iter().rev());
    let end = ends.take_while(|(a, b)| same(a, b)).count();
    let was_middle = &was_rest[..was_rest.len() - end];
    let is_middle = &is_rest[..is_rest.len() - end];
    let kept = if was_middle.len().max(is_middle.len()) > MOST_WORDS {
        Vec::new()
    } else {
        common(was_middle.len(), is_middle.len(), |a, b| {
            same(&was_middle[a], &is_middle[b])
        })
    };
    let gone = without(was_middle, kept.iter().map(|(a, _)| *a));
    let came = without(is_middle, kept.iter().map(|(_, b)| *b));
    let letters = |line: &str, parts: &[Range<usize>]| -> usize {
        let solid = |part: &Range<usize>| line[part.clone()].trim().len();
        parts.iter().map(solid).sum()
    };
    let all = old.trim().len().max(new.trim().len());
    let touched = letters(old, &gone).max(letters(new, &came));
    // What is mostly other than before is read as a new line.
    if touched * 2 > all {
        return (Vec::new(), Vec::new());
    }
    (joined(old, gone), joined(new, came))
}

/// A line cut into words, runs of spaces, and single other signs.
fn words(line: &str) -> Vec<Range<usize>> {
    #[derive(PartialEq, Clone, Copy)]
    enum Kind {
        Word,
        Space,
        Sign,
    }
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut before = Kind::Sign;
    for (at, c) in line.char_indices() {
        let kind = match c {
            _ if c.is_alphanumeric() || c == '_' => Kind::Word,
            _ if c.is_whitespace() => Kind::Space,
            _ => Kind::Sign,
        };
        let end = at + c.len_utf8();
        match words.last_mut() {
            Some(word) if kind == before && kind != Kind::Sign => word.end = end,
            _ => words.push(at..end),
        }
        before = kind;
    }
    words
}

/// The longest common part of two rows of words, as pairs of places.
fn common(olds: usize, news: usize, same: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
    let wide = news + 1;
    let mut longest = vec![0_u16; (olds + 1) * wide];
    for a in (0..olds).rev() {
        for b in (0..news).rev() {
            longest[a * wide + b] = if same(a, b) {
                longest[(a + 1) * wide + b + 1] + 1
            } else {
                longest[(a + 1) * wide + b].max(longest[a * wide + b + 1])
            };
        }
    }
    let (mut a, mut b) = (0, 0);
    let mut pairs = Vec::new();
    while a < olds && b < news {
        if same(a, b) {
            pairs.push((a, b));
            (a, b) = (a + 1, b + 1);
        } else if longest[(a + 1) * wide + b] >= longest[a * wide + b + 1] {
            a += 1;
        } else {
            b += 1;
        }
    }
    pairs
}

/// The words that are not kept.
fn without(words: &[Range<usize>], kept: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut is_kept = vec![false; words.len()];
    for at in kept {
        is_kept[at] = true;
    }
    let left = words.iter().zip(is_kept).filter(|(_, kept)| !kept);
    left.map(|(word, _)| word.clone()).collect()
}

/// Parts that touch, or have only spaces between them, become one.
fn joined(line: &str, parts: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    for part in parts {
        match out.last_mut() {
            Some(last) if line[last.end..part.start].trim().is_empty() => last.end = part.end,
            _ => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
        let (gone, came) = changed(old, new);
        let of = |line: &str, parts: Vec<Range<usize>>| {
            let parts = parts.into_iter();
            parts.map(|part| line[part].to_owned()).collect()
        };
        (of(old, gone), of(new, came))
    }

    #[test]
    fn words_that_changed_are_told() {
        let (gone, came) = told("let sum = total(a, b);", "let sum = total(a, c, b);");
        assert_eq!(gone, Vec::<String>::new());
        assert_eq!(came, ["c, "]);
        let (gone, came) = told("timeout = 30", "timeout = 45");
        assert_eq!((gone[0].as_str(), came[0].as_str()), ("30", "45"));
    }

    #[test]
    fn lines_with_little_in_common_have_no_words_marked() {
        assert_eq!(told("alpha beta gamma", "one two three"), (vec![], vec![]));
        assert_eq!(told("same", "same"), (vec![], vec![]));
    }

    #[test]
    fn a_line_without_end_is_compared_at_its_ends_only() {
        let long = "a b ".repeat(10_000);
        let (old, new) = (format!("begin {long}end"), format!("begin x {long}end"));
        assert_eq!(told(&old, &new).1, ["x "]);
    }

    proptest! {
        #[test]
        fn what_is_left_of_both_lines_is_the_same(old in "[ab ,é漢]{0,24}", new in "[ab ,é漢]{0,24}") {
            let (gone, came) = changed(&old, &new);
            if gone.is_empty() && came.is_empty() {
                return Ok(());
            }
            let rest = |line: &str, parts: &[Range<usize>]| {
                let mut at = 0;
                let mut out = String::new();
                for part in parts {
                    out.push_str(&line[at..part.start]);
                    at = part.end;
                }
                out + &line[at..]
            };
            let bare = |text: String| text.replace(' ', "");
            prop_assert_eq!(bare(rest(&old, &gone)), bare(rest(&new, &came)));
        }
    }
}
