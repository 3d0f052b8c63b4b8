//! Reading lists of texts and tables of environment variables.
//!
//! Every entry is read, also behind a bad one, so that all mistakes of a list are reported at once.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use super::rules;
use super::rules::settle;
use super::shape::Shape;
use super::{Located, Problems, Span};

/// What the entries of a list are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Name,
    Glob,
    TagGlob,
}

/// Reads a list of texts; a name that stands there twice is a mistake.
pub(super) fn texts(
    whose: &str,
    items: &[Spanned<DeValue<'_>>],
    item: Item,
    problems: &mut Problems,
) -> Option<Vec<Located<String>>> {
    let mut read: Vec<Located<String>> = Vec::with_capacity(items.len());
    let mut good = true;
    for value in items {
        let span = Span::from(value.span());
        let DeValue::String(text) = value.get_ref() else {
            let shape = if item == Item::Name {
                Shape::Name
            } else {
                Shape::Line
            };
            let _: Option<()> = shape.mistyped(&format!("an entry of {whose}"), value, problems);
            good = false;
            continue;
        };
        let checked = match item {
            Item::Name => rules::name(text).map_err(|why| rules::Refusal::new("is no name", why)),
            Item::Glob => rules::glob(text),
            Item::TagGlob => rules::tag_glob(text),
        };
        let Some(text) =
            settle::<String, _>(&format!("an entry of {whose}"), span, checked, problems)
        else {
            good = false;
            continue;
        };
        if let Some(first) = read.iter().find(|other| other.value == text) {
            problems
                .add(span, format!("`{text}` is in {whose} twice"))
                .expected("again here")
                .also(first.span, "first here");
            good = false;
            continue;
        }
        read.push(Located::new(text, span));
    }
    good.then_some(read)
}

/// Reads environment variables.
pub(super) fn vars(
    whose: &str,
    table: &toml::de::DeTable<'_>,
    problems: &mut Problems,
) -> Option<BTreeMap<String, String>> {
    let mut vars = BTreeMap::new();
    let mut good = true;
    for (key, value) in table {
        let (name, place) = (key.get_ref(), Span::from(key.span()));
        let checked = rules::variable(name);
        let whose = format!("the variable `{name}` in {whose}");
        good &= settle::<String, _>(&whose, place, checked, problems).is_some();
        match value.get_ref() {
            DeValue::String(text) if text.contains('\0') => {
                problems.add(value.span(), format!("{whose} holds a NUL character"));
                good = false;
            }
            DeValue::String(text) => {
                vars.insert(name.to_string(), text.to_string());
            }
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {
                let written = problems.source().part(value.span()).to_owned();
                problems
                    .add(value.span(), format!("{whose} is no text"))
                    .expected("expected a text in quotes")
                    .help(format!("write it in quotes: {name} = \"{written}\""));
                good = false;
            }
            DeValue::Array(_) | DeValue::Table(_) => {
                let _: Option<()> = Shape::Text.mistyped(&whose, value, problems);
                good = false;
            }
        }
    }
    good.then_some(vars)
}
