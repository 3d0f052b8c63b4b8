//! Themes: roles to styles, read from `themes/*.toml`.
