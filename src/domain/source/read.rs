//! Reading a value by its shape, with a precise message when it is something else.
//!
//! Readers return `None` only after they have reported a problem.

use toml::Spanned;
use toml::de::DeValue;

use super::lists::{Item, texts, vars};
use super::rules;
use super::shape::{Shape, Value, one_of};
use super::{Located, Problems, Span};
use crate::domain::text::similar;

impl Shape {
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
                let name = rules::settle(whose, span, name, problems)?;
                Some(Value::Texts(vec![Located::new(name, span)]))
            }
            (Self::TagGlobs, DeValue::String(text)) => {
                let glob = rules::settle(whose, span, rules::tag_glob(text), problems)?;
                Some(Value::Texts(vec![Located::new(glob, span)]))
            }
            (
                Self::Names | Self::SomeNames | Self::NameOrNames | Self::Globs | Self::TagGlobs,
                DeValue::Array(items),
            ) => {
                if items.is_empty() && !matches!(self, Self::Names) {
                    return self.refuse(whose, span, "is empty", problems);
                }
                let item = match self {
                    Self::Globs => Item::Glob,
                    Self::TagGlobs => Item::TagGlob,
                    _ => Item::Name,
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
                    Err(refusal) => rules::settle(whose, span, Err(refusal), problems),
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
        rules::settle(whose, span, read, problems).map(Value::Text)
    }
}
