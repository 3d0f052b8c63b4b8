//! The house keeps its own rules: rings, order, circles, words, openings, sizes, tables, manners.
//!
//! ARCHITECTURE.md says what the rules are and why; `rules` holds them, `scan` reads sources for them. Every rule is
//! shown to fail on made-up sources first, so that silence means something.

use std::fs;
use std::path::Path;

mod rules;
mod scan;

use scan::Source;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the repository that is text, by its path from the root.
fn files() -> Vec<(String, String)> {
    let mut folders = vec![root().to_path_buf()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(root())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if is_made(&name) {
                continue;
            }
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                files.push((name, text));
            }
        }
    }
    files.sort();
    files
}

/// Whether a file or folder of this name is no part of the source: it is made by tools, and nobody commits it.
fn is_made(name: &str) -> bool {
    let below = |folder: &str, made: &[&str]| {
        let rest = name.strip_prefix(folder);
        rest.is_some_and(|rest| made.contains(&rest))
    };
    let of_fuzzing = ["target", "corpus", "artifacts", "coverage", "Cargo.lock"];
    below("", &["target", ".git"]) || below("fuzz/", &of_fuzzing)
}

fn rust(under: &str) -> Vec<Source> {
    let wanted = |path: &str| {
        path.starts_with(under) && Path::new(path).extension().is_some_and(|end| end == "rs")
    };
    files()
        .iter()
        .filter(|(path, _)| wanted(path))
        .map(|(path, text)| Source::new(path, text))
        .collect()
}

fn made_up(files: &[(&str, &str)]) -> Vec<Source> {
    files
        .iter()
        .map(|(path, text)| Source::new(path, text))
        .collect()
}

#[track_caller]
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[track_caller]
fn finds(wrong: &[String], word: &str) {
    assert!(
        wrong.iter().any(|line| line.contains(word)),
        "`{word}` is not in {wrong:?}"
    );
}

#[test]
fn rings_name_only_the_rings_they_may() {
    finds(
        &rules::rings(&made_up(&[(
            "src/domain/id.rs",
            "use crate::edge::git::Git;",
        )])),
        "`domain` may not name",
    );
    finds(
        &rules::rings(&made_up(&[(
            "src/ui/model.rs",
            "fn f() { crate::engine::start(); }",
        )])),
        "engine::start",
    );
    finds(
        &rules::rings(&made_up(&[(
            "src/edge/git.rs",
            "use crate::{domain::id, engine::unit};",
        )])),
        "engine::unit",
    );
    none(&rules::rings(&made_up(&[(
        "src/engine/unit.rs",
        "use crate::port::Clock; use super::feed;",
    )])));
    none(&rules::rings(&rust("src/")));
}

#[test]
fn rooms_of_the_domain_name_only_rooms_before_them() {
    finds(
        &rules::order(&made_up(&[("src/domain/id.rs", "use super::plan::Plan;")])),
        "`id` comes before",
    );
    finds(
        &rules::order(&made_up(&[(
            "src/domain/plan/build.rs",
            "use crate::domain::run::RunState;",
        )])),
        "`plan` comes before",
    );
    finds(
        &rules::order(&made_up(&[("src/domain/misc.rs", "")])),
        "no place",
    );
    none(&rules::order(&rust("src/domain/")));
}

#[test]
fn no_rooms_name_each_other() {
    let circle = [
        ("src/ui/a.rs", "use super::b::B;"),
        ("src/ui/b.rs", "use super::c::C;"),
        ("src/ui/c.rs", "use super::a::A;"),
    ];
    finds(
        &rules::cycles(&made_up(&circle)),
        "ui::a -> ui::b -> ui::c -> ui::a",
    );
    let folders = [
        ("src/ui/x/mod.rs", "pub mod a;"),
        ("src/ui/x/a.rs", "use crate::ui::{y::deep::B, z};"),
        ("src/ui/y/mod.rs", "pub mod deep;"),
        ("src/ui/y/deep.rs", "fn f() { super::super::x::A }"),
    ];
    finds(
        &rules::cycles(&made_up(&folders)),
        "ui::x -> ui::y -> ui::x",
    );
    none(&rules::cycles(&made_up(&[
        ("src/ui/x/mod.rs", "use self::a::A;"),
        ("src/ui/x/a.rs", "use super::X;"),
    ])));
    none(&rules::cycles(&rust("src/")));
}

#[test]
fn no_ring_says_a_word_that_is_not_for_it() {
    for (path, text, word) in [
        ("src/domain/id.rs", "use std::fs;", "std::fs"),
        (
            "src/domain/id.rs",
            "fn f() { chrono::Utc::now(); }",
            "::now(",
        ),
        (
            "src/engine/unit.rs",
            "use tokio::process::Command;",
            "tokio::process",
        ),
        (
            "src/ui/model.rs",
            "async fn f() { tokio::spawn(x) }",
            "tokio",
        ),
        (
            "src/ui/model.rs",
            "use crossterm::terminal;",
            "crossterm::terminal",
        ),
        ("src/port.rs", "use openssh::Session;", "openssh"),
        ("src/edge/git.rs", "use ratatui::Frame;", "edge/terminal"),
    ] {
        finds(&rules::words(&made_up(&[(path, text)])), word);
    }
    none(&rules::words(&made_up(&[(
        "src/domain/id.rs",
        "// std::fs\n#[cfg(test)]\nmod tests { use std::fs; }",
    )])));
    none(&rules::words(&rust("src/")));
}

#[test]
fn every_file_says_what_it_is_for() {
    finds(
        &rules::openings(&made_up(&[("src/a.rs", "use std::fmt;\n")])),
        "opens with 0 lines",
    );
    finds(
        &rules::openings(&made_up(&[("src/a.rs", &"//! x\n".repeat(15))])),
        "opens with 15 lines",
    );
    none(&rules::openings(&rust("src/")));
    none(&rules::openings(&rust("tests/")));
}

#[test]
fn files_and_functions_stay_short() {
    finds(
        &rules::sizes(&made_up(&[("src/a.rs", &"// x\n".repeat(601))])),
        "601 lines",
    );
    let long = format!("fn long() {{\n{}}}\n", "    x();\n".repeat(79));
    finds(
        &rules::sizes(&made_up(&[("src/a.rs", &long)])),
        "`long` has 81 lines",
    );
    none(&rules::sizes(&made_up(&[(
        "src/a.rs",
        &format!(
            "#[cfg(test)]\nmod tests {{\n{}}}\n",
            "    x();\n".repeat(900)
        ),
    )])));
    none(&rules::sizes(&rust("src/")));
}

#[test]
fn no_test_is_left_out_and_none_sleeps() {
    let ignored = concat!("#[test]\n#[ign", "ore]\nfn x() {}");
    finds(
        &rules::patience(&made_up(&[("tests/it/a.rs", ignored)])),
        "is ignored",
    );
    finds(
        &rules::patience(&made_up(&[(
            "tests/it/a.rs",
            "fn x() { std::thread::sleep(y); }",
        )])),
        "sleeps",
    );
    finds(
        &rules::patience(&made_up(&[(
            "src/a.rs",
            "#[cfg(test)]\nmod tests { async fn x() { tokio::time::sleep(y).await } }",
        )])),
        "sleeps",
    );
    none(&rules::patience(&made_up(&[(
        "tests/it/support/wait.rs",
        "fn x() { std::thread::sleep(y); }",
    )])));
    let waits = "fn wait_until(x: X) { while !x() { std::thread::sleep(y); } }";
    none(&rules::patience(&made_up(&[("tests/it/a.rs", waits)])));
    none(&rules::patience(&rust("src/")));
    none(&rules::patience(&rust("tests/")));
}

#[test]
fn what_fuzzing_leaves_behind_is_no_part_of_the_source() {
    let ignored = fs::read_to_string(root().join("fuzz/.gitignore")).unwrap();
    for name in ignored.lines().map(|line| line.trim_end_matches('/')) {
        assert!(is_made(&format!("fuzz/{name}")), "{name}");
    }
    assert!(!is_made("fuzz/fuzz_targets") && !is_made("Cargo.lock"));
}

#[test]
fn no_file_holds_a_secret_or_a_path_of_one_machine() {
    let key = concat!("token = \"ghp", "_0123456789abcdefghijABCDEFGHIJ012345\"");
    finds(&rules::private(&[("a.toml".into(), key.into())]), "a token");
    finds(
        &rules::private(&[("a.md".into(), concat!("see /wo", "rk/main").into())]),
        "a.md:1",
    );
    none(&rules::private(&[(
        "a.md".into(),
        "the work/shared folder".into(),
    )]));
    none(&rules::private(&files()));
}

#[test]
fn every_step_kind_and_every_screen_is_in_its_table() {
    let forgotten = [
        (
            "src/x/mod.rs",
            "pub mod a; pub mod b;\npub static ALL: &[T] = &[a::X];",
        ),
        ("src/x/a.rs", ""),
        ("src/x/b.rs", ""),
    ];
    finds(
        &rules::table("src/x", "static ALL", &made_up(&forgotten)),
        "src/x/b.rs",
    );
    none(&rules::table(
        "src/domain/step",
        "static KINDS",
        &rust("src/domain/step/"),
    ));
    none(&rules::table(
        "src/ui/screen",
        "const SCREENS",
        &rust("src/ui/screen/"),
    ));
}

#[test]
fn every_test_file_is_declared() {
    let main = fs::read_to_string(root().join("tests/it/main.rs")).unwrap();
    for entry in fs::read_dir(root().join("tests/it")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let module =
            path.join("mod.rs").exists() || path.extension().is_some_and(|end| end == "rs");
        assert!(
            !module || name == "main" || main.contains(&format!("mod {name};")),
            "tests/it/main.rs does not declare {name}"
        );
    }
}

#[test]
fn the_map_names_every_room() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(root().join("README.md").exists(), "README.md is missing");
    let mut missing = Vec::new();
    for source in rust("src/") {
        let module = source.module();
        if let [ring, room] = module.as_slice()
            && !map.contains(&format!("`{room}`"))
        {
            missing.push(format!("ARCHITECTURE.md does not name `{room}` of {ring}"));
        }
    }
    none(&missing);
}
