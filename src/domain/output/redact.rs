//! The redactor: secrets in output become asterisks, as many as they had bytes.
//!
//! [`Mask`] knows every form of every value (see [`forms`](super::forms)) as one automaton for those that stand in one
//! piece and one for those that may be broken into lines; [`Redactor`] reads output in pieces of any size. What comes
//! out is what masking the whole at once would give: all that belongs to any form is `*`, line ends stay, and nothing
//! changes its place. Held back is only the longest end that may still become a form, so that a prompt appears at once.

use std::collections::VecDeque;
use std::sync::Arc;

use super::forms::{Forms, LONE};
use crate::domain::secret::Vault;

/// What stands for a byte of a secret.
const STAR: u8 = b'*';

/// All forms of some secrets, ready to be looked for. Cheap to clone.
#[derive(Clone, Default)]
pub struct Mask(Option<Arc<[Automaton; 2]>>);

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask(********)")
    }
}

impl Mask {
    /// The mask for all values of a vault; one without values masks nothing and costs nothing.
    pub fn of(vault: &Vault) -> Self {
        Self::of_values(vault.each().map(|(_, secret)| secret.reveal()))
    }

    /// The mask for these values.
    pub fn of_values<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut forms = Forms::default();
        for value in values {
            forms.add(value);
        }
        if forms.solid.is_empty() && forms.broken.is_empty() {
            return Self(None);
        }
        let solid = Automaton::of(&forms.solid, false);
        let broken = Automaton::of(&forms.broken, true);
        Self(Some(Arc::new([solid, broken])))
    }

    /// Whether it masks nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// A reader of one output.
    pub fn redactor(&self) -> Redactor {
        Redactor::of(self.clone())
    }

    /// A whole text, masked.
    pub fn bytes(&self, text: &[u8]) -> Vec<u8> {
        let mut redactor = self.redactor();
        let mut out = redactor.push(text);
        out.extend(redactor.finish());
        out
    }

    /// A whole text, masked.
    pub fn text(&self, text: &str) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }
}

/// Masks one output as it comes. Its memory is the end that is held back.
#[derive(Debug)]
pub struct Redactor {
    mask: Mask,
    readers: [Reader; 2],
    /// Bytes that were taken and not given out; what is known to be secret in them is masked already.
    held: Vec<u8>,
    /// How many bytes were given out.
    given: u64,
    /// How many bytes were taken.
    taken: u64,
    /// Up to here everything from `given` on is known to be secret.
    covered: u64,
}

impl Redactor {
    fn of(mask: Mask) -> Self {
        Self {
            mask,
            readers: Default::default(),
            held: Vec::new(),
            given: 0,
            taken: 0,
            covered: 0,
        }
    }

    /// Takes the next bytes; returns those that are settled.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(automata) = self.mask.0.clone() else {
            return bytes.to_vec();
        };
        self.held.extend_from_slice(bytes);
        // Ranges that are secret, apart from each other and in order.
        let mut secret: Vec<(u64, u64)> = Vec::new();
        for byte in bytes {
            for (automaton, reader) in automata.iter().zip(&mut self.readers) {
                if let Some(start) = reader.step(automaton, *byte, self.taken) {
                    let mut start = start.max(self.given);
                    while let Some(last) = secret.pop_if(|last| last.1 >= start) {
                        start = start.min(last.0);
                    }
                    secret.push((start, self.taken + 1));
                }
            }
            self.taken += 1;
        }
        for (start, end) in secret {
            if start <= self.covered {
                self.covered = self.covered.max(end);
            }
            let (from, to) = ((start - self.given) as usize, (end - self.given) as usize);
            for byte in &mut self.held[from..to] {
                if !matches!(byte, b'\n' | b'\r') {
                    *byte = STAR;
                }
            }
        }
        let waits = self.readers.iter().zip(automata.iter());
        let open = waits.map(|(reader, automaton)| reader.open(automaton, self.taken));
        let open = open.min().unwrap_or(self.taken);
        // What is known to be secret already waits for nothing.
        let settled = open.max(self.covered.min(self.taken));
        self.give(settled)
    }

    /// The end of the output: what was held back.
    pub fn finish(&mut self) -> Vec<u8> {
        self.readers = Default::default();
        self.give(self.taken)
    }

    /// Whether it masks nothing: then nothing need go through it.
    pub fn is_idle(&self) -> bool {
        self.mask.is_empty()
    }

    /// How many bytes are held back.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Forgets what is held back and what it may become: it will be taken again.
    pub fn forget(&mut self) {
        self.readers = Default::default();
        self.held.clear();
        self.taken = self.given;
        self.covered = self.given;
    }

    fn give(&mut self, until: u64) -> Vec<u8> {
        let count = (until.max(self.given) - self.given) as usize;
        let rest = self.held.split_off(count);
        self.given += count as u64;
        self.covered = self.covered.max(self.given);
        std::mem::replace(&mut self.held, rest)
    }
}

/// Where one automaton stands in an output.
#[derive(Debug, Default)]
struct Reader {
    state: u32,
    /// Where each byte of the form that has begun stands; only kept for forms that line ends may break.
    places: VecDeque<u64>,
    /// How many bytes were read that are no line ends; only counted for such forms.
    read: u64,
    /// How many had been read at each line end since the form began.
    breaks: VecDeque<u64>,
}

impl Reader {
    /// Takes the byte at a place; returns where a form begins that ends with it, the longest one.
    fn step(&mut self, automaton: &Automaton, byte: u8, at: u64) -> Option<u64> {
        if automaton.broken && matches!(byte, b'\n' | b'\r') {
            // A line end inside of an encoded value counts for nothing, unless what has begun may well be chance.
            if (automaton.nodes[self.state as usize].depth as usize) < LONE {
                self.state = 0;
                self.places.clear();
                self.breaks.clear();
            } else {
                self.breaks.push_back(self.read);
            }
            return None;
        }
        self.state = automaton.next(self.state, byte);
        if automaton.broken {
            return self.step_broken(automaton, at);
        }
        let length = automaton.nodes[self.state as usize].longest;
        (length > 0).then(|| at + 1 - u64::from(length))
    }

    /// The same for forms that line ends may break: one that had hardly begun at a line end is none, though it began
    /// inside of another that had.
    fn step_broken(&mut self, automaton: &Automaton, at: u64) -> Option<u64> {
        self.read += 1;
        self.places.push_back(at);
        while !self.may_be_broken(automaton.nodes[self.state as usize].depth) {
            self.state = automaton.nodes[self.state as usize].fallback;
        }
        let depth = automaton.nodes[self.state as usize].depth as usize;
        self.places.drain(..self.places.len() - depth);
        let begin = self.read - depth as u64;
        while self.breaks.front().is_some_and(|broken| *broken <= begin) {
            self.breaks.pop_front();
        }
        let mut state = self.state;
        while automaton.nodes[state as usize].longest > 0 {
            let node = &automaton.nodes[state as usize];
            if node.longest == node.depth && self.may_be_broken(node.depth) {
                return self.places.get(depth - node.depth as usize).copied();
            }
            state = node.fallback;
        }
        None
    }

    /// Whether the first line end in the last `length` bytes comes after enough of them.
    fn may_be_broken(&self, length: u32) -> bool {
        let begin = self.read - u64::from(length);
        let first = self.breaks.iter().find(|broken| **broken > begin);
        first.is_none_or(|broken| *broken - begin >= LONE as u64)
    }

    /// The first byte that may still become part of a form; the place behind the last one when there is none.
    fn open(&self, automaton: &Automaton, taken: u64) -> u64 {
        let open = automaton.nodes[self.state as usize].open as usize;
        if open == 0 {
            taken
        } else if automaton.broken {
            let at = self.places.len() - open;
            self.places.get(at).copied().unwrap_or(taken)
        } else {
            taken - open as u64
        }
    }
}

/// A state: what was read ends with the beginning of a form (Aho and Corasick, 1975).
#[derive(Debug, Default, Clone)]
struct Node {
    byte: u8,
    /// The first state that one more byte leads to; 0 = none.
    child: u32,
    /// The next one with the same parent; 0 = none.
    sibling: u32,
    /// The longest shorter beginning that it ends with as well.
    fallback: u32,
    /// How long it is.
    depth: u32,
    /// The longest form that ends here; 0 = none.
    longest: u32,
    /// How much of it may become a longer form.
    open: u32,
}

struct Automaton {
    nodes: Vec<Node>,
    /// The states of one byte.
    first: Box<[u32; 256]>,
    /// Line ends inside of a form count for nothing.
    broken: bool,
}

impl Automaton {
    fn of<'a>(forms: impl IntoIterator<Item = &'a Vec<u8>>, broken: bool) -> Self {
        let mut automaton = Self {
            nodes: vec![Node::default()],
            first: Box::new([0; 256]),
            broken,
        };
        for form in forms {
            automaton.add(form);
        }
        automaton.connect();
        automaton
    }

    fn child(&self, state: u32, byte: u8) -> Option<u32> {
        if state == 0 {
            let next = self.first[usize::from(byte)];
            return (next != 0).then_some(next);
        }
        let mut next = self.nodes[state as usize].child;
        while next != 0 {
            let node = &self.nodes[next as usize];
            if node.byte == byte {
                return Some(next);
            }
            next = node.sibling;
        }
        None
    }

    fn next(&self, mut state: u32, byte: u8) -> u32 {
        loop {
            if let Some(next) = self.child(state, byte) {
                return next;
            }
            if state == 0 {
                return 0;
            }
            state = self.nodes[state as usize].fallback;
        }
    }

    fn add(&mut self, form: &[u8]) {
        let mut state = 0;
        for byte in form {
            state = self.child(state, *byte).unwrap_or_else(|| {
                let new = self.nodes.len() as u32;
                let parent = &mut self.nodes[state as usize];
                let sibling = std::mem::replace(&mut parent.child, new);
                let depth = parent.depth + 1;
                self.nodes.push(Node {
                    byte: *byte,
                    sibling,
                    depth,
                    ..Node::default()
                });
                if state == 0 {
                    self.first[usize::from(*byte)] = new;
                }
                new
            });
        }
        let node = &mut self.nodes[state as usize];
        node.longest = node.depth;
    }

    /// Finds the fallbacks, the shorter beginnings first.
    fn connect(&mut self) {
        let mut queue = VecDeque::from([0_u32]);
        while let Some(state) = queue.pop_front() {
            let (parent_falls, mut child) = {
                let node = &self.nodes[state as usize];
                (node.fallback, node.child)
            };
            while child != 0 {
                let byte = self.nodes[child as usize].byte;
                let fallback = if state == 0 {
                    0
                } else {
                    self.next(parent_falls, byte)
                };
                let shorter = self.nodes[fallback as usize].clone();
                let node = &mut self.nodes[child as usize];
                node.fallback = fallback;
                node.longest = node.longest.max(shorter.longest);
                node.open = if node.child == 0 {
                    shorter.open
                } else {
                    node.depth
                };
                queue.push_back(child);
                child = node.sibling;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mask(values: &[&str]) -> Mask {
        Mask::of_values(values.iter().map(|value| value.as_bytes()))
    }

    fn masked(values: &[&str], text: &str) -> String {
        mask(values).text(text)
    }

    /// What has to come out: every form is looked for everywhere, line ends inside of encoded ones left away.
    fn naive(values: &[&str], text: &[u8]) -> Vec<u8> {
        let mut forms = Forms::default();
        for value in values {
            forms.add(value.as_bytes());
        }
        let mut out = text.to_vec();
        for start in 0..text.len() {
            for form in &forms.solid {
                if text[start..].starts_with(form) {
                    star(&mut out[start..start + form.len()]);
                }
            }
        }
        for form in &forms.broken {
            for start in 0..text.len() {
                let (mut at, mut got) = (start, 0);
                while at < text.len() && got < form.len() {
                    if matches!(text[at], b'\n' | b'\r') && got >= LONE {
                        at += 1;
                    } else if text[at] == form[got] {
                        (at, got) = (at + 1, got + 1);
                    } else {
                        break;
                    }
                }
                if got == form.len() {
                    star(&mut out[start..at]);
                }
            }
        }
        out
    }

    fn star(bytes: &mut [u8]) {
        for byte in bytes.iter_mut().filter(|b| !matches!(b, b'\n' | b'\r')) {
            *byte = STAR;
        }
    }

    #[test]
    fn what_is_secret_becomes_as_many_asterisks() {
        let text = "user=me password=correct horse.";
        assert_eq!(
            masked(&["correct horse"], text),
            "user=me password=*************."
        );
    }

    #[test]
    fn overlapping_values_are_masked_together() {
        assert_eq!(
            masked(&["abcdefgh", "efghijkl"], "xabcdefghijkly"),
            "x************y"
        );
        assert_eq!(masked(&["abababab"], "ababababab!"), "**********!");
    }

    #[test]
    fn encoded_values_are_found_though_they_are_broken_into_lines() {
        // `base64 -w 8` of "xcorrect horsey".
        let text = "eGNvcnJl\nY3QgaG9y\nc2V5\n";
        assert_eq!(
            masked(&["correct horse"], text),
            "eG******\n********\n**V5\n"
        );
    }

    #[test]
    fn only_what_may_become_secret_is_held_back() {
        let mask = mask(&["correct horse"]);
        let mut redactor = mask.redactor();
        assert_eq!(redactor.push(b"Name: "), b"Name: ");
        assert_eq!(redactor.push(b"is it corr"), b"is it ");
        assert_eq!(redactor.held(), 4);
        assert_eq!(redactor.push(b"ect house? "), b"correct house? ");
        assert_eq!(redactor.finish(), b"");
    }

    #[test]
    fn without_secrets_nothing_changes() {
        let mask = Mask::default();
        assert!(mask.is_empty());
        assert_eq!(mask.bytes(b"anything"), b"anything");
    }

    #[test]
    fn what_is_forgotten_can_be_taken_again() {
        let mut redactor = mask(&["correct horse"]).redactor();
        assert_eq!(redactor.push(b"a correct "), b"a ");
        redactor.forget();
        assert_eq!(redactor.push(b"correct horse. "), b"*************. ");
    }

    #[test]
    fn a_line_end_early_in_a_form_counts_also_when_another_form_has_begun_before() {
        // `N` ends the beginning of one form, and is the first letter of another that the line end interrupts.
        assert_eq!(masked(&VALUES, "mNhYmN\njY2NjY2Nj"), "mNhYmN\n*********");
    }

    const VALUES: [&str; 4] = ["abcabcabc", "cab\nabcabcab", "a'b\"c $d/", "ccccccccc"];

    /// Texts that are made of pieces of secrets and their forms.
    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let mut forms = Forms::default();
        for value in VALUES {
            forms.add(value.as_bytes());
        }
        let all: Vec<Vec<u8>> = forms.solid.into_iter().chain(forms.broken).collect();
        let piece = (
            proptest::sample::select(all),
            0..40_usize,
            0..40_usize,
            0..5_u8,
        );
        let piece = piece.prop_map(|(form, from, length, kind)| match kind {
            0 => form,
            1 => b"\n".to_vec(),
            2 => b"abc"[..length % 4].to_vec(),
            _ => {
                let from = from % form.len();
                form[from..(from + length).min(form.len())].to_vec()
            }
        });
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_what_the_whole_gives(
            text in texts(),
            sizes in proptest::collection::vec(0..20_usize, 1..30),
        ) {
            let mask = mask(&VALUES);
            let whole = mask.bytes(&text);
            let mut redactor = mask.redactor();
            let (mut out, mut rest) = (Vec::new(), &text[..]);
            for size in sizes.iter().cycle().take(400) {
                let (now, later) = rest.split_at((*size).min(rest.len()));
                out.extend(redactor.push(now));
                prop_assert_eq!(out.len() + redactor.held() + later.len(), text.len());
                rest = later;
            }
            out.extend(redactor.push(rest));
            out.extend(redactor.finish());
            prop_assert_eq!(&out, &whole);
            prop_assert_eq!(out, naive(&VALUES, &text));
        }
    }
}
