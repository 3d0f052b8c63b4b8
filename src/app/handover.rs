//! Handing a run over: to a background runner when this process leaves it, from one when somebody comes back.
//!
//! Nothing is believed: leaving ends only when the runner owns the run (or the run has ended, or rests), coming back
//! only when the runner has given it up. A run at rest needs no runner: the next process goes on with it.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::advance::Advance;
use super::args::Decisions;
use super::report::{Code, Failure};
use super::runs::unusable;
use super::secrets;
use super::session::{self, Project};
use crate::domain::id::RunId;
use crate::domain::run::RunState;
use crate::domain::run::rest::rests;
use crate::domain::secret::Vault;
use crate::edge::journal::{OwnedRun, RunError, RunFolder, list, owner};

/// The hidden command of the background runner.
pub const COMMAND: &str = "_run";
/// What the runner says, beside the journal.
pub const LOG: &str = "runner.log";

/// How long a runner may take to own the run, or to give it up.
const PATIENCE: Duration = Duration::from_secs(10);
/// An owner that is not the runner has to be seen so often.
const SURE: u32 = 10;
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What became of a run that was left.
#[derive(Debug)]
pub enum Left {
    /// It has ended, or waits for a decision: nobody has to drive it. This is its state.
    Rests(Box<RunState>),
    /// It goes on; the text says under whom.
    GoesOn(String),
}

/// Leaves a run that this process does not drive any more: a background runner goes on with it where something is left
/// to do without the operator. The failure says that nobody does.
pub async fn hand_over(
    project: &Project,
    state: &RunState,
    decisions: &Decisions,
    secrets: &Vault,
) -> Result<Left, Failure> {
    if let Some(left) = standing(state, decisions) {
        return Ok(left);
    }
    let failed = |why: String| not_handed_over(project, &state.run, why);
    let folder =
        RunFolder::find(&project.paths, &state.run).map_err(|error| failed(error.to_string()))?;
    let mut runner = start(project, &folder, decisions, secrets)
        .map_err(|error| failed(format!("it could not be started: {error}")))?;
    let deadline = Instant::now() + PATIENCE;
    let ours = format!("pid {},", runner.id());
    let mut others = 0;
    loop {
        // Whoever it is: the run is driven. Between owning a run and saying so there is a moment.
        if let Ok(Some(owner)) = folder.owner() {
            others += 1;
            if owner.contains(&ours) || others == SURE {
                return Ok(Left::GoesOn(owner));
            }
        } else {
            others = 0;
        }
        let has_ended = matches!(runner.try_wait(), Ok(Some(_)));
        // Whoever asked the runner for the run owns it in a moment.
        let is_wanted = owner::is_wanted(folder.path()) && Instant::now() < deadline;
        if has_ended && !is_wanted {
            let stored = folder.open_for_reading();
            let stored = stored.map_err(|error| failed(error.to_string()))?;
            let state = list::fold(folder.run(), &stored);
            return standing(&state, decisions)
                .or_else(|| stored.owner.map(Left::GoesOn))
                .ok_or_else(|| failed(last_words(&folder)));
        }
        if Instant::now() > deadline {
            // It must not come up later, when somebody was told that it has not.
            let _ = runner.kill();
            let _ = runner.wait();
            return Err(failed(format!(
                "it did not begin within {} s",
                PATIENCE.as_secs()
            )));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether the run needs nobody who drives it. Decisions given in advance are taken into account.
fn standing(state: &RunState, decisions: &Decisions) -> Option<Left> {
    let answered = !Advance::from(decisions.clone()).take(state).is_empty();
    let at_rest = !answered && rests(state, &BTreeSet::new(), session::now());
    at_rest.then(|| Left::Rests(Box::new(state.clone())))
}

fn not_handed_over(project: &Project, run: &RunId, why: String) -> Failure {
    let mut failure = Failure::new(
        Code::Unknown,
        format!("could not hand run {run} to a background runner: nothing new is started"),
    )
    .help(format!("{} resume {run} goes on with it", project.command));
    failure.causes.push(why);
    failure
}

/// Starts the runner: golive itself, without a terminal, what it says in a file of the run's folder.
fn start(
    project: &Project,
    folder: &RunFolder,
    decisions: &Decisions,
    secrets: &Vault,
) -> std::io::Result<Child> {
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(folder.path().join(LOG))?;
    let mut runner = Command::new(program()?)
        .arg("-f")
        .arg(&project.file)
        .arg(COMMAND)
        .arg(folder.run().as_str())
        .args(words(decisions))
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    if let Some(mut pipe) = runner.stdin.take() {
        let values = secrets::to_pipe(secrets);
        // A runner that never reads must not hold up whoever leaves; one that cannot is seen by its end.
        std::thread::spawn(move || {
            let _ = pipe.write_all(&values);
        });
    }
    Ok(runner)
}

/// golive's own program, also when its file was replaced meanwhile.
fn program() -> std::io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let itself = PathBuf::from("/proc/self/exe");
    Ok(if program.exists() || !itself.exists() {
        program
    } else {
        itself
    })
}

/// Decisions as they are given on the command line.
fn words(decisions: &Decisions) -> Vec<String> {
    let approvals = decisions.approve.iter();
    let approvals = approvals.map(|given| format!("--approve={}={}", given.env, given.commit));
    let confirmed = decisions.confirm.iter();
    let confirmed = confirmed.map(|step| format!("--confirm={step}"));
    let reason = decisions.reason.iter();
    let reason = reason.map(|text| format!("--reason={text}"));
    approvals.chain(confirmed).chain(reason).collect()
}

/// The last line the runner has said.
fn last_words(folder: &RunFolder) -> String {
    let text = std::fs::read_to_string(folder.path().join(LOG)).unwrap_or_default();
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    last.map_or_else(
        || "it ended without a word".to_owned(),
        |line| format!("it ended: {}", line.trim_start_matches("error: ")),
    )
}

/// A run somebody wants to drive.
#[derive(Debug)]
pub enum Opened {
    /// It is driven here now. True = a background runner gave it up for that.
    Here(Box<OwnedRun>, bool),
    /// Another console drives it, and keeps it; the text says which.
    Elsewhere(String),
}

/// Takes the right to drive a run; from a background runner, too, which is asked for it.
pub async fn take(project: &Project, run: &RunId) -> Result<Opened, Failure> {
    let folder = RunFolder::find(&project.paths, run).map_err(|error| unusable(project, &error))?;
    let begun = Instant::now();
    let mut asked = false;
    // Between owning and saying so there is a moment: an owner counts as a console when it was seen twice.
    let mut seen: Option<String> = None;
    let opened = loop {
        let who = match folder.open_for_writing(&project.by) {
            Ok(owned) => break Ok(Opened::Here(Box::new(owned), asked)),
            Err(RunError::Owned { owner, .. }) => owner,
            Err(error) => break Err(unusable(project, &error)),
        };
        if !owner::is_runner(&who) {
            if seen.as_ref() == Some(&who) {
                break Ok(Opened::Elsewhere(who));
            }
            seen = Some(who);
        } else if begun.elapsed() > PATIENCE {
            break Err(silent(project, run, &who));
        } else if !asked || !owner::is_wanted(folder.path()) {
            asked = true;
            let wanted = owner::want(folder.path(), &project.by);
            if let Err(error) = wanted {
                break Err(Failure::new(
                    Code::Failed,
                    format!("could not ask the {who} for run {run}: {error}"),
                ));
            }
        }
        tokio::time::sleep(LOOK).await;
    };
    if asked {
        owner::unwant(folder.path());
    }
    opened
}

/// A run that was taken and cannot be gone on with here is given back to a background runner, when it came from one.
/// Returns what went wrong, with what became of the run. The right to drive it must have been given back.
pub async fn give_back(
    project: &Project,
    state: &RunState,
    from_runner: bool,
    failure: Failure,
) -> Failure {
    if !from_runner {
        return failure;
    }
    match hand_over(project, state, &Decisions::default(), &Vault::default()).await {
        Ok(Left::GoesOn(_)) => failure.help("the run goes on in the background, as before"),
        Ok(Left::Rests(_)) => failure,
        Err(lost) => failure.help(lost.to_string()),
    }
}

fn silent(project: &Project, run: &RunId, who: &str) -> Failure {
    let pid = who
        .split("pid ")
        .nth(1)
        .and_then(|rest| rest.split(',').next());
    let pid = pid.unwrap_or("PID");
    Failure::new(
        Code::Failed,
        format!(
            "the {who} does not give run {run} up within {} s",
            PATIENCE.as_secs()
        ),
    )
    .help(format!(
        "kill {pid} ends it, what runs on hosts goes on there; then {} resume {run}",
        project.command
    ))
}
