//! Walking a table along the list of its keys.
//!
//! [`Fields`] finds unknown keys (and says what was meant), tells keys of later versions from mistakes, and reads values by
//! their shapes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;
use toml::Spanned;
use toml::de::DeValue;

use super::shape::{Key, Keys, Shape, Value};
use super::{Located, Problems, Span};
use crate::domain::id::check_name;
use crate::domain::text::similar;

/// A table that is being read.
#[derive(Debug)]
pub struct Fields<'t> {
    /// The table in messages: "[step.code]".
    pub whose: String,
    /// Where the table begins: its name or header.
    pub at: Span,
    entries: Vec<(&'static Key, Span, &'t Spanned<DeValue<'t>>)>,
}

impl<'t> Fields<'t> {
    /// Opens a table: reports what is no table, unknown keys, and keys that must be there and are not.
    pub fn open(
        value: &'t Spanned<DeValue<'t>>,
        at: impl Into<Span>,
        whose: impl Into<String>,
        keys: &'static Keys,
        problems: &mut Problems,
    ) -> Option<Self> {
        let (whose, at) = (whose.into(), at.into());
        let DeValue::Table(table) = value.get_ref() else {
            return Shape::Table(keys).mistyped(&whose, value, problems);
        };
        Some(Self::of(table, at, whose, keys, problems))
    }

    /// Opens what is known to be a table, see [`Fields::open`].
    pub fn of(
        table: &'t toml::de::DeTable<'t>,
        at: Span,
        whose: String,
        keys: &'static Keys,
        problems: &mut Problems,
    ) -> Self {
        let known = (keys.keys)();
        let written = |name: &str| table.iter().any(|(key, _)| key.get_ref() == name);
        let mut entries: Vec<(&'static Key, Span, &'t Spanned<DeValue<'t>>)> = Vec::new();
        for (key, value) in table {
            let (name, span) = (key.get_ref().as_ref(), Span::from(key.span()));
            if let Some(key) = known.iter().find(|key| key.name == name) {
                entries.push((key, span, value));
            } else if keys.later.contains(&name) {
                problems
                    .add(span, format!("`{name}` is not built yet"))
                    .expected("this version of golive cannot do it")
                    .help("take it out for now: nothing is accepted that would not be done");
            } else if let Some(meant) = unknown(name, span, &whose, keys, &known, problems) {
                // It is read as what was meant, so that its value is checked and nothing else seems to be missing.
                let taken = entries.iter().any(|(key, _, _)| key.name == meant.name);
                if !taken && !written(meant.name) {
                    entries.push((meant, span, value));
                }
            }
        }
        for key in known.iter().filter(|key| key.required) {
            if !entries.iter().any(|(known, _, _)| known.name == key.name) {
                problems
                    .absent(at, format!("{whose} has no `{}`", key.name))
                    .expected(format!("expected `{}`, {}", key.name, key.shape.expected()));
            }
        }
        Self { whose, at, entries }
    }

    /// The entries of a table whose keys are names that people choose; names that cannot be names are reported.
    pub fn entries(
        value: &'t Spanned<DeValue<'t>>,
        whose: &str,
        shape: &Shape,
        what: &str,
        problems: &mut Problems,
    ) -> Vec<(Located<String>, &'t Spanned<DeValue<'t>>)> {
        let DeValue::Table(table) = value.get_ref() else {
            let _: Option<()> = shape.mistyped(whose, value, problems);
            return Vec::new();
        };
        let mut entries = Vec::new();
        for (key, value) in table {
            let name = key.get_ref().to_string();
            let span = Span::from(key.span());
            if let Err(why) = check_name(&name) {
                let article = if what.starts_with('e') { "an" } else { "a" };
                let told = if name.is_empty() {
                    "an empty text".to_owned()
                } else {
                    format!("`{name}`")
                };
                problems
                    .add(
                        span,
                        format!("{told} cannot be the name of {article} {what}"),
                    )
                    .expected(why.to_string());
            }
            entries.push((Located::new(name, span), value));
        }
        entries
    }

    /// Where a key stands, when it is there.
    pub fn place(&self, key: &Key) -> Option<Span> {
        self.entry(key).map(|(span, _)| span)
    }

    /// All keys that are there, in the order of the file.
    pub fn present(&self) -> impl Iterator<Item = (&'static Key, Span)> {
        self.entries.iter().map(|(key, span, _)| (*key, *span))
    }

    /// The value of a key as it stands in the file, with the place of the key.
    pub fn entry(&self, key: &Key) -> Option<(Span, &'t Spanned<DeValue<'t>>)> {
        let mut entries = self.entries.iter();
        let found = entries.find(|(known, _, _)| known.name == key.name);
        found.map(|(_, span, value)| (*span, *value))
    }

    /// Reads a key by its shape; `None` when it is absent or was reported.
    pub fn value(&self, key: &Key, problems: &mut Problems) -> Option<Located<Value>> {
        let (_, value) = self.entry(key)?;
        let whose = format!("`{}` in {}", key.name, self.whose);
        let read = key.shape.read(&whose, value, problems)?;
        Some(Located::new(read, value.span()))
    }

    /// Reads a text; `None` also for `false`.
    pub fn text(&self, key: &Key, problems: &mut Problems) -> Option<Located<String>> {
        let found = self.value(key, problems)?;
        match found.value {
            Value::Text(text) => Some(Located::new(text, found.span)),
            _ => None,
        }
    }

    /// Reads what may be `false`: `Some(None)` for `false`, `None` when it is absent.
    pub fn text_or_off(&self, key: &Key, problems: &mut Problems) -> Option<Option<String>> {
        match self.value(key, problems)?.value {
            Value::Text(text) => Some(Some(text)),
            Value::Off => Some(None),
            _ => None,
        }
    }

    /// Reads `true` or `false`; absent is `false`.
    pub fn flag(&self, key: &Key, problems: &mut Problems) -> bool {
        let found = self.value(key, problems).map(|found| found.value);
        found == Some(Value::Flag(true))
    }

    /// Reads a number.
    pub fn count(&self, key: &Key, problems: &mut Problems) -> Option<u64> {
        match self.value(key, problems)?.value {
            Value::Count(count) => Some(count),
            _ => None,
        }
    }

    /// Reads a duration.
    pub fn duration(&self, key: &Key, problems: &mut Problems) -> Option<Duration> {
        match self.value(key, problems)?.value {
            Value::Duration(time) => Some(time),
            _ => None,
        }
    }

    /// Reads a list of texts.
    pub fn texts(&self, key: &Key, problems: &mut Problems) -> Option<Vec<Located<String>>> {
        match self.value(key, problems)?.value {
            Value::Texts(texts) => Some(texts),
            _ => None,
        }
    }

    /// Reads environment variables; absent is none.
    pub fn vars(&self, key: &Key, problems: &mut Problems) -> BTreeMap<String, String> {
        match self.value(key, problems).map(|found| found.value) {
            Some(Value::Vars(vars)) => vars,
            _ => BTreeMap::new(),
        }
    }

    /// Reads a word of a type that is written as one.
    pub fn word<T: DeserializeOwned>(&self, key: &Key, problems: &mut Problems) -> Option<T> {
        let word = self.text(key, problems)?.value;
        let reader: StrDeserializer<'_, serde::de::value::Error> =
            word.as_str().into_deserializer();
        T::deserialize(reader).ok()
    }
}

/// Reports a key that the table does not have; returns the key that was meant, when one is near.
fn unknown(
    name: &str,
    span: Span,
    whose: &str,
    keys: &Keys,
    known: &[&'static Key],
    problems: &mut Problems,
) -> Option<&'static Key> {
    let near = similar(name, known.iter().map(|key| key.name));
    let problem = problems.add(span, format!("unknown key `{name}` in {whose}"));
    problem.expected(format!("not a key of {}", keys.title));
    if near.is_some() {
        problem.maybe(near);
    } else {
        let names: Vec<&str> = known.iter().map(|key| key.name).collect();
        problem.help(format!("{} has the keys {}", keys.title, names.join(", ")));
    }
    known.iter().copied().find(|key| Some(key.name) == near)
}
