//! The log book: the last lines every step printed, for the log pane.

/// The last lines of every step.
#[derive(Debug, Clone, Default)]
pub struct LogBook {}
