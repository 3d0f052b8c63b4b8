//! The documents say what is true: the README names every key, flag, event and exit code, its first checklist is taken,
//! its pictures are there, and what a document leads to exists. That the map names every room is tested with the house.

#![expect(clippy::unwrap_used, reason = "what a test reads must be there")]

use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use golive::app::args::Cli;
use golive::domain::checklist::{self, keys};
use golive::ui::keymap;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The texts between fences of this kind.
fn blocks(text: &str, kind: &str) -> Vec<String> {
    let opening = format!("```{kind}\n");
    let parts = text.split(&opening).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap().to_owned())
        .collect()
}

/// Every file below a folder that ends so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|end| end == ending) {
            found.push(path);
        }
    }
    found
}

#[track_caller]
fn holds(document: &str, wanted: impl IntoIterator<Item = String>) {
    let missing: Vec<String> = wanted
        .into_iter()
        .filter(|word| !document.contains(word))
        .collect();
    assert!(missing.is_empty(), "not named: {missing:#?}");
}

#[test]
fn the_first_checklist_of_the_readme_is_taken() {
    let blocks = blocks(&document("README.md"), "toml");
    let first = blocks.iter().find(|block| block.contains("[[stage]]"));
    let read = checklist::read("releases.toml", first.unwrap());
    if let Err(problems) = read {
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", shown.join("\n\n"));
    }
}

#[test]
fn the_ssh_form_of_the_first_checklist_is_taken_too() {
    let blocks = blocks(&document("README.md"), "toml");
    let first = blocks.iter().find(|block| block.contains("[[stage]]"));
    let over_ssh = blocks.iter().find(|block| block.contains("deploy@web1"));
    let (head, rest) = first.unwrap().split_once("[env.staging]").unwrap();
    let (_, steps) = rest.split_once("[step.tests]").unwrap();
    let text = format!("{head}{}\n[step.tests]{steps}", over_ssh.unwrap());
    assert!(checklist::read("releases.toml", &text).is_ok(), "{text}");
}

#[test]
fn the_readme_names_every_key_of_the_format() {
    let readme = document("README.md");
    let words = keys::every_key().into_iter().map(|key| key.name);
    let missing: Vec<&str> = words
        .filter(|word| {
            let forms = [
                format!("`{word}`"),
                format!("`{word} = "),
                format!("[{word}]"),
                format!("[{word}."),
                format!("{{ {word} = "),
                format!("\n{word} "),
            ];
            !forms.iter().any(|form| readme.contains(form))
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_readme_names_every_command_and_every_flag() {
    let readme = document("README.md");
    let cli = Cli::command();
    let mut commands = vec![&cli];
    let mut words = Vec::new();
    while let Some(command) = commands.pop() {
        let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
        for sub in shown.filter(|sub| sub.get_name() != "help") {
            words.push(sub.get_name().to_owned());
            commands.push(sub);
        }
        let flags = command.get_arguments().filter_map(clap::Arg::get_long);
        let flags = flags.filter(|flag| !["help", "version", "file", "verbose"].contains(flag));
        words.extend(flags.map(|flag| format!("--{flag}")));
    }
    holds(&readme, words);
}

#[test]
fn the_readme_names_every_event() {
    let source = document("src/domain/run/event.rs");
    let (_, events) = source.split_once("pub enum Event {").unwrap();
    let names = events.lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?.strip_suffix(" {")?;
        let variant = name.starts_with(|c: char| c.is_ascii_uppercase());
        variant.then(|| snake(name))
    });
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    assert!(names.len() > 10, "{names:?}");
    holds(&document("README.md"), names);
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[test]
fn every_key_the_readme_teaches_exists() {
    let readme = document("README.md");
    let (_, table) = readme.split_once("| key | does |\n|---|---|\n").unwrap();
    let known: Vec<&str> = keymap::table()
        .iter()
        .flat_map(|row| row.keys.iter().copied())
        .collect();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    for row in rows {
        let keys = row.split('|').nth(1).unwrap();
        for key in keys.split('`').skip(1).step_by(2) {
            assert!(known.contains(&key), "{key} in {row}");
        }
    }
}

#[test]
fn every_file_a_document_leads_to_is_there() {
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
    ] {
        let text = document(name);
        for part in text.split("](").skip(1) {
            let target = part.split(')').next().unwrap();
            let target = target.split('#').next().unwrap();
            if !target.is_empty() && !target.contains("://") {
                assert!(root().join(target).exists(), "{name} leads to {target}");
            }
        }
        let folders = ["src/", "tests/", "fuzz/", "benches/", "examples/"];
        let is_path = |word: &&str| {
            let mut letters = word.chars();
            folders.iter().any(|folder| word.starts_with(folder))
                && !letters.any(|c| c.is_whitespace() || c.is_ascii_uppercase())
        };
        for word in text.split('`').filter(is_path) {
            // The map calls a file as its module is called.
            let is_there = root().join(word).exists() || root().join(format!("{word}.rs")).exists();
            assert!(is_there, "{name} names {word}");
        }
    }
}

#[test]
fn the_pictures_show_nothing_of_the_machine_they_were_made_on() {
    let pictures = files(&root().join("docs/pictures"), "svg");
    assert!(pictures.len() >= 3, "{pictures:?}");
    for picture in pictures {
        let text = fs::read_to_string(&picture).unwrap();
        for word in ["/tmp", "/home", "/root", "/Users", "root@"] {
            assert!(!text.contains(word), "{} shows {word}", picture.display());
        }
        // The size of every picture is the same, so that a page does not jump when they are made anew.
        assert!(
            text.contains("viewBox=\"0 0 1036 694\""),
            "{}",
            picture.display()
        );
    }
}
