//! Effects: orders to the edge that follow from recorded facts.
//!
//! Data, never closures: they can be compared and printed. An effect that launches or ends something exists only
//! after the fact it follows from was recorded; the others ask, and change nothing on a host.

use super::Place;
use crate::domain::id::{Attempt, EnvName, LockId, TaskId};

/// Something to do outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Launch the attempt that was just recorded, and follow it to its end.
    Launch {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
    },
    /// Ask what became of an attempt that an earlier process recorded; follow it, or launch it if it never was.
    Follow {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
    },
    /// End an attempt where it runs.
    Cancel {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
    },
    /// Ask a place who it is; `None` is this machine.
    Greet(Place),
    /// Take the lock of an environment.
    TakeLock {
        /// The environment.
        env: EnvName,
        /// Take it over from the holder of this id.
        steal: Option<LockId>,
    },
    /// Give the lock of an environment back.
    ReleaseLock {
        /// The environment.
        env: EnvName,
    },
}
