//! In which order the runs of a project were made: the file `runs.order`, one run id a line, only ever added to.
//!
//! Clocks are set back; the order of runs and the newest of them must not depend on one. Ids of removed runs stay in
//! the file, so that no id is ever given twice: hosts remember the attempts of a run by it. Runs of an earlier golive
//! are not in it; they came before all that are.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use crate::domain::id::RunId;
use crate::edge::paths::ProjectPaths;

const FILE: &str = "runs.order";

/// The place of every run that was ever made, from 1.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(BTreeMap<String, usize>);

impl Places {
    /// Reads them. Without the file no run has a place.
    pub(super) fn read(project: &ProjectPaths) -> io::Result<Self> {
        let bytes = match fs::read(path(project)) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other?,
        };
        let text = String::from_utf8_lossy(&bytes);
        // A line that was torn names no run.
        let ids = text.lines().map(str::to_owned);
        Ok(Self(ids.zip(1..).collect()))
    }

    /// Whether a run of this id was ever made.
    pub(super) fn has(&self, run: &RunId) -> bool {
        self.0.contains_key(run.as_str())
    }

    /// Sorts runs, newest first.
    pub(super) fn sort(&self, runs: &mut [RunId]) {
        // An id begins with the time it was made: all there is to tell early runs by.
        runs.sort_by(|a, b| {
            let key = |run: &RunId| self.0.get(run.as_str()).copied();
            (key(b), b).cmp(&(key(a), a))
        });
    }
}

/// Adds a run that is being made, on disk when this returns.
pub(super) fn add(project: &ProjectPaths, run: &RunId) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path(project))?;
    // The line of somebody who died over it must not swallow this one.
    file.write_all(format!("\n{run}\n").as_bytes())?;
    file.sync_all()
}

fn path(project: &ProjectPaths) -> PathBuf {
    project.folder().join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::paths::Folders;

    #[test]
    fn runs_stand_in_the_order_they_were_made_in_whatever_the_clock_said() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::of(|name| (name == "HOME").then(|| home.path().into())).unwrap();
        let project = ProjectPaths::new(&folders, "shop", home.path()).unwrap();
        fs::create_dir_all(project.folder()).unwrap();
        let ids = ["20261120-2012-aa", "20241120-2012-bb", "20251120-2012-cc"].map(RunId::new);
        for id in &ids {
            add(&project, id).unwrap();
        }
        let places = Places::read(&project).unwrap();
        let early = RunId::new("20991120-2012-zz");
        assert!(!places.has(&early));
        let mut runs = [
            ids[0].clone(),
            early.clone(),
            ids[1].clone(),
            ids[2].clone(),
        ];
        places.sort(&mut runs);
        let [first, second, third] = ids;
        assert_eq!(runs, [third, second, first, early]);
    }
}
