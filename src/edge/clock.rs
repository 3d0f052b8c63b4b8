//! The real clock.
