//! Locks taken by hand: this machine remembers which they are, so that they can be released later.
//!
//! One small file per environment in the project's state folder, written before the lock is taken. It proves nothing to
//! anybody: whose a lock is, is said where it is kept.

use std::path::PathBuf;

use crate::app::report::{Code, Failure};
use crate::app::session::Project;
use crate::domain::id::{EnvName, LockId};
use crate::domain::lock::Holder;
use crate::edge::paths::make_private;

/// Where the id of a lock taken by hand is remembered.
fn record_of(project: &Project, env: &EnvName) -> PathBuf {
    let locks = project.paths.folder().join("locks");
    locks.join(format!("{env}.json"))
}

/// The id of the lock of this environment that was taken by hand on this machine.
pub(super) fn remembered(project: &Project, env: &EnvName) -> Option<LockId> {
    let bytes = std::fs::read(record_of(project, env)).ok()?;
    let holder: Holder = serde_json::from_slice(&bytes).ok()?;
    Some(holder.id)
}

/// Remembers it, on disk before this returns.
pub(super) fn remember(project: &Project, env: &EnvName, holder: &Holder) -> Result<(), Failure> {
    let path = record_of(project, env);
    let written = || -> std::io::Result<()> {
        let text = serde_json::to_vec(holder)?;
        let unfinished = path.with_extension("new");
        std::fs::write(&unfinished, text)?;
        std::fs::File::open(&unfinished)?.sync_all()?;
        std::fs::rename(&unfinished, &path)
    };
    let folder = path.parent().unwrap_or(&path);
    make_private(folder).map_err(|error| Failure::from_error(Code::Failed, &error))?;
    written().map_err(|error| {
        Failure::new(
            Code::Failed,
            format!("could not write {}: {error}", path.display()),
        )
    })
}

/// Forgets it.
pub(super) fn forget(project: &Project, env: &EnvName) {
    // One that was never made needs no removing.
    let _ = std::fs::remove_file(record_of(project, env));
}
