//! The terminal: taken over, and always given back.
