//! Appending to a journal, synced before anything acts on it.
