//! Texts for people: plurals, durations, shortening, and names similar to a mistyped one.
