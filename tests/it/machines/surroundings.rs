//! State folders that cannot be used, a missing home, and very many runs.
