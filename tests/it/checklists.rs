//! Whole checklists: good files are taken, bad files are refused with exactly the message beside them.
//!
//! `UPDATE=1 cargo test --test it checklists` writes the messages anew; read the difference before committing it.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::path::{Path, PathBuf};

use golive::domain::checklist::{self, Checklist};

/// The files of a folder of `tests/checklists`, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/checklists")
        .join(folder);
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    files
}

/// Reads a file that must be good.
fn good(path: &Path) -> Checklist {
    let text = std::fs::read_to_string(path).unwrap();
    checklist::read("releases.toml", &text).unwrap_or_else(|problems| {
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}:\n{}", path.display(), shown.join("\n\n"))
    })
}

#[test]
fn good_files_are_taken() {
    for file in files("good") {
        good(&file);
    }
}

#[test]
fn each_bad_file_is_refused_with_exactly_its_message() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    for file in files("bad") {
        let text = std::fs::read_to_string(&file).unwrap();
        let Err(problems) = checklist::read("releases.toml", &text) else {
            panic!("{} was taken", file.display());
        };
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let shown = shown.join("\n\n") + "\n";
        let snapshot = file.with_extension("stderr");
        if update {
            std::fs::write(&snapshot, &shown).unwrap();
        }
        let expected = std::fs::read_to_string(&snapshot).unwrap_or_default();
        if shown != expected {
            wrong.push(format!(
                "{}\n--- expected\n{expected}--- is\n{shown}",
                file.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
