//! Tags with real git.
