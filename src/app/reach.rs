//! Reach: the hosts a run still needs are asked who they are, and what becomes of those that do not answer.
//!
//! What was decided is taken into account first: a host that is left out is not asked. Where a person sits at the
//! terminal, they decide whether to try again, go on without a host, or give up; otherwise the failure names the
//! command that goes on without. A run that is not begun yet ends there, with what helps the hosts that do answer.
//! Nothing is started here, and nothing is recorded.

use std::fmt::Write as _;

use super::choices;
use super::prompt::{Prompt, Silence, Unanswered, told_to_end};
use super::report::{Code, Failure};
use super::session::{self, Project, Silent};
use crate::domain::action::Milestone;
use crate::domain::id::{Commit, EnvName, HostName};
use crate::domain::plan::{Plan, PlannedHost, Rollback};
use crate::domain::run::foresee::foresee;
use crate::domain::run::schedule::place;
use crate::domain::run::{Identities, Intent, RunState};
use crate::edge::ssh::{LinkListener, Sites};
use crate::port::Place;

/// Asks all places of a plan who they are, before it is begun. When one does not tell, nothing is begun, and the failure
/// says how the others are served without it.
pub async fn greet(
    project: &Project,
    plan: &Plan,
    sites: &Sites,
    listener: &LinkListener,
) -> Result<Identities, Failure> {
    let (identities, silent) = session::ask_all(sites, session::places(plan), listener).await;
    if silent.is_empty() {
        return Ok(identities);
    }
    let ways = without(project, plan, &silent);
    Err(ways
        .into_iter()
        .fold(session::unusable(&silent), Failure::help))
}

/// What can be done with the hosts that answer; nothing where none does, or where it is this machine that does not.
fn without(project: &Project, plan: &Plan, silent: &Silent) -> Vec<String> {
    let is_silent = |host: &&PlannedHost| {
        let is_it = |(env, name): &(EnvName, HostName)| *env == host.env && *name == host.name;
        silent
            .iter()
            .any(|(place, _)| place.as_ref().is_some_and(is_it))
    };
    let (gone, there): (Vec<_>, Vec<_>) = plan.hosts.iter().partition(is_silent);
    let names = |hosts: &[&PlannedHost]| {
        let mut names: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
        names.dedup();
        names.join(" ")
    };
    // `--host` knows names only: one that answers in another environment would mean this one as well.
    let is_named = |host: &&PlannedHost| there.iter().any(|other| other.name == host.name);
    let is_told = silent.iter().all(|(place, _)| place.is_some());
    if !is_told || there.is_empty() || gone.iter().any(is_named) {
        return Vec::new();
    }
    match &plan.rollback {
        Some(back) => back_without(project, plan, back, (&names(&gone), &names(&there))),
        None => vec![deploy_without(plan, (&names(&gone), &names(&there)))],
    }
}

/// Releasing to the hosts that answer.
fn deploy_without(plan: &Plan, (gone, there): (&str, &str)) -> String {
    let tags = plan
        .tasks()
        .any(|task| task.milestone == Some(Milestone::TagWritten));
    let untagged = if tags { "; no tag is written then" } else { "" };
    format!("the same with --host {there} goes without {gone}{untagged}")
}

/// Going back where some hosts do not answer. A run of some hosts only would leave LIVE where it is, and taking the same
/// release back once more would undo it twice: so either the checklist says that the host is gone, or nothing is undone.
/// The latter only where LIVE tells what is live; elsewhere the runs do, and would tell it wrong.
fn back_without(
    project: &Project,
    plan: &Plan,
    back: &Rollback,
    (gone, there): (&str, &str),
) -> Vec<String> {
    let (command, env) = (&project.command, &back.env);
    let commit = plan.commit.as_ref().map(Commit::short);
    let to = back.to_tag.as_deref().or(commit).unwrap_or_default();
    let file = project.file.file_name().unwrap_or_default().display();
    let mut ways = vec![format!(
        "take {gone} out of the hosts of `{env}` in {file}: {command} rollback {env} {to} goes back without {gone}"
    )];
    let (checklist, word) = (&project.checklist, &plan.reference);
    if checklist.released() == Some(env) && checklist.release.live.is_some() {
        let stages = checklist.stages.iter();
        let stages: Vec<String> = stages
            .filter(|stage| stage.env.as_ref() == Some(env))
            .map(|stage| stage.name.slug())
            .collect();
        ways.push(format!(
            "or leave all as it is: {command} deploy --ref {word} --stage {} --host {there} brings {to} to {there} only; it undoes nothing and tags nothing",
            stages.join(" ")
        ));
    }
    ways
}

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
