//! `golive deploy` and `golive resume` without a screen.

use std::io::IsTerminal;
use std::sync::Arc;

use futures_util::future::select_all;
use tokio::signal::unix::{SignalKind, signal};

use super::args::{Decisions, Deploy, Global, Resume};
use super::drive::{Driver, Face};
use super::json::JsonFace;
use super::plain::PlainFace;
use super::prompt::Prompt;
use super::report::{Code, Failure};
use super::session::{self, Project};
use crate::domain::id::{RunId, TaskId};
use crate::domain::run::{Identities, Intent, Outcome, RunState, RunStatus, TaskStatus};
use crate::edge::journal::{OwnedRun, RunError, RunFolder, list};
use crate::edge::ssh::{LinkListener, Sites};
use crate::port::Place;

/// Walks the checklist.
pub async fn deploy(project: &Project, deploy: &Deploy, global: &Global) -> Result<Code, Failure> {
    let plan = project.plan(&deploy.selected, session::now()).await?;
    check_approvals(&plan, &deploy.decisions)?;
    if !global.json {
        super::report::print(&super::report::shown(&super::table::warnings(&plan)))?;
    }
    let (sender, receiver, listener) = session::feed_with_links();
    let sites = Arc::new(project.sites(&plan.hosts, &listener)?);
    let identities = greet(&sites, session::places(&plan), &listener).await?;
    let owned = project.create(&plan, session::now())?;
    let reason = deploy.decisions.reason.clone();
    let first = (project.by.as_str(), Some(Intent::Start { reason }));
    let driven = session::drive(owned, Arc::clone(&sites), identities, first, sender);
    follow(
        project,
        driven,
        receiver,
        (&deploy.decisions, global, false),
        &sites,
    )
    .await
}

/// Asks all places who they are. When one does not tell, or the operator gives up, the connections are ended.
async fn greet(
    sites: &Sites,
    places: Vec<Place>,
    listener: &LinkListener,
) -> Result<Identities, Failure> {
    let greeted = tokio::select! {
        greeted = session::greet(sites, places, listener) => greeted,
        () = signalled() => Err(Failure::new(
            Code::Stopped,
            "stopped while the hosts were connected: nothing was started",
        )),
    };
    if greeted.is_err() {
        sites.close().await;
    }
    greeted
}

/// Returns when this process is asked to end.
async fn signalled() {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    // A signal that cannot be listened to does what it always does.
    let mut signals: Vec<_> = kinds.into_iter().flat_map(signal).collect();
    if signals.is_empty() {
        return std::future::pending().await;
    }
    select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv()))).await;
}

/// An approval for an environment without a gate, or for another commit, is a mistake that is told at once.
fn check_approvals(plan: &crate::domain::plan::Plan, decisions: &Decisions) -> Result<(), Failure> {
    for given in &decisions.approve {
        let known = plan.stages.iter().filter_map(|stage| stage.env.as_ref());
        if !known.clone().any(|env| env.as_str() == given.env) {
            let names: Vec<&str> = known.map(crate::domain::id::EnvName::as_str).collect();
            return Err(Failure::new(
                Code::Usage,
                format!(
                    "--approve names the environment `{}`, which this run does not touch",
                    given.env
                ),
            )
            .help(format!("it touches: {}", names.join(", "))));
        }
        if let Some(commit) = plan
            .commit
            .as_ref()
            .filter(|commit| !commit.matches(&given.commit))
        {
            return Err(Failure::new(
                Code::Decision,
                format!(
                    "{} was approved for {}, but this run would release {}",
                    given.env,
                    given.commit,
                    commit.short()
                ),
            )
            .help(format!(
                "--approve {}={} if that is what you have tested",
                given.env,
                commit.short()
            )));
        }
    }
    Ok(())
}

/// Goes on with an unfinished run.
pub async fn resume(project: &Project, resume: &Resume, global: &Global) -> Result<Code, Failure> {
    let run = choose(project, resume.run.as_deref())?;
    let owned = open(project, &run)?;
    let state = folded(&owned);
    if state.status == RunStatus::Finished(Outcome::Succeeded) {
        super::report::print(&format!(
            "run {run} has succeeded already: nothing is left to do\n"
        ))?;
        return Ok(Code::Done);
    }
    let (sender, receiver, listener) = session::feed_with_links();
    let sites = Arc::new(project.sites(&owned.plan.hosts, &listener)?);
    let identities = greet(&sites, places_left(&state), &listener).await?;
    let first = (project.by.as_str(), first_wish(&state, &resume.decisions));
    let driven = session::drive(owned, Arc::clone(&sites), identities, first, sender);
    follow(
        project,
        driven,
        receiver,
        (&resume.decisions, global, true),
        &sites,
    )
    .await
}

/// The run that is meant: the one named, or the newest unfinished one.
pub fn choose(project: &Project, named: Option<&str>) -> Result<RunId, Failure> {
    if let Some(named) = named {
        return Ok(RunId::new(named));
    }
    let runs = list::summaries(&project.paths)
        .map_err(|error| Failure::from_error(Code::Failed, &error))?;
    if let Some(run) = runs
        .iter()
        .find(|run| run.outcome.is_none() && run.damaged.is_none())
    {
        return Ok(run.run.clone());
    }
    let failure = Failure::new(
        Code::Usage,
        "there is no unfinished run of this project here",
    );
    let ended = runs
        .iter()
        .find(|run| matches!(run.outcome, Some(Outcome::Failed | Outcome::Stopped)));
    Err(match ended {
        Some(run) => failure.help(format!(
            "{} resume {} goes on with the newest one that {}",
            project.command, run.run, run.standing
        )),
        None => failure.help(format!("{} deploy begins one", project.command)),
    })
}

/// Takes the right to drive a run.
pub fn open(project: &Project, run: &RunId) -> Result<OwnedRun, Failure> {
    let opened = RunFolder::find(&project.paths, run)
        .and_then(|folder| folder.open_for_writing(&project.by));
    opened.map_err(|error| {
        let code = match error {
            RunError::Unknown(_) => Code::Usage,
            _ => Code::Failed,
        };
        let failure = Failure::from_error(code, &error);
        match error {
            RunError::Unknown(_) => {
                failure.help(format!("{} runs lists what there is", project.command))
            }
            RunError::Owned { .. } => {
                failure.help("go on there, or end it first; nothing was changed")
            }
            _ => failure,
        }
    })
}

/// The state that the records of a run come to.
pub fn folded(owned: &OwnedRun) -> RunState {
    let mut state = RunState::new(owned.folder.run().clone(), Arc::clone(&owned.plan));
    owned
        .records
        .iter()
        .for_each(|record| crate::domain::run::apply::apply(&mut state, record));
    state
}

/// This machine, and the hosts of tasks that are not done.
pub fn places_left(state: &RunState) -> Vec<Place> {
    let mut places = vec![None];
    for position in 0..state.tasks.len() {
        let (stage, planned) = state.planned(position);
        if !state.is_settled(position) {
            places.push(crate::domain::run::schedule::place(
                &state.plan.stages[stage],
                planned,
            ));
        }
    }
    places.sort();
    places.dedup();
    places
}

/// The wish to try failed tasks again, or to go on where none failed.
pub fn again(state: &RunState) -> Option<Intent> {
    // A run that ended before an automatic retry was due has nobody who would do it.
    let ended = matches!(state.status, RunStatus::Finished(_));
    let failed = (0..state.tasks.len()).filter(|position| match state.tasks[*position].status {
        TaskStatus::Failed => !state.is_settled(*position),
        TaskStatus::Retrying(_) => ended,
        _ => false,
    });
    let tasks: Vec<TaskId> = failed
        .map(|position| state.planned(position).1.id.clone())
        .collect();
    if !tasks.is_empty() {
        return Some(Intent::Retry { tasks });
    }
    matches!(state.status, RunStatus::Finished(_) | RunStatus::Paused).then_some(Intent::Continue)
}

/// What going on with a run begins with: failed steps are tried again.
fn first_wish(state: &RunState, decisions: &Decisions) -> Option<Intent> {
    match state.status {
        RunStatus::Prepared => Some(Intent::Start {
            reason: decisions.reason.clone(),
        }),
        RunStatus::Stopping => None,
        _ => again(state),
    }
}

/// Drives to the end with the face that was asked for, then ends the connections.
async fn follow(
    project: &Project,
    driven: session::Driven,
    receiver: crate::engine::FeedReceiver,
    (decisions, global, resumed): (&Decisions, &Global, bool),
    sites: &Sites,
) -> Result<Code, Failure> {
    let result = if global.json {
        faced(
            JsonFace,
            project,
            &driven,
            (decisions, None, resumed),
            receiver,
        )
        .await
    } else {
        let prompt = may_ask().then(Prompt::person);
        if resumed {
            super::report::print(&format!("run {} goes on\n", driven.state.run))?;
        }
        faced(
            PlainFace,
            project,
            &driven,
            (decisions, prompt, resumed),
            receiver,
        )
        .await
    };
    if result.is_err() {
        // Nobody is told any more and nobody answers: the run is left as it is.
        driven.control.leave();
    }
    let journal = driven.engine.await.ok().and_then(|ended| ended.journal);
    sites.close().await;
    drop(driven.owner);
    match (result, journal) {
        (Err(mut failure), Some(error)) => {
            failure.causes.push(error.to_string());
            Err(failure)
        }
        (result, _) => result,
    }
}

async fn faced<F: Face>(
    face: F,
    project: &Project,
    driven: &session::Driven,
    (decisions, prompt, resumed): (&Decisions, Option<Prompt>, bool),
    receiver: crate::engine::FeedReceiver,
) -> Result<Code, Failure> {
    let state = driven.state.clone();
    let mut driver = Driver::new(
        face,
        state,
        driven.control.clone(),
        driven.logs.clone(),
        decisions.clone(),
    )
    .called_as(project.command.clone())
    .with_prompt(prompt);
    if resumed {
        driver.skip_shown();
    }
    driver.drive(receiver).await
}

/// Whether a person sits at both ends: only then anything is asked. `TERM=dumb` and CI never prompt.
fn may_ask() -> bool {
    let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !ci && !dumb && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}
