//! Reading `releases.toml`: TOML with spans, before any name in it is followed.
