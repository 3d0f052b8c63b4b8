//! Bytes to lines, with carriage returns folded.
