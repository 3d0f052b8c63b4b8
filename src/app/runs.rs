//! `golive runs`: past and unfinished runs on this machine, their steps and what they printed.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;

use super::args::{Global, Runs};
use super::plain::seconds;
use super::report::{Code, Failure, print, shown};
use super::session::Project;
use crate::domain::action::Action;
use crate::domain::id::RunId;
use crate::domain::overview::RunSummary;
use crate::domain::run::{Moment, Outcome, RunState, TaskState, TaskStatus};
use crate::domain::text::{age, ellipsis, width};
use crate::edge::journal::{RunError, RunFolder, StoredRun, list};

pub mod logs;

/// Carries out `golive runs …`.
pub fn runs(project: &Project, what: Option<&Runs>, global: &Global) -> Result<Code, Failure> {
    let (json, with_times) = (global.json, global.verbose);
    match what {
        None => list_runs(project, json)?,
        Some(Runs::Show { run }) => show(project, run, json)?,
        Some(Runs::Logs { run, step, host }) => {
            let wanted = logs::Wanted::find(project, run, step.as_deref(), host.as_deref())?;
            wanted.print(with_times)?;
        }
        Some(Runs::Remove { runs }) => remove(project, runs)?,
    }
    Ok(Code::Done)
}

/// A run that cannot be used, with what can be done about it.
pub fn unusable(project: &Project, error: &RunError) -> Failure {
    let command = &project.command;
    match error {
        RunError::Unknown(_) => Failure::from_error(Code::Usage, error)
            .help(format!("{command} runs lists what there is")),
        RunError::Owned { .. } => Failure::from_error(Code::Failed, error)
            .help("go on there, or end it first; nothing was changed"),
        RunError::Journal(_) | RunError::Plan { .. } => Failure::from_error(Code::Failed, error)
            .help("nothing was changed; what ran can be read from the files in its folder")
            .help(format!("{command} runs remove RUN deletes it")),
        _ => Failure::from_error(Code::Failed, error),
    }
}

/// The end of a run that could not be recorded any more, with what can be done about it.
pub fn unrecorded(project: &Project, run: &RunId, why: String, mut failure: Failure) -> Failure {
    failure.causes.push(why);
    if RunFolder::find(&project.paths, run).is_ok() {
        let first =
            "first put right what is in the way: room on the disk, the journal in its place";
        failure.help.insert(0, first.to_owned());
        return failure;
    }
    failure.help = vec![
        format!(
            "if its folder was moved away: put it back, then {} resume {run} goes on",
            project.command
        ),
        "if it is lost: look on the hosts what was done before you deploy again".to_owned(),
    ];
    failure
}

fn list_runs(project: &Project, json: bool) -> Result<(), Failure> {
    let runs = list::summaries(&project.paths).map_err(|error| unusable(project, &error))?;
    if json {
        let value = serde_json::to_value(&runs).unwrap_or_default();
        return print(&format!("{}\n", super::json::line(&value)));
    }
    if runs.is_empty() {
        return print(&format!(
            "no runs of {} on this machine yet: {} deploy begins one\n",
            shown(&project.checklist.project),
            project.command
        ));
    }
    let now = super::session::now();
    let rows: Vec<[String; 6]> = runs.iter().map(|run| row(run, now)).collect();
    print(&table(
        &["run", "commit", "began", "took", "by", "standing"],
        &rows,
    ))
}

fn row(run: &RunSummary, now: Moment) -> [String; 6] {
    let took = run
        .started
        .zip(run.ended)
        .map(|(from, to)| between(from, to));
    let began = run.started.map_or_else(
        || "-".to_owned(),
        |at| match (now - at).to_std() {
            Ok(past) if past >= Duration::from_secs(2) => format!("{} ago", age(past)),
            _ => "just now".to_owned(),
        },
    );
    [
        run.run.to_string(),
        run.commit
            .as_ref()
            .map_or("-", |commit| commit.short())
            .to_owned(),
        began,
        took.map_or_else(|| "-".to_owned(), |took| seconds(Some(took))),
        run.by.clone(),
        run.damaged.clone().unwrap_or_else(|| standing(run)),
    ]
}

/// Where a run stands, and who drives it.
fn standing(run: &RunSummary) -> String {
    let driver = run.driver.as_ref();
    let driver = driver.map_or_else(String::new, |who| format!("; driven by {who}"));
    format!("{}{driver}", run.standing)
}

/// Rows under a heading, columns as wide as their widest cell.
pub fn table<R: AsRef<[String]>>(heading: &[&str], rows: &[R]) -> String {
    let mut widths: Vec<usize> = heading.iter().map(|cell| width(cell)).collect();
    for row in rows {
        for (cell, most) in row.as_ref().iter().zip(&mut widths) {
            *most = width(&shown(cell)).max(*most);
        }
    }
    let line = |cells: Vec<String>| {
        let padded = cells.iter().zip(&widths).map(|(cell, most)| {
            let cell = ellipsis(&shown(cell), *most);
            let pad = " ".repeat(most.saturating_sub(width(&cell)));
            format!("{cell}{pad}")
        });
        let text = padded.collect::<Vec<_>>().join("  ");
        format!("{}\n", text.trim_end())
    };
    let mut out = line(heading.iter().map(|cell| (*cell).to_owned()).collect());
    for row in rows {
        out.push_str(&line(row.as_ref().to_vec()));
    }
    out
}

fn stored(project: &Project, run: &str) -> Result<(RunFolder, StoredRun, RunState), Failure> {
    let folder = RunFolder::find(&project.paths, &RunId::new(run))
        .map_err(|error| unusable(project, &error))?;
    let stored = folder
        .open_for_reading()
        .map_err(|error| unusable(project, &error))?;
    let state = list::fold(folder.run(), &stored);
    Ok((folder, stored, state))
}

/// A task's result in a word.
fn word(task: &TaskState) -> &'static str {
    match task.status {
        TaskStatus::Waiting => "wait",
        TaskStatus::Running => "run",
        TaskStatus::Retrying(_) => "retry",
        TaskStatus::Succeeded => "ok",
        TaskStatus::Failed => "FAIL",
        TaskStatus::Interrupted(_) => "UNKNOWN",
        TaskStatus::Skipped(_) if task.is_left => "UNKNOWN",
        TaskStatus::Skipped(_) => "skip",
    }
}

fn took(task: &TaskState) -> Option<f64> {
    Some(between(task.started?, task.ended?))
}

/// Seconds from one moment to another. A clock that was set back in between makes it none.
fn between(from: Moment, to: Moment) -> f64 {
    (to - from).as_seconds_f64().max(0.0)
}

fn show(project: &Project, run: &str, json: bool) -> Result<(), Failure> {
    let (folder, stored, state) = stored(project, run)?;
    let summary = list::summary(&folder);
    if json {
        let tasks: Vec<_> = state
            .each()
            .map(|(planned, task)| {
                json!({
                    "id": planned.id, "step": planned.step, "site": planned.site.as_str(),
                    "command": planned.action.text(), "status": word(task), "attempt": task.attempt,
                    "started": task.started, "ended": task.ended, "duration_s": took(task),
                    "ending": task.ending, "evidence": task.evidence, "output_size": task.output_size,
                })
            })
            .collect();
        let mut value = serde_json::to_value(&summary).unwrap_or_default();
        if let Some(object) = value.as_object_mut() {
            object.insert("tasks".to_owned(), json!(tasks));
            object.insert("events".to_owned(), json!(stored.records));
            object.insert(
                "tag".to_owned(),
                json!(state.tag.as_ref().and_then(|tag| tag.tag.clone())),
            );
        }
        return print(&format!("{}\n", super::json::line(&value)));
    }
    let commit = summary
        .commit
        .as_ref()
        .map_or("no commit", |commit| commit.short());
    let mut out = format!(
        "run {}: {} {commit} ({}), by {}: {}\n",
        summary.run, summary.project, summary.reference, summary.by, summary.standing
    );
    if let Some(owner) = &stored.owner {
        let _ = writeln!(out, "driven by {owner}");
    }
    let rows: Vec<[String; 5]> = state
        .each()
        .map(|(planned, task)| {
            let proof = task
                .evidence
                .iter()
                .map(|(key, value)| format!("{key} {value}"));
            let note = match (&task.status, &task.ending) {
                (TaskStatus::Skipped(why) | TaskStatus::Interrupted(why), _) => why.clone(),
                (TaskStatus::Failed, Some(ending)) => ending.to_string(),
                _ => proof.collect::<Vec<_>>().join(", "),
            };
            [
                planned.id.to_string(),
                word(task).to_owned(),
                took(task).map_or_else(String::new, |took| seconds(Some(took))),
                task.attempt.to_string(),
                note,
            ]
        })
        .collect();
    out.push_str(&table(
        &["task", "result", "took", "attempt", "note"],
        &rows,
    ));
    if let Some(tag) = state.tag.as_ref().and_then(|tag| tag.tag.as_ref()) {
        let _ = writeln!(out, "tagged {tag}");
    }
    if matches!(
        summary.outcome,
        None | Some(Outcome::Failed | Outcome::Stopped)
    ) {
        let _ = writeln!(
            out,
            "help: {} resume {} goes on with it",
            project.command, summary.run
        );
    }
    print(&shown(&out))
}

fn remove(project: &Project, runs: &[String]) -> Result<(), Failure> {
    for run in runs {
        let folder = RunFolder::find(&project.paths, &RunId::new(run))
            .map_err(|error| unusable(project, &error))?;
        // A damaged run tells nothing, and may always be deleted.
        let stored = folder.open_for_reading().ok();
        let state = stored.map(|stored| list::fold(folder.run(), &stored));
        if let Some(state) = state {
            check_done_with(project, &folder, &state)?;
        }
        folder
            .remove(&project.by)
            .map_err(|error| unusable(project, &error))?;
        print(&format!("removed run {run}\n"))?;
    }
    Ok(())
}

/// Refuses to delete a run that something would be left behind of, which nobody could find any more.
fn check_done_with(project: &Project, folder: &RunFolder, state: &RunState) -> Result<(), Failure> {
    let (run, command) = (folder.run(), &project.command);
    let (what, help) = if let Some(task) = running(state) {
        (
            format!("{task} of run {run} may still be running"),
            format!("{command} resume {run} follows it to its end"),
        )
    } else if let Some(env) = state.locks.keys().next() {
        (
            format!("run {run} keeps the lock of {env}"),
            format!("{command} lock {env} --release gives it back"),
        )
    } else {
        return Ok(());
    };
    let failure = Failure::new(Code::Failed, format!("{what}: nothing was deleted"));
    Err(failure.help(help).help(format!(
        "delete {} to forget it all the same",
        folder.path().display()
    )))
}

/// The first task that was started and whose end is not recorded. A question runs nowhere.
fn running(state: &RunState) -> Option<String> {
    let mut tasks = state.each();
    let running = tasks.find(|(planned, task)| {
        task.status == TaskStatus::Running && !matches!(planned.action, Action::Ask { .. })
    });
    running.map(|(planned, _)| planned.id.to_string())
}
