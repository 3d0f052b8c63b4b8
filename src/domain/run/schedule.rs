//! Schedule: what has to happen next in a run.
