//! What a command learns only at launch: the run, the attempt, and for a tag the record of the run so far.

use crate::domain::action::CommandLine;
use crate::domain::id::Attempt;
use crate::domain::run::{Moment, RunState};

/// Completes the environment of a command for one attempt.
pub(crate) fn complete(
    command: &CommandLine,
    state: &RunState,
    attempt: Attempt,
    _now: Moment,
) -> CommandLine {
    let mut command = command.clone();
    let mut set = |name: &str, value: String| command.env.insert(name.to_owned(), value);
    set("GOLIVE_RUN", state.run.to_string());
    set("GOLIVE_ATTEMPT", attempt.to_string());
    command
}
