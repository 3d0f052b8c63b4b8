//! What must hold for lines of any bytes: functions for fuzz targets and for the bounded tests beside this file.
//!
//! Each takes bytes and panics when a promise is broken; none touches files, clocks or processes. It names nothing but
//! the library, so that a target may include it by its path.

use chrono::FixedOffset;
use golive::domain::log::intake::Intake;
use golive::domain::log::pattern::Matcher;
use golive::domain::log::stamp::Recognizer;
use golive::domain::log::{Pattern, level, shown};
use golive::domain::output::ansi::is_unseen;
use golive::domain::output::lines::LONGEST;

/// 2026-11-21, noon in UTC.
const NOON_MS: i64 = 1_795_262_400_000;

/// Times and levels of lines never panic, times are possible, and a block says what its lines say.
pub(crate) fn understanding(bytes: &[u8]) {
    let mut recognizer = Recognizer::new(FixedOffset::east_opt(3600).expect("an hour"));
    let mut said = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        said.push(level::read(line));
        if let Some(ms) = recognizer.read(line, NOON_MS) {
            assert!((-86_400_000..33_000_000_000_000).contains(&ms), "{ms}");
        }
    }
    let mut scanned = Vec::new();
    level::scan(bytes, &mut |_, level, goes_on| {
        scanned.push((level, goes_on));
    });
    assert_eq!(scanned, said);
}

/// Nothing that acts on a terminal comes out of a line.
pub(crate) fn showing(bytes: &[u8]) {
    let safe = |text: &str| !text.contains(|c: char| c.is_control() || is_unseen(c));
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        assert!(shown::shown(line).spans.iter().all(|span| safe(&span.text)));
        assert!(shown::whole(line).iter().all(|line| safe(line)));
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
        let mut take = |line: golive::domain::log::intake::Taken<'_>| {
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
