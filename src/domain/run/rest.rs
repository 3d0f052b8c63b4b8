//! Rest: whether a run goes on by itself, or waits for a decision and for nothing else.
//!
//! A background runner drives a run as long as something runs or is due by itself, and leaves it at rest: at a gate, an
//! open question, a failure or an unknown end, after a pause, at a lock that somebody else has. Pure; decides nothing.

use std::collections::BTreeSet;

use super::progress::{is_quiet, needs};
use super::schedule::{waits_for_identity, waits_for_lock};
use super::{Identities, Moment, RunState, RunStatus};
use crate::domain::id::EnvName;

/// Whether only a decision of the operator can make the run go on. `busy` names the locks that somebody else has. A run
/// that has ended, or was never started, is at rest.
pub fn rests(state: &RunState, busy: &BTreeSet<EnvName>, now: Moment) -> bool {
    match state.status {
        RunStatus::Prepared | RunStatus::Finished(_) => return true,
        // What was decided is carried out to its end.
        RunStatus::Stopping => return false,
        RunStatus::Active | RunStatus::Paused => {}
    }
    if !is_quiet(state) {
        return false;
    }
    match waits_for_lock(state, now) {
        Some(env) if busy.contains(env) => return true,
        Some(_) => return false,
        None => {}
    }
    // A host that has not said who it is yet is asked until it answers.
    let starts = !waits_for_identity(state, &Identities::new(), now).is_empty();
    !starts && (state.status == RunStatus::Paused || !needs(state, false).is_empty())
}
