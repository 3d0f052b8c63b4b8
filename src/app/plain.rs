//! The plain face: one line per change.
