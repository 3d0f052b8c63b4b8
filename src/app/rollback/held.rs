//! Asking hosts whether they still hold a release: `[rollback] held`.
//!
//! The command only looks; its exit code is the answer. A host that cannot be asked is no error: its answer says why.

use futures_util::future::join_all;

use crate::app::releases::versions::variables;
use crate::app::session::{self, Project};
use crate::domain::id::HostName;
use crate::domain::plan::{Plan, PlannedHost};
use crate::edge::inquiry;

/// Whether each host of the environment still holds the plan's commit; empty without `[rollback] held`.
pub(super) async fn held(project: &Project, plan: &Plan) -> Vec<(HostName, Result<bool, String>)> {
    let (Some(command), Some(back), Some(commit)) = (
        project.checklist.rollback.held.as_deref(),
        &plan.rollback,
        &plan.commit,
    ) else {
        return Vec::new();
    };
    let Some(env) = project.checklist.environment(&back.env) else {
        return Vec::new();
    };
    let all = plan.hosts.iter().chain(&plan.others);
    let hosts: Vec<PlannedHost> = all.filter(|host| host.env == env.name).cloned().collect();
    let Ok(sites) = project.sites(&hosts, &session::nobody()) else {
        return Vec::new();
    };
    let answers = join_all(env.hosts.iter().map(async |host| {
        let mut variables = variables(env, host);
        variables.insert("GOLIVE_COMMIT".to_owned(), commit.to_string());
        let to = back.to_tag.clone().unwrap_or_default();
        variables.insert("GOLIVE_ROLLBACK_TO".to_owned(), to);
        let place = (env.name.clone(), host.name.clone());
        let said = inquiry::ask(&sites, &place, command, &variables).await;
        let answer = match said {
            Ok(said) => said
                .code
                .map(|code| code == 0)
                .ok_or_else(|| "the command was ended".to_owned()),
            Err(error) => Err(error.why().to_owned()),
        };
        (host.name.clone(), answer)
    }))
    .await;
    sites.close().await;
    answers
}
