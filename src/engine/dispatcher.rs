//! The dispatcher: the only owner of a run's state.
