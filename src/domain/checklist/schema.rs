//! The JSON Schema of `releases.toml`, from the tables that parse it.
//!
//! Draft 07, which the TOML language servers of editors understand. There is no second list of keys: `keys` drives both.

use serde_json::{Value, json};

use super::keys::FILE;

/// The schema of the whole file, with the documentation of every key.
pub fn json_schema() -> Value {
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "releases.toml",
        "description": "The deployment checklist of a project, walked by golive.",
    });
    if let (Some(head), Value::Object(rules)) = (schema.as_object_mut(), FILE.schema()) {
        head.extend(rules);
    }
    schema
}
