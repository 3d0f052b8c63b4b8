//! What must hold for any input, one function for each fuzz target.
//!
//! The bounded tests beside this file and the targets in `fuzz/` run the same functions. Each takes bytes and panics
//! when a promise is broken; none touches files, clocks or processes.

use golive::domain::checklist;
use golive::domain::output::ansi::{self, is_unseen};
use golive::edge::journal::reader;

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
