//! Progress: a run in the sentences and numbers that every face shows.
