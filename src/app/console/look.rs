//! How the console looks: the theme that fits the terminal, and the lists of themes and keys.

use std::fmt::Write as _;

use std::path::Path;

use serde_json::json;

use super::super::args::{ColorWhen, Global};
use super::super::report::{Code, Failure};
use crate::edge::paths::Folders;
use crate::edge::terminal::query;
use crate::edge::terminal::sense::{self, ColourWish, Colours, Env, Page};
use crate::ui::keymap;
use crate::ui::theme::{Catalog, Depth, Look, Shade, Theme};

/// The themes that ship with golive and those of the user; a file that cannot be read is an error.
fn catalog(folders: &Folders) -> Result<Catalog, Failure> {
    let mut catalog = Catalog::shipped();
    let Ok(entries) = std::fs::read_dir(folders.config.join("themes")) else {
        return Ok(catalog);
    };
    let mut files: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    files.sort();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|kind| kind == "toml"))
    {
        add(&mut catalog, file)?;
    }
    Ok(catalog)
}

fn add(catalog: &mut Catalog, file: &Path) -> Result<(), Failure> {
    let path = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(Code::Usage, format!("could not read {path}: {error}")))?;
    catalog.add(&path, &text).map(drop).map_err(|error| {
        let mut failure = Failure::new(Code::Usage, error.to_string()).details(error.snippet());
        failure.help.extend(error.help());
        failure
    })
}

/// Chooses the theme. Asks the terminal about its page, so this comes before the screen is taken.
pub(super) fn choose(global: &Global, folders: &Folders, env: &Env) -> Result<Theme, Failure> {
    let wish = match global.color {
        ColorWhen::Auto => ColourWish::Auto,
        ColorWhen::Always => ColourWish::Always,
        ColorWhen::Never => ColourWish::Never,
    };
    let colours = sense::colours(wish, env);
    let answer = if sense::may_ask(env) {
        query::ask().unwrap_or_default()
    } else {
        query::Answer::default()
    };
    let page = sense::page(answer.background, env);
    let look = Look {
        depth: match colours {
            Colours::None => Depth::None,
            Colours::Sixteen => Depth::Ansi16,
            Colours::TwoFiftySix => Depth::Ansi256,
            Colours::All => Depth::True,
        },
        ascii: sense::ascii(global.ascii, env) || answer.wide_lines,
    };
    let shade = match page {
        Page::Dark => Shade::Dark,
        Page::Light => Shade::Light,
        Page::Unknown => Shade::Any,
    };
    let name = sense::theme(global.theme.as_deref(), None, page, colours, env);
    catalog(folders)?
        .load_for(&name, shade, look)
        .map_err(|error| {
            let failure = Failure::new(Code::Usage, error.to_string());
            match error.help() {
                Some(help) => failure.help(help),
                None => failure.help("golive themes lists them"),
            }
        })
}

/// The themes, one a line.
pub fn themes(global: &Global) -> Result<String, Failure> {
    let folders =
        Folders::from_environment().map_err(|error| Failure::from_error(Code::Usage, &error))?;
    let catalog = catalog(&folders)?;
    let shade = |shade: Shade| match shade {
        Shade::Dark => "dark",
        Shade::Light => "light",
        Shade::Any => "any",
    };
    if global.json {
        let names: Vec<_> = catalog
            .names()
            .map(|(name, kind)| json!({ "name": name, "kind": shade(kind) }))
            .collect();
        return Ok(format!("{}\n", json!(names)));
    }
    let lines = catalog
        .names()
        .map(|(name, kind)| format!("{name:24} {}\n", shade(kind)));
    Ok(lines.collect())
}

/// The key table.
pub fn keys(json: bool) -> String {
    let rows = keymap::table();
    if json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({
                    "action": row.id, "keys": row.keys, "group": row.group,
                    "about": row.words, "changes": row.changes,
                })
            })
            .collect();
        return format!("{}\n", json!(rows));
    }
    let mut text = String::new();
    for row in rows {
        let sign = if row.changes { '!' } else { ' ' };
        let keys = row.keys.join(" ");
        let _ = writeln!(
            text,
            "{:8} {keys:16} {sign} {:18} {}",
            row.group, row.id, row.words
        );
    }
    text + "! = can change a server, and asks first\n"
}
