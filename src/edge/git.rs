//! Git through its command line: what is where, what changed.
