//! One file per attempt, appended to, read in windows.
