//! The screens and their table.
