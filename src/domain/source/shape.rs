//! What a value in a file may be: read with a precise message, described for editors, from one definition.
//!
//! A [`Shape`] is the only place that knows the rule of a value; `table` asks it to read, `schema` tells
//! the same rule as JSON Schema. Readers return `None` only after they have reported a problem.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::lists::{Item, texts, vars};
use super::rules;
use super::table::Keys;
use super::{Located, Problems, Span};
use crate::domain::text::similar;

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
    /// Environment variables.
    Vars,
    /// `false` or something else.
    OrFalse(&'static Shape),
    /// A text or a table.
    Either(&'static Shape, &'static Shape),
    /// A table with these keys.
    Table(&'static Keys),
    /// A table whose keys are names that people choose.
    Map(&'static Shape),
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
            Self::Vars => "a table of texts like { NAME = \"value\" }".to_owned(),
            Self::OrFalse(shape) => format!("{}, or false", shape.expected()),
            Self::Either(one, other) => format!("{} or {}", one.expected(), other.expected()),
            Self::Table(keys) => format!("a table like {}", keys.like),
            Self::Map(_) => "a table of names and what they stand for".to_owned(),
            Self::Tables(keys) => format!("a list of tables, each {}", keys.like),
        }
    }

    /// Reads a value that is no table. `whose` names the key for messages.
    pub fn read(
        &self,
        whose: &str,
        value: &Spanned<DeValue<'_>>,
        problems: &mut Problems,
    ) -> Option<Value> {
        let span = Span::from(value.span());
        match (self, value.get_ref()) {
            (Self::OrFalse(_), DeValue::Boolean(false)) => Some(Value::Off),
            (Self::OrFalse(shape), DeValue::String(_)) => shape.read(whose, value, problems),
            (Self::Flag, DeValue::Boolean(flag)) => Some(Value::Flag(*flag)),
            (Self::True, DeValue::Boolean(true)) => Some(Value::Flag(true)),
            (Self::Count(least, most), DeValue::Integer(number)) => {
                let digits = number.as_str().replace('_', "");
                let read = u64::from_str_radix(&digits, number.radix()).ok();
                match read.filter(|count| (*least..=*most).contains(count)) {
                    Some(count) => Some(Value::Count(count)),
                    None => self.refuse(whose, span, "is out of bounds", problems),
                }
            }
            (Self::Duration, DeValue::Integer(_) | DeValue::Float(_)) => {
                let written = problems.source().part(span);
                let help = format!("write the unit: \"{written}s\" or \"{written}m\"");
                problems
                    .add(span, format!("{whose} is a number without a unit"))
                    .expected(format!("expected {}", self.expected()))
                    .help(help);
                None
            }
            (Self::NameOrNames, DeValue::String(text)) => {
                let name = rules::name(text).map_err(|why| rules::Refusal::new("is no name", why));
                let name = settle(whose, span, name, problems)?;
                Some(Value::Texts(vec![Located::new(name, span)]))
            }
            (
                Self::Names | Self::SomeNames | Self::NameOrNames | Self::Globs,
                DeValue::Array(items),
            ) => {
                if items.is_empty() && !matches!(self, Self::Names) {
                    return self.refuse(whose, span, "is empty", problems);
                }
                let item = if matches!(self, Self::Globs) {
                    Item::Glob
                } else {
                    Item::Name
                };
                texts(whose, items, item, problems).map(Value::Texts)
            }
            (Self::Vars, DeValue::Table(table)) => vars(whose, table, problems).map(Value::Vars),
            (shape, DeValue::String(text)) => shape.text(whose, span, text, problems),
            _ => self.mistyped(whose, value, problems),
        }
    }

    /// Reads a text.
    fn text(&self, whose: &str, span: Span, text: &str, problems: &mut Problems) -> Option<Value> {
        let read = match self {
            Self::Text => rules::text(text),
            Self::Line => rules::line(text),
            Self::Name => rules::name(text).map_err(|why| rules::Refusal::new("is no name", why)),
            Self::Destination => rules::destination(text),
            Self::Regex => rules::regex(text),
            Self::TagName => rules::tag_name(text),
            Self::TagPattern => rules::tag_pattern(text),
            Self::Duration => {
                return match rules::duration(text) {
                    Ok(time) => Some(Value::Duration(time)),
                    Err(refusal) => settle(whose, span, Err(refusal), problems),
                };
            }
            Self::Word(words) => {
                let words = words();
                if words.iter().any(|word| word.word == text) {
                    return Some(Value::Text(text.to_owned()));
                }
                problems
                    .add(span, format!("{whose} cannot be `{text}`"))
                    .expected(format!("expected {}", one_of(&words)))
                    .maybe(similar(text, words.iter().map(|word| word.word.as_str())));
                return None;
            }
            _ => return self.refuse(whose, span, "is a text", problems),
        };
        settle(whose, span, read, problems).map(Value::Text)
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
    fn refuse<T>(&self, whose: &str, span: Span, why: &str, problems: &mut Problems) -> Option<T> {
        problems
            .add(span, format!("{whose} {why}"))
            .expected(format!("expected {}", self.expected()));
        None
    }
}

/// `"a", "b" or "c"`.
fn one_of(words: &[Word]) -> String {
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

/// Turns the refusal of a rule into a problem.
pub(super) fn settle<T, U>(
    whose: &str,
    span: Span,
    read: Result<U, rules::Refusal>,
    problems: &mut Problems,
) -> Option<T>
where
    T: From<U>,
{
    match read {
        Ok(value) => Some(value.into()),
        Err(refusal) => {
            let place = refusal.within(problems.source().text(), span);
            let problem = problems.add(place, format!("{whose} {}", refusal.what));
            problem.expected(refusal.expected);
            if let Some(help) = refusal.help {
                problem.help(help);
            }
            None
        }
    }
}
