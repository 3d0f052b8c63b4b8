//! Reading a journal: the longest valid prefix, or the line that is damaged.
