//! What a value in a file may be, and the keys of a table.
//!
//! A [`Shape`] is the definition of a value, a [`Keys`] that of a table. `read` reads a value by its shape, `table` walks a
//! table along its keys, `schema` tells both as JSON Schema: one definition, no second list. Plain data; the words
//! here say what is expected.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::{Located, Problems, Span};

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A text that is not empty; may have several lines.
    Text,
    /// A text of one line, not empty, without control characters.
    Line,
    /// A name, see `id::check_name`.
    Name,
    /// An ssh destination.
    Destination,
    /// A regular expression.
    Regex,
    /// The name of a git tag.
    TagName,
    /// A strftime pattern that gives the name of a git tag.
    TagPattern,
    /// `true` or `false`.
    Flag,
    /// `true` and nothing else: the key itself is the message.
    True,
    /// A whole number within these bounds.
    Count(u64, u64),
    /// A duration with its unit, longer than nothing.
    Duration,
    /// One of some words.
    Word(fn() -> Vec<Word>),
    /// A list of names.
    Names,
    /// A list of names that is not empty.
    SomeNames,
    /// A name or a list of names that is not empty.
    NameOrNames,
    /// A list of path patterns that is not empty.
    Globs,
    /// A glob of names of tags, or a list of them that is not empty.
    TagGlobs,
    /// Environment variables.
    Vars,
    /// `false` or something else.
    OrFalse(&'static Shape),
    /// A text or a table.
    Either(&'static Shape, &'static Shape),
    /// A table with these keys.
    Table(&'static Keys),
    /// A table whose keys are names that people choose, with an example.
    Map(&'static Shape, &'static str),
    /// A list of tables with these keys.
    Tables(&'static Keys),
}

/// A word that can be chosen, with its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As it is written.
    pub word: String,
    /// One sentence for people.
    pub about: String,
}

/// The words of a type, as its own (de)serialisation has them.
pub fn words<T: schemars::JsonSchema>() -> Vec<Word> {
    let settings = schemars::generate::SchemaSettings::draft07();
    let schema = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut words = Vec::new();
    for word in schema["enum"].as_array().into_iter().flatten() {
        words.push(Word {
            word: text(word),
            about: String::new(),
        });
    }
    for branch in schema["oneOf"].as_array().into_iter().flatten() {
        let about = text(&branch["description"]);
        let single = branch["const"].as_str().into_iter().map(str::to_owned);
        let several = branch["enum"].as_array().into_iter().flatten().map(text);
        words.extend(single.chain(several).map(|word| Word {
            word,
            about: about.clone(),
        }));
    }
    words
}

/// A value that was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text, a name, a word.
    Text(String),
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Count(u64),
    /// A duration.
    Duration(Duration),
    /// Several texts, each with its place.
    Texts(Vec<Located<String>>),
    /// Environment variables.
    Vars(BTreeMap<String, String>),
    /// `false` where something else was possible.
    Off,
}

impl Shape {
    /// What is expected, as it stands behind the word "expected".
    pub fn expected(&self) -> String {
        match self {
            Self::Text | Self::Line => "a text in quotes".to_owned(),
            Self::Name => "a name in quotes".to_owned(),
            Self::Destination => "an ssh destination like \"deploy@web1.example.com\"".to_owned(),
            Self::Regex => "a regular expression in quotes".to_owned(),
            Self::TagName => "the name of a git tag in quotes".to_owned(),
            Self::TagPattern => "a pattern like \"DEPLOYED-%F/%H%M\"".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::True => "true".to_owned(),
            Self::Count(least, most) => format!("a whole number from {least} to {most}"),
            Self::Duration => "a duration in quotes, like \"90s\" or \"5m\"".to_owned(),
            Self::Word(words) => one_of(&words()),
            Self::Names => "a list of names like [\"one\", \"two\"]".to_owned(),
            Self::SomeNames => "a list of names like [\"one\", \"two\"], not empty".to_owned(),
            Self::NameOrNames => "a name or a list of names".to_owned(),
            Self::Globs => "a list of path patterns like [\"*/migrations/*\"]".to_owned(),
            Self::TagGlobs => "a glob like \"v[0-9]*\", or a list of them".to_owned(),
            Self::Vars => "a table of texts like { NAME = \"value\" }".to_owned(),
            Self::OrFalse(shape) => format!("{}, or false", shape.expected()),
            Self::Either(one, other) => format!("{} or {}", one.expected(), other.expected()),
            Self::Table(keys) => format!("a table like {}", keys.like),
            Self::Map(_, like) => format!("a table like {like}"),
            Self::Tables(keys) => format!("a list of tables, each {}", keys.like),
        }
    }

    /// Reports a value of the wrong type.
    pub fn mistyped<T>(
        &self,
        whose: &str,
        value: &Spanned<DeValue<'_>>,
        problems: &mut Problems,
    ) -> Option<T> {
        let is = match value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let is = match (value.get_ref(), self) {
            (DeValue::Boolean(flag), _) => format!("is {flag}"),
            _ => format!("is {is}"),
        };
        self.refuse(whose, value.span().into(), &is, problems)
    }

    /// Reports that a value is not what it may be.
    pub(super) fn refuse<T>(
        &self,
        whose: &str,
        span: Span,
        why: &str,
        problems: &mut Problems,
    ) -> Option<T> {
        problems
            .add(span, format!("{whose} {why}"))
            .expected(format!("expected {}", self.expected()));
        None
    }
}

/// `"a", "b" or "c"`.
pub(super) fn one_of(words: &[Word]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| format!("\"{}\"", word.word))
        .collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
        None => String::new(),
    }
}

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What its value may be.
    pub shape: Shape,
    /// What it is for, for people and editors.
    pub doc: &'static str,
    /// The value it has when it is absent, as JSON; empty = none.
    pub default: &'static str,
    /// Whether it must be there.
    pub required: bool,
}

impl Key {
    /// A key that may be absent and then has no value.
    pub const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self {
            name,
            shape,
            doc,
            default: "",
            required: false,
        }
    }

    /// The same key with the value it has when it is absent, as JSON.
    #[must_use]
    pub const fn or(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    /// The same key, which must be there.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

/// The keys of a table.
#[derive(Debug, Clone, Copy)]
pub struct Keys {
    /// What the table is, with its article: "a step".
    pub title: &'static str,
    /// How it is written, as an example: `"[ssh]"`.
    pub like: &'static str,
    /// All of its keys.
    pub keys: fn() -> Vec<&'static Key>,
    /// Keys of which exactly one must be there; empty = no such rule.
    pub one_of: fn() -> Vec<&'static str>,
    /// Keys of the format that this version does not know yet.
    pub later: &'static [&'static str],
}

/// For [`Keys::one_of`]: there is no such rule.
pub fn no_choice() -> Vec<&'static str> {
    Vec::new()
}
