//! `golive deploy` and `golive resume` without a screen.

use std::io::IsTerminal;
use std::sync::Arc;

use super::args::{Decisions, Deploy, Global, Resume};
use super::drive::{Driver, Face, Shown};
use super::json::JsonFace;
use super::plain::PlainFace;
use super::prompt::{Prompt, told_to_end};
use super::report::{Code, Failure};
use super::session::{self, Project};
use crate::domain::action::Action;
use crate::domain::checklist::Gate;
use crate::domain::id::{RunId, TaskId};
use crate::domain::plan::Plan;
use crate::domain::run::{Identities, Intent, Outcome, RunState, RunStatus, TaskStatus};
use crate::domain::text::similar;
use crate::edge::journal::{OwnedRun, RunFolder, list};
use crate::edge::ssh::{LinkListener, Sites};
use crate::port::Place;

/// Walks the checklist.
pub async fn deploy(project: &Project, deploy: &Deploy, global: &Global) -> Result<Code, Failure> {
    let plan = project.plan(&deploy.selected, session::now()).await?;
    check_decisions(&plan, &deploy.decisions)?;
    check_commits(&plan, &deploy.decisions)?;
    if !global.json {
        super::report::print(&super::report::shown(&super::table::warnings(&plan)))?;
    }
    let (sender, receiver, listener) = session::feed_with_links();
    let sites = Arc::new(project.sites(&plan.hosts, &listener)?);
    let identities = greet(&sites, session::places(&plan), &listener).await?;
    let owned = project.create(&plan, session::now())?;
    let reason = deploy.decisions.reason.clone();
    let lock = session::lock_id();
    let first = (project.by.as_str(), Some(Intent::Start { reason, lock }));
    let driven = session::drive(owned, Arc::clone(&sites), identities, first, sender);
    follow(
        project,
        driven,
        receiver,
        (&deploy.decisions, global, None),
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
        () = told_to_end() => Err(Failure::new(
            Code::Stopped,
            "stopped while the hosts were connected: nothing was started",
        )),
    };
    if greeted.is_err() {
        sites.close().await;
    }
    greeted
}

/// A decision given in advance that the run will never ask for is a mistake, and told before anything starts.
pub fn check_decisions(plan: &Plan, decisions: &Decisions) -> Result<(), Failure> {
    let gated = plan.stages.iter().filter(|stage| stage.gate != Gate::None);
    let gates: Vec<&str> = unique(gated.filter_map(|stage| stage.env.as_ref()?.as_str().into()));
    for given in &decisions.approve {
        check_named(("--approve", &given.env), "a gate of this run", &gates)?;
    }
    let asks = plan
        .tasks()
        .filter(|task| matches!(task.action, Action::Ask { .. }));
    let questions: Vec<&str> = unique(asks.map(|task| task.step.as_str()));
    for step in &decisions.confirm {
        check_named(("--confirm", step), "a question of this run", &questions)?;
    }
    Ok(())
}

fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn check_named((flag, name): (&str, &str), what: &str, known: &[&str]) -> Result<(), Failure> {
    if known.contains(&name) {
        return Ok(());
    }
    let failure = Failure::new(
        Code::Usage,
        format!("{flag} names `{name}`, which is not {what}"),
    );
    Err(match (similar(name, known.iter().copied()), known) {
        (Some(near), _) => failure.help(format!("did you mean `{near}`?")),
        (None, []) => failure.help(format!("this run needs no {flag}")),
        (None, known) => failure.help(format!("there is: {}", known.join(", "))),
    })
}

/// An approval for another commit than the one that would be released starts nothing.
pub fn check_commits(plan: &Plan, decisions: &Decisions) -> Result<(), Failure> {
    for given in &decisions.approve {
        let Some(commit) = &plan.commit else {
            return Err(Failure::new(
                Code::Decision,
                format!(
                    "{} was approved for {}, but this run releases no commit",
                    given.env, given.commit
                ),
            ));
        };
        if !commit.matches(&given.commit) {
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
    let state = session::folded(&owned);
    if state.status == RunStatus::Finished(Outcome::Succeeded) {
        // The stream of events of a run on which nothing happens is empty.
        if !global.json {
            super::report::print(&format!(
                "run {run} has succeeded already: nothing is left to do\n"
            ))?;
        }
        return Ok(Code::Done);
    }
    check_decisions(&owned.plan, &resume.decisions)?;
    super::changes::tell(project, &owned.plan, global.json).await?;
    let project = &project.for_run(&owned.plan);
    let (sender, receiver, listener) = session::feed_with_links();
    let sites = Arc::new(project.sites(&owned.plan.hosts, &listener)?);
    let identities = greet(&sites, places_left(&state), &listener).await?;
    let first = (project.by.as_str(), first_wish(&state, &resume.decisions));
    let shown = Some(Shown::now(&state, &owned.folder.logs()));
    let driven = session::drive(owned, Arc::clone(&sites), identities, first, sender);
    follow(
        project,
        driven,
        receiver,
        (&resume.decisions, global, shown),
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
    opened.map_err(|error| super::runs::unusable(project, &error))
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
            lock: session::lock_id(),
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
    (decisions, global, shown): (&Decisions, &Global, Option<Shown>),
    sites: &Sites,
) -> Result<Code, Failure> {
    let result = if global.json {
        faced(
            JsonFace,
            project,
            &driven,
            (decisions, None, shown),
            receiver,
        )
        .await
    } else {
        let prompt = may_ask().then(Prompt::person);
        if shown.is_some() {
            super::report::print(&format!("run {} goes on\n", driven.state.run))?;
        }
        faced(
            PlainFace::default(),
            project,
            &driven,
            (decisions, prompt, shown),
            receiver,
        )
        .await
    };
    if result.is_err() {
        // Nobody is told any more and nobody answers: the run is left as it is.
        driven.control.leave();
    }
    let run = driven.state.run.clone();
    let trouble = match driven.engine.await {
        Ok(ended) => ended.journal.map(|error| error.to_string()),
        Err(_) => Some("golive broke down over a fault of its own".to_owned()),
    };
    sites.close().await;
    drop(driven.owner);
    result.map_err(|failure| match trouble {
        Some(why) => super::runs::unrecorded(project, &run, why, failure),
        None => failure,
    })
}

async fn faced<F: Face>(
    face: F,
    project: &Project,
    driven: &session::Driven,
    (decisions, prompt, shown): (&Decisions, Option<Prompt>, Option<Shown>),
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
    .with_prompt(prompt)
    .after(shown.unwrap_or_default());
    driver.drive(receiver).await
}

/// Whether a person sits at both ends: only then anything is asked. `TERM=dumb` and CI never prompt.
fn may_ask() -> bool {
    let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !ci && !dumb && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}
