//! The moments of deploys to the environment whose logs are followed, for the same stream.
//!
//! Looks at the journals of this project on this machine, whoever drives the runs, as long as something happens to them;
//! a journal is read only when it has grown. What was done within the last hour is told at the beginning. It changes nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use chrono::TimeDelta;
use tokio::sync::mpsc;

use super::super::{plain, session};
use crate::domain::feed::TailUpdate;
use crate::domain::id::{EnvName, RunId, TaskId};
use crate::domain::log::Voice;
use crate::domain::plan::{Plan, PlannedStage};
use crate::domain::run::{Event, Moment, Outcome, Record};
use crate::edge::journal::stir::Stir;
use crate::edge::journal::{RunFolder, list};
use crate::edge::paths::ProjectPaths;

/// How often is looked for news while things happen.
const LOOK: Duration = Duration::from_millis(300);
/// So often is looked again after something has happened: what is being made shows a little later.
const AGAIN: u32 = 10;
/// So many of the newest runs are looked at.
const NEWEST: usize = 5;
/// What was done longer ago is not told, in minutes.
const PAST: i64 = 60;

/// Tells what is done to an environment until nobody listens. The stream stays open until what was done before is told.
pub(super) async fn tell(
    paths: ProjectPaths,
    env: EnvName,
    voices: mpsc::WeakSender<TailUpdate>,
    mut open: Option<mpsc::Sender<TailUpdate>>,
) {
    let mut journals = Journals {
        paths,
        env,
        listed: None,
        runs: BTreeMap::new(),
        after: session::now() - TimeDelta::minutes(PAST),
    };
    let (mut stir, mut again) = (Stir::new(), AGAIN);
    loop {
        // Before the look: what happens during it wakes.
        stir.watch(journals.folders().iter().map(PathBuf::as_path));
        let looked = tokio::task::spawn_blocking(move || {
            let news = journals.look();
            (journals, news)
        });
        let Ok((same, news)) = looked.await else {
            return;
        };
        journals = same;
        if !news.is_empty() {
            again = AGAIN;
        }
        for update in news {
            let Some(voices) = voices.upgrade() else {
                return;
            };
            if voices.send(update).await.is_err() {
                return;
            }
        }
        drop(open.take());
        if voices.upgrade().is_none() {
            return;
        }
        if again > 0 {
            again -= 1;
        } else {
            stir.wait().await;
            again = AGAIN;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The journals that are looked at.
struct Journals {
    paths: ProjectPaths,
    env: EnvName,
    /// When the folder of runs was changed as it was listed last.
    listed: Option<SystemTime>,
    /// The newest runs: bytes and records of each that were read.
    runs: BTreeMap<RunId, (RunFolder, u64, usize)>,
    after: Moment,
}

impl Journals {
    /// Where something happens when there is news.
    fn folders(&self) -> Vec<PathBuf> {
        let runs = self.runs.keys().filter_map(|run| self.paths.run(run));
        std::iter::once(self.paths.runs()).chain(runs).collect()
    }

    /// What is new, in order. What cannot be read now is read the next time.
    fn look(&mut self) -> Vec<TailUpdate> {
        self.list();
        let mut news: Vec<(Moment, TailUpdate)> = Vec::new();
        for (folder, bytes, records) in self.runs.values_mut() {
            let length = folder.recorded();
            if length == *bytes {
                continue;
            }
            let Ok(stored) = folder.open_for_reading() else {
                continue;
            };
            *bytes = length;
            for record in stored.records.get(*records..).unwrap_or_default() {
                if record.at < self.after {
                    continue;
                }
                if let Some((voice, text)) = deed(&self.env, folder.run(), &stored.plan, record) {
                    let at = record.at;
                    news.push((at, TailUpdate::Deed { at, voice, text }));
                }
            }
            *records = stored.records.len();
        }
        news.sort_by_key(|(at, _)| *at);
        news.into_iter().map(|(_, update)| update).collect()
    }

    /// Finds the newest runs when there may be others.
    fn list(&mut self) {
        let about = std::fs::metadata(self.paths.runs());
        let changed = about.and_then(|about| about.modified()).ok();
        if changed.is_none() || changed == self.listed {
            return;
        }
        let Ok(folders) = list::folders(&self.paths) else {
            return;
        };
        // A run that is being made has no plan yet, and the folder of runs does not change when it gets one.
        let recent = changed.and_then(|at| at.elapsed().ok());
        self.listed = changed.filter(|_| recent.is_some_and(|ago| ago > 4 * LOOK));
        let before = std::mem::take(&mut self.runs);
        for folder in folders.into_iter().take(NEWEST) {
            let known = before.get(folder.run());
            let (bytes, records) = known.map_or((0, 0), |(_, bytes, records)| (*bytes, *records));
            self.runs
                .insert(folder.run().clone(), (folder, bytes, records));
        }
    }
}

/// What a record says to those who look at the logs of an environment; `None` = nothing.
fn deed(env: &EnvName, run: &RunId, plan: &Plan, record: &Record) -> Option<(Voice, String)> {
    let is_of = |stage: &&PlannedStage| stage.env.as_ref() == Some(env);
    let stage = |name: &str| {
        let mut stages = plan.stages.iter().filter(is_of);
        stages.find(|stage| stage.name.as_str() == name)
    };
    let step = |id: &TaskId| {
        let mut tasks = plan
            .stages
            .iter()
            .filter(is_of)
            .flat_map(|stage| &stage.tasks);
        let task = tasks.find(|task| task.id == *id)?;
        let (step, site) = (&task.step, &task.site);
        Some(match site.host() {
            Some(host) => (format!("step {step}"), format!(" on {host}")),
            None => (format!("step {step}"), String::new()),
        })
    };
    let good = |text: String| Some((Voice::Golive, text));
    let bad = |text: String| Some((Voice::Failed, text));
    match &record.event {
        Event::StageStarted { stage: name } => {
            let stage = stage(name)?;
            let commit = plan
                .commit
                .as_ref()
                .map_or("no commit", |commit| commit.short());
            good(format!("run {run}: stage {} started, {commit}", stage.name))
        }
        Event::StageFinished {
            stage: name,
            duration_s,
        } => {
            let stage = stage(name)?;
            let took = plain::seconds(Some(*duration_s));
            good(format!("run {run}: stage {} ended, {took}", stage.name))
        }
        Event::TaskStarted { task, attempt, .. } => {
            let (step, host) = step(task)?;
            let again = if attempt.0 > 1 { ", again" } else { "" };
            good(format!("{step} started{host}{again}"))
        }
        Event::TaskFinished {
            task, duration_s, ..
        } => {
            let (step, host) = step(task)?;
            let took = plain::seconds(Some(*duration_s));
            good(format!("{step} ended{host}, {took}"))
        }
        Event::TaskFailed { task, ending, .. } => {
            let (step, host) = step(task)?;
            bad(format!("{step} FAILED{host}: {ending}"))
        }
        Event::TaskInterrupted { task, .. } => {
            let (step, host) = step(task)?;
            bad(format!("{step}{host}: nobody knows how it ended"))
        }
        Event::GateApproved { env: of, by, .. } if of == env => {
            good(format!("gate of {env} passed by {by}"))
        }
        Event::TagWritten { tag: Some(tag), .. }
            if plan.stages.iter().any(|stage| is_of(&stage)) =>
        {
            good(format!("tag {tag} written"))
        }
        Event::RunFinished { outcome, .. } if plan.stages.iter().any(|stage| is_of(&stage)) => {
            match outcome {
                Outcome::Succeeded => good(format!("run {run} succeeded")),
                Outcome::Failed => bad(format!("run {run} failed")),
                Outcome::Stopped => bad(format!("run {run} was stopped")),
                Outcome::RolledBack => good(format!("run {run} was taken back")),
            }
        }
        _ => None,
    }
}
