//! The rule of a value as JSON Schema (draft 07), for editors.
//!
//! The counterpart of `shape`: what is accepted here and there must be the same, but for rules that a schema cannot say
//! (a regular expression compiles, a name leads somewhere).

use serde_json::json;

use super::rules;
use super::shape::{Keys, Shape, Word};

impl Shape {
    /// The same rule as JSON Schema.
    pub fn schema(&self) -> serde_json::Value {
        const NAME: &str = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$";
        let names = json!({ "type": "array", "items": { "type": "string", "pattern": NAME } });
        match self {
            Self::Line => json!({ "type": "string", "pattern": "^[^\\x00-\\x1f\\x7f]+$" }),
            Self::Name => json!({ "type": "string", "pattern": NAME }),
            Self::Destination => json!({ "type": "string", "pattern": "^[^-\\s][^\\s]*$" }),
            Self::Text | Self::Regex | Self::TagName | Self::TagPattern => {
                json!({ "type": "string", "minLength": 1 })
            }
            Self::Flag => json!({ "type": "boolean" }),
            Self::True => json!({ "const": true }),
            Self::Count(least, most) => {
                json!({ "type": "integer", "minimum": least, "maximum": most })
            }
            Self::Duration => json!({
                "type": "string", "pattern": rules::DURATION_PATTERN, "examples": ["90s", "5m", "1h30m"]
            }),
            Self::Word(words) => {
                let choice = |word: Word| json!({ "const": word.word, "description": word.about });
                json!({ "type": "string", "oneOf": words().into_iter().map(choice).collect::<Vec<_>>() })
            }
            Self::Names => names,
            Self::SomeNames => at_least_one(names),
            Self::NameOrNames => {
                json!({ "anyOf": [{ "type": "string", "pattern": NAME }, at_least_one(names)] })
            }
            Self::Globs => at_least_one(json!({
                "type": "array", "items": { "type": "string", "minLength": 1 }
            })),
            Self::TagGlobs => {
                let glob = json!({ "type": "string", "pattern": "^[^\\x00-\\x1f\\x7f\\s~:]+$" });
                let globs = json!({ "type": "array", "items": glob });
                json!({ "anyOf": [glob, at_least_one(globs)] })
            }
            Self::Vars => json!({
                "type": "object", "additionalProperties": false,
                "patternProperties": { "^(?!GOLIVE_)[A-Za-z_][A-Za-z0-9_]*$": { "type": "string" } }
            }),
            Self::OrFalse(shape) => json!({ "anyOf": [shape.schema(), { "const": false }] }),
            Self::Either(one, other) => json!({ "anyOf": [one.schema(), other.schema()] }),
            Self::Table(keys) => keys.schema(),
            Self::Map(shape, _) => json!({
                "type": "object", "additionalProperties": false,
                "patternProperties": { NAME: shape.schema() }
            }),
            Self::Tables(keys) => json!({ "type": "array", "items": keys.schema() }),
        }
    }
}

/// The schema of a list, with one entry or more.
fn at_least_one(mut list: serde_json::Value) -> serde_json::Value {
    list["minItems"] = json!(1);
    list
}

impl Keys {
    /// The schema of such a table.
    pub fn schema(&self) -> serde_json::Value {
        let mut properties = serde_json::Map::new();
        let mut required = Vec::new();
        for key in (self.keys)() {
            let mut schema = key.shape.schema();
            schema["description"] = json!(key.doc);
            if let Ok(default) = serde_json::from_str::<serde_json::Value>(key.default) {
                schema["default"] = default;
            }
            properties.insert(key.name.to_owned(), schema);
            if key.required {
                required.push(key.name);
            }
        }
        let mut schema = json!({
            "type": "object", "additionalProperties": false, "properties": properties
        });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        let choice: Vec<_> = (self.one_of)()
            .iter()
            .map(|key| json!({ "required": [key] }))
            .collect();
        if !choice.is_empty() {
            schema["oneOf"] = json!(choice);
        }
        schema
    }
}
