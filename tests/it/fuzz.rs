//! The fuzz targets as bounded tests: the same bodies, seeds that never change, inputs that are near to good ones.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::fs;
use std::path::Path;

pub(crate) mod bodies;

/// Pieces of which logs and hostile bytes are made.
const LOG_WORDS: &[&[u8]] = &[
    b"2026-11-21T04:00:00.123Z ",
    b"2026-11-21 04:00:00,123 ERROR ",
    b"Nov 21 04:00:00 web1 app[1]: ",
    b"[10/Oct/2000:13:55:36 -0700] ",
    b"[Fri Sep 09 10:42:29.902022 2011] ",
    b"E1121 04:00:00.1 ",
    b"1764000000.123 ",
    b"{\"ts\":1764000000,",
    b"\"level\":\"error\"}",
    b"level=warn ",
    b"error: ",
    b" DETAIL:  ",
    b"\"GET / HTTP/1.1\" 502 1",
    b"\n",
    b"\n  at x",
    b"\r",
    b"\r\n",
    b"\x1b[31m",
    b"\x1b]52;c;eA==\x07",
    b"\xe2\x80\xae",
    b"\xe2\x80",
    b"\xff\0",
    b"\x08",
    b"[^a]",
    b"\\s",
    b"(",
    b")",
    b"|",
    b"*",
    b"$",
    b"^",
];

/// Numbers that look random and are the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

/// Runs a body on inputs made from the seeds: bytes changed, cut out, doubled, put together, torn off.
fn runs(seeds: &[&[u8]], words: &[&[u8]], count: usize, body: fn(&[u8])) {
    let mut numbers = Numbers(0x0060_11fe_2026_1121);
    for seed in seeds {
        body(seed);
    }
    for _ in 0..count {
        let mut input = seeds[numbers.below(seeds.len())].to_vec();
        for _ in 0..=numbers.below(6) {
            change(&mut input, seeds, words, &mut numbers);
        }
        body(&input);
    }
}

fn change(input: &mut Vec<u8>, seeds: &[&[u8]], words: &[&[u8]], numbers: &mut Numbers) {
    let at = numbers.below(input.len() + 1);
    let until = (at + 1 + numbers.below(24)).min(input.len());
    match numbers.below(7) {
        0 if at < input.len() => input[at] = numbers.byte(),
        1 if at < input.len() => input[at] ^= 1 << numbers.below(8),
        2 => drop(input.drain(at.min(until)..until)),
        3 => input.truncate(at),
        4 => {
            let part = input[at.min(until)..until].to_vec();
            input.splice(at..at, part);
        }
        5 => {
            let other = seeds[numbers.below(seeds.len())];
            let part = &other[numbers.below(other.len() + 1)..];
            input.splice(at..at, part.iter().copied());
        }
        _ => {
            let word = words[numbers.below(words.len())];
            input.splice(at..at, word.iter().copied());
        }
    }
}

/// Every file in a folder of this repository.
fn files(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let files = paths.iter().filter(|path| path.is_file());
    files.map(|path| fs::read(path).unwrap()).collect()
}

fn slices(files: &[Vec<u8>]) -> Vec<&[u8]> {
    files.iter().map(Vec::as_slice).collect()
}

#[test]
fn the_escape_filter_holds_for_any_bytes() {
    let seeds: [&[u8]; 5] = [
        b"12345678\x1b[1;31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\x1bPq\x1b\\",
        b"\x01\x01\x01\x01\x01\x01\x01\x01caf\xc3\xa9 \xe2\x80\xae \xf0\x9f\x98\x80\xcc\x81\t|\x08/",
        b"\x02\x03\x01\x05\x01\x01\x07\x01\x1b[38;2;1;2;3mx\x1b[48:5:99m\x9b31m\xc2\x9b",
        b"87654321\x1b(B\x1b[?1049h\x1b[>4;2m\x1b[999999999999m\x00\x7f\xff\xfe",
        b"",
    ];
    let words: [&[u8]; 8] = [
        b"\x1b",
        b"\x1b[",
        b"\x1b]52;c;",
        b"m",
        b"\xe2\x80\x8b",
        b"\xf3\xa0\x81\x81",
        b"\x9c",
        b"\r",
    ];
    runs(&seeds, &words, 6000, bodies::escapes);
}

#[test]
fn any_checklist_is_read_or_refused_with_places_inside_it() {
    let files: Vec<_> = ["tests/checklists/good", "tests/checklists/bad"]
        .into_iter()
        .flat_map(files)
        .filter(|text| text.len() < 3000)
        .collect();
    let words: [&[u8]; 10] = [
        b"[",
        b"]]\n",
        b"\"",
        b"= ",
        b"\n[step.x]\nrun = ",
        b"{ ",
        b"'''",
        b"\xc3\xa4",
        b"\xf0\x9f\x98\x80",
        b"on = \"all\"\n",
    ];
    runs(&slices(&files), &words, 500, bodies::checklist);
}

#[test]
fn any_journal_is_a_valid_prefix_or_damaged_at_a_line() {
    let whole = files("tests/journals/v1").remove(0);
    let lines: Vec<_> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let short = lines[..4.min(lines.len())].concat();
    let seeds: [&[u8]; 4] = [&short, &whole, b"", b"{}\n"];
    let words: [&[u8]; 5] = [b"\n", b"}\n{", b"\"", b"\0", b"\xff"];
    runs(&seeds, &words, 1200, bodies::journal);
}

#[test]
fn no_bytes_hide_a_secret_from_the_redactor() {
    let seeds: [&[u8]; 5] = [
        b"12345678\x01\x05correct horsepassword=correct horse. \xf8\x00\x05\xf9\x10\x07 \xfa\x40\x09\n\xfb\x90\x03",
        b"\x01\x01\x01\x01\x01\x01\x01\x01\x02\x01abcabcabc\x01cab\nabcababcabcab\nabc\xf8\x33\x04\xf9\x71\x02abcabcab",
        b"\x02\x03\x01\x05\x01\x01\x07\x01\x03\x00aaaaaaaa\x02a'b\"c $d/!\x04ccccccccccccaaaaaaaaaaaa\xff\xff\xff\xfe\x20\x05",
        b"87654321\x01\x08 \xc3\xa9t\xc3\xa9 %\\n*\n\t \r\nx\xf8\x08\x08",
        b"",
    ];
    let words: [&[u8]; 8] = [
        b"\xf8\x01\x04",
        b"\xf9\x50\x06",
        b"\xfa\x9f\x00",
        b"\xfb\x28\x07",
        b"abc",
        b"\n",
        b"\r\n",
        b"correct horse",
    ];
    runs(&seeds, &words, 1500, bodies::redactor);
}

/// Lines of logs as seeds.
const LOGS: [&[u8]; 5] = [
    b"\x052026-11-21T04:00:00.123Z error: x\nNov 21 04:00:00 web1 app[1]: y\n  at x\n",
    b"\x00[10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\" 502 1\r50%\r100%\n{\"ts\":1764000000,\"level\":\"error\"}\n",
    b"2026-11-21 04:00:00,123 ERROR app: failed\nE1121 04:00:00.1 1 x.go:1] y\n1764000000.123 level=warn z",
    b"[^a]|er+or\n2026-11-21 04:00:00 UTC [7] ERROR:  x\nDETAIL:  y\n\n",
    b"",
];

#[test]
fn any_bytes_have_possible_times_or_none() {
    runs(&LOGS, LOG_WORDS, 4000, bodies::times);
}

#[test]
fn no_line_shown_acts_on_a_terminal() {
    runs(&LOGS, LOG_WORDS, 3000, bodies::shown);
}

#[test]
fn lines_taken_in_pieces_are_those_of_the_whole() {
    runs(&LOGS, LOG_WORDS, 3000, bodies::intake);
}

#[test]
fn a_pattern_finds_in_a_block_what_it_finds_in_its_lines() {
    runs(&LOGS, LOG_WORDS, 3000, bodies::patterns);
}

#[test]
fn every_target_has_its_body_and_its_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let (rows, bodies, tests) = (
        read("fuzz/Cargo.toml"),
        read("tests/it/fuzz/bodies.rs"),
        read("tests/it/fuzz.rs"),
    );
    let entries = fs::read_dir(root.join("fuzz/fuzz_targets")).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    for name in &names {
        let target = read(&format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(target.contains(&format!("bodies::{name}(data)")), "{name}");
        assert!(
            rows.contains(&format!("path = \"fuzz_targets/{name}.rs\"")),
            "{name}"
        );
        assert!(
            tests.contains(&format!(", bodies::{name});")),
            "{name} has no test"
        );
    }
    let held = bodies
        .lines()
        .filter_map(|line| line.strip_prefix("pub(crate) fn "));
    let mut held: Vec<_> = held.map(|line| line.split('(').next().unwrap()).collect();
    held.sort_unstable();
    assert_eq!(names, held, "targets and bodies");
}
