//! Decisions given on the command line, for the run the console was opened with: each is used once.
//!
//! The background runner uses them in the same way. What was not used goes with the run when it is handed over.

use super::args::{Approval, Decisions};
use crate::domain::run::progress::{Need, needs};
use crate::domain::run::{Intent, RunState};

/// What was decided before the console opened.
#[derive(Debug, Clone, Default)]
pub struct Advance {
    approve: Vec<Approval>,
    confirm: Vec<String>,
    reason: Option<String>,
}

impl From<Decisions> for Advance {
    fn from(decisions: Decisions) -> Self {
        Self {
            approve: decisions.approve,
            confirm: decisions.confirm,
            reason: decisions.reason,
        }
    }
}

impl Advance {
    /// What was not used yet.
    pub fn left(&self) -> Decisions {
        Decisions {
            approve: self.approve.clone(),
            confirm: self.confirm.clone(),
            reason: self.reason.clone(),
            ..Decisions::default()
        }
    }

    /// The wishes that answer what the run needs now. An approval names its commit; the engine checks it.
    pub fn take(&mut self, state: &RunState) -> Vec<Intent> {
        if self.approve.is_empty() && self.confirm.is_empty() {
            return Vec::new();
        }
        needs(state, false)
            .into_iter()
            .filter_map(|need| self.answer(state, need))
            .collect()
    }

    fn answer(&mut self, state: &RunState, need: Need) -> Option<Intent> {
        match need {
            Need::Gate(stage) => {
                let env = state.plan.stages[stage].env.clone()?;
                let place = self
                    .approve
                    .iter()
                    .position(|given| given.env == env.as_str())?;
                let commit = Some(self.approve.remove(place).commit);
                let reason = self.reason.clone();
                Some(Intent::Approve {
                    env,
                    commit,
                    reason,
                })
            }
            Need::Answer(task) => {
                let step = &state.planned(state.position(&task)?).1.step;
                let place = self.confirm.iter().position(|name| name == step.as_str())?;
                self.confirm.remove(place);
                Some(Intent::Confirm { task })
            }
            Need::Failure(_) | Need::Interrupted(_) => None,
        }
    }
}
