//! Following the names in `releases.toml` and collecting every problem.
