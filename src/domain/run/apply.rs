//! Apply: the only place where the state of a run changes.
