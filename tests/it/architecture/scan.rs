//! Scanning: Rust text without its comments, strings and tests, so that rules can look for words in it.
//!
//! Not a parser: it knows just enough of the language (comments, strings, characters, braces, `#[cfg(test)]`) to tell
//! code from everything else. Lines and columns stay where they were: what is left out becomes blanks.

use std::collections::BTreeSet;
use std::ops::Range;

use regex::Regex;

/// One source file.
pub(super) struct Source {
    /// From the root of the repository, with `/`.
    pub(super) path: String,
    /// As it is on disk.
    pub(super) text: String,
    /// Without comments, strings and tests.
    pub(super) code: String,
    /// Only the tests, without comments and strings.
    pub(super) tests: String,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let bare = strip(text);
        let all_tests =
            path.starts_with("tests/") || path.ends_with("/tests.rs") || path.contains("/tests/");
        let ranges = if all_tests {
            std::iter::once(0..bare.len()).collect()
        } else {
            test_ranges(&bare)
        };
        let inside = |at: usize| {
            ranges
                .iter()
                .any(|range: &Range<usize>| range.contains(&at))
        };
        let only = |wanted: bool| {
            let keep = |(at, letter): (usize, char)| {
                if letter == '\n' || inside(at) == wanted {
                    letter
                } else {
                    ' '
                }
            };
            bare.char_indices().map(keep).collect::<String>()
        };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: only(false),
            tests: only(true),
        }
    }

    /// The module the file is: `src/domain/run/mod.rs` is `[domain, run]`, `src/lib.rs` is `[]`.
    pub(super) fn module(&self) -> Vec<String> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let mut parts: Vec<String> = path.split('/').map(str::to_owned).collect();
        if parts
            .last()
            .is_some_and(|last| last == "mod" || last == "lib")
        {
            parts.pop();
        }
        parts
    }

    /// The lines of the file that are no tests, comments and blank lines between code included.
    pub(super) fn size(&self) -> usize {
        let tested = self
            .tests
            .lines()
            .filter(|line| !line.trim().is_empty())
            .count();
        self.text.lines().count().saturating_sub(tested)
    }

    /// The functions that are no tests: name and number of lines.
    pub(super) fn functions(&self) -> Vec<(String, usize)> {
        let head = Regex::new(r"\bfn\s+([A-Za-z_]\w*)").unwrap();
        head.captures_iter(&self.code)
            .filter_map(|found| {
                let open = body(&self.code, found.get(0)?.end())?;
                let close = matching(&self.code, open)?;
                let lines = self.code[found.get(0)?.start()..close]
                    .matches('\n')
                    .count()
                    + 1;
                Some((found[1].to_owned(), lines))
            })
            .collect()
    }

    /// The tests without the bodies of their loops, which may sleep between two looks.
    pub(super) fn without_loops(&self) -> String {
        let head = Regex::new(r"\b(while|loop)\b").unwrap();
        let mut tests = self.tests.clone();
        for found in head.find_iter(&self.tests) {
            let open = body(&self.tests, found.end());
            if let Some((open, close)) =
                open.and_then(|open| Some((open, matching(&self.tests, open)?)))
            {
                let blank: String = self.tests[open..close]
                    .chars()
                    .map(|letter| if letter == '\n' { '\n' } else { ' ' })
                    .collect();
                tests.replace_range(
                    open..close,
                    &format!("{blank:<width$}", width = close - open),
                );
            }
        }
        tests
    }

    /// Every path the code names that begins with `crate`, `golive`, `super` or `self`, from the root of the crate.
    pub(super) fn paths(&self) -> BTreeSet<Vec<String>> {
        let mut found = BTreeSet::new();
        let mut rest = self.code.clone();
        let used = Regex::new(r"\buse\s+([^;]+);").unwrap();
        for statement in used.captures_iter(&self.code) {
            for path in spread(&statement[1]) {
                found.extend(self.absolute(&path));
            }
            let range = statement.get(0).unwrap().range();
            rest.replace_range(range.clone(), &" ".repeat(range.len()));
        }
        let inline = Regex::new(r"\b(?:crate|golive|super|self)(?:::[A-Za-z_]\w*)+").unwrap();
        for path in inline.find_iter(&rest) {
            let parts: Vec<String> = path.as_str().split("::").map(str::to_owned).collect();
            found.extend(self.absolute(&parts));
        }
        found
    }

    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let mut at = self.module();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" | "golive" => {
                at.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            _ => return None,
        }
        at.extend(rest.iter().cloned());
        Some(at)
    }
}

/// `a::{b, c::{d, self}}` as `a::b`, `a::c::d`, `a::c`.
fn spread(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        let parts = path.split("::").map(|part| part.trim().to_owned());
        return vec![
            parts
                .filter(|part| !part.is_empty() && part != "*")
                .collect(),
        ];
    };
    let head: Vec<String> = tree[..open]
        .split("::")
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    let close = matching(tree, open).unwrap_or(tree.len());
    let (mut depth, mut start, mut pieces) = (0, open + 1, Vec::new());
    for (at, letter) in tree[..close]
        .char_indices()
        .skip_while(|(at, _)| *at <= open)
    {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                pieces.push(&tree[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&tree[start..close]);
    let whole = pieces
        .into_iter()
        .filter(|piece| !piece.trim().is_empty())
        .flat_map(spread);
    whole
        .map(|tail| {
            let tail = tail
                .into_iter()
                .enumerate()
                .filter(|(at, part)| *at > 0 || part != "self")
                .map(|(_, part)| part);
            head.iter().cloned().chain(tail).collect()
        })
        .collect()
}

/// Where the body of a function opens; `None` when it has none.
fn body(code: &str, from: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, letter) in code[from..].char_indices() {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(from + at),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// The place just after the brace that closes the one at `open`.
fn matching(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, letter) in code[open..].char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(open + at);
                }
            }
            _ => {}
        }
    }
    None
}

fn test_ranges(bare: &str) -> Vec<Range<usize>> {
    let mark = Regex::new(r"#\[cfg\((?:all\()?test\b").unwrap();
    mark.find_iter(bare)
        .map(|found| {
            let after = bare[found.end()..]
                .find(']')
                .map_or(found.end(), |at| found.end() + at + 1);
            let end = match body(bare, after) {
                Some(open) => matching(bare, open).map_or(bare.len(), |close| close + 1),
                None => bare[after..]
                    .find(';')
                    .map_or(bare.len(), |at| after + at + 1),
            };
            found.start()..end
        })
        .collect()
}

/// Blanks comments and what is inside strings and characters.
fn strip(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut bare = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        let end = match letters[at] {
            '/' if letters.get(at + 1) == Some(&'/') => line_end(&letters, at),
            '/' if letters.get(at + 1) == Some(&'*') => comment_end(&letters, at),
            '"' => string_end(&letters, at),
            'r' if is_raw(&letters, at) => raw_end(&letters, at),
            '\'' => char_end(&letters, at),
            letter => {
                bare.push(letter);
                at += 1;
                continue;
            }
        };
        bare.extend(
            letters[at..end]
                .iter()
                .map(|letter| if *letter == '\n' { '\n' } else { ' ' }),
        );
        at = end;
    }
    bare
}

fn line_end(letters: &[char], at: usize) -> usize {
    letters[at..]
        .iter()
        .position(|letter| *letter == '\n')
        .map_or(letters.len(), |count| at + count)
}

fn comment_end(letters: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < letters.len() {
        match (letters[at], letters.get(at + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                at += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    letters.len()
}

fn string_end(letters: &[char], at: usize) -> usize {
    let mut next = at + 1;
    while next < letters.len() && letters[next] != '"' {
        next += if letters[next] == '\\' { 2 } else { 1 };
    }
    (next + 1).min(letters.len())
}

fn is_raw(letters: &[char], at: usize) -> bool {
    let word = |letter: &char| letter.is_alphanumeric() || *letter == '_';
    let joined = at > 0
        && word(&letters[at - 1])
        && !(letters[at - 1] == 'b' && (at < 2 || !word(&letters[at - 2])));
    let hashes = letters[at + 1..]
        .iter()
        .take_while(|letter| **letter == '#')
        .count();
    !joined && letters.get(at + 1 + hashes) == Some(&'"')
}

fn raw_end(letters: &[char], at: usize) -> usize {
    let hashes = letters[at + 1..]
        .iter()
        .take_while(|letter| **letter == '#')
        .count();
    let mut next = at + hashes + 2;
    while next < letters.len() {
        if letters[next] == '"'
            && letters[next + 1..]
                .iter()
                .take(hashes)
                .filter(|letter| **letter == '#')
                .count()
                == hashes
        {
            return next + 1 + hashes;
        }
        next += 1;
    }
    letters.len()
}

/// The end of a character, or just after the quote of a lifetime.
fn char_end(letters: &[char], at: usize) -> usize {
    match (letters.get(at + 1), letters.get(at + 2)) {
        (Some('\\'), _) => {
            let from = at + 3;
            let close = letters[from.min(letters.len())..]
                .iter()
                .position(|letter| *letter == '\'');
            close.map_or(letters.len(), |count| from + count + 1)
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(paths: &BTreeSet<Vec<String>>) -> Vec<String> {
        paths.iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn comments_strings_and_characters_are_no_code() {
        let text = "let a = \"std::fs\"; // std::net\nlet b = r#\"std::\"env\"#; /* a /* b */ tokio */ let c = '\"'; let d: &'static str;";
        let bare = strip(text);
        for word in ["std", "tokio", "\""] {
            assert!(!bare.contains(word), "{bare}");
        }
        assert!(
            bare.contains("let c = ") && bare.contains("static str;"),
            "{bare}"
        );
        assert_eq!(bare.lines().count(), text.lines().count());
        assert!(strip(r"let quote = '\''; let next = tokio;").contains("tokio"));
    }

    #[test]
    fn tests_are_told_from_code() {
        let source = Source::new(
            "src/domain/id.rs",
            "//! x\nfn one() {}\n#[cfg(test)]\nmod tests {\n    fn two() { sleep(); }\n}\nfn three() {}\n",
        );
        assert!(source.code.contains("three") && !source.code.contains("two"));
        assert!(source.tests.contains("two") && !source.tests.contains("one"));
        assert_eq!(source.size(), 3);
    }

    #[test]
    fn every_way_of_naming_a_path_is_seen() {
        let source = Source::new(
            "src/domain/run/apply.rs",
            "use std::fs;\nuse crate::domain::{id::{RunId, self}, plan as p};\nuse super::event::*;\nfn f() { crate::edge::git::x(); super::super::text::y() }\n",
        );
        assert_eq!(
            joined(&source.paths()),
            [
                "domain::id",
                "domain::id::RunId",
                "domain::plan",
                "domain::run::event",
                "domain::text::y",
                "edge::git::x"
            ]
        );
    }

    #[test]
    fn functions_are_measured_from_head_to_brace() {
        let source = Source::new(
            "src/a.rs",
            "trait T { fn none(&self, x: [u8; 3]); }\nfn one(\n    x: u8,\n) -> u8 {\n    x\n}\n",
        );
        assert_eq!(source.functions(), [("one".to_owned(), 5)]);
    }
}
