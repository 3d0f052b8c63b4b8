//! Gits that run, each with all it started, such as ssh or gpg, which would stay behind: a whole group is ours.
//!
//! A group is ended when nobody waits for its git any more, whoever gave it up, and when golive itself ends: tasks that are
//! dropped in the last moment of a process may never get to it. Owns the list of groups that run.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// Those that run.
static RUNNING: Mutex<Running> = Mutex::new(Running {
    groups: BTreeSet::new(),
    is_over: false,
});

struct Running {
    groups: BTreeSet<i32>,
    /// Golive ends: whatever begins now is ended at once.
    is_over: bool,
}

fn running() -> MutexGuard<'static, Running> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The group of one git.
pub(super) struct Group(Option<Pid>);

/// The group that a git leads which was just started.
pub(super) fn group_of(child: &Child) -> Group {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    let group = Group(id.and_then(Pid::from_raw));
    let mut running = running();
    running.groups.extend(id);
    if running.is_over {
        group.end();
    }
    group
}

/// Ends every git that runs, and all that begin after this: golive is about to end.
pub fn end_all() {
    let mut running = running();
    running.is_over = true;
    for group in running.groups.iter().copied().filter_map(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

impl Group {
    /// It ended by itself: its number may be another's soon.
    pub(super) fn has_ended(mut self) {
        if let Some(group) = self.0.take() {
            running().groups.remove(&group.as_raw_nonzero().get());
        }
    }

    fn end(&self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            self.end();
            running().groups.remove(&group.as_raw_nonzero().get());
        }
    }
}
