//! The viewer over a document, against the whole document laid out at once.
