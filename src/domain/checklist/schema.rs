//! The JSON Schema of `releases.toml`, from the types that parse it.
