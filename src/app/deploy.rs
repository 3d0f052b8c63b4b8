//! `golive deploy` and `golive resume` without a screen.

use std::io::IsTerminal;
use std::sync::Arc;

use super::args::{Decisions, Deploy, Global, Resume};
use super::choices;
use super::drive::{Driver, Face, Past};
use super::handover::{self, Left, Opened};
use super::json::JsonFace;
use super::lock;
use super::plain::PlainFace;
use super::prompt::{Prompt, told_to_end};
use super::reach::{self, Asking};
use super::report::{Code, Failure};
use super::secrets;
use super::session::{self, Project};
use super::verdict::verdict;
use super::watch::Watched;
use crate::domain::action::Action;
use crate::domain::checklist::Gate;
use crate::domain::feed::Update;
use crate::domain::id::{RunId, TaskId};
use crate::domain::plan::Plan;
use crate::domain::run::apply::apply;
use crate::domain::run::{Identities, Intent, Outcome, RunState, RunStatus, TaskStatus};
use crate::domain::secret::Vault;
use crate::domain::text::similar;
use crate::edge::journal::owner::is_runner;
use crate::edge::journal::{RunError, RunFolder, list};
use crate::edge::ssh::{LinkListener, Sites, sweep};

/// Walks the checklist.
pub async fn deploy(project: &Project, deploy: &Deploy, global: &Global) -> Result<Code, Failure> {
    let plan = project.plan(&deploy.selected, session::now()).await?;
    check_decisions(&plan, &deploy.decisions)?;
    check_commits(&plan, &deploy.decisions)?;
    if !global.json {
        super::report::print(&super::report::shown(&super::table::warnings(&plan)))?;
    }
    let prompt = (!global.json && may_ask()).then(Prompt::person);
    let given = (&deploy.decisions, deploy.detach, global);
    start(project, &plan, given, prompt).await
}

/// Starts a run of this plan and drives it to its end, or leaves it to a background runner.
pub async fn start(
    project: &Project,
    plan: &Plan,
    (decisions, detached, global): (&Decisions, bool, &Global),
    mut prompt: Option<Prompt>,
) -> Result<Code, Failure> {
    let wanted = secrets::of_plan(plan);
    let secrets = secrets::resolve(project, plan, wanted, prompt.as_mut()).await?;
    let (sender, receiver, listener) = session::feed_with_links();
    let sites = Arc::new(project.sites(&plan.hosts, &listener)?);
    let identities = greet(project, plan, &sites, &listener).await?;
    if let Err(busy) = lock::check_free(project, plan, &sites).await {
        sites.close().await;
        return Err(busy);
    }
    let owned = project.create(plan, session::now())?;
    let reason = decisions.reason.clone();
    let lock = session::lock_id();
    let keep = decisions
        .keep_lock
        .then_some(Intent::KeepLock { keep: true });
    let wishes = std::iter::once(Intent::Start { reason, lock }).chain(keep);
    let first = (project.by.as_str(), wishes);
    let driven = session::drive(
        owned,
        Arc::clone(&sites),
        identities,
        first,
        secrets,
        sender,
    );
    let given = (decisions, global);
    if detached {
        return detach(project, driven, receiver, given, &sites).await;
    }
    let given = (given.0, given.1, None, prompt);
    follow(project, driven, receiver, given, &sites).await
}

/// Asks all places who they are. When one does not tell, or the operator gives up, the connections are ended.
async fn greet(
    project: &Project,
    plan: &Plan,
    sites: &Sites,
    listener: &LinkListener,
) -> Result<Identities, Failure> {
    let greeted = tokio::select! {
        greeted = reach::greet(project, plan, sites, listener) => greeted,
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
    let (owned, from_runner) = match handover::take(project, &run).await? {
        Opened::Here(owned, from_runner) => (*owned, from_runner),
        Opened::Elsewhere(owner) => return watch(project, &run, &owner, resume, global).await,
    };
    let state = session::folded(&owned);
    if state.has_succeeded() {
        // The stream of events of a run on which nothing happens is empty.
        if !global.json {
            super::report::print(&format!(
                "run {run} has succeeded already: nothing is left to do\n"
            ))?;
        }
        drop(owned);
        // Whoever recorded its end may have been killed before it ended its connections.
        sweep(&project.folders.runtime).await;
        return Ok(Code::Done);
    }
    super::changes::tell(project, &owned.plan, global.json).await?;
    let project = &project.for_run(&owned.plan);
    let (sender, receiver, listener) = session::feed_with_links();
    let mut prompt = (!global.json && may_ask()).then(Prompt::person);
    let asked = (&listener, prompt.as_mut());
    let (wishes, secrets, sites, identities) = match ready(project, &state, resume, asked).await {
        Ok(ready) => ready,
        Err(failure) => {
            drop(owned);
            return Err(handover::give_back(project, &state, from_runner, failure).await);
        }
    };
    for stranger in super::changes::strangers(&state, &identities) {
        super::report::note(&stranger);
    }
    let first = (project.by.as_str(), wishes);
    let past = Past::of(&state, owned.records.clone(), &owned.folder.logs());
    let driven = session::drive(
        owned,
        Arc::clone(&sites),
        identities,
        first,
        secrets,
        sender,
    );
    let given = (&resume.decisions, global);
    if resume.detach {
        return detach(project, driven, receiver, given, &sites).await;
    }
    let given = (given.0, given.1, Some(past), prompt);
    follow(project, driven, receiver, given, &sites).await
}

/// What going on with a run needs: what is wished of it, its places, and who they are.
async fn ready(
    project: &Project,
    state: &RunState,
    resume: &Resume,
    (listener, mut prompt): (&LinkListener, Option<&mut Prompt>),
) -> Result<(Vec<Intent>, Vault, Arc<Sites>, Identities), Failure> {
    check_decisions(&state.plan, &resume.decisions)?;
    super::changes::not_overtaken(project, state).await?;
    let again = first_wish(state, &resume.decisions);
    let wishes = choices::wishes(state, &resume.decisions, again, session::now())?;
    let wanted = secrets::of_run(&choices::after(state, &wishes, session::now()));
    let asked = prompt.as_deref_mut();
    let secrets = secrets::resolve(project, &state.plan, wanted.clone(), asked).await?;
    if let Some(readable) = secrets::left_readable(&state.plan, &wanted, &secrets) {
        super::report::note(&readable);
    }
    let sites = Arc::new(project.sites(&state.plan.hosts, listener)?);
    let asking = Asking {
        state,
        left_out: &resume.decisions.choices.leave_out,
        command: &project.command,
        sites: &sites,
        listener,
    };
    let answered = asking.until_answered(wishes, prompt).await;
    if answered.is_err() {
        sites.close().await;
    }
    let (wishes, identities) = answered?;
    Ok((wishes, secrets, sites, identities))
}

/// Shows a run that another console drives, and ends as it ends.
async fn watch(
    project: &Project,
    run: &RunId,
    owner: &str,
    resume: &Resume,
    global: &Global,
) -> Result<Code, Failure> {
    let decisions = &resume.decisions;
    let decided = !decisions.approve.is_empty() || !decisions.confirm.is_empty();
    if resume.detach || decided || decisions.keep_lock || !decisions.choices.is_empty() {
        let what = format!("run {run} is driven by {owner}: decisions are made there");
        return Err(Failure::new(Code::Failed, what).help(format!(
            "{} resume {run} without them shows it, nothing was changed",
            project.command
        )));
    }
    let unusable = |error: RunError| super::runs::unusable(project, &error);
    let folder = RunFolder::find(&project.paths, run).map_err(unusable)?;
    let Watched {
        state,
        owner: now,
        logs,
        feed,
        watcher,
    } = super::watch::watch(&folder).map_err(unusable)?;
    // Nobody listens to wishes: there are none.
    let (control, _) = crate::engine::control();
    let records = folder.open_for_reading().map_err(unusable)?.records;
    let past = Past::of(&state, records, &logs);
    let decisions = Decisions::default();
    let command = project.command.clone();
    let watching = format!("watching run {run}, driven by {owner}");
    if global.json {
        let driver = Driver::new(JsonFace, state, control, logs, decisions);
        let mut driver = driver.called_as(command);
        driver.begin_after(past, session::now(), &watching);
        return driver.watch(feed, watcher, now).await;
    }
    let driver = Driver::new(PlainFace::default(), state, control, logs, decisions);
    let mut driver = driver.called_as(command);
    driver.begin_after(past, session::now(), &watching);
    driver.watch(feed, watcher, now).await
}

/// Leaves a run right after its start: it goes on under a background runner.
async fn detach(
    project: &Project,
    driven: session::Driven,
    mut receiver: crate::engine::FeedReceiver,
    (decisions, global): (&Decisions, &Global),
    sites: &Sites,
) -> Result<Code, Failure> {
    driven.control.leave();
    let ended = driven.engine.await;
    drop(driven.owner);
    sites.close().await;
    let ended = ended
        .map_err(|_| Failure::new(Code::Unknown, "golive broke down over a fault of its own"))?;
    if let Some(error) = ended.journal {
        return Err(Failure::from_error(Code::Failed, &error));
    }
    let (mut state, mut plain) = (driven.state, PlainFace::default());
    for update in receiver.sent() {
        if let Update::Event(record) = update {
            apply(&mut state, &record);
            let lines = if global.json {
                JsonFace.record(&record, &state)
            } else {
                plain.record(&record, &state)
            };
            super::report::print(&(lines.join("\n") + "\n"))?;
        }
    }
    match handover::hand_over(project, &ended.state, decisions, &driven.secrets).await? {
        Left::Rests(state) => verdict(&project.command, &state),
        Left::GoesOn(who) => {
            if !global.json {
                super::report::print(&super::report::shown(&goes_on(project, &state.run, &who)))?;
            }
            Ok(Code::Done)
        }
    }
}

/// Where a run goes on, and how to come back to it.
pub fn goes_on(project: &Project, run: &RunId, who: &str) -> String {
    if !is_runner(who) {
        return format!("run {run} is driven by {who} now\n");
    }
    format!(
        "run {run} goes on by itself until it needs a decision ({who})\n{} resume {run} comes back to it\n",
        project.command
    )
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
    (decisions, global, past, prompt): (&Decisions, &Global, Option<Past>, Option<Prompt>),
    sites: &Sites,
) -> Result<Code, Failure> {
    let (result, abandoned) = if global.json {
        let given = (decisions, None, past);
        faced(JsonFace, project, &driven, given, receiver).await
    } else {
        let given = (decisions, prompt, past);
        faced(PlainFace::default(), project, &driven, given, receiver).await
    };
    if result.is_err() {
        // Nobody is told any more and nobody answers: the run is left as it is.
        driven.control.leave();
    }
    let run = driven.state.run.clone();
    let ended = driven.engine.await;
    drop(driven.owner);
    let mut result = result;
    if let (Some(decisions), Ok(ended)) = (abandoned, &ended) {
        // The terminal went away, and the run does not depend on it.
        match handover::hand_over(project, &ended.state, &decisions, &driven.secrets).await {
            Ok(Left::Rests(_)) => {}
            Ok(Left::GoesOn(who)) => {
                let text = goes_on(project, &driven.state.run, &who);
                result = Err(Failure::new(Code::Unknown, text.trim_end()));
            }
            Err(failure) => result = Err(failure),
        }
    }
    let trouble = match ended {
        Ok(ended) => ended.journal.map(|error| error.to_string()),
        Err(_) => Some("golive broke down over a fault of its own".to_owned()),
    };
    sites.close().await;
    result.map_err(|failure| match trouble {
        Some(why) => super::runs::unrecorded(project, &run, why, failure),
        None => failure,
    })
}

/// Drives with a face. The decisions come back when the terminal went away and the run is to go on without it.
async fn faced<F: Face>(
    face: F,
    project: &Project,
    driven: &session::Driven,
    (decisions, prompt, past): (&Decisions, Option<Prompt>, Option<Past>),
    receiver: crate::engine::FeedReceiver,
) -> (Result<Code, Failure>, Option<Decisions>) {
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
    if let Some(past) = past {
        let goes_on = format!("run {} goes on", driven.state.run);
        driver.begin_after(past, session::now(), &goes_on);
    }
    let result = driver.drive(receiver).await;
    (result, driver.abandoned())
}

/// Whether a person sits at both ends: only then anything is asked. `TERM=dumb` and CI never prompt.
pub fn may_ask() -> bool {
    let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !ci && !dumb && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}
