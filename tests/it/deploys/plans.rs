//! Placeholder.
//!
//! Later.
