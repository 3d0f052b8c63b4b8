//! Masking: secrets in what people type and in what went wrong become asterisks before anything is decided with it.
//!
//! Names of tasks, hosts and environments stay as they are: a run could not be told apart without them.

use crate::domain::action::Ending;
use crate::domain::output::redact::Mask;
use crate::domain::run::{Intent, Report};

/// A wish without secrets in its reason.
pub(super) fn wish(mut intent: Intent, mask: &Mask) -> Intent {
    if mask.is_empty() {
        return intent;
    }
    match &mut intent {
        Intent::Start {
            reason: Some(reason),
            ..
        }
        | Intent::Approve {
            reason: Some(reason),
            ..
        }
        | Intent::Skip { reason, .. }
        | Intent::LeaveOut { reason, .. }
        | Intent::CountAsDone { reason, .. }
        | Intent::Stop {
            reason: Some(reason),
        }
        | Intent::Kill {
            reason: Some(reason),
        } => *reason = mask.text(reason),
        _ => {}
    }
    intent
}

/// A report without secrets in what it tells.
pub(super) fn report(mut report: Report, mask: &Mask) -> Report {
    if mask.is_empty() {
        return report;
    }
    match &mut report {
        Report::Ended {
            ending, evidence, ..
        } => {
            if let Ending::NotStarted(why) = ending {
                *why = mask.text(why);
            }
            for value in evidence.values_mut() {
                *value = mask.text(value);
            }
        }
        Report::Fenced { why, .. }
        | Report::LockFailed { why, .. }
        | Report::LockLost { why, .. }
        | Report::Lost { why, .. } => *why = mask.text(why),
        _ => {}
    }
    report
}
