//! `tag = true`: writes the release's tags and pushes them.
