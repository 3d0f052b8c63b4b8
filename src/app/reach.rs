//! Reach: the hosts a run still needs are asked who they are, and what becomes of those that do not answer.
//!
//! What was decided is taken into account first: a host that is left out is not asked. Where a person sits at the
//! terminal, they decide whether to try again, go on without a host, or give up; otherwise the failure names the
//! command that goes on without. Nothing is started here, and nothing is recorded.

use std::fmt::Write as _;

use super::choices;
use super::prompt::{Prompt, Silence, Unanswered, told_to_end};
use super::report::{Code, Failure};
use super::session;
use crate::domain::id::{EnvName, HostName};
use crate::domain::run::foresee::foresee;
use crate::domain::run::schedule::place;
use crate::domain::run::{Identities, Intent, RunState};
use crate::edge::ssh::{LinkListener, Sites};
use crate::port::Place;

/// What is asked for a run.
pub struct Asking<'a> {
    /// The run as it is.
    pub state: &'a RunState,
    /// What the command line leaves out already, as it was spelled.
    pub left_out: &'a [String],
    /// How golive was called.
    pub command: &'a str,
    /// The connections.
    pub sites: &'a Sites,
    /// Hears of each place.
    pub listener: &'a LinkListener,
}

impl Asking<'_> {
    /// Asks every place that is needed once `wishes` are granted. Returns the wishes, with what was decided meanwhile,
    /// and who the places are. Exit code 5 when one does not answer and nobody decides to go on without it.
    pub async fn until_answered(
        &self,
        mut wishes: Vec<Intent>,
        mut prompt: Option<&mut Prompt>,
    ) -> Result<(Vec<Intent>, Identities), Failure> {
        let mut known = Identities::new();
        loop {
            let after = choices::after(self.state, &wishes, session::now());
            let mut places = places_left(&after);
            places.retain(|place| !known.contains_key(place));
            let (answered, silent) = tokio::select! {
                answers = session::ask_all(self.sites, places, self.listener) => answers,
                () = told_to_end() => return Err(stopped()),
            };
            known.extend(answered);
            if silent.is_empty() {
                return Ok((wishes, known));
            }
            let hosts = silent.iter().map(|(place, _)| place.clone());
            let hosts: Option<Vec<(EnvName, HostName)>> = hosts.collect();
            let failure = session::unusable(&silent);
            // This machine cannot be left out.
            let Some(hosts) = hosts else {
                return Err(failure);
            };
            let Some(person) = prompt.as_deref_mut() else {
                return Err(self.going_without(&after, &hosts, failure));
            };
            let told = told(&failure);
            match person
                .unanswered(&after, &hosts, &told, session::now())
                .await
            {
                Ok(Unanswered::Again) => {}
                Ok(Unanswered::Wish(wish)) => wishes.push(wish),
                Ok(Unanswered::GiveUp) => {
                    return Err(self.going_without(&after, &hosts, failure));
                }
                Err(Silence::Nobody) => prompt = None,
                Err(Silence::Interrupted | Silence::ToldToEnd) => return Err(stopped()),
            }
        }
    }

    /// The failure with the command that goes on without these hosts, or why there is none.
    fn going_without(
        &self,
        after: &RunState,
        hosts: &[(EnvName, HostName)],
        failure: Failure,
    ) -> Failure {
        let now = session::now();
        let mut copy = after.clone();
        let mut names = self.left_out.to_vec();
        let mut refusals = Vec::new();
        for (env, host) in hosts {
            let (env, host) = (env.clone(), host.clone());
            names.push(choices::spelled_host(after, &env, &host));
            let reason = "-".to_owned();
            let wish = Intent::LeaveOut { env, host, reason };
            match foresee(&copy, wish.clone(), "", now) {
                Ok(_) => copy = choices::after(&copy, &[wish], now),
                Err(refusal) => refusals.push(refusal.to_string()),
            }
        }
        if !refusals.is_empty() {
            return refusals.into_iter().fold(failure, Failure::help);
        }
        let without = if hosts.len() == 1 { "it" } else { "them" };
        failure.help(format!(
            "{} resume {} --leave-out {} --reason TEXT goes on without {without}",
            self.command,
            self.state.run,
            names.join(" ")
        ))
    }
}

/// This machine, and the hosts of tasks that are not done. What was left out is not needed, whatever runs there.
pub fn places_left(state: &RunState) -> Vec<Place> {
    let mut places = vec![None];
    for position in 0..state.tasks.len() {
        let (stage, planned) = state.planned(position);
        if !state.is_settled(position) && !state.is_left_out(position) {
            places.push(place(&state.plan.stages[stage], planned));
        }
    }
    places.sort();
    places.dedup();
    places
}

/// Nothing was begun, and the operator wants nothing to be.
fn stopped() -> Failure {
    let what = "stopped while the hosts were connected: nothing was started";
    Failure::new(Code::Stopped, what)
}

/// What a person reads before they decide: every host with why it does not answer, and what could help.
fn told(failure: &Failure) -> String {
    let mut text = String::new();
    for cause in &failure.causes {
        let _ = writeln!(text, "{cause}");
    }
    for help in &failure.help {
        let _ = writeln!(text, "  {}", help.replace('\n', "\n  "));
    }
    text
}
