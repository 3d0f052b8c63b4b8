//! `golive lock`: who holds an environment; taking its lock by hand, releasing it, taking it over.
//!
//! A lock taken by hand is remembered on this machine before it is taken, so that it can be released later, whatever
//! happens in between. Released is only what is ours: that, or the lock of a run of this machine that nobody drives.
//! Where locks are kept and how is the business of `edge`.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;

use super::args::{Global, Lock};
use super::holders;
use super::report::{Code, Failure, print, shown};
use super::session::{self, Project};
use crate::domain::checklist::Environment;
use crate::domain::id::{EnvName, LockId};
use crate::domain::lock::{Busy, Holder, KeptAt, LockView, Remains};
use crate::domain::plan::{Plan, PlannedHost};
use crate::domain::run::decide::take_report;
use crate::domain::run::{Record, Report, TaskStatus};
use crate::domain::text::similar;
use crate::edge::journal::{RunError, RunFolder};
use crate::edge::lock::Keepers;
use crate::edge::ssh::Sites;
use crate::port::{Journal, Locks, Taking};

mod hand;
mod show;

use hand::{forget, remember, remembered};

/// Carries out `golive lock ENV …`.
pub async fn lock(project: &Project, lock: &Lock, global: &Global) -> Result<Code, Failure> {
    let found = project.checklist.environments.iter();
    let env = found
        .clone()
        .find(|env| env.name.as_str() == lock.env)
        .ok_or_else(|| {
            let known: Vec<&str> = found.map(|env| env.name.as_str()).collect();
            unknown(&lock.env, &known)
        })?;
    let place = Place::of(project, env)?;
    let done = match (lock.take, lock.release, &lock.steal) {
        (true, _, _) => place.take(lock.reason.clone(), None).await,
        (_, true, _) => place.release().await,
        (_, _, Some(id)) => {
            place
                .take(lock.reason.clone(), Some(&LockId::new(id)))
                .await
        }
        _ => Ok(Code::Done),
    };
    let told = match done {
        Ok(code) => place.tell(global.json).await.map(|seen| seen.max(code)),
        Err(failure) => Err(failure),
    };
    place.sites.close().await;
    told
}

fn unknown(name: &str, known: &[&str]) -> Failure {
    let failure = Failure::new(
        Code::Usage,
        format!("there is no environment `{name}` in this checklist"),
    );
    match similar(name, known.iter().copied()) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure.help(format!("there is: {}", known.join(", "))),
    }
}

/// The hosts of an environment as a plan names them.
fn hosts_of(env: &Environment) -> Vec<PlannedHost> {
    let hosts = env.hosts.iter().map(|host| PlannedHost {
        env: env.name.clone(),
        name: host.name.clone(),
        reach: host.reach.clone(),
        roles: host.roles.iter().flatten().cloned().collect(),
    });
    hosts.collect()
}

/// An environment whose lock is asked about by hand.
struct Place<'a> {
    project: &'a Project,
    env: EnvName,
    sites: Arc<Sites>,
    keepers: Keepers,
}

impl<'a> Place<'a> {
    fn of(project: &'a Project, env: &Environment) -> Result<Self, Failure> {
        let hosts = hosts_of(env);
        let sites = Arc::new(project.sites(&hosts, &session::nobody())?);
        let keepers = keepers(project, &sites, &hosts);
        Ok(Self {
            project,
            env: env.name.clone(),
            sites,
            keepers,
        })
    }

    /// Takes the lock by hand, or takes it over from the holder of this id.
    async fn take(&self, reason: Option<String>, steal: Option<&LockId>) -> Result<Code, Failure> {
        let before = remembered(self.project, &self.env);
        let holder = Holder {
            id: before.clone().unwrap_or_else(session::lock_id),
            by: self.project.by.clone(),
            run: None,
            since: session::now(),
            reason,
        };
        if let Some(id) = steal {
            self.check_steal(id, &holder.id).await?;
        }
        // Remembered first: a lock nobody remembers could only be stolen.
        remember(self.project, &self.env, &holder)?;
        let taking = self
            .keepers
            .take(&self.env, &holder, steal, &BTreeSet::new())
            .await;
        if before.is_none() && !matches!(taking, Ok(Taking::Taken(_) | Taking::Occupied(_))) {
            forget(self.project, &self.env);
        }
        let env = &self.env;
        match taking {
            Ok(Taking::Taken(grant)) => {
                let kept = holders::kept_at(&grant);
                aside(&format!("{env} is locked by you, {kept}"));
                if grant.epochs.is_empty() && grant.remote.is_none() {
                    forget(self.project, env);
                    let message = format!("no place of {env} could be asked: nothing is locked");
                    return Err(Failure::new(Code::Unreachable, message));
                }
                Ok(Code::Done)
            }
            Ok(Taking::Occupied(remains)) => {
                aside(&still_runs(env, &remains));
                Ok(Code::Failed)
            }
            Ok(Taking::Busy(busy)) => Err(self.locked(&busy)),
            Err(error) => {
                let failure =
                    Failure::new(Code::Unreachable, format!("could not lock {env}: {error}"));
                Err(match error.help() {
                    Some(help) => failure.help(help),
                    None => failure,
                })
            }
        }
    }

    /// What was seen must still be so before anything is taken over: the one that is named, and nobody else.
    async fn check_steal(&self, id: &LockId, ours: &LockId) -> Result<(), Failure> {
        let view = self.keepers.look(&self.env).await;
        let held: Vec<&Busy> = held_by(&view).collect();
        let is_held = held.iter().any(|busy| busy.id == *id);
        if is_held && id == ours {
            let message = format!("the lock {id} of {} is yours already", self.env);
            return Err(Failure::new(Code::Usage, message));
        }
        if is_held {
            return Ok(());
        }
        Err(match held.first() {
            Some(busy) => {
                let mut failure = self.locked(busy);
                failure.message =
                    format!("the lock of {} is not {id}: nothing was changed", self.env);
                let who = holders::who(busy.holder.as_ref());
                failure
                    .causes
                    .push(format!("it is locked by {who} as {}", busy.id));
                failure
            }
            None => Failure::new(
                Code::Locked,
                format!(
                    "{} is not locked by {id} any more: nothing was changed",
                    self.env
                ),
            )
            .help(format!(
                "{} lock {} --take takes it",
                self.project.command, self.env
            )),
        })
    }

    fn locked(&self, busy: &Busy) -> Failure {
        let (project, now) = (self.project, session::now());
        let failure = holders::locked(&self.env, busy, &project.command, now);
        with_own(failure, project, &self.env, busy)
    }

    /// Gives back what is ours.
    async fn release(&self) -> Result<Code, Failure> {
        let env = &self.env;
        let view = self.keepers.look(env).await;
        let by_hand = remembered(self.project, env);
        let mut held = held_by(&view).peekable();
        let Some(first) = held.peek().copied() else {
            let unknown = view
                .places
                .iter()
                .all(|(_, kept)| matches!(kept, KeptAt::Unknown(_)));
            if unknown {
                return Err(nobody_asked(env));
            }
            forget(self.project, env);
            aside(&format!("{env} is locked by nobody: nothing was changed"));
            return Ok(Code::Done);
        };
        for busy in held {
            if by_hand.as_ref() == Some(&busy.id) {
                let left = self.keepers.release(env, &busy.id).await;
                if left.is_empty() {
                    forget(self.project, env);
                }
                return Ok(self.released(&left));
            }
            let run = busy.holder.as_ref().and_then(|holder| holder.run.as_ref());
            let folder = run.and_then(|run| RunFolder::find(&self.project.paths, run).ok());
            if let Some(folder) = folder {
                return self.release_of_run(&folder, &busy.id).await;
            }
        }
        let mut failure = self.locked(first);
        failure.message = format!("{}: only they release it", failure.message);
        Err(failure)
    }

    fn released(&self, left: &std::collections::BTreeMap<String, String>) -> Code {
        let env = &self.env;
        if left.is_empty() {
            aside(&format!("{env} is released"));
            return Code::Done;
        }
        for (place, why) in left {
            aside(&format!("{place} could not be told: {why}"));
        }
        aside(&format!(
            "{env} is released elsewhere; the same command again tells the rest"
        ));
        Code::Failed
    }

    /// Gives back the lock of a run of this machine that nobody drives, and records that in its journal.
    async fn release_of_run(&self, folder: &RunFolder, id: &LockId) -> Result<Code, Failure> {
        let (run, command) = (folder.run(), &self.project.command);
        let mut owned =
            folder
                .open_for_writing(&self.project.by)
                .map_err(|error| match &error {
                    RunError::Owned { owner, .. } => Failure::new(
                        Code::Locked,
                        format!("{} is locked by run {run}, which {owner} drives", self.env),
                    )
                    .help("end the run there: it releases its locks when it ends"),
                    _ => super::runs::unusable(self.project, &error),
                })?;
        let state = session::folded(&owned);
        let running = state
            .each()
            .find(|(_, task)| task.status == TaskStatus::Running);
        if let Some((task, _)) =
            running.filter(|(task, _)| task.site.host().is_some() || task.kind != "ask")
        {
            let message = format!(
                "{} of run {run} may still be running: {} stays locked",
                task.id, self.env
            );
            return Err(Failure::new(Code::Locked, message)
                .help(format!("{command} resume {run} follows it to its end")));
        }
        if state.lock_id() != *id {
            let message = format!("the lock {id} of {} is not the one of run {run}", self.env);
            return Err(Failure::new(Code::Locked, message));
        }
        let left = self.keepers.release(&self.env, id).await;
        let report = Report::Unlocked {
            env: self.env.clone(),
            left: left.clone(),
        };
        let at = session::now();
        let mut seq = state.seq;
        let mut records = Vec::new();
        for event in take_report(&state, &report, at) {
            seq = seq.next();
            records.push(Record { seq, at, event });
        }
        let written = owned.writer.append(&records).await;
        written.map_err(|error| Failure::from_error(Code::Failed, &error))?;
        Ok(self.released(&left))
    }

    /// Says how the lock is now.
    async fn tell(&self, as_json: bool) -> Result<Code, Failure> {
        let view = self.keepers.look(&self.env).await;
        if as_json {
            print(&format!("{}\n", super::json::line(&show::document(&view))))?;
        } else {
            let by_hand = remembered(self.project, &self.env);
            print(&shown(&show::text(&view, by_hand.as_ref(), session::now())))?;
        }
        let unknown = |(_, kept): &(String, KeptAt)| matches!(kept, KeptAt::Unknown(_));
        let nobody = !view.places.is_empty() && view.places.iter().all(unknown);
        if nobody {
            return Err(nobody_asked(&self.env));
        }
        Ok(Code::Done)
    }
}

fn nobody_asked(env: &EnvName) -> Failure {
    Failure::new(
        Code::Unreachable,
        format!("no place of {env} answers: whether it is locked is not known"),
    )
}

fn held_by(view: &LockView) -> impl Iterator<Item = &Busy> {
    view.places.iter().filter_map(|(_, kept)| match kept {
        KeptAt::Held(busy) => Some(busy),
        _ => None,
    })
}

fn still_runs(env: &EnvName, remains: &[Remains]) -> String {
    format!(
        "{env} is locked by you, nothing new of the former holder starts there; what they started may still run: {}",
        holders::remains(remains)
    )
}

/// The keepers of the locks on these hosts. One that does not answer is noted only: a lock taken by hand is often
/// wanted because something is broken.
fn keepers(project: &Project, sites: &Arc<Sites>, hosts: &[PlannedHost]) -> Keepers {
    Keepers::new(
        Arc::clone(sites),
        &project.checklist.project,
        (&[], hosts),
        project.git(),
        project.checklist.release.remote.as_deref(),
    )
}

/// Every host of the checklist.
pub fn all_hosts(project: &Project) -> Vec<PlannedHost> {
    let environments = project.checklist.environments.iter();
    environments.flat_map(hosts_of).collect()
}

/// The locks of all environments of the checklist; `sites` are all its hosts.
pub async fn look_everywhere(project: &Project, sites: &Arc<Sites>) -> Vec<LockView> {
    let keepers = keepers(project, sites, &all_hosts(project));
    let environments = project.checklist.environments.iter();
    join_all(environments.map(|env| keepers.look(&env.name))).await
}

/// Looks at the locks of all environments of a plan before anything of it is started: somebody else's is told here.
pub async fn check_free(project: &Project, plan: &Plan, sites: &Arc<Sites>) -> Result<(), Failure> {
    let mut envs: Vec<&EnvName> = Vec::new();
    for env in plan.stages.iter().filter_map(|stage| stage.env.as_ref()) {
        if !envs.contains(&env) {
            envs.push(env);
        }
    }
    let keepers = Keepers::of_plan(Arc::clone(sites), plan);
    let views = join_all(envs.iter().map(|env| keepers.look(env))).await;
    for (env, view) in envs.into_iter().zip(&views) {
        if let Some(busy) = holders::best_known(view) {
            let failure = holders::locked(env, &busy, &project.command, session::now());
            let mut failure = with_own(failure, project, env, &busy);
            failure.message.push_str(": nothing was started");
            return Err(failure);
        }
    }
    Ok(())
}

/// What else can be done about a lock that is of this machine.
pub fn with_own(failure: Failure, project: &Project, env: &EnvName, busy: &Busy) -> Failure {
    let command = &project.command;
    let mut failure = failure;
    let mut helps = Vec::new();
    let run = busy.holder.as_ref().and_then(|holder| holder.run.as_ref());
    if remembered(project, env).as_ref() == Some(&busy.id) {
        helps.push(format!(
            "{command} lock {env} --release gives it back: it was taken by hand here"
        ));
    } else if let Some(run) = run.filter(|run| RunFolder::find(&project.paths, run).is_ok()) {
        helps.push(format!("{command} resume {run} goes on with that run"));
        helps.push(format!(
            "{command} lock {env} --release gives it back when nobody drives that run"
        ));
    }
    failure.help.splice(0..0, helps);
    failure
}

fn aside(text: &str) {
    use std::io::Write;
    // Nobody is left to tell when standard error is gone.
    let _ = std::io::stderr().write_all(shown(&format!("{text}\n")).as_bytes());
}
