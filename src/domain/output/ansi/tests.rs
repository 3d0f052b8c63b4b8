//! The escape filter: nothing but text and colours passes it, however its input is cut.

use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::*;

fn texts(line: &[u8]) -> Vec<(String, bool)> {
    let spans = spans(line);
    spans
        .into_iter()
        .map(|span| (span.text, span.control))
        .collect()
}

#[test]
fn colours_become_styles_and_their_codes_vanish() {
    let spans = spans(b"a \x1b[1;31mred\x1b[0m b");
    assert_eq!(spans.len(), 3);
    assert_eq!(spans[1].text, "red");
    assert!(spans[1].style.bold);
    assert_eq!(spans[1].style.fg, Some(Color::Ansi16(1)));
    assert_eq!(
        spans[2],
        Span {
            text: " b".to_owned(),
            ..Span::default()
        }
    );
}

#[test]
fn the_style_ends_with_the_line() {
    let mut filter = Filter::default();
    filter.push(b"\x1b[31mred");
    filter.end_line();
    filter.push(b"next");
    assert_eq!(filter.end_line()[0].style, Style::default());
}

#[test]
fn what_grep_and_tput_add_to_colours_is_dropped() {
    assert_eq!(
        plain(b"\x1b[01;31m\x1b[Khit\x1b[m\x1b[K rest\x1b(B"),
        "hit rest"
    );
}

#[test]
fn every_other_sequence_is_shown() {
    assert_eq!(plain(b"\x1b[2Jgone"), "\u{241b}[2Jgone");
    assert_eq!(plain(b"\x1b]0;title\x07"), "\u{241b}]0;title^G");
    assert_eq!(
        plain(b"\x1b]52;c;ZXZpbA==\x1b\\"),
        "\u{241b}]52;c;ZXZpbA==\u{241b}\\"
    );
    assert_eq!(plain(b"\x1bPq\x1b\\"), "\u{241b}Pq\u{241b}\\");
    assert_eq!(plain(b"\x1b[?1049h"), "\u{241b}[?1049h");
    assert_eq!(plain(b"\x1b[>4;2m"), "\u{241b}[>4;2m");
    assert_eq!(
        texts(b"a\x07b"),
        [
            ("a".into(), false),
            ("^G".into(), true),
            ("b".into(), false)
        ]
    );
}

#[test]
fn an_unfinished_sequence_is_shown_at_the_end_of_the_line() {
    assert_eq!(plain(b"x\x1b[31"), "x\u{241b}[31");
    assert_eq!(plain(b"x\x1b"), "x\u{241b}");
    assert_eq!(plain(b"x\x1b("), "x\u{241b}(");
    assert_eq!(plain(b"\x1b[3\x07m"), "\u{241b}[3^Gm");
}

#[test]
fn endless_sequences_are_not_waited_for() {
    let mut line = b"\x1b[".to_vec();
    line.extend([b'1'; 5000]);
    line.push(b'm');
    assert!(plain(&line).len() > 5000);
}

#[test]
fn eight_bit_controls_and_broken_characters_are_shown() {
    assert_eq!(plain(b"a\x9b31mb"), "a\\x9b31mb");
    assert_eq!(plain("a\u{9b}31m".as_bytes()), "a<U+009B>31m");
    assert_eq!(plain(b"caf\xe9!"), "caf\\xe9!");
    assert_eq!(plain(b"\xe2\x82"), "\\xe2\\x82");
    assert_eq!(plain(b"\xf0\x9f\x1b[0mx"), "\\xf0\\x9fx");
    assert_eq!(plain(b"nul\0"), "nul^@");
}

#[test]
fn what_turns_or_hides_text_is_shown() {
    assert_eq!(plain("a\u{202e}b".as_bytes()), "a<U+202E>b");
    assert_eq!(
        plain("a\u{200b}b\u{2066}\u{feff}".as_bytes()),
        "a<U+200B>b<U+2066><U+FEFF>"
    );
    let zalgo = format!("a{}", "\u{301}".repeat(6));
    assert_eq!(
        plain(zalgo.as_bytes()),
        format!("a{}<U+0301><U+0301>", "\u{301}".repeat(4))
    );
}

#[test]
fn tabs_lead_to_the_next_stop_also_behind_wide_characters() {
    assert_eq!(plain(b"a\tb"), "a       b");
    assert_eq!(
        plain("\u{65e5}\u{672c}\tb".as_bytes()),
        "\u{65e5}\u{672c}    b"
    );
    assert_eq!(plain(b"12345678\tb"), "12345678        b");
}

#[test]
fn a_backspace_takes_a_character_back_but_no_control() {
    assert_eq!(plain(b"|\x08/\x08-"), "-");
    assert_eq!(plain(b"\x08a"), "^Ha");
    assert_eq!(plain(b"\x07\x08"), "^G^H");
}

#[test]
fn stripping_keeps_lines_and_tabs_for_patterns() {
    let output = b"\x1b[32mRan 39 tests\x1b[0m\r\nx\ty\r\n\x1b]0;t\x07z\x1b]8;;u\x1b\\!";
    assert_eq!(strip(output), "Ran 39 tests\nx\ty\nz!");
    assert_eq!(strip(b"10%\r20%\n"), "10%\n20%\n");
    assert_eq!(strip(b"\x1b"), "");
    assert_eq!(strip(b"\x1b]never ends\nnext"), "\nnext");
}

/// Bytes that are likely to be a part of something.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(b"\x1b[]();:?0123456789mKHJPX^_\x07\x08\x9b\x9d\r\n\t\\".to_vec()),
        prop::sample::select(vec![
            0xe2, 0x80, 0xae, 0xc2, 0x9b, 0xf0, 0x9f, 0x98, 0x80, 0xcc, 0x81
        ]),
    ];
    prop::collection::vec(byte, 0..200)
}

/// Characters from everywhere, and more of those that are odd.
fn odd() -> impl Strategy<Value = String> {
    let sign = prop_oneof![
        any::<char>(),
        (0_u32..0x2_ffff).prop_filter_map("a character", char::from_u32),
        (0xe_0000_u32..0xe_1000).prop_filter_map("a character", char::from_u32),
        (0x2000_u32..0x2100).prop_filter_map("a character", char::from_u32),
        (0xfd00_u32..0x1_0000).prop_filter_map("a character", char::from_u32),
    ];
    prop::collection::vec(sign, 0..60).prop_map(|signs| signs.into_iter().collect())
}

/// Signs of every width, each with its marks, and tabs.
fn cells() -> impl Strategy<Value = Vec<&'static str>> {
    let cell = prop::sample::select(vec![
        "a",
        "\t",
        "\u{65e5}",
        "e\u{301}",
        "\u{1f600}",
        "\u{ac00}",
        "\u{e4}",
        "o\u{308}\u{304}",
        "\u{ff21}",
        "\u{2500}",
        " ",
    ]);
    prop::collection::vec(cell, 0..60)
}

#[test]
fn fillers_nonsense_and_what_nobody_has_given_a_meaning_are_shown() {
    assert_eq!(plain("\u{3164}\u{115f}".as_bytes()), "<U+3164><U+115F>");
    assert_eq!(plain("\u{ffff}\u{fdd0}".as_bytes()), "<U+FFFF><U+FDD0>");
    assert_eq!(plain("\u{1fffe}".as_bytes()), "<U+1FFFE>");
    assert_eq!(plain("\u{e0100}\u{fe01}".as_bytes()), "<U+E0100><U+FE01>");
    assert_eq!(plain("\u{378}".as_bytes()), "<U+0378>");
    let kept = "gr\u{fc}n \u{65e5}\u{672c} \u{3b1} \u{1f680} \u{e0b0} \u{5d0} \u{2800}";
    assert_eq!(plain(kept.as_bytes()), kept);
}

proptest! {
    #[test]
    fn no_control_ever_comes_out(line in hostile()) {
        let text = plain(&line);
        prop_assert!(!text.chars().any(|c| c.is_control() || is_unseen(c)), "{text:?}");
    }

    #[test]
    fn no_odd_character_comes_out(line in odd()) {
        let text = plain(line.as_bytes());
        let wrong = |c: char| c.is_control() || is_unseen(c) || UNASSIGNED.is_match(&c.to_string());
        prop_assert!(!text.chars().any(wrong), "{text:?}");
        prop_assert!(!text.chars().any(|c| c.width().is_none()), "{text:?}");
    }

    #[test]
    fn tabs_lead_to_the_stops_that_the_widths_of_signs_make(cells in cells()) {
        let text = plain(cells.concat().as_bytes());
        let mut wanted = String::new();
        for cell in &cells {
            if *cell == "\t" {
                let column = wanted.width();
                wanted.push_str(&" ".repeat(TAB - column % TAB));
            } else {
                wanted.push_str(cell);
            }
        }
        prop_assert_eq!(text, wanted);
    }

    #[test]
    fn pieces_cut_anywhere_give_the_same(
        line in hostile(),
        cuts in prop::collection::vec(0_usize..200, 0..12),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(line.len())).collect();
        cuts.extend([0, line.len()]);
        cuts.sort_unstable();
        let mut filter = Filter::default();
        for pair in cuts.windows(2) {
            filter.push(&line[pair[0]..pair[1]]);
        }
        prop_assert_eq!(filter.end_line(), spans(&line));
    }

    #[test]
    fn pieces_of_any_size_give_the_same(line in hostile(), size in 1_usize..7) {
        let mut filter = Filter::default();
        for piece in line.chunks(size) {
            filter.push(piece);
        }
        prop_assert_eq!(filter.end_line(), spans(&line));
    }

    #[test]
    fn stripping_leaves_no_control_but_newline_and_tab(output in hostile()) {
        let text = strip(&output);
        prop_assert!(text.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
    }
}
