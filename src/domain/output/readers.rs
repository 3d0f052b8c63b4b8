//! Readers: what the output of a step proves.
