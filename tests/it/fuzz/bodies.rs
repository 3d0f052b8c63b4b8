//! What must hold for any input, one function for each fuzz target.
//!
//! The bounded tests beside this file and the targets in `fuzz/` run the same functions. Each takes bytes and panics
//! when a promise is broken; none touches files, clocks or processes.

use chrono::FixedOffset;
use golive::domain::checklist;
use golive::domain::log::intake::{Intake, Taken};
use golive::domain::log::pattern::Matcher;
use golive::domain::log::stamp::Recognizer;
use golive::domain::log::{self, Pattern};
use golive::domain::output::ansi::{self, is_unseen};
use golive::domain::output::forms::{Forms, LONE};
use golive::domain::output::lines::LONGEST;
use golive::domain::output::redact::Mask;
use golive::domain::secret::Secret;
use golive::edge::journal::reader;

/// 2026-11-21, noon in UTC.
const NOON_MS: i64 = 1_795_262_400_000;

/// The first bytes choose where the rest is cut; returns the rest and its pieces.
fn pieces(bytes: &[u8]) -> (&[u8], Vec<&[u8]>) {
    let (cuts, input) = bytes.split_at(bytes.len().min(8));
    let mut rest = input;
    let mut pieces = Vec::new();
    for size in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(usize::from(*size % 37 + 1).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    (input, pieces)
}

/// The escape filter lets nothing out that acts on a terminal, and pieces give what the whole gives.
pub(crate) fn escapes(bytes: &[u8]) {
    let (line, pieces) = pieces(bytes);
    let mut filter = ansi::Filter::default();
    for piece in pieces {
        filter.push(piece);
    }
    let spans = filter.end_line();
    assert_eq!(spans, ansi::spans(line), "pieces differ from the whole");
    for span in &spans {
        let acts = |c: char| c.is_control() || is_unseen(c);
        assert!(!span.text.contains(acts), "{:?} acts", span.text);
    }
    let stripped = ansi::strip(line);
    let acts = |c: char| c != '\n' && c != '\t' && (c.is_control() || is_unseen(c));
    assert!(!stripped.contains(acts), "{stripped:?} acts");
}

/// A checklist is read or refused; every problem has a place inside the text and can be shown.
pub(crate) fn checklist(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Err(problems) = checklist::read("releases.toml", &text) else {
        return;
    };
    assert!(!problems.is_empty(), "refused without a word: {text:?}");
    for problem in &problems {
        let span = problem.span();
        let is_inside = span.start <= span.end && text.get(span.start..span.end).is_some();
        assert!(is_inside, "{span:?} is not in {text:?}");
        let (line, column) = problem.place();
        assert!(line >= 1 && column >= 1, "{line}:{column} in {text:?}");
        assert!(!problem.to_string().is_empty());
    }
}

/// A journal is a valid prefix or damaged at a line it has; what was valid is read the same alone.
pub(crate) fn journal(bytes: &[u8]) {
    match reader::parse(bytes) {
        Ok(reading) => {
            let valid = usize::try_from(reading.valid).unwrap();
            let again = reader::parse(&bytes[..valid]).expect("the valid prefix is a journal");
            assert_eq!(again, reading);
            assert!(
                !bytes[valid..].contains(&b'\n'),
                "whole lines were left out"
            );
        }
        Err((line, _)) => {
            let lines = bytes.split(|byte| *byte == b'\n').count();
            assert!((1..=lines).contains(&line), "line {line} of {lines}");
        }
    }
}

/// Everything secret is masked, nothing changes its place, and pieces give what the whole gives.
///
/// The first bytes choose the pieces; then come up to three values, each behind its length; the rest is text in which
/// a byte above 0xf7 stands for a spelling of a value, chosen and cut by the two bytes behind it.
pub(crate) fn redactor(bytes: &[u8]) {
    let (cuts, input) = bytes.split_at(bytes.len().min(8));
    let (forms, values, text) = secretive(input);
    let mask = Mask::of_values(values.iter().map(Vec::as_slice));
    let whole = mask.bytes(&text);
    let mut redactor = mask.redactor();
    let mut out = Vec::new();
    for piece in pieces(&[cuts, &text].concat()).1 {
        out.extend(redactor.push(piece));
    }
    out.extend(redactor.finish());
    assert_eq!(out, whole, "pieces differ from the whole");
    let secret = secret_places(&forms, &text);
    assert_eq!(whole.len(), text.len(), "something changed its place");
    for (at, (is, was)) in whole.iter().zip(&text).enumerate() {
        let is_end = matches!(was, b'\n' | b'\r');
        assert!(is == was || *is == b'*' && !is_end, "byte {at} changed");
        assert!(*is == b'*' || is_end || !secret[at], "byte {at} is seen");
    }
}

/// Values, their forms, and a text that holds some of them.
fn secretive(input: &[u8]) -> (Forms, Vec<Vec<u8>>, Vec<u8>) {
    let (count, mut rest) = input
        .split_first()
        .map_or((0, input), |(n, rest)| (n % 4, rest));
    let (mut forms, mut values) = (Forms::default(), Vec::new());
    for _ in 0..count {
        let Some((length, after)) = rest.split_first() else {
            break;
        };
        let (value, after) = after.split_at(usize::from(8 + length % 24).min(after.len()));
        rest = after;
        if let Ok(secret) = Secret::new(value.to_vec()) {
            forms.add(secret.reveal());
            values.push(value.to_vec());
        }
    }
    let spelled: Vec<&Vec<u8>> = forms.solid.iter().chain(&forms.broken).collect();
    let mut text = Vec::new();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (0xf8.., [which, cut, after @ ..]) if !spelled.is_empty() => {
                let form = spelled[usize::from(*which) % spelled.len()];
                let cut = usize::from(*cut) % (form.len() + 1);
                text.extend(&form[..cut]);
                text.extend(if byte % 2 == 0 { &b"\r\n"[..] } else { b"" });
                text.extend(&form[cut..]);
                rest = after;
            }
            _ => text.push(*byte),
        }
    }
    drop(spelled);
    (forms, values, text)
}

/// Which bytes belong to a form: each is looked for at each place, line ends inside of encoded ones left away.
fn secret_places(forms: &Forms, text: &[u8]) -> Vec<bool> {
    let mut secret = vec![false; text.len()];
    for start in 0..text.len() {
        for form in &forms.solid {
            if text[start..].starts_with(form) {
                secret[start..start + form.len()].fill(true);
            }
        }
        for form in &forms.broken {
            let (mut at, mut got) = (start, 0);
            while at < text.len() && got < form.len() {
                if text[at] == form[got] {
                    got += 1;
                } else if got < LONE || !matches!(text[at], b'\n' | b'\r') {
                    break;
                }
                at += 1;
            }
            if got == form.len() {
                secret[start..at].fill(true);
            }
        }
    }
    secret
}

/// Times and levels of lines never panic, times are possible, and a block says what its lines say.
pub(crate) fn times(bytes: &[u8]) {
    let mut recognizer = Recognizer::new(FixedOffset::east_opt(3600).expect("an hour"));
    let mut said = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        said.push(log::level::read(line));
        if let Some(ms) = recognizer.read(line, NOON_MS) {
            assert!((-86_400_000..33_000_000_000_000).contains(&ms), "{ms}");
        }
    }
    let mut scanned = Vec::new();
    log::level::scan(bytes, &mut |_, level, goes_on| {
        scanned.push((level, goes_on));
    });
    assert_eq!(scanned, said);
}

/// Nothing that acts on a terminal comes out of a line.
pub(crate) fn shown(bytes: &[u8]) {
    let safe = |text: &str| !text.contains(|c: char| c.is_control() || is_unseen(c));
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        assert!(
            log::shown::shown(line)
                .spans
                .iter()
                .all(|span| safe(&span.text))
        );
        assert!(log::shown::whole(line).iter().all(|line| safe(line)));
    }
}

/// Pieces of any size are the same lines as the whole, and every byte is in one of them.
pub(crate) fn intake(bytes: &[u8]) {
    let (size, bytes) = bytes
        .split_first()
        .map_or((1, bytes), |(size, rest)| (usize::from(*size) + 1, rest));
    let taken = |size: usize| {
        let mut intake = Intake::new(FixedOffset::east_opt(0).expect("no offset"));
        let mut lines = Vec::new();
        let mut take = |line: Taken<'_>| {
            assert!(line.bytes.len() <= LONGEST);
            lines.push((line.bytes.to_vec(), line.len, line.at_ms, line.level));
        };
        for piece in bytes.chunks(size) {
            intake.push(NOON_MS, piece, &mut take);
        }
        intake.finish(NOON_MS, &mut take);
        lines
    };
    let whole = taken(bytes.len().max(1));
    assert_eq!(taken(size), whole);
    let all: u64 = whole.iter().map(|(_, len, ..)| len).sum();
    assert_eq!(all, bytes.len() as u64);
}

/// The first line is a pattern: the rest as a block gives the lines that match by themselves.
pub(crate) fn patterns(bytes: &[u8]) {
    let newline = bytes.iter().position(|byte| *byte == b'\n');
    let (text, block) = bytes.split_at(newline.unwrap_or(bytes.len()));
    let text = String::from_utf8_lossy(text).into_owned();
    for regex in [false, true] {
        let text = text.clone();
        let Ok(matcher) = Matcher::new(&Pattern { text, regex }) else {
            continue;
        };
        let mut scanned = Vec::new();
        matcher.scan(block, &mut |line| scanned.push(line));
        let lines = block.split_inclusive(|byte| *byte == b'\n').enumerate();
        let matching = lines.filter(|(_, line)| matcher.is_match(line));
        let matching: Vec<usize> = matching.map(|(number, _)| number).collect();
        assert_eq!(scanned, matching);
    }
}
