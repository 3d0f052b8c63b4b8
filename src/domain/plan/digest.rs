//! The digest: a name for what a plan will do.
