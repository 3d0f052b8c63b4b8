//! A line of the journal: a record, chained to the line before.
